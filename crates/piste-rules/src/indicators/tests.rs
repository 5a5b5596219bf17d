//! Each format, by samples written by hand.
//!
//! In: small files. Out: what of them is looked for, with source, marking and dates, and what is not, with its reason.

use super::read::{read_bytes, read_one};
use super::sink::Sink;
use super::{Indicators, Tests};

fn load(name: &str, text: &str) -> Indicators {
    read_one(name, text.as_bytes())
}

/// `kind value | source | TLP | from .. until | words`, and the issues below.
fn shown(indicators: &Indicators) -> String {
    let time = |time: Option<piste_model::Instant>| time.map_or("-".to_owned(), |time| time.to_string());
    let mut lines: Vec<String> = indicators
        .all
        .iter()
        .map(|one| {
            format!(
                "{} {} | {} | {} | {} .. {} | {}",
                one.kind,
                one.value(),
                indicators.source_of(one),
                one.tlp().map_or("-", super::Tlp::as_str),
                time(one.valid_from()),
                time(one.valid_until()),
                one.description().unwrap_or("-"),
            )
        })
        .collect();
    lines.push("--".to_owned());
    lines.extend(indicators.issues.iter().map(|one| format!("{} {}: {}", one.slug, one.path, one.what)));
    lines.join("\n")
}

const STIX: &str = r#"{"type": "bundle", "id": "bundle--1", "objects": [
 {"type": "indicator", "id": "indicator--1", "name": "C2", "pattern_type": "stix", "confidence": 80,
  "pattern": "[ipv4-addr:value = '203.0.113.7'] OR [domain-name:value = 'Evil.example']",
  "valid_from": "2021-03-02T00:00:00Z", "valid_until": "2021-06-01T00:00:00Z",
  "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"]},
 {"type": "indicator", "id": "indicator--2", "pattern": "[file:hashes.'SHA-256' = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' AND file:name = 'x.aspx']",
  "valid_from": "2021-03-02T00:00:00Z", "object_marking_refs": ["marking-definition--own"]},
 {"type": "indicator", "id": "indicator--3", "pattern": "[file:hashes.MD5 IN ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccccccccccccccccccc')]"},
 {"type": "indicator", "id": "indicator--4", "pattern": "[ipv4-addr:value ISSUBSET '198.51.100.0/24']"},
 {"type": "indicator", "id": "indicator--5", "pattern": "[file:name LIKE 'evil%.aspx'] OR [url:value MATCHES '/gate[0-9]+\\.php$']"},
 {"type": "indicator", "id": "indicator--6", "pattern": "[network-traffic:dst_ref.value = '203.0.113.9' AND network-traffic:dst_port = 8443]"},
 {"type": "indicator", "id": "indicator--6b", "pattern": "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.19']"},
 {"type": "indicator", "id": "indicator--7", "pattern": "[process:name = 'a.exe'] FOLLOWEDBY [process:name = 'b.exe']"},
 {"type": "indicator", "id": "indicator--8", "pattern": "[process:name = 'a.exe'] REPEATS 5 TIMES"},
 {"type": "indicator", "id": "indicator--9", "pattern": "[process:name != 'a.exe']"},
 {"type": "indicator", "id": "indicator--10", "pattern": "[x509-certificate:serial_number = '1']"},
 {"type": "indicator", "id": "indicator--11", "pattern": "[ipv4-addr:value = '10.0.0.5'] OR [domain-name:value = 'google.com']"},
 {"type": "indicator", "id": "indicator--12", "pattern": "rule x {}", "pattern_type": "yara"},
 {"type": "indicator", "id": "indicator--13", "pattern": "[ipv4-addr:value = '203.0.113.8'", "confidence": "very"},
 {"type": "indicator", "id": "indicator--14", "pattern": "[ipv4-addr:value = '203.0.113.8'", "confidence": 5},
 {"type": "indicator", "id": "indicator--15", "pattern": "[mutex:name = 'Global\\\\evil']", "revoked": true},
 {"type": "marking-definition", "id": "marking-definition--own", "definition_type": "tlp", "definition": {"tlp": "red"}},
 {"type": "malware", "id": "malware--1"}
]}"#;

#[test]
fn stix() {
    insta::assert_snapshot!(shown(&load("b.json", STIX)));
    let cut = load("b.json", &STIX[..STIX.len() / 3]);
    assert!(!cut.all.is_empty(), "what came before the end is taken");
    assert!(cut.issues.iter().any(|one| one.what.contains("breaks off")), "{:?}", cut.issues);
    let one = load(
        "one.json",
        r#"{"type":"indicator","id":"indicator--1","pattern":"[url:value='http://evil.example/a']"}"#,
    );
    assert_eq!(one.all.len(), 1, "a single object is read too");
}

