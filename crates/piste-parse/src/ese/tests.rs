//! ESE databases, real ones where the shared data is at hand, and written ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;

use super::*;
use crate::testing::{Row, row_of};

/// What all pieces of a database gave.
#[derive(Default)]
pub(super) struct Everything {
    tables: usize,
    pub(super) records: u64,
    pub(super) rows: Vec<Row>,
    /// `slug: what; effect`
    pub(super) issues: Vec<String>,
}

impl Everything {
    /// These columns of the rows of one dataset, absent ones as `~`.
    pub(super) fn columns(&self, dataset: &str, names: &[&str]) -> Vec<String> {
        let show = |row: &Row| {
            let values = names.iter().map(|name| row.get(*name).map_or("~", String::as_str));
            values.collect::<Vec<_>>().join(" | ")
        };
        self.rows.iter().filter(|row| row["dataset"] == dataset).map(show).collect()
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(row["dataset"].clone()).or_default() += 1;
        }
        counts
    }
}

/// Reads a database whole, and each row's record again.
pub(super) fn read(path: &str, bytes: Vec<u8>, companions: &[Companion]) -> io::Result<Everything> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let content: Arc<dyn ReadAt> = Arc::new(bytes);
    let opened = open(Arc::clone(&content), companions, &cx)?;
    let mut all =
        Everything { tables: Database::open(content)?.catalog.tables.len(), ..Everything::default() };
    let told = |issue: &Issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect);
    all.issues.extend(opened.issues.iter().map(told));
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        all.records += parsed.records;
        all.issues.extend(parsed.issues.iter().map(told));
        for batch in &parsed.batches {
            all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
    }
    for row in &all.rows {
        let record = opened.file.record(row["offset"].parse().unwrap()).unwrap();
        assert_eq!(hex(&record_hash(&record)), row["record_hash"], "{row:?}");
    }
    Ok(all)
}

#[track_caller]
fn counts_as(name: &str, tables: usize, records: u64) -> Option<Everything> {
    let all = read(name, testing::real(name)?, &[]).unwrap();
    assert_eq!((all.tables, all.records), (tables, records), "{name}: {:?}", all.issues);
    Some(all)
}

#[test]
fn real_databases_have_the_tables_and_records_that_two_other_readers_count() {
    for (name, tables, records) in [
        ("qmgr.db", 6, 183),
        ("SUM/Current.mdb", 8, 992),
        ("SRU/SRUDB.dat", 12, 683),
        ("odd/basic.edb", 5, 190),
        ("odd/binary.edb", 5, 190),
        ("odd/default.edb", 5, 201),
        ("odd/index.edb", 5, 259),
        ("odd/large.edb", 5, 130_166),
        ("odd/multi.edb", 5, 211),
        ("odd/text.edb", 5, 220),
    ] {
        if let Some(all) = counts_as(name, tables, records) {
            println!("{name}: {:?} {:#?}", all.counts(), all.issues);
        }
    }
}

#[test]
fn accesses_and_usage_say_what_another_reader_says() {
    let Some(all) = counts_as("SUM/Current.mdb", 8, 992) else { return };
    let counts = [("ual.access", 106), ("ual.client", 37), ("ual.dns", 12), ("ual.role", 6)];
    assert_eq!(all.counts(), counts.map(|(name, count)| (name.to_owned(), count)).into());
    let accesses = all
        .columns("ual.access", &["event_time", "User", "SourceIp", "RoleName", "AccessCount", "time_basis"]);
    for wanted in [
        r"2021-07-23T00:00:00Z | blackclover\administrator | 10.10.10.100 | Active Directory Domain Services | 4 | UAL day",
        r"2021-07-23T00:00:00Z | blackclover\administrator | 10.10.10.120 | File Server | 2 | UAL day",
        r"2021-08-06T00:00:00Z | blackclover\blackclover-dc$ | ::1 | Active Directory Domain Services | 89 | UAL day",
    ] {
        assert!(accesses.iter().any(|row| row == wanted), "{wanted}\n{accesses:#?}");
    }
    assert!(all.issues.is_empty(), "{:?}", all.issues);

    let Some(all) = counts_as("SRU/SRUDB.dat", 12, 683) else { return };
    let links = ["event_time", "ConnectStartTime", "ConnectedTime", "InterfaceType", "time_basis"];
    assert_eq!(
        all.columns("srum.network_connectivity", &links)[0],
        "2021-11-16T19:18:00Z | 2021-11-16T18:17:44.2009395Z | 3615 | Ethernet | TimeStamp"
    );
    let programs = all.columns("srum.application", &["event_time", "ExeInfo", "Sid", "ForegroundCycleTime"]);
    let wanted = "2021-11-16T19:18:00Z | Registry | S-1-5-18 | 163208054";
    assert!(programs.iter().any(|row| row == wanted), "{programs:#?}");
}

