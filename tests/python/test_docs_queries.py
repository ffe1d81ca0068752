"""Every query of docs/queries.md runs on the sample data and gives what it promises."""

import re

import duckdb
import pytest

from conftest import ROOT, SAMPLES

DOCUMENT = (ROOT / "docs/queries.md").read_text(encoding="utf-8")
# Heading to query: each query block has a heading of its own.
BLOCKS = {
    section.split("\n", 1)[0]: section.split("```sql\n")[1].split("```")[0]
    for section in re.split(r"^### ", DOCUMENT, flags=re.M)[1:]
}


@pytest.fixture(scope="module")
def ask(partiquet, tmp_path_factory):
    out = tmp_path_factory.mktemp("queries") / "calls"
    partiquet.convert(SAMPLES, out=out)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 2")

    def ask(title):
        sql = BLOCKS[title].replace("'calls/", f"'{out}/")
        assert str(out) in sql
        return connection.sql(sql).to_arrow_table().to_pylist()

    return ask


def test_every_block_is_found():
    assert len(BLOCKS) == DOCUMENT.count("```sql") >= 15


@pytest.mark.parametrize("title", BLOCKS)
def test_it_gives_rows(ask, title):
    assert ask(title)


def test_days_and_purposes(ask):
    rows = ask("How many rows of which kind on which day")
    assert sum(r["participants"] for r in rows) == 458
    assert {"agent", "customer", "acd", "ivr", "external", "sales/eu", ""} <= {r["purpose"] for r in rows}
    assert {str(r["start_time_day"]) for r in rows} >= {"2025-07-01", "2025-07-05", "None"}


def test_one_call(ask):
    rows = ask("One call from beginning to end")
    assert len(rows) >= 4 and {"acd", "agent"} <= {r["purpose"] for r in rows}


def test_one_day(ask):
    (row,) = ask("Only one day, without opening the other folders")
    assert row["participants"] > 50
    assert str(row["first_start"].date()) == str(row["last_start"].date()) == "2025-07-02"


def test_last_state(ask):
    rows = ask("The last state of each participant")
    keys = [(r["conversation_id"], r["id"]) for r in rows]
    assert len(keys) == len(set(keys)) < 458


def test_handle_time(ask):
    rows = ask("Handle time by queue and day")
    assert len({r["queue_name"] for r in rows}) == 6
    for r in rows:
        assert 0 < r["average_talk_seconds"] <= r["average_handle_seconds"] < 3600


def test_service_level(ask):
    rows = ask("Service level: answered within 20 seconds")
    assert all(r["offered"] >= r["answered"] >= r["answered_in_time"] >= 0 for r in rows)
    assert all(0 <= r["service_level_percent"] <= 100 for r in rows)
    assert 0 < sum(r["answered_in_time"] for r in rows) < sum(r["offered"] for r in rows)


def test_abandoned(ask):
    rows = ask("Abandoned calls by queue")
    assert 5 <= sum(r["abandoned"] for r in rows) < sum(r["calls"] for r in rows) / 2
    assert all(r["abandoned"] >= r["abandoned_while_ringing"] for r in rows)


def test_transfers(ask):
    rows = ask("Transfers by queue and kind")
    assert {r["disconnect_type"] for r in rows} <= {"transfer", "transfer.consult", "transfer.conference", "transfer.forward"}
    assert sum(r["transfers"] for r in rows) >= 5


def test_wrapups(ask):
    rows = ask("Wrap-up codes by queue")
    assert "Rückruf vereinbart" in {r["wrapup_name"] for r in rows}
    by_queue = {}
    for r in rows:
        by_queue[r["queue_name"]] = by_queue.get(r["queue_name"], 0) + r["percent_of_queue"]
    assert all(99 < percent < 101 for percent in by_queue.values())


def test_rings(ask):
    rows = ask("Rings that an agent did not answer")
    assert "Elif Yıldız" in {r["agent"] for r in rows}
    assert 0 < sum(r["not_answered"] for r in rows) < sum(r["rings"] for r in rows)


def test_attributes(ask):
    assert {r["language"] for r in ask("Frequent keys are columns")} >= {"en-US", "de-DE", "tr-TR"}
    assert [r["answer"] in ("yes", "no", "maybe") for r in ask("Every other key is in the map")] == [True]
    assert {r["participants"] for r in ask("Which keys are in the map, and how often")} == {1}


def test_extra(ask):
    places = {r["place"]: r["values"] for r in ask("What is kept in `extra`, by place")}
    assert places["/sentimentScore"] == 1
    assert places["/conversationRoutingData/scoredAgents/*/weight"] == 1
    starts = ask("Rows whose start could not be read")
    assert '"yesterday"' in {r["start_as_sent"] for r in starts} and None in {r["start_as_sent"] for r in starts}
