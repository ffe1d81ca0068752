"""Five engines read the same dataset and must get the same values."""

import collections
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import readers
from conftest import SAMPLES

PARTITIONS = ("start_time_day", "purpose")
ROWS = 458
# The names in the samples that are hard for folders. The empty text and Hive's name for null become null.
HARD_PURPOSES = {
    "Rückruf Team", "sales/eu", "100% Kulanz", "a=b", "voice mail ", "😀", "007", "%2F",
    "Kunde & Partner", "c:\\users", 'what\'s "this"?', "..", "{x}[y]#1*",
}  # fmt: skip
ALL = ["DuckDB", "Spark", "pyarrow", "Polars", "ClickHouse"]


@pytest.fixture(scope="module")
def engines(spark):
    made = [readers.DuckDb(), readers.Spark(spark), readers.PyArrow(), readers.Polars(), readers.ClickHouse()]
    return {engine.name: engine for engine in made}


@pytest.fixture(scope="module")
def tables(engines, samples):
    """Everything that each engine reads, by column."""
    return {name: readers.by_column(engine.rows(samples, PARTITIONS)) for name, engine in engines.items()}


@pytest.fixture(scope="module")
def kinds(engines, samples):
    schema = engines["pyarrow"].rows(samples, PARTITIONS).schema
    return {field.name: readers.kind(field.type) for field in schema}


def sample_participants():
    """The participants of the samples, read by Python alone."""
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix not in (".ndjson", ".json", ".gz"):
            continue
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
        documents = [json.loads(text)] if path.suffix == ".json" else map(json.loads, filter(str.strip, text.split("\n")))
        for document in documents:
            if "eventBody" in document:
                yield from document["eventBody"].get("participants", [])
            elif "entities" in document:
                for conversation in document["entities"]:
                    yield from conversation.get("participants") or []
            elif "participants" in document:
                yield from document["participants"]
            else:
                yield document


def test_the_samples_have_the_rows_that_their_readme_says():
    assert sum(1 for _ in sample_participants()) == ROWS


@pytest.mark.parametrize("name", ALL)
def test_every_row_is_read(tables, name):
    assert {len(values) for values in tables[name].values()} == {ROWS}


@pytest.mark.parametrize("name", ALL[1:])
def test_every_value_is_read_alike(tables, kinds, name):
    ours, theirs = tables["DuckDB"], tables[name]
    assert sorted(ours) == sorted(theirs)
    if name == "ClickHouse":
        ours, theirs = readers.without_absent_nesting(ours, kinds), readers.without_absent_nesting(theirs, kinds)
    # Column by column first, so that a difference is reported with its column.
    for column in sorted(ours):
        assert collections.Counter(ours[column]) == collections.Counter(theirs[column]), column
    columns = sorted(ours)
    assert collections.Counter(zip(*(ours[c] for c in columns))) == collections.Counter(zip(*(theirs[c] for c in columns)))


@pytest.mark.parametrize("name", ALL)
def test_every_sum_is_alike(engines, tables, samples, kinds, name):
    """Each engine computes its own sums: aggregates use statistics and pushed-down scans that reading rows does not."""
    expected = {}
    for column, kind in kinds.items():
        values = [v for v in tables["pyarrow"][column] if v is not None]
        numbers = [] if kind in ("text", "list", "map") else values
        expected[column, "count"] = len(values)
        for measure in readers.MEASURES[kind]:
            expected[column, measure] = {
                "bytes": lambda: sum(len(v.encode()) for v in values),
                "empty": lambda: values.count(""),
                "length": lambda: sum(map(len, values)),
                "sum": lambda: int(sum(numbers)),
                "min": lambda: min(numbers, default=0),
                "max": lambda: max(numbers, default=0),
            }[measure]()
    found = engines[name].measures(samples, PARTITIONS, kinds)
    if name == "ClickHouse":
        # ClickHouse has no null lists or maps.
        for column, kind in kinds.items():
            if kind in ("list", "map"):
                expected[column, "count"] = ROWS
    assert {k: (expected[k], found[k]) for k in expected if expected[k] != found[k]} == {}


