//! Two teams' decisions brought together: facts by name, verdicts by finding key.
//!
//! In: our ledger and theirs, entry by entry, in order. Out: for each key whether theirs is taken, is the same, brings nothing
//! new, or contradicts ours. Nothing is overwritten: a contradiction is listed until a person decides anew.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Instant;
use serde_json::{Value, json};

use crate::duties::Response;
use crate::ledger::{Entry, LedgerError};
use crate::person::{self, Origin};
use crate::verdicts::{JUDGED, UNREVIEWED, VERDICTS, Verdicts};

/// Kind of the entry that records an import.
pub const IMPORTED: &str = "case.imported";
/// Field of a body that was taken from another ledger: where it stood there.
pub const ORIGIN: &str = "origin";

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// `fact` or `verdict`.
    pub group: String,
    /// Name of the fact, key of the finding.
    pub key: String,
}

/// The entries of one ledger that decide something, by subject, in order.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    by_subject: BTreeMap<Subject, Vec<Entry>>,
    /// Hashes of all entries, to find how far two ledgers are one.
    hashes: BTreeSet<String>,
    /// Hashes of entries of other ledgers that were taken.
    taken: BTreeSet<String>,
    case: String,
}

/// What becomes of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Theirs says what ours says.
    Same,
    /// Theirs says nothing that ours has not taken in before.
    Kept,
    /// Ours says nothing of its own: this entry of theirs is taken.
    Taken(Box<Entry>),
    /// Both decided, and not the same.
    Conflict {
        /// The last entry of ours.
        ours: Box<Entry>,
        /// The last entry of theirs.
        theirs: Box<Entry>,
    },
}

impl Decisions {
    /// Takes in one entry of the ledger.
    pub fn observe(&mut self, entry: &Entry) {
        if entry.seq == 1 {
            self.case.clone_from(&entry.hash);
        }
        let Some(subject) = subject_of(entry) else { return };
        self.hashes.insert(entry.hash.clone());
        let taken = entry.body.get(ORIGIN).and_then(|origin| origin.get("hash")).and_then(Value::as_str);
        self.taken.extend(taken.map(str::to_owned));
        self.by_subject.entry(subject).or_default().push(entry.clone());
    }

    /// Hash of the ledger's first entry, which names the case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// How many entries decide something.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The entry in force on a subject.
    pub fn last(&self, subject: &Subject) -> Option<&Entry> {
        self.by_subject.get(subject)?.last()
    }

    /// What becomes of each subject that `theirs` has decided, in the order of subjects.
    pub fn merge(&self, theirs: &Self) -> Vec<(Subject, Outcome)> {
        let merged = theirs.by_subject.iter().filter_map(|(subject, entries)| {
            let last = entries.last()?;
            Some((subject.clone(), self.outcome(subject, last, theirs)))
        });
        merged.collect()
    }

    fn outcome(&self, subject: &Subject, theirs: &Entry, their_ledger: &Self) -> Outcome {
        if self.hashes.contains(&theirs.hash) || self.taken.contains(&theirs.hash) {
            return Outcome::Kept;
        }
        let Some(ours) = self.last(subject) else { return Outcome::Taken(Box::new(theirs.clone())) };
        if value_of(ours) == value_of(theirs) {
            return Outcome::Same;
        }
        // Ours came from them, or from before the two parted: then theirs is the later word.
        let origin = ours.body.get(ORIGIN).and_then(|origin| origin.get("hash")).and_then(Value::as_str);
        let from_them = origin.is_some_and(|hash| their_ledger.hashes.contains(hash));
        let common = their_ledger.hashes.contains(&ours.hash);
        // They have taken ours in already and decided on.
        let knew_ours = their_ledger.taken.contains(&ours.hash);
        if from_them || common || knew_ours {
            return Outcome::Taken(Box::new(theirs.clone()));
        }
        Outcome::Conflict { ours: Box::new(ours.clone()), theirs: Box::new(theirs.clone()) }
    }
}

/// What an entry decides on; `None` for entries that decide nothing.
pub fn subject_of(entry: &Entry) -> Option<Subject> {
    let (group, field) = match entry.kind.as_str() {
        JUDGED => ("verdict", "key"),
        "fact.set" | "fact.unset" => ("fact", "name"),
        _ => return None,
    };
    let key = entry.body.get(field)?.as_str()?.to_owned();
    Some(Subject { group: group.to_owned(), key })
}

/// What an entry says of its subject.
pub fn value_of(entry: &Entry) -> Value {
    let field = if entry.kind == JUDGED { "verdict" } else { "value" };
    if entry.kind == "fact.unset" {
        return Value::Null;
    }
    entry.body.get(field).cloned().unwrap_or_default()
}

/// The body of the entry that takes `theirs` into our ledger: the same decision, with where it comes from. Rows name evidence by
/// the ids of that case, so they go with the origin.
pub fn taken_body(theirs: &Entry, case: &str) -> Value {
    let mut body = theirs.body.clone();
    let Some(fields) = body.as_object_mut() else { return body };
    let rows = fields.insert("rows".to_owned(), json!([])).unwrap_or(json!([]));
    let (name, signed) = match person::origin(theirs) {
        Origin::Piste => ("Piste".to_owned(), false),
        Origin::Unsigned { name } | Origin::Wrong { name } => (name, false),
        Origin::Signed { name, .. } => (name, true),
    };
    fields.remove(person::BY);
    fields.remove("out");
    if theirs.kind == JUDGED {
        fields.remove("rows");
    }
    let origin = json!({
        "case": case, "seq": theirs.seq, "hash": theirs.hash, "at": theirs.at, "by": name, "signed": signed, "rows": rows,
    });
    fields.insert(ORIGIN.to_owned(), origin);
    body
}

