//! Which groups of acts are intrusions, and what is said of each.
//!
//! In: groups of joined acts. Out: intrusions with numbered steps, their edges, first and last trace, what was kept apart; and as leads
//! the groups that are too little. What counts is how many different rules of what level speak of acts that are joined: many
//! rows of one rule say what one row says.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::coverage::Coverage;
use piste_model::trail::{
    DwellDays, Edge, FirstTraceBound, Intrusion, Separate, Step, StepRow, TimeSpan, Trail, TrailLead,
};
use piste_model::{EvidenceId, Finding, Instant, Level, RowRef};

use super::Inputs;
use super::apart;
use super::asked::is_network_logon;
use super::collect::{FactId, is_an_address};
use super::decided::Decided;
use super::fact::{Fact, Place};
use super::graph::{Join, Key};
use super::steps::{Draft, Teller, cut};

/// Points from which on a group is an intrusion.
const INTRUSION: u32 = 5;
/// Points that one rule of level high gives; one of level critical twice as many.
const HIGH: u32 = 2;
/// Points that rules of level medium give together at most.
const MEDIUM_MAX: u32 = 2;
/// Points of a door that let somebody in.
const DOOR: u32 = 6;
/// Points of what joins two hosts.
const ACROSS: u32 = 1;
/// A source that begins so shortly before the first trace cannot show an earlier one.
const CENSORED_DAYS: i64 = 7;
const DAY: i64 = 86_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// The place of a row that an output names.
pub(crate) fn place_of(row: &RowRef) -> Place {
    Place { evidence: row.evidence_id.0, offset: row.offset, record: row.record }
}

/// What a group of acts weighs, and why.
#[derive(Debug, Default)]
struct Weight {
    points: u32,
    because: Vec<String>,
}

/// A group with its steps.
struct Group {
    keys: BTreeSet<Key>,
    drafts: Vec<Draft>,
    weight: Weight,
}

/// An edge with what it joins.
type JoinedPair<'a> = (&'a (Key, Key), &'a Join);

/// Makes the trail of the groups.
pub(crate) struct Judge<'a, 't, 'x, 'c, 'n> {
    pub(crate) teller: &'a Teller<'t, 'x, 'c, 'n>,
    pub(crate) inputs: &'a Inputs<'a>,
    /// Findings by the rows that they list and their rule.
    findings: BTreeMap<Place, BTreeSet<(u32, String)>>,
    decided: Decided,
    /// What joins each act to others.
    edges: BTreeMap<&'a Key, Vec<JoinedPair<'a>>>,
    /// Network logons by host.
    logons: BTreeMap<u32, Vec<FactId>>,
}

impl<'a, 't, 'x, 'c, 'n> Judge<'a, 't, 'x, 'c, 'n> {
    pub(crate) fn new(teller: &'a Teller<'t, 'x, 'c, 'n>, inputs: &'a Inputs<'a>) -> Self {
        let mut findings: BTreeMap<Place, BTreeSet<(u32, String)>> = BTreeMap::new();
        for finding in inputs.findings {
            for row in &finding.rows {
                findings.entry(place_of(row)).or_default().insert((finding.id.0, rule_of(finding)));
            }
        }
        let mut acts: BTreeMap<Place, BTreeSet<Key>> = BTreeMap::new();
        // The steps are told twice where persons decided something, and once where nobody did.
        let members = teller.closure.graph.nodes.iter().filter(|(_, node)| node.member);
        for (key, _) in members.filter(|_| !inputs.decisions.is_empty()) {
            for id in teller.steps(key).iter().flat_map(|draft| &draft.facts) {
                if let Some(fact) = teller.closure.collector.facts.get(*id) {
                    acts.entry(fact.place).or_default().insert(key.clone());
                }
            }
        }
        let decided = Decided::find(inputs.decisions, &acts);
        let mut edges: BTreeMap<&Key, Vec<JoinedPair<'_>>> = BTreeMap::new();
        for (pair, join) in
            teller.closure.graph.edges.iter().filter(|(pair, _)| !decided.is_cut(&pair.0, &pair.1))
        {
            edges.entry(&pair.0).or_default().push((pair, join));
            edges.entry(&pair.1).or_default().push((pair, join));
        }
        let mut logons: BTreeMap<u32, Vec<FactId>> = BTreeMap::new();
        for (id, fact) in teller.closure.collector.facts.iter().filter(|(_, fact)| is_network_logon(fact)) {
            logons.entry(fact.host).or_default().push(id);
        }
        Self { teller, inputs, findings, decided, edges, logons }
    }

