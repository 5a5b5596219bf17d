//! Shell items: how the shell names a folder, a file, a volume or a share within its parent.
//!
//! In: a list of items. Out: the name of each, and what it knows of a file: size, times (FAT, the host's local time), and
//! its record in the MFT. An item of an unknown class shows its class. Source: libyal's libfwsi, "Windows Shell Item format".

use super::super::le::{guid_at, latin1_text, place, u16_at, u32_at, u64_at, utf16_text};

/// Items of one list.
const ITEMS_MAX: usize = 256;
/// Signature of the block that a file's item has behind its short name.
const FILE_BLOCK: &[u8] = &[0x04, 0, 0xEF, 0xBE];

/// What an item says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) size: Option<u32>,
    /// FAT times, in the host's local time.
    pub(super) modified: Option<String>,
    pub(super) created: Option<String>,
    pub(super) accessed: Option<String>,
    pub(super) mft_entry: Option<u64>,
    pub(super) mft_sequence: Option<u16>,
}

/// Folders by their class (Microsoft, "CLSID" of the shell's name space).
const FOLDERS: [(&str, &str); 20] = [
    ("{20D04FE0-3AEA-1069-A2D8-08002B30309D}", "My Computer"),
    ("{208D2C60-3AEA-1069-A2D7-08002B30309D}", "Network"),
    ("{F02C1A0D-BE21-4350-88B0-7367FC96EF3C}", "Network"),
    ("{450D8FBA-AD25-11D0-98A8-0800361B1103}", "My Documents"),
    ("{645FF040-5081-101B-9F08-00AA002F954E}", "Recycle Bin"),
    ("{59031A47-3F72-44A7-89C5-5595FE6B30EE}", "User"),
    ("{5E5F29CE-E0A8-49D3-AF32-7A7BDC173478}", "My Computer"),
    ("{B4BFCC3A-DB2C-424C-B029-7FE99A87C641}", "Desktop"),
    ("{374DE290-123F-4565-9164-39C4925E467B}", "Downloads"),
    ("{088E3905-0323-4B02-9826-5D99428E115F}", "Downloads"),
    ("{A8CDFF1C-4878-43BE-B5FD-F8091C1C60D0}", "Documents"),
    ("{D3162B92-9365-467A-956B-92703ACA08AF}", "Documents"),
    ("{3ADD1653-EB32-4CB0-BBD7-DFA0ABB5ACCA}", "Pictures"),
    ("{24AD3AD4-A569-4530-98E1-AB02F9417AA8}", "Pictures"),
    ("{F86FA3AB-70D2-4FC7-9C99-FCBF05467F3A}", "Videos"),
    ("{A0953C92-50DC-43BF-BE83-3742FED03C9C}", "Videos"),
    ("{3DFDF296-DBEC-4FB4-81D1-6A3438BCF4DE}", "Music"),
    ("{1CF1260C-4DD0-4EBB-811F-33C572699FDE}", "Music"),
    ("{679F85CB-0220-4080-B29B-5540CC05AAB6}", "Quick access"),
    ("{26EE0668-A00A-44D7-9371-BEB064C98683}", "Control Panel"),
];

/// The items of a list; it ends at one without a size.
pub(super) fn list(bytes: &[u8]) -> Vec<Item> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(size) = u16_at(bytes, at).map(usize::from).filter(|size| *size >= 3) {
        let Some(item) = bytes.get(at..at + size) else { break };
        found.push(one(item));
        at += size;
        if found.len() >= ITEMS_MAX {
            break;
        }
    }
    found
}

/// The path that the items make.
pub(super) fn path(items: &[Item]) -> String {
    let names: Vec<&str> =
        items.iter().map(|item| item.name.trim_end_matches('\\')).filter(|name| !name.is_empty()).collect();
    names.join("\\")
}

/// One item, with its size in front.
pub(super) fn one(item: &[u8]) -> Item {
    let class = item.get(2).copied().unwrap_or_default();
    match class {
        0x1F | 0x2E => folder_of_class(item, 4),
        0x20..=0x2F => {
            Item { name: latin1_text(item.get(3..).unwrap_or_default()), kind: "volume", ..Item::default() }
        }
        0x30..=0x3F => file(item, class),
        0x40..=0x4F => {
            Item { name: latin1_text(item.get(5..).unwrap_or_default()), kind: "network", ..Item::default() }
        }
        0x61 => Item { name: uri(item), kind: "URI", ..Item::default() },
        0x70 | 0x71 => folder_of_class(item, 14),
        _ => other(item, class),
    }
}

fn folder_of_class(item: &[u8], at: usize) -> Item {
    let guid = guid_at(item, at).unwrap_or_default();
    let known = FOLDERS.iter().find(|(known, _)| *known == guid);
    let name = known.map_or_else(|| guid.clone(), |(_, name)| (*name).to_owned());
    Item { name, kind: "folder of the shell", ..Item::default() }
}

/// A file or a folder of a file system.
fn file(item: &[u8], class: u8) -> Item {
    let is_wide = class & 0x04 != 0;
    let rest = item.get(14..).unwrap_or_default();
    let short = if is_wide { utf16_text(rest) } else { latin1_text(rest) };
    let is_folder = class & 0x01 != 0;
    let mut found = Item {
        name: short,
        kind: if is_folder { "folder" } else { "file" },
        size: u32_at(item, 4).filter(|_| !is_folder),
        modified: fat_time(item, 8),
        ..Item::default()
    };
    read_block(item, &mut found);
    found
}

