"""Spark, local: read.json with the schema given, explode, and write.partitionBy.

https://spark.apache.org/docs/latest/sql-data-sources-json.html
"""

import os

from common import Column, cannot, element_tree, main, tree

TYPES = {"text": "STRING", "json": "STRING", "integer": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "instant": "TIMESTAMP",
         "list": "ARRAY<STRING>", "map": "MAP<STRING, STRING>"}  # fmt: skip
CODECS = {"zstd": "zstd", "snappy": "snappy", "lz4": "lz4_raw", "none": "uncompressed"}


def version():
    import pyspark

    return pyspark.__version__


def type_of(node):
    if isinstance(node, dict):
        return "STRUCT<" + ", ".join(f"`{name}`: {type_of(member)}" for name, member in node.items()) + ">"
    if isinstance(node, Column):
        return f"ARRAY<{type_of(element_tree(node))}>" if node.kind == "structs" else TYPES[node.kind]
    return TYPES[node]


def value(base, column):
    inner = ".".join(f"`{step}`" for step in (*base, *column.steps))
    if column.kind != "structs":
        return f"{inner} AS `{column.name}`"
    members = ", ".join("e." + ".".join(f"`{step}`" for step in steps) + f" AS `{name}`" for steps, _, name in column.elements)
    return f"transform({inner}, e -> struct({members})) AS `{column.name}`"


def used_by(pid):
    """What the Java process has used; it outlives this one."""
    with open(f"/proc/{pid}/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return {"peak_bytes": peak, "cpu_seconds": (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")}


def prepare(job):
    from pyspark.sql import SparkSession

    if job.input.endswith(".zst"):
        cannot("reads no zst without Hadoop's native libraries")
    spark = (
        SparkSession.builder.master(f"local[{job.threads}]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.caseSensitive", "true")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.hadoop.parquet.compression.codec.zstd.level", str(job.level or 1))
        .getOrCreate()
    )
    members = tree(job.inside)
    if job.is_conversations:
        fields = [f"`{name}` {type_of(node)}" for name, node in tree(job.outside).items()]
        fields.append(f"participants ARRAY<{type_of(members)}>")
        select = [value(["c"], c) for c in job.outside] + [value(["p"], c) for c in job.inside]
    else:
        fields = [f"`{name}` {type_of(node)}" for name, node in members.items()]
        select = [value([], c) for c in job.inside]
    if job.by_day:
        select.append(f"CAST({'p.' if job.is_conversations else ''}`startTime` AS DATE) AS start_time_day")

    def work():
        frame = spark.read.schema(", ".join(fields)).json(job.input)
        if job.is_conversations:
            frame = frame.selectExpr("struct(*) AS c", "explode(participants) AS p")
        writer = frame.selectExpr(*select).write.mode("overwrite").option("compression", CODECS[job.codec])
        if job.by_day:
            writer = writer.partitionBy("start_time_day")
        writer.parquet(job.out)
        return used_by(spark.sparkContext._gateway.proc.pid)

    return work


main(version, prepare)
