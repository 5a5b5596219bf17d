//! Exports of a list with hostile names: nothing of them leaves its place.

use piste_model::Instant;
use piste_model::removal::{Measure, NameSort, RemovalItem, RemovalList, TraceKind, TraceName};

use super::*;

fn item(number: usize, kind: TraceKind, place: &str, names: &[(NameSort, &str)]) -> RemovalItem {
    let measure = if kind == TraceKind::Connection { Measure::Block } else { Measure::Remove };
    RemovalItem {
        id: format!("R-{number}"),
        key: format!("{number:016x}"),
        kind,
        host: "MX01.min.example".to_owned(),
        place: place.to_owned(),
        names: names
            .iter()
            .map(|(sort, value)| TraceName { sort: *sort, value: (*value).to_owned() })
            .collect(),
        measure,
        traces: vec![format!("S-{number}"), "D-1".to_owned()],
        first: Instant::parse("2021-03-03T05:12:39Z"),
        last: Instant::parse("2021-03-04T05:12:39Z"),
        longest_pause: 0,
        seen_in: Vec::new(),
        rows: Vec::new(),
    }
}

/// Names as an intruder could choose them.
const HOSTILE: [&str; 5] = [
    "C:\\ProgramData\\a'; Remove-Item C:\\ -Recurse; '.exe",
    "C:\\ProgramData\\a\u{2019}; calc; \u{2019}.exe",
    "C:\\ProgramData\\a\nRemove-Item C:\\\n.exe",
    "C:\\ProgramData\\$(calc)`n\".exe",
    "C:\\ProgramData\\x\u{202e}exe.txt",
];

fn list() -> RemovalList {
    let hash = "ab".repeat(32);
    let mut items = vec![
        item(
            1,
            TraceKind::Page,
            r"C:\inetpub\wwwroot\aspnet_client\x.aspx",
            &[
                (NameSort::Path, r"\inetpub\wwwroot\aspnet_client\x.aspx"),
                (NameSort::Url, "/aspnet_client/x.aspx"),
                (NameSort::Sha256, &hash),
            ],
        ),
        item(2, TraceKind::Service, "WinNetSvc", &[(NameSort::Name, "winnetsvc")]),
        item(3, TraceKind::Task, r"\AdobeFlashSync", &[(NameSort::Name, r"\adobeflashsync")]),
        item(
            4,
            TraceKind::RunValue,
            r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run\Upd",
            &[(NameSort::RegistryValue, "x")],
        ),
        item(5, TraceKind::WmiConsumer, "Upd", &[(NameSort::Name, "upd")]),
        item(6, TraceKind::Account, r"MX01\helper", &[(NameSort::Name, "helper")]),
        item(
            7,
            TraceKind::GroupRight,
            r"Administrators <- MX01\helper",
            &[(NameSort::Name, "administrators <- helper")],
        ),
        item(
            8,
            TraceKind::Certificate,
            r"HKLM\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates\00",
            &[(NameSort::Thumbprint, "0123456789abcdef0123456789abcdef01234567")],
        ),
        item(9, TraceKind::Connection, "203.0.113.7", &[(NameSort::Address, "203.0.113.7")]),
        item(10, TraceKind::Connection, "2001:db8::7", &[(NameSort::Address, "2001:db8::7")]),
        item(11, TraceKind::Connection, "10.20.1.10", &[(NameSort::Address, "10.20.1.10")]),
        item(12, TraceKind::Connection, "8.8.8.8", &[(NameSort::Address, "8.8.8.8")]),
    ];
    for (at, name) in HOSTILE.iter().enumerate() {
        items.push(item(20 + at, TraceKind::File, name, &[(NameSort::Path, &name[2..].to_lowercase())]));
    }
    RemovalList { items, undecided: Vec::new(), sha256: "00".repeat(32) }
}

