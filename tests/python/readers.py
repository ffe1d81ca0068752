"""Five engines that read a dataset, each in its own way; results are converted to one form to be compared.

Partition columns are read as text here: by default most engines turn `007` into 7.
"""

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# Aggregates of a column of each kind, besides the number of its values.
MEASURES = {
    "text": ("bytes", "empty"),
    "integer": ("sum", "min", "max"),
    "double": ("sum",),
    "bool": ("sum",),
    "instant": ("sum", "min", "max"),
    "list": ("length",),
    "map": ("length",),
}


def kind(arrow_type):
    if pa.types.is_boolean(arrow_type):
        return "bool"
    if pa.types.is_integer(arrow_type):
        return "integer"
    if pa.types.is_floating(arrow_type):
        return "double"
    if pa.types.is_timestamp(arrow_type):
        return "instant"
    if pa.types.is_map(arrow_type):
        return "map"
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return "list"
    return "text"


class Sql:
    """An engine that speaks SQL: one SELECT for the rows, one for all measures of all columns."""

    terms = {}
    quote = '"'

    def measures(self, dataset, partitions, kinds):
        wanted = [(name, measure) for name, k in kinds.items() for measure in ("count", *MEASURES[k])]
        select = ", ".join(self.term(name, kinds[name], measure) + f" AS m{n}" for n, (name, measure) in enumerate(wanted))
        row = self.query(f"SELECT {select} FROM {self.source(dataset, partitions)}").to_pylist()[0]
        return {pair: int(row[f"m{n}"] or 0) for n, pair in enumerate(wanted)}

    def term(self, name, k, measure):
        column = self.quote + name.replace(self.quote, self.quote * 2) + self.quote
        value = self.terms["micros"].format(c=column) if k == "instant" else column
        if k == "bool" and measure == "sum":
            value = f"CASE WHEN {column} THEN 1 ELSE 0 END"
        return {
            "count": f"count({column})",
            "sum": f"sum({value})",
            "min": f"min({value})",
            "max": f"max({value})",
            "bytes": f"sum({self.terms['bytes'].format(c=column)})",
            "empty": f"sum(CASE WHEN {column} = '' THEN 1 ELSE 0 END)" if measure == "empty" else "",
            "length": f"sum({self.terms[k if k in ('list', 'map') else 'list'].format(c=column)})",
        }[measure]

    def rows(self, dataset, partitions):
        return self.query(f"SELECT * FROM {self.source(dataset, partitions)}")


class DuckDb(Sql):
    name = "DuckDB"
    terms = {"micros": "epoch_us({c})", "bytes": "strlen({c})", "list": "len({c})", "map": "cardinality({c})"}

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'; SET threads = 2")

    def source(self, dataset, partitions):
        types = "{" + ", ".join(f"'{p}': VARCHAR" for p in partitions) + "}"
        return f"read_parquet('{dataset}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, hive_types = {types})"

    def query(self, sql):
        return self.connection.sql(sql).to_arrow_table()


class ClickHouse(Sql):
    """ClickHouse neither undoes the escapes in folder names nor reads Hive's null, so the path is parsed here."""

    name = "ClickHouse"
    quote = "`"
    terms = {"micros": "toUnixTimestamp64Micro({c})", "bytes": "length({c})", "list": "length({c})", "map": "length({c})"}

    def source(self, dataset, partitions):
        more = "".join(
            f", nullIf(decodeURLComponent(extract(_path, '/{p}=([^/]*)')), '{HIVE_NULL}') AS `{p}`" for p in partitions
        )
        return f"(SELECT *{more} FROM file('{dataset}/**/*.parquet', Parquet) SETTINGS use_hive_partitioning = 0, max_threads = 2)"

    def query(self, sql):
        import chdb

        return chdb.query(sql, "ArrowTable")


