//! `piste indicators check`: what is understood of a file of indicators, and what is not looked for.
//!
//! In: files. Out: each indicator in its normal form, or for scripts as JSON; each that is not looked for with place and reason;
//! a line of counts. No case is needed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use piste_report::escape::{terminal, visible};
use piste_rules::indicators::{Indicator, Indicators, read};
use serde_json::json;

use super::given::of_path;
use crate::cli::Common;
use crate::failure::{Failure, USAGE};
use crate::out;

/// Characters of a value that are shown.
const SHOWN_CHARS: usize = 200;

/// Checks files of indicators.
#[derive(Debug, Args)]
pub(crate) struct IndicatorsCommand {
    #[command(subcommand)]
    pub(crate) command: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Check(Check),
}

/// Says what of a file would be looked for, and what not and why.
///
/// Reads STIX 2.0 and 2.1, MISP JSON, OpenIOC, CSV and plain lists. Private, reserved and everyone's values are refused.
/// Exits with 0 unless nothing is understood; with --strict, with 2 if anything is left out.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste indicators check feed.csv bundle.json --list")]
pub(crate) struct Check {
    /// Files of indicators.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Also list every indicator that is understood.
    #[arg(long)]
    pub(crate) list: bool,
    /// Exit with 2 if anything is left out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON lines: what is understood, then what is not.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &IndicatorsCommand, common: &Common) -> Result<u8, Failure> {
    let What::Check(arguments) = &arguments.command;
    let files: Vec<_> = arguments.files.iter().map(|path| of_path(path)).collect();
    let indicators = read(&files)?;
    let mut page = String::new();
    if arguments.list || arguments.json {
        for one in &indicators.all {
            if arguments.json {
                let _ = writeln!(page, "{}", as_json(one, &indicators)); // a String takes all
            } else {
                let _ = writeln!(page, "{}", in_words(one, &indicators));
            }
            if page.len() > 1 << 20 {
                out::data(&std::mem::take(&mut page));
            }
        }
    }
    for issue in &indicators.issues {
        if arguments.json {
            let _ = writeln!(page, "{}", serde_json::to_string(issue).unwrap_or_default());
        } else {
            let _ = writeln!(page, "{}: {}: {}", visible(&issue.path), issue.slug, visible(&issue.what));
        }
    }
    if !arguments.json && !common.quiet {
        page += &summary(&indicators);
    }
    out::data(&page);
    let left_out = indicators.files.iter().any(|file| file.left_out > 0);
    Ok(if arguments.strict && left_out { USAGE } else { 0 })
}

fn as_json(one: &Indicator, all: &Indicators) -> serde_json::Value {
    json!({
        "indicator": one.value(),
        "type": one.kind,
        "source": all.source_of(one),
        "tlp": one.tlp().map(piste_rules::indicators::Tlp::as_str),
        "valid_from": one.valid_from(),
        "valid_until": one.valid_until(),
        "confidence": one.confidence(),
        "description": one.description(),
        "sources": all.said_of(one),
    })
}

fn in_words(one: &Indicator, all: &Indicators) -> String {
    let tlp = one.tlp().map_or_else(String::new, |tlp| format!("  {}", tlp.as_str()));
    let value = terminal(&one.value(), SHOWN_CHARS);
    format!("{:<20} {value}{tlp}  {}", one.kind, terminal(&all.source_of(one), SHOWN_CHARS))
}

fn summary(indicators: &Indicators) -> String {
    let mut text = String::new();
    for file in &indicators.files {
        let _ = writeln!(
            text,
            "{} ({}): {} understood, {} of them known already, {} left out",
            visible(&file.path),
            file.format,
            file.understood,
            file.repeated,
            file.left_out
        );
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &indicators.all {
        *kinds.entry(one.kind.as_str()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let _ = writeln!(
        text,
        "{} different indicators would be looked for: {}",
        indicators.all.len(),
        kinds.join(", ")
    );
    text
}
