//! The rows that detections name, picked out of the lake.
//!
//! In: places of detections. Out: each row at such a place, as names and texts. Places are remembered in a table of fixed
//! size: a row that shares its slot with another's place comes along, and finds no detection.

use piste_lake::scan::{nanos_at, scan_file, text_at};
use piste_lake::{Lake, LakeError};
use piste_model::schema::{self, Role};
use serde::{Deserialize, Serialize};

use arrow_array::RecordBatch;

use crate::look::rows::{int_at, list, pairs};

/// Slots, one bit each: 8 MB. With ten million detections, one row in seven comes along for nothing.
const SLOTS: u64 = 1 << 26;

/// Places of rows: each place that was put in is in it, and a few others.
pub(super) struct Wanted(Vec<u64>);

impl Wanted {
    pub(super) fn new() -> Self {
        Self(vec![0; usize::try_from(SLOTS / 64).unwrap_or_default()])
    }

    pub(super) fn insert(&mut self, evidence: u32, offset: u64) {
        let (word, bit) = slot(evidence, offset);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn has(&self, evidence: u32, offset: u64) -> bool {
        let (word, bit) = slot(evidence, offset);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Word and bit of a place. The constants are odd numbers near 2^64 divided by the golden ratio, which spread close values.
fn slot(evidence: u32, offset: u64) -> (usize, u64) {
    let mixed = offset.wrapping_add(u64::from(evidence).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let at = (mixed >> 38) % SLOTS;
    (usize::try_from(at / 64).unwrap_or_default(), 1 << (at % 64))
}

/// What a row says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RowText {
    /// Fields of the event itself, in the order of the columns.
    pub(super) fields: Vec<(String, String)>,
    /// Its header.
    pub(super) system: Vec<(String, String)>,
    /// The rendered text.
    pub(super) message: String,
}

impl RowText {
    /// The provider of a Windows event; empty elsewhere.
    pub(super) fn provider(&self) -> &str {
        let found = self.system.iter().find(|(name, _)| name == "Provider_Name");
        found.map_or("", |(_, value)| value.as_str())
    }

    fn of(batch: &RecordBatch, row: usize) -> Self {
        let mut text = Self::default();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = field.name();
            match name.as_str() {
                schema::DATA => {
                    let items = list(column, row).unwrap_or_default();
                    let names = (1..).map(|number| format!("{name}[{number}]"));
                    text.fields.extend(names.zip(items));
                }
                schema::EXTRA => {
                    let pairs = pairs(column, row).unwrap_or_default();
                    let pairs = pairs
                        .into_iter()
                        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
                    text.fields.extend(pairs);
                }
                _ => {
                    let Some(role) = field.metadata().get(schema::ROLE_KEY) else { continue };
                    let value = text_at(column, row)
                        .map(str::to_owned)
                        .or_else(|| int_at(batch, name, row).map(|number| number.to_string()));
                    let Some(value) = value else { continue };
                    match Role::parse(Some(role)) {
                        Role::Data => text.fields.push((name.clone(), value)),
                        Role::System => text.system.push((name.clone(), value)),
                        Role::Message => text.message = value,
                        Role::Copy => {} // another name for a field that is there
                    }
                }
            }
        }
        text
    }
}

/// A row at a place.
pub(super) struct Row {
    pub(super) time: Option<i64>,
    pub(super) evidence: u32,
    pub(super) offset: i64,
    pub(super) text: RowText,
}

/// Hands out the rows at the places wanted, in the lake's order. A file is read whole only where it holds some.
pub(super) fn scan(
    lake: &Lake,
    wanted: &Wanted,
    each: &mut dyn FnMut(Row) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    for path in lake.files(&|_| true)? {
        let mut holds = false;
        scan_file(&path, Some(&[schema::EVIDENCE_ID, schema::OFFSET]), &mut |batch| {
            holds |= (0..batch.num_rows()).any(|row| place(batch, row, wanted).is_some());
            Ok(!holds)
        })?;
        if !holds {
            continue;
        }
        scan_file(&path, None, &mut |batch| {
            for row in 0..batch.num_rows() {
                let Some((evidence, offset)) = place(batch, row, wanted) else { continue };
                let time = batch.column_by_name(schema::EVENT_TIME).and_then(|column| nanos_at(column, row));
                each(Row { time, evidence, offset, text: RowText::of(batch, row) })?;
            }
            Ok(true)
        })?;
    }
    Ok(())
}

fn place(batch: &RecordBatch, row: usize, wanted: &Wanted) -> Option<(u32, i64)> {
    let id = text_at(batch.column_by_name(schema::EVIDENCE_ID)?, row)?;
    let evidence = id.strip_prefix("E-")?.parse().ok()?;
    let offset = int_at(batch, schema::OFFSET, row)?;
    wanted.has(evidence, u64::try_from(offset).ok()?).then_some((evidence, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_was_put_in_is_found_and_few_others() {
        let mut wanted = Wanted::new();
        let places = (0..20_000_u64).map(|n| (u32::try_from(n % 7).expect("small"), n * 512));
        for (evidence, offset) in places.clone() {
            wanted.insert(evidence, offset);
        }
        assert!(places.clone().all(|(evidence, offset)| wanted.has(evidence, offset)));
        let others = places.filter(|(evidence, offset)| wanted.has(*evidence, offset + 1)).count();
        assert!(others < 200, "{others}");
    }
}
