//! Evidence as it comes: files, folders, archives in archives, under any name, from any tool.
//!
//! In: the same events in many wrappings. Out: the same rows, each with the locator that leads back to them.

use serde_json::{Value, json};

use crate::events::{gzip, lines, ordinary, three, web_shell, with, zip, zip_aes, zip_crypto, zst};
use crate::scratch::{CASE, Scratch, text};

/// The evidence is read whole, and the events lie at this locator.
#[track_caller]
fn check(file: &str, bytes: &[u8], locator: &str) {
    let scratch = Scratch::new();
    scratch.write(&format!("given/{file}"), bytes);
    scratch.investigate(&format!("given/{file}")).expect(0);
    let summary = scratch.summary();
    assert_eq!((&summary["events"], &summary["issues"]), (&json!(3), &json!(0)));
    assert_eq!(summary["evidence"], json!({"files": 1, "bytes": bytes.len(), "unread": 0}));
    let evidence = scratch.evidence();
    let rows = &evidence.get(locator).unwrap_or_else(|| panic!("{:?}", evidence.keys()))["rows"];
    assert_eq!(*rows, json!(3));
    let hit = scratch.lines("detections.jsonl").first().cloned().expect("a rule finds the shell");
    assert_eq!((text(&hit, "path"), &hit["record"]), (locator.to_owned(), &json!(2)));
}

#[test]
fn the_same_events_are_read_from_every_wrapping() {
    let plain = three(1);
    check("a.jsonl", &plain, "a.jsonl");
    check("a.jsonl.gz", &gzip(&plain), "a.jsonl.gz!a.jsonl");
    check("a.zst", &zst(&plain), "a.zst!a");
    check("a.zip", &zip(&[("logs/a.jsonl", &plain)]), "a.zip!logs/a.jsonl");
    let inner = zip(&[("a.jsonl", &plain)]);
    let middle = zip(&[("inner.zip", &inner)]);
    check("outer.zip.gz", &gzip(&middle), "outer.zip.gz!outer.zip!inner.zip!a.jsonl");
    check("in.zip", &zip(&[("a.jsonl.zst", &zst(&plain)), ("empty/", b"")]), "in.zip!a.jsonl.zst!a.jsonl");
}

#[test]
fn content_decides_what_a_file_is() {
    check("Security.evtx", &three(1), "Security.evtx");
    check("holiday.jpg", &three(1), "holiday.jpg");
    check("notes.txt", &zip(&[("x", &three(1))]), "notes.txt!x");
    check("mark", &[b"\xef\xbb\xbf".as_slice(), &three(1)].concat(), "mark");
}

#[test]
fn a_folder_is_read_whole() {
    let scratch = Scratch::new();
    scratch.write("MX01 logs/a/one.jsonl", three(1));
    scratch.write("MX01 logs/two.jsonl", three(2));
    scratch.write("MX01 logs/notes.txt", "seen by nobody");
    scratch.piste(&["investigate", "MX01 logs", "--case", CASE]).expect(0);
    let evidence = scratch.evidence();
    let shown: Vec<_> = evidence.iter().map(|(path, one)| (path.as_str(), text(one, "state"))).collect();
    assert_eq!(
        shown,
        [
            ("MX01 logs/a/one.jsonl", "read".to_owned()),
            ("MX01 logs/notes.txt", "not-parsed".to_owned()),
            ("MX01 logs/two.jsonl", "read".to_owned()),
        ]
    );
    assert_eq!(scratch.summary()["events"], json!(6));
}

#[test]
fn the_same_content_is_parsed_once_and_both_places_are_kept() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("b.zip", zip(&[("copy.jsonl", &three(1))]));
    scratch.investigate("b.zip a.jsonl").expect(0);
    let evidence = scratch.evidence();
    let states: Vec<_> =
        ["a.jsonl", "b.zip!copy.jsonl"].iter().map(|path| text(&evidence[*path], "state")).collect();
    assert!(states.contains(&"read".to_owned()) && states.contains(&"same".to_owned()), "{states:?}");
    let same = evidence.values().find(|one| text(one, "state") == "same").expect("one of them");
    let read = evidence.values().find(|one| text(one, "state") == "read").expect("the other");
    assert_eq!(same["same_as"], read["id"]);
    assert_eq!(scratch.summary()["events"], json!(3));
    for hit in scratch.lines("detections.jsonl") {
        let places: Vec<&str> =
            hit["places"].as_array().expect("places").iter().filter_map(Value::as_str).collect();
        assert_eq!(places.len(), 2, "{places:?}");
        assert_eq!(places[0], text(&hit, "path"));
        assert!(places.contains(&"a.jsonl") && places.contains(&"b.zip!copy.jsonl"), "{places:?}");
    }
}

