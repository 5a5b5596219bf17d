#!/usr/bin/env python3
"""Runs `piste investigate` over mutated files of every format, and counts what should not be.

In: the program, folders of seed files (what `piste demo` and `piste lab generate` write will do). Out: one line a batch and a
table: panics, signals, seconds, memory. A batch that failed is kept. The same --seed gives the same files.

    target/release/piste demo --out seeds && bench/mutate.py target/release/piste seeds --count 20000
"""
import argparse, collections, gzip, io, json, os, random, resource, shutil, subprocess, sys, tempfile, time, zipfile

SIGNS = [b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"PK\x03\x04", b"PK\x01\x02",
         b"PK\x05\x06", b"ElfFile\x00", b"ElfChnk\x00", b"\x2a\x2a\x00\x00", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\n", b"\r\n",
         b'"', b"'", b"{", b"}", b"[", b"]", b"<%", b"%>", b"<!--", b"-->", b"/*", b"<?xml ", b"\\", b",", b"#Fields: ",
         "\u2028\u0085\u202e".encode(), b"\xef\xbb\xbf", b"\xff\xfe", b"-9223372036854775808", b"1e999", b"9999-99-99"]
BYTES_MAX = 2 << 20


def seeds(folders):
    """Small files of each kind; of a kind many are alike."""
    by_kind = collections.defaultdict(list)
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in sorted(names):
                path = os.path.join(root, name)
                if 0 < os.path.getsize(path) <= 16 << 20 and not name.endswith((".parquet", ".tmp")):
                    with open(path, "rb") as file:
                        bytes_ = file.read(BYTES_MAX)
                    by_kind[(os.path.splitext(name)[1].lower(), bytes_[:4])].append((name, bytes_))
                    if bytes_[:2] == b"PK":
                        unpack(bytes_, by_kind)
    return {kind: files[:40] for kind, files in sorted(by_kind.items())}


def unpack(bytes_, by_kind):
    try:
        with zipfile.ZipFile(io.BytesIO(bytes_)) as archive:
            for one in archive.infolist()[:200]:
                content = archive.read(one)[:BYTES_MAX]
                if content:
                    name = os.path.basename(one.filename)
                    by_kind[(os.path.splitext(name)[1].lower(), content[:4])].append((name, content))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        pass  # it was cut


def mutate(chance, bytes_):
    out = bytearray(bytes_)
    for _ in range(chance.choice([1, 2, 4, 16, 64])):
        if not out:
            break
        at = chance.randrange(len(out))
        end = min(len(out), at + chance.choice([1, 4, 40, 400, 4000]))
        kind = chance.randrange(9)
        if kind == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at:at] = chance.choice(SIGNS)
        elif kind == 2:
            del out[at:end]
        elif kind == 3:
            sign = chance.choice(SIGNS)
            out[at:at + len(sign)] = sign
        elif kind == 4 and len(out) < 2 * BYTES_MAX:
            out[at:at] = out[at:end] * chance.choice([1, 2, 50])
        elif kind == 5:
            out[at:end] = bytes(end - at)
        elif kind == 6:
            out[at:end] = chance.randbytes(end - at)
        elif kind == 7:
            to = chance.randrange(len(out))
            out[to:to + end - at] = out[at:end]
        elif chance.random() < 0.2:
            del out[at:]
    return bytes(out)


def wrap(chance, name, bytes_):
    kind = chance.randrange(12)
    if kind == 0:
        return name + ".gz", mutate(chance, gzip.compress(bytes_, mtime=0)) if chance.random() < 0.5 else gzip.compress(bytes_, mtime=0)
    if kind == 1:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(chance.randrange(1, 4)):
                archive.writestr(zipfile.ZipInfo(f"{number}/{name}"), bytes_)
        return name + ".zip", mutate(chance, buffer.getvalue())
    return name, bytes_


def run(program, folder, case, limit):
    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (limit * 4, limit * 4))
    begun = time.monotonic()
    child = subprocess.Popen([program, "investigate", folder, "--case", case, "-q"], preexec_fn=limits,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, time.monotonic() - begun, used.ru_maxrss * 1024, said.decode(errors="replace")


def issues(case):
    found = collections.Counter()
    try:
        with open(os.path.join(case, "out", "issues.jsonl"), encoding="utf-8") as lines:
            for line in lines:
                found[json.loads(line)["slug"]] += 1
    except OSError:
        pass
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("seeds", nargs="+")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=60, help="a batch that takes longer is named")
    parser.add_argument("--megabytes", type=int, default=1_500, help="and one that takes more memory")
    parser.add_argument("--keep", default="mutate-failed")
    given = parser.parse_args()
    kinds = seeds(given.seeds)
    print("kinds:", ", ".join(sorted({kind[0] or "(none)" for kind in kinds})), file=sys.stderr)
    chance = random.Random(given.seed)
    totals, slugs = collections.Counter(), collections.Counter()
    slowest, largest = 0.0, 0
    for number in range(0, given.count, given.batch):
        work = tempfile.mkdtemp(prefix="mutate-")
        folder, case = os.path.join(work, "in"), os.path.join(work, "case")
        os.mkdir(folder)
        for at in range(min(given.batch, given.count - number)):
            name, bytes_ = chance.choice(kinds[chance.choice(list(kinds))])
            name, bytes_ = wrap(chance, name, mutate(chance, bytes_))
            with open(os.path.join(folder, f"{at:04}-{name}"), "wb") as file:
                file.write(bytes_)
            totals["files"] += 1
        code, seconds, memory, said = run(given.program, folder, case, given.seconds)
        found = issues(case)
        slugs.update(found)
        slowest, largest = max(slowest, seconds), max(largest, memory)
        bad = []
        if code < 0:
            bad.append(f"signal {-code}")
        elif code not in (0, 3):
            bad.append(f"exit {code}")
        bad += [f"{slug} x{found[slug]}" for slug in ("reader-failed", "parser-failed", "yara-failed", "rows-refused") if found[slug]]
        if seconds > given.seconds:
            bad.append(f"{seconds:.0f} s")
        if memory > given.megabytes * 1_000_000:
            bad.append(f"{memory // 1_000_000} MB")
        if bad:
            totals["bad batches"] += 1
            kept = os.path.join(given.keep, f"{given.seed}-{number}")
            os.makedirs(given.keep, exist_ok=True)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.move(work, kept)
            print(f"batch {number}: {', '.join(bad)}; kept in {kept}\n{said.strip()[:400]}", flush=True)
        else:
            shutil.rmtree(work)
        totals["batches"] += 1
    print(json.dumps({**totals, "slowest_seconds": round(slowest, 1), "largest_mb": largest // 1_000_000,
                      "issues": dict(sorted(slugs.items()))}, indent=1))
    sys.exit(1 if totals["bad batches"] else 0)


if __name__ == "__main__":
    main()
