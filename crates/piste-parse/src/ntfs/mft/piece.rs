//! One piece of `$MFT`: its records, each with what extends it.
//!
//! In: 8 MB of the table. Out: rows, and what of it is damaged: a record that is none is lost and named; one that was torn is
//! read and named.

use std::borrow::Cow;
use std::ops::Range;

use piste_model::hash::record_hash;
use piste_model::{Issue, guard};

use super::rows::{File, Writer};
use super::{PIECE_BYTES, Table, is_signed, record_number};
use crate::bad_records::{BadRecords, Words};
use crate::block::Line;
use crate::ntfs::raw::{Fixups, apply_fixups};
use crate::ntfs::record::{Found, Header};
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "mft-record",
    unit: "record",
    wanted: "FILE record",
    hint: "look at it: tail -c +OFFSET FILE | head -c 1024 | xxd",
};

/// Records that were read although something of them is wrong.
#[derive(Default)]
struct Doubtful {
    count: u64,
    first: (u64, u32),
}

impl Doubtful {
    fn see(&mut self, offset: u64, position: u32) {
        if self.count == 0 {
            self.first = (offset, position);
        }
        self.count += 1;
    }

    fn tell(&self, slug: &'static str, what: &str, effect: &str, cx: &Context<'_>, parsed: &mut Parsed) {
        if self.count == 0 {
            return;
        }
        let (offset, position) = self.first;
        let what = format!("{} of this piece {what}; the first is record {position}", counted(self.count));
        let hint = "compare the record with the volume, or with another copy of $MFT";
        parsed.issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence).at(offset));
    }
}

fn counted(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

/// The bytes of a piece.
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

impl Table {
    pub(super) fn parse_piece(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut piece = Piece { offset: piece as u64 * PIECE_BYTES as u64, bytes: Vec::new() };
        let rest = self.content.bytes().saturating_sub(piece.offset);
        piece.bytes.resize(usize::try_from(rest).unwrap_or(PIECE_BYTES).min(PIECE_BYTES), 0);
        match self.content.read_at(piece.offset, &mut piece.bytes) {
            Ok(length) => piece.bytes.truncate(length),
            Err(error) => {
                let what = format!("8 MB of the table cannot be read: {error}");
                parsed.damaged(cx, "mft-unreadable", piece.offset, None, what, "copy the file again");
                return parsed;
            }
        }
        let mut bad = BadRecords::new(&WORDS);
        let (mut torn, mut cut) = (Doubtful::default(), Doubtful::default());
        let mut writer = Writer::new(&self.folders, cx);
        let (mut found, mut scratch) = (Found::default(), vec![0; self.record_bytes]);
        // What a table has is counted by places, used or not, as other readers of it count.
        parsed.records = (piece.bytes.len() / self.record_bytes) as u64;
        let first = u32::try_from(piece.offset / self.record_bytes as u64).unwrap_or(u32::MAX);
        for (stored, position) in piece.bytes.chunks_exact(self.record_bytes).zip(first..) {
            guard::check();
            let offset = u64::from(position) * self.record_bytes as u64;
            if !is_signed(stored) {
                if stored.iter().any(|byte| *byte != 0) {
                    bad.note(&place(position, offset), "it does not begin with FILE");
                }
                continue;
            }
            scratch.copy_from_slice(stored);
            let fixups = apply_fixups(&mut scratch);
            let Some(header) = Header::read(&scratch).filter(|_| fixups != Fixups::Impossible) else {
                bad.note(&place(position, offset), "its header cannot be");
                continue;
            };
            if header.base.is_some() && self.folders.is_extending(position) {
                continue; // told with the record that it extends
            }
            found.clear();
            found.take(&scratch, &header);
            self.take_extensions(position, &piece, &mut found, &mut scratch);
            if fixups == Fixups::Torn {
                torn.see(offset, position);
            }
            if found.cut {
                cut.see(offset, position);
            }
            let entry = record_number(&header, position);
            let torn = fixups == Fixups::Torn;
            writer.push(&File { entry, offset, hash: record_hash(stored), header, torn, found: &found });
        }
        torn.tell(
            "mft-record-torn",
            "with sectors of another time than their first",
            "no record is lost; their rows say FixupMismatch, and values in these sectors may be of an older state",
            cx,
            &mut parsed,
        );
        cut.tell(
            "mft-attributes-cut",
            "with attributes that end before their end",
            "no record is lost; what followed in these records (names, streams, sizes) is not read",
            cx,
            &mut parsed,
        );
        bad.tell(cx, &mut parsed);
        writer.finish(piece.offset, &mut parsed);
        parsed
    }

    /// Takes in what extends a record. An extension that cannot be read leaves the record as it is, marked as cut.
    fn take_extensions(&self, position: u32, piece: &Piece, found: &mut Found, scratch: &mut [u8]) {
        for extension in self.folders.extensions_of(position) {
            guard::check();
            let offset = u64::from(extension) * self.record_bytes as u64;
            let within = offset.checked_sub(piece.offset).and_then(|at| usize::try_from(at).ok());
            let range = |at: usize| -> Range<usize> { at..at.saturating_add(self.record_bytes) };
            let read = match within.and_then(|at| piece.bytes.get(range(at))) {
                Some(bytes) => {
                    scratch.copy_from_slice(bytes);
                    true
                }
                None => self.content.read_at(offset, scratch).is_ok_and(|length| length == self.record_bytes),
            };
            let whole = read && is_signed(scratch) && apply_fixups(scratch) == Fixups::Whole;
            match Header::read(scratch).filter(|_| whole) {
                Some(header) => found.take(scratch, &header),
                None => found.cut = true,
            }
        }
    }
}

fn place(position: u32, offset: u64) -> Line<'static> {
    Line { number: u64::from(position), offset, raw: &[], text: Cow::Borrowed("") }
}
