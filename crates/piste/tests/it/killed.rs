//! Killed while a person's entry is written: the case opens, its chain holds, and what was answered with 0 is there.
//!
//! In: `kill -9` at moments spread over the length of a command. Out: a ledger that verifies after the next command. Forty moments;
//! `PISTE_SLOW=1` makes it two hundred.

use std::process::Stdio;
use std::time::{Duration, Instant};

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
