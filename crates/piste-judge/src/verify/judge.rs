//! The verdict on one item.
//!
//! In: what speaks of it afterwards, what would show it, the moment of the eviction. Out: gone, still there, back or not visible. What is
//! listed or done is put in the order of time; the last word decides, and an absence counts only where something would have shown it.

use std::collections::BTreeSet;

use piste_model::Instant;
use piste_model::removal::{
    Measure, RemovalItem, TraceKind, VerifiedTrace, VerifyReason, VerifyResult, VerifyRow, VisibleSpan,
};

use super::scan::{Scanned, Seen, is_same_host};
use super::shown_by::{Lamp, hours, is_local, light, log_spans, to_collect};
use super::trace::Act;

/// What still happens within this time after the eviction is its tail: programs run until they are stopped, rules until they are removed.
const TAIL_NANOS: i64 = 24 * 3_600 * 1_000_000_000;
/// So long must a log be silent, at least and at most.
const SILENT_HOURS: (u64, u64) = (24, 30 * 24);
/// Rows that a result lists.
const ROWS_MAX: usize = 10;

/// When the intruder was thrown out, and by what he is known.
pub(super) struct Moment<'a> {
    /// What came before it was expected.
    pub(super) cutoff: Option<Instant>,
    /// His addresses.
    pub(super) addresses: &'a BTreeSet<String>,
}

/// A word on an item, at a time.
#[derive(Debug, Clone)]
struct Word {
    time: Instant,
    present: bool,
    reason: VerifyReason,
    row: Option<VerifyRow>,
    collection: String,
    span: Option<VisibleSpan>,
}

