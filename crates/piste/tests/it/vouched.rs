//! What the ledger vouches for: an edited entry, file, row or piece of evidence is noticed by the commands that read it.
//!
//! In: cases that somebody wrote in who may write in them. Out: a refusal that names the place, or the same made anew from the
//! evidence; never an answer from what was edited.

use std::fs;
use std::path::{Path, PathBuf};

use piste_case::{Ledger, read_any};
use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, web_shell, with};
use crate::scratch::{CASE, Run, Scratch, same_files};

fn case() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("mx01.jsonl", three(1));
    scratch.investigate("mx01.jsonl").expect(0);
    scratch.piste(&["key", "new", "--name", "Ann Peeters", "-o", "ann.key"]).expect(0);
    scratch
}

fn on(scratch: &Scratch, line: &str) -> Run {
    let mut words: Vec<&str> = line.split(' ').collect();
    words.extend(["--case", CASE]);
    scratch.piste(&words)
}

/// The ledger written anew with entries changed, each bound to the one before as a ledger's are.
fn rewrite(scratch: &Scratch, change: impl Fn(&str, &mut Value)) {
    let path = scratch.path("case/ledger.jsonl");
    let mut entries = Vec::new();
    read_any(&path, |entry| {
        let mut body = entry.body.clone();
        change(&entry.kind, &mut body);
        entries.push((entry.kind.clone(), body, entry.at));
        Ok(())
    })
    .expect("it reads");
    fs::remove_file(&path).expect("it goes");
    let (mut ledger, _) = Ledger::open(&path).expect("a new one begins");
    ledger.append_all(entries).expect("it is written");
}

#[track_caller]
fn refused(scratch: &Scratch, slug: &str, commands: &[&str]) {
    for line in commands {
        let run = on(scratch, line);
        assert!(run.err.contains(&format!("error[{slug}]")), "{line}: {}{}", run.out, run.err);
        assert_eq!(run.code, 4, "{line}: {}", run.err);
    }
}

#[test]
fn what_rests_on_a_forged_entry_stops_and_names_it() {
    let scratch = case();
    on(&scratch, "fact set t.aware_significant 2021-03-26T14:20+01:00 --why seen --key ann.key").expect(0);
    on(&scratch, "fact list").expect(0);
    rewrite(&scratch, |kind, body| {
        if kind == "fact.set" {
            body["why"] = json!("forged");
        }
    });
    let commands = [
        "fact show t.aware_significant",
        "fact history t.aware_significant",
        "fact list",
        "fact set entity.sector energy --why x --by Bo",
        "duties",
        "custody show",
        "custody sheet -o sheet.html",
        "case export -o out.zip --by Bo",
        "findings",
        "finding F-1",
        "show F-1",
        "hunt",
        "investigate mx01.jsonl",
        "ledger verify",
    ];
    refused(&scratch, "entry-forged", &commands);
    let said = on(&scratch, "duties").err;
    assert!(said.contains("(`fact.set`) is forged") && said.contains("deadlines"), "{said}");
    let shown = on(&scratch, "ledger show").expect(0).out;
    assert!(shown.contains("THE SIGNATURE DOES NOT HOLD"), "{shown}");
    assert!(!scratch.path("sheet.html").exists() && !scratch.path("out.zip").exists());
}

#[test]
fn an_empty_ledger_is_no_case() {
    let scratch = case();
    fs::write(scratch.path("case/ledger.jsonl"), "").expect("it is emptied");
    refused(
        &scratch,
        "ledger-missing",
        &["findings", "fact list", "duties", "custody show", "timeline", "search x"],
    );
    fs::create_dir(scratch.path("new")).expect("a folder is made");
    fs::write(scratch.path("new/ledger.jsonl"), "").expect("it is made");
    let run = scratch.piste(&["fact", "list", "--case", "new"]).expect(2);
    assert!(run.err.contains("error[case-missing]"), "{}", run.err);
}

