//! The detections of all units as one stream.
//!
//! In: sorted files of detections. Out: all of them in the order of time, one block of each file in memory, so that their
//! number costs none. What equal detections share is one in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use piste_hunt::told::{Interner, Reader, RuleText, Told, Writer};
use piste_lake::LakeError;
use piste_model::Instant;

/// Files merged at once; more are merged in rounds.
const MERGED_AT_ONCE: usize = 256;

/// So few sorted files that they can be merged at once, and those of them that are to be removed afterwards.
pub(super) fn few_enough(
    mut sources: Vec<PathBuf>,
    tmp: &Path,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), LakeError> {
    let mut round = 0;
    while sources.len() > MERGED_AT_ONCE {
        sources = merge_round(&sources, tmp, round)?;
        round += 1;
    }
    let merged = if round > 0 { sources.clone() } else { Vec::new() };
    Ok((sources, merged))
}

/// Merges groups of sorted files into fewer sorted files.
fn merge_round(sources: &[PathBuf], tmp: &Path, round: usize) -> Result<Vec<PathBuf>, LakeError> {
    let mut merged = Vec::new();
    for (number, group) in sources.chunks(MERGED_AT_ONCE).enumerate() {
        let path = tmp.join(format!("merge-{round}-{number}.detections"));
        let failed = || LakeError::write(&path);
        let mut file = Writer::new(BufWriter::new(File::create(&path).map_err(failed())?));
        let mut stream = Merged::open(group)?;
        while let Some(told) = stream.next()? {
            file.push(&told).map_err(failed())?;
        }
        file.finish().map_err(failed())?;
        merged.push(path);
    }
    Ok(merged)
}

/// Sorts detections and writes them as a unit's hunt keeps them.
pub(crate) fn written(told: &mut [Told]) -> std::io::Result<Vec<u8>> {
    told.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut writer = Writer::new(Vec::new());
    told.iter().try_for_each(|one| writer.push(one))?;
    writer.finish()
}

/// One sorted file.
pub(crate) struct Source {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, LakeError> {
        let file = File::open(path).map_err(LakeError::read(path))?;
        Ok(Self { path: path.to_owned(), reader: Reader::new(BufReader::new(file)) })
    }

    pub(crate) fn next(&mut self, interner: &mut Interner) -> Result<Option<Told>, LakeError> {
        self.reader.next(interner).map_err(LakeError::read(&self.path))
    }
}

/// The order of one detection, and which source it came from.
#[derive(PartialEq, Eq)]
struct Head {
    place: (Option<Instant>, u32, u64, i64),
    rule: Arc<RuleText>,
    source: usize,
}

impl Head {
    fn order(&self) -> ((Option<Instant>, u32, u64, i64), &str, usize) {
        (self.place, &self.rule.id, self.source)
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Several sorted files of detections as one sorted stream.
pub(super) struct Merged {
    sources: Vec<(Source, Option<Told>)>,
    heads: BinaryHeap<Reverse<Head>>,
    interner: Interner,
}

impl Merged {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, LakeError> {
        let mut merged =
            Self { sources: Vec::new(), heads: BinaryHeap::new(), interner: Interner::default() };
        for path in paths {
            merged.sources.push((Source::open(path)?, None));
            merged.advance(merged.sources.len() - 1)?;
        }
        Ok(merged)
    }

    pub(super) fn next(&mut self) -> Result<Option<Told>, LakeError> {
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(None) };
        let told = self.sources.get_mut(head.source).and_then(|(_, waiting)| waiting.take());
        self.advance(head.source)?;
        Ok(told)
    }

    fn advance(&mut self, source: usize) -> Result<(), LakeError> {
        let Some((from, waiting)) = self.sources.get_mut(source) else { return Ok(()) };
        let Some(told) = from.next(&mut self.interner)? else { return Ok(()) };
        let place = (told.time, told.evidence.0, told.offset, told.record);
        self.heads.push(Reverse(Head { place, rule: Arc::clone(&told.rule), source }));
        *waiting = Some(told);
        Ok(())
    }
}
