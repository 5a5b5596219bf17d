#!/usr/bin/env bash
# Instruction counts of parsing, planning and matching on a fixed input: the same on a busy machine. See README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

ROWS=${ROWS:-20000}
WORK=${WORK:-${TMPDIR:-/tmp}/piste-bench}
RULES=${RULES:-}
command -v valgrind > /dev/null || { echo "error: valgrind is not installed" >&2; exit 2; }
mkdir -p "$WORK"
WORK=$(realpath "$WORK")
if [[ -z "${PISTE:-}" ]]; then
  cargo build --release -p piste
  PISTE=${CARGO_TARGET_DIR:-target}/release/piste
fi
PISTE=$(realpath "$PISTE")
[[ -n "$RULES" ]] || echo "MISSING: RULES is not set: only reading is counted" >&2

evidence="$WORK/instructions-$ROWS"
if [[ ! -e "$evidence.json" ]]; then
  rm -rf "$evidence"
  "$PISTE" lab generate --rows "$ROWS" --seed 1 --threads 1 --out "$evidence" --stats "$evidence.json" > /dev/null
fi

count() {
  local name=$1 rules=$2 cache=$3
  rm -rf "$WORK/case-instructions"
  PISTE_CACHE=$cache valgrind --tool=callgrind --callgrind-out-file="$WORK/callgrind.$name" --quiet \
    "$PISTE" --quiet --case "$WORK/case-instructions" --at 2025-01-01T00:00:00Z \
    investigate "$evidence" --threads 1 --no-built-in-rules --rules "$rules" > /dev/null
  callgrind_annotate --auto=no --threshold=100 "$WORK/callgrind.$name" > "$WORK/callgrind.$name.txt"
  python3 bench/by_crate.py "$name" "$WORK/callgrind.$name.txt"
}

count reading bench/no-rules off
if [[ -n "$RULES" ]]; then
  RULES=$(realpath "$RULES")
  count reading-planning-matching "$RULES" off
  # A run without valgrind leaves the compiled rules in the cache: what remains beside reading is matching.
  rm -rf "$WORK/case-instructions"
  PISTE_CACHE="$WORK/cache" "$PISTE" --quiet --case "$WORK/case-instructions" investigate "$evidence" \
    --no-built-in-rules --rules "$RULES" > /dev/null
  count reading-matching "$RULES" "$WORK/cache"
fi
