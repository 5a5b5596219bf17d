//! Archives made to fill the disk, the memory or the day: sealing ends within its limits and says what was left.
//!
//! In: small archives and smaller limits. Out: what was read before the limit, and one issue for what was not.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use piste_lake::pipeline::{self, Step};
use piste_lake::plan::plan;
use piste_lake::seal::Intake;
use piste_lake::store::{Attachment, Standing, UnitRecord};
use piste_lake::{Lake, LakeError, Limits, Sealer};
use piste_model::EvidenceId;
use piste_model::evidence::EvidenceState;
use piste_model::sources::Sources;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LINE: &[u8] = b"{\"EventID\":1,\"Channel\":\"Security\",\"Hostname\":\"MX01\"}\n";

/// Limits that a test reaches at once.
const SMALL: Limits = Limits {
    depth_max: 3,
    members_max: 100,
    members_free: 100,
    bytes_a_member: 100,
    names_bytes_free: 1 << 16,
    names_factor: 1,
    inflated_bytes_free: 1 << 16,
    inflation_max: 10,
};

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).expect("a member begins");
        writer.write_all(bytes).expect("a member is written");
    }
    writer.finish().expect("a zip ends").into_inner()
}

fn seal(folder: &Path, bytes: &[u8], limits: Limits) -> Result<Intake, LakeError> {
    let path = folder.join("given.zip");
    std::fs::write(&path, bytes).expect("a file is written");
    let tmp = folder.join("case/tmp");
    Sealer::with_limits(&tmp, Vec::new(), limits, &|_| {}).seal(&[path])
}

/// Seals the archive and names its items with their state, and its issues.
#[track_caller]
fn check(bytes: &[u8], limits: Limits, items: &[(&str, EvidenceState)], slugs: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    Lake::open(&folder.path().join("case")).expect("a lake");
    let intake = seal(folder.path(), bytes, limits).expect("it is sealed");
    let found: Vec<_> = intake.items.iter().map(|item| (item.path.as_str(), item.state)).collect();
    assert_eq!(found, items, "{:?}", intake.issues);
    let issues: Vec<_> =
        intake.issues.iter().map(|issue| (issue.slug.as_ref(), issue.path.as_str())).collect();
    assert_eq!(issues, slugs);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("case/tmp")).expect("it lists").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_bomb_is_read_up_to_its_limit_and_what_comes_before_it_is_kept() {
    use EvidenceState::{Container, Read, Unread};
    let bomb = vec![0; 8 << 20];
    let bytes = zip(&[("a.jsonl", LINE), ("bomb", &bomb), ("b.jsonl", LINE), ("c.jsonl", LINE)]);
    check(
        &bytes,
        SMALL,
        &[("given.zip", Container), ("given.zip!a.jsonl", Read), ("given.zip!bomb", Unread)],
        &[("archive-bomb", "given.zip!bomb"), ("archive-bomb", "given.zip")],
    );
    // The limit is for the file as given: an archive inside cannot hide the bomb, nor have a limit of its own.
    let nested = zip(&[("in.zip", &bytes), ("d.jsonl", LINE)]);
    check(
        &nested,
        SMALL,
        &[
            ("given.zip", Container),
            ("given.zip!in.zip", Container),
            ("given.zip!in.zip!a.jsonl", Read),
            ("given.zip!in.zip!bomb", Unread),
        ],
        &[
            ("archive-bomb", "given.zip!in.zip!bomb"),
            ("archive-bomb", "given.zip!in.zip"),
            ("archive-bomb", "given.zip"),
        ],
    );
}

#[test]
fn many_small_members_are_a_bomb_too() {
    let names: Vec<String> = (0..40).map(|n| format!("{n:02}")).collect();
    let bytes = vec![0; 4_000];
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), bytes.as_slice())).collect();
    let folder = tempfile::tempdir().expect("a scratch folder");
    Lake::open(&folder.path().join("case")).expect("a lake");
    let limits = Limits { inflation_max: 0, ..SMALL };
    let intake = seal(folder.path(), &zip(&members), limits).expect("it is sealed");
    let inflated: u64 = intake.items.iter().skip(1).map(|item| item.bytes).sum();
    assert!(inflated <= (1 << 16) + 4_000, "{inflated}");
    assert_eq!(intake.issues.last().map(|issue| issue.slug.as_ref()), Some("archive-bomb"));
}

#[test]
fn members_are_counted_over_all_archives_within() {
    let names: Vec<String> = (0..70).map(|n| format!("{n:02}.jsonl")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), LINE)).collect();
    let inner = zip(&members);
    let folder = tempfile::tempdir().expect("a scratch folder");
    Lake::open(&folder.path().join("case")).expect("a lake");
    let limits = Limits { inflated_bytes_free: 1 << 20, ..SMALL };
    let intake =
        seal(folder.path(), &zip(&[("a.zip", &inner), ("b.zip", &inner)]), limits).expect("it is sealed");
    let read = intake.items.iter().filter(|item| item.state == EvidenceState::Read).count();
    assert_eq!(read, 98, "100 less the two zips");
    let issues: Vec<_> =
        intake.issues.iter().map(|issue| (issue.slug.as_ref(), issue.effect.as_str())).collect();
    assert_eq!(issues, [("archive-members", "42 further members were not examined")]);
}

