//! What a user sees of an invented run, and what a hostile one cannot do to the page or the terminal.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod invented;

use std::collections::BTreeMap;

use invented::{Invented, invented, time};
use piste_model::sighting::Source;
use piste_model::summary::{NewFigures, RuleSetFigures};
use piste_model::{Entities, FindingId, Instant, New, Sighting};
use piste_report::answers::{Question, Sentence};
use piste_report::escape::is_hidden;
use piste_report::view::{Sought, SoughtFile};
use piste_report::{Area, Areas, Style, terminal};

const PLAIN: Style = Style { colour: false, width: 100 };

#[test]
fn the_terminal_summary_reads_like_this() {
    insta::assert_snapshot!(terminal::summary(&invented().run(PLAIN)));
}

#[test]
fn what_is_new_comes_first_and_is_marked() {
    let mut run = invented();
    run.summary.new = Some(NewFigures { findings: 1, with_new_rows: 1 });
    for (finding, (new, rows)) in run.findings.iter_mut().zip([(New::Rows, 2), (New::Finding, 0)]) {
        (finding.new, finding.new_rows) = (Some(new), rows);
    }
    let mut view = run.run(PLAIN);
    view.since = Some(time("2021-03-27T09:00:00Z"));
    let text = terminal::summary(&view);
    let from = text.find("New since").unwrap();
    let to = text.find("Findings, ").unwrap();
    let listed: Vec<&str> = text[from..to]
        .lines()
        .filter(|line| line.starts_with("New") || line.contains("confidence"))
        .collect();
    assert_eq!(listed[0], "New since the run of 2021-03-27 09:00:00: 1 finding, 1 with more rows:");
    assert_eq!(listed.len(), 3, "{text}");
    assert!(listed[1].contains("(1 event, new, confidence"), "{listed:?}");
    assert!(listed[2].contains("(3 events, 2 new, confidence"), "{listed:?}");
    let page = run.html();
    assert_eq!(page.matches("<span class=\"new\">").count(), 2);
    assert!(page.contains("<b>1 new finding</b> came up and 1 earlier one got more rows"), "{page}");
    assert!(!page.contains("2021-03-27"), "the page holds nothing of a clock");
}

