//! `$MFT` to rows of `file.mft`: one a long name of a record, and one a named stream.
//!
//! In: the table, read at random; pieces of 8 MB. Out: rows with the columns of `MFTECmd`'s CSV, full paths and the copies that
//! listings have. A record's hash covers its bytes as stored, before the fixups; what an extension record says is told in the
//! rows of the record that it extends. A `$FILE_NAME` time is left out where it equals that of `$STANDARD_INFORMATION`, as
//! `MFTECmd` does.

use std::io;
use std::sync::Arc;

use piste_model::Issue;

use super::folders::Folders;
use super::record::Header;
use crate::Context;
use crate::artefact::u32_at;
use crate::random_access::{Companion, OpenFile, Opened, ReadAt};

mod piece;
mod rows;

/// Sizes that records have; the first is the usual one.
const RECORD_BYTES: [usize; 4] = [1_024, 4_096, 2_048, 512];
/// Bytes of the beginning that tell the size of records.
const TELLING_BYTES: usize = 256 << 10;
/// Bytes of one piece.
const PIECE_BYTES: usize = 8 << 20;

/// A table that was opened.
pub(super) struct Table {
    content: Arc<dyn ReadAt>,
    record_bytes: usize,
    folders: Folders,
}

/// Opens a table: reads its folders.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, _companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut issues = Vec::new();
    let table = Table::open(content, cx, &mut issues)?;
    Ok(Opened { file: Box::new(table), issues })
}

impl Table {
    pub(super) fn open(
        content: Arc<dyn ReadAt>,
        cx: &Context<'_>,
        issues: &mut Vec<Issue>,
    ) -> io::Result<Self> {
        let record_bytes = record_bytes(&head_of(&*content)?);
        let folders = Folders::read(&*content, record_bytes)?;
        let table = Self { content, record_bytes, folders };
        table.tell(cx, issues);
        Ok(table)
    }

    /// Path of a folder, from the root on.
    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    fn tell(&self, cx: &Context<'_>, issues: &mut Vec<Issue>) {
        let mut add = |slug, what: String, effect: &str, hint: &str| {
            issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence));
        };
        let over = self.content.bytes() % self.record_bytes as u64;
        if over != 0 {
            add(
                "mft-truncated",
                format!("the table ends within a record: {over} bytes of {} are there", self.record_bytes),
                "that record and any after it are not read",
                "collect $MFT again, or compare its size with that of the volume's table",
            );
        }
        let Folders { left_out, misplaced, .. } = self.folders;
        if left_out > 0 {
            add(
                "mft-folders-too-many",
                format!("{left_out} folders or extension records are more than are kept"),
                "paths of files below them begin with PathUnknown; no record is lost",
                "look whether this is the table of a real volume",
            );
        }
        if misplaced > 0 {
            add(
                "mft-records-misplaced",
                format!("{misplaced} records bear another number than their place in the file has"),
                "this is a part of a table, or was put together: parents that are not in it leave files without a path",
                "collect the whole $MFT where the volume is still there",
            );
        }
    }
}

impl OpenFile for Table {
    fn pieces(&self) -> usize {
        usize::try_from(self.content.bytes().div_ceil(PIECE_BYTES as u64)).unwrap_or(usize::MAX)
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> crate::Parsed {
        self.parse_piece(piece, cx)
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.record_bytes];
        let read = self.content.read_at(offset, &mut bytes)?;
        if read < bytes.len() || !offset.is_multiple_of(self.record_bytes as u64) || !is_signed(&bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no FILE record starts there"));
        }
        Ok(bytes)
    }
}

/// Whether a record is one, or was one until a disk check found it torn.
pub(super) fn is_signed(record: &[u8]) -> bool {
    record.starts_with(b"FILE") || record.starts_with(b"BAAD")
}

/// The beginning of a file, as far as it must be known.
pub(super) fn head_of(content: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(content.bytes()).unwrap_or(TELLING_BYTES).min(TELLING_BYTES)];
    let length = content.read_at(0, &mut head)?;
    head.truncate(length);
    Ok(head)
}

/// Whether a file that begins so is a table, though its first records be lost.
pub(super) fn is_table(head: &[u8]) -> bool {
    let [.., least] = RECORD_BYTES;
    head.chunks_exact(least).any(is_signed)
}

/// The number of a record: its own, or where it has none, its place.
pub(super) fn record_number(header: &Header, position: u32) -> u32 {
    header.number.unwrap_or(position)
}

/// Bytes of one record: the size at whose multiples most records say so.
fn record_bytes(head: &[u8]) -> usize {
    let said = |size: usize| {
        let records = head.chunks_exact(size).filter(|record| is_signed(record));
        records.filter(|record| u32_at(record, 28).map(u64::from) == Some(size as u64)).count()
    };
    let [usual, ..] = RECORD_BYTES;
    let best = |best: (usize, usize), size| {
        let count = said(size);
        if count > best.1 { (size, count) } else { best }
    };
    RECORD_BYTES.into_iter().fold((usual, 0), best).0
}
