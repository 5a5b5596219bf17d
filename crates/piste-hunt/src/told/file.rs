//! The file of a unit's detections: blocks that stand for themselves.
//!
//! In: sorted detections. Out: the same again, one block in memory at a time, so that many files are merged in little of it.
//! A block is its length, its checksum, and its rules, logs, tales and matches; what several matches share stands once in it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use piste_model::{EvidenceId, Instant};
use serde::{Deserialize, Serialize};

use super::{ByText, Origin, RuleText, Tale, Told};

/// Bytes of tales after which a block is full.
const BLOCK_BYTES: usize = 64 << 10;
/// Matches of one block.
const BLOCK_ROWS: usize = 512;
/// A block that says it is larger is damaged: one tale is far smaller.
const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Tales that are kept to be shared between blocks, and their bytes.
const TALES_MAX: usize = 16_384;
const TALE_BYTES_MAX: usize = 8 << 20;
/// Logs that are kept to be shared.
const ORIGINS_MAX: usize = 10_000;

/// A block as it is written.
#[derive(Serialize)]
struct BlockOut<'a> {
    rules: Vec<&'a RuleText>,
    origins: Vec<&'a Origin>,
    tales: Vec<&'a str>,
    rows: &'a [Row],
}

/// A block as it is read.
#[derive(Deserialize)]
struct BlockIn<'a> {
    rules: Vec<RuleText>,
    origins: Vec<Origin>,
    #[serde(borrow)]
    tales: Vec<&'a str>,
    rows: Vec<Row>,
}

/// One match; the first three are places in the block's lists.
#[derive(Serialize, Deserialize)]
struct Row {
    rule: u32,
    origin: u32,
    tale: u32,
    time: Option<(i64, u8)>,
    event_code: Option<i32>,
    record: i64,
    evidence: u32,
    offset: u64,
    record_hash: Option<[u8; 16]>,
}

/// Distinct values in the order in which they came, found by where they lie in memory: values are shared before they come here.
struct Distinct<T> {
    all: Vec<Arc<T>>,
    places: HashMap<usize, u32, RandomState>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::default() }
    }
}

impl<T> Distinct<T> {
    fn place(&mut self, one: &Arc<T>) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX); // a block is far smaller
        *self.places.entry(Arc::as_ptr(one).addr()).or_insert_with(|| {
            self.all.push(Arc::clone(one));
            next
        })
    }

    fn clear(&mut self) {
        self.all.clear();
        self.places.clear();
    }
}

/// Writes sorted detections.
pub struct Writer<W: Write> {
    out: W,
    rules: Distinct<RuleText>,
    origins: Distinct<Origin>,
    tales: Distinct<Tale>,
    rows: Vec<Row>,
    bytes: usize,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            rules: Distinct::default(),
            origins: Distinct::default(),
            tales: Distinct::default(),
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds one; they are to come in their order.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn push(&mut self, told: &Told) -> io::Result<()> {
        let known = self.tales.all.len();
        let tale = self.tales.place(&told.tale);
        if self.tales.all.len() > known {
            self.bytes += told.tale.json.len();
        }
        self.rows.push(Row {
            rule: self.rules.place(&told.rule),
            origin: self.origins.place(&told.origin),
            tale,
            time: told.time.map(|time| (time.nanos, time.digits)),
            event_code: told.event_code,
            record: told.record,
            evidence: told.evidence.0,
            offset: told.offset,
            record_hash: told.record_hash,
        });
        if self.bytes >= BLOCK_BYTES || self.rows.len() >= BLOCK_ROWS { self.block() } else { Ok(()) }
    }

    fn block(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let block = BlockOut {
            rules: self.rules.all.iter().map(AsRef::as_ref).collect(),
            origins: self.origins.all.iter().map(AsRef::as_ref).collect(),
            tales: self.tales.all.iter().map(|tale| tale.json.as_ref()).collect(),
            rows: &self.rows,
        };
        let bytes = postcard::to_stdvec(&block).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(&bytes).to_le_bytes())?;
        self.out.write_all(&bytes)?;
        self.rules.clear();
        self.origins.clear();
        self.tales.clear();
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }

    /// Writes what is left and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.block()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Gives equal parts of several files to be one: what is known of a part is then known of all.
#[derive(Debug, Default)]
pub struct Interner {
    rules: HashSet<Arc<RuleText>, RandomState>,
    origins: HashSet<Arc<Origin>, RandomState>,
    tales: HashSet<ByText, RandomState>,
    tale_bytes: usize,
}

impl Interner {
    fn rule(&mut self, rule: &RuleText) -> Arc<RuleText> {
        self.rules.get_or_insert_with(rule, |rule| Arc::new(rule.clone())).clone()
    }

    fn origin(&mut self, origin: &Origin) -> Arc<Origin> {
        if self.origins.len() > ORIGINS_MAX {
            self.origins.clear();
        }
        self.origins.get_or_insert_with(origin, |origin| Arc::new(origin.clone())).clone()
    }

    pub(super) fn tale(&mut self, json: &str) -> Arc<Tale> {
        if let Some(ByText(known)) = self.tales.get(json) {
            return Arc::clone(known);
        }
        if self.tales.len() >= TALES_MAX || self.tale_bytes > TALE_BYTES_MAX {
            self.tales.clear();
            self.tale_bytes = 0;
        }
        let tale = Arc::new(Tale::of_json(json));
        self.tale_bytes += json.len();
        self.tales.insert(ByText(Arc::clone(&tale)));
        tale
    }
}

/// Reads what a [`Writer`] wrote.
pub struct Reader<R: Read> {
    input: R,
    bytes: Vec<u8>,
    waiting: VecDeque<Told>,
}

