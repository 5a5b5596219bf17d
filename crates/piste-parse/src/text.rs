//! The lines of a file that no parser takes apart, for searching: scripts, what was typed, configuration, mail, pages, reports.
//!
//! In: the blocks of a file of text. Out: one row a line, dataset `file.text`: `Text`, the line's number as `record`, its
//! offset. A line longer than [`PIECE_BYTES`] is several rows that overlap by [`OVERLAP_BYTES`], so that what lies on the
//! seam is found too. Rows have no time. UTF-8, Windows-1252 and UTF-16 of either order, with its mark or without, are told
//! by the first bytes; where these are no text there are no rows.

use piste_model::Issue;
use piste_model::evidence::{Evidence, EvidenceState};
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::block::{Block, Encoding};
use crate::rows::{Head, Rows};
use piste_page::charset;

use crate::{Context, Format, Parsed};

/// Dataset of the rows.
pub const DATASET: &str = "file.text";
/// Bytes of one row's text.
pub const PIECE_BYTES: usize = 8 << 10;
/// Bytes that a row shares with the one before it, where a line is longer than one row.
const OVERLAP_BYTES: usize = 512;
/// Bytes of a file whose lines are rows; an issue names a longer one.
pub const TEXT_BYTES_MAX: u64 = 1 << 30;
/// Bytes that tell the encoding.
pub const HEAD_BYTES: usize = 4_096;

/// Formats that are text and whose records no parser takes, as `evidence.jsonl` names them.
const TEXTS: [Format; 6] =
    [Format::Text, Format::Xml, Format::Json, Format::Zeek, Format::W3cOther, Format::WebPage];

/// Formats of rows in which collectors write what is of their own, which is searched as text.
const WRITTEN_BY_TOOLS: [Format; 8] = [
    Format::JsonWrapped,
    Format::EventCsv,
    Format::JsonLines,
    Format::JsonArray,
    Format::JsonObjects,
    Format::ListingCsv,
    Format::ListingJson,
    Format::Syslog,
];

impl Format {
    /// Whether its bytes are text that can be searched line by line.
    pub fn is_text(self) -> bool {
        TEXTS.contains(&self)
            || (self != Self::Evtx && !self.is_artefact() && self.treatment() == crate::Treatment::Rows)
    }
}

/// Whether indicators and `piste search` see what is in a file: its rows, or its lines as text. Of an archive its members are
/// seen or not, each for itself; of a copy the file that stands for it.
pub fn is_searched(evidence: &Evidence) -> bool {
    match evidence.state {
        EvidenceState::Read | EvidenceState::Container | EvidenceState::Same => true,
        EvidenceState::Unread => false,
        EvidenceState::NotParsed => {
            let texts = TEXTS.iter().chain(&WRITTEN_BY_TOOLS);
            evidence.bytes == 0 || texts.into_iter().any(|format| format.name() == evidence.format)
        }
    }
}

/// How a file of text that begins so is to be read; `None` for what is no text.
pub fn encoding_of(head: &[u8]) -> Option<Encoding> {
    let head = head.get(..head.len().min(HEAD_BYTES)).unwrap_or_default();
    match charset::width(head) {
        Some(wide) if wide.little => Some(Encoding::Utf16Le),
        Some(_) => Some(Encoding::Utf16Be),
        None => (!head.contains(&0)).then_some(Encoding::Utf8),
    }
}

/// Where the row that begins with these bytes ends: at its line's end, or when it is full, between two signs.
pub fn piece_bytes(bytes: &[u8], encoding: Encoding) -> usize {
    let window = bytes.get(..bytes.len().min(PIECE_BYTES + 4)).unwrap_or_default();
    let line = encoding.next_line(window).0;
    if line <= PIECE_BYTES { line } else { between_signs(bytes, PIECE_BYTES, encoding) }
}

/// The last place up to `at` that lies between two signs.
fn between_signs(bytes: &[u8], at: usize, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => {
            let inside = |at: usize| bytes.get(at).is_some_and(|byte| (0x80..0xc0).contains(byte));
            (at.saturating_sub(3)..=at).rev().find(|at| !inside(*at)).unwrap_or(at)
        }
        Encoding::Utf16Le | Encoding::Utf16Be => at & !1,
    }
}