class Spark(Sql):
    name = "Spark"
    quote = "`"
    terms = {
        "micros": "unix_micros({c})",
        "bytes": "octet_length({c})",
        "list": "CASE WHEN {c} IS NULL THEN 0 ELSE size({c}) END",
        "map": "CASE WHEN {c} IS NULL THEN 0 ELSE size({c}) END",
    }

    def __init__(self, session):
        self.session = session

    def frame(self, dataset):
        return self.session.read.parquet(str(dataset))

    def source(self, dataset, partitions):
        # The session does not infer the types of partition columns, so they are text.
        self.frame(dataset).createOrReplaceTempView("dataset")
        return "dataset"

    def query(self, sql):
        return self.session.sql(sql).toArrow()


class PyArrow:
    name = "pyarrow"

    def rows(self, dataset, partitions):
        hive = pds.partitioning(pa.schema([(p, pa.string()) for p in partitions]), flavor="hive")
        return pds.dataset(dataset, format="parquet", partitioning=hive).to_table()

    def measures(self, dataset, partitions, kinds):
        table, out = self.rows(dataset, partitions), {}
        for name, k in kinds.items():
            column = table[name]
            out[name, "count"] = len(column) - column.null_count
            values = column.cast(pa.int64()) if k == "instant" else column
            for measure in MEASURES[k]:
                if measure == "bytes":
                    value = pc.sum(pc.binary_length(column)).as_py()
                elif measure == "empty":
                    value = pc.sum(pc.equal(column, "")).as_py()
                elif measure == "length":
                    value = sum(len(v) for v in column.to_pylist() if v is not None)
                else:
                    value = getattr(pc, measure)(values).as_py()
                out[name, measure] = int(value or 0)
        return out


class Polars:
    name = "Polars"

    def frame(self, dataset, partitions):
        return pl.scan_parquet(f"{dataset}/**/*.parquet", hive_partitioning=True, hive_schema={p: pl.String for p in partitions})

    def rows(self, dataset, partitions):
        return self.frame(dataset, partitions).collect().to_arrow()

    def measures(self, dataset, partitions, kinds):
        wanted = []
        for name, k in kinds.items():
            column = pl.col(name)
            value = column.dt.epoch("us") if k == "instant" else column
            wanted.append(column.count().alias(f"{name} count"))
            for measure in MEASURES[k]:
                term = {
                    "bytes": lambda: column.str.len_bytes().sum(),
                    "empty": lambda: (column == "").sum(),
                    "length": lambda: (column.list.len() if k == "list" else self.entries(column).list.len()).sum(),
                    "sum": lambda: value.sum(),
                    "min": lambda: value.min(),
                    "max": lambda: value.max(),
                }[measure]()
                wanted.append(term.alias(f"{name} {measure}"))
        row = self.frame(dataset, partitions).select(wanted).collect().to_dicts()[0]
        return {tuple(said.rsplit(" ", 1)): int(value or 0) for said, value in row.items()}

    def entries(self, column):
        return column.cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String})))


def plain(value, arrow_type):
    """One value in the form that all engines share: lists, maps and structs as tuples, instants as microseconds."""
    if value is None:
        return None
    if pa.types.is_map(arrow_type):
        return tuple((k, v) for k, v in value)
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return tuple(plain(v, arrow_type.value_type) for v in value)
    if pa.types.is_struct(arrow_type):
        return tuple(sorted((f.name, plain(value[f.name], f.type)) for f in arrow_type))
    return value


def by_column(table):
    """Column name to the list of its values, in plain form."""
    out = {}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("us", field.type.tz)).cast(pa.int64())
        out[field.name] = [plain(v, column.type) for v in column.to_pylist()]
    return out


def without_absent_nesting(columns, kinds):
    """ClickHouse has no null lists or maps, and reads null structs as structs of nulls: such values count as empty."""
    return {
        name: [tuple(e for e in v or () if not absent(e)) for v in values] if kinds[name] in ("list", "map") else values
        for name, values in columns.items()
    }


def absent(element):
    """Whether a struct in a list is null, or has only null members."""
    if element is None:
        return True
    return isinstance(element, tuple) and all(isinstance(m, tuple) and len(m) == 2 and m[1] is None for m in element)
