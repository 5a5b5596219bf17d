//! Which field of a row can carry which kind of indicator.
//!
//! In: `catalog/indicator-fields.yaml`. Out: for a column's name a set of kinds. A name that the catalog does not have may say
//! anything.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

const TEXT: &str = include_str!("../../../../catalog/indicator-fields.yaml");

/// What a field can carry: a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Carries(u16);

impl Carries {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Addresses.
    pub const ADDRESS: Self = Self(1);
    /// Host names.
    pub const DOMAIN: Self = Self(1 << 1);
    /// Web addresses.
    pub const URL: Self = Self(1 << 2);
    /// Hashes.
    pub const HASH: Self = Self(1 << 3);
    /// Mail addresses.
    pub const MAIL: Self = Self(1 << 4);
    /// A path and nothing else.
    pub const PATH: Self = Self(1 << 5);
    /// A client's name for itself.
    pub const AGENT: Self = Self(1 << 6);
    /// A whole command line.
    pub const COMMAND: Self = Self(1 << 7);
    /// The name of a pipe and nothing else.
    pub const PIPE: Self = Self(1 << 8);
    /// A key of the registry and nothing else.
    pub const REGISTRY: Self = Self(1 << 9);
    /// Paths, pipes, mutexes and keys inside of a text.
    pub const INSIDE: Self = Self(1 << 10);
    /// A port.
    pub const PORT: Self = Self(1 << 11);
    /// Everything that can be found inside of a text.
    pub const TEXT: Self =
        Self(Self::ADDRESS.0 | Self::DOMAIN.0 | Self::URL.0 | Self::HASH.0 | Self::MAIL.0 | Self::INSIDE.0);

    /// Whether any of these is among them.
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Address,
    Domain,
    Url,
    Hash,
    Mail,
    Path,
    Agent,
    Command,
    Pipe,
    Registry,
    Text,
    Port,
    None,
}

impl Word {
    fn carries(self) -> Carries {
        match self {
            Self::Address => Carries::ADDRESS,
            Self::Domain => Carries::DOMAIN,
            Self::Url => Carries::URL,
            Self::Hash => Carries::HASH,
            Self::Mail => Carries::MAIL,
            Self::Path => Carries::PATH,
            Self::Agent => Carries::AGENT,
            Self::Command => Carries::COMMAND,
            Self::Pipe => Carries::PIPE,
            Self::Registry => Carries::REGISTRY,
            Self::Text => Carries::TEXT,
            Self::Port => Carries::PORT,
            Self::None => Carries::NONE,
        }
    }
}

type Table = HashMap<String, Carries>;

static FIELDS: LazyLock<Table> = LazyLock::new(|| parse(TEXT).unwrap_or_default());

fn parse(text: &str) -> Result<Table, yaml_serde::Error> {
    let named: BTreeMap<String, Vec<Word>> = yaml_serde::from_str(text)?;
    let set = |words: Vec<Word>| words.into_iter().fold(Carries::NONE, |all, word| all.with(word.carries()));
    Ok(named.into_iter().map(|(name, words)| (name.to_ascii_lowercase(), set(words))).collect())
}

/// What a field of this name can carry.
pub fn carries(name: &str) -> Carries {
    FIELDS.get(&name.to_ascii_lowercase()).copied().unwrap_or(Carries::TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_reads() {
        let table = parse(TEXT).expect("the catalog reads");
        assert!(table.len() > 150, "{}", table.len());
        assert_eq!(carries("c-ip"), Carries::ADDRESS);
        assert_eq!(carries("image"), Carries::PATH);
        assert_eq!(carries("FileVersion"), Carries::NONE);
        assert_eq!(carries("a field that nobody named"), Carries::TEXT);
        assert!(!carries("ScriptBlockText").any(Carries::AGENT));
    }
}
