//! Every draft in every language at three dates: no word of the inside or of another language, no law of another time, nothing that
//! is marked; and what the case knows stands in it with where it comes from.

use piste_case::Entry;
use piste_case::duties::{Duty, Response, Row, duties};
use piste_case::facts::{Statement, fact_catalog};
use piste_model::{Evidence, Finding, Sighting};
use serde_json::json;

use super::*;

const NOW: &str = "2026-11-24T12:00:00Z";
/// An address that a partner gave under TLP:RED.
const RED: &str = "198.51.100.66";

/// A case with a few facts whose awareness is at `aware`.
fn case(aware: &str) -> Response {
    let mut response = Response::default();
    let facts = [
        ("entity.jurisdiction", "BE"),
        ("entity.name", "FOD Voorbeeld"),
        ("incident.confirmed", "true"),
        ("incident.cross_border", "possible"),
        ("crime.suspected", "true"),
        ("actor.state_suspected", "true"),
        ("crisis.level", "national_crisis"),
        ("personal_data.affected", "possible"),
        ("personal_data.risk", "high"),
        ("inquiry.phase", "instruction"),
        ("t.first_indication", aware),
        ("t.aware_incident", aware),
        ("t.aware_significant", aware),
        ("t.aware_personal_data_breach", aware),
        ("t.aware_classified", aware),
    ];
    for (seq, (name, text)) in facts.into_iter().enumerate() {
        set(&mut response, seq as u64 + 1, name, text);
    }
    response
}

fn set(response: &mut Response, seq: u64, name: &str, text: &str) {
    let fact = fact_catalog().fact(name).expect("a fact");
    let value = Value::parse(fact, text).expect("a value").map_or(json!(null), |value| value.to_ledger());
    let rows = if name == "crime.suspected" { vec!["E-7:12".to_owned()] } else { vec![] };
    let statement = Statement { name: name.into(), value, by: "A".into(), why: "w".into(), rows };
    let entry = json!({
        "at": "2021-03-26T15:00:00Z", "body": statement.body(), "hash": "", "kind": "fact.set", "prev": "", "seq": seq,
    });
    let entry: Entry = serde_json::from_value(entry).expect("an entry");
    response.observe(&entry).expect("it fits");
}

fn row_ref(evidence: &str, record: i64) -> serde_json::Value {
    json!({"evidence_id": evidence, "path": "p", "record": record, "offset": 0, "file_sha256": "ab".repeat(32),
           "record_hash": ""})
}

/// What a run of such a case writes. Its own English words must not reach a draft.
fn traces() -> Traces {
    let door = json!({
        "id": "D-1", "key": "k", "kind": "webshell", "cve": ["CVE-2021-26855"], "host": "MX01", "place": "/owa/auth/x.aspx",
        "verdict": "used", "state": "open",
        "opened": {"not_before": null, "not_after": "2019-04-12T03:14:15.5Z"}, "first_used": "2019-04-13T01:00:00Z",
        "last_used": "2021-03-20T10:00:00Z", "sources": ["203.0.113.7", RED, "10.1.2.3"], "accounts": [],
        "why": ["the page was written by the worker process"], "close": "remove the page and rebuild the server",
        "rows": [row_ref("E-2", 57), row_ref("E-9", 0)], "count": 2,
    });
    let finding: Finding = serde_json::from_value(json!({
        "id": "F-3", "key": "k", "kind": "detection", "title": "Suspicious child of the web server", "level": "critical",
        "confidence": "high", "verdict": "unreviewed", "first": "2019-05-01T00:00:00Z", "last": "2021-03-25T00:00:00Z",
        "count": 12, "hosts": ["DC01"], "entities": {"account": [], "process": [], "file": [], "address": []},
        "attack": ["T1505.003"], "rows": [row_ref("E-4", 9)],
    }))
    .expect("a finding");
    let span = json!({
        "cve": "CVE-2021-26855", "from": "2019-04-01T00:00:00Z", "to": null, "proven": false, "name": "ProxyLogon",
    });
    let server = json!({
        "host": "MX01", "product": "Exchange Server 2016", "cu": "CU11", "build": null, "open": [span], "evidence": [],
    });
    let exhibit: Evidence = serde_json::from_value(json!({
        "id": "E-9", "path": "mx01.zip!x.aspx", "format": "page", "bytes": 1234, "sha256": "cd".repeat(32), "host": null,
        "records_read": 0, "rows": 0, "duplicates": 0, "first": null, "last": null, "damage": [], "state": "not-parsed",
    }))
    .expect("a file");
    let sighting: Sighting = serde_json::from_value(json!({
        "indicator": "evil.example", "type": "domain-name", "source": "feed", "count": 1, "first": null, "last": null,
        "hosts": [], "rows": [row_ref("E-4", 1)],
    }))
    .expect("a sighting");
    Traces {
        findings: vec![finding],
        doors: vec![serde_json::from_value(door).expect("a door")],
        servers: vec![serde_json::from_value(server).expect("a server")],
        sightings: vec![sighting],
        exhibits: [(exhibit.id, exhibit)].into_iter().collect(),
        sealed: 448,
        covered: serde_json::from_value(json!({
            "first": "2019-04-01T00:00:00Z", "last": "2021-03-25T00:00:00Z", "days": 500, "of": 725,
        }))
        .expect("figures"),
        withheld: vec![RED.to_owned()],
        pointers: [("incident.suspected_malicious".to_owned(), vec!["E-2:57".to_owned()])]
            .into_iter()
            .collect(),
    }
}

