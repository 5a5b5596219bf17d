//! Why something was judged as it was, as data.
//!
//! In: what a judge saw. Out: a [`Reason`]: a kind with its values, when, in which rows, and whether it speaks against the verdict. No
//! sentence is made here and none is read back: sentences are made where they are shown, from one file a language.

mod kinds;
mod parts;

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::time::Instant;

pub use kinds::ReasonKind;
pub use parts::{
    AccountChange, AccountSign, BuildBasis, BuildSays, Counted, LogDays, LogLooked, LogName, MissingDays,
    ModuleKind, PageReading, RequestSign, ServiceCount, VpnOddity, Would,
};

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// What is said, with its values.
    #[serde(flatten)]
    pub kind: ReasonKind,
    /// Whether it speaks against the verdict.
    pub against: bool,
    /// When what it says took place; `None` where it sums up, or the row has no time.
    pub time: Option<Instant>,
    /// The rows that say so; a reason that sums up has none of its own.
    pub rows: Vec<RowRef>,
    /// What the row of a single step says beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// What a row says beside the step that it shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Witness {
    /// The log, as people name it.
    pub log: String,
    /// Address on the other side.
    pub source: Option<String>,
    /// Account that acted.
    pub account: Option<String>,
    /// Whether it is the same request as a step before, in a second log.
    pub again: bool,
}

impl Reason {
    /// A reason that sums up what no single row says.
    pub fn of(kind: ReasonKind) -> Self {
        Self { kind, against: false, time: None, rows: Vec::new(), witness: None }
    }

    /// The same, speaking against the verdict.
    pub fn against(kind: ReasonKind) -> Self {
        Self { against: true, ..Self::of(kind) }
    }

    /// Where it stands among the reasons of a verdict: counts first, then what has a time, then what sums up.
    pub fn order(&self) -> (u8, Option<Instant>) {
        match (&self.kind, self.time) {
            (ReasonKind::Counted { .. } | ReasonKind::MailboxStay { .. }, _) => (0, None),
            (_, Some(time)) => (1, Some(time)),
            (_, None) => (2, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_with_its_slug_and_its_values() {
        let kind = ReasonKind::PageAnswered {
            method: "POST".to_owned(),
            url: "/owa/auth/x.aspx".to_owned(),
            status: "200".to_owned(),
        };
        let reason = Reason { time: Instant::parse("2021-03-03T08:11:02Z"), ..Reason::of(kind) };
        let text = serde_json::to_string(&reason).expect("plain data");
        assert_eq!(
            text,
            r#"{"reason":"page-answered","values":{"method":"POST","url":"/owa/auth/x.aspx","status":"200"},"against":false,"time":"2021-03-03T08:11:02Z","rows":[]}"#
        );
        assert_eq!(serde_json::from_str::<Reason>(&text).expect("reads"), reason);
    }

    #[test]
    fn every_kind_has_a_slug_of_its_own() {
        let slugs: std::collections::BTreeSet<&str> =
            ReasonKind::EXAMPLES.iter().map(|(slug, _)| *slug).collect();
        assert_eq!(slugs.len(), ReasonKind::EXAMPLES.len());
    }
}
