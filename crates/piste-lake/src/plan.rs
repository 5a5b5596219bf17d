//! The work of a run, cut into units that are done wholly or not at all.
//!
//! In: the sealed items to parse. Out: units of about 64 MB of input, or of 2,000 files. A unit is known by a key over all that its result
//! depends on, so that a run that was cut off goes on with the units it lacks, and a changed rule set does them anew. Which
//! rows of a log are copies depends on the logs before it that may hold them: these are in its key. Files that are no logs
//! have units of their own, after those of the logs: other YARA rules read them again and leave the logs alone.

use piste_model::hash::sha256_hex;
use piste_model::schema::SCHEMA_VERSION;

use crate::companions::Companions;
use crate::copies::suspects;
use crate::seal::Item;

/// Bytes of input of one unit, about.
pub const UNIT_BYTES: u64 = 64 << 20;

/// Parts of one unit: a file of one line costs more than its bytes.
pub const UNIT_PARTS: usize = 2_000;

/// How an item is looked at; an artefact is looked at both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAs {
    /// For its records.
    Records,
    /// As a file: what it is, and what YARA rules find in its bytes.
    File,
}

/// A stretch of one item: the blocks that start in `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Index of the item.
    pub item: usize,
    /// What it is read for.
    pub read_as: ReadAs,
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

/// Work that is done wholly or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Names its files: `0007-5f2c…`.
    pub key: String,
    /// In the order of reading.
    pub parts: Vec<Part>,
}

/// Cuts `items` into units. `version` stands for all else that the result depends on: Piste's version, how copies are treated.
/// `files_version` stands for what the results of files depend on besides, the YARA rules.
pub fn plan(items: &[Item], version: &str, files_version: &str) -> Vec<Unit> {
    let mut keys =
        Keys { suspects: suspects(items), companions: Companions::of(items), before: String::new() };
    let mut units = Vec::new();
    cut(ReadAs::Records, items, version, &mut keys, &mut units);
    cut(ReadAs::File, items, &format!("{version} {files_version}"), &mut keys, &mut units);
    units
}

/// Cuts some of the items into units and adds these.
fn cut(read_as: ReadAs, items: &[Item], version: &str, keys: &mut Keys, units: &mut Vec<Unit>) {
    let mut parts = Vec::new();
    let mut filled = 0;
    let as_file = read_as == ReadAs::File;
    let chosen = |item: &Item| item.same_as.is_none() && if as_file { item.is_file() } else { item.is_log() };
    for (at, item) in items.iter().enumerate().filter(|(_, item)| chosen(item)) {
        let bytes = item.bytes_read_as(read_as);
        // A long text is several parts, as a log is.
        if as_file && bytes <= UNIT_BYTES {
            parts.push(Part { item: at, read_as, start: 0, end: u64::MAX });
            filled += bytes;
            if filled >= UNIT_BYTES || parts.len() >= UNIT_PARTS {
                units.push(keys.unit(units.len(), std::mem::take(&mut parts), items, version));
                filled = 0;
            }
            continue;
        }
        let mut start = 0;
        loop {
            let end = start + (UNIT_BYTES - filled);
            let last = end >= bytes;
            let end = if last { u64::MAX } else { end };
            parts.push(Part { item: at, read_as, start, end });
            if last {
                filled += bytes.saturating_sub(start);
            }
            if !last || filled >= UNIT_BYTES || parts.len() >= UNIT_PARTS {
                units.push(keys.unit(units.len(), std::mem::take(&mut parts), items, version));
                filled = 0;
            }
            if last {
                break;
            }
            start = end;
        }
    }
    if !parts.is_empty() {
        units.push(keys.unit(units.len(), parts, items, version));
    }
}

/// Makes the units' keys, in the order of reading.
struct Keys {
    companions: Companions,
    /// By item: whether its records may lie in another item too.
    suspects: Vec<bool>,
    /// Hash over the parts of such items so far.
    before: String,
}

impl Keys {
    fn unit(&mut self, number: usize, parts: Vec<Part>, items: &[Item], version: &str) -> Unit {
        let mut text = format!("{SCHEMA_VERSION}\n{version}\n");
        for part in &parts {
            let Some(item) = items.get(part.item) else { continue };
            let Part { start, end, read_as, .. } = part;
            let mut line =
                format!("{} {} {} {start} {end} {}\n", item.id, item.sha256, item.format.name(), item.path);
            // Rows that name no host have the one that the collection hints at.
            line += &item.computer.by_place.host;
            if *read_as == ReadAs::File {
                line = format!("file {:?} {line}", item.modified);
            } else {
                let beside = self.companions.beside(item).into_iter().filter_map(|at| items.get(at));
                line.extend(beside.map(|item| format!(" with {} {}", item.sha256, item.path)));
            }
            if self.suspects.get(part.item) == Some(&true) {
                line = format!("{} {line}", self.before);
                self.before = sha256_hex(line.as_bytes());
            }
            text += &line;
        }
        let hash = sha256_hex(text.as_bytes());
        Unit { key: format!("{:05}-{}", number + 1, hash.get(..16).unwrap_or_default()), parts }
    }
}