/// The block with the long name; where it begins stands in the item's last two bytes, or is looked for.
fn read_block(item: &[u8], found: &mut Item) {
    let told = item.len().checked_sub(2).and_then(|at| u16_at(item, at)).map(usize::from);
    let is_block = |at: &usize| item.get(at + 4..at + 8) == Some(FILE_BLOCK);
    let at = told
        .filter(is_block)
        .or_else(|| memchr::memmem::find(item, FILE_BLOCK).and_then(|place| place.checked_sub(4)));
    let Some(block) = at.and_then(|at| item.get(at..)) else { return };
    let version = u16_at(block, 2).unwrap_or_default();
    found.created = fat_time(block, 8);
    found.accessed = fat_time(block, 12);
    let mut name_at = 18;
    if version >= 7 {
        let reference = u64_at(block, 20).unwrap_or_default();
        if reference != 0 {
            found.mft_entry = Some(reference & 0xFFFF_FFFF_FFFF);
            found.mft_sequence = u16::try_from(reference >> 48).ok();
        }
        name_at += 18;
    }
    if version >= 3 {
        name_at += 2;
    }
    if version >= 9 {
        name_at += 4;
    }
    if version >= 8 {
        name_at += 4;
    }
    if version >= 3 {
        let name = utf16_text(block.get(name_at..).unwrap_or_default());
        if !name.is_empty() && !name.contains(char::is_control) {
            found.name = name;
        }
    }
}

/// An address, behind two lengths.
fn uri(item: &[u8]) -> String {
    let is_wide = item.get(3).is_some_and(|flags| flags & 0x80 != 0);
    let skip = u16_at(item, 4).map_or(0, usize::from);
    let rest = item
        .get(if skip > 0 { 8 + skip.min(item.len()) } else { 8 }..)
        .or_else(|| item.get(8..))
        .unwrap_or_default();
    if is_wide { utf16_text(rest) } else { latin1_text(rest) }
}

/// An item of another class: a file within it has its block; else a folder's class.
fn other(item: &[u8], class: u8) -> Item {
    let mut found = Item { name: String::new(), kind: "other", ..Item::default() };
    read_block(item, &mut found);
    if found.name.is_empty() {
        let guid = guid_at(item, 4).filter(|guid| FOLDERS.iter().any(|(known, _)| known == guid));
        found.name = guid.unwrap_or_else(|| format!("(item 0x{class:02x}, {} bytes)", item.len()));
    }
    found
}

/// FAT's date and time, in two seconds; without a zone.
fn fat_time(bytes: &[u8], at: usize) -> Option<String> {
    let both = u32_at(bytes, at)?;
    let (date, time) = (both & 0xFFFF, both >> 16);
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
    let plausible = (1..=12).contains(&month) && day > 0 && hour < 24 && minute < 60 && second < 60;
    plausible.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// The bytes behind a UTF-16 text and its NUL.
pub(super) fn behind_text(bytes: &[u8]) -> &[u8] {
    let units = bytes.chunks_exact(2).position(|pair| pair == [0, 0]);
    units.and_then(|units| bytes.get(units * 2 + 2..)).unwrap_or_default()
}

/// Numbers of a list of last use, newest first.
pub(super) fn order(data: &[u8]) -> Vec<u32> {
    let numbers = data.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    numbers.take_while(|number| *number != u32::MAX).take(place(65_536)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::building::wide;
    use super::*;

    #[test]
    fn a_folder_has_its_long_name_times_and_record() {
        let mut item = vec![0, 0, 0x31, 0, 0, 0, 0, 0, 0x6C, 0x52, 0xA6, 0x55, 0x10, 0];
        item.extend(b"LONGNA~1\0\0");
        let block_at = item.len();
        let name = wide("Long name\0");
        let size = u16::try_from(46 + name.len() + 2).unwrap();
        item.extend(size.to_le_bytes());
        item.extend([9, 0, 4, 0, 0xEF, 0xBE, 0x6C, 0x52, 0xA6, 0x55, 0x6C, 0x52, 0xA6, 0x55, 0x2E, 0, 0, 0]);
        item.extend((0x0003_0000_0000_1234_u64).to_le_bytes());
        item.extend([0; 8]);
        item.extend([0; 10]);
        item.extend(name);
        item.extend(u16::try_from(block_at).unwrap().to_le_bytes());
        let length = u16::try_from(item.len()).unwrap();
        item[..2].copy_from_slice(&length.to_le_bytes());
        let found = one(&item);
        assert_eq!((found.name.as_str(), found.kind), ("Long name", "folder"));
        assert_eq!((found.mft_entry, found.mft_sequence), (Some(0x1234), Some(3)));
        assert_eq!(found.created.as_deref(), Some("2021-03-12T10:45:12"));
        for cut in 0..item.len() {
            one(&item[..cut]);
            list(&item[..cut]);
        }
    }

    #[test]
    fn volumes_and_folders_of_the_shell_make_a_path() {
        let mut bytes = vec![
            20, 0, 0x1F, 0x50, 0xE0, 0x4F, 0xD0, 0x20, 0xEA, 0x3A, 0x69, 0x10, 0xA2, 0xD8, 8, 0, 0x2B, 0x30,
            0x30, 0x9D,
        ];
        bytes.extend([7, 0, 0x2F, b'C', b':', b'\\', 0, 0, 0]);
        assert_eq!(path(&list(&bytes)), r"My Computer\C:");
    }
}
