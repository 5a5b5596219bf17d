//! How much a rule says its match matters, in Sigma's five words.
//!
//! In: a rule's `level`. Out: an ordered value with the short form that Hayabusa's users read.

use serde::{Deserialize, Serialize};

/// Sigma's level; `Informational` also stands for a rule that gives none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For information; many in any log.
    Informational,
    /// Seldom worth a look alone.
    Low,
    /// Worth a look.
    Medium,
    /// Look now.
    High,
    /// Act now.
    Critical,
}

impl Level {
    /// All levels, the gravest first, as they are shown.
    pub const DESCENDING: [Self; 5] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Informational];

    /// Sigma's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The short form: `crit high med low info`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Informational => "info",
            Self::Low => "low",
            Self::Medium => "med",
            Self::High => "high",
            Self::Critical => "crit",
        }
    }

    /// Reads Sigma's word or the short form, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Self::DESCENDING.into_iter().find(|level| text == level.as_str() || text == level.short())
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_back_and_order_is_by_gravity() {
        for level in Level::DESCENDING {
            assert_eq!(Level::parse(level.as_str()), Some(level));
            assert_eq!(Level::parse(&level.short().to_uppercase()), Some(level));
        }
        assert!(Level::Critical > Level::Informational);
        assert_eq!(Level::parse("urgent"), None);
    }
}