    /// All intrusions and leads.
    pub(crate) fn trail(&self) -> Trail {
        let components = self.teller.closure.graph.components(&self.decided);
        let mut groups: Vec<Group> = components.into_iter().filter_map(|keys| self.group(keys)).collect();
        groups.sort_by_key(|group| group.drafts.first().map(|draft| (draft.from, draft.key.clone())));
        let (intrusions, leads): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| group.weight.points >= INTRUSION);
        let mut trail =
            Trail { leads: leads.iter().filter_map(|group| self.lead(group)).collect(), ..Trail::default() };
        let ids = step_ids(&intrusions);
        for (at, group) in intrusions.iter().enumerate() {
            trail.intrusions.extend(self.intrusion(at, group, &ids));
        }
        self.keep_apart(&mut trail, &intrusions);
        let together = |one: &Key, other: &Key| {
            intrusions
                .iter()
                .chain(&leads)
                .any(|group| group.keys.contains(one) && group.keys.contains(other))
        };
        trail.decisions = self.decided.outcomes(&together);
        trail.stopped.clone_from(&self.teller.closure.stopped);
        trail
    }

    fn group(&self, keys: Vec<Key>) -> Option<Group> {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut origins: BTreeSet<Vec<FactId>> = BTreeSet::new();
        for key in &keys {
            drafts.extend(self.teller.steps(key));
            if let Key::Process(id) = key
                && let Some(origin) = self.teller.origin(*id)
                && origins.insert(origin.facts.clone())
            {
                drafts.push(origin);
            }
        }
        drafts.sort_by(|one, other| {
            (one.from, one.to, &one.key, !one.main).cmp(&(other.from, other.to, &other.key, !other.main))
        });
        let weight = self.weight(&keys);
        (!drafts.is_empty()).then(|| Group { keys: keys.into_iter().collect(), drafts, weight })
    }

    fn weight(&self, keys: &[Key]) -> Weight {
        let closure = self.teller.closure;
        let mut rules: BTreeMap<&str, (Level, &str)> = BTreeMap::new();
        let (mut weight, mut hosts) = (Weight::default(), BTreeSet::new());
        for key in keys {
            let Some(node) = closure.graph.nodes.get(key) else { continue };
            for witness in node.witnesses.iter().filter_map(|at| closure.witnesses.get(*at)) {
                rules.insert(&witness.rule.id, (witness.rule.level, &witness.rule.title));
            }
            match key {
                Key::Door(at) => {
                    let Some(door) = self.inputs.doors.get(*at) else { continue };
                    weight.points += DOOR;
                    weight.because.push(format!(
                        "{}, a way in, let somebody in: {} at {}",
                        door.id,
                        door.kind,
                        cut(&door.place)
                    ));
                }
                Key::Process(id) => hosts.extend(closure.processes().get(*id).map(|one| one.host)),
                _ => {}
            }
        }
        let mut medium = 0;
        for (level, title) in rules.values() {
            match level {
                Level::Critical => weight.points += 2 * HIGH,
                Level::High => weight.points += HIGH,
                Level::Medium => medium += 1,
                _ => {}
            }
            if *level >= Level::High {
                weight.because.push(format!("a rule of level {level}: {title}"));
            }
        }
        weight.points += medium.min(MEDIUM_MAX);
        for ([one, other], told) in self.decided.joined() {
            if keys.contains(one) && keys.contains(other) {
                weight.because.push(told.in_words());
            }
        }
        if hosts.len() > 1 {
            weight.points += ACROSS;
            weight.because.push("what was started on one host came from another".to_owned());
        }
        weight
    }

    fn lead(&self, group: &Group) -> Option<TrailLead> {
        let first = group.drafts.first()?;
        Some(TrailLead {
            hosts: self.hosts(group),
            first: instant(first.from, first.digits),
            text: first.text.clone(),
            because: if group.weight.because.is_empty() {
                "a person's word alone, or rules of low level, speak for it".to_owned()
            } else {
                format!("too little speaks for it: {}", group.weight.because.join("; "))
            },
            findings: self.findings_of(group.drafts.iter().flat_map(|draft| &draft.witnesses)),
        })
    }

    fn hosts(&self, group: &Group) -> Vec<String> {
        let hosts: BTreeSet<u32> = group.drafts.iter().map(|draft| draft.host).collect();
        let hosts = hosts.into_iter().map(|host| self.teller.closure.collector.hosts.name(host).to_owned());
        let mut hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).collect();
        hosts.sort();
        hosts
    }

    /// Findings that list the row of a detection and are of its rule.
    fn findings_of<'w>(&self, witnesses: impl Iterator<Item = &'w usize>) -> Vec<String> {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        for witness in witnesses.filter_map(|at| self.teller.closure.witnesses.get(*at)) {
            let of_row = self.findings.get(&witness.place).into_iter().flatten();
            found.extend(of_row.filter(|(_, rule)| *rule == witness.rule.id).map(|(id, _)| *id));
        }
        found.into_iter().map(|id| format!("F-{id}")).collect()
    }

    fn fact(&self, id: FactId) -> Option<&Fact> {
        self.teller.closure.collector.facts.get(id)
    }

    pub(crate) fn row(&self, id: FactId) -> Option<StepRow> {
        let fact = self.fact(id)?;
        let evidence_id = EvidenceId(fact.place.evidence);
        let time = instant(fact.from, fact.digits);
        Some(StepRow {
            host: self.teller.closure.collector.hosts.name(fact.host).to_owned(),
            dataset: fact.dataset.to_string(),
            record: fact.place.record,
            log_record: fact.text("EventRecordID").parse().ok().filter(|number| *number != fact.place.record),
            event_code: fact.code,
            evidence_id,
            path: (self.inputs.file)(evidence_id),
            offset: fact.place.offset,
            record_hash: fact.hash.clone(),
            time: Some(time),
            time_as_recorded: fact.recorded.filter(|recorded| recorded.nanos != fact.from),
        })
    }

    fn rows(&self, facts: &[FactId]) -> Vec<StepRow> {
        facts.iter().take(Step::MAX_ROWS).filter_map(|id| self.row(*id)).collect()
    }

    fn intrusion(&self, at: usize, group: &Group, ids: &StepIds) -> Option<Intrusion> {
        let steps: Vec<Step> = group
            .drafts
            .iter()
            .enumerate()
            .map(|(number, draft)| self.step((at, number), draft, group, ids))
            .collect();
        let first = steps.first()?;
        let (first_draft, row) = (group.drafts.first()?, first.rows.first()?.clone());
        let visible_from = self.visible_from(&row);
        let last = group.drafts.iter().map(|draft| draft.to).max()?;
        let censored = visible_from
            .is_some_and(|from| first_draft.from.saturating_sub(from.nanos) < CENSORED_DAYS * DAY);
        let addresses = self.addresses(group);
        let mut accounts: BTreeSet<String> =
            steps.iter().map(|step| step.account.clone()).filter(|one| is_somebody(one)).collect();
        accounts.extend(
            group.drafts.iter().filter_map(|draft| draft.door.as_ref()).flat_map(|id| self.accounts_of(id)),
        );
        Some(Intrusion {
            id: format!("I-{}", at + 1),
            actor: actor(&addresses),
            first_trace: FirstTraceBound {
                no_later_than: instant(first_draft.from, first_draft.digits),
                visible_from,
                lower_bound: None,
                row,
                step: first.id.clone(),
                left_censored: censored,
            },
            last_trace: instant(last, first_draft.digits),
            dwell_days: DwellDays { min: last.saturating_sub(first_draft.from).div_euclid(DAY), max: None },
            confidence: if group.weight.points >= 2 * INTRUSION { "high" } else { "medium" }.to_owned(),
            doors: group
                .drafts
                .iter()
                .filter_map(|draft| draft.door.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            hosts: self.hosts(group),
            accounts: accounts.into_iter().collect(),
            addresses,
            steps,
            separate_from: Vec::new(),
            because: group.weight.because.clone(),
            reserves: reserves(visible_from, censored),
        })
    }

    fn accounts_of(&self, door: &str) -> Vec<String> {
        let door = self.inputs.doors.iter().find(|one| one.id == door);
        door.map(|door| door.accounts.clone()).unwrap_or_default()
    }

    fn step(&self, number: (usize, usize), draft: &Draft, group: &Group, ids: &StepIds) -> Step {
        Step {
            id: ids.of(number),
            time: TimeSpan { from: instant(draft.from, draft.digits), to: instant(draft.to, draft.digits) },
            tactic: draft.tactic.clone(),
            technique: draft.technique.clone(),
            host: self.teller.closure.collector.hosts.name(draft.host).to_owned(),
            account: draft.account.clone(),
            text: draft.text.clone(),
            class: draft.class.to_owned(),
            findings: self.findings_of(draft.witnesses.iter()),
            door: draft.door.clone(),
            rows: self.rows(&draft.facts),
            count: draft.facts.len() as u64,
            edges: self.edges(draft, number, group, ids),
        }
    }

    fn edges(&self, draft: &Draft, number: (usize, usize), group: &Group, ids: &StepIds) -> Vec<Edge> {
        let main = ids.main.get(&draft.key).copied().filter(|main| *main != number);
        if let Some(main) = main.filter(|_| !draft.main) {
            return vec![Edge {
                to: ids.of(main),
                class: piste_model::trail::EdgeClass::C1,
                reason: same_act(&draft.key).to_owned(),
                rows: Vec::new(),
            }];
        }
        let of_key = self.edges.get(&draft.key).into_iter().flatten();
        let by_persons = self.decided.joined().filter_map(|([one, other], told)| {
            let other = if *one == draft.key { other } else { Some(one).filter(|_| *other == draft.key)? };
            let other = ids.main.get(other).filter(|_| group.keys.contains(other))?;
            let (class, reason) = (piste_model::trail::EdgeClass::Person, told.in_words());
            Some(Edge { to: ids.of(*other), class, reason, rows: Vec::new() })
        });
        let edge = |((from, to), join): &(&(Key, Key), &Join)| {
            let other = if *from == draft.key { to } else { from };
            let other = ids.main.get(other).filter(|_| group.keys.contains(other))?;
            Some(Edge {
                to: ids.of(*other),
                class: join.class,
                reason: join.reason.clone(),
                rows: self.rows(&join.facts),
            })
        };
        by_persons.chain(of_key.filter_map(edge)).take(Step::MAX_EDGES).collect()
    }

    /// From when on the source of a row is here.
    fn visible_from(&self, row: &StepRow) -> Option<Instant> {
        let of = |one: &&Coverage| one.dataset == row.dataset && one.host.eq_ignore_ascii_case(&row.host);
        let first = self.inputs.coverage.iter().find(of).map(|one| one.covered.first)?;
        Some(match (row.time, row.time_as_recorded) {
            // The same clock that the row was corrected by.
            (Some(time), Some(recorded)) => {
                first.checked_add_nanos(time.nanos.saturating_sub(recorded.nanos)).unwrap_or(first)
            }
            _ => first,
        })
    }

    /// Addresses of the other side: whence logons came and where its processes connected, none of the hosts that are here.
    fn addresses(&self, group: &Group) -> Vec<String> {
        let closure = self.teller.closure;
        let mut found: BTreeSet<String> = BTreeSet::new();
        for fact in group.drafts.iter().flat_map(|draft| &draft.facts).filter_map(|id| self.fact(*id)) {
            let far = [fact.text("IpAddress"), fact.text("DestinationIp")];
            let rare = |address: &str| closure.rare.contains(address) || fact.text("IpAddress") == address;
            let far = far.into_iter().filter(|one| is_an_address(one) && rare(one));
            found.extend(far.map(str::to_owned));
        }
        for door in group.drafts.iter().filter_map(|draft| draft.door.as_ref()) {
            let door = self.inputs.doors.iter().find(|one| one.id == *door);
            found.extend(door.into_iter().flat_map(|door| door.sources.iter().cloned()));
        }
        found.retain(|address| closure.collector.addresses.host_of(address).is_none());
        found.into_iter().collect()
    }

    /// Says of each intrusion what is near it and was not joined: other intrusions, and other logons of its accounts.
    fn keep_apart(&self, trail: &mut Trail, groups: &[Group]) {
        let ids: Vec<(String, BTreeSet<String>)> = trail
            .intrusions
            .iter()
            .map(|one| (one.id.clone(), one.hosts.iter().cloned().collect()))
            .collect();
        let accounts = apart::accounts_of(&trail.intrusions);
        let near = apart::Neighbours::of(&ids, &accounts);
        for (at, (intrusion, group)) in trail.intrusions.iter_mut().zip(groups).enumerate() {
            for beside in near.of_one(at) {
                let (Some((id, hosts)), Some(other)) = (ids.get(beside), groups.get(beside)) else {
                    continue;
                };
                let shared: Vec<&str> =
                    intrusion.hosts.iter().filter(|host| hosts.contains(*host)).map(String::as_str).collect();
                let in_common = if shared.is_empty() { "no host".to_owned() } else { shared.join(", ") };
                let by_accounts = accounts.get(at).zip(accounts.get(beside));
                let by_accounts =
                    by_accounts.map(|(own, theirs)| apart::shared(own, theirs)).unwrap_or_default();
                intrusion.separate_from.push(Separate {
                    intrusion: Some(id.clone()),
                    what: format!("{id}, which has {in_common} in common with it"),
                    because: format!("{}{by_accounts}", self.why_apart(group, other)),
                    addresses: Vec::new(),
                    rows: Vec::new(),
                });
            }
            intrusion.separate_from.extend(self.other_logons(group));
        }
    }

    /// Why two groups are not one: a person's word, or that nothing of the one is of the other.
    fn why_apart(&self, group: &Group, other: &Group) -> String {
        let between = |[one, two]: &[Key; 2]| {
            (group.keys.contains(one) && other.keys.contains(two))
                || (group.keys.contains(two) && other.keys.contains(one))
        };
        let cuts: Vec<String> =
            self.decided.cut().filter(|(acts, _)| between(acts)).map(|(_, told)| told.in_words()).collect();
        if cuts.is_empty() {
            "no process, logon, connection, file, service, door or rare address of the one is one of the other".to_owned()
        } else {
            cuts.join("; ")
        }
    }

    /// Network logons of the accounts of a group on its hosts that came from elsewhere or in another way.
    fn other_logons(&self, group: &Group) -> Vec<Separate> {
        let own: Vec<&Fact> = group
            .drafts
            .iter()
            .flat_map(|draft| &draft.facts)
            .filter_map(|id| self.fact(*id))
            .filter(|fact| is_network_logon(fact))
            .collect();
        let mut others: BTreeMap<(String, String), Vec<FactId>> = BTreeMap::new();
        let hosts: BTreeSet<u32> = own.iter().map(|fact| fact.host).collect();
        let on_hosts = hosts.iter().filter_map(|host| self.logons.get(host)).flatten();
        for (id, fact) in on_hosts.filter_map(|id| Some((*id, self.fact(*id)?))) {
            let near = own.iter().find(|one| {
                one.host == fact.host
                    && one.text("TargetUserName").eq_ignore_ascii_case(fact.text("TargetUserName"))
                    && one.text("IpAddress") != fact.text("IpAddress")
            });
            if near.is_some() && !own.iter().any(|one| one.place == fact.place) {
                let key = (fact.text("TargetUserName").to_owned(), fact.text("IpAddress").to_owned());
                others.entry(key).or_default().push(id);
            }
        }
        let apart = |((account, address), rows): ((String, String), Vec<FactId>)| {
            let first = rows.first().and_then(|id| self.fact(*id));
            let package =
                first.map(|fact| fact.text("AuthenticationPackageName").to_owned()).unwrap_or_default();
            let mine = own.first();
            Separate {
                intrusion: None,
                what: format!("{account} logged on from {address} ({package})"),
                because: format!(
                    "the intruder's logon came from {} ({}); an account that two parties use joins nothing",
                    mine.map_or("elsewhere", |fact| fact.text("IpAddress")),
                    mine.map_or("", |fact| fact.text("AuthenticationPackageName"))
                ),
                addresses: vec![address],
                rows: self.rows(&rows),
            }
        };
        others.into_iter().map(apart).take(20).collect()
    }
}

