//! The trail of the invented run: one intrusion over two computers, a party that was kept apart, a lead, and a log that was cleared.
//!
//! In: nothing. Out: a trail as `trail.json` would have it.

use piste_model::trail::{
    DwellDays, Edge, EdgeClass, FirstTraceBound, Intrusion, Scope, ScopeHost, Separate, Step, StepRow,
    TimeSpan, Trail, TrailLead,
};
use piste_model::visibility::Because;
use piste_model::{EvidenceId, Visibility, VisibilityKind};

use super::{texts, time};

const MAIL: &str = "MX01.example.org";
const DOMAIN: &str = "DC01.example.org";

fn row(evidence: u32, host: &str, at: &str) -> StepRow {
    StepRow {
        host: host.to_owned(),
        dataset: "windows.security".to_owned(),
        record: 571_000,
        log_record: None,
        event_code: Some(4688),
        evidence_id: EvidenceId(evidence),
        path: "mx01.zip!Security.evtx".to_owned(),
        offset: 4_096,
        record_hash: "00112233445566778899aabbccddeeff".to_owned(),
        time: Some(time(at)),
        time_as_recorded: None,
    }
}

fn step(id: &str, at: &str, deed: (&str, &str), text: &str) -> Step {
    let (host, evidence) = if id == "S-3" { (DOMAIN, 3) } else { (MAIL, 2) };
    Step {
        id: id.to_owned(),
        time: TimeSpan { from: time(at), to: time(at) },
        tactic: deed.0.to_owned(),
        technique: deed.1.to_owned(),
        host: host.to_owned(),
        account: "EXAMPLE\\svc-mail".to_owned(),
        text: text.to_owned(),
        class: "S".to_owned(),
        findings: texts(&["F-1"]),
        door: None,
        rows: vec![row(evidence, host, at)],
        count: 1,
        edges: Vec::new(),
    }
}

#[expect(clippy::indexing_slicing, reason = "the list stands a few lines above")]
fn intrusion() -> Intrusion {
    let first = "2021-03-03T04:05:06.123Z";
    let mut steps = vec![
        step("S-1", first, ("persistence", "T1505.003"), "w3wp.exe wrote help.aspx"),
        step(
            "S-2",
            "2021-03-03T04:06:00.5Z",
            ("execution", "T1059.003"),
            "cmd.exe was started by w3wp.exe: whoami /all",
        ),
        step(
            "S-3",
            "2021-03-11T22:14:00Z",
            ("credential-access", "T1003.001"),
            "rundll32.exe read lsass.exe",
        ),
    ];
    steps[1].edges.push(Edge {
        to: "S-1".to_owned(),
        class: EdgeClass::C1,
        reason: "w3wp.exe started cmd.exe".to_owned(),
        rows: vec![row(2, MAIL, first)],
    });
    Intrusion {
        id: "I-1".to_owned(),
        actor: "whoever is behind 203.0.113.7".to_owned(),
        first_trace: FirstTraceBound {
            no_later_than: time(first),
            visible_from: Some(time("2021-02-14T00:00:03Z")),
            lower_bound: None,
            row: row(2, MAIL, first),
            step: "S-1".to_owned(),
            left_censored: false,
        },
        last_trace: time("2021-03-11T22:14:00Z"),
        dwell_days: DwellDays { min: 8, max: None },
        confidence: "high".to_owned(),
        doors: Vec::new(),
        hosts: texts(&[DOMAIN, MAIL]),
        accounts: texts(&["EXAMPLE\\svc-mail"]),
        addresses: texts(&["203.0.113.7"]),
        steps,
        separate_from: vec![Separate {
            intrusion: None,
            what: "svc-mail logged on from 192.0.2.40 (Kerberos)".to_owned(),
            because: "the intruder's logon came from 203.0.113.7 (NTLM); an account that two parties use joins nothing".to_owned(),
            addresses: texts(&["192.0.2.40"]),
            rows: Vec::new(),
        }],
        because: texts(&["a rule of level critical: Web Shell Written by IIS Worker"]),
        reserves: texts(&["an earlier trace is not excluded: what came before may have left nothing, or nothing that is here"]),
    }
}

fn span(kind: VisibilityKind, from: Option<&str>, to: Option<&str>, because: Because) -> Visibility {
    Visibility {
        host: MAIL.to_owned(),
        dataset: "windows.security".to_owned(),
        channel: "Security".to_owned(),
        from: from.map(time),
        to: to.map(time),
        kind,
        because,
        rows: Vec::new(),
    }
}

/// The trail.
pub(crate) fn trail() -> Trail {
    let (begin, end) = ("2021-02-14T00:00:03Z", "2021-03-15T17:20:00Z");
    Trail {
        intrusions: vec![intrusion()],
        leads: vec![TrailLead {
            hosts: texts(&["WS-0117.example.org"]),
            first: time("2021-02-24T09:30:00Z"),
            text: "nltest.exe was started: nltest /dclist:example.org".to_owned(),
            because: "too little speaks for it".to_owned(),
            findings: texts(&["F-7"]),
        }],
        visibility: vec![
            span(VisibilityKind::Covered, Some(begin), Some(end), Because::RecordsFollow { records: 38_211 }),
            span(
                VisibilityKind::Cleared,
                None,
                Some(begin),
                Because::ClearEvent { event_code: 1102, account: "EXAMPLE\\svc-mail".to_owned() },
            ),
        ],
        scope: Scope {
            not_examined: vec![ScopeHost {
                host: "192.0.2.77".to_owned(),
                because: "processes of an intrusion connected to it, and no log of it is here".to_owned(),
                from: None,
                to: None,
            }],
            ..Scope::default()
        },
        decisions: Vec::new(),
        stopped: Vec::new(),
    }
}
