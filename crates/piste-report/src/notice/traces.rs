//! What the case itself shows, for the parts of a notification that no person has stated.
//!
//! In: the grave findings, the ways in that let somebody in, exposure, sightings and sealed files of the last run. Out: entries in the
//! language of the draft, each with the findings, ways in and rows that it rests on. Only what was seen is said: what was done
//! about it, who did it and what it means in law is for a person to state. A value that a source marks more strictly than the
//! notification is left out.

use std::collections::{BTreeMap, BTreeSet};

use piste_case::facts::Lang;
use piste_model::{
    CoveredFigures, Door, Evidence, EvidenceId, Exposure, Finding, Instant, RowRef, Sighting, address,
    first_trace, last_trace,
};

use super::{capital, case_words as words, dates, techniques};
use crate::escape::visible;

/// Entries of one part.
const ENTRIES_MAX: usize = 25;
/// Values within one entry: addresses, flaws.
const VALUES_MAX: usize = 8;
/// Findings told one by one.
const FINDINGS_MAX: usize = 10;
/// Rows named behind one entry.
const ROWS_MAX: usize = 3;

/// What the last run of a case found, as far as a notification may say it.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// Findings that an intrusion is dated by.
    pub findings: Vec<Finding>,
    /// All ways in.
    pub doors: Vec<Door>,
    /// Which flaws were open when.
    pub servers: Vec<Exposure>,
    /// Known indicators that were seen and that the notification's marking lets pass.
    pub sightings: Vec<Sighting>,
    /// Sealed files behind findings and ways in.
    pub exhibits: BTreeMap<EvidenceId, Evidence>,
    /// All sealed files.
    pub sealed: u64,
    /// Of which days there are events.
    pub covered: Option<CoveredFigures>,
    /// Values that their source marks more strictly than the notification: they stand nowhere in it.
    pub withheld: Vec<String>,
    /// Facts that a person must decide and to which traces point, with the rows that do.
    pub pointers: BTreeMap<String, Vec<String>>,
}

/// One thing that the case shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    /// `D-1`, `E-3:57`.
    pub(super) from: Vec<String>,
}

/// What the case shows of one fact.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) entries: Vec<Entry>,
    /// Values left out for their marking.
    pub(super) withheld: usize,
}

/// The case in one language.
struct Teller<'a> {
    traces: &'a Traces,
    lang: Lang,
    said: Said,
}

/// When a flaw was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from: Instant,
    to: Option<Instant>,
    proven: bool,
}

impl Traces {
    /// What the case shows of `fact`; nothing where it does not know.
    pub(super) fn tell(&self, fact: &str, lang: Lang) -> Said {
        let mut teller = Teller { traces: self, lang, said: Said::default() };
        match fact {
            "t.first_trace" => teller.first(),
            "t.last_trace" => teller.last(),
            "incident.hosts_affected" => teller.host_count(),
            "incident.systems_affected" => teller.hosts(),
            "incident.short_description" | "note.known" => teller.summary(),
            "incident.scope" => teller.scope(),
            "incident.technical_summary" | "incident.detailed_description" | "crime.facts" => {
                teller.account();
            }
            "incident.root_cause" => teller.causes(),
            "incident.flaws" => teller.exposure(),
            "incident.iocs" => teller.indicators(),
            "evidence.held" => teller.held(),
            "evidence.preserved" => teller.sealed(),
            "evidence.exhibits" => teller.exhibits(),
            "note.unknown" => teller.unknown(),
            _ => {}
        }
        teller.done()
    }

    /// Ways in that let somebody in.
    fn ways(&self) -> impl Iterator<Item = &Door> {
        self.doors.iter().filter(|door| door.let_somebody_in())
    }

    fn hosts(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let mut hosts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for door in self.ways().filter(|door| !door.host.is_empty()) {
            hosts.entry(&door.host).or_default().insert(door.id.clone());
        }
        for finding in &self.findings {
            for host in &finding.hosts {
                hosts.entry(host).or_default().insert(finding.id.to_string());
            }
        }
        hosts
    }
}

