//! One name a host, and how it is known.
//!
//! In: for each file what its place says of its computer, and the names that its records give: `MX01.min.example` in event
//! logs, `MX01` in web logs, none in most. Out: the one name for each of these. A collection is of one computer, and its own
//! event logs name it best; a short name is filled in where a collection or a record shows both; a folder is believed where
//! a record below it names the same host. All else stays apart and is told. Rows keep the name that their record gives.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::store::ItemCounts;
use piste_model::{Evidence, HostByPlace, HostKnown, Issue};
use piste_parse::Format;

/// Of a log's rows that name a host, this many in a hundred name its own; a log of forwarded events has no such.
const OWN_ROWS_MIN: u64 = 90;
/// Part of the name of Windows' log of what other computers sent.
const FORWARDED: &str = "forwardedevents";
/// Names in one issue.
const SHOWN_MAX: usize = 10;

/// A file, as far as it tells hosts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) collection: &'a str,
    pub(super) by_place: &'a HostByPlace,
    /// A log of the computer itself: Windows' event log.
    pub(super) own_log: bool,
    /// A log that tells of other computers than that on which it lies: syslog.
    pub(super) relayed: bool,
    /// Rows by host.
    pub(super) rows: &'a BTreeMap<String, u64>,
}

impl<'a> Source<'a> {
    /// Of a line of `evidence.jsonl` and what a unit counted of it.
    pub(super) fn of(one: &'a Evidence, counts: &'a ItemCounts) -> Self {
        Self {
            path: &one.path,
            collection: &one.collection,
            by_place: &one.host_by_place,
            own_log: is_own_log(&one.format, &one.path),
            relayed: one.format == Format::Syslog.name() || is_forwarded(&one.path),
            rows: &counts.hosts,
        }
    }

    /// The names that its records give.
    fn named(&self) -> impl Iterator<Item = (&'a String, u64)> {
        let place = self.by_place.host.as_str();
        self.rows
            .iter()
            .filter(move |(name, _)| !name.is_empty() && *name != place)
            .map(|(name, rows)| (name, *rows))
    }

    /// Rows whose records name no host.
    fn nameless(&self) -> bool {
        self.rows.contains_key(&self.by_place.host)
    }

    /// The host whose log it is.
    fn owner(&self) -> Option<&'a str> {
        // Records that give the name of the place itself count as any others.
        let all = self.rows.iter().filter(|(name, _)| !name.is_empty());
        let most = all.clone().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)))?;
        let sum: u64 = all.map(|(_, rows)| *rows).sum();
        let unknown = most.0 == &self.by_place.host && !self.by_place.known.joins();
        (!self.relayed && !unknown && most.1.saturating_mul(100) >= sum.saturating_mul(OWN_ROWS_MIN))
            .then_some(most.0.as_str())
    }
}

/// Whether a file is an event log that its computer wrote of itself: what others sent to it names these.
pub(super) fn is_own_log(format: &str, path: &str) -> bool {
    format == Format::Evtx.name() && !is_forwarded(path)
}

/// Whether a file is called as what other computers sent is, in whatever form it was exported.
fn is_forwarded(path: &str) -> bool {
    let name = path.rsplit(['/', '\\', '!']).next().unwrap_or_default();
    name.to_ascii_lowercase().contains(FORWARDED)
}

/// The names of a case's hosts.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Names in lower case with the name they stand for and how that is known.
    names: BTreeMap<String, (String, HostKnown)>,
    /// What a person should know of them.
    pub(super) issues: Vec<Issue>,
}

