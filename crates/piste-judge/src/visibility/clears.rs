//! Events that say that a log was cleared.
//!
//! In: rows of the Security and System logs. Out: which log of which host was cleared, when and by whom. Event 1102 and, on XP,
//! 517 speak of the Security log, 104 of the one that it names. Source: Microsoft's documentation of these events.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use piste_lake::LakeError;
use piste_lake::row_view::{self, Times};
use piste_lake::scan::text_at;
use piste_model::{Instant, RowRef, schema};

use super::Sources;

/// Clears that are told; an intruder may write as many as he likes.
const CLEARS_MAX: usize = 1_000;
const SECURITY: &str = "windows.security";

/// A log that was cleared.
#[derive(Debug)]
pub(super) struct Clear {
    pub(super) host: String,
    pub(super) dataset: String,
    pub(super) channel: String,
    pub(super) time: Instant,
    pub(super) event_code: i32,
    pub(super) account: String,
    pub(super) row: Option<RowRef>,
}

/// Finds them.
pub(super) fn read(sources: &Sources<'_>) -> Result<Vec<Clear>, LakeError> {
    let mut clears = Vec::new();
    let wanted = |dataset: &str| dataset == SECURITY || dataset == "windows.system";
    for file in sources.lake.files(&wanted)? {
        let table = piste_lake::scan::Table::open(&file)?;
        for group in 0..table.groups() {
            let codes = table.range(group, schema::EVENT_CODE);
            if codes.is_some_and(|(least, most)| {
                [104, 517, 1102].iter().all(|code| *code < least || *code > most)
            }) {
                continue;
            }
            table.read(group, &|_| true, None, &mut |batch| {
                take(sources, batch, &mut clears);
                Ok(())
            })?;
        }
    }
    Ok(clears)
}

/// The log that event 104 names. Its own field is called as the header's that says where the event itself stands, so that it is
/// kept beside the columns.
fn cleared_channel(batch: &RecordBatch, row: usize) -> Option<String> {
    let extra = batch.column_by_name(schema::EXTRA)?.as_map_opt()?;
    let entries = extra.value(row);
    let (names, values) = (entries.column(0), entries.column(1));
    let at = (0..entries.len()).find(|at| text_at(names, *at) == Some("Channel"))?;
    text_at(values, at).map(str::to_owned)
}

fn take(sources: &Sources<'_>, batch: &RecordBatch, clears: &mut Vec<Clear>) {
    let Some(codes) =
        batch.column_by_name(schema::EVENT_CODE).and_then(|codes| codes.as_primitive_opt::<Int32Type>())
    else {
        return;
    };
    let text = |name: &str, row: usize| batch.column_by_name(name).and_then(|column| text_at(column, row));
    let times = Times::of(batch);
    for (row, code) in codes.iter().enumerate() {
        let (Some(event_code @ (104 | 517 | 1102)), Some(time)) = (code, times.at(row)) else { continue };
        let of_security = text(schema::DATASET, row) == Some(SECURITY);
        // Other sources use the number 104 too, and 1102 of another provider is no clear.
        let provider = text("Provider_Name", row).unwrap_or_default();
        let channel = match event_code {
            104 if provider == "Microsoft-Windows-Eventlog" => cleared_channel(batch, row),
            1102 | 517 if of_security => Some("Security".to_owned()),
            _ => None,
        };
        let Some(channel) = channel.filter(|_| clears.len() < CLEARS_MAX) else { continue };
        clears.push(Clear {
            host: (sources.names.host)(text(schema::HOST, row).unwrap_or_default()),
            dataset: (sources.dataset_of)(&channel),
            channel,
            time,
            event_code,
            account: text("SubjectUserName", row).unwrap_or_default().to_owned(),
            row: row_view::place_of(batch, row, sources.names.file),
        });
    }
}
