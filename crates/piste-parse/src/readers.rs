//! The registry of artefacts that are read: one line a format.
//!
//! In: a file's first bytes and its name. Out: which of them it is, how it is cut, and what parses it. A format is its folder and its
//! line here: no other code knows it by name. Those whose content tells them come first; the texts are asked only of what
//! [`crate::sniff`] takes for plain text, JSON, XML, a table or nothing known.

use std::io;
use std::sync::Arc;

use piste_model::Evidence;

use crate::block::Block;
use crate::random_access::{Companion, Opened, ReadAt};
use crate::sniff::Format;
use crate::{
    Context, Parsed, cbs, defender, directory, ese, evt, jumplist, lnk, ntfs, pfirewall, prefetch, psh,
    recycle, regf, setupapi, task, velociraptor, weblog, wer, wmi,
};

type Parse = fn(&Block, &Context<'_>) -> Parsed;
type Open = fn(Arc<dyn ReadAt>, &[Companion], &Context<'_>) -> io::Result<Opened>;

/// How a file is taken apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// It is read as one block.
    Whole(Parse),
    /// It is cut as this format is.
    As(Format, Parse),
    /// It is opened, and asked for bytes by offset.
    AtRandom(Open),
}

/// A format that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    /// The name in `evidence.jsonl`.
    pub(crate) name: &'static str,
    /// As the row of a file says it.
    pub(crate) words: &'static str,
    /// As scanners that use YARA call it in their `filetype` variable; empty for none.
    pub(crate) filetype: &'static str,
    /// Whether a file that begins so and is called so is one.
    recognise: fn(&[u8], &str) -> bool,
    /// How it is taken apart.
    pub(crate) cut: Cut,
    /// Names of the files that belong to one of this name, in lower case; `../` leads to the folder above.
    pub(crate) companions: fn(&str) -> Vec<String>,
}

/// A reader by its place in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(u8);

const fn whole(
    name: &'static str,
    words: &'static str,
    recognise: fn(&[u8], &str) -> bool,
    parse: Parse,
) -> Reader {
    reader(name, words, recognise, Cut::Whole(parse))
}

const fn cut_as(
    name: &'static str,
    words: &'static str,
    recognise: fn(&[u8], &str) -> bool,
    format: Format,
    parse: Parse,
) -> Reader {
    reader(name, words, recognise, Cut::As(format, parse))
}

const fn at_random(
    name: &'static str,
    words: &'static str,
    recognise: fn(&[u8], &str) -> bool,
    open: Open,
) -> Reader {
    reader(name, words, recognise, Cut::AtRandom(open))
}

const fn reader(
    name: &'static str,
    words: &'static str,
    recognise: fn(&[u8], &str) -> bool,
    cut: Cut,
) -> Reader {
    Reader { name, words, filetype: "", recognise, cut, companions: alone }
}

impl Reader {
    const fn scanned_as(self, filetype: &'static str) -> Self {
        Self { filetype, ..self }
    }

    const fn with(self, companions: fn(&str) -> Vec<String>) -> Self {
        Self { companions, ..self }
    }
}

/// Lines without a header.
const LINES: Format = Format::Text;

