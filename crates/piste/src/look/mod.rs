//! Looking at the lake: what `show`, `search`, `timeline` and `metrics` share.
//!
//! In: a case that an earlier run filled. Out: its rows, filtered by time, host and dataset. Nothing is written here, so a
//! case can be looked at while a run goes on.

pub(crate) mod pattern;
pub(crate) mod rows;
pub(crate) mod sorted;

use std::path::Path;

use arrow_array::RecordBatch;
use piste_case::{kind, read_with};
use piste_hunt::describe;
use piste_lake::Lake;
use piste_lake::scan::text_at;
use piste_model::summary::Summary;
use piste_model::{Instant, schema};
use piste_report::escape::terminal;
use piste_report::reading::{beside_nothing_found, not_searched};

use crate::cli::Range;
use crate::failure::Failure;
use crate::out;

/// Characters of a sentence of Piste's own.
const SENTENCE_CHARS: usize = 1_000;

/// The lake of a case that is there.
pub(crate) fn lake_of(case: &Path) -> Result<Lake, Failure> {
    if !case.join("ledger.jsonl").exists() {
        return Err(Failure::usage(
            "case-missing",
            format!("there is no case in `{}`", case.display()),
            "nothing was read",
            "name the case's folder with --case, or begin one: piste investigate EVIDENCE",
        ));
    }
    let (mut finished, mut command) = (false, "investigate");
    read_with(&case.join("ledger.jsonl"), |entry| {
        if entry.kind == kind::RUN_STARTED {
            command = match entry.body.get("command").and_then(serde_json::Value::as_str) {
                Some("hunt") => "hunt",
                Some("sightings") => "sightings",
                _ => "investigate",
            };
        }
        finished = entry.kind == kind::RUN_FINISHED || (finished && entry.kind != kind::RUN_STARTED);
        Ok(())
    })?;
    if !finished {
        let what = match command {
            "hunt" | "sightings" => "what follows is of the run before it",
            _ => "what follows is a part",
        };
        out::note(&format!(
            "warning: the last run of this case did not finish: {what}; run `piste {command}` again"
        ));
    }
    Ok(Lake::at(case))
}

/// Says beside an answer of nothing what was not examined, as the last run counted it.
pub(crate) fn note_not_examined(case: &Path) {
    note_of_summary(case, beside_nothing_found);
}

/// Says beside sightings what was not searched for indicators.
pub(crate) fn note_not_searched(case: &Path) {
    note_of_summary(case, not_searched);
}

fn note_of_summary(case: &Path, told: fn(&Summary) -> Option<String>) {
    let text = std::fs::read_to_string(case.join("out").join("summary.json")).unwrap_or_default();
    let summary = serde_json::from_str::<Summary>(&text).ok();
    if let Some(sentence) = summary.as_ref().and_then(told) {
        out::note(&terminal(&sentence, SENTENCE_CHARS));
    }
}

/// For a file of `out/` that is not there: only a run that ends writes it.
pub(crate) fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "out-missing",
        format!("`{}` cannot be read: {error}", path.display()),
        "nothing was shown",
        "run `piste investigate` again: a run writes it at its end",
    )
}

impl Range {
    /// Whether the row lies within it. A row without a time lies within no bounded range.
    pub(crate) fn holds(&self, batch: &RecordBatch, row: usize) -> bool {
        let text = |name: &str| {
            batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default()
        };
        let host = self.host.is_empty() || self.host.iter().any(|wanted| is_host(wanted, text(schema::HOST)));
        host && self.holds_time(describe::time_of(batch, row))
    }

    /// Whether the time lies within it; the end is not part of it.
    pub(crate) fn holds_time(&self, time: Option<Instant>) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        time.is_some_and(|time| {
            self.from.is_none_or(|from| time.nanos >= from.nanos)
                && self.to.is_none_or(|to| time.nanos < to.nanos)
        })
    }

    /// Whether the host is one of those wanted.
    pub(crate) fn holds_host(&self, host: &str) -> bool {
        self.host.is_empty() || self.host.iter().any(|wanted| is_host(wanted, host))
    }
}

/// `MX01` means `MX01.min.example` too; case does not count.
pub(crate) fn is_host(wanted: &str, host: &str) -> bool {
    let short = host.split('.').next().unwrap_or(host);
    wanted.eq_ignore_ascii_case(host) || wanted.eq_ignore_ascii_case(short)
}

/// A bound as people type it: a date means its first moment in UTC.
pub(crate) fn bound(text: &str) -> Result<Instant, String> {
    Instant::parse(text).or_else(|| Instant::parse(&format!("{text}T00:00:00Z"))).ok_or_else(|| {
        format!("`{text}` is neither a date like 2021-03-14 nor a time like 2021-03-14T01:40:12Z")
    })
}
