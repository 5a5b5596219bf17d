//! When a row happened: the source's own clock, corrected where it was measured to be off.
//!
//! In: the measured differences of `clocks.json` and the times that a row carries. Out: from when to when it happened. The event's own
//! time counts, never a collector's receive time; a source that writes local time as UTC is moved by whole quarters of an hour
//! where Sysmon's records of the same host show it. Sysmon's own time of connections (3) and queries (22) can be days off
//! while the record's header is right: those go by the header.

use std::collections::BTreeMap;

use piste_model::{Clock, Instant, schema};

use super::fact::Row;

/// Zones differ by whole quarters of an hour.
const QUARTER_MS: i64 = 15 * 60 * 1_000;
/// How far from a whole quarter a measured zone may be.
const SLACK_MS: i64 = 1_500;
/// How late a collector may receive what it stamps, while the zone can still be told.
const LAG_MS: i64 = 5 * 60 * 1_000;
/// Fewer pairs say nothing sure.
const SAMPLES_MIN: u64 = 20;
/// No clock is further off by its zone: half a day for the writing of hours, fourteen hours for the zone.
const ZONE_MS_MAX: i64 = 26 * 3_600 * 1_000;
const NANOS_A_MS: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;

/// Which text of a row its time was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    /// NXLog's `EventTime`, beside a receive time that the row was filed under.
    EventTime,
    /// The time that the row was filed under.
    Header,
}

/// What is to be added to a host's times.
#[derive(Debug, Default)]
pub(crate) struct Shifts {
    by_host: BTreeMap<(String, Written), i64>,
    /// Where hosts of one collector agree: what holds for one that was not measured.
    event_time: Option<i64>,
}

impl Shifts {
    /// Learns them from what was measured.
    pub(crate) fn of(clocks: &[Clock]) -> Self {
        const RECEIVED: &str = "EventTime minus @timestamp";
        let mut by_host = BTreeMap::new();
        for own in clocks.iter().filter(|clock| is_own(clock)) {
            let received = clocks
                .iter()
                .find(|one| one.between == RECEIVED && one.host == own.host && one.dataset == own.dataset);
            let (written, offset) = match received {
                Some(received) => (Written::EventTime, own.offset_ms.saturating_sub(received.offset_ms)),
                None => (Written::Header, own.offset_ms),
            };
            if let Some(shift) = whole_quarters(offset, SLACK_MS) {
                by_host.insert((own.host.to_lowercase(), written), shift.saturating_mul(NANOS_A_MS));
            }
        }
        for received in clocks.iter().filter(|clock| clock.between == RECEIVED) {
            // What is received lies after what happened: the zone is the difference without the delay.
            if let Some(shift) = whole_quarters(received.offset_ms.saturating_neg(), LAG_MS) {
                let key = (received.host.to_lowercase(), Written::EventTime);
                by_host.entry(key).or_insert(shift.saturating_mul(NANOS_A_MS));
            }
        }
        let of_event_time = by_host.iter().filter(|((_, written), _)| *written == Written::EventTime);
        let mut all: Vec<i64> = of_event_time.map(|(_, shift)| *shift).collect();
        all.dedup();
        let event_time = all.first().copied().filter(|_| all.len() == 1);
        Self { by_host, event_time }
    }

    /// From when to when a row happened, in nanoseconds; `None` where it has no time.
    pub(crate) fn when(&self, host: &str, dataset: &str, row: &Row<'_, '_>) -> Option<(i64, i64)> {
        let filed = row.time()?.nanos;
        if dataset == "windows.sysmon"
            && !matches!(row.code(), Some(3 | 22))
            && let Some(own) = Instant::parse(row.text("UtcTime"))
        {
            return Some((own.nanos, own.nanos));
        }
        let host = host.to_lowercase();
        if row.text(schema::TIME_BASIS) == "@timestamp"
            && let Some(written) = Instant::parse(row.text("EventTime"))
        {
            let shift = self.by_host.get(&(host.clone(), Written::EventTime)).copied().or(self.event_time);
            if let Some(from) = shift.and_then(|shift| written.nanos.checked_add(shift)) {
                // A second without a fraction is all of that second.
                let wide = if written.digits == 0 { SECOND - 1 } else { 0 };
                return Some((from, from.saturating_add(wide)));
            }
        }
        let shift = self.by_host.get(&(host, Written::Header)).copied().unwrap_or_default();
        let moved = filed.checked_add(shift)?;
        Some((moved, moved))
    }

    /// What a time that was read elsewhere becomes, for a host whose header's clock is off.
    pub(crate) fn of_header(&self, host: &str, time: Instant) -> Instant {
        let shift = self.by_host.get(&(host.to_lowercase(), Written::Header)).copied().unwrap_or_default();
        time.checked_add_nanos(shift).unwrap_or(time)
    }
}

fn is_own(clock: &Clock) -> bool {
    clock.between.starts_with("Sysmon UtcTime minus") && clock.samples >= SAMPLES_MIN
}

/// An offset as whole quarters of an hour, in milliseconds; `None` where it is none, or none that a zone explains.
fn whole_quarters(offset_ms: i64, slack_ms: i64) -> Option<i64> {
    let quarters = offset_ms.saturating_add(QUARTER_MS / 2).div_euclid(QUARTER_MS);
    let whole = quarters.checked_mul(QUARTER_MS)?;
    let sure = (offset_ms - whole).abs() <= slack_ms && whole.abs() <= ZONE_MS_MAX;
    sure.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(between: &str, offset_ms: i64, samples: u64) -> Clock {
        Clock {
            host: "WS1".to_owned(),
            dataset: "windows.sysmon".to_owned(),
            offset_ms,
            samples,
            between: between.to_owned(),
            spread_ms: 5,
            row: None,
        }
    }

    #[track_caller]
    fn check(clocks: &[Clock], expected: Option<(Written, i64)>) {
        let shifts = Shifts::of(clocks);
        let found =
            shifts.by_host.iter().next().map(|((_, written), shift)| (*written, shift / 3_600_000_000_000));
        assert_eq!(found, expected);
    }

    #[test]
    fn local_time_written_as_utc_is_moved_by_its_zone() {
        // A twelve-hour clock without its half: 7 hours and 12.
        check(
            &[clock("Sysmon UtcTime minus System.TimeCreated", 68_399_973, 9_000)],
            Some((Written::Header, 19)),
        );
        // Few pairs, or a difference that no zone explains.
        check(&[clock("Sysmon UtcTime minus System.TimeCreated", 68_399_973, 3)], None);
        check(&[clock("Sysmon UtcTime minus System.TimeCreated", 134_000, 900)], None);
    }

    #[test]
    fn what_a_collector_received_late_is_no_zone() {
        let received = clock("EventTime minus @timestamp", -14_511_077, 900);
        check(std::slice::from_ref(&received), Some((Written::EventTime, 4)));
        let own = clock("Sysmon UtcTime minus @timestamp", -110_542, 900);
        check(&[received, own], Some((Written::EventTime, 4)));
    }
}
