//! A directory of a few objects, written by the test.

use super::super::record::kind;
use super::super::testing::{Build, Cell, Cells, Col, Entry, TestIndex, TestRow, TestTable, key_of, wide};
use super::super::tests::{read, survives};

/// Seconds from 1601 to 2023-01-01.
const OF_2023: u64 = 1_672_531_200 + 11_644_473_600;

fn long(value: u64) -> Cell {
    Cell::Plain(value.to_le_bytes().to_vec())
}

fn int(value: u32) -> Cell {
    Cell::Plain(value.to_le_bytes().to_vec())
}

fn columns() -> Vec<Col> {
    [
        (1, "DNT_col", kind::LONG),
        (2, "PDNT_col", kind::LONG),
        (3, "RDNtyp_col", kind::LONG),
        (256, "ATTm589825", kind::LONG_TEXT),
        (257, "ATTm590045", kind::LONG_TEXT),
        (258, "ATTr589970", kind::LONG_BINARY),
        (259, "ATTl131074", kind::CURRENCY),
        (260, "ATTj589832", kind::LONG),
        (261, "ATTm590595", kind::LONG_TEXT),
        (262, "ATTk589827", kind::LONG_BINARY),
        (263, "ATTk589914", kind::LONG_BINARY),
        (264, "ATTp592006", kind::LONG_BINARY),
        (265, "ATTj590126", kind::LONG),
    ]
    .map(|(id, name, kind)| Col { id, name, kind })
    .to_vec()
}

fn object(number: u32, parent: u32, name_kind: u32, name: &str, further: Cells) -> TestRow {
    let mut cells: Cells = vec![
        ("DNT_col", int(number)),
        ("PDNT_col", int(parent)),
        ("RDNtyp_col", int(name_kind)),
        ("ATTm589825", Cell::Plain(wide(name))),
    ];
    cells.extend(further);
    TestRow { key: key_of(&[number]), cells }
}

/// `replPropertyMetaData` of these attributes.
fn meta(entries: &[(u32, u32, u64)]) -> Vec<u8> {
    let mut bytes = [&1_u64.to_le_bytes()[..], &(entries.len() as u64).to_le_bytes()].concat();
    for (number, version, day) in entries {
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&(OF_2023 + day * 86_400).to_le_bytes());
        bytes.extend_from_slice(&[0xab; 16]);
        bytes.extend_from_slice(&[1_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat());
    }
    bytes
}

const SECRET: &[u8] = b"never to be shown";

fn objects() -> TestTable {
    let sid = |last: u32| [&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0][..], &last.to_be_bytes()].concat();
    let user: Cells = vec![
        ("ATTm590045", Cell::Plain(wide("mvega"))),
        ("ATTr589970", Cell::Plain(sid(1_105))),
        ("ATTl131074", long(OF_2023)),
        ("ATTj589832", int(0x40_0200)),
        ("ATTm590595", Cell::Many(vec![wide("HTTP/a.example"), wide("HTTP/b.example")])),
        ("ATTk589827", Cell::Plain(meta(&[(589_914, 3, 40), (590_595, 1, 41), (3, 1, 0)]))),
        ("ATTk589914", Cell::Plain(SECRET.to_vec())),
        ("ATTp592006", Cell::Plain(vec![8; 8])),
        ("ATTj590126", int(0x3000_0000)),
    ];
    let group = vec![
        ("ATTm590045", Cell::Plain(wide("Domain Admins"))),
        ("ATTl131074", long(OF_2023)),
        ("ATTj590126", int(0x1000_0000)),
    ];
    let rows = vec![
        object(2, 0, 0, "$ROOT_OBJECT$", vec![]),
        object(10, 2, 1_376_281, "example", vec![]),
        object(11, 10, 1_376_281, "corp", vec![]),
        object(12, 11, 11, "Staff, all", vec![]),
        object(13, 12, 3, "Vega, Maria", user),
        object(14, 11, 3, "Domain Admins", group),
    ];
    TestTable { name: "datatable", columns: columns(), rows, key: vec![1], ..TestTable::default() }
}

