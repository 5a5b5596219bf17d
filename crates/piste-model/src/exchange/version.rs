//! Exchange's build numbers: `15.1.2176.2`, or `15.1.2176` where the source says no more.
//!
//! In: text of a log column, a URL path, a setup log or a file version, with or without leading zeros. Out: a version that
//! compares by number. The fourth part is the security update; a source that leaves it out says only the cumulative update.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A build of Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// 14 is Exchange 2010, 15 all later ones.
    pub major: u16,
    /// 0 is 2013, 1 is 2016, 2 is 2019 and Subscription Edition; for 2010 the service pack.
    pub minor: u16,
    /// The cumulative update; for 2010 the update rollup.
    pub build: u32,
    /// The security update; `None` where the source gives three parts.
    pub revision: Option<u32>,
}

impl Version {
    /// With all four parts.
    pub const fn new(major: u16, minor: u16, build: u32, revision: u32) -> Self {
        Self { major, minor, build, revision: Some(revision) }
    }

    /// Reads `15.1.2176.2`, `15.01.2176.002`, `15.1.2176` or `Version 15.1 (Build 2176.2)`; `None` for anything else and
    /// for what is no Exchange from 2010 on.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("Version ") {
            let (line, build) = rest.strip_suffix(')')?.split_once(" (Build ")?;
            return Self::parse(&format!("{line}.{build}"));
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().map(number);
        let version = Self {
            major: u16::try_from(part()??).ok()?,
            minor: u16::try_from(part()??).ok()?,
            build: part()??,
            revision: match part() {
                Some(revision) => Some(revision?),
                None => None,
            },
        };
        (parts.next().is_none() && version.is_exchange()).then_some(version)
    }

    /// From the four columns of a log; `None` as for [`Version::parse`].
    pub fn of_parts(major: &str, minor: &str, build: &str, revision: &str) -> Option<Self> {
        let version = Self {
            major: u16::try_from(number(major.trim())?).ok()?,
            minor: u16::try_from(number(minor.trim())?).ok()?,
            build: number(build.trim())?,
            revision: Some(number(revision.trim())?),
        };
        version.is_exchange().then_some(version)
    }

    /// The first three parts.
    pub fn line(self) -> (u16, u16, u32) {
        (self.major, self.minor, self.build)
    }

    fn is_exchange(self) -> bool {
        match self.major {
            14 => self.minor <= 3,
            15 => self.minor <= 2 && self.build >= 100,
            _ => false,
        }
    }
}

/// Digits only, at most six.
fn number(text: &str) -> Option<u32> {
    let fits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

impl Ord for Version {
    /// A version without revision comes before those with one.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.line(), self.revision).cmp(&(other.line(), other.revision))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)?;
        self.revision.map_or(Ok(()), |revision| write!(f, ".{revision}"))
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("`{text}` is not a build of Exchange like 15.1.2176.2"))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Option<&str>) {
        assert_eq!(Version::parse(text).map(|version| version.to_string()).as_deref(), shown, "{text}");
    }

    #[test]
    fn every_way_of_writing_is_one_version() {
        check("15.1.2176.2", Some("15.1.2176.2"));
        check("15.01.2176.002", Some("15.1.2176.2"));
        check(" 15.2.858", Some("15.2.858"));
        check("Version 15.1 (Build 2375.7)", Some("15.1.2375.7"));
        check("14.3.513.0", Some("14.3.513.0"));
        assert_eq!(
            Version::of_parts("15", "1", "2375", "7").map(|version| version.to_string()).as_deref(),
            Some("15.1.2375.7")
        );
    }

    #[test]
    fn what_is_no_exchange_is_refused() {
        for text in ["", "15", "15.1", "15.1.2176.2.1", "15.1.x.2", "10.0.17763.1", "15.9.2176", "15.1.2"] {
            check(text, None);
        }
        check("15.1.99999999999.1", None);
        check("15.1.+176.2", None);
        assert_eq!(Version::of_parts("15", "1", "", "7"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        let parse = |text| Version::parse(text).expect("a version");
        assert!(parse("15.1.2176.12") > parse("15.1.2176.9"));
        assert!(parse("15.1.2176.2") > parse("15.1.2176"));
        assert!(parse("15.2.196.0") > parse("15.1.2507.6"));
    }
}
