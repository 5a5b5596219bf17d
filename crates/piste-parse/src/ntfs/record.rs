//! One `FILE` record of `$MFT`: its header and what its attributes say.
//!
//! In: a record's bytes, fixups applied. Out: the times, names, streams and links of the file, gathered over the record
//! and its extension records. Nothing is allocated for a record once the buffers have grown.

use std::ops::Range;

use super::raw::{Reference, push_wide};
use crate::artefact::{u16_at, u32_at, u64_at};

const STANDARD_INFORMATION: u32 = 0x10;
pub(super) const ATTRIBUTE_LIST: u32 = 0x20;
const FILE_NAME: u32 = 0x30;
const OBJECT_ID: u32 = 0x40;
const DATA: u32 = 0x80;
const REPARSE_POINT: u32 = 0xc0;
const LOGGED_UTILITY_STREAM: u32 = 0x100;
const END: u32 = 0xffff_ffff;

/// Namespace of 8.3 names.
pub(super) const DOS: u8 = 2;
/// Names and streams that one file may have: Windows allows 1,024 links and a list of 256 KB.
const PARTS_MAX: usize = 8_192;
/// Bytes of a stream's text that are kept: a mark of the web has a few hundred.
const STREAM_TEXT_BYTES_MAX: usize = 4_096;
/// Stream that says where a file came from.
const ZONE: &str = "Zone.Identifier";
/// What stands before a link's target.
const DEVICE: &str = r"\??\";

/// What stands before the attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) sequence: u16,
    pub(super) in_use: bool,
    pub(super) is_directory: bool,
    pub(super) lsn: u64,
    /// The record that this one extends, if it does.
    pub(super) base: Option<Reference>,
    /// The record's own number; NTFS before XP wrote none.
    pub(super) number: Option<u32>,
    first: usize,
    used: usize,
}

impl Header {
    /// Reads it; `None` where attributes cannot begin where it says.
    pub(super) fn read(record: &[u8]) -> Option<Self> {
        let flags = u16_at(record, 22)?;
        let first = usize::from(u16_at(record, 20)?);
        let used = usize::try_from(u32_at(record, 24)?).ok()?;
        let base = u64_at(record, 32)?;
        let numbered = u16_at(record, 4)? >= 48;
        let header = Self {
            sequence: u16_at(record, 16)?,
            in_use: flags & 1 != 0,
            is_directory: flags & 2 != 0,
            lsn: u64_at(record, 8)?,
            base: (base != 0).then(|| Reference::of(base)),
            number: u32_at(record, 44).filter(|_| numbered),
            first,
            used: used.min(record.len()),
        };
        (first >= 40 && first < record.len()).then_some(header)
    }
}

/// One attribute, its bytes from its header on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'b> {
    pub(super) kind: u32,
    bytes: &'b [u8],
}

impl<'b> Attribute<'b> {
    fn name(&self) -> &'b [u8] {
        let units = self.bytes.get(9).copied().map_or(0, usize::from);
        let at = u16_at(self.bytes, 10).map_or(0, usize::from);
        self.bytes.get(at..at + units * 2).unwrap_or_default()
    }

    fn is_resident(&self) -> bool {
        self.bytes.get(8) == Some(&0)
    }

    /// The content, where it lies in the record.
    fn content(&self) -> Option<&'b [u8]> {
        let length = usize::try_from(u32_at(self.bytes, 16)?).ok()?;
        let at = usize::from(u16_at(self.bytes, 20)?);
        self.bytes.get(at..at.checked_add(length)?).filter(|_| self.is_resident())
    }

    /// Bytes of the content; `None` for what continues an attribute of another record.
    fn size(&self) -> Option<u64> {
        if self.is_resident() {
            return u32_at(self.bytes, 16).map(u64::from);
        }
        u64_at(self.bytes, 48).filter(|_| u64_at(self.bytes, 16) == Some(0))
    }
}

/// The attributes of a record, one after another.
pub(super) struct Attributes<'b> {
    rest: &'b [u8],
    /// Where they end although no end is marked.
    pub(super) cut: bool,
}

