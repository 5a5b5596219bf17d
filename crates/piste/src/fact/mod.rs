//! `piste fact`: what persons state of the case.
//!
//! In: a name, a value, who, why and rows. Out: an entry in the ledger; the facts in force, every version of one, and the
//! questions that decide most. Nothing is ever overwritten: a new value is a new version.

mod ask;
pub(crate) mod found;
pub(crate) mod proposals;

use clap::{Args, Subcommand};
use piste_case::duties::{Known, Origin};
use piste_case::facts::{FactDef, Stated, Statement, Value, fact_catalog};
use piste_case::kind;
use piste_model::EvidenceId;
use piste_report::escape::terminal;
use serde_json::{Value as Json, json};

use crate::cli::Common;
use crate::failure::Failure;
use crate::out;
use crate::person::Who;
use crate::response::{Writing, profile, read, signed};

/// Characters of a value on a line.
const SHOWN_CHARS: usize = 300;

/// States, shows and asks for the facts that decide whom to tell by when.
///
/// A fact that is not set is unknown, and unknown never means no. Each setting is an entry in the ledger with who, when, why
/// and the rows it rests on. With --key it is signed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste fact set t.aware_significant 2021-03-26T14:20+01:00 --why \"shells confirmed\" --by \"A. Peeters\" --rows E-1:57\n  piste fact ask\n  piste fact history t.aware_significant"
)]
pub(crate) struct Fact {
    #[command(subcommand)]
    command: FactCommand,
}

#[derive(Debug, Subcommand)]
enum FactCommand {
    Set(Set),
    Unset(Unset),
    Show(Show),
    List(List),
    History(History),
    Ask(ask::Ask),
}

/// States a fact; `unknown` says that it is not known.
#[derive(Debug, Args)]
struct Set {
    /// Such as `t.aware_significant`; `piste fact list --all` names them.
    name: String,
    /// A time with its offset or zone, true or false, a word, a number, text; items of a list stand between `;`.
    #[arg(allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    reason: Reason,
    /// Rows it rests on, as E-1:57; may be given several times or with commas.
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    rows: Vec<String>,
}

