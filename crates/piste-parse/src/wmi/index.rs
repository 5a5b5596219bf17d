//! The index of a WMI repository: which records it knows.
//!
//! In: `INDEX.BTR` and the numbers of its pages in force. Out: the records of the classes that are asked for, each with the
//! hash of its namespace, and where the class definitions are. Every page in force is read once in the order of the file; the
//! tree is not walked, so that a damaged page costs its own keys and a cycle nothing. Facts: flare-wmi and dissect.cim.

use std::collections::{HashMap, HashSet};
use std::io;

use piste_model::guard;

use super::class::{Target, Targets};
use super::pages::{PAGE_BYTES, count_at, read, u16_at, u32_at};
use crate::random_access::ReadAt;

/// Bytes of the index that are read at once.
const STEP_BYTES: usize = 128 * PAGE_BYTES;
/// A page with keys.
const ACTIVE: u32 = 0xACCC;
/// References that are kept at most.
const REFERENCES_MAX: usize = 1 << 20;

/// Where the index says that a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) page: u32,
    pub(super) id: u32,
    pub(super) bytes: u32,
}

/// A record of a class that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub(super) target: Target,
    /// Hash of its namespace's name.
    pub(super) namespace: String,
    pub(super) place: Place,
}

/// What the index knows.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) references: Vec<Reference>,
    /// Class definitions by the hashes of namespace and class.
    pub(super) classes: HashMap<String, Place>,
    /// Instances of classes that are not looked for.
    pub(super) others: u64,
    /// Pages in force that hold no keys as they should.
    pub(super) damaged: u64,
    /// There were more references than are kept.
    pub(super) cut: bool,
}

impl Index {
    /// Reads every page in force.
    ///
    /// # Errors
    /// What the medium answers.
    pub(super) fn read(content: &dyn ReadAt, in_force: &[u32], targets: &Targets) -> io::Result<Self> {
        let in_force: HashSet<u32> = in_force.iter().copied().collect();
        let (mut index, mut seen) = (Self::default(), HashSet::new());
        let mut offset = 0;
        while offset < content.bytes() {
            guard::check();
            let bytes = read(content, offset, STEP_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            for (number, page) in (offset / PAGE_BYTES as u64..).zip(bytes.chunks(PAGE_BYTES)) {
                if !u32::try_from(number).is_ok_and(|number| in_force.contains(&number))
                    || u32_at(page, 0) != Some(ACTIVE)
                {
                    continue;
                }
                let whole = keys(page, |key| index.take(key, targets, &mut seen));
                index.damaged += u64::from(whole.is_none());
            }
            offset += bytes.len() as u64;
        }
        Ok(index)
    }

    fn take(&mut self, key: &str, targets: &Targets, seen: &mut HashSet<Place>) {
        // NS_<hash>/CI_<hash>/IL_<hash>.<page>.<id>.<bytes>
        let mut parts = key.split('/');
        let Some(namespace) = parts.next().and_then(|part| part.strip_prefix("NS_")) else { return };
        let Some(second) = parts.next() else { return };
        let last = parts.next().unwrap_or(second);
        let Some(place) = place(last) else { return };
        if let Some(class) = second.strip_prefix("CD_") {
            let class = class.split('.').next().unwrap_or(class);
            if self.classes.len() < REFERENCES_MAX {
                self.classes.insert(format!("{namespace}/{class}"), place);
            }
            return;
        }
        let Some(class) = second.strip_prefix("CI_").filter(|_| last.starts_with("IL_")) else { return };
        let Some(target) = targets.of_hash(class) else {
            self.others += 1;
            return;
        };
        if self.references.len() >= REFERENCES_MAX {
            self.cut = true;
        } else if seen.insert(place) {
            self.references.push(Reference { target, namespace: namespace.to_owned(), place });
        }
    }
}

/// The place at the end of a key.
fn place(part: &str) -> Option<Place> {
    let mut numbers = part.split('.').skip(1).map(|number| number.parse::<u32>().ok());
    Some(Place { page: numbers.next()??, id: numbers.next()??, bytes: numbers.next()?? })
}

/// Hands on each key of a page; `None` where the page's tables do not fit into it.
fn keys(page: &[u8], mut take: impl FnMut(&str)) -> Option<()> {
    let count = count_at(page, 16)?;
    let at_keys = 20_usize.checked_add(count.checked_mul(8)?)?.checked_add(4)?;
    let at_parts = at_keys.checked_add(count.checked_mul(2)?)?;
    let parts = usize::from(u16_at(page, at_parts)?);
    let at_strings = at_parts + 2 + parts * 2;
    let strings = usize::from(u16_at(page, at_strings)?);
    let data = page.get(at_strings + 2 + (strings + 1) * 2..)?;
    let table = |at: usize, number: usize| u16_at(page, at + number * 2).map(usize::from);
    let mut key = String::new();
    for number in 0..count {
        key.clear();
        let first = table(at_keys, number)?;
        for part in 0..table(at_parts + 2, first)? {
            let string = table(at_parts + 2, first + 1 + part).filter(|string| *string < strings)?;
            let bytes = data.get(table(at_strings + 2, string)?..)?;
            let end = memchr::memchr(0, bytes)?;
            if part > 0 {
                key.push('/');
            }
            key.push_str(std::str::from_utf8(bytes.get(..end)?).ok()?);
            if key.len() > PAGE_BYTES {
                return None;
            }
        }
        take(&key);
    }
    Some(())
}