impl Hosts {
    /// Learns the names.
    pub(super) fn of(sources: &[Source<'_>]) -> Self {
        let mut hosts = Self::default();
        let mut links = Links::default();
        for source in sources {
            for (name, _) in source.named() {
                hosts.learn(name, name, HostKnown::Record);
            }
            links.of_file(source);
        }
        let mut collections: BTreeMap<&str, Vec<&Source<'_>>> = BTreeMap::new();
        for source in sources {
            collections.entry(source.collection).or_default().push(source);
        }
        hosts.namesakes(&collections);
        let folders = folders(sources);
        let guesses = guesses(&collections);
        let (mut unknown, mut stated) = (Vec::new(), BTreeMap::new());
        for members in collections.values() {
            let Some(place) = members.first().map(|one| one.by_place) else { continue };
            let owner = owner(members, place);
            let said = stated_of(members);
            if let Some(name) = owner.as_deref().or_else(|| folder_of(members, &folders)) {
                links.both(&place.host, name);
                if let Some(said) = said.filter(|said| same_short(said, name)) {
                    links.both(said, name);
                }
                // Rows that name no host have the place's name: only an event log of the computer's own shows that it is called so.
                let told = name != place.host
                    || members.iter().any(|one| one.own_log && one.rows.contains_key(name));
                hosts.learn(&place.host, name, if told { HostKnown::Record } else { place.known });
                hosts.contradicted(members, place, name);
            } else if let Some(said) = said.filter(|said| takes_the_word(place, said, &guesses)) {
                hosts.learn(said, said, HostKnown::Stated);
                hosts.learn(&place.host, said, HostKnown::Stated);
                let without = members.iter().filter(|one| one.nameless()).copied();
                stated.entry(said).or_insert_with(Vec::new).extend(without);
            } else {
                hosts.learn(&place.host, &place.host, place.known);
                if !place.known.joins() {
                    unknown.extend(members.iter().find(|one| one.nameless()).copied());
                }
            }
        }
        hosts.fill_in(&links);
        hosts.tell_unknown(&unknown);
        hosts.tell_stated(&stated);
        hosts
    }

    /// Notes what a name stands for; what is known better stands.
    fn learn(&mut self, name: &str, stands_for: &str, known: HostKnown) {
        let said = (stands_for.to_owned(), known);
        let slot = self.names.entry(name.to_lowercase()).or_insert_with(|| said.clone());
        let alias = !slot.0.eq_ignore_ascii_case(name);
        if known > slot.1 || (!alias && stands_for.len() > slot.0.len()) {
            *slot = said;
        }
    }

    /// Gives short names their full one where a file or a collection has both, and tells of those that may be one.
    fn fill_in(&mut self, links: &Links) {
        let mut full: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, (_, known)) in &self.names {
            if let Some(short) = short_of(name).filter(|_| known.joins()) {
                full.entry(short).or_default().insert(name);
            }
        }
        let (mut same, mut perhaps) = (Vec::new(), Vec::new());
        for (short, names) in full {
            let linked: Vec<&&str> =
                names.iter().filter(|name| links.0.contains(&pair(short, name))).collect();
            let has_short =
                self.names.get(short).is_some_and(|(stands_for, _)| stands_for.eq_ignore_ascii_case(short));
            match (linked.as_slice(), names.len()) {
                _ if !has_short => {}
                ([one], 1) => same.push((short.to_owned(), (**one).to_owned())),
                _ => perhaps.push((
                    short.to_owned(),
                    names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
                )),
            }
        }
        for (short, name) in same {
            let Some(full) = self.names.get(&name).map(|(full, _)| full.clone()) else { continue };
            for (stands_for, known) in self.names.values_mut() {
                if stands_for.eq_ignore_ascii_case(&short) {
                    full.clone_into(stands_for);
                    *known = HostKnown::Record;
                }
            }
        }
        for (short, names) in perhaps {
            let shown =
                |name: &String| self.names.get(name).map_or_else(|| name.clone(), |(name, _)| name.clone());
            let names: Vec<String> = names.iter().map(shown).collect();
            self.issues.push(Issue::new(
                "hosts-may-be-one",
                "",
                format!("{} and {} may be one computer: nothing in the evidence shows both names together", shown(&short), names.join(", ")),
                "they are told apart: what one did and what the other shows is not joined",
                "add a log of the computer that names it in full, as its System.evtx does, to the same collection",
            ));
        }
    }