/// A member's events name no host: the path tells.
#[track_caller]
fn check_host(container: &str, members: &[&str], tool: &str, host: &str) {
    let scratch = Scratch::new();
    let events = lines([with(ordinary(1), "Hostname", Value::Null)]);
    let members: Vec<(&str, &[u8])> = members.iter().map(|name| (*name, events.as_slice())).collect();
    scratch.write(container, zip(&members));
    scratch.piste(&["investigate", container, "--case", CASE]).expect(0);
    let evidence = scratch.evidence();
    assert_eq!(evidence[container]["origin"], json!(tool));
    let member = &evidence[&format!("{container}!{}", members[members.len() - 1].0)];
    assert_eq!(member["host"], json!(host), "{evidence:?}");
}

#[test]
fn paths_of_collection_tools_give_the_host() {
    check_host(
        "Collection-MX01_min_example-2021-03-26T14_20_00Z.zip",
        &["uploads/auto/C%3A/Windows/System32/winevt/Logs/a.jsonl"],
        "velociraptor",
        "MX01.min.example",
    );
    check_host("2021-03-26T142000_MX02.zip", &["C/Windows/System32/winevt/Logs/a.jsonl"], "kape", "MX02");
    check_host("case.zip", &["MX03/C/Windows/System32/winevt/Logs/a.jsonl"], "kape", "MX03");
}

#[test]
fn what_velociraptor_writes_about_itself_is_no_gap_in_the_evidence() {
    let scratch = Scratch::new();
    let uploads = b"{\"Timestamp\":\"2021-03-26T14:20:00Z\",\"vfs_path\":\"/C:/Windows/a.jsonl\",\"file_size\":1}\n\
                    {\"Timestamp\":\"2021-03-26T14:20:01Z\",\"vfs_path\":\"/C:/Windows/b.jsonl\",\"file_size\":1}\n";
    let name = "Collection-MX01-2021-03-26T14_20_00Z.zip";
    let members: [(&str, &[u8]); 4] = [
        ("client_info.json", b"{\"hostname\":\"MX01\",\"os\":\"windows\"}"),
        ("collection_context.json", b"{\n  \"session_id\": \"F.1\"\n}\n"),
        ("uploads.json", uploads),
        ("uploads/auto/C%3A/Windows/a.jsonl", &three(1)),
    ];
    scratch.write(name, zip(&members));
    scratch.investigate(name).expect(0);
    assert_eq!(scratch.summary()["events"], json!(3));
}

/// Without its password the member is named; with it, read. The rest is read in both cases.
#[track_caller]
fn check_encrypted(encrypt: impl Fn(&str, &[(&str, &[u8])]) -> Vec<u8>) {
    let scratch = Scratch::new();
    let locked = encrypt("infected é", &[("a.jsonl", &three(1)), ("b.jsonl", &three(2))]);
    scratch.write("outer.zip", zip(&[("locked.zip", &locked), ("open.jsonl", &three(3))]));
    scratch.write("wrong.txt", "Infected\nsecret\n");
    scratch.write("right.txt", "wrong\r\ninfected é\r\n");
    for arguments in ["outer.zip", "outer.zip --password-file wrong.txt"] {
        scratch.investigate(arguments).expect(3);
        let issue = scratch.issue("container-encrypted");
        assert_eq!(text(&issue, "path"), "outer.zip!locked.zip");
        assert!(text(&issue, "hint").contains("--password-file FILE"), "{issue}");
        assert!(
            text(&issue, "what").contains("2 members") && text(&issue, "what").contains("a.jsonl"),
            "{issue}"
        );
        assert_eq!(scratch.summary()["events"], json!(3));
        assert_eq!(scratch.summary()["evidence"]["unread"], json!(2));
    }
    scratch.investigate("outer.zip --password-file right.txt").expect(0);
    assert_eq!((&scratch.summary()["events"], scratch.slugs()), (&json!(9), vec![]));
}

#[test]
fn encrypted_members_are_named_and_read_once_their_password_is_given() {
    check_encrypted(zip_crypto);
    check_encrypted(zip_aes);
}

