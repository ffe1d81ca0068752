"""Compares two outputs of the same job by sums over each column, which DuckDB reads from both: agree.py JOB OURS.

Texts are summed by their bytes and by a hash of each, numbers and instants by their value, lists and maps by their
elements. For texts, numbers, booleans and instants, non-null values are counted too; not for lists and maps, because
some engines do not distinguish an absent list from an empty one.
"""

import json
import sys

import duckdb
from common import Job


def sums(column):
    of = f'"{column.name}"'
    match column.kind:
        case "text":
            return [f"count({of})", f"sum(strlen({of}))", f"sum(hash({of})::HUGEINT % 1000000007)"]
        case "json":
            return [f"count({of})", f"sum(strlen({of}))"]
        case "integer":
            return [f"count({of})", f"sum({of}::HUGEINT)"]
        case "double":
            return [f"count({of})", f"round(sum({of}), 3)"]
        case "bool":
            return [f"count({of})", f"count_if({of})"]
        case "instant":
            return [f"count({of})", f"sum(epoch_us({of}::TIMESTAMP)::HUGEINT)"]
        case "list":
            return [f"sum(len({of}))", f"sum(strlen(array_to_string({of}, '')))"]
        case "map":
            values = f"array_to_string(map_values({of}), '')"
            return [f"sum(cardinality({of}))", f"sum(strlen(array_to_string(map_keys({of}), '')))", f"sum(strlen({values}))"]
        case "structs":
            members = [f"sum(len(list_filter({of}, lambda e: e.{name} IS NOT NULL)))" for _, _, name in column.elements]
            return [f"sum(len({of}))", *members]


def found(connection, asked, folder):
    source = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = false)"
    row = connection.execute(f"SELECT {', '.join(asked)} FROM {source}").fetchone()
    # A sum over no rows is null.
    return [int(value) if value is not None else 0 for value in row]


def compare(job, ours):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    asked = ["count(*)"] + [text for column in job.columns for text in sums(column)]
    mine, theirs = found(connection, asked, ours), found(connection, asked, job.out)
    differ = [f"{what} is {other}, not {one}" for what, one, other in zip(asked, mine, theirs) if one != other]
    return {"sums": len(asked), "differ": differ}


print(json.dumps(compare(Job(sys.argv[1]), sys.argv[2])))
