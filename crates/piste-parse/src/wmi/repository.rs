//! A repository that was opened: which instances it has, live and deleted.
//!
//! In: the objects' file, its map and its index. Out: the instances by place, each known to be live or carved, and its rows
//! piece by piece. Old copies of one instance lie about in pages that were written anew: those that equal another to the byte
//! are counted with it and are no rows of their own.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use piste_model::hash::{RecordHash, record_hash};
use piste_model::{Issue, guard};

use super::WHOLE_FOLDER;
use super::class::{Definition, Layout, Target, Targets, hash};
use super::index::{Index, Place, Reference};
use super::instance::Instance;
use super::pages::{Maps, Pages};
use super::rows::{Carved, push};
use super::scan::{Hit, Scan, scan};
use crate::random_access::{OpenFile, ReadAt};
use crate::rows::Rows;
use crate::{Context, Parsed};

/// Instances of one piece.
const PIECE_ROWS: usize = 2_000;
/// Namespaces whose names are worked out.
const NAMESPACES_MAX: usize = 65_536;
/// Classes above a class.
const ABOVE_MAX: usize = 16;
/// Bytes of instances that are read beyond four times the file: instances that overlap are a trap.
const OVERLAP_MAX: u64 = 64 << 20;

/// What is known beside the objects.
pub(super) struct Known {
    pub(super) maps: Option<Maps>,
    pub(super) index: Option<Index>,
}

/// An instance that becomes a row.
#[derive(Debug)]
pub(super) struct Found {
    hit: Hit,
    /// Where the index leads to it.
    namespace: Option<String>,
    hash: RecordHash,
    /// Further copies of the same bytes.
    copies: u64,
    /// Where it was carved, what is known of it.
    carved: Option<Carved>,
}

/// A repository.
pub(super) struct Repository {
    pages: Pages,
    found: Vec<Found>,
    /// Names of namespaces by their hashes.
    namespaces: HashMap<String, String>,
    /// By namespace's hash and class.
    pub(super) layouts: HashMap<(String, Target), Layout>,
    /// Records that the index leads to and that are not there.
    missing: u64,
    /// Classes of consumers that bindings name and that are not read.
    unread: BTreeSet<String>,
    others: u64,
    cut: bool,
}

impl Repository {
    pub(super) fn open(content: Arc<dyn ReadAt>, known: &Known) -> io::Result<Self> {
        let pages = Pages::new(content, known.maps.as_ref());
        let kinds: Vec<Targets> = match &known.maps {
            Some(maps) => vec![Targets::new(maps.old)],
            None => vec![Targets::new(false), Targets::new(true)],
        };
        let old = known.maps.as_ref().is_some_and(|maps| maps.old);
        let scan = scan(pages.content.as_ref(), &kinds)?;
        let mut repository = Self {
            pages,
            found: Vec::new(),
            namespaces: HashMap::new(),
            layouts: HashMap::new(),
            missing: 0,
            unread: BTreeSet::new(),
            others: known.index.as_ref().map_or(0, |index| index.others),
            cut: scan.cut,
        };
        let live = match &known.index {
            Some(index) => {
                repository.read_layouts(index, old)?;
                repository.live(index)?
            }
            None => HashMap::new(),
        };
        repository.sort_out(scan, &live, known.index.is_some())?;
        repository.name_namespaces(old)?;
        repository.found.retain(|found| found.hit.target != Target::Namespace);
        Ok(repository)
    }

    /// The places of the records that the index knows, with their namespaces.
    fn live(&mut self, index: &Index) -> io::Result<HashMap<u64, String>> {
        let mut live = HashMap::new();
        for Reference { namespace, place, .. } in &index.references {
            guard::check();
            match self.pages.place(place.page, place.id)? {
                Some(offset) => {
                    live.insert(offset, namespace.clone());
                }
                None => self.missing += 1,
            }
        }
        Ok(live)
    }

    /// Reads the class definitions of the repository, each with those above it.
    fn read_layouts(&mut self, index: &Index, old: bool) -> io::Result<()> {
        let system = hash("__SystemClass", old);
        let mut namespaces: BTreeSet<&String> = index.references.iter().map(|one| &one.namespace).collect();
        let subscription = hash("root\\subscription", old);
        namespaces.insert(&subscription);
        for namespace in namespaces {
            guard::check();
            for target in super::class::TARGETS {
                let mut definitions = Vec::new();
                let mut class = target.class().to_owned();
                while !class.is_empty() && definitions.len() < ABOVE_MAX {
                    let hash = hash(&class, old);
                    let place = [namespace, &system]
                        .into_iter()
                        .find_map(|space| index.classes.get(&format!("{space}/{hash}")));
                    let Some(definition) = place.map(|place| self.definition(*place)).transpose()?.flatten()
                    else {
                        definitions.clear();
                        break;
                    };
                    class.clone_from(&definition.above);
                    definitions.push(definition);
                }
                if let Some(layout) = Layout::of(&definitions) {
                    self.layouts.insert((namespace.clone(), target), layout);
                }
            }
        }
        Ok(())
    }

