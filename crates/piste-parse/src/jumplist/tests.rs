//! Jump lists that the tests write.

use super::{parse_file, recognise};
use crate::lnk::tests::link;
use crate::whole::testing::{damage, members, read};

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The list of one entry, number 0x1a.
fn list(version: u32) -> Vec<u8> {
    let mut list = vec![0; 32];
    list[..4].copy_from_slice(&version.to_le_bytes());
    list[4] = 1;
    let mut entry = vec![0; if version == 1 { 112 } else { 128 }];
    entry[72..76].copy_from_slice(b"ws07");
    entry[88] = 0x1a;
    entry[100..108].copy_from_slice(&132_592_069_230_000_000_u64.to_le_bytes());
    entry[108..112].copy_from_slice(&u32::MAX.to_le_bytes());
    if version > 1 {
        entry[116] = 9;
    }
    let path = r"C:\Temp\evil program.exe";
    entry.extend(u16::try_from(path.len()).expect("short").to_le_bytes());
    entry.extend(wide(path));
    if version > 1 {
        entry.extend([0; 4]);
    }
    list.extend(entry);
    list
}

/// A compound file with these streams, all small: header, table, directory, table of small pieces, the pieces.
fn compound(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let sector = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    let (mut pieces, mut next, mut entries) = (Vec::new(), Vec::<u32>::new(), Vec::new());
    let mut entry = |name: &str, kind: u8, start: u32, size: usize| {
        let mut entry = wide(name);
        let length = u16::try_from(entry.len() + 2).expect("short");
        entry.resize(64, 0);
        entry.extend(length.to_le_bytes());
        entry.extend([kind, 1]);
        entry.resize(116, 0xff);
        entry.extend(start.to_le_bytes());
        entry.extend((size as u64).to_le_bytes());
        entries.extend(entry);
    };
    entry("Root Entry", 5, 4, 0);
    for (name, bytes) in streams {
        entry(name, 2, u32::try_from(next.len()).expect("few"), bytes.len());
        pieces.extend(bytes);
        pieces.resize(pieces.len().div_ceil(64) * 64, 0);
        while next.len() * 64 < pieces.len() {
            let following = u32::try_from(next.len() + 1).expect("few");
            next.push(if following as usize * 64 >= pieces.len() { 0xffff_fffe } else { following });
        }
    }
    sector(&mut entries);
    sector(&mut pieces);
    let mut small: Vec<u8> = next.iter().flat_map(|one| one.to_le_bytes()).collect();
    sector(&mut small);
    assert!(entries.len() == 512 && small.len() == 512, "one sector each");
    let mut table: Vec<u8> = [0xffff_fffd_u32, 0xffff_fffe, 0xffff_fffe, 0xffff_fffe]
        .iter()
        .flat_map(|one| one.to_le_bytes())
        .collect();
    let sectors = u32::try_from(pieces.len() / 512).expect("few");
    for at in 0..sectors {
        table.extend((if at + 1 == sectors { 0xffff_fffe } else { 5 + at }).to_le_bytes());
    }
    table.resize(512, 0xff);
    let mut file = super::compound::MAGIC.to_vec();
    file.resize(512, 0xff);
    for (at, number) in [
        (30, 9_u32),
        (32, 6),
        (44, 1),
        (48, 1),
        (56, 4_096),
        (60, 2),
        (64, 1),
        (68, u32::MAX),
        (72, 0),
        (76, 0),
    ] {
        let width = if at < 40 { 2 } else { 4 };
        file[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    }
    [file, table, entries, small, vec![0; 512], pieces].concat()
}

#[test]
fn an_entry_is_a_row_with_its_shortcut() {
    let shown = [
        "event_time",
        "time_basis",
        "host",
        "AppId",
        "AppIdDescription",
        "User",
        "EntryNumber",
        "Path",
        "Hostname",
        "PinStatus",
        "InteractionCount",
        "Arguments",
        "MachineMACAddress",
    ];
    for (version, count) in [(1, "~"), (3, "9"), (4, "9")] {
        let file = compound(&[("DestList", list(version)), ("1a", link())]);
        let path = "C/Users/ann/AppData/Roaming/Microsoft/Windows/Recent/AutomaticDestinations/1bc392b8e104a00e.automaticDestinations-ms";
        assert!(recognise(&file, path) && recognise(&file, "x"));
        let found = read(parse_file, &file, path);
        assert_eq!(found.issues, [""; 0]);
        assert_eq!(
            found.columns(&shown),
            [format!(
                r"2021-03-03T01:02:03Z | DestList LastModified | HINT | 1bc392b8e104a00e | Remote Desktop | ann | 1a | C:\Temp\evil program.exe | ws07 | not pinned | {count} | -enc AAAA | 08:00:27:01:02:03"
            )]
        );
        damage(parse_file, &file, path, 4_000);
    }
}

#[test]
fn a_shortcut_without_an_entry_is_a_row_too() {
    let found = read(parse_file, &compound(&[("7", link())]), "x.automaticDestinations-ms");
    assert_eq!(
        found.columns(&["time_basis", "EntryNumber", "Listed", "TargetPath"]),
        [r"TargetAccessed | 7 | no | C:\Temp\evil program.exe"]
    );
    assert!(found.issues[0].contains("list of entries is missing"), "{:?}", found.issues);
}

#[test]
fn a_custom_list_is_its_shortcuts() {
    let head = [2_u32, 1, 0, 2, 2].iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>();
    let file = [head, link(), link(), b"\xab\xfb\xbf\xba".to_vec()].concat();
    assert!(recognise(&file, "x"));
    let found = read(parse_file, &file, "9b9cdc69c1c24e2b.customDestinations-ms");
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&["AppIdDescription", "EntryNumber"]),
        ["Notepad (64-bit) | 0", "Notepad (64-bit) | 1"]
    );
    let cut = read(parse_file, &file[..file.len() - 100], "x");
    assert_eq!((cut.rows.len(), cut.damage.len()), (2, 1));
    damage(parse_file, &file, "x.customDestinations-ms", 3_000);
}