    /// Tells where a collection's name is another than that of its own logs.
    fn contradicted(&mut self, members: &[&Source<'_>], place: &HostByPlace, name: &str) {
        if place.known != HostKnown::Collection || same_short(&place.host, name) {
            return;
        }
        let path = members.first().map_or("", |one| one.collection);
        self.issues.push(Issue::new(
            "host-contradicted",
            path,
            format!("by its name it is of {}, by its own event logs of {name}", place.host),
            format!("what names no host in it is taken for {name}'s"),
            "ask who collected it from which computer",
        ));
    }

    /// Tells of collections of one name whose own event logs name two computers: their other files cannot be told apart.
    fn namesakes(&mut self, collections: &BTreeMap<&str, Vec<&Source<'_>>>) {
        let mut owners: BTreeMap<String, (String, &str)> = BTreeMap::new();
        for (collection, members) in collections {
            let Some(place) = members.first().map(|one| one.by_place).filter(|place| place.known.joins())
            else {
                continue;
            };
            let Some(name) = owner(members, place) else { continue };
            let known =
                owners.entry(place.host.to_lowercase()).or_insert_with(|| (name.clone(), *collection));
            let (other, first) = &*known;
            if other.eq_ignore_ascii_case(&name) || !(other.contains('.') && name.contains('.')) {
                continue;
            }
            self.issues.push(Issue::new(
                "host-contradicted",
                *collection,
                format!(
                    "it has the name {} as {first} has, and the event logs of these name {other} and {name}",
                    place.host
                ),
                format!("files of both that name no host are told as those of one computer, {}", place.host),
                "give the two to two cases, or name one of them anew",
            ));
        }
    }

    /// Tells which files are of a computer because a person said so.
    fn tell_stated(&mut self, stated: &BTreeMap<&str, Vec<&Source<'_>>>) {
        for (host, files) in stated {
            let Some(first) = files.first() else { continue };
            let shown: Vec<&str> = files.iter().take(SHOWN_MAX).map(|one| one.path).collect();
            self.issues.push(Issue::new(
                "host-stated",
                first.path,
                format!("nothing says of which computer these are but --as-host {host}: {}", and_more(&shown, files.len())),
                format!("they are joined as {host}'s on this word alone: were it wrong, a page of one computer and a request to another would be told as one intrusion"),
                "note who collected them from which computer; --as-host with another name takes the place of this one, --withdraw PATH takes it back",
            ));
        }
    }

    /// Tells which files with rows are of no known computer.
    fn tell_unknown(&mut self, unknown: &[&Source<'_>]) {
        let Some(first) = unknown.first() else { return };
        let shown: Vec<&str> = unknown.iter().take(SHOWN_MAX).map(|one| one.collection).collect();
        self.issues.push(Issue::new(
            "host-unknown",
            first.path,
            format!("nothing says of which computer these are: {}", and_more(&shown, unknown.len())),
            "each is told apart: what one shows is not joined with another, such as a page with the requests for it",
            "if they are of one computer and you know which, give them again with --as-host NAME; else give the files of each as one zip that is named after it with a number in the name, such as MX01.zip",
        ));
    }

    /// The one name of a host; a name that was not learnt stays as it is.
    pub(crate) fn full<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.get(&name.to_lowercase()).map_or(name, |(full, _)| full.as_str())
    }

    /// Whether nothing tells which computer the rows of this name are of.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        self.names.get(&name.to_lowercase()).is_some_and(|(_, known)| *known == HostKnown::Unknown)
    }

    /// How a name, or the one it stands for, is known.
    pub(crate) fn known(&self, name: &str) -> HostKnown {
        self.names.get(&name.to_lowercase()).map_or(HostKnown::Unknown, |(_, known)| *known)
    }
}

/// The first few, and how many there are beside them.
fn and_more(shown: &[&str], all: usize) -> String {
    let more = all.saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// What was said of a collection when it was given; `None` where two things were said.
fn stated_of<'a>(members: &[&Source<'a>]) -> Option<&'a str> {
    let said: BTreeSet<Option<&str>> = members.iter().map(|one| one.by_place.stated.as_deref()).collect();
    if said.len() > 1 { None } else { said.into_iter().next().flatten() }
}

/// The names of folders that look like hosts' among what one word was said of.
fn guesses<'a>(collections: &BTreeMap<&str, Vec<&Source<'a>>>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for members in collections.values() {
        let place = members.first().map(|one| one.by_place).filter(|place| place.known == HostKnown::Folder);
        if let (Some(place), Some(said)) = (place, stated_of(members)) {
            found.entry(said).or_default().insert(&place.host);
        }
    }
    found
}

/// Whether a person's word is taken for a place: not for folders that look like those of several computers.
fn takes_the_word(place: &HostByPlace, said: &str, guesses: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
    let one_guess = || guesses.get(said).is_none_or(|names| names.len() == 1);
    match place.known {
        HostKnown::Unknown => true,
        HostKnown::Folder => same_short(&place.host, said) || one_guess(),
        _ => false,
    }
}

