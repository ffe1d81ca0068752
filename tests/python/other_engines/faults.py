"""What this program and three others do when something goes wrong: each is really called, and what it leaves is inspected.

    PARTIQUET_BIN=target/debug/partiquet target/python/bin/python tests/python/other_engines/faults.py [CASE...] [ENGINE...]

Needs root for the case `disk`, which mounts a small tmpfs. Prints a line for each case and engine, and takes some
minutes, mostly for Spark. docs/reliability.md has its output. The calls are in `write.py`.
"""

import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = ("partiquet", "DuckDB", "ClickHouse", "Spark")
NULL = "__HIVE_DEFAULT_PARTITION__"
SECONDS_MAX = 600
DISK = "6m"


def start(engine, source, out, *more):
    """Starts the engine in a process group of its own, so that all of it can be killed."""
    words = [sys.executable, HERE / "write.py", engine, source, out, *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(process):
    """Returns the exit code and the last message."""
    said, _ = process.communicate(timeout=SECONDS_MAX)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # In a Java trace the first line that names an error counts, otherwise the last line.
    told = [line for line in lines if "Caused by" in line or "Exception:" in line or "Error:" in line] or lines[-1:]
    return process.returncode, told[-1][:200] if told else ""


def write(engine, source, out, *more):
    return finish(start(engine, source, out, *more))


def visible(out):
    """Data files that a reader of `**/*.parquet` finds; only Hive readers hide names that begin with `_` or `.`."""
    return sorted(path for path in pathlib.Path(out).glob("**/*.parquet"))


def is_hidden(path, out):
    return any(part[0] in "_." for part in path.relative_to(out).parts[:-1])


def left(out):
    """Describes the content of the folder in a sentence."""
    import pyarrow.parquet as pq

    files, rows, broken, hidden = visible(out), 0, 0, 0
    for path in files:
        hidden += is_hidden(path, out)
        try:
            rows += pq.ParquetFile(path).metadata.num_rows
        except Exception:
            broken += 1
    others = [path for path in pathlib.Path(out).glob("**/*") if path.is_file() and path not in files]
    return (
        f"{len(files)} .parquet files ({hidden} of them in hidden folders), {broken} of them unreadable, "
        f"{rows} rows in the others; {len(others)} other files"
    )


def rows_file(path, rows, seed=1, partitions=12):
    """Writes NDJSON of participants; the names are not compressible."""
    chance = random.Random(seed)
    with open(path, "w") as file:
        for n in range(rows):
            row = {"id": f"r{n}", "purpose": f"p{n % partitions}", "name": chance.randbytes(100).hex()}
            file.write(json.dumps(row) + "\n")
    return path


def kill(engine, folder):
    """Kills all of it with SIGKILL, a little after the first data file has appeared."""
    source, out = rows_file(folder / "rows.ndjson", 600_000), folder / "out"
    process = start(engine, source, out)
    data = ("**/*.parquet", "**/*.staged")
    while process.poll() is None and not any(next(out.glob(pattern), None) for pattern in data):
        time.sleep(0.01)
    time.sleep(0.15)
    was_alive = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    found = left(out)
    code, said = write(engine, source, out)
    again = "the same call again is done" if code == 0 else f"the same call again: {said}"
    return f"{'killed' if was_alive else 'ENDED BEFORE'}; {found}; {again}, then {left(out)}"


def disk(engine, folder):
    """A file system of a few MB, for an output of about 20 MB."""
    source, mount = rows_file(folder / "rows.ndjson", 200_000), folder / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", mount], check=True)
    try:
        code, said = write(engine, source, mount / "out")
        return f"exit code {code}: {said}; {left(mount / 'out')}"
    finally:
        subprocess.run(["umount", mount], check=True)


def bad(engine, folder):
    """One record that is not JSON, in the middle of 2,000."""
    source = rows_file(folder / "rows.ndjson", 2_000)
    lines = source.read_text().splitlines()
    lines.insert(1_000, '{"id": "broken", "purpose": ')
    source.write_text("\n".join(lines) + "\n")
    told = []
    for name, more in (("strict", ()), ("lenient", ("lenient",))):
        code, said = write(engine, source, folder / name, *more)
        told.append(f"{name}: exit code {code} {said}; {left(folder / name)}")
    return " | ".join(told)


def cut(engine, folder):
    """A gz file without its last quarter."""
    source = rows_file(folder / "rows.ndjson", 100_000)
    whole = gzip.compress(source.read_bytes(), 1)
    target = folder / "rows.ndjson.gz"
    target.write_bytes(whole[: len(whole) * 3 // 4])
    code, said = write(engine, target, folder / "out")
    return f"exit code {code}: {said}; {left(folder / 'out')}"


def sentinel(engine, folder):
    """A value that equals the folder name of null: among others, and together with null, the empty text and a slash."""
    told = []
    for name, values in (("alone", [NULL, "plain"]), ("mixed", [NULL, None, "", "a/b", "plain"])):
        source, out = folder / f"{name}.ndjson", folder / name
        rows = ({"id": f"v{n}", "purpose": value, "name": "x"} for n, value in enumerate(values))
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        code, said = write(engine, source, out)
        folders = sorted({str(path.parent.relative_to(out)) for path in visible(out)})
        told.append(f"{name}: exit code {code} {said}; folders {folders}")
        for reader in ("DuckDB", "Spark") if folders else ():
            done = subprocess.run([sys.executable, __file__, "read", reader, out], capture_output=True, text=True)
            told.append(f"{reader} reads {(done.stdout or done.stderr).strip().splitlines()[-1]}")
    return "; ".join(told)


def read(reader, out):
    """Prints the values of `purpose`, by `id`."""
    if reader == "DuckDB":
        import duckdb

        rows = duckdb.sql(
            f"SELECT id, purpose FROM read_parquet('{out}/**/*.parquet', hive_partitioning = true, hive_types = {{'purpose': VARCHAR}}) ORDER BY id"
        ).fetchall()
    else:
        from write import session

        spark = session()
        spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        rows = [tuple(row) for row in spark.read.parquet(out).select("id", "purpose").orderBy("id").collect()]
    print(rows)


CASES = {"kill": kill, "disk": disk, "bad": bad, "cut": cut, "sentinel": sentinel}

if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read(*sys.argv[2:])
        sys.exit()
    os.environ["PARTIQUET_BIN"] = str(pathlib.Path(os.environ["PARTIQUET_BIN"]).resolve())
    asked = sys.argv[1:]
    for case in [case for case in CASES if case in asked] or CASES:
        for engine in [engine for engine in ENGINES if engine in asked] or ENGINES:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{case:8} {engine:10} {CASES[case](engine, pathlib.Path(folder))}", flush=True)