impl<R: Read> Reader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Self {
        Self { input, bytes: Vec::new(), waiting: VecDeque::new() }
    }

    /// The next detection.
    ///
    /// # Errors
    /// Those of the input; `InvalidData` where it is not what was written.
    pub fn next(&mut self, interner: &mut Interner) -> io::Result<Option<Told>> {
        while self.waiting.is_empty() {
            if !self.block(interner)? {
                return Ok(None);
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Reads a block; false at the end.
    fn block(&mut self, interner: &mut Interner) -> io::Result<bool> {
        let mut head = [0; 8];
        let mut first = [0];
        if self.input.read(&mut first)? == 0 {
            return Ok(false);
        }
        let [head_first, head_rest @ ..] = &mut head;
        *head_first = first[0];
        self.input.read_exact(head_rest)?;
        let number = |at: usize| {
            let mut four = [0; 4];
            four.iter_mut().zip(head.iter().skip(at)).for_each(|(to, from)| *to = *from);
            u32::from_le_bytes(four)
        };
        let (length, sum) = (usize::try_from(number(0)).unwrap_or(usize::MAX), number(4));
        if length > BLOCK_BYTES_MAX {
            return Err(damaged());
        }
        self.bytes.resize(length, 0);
        self.input.read_exact(&mut self.bytes)?;
        if crc32fast::hash(&self.bytes) != sum {
            return Err(damaged());
        }
        let block: BlockIn<'_> = postcard::from_bytes(&self.bytes).map_err(|_| damaged())?;
        let rules: Vec<_> = block.rules.iter().map(|rule| interner.rule(rule)).collect();
        let origins: Vec<_> = block.origins.iter().map(|origin| interner.origin(origin)).collect();
        let tales: Vec<_> = block.tales.into_iter().map(|tale| interner.tale(tale)).collect();
        for row in block.rows {
            let (Some(rule), Some(origin), Some(tale)) =
                (at(&rules, row.rule), at(&origins, row.origin), at(&tales, row.tale))
            else {
                return Err(damaged());
            };
            self.waiting.push_back(Told {
                rule,
                origin,
                tale,
                time: row.time.map(|(nanos, digits)| Instant { nanos, digits }),
                event_code: row.event_code,
                record: row.record,
                evidence: EvidenceId(row.evidence),
                offset: row.offset,
                record_hash: row.record_hash,
            });
        }
        Ok(true)
    }
}

fn at<T>(all: &[Arc<T>], place: u32) -> Option<Arc<T>> {
    all.get(usize::try_from(place).ok()?).cloned()
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its checksum or form is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::{Detection, Entities, Level};

    fn detection(number: u32) -> Detection {
        Detection {
            rule_id: format!("rule {}", number % 7),
            rule_title: "a \"title\"\n".into(),
            level: Level::High,
            time: (!number.is_multiple_of(5))
                .then(|| Instant { nanos: i64::from(number) * 1_000_000_007 - 5, digits: 7 }),
            host: format!("H{}", number % 3),
            dataset: "windows.sysmon".into(),
            channel: String::new(),
            event_code: number.is_multiple_of(2).then_some(-1),
            record: i64::from(number),
            evidence_id: EvidenceId(number % 4),
            path: "a.evtx".into(),
            places: vec!["a.evtx".into()],
            attack: vec!["T1059".into()],
            status: "test".into(),
            offset: u64::from(number) << 33,
            record_hash: if number.is_multiple_of(3) { String::new() } else { format!("{number:032x}") },
            actor: Some("é\u{1b}".into()),
            acting_process: None,
            entities: Entities { account: vec!["é\u{1b}".into()], ..Entities::default() },
            details: [("CommandLine".to_owned(), "x".repeat(1_000 + index(number) % 900))].into(),
        }
    }

    fn index(number: u32) -> usize {
        usize::try_from(number).expect("small")
    }

    fn written(all: &[Detection]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for one in all {
            writer.push(&Told::of(one.clone())).expect("a Vec takes all");
        }
        writer.finish().expect("a Vec takes all")
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<Told>> {
        let (mut reader, mut interner) = (Reader::new(bytes), Interner::default());
        let mut all = Vec::new();
        while let Some(one) = reader.next(&mut interner)? {
            all.push(one);
        }
        Ok(all)
    }

    #[test]
    fn what_was_written_is_read() {
        for count in [0, 1, 511, 512, 513, 2_000] {
            let all: Vec<Detection> = (0..count).map(detection).collect();
            let back = read(&written(&all)).expect("it is whole");
            assert_eq!(back.iter().map(|one| one.detection("a.evtx")).collect::<Vec<_>>(), all);
        }
    }

    #[test]
    fn equal_parts_of_two_files_are_one() {
        let bytes = written(&[detection(1)]);
        let mut interner = Interner::default();
        let mut next = || Reader::new(bytes.as_slice()).next(&mut interner).ok().flatten().expect("one");
        let (one, other) = (next(), next());
        assert!(Arc::ptr_eq(&one.rule, &other.rule) && Arc::ptr_eq(&one.origin, &other.origin));
        assert_eq!(one.tale.serial(), other.tale.serial());
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        let bytes = written(&(0..40).map(detection).collect::<Vec<_>>());
        for at in (0..bytes.len()).step_by(97) {
            let mut hurt = bytes.clone();
            if let Some(byte) = hurt.get_mut(at) {
                *byte ^= 0x40;
            }
            assert!(read(&hurt).is_err(), "a changed byte at {at}");
            assert!(at == 0 || read(bytes.get(..at).expect("shorter")).is_err(), "cut at {at}");
        }
    }
}