    fn definition(&self, place: Place) -> io::Result<Option<Definition>> {
        const BYTES_MAX: u32 = 4 << 20;
        let Some(offset) = self.pages.place(place.page, place.id)? else { return Ok(None) };
        let bytes = usize::try_from(place.bytes.min(BYTES_MAX)).unwrap_or_default();
        Ok(Definition::of(&self.pages.record(offset, bytes)?))
    }

    /// Tells live from carved, and takes copies together.
    fn sort_out(&mut self, scan: Scan, live: &HashMap<u64, String>, indexed: bool) -> io::Result<()> {
        let most = self.pages.content.bytes().saturating_mul(4).saturating_add(OVERLAP_MAX);
        let (mut read, mut by_hash) = (0_u64, HashMap::new());
        let mut registered = BTreeSet::new();
        let (of_index, others): (Vec<Hit>, Vec<Hit>) =
            scan.hits.into_iter().partition(|hit| live.contains_key(&hit.offset));
        self.missing += (live.len() as u64).saturating_sub(of_index.len() as u64);
        for hit in of_index.into_iter().chain(others) {
            guard::check();
            read = read.saturating_add(hit.bytes as u64);
            if read > most {
                self.cut = true;
                break;
            }
            let bytes = self.pages.record(hit.offset, hit.bytes)?;
            let namespace = live.get(&hit.offset).cloned();
            let is_live = namespace.is_some();
            let instance = self.decode(&bytes, &hit, namespace.as_ref());
            if instance.is_none() && !is_live {
                continue; // a hash that stands in something else
            }
            let hash = record_hash(&bytes);
            if let Some(&at) = by_hash.get(&hash).filter(|_| !is_live) {
                if let Some(first) = self.found.get_mut::<usize>(at) {
                    first.copies += 1;
                }
                continue;
            }
            by_hash.insert(hash, self.found.len());
            let key = instance.as_ref().map(|instance| key(hit.target, instance));
            let carved = (!is_live).then(|| Carved {
                in_free_page: !self.pages.is_mapped(hit.offset),
                registered: indexed.then(|| key.as_ref().is_some_and(|key| registered.contains(key))),
            });
            if is_live {
                if hit.target == Target::Binding {
                    self.unread.extend(instance.as_ref().and_then(unread_class));
                }
                registered.extend(key);
            }
            self.found.push(Found { hit, namespace, hash, copies: 0, carved });
        }
        self.found.sort_by_key(|found| found.hit.offset);
        Ok(())
    }

    /// Works out the names of namespaces: each is an instance in the one above it, known by its hash.
    fn name_namespaces(&mut self, old: bool) -> io::Result<()> {
        let mut below: HashMap<String, Vec<String>> = HashMap::new();
        for found in self.found.iter().filter(|found| found.hit.target == Target::Namespace) {
            guard::check();
            let Some(above) = &found.namespace else { continue };
            let bytes = self.pages.record(found.hit.offset, found.hit.bytes)?;
            let instance = self.decode(&bytes, &found.hit, Some(above));
            if let Some(name) = instance.as_ref().and_then(|instance| instance.get("Name")) {
                below.entry(above.clone()).or_default().push(name.to_owned());
            }
        }
        // Each list of names is taken out once, so that no cycle can be walked.
        let mut open = vec!["root".to_owned()];
        while let Some(name) = open.pop() {
            guard::check();
            let hash = hash(&name, old);
            if self.namespaces.len() >= NAMESPACES_MAX {
                break;
            }
            let names = below.remove(&hash).unwrap_or_default();
            open.extend(names.iter().map(|one| format!("{name}\\{one}")));
            self.namespaces.insert(hash, name);
        }
        Ok(())
    }