#[test]
fn a_wrong_password_that_passes_the_archive_s_own_check_does_not_hide_the_right_one() {
    // ZipCrypto checks one byte: of 2,000 wrong passwords some pass it.
    let scratch = Scratch::new();
    scratch.write("a.zip", zip_crypto("infected", &[("a.jsonl", &three(1))]));
    let wrong: Vec<String> = (0..2_000).map(|n| format!("wrong-{n}")).collect();
    scratch.write("passwords.txt", wrong.join("\n") + "\ninfected\n");
    scratch.investigate("a.zip --password-file passwords.txt").expect(0);
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn an_encrypted_record_is_shown_with_its_password() {
    let scratch = Scratch::new();
    scratch.write("a.zip", zip_aes("infected", &[("a.jsonl", &three(1))]));
    scratch.write("passwords.txt", "infected\n");
    scratch.investigate("a.zip --password-file passwords.txt").expect(0);
    let member = text(&scratch.evidence()["a.zip!a.jsonl"], "id");
    let record = format!("{member}:2");
    let shown =
        scratch.piste(&["show", &record, "--case", CASE, "--password-file", "passwords.txt"]).expect(0);
    assert!(shown.out.contains("the same as when the row was made"), "{}", shown.out);
}

#[test]
fn the_case_itself_is_no_evidence() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    for _ in 0..2 {
        // As a person would who stands in the folder of the evidence: the case is made in it.
        scratch.piste(&["investigate", "."]).expect(0);
        let summary = scratch.summary_in("piste-case");
        assert_eq!((&summary["events"], &summary["evidence"]["files"]), (&json!(3), &json!(1)));
    }
}

#[test]
fn files_of_one_name_get_locators_of_their_own() {
    let scratch = Scratch::new();
    for (folder, seed) in [("one", 1), ("two", 2)] {
        scratch.write(&format!("{folder}/logs/a.jsonl"), three(seed));
    }
    scratch.investigate("two/logs one/logs").expect(0);
    assert_eq!(scratch.evidence().into_keys().collect::<Vec<_>>(), ["one/logs/a.jsonl", "two/logs/a.jsonl"]);
    assert_eq!(scratch.summary()["events"], json!(6));
}

#[test]
fn a_file_given_twice_is_read_once() {
    let scratch = Scratch::new();
    scratch.write("logs/a.jsonl", three(1));
    scratch.investigate("logs logs/a.jsonl logs/../logs").expect(0);
    assert_eq!(scratch.summary()["evidence"]["files"], json!(1));
    assert_eq!(scratch.summary()["events"], json!(3));
}

#[test]
fn a_record_in_several_logs_is_one_row_however_the_logs_came() {
    let numbered = |n: u32| with(web_shell(n), "RecordNumber", json!(n));
    let (one, two) = (lines((1..=6).map(numbered)), lines((4..=9).map(numbered)));
    let together = Scratch::new();
    together.write("one.jsonl", &one);
    together.write("two.jsonl", &two);
    together.investigate("one.jsonl two.jsonl").expect(0);
    let summary = together.summary();
    assert_eq!(
        (&summary["events"], &summary["records_read"], &summary["duplicates"]),
        (&json!(9), &json!(12), &json!(3))
    );
    let apart = Scratch::new();
    apart.write("one.jsonl", &one);
    apart.write("two.jsonl", &two);
    apart.investigate("one.jsonl").expect(0);
    apart.investigate("two.jsonl").expect(0);
    assert_eq!(apart.summary()["duplicates"], json!(3), "a log added later is compared with those before");
    assert_eq!(apart.summary()["events"], json!(9));
    let kept = Scratch::new();
    kept.write("one.jsonl", &one);
    kept.write("two.jsonl", &two);
    kept.investigate("one.jsonl two.jsonl --no-dedup").expect(0);
    assert_eq!(kept.summary()["events"], json!(12));
}

/// A file may have a name that is no text; the ledger remembers it for the next run.
#[cfg(unix)]
#[test]
fn a_given_path_that_is_no_text_is_read_and_remembered() {
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.jsonl");
    let written = scratch.write("plain.jsonl", three(1));
    std::fs::rename(written, scratch.path("").join(name)).expect("the file is renamed");
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = scratch.command(&["investigate", "--case", CASE, "--at", "2021-03-27T09:00:00Z"]);
        crate::scratch::Run::from(command.args(arguments).output().expect("the binary starts"))
    };
    run(&[name]).expect(0);
    assert_eq!(scratch.evidence().keys().collect::<Vec<_>>(), ["caf\u{fffd}.jsonl"]);
    scratch.write("more.jsonl", three(2));
    run(&["more.jsonl".as_ref()]).expect(0);
    assert_eq!(scratch.summary()["evidence"]["files"], json!(2));
    run(&["--withdraw".as_ref(), name, "more.jsonl".as_ref()]).expect(0);
    assert_eq!(scratch.summary()["evidence"]["files"], json!(1));
}
