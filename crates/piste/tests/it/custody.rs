//! What persons do in a case: keys, custody, verdicts, checkpoints, proofs, and a second team.
//!
//! In: cases with a finding. Out: entries that say who, refusals where something does not follow, and checks that fail when a
//! single byte is changed.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::events::three;
use crate::scratch::{CASE, Run, Scratch};

const AT: &str = "2021-03-27T10:00:00Z";

/// A case with one finding, and the keys of two persons.
fn case() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("mx01.jsonl", three(1));
    scratch.investigate("mx01.jsonl").expect(0);
    for (name, file) in [("Ann Peeters", "ann.key"), ("Bo Claes", "bo.key")] {
        scratch.piste(&["key", "new", "--name", name, "-o", file]).expect(0);
    }
    scratch
}

fn at(scratch: &Scratch, case: &str, arguments: &[&str]) -> Run {
    scratch.piste(&[arguments, &["--case", case, "--at", AT]].concat())
}

fn received(scratch: &Scratch) -> Run {
    let arguments = [
        "custody",
        "add",
        "E-1",
        "received",
        "--from",
        "ICT",
        "--to",
        "Ann Peeters",
        "--when",
        "2021-03-26T14:20+01:00",
        "--why",
        "asked for by the CISO",
        "--key",
        "ann.key",
    ];
    at(scratch, CASE, &arguments)
}

