//! Shortcuts that the tests write.

use super::{MAGIC, parse_file, recognise};
use crate::whole::testing::{damage, members, read};

const CREATED: u64 = 132_592_069_230_000_000;

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn sized(body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len() + 2).expect("short");
    [&size.to_le_bytes(), body].concat()
}

/// An item of a file with its long name, made and opened at 2021-03-03 01:17:22, entry 5-7 of the master file table.
fn file_item(name: &str) -> Vec<u8> {
    let mut item = vec![0x32, 0];
    item.extend(70_000_u32.to_le_bytes());
    item.extend([0x63, 0x52, 0x2b, 0x0a, 0x20, 0]);
    item.extend(b"SHORT~1.EXE\0");
    let mut block = vec![0_u8; 46];
    block[2] = 9;
    block[4..8].copy_from_slice(&0xbeef_0004_u32.to_le_bytes());
    block[8..12].copy_from_slice(&[0x63, 0x52, 0x2b, 0x0a]);
    block[12..16].copy_from_slice(&[0x63, 0x52, 0x2b, 0x0a]);
    block[20..28].copy_from_slice(&(7_u64 << 48 | 5).to_le_bytes());
    block.extend(wide(&format!("{name}\0")));
    let at = item.len() + 2;
    block.extend(u16::try_from(at).expect("short").to_le_bytes());
    let size = u16::try_from(block.len()).expect("short");
    block[..2].copy_from_slice(&size.to_le_bytes());
    item.extend(block);
    sized(&item)
}

/// A shortcut to `C:\Temp\evil program.exe` on a removable drive, made on host `ws07`.
pub(crate) fn link() -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend((1_u32 | 2 | 8 | 0x20 | 0x80).to_le_bytes());
    file.extend(0x20_u32.to_le_bytes());
    for time in [CREATED, CREATED + 600_000_000, CREATED + 1] {
        file.extend(time.to_le_bytes());
    }
    file.extend(70_000_u32.to_le_bytes());
    file.extend([0; 4]);
    file.extend(7_u32.to_le_bytes());
    file.resize(76, 0);
    let place = sized(b"\x1f\x50\xe0\x4f\xd0\x20\xea\x3a\x69\x10\xa2\xd8\x08\x00\x2b\x30\x30\x9d");
    let drive = sized(b"\x2fC:\\\0\0\0");
    let items = [place, drive, file_item("Temp"), file_item("evil program.exe"), vec![0, 0]].concat();
    file.extend(sized(&items)[..2].iter().zip([2, 0]).map(|(byte, less)| byte - less));
    file.extend(&items);
    let mut info = vec![0; 28];
    let volume = [
        &17_u32.to_le_bytes()[..],
        &2_u32.to_le_bytes(),
        &0x00c0_ffee_u32.to_le_bytes(),
        &16_u32.to_le_bytes(),
        b"STICK\0",
    ]
    .concat();
    info[4] = 28;
    info[8] = 1;
    info[12] = 28;
    info[16] = u8::try_from(28 + volume.len()).expect("short");
    info.extend(volume);
    info.extend(b"C:\\Temp\\evil program.exe\0");
    info[24] = u8::try_from(info.len() - 1).expect("short");
    info[0] = u8::try_from(info.len()).expect("short");
    file.extend(info);
    for text in [r"..\evil program.exe", "-enc AAAA"] {
        file.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
        file.extend(wide(text));
    }
    let mut tracker =
        [96_u32, 0xa000_0003, 88, 0].iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>();
    tracker.extend(b"ws07\0\0\0\0\0\0\0\0\0\0\0\0");
    let ticks = CREATED + 5_748_192_000_000_000;
    let id = |last: u8| -> Vec<u8> {
        let ticks = ticks.to_le_bytes();
        [&ticks[..4], &ticks[4..6], &[ticks[6], ticks[7] | 0x10], &[0x80, 1, 8, 0, 0x27, 1, 2, last]].concat()
    };
    tracker.extend([id(3), id(3), id(3), id(4)].concat());
    file.extend(tracker);
    file.extend([0; 4]);
    file
}

