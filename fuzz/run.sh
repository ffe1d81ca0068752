#!/usr/bin/env bash
# Fuzzes the targets for a while, two at a time, with the same tools that build partiquet: stable Rust and a C++
# compiler.
#
#     fuzz/run.sh                    # each target for a minute, as CI does
#     fuzz/run.sh 600                # each for ten minutes
#     fuzz/run.sh 600 decode paths   # only these
#
# Each run tries different inputs, unless FUZZ_SEED is a number other than 0.
#
# The crate libfuzzer-sys builds libFuzzer; the flags below are those of `cargo fuzz -s none`, and need no nightly
# toolchain. Inputs that reach new code go to target/fuzz/found and are used in later runs; the seeds are in
# fuzz/corpus. The first target that stops ends the script with exit code 1, and the script says where the input is.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export SECONDS_EACH=${1:-60}
[[ $SECONDS_EACH =~ ^[1-9][0-9]*$ ]] || { echo "fuzz/run.sh: seconds, not $SECONDS_EACH" >&2; exit 2; }
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

host=$(rustc -vV | sed -n 's/^host: //p')
export FUZZ=${CARGO_TARGET_DIR:-target}/fuzz
flags=(-Cpasses=sancov-module)
for what in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$what")
done
flags+=(--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Ccodegen-units=4)
# With --target the flags apply only to what is fuzzed, and not to build scripts.
RUSTFLAGS="${flags[*]}" cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$FUZZ"
export PROGRAMS=$FUZZ/$host/release

fuzz_one() {
    local target=$1 options=(-rss_limit_mb=3000 -timeout=120 -print_final_stats=1 "-seed=${FUZZ_SEED:-0}")
    case $target in
        decode) options+=(-dict=fuzz/dict/json.dict -max_len=6000) ;;
        model_file) options+=(-dict=fuzz/dict/model.dict -max_len=16000) ;;
    esac
    local found=$FUZZ/found/$target log=$FUZZ/$target.log seeds=()
    mkdir -p "$found" "$FUZZ/artifacts/$target"
    if [ -d "fuzz/corpus/$target" ]; then seeds=("fuzz/corpus/$target"); fi
    if "$PROGRAMS/$target" "$found" "${seeds[@]}" "${options[@]}" \
        -max_total_time="$SECONDS_EACH" -artifact_prefix="$FUZZ/artifacts/$target/" >"$log" 2>&1; then
        printf '%-12s %s runs, nothing found\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    else
        tail -n 40 "$log"
        printf '%-12s stopped: the input is in %s; fuzz/README.md says what to do\n' "$target" "$FUZZ/artifacts/$target"
        # The remaining targets are not started.
        exit 255
    fi
}
export -f fuzz_one
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz_one {}' || exit 1
