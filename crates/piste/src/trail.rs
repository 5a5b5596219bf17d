//! `piste trail`: what was done, step by step; and `piste why S-4`: what joins a step to others.
//!
//! In: `out/trail.json`. Out: each intrusion on one screen (since when at the latest, hosts, accounts, how it hangs together), then its
//! steps in the order of time; or one step with its rows and edges. What comes from evidence is escaped before it is printed.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use piste_model::trail::{Edge, Intrusion, Step, StepRow, Trail};
use piste_model::{Instant, trail::ScopeHost};
use piste_report::columns::{Table, wrapped};
use piste_report::escape::{terminal, visible};

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::{bound, is_host, note_not_examined, refuse_unknown_hosts, seen, unreadable};
use crate::out;

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
    after_help = "Example:\n  piste trail --host MX01 --from 2021-03-14\n  piste trail --json"
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
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl TrailOptions {
    fn is_wanted(&self, step: &Step) -> bool {
        let host = self.host.is_empty() || self.host.iter().any(|wanted| is_host(wanted, &step.host));
        let account =
            self.account.is_empty() || self.account.iter().any(|wanted| is_account(wanted, &step.account));
        host && account && self.from.is_none_or(|from| step.time.to.nanos >= from.nanos)
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
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    let all: usize = trail.intrusions.iter().map(|one| one.steps.len()).sum();
    for intrusion in &mut trail.intrusions {
        intrusion.steps.retain(|step| arguments.is_wanted(step));
    }
    if arguments.chooses() {
        trail.intrusions.retain(|one| !one.steps.is_empty());
    }
    if arguments.json {
        out::data(&format!("{}\n", serde_json::to_string(&trail).unwrap_or_default()));
        return Ok(0);
    }
    out::data(&story(&trail, arguments.chooses()));
    let shown: usize = trail.intrusions.iter().map(|one| one.steps.len()).sum();
    out::note(&format!("{shown} of {all} steps; `piste why S-1` shows what joins a step to others"));
    note_not_examined(&common.case);
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
