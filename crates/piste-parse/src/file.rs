//! A file of the evidence that is no log, as one row of `file.content`.
//!
//! In: its first bytes, and what sealing knows of it. Out: one row: path, size, hashes, kind by its first bytes, the time
//! that its archive gives it, and for pages what [`crate::page`] reads. A row has no event time: the time of a member of an
//! archive is a field of its own, since it says when the file was written, not what happened.

use piste_model::hash::record_hash;
use piste_model::locator::path_on_host;
use piste_model::schema::Role;

use crate::block::Block;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Format, Parsed, iisconfig, page, text};

/// Bytes of a file that are read into memory: rules see no more of it, and an issue names it.
pub const SCANNED_BYTES_MAX: usize = page::BYTES_MAX;

/// Bytes that a row's `record_hash` covers: so many are read again to show that the file is the same.
pub const HASHED_BYTES_MAX: usize = 6 << 20;

/// What sealing knows of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Its size; `None` where only a part is at hand.
    pub bytes: Option<u64>,
    /// SHA-256 of the whole, 64 hex digits, or empty.
    pub sha256: String,
    /// MD5 of the whole, 32 hex digits, or empty.
    pub md5: String,
    /// SHA-1 of the whole, 40 hex digits, or empty.
    pub sha1: String,
    /// When its archive says it was last written: RFC 3339 where the zone is known, else as the archive has it.
    pub modified: String,
    /// Its lines are to be rows too.
    pub lines: bool,
}

/// The hash of a file's row.
pub fn row_hash(bytes: &[u8]) -> piste_model::hash::RecordHash {
    record_hash(bytes.get(..bytes.len().min(HASHED_BYTES_MAX)).unwrap_or_default())
}

/// Makes the row of a file from its first block, and rows of the lines of a text from this and the further ones.
pub fn parse(format: Format, block: &Block, cx: &Context<'_>, facts: &FileFacts) -> Parsed {
    parse_cut(format, block, cx, facts, SCANNED_BYTES_MAX)
}

/// With a beginning of so many bytes.
pub(crate) fn parse_cut(
    format: Format,
    block: &Block,
    cx: &Context<'_>,
    facts: &FileFacts,
    whole_bytes: usize,
) -> Parsed {
    if block.offset > 0 {
        return text::parse(block, cx);
    }
    // A page is a record of what a server runs; of any other file the row only says what it is.
    let records = u64::from(format == Format::WebPage);
    let mut parsed = Parsed { records, ..Parsed::default() };
    let name = name_of(cx.path);
    let mut fields = Fields::default();
    let mut push = |name: &str, value: &str| {
        if !value.is_empty() {
            fields.push(name, value, Role::Data);
        }
    };
    push("Path", cx.path);
    push("ServerPath", &path_on_host(cx.path).unwrap_or_default());
    push("FileName", name);
    push("Extension", &extension_of(name));
    push("Size", &facts.bytes.map(|bytes| bytes.to_string()).unwrap_or_default());
    push("SHA256", &facts.sha256);
    push("SHA1", &facts.sha1);
    push("MD5", &facts.md5);
    push("FileModified", &facts.modified);
    let kind = if format == Format::WebPage {
        page::read(block, cx, name, &mut parsed, &mut push)
    } else if let Some(kind) = page::hidden_in(block, cx, name, &mut parsed, &mut push) {
        kind
    } else {
        kind(format, &block.bytes).words
    };
    push("Kind", kind);
    let head = Head {
        dataset: Some(page::DATASET),
        channel: "",
        provider: "",
        event_code: None,
        time: None,
        time_basis: "",
        host: cx.host_or_hint(""),
        record: 1,
        offset: 0,
        hash: row_hash(&block.bytes),
    };
    let mut rows = Rows::new(cx.sources, cx.evidence);
    rows.push(&head, &fields);
    if kind == page::CONFIGURATION {
        iisconfig::read(block, cx, &mut parsed, &mut rows);
    }
    if facts.lines && text::encoding_of(&block.bytes).is_some() {
        text::push_lines(block, whole_bytes, cx, &mut rows);
        if let Some(bytes) = facts.bytes.filter(|bytes| *bytes > text::TEXT_BYTES_MAX) {
            parsed.issues.push(text::too_long(cx, bytes));
        }
    }
    parsed.take_rows(cx, 0, rows);
    parsed
}

