//! File listings to rows: one row a file, dataset `file.listing`.
//!
//! In: the lines of one block of `MFTECmd`'s CSV, a bodyfile, Velociraptor's JSON, the text of `dir /s`, or PowerShell's CSV of
//! `Get-ChildItem` or `Get-FileHash`. Out: rows with the columns as written and copies under one set of names. The row's time
//! is the file's creation; the other times are fields. `MFTECmd` leaves a `$FILE_NAME` time empty where it equals the other.

mod bodyfile;
mod csv_table;
mod dir;
pub(crate) mod facts;
mod ntfs_tables;
mod velociraptor;

use piste_model::Instant;
use piste_model::hash::record_hash;

pub(crate) use bodyfile::is_bodyfile;
pub use bodyfile::parse_lines as parse_bodyfile;
pub use csv_table::parse_lines as parse_csv;
pub(crate) use csv_table::{follow as follow_csv, is_listing as is_csv_listing};
pub use dir::parse_lines as parse_dir;
pub(crate) use dir::{follow as follow_dir, is_listing as is_dir_listing};
pub(crate) use velociraptor::is_listing as is_json_listing;
pub use velociraptor::parse_lines as parse_json;

use crate::Context;
use crate::bad_records::Words;
use crate::block::Line;
use crate::dates::{Order, Shown};
use crate::fields::Fields;
use crate::rows::{Head, Rows};

/// Dataset of all listings.
pub(crate) const DATASET: &str = "file.listing";

const WORDS: Words = Words {
    slug: "listing-line",
    unit: "line",
    wanted: "row of a file listing",
    hint: "look at the line: sed -n LINEp FILE; the listing was perhaps cut or edited after it was made",
};

/// The order of day and month that a listing's beginning shows.
pub(crate) fn order_in(head: &str) -> Shown {
    let cells = head.lines().flat_map(|line| line.split([',', ';', '\t', '"']));
    Order::shown_by(cells.filter(|cell| cell.starts_with(|letter: char| letter.is_ascii_digit())))
}

/// Adds one row of a listing.
fn push_row(
    line: &Line<'_>,
    time: Option<(Instant, &'static str)>,
    host: &str,
    fields: &Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    push_row_in(DATASET, line, time, host, fields, cx, rows);
}

/// Adds one row of a dataset.
fn push_row_in(
    dataset: &str,
    line: &Line<'_>,
    time: Option<(Instant, &'static str)>,
    host: &str,
    fields: &Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let head = Head {
        dataset: Some(dataset),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(host),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

#[cfg(test)]
mod tests;
