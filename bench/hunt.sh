#!/usr/bin/env bash
# How fast Piste reads, hunts and hunts again, beside other ways to do the same, in one run on one machine. See README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

ROWS=${ROWS:-1000000}
ROUNDS=${ROUNDS:-3}
SEED=${SEED:-1}
FORMAT=${FORMAT:-evtx}
THREADS=${THREADS:-$(nproc)}
WORK=${WORK:-${TMPDIR:-/tmp}/piste-bench}
RULES=${RULES:-}
EVTX_DUMP=${EVTX_DUMP:-}

case "$(realpath -m "$WORK")/" in
  "$(pwd -P)"/*) echo "error: WORK=$WORK lies in the source tree; give a folder outside it" >&2; exit 2 ;;
esac
mkdir -p "$WORK"
WORK=$(realpath "$WORK")
if [[ -n "$RULES" ]]; then RULES=$(realpath "$RULES"); fi
RESULTS="$WORK/results-$FORMAT.tsv"
: > "$RESULTS"

missing() { echo "MISSING: $*" >&2; printf 'missing\t%s\n' "$*" >> "$RESULTS"; }


if [[ -z "${PISTE:-}" ]]; then
  cargo build --release -p piste
  PISTE=${CARGO_TARGET_DIR:-target}/release/piste
fi
PISTE=$(realpath "$PISTE")

# Several runs need the rules; without them only reading is measured.
[[ -n "$RULES" ]] || missing "RULES is not set: b, c and d are left out (RULES=FOLDER bench/hunt.sh)"
hunts=no
if "$PISTE" hunt --help > /dev/null 2>&1; then hunts=yes; else missing "c: this build has no command \`piste hunt\`"; fi
rowwise=
if [[ -n "$RULES" ]]; then
  if [[ -n "${ROWWISE:-}" ]]; then
    rowwise=$(realpath "$ROWWISE")
  elif [[ -e crates/piste-hunt/examples/rowwise.rs ]]; then
    cargo build --release -p piste-hunt --example rowwise
    rowwise=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/rowwise")
  else
    missing "d: crates/piste-hunt has no example \`rowwise\`"
  fi
fi
if [[ "$FORMAT" != evtx ]]; then
  missing "e: evtx_dump reads EVTX only, and FORMAT=$FORMAT"
elif [[ -z "$EVTX_DUMP" ]]; then
  EVTX_DUMP=$(command -v evtx_dump || true)
  if [[ -z "$EVTX_DUMP" ]]; then
    [[ -x "$WORK/tools/bin/evtx_dump" ]] \
      || cargo install evtx --version 0.15.1 --locked --root "$WORK/tools" --target-dir "$WORK/tools/target" >&2 || true
    EVTX_DUMP="$WORK/tools/bin/evtx_dump"
    if [[ ! -x "$EVTX_DUMP" ]]; then
      EVTX_DUMP=
      missing "e: evtx_dump is not there and could not be installed"
    fi
  fi
fi

# run KEY KIND ROUND COMMAND...: wall seconds, CPU seconds and peak memory of the command and its children.
run() {
  local key=$1 kind=$2 round=$3
  shift 3
  python3 - "$RESULTS" "$key" "$kind" "$round" "$WORK/last.log" "$@" <<'PY'
import resource, subprocess, sys, time
results, key, kind, rnd, log, *command = sys.argv[1:]
with open(log, "wb") as err:
    start = time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=err).returncode
    wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(results, "a") as out:
    if code:
        print("missing", f"{key}, {kind}, round {rnd}: exit {code}: {' '.join(command)}", sep="\t", file=out)
        print(f"MISSING: {key}, {kind}, round {rnd} ended with {code}; its last words:", file=sys.stderr)
        sys.stderr.write(open(log, errors="replace").read()[-600:] + "\n")
    else:
        cpu = used.ru_utime + used.ru_stime
        peak = used.ru_maxrss / 1024
        print("run", key, kind, rnd, f"{wall:.3f}", f"{cpu:.3f}", f"{peak:.1f}", sep="\t", file=out)
        print(f"{key} {kind} round {rnd}: {wall:.2f} s, {cpu:.2f} s of CPU, {peak:.0f} MB", file=sys.stderr)
PY
}

# Reading from a cold disk would measure the disk: each file is read once before a round.
warm() { find "$1" -type f -exec cat {} + > /dev/null; }

for kind in usual unique; do
  evidence="$WORK/$kind-$FORMAT-$ROWS-$SEED"
  stats="$evidence.json"
  printf 'stats\t%s\t%s\n' "$kind" "$stats" >> "$RESULTS"
  if [[ ! -e "$stats" ]]; then
    rm -rf "$evidence"
    unique=()
    [[ "$kind" == unique ]] && unique=(--unique)
    "$PISTE" lab generate --rows "$ROWS" --seed "$SEED" --format "$FORMAT" "${unique[@]}" --out "$evidence" --stats "$stats" > /dev/null
  fi
done

for round in $(seq "$ROUNDS"); do
  for kind in usual unique; do
    evidence="$WORK/$kind-$FORMAT-$ROWS-$SEED"
    read=(--quiet investigate "$evidence" --no-built-in-rules --threads "$THREADS")
    warm "$evidence"
    rm -rf "$WORK/case-a" "$WORK/case-b"
    run a "$kind" "$round" "$PISTE" --case "$WORK/case-a" "${read[@]}" --rules bench/no-rules
    if [[ -n "$RULES" ]]; then
      run b "$kind" "$round" "$PISTE" --case "$WORK/case-b" "${read[@]}" --rules "$RULES"
      if [[ $hunts == yes ]]; then
        run c "$kind" "$round" "$PISTE" --quiet hunt --case "$WORK/case-a" --rules "$RULES"
      fi
      if [[ -n "$rowwise" ]]; then
        run d "$kind" "$round" "$rowwise" "$WORK/case-a" "$RULES"
      fi
    fi
    if [[ -n "$EVTX_DUMP" && "$FORMAT" == evtx ]]; then
      run e "$kind" "$round" bash -c '
        find "$2" -name "*.evtx" -print0 | sort -z | while IFS= read -r -d "" file; do
          "$1" -t "$3" -o jsonl "$file" > /dev/null || exit 1
        done' dump "$EVTX_DUMP" "$evidence" "$THREADS"
    fi
    rm -rf "$WORK/case-a" "$WORK/case-b"
  done
done

python3 bench/table.py "$RESULTS" "$ROWS" "$THREADS"
