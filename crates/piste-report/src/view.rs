//! What a run is rendered from.
//!
//! In: the objects that the outputs hold, by reference. Out: one value that every rendering takes, and the few questions
//! that more than one of them asks (which findings come first, which span the evidence covers).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use piste_model::summary::Summary;
use piste_model::{Evidence, Finding, Instant, Issue, Sighting};

use crate::answers::CaseAnswer;
use crate::figures::counted;
use crate::tallies::Tallies;

/// How to write on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are written.
    pub colour: bool,
    /// Columns of the terminal; fewer than [`Style::NARROWEST`] are taken for that many.
    pub width: usize,
}

impl Style {
    /// The narrowest layout.
    pub const NARROWEST: usize = 24;
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// A logsource area and how many of the loaded rules ask for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Area {
    /// As Sigma names it: `windows/ps_script`.
    pub label: String,
    /// Loaded rules that ask for it.
    pub rules: u64,
}

/// Which areas the rules ran over; the rule sets themselves stand in [`Summary::rules`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Areas {
    /// Areas of which the evidence has events.
    pub ran: Vec<Area>,
    /// Areas with rules but without any event in this evidence: their rules could not match.
    pub unseen: Vec<Area>,
}

impl Areas {
    /// Areas without events, those with most rules first.
    pub(crate) fn unseen_sorted(&self) -> Vec<&Area> {
        let mut sorted: Vec<_> = self.unseen.iter().collect();
        sorted.sort_by_key(|area| (Reverse(area.rules), &area.label));
        sorted
    }
}

/// What one host's rows of one dataset cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The host that the rows name; empty if none.
    pub host: String,
    /// `windows.security`.
    pub dataset: String,
    /// Time of the earliest row.
    pub first: Instant,
    /// Time of the latest row.
    pub last: Instant,
    /// Rows with a time.
    pub rows: u64,
    /// (day since 1970-01-01 UTC, rows), ascending, only days with rows.
    pub days: Vec<(i64, u64)>,
}

/// A run as it is rendered.
#[derive(Debug, Clone, Copy)]
pub struct RunView<'a> {
    /// The figures.
    pub summary: &'a Summary,
    /// Every sealed file.
    pub evidence: &'a [Evidence],
    /// Everything that could not be read or run.
    pub issues: &'a [Issue],
    /// All findings, in any order.
    pub findings: &'a [Finding],
    /// The detections, counted.
    pub tallies: &'a Tallies,
    /// Which areas the rules ran over.
    pub areas: &'a Areas,
    /// The answers, in the order of the questions.
    pub answers: &'a [CaseAnswer],
    /// When the earlier run ended that findings are marked against; the HTML report does not look at it, since it
    /// holds nothing of a clock.
    pub since: Option<Instant>,
    /// Known indicators; `None` where none were given.
    pub sought: Option<&'a Sought>,
    /// How to write; the HTML report does not look at it.
    pub options: Style,
}

/// Known indicators that were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// The files that name them.
    pub files: Vec<SoughtFile>,
    /// How many different ones were looked for.
    pub indicators: u64,
    /// What was seen, the most telling first.
    pub sightings: Vec<Sighting>,
}

/// One file of indicators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoughtFile {
    /// As given.
    pub path: String,
    /// Of its bytes.
    pub sha256: String,
    /// `STIX`, `MISP`, `OpenIOC`, `CSV`, `list`.
    pub format: String,
    /// Indicators in it that were looked for.
    pub understood: u64,
    /// Those that were not; an issue says why.
    pub left_out: u64,
}

/// Issues of one kind.
#[derive(Debug)]
pub(crate) struct IssueGroup<'a> {
    pub(crate) count: u64,
    /// The first by path and offset.
    pub(crate) example: &'a Issue,
}

impl<'a> RunView<'a> {
    /// Findings, the gravest first; among equals the best supported, then the earliest.
    pub(crate) fn gravest_first(&self) -> Vec<&'a Finding> {
        let mut sorted: Vec<_> = self.findings.iter().collect();
        sorted.sort_by_key(|finding| {
            let confidence = match finding.confidence.as_str() {
                "high" => 0,
                "medium" => 1,
                _ => 2,
            };
            (Reverse(finding.level), confidence, finding.first.is_none(), finding.first, finding.id)
        });
        sorted
    }

    /// Findings that are new, then those with new rows, each the gravest first.
    pub(crate) fn new_first(&self) -> Vec<&'a Finding> {
        let mut new = self.gravest_first();
        new.retain(|finding| finding.new.is_some());
        new.sort_by_key(|finding| finding.new);
        new
    }

    /// Issues by slug, each with the one that comes first in the evidence.
    pub(crate) fn issue_groups(&self) -> BTreeMap<&'a str, IssueGroup<'a>> {
        let mut groups: BTreeMap<&str, IssueGroup<'_>> = BTreeMap::new();
        for issue in self.issues {
            let group = groups.entry(issue.slug.as_ref()).or_insert(IssueGroup { count: 0, example: issue });
            group.count += 1;
            let place = |issue: &'a Issue| (&issue.path, issue.offset, &issue.what);
            if place(issue) < place(group.example) {
                group.example = issue;
            }
        }
        groups
    }

    /// Earliest and latest time of any row of the evidence.
    pub(crate) fn span(&self) -> Option<(Instant, Instant)> {
        let first = self.evidence.iter().filter_map(|file| file.first).min()?;
        let last = self.evidence.iter().filter_map(|file| file.last).max()?;
        Some((first, last))
    }
}

/// `3 events`; of a rule that looks at files, `3 files`.
pub(crate) fn counted_matches(finding: &Finding) -> String {
    let of_files = finding.first.is_none() && finding.details.contains_key("Matches");
    let (one, many) = if of_files { ("file", "files") } else { ("event", "events") };
    counted(finding.count, one, many)
}

/// The field of a finding that tells most, as (name, value); none where it has no details.
pub(crate) fn telling_detail(finding: &Finding) -> Option<(&str, &str)> {
    const FIRST: [&str; 13] = [
        "CommandLine",
        "Matches",
        "ScriptBlockText",
        "Payload",
        "TargetFilename",
        "TargetObject",
        "ServiceFileName",
        "ImagePath",
        "TaskName",
        "Image",
        "cs-uri-stem",
        "DestinationIp",
        "IpAddress",
    ];
    FIRST
        .iter()
        .find_map(|name| finding.details.get_key_value(*name))
        .or_else(|| finding.details.first_key_value())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(_, value)| !value.is_empty())
}
