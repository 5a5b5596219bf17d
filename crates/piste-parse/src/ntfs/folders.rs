//! The folders of a volume, and which records extend which.
//!
//! In: `$MFT`, read once from its first byte to its last. Out: a map of folders alone, from which any file's path is put
//! together, and the extension records of each file. A name's parent is believed only where its sequence number fits: a
//! record that was used again is another folder, and what lay in the old one is an orphan.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;

use foldhash::fast::RandomState;
use piste_model::guard;

use super::mft::{is_signed, record_number};
use super::raw::{Fixups, Reference, apply_fixups};
use super::record::{ATTRIBUTE_LIST, Attributes, DOS, Found, Header, Name};
use crate::random_access::ReadAt;

/// Bytes read in one step.
const STEP_BYTES: usize = 4 << 20;
/// Folders that are kept: a volume of six million files has some 900,000.
const FOLDERS_MAX: usize = 2_000_000;
/// Bytes of their names.
const NAMES_BYTES_MAX: usize = 96 << 20;
/// Extension records that are kept.
const EXTENSIONS_MAX: usize = 4_000_000;
/// Extension records of one file: an attribute list of 256 KB names fewer.
const EXTENSIONS_OF_ONE_MAX: usize = 8_192;
/// Folders in one another; Windows allows some 16,000 of one letter, and real ones are below 100.
const DEPTH_MAX: usize = 512;
/// Bytes of a path: 32,767 signs are the most that Windows allows.
const PATH_BYTES_MAX: usize = 32_767;

/// One folder.
#[derive(Debug, Clone, Copy)]
struct Folder {
    parent: Reference,
    sequence: u16,
    in_use: bool,
    name_bytes: u16,
    name_at: u32,
}

/// A record that may have extensions.
#[derive(Debug, Clone, Copy)]
struct Base {
    position: u32,
    sequence: u16,
    in_use: bool,
}

/// A record that extends another; by their places in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extension {
    base: u32,
    position: u32,
}

/// What the first reading found.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "its folders and its names are two things")]
pub(super) struct Folders {
    folders: Vec<Folder>,
    by_entry: HashMap<u32, u32, RandomState>,
    names: String,
    /// Of all records, in the order of their bases.
    extensions: Vec<Extension>,
    /// Places of extension records whose base is here, in their order.
    extending: Vec<u32>,
    /// Folders or extensions that were too many to be kept.
    pub(super) left_out: u64,
    /// Records whose own number is not that of their place.
    pub(super) misplaced: u64,
}

/// Whether a path leads to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// All folders above are known.
    Known,
    /// A folder above is not in this table any more.
    Orphan,
}

/// What the reading must remember until its end.
#[derive(Default)]
struct Pass {
    bases: HashMap<u32, Base, RandomState>,
    waiting: Vec<(Reference, u32)>,
    /// Folders whose name stands in an extension record, by the place of the folder's record.
    nameless: Vec<(u32, u32)>,
    found: Found,
}

impl Folders {
    /// Reads the table once.
    ///
    /// # Errors
    /// What the medium answers.
    pub(super) fn read(content: &dyn ReadAt, record_bytes: usize) -> io::Result<Self> {
        let (mut all, mut pass) = (Self::default(), Pass::default());
        let bytes = usize::try_from(content.bytes()).unwrap_or(STEP_BYTES);
        let mut buffer = vec![0; bytes.clamp(record_bytes, STEP_BYTES)];
        let (mut offset, mut position) = (0, 0_u32);
        while offset < content.bytes() {
            guard::check();
            let length = content.read_at(offset, &mut buffer)?;
            let bytes = buffer.get_mut(..length / record_bytes * record_bytes).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            offset += bytes.len() as u64;
            for record in bytes.chunks_exact_mut(record_bytes) {
                all.take(record, position, &mut pass);
                position = position.saturating_add(1);
            }
        }
        all.join(pass, content, record_bytes)?;
        Ok(all)
    }

    fn take(&mut self, record: &mut [u8], position: u32, pass: &mut Pass) {
        let Some(header) = Some(&*record).filter(|record| is_signed(record)).and_then(Header::read) else {
            return;
        };
        let entry = record_number(&header, position);
        self.misplaced += u64::from(entry != position);
        if let Some(base) = header.base {
            if pass.waiting.len() < EXTENSIONS_MAX {
                pass.waiting.push((base, position));
            } else {
                self.left_out += 1;
            }
            return;
        }
        let listed =
            Attributes::of(record, &header).take(2).any(|attribute| attribute.kind == ATTRIBUTE_LIST);
        if listed && pass.bases.len() < EXTENSIONS_MAX {
            let base = Base { position, sequence: header.sequence, in_use: header.in_use };
            let known = pass.bases.entry(entry).or_insert(base);
            if base.in_use && !known.in_use {
                *known = base;
            }
        }
        if header.is_directory && apply_fixups(record) != Fixups::Impossible {
            pass.found.clear();
            pass.found.take_names(record, &header);
            let folder = self.add(entry, &header, &pass.found);
            if let Some(folder) =
                folder.filter(|_| listed && pass.found.names.iter().all(|name| name.kind == DOS))
            {
                pass.nameless.push((position, folder));
            }
        }
    }

