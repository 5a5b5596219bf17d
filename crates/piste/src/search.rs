//! `piste search`: rows of the lake that have all patterns.
//!
//! In: patterns and a range. Out: the rows in the order of time, each with the name under which `piste show` opens it.

use piste_hunt::describe;
use piste_lake::scan::{Scan, text_at};
use piste_model::schema;
use piste_report::escape;
use serde_json::{Map, Value};

use crate::cli::{Common, Search};
use crate::failure::Failure;
use crate::look::pattern::Pattern;
use crate::look::rows::{fields, int_at, line};
use crate::look::sorted::Sorted;
use crate::look::{HostNames, note_not_examined, refuse_unknown_hosts, seen};
use crate::out;

/// Runs the command.
pub(crate) fn run(arguments: &Search, common: &Common) -> Result<u8, Failure> {
    let seen = seen(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.range.host)?;
    let (lake, names) = (&seen.lake, HostNames::of(&common.case, &seen)?);
    let patterns = patterns(arguments)?;
    let range = &arguments.range;
    let wanted = |dataset: &str| range.dataset.is_empty() || range.dataset.iter().any(|one| one == dataset);
    let mut sorted = Sorted::new(lake.tmp());
    let mut count = 0_u64;
    lake.scan(Scan { datasets: &wanted, columns: None }, &mut |batch| {
        let mut found: Vec<bool> = (0..batch.num_rows()).map(|row| range.holds(batch, row, &names)).collect();
        for pattern in &patterns {
            pattern.narrow(batch, &mut found);
        }
        for row in found.iter().enumerate().filter(|(_, found)| **found).map(|(row, _)| row) {
            count += 1;
            let text = |name: &str| {
                batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default()
            };
            let id = text(schema::EVIDENCE_ID);
            let number = id.strip_prefix("E-").and_then(|number| number.parse().ok()).unwrap_or(u32::MAX);
            let time = describe::time_of(batch, row);
            let offset = int_at(batch, schema::OFFSET, row).unwrap_or_default();
            let shown = if arguments.json {
                let mut members: Map<_, _> = fields(batch, row).into_iter().collect();
                if let Some(host) = members.get_mut(schema::HOST) {
                    *host = names.full(text(schema::HOST)).into();
                }
                Value::Object(members).to_string()
            } else {
                let when = time.map_or_else(|| "no time".to_owned(), |time| time.to_string());
                let code = int_at(batch, schema::EVENT_CODE, row)
                    .map_or_else(|| "-".to_owned(), |code| code.to_string());
                let record = int_at(batch, schema::RECORD, row).unwrap_or_default();
                let host = escape::visible(names.full(text(schema::HOST)));
                format!(
                    "{when} · {host} · {} · {code} · {id}:{record} · {}",
                    text(schema::DATASET),
                    line(batch, row)
                )
            };
            sorted.push((time.map(|time| time.nanos), number, offset, count), shown)?;
        }
        Ok(true)
    })?;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let shown = left.min(count);
    sorted.finish(&mut |line| {
        if left > 0 {
            left -= 1;
            out::data(&format!("{line}\n"));
        }
        Ok(left > 0)
    })?;
    if !common.quiet {
        let rest =
            if shown < count { format!("; {shown} shown, --limit sets how many") } else { String::new() };
        let found = if count == 1 { "1 row found".to_owned() } else { format!("{count} rows found") };
        out::note(&format!("{found}{rest}"));
        if count == 0 {
            note_not_examined(&common.case);
        }
    }
    Ok(0)
}

fn patterns(arguments: &Search) -> Result<Vec<Pattern>, Failure> {
    let patterns = arguments.patterns.iter().map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>();
    patterns.map_err(|what| {
        Failure::usage(
            "pattern",
            what,
            "nothing was searched",
            "mend it at that place; as plain text, without the slashes, no sign has a meaning; quote it for your shell",
        )
    })
}
