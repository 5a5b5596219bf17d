//! A fact's value: read from what a person typed, kept in the ledger, compared by conditions.
//!
//! In: text and the fact's type. Out: [`Value`]. A time must have an offset or a zone: `14:20` alone is not an instant.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::{DateTimeParser, Pieces};
use jiff::tz::Disambiguation;
use piste_model::Instant;
use serde_json::{Value as Json, json};

use super::catalog::{FactDef, FactType};

/// Characters of a text or of one item of a list.
const TEXT_MAX: usize = 20_000;
/// Items of a list.
const ITEMS_MAX: usize = 1_000;

/// An instant and how it was written, with its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// On the UTC line.
    pub instant: Instant,
    /// RFC 3339 with the offset of the writer: `2021-03-26T14:20:00+01:00`.
    pub written: String,
}

/// A decimal number that is not negative, exact to six digits after the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    millionths: i128,
    written: String,
}

impl Number {
    /// Reads `0.25` or `250000`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 || whole.len() > 18 {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let part: i128 = format!("{part:0<6}").parse().ok()?;
        Some(Self { millionths: whole * 1_000_000 + part, written: text.to_owned() })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.millionths.cmp(&other.millionths))
    }
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A word of the fact's enumeration.
    Word(String),
    /// An instant.
    Time(Moment),
    /// A number.
    Number(Number),
    /// Free text.
    Text(String),
    /// Several.
    List(Vec<String>),
}

/// Why a text is no value of a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ValueError {
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

fn refuse(what: impl Into<String>, hint: impl Into<String>) -> ValueError {
    ValueError { what: what.into(), hint: hint.into() }
}

impl Value {
    /// Reads what a person typed for `fact`; `unknown` is `None`.
    ///
    /// # Errors
    /// [`ValueError`] where the text does not fit the fact's type.
    pub fn parse(fact: &FactDef, text: &str) -> Result<Option<Self>, ValueError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refuse("the value is empty", "say `unknown` if it is not known"));
        }
        if text == "unknown" {
            return Ok(None);
        }
        if text.chars().count() > TEXT_MAX {
            return Err(refuse(
                format!("the value has more than {TEXT_MAX} characters"),
                "put the long text into an annex",
            ));
        }
        match fact.kind {
            FactType::Bool => bool_of(text).map(Self::Bool),
            FactType::Enum => {
                let known = fact.values.iter().any(|word| word == text);
                known.then(|| Self::Word(text.to_owned())).ok_or_else(|| not_a_word(fact, text))
            }
            FactType::Time => moment(text).map(Self::Time),
            FactType::Number => Number::parse(text).map(Self::Number).ok_or_else(|| {
                refuse(
                    format!("`{text}` is not a number"),
                    "write digits, with a point and at most six decimals: 250000 or 0.2",
                )
            }),
            FactType::Text => Ok(Self::Text(text.to_owned())),
            FactType::List => list(fact, text).map(Self::List),
        }
        .map(Some)
    }

    /// Reads what the ledger holds for `fact`; `None` is unknown, or of a shape that this version does not know.
    pub fn from_ledger(fact: &FactDef, json: &Json) -> Option<Self> {
        match json {
            Json::Bool(is) => Self::parse(fact, if *is { "true" } else { "false" }).ok()?,
            Json::String(text) => Self::parse(fact, text).ok()?,
            Json::Array(items) => {
                let items: Vec<String> = items.iter().filter_map(Json::as_str).map(str::to_owned).collect();
                (fact.kind == FactType::List).then_some(Self::List(items))
            }
            _ => None,
        }
    }

    /// As the ledger keeps it.
    pub fn to_ledger(&self) -> Json {
        match self {
            Self::Bool(is) => json!(is),
            Self::List(items) => json!(items),
            other => json!(other.to_string()),
        }
    }

    /// The instant, for a time.
    pub fn instant(&self) -> Option<Instant> {
        match self {
            Self::Time(moment) => Some(moment.instant),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(is) => write!(f, "{is}"),
            Self::Word(text) | Self::Text(text) => f.write_str(text),
            Self::Time(moment) => f.write_str(&moment.written),
            Self::Number(number) => f.write_str(&number.written),
            Self::List(items) => f.write_str(&items.join("; ")),
        }
    }
}

fn bool_of(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(refuse(format!("`{text}` is neither true nor false"), "write true, false or unknown")),
    }
}

fn not_a_word(fact: &FactDef, text: &str) -> ValueError {
    refuse(
        format!("`{text}` is no value of `{}`", fact.id),
        format!("write one of {}, or unknown", fact.values.join(", ")),
    )
}