#[test]
fn custody_follows_from_step_to_step_and_says_who_signed() {
    let scratch = case();
    received(&scratch).expect(0);
    let gap = at(
        &scratch,
        CASE,
        &["custody", "add", "E-1", "transferred", "--from", "Bo", "--to", "Cleo", "--why", "x", "--by", "Bo"],
    );
    insta::assert_snapshot!(gap.expect(2).err, @r"
    error[custody-refused]: E-1 was with Ann Peeters, not with Bo
      = effect: nothing was recorded
    hint: see the steps so far: piste custody show; record a missing step first
    ");
    received(&scratch).expect(2);
    for (item, why) in [("E-99", "no evidence of this case is E-99"), ("disk 1", "nobody had received")] {
        let arguments =
            ["custody", "add", item, "returned", "--from", "a", "--to", "b", "--why", "x", "--by", "Bo"];
        let refused = at(&scratch, CASE, &arguments).expect(2);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    let shown = at(&scratch, CASE, &["custody", "show"]).expect(0).out;
    assert!(shown.contains("E-1  with Ann Peeters") && shown.contains("signed with"), "{shown}");
    at(&scratch, CASE, &["custody", "sheet", "-o", "sheet.html"]).expect(0);
    let sheet = fs::read_to_string(scratch.path("sheet.html")).expect("the sheet is written");
    let sha256 = scratch.evidence()["mx01.jsonl"]["sha256"].as_str().expect("it is sealed").to_owned();
    assert!(sheet.contains(&sha256) && sheet.contains("2021-03-26T14:20+01:00"));
    // The name alone is said to be unsigned; nobody at all is refused.
    let nobody = at(
        &scratch,
        CASE,
        &["custody", "add", "disk 1", "received", "--from", "a", "--to", "b", "--why", "x"],
    );
    assert!(nobody.expect(2).err.contains("error[person-missing]"));
}

#[test]
fn a_checkpoint_shows_a_cut_tail_and_a_ledger_written_anew() {
    let scratch = case();
    received(&scratch).expect(0);
    at(&scratch, CASE, &["ledger", "seal", "--key", "ann.key", "-o", "sealed"]).expect(0);
    let verify = |more: &[&str]| at(&scratch, CASE, &[&["ledger", "verify"], more].concat());
    verify(&["--checkpoint", "sealed", "--trust", "ann.key.pub"]).expect(0);
    let untrusted = verify(&["--checkpoint", "sealed", "--trust", "bo.key.pub"]).expect(4);
    assert!(untrusted.err.contains("error[key-untrusted]"), "{}", untrusted.err);

    let path = scratch.path("case/ledger.jsonl");
    let whole = fs::read_to_string(&path).expect("it reads");
    let lines: Vec<&str> = whole.lines().collect();
    let cut = lines[..lines.len() - 2].join("\n") + "\n";
    fs::write(&path, &cut).expect("it is cut");
    verify(&[]).expect(0); // the chain alone does not show it
    let seen = verify(&["--checkpoint", "sealed"]).expect(4);
    assert!(seen.err.contains("the ledger was cut"), "{}", seen.err);
    // As many entries as before, but others.
    at(
        &scratch,
        CASE,
        &["custody", "add", "disk", "received", "--from", "a", "--to", "b", "--why", "x", "--by", "Bo"],
    )
    .expect(0);
    received(&scratch).expect(0);
    let seen = verify(&["--checkpoint", "sealed"]).expect(4);
    assert!(seen.err.contains("written anew"), "{}", seen.err);
    // A changed checkpoint vouches for nothing.
    let text = fs::read_to_string(scratch.path("sealed")).expect("it reads");
    scratch.write("forged", text.replace("\"entries\":", "\"entries\":1"));
    let forged = verify(&["--checkpoint", "forged"]).expect(4);
    assert!(forged.err.contains("does not hold"), "{}", forged.err);
}

#[test]
fn a_verdict_binds_to_the_key_and_holds_for_the_next_run() {
    let scratch = case();
    let judge = ["finding", "F-1", "--verdict", "confirmed", "--why", "seen on disk", "--key", "bo.key"];
    let shown = at(&scratch, CASE, &judge).expect(0).out;
    assert!(shown.contains("confirmed: seen on disk") && shown.contains("by Bo Claes, signed"), "{shown}");
    assert_eq!(scratch.lines("findings.jsonl")[0]["verdict"], "confirmed");
    scratch.write("more.jsonl", three(20));
    scratch.investigate("more.jsonl").expect(0);
    assert_eq!(scratch.lines("findings.jsonl")[0]["verdict"], "confirmed");
    let wrong = ["finding", "F-1", "--verdict", "bad", "--why", "x", "--by", "Bo"];
    assert!(at(&scratch, CASE, &wrong).expect(2).err.contains("the verdicts are confirmed"));
}

/// Runs the script of `docs/` that knows nothing of Piste.
fn check_proof(scratch: &Scratch, arguments: &[&str]) -> Option<Run> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/check_proof.py");
    let mut python = Command::new("python3");
    let output = python.current_dir(scratch.path("")).arg(script).args(arguments).output().ok();
    if output.is_none() {
        println!("skipped: python3 is not here");
    }
    output.map(Run::from)
}

#[test]
fn a_proof_bundle_is_checked_without_piste_and_no_bit_of_it_can_be_changed() {
    let scratch = case();
    let judge = ["finding", "F-1", "--verdict", "confirmed", "--why", "seen on disk", "--key", "bo.key"];
    at(&scratch, CASE, &judge).expect(0);
    at(&scratch, CASE, &["show", "F-1", "--bundle", "proof.json"]).expect(0);
    let state: Value =
        serde_json::from_str(&at(&scratch, CASE, &["ledger", "verify", "--json"]).expect(0).out)
            .expect("an object");
    let head = state["head"].as_str().expect("a head");
    let known = ["proof.json", "--head", head, "--file", "E-1=mx01.jsonl"];
    let Some(whole) = check_proof(&scratch, &known) else { return };
    assert!(whole.expect(0).out.contains("\nholds: 1 records"));
    let other = "0".repeat(64);
    check_proof(&scratch, &["proof.json", "--head", &other]).expect("as above").expect(1);
    scratch.write("other.jsonl", three(2));
    check_proof(&scratch, &["proof.json", "--file", "E-1=other.jsonl"]).expect("as above").expect(1);

    let bytes = fs::read(scratch.path("proof.json")).expect("it reads");
    // Forty places over the whole bundle, one bit each.
    for part in 0..40 {
        let at = part * (bytes.len() - 1) / 39;
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (part % 7);
        scratch.write("changed.json", &changed);
        let run = check_proof(&scratch, &["changed.json"]).expect("as above");
        assert_ne!(run.code, 0, "bit {} of byte {at} was changed", part % 7);
    }
    // A file that was changed since is not proven.
    scratch.write("mx01.jsonl", three(3));
    let changed = at(&scratch, CASE, &["show", "F-1", "--bundle", "no.json"]);
    assert_ne!(changed.code, 0);
    assert!(!scratch.path("no.json").exists());
}

#[test]
fn two_teams_bring_their_verdicts_together_and_contradictions_are_listed() {
    let scratch = case();
    scratch.investigate_in("theirs", "mx01.jsonl").expect(0);
    let judge = |case: &str, verdict: &str, key: &str| {
        at(&scratch, case, &["finding", "F-1", "--verdict", verdict, "--why", "looked", "--key", key])
            .expect(0);
    };
    let export = |name: &str| {
        let arguments = [
            "case",
            "export",
            "-o",
            name,
            "--to",
            "CCB",
            "--ask",
            "date the entry",
            "--key",
            "ann.key",
            "--quiet",
        ];
        at(&scratch, CASE, &arguments).expect(0);
    };
    judge(CASE, "suspicious", "ann.key");
    export("one.zip");
    let import =
        |name: &str| at(&scratch, "theirs", &["case", "import", name, "--key", "bo.key"]).expect(0).out;
    assert!(import("one.zip").starts_with("Taken: 1; "), "what only one team decided is taken");
    assert_eq!(
        scratch.lines_in("theirs", "findings.jsonl")[0]["verdict"],
        "suspicious",
        "it takes effect at once"
    );
    let said = at(&scratch, "theirs", &["finding", "F-1"]).expect(0).out;
    assert!(said.contains("taken over from Ann Peeters, signed, in case"), "{said}");
    let shown = at(&scratch, "theirs", &["ledger", "show"]).expect(0).out;
    assert!(
        shown.contains("by Bo Claes, signed with") && shown.contains("taken over from Ann Peeters"),
        "{shown}"
    );
    at(&scratch, "theirs", &["show", "F-1", "--proof", "--bundle", "theirs.proof.json"]).expect(0);
    if let Some(run) = check_proof(&scratch, &["theirs.proof.json"]) {
        assert!(run.expect(0).out.contains("not checked: that the records lie in"));
    }
    scratch.investigate_in("theirs", "mx01.jsonl").expect(0);
    assert_eq!(scratch.lines_in("theirs", "findings.jsonl")[0]["verdict"], "suspicious");
    assert!(import("one.zip").starts_with("Taken: 0; the same on both sides: 0; known before: 1"));

    judge("theirs", "benign", "bo.key");
    judge(CASE, "confirmed", "ann.key");
    export("two.zip");
    let told = import("two.zip");
    assert!(told.contains("here benign (looked), there confirmed (looked)"), "{told}");
    let open = at(&scratch, "theirs", &["case", "conflicts"]).expect(0).out;
    assert!(open.contains("here benign"), "{open}");
    judge("theirs", "false-positive", "bo.key");
    assert!(
        import("two.zip").contains("contradictions: 0"),
        "we decided since; the same word of theirs is no news"
    );
    let open = at(&scratch, "theirs", &["case", "conflicts"]).expect(0).out;
    assert_eq!(open, "No contradiction is open\n");
    judge("theirs", "confirmed", "bo.key");
    let open = at(&scratch, "theirs", &["case", "conflicts"]).expect(0).out;
    assert_eq!(open, "No contradiction is open\n");
    at(&scratch, "theirs", &["ledger", "verify", "--trust", "ann.key.pub", "--trust", "bo.key.pub"])
        .expect(0);
    // Their ledger, kept beside ours, is checked too.
    let kept = fs::read_dir(scratch.path("theirs/imported")).expect("it lists").next();
    let kept = kept.expect("one at least").expect("an entry").path();
    let text = fs::read_to_string(&kept).expect("it reads");
    fs::write(&kept, text.replacen("suspicious", "suspicioux", 1)).expect("it is changed");
    at(&scratch, "theirs", &["ledger", "verify"]).expect(4);
}

#[test]
fn a_package_that_is_none_or_was_changed_is_refused() {
    let scratch = case();
    at(&scratch, CASE, &["case", "export", "-o", "one.zip", "--key", "ann.key", "--quiet"]).expect(0);
    scratch.write("none.zip", b"PK\x03\x04 and no more");
    let bytes = fs::read(scratch.path("one.zip")).expect("it reads");
    scratch.write("cut.zip", &bytes[..bytes.len() / 2]);
    // A result that was changed on its way: its bytes are stored anew, so that the archive itself is whole.
    let script = "import zipfile,sys\n\
        old=zipfile.ZipFile('one.zip'); new=zipfile.ZipFile('changed.zip','w')\n\
        for name in old.namelist():\n    \
            data=old.read(name); new.writestr(name, data.replace(b'unreviewed',b'confirmed!') if name.endswith('findings.jsonl') else data)\n\
        new.close()";
    let python = Command::new("python3").args(["-c", script]).current_dir(scratch.path("")).status();
    scratch.investigate_in("theirs", "mx01.jsonl").expect(0);
    if python.is_ok_and(|status| status.success()) {
        let refused = at(&scratch, "theirs", &["case", "import", "changed.zip", "--by", "Bo"]).expect(2);
        assert!(refused.err.contains("is not the one that its manifest names"), "{}", refused.err);
    } else {
        println!("skipped: python3 is not here");
    }
    for name in ["none.zip", "cut.zip", "mx01.jsonl", "not-there.zip"] {
        let refused = at(&scratch, "theirs", &["case", "import", name, "--by", "Bo"]).expect(2);
        assert!(refused.err.contains("error[package-unreadable]"), "{name}: {}", refused.err);
    }
}

#[test]
fn no_output_goes_over_what_cannot_be_made_again() {
    let scratch = case();
    let ledger = fs::read(scratch.path("case/ledger.jsonl")).expect("it reads");
    let key = fs::read(scratch.path("ann.key")).expect("it reads");
    for arguments in [
        &["ledger", "export", "--format", "csv", "-o", "case/ledger.jsonl"][..],
        &["ledger", "export", "--format", "db", "-o", "case/ledger.jsonl"],
        &["custody", "sheet", "-o", "case/ledger.jsonl"],
        &["duties", "calendar", "-o", "case/ledger.jsonl"],
        &["show", "F-1", "--proof", "--bundle", "case/out/findings.jsonl"],
        &["ledger", "seal", "--key", "ann.key", "-o", "ann.key"],
        &["custody", "sheet", "-o", "ann.key"],
        &["case", "export", "-o", "ann.key", "--key", "ann.key"],
    ] {
        let refused = at(&scratch, CASE, arguments).expect(2);
        assert!(refused.err.contains("error[output-precious]"), "{arguments:?}: {}", refused.err);
    }
    at(&scratch, CASE, &["ledger", "seal", "--key", "ann.key", "-o", "one.checkpoint"]).expect(0);
    at(&scratch, CASE, &["ledger", "seal", "--key", "ann.key", "-o", "one.checkpoint"]).expect(2);
    assert!(fs::read(scratch.path("case/ledger.jsonl")).expect("it reads").starts_with(&ledger));
    assert_eq!(fs::read(scratch.path("ann.key")).expect("it reads"), key);
}

#[test]
fn a_lost_ledger_is_no_new_case() {
    let scratch = case();
    fs::remove_file(scratch.path("case/ledger.jsonl")).expect("it goes");
    let set = ["fact", "set", "entity.sector", "energy", "--why", "x", "--by", "Ann"];
    for lost in [false, true] {
        if lost {
            fs::write(scratch.path("case/ledger.jsonl"), "").expect("it is emptied");
        }
        let refused = at(&scratch, CASE, &set).expect(4);
        assert!(refused.err.contains("error[ledger-missing]"), "{}", refused.err);
        let refused = scratch.investigate("mx01.jsonl").expect(4);
        assert!(refused.err.contains("error[ledger-missing]"), "{}", refused.err);
        at(&scratch, CASE, &["ledger", "verify"]).expect(4);
    }
}

#[test]
fn a_torn_line_is_kept_beside_the_ledger_and_a_name_does_not_imitate_a_signature() {
    let scratch = case();
    let path = scratch.path("case/ledger.jsonl");
    let mut bytes = fs::read(&path).expect("it reads");
    let whole = bytes.len();
    bytes.extend_from_slice(b"{\"at\":\"2021-03-27T10:00:00Z\",\"body\":{\"half");
    fs::write(&path, &bytes).expect("it is torn");
    let set =
        |by: &str| at(&scratch, CASE, &["fact", "set", "entity.sector", "energy", "--why", "x", "--by", by]);
    let refused = set("Ann Peeters, signed with 69cd 2af5").expect(2);
    assert!(refused.err.contains("error[name-imitates]"), "{}", refused.err);
    set("Ann").expect(0);
    let kept = fs::read(scratch.path(&format!("case/ledger.torn-{whole}"))).expect("it was kept");
    assert_eq!(kept, bytes[whole..]);
    at(&scratch, CASE, &["ledger", "verify"]).expect(0);
}

#[test]
fn a_copied_folder_is_recognised() {
    let scratch = case();
    fs::create_dir(scratch.path("copy")).expect("a folder is made");
    {
        let name = "ledger.jsonl";
        fs::copy(scratch.path("case").join(name), scratch.path("copy").join(name)).expect("it is copied");
    }
    let copy = scratch.investigate_in("copy", "mx01.jsonl");
    assert!(copy.err.contains("this case is a copy of"), "{}", copy.err);
    let again = scratch.investigate_in("copy", "mx01.jsonl");
    assert!(!again.err.contains("is a copy of"), "it is said once: {}", again.err);
}

/// The same ledger as another version of Piste would have written it.
fn rewritten(scratch: &Scratch, version: &str) {
    let old = scratch.path("case/ledger.jsonl");
    let mut entries = Vec::new();
    piste_case::read_with(&old, |entry| {
        let mut body = entry.body.clone();
        if let Some(said) = body.get_mut("version") {
            *said = version.into();
        }
        entries.push((entry.kind.clone(), body, entry.at));
        Ok(())
    })
    .expect("the ledger reads");
    fs::remove_file(&old).expect("it goes");
    let (mut ledger, _) = piste_case::Ledger::open_with(&old, |_| Ok(())).expect("a new one begins");
    for (kind, body, at) in entries {
        ledger.append(&kind, body, at).expect("it is written");
    }
}

#[test]
fn a_case_of_an_older_version_goes_on_and_one_of_a_newer_is_refused() {
    let scratch = case();
    let findings = fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads");
    rewritten(&scratch, "0.0.9");
    let run = scratch.investigate_in("case", "mx01.jsonl");
    assert!(run.err.contains("last written by Piste 0.0.9"), "{}", run.err);
    assert_eq!(fs::read(scratch.path("case/out/findings.jsonl")).expect("it reads"), findings);
    at(&scratch, CASE, &["ledger", "verify"]).expect(0);
    let again = scratch.investigate_in("case", "mx01.jsonl");
    assert!(!again.err.contains("last written by"), "it is this version's now: {}", again.err);

    rewritten(&scratch, "99.0.0");
    let before = fs::read(scratch.path("case/ledger.jsonl")).expect("it reads");
    let run = scratch.investigate_in("case", "mx01.jsonl").expect(4);
    assert!(run.err.contains("last written by Piste 99.0.0"), "{}", run.err);
    let run = at(
        &scratch,
        CASE,
        &["fact", "set", "t.aware_incident", "2021-03-26T14:20Z", "--why", "x", "--by", "A"],
    );
    assert!(run.expect(4).err.contains("99.0.0"), "who states a fact is told the same");
    assert_eq!(fs::read(scratch.path("case/ledger.jsonl")).expect("it reads"), before);
}

#[test]
fn the_database_is_a_view_of_the_ledger() {
    let scratch = case();
    received(&scratch).expect(0);
    assert!(scratch.path("case/case.db").exists(), "each command that writes an entry makes the view anew");
    let made = fs::read(scratch.path("case/case.db")).expect("it reads");
    fs::remove_file(scratch.path("case/case.db")).expect("it goes");
    at(&scratch, CASE, &["ledger", "export", "--format", "db"]).expect(0);
    assert_eq!(
        fs::read(scratch.path("case/case.db")).expect("it reads"),
        made,
        "it is the ledger's, byte for byte"
    );
    at(&scratch, CASE, &["ledger", "export", "--format", "csv", "-o", "ledger.csv"]).expect(0);
    let entries = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("it reads").lines().count();
    let csv = fs::read_to_string(scratch.path("ledger.csv")).expect("it reads");
    assert_eq!(csv.lines().count(), entries + 1);
    let query = "import sqlite3,sys;c=sqlite3.connect(sys.argv[1]);\
                 print(c.execute('select count(*) from entries').fetchone()[0],\
                 c.execute('select item,taken_by from custody').fetchall(),\
                 c.execute(\"select by_name,signature from entries where kind='custody.recorded'\").fetchall())";
    let output = Command::new("python3").args(["-c", query]).arg(scratch.path("case/case.db")).output();
    let Ok(output) = output else {
        println!("skipped: python3 is not here");
        return;
    };
    let expected = format!("{entries} [('E-1', 'Ann Peeters')] [('Ann Peeters', 'holds')]\n");
    assert_eq!(Run::from(output).expect(0).out, expected);
}
