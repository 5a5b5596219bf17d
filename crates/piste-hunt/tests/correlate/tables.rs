//! For each type at least five cases in which it hits and five in which it does not.

use super::support::{check, run, yaml};

const COUNT: &str = "type: event_count; rules: [a]; group-by: [User]; timespan: 10s; condition: {gte: 3}";

#[test]
fn event_count_hits() {
    check(COUNT, "0 a User=bob; 4 a User=bob; 8 a User=bob", &["T[bob] at 8 of 0..8 x3 =3"]);
    // Exactly the timespan apart.
    check(COUNT, "0 a User=bob; 5 a User=bob; 10 a User=bob", &["T[bob] at 10 of 0..10 x3 =3"]);
    // A burst is one hit with its greatest count; what comes long after is another.
    check(
        COUNT,
        "0 a User=b; 1 a User=b; 2 a User=b; 3 a User=b; 12 a User=b; 50 a User=b; 51 a User=b; 52 a User=b",
        &["T[b] at 2 of 0..12 x5 =4", "T[b] at 52 of 50..52 x3 =3"],
    );
    // All events of one instant come before the window is looked at.
    check(COUNT, "7 a User=b; 7 a User=b; 7 a User=b; 7 a User=b", &["T[b] at 7 of 7..7 x4 =4"]);
    // Groups are apart, in the order of their texts.
    check(
        COUNT,
        "0 a User=eve; 1 a User=bob; 2 a User=eve; 3 a User=bob; 4 a User=eve; 5 a User=bob",
        &["T[bob] at 5 of 1..5 x3 =3", "T[eve] at 4 of 0..4 x3 =3"],
    );
    // Several rules add up; without group-by all events are one group.
    check(
        "type: event_count; rules: [a, b]; timespan: 10s; condition: {gt: 2}",
        "0 a User=bob; 1 b User=eve; 2 a",
        &["T[] at 2 of 0..2 x3 =3"],
    );
    // A range holds while the burst passes through it.
    check(
        "type: event_count; rules: [a]; timespan: 10s; condition: {gte: 2, lte: 3}",
        "0 a; 1 a; 2 a; 3 a; 4 a",
        &["T[] at 1 of 0..2 x3 =3"],
    );
    check(
        "type: event_count; rules: [a]; timespan: 10s; condition: {eq: 1}",
        "0 a",
        &["T[] at 0 of 0..0 x1 =1"],
    );
    // Windows that share no event are not one run.
    check(
        "type: event_count; rules: [a]; timespan: 10s; condition: {gte: 1}",
        "0 a; 10 a; 21 a",
        &["T[] at 0 of 0..10 x2 =2", "T[] at 21 of 21..21 x1 =1"],
    );
}

#[test]
fn event_count_does_not_hit() {
    check(COUNT, "0 a User=bob; 5 a User=bob", &[]);
    check(COUNT, "0 a User=bob; 5 a User=bob; 10.000000001 a User=bob", &[]);
    check(COUNT, "0 a User=bob; 1 a User=eve; 2 a User=joe", &[]);
    check(COUNT, "0 b User=bob; 1 b User=bob; 2 b User=bob", &[]);
    check(COUNT, "0 a; 1 a; 2 a", &[]);
    // Texts are compared as written.
    check(COUNT, "0 a User=bob; 1 a User=BOB; 2 a User=bob", &[]);
    // A row that two of the rules matched is one event.
    check("type: event_count; rules: [a, b]; timespan: 10s; condition: {gte: 3}", "0 ab; 1 ab", &[]);
    // That nothing happened cannot be seen.
    check("type: event_count; rules: [a]; timespan: 10s; condition: {lt: 1}", "0 a; 100 a", &[]);
}

const VALUES: &str =
    "type: value_count; rules: [a]; group-by: [Ip]; timespan: 10s; condition: {field: User, gte: 3}";

#[test]
fn value_count_hits() {
    check(VALUES, "0 a Ip=1 User=x; 1 a Ip=1 User=y; 2 a Ip=1 User=z", &["T[1] at 2 of 0..2 x3 =3"]);
    check(
        VALUES,
        "0 a Ip=1 User=x; 1 a Ip=1 User=x; 2 a Ip=1 User=y; 9 a Ip=1 User=z",
        &["T[1] at 9 of 0..9 x4 =3"],
    );
    check(VALUES, "0 a Ip=1 User=x; 5 a Ip=1 User=y; 10 a Ip=1 User=z", &["T[1] at 10 of 0..10 x3 =3"]);
    // A value that leaves and comes back.
    check(
        VALUES,
        "0 a Ip=1 User=x; 11 a Ip=1 User=y; 12 a Ip=1 User=z; 13 a Ip=1 User=x",
        &["T[1] at 13 of 11..13 x3 =3"],
    );
    check(
        "type: value_count; rules: [a]; timespan: 10s; condition: {field: [User, Host], gte: 3}",
        "0 a User=x Host=1; 1 a User=x Host=2; 2 a User=y Host=1",
        &["T[] at 2 of 0..2 x3 =3"],
    );
    // Values differ by case, and `-` is one.
    check(VALUES, "0 a Ip=1 User=x; 1 a Ip=1 User=X; 2 a Ip=1 User=-", &["T[1] at 2 of 0..2 x3 =3"]);
}

