//! What a file is, by its first bytes; its name is only a hint where the bytes do not decide.
//!
//! In: the first [`HEAD_BYTES`] of a file and its name. Out: its format, and what Piste does with it. Renamed evidence is
//! read all the same, and a text file called `.evtx` is not.

mod pages;

use self::pages::{extension_is, is_page, is_page_name};
use crate::artefact::{self, Artefact};
use crate::header::Header;
use crate::readers::{ReaderId, or_reader};
use crate::tags::Tag;
use piste_page::charset;

use crate::{exchange, export, healthchecker, listing, nps, syslog, wrapped};

/// Bytes of a file that [`sniff`] looks at.
pub const HEAD_BYTES: usize = 16_384;

/// What a file's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// No byte at all.
    Empty,
    /// Windows event log of Vista and later.
    Evtx,
    /// Windows events, one JSON object a line.
    JsonLines,
    /// Windows events, an array of JSON objects.
    JsonArray,
    /// Windows events, JSON objects one after another, each over many lines.
    JsonObjects,
    /// Windows events or a service's records, in a list inside one JSON answer.
    JsonWrapped,
    /// Windows events in XML.
    EventXml,
    /// Objects of `Get-WinEvent` as PowerShell's `Export-Clixml` writes them.
    CliXml,
    /// A table of events in CSV.
    EventCsv,
    /// Access log of IIS, in W3C's extended format.
    IisW3c,
    /// Error log of `http.sys`, in the same.
    HttpErr,
    /// Log of another product in W3C's extended format.
    W3cOther,
    /// Text log of Exchange: `HttpProxy`, ECP, message tracking and their like.
    ExchangeLog,
    /// Log of Exchange's Setup.
    ExchangeSetup,
    /// Log of Microsoft's mitigation tools, EOMT and its like.
    MitigationLog,
    /// What `HealthChecker` wrote of an Exchange server.
    HealthChecker,
    /// Accounting log of Microsoft's RADIUS server.
    Nps,
    /// Lines of network devices: syslog, CEF, LEEF, pairs.
    Syslog,
    /// Table of files: `MFTECmd`, PowerShell, Velociraptor.
    ListingCsv,
    /// Bodyfile of The Sleuth Kit.
    Bodyfile,
    /// Text of `dir /s`.
    DirListing,
    /// Files as Velociraptor lists them, one JSON object a line.
    ListingJson,
    /// A zip archive.
    Zip,
    /// One gzip stream.
    Gzip,
    /// One Zstandard stream.
    Zstd,
    /// 7-Zip archive.
    SevenZip,
    /// RAR archive.
    Rar,
    /// Microsoft cabinet.
    Cabinet,
    /// One xz stream.
    Xz,
    /// One LZ4 stream.
    Lz4,
    /// One bzip2 stream.
    Bzip2,
    /// Image of a Windows installation or backup.
    Wim,
    /// Tape archive.
    Tar,
    /// EnCase image.
    Ewf,
    /// Hyper-V disk.
    Vhdx,
    /// Older Hyper-V disk.
    Vhd,
    /// VMware disk.
    Vmdk,
    /// QEMU disk.
    Qcow2,
    /// Disk of `VirtualBox`.
    Vdi,
    /// Logical image of FTK Imager.
    Ad1,
    /// Disk or volume, sector by sector.
    RawDisk,
    /// Windows event log of XP and 2003.
    Evt,
    /// Registry hive.
    Hive,
    /// Extensible storage database (SRUM, ntds.dit, edb).
    Ese,
    /// `SQLite` database.
    Sqlite,
    /// Windows executable or library.
    Pe,
    /// Zeek log.
    Zeek,
    /// Another artefact of a host, which is not read.
    Artefact(Artefact),
    /// An artefact that a reader of the registry reads.
    Reader(ReaderId),
    /// Page of a web server, or what holds one: script, handler, configuration.
    WebPage,
    /// Other JSON.
    Json,
    /// XML.
    Xml,
    /// Other text.
    Text,
    /// None of these.
    Unknown,
}