#[test]
fn a_transfer_has_its_address_program_and_times() {
    let Some(all) = counts_as("qmgr.db", 6, 183) else { return };
    let job =
        &all.columns("bits.job", &["event_time", "DisplayName", "Owner", "State", "Image", "LocalName"])[0];
    assert!(
        job.starts_with("2022-12-21T02:18:03.120465400Z | Chrome Component Updater | S-1-5-21-"),
        "{job}"
    );
    assert!(
        job.contains(r"| transferred | C:\Program Files\Chromium\Application\chrome.exe | C:\Users\bob\"),
        "{job}"
    );
    let url = &all.columns("bits.job", &["Url"])[0];
    assert!(url.starts_with("http://edgedl.me.gvt1.com/edgedl/release2/chrome_component/"), "{url}");
    // The database was not closed: it says so, and is read.
    assert_eq!(all.issues.len(), 1, "{:?}", all.issues);
    assert!(all.issues[0].starts_with("ese-not-closed: "), "{:?}", all.issues);
}

use record::kind;
use testing::{Build, Cell, Cells, Col, TestRow, TestTable, wide};

fn col(id: u16, name: &'static str, kind: u32) -> Col {
    Col { id, name, kind }
}

fn text(text: &str) -> Cell {
    Cell::Plain(wide(text))
}

fn long(value: u64) -> Cell {
    Cell::Plain(value.to_le_bytes().to_vec())
}

fn int(value: u32) -> Cell {
    Cell::Plain(value.to_le_bytes().to_vec())
}

/// FILETIME of a day of 2023, at noon.
fn noon(day: u64) -> u64 {
    let of_2023 = (1_672_531_200 + 11_644_473_600_u64) * 10_000_000;
    of_2023 + (day - 1) * 864_000_000_000 + 432_000_000_000
}

const FILE_SERVER: [u8; 16] =
    [0x6f, 0x22, 0xa9, 0x10, 0xee, 0x50, 0xd8, 0x49, 0xa3, 0x93, 0x9a, 0x50, 0x1d, 0x47, 0xce, 0x04];

fn clients(rows: Vec<TestRow>) -> TestTable {
    let columns = vec![
        col(1, "RoleGuid", kind::GUID),
        col(2, "TotalAccesses", kind::UNSIGNED_LONG),
        col(3, "InsertDate", kind::DATE_TIME),
        col(4, "LastAccess", kind::DATE_TIME),
        col(128, "Address", kind::BINARY),
        col(256, "AuthenticatedUserName", kind::LONG_TEXT),
        col(258, "Day1", kind::UNSIGNED_SHORT),
        col(259, "Day40", kind::UNSIGNED_SHORT),
        col(260, "Day366", kind::UNSIGNED_SHORT),
    ];
    TestTable { name: "CLIENTS", columns, rows, ..TestTable::default() }
}

fn client(key: u32, from: u64, to: u64, days: &[&'static str]) -> TestRow {
    let mut cells: Cells = vec![
        ("RoleGuid", Cell::Plain(FILE_SERVER.to_vec())),
        ("TotalAccesses", int(7)),
        ("InsertDate", long(from)),
        ("LastAccess", long(to)),
        ("Address", Cell::Plain(vec![203, 0, 113, 9])),
        ("AuthenticatedUserName", text("corp\\mvega")),
    ];
    cells.extend(days.iter().map(|day| (*day, Cell::Plain(vec![3, 0]))));
    TestRow { key: key.to_be_bytes().to_vec(), cells }
}

#[test]
fn a_day_is_dated_where_one_year_alone_can_be_meant() {
    let rows = vec![
        client(1, noon(20), noon(50), &["Day40"]),
        // Over the turn of the year: day 1 is that of 2024, day 366 is none of 2023, and day 40 lies in neither.
        client(2, noon(300), noon(370), &["Day1", "Day40", "Day366"]),
        client(3, noon(1), noon(400), &["Day1"]),
    ];
    let all = read("LogFiles/Sum/Current.mdb", Build::of(4_096, vec![clients(rows)]), &[]).unwrap();
    assert_eq!(
        all.columns(
            "ual.access",
            &["event_time", "AccessDate", "DayNumber", "AccessCount", "User", "SourceIp", "Doubt"]
        ),
        [
            "2023-02-09T00:00:00Z | 2023-02-09 | 40 | 3 | corp\\mvega | 203.0.113.9 | ~",
            "2024-01-01T00:00:00Z | 2024-01-01 | 1 | 3 | corp\\mvega | 203.0.113.9 | ~",
            "~ | ~ | 40 | 3 | corp\\mvega | 203.0.113.9 | the year of this day is not known",
            "~ | ~ | 366 | 3 | corp\\mvega | 203.0.113.9 | the year of this day is not known",
            "~ | ~ | 1 | 3 | corp\\mvega | 203.0.113.9 | the year of this day is not known",
        ]
    );
    assert_eq!(
        all.columns("ual.client", &["event_time", "time_basis", "RoleName", "host"])[..2],
        [
            "2023-01-20T12:00:00Z | InsertDate | File Server | HINT",
            "2023-02-19T12:00:00Z | LastAccess | File Server | HINT",
        ]
    );
}

#[test]
fn the_server_its_roles_and_years_come_from_its_identity() {
    let name = "{0F5E6D7C-1111-2222-3333-444455556666}.mdb";
    let identity = |columns: Vec<Col>, table: &'static str, cells: Cells| TestTable {
        name: table,
        columns,
        rows: vec![TestRow { key: vec![1], cells }],
        ..TestTable::default()
    };
    let identity = Build::of(
        32_768,
        vec![
            identity(
                vec![
                    col(1, "CreationTime", kind::DATE_TIME),
                    col(256, "SystemDNSHostName", kind::LONG_TEXT),
                    col(257, "SystemDomainName", kind::LONG_TEXT),
                ],
                "SYSTEM_IDENTITY",
                vec![
                    ("CreationTime", long(noon(5))),
                    ("SystemDNSHostName", text("FS01")),
                    ("SystemDomainName", text("corp.example")),
                ],
            ),
            identity(
                vec![
                    col(1, "RoleGuid", kind::GUID),
                    col(256, "ProductName", kind::LONG_TEXT),
                    col(257, "RoleName", kind::LONG_TEXT),
                ],
                "ROLE_IDS",
                vec![("RoleGuid", Cell::Plain(FILE_SERVER.to_vec())), ("RoleName", text("Files of ours"))],
            ),
            identity(
                vec![col(1, "Year", kind::UNSIGNED_SHORT), col(256, "FileName", kind::LONG_TEXT)],
                "CHAINED_DATABASES",
                vec![("Year", Cell::Plain(vec![0xe7, 7])), ("FileName", text(name))],
            ),
        ],
    );
    let own = read("Sum/SystemIdentity.mdb", identity.clone(), &[]).unwrap();
    assert_eq!(
        own.columns("ual.system", &["event_time", "host"]),
        ["2023-01-05T12:00:00Z | FS01.corp.example"]
    );

    let companion = Companion { path: "c.zip!Sum/SYSTEMIDENTITY.MDB".into(), content: Arc::new(identity) };
    let rows = vec![client(1, noon(1), noon(400), &["Day40"])];
    let database = Build::of(32_768, vec![clients(rows)]);
    let all = read(&format!("c.zip!Sum/{name}"), database, &[companion]).unwrap();
    assert_eq!(
        all.columns("ual.access", &["event_time", "host", "RoleName"]),
        ["2023-02-09T00:00:00Z | FS01.corp.example | Files of ours"]
    );
    assert!(all.issues.is_empty(), "{:?}", all.issues);
}

#[test]
fn bytes_that_a_program_sent_have_its_name_and_user() {
    let ids = [
        (1, 0, wide("\\Device\\HarddiskVolume3\\Tools\\rclone.exe [svc]\0")),
        (2, 3, vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
        (3, 0, wide("!!upload.exe!2023/01/02:03:04:05!1a2b!A tool")),
    ];
    let row = |(index, of_type, blob): (u32, u8, Vec<u8>)| TestRow {
        key: index.to_be_bytes().to_vec(),
        cells: vec![
            ("IdType", Cell::Plain(vec![of_type])),
            ("IdIndex", int(index)),
            ("IdBlob", Cell::Plain(blob)),
        ],
    };
    let columns = vec![
        col(1, "IdType", kind::UNSIGNED_BYTE),
        col(2, "IdIndex", kind::LONG),
        col(256, "IdBlob", kind::LONG_BINARY),
    ];
    let rows = ids.into_iter().map(row).collect();
    let ids = TestTable { name: "SruDbIdMapTable", columns, rows, ..TestTable::default() };
    let columns = vec![
        col(1, "AutoIncId", kind::LONG),
        col(2, "TimeStamp", kind::DATE_TIME),
        col(3, "AppId", kind::LONG),
        col(4, "UserId", kind::LONG),
        col(5, "InterfaceLuid", kind::LONG_LONG),
        col(6, "BytesSent", kind::LONG_LONG),
        col(7, "BytesRecvd", kind::LONG_LONG),
    ];
    let usage = |app: u32| TestRow {
        key: app.to_be_bytes().to_vec(),
        cells: vec![
            ("TimeStamp", long(44_935.5_f64.to_bits())),
            ("AppId", int(app)),
            ("UserId", int(2)),
            ("InterfaceLuid", long(71 << 48)),
            ("BytesSent", long(9_000_000_000)),
            ("BytesRecvd", long(7)),
        ],
    };
    let name = "{973F5D5C-1D90-4944-BE8E-24B94231A174}";
    let usage = TestTable { name, columns, rows: vec![usage(1), usage(3)], ..TestTable::default() };
    let all = read("SRUDB.dat", Build::of(4_096, vec![ids, usage]), &[]).unwrap();
    let names = ["event_time", "ExeInfo", "Image", "Sid", "BytesSent", "BytesReceived", "InterfaceType"];
    let image = r"\Device\HarddiskVolume3\Tools\rclone.exe";
    assert_eq!(
        all.columns("srum.network_usage", &names),
        [
            format!("2023-01-09T12:00:00Z | {image} [svc] | {image} | S-1-5-18 | 9000000000 | 7 | Wi-Fi"),
            "2023-01-09T12:00:00Z | upload.exe | ~ | S-1-5-18 | 9000000000 | 7 | Wi-Fi".into(),
        ]
    );
    let described = all.columns("srum.network_usage", &["ExeTimestamp", "ExeInfoDescription"]);
    assert_eq!(described[1], "2023-01-02T03:04:05 | A tool");
}

/// A `WebCache` with so many visits that its table has a branch, and values of every form.
fn web_cache(page_bytes: usize) -> Vec<u8> {
    let containers = TestTable {
        name: "Containers",
        columns: vec![col(1, "ContainerId", kind::LONG_LONG), col(128, "Name", kind::TEXT)],
        rows: vec![TestRow {
            key: vec![1],
            cells: vec![("ContainerId", long(2)), ("Name", text("History"))],
        }],
        ..TestTable::default()
    };
    let columns = vec![
        col(1, "EntryId", kind::LONG_LONG),
        col(2, "AccessedTime", kind::LONG_LONG),
        col(256, "Url", kind::LONG_TEXT),
        col(257, "ResponseHeaders", kind::LONG_BINARY),
        col(258, "Filename", kind::LONG_TEXT),
    ];
    let row = |number: u32| {
        let url = format!("Visited: mvega@https://shop.example/{number:04}");
        let mut cells =
            vec![("EntryId", long(number.into())), ("AccessedTime", long(noon(u64::from(number % 300) + 1)))];
        cells.push(match number {
            // A long value in two parts, the second one compressed: `abc` a hundred times.
            7 => {
                let packed = vec![
                    0x18, 0x2c, 1, 0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63, 0x17, 0, 0x0f, 0xff, 0x26, 1,
                ];
                let head = wide("Visited: mvega@https://long.example/");
                let length = head.len();
                ("Url", Cell::Long(vec![(head, length), (packed, 300)]))
            }
            // Seven bits a letter: `abc`.
            8 => ("Url", Cell::Packed(vec![0x14, 0x61, 0xf1, 0x18])),
            9 => ("Url", Cell::Many(vec![wide("first"), wide("second")])),
            _ => ("Url", text(&url)),
        });
        TestRow { key: [&[0x7f][..], &number.to_be_bytes()].concat(), cells }
    };
    let rows = (1..=600).map(row).collect();
    let visits = TestTable { name: "Container_2", columns, rows, key: vec![1], ..TestTable::default() };
    Build::of(page_bytes, vec![containers, visits])
}

#[test]
fn values_of_every_form_are_read_from_small_and_large_pages() {
    for page_bytes in [4_096, 8_192, 16_384, 32_768] {
        let all = read("WebCacheV01.dat", web_cache(page_bytes), &[]).unwrap();
        assert!(all.issues.is_empty(), "{:?}", all.issues);
        let visits = all.columns("web.visit", &["EntryId", "event_time", "Url", "User", "Container"]);
        assert_eq!(visits.len(), 600, "{page_bytes}");
        assert_eq!(visits[0], "1 | 2023-01-02T12:00:00Z | https://shop.example/0001 | mvega | History");
        let packed: String = String::from_utf16_lossy(&[0x6261, 0x6163, 0x6362].repeat(50));
        assert_eq!(
            visits[6],
            format!("7 | 2023-01-08T12:00:00Z | https://long.example/{packed} | mvega | History")
        );
        assert_eq!(visits[7], "8 | 2023-01-09T12:00:00Z | abc | ~ | History");
        assert_eq!(visits[8], "9 | 2023-01-10T12:00:00Z | first | ~ | History");
        assert_eq!(visits[599], "600 | 2023-01-01T12:00:00Z | https://shop.example/0600 | mvega | History");
    }
}

/// The page of the root of a table of [`web_cache`].
fn root_of(table: usize) -> usize {
    32 + 3 * table
}

#[test]
fn where_a_tree_is_broken_its_leaves_are_found_in_the_file() {
    let mut bytes = web_cache(4_096);
    let root = (root_of(1) + 1) * 4_096;
    bytes[root..root + 4_096].fill(0);
    let all = read("WebCacheV01.dat", bytes, &[]).unwrap();
    assert_eq!(all.counts()["web.visit"], 600);
    assert!(all.columns("web.visit", &["OutsideOfTree"]).iter().all(|stray| stray == "true"));
    assert!(
        all.issues
            .iter()
            .any(|issue| issue.starts_with("ese-tree-damaged: the tree of table `Container_2` is broken"))
    );
}

#[test]
fn where_the_catalogue_is_broken_its_shadow_is_read() {
    // So many columns that the catalogue has a branch above its leaves.
    let names: Vec<&'static str> = (1..=366).map(|day| &*format!("Day{day}").leak()).collect();
    let days: Vec<Col> = (300..).zip(names).map(|(id, name)| col(id, name, kind::UNSIGNED_SHORT)).collect();
    let mut table = clients(vec![client(1, noon(20), noon(50), &["Day40"])]);
    table.columns.truncate(6);
    table.columns.extend(days);
    let whole = Build::of(4_096, vec![table]);
    for gone in [vec![4], vec![4, 24]] {
        let mut bytes = whole.clone();
        for page in &gone {
            bytes[(page + 1) * 4_096..(page + 2) * 4_096].fill(0);
        }
        let all = read("Current.mdb", bytes, &[]).unwrap();
        let told = all
            .issues
            .iter()
            .any(|issue| issue.starts_with("ese-catalog-damaged: page 4 of the catalogue is empty; "));
        assert!(told, "{:?}", all.issues);
        assert_eq!(all.columns("ual.access", &["AccessDate"]), ["2023-02-09"], "{gone:?}: {:?}", all.issues);
    }
}

#[test]
fn damage_is_told_and_costs_what_it_hit() {
    let whole = web_cache(4_096);
    // A flipped bit in a leaf: its checksum is wrong, and its rows are read.
    let mut bytes = whole.clone();
    let at = memchr::memmem::find(&bytes, &wide("shop.example/0100")).unwrap();
    bytes[at] ^= 1;
    let all = read("WebCacheV01.dat", bytes, &[]).unwrap();
    assert_eq!(all.counts()["web.visit"], 600);
    let told =
        "ese-checksum-wrong: 1 pages have a wrong checksum; they were read all the same; no record is lost";
    assert_eq!(all.issues, [told]);
    // A row is flagged as deleted: it is neither counted nor read, and said.
    let mut bytes = whole.clone();
    let leaf = memchr::memmem::find(&bytes, &wide("shop.example/0100")).unwrap() / 4_096 * 4_096;
    bytes[leaf + 4_096 - 4 * 3 + 3] |= 0x40;
    let all = read("WebCacheV01.dat", bytes, &[]).unwrap();
    assert_eq!(all.counts()["web.visit"], 599);
    assert!(
        all.issues.iter().any(|issue| issue.starts_with("ese-rows-deleted: 1 rows ")),
        "{:?}",
        all.issues
    );
    // The end of the file is gone: the leaves there are.
    let mut bytes = whole.clone();
    bytes.truncate(bytes.len() - 3 * 4_096 - 100);
    let all = read("WebCacheV01.dat", bytes, &[]).unwrap();
    assert!((1..600).contains(&all.counts()["web.visit"]));
    assert!(all.issues.iter().any(|issue| issue.starts_with("ese-tree-damaged: ")), "{:?}", all.issues);
    // The first head is gone: the second is read. Both: it is no database.
    let mut bytes = whole;
    assert!(recognise(&bytes, "x") && !recognise(b"<?xml", "x"));
    bytes[..512].fill(0);
    let all = read("WebCacheV01.dat", bytes.clone(), &[]).unwrap();
    assert_eq!(all.counts()["web.visit"], 600);
    assert!(all.issues[0].starts_with("ese-head-damaged: "), "{:?}", all.issues);
    bytes[4_096..4_608].fill(0);
    assert!(read("WebCacheV01.dat", bytes, &[]).is_err());
}

/// A number of a fixed series.
struct Series(u64);

impl Series {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// Changes some bytes: a flipped bit, an overwritten number, a page over another, a cut.
fn harm(bytes: &mut Vec<u8>, page_bytes: usize, series: &mut Series) {
    for _ in 0..=series.below(4) {
        let at = series.below(bytes.len() - 8);
        match series.below(8) {
            0..=2 => bytes[at] ^= 1 << series.below(8),
            3 => bytes[at..at + 4].fill(0xff),
            4 => {
                let small = u8::try_from(series.below(40)).unwrap();
                bytes[at..at + 4].copy_from_slice(&[small, 0, 0, 0]);
            }
            // In the head of a page or among its tags, where most is decided.
            5 | 6 => {
                let page = at / page_bytes * page_bytes;
                let within =
                    if series.below(2) == 0 { series.below(80) } else { page_bytes - 1 - series.below(64) };
                if let Some(byte) = bytes.get_mut(page + within) {
                    *byte = u8::try_from(series.below(256)).unwrap();
                }
            }
            _ if series.below(8) == 0 => bytes.truncate(at.max(2 * page_bytes)),
            _ => {
                let pages = bytes.len() / page_bytes;
                let (from, to) = (series.below(pages) * page_bytes, series.below(pages) * page_bytes);
                bytes.copy_within(from..from + page_bytes, to);
            }
        }
    }
}

/// Reads harmed copies; whatever comes out, each row's record is found again, and it ends.
pub(super) fn survives(path: &str, whole: &[u8], page_bytes: usize, rounds: usize) {
    let mut series = Series(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let mut bytes = whole.to_vec();
        harm(&mut bytes, page_bytes, &mut series);
        let _ = read(path, bytes, &[]);
    }
}

#[test]
fn harmed_databases_neither_panic_nor_hang() {
    survives("WebCacheV01.dat", &web_cache(4_096), 4_096, 100);
    survives("WebCacheV01.dat", &web_cache(32_768), 32_768, 30);
    let rows = vec![client(1, noon(20), noon(50), &["Day40"]), client(2, noon(300), noon(370), &["Day1"])];
    survives("Current.mdb", &Build::of(4_096, vec![clients(rows)]), 4_096, 200);
}
