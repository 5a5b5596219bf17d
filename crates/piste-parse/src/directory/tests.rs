//! Exports of an invented directory.

use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use proptest::prelude::*;

use super::*;
use crate::block::Splitter;
use crate::sniff::Format;
use crate::testing::{Row, row_of};

struct Answer {
    rows: Vec<Row>,
    damage: usize,
    issues: Vec<String>,
}

fn read_text(bytes: &[u8]) -> Answer {
    let sources = Sources::default();
    let cx =
        Context { evidence: EvidenceId(1), path: "export.txt", sources: &sources, host_hint: Some("DC1") };
    let mut answer = Answer { rows: Vec::new(), damage: 0, issues: Vec::new() };
    let Ok(opened) = open(Arc::new(bytes.to_vec()), &[], &cx) else { return answer };
    answer.issues.extend(opened.issues.iter().map(|issue| issue.slug.to_string()));
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        let before = answer.rows.len();
        for batch in &parsed.batches {
            answer.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        assert_eq!(parsed.records, (answer.rows.len() - before) as u64);
        answer.damage += parsed.damage.len();
    }
    for row in &answer.rows {
        let offset: u64 = row["offset"].parse().unwrap();
        let record = opened.file.record(offset).expect("it was read before");
        let hash = piste_model::hash::hex(&piste_model::hash::record_hash(&record));
        assert_eq!(row["record_hash"], hash, "{}", String::from_utf8_lossy(&record));
    }
    answer
}

fn read_table(text: &str, block_bytes: usize) -> Answer {
    let sources = Sources::default();
    let cx =
        Context { evidence: EvidenceId(1), path: "users.csv", sources: &sources, host_hint: Some("DC1") };
    let mut splitter = Splitter::with_block_bytes(Format::EventCsv, block_bytes);
    let mut answer = Answer { rows: Vec::new(), damage: 0, issues: Vec::new() };
    let mut bytes = text.as_bytes();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_records(&block, &cx);
        for batch in &parsed.batches {
            answer.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        answer.damage += parsed.damage.len();
    }
    answer
}

fn shown(rows: &[Row], names: &[&str]) -> Vec<String> {
    let line = |row: &Row| {
        names.iter().map(|name| row.get(*name).map_or("~", String::as_str)).collect::<Vec<_>>().join(" | ")
    };
    rows.iter().map(line).collect()
}

