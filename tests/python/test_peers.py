"""The comparison of `partiquet bench` with other engines: all of them run, and their output equals ours."""

import json
import sys

import pytest


def bench(partiquet, folder, *args):
    words = ["--size", "400kB", "--rounds", "1", "--threads", "2", "--peers-python", sys.executable, "--work", folder]
    ended = partiquet.run("bench", *words, "--json", folder / "results.json", *args)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads((folder / "results.json").read_text())["rows"]
    found = {}
    for row in rows:
        contender = row["contender"]
        if isinstance(contender, dict) and "Peer" in contender:
            found[contender["Peer"]["peer"]] = row["outcome"]
    return found, ended.stdout


@pytest.mark.parametrize(
    ("shape", "options"),
    [("conversations", []), ("participants", ["--compression", "snappy", "--input-compression", "gz", "--partition-by", "none"])],
)
def test_every_peer_runs_and_agrees(partiquet, tmp_path, shape, options):
    peers = ["duckdb", "clickhouse", "polars", "pyarrow"]
    found, _ = bench(partiquet, tmp_path, "--peers", ",".join(peers), "--shape", shape, *options)
    for peer in peers:
        measured = found[peer]["measured"]
        assert list(measured["agreement"]) == ["agrees"], (peer, measured["agreement"])
        assert measured["agreement"]["agrees"] > 300
        assert measured["times_ours"] > 0


def test_spark_runs_and_agrees(partiquet, tmp_path):
    found, _ = bench(partiquet, tmp_path, "--peers", "spark")
    measured = found["spark"]["measured"]
    assert list(measured["agreement"]) == ["agrees"], measured["agreement"]
    # This is the memory of Java, not of the Python process that started it.
    assert measured["runs"][0]["peak_bytes"] > 250_000_000


def test_a_peer_that_fails_gets_no_figures(partiquet, tmp_path):
    # A priority that is not a number: partiquet keeps it in `extra`, DuckDB ends with an error.
    found, table = bench(partiquet, tmp_path, "--peers", "duckdb", "--profile", "drifting")
    assert "failed: " in found["duckdb"]["cannot"]
    assert found["duckdb"]["cannot"] in table