impl Teller<'_> {
    fn done(mut self) -> Said {
        let more = self.said.entries.len().saturating_sub(ENTRIES_MAX);
        self.said.entries.truncate(ENTRIES_MAX);
        self.more(more);
        self.said
    }

    /// How many things are not told one by one, if any.
    fn more(&mut self, count: usize) {
        if count > 0 {
            let text = self.fill(&words::MORE_ITEMS, &[&count.to_string()]);
            self.said.entries.push(Entry { text, from: Vec::new() });
        }
    }

    /// Whether a value may be said; counts those that may not.
    fn may(&mut self, value: &str) -> bool {
        let free = !holds_any(value, &self.traces.withheld);
        self.said.withheld += usize::from(!free);
        free
    }

    /// Adds an entry, unless it holds what may not be said.
    fn put(&mut self, text: String, from: Vec<String>) {
        if self.may(&text) {
            self.said.entries.push(Entry { text, from });
        }
    }

    /// Without the zone, which the draft names once.
    fn moment(&self, at: Instant) -> String {
        dates::bare(at, self.lang)
    }

    fn bound(&self, at: Instant) -> String {
        self.moment(whole_second(at))
    }

    fn fill(&self, phrase: &words::Phrase, values: &[&str]) -> String {
        words::fill(phrase, self.lang, values)
    }

    /// The first values, and how many more there are.
    fn some(&mut self, values: &[String]) -> String {
        let free: Vec<&String> = values.iter().filter(|value| self.may(value)).collect();
        let shown: Vec<String> = free.iter().take(VALUES_MAX).map(|one| visible(one).into_owned()).collect();
        let more = free.len().saturating_sub(shown.len());
        let mut text = shown.join(", ");
        if more > 0 {
            text.push(' ');
            text.push_str(&self.fill(&words::MORE, &[&more.to_string()]));
        }
        text
    }

    fn first(&mut self) {
        let Some(first) = first_trace(&self.traces.findings, &self.traces.doors) else { return };
        let mut parts = vec![
            self.fill(&words::NO_LATER, &[&dates::moment(whole_second(first.no_later_than), self.lang)]),
            words::of(&words::NOT_EXCLUDED, self.lang).to_owned(),
        ];
        parts.extend(self.coverage());
        let from = [first.id].into_iter().chain(first.row.iter().map(name)).collect();
        self.put(words::joined(&parts, self.lang), from);
    }

    fn coverage(&self) -> Option<String> {
        let covered = self.traces.covered?;
        let (days, of) = (covered.days.to_string(), covered.of.to_string());
        let span = [&days, &of, &dates::day(covered.first, self.lang), &dates::day(covered.last, self.lang)];
        Some(self.fill(&words::COVERED, &span.map(String::as_str)))
    }

    fn last(&mut self) {
        let Some(last) = last_trace(&self.traces.findings, &self.traces.doors) else { return };
        let from = [last.id].into_iter().chain(last.row.iter().map(name)).collect();
        self.put(dates::moment(last.at, self.lang), from);
    }

    fn host_count(&mut self) {
        let hosts = self.traces.hosts();
        if !hosts.is_empty() {
            self.put(hosts.len().to_string(), hosts.into_values().flatten().take(VALUES_MAX).collect());
        }
    }

    fn hosts(&mut self) {
        for (host, from) in self.traces.hosts() {
            self.put(visible(host).into_owned(), from.into_iter().take(VALUES_MAX).collect());
        }
    }

    /// Two or three sentences.
    fn summary(&mut self) {
        let traces = self.traces;
        let hosts = traces.hosts();
        if hosts.is_empty() {
            return;
        }
        let names: Vec<String> = hosts.keys().map(|host| (*host).to_owned()).collect();
        let shown = self.some(&names);
        let from = hosts.into_values().flatten().take(VALUES_MAX).collect();
        self.put(self.fill(&words::SUMMARY, &[&names.len().to_string(), &shown]), from);
        if let Some(first) = first_trace(&traces.findings, &traces.doors) {
            self.put(self.fill(&words::OLDEST, &[&self.bound(first.no_later_than)]), vec![first.id]);
        }
        if let Some(last) = last_trace(&traces.findings, &traces.doors) {
            self.put(self.fill(&words::LATEST, &[&self.moment(last.at)]), vec![last.id]);
        }
        self.causes();
    }

    fn scope(&mut self) {
        self.hosts();
    }

    /// The kinds of ways in, with the flaws that they went through.
    fn causes(&mut self) {
        let traces = self.traces;
        let mut kinds: BTreeMap<String, (BTreeSet<String>, Vec<String>)> = BTreeMap::new();
        for door in traces.ways() {
            let (flaws, from) = kinds.entry(words::kind(&door.kind, self.lang)).or_default();
            flaws.extend(door.cve.iter().cloned());
            from.push(door.id.clone());
        }
        for (kind, (flaws, mut from)) in kinds {
            from.truncate(VALUES_MAX);
            let mut parts = vec![self.fill(&words::WAY, &[&kind])];
            if !flaws.is_empty() {
                let flaws: Vec<String> = flaws.into_iter().collect();
                let flaws = self.some(&flaws);
                parts.push(self.fill(&words::FLAWS, &[&flaws]));
            }
            self.put(words::joined(&parts, self.lang), from);
        }
    }

    /// The facts one by one: ways in, flaws that were open, findings.
    fn account(&mut self) {
        let traces = self.traces;
        for door in traces.ways() {
            self.door(door);
        }
        self.exposure();
        for finding in traces.findings.iter().take(FINDINGS_MAX) {
            self.finding(finding);
        }
        self.more(traces.findings.len().saturating_sub(FINDINGS_MAX));
    }

    fn door(&mut self, door: &Door) {
        let kind = words::kind(&door.kind, self.lang);
        let place = words::quoted(&visible(&door.place), self.lang);
        let mut parts = vec![
            self.fill(&words::ON_HOST, &[&kind, &place, &visible(&door.host)]),
            words::verdict(door.verdict, self.lang).to_owned(),
        ];
        let there = door.opened.not_after.filter(|at| door.since() == Some(*at));
        let since = match there {
            Some(at) => Some(self.fill(&words::THERE, &[&self.bound(at)])),
            None => door.first_used.map(|at| self.fill(&words::FIRST_USE, &[&self.moment(at)])),
        };
        let last = door.last_used.map(|at| self.fill(&words::LAST_USE, &[&self.moment(at)]));
        parts.extend(since.into_iter().chain(last));
        for (phrase, values) in [(&words::SOURCES, &door.sources), (&words::FLAWS, &door.cve)] {
            let shown = self.some(values);
            if !shown.is_empty() {
                parts.push(self.fill(phrase, &[&shown]));
            }
        }
        parts.push(words::state(door.state, self.lang).to_owned());
        self.put(words::joined(&parts, self.lang), behind(&door.id, &door.rows));
    }

    fn finding(&mut self, finding: &Finding) {
        let (Some(first), Some(last)) = (finding.first, finding.last) else { return };
        let level = words::level(finding.level, self.lang);
        let hosts = self.some(&finding.hosts);
        let techniques = techniques::named(&finding.attack, self.lang);
        let what = match self.some(&techniques) {
            none if none.is_empty() => words::of(&words::RULE_MATCHED, self.lang).to_owned(),
            what => what,
        };
        let mut parts = vec![self.fill(&words::FINDING, &[level, &hosts, &what])];
        parts.push(if finding.count == 1 {
            self.fill(&words::ONE_EVENT, &[&self.moment(first)])
        } else {
            self.fill(&words::EVENTS, &[&finding.count.to_string(), &self.moment(first), &self.moment(last)])
        });
        self.put(words::joined(&parts, self.lang), behind(&finding.id.to_string(), &finding.rows));
    }

    /// Flaws by the span in which they were open, those first that a way in went through, then those of a known chain. Of the others
    /// only the number is told.
    fn exposure(&mut self) {
        let traces = self.traces;
        let used: BTreeSet<&str> =
            traces.ways().flat_map(|door| door.cve.iter().map(String::as_str)).collect();
        // A chain's own name is one word, ProxyLogon; the others describe the flaw, in English.
        let chain = |name: &str| !name.is_empty() && !name.contains(' ');
        for server in &traces.servers {
            let mut spans: BTreeMap<Span, Vec<String>> = BTreeMap::new();
            let mut telling: BTreeSet<Span> = BTreeSet::new();
            let mut open: Vec<_> = server.open.iter().collect();
            open.sort_by_key(|one| (!used.contains(one.cve.as_str()), !chain(&one.name)));
            for one in open {
                let Some(from) = one.from else { continue };
                let span = Span { from, to: one.to, proven: one.proven };
                let name = if chain(&one.name) { format!(" ({})", one.name) } else { String::new() };
                if !name.is_empty() || used.contains(one.cve.as_str()) {
                    telling.insert(span);
                }
                spans.entry(span).or_default().push(format!("{}{name}", one.cve));
            }
            for (span, flaws) in spans.into_iter().filter(|(span, _)| telling.contains(span)) {
                self.span(server, span, &flaws);
            }
        }
    }

    fn span(&mut self, server: &Exposure, span: Span, flaws: &[String]) {
        let flaws = self.some(flaws);
        let open = self.bound(span.from);
        let mut parts =
            vec![self.fill(&words::EXPOSED, &[&server.product, &visible(&server.host), &flaws, &open])];
        parts.push(match span.to {
            Some(to) => self.fill(&words::FIXED, &[&self.moment(to)]),
            None => words::of(&words::NOT_FIXED, self.lang).to_owned(),
        });
        if !span.proven {
            parts.push(words::of(&words::INFERRED, self.lang).to_owned());
        }
        let rows = server.evidence.iter().take(ROWS_MAX).map(name).collect();
        self.put(words::joined(&parts, self.lang), rows);
    }

    /// Addresses on the other side, pages and their hashes, and known indicators that were seen.
    fn indicators(&mut self) {
        let traces = self.traces;
        let mut seen: BTreeMap<(u8, String), BTreeSet<String>> = BTreeMap::new();
        for door in traces.ways() {
            let public = |text: &&String| address::parse(text).is_some_and(address::is_public);
            for source in door.sources.iter().filter(public) {
                seen.entry((0, self.fill(&words::ADDRESS, &[source]))).or_default().insert(door.id.clone());
            }
            if door.kind != "webshell" {
                continue;
            }
            let path = self.fill(&words::PATH, &[&visible(&door.place)]);
            seen.entry((1, path)).or_default().insert(door.id.clone());
            // A row without a number is the file itself: its hash is that of the page.
            let files = door.rows.iter().filter(|row| row.record == 0);
            for file in files.filter_map(|row| traces.exhibits.get(&row.evidence_id)) {
                let from = seen.entry((2, self.fill(&words::FILE_HASH, &[&file.sha256]))).or_default();
                from.extend([door.id.clone(), file.id.to_string()]);
            }
        }
        for one in &traces.sightings {
            let text = self.fill(&words::KNOWN_INDICATOR, &[&visible(&one.indicator)]);
            let rows = one.rows.iter().take(ROWS_MAX).map(name);
            seen.entry((3, text)).or_default().extend(rows);
        }
        for ((_, text), from) in seen {
            self.put(text, from.into_iter().take(VALUES_MAX).collect());
        }
    }

    fn held(&mut self) {
        if let Some(text) = self.coverage() {
            self.put(text, Vec::new());
        }
    }

    fn sealed(&mut self) {
        if self.traces.sealed > 0 {
            self.put(self.fill(&words::SEALED, &[&self.traces.sealed.to_string()]), Vec::new());
        }
    }

    fn exhibits(&mut self) {
        for file in self.traces.exhibits.values().filter(|file| !file.sha256.is_empty()) {
            let (id, bytes) = (file.id.to_string(), file.bytes.to_string());
            let text = self.fill(&words::EXHIBIT, &[&id, &visible(&file.path), &bytes, &file.sha256]);
            self.put(text, Vec::new());
        }
    }

    /// What the evidence cannot tell.
    fn unknown(&mut self) {
        if first_trace(&self.traces.findings, &self.traces.doors).is_some() {
            self.put(capital(words::of(&words::NOT_EXCLUDED, self.lang)), Vec::new());
        }
        if let Some(text) = self.coverage() {
            self.put(capital(&text), Vec::new());
        }
    }
}

