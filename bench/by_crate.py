"""Instructions by crate, for bench/instructions.sh.

In: a name, and what `callgrind_annotate --threshold=100` prints. Out: the sum of `Ir` (self, not inclusive) of the functions
of each crate. What the compiler inlined counts for the function that it was inlined into.
"""

import collections
import re
import sys

# The first that a function's name contains, at a path's start or within an implementation's brackets.
CRATES = (
    "piste_parse", "piste_rules", "piste_hunt", "piste_lake", "piste_case", "piste_report", "piste_lab", "piste_model",
    "rsigma_eval", "rsigma_ir", "rsigma_parser", "aho_corasick", "regex_automata", "regex_syntax", "memchr", "evtx",
    "serde_json", "parquet", "arrow_buffer", "arrow_select", "arrow_array", "arrow", "hashbrown", "foldhash", "zstd",
    "sha2", "zip", "jiff", "core", "alloc", "std", "piste",
)
LINE = re.compile(r"^\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+(.*)$")


def crate(function):
    if re.search(r"\b(ZSTD|HUF|FSE|HIST|XXH)_", function):
        return "zstd"
    if re.search(r"\b(mem(cpy|move|set|cmp)|malloc|free|realloc|calloc|_int_\w+)", function):
        return "libc"
    # `file:function [object]`: the path of the source may name other crates.
    name = function.split(" [")[0]
    name = name.split(":", 1)[1] if ":" in name and not name.startswith("?") else name
    found = [(name.find(one + "::"), -len(one), one) for one in CRATES if one + "::" in name]
    return min(found)[2] if found else "other"


def main(name, path):
    sums, total = collections.Counter(), None
    for line in open(path, errors="replace"):
        match = LINE.match(line)
        if not match:
            continue
        count = int(match[1].replace(",", ""))
        if "PROGRAM TOTALS" in match[2]:
            total = count
        elif ":" in match[2]:
            sums[crate(match[2])] += count
    total = total or sum(sums.values()) or 1
    print(f"\n{name}: {total:,} instructions")
    for one, count in sums.most_common():
        if count * 1000 >= total:
            print(f"  {one:<16}{count:>18,}{count / total:>8.1%}")


main(*sys.argv[1:])