/// Every file of this kind in the lake, sorted.
fn lake(scratch: &Scratch, end: &str) -> Vec<PathBuf> {
    fn under(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("it lists").flatten() {
            let path = entry.path();
            if path.is_dir() { under(&path, files) } else { files.push(path) }
        }
    }
    let mut files = Vec::new();
    under(&scratch.path("case/lake"), &mut files);
    files.retain(|path| path.to_string_lossy().ends_with(end));
    files.sort();
    files
}

#[test]
fn a_file_of_the_lake_that_is_gone_or_edited_is_noticed_and_made_anew_from_the_evidence() {
    let whole = case();
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).expect("it reads");
        let at = bytes.len() / 3;
        bytes[at] ^= 1;
        fs::write(path, bytes).expect("it is written");
    };
    for (end, flips) in [(".parquet", false), (".parquet", true), (".json", false)] {
        let scratch = case();
        for path in lake(&scratch, end) {
            if flips {
                flip(&path);
            } else {
                fs::remove_file(path).expect("it goes");
            }
        }
        refused(
            &scratch,
            "lake-changed",
            &["search whoami", "timeline --events", "metrics events", "show F-1", "hunt"],
        );
        let run = on(&scratch, "investigate mx01.jsonl --at 2021-03-27T09:00:00Z").expect(0);
        assert!(run.err.contains("is read anew from the evidence"), "{}", run.err);
        same_files(&whole.path("case/out"), &scratch.path("case/out"));
        on(&scratch, "search whoami").expect(0);
        on(&scratch, "hunt").expect(0);
    }
}

#[test]
fn a_file_put_into_the_lake_is_no_part_of_it_and_other_detections_are_found_anew() {
    let scratch = case();
    let before = on(&scratch, "metrics events").expect(0).out;
    let file = lake(&scratch, ".parquet").remove(0);
    fs::create_dir_all(scratch.path("case/lake/iis.access")).expect("a folder is made");
    let name = file.file_name().expect("it has a name");
    fs::copy(&file, scratch.path("case/lake/iis.access").join(name)).expect("it is put there");
    fs::copy(&file, file.with_file_name("00009-0123456789abcdef.parquet")).expect("it is put there");
    assert_eq!(on(&scratch, "metrics events").expect(0).out, before);
    let whole = case();
    for path in lake(&scratch, ".detections") {
        fs::write(path, "").expect("it is emptied");
    }
    on(&scratch, "hunt").expect(0);
    assert_eq!(scratch.lines("findings.jsonl"), whole.lines("findings.jsonl"));
}

#[test]
fn an_edited_result_is_refused_and_no_verdict_vouches_for_it() {
    for (name, commands) in [
        (
            "findings.jsonl",
            &["findings", "finding F-1", "show F-1", "finding F-1 --verdict benign --why x --by Bo"][..],
        ),
        ("doors.json", &["doors"]),
        ("exposure.json", &["exposure"]),
        ("detections.jsonl", &["timeline", "findings F-1", "findings --profile minimal -o hits.csv"]),
        ("evidence.jsonl", &["hunt"]),
    ] {
        let scratch = case();
        let path = scratch.path("case/out").join(name);
        let text = fs::read_to_string(&path).expect("it reads");
        fs::write(&path, text.replacen(':', ": ", 1)).expect("it is edited");
        let before = fs::read(scratch.path("case/ledger.jsonl")).expect("it reads");
        refused(&scratch, "out-changed", commands);
        if name != "detections.jsonl" {
            refused(&scratch, "out-changed", &["case export -o out.zip --by Bo"]);
        }
        if name != "evidence.jsonl" {
            assert_eq!(
                fs::read(scratch.path("case/ledger.jsonl")).expect("it reads"),
                before,
                "nothing was recorded"
            );
            on(&scratch, "hunt").expect(0);
            assert_eq!(fs::read_to_string(&path).expect("it reads"), text, "a run writes it anew");
        }
    }
}

