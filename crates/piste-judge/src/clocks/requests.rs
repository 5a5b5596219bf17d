//! One request in two logs: Exchange's front end and IIS.
//!
//! In: `RequestId` of HttpProxy rows and `cafeReqId` in the query of IIS rows. Out: the difference between the two times, both
//! of which are written at the request's end. A fixed number of requests is compared, those whose ids hash lowest, so that
//! memory is flat and equal evidence gives equal figures.

use std::collections::BTreeMap;

use piste_lake::scan::{Table, text_at};
use piste_lake::{Lake, LakeError};
use piste_model::hash::sha256_hex;
use piste_model::schema;

use super::{At, Tallies};
use crate::exposure::Names;
use piste_lake::row_view;

/// Requests compared.
const REQUESTS_MAX: usize = 20_000;
/// Characters of a request's id.
const ID_CHARS: usize = 36;
const QUERY: &str = "cs-uri-query";

/// Adds the pairs to the tallies, under the host and the dataset of the IIS row.
pub(super) fn measure(lake: &Lake, names: Names<'_>, tallies: &mut Tallies) -> Result<(), LakeError> {
    let sample = sample(lake)?;
    if sample.is_empty() {
        return Ok(());
    }
    for file in lake.files(&|dataset| dataset == "iis.access")? {
        let table = Table::open(&file)?;
        let wanted = |name: &str| {
            matches!(name, schema::EVENT_TIME | schema::TIME_DIGITS | schema::HOST) || name == QUERY
        };
        for group in 0..table.groups() {
            let mut start = 0;
            table.read(group, &wanted, None, &mut |batch| {
                for row in 0..batch.num_rows() {
                    let query = batch.column_by_name(QUERY).and_then(|column| text_at(column, row));
                    let Some(id) = query.and_then(request_id) else { continue };
                    let Some(exchange) = sample.get(&id) else { continue };
                    let Some(time) = row_view::time_of(batch, row) else { continue };
                    let Some(difference) = exchange.checked_sub(time.nanos) else { continue };
                    let host = batch.column_by_name(schema::HOST).and_then(|column| text_at(column, row));
                    let host = (names.host)(host.unwrap_or_default());
                    let pair =
                        (host, "iis.access".to_owned(), "HttpProxy DateTime minus IIS time".to_owned());
                    tallies.add(&pair, difference / 1_000_000, || At {
                        file: file.clone(),
                        group,
                        row: start + row,
                    });
                }
                start += batch.num_rows();
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Requests of the front end's log by id, with their time.
fn sample(lake: &Lake) -> Result<BTreeMap<String, i64>, LakeError> {
    let mut lowest: BTreeMap<(String, String), i64> = BTreeMap::new();
    for file in lake.files(&|dataset| dataset == "exchange.httpproxy")? {
        let table = Table::open(&file)?;
        let wanted =
            |name: &str| matches!(name, schema::EVENT_TIME | schema::TIME_DIGITS) || name == "RequestId";
        for group in 0..table.groups() {
            table.read(group, &wanted, None, &mut |batch| {
                for row in 0..batch.num_rows() {
                    let id = batch.column_by_name("RequestId").and_then(|column| text_at(column, row));
                    let Some(id) = id.filter(|id| id.len() == ID_CHARS) else { continue };
                    let Some(time) = row_view::time_of(batch, row) else { continue };
                    let id = id.to_ascii_lowercase();
                    lowest.insert((order_of(&id), id), time.nanos);
                    if lowest.len() > REQUESTS_MAX {
                        lowest.pop_last();
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(lowest.into_iter().map(|((_, id), nanos)| (id, nanos)).collect())
}

/// A number that has nothing to do with when a request came.
fn order_of(id: &str) -> String {
    sha256_hex(id.as_bytes()).chars().take(8).collect()
}

/// The GUID after `cafeReqId=`.
fn request_id(query: &str) -> Option<String> {
    let at = query.find("cafeReqId=")? + "cafeReqId=".len();
    let id = query.get(at..at + ID_CHARS)?;
    Some(id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::request_id;

    #[test]
    fn the_id_stands_in_the_query() {
        let query = "&CorrelationID=<empty>;&cafeReqId=5E58F5E5-1ddc-48d3-82c6-0199bc121640;";
        assert_eq!(request_id(query).as_deref(), Some("5e58f5e5-1ddc-48d3-82c6-0199bc121640"));
        assert_eq!(request_id("cafeReqId=5e58"), None);
        assert_eq!(request_id("-"), None);
    }
}