/// Why nobody could read this entry of theirs once it stood in our ledger as an entry of `by`; `None` where all who read it can. What
/// this version does not know, and so never looks at, does no harm.
pub fn objection(theirs: &Entry, case: &str, by: &str, at: Instant) -> Option<String> {
    let mut body = taken_body(theirs, case);
    body.as_object_mut()?.insert(person::BY.to_owned(), json!({"name": by}));
    let entry = Entry {
        at,
        body,
        hash: String::new(),
        kind: theirs.kind.clone(),
        prev: String::new(),
        seq: theirs.seq,
        checked: crate::ledger::Checked::default(),
    };
    let read = Verdicts::default().observe(&entry).and_then(|()| Response::default().observe(&entry));
    if let Err(error) = read {
        return Some(match error {
            LedgerError::Body { what, .. } => what,
            other => other.to_string(),
        });
    }
    let verdict = entry.body.get("verdict").and_then(Value::as_str).filter(|_| entry.kind == JUDGED)?;
    let known = VERDICTS.contains(&verdict) || verdict == UNREVIEWED;
    (!known).then(|| format!("`{verdict}` is no verdict that this version knows"))
}

/// Who an entry's content comes from, where an import took it: `Mallory, unsigned, in case 5c1f…`. The importer answers for taking
/// it, not for saying it.
pub fn taken_from(body: &Value) -> Option<String> {
    let origin = body.get(ORIGIN)?;
    let text = |name: &str| origin.get(name).and_then(Value::as_str).unwrap_or_default();
    let signed = origin.get("signed").and_then(Value::as_bool).unwrap_or_default();
    let case: String = text("case").chars().take(12).collect();
    Some(format!("{}, {}, in case {case}", text("by"), if signed { "signed" } else { "unsigned" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger of decisions: (seq, name, value, hash taken from elsewhere).
    fn ledger(case: &str, entries: &[(u64, &str, &str, Option<&str>)]) -> Decisions {
        let mut decisions = Decisions::default();
        decisions.observe(&entry(1, "case.created", json!({}), case));
        for (seq, name, value, origin) in entries {
            let mut body = json!({"name": name, "value": value});
            if let Some(hash) = origin {
                body[ORIGIN] = json!({"hash": hash});
            }
            decisions.observe(&entry(*seq, "fact.set", body, &format!("{case}-{seq}")));
        }
        decisions
    }

    fn entry(seq: u64, kind: &str, body: Value, hash: &str) -> Entry {
        let at = Instant::parse("2021-03-26T15:00:00Z").unwrap();
        Entry {
            at,
            body,
            hash: hash.to_owned(),
            kind: kind.to_owned(),
            prev: String::new(),
            seq,
            checked: crate::ledger::Checked::default(),
        }
    }

    #[track_caller]
    fn check(ours: &Decisions, theirs: &Decisions, expected: &[(&str, &str)]) {
        let merged = ours.merge(theirs);
        let words: Vec<(&str, &str)> = merged
            .iter()
            .map(|(subject, outcome)| {
                let word = match outcome {
                    Outcome::Same => "same",
                    Outcome::Kept => "kept",
                    Outcome::Taken(_) => "taken",
                    Outcome::Conflict { .. } => "conflict",
                };
                (subject.key.as_str(), word)
            })
            .collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn what_only_they_know_is_taken_and_what_contradicts_is_listed() {
        let ours = ledger("us", &[(2, "a", "1", None), (3, "b", "1", None)]);
        let theirs = ledger("them", &[(2, "a", "2", None), (3, "b", "1", None), (4, "c", "3", None)]);
        check(&ours, &theirs, &[("a", "conflict"), ("b", "same"), ("c", "taken")]);
    }

    #[test]
    fn what_was_taken_once_is_not_taken_again_and_their_later_word_is() {
        let ours = ledger("us", &[(2, "a", "2", Some("them-2"))]);
        check(&ours, &ledger("them", &[(2, "a", "2", None)]), &[("a", "kept")]);
        check(&ours, &ledger("them", &[(2, "a", "2", None), (3, "a", "4", None)]), &[("a", "taken")]);
        // We decided anew after taking theirs: their old word does not come back, their new one contradicts.
        let ours = ledger("us", &[(2, "a", "2", Some("them-2")), (3, "a", "9", None)]);
        check(&ours, &ledger("them", &[(2, "a", "2", None)]), &[("a", "kept")]);
        check(&ours, &ledger("them", &[(2, "a", "2", None), (3, "a", "4", None)]), &[("a", "conflict")]);
        // They took ours in and decided on: theirs is the later word.
        let ours = ledger("us", &[(2, "a", "2", None)]);
        check(&ours, &ledger("them", &[(2, "a", "2", Some("us-2")), (3, "a", "5", None)]), &[("a", "taken")]);
    }

    #[test]
    fn copies_of_one_case_share_what_was_before_they_parted() {
        let ours = ledger("one", &[(2, "a", "1", None)]);
        let mut theirs = ledger("one", &[(2, "a", "1", None)]);
        check(&ours, &theirs, &[("a", "kept")]);
        theirs.observe(&entry(3, "fact.set", json!({"name": "a", "value": "2"}), "theirs-3"));
        check(&ours, &theirs, &[("a", "taken")]);
    }
}