#[test]
fn twelve_verdicts_at_once_are_all_recorded() {
    let scratch = Scratch::new();
    let shells = (0..12).map(|n| with(web_shell(n), "Hostname", json!(format!("MX{n:02}.min.example"))));
    scratch.write("mx.jsonl", lines(shells));
    scratch.investigate("mx.jsonl").expect(0);
    let findings = scratch.lines("findings.jsonl");
    assert!(findings.len() >= 12, "{}", findings.len());
    let judge = |number: usize| {
        let id = format!("F-{number}");
        let words =
            ["finding", &id, "--verdict", "confirmed", "--why", "seen", "--by", "Ann", "--case", CASE];
        scratch.command(&words).stdout(std::process::Stdio::null()).spawn().expect("it starts")
    };
    let all: Vec<_> = (1..=12).map(judge).collect();
    for mut child in all {
        assert!(child.wait().expect("it ends").success());
    }
    let judged = scratch.lines("findings.jsonl").iter().filter(|one| one["verdict"] == "confirmed").count();
    assert_eq!(judged, 12);
    let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("it reads");
    assert_eq!(ledger.matches("\"kind\":\"finding.judged\"").count(), 12);
    on(&scratch, "show F-1").expect(0);
}

#[test]
fn what_a_killed_command_left_aside_takes_its_place_or_goes() {
    let scratch = case();
    let before = fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads");
    on(&scratch, "finding F-1 --verdict confirmed --why seen --by Ann").expect(0);
    let after = fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads");
    // Killed after the ledger had the verdict: the file lies aside.
    fs::create_dir_all(scratch.path("case/tmp/next")).expect("a folder is made");
    fs::write(scratch.path("case/tmp/next/findings.jsonl"), &after).expect("it is written");
    fs::write(scratch.path("case/out/findings.jsonl"), &before).expect("it is written");
    assert!(on(&scratch, "findings --json").expect(0).out.contains("\"verdict\":\"confirmed\""));
    assert_eq!(fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads"), after);
    // Killed before: what lies aside is of no entry.
    scratch.write("case/tmp/next/findings.jsonl", &before);
    on(&scratch, "findings").expect(0);
    assert!(!scratch.path("case/tmp/next/findings.jsonl").exists());
    assert_eq!(fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads"), after);
}

#[test]
fn a_change_of_evidence_stays_an_issue_until_a_person_answers_it() {
    let scratch = Scratch::new();
    scratch.write("ev/mx01.jsonl", three(1));
    scratch.write("ev/other.jsonl", lines((0..3).map(ordinary)));
    scratch.investigate("ev").expect(0);
    on(&scratch, "finding F-1 --verdict confirmed --why seen --by Ann").expect(0);
    scratch.write("ev/mx01.jsonl", lines((50..53).map(ordinary)));
    for _ in 0..3 {
        let run = scratch.investigate("ev");
        assert!(scratch.slugs().contains(&"evidence-changed".to_owned()), "{:?}", scratch.slugs());
        let gone = &scratch.summary()["judged_gone"][0];
        assert_eq!((gone["id"].as_str(), gone["verdict"].as_str()), (Some("F-1"), Some("confirmed")));
        assert!(run.out.contains("1 judged finding is no longer there"), "{}", run.out);
        let report = fs::read_to_string(scratch.path("case/out/report.html")).expect("it reads");
        assert!(report.contains("judged finding is no longer there"));
        let listed = on(&scratch, "findings").expect(0);
        assert!(listed.err.contains("F-1 was judged confirmed"), "{}", listed.err);
    }
    on(&scratch, "case accept-change E-9 --why x --by Ann").expect(2);
    assert!(on(&scratch, "case accept-change").expect(0).out.contains("mx01.jsonl"));
    let id = scratch.evidence()["ev/mx01.jsonl"]["id"].as_str().expect("an id").to_owned();
    on(&scratch, &format!("case accept-change {id} --why rotated --by Ann")).expect(0);
    scratch.investigate("ev");
    assert!(!scratch.slugs().contains(&"evidence-changed".to_owned()), "{:?}", scratch.slugs());
    // Back to what it was, and then taken away: each is a change of its own.
    scratch.write("ev/mx01.jsonl", three(1));
    scratch.investigate("ev");
    assert!(scratch.slugs().contains(&"evidence-changed".to_owned()), "{:?}", scratch.slugs());
    fs::remove_file(scratch.path("ev/other.jsonl")).expect("it goes");
    for _ in 0..2 {
        scratch.investigate("ev");
        assert!(scratch.slugs().contains(&"evidence-taken-away".to_owned()), "{:?}", scratch.slugs());
    }
}

#[test]
fn bytes_that_change_between_sealing_and_reading_are_no_rows_of_what_was_sealed() {
    let events = |from: u32| lines((from..from + 60_000).map(ordinary));
    for append in [false, true] {
        let mut met = false;
        // The moment between the two is short: a run that was past it already is tried again.
        for _ in 0..6 {
            let scratch = Scratch::new();
            let path = scratch.write("a.jsonl", events(0));
            let mut child = scratch
                .command(&["investigate", "a.jsonl", "--case", CASE, "--threads", "1", "-q"])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("it starts");
            let sealed = || {
                let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).unwrap_or_default();
                ledger.contains("intake.finished")
            };
            while !sealed() && child.try_wait().expect("it is ours").is_none() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            if append {
                let mut file = fs::OpenOptions::new().append(true).open(&path).expect("it opens");
                std::io::Write::write_all(&mut file, &lines([web_shell(1)])).expect("it is written");
            } else {
                let text = fs::read_to_string(&path).expect("it reads");
                fs::write(&path, text.replace("svchost.exe", "evilone.exe")).expect("it is written");
            }
            let code = child.wait().expect("it ends").code();
            let found = on(&scratch, "search evilone.exe --limit 1").out + &on(&scratch, "search whoami").out;
            assert_eq!(found, "", "no row of unsealed bytes");
            let wanted = if append { "evidence-grew" } else { "evidence-changed-while-read" };
            met = scratch.slugs().iter().any(|slug| slug == wanted);
            if met {
                assert_eq!(code, Some(3));
                let rows = if append { 60_000 } else { 0 };
                assert_eq!(scratch.summary()["events"], json!(rows));
                scratch.investigate("a.jsonl");
                let slugs = scratch.slugs();
                assert!(slugs.iter().any(|slug| slug == wanted), "it stays an issue: {slugs:?}");
                break;
            }
        }
        assert!(met, "append {append}: no run was met between sealing and reading");
    }
}

#[test]
fn what_is_imported_is_read_first_and_what_was_imported_unread_is_set_aside() {
    let scratch = case();
    scratch.investigate_in("theirs", "mx01.jsonl").expect(0);
    let theirs = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.extend(["--case", "theirs"]);
        scratch.piste(&words).expect(0)
    };
    theirs("finding F-1 --verdict confirmed --why seen --by Cleo");
    theirs("fact set crime.suspected true --why seen --by Cleo");
    // As a later version, or somebody who means harm, would write them.
    let path = scratch.path("theirs/ledger.jsonl");
    let mut entries = Vec::new();
    read_any(&path, |entry| {
        let mut body = entry.body.clone();
        match entry.kind.as_str() {
            "finding.judged" => body["id"] = json!("nonsense"),
            "fact.set" => body["value"] = json!("perhaps"),
            _ => {}
        }
        entries.push((entry.kind.clone(), body, entry.at));
        Ok(())
    })
    .expect("it reads");
    let of_later: Value = json!({"name": "of.a.later.version", "value": {"x": 1}, "why": "w", "by": "Cleo"});
    let at = entries.last().expect("there are some").2;
    entries.push(("fact.set".to_owned(), of_later, at));
    entries.push(("later.kind".to_owned(), json!({"x": 1}), at));
    fs::remove_file(&path).expect("it goes");
    let (mut ledger, _) = Ledger::open(&path).expect("a new one begins");
    ledger.append_all(entries.clone()).expect("it is written");
    drop(ledger);
    theirs("case export -o theirs.zip --by Cleo");
    let run = on(&scratch, "case import theirs.zip --by Ann").expect(0);
    assert!(run.out.contains("Taken: 1;"), "{}", run.out);
    assert!(
        run.out.contains("not taken") && run.out.contains("nonsense") && run.out.contains("perhaps"),
        "{}",
        run.out
    );
    let works = [
        "fact list",
        "fact set entity.sector energy --why x --by Ann",
        "duties",
        "hunt",
        "investigate mx01.jsonl",
        "findings",
    ];
    for line in works {
        on(&scratch, line).expect(0);
    }
    // A ledger that took them in before this was checked.
    let (mut ledger, _) = Ledger::open(&scratch.path("case/ledger.jsonl")).expect("it opens");
    ledger
        .append_all(
            entries
                .into_iter()
                .filter(|(kind, ..)| kind.starts_with("fact.") || kind.starts_with("finding.judged")),
        )
        .expect("it is written");
    drop(ledger);
    for line in works {
        let run = on(&scratch, line).expect(0);
        assert!(run.err.contains("is set aside"), "{line}: {}", run.err);
    }
}