/// What Piste does with a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Parses its records into rows.
    Rows,
    /// Opens it and reads its members.
    Container,
    /// Should read it and cannot: the hint names the command that opens it.
    Unreadable(&'static str),
    /// Seals it and goes on.
    Seal,
}

impl Format {
    /// The name in `evidence.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Evtx => "evtx",
            Self::JsonLines => "jsonl",
            Self::JsonArray => "json-array",
            Self::JsonObjects => "json-objects",
            Self::JsonWrapped => "json-wrapped",
            Self::EventXml => "event-xml",
            Self::CliXml => "clixml",
            Self::EventCsv => "event-csv",
            Self::IisW3c => "iis-w3c",
            Self::HttpErr => "httperr",
            Self::W3cOther => "w3c-other",
            Self::ExchangeLog => "exchange-log",
            Self::ExchangeSetup => "exchange-setup",
            Self::MitigationLog => "eomt-log",
            Self::HealthChecker => "healthchecker",
            Self::Nps => "nps",
            Self::Syslog => "syslog",
            Self::ListingCsv => "listing-csv",
            Self::Bodyfile => "bodyfile",
            Self::DirListing => "dir-listing",
            Self::ListingJson => "listing-json",
            Self::Zip => "zip",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::SevenZip => "7z",
            Self::Rar => "rar",
            Self::Cabinet => "cab",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Bzip2 => "bzip2",
            Self::Wim => "wim",
            Self::Qcow2 => "qcow2",
            Self::Vdi => "vdi",
            Self::Ad1 => "ad1",
            Self::RawDisk => "raw-disk",
            Self::Tar => "tar",
            Self::Ewf => "ewf",
            Self::Vhdx => "vhdx",
            Self::Vhd => "vhd",
            Self::Vmdk => "vmdk",
            Self::Evt => "evt",
            Self::Hive => "regf",
            Self::Ese => "ese",
            Self::Sqlite => "sqlite",
            Self::Pe => "pe",
            Self::Zeek => "zeek",
            Self::Artefact(artefact) => artefact.name(),
            Self::Reader(id) => id.get().name,
            Self::WebPage => "web-page",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// Whether lines that begin with `#` say what the lines after them hold.
    pub(crate) fn has_header_lines(self) -> bool {
        matches!(self, Self::IisW3c | Self::HttpErr | Self::ExchangeLog)
    }

    /// What takes in each line for the lines after it, where rows depend on lines before them.
    pub(crate) fn follows_lines(self) -> Option<fn(&mut Header, &str)> {
        match self {
            Self::ListingCsv => Some(crate::listing::follow_csv),
            Self::DirListing => Some(crate::listing::follow_dir),
            Self::ExchangeSetup | Self::MitigationLog => Some(crate::exchange::setup::follow),
            Self::Zeek => Some(export::zeek::follow),
            _ => None,
        }
    }

    /// The XML elements that its records are.
    pub(crate) fn record_tag(self) -> Option<Tag> {
        match self {
            Self::EventXml => Some(export::EVENT),
            Self::CliXml => Some(export::OBJECT),
            _ => None,
        }
    }

    /// Whether its rows are files.
    pub fn lists_files(self) -> bool {
        matches!(self, Self::ListingCsv | Self::ListingJson | Self::Bodyfile | Self::DirListing)
    }

    /// Whether the file is one record, read as a whole.
    pub fn is_one_record(self) -> bool {
        matches!(self.cut_as(), Self::HealthChecker)
    }

    /// Bytes of the file's beginning that must tell which number of a date is the day; 0 where no date leaves that open.
    pub(crate) fn bytes_that_show_dates(self) -> usize {
        match self {
            Self::ListingCsv | Self::DirListing => 4 << 20,
            Self::ExchangeLog => 64 << 10,
            _ => 0,
        }
    }