/// Names that one file or one collection has together.
#[derive(Default)]
struct Links(BTreeSet<(String, String)>);

impl Links {
    fn of_file(&mut self, source: &Source<'_>) {
        let names: Vec<&String> = source.named().map(|(name, _)| name).collect();
        for name in &names {
            if let Some(short) = short_of(name)
                && names.iter().any(|other| other.eq_ignore_ascii_case(short))
            {
                self.both(short, name);
            }
        }
    }

    fn both(&mut self, one: &str, other: &str) {
        self.0.insert(pair(one, other));
        self.0.insert(pair(other, one));
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_lowercase(), other.to_lowercase())
}

/// The first label of a name with a domain; an address is none.
fn short_of(name: &str) -> Option<&str> {
    let (short, _) = name.split_once('.')?;
    (!short.is_empty()
        && !name.contains([' ', ':'])
        && !name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    .then_some(short)
}

fn same_short(one: &str, other: &str) -> bool {
    short_of(one).unwrap_or(one).eq_ignore_ascii_case(short_of(other).unwrap_or(other))
}

/// The name that the records of a collection give its computer: its event logs before other logs, and among several the one
/// that the collection is named after.
fn owner(members: &[&Source<'_>], place: &HostByPlace) -> Option<String> {
    for own in [true, false] {
        let mut rows: BTreeMap<String, (u64, &str)> = BTreeMap::new();
        for member in members.iter().filter(|one| one.own_log == own) {
            if let Some(name) = member.owner() {
                let count = member.rows.get(name).copied().unwrap_or_default();
                rows.entry(name.to_lowercase()).or_insert((0, name)).0 += count;
            }
        }
        let best = |all: &mut dyn Iterator<Item = (u64, &str)>| {
            all.max_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1))).map(|(_, name)| name.to_owned())
        };
        let named_so = |name: &str| place.known.joins() && same_short(&place.host, name);
        let mut after =
            rows.values().copied().filter(|(_, name)| named_so(name) && name.len() >= place.host.len());
        if let Some(name) = best(&mut after) {
            return Some(name);
        }
        // Other logs name more hosts than their own: they tell only where all of them agree, and nothing else does.
        if (own || (rows.len() == 1 && !place.known.joins()))
            && let Some(name) = best(&mut rows.values().copied())
        {
            return Some(name);
        }
    }
    None
}

/// Folders and containers that are named as a record in a file below names its host, with that host; `None` for two.
fn folders<'a>(sources: &[Source<'a>]) -> BTreeMap<&'a str, Option<&'a str>> {
    let mut found: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for source in sources {
        let Some(name) = source.owner() else { continue };
        for (end, part) in around(source.path) {
            if part.eq_ignore_ascii_case(name)
                || short_of(name).is_some_and(|short| short.eq_ignore_ascii_case(part))
            {
                let folder = source.path.get(..end).unwrap_or_default();
                let slot = found.entry(folder).or_insert(Some(name));
                match slot {
                    Some(known) if same_short(known, name) => {
                        if name.len() > known.len() {
                            *known = name;
                        }
                    }
                    _ => *slot = None,
                }
            }
        }
    }
    found
}

/// The host of the folder around a collection that a record confirms.
fn folder_of<'f>(members: &[&Source<'_>], folders: &BTreeMap<&str, Option<&'f str>>) -> Option<&'f str> {
    let first = members.first()?;
    if first.by_place.known.joins() {
        return None;
    }
    let within = |end: &usize| members.iter().all(|one| one.path.get(..*end) == first.path.get(..*end));
    around(first.path)
        .map(|(end, _)| end)
        .filter(within)
        .find_map(|end| *folders.get(first.path.get(..end)?)?)
}