/// A bound is rounded up: what is cut would make it too early.
fn whole_second(at: Instant) -> Instant {
    let second = 1_000_000_000;
    match at.nanos.rem_euclid(second) {
        0 => at,
        part => at.checked_add_nanos(second - part).unwrap_or(at),
    }
}

/// `E-3:57`; a file as a whole has no number.
fn name(row: &RowRef) -> String {
    match row.record {
        0 => row.evidence_id.to_string(),
        record => format!("{}:{record}", row.evidence_id),
    }
}

fn behind(id: &str, rows: &[RowRef]) -> Vec<String> {
    let mut from = vec![id.to_owned()];
    for row in rows.iter().map(name) {
        if !from.contains(&row) && from.len() <= ROWS_MAX {
            from.push(row);
        }
    }
    from
}

/// Whether `text` holds one of the values as a word of its own: `10.0.0.1` does not stand in `10.0.0.15`.
pub(super) fn holds_any(text: &str, values: &[String]) -> bool {
    let text = text.to_lowercase();
    values.iter().any(|value| holds(&text, &value.to_lowercase()))
}

fn holds(text: &str, value: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric();
    text.match_indices(value).any(|(at, found)| {
        let before = text.get(..at).and_then(|part| part.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|part| part.chars().next());
        !value.is_empty() && !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}
