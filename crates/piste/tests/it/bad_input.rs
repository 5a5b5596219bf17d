//! Evidence that is damaged, refused or hostile: it is named, it stops nothing, and the exit code says so.
//!
//! In: files as an intruder, a full disk or a broken copy leaves them, beside a good one. Out: an issue with its slug and one
//! step to take, and the good file's events.

use std::io::{Cursor, Write};

use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::events::{gzip, lines, ordinary, three, web_shell, zip, zip_with, zst};
use crate::scratch::{Scratch, text};

/// Beside a good file, this one gives the issue, whose hint says the words; the good file is read.
#[track_caller]
fn check(name: &str, bytes: &[u8], slug: &str, hint: &str, code: i32) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.write(name, bytes);
    scratch.piste(&["investigate", name, "good.jsonl", "--case", "case"]).expect(code);
    let issues = scratch.lines("issues.jsonl");
    let found =
        issues.iter().find(|issue| text(issue, "slug") == slug).unwrap_or_else(|| panic!("{issues:?}"));
    assert!(text(found, "hint").contains(hint), "{found}");
    assert!(text(found, "path").starts_with(name), "{found}");
    for field in ["what", "effect"] {
        assert!(!text(found, field).is_empty() && !text(found, field).ends_with('.'), "{found}");
    }
    assert_eq!(scratch.evidence()["good.jsonl"]["rows"], json!(3));
    let unread = scratch.evidence().values().filter(|one| one["state"] == json!("unread")).count();
    assert_eq!(scratch.summary()["evidence"]["unread"], json!(unread));
    scratch
}

#[test]
fn what_piste_does_not_read_is_named_with_the_command_that_opens_it() {
    let not_read = |name, magic: &[u8], command| {
        let bytes = [magic, &[7; 600]].concat();
        check(name, &bytes, "evidence-not-read", command, 3);
    };
    not_read("MX01.E01", b"EVF\x09\x0d\x0a\xff\0", "ewfmount");
    not_read("MX01.vhdx", b"vhdxfile", "guestmount");
    not_read("logs.7z", b"7z\xbc\xaf\x27\x1c", "7z x FILE");
    not_read("logs.rar", b"Rar!\x1a\x07\x01\0", "unrar x FILE");
    not_read("renamed.evtx", b"EVF\x09\x0d\x0a\xff\0", "ewfmount");
}

#[test]
fn an_empty_log_is_named_and_is_no_gap() {
    check("Security.evtx", b"", "evidence-empty", "ask whether", 0);
}

