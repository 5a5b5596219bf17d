//! Facts, duties, drafts and the calendar, by the command line.
//!
//! In: facts that the tests state. Out: what the binary answers, held against the model case, the schema, the strict reading
//! of RFC 5545, and the walk-through in `docs/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::schema_check::faults;
use crate::scratch::{CASE, Run, Scratch, text};

const EVENING: &str = "2021-03-26T18:00:00Z";
const AWARE: &str = "2021-03-26T14:20+01:00";

const MODEL: [(&str, &str); 17] = [
    ("entity.jurisdiction", "BE"),
    ("entity.public_authority", "true"),
    ("entity.federal_administration", "true"),
    ("entity.role_personal_data", "controller"),
    ("incident.confirmed", "true"),
    ("incident.suspected_malicious", "true"),
    ("incident.unauthorised_access", "true"),
    ("actor.state_suspected", "true"),
    ("actor.espionage_suspected", "true"),
    ("crime.suspected", "true"),
    ("crisis.level", "national_crisis"),
    ("inquiry.phase", "instruction"),
    ("personal_data.affected", "possible"),
    ("classified.affected", "no"),
    ("t.aware_incident", AWARE),
    ("t.aware_significant", AWARE),
    ("t.aware_personal_data_breach", AWARE),
];

fn set(scratch: &Scratch, name: &str, value: &str) -> Run {
    scratch.piste(&[
        "fact",
        "set",
        name,
        value,
        "--why",
        "seen",
        "--by",
        "A. Peeters",
        "--case",
        CASE,
        "--at",
        EVENING,
    ])
}

fn at(scratch: &Scratch, moment: &str, arguments: &[&str]) -> Run {
    let mut all = arguments.to_vec();
    all.extend(["--case", CASE, "--at", moment]);
    scratch.piste(&all)
}

fn model() -> Scratch {
    let scratch = Scratch::new();
    for (name, value) in MODEL {
        set(&scratch, name, value).expect(0);
    }
    scratch
}

fn duties(run: &Run) -> Value {
    serde_json::from_str(&run.out).expect("the answer is an object")
}

#[test]
fn the_model_case_answers_as_the_vectors_say() {
    let scratch = model();
    let run = at(&scratch, "2021-03-27", &["duties", "--json"]).expect(0);
    let answer = duties(&run);
    let mut by_state: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for duty in answer["duties"].as_array().expect("duties") {
        by_state.entry(text(duty, "state")).or_default().insert(text(duty, "row"));
    }
    by_state.remove("not-applicable");
    let set = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<BTreeSet<_>>();
    let due = set(&[
        "BE-CIC-29",
        "BE-COMPLAINT",
        "BE-FCCU",
        "BE-VSSE",
        "BE-SGRS",
        "BE-NCCN",
        "BE-MINISTER",
        "BE-MFA-ATTR",
        "GDPR-33-5",
    ]);
    let assess = set(&["GDPR-33", "GDPR-34"]);
    assert_eq!(by_state, BTreeMap::from([("due".to_owned(), due), ("assess".to_owned(), assess)]));
    let gdpr = answer["duties"].as_array().and_then(|all| all.iter().find(|duty| duty["row"] == "GDPR-33"));
    let gdpr = gdpr.expect("it is there");
    assert_eq!(gdpr["clock_start"], "2021-03-26T13:20:00Z");
    assert_eq!(gdpr["due_strict"], "2021-03-29T13:20:00Z");
    assert_eq!(gdpr["due_legal_max"], "2021-03-29T14:00:00Z");
    assert_eq!(gdpr["recipient"], "apd_gba");

    let file = fs::read_to_string(scratch.path("case/out/duties.json")).expect("it is written");
    let written: Value = serde_json::from_str(&file).expect("an object");
    assert_eq!(written, answer, "--json prints what the file holds");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/duties.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).expect("a schema")).expect("JSON");
    assert_eq!(faults(&schema, &answer, "duties.json"), Vec::<String>::new());
    at(&scratch, "2021-03-27", &["duties"]).expect(0);
    assert_eq!(
        fs::read_to_string(scratch.path("case/out/duties.json")).expect("it reads"),
        file,
        "equal bytes"
    );
}