const MISP: &str = r#"{"response": [{"Event": {"info": "OAB shells", "Tag": [{"name": "tlp:green"}],
 "Attribute": [
  {"type": "ip-dst|port", "value": "203.0.113.7|443", "to_ids": true, "uuid": "u1"},
  {"type": "domain|ip", "value": "evil.example|203.0.113.8", "to_ids": "1", "uuid": "u2"},
  {"type": "filename|sha256", "value": "x.exe|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "to_ids": true, "uuid": "u3"},
  {"type": "url", "value": "hxxp://evil[.]example/a", "to_ids": true, "uuid": "u4", "comment": "stage 2", "Tag": [{"name": "tlp:red"}], "first_seen": "2021-03-01T00:00:00+00:00"},
  {"type": "ip-src", "value": "203.0.113.10", "to_ids": false, "uuid": "u5"},
  {"type": "comment", "value": "hello", "to_ids": true, "uuid": "u6"},
  {"type": "ip-dst|port", "value": "nowhere|x", "to_ids": true, "uuid": "u7"},
  {"type": "user-agent", "value": "antSword/v2.1", "to_ids": true, "uuid": "u8"},
  {"type": "ip-dst", "value": "203.0.113.11", "to_ids": true, "uuid": "u9", "deleted": true}
 ],
 "Object": [{"name": "file", "Attribute": [{"type": "md5", "value": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "to_ids": true, "uuid": "o1"}]}]}}]}"#;

#[test]
fn misp() {
    insta::assert_snapshot!(shown(&load("event.json", MISP)));
    for text in [
        r#"{"Event":{"Attribute":[{"type":"ip-dst","value":"203.0.113.7","to_ids":1}]}}"#,
        r#"[{"Event":{"Attribute":[{"type":"ip-dst","value":"203.0.113.7","to_ids":1}]}}]"#,
        r#"{"info":"x","Attribute":[{"type":"ip-dst","value":"203.0.113.7","to_ids":1}]}"#,
        r#"{"response":{"Attribute":[{"type":"ip-dst","value":"203.0.113.7","to_ids":1}]}}"#,
    ] {
        assert_eq!(load("e.json", text).all.len(), 1, "{text}");
    }
}

/// MISP's own CSV: the header's order is free, the category may be missing, and so may the header.
#[test]
fn misp_csv() {
    let rows = [
        ["ip-dst", "203.0.113.50", "C2", "1", "tlp:amber,type:osint"],
        ["ip-dst", "198.51.100.80", "sinkhole", "0", ""],
        ["ip-dst|port", "203.0.113.51|443", "C2 with port", "1", ""],
        [
            "filename|sha256",
            "sys7.aspx|abababababababababababababababababababababababababababababababab",
            "shell",
            "1",
            "",
        ],
        ["filename|ssdeep", "odd.aspx|3:a:b", "", "1", ""],
        ["domain|ip", "evil.example|203.0.113.52", "", "1", ""],
        ["regkey|value", "HKLM\\Software\\Evil|x", "", "1", ""],
        ["link", "https://blog.example/report", "the write-up", "0", ""],
        ["text", "mail.partner.example", "a victim", "false", ""],
    ];
    let table = |header: &str, line: &dyn Fn(&[&str; 5]) -> String| {
        let lines: Vec<String> = rows.iter().map(line).collect();
        load("misp.csv", &format!("{header}{}\n", lines.join("\n")))
    };
    let uuid = "11111111-1111-4111-8111-111111111111";
    let whole =
        table("uuid,event_id,category,type,value,comment,to_ids,date,attribute_tag\n", &|[a, b, c, d, e]| {
            format!("{uuid},101,\"Network activity\",\"{a}\",\"{b}\",\"{c}\",{d},1614729600,\"{e}\"")
        });
    insta::assert_snapshot!(shown(&whole));
    let values = |all: &Indicators| all.all.iter().map(super::Indicator::value).collect::<Vec<_>>();
    let others = [
        table("\"to_ids\",\"value\",\"comment\",\"type\",\"uuid\",\"date\"\n", &|[a, b, c, d, _]| {
            format!("\"{d}\",\"{b}\",\"{c}\",\"{a}\",\"{uuid}\",\"1614729600\"")
        }),
        table("", &|[a, b, c, d, _]| {
            format!("{uuid},101,\"Network activity\",{a},\"{b}\",{c},{d},1614729600")
        }),
        table("", &|[a, b, c, d, _]| format!("{uuid},101,{a},\"{b}\",{c},{d},1614729600")),
    ];
    for other in &others {
        assert_eq!(values(other), values(&whole));
        assert_eq!(other.issues.len(), whole.issues.len(), "{:?}", other.issues);
    }
    assert_eq!(
        load("feed.csv", "category,value\nip,203.0.113.7\n").all.len(),
        1,
        "the only word for the type"
    );
}