    /// Reads an instance by the layout of its namespace; one that was carved by the first layout that fits to the byte.
    fn decode(&self, bytes: &[u8], hit: &Hit, namespace: Option<&String>) -> Option<Instance> {
        let own = namespace.and_then(|namespace| self.layouts.get(&(namespace.clone(), hit.target)));
        let shipped = hit.target.shipped();
        let others = self.layouts.iter().filter(|((_, target), _)| *target == hit.target);
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|((space, _), _)| space.clone());
        let others = others.into_iter().map(|(_, layout)| layout);
        let mut partly = None;
        for layout in own.into_iter().chain([&shipped]).chain(others) {
            let Some(instance) = Instance::of(bytes, hit.hash_bytes, layout) else { continue };
            if !instance.class.eq_ignore_ascii_case(hit.target.class()) {
                continue;
            }
            if instance.fits && instance.lost == 0 {
                return Some(instance);
            }
            partly.get_or_insert(instance);
        }
        partly
    }

    /// What a person should know of the repository as a whole.
    pub(super) fn tell(&self, cx: &Context<'_>, issues: &mut Vec<Issue>) {
        let mut tell = |slug, what: String, effect, hint: &str| {
            issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence));
        };
        if self.missing > 0 {
            let missing = self.missing;
            tell(
                "wmi-record-missing",
                format!(
                    "the index leads to {missing} event filters, consumers, bindings or namespaces that are not where it says"
                ),
                "these are not among the rows, unless an older copy was found, which is then marked as carved",
                WHOLE_FOLDER,
            );
        }
        if !self.unread.is_empty() {
            let names: Vec<String> = self.unread.iter().take(8).map(|name| format!("`{name}`")).collect();
            tell(
                "wmi-consumer-class",
                format!(
                    "bindings name consumers of classes that are not read: {} (of {} instances of other classes in the repository)",
                    names.join(", "),
                    self.others
                ),
                "what these consumers do is in the bindings' rows by name only",
                "look at them on the host: Get-CimInstance -Namespace root/subscription -ClassName CLASS",
            );
        }
        if self.cut {
            tell(
                "wmi-too-many",
                "the repository has more instances of these classes than are looked at".to_owned(),
                "those after the limit are not among the rows",
                "look at the file by hand: no sound repository has so many",
            );
        }
    }
}

/// What tells two instances of a class apart.
fn key(target: Target, instance: &Instance) -> (Target, String) {
    let part = |name| instance.get(name).unwrap_or_default();
    let text = match target {
        Target::Binding => format!("{}\n{}", part("Filter"), part("Consumer")),
        _ => part("Name").to_owned(),
    };
    (target, text.to_ascii_lowercase())
}

/// The class of a binding's consumer, where it is none of those that are read.
fn unread_class(binding: &Instance) -> Option<String> {
    let path = binding.get("Consumer")?;
    let path = match path.strip_prefix("\\\\") {
        Some(rest) => rest.split_once(':').map_or(rest, |(_, path)| path),
        None => path,
    };
    let class = path.split(['.', '=']).next().unwrap_or(path).trim();
    let read = super::class::TARGETS.iter().any(|target| target.class().eq_ignore_ascii_case(class));
    (!read && !class.is_empty()).then(|| class.chars().take(80).collect())
}

impl OpenFile for Repository {
    fn pieces(&self) -> usize {
        self.found.len().div_ceil(PIECE_ROWS)
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut rows = Rows::new(cx.sources, cx.evidence);
        let mut fields = crate::fields::Fields::default();
        let first = piece.saturating_mul(PIECE_ROWS);
        for (number, found) in self.found.iter().enumerate().skip(first).take(PIECE_ROWS) {
            guard::check();
            let hit = &found.hit;
            let bytes = self.pages.record(hit.offset, hit.bytes).unwrap_or_default();
            let Some(instance) = self.decode(&bytes, hit, found.namespace.as_ref()) else {
                let what = format!("an instance of {} cannot be read", hit.target.class());
                parsed.damaged(cx, "wmi-instance", hit.offset, Some(1), what, WHOLE_FOLDER);
                continue;
            };
            if instance.lost > 0 {
                let what = format!(
                    "{} values of an instance of {} cannot be read",
                    instance.lost,
                    hit.target.class()
                );
                parsed.damaged(cx, "wmi-instance", hit.offset, Some(0), what, WHOLE_FOLDER);
            }
            let namespace = found.namespace.as_ref();
            let name = namespace.map(|hash| self.namespaces.get(hash).map_or(hash.as_str(), String::as_str));
            let row = super::rows::Row {
                target: hit.target,
                instance: &instance,
                namespace: name,
                carved: found.carved.as_ref(),
                copies: found.copies,
                offset: hit.offset,
                record: i64::try_from(number + 1).unwrap_or(i64::MAX),
                hash: found.hash,
            };
            push(&row, cx, &mut fields, &mut rows);
            parsed.records += 1;
        }
        parsed.take_rows(cx, 0, rows);
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let at = self.found.binary_search_by_key(&offset, |found| found.hit.offset);
        match at.ok().and_then(|at| self.found.get(at)) {
            Some(found) => self.pages.record(offset, found.hit.bytes),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no instance begins there")),
        }
    }
}
