//! What a source says of an indicator beside its value.
//!
//! In: markings, dates and words of any format. Out: the same in one form. TLP has the names of version 2.0; `WHITE` of 1.0
//! is `CLEAR`.

use piste_model::Instant;

/// Traffic Light Protocol 2.0, the least strict first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// No limit.
    Clear,
    /// The community.
    Green,
    /// Own organisation and its clients.
    Amber,
    /// Own organisation.
    AmberStrict,
    /// The recipients in person.
    Red,
}

impl Tlp {
    /// `TLP:AMBER+STRICT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// Reads `tlp:amber`, `AMBER`, `TLP:AMBER+STRICT`, `white`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text
            .strip_prefix("tlp")
            .map_or(text.as_str(), |rest| rest.trim_start_matches([':', '-', '_', ' ']));
        match text {
            "clear" | "white" => Some(Self::Clear),
            "green" => Some(Self::Green),
            "amber" => Some(Self::Amber),
            "amber+strict" | "amber-strict" | "amber_strict" | "amber strict" => Some(Self::AmberStrict),
            "red" => Some(Self::Red),
            _ => None,
        }
    }

    /// The marking definitions that STIX 2.1 and FIRST's TLP 2.0 extension fix.
    pub(super) fn of_marking(id: &str) -> Option<Self> {
        match id.strip_prefix("marking-definition--")? {
            "613f2e26-407d-48c7-9eca-b8e91df99dc9" | "94868c89-83c2-464b-929b-a1a8aa3c8487" => {
                Some(Self::Clear)
            }
            "34098fce-860f-48ae-8e50-ebd3cc5e41da" | "bab4a63c-aed9-4cf5-a766-dfca5abac2bb" => {
                Some(Self::Green)
            }
            "f88d31f6-486f-44da-b317-01333bde0b82" | "55d920b0-5e8b-4f79-9ee9-91f868d9b421" => {
                Some(Self::Amber)
            }
            "939a9414-2ddd-4d32-a0cd-375ea402b003" => Some(Self::AmberStrict),
            "5e57c739-391a-4eb3-b6be-7d15ca92d5ed" | "e828b379-4e03-4974-9ac4-e53a884c97c1" => {
                Some(Self::Red)
            }
            _ => None,
        }
    }
}

/// What a source says of an indicator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Who may see it.
    pub tlp: Option<Tlp>,
    /// From when it is valid.
    pub valid_from: Option<Instant>,
    /// Until when.
    pub valid_until: Option<Instant>,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Name, comment or description, cut.
    pub text: Option<Box<str>>,
}

impl About {
    /// Characters of a description that are kept.
    const TEXT_CHARS_MAX: usize = 300;

    /// Keeps what the source says, blanks trimmed.
    pub(super) fn say(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.text = Some(text.chars().take(Self::TEXT_CHARS_MAX).collect());
        }
    }
}

/// A date or time as sources write it; a date is its first instant in UTC.
pub(super) fn moment(text: &str) -> Option<Instant> {
    let text = text.trim();
    if let Some(instant) = Instant::parse(text) {
        return Some(instant);
    }
    if let Some(date) = Instant::parse(&format!("{text}T00:00:00Z")) {
        return Some(date);
    }
    if let Some(date) = day(text) {
        return Instant::parse(&format!("{date}T00:00:00Z"));
    }
    // Seconds since 1970, as MISP writes its timestamps.
    let seconds: i64 = text.parse().ok().filter(|_| text.len() >= 9)?;
    Some(Instant { nanos: seconds.checked_mul(1_000_000_000)?, digits: 0 })
}

/// `2021/02/01`, `01.02.2021`, `13/02/2021`, `1 Feb 2021` as `2021-02-01`. Where day and month could be exchanged by a slash
/// between them nothing is guessed.
fn day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split([' ', '/', '.', '-', ',']).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| (1..=31).contains(number));
    let year = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month, day) = if year(first) {
        (first, number(second)?, number(third)?)
    } else if year(third) {
        match (number(first), month(second), number(second), month(first)) {
            (Some(day), Some(month), ..) | (None, _, Some(day), Some(month)) => (third, month, day),
            (Some(one), _, Some(other), _) if text.contains('.') || one > 12 => (third, other, one),
            (Some(one), _, Some(other), _) if other >= 13 || one == other => (third, one, other),
            _ => return None,
        }
    } else {
        return None;
    };
    (month <= 12).then(|| format!("{year}-{month:02}-{day:02}"))
}

/// A month's English name, or its first three letters.
fn month(text: &str) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let short = text.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == short)?;
    u32::try_from(at + 1).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tlp_is_read_in_every_spelling_and_ordered_by_strictness() {
        for (text, expected) in [
            ("tlp:amber", Some(Tlp::Amber)),
            ("TLP:AMBER+STRICT", Some(Tlp::AmberStrict)),
            ("White", Some(Tlp::Clear)),
            ("tlp-red", Some(Tlp::Red)),
            ("tlp:ex:chr", None),
            ("", None),
        ] {
            assert_eq!(Tlp::parse(text), expected, "{text}");
        }
        assert!(Tlp::Red > Tlp::AmberStrict && Tlp::AmberStrict > Tlp::Amber && Tlp::Green > Tlp::Clear);
    }

    #[test]
    fn dates_of_all_sources_read() {
        let shown = |text: &str| moment(text).map(|at| at.to_string());
        assert_eq!(shown("2021-03-02").as_deref(), Some("2021-03-02T00:00:00Z"));
        assert_eq!(shown("2021-03-02T10:00:00.000Z").as_deref(), Some("2021-03-02T10:00:00.000Z"));
        assert_eq!(shown("1614643200").as_deref(), Some("2021-03-02T00:00:00Z"));
        for text in ["01.02.2021", "2021/02/01", "1 Feb 2021", "February 1, 2021", "1-Feb-2021"] {
            assert_eq!(shown(text).as_deref(), Some("2021-02-01T00:00:00Z"), "{text}");
        }
        assert_eq!(shown("13/02/2021").as_deref(), Some("2021-02-13T00:00:00Z"));
        assert_eq!(shown("02/13/2021").as_deref(), Some("2021-02-13T00:00:00Z"));
        for text in ["01/02/2021", "2021-13-45", "32.01.2021", "30.02.2021", "soon", "1 Fri 2021"] {
            assert_eq!(shown(text), None, "{text}");
        }
        assert_eq!(shown("99999999999999999999"), None);
    }
}