#[test]
fn shortcuts_that_cover_each_other_cost_a_limited_time() {
    let mut covering = link()[..76].to_vec();
    covering[20..24].copy_from_slice(&(0x20_u32 | 0x80).to_le_bytes());
    covering.extend([0xff, 0x7f]);
    let head = [2_u32, 1, 0].iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>();
    let file = [head, covering.repeat(20_000)].concat();
    let found = read(parse_file, &file, "x.customDestinations-ms");
    // Some dozen, and at the end those for whose texts too few bytes are left: 657 of 20,000.
    assert!(found.rows.len() < 1_000, "{}", found.rows.len());
    // Where each lies about its length, they are read as far as they go.
    let mut lying = covering.clone();
    lying.truncate(70);
    assert!(read(parse_file, &lying.repeat(5_000), "x.customDestinations-ms").rows.len() <= 5_000);
}

/// As many entries as there are shortcuts in each file, and the values of some.
#[test]
fn real_lists_are_read() {
    let Some(files) = members("small.zip") else { return };
    let (mut counts, mut found) = (Vec::new(), Vec::new());
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with("Destinations-ms")) {
        assert!(recognise(bytes, name), "{name}");
        let list = read(parse_file, bytes, name);
        assert_eq!(list.issues, [""; 0], "{name}");
        counts.push((name.rsplit('/').next().expect("a name").get(..16).expect("an id"), list.rows.len()));
        found.extend(list.columns(&[
            "event_time",
            "Hostname",
            "Path",
            "TargetPath",
            "Arguments",
            "InteractionCount",
        ]));
        damage(parse_file, bytes, name, 1_000);
    }
    counts.sort_unstable();
    let expected = [
        ("1b4dd67f29cb1962", 7),
        ("368d807282ccde9d", 3),
        ("5afe4de1b92fc382", 9),
        ("9d1f905ce5044aee", 2),
        ("c98dce577f884ef8", 0),
    ];
    assert_eq!(counts, expected);
    for row in [
        r"2015-08-29T15:32:44.034300800Z | student-pc1 | C:\Users\bperry\Downloads | C:\Users\bperry\Downloads | ~ | ~",
        r"2016-01-17T13:08:08.247504500Z | ~ | http://support.microsoft.com/kb/3124263 | Internet Explorer\ | ~ | 1",
        r"2024-01-16T06:12:41.240052300Z | ~ | ~ | C:\test | My Arguments | ~",
    ] {
        assert!(found.iter().any(|one| one == row), "{row} in {found:#?}");
    }
}
