//! One shortcut's structures, in their order.
//!
//! In: bytes that begin with a shortcut; more may follow, as in jump lists. Out: what it says, and what could not be read.
//! Source: MS-SHLLINK.

use piste_model::Instant;

use super::item::{Item, counted, read_list};
use super::tracker::Tracker;
use super::{MAGIC, target};
use crate::whole::Bytes;

const HEADER_BYTES: usize = 76;
const HAS_ID_LIST: u32 = 1;
const HAS_LINK_INFO: u32 = 2;
const IS_UNICODE: u32 = 0x80;
const NO_LINK_INFO: u32 = 0x100;
/// Bytes of what says where the target lies; a path has 64 kB at most.
const INFO_BYTES_MAX: usize = 256 << 10;
/// Blocks behind the texts that are looked at.
const BLOCKS_MAX: usize = 64;

/// Blocks behind the texts, by signature.
const BLOCKS: [(u32, &str); 11] = [
    (0xa000_0001, "environment"),
    (0xa000_0002, "console"),
    (0xa000_0003, "tracker"),
    (0xa000_0004, "console-page"),
    (0xa000_0005, "special-folder"),
    (0xa000_0006, "darwin"),
    (0xa000_0007, "icon-environment"),
    (0xa000_0008, "shim"),
    (0xa000_0009, "properties"),
    (0xa000_000b, "known-folder"),
    (0xa000_000c, "id-list"),
];

/// A shortcut.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(super) flags: u32,
    pub(super) attributes: u32,
    pub(super) created: Option<Instant>,
    pub(super) accessed: Option<Instant>,
    pub(super) modified: Option<Instant>,
    pub(super) size: u32,
    show: u32,
    pub(super) hot_key: Option<u16>,
    pub(super) items: Vec<Item>,
    pub(super) id_path: String,
    pub(super) local_path: String,
    pub(super) network_path: String,
    pub(super) drive_type: &'static str,
    pub(super) serial: Option<u32>,
    pub(super) label: String,
    pub(super) name: String,
    pub(super) relative_path: String,
    pub(super) working_directory: String,
    pub(super) arguments: String,
    pub(super) icon_location: String,
    pub(super) environment_path: String,
    pub(super) tracker: Option<Tracker>,
    pub(super) extra_blocks: Vec<&'static str>,
    /// How far it was read.
    pub(crate) end: usize,
    /// Why the rest is missing.
    pub(crate) broken: Option<String>,
}

impl Link {
    /// Reads the shortcut that begins here; `None` where none does.
    pub(crate) fn read(bytes: Bytes<'_>) -> Option<Self> {
        if !bytes.0.starts_with(&MAGIC) || bytes.len() < HEADER_BYTES {
            return None;
        }
        let mut link = Self {
            flags: bytes.u32(20)?,
            attributes: bytes.u32(24)?,
            created: bytes.filetime(28),
            accessed: bytes.filetime(36),
            modified: bytes.filetime(44),
            size: bytes.u32(52)?,
            show: bytes.u32(60)?,
            hot_key: bytes.u16(64).filter(|key| *key != 0),
            ..Self::default()
        };
        if let Err(what) = link.read_behind_header(bytes) {
            link.broken = Some(format!("it ends within {what}, or lies about its length"));
        }
        Some(link)
    }

    fn read_behind_header(&mut self, bytes: Bytes<'_>) -> Result<(), &'static str> {
        let mut at = HEADER_BYTES;
        if self.flags & HAS_ID_LIST > 0 {
            let what = "the items of the target's path";
            let size = usize::from(bytes.u16(at).ok_or(what)?);
            (self.items, self.id_path) = read_list(Bytes(bytes.slice_or_less(at + 2, size)));
            bytes.slice(at + 2, size).ok_or(what)?;
            at += 2 + size;
        }
        if self.flags & HAS_LINK_INFO > 0 && self.flags & NO_LINK_INFO == 0 {
            let what = "where its target lies";
            let size = bytes.size(at).ok_or(what)?;
            target::read(Bytes(bytes.slice_or_less(at, size.min(INFO_BYTES_MAX))), self);
            bytes.slice(at, size).ok_or(what)?;
            at += size;
        }
        self.end = at;
        at = self.read_texts(bytes, at)?;
        self.end = at;
        self.read_blocks(bytes, at)
    }

    fn read_texts(&mut self, bytes: Bytes<'_>, mut at: usize) -> Result<usize, &'static str> {
        let wide = self.flags & IS_UNICODE > 0;
        let flags = self.flags;
        let texts = [
            (4, &mut self.name),
            (8, &mut self.relative_path),
            (0x10, &mut self.working_directory),
            (0x20, &mut self.arguments),
            (0x40, &mut self.icon_location),
        ];
        for (flag, text) in texts {
            if flags & flag > 0 {
                let (value, length) = counted(bytes.from(at), wide).ok_or("its texts")?;
                *text = value;
                at += length;
                self.end = at;
            }
        }
        Ok(at)
    }

    fn read_blocks(&mut self, bytes: Bytes<'_>, mut at: usize) -> Result<(), &'static str> {
        for _ in 0..BLOCKS_MAX {
            // A size below four ends the blocks; what follows belongs to another.
            let Some(size) = bytes.size(at).filter(|size| *size >= 8) else { break };
            let block = Bytes(bytes.slice_or_less(at, size));
            let signature = block.u32(4).unwrap_or_default();
            let Some((_, name)) = BLOCKS.iter().find(|(one, _)| *one == signature) else {
                // Behind the last link of a list there may be anything.
                return if bytes.slice(at, size).is_some() { Ok(()) } else { Err("its further blocks") };
            };
            self.extra_blocks.push(name);
            match signature {
                0xa000_0001 => self.environment_path = environment(block),
                0xa000_0003 => self.tracker = Tracker::read(block),
                0xa000_000c if self.items.is_empty() => {
                    (self.items, self.id_path) = read_list(block.from(8));
                }
                _ => {}
            }
            bytes.slice(at, size).ok_or("its further blocks")?;
            at += size;
            self.end = at;
        }
        Ok(())
    }

    /// The path of what it leads to: the surest of those that it has.
    pub(crate) fn target(&self) -> &str {
        let paths = [&self.local_path, &self.network_path, &self.environment_path, &self.id_path];
        paths.into_iter().find(|path| !path.is_empty()).map_or("", String::as_str)
    }

    /// How its window opens; 7 hides it from the eye.
    pub(super) fn window(&self) -> &'static str {
        match self.show {
            3 => "maximised",
            7 => "minimised",
            _ => "normal",
        }
    }
}

/// The target's path with variables of the environment: in UTF-16, or before it in the system's own signs.
fn environment(block: Bytes<'_>) -> String {
    let wide = Bytes(block.slice_or_less(268, 520)).utf16(0);
    if wide.is_empty() { Bytes(block.slice_or_less(8, 260)).text(0) } else { wide }
}