#[test]
fn value_count_does_not_hit() {
    check(VALUES, "0 a Ip=1 User=x; 1 a Ip=1 User=y; 2 a Ip=1 User=x; 3 a Ip=1 User=y", &[]);
    check(VALUES, "0 a Ip=1 User=x; 1 a Ip=2 User=y; 2 a Ip=3 User=z", &[]);
    check(VALUES, "0 a Ip=1 User=x; 5 a Ip=1 User=y; 11 a Ip=1 User=z", &[]);
    check(VALUES, "0 a Ip=1; 1 a Ip=1 User=y; 2 a Ip=1 User=z", &[]);
    check(VALUES, "0 a User=x; 1 a User=y; 2 a User=z", &[]);
    // A tuple is not its texts in a row.
    check(
        "type: value_count; rules: [a]; timespan: 10s; condition: {field: [User, Host], gte: 3}",
        "0 a User=x Host=yz; 1 a User=xy Host=z; 2 a User=x",
        &[],
    );
}

const NEAR: &str = "type: temporal; rules: [a, b, c]; group-by: [User]; timespan: 10s";

#[test]
fn temporal_hits() {
    check(NEAR, "0 c User=u; 1 a User=u; 2 b User=u", &["T[u] at 2 of 0..2 x3 =3"]);
    check(NEAR, "0 a User=u; 5 b User=u; 10 c User=u", &["T[u] at 10 of 0..10 x3 =3"]);
    check(NEAR, "3 a User=u; 3 b User=u; 3 c User=u", &["T[u] at 3 of 3..3 x3 =3"]);
    // One row may be what several rules look for.
    check(NEAR, "0 ab User=u; 1 c User=u", &["T[u] at 1 of 0..1 x2 =3"]);
    check(
        NEAR,
        "0 a User=u; 11 a User=u; 12 b User=u; 13 c User=u; 14 c User=u",
        &["T[u] at 13 of 11..14 x4 =3"],
    );
    check(
        "type: temporal; rules: [a, b, c]; timespan: 10s; condition: {gte: 2}",
        "0 a; 5 c",
        &["T[] at 5 of 0..5 x2 =2"],
    );
    check(
        "type: temporal; rules: [a, b, c]; timespan: 10s; condition: a and (b or c)",
        "0 c; 5 a",
        &["T[] at 5 of 0..5 x2 =2"],
    );
    check(
        "type: temporal; rules: [a, b]; timespan: 10s; condition: a and not b",
        "0 b; 5 a; 11 a",
        &["T[] at 11 of 5..11 x2 =1"],
    );
}

#[test]
fn temporal_does_not_hit() {
    check(NEAR, "0 a User=u; 1 b User=u", &[]);
    check(NEAR, "0 a User=u; 1 b User=u; 2 c User=v", &[]);
    check(NEAR, "0 a User=u; 5 b User=u; 10.5 c User=u", &[]);
    check(NEAR, "0 a User=u; 1 b User=u; 2 c", &[]);
    check(NEAR, "0 a User=u; 1 a User=u; 2 a User=u; 3 b User=u", &[]);
    check("type: temporal; rules: [a, b]; timespan: 10s; condition: a and not b", "0 b; 10 a", &[]);
    check("type: temporal; rules: [a, b, c]; timespan: 10s; condition: a and (b or c)", "0 b; 5 c", &[]);
}

const ORDER: &str = "type: temporal_ordered; rules: [a, b, c]; group-by: [User]; timespan: 10s";

