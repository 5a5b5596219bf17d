//! Killed at any moment: the case opens, its chain holds, what was answered with 0 is there, and ledger and results agree.
//!
//! In: `kill -9` at moments spread over the length of a command. Out: a case that the next command finds in order. Some forty
//! moments; `PISTE_SLOW=1` makes it two hundred of each kind.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::events::three;
use crate::scratch::{CASE, Scratch};

fn receive(item: &str) -> Vec<String> {
    let words =
        ["custody", "add", item, "received", "--from", "ICT", "--to", "Ann", "--why", "asked", "--by", "Ann"];
    words.into_iter().chain(["--case", CASE, "--quiet"]).map(str::to_owned).collect()
}

#[test]
fn nothing_that_was_answered_is_lost_at_whatever_moment_the_command_is_killed() {
    let moments = if std::env::var_os("PISTE_SLOW").is_some() { 200 } else { 40 };
    let scratch = Scratch::new();
    scratch.write("mx01.jsonl", three(1));
    scratch.investigate("mx01.jsonl").expect(0);
    let run = |item: &str| {
        let arguments = receive(item);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = scratch.command(&arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    };
    // The shortest of three: on a machine that does other things too a single one may take far longer than the rest.
    let mut answered: Vec<String> = (0..3).map(|number| format!("disk whole {number}")).collect();
    let lengths = answered.iter().map(|item| {
        let begun = Instant::now();
        assert!(run(item).wait().expect("it ends").success());
        begun.elapsed()
    });
    let length = lengths.min().unwrap_or_default() + Duration::from_millis(2);
    let mut killed = 0;
    for moment in 0..moments {
        let item = format!("disk {moment}");
        let mut child = run(&item);
        std::thread::sleep(length * moment / moments);
        if child.try_wait().expect("it is ours").is_some_and(|status| status.success()) {
            answered.push(item);
        } else {
            child.kill().expect("it is ours"); // SIGKILL on Unix
            killed += 1;
        }
        let _ = child.wait();
        if moment % 8 == 7 {
            // The next command opens the case, mends a torn line and writes on.
            let next = format!("thing {moment}");
            let arguments = receive(&next);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            scratch.piste(&arguments).expect(0);
            answered.push(next);
            scratch.piste(&["ledger", "verify", "--case", CASE]).expect(0);
        }
    }
    assert!(killed * 8 > moments, "only {killed} of {moments} were still running");
    let shown = scratch.piste(&["custody", "show", "--case", CASE]).expect(0).out;
    for item in &answered {
        assert!(shown.contains(&format!("{item}  with Ann")), "{item} is lost");
    }
    assert_eq!(scratch.lines("evidence.jsonl").len(), 1);
    let sealed = std::fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("it reads");
    assert!(sealed.contains("evidence.sealed"), "what was sealed is still sealed");
}

/// What every command leaves behind, whenever it was killed: a ledger that holds, results that it vouches for, the verdicts of
/// the one in the other, and nothing half done.
#[track_caller]
fn agree(scratch: &Scratch, what: &str) {
    scratch.piste(&["ledger", "verify", "--case", CASE]).expect(0);
    let listed = scratch.piste(&["findings", "--json", "--case", CASE]);
    assert_eq!(listed.code, 0, "{what}: {}", listed.err);
    for words in [&["doors"][..], &["fact", "list"], &["custody", "show"], &["timeline"]] {
        let run = scratch.piste(&[words, &["--case", CASE]].concat());
        assert_eq!(run.code, 0, "{what}: {words:?}: {}", run.err);
    }
    let mut verdicts = BTreeMap::new();
    piste_case::read_with(&scratch.path("case/ledger.jsonl"), |entry| {
        if entry.kind == "finding.judged" {
            verdicts.insert(entry.body["key"].to_string(), entry.body["verdict"].clone());
        }
        Ok(())
    })
    .expect("it reads");
    for finding in scratch.lines("findings.jsonl") {
        let said = verdicts.get(&finding["key"].to_string()).cloned().unwrap_or(Value::from("unreviewed"));
        assert_eq!(finding["verdict"], said, "{what}: {}", finding["id"]);
    }
    for folder in ["case/out", "case/tmp/next", "case/imported"] {
        for entry in std::fs::read_dir(scratch.path(folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let half_done = folder == "case/tmp/next"
                || std::path::Path::new(&name).extension().is_some_and(|end| end == "tmp");
            assert!(!half_done, "{what}: {folder}/{name} stays");
        }
    }
}

#[test]
fn whatever_command_is_killed_ledger_and_results_agree() {
    let moments = if std::env::var_os("PISTE_SLOW").is_some() { 34 } else { 4 };
    let scratch = Scratch::new();
    scratch.write("mx01.jsonl", three(1));
    scratch.investigate("mx01.jsonl").expect(0);
    scratch.investigate_in("theirs", "mx01.jsonl").expect(0);
    let mut killed = 0;
    let commands = [
        "investigate more-{}.jsonl",
        "hunt",
        "finding F-1 --verdict {VERDICT} --why seen --by Ann",
        "fact set entity.sector energy --why told-{} --by Ann",
        "custody add disk-{} received --from ICT --to Ann --why asked --by Ann",
        "case import theirs-{}.zip --by Ann",
    ];
    for line in commands {
        let mut length = Duration::from_millis(80);
        for moment in 0..=moments {
            let verdict = ["confirmed", "benign", "suspicious"][moment as usize % 3];
            let number = moment.to_string();
            scratch.write(&format!("more-{moment}.jsonl"), three(moment + 3));
            if line.starts_with("case import") {
                let judge = [
                    "finding",
                    "F-1",
                    "--verdict",
                    verdict,
                    "--why",
                    "odd",
                    "--by",
                    "Cleo",
                    "--case",
                    "theirs",
                ];
                scratch.piste(&judge).expect(0);
                let package = format!("theirs-{moment}.zip");
                scratch
                    .piste(&["case", "export", "-o", &package, "--by", "Cleo", "--case", "theirs"])
                    .expect(0);
            }
            let line = line.replace("{VERDICT}", verdict).replace("{}", &number);
            let words: Vec<&str> = line.split(' ').chain(["--case", CASE, "--quiet"]).collect();
            let mut command = scratch.command(&words);
            let begun = Instant::now();
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            // The first is let run, to know how long one takes.
            if moment > 0 {
                std::thread::sleep(length * (moment - 1) / moments);
                if child.try_wait().expect("it is ours").is_none() {
                    child.kill().expect("it is ours"); // SIGKILL on Unix
                    killed += 1;
                }
            }
            let _ = child.wait();
            if moment == 0 {
                length = begun.elapsed();
            }
            agree(&scratch, &line);
            let again = scratch.piste(&words);
            // A step of custody that was recorded is not recorded twice.
            let recorded = line.starts_with("custody") && again.err.contains("error[custody-refused]");
            assert!(again.code == 0 || recorded, "{line}: {}", again.err);
            agree(&scratch, &line);
            scratch.piste(&["show", "F-1", "--proof", "--case", CASE]).expect(0);
        }
    }
    assert!(killed * 4 > moments * 6, "only {killed} were still running");
}
