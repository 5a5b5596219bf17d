//! Lines in the order of time, however many there are.
//!
//! In: lines with their keys, in any order. Out: the same lines sorted. Past [`RUN_BYTES`] a sorted run goes to the case's
//! `tmp/`, and the runs are merged at the end: memory stays flat.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use piste_lake::LakeError;

/// Bytes of lines held in memory.
const RUN_BYTES: usize = 64 << 20;

/// Time (rows without one come first), evidence, offset, and a number that keeps equal keys apart.
pub(crate) type Key = (Option<i64>, u32, i64, u64);

/// Sorts lines, which may hold line ends.
pub(crate) struct Sorted {
    tmp: PathBuf,
    run: Vec<(Key, String)>,
    bytes: usize,
    runs: Vec<PathBuf>,
}

impl Drop for Sorted {
    fn drop(&mut self) {
        for run in &self.runs {
            let _ = std::fs::remove_file(run); // what stays is removed by the next investigation
        }
    }
}

impl Sorted {
    /// Runs go to `tmp`.
    pub(crate) fn new(tmp: &Path) -> Self {
        Self { tmp: tmp.to_owned(), run: Vec::new(), bytes: 0, runs: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, key: Key, line: String) -> Result<(), LakeError> {
        self.bytes += line.len() + 64;
        self.run.push((key, line));
        if self.bytes >= RUN_BYTES { self.spill() } else { Ok(()) }
    }

    /// Hands out the lines in order; `each` answers whether to go on.
    pub(crate) fn finish(
        mut self,
        each: &mut dyn FnMut(&str) -> Result<bool, LakeError>,
    ) -> Result<(), LakeError> {
        if self.runs.is_empty() {
            self.run.sort();
            for (_, line) in &self.run {
                if !each(line)? {
                    break;
                }
            }
            return Ok(());
        }
        self.spill()?;
        let mut sources = Vec::new();
        let mut heads = BinaryHeap::new();
        for path in &self.runs {
            let file = File::open(path).map_err(LakeError::read(path))?;
            sources.push((path, BufReader::new(file)));
        }
        for at in 0..sources.len() {
            advance(&mut sources, at, &mut heads)?;
        }
        while let Some(Reverse((_, line, at))) = heads.pop() {
            if !each(&line)? {
                break;
            }
            advance(&mut sources, at, &mut heads)?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), LakeError> {
        self.run.sort();
        std::fs::create_dir_all(&self.tmp).map_err(LakeError::write(&self.tmp))?;
        let path = self.tmp.join(format!("sort-{}-{}", std::process::id(), self.runs.len()));
        let mut file = BufWriter::new(File::create(&path).map_err(LakeError::write(&path))?);
        self.runs.push(path.clone());
        for (key, line) in self.run.drain(..) {
            write_line(&mut file, key, &line).map_err(LakeError::write(&path))?;
        }
        self.bytes = 0;
        file.flush().map_err(LakeError::write(&path))
    }
}

type Sources<'a> = Vec<(&'a PathBuf, BufReader<File>)>;

fn advance(
    sources: &mut Sources<'_>,
    at: usize,
    heads: &mut BinaryHeap<Reverse<(Key, String, usize)>>,
) -> Result<(), LakeError> {
    let Some((path, run)) = sources.get_mut(at) else { return Ok(()) };
    if let Some((key, line)) = read_line(run).map_err(LakeError::read(*path))? {
        heads.push(Reverse((key, line, at)));
    }
    Ok(())
}

/// Bytes of a line's key and length in a run.
const HEAD_BYTES: usize = 1 + 8 + 4 + 8 + 8 + 8;

fn write_line(run: &mut impl Write, (time, evidence, offset, number): Key, line: &str) -> io::Result<()> {
    run.write_all(&[u8::from(time.is_some())])?;
    run.write_all(&time.unwrap_or_default().to_le_bytes())?;
    run.write_all(&evidence.to_le_bytes())?;
    run.write_all(&offset.to_le_bytes())?;
    run.write_all(&number.to_le_bytes())?;
    run.write_all(&(line.len() as u64).to_le_bytes())?;
    run.write_all(line.as_bytes())
}

/// The next line; `None` at the run's end.
fn read_line(run: &mut impl Read) -> io::Result<Option<(Key, String)>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    run.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(None);
    }
    let (time, rest) = (head.first().copied(), head.get(1..).unwrap_or_default());
    let parts = rest.split_first_chunk::<8>().and_then(|(nanos, rest)| {
        let (evidence, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        Some((nanos, evidence, offset, number, rest.first_chunk::<8>()?))
    });
    let (nanos, evidence, offset, number, length) = parts.ok_or(io::ErrorKind::UnexpectedEof)?;
    let time = (time == Some(1)).then(|| i64::from_le_bytes(*nanos));
    let key = (time, u32::from_le_bytes(*evidence), i64::from_le_bytes(*offset), u64::from_le_bytes(*number));
    let length = u64::from_le_bytes(*length);
    let mut line = String::new();
    if run.take(length).read_to_string(&mut line)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some((key, line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_on_disk_and_in_memory_give_one_order() {
        let tmp = tempfile::tempdir().expect("a folder");
        let mut sorted = Sorted::new(tmp.path());
        let count = 3_000_u32;
        for number in (0..count).rev() {
            let time = (number % 7 != 0).then_some(i64::from(number));
            sorted.push((time, 1, 0, u64::from(number)), format!("{number}\r\nx\r")).expect("writes");
            if number % 1_000 == 0 {
                sorted.spill().expect("writes");
            }
        }
        let mut lines = Vec::new();
        sorted
            .finish(&mut |line| {
                lines.push(line.to_owned());
                Ok(true)
            })
            .expect("reads");
        let undated = (0..count).filter(|number| number % 7 == 0);
        let dated = (0..count).filter(|number| number % 7 != 0);
        let expected: Vec<String> = undated.chain(dated).map(|number| format!("{number}\r\nx\r")).collect();
        assert_eq!(lines, expected);
        assert_eq!(std::fs::read_dir(tmp.path()).expect("lists").count(), 0, "runs are removed");
    }
}