#[test]
fn the_page_says_what_is_law_and_what_is_not() {
    let scratch = model();
    let page = at(&scratch, "2021-03-27", &["duties"]).expect(0).out;
    insta::assert_snapshot!("duties_model_case", page);
    let whole = at(&scratch, "2021-03-27", &["duties", "O-24", "--all"]).expect(0).out;
    assert!(whole.contains("TO CONFIRM"), "{whole}");
    let class = at(&scratch, "2021-03-27", &["duties", "--class"]).expect(0).out;
    insta::assert_snapshot!("duties_class", class);
}

#[test]
fn drafts_say_what_was_stated_and_nothing_else() {
    let scratch = model();
    for (name, value) in [
        ("entity.name", "SPF Exemple"),
        ("incident.short_description", "Un web shell a été déposé."),
        ("measures.taken", "Le serveur est surveillé."),
        ("t.first_trace", "2019-04-12T03:14:15Z"),
        ("evidence.exhibits", "E-1 sha256 00aa; E-2 sha256 00bb"),
        ("contact.legal", "Service juridique\u{202e}\u{1b}[31m"),
    ] {
        set(&scratch, name, value).expect(0);
    }
    for (duty, lang) in [
        ("BE-CIC-29", "fr"),
        ("GDPR-33", "fr"),
        ("GDPR-33", "nl"),
        ("BE-VSSE", "nl"),
        ("GDPR-33", "de"),
        ("BE-NCCN", "en"),
    ] {
        let draft =
            at(&scratch, "2021-03-27T09:00:00Z", &["duties", "draft", duty, "--lang", lang]).expect(0).out;
        insta::assert_snapshot!(format!("draft_{}_{lang}", duty.to_lowercase()), draft);
        assert!(
            !draft.contains('\u{1b}') && !draft.contains('\u{202e}'),
            "hidden characters are made visible"
        );
    }
    // What the profile assumes is no fact of the case.
    let bare = Scratch::new();
    set(&bare, "personal_data.affected", "possible").expect(0);
    let draft =
        at(&bare, "2026-03-27T09:00:00Z", &["duties", "draft", "BE-NIS2-EW", "--lang", "fr"]).expect(0).out;
    assert!(!draft.contains("essentielle"), "{draft}");
    assert!(draft.contains("Pas encore connu : impact transfrontalier."), "{draft}");
}

#[test]
fn a_draft_that_was_edited_is_not_written_over() {
    let scratch = model();
    let draft = ["duties", "draft", "BE-NCCN", "--lang", "fr", "-o", "nccn.txt"];
    at(&scratch, "2021-03-27", &draft).expect(0);
    at(&scratch, "2021-03-27", &draft).expect(0);
    scratch.write("nccn.txt", "edited");
    let refused = at(&scratch, "2021-03-27", &draft).expect(2);
    assert!(refused.err.contains("error[draft-there]"), "{}", refused.err);
}