#[test]
fn containers_deeper_than_the_limit_are_not_opened() {
    use EvidenceState::{Container, Unread};
    let mut bytes = zip(&[("a.jsonl", LINE)]);
    for _ in 0..3 {
        bytes = zip(&[("z", &bytes)]);
    }
    check(
        &bytes,
        SMALL,
        &[
            ("given.zip", Container),
            ("given.zip!z", Container),
            ("given.zip!z!z", Container),
            ("given.zip!z!z!z", Unread),
        ],
        &[("archive-depth", "given.zip!z!z!z")],
    );
}

#[test]
fn a_list_of_members_that_would_fill_the_memory_is_not_read() {
    // 20,000 members with names of 200 bytes: a list of 5 MB, which packs to a fraction.
    let names: Vec<String> = (0..20_000).map(|n| format!("{n:0200}")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    let inner = zip(&members);
    let bytes = zip(&[("in.zip", &inner)]);
    assert!(bytes.len() * 10 < inner.len(), "{} of {}", bytes.len(), inner.len());
    let folder = tempfile::tempdir().expect("a scratch folder");
    Lake::open(&folder.path().join("case")).expect("a lake");
    let limits = Limits { inflated_bytes_free: 1 << 30, ..SMALL };
    let intake = seal(folder.path(), &bytes, limits).expect("it is sealed");
    let issue = intake.issues.first().expect("it is named");
    assert_eq!(issue.slug, "archive-names");
    assert!(issue.what.contains("does not lie within"), "{}", issue.what);
    assert!(intake.items.len() <= SMALL.members_max + 2, "{}", intake.items.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_to_an_archive_stops_the_sealing(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        keep in 0.2..1.0_f64,
    ) {
        let inner = zip(&[("a.jsonl", LINE), ("b/", b""), ("c.jsonl", &LINE.repeat(50))]);
        let mut bytes = zip(&[("in.zip", &inner), ("d.jsonl", LINE)]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        let folder = tempfile::tempdir().expect("a scratch folder");
        Lake::open(&folder.path().join("case")).expect("a lake");
        let intake = seal(folder.path(), &bytes, SMALL).expect("damage is an issue");
        // Whatever is left out is named.
        let unread = intake.items.iter().any(|item| item.state == EvidenceState::Unread);
        prop_assert!(!unread || !intake.issues.is_empty());
    }
}

#[test]
fn a_case_that_takes_no_copy_of_an_inner_zip_stops_the_run() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let bytes = zip(&[("in.zip", &zip(&[("a.jsonl", LINE)]))]);
    let error = seal(folder.path(), &bytes, SMALL).expect_err("there is no tmp");
    assert!(matches!(error, LakeError::Write { .. }), "{error:?}");
}

#[test]
fn evidence_that_goes_away_between_sealing_and_reading_is_read_by_the_next_run() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let lake = Lake::open(&folder.path().join("case")).expect("a lake");
    let mut intake =
        seal(folder.path(), &zip(&[("a.jsonl", LINE)]), Limits::default()).expect("it is sealed");
    for (at, item) in (1..).zip(&mut intake.items) {
        item.id = EvidenceId(at);
    }
    std::fs::remove_file(folder.path().join("given.zip")).expect("it is removed");
    let units = plan(&intake.items, "test", "");
    let input = pipeline::Input {
        items: &intake.items,
        units: &units,
        done: &[false],
        left_out: &std::collections::BTreeSet::new(),
        tmp: lake.tmp(),
        passwords: &[],
        sources: &Sources::default(),
        threads: 2,
        time: piste_lake::FileTime::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let mut record = UnitRecord::default();
    let mut ended = 0;
    pipeline::run(&input, &|_, parsed| parsed.records, &mut |step| {
        match step {
            Step::Block(..) => panic!("there is nothing to read"),
            Step::Failed(item, issue) => {
                assert_eq!(issue.slug, "evidence-unreadable");
                record.item(intake.items[item].id).failed = true;
            }
            Step::Changed(..) => panic!("what is not there has not changed"),
            Step::UnitEnd(_) => ended += 1,
        }
        Ok(())
    })
    .expect("one file stops no run");
    assert_eq!(ended, 1);
    assert!(record.items.values().any(|item| item.failed));
    let unit = units.first().expect("there is one");
    let attachments =
        [Attachment::Copies, Attachment::Identities].map(|one| (lake.attachment(unit, one), b"".as_slice()));
    lake.write_unit(unit, Vec::new(), &mut record, &attachments).expect("it is written");
    assert_eq!(lake.unit(unit).expect("it reads"), Standing::Absent, "the unit is to be done again");
    let mut record = UnitRecord::default();
    lake.write_unit(unit, Vec::new(), &mut record, &attachments).expect("it is written");
    assert_eq!(lake.unit(unit).expect("it reads"), Standing::Whole(Box::new(record)));
    std::fs::write(lake.attachment(unit, Attachment::Copies), "{}").expect("it is changed");
    let unfit = format!("units/{}.copies.jsonl", unit.key);
    assert_eq!(lake.unit(unit).expect("it reads"), Standing::Unfit(unfit), "a changed file is named");
}
