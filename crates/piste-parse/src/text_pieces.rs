//! Texts whose records go on over lines, cut into pieces between records.
//!
//! In: a file in UTF-8 or UTF-16, and what tells where its records begin. Out: pieces of about a megabyte that begin where a
//! record does, each with what was said before it; and the bytes of one record, again. The file is read once from end to end
//! to find the cuts, a megabyte at a time.

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use piste_model::guard;

use crate::block::Encoding;
use crate::random_access::{OpenFile, ReadAt};
use crate::{Context, Parsed};

/// Bytes that are read at once.
const STEP_BYTES: usize = 1 << 20;
/// Bytes of a piece, at least, unless the file ends.
const PIECE_BYTES: u64 = 1 << 20;
/// Bytes of the longest record that is read as one: a group of a large directory.
const RECORD_BYTES_MAX: usize = 32 << 20;

/// A line with its place.
#[derive(Debug)]
pub(crate) struct TextLine<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Offset in the file.
    pub(crate) offset: u64,
    /// Bytes without the line's end.
    pub(crate) raw: &'a [u8],
    pub(crate) text: Cow<'a, str>,
}

/// What a piece is read with.
#[derive(Debug)]
pub(crate) struct PieceText<'a> {
    /// Offset of its first byte.
    pub(crate) from: u64,
    /// Number of its first line.
    line: u64,
    pub(crate) bytes: &'a [u8],
    encoding: Encoding,
    /// What the lines before it said.
    pub(crate) before: &'a str,
}

impl PieceText<'_> {
    pub(crate) fn lines(&self) -> impl Iterator<Item = TextLine<'_>> {
        lines(self.encoding, self.bytes, self.from, self.line)
    }

    /// The bytes between two places in the file.
    pub(crate) fn between(&self, from: u64, to: u64) -> &[u8] {
        let place = |offset: u64| usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX);
        self.bytes.get(place(from)..place(to)).unwrap_or_default()
    }
}

/// A kind of text.
pub(crate) trait TextKind: Send + Sync + Debug {
    /// Whether a record begins with this line.
    fn begins(&self, line: &str) -> bool;

    /// What a line says for those after it.
    fn says(&self, _line: &str) -> Option<String> {
        None
    }

    /// Parses the lines of a piece.
    fn parse(&self, piece: &PieceText<'_>, cx: &Context<'_>, parsed: &mut Parsed);