    /// Keeps a folder; gives its index.
    fn add(&mut self, entry: u32, header: &Header, found: &Found) -> Option<u32> {
        if self.folders.len() >= FOLDERS_MAX || self.names.len() >= NAMES_BYTES_MAX {
            self.left_out += 1;
            return None;
        }
        let known = self.by_entry.get(&entry).and_then(|at| self.folders.get(usize::try_from(*at).ok()?));
        if known.is_some_and(|known| known.in_use && !header.in_use) {
            return None;
        }
        let name = best(&found.names);
        let at = u32::try_from(self.folders.len()).ok()?;
        let parent = name.map(|name| name.parent).unwrap_or_default();
        let (name_at, name_bytes) = self.keep(name.map(|name| found.text(&name.text)).unwrap_or_default());
        let (sequence, in_use) = (header.sequence, header.in_use);
        self.folders.push(Folder { parent, sequence, in_use, name_bytes, name_at });
        self.by_entry.insert(entry, at);
        Some(at)
    }

    fn keep(&mut self, name: &str) -> (u32, u16) {
        let at = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push_str(name);
        (at, u16::try_from(name.len()).unwrap_or(u16::MAX)) // 255 units are at most 765 bytes
    }

    /// Finds the base of each extension record, and the names of folders that stand in one.
    fn join(&mut self, pass: Pass, content: &dyn ReadAt, record_bytes: usize) -> io::Result<()> {
        let Pass { bases, waiting, nameless, mut found } = pass;
        for (base, position) in waiting {
            let known = u32::try_from(base.entry).ok().and_then(|entry| bases.get(&entry));
            if let Some(known) = known.filter(|known| base.is_to(known.sequence, known.in_use)) {
                self.extensions.push(Extension { base: known.position, position });
                self.extending.push(position);
            }
        }
        self.extensions.sort_unstable();
        self.extending.sort_unstable();
        let mut record = vec![0; record_bytes];
        for (position, folder) in nameless {
            guard::check();
            found.clear();
            for extension in self.extensions_of(position) {
                let read = content.read_at(u64::from(extension) * record_bytes as u64, &mut record)?;
                let whole = read == record.len() && apply_fixups(&mut record) != Fixups::Impossible;
                if let Some(header) = Header::read(&record).filter(|_| whole) {
                    found.take_names(&record, &header);
                }
            }
            let Some(name) = best(&found.names) else { continue };
            let (name_at, name_bytes) = self.keep(found.text(&name.text));
            if let Some(known) = usize::try_from(folder).ok().and_then(|at| self.folders.get_mut(at)) {
                *known = Folder { parent: name.parent, name_at, name_bytes, ..*known };
            }
        }
        Ok(())
    }

    /// Places of the records that extend the one at this place.
    pub(super) fn extensions_of(&self, position: u32) -> impl Iterator<Item = u32> {
        let from = self.extensions.partition_point(|extension| extension.base < position);
        let rest = self.extensions.get(from..).unwrap_or_default();
        let own = rest.iter().take_while(move |extension| extension.base == position);
        own.take(EXTENSIONS_OF_ONE_MAX).map(|extension| extension.position)
    }

    /// Whether the record at this place extends one that is here.
    pub(super) fn is_extending(&self, position: u32) -> bool {
        self.extending.binary_search(&position).is_ok()
    }

    /// Appends the path of a folder, `\inetpub\wwwroot`; nothing for the root.
    pub(super) fn push_path(&self, of: Reference, out: &mut String) -> Place {
        let mut above: Vec<&str> = Vec::new();
        let (mut at, mut bytes) = (of, 0);
        let place = loop {
            let Some(folder) = self.folder(at) else {
                // The root is always of this sequence; a part of a table may not have its record.
                let root = at.entry == Reference::ROOT && (at.sequence == 5 || at.sequence == 0);
                break if root { Place::Known } else { Place::Orphan };
            };
            if at.entry == Reference::ROOT {
                break Place::Known;
            }
            let from = usize::try_from(folder.name_at).unwrap_or(usize::MAX);
            let name =
                self.names.get(from..from.saturating_add(usize::from(folder.name_bytes))).unwrap_or_default();
            bytes += name.len() + 1;
            if name.is_empty() || above.len() >= DEPTH_MAX || bytes > PATH_BYTES_MAX {
                break Place::Orphan; // without a name, or in a circle
            }
            above.push(name);
            at = folder.parent;
        };
        if place == Place::Orphan {
            out.push_str(r"\PathUnknown\Directory with ID ");
            push_id(at, out);
        }
        for name in above.iter().rev() {
            out.push('\\');
            out.push_str(name);
        }
        place
    }

    /// The folder that is meant, if it is still what its record holds.
    fn folder(&self, of: Reference) -> Option<&Folder> {
        let at = self.by_entry.get(&u32::try_from(of.entry).ok()?)?;
        let folder = self.folders.get(usize::try_from(*at).ok()?)?;
        (of.sequence == 0 || of.is_to(folder.sequence, folder.in_use)).then_some(folder)
    }
}

/// Paths of folders that were put together for this piece.
#[derive(Default)]
pub(super) struct Paths {
    text: String,
    known: HashMap<Reference, (Range<usize>, Place), RandomState>,
}

impl Paths {
    /// The folder's path, and whether all above it is known.
    pub(super) fn of(&mut self, folder: Reference, folders: &Folders) -> (&str, Place) {
        let Self { text, known } = self;
        let (range, place) = known.entry(folder).or_insert_with(|| {
            let start = text.len();
            let place = folders.push_path(folder, text);
            (start..text.len(), place)
        });
        (text.get(range.clone()).unwrap_or_default(), *place)
    }
}

/// `0x0000DB12-00000003`
fn push_id(of: Reference, out: &mut String) {
    let _ = write!(out, "0x{:08X}-{:08X}", of.entry, of.sequence);
}

/// The name that a path shows: the long one.
fn best(names: &[Name]) -> Option<&Name> {
    names.iter().find(|name| name.kind != DOS).or_else(|| names.first())
}
