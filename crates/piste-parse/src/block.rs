//! A file cut into blocks that can be parsed apart from each other, on any thread.
//!
//! In: a stream of one file's decompressed bytes. Out: blocks of about a megabyte, each with its offset, its first line's
//! number and what an earlier header said. Memory is one block, whatever the file's size; a line without end is skipped
//! and named, and so is a JSON element.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

mod streams;

use piste_model::guard;

pub use crate::elements::element_bytes;
use crate::elements::{Edge, Scanner};
use crate::evtx::places::{Next, Note, Places};
use crate::header::Header;
pub use crate::records::{RECORD_BYTES_MAX, table_record_bytes};
use crate::sniff::Format;
pub use crate::tags::tagged_bytes;
use streams::{Walker, Wrapped};

/// Bytes of an EVTX file's header.
pub const EVTX_HEADER_BYTES: usize = 4_096;
/// Bytes of an EVTX chunk.
pub const EVTX_CHUNK_BYTES: usize = 65_536;
/// Chunks of one block.
pub(crate) const EVTX_BLOCK_BYTES: usize = 48 * EVTX_CHUNK_BYTES;
/// Bytes of a block of text, about.
const TEXT_BLOCK_BYTES: usize = 3 << 20;
/// Bytes of a table's beginning that tell how its dates are written.
const DATES_BYTES: usize = 64 << 10;
/// Bytes of the longest line, or JSON element, that is read.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Bytes of the longest file that is read as one record.
pub const FILE_BYTES_MAX: usize = 32 << 20;

/// How a text file's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; bytes that are not valid are read as Windows-1252, as legacy logs wrote them.
    Utf8,
    /// UTF-16, little endian, as PowerShell's redirection writes.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
}

/// A part of a file that can be parsed alone.
#[derive(Debug, Clone)]
pub struct Block {
    /// Offset of `bytes` in the file.
    pub offset: u64,
    /// Number of the first line, or of the first element of a stream of JSON, from 1; 0 in binary formats.
    pub first_line: u64,
    /// The bytes: whole lines, elements or chunks, save at the end of a truncated file.
    pub bytes: Vec<u8>,
    /// How to read them as text.
    pub encoding: Encoding,
    /// What the header lines before this block said, for formats that have them.
    pub header: Option<Arc<Header>>,
    /// Set for a line or element longer than [`LINE_BYTES_MAX`]: its length. `bytes` is then empty.
    pub too_long: Option<u64>,
}

/// One line of a text block, or one element of a stream of JSON.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Bytes without the line's end.
    pub raw: &'a [u8],
    /// The text.
    pub text: Cow<'a, str>,
}

impl Block {
    /// The block's lines, without their ends; a byte order mark is passed over.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.encoding.raw_lines(&self.bytes).zip(self.first_line..).map(|((at, raw), number)| {
            let offset = self.offset + at as u64;
            let mark = if offset == 0 { self.encoding.mark_bytes(raw) } else { 0 };
            self.encoding.line(number, offset, raw, mark)
        })
    }

    /// The block as one text.
    pub(crate) fn whole_text(&self) -> Cow<'_, str> {
        let mark = if self.offset == 0 { self.encoding.mark_bytes(&self.bytes) } else { 0 };
        self.encoding.decode(self.bytes.get(mark..).unwrap_or_default())
    }

    /// The block's lines as logs that are written in place need them: zeros before a line are passed over, since a
    /// server that went down leaves the space it had set aside.
    pub(crate) fn log_lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.encoding.raw_lines(&self.bytes).zip(self.first_line..).map(|((at, raw), number)| {
            let offset = self.offset + at as u64;
            let mark = if offset == 0 { self.encoding.mark_bytes(raw) } else { 0 };
            self.encoding.line(number, offset, raw, mark.max(self.encoding.zero_bytes(raw)))
        })
    }

    /// The block's messages: its lines, and the frames that say their own length. A frame has the number of its first line.
    pub(crate) fn messages(&self) -> Box<dyn Iterator<Item = Line<'_>> + '_> {
        if self.encoding != Encoding::Utf8 {
            return Box::new(self.log_lines());
        }
        let (mut number, mut counted) = (self.first_line, 0);
        Box::new(crate::syslog::frames::messages(&self.bytes).map(move |message| {
            number += self.encoding.count_lines(self.bytes.get(counted..message.start).unwrap_or_default());
            counted = message.start;
            let raw = self.bytes.get(message.clone()).unwrap_or_default();
            let offset = self.offset + message.start as u64;
            let mark = if offset == 0 { self.encoding.mark_bytes(raw) } else { 0 };
            self.encoding.line(number, offset, raw, mark.max(self.encoding.zero_bytes(raw)))
        }))
    }

    /// The elements of a stream of JSON, as they stand: objects, and what lies between them and is none.
    pub fn elements(&self) -> impl Iterator<Item = Line<'_>> {
        let (mut scanner, mut at, mut number) = (Scanner::default(), 0, self.first_line);
        std::iter::from_fn(move || {
            guard::check();
            let Some(Edge::Begin(start)) = scanner.next_edge(self.encoding, &self.bytes, &mut at) else {
                return None;
            };
            let end = match scanner.next_edge(self.encoding, &self.bytes, &mut at) {
                Some(Edge::End(end)) => end,
                _ => self.bytes.len(), // the file ends within it
            };
            let raw = self.bytes.get(start..end).unwrap_or_default();
            number += 1;
            Some(self.encoding.line(number - 1, self.offset + start as u64, raw, 0))
        })
    }
}

