//! `piste sightings`: known indicators in a case.
//!
//! In: a case, and files of indicators. Out: which of them were seen where, when, how often, with what their source says. With
//! new files the stored rows are looked through and `out/` is written anew; the evidence is not touched. Without, the last
//! sightings are shown.

pub(crate) mod check;
pub(crate) mod given;

use std::fmt::Write;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use piste_hunt::Findings;
use piste_hunt::sightings::{Found, Search, find};
use piste_lake::LakeError;
use piste_model::{Instant, Sighting};
use piste_report::escape::{terminal, visible};
use piste_report::view::{Sought, SoughtFile};
use piste_rules::indicators::Tlp;

use crate::cli::{Common, Investigate};
use crate::failure::Failure;
use crate::investigate::join::Joined;
use crate::look::{is_host, lake_of, note_not_searched};
use crate::results::Results;
use crate::{hunt, out};

pub(crate) use given::{Given, Known};

/// Name of the file in `out/`.
pub(crate) const FILE: &str = "sightings.jsonl";
/// Characters of a value or a source.
const SHOWN_CHARS: usize = 200;
/// Rows named for one sighting.
const ROWS_SHOWN: usize = 3;

/// Shows which known indicators were seen, or looks for new ones.
///
/// With --indicators the case's stored rows and sealed files are held against the files given and those of earlier runs; the
/// evidence itself is not touched. STIX 2.0 and 2.1, MISP JSON, OpenIOC, CSV and plain lists are read, defanged or not.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste sightings --indicators bundle.json --indicators feed.csv --case ministry"
)]
pub(crate) struct Sightings {
    /// Indicators to look for; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) indicators: Vec<PathBuf>,
    /// Leave out the indicators that earlier runs of the case were given.
    #[arg(long)]
    pub(crate) no_earlier_indicators: bool,
    /// Only sightings on this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Print at most so many.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Threads; all cores if not given.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Sightings, common: &Common) -> Result<u8, Failure> {
    lake_of(&common.case)?;
    if !arguments.indicators.is_empty() || arguments.no_earlier_indicators {
        let options = hunt::last_rule_options(&common.case)?;
        let hunt = Investigate {
            indicators: arguments.indicators.clone(),
            no_earlier_indicators: arguments.no_earlier_indicators,
            threads: arguments.threads,
            which: options,
            ..Investigate::over_the_lake()
        };
        hunt::for_sightings(&hunt, common)?;
    }
    show(arguments, common)?;
    Ok(0)
}

fn show(arguments: &Sightings, common: &Common) -> Result<(), Failure> {
    let results = Results::of(&common.case)?;
    if results.hash(FILE).is_none() && results.hash("summary.json").is_some() {
        return Err(Failure::usage(
            "sightings-none-given",
            "no run of this case was given indicators",
            "nothing was looked for",
            "give some: piste sightings --indicators FILE",
        ));
    }
    let path = common.case.join("out").join(FILE);
    let file = results.file(&common.case, FILE)?;
    let (mut shown, mut all) = (0, 0);
    for line in file.lines() {
        let line = line.map_err(LakeError::read(&path))?;
        let one: Sighting = serde_json::from_str(&line)
            .map_err(|source| LakeError::Sidecar { path: path.clone(), source })?;
        let wanted = |host: &String| arguments.host.iter().any(|wanted| is_host(wanted, host));
        if !arguments.host.is_empty() && !one.hosts.iter().any(wanted) {
            continue;
        }
        all += 1;
        if arguments.limit.is_some_and(|limit| shown >= limit) {
            continue;
        }
        shown += 1;
        out::data(&if arguments.json { format!("{line}\n") } else { in_words(&one) });
    }
    if !arguments.json && !common.quiet {
        let rest = if shown < all { format!("; {shown} shown") } else { String::new() };
        out::note(&match all {
            0 => "No indicator was seen in the rows and files of this case; that says nothing of what was not collected, nor of what a row holds encoded (a script given in base64, the body of a mail)".to_owned(),
            1 => format!("1 indicator seen{rest}"),
            all => format!("{all} indicators seen{rest}"),
        });
        note_not_searched(&common.case);
    }
    Ok(())
}

/// The strictest marking among what the case's last run saw.
pub(crate) fn strictest_marking(case: &std::path::Path) -> Option<Tlp> {
    let file = Results::of(case).ok()?.file(case, FILE).ok()?;
    let lines = file.lines().map_while(Result::ok);
    let seen = lines.filter_map(|line| serde_json::from_str::<Sighting>(&line).ok());
    seen.filter_map(|one| one.tlp.as_deref().and_then(Tlp::parse)).max()
}

