#!/usr/bin/env bash
# Runs `partiquet bench` from a fresh clone: builds the program, creates the Python environment of the peers, and
# measures.
#
#     benches/run.sh --size 1GB --peers duckdb,clickhouse,polars,pyarrow --html bench.html
#
# It needs cargo and Python 3.11 or newer with its venv module; for Spark Java 17 or newer.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

environment=$("$root/tests/python/environment.sh")
# Relative paths among the options refer to the folder from which this script is called.
exec cargo run --quiet --release --locked --manifest-path "$root/Cargo.toml" -- \
    bench --peers-python "$environment/bin/python" "$@"