/// The folders of a path with the place where each ends.
fn around(path: &str) -> impl Iterator<Item = (usize, &str)> {
    path.match_indices(['/', '\\', '!']).scan(0, |start, (end, _)| {
        let part = path.get(*start..end).unwrap_or_default();
        *start = end + 1;
        Some((end, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct File {
        path: &'static str,
        collection: &'static str,
        place: HostByPlace,
        rows: BTreeMap<String, u64>,
    }

    fn file(
        path: &'static str,
        collection: &'static str,
        place: (&str, HostKnown),
        rows: &[(&str, u64)],
    ) -> File {
        File {
            path,
            collection,
            place: HostByPlace { host: place.0.to_owned(), known: place.1, stated: None },
            rows: rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect(),
        }
    }

    fn hosts(files: &[File]) -> Hosts {
        let sources: Vec<Source<'_>> = files
            .iter()
            .map(|one| Source {
                path: one.path,
                collection: one.collection,
                by_place: &one.place,
                own_log: is_own_log("evtx", one.path) && one.path.contains(".evtx"),
                relayed: is_forwarded(one.path),
                rows: &one.rows,
            })
            .collect();
        Hosts::of(&sources)
    }

    fn slugs(hosts: &Hosts) -> Vec<&str> {
        hosts.issues.iter().map(|issue| issue.slug.as_ref()).collect()
    }

    const FULL: &str = "MX01.min.example";
    const ZIP: (&str, HostKnown) = ("MX01", HostKnown::Collection);
    const LOOSE: (&str, HostKnown) = ("unknown host of d3", HostKnown::Unknown);

    #[test]
    fn a_collections_own_event_logs_name_it() {
        let found = hosts(&[
            file("MX01.zip!a.evtx", "MX01.zip", ZIP, &[(FULL, 90)]),
            file("MX01.zip!b.evtx", "MX01.zip", ZIP, &[("WIN-7A", 500)]),
            file("MX01.zip!f.evtx", "MX01.zip", ZIP, &[("DC01.min.example", 500), ("DC02.min.example", 500)]),
            file("MX01.zip!u.log", "MX01.zip", ZIP, &[("MX01", 9)]),
        ]);
        assert_eq!((found.full("mx01"), found.known("MX01")), (FULL, HostKnown::Record));
        assert_eq!(slugs(&found), Vec::<&str>::new());
        let found = hosts(&[
            file("d3/C/a.evtx", "d3", LOOSE, &[(FULL, 9)]),
            file("d3/C/u.log", "d3", LOOSE, &[(LOOSE.0, 9)]),
        ]);
        assert_eq!((found.full(LOOSE.0), found.known(LOOSE.0)), (FULL, HostKnown::Record));
    }

    #[test]
    fn two_names_are_one_only_where_the_evidence_shows_both() {
        let apart = hosts(&[
            file("MX01.zip!u.log", "MX01.zip", ZIP, &[("MX01", 9)]),
            file("x/a.evtx", "x/a.evtx", ("unknown host of x/a.evtx", HostKnown::Unknown), &[(FULL, 9)]),
        ]);
        assert_eq!((apart.full("MX01"), apart.full("mx01.MIN.example")), ("MX01", FULL));
        assert_eq!(slugs(&apart), ["hosts-may-be-one"]);
        let logged = ("unknown host of h.log", HostKnown::Unknown);
        let both = hosts(&[
            file("MX01.zip!u.log", "MX01.zip", ZIP, &[("MX01", 9)]),
            file("h.log", "h.log", logged, &[("MX01", 5), (FULL, 5)]),
        ]);
        assert_eq!((both.full("MX01"), both.known("mx01")), (FULL, HostKnown::Record));
        let two = hosts(&[
            file("a/a.evtx", "a", ("unknown host of a", HostKnown::Unknown), &[("DC01.a.example", 9)]),
            file("b/a.evtx", "b", ("unknown host of b", HostKnown::Unknown), &[("DC01.b.example", 9)]),
            file("c/u.log", "c", ("unknown host of c", HostKnown::Unknown), &[("DC01", 9)]),
        ]);
        assert_eq!(two.full("DC01"), "DC01");
    }

    #[test]
    fn unknown_hosts_stay_apart_and_are_told() {
        let other = ("unknown host of x.aspx", HostKnown::Unknown);
        let found = hosts(&[
            file("u.log", "u.log", LOOSE, &[(LOOSE.0, 9)]),
            file("x.aspx", "x.aspx", other, &[(other.0, 1)]),
            file("a.evtx", "a.evtx", ("unknown host of a.evtx", HostKnown::Unknown), &[(FULL, 9)]),
        ]);
        assert_eq!((found.full(LOOSE.0), found.full(other.0)), (LOOSE.0, other.0));
        assert_eq!(found.known(other.0), HostKnown::Unknown);
        assert_eq!(slugs(&found), ["host-unknown"]);
    }

    #[test]
    fn a_folder_is_believed_where_a_record_below_it_names_the_same_host() {
        let found = hosts(&[
            file(
                "MX01/evtx/a.evtx",
                "MX01/evtx/a.evtx",
                ("unknown host of a", HostKnown::Unknown),
                &[(FULL, 9)],
            ),
            file("MX01/iis/u.log", "MX01/iis/u.log", LOOSE, &[(LOOSE.0, 9)]),
            file("DC02/iis/u.log", "DC02/iis/u.log", ("DC02", HostKnown::Folder), &[("DC02", 9)]),
        ]);
        assert_eq!((found.full(LOOSE.0), found.full("DC02")), (FULL, "DC02"));
        assert_eq!(found.known("DC02"), HostKnown::Folder);
    }

    /// As if it had been given with `--as-host`.
    fn said(host: &str, mut one: File) -> File {
        one.place.stated = Some(host.to_owned());
        one
    }

    #[test]
    fn a_persons_word_counts_where_nothing_else_names_the_computer() {
        let other = ("unknown host of x.aspx", HostKnown::Unknown);
        let own = ("unknown host of a.evtx", HostKnown::Unknown);
        let found = hosts(&[
            said("MX01", file("u.log", "u.log", LOOSE, &[(LOOSE.0, 9)])),
            said("MX01", file("x.aspx", "x.aspx", other, &[(other.0, 1)])),
            said(
                "MX01",
                file(
                    "d.evtx",
                    "d.evtx",
                    ("unknown host of d.evtx", HostKnown::Unknown),
                    &[("DC01.min.example", 9)],
                ),
            ),
            said(
                "MX01",
                file("NODE4.zip!u.log", "NODE4.zip", ("NODE4", HostKnown::Collection), &[("NODE4", 9)]),
            ),
        ]);
        assert_eq!((found.full(LOOSE.0), found.full(other.0)), ("MX01", "MX01"));
        assert_eq!((found.known(LOOSE.0), found.known("MX01")), (HostKnown::Stated, HostKnown::Stated));
        assert_eq!((found.full("NODE4"), found.full("DC01.min.example")), ("NODE4", "DC01.min.example"));
        assert_eq!(slugs(&found), ["host-stated"]);
        assert!(found.issues[0].what.ends_with("--as-host MX01: u.log, x.aspx"), "{:?}", found.issues);
        // An event log given with the same word shows the full name.
        let found = hosts(&[
            said("MX01", file("u.log", "u.log", LOOSE, &[(LOOSE.0, 9)])),
            said("MX01", file("a.evtx", "a.evtx", own, &[(FULL, 9)])),
        ]);
        assert_eq!(found.full(LOOSE.0), FULL);
        // Given without it, it does not.
        let found = hosts(&[
            said("MX01", file("u.log", "u.log", LOOSE, &[(LOOSE.0, 9)])),
            file("a.evtx", "a.evtx", own, &[(FULL, 9)]),
        ]);
        assert_eq!(found.full(LOOSE.0), "MX01");
        assert_eq!(slugs(&found), ["hosts-may-be-one", "host-stated"]);
    }

    #[test]
    fn one_word_is_not_said_of_folders_of_two_computers() {
        let folder = |name: &'static str| file(name, name, (name, HostKnown::Folder), &[(name, 9)]);
        let found = hosts(&[said("MX03", folder("EXP7"))]);
        assert_eq!(found.full("EXP7"), "MX03");
        let found = hosts(&[said("MX01", folder("MX01")), said("MX01", folder("MX02"))]);
        assert_eq!((found.full("MX01"), found.known("MX01")), ("MX01", HostKnown::Stated));
        assert_eq!((found.full("MX02"), found.known("MX02")), ("MX02", HostKnown::Folder));
        assert_eq!(slugs(&found), ["host-unknown", "host-stated"]);
    }

    #[test]
    fn a_collection_of_another_computers_logs_is_told() {
        let found = hosts(&[file("MX01.zip!a.evtx", "MX01.zip", ZIP, &[("DC01.min.example", 9)])]);
        assert_eq!(slugs(&found), ["host-contradicted"]);
        assert_eq!(found.full("MX01"), "DC01.min.example");
    }
}
