//! The classes of permanent event consumers, and in which order an instance holds their values.
//!
//! In: class definitions of the repository, where the index leads to them. Out: a layout, the properties in the order of their
//! values. Windows ships these classes since XP with the layouts that stand here; they are used where the repository's own
//! definition cannot be read. Facts: flare-wmi and dissect.cim, MS-WMIO for the types.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::pages::{count_at, u16_at, u32_at};

/// A class that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Target {
    Filter,
    Binding,
    CommandLine,
    Script,
    LogFile,
    EventLog,
    Smtp,
    Namespace,
}

pub(super) const TARGETS: [Target; 8] = [
    Target::Filter,
    Target::Binding,
    Target::CommandLine,
    Target::Script,
    Target::LogFile,
    Target::EventLog,
    Target::Smtp,
    Target::Namespace,
];

/// Types of values, as they are stored.
pub(super) const TEXT: u8 = 8;
const FLAG: u8 = 0x0b;
const BYTE: u8 = 0x11;
const SHORT: u8 = 0x12;
const LONG: u8 = 0x13;
const SIGNED: u8 = 0x03;
const HUGE: u8 = 0x15;
const LINK: u8 = 0x66;
/// A list of this type.
const LIST: u8 = 0x80;

/// What all consumers begin with.
const CONSUMER: [(&str, u8); 4] =
    [("MachineName", TEXT), ("MaximumQueueSize", LONG), ("CreatorSID", BYTE | LIST), ("Name", TEXT)];

impl Target {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Filter => "__EventFilter",
            Self::Binding => "__FilterToConsumerBinding",
            Self::CommandLine => "CommandLineEventConsumer",
            Self::Script => "ActiveScriptEventConsumer",
            Self::LogFile => "LogFileEventConsumer",
            Self::EventLog => "NTEventLogEventConsumer",
            Self::Smtp => "SMTPEventConsumer",
            Self::Namespace => "__NAMESPACE",
        }
    }

    fn own(self) -> &'static [(&'static str, u8)] {
        match self {
            Self::Namespace => &[("Name", TEXT)],
            Self::Filter => &[
                ("Name", TEXT),
                ("CreatorSID", BYTE | LIST),
                ("QueryLanguage", TEXT),
                ("Query", TEXT),
                ("EventNamespace", TEXT),
                ("EventAccess", TEXT),
            ],
            Self::Binding => &[
                ("Filter", LINK),
                ("Consumer", LINK),
                ("DeliveryQoS", LONG),
                ("DeliverSynchronously", FLAG),
                ("MaintainSecurityContext", FLAG),
                ("SlowDownProviders", FLAG),
                ("CreatorSID", BYTE | LIST),
            ],
            Self::CommandLine => &COMMAND_LINE,
            Self::Script => &[
                ("ScriptingEngine", TEXT),
                ("ScriptText", TEXT),
                ("ScriptFilename", TEXT),
                ("KillTimeout", LONG),
            ],
            Self::LogFile => {
                &[("Filename", TEXT), ("Text", TEXT), ("MaximumFileSize", HUGE), ("IsUnicode", FLAG)]
            }
            Self::EventLog => &[
                ("UNCServerName", TEXT),
                ("SourceName", TEXT),
                ("EventID", LONG),
                ("EventType", LONG),
                ("Category", SHORT),
                ("NumberOfInsertionStrings", LONG),
                ("InsertionStringTemplates", TEXT | LIST),
                ("NameOfRawDataProperty", TEXT),
                ("NameOfUserSIDProperty", TEXT),
            ],
            Self::Smtp => &[
                ("SMTPServer", TEXT),
                ("Subject", TEXT),
                ("FromLine", TEXT),
                ("ReplyToLine", TEXT),
                ("Message", TEXT),
                ("ToLine", TEXT),
                ("CcLine", TEXT),
                ("BccLine", TEXT),
                ("HeaderFields", TEXT | LIST),
            ],
        }
    }

    /// The layout that Windows ships.
    pub(super) fn shipped(self) -> Layout {
        let before: &[(&str, u8)] = match self {
            Self::Filter | Self::Binding | Self::Namespace => &[],
            _ => &CONSUMER,
        };
        let all = before.iter().chain(self.own());
        let property = |(name, kind): &(&str, u8)| Property {
            name: (*name).to_owned(),
            kind: kind & !LIST,
            list: kind & LIST != 0,
        };
        Layout(all.map(property).collect())
    }
}

const COMMAND_LINE: [(&str, u8); 23] = [
    ("ExecutablePath", TEXT),
    ("CommandLineTemplate", TEXT),
    ("UseDefaultErrorMode", FLAG),
    ("CreateNewConsole", FLAG),
    ("CreateNewProcessGroup", FLAG),
    ("CreateSeparateWowVdm", FLAG),
    ("CreateSharedWowVdm", FLAG),
    ("Priority", SIGNED),
    ("WorkingDirectory", TEXT),
    ("DesktopName", TEXT),
    ("WindowTitle", TEXT),
    ("XCoordinate", LONG),
    ("YCoordinate", LONG),
    ("XSize", LONG),
    ("YSize", LONG),
    ("XNumCharacters", LONG),
    ("YNumCharacters", LONG),
    ("FillAttribute", LONG),
    ("ShowWindowCommand", LONG),
    ("ForceOnFeedback", FLAG),
    ("ForceOffFeedback", FLAG),
    ("RunInteractively", FLAG),
    ("KillTimeout", LONG),
];

