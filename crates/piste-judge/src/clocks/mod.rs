//! Differences between two clocks of one record or one request.
//!
//! In: the lake: Sysmon's `UtcTime` beside the record's header, `EventTime` beside `TimeCreated`, and requests that Exchange and
//! IIS both logged (`RequestId`, `cafeReqId`). Out: for each (host, dataset, pair) the median and the spread. No row is
//! rewritten: what the source says stays, and [`correction`] gives the difference to who needs a bound.

mod requests;
mod tally;

use std::collections::{BTreeMap, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use piste_lake::scan::{Table, text_at};
use piste_lake::{Lake, LakeError};
use piste_model::{Clock, Instant, schema};

use self::tally::Tally;
use crate::exposure::Names;
use piste_lake::row_view::{self, Times};

/// Columns that hold a second time of the record, and what they are called.
const SECOND: [(&str, &str); 2] = [("UtcTime", "Sysmon UtcTime"), ("EventTime", "EventTime")];
/// Differences below this are the time that writing takes.
const CORRECTED_FROM_MS: i64 = 1_000;

/// (host, dataset, which clocks).
type Pair = (String, String, String);

/// Where a pair was seen: file, row group and row.
#[derive(Debug, Clone)]
struct At {
    file: piste_lake::LakeFile,
    group: usize,
    row: usize,
}

#[derive(Default)]
struct Tallies(BTreeMap<Pair, (Tally, Option<At>)>);

impl Tallies {
    fn add(&mut self, pair: &Pair, difference_ms: i64, at: impl FnOnce() -> At) {
        if !self.0.contains_key(pair) {
            self.0.insert(pair.clone(), <_>::default());
        }
        let Some((tally, first)) = self.0.get_mut(pair) else { return };
        tally.add(difference_ms);
        if first.is_none() {
            *first = Some(at());
        }
    }
}

/// Measures every pair; sorted by host, dataset and pair.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn measure(lake: &Lake, names: Names<'_>) -> Result<Vec<Clock>, LakeError> {
    let mut tallies = Tallies::default();
    for (column, label) in SECOND {
        within_records(lake, names, (column, label), &mut tallies)?;
    }
    requests::measure(lake, names, &mut tallies)?;
    let mut clocks = Vec::new();
    for ((host, dataset, between), (tally, at)) in tallies.0 {
        let Some((offset_ms, spread_ms)) = tally.median_and_spread() else { continue };
        let row = match at {
            Some(at) => row_view::place_in(&at.file, at.group, at.row, names.file)?,
            None => None,
        };
        clocks.push(Clock { host, dataset, offset_ms, samples: tally.count(), between, spread_ms, row });
    }
    Ok(clocks)
}

fn within_records(
    lake: &Lake,
    names: Names<'_>,
    (column, label): (&str, &str),
    tallies: &mut Tallies,
) -> Result<(), LakeError> {
    for file in lake.files(&|dataset| dataset.starts_with("windows."))? {
        let table = Table::open(&file)?;
        if !table.columns().any(|name| name == column) {
            continue;
        }
        let dataset = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        let dataset = dataset.to_string_lossy().into_owned();
        let wanted = |name: &str| {
            name == column
                || matches!(
                    name,
                    schema::EVENT_TIME | schema::TIME_DIGITS | schema::TIME_BASIS | schema::HOST
                )
        };
        for group in 0..table.groups() {
            let mut start = 0;
            table.read(group, &wanted, None, &mut |batch| {
                compare(batch, names, (column, label, &dataset), tallies, &|row| At {
                    file: file.clone(),
                    group,
                    row: start + row,
                });
                start += batch.num_rows();
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Compares the two clocks of each row. Hosts and bases are few: what they are called is asked once for each pair of keys.
fn compare(
    batch: &RecordBatch,
    names: Names<'_>,
    (column, label, dataset): (&str, &str, &str),
    tallies: &mut Tallies,
    at: &dyn Fn(usize) -> At,
) {
    let dictionary =
        |name: &str| batch.column_by_name(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
    let (Some(seconds), Some(bases)) = (dictionary(column), dictionary(schema::TIME_BASIS)) else { return };
    let hosts = dictionary(schema::HOST);
    let times = Times::of(batch);
    let mut pairs: HashMap<(Option<i32>, i32), Option<Pair>> = HashMap::new();
    for row in 0..batch.num_rows() {
        let (Some(second), Some(basis)) = (text_at(seconds, row), text_at(bases, row)) else { continue };
        let host = hosts.filter(|hosts| hosts.is_valid(row));
        let keys = (host.map(|hosts| hosts.keys().value(row)), bases.keys().value(row));
        let pair = pairs.entry(keys).or_insert_with(|| {
            // The row's time is this very field: there is nothing to compare.
            (!basis.starts_with(column)).then(|| {
                let host = host.and_then(|hosts| text_at(hosts, row)).unwrap_or_default();
                ((names.host)(host), dataset.to_owned(), format!("{label} minus {}", basis_name(basis)))
            })
        });
        let Some(pair) = pair else { continue };
        let (Some(second), Some(first)) = (Instant::parse(second), times.at(row)) else { continue };
        if let Some(difference) = second.nanos.checked_sub(first.nanos) {
            tallies.add(pair, difference / 1_000_000, || at(row));
        }
    }
}

/// The header's time has one name, however the record was exported.
fn basis_name(basis: &str) -> &str {
    if basis.contains("TimeCreated") || basis == "SystemTime" { "System.TimeCreated" } else { basis }
}

/// How far a dataset's header clock is from the clock that the event itself carries: add it to `event_time`.
///
/// `None` where no pair was measured, or the two agree within a second. The event's own clock is taken: Sysmon writes
/// `UtcTime` in UTC by definition, while a header passes through collectors that may shift it.
pub fn correction<'a>(clocks: &'a [Clock], host: &str, dataset: &str) -> Option<&'a Clock> {
    clocks.iter().find(|clock| {
        clock.host.eq_ignore_ascii_case(host)
            && clock.dataset == dataset
            && clock.between.starts_with("Sysmon UtcTime minus")
            && clock.offset_ms.abs() >= CORRECTED_FROM_MS
    })
}

/// A time after the measured correction, if there is one.
pub fn corrected(clocks: &[Clock], host: &str, dataset: &str, time: Instant) -> Option<Instant> {
    let clock = correction(clocks, host, dataset)?;
    time.checked_add_nanos(clock.offset_ms.checked_mul(1_000_000)?)
}

#[cfg(test)]
mod tests;
