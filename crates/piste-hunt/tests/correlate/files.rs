//! Run files: more than can be open at once, and those that are damaged.

use std::path::Path;

use piste_hunt::correlate::{CorrelateError, Correlator, Gathered};
use piste_model::EvidenceId;

use super::support::{Row, batch, correlations, rows, sweep, yaml};

const COUNT: &str = "type: event_count; rules: [a]; group-by: [User]; timespan: 1m; condition: {gte: 3}";

#[test]
fn more_runs_than_can_be_open_at_once_are_merged_in_passes() {
    let correlations = correlations(&yaml(COUNT));
    let correlator = Correlator::new(&correlations);
    let all =
        rows(&(0..400).map(|n| format!("{} a User=u{}", n * 7 % 400, n % 5)).collect::<Vec<_>>().join(";"));
    let one_by_one: Vec<Vec<Row>> = all.iter().map(|row| vec![row.clone()]).collect();
    assert!(one_by_one.len() > 64 * 4);
    let (hits, _) = sweep(&correlator, &one_by_one);
    assert_eq!(hits, sweep(&correlator, &[all]).0);
    assert_eq!(hits.len(), 5);
}

#[test]
fn no_runs_give_no_hits() {
    let correlations = correlations(&yaml(COUNT));
    let correlator = Correlator::new(&correlations);
    assert_eq!(sweep(&correlator, &[]).0, []);
    assert_eq!(sweep(&correlator, &[vec![], vec![]]).0, []);
    assert!(correlator.wants(0) && !correlator.wants(1));
}

fn written(correlator: &Correlator, path: &Path) -> Vec<u8> {
    let mut gathered = Gathered::default();
    for row in rows("0 a User=bob; 1 a User=bob; 2 a User=eve; 3 a User=bob") {
        correlator.contribute(0, &batch(&row), 0, EvidenceId(1), &mut gathered);
    }
    assert_eq!(gathered.len(), 4);
    gathered.write(path).unwrap();
    assert!(gathered.is_empty(), "what is written is not held any more");
    std::fs::read(path).unwrap()
}

/// What a sweep over these bytes says.
fn swept(correlator: &Correlator, folder: &Path, bytes: &[u8]) -> Result<usize, CorrelateError> {
    let path = folder.join("damaged.run");
    std::fs::write(&path, bytes).unwrap();
    let mut hits = 0;
    let outcome = correlator.sweep(&[path], folder, &mut |_| {
        hits += 1;
        Ok(())
    });
    outcome.map(|_| hits)
}

#[test]
fn damage_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let correlator = Correlator::new(&correlations(&yaml(COUNT)));
    let good = written(&correlator, &folder.path().join("good.run"));
    assert_eq!(swept(&correlator, folder.path(), &good).unwrap(), 1);
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        let outcome = swept(&correlator, folder.path(), &flipped);
        assert!(matches!(outcome, Err(CorrelateError::Damaged { .. })), "bit of byte {at}: {outcome:?}");
        let outcome = swept(&correlator, folder.path(), &good[..at]);
        assert!(matches!(outcome, Err(CorrelateError::Damaged { .. })), "cut at {at}: {outcome:?}");
    }
    let outcome = swept(&correlator, folder.path(), &[]).unwrap_err().to_string();
    assert!(outcome.contains("damaged.run` is damaged at byte 0: it ends too early"), "{outcome}");
    let missing = correlator.sweep(&[folder.path().join("none.run")], folder.path(), &mut |_| Ok(()));
    assert!(matches!(missing, Err(CorrelateError::Read { .. })));
}

#[test]
fn a_hit_that_cannot_be_taken_stops_the_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let correlator = Correlator::new(&correlations(&yaml(COUNT)));
    let path = folder.path().join("good.run");
    written(&correlator, &path);
    let outcome = correlator.sweep(&[path], folder.path(), &mut |_| Err(CorrelateError::Emit("full".into())));
    assert!(matches!(outcome, Err(CorrelateError::Emit(_))));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the run itself is left");
}

#[test]
fn copies_are_left_out() {
    let correlator = Correlator::new(&correlations(&yaml(COUNT)));
    let mut gathered = Gathered::default();
    for row in rows("0 a User=bob; 1 a User=bob; 1 a User=bob") {
        let mut more = Gathered::default();
        correlator.contribute(0, &batch(&row), 0, EvidenceId(1), &mut more);
        gathered.append(more);
    }
    gathered.leave_out(&|place| place.record == 2);
    assert_eq!(gathered.len(), 2);
}

#[test]
fn hostile_texts_are_only_texts() {
    let folder = tempfile::tempdir().unwrap();
    let correlator = Correlator::new(&correlations(&yaml(COUNT)));
    let mut gathered = Gathered::default();
    for user in ["\0", "", "\u{1f}; 1 a", "\u{202e}x\n\"", &"A".repeat(1 << 20)] {
        for record in 0..3 {
            let fields = vec![("User".to_owned(), user.to_owned())];
            let row = Row { nanos: Some(i64::MAX - record), rules: vec![0], fields, record };
            correlator.contribute(0, &batch(&row), 0, EvidenceId(1), &mut gathered);
        }
    }
    let path = folder.path().join("hostile.run");
    gathered.write(&path).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 10_000, "a long text is not kept whole");
    let mut hits = 0;
    let outcome = correlator.sweep(&[path], folder.path(), &mut |hit| {
        hits += usize::from(hit.count == 3);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(hits, 5);
}
