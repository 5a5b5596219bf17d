//! The items of which a shell's path is made: drives, folders, files, servers, places of the shell itself.
//!
//! In: one item. Out: its name, its FAT times and where its record lies in `$MFT`. Source: libyal's libfwsi.

use std::fmt::Write as _;

use piste_model::Instant;

use crate::block::Encoding;
use crate::whole::{Bytes, fat_time, utf16};

/// Places of the shell that are told by name. Source: Microsoft's list of known folders and shell classes.
const PLACES: [(&str, &str); 22] = [
    ("{20d04fe0-3aea-1069-a2d8-08002b30309d}", "This PC"),
    ("{59031a47-3f72-44a7-89c5-5595fe6b30ee}", "User's Files"),
    ("{f3364ba0-65b9-11ce-a9ba-00aa004ae837}", "Folder Shortcut"),
    ("{208d2c60-3aea-1069-a2d7-08002b30309d}", "Network"),
    ("{f02c1a0d-be21-4350-88b0-7367fc96ef3c}", "Network"),
    ("{871c5380-42a0-1069-a2ea-08002b30309d}", "Internet Explorer"),
    ("{645ff040-5081-101b-9f08-00aa002f954e}", "Recycle Bin"),
    ("{450d8fba-ad25-11d0-98a8-0800361b1103}", "My Documents"),
    ("{21ec2020-3aea-1069-a2dd-08002b30309d}", "Control Panel"),
    ("{26ee0668-a00a-44d7-9371-beb064c98683}", "Control Panel"),
    ("{5399e694-6ce5-4d6c-8fce-1d8870fdcba0}", "Control Panel"),
    ("{031e4825-7b94-4dc3-b131-e946b44c8dd5}", "Libraries"),
    ("{679f85cb-0220-4080-b29b-5540cc05aab6}", "Quick access"),
    ("{018d5c66-4533-4307-9b53-224de2ed1fe6}", "OneDrive"),
    ("{374de290-123f-4565-9164-39c4925e467b}", "Downloads"),
    ("{088e3905-0323-4b02-9826-5d99428e115f}", "Downloads"),
    ("{b4bfcc3a-db2c-424c-b029-7fe99a87c641}", "Desktop"),
    ("{fdd39ad0-238f-46af-adb4-6c85480369c7}", "Documents"),
    ("{d3162b92-9365-467a-956b-92703aca08af}", "Documents"),
    ("{24ad3ad4-a569-4530-98e1-ab02f9417aa8}", "Pictures"),
    ("{4234d49b-0245-4df3-b780-3893943456e1}", "Applications"),
    ("{2227a280-3aea-1069-a2de-08002b30309d}", "Printers"),
];

/// Signature of the block that has a file's long name.
const FILE_BLOCK: u32 = 0xbeef_0004;

/// One item.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(super) name: String,
    /// What stands before the next item's name.
    pub(super) is_drive: bool,
    pub(super) created: Option<Instant>,
    pub(super) modified: Option<Instant>,
    pub(super) accessed: Option<Instant>,
    pub(super) mft_entry: Option<u64>,
    pub(super) mft_sequence: Option<u16>,
}

impl Item {
    /// Reads an item, its size in front.
    pub(super) fn read(item: Bytes<'_>) -> Self {
        let kind = item.u8(2).unwrap_or_default();
        match kind {
            0x1f | 0x2e => Self::place(item.guid(4)),
            0x71 => Self::place(item.guid(14)),
            0x61 => Self::named(Self::address(item)),
            _ if kind & 0x70 == 0x20 => Self { name: item.text(3), is_drive: true, ..Self::default() },
            _ if kind & 0x70 == 0x30 || item.slice(4, 4) == Some(b"CFSF") => Self::file(item, kind),
            _ if kind & 0x70 == 0x40 => Self::named(item.text(5)),
            _ => {
                let file = Self::file(item, 0);
                if file.created.is_some() || file.mft_entry.is_some() {
                    file
                } else {
                    Self::named(format!("[item 0x{kind:02x}]"))
                }
            }
        }
    }

    fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    fn place(guid: Option<String>) -> Self {
        let guid = guid.unwrap_or_default();
        let name =
            PLACES.iter().find(|(one, _)| *one == guid).map_or(guid.clone(), |(_, name)| (*name).to_owned());
        Self::named(name)
    }