impl Encoding {
    /// Length of the first line without its end, and with it.
    pub(crate) fn next_line(self, bytes: &[u8]) -> (usize, usize) {
        if self == Self::Utf8 {
            return match memchr::memchr(b'\n', bytes) {
                Some(at) => {
                    let carriage = at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r');
                    (at - usize::from(carriage), at + 1)
                }
                None => (bytes.len(), bytes.len()),
            };
        }
        let sign = |sign: u8| if self == Self::Utf16Be { [0, sign] } else { [sign, 0] };
        let newline = sign(b'\n');
        match bytes.chunks_exact(2).position(|pair| pair == newline).map(|pair| pair * 2) {
            Some(at) => {
                let before = at.checked_sub(2).and_then(|before| bytes.get(before..at));
                (at - if before == Some(&sign(b'\r')) { 2 } else { 0 }, at + 2)
            }
            None => (bytes.len(), bytes.len()),
        }
    }

    /// The lines with their offsets, without their ends.
    pub(crate) fn raw_lines(self, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            guard::check();
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let (length, end) = self.next_line(rest);
            let start = at;
            at += end;
            Some((start, rest.get(..length).unwrap_or_default()))
        })
    }

    /// A line without its first `skip` bytes.
    fn line(self, number: u64, offset: u64, raw: &[u8], skip: usize) -> Line<'_> {
        let raw = raw.get(skip..).unwrap_or_default();
        Line { number, offset: offset + skip as u64, raw, text: self.decode(raw) }
    }

    /// The first unit of text and its width in bytes; `None` if there is no whole one.
    pub(crate) fn unit(self, bytes: &[u8]) -> Option<(u16, usize)> {
        match self {
            Self::Utf8 => bytes.first().map(|byte| (u16::from(*byte), 1)),
            Self::Utf16Le => bytes.first_chunk::<2>().map(|pair| (u16::from_le_bytes(*pair), 2)),
            Self::Utf16Be => bytes.first_chunk::<2>().map(|pair| (u16::from_be_bytes(*pair), 2)),
        }
    }

    /// Bytes of the zeros that a line begins with, in whole units.
    fn zero_bytes(self, raw: &[u8]) -> usize {
        let zeros = raw.iter().take_while(|byte| **byte == 0).count();
        match self {
            Self::Utf8 => zeros,
            Self::Utf16Le | Self::Utf16Be => zeros & !1,
        }
    }

    /// Offset just after the last line's end.
    pub(crate) fn last_line_end(self, bytes: &[u8]) -> Option<usize> {
        let newline = match self {
            Self::Utf8 => return memchr::memrchr(b'\n', bytes).map(|at| at + 1),
            Self::Utf16Le => [b'\n', 0],
            Self::Utf16Be => [0, b'\n'],
        };
        let even = bytes.len() & !1;
        let pairs = bytes.get(..even)?.chunks_exact(2);
        pairs.rev().position(|pair| pair == newline).map(|from_end| even - from_end * 2)
    }

    fn count_lines(self, bytes: &[u8]) -> u64 {
        let ends = match self {
            Self::Utf8 => memchr::memchr_iter(b'\n', bytes).count(),
            Self::Utf16Le => bytes.chunks_exact(2).filter(|pair| *pair == [b'\n', 0]).count(),
            Self::Utf16Be => bytes.chunks_exact(2).filter(|pair| *pair == [0, b'\n']).count(),
        };
        ends as u64
    }

    pub(crate) fn mark_bytes(self, raw: &[u8]) -> usize {
        match self {
            Self::Utf8 if raw.starts_with(&[0xef, 0xbb, 0xbf]) => 3,
            Self::Utf16Le if raw.starts_with(&[0xff, 0xfe]) => 2,
            Self::Utf16Be if raw.starts_with(&[0xfe, 0xff]) => 2,
            _ => 0,
        }
    }

    pub(crate) fn decode(self, raw: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => match std::str::from_utf8(raw) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(raw).0,
            },
            Self::Utf16Le => encoding_rs::UTF_16LE.decode_without_bom_handling(raw).0,
            Self::Utf16Be => encoding_rs::UTF_16BE.decode_without_bom_handling(raw).0,
        }
    }
}

