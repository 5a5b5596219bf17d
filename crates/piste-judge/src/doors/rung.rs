//! How far somebody came through a way in, step by step.
//!
//! In: nothing. Out: the rungs of the ladder, from the least to the most, by which facts are kept and verdicts are made.

/// How far a fact shows that somebody came, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rung {
    /// Asked whether the door is there.
    Looked,
    /// Tried to go through, and was refused.
    Refused,
    /// Tried to go through; the answer is the same for success and failure.
    Unclear,
    /// Asked, and got the answer that only an open door gives.
    OpenAnswer,
    /// Tried, and got the answer of success.
    Passed,
    /// What only success leaves behind.
    Effect,
    /// What was opened was used.
    Used,
    /// Traces were removed afterwards, or what looks like it.
    CoverUp,
}