#[test]
fn what_is_wrong_is_refused_with_a_step_to_take() {
    let scratch = model();
    for (arguments, slug, hint) in [
        (vec!["fact", "set", "t.aware_signifcant", AWARE, "--why", "x"], "fact-unknown", "did you mean"),
        (
            vec!["fact", "set", "t.aware_significant", "2021-03-26T14:20", "--why", "x"],
            "fact-value",
            "offset",
        ),
        (vec!["fact", "set", "crime.suspected", "perhaps", "--why", "x"], "fact-value", "unknown"),
        (vec!["fact", "set", "crime.suspected", "true", "--why", " "], "why-missing", "sentence"),
        (
            vec!["fact", "set", "crime.suspected", "true", "--why", "x", "--rows", "E-9:1"],
            "row-unknown",
            "piste findings",
        ),
        (
            vec!["fact", "set", "crime.suspected", "true", "--why", "x", "--rows", "57"],
            "row-unknown",
            "E-1:57",
        ),
        (vec!["fact", "unset", "incident.rsit", "--why", "x"], "fact-not-set", "fact list"),
        (vec!["duties", "draft", "O-999", "--lang", "fr"], "duty-unknown", "--all"),
        (vec!["duties", "D-1"], "duty-unknown", "piste why D-1"),
        (vec!["duties", "draft", "BE-NIS2-EW", "--lang", "fr"], "duty-not-applicable", "shows why"),
        (
            vec!["duties", "sent", "GDPR-33", "--ref", "R", "--at-time", "2031-01-01T00:00Z"],
            "time-to-come",
            "--at",
        ),
        (vec!["duties", "sent", "GDPR-33", "--ref", "R", "--to", "minister"], "recipient-unknown", "apd_gba"),
        (vec!["duties", "ack", "GDPR-33", "--ref", "R"], "duty-not-sent", "piste duties sent"),
        (vec!["duties", "--profile", "moon"], "profile-unknown", "be-federal-administration"),
    ] {
        let entries = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("it reads");
        let run = at(&scratch, "2021-03-27", &arguments).expect(2);
        assert!(
            run.err.contains(&format!("error[{slug}]")) && run.err.contains(hint),
            "{arguments:?}: {}",
            run.err
        );
        let after = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("it reads");
        assert_eq!(entries, after, "{arguments:?}: nothing is recorded");
    }
    let empty = Scratch::new();
    let nobody =
        at(&empty, "2021-03-27", &["fact", "set", "crime.suspected", "true", "--why", "x"]).expect(2);
    assert!(nobody.err.contains("error[person-missing]"), "{}", nobody.err);
    let missing = empty.piste(&["duties", "--case", "nowhere"]).expect(2);
    assert!(missing.err.contains("error[case-missing]"), "{}", missing.err);
}

#[test]
fn who_is_taken_from_the_flag_the_environment_or_the_case() {
    let scratch = Scratch::new();
    let state = ["fact", "set", "crime.suspected", "true", "--why", "x", "--case", CASE];
    let run: Run =
        scratch.command(&state).env("PISTE_PERSON", "B. Janssens").output().expect("it runs").into();
    run.expect(0);
    scratch.piste(&state).expect(0);
    let history = at(&scratch, "2021-03-27", &["fact", "history", "crime.suspected", "--json"]).expect(0).out;
    let by: Vec<String> =
        history.lines().map(|line| text(&serde_json::from_str(line).expect("an object"), "by")).collect();
    assert_eq!(by, ["B. Janssens", "B. Janssens"]);
    set(&scratch, "crime.suspected", "unknown").expect(0);
    let two = scratch.piste(&state).expect(2);
    assert!(two.err.contains("person-missing"), "two persons: {}", two.err);
}

#[test]
fn the_profile_is_kept_as_a_fact() {
    let scratch = model();
    at(&scratch, "2021-03-27", &["duties", "--profile", "gdpr-controller-eu"]).expect(0);
    let answer = duties(&at(&scratch, "2021-03-27", &["duties", "--json"]).expect(0));
    assert_eq!(answer["profile"], "gdpr-controller-eu");
    let all = answer["duties"].as_array().expect("duties");
    assert!(all.iter().all(|duty| duty["regime"] == "GDPR"), "only the GDPR");
}

