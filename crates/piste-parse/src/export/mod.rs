//! Events as other tools export them, to the rows that the same events have from their own logs.
//!
//! In: one record as flat fields under the names that the tool gave them, from JSON, CSV or XML. Out: a row with the header's
//! columns (`Channel`, `Provider_Name`, `EventID`, `Computer`) and the event's own fields under their own names, so that rules
//! meet it as they meet the log. What is no Windows event but a record of a known service has a dataset of its own.

mod cloud;
mod defender;
mod kind;
mod message;
mod positions;
pub(crate) mod table;
mod times;
mod windows;
mod wrapping;
pub(crate) mod xml;
mod xml_stream;
pub(crate) mod zeek;

use piste_model::Instant;
use piste_model::hash::record_hash;

pub(crate) use kind::{Kind, has_key, is_known_json};
pub(crate) use table::parse_records;
pub(crate) use times::Written;
pub(crate) use xml_stream::{EVENT, OBJECT};
pub(crate) use xml_stream::{parse_clixml, parse_events};
pub(crate) use zeek::parse_lines as parse_zeek;

use crate::Context;
use crate::block::Line;
use crate::evtx::record::Known;
use crate::fields::Fields;
use crate::rows::{Head, Rows};

/// What a record is called by its own source, beside its fields.
#[derive(Debug)]
pub(crate) struct Facts {
    /// `None` for a Windows event, whose channel decides.
    pub(crate) dataset: Option<&'static str>,
    /// When, and the words for where that is from.
    pub(crate) time: Option<(Instant, &'static str)>,
    /// Field that names the host; empty where the record is of a service, and no host wrote it.
    pub(crate) host_field: &'static str,
    /// Its text alone is there, and the event's own fields are not.
    pub(crate) bare: bool,
    /// Some values of its event have no name here.
    pub(crate) unnamed: bool,
}

impl Facts {
    /// Of a Windows event.
    pub(crate) fn windows(time: Option<(Instant, &'static str)>) -> Self {
        Self { dataset: None, time, host_field: "Computer", bare: false, unnamed: false }
    }

    /// Of a record of a service.
    pub(crate) fn service(dataset: &'static str, time: Option<(Instant, &'static str)>) -> Self {
        Self { dataset: Some(dataset), time, host_field: "", bare: false, unnamed: false }
    }
}

/// Adds the row of a record of this kind; `spare` is memory to work in.
///
/// # Errors
/// Why it is no record of its kind.
pub(crate) fn push(
    record: &Record<'_>,
    fields: &mut Fields,
    spare: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), String> {
    let facts = record.kind.shape(record, fields, spare)?;
    push_facts(record.line, &facts, fields, cx, rows)
}

/// Adds the row of a record whose fields have their columns.
///
/// # Errors
/// Why it is no Windows event, where it is to be one.
pub(crate) fn push_facts(
    line: &Line<'_>,
    facts: &Facts,
    fields: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), String> {
    if facts.dataset.is_none() {
        crate::msexchange::name_positions(fields);
    }
    let known = Known::of(fields);
    if facts.dataset.is_none()
        && (known.event_code.is_none() || (known.channel.is_empty() && known.provider.is_empty()))
    {
        return Err("it has no event id with a channel or a provider".to_owned());
    }
    let windows = facts.dataset.is_none();
    let time = facts.time.or(known.time);
    let of_windows = |text| if windows { text } else { "" };
    let number = i64::try_from(line.number).unwrap_or(i64::MAX);
    let head = Head {
        dataset: facts.dataset,
        channel: of_windows(known.channel),
        provider: of_windows(known.provider),
        event_code: known.event_code.filter(|_| windows),
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: match facts.host_field {
            "" => "",
            field => cx.host_or_hint(fields.get(field).unwrap_or_default()),
        },
        record: known.record.filter(|_| windows).unwrap_or(number),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    if facts.unnamed {
        rows.doubts.see_unnamed(&head);
    }
    if facts.bare {
        rows.doubts.see_bare(&head);
    }
    rows.push(&head, fields);
    Ok(())
}

/// One record of an export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) line: &'a Line<'a>,
    pub(crate) kind: Kind,
    /// How its dates are written.
    pub(crate) written: Written,
    /// File that holds it.
    pub(crate) path: &'a str,
}

#[cfg(test)]
mod tests;
