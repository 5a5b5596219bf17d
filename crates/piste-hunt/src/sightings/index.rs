//! Indicators by what is looked up.
//!
//! In: [`Indicators`]. Out: for a token, in its normal form, the test that asks for it; for a test, the indicators that rest on
//! it. All of it is hash sets: a million indicators cost a look-up as a thousand do.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet, HashTable};
use ipnet::IpNet;
use piste_rules::indicators::{Indicators, Test, host_of_url};

use super::bloom::Bloom;
use super::patterns::Patterns;
use super::phrases::Phrases;

/// A test that stands once however many indicators ask for it.
pub(super) type Slot = u32;

/// What kind of text a token is: the same text means another thing as a domain and as a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    V4 = 1,
    V6,
    Domain,
    Url,
    Hash,
    Mail,
    Path,
    Agent,
    Mutex,
    Pipe,
    Registry,
    Command,
}

/// Where a test stands, and who asks for it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Indicator and place of the test in it.
    at: (u32, u8),
    /// The indicator that is this test alone.
    pub(super) alone: Option<u32>,
    /// Indicators of which it is a part.
    pub(super) part_of: Vec<u32>,
}

/// The look-up.
pub(super) struct Index<'i> {
    pub(super) indicators: &'i Indicators,
    pub(super) asked: Vec<Asked>,
    table: HashTable<Slot>,
    bloom: Bloom,
    /// Prefix lengths with their networks.
    nets: Vec<(bool, u8, HashMap<u128, Slot, FixedState>)>,
    /// Last labels of domains; hosts of web addresses.
    tops: HashSet<u64, FixedState>,
    url_hosts: HashSet<u64, FixedState>,
    pub(super) phrases: Phrases,
    pub(super) patterns: Patterns,
    pub(super) has_v6: bool,
}

/// The text that a test is looked up by; `None` where it is looked up otherwise.
fn key(test: &Test) -> Option<(Tag, &str)> {
    match test {
        Test::Domain(text) => Some((Tag::Domain, text)),
        Test::Url(text) => Some((Tag::Url, text)),
        Test::Hash(text) => Some((Tag::Hash, text)),
        Test::Mail(text) => Some((Tag::Mail, text)),
        Test::Path(text) => Some((Tag::Path, text)),
        Test::Agent(text) => Some((Tag::Agent, text)),
        Test::Mutex(text) => Some((Tag::Mutex, text)),
        Test::Pipe(text) => Some((Tag::Pipe, text)),
        Test::Registry(text) => Some((Tag::Registry, text)),
        Test::CommandLine(text) => Some((Tag::Command, text)),
        Test::V4(_) | Test::V6(_) | Test::Net(_) | Test::Matches(..) | Test::Port(_) => None,
    }
}

pub(super) fn hash_of(tag: Tag, bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u8(tag as u8);
    hasher.write(bytes);
    hasher.finish()
}

