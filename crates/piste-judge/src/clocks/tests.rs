//! Medians, and who is corrected.

use piste_model::{Clock, Instant};

use super::corrected;
use super::tally::Tally;

#[test]
fn the_median_withstands_outliers() {
    let mut tally = Tally::default();
    assert_eq!(tally.median_and_spread(), None);
    for difference in [17_999_990, 18_000_000, 18_000_010, 18_000_020, -5, i64::MIN] {
        tally.add(difference);
    }
    assert_eq!(tally.median_and_spread(), Some((17_999_990, 20)));
    assert_eq!(tally.count(), 6);
}

#[test]
fn only_a_measured_difference_corrects() {
    let clock = |dataset: &str, offset_ms| Clock {
        host: "MX01".to_owned(),
        dataset: dataset.to_owned(),
        offset_ms,
        samples: 10,
        between: "Sysmon UtcTime minus System.TimeCreated".to_owned(),
        spread_ms: 3,
        row: None,
    };
    let clocks = [clock("windows.sysmon", 18_000_000), clock("windows.other", 40)];
    let time = Instant::parse("2021-03-14T01:40:12.987Z").expect("a time");
    let shown = |dataset| corrected(&clocks, "mx01", dataset, time).map(|time| time.to_string());
    assert_eq!(shown("windows.sysmon").as_deref(), Some("2021-03-14T06:40:12.987Z"));
    assert_eq!(shown("windows.other"), None);
    assert_eq!(shown("windows.security"), None);
}