/// Judges one item over all collections.
pub(super) fn judge(
    item: &RemovalItem,
    at: usize,
    collections: &[Scanned<'_>],
    moment: &Moment<'_>,
) -> VerifiedTrace {
    let mut words = Vec::new();
    let mut lacks = Vec::new();
    for scanned in collections {
        let seen: Vec<&Seen> = scanned
            .seen
            .get(&at)
            .into_iter()
            .flatten()
            .filter(|seen| counts(item, seen, scanned, moment))
            .collect();
        match item.kind {
            TraceKind::Connection => by_logs(item, &seen, scanned, moment, &mut words, &mut lacks),
            TraceKind::Account if item.measure == Measure::Reset => {
                by_secret(item, &seen, scanned, moment, &mut words, &mut lacks);
            }
            _ => by_lists(item, &seen, scanned, moment, &mut words, &mut lacks),
        }
    }
    if collections.is_empty() {
        lacks.push(VerifyReason::HostNotCollected);
    }
    words.sort_by_key(|word| (word.time, word.present));
    decide(item, &words, lacks, moment)
}

/// Whether a row speaks of now: not of a backup, not of before the eviction, and of a logon only where it is the intruder's.
fn counts(item: &RemovalItem, seen: &Seen, scanned: &Scanned<'_>, moment: &Moment<'_>) -> bool {
    let is_backup = scanned.files.get(&seen.file).is_some_and(|file| file.is_backup);
    let after = seen.time.zip(moment.cutoff).is_some_and(|(time, cutoff)| time > cutoff);
    let of_secret = item.measure == Measure::Reset && seen.act == Act::SecretSet;
    let of_him =
        item.measure != Measure::Reset || seen.act != Act::Used || moment.addresses.contains(&seen.from);
    // An account of a computer is not that of its domain of the same name.
    let there = item.kind != TraceKind::Account || !is_local(item) || {
        scanned
            .files
            .get(&seen.file)
            .is_none_or(|file| file.host.is_empty() || is_same_host(&file.host, &item.host))
    };
    !is_backup && (after || of_secret) && of_him && there
}

fn word(time: Instant, present: bool, reason: VerifyReason, seen: &Seen) -> Word {
    let mut row = seen.row.clone();
    row.time = Some(time);
    Word { time, present, reason, collection: row.collection.clone(), row: Some(row), span: None }
}

/// What lists and events say.
fn by_lists(
    item: &RemovalItem,
    seen: &[&Seen],
    scanned: &Scanned<'_>,
    moment: &Moment<'_>,
    words: &mut Vec<Word>,
    lacks: &mut Vec<VerifyReason>,
) {
    let mut light = light(item, scanned, moment.cutoff);
    for one in seen {
        let Some(time) = one.time else { continue };
        match one.act {
            Act::Listed { made, disabled } => {
                let made_later = made.zip(moment.cutoff).is_some_and(|(made, cutoff)| made > cutoff)
                    && one.under.is_none();
                let artefact = one.row.dataset.clone();
                let under = one.under.clone().unwrap_or_default();
                let reason = VerifyReason::Listed { artefact, under, disabled };
                if let Some(made) = made.filter(|_| made_later) {
                    words.push(word(made, true, VerifyReason::MadeAfterEviction, one));
                }
                words.push(word(time, true, reason, one));
                // The file that lists it does not lack it.
                light.lamps.retain(|lamp| lamp.path != one.row.row.path);
            }
            Act::Made if one.under.is_none() => {
                words.push(word(time, true, VerifyReason::MadeAfterEviction, one));
            }
            Act::Used if one.under.is_none() => {
                words.push(word(time, true, VerifyReason::UsedAfterEviction, one));
            }
            _ => {}
        }
    }
    for lamp in light.lamps {
        words.push(absent(&lamp, scanned));
    }
    removed(item, seen, scanned, moment, words);
    lacks.extend(light.lacks);
}

fn absent(lamp: &Lamp, scanned: &Scanned<'_>) -> Word {
    Word {
        time: lamp.as_of,
        present: false,
        reason: VerifyReason::ListLacksIt { artefact: lamp.artefact.clone(), path: lamp.path.clone() },
        row: lamp.row.clone(),
        collection: scanned.of.name.to_owned(),
        span: Some(VisibleSpan { from: lamp.as_of, to: lamp.as_of }),
    }
}

/// An event says that it was removed, and the log in which it was seen before goes on without its being made again. Of files and pages
/// no log says all that is written, and what was removed from one place may be put back by hand.
fn removed(
    item: &RemovalItem,
    seen: &[&Seen],
    scanned: &Scanned<'_>,
    moment: &Moment<'_>,
    words: &mut Vec<Word>,
) {
    let Some(cutoff) = moment.cutoff else { return };
    if matches!(
        item.kind,
        TraceKind::File | TraceKind::Page | TraceKind::Module | TraceKind::RunValue | TraceKind::Certificate
    ) {
        return;
    }
    let gone = seen.iter().filter(|one| one.act == Act::Removed && one.under.is_none());
    let Some((time, one)) = gone.filter_map(|one| Some((one.time?, *one))).max_by_key(|(time, _)| *time)
    else {
        return;
    };
    let again = |other: &&&Seen| {
        matches!(other.act, Act::Made | Act::Listed { .. }) && other.time.is_some_and(|later| later > time)
    };
    if let Some(made) = seen.iter().find(again).and_then(|other| other.time) {
        // Between the two it was away, and the removal itself is the row that shows it.
        let reason = VerifyReason::WasAway { collection: scanned.of.name.to_owned() };
        let span = Some(VisibleSpan { from: time, to: made });
        words.push(Word { span, ..word(time, false, reason, one) });
        return;
    }
    let spans = log_spans(item, scanned, cutoff);
    // The log goes on from the removal to its own end: whoever made it again in that time would show.
    let on = spans.iter().filter(|span| span.from <= time && time < span.to).max_by_key(|span| span.to);
    if let Some(on) = on {
        let reason = VerifyReason::RemovedAndNotMadeAgain { dataset: on.dataset.clone() };
        let span = Some(VisibleSpan { from: time, to: on.to });
        words.push(Word { span, ..word(time, false, reason, one) });
    }
}

/// A secret: what counts is when it was set last, and whether the intruder still gets in.
fn by_secret(
    item: &RemovalItem,
    seen: &[&Seen],
    scanned: &Scanned<'_>,
    moment: &Moment<'_>,
    words: &mut Vec<Word>,
    lacks: &mut Vec<VerifyReason>,
) {
    let Some(cutoff) = moment.cutoff else { return };
    let sets = seen.iter().filter(|one| one.act == Act::SecretSet).filter_map(|one| Some((one.time?, *one)));
    let last = sets.max_by_key(|(time, _)| *time);
    match last {
        Some((time, one)) if time > cutoff => {
            let span = Some(VisibleSpan { from: time, to: time });
            words.push(Word { span, ..word(time, false, VerifyReason::SecretChanged, one) });
        }
        // Only a list that is itself of after the eviction says that nobody has set it since.
        Some((_, one)) => {
            match scanned.files.get(&one.file).and_then(|file| file.as_of).filter(|as_of| *as_of > cutoff) {
                Some(as_of) if one.row.dataset != "windows.security" => {
                    words.push(word(as_of, true, VerifyReason::SecretUnchanged, one));
                }
                _ => lacks.extend(light(item, scanned, moment.cutoff).lacks),
            }
        }
        None => lacks.extend(light(item, scanned, moment.cutoff).lacks),
    }
    if last.is_none() && lacks.is_empty() {
        lacks.push(VerifyReason::ArtefactLacks { artefact: super::shown_by::artefact(item, is_local(item)) });
    }
    for one in seen.iter().filter(|one| one.act == Act::Used) {
        if let Some(time) = one.time {
            words.push(word(time, true, VerifyReason::UsedAfterEviction, one));
        }
    }
}

/// Connections: every log that had them before must go on without them, for longer than they ever paused.
fn by_logs(
    item: &RemovalItem,
    seen: &[&Seen],
    scanned: &Scanned<'_>,
    moment: &Moment<'_>,
    words: &mut Vec<Word>,
    lacks: &mut Vec<VerifyReason>,
) {
    let Some(cutoff) = moment.cutoff else {
        lacks.push(VerifyReason::ArtefactLacks { artefact: super::shown_by::artefact(item, false) });
        return;
    };
    let mut times: Vec<(Instant, &Seen)> = seen.iter().filter_map(|one| Some((one.time?, *one))).collect();
    times.sort_by_key(|(time, _)| *time);
    let spans = log_spans(item, scanned, cutoff);
    let first = times.first().map(|(time, _)| *time);
    for (time, one) in times.iter().take(1).chain(times.iter().skip(1).next_back()) {
        words.push(word(*time, true, VerifyReason::UsedAfterEviction, one));
    }
    // A day of silence that a log proves, before the first word: it had stopped.
    if let Some(first) = first
        && first.nanos.saturating_sub(cutoff.nanos) > TAIL_NANOS
        && let Some(span) = spans
            .iter()
            .find(|span| span.from < first && hours(span.from, first.min(span.to)) >= SILENT_HOURS.0)
    {
        words.push(silence(&span.dataset, span.from, first.min(span.to), scanned));
    }
    let last = times.last().map_or(cutoff, |(time, _)| *time);
    let needed = (item.longest_pause / 3_600).clamp(SILENT_HOURS.0, SILENT_HOURS.1);
    let logs: BTreeSet<&String> = item.seen_in.iter().filter(|dataset| holds_connections(dataset)).collect();
    let mut silent: Vec<(&String, Instant, Instant)> = Vec::new();
    for dataset in logs {
        let logs_it = scanned
            .connection_logs
            .iter()
            .any(|(host, log)| log == dataset && is_same_host(host, &item.host));
        let span = spans
            .iter()
            .filter(|span| span.dataset == **dataset && logs_it)
            .max_by_key(|span| hours(span.from.max(last), span.to));
        match span.map(|span| (span.from.max(last), span.to)) {
            None => lacks.push(VerifyReason::ArtefactLacks { artefact: dataset.clone() }),
            Some((from, to)) if hours(from, to) < needed => {
                lacks.push(VerifyReason::LogTooShort {
                    dataset: dataset.clone(),
                    hours: hours(from, to),
                    needed,
                });
            }
            Some((from, to)) => silent.push((dataset, from, to)),
        }
    }
    if lacks.is_empty() && !silent.is_empty() {
        let from = silent.iter().map(|(_, from, _)| *from).max();
        let to = silent.iter().map(|(_, _, to)| *to).min();
        if let (Some((dataset, ..)), Some(from), Some(to)) = (silent.first(), from, to)
            && from < to
        {
            words.push(silence(dataset, from, to, scanned));
        }
    } else if lacks.is_empty() {
        lacks.push(VerifyReason::ArtefactLacks { artefact: super::shown_by::artefact(item, false) });
    }
}

fn silence(dataset: &str, from: Instant, to: Instant, scanned: &Scanned<'_>) -> Word {
    Word {
        time: to,
        present: false,
        reason: VerifyReason::LogLacksIt { dataset: dataset.to_owned() },
        row: None,
        collection: scanned.of.name.to_owned(),
        span: Some(VisibleSpan { from, to }),
    }
}

fn holds_connections(dataset: &str) -> bool {
    !dataset.starts_with("file.") && !dataset.starts_with("registry.") && dataset != "windows.system"
}

/// The last word decides.
#[expect(clippy::needless_pass_by_value, reason = "what is lacking is told once, here")]
fn decide(
    item: &RemovalItem,
    words: &[Word],
    lacks: Vec<VerifyReason>,
    moment: &Moment<'_>,
) -> VerifiedTrace {
    let cutoff = moment.cutoff.map_or(i64::MIN, |cutoff| cutoff.nanos);
    let later = |word: &Word| word.time.nanos.saturating_sub(cutoff) > TAIL_NANOS;
    let acted = |word: &Word| {
        matches!(word.reason, VerifyReason::MadeAfterEviction | VerifyReason::UsedAfterEviction)
    };
    let first_away = words.iter().position(|word| !word.present);
    let there_again = first_away.is_some_and(|at| words.iter().skip(at + 1).any(|word| word.present));
    let result = match words.last() {
        None => VerifyResult::NotVisible,
        Some(last) if last.present => {
            let made = words.iter().any(|word| word.reason == VerifyReason::MadeAfterEviction);
            let used =
                item.kind != TraceKind::Connection && words.iter().any(|word| acted(word) && later(word));
            if there_again || made || used { VerifyResult::Back } else { VerifyResult::StillThere }
        }
        // What acted long after the eviction had come back, whoever took it away since.
        Some(_) if words.iter().any(|word| word.present && acted(word) && later(word)) => VerifyResult::Back,
        // A list of one collection that is younger than what another still shows.
        Some(_) => VerifyResult::Gone,
    };
    let mut because: Vec<VerifyReason> = Vec::new();
    let told = words.iter().filter(|word| result != VerifyResult::Gone || !word.present || acted(word));
    for word in told {
        if result == VerifyResult::Back && !word.present {
            because.push(VerifyReason::WasAway { collection: word.collection.clone() });
        }
        because.push(word.reason.clone());
    }
    if result == VerifyResult::NotVisible {
        because.extend(lacks.iter().cloned());
    }
    if item.kind == TraceKind::Connection && result == VerifyResult::StillThere {
        because.push(VerifyReason::WentOn);
    }
    let mut kept = BTreeSet::new();
    because.retain(|reason| kept.insert(reason.clone()));
    let spans = words.iter().filter(|word| result != VerifyResult::Gone || !word.present);
    let visible =
        spans.clone().map(|word| word.span.unwrap_or(VisibleSpan { from: word.time, to: word.time }));
    let visible =
        visible.reduce(|one, other| VisibleSpan { from: one.from.min(other.from), to: one.to.max(other.to) });
    let mut rows: Vec<VerifyRow> = spans.rev().filter_map(|word| word.row.clone()).collect();
    let mut known = Vec::new();
    rows.retain(|row| {
        let key = (row.collection.clone(), row.row.evidence_id, row.row.offset, row.row.record);
        let new = !known.contains(&key);
        known.push(key);
        new
    });
    rows.truncate(ROWS_MAX);
    let collect = if result == VerifyResult::NotVisible { to_collect(item, &because) } else { Vec::new() };
    VerifiedTrace {
        id: item.id.clone(),
        kind: item.kind,
        host: item.host.clone(),
        place: item.place.clone(),
        measure: item.measure,
        traces: item.traces.clone(),
        result,
        visible,
        because,
        collect,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Instant {
        Instant::parse(&format!("2021-05-{day:02}T12:00:00Z")).expect("a time")
    }

    fn item(kind: TraceKind) -> RemovalItem {
        RemovalItem {
            id: "R-1".to_owned(),
            key: String::new(),
            kind,
            host: "MX01".to_owned(),
            place: "x".to_owned(),
            names: Vec::new(),
            measure: Measure::Remove,
            traces: Vec::new(),
            first: None,
            last: None,
            longest_pause: 0,
            seen_in: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn word(day: u32, present: bool, reason: VerifyReason) -> Word {
        Word { time: at(day), present, reason, row: None, collection: "new".to_owned(), span: None }
    }

    fn listed() -> VerifyReason {
        VerifyReason::Listed { artefact: "SYSTEM".to_owned(), under: String::new(), disabled: false }
    }

    fn lacks() -> VerifyReason {
        VerifyReason::ListLacksIt { artefact: "SYSTEM".to_owned(), path: "p".to_owned() }
    }

    /// The eviction is on the first at noon.
    fn result(kind: TraceKind, words: &[Word]) -> VerifyResult {
        let addresses = BTreeSet::new();
        let moment = Moment { cutoff: Some(at(1)), addresses: &addresses };
        decide(&item(kind), words, vec![VerifyReason::HostNotCollected], &moment).result
    }

    #[test]
    fn the_last_word_decides_and_silence_is_none() {
        let service = TraceKind::Service;
        for (words, wanted) in [
            (vec![], VerifyResult::NotVisible),
            (vec![word(9, false, lacks())], VerifyResult::Gone),
            (vec![word(9, true, listed())], VerifyResult::StillThere),
            (vec![word(5, false, lacks()), word(9, true, listed())], VerifyResult::Back),
            (vec![word(5, true, listed()), word(9, false, lacks())], VerifyResult::Gone),
            (
                vec![word(4, true, VerifyReason::MadeAfterEviction), word(9, true, listed())],
                VerifyResult::Back,
            ),
            // What was made again days later had come back, whoever took it away since.
            (
                vec![word(4, true, VerifyReason::MadeAfterEviction), word(9, false, lacks())],
                VerifyResult::Back,
            ),
            // Within a day of the eviction it is its tail.
            (
                vec![word(2, true, VerifyReason::UsedAfterEviction), word(9, false, lacks())],
                VerifyResult::Gone,
            ),
        ] {
            assert_eq!(result(service, &words), wanted, "{words:?}");
        }
    }

    #[test]
    fn a_connection_that_never_stopped_is_still_there() {
        let used = || VerifyReason::UsedAfterEviction;
        let silent = || VerifyReason::LogLacksIt { dataset: "windows.sysmon".to_owned() };
        assert_eq!(
            result(TraceKind::Connection, &[word(2, true, used()), word(9, true, used())]),
            VerifyResult::StillThere
        );
        assert_eq!(
            result(TraceKind::Connection, &[word(4, false, silent()), word(9, true, used())]),
            VerifyResult::Back
        );
    }

    #[test]
    fn what_is_not_visible_says_what_to_collect() {
        let addresses = BTreeSet::new();
        let moment = Moment { cutoff: Some(at(1)), addresses: &addresses };
        let told = decide(&item(TraceKind::Service), &[], vec![VerifyReason::HostNotCollected], &moment);
        assert_eq!(told.visible, None);
        assert_eq!(told.collect, ["hive SYSTEM of MX01"]);
    }
}
