//! Whether a server had a flaw at a moment.
//!
//! In: the builds seen on it and the catalogue. Out: open, closed or unknown, with the words and the row behind it. At any
//! moment the build lay between the newest one seen at or before it and the oldest seen at or after it, and had been
//! released: the answer is what all releases in that range agree on. So a flaw is open before its fix was to be had, even
//! where only the cumulative update is known, and nothing is ever patched by silence.

use piste_model::exchange::{Flaw, Stands, Version, catalog};
use piste_model::reason::{BuildBasis, BuildSays};
use piste_model::{BuildSeen, Exposure, Instant, RowRef};

/// Whether a flaw was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposed {
    /// The build in force had the flaw.
    Open,
    /// It had the fix, or the flaw is not listed for the product.
    Closed,
    /// The evidence does not tell.
    Unknown,
}

/// The answer, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The answer.
    pub exposed: Exposed,
    /// Whether the build was known for that moment; otherwise it follows from sightings before or after it.
    pub certain: bool,
    /// What that rests on.
    pub basis: BuildBasis,
    /// The sighting that shows it.
    pub row: Option<RowRef>,
}

/// Whether `server` had the flaw `cve` at `time`.
pub fn state(server: &Exposure, cve: &str, time: Instant) -> State {
    let Some(flaw) = catalog().flaw(cve) else {
        return unknown(bare(BuildSays::NotInCatalogue, cve, &server.host));
    };
    let builds = Builds::of(server);
    let Some(range) = builds.around(time) else {
        return unknown(bare(BuildSays::NoBuild, cve, &server.host));
    };
    let (exposed, certain) = judge(&range, flaw, time);
    let row = range.seen().and_then(|seen| seen.row.clone());
    State { exposed, certain, basis: basis(&range, flaw, exposed, (time, &server.host)), row }
}

fn unknown(basis: BuildBasis) -> State {
    State { exposed: Exposed::Unknown, certain: false, basis, row: None }
}

/// What rests on no sighting.
fn bare(says: BuildSays, cve: &str, host: &str) -> BuildBasis {
    BuildBasis {
        says,
        cve: cve.to_owned(),
        host: host.to_owned(),
        build: String::new(),
        source: String::new(),
        first: None,
        last: None,
        next_build: None,
        next_first: None,
    }
}

/// Whether any of several flaws was open: open if one was, closed if all were, else unknown.
pub fn any_state(server: &Exposure, cves: &[&str], time: Instant) -> State {
    let mut answers: Vec<State> = cves.iter().map(|cve| state(server, cve, time)).collect();
    answers.sort_by_key(|answer| match answer.exposed {
        Exposed::Open => 0,
        Exposed::Unknown => 1,
        Exposed::Closed => 2,
    });
    let none = || unknown(bare(BuildSays::Nothing, "", &server.host));
    answers.into_iter().next().unwrap_or_else(none)
}

/// One build seen, as a number.
#[derive(Debug, Clone, Copy)]
struct Claim<'a> {
    version: Version,
    first: Instant,
    last: Instant,
    epoch: usize,
    seen: &'a BuildSeen,
}

/// All builds seen on a server.
pub(super) struct Builds<'a>(Vec<Claim<'a>>);

/// What lay before and after a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<'a> {
    low: Option<Claim<'a>>,
    high: Option<Claim<'a>>,
    /// Of the claim that holds the moment.
    at: Option<Claim<'a>>,
    /// Another upward run lies beyond the moment: it bounds nothing.
    broken: bool,
}

impl<'a> Builds<'a> {
    pub(super) fn of(server: &'a Exposure) -> Self {
        let mut epoch = 0;
        let claims = server.builds.iter().filter_map(|seen| {
            epoch += usize::from(seen.older);
            let version = Version::parse(&seen.build)?;
            Some(Claim { version, first: seen.first?, last: seen.last?, epoch, seen })
        });
        Self(claims.collect())
    }

    /// First and last sighting of all.
    pub(super) fn span(&self) -> Option<(Instant, Instant)> {
        let first = self.0.iter().map(|claim| claim.first).min()?;
        Some((first, self.0.iter().map(|claim| claim.last).max()?))
    }

    /// Every moment at which a sighting begins or ends.
    pub(super) fn edges(&self) -> impl Iterator<Item = Instant> {
        self.0.iter().flat_map(|claim| [claim.first, claim.last])
    }

    /// Every build.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version> {
        self.0.iter().map(|claim| claim.version)
    }

    /// The bounds at a moment; `None` where no build was seen at all.
    pub(super) fn around(&self, time: Instant) -> Option<Range<'a>> {
        let nanos = time.nanos;
        let before = || self.0.iter().filter(move |claim| claim.first.nanos <= nanos);
        let after = || self.0.iter().filter(move |claim| claim.last.nanos >= nanos);
        let epoch_low = before().map(|claim| claim.epoch).max();
        let epoch_high = after().map(|claim| claim.epoch).min();
        let low = before().filter(|claim| Some(claim.epoch) == epoch_low).max_by_key(|claim| claim.version);
        let high = after()
            .filter(|claim| Some(claim.epoch) == epoch_high)
            .min_by_key(|claim| highest(claim.version));
        let holding = before().filter(|claim| claim.last.nanos >= nanos);
        let at = holding.max_by_key(|claim| (claim.version.revision.is_some(), claim.version));
        let broken = epoch_low.zip(epoch_high).is_some_and(|(low, high)| low != high);
        let some = low.is_some() || high.is_some();
        some.then_some(Range { low: low.copied(), high: high.copied(), at: at.copied(), broken })
    }
}