/// Content lines of an `.ics`, unfolded; every rule that RFC 5545 sets for lines is held.
fn content_lines(ics: &str) -> Vec<(String, String)> {
    assert!(ics.ends_with("\r\n"), "the last line ends with CRLF");
    assert!(!ics.replace("\r\n", "").contains(['\r', '\n']), "every line ends with CRLF");
    assert!(ics.split("\r\n").all(|line| line.len() <= 75), "no line is longer than 75 octets");
    let unfolded = ics.replace("\r\n ", "");
    let lines = unfolded.split_terminator("\r\n").map(|line| {
        let (name, value) = line.split_once(':').expect("a name and a value");
        assert!(name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-'), "{name}");
        (name.to_owned(), value.to_owned())
    });
    lines.collect()
}

#[test]
fn the_calendar_is_one_by_rfc_5545() {
    let scratch = model();
    at(&scratch, "2021-03-27", &["duties", "calendar", "-o", "duties.ics"]).expect(0);
    let ics = fs::read_to_string(scratch.path("duties.ics")).expect("it is written");
    let lines = content_lines(&ics);
    let mut open = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut uids = BTreeSet::new();
    for (name, value) in &lines {
        match name.as_str() {
            "BEGIN" => {
                open.push(value.as_str());
                *seen.entry(value).or_default() += 1;
            }
            "END" => assert_eq!(open.pop(), Some(value.as_str()), "parts are nested"),
            "UID" => assert!(uids.insert(value.clone()), "{value} stands twice"),
            "DTSTAMP" => assert_eq!(value, "20210327T000000Z", "the moment of --at"),
            "DTSTART" => assert!(value.len() == 16 && value.ends_with('Z'), "{value} is UTC"),
            "SUMMARY" | "DESCRIPTION" => {
                let bare = value.replace("\\\\", "").replace("\\,", "").replace("\\;", "").replace("\\n", "");
                assert!(!bare.contains([',', ';', '\\']), "{value} is escaped");
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "every part is closed");
    // COMPLAINT has no time; the other eight that are due have, and the two to assess.
    assert_eq!((seen["VEVENT"], seen["VALARM"]), (10, 20));
    assert!(
        lines.contains(&("DTSTART".to_owned(), "20210329T132000Z".to_owned())),
        "the 72 hours of the GDPR"
    );
    let again = at(&scratch, "2021-03-28", &["duties", "calendar"]).expect(0).out;
    let later: BTreeSet<String> =
        content_lines(&again).into_iter().filter(|(name, _)| name == "UID").map(|(_, value)| value).collect();
    assert_eq!(uids, later, "a later export updates the same entries");
    by_a_library(&scratch.path("duties.ics"));
}

/// A second reader, where it is installed: `pip install icalendar`.
fn by_a_library(path: &Path) {
    let script = "import sys, icalendar\n\
        cal = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())\n\
        events = [part for part in cal.walk('VEVENT')]\n\
        assert all(event['UID'] and event.decoded('DTSTART').utcoffset().total_seconds() == 0 for event in events)\n\
        assert all(len(list(event.walk('VALARM'))) == 2 for event in events)\n\
        assert not any(event.errors for event in events), [event.errors for event in events]\n\
        print(len(events))";
    let python = std::env::var("PISTE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import icalendar"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no module icalendar; only the checks above were made");
        return;
    }
    let output = Command::new(python).args(["-c", script]).arg(path).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "10");
}

/// Words of a command line, with double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("there is one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_walk_through_runs_as_it_is_written() {
    let scratch = Scratch::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/walkthrough-duties.md");
    let document = fs::read_to_string(path).expect("the walk-through is there");
    let commands: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("$ piste ")).collect();
    assert!(commands.len() > 30, "{} commands", commands.len());
    let mut last = String::new();
    for command in commands {
        let words = words(command);
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        last = scratch.piste(&arguments).expect(0).out;
        if command.starts_with("fact ask") {
            assert!(last.contains("proposed:") || last.contains("decides"), "{last}");
        }
    }
    assert!(last.contains("SUPPLEMENT DUE") && last.contains("WAIVED"), "{last}");
    let drafts = ["nccn", "apd-gba", "fccu", "parquet", "vsse", "sgrs", "mfa"];
    for name in drafts {
        let draft = fs::read_to_string(scratch.path(&format!("{name}.txt"))).expect("the draft is there");
        assert!(draft.starts_with("TLP:"), "{name}: {draft}");
        assert!(draft.contains("Pas encore connu") || draft.contains("Nog niet bekend"), "{name}");
        assert!(draft.contains("SPF Exemple"), "{name} names the entity");
    }
    // What the demo's evidence shows stands in the drafts, with the ways in and rows behind it.
    let read = |name: &str| fs::read_to_string(scratch.path(name)).expect("the draft is there");
    let report = read("parquet.txt");
    for part in [
        "[D-1, E-",
        "adresses sources : 203.0.113.77",
        "CVE-2020-0688",
        "au plus tard le 9 avril 2019",
        "SHA-256 ",
    ] {
        assert!(report.contains(part), "`{part}` in {report}");
    }
    assert!(read("vsse.txt").contains("203.0.113.77 (bronadres) [D-"), "{}", read("vsse.txt"));
    content_lines(&fs::read_to_string(scratch.path("duties.ics")).expect("the calendar is there"));
}