#[test]
fn json_of_something_else_is_named() {
    let scratch =
        check("other.jsonl", b"{\"a\":1}\n{\"a\":2}\n", "evidence-not-understood", "if it holds events", 3);
    assert_eq!(scratch.evidence()["other.jsonl"]["state"], json!("unread"));
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn broken_lines_cost_those_lines() {
    let mut bytes = three(2);
    bytes.extend(b"{\"EventID\":1,\"Channel\":\nnot json\n\xff\xfe\n");
    bytes.extend(lines([ordinary(99)]));
    let scratch = check("a.jsonl", &bytes, "json-line", "look at the line", 3);
    assert_eq!(scratch.evidence()["a.jsonl"]["rows"], json!(4));
    let lost: Vec<_> = scratch.evidence()["a.jsonl"]["damage"].as_array().expect("a list").clone();
    assert_eq!(lost.iter().map(|one| one["lost"].as_u64().unwrap_or(0)).sum::<u64>(), 3);
}

#[test]
fn one_zero_byte_does_not_hide_a_log() {
    let mut bytes = lines([ordinary(1)]);
    bytes.extend(b"\0\0\0\0\n");
    bytes.extend(three(2));
    let scratch = check("a.jsonl", &bytes, "json-line", "look at the line", 3);
    assert_eq!(scratch.evidence()["a.jsonl"]["rows"], json!(4));
}

#[test]
fn a_log_of_one_endless_line_is_named_and_costs_no_memory() {
    let mut bytes = vec![b'{'; 40 << 20];
    bytes.push(b'\n');
    bytes.extend(three(2));
    let scratch = check("a.jsonl.zst", &zst(&bytes), "line-too-long", "head -c", 3);
    assert_eq!(scratch.evidence()["a.jsonl.zst!a.jsonl"]["rows"], json!(3));
}

#[test]
fn a_member_that_leads_out_is_refused() {
    for name in ["../../evil.jsonl", "a/../../evil.jsonl", "..\\evil.jsonl"] {
        let scratch = check("a.zip", &zip_raw(name, &three(2)), "zip-slip", "unzip -l", 3);
        assert_eq!(scratch.summary()["events"], json!(3));
        assert!(!scratch.path("../evil.jsonl").exists() && !scratch.path("evil.jsonl").exists());
    }
}

/// The writer of zips would mend the name: it is put in afterwards, at the same length.
fn zip_raw(name: &str, bytes: &[u8]) -> Vec<u8> {
    let harmless = "x".repeat(name.len());
    let zipped = zip_with(&[(&harmless, bytes)], SimpleFileOptions::default());
    let mut out = Vec::new();
    let mut rest = zipped.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(harmless.as_bytes()) {
            out.extend(name.as_bytes());
            rest = &rest[name.len()..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[test]
fn an_absolute_name_is_only_a_name() {
    let scratch = Scratch::new();
    scratch.write("a.zip", zip_raw("/etc/cron.d/x.jsonl", &three(2)));
    scratch.investigate("a.zip").expect(0);
    assert_eq!(scratch.evidence()["a.zip!/etc/cron.d/x.jsonl"]["rows"], json!(3));
}

#[test]
fn a_link_in_a_zip_is_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("logs", "/etc/passwd", SimpleFileOptions::default()).expect("a link is written");
    writer.start_file("b.jsonl", SimpleFileOptions::default()).expect("a member begins");
    writer.write_all(&three(2)).expect("a member is written");
    let bytes = writer.finish().expect("a zip ends").into_inner();
    let scratch = check("a.zip", &bytes, "evidence-link", "give the file that it points to", 0);
    assert_eq!(scratch.summary()["events"], json!(6));
    assert!(!scratch.evidence().contains_key("a.zip!logs"));
}

#[test]
fn names_are_shown_without_their_control_characters() {
    let scratch = Scratch::new();
    let name = "\u{1b}[2J\u{202e}gpj.evtx";
    scratch.write("a.zip", zip(&[(name, b""), (&format!("{name}.jsonl"), &three(1))]));
    let run = scratch.investigate("a.zip").expect(0);
    assert!(!run.out.contains('\u{1b}') && !run.out.contains('\u{202e}'), "{}", run.out);
    let report = std::fs::read_to_string(scratch.path("case/out/report.html")).expect("there is a report");
    assert!(!report.contains('\u{1b}') && !report.contains('\u{202e}'));
}

#[test]
fn archives_deeper_than_eight_are_named() {
    let mut bytes = three(2);
    for level in 0..10 {
        bytes = zip(&[(if level == 0 { "a.jsonl" } else { "in.zip" }, &bytes)]);
    }
    let scratch = check("deep.zip", &bytes, "archive-depth", "extract it by hand", 3);
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn a_stream_that_breaks_off_is_read_up_to_there() {
    let whole = lines((0..4_000).map(ordinary));
    let third = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() / 3);
        bytes
    };
    for (name, bytes) in [("a.jsonl.gz", third(gzip(&whole))), ("a.jsonl.zst", third(zst(&whole)))] {
        let scratch = check(name, &bytes, "evidence-unreadable", "ask for a fresh copy", 3);
        let inner = scratch.evidence()[&format!("{name}!a.jsonl")].clone();
        let rows = inner["rows"].as_u64().expect("a number");
        assert!((1_000..2_000).contains(&rows), "{name}: {rows} rows");
        let record = format!("{}:{rows}", text(&inner, "id"));
        let shown = scratch.piste(&["show", &record, "--proof", "--case", "case"]).expect(0);
        assert!(shown.out.contains("the same as when the row was made"), "{}", shown.out);
        assert!(shown.out.contains("The whole file is as sealed"), "{}", shown.out);
    }
}

#[test]
fn a_damaged_member_costs_what_follows_in_it_and_no_other_member() {
    let whole = lines((0..4_000).map(ordinary));
    let mut bytes = zip(&[("a.jsonl", &whole), ("b.jsonl", &three(2))]);
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 64] {
        *byte ^= 0xff;
    }
    let scratch = check("a.zip", &bytes, "evidence-unreadable", "fresh copy", 3);
    let evidence = scratch.evidence();
    assert_eq!(evidence["a.zip!b.jsonl"]["rows"], json!(3));
    let rows = evidence["a.zip!a.jsonl"]["rows"].as_u64().expect("a number");
    assert!((1_000..4_000).contains(&rows), "{rows} rows");
}

#[test]
fn a_zip_cut_short_gives_the_members_before_the_cut() {
    let whole = lines((0..4_000).map(ordinary));
    let members: [(&str, &[u8]); 3] =
        [("one.jsonl", &three(2)), ("two.jsonl", &three(3)), ("three.jsonl", &whole)];
    let mut bytes = zip(&members);
    bytes.truncate(bytes.len() / 2);
    let scratch = check("a.zip", &bytes, "zip-damaged", "zip -FF", 3);
    let evidence = scratch.evidence();
    assert_eq!(evidence["a.zip!one.jsonl"]["rows"], json!(3));
    assert_eq!(evidence["a.zip!two.jsonl"]["rows"], json!(3));
    assert!(evidence["a.zip!three.jsonl"]["rows"].as_u64().expect("a number") > 500);
    // The same inside another archive, where the zip is spooled first.
    let scratch = check("outer.zip", &zip(&[("a.zip", &bytes)]), "zip-damaged", "zip -FF", 3);
    assert_eq!(scratch.evidence()["outer.zip!a.zip!two.jsonl"]["rows"], json!(3));
    // Nothing but the start of a zip.
    let scratch = check("b.zip", &bytes[..20], "zip-damaged", "zip -FF", 3);
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn a_streamed_zip_cut_short_gives_its_members_too() {
    // Streaming writers leave the sizes out of the members' headers, as Velociraptor does.
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in [("one.jsonl", three(2)), ("two.jsonl", lines((0..4_000).map(ordinary)))] {
        writer.start_file(name, SimpleFileOptions::default()).expect("a member begins");
        writer.write_all(&bytes).expect("a member is written");
    }
    let mut bytes = writer.finish().expect("a zip ends").into_inner();
    bytes.truncate(bytes.len() / 2);
    let scratch = check("a.zip", &bytes, "zip-damaged", "zip -FF", 3);
    let evidence = scratch.evidence();
    assert_eq!(evidence["a.zip!one.jsonl"]["rows"], json!(3));
    assert!(evidence["a.zip!two.jsonl"]["rows"].as_u64().expect("a number") > 500);
}

#[test]
fn two_members_of_one_name_are_both_read() {
    let mut bytes = zip(&[("a.jsonl", &three(2)), ("b.jsonl", &three(3))]);
    for at in 0..bytes.len() - 7 {
        if bytes[at..].starts_with(b"b.jsonl") {
            bytes[at] = b'a';
        }
    }
    let scratch = check("a.zip", &bytes, "zip-name-twice", "7z x", 0);
    assert_eq!(scratch.evidence()["a.zip!a.jsonl"]["rows"], json!(3));
    assert_eq!(scratch.evidence()["a.zip!a.jsonl#2"]["rows"], json!(3));
}

#[test]
fn a_folder_without_files_is_named() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path("mount/empty")).expect("folders are made");
    scratch.write("good.jsonl", three(1));
    scratch.investigate("mount good.jsonl").expect(0);
    assert!(text(&scratch.issue("evidence-empty-folder"), "hint").contains("mounted"));
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn a_path_that_is_not_there_stops_the_command() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    let run = scratch.investigate("good.jsonl missing.zip").expect(2);
    assert!(run.err.contains("evidence-missing") && run.err.contains("missing.zip"), "{}", run.err);
    assert!(!scratch.path("case/out/summary.json").exists());
}

