//! What the script writes, small ones written out.

use proptest::prelude::*;

use crate::testing::{read, read_at};
use crate::{Format, sniff};

const XML: &str = "\u{feff}<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\r\n  <Obj RefId=\"0\">\r\n\
    <TN RefId=\"0\"><T>HealthChecker.AnalyzedInformation</T></TN>\r\n<MS>\r\n<Obj N=\"HealthCheckerExchangeServer\" RefId=\"1\"><MS>\r\n\
    <S N=\"ServerName\">MX01.contoso.test</S><DT N=\"GenerationTime\">2021-03-12T10:11:12.1234567+01:00</DT>\
    <Obj N=\"ExchangeInformation\" RefId=\"2\"><MS><Obj N=\"BuildInformation\" RefId=\"3\"><MS>\
    <S N=\"FriendlyName\">Exchange 2016 CU18 &amp; more</S><S N=\"BuildNumber\">15.1.2106.2</S>\
    <Obj N=\"ExchangeSetup\" RefId=\"4\"><MS><S N=\"FileVersion\">15.01.2106.013</S></MS></Obj>\
    <Obj N=\"KBsInstalled\" RefId=\"5\"><LST><S>Security Update for Exchange Server 2016 CU18 (KB5000871)</S></LST></Obj>\
    </MS></Obj></MS></Obj></MS></Obj>\
    <Obj N=\"DisplayResults\" RefId=\"6\"><LST><Obj RefId=\"7\"><MS><S N=\"Name\">Mitigation Applied</S><S N=\"DetailValue\">M1.1.0, PING1</S></MS></Obj></LST></Obj>\
    </MS></Obj></Objs>";

const SHOWN: [&str; 8] =
    ["dataset", "event_time", "time_basis", "host", "build", "product", "kbs", "mitigations"];

#[test]
fn the_objects_tell_build_updates_and_mitigations() {
    assert_eq!(sniff(XML.as_bytes(), "x.xml"), Format::HealthChecker);
    let found = read(Format::HealthChecker, XML.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&SHOWN),
        [
            "exchange.healthchecker | 2021-03-12T09:11:12.123456700Z | HealthChecker ran | MX01.contoso.test | 15.01.2106.013 | Exchange 2016 CU18 & more | KB5000871 | M1.1.0,PING1"
        ]
    );
}

#[test]
fn xml_that_is_cut_keeps_what_it_had() {
    let cut = &XML.as_bytes()[..XML.len() - 300];
    let found = read(Format::HealthChecker, cut);
    assert_eq!(found.columns(&["host", "build"]), ["MX01.contoso.test | 15.01.2106.013"]);
    assert_eq!(found.damage[0].lost, Some(0));
    assert!(found.issues[0].starts_with("healthchecker-xml"), "{:?}", found.issues);
}

#[test]
fn the_text_file_tells_the_same() {
    let text = "Exchange Health Checker version 21.03.11.1234\r\n\r\nExchange Information\r\n--------------------\r\n\
        \tName: MX01\r\n\tGeneration Time: 03/14/2021 10:11:12\r\n\tVersion: Exchange 2016 CU18\r\n\tBuild Number: 15.1.2106.2\r\n\
        \tExchange IU or Security Hotfix Detected:\r\n\t\tSecurity Update for Exchange Server 2016 CU18 (KB5000871)\r\n";
    assert_eq!(sniff(text.as_bytes(), "x.txt"), Format::HealthChecker);
    let found = read(Format::HealthChecker, text.as_bytes());
    assert_eq!(
        found.columns(&SHOWN),
        [
            "exchange.healthchecker | 2021-03-14T10:11:12Z | HealthChecker ran, zone unknown | MX01 | 15.1.2106.2 | Exchange 2016 CU18 | KB5000871 | ~"
        ]
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in proptest::sample::select(vec![&XML[..0], &XML[..600], "Exchange Health Checker version 1\n"]),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend(rest);
        sniff(&bytes, "x");
        read_at(Format::HealthChecker, &bytes, "x", 50);
    }
}

fn written_at(date: &str, path: &str) -> (Vec<String>, Vec<String>) {
    let text = format!(
        "Exchange Health Checker version 21.03.11.1234\r\n\tName: MX01\r\n\tGeneration Time: {date}\r\n"
    );
    let found = read_at(Format::HealthChecker, text.as_bytes(), path, 1 << 20);
    let slugs = found.issues.iter().map(|issue| issue.split(':').next().unwrap_or_default().to_owned());
    (found.columns(&["event_time"]), slugs.filter(|slug| slug != "time-zone-unknown").collect())
}

#[test]
fn the_month_stands_first_and_the_files_name_agrees() {
    let check = |date: &str, path: &str, shown: &str, issues: &[&str]| {
        assert_eq!(
            written_at(date, path),
            (vec![shown.to_owned()], issues.iter().map(|one| (*one).to_owned()).collect()),
            "{date} {path}"
        );
    };
    let named = "MX01/HealthChecker-MX01-20210309101500.txt";
    check("03/09/2021 10:15:00", named, "2021-03-09T10:15:00Z", &[]);
    check("03/09/2021 10:15:00", "notes.txt", "2021-03-09T10:15:00Z", &[]);
    check("09/03/2021 10:15:00", named, "2021-03-09T10:15:00Z", &["healthchecker-date"]);
    check("03/09/2022 10:15:00", named, "2022-03-09T10:15:00Z", &["healthchecker-date"]);
    check("25/03/2021 10:15:00", "x.txt", "2021-03-25T10:15:00Z", &[]);
}
