//! Every kind of reason has its message, and a message says what the kind holds.

use std::collections::BTreeSet;

use piste_model::reason::{
    AccountChange, AccountSign, BuildSays, Counted, LogDays, LogLooked, LogName, MissingDays, ModuleKind,
    PageReading, ReasonKind, RequestSign, VpnOddity, Witness, Would,
};
use piste_model::{EvidenceId, Instant, RowRef};

use super::*;

fn entries() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in ENGLISH.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(" = ").filter(|_| !line.starts_with([' ', '*'])) {
            Some((id, text)) => found.push((id.to_owned(), text.to_owned())),
            None => {
                if let Some((_, text)) = found.last_mut() {
                    text.push('\n');
                    text.push_str(line);
                }
            }
        }
    }
    found
}

fn text_of<'t>(entries: &'t [(String, String)], id: &str) -> &'t str {
    entries.iter().find(|(one, _)| one == id).map_or("", |(_, text)| text)
}

/// A message with the messages that it refers to.
fn whole(entries: &[(String, String)], id: &str) -> String {
    let mut text = text_of(entries, id).to_owned();
    for (other, more) in entries {
        if other != id && text.contains(&format!("{{ {other} }}")) {
            text.push_str(more);
        }
    }
    text
}

#[test]
fn the_file_is_read_whole_and_names_no_message_twice() {
    let resource = FluentResource::try_new(ENGLISH.to_owned());
    assert!(resource.is_ok(), "{:?}", resource.err().map(|(_, errors)| errors));
    let ids: Vec<String> = entries().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn every_kind_has_a_message_that_says_all_its_values() {
    let entries = entries();
    for (slug, values) in ReasonKind::EXAMPLES {
        let text = whole(&entries, slug);
        assert!(!text.is_empty(), "no message for {slug}");
        // Which of three sentences is said goes by these two, as a shape.
        for value in values.iter().filter(|_| *slug != "page-not-seen") {
            assert!(text.contains(&format!("${value}")), "{slug} does not say {value}: {text}");
        }
    }
}

#[test]
fn every_name_has_its_words() {
    fn check<T: serde::Serialize>(id: &str, all: &[T]) {
        let text = whole(&entries(), id);
        for one in all {
            let name = serde_json::to_value(one).expect("a name");
            let name = name.as_str().expect("a text").to_owned();
            assert!(text.contains(&format!("[{name}]")), "{id} has no words for {name}");
        }
    }
    check("part-change", AccountChange::ALL);
    check("no-administrators-work", AccountSign::ALL);
    check("file-reads-as", PageReading::ALL);
    check("module-registered", ModuleKind::ALL);
    check("access-granted", VpnOddity::ALL);
    check("counted", Counted::ALL);
    check("part-log", LogName::ALL);
    check("part-would", Would::ALL);
    check("part-basis", BuildSays::ALL);
    check("flaw-request", RequestSign::ALL);
}

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a time")
}

#[test]
fn a_step_names_its_time_its_log_and_its_row() {
    let kind = ReasonKind::PageAnswered {
        method: "POST".to_owned(),
        url: "/owa/auth/x.aspx".to_owned(),
        status: "200".to_owned(),
    };
    let row = RowRef {
        evidence_id: EvidenceId(3),
        path: String::new(),
        record: 1_234,
        offset: 0,
        file_sha256: String::new(),
        record_hash: String::new(),
    };
    let witness = |account: Option<&str>, again| Witness {
        log: "IIS".to_owned(),
        source: Some("203.0.113.7".to_owned()),
        account: account.map(str::to_owned),
        again,
    };
    let step = Reason {
        time: Some(at("2021-03-03T08:11:02Z")),
        rows: vec![row],
        witness: Some(witness(Some("MIN\\anna"), true)),
        ..Reason::of(kind)
    };
    let words = Words::english();
    assert_eq!(
        words.sentence(&step),
        "2021-03-03T08:11:02Z IIS: POST /owa/auth/x.aspx answered 200: the page was asked for and answered, from 203.0.113.7, as MIN\\anna [E-3:1234] (the same request in a second log)"
    );
    let undated = Reason { time: None, witness: Some(witness(None, false)), ..step };
    assert_eq!(
        words.sentence(&undated),
        "no time IIS: POST /owa/auth/x.aspx answered 200: the page was asked for and answered, from 203.0.113.7 [E-3:1234]"
    );
}

#[test]
fn days_are_told_with_their_gaps() {
    let days = |days, of, gaps: &[(&str, &str, u64)], more_gaps| LogDays {
        first: at("2019-04-14T00:00:00Z"),
        last: at("2019-12-17T00:00:00Z"),
        days,
        of,
        gaps: gaps
            .iter()
            .map(|(from, to, days)| MissingDays {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                days: *days,
            })
            .collect(),
        more_gaps,
    };
    let words = Words::english();
    let told = |days: LogDays| {
        let logs = vec![
            LogLooked { log: "web".to_owned(), days: Some(days) },
            LogLooked { log: "vpn".to_owned(), days: None },
        ];
        words.sentence(&Reason::of(ReasonKind::LookedThrough { host: "MX01".to_owned(), logs }))
    };
    let start = "what could have shown it on MX01: web logs ";
    let end = "; VPN logons: none are here";
    let span = "from 2019-04-14T00:00:00Z to 2019-12-17T00:00:00Z";
    assert_eq!(told(days(2_776, 2_776, &[], 0)), format!("{start}on each of the 2,776 days {span}{end}"));
    let gap = ("2019-04-16", "2019-12-16", 245);
    assert_eq!(
        told(days(3, 248, &[gap], 2)),
        format!(
            "{start}on the 3 days of 248 whose logs are here ({span}; no row from 2019-04-16 to 2019-12-16, 245 days; and 2 shorter gaps){end}"
        )
    );
    assert_eq!(
        told(days(1, 3, &[], 1)),
        format!("{start}on the one day of 3 whose logs are here ({span}; 1 gap of one or two days){end}")
    );
}

#[test]
fn figures_have_their_signs_and_counts_their_plural() {
    let words = Words::english();
    let clocks = |seconds| ReasonKind::TwoClocks {
        between: "Sysmon UtcTime".to_owned(),
        seconds,
        dataset: "windows.sysmon".to_owned(),
        samples: 9,
    };
    assert!(words.sentence(&Reason::against(clocks(5))).contains("is +5 s on windows.sysmon (9 pairs)"));
    assert!(words.sentence(&Reason::against(clocks(-5))).contains("is -5 s on"));
    let rhythm = ReasonKind::PageRhythm { at_least: true, visits: 1, pause: None, from_hour: 3, to_hour: 17 };
    assert_eq!(
        words.sentence(&Reason::of(rhythm)),
        "its rhythm: at least 1 visit, between 03:00 and 17:59 UTC"
    );
}

#[test]
fn what_evidence_says_stays_what_it_says() {
    // Values are quoted, not read as messages, whatever braces stand in them.
    let kind =
        ReasonKind::UrlLeadsTo { url: "{ $folder } { no-time }".to_owned(), folder: "none".to_owned() };
    assert_eq!(Words::english().sentence(&Reason::of(kind)), "the URL { $folder } { no-time } leads to none");
}