    /// What Piste does with it.
    pub fn treatment(self) -> Treatment {
        match self {
            Self::Evtx
            | Self::JsonLines
            | Self::JsonArray
            | Self::JsonObjects
            | Self::JsonWrapped
            | Self::EventXml
            | Self::CliXml
            | Self::EventCsv
            | Self::Zeek
            | Self::IisW3c
            | Self::HttpErr
            | Self::ExchangeLog
            | Self::ExchangeSetup
            | Self::MitigationLog
            | Self::HealthChecker
            | Self::Nps
            | Self::Syslog
            | Self::ListingCsv
            | Self::Bodyfile
            | Self::DirListing
            | Self::ListingJson
            | Self::WebPage
            | Self::Reader(_) => Treatment::Rows,
            Self::Zip | Self::Gzip | Self::Zstd | Self::Tar => Treatment::Container,
            Self::Xz => Treatment::Unreadable("unpack it and give what comes out: xz -dk FILE"),
            Self::Lz4 => Treatment::Unreadable("unpack it and give what comes out: lz4 -dk FILE"),
            Self::Bzip2 => Treatment::Unreadable("unpack it and give what comes out: bzip2 -dk FILE"),
            Self::Wim => Treatment::Unreadable(
                "extract it and give the folder: wimapply FILE 1 FOLDER (or 7z x FILE -oFOLDER)",
            ),
            Self::Ad1 => {
                Treatment::Unreadable("open it with FTK Imager, export its files, and give the folder")
            }
            Self::RawDisk => Treatment::Unreadable(
                "mount it read-only and give the folder: mount -o ro,loop,norecovery,offset=BYTES FILE FOLDER (mmls FILE lists where partitions begin)",
            ),
            Self::SevenZip => Treatment::Unreadable("extract it and give the folder: 7z x FILE -oFOLDER"),
            Self::Rar => Treatment::Unreadable("extract it and give the folder: unrar x FILE FOLDER/"),
            Self::Cabinet => {
                Treatment::Unreadable("extract it and give the folder: cabextract -d FOLDER FILE")
            }
            Self::Ewf => Treatment::Unreadable(
                "mount it read-only and give the folder: ewfmount FILE MOUNT, then mount -o ro,norecovery MOUNT/ewf1 FOLDER",
            ),
            Self::Vhdx | Self::Vhd => Treatment::Unreadable(
                "mount it read-only and give the folder: guestmount -a FILE -i --ro FOLDER (on Windows: Mount-DiskImage -Access ReadOnly)",
            ),
            Self::Vmdk | Self::Qcow2 | Self::Vdi => Treatment::Unreadable(
                "mount it read-only and give the folder: guestmount -a FILE -i --ro FOLDER",
            ),
            Self::Evt => {
                Treatment::Unreadable("convert it on a Windows host: wevtutil epl FILE FILE.evtx /lf:true")
            }
            Self::Artefact(artefact) => artefact.command().map_or(Treatment::Seal, Treatment::Unreadable),
            _ => Treatment::Seal,
        }
    }
}

