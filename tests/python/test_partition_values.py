"""Texts that are hard to use in folder names are read back exactly, and none of them leads out of the dataset."""

import json

import pytest

import readers

KEPT = [
    "agent", "Agent", "voice mail", "trailing ", " leading", "  ", "Rückruf", "Ru\u0308ckruf", "客户", "😀", ".", "..", "../..", ".hidden", "_private",
    "100%", "%", "%25", "%2F", "%zz", "007", "7", "1e5", "-0", "true", "null", "NULL", "None", "nan", "2025-07-01", "a=b", "purpose=agent", "a/b", "/", "\\", "a\\b", "C:\\x",
    "it's", '"quoted"', "a:b", "a+b", "a&b", "a;b", "a,b", "a|b", "a*b", "a?b", "[a]", "{b}", "a^b", "a#b", "a<b>c", "a`b", "a$b", "a~b", "a!b", "a@b",
    "tab\there", "line\nend", "cr\rhere", "bell\x07", "unit\x1f", "del\x7f", "no\u00a0break", "line\u2028separator", "x" * 200, "ü" * 100,
]  # fmt: skip
# No folder name can distinguish these from null: they go to the null partition, and the value is kept in `extra`.
NULLED = ["", readers.HIVE_NULL, "z" * 300, "ü" * 200, "/" * 120]


def raw(value):
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def dataset(partiquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("partitions")
    # The name shows in each reader's result which purpose was meant.
    lines = [f'{{"id":"{n}","name":{raw(v)},"purpose":{raw(v)}}}' for n, v in enumerate(KEPT + NULLED)]
    lines += ['{"id":"null","purpose":null}', '{"id":"missing"}']
    source = folder / "values.ndjson"
    source.write_text("\n".join(lines), encoding="utf-8", newline="")
    out = folder / "dataset"
    partiquet.convert(source, out=out, partition_by="purpose", attribute_columns="none")
    return out


@pytest.fixture(scope="module")
def engines(spark):
    return {e.name: e for e in (readers.DuckDb(), readers.Spark(spark), readers.PyArrow(), readers.Polars(), readers.ClickHouse())}


def rows(engine, dataset):
    columns = readers.by_column(engine.rows(dataset, ("purpose",)))
    return {row[0]: row[1:] for row in zip(*(columns[c] for c in ("id", "name", "purpose", "extra")))}


@pytest.mark.parametrize("name", ["DuckDB", "Spark", "pyarrow", "Polars", "ClickHouse"])
def test_values_are_read_back(engines, dataset, name):
    read = rows(engines[name], dataset)
    assert len(read) == len(KEPT) + len(NULLED) + 2
    wrong = {value: read[str(n)][1] for n, value in enumerate(KEPT) if read[str(n)][1] != value}
    assert wrong == {}
    assert all(read[str(n)][0] == value for n, value in enumerate(KEPT + NULLED))


@pytest.mark.parametrize("name", ["DuckDB", "Spark", "pyarrow"])
def test_values_that_no_folder_can_hold_are_null_and_kept_in_extra(engines, dataset, name):
    read = rows(engines[name], dataset)
    for n, value in enumerate(NULLED, start=len(KEPT)):
        _, purpose, extra = read[str(n)]
        assert purpose is None
        assert dict(extra) == {"/purpose": raw(value)}
    for n in ("null", "missing"):
        assert read[n][1] is None and read[n][2] is None
    assert not any(extra for ident, (_, purpose, extra) in read.items() if purpose is not None)


def test_spark_reads_them_with_a_schema_and_inference_on(spark, dataset):
    """The other recommended way: give the schema, and leave the session unchanged."""
    inferring = spark.newSession()
    inferring.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "true")
    read = inferring.read.schema("id string, name string, purpose string").parquet(str(dataset)).toArrow().to_pylist()
    assert {r["id"]: r["purpose"] for r in read if r["id"].isdigit() and int(r["id"]) < len(KEPT)} == {
        str(n): value for n, value in enumerate(KEPT)
    }


@pytest.mark.parametrize("value", ["007", "a/b", "100%", "trailing ", "it's", "😀"])
def test_a_condition_on_the_partition_finds_its_rows(engines, dataset, spark, value):
    connection = engines["DuckDB"].connection
    source = engines["DuckDB"].source(dataset, ("purpose",))
    assert connection.execute(f"SELECT name FROM {source} WHERE purpose = ?", [value]).fetchall() == [(value,)]
    frame = engines["Spark"].frame(dataset)
    assert [row["name"] for row in frame.filter(frame.purpose == value).collect()] == [value]


def test_nothing_left_the_folder(dataset):
    """One folder for each value and one for null, directly in the dataset; besides them only `_partiquet`."""
    folders = {p.name for p in dataset.iterdir()}
    assert len({f for f in folders if f.startswith("purpose=")}) == len(KEPT) + 1
    assert {f for f in folders if not f.startswith("purpose=")} == {"_partiquet"}
    assert {p.name for p in dataset.parent.iterdir()} == {"dataset", "dataset.report.json", "values.ndjson"}
    assert all(p.parent.parent == dataset for p in dataset.rglob("*.parquet"))