#[test]
fn rules_that_are_not_there_stop_the_command() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.write("rules/readme.md", "none here");
    scratch.write("broken/a.yml", "title: [");
    for (rules, word) in [("rules", "rules"), ("nowhere", "nowhere"), ("broken", "a.yml")] {
        let run = scratch.investigate(&format!("good.jsonl --rules {rules}")).expect(2);
        assert!(run.err.contains(word), "{}", run.err);
        assert!(!scratch.path("case").exists(), "a wrong path costs nothing");
    }
}

#[test]
fn a_broken_rule_among_good_ones_is_named_and_the_run_goes_on() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", lines([web_shell(1)]));
    let rule = "title: Shell\nid: 11111111-1111-4111-8111-111111111111\nstatus: test\nlogsource:\n  product: windows\n  \
                category: process_creation\ndetection:\n  selection:\n    Image|endswith: '\\cmd.exe'\n  condition: selection\n\
                level: low\n";
    scratch.write("rules/a.yml", rule);
    scratch.write("rules/b.yml", "title: [");
    scratch.investigate("good.jsonl --rules rules --no-built-in-rules").expect(0);
    let not_run = scratch.lines("rules_not_run.jsonl");
    assert_eq!(not_run.len(), 1, "{not_run:?}");
    assert!(text(&not_run[0], "path").ends_with("b.yml") && !text(&not_run[0], "reason").is_empty());
    assert_eq!(scratch.lines("detections.jsonl").len(), 1);
    assert_eq!(scratch.summary()["rules"]["loaded"], json!(1));
    assert_eq!(scratch.summary()["rules"]["not_loaded"], json!(1));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn links_and_pipes_in_a_folder_are_refused() {
        let scratch = Scratch::new();
        scratch.write("secret.jsonl", three(2));
        scratch.write("logs/good.jsonl", three(1));
        symlink(scratch.path("secret.jsonl"), scratch.path("logs/link.jsonl")).expect("a link is made");
        symlink(scratch.path("logs"), scratch.path("logs/loop")).expect("a link is made");
        let made = Command::new("mkfifo")
            .arg(scratch.path("logs/pipe"))
            .status()
            .is_ok_and(|status| status.success());
        scratch.investigate("logs").expect(0);
        assert_eq!(scratch.summary()["events"], json!(3));
        let slugs = scratch.slugs();
        assert_eq!(slugs.iter().filter(|slug| *slug == "evidence-link").count(), 2);
        if made {
            assert!(slugs.contains(&"evidence-special".to_owned()), "{slugs:?}");
        } else {
            println!("skipped: mkfifo is not here");
        }
    }

    #[test]
    fn a_pipe_given_as_evidence_does_not_hold_the_run() {
        let scratch = Scratch::new();
        scratch.write("good.jsonl", three(1));
        if !Command::new("mkfifo").arg(scratch.path("pipe")).status().is_ok_and(|status| status.success()) {
            println!("skipped: mkfifo is not here");
            return;
        }
        scratch.investigate("pipe good.jsonl").expect(3);
        assert!(text(&scratch.issue("evidence-unreadable"), "what").contains("no regular file"));
        assert_eq!(scratch.summary()["events"], json!(3));
    }

    #[test]
    fn a_file_that_may_not_be_read_is_named() {
        let scratch = Scratch::new();
        let path = scratch.write("logs/locked.jsonl", three(2));
        scratch.write("logs/good.jsonl", three(1));
        scratch.write("logs/folder/c.jsonl", three(3));
        let none = || std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(&path, none()).expect("the mode is set");
        std::fs::set_permissions(scratch.path("logs/folder"), none()).expect("the mode is set");
        std::fs::create_dir(scratch.path("case")).expect("a folder is made");
        for open in ["", "case"] {
            std::fs::set_permissions(scratch.path(open), std::fs::Permissions::from_mode(0o777))
                .expect("the mode is set");
        }
        let mut command = scratch.command(&["investigate", "logs", "--case", "case"]);
        if std::fs::read(&path).is_ok() {
            command.uid(65_534).gid(65_534); // root may read all: be nobody
        }
        match command.output() {
            Ok(output) => {
                crate::scratch::Run::from(output).expect(3);
                let issues = scratch.lines("issues.jsonl");
                let unreadable: Vec<_> =
                    issues.iter().filter(|issue| text(issue, "slug") == "evidence-unreadable").collect();
                assert_eq!(unreadable.len(), 2, "{issues:?}");
                assert_eq!(scratch.summary()["events"], json!(3));
            }
            Err(error) => println!("skipped: the binary cannot be run as nobody: {error}"),
        }
        let _ = std::fs::set_permissions(scratch.path("logs/folder"), std::fs::Permissions::from_mode(0o755));
    }
}
