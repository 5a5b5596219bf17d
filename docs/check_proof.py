#!/usr/bin/env python3
"""Checks a proof bundle of Piste without Piste: python3 check_proof.py BUNDLE [--head HASH] [--file E-1=PATH ...]

  BUNDLE           what `piste show F-3 --proof --bundle FILE` wrote
  --head HASH      a ledger head that you know from elsewhere (a checkpoint): the ledger must hold it
  --file E-1=PATH  a sealed file that you have: its hash and the records' bytes in it are compared; may be given again
  --help           this text

Exit 0: all that could be checked holds; what was not checked is named. 1: something does not hold. 2: wrong usage."""
import base64, hashlib, json, re, sys

def need(holds, what):
    if not holds: sys.exit("does not hold: " + what)
sha = lambda data: hashlib.sha256(data).hexdigest()
canon = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def wrong(what):
    print(f"{what}\n\n{__doc__}", file=sys.stderr)
    sys.exit(2)
if any(word in ("-h", "--help") for word in sys.argv[1:]):
    print(__doc__)
    sys.exit(0)
if len(sys.argv) < 2 or sys.argv[1].startswith("-"): wrong("give the bundle's path first")
options = sys.argv[2:]
for number, word in enumerate(options):
    value = options[number + 1] if number + 1 < len(options) else None
    if number % 2 == 0 and word not in ("--head", "--file"): wrong(f"{word} is no option")
    if number % 2 == 0 and value is None: wrong(f"{word} needs a value")
    if number % 2 == 0 and word == "--file" and "=" not in value: wrong(f"{value} is not of the form E-1=PATH")
try: raw = open(sys.argv[1], "rb").read()
except OSError as error: wrong(f"the bundle cannot be read: {error}")
try: bundle = json.loads(raw)
except ValueError: sys.exit("does not hold: the file is no proof bundle")
need(isinstance(bundle, dict) and {"ledger", "records", "sha256"} <= set(bundle), "the file is no proof bundle")
need(raw == canon(bundle) + b"\n", "the file is not written as it was")
total = bundle.pop("sha256")
need(sha(canon(bundle)) == total, "the bundle was changed")
entries = [json.loads(line) for line in bundle["ledger"]["lines"]]
for number, (entry, line) in enumerate(zip(entries, bundle["ledger"]["lines"])):
    need(sha(re.sub(r'"hash":"[0-9a-f]{64}",(?="kind":)', "", line, count=1).encode()) == entry["hash"], f"entry {entry['seq']} was changed")
    need(number == 0 or entry["prev"] == entries[number - 1]["hash"], f"entry {entry['seq']} does not follow")
need(entries[-1]["hash"] == bundle["ledger"]["head"], "the ledger's head is another")
forms = lambda text: (text.encode(), text.encode("utf-16-le"), json.dumps(text, ensure_ascii=False)[1:-1].encode())
computed = set()
seals = {entry["body"]["id"]: entry["body"] for entry in entries if entry["kind"] == "evidence.sealed"}
for record in bundle["records"]:
    data, chunk = base64.b64decode(record["bytes"]), base64.b64decode(record["chunk"])
    at = record["offset"] - record["chunk_offset"]
    need(sha(data)[:32] == record["record_hash"] and chunk[at:at + len(data)] == data, "a record's bytes are others")
    need(record["evidence_id"] in seals, "a record's file was not sealed")
    for name in record["literal"]:
        need(any(form in chunk for form in forms(str(record["row"].get(name, "\0")))), f"the row's {name} is not what its bytes say")
    computed |= set(record["row"]) - set(record["literal"])
if "finding" in bundle:
    outs = [entry["body"]["out"]["findings.jsonl"] for entry in entries if "findings.jsonl" in entry["body"].get("out", {})]
    need(sha(bundle["findings_jsonl"].encode()) == outs[-1], "findings.jsonl is not what the last run wrote")
    need(bundle["finding"] in map(json.loads, bundle["findings_jsonl"].splitlines()), "the finding is not among them")
    rows = [(row["evidence_id"], row["offset"], row["record_hash"]) for row in bundle["finding"]["rows"]]
    for record in bundle["records"]:
        need((record["evidence_id"], record["offset"], record["record_hash"]) in rows, "a record is none of the finding's")
if "--head" in sys.argv:
    head = sys.argv[sys.argv.index("--head") + 1]
    need(head in [entry["hash"] for entry in entries], "the ledger does not hold the head that you know")
for number, word in enumerate(sys.argv):
    if word == "--file":
        name, path = sys.argv[number + 1].split("=", 1)
        content = open(path, "rb").read()
        need(sha(content) == seals[name]["sha256"], f"{path} is not what was sealed as {name}")
        for record in (one for one in bundle["records"] if one["evidence_id"] == name):
            chunk = base64.b64decode(record["chunk"])
            need(content[record["chunk_offset"]:][:len(chunk)] == chunk, "the file has other bytes there")
files = {word.split("=", 1)[0] for number, word in enumerate(sys.argv) if sys.argv[number - 1] == "--file"}
loose = sorted({record["evidence_id"] for record in bundle["records"]} - files)
if loose: print("not checked: that the records lie in the sealed files " + ", ".join(loose) + "; give them with --file")
if computed: print("computed from the bytes, and not compared here: " + ", ".join(sorted(computed)))
print(f"holds: {len(bundle['records'])} records, {len(entries)} entries of the ledger up to {bundle['ledger']['head']}")