#[test]
fn a_narrow_terminal_gets_the_same_in_more_lines() {
    let mut run = invented();
    run.findings.truncate(1);
    let text = terminal::summary(&run.run(Style { colour: false, width: 40 }));
    let from = text.find("Findings,").unwrap();
    let to = text.find("What was read").unwrap();
    insta::assert_snapshot!(&text[from..to], @r"
    Findings, the gravest first (times in
    UTC):
    F-1    critical 2021-03-03 04:05:06 ..
           2021-03-03 14:05:06
           MX01.example.org
           Web Shell Written by IIS Worker
           (3 events, confidence high,
           verdict confirmed)
           CommandLine: whoami /all
    ");
}

#[test]
fn colours_are_written_only_if_asked_for_and_change_no_word() {
    let run = invented();
    let coloured = terminal::summary(&run.run(Style { colour: true, width: 100 }));
    assert!(coloured.contains("\u{1b}[38;2;0;255;0mResults Summary:\u{1b}[0m"));
    assert!(coloured.contains("\u{1b}[38;2;255;0;0mcritical\u{1b}[0m"));
    assert!(coloured.contains("\u{1b}[38;2;255;193;0mhigh    \u{1b}[0m"));
    let mut plain = coloured.replace("\u{1b}[0m", "");
    while let Some(at) = plain.find('\u{1b}') {
        let end = at + plain[at..].find('m').unwrap();
        plain.replace_range(at..=end, "");
    }
    assert_eq!(plain, terminal::summary(&run.run(PLAIN)));
}

/// Puts `text` wherever evidence or rules can put it.
fn hostile(text: &str) -> Invented {
    let mut run = invented();
    if text.len() > 1000 {
        run.detections.truncate(3); // each gets four copies
        run.findings.truncate(2);
    }
    let own = || text.to_owned();
    run.summary.hosts = vec![own()];
    run.summary.rules.sets = vec![RuleSetFigures { path: own(), sha256: own(), rules: 1 }];
    for file in &mut run.evidence {
        (file.path, file.format, file.sha256, file.host) = (own(), own(), own(), Some(own()));
    }
    for issue in &mut run.issues {
        issue.slug = own().into();
        (issue.path, issue.what, issue.effect, issue.hint) = (own(), own(), own(), own());
    }
    for finding in &mut run.findings {
        (finding.title, finding.confidence, finding.verdict) = (own(), own(), own());
        finding.hosts = vec![own(); 9];
        let values = vec![own(); if text.len() > 1000 { 2 } else { 50 }];
        finding.entities = Entities {
            account: values.clone(),
            process: values.clone(),
            file: values.clone(),
            address: values.clone(),
        };
        finding.attack = values;
        finding.details = BTreeMap::from([(own(), own()), ("CommandLine".to_owned(), own())]);
        for row in &mut finding.rows {
            (row.path, row.file_sha256, row.record_hash) = (own(), own(), own());
        }
    }
    for one in &mut run.detections {
        (one.rule_id, one.rule_title, one.host, one.dataset) = (own(), own(), own(), own());
    }
    for one in &mut run.coverage {
        (one.host, one.dataset) = (own(), own());
    }
    let areas = vec![Area { label: own(), rules: 1 }; 99];
    run.areas = Areas { ran: areas.clone(), unseen: areas };
    for intrusion in &mut run.trail.intrusions {
        (intrusion.actor, intrusion.hosts, intrusion.accounts) = (own(), vec![own(); 3], vec![own(); 3]);
        (intrusion.because, intrusion.reserves, intrusion.doors) = (vec![own()], vec![own()], vec![own()]);
        for step in &mut intrusion.steps {
            (step.text, step.host, step.account) = (own(), own(), own());
            (step.tactic, step.technique) = (own(), own());
            step.edges.iter_mut().for_each(|edge| edge.reason = own());
            step.rows.iter_mut().for_each(|row| row.dataset = own());
        }
        for apart in &mut intrusion.separate_from {
            (apart.what, apart.because) = (own(), own());
        }
    }
    for lead in &mut run.trail.leads {
        (lead.text, lead.because, lead.hosts) = (own(), own(), vec![own()]);
    }
    for host in &mut run.trail.scope.not_examined {
        (host.host, host.because) = (own(), own());
    }
    for span in &mut run.trail.visibility {
        (span.host, span.dataset) = (own(), own());
    }
    run.count();
    run.answer();
    run
}

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m",
    "invoice\u{202e}fdp.exe\u{2066}\u{200f}",
    "two\r\nlines\tand\0more\u{2028}",
    "</title></style></svg>--><!--]]>",
    "&lt;&#x202e;",
    "文字\u{301}\u{301}\u{301}🏴‍☠️",
];

#[test]
fn hostile_text_cannot_leave_its_place_on_the_page() {
    let plain = invented().html();
    let tags = |page: &str| page.matches("<script").count() + page.matches("<img").count();
    for text in HOSTILE {
        let page = hostile(text).html();
        assert_eq!(tags(&page), 0, "{text:?}");
        assert!(!page.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
        for once in ["</title>\n<style>", "</style>\n</head>", "</html>"] {
            assert_eq!(page.matches(once).count(), 1, "{text:?} {once}");
        }
        assert_eq!(page.matches("<!").count(), plain.matches("<!").count(), "{text:?}");
    }
}

#[test]
fn hostile_text_cannot_move_the_cursor_or_break_the_width() {
    for text in HOSTILE {
        let run = hostile(text);
        for width in [0, 1, 23, 24, 25, 39, 80, 200] {
            let summary = terminal::summary(&run.run(Style { colour: false, width }));
            assert!(!summary.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
            let widest = summary.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.max(Style::NARROWEST), "{text:?} at {width}: {widest}");
        }
    }
}

#[test]
fn a_megabyte_of_text_is_cut() {
    for text in ["a".repeat(1 << 20), "\u{1b}<".repeat(1 << 19)] {
        let run = hostile(&text);
        assert!(terminal::summary(&run.run(PLAIN)).len() < 40_000);
        assert!(run.html().len() < 2_000_000);
    }
}

fn nothing_found() -> Invented {
    let mut run = invented();
    run.findings.clear();
    run.detections.clear();
    run.trail = piste_model::Trail::default();
    run.count();
    run.answer();
    (run.summary.detections, run.summary.findings) = (Some(0), Some(0));
    run
}

/// The text between two markers.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.find(from).unwrap();
    &page[start..start + page[start..].find(to).unwrap()]
}

