"""One engine writes rows of NDJSON to a folder partitioned by `purpose`, as its manual shows.

    python write.py ENGINE SOURCE OUT [lenient]

`lenient` asks it to continue after records that it cannot read. Exits with 0 when the engine reports success.
"""

import os
import subprocess
import sys

COLUMNS = ("id", "purpose", "name")


def partiquet(source, out, lenient):
    budget = ["--max-rejects", "unlimited"] if lenient else []
    words = ["convert", source, "--out", out, "--partition-by", "purpose", "--threads", "2", "--progress", "none", *budget]
    done = subprocess.run([os.environ["PARTIQUET_BIN"], *words], capture_output=True, text=True)
    # 3: committed, with rejects in a file of their own
    if done.returncode not in (0, 3):
        sys.exit(done.stderr.strip())


def duckdb(source, out, lenient):
    import duckdb

    columns = ", ".join(f"{name}: 'VARCHAR'" for name in COLUMNS)
    options = ", ignore_errors = true" if lenient else ""
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(
        f"COPY (FROM read_json('{source}', format = 'newline_delimited', columns = {{{columns}}}{options})) "
        f"TO '{out}' (FORMAT parquet, PARTITION_BY (purpose))"
    )


def clickhouse(source, out, lenient):
    import chdb

    structure = ", ".join(f"{name} Nullable(String)" for name in COLUMNS)
    errors = ", input_format_allow_errors_num = 100" if lenient else ""
    # The folder of a partition is written as text; null has no text, so Hive's name for it is given.
    chdb.query(
        f"INSERT INTO FUNCTION file('{out}/purpose={{_partition_id}}/part.parquet', Parquet, '{structure}') "
        f"PARTITION BY ifNull(purpose, '__HIVE_DEFAULT_PARTITION__') "
        f"SELECT * FROM file('{source}', JSONEachRow, '{structure}') "
        f"SETTINGS max_threads = 2, engine_file_truncate_on_insert = 1{errors}"
    )


def session():
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def spark(source, out, lenient):
    schema = ", ".join(f"{name} string" for name in COLUMNS)
    # Spark's default is the lenient mode, which gives a row of nulls.
    mode = "PERMISSIVE" if lenient else "FAILFAST"
    rows = session().read.schema(schema).option("mode", mode).json(source)
    rows.write.partitionBy("purpose").parquet(out)


ENGINES = {"partiquet": partiquet, "DuckDB": duckdb, "ClickHouse": clickhouse, "Spark": spark}

if __name__ == "__main__":
    engine, source, out, *more = sys.argv[1:]
    ENGINES[engine](source, out, "lenient" in more)
