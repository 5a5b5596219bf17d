//! An invented run for the tests and the example: a mail server entered through a web shell, seen in three logs.
//!
//! In: nothing. Out: owned values from which a view borrows. All names are of example domains.

mod story;

use std::collections::BTreeMap;

use piste_model::evidence::EvidenceState;
use piste_model::reading::{FileFigures, NotExamined, ReadingCompleteness, ReadingHole};
use piste_model::summary::{EvidenceFigures, RuleFigures, RuleSetFigures, ScanFigures, Summary, YaraFigures};
use piste_model::{
    CoveredFigures, Damage, Detection, Entities, Evidence, EvidenceId, Finding, FindingId, FindingKind,
    Instant, Issue, Level, Trail,
};
use piste_report::html::ReportView;
use piste_report::view::Sought;
use piste_report::{AnswerSources, Area, Areas, CaseAnswer, Coverage, RunView, Style, Tallies};

const DAY: i64 = 86_400_000_000_000;

/// Everything that a view borrows.
pub(crate) struct Invented {
    pub(crate) summary: Summary,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) detections: Vec<Detection>,
    pub(crate) tallies: Tallies,
    pub(crate) areas: Areas,
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) sought: Option<Sought>,
    pub(crate) trail: Trail,
    pub(crate) answers: Vec<CaseAnswer>,
}

impl Invented {
    pub(crate) fn run(&self, options: Style) -> RunView<'_> {
        RunView {
            summary: &self.summary,
            evidence: &self.evidence,
            issues: &self.issues,
            findings: &self.findings,
            tallies: &self.tallies,
            areas: &self.areas,
            answers: &self.answers,
            since: None,
            sought: self.sought.as_ref(),
            options,
        }
    }

    pub(crate) fn html(&self) -> String {
        let view = ReportView {
            case: "Mail server, spring 2021",
            run: self.run(Style::default()),
            coverage: &self.coverage,
            doors: &[],
            exposures: &[],
            not_visible: &[],
            trail: &self.trail,
        };
        let mut page = Vec::new();
        piste_report::html::report(&view, &mut page).expect("writing to memory cannot fail");
        String::from_utf8(page).expect("only text is written")
    }

    /// Answers the questions anew, after a test changed what they are answered from.
    pub(crate) fn answer(&mut self) {
        self.answers = piste_report::answers(&AnswerSources {
            summary: &self.summary,
            findings: &self.findings,
            doors: &[],
            trail: &self.trail,
            duties: None,
            actions: None,
        });
    }

    /// Counts the detections anew, after a test changed them.
    pub(crate) fn count(&mut self) {
        self.tallies = Tallies::default();
        for one in &self.detections {
            self.tallies.add(one);
        }
    }
}

