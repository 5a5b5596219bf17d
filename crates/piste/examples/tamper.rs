//! What is noticed when a case is tampered with: the table of `docs/tamper.md`.
//!
//! In: the binary (`cargo run -p piste --example tamper [PISTE]`). Out: a table of every change to a case against every command
//! that reads it: the slug of the refusal or warning, `=` where the answer is the one of the untouched case, `anew` where it was
//! made anew from the evidence, and `NOT NOTICED` where the answer is another and nothing was said. All evidence is invented.

#![expect(clippy::print_stdout, reason = "a program for reviewers prints its table")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use piste_case::{Ledger, read_any};
use serde_json::{Value, json};

/// The commands that read a case; each on a copy of its own. `{EV}` is the evidence.
const COMMANDS: &[(&str, &str)] = &[
    ("findings", "findings"),
    ("findings -o", "findings --profile standard -o hits.csv --force"),
    ("finding", "finding F-1"),
    ("finding --verdict", "finding F-2 --verdict benign --why looked --by Bo"),
    ("show", "show F-1"),
    ("show --bundle", "show F-1 --bundle new.json"),
    ("doors", "doors"),
    ("why", "why D-1"),
    ("exposure", "exposure"),
    ("search", "search cmd.exe"),
    ("timeline", "timeline --format jsonl"),
    ("timeline --events", "timeline --events --format jsonl"),
    ("metrics", "metrics events"),
    ("fact show", "fact show t.aware_significant"),
    ("fact set", "fact set entity.sector energy --why told --by Bo"),
    ("duties", "duties"),
    ("custody show", "custody show"),
    ("custody sheet", "custody sheet -o sheet.html"),
    ("case export", "case export -o out.zip --by Bo"),
    ("case import", "case import theirs.zip --by Bo"),
    ("ledger verify", "ledger verify"),
    ("ledger verify --checkpoint", "ledger verify --checkpoint checkpoint"),
    ("hunt", "hunt"),
    ("investigate", "investigate {EV}"),
];

/// A folder with a case, its evidence, a checkpoint, a bundle and another team's package.
struct Bench {
    piste: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn run(&self, line: &str) -> Output {
        let line = line.replace("{EV}", "evidence");
        let mut command = Command::new(&self.piste);
        command.current_dir(&self.folder).args(line.split(' ')).args(["--at", "2021-04-01T00:00:00Z"]);
        command.args(["--case", "case"]).env("NO_COLOR", "1").env_remove("PISTE_KEY");
        command.output().expect("the binary starts")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The bench as it was kept in `from`: at the same place, since a case knows where it lies.
    fn restore(&self, from: &Path) {
        let _ = fs::remove_dir_all(&self.folder);
        copy(from, &self.folder);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("it lists") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("it is copied");
        }
    }
}

/// The case before anything is changed.
fn whole(piste: PathBuf, folder: &Path) -> Bench {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder is made");
    let demo = Command::new(&piste).current_dir(folder).args(["demo", "-q"]).output().expect("it starts");
    assert!(demo.status.code().is_some_and(|code| code < 4), "{}", String::from_utf8_lossy(&demo.stderr));
    fs::rename(folder.join("piste-demo/evidence"), folder.join("evidence")).expect("it is moved");
    let bench = Bench { piste, folder: folder.to_owned() };
    let done = |line: &str| {
        let output = bench.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_some_and(|code| code < 4 && code != 2), "{line}: {said}");
    };
    let key = |name: &str| {
        let mut command = Command::new(&bench.piste);
        command.current_dir(folder).args(["key", "new", "--name", name, "-o", &format!("{name}.key")]);
        assert!(command.output().expect("it starts").status.success());
    };
    key("Ann");
    key("Bo");
    done("investigate {EV} -q");
    done("fact set t.aware_significant 2021-03-26T14:20+01:00 --why seen --key Ann.key");
    copy(&bench.path("case"), &bench.path("theirs"));
    done("fact set entity.sector health --why known --by Ann");
    done("custody add E-1 received --from ICT --to Ann --why asked --key Ann.key");
    done("finding F-1 --verdict confirmed --why seen --key Ann.key");
    done("ledger seal --key Ann.key -o checkpoint");
    done("show F-1 --bundle bundle.json");
    let theirs = "finding F-3 --verdict suspicious --why odd --by Cleo --case theirs";
    for line in [theirs, "case export -o theirs.zip --by Cleo --case theirs"] {
        let mut command = Command::new(&bench.piste);
        assert!(
            command.current_dir(folder).args(line.split(' ')).output().expect("it starts").status.success(),
            "{line}"
        );
    }
    bench
}

