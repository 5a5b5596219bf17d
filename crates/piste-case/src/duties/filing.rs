//! What was done about each duty, as a fold over the ledger: sent, acknowledged, waived, resumed.
//!
//! In: entries of the kinds `duty.*`, in order. Out: the filings of each row.

use std::collections::BTreeMap;

use piste_model::Instant;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::ledger::{Entry, LedgerError, kind};
use crate::person;

/// One notification that was sent, or its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The row, `GDPR-33`.
    pub row: String,
    /// To whom; empty for an acknowledgement of the last one.
    #[serde(default)]
    pub recipient: String,
    /// The recipient's or the sender's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// When it was sent or acknowledged.
    pub at_time: Instant,
    /// Who says so.
    pub by: String,
    /// With a signature that holds; the entry has it, not its body.
    #[serde(skip)]
    pub signed: bool,
    /// Facts that it required and that were not known.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Sending {
    /// The body of its ledger entry.
    pub fn body(&self) -> Json {
        json!(self)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filing {
    /// Sent.
    Sent {
        /// Number of the ledger entry.
        seq: u64,
        /// What.
        sending: Sending,
    },
    /// Acknowledged by the recipient.
    Acknowledged {
        /// Number of the ledger entry.
        seq: u64,
        /// What.
        sending: Sending,
    },
    /// A person decided that it is not to be met.
    Waived {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Instant,
    },
    /// That decision was taken back.
    Resumed {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}

#[derive(Deserialize)]
struct Decision {
    row: String,
    by: String,
    why: String,
}

/// What was done about every row.
#[derive(Debug, Clone, Default)]
pub struct Filings {
    by_row: BTreeMap<String, Vec<Filing>>,
}

impl Filings {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where an entry about a duty has not the shape of one.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let (row, filing) = match entry.kind.as_str() {
            kind::DUTY_SENT | kind::DUTY_ACKNOWLEDGED => {
                let mut sending: Sending = read(entry)?;
                sending.signed = person::is_signed(entry);
                let row = sending.row.clone();
                let seq = entry.seq;
                let sent = entry.kind == kind::DUTY_SENT;
                (
                    row,
                    if sent { Filing::Sent { seq, sending } } else { Filing::Acknowledged { seq, sending } },
                )
            }
            kind::DUTY_WAIVED => {
                let Decision { row, by, why } = read(entry)?;
                (row, Filing::Waived { by, why, at: entry.at })
            }
            kind::DUTY_RESUMED => {
                let Decision { row, by, why } = read(entry)?;
                (row, Filing::Resumed { by, why })
            }
            _ => return Ok(()),
        };
        self.by_row.entry(row).or_default().push(filing);
        Ok(())
    }

    /// The steps of a row, in order.
    pub fn of(&self, row: &str) -> &[Filing] {
        self.by_row.get(row).map_or(&[], Vec::as_slice)
    }

    /// What was sent for a row, the last one last, with the number of the ledger entry.
    pub fn sent(&self, row: &str) -> Vec<(u64, &Sending)> {
        let sent = self.of(row).iter().filter_map(|filing| match filing {
            Filing::Sent { seq, sending } => Some((*seq, sending)),
            _ => None,
        });
        sent.collect()
    }

    /// The acknowledgement of the last sending.
    pub fn acknowledged(&self, row: &str) -> Option<&Sending> {
        let last = self.sent(row).last().map(|(seq, _)| *seq)?;
        self.of(row).iter().rev().find_map(|filing| match filing {
            Filing::Acknowledged { seq, sending } if *seq > last => Some(sending),
            _ => None,
        })
    }

    /// Who waived a row and why, if that still stands.
    pub fn waived(&self, row: &str) -> Option<(&str, &str)> {
        let decision = self.of(row).iter().rev().find_map(|filing| match filing {
            Filing::Waived { by, why, .. } => Some(Some((by.as_str(), why.as_str()))),
            Filing::Resumed { .. } | Filing::Sent { .. } => Some(None),
            Filing::Acknowledged { .. } => None,
        });
        decision.flatten()
    }
}

fn read<T: for<'de> Deserialize<'de>>(entry: &Entry) -> Result<T, LedgerError> {
    T::deserialize(person::named(&entry.body)).map_err(|error| LedgerError::Body {
        seq: entry.seq,
        kind: entry.kind.clone(),
        what: error.to_string(),
    })
}
