//! A signed note of how far the ledger went, to be kept elsewhere.
//!
//! In: the ledger's state and a person's key. Out: one line of canonical JSON. The chain alone cannot show that entries were
//! taken off its end, nor that a whole ledger was written anew; with a checkpoint from outside the case both are seen.

use std::path::Path;

use piste_model::Instant;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::canonical;
use crate::key::{PublicKey, SecretKey};
use crate::ledger::{LedgerError, Verified, read_signed};

/// Format that is written.
const FORMAT: &str = "piste-checkpoint-1";
/// Bytes that a checkpoint may have.
pub const BYTES_MAX: u64 = 65_536;

/// How far a ledger went when a person looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// When.
    pub at: Instant,
    /// Hash of the ledger's first entry, which names the case.
    pub case: String,
    /// Entries until then.
    pub entries: u64,
    /// Always `piste-checkpoint-1`.
    pub format: String,
    /// Hash of the last of them.
    pub head: String,
    /// Public key of the person, 64 hex digits.
    pub key: String,
    /// The person's name.
    pub name: String,
    /// Over the text `piste checkpoint 1`, a line feed, and the canonical JSON of the other fields.
    pub signature: String,
}

/// Why a checkpoint does not vouch for a ledger.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The ledger itself cannot be read or trusted.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file is no checkpoint, or was changed.
    #[error("it is no checkpoint of Piste: {0}")]
    NotOne(String),
    /// The signature does not hold.
    #[error("the signature of {0:?} on the checkpoint does not hold: the checkpoint was changed")]
    Signature(String),
    /// The ledger is of another case.
    #[error("the checkpoint is of another case: its first entry has another hash")]
    OtherCase,
    /// Entries were taken off the end.
    #[error("the ledger was cut: it had {then} entries on {at}, now it has {now}")]
    Cut {
        /// Entries at the checkpoint.
        then: u64,
        /// When that was.
        at: Instant,
        /// Entries now.
        now: u64,
    },
    /// Entries before the checkpoint are others than they were.
    #[error("the ledger was written anew: entry {entry} is another than on {at}")]
    Rewritten {
        /// The last entry that the checkpoint covers.
        entry: u64,
        /// When the checkpoint was made.
        at: Instant,
    },
}

impl Checkpoint {
    /// Signs how far the ledger at `path` has come.
    ///
    /// # Errors
    /// Where the ledger is empty or its chain does not hold.
    pub fn of(path: &Path, at: Instant, key: &SecretKey) -> Result<Self, CheckpointError> {
        let (state, case, _) = walked(path, 0)?;
        let Verified { entries, head } = state;
        if entries == 0 {
            return Err(CheckpointError::NotOne("the ledger has no entry yet".to_owned()));
        }
        let public = key.public();
        let at = Instant::parse(&at.to_string()).unwrap_or(at);
        let mut checkpoint = Self {
            at,
            case,
            entries,
            format: FORMAT.to_owned(),
            head,
            key: public.hex(),
            name: public.name,
            signature: String::new(),
        };
        checkpoint.signature = key.sign(checkpoint.message().as_bytes());
        Ok(checkpoint)
    }

    /// Reads a checkpoint and checks its signature.
    ///
    /// # Errors
    /// [`CheckpointError::NotOne`] or [`CheckpointError::Signature`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let not_one = |what: String| CheckpointError::NotOne(what);
        let checkpoint: Self = serde_json::from_str(text).map_err(|error| not_one(error.to_string()))?;
        if checkpoint.format != FORMAT {
            return Err(not_one(format!("its format is {:?}", checkpoint.format)));
        }
        let public = PublicKey::of(&checkpoint.name, &checkpoint.key)
            .ok_or_else(|| not_one("its key is none".to_owned()))?;
        if public.holds(checkpoint.message().as_bytes(), &checkpoint.signature) {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Signature(checkpoint.name))
        }
    }

    /// Checks that the ledger at `path` still has all that this checkpoint covers; returns its present state.
    ///
    /// # Errors
    /// As [`CheckpointError`] says.
    pub fn vouch(&self, path: &Path) -> Result<Verified, CheckpointError> {
        let (state, case, then) = walked(path, self.entries)?;
        if state.entries > 0 && case != self.case {
            return Err(CheckpointError::OtherCase);
        }
        match then {
            None => Err(CheckpointError::Cut { then: self.entries, at: self.at, now: state.entries }),
            Some(head) if head != self.head => {
                Err(CheckpointError::Rewritten { entry: self.entries, at: self.at })
            }
            Some(_) => Ok(state),
        }
    }

    /// The file's text: one line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let value = serde_json::to_value(self).unwrap_or_default();
        match canonical::write(&value, &mut text) {
            Ok(()) => text + "\n",
            Err(_) => String::new(), // whole numbers and text only: it cannot be refused
        }
    }

    fn message(&self) -> String {
        let Self { at, case, entries, format, head, key, name, signature: _ } = self;
        let mut text = String::from("piste checkpoint 1\n");
        let fields = json!({
            "at": at.to_string(), "case": case, "entries": entries, "format": format, "head": head, "key": key,
            "name": name,
        });
        let _ = canonical::write(&fields, &mut text); // whole numbers and text only: it cannot be refused
        text
    }
}

/// The ledger's state, the hash of its first entry, and that of entry `at` where there is one.
fn walked(path: &Path, at: u64) -> Result<(Verified, String, Option<String>), LedgerError> {
    let (mut case, mut then) = (String::new(), None);
    let state = read_signed(path, |entry, _| {
        if entry.seq == 1 {
            case.clone_from(&entry.hash);
        }
        if entry.seq == at {
            then = Some(entry.hash.clone());
        }
        Ok(())
    })?;
    Ok((state, case, then))
}
