//! Entries by persons: what a signature covers, and that nothing of it can be changed unseen.
//!
//! In: a ledger with signed, unsigned and Piste's own entries. Out: who made each, and a refusal at the first entry whose
//! signature does not hold, even where somebody computed the whole chain anew.

#![expect(clippy::unwrap_used, reason = "this is a test: it fails where that fails")]

use std::fs;
use std::path::PathBuf;

use piste_case::checkpoint::{Checkpoint, CheckpointError};
use piste_case::{Entry, Ledger, LedgerError, Origin, Person, SecretKey, read_signed};
use piste_model::Instant;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

fn at(second: u8) -> Instant {
    Instant::parse(&format!("2021-03-26T14:20:{second:02}Z")).unwrap()
}

fn person(name: &str, seed: Option<u8>) -> Person {
    Person { name: name.to_owned(), key: seed.map(|seed| SecretKey::new(name, &[seed; 32]).unwrap()) }
}

/// A ledger of five entries, the second and fourth signed, the third only named.
fn ledger() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let (mut ledger, _) = Ledger::open(&path).unwrap();
    ledger.append("case.created", json!({}), at(0)).unwrap();
    ledger.append_by("note", json!({"text": "one"}), at(1), &person("Ann", Some(1))).unwrap();
    ledger.append_by("note", json!({"text": "two"}), at(2), &person("Bo", None)).unwrap();
    ledger.append_by("note", json!({"text": "three"}), at(3), &person("Bo", Some(2))).unwrap();
    ledger.append("run.finished", json!({}), at(4)).unwrap();
    (folder, path)
}

/// Writes the ledger anew with each entry as `change` leaves it, and a chain that holds.
fn rewrite(path: &PathBuf, mut change: impl FnMut(&mut Entry)) {
    let mut entries = Vec::new();
    read_signed(path, |entry, _| {
        entries.push(entry.clone());
        Ok(())
    })
    .unwrap();
    fs::remove_file(path).unwrap();
    let (mut ledger, _) = Ledger::open(path).unwrap();
    for mut entry in entries {
        change(&mut entry);
        ledger.append(&entry.kind, entry.body, entry.at).unwrap();
    }
}

#[test]
fn each_entry_says_who_made_it() {
    let (_folder, path) = ledger();
    let mut origins = Vec::new();
    read_signed(&path, |_, origin| {
        origins.push(origin.clone());
        Ok(())
    })
    .unwrap();
    let key = |seed: u8| SecretKey::new("x", &[seed; 32]).unwrap().public().hex();
    assert_eq!(
        origins,
        [
            Origin::Piste,
            Origin::Signed { name: "Ann".to_owned(), key: key(1) },
            Origin::Unsigned { name: "Bo".to_owned() },
            Origin::Signed { name: "Bo".to_owned(), key: key(2) },
            Origin::Piste,
        ]
    );
}

#[test]
fn a_signed_entry_cannot_be_changed_moved_or_renamed_even_with_a_new_chain() {
    type Change = fn(&mut Entry);
    let changes: [(&str, Change); 4] = [
        ("text", |entry| {
            if entry.seq == 2 {
                entry.body["text"] = json!("another");
            }
        }),
        ("name", |entry| {
            if entry.seq == 2 {
                entry.body["by"]["name"] = json!("Cleo");
            }
        }),
        ("time", |entry| {
            if entry.seq == 2 {
                entry.at = at(9);
            }
        }),
        ("an earlier entry", |entry| {
            if entry.seq == 1 {
                entry.body["more"] = json!(1);
            }
        }),
    ];
    for (what, change) in changes {
        let (_folder, path) = ledger();
        rewrite(&path, change);
        piste_case::verify(&path).expect("the chain was computed anew");
        let error = read_signed(&path, |_, _| Ok(())).expect_err(what);
        assert!(matches!(error, LedgerError::Forged { seq: 2, .. }), "{what}: {error:?}");
        let error = Ledger::open(&path).expect_err(what);
        assert!(
            matches!(error, LedgerError::Forged { seq: 2, .. }),
            "nor is it written on: {what}: {error:?}"
        );
        let mut seen = 0;
        piste_case::read_any(&path, |_| {
            seen += 1;
            Ok(())
        })
        .expect("who shows the ledger sees it all");
        assert!(seen >= 2);
    }
}

#[test]
fn a_signature_that_was_taken_off_shows_as_unsigned() {
    let (_folder, path) = ledger();
    rewrite(&path, |entry| {
        if let Some(by) = entry.body.get_mut("by").and_then(Value::as_object_mut) {
            by.retain(|name, _| name == "name");
        }
    });
    let mut signed = 0;
    read_signed(&path, |_, origin| {
        signed += u32::from(matches!(origin, Origin::Signed { .. }));
        Ok(())
    })
    .unwrap();
    assert_eq!(signed, 0);
}

#[test]
fn a_checkpoint_vouches_for_what_follows_it_and_for_nothing_else() {
    let (_folder, path) = ledger();
    let key = SecretKey::new("Ann", &[1; 32]).unwrap();
    let checkpoint = Checkpoint::of(&path, at(5), &key).unwrap();
    assert_eq!(Checkpoint::parse(&checkpoint.to_text()).unwrap(), checkpoint);
    let (mut ledger, _) = Ledger::open(&path).unwrap();
    ledger.append("note", json!({}), at(6)).unwrap();
    assert_eq!(checkpoint.vouch(&path).unwrap().entries, 6);
    let other = Checkpoint { entries: 4, ..checkpoint.clone() };
    assert!(matches!(Checkpoint::parse(&other.to_text()), Err(CheckpointError::Signature(_))));
    let text = fs::read_to_string(&path).unwrap();
    let cut: Vec<&str> = text.lines().take(3).collect();
    fs::write(&path, cut.join("\n") + "\n").unwrap();
    assert!(matches!(checkpoint.vouch(&path), Err(CheckpointError::Cut { then: 5, now: 3, .. })));
    let (_elsewhere, another) = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        Ledger::open(&path).unwrap().0.append("case.created", json!({"other": 1}), at(0)).unwrap();
        (folder, path)
    };
    assert!(matches!(checkpoint.vouch(&another), Err(CheckpointError::OtherCase)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_digit_of_a_checkpoint_is_seen(place in 0_usize..600, flip in 1_u8..128) {
        let (_folder, path) = ledger();
        let key = SecretKey::new("Ann", &[1; 32]).unwrap();
        let mut bytes = Checkpoint::of(&path, at(5), &key).unwrap().to_text().into_bytes();
        let place = place % (bytes.len() - 1);
        bytes[place] ^= flip;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        let read = Checkpoint::parse(&changed);
        prop_assert!(read.is_err(), "byte {place} of {changed}");
    }
}