/// Signatures at the start of a file.
const MAGICS: &[(&[u8], Format)] = &[
    (b"ElfFile\0", Format::Evtx),
    (b"ElfChnk\0", Format::Evtx), // chunks without the file's header, as carving leaves them
    (b"PK\x03\x04", Format::Zip),
    (b"PK\x05\x06", Format::Zip),
    (b"PK\x07\x08", Format::Zip),
    (b"\x1f\x8b\x08", Format::Gzip),
    (b"\x28\xb5\x2f\xfd", Format::Zstd),
    (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
    (b"\xfd7zXZ\0", Format::Xz),
    (b"\x04\x22\x4d\x18", Format::Lz4),
    (b"MSWIM\0\0\0", Format::Wim),
    (b"QFI\xfb", Format::Qcow2),
    (b"ADSEGMENTEDFILE\0", Format::Ad1),
    (b"\xebR\x90NTFS    ", Format::RawDisk),
    (b"Rar!\x1a\x07", Format::Rar),
    (b"MSCF\0\0\0\0", Format::Cabinet),
    (b"EVF\x09\x0d\x0a\xff\0", Format::Ewf),
    (b"EVF2\x0d\x0a\x81\0", Format::Ewf),
    (b"LVF\x09\x0d\x0a\xff\0", Format::Ewf),
    (b"vhdxfile", Format::Vhdx),
    (b"conectix", Format::Vhd),
    (b"KDMV", Format::Vmdk),
    (b"# Disk DescriptorFile", Format::Vmdk),
    (b"\x30\0\0\0LfLe", Format::Evt),
    (b"regf", Format::Hive),
    (b"SQLite format 3\0", Format::Sqlite),
    (b"MZ", Format::Pe),
    (b"#separator ", Format::Zeek),
];

/// Where a signature stands elsewhere than at the start.
const INNER_MAGICS: &[(usize, &[u8], Format)] = &[
    (4_096, b"ElfChnk\0", Format::Evtx), // a log whose file header is damaged
    (4, b"\xef\xcd\xab\x89", Format::Ese),
    (257, b"ustar", Format::Tar),
    (4, b"1AY&SY", Format::Bzip2),
    (512, b"EFI PART", Format::RawDisk),
    (64, b"\x7f\x10\xda\xbe", Format::Vdi),
];

/// Says what a file is from its first [`HEAD_BYTES`] (fewer only if it is shorter).
///
/// `name` decides only for an `.evtx` whose first bytes are zeros, as carving and copying leave them.
pub fn sniff(head: &[u8], name: &str) -> Format {
    if head.is_empty() {
        return Format::Empty;
    }
    or_reader(told(head, name), head, name)
}

/// The same, before the registry is asked.
fn told(head: &[u8], name: &str) -> Format {
    if let Some((_, format)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        let log = *format == Format::Hive && artefact::is_registry_log(head);
        return if log { Format::Artefact(Artefact::RegistryLog) } else { *format };
    }
    if let Some(format) = after_skippable_frames(head) {
        return format;
    }
    let inner = INNER_MAGICS
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    if let Some((_, _, format)) = inner {
        return *format;
    }
    if is_old_tar(head) {
        return Format::Tar;
    }
    if extension_is(name, "evtx") && head.iter().all(|byte| *byte == 0) {
        return Format::Evtx;
    }
    if let Some(artefact) = artefact::artefact(head, name) {
        // A page may begin with the signature of a picture, or of anything where its name has it run.
        let page = if artefact == Artefact::Media { is_page(head, name) } else { is_page_name(name) };
        return if page { Format::WebPage } else { Format::Artefact(artefact) };
    }
    match sniff_text(head, name) {
        Format::Text | Format::Xml | Format::Unknown if is_page(head, name) => Format::WebPage,
        other => other,
    }
}

/// What follows the frames that readers of Zstandard pass over (RFC 8878 3.1.2), as `pzstd` and others write them first; where
/// the head ends within one, Zstandard. LZ4 has the same frames.
fn after_skippable_frames(head: &[u8]) -> Option<Format> {
    let mut rest = head;
    let mut skipped = false;
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, tail @ ..] = rest {
        skipped = true;
        let bytes = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?;
        match tail.get(bytes..) {
            Some(after) => rest = after,
            None => return Some(Format::Zstd),
        }
    }
    let magic = rest.get(..4).filter(|_| skipped)?;
    match magic {
        [0x28, 0xb5, 0x2f, 0xfd] => Some(Format::Zstd),
        [0x04, 0x22, 0x4d, 0x18] => Some(Format::Lz4),
        _ => None,
    }
}

/// A tape archive of before 1988 has no signature: its first header's checksum is right, and its numbers are octal.
fn is_old_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..512).filter(|header| header.first().is_some_and(|byte| *byte > b' '))
    else {
        return false;
    };
    let octal = |from: usize, to: usize| {
        let text = header.get(from..to).unwrap_or_default();
        let digits: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b' ' | 0)).collect();
        let right = !digits.is_empty() && digits.iter().all(|byte| (b'0'..=b'7').contains(byte));
        let text = std::str::from_utf8(&digits).ok().filter(|_| right)?;
        u64::from_str_radix(text, 8).ok()
    };
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
        .sum();
    octal(148, 156) == Some(sum) && octal(124, 136).is_some() && octal(136, 148).is_some()
}

