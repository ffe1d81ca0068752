#!/usr/bin/env bash
# Runs everything that must hold before a change goes in: format, lints, documentation, all tests.
#
#     tests/all.sh
#
# It needs cargo (with rustfmt and clippy), compilers for C and C++ (parts of zstd, the allocator and the fuzzer),
# Python 3.11 or newer with its venv module, and Java 17 or newer, which the Spark tests start. It installs the Python
# packages itself, into a folder below target/. It stops at the first step that fails, with exit code 1.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# No step may wait for input.
exec </dev/null

current="start"

step() {
    current=$1
    printf '\n==> %s\n' "$current"
}

fail() {
    printf '\ntests/all.sh: %s\n' "$1" >&2
    trap - EXIT
    exit 1
}

on_exit() {
    local code=$?
    if [ "$code" -ne 0 ]; then
        printf '\ntests/all.sh: FAILED at "%s"\n' "$current" >&2
        exit 1
    fi
}
trap on_exit EXIT

step "what is needed"
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing: rustup component add rustfmt"
cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing: rustup component add clippy"

command -v "${CXX:-c++}" >/dev/null || fail "a C++ compiler is missing, and the fuzzer needs it: install g++ or clang, or set CXX"

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 or newer, or name one in PYTHON"

# Without these a few tests pass without testing anything. They are named here and at the end.
untested=()
command -v strace >/dev/null ||
    untested+=("kills and refusals at single calls of the system, and power cuts: strace is missing")
disk=$(mktemp -d)
if mount -t tmpfs -o size=1m none "$disk" 2>/dev/null; then
    umount "$disk"
else
    untested+=("full disks: this user cannot mount a small file system")
fi
rmdir "$disk"
if [ "$(id -u)" -eq 0 ] && ! "$python" -c 'import os; os.setgid(65534); os.setuid(65534)' 2>/dev/null; then
    untested+=("folders that may not be written to: root cannot become another user")
fi
tell_untested() {
    if [ ${#untested[@]} -gt 0 ]; then printf 'not tested here: %s\n' "${untested[@]}"; fi
}
tell_untested

# Spark looks for Java in this order.
java=java
if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; fi
command -v "$java" >/dev/null ||
    fail "Java is missing, and the Spark tests need it: install a JDK or JRE of version 17 or newer, or set JAVA_HOME"
java_version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${java_version:-0}" -ge 17 ] ||
    fail "Java ${java_version:-of unknown version} is too old for Spark: install version 17 or newer, or set JAVA_HOME"

cargo --version
"$python" --version
echo "Java $java_version"
target=$(cargo metadata --format-version 1 --no-deps --locked |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

step "Python packages"
environment=$(PYTHON=$python tests/python/environment.sh)

# The fuzz targets are a separate crate, which calls much of this one.
step "format"
cargo fmt --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

step "lints"
cargo clippy --all-targets --locked -- -D warnings
CARGO_TARGET_DIR=$target cargo clippy --manifest-path fuzz/Cargo.toml --locked -- -D warnings

# Who embeds the library builds it without the program.
step "the library alone"
cargo check --lib --no-default-features --locked

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

step "Rust tests"
cargo test --locked

# Each target runs for a minute, two at a time, after some minutes of building. A fixed seed gives the same result for
# the same code; run `fuzz/run.sh` by hand to try different inputs each time.
step "fuzzing"
FUZZ_SEED=${FUZZ_SEED:-1} CARGO_TARGET_DIR=$target fuzz/run.sh "${FUZZ_SECONDS:-60}"

# The tests above built this binary; a release build would take minutes and test the same code.
step "Python tests: five engines read what was written"
PARTIQUET_BIN=$target/debug/partiquet "$environment/bin/python" -m pytest -q -p no:cacheprovider tests/python

printf '\n'
tell_untested
echo "tests/all.sh: all passed"