#[cfg(test)]
mod tests {
    use piste_model::EvidenceId;
    use piste_model::evidence::EvidenceState;
    use piste_parse::Format;

    use super::*;
    use crate::archive::Place;
    use crate::copies::Log;

    /// A log that fills a unit, with records of these ids.
    fn log(id: u32, sha256: &str, ids: (u64, u64)) -> Item {
        Item {
            id: EvidenceId(id),
            path: format!("{id}.evtx"),
            format: Format::Evtx,
            bytes: UNIT_BYTES,
            sha256: sha256.to_owned(),
            beginning: None,
            state: EvidenceState::Read,
            same_as: None,
            computer: crate::computers::Place::default(),
            origin: None,
            damage: Vec::new(),
            older: None,
            modified: String::new(),
            log: Some(Log { name: ("mx01".to_owned(), "security".to_owned()), ids }),
            place: Place::on_disk("log".into()),
        }
    }

    fn keys(items: &[Item]) -> Vec<String> {
        plan(items, "test", "").into_iter().map(|unit| unit.key).collect()
    }

    #[test]
    fn a_unit_ends_after_so_many_files_too() {
        let small = |id| Item { bytes: 1, ..log(id, "aa", (1, 1)) };
        let items: Vec<Item> = (1..=4_001).map(small).collect();
        let parts: Vec<usize> = plan(&items, "test", "").iter().map(|unit| unit.parts.len()).collect();
        assert_eq!(parts, [UNIT_PARTS, UNIT_PARTS, 1]);
    }

    #[test]
    fn files_have_units_of_their_own_that_other_yara_rules_do_anew() {
        let file = |id| Item {
            format: Format::Pe,
            state: EvidenceState::NotParsed,
            bytes: 5 * UNIT_BYTES,
            log: None,
            ..log(id, "ff", (1, 1))
        };
        let items = [file(1), log(2, "aa", (1, 1)), file(3)];
        let units = |rules| plan(&items, "test", rules);
        let (one, other) = (units("one"), units("other"));
        let parts: Vec<Vec<usize>> =
            one.iter().map(|unit| unit.parts.iter().map(|part| part.item).collect()).collect();
        assert_eq!(parts, [vec![1], vec![0, 2]], "of a long file only its beginning is read");
        assert_eq!(one[0], other[0]);
        assert_ne!(one[1].key, other[1].key);
        let text = Item { format: Format::Text, bytes: 5 * UNIT_BYTES, ..items[0].clone() };
        let starts: Vec<(u64, u64)> = plan(&[text], "test", "")
            .iter()
            .flat_map(|unit| unit.parts.iter().map(|part| (part.start, part.end)))
            .collect();
        assert_eq!(starts.len(), 5, "a long text is read to its end, unit by unit");
        assert_eq!((starts[0], starts[4].1), ((0, UNIT_BYTES), u64::MAX));
        let mut empty = items.clone();
        empty[0].bytes = 0;
        assert_eq!(plan(&empty, "test", "one")[1].parts.len(), 1, "of nothing there is no row");
    }

    #[test]
    fn a_unit_is_done_anew_when_the_logs_that_its_copies_hang_on_change() {
        let one = log(1, "aa", (1, 100));
        let alone = keys(std::slice::from_ref(&one));
        let apart = keys(&[one.clone(), log(2, "bb", (101, 200))]);
        assert_eq!(alone[0], apart[0], "a log that shares no record changes nothing");
        let overlapping = keys(&[one.clone(), log(2, "bb", (50, 150))]);
        assert_ne!(alone[0], overlapping[0], "its records are now to be compared");
        let changed = keys(&[log(1, "cc", (1, 100)), log(2, "bb", (50, 150))]);
        assert_ne!(overlapping[1], changed[1], "what were copies of the first may be so no longer");
        let more = keys(&[one, log(2, "bb", (50, 150)), log(3, "dd", (140, 200))]);
        assert_eq!(overlapping, more[..2], "what comes later changes nothing that was compared before");
    }
}