fn hash_test(test: &Test) -> u64 {
    match (test, key(test)) {
        (_, Some((tag, text))) => hash_of(tag, text.as_bytes()),
        (Test::V4(address), _) => hash_of(Tag::V4, &address.octets()),
        (Test::V6(address), _) => hash_of(Tag::V6, &address.octets()),
        (test, None) => FixedState::default().hash_one(test),
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

impl<'i> Index<'i> {
    pub(super) fn new(indicators: &'i Indicators) -> Self {
        let count = indicators.all.len();
        let mut index = Self {
            indicators,
            asked: Vec::with_capacity(count),
            table: HashTable::with_capacity(count),
            bloom: Bloom::for_count(count),
            nets: Vec::new(),
            tops: HashSet::default(),
            url_hosts: HashSet::default(),
            phrases: Phrases::default(),
            patterns: Patterns::default(),
            has_v6: false,
        };
        for (at, indicator) in indicators.all.iter().enumerate() {
            let Ok(at) = u32::try_from(at) else { break };
            let tests = indicator.tests.all();
            for (place, test) in (0_u8..).zip(tests) {
                if matches!(test, Test::Port(_)) {
                    continue;
                }
                let slot = index.slot(at, place, test);
                let hosts = tests.len() - tests.iter().filter(|test| matches!(test, Test::Port(_))).count();
                let Some(asked) = usize::try_from(slot).ok().and_then(|slot| index.asked.get_mut(slot))
                else {
                    continue;
                };
                if tests.len() == 1 {
                    asked.alone = Some(at);
                } else {
                    debug_assert!(hosts > 0, "a port is never alone");
                    asked.part_of.push(at);
                }
            }
        }
        index.phrases.finish(&|slot| Self::phrase_of(&index.asked, indicators, slot));
        index.patterns.finish();
        index
    }

    fn test_of<'t>(asked: &[Asked], indicators: &'t Indicators, slot: Slot) -> Option<&'t Test> {
        let (at, place) = asked.get(usize::try_from(slot).ok()?)?.at;
        indicators.all.get(usize::try_from(at).ok()?)?.tests.all().get(usize::from(place))
    }

    /// What is looked for inside of paths and texts for a test.
    fn phrase_of<'t>(asked: &[Asked], indicators: &'t Indicators, slot: Slot) -> Option<(Tag, &'t str)> {
        key(Self::test_of(asked, indicators, slot)?)
    }

    /// The phrase of a slot.
    pub(super) fn phrase(&self, slot: Slot) -> Option<(Tag, &'i str)> {
        Self::phrase_of(&self.asked, self.indicators, slot)
    }

    /// The slot of a test, made if it is new.
    fn slot(&mut self, at: u32, place: u8, test: &Test) -> Slot {
        let hash = hash_test(test);
        let Self { table, asked, indicators, .. } = self;
        let known = table.find(hash, |slot| Self::test_of(asked, indicators, *slot) == Some(test));
        if let Some(slot) = known {
            return *slot;
        }
        let slot = u32::try_from(asked.len()).unwrap_or(u32::MAX);
        asked.push(Asked { at: (at, place), ..Asked::default() });
        table.insert_unique(hash, slot, |slot| Self::test_of(asked, indicators, *slot).map_or(0, hash_test));
        self.bloom.insert(hash);
        self.note(slot, test);
        slot
    }

    /// What else has to be known of a test.
    fn note(&mut self, slot: Slot, test: &Test) {
        match test {
            Test::Net(net) => {
                let (v4, length) = (matches!(net, IpNet::V4(_)), net.prefix_len());
                self.has_v6 |= !v4;
                let at =
                    self.nets.iter().position(|(v, l, _)| (*v, *l) == (v4, length)).unwrap_or_else(|| {
                        self.nets.push((v4, length, HashMap::default()));
                        self.nets.len() - 1
                    });
                if let Some((_, _, nets)) = self.nets.get_mut(at) {
                    nets.insert(bits_of(net.network()), slot);
                }
            }
            Test::V6(_) => self.has_v6 = true,
            Test::Domain(name) => {
                let top = name.rsplit('.').next().unwrap_or_default();
                self.tops.insert(hash_of(Tag::Domain, top.as_bytes()));
            }
            Test::Url(url) => {
                self.url_hosts.insert(hash_of(Tag::Url, host_of_url(url).as_bytes()));
            }
            Test::Path(text) | Test::Registry(text) | Test::Mutex(text) => self.phrases.push(slot, text),
            Test::Pipe(name) => self.phrases.push(slot, name),
            Test::Matches(kind, pattern, _) => self.patterns.push(slot, *kind, pattern),
            Test::V4(_)
            | Test::Hash(_)
            | Test::Mail(_)
            | Test::Agent(_)
            | Test::CommandLine(_)
            | Test::Port(_) => {}
        }
    }

    /// The test for a token in its normal form.
    pub(super) fn find(&self, tag: Tag, bytes: &[u8]) -> Option<Slot> {
        let hash = hash_of(tag, bytes);
        if !self.bloom.may_hold(hash) {
            return None;
        }
        let same = |slot: &Slot| {
            let test = Self::test_of(&self.asked, self.indicators, *slot);
            test.and_then(key).is_some_and(|(one, text)| one == tag && text.as_bytes() == bytes)
        };
        self.table.find(hash, same).copied()
    }

    /// The tests that an address meets.
    pub(super) fn address(&self, address: IpAddr, found: &mut Vec<Slot>) {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        found.extend(match address {
            IpAddr::V4(v4) => self.find_v4(v4),
            IpAddr::V6(v6) => self.find_v6(v6),
        });
        let (v4, bits, value) =
            (address.is_ipv4(), if address.is_ipv4() { 32 } else { 128 }, bits_of(address));
        for (_, length, nets) in self.nets.iter().filter(|(v, _, _)| *v == v4) {
            let dropped = u32::from(bits - *length);
            let network = value.checked_shr(dropped).and_then(|high| high.checked_shl(dropped)).unwrap_or(0);
            found.extend(nets.get(&network));
        }
    }

    fn find_v4(&self, address: Ipv4Addr) -> Option<Slot> {
        let hash = hash_of(Tag::V4, &address.octets());
        let wanted = Test::V4(address);
        self.bloom.may_hold(hash).then(|| self.find_test(hash, &wanted)).flatten()
    }

    fn find_v6(&self, address: Ipv6Addr) -> Option<Slot> {
        let hash = hash_of(Tag::V6, &address.octets());
        let wanted = Test::V6(address);
        self.bloom.may_hold(hash).then(|| self.find_test(hash, &wanted)).flatten()
    }

    fn find_test(&self, hash: u64, wanted: &Test) -> Option<Slot> {
        let same = |slot: &Slot| Self::test_of(&self.asked, self.indicators, *slot) == Some(wanted);
        self.table.find(hash, same).copied()
    }

    /// Whether a name may be one of the domains, by its last label.
    pub(super) fn has_top(&self, top: &[u8]) -> bool {
        self.tops.contains(&hash_of(Tag::Domain, top))
    }

    /// Whether a web address with this host is looked for.
    pub(super) fn has_url_host(&self, host: &[u8]) -> bool {
        !self.url_hosts.is_empty() && self.url_hosts.contains(&hash_of(Tag::Url, host))
    }

    /// Whether any web address is looked for.
    pub(super) fn has_urls(&self) -> bool {
        !self.url_hosts.is_empty()
    }
}
