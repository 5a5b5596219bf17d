//! Several traces of one way in are one door.
//!
//! In: candidates of every producer: exploitation, files, requests, logons. Out: one door a (host, place), numbered D-1, D-2
//! and so on. The same candidates, in whatever order, give the same doors.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::hash::sha256_hex;
use piste_model::{Door, DoorState, Instant, Reason, ReasonKind};

use super::decode::page_key;
use super::words::earliest;

/// Reasons of one side that a door keeps.
const REASONS_MAX: usize = 60;
/// The kind of a door with several: the first of these that any candidate has.
const KINDS: [&str; 7] = [
    "webshell",
    "oab-external-url",
    "virtual-directory",
    "iis-module",
    "account",
    "exploit",
    "remote-access",
];

/// Joins the candidates and numbers the doors: the gravest verdict first, then the earliest.
pub fn join(candidates: Vec<Door>) -> Vec<Door> {
    let mut groups: BTreeMap<(String, String), Vec<Door>> = BTreeMap::new();
    for door in candidates {
        groups.entry((door.host.to_lowercase(), page_key(&door.place))).or_default().push(door);
    }
    let mut doors: Vec<Door> = groups.into_values().filter_map(one).collect();
    doors.sort_by(|a, b| {
        let when = |door: &Door| {
            earliest(door.opened.not_after, door.first_used).map_or(i64::MAX, |time| time.nanos)
        };
        b.verdict
            .cmp(&a.verdict)
            .then_with(|| when(a).cmp(&when(b)))
            .then_with(|| (&a.host, &a.place).cmp(&(&b.host, &b.place)))
    });
    for (door, number) in doors.iter_mut().zip(1_u64..) {
        door.id = format!("D-{number}");
    }
    doors
}

/// `kind`, `host` and `place` as one hash of 32 hex digits.
pub fn key_of(kind: &str, host: &str, place: &str) -> String {
    let text = [kind, &host.to_lowercase(), &page_key(place)].join("\u{1f}");
    sha256_hex(text.as_bytes()).chars().take(32).collect()
}

/// One door of several candidates.
fn one(mut candidates: Vec<Door>) -> Option<Door> {
    candidates.sort_by(|a, b| {
        let rank = |door: &Door| KINDS.iter().position(|kind| *kind == door.kind).unwrap_or(KINDS.len());
        (rank(a).cmp(&rank(b))).then_with(|| b.verdict.cmp(&a.verdict)).then_with(|| {
            (&a.kind, &a.place, &a.reasons, a.count).cmp(&(&b.kind, &b.place, &b.reasons, b.count))
        })
    });
    let mut candidates = candidates.into_iter();
    let first = candidates.next()?;
    let mut door = candidates.fold(first, merge);
    tidy(&mut door);
    Some(door)
}

fn merge(mut door: Door, other: Door) -> Door {
    // A file's path says more than its URL.
    if !door.place.contains('\\') && other.place.contains('\\') {
        door.place = other.place;
    }
    door.cve.extend(other.cve);
    door.verdict = door.verdict.max(other.verdict);
    door.state = match (door.state, other.state) {
        (DoorState::Unknown, state) | (state, DoorState::Unknown) => state,
        (one, other) if one == other => one,
        _ => {
            door.reasons.push(Reason::against(ReasonKind::SourcesDisagree {}));
            DoorState::Open
        }
    };
    // The corrected bound goes with the bound that it corrects.
    if other.opened.not_after.is_some_and(|at| door.opened.not_after.is_none_or(|known| at < known)) {
        door.opened.not_after = other.opened.not_after;
        door.opened.not_after_corrected = other.opened.not_after_corrected;
    }
    door.opened.not_before = later(door.opened.not_before, other.opened.not_before);
    door.first_used = earliest(door.first_used, other.first_used);
    door.last_used = later(door.last_used, other.last_used);
    door.sources.extend(other.sources);
    door.accounts.extend(other.accounts);
    door.reasons.extend(other.reasons);
    door.settle.extend(other.settle);
    let known: BTreeSet<_> = door.rows.iter().map(|row| (row.evidence_id, row.offset, row.record)).collect();
    let new: Vec<_> = other
        .rows
        .into_iter()
        .filter(|row| !known.contains(&(row.evidence_id, row.offset, row.record)))
        .collect();
    // Rows in both stand once; those past the list cannot be compared.
    let shared = other.count.min(u64::try_from(new.len()).unwrap_or(u64::MAX));
    door.count += if other.count > Door::MAX_ROWS as u64 { other.count } else { shared };
    door.rows.extend(new);
    door
}

