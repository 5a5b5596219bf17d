//! The removal list: what the intruder left, out of the rows of his steps.
//!
//! In: the trail, the doors, findings with the words of persons, the lake. Out: one item a thing, with what it came from. Only what a step
//! of an intrusion, a door that let somebody in or a finding that a person confirmed shows is on it; what a rule alone points to stands
//! apart, since taking away what is an administrator's does harm.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::address::is_public;
use piste_model::hash::sha256_hex;
use piste_model::removal::{Measure, NameSort, RemovalItem, RemovalList, TraceKind, TraceName, Undecided};
use piste_model::{Door, EvidenceId, Finding, Instant, Level, RowRef, Trail};

use super::names::{account, is_of_somebody, is_telling_program, page_address};
use super::rows::{FileName, Row, RowPlace, rows_at};
use super::scan::is_same_host;
use super::shown_by::LOCAL_GROUPS;
use super::trace::{Act, Trace, traces};

/// Items of one list.
const ITEMS_MAX: usize = 20_000;
/// Things that a rule alone points to.
const UNDECIDED_MAX: usize = 1_000;

/// What the list is made of.
pub struct Ground<'a> {
    /// The trail.
    pub trail: &'a Trail,
    /// The ways in.
    pub doors: &'a [Door],
    /// Findings, with the words of persons.
    pub findings: &'a [Finding],
    /// The rows.
    pub lake: &'a Lake,
    /// A host's one name.
    pub host: &'a dyn Fn(&str) -> String,
    /// A sealed file.
    pub file: &'a dyn Fn(EvidenceId) -> FileName,
}

/// Why a row is looked at.
#[derive(Debug, Clone)]
struct Source {
    /// `S-4`, `F-3`, `D-1`.
    id: String,
    /// Sure: of an intrusion, a door, or confirmed.
    sure: bool,
    /// Of a door that is a page: its address.
    page: String,
    door: bool,
}

/// Makes the list.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn removal_list(ground: &Ground<'_>) -> Result<RemovalList, LakeError> {
    let (sources, places) = sources_of(ground);
    let addresses = addresses_of(ground);
    let mut making = Making { things: Vec::new(), by_name: BTreeMap::new(), addresses: &addresses };
    let mut undecided: BTreeMap<(TraceKind, String, String), BTreeSet<String>> = BTreeMap::new();
    rows_at(ground.lake, &places, &mut |row| {
        let host = (ground.host)(row.host());
        let of: Vec<&Source> =
            places.get(&row.place()).into_iter().flatten().filter_map(|at| sources.get(*at)).collect();
        for trace in traces(&row) {
            let sure: Vec<&Source> = of.iter().copied().filter(|source| source.sure).collect();
            if sure.is_empty() {
                if is_left_behind(&trace, &of)
                    && trace.kind != TraceKind::Connection
                    && undecided.len() < UNDECIDED_MAX
                {
                    let key = (trace.kind, host.clone(), trace.place.clone());
                    undecided.entry(key).or_default().extend(of.iter().map(|source| source.id.clone()));
                }
            } else if is_left_behind(&trace, &sure) {
                making.add(&trace, &host, &row, &sure, ground);
            }
        }
    })?;
    making.add_accounts(ground);
    making.add_pages(ground);
    let items = making.finish();
    let on_list = |kind: TraceKind, host: &str, place: &str| {
        items.iter().any(|item| item.kind == kind && item.place == place && is_same_host(&item.host, host))
    };
    let undecided = undecided
        .into_iter()
        .filter(|((kind, host, place), _)| !on_list(*kind, host, place))
        .map(|((kind, host, place), traces)| Undecided {
            kind,
            host,
            place,
            traces: traces.into_iter().collect(),
        })
        .collect();
    let sha256 = hash_of(&items);
    Ok(RemovalList { items, undecided, sha256 })
}

/// What a release binds to: what would be removed, and how it is known. Rows and traces may grow without a change of that.
pub fn hash_of(items: &[RemovalItem]) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str(&format!(
            "{}\u{1f}{}\u{1f}{}\u{1f}{}",
            item.kind.as_str(),
            item.measure.as_str(),
            item.host,
            item.place
        ));
        for name in &item.names {
            text.push_str(&format!("\u{1f}{:?}={}", name.sort, name.value));
        }
        text.push('\u{1e}');
    }
    sha256_hex(text.as_bytes())
}

