//! Looking at the lake: what `show`, `search`, `timeline` and `metrics` share.
//!
//! In: a case that an earlier run filled. Out: its rows, filtered by time, host and dataset. Nothing is written here, so a
//! case can be looked at while a run goes on.

pub(crate) mod pattern;
pub(crate) mod rows;
pub(crate) mod sorted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::RecordBatch;
use piste_case::verdicts::{Verdict, Verdicts};
use piste_case::{Ledger, kind};
use piste_hunt::describe;
use piste_lake::scan::text_at;
use piste_lake::store::Stored;
use piste_lake::{Lake, Sealed};
use piste_model::summary::Summary;
use piste_model::{Evidence, Finding, Instant, schema};
use piste_report::escape::terminal;
use piste_report::reading::{beside_nothing_found, not_searched};
use serde_json::Value;

use crate::cli::Range;
use crate::failure::Failure;
use crate::investigate::join::full_names;
use crate::out;
use crate::person::{or_set_aside, read_ledger};
use crate::results::{self, Results};

/// Characters of a sentence of Piste's own.
const SENTENCE_CHARS: usize = 1_000;

/// The lake of a case that is there.
pub(crate) fn lake_of(case: &Path) -> Result<Lake, Failure> {
    Ok(seen(case)?.lake)
}

/// A case that is only looked at.
pub(crate) struct Seen {
    pub(crate) lake: Lake,
    pub(crate) results: Results,
    pub(crate) verdicts: Verdicts,
    /// Every file that was sealed.
    pub(crate) seals: Vec<Sealed>,
    /// Body of the entry that began the last run.
    pub(crate) run: Value,
    /// Whether that run came to its end.
    finished: bool,
}

/// Looks at a case that is there: its ledger is read once, with every signature.
pub(crate) fn seen(case: &Path) -> Result<Seen, Failure> {
    let mut seen = Seen {
        lake: Lake::at(case),
        results: Results::default(),
        verdicts: Verdicts::default(),
        seals: Vec::new(),
        run: Value::Null,
        finished: false,
    };
    let mut stored = Stored::default();
    read_ledger(case, |entry| {
        seen.results.observe(entry);
        stored.observe(&entry.kind, &entry.body);
        match entry.kind.as_str() {
            kind::RUN_STARTED => {
                seen.run = entry.body.clone();
                seen.finished = false;
            }
            kind::RUN_FINISHED => seen.finished = true,
            kind::EVIDENCE_SEALED => seen.seals.extend(serde_json::from_value(entry.body.clone()).ok()),
            _ => {}
        }
        or_set_aside(seen.verdicts.observe(entry))
    })?;
    if results::is_unsettled(case)
        && let Ok((_held, _)) = Ledger::open(&case.join("ledger.jsonl"))
    {
        seen.results.settle(case)?; // no other command is writing: what lies aside is of one that was killed
    }
    if !seen.finished {
        let command = seen.run.get("command").and_then(Value::as_str);
        let (command, what) = match command {
            Some(command @ ("hunt" | "sightings")) => (command, "what follows is of the run before it"),
            _ => ("investigate", "what follows is a part"),
        };
        out::note(&format!(
            "warning: the last run of this case did not finish: {what}; run `piste {command}` again"
        ));
    }
    seen.lake = seen.lake.with_stored(stored);
    Ok(seen)
}

impl Seen {
    /// The findings as the last run wrote them, with the verdicts in force.
    pub(crate) fn findings(&self, case: &Path) -> Result<Vec<Finding>, Failure> {
        let text = self.results.text(case, FINDINGS)?;
        parse_findings(&text, &self.verdicts)
    }

    /// Findings that somebody judged and that the last run did not find: key, and the last verdict.
    pub(crate) fn judged_and_gone<'s>(&'s self, findings: &[Finding]) -> Vec<&'s Verdict> {
        let there: BTreeSet<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        self.verdicts.in_force().filter(|verdict| !there.contains(verdict.judged.key.as_str())).collect()
    }
}

/// Hosts that an error names.
const HOSTS_NAMED: usize = 20;
/// In `out/`.
pub(crate) const EVIDENCE: &str = "evidence.jsonl";
/// In `out/`.
pub(crate) const FINDINGS: &str = "findings.jsonl";

/// The findings of `findings.jsonl`, with the verdicts in force.
pub(crate) fn parse_findings(text: &str, verdicts: &Verdicts) -> Result<Vec<Finding>, Failure> {
    let lines = text.lines().map(|line| {
        let mut finding: Finding = serde_json::from_str(line)?;
        if let Some(verdict) = verdicts.of(&finding.key) {
            verdict.clone_into(&mut finding.verdict);
        }
        Ok(finding)
    });
    lines.collect::<Result<Vec<_>, serde_json::Error>>().map_err(|error| unreadable(FINDINGS, &error))
}