/// One way to tamper.
type Change = (&'static str, fn(&Bench));

/// Changes to the ledger and its signatures.
fn of_the_ledger() -> Vec<Change> {
    let changes: &[Change] = &[
        ("entry edited", |bench| {
            edit(&bench.path("case/ledger.jsonl"), "\"why\":\"known\"", "\"why\":\"forged\"");
        }),
        ("unsigned entry edited, chain made anew", |bench| {
            rewrite(bench, |kind, body| {
                if kind == "fact.set" && body.get("why") == Some(&json!("known")) {
                    set(body, "value", json!("energy"));
                }
            });
        }),
        ("signed entry edited, chain made anew", |bench| {
            rewrite(bench, |kind, body| {
                if kind == "fact.set" && body.get("why") == Some(&json!("seen")) {
                    set(body, "why", json!("forged"));
                }
            });
        }),
        ("signature of another key", |bench| {
            let other = fs::read_to_string(bench.path("Bo.key.pub")).expect("a key");
            let other =
                other.lines().find_map(|line| line.strip_prefix("public: ")).expect("a key").to_owned();
            rewrite(bench, move |kind, body| {
                let by = body.get_mut("by").and_then(Value::as_object_mut);
                if let Some(by) = by.filter(|_| kind == "custody.recorded") {
                    by.insert("key".to_owned(), json!(other));
                }
            });
        }),
        ("last entries cut off", |bench| {
            let path = bench.path("case/ledger.jsonl");
            let text = fs::read_to_string(&path).expect("it reads");
            let lines: Vec<&str> = text.lines().collect();
            let kept = lines.get(..lines.len() - 3).expect("there are more").join("\n") + "\n";
            fs::write(path, kept).expect("it is written");
        }),
        ("ledger emptied", |bench| fs::write(bench.path("case/ledger.jsonl"), "").expect("it is written")),
        ("checkpoint edited", |bench| {
            edit(&bench.path("checkpoint"), "\"name\":\"Ann\"", "\"name\":\"Bob\"");
        }),
    ];
    changes.to_vec()
}

/// Changes to what is derived, to the evidence and to what another team sent.
fn of_files() -> Vec<Change> {
    let changes: &[Change] = &[
        ("value in a Parquet file", |bench| {
            let files = parquet_files(bench);
            assert!(files.iter().any(|file| edit_parquet(file)), "no file has the value");
        }),
        ("Parquet file taken away", |bench| {
            let largest = parquet_files(bench)
                .into_iter()
                .max_by_key(|path| fs::metadata(path).map_or(0, |data| data.len()));
            fs::remove_file(largest.expect("there is one")).expect("it goes");
        }),
        ("sidecar edited", |bench| {
            let units = fs::read_dir(bench.path("case/lake/units")).expect("it lists").flatten();
            let mut sidecars = units
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|end| end == "json"));
            edit(&sidecars.next().expect("there is one"), "\"rows\":", "\"rows\": ");
        }),
        ("findings.jsonl edited", |bench| {
            edit(&bench.path("case/out/findings.jsonl"), "\"title\":\"", "\"title\":\"Benign: ");
        }),
        ("doors.json edited", |bench| edit(&bench.path("case/out/doors.json"), "\"used\"", "\"probed\"")),
        ("detections.jsonl edited", |bench| {
            edit(&bench.path("case/out/detections.jsonl"), "\"rule_title\":\"", "\"rule_title\":\"Benign: ");
        }),
        ("evidence edited after reading", |bench| {
            for path in evidence_files(&bench.path("evidence")) {
                let bytes = fs::read(&path).expect("it reads");
                fs::write(&path, replaced(&bytes, b"cmd.exe", b"abc.exe")).expect("it is written");
            }
        }),
        ("evidence taken away after reading", |bench| {
            fs::rename(bench.path("evidence"), bench.path("elsewhere")).expect("it is moved");
            fs::create_dir(bench.path("evidence")).expect("a folder is made");
        }),
        ("package edited", |bench| {
            let path = bench.path("theirs.zip");
            let mut bytes = fs::read(&path).expect("it reads");
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            fs::write(path, bytes).expect("it is written");
        }),
    ];
    changes.to_vec()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("it reads");
    assert!(text.contains(from), "`{from}` is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("it is written");
}

/// Writes the ledger anew with entries changed, each bound to the one before as a ledger's are.
fn rewrite(bench: &Bench, change: impl Fn(&str, &mut Value)) {
    let path = bench.path("case/ledger.jsonl");
    let mut entries = Vec::new();
    read_any(&path, |entry| {
        let mut body = entry.body.clone();
        change(&entry.kind, &mut body);
        entries.push((entry.kind.clone(), body, entry.at));
        Ok(())
    })
    .expect("the ledger reads");
    fs::remove_file(&path).expect("it goes");
    let (mut ledger, _) = Ledger::open(&path).expect("a new one begins");
    ledger.append_all(entries).expect("it is written");
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn parquet_files(bench: &Bench) -> Vec<PathBuf> {
    let files = evidence_files(&bench.path("case/lake"));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect()
}

/// Every file under a folder, sorted.
fn evidence_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it lists").flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(evidence_files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        if let Some(place) = bytes.get_mut(at..at + to.len()) {
            place.copy_from_slice(to);
        }
    }
    bytes
}

