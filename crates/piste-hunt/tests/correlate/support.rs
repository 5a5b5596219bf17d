//! Events and correlations in a line of text.
//!
//! An event is `SECONDS RULES FIELD=VALUE ...`, events are parted by `;`. Rules are letters: `a` is the rule 0; a row that
//! several rules matched has several. `host` is the computer that the record names; seconds of `?` make a row without time.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int8Array, Int32Array, Int64Array, RecordBatch,
    TimestampNanosecondArray,
};
use piste_hunt::correlate::{CorrelationHit, Correlator, Gathered, Skipped};
use piste_model::{EvidenceId, schema};
use piste_rules::correlation::{Correlation, Listed, resolve_all};
use rsigma_parser::parse_sigma_yaml;

/// One matched row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) nanos: Option<i64>,
    pub(crate) rules: Vec<usize>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) record: i64,
}

pub(crate) fn rows(text: &str) -> Vec<Row> {
    let events = text.split(';').map(str::trim).filter(|event| !event.is_empty());
    let row = |(record, event): (usize, &str)| {
        let mut words = event.split_whitespace();
        let seconds = words.next().unwrap();
        let rules = words.next().unwrap().bytes().map(|letter| usize::from(letter - b'a')).collect();
        let fields = words.map(|word| word.split_once('=').unwrap());
        Row {
            nanos: (seconds != "?").then(|| nanos(seconds)),
            rules,
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            record: i64::try_from(record).unwrap(),
        }
    };
    events.enumerate().map(row).collect()
}

fn nanos(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    whole.parse::<i64>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().unwrap()
}

fn text(value: Option<&str>) -> ArrayRef {
    Arc::new(DictionaryArray::<Int32Type>::from_iter([value]))
}

pub(crate) fn batch(row: &Row) -> RecordBatch {
    let host = row.fields.iter().find(|(name, _)| name == "host").map_or("", |(_, host)| host.as_str());
    let hash: [u8; 16] = (row.record as u128).to_le_bytes();
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            schema::EVENT_TIME.to_owned(),
            Arc::new(TimestampNanosecondArray::from(vec![row.nanos]).with_timezone("UTC")),
        ),
        (schema::TIME_DIGITS.to_owned(), Arc::new(Int8Array::from(vec![0]))),
        (schema::HOST.to_owned(), text(Some(host))),
        (schema::DATASET.to_owned(), text(Some("windows.security"))),
        (schema::EVENT_CODE.to_owned(), Arc::new(Int32Array::from(vec![4625]))),
        (schema::RECORD.to_owned(), Arc::new(Int64Array::from(vec![row.record]))),
        (schema::OFFSET.to_owned(), Arc::new(Int64Array::from(vec![row.record * 100]))),
        (
            schema::RECORD_HASH.to_owned(),
            Arc::new(FixedSizeBinaryArray::try_from_iter([hash].into_iter()).unwrap()),
        ),
    ];
    for (name, value) in row.fields.iter().filter(|(name, _)| name != "host") {
        columns.push((name.clone(), text(Some(value))));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

pub(crate) fn correlations(yaml: &str) -> Vec<Correlation> {
    let parsed = parse_sigma_yaml(yaml).unwrap();
    assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
    let listed: Vec<Listed<'_>> =
        parsed.correlations.iter().map(|rule| Listed { rule, path: "r.yml", line: 1 }).collect();
    let letter = |name: &str| match name.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(usize::from(letter - b'a')),
        _ => None,
    };
    let (resolved, failed) = resolve_all(&listed, &letter);
    assert_eq!(failed, [], "{yaml}");
    resolved
}

/// Sweeps rows that come in these runs.
pub(crate) fn sweep(correlator: &Correlator, runs: &[Vec<Row>]) -> (Vec<CorrelationHit>, Skipped) {
    let folder = tempfile::tempdir().unwrap();
    let (mut paths, mut skipped) = (Vec::new(), Skipped::default());
    for (number, rows) in runs.iter().enumerate() {
        let mut gathered = Gathered::default();
        for row in rows {
            let batch = batch(row);
            for rule in row.rules.iter().filter(|rule| correlator.wants(**rule)) {
                correlator.contribute(*rule, &batch, 0, EvidenceId(1), &mut gathered);
            }
        }
        let path = folder.path().join(format!("{number}.run"));
        gathered.write(&path).unwrap();
        skipped.add(gathered.skipped);
        paths.push(path);
    }
    let tmp = folder.path().join("tmp");
    std::fs::create_dir(&tmp).unwrap();
    let mut hits = Vec::new();
    let inner = correlator.sweep(&paths, &tmp, &mut |hit| {
        hits.push(hit);
        Ok(())
    });
    skipped.add(inner.unwrap());
    assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0, "nothing is left behind");
    (hits, skipped)
}

/// `Title [bob] at 5 of 0..9 x4 =3`: group, time it first held, first and last event, events, greatest value.
pub(crate) fn shown(correlations: &[Correlation], hit: &CorrelationHit) -> String {
    let seconds = |nanos: i64| {
        let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        if rest == 0 {
            whole.to_string()
        } else {
            format!("{whole}.{rest:09}").trim_end_matches('0').to_owned()
        }
    };
    let group: Vec<&str> = hit.group.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "{}[{}] at {} of {}..{} x{} ={}",
        correlations[hit.correlation].title,
        group.join(","),
        seconds(hit.time.nanos),
        seconds(hit.first.nanos),
        seconds(hit.last.nanos),
        hit.count,
        hit.value
    )
}

/// The hits of correlations over events, and what could not contribute.
pub(crate) fn run(yaml: &str, events: &str) -> (Vec<String>, Skipped) {
    let correlations = correlations(yaml);
    let correlator = Correlator::new(&correlations);
    let (hits, skipped) = sweep(&correlator, &[rows(events)]);
    (hits.iter().map(|hit| shown(&correlations, hit)).collect(), skipped)
}

/// One correlation whose `correlation:` has these entries, parted by `;`.
pub(crate) fn yaml(entries: &str) -> String {
    let entries: Vec<String> = entries.split(';').map(|entry| format!("    {}\n", entry.trim())).collect();
    format!("title: T\ncorrelation:\n{}", entries.concat())
}

#[track_caller]
pub(crate) fn check(entries: &str, events: &str, expected: &[&str]) {
    assert_eq!(run(&yaml(entries), events).0, expected, "{entries}\non {events}");
}