impl<'b> Attributes<'b> {
    pub(super) fn of(record: &'b [u8], header: &Header) -> Self {
        Self {
            rest: record.get(header.first..header.used).unwrap_or_default(),
            cut: header.used <= header.first,
        }
    }
}

impl<'b> Iterator for Attributes<'b> {
    type Item = Attribute<'b>;

    fn next(&mut self) -> Option<Attribute<'b>> {
        let kind = u32_at(self.rest, 0);
        if kind == Some(END) {
            self.rest = &[];
            return None;
        }
        let length = u32_at(self.rest, 4).and_then(|length| usize::try_from(length).ok());
        let whole = length.filter(|length| *length >= 24 && length % 8 == 0 && *length <= self.rest.len());
        let (Some(kind), Some(length)) = (kind, whole) else {
            self.cut = true;
            self.rest = &[];
            return None;
        };
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Attribute { kind, bytes })
    }
}

/// The four times of a file, as FILETIMEs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) created: u64,
    pub(super) modified: u64,
    pub(super) changed: u64,
    pub(super) accessed: u64,
}

impl Times {
    pub(super) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let (created, modified) = (u64_at(bytes, at)?, u64_at(bytes, at + 8)?);
        Some(Self { created, modified, changed: u64_at(bytes, at + 16)?, accessed: u64_at(bytes, at + 24)? })
    }
}

/// `$STANDARD_INFORMATION`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standard {
    pub(super) times: Times,
    pub(super) flags: u32,
    /// Since NTFS 3.
    pub(super) security_id: Option<u32>,
    pub(super) usn: Option<u64>,
}

impl Standard {
    fn read(content: &[u8]) -> Option<Self> {
        Some(Self {
            times: Times::at(content, 0)?,
            flags: u32_at(content, 32)?,
            security_id: u32_at(content, 52),
            usn: u64_at(content, 64),
        })
    }
}

/// `$FILE_NAME`, as records and indexes have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) parent: Reference,
    pub(super) times: Times,
    pub(super) allocated: u64,
    pub(super) size: u64,
    pub(super) flags: u32,
    /// Its namespace.
    pub(super) kind: u8,
    /// Where it stands in the text that it was read into.
    pub(super) text: Range<usize>,
}

impl Name {
    /// Bytes before the name's own.
    pub(super) const HEAD_BYTES: usize = 66;

    /// Reads it and appends its text.
    pub(super) fn read(content: &[u8], text: &mut String) -> Option<Self> {
        let units = usize::from(*content.get(64)?);
        let wide = content.get(Self::HEAD_BYTES..Self::HEAD_BYTES + units * 2)?;
        let start = text.len();
        push_wide(wide, text);
        Some(Self {
            parent: Reference::at(content, 0)?,
            times: Times::at(content, 8)?,
            allocated: u64_at(content, 40)?,
            size: u64_at(content, 48)?,
            flags: u32_at(content, 56)?,
            kind: *content.get(65)?,
            text: start..text.len(),
        })
    }
}

/// A named stream.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) name: Range<usize>,
    pub(super) size: u64,
    /// Its text, where it is a mark of the web and lies in the record.
    pub(super) zone: Range<usize>,
}

/// Where a link leads.
#[derive(Debug, Clone)]
pub(super) struct Reparse {
    pub(super) tag: u32,
    pub(super) target: Range<usize>,
}

/// What the attributes of one file said.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) standard: Option<Standard>,
    pub(super) names: Vec<Name>,
    pub(super) streams: Vec<Stream>,
    pub(super) size: Option<u64>,
    pub(super) droid: Option<[u8; 16]>,
    pub(super) reparse: Option<Reparse>,
    pub(super) logged: Range<usize>,
    /// The attributes of a record ended without their end.
    pub(super) cut: bool,
    text: String,
}