fn with<T>(work: impl FnOnce(&ExportGround<'_>) -> T) -> T {
    let (list, hosts) = (list(), ["MX01.min.example".to_owned()]);
    let names = [
        SeenName { name: "bad.example.org".to_owned(), marking: Marking::Green },
        SeenName { name: "secret.example.org".to_owned(), marking: Marking::Red },
        SeenName { name: "microsoft.com".to_owned(), marking: Marking::Clear },
        SeenName { name: "mail.min.example".to_owned(), marking: Marking::Clear },
        SeenName { name: "x\n0.0.0.0 y".to_owned(), marking: Marking::Clear },
    ];
    work(&ExportGround {
        list: &list,
        release: "released by Ann\nrm -rf /",
        own_hosts: &hosts,
        names: &names,
        marking: Marking::Amber,
        at: Instant::parse("2021-04-10T20:00:00Z").expect("a time"),
        case_key: "case",
    })
}

#[test]
fn what_is_ones_own_or_many_depend_on_is_not_blocked_and_said() {
    for format in
        [ExportFormat::Nftables, ExportFormat::WindowsFirewall, ExportFormat::Rpz, ExportFormat::Suricata]
    {
        let exported = with(|ground| export(format, ground));
        let acting: String = exported.text.lines().filter(|line| !line.starts_with(['#', ';'])).collect();
        assert!(
            !acting.contains("10.20.1.10") && !acting.contains("8.8.8.8"),
            "{format:?}: {}",
            exported.text
        );
        for wanted in ["R-11", "R-12"] {
            assert!(exported.left_out.iter().any(|line| line.contains(wanted)), "{format:?} {wanted}");
        }
    }
    let hosts = with(|ground| export(ExportFormat::Hosts, ground));
    let lines: Vec<&str> = hosts.text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["0.0.0.0 bad.example.org"]);
    assert!(hosts.left_out.iter().any(|line| line.contains("TLP:RED")), "{:?}", hosts.left_out);
}

#[test]
fn every_line_that_acts_is_tied_to_an_item_and_a_trace() {
    let script = with(|ground| export(ExportFormat::Powershell, ground)).text;
    let steps: Vec<&str> = script.lines().filter(|line| line.starts_with("Step ")).collect();
    assert!(steps.len() >= 8, "{script}");
    for step in steps {
        let id = step.split('\'').nth(1).expect("its item");
        assert!(script.contains(&format!("# {id} S-{}", &id[2..])), "{step}");
    }
    let table = with(|ground| export(ExportFormat::Nftables, ground)).text;
    assert!(table.contains("203.0.113.7, # R-9 S-9 D-1"), "{table}");
}

/// Splits a line of PowerShell as its parser does, as far as quotes go: what stands outside of them.
fn outside_quotes(line: &str) -> String {
    let quotes = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];
    let (mut outside, mut within) = (String::new(), false);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        if quotes.contains(&sign) {
            if within && signs.peek().is_some_and(|next| quotes.contains(next)) {
                signs.next();
                continue;
            }
            within = !within;
        } else if !within {
            outside.push(sign);
        }
    }
    assert!(!within, "a quote stays open: {line}");
    outside
}

#[test]
fn hostile_names_stay_in_their_quotes() {
    let exported = with(|ground| export(ExportFormat::Powershell, ground));
    for line in exported.text.lines().filter(|line| line.starts_with("Step ")) {
        let outside = outside_quotes(line);
        for word in ["calc", "-Recurse", "Remove-Item C:"] {
            assert!(!outside.contains(word), "{line}");
        }
    }
    assert!(
        !exported.text.lines().any(|line| line.starts_with("Remove-Item") || line.starts_with("rm ")),
        "{}",
        exported.text
    );
    for id in ["R-22", "R-24"] {
        assert!(exported.left_out.iter().any(|line| line.starts_with(id)), "{id}: {:?}", exported.left_out);
    }
    for format in [ExportFormat::Sigma, ExportFormat::Yara, ExportFormat::Nftables, ExportFormat::Suricata] {
        let text = with(|ground| export(format, ground)).text;
        assert!(
            !text.lines().any(|line| line.starts_with("Remove-Item") || line.starts_with("rm ")),
            "{format:?}: {text}"
        );
        assert!(!text.contains('\u{202e}'), "{format:?}");
    }
}

#[test]
fn a_playbook_leads_from_its_start_to_its_end() {
    let text = with(|ground| export(ExportFormat::Cacao, ground)).text;
    let mut playbook: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(super::cacao::faults(&playbook), Vec::<String>::new());
    let start = playbook["workflow_start"].as_str().expect("a start").to_owned();
    playbook["workflow"][&start]["on_completion"] = "action--lost".into();
    assert!(!super::cacao::faults(&playbook).is_empty(), "a step that leads nowhere is a fault");
}

#[test]
fn ids_are_the_same_over_runs_and_have_the_form_of_uuids() {
    let (one, other) = (
        with(|ground| export(ExportFormat::Stix, ground)),
        with(|ground| export(ExportFormat::Stix, ground)),
    );
    assert_eq!(one, other);
    let id = with(|ground| uuid(ground, "x"));
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
}
