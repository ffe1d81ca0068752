"""ClickHouse (chdb, which is ClickHouse in a Python process, or clickhouse local): the file function with the structure
given, arrayJoin, and INSERT INTO FUNCTION file with PARTITION BY.

https://clickhouse.com/docs/sql-reference/table-functions/file
"""

import os
import shutil
import subprocess

from common import Column, element_tree, main, tree

TYPES = {"text": "Nullable(String)", "json": "Nullable(String)", "integer": "Nullable(Int64)", "double": "Nullable(Float64)",
         "bool": "Nullable(Bool)", "instant": "Nullable(DateTime64(6, \\'UTC\\'))", "list": "Array(Nullable(String))",
         "map": "Map(String, Nullable(String))"}  # fmt: skip


def version():
    try:
        import chdb

        return chdb.query("SELECT version()").bytes().decode().strip().strip('"')
    except ImportError:
        if not shutil.which("clickhouse"):
            raise
        said = subprocess.run(["clickhouse", "local", "-q", "SELECT version()"], check=True, capture_output=True, text=True)
        return said.stdout.strip()


def type_of(node):
    if isinstance(node, dict):
        return "Tuple(" + ", ".join(f"`{name}` {type_of(member)}" for name, member in node.items()) + ")"
    if isinstance(node, Column):
        return f"Array({type_of(element_tree(node))})" if node.kind == "structs" else TYPES[node.kind]
    return TYPES[node]


def value(base, steps):
    out = base or f"`{steps[0]}`"
    for step in steps if base else steps[1:]:
        out = f"tupleElement({out}, '{step}')"
    return out


def column(base, of):
    inner = value(base, of.steps)
    if of.kind != "structs":
        return inner
    names = ", ".join(f"{name} {TYPES[kind]}" for _, kind, name in of.elements)
    members = ", ".join(value("e", steps) for steps, _, _ in of.elements)
    return f"CAST(arrayMap(e -> tuple({members}), {inner}), 'Array(Tuple({names}))')"


def sql_of(job):
    members = tree(job.inside)
    if job.is_conversations:
        structure = [f"`{name}` {type_of(node)}" for name, node in tree(job.outside).items()]
        structure.append(f"participants Array({type_of(members)})")
        select = [(column("", c), c.name) for c in job.outside] + [(column("p", c), c.name) for c in job.inside]
        source = "(SELECT * EXCEPT participants, arrayJoin(participants) AS p FROM {file})"
    else:
        structure = [f"`{name}` {type_of(node)}" for name, node in members.items()]
        select = [(column("", c), c.name) for c in job.inside]
        source = "{file}"
    file = f"file('{job.input}', JSONEachRow, '{', '.join(structure)}')"
    # ClickHouse does not create folders in that path.
    out = f"{job.out}/start_time_day={{_partition_id}}.parquet" if job.by_day else f"{job.out}/part.parquet"
    by = "PARTITION BY toDate(assumeNotNull(start_time))" if job.by_day else ""
    level = f", output_format_compression_level = {job.level}" if job.level else ""
    return (
        f"INSERT INTO FUNCTION file('{out}', Parquet) {by} "
        f"SELECT {', '.join(f'{of} AS `{name}`' for of, name in select)} FROM {source.format(file=file)} "
        f"SETTINGS max_threads = {job.threads}, max_insert_threads = {job.threads}, date_time_input_format = 'best_effort', "
        f"max_partitions_per_insert_block = 0, output_format_parquet_compression_method = '{job.codec}'{level}, "
        "engine_file_truncate_on_insert = 1, "
        # Where the conversation's `id` is selected, `id` must not mean the alias of the participant's column.
        "prefer_column_name_to_alias = 1"
    )


def prepare(job):
    sql = sql_of(job)
    os.makedirs(job.out, exist_ok=True)
    try:
        import chdb
    except ImportError:
        return lambda: subprocess.run(["clickhouse", "local", "-q", sql], check=True)
    return lambda: chdb.query(sql)


main(version, prepare)