impl Found {
    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.streams.clear();
        self.text.clear();
        (self.standard, self.size, self.droid, self.reparse) = (None, None, None, None);
        (self.logged, self.cut) = (0..0, false);
    }

    pub(super) fn text(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Takes in the attributes of a record.
    pub(super) fn take(&mut self, record: &[u8], header: &Header) {
        let mut attributes = Attributes::of(record, header);
        for attribute in attributes.by_ref() {
            if self.take_one(&attribute).is_none() && attribute.is_resident() {
                self.cut = true;
            }
        }
        self.cut |= attributes.cut;
    }

    /// Takes in the names alone, as folders need them.
    pub(super) fn take_names(&mut self, record: &[u8], header: &Header) {
        let attributes = Attributes::of(record, header).take_while(|attribute| attribute.kind <= FILE_NAME);
        for attribute in attributes.filter(|attribute| attribute.kind == FILE_NAME) {
            self.take_one(&attribute);
        }
    }

    fn take_one(&mut self, attribute: &Attribute<'_>) -> Option<()> {
        match attribute.kind {
            STANDARD_INFORMATION if self.standard.is_none() => {
                self.standard = Some(Standard::read(attribute.content()?)?);
            }
            FILE_NAME if self.names.len() < PARTS_MAX => {
                let name = Name::read(attribute.content()?, &mut self.text)?;
                self.names.push(name);
            }
            OBJECT_ID => self.droid = attribute.content()?.first_chunk().copied(),
            DATA => self.take_stream(attribute),
            REPARSE_POINT => self.take_reparse(attribute.content()?),
            LOGGED_UTILITY_STREAM if self.logged.is_empty() => self.logged = self.push(attribute.name()),
            _ => {}
        }
        Some(())
    }

    fn push(&mut self, wide: &[u8]) -> Range<usize> {
        let start = self.text.len();
        push_wide(wide, &mut self.text);
        start..self.text.len()
    }

    fn take_stream(&mut self, attribute: &Attribute<'_>) {
        let Some(size) = attribute.size() else { return };
        if attribute.name().is_empty() {
            self.size.get_or_insert(size);
            return;
        }
        if self.streams.len() >= PARTS_MAX {
            return;
        }
        let name = self.push(attribute.name());
        let start = self.text.len();
        if self.text(&name).eq_ignore_ascii_case(ZONE)
            && let Some(content) = attribute.content()
        {
            let content = content.get(..content.len().min(STREAM_TEXT_BYTES_MAX)).unwrap_or_default();
            if let Some(wide) = content.strip_prefix(&[0xff, 0xfe]) {
                push_wide(wide, &mut self.text);
            } else {
                self.text.push_str(&String::from_utf8_lossy(content));
            }
        }
        self.streams.push(Stream { name, size, zone: start..self.text.len() });
    }

    /// The tag, and the target of junctions and symbolic links.
    fn take_reparse(&mut self, content: &[u8]) {
        let Some(tag) = u32_at(content, 0) else { return };
        let names_at = match tag {
            0xa000_0003 => Some(16),
            0xa000_000c => Some(20),
            _ => None,
        };
        let place = |at: usize| u16_at(content, at).map_or(0, usize::from);
        let wide = names_at.and_then(|names| {
            let start = names + place(8);
            content.get(start..start + place(10))
        });
        let mut target = self.push(wide.unwrap_or_default());
        if self.text(&target).starts_with(DEVICE) {
            target.start += DEVICE.len();
        }
        self.reparse = Some(Reparse { tag, target });
    }
}

/// What a reparse point is for.
pub(super) fn tag_name(tag: u32) -> Option<&'static str> {
    Some(match tag {
        0xa000_0003 => "MountPoint",
        0xa000_000c => "SymbolicLink",
        0x8000_0013 => "Deduplication",
        0x8000_0014 => "Nfs",
        0x8000_0017 => "Wof",
        0x8000_0018 => "Wci",
        0x8000_001b => "AppExecLink",
        0xa000_001d => "LxSymlink",
        0x8000_0023 => "AfUnix",
        0x8000_000a => "DistributedFileSystem",
        0x8000_0012 => "DistributedFileSystemR",
        0xc000_0004 | 0x8000_0006 => "HierarchicalStorageManager",
        0x8000_0007 => "SingleInstanceStorage",
        tag if tag & 0xffff_0fff == 0x9000_001a => "Cloud",
        _ => return None,
    })
}