/// Writes a Parquet file again with another program's name in its texts; false where it has none.
fn edit_parquet(path: &Path) -> bool {
    let file = fs::File::open(path).expect("it opens");
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet").build().expect("it reads");
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("it reads");
    let mut changed = false;
    let edited: Vec<RecordBatch> = batches
        .iter()
        .map(|batch| {
            let columns = batch.columns().iter().map(|column| edit_column(column, &mut changed)).collect();
            RecordBatch::try_new(batch.schema(), columns).expect("it fits")
        })
        .collect();
    let Some(first) = edited.first().filter(|_| changed) else { return false };
    let mut writer = ArrowWriter::try_new(fs::File::create(path).expect("a file"), first.schema(), None)
        .expect("a writer");
    for batch in &edited {
        writer.write(batch).expect("it is written");
    }
    writer.close().expect("it ends");
    true
}

fn edit_column(column: &ArrayRef, changed: &mut bool) -> ArrayRef {
    let Some(texts) = column
        .as_dictionary_opt::<Int32Type>()
        .and_then(arrow_array::DictionaryArray::downcast_dict::<arrow_array::StringArray>)
    else {
        return Arc::clone(column);
    };
    let values: Vec<Option<String>> = texts
        .into_iter()
        .map(|text| {
            text.map(|text| {
                *changed |= text.contains("cmd.exe");
                text.replace("cmd.exe", "abc.exe")
            })
        })
        .collect();
    let edited: DictionaryArray<Int32Type> = values.iter().map(Option::as_deref).collect();
    if edited.data_type() == column.data_type() { Arc::new(edited) } else { Arc::clone(column) }
}

/// What a command answered, in a word.
fn word(output: &Output, whole: &Output, anew: bool) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let slug =
        said.split_once("error[").and_then(|(_, rest)| rest.split_once(']')).map(|(slug, _)| slug.to_owned());
    if let Some(slug) = slug {
        return slug;
    }
    if anew {
        return "anew".to_owned();
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let told = [
        "NOT the same",
        "cannot be read again",
        "NOT what these bytes say",
        "evidence-changed",
        "evidence-taken-away",
        "no longer there",
        "warning: F-",
    ];
    if told.iter().any(|words| said.contains(words) || printed.contains(words)) {
        return "said".to_owned();
    }
    if output.stdout == whole.stdout && output.status == whole.status {
        return "=".to_owned();
    }
    "NOT NOTICED".to_owned()
}

/// The results of a case, by name.
fn results(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let files = evidence_files(&bench.path("case/out")).into_iter();
    let named = files.map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
    let named = named.filter(|(name, _)| name != "run.json");
    named.map(|(name, path)| (name, fs::read(path).unwrap_or_default())).collect()
}

fn main() {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("piste"));
    let piste = std::env::args().nth(1).map(PathBuf::from).or_else(beside).expect("a binary");
    let piste = piste.canonicalize().expect("the binary is there");
    let root = std::env::temp_dir().join(format!("piste-tamper-{}", std::process::id()));
    let (bench, kept) = (whole(piste, &root.join("bench")), root.join("kept"));
    copy(&bench.folder, &kept);
    let mut answers = BTreeMap::new();
    for (name, line) in COMMANDS {
        bench.restore(&kept);
        let output = bench.run(line);
        answers.insert(*name, (output, results(&bench)));
    }
    let changes = [of_the_ledger(), of_files()].concat();
    let header: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    println!("| | {} |\n|---|{}", header.join(" | "), "---|".repeat(header.len()));
    let mut missed = 0;
    for (name, line) in COMMANDS {
        let Some((before, made)) = answers.get(name) else { continue };
        let mut cells = Vec::new();
        for (_, change) in &changes {
            bench.restore(&kept);
            change(&bench);
            let output = bench.run(line);
            let derives = matches!(*name, "hunt" | "investigate");
            let anew = derives && output.status == before.status && results(&bench) == *made;
            let cell = word(&output, before, anew);
            missed += u32::from(cell == "NOT NOTICED");
            cells.push(cell);
        }
        println!("| `{name}` | {} |", cells.join(" | "));
    }
    bench.restore(&kept);
    println!("\nA proof bundle with one field of its row edited: {}", bundle(&bench));
    let _ = fs::remove_dir_all(&root);
    println!("{missed} cells in which nothing was noticed");
}

/// What the script of `docs/` says of a bundle that was edited, its own hash made anew.
fn bundle(bench: &Bench) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check_proof.py");
    let text = fs::read_to_string(bench.path("bundle.json")).expect("it reads");
    let mut bundle: Value = serde_json::from_str(&text).expect("an object");
    *bundle.pointer_mut("/records/0/row/Image").expect("a field") = json!("C:\\abc.exe");
    bundle.as_object_mut().and_then(|fields| fields.remove("sha256")).expect("it has a hash");
    let own = piste_model::hash::sha256_hex(bundle.to_string().as_bytes());
    bundle.as_object_mut().and_then(|fields| fields.insert("sha256".to_owned(), json!(own)));
    fs::write(bench.path("edited.json"), format!("{bundle}\n")).expect("it is written");
    let python = Command::new("python3").arg(script).arg(bench.path("edited.json")).output();
    python.map_or_else(
        |_| "python3 is not here".to_owned(),
        |output| format!("`{}`", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim()),
    )
}