/// Where the row after a full one begins, from where that one began.
fn next_start(bytes: &[u8], end: usize, encoding: Encoding) -> usize {
    between_signs(bytes, end.saturating_sub(OVERLAP_BYTES), encoding)
}

/// Where a block ends that is to be cut from bytes after which the file goes on, and where the next one begins: behind the last
/// whole line, or in one that has no end, behind the last full row.
pub(crate) fn cut(bytes: &[u8], encoding: Encoding) -> (usize, usize) {
    if let Some(end) = encoding.last_line_end(bytes) {
        return (end, end);
    }
    let (mut at, mut cut) = (0, (bytes.len(), bytes.len()));
    while bytes.len() - at > PIECE_BYTES + 4 {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = piece_bytes(rest, encoding);
        cut = (at + end, at + next_start(rest, end, encoding));
        at = cut.1;
    }
    cut
}

/// The rows of one block. Of a file's first block, which rules see as a whole, the end may belong to the next.
pub(crate) fn push_lines(block: &Block, limit: usize, cx: &Context<'_>, rows: &mut Rows<'_>) {
    let encoding = block.encoding;
    let bytes = match block.bytes.get(..limit) {
        Some(first) if block.bytes.len() > limit => first.get(..cut(first, encoding).0).unwrap_or_default(),
        _ => block.bytes.as_slice(),
    };
    for ((at, line), number) in encoding.raw_lines(bytes).zip(block.first_line..) {
        let offset = block.offset + at as u64;
        let mark = if offset == 0 { encoding.mark_bytes(line) } else { 0 };
        push_line(line.get(mark..).unwrap_or_default(), offset + mark as u64, number, encoding, cx, rows);
    }
}

fn push_line(
    line: &[u8],
    offset: u64,
    number: u64,
    encoding: Encoding,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let mut at = 0;
    while at < line.len() {
        let rest = line.get(at..).unwrap_or_default();
        let end = piece_bytes(rest, encoding);
        let raw = rest.get(..end).unwrap_or_default();
        let text = encoding.decode(raw);
        if !text.trim().is_empty() {
            let head = Head {
                dataset: Some(DATASET),
                channel: "",
                provider: "",
                event_code: None,
                time: None,
                time_basis: "",
                host: cx.host_or_hint(""),
                record: i64::try_from(number).unwrap_or(i64::MAX),
                offset: offset + at as u64,
                hash: record_hash(raw),
            };
            if let Some(mut row) = rows.open(&head, 0) {
                row.field(0, "Text", &text, Role::Data);
                row.close();
            }
        }
        if end >= rest.len() || end == 0 {
            return;
        }
        at += next_start(rest, end, encoding).max(1);
    }
}