fn sources_of(ground: &Ground<'_>) -> (Vec<Source>, BTreeMap<RowPlace, BTreeSet<usize>>) {
    let mut sources = Vec::new();
    let mut places: BTreeMap<RowPlace, BTreeSet<usize>> = BTreeMap::new();
    let mut put = |source: Source, rows: &mut dyn Iterator<Item = RowPlace>| {
        let at = sources.len();
        sources.push(source);
        rows.for_each(|place| {
            places.entry(place).or_default().insert(at);
        });
    };
    let said = |finding: &Finding, words: &[&str]| words.contains(&finding.verdict.as_str());
    let dismissed: BTreeSet<RowPlace> = ground
        .findings
        .iter()
        .filter(|finding| said(finding, &["false-positive", "benign"]))
        .flat_map(|finding| finding.rows.iter().map(RowPlace::of))
        .collect();
    for step in ground.trail.intrusions.iter().flat_map(|one| &one.steps) {
        let source =
            Source { id: step.id.clone(), sure: true, page: String::new(), door: step.door.is_some() };
        let rows = step.rows.iter().map(|row| RowPlace {
            evidence: row.evidence_id.0,
            offset: row.offset,
            record: row.record,
        });
        put(source, &mut rows.filter(|place| !dismissed.contains(place)));
    }
    for door in ground.doors.iter().filter(|door| door.let_somebody_in() && !door.is_daily()) {
        let page = if door.kind == "webshell" { page_address(&door.place) } else { String::new() };
        let source = Source { id: door.id.clone(), sure: true, page, door: true };
        put(source, &mut door.rows.iter().map(RowPlace::of));
    }
    for finding in ground.findings.iter().filter(|finding| !said(finding, &["false-positive", "benign"])) {
        let sure = said(finding, &["confirmed"]);
        if sure || finding.level >= Level::High {
            let source = Source { id: finding.id.to_string(), sure, page: String::new(), door: false };
            put(source, &mut finding.rows.iter().map(RowPlace::of));
        }
    }
    (sources, places)
}

/// Addresses of the other side, each with what named it. Those of one's own network are not blocked.
fn addresses_of(ground: &Ground<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for intrusion in &ground.trail.intrusions {
        for address in &intrusion.addresses {
            found.entry(address.clone()).or_default().insert(intrusion.id.clone());
        }
    }
    for door in ground.doors.iter().filter(|door| door.let_somebody_in() && !door.is_daily()) {
        for address in &door.sources {
            found.entry(address.clone()).or_default().insert(door.id.clone());
        }
    }
    for finding in ground.findings.iter().filter(|finding| finding.verdict == "confirmed") {
        for address in &finding.entities.address {
            found.entry(address.clone()).or_default().insert(finding.id.to_string());
        }
    }
    found.retain(|address, _| {
        address.parse().is_ok_and(|address| is_public(address) || is_for_examples(address))
    });
    found
}

/// Addresses set aside for documentation: nobody's own network has them, and invented evidence does.
fn is_for_examples(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(four) => four.is_documentation(),
        std::net::IpAddr::V6(six) => six.segments().starts_with(&[0x2001, 0xdb8]),
    }
}

/// What programs write as they run, whoever runs them.
const BY_PRODUCTS: [&str; 7] = [
    r"\windows\prefetch\",
    "__psscriptpolicytest_",
    r"\temporary asp.net files\",
    r"\windows\system32\logfiles\",
    r"\windows\system32\winevt\",
    "startupprofiledata-",
    r"\windows\assembly\nativeimages",
];

/// Whether what a row says of a thing makes it one that the intruder left.
fn is_left_behind(trace: &Trace, of: &[&Source]) -> bool {
    let path =
        trace.names.iter().find(|name| name.sort == NameSort::Path).map_or("", |name| name.value.as_str());
    if BY_PRODUCTS.iter().any(|part| path.contains(part)) {
        return false;
    }
    match (trace.kind, trace.act) {
        (TraceKind::Connection, _) => true,
        (_, Act::Removed | Act::SecretSet) => false,
        // Pages that are asked for are the server's own, save the one that a door is.
        (TraceKind::Page, Act::Used | Act::Listed { .. }) => of.iter().any(|source| {
            !source.page.is_empty()
                && trace.names.iter().any(|name| name.sort == NameSort::Url && name.value == source.page)
        }),
        (TraceKind::File, Act::Used) => is_telling_program(path),
        (TraceKind::File, Act::Listed { .. }) => of.iter().any(|source| !source.door),
        (TraceKind::Account | TraceKind::Task, Act::Used) => false,
        _ => true,
    }
}

/// Items as they grow.
struct Making<'a> {
    things: Vec<Option<Thing>>,
    by_name: BTreeMap<(TraceKind, String, TraceName), usize>,
    addresses: &'a BTreeMap<String, BTreeSet<String>>,
}

