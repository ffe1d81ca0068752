"""Polars: scan_ndjson with the schema given, explode, and sink_parquet by partition, all of it lazy and streaming.

It cannot read an object with arbitrary keys as a map, so the keys of the job are members of a struct. Instants are read
as text and converted with a given format. https://docs.pola.rs/user-guide/concepts/streaming/
"""

import os
import sys

from common import Column, Job, element_tree, main, tree


def version():
    import polars

    return polars.__version__


def prepare(job):
    import polars as pl

    types = {"text": pl.String, "integer": pl.Int64, "double": pl.Float64, "bool": pl.Boolean, "instant": pl.String,
             "list": pl.List(pl.String)}  # fmt: skip

    def type_of(node):
        if isinstance(node, dict):
            return pl.Struct({name: type_of(member) for name, member in node.items()})
        if isinstance(node, Column):
            return pl.List(type_of(element_tree(node))) if node.kind == "structs" else types[node.kind]
        return types[node]

    def field(start, steps):
        for step in steps:
            start = start.struct.field(step)
        return start

    def value(start, column):
        inner = field(start, column.steps) if start is not None else field(pl.col(column.steps[0]), column.steps[1:])
        if column.kind == "instant":
            inner = inner.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
        elif column.kind == "structs":
            members = [field(pl.element(), steps).alias(name) for steps, _, name in column.elements]
            inner = inner.list.eval(pl.struct(members))
        return inner.alias(column.name)

    members = tree(job.inside)
    if job.is_conversations:
        schema = {name: type_of(node) for name, node in tree(job.outside).items()}
        schema["participants"] = pl.List(type_of(members))
        select = [value(None, c) for c in job.outside] + [value(pl.col("participants"), c) for c in job.inside]
    else:
        schema = {name: type_of(node) for name, node in members.items()}
        select = [value(None, c) for c in job.inside]
    codec = {"none": "uncompressed"}.get(job.codec, job.codec)

    def work():
        frame = pl.scan_ndjson(job.input, schema=schema)
        if job.is_conversations:
            frame = frame.explode("participants")
        frame = frame.select(select)
        if job.by_day:
            frame = frame.with_columns(pl.col("start_time").dt.date().alias("start_time_day"))
            target = pl.PartitionBy(job.out, key="start_time_day", include_key=False)
        else:
            target = f"{job.out}/part.parquet"
        frame.sink_parquet(target, compression=codec, compression_level=job.level, maintain_order=False, mkdir=True, engine="streaming")

    return work


if len(sys.argv) == 2 and sys.argv[1] != "--version":
    # This only has an effect before polars is imported.
    os.environ["POLARS_MAX_THREADS"] = str(Job(sys.argv[1]).threads)
main(version, prepare)