#[test]
fn nothing_found_names_the_span_and_is_never_called_clean() {
    let run = nothing_found();
    let text = terminal::summary(&run.run(PLAIN));
    insta::assert_snapshot!(part(&text, "Results", "What was"), @r"
    Results Summary:
    No rule matched in this evidence: 47,135 events on the 28 days of 30 whose logs are here (from
    2021-02-14T00:00:03Z to 2021-03-15T17:20:00Z).
    That says nothing of other times, nor of what is named below as not read or without events.
    Not examined: memory dump × 1 (4.0 GiB).
    ");
    let page = run.html();
    insta::assert_snapshot!(part(&page, "<dt>Found", "<dt>Cannot"), @r"
    <dt>Found</dt><dd><p>No finding: no rule matched any of the 47,135 events on the 28 days of 30 whose logs are here (from 2021-02-14T00:00:03Z to 2021-03-15T17:20:00Z). This holds for these days and events only.</p></dd>
    ");
    for text in [text, page] {
        assert!(!text.to_lowercase().contains("clean"));
    }
}

#[test]
fn matches_without_a_finding_are_not_denied() {
    let mut run = invented();
    run.findings.clear();
    let page = run.html();
    assert!(page.contains("No finding was made of the 252 matches of rules"));
    assert!(!page.contains("no rule matched"));
}

#[test]
fn rules_not_run_is_not_the_same_as_nothing_found() {
    let mut run = nothing_found();
    (run.summary.detections, run.summary.findings) = (None, None);
    run.answer();
    let text = terminal::summary(&run.run(PLAIN));
    assert!(text.contains("Results Summary:\nThe rules have not been run over this evidence.\n"));
    assert!(
        text.contains("Were we entered?\n  - Not known: the rules have not been run over this evidence.\n")
    );
    let page = run.html();
    assert!(page.contains("Nothing was searched for yet"));
    assert!(!page.contains("No finding") && !page.contains("No rule matched"));
}

#[test]
fn the_page_opens_in_plain_words() {
    insta::assert_snapshot!(part(&invented().html(), "<dl class=\"result\">", "<ul class=\"figures\">"), @r##"
    <dl class="result">
    <dt>Examined</dt><dd><p>2 files (8.9 MiB) with events of 3 computers: 47,135 events between 2021-02-14 00:00:03 and 2021-03-15 17:20:00 UTC. They were searched with 3,754 rules.</p><p><b>Not examined: memory dump × 1 (4.0 GiB).</b></p></dd>
    <dt>Found</dt><dd><p><b>8 findings</b> (2 critical, 2 high, 1 medium, 2 low, 1 informational), resting on 252 matches of rules in 252 events, by 7 different rules.</p><p>The gravest: <a href="#F-1">F-1</a> (critical), “Web Shell Written by IIS Worker”, on MX01.example.org, first seen 2021-03-03 04:05:06 UTC.</p><p>A finding is what rules and their repetition suggest, not yet a proven act: an analyst has not yet judged 7 of 8.</p></dd>
    <dt>First trace</dt><dd><p>No later than 2021-03-03T04:05:06.123Z (F-1: a finding of level critical: Web Shell Written by IIS Worker); an earlier trace is not excluded: this evidence has rows of any kind on the 28 days of 30 whose logs are here (from 2021-02-14T00:00:03Z to 2021-03-15T17:20:00Z).</p></dd>
    <dt>Cannot be said</dt><dd><ul>
    <li>What happened before 2021-02-14 00:00:03 or after 2021-03-15 17:20:00 UTC: this evidence has no events of those times.</li>
    <li>What happened on other computers than the 3 computers that these events name.</li>
    <li>What happened on days without any event, which 2 of 5 logs show (<a href="#coverage">section 6</a>). An empty day may be a quiet one, a lost one or a deleted one.</li>
    <li>What memory dump × 1 (4.0 GiB) would answer: processes, connections, injected code and keys at the time it was taken (<a href="#unread">section 10</a>).</li>
    <li>What 4 problems hide that were met while reading (<a href="#unread">section 10</a>).</li>
    <li>What 275 rules would have shown: this evidence has no events for them to look at (<a href="#unseen">section 11</a>).</li>
    </ul></dd>
    </dl>
    "##);
}

#[test]
fn the_first_page_answers_what_is_asked_and_leads_to_the_steps() {
    let page = invented().html();
    insta::assert_snapshot!(part(&page, "<dl class=\"answers\">", "</section>"));
    let first = part(&page, "<section id=\"answers\">", "</section>");
    for link in first.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

#[test]
fn nobody_is_said_to_be_out_or_clean() {
    for run in [invented(), nothing_found()] {
        let out = run.answers.iter().find(|one| one.question == Question::Out).unwrap();
        let text: String = out.sentences.iter().map(Sentence::text).collect();
        assert!(text.contains("Not known") || text.contains("cannot be asked"), "{text}");
        let entered = run.answers.iter().find(|one| one.question == Question::Entered).unwrap();
        assert!(!entered.sentences[0].text().starts_with("No."), "{entered:?}");
    }
}

#[test]
fn a_step_tells_where_when_as_whom_why_it_is_joined_and_its_rows() {
    insta::assert_snapshot!(part(&invented().html(), "<tbody class=\"finding\" id=\"S-2\">", "</tbody>"));
}

#[test]
fn a_finding_leads_to_file_record_and_hash() {
    insta::assert_snapshot!(part(&invented().html(), "<tbody class=\"finding\" id=\"F-2\">", "</tbody>"), @r##"
    <tbody class="finding" id="F-2"><tr><th scope="row" class="id">F-2<br><span class="level critical">critical</span></th><td class="t"><span>2021-03-11 22:14:00</span><br>DC01.example.org</td><td><span class="what">Process Dump of LSASS</span><br>1 event, confidence high, unreviewed<dl><dt>Account</dt><dd>EXAMPLE\svc-mail, NT AUTHORITY\SYSTEM</dd><dt>Process</dt><dd>C:\Windows\System32\inetsrv\w3wp.exe</dd><dt>Other side</dt><dd>203.0.113.7</dd><dt>ATT&amp;CK</dt><dd>T1505.003, T1059.001</dd><dt>CommandLine</dt><dd><code>cmd.exe /c echo test &gt; C:\inetpub\wwwroot\aspnet_client\help.aspx</code></dd><dt>ParentImage</dt><dd><code>C:\Windows\System32\inetsrv\w3wp.exe</code></dd></dl></td></tr>
    <tr><td colspan="3" class="rows"><ul><li><span class="ref"><a href="#E-3">E-3</a>:572000</span> at byte 576096, record hash <code>00112233445566778899aabbccddeeff</code></li></ul></td></tr>
    "##);
}

#[test]
fn the_page_asks_for_nothing_from_outside() {
    let page = invented().html();
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for word in ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_order_of_the_input_does_not_show() {
    let run = invented();
    let mut other = invented();
    other.findings.reverse();
    other.issues.reverse();
    other.evidence.reverse();
    other.coverage.reverse();
    other.areas.ran.reverse();
    other.areas.unseen.reverse();
    assert_eq!(run.html(), other.html());
    assert_eq!(terminal::summary(&run.run(PLAIN)), terminal::summary(&other.run(PLAIN)));
}

#[test]
fn every_link_has_its_place_even_in_long_lists() {
    let mut run = invented();
    let file = run.evidence[2].clone();
    run.evidence
        .extend((6..3000).map(|n| piste_model::Evidence { id: piste_model::EvidenceId(n), ..file.clone() }));
    let finding = run.findings[3].clone();
    run.findings.extend((9..900).map(|n| {
        let mut finding = piste_model::Finding { id: FindingId(n), ..finding.clone() };
        finding.rows[0].evidence_id = piste_model::EvidenceId(3000 - n);
        finding
    }));
    let page = run.html();
    for link in page.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
    assert!(page.contains("and 799 more findings: see findings.jsonl"));
    assert!(page.contains("more files: see evidence.jsonl"));
    assert!(terminal::summary(&run.run(PLAIN)).contains("and 889 more findings: see findings.jsonl"));
}

/// Every number of an attribute of the pictures.
fn numbers<'a>(page: &'a str, attribute: &'a str) -> impl Iterator<Item = f64> + 'a {
    page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok())
}

#[test]
fn pictures_stay_in_their_frame_at_any_time() {
    let ends = [i64::MIN, i64::MAX].map(|nanos| Instant { nanos, digits: 9 });
    let one = time("2021-03-03T00:00:00Z");
    for (first, last) in
        [(ends[0], ends[1]), (ends[0], ends[0]), (ends[1], ends[1]), (one, one), (ends[0], one)]
    {
        let mut run = invented();
        for (n, detection) in run.detections.iter_mut().enumerate() {
            detection.time = Some(if n % 2 == 0 { first } else { last });
        }
        for coverage in &mut run.coverage {
            (coverage.first, coverage.last) = (first, last);
            coverage.days = vec![(i64::MIN, 1), (first.day(), 1), (last.day(), 1), (i64::MAX, 1)];
        }
        run.count();
        let page = run.html();
        for (x, width) in numbers(&page, "<rect x=\"").zip(numbers(&page, " width=\"")) {
            assert!(x >= 200.0 && width > 0.0, "{x} {width}");
        }
        assert!(numbers(&page, "<text x=\"").all(|x| (0.0..=960.0).contains(&x)));
    }
}

#[test]
fn ticks_fit_spans_from_hours_to_centuries() {
    for (last, ticks) in [
        ("2021-03-03T03:00:00Z", "03-03 00:00 03-03 01:00 03-03 02:00 03-03 03:00"),
        ("2021-03-05T00:00:00Z", "03-03 00:00 03-03 12:00 03-04 00:00 03-04 12:00 03-05 00:00"),
        ("2023-03-03T00:00:00Z", "2021-07-01 2022-01-01 2022-07-01 2023-01-01"),
        ("2200-01-01T00:00:00Z", "2050-01-01 2100-01-01 2150-01-01 2200-01-01"),
    ] {
        let mut run = invented();
        for detection in &mut run.detections {
            detection.time = Some(time("2021-03-03T00:00:00Z"));
        }
        run.coverage.truncate(1);
        run.coverage[0].first = time("2021-03-03T00:00:00Z");
        run.coverage[0].last = time(last);
        run.count();
        let page = run.html();
        let svg = part(&page, "id=\"p2-desc\"", "<g>");
        let shown: Vec<_> =
            svg.split("middle\">").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(shown.join(" "), ticks, "to {last}");
    }
}

#[test]
fn known_indicators_are_told_with_their_marking_and_dates() {
    let mut run = invented();
    assert!(run.html().contains("No known indicators were given to look for."));
    assert!(!terminal::summary(&run.run(PLAIN)).contains("Known indicators"));
    let hostile = "evil.example/<script>alert(1)</script>\u{202e}";
    run.sought = Some(Sought {
        files: vec![SoughtFile {
            path: "<b>feed</b>.csv".into(),
            sha256: "aa".repeat(32),
            format: "CSV".into(),
            understood: 1_204,
            left_out: 3,
        }],
        indicators: 1_204,
        sightings: vec![Sighting {
            indicator: hostile.into(),
            kind: "url".into(),
            source: "<b>feed</b>.csv:17".into(),
            count: 2,
            first: Some(time("2021-03-03T04:05:06Z")),
            last: Some(time("2021-03-04T04:05:06Z")),
            hosts: vec!["MX01.example.org".into()],
            rows: run.findings[0].rows.clone(),
            tlp: Some("TLP:AMBER".into()),
            valid_from: Some(time("2021-03-04T00:00:00Z")),
            valid_until: None,
            outside_validity: 1,
            confidence: None,
            description: Some("called \"home\" & more".into()),
            sources: ["<b>feed</b>.csv:17", "<i>partner</i>.json"]
                .map(|source| Source {
                    source: source.into(),
                    tlp: None,
                    valid_from: None,
                    valid_until: None,
                    confidence: None,
                    description: None,
                })
                .into(),
        }],
    });
    let page = run.html();
    let from = page.find("<section id=\"sightings\">").unwrap();
    let section = &page[from..];
    assert!(
        section.contains("by &lt;i&gt;partner&lt;/i&gt;.json: no TLP, valid from no date to no date"),
        "{section}"
    );
    assert!(
        section.contains("1,204 known indicators were looked for") && section.contains("<b>1</b> seen"),
        "{section}"
    );
    assert!(section.contains("Values below are marked TLP:AMBER."), "{section}");
    assert!(section.contains("valid from 2021-03-04 00:00:00 to no date: <b>1 row outside</b>"), "{section}");
    assert!(
        !section.contains("<script")
            && !section.contains("<b>feed")
            && !section.chars().any(|c| is_hidden(c) && c != '\n')
    );
    let text = terminal::summary(&run.run(PLAIN));
    assert!(text.contains("1 of 1,204 indicators seen, from 1 file; 3 left out"), "{text}");
    assert!(text.contains("TLP:AMBER") && !text.contains('\u{202e}'), "{text}");
}