/// Cuts one file into blocks.
#[derive(Debug)]
pub struct Splitter {
    format: Format,
    encoding: Encoding,
    /// Bytes of a block of text, about.
    block_bytes: usize,
    /// Bytes of a file that is read as one.
    whole_bytes: usize,
    /// What follows the beginning of such a file is handed out too, in lines.
    goes_on: bool,
    /// Offset of `rest` in the file.
    offset: u64,
    line: u64,
    /// Read, not yet handed out.
    rest: Vec<u8>,
    started: bool,
    ended: bool,
    /// What the header lines handed out so far said.
    header: Option<Arc<Header>>,
    elements: Elements,
    wrapped: Wrapped,
    places: Places,
}

/// How far a stream of elements has been looked at.
#[derive(Debug)]
struct Elements {
    scanner: Walker,
    /// Bytes of `rest` that were looked at.
    seen: usize,
    /// Bytes of `rest` that can be handed out: they end between two elements.
    whole: usize,
    /// Elements in those.
    count: u64,
    /// Whether an element is open at `seen`.
    open: bool,
}

impl Elements {
    fn of(format: Format) -> Self {
        Self { scanner: Walker::of(format), seen: 0, whole: 0, count: 0, open: false }
    }
}

impl Splitter {
    /// For a file of this format.
    pub fn new(format: Format) -> Self {
        Self::with_block_bytes(format, TEXT_BLOCK_BYTES)
    }

    /// For a file that is no log: its beginning, as far as rules look at it, and of text what follows.
    pub fn of_file(format: Format) -> Self {
        Self::of_file_cut(format, crate::file::SCANNED_BYTES_MAX)
    }

    /// With a beginning of so many bytes: the lines of a text must not depend on it.
    pub(crate) fn of_file_cut(format: Format, whole_bytes: usize) -> Self {
        Self { whole_bytes, goes_on: format.is_text(), ..Self::new(Format::WebPage) }
    }

    /// With text cut after this many bytes: rows must not depend on it.
    pub(crate) fn with_block_bytes(format: Format, block_bytes: usize) -> Self {
        Self {
            format: format.cut_as(),
            encoding: Encoding::Utf8,
            block_bytes: block_bytes.max(1),
            whole_bytes: crate::page::BYTES_MAX,
            goes_on: false,
            offset: 0,
            line: 1,
            rest: Vec::new(),
            started: false,
            ended: false,
            header: None,
            elements: Elements::of(format.cut_as()),
            wrapped: Wrapped::default(),
            places: Places::default(),
        }
    }

