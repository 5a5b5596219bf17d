#!/usr/bin/env bash
# How long it takes to hold many rows against many indicators. See README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

ROWS=${ROWS:-10000000}
INDICATORS=${INDICATORS:-1000000}
FEW=${FEW:-1000}
ROUNDS=${ROUNDS:-3}
SEED=${SEED:-1}
FORMAT=${FORMAT:-jsonl}
WORK=${WORK:-${TMPDIR:-/tmp}/piste-bench}

case "$(realpath -m "$WORK")/" in
  "$(pwd -P)"/*) echo "error: WORK=$WORK lies in the source tree; give a folder outside it" >&2; exit 2 ;;
esac
mkdir -p "$WORK"
WORK=$(realpath "$WORK")
if [[ -z "${PISTE:-}" ]]; then
  cargo build --release -p piste
  PISTE=${CARGO_TARGET_DIR:-target}/release/piste
fi
PISTE=$(realpath "$PISTE")

evidence="$WORK/sightings-$FORMAT-$ROWS-$SEED"
case="$WORK/case-sightings-$FORMAT-$ROWS-$SEED"
if [[ ! -e "$case/out/summary.json" ]]; then
  rm -rf "$evidence" "$case"
  "$PISTE" lab generate --rows "$ROWS" --seed "$SEED" --format "$FORMAT" --out "$evidence" > /dev/null
  "$PISTE" --quiet --case "$case" investigate "$evidence" --no-built-in-rules --rules bench/no-rules > /dev/null
  rm -rf "$evidence" # the rows are in the lake; the evidence is not needed again
fi

for count in "$FEW" "$INDICATORS"; do
  feed="$WORK/feed-$count-$SEED.csv"
  [[ -e "$feed" ]] || python3 bench/indicators.py "$count" "$SEED" > "$feed"
  for round in $(seq "$ROUNDS"); do
    find "$case/lake" -type f -exec cat {} + > /dev/null # the page cache is warm
    python3 - "$count" "$ROWS" "$round" "$PISTE" --case "$case" sightings --no-earlier-indicators --indicators "$feed" --json <<'PY'
import re, resource, subprocess, sys, time
count, rows, rnd, *command = sys.argv[1:]
start = time.perf_counter()
done = subprocess.run(command, capture_output=True, text=True)
wall = time.perf_counter() - start
if done.returncode:
    sys.exit(f"exit {done.returncode}: {done.stderr[-600:]}")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
held = re.search(r"Held .* in ([0-9.]+) s \(.*\)", done.stderr)
print(f"{int(count):,} indicators, {int(rows):,} rows, round {rnd}: {wall:.2f} s the whole command, "
      f"{held.group(1)} s of it holding rows against indicators; {used.ru_utime + used.ru_stime:.2f} s of CPU, "
      f"{used.ru_maxrss / 1024:.0f} MB; {len(done.stdout.splitlines())} seen")
print("  " + held.group(0))
PY
  done
done
