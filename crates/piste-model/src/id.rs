//! Short names that people read aloud and scripts join on: `E-1`, `F-1`.
//!
//! In: a number given once by the ledger. Out: the text form, in both directions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| format!("`{text}` is not of the form {}-1", $prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = String::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

numbered_id!(
    /// One sealed file of evidence, `E-1`. Given in the order of (sha256, path) when it is sealed.
    EvidenceId,
    "E"
);
numbered_id!(
    /// One finding, `F-1`. Given once in the ledger; verdicts bind to the finding's key, not to this.
    FindingId,
    "F"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_refuses_others() {
        assert_eq!("E-12".parse(), Ok(EvidenceId(12)));
        assert_eq!(EvidenceId(12).to_string(), "E-12");
        assert!("F-12".parse::<EvidenceId>().is_err());
        assert!("E--1".parse::<EvidenceId>().is_err());
        assert!("E-".parse::<EvidenceId>().is_err());
    }
}
