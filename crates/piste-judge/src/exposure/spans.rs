//! From when to when each flaw was open.
//!
//! In: the builds seen on one server. Out: for each flaw the spans in which it was open and those in which that is unknown.
//! Between two moments at which a sighting begins or ends, or a fix comes out, the answer does not change: it is asked at
//! each such moment and between them.

use std::collections::BTreeSet;

use piste_model::exchange::{Flaw, Release, Version, catalog};
use piste_model::{Exposure, Instant, OpenSpan};

use super::state::{Builds, Exposed, judge};

/// A change that is known to the day counts as known.
const DAY: i64 = 86_400_000_000_000;

/// A stretch of time with one answer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    exposed: Exposed,
    certain: bool,
    from: Instant,
    to: Instant,
}

/// Fills in `open` and `unknown_spans`.
pub(super) fn fill(server: &mut Exposure) {
    let (mut open, mut unknown) = (Vec::new(), Vec::new());
    for flaw in catalog().flaws() {
        let pieces = pieces(&Builds::of(server), flaw);
        let more = of_flaw(&pieces, flaw, server);
        open.extend(more.0);
        unknown.extend(more.1);
    }
    server.open = open;
    server.unknown_spans = unknown;
}

fn pieces(builds: &Builds<'_>, flaw: &Flaw) -> Vec<Piece> {
    let Some((start, end)) = builds.span() else { return Vec::new() };
    let mut edges: BTreeSet<Instant> = builds.edges().collect();
    edges.extend(fix_days(builds).filter(|day| start < *day && *day < end));
    let edges: Vec<Instant> = edges.into_iter().collect();
    let ask = |time: Instant, from: Instant, to: Instant| {
        let (exposed, certain) = judge(&builds.around(time)?, flaw, time);
        Some(Piece { exposed, certain, from, to })
    };
    let mut pieces = Vec::new();
    for (at, edge) in edges.iter().enumerate() {
        pieces.extend(ask(*edge, *edge, *edge));
        if let Some(next) = edges.get(at + 1) {
            let middle = Instant { nanos: edge.nanos.midpoint(next.nanos), digits: 9 };
            if middle.nanos > edge.nanos {
                pieces.extend(ask(middle, *edge, *next));
            }
        }
    }
    joined(pieces)
}

/// When builds came out, of every product that matters.
fn fix_days(builds: &Builds<'_>) -> impl Iterator<Item = Instant> {
    let lines: BTreeSet<(u16, u16)> =
        builds.versions().map(|version| (version.major, version.minor)).collect();
    catalog()
        .releases()
        .filter(move |release| lines.contains(&(release.version.major, release.version.minor)))
        .filter_map(Release::released_at)
        .collect::<BTreeSet<Instant>>()
        .into_iter()
}

/// Neighbours with one answer as one.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if last.exposed == piece.exposed => {
                last.to = piece.to;
                last.certain &= piece.certain;
            }
            _ => joined.push(piece),
        }
    }
    joined
}

/// (open, unknown) spans.
fn of_flaw(pieces: &[Piece], flaw: &Flaw, server: &Exposure) -> (Vec<OpenSpan>, Vec<OpenSpan>) {
    let (mut open, mut unknown) = (Vec::new(), Vec::new());
    let mut closed_until = None;
    let mut rest = pieces.iter().copied().peekable();
    while let Some(piece) = rest.next() {
        match piece.exposed {
            Exposed::Closed => closed_until = Some(piece.to),
            Exposed::Unknown => {
                let to = rest.peek().map(|_| piece.to);
                let was_long = piece.to.nanos.saturating_sub(piece.from.nanos) > DAY || to.is_none();
                if was_long {
                    unknown.push(span(flaw, server, (Some(piece.from), to), false));
                }
            }
            Exposed::Open => {
                let mut last = piece;
                let mut certain = piece.certain;
                // What lies between two open stretches is open too, and less sure.
                let mut after = rest.clone();
                while let (Some(gap), Some(again)) = (after.next(), after.next()) {
                    if (gap.exposed, again.exposed) != (Exposed::Unknown, Exposed::Open) {
                        break;
                    }
                    last = again;
                    certain = false;
                    rest.nth(1);
                }
                let ahead: Vec<Piece> = rest.clone().collect();
                let end = ahead.iter().find(|piece| piece.exposed == Exposed::Closed).map(|piece| piece.from);
                let gap = end.map_or(0, |end| end.nanos.saturating_sub(last.to.nanos));
                let ends_unknown = end.is_none() && !ahead.is_empty();
                let mut made =
                    span(flaw, server, (Some(piece.from), end), certain && gap <= DAY && !ends_unknown);
                made.from_not_before = closed_until;
                made.to_not_before = Some(last.to);
                open.push(made);
            }
        }
    }
    (open, unknown)
}

fn span(
    flaw: &Flaw,
    server: &Exposure,
    (from, to): (Option<Instant>, Option<Instant>),
    proven: bool,
) -> OpenSpan {
    let known = catalog();
    let builds = Builds::of(server);
    let version: Option<Version> =
        from.and_then(|from| builds.around(from)).and_then(|range| range.version());
    OpenSpan {
        cve: flaw.cve.clone(),
        from,
        to,
        proven,
        from_not_before: None,
        to_not_before: None,
        name: flaw.name.clone(),
        published: flaw.published_at(known).map(Instant::date),
        fix_released: version.and_then(|version| flaw.fix_released(known, version)).map(Instant::date),
        caveat: version.and_then(|version| known.stands(version, &flaw.cve).caveat).map(str::to_owned),
    }
}
