//! The recycle bin's `$I` files: what was deleted, from where, when.
//!
//! In: the whole file, version 1 (Vista to 8) or 2 (10 and later). Out: one row of `file.deleted`; its time is the deletion.
//! `RecycledName` is the `$R` file beside it, which holds the content. Source: libyal's description of the format.

use crate::block::Block;
use crate::file::name_of;
use crate::whole::{Bytes, Table};
use crate::{Context, Parsed};

/// Bytes of version 1's path.
const PATH_BYTES: usize = 520;
/// Signs of the longest path of version 2.
const SIGNS_MAX: usize = 32_768;

/// Whether a file that begins so is the recycle bin's: a version, a time of this age, and a path with a drive or a server.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let bytes = Bytes(head);
    // 1980 to 2200: what else begins with a small number has no such value there.
    let timed =
        bytes.u64(16).is_some_and(|ticks| (0x01a8_e79f_e1d5_8000..0x02a3_0000_0000_0000).contains(&ticks));
    let at = match bytes.u64(0) {
        Some(1) => 24,
        Some(2) => 28,
        _ => return false,
    };
    let path = bytes.slice_or_less(at, 8);
    timed && (path.get(1..6) == Some(&[0, b':', 0, b'\\', 0]) || path.get(..4) == Some(&[b'\\', 0, b'\\', 0]))
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, "file.deleted");
    let bytes = Bytes(&block.bytes);
    if block.bytes.is_empty() {
        return table.finish();
    }
    let (at, length) = match bytes.u64(0) {
        Some(1) => (24, PATH_BYTES),
        _ => (28, bytes.size(24).unwrap_or_default().min(SIGNS_MAX) * 2),
    };
    let raw = bytes.slice_or_less(at, length);
    let path = Bytes(raw).utf16(0);
    let lost = u64::from(bytes.len() < 24);
    if raw.len() < length || path.is_empty() {
        let what = "it ends within the path of what was deleted, or says none".to_owned();
        table.damaged("recycle-damaged", at, Some(lost), what);
    }
    if lost > 0 {
        return table.finish();
    }
    table.put("Path", &path);
    table.put("FileName", name_of(&path));
    table.number("Size", bytes.u64(8));
    let own = name_of(cx.path);
    if let Some(rest) = own.strip_prefix("$I") {
        table.put("RecycledName", &format!("$R{rest}"));
    }
    // `$Recycle.Bin\S-1-5-21-…-1001\$I…`: whose bin it is.
    let sid = cx.path.rsplit(['/', '\\', '!']).nth(1).filter(|part| part.starts_with("S-1-"));
    table.put("UserSid", sid.unwrap_or_default());
    table.number("Version", bytes.u64(0));
    table.row(bytes.filetime(16), "DeletedOn", "");
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, read};

    fn file(version: u64) -> Vec<u8> {
        let mut file: Vec<u8> =
            [version, 70_000, 132_592_069_230_000_000].iter().flat_map(|one| one.to_le_bytes()).collect();
        let path = "C:\\Temp\\lsass.zip\0";
        if version == 2 {
            file.extend(u32::try_from(path.len()).expect("short").to_le_bytes());
        }
        file.extend(path.encode_utf16().flat_map(u16::to_le_bytes));
        if version == 1 {
            file.resize(24 + PATH_BYTES, 0);
        }
        file
    }

    #[test]
    fn both_versions_say_what_was_deleted() {
        let place = "a.zip!C/$Recycle.Bin/S-1-5-21-1-2-3-1001/$IAB12CD.zip";
        for version in [1, 2] {
            let file = file(version);
            assert!(recognise(&file, "x"));
            let found = read(parse_file, &file, place);
            assert_eq!(found.issues, [""; 0]);
            assert_eq!(
                found.columns(&[
                    "event_time",
                    "time_basis",
                    "Path",
                    "FileName",
                    "Size",
                    "RecycledName",
                    "UserSid"
                ]),
                [
                    r"2021-03-03T01:02:03Z | DeletedOn | C:\Temp\lsass.zip | lsass.zip | 70000 | $RAB12CD.zip | S-1-5-21-1-2-3-1001"
                ]
            );
            damage(parse_file, &file, place, 2_000);
        }
        assert_eq!(read(parse_file, &file(2)[..30], "x").damage[0].lost, Some(0));
        assert_eq!(read(parse_file, &file(2)[..20], "x").damage[0].lost, Some(1));
        assert!(!recognise(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "$I30"));
    }
}
