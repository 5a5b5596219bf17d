//! One entry of the ledger, in words or as JSON.
//!
//! In: an entry. Out: a line for a person: number, time, kind, what, who. Kinds that this version does not know are shown
//! by their body.

use piste_case::merge::taken_from;
use piste_case::{Entry, Origin, person};
use piste_report::escape;
use serde_json::Value;

use crate::custody::recorded_by;

/// Characters of an entry's body on its line.
const WIDTH: usize = 160;

/// The entry as it is stored, on one line.
pub(super) fn json(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

/// The entry in words.
pub(super) fn line(entry: &Entry) -> String {
    let who = match person::origin(entry) {
        Origin::Piste => String::new(),
        by => {
            let taken =
                taken_from(&entry.body).map_or_else(String::new, |from| format!("; taken over from {from}"));
            format!("  [{}{taken}]", recorded_by(&by))
        }
    };
    format!(
        "{:>6}  {}  {:<18} {}{}",
        entry.seq,
        entry.at,
        entry.kind,
        escape::terminal(&what(entry), WIDTH),
        escape::visible(&who)
    )
}

/// What happened, in a few words.
pub(super) fn what(entry: &Entry) -> String {
    let text = |name: &str| match entry.body.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    match entry.kind.as_str() {
        "case.created" => format!("case made with Piste {}", text("version")),
        "evidence.sealed" => format!("{} {} SHA-256 {}", text("id"), text("path"), text("sha256")),
        "evidence.withdrawn" => format!("{} is no longer read", text("path")),
        "intake.finished" => format!("{} files sealed", text("files")),
        "finding.numbered" => format!("{} is {}", text("id"), text("key")),
        "finding.judged" => format!("{} {}: {}", text("id"), text("verdict"), text("why")),
        "run.started" if entry.body.get("evidence").is_some() => {
            format!("reading {} with rules {}", text("evidence"), text("rules_sha256"))
        }
        "run.started" if entry.body.get("command").is_some_and(|command| command == "sightings") => {
            let files = entry.body.get("indicators").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<&str> = files.filter_map(|file| file.get("name")?.as_str()).collect();
            format!("looking for the indicators of {}", names.join(", "))
        }
        "run.started" => format!("hunting with rules {}", text("rules_sha256")),
        "run.finished" => {
            let figure = |name: &str| {
                entry
                    .body
                    .get("summary")
                    .and_then(|summary| summary.get(name))
                    .map_or("?".to_owned(), Value::to_string)
            };
            format!(
                "{} events, {} detections, {} findings",
                figure("events"),
                figure("detections"),
                figure("findings")
            )
        }
        "custody.recorded" => format!(
            "{} {} {} from {} to {}: {}",
            text("item"),
            text("move"),
            text("when_text"),
            text("from"),
            text("to"),
            text("why")
        ),
        "unit.stored" => format!("{} is in the lake, sidecar SHA-256 {}", text("unit"), text("sha256")),
        "units.dropped" => format!("no longer in the lake: {}", text("units")),
        "hunt.stored" => format!("detections of the rules {}", text("hunt")),
        "evidence.changed" => format!("{}: {}", text("id"), text("how")),
        "evidence.change-accepted" => format!("{}: {}", text("ids"), text("why")),
        "ledger.sealed" => format!("checkpoint over {} entries, head {}", text("entries"), text("head")),
        "ledger.recovered" => format!("a torn line of {} bytes was cut off", text("torn_bytes")),
        _ => {
            let mut body = entry.body.clone();
            if let Some(body) = body.as_object_mut() {
                body.remove(person::BY);
            }
            body.to_string()
        }
    }
}