const OPENIOC: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ioc xmlns="http://schemas.mandiant.com/2010/ioc" id="ioc-1" last-modified="2021-03-08T12:00:00">
 <short_description>Shells &amp; friends</short_description>
 <definition>
  <Indicator operator="OR" id="i0">
   <IndicatorItem id="i1" condition="is"><Context document="FileItem" search="FileItem/Md5sum" type="mir"/><Content type="md5">bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb</Content></IndicatorItem>
   <IndicatorItem id="i2" condition="contains"><Context document="FileItem" search="FileItem/FilePath" type="mir"/><Content type="string">aspnet_client\evil</Content></IndicatorItem>
   <IndicatorItem id="i3" condition="is"><Context document="Network" search="Network/DNS" type="mir"/><Content type="string">evil.example</Content></IndicatorItem>
   <IndicatorItem id="i4" condition="is"><Context document="PortItem" search="PortItem/remoteIP" type="mir"/><Content type="IP">192.168.1.1</Content></IndicatorItem>
   <IndicatorItem id="i5" condition="is"><Context document="FileItem" search="FileItem/PEInfo/Type" type="mir"/><Content type="string">dll</Content></IndicatorItem>
   <Indicator operator="AND" id="a1">
    <IndicatorItem id="i6" condition="is"><Context document="FileItem" search="FileItem/FileName" type="mir"/><Content type="string">x.dll</Content></IndicatorItem>
    <Indicator operator="OR" id="a2">
     <IndicatorItem id="i7" condition="is"><Context document="FileItem" search="FileItem/FullPath" type="mir"/><Content type="string">C:\Temp\x.dll</Content></IndicatorItem>
     <IndicatorItem id="i8" condition="is"><Context document="FileItem" search="FileItem/FullPath" type="mir"/><Content type="string">C:\Evil\x.dll</Content></IndicatorItem>
    </Indicator>
   </Indicator>
   <Indicator operator="AND" id="a3">
    <IndicatorItem id="i9" condition="is"><Context document="FileItem" search="FileItem/FileName" type="mir"/><Content type="string">y.dll</Content></IndicatorItem>
    <IndicatorItem id="i10" condition="is"><Context document="RegistryItem" search="RegistryItem/Path" type="mir"/><Content type="string">HKLM\Software\Y\Run</Content></IndicatorItem>
   </Indicator>
   <Indicator operator="AND" id="a4">
    <IndicatorItem id="i11" condition="isnot"><Context document="FileItem" search="FileItem/FileName" type="mir"/><Content type="string">z.dll</Content></IndicatorItem>
    <IndicatorItem id="i12" condition="is"><Context document="FileItem" search="FileItem/FileName" type="mir"/><Content type="string">w.dll</Content></IndicatorItem>
   </Indicator>
  </Indicator>
 </definition>
</ioc>"#;

#[test]
fn openioc() {
    insta::assert_snapshot!(shown(&load("x.ioc", OPENIOC)));
    let newer = OPENIOC
        .replace("<ioc ", "<OpenIOC ")
        .replace("</ioc>", "</OpenIOC>")
        .replace("definition>", "criteria>");
    assert_eq!(load("x.ioc", &newer).all, load("x.ioc", OPENIOC).all);
    assert!(load("x.ioc", &OPENIOC[..900]).issues.iter().any(|one| one.what.contains("breaks off")));
    assert!(load("x.ioc", &format!("<?xml?><ioc>{}", "<a>".repeat(10_000))).all.is_empty());
}

