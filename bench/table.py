"""The table of bench/hunt.sh.

In: its results, the rows and the threads. Out: for each way the median of the rounds, and the ratios between them.
"""

import json
import statistics
import sys

WAYS = {
    "a": "seal, parse, store",
    "b": "the same with RULES",
    "c": "hunt again over the lake",
    "d": "rsigma-eval, row by row",
    "e": "evtx_dump -o jsonl",
}


def main(results, rows, threads):
    rows, threads = int(rows), int(threads)
    runs, missing, stats = {}, [], {}
    with open(results) as lines:
        for line in lines:
            tag, *rest = line.rstrip("\n").split("\t")
            if tag == "missing":
                missing.append(rest[0])
            elif tag == "stats":
                stats[rest[0]] = json.load(open(rest[1]))
            else:
                key, kind, _, wall, cpu, peak = rest
                runs.setdefault((kind, key), []).append((float(wall), float(cpu), float(peak)))
    for kind, counted in stats.items():
        print(f"\n{kind}: {counted['rows']:,} rows, {counted['bytes']:,} bytes, {counted['files']} files, {threads} threads")
        print("distinct values: " + ", ".join(f"{name} {column['ratio']:.2%}" for name, column in counted["columns"].items()))
        print(f"{'':3}{'way':<26}{'seconds':>9}{'best':>8}{'worst':>8}{'CPU s':>9}{'events/s':>12}{'per CPU s':>12}{'peak MB':>9}")
        seconds, per_core = {}, {}
        for key, way in WAYS.items():
            if (kind, key) not in runs:
                print(f"{key:3}{way:<26}{'not measured':>20}")
                continue
            measured = runs[kind, key]
            walls = [wall for wall, _, _ in measured]
            wall = statistics.median(walls)
            cpu = statistics.median(cpu for _, cpu, _ in measured)
            peak = max(peak for _, _, peak in measured)
            seconds[key], per_core[key] = wall, rows / max(cpu, 1e-9)
            print(f"{key:3}{way:<26}{wall:9.2f}{min(walls):8.2f}{max(walls):8.2f}{cpu:9.2f}{rows / wall:12,.0f}{rows / max(cpu, 1e-9):12,.0f}{peak:9.0f}")
        if {"a", "b"} <= seconds.keys():
            goal = 1.25 if kind == "usual" else 2
            print(f"b/a {seconds['b'] / seconds['a']:.2f} (goal: at most {goal})")
        if {"b", "e"} <= seconds.keys():
            print(f"b/e {seconds['b'] / seconds['e']:.2f} (goal: at most 1)")
        if "c" in per_core:
            print(f"c per core {per_core['c']:,.0f} events/s (goal: at least 1,000,000)")
        if {"c", "d"} <= per_core.keys():
            print(f"c/d per core {per_core['c'] / per_core['d']:.1f} (goal: at least 50)")
    for what in dict.fromkeys(missing):
        print(f"MISSING: {what}")


main(*sys.argv[1:])