fn same_act(key: &Key) -> &'static str {
    match key {
        Key::Process(_) => "the same process",
        Key::Door(_) => "the same door",
        Key::Logon(..) => "the same logon",
        Key::Connection(..) => "the same connection",
        Key::Service(..) => "the same service",
        Key::Task(..) => "the same task",
        Key::Row(_) => "the same record",
    }
}

fn rule_of(finding: &Finding) -> String {
    finding.rule_id.clone().unwrap_or_default()
}

/// Numbers of steps: in the order of intrusions and of time.
struct StepIds {
    numbers: BTreeMap<(usize, usize), usize>,
    /// The step that is an act itself.
    main: BTreeMap<Key, (usize, usize)>,
}

impl StepIds {
    fn of(&self, step: (usize, usize)) -> String {
        format!("S-{}", self.numbers.get(&step).copied().unwrap_or_default())
    }
}

fn step_ids(groups: &[Group]) -> StepIds {
    let mut ids = StepIds { numbers: BTreeMap::new(), main: BTreeMap::new() };
    for (at, group) in groups.iter().enumerate() {
        for (number, draft) in group.drafts.iter().enumerate() {
            let next = ids.numbers.len() + 1;
            ids.numbers.insert((at, number), next);
            if draft.main {
                ids.main.entry(draft.key.clone()).or_insert((at, number));
            }
        }
    }
    ids
}