fn sniff_text(head: &[u8], name: &str) -> Format {
    let cut = head.len() >= HEAD_BYTES;
    let utf16 = head.starts_with(&[0xff, 0xfe]);
    if !utf16 && charset::is_wide_text(head) {
        return Format::Text; // UTF-16 of the other order, or without its mark: searched by its lines
    }
    let text = if utf16 {
        encoding_rs::UTF_16LE.decode_with_bom_removal(head).0
    } else {
        let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
        // A server that went down leaves zeros where it had set space aside: the log before them is a log.
        let log = head.split(|byte| *byte == 0).next().filter(|log| match log.first() {
            Some(b'#') => true,
            Some(b'{' | b'[') => log.contains(&b'\n'),
            _ => false,
        });
        match log {
            Some(log) => String::from_utf8_lossy(log),
            None if head.iter().take(4_096).any(|byte| *byte == 0) => return Format::Unknown,
            None => String::from_utf8_lossy(head),
        }
    };
    if let Some(format) = sniff_log(&text) {
        return format;
    }
    if let Some(format) = sniff_export(&text, cut)
        .or_else(|| sniff_listing(&text, cut))
        .or_else(|| sniff_other(&text, name, cut))
    {
        return format;
    }
    let text = text.trim_start();
    match text.chars().next() {
        Some('{') if is_json_lines(text) => Format::JsonLines,
        Some('{') if has_events(text, cut) => Format::JsonObjects,
        Some('[') if has_events(text, cut) => Format::JsonArray,
        Some('{' | '[') if may_be_json(text) => Format::Json,
        Some('R') if after_record_line(text).is_some_and(|text| has_events(text, cut)) => Format::JsonObjects,
        Some('<') if artefact::is_task(text) => Format::Artefact(Artefact::Task),
        Some('<') => Format::Xml,
        Some(_) => Format::Text,
        None => Format::Empty,
    }
}

/// Events as tools and services export them, other than one by one in JSON.
fn sniff_export(text: &str, cut: bool) -> Option<Format> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        Some('{') => is_wrapped(text, cut).then_some(Format::JsonWrapped),
        Some('<') if text.trim_start().starts_with("<Objs") => {
            let named = || ["\"LogName\"", "\"ProviderName\""].iter().all(|name| text.contains(name));
            (text.contains("EventLogRecord") || named()).then_some(Format::CliXml)
        }
        Some('<') => {
            let opens = ["<Event ", "<Event>", "<Event\r", "<Event\n"].iter().any(|tag| text.contains(tag));
            let windows = text.contains("/win/2004/08/events/event") || text.contains("<System>");
            (opens && windows).then_some(Format::EventXml)
        }
        _ => export::table::is_table(text).then_some(Format::EventCsv),
    }
}

/// Keys of a service's answer around its records.
const ANSWER_KEYS: [&str; 7] = [
    "\"hits\"",
    "\"results\"",
    "\"took\"",
    "\"preview\"",
    "\"init_offset\"",
    "\"@odata.context\"",
    "\"value\"",
];

/// Whether events lie in a list inside the first object. Where the head ends before any, the keys of an answer decide.
fn is_wrapped(text: &str, cut: bool) -> bool {
    let is_event =
        |text: &str| EVENT_KEYS.iter().any(|key| export::has_key(text, key)) || export::is_known_json(text);
    if let Some(at) = wrapped::first_record(text) {
        let (around, records) = text.split_at(at);
        return !is_event(around) && has_events(records, cut);
    }
    let open = cut && whole_element(text.trim_start()).is_none();
    open && !is_event(text) && ANSWER_KEYS.iter().any(|key| text.contains(key))
}

/// A listing of files, by its column list or the form of its first lines.
fn sniff_listing(text: &str, cut: bool) -> Option<Format> {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with('{') {
        return listing::is_json_listing(first).then_some(Format::ListingJson);
    }
    if listing::is_csv_listing(text) {
        return Some(Format::ListingCsv);
    }
    if listing::is_bodyfile(text, cut) {
        return Some(Format::Bodyfile);
    }
    listing::is_dir_listing(text).then_some(Format::DirListing)
}

