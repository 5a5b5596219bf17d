//! Custody: who had which piece of evidence, from whom, when and why.
//!
//! In: steps that persons record. Out: for each item its steps in the order of time and who holds it now. A step that does
//! not follow from the ones before it is refused when it is recorded, since a gap in custody is what a defence asks about.
//!
//! Words as in ISO/IEC 27037: an item is received, transferred, released (handed out of the investigation) or returned.

use std::collections::BTreeMap;
use std::fmt;

use piste_model::Instant;
use serde::{Deserialize, Serialize};

use crate::ledger::{Entry, LedgerError};
use crate::person::{self, Origin};

/// Kind of the entry that records a step.
pub const RECORDED: &str = "custody.recorded";

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Move {
    /// It came into the investigation.
    Received,
    /// It went from one person of the investigation to another.
    Transferred,
    /// It left the investigation, to a court, an authority or an expert.
    Released,
    /// It went back to its owner.
    Returned,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Transferred => "transferred",
            Self::Released => "released",
            Self::Returned => "returned",
        })
    }
}

/// One step of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `E-1`, or the name of a thing that is no file, as `disk WD-WX31A`.
    pub item: String,
    /// What happened.
    #[serde(rename = "move")]
    pub moved: Move,
    /// Who gave it.
    pub from: String,
    /// Who took it.
    pub to: String,
    /// When, as the person says; the entry's own time is when it was recorded.
    pub when: Instant,
    /// When, in the words that were typed, with its offset.
    pub when_text: String,
    /// What for.
    pub why: String,
    /// Where it is kept, or the number of its seal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

/// A step as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What happened.
    pub step: Step,
    /// When it was recorded.
    pub at: Instant,
    /// Entry of the ledger.
    pub seq: u64,
    /// Who recorded it.
    pub by: Origin,
}

/// All steps of a case, by item.
#[derive(Debug, Clone, Default)]
pub struct Custody {
    /// Steps of each item, in the order of time.
    pub items: BTreeMap<String, Vec<Recorded>>,
}

impl Custody {
    /// Takes in one entry of the ledger; entries of other kinds are passed over.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where the body is no step.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if entry.kind != RECORDED {
            return Ok(());
        }
        let step: Step = serde_json::from_value(entry.body.clone()).map_err(|error| LedgerError::Body {
            seq: entry.seq,
            kind: entry.kind.clone(),
            what: error.to_string(),
        })?;
        let by = person::origin(entry);
        let steps = self.items.entry(step.item.clone()).or_default();
        // A step may be recorded later than one that came after it.
        let at = steps.partition_point(|earlier| earlier.step.when <= step.when);
        steps.insert(at, Recorded { step, at: entry.at, seq: entry.seq, by });
        Ok(())
    }

    /// Who holds the item after its last step; `None` where it was never received or has left the investigation.
    pub fn holder(&self, item: &str) -> Option<&str> {
        let last = &self.items.get(item)?.last()?.step;
        matches!(last.moved, Move::Received | Move::Transferred).then_some(last.to.as_str())
    }

    /// Why `step` does not fit among the steps of its item; `None` if it does.
    pub fn objection(&self, step: &Step) -> Option<String> {
        let steps = self.items.get(&step.item).map_or(&[][..], Vec::as_slice);
        let at = steps.partition_point(|earlier| earlier.step.when <= step.when);
        let before = at.checked_sub(1).and_then(|at| steps.get(at)).map(|recorded| &recorded.step);
        let held = before.filter(|last| matches!(last.moved, Move::Received | Move::Transferred));
        let gap = match (step.moved, held) {
            (Move::Received, Some(last)) => {
                Some(format!("{} was already with {} since {}", step.item, last.to, last.when_text))
            }
            (Move::Received, None) => None,
            (_, None) => Some(format!("nobody had received {} before {}", step.item, step.when_text)),
            (_, Some(last)) if last.to != step.from => {
                Some(format!("{} was with {}, not with {}", step.item, last.to, step.from))
            }
            (_, Some(_)) => None,
        };
        gap.or_else(|| {
            // Recorded late: what came after must still follow from it.
            let next = &steps.get(at)?.step;
            let held = matches!(step.moved, Move::Received | Move::Transferred);
            let follows = if next.moved == Move::Received { !held } else { held && next.from == step.to };
            (!follows).then(|| {
                format!(
                    "{} was {} by {} on {}, which would not follow",
                    step.item, next.moved, next.from, next.when_text
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(moved: Move, from: &str, to: &str, when: &str) -> Step {
        Step {
            item: "E-1".to_owned(),
            moved,
            from: from.to_owned(),
            to: to.to_owned(),
            when: Instant::parse(when).unwrap(),
            when_text: when.to_owned(),
            why: "analysis".to_owned(),
            place: String::new(),
        }
    }

    fn custody(steps: &[Step]) -> Custody {
        let mut custody = Custody::default();
        for (seq, step) in steps.iter().enumerate() {
            assert_eq!(custody.objection(step), None);
            let entry = Entry {
                at: step.when,
                body: serde_json::to_value(step).unwrap(),
                hash: String::new(),
                kind: RECORDED.to_owned(),
                prev: String::new(),
                seq: seq as u64 + 1,
                checked: crate::ledger::Checked::default(),
            };
            custody.observe(&entry).unwrap();
        }
        custody
    }

    #[test]
    fn an_item_is_followed_from_hand_to_hand() {
        let received = step(Move::Received, "ministry", "Ann", "2021-03-26T14:00:00Z");
        let given = step(Move::Transferred, "Ann", "Bob", "2021-03-27T09:00:00Z");
        let returned = step(Move::Returned, "Bob", "ministry", "2021-04-01T09:00:00Z");
        assert_eq!(custody(&[]).holder("E-1"), None);
        assert_eq!(custody(std::slice::from_ref(&received)).holder("E-1"), Some("Ann"));
        assert_eq!(custody(&[received.clone(), given.clone()]).holder("E-1"), Some("Bob"));
        assert_eq!(custody(&[received, given, returned]).holder("E-1"), None);
    }

    #[test]
    fn a_step_that_does_not_follow_is_named() {
        let received = step(Move::Received, "ministry", "Ann", "2021-03-26T14:00:00Z");
        let held = custody(std::slice::from_ref(&received));
        let twice = step(Move::Received, "ministry", "Bob", "2021-03-27T09:00:00Z");
        assert!(held.objection(&twice).unwrap().contains("already with Ann"));
        let other = step(Move::Transferred, "Bob", "Cleo", "2021-03-27T09:00:00Z");
        assert!(held.objection(&other).unwrap().contains("was with Ann, not with Bob"));
        let early = step(Move::Transferred, "Ann", "Bob", "2021-03-25T09:00:00Z");
        assert!(held.objection(&early).unwrap().contains("nobody had received"));
    }

    #[test]
    fn a_step_recorded_late_must_fit_between_the_others() {
        let received = step(Move::Received, "ministry", "Ann", "2021-03-26T14:00:00Z");
        let returned = step(Move::Returned, "Ann", "ministry", "2021-04-01T09:00:00Z");
        let held = custody(&[received, returned]);
        let between = step(Move::Transferred, "Ann", "Bob", "2021-03-27T09:00:00Z");
        assert!(held.objection(&between).unwrap().contains("would not follow"));
    }
}