const READERS: &[Reader] = &[
    at_random("regf", "registry hive", regf::recognise, regf::open).scanned_as("HIVE").with(transaction_logs),
    at_random("ese", "ESE database", ese::recognise, ese::open).scanned_as("ESE").with(server_identity),
    at_random("wmi", "WMI repository", wmi::recognise, wmi::open).with(repository),
    at_random("mft", "master file table", is_mft, ntfs::open_mft).scanned_as("MFT"),
    at_random("usn", "change journal", ntfs::recognise_usn, ntfs::open_usn).with(file_table),
    at_random("ntfs-index", "NTFS folder index", is_index, ntfs::open_index),
    at_random("evt", "Windows event log of XP", evt::recognise, evt::open),
    whole("prefetch", "prefetch file", prefetch::recognise, prefetch::parse_file).scanned_as("PF"),
    whole("lnk", "shortcut", lnk::recognise, lnk::parse_file).scanned_as("LNK"),
    whole("jump-list", "jump list", jumplist::recognise, jumplist::parse_file),
    whole("recycle-bin", "recycle bin entry", recycle::recognise, recycle::parse_file),
    whole("task", "scheduled task", task::recognise, task::parse_file),
    whole("task-job", "scheduled task", task::recognise_job, task::parse_job),
    whole("defender-history", "detection of Defender", defender::recognise_history, defender::parse_history),
    whole(
        "defender-quarantine",
        "quarantine entry",
        defender::recognise_quarantine,
        defender::parse_quarantine,
    ),
    whole("wer", "error report", wer::recognise, wer::parse_file),
    whole("transcript", "PowerShell transcript", psh::transcript::recognise, psh::transcript::parse_file),
    whole("powershell-history", "PowerShell history", psh::history::recognise, psh::history::parse_file),
    whole("setupapi", "device installation log", setupapi::recognise, setupapi::parse_file),
    cut_as("cbs", "servicing log", cbs::recognise, LINES, cbs::parse_lines),
    cut_as("pfirewall", "firewall log", pfirewall::recognise, Format::IisW3c, pfirewall::parse_lines),
    cut_as("ncsa", "web log in NCSA's form", weblog::recognise_ncsa, LINES, weblog::parse_ncsa),
    cut_as("iis-native", "web log in IIS's own form", weblog::recognise_native, LINES, weblog::parse_native),
    at_random("defender-log", "log of Defender", defender::recognise_log, defender::open_log),
    at_random("directory-text", "directory export", directory::recognise, directory::open),
    cut_as(
        "directory-table",
        "directory export",
        directory::recognise_table,
        Format::EventCsv,
        directory::parse_records,
    ),
    cut_as(
        "directory-json",
        "directory export",
        directory::recognise_wrapped,
        Format::JsonWrapped,
        directory::parse_elements,
    ),
    cut_as(
        "directory-json-array",
        "directory export",
        directory::recognise_array,
        Format::JsonArray,
        directory::parse_elements,
    ),
    cut_as(
        "velociraptor-json",
        "results of Velociraptor",
        velociraptor::recognise_json,
        LINES,
        velociraptor::parse_json,
    ),
    cut_as(
        "velociraptor-csv",
        "results of Velociraptor",
        velociraptor::recognise_csv,
        Format::EventCsv,
        velociraptor::parse_csv,
    ),
];

/// A file that stands alone.
fn alone(_name: &str) -> Vec<String> {
    Vec::new()
}

/// A record of a file, as Windows writes it since XP.
fn is_mft(head: &[u8], _name: &str) -> bool {
    head.starts_with(b"FILE")
}

/// A block of a folder's index.
fn is_index(head: &[u8], _name: &str) -> bool {
    head.starts_with(b"INDX")
}

/// A hive's transaction logs: one until Windows Vista, two since.
fn transaction_logs(name: &str) -> Vec<String> {
    ["log1", "log2", "log"].map(|end| format!("{name}.{end}")).into()
}

/// The table of the same volume: a journal names files by their numbers in it. The journal lies in a folder of the volume's.
fn file_table(_name: &str) -> Vec<String> {
    ["../$mft", "../%24mft", "$mft", "%24mft"].map(str::to_owned).into()
}

/// The database that says whose access logs lie beside it.
fn server_identity(name: &str) -> Vec<String> {
    let database = name.rsplit_once('.').is_some_and(|(_, end)| end == "mdb");
    let other = database && name != "systemidentity.mdb";
    if other { vec!["systemidentity.mdb".to_owned()] } else { Vec::new() }
}

/// Index and maps of a repository.
fn repository(_name: &str) -> Vec<String> {
    ["index.btr", "mapping1.map", "mapping2.map", "mapping3.map"].map(str::to_owned).into()
}

/// What the sniffer takes a file for that only a reader here can tell better.
fn is_open(format: Format) -> bool {
    matches!(
        format,
        Format::Unknown
            | Format::Text
            | Format::Xml
            | Format::Json
            | Format::JsonLines
            | Format::JsonArray
            | Format::JsonObjects
            | Format::JsonWrapped
            | Format::EventCsv
            | Format::W3cOther
            | Format::Syslog
    )
}