/// One value of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) list: bool,
}

impl Property {
    /// Bytes that it takes in the row of values.
    pub(super) fn width(&self) -> usize {
        match self.kind {
            _ if self.list => 4,
            0x10 | BYTE => 1,
            2 | FLAG | SHORT | 0x67 => 2,
            5 | 0x14 | HUGE => 8,
            _ => 4,
        }
    }
}

/// The properties of a class, in the order of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout(pub(super) Vec<Property>);

/// Properties that a class may have.
const PROPERTIES_MAX: usize = 1_024;

/// What a class definition says of itself.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) above: String,
    own: Vec<(u16, Property)>,
}

impl Definition {
    /// Reads a record of a class definition.
    pub(super) fn of(record: &[u8]) -> Option<Self> {
        let letters = count_at(record, 0)?;
        let name = record.get(4..4_usize.checked_add(letters.checked_mul(2)?)?)?;
        let above = encoding_rs::UTF_16LE.decode_without_bom_handling(name).0.into_owned();
        let at = 4 + letters * 2 + 8 + 4 + 1 + 4; // after the name: time, length, a byte, where the class's name is
        let defaults = count_at(record, at)?;
        let at = at.checked_add(4)?.checked_add(count_at(record, at + 4)?)?;
        let at = at.checked_add(count_at(record, at)?)?; // qualifiers; both counts include themselves
        let count = count_at(record, at).filter(|count| *count <= PROPERTIES_MAX)?;
        let references = record.get(at + 4..at + 4 + count * 8)?;
        let at = (at + 4 + count * 8).checked_add(defaults)?;
        let heap = record.get(at.checked_add(4)?..)?;
        let property = |reference: &[u8]| {
            let (name, body) = (count_at(reference, 0)?, count_at(reference, 4)?);
            let (kind, list) = (*heap.get(body)?, *heap.get(body.checked_add(1)?)?);
            let name = super::instance::text_at(heap, name)?;
            Some((u16_at(heap, body.checked_add(4)?)?, Property { name, kind, list: list & 0x20 != 0 }))
        };
        let own = references.chunks_exact(8).map(property).collect::<Option<Vec<_>>>()?;
        Some(Self { above, own })
    }
}

impl Layout {
    /// Puts together what a class and those above it say; `None` where the numbers have gaps.
    pub(super) fn of(definitions: &[Definition]) -> Option<Self> {
        let mut all: Vec<Option<Property>> = Vec::new();
        for (number, property) in definitions.iter().rev().flat_map(|one| &one.own) {
            let number = usize::from(*number);
            if number >= PROPERTIES_MAX {
                return None;
            }
            all.resize(all.len().max(number + 1), None);
            *all.get_mut(number)? = Some(property.clone());
        }
        Some(Self(all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())?))
    }
}

/// A name's hash, as the index and each instance have it.
pub(super) fn hash(name: &str, old: bool) -> String {
    let wide: Vec<u8> = name.to_uppercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let digest = if old { Md5::digest(&wide).to_vec() } else { Sha256::digest(&wide).to_vec() };
    piste_model::hash::hex(&digest).to_ascii_uppercase()
}

/// The classes by their hashes.
#[derive(Debug)]
pub(super) struct Targets {
    hashes: Vec<(String, Target)>,
}

impl Targets {
    pub(super) fn new(old: bool) -> Self {
        Self { hashes: TARGETS.iter().map(|target| (hash(target.class(), old), *target)).collect() }
    }

    pub(super) fn of_hash(&self, hash: &str) -> Option<Target> {
        self.hashes.iter().find(|(one, _)| one == hash).map(|(_, target)| *target)
    }

    /// The hash of the class as an instance begins with it, in UTF-16.
    pub(super) fn marks(&self) -> Vec<(Vec<u8>, Target)> {
        let wide = |hash: &String| hash.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.hashes.iter().map(|(hash, target)| (wide(hash), *target)).collect()
    }
}

/// How long an instance that begins here claims to be, with the hash before it; `None` where it is none.
pub(super) fn instance_bytes(record: &[u8], hash_bytes: usize) -> Option<usize> {
    let claimed = usize::try_from(u32_at(record, hash_bytes + 16)?).ok()?;
    (13..=INSTANCE_BYTES_MAX).contains(&claimed).then_some(hash_bytes + 16 + claimed)
}

/// Bytes of the longest instance that is believed: a script may be long.
const INSTANCE_BYTES_MAX: usize = 32 << 20;