    /// Reads on and hands out the next block; `None` at the end.
    ///
    /// # Errors
    /// What the reader answers; blocks handed out before stay valid.
    pub fn next_block(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        match self.format {
            Format::Evtx => self.next_chunks(reader),
            Format::JsonArray | Format::JsonObjects | Format::EventXml | Format::CliXml => {
                self.next_elements(reader)
            }
            Format::JsonWrapped => self.next_wrapped(reader),
            Format::EventCsv => self.next_records(reader),
            format if format.is_one_record() => self.next_whole(reader),
            Format::WebPage => self.whole(reader),
            _ => self.next_lines(reader),
        }
    }

    /// A file that is read as one: its first bytes, and one more where there is more.
    fn whole(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        if self.started {
            let more = self.goes_on && self.offset < crate::text::TEXT_BYTES_MAX;
            return if more { self.next_lines(reader) } else { Ok(None) };
        }
        self.started = true;
        self.fill(reader, self.whole_bytes + 1)?;
        let bytes = std::mem::take(&mut self.rest);
        let encoding = crate::text::encoding_of(&bytes).filter(|_| self.goes_on);
        self.encoding = encoding.unwrap_or(Encoding::Utf8);
        self.goes_on = encoding.is_some() && bytes.len() > self.whole_bytes;
        let block = self.hand_out(bytes, 0);
        if self.goes_on {
            let (_, next) =
                crate::text::cut(block.bytes.get(..self.whole_bytes).unwrap_or_default(), self.encoding);
            let (before, after) = block.bytes.split_at(next.min(block.bytes.len()));
            self.rest = after.to_vec();
            (self.offset, self.line) = (next as u64, 1 + self.encoding.count_lines(before));
        }
        Ok(Some(block))
    }

    /// A part of a line without end, up to where its last full row ends; the next begins a little before that.
    fn part_of_line(&mut self) -> Block {
        let (end, next) = crate::text::cut(&self.rest, self.encoding);
        let bytes = self.rest.get(..end).unwrap_or_default().to_vec();
        self.rest.drain(..next.min(self.rest.len()));
        let length = bytes.len() as u64;
        let block = self.hand_out(bytes, 0);
        self.offset = self.offset - length + next as u64;
        block
    }

    fn next_chunks(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        if !self.started {
            self.started = true;
            self.fill(reader, EVTX_HEADER_BYTES)?;
            let header = self.places.begin(&self.rest);
            self.offset = self.take_rest(header).len() as u64;
        }
        // One chunk more than is handed out: a displaced one is looked for there.
        self.fill(reader, EVTX_BLOCK_BYTES + EVTX_CHUNK_BYTES)?;
        if self.rest.is_empty() {
            let note = self.places.end();
            return Ok(note.map(|note| self.hand_out_note(note)));
        }
        match self.places.next(&self.rest) {
            Next::Chunks(end) => {
                let bytes = self.take_rest(end);
                Ok(Some(self.hand_out(bytes, 0)))
            }
            Next::Gap(length) => {
                let length = self.take_rest(length).len() as u64;
                let block = self.hand_out_note(Note::Displaced(length));
                self.offset += length;
                Ok(Some(block))
            }
        }
    }

    fn hand_out_note(&mut self, note: Note) -> Block {
        Block { header: Some(Arc::new(Header::noting(note))), ..self.hand_out(Vec::new(), 0) }
    }