fn wide(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

const LDIF: &str = "version: 1

dn: CN=Ann Peeters,OU=Staff,DC=ministry,DC=exam
 ple
changetype: add
objectClass: top
objectClass: user
whenCreated: 20210304051231.0Z
pwdLastSet: 132593155512500000
lastLogonTimestamp: 0
userAccountControl: 66048
objectSid:: AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAAUAQAAA==
unicodePwd:: c2VjcmV0c2VjcmV0
description:: w5xiZXI=
memberOf: CN=Domain Admins,CN=Users,DC=ministry,DC=example
memberOf: CN=Backup,CN=Users,DC=ministry,DC=example

dn:: Q049w4ksREM9bWluaXN0cnksREM9ZXhhbXBsZQ==
objectClass: computer
ms-Mcs-AdmPwd: hunter2
";

#[test]
fn objects_of_ldif_have_their_attributes_and_no_secret() {
    for (bytes, name) in [
        (LDIF.as_bytes().to_vec(), "utf-8"),
        (wide(LDIF), "utf-16"),
        (wide(&LDIF.replace('\n', "\r\n")), "crlf"),
    ] {
        assert!(recognise(&bytes, "x"), "{name}");
        let Answer { rows, damage, .. } = read_text(&bytes);
        assert_eq!(damage, 0, "{name}");
        assert_eq!(
            shown(
                &rows,
                &[
                    "dataset",
                    "host",
                    "DistinguishedName",
                    "event_time",
                    "time_basis",
                    "pwdLastSet",
                    "lastLogonTimestamp",
                    "UserAccountControlFlags",
                    "objectSid",
                    "description",
                    "memberOf",
                    "WithheldAttributes"
                ]
            ),
            [
                "directory.object | DC1 | CN=Ann Peeters,OU=Staff,DC=ministry,DC=example | 2021-03-04T05:12:31Z | whenCreated | 2021-03-04T07:12:31.2500000Z | 0 | NORMAL_ACCOUNT,DONT_EXPIRE_PASSWORD | S-1-5-21-1-2-3-1104 | Über | CN=Domain Admins,CN=Users,DC=ministry,DC=example;CN=Backup,CN=Users,DC=ministry,DC=example | unicodePwd",
                "directory.object | DC1 | CN=É,DC=ministry,DC=example | ~ |  | ~ | ~ | ~ | ~ | ~ | ~ | ms-Mcs-AdmPwd",
            ],
            "{name}"
        );
        let all = format!("{rows:?}");
        assert!(!all.contains("hunter2") && !all.contains("c2VjcmV0") && !all.contains("secret"), "{all}");
    }
}

const ATTRIBUTES: &str = "
Repadmin: running command /showattr against full DC localhost
DN: CN=svc,CN=Users,DC=ministry,DC=example
    4> objectClass: top;
          person;
          organizationalPerson;
          user
    1> whenCreated: 2/14/2020 12:34:06 PM Pacific Daylight Time
    2> memberOf: CN=a,DC=ministry,DC=example; CN=b,DC=ministry,DC=example
    1> userAccountControl: 0x10200 = ( NORMAL_ACCOUNT | DONT_EXPIRE_PASSWD )
    1> pwdLastSet: (never)
    0> unicodePwd: 
    1> sAMAccountName: svc

DN: CN=pc,DC=ministry,DC=example
    1> objectClass: computer
    1> whenCreated: 8/30/2021 4:43:02 PM Coordinated Universal Time
";

#[test]
fn attributes_of_repadmin_are_objects() {
    for bytes in [ATTRIBUTES.as_bytes().to_vec(), wide(&ATTRIBUTES.replace('\n', "\r\n"))] {
        assert!(recognise(&bytes, "x"));
        let Answer { rows, damage, issues } = read_text(&bytes);
        assert_eq!((damage, issues.len()), (0, 0));
        assert_eq!(
            shown(
                &rows,
                &[
                    "DistinguishedName",
                    "objectClass",
                    "event_time",
                    "time_basis",
                    "memberOf",
                    "UserAccountControlFlags",
                    "pwdLastSet",
                    "WithheldAttributes"
                ]
            ),
            [
                "CN=svc,CN=Users,DC=ministry,DC=example | top;person;organizationalPerson;user | 2020-02-14T12:34:06Z | whenCreated, zone unknown | CN=a,DC=ministry,DC=example;CN=b,DC=ministry,DC=example | NORMAL_ACCOUNT,DONT_EXPIRE_PASSWORD | (never) | unicodePwd",
                "CN=pc,DC=ministry,DC=example | computer | 2021-08-30T16:43:02Z | whenCreated | ~ | ~ | ~ | ~",
            ]
        );
    }
}

/// As a German server prints it; the words of the heads differ, their form does not.
const METADATA: &str = "C:\\>repadmin /showobjmeta dc1 \"CN=Domain Admins,CN=Users,DC=ministry,DC=example\"

3 Einträge.
Lok. USN                          Ursprungs-DSA  Urspr. USN Ursprungszeit        Ver Attribut
=======                          =============== ======= =============        === =========
   8194              Default First Site\\DC1    8194 2021-03-04 05:12:31    1 objectClass
  16401    6f3d0b2e-9a1c-4f6e-8d2b-0c1a2b3c4d5e   16399 2021-03-05 06:00:00   12 adminCount
  16402              Default First Site\\DC1   16402 2021-03-05 06:00:01    2
   xyz              Default First Site\\DC1   16402 2021-03-05 06:00:01    2 cn
   9999              Default First Site\\DC1   abc 2021-03-05 06:00:01    2 cn
2 Einträge.
Typ     Attribut      Letzte Änderung                           Ursprungs-DSA  Lok. USN Urspr. USN Ver
======= ============  =============                           ================= ======= ======= ===
        Distinguished Name
        =============================
PRESENT       member  2021-03-06 07:00:00   Default First Site\\DC1   20563   20560   1
        CN=Ann Peeters,OU=Staff,DC=ministry,DC=example
ABSENT        member  2021-03-07 07:00:00   Default First Site\\DC1   20600   20601   2
        CN=Gone,OU=Staff,DC=ministry,DC=example
LEGACY        member
        CN=Old,OU=Staff,DC=ministry,DC=example
";

#[test]
fn changes_are_read_in_any_language() {
    for bytes in [
        METADATA.as_bytes().to_vec(),
        METADATA.replace('\n', "\r\n").into_bytes(),
        wide(METADATA),
        wide(&METADATA.replace('\n', "\r\n")),
    ] {
        assert!(recognise(&bytes, "x"));
        let Answer { rows, damage, .. } = read_text(&bytes);
        assert_eq!(damage, 1, "a number that is none");
        assert!(rows.iter().all(|row| row["DistinguishedName"].starts_with("CN=Domain Admins")));
        assert_eq!(
            shown(
                &rows,
                &[
                    "event_time",
                    "time_basis",
                    "Attribute",
                    "Version",
                    "OriginatingServer",
                    "OriginatingUSN",
                    "LocalUSN",
                    "Member",
                    "LinkState"
                ]
            ),
            [
                "2021-03-04T05:12:31Z | originating change, zone unknown | objectClass | 1 | Default First Site\\DC1 | 8194 | 8194 | ~ | ~",
                "2021-03-05T06:00:00Z | originating change, zone unknown | adminCount | 12 | 6f3d0b2e-9a1c-4f6e-8d2b-0c1a2b3c4d5e | 16399 | 16401 | ~ | ~",
                "2021-03-05T06:00:01Z | originating change, zone unknown | ~ | 2 | Default First Site\\DC1 | 16402 | 16402 | ~ | ~",
                "2021-03-06T07:00:00Z | originating change, zone unknown | member | 1 | Default First Site\\DC1 | 20560 | 20563 | CN=Ann Peeters,OU=Staff,DC=ministry,DC=example | present",
                "2021-03-07T07:00:00Z | originating change, zone unknown | member | 2 | Default First Site\\DC1 | 20601 | 20600 | CN=Gone,OU=Staff,DC=ministry,DC=example | absent",
                "~ |  | member | ~ | ~ | ~ | ~ | CN=Old,OU=Staff,DC=ministry,DC=example | legacy",
            ]
        );
    }
}

#[test]
fn pieces_are_cut_between_objects() {
    let object = |number: u32| {
        let long = "x".repeat(40);
        format!(
            "dn: CN=u{number},DC=ministry,DC=example\nobjectClass: user\nwhenCreated: 20210304051231.0Z\ndescription: {long}\n\n"
        )
    };
    let objects: Vec<String> = (0..30_000).map(object).collect();
    let text = objects.concat();
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let opened = open(Arc::new(text.clone().into_bytes()), &[], &cx).expect("memory reads");
    assert!(opened.file.pieces() > 2, "{}", opened.file.pieces());
    let Answer { rows, damage, .. } = read_text(text.as_bytes());
    assert_eq!((rows.len(), damage), (30_000, 0));
    assert_eq!(rows[29_999]["DistinguishedName"], "CN=u29999,DC=ministry,DC=example");
    assert_eq!(rows[29_999]["record"], "149996");
}

#[test]
fn tables_of_changes_and_of_objects_are_read() {
    let timeline = "\"ftimeLastOriginatingChange\";\"Name\";\"pszAttributeName\";\"ObjectClass\";\"DN\";\"ObjectCategory\";\"SamAccountName\";\"dwVersion\";\"WhenCreated\";\"Member\";\"ftimeCreated\";\"ftimeDeleted\";\"SID\";\"pszLastOriginatingDsaDN\";\"uuidLastOriginatingDsaInvocationID\";\"usnOriginatingChange\";\"usnLocalChange\"
\"2021-03-04T05:12:31Z\";\"Domain Admins\";\"member\";\"group\";\"CN=Domain Admins,DC=ministry,DC=example\";\"CN=Group\";\"Domain Admins\";\"1\";\"2019-01-01T00:00:00Z\";\"CN=x,DC=ministry,DC=example\";\"2021-03-04T05:12:31Z\";\"1601-01-01T00:00:00Z\";\"S-1-5-21-1-512\";\"CN=NTDS Settings,CN=DC1\";\"aa\";\"77\";\"78\"
";
    assert!(recognise_table(timeline.as_bytes(), "timeline_ministry.csv"));
    assert_eq!(
        shown(
            &read_table(timeline, 1 << 20).rows,
            &[
                "dataset",
                "event_time",
                "time_basis",
                "DistinguishedName",
                "Attribute",
                "Version",
                "OriginatingServer",
                "OriginatingUSN",
                "LocalUSN",
                "Member",
                "LinkCreated",
                "LinkDeleted",
                "sAMAccountName"
            ]
        ),
        [
            "directory.change | 2021-03-04T05:12:31Z | originating change | CN=Domain Admins,DC=ministry,DC=example | member | 1 | CN=NTDS Settings,CN=DC1 | 77 | 78 | CN=x,DC=ministry,DC=example | 2021-03-04T05:12:31Z | ~ | Domain Admins"
        ]
    );
    let shell = "#TYPE Microsoft.ActiveDirectory.Management.ADUser\r\n\"DistinguishedName\",\"Enabled\",\"MemberOf\",\"ObjectClass\",\"PasswordLastSet\",\"SamAccountName\",\"SID\",\"whenCreated\",\"ms-Mcs-AdmPwd\"\r\n\"CN=a,DC=ministry,DC=example\",\"True\",\"Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\",\"user\",\"3/14/2021 5:12:31 AM\",\"a\",\"S-1-5-21-1-2-3-1104\",\"3/4/2021 5:12:31 AM\",\"hunter2\"\r\n";
    assert!(recognise_table(shell.as_bytes(), "users.csv"));
    for block_bytes in [1, 1 << 20] {
        assert_eq!(
            shown(
                &read_table(shell, block_bytes).rows,
                &[
                    "dataset",
                    "event_time",
                    "time_basis",
                    "DistinguishedName",
                    "sAMAccountName",
                    "objectSid",
                    "memberOf",
                    "PasswordLastSet",
                    "WithheldAttributes",
                    "ms-Mcs-AdmPwd"
                ]
            ),
            [
                "directory.object | 2021-03-04T05:12:31Z | whenCreated, zone unknown | CN=a,DC=ministry,DC=example | a | S-1-5-21-1-2-3-1104 | ~ | 3/14/2021 5:12:31 AM | ms-Mcs-AdmPwd | ~"
            ]
        );
    }
    let csvde = "DN,objectClass,objectSid,whenCreated,userAccountControl\r\n\"CN=b,DC=ministry,DC=example\",user,X'010500000000000515000000010000000200000003000000500400',20210304051231.0Z,514\r\n\"CN=c,DC=ministry,DC=example\",user\r\n";
    let csvde = csvde.replace("500400'", "50040000'");
    assert!(recognise_table(csvde.as_bytes(), "x.csv"));
    let Answer { rows, damage, .. } = read_table(&csvde, 1 << 20);
    assert_eq!(
        shown(&rows, &["DistinguishedName", "objectSid", "UserAccountControlFlags", "event_time"]),
        [
            "CN=b,DC=ministry,DC=example | S-1-5-21-1-2-3-1104 | ACCOUNTDISABLE,NORMAL_ACCOUNT | 2021-03-04T05:12:31Z"
        ]
    );
    assert_eq!(damage, 1);
}

fn read_dump(text: &str) -> Answer {
    let sources = Sources::default();
    let cx =
        Context { evidence: EvidenceId(1), path: "users.json", sources: &sources, host_hint: Some("DC1") };
    let mut answer = Answer { rows: Vec::new(), damage: 0, issues: Vec::new() };
    let Some(format) = recognise_dump(text.as_bytes(), "x") else { return answer };
    let mut splitter = Splitter::with_block_bytes(format, 1 << 20);
    let mut bytes = text.as_bytes();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_elements(&block, &cx);
        for batch in &parsed.batches {
            answer.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        answer.damage += parsed.damage.len();
    }
    answer
}

#[test]
fn dumps_of_other_tools_are_objects() {
    let columns = [
        "dataset",
        "event_time",
        "DistinguishedName",
        "sAMAccountName",
        "objectSid",
        "pwdLastSet",
        "servicePrincipalName",
        "memberOf",
    ];
    let dog = r#"{"data":[{"Properties":{"domain":"MINISTRY.EXAMPLE","name":"ANN@MINISTRY.EXAMPLE","distinguishedname":"CN=ANN,DC=MINISTRY,DC=EXAMPLE","domainsid":"S-1-5-21-1-2-3","samaccountname":"ann","serviceprincipalnames":["a/b","c/d"],"whencreated":1614834751,"pwdlastset":1614834752,"lastlogon":-1},"Aces":[{"PrincipalSID":"S-1-1-0"}],"ObjectIdentifier":"S-1-5-21-1-2-3-1104"}],"meta":{"type":"users","count":1,"version":5}}"#;
    let Answer { rows, damage, .. } = read_dump(dog);
    assert_eq!(damage, 0);
    assert_eq!(
        shown(&rows, &columns),
        [
            "directory.object | 2021-03-04T05:12:31Z | CN=ANN,DC=MINISTRY,DC=EXAMPLE | ann | S-1-5-21-1-2-3-1104 | 2021-03-04T05:12:32Z | a/b;c/d | ~"
        ]
    );
    let dump = r#"[{"attributes":{"sAMAccountName":["ann"],"objectSid":["S-1-5-21-1-2-3-1104"],"whenCreated":["2021-03-04 05:12:31+00:00"],"memberOf":["CN=a","CN=b"],"unicodePwd":["hunter2"]},"dn":"CN=Ann,DC=ministry,DC=example"}]"#;
    let Answer { rows, damage, .. } = read_dump(dump);
    assert_eq!(damage, 0);
    assert_eq!(
        shown(&rows, &columns),
        [
            "directory.object | 2021-03-04T05:12:31Z | CN=Ann,DC=ministry,DC=example | ann | S-1-5-21-1-2-3-1104 | ~ | ~ | CN=a;CN=b"
        ]
    );
    assert_eq!(rows[0]["WithheldAttributes"], "unicodePwd");
    assert!(recognise_dump(br#"{"a":1}"#, "x").is_none() && recognise_dump(b"[1]", "x").is_none());
}

#[test]
fn other_texts_are_left_alone() {
    for text in
        ["", "dn: x", "a,b,c\n1,2,3\n", "=====\nhello\n", "#Fields: date time\n", "DN: hello\n    1> x"]
    {
        assert!(!recognise(text.as_bytes(), "x") && !recognise_table(text.as_bytes(), "x"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn no_damage_makes_it_panic(
        which in 0_usize..3,
        utf16 in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..16),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let text = [LDIF, ATTRIBUTES, METADATA][which];
        let mut bytes = if utf16 { wide(text) } else { text.as_bytes().to_vec() };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_text(&bytes);
        recognise_table(&bytes, "x");
    }
}