/// The format that a reader here takes a file for which the sniffer took for `format`; that one, where none does.
pub(crate) fn or_reader(format: Format, head: &[u8], name: &str) -> Format {
    let open = is_open(format);
    let mut readers = (0..).zip(READERS);
    let found = readers.find(|(_, one)| (open || one.name == format.name()) && (one.recognise)(head, name));
    found.map_or(format, |(at, _)| Format::Reader(ReaderId(at)))
}

impl ReaderId {
    /// The reader.
    pub(crate) fn get(self) -> &'static Reader {
        // The registry is not empty, and an id is only ever made from a place in it.
        READERS.get(usize::from(self.0)).unwrap_or(&FIRST)
    }
}

const FIRST: Reader = whole("task", "scheduled task", task::recognise, task::parse_file);

impl Format {
    /// The reader's format that `evidence.jsonl` calls so.
    pub fn reader_called(name: &str) -> Option<Self> {
        (0..).zip(READERS).find(|(_, one)| one.name == name).map(|(at, _)| Self::Reader(ReaderId(at)))
    }

    /// The format as which its files are cut into blocks.
    #[must_use]
    pub fn cut_as(self) -> Self {
        match self {
            Self::Reader(id) => match id.get().cut {
                Cut::Whole(_) | Cut::AtRandom(_) => Self::HealthChecker,
                Cut::As(format, _) => format,
            },
            other => other,
        }
    }

    /// Whether its files are opened, not cut into blocks.
    pub fn is_read_at_random(self) -> bool {
        matches!(self, Self::Reader(id) if matches!(id.get().cut, Cut::AtRandom(_)))
    }

    /// Names that files belonging to the one called `name` have in the same folder, in lower case.
    pub fn companion_names(self, name: &str) -> Vec<String> {
        match self {
            Self::Reader(id) => (id.get().companions)(name),
            _ => Vec::new(),
        }
    }

    /// Whether it is an artefact whose records are read and which is looked at as a file too, as indicators and YARA rules do.
    pub fn is_artefact(self) -> bool {
        matches!(self, Self::Reader(_))
    }
}

/// Formats of which every sound file has a record.
const NEVER_EMPTY: [&str; 9] =
    ["regf", "ese", "mft", "usn", "ntfs-index", "evt", "prefetch", "lnk", "task-job"];

/// Whether a file that was read gave nothing, though its kind always has something.
pub fn gave_nothing(evidence: &Evidence) -> bool {
    let format = evidence.format.as_str();
    // The places of a table are counted whatever stands in them.
    let records = if format == "mft" { 0 } else { evidence.records_read };
    records == 0 && evidence.rows == 0 && NEVER_EMPTY.contains(&format)
}

/// Parses one block of a file that is cut.
pub(crate) fn parse_block(id: ReaderId, block: &Block, cx: &Context<'_>) -> Parsed {
    match id.get().cut {
        Cut::Whole(parse) | Cut::As(_, parse) => parse(block, cx),
        Cut::AtRandom(_) => Parsed::default(),
    }
}

/// Opens a file of a format that is read at random.
///
/// # Errors
/// Where nothing can be made of it, or what the medium answers.
pub fn open(
    format: Format,
    content: Arc<dyn ReadAt>,
    companions: &[Companion],
    cx: &Context<'_>,
) -> io::Result<Opened> {
    match format {
        Format::Reader(id) if let Cut::AtRandom(open) = id.get().cut => open(content, companions, cx),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is not read at random")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_lead_back() {
        for (at, one) in READERS.iter().enumerate() {
            assert_eq!(READERS.iter().position(|other| other.name == one.name), Some(at), "{}", one.name);
            assert_eq!(Format::reader_called(one.name).map(Format::name), Some(one.name));
        }
        assert_eq!(Format::reader_called("evtx"), None);
    }

    #[test]
    fn what_another_reader_knows_is_left_to_it() {
        assert_eq!(or_reader(Format::Evtx, b"regf", "x"), Format::Evtx);
        assert_eq!(or_reader(Format::Hive, b"no hive", "x"), Format::Hive);
    }
}
