//! The cutting of streams whose records are no lines: XML elements, tables with values over several lines, lists of records
//! inside one JSON answer.
//!
//! In: the reader of a [`Splitter`]. Out: blocks of whole records. Memory is one block and the longest record, whatever the
//! file's size, and where a file is cut does not change its records.

use std::io::{self, Read};
use std::sync::Arc;

use super::{Block, Encoding, LINE_BYTES_MAX, Line, Splitter, TEXT_BLOCK_BYTES};
use crate::elements::{Edge, Scanner};
use crate::records::{self, Length, RECORD_BYTES_MAX};
use crate::sniff::Format;
use crate::tags::{Tag, TagScanner};
use crate::wrapped::Wrapper;

/// Finds the edges of a format's records.
#[derive(Debug)]
pub(super) enum Walker {
    /// Values of JSON.
    Json(Scanner),
    /// Elements of XML.
    Tags(TagScanner),
}

impl Walker {
    pub(super) fn of(format: Format) -> Self {
        match format.record_tag() {
            Some(tag) => Self::Tags(TagScanner::new(tag)),
            None => Self::Json(Scanner::default()),
        }
    }

    pub(super) fn next_edge(&mut self, encoding: Encoding, bytes: &[u8], at: &mut usize) -> Option<Edge> {
        match self {
            Self::Json(scanner) => scanner.next_edge(encoding, bytes, at),
            Self::Tags(scanner) => scanner.next_edge(encoding, bytes, at),
        }
    }
}

/// How far a JSON answer has been looked at.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    around: Wrapper,
    scanner: Scanner,
    /// Bytes of `rest` that were looked at.
    seen: usize,
    /// Where the record that is open begins in `rest`.
    open: Option<usize>,
    /// Where the records begin that can be handed out, and where they end.
    run: Option<(usize, usize)>,
    /// How many these are.
    count: u64,
}

impl Block {
    /// The XML elements of this kind, each with the bytes between it and the one before.
    pub(crate) fn tagged(&self, tag: Tag) -> impl Iterator<Item = (&[u8], Option<Line<'_>>)> {
        let (mut scanner, mut at, mut last) = (TagScanner::new(tag), 0, Some(0));
        let mut number = self.first_line;
        std::iter::from_fn(move || {
            let from = last?;
            let between = |to: usize| self.bytes.get(from..to).unwrap_or_default();
            let Some(Edge::Begin(start)) = scanner.next_edge(self.encoding, &self.bytes, &mut at) else {
                last = None;
                return Some((between(self.bytes.len()), None));
            };
            let end = match scanner.next_edge(self.encoding, &self.bytes, &mut at) {
                Some(Edge::End(end)) => end,
                _ => self.bytes.len(), // the file ends within it
            };
            last = Some(end);
            let raw = self.bytes.get(start..end).unwrap_or_default();
            number += 1;
            let line = self.encoding.line(number - 1, self.offset + start as u64, raw, 0);
            Some((between(start), Some(line)))
        })
    }

    /// The records of a table, by the number of their first line, without their last line's end.
    pub(crate) fn records(&self) -> impl Iterator<Item = Line<'_>> {
        let by_line = self.header.as_ref().is_some_and(|header| header.by_line);
        let (mut at, mut number) = (0, self.first_line);
        std::iter::from_fn(move || {
            let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let offset = self.offset + at as u64;
            let mark = if offset == 0 { self.encoding.mark_bytes(rest) } else { 0 };
            let record = rest.get(mark..).unwrap_or_default();
            // Each line of a block whose quotes do not close would be looked at to the block's end.
            let length = if by_line { Length::Open } else { records::length(self.encoding, record) };
            let length = match length {
                Length::Record(length) => mark + length,
                _ => self.encoding.next_line(rest).1,
            };
            let raw = rest.get(..length).unwrap_or_default();
            let line = self.encoding.line(number, offset, self.encoding.without_end(raw), mark);
            number += self.encoding.count_lines(raw);
            at += length;
            Some(line)
        })
    }
}

impl Encoding {
    /// A record without the end of its last line.
    fn without_end(self, raw: &[u8]) -> &[u8] {
        let ends: [&[u8]; 2] = match self {
            Self::Utf8 => [b"\n", b"\r"],
            Self::Utf16Le => [b"\n\0", b"\r\0"],
            Self::Utf16Be => [b"\0\n", b"\0\r"],
        };
        ends.iter().fold(raw, |raw, end| raw.strip_suffix(*end).unwrap_or(raw))
    }
}

impl Splitter {
    /// A block of whole records of a table.
    pub(super) fn next_records(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        // Every record that begins in the block can be looked at to its end.
        self.fill_text(reader, self.block_bytes + RECORD_BYTES_MAX + 1)?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mark = if self.offset == 0 { self.encoding.mark_bytes(&self.rest) } else { 0 };
        let mut end = 0;
        let mut fault = None;
        while end < self.block_bytes.min(self.rest.len()) {
            let from = if end == 0 { mark } else { end };
            match records::length(self.encoding, self.rest.get(from..).unwrap_or_default()) {
                Length::Record(length) => end = from + length,
                other => {
                    fault = Some(other);
                    break;
                }
            }
        }
        let block = match fault {
            _ if end > 0 => self.cut_records(end, false),
            Some(Length::Endless) => return self.skip_line(reader).map(Some),
            _ => {
                let ready = self.rest.get(..RECORD_BYTES_MAX).unwrap_or(&self.rest);
                let all = self.ended && ready.len() == self.rest.len();
                let end = if all { Some(ready.len()) } else { self.encoding.last_line_end(ready) };
                let Some(end) = end else { return self.skip_line(reader).map(Some) };
                self.cut_records(end, true)
            }
        };
        if self.header.as_ref().is_none_or(|header| header.fields.is_none()) {
            let mut header = self.header.as_deref().cloned().unwrap_or_default();
            let list = block.records().find(|line| !crate::export::table::is_remark(&line.text));
            if let Some(list) = list {
                header.set_list(&list.text);
                self.header = Some(Arc::new(header));
            }
        }
        Ok(Some(block))
    }