fn link(group: u32, member: u32, removed: Option<u64>, day: u64) -> TestRow {
    let head = OF_2023 + day * 86_400;
    let mut meta = head.to_le_bytes().to_vec();
    meta.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
    meta.extend_from_slice(&head.to_le_bytes());
    meta.extend_from_slice(&[0xcd; 32]);
    let mut cells: Cells = vec![
        ("link_DNT", int(group)),
        ("backlink_DNT", int(member)),
        ("link_base", int(1)),
        ("link_metadata", Cell::Plain(meta)),
    ];
    cells.extend(removed.map(|time| ("link_deltime", long(time))));
    TestRow { key: key_of(&[group, 1, member]), cells }
}

fn links() -> TestTable {
    let columns = [
        (1, "link_DNT", kind::LONG),
        (2, "backlink_DNT", kind::LONG),
        (3, "link_base", kind::LONG),
        (256, "link_deltime", kind::CURRENCY),
        (257, "link_metadata", kind::LONG_BINARY),
    ]
    .map(|(id, name, kind)| Col { id, name, kind })
    .to_vec();
    let rows = vec![link(14, 13, None, 50), link(11, 13, Some(OF_2023 + 60 * 86_400), 60)];
    let back = |group: u32, member: u32| Entry {
        key: key_of(&[member, 1, group]),
        row: key_of(&[group, 1, member]),
    };
    let index = Some(TestIndex { columns: vec![2, 3, 1], entries: vec![back(14, 13), back(11, 13)] });
    TestTable { name: "link_table", columns, rows, key: vec![1, 3, 2], index }
}

#[test]
fn accounts_have_their_names_groups_and_changes_and_no_secret() {
    for page_bytes in [8_192, 32_768] {
        let all = read("ntds.dit", Build::of(page_bytes, vec![objects(), links()]), &[]).unwrap();
        assert!(all.issues.is_empty(), "{:?}", all.issues);
        let dn = r"CN=Vega\, Maria,OU=Staff\, all,DC=corp,DC=example";
        let group = "CN=Domain Admins,DC=corp,DC=example";
        assert_eq!(
            all.columns(
                "directory.object",
                &[
                    "event_time",
                    "sAMAccountName",
                    "distinguishedName",
                    "objectSid",
                    "userAccountControl",
                    "memberOf"
                ]
            ),
            [
                format!(
                    "2023-01-01T00:00:00Z | mvega | {dn} | S-1-5-21-1105 | NORMAL_ACCOUNT,DONT_REQ_PREAUTH | {group}"
                ),
                format!("2023-01-01T00:00:00Z | Domain Admins | {group} | ~ | ~ | ~"),
            ]
        );
        let further = [
            "sAMAccountType",
            "servicePrincipalName",
            "servicePrincipalNameCount",
            "SecretsPresent",
            "msDS-AllowedToActOnBehalfOfOtherIdentity",
        ];
        assert_eq!(
            all.columns("directory.object", &further)[0],
            "user | HTTP/a.example; HTTP/b.example | 2 | unicodePwd | present"
        );
        assert_eq!(
            all.columns(
                "directory.change",
                &["event_time", "Attribute", "Version", "distinguishedName", "LinkedDN", "LinkDeleted"]
            ),
            [
                format!("2023-02-10T00:00:00Z | unicodePwd | 3 | {dn} | ~ | ~"),
                format!("2023-02-11T00:00:00Z | servicePrincipalName | 1 | {dn} | ~ | ~"),
                format!(
                    "2023-03-02T00:00:00Z | member | 1 | DC=corp,DC=example | {dn} | 2023-03-02T00:00:00Z"
                ),
                format!("2023-02-20T00:00:00Z | member | 1 | {group} | {dn} | ~"),
            ]
        );
        let shown = format!("{:?}", all.rows);
        let hex = piste_model::hash::hex(SECRET);
        assert!(!shown.contains("never to be shown") && !shown.contains(&hex));
    }
}

#[test]
fn a_harmed_directory_neither_panics_nor_hangs() {
    survives("ntds.dit", &Build::of(8_192, vec![objects(), links()]), 8_192, 200);
}