/// The last part of a locator.
pub fn name_of(path: &str) -> &str {
    path.rsplit(['/', '\\', '!']).next().unwrap_or(path)
}

/// What follows a name's last dot, in lower case; empty if there is none.
pub fn extension_of(name: &str) -> String {
    name.rsplit_once('.').map_or(String::new(), |(_, end)| end.to_ascii_lowercase())
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As the row says it.
    pub words: &'static str,
    /// As scanners that use YARA call it in their `filetype` variable; empty for none.
    pub filetype: &'static str,
}

const fn known(words: &'static str, filetype: &'static str) -> Kind {
    Kind { words, filetype }
}

/// Kinds by the bytes that a file begins with. Sources: the formats' own specifications.
const MAGICS: &[(&[u8], Kind)] = &[
    (b"\x7fELF", known("ELF executable", "ELF")),
    (b"\xca\xfe\xba\xbe", known("Java class", "CLASS")),
    (b"%PDF", known("PDF", "PDF")),
    (b"{\\rtf", known("RTF", "RTF")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", known("OLE compound document", "OLE")),
    (b"GIF8", known("picture", "GIF")),
    (b"\xff\xd8\xff", known("picture", "JPG")),
    (b"\x89PNG", known("picture", "PNG")),
    (b"MDMP", known("memory dump of a process", "MDMP")),
    (b"PAGEDU", known("memory dump of a system", "DMP")),
    (b"PK\x03\x04", known("zip archive", "ZIP")),
    (b"Rar!\x1a\x07", known("RAR archive", "RAR")),
    (b"7z\xbc\xaf\x27\x1c", known("7-Zip archive", "7ZIP")),
    (b"MSCF", known("cabinet", "CAB")),
    (b"\x1f\x8b\x08", known("gzip stream", "GZIP")),
    (b"BM", known("picture", "BMP")),
    (b"#!", known("script", "SCRIPT")),
];

/// What a file is, by its format and its first bytes.
pub fn kind(format: Format, bytes: &[u8]) -> Kind {
    match format {
        Format::Pe => pe_kind(bytes),
        Format::Hive => known("registry hive", "HIVE"),
        Format::Ese => known("ESE database", "ESE"),
        Format::Sqlite => known("SQLite database", "SQLITE"),
        Format::Evtx => known("Windows event log", "EVTX"),
        Format::Xml => known("XML", "XML"),
        Format::Json | Format::JsonLines | Format::JsonArray | Format::JsonObjects => known("JSON", "JSON"),
        Format::Empty => known("empty", ""),
        _ => match MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            Some((_, kind)) => *kind,
            None if let Format::Reader(id) = format => known(id.get().words, id.get().filetype),
            None if let Format::Artefact(artefact) = format => known(artefact.words(), artefact.filetype()),
            None if format == Format::Unknown => known("data", ""),
            None => known("text", "ASCII"),
        },
    }
}

/// Whether a PE file is a program or a library, and whether .NET runs it. Source: Microsoft's PE Format.
fn pe_kind(bytes: &[u8]) -> Kind {
    let u16_at = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk::<2>()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
    let read = || {
        let header = usize::try_from(u32_at(0x3c)?).ok()?;
        let signature = bytes.get(header..)?.first_chunk::<4>()?;
        if signature != b"PE\0\0" {
            return None;
        }
        let library = u16_at(header.checked_add(22)?)? & 0x2000 != 0;
        let optional = header.checked_add(24)?;
        let directories = if u16_at(optional)? == 0x20b { 112 } else { 96 };
        let managed = u32_at(optional.checked_add(directories + 14 * 8)?).is_some_and(|at| at != 0);
        Some((library, managed))
    };
    let words = match read() {
        Some((true, true)) => ".NET library",
        Some((false, true)) => ".NET program",
        Some((true, false)) => "Windows library",
        Some((false, false)) => "Windows program",
        None => "DOS program or damaged PE",
    };
    known(words, "EXE")
}