    fn cut_records(&mut self, end: usize, by_line: bool) -> Block {
        let bytes = self.take_rest(end);
        let lines = self.encoding.count_lines(&bytes);
        let mut block = self.hand_out(bytes, lines);
        if by_line {
            let header = block.header.as_deref().cloned().unwrap_or_default();
            block.header = Some(Arc::new(header.read_by_line()));
        }
        block
    }

    /// A block of records that follow each other in the list of an answer.
    pub(super) fn next_wrapped(&mut self, reader: &mut dyn Read) -> io::Result<Option<Block>> {
        let mut wanted = self.block_bytes;
        loop {
            self.fill_text(reader, wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let gap = self.see_wrapped();
            let full = gap || self.ended || self.wrapped.run.is_some_and(|(_, end)| end >= self.block_bytes);
            if let Some((start, end)) = self.wrapped.run.filter(|_| full) {
                self.pass_over(start);
                return Ok(Some(self.hand_out_run(end - start)));
            }
            let to = &self.wrapped;
            let idle = to.run.map(|(start, _)| start).or(to.open).unwrap_or(to.seen);
            if self.ended {
                let open = self.wrapped.open.take();
                self.pass_over(open.unwrap_or(self.rest.len()));
                if self.rest.is_empty() {
                    return Ok(None);
                }
                // The file ends within a record.
                let bytes = std::mem::take(&mut self.rest);
                return Ok(Some(self.hand_out(bytes, 1)));
            }
            self.pass_over(idle);
            if self.wrapped.open.is_some() && self.rest.len() >= LINE_BYTES_MAX {
                return self.skip_wrapped(reader).map(Some);
            }
            wanted = self.rest.len() + self.block_bytes;
        }
    }

    /// Looks at the bytes that were read since the last time; true where the records that were found so far are to be handed
    /// out first, since something else than a comma parts them from the next.
    fn see_wrapped(&mut self) -> bool {
        let to = &mut self.wrapped;
        loop {
            if to.open.is_none() {
                let Some(start) = to.around.next_record(self.encoding, &self.rest, &mut to.seen) else {
                    return false;
                };
                to.scanner = Scanner::default();
                to.open = Some(start);
                let between = to.run.map(|(_, end)| self.rest.get(end..start).unwrap_or_default());
                let plain = |byte: &u8| matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n' | 0);
                if between.is_some_and(|between| !between.iter().all(plain)) {
                    return true;
                }
            }
            match to.scanner.next_edge(self.encoding, &self.rest, &mut to.seen) {
                Some(Edge::Begin(_)) => {}
                Some(Edge::End(end)) => {
                    let start = to.open.take().unwrap_or(end);
                    to.run = Some((to.run.map_or(start, |(first, _)| first), end));
                    to.count += 1;
                    if end >= self.block_bytes {
                        return true;
                    }
                }
                None => return false,
            }
        }
    }

    /// Drops bytes that belong to no record.
    fn pass_over(&mut self, count: usize) {
        let count = count.min(self.rest.len());
        self.rest.drain(..count);
        self.offset += count as u64;
        self.wrapped.moved(count);
    }

    fn hand_out_run(&mut self, length: usize) -> Block {
        let bytes = self.take_rest(length);
        let count = std::mem::take(&mut self.wrapped.count);
        self.wrapped.run = None;
        self.wrapped.moved(length);
        self.hand_out(bytes, count)
    }

    /// Passes over a record without end; the block says how long it was.
    fn skip_wrapped(&mut self, reader: &mut dyn Read) -> io::Result<Block> {
        let mut length = 0_u64;
        loop {
            let to = &mut self.wrapped;
            let edge = to.scanner.next_edge(self.encoding, &self.rest, &mut to.seen);
            let passed = match edge {
                Some(Edge::Begin(at) | Edge::End(at)) => at,
                None if self.ended => self.rest.len(),
                None => to.seen,
            };
            length += passed as u64;
            self.rest.drain(..passed.min(self.rest.len()));
            self.wrapped.moved(passed);
            if edge.is_some() || self.ended {
                break;
            }
            self.fill(reader, TEXT_BLOCK_BYTES)?;
        }
        self.wrapped.open = None;
        let mut block = self.hand_out(Vec::new(), 1);
        self.offset += length;
        block.too_long = Some(length);
        Ok(block)
    }
}

impl Wrapped {
    /// Bytes at the front of `rest` are gone.
    fn moved(&mut self, count: usize) {
        self.seen = self.seen.saturating_sub(count);
        self.open = self.open.map(|open| open.saturating_sub(count));
        self.run = self.run.map(|(start, end)| (start.saturating_sub(count), end.saturating_sub(count)));
    }
}