/// Logs of Exchange's tools, of RADIUS and of network devices.
fn sniff_other(text: &str, name: &str, cut: bool) -> Option<Format> {
    let text = text.trim_start_matches('\u{feff}');
    if healthchecker::is_xml(text) || healthchecker::is_text(text) {
        return Some(Format::HealthChecker);
    }
    if exchange::setup::is_setup(text) {
        return Some(Format::ExchangeSetup);
    }
    if exchange::setup::is_mitigation(text, name) {
        return Some(Format::MitigationLog);
    }
    if nps::is_nps(text) {
        return Some(Format::Nps);
    }
    let start = text.trim_start();
    let json = start.starts_with(['{', '[']);
    // A line of syslog may begin with its priority, `<34>`; a configuration on one line has pairs too, and is none.
    let markup =
        start.strip_prefix('<').is_some_and(|rest| !rest.starts_with(|sign: char| sign.is_ascii_digit()));
    (!json && !markup && syslog::is_syslog(text, cut)).then_some(Format::Syslog)
}

/// Lines of a log's beginning that are looked at.
const HEADER_LINES_MAX: usize = 16;
/// Columns that only W3C logs of web servers have; two of them make one.
const W3C_COLUMNS: [&str; 7] =
    ["c-ip", "s-ip", "cs-method", "cs-uri-stem", "cs-uri", "sc-status", "cs-username"];

/// A text log by its header lines, which stand first or after one bare column list.
fn sniff_log(text: &str) -> Option<Format> {
    let lines = text.lines().take(HEADER_LINES_MAX);
    let header = lines.enumerate().filter(|(number, line)| *number > 0 || line.starts_with('#'));
    let (mut fields, mut other) = (None, false);
    for line in header.map_while(|(_, line)| line.strip_prefix('#')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match name {
            "Software"
                if value.starts_with("Microsoft Internet Information Services")
                    || value.starts_with("IIS Advanced Logging") =>
            {
                return Some(Format::IisW3c);
            }
            "Software" if value.starts_with("Microsoft HTTP API") => return Some(Format::HttpErr),
            "Software" if value.starts_with("Microsoft Exchange") => return Some(Format::ExchangeLog),
            "Software" => other = true, // perhaps another product's log in the same format
            "Log-type" => return Some(Format::ExchangeLog),
            "Fields" => fields = Some(value),
            _ => {}
        }
    }
    if let Some(fields) = fields.filter(|_| other) {
        return fields.contains(['-', '(']).then_some(Format::W3cOther);
    }
    if other {
        return None;
    }
    if let Some(fields) = fields {
        let known = fields.split(' ').filter(|name| W3C_COLUMNS.contains(name)).count();
        return (known >= 2).then_some(Format::IisW3c);
    }
    // What a spreadsheet or a script saved without the header lines.
    let first = text.lines().next()?;
    let proxy = ["AnchorMailbox", "RoutingHint", "DateTime"];
    proxy.iter().all(|name| first.split(',').any(|column| column == *name)).then_some(Format::ExchangeLog)
}

/// The first line is a whole object, or is cut by the end of the head.
fn is_json_lines(text: &str) -> bool {
    match text.split_once('\n') {
        Some((line, _)) => serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok(),
        None if whole_element(text).is_some_and(|end| end < text.trim_end().len()) => false,
        None => true,
    }
}

/// Words that a Windows event in JSON has, whoever exported it.
const EVENT_KEYS: [&str; 6] =
    ["\"EventID\"", "\"EventId\"", "\"event_id\"", "\"Event\"", "\"System\"", "\"winlog"];

/// Whether the first object may be an event. One that the end of the head cuts off gets the benefit of the doubt.
fn has_events(text: &str, cut: bool) -> bool {
    let Some(start) = text.find('{') else { return false };
    let text = text.get(start..).unwrap_or_default();
    match whole_element(text).and_then(|end| text.get(..end)) {
        Some(first) => EVENT_KEYS.iter().any(|key| first.contains(key)) || export::is_known_json(first),
        None => cut || export::is_known_json(text) || EVENT_KEYS.iter().any(|key| text.contains(key)),
    }
}

/// Whether what follows the first bracket may stand there: a line of a log may begin with `[Device Install`.
fn may_be_json(text: &str) -> bool {
    let inner = text.get(1..).unwrap_or_default().trim_start();
    let value = |sign: char| sign.is_ascii_digit() || matches!(sign, '{' | '[' | '"' | '-' | ']' | '}');
    let word = ["true", "false", "null"].iter().any(|word| inner.starts_with(word));
    inner.is_empty() || inner.starts_with(value) || word
}

