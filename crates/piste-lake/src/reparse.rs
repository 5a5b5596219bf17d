//! What a record's bytes say, parsed once more from the sealed file.
//!
//! In: a seal and the place of a row. Out: the batches of the block that the record lies in, as a run makes them: so a row of the
//! lake can be held against its bytes field by field, and not only by the hash that it carries itself.

use std::io::{self, Read};
use std::path::Path;

use arrow_array::{Array, Int64Array, RecordBatch};
use piste_model::sources::Sources;
use piste_model::{EvidenceId, schema};
use piste_parse::file::{self, FileFacts};
use piste_parse::sniff::{HEAD_BYTES, sniff};
use piste_parse::{Batch, Block, Context, Format, Splitter, iisconfig, page, parse_block, text};

use crate::archive::{Opener, Place};
use crate::content::read_all;
use crate::held::open_sealed;
use crate::seal::Sealed;

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;

/// What is parsed again, and what a run knew of it besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Dataset of the row.
    pub dataset: &'a str,
    /// Where its record starts.
    pub offset: u64,
    /// Evidence that it names.
    pub evidence: EvidenceId,
    /// Host that it names, for a record that names none: a collection may have told it.
    pub host: &'a str,
    /// When an archive says that the file was last written.
    pub modified: &'a str,
    /// Whether it has the older hashes of a file.
    pub older: bool,
}

/// Parses the block around a row's record again.
///
/// # Errors
/// Where the file is no longer there, or no block holds the record.
pub fn reparse(
    sealed: &Sealed,
    beside: &[&Sealed],
    row: Row<'_>,
    sources: &Sources,
    tmp: &Path,
    passwords: Vec<Vec<u8>>,
) -> io::Result<Vec<Batch>> {
    let mut opener = Opener::new(tmp, passwords);
    let name = file::name_of(&sealed.path);
    let mut head = Vec::new();
    opener.with_reader(&sealed.place, &mut |reader| {
        head.clear();
        reader.take(HEAD_BYTES as u64).read_to_end(&mut head)
    })?;
    let format = sniff(&head, name);
    if format.name() != sealed.format {
        let what = format!("it was sealed as {} and now begins as {}", sealed.format, format.name());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let host = Some(row.host).filter(|host| !host.is_empty());
    let cx = Context { evidence: row.evidence, path: &sealed.path, sources, host_hint: host };
    let of_text = row.dataset == text::DATASET;
    if of_text || row.dataset == page::DATASET || row.dataset == iisconfig::DATASET {
        let facts = facts(&mut opener, &sealed.place, name, row)?;
        let offset = if of_text { row.offset } else { 0 };
        let block = block_at(&mut opener, sealed, offset, || Splitter::of_file(format))?;
        return Ok(file::parse(format, &block, &cx, &facts).batches);
    }
    if format.is_read_at_random() {
        return piece_with(sealed, beside, row.offset, &mut opener, &cx);
    }
    let block = block_at(&mut opener, sealed, row.offset, || Splitter::new(format))?;
    Ok(parse_block(format, &only(format, block, row.offset), &cx).batches)
}

/// The batches of the piece that holds the row's record.
fn piece_with(
    sealed: &Sealed,
    beside: &[&Sealed],
    offset: u64,
    opener: &mut Opener,
    cx: &Context<'_>,
) -> io::Result<Vec<Batch>> {
    let file = open_sealed(sealed, beside, opener, cx)?.file;
    if let Some(piece) = file.piece_of(offset) {
        return Ok(file.parse(piece, cx).batches);
    }
    let mut pieces = (0..file.pieces()).map(|piece| file.parse(piece, cx).batches);
    let holds = |batches: &Vec<Batch>| batches.iter().any(|batch| holds_record(&batch.rows, offset));
    pieces.find(holds).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no record starts there"))
}

fn holds_record(rows: &RecordBatch, offset: u64) -> bool {
    let offsets =
        rows.column_by_name(schema::OFFSET).and_then(|column| column.as_any().downcast_ref::<Int64Array>());
    offsets.is_some_and(|offsets| offsets.values().iter().any(|at| u64::try_from(*at) == Ok(offset)))
}

/// Of an EVTX file the one chunk: it parses by itself, and its neighbours cost time.
fn only(format: Format, block: Block, offset: u64) -> Block {
    let chunk = piste_parse::block::EVTX_CHUNK_BYTES;
    let Some(at) =
        usize::try_from(offset.saturating_sub(block.offset)).ok().filter(|_| format == Format::Evtx)
    else {
        return block;
    };
    let start = at / chunk * chunk;
    let end = (start + chunk).min(block.bytes.len());
    let bytes = block.bytes.get(start..end).unwrap_or_default().to_vec();
    Block { offset: block.offset + start as u64, bytes, ..block }
}

fn block_at(
    opener: &mut Opener,
    sealed: &Sealed,
    offset: u64,
    splitter: impl Fn() -> Splitter,
) -> io::Result<Block> {
    let found = opener.with_reader(&sealed.place, &mut |reader| {
        let mut reader = reader.take(sealed.bytes);
        let mut splitter = splitter();
        while let Some(block) = splitter.next_block(&mut reader)? {
            let end = block.offset + block.bytes.len() as u64;
            if (block.offset..end).contains(&offset) {
                return Ok(Some(block));
            }
        }
        Ok(None)
    })?;
    found.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no record starts there"))
}

fn facts(opener: &mut Opener, place: &Place, name: &str, row: Row<'_>) -> io::Result<FileFacts> {
    let content = opener
        .with_reader(place, &mut |reader| Ok(read_all(reader, name, u64::MAX, READ_BYTES, row.older)))?;
    if let Some(error) = content.failure {
        return Err(error);
    }
    let older = content.older.filter(|_| row.older);
    let (md5, sha1) = older.map(|older| (older.md5, older.sha1)).unwrap_or_default();
    let modified = row.modified.to_owned();
    let lines = row.dataset == text::DATASET;
    Ok(FileFacts { bytes: Some(content.bytes), sha256: content.sha256, md5, sha1, modified, lines })
}
