//! `piste trail`: what was done, step by step; and `piste why S-4`: what joins a step to others.
//!
//! In: `out/trail.json`. Out: each intrusion on one screen (since when at the latest, hosts, accounts, how it hangs together), then its
//! steps in the order of time; or one step with its rows and edges. What comes from evidence is escaped before it is printed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use piste_model::trail::{DecisionOutcome, Edge, Intrusion, Step, StepRow, Trail};
use piste_model::{Instant, trail::ScopeHost};
use piste_report::columns::{Table, wrapped};
use piste_report::escape::{terminal, visible};
use piste_report::trail_exports::{navigator_layer, timesketch_lines};

use crate::cli::Common;
use crate::estate::{self, Estate};
use crate::failure::Failure;
use crate::look::{bound, is_host, note_not_examined, refuse_unknown_hosts, seen, unreadable};
use crate::out;
use crate::person::Who;
use crate::trail_joins::{self, JoinWord};

/// Characters of a sentence.
const SENTENCE_CHARS: usize = 600;
/// Characters of a step's text in the table.
const TEXT_CHARS: usize = 110;
/// Indentation of a list's lines that go on.
const HANGING: usize = 4;

/// Tells what was done, step by step, and what joins the steps.
///
/// An intrusion is what rules, doors and rows show together; `piste why S-4` shows what joins a step to others.
#[derive(Debug, Args)]
#[command(
    name = "trail",
    after_help = "Examples:\n  piste trail --host MX01 --from 2021-03-14\n  piste trail --link S-1 S-9 --why 'one tool, by its hash' --key ann.key\n  piste trail --json"
)]
pub(crate) struct TrailOptions {
    /// Only steps on this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Only steps by this account, with or without its domain.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Vec<String>,
    /// Only steps from this date or time on, in UTC.
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub(crate) from: Option<Instant>,
    /// Record that two steps or findings belong together, as S-1 S-9; the next run joins them and says who said so.
    #[arg(long, num_args = 2, value_names = ["ID", "ID"], requires = "why", conflicts_with = "unlink")]
    link: Vec<String>,
    /// Record that what joins two steps directly is to be cut.
    #[arg(long, num_args = 2, value_names = ["ID", "ID"], requires = "why")]
    unlink: Vec<String>,
    /// Why two are joined or cut.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Which hosts and accounts are compromised, suspected, without a sign or not examined; FILE lists the hosts of the estate, as CSV or
    /// one a line, and may be left out.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(
        clippy::option_option,
        reason = "how the command line's parser says a flag that may have a value"
    )]
    estate: Option<Option<PathBuf>>,
    /// Write the steps for another tool.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<TrailFormat>,
    /// Write to this file and not to stdout.
    #[arg(long, short, value_name = "FILE", requires = "format")]
    output: Option<PathBuf>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forms in which other tools read steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TrailFormat {
    /// JSON lines for Timesketch, one a step.
    Timesketch,
    /// A layer of the ATT&CK Navigator, format 4.5.
    Navigator,
}

impl TrailOptions {
    fn is_wanted(&self, step: &Step) -> bool {
        let host = self.host.is_empty() || self.host.iter().any(|wanted| is_host(wanted, &step.host));
        let account =
            self.account.is_empty() || self.account.iter().any(|wanted| is_account(wanted, &step.account));
        host && account && self.from.is_none_or(|from| step.time.to.nanos >= from.nanos)
    }

    /// What is to be recorded, if anything is.
    fn word(&self) -> Option<JoinWord<'_>> {
        let names = if self.link.is_empty() { &self.unlink } else { &self.link };
        let [one, other] = names.as_slice() else { return None };
        Some(JoinWord {
            joins: !self.link.is_empty(),
            names: [one, other],
            why: self.why.as_deref().unwrap_or_default(),
            who: &self.who,
        })
    }

    fn chooses(&self) -> bool {
        !(self.host.is_empty() && self.account.is_empty() && self.from.is_none())
    }
}

/// `ann` means `MIN\ann` too; case does not count.
fn is_account(wanted: &str, account: &str) -> bool {
    let short = account.rsplit('\\').next().unwrap_or(account);
    wanted.eq_ignore_ascii_case(account) || wanted.eq_ignore_ascii_case(short)
}

fn written(case: &Path) -> Result<Trail, Failure> {
    const FILE: &str = "trail.json";
    let text = seen(case)?.results.text(case, FILE)?;
    serde_json::from_str(&text).map_err(|error| unreadable(FILE, &error))
}