#[test]
fn temporal_ordered_hits() {
    check(ORDER, "0 a User=u; 1 b User=u; 2 c User=u", &["T[u] at 2 of 0..2 x3 =3"]);
    check(ORDER, "0 a User=u; 5 b User=u; 10 c User=u", &["T[u] at 10 of 0..10 x3 =3"]);
    // Events of one instant may be in any order, whatever the order of the records.
    check(ORDER, "4 c User=u; 4 b User=u; 4 a User=u", &["T[u] at 4 of 4..4 x3 =3"]);
    check(ORDER, "0 b User=u; 1 a User=u; 2 c User=u; 3 b User=u; 4 c User=u", &["T[u] at 4 of 0..4 x5 =3"]);
    // A beginning that is too old does not hide a later one.
    check(
        ORDER,
        "0 a User=u; 1 b User=u; 9 a User=u; 12 b User=u; 13 c User=u",
        &["T[u] at 13 of 9..13 x3 =3"],
    );
    check(
        "type: temporal_ordered; rules: [a, b, c]; timespan: 10s; condition: (a or b) and c",
        "0 b; 1 c",
        &["T[] at 1 of 0..1 x2 =2"],
    );
    check(
        "type: temporal_ordered; rules: [a, b, c]; timespan: 10s; condition: a and c and not b",
        "0 b; 8 a; 11 c",
        &["T[] at 11 of 8..11 x2 =2"],
    );
}

#[test]
fn temporal_ordered_does_not_hit() {
    check(ORDER, "0 c User=u; 1 b User=u; 2 a User=u", &[]);
    check(ORDER, "0 a User=u; 1 c User=u; 2 b User=u", &[]);
    check(ORDER, "0 a User=u; 5 b User=u; 11 c User=u", &[]);
    check(ORDER, "0 a User=u; 1 b User=v; 2 c User=u", &[]);
    check(ORDER, "0 a User=u; 1 b User=u", &[]);
    check(ORDER, "0 b User=u; 1 a User=u; 11 b User=u; 11.5 c User=u", &[]);
    check(
        "type: temporal_ordered; rules: [a, b, c]; timespan: 10s; condition: (a or b) and c",
        "0 c; 1 b",
        &[],
    );
}

const SUM: &str =
    "type: value_sum; rules: [a]; group-by: [Ip]; timespan: 10s; condition: {field: N, gt: 100}";

#[test]
fn value_sum_hits() {
    check(SUM, "0 a Ip=1 N=60; 1 a Ip=1 N=60", &["T[1] at 1 of 0..1 x2 =120"]);
    check(SUM, "0 a Ip=1 N=0x64; 10 a Ip=1 N=0.5", &["T[1] at 10 of 0..10 x2 =100.5"]);
    check(SUM, "0 a Ip=1 N=101", &["T[1] at 0 of 0..0 x1 =101"]);
    check(
        SUM,
        "0 a Ip=1 N=200; 1 a Ip=1 N=-150; 2 a Ip=1 N=60",
        &["T[1] at 0 of 0..0 x1 =200", "T[1] at 2 of 0..2 x3 =110"],
    );
    // What left the window leaves nothing behind.
    check(
        "type: value_sum; rules: [a]; timespan: 10s; condition: {field: N, lte: 1}",
        "0 a N=1e300; 11 a N=1",
        &["T[] at 11 of 11..11 x1 =1"],
    );
    check(SUM, "0 a Ip=1 N=-; 1 a Ip=1 N=101", &["T[1] at 1 of 1..1 x1 =101"]);
}

#[test]
fn value_sum_does_not_hit() {
    check(SUM, "0 a Ip=1 N=50; 1 a Ip=1 N=50", &[]);
    check(SUM, "0 a Ip=1 N=60; 1 a Ip=2 N=60", &[]);
    check(SUM, "0 a Ip=1 N=60; 11 a Ip=1 N=60", &[]);
    check(SUM, "0 a Ip=1 N=many; 1 a Ip=1 N=100", &[]);
    check(SUM, "0 a Ip=1 N=inf; 1 a Ip=1", &[]);
    // A row that two rules matched is summed once.
    check("type: value_sum; rules: [a, b]; timespan: 10s; condition: {field: N, gt: 100}", "0 ab N=60", &[]);
}

const AVG: &str = "type: value_avg; rules: [a]; timespan: 10s; condition: {field: N, gte: 10}";

#[test]
fn value_avg_hits() {
    check(AVG, "0 a N=5; 1 a N=15", &["T[] at 1 of 0..1 x2 =10"]);
    check(AVG, "0 a N=10", &["T[] at 0 of 0..0 x1 =10"]);
    check(AVG, "0 a N=0; 11 a N=12; 12 a N=13", &["T[] at 11 of 11..12 x2 =12.5"]);
    check(AVG, "0 a N=1; 10 a N=19", &["T[] at 10 of 0..10 x2 =10"]);
    check(
        "type: value_avg; rules: [a]; timespan: 10s; condition: {field: N, lt: 1}",
        "0 a N=0.5; 1 a N=0.25",
        &["T[] at 0 of 0..1 x2 =0.5"],
    );
}

