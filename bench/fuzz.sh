#!/bin/sh
# Runs the fuzz targets with AddressSanitizer, each for so many seconds, and says what failed.
#
#     bench/fuzz.sh [SECONDS [TARGET...]]        all targets, 1200 s each, if nothing is said
#
# It needs the pinned toolchain and a C++ compiler, no nightly and no cargo-fuzz: RUSTC_BOOTSTRAP=1 lets the pinned compiler
# take the two flags that are not stable. What a target finds lies in fuzz/artifacts/TARGET-*; to run it again:
#     fuzz/target/x86_64-unknown-linux-gnu/release/TARGET FILE
# An input that takes over a minute or 1.5 GB is a failure too.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds=${1:-1200}
[ $# -gt 0 ] && shift
triple=x86_64-unknown-linux-gnu
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="$coverage -Zsanitizer=address --cfg fuzzing -Cdebug-assertions -Coverflow-checks"
cargo build --release --target "$triple" --bins
targets=${*:-$(ls fuzz_targets | sed 's/\.rs$//')}
mkdir -p artifacts
failed=
for target in $targets; do
    mkdir -p "corpus/$target"
    echo "== $target"
    if ! "target/$triple/release/$target" "corpus/$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1500 \
        -artifact_prefix="artifacts/$target-" -print_final_stats=1 >"artifacts/$target.log" 2>&1; then
        failed="$failed $target"
        grep -E "panicked|ERROR|SUMMARY|Test unit written" "artifacts/$target.log" | head -5 || true
    fi
    grep -E "number_of_executed_units|peak_rss" "artifacts/$target.log" || true
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