impl<'a> Range<'a> {
    /// The build that tells most.
    pub(super) fn version(&self) -> Option<Version> {
        self.at.or(self.low).or(self.high).map(|claim| claim.version)
    }

    /// The sighting that tells most: the one that holds the moment, else the one before it, else the one after.
    fn seen(&self) -> Option<&'a BuildSeen> {
        self.at.or(self.low).or(self.high).map(|claim| claim.seen)
    }
}

/// The highest build that three parts stand for.
fn highest(version: Version) -> Version {
    Version { revision: version.revision.or(Some(u32::MAX)), ..version }
}

/// The answer, and whether the build was known.
pub(super) fn judge(range: &Range<'_>, flaw: &Flaw, time: Instant) -> (Exposed, bool) {
    let stands = |claim: Claim<'_>| match catalog().stands(claim.version, &flaw.cve).stands {
        Stands::Open => Exposed::Open,
        Stands::Closed | Stands::NotListed => Exposed::Closed,
        Stands::Unknown => Exposed::Unknown,
    };
    if range.broken {
        return (Exposed::Unknown, false);
    }
    if let Some(at) = range.at.filter(|at| at.version.revision.is_some()) {
        let blind =
            at.seen.perhaps_updated && stands(at) == Exposed::Open && !before_fix(flaw, at.version, time);
        return (stands(at), !blind);
    }
    match (range.low.map(stands), range.high.map(stands)) {
        // Who has a fix does not lose it with the next update.
        (Some(Exposed::Closed), None) => (Exposed::Closed, range.at.is_some()),
        (Some(Exposed::Closed), Some(Exposed::Closed)) => (Exposed::Closed, true),
        (Some(Exposed::Open), Some(Exposed::Open)) => (Exposed::Open, true),
        _ => (agreed(range, flaw, time), true),
    }
}

/// Whether no update of this line with the fix had been released.
fn before_fix(flaw: &Flaw, version: Version, time: Instant) -> bool {
    let line = Version { revision: Some(u32::MAX), ..version };
    flaw.first_fix(catalog(), version, Some(line)).is_none_or(|released| time.nanos < released.nanos)
}

/// What all releases agree on that may have been in force.
fn agreed(range: &Range<'_>, flaw: &Flaw, time: Instant) -> Exposed {
    let Some(any) = range.low.or(range.high) else { return Exposed::Unknown };
    let low = range.low.map(|claim| claim.version);
    let high = range.high.map(|claim| highest(claim.version));
    let known = catalog();
    let possible = known.releases().filter(|release| {
        let version = release.version;
        (version.major, version.minor) == (any.version.major, any.version.minor)
            && low.is_none_or(|low| version >= low)
            && high.is_none_or(|high| version <= high)
            && release.released_at().is_some_and(|released| released.nanos <= time.nanos)
    });
    let exact = low.filter(|low| low.revision.is_some());
    let versions = possible.map(|release| release.version).chain(exact);
    let mut answers = versions.map(|version| known.stands(version, &flaw.cve).stands);
    let fold = |stands| match stands {
        Stands::Open => Exposed::Open,
        Stands::Closed | Stands::NotListed => Exposed::Closed,
        Stands::Unknown => Exposed::Unknown,
    };
    let Some(first) = answers.next().map(fold) else { return Exposed::Unknown };
    if answers.all(|answer| fold(answer) == first) { first } else { Exposed::Unknown }
}

/// A build with its name, as in `15.1.2176.2 (CU19)`.
pub(super) fn named(seen: &BuildSeen) -> String {
    match &seen.release {
        Some(release) => format!("{} ({release})", seen.build),
        None => seen.build.clone(),
    }
}

/// A time without the fractions that its source has.
fn plain(time: Option<Instant>) -> Option<Instant> {
    time.map(|time| Instant { digits: 0, ..time })
}

fn basis(range: &Range<'_>, flaw: &Flaw, exposed: Exposed, (time, host): (Instant, &str)) -> BuildBasis {
    let Some(seen) = range.seen() else { return bare(BuildSays::NoBuild, &flaw.cve, host) };
    let full = range.at.is_some_and(|at| at.version.revision.is_some());
    let says = match exposed {
        _ if range.broken => BuildSays::OlderAfterNewer,
        Exposed::Open if full && seen.perhaps_updated && !judge(range, flaw, time).1 => {
            BuildSays::HasPerhapsUpdated
        }
        Exposed::Open if full => BuildSays::Has,
        Exposed::Open => BuildSays::NoFixReleased,
        Exposed::Closed if range.at.is_some() => BuildSays::HasNot,
        Exposed::Closed => BuildSays::HasNotSince,
        Exposed::Unknown => says_unknown(range),
    };
    let next = range.high.filter(|_| says == BuildSays::InstallUnknown).map(|claim| claim.seen);
    BuildBasis {
        build: named(seen),
        source: seen.source.clone(),
        first: plain(seen.first),
        last: plain(seen.last),
        next_build: next.map(named),
        next_first: next.and_then(|next| plain(next.first)),
        ..bare(says, &flaw.cve, host)
    }
}

fn says_unknown(range: &Range<'_>) -> BuildSays {
    match (range.at, range.low, range.high) {
        (Some(at), ..) if at.version.revision.is_none() => BuildSays::UpdateUnknown,
        (Some(_), ..) => BuildSays::NotProven,
        (None, Some(_), Some(_)) => BuildSays::InstallUnknown,
        (None, Some(_), None) => BuildSays::NoneAfter,
        _ => BuildSays::NoneBefore,
    }
}