    fn next_lines(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        let mut wanted = self.block_bytes;
        loop {
            self.fill_text(reader, wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            // More may have been read than a block is to hold: the beginning of a listing is looked at as a whole.
            let ready = self.rest.get(..wanted).unwrap_or(&self.rest);
            let all = self.ended && ready.len() == self.rest.len();
            let end = if all { Some(ready.len()) } else { self.encoding.last_line_end(ready) };
            let end = end.and_then(|end| self.whole_frames(end, wanted));
            if let Some(end) = end {
                let bytes = self.take_rest(end);
                let lines = self.encoding.count_lines(&bytes);
                let block = self.hand_out(bytes, lines);
                self.see_headers(&block);
                return Ok(Some(block));
            }
            if self.rest.len() >= LINE_BYTES_MAX {
                return if self.goes_on {
                    Ok(Some(self.part_of_line()))
                } else {
                    self.skip_line(reader).map(Some)
                };
            }
            wanted = wanted.saturating_add(self.block_bytes);
        }
    }

    /// Where a block of messages that say their own length must end; `None` where more has to be read to tell. A lie about a
    /// length is found out within a few blocks, so that the block does not grow for ever.
    fn whole_frames(&self, end: usize, wanted: usize) -> Option<usize> {
        use crate::syslog::frames::{FRAME_BYTES_MAX, whole_until};
        let frames = self.format == Format::Syslog && self.encoding == Encoding::Utf8;
        let in_time = wanted < self.block_bytes + 4 * FRAME_BYTES_MAX.max(self.block_bytes);
        if frames && in_time { whole_until(&self.rest, end, self.ended) } else { Some(end) }
    }

    /// Takes in what the block's header lines say of the blocks after it.
    fn see_headers(&mut self, block: &Block) {
        if let Some(follow) = self.format.follows_lines() {
            let mut header = self.header.as_deref().cloned().unwrap_or_default();
            for line in block.lines() {
                follow(&mut header, &line.text);
            }
            self.header = Some(Arc::new(header));
            return;
        }
        if !self.format.has_header_lines() {
            return;
        }
        let follows_rows = self.header.as_ref().is_none_or(|header| header.follows_rows());
        if !follows_rows && memchr::memchr(b'#', &block.bytes).is_none() {
            return;
        }
        let mut header = self.header.as_deref().cloned().unwrap_or_default();
        for line in block.log_lines() {
            if line.text.starts_with('#') || header.follows_rows() {
                header.see(&line.text);
            }
        }
        if self.header.as_deref() != Some(&header) {
            self.header = Some(Arc::new(header));
        }
    }

    fn next_elements(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        let mut wanted = self.block_bytes;
        loop {
            self.fill_text(reader, wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            self.see_elements();
            let whole = if self.ended { self.rest.len() } else { self.elements.whole };
            if whole > 0 {
                let bytes = self.take_rest(whole);
                let count = std::mem::take(&mut self.elements.count);
                self.elements.seen = self.elements.seen.saturating_sub(whole);
                self.elements.whole = 0;
                return Ok(Some(self.hand_out(bytes, count)));
            }
            if self.rest.len() >= LINE_BYTES_MAX {
                return self.skip_element(reader).map(Some);
            }
            wanted = self.rest.len() + self.block_bytes;
        }
    }

    /// The file as one block; one that is too long is passed over and named.
    fn next_whole(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        self.fill_text(reader, FILE_BYTES_MAX + 1)?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut length = self.rest.len() as u64;
        if self.rest.len() <= FILE_BYTES_MAX {
            let bytes = self.take_rest(self.rest.len());
            return Ok(Some(self.hand_out(bytes, 0)));
        }
        while !self.ended {
            self.rest.clear();
            self.fill(reader, TEXT_BLOCK_BYTES)?;
            length += self.rest.len() as u64;
        }
        self.rest.clear();
        let mut block = self.hand_out(Vec::new(), 1);
        block.too_long = Some(length);
        Ok(Some(block))
    }

    /// Looks at the bytes that were read since the last time.
    fn see_elements(&mut self) {
        let to = &mut self.elements;
        while let Some(edge) = to.scanner.next_edge(self.encoding, &self.rest, &mut to.seen) {
            match edge {
                Edge::Begin(at) => {
                    to.open = true;
                    to.whole = at;
                }
                Edge::End(at) => {
                    to.open = false;
                    to.whole = at;
                    to.count += 1;
                }
            }
        }
        if !to.open {
            to.whole = to.seen;
        }
    }

    /// Passes over an element without end; the block says how long it was.
    fn skip_element(&mut self, reader: &mut dyn Read) -> io::Result<Block> {
        let mut length = 0_u64;
        loop {
            let to = &mut self.elements;
            let edge = to.scanner.next_edge(self.encoding, &self.rest, &mut to.seen);
            let passed = if self.ended && edge.is_none() { self.rest.len() } else { to.seen };
            let passed = match edge {
                Some(Edge::Begin(at) | Edge::End(at)) => at,
                None => passed,
            };
            length += passed as u64;
            self.rest.drain(..passed.min(self.rest.len()));
            to.seen = to.seen.saturating_sub(passed);
            if edge.is_some() || self.ended {
                break;
            }
            self.fill(reader, TEXT_BLOCK_BYTES)?;
        }
        self.elements.open = false;
        let mut block = self.hand_out(Vec::new(), 1);
        self.offset += length;
        block.too_long = Some(length);
        Ok(block)
    }

    /// Reads on, and looks at the first bytes for their encoding.
    fn fill_text(&mut self, reader: &mut dyn Read, wanted: usize) -> io::Result<()> {
        self.fill(reader, wanted.max(2))?;
        if !self.started {
            self.started = true;
            if self.rest.starts_with(&[0xff, 0xfe]) {
                self.encoding = Encoding::Utf16Le;
            }
            if self.format == Format::EventCsv {
                self.fill(reader, DATES_BYTES)?;
                let head = self.rest.get(..DATES_BYTES.min(self.rest.len())).unwrap_or_default();
                let order = crate::export::table::order_in(&self.encoding.decode(head));
                self.header = Some(Arc::new(Header::of_table(order)));
            }
            let dated = self.format.bytes_that_show_dates();
            if dated > 0 {
                self.fill(reader, dated)?;
                let head = self.rest.get(..dated.min(self.rest.len())).unwrap_or_default();
                let head = self.encoding.decode(head);
                let shown = match self.format {
                    Format::ExchangeLog => crate::exchange::order_in(&head),
                    _ => crate::listing::order_in(&head),
                };
                self.header = Some(Arc::new(Header::dated(shown)));
            }
        }
        Ok(())
    }

    fn take_rest(&mut self, end: usize) -> Vec<u8> {
        let after = self.rest.split_off(end.min(self.rest.len()));
        std::mem::replace(&mut self.rest, after)
    }

    /// Passes over a line without end; the block says how long it was.
    fn skip_line(&mut self, reader: &mut dyn Read) -> io::Result<Block> {
        let mut length = 0_u64;
        let after = loop {
            let (line, end) = self.encoding.next_line(&self.rest);
            if line < self.rest.len() || self.ended {
                length += end as u64;
                break self.rest.split_off(end.min(self.rest.len()));
            }
            // An odd byte may be the first half of a UTF-16 unit: keep it for the next round.
            let keep = self.rest.len() % 2;
            length += (self.rest.len() - keep) as u64;
            self.rest.drain(..self.rest.len() - keep);
            self.fill(reader, TEXT_BLOCK_BYTES)?;
            if self.rest.len() <= keep && self.ended {
                length += self.rest.len() as u64;
                break Vec::new();
            }
        };
        self.rest = after;
        let mut block = self.hand_out(Vec::new(), 1);
        self.offset += length;
        block.too_long = Some(length);
        Ok(block)
    }

    fn hand_out(&mut self, bytes: Vec<u8>, lines: u64) -> Block {
        let text = self.format != Format::Evtx;
        let block = Block {
            offset: self.offset,
            first_line: if text { self.line } else { 0 },
            encoding: self.encoding,
            header: self.header.clone(),
            too_long: None,
            bytes,
        };
        self.offset += block.bytes.len() as u64;
        self.line += lines;
        block
    }

    /// Reads until `rest` has `wanted` bytes or the file ends.
    fn fill(&mut self, reader: &mut dyn Read, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.rest.len());
        if missing > 0 && !self.ended {
            let read = reader.take(missing as u64).read_to_end(&mut self.rest)?;
            self.ended = read < missing;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(format: Format, mut bytes: &[u8]) -> Vec<Block> {
        let mut splitter = Splitter::new(format);
        std::iter::from_fn(|| splitter.next_block(&mut bytes).expect("a slice reads")).collect()
    }

    fn texts(blocks: &[Block]) -> Vec<(u64, u64, String)> {
        let lines = blocks.iter().flat_map(Block::lines);
        lines.map(|line| (line.number, line.offset, line.text.into_owned())).collect()
    }

    #[test]
    fn lines_keep_their_number_and_offset_over_marks_and_ends() {
        let found = texts(&blocks(Format::JsonLines, b"\xef\xbb\xbfa\r\n\nb\xe9"));
        assert_eq!(found, [(1, 3, "a".into()), (2, 6, String::new()), (3, 7, "bé".into())]);
    }

    #[test]
    fn utf16_lines_are_read() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("a\r\nĊb\n".encode_utf16().flat_map(u16::to_le_bytes));
        let found = texts(&blocks(Format::JsonLines, &bytes));
        assert_eq!(found, [(1, 2, "a".into()), (2, 8, "Ċb".into())]);
    }

    #[test]
    fn a_line_without_end_is_passed_over_and_the_next_is_read() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX + 3 * TEXT_BLOCK_BYTES + 7];
        bytes.extend(b"\nlast\n");
        let blocks = blocks(Format::JsonLines, &bytes);
        assert_eq!(blocks[0].too_long, Some(bytes.len() as u64 - 5));
        assert_eq!(texts(&blocks), [(2, bytes.len() as u64 - 5, "last".into())]);
    }