#[test]
fn a_package_holds_to_its_limits_and_leaves_nothing_behind() {
    let scratch = case();
    on(&scratch, "case export -o own.zip --by Ann").expect(0);
    let import = |name: &str| on(&scratch, &format!("case import {name} --by Ann"));
    // Two members in the bytes of one.
    let bytes = fs::read(scratch.path("own.zip")).expect("it reads");
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").expect("it has an end");
    let list = u32::from_le_bytes(bytes[end + 16..end + 20].try_into().expect("four bytes")) as usize;
    let length = 46
        + [28, 30, 32]
            .map(|at| usize::from(u16::from_le_bytes([bytes[list + at], bytes[list + at + 1]])))
            .iter()
            .sum::<usize>();
    let mut twice = bytes[..end].to_vec();
    let mut second = bytes[list..list + length].to_vec();
    second[46] = b'X';
    twice.extend(&second);
    let mut tail = bytes[end..].to_vec();
    for at in [8, 10] {
        tail[at] += 1;
    }
    let size = u32::from_le_bytes(tail[12..16].try_into().expect("four bytes"))
        + u32::try_from(length).expect("small");
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    twice.extend(tail);
    scratch.write("overlap.zip", &twice);
    let run = import("overlap.zip").expect(2);
    assert!(run.err.contains("lie in each other's bytes"), "{}", run.err);
    let many: Vec<(String, Vec<u8>)> = (0..1_100).map(|n| (format!("out/{n}"), Vec::new())).collect();
    let members: Vec<(&str, &[u8])> =
        many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    scratch.write("many.zip", crate::events::zip(&members));
    assert!(import("many.zip").expect(2).err.contains("1100 files"));
    for folder in ["case/imported", "case/tmp"] {
        let left: Vec<_> = fs::read_dir(scratch.path(folder)).into_iter().flatten().flatten().collect();
        let left: Vec<_> = left.iter().filter(|entry| entry.file_name() != "next").collect();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    // A folder that is no case becomes one, and says so.
    let run = scratch.piste(&["case", "import", "own.zip", "--by", "Ann", "--case", "new"]).expect(0);
    assert!(run.err.contains("There was no case in `new`"), "{}", run.err);
    scratch.piste(&["ledger", "verify", "--case", "new"]).expect(0);
}

#[cfg(unix)]
#[test]
fn a_case_is_its_owners_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = case();
    for name in ["case", "case/ledger.jsonl", "case/out/findings.jsonl", "case/lake", "case/out"] {
        let mode = fs::metadata(scratch.path(name)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    let mut shared = scratch.command(&["investigate", "mx01.jsonl", "--case", "shared", "-q"]);
    shared.env("PISTE_UMASK", "027").output().expect("it starts");
    let mode =
        fs::metadata(scratch.path("shared/out/findings.jsonl")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "{mode:o}");
}

#[test]
fn an_edited_row_is_held_against_its_bytes() {
    let scratch = case();
    let shown = on(&scratch, "show F-1 --proof").expect(0).out;
    assert!(shown.contains("fields is what these bytes say, parsed again"), "{shown}");
    let json = on(&scratch, "show F-1 --json").expect(0).out;
    let shown: Value = serde_json::from_str(json.lines().next().expect("a line")).expect("an object");
    assert_eq!(shown["original"]["fields"]["different"], json!([]));
    assert!(shown["original"]["fields"]["compared"].as_u64().expect("a number") > 10);
}
