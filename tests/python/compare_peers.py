"""Measures one conversion beside DuckDB and ClickHouse: the same input, the same columns, the same partitions.

    compare_peers.py --input FILE --shape participants|conversations [--rounds 5] [--threads 2] [--partiquet PATH] [--engines ...]

Every engine is told the schema (made from `partiquet schema --as json`), flattens it to the same columns, keeps the
attributes as a map, writes zstd Parquet and partitions by the day of `start_time`. Each run is a process of its own;
rounds are interleaved and the order turns, so that a slow minute of the machine hits all of them. Trust the ratios
within a round. The output of each engine is read back: rows in every round, sums in the first.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = ["partiquet", "duckdb", "clickhouse"]
# Members of the lists of objects: path within the element.
ELEMENTS = {
    "/conversationRoutingData/skills": [("id",), ("name",), ("selfUri",)],
    "/conversationRoutingData/scoredAgents": [("agent", "id"), ("agent", "name"), ("agent", "selfUri"), ("score",)],
    "/errorInfo/details": [("errorCode",), ("fieldName",), ("entityId",), ("entityName",)],
}
# A peer's process tells the time of its query by this word: starting Python is not held against it.
SECONDS = "query-seconds"
SUMS = {
    "rows": "count(*)",
    "ids": "count(id)",
    "id bytes": "sum(strlen(id))",
    "address bytes": "sum(strlen(address))",
    "starts": "sum(epoch_ms(start_time))",
    "wrap-ups": "sum(wrapup_duration_seconds)",
    "roles": "sum(len(media_roles))",
    "attributes": "sum(cardinality(attributes))",
    "attribute bytes": "sum(strlen(array_to_string(map_values(attributes), '')))",
    "scores": "sum(list_sum(list_transform(conversation_routing_data_scored_agents, lambda a: a.score)))",
}


class Column:
    """A column of the table, and where its value is in a participant or in the conversation around it."""

    def __init__(self, told):
        self.name, self.path = told["name"], told.get("path") or ""
        self.of_parent = self.path.startswith("../")
        self.steps = tuple(s.replace("~1", "/").replace("~0", "~") for s in self.path.removeprefix("../").removeprefix("/").split("/"))
        text = told["type"].lower()
        if text.startswith(("list<struct", "list<{")) or self.path in ELEMENTS:
            self.kind = "structs"
        elif text.startswith("list"):
            self.kind = "list"
        elif text.startswith("map"):
            self.kind = "map"
        else:
            marks = (("timestamp", "instant"), ("instant", "instant"), ("int", "integer"), ("bool", "bool"),
                     ("double", "double"), ("float", "double"), ("number", "double"))  # fmt: skip
            self.kind = next((kind for mark, kind in marks if mark in text), "text")

    def wanted(self, shape):
        if self.kind == "structs" and self.path not in ELEMENTS:
            raise SystemExit(f"{self.path} is a list of objects that compare_peers.py does not know: add it to ELEMENTS")
        inside = self.path.startswith("/") or (self.of_parent and not self.path.startswith("../../") and shape == "conversations")
        return inside and self.name != "extra"


def element_name(steps):
    return "_".join(re.sub("([a-z])([A-Z])", r"\1_\2", s).lower() for s in steps)


class DuckDb:
    types = {"text": "VARCHAR", "integer": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "instant": "TIMESTAMP",
             "list": "VARCHAR[]", "map": "MAP(VARCHAR, VARCHAR)"}  # fmt: skip

    @classmethod
    def type_of(cls, node):
        if isinstance(node, dict):
            return "STRUCT(" + ", ".join(f'"{name}" {cls.type_of(member)}' for name, member in node.items()) + ")"
        if isinstance(node, list):
            return cls.type_of(tree([(steps, "integer" if steps == ("score",) else "text") for steps in node])) + "[]"
        return cls.types[node]

    @staticmethod
    def value(base, column):
        inner = ".".join(f'"{s}"' for s in (*base, *column.steps))
        if column.kind == "structs":
            members = ", ".join(f"{element_name(s)}: e." + ".".join(f'"{x}"' for x in s) for s in ELEMENTS[column.path])
            return f"list_transform({inner}, lambda e: {{{members}}})"
        return inner

    @classmethod
    def prepare(cls, said, columns):
        import duckdb

        inside = [c for c in columns if not c.of_parent]
        members = tree([(c.steps, ELEMENTS.get(c.path) if c.kind == "structs" else c.kind) for c in inside])
        if said.shape == "conversations":
            outside = [c for c in columns if c.of_parent]
            document = tree([(c.steps, c.kind) for c in outside])
            types = {name: cls.type_of(node) for name, node in document.items()} | {"participants": cls.type_of(members) + "[]"}
            select = [f"{cls.value(['c'], c)} AS {c.name}" for c in outside] + [f"{cls.value(['p'], c)} AS {c.name}" for c in inside]
            source = "(SELECT c, unnest(c.participants) AS p FROM {file} AS c)"
            start = "p.\"startTime\""
        else:
            types = {name: cls.type_of(node) for name, node in members.items()}
            select = [f"{cls.value([], c)} AS {c.name}" for c in inside]
            source, start = "{file}", '"startTime"'
        listed = ", ".join(f"'{name}': '{type_name}'" for name, type_name in types.items())
        file = f"read_json('{said.input}', format = 'newline_delimited', columns = {{{listed}}}, maximum_object_size = 67108864)"
        sql = (f"COPY (SELECT {', '.join(select)}, CAST({start} AS DATE) AS start_time_day FROM {source.format(file=file)}) "
               f"TO '{said.out}' (FORMAT parquet, PARTITION_BY (start_time_day), COMPRESSION zstd)")  # fmt: skip
        connection = duckdb.connect()
        connection.execute(f"SET threads = {said.threads}; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
        return lambda: connection.execute(sql)


class ClickHouse:
    types = {"text": "Nullable(String)", "integer": "Nullable(Int64)", "double": "Nullable(Float64)", "bool": "Nullable(Bool)",
             "instant": "Nullable(DateTime64(6, \\'UTC\\'))", "list": "Array(Nullable(String))", "map": "Map(String, Nullable(String))"}  # fmt: skip

    @classmethod
    def type_of(cls, node):
        if isinstance(node, dict):
            return "Tuple(" + ", ".join(f"`{name}` {cls.type_of(member)}" for name, member in node.items()) + ")"
        if isinstance(node, list):
            return "Array(" + cls.type_of(tree([(steps, "integer" if steps == ("score",) else "text") for steps in node])) + ")"
        return cls.types[node]

    @staticmethod
    def value(base, steps):
        out = base or f"`{steps[0]}`"
        for step in steps if base else steps[1:]:
            out = f"tupleElement({out}, '{step}')"
        return out

    @classmethod
    def column(cls, base, column):
        value = cls.value(base, column.steps)
        if column.kind != "structs":
            return value
        elements = ELEMENTS[column.path]
        names = ", ".join(f"{element_name(s)} {'Nullable(Int64)' if s == ('score',) else 'Nullable(String)'}" for s in elements)
        return f"CAST(arrayMap(e -> tuple({', '.join(cls.value('e', s) for s in elements)}), {value}), 'Array(Tuple({names}))')"

    @classmethod
    def prepare(cls, said, columns):
        import chdb

        inside, outside = [c for c in columns if not c.of_parent], [c for c in columns if c.of_parent]
        members = tree([(c.steps, ELEMENTS.get(c.path) if c.kind == "structs" else c.kind) for c in inside])
        if said.shape == "conversations":
            document = tree([(c.steps, c.kind) for c in outside])
            structure = [f"`{name}` {cls.type_of(node)}" for name, node in document.items()] + [f"participants Array({cls.type_of(members)})"]
            select = [f"{cls.column('', c)} AS `{c.name}`" for c in outside] + [f"{cls.column('p', c)} AS `{c.name}`" for c in inside]
            source = "(SELECT * EXCEPT participants, arrayJoin(participants) AS p FROM {file})"
        else:
            structure = [f"`{name}` {cls.type_of(node)}" for name, node in members.items()]
            select = [f"{cls.column('', c)} AS `{c.name}`" for c in inside]
            source = "{file}"
        file = f"file('{said.input}', JSONEachRow, '{', '.join(structure)}')"
        # the engine makes no folders by itself
        sql = (f"INSERT INTO FUNCTION file('{said.out}/start_time_day={{_partition_id}}.parquet', Parquet) "
               f"PARTITION BY toDate(assumeNotNull(start_time)) SELECT {', '.join(select)} FROM {source.format(file=file)} "
               f"SETTINGS max_threads = {said.threads}, date_time_input_format = 'best_effort', max_partitions_per_insert_block = 0, "
               "output_format_parquet_compression_method = 'zstd', engine_file_truncate_on_insert = 1")  # fmt: skip
        os.makedirs(said.out, exist_ok=True)
        return lambda: chdb.query(sql)


def tree(leaves):
    """Paths with their kinds as nested dictionaries, in the order given."""
    out = {}
    for steps, kind in leaves:
        node = out
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = kind
    return out


def command(engine, said, out):
    if engine == "partiquet":
        return [said.partiquet, "convert", said.input, "--out", out, "--partition-by", "day(start_time)", "--attribute-columns", "none",
                "--threads", str(said.threads), "--progress", "none"]  # fmt: skip
    return [sys.executable, __file__, "--child", engine, "--input", said.input, "--shape", said.shape, "--threads", str(said.threads),
            "--partiquet", said.partiquet, "--out", out]  # fmt: skip


def measure(words):
    """Wall seconds and peak resident bytes of one child; of a peer's child, the seconds of its query alone."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if child.returncode:
        raise SystemExit(f"{words[:4]} failed with {child.returncode}:\n{text[-4000:]}")
    for line in text.splitlines():
        if line.startswith(SECONDS):
            seconds = float(line.split()[1])
    return seconds, usage.ru_maxrss * 1024


