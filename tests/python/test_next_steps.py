"""The queries that a run prints for DuckDB and Spark work unchanged, whatever the folder is called."""

import os
import re
import subprocess
import sys

import pytest

PURPOSES = ["agent", "007", None]
RECORDS = "\n".join(
    f'{{"id":"p{n}","startTime":"2025-07-0{n + 1}T10:00:00Z","purpose":{"null" if p is None else f"{chr(34)}{p}{chr(34)}"},'
    f'"held":{"true" if n else "false"},"callbackNumberCount":{n}}}'
    for n, p in enumerate(PURPOSES)
)
NAMES = ["plain", "it's", 'a "b"', "a*b?", "[1]", "{x,y}", "back\\slash", "line\nbreak", "a:b", "100%", "ü 😀", "#1", "$x", "-dash",
         "~", "~x", "purpose=x", "a=1/PURPOSE=x/calls"]


def printed(partiquet, folder, name, *options):
    """Returns the lines printed for each reader, by its name."""
    source = folder / "records.ndjson"
    source.write_text(RECORDS)
    words = [partiquet.path, "convert", "records.ndjson", f"--out={name}", *options]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=120)
    assert done.returncode == 0, done.stderr
    text = re.sub(r"^Spark cannot .*\n", "", done.stdout, flags=re.M)
    parts = re.split(r"^Query it in (DuckDB|Spark)[^\n]*:\n\n", text, flags=re.M)
    lines = dict(zip(parts[1::2], parts[2::2]))
    return {reader: "\n".join(line[4:] for line in text.rstrip().split("\n")) for reader, text in lines.items()}


def by_duckdb(lines, folder):
    """Returns DuckDB's result, started by a shell in the folder that the lines name."""
    if lines.startswith("cd "):
        enter, statement = lines.split("\n", 1)
    else:
        enter, statement = ":", lines
    code = "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall())"
    words = ["bash", "-c", f'{enter} && exec "$@"', "bash", sys.executable, "-c", code, statement]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=60)
    assert done.returncode == 0, f"{lines}\n{done.stderr}"
    return done.stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_duckdb_reads_a_folder_of_any_name(partiquet, tmp_path, name):
    # Neighbours that an unescaped pattern would match too.
    (tmp_path / "aXbY").mkdir()
    lines = printed(partiquet, tmp_path, name, "--partition-by", "purpose")["DuckDB"]
    assert by_duckdb(lines, tmp_path) == "[('007', 1), ('agent', 1), (None, 1)]"


def test_duckdb_reads_a_folder_whose_name_is_not_utf_8(partiquet, tmp_path):
    name = os.fsdecode(b"odd\xff'name")
    lines = printed(partiquet, tmp_path, name, "--partition-by", "purpose")["DuckDB"]
    assert by_duckdb(lines, tmp_path) == "[('007', 1), ('agent', 1), (None, 1)]"


def spark_frame(spark, lines, folder):
    """Runs the lines in a session of their own with type inference on, as it is by default."""
    session = spark.newSession()
    session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "true")
    # The JVM does not follow a change of the working folder, so the path is made absolute.
    escaped = re.sub(r"([*?\[\]{}\\])", r"\\\1", str(folder))
    names = {"spark": session, "here": escaped}
    exec(re.sub(r"spark\.read\.parquet\((.*)\)\n", r"spark.read.parquet(here + '/' + \1)\n", lines), names)
    return names["calls"]


@pytest.mark.parametrize("name", ["a*b?", "[1]{x,y}", "it's \"back\\slash\"", "line\nbreak"])
def test_spark_reads_a_folder_of_any_name(partiquet, spark, tmp_path, name):
    lines = printed(partiquet, tmp_path, name, "--partition-by", "purpose")["Spark"]
    frame = spark_frame(spark, lines, tmp_path)
    assert {row["purpose"] for row in frame.collect()} == set(PURPOSES)


@pytest.mark.parametrize(
    ("by", "types"),
    [
        ("held", {"held": "boolean"}),
        ("day(start_time)", {"start_time_day": "date"}),
        ("day(start_time),held", {"start_time_day": "date", "held": "boolean"}),
        ("purpose,year(start_time)", {"purpose": "string", "start_time_year": "int"}),
        ("truncate(10,wrapup_duration_seconds)", {"wrapup_duration_seconds_trunc": "bigint"}),
        ("bucket(4,id)", {"id_bucket": "int"}),
    ],
)
def test_spark_reads_partition_columns_in_their_types(partiquet, spark, tmp_path, by, types):
    frame = spark_frame(spark, printed(partiquet, tmp_path, "out", "--partition-by", by)["Spark"], tmp_path)
    assert {name: dict(frame.dtypes)[name] for name in types} == types
    assert frame.count() == len(PURPOSES)


def test_files_that_lack_a_newer_column_are_read_in_one_query(partiquet, spark, tmp_path):
    model = '{"partiquet_model":1,"name":"m","envelopes":[],"row":{"type":"P"},"types":{"P":{"members":[%s]}}}'
    members = '{"name":"id","type":"string"}', '{"name":"zest","type":"integer"}'
    steps = [("error", members[0], '{"id":"old"}'), ("append", ",".join(members), '{"id":"new","zest":7}')]
    for mode, columns, record in steps:
        (tmp_path / "model.json").write_text(model % columns)
        (tmp_path / f"{mode}.ndjson").write_text(record)
        words = [partiquet.path, "convert", f"{mode}.ndjson", "--out=out", "--mode", mode, "--partition-by", "none", "--model=model.json"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr
    lines = dict(re.findall(r"^Query it in (DuckDB|Spark)[^\n]*:\n\n((?:    .*\n)+)", done.stdout, flags=re.M))
    lines = {reader: re.sub(r"^    ", "", text, flags=re.M).strip() for reader, text in lines.items()}
    sql = lines["DuckDB"].replace("count(*) AS participants", "id, zest").removesuffix(";") + " ORDER BY id;"
    assert by_duckdb(sql, tmp_path) == "[('new', 7), ('old', None)]"
    session = {"spark": spark.newSession()}
    exec(lines["Spark"].replace('"out"', repr(str(tmp_path / "out"))).removesuffix("calls.count()"), session)
    assert {(row["id"], row["zest"]) for row in session["calls"].collect()} == {("new", 7), ("old", None)}