/// Runs `piste trail`.
pub(crate) fn run(arguments: &TrailOptions, common: &Common) -> Result<u8, Failure> {
    let mut trail = written(&common.case)?;
    if let Some(word) = arguments.word() {
        trail_joins::record(&word, &trail, common)?;
        return Ok(0);
    }
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    let all: usize = trail.intrusions.iter().map(|one| one.steps.len()).sum();
    for intrusion in &mut trail.intrusions {
        intrusion.steps.retain(|step| arguments.is_wanted(step));
    }
    if arguments.chooses() {
        trail.intrusions.retain(|one| !one.steps.is_empty());
    }
    if let Some(list) = &arguments.estate {
        return estate(arguments, &trail, list.as_deref(), common);
    }
    if let Some(format) = arguments.format {
        return export(arguments, &trail, format, common);
    }
    if arguments.json {
        out::data(&format!("{}\n", serde_json::to_string(&trail).unwrap_or_default()));
        return Ok(0);
    }
    out::data(&story(&trail, arguments.chooses()));
    let shown: usize = trail.intrusions.iter().map(|one| one.steps.len()).sum();
    for word in trail_joins::pending(&trail, &common.case)? {
        out::note(&format!("not in this trail yet: {}", terminal(&word, SENTENCE_CHARS)));
    }
    out::note(&format!("{shown} of {all} steps; `piste why S-1` shows what joins a step to others"));
    note_not_examined(&common.case);
    Ok(0)
}

/// Which hosts and accounts are reached, each with why.
fn estate(
    arguments: &TrailOptions,
    trail: &Trail,
    list: Option<&Path>,
    common: &Common,
) -> Result<u8, Failure> {
    let listed = list.map(estate::listed).transpose()?.unwrap_or_default();
    let findings = seen(&common.case)?.findings(&common.case)?;
    let mut estate = Estate::of(trail, &findings, &listed);
    estate::retain_hosts(&mut estate, &arguments.host);
    if arguments.json {
        out::data(&format!("{}\n", serde_json::to_string(&estate).unwrap_or_default()));
    } else {
        estate.print();
    }
    note_not_examined(&common.case);
    Ok(0)
}

/// The steps as another tool reads them.
fn export(
    arguments: &TrailOptions,
    trail: &Trail,
    format: TrailFormat,
    common: &Common,
) -> Result<u8, Failure> {
    let name = common.case.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match format {
        TrailFormat::Timesketch => timesketch_lines(trail),
        TrailFormat::Navigator => format!("{:#}\n", navigator_layer(trail, &format!("Piste: {name}"))),
    };
    match &arguments.output {
        Some(path) => {
            crate::response::write_file(path, &text)?;
            out::note(&format!("written to {}", visible(&path.display().to_string())));
        }
        None => out::data(&text),
    }
    Ok(0)
}

/// All intrusions, what was too little for one, and the hosts.
fn story(trail: &Trail, chosen: bool) -> String {
    let mut text = String::new();
    if trail.intrusions.is_empty() {
        text.push_str(if chosen {
            "No step of an intrusion is so chosen.\n"
        } else {
            "No intrusion was made out of what rules and rows show here. What left nothing, and what is not here, cannot be seen.\n"
        });
    }
    for intrusion in &trail.intrusions {
        text.push_str(&head(intrusion));
        text.push('\n');
        text.push_str(&steps(&intrusion.steps));
        text.push('\n');
    }
    if !trail.leads.is_empty() {
        text.push_str("Too little for an intrusion\n");
        for lead in &trail.leads {
            let line = format!("{}  {}  {}: {}", lead.first, lead.hosts.join(", "), lead.text, lead.because);
            list_item(&mut text, &line);
        }
    }
    let scope = &trail.scope;
    for (title, hosts) in [
        ("Hosts that something points to", &scope.suspected),
        ("Hosts without a sign", &scope.no_sign),
        ("Not examined", &scope.not_examined),
    ] {
        tell_hosts(&mut text, title, hosts);
    }
    if !trail.decisions.is_empty() {
        text.push_str("What persons joined or cut\n");
        for told in &trail.decisions {
            let became = match told.outcome {
                DecisionOutcome::Kept => "",
                DecisionOutcome::StillJoined => " (other edges still join them)",
                DecisionOutcome::NotFound => " (without effect: one of them is not in this run)",
            };
            list_item(&mut text, &format!("{}{became}", told.in_words()));
        }
    }
    for stopped in &trail.stopped {
        let _ = writeln!(text, "The join stopped: {}", terminal(stopped, SENTENCE_CHARS)); // to a String: cannot fail
    }
    text
}

fn list_item(text: &mut String, line: &str) {
    let line = format!("  - {}", terminal(line, SENTENCE_CHARS));
    text.push_str(&wrapped(&line, out::table_width(), HANGING));
}

fn tell_hosts(text: &mut String, title: &str, hosts: &[ScopeHost]) {
    if hosts.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}"); // to a String: cannot fail
    for host in hosts {
        list_item(text, &format!("{}: {}", host.host, host.because));
    }
}

