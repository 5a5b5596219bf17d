//! Aliases, correlations of correlations, and what a hit tells a person.

use piste_hunt::correlate::{Correlator, correlation_detection};
use piste_model::EvidenceId;

use super::support::{check, correlations, rows, run, sweep, yaml};

const ALIASES: &str = "type: temporal; rules: [a, b]; group-by: [internal, remote]; timespan: 10s; aliases: {internal: {a: dst, b: src}, remote: {a: src, b: dst}}";

#[test]
fn aliases_name_other_fields_of_other_rules() {
    check(ALIASES, "0 a dst=1 src=2; 5 b src=1 dst=2", &["T[1,2] at 5 of 0..5 x2 =2"]);
    check(ALIASES, "0 a dst=1 src=2; 5 b src=2 dst=1", &[]);
    check(ALIASES, "0 a internal=1 remote=2; 5 b internal=1 remote=2", &[]);
}

const FAILED_THEN_IN: &str = "title: Outer\ncorrelation:\n    type: temporal_ordered\n    rules: [many_failed, b]\n    group-by: [User]\n    timespan: 10s\n---\ntitle: Inner\nname: many_failed\ncorrelation:\n    type: event_count\n    rules: [a]\n    group-by: [GROUP]\n    timespan: 10s\n    condition: {gte: 3}\n";

#[track_caller]
fn nest(group: &str, events: &str, expected: &[&str]) {
    assert_eq!(run(&FAILED_THEN_IN.replace("GROUP", group), events).0, expected, "{group} {events}");
}

#[test]
fn failed_logons_then_one_that_succeeds() {
    let failed = "0 a User=u Ip=1; 1 a User=u Ip=1; 2 a User=u Ip=1";
    nest("User", &format!("{failed}; 9 b User=u"), &["Outer[u] at 9 of 2..9 x2 =2"]);
    // The field that the outer one groups by is not one of the inner one's.
    nest("Ip", &format!("{failed}; 12 b User=u"), &["Outer[u] at 12 of 2..12 x2 =2"]);
    nest("User", &format!("{failed}; 9 b User=v"), &[]);
    nest("User", "0 a User=u; 1 a User=u; 2 b User=u; 3 a User=u", &[]);
    nest("User", &format!("{failed}; 12.1 b User=u"), &[]);
    // What follows the last failure is near, long after the condition first held.
    let long: Vec<String> = (0..30).map(|second| format!("{second} a User=u")).collect();
    nest("User", &format!("{}; 35 b User=u", long.join("; ")), &["Outer[u] at 35 of 25..35 x6 =2"]);
}

#[test]
fn a_count_of_hits_counts_hits() {
    let text = "title: Outer\ncorrelation:\n    type: value_count\n    rules: [spray]\n    timespan: 1h\n    condition: {field: Ip, gte: 2}\n---\ntitle: Inner\nname: spray\ncorrelation:\n    type: event_count\n    rules: [a]\n    group-by: [Ip]\n    timespan: 10s\n    condition: {gte: 2}\n";
    let events = "0 a Ip=1; 1 a Ip=1; 2 a Ip=1; 100 a Ip=1; 101 a Ip=1; 200 a Ip=2; 201 a Ip=2; 202 a Ip=2";
    assert_eq!(run(text, events).0, ["Outer[] at 201 of 1..201 x3 =2"]);
    let counted = text.replace("value_count", "event_count").replace("field: Ip, gte: 2", "gte: 3");
    assert_eq!(run(&counted, events).0, ["Outer[] at 201 of 1..201 x3 =3"]);
    // With `generate` the inner hits are shown too.
    let generated = text.replace("title: Outer\n", "title: Outer\ngenerate: true\n");
    assert_eq!(
        run(&generated, events).0,
        [
            "Inner[1] at 1 of 0..2 x3 =3",
            "Inner[1] at 101 of 100..101 x2 =2",
            "Inner[2] at 201 of 200..202 x3 =3",
            "Outer[] at 201 of 1..201 x3 =2",
        ]
    );
}