/// A moment with the digits that the source gave.
pub(crate) fn instant(nanos: i64, digits: u8) -> Instant {
    let rounded = if digits == 0 { nanos.div_euclid(SECOND).saturating_mul(SECOND) } else { nanos };
    Instant { nanos: rounded, digits }
}

/// Whether an account is one that somebody could have taken.
fn is_somebody(account: &str) -> bool {
    !account.is_empty() && !account.ends_with('$')
}

fn actor(addresses: &[String]) -> String {
    match addresses {
        [] => "not known: no address of the other side stands in these rows".to_owned(),
        some => format!("whoever is behind {}", some.iter().take(3).cloned().collect::<Vec<_>>().join(", ")),
    }
}

fn reserves(visible_from: Option<Instant>, censored: bool) -> Vec<String> {
    let mut reserves = vec![
        "an earlier trace is not excluded: what came before may have left nothing, or nothing that is here"
            .to_owned(),
    ];
    match visible_from {
        Some(from) if censored => reserves.push(format!(
            "the log of the first trace begins at {from}, shortly before it: he may have been there already"
        )),
        Some(from) => reserves.push(format!("the log of the first trace is here from {from} on")),
        None => reserves.push("from when on the log of the first trace is here is not known".to_owned()),
    }
    reserves
}