/// Who and why.
#[derive(Debug, Args)]
pub(crate) struct Reason {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// Takes a fact back: it was never meant. Its versions stay in the history.
#[derive(Debug, Args)]
struct Unset {
    /// The fact.
    name: String,
    #[command(flatten)]
    reason: Reason,
}

/// Shows one fact: its value, where it comes from, what it may be.
#[derive(Debug, Args)]
struct Show {
    /// The fact.
    name: String,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// Lists the facts that are known.
#[derive(Debug, Args)]
struct List {
    /// All that there are, with what each may be.
    #[arg(long)]
    all: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// Shows every version of a fact, the oldest first.
#[derive(Debug, Args)]
struct History {
    /// The fact.
    name: String,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Fact, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        FactCommand::Set(arguments) => set(arguments, common)?,
        FactCommand::Unset(arguments) => unset(arguments, common)?,
        FactCommand::Show(arguments) => show(arguments, common)?,
        FactCommand::List(arguments) => list(arguments, common)?,
        FactCommand::History(arguments) => history(arguments, common)?,
        FactCommand::Ask(arguments) => ask::run(arguments, common)?,
    }
    Ok(0)
}

/// A fact of the catalogue.
fn fact_of(name: &str) -> Result<&'static FactDef, Failure> {
    fact_catalog().fact(name).ok_or_else(|| {
        let hint = match fact_catalog().nearest(name) {
            Some(nearest) => format!("did you mean `{nearest}`? `piste fact list --all` names them"),
            None => "`piste fact list --all` names them".to_owned(),
        };
        Failure::usage("fact-unknown", format!("there is no fact `{name}`"), "nothing was recorded", hint)
    })
}

/// The value that was typed, as the ledger keeps it.
fn value_of(fact: &FactDef, text: &str) -> Result<Json, Failure> {
    let value = Value::parse(fact, text)
        .map_err(|error| Failure::usage("fact-value", error.what, "nothing was recorded", error.hint))?;
    Ok(value.map_or(Json::Null, |value| value.to_ledger()))
}

fn set(arguments: &Set, common: &Common) -> Result<(), Failure> {
    let fact = fact_of(&arguments.name)?;
    let value = value_of(fact, &arguments.value)?;
    reason(&arguments.reason.why)?;
    let mut case = Writing::open(common)?;
    let by = case.who(&arguments.reason.who)?;
    let rows = rows(&case, &arguments.rows)?;
    let why = arguments.reason.why.trim().to_owned();
    let statement = Statement { name: fact.id.clone(), value, by, why, rows };
    record(&mut case, &statement, common)?;
    case.refresh(&common.case)
}

/// Appends the statement and says what was recorded.
fn record(case: &mut Writing, statement: &Statement, common: &Common) -> Result<(), Failure> {
    case.append(kind::FACT_SET, statement.body())?;
    if !common.quiet {
        let version = case.response.facts.history(&statement.name).len();
        let value = case
            .response
            .facts
            .value(&statement.name)
            .map_or_else(|| "unknown".to_owned(), ToString::to_string);
        out::note(&format!(
            "{} = {} (version {version}, by {}, {})",
            statement.name,
            terminal(&value, SHOWN_CHARS),
            terminal(&statement.by, SHOWN_CHARS),
            case.signs()
        ));
    }
    Ok(())
}

fn reason(why: &str) -> Result<(), Failure> {
    if why.trim().is_empty() {
        return Err(Failure::usage(
            "why-missing",
            "the reason is empty",
            "nothing was recorded",
            "say why in a sentence: a reader of the ledger will ask",
        ));
    }
    Ok(())
}

/// Rows that are of the form `E-1:57`, of evidence that the case has sealed.
fn rows(case: &Writing, given: &[String]) -> Result<Vec<String>, Failure> {
    let refuse = |what: String, hint: &str| Failure::usage("row-unknown", what, "nothing was recorded", hint);
    for row in given {
        let parts = row.split_once(':').and_then(|(evidence, record)| {
            Some((evidence.parse::<EvidenceId>().ok()?, record.parse::<i64>().ok()?))
        });
        let Some((evidence, _)) = parts else {
            return Err(refuse(format!("`{row}` names no row"), "write the evidence and the record: E-1:57"));
        };
        if !case.response.evidence.contains(&evidence) {
            return Err(refuse(
                format!("the case has sealed no evidence {evidence}"),
                "`piste findings F-1` shows rows with their evidence",
            ));
        }
    }
    Ok(given.to_vec())
}

fn unset(arguments: &Unset, common: &Common) -> Result<(), Failure> {
    reason(&arguments.reason.why)?;
    // The name of a later version's fact is known to the case even if not to the catalogue.
    let mut case = Writing::open(common)?;
    if case.response.facts.stated(&arguments.name).is_none() {
        fact_of(&arguments.name)?;
        return Err(Failure::usage(
            "fact-not-set",
            format!("`{}` is not set", arguments.name),
            "nothing was recorded",
            "`piste fact list` shows what is",
        ));
    }
    let by = case.who(&arguments.reason.who)?;
    case.append(
        kind::FACT_UNSET,
        json!({"name": arguments.name, "by": by, "why": arguments.reason.why.trim()}),
    )?;
    case.refresh(&common.case)
}

fn show(arguments: &Show, common: &Common) -> Result<(), Failure> {
    let fact = fact_of(&arguments.name)?;
    let response = read(&common.case)?;
    let known = Known { response: &response, profile: profile(&response)? };
    if arguments.json {
        out::data(&format!("{}\n", described(fact, &known)));
        return Ok(());
    }
    out::data(&format!("{}\n", in_words(fact, &known)));
    out::data(&format!("    {}\n", fact.ask));
    if !fact.values.is_empty() {
        out::data(&format!("    one of {}, or unknown\n", fact.values.join(", ")));
    }
    if let Some(stated) = response.facts.stated(&fact.id) {
        out::data(&version_in_words(stated));
    }
    Ok(())
}

/// A fact as an object.
fn described(fact: &FactDef, known: &Known<'_>) -> Json {
    let stated = known.response.facts.stated(&fact.id);
    json!({
        "fact": fact.id, "type": fact.kind, "values": fact.values, "ask": fact.ask,
        "value": known.value(&fact.id).map(|value| value.to_ledger()),
        "origin": known.origin(&fact.id),
        "stated": stated.map(version),
    })
}

fn version(stated: &Stated) -> Json {
    json!({
        "version": stated.version, "entry": stated.seq, "at": stated.at, "by": stated.by, "signed": stated.signed, "taken_from": stated.taken_from,
        "why": stated.why, "rows": stated.rows, "unset": stated.unset,
        "value": stated.value.as_ref().map(Value::to_ledger),
    })
}

/// The fact on one line.
fn in_words(fact: &FactDef, known: &Known<'_>) -> String {
    let value = known.value(&fact.id).map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let origin = match known.origin(&fact.id) {
        Origin::Derived => "  (follows from other facts)",
        Origin::Assumed => "  (assumed by the profile; set it to confirm)",
        Origin::Stated | Origin::Unknown => "",
    };
    format!("{} = {}{origin}", fact.id, terminal(&value, SHOWN_CHARS))
}

fn version_in_words(stated: &Stated) -> String {
    let value = match (&stated.value, stated.unset) {
        (_, true) => "taken back".to_owned(),
        (None, false) => "unknown".to_owned(),
        (Some(value), false) => value.to_string(),
    };
    let rows =
        if stated.rows.is_empty() { String::new() } else { format!("; rows {}", stated.rows.join(", ")) };
    let taken = stated.taken_from.as_ref().map_or_else(String::new, |from| {
        format!("        taken over by an import; it was said by {}\n", terminal(from, SHOWN_CHARS))
    });
    format!(
        "    version {} at {} by {} ({}, entry {}): {}\n        because {}{rows}\n{taken}",
        stated.version,
        stated.at,
        terminal(&stated.by, SHOWN_CHARS),
        signed(stated.signed),
        stated.seq,
        terminal(&value, SHOWN_CHARS),
        terminal(&stated.why, SHOWN_CHARS)
    )
}

fn list(arguments: &List, common: &Common) -> Result<(), Failure> {
    let response = if arguments.all && !common.case.join("ledger.jsonl").exists() {
        piste_case::duties::Response::default()
    } else {
        read(&common.case)?
    };
    let known = Known { response: &response, profile: profile(&response)? };
    for fact in fact_catalog().facts() {
        if !arguments.all
            && known.origin(&fact.id) == Origin::Unknown
            && response.facts.stated(&fact.id).is_none()
        {
            continue;
        }
        if arguments.json {
            out::data(&format!("{}\n", described(fact, &known)));
        } else {
            out::data(&format!("{}\n", in_words(fact, &known)));
        }
    }
    for name in response.facts.names().filter(|name| fact_catalog().fact(name).is_none()) {
        out::note(&format!(
            "warning: `{}` is a fact that this version does not know",
            terminal(name, SHOWN_CHARS)
        ));
    }
    Ok(())
}

fn history(arguments: &History, common: &Common) -> Result<(), Failure> {
    let response = read(&common.case)?;
    let versions = response.facts.history(&arguments.name);
    if versions.is_empty() {
        fact_of(&arguments.name)?;
    }
    if !arguments.json {
        out::data(&format!("{}: {} versions\n", arguments.name, versions.len()));
    }
    for stated in versions {
        if arguments.json {
            out::data(&format!("{}\n", version(stated)));
        } else {
            out::data(&version_in_words(stated));
        }
    }
    Ok(())
}
