//! One problem met while reading evidence or rules: what, where, its effect, one step to take.
//!
//! In: whatever could not be read as it should. Out: a line of `issues.jsonl` and a paragraph on the terminal. An issue
//! never stops the run; what stops it is an error.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::EvidenceId;

/// One problem, with its place and its effect on the investigation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    /// Stable name, `evtx-chunk-damaged`.
    pub slug: Cow<'static, str>,
    /// The sealed file, where there is one.
    pub evidence_id: Option<EvidenceId>,
    /// Locator: `a.zip!b.zip!path/Security.evtx`, or a rule's path with its line.
    pub path: String,
    /// Byte offset in the decompressed innermost stream.
    pub offset: Option<u64>,
    /// What is wrong, in the domain's words, without a final period.
    pub what: String,
    /// What the investigation lost.
    pub effect: String,
    /// One step to take.
    pub hint: String,
}

impl Issue {
    /// An issue at a path as yet without evidence id or offset.
    pub fn new(
        slug: &'static str,
        path: impl Into<String>,
        what: impl Into<String>,
        effect: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            slug: Cow::Borrowed(slug),
            evidence_id: None,
            path: path.into(),
            offset: None,
            what: what.into(),
            effect: effect.into(),
            hint: hint.into(),
        }
    }

    /// The same issue, in this sealed file.
    #[must_use]
    pub fn of(mut self, evidence: EvidenceId) -> Self {
        self.evidence_id = Some(evidence);
        self
    }

    /// The same issue, at this byte.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}