    /// An address of the network: flags, then the text, in UTF-16 where the flags say so.
    fn address(item: Bytes<'_>) -> String {
        let wide = item.u8(3).is_some_and(|flags| flags & 0x80 > 0);
        let at = 6 + item.u16(4).map_or(0, usize::from);
        let at = if item.u16(4) == Some(0) { 6 } else { at };
        if wide { item.utf16(at) } else { item.text(at) }
    }

    /// A file or folder: short name, then a block with the long one, made and last opened.
    fn file(item: Bytes<'_>, kind: u8) -> Self {
        // A delegated item holds the file's own within it.
        let inner = if item.slice(4, 4).is_some_and(|_| kind == 0x74) { 6 } else { 0 };
        let fields = item.from(inner);
        let modified = fields.u16(8).zip(fields.u16(10)).and_then(|(date, time)| fat_time(date, time));
        let short = match kind {
            0 => String::new(),
            _ if kind & 0x04 > 0 && inner == 0 => item.utf16(14),
            _ => fields.text(14),
        };
        let mut file = Self { name: short, modified: modified.filter(|_| kind != 0), ..Self::default() };
        let block = item.len().checked_sub(2).and_then(|last| item.u16(last)).map(usize::from);
        if let Some(block) = block.map(|at| item.from(at)).filter(|block| block.u32(4) == Some(FILE_BLOCK)) {
            file.read_block(block);
        }
        file
    }

    fn read_block(&mut self, block: Bytes<'_>) {
        let version = block.u16(2).unwrap_or_default();
        let time =
            |at: usize| block.u16(at).zip(block.u16(at + 2)).and_then(|(date, time)| fat_time(date, time));
        self.created = time(8);
        self.accessed = time(12);
        let mut at = 18;
        if version >= 7 {
            let reference = block.u64(20).filter(|reference| *reference != 0);
            self.mft_entry = reference.map(|reference| reference & 0xffff_ffff_ffff);
            self.mft_sequence = reference.and_then(|reference| u16::try_from(reference >> 48).ok());
            at = 36;
        }
        at += if version >= 3 { 2 } else { 0 };
        at += if version >= 9 { 4 } else { 0 };
        at += if version >= 8 { 4 } else { 0 };
        let size = block.u16(0).map_or(0, usize::from);
        let long = Bytes(block.slice_or_less(0, size)).utf16(at);
        if version >= 3 && !long.is_empty() {
            self.name = long;
        }
    }

    /// The item's times and place, where it has any.
    pub(super) fn told(&self) -> Option<String> {
        let mut told = self.name.clone();
        let times = [("created", self.created), ("modified", self.modified), ("accessed", self.accessed)];
        for (name, time) in times {
            if let Some(time) = time {
                let _ = write!(told, " {name}={time}");
            }
        }
        if let Some((entry, sequence)) = self.mft_entry.zip(self.mft_sequence) {
            let _ = write!(told, " mft={entry}-{sequence}");
        }
        (told != self.name).then_some(told)
    }
}

/// Items of a list that are told; a path has at most some dozens.
const ITEMS_MAX: usize = 128;

/// The items of a list without its own size, and the path that they make.
pub(super) fn read_list(list: Bytes<'_>) -> (Vec<Item>, String) {
    let (mut items, mut at): (Vec<Item>, usize) = (Vec::new(), 0);
    while let Some(size) = list.u16(at).map(usize::from).filter(|size| *size > 2) {
        items.push(Item::read(Bytes(list.slice_or_less(at, size))));
        at += size;
        if items.len() >= ITEMS_MAX {
            break;
        }
    }
    // What stands before a drive only says where the drive is shown.
    let from = items.iter().rposition(|item| item.is_drive).unwrap_or_default();
    let mut path = String::new();
    for item in items.get(from..).unwrap_or_default() {
        if !path.is_empty() && !path.ends_with('\\') {
            path.push('\\');
        }
        path.push_str(&item.name);
    }
    (items, path)
}

/// A text with its count of signs in front, and how many bytes both take.
pub(super) fn counted(bytes: Bytes<'_>, wide: bool) -> Option<(String, usize)> {
    let signs = usize::from(bytes.u16(0)?);
    let length = if wide { signs * 2 } else { signs };
    let raw = bytes.slice(2, length)?;
    let text = if wide { utf16(raw) } else { Encoding::Utf8.decode(raw).into_owned() };
    Some((text.trim_end_matches('\0').to_owned(), 2 + length))
}