#[cfg(test)]
mod tests {
    use piste_model::EvidenceId;
    use piste_model::sources::Sources;

    use super::*;
    use crate::Splitter;

    fn shown(name: &str, format: Format, mut bytes: &[u8]) -> String {
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: name, sources: &sources, host_hint: Some("MX01") };
        let mut splitter = Splitter::of_file(Format::WebPage);
        let facts = FileFacts {
            bytes: Some(bytes.len() as u64),
            sha256: "aa".repeat(32),
            md5: "bb".repeat(16),
            sha1: "cc".repeat(20),
            modified: "2021-03-03T00:40:13Z".to_owned(),
            lines: false,
        };
        let block = splitter.next_block(&mut bytes).expect("reads").expect("one block");
        let parsed = parse(format, &block, &cx, &facts);
        assert_eq!((parsed.records, parsed.issues.len()), (0, 0));
        format!("{:?}", parsed.batches.iter().map(|batch| &batch.rows).collect::<Vec<_>>())
    }

    #[test]
    fn a_file_of_any_kind_is_a_row_with_its_hashes_and_time() {
        let row = shown("a.zip!Windows/x.exe", Format::Pe, b"MZ damaged");
        for word in ["x.exe", "DOS program or damaged PE", "MX01", "2021-03-03T00:40:13Z", "bbbb", "cccc"] {
            assert!(row.contains(word), "{word} in {row}");
        }
    }

    #[test]
    fn a_long_page_has_the_hash_of_the_whole_where_sealing_knows_it() {
        let mut text = b"<?php echo 1;".to_vec();
        text.resize(page::BYTES_MAX + 10, b' ');
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: "x.php", sources: &sources, host_hint: None };
        let block = Splitter::of_file(Format::WebPage)
            .next_block(&mut text.as_slice())
            .expect("reads")
            .expect("a block");
        let facts = FileFacts { sha256: "aa".repeat(32), ..FileFacts::default() };
        let parsed = parse(Format::WebPage, &block, &cx, &facts);
        assert_eq!(parsed.issues.len(), 1);
        assert!(format!("{:?}", parsed.batches).contains("SHA256"));
    }

    #[test]
    fn pe_headers_tell_programs_libraries_and_dotnet_apart() {
        let pe = |characteristics: u16, magic: u16, clr: u32| {
            let mut bytes = vec![0; 0x200];
            bytes[..2].copy_from_slice(b"MZ");
            bytes[0x3c] = 0x40;
            bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
            bytes[0x56..0x58].copy_from_slice(&characteristics.to_le_bytes());
            bytes[0x58..0x5a].copy_from_slice(&magic.to_le_bytes());
            let at = 0x58 + if magic == 0x20b { 112 } else { 96 } + 112;
            bytes[at..at + 4].copy_from_slice(&clr.to_le_bytes());
            kind(Format::Pe, &bytes).words
        };
        assert_eq!(pe(0x2002, 0x20b, 0), "Windows library");
        assert_eq!(pe(0x0002, 0x10b, 0), "Windows program");
        assert_eq!(pe(0x2002, 0x10b, 0x2000), ".NET library");
        assert_eq!(pe(0x0002, 0x20b, 0x2000), ".NET program");
        assert_eq!(kind(Format::Pe, b"MZ").words, "DOS program or damaged PE");
        assert_eq!(kind(Format::Text, b"hello").filetype, "ASCII");
        assert_eq!(kind(Format::Unknown, b"\x7fELF\x02").words, "ELF executable");
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), at in 0_u32..500) {
            if let Some(place) = bytes.get_mut(0x3c..0x40) {
                place.copy_from_slice(&at.to_le_bytes());
            }
            kind(Format::Pe, &bytes);
        }
    }
}
