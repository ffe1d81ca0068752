"""What all tests share: the binary, a way to run it, the converted samples, and one Spark session."""

import json
import os
import pathlib
import subprocess
import time

import pytest

# Instants are compared as UTC; Python's own conversions must not add the zone of the machine.
os.environ["TZ"] = "UTC"
time.tzset()

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample-data"
RUN_SECONDS_MAX = 120


class Partiquet:
    """The binary under test."""

    def __init__(self, path):
        self.path = path

    def run(self, *words):
        return subprocess.run([self.path, *map(str, words)], capture_output=True, text=True, timeout=RUN_SECONDS_MAX)

    def convert(self, *inputs, out, code=0, **options):
        """Converts and returns the report. `partition_by="purpose"` becomes `--partition-by purpose`."""
        report = out.parent / f"{out.name}.report.json"
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        done = self.run("convert", *inputs, "--out", out, "--progress", "none", "--report", report, *words)
        assert done.returncode == code, f"exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        return json.loads(report.read_text()) if report.exists() else None

    def columns(self):
        done = self.run("schema", "--as", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["columns"]


@pytest.fixture(scope="session")
def partiquet():
    said = os.environ.get("PARTIQUET_BIN")
    places = [pathlib.Path(said)] if said else [ROOT / "target/release/partiquet", ROOT / "target/debug/partiquet"]
    for place in places:
        if place.is_file():
            return Partiquet(place.resolve())
    pytest.fail(f"no binary at {' or '.join(map(str, places))}: run `cargo build --release` or set PARTIQUET_BIN")


@pytest.fixture(scope="session")
def samples(partiquet, tmp_path_factory):
    """All sample files in one dataset, in partitions with awkward names."""
    out = tmp_path_factory.mktemp("samples") / "calls"
    partiquet.convert(SAMPLES, out=out, partition_by="day(start_time),purpose")
    return out


@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("partiquet")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
