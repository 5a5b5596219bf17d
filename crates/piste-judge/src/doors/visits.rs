//! How a page was asked for: how often, with what, how much came back, and in which rhythm.
//!
//! In: requests for one page. Out: figures that tell a tool from a person and a visit from a routine. Bounded for
//! each page; what does not depend on the bound is counted over all requests.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::ReasonKind;

use super::agents::shown;
use super::words::quoted;

const DAY: i64 = 86_400_000_000_000;
const SECOND: i64 = 1_000_000_000;
/// Requests further apart are two visits.
const VISIT: i64 = 1_800 * SECOND;
/// Times kept, the earliest.
const TIMES_MAX: usize = 5_000;
/// Agents and days kept.
const AGENTS_MAX: usize = 30;
const DAYS_MAX: usize = 2_000;
/// Agents that a sentence names.
const AGENTS_TOLD: usize = 4;

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) nanos: Option<i64>,
    pub(crate) method: &'a str,
    pub(crate) agent: &'a str,
    /// Bytes of the answer and of the request, where the log has them.
    pub(crate) sent: Option<u64>,
    pub(crate) received: Option<u64>,
}

/// Least and most.
type Span = (u64, u64);

/// The requests for one page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visits {
    count: u64,
    methods: BTreeMap<String, u64>,
    agents: BTreeMap<String, u64>,
    sent: Option<Span>,
    received: Option<Span>,
    times: BTreeSet<i64>,
    /// Those of IIS among them.
    of_iis: BTreeSet<i64>,
    days: BTreeSet<i64>,
    hours: [u64; 24],
}

impl Visits {
    /// Whether IIS has a request at this time, or too many to tell. Its times are whole seconds, and it writes when it has
    /// answered; the front end when it was asked.
    pub(crate) fn has_of_iis(&self, nanos: Option<i64>) -> bool {
        let near = |nanos: i64| {
            let within = nanos.saturating_sub(2 * SECOND)..=nanos.saturating_add(5 * SECOND);
            self.of_iis.range(within).next().is_some()
        };
        self.of_iis.len() >= TIMES_MAX || nanos.is_none_or(near)
    }

    pub(crate) fn add(&mut self, visit: Visit<'_>, front_end: bool) {
        self.count += 1;
        let method = quoted(visit.method);
        if self.methods.len() < AGENTS_MAX || self.methods.contains_key(&method) {
            *self.methods.entry(method).or_default() += 1;
        }
        *self.agents.entry(shown(visit.agent)).or_default() += 1;
        if self.agents.len() > AGENTS_MAX {
            self.agents.pop_last();
        }
        self.sent = widened(self.sent, visit.sent);
        self.received = widened(self.received, visit.received);
        let Some(nanos) = visit.nanos else { return };
        for times in std::iter::once(&mut self.times).chain((!front_end).then_some(&mut self.of_iis)) {
            times.insert(nanos);
            if times.len() > TIMES_MAX {
                times.pop_last();
            }
        }
        self.days.insert(nanos.div_euclid(DAY));
        if self.days.len() > DAYS_MAX {
            self.days.pop_last();
        }
        let hour = usize::try_from(nanos.rem_euclid(DAY) / (3_600 * SECOND)).unwrap_or_default();
        if let Some(count) = self.hours.get_mut(hour) {
            *count += 1;
        }
    }

    /// What they say together: two to four reasons.
    pub(crate) fn reasons(&self) -> Vec<ReasonKind> {
        if self.count < 2 {
            return Vec::new();
        }
        let methods: Vec<String> =
            self.methods.iter().map(|(method, count)| format!("{count} {method}")).collect();
        let (methods, days) = (methods.join(", "), self.days.len() as u64);
        let mut said = vec![ReasonKind::PageRequests { count: self.count, methods, days }];
        said.extend(self.sizes());
        said.extend(self.programs());
        said.extend(self.rhythm());
        said
    }

    fn sizes(&self) -> Option<ReasonKind> {
        let (sent, received) = (self.sent, self.received);
        (sent.is_some() || received.is_some()).then(|| ReasonKind::PageSizes {
            sent_least: sent.map(|(least, _)| least),
            sent_most: sent.map(|(_, most)| most),
            received_least: received.map(|(least, _)| least),
            received_most: received.map(|(_, most)| most),
        })
    }

    fn programs(&self) -> Option<ReasonKind> {
        let mut agents: Vec<(&String, &u64)> =
            self.agents.iter().filter(|(agent, _)| !matches!(agent.as_str(), "" | "-")).collect();
        agents.sort_by_key(|(agent, count)| (std::cmp::Reverse(**count), (*agent).clone()));
        let named: Vec<String> =
            agents.iter().take(AGENTS_TOLD).map(|(agent, count)| format!("`{agent}` ({count})")).collect();
        let more = agents.len().saturating_sub(named.len()) as u64;
        (!named.is_empty()).then(|| ReasonKind::PagePrograms { programs: named.join(", "), more })
    }

    /// Visits, the usual pause within them, and the hours.
    fn rhythm(&self) -> Option<ReasonKind> {
        let times: Vec<i64> = self.times.iter().copied().collect();
        let pauses: Vec<i64> =
            times.windows(2).filter_map(|pair| Some(pair.get(1)?.saturating_sub(*pair.first()?))).collect();
        let visits = pauses.iter().filter(|pause| **pause > VISIT).count() + 1;
        let mut within: Vec<i64> = pauses.into_iter().filter(|pause| *pause <= VISIT).collect();
        within.sort_unstable();
        let usual = within.get(within.len() / 2).map(|pause| pause / SECOND);
        let first = self.hours.iter().position(|count| *count > 0)?;
        let last = self.hours.iter().rposition(|count| *count > 0)?;
        Some(ReasonKind::PageRhythm {
            at_least: self.times.len() >= TIMES_MAX,
            visits: visits as u64,
            pause: usual,
            from_hour: first as u64,
            to_hour: last as u64,
        })
    }
}

fn widened(span: Option<Span>, value: Option<u64>) -> Option<Span> {
    match (span, value) {
        (Some((least, most)), Some(value)) => Some((least.min(value), most.max(value))),
        (None, Some(value)) => Some((value, value)),
        (span, None) => span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::Reason;
    use piste_words::Words;

    fn said(visits: &Visits) -> Vec<String> {
        let words = Words::english();
        visits.reasons().into_iter().map(|kind| words.sentence(&Reason::of(kind))).collect()
    }

    #[test]
    fn a_routine_is_told_in_numbers() {
        let mut visits = Visits::default();
        for day in 0..3 {
            for number in 0..4 {
                visits.add(
                    Visit {
                        nanos: Some(day * DAY + 19 * 3_600 * SECOND + number * 40 * SECOND),
                        method: "POST",
                        agent: "Mozilla/5.0",
                        sent: Some(500 + u64::try_from(number).expect("small")),
                        received: None,
                    },
                    false,
                );
            }
        }
        let at = |seconds: i64| Some(19 * 3_600 * SECOND + seconds * SECOND);
        assert!(visits.has_of_iis(at(41)) && !visits.has_of_iis(at(60)));
        assert_eq!(
            said(&visits),
            [
                "it was asked for 12 times (12 POST) on 3 days",
                "answers of 500 to 503 bytes",
                "it was asked for with `Mozilla/5.0` (12)",
                "its rhythm: 3 visits, mostly 40 s between requests, between 19:00 and 19:59 UTC",
            ]
        );
        assert_eq!(Visits::default().reasons(), []);
    }
}
