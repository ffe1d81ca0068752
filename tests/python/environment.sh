#!/usr/bin/env bash
# Creates the Python environment of the tests and of the benchmark's peers below target/, unless it exists already, and
# prints its path. PYTHON names the Python to create it with.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
    printf '%s: %s\n' "${BASH_SOURCE[0]##*/}" "$1" >&2
    exit 1
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 or newer, or name one in PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old for the packages: they need 3.11 or newer; PYTHON can name one"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "the venv module of $python is missing (Debian and Ubuntu: apt install python3-venv)"

target=$(cargo metadata --format-version 1 --no-deps --locked |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
requirements=tests/python/requirements.txt
environment=$target/python
wanted=$("$python" -c 'import hashlib, sys; print(sys.version, hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' \
    "$requirements")
if [ "$(cat "$environment/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "installing what $requirements wants" >&2
    "$python" -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -r "$requirements" >&2
    # Written last, so that an interrupted installation is repeated.
    printf '%s\n' "$wanted" >"$environment/installed"
fi
printf '%s\n' "$environment"
