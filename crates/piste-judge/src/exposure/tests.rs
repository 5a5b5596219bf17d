//! Boundary days, gaps, paths and updates taken back.

use piste_model::exchange::Version;
use piste_model::{BuildSeen, Exposure, Instant, OpenSpan};

use super::seen::{At, Day, Source};
use super::{Exposed, any_state, spans, state, timeline};

fn time(text: &str) -> Instant {
    Instant::parse(text).expect("a time")
}

fn seen(build: &str, first: &str, last: &str) -> BuildSeen {
    BuildSeen {
        build: build.to_owned(),
        first: Some(time(first)),
        last: Some(time(last)),
        source: "HttpProxy".to_owned(),
        row: None,
        last_row: None,
        count: 2,
        release: None,
        older: false,
        perhaps_updated: false,
    }
}

fn server(builds: Vec<BuildSeen>) -> Exposure {
    let mut server = Exposure {
        host: "MX01".to_owned(),
        product: "Exchange Server 2016".to_owned(),
        cu: None,
        build: None,
        open: Vec::new(),
        unknown_spans: Vec::new(),
        builds,
        mitigations: Vec::new(),
        unknown: Vec::new(),
        evidence: Vec::new(),
    };
    spans::fill(&mut server);
    server
}

const LOGON: &str = "CVE-2021-26855";
const SHELL: &str = "CVE-2021-34473";

fn updated() -> Exposure {
    server(vec![
        seen("15.1.2176.2", "2021-01-10 08:00:00", "2021-03-05 20:00:00"),
        seen("15.1.2176.9", "2021-03-09 06:00:00", "2021-05-01 00:00:00"),
    ])
}

#[track_caller]
fn check(server: &Exposure, cve: &str, at: &str, exposed: Exposed) {
    let state = state(server, cve, time(at));
    assert_eq!(state.exposed, exposed, "{cve} at {at}: {:?}", state.basis);
}

#[track_caller]
fn spans_of<'a>(server: &'a Exposure, cve: &str) -> Vec<&'a OpenSpan> {
    server.open.iter().filter(|span| span.cve == cve).collect()
}

#[test]
fn an_update_between_two_sightings_is_an_interval() {
    let server = updated();
    // Nobody had the fix before 2 March, whoever looks earlier than the first sighting.
    check(&server, LOGON, "2020-12-24 00:00:00", Exposed::Open);
    check(&server, LOGON, "2021-01-10 08:00:00", Exposed::Open);
    check(&server, LOGON, "2021-03-05 20:00:00", Exposed::Open);
    check(&server, LOGON, "2021-03-05 20:00:01", Exposed::Unknown);
    check(&server, LOGON, "2021-03-09 05:59:59", Exposed::Unknown);
    check(&server, LOGON, "2021-03-09 06:00:00", Exposed::Closed);
    check(&server, LOGON, "2021-06-01 00:00:00", Exposed::Closed);
    let spans = spans_of(&server, LOGON);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span.from, Some(time("2021-01-10 08:00:00")));
    assert_eq!(span.to, Some(time("2021-03-09 06:00:00")));
    assert_eq!(span.to_not_before, Some(time("2021-03-05 20:00:00")));
    assert!(!span.proven);
    assert_eq!(span.published.as_deref(), Some("2021-03-02"));
    assert_eq!(span.fix_released.as_deref(), Some("2021-03-02"));
}

#[test]
fn a_flaw_that_the_last_build_has_is_open_to_the_end() {
    let server = updated();
    let spans = spans_of(&server, SHELL);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((span.from, span.to), (Some(time("2021-01-10 08:00:00")), None));
    assert!(span.proven);
    // After the last sighting it may have been updated.
    check(&server, SHELL, "2021-05-01 00:00:00", Exposed::Open);
    check(&server, SHELL, "2021-08-20 00:00:00", Exposed::Unknown);
}

#[test]
fn a_cumulative_update_alone_never_means_patched() {
    let server = server(vec![seen("15.1.2176", "2021-01-10 08:00:00", "2021-06-30 00:00:00")]);
    check(&server, LOGON, "2021-03-01 23:59:59", Exposed::Open);
    check(&server, LOGON, "2021-03-02 00:00:00", Exposed::Unknown);
    check(&server, LOGON, "2021-06-30 00:00:00", Exposed::Unknown);
    check(&server, "CVE-2020-0688", "2021-03-01 00:00:00", Exposed::Closed);
    check(&server, "CVE-2022-41040", "2021-06-01 00:00:00", Exposed::Open);
    let spans = spans_of(&server, LOGON);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((span.to, span.to_not_before), (None, Some(time("2021-03-02 00:00:00"))));
    assert!(!span.proven);
    let unknown: Vec<_> = server.unknown_spans.iter().filter(|span| span.cve == LOGON).collect();
    assert_eq!(
        unknown.first().map(|span| (span.from, span.to)),
        Some((Some(time("2021-03-02 00:00:00")), None))
    );
}

#[test]
fn both_sources_together_say_more_than_each() {
    let server = server(vec![
        seen("15.1.2176", "2020-12-20 00:00:00", "2021-06-30 00:00:00"),
        seen("15.1.2176.9", "2021-03-09 06:00:00", "2021-03-10 00:00:00"),
    ]);
    check(&server, LOGON, "2021-03-05 00:00:00", Exposed::Unknown);
    check(&server, LOGON, "2021-06-01 00:00:00", Exposed::Closed);
    check(&server, SHELL, "2021-06-01 00:00:00", Exposed::Unknown);
}