/// What is known of an intrusion as a whole.
fn head(intrusion: &Intrusion) -> String {
    let first = &intrusion.first_trace;
    let dwell = intrusion.dwell_days.min;
    let mut text = format!(
        "{}  in no later than {} ({}), last trace {}, at least {dwell} days, confidence {}\n",
        intrusion.id, first.no_later_than, first.step, intrusion.last_trace, intrusion.confidence
    );
    let lists = [
        ("who", intrusion.actor.clone()),
        ("hosts", intrusion.hosts.join(", ")),
        ("accounts", intrusion.accounts.join(", ")),
        ("doors", intrusion.doors.join(", ")),
        ("why", intrusion.because.join("; ")),
        ("open", intrusion.reserves.join("; ")),
    ];
    for (name, value) in lists.into_iter().filter(|(_, value)| !value.is_empty()) {
        let line = format!("      {name:<9}{}", terminal(&value, SENTENCE_CHARS));
        text.push_str(&wrapped(&line, out::table_width(), 15));
    }
    for apart in &intrusion.separate_from {
        let line = format!(
            "      {:<9}{}",
            "apart",
            terminal(&format!("{}: {}", apart.what, apart.because), SENTENCE_CHARS)
        );
        text.push_str(&wrapped(&line, out::table_width(), 15));
    }
    text
}

/// A line a step.
fn steps(steps: &[Step]) -> String {
    let mut table =
        Table::new(&["id", "time", "host", "account", "technique", "joined", "what the rows show"]);
    for step in steps {
        let joined: Vec<String> =
            step.edges.iter().take(2).map(|edge| format!("{} {}", edge.class, edge.to)).collect();
        table.rows.push(vec![
            step.id.clone(),
            step.time.from.to_string(),
            terminal(&step.host, TEXT_CHARS),
            terminal(&step.account, TEXT_CHARS),
            terminal(&step.technique, TEXT_CHARS),
            joined.join(", "),
            terminal(&step.text, TEXT_CHARS),
        ]);
    }
    table.text(out::table_width())
}

/// Whether a name is that of a step.
pub(crate) fn is_step(name: &str) -> bool {
    let digits = name.strip_prefix("S-").or_else(|| name.strip_prefix("s-"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Runs `piste why S-4`.
pub(crate) fn why(id: &str, json: bool, common: &Common) -> Result<u8, Failure> {
    let trail = written(&common.case)?;
    let found = trail.intrusions.iter().find_map(|intrusion| {
        let step = intrusion.steps.iter().find(|step| step.id.eq_ignore_ascii_case(id))?;
        Some((intrusion, step))
    });
    let Some((intrusion, step)) = found else {
        return Err(Failure::usage(
            "step-unknown",
            format!("there is no step `{id}`"),
            "nothing was shown",
            "`piste trail` lists them; name one as S-4",
        ));
    };
    if json {
        out::data(&format!("{}\n", serde_json::to_string(step).unwrap_or_default()));
    } else {
        out::data(&reasons(intrusion, step, &common.case));
    }
    Ok(0)
}

fn reasons(intrusion: &Intrusion, step: &Step, case: &Path) -> String {
    let shown = |text: &str| terminal(text, SENTENCE_CHARS);
    let mut text = format!(
        "{} of {}  {} .. {}  {} on {}\n      {}\n",
        step.id,
        intrusion.id,
        step.time.from,
        step.time.to,
        shown(&step.technique),
        shown(&step.host),
        shown(&step.text)
    );
    if !step.findings.is_empty() {
        let _ = writeln!(text, "      findings {}", step.findings.join(", ")); // to a String: cannot fail
    }
    text.push_str("\nJoined to\n");
    if step.edges.is_empty() {
        text.push_str("  nothing: it stands by itself\n");
    }
    for edge in &step.edges {
        joined(&mut text, edge, intrusion, case);
    }
    let _ = writeln!(text, "\nRows ({} of {})", step.rows.len(), step.count); // to a String: cannot fail
    for row in &step.rows {
        text.push_str(&row_line(row, case));
    }
    text
}

fn joined(text: &mut String, edge: &Edge, intrusion: &Intrusion, case: &Path) {
    let other = intrusion.steps.iter().find(|step| step.id == edge.to);
    let other = other.map(|step| terminal(&step.text, TEXT_CHARS)).unwrap_or_default();
    let reason = terminal(&edge.reason, SENTENCE_CHARS);
    let _ = writeln!(text, "  {} {} ({}): {reason}\n    {other}", edge.to, edge.class, edge.class.meaning());
    for row in &edge.rows {
        text.push_str(&row_line(row, case));
    }
}

/// A row with the command that shows its bytes.
fn row_line(row: &StepRow, case: &Path) -> String {
    let code = row.event_code.map(|code| format!(" event {code}")).unwrap_or_default();
    let recorded = row.time_as_recorded.map(|time| format!(", as recorded {time}")).unwrap_or_default();
    let time = row.time.map(|time| time.to_string()).unwrap_or_default();
    format!(
        "    {time}{recorded}  {}{code}\n      {}\n",
        terminal(&row.dataset, TEXT_CHARS),
        show(&format!("{}:{}", row.evidence_id, row.record), case)
    )
}

/// What shows the record's bytes.
fn show(record: &str, case: &Path) -> String {
    let case = case.display().to_string();
    let quote = if case.contains([' ', '\'', '"', '$', '`', '\\']) { "'" } else { "" };
    let case = case.replace('\'', "'\\''");
    format!("piste show {record} --case {quote}{}{quote}", visible(&case))
}
