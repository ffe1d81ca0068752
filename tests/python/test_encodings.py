"""Every encoding and every shape of levels, over several pages: five engines must read the same."""

import json
import random

import pyarrow.parquet as pq
import pytest

import readers

# More than two pages of 32,768 rows.
ROWS = 70_000
PARTITIONS = ("start_time_day",)
ALL = ["DuckDB", "Spark", "pyarrow", "Polars", "ClickHouse"]
MEMBERS = {
    "id": "unique texts",
    "peer": "texts of many lengths, also empty and with characters of several bytes",
    "ani": "more different texts than a dictionary takes",
    "provider": "one text",
    "dnis": "texts at the end only",
    "address": "runs of nulls",
}


def participant(n, rng):
    """Values depend on the row number, so that each column has a different pattern of nulls."""
    # Early instants, so that all of them can be added up.
    made = {"id": f"{rng.getrandbits(128):032x}", "provider": "Edge", "startTime": f"1970-01-02T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z"}
    made["peer"] = "äx€😀"[: n % 5] * (n % 7)
    made["ani"] = f"tel:+4989{rng.randrange(40_000):08}"
    if n >= ROWS - 10:
        made["dnis"] = "tel:+49"
    if n // 500 % 2:
        made["address"] = f"sip:{n % 300}@example.org"
    if n % 2:
        made["held"] = n % 3 == 0
    if rng.random() < 0.02:
        made["muted"] = True
    if n < ROWS // 2:
        made["wrapupTimeoutMs"] = (-1) ** n * n * 2**40
        made["queueMediaSettings"] = {"autoAnswerAlertToneSeconds": n % 8 / 4, "manualAnswerAlertToneSeconds": rng.random()}
    made["wrapup"] = {"durationSeconds": [2**63 - 1, -(2**63), 0, n][n % 4], "tags": ["a" * (n % 3), None, f"tag {n % 11}"][: n % 4]}
    made["mediaRoles"] = [[], None, ["full"], ["full", None], [None]][n % 5]
    if n % 97 == 0:
        made["conversationRoutingData"] = {
            "skills": [{"id": f"{n}", "name": None}, None, {}, {"id": "", "name": f"skill {n % 5}", "selfUri": "/x"}][: n // 97 % 5],
            "scoredAgents": [{"agent": {"id": f"agent {i}"}, "score": i * n} for i in range(n // 97 % 4)],
        }
    made["attributes"] = {f"key {(n + i) % 50}": [None, "", f"value {n % 13}", f"{rng.random()}"][(n + i) % 4] for i in range(n % 6)}
    if n % 9 == 0:
        made["attributes"] = {}
    if n == 1000:
        made["uuiData"] = "long " * 600_000
    return made


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    path = tmp_path_factory.mktemp("encodings") / "calls.ndjson"
    rng = random.Random(7)
    with path.open("w") as out:
        out.writelines(json.dumps(participant(n, rng), ensure_ascii=False) + "\n" for n in range(ROWS))
    return path


@pytest.fixture(scope="module", params=["zstd(1)", "snappy", "lz4", "none"])
def dataset(request, partiquet, calls, tmp_path_factory):
    out = tmp_path_factory.mktemp("dataset") / "calls"
    options = {"partition_by": "day(start_time)", "attribute_columns": "none", "compression": request.param}
    partiquet.convert(calls, out=out, memory="2GiB", **options)
    return out


@pytest.fixture(scope="module")
def expected(dataset):
    """What pyarrow reads, added up in Python."""
    table = readers.PyArrow().rows(dataset, PARTITIONS)
    assert table.num_rows == ROWS
    return {field.name: readers.kind(field.type) for field in table.schema}, readers.PyArrow().measures(dataset, PARTITIONS, {
        field.name: readers.kind(field.type) for field in table.schema if field.name != "wrapup_duration_seconds"
    })


def test_the_file_has_each_encoding(dataset):
    (path,) = dataset.rglob("*.parquet")
    group = pq.ParquetFile(path).metadata.row_group(0)
    encodings = {group.column(i).path_in_schema: set(group.column(i).encodings) for i in range(group.num_columns)}
    assert "RLE_DICTIONARY" in encodings["provider"]
    assert "DELTA_LENGTH_BYTE_ARRAY" in encodings["id"]
    assert "RLE_DICTIONARY" not in encodings["ani"]
    assert "DELTA_BINARY_PACKED" in encodings["wrapup_duration_seconds"]
    assert "RLE_DICTIONARY" in encodings["queue_media_settings_auto_answer_alert_tone_seconds"]
    assert "RLE_DICTIONARY" not in encodings["queue_media_settings_manual_answer_alert_tone_seconds"]
    assert "RLE_DICTIONARY" in encodings["attributes.key_value.key"]


def test_values_come_back(dataset, calls):
    table = readers.PyArrow().rows(dataset, PARTITIONS)
    told = [json.loads(line) for line in calls.open()]
    for member in MEMBERS:
        assert table[member].to_pylist() == [one.get(member) for one in told], member
    assert table["held"].to_pylist() == [one.get("held") for one in told]
    assert table["media_roles"].to_pylist() == [one["mediaRoles"] for one in told]
    assert table["wrapup_tags"].to_pylist() == [one["wrapup"]["tags"] for one in told]
    assert table["wrapup_duration_seconds"].to_pylist() == [one["wrapup"]["durationSeconds"] for one in told]
    assert table["wrapup_timeout_ms"].to_pylist() == [one.get("wrapupTimeoutMs") for one in told]
    assert table["attributes"].to_pylist() == [list(one["attributes"].items()) for one in told]
    agents = [[a["score"] for a in v or ()] for v in table["conversation_routing_data_scored_agents"].to_pylist()]
    assert agents == [[a["score"] for a in one.get("conversationRoutingData", {}).get("scoredAgents", ())] for one in told]


@pytest.mark.parametrize("name", [name for name in ALL if name != "pyarrow"])
def test_every_sum_is_alike(request, dataset, expected, name):
    kinds, sums = expected
    # The sum of this column exceeds 64 bits, and engines handle that differently.
    kinds = {column: kind for column, kind in kinds.items() if column != "wrapup_duration_seconds"}
    engine = readers.Spark(request.getfixturevalue("spark")) if name == "Spark" else getattr(readers, {"DuckDB": "DuckDb"}.get(name, name))()
    found = engine.measures(dataset, PARTITIONS, kinds)
    if name == "ClickHouse":
        # ClickHouse has no null lists or maps.
        sums = {**sums, **{(c, "count"): ROWS for c, kind in kinds.items() if kind in ("list", "map")}}
    assert {k: (sums[k], found[k]) for k in sums if sums[k] != found[k]} == {}


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("pyarrow", "Polars")])
def test_a_condition_finds_its_rows_in_any_page(request, dataset, name):
    """Filters go through statistics, the page index and the dictionaries."""
    engine = readers.Spark(request.getfixturevalue("spark")) if name == "Spark" else getattr(readers, {"DuckDB": "DuckDb"}.get(name, name))()
    count = lambda condition: engine.query(f"SELECT count(*) AS n FROM {engine.source(dataset, PARTITIONS)} WHERE {condition}").to_pylist()[0]["n"]
    assert count("dnis = 'tel:+49'") == 10
    assert count("dnis IS NULL") == ROWS - 10
    assert count("address = 'sip:299@example.org'") == sum(1 for n in range(ROWS) if n // 500 % 2 and n % 300 == 299)
    assert count("wrapup_duration_seconds = 9223372036854775807") == ROWS // 4
    assert count("provider <> 'Edge'") == 0
    assert count("id IS NULL") == 0
    if name != "ClickHouse":
        assert count("media_roles IS NULL") == ROWS // 5
        assert count("conversation_routing_data_skills IS NOT NULL") == len(range(0, ROWS, 97))
