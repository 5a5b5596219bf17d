//! Artefacts that are no logs: what a collection of a Windows host holds beside them, by content.
//!
//! In: a file's first bytes and its name. Out: which artefact it is. Those with a reader in `readers.rs` are read; of the others
//! `catalog/artefacts.yaml` says what each would answer. Names decide only where the format has no signature. Sources: libyal's format specifications,
//! Microsoft's MS-SHLLINK and USN structures, the libpcap and pcapng drafts.

/// An artefact by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artefact {
    /// Transaction log of a registry hive.
    RegistryLog,
    /// Part of a hive, as carving leaves it.
    RegistryPart,
    /// Text that regedit exports.
    RegistryExport,
    /// Master file table of NTFS.
    Mft,
    /// Change journal of NTFS.
    UsnJournal,
    /// `$LogFile` of NTFS.
    NtfsLog,
    /// Folder index of NTFS.
    NtfsIndex,
    /// Prefetch of a program.
    Prefetch,
    /// Shortcut.
    Lnk,
    /// Jump list.
    JumpList,
    /// What the recycle bin knows of a deleted file.
    RecycleBin,
    /// Scheduled task in XML.
    Task,
    /// Scheduled task of XP and 2003.
    TaskJob,
    /// WMI repository.
    Wmi,
    /// Trace of Windows's event tracing.
    Etl,
    /// Memory of a system or a process.
    MemoryDump,
    /// Captured packets.
    PacketCapture,
    /// Outlook's mailbox file.
    Mailbox,
    /// Journal of systemd.
    Journal,
    /// Picture, sound or video.
    Media,
    /// Disk or volume, byte for byte.
    RawDisk,
    /// Disk of QEMU.
    Qcow,
    /// Disk of `VirtualBox`.
    Vdi,
    /// Windows image.
    Wim,
    /// FTK image.
    Ad1,
    /// AFF image.
    Aff,
    /// xz stream.
    Xz,
    /// bzip2 stream.
    Bzip2,
    /// LZ4 stream.
    Lz4,
}

impl Artefact {
    /// The name in `evidence.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RegistryLog => "regf-log",
            Self::RegistryPart => "regf-part",
            Self::RegistryExport => "reg-export",
            Self::Mft => "mft",
            Self::UsnJournal => "usn",
            Self::NtfsLog => "ntfs-log",
            Self::NtfsIndex => "ntfs-index",
            Self::Prefetch => "prefetch",
            Self::Lnk => "lnk",
            Self::JumpList => "jump-list",
            Self::RecycleBin => "recycle-bin",
            Self::Task => "task",
            Self::TaskJob => "task-job",
            Self::Wmi => "wmi",
            Self::Etl => "etl",
            Self::MemoryDump => "memory-dump",
            Self::PacketCapture => "pcap",
            Self::Mailbox => "pst",
            Self::Journal => "journal",
            Self::Media => "media",
            Self::RawDisk => "raw-disk",
            Self::Qcow => "qcow2",
            Self::Vdi => "vdi",
            Self::Wim => "wim",
            Self::Ad1 => "ad1",
            Self::Aff => "aff",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }

    /// Where it holds files that Piste would read: the command that opens it.
    pub(crate) fn command(self) -> Option<&'static str> {
        Some(match self {
            Self::RawDisk => {
                "mount it read-only and give the folder: mount -o ro,loop,norecovery FILE FOLDER (a whole disk: losetup -rfP FILE first)"
            }
            Self::Qcow | Self::Vdi => {
                "mount it read-only and give the folder: guestmount -a FILE -i --ro FOLDER"
            }
            Self::Wim => "extract it and give the folder: wimlib-imagex apply FILE 1 FOLDER",
            Self::Ad1 => {
                "extract it with FTK Imager (File, Add Evidence Item, Export Files) and give the folder"
            }
            Self::Aff => {
                "mount it read-only and give the folder: affuse FILE MOUNT, then mount -o ro,norecovery MOUNT/FILE.raw FOLDER"
            }
            Self::Xz => "decompress it and give the result: xz -dk FILE",
            Self::Bzip2 => "decompress it and give the result: bzip2 -dk FILE",
            Self::Lz4 => "decompress it and give the result: lz4 -d FILE",
            _ => return None,
        })
    }

    /// As the row of a file says it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::RegistryLog => "registry transaction log",
            Self::RegistryPart => "part of a registry hive",
            Self::RegistryExport => "registry export",
            Self::Mft => "master file table",
            Self::UsnJournal => "change journal",
            Self::NtfsLog => "NTFS log",
            Self::NtfsIndex => "NTFS folder index",
            Self::Prefetch => "prefetch file",
            Self::Lnk => "shortcut",
            Self::JumpList => "jump list",
            Self::RecycleBin => "recycle bin entry",
            Self::Task | Self::TaskJob => "scheduled task",
            Self::Wmi => "WMI repository",
            Self::Etl => "event trace",
            Self::MemoryDump => "memory dump",
            Self::PacketCapture => "packet capture",
            Self::Mailbox => "mailbox file",
            Self::Journal => "systemd journal",
            Self::Media => "picture",
            Self::RawDisk | Self::Qcow | Self::Vdi | Self::Wim | Self::Ad1 | Self::Aff => "disk image",
            Self::Xz | Self::Bzip2 | Self::Lz4 => "compressed stream",
        }
    }

    /// As scanners that use YARA call it in their `filetype` variable; empty for none.
    pub(crate) fn filetype(self) -> &'static str {
        match self {
            Self::RegistryExport => "REG",
            Self::Mft => "MFT",
            Self::Prefetch => "PF",
            Self::Lnk => "LNK",
            Self::MemoryDump => "DMP",
            Self::Mailbox => "PST",
            _ => "",
        }
    }
}

