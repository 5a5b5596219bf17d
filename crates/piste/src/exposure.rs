//! `piste exposure`: which flaws each Exchange server had, from when to when.
//!
//! In: `out/exposure.json`. Out: a block a server: builds in the order of time, the flaws that are known as ways in, what
//! mitigates them, what is unknown and what would tell.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use piste_model::{Exposure, Instant, OpenSpan};
use piste_report::escape;
use serde::Deserialize;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::{is_host, note_not_examined, refuse_unknown_hosts, seen, unreadable};
use crate::out;

/// Shows each server's builds and the flaws that were open, from when to when.
///
/// A flaw is open as soon as a build that has it is installed, known or not. Times are those of sightings: before the first
/// and after the last one the evidence says nothing. Unknown is never patched.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste exposure --host MX01 --all")]
pub(crate) struct ExposureOptions {
    /// Only this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Every flaw of the catalogue, not only those known as ways in when the evidence was written.
    #[arg(long)]
    pub(crate) all: bool,
    /// Print JSON, as out/exposure.json.
    #[arg(long)]
    pub(crate) json: bool,
}

/// In `out/`.
const FILE: &str = "exposure.json";

/// `out/exposure.json`.
#[derive(Deserialize)]
pub(crate) struct Servers {
    pub(crate) servers: Vec<Exposure>,
}

/// Runs the command.
pub(crate) fn run(arguments: &ExposureOptions, common: &Common) -> Result<u8, Failure> {
    let text = seen(&common.case)?.results.text(&common.case, FILE)?;
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    let read: Servers = serde_json::from_str(&text).map_err(|error| unreadable(FILE, &error))?;
    let wanted =
        |host: &str| arguments.host.is_empty() || arguments.host.iter().any(|one| is_host(one, host));
    let servers: Vec<Exposure> = read.servers.into_iter().filter(|one| wanted(&one.host)).collect();
    if arguments.json {
        out::data(&format!("{}\n", json!({ "servers": servers })));
        return Ok(0);
    }
    if servers.is_empty() {
        out::data(
            "No build of Exchange was seen. HttpProxy logs, IIS logs or ExchangeSetup.log would tell.\n",
        );
        note_not_examined(&common.case);
    }
    for server in &servers {
        out::data(&block(server, arguments.all));
    }
    Ok(0)
}

fn block(server: &Exposure, all: bool) -> String {
    let show = |text: &str| escape::visible(text).into_owned();
    let build = server.build.as_deref().unwrap_or("build unknown");
    let cu = server.cu.as_deref().map(|cu| format!(" {cu}")).unwrap_or_default();
    let mut text = format!("{}  {}{cu}, {build} at the end\n", show(&server.host), server.product);
    text.push_str("  Builds seen\n");
    for seen in &server.builds {
        let release = seen.release.as_deref().unwrap_or("no known release");
        let when = format!("{} to {}", when(seen.first), when(seen.last));
        let _ =
            writeln!(text, "    {when}  {} ({release}), {} rows of {}", seen.build, seen.count, seen.source);
    }
    text.push_str("  Open\n");
    let end = server.builds.iter().filter_map(|seen| seen.last).max().map(Instant::date);
    // What nobody knew of while the evidence was written stands in one line.
    let is_later = |span: &&OpenSpan| !all && span.published > end;
    let (later, now): (Vec<&OpenSpan>, Vec<&OpenSpan>) =
        server.open.iter().filter(|span| all || is_important(&span.cve)).partition(is_later);
    let mut lines = flaws(&now);
    if lines.is_empty() {
        let seen = server.builds.iter().filter_map(|seen| seen.first).min();
        let last = server.builds.iter().filter_map(|seen| seen.last).max();
        lines.push(format!(
            "    none of the flaws that are known as ways in, by builds seen from {} to {}; what was open at other times is not known",
            when(seen),
            when(last)
        ));
    }
    if !later.is_empty() {
        let mut names: Vec<&str> = later.iter().map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        lines.push(format!("    and flaws that became public after the evidence ends: {}", names.join(", ")));
    }
    let _ = writeln!(text, "{}", lines.join("\n"));
    for (title, list) in [("Mitigations (no patch)", &server.mitigations), ("Unknown", &server.unknown)] {
        if !list.is_empty() {
            let _ = writeln!(text, "  {title}");
            for line in list {
                let _ = writeln!(text, "    {}", show(line));
            }
        }
    }
    text.push('\n');
    text
}

/// From, to and the chain's name.
type Together<'a> = (Option<Instant>, Option<Instant>, &'a str);

/// One line a chain and span; flaws of one chain that were open together stand together.
fn flaws(spans: &[&OpenSpan]) -> Vec<String> {
    let mut groups: BTreeMap<Together<'_>, Vec<&OpenSpan>> = BTreeMap::new();
    for span in spans.iter().copied() {
        groups.entry((span.from, span.to, span.name.as_str())).or_default().push(span);
    }
    let line = |((from, to, name), spans): (Together<'_>, Vec<&OpenSpan>)| {
        let cves: Vec<&str> = spans.iter().map(|span| span.cve.as_str()).collect();
        let first = spans.first();
        let end = match (to, first.and_then(|span| span.to_not_before)) {
            (Some(to), Some(known)) if known != to => {
                format!("{} (at least to {})", when(Some(to)), when(Some(known)))
            }
            (Some(to), _) => when(Some(to)),
            (None, _) => "the end of the evidence".to_owned(),
        };
        let fixed = first.and_then(|span| span.fix_released.as_deref()).map_or_else(
            || "no fix for this cumulative update".to_owned(),
            |day| format!("fix released {day}"),
        );
        let public = first.and_then(|span| span.published.as_deref()).unwrap_or("unknown");
        let sure = if spans.iter().all(|span| span.proven) { "" } else { ", partly inferred" };
        format!("    {} to {end}  {name} ({}); public {public}, {fixed}{sure}", when(from), cves.join(", "))
    };
    groups.into_iter().map(line).collect()
}

/// Whether a flaw is known as a way in.
pub(crate) fn is_important(cve: &str) -> bool {
    piste_model::exchange::catalog().flaw(cve).is_some_and(|flaw| flaw.important)
}

fn when(time: Option<Instant>) -> String {
    time.map_or_else(|| "unknown".to_owned(), |time| Instant { digits: 0, ..time }.to_string())
}
