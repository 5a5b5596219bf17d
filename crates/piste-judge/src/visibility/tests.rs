//! Spans from days and ids.

use std::fmt::Write;

use piste_model::coverage::Covered;

use super::record_ids::RecordIds;
use super::*;

const DAY: i64 = NANOS_A_DAY;

fn coverage(days: &[i64]) -> Coverage {
    let at = |day: i64, nanos: i64| Instant { nanos: day * DAY + nanos, digits: 0 };
    let (first, last) = (days.first().expect("a day"), days.last().expect("a day"));
    Coverage {
        host: "MX01".to_owned(),
        dataset: "iis.access".to_owned(),
        covered: Covered { first: at(*first, 1), last: at(*last, 2), days: days.iter().copied().collect() },
    }
}

fn shown(spans: &[Visibility]) -> String {
    let mut text = String::new();
    for span in spans {
        let _ =
            writeln!(text, "{} | {} | {}", span.kind.as_str(), span.span_in_words(), span.because.in_words());
    }
    text
}

#[test]
fn days_without_rows_are_gaps_of_a_text_log() {
    let mut spans = Vec::new();
    by_days(&coverage(&[18_000, 18_001, 18_247]), &mut spans);
    insta::assert_snapshot!(shown(&spans));
}

#[test]
fn a_log_of_windows_has_gaps_where_ids_are_missing_and_not_where_days_are_quiet() {
    let mut ids = RecordIds::default();
    for (id, day) in [(5, 18_000), (6, 18_100), (7, 18_101), (10, 18_200)] {
        ids.add(id, Instant { nanos: day * DAY, digits: 0 });
    }
    let mut spans = Vec::new();
    by_record_ids(&coverage(&[18_000, 18_100, 18_101, 18_200]), &ids, false, &mut spans);
    insta::assert_snapshot!(shown(&spans));
}

#[test]
fn a_log_that_every_windows_host_writes_and_that_is_not_here_is_named() {
    let system = Coverage { dataset: "windows.system".to_owned(), ..coverage(&[18_000]) };
    let lacking = not_collected(&[system]);
    let names: Vec<&str> = lacking.iter().map(|span| span.dataset.as_str()).collect();
    assert_eq!(
        names,
        ["windows.security", "windows.powershell", "windows.terminalservices-localsessionmanager"]
    );
}

#[test]
fn holes_without_end_are_told_as_so_many_at_most() {
    let days: Vec<i64> = (0..5_000).map(|day| day * 2).collect();
    let mut spans = Vec::new();
    by_days(&coverage(&days), &mut spans);
    assert_eq!(spans.len(), 2 * SPANS_MAX + 1);
}