/// A signature and where it stands.
struct Magic(usize, &'static [u8], Artefact);

/// Signatures, the more telling first.
const MAGICS: &[Magic] = &[
    Magic(0, b"hbin", Artefact::RegistryPart),
    Magic(0, b"REGEDIT4", Artefact::RegistryExport),
    Magic(0, b"Windows Registry Editor Version", Artefact::RegistryExport),
    Magic(0, b"\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0 \0E\0d", Artefact::RegistryExport),
    Magic(0, b"FILE0\0", Artefact::Mft),
    Magic(0, b"FILE*\0", Artefact::Mft), // as XP writes it
    Magic(0, b"RSTR\x1e\0", Artefact::NtfsLog),
    Magic(0, b"INDX\x28\0", Artefact::NtfsIndex),
    Magic(4, b"SCCA", Artefact::Prefetch),
    Magic(0, b"MAM\x04", Artefact::Prefetch),
    Magic(0, b"MAM\x84", Artefact::Prefetch), // with a checksum
    Magic(0, b"L\0\0\0\x01\x14\x02\0", Artefact::Lnk),
    Magic(0, b"MDMP", Artefact::MemoryDump),
    Magic(0, b"PAGEDU", Artefact::MemoryDump),
    Magic(0, b"EMiL", Artefact::MemoryDump), // LiME
    Magic(0, b"AVML", Artefact::MemoryDump),
    Magic(0, b"HIBR", Artefact::MemoryDump), // hiberfil.sys
    Magic(0, b"hibr", Artefact::MemoryDump),
    Magic(0, b"\xd2\xbe\xd2\xbe", Artefact::MemoryDump), // VMware's snapshots
    Magic(0, b"\xd0\xbe\xd2\xbe", Artefact::MemoryDump),
    Magic(0, b"\xd4\xc3\xb2\xa1", Artefact::PacketCapture),
    Magic(0, b"\xa1\xb2\xc3\xd4", Artefact::PacketCapture),
    Magic(0, b"\x4d\x3c\xb2\xa1", Artefact::PacketCapture), // nanoseconds
    Magic(0, b"\xa1\xb2\x3c\x4d", Artefact::PacketCapture),
    Magic(0, b"\x0a\x0d\x0d\x0a", Artefact::PacketCapture), // pcapng
    Magic(0, b"!BDN", Artefact::Mailbox),
    Magic(0, b"LPKSHHRH", Artefact::Journal),
    Magic(0, b"GIF8", Artefact::Media),
    Magic(0, b"\xff\xd8\xff", Artefact::Media),
    Magic(0, b"\x89PNG", Artefact::Media),
    Magic(0, b"ID3\x03", Artefact::Media),
    Magic(0, b"ID3\x04", Artefact::Media),
    Magic(0, b"wOFF", Artefact::Media), // a font is as silent as a picture
    Magic(0, b"wOF2", Artefact::Media),
    Magic(4, b"ftyp", Artefact::Media),
    Magic(0, b"QFI\xfb", Artefact::Qcow),
    Magic(0, b"<<< Oracle VM VirtualBox Disk Image", Artefact::Vdi),
    Magic(0, b"MSWIM\0\0\0", Artefact::Wim),
    Magic(0, b"ADSEGMENTEDFILE", Artefact::Ad1),
    Magic(0, b"AFF10\r\n", Artefact::Aff),
    Magic(0, b"\xfd7zXZ\0", Artefact::Xz),
    Magic(4, b"1AY&SY", Artefact::Bzip2),
    Magic(0, b"\x04\x22\x4d\x18", Artefact::Lz4),
];

/// What the first sectors of a volume or a disk have.
const DISK_MAGICS: &[(usize, &[u8])] =
    &[(3, b"NTFS    "), (3, b"EXFAT   "), (3, b"-FVE-FS-"), (82, b"FAT32   "), (512, b"EFI PART")];

/// Which artefact a file is, if any: by a signature, by its structure, or by a name that only one artefact has.
pub(crate) fn artefact(head: &[u8], name: &str) -> Option<Artefact> {
    let locator = name;
    let name = crate::file::name_of(name).to_ascii_lowercase();
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if let Some(Magic(_, _, artefact)) = MAGICS.iter().find(|Magic(offset, magic, _)| at(*offset, magic)) {
        return Some(*artefact);
    }
    if crate::ntfs::recognise_usn(head, locator) {
        return Some(Artefact::UsnJournal);
    }
    // NTFS's file `$Boot` is a first sector too, and small.
    let large = head.len() >= crate::sniff::HEAD_BYTES;
    let volume = || DISK_MAGICS.iter().any(|(offset, magic)| at(*offset, magic));
    if large && (volume() || is_partitioned(head)) {
        return Some(Artefact::RawDisk);
    }
    named(head, &name)
}

/// A hive that is a log of changes to another: the type in its base block is not that of a hive.
pub(crate) fn is_registry_log(head: &[u8]) -> bool {
    u32_at(head, 28).is_some_and(|kind| matches!(kind, 1 | 2 | 6))
}

/// Whether a text declares a scheduled task, as `schtasks` and the folder `Tasks` have them.
pub(crate) fn is_task(text: &str) -> bool {
    let start: String = text.chars().take(2_048).collect();
    start.contains("<Task") && start.contains("schemas.microsoft.com/windows/2004/02/mit/task")
}

/// Formats without a signature, by name, where the content does not speak against it.
fn named(head: &[u8], name: &str) -> Option<Artefact> {
    let binary = head.iter().take(512).any(|byte| *byte == 0);
    let ends = |end: &str| name.ends_with(end);
    let ole = head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    Some(match name {
        _ if !binary => return None,
        "objects.data" | "index.btr" | "mapping1.map" | "mapping2.map" | "mapping3.map" => Artefact::Wmi,
        "hiberfil.sys" | "pagefile.sys" | "swapfile.sys" => Artefact::MemoryDump,
        _ if ole && ends(".automaticdestinations-ms") => Artefact::JumpList,
        _ if ends(".customdestinations-ms") => Artefact::JumpList,
        _ if ends(".vmem") || ends(".mem") || ends(".dmp") || ends(".lime") => Artefact::MemoryDump,
        _ if ends(".etl") => Artefact::Etl,
        _ if ends(".job") && is_job(head) => Artefact::TaskJob,
        _ if name.starts_with("$i") && matches!(u64_at(head, 0), Some(1 | 2)) => Artefact::RecycleBin,
        _ => return None,
    })
}

/// A product version of Windows and the fixed version 1.
fn is_job(head: &[u8]) -> bool {
    u16_at(head, 2) == Some(1) && u16_at(head, 0).is_some_and(|version| (0x400..=0x0a00).contains(&version))
}

/// The first sector of a disk: its end mark, and partitions of which one at least has a type and a size.
fn is_partitioned(head: &[u8]) -> bool {
    let marked = head.get(510..512) == Some(&[0x55, 0xaa]);
    let boot_code = matches!(head.first(), Some(0x33 | 0xeb | 0xfa | 0x00));
    let entry = |number: usize| {
        let at = 446 + 16 * number;
        let state = head.get(at).copied().unwrap_or(1);
        let kind = head.get(at + 4).copied().unwrap_or(0);
        (matches!(state, 0 | 0x80), kind != 0 && u32_at(head, at + 12).is_some_and(|sectors| sectors > 0))
    };
    let entries: Vec<_> = (0..4).map(entry).collect();
    marked && boot_code && entries.iter().all(|entry| entry.0) && entries.iter().any(|entry| entry.1)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use crate::{Format, sniff};

    #[track_caller]
    fn check(head: &[u8], name: &str, expected: &str) {
        assert_eq!(sniff(head, name).name(), expected, "{name}");
    }

    /// `head` with these bytes at a place.
    fn with(size: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; size];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        bytes
    }

    #[test]
    fn artefacts_are_known_by_their_signatures_whatever_they_are_called() {
        check(&with(600, &[(0, b"regf")]), "renamed.bin", "regf");
        check(&with(600, &[(0, b"regf"), (28, b"\x06")]), "NTUSER.DAT.LOG1", "regf-log");
        check(b"FILE0\0\x03\0", "$MFT", "mft");
        check(b"\x1e\0\0\0SCCA\x11\0\0\0", "x", "prefetch");
        check(b"MAM\x04\0\0\0\0", "CMD.EXE-1.pf", "prefetch");
        check(b"L\0\0\0\x01\x14\x02\0\0\0\0\0", "x", "lnk");
        check(b"PAGEDU64\x0f\0\0\0", "x.bin", "memory-dump");
        check(b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "x", "pcap");
        check(b"\x0a\x0d\x0d\x0a\0\0\0\x1c", "x", "pcap");
        check(b"!BDN\0\0", "ann.ost", "pst");
        check(&with(64, &[(4, b"\xef\xcd\xab\x89")]), "SRUDB.dat", "ese");
        check(b"\x30\0\0\0LfLe\x01\0", "SysEvent.Evt", "evt");
        check(b"Windows Registry Editor Version 5.00\r\n", "x.reg", "reg-export");
        check(b"\xfd7zXZ\0\0\x04", "logs.tar.xz", "xz");
    }

    #[test]
    fn disks_are_known_by_their_first_sectors() {
        check(&with(16_384, &[(3, b"NTFS    ")]), "c.dd", "raw-disk");
        check(&with(16_384, &[(512, b"EFI PART")]), "disk.raw", "raw-disk");
        let entry = b"\x80\0\0\0\x07\0\0\0\0\x08\0\0\0\0\x10\0";
        let disk = with(16_384, &[(0, b"\x33\xc0"), (446, entry), (510, b"\x55\xaa")]);
        check(&disk, "disk.img", "raw-disk");
        check(&with(16_384, &[(510, b"\x55\xaa")]), "x.bin", "unknown");
        check(&with(8_192, &[(3, b"NTFS    ")]), "$Boot", "unknown");
        assert!(matches!(sniff(&disk, "x").treatment(), crate::Treatment::Unreadable(_)));
    }

    #[test]
    fn a_page_behind_the_signature_of_a_picture_stays_a_page() {
        check(b"GIF89a\x01\0<?php eval($_POST[1]); ?>", "logo.gif", "web-page");
        check(b"GIF89a\x01\0\x01\0", "logo.gif", "media");
        check(b"FILE0\0<% eval(1) %>", "x.aspx", "web-page");
    }

    #[test]
    fn a_change_journal_is_known_by_its_records_or_where_it_is_sparse_by_its_name() {
        let record: &[(usize, &[u8])] = &[(0, b"\x50\0\0\0\x02\0\0\0"), (56, b"\x14\0\x3c\0")];
        check(&with(400, record), "carved.bin", "usn");
        let later: Vec<_> = record.iter().map(|(at, part)| (at + 96, *part)).collect();
        check(&with(400, &later), "x.bin", "usn");
        check(&[0; 400], "C/$Extend/$UsnJrnl%3A$J", "usn");
        check(&[0; 400], "zeros.bin", "unknown");
        check(&with(400, &[(0, b"\x50\0\0\0\x02\0\0\0")]), "x.bin", "unknown");
    }

    #[test]
    fn formats_without_a_signature_are_known_by_name_unless_they_are_text() {
        check(&[1, 0, 0, 0], "Repository/OBJECTS.DATA", "wmi");
        check(b"my objects", "objects.data", "text");
        check(&[2, 0, 0, 0], "x.customDestinations-ms", "jump-list");
        check(&with(100, &[(0, b"\x02")]), "$I1A2B3C.docx", "recycle-bin");
        check(&with(100, &[(0, b"\x01\x06\x01\0")]), "At1.job", "task-job");
        check(&[7, 0, 7, 0], "dump.vmem", "memory-dump");
        check(b"notes on a dump\n", "dump.mem", "text");
    }

    #[test]
    fn a_task_is_known_by_its_namespace_in_either_encoding() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task version=\"1.2\" \
                    xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">";
        check(text.as_bytes(), "Windows/System32/Tasks/Update", "task");
        let wide: Vec<u8> = "\u{feff}"
            .chars()
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        check(&wide, "Update", "task");
        assert_eq!(sniff(b"<Task></Task>", "x.xml"), Format::Xml);
    }
}
