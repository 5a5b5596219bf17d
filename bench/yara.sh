#!/usr/bin/env bash
# How fast Piste's YARA scan is beside yara-x itself on the same files and rules. See README.md.
#   FILES=FOLDER RULES=FILE.yar bench/yara.sh
# a: `piste investigate FOLDER` without YARA rules: seal, hash, a row a file.  b: the same with the rules.
# c: `yr scan`, yara-x's own command, where it is on the PATH, else the bare loop of examples/yara_scan.rs.
set -euo pipefail
cd "$(dirname "$0")/.."

FILES=$(realpath "${FILES:?give a folder of files: FILES=FOLDER}")
RULES=$(realpath "${RULES:-rules/yara/webshell_asp.yar}")
THREADS=${THREADS:-$(nproc)}
ROUNDS=${ROUNDS:-3}
WORK=${WORK:-$(mktemp -d)}
if [[ -z "${PISTE:-}" ]]; then
  cargo build --release --workspace
  PISTE=${CARGO_TARGET_DIR:-target}/release/piste
fi
PISTE=$(realpath "$PISTE")
YR=$(command -v yr || true)
if [[ -z "$YR" && -z "${SCAN:-}" ]]; then
  cargo build --release --workspace --example yara_scan
  SCAN=${CARGO_TARGET_DIR:-target}/release/examples/yara_scan
fi
bytes=$(find "$FILES" -type f -printf '%s\n' | awk '{sum += $1} END {print sum}')
echo "$(find "$FILES" -type f | wc -l) files, $bytes bytes, $THREADS threads, rules $RULES"

# Seconds of one command, wall clock.
seconds() { local t; t=$( { TIMEFORMAT=%R; time "$@" > "$WORK/out" 2> "$WORK/err" || [[ $? -le 3 ]]; } 2>&1 ); echo "$t"; }
rate() { awk -v b="$bytes" -v s="$1" 'BEGIN {printf "%.0f MB/s", b / 1e6 / s}'; }

for round in $(seq "$ROUNDS"); do
  # What the page cache holds is the same for all: read everything once.
  find "$FILES" -type f -exec cat {} + > /dev/null
  rm -rf "$WORK/a" "$WORK/b"
  a=$(seconds "$PISTE" investigate "$FILES" --case "$WORK/a" --no-built-in-rules --rules bench/no-rules --threads "$THREADS" -q)
  b=$(seconds "$PISTE" investigate "$FILES" --case "$WORK/b" --no-built-in-rules --rules bench/no-rules --yara "$RULES" --threads "$THREADS" -q)
  echo "round $round: a $a s ($(rate "$a")), b $b s ($(rate "$b")), the scan alone by difference: $(awk -v a="$a" -v b="$b" 'BEGIN {printf "%.2f s", b - a}')"
  if [[ -n "$YR" ]]; then
    c=$(seconds "$YR" scan --recursive --threads "$THREADS" --relaxed-re-syntax -d 'filename=""' -d 'filepath=""' -d 'extension=""' -d 'filetype=""' -d 'owner=""' "$RULES" "$FILES")
    echo "round $round: c yr scan $c s ($(rate "$c"))"
  else
    echo "round $round: c yara-x bare: $("$SCAN" "$RULES" "$FILES" "$THREADS")"
  fi
done
