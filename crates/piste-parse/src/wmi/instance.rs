//! One instance of a class: its times and its values.
//!
//! In: the bytes of a record and the layout of its class. Out: the values under their names, as text. A value that the class
//! has by default, or that is not set, is not there. Facts: flare-wmi, dissect.cim; the first time is the instance's own last
//! writing, the second that of its class (in real repositories it equals the definition's).

use piste_model::Instant;

use super::class::{Layout, Property};
use super::pages::{count_at, u16_at, u32_at, u64_at};
use crate::identifiers::sid;

/// Elements of a list that are taken in.
const LIST_MAX: usize = 4_096;
/// Bytes of text that an instance may have beyond twice its own: values may share one place of the heap, but not without end.
const SHARED_TEXT_MAX: usize = 64 << 10;

/// What was read of an instance.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Instance {
    pub(super) written: Option<Instant>,
    pub(super) class_written: Option<Instant>,
    /// The class that it says it is of.
    pub(super) class: String,
    /// In the order of the class.
    pub(super) values: Vec<Value>,
    /// Values that lie outside the record.
    pub(super) lost: u64,
    /// Its parts fill the record to the byte.
    pub(super) fits: bool,
}

/// One value under its name.
#[derive(Debug, PartialEq)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) text: String,
}

impl Instance {
    /// Reads a record; `None` where its parts do not fit the layout.
    pub(super) fn of(record: &[u8], hash_bytes: usize, layout: &Layout) -> Option<Self> {
        let at = hash_bytes + 16 + 4 + 4 + 1;
        let class_at = count_at(record, hash_bytes + 20)?;
        let states = layout.0.len().div_ceil(4);
        let row = at + states;
        let width: usize = layout.0.iter().map(Property::width).sum();
        let after = row + width;
        let after = after.checked_add(count_at(record, after).filter(|bytes| *bytes >= 4)?)?; // qualifiers
        let heap_at = after + if *record.get(after)? == 2 { 9 } else { 1 };
        let heap_bytes = count_at(record, heap_at)? & 0x7FFF_FFFF;
        let heap = record.get(heap_at + 4..)?;
        let heap = heap.get(..heap_bytes).unwrap_or(heap);
        let time = |at| Instant::from_filetime(u64_at(record, at)?);
        let mut instance = Self {
            written: time(hash_bytes),
            class_written: time(hash_bytes + 8),
            class: text_at(heap, class_at)?,
            ..Self::default()
        };
        instance.fits = heap_bytes == heap.len() && heap_at + 4 + heap_bytes == record.len();
        let (mut place, mut left) = (row, 2 * heap.len() + SHARED_TEXT_MAX);
        for (number, property) in layout.0.iter().enumerate() {
            let state = record.get(at + number / 4).map(|byte| byte >> (2 * (number % 4)) & 3)?;
            if state == 0 {
                let cell = record.get(place..place + property.width())?;
                match value(cell, property, heap, left) {
                    Some(text) => {
                        left = left.saturating_sub(text.len());
                        instance.values.push(Value { name: property.name.clone(), text });
                    }
                    None => instance.lost += 1,
                }
            } else if state & 1 == 0 && property.name == "CreatorSID" {
                // What all three kinds of class have as its default.
                instance.values.push(Value { name: property.name.clone(), text: "S-1-5-18".to_owned() });
            }
            place += property.width();
        }
        Some(instance)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|value| value.name == name).map(|value| value.text.as_str())
    }
}

fn value(cell: &[u8], property: &Property, heap: &[u8], most: usize) -> Option<String> {
    if !property.list {
        return scalar(cell, property.kind, heap).filter(|text| text.len() <= most);
    }
    let at = count_at(cell, 0)?;
    let count = count_at(heap, at)?;
    let bytes = heap.get(at.checked_add(4)?..)?;
    if property.name == "CreatorSID" && property.kind == 0x11 {
        return sid(bytes.get(..count)?);
    }
    let width = Property { list: false, ..property.clone() }.width();
    let mut list = String::new();
    for (number, item) in bytes.chunks_exact(width).take(count.min(LIST_MAX)).enumerate() {
        if number > 0 {
            list.push('\n');
        }
        list.push_str(&scalar(item, property.kind, heap)?);
        if list.len() > most {
            return None;
        }
    }
    Some(list)
}

fn scalar(cell: &[u8], kind: u8, heap: &[u8]) -> Option<String> {
    Some(match kind {
        8 | 0x65 | 0x66 => text_at(heap, count_at(cell, 0)?)?,
        0x0b => (if u16_at(cell, 0)? == 0 { "false" } else { "true" }).to_owned(),
        0x10 => i8::from_le_bytes(*cell.first_chunk()?).to_string(),
        0x11 => cell.first()?.to_string(),
        2 => i16::from_le_bytes(*cell.first_chunk()?).to_string(),
        0x12 | 0x67 => u16_at(cell, 0)?.to_string(),
        3 => i32::from_le_bytes(*cell.first_chunk()?).to_string(),
        0x13 => u32_at(cell, 0)?.to_string(),
        0x14 => i64::from_le_bytes(*cell.first_chunk()?).to_string(),
        0x15 => u64_at(cell, 0)?.to_string(),
        4 => f32::from_le_bytes(*cell.first_chunk()?).to_string(),
        5 => f64::from_le_bytes(*cell.first_chunk()?).to_string(),
        _ => return None,
    })
}

/// The text at a place of a heap: one byte a letter, or two, up to a zero.
pub(super) fn text_at(heap: &[u8], at: usize) -> Option<String> {
    if at & 0x8000_0000 != 0 {
        return None; // a name from a list of the system's own, which none of these classes has
    }
    let (kind, bytes) = heap.get(at..)?.split_first()?;
    match kind {
        0 => {
            let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
            Some(encoding_rs::mem::decode_latin1(bytes.get(..end)?).into_owned())
        }
        1 => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16_at(pair, 0).unwrap_or_default())
                .take_while(|unit| *unit != 0)
                .collect();
            Some(String::from_utf16_lossy(&units))
        }
        _ => None,
    }
}