#[test]
fn csv() {
    let text = "indicator;type;tlp;valid_from;valid_until;description\r\n\
        203[.]0[.]113[.]7;ip;TLP:AMBER;2021-03-02;2021-06-01;\"C2; stage\n two\"\r\n\
        evil.example;domain;;;;\r\n\
        nonsense;;;;;\r\n\
        rule x;yara;;;;\r\n\
        8.8.8.8;ip;;;;\r\n\
        ;;;;;empty\r\n\
        evil.example;domain;TLP:RED;;;again\r\n";
    insta::assert_snapshot!(shown(&load("feed.csv", text)));
    let columns = "md5,sha256,ip,comment\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,,203.0.113.7,x\n";
    assert_eq!(load("x.txt", columns).all.len(), 2, "several columns may hold values");
    let abuse = "# a feed\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n\"2021-03-02\",\"7\",\"203.0.113.7:443\",\"ip:port\"\n\"2021-03-02\",\"8\",\"evil.example\",\"domain\"\n";
    insta::assert_snapshot!(shown(&load("abuse", abuse)));
    for text in [
        "sep=;\r\nindicator;type;tlp\r\n203.0.113.7;ip;amber\r\n",
        "sep=,\nBad Thing,Seen By\n203.0.113.7,Hans Meier\n",
        "Auffällige Werte;Quelle\n203.0.113.7;CERT\n",
    ] {
        let one = load("s.csv", text);
        assert_eq!((one.all.len(), one.files[0].left_out), (1, 0), "{text}: {:?}", one.issues);
    }
    let odd =
        load("o.csv", "indicator,type,tlp,valid_from,valid_until\n203.0.113.7,ip,PURPLE,01.02.2021,soon\n");
    assert_eq!((odd.all.len(), odd.files[0].left_out), (1, 0));
    assert_eq!(odd.all[0].valid_from().map(|at| at.to_string()).as_deref(), Some("2021-02-01T00:00:00Z"));
    let whats: Vec<&str> = odd.issues.iter().map(|one| one.what.as_ref()).collect();
    assert_eq!(whats, ["`soon` is not read as a date", "`PURPLE` is no marking of TLP"]);
    let several = load(
        "v.csv",
        "indicator\n\"203.0.113.7, 203.0.113.8\"\n\"evil.example\n bad.example\"\n\"evil.example, what is this\"\n",
    );
    assert_eq!((several.all.len(), several.files[0].left_out), (4, 1), "{:?}", several.issues);
    let named = load("n.csv", "md5,filename\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,setup.exe\n,evil.exe\n");
    let values: Vec<String> = named.all.iter().map(super::Indicator::value).collect();
    assert_eq!(values, ["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "evil.exe"]);
    let connection = load("t.txt", "tcp://203.0.113.250:443\nudp://evil.example\n");
    let values: Vec<String> = connection.all.iter().map(super::Indicator::value).collect();
    assert_eq!(values, ["203.0.113.250:443", "evil.example"]);
    let headless = load("x.csv", "203.0.113.7,seen in March,TLP:GREEN\nx,y\n");
    assert_eq!((headless.all.len(), headless.issues.len()), (1, 1));
    assert_eq!(headless.all[0].tlp(), Some(super::Tlp::Green));
    let open = load(
        "x.csv",
        &format!("indicator,description\nevil.example,\"never closed\n{}", "other.example,y\n".repeat(200)),
    );
    assert_eq!(open.all.len(), 2, "an open quote costs its line");
}

#[test]
fn lists() {
    let text = "# a list\n203.0.113.7 # C2\n\n0.0.0.0 evil.example\nhxxps://evil[.]example/x\n; old\nC:\\Program Files\\Evil Corp\\a b.exe\n10.1.1.1\n???\n203.0.113.7\n";
    insta::assert_snapshot!(shown(&load("list.txt", text)));
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("203.0.113.7\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read_one("wide.txt", &wide).all.len(), 1, "UTF-16, as PowerShell writes it");
}

#[test]
fn the_same_value_of_two_files_is_one_with_both_sources() {
    let mut sink = Sink::default();
    read_bytes(
        "a.csv",
        b"indicator,tlp,valid_from,valid_until\nevil.example,green,2021-03-02,2021-04-01\n",
        &mut sink,
    );
    read_bytes(
        "b.csv",
        b"indicator,tlp,valid_from,valid_until\nEVIL[.]example,red,2021-03-01,2021-05-01\n",
        &mut sink,
    );
    let all = sink.finish();
    insta::assert_snapshot!(shown(&all));
    assert_eq!(all.files[1].repeated, 1);
}

#[test]
fn very_many_bad_lines_are_counted_and_not_all_named() {
    let all = load("bad.txt", &"???\n".repeat(5_000));
    assert_eq!(all.issues.len(), 101);
    assert!(all.issues[100].what.contains("4900 more"), "{}", all.issues[100].what);
    assert_eq!(all.files[0].left_out, 5_000);
}

#[test]
fn a_pattern_of_many_needs_all_its_parts() {
    let all = load("b.json", STIX);
    let pattern = all.all.iter().find(|one| one.kind == super::Kind::Pattern).expect("one of two parts");
    assert!(matches!(&pattern.tests, Tests::All(tests) if tests.len() == 2));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), name in "[a-z]\\.(csv|txt|json|ioc)") {
        let all = read_one(&name, &bytes);
        let file = &all.files[0];
        proptest::prop_assert!(file.understood >= all.all.len() as u64);
    }
}