#[test]
fn a_shortcut_says_where_it_leads_and_where_it_was_made() {
    let file = link();
    assert!(recognise(&file, "x"));
    let found = read(parse_file, &file, "x.lnk");
    assert_eq!(found.issues, [""; 0]);
    let shown = [
        "event_time",
        "time_basis",
        "TargetPath",
        "CommandLine",
        "TargetIDAbsolutePath",
        "RelativePath",
        "TargetModified",
        "DriveType",
        "VolumeSerialNumber",
        "VolumeLabel",
        "MachineID",
        "MachineMACAddress",
        "BirthMACAddress",
        "TrackerCreatedOn",
        "TargetMFTEntryNumber",
        "TargetMFTSequenceNumber",
        "WindowStyle",
        "ExtraBlocks",
    ];
    assert_eq!(
        found.columns(&shown),
        [concat!(
            r"2021-03-03T01:03:03Z | TargetAccessed | C:\Temp\evil program.exe | C:\Temp\evil program.exe -enc AAAA | C:\Temp\evil program.exe | ..\evil program.exe",
            " | 2021-03-03T01:02:03.0000001Z | removable | 00C0FFEE | STICK | ws07 | 08:00:27:01:02:03 | 08:00:27:01:02:04 | 2021-03-03T01:02:03.0000000Z | 5 | 7 | minimised | tracker"
        )]
    );
    assert!(
        found.rows[0]["TargetItems"].starts_with("Temp created=2021-03-03T01:17:22Z"),
        "{}",
        found.rows[0]["TargetItems"]
    );
    damage(parse_file, &file, "x.lnk", 5_000);
    for cut in 1..file.len() {
        read(parse_file, &file[..cut], "x.lnk");
    }
}

#[test]
fn a_shortcut_that_is_cut_keeps_what_it_had() {
    let file = link();
    let found = read(parse_file, &file[..file.len() - 130], "x.lnk");
    assert_eq!(found.columns(&["TargetPath"]), [r"C:\Temp\evil program.exe"]);
    assert_eq!(found.damage[0].lost, Some(0));
    assert_eq!(read(parse_file, &file[..70], "x.lnk").damage[0].lost, Some(1));
}

/// As `LnkParse3` reads them.
#[test]
fn real_shortcuts_are_read() {
    let Some(files) = members("small.zip") else { return };
    let shown = [
        "event_time",
        "TargetPath",
        "Arguments",
        "TargetModified",
        "FileSize",
        "VolumeSerialNumber",
        "MachineID",
        "MachineMACAddress",
    ];
    let mut found: Vec<String> = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| crate::file::extension_of(name) == "lnk") {
        let one = read(parse_file, bytes, name);
        assert_eq!(one.issues, [""; 0], "{name}");
        found.extend(one.columns(&shown));
        damage(parse_file, bytes, name, 2_000);
    }
    found.sort();
    assert_eq!(
        found,
        [
            r"2009-07-13T23:29:02.849131000Z | %windir%\system32\migwiz\migwiz.exe | ~ | 2009-07-14T01:39:18.2200000Z | 544768 | ~ | win-tj9qcsjkags | 00:1d:09:fa:5a:1c",
            r"2010-01-29T21:30:11.332156900Z | C:\Program Files (x86)\Nero\Nero 9\Nero InfoTool\InfoTool.exe | -ScParameter=30002   | 2009-06-05T20:13:20.0000000Z | 4635160 | 70ECFA33 | win-3qmdjgkf3g9 | 70:5a:b6:16:a5:f3",
            "2023-07-10T04:03:17.058054000Z | C:\\test\\unicode_U+0000d800_\u{fffd}.exe | ~ | 2019-12-06T21:29:00.0000000Z | 11264 | 2CA3D1AE | test | 52:54:00:ee:b6:05",
        ]
    );
}