@pytest.mark.parametrize("name", ALL)
def test_hard_partition_values_are_read_back_exactly(tables, name):
    seen = set(tables[name]["purpose"])
    assert HARD_PURPOSES <= seen
    assert None in seen and "" not in seen and readers.HIVE_NULL not in seen


@pytest.mark.parametrize("name", ALL)
def test_a_condition_finds_the_rows_of_one_call(engines, tables, samples, name):
    """Filters go through statistics, the page index and the dictionaries."""
    call = max(filter(None, tables["pyarrow"]["conversation_id"]))
    rows = tables["pyarrow"]["conversation_id"].count(call)
    if name == "pyarrow":
        import pyarrow.dataset as pds

        found = pds.dataset(samples, format="parquet").count_rows(filter=pds.field("conversation_id") == call)
    elif name == "Polars":
        import polars as pl

        found = engines[name].frame(samples, PARTITIONS).filter(pl.col("conversation_id") == call).collect().height
    else:
        engine = engines[name]
        sql = f"SELECT count(*) AS n FROM {engine.source(samples, PARTITIONS)} WHERE conversation_id = '{call}'"
        found = engine.query(sql).to_pylist()[0]["n"]
    assert found == rows > 0


def test_null_and_empty_stay_apart(tables):
    read = tables["pyarrow"]
    assert "" in read["wrapup_notes"] and None in read["wrapup_notes"]
    assert () in read["wrapup_tags"] and None in read["wrapup_tags"]
    assert () in read["conversation_routing_data_skills"] and None in read["conversation_routing_data_skills"]
    assert () in read["attributes"] and None in read["attributes"]
    assert None in read["extra"] and () not in read["extra"]
    assert ("full", None, "7") in read["media_roles"]
    scored = [agents for agents in read["conversation_routing_data_scored_agents"] if agents and None in agents]
    assert len(scored) == 1 and len(scored[0]) == 4


def test_attributes_are_all_there_and_none_twice(samples):
    """Together, the columns named after keys and the map hold the participant's attributes, key for key."""
    kept = collections.Counter()
    for path in samples.rglob("*.parquet"):
        table = pq.ParquetFile(path).read()
        keys = {
            field.name: pointer_last(field.metadata[b"partiquet.path"].decode())
            for field in table.schema
            if field.name.startswith("attribute_")
        }
        assert len(set(keys.values())) == len(keys) > 0
        for row in table.select(["id", "attributes", *keys]).to_pylist():
            kept.update((row["id"], key, row[column]) for column, key in keys.items() if row[column] is not None)
            kept.update((row["id"], key, value) for key, value in row["attributes"] or [] if value is not None)
    told = collections.Counter()
    for participant in sample_participants():
        for key, value in (participant.get("attributes") or {}).items():
            if value is not None:
                told[participant["id"], key, value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))] += 1
    assert kept == told


def pointer_last(pointer):
    assert pointer.startswith("/attributes/"), pointer
    return pointer[len("/attributes/"):].replace("~1", "/").replace("~0", "~")


def test_what_does_not_fit_is_in_extra(tables):
    entries = collections.defaultdict(set)
    for extra in tables["pyarrow"]["extra"]:
        for place, raw in extra or ():
            entries[place].add(raw)
            json.loads(raw)
    assert entries["/startTime"] == {'"yesterday"'}
    assert entries["/alertingTimeoutMs"] == {'"soon"'}
    assert entries["/sentimentScore"] == {'{"overall":0.75,"trend":[1,-0.001]}'}
    assert entries["../x-export-batch"] == {'{"run":17}'}
    assert entries["/conversationRoutingData/scoredAgents/2/weight"] == {"1.5"}
    assert entries["/conversationRoutingData/scoredAgents/3"] == {'"x"'}
    assert '""' in entries["/purpose"] and f'"{readers.HIVE_NULL}"' in entries["/purpose"]


