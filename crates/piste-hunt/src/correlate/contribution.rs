//! What one row gives to one correlation, and its form in a file.
//!
//! In: a matched row. Out: a [`Contribution`], whose order is the order of the sweep: correlation, group, time, place. Its
//! bytes are lengths and texts one after another, so that no text of the evidence can be taken for structure.

use piste_model::hash::{hex, sha256_hex};
use piste_model::{EvidenceId, Instant};

/// Bytes of a text beyond which it is kept as its beginning and its SHA-256: equal texts stay equal.
const TEXT_BYTES_MAX: usize = 1_024;
/// Characters of that beginning.
const HEAD_CHARS: usize = 200;
/// Texts of one list; nothing that is written has more.
const LIST_MAX: u32 = 1 << 20;

/// Where a row is, and what a person wants to read of it first. Ordered by evidence, then place in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// Record id or line number.
    pub record: i64,
    /// Hash of the record's bytes; empty where the row has none.
    pub hash: Vec<u8>,
    /// What the source says of the time: nanoseconds since 1970 UTC.
    pub nanos: i64,
    /// Fraction digits that it wrote.
    pub digits: u8,
    /// Computer that the record names.
    pub host: String,
    /// Dataset of the row.
    pub dataset: String,
    /// Windows channel; empty elsewhere.
    pub channel: String,
    /// Event id, for sources that have one.
    pub event_code: Option<i32>,
}

impl Place {
    /// The row's time with the precision of its source.
    pub fn time(&self) -> Instant {
        Instant { nanos: self.nanos, digits: self.digits }
    }

    /// The record's hash as hex digits.
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }
}

/// What is measured of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// That it happened.
    Event,
    /// A value, by the first half of its SHA-256.
    Value([u8; 16]),
    /// A number, as an integer of the same order.
    Number(u64),
}

/// One (row, correlation).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contribution {
    /// Index of the correlation.
    pub correlation: u32,
    /// Texts of its group-by fields.
    pub group: Vec<String>,
    /// When, for the order: the corrected time where there is one.
    pub time: i64,
    /// The row.
    pub place: Place,
    /// What is measured.
    pub measure: Measure,
    /// Which inner correlation and group it comes from; empty for a rule's row.
    pub origin: String,
    /// Index among the correlation's references.
    pub reference: u32,
    /// Fields that outer correlations ask for.
    pub carried: Vec<Option<String>>,
}

impl Contribution {
    /// Whether both are one event, which several of the correlation's rules matched.
    pub(super) fn is_same_event(&self, other: &Self) -> bool {
        self.time == other.time
            && self.place == other.place
            && self.measure == other.measure
            && self.origin == other.origin
    }
}

/// A number as an integer of the same order. Zero has one form.
pub(super) fn number_key(value: f64) -> u64 {
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

/// The number of a key.
pub(super) fn number_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// Reads a field's text as a number: decimal, or hexadecimal with `0x`. Nothing else is one, infinity neither.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "numbers above 2^53 are rounded, as decimal ones are"
        )]
        return u64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A text of bounded length, different for different texts.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD_CHARS).collect();
    format!("{head}… sha256:{}", sha256_hex(text.as_bytes()))
}

/// Writes a contribution after what is in `to`.
pub(super) fn encode(one: &Contribution, to: &mut Vec<u8>) {
    to.extend(one.correlation.to_le_bytes());
    put_length(one.group.len(), to);
    one.group.iter().for_each(|text| put_bytes(text.as_bytes(), to));
    to.extend(one.time.to_le_bytes());
    put_place(&one.place, to);
    match one.measure {
        Measure::Event => to.push(0),
        Measure::Value(digest) => {
            to.push(1);
            to.extend(digest);
        }
        Measure::Number(key) => {
            to.push(2);
            to.extend(key.to_le_bytes());
        }
    }
    put_bytes(one.origin.as_bytes(), to);
    to.extend(one.reference.to_le_bytes());
    put_length(one.carried.len(), to);
    for text in &one.carried {
        to.push(u8::from(text.is_some()));
        put_bytes(text.as_deref().unwrap_or_default().as_bytes(), to);
    }
}