    /// How many of the lines from a record's first on belong to it: places after their ends, the last counts.
    fn record_end(&self, lines: &mut dyn Iterator<Item = TextLine<'_>>) -> u64;
}

/// Reads as many of `bytes` from `offset` as there are.
pub(crate) fn read(content: &dyn ReadAt, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let rest = usize::try_from(content.bytes().saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; bytes.min(rest)];
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        let got = content.read_at(offset + filled as u64, free)?;
        if got == 0 {
            break;
        }
        filled += got;
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// How a file is to be read, by its first bytes.
fn encoding_of(head: &[u8]) -> Encoding {
    match head {
        [0xff, 0xfe, ..] => Encoding::Utf16Le,
        [0xfe, 0xff, ..] => Encoding::Utf16Be,
        [one, 0, two, 0, ..] if *one != 0 && *two != 0 => Encoding::Utf16Le,
        _ => Encoding::Utf8,
    }
}

/// The text of a beginning.
pub(crate) fn decoded(head: &[u8]) -> String {
    let encoding = encoding_of(head);
    let whole = if encoding == Encoding::Utf8 { head.len() } else { head.len() & !1 };
    let mark = encoding.mark_bytes(head);
    encoding.decode(head.get(mark..whole).unwrap_or_default()).into_owned()
}

/// The lines of bytes that begin at `offset`.
fn lines(encoding: Encoding, bytes: &[u8], offset: u64, first: u64) -> impl Iterator<Item = TextLine<'_>> {
    encoding.raw_lines(bytes).zip(first..).map(move |((at, raw), number)| {
        let at = offset + at as u64;
        let mark = if at == 0 { encoding.mark_bytes(raw) } else { 0 };
        let raw = raw.get(mark..).unwrap_or_default();
        TextLine { number, offset: at + mark as u64, raw, text: encoding.decode(raw) }
    })
}

/// Part of a file.
#[derive(Debug)]
struct Piece {
    from: u64,
    to: u64,
    line: u64,
    before: String,
}

/// A text that was opened.
#[derive(Debug)]
pub(crate) struct TextFile<K> {
    content: Arc<dyn ReadAt>,
    kind: K,
    encoding: Encoding,
    pieces: Vec<Piece>,
}

impl<K: TextKind> TextFile<K> {
    pub(crate) fn open(content: Arc<dyn ReadAt>, kind: K) -> io::Result<Self> {
        let encoding = encoding_of(&read(content.as_ref(), 0, 4)?);
        let pieces = cut(content.as_ref(), &kind, encoding)?;
        Ok(Self { content, kind, encoding, pieces })
    }
}

/// Finds where pieces begin.
fn cut(content: &dyn ReadAt, kind: &dyn TextKind, encoding: Encoding) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut now = Piece { from: 0, to: 0, line: 1, before: String::new() };
    let (mut offset, mut number, mut before) = (0_u64, 1_u64, String::new());
    while offset < content.bytes() {
        guard::check();
        let bytes = read(content, offset, STEP_BYTES)?;
        if bytes.is_empty() {
            break;
        }
        let last = offset + bytes.len() as u64 >= content.bytes();
        let whole = encoding.last_line_end(&bytes).filter(|_| !last).unwrap_or(bytes.len());
        for line in lines(encoding, bytes.get(..whole).unwrap_or_default(), offset, number) {
            number = line.number + 1;
            let long = line.offset.saturating_sub(now.from);
            // A record without end is cut like any other text.
            if (long >= PIECE_BYTES && kind.begins(&line.text)) || long >= RECORD_BYTES_MAX as u64 {
                now.to = line.offset;
                let next = Piece { from: line.offset, to: 0, line: line.number, before: before.clone() };
                pieces.push(std::mem::replace(&mut now, next));
            }
            if let Some(said) = kind.says(&line.text) {
                before = said;
            }
        }
        offset += whole as u64;
    }
    now.to = content.bytes();
    pieces.push(now);
    Ok(pieces)
}

impl<K: TextKind> OpenFile for TextFile<K> {
    fn pieces(&self) -> usize {
        self.pieces.len()
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let Some(piece) = self.pieces.get(piece) else { return parsed };
        let length = usize::try_from(piece.to - piece.from).unwrap_or_default();
        match read(self.content.as_ref(), piece.from, length.min(2 * RECORD_BYTES_MAX)) {
            Ok(bytes) => {
                let text = PieceText {
                    from: piece.from,
                    line: piece.line,
                    bytes: &bytes,
                    encoding: self.encoding,
                    before: &piece.before,
                };
                self.kind.parse(&text, cx, &mut parsed);
            }
            Err(error) => {
                let what = format!("{length} bytes cannot be read: {error}");
                parsed.damaged(cx, "text-unread", piece.from, None, what, "copy the file anew");
            }
        }
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let at = self.pieces.partition_point(|piece| piece.from <= offset);
        let piece = at.checked_sub(1).and_then(|at| self.pieces.get(at));
        let left = piece.map_or(0, |piece| piece.to.saturating_sub(offset));
        let length = usize::try_from(left).unwrap_or_default().min(2 * RECORD_BYTES_MAX);
        let bytes = read(self.content.as_ref(), offset, length)?;
        // A mark at the file's start is before the first record, never in it.
        let shift = u64::from(offset == 0);
        let mut lines = lines(self.encoding, &bytes, offset + shift, 1);
        let end = usize::try_from(self.kind.record_end(&mut lines).saturating_sub(offset + shift))
            .unwrap_or_default();
        bytes
            .get(..end)
            .filter(|bytes| !bytes.is_empty())
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no record begins there"))
    }
}

/// Where a line ends.
pub(crate) fn end_of(line: &TextLine<'_>) -> u64 {
    line.offset + line.raw.len() as u64
}