/// One sighting on a few lines.
fn in_words(one: &Sighting) -> String {
    let time = |time: Option<Instant>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let rows: Vec<String> = one
        .rows
        .iter()
        .take(ROWS_SHOWN)
        .map(|row| match row.record {
            0 => format!("{} (file)", row.evidence_id),
            record => format!("{}:{record}", row.evidence_id),
        })
        .collect();
    let more = usize::try_from(one.count).unwrap_or(usize::MAX).saturating_sub(rows.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut text = format!(
        "{} {}  x{}  {} .. {}  {}\n    {}{more}\n    {}{}\n",
        visible(&one.kind),
        terminal(&one.indicator, SHOWN_CHARS),
        one.count,
        time(one.first),
        time(one.last),
        terminal(&one.hosts.join(", "), SHOWN_CHARS),
        rows.join(", "),
        one.tlp.as_ref().map_or_else(String::new, |tlp| format!("{} · ", visible(tlp))),
        terminal(&one.source, SHOWN_CHARS),
    );
    if let Some(words) = &one.description {
        let _ = writeln!(text, "    {}", terminal(words, SHOWN_CHARS)); // a String takes all
    }
    if one.valid_from.is_some() || one.valid_until.is_some() {
        let outside = match one.outside_validity {
            0 => String::new(),
            1 => ": 1 row outside".to_owned(),
            rows => format!(": {rows} rows outside"),
        };
        let _ = writeln!(text, "    valid {} .. {}{outside}", time(one.valid_from), time(one.valid_until));
    }
    // One source is told above; of several each has its own word.
    for source in one.sources.iter().filter(|_| one.sources.len() > 1) {
        let dated = source.valid_from.is_some() || source.valid_until.is_some();
        let _ = writeln!(
            text,
            "    - {}: {}, {}{}",
            terminal(&source.source, SHOWN_CHARS),
            source.tlp.as_deref().map_or("no TLP".into(), visible),
            if dated {
                format!("valid {} .. {}", time(source.valid_from), time(source.valid_until))
            } else {
                "no dates".to_owned()
            },
            source
                .description
                .as_ref()
                .map_or_else(String::new, |words| format!(", {}", terminal(words, SHOWN_CHARS))),
        );
    }
    text
}

/// What of a run's options bears on looking.
pub(crate) struct Looking<'a> {
    pub(crate) known: &'a Known,
    pub(crate) threads: usize,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) quiet: bool,
}

impl Looking<'_> {
    /// Looks for the indicators in a run's rows and files; `None` where none were given.
    pub(crate) fn find(
        &self,
        lake: &piste_lake::Lake,
        joined: &Joined,
        since: Option<u32>,
    ) -> Result<Option<Found>, Failure> {
        let indicators = &self.known.indicators;
        if indicators.is_empty() {
            return Ok(None);
        }
        let begun = std::time::Instant::now();
        let host = |name: &str| joined.hosts.full(name).to_owned();
        let search = Search {
            lake,
            evidence: &joined.evidence,
            host: &host,
            threads: self.threads,
            stop: self.stop,
            since,
        };
        let found = find(indicators, &search)?;
        if !self.quiet {
            let [values, rows] = [&found.spent.values, &found.spent.rows]
                .map(|nanos| std::time::Duration::from_nanos(nanos.load(Ordering::Relaxed)).as_secs_f64());
            out::note(&format!(
                "Held {} rows ({} distinct values) against {} indicators in {:.2} s (threads together: values {values:.2} s, rows {rows:.2} s)",
                found.rows,
                found.values,
                indicators.all.len(),
                begun.elapsed().as_secs_f64(),
            ));
        }
        Ok(Some(found))
    }

    /// What the report tells of it; the findings go beside the others.
    pub(crate) fn sought(&self, found: Found, findings: &mut Findings) -> Sought {
        findings.beside(found.findings);
        let sightings = found.sightings;
        let indicators = &self.known.indicators;
        let files = indicators.files.iter().map(|file| SoughtFile {
            path: file.path.clone(),
            sha256: file.sha256.clone(),
            format: file.format.to_string(),
            understood: file.understood,
            left_out: file.left_out,
        });
        Sought { files: files.collect(), indicators: indicators.all.len() as u64, sightings }
    }
}