#[test]
fn the_march_update_of_an_old_line_leaves_older_flaws_unknown() {
    let server = server(vec![seen("15.1.1847.12", "2021-03-10 00:00:00", "2021-04-01 00:00:00")]);
    check(&server, LOGON, "2021-03-20 00:00:00", Exposed::Closed);
    check(&server, "CVE-2020-0688", "2021-03-20 00:00:00", Exposed::Unknown);
    check(&server, SHELL, "2021-03-20 00:00:00", Exposed::Open);
    assert!(server.unknown_spans.iter().any(|span| span.cve == "CVE-2020-0688" && span.to.is_none()));
}

#[test]
fn any_of_a_chain_is_enough() {
    let server = updated();
    let state = any_state(&server, &[LOGON, SHELL], time("2021-04-01 00:00:00"));
    assert_eq!(state.exposed, Exposed::Open);
    assert_eq!(any_state(&server, &[], time("2021-04-01 00:00:00")).exposed, Exposed::Unknown);
    assert_eq!(super::state(&server, "CVE-1999-0001", time("2021-04-01 00:00:00")).exposed, Exposed::Unknown);
}

fn day(build: &str, source: Source, first: &str, last: &str, count: u64) -> Day {
    let version = Version::parse(build).expect("a build");
    let (first, last) = (At::of(time(first)), At::of(time(last)));
    Day { version, source, number: first.time.day(), first, last, count }
}

#[track_caller]
fn entries(days: &[Day], expected: &[(&str, &str, &str, bool)]) {
    let mut days: Vec<&Day> = days.iter().collect();
    days.sort_by_key(|day| day.first);
    let found: Vec<String> = timeline::entries(&days)
        .iter()
        .map(|one| format!("{} {} {} {}", one.version, one.first.time, one.last.time, one.older))
        .collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|(build, first, last, older)| format!("{build} {} {} {older}", time(first), time(last)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_straggler_after_an_update_takes_nothing_back() {
    let old = |first, last| day("15.1.2176.2", Source::HttpProxy, first, last, 9);
    let new = |first, last| day("15.1.2176.9", Source::HttpProxy, first, last, 9);
    entries(
        &[
            old("2021-03-08 00:00:00", "2021-03-08 23:00:00"),
            new("2021-03-09 04:00:00", "2021-03-09 23:00:00"),
            old("2021-03-09 00:00:00", "2021-03-09 07:00:00"),
            old("2021-03-10 00:00:00", "2021-03-10 01:00:00"),
            new("2021-03-10 00:00:00", "2021-03-10 23:00:00"),
        ],
        &[
            ("15.1.2176.2", "2021-03-08 00:00:00", "2021-03-09 04:00:00", false),
            ("15.1.2176.9", "2021-03-09 04:00:00", "2021-03-10 23:00:00", false),
        ],
    );
}

#[test]
fn an_update_taken_back_is_a_new_beginning() {
    let at = |build, first, last| day(build, Source::HttpProxy, first, last, 9);
    entries(
        &[
            at("15.1.2176.9", "2021-03-09 04:00:00", "2021-03-09 23:00:00"),
            at("15.1.2176.2", "2021-03-20 04:00:00", "2021-03-20 23:00:00"),
        ],
        &[
            ("15.1.2176.9", "2021-03-09 04:00:00", "2021-03-09 23:00:00", false),
            ("15.1.2176.2", "2021-03-20 04:00:00", "2021-03-20 23:00:00", true),
        ],
    );
}

#[test]
fn paths_of_strangers_and_of_old_pages_do_not_count() {
    let path = |build, first, last, count| day(build, Source::Path, first, last, count);
    entries(
        &[
            path("15.1.2106", "2020-12-20 00:00:00", "2020-12-20 23:00:00", 50),
            path("15.1.2507", "2020-12-20 05:00:00", "2020-12-20 05:00:00", 1),
            path("15.1.2176", "2021-01-05 00:00:00", "2021-01-05 23:00:00", 50),
            path("15.1.2106", "2021-01-05 01:00:00", "2021-01-05 22:00:00", 40),
            path("15.1.2106", "2021-02-05 01:00:00", "2021-02-05 22:00:00", 40),
        ],
        &[
            ("15.1.2106", "2020-12-20 00:00:00", "2020-12-20 23:00:00", false),
            ("15.1.2176", "2021-01-05 00:00:00", "2021-01-05 23:00:00", false),
        ],
    );
}

#[test]
fn a_component_that_names_only_the_cumulative_update_may_be_blind() {
    let days = [day("15.1.2176.2", Source::HttpProxy, "2021-04-01 00:00:00", "2021-04-01 23:00:00", 9)];
    let days: Vec<&Day> = days.iter().collect();
    let entries = timeline::entries(&days);
    assert!(entries.iter().all(|entry| entry.perhaps_updated));
    let mut build = seen("15.1.2176.2", "2021-02-01 00:00:00", "2021-04-01 23:00:00");
    build.perhaps_updated = true;
    let server = server(vec![build]);
    assert!(state(&server, LOGON, time("2021-03-01 00:00:00")).certain);
    let after = state(&server, LOGON, time("2021-04-01 00:00:00"));
    assert_eq!((after.exposed, after.certain), (Exposed::Open, false));
}
