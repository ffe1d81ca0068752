"""DuckDB: read_json with the columns given, and COPY with PARTITION_BY.

As its performance guide recommends, format and schema are given and not inferred, and insertion order is not preserved.
https://duckdb.org/docs/stable/guides/performance/how_to_tune_workloads
"""

import shutil
import subprocess

from common import Column, element_tree, main, tree

TYPES = {"text": "VARCHAR", "json": "VARCHAR", "integer": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN",
         "instant": "TIMESTAMP", "list": "VARCHAR[]", "map": "MAP(VARCHAR, VARCHAR)"}  # fmt: skip
CODECS = {"zstd": "zstd", "snappy": "snappy", "lz4": "lz4_raw", "none": "uncompressed"}


def version():
    try:
        import duckdb

        return duckdb.__version__
    except ImportError:
        if not shutil.which("duckdb"):
            raise
        return subprocess.run(["duckdb", "--version"], check=True, capture_output=True, text=True).stdout.split()[0]


def type_of(node):
    if isinstance(node, dict):
        return "STRUCT(" + ", ".join(f'"{name}" {type_of(member)}' for name, member in node.items()) + ")"
    if isinstance(node, Column):
        return type_of(element_tree(node)) + "[]" if node.kind == "structs" else TYPES[node.kind]
    return TYPES[node]


def value(base, column):
    inner = ".".join(f'"{step}"' for step in (*base, *column.steps))
    if column.kind != "structs":
        return inner
    members = ", ".join(f"{name}: e." + ".".join(f'"{step}"' for step in steps) for steps, _, name in column.elements)
    return f"list_transform({inner}, lambda e: {{{members}}})"


def sql_of(job):
    members = tree(job.inside)
    if job.is_conversations:
        types = {name: type_of(node) for name, node in tree(job.outside).items()}
        types["participants"] = type_of(members) + "[]"
        selected = [(value(["c"], c), c.name) for c in job.outside] + [(value(["p"], c), c.name) for c in job.inside]
        source, start = "(SELECT c, unnest(c.participants) AS p FROM {file} AS c)", 'p."startTime"'
    else:
        types = {name: type_of(node) for name, node in members.items()}
        selected = [(value([], c), c.name) for c in job.inside]
        source, start = "{file}", '"startTime"'
    listed = ", ".join(f"'{name}': '{of}'" for name, of in types.items())
    file = f"read_json('{job.input}', format = 'newline_delimited', columns = {{{listed}}})"
    select = ", ".join(f"{of} AS {name}" for of, name in selected)
    options = f"FORMAT parquet, COMPRESSION {CODECS[job.codec]}"
    if job.level:
        options += f", COMPRESSION_LEVEL {job.level}"
    if job.by_day:
        select += f", CAST({start} AS DATE) AS start_time_day"
        options += ", PARTITION_BY (start_time_day)"
        out = job.out
    else:
        out = f"{job.out}/part.parquet"
    copy = f"COPY (SELECT {select} FROM {source.format(file=file)}) TO '{out}' ({options})"
    return f"SET threads = {job.threads}; SET preserve_insertion_order = false; SET TimeZone = 'UTC'", copy


def prepare(job):
    settings, copy = sql_of(job)
    try:
        import duckdb
    except ImportError:
        return lambda: subprocess.run(["duckdb", "-c", f"{settings}; {copy}"], check=True)
    connection = duckdb.connect()
    connection.execute(settings)
    return lambda: connection.execute(copy)


main(version, prepare)