/// Every draft of the rows that are law at that date.
fn every_draft(aware: &str, mut each: impl FnMut(&Row, &Duty, Lang, &str)) {
    let (response, traces) = (case(aware), traces());
    let known = Known { response: &response, profile: response.profile().expect("a profile") };
    let at = NOW.parse().expect("a time");
    let mut drafts = 0;
    for duty in duties(&known, at).iter().filter(|duty| duty.in_force) {
        let row = duty_catalog().row(&duty.row).expect("a row");
        for recipient in &row.recipients {
            for lang in Lang::ALL {
                let asked = Asked { row, duty, recipient, lang, at };
                each(row, duty, lang, &notice(&known, &traces, asked).text);
                drafts += 1;
            }
        }
    }
    assert!(drafts > 70, "{drafts}");
}

const DATES: [(&str, &str); 3] = [
    ("2021-03-26", "2021-03-26T14:20:00+01:00"),
    ("2023-06-01", "2023-06-01T10:00:00+02:00"),
    ("2026-11-20", "2026-11-20T10:00:00+01:00"),
];

/// Words that only one of the languages has, and that stand in its templates.
const ENGLISH: [&str; 34] = [
    "the",
    "and",
    "with",
    "which",
    "this",
    "that",
    "law",
    "decree",
    "regulation",
    "council",
    "report",
    "known",
    "where",
    "from",
    "by",
    "finding",
    "used",
    "yes",
    "page",
    "written",
    "exhibit",
    "evidence",
    "copy",
    "stage",
    "basis",
    "way",
    "flaw",
    "address",
    "seen",
    "held",
    "measures",
    "awareness",
    "exploited",
    "notification",
];
const FRENCH: [&str; 12] =
    ["les", "nous", "une", "dans", "sont", "pour", "avec", "pièces", "loi", "règlement", "arrêté", "constat"];
const DUTCH: [&str; 11] =
    ["het", "een", "wij", "zijn", "niet", "voor", "uit", "stukken", "wet", "verordening", "besluit"];
const GERMAN: [&str; 10] =
    ["und", "nicht", "wird", "eine", "dem", "gesetz", "verordnung", "beschluss", "erlass", "auf"];

/// The words of another language that stand in `text`.
fn foreign(text: &str, lang: Lang) -> Vec<String> {
    let own = |word: &str| match lang {
        // Words that a language shares with English, French or Dutch.
        Lang::Fr => ["page", "notification"].contains(&word),
        Lang::En => ["dans", "les"].contains(&word),
        Lang::Nl | Lang::De => false,
    };
    let lists: [(Lang, &[&str]); 4] =
        [(Lang::En, &ENGLISH), (Lang::Fr, &FRENCH), (Lang::Nl, &DUTCH), (Lang::De, &GERMAN)];
    let words = text.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
    let others: Vec<&str> =
        lists.into_iter().filter(|(other, _)| *other != lang).flat_map(|(_, words)| words).copied().collect();
    words.filter(|word| others.contains(&word.as_str()) && !own(word)).collect()
}