/// The text of `findings.jsonl`.
pub(crate) fn finding_lines(findings: &[Finding]) -> String {
    let lines = findings.iter().filter_map(|finding| serde_json::to_string(finding).ok());
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// For a file of `out/` that another version wrote.
pub(crate) fn unreadable(name: &str, error: &serde_json::Error) -> Failure {
    Failure::environment(
        "out-unreadable",
        format!("`out/{name}` is not what this version writes: {error}"),
        "nothing was shown or recorded",
        "run `piste investigate` again: it is derived, and a run writes it anew",
    )
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
    match Results::of(case).and_then(|results| results.text(case, "summary.json")) {
        Ok(text) => {
            let summary = serde_json::from_str::<Summary>(&text).ok();
            if let Some(sentence) = summary.as_ref().and_then(told) {
                out::note(&terminal(&sentence, SENTENCE_CHARS));
            }
        }
        Err(failure) => out::note(&format!(
            "warning: what was not examined cannot be told: {}",
            terminal(failure.what(), SENTENCE_CHARS)
        )),
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

/// The one name of each host: rows keep the name that their record or their place gives.
#[derive(Debug, Default)]
pub(crate) struct HostNames(BTreeMap<String, String>);

impl HostNames {
    /// Of a case that was read to its end; of another, names are as rows give them.
    pub(crate) fn of(case: &Path, seen: &Seen) -> Result<Self, Failure> {
        if !seen.finished {
            return Ok(Self::default());
        }
        let text = seen.results.text(case, EVIDENCE)?;
        let evidence = text.lines().map(serde_json::from_str).collect::<Result<Vec<Evidence>, _>>();
        let evidence = evidence.map_err(|error| unreadable(EVIDENCE, &error))?;
        let mut records = Vec::new();
        for unit in seen.lake.done_units()? {
            records.extend(seen.lake.record(&unit)?);
        }
        Ok(Self(full_names(&evidence, &records)))
    }

    /// The name that a row's host has in the whole case.
    pub(crate) fn full<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

impl Range {
    /// Whether the row lies within it. A row without a time lies within no bounded range.
    pub(crate) fn holds(&self, batch: &RecordBatch, row: usize, names: &HostNames) -> bool {
        let text = |name: &str| {
            batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default()
        };
        let said = || text(schema::HOST);
        let is_wanted = |wanted: &String| is_host(wanted, names.full(said())) || is_host(wanted, said());
        let host = self.host.is_empty() || self.host.iter().any(is_wanted);
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
    // Words that say where a file was found are no name with a domain.
    let short = host.split('.').next().filter(|_| !host.contains(' ')).unwrap_or(host);
    wanted.eq_ignore_ascii_case(host) || wanted.eq_ignore_ascii_case(short)
}

/// Refuses a host that the last run knows none of: an answer of nothing would say that it was looked through.
pub(crate) fn refuse_unknown_hosts(case: &Path, wanted: &[String]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let read = |name: &str| Results::of(case).and_then(|results| results.text(case, name));
    // Without a finished run there is nothing to compare with; the command itself says what is lacking.
    let (Ok(summary), Ok(evidence)) = (read("summary.json"), read(EVIDENCE)) else { return Ok(()) };
    let summary: Summary =
        serde_json::from_str(&summary).map_err(|error| unreadable("summary.json", &error))?;
    let files = evidence.lines().filter_map(|line| serde_json::from_str::<Evidence>(line).ok());
    let mut hosts: BTreeSet<String> = files.filter_map(|file| file.host).collect();
    hosts.extend(summary.hosts);
    let Some(unknown) = wanted.iter().find(|one| !hosts.iter().any(|host| is_host(one, host))) else {
        return Ok(());
    };
    let named: Vec<&str> = hosts.iter().map(String::as_str).take(HOSTS_NAMED).collect();
    let more = hosts.len().saturating_sub(named.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more (`piste metrics hosts`)") };
    Err(Failure::usage(
        "host-not-in-case",
        format!("no evidence of this case is of a host called `{unknown}`"),
        "nothing was shown",
        format!("hosts of this case: {}{more}", named.join(", ")),
    ))
}

/// A bound as people type it: a date means its first moment in UTC.
pub(crate) fn bound(text: &str) -> Result<Instant, String> {
    Instant::parse(text).or_else(|| Instant::parse(&format!("{text}T00:00:00Z"))).ok_or_else(|| {
        format!("`{text}` is neither a date like 2021-03-14 nor a time like 2021-03-14T01:40:12Z")
    })
}
