//! The ledger through its public face: round trip, tampering, torn tails, the lock and the numbers of findings.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use piste_case::{Entry, FindingNumbers, Ledger, LedgerError, kind, read_with, verify};
use piste_model::{FindingId, Instant};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

fn at(second: i64) -> Instant {
    Instant { nanos: second * 1_000_000_000, digits: 0 }
}

fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    (folder, path)
}

/// A ledger with `bodies`, closed again; returns its bytes.
fn written(path: &Path, bodies: &[Value]) -> Vec<u8> {
    let (mut ledger, _) = Ledger::open(path).unwrap();
    ledger.append(kind::CASE_CREATED, json!({"name": "Ministère\u{202e}\n"}), at(0)).unwrap();
    let more = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| ("test.entry", body.clone(), at(i64::try_from(n).unwrap())));
    ledger.append_all(more).unwrap();
    fs::read(path).unwrap()
}

fn entries(path: &Path) -> Vec<Entry> {
    let mut all = Vec::new();
    read_with(path, |entry| {
        all.push(entry.clone());
        Ok(())
    })
    .unwrap();
    all
}

#[test]
fn a_line_can_be_checked_by_hand() {
    let (_folder, path) = scratch();
    let (mut ledger, opened) = Ledger::open(&path).unwrap();
    assert_eq!((opened.entries, opened.torn_bytes), (0, 0));
    let first = ledger.append(kind::EVIDENCE_SEALED, json!({"id": "E-1", "bytes": 3}), at(1)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let zeros = "0".repeat(64);
    let without = format!(
        r#"{{"at":"1970-01-01T00:00:01Z","body":{{"bytes":3,"id":"E-1"}},"kind":"evidence.sealed","prev":"{zeros}","seq":1}}"#
    );
    assert_eq!(first.hash, piste_model::hash::sha256_hex(without.as_bytes()));
    assert_eq!(text, without.replace(r#""kind""#, &format!(r#""hash":"{}","kind""#, first.hash)) + "\n");
    assert_eq!(verify(&path).unwrap().head, first.hash);
    assert_eq!(ledger.state(), verify(&path).unwrap());
}

#[test]
fn a_second_writer_is_kept_out_until_the_first_is_done() {
    let (_folder, path) = scratch();
    let (ledger, _) = Ledger::open(&path).unwrap();
    assert!(matches!(Ledger::open(&path), Err(LedgerError::Locked { .. })));
    assert!(verify(&path).is_ok(), "reading needs no lock");
    drop(ledger);
    Ledger::open(&path).unwrap();
}

#[test]
fn what_cannot_be_recorded_leaves_the_ledger_as_it_was() {
    let (_folder, path) = scratch();
    let before = written(&path, &[json!(1)]);
    let (mut ledger, _) = Ledger::open(&path).unwrap();
    let long = "x".repeat(piste_case::ledger::MAX_LINE);
    for (kind, body) in
        [("run.started", json!(0.5)), ("Run Started", json!(1)), ("", json!(1)), ("a", json!(long))]
    {
        assert!(matches!(ledger.append(kind, body.clone(), at(1)), Err(LedgerError::Refused { .. })));
        let batch = [("fine", json!(1), at(1)), (kind, body, at(1))];
        assert!(matches!(ledger.append_all(batch), Err(LedgerError::Refused { .. })));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    ledger.append("run.started", json!(2), at(2)).unwrap();
    assert_eq!(verify(&path).unwrap().entries, 3);
}

#[track_caller]
fn check_broken(change: impl FnOnce(&mut Vec<String>), line: u64, says: &str) {
    let (_folder, path) = scratch();
    let text = String::from_utf8(written(&path, &[json!("a"), json!("b"), json!("c")])).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    for error in [verify(&path).unwrap_err(), Ledger::open(&path).unwrap_err()] {
        let LedgerError::Broken { line: at, what, .. } = &error else { panic!("{error}") };
        assert_eq!(*at, line, "{error}");
        assert!(what.contains(says), "{error}");
    }
}

#[test]
fn the_first_wrong_entry_is_named() {
    check_broken(|lines| lines[1] = lines[1].replace("\"a\"", "\"A\""), 2, "content was changed");
    check_broken(|lines| lines[3] = lines[3].replace("\"c\"", "\"C\""), 4, "content was changed");
    check_broken(|lines| lines.swap(1, 2), 2, "number is 3");
    check_broken(|lines| drop(lines.remove(0)), 1, "number is 2");
    check_broken(|lines| lines[2].truncate(20), 3, "not an entry");
    check_broken(|lines| lines.insert(2, String::new()), 3, "not an entry");
    check_broken(|lines| lines[3] = lines[3].replace("\"seq\"", "\"sEq\""), 4, "not an entry");
    check_broken(|lines| lines[1] = lines[1].replace("\"body\":", "\"body\": "), 2, "canonical");
    check_broken(|lines| lines[1] = lines[1].replace("\"body\":", "\"body\":0,\"body\":"), 2, "not an entry");
}

#[test]
fn numbers_are_given_once_and_kept() {
    let (_folder, path) = scratch();
    let (mut ledger, _) = Ledger::open(&path).unwrap();
    let mut numbers = FindingNumbers::default();
    for key in ["k1", "k2", "k1"] {
        if let (_, Some(body)) = numbers.number(key) {
            ledger.append(kind::FINDING_NUMBERED, body, at(1)).unwrap();
        }
    }
    drop(ledger);
    let mut again = FindingNumbers::default();
    Ledger::open_with(&path, |entry| again.observe(entry)).unwrap();
    assert_eq!(again, numbers);
    assert_eq!((again.number("k2"), again.len()), ((FindingId(2), None), 2));
    let (id, body) = again.number("k3");
    assert_eq!((id, body), (FindingId(3), Some(json!({"key": "k3", "id": "F-3"}))));
}

#[test]
fn a_number_given_twice_stops_the_case() {
    let (_folder, path) = scratch();
    let (mut ledger, _) = Ledger::open(&path).unwrap();
    for key in ["k1", "k2"] {
        ledger.append(kind::FINDING_NUMBERED, json!({"key": key, "id": "F-1"}), at(1)).unwrap();
    }
    drop(ledger);
    let mut numbers = FindingNumbers::default();
    let error = Ledger::open_with(&path, |entry| numbers.observe(entry)).unwrap_err();
    assert_eq!(error.to_string(), "entry 2 (`finding.numbered`): F-1 does not follow F-1");
}

fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_appended_is_read_back(bodies in prop::collection::vec(body(), 1..5), nanos in any::<i64>(), digits in 0u8..=9) {
        let (_folder, path) = scratch();
        written(&path, &bodies);
        let (mut ledger, _) = Ledger::open(&path).unwrap();
        let last = ledger.append("test.last", bodies[0].clone(), Instant { nanos, digits }).unwrap();
        let all = entries(&path);
        prop_assert_eq!(all.len(), bodies.len() + 2);
        prop_assert_eq!(all.last(), Some(&last));
        for (entry, body) in all[1..].iter().zip(&bodies) {
            prop_assert_eq!(&entry.body, body);
        }
    }

    #[test]
    fn any_changed_byte_is_detected(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (_folder, path) = scratch();
        let mut bytes = written(&path, &[json!("a"), json!({"b": 1})]);
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        fs::write(&path, &bytes).unwrap();
        prop_assert!(verify(&path).is_err());
        // Opening may take a broken last line for a torn one, but then says so.
        prop_assert!(Ledger::open(&path).map_or(true, |(_, opened)| opened.torn_bytes > 0));
    }

    #[test]
    fn any_removed_repeated_or_moved_entry_is_detected(from in 0usize..5, to in 0usize..5, copy in any::<bool>()) {
        let (_folder, path) = scratch();
        let text = String::from_utf8(written(&path, &[json!(1), json!(2), json!(3), json!(4)])).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        prop_assume!(copy || from != to);
        let line = if copy { lines[from] } else { lines.remove(from) };
        lines.insert(to, line);
        fs::write(&path, lines.concat()).unwrap();
        prop_assert!(verify(&path).is_err());
        prop_assert!(Ledger::open(&path).is_err());
    }

    #[test]
    fn a_cut_anywhere_leaves_the_whole_entries_before_it(cut in any::<prop::sample::Index>()) {
        let (_folder, path) = scratch();
        let bytes = written(&path, &[json!("a"), json!("b")]);
        let cut = cut.index(bytes.len());
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        prop_assert_eq!(verify(&path).is_err(), whole != cut);
        let (mut ledger, opened) = Ledger::open(&path).unwrap();
        prop_assert_eq!(opened.torn_bytes, (cut - whole) as u64);
        ledger.append("run.started", json!({}), at(9)).unwrap();
        prop_assert_eq!(verify(&path).unwrap().entries, opened.entries + 1);
        prop_assert_eq!(&fs::read(&path).unwrap()[..whole], &bytes[..whole]);
    }
}