fn put_place(place: &Place, to: &mut Vec<u8>) {
    to.extend(place.evidence.0.to_le_bytes());
    to.extend(place.offset.to_le_bytes());
    to.extend(place.record.to_le_bytes());
    put_bytes(&place.hash, to);
    to.extend(place.nanos.to_le_bytes());
    to.push(place.digits);
    put_bytes(place.host.as_bytes(), to);
    put_bytes(place.dataset.as_bytes(), to);
    put_bytes(place.channel.as_bytes(), to);
    to.push(u8::from(place.event_code.is_some()));
    to.extend(place.event_code.unwrap_or_default().to_le_bytes());
}

fn put_length(length: usize, to: &mut Vec<u8>) {
    to.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_length(bytes.len(), to);
    to.extend(bytes);
}

/// Reads what [`encode`] wrote; `None` if it is anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<Contribution> {
    let mut from = Source(bytes);
    let correlation = from.u32()?;
    let group = (0..from.length()?).map(|_| from.text()).collect::<Option<Vec<_>>>()?;
    let time = from.i64()?;
    let place = from.place()?;
    let measure = match from.u8()? {
        0 => Measure::Event,
        1 => Measure::Value(from.array()?),
        2 => Measure::Number(u64::from_le_bytes(from.array()?)),
        _ => return None,
    };
    let origin = from.text()?;
    let reference = from.u32()?;
    let carried = from.carried()?;
    from.0.is_empty().then_some(Contribution {
        correlation,
        group,
        time,
        place,
        measure,
        origin,
        reference,
        carried,
    })
}

/// Bytes not yet read.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn length(&mut self) -> Option<u32> {
        self.u32().filter(|length| *length <= LIST_MAX)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.bytes(length)
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.counted()?).ok().map(str::to_owned)
    }

    fn carried(&mut self) -> Option<Vec<Option<String>>> {
        let mut carried = Vec::new();
        for _ in 0..self.length()? {
            let there = self.u8()? != 0;
            let text = self.text()?;
            carried.push(there.then_some(text));
        }
        Some(carried)
    }

    fn place(&mut self) -> Option<Place> {
        Some(Place {
            evidence: EvidenceId(self.u32()?),
            offset: u64::from_le_bytes(self.array()?),
            record: self.i64()?,
            hash: self.counted()?.to_vec(),
            nanos: self.i64()?,
            digits: self.u8()?,
            host: self.text()?,
            dataset: self.text()?,
            channel: self.text()?,
            event_code: {
                let there = self.u8()? != 0;
                let code = i32::from_le_bytes(self.array()?);
                there.then_some(code)
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contribution(group: Vec<String>, carried: Vec<Option<String>>, time: i64) -> Contribution {
        let place = Place {
            evidence: EvidenceId(7),
            offset: u64::MAX,
            record: -1,
            hash: vec![1; 16],
            nanos: time,
            digits: 7,
            host: "MX01".into(),
            dataset: "windows.security".into(),
            channel: String::new(),
            event_code: Some(4625),
        };
        let measure = Measure::Number(number_key(-2.5));
        Contribution {
            correlation: 3,
            group,
            time,
            place,
            measure,
            origin: "\0".into(),
            reference: 1,
            carried,
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(
            group in proptest::collection::vec(any::<String>(), 0..4),
            carried in proptest::collection::vec(any::<Option<String>>(), 0..3),
            time in any::<i64>(),
        ) {
            let one = contribution(group, carried, time);
            let mut bytes = Vec::new();
            encode(&one, &mut bytes);
            prop_assert_eq!(decode(&bytes), Some(one));
            prop_assert_eq!(decode(bytes.get(..bytes.len() - 1).unwrap()), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn keys_order_numbers(a in -1e9_f64..1e9, b in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(number_key(a) < number_key(b), a < b);
            prop_assert_eq!(number_of(number_key(b)).to_bits(), if b == 0.0 { 0 } else { b.to_bits() });
        }
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number(" 12.5 "), Some(12.5));
        assert_eq!(number("0x3e7"), Some(999.0));
        for text in ["", "-", "twelve", "inf", "NaN", "1e999", "0x", "1,5"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_stay_different() {
        let long = "é".repeat(5_000);
        let other = format!("{long}x");
        assert!(bounded(&long).len() < 1_000);
        assert_ne!(bounded(&long), bounded(&other));
        assert_eq!(bounded("short"), "short");
    }
}