#[test]
fn no_draft_holds_a_word_of_the_inside_or_of_another_language() {
    let mut faults = std::collections::BTreeSet::new();
    for (_, aware) in DATES {
        every_draft(aware, |row, _, lang, text| {
            let inside = [
                "{",
                "}",
                "to_confirm",
                "to confirm",
                "to be confirmed",
                "à confirmer",
                "te bevestigen",
                "zu bestätigen",
                "TODO",
                "…",
                "...",
                "/...",
                "null",
                "data-driven",
                "_class",
                "L'entité qui notifie",
                "ogenschijnlijk",
                "worker process",
                "Suspicious child",
                "rebuild",
            ];
            let inside = inside.into_iter().filter(|word| text.contains(word)).map(str::to_owned);
            let named =
                fact_catalog().facts().iter().map(|fact| fact.id.clone()).filter(|id| text.contains(id));
            let words = inside.chain(named).chain(foreign(text, lang));
            faults.extend(words.map(|word| format!("`{word}` in {} {lang:?}", row.id)));
        });
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Laws as they are named in any of the languages, and from when to when they were in force.
const LAWS: [(&[&str], &str, &str); 24] = [
    (
        &["2022/2555", "26 avril 2024", "26 april 2024", "26. April 2024", "26 April 2024", "NIS2"],
        "2024-10-18",
        "9999",
    ),
    (&["7 avril 2019", "7 april 2019", "7. April 2019", "7 April 2019"], "2019-05-03", "2024-10-18"),
    (&["12 juillet 2019", "12 juli 2019", "12. Juli 2019", "12 July 2019"], "2019-07-18", "2024-10-18"),
    (&["28 avril 2017", "28 april 2017", "28. April 2017", "28 April 2017"], "2017-04-28", "2026-04-27"),
    (
        &[
            "arrêté royal de 2026",
            "koninklijk besluit van 2026",
            "Königlicher Erlass von 2026",
            "Decree in 2026",
        ],
        "2026-04-27",
        "9999",
    ),
    (&["20 mai 2021", "20 mei 2021", "20. Mai 2021", "20 May 2021"], "2021-05-20", "9999"),
    (&["2016/679"], "2018-05-25", "9999"),
    (&["30 juillet 2018", "30 juli 2018", "30. Juli 2018", "30 July 2018"], "2018-09-05", "9999"),
    (&["2016/680"], "2018-05-06", "9999"),
    (&["2019/797", "2019/796"], "2019-05-18", "9999"),
    (&["C/2025/3445"], "2025-06-06", "9999"),
    (&["2022/2554"], "2025-01-17", "9999"),
    (&["2025/301", "2025/302"], "2025-03-12", "9999"),
    (&["2022/2557"], "2024-10-18", "9999"),
    (&["2024/1183"], "2024-05-20", "9999"),
    (&["2024/2847"], "2026-09-11", "9999"),
    (&["2023/2841"], "2024-01-07", "9999"),
    (&["2024/2690"], "2024-11-07", "9999"),
    (&["2022/2065"], "2024-02-17", "9999"),
    (&["9 juin 2024", "9 juni 2024", "9. Juni 2024", "9 June 2024"], "2024-10-18", "9999"),
    (&["2016/1148"], "2016-08-08", "2024-10-18"),
    (&["19 juin 2017", "19 juni 2017", "19. Juni 2017", "19 June 2017"], "2017-06-19", "9999"),
    (&["2013/488"], "2013-10-15", "9999"),
    (&["10 octobre 2014", "10 oktober 2014", "10. Oktober 2014", "10 October 2014"], "2014-12-01", "9999"),
];

#[test]
fn no_draft_cites_a_law_of_another_time() {
    let mut cited = std::collections::BTreeSet::new();
    for (day, aware) in DATES {
        every_draft(aware, |row, duty, lang, text| {
            for (names, from, to) in LAWS {
                if let Some(name) = names.iter().find(|name| text.contains(**name)) {
                    assert!(from <= day && day < to, "{} {lang:?} of {day} cites `{name}`:\n{text}", row.id);
                    cited.insert(from);
                }
            }
            let named = duty.legal_basis.iter().filter_map(|text| duty_catalog().legal_text(text));
            if row.stage != "communication" {
                assert!(!duty.legal_basis.is_empty(), "{} of {day} rests on nothing", row.id);
                for basis in named {
                    assert!(text.contains(basis.of(lang)), "{} {lang:?}: {}", row.id, basis.of(lang));
                }
            }
        });
    }
    assert!(cited.len() > 12, "the table is of the laws that are cited: {cited:?}");
}

#[test]
fn what_is_marked_and_what_is_public_hold_nothing_of_the_case() {
    for (_, aware) in DATES {
        every_draft(aware, |row, _, lang, text| {
            assert!(!text.contains(RED), "{} {lang:?}:\n{text}", row.id);
            if row.stage == "communication" || row.default_marking == OUT_OF_BAND {
                for part in ["MX01", "DC01", "203.0.113.7", "CVE-", "D-1", "F-3", "E-7", "2019", "TLP:"] {
                    assert!(!text.contains(part), "`{part}` in {} {lang:?}:\n{text}", row.id);
                }
            }
        });
    }
}

fn draft(response: &Response, traces: &Traces, row: &str, lang: Lang) -> Notice {
    let known = Known { response, profile: response.profile().expect("a profile") };
    let at = "2021-03-27T09:00:00Z".parse().expect("a time");
    let row = duty_catalog().row(row).expect("a row");
    let duty = duties(&known, at).into_iter().find(|duty| duty.row == row.id).expect("a duty");
    notice(&known, traces, Asked { row, duty: &duty, recipient: &row.recipients[0], lang, at })
}

#[test]
fn what_the_case_shows_stands_in_the_draft_with_its_source() {
    let (response, traces) = (case(DATES[0].1), traces());
    let report = draft(&response, &traces, "BE-CIC-29", Lang::Fr);
    for part in [
        "« /owa/auth/x.aspx », sur MX01 ; utilisation constatée",
        // A bound is rounded up: half a second earlier it is not shown to have been there.
        "existence constatée au plus tard le 12 avril 2019 à 05:14:16 ;",
        "[D-1, E-2:57, E-9]",
        "CVE-2021-26855",
        "203.0.113.7",
        "ProxyLogon",
        "page web malveillante sur le serveur (T1505.003) ; 12 événements, du 1er mai 2019 à 2 h 00 au",
        "au plus tard depuis le 1er avril 2019",
        "aucun correctif n'apparaît dans les pièces",
        "DC01 [F-3]",
        "une trace antérieure n'est pas exclue",
        "500 des 725 jours",
        "la trace la plus récente : 25 mars 2021",
        "E-9 : mx01.zip!x.aspx, 1234 octets, SHA-256 cdcd",
        "448 fichiers sont scellés",
        "l'appréciation du ministère public. [E-7:12]",
        "Cette liste est incomplète",
        "Pas encore connu : lieux des faits.",
    ] {
        assert!(report.text.contains(part), "`{part}` in\n{}", report.text);
    }
    assert!(report.withheld > 0 && !report.marked_in_text);
    assert!(report.from_case.contains(&"crime.facts".to_owned()), "{:?}", report.from_case);

    let notice = draft(&response, &traces, "BE-VSSE", Lang::Nl);
    for part in
        ["203.0.113.7 (bronadres) [D-1]", "SHA-256 cdcd", "evil.example (bekende indicator", "[E-4:1]"]
    {
        assert!(notice.text.contains(part), "`{part}` in\n{}", notice.text);
    }
    assert!(!notice.text.contains("10.1.2.3"), "an inside address is no indicator");
    // What only a person decides is never said for him; the draft shows what points to it.
    let early = draft(&response, &traces, "BE-NIS1-IN", Lang::Fr);
    assert!(early.text.contains("Pas encore connu : caractère illicite"), "{}", early.text);
    assert!(early.text.contains("ce n'est pas établi [E-2:57]"), "{}", early.text);
}

#[test]
fn what_a_person_says_goes_before_what_the_case_shows() {
    let (mut response, traces) = (case(DATES[0].1), traces());
    set(&mut response, 90, "t.first_trace", "2019-04-01T00:00:00Z");
    set(&mut response, 91, "incident.systems_affected", "unknown");
    set(&mut response, 92, "crime.facts", "Vu depuis 198.51.100.66.");
    let report = draft(&response, &traces, "BE-CIC-29", Lang::Fr);
    assert!(report.text.contains("date du 1er avril 2019 à 2 h 00"), "{}", report.text);
    assert!(report.text.contains("Pas encore connu : systèmes présentant des traces."), "{}", report.text);
    assert!(report.marked_in_text, "what a source marks is told of, also where a person wrote it");
    let empty = draft(&case(DATES[0].1), &Traces::default(), "BE-CIC-29", Lang::Fr);
    assert!(empty.from_case.is_empty() && empty.text.contains("Pas encore connu : exposé des faits."));
}