/// The rows of a block behind the first.
pub(crate) fn parse(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    push_lines(block, usize::MAX, cx, &mut rows);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Of a file this long only the beginning has rows.
pub(crate) fn too_long(cx: &Context<'_>, bytes: u64) -> Issue {
    Issue::new(
        "text-too-long",
        cx.path,
        format!("this file of text has {bytes} bytes; the lines behind the first {TEXT_BYTES_MAX} were not searched"),
        "an indicator that stands only there was not seen",
        "search its end by hand: tail -c +1073741825 FILE | grep -F -f INDICATORS",
    )
    .of(cx.evidence)
    .at(TEXT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use piste_model::EvidenceId;
    use piste_model::hash::hex;
    use piste_model::sources::Sources;

    use super::*;
    use crate::Splitter;
    use crate::file::{self, FileFacts};

    type Shown = BTreeMap<u64, (i64, String)>;

    /// By offset: line and text of each row, read in blocks of about this size after a first one of this size.
    fn rows(mut bytes: &[u8], size: usize) -> Shown {
        let all = bytes;
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: "x.txt", sources: &sources, host_hint: None };
        let facts = FileFacts { lines: true, ..FileFacts::default() };
        let mut splitter = Splitter::of_file_cut(Format::Text, size);
        let mut shown = Shown::new();
        while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
            for batch in file::parse_cut(Format::Text, &block, &cx, &facts, size).batches {
                if batch.shape.dataset != DATASET {
                    continue;
                }
                for at in 0..batch.rows.num_rows() {
                    let row = crate::testing::row_of(&batch.rows, at);
                    let offset = row["offset"].parse::<u64>().expect("a number");
                    let rest = &all[usize::try_from(offset).expect("small")..];
                    let encoding = encoding_of(all).expect("text");
                    let again = hex(&record_hash(&rest[..piece_bytes(rest, encoding)]));
                    assert_eq!(row["record_hash"], again, "the row's bytes are found again from its offset");
                    let line = row["record"].parse().expect("a number");
                    assert!(
                        shown.insert(offset, (line, row["Text"].clone())).is_none(),
                        "no row stands twice"
                    );
                }
            }
        }
        shown
    }

    fn wide(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        let units = text.encode_utf16();
        if big {
            units.flat_map(u16::to_be_bytes).collect()
        } else {
            units.flat_map(u16::to_le_bytes).collect()
        }
    }

    #[test]
    fn lines_of_every_encoding_are_rows_with_number_and_offset() {
        let text = "Invoke-WebRequest http://203.0.113.7/x\r\n\r\nwhoami /all; net user \u{e9}\u{1f600}\r\nlast one, without an end";
        let expected = [
            "Invoke-WebRequest http://203.0.113.7/x",
            "whoami /all; net user \u{e9}\u{1f600}",
            "last one, without an end",
        ];
        for (bytes, scale, mark) in [
            (text.as_bytes().to_vec(), 1, 0),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), 1, 3),
            (wide(text, false, true), 2, 2),
            (wide(text, true, true), 2, 2),
            (wide(text, false, false), 2, 0),
            (wide(text, true, false), 2, 0),
        ] {
            let found = rows(&bytes, 1 << 20);
            let texts: Vec<&str> = found.values().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expected);
            assert_eq!(found.values().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 4]);
            assert_eq!(found.keys().next(), Some(&mark));
            assert_eq!(found.keys().nth(1), Some(&(mark + 42 * scale)));
        }
        let old = rows(b"caf\xe9 bob\nx", 1 << 20);
        assert_eq!(old[&0].1, "caf\u{e9} bob");
        assert_eq!(rows(b"MZ\0\0binary\n", 1 << 20), Shown::new());
    }

    #[test]
    fn a_long_line_is_rows_that_overlap_wherever_the_file_is_cut() {
        for unit in ["x", "\u{e9}\u{1f600}a"] {
            let long =
                format!("first\n{}EVIL203.0.113.7EVIL{}\nlast\n", unit.repeat(9_000), unit.repeat(40_000));
            for bytes in [long.clone().into_bytes(), wide(&long, false, true)] {
                let whole = rows(&bytes, 1 << 24);
                assert!(whole.values().any(|(_, text)| text.contains("EVIL203.0.113.7EVIL")));
                assert!(whole.values().all(|(_, text)| !text.contains('\u{fffd}')));
                for size in [PIECE_BYTES * 2, 30_000, 64_001] {
                    assert_eq!(rows(&bytes, size), whole, "{size}");
                }
            }
        }
    }

    #[test]
    fn what_is_searched_is_known_by_state_and_format() {
        assert!(Format::Text.is_text() && Format::JsonLines.is_text() && Format::WebPage.is_text());
        assert!(!Format::Pe.is_text() && !Format::Evtx.is_text() && !Format::Hive.is_text());
        let evidence = |state, format: Format| Evidence {
            id: EvidenceId(1),
            path: "x".to_owned(),
            format: format.name().to_owned(),
            bytes: 1,
            sha256: String::new(),
            host: None,
            host_known: piste_model::HostKnown::default(),
            collection: String::new(),
            host_by_place: piste_model::HostByPlace::default(),
            shadow_copy: None,
            records_read: 0,
            rows: 0,
            duplicates: 0,
            first: None,
            last: None,
            damage: Vec::new(),
            state,
            same_as: None,
            origin: None,
            md5: None,
            sha1: None,
        };
        assert!(is_searched(&evidence(EvidenceState::NotParsed, Format::Text)));
        assert!(is_searched(&evidence(EvidenceState::NotParsed, Format::JsonLines)));
        assert!(!is_searched(&evidence(EvidenceState::NotParsed, Format::Hive)));
        assert!(!is_searched(&evidence(EvidenceState::Unread, Format::Text)));
        assert!(is_searched(&evidence(EvidenceState::Read, Format::Evtx)));
    }
}