fn later(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.max(other)
}

fn tidy(door: &mut Door) {
    for list in [&mut door.cve, &mut door.sources, &mut door.accounts] {
        list.retain(|text| !text.is_empty());
        list.sort_unstable();
        list.dedup();
    }
    door.sources.truncate(Door::MAX_SOURCES);
    door.accounts.truncate(Door::MAX_SOURCES);
    // What speaks against the verdict comes last; counts come first, then steps in the order of time, then what sums up.
    let (mut kept, mut against) = (single(&door.reasons, false), single(&door.reasons, true));
    kept.sort_by_key(Reason::order);
    kept.append(&mut against);
    door.reasons = kept;
    door.settle = single(&door.settle, false);
    if door.opened.not_before > door.opened.not_after {
        door.opened.not_before = None;
    }
    door.rows.truncate(Door::MAX_ROWS);
    door.key = key_of(&door.kind, &door.host, &door.place);
}

/// The reasons of one side, each once.
fn single(reasons: &[Reason], against: bool) -> Vec<Reason> {
    let mut known = BTreeSet::new();
    let of_side = reasons.iter().filter(|reason| reason.against == against);
    of_side.filter(|reason| known.insert(*reason)).take(REASONS_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::{DoorVerdict, EvidenceId, Opened, RowRef};
    use proptest::prelude::*;

    #[expect(clippy::unnecessary_wraps, reason = "a door's times are optional")]
    fn at(second: i64) -> Option<Instant> {
        Some(Instant { nanos: second * 1_000_000_000, digits: 0 })
    }

    fn door(kind: &str, place: &str, verdict: DoorVerdict, second: i64) -> Door {
        Door {
            id: String::new(),
            key: String::new(),
            kind: kind.to_owned(),
            cve: vec![],
            host: "MX01.min.example".to_owned(),
            host_known: piste_model::HostKnown::default(),
            place: place.to_owned(),
            verdict,
            state: DoorState::Unknown,
            opened: Opened { not_after: at(second), ..Opened::default() },
            first_used: at(second + 1),
            last_used: at(second + 2),
            sources: vec![format!("203.0.113.{second}")],
            accounts: vec![],
            reasons: vec![
                Reason {
                    time: at(second),
                    ..Reason::of(ReasonKind::DesktopConnected { address: "203.0.113.7".to_owned() })
                },
                Reason::of(ReasonKind::MoreRows { more: second.unsigned_abs() }),
            ],
            settle: vec![],
            why: vec![],
            against: vec![],
            missing: vec![],
            close: "delete the page".to_owned(),
            rows: vec![RowRef {
                evidence_id: EvidenceId(1),
                path: "u_ex.log".to_owned(),
                record: second,
                offset: 7,
                file_sha256: String::new(),
                record_hash: String::new(),
            }],
            count: 1,
        }
    }

    fn candidates() -> Vec<Door> {
        let file = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth\x.aspx";
        vec![
            door("webshell", "/owa/auth/x.aspx", DoorVerdict::Used, 50),
            door("webshell", file, DoorVerdict::Succeeded, 20),
            door("webshell", "/OWA/auth/X.aspx", DoorVerdict::Used, 50),
            door("exploit", "/ecp", DoorVerdict::Probed, 5),
            door("oab-external-url", "OAB (Default Web Site)", DoorVerdict::Used, 10),
        ]
    }

    #[test]
    fn a_page_seen_as_file_and_by_requests_is_one_door() {
        let doors = join(candidates());
        let shown: Vec<String> = doors
            .iter()
            .map(|door| format!("{} {} {:?} x{}", door.id, door.kind, door.verdict, door.count))
            .collect();
        assert_eq!(shown, ["D-1 oab-external-url Used x1", "D-2 webshell Used x2", "D-3 exploit Probed x1"]);
        let page = doors.get(1).expect("three");
        assert!(page.place.contains(r"\owa\auth\x.aspx"), "the file's path is shown: {}", page.place);
        assert_eq!((page.opened.not_after, page.first_used, page.last_used), (at(20), at(21), at(52)));
        assert_eq!(page.sources, ["203.0.113.20", "203.0.113.50"]);
        let times: Vec<Option<Instant>> = page.reasons.iter().map(|reason| reason.time).collect();
        assert_eq!(times, [at(20), at(50), None, None], "steps in the order of time, then what sums up");
        assert_eq!(page.rows.len(), 2);
    }

    proptest! {
        #[test]
        fn the_order_of_candidates_does_not_matter(order in Just(candidates()).prop_shuffle()) {
            prop_assert_eq!(join(order), join(candidates()));
        }
    }
}