/// An item without its number.
struct Thing {
    kind: TraceKind,
    host: String,
    place: String,
    names: BTreeSet<TraceName>,
    measure: Measure,
    traces: BTreeSet<String>,
    times: BTreeSet<Instant>,
    seen_in: BTreeSet<String>,
    rows: Vec<RowRef>,
}

/// By what a thing is the same one: what it runs or holds may be shared.
fn is_own(sort: NameSort) -> bool {
    !matches!(sort, NameSort::Runs | NameSort::Sha256)
}

fn kin(kind: TraceKind) -> TraceKind {
    if kind == TraceKind::Page { TraceKind::File } else { kind }
}

impl Making<'_> {
    /// The thing that these names are of; made where there is none, joined where there are two.
    fn thing(&mut self, kind: TraceKind, host: &str, place: &str, names: &[TraceName]) -> Option<&mut Thing> {
        // Things of the domain are one, whichever computer logs them.
        let where_ = if super::scan::is_of_domain(kind) {
            String::new()
        } else {
            host.split('.').next().unwrap_or_default().to_lowercase()
        };
        let keys: Vec<_> = names
            .iter()
            .filter(|name| is_own(name.sort))
            .map(|name| (kin(kind), where_.clone(), name.clone()))
            .collect();
        let known: BTreeSet<usize> = keys.iter().filter_map(|key| self.by_name.get(key)).copied().collect();
        let at = match known.first() {
            Some(at) => *at,
            None if self.things.len() >= ITEMS_MAX || keys.is_empty() => return None,
            None => {
                self.things.push(Some(Thing {
                    kind,
                    host: host.to_owned(),
                    place: place.to_owned(),
                    names: BTreeSet::new(),
                    measure: Measure::Remove,
                    traces: BTreeSet::new(),
                    times: BTreeSet::new(),
                    seen_in: BTreeSet::new(),
                    rows: Vec::new(),
                }));
                self.things.len() - 1
            }
        };
        for other in known.into_iter().filter(|other| *other != at) {
            self.join(at, other);
        }
        for key in keys {
            self.by_name.insert(key, at);
        }
        let thing = self.things.get_mut(at)?.as_mut()?;
        thing.names.extend(names.iter().cloned());
        Some(thing)
    }

    fn join(&mut self, into: usize, from: usize) {
        let Some(other) = self.things.get_mut(from).and_then(Option::take) else { return };
        for at in self.by_name.values_mut().filter(|at| **at == from) {
            *at = into;
        }
        if let Some(thing) = self.things.get_mut(into).and_then(Option::as_mut) {
            thing.names.extend(other.names);
            thing.traces.extend(other.traces);
            thing.times.extend(other.times);
            thing.seen_in.extend(other.seen_in);
            thing.rows.extend(other.rows);
        }
    }

    fn add(&mut self, trace: &Trace, host: &str, row: &Row<'_>, of: &[&Source], ground: &Ground<'_>) {
        let mut ids: BTreeSet<String> = of.iter().map(|source| source.id.clone()).collect();
        if trace.kind == TraceKind::Connection {
            let Some(named) = trace.names.first().and_then(|name| self.addresses.get(&name.value)) else {
                return;
            };
            ids.extend(named.iter().cloned());
        }
        let (time, reference) = (trace.at.or_else(|| row.time()), row.reference(ground.file));
        // A membership that event 4732 tells stands in SAM; on a domain controller it is one of the domain.
        let local_group = trace.kind == TraceKind::GroupRight
            && matches!(row.code(), 4732 | 4733)
            && row.dataset == "windows.security";
        let is_controller = ground
            .trail
            .visibility
            .iter()
            .any(|span| span.dataset == "windows.directory-service" && is_same_host(&span.host, host));
        let page = trace.kind == TraceKind::Page;
        let Some(thing) = self.thing(trace.kind, host, &trace.place, &trace.names) else { return };
        if page && thing.place.starts_with('/') && trace.place.contains('\\') {
            thing.place.clone_from(&trace.place); // the file says more than its address
        }
        if trace.kind == TraceKind::Account && !thing.place.contains('\\') && trace.place.contains('\\') {
            thing.place.clone_from(&trace.place);
        }
        if trace.kind == TraceKind::Connection {
            thing.measure = Measure::Block;
        }
        thing.traces.extend(ids);
        thing.times.extend(time);
        thing.seen_in.insert(row.dataset.to_owned());
        if local_group && !is_controller {
            thing.seen_in.insert(LOCAL_GROUPS.to_owned());
        }
        if !thing.rows.contains(&reference) {
            thing.rows.push(reference);
        }
    }

    /// Accounts that he used and did not make: they are somebody's, and their secrets are changed.
    fn add_accounts(&mut self, ground: &Ground<'_>) {
        let mut used: Vec<(String, String, String, Option<Instant>)> = Vec::new();
        for one in &ground.trail.intrusions {
            let host = one.hosts.first().cloned().unwrap_or_default();
            used.extend(
                one.accounts
                    .iter()
                    .map(|name| (name.clone(), host.clone(), one.id.clone(), Some(one.last_trace))),
            );
        }
        for door in ground.doors.iter().filter(|door| door.let_somebody_in() && !door.is_daily()) {
            used.extend(
                door.accounts
                    .iter()
                    .map(|name| (name.clone(), door.host.clone(), door.id.clone(), door.last_used)),
            );
        }
        for (name, host, id, last) in used {
            let plain = account(&name);
            if !is_of_somebody(&plain) || name.starts_with("S-1-") {
                continue;
            }
            let names = [TraceName { sort: NameSort::Name, value: plain }];
            let Some(thing) = self.thing(TraceKind::Account, &host, &name, &names) else { continue };
            thing.traces.insert(id);
            thing.times.extend(last);
            if thing.rows.is_empty() {
                thing.measure = Measure::Reset; // no row says that he made it
            }
            if !thing.place.contains('\\') && name.contains('\\') {
                thing.place.clone_from(&name);
            }
        }
    }

    /// Pages that doors are, also where their rows say nothing of a file.
    fn add_pages(&mut self, ground: &Ground<'_>) {
        for door in ground.doors.iter().filter(|door| door.let_somebody_in() && door.kind == "webshell") {
            let mut names = Vec::new();
            let address = page_address(&door.place);
            if !address.is_empty() {
                names.push(TraceName { sort: NameSort::Url, value: address });
            }
            if door.place.contains('\\') {
                names.push(TraceName { sort: NameSort::Path, value: super::names::path(&door.place) });
            }
            let Some(thing) = self.thing(TraceKind::Page, &door.host, &door.place, &names) else { continue };
            thing.traces.insert(door.id.clone());
            thing.times.extend(door.last_used.into_iter().chain(door.since()));
            if thing.rows.is_empty() {
                thing.rows.extend(door.rows.iter().cloned());
            }
        }
    }

    /// Numbers them in the order of kinds, computers and places.
    fn finish(self) -> Vec<RemovalItem> {
        let order = |kind: TraceKind| TraceKind::ALL.iter().position(|one| *one == kind);
        let mut things: Vec<Thing> = self.things.into_iter().flatten().collect();
        things.sort_by(|a, b| {
            (order(a.kind), &a.host, &a.place, &a.names).cmp(&(order(b.kind), &b.host, &b.place, &b.names))
        });
        things.into_iter().enumerate().map(|(at, thing)| item(at + 1, thing)).collect()
    }
}