#[test]
fn a_field_is_carried_through_two_levels() {
    let text = "title: Top\ncorrelation:\n    type: temporal\n    rules: [middle, c]\n    group-by: [User]\n    timespan: 1h\n---\ntitle: Middle\nname: middle\ncorrelation:\n    type: temporal\n    rules: [low, b]\n    group-by: [Ip]\n    timespan: 1m\n---\ntitle: Low\nname: low\ncorrelation:\n    type: event_count\n    rules: [a]\n    group-by: [Ip]\n    timespan: 1m\n    condition: {gte: 2}\n";
    let events = "0 b Ip=1 User=x; 1 a Ip=1 User=u; 2 a Ip=1 User=u; 99 c User=u";
    assert_eq!(run(text, events).0, ["Top[u] at 99 of 2..99 x2 =2"]);
    let (hits, skipped) = run(text, "0 b Ip=1; 1 a Ip=1; 2 a Ip=1; 99 c User=u");
    assert_eq!((hits.len(), skipped.without_group), (0, 1), "a hit without the field is in no group");
}

#[test]
fn a_hit_becomes_a_detection_at_the_row_where_it_held() {
    let text = "id: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: high\nstatus: test\ntags: [attack.t1110]\n"
        .to_owned()
        + &yaml(
            "type: event_count; rules: [a]; group-by: [who, IpAddress]; timespan: 10s; condition: {gte: 3}; aliases: {who: {a: TargetUserName}}",
        );
    let correlations = correlations(&text);
    let events = "0 a TargetUserName=bob IpAddress=192.0.2.7 host=MX01; 1 a TargetUserName=bob IpAddress=192.0.2.7 host=MX02; 2 a TargetUserName=bob IpAddress=192.0.2.7 host=MX01; 3 a TargetUserName=bob IpAddress=192.0.2.7 host=MX03";
    let (hits, _) = sweep(&Correlator::new(&correlations), &[rows(events)]);
    let records: Vec<i64> = hits[0].rows.iter().map(|place| place.record).collect();
    assert_eq!(records, [0, 1, 2, 3]);
    let found = correlation_detection(&correlations[0], &hits[0], &|id: EvidenceId| format!("{id}.evtx"));
    assert_eq!((found.host.as_str(), found.record, found.offset), ("MX01", 2, 200));
    assert_eq!(
        (found.path.as_str(), found.event_code, found.attack.as_slice()),
        ("E-1.evtx", Some(4625), ["T1110".to_owned()].as_slice())
    );
    assert_eq!(found.record_hash, "02000000000000000000000000000000");
    assert_eq!(
        (found.actor.as_deref(), found.entities.address.as_slice()),
        (Some("bob"), ["192.0.2.7".to_owned()].as_slice())
    );
    let details: Vec<String> = found.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        details,
        [
            "Correlation=event_count",
            "Count=4",
            "First=1970-01-01T00:00:00Z",
            "IpAddress=192.0.2.7",
            "Last=1970-01-01T00:00:03Z",
            "Value=4",
            "who=bob"
        ]
    );
}

#[test]
fn a_hit_names_at_most_a_hundred_rows_and_the_one_at_which_it_held() {
    let events: Vec<String> = (0..300).map(|second| format!("{second} a")).collect();
    let correlations =
        correlations(&yaml("type: event_count; rules: [a]; timespan: 1h; condition: {gte: 200}"));
    let (hits, _) = sweep(&Correlator::new(&correlations), &[rows(&events.join(";"))]);
    let records: Vec<i64> = hits[0].rows.iter().map(|place| place.record).collect();
    assert_eq!((records.len(), records[0], records[99], hits[0].count), (100, 0, 199, 300));
}

#[test]
fn more_moments_than_are_held_are_spilled() {
    let text = "title: Outer\ncorrelation:\n    type: temporal\n    rules: [any_a, b]\n    timespan: 10d\n---\ntitle: Inner\nname: any_a\ncorrelation:\n    type: event_count\n    rules: [a]\n    timespan: 1s\n    condition: {gte: 1}\n";
    let mut events: Vec<String> = (1..=60_000).map(|second| format!("{second} a")).collect();
    events.push("0 b".to_owned());
    assert_eq!(run(text, &events.join(";")).0, ["Outer[] at 1 of 0..60000 x60001 =2"]);
}