fn whole_element(text: &str) -> Option<usize> {
    crate::block::element_bytes(text.as_bytes())
}

/// What follows the line `Record 1` that `evtx_dump` begins with.
fn after_record_line(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n')?;
    let number = line.trim_end().strip_prefix("Record ")?;
    number.parse::<u64>().ok().map(|_| rest).filter(|rest| rest.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], name: &str, expected: Format) {
        assert_eq!(sniff(head, name), expected);
    }

    #[test]
    fn a_configuration_on_one_line_is_no_syslog() {
        let text = br#"<configuration><system.webServer><globalModules><add name="StaticCompressionX" image="C:\ProgramData\x.dll" preCondition="bitness64" /><add name="A" image="b" /></globalModules></system.webServer></configuration>"#;
        assert_eq!(sniff(text, "C/Windows/System32/inetsrv/config/applicationHost.config"), Format::WebPage);
    }

    #[test]
    fn settings_of_a_folder_and_pages_by_rarer_names_are_read_as_pages() {
        check(b"AddType text/plain .log\n", "www/up/.htaccess", Format::WebPage);
        check(b"memory_limit = 64M\n", "www/.user.ini", Format::WebPage);
        check(b"<? echo 1; ?>\n", "www/lib/db.inc", Format::WebPage);
        check(b"<%@ tag body-content=\"empty\" %>\n", "WEB-INF/tags/date.tag", Format::WebPage);
        check(b"mov ax, 1\nret\n", "boot/start.inc", Format::Text);
        check(b"<? echo 1; ?>\n", "www/old.php3", Format::WebPage);
    }

    #[test]
    fn content_decides_and_the_name_only_hints() {
        check(b"", "Security.evtx", Format::Empty);
        check(b"ElfFile\0rest", "readme.txt", Format::Evtx);
        check(b"ElfChnk\0rest", "carved.bin", Format::Evtx);
        check(b"hello", "Security.evtx", Format::Text);
        check(&[0; 5_000], "Security.evtx", Format::Evtx);
        check(&[0; 5_000], "Security.bin", Format::Unknown);
        check(b"{\"EventID\":1}\n{\"EventID\":2}\n", "x", Format::JsonLines);
        check(b"\xef\xbb\xbf{\"EventID\":1}\r\n", "x", Format::JsonLines);
        check(b"{\n  \"EventID\": 1\n}", "x", Format::JsonObjects);
        check(b"[{\"EventID\":1}]", "x", Format::JsonArray);
        check(b"EVF\x09\x0d\x0a\xff\0\x01", "disk.E01", Format::Ewf);
        check(b"#separator \\x09\n", "conn.log", Format::Zeek);
        check(b"<?xml", "x", Format::Xml);
    }

    #[test]
    fn archives_and_images_are_named_for_what_they_are() {
        let frame = |bytes: &[u8]| [b"\x5a\x2a\x4d\x18\x03\0\0\0abc", bytes].concat();
        check(&frame(b"\x28\xb5\x2f\xfd."), "x", Format::Zstd);
        check(&frame(&frame(b"\x28\xb5\x2f\xfd.")), "x", Format::Zstd);
        check(&frame(b"\x04\x22\x4d\x18."), "x", Format::Lz4);
        check(b"\x50\x2a\x4d\x18\xff\xff\0\0abc", "x", Format::Zstd);
        check(b"\xfd7zXZ\0..", "x.tar.xz", Format::Xz);
        check(b"BZh91AY&SY", "x", Format::Bzip2);
        check(b"\xebR\x90NTFS    \0\x02", "disk.dd", Format::RawDisk);
        let mut old = vec![0; 1_024];
        old[..5].copy_from_slice(b"a.log");
        old[100..107].copy_from_slice(b"0000644");
        old[124..135].copy_from_slice(b"00000000003");
        old[136..147].copy_from_slice(b"14020000000");
        let sum: u64 = old[..512].iter().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * 32;
        old[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        check(&old, "x", Format::Tar);
        old[0] = b'b';
        check(&old, "x", Format::Unknown);
        for order in [u16::to_be_bytes, u16::to_le_bytes] {
            let wide: Vec<u8> = "whoami /all\r\nnet user".encode_utf16().flat_map(order).collect();
            check(&wide, "typed.txt", Format::Text);
        }
        let numbers: Vec<u8> = (0..600_u16).flat_map(|number| (number % 7).to_le_bytes()).collect();
        check(&numbers, "x.dat", Format::Unknown);
    }

    #[test]
    fn a_log_with_a_damaged_file_header_is_still_a_log() {
        let mut head = vec![0xaa; 4_096];
        head.extend(b"ElfChnk\0");
        check(&head, "Security.evtx", Format::Evtx);
    }

    #[test]
    fn text_logs_are_known_by_their_header_lines() {
        check(
            b"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n",
            "x",
            Format::IisW3c,
        );
        check(
            b"\xef\xbb\xbf#Software: Microsoft Internet Information Services 7.5\r\n",
            "x.txt",
            Format::IisW3c,
        );
        check(b"#Fields: date time c-ip cs-method\r\n2021-03-03 00:00:00 ::1 GET\r\n", "x", Format::IisW3c);
        check(b"#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n", "httperr1.log", Format::HttpErr);
        check(
            b"#Software: Microsoft Exchange Server\r\n#Log-type: HttpProxy Logs\r\n",
            "x",
            Format::ExchangeLog,
        );
        check(b"DateTime,RequestId\r\n#Software: Microsoft Exchange Server\r\n", "x", Format::ExchangeLog);
        check(b"DateTime,RequestId,AnchorMailbox,RoutingHint\r\n2021", "x.csv", Format::ExchangeLog);
        check(b"#Software: SGOS 7.3\n#Fields: date time c-ip cs-method\n", "x", Format::W3cOther);
        check(
            b"#Software: IIS Advanced Logging Module\n#Version: 1.0\n#Fields:  date time s-ip\n",
            "x",
            Format::IisW3c,
        );
        check(b"#Fields: a b c\n", "x", Format::Text);
        check(b"# a remark\nx = 1\n", "x.conf", Format::Text);
        check(b"DateTime,RequestId\r\nmore\r\n#Software: Microsoft Exchange Server\r\n", "x", Format::Text);
        let mut tail = b"#Software: Microsoft Internet Information Services 10.0\r\n".to_vec();
        tail.resize(5_000, 0);
        check(&tail, "u_ex210303.log", Format::IisW3c);
    }

    #[test]
    fn json_that_is_no_event_is_left_alone() {
        check(b"[1, 2]", "x", Format::Json);
        check(b"[Device Install (UpdateDriver)]\nbegin\n", "setupapi.dev.log", Format::Text);
        check(b"{ready} starting\n", "x.log", Format::Text);
        check(b"{\n  \"name\": \"x\"\n}", "package.json", Format::Json);
        check(b"[\n {\"a\": 1}, {\"EventID\": 1}]", "x", Format::Json);
        check(b"{\"Event\": {}} {\"Event\": {}}", "x", Format::JsonObjects);
        check(b"{\"Event\": {}}", "x", Format::JsonLines);
        check(b"Record 1\n{\n  \"Event\": {}\n}\nRecord 2\n", "x", Format::JsonObjects);
        check(b"Record of things\n{", "x", Format::Text);
        let long = format!("[{{\"Message\": \"{}", "x".repeat(HEAD_BYTES));
        check(&long.as_bytes()[..HEAD_BYTES], "x", Format::JsonArray);
        let wide: Vec<u8> = "\u{feff}[{\"EventID\": 1}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&wide, "x", Format::JsonArray);
    }

    proptest::proptest! {
        #[test]
        fn no_head_makes_it_panic(
            start in proptest::sample::select(vec!["", "#Fields: ", "#Software: Microsoft", "{", "[", "\u{feff}", "Record 1\n{"]),
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            zeros in 0_usize..3,
        ) {
            let mut head = start.as_bytes().to_vec();
            head.extend(rest);
            head.resize(head.len() + zeros, 0);
            sniff(&head, "x.evtx");
            head.splice(..0, [0xff, 0xfe]);
            sniff(&head, "x.evtx");
        }
    }
}