def rows_of(out):
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in pathlib.Path(out).rglob("*.parquet"))


def sums_of(out):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
    # only what is summed is read; the partition column is not
    row = connection.execute(f"SELECT {', '.join(SUMS.values())} FROM read_parquet('{out}/**/*.parquet', hive_partitioning = false)").fetchone()
    return dict(zip(SUMS, (None if v is None else int(v) for v in row)))


def columns_of(said):
    told = subprocess.run([said.partiquet, "schema", "--as", "json"], check=True, capture_output=True, text=True).stdout
    return [c for c in map(Column, json.loads(told)["columns"]) if c.wanted(said.shape)]


def compare(said):
    results = {engine: [] for engine in said.engines}
    sums, size = {}, {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="partiquet-compare-", dir=said.work))
    try:
        with open(said.input, "rb") as source:  # into the page cache, for all alike
            while source.read(1 << 24):
                pass
        for number in range(said.rounds):
            turn = number % len(said.engines)
            for engine in said.engines[turn:] + said.engines[:turn]:
                out = str(folder / engine)
                shutil.rmtree(out, ignore_errors=True)
                seconds, peak = measure(command(engine, said, out))
                size[engine] = sum(p.stat().st_size for p in pathlib.Path(out).rglob("*.parquet"))
                found = sums_of(out) if number == 0 else {**sums[engine], "rows": rows_of(out)}
                if sums.setdefault(engine, found) != found:
                    raise SystemExit(f"{engine} gave other rows in round {number + 1}: {found} after {sums[engine]}")
                results[engine].append((seconds, peak))
                print(f"round {number + 1}  {engine:<11} {seconds:7.2f} s  {peak / 1e6:6.0f} MB", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    first = said.engines[0]
    for engine in said.engines[1:]:
        differing = {what: (sums[first][what], sums[engine][what]) for what in SUMS if sums[first][what] != sums[engine][what]}
        if differing:
            raise SystemExit(f"{first} and {engine} disagree: {differing}")
    report(said, results, size, sums[first]["rows"])


def report(said, results, size, rows):
    first = said.engines[0]
    print(f"{os.path.basename(said.input)}: {os.path.getsize(said.input) / 1e6:.0f} MB, {rows} rows, {said.threads} threads, {said.rounds} rounds\n")
    print(f"| engine | median s | best s | times {first}'s (median of rounds) | peak RSS MB | output MB |")
    print("|---|---|---|---|---|---|")
    for engine, runs in results.items():
        seconds = [s for s, _ in runs]
        ratio = statistics.median(s / own for s, (own, _) in zip(seconds, results[first]))
        peak = max(p for _, p in runs) / 1e6
        print(f"| {engine} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {ratio:.2f} | {peak:.0f} | {size[engine] / 1e6:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", required=True)
    parser.add_argument("--shape", choices=["participants", "conversations"], default="participants")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=ENGINES)
    parser.add_argument("--partiquet", default=os.environ.get("PARTIQUET_BIN", str(ROOT / "target/release/partiquet")))
    parser.add_argument("--work", default=None, help="folder for the outputs; the system's temporary folder by default")
    parser.add_argument("--child", choices=["duckdb", "clickhouse"], help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    said = parser.parse_args()
    said.input = os.path.abspath(said.input)
    if said.child:
        query = {"duckdb": DuckDb, "clickhouse": ClickHouse}[said.child].prepare(said, columns_of(said))
        began = time.monotonic()
        query()
        print(SECONDS, time.monotonic() - began)
    else:
        compare(said)


if __name__ == "__main__":
    main()