DUCKDB_TYPES = {
    "conversation_id": "VARCHAR",
    "conversation_max_participants": "BIGINT",
    "conversation_secure_pause": "BOOLEAN",
    "id": "VARCHAR",
    "start_time": "TIMESTAMP WITH TIME ZONE",
    "wrapup_end_time": "TIMESTAMP WITH TIME ZONE",
    "disposition_amd_timeout_timer_start_time": "TIMESTAMP WITH TIME ZONE",
    "held": "BOOLEAN",
    "media_roles": "VARCHAR[]",
    "user_id": "VARCHAR",
    "user_self_uri": "VARCHAR",
    "wrapup_timeout_ms": "BIGINT",
    "wrapup_duration_seconds": "BIGINT",
    "wrapup_tags": "VARCHAR[]",
    "journey_context_triggering_action_action_map_version": "BIGINT",
    "conversation_routing_data_priority": "BIGINT",
    "conversation_routing_data_skills": "STRUCT(id VARCHAR, name VARCHAR, self_uri VARCHAR)[]",
    "conversation_routing_data_skill_expression_id": "VARCHAR",
    "error_info_errors": "VARCHAR",
    "fax_status_bytes_transmitted": "BIGINT",
    "disposition_disposition_parameters_adjustable_live_speaker_detection_is_person_likely": "BOOLEAN",
    "attribute_language": "VARCHAR",
    "attributes": "MAP(VARCHAR, VARCHAR)",
    "extra": "MAP(VARCHAR, VARCHAR)",
}
SPARK_NAMES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DOUBLE": "double",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "MAP(VARCHAR, VARCHAR)": "map<string,string>",
}


def in_spark(duckdb_type):
    """The same type as Spark writes it. A type outside the contract is a KeyError."""
    if duckdb_type.endswith("[]"):
        return f"array<{in_spark(duckdb_type[:-2])}>"
    if duckdb_type.startswith("STRUCT("):
        members = [member.split(" ", 1) for member in duckdb_type[len("STRUCT("):-1].split(", ")]
        return "struct<" + ",".join(f"{name}:{in_spark(type_name)}" for name, type_name in members) + ">"
    return SPARK_NAMES[duckdb_type]


def duckdb_types(engine, dataset):
    described = engine.connection.execute(f"DESCRIBE SELECT * FROM {engine.source(dataset, PARTITIONS)}").fetchall()
    # DuckDB quotes the name of a struct member if it is an SQL keyword.
    return {name: type_name.replace('"', '') for name, type_name, *_ in described}


def test_types_in_duckdb(engines, samples):
    types = duckdb_types(engines["DuckDB"], samples)
    assert {name: types.get(name) for name in DUCKDB_TYPES} == DUCKDB_TYPES
    scored = types["conversation_routing_data_scored_agents"]
    assert scored == "STRUCT(agent_id VARCHAR, agent_name VARCHAR, agent_self_uri VARCHAR, score BIGINT)[]"


def test_types_in_spark_agree_with_duckdb(engines, samples):
    ours = duckdb_types(engines["DuckDB"], samples)
    theirs = {f.name: f.dataType.simpleString() for f in engines["Spark"].frame(samples).schema}
    assert sorted(ours) == sorted(theirs)
    assert theirs == {name: in_spark(type_name) for name, type_name in ours.items()}


def test_all_files_have_one_schema_and_it_is_the_one_told(partiquet, samples):
    schemas = {pq.read_schema(path).remove_metadata().to_string() for path in samples.rglob("*.parquet")}
    assert len(schemas) == 1
    schema = pq.read_schema(next(samples.rglob("*.parquet")))
    told = [column["name"] for column in partiquet.columns()]
    # An identity partition is in the path and not in the file; attribute columns depend on the input.
    files = [name for name in schema.names if not name.startswith("attribute_")]
    assert files == [name for name in told if name not in PARTITIONS and not name.startswith("attribute_")]
    for field in schema:
        assert not pa.types.is_dictionary(field.type) and not pa.types.is_large_string(field.type), field
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", "UTC"), field


def test_nothing_beside_the_data_looks_like_data(samples):
    strangers = [p for p in samples.rglob("*.parquet") if p.relative_to(samples).parts[0].startswith("_")]
    assert strangers == []