#[test]
fn value_avg_does_not_hit() {
    check(AVG, "0 a N=5; 1 a N=14", &[]);
    check(AVG, "0 a N=9.999", &[]);
    check(AVG, "0 a N=x; 1 a", &[]);
    check(AVG, "0 b N=50", &[]);
    check("type: value_avg; rules: [a]; timespan: 10s; condition: {field: N, eq: 0}", "0 a N=none", &[]);
}

const P90: &str =
    "type: value_percentile; rules: [a]; timespan: 10s; condition: {field: N, gte: 9, percentile: 90}";

#[test]
fn value_percentile_hits() {
    let ten = "0 a N=1; 0 a N=2; 0 a N=3; 0 a N=4; 0 a N=5; 0 a N=6; 0 a N=7; 0 a N=8; 0 a N=9; 0 a N=10";
    check(P90, ten, &["T[] at 0 of 0..0 x10 =9"]);
    check(P90, "0 a N=9", &["T[] at 0 of 0..0 x1 =9"]);
    check(P90, "0 a N=1; 1 a N=20", &["T[] at 1 of 0..1 x2 =20"]);
    check(P90, "0 a N=1; 11 a N=9", &["T[] at 11 of 11..11 x1 =9"]);
    check(
        "type: value_percentile; rules: [a]; timespan: 10s; condition: {field: N, lte: 1, percentile: 0}",
        "0 a N=5; 1 a N=1; 2 a N=7",
        &["T[] at 1 of 0..2 x3 =1"],
    );
    // Without a percentile it is the 50th, the lower of two in the middle.
    check(
        "type: value_percentile; rules: [a]; timespan: 10s; condition: {field: N, eq: 3}",
        "0 a N=4; 0 a N=3",
        &["T[] at 0 of 0..0 x2 =3"],
    );
}

#[test]
fn value_percentile_does_not_hit() {
    let eleven =
        "0 a N=1; 0 a N=2; 0 a N=3; 0 a N=4; 0 a N=5; 0 a N=6; 0 a N=7; 0 a N=8; 0 a N=8.5; 0 a N=10";
    check(P90, eleven, &[]);
    check(P90, "0 a N=8.9", &[]);
    check(P90, "0 a N=nine", &[]);
    check(P90, "0 b N=100", &[]);
    check(
        "type: value_percentile; rules: [a]; timespan: 10s; condition: {field: N, gt: 5, percentile: 0}",
        "0 a N=5; 1 a N=1; 2 a N=7",
        &[],
    );
}

const MEDIAN: &str = "type: value_median; rules: [a]; timespan: 10s; condition: {field: N, gt: 4}";

#[test]
fn value_median_hits() {
    check(MEDIAN, "0 a N=1; 0 a N=5; 0 a N=100", &["T[] at 0 of 0..0 x3 =5"]);
    check(MEDIAN, "0 a N=1; 0 a N=4; 0 a N=5; 0 a N=100", &["T[] at 0 of 0..0 x4 =4.5"]);
    check(MEDIAN, "0 a N=4.5", &["T[] at 0 of 0..0 x1 =4.5"]);
    check(MEDIAN, "0 a N=1; 1 a N=2; 11.5 a N=7", &["T[] at 11.5 of 11.5..11.5 x1 =7"]);
    check(MEDIAN, "0 a N=5; 1 a N=5; 2 a N=5; 3 a N=0", &["T[] at 0 of 0..3 x4 =5"]);
}

#[test]
fn value_median_does_not_hit() {
    check(MEDIAN, "0 a N=4", &[]);
    check(MEDIAN, "0 a N=1; 0 a N=7", &[]);
    check(MEDIAN, "0 a N=1; 0 a N=2; 0 a N=1000", &[]);
    check(MEDIAN, "0 a; 1 a N=-", &[]);
    check("type: value_median; rules: [a]; timespan: 10s; condition: {field: N, lte: 0}", "0 a N=x", &[]);
}

#[test]
fn the_computer_of_the_record_is_a_field() {
    for name in ["Computer", "ComputerName", "Hostname"] {
        let entries = format!(
            "type: event_count; rules: [a]; group-by: [{name}]; timespan: 10s; condition: {{gte: 2}}"
        );
        check(&entries, "0 a host=MX01; 1 a host=MX01; 2 a host=MX02", &["T[MX01] at 1 of 0..1 x2 =2"]);
    }
}

#[test]
fn what_cannot_contribute_is_counted() {
    let (hits, skipped) = run(&yaml(SUM), "? a Ip=1 N=900; 0 a N=900; 0 a Ip=1 N=x; 0 a Ip=1");
    assert_eq!(hits, [""; 0]);
    assert_eq!((skipped.without_time, skipped.without_group, skipped.without_value), (1, 1, 2));
}