pub(crate) fn time(text: &str) -> Instant {
    Instant::parse(text).expect("an invented time parses")
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Rules as (title, level, host, first time, hours between, count).
const RULES: [(&str, Level, &str, &str, i64, i64); 8] = [
    (
        "Web Shell Written by IIS Worker",
        Level::Critical,
        "MX01.example.org",
        "2021-03-03T04:05:06.123Z",
        5,
        3,
    ),
    ("Process Dump of LSASS", Level::Critical, "DC01.example.org", "2021-03-11T22:14:00Z", 1, 1),
    ("Shell Spawned by IIS Worker", Level::High, "MX01.example.org", "2021-03-03T04:06:00.5Z", 11, 24),
    (
        "Service Installed from Temporary Folder",
        Level::High,
        "DC01.example.org",
        "2021-03-11T22:10:31Z",
        2,
        2,
    ),
    ("Encoded PowerShell Command", Level::Medium, "MX01.example.org", "2021-03-04T01:00:00Z", 17, 15),
    ("Local Reconnaissance Command", Level::Low, "MX01.example.org", "2021-02-20T11:00:00Z", 9, 60),
    ("Local Reconnaissance Command", Level::Low, "WS-0117.example.org", "2021-02-24T09:30:00Z", 50, 7),
    ("Explicit Credentials Logon", Level::Informational, "DC01.example.org", "2021-03-09T13:00:00Z", 1, 140),
];

const COMMANDS: [&str; 4] = [
    "whoami /all",
    "cmd.exe /c echo test > C:\\inetpub\\wwwroot\\aspnet_client\\help.aspx",
    "rundll32.exe C:\\windows\\system32\\comsvcs.dll, MiniDump 640 C:\\Windows\\Temp\\a.dmp full",
    "cmd.exe /c nltest /dclist:example.org",
];

fn detections() -> Vec<Detection> {
    let mut all = Vec::new();
    for (number, (title, level, host, first, hours, count)) in (1..).zip(RULES) {
        let rule = RULES.iter().position(|rule| rule.0 == title).unwrap_or(0);
        for n in 0..count {
            let first = time(first);
            let record = 570_000 + number * 1000 + n;
            all.push(Detection {
                rule_id: format!("{rule:08}-0000-4000-8000-000000000000"),
                rule_title: title.to_owned(),
                level,
                time: first.checked_add_nanos(n * hours * DAY / 24),
                host: host.to_owned(),
                dataset: "windows.security".to_owned(),
                channel: String::new(),
                event_code: Some(4688),
                record,
                evidence_id: EvidenceId(if host.starts_with("MX") { 2 } else { 3 }),
                path: "mx01.zip!Security.evtx".to_owned(),
                places: texts(&["mx01.zip!Security.evtx"]),
                attack: texts(&["T1505.003"]),
                status: "test".to_owned(),
                offset: 4096 + record.unsigned_abs(),
                record_hash: "00112233445566778899aabbccddeeff".to_owned(),
                actor: None,
                acting_process: None,
                entities: Entities::default(),
                details: BTreeMap::new(),
            });
        }
    }
    all.sort_by_key(|one| (one.time, one.evidence_id, one.record));
    all
}

fn findings(detections: &[Detection]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((number, (title, level, host, ..)), command) in (1..).zip(RULES).zip(COMMANDS.iter().cycle()) {
        let of: Vec<_> =
            detections.iter().filter(|one| one.rule_title == title && one.host == host).collect();
        let shell = "C:\\inetpub\\wwwroot\\aspnet_client\\help.aspx";
        findings.push(Finding {
            id: FindingId(number),
            key: format!("k{number}"),
            kind: FindingKind::Detection,
            title: title.to_owned(),
            level,
            confidence: if number < 4 { "high" } else { "medium" }.to_owned(),
            verdict: if number == 1 { "confirmed" } else { "unreviewed" }.to_owned(),
            first: of.first().and_then(|one| one.time),
            last: of.last().and_then(|one| one.time),
            count: of.len() as u64,
            hosts: texts(&[host]),
            entities: Entities {
                account: texts(&["EXAMPLE\\svc-mail", "NT AUTHORITY\\SYSTEM"]),
                process: texts(&["C:\\Windows\\System32\\inetsrv\\w3wp.exe"]),
                file: if number == 1 { texts(&[shell]) } else { Vec::new() },
                address: texts(&["203.0.113.7"]),
            },
            attack: texts(&["T1505.003", "T1059.001"]),
            rows: of.iter().take(Finding::MAX_ROWS).map(|one| one.row(&"ab".repeat(32))).collect(),
            rule_id: None,
            details: BTreeMap::from([
                ("CommandLine".to_owned(), (*command).to_owned()),
                ("ParentImage".to_owned(), "C:\\Windows\\System32\\inetsrv\\w3wp.exe".to_owned()),
            ]),
            actor: None,
            acting_process: None,
            days: Vec::new(),
            new: None,
            new_rows: 0,
        });
    }
    findings
}

fn file(id: u32, path: &str, format: &str, state: EvidenceState, records: u64) -> Evidence {
    let read = records > 0;
    Evidence {
        id: EvidenceId(id),
        path: path.to_owned(),
        format: format.to_owned(),
        bytes: 1_118_208 * u64::from(id),
        sha256: format!("{id:02x}").repeat(32),
        host: None,
        host_known: piste_model::HostKnown::default(),
        collection: String::new(),
        host_by_place: piste_model::HostByPlace::default(),
        shadow_copy: None,
        records_read: records,
        rows: records - records / 100,
        duplicates: records / 100,
        first: read.then(|| time("2021-02-14T00:00:03Z")),
        last: read.then(|| time("2021-03-15T17:20:00Z")),
        damage: Vec::new(),
        state,
        same_as: None,
        origin: None,
        md5: None,
        sha1: None,
    }
}

fn evidence() -> Vec<Evidence> {
    let hurt = Damage { kind: "evtx-chunk-damaged".into(), offset: 69_632, lost: None };
    vec![
        file(1, "mx01.zip", "zip", EvidenceState::Container, 0),
        Evidence {
            damage: vec![hurt],
            ..file(2, "mx01.zip!Security.evtx", "evtx", EvidenceState::Read, 38_211)
        },
        file(3, "dc01/Security.evtx", "evtx", EvidenceState::Read, 9_400),
        file(4, "mx01.zip!Windows PowerShell.evtx", "evtx", EvidenceState::Unread, 0),
        file(5, "mx01.zip!memory.raw", "unknown", EvidenceState::NotParsed, 0),
    ]
}

fn covered(host: &str, dataset: &str, first: &str, last: &str, without: &[i64]) -> Coverage {
    let (first, last) = (time(first), time(last));
    let days: Vec<(i64, u64)> = (first.day()..=last.day())
        .filter(|day| !without.contains(&(day - first.day())))
        .map(|day| (day, 1_300))
        .collect();
    Coverage {
        host: host.to_owned(),
        dataset: dataset.to_owned(),
        first,
        last,
        rows: days.iter().map(|day| day.1).sum(),
        days,
    }
}

fn area(label: &str, rules: u64) -> Area {
    Area { label: label.to_owned(), rules }
}

fn summary() -> Summary {
    let set = |path: &str, sha256: &str, rules| RuleSetFigures {
        path: path.to_owned(),
        sha256: sha256.repeat(32),
        rules,
    };
    Summary {
        evidence: EvidenceFigures { files: 2, bytes: 9_384_112, unread: 1 },
        issues: 4,
        events: 47_135,
        records_read: 47_611,
        duplicates: 476,
        events_by_dataset: BTreeMap::from([("windows.security".to_owned(), 47_135)]),
        hosts: texts(&["DC01.example.org", "MX01.example.org", "WS-0117.example.org"]),
        unknown_hosts: 0,
        detections: Some(252),
        rules: RuleFigures {
            loaded: 3_754,
            not_loaded: 2,
            sets: vec![set("built-in", "c0", 12), set("sigma/rules", "5e", 3_742)],
        },
        yara: Some(YaraFigures {
            loaded: 38,
            not_loaded: 1,
            sets: vec![set("built-in/yara", "ab", 31), set("rules/yara", "cd", 7)],
            files: ScanFigures { scanned: 412, bytes: 88_112_003, in_part: 2, timed_out: 1 },
        }),
        findings: Some(8),
        new: None,
        judged_gone: Vec::new(),
        sightings: None,
        doors: None,
        covered: Some(CoveredFigures {
            first: time("2021-02-14T00:00:03Z"),
            last: time("2021-03-15T17:20:00Z"),
            days: 28,
            of: 30,
        }),
        web_logs: BTreeMap::new(),
        intrusions: None,
        reading: ReadingCompleteness {
            reading_holes: vec![ReadingHole::FilesUnread, ReadingHole::RecordsLost, ReadingHole::NotExamined],
            files_read: 3,
            files_damaged: 1,
            not_examined: vec![NotExamined {
                kind: "memory dump".to_owned(),
                files: 1,
                bytes: 4_294_967_296,
                would_answer: "processes, connections, injected code and keys at the time it was taken"
                    .to_owned(),
                hint: "vol -f FILE windows.pslist, beside Piste".to_owned(),
                records: true,
            }],
            texts_searched: FileFigures { files: 2, bytes: 9_000 },
            other_files: FileFigures { files: 7, bytes: 88_000 },
        },
    }
}

fn issues() -> Vec<Issue> {
    let chunk = || {
        Issue::new(
            "evtx-chunk-damaged",
            "mx01.zip!Security.evtx",
            "a chunk's checksum is wrong",
            "up to 120 records are missing",
            "collect the file again",
        )
        .of(EvidenceId(2))
    };
    vec![
        chunk().at(69_632),
        chunk().at(135_168),
        Issue::new(
            "evtx-header-bad",
            "mx01.zip!Windows PowerShell.evtx",
            "the file is empty but for its header",
            "no record of this log can be searched",
            "ask whether the log was cleared",
        )
        .of(EvidenceId(4)),
        Issue::new(
            "rule-not-loaded",
            "sigma/rules/x.yml:12",
            "an unknown modifier `fuzzy`",
            "this rule did not run",
            "update Piste or mend the rule",
        ),
    ]
}

fn coverage() -> Vec<Coverage> {
    let (mx, dc, ws) = ("MX01.example.org", "DC01.example.org", "WS-0117.example.org");
    vec![
        covered(mx, "windows.security", "2021-02-14T00:00:03Z", "2021-03-15T17:20:00Z", &[]),
        covered(mx, "windows.system", "2021-02-14T08:00:00Z", "2021-03-15T17:20:00Z", &[5, 12, 13, 14]),
        covered(mx, "iis.access", "2021-03-01T00:00:00Z", "2021-03-15T00:00:00Z", &[]),
        covered(dc, "windows.security", "2021-03-09T12:00:00Z", "2021-03-15T17:20:00Z", &[]),
        covered(ws, "windows.security", "2021-02-22T00:00:00Z", "2021-03-14T10:00:00Z", &[5, 6, 12, 13]),
    ]
}

/// The run.
pub(crate) fn invented() -> Invented {
    let detections = detections();
    let mut invented = Invented {
        summary: summary(),
        evidence: evidence(),
        issues: issues(),
        findings: findings(&detections),
        detections,
        tallies: Tallies::default(),
        areas: Areas {
            ran: vec![area("windows/process_creation", 1_204), area("windows/security", 142)],
            unseen: vec![
                area("windows/ps_script", 178),
                area("windows/dns_query", 26),
                area("webserver", 71),
            ],
        },
        coverage: coverage(),
        sought: None,
        trail: story::trail(),
        answers: Vec::new(),
    };
    invented.count();
    invented.answer();
    invented
}
