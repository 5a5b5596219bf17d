//! The facts of a case as a fold over its ledger: every version, the last one in force.
//!
//! In: entries of the kinds [`kind::FACT_SET`] and [`kind::FACT_UNSET`], in order. Out: what was stated, by whom, when, why
//! and on which rows. An entry of a fact that this version does not know is kept in the history and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Instant;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::catalog::fact_catalog;
use super::value::Value;
use crate::ledger::{Entry, LedgerError, kind};
use crate::{merge, person};

/// What a person states when setting a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The fact.
    pub name: String,
    /// Its value as the ledger keeps it; `null` is unknown.
    pub value: Json,
    /// Who states it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Rows that it rests on, `E-1:57`.
    #[serde(default)]
    pub rows: Vec<String>,
}

impl Statement {
    /// The body of its ledger entry.
    pub fn body(&self) -> Json {
        json!({"name": self.name, "value": self.value, "by": self.by, "why": self.why, "rows": self.rows})
    }
}

/// One version of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Number of the ledger entry.
    pub seq: u64,
    /// When it was recorded.
    pub at: Instant,
    /// 1, 2, 3 ...
    pub version: u32,
    /// The value; `None` is unknown.
    pub value: Option<Value>,
    /// The fact was taken back.
    pub unset: bool,
    /// Who stated it.
    pub by: String,
    /// With a signature that holds.
    pub signed: bool,
    /// Whom `by` took it from, where it was imported.
    pub taken_from: Option<String>,
    /// Why.
    pub why: String,
    /// Rows that it rests on.
    pub rows: Vec<String>,
}

/// All facts of a case.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    versions: BTreeMap<String, Vec<Stated>>,
    persons: BTreeSet<String>,
}

impl Facts {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where a fact's entry has not the shape of one.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if let Some(by) = person::name_in(&entry.body) {
            self.persons.insert(by.to_owned());
        }
        let unset = entry.kind == kind::FACT_UNSET;
        if !unset && entry.kind != kind::FACT_SET {
            return Ok(());
        }
        let statement = statement_of(entry)?;
        let value = if unset { None } else { value_of(entry, &statement)? };
        let versions = self.versions.entry(statement.name).or_default();
        versions.push(Stated {
            seq: entry.seq,
            at: entry.at,
            version: u32::try_from(versions.len() + 1).unwrap_or(u32::MAX),
            value,
            unset,
            by: statement.by,
            signed: person::is_signed(entry),
            taken_from: merge::taken_from(&entry.body),
            why: statement.why,
            rows: statement.rows,
        });
        Ok(())
    }

    /// The version in force; `None` where the fact was never set or was taken back.
    pub fn stated(&self, name: &str) -> Option<&Stated> {
        self.versions.get(name)?.last().filter(|stated| !stated.unset)
    }

    /// What is known of a fact.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.stated(name)?.value.as_ref()
    }

    /// Every version of a fact, the oldest first.
    pub fn history(&self, name: &str) -> &[Stated] {
        self.versions.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names of all facts that were ever set, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.versions.keys().map(String::as_str)
    }

    /// Everyone who signed an entry by name, sorted.
    pub fn persons(&self) -> &BTreeSet<String> {
        &self.persons
    }
}

fn statement_of(entry: &Entry) -> Result<Statement, LedgerError> {
    let mut body = person::named(&entry.body);
    if let Some(body) = body.as_object_mut() {
        body.entry("value").or_insert(Json::Null);
    }
    Statement::deserialize(body).map_err(|error| wrong(entry, error.to_string()))
}

fn value_of(entry: &Entry, statement: &Statement) -> Result<Option<Value>, LedgerError> {
    let Some(fact) = fact_catalog().fact(&statement.name) else { return Ok(None) };
    if statement.value.is_null() {
        return Ok(None);
    }
    match Value::from_ledger(fact, &statement.value) {
        Some(value) => Ok(Some(value)),
        None => Err(wrong(entry, format!("{} is no value of `{}`", statement.value, statement.name))),
    }
}

fn wrong(entry: &Entry, what: String) -> LedgerError {
    LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, kind: &str, body: Json) -> Entry {
        let at: Instant = "2021-03-26T15:00:00Z".parse().expect("a time");
        Entry {
            at,
            body,
            hash: String::new(),
            kind: kind.to_owned(),
            prev: String::new(),
            seq,
            checked: crate::ledger::Checked::default(),
        }
    }

    fn set(name: &str, value: Json) -> Json {
        Statement { name: name.into(), value, by: "A. Peeters".into(), why: "seen".into(), rows: vec![] }
            .body()
    }

    #[test]
    fn versions_are_kept_and_the_last_one_counts() {
        let mut facts = Facts::default();
        for (seq, value) in [(1, json!(true)), (2, json!(null)), (3, json!(false))] {
            facts.observe(&entry(seq, kind::FACT_SET, set("crime.suspected", value))).expect("it fits");
        }
        assert_eq!(facts.value("crime.suspected"), Some(&Value::Bool(false)));
        assert_eq!(facts.history("crime.suspected").len(), 3);
        assert_eq!(facts.history("crime.suspected")[1].value, None);
        let body = json!({"name": "crime.suspected", "by": "A. Peeters", "why": "a slip"});
        facts.observe(&entry(4, kind::FACT_UNSET, body)).expect("it fits");
        assert_eq!(facts.stated("crime.suspected"), None);
        assert_eq!(facts.history("crime.suspected").last().map(|last| last.version), Some(4));
    }

    #[test]
    fn an_entry_of_the_wrong_shape_is_named() {
        let mut facts = Facts::default();
        let error = facts.observe(&entry(7, kind::FACT_SET, set("crime.suspected", json!("perhaps"))));
        assert!(matches!(error, Err(LedgerError::Body { seq: 7, .. })), "{error:?}");
        let later = facts.observe(&entry(8, kind::FACT_SET, set("of.a.later.version", json!("x"))));
        assert!(later.is_ok(), "a fact of a later version decides nothing");
        assert_eq!(facts.value("of.a.later.version"), None);
    }
}