    #[test]
    fn an_element_without_end_is_passed_over_and_the_next_is_read() {
        let mut bytes = b"[{\"a\":1},{\"b\":\"".to_vec();
        let long = bytes.len() as u64 - 6;
        bytes.extend(vec![b'x'; LINE_BYTES_MAX + 3 * TEXT_BLOCK_BYTES + 7]);
        bytes.extend(b"\"},\n{\"c\":1}]");
        let blocks = blocks(Format::JsonArray, &bytes);
        let skipped: Vec<_> = blocks
            .iter()
            .filter_map(|block| Some((block.first_line, block.offset, block.too_long?)))
            .collect();
        let end = bytes.len() as u64 - 10;
        assert_eq!(skipped, [(2, long, end - long)]);
        let found: Vec<_> = blocks
            .iter()
            .flat_map(Block::elements)
            .map(|one| (one.number, one.offset, one.text.into_owned()))
            .collect();
        assert_eq!(found, [(1, 1, "{\"a\":1}".into()), (3, end + 2, "{\"c\":1}".into())]);
    }

    #[test]
    fn a_header_goes_on_with_the_blocks_after_it() {
        let mut splitter = Splitter::with_block_bytes(Format::IisW3c, 1);
        let mut bytes: &[u8] =
            b"#Fields: date time\na b\n\0\0#Fields: time c-ip\n23:00:00 x\n00:00:00 x\nlast\n";
        let mut found = Vec::new();
        while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
            let text = String::from_utf8(block.bytes).expect("text");
            found.push((
                text,
                block.header.map(|header| (header.fields.clone().unwrap_or_default(), header.days)),
            ));
        }
        let before = Some(("date time".to_owned(), 0));
        let after = |days| Some(("time c-ip".to_owned(), days));
        assert_eq!(
            found,
            [
                ("#Fields: date time\n".into(), None),
                ("a b\n".into(), before.clone()),
                ("\0\0#Fields: time c-ip\n".into(), before),
                ("23:00:00 x\n".into(), after(0)),
                ("00:00:00 x\n".into(), after(0)),
                ("last\n".into(), after(1)),
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_cover_every_line_once(lengths in proptest::collection::vec(0_usize..300, 0..40), size in 1_usize..700) {
            let letters = (b'a'..=b'z').cycle().map(char::from);
            let lines: Vec<String> = lengths.iter().zip(letters).map(|(length, letter)| letter.to_string().repeat(*length)).collect();
            let text = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
            let mut splitter = Splitter::with_block_bytes(Format::JsonLines, size);
            let mut bytes = text.as_bytes();
            let blocks: Vec<_> = std::iter::from_fn(|| splitter.next_block(&mut bytes).expect("a slice reads")).collect();
            let found = texts(&blocks);
            prop_assert_eq!(found.iter().map(|line| line.2.clone()).collect::<Vec<_>>(), lines);
            for (at, line) in found.iter().enumerate() {
                prop_assert_eq!(line.0, at as u64 + 1);
                let start = usize::try_from(line.1).unwrap();
                prop_assert_eq!(&text[start..start + line.2.len()], line.2.as_str());
            }
        }
    }
}