fn item(number: usize, thing: Thing) -> RemovalItem {
    let names: Vec<TraceName> = thing.names.into_iter().collect();
    let own: Vec<String> =
        names.iter().filter(|name| is_own(name.sort)).map(|name| name.value.clone()).collect();
    let key = format!("{} {} {}", thing.kind.as_str(), thing.host.to_lowercase(), own.join("\u{1f}"));
    let times: Vec<Instant> = thing.times.into_iter().collect();
    let pauses =
        times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.nanos.saturating_sub(one.nanos));
    let longest = pauses.max().unwrap_or_default() / 1_000_000_000;
    let mut rows = thing.rows;
    rows.truncate(RemovalItem::MAX_ROWS);
    RemovalItem {
        id: format!("R-{number}"),
        key: sha256_hex(key.as_bytes()).chars().take(16).collect(),
        kind: thing.kind,
        host: thing.host,
        place: thing.place,
        names,
        measure: thing.measure,
        traces: in_order(thing.traces),
        first: times.first().copied(),
        last: times.last().copied(),
        longest_pause: u64::try_from(longest).unwrap_or_default(),
        seen_in: thing.seen_in.into_iter().collect(),
        rows,
    }
}

/// `S-2` before `S-10`.
fn in_order(ids: BTreeSet<String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().collect();
    let number =
        |id: &str| id.rsplit('-').next().and_then(|digits| digits.parse::<u64>().ok()).unwrap_or_default();
    ids.sort_by_key(|id| (id.chars().next(), number(id)));
    ids
}
