//! `piste visibility`: which spans of which logs are here, and what is in the dark.
//!
//! In: the `visibility` of `out/trail.json`. Out: a line a span, by host and log. What is not covered is no proof of anything.

use std::fmt::Write;

use clap::Args;
use piste_model::{Visibility, VisibilityKind};
use piste_report::escape::visible;
use serde::Deserialize;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::{is_host, note_not_examined, refuse_unknown_hosts, seen, unreadable};
use crate::out;

/// In `out/`.
const FILE: &str = "trail.json";
/// Lines that are shown without `--all`.
const LINES: usize = 200;

/// Shows which logs of each host cover which time, and where they have holes: cleared, rolled over, filtered, not collected.
///
/// Only what is covered supports a sentence such as "nothing of it was seen". Record ids that follow each other show that no
/// record is missing between two quiet days; of text logs, days with rows count.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste visibility --host MX01\n  piste visibility --holes --dataset windows.security"
)]
pub(crate) struct VisibilityOptions {
    /// Only this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// Only this dataset; may be given several times.
    #[arg(long, value_name = "DATASET")]
    dataset: Vec<String>,
    /// Only what is not covered.
    #[arg(long)]
    holes: bool,
    /// All lines, however many there are.
    #[arg(long)]
    all: bool,
    /// Print JSON, as the `visibility` of out/trail.json.
    #[arg(long)]
    json: bool,
}

/// The part of `out/trail.json` that is shown here.
#[derive(Deserialize)]
struct Trail {
    #[serde(default)]
    visibility: Vec<Visibility>,
}

/// Runs the command.
pub(crate) fn run(arguments: &VisibilityOptions, common: &Common) -> Result<u8, Failure> {
    let text = seen(&common.case)?.results.text(&common.case, FILE)?;
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    let mut read: Trail = serde_json::from_str(&text).map_err(|error| unreadable(FILE, &error))?;
    read.visibility.retain(|span| {
        (arguments.host.is_empty() || arguments.host.iter().any(|one| is_host(one, &span.host)))
            && (arguments.dataset.is_empty() || arguments.dataset.contains(&span.dataset))
            && !(arguments.holes && span.kind == VisibilityKind::Covered)
    });
    if arguments.json {
        out::data(&format!("{}\n", json!({ "visibility": read.visibility })));
        return Ok(0);
    }
    if read.visibility.is_empty() {
        out::data("No log of such a host and kind has a row with a time and a host.\n");
    }
    let most = if arguments.all { usize::MAX } else { LINES };
    out::data(&told(read.visibility.get(..most).unwrap_or(&read.visibility)));
    if read.visibility.len() > most {
        out::note(&format!("{} more spans; --all shows them", read.visibility.len() - most));
    }
    note_not_examined(&common.case);
    Ok(0)
}

/// A block a host, a line a span.
fn told(spans: &[Visibility]) -> String {
    let mut text = String::new();
    let (mut host, mut log) = ("", ("", ""));
    for span in spans {
        if span.host != host || text.is_empty() {
            let name = if span.host.is_empty() { "host unknown" } else { &span.host };
            let _ = writeln!(text, "{}", visible(name));
            log = ("", "");
        }
        let this = (span.dataset.as_str(), span.channel.as_str());
        if this != log {
            let channel = if span.channel.is_empty() { String::new() } else { format!("  {}", span.channel) };
            let _ = writeln!(text, "  {}{}", visible(&span.dataset), visible(&channel));
        }
        (host, log) = (&span.host, this);
        let kind = span.kind.as_str();
        let because = span.because.in_words();
        let _ = writeln!(text, "    {kind:<14} {:<26}  {}", span.span_in_words(), visible(&because));
    }
    text
}