/// Items stand between `;`.
fn list(fact: &FactDef, text: &str) -> Result<Vec<String>, ValueError> {
    let items: Vec<String> =
        text.split(';').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(refuse(
            format!("the list has {} items", items.len()),
            format!("give 1 to {ITEMS_MAX}, divided by `;`"),
        ));
    }
    match items.iter().find(|item| !fact.values.is_empty() && !fact.values.contains(item)) {
        Some(item) => Err(not_a_word(fact, item)),
        None => Ok(items),
    }
}

impl Moment {
    /// Reads an instant with its offset or its zone.
    ///
    /// # Errors
    /// [`ValueError`] where either is missing, or the clock of the zone shows that hour twice or never.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        moment(text.trim())
    }
}

/// No place on Earth is further from UTC.
const OFFSET_SECONDS_MAX: i32 = 14 * 3_600;

fn moment(text: &str) -> Result<Moment, ValueError> {
    let bad = || {
        refuse(
            format!("`{text}` is not an instant"),
            "write it with its offset, as 2021-03-26T14:20+01:00, or with its zone, as 2021-03-26T14:20[Europe/Brussels]",
        )
    };
    let pieces = Pieces::parse(text).map_err(|_| bad())?;
    let time = pieces.time().ok_or_else(bad)?;
    let zoned = if pieces.time_zone_annotation().is_some() {
        // An hour that the clock shows twice, or skips, is refused: it needs its offset.
        let parser = DateTimeParser::new().disambiguation(Disambiguation::Reject);
        parser.parse_zoned(text).map_err(|error| {
            refuse(format!("`{text}` is not one instant: {error}"), "write it with its offset, as +01:00")
        })?
    } else {
        let offset = pieces.to_numeric_offset().ok_or_else(bad)?;
        if offset.seconds().abs() > OFFSET_SECONDS_MAX {
            return Err(bad());
        }
        let stamp: Timestamp = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| bad())?;
        stamp.to_zoned(offset.to_time_zone())
    };
    let stamp = zoned.timestamp();
    let nanos = i64::try_from(stamp.as_nanosecond()).map_err(|_| bad())?;
    let written = stamp.display_with_offset(zoned.offset()).to_string();
    let digits =
        written.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    Ok(Moment { instant: Instant { nanos, digits: u8::try_from(digits).unwrap_or(9) }, written })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fact_catalog;

    #[track_caller]
    fn check(name: &str, text: &str, shown: Result<Option<&str>, ()>) {
        let fact = fact_catalog().fact(name).expect("a fact");
        let value = Value::parse(fact, text).map_err(|_| ());
        assert_eq!(
            value.clone().map(|value| value.map(|value| value.to_string())),
            shown.map(|shown| shown.map(str::to_owned)),
            "{name} {text}"
        );
        if let Ok(Some(value)) = value {
            assert_eq!(
                Value::from_ledger(fact, &value.to_ledger()),
                Some(value),
                "it comes back from the ledger"
            );
        }
    }

    #[test]
    fn times_keep_their_offset_and_need_one() {
        let name = "t.aware_significant";
        check(name, "2021-03-26T14:20+01:00", Ok(Some("2021-03-26T14:20:00+01:00")));
        check(name, "2021-03-26 14:20:30.5+01:00", Ok(Some("2021-03-26T14:20:30.5+01:00")));
        check(name, "2021-03-26T14:20[Europe/Brussels]", Ok(Some("2021-03-26T14:20:00+01:00")));
        check(name, "2021-07-26T14:20[Europe/Brussels]", Ok(Some("2021-07-26T14:20:00+02:00")));
        for text in
            ["2021-03-26T14:20", "2021-03-26", "yesterday", "2021-02-29T10:00Z", "2021-03-28T02:30+25:00", ""]
        {
            check(name, text, Err(()));
        }
        // Twice, and never.
        check(name, "2021-10-31T02:30[Europe/Brussels]", Err(()));
        check(name, "2021-03-28T02:30[Europe/Brussels]", Err(()));
        check(name, "unknown", Ok(None));
    }

    #[test]
    fn each_type_refuses_what_it_is_not() {
        check("crime.suspected", "yes", Ok(Some("true")));
        check("crime.suspected", "perhaps", Err(()));
        check("personal_data.affected", "possible", Ok(Some("possible")));
        check("personal_data.affected", "maybe", Err(()));
        check("incident.users_affected_share", "0.25", Ok(Some("0.25")));
        for text in ["-1", "1e9", "0,2", "1.0000001", "."] {
            check("incident.users_affected_share", text, Err(()));
        }
        check("classified.origins", "EU; NATO", Ok(Some("EU; NATO")));
        check("classified.origins", "EU; MOON", Err(()));
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let number = |text| Number::parse(text).expect("a number");
        assert!(number("9") < number("10"));
        assert!(number("0.2") > number("0.19"));
        assert_eq!(number("0.20").partial_cmp(&number("0.2")), Some(Ordering::Equal));
    }
}
