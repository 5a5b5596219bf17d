//! `piste custody`: who had which piece of evidence, when and why.
//!
//! In: one step of one item. Out: an entry of the ledger; the steps so far as a list; and a sheet to print and sign.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use piste_case::custody::{Custody, Move, RECORDED, Recorded, Step};
use piste_case::facts::Moment;
use piste_case::{Origin, kind};
use piste_lake::Sealed;
use piste_lake::store::write_durably;
use piste_model::Instant;
use piste_report::custody_sheet::{self, Sheet, SheetFile, SheetItem, SheetStep};
use piste_report::escape;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::person::{Who, ledger_path, open_ledger, or_set_aside, read_ledger};
use crate::{clock, out, output};

/// Records and shows who had which piece of evidence.
#[derive(Debug, Args)]
pub(crate) struct CustodyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Add),
    Show(Show),
    Sheet(SheetArguments),
}

/// Records one step: ITEM was received, transferred, released or returned.
///
/// A step that does not follow from those before it is refused: record the missing one first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste custody add E-1 received --from \"ICT, J. Maes\" --to \"Ann Peeters\" --when 2021-03-26T14:20+01:00 --why \"analysis asked for by the CISO\" --by \"Ann Peeters\""
)]
struct Add {
    /// `E-1`, the name of a folder that was given, or of a thing that is no file, as "disk WD-WX31A".
    #[arg(value_name = "ITEM")]
    item: String,
    /// What happened.
    #[arg(value_enum, value_name = "MOVE")]
    moved: MoveName,
    /// Who gave it.
    #[arg(long, value_name = "NAME")]
    from: String,
    /// Who took it.
    #[arg(long, value_name = "NAME")]
    to: String,
    /// When, with an offset, as 2021-03-26T14:20+01:00; the present moment if not given.
    #[arg(long, value_name = "TIME")]
    when: Option<String>,
    /// What for.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Where it is kept, or the number of its seal.
    #[arg(long, value_name = "TEXT", default_value = "")]
    place: String,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MoveName {
    /// It came into the investigation.
    Received,
    /// It went from one person of the investigation to another.
    Transferred,
    /// It left the investigation, to a court, an authority or an expert.
    Released,
    /// It went back to its owner.
    Returned,
}

/// Lists the steps of each item and who holds it now.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste custody show E-1")]
struct Show {
    /// Only this item.
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// Writes a sheet to print and to sign: each item with its hash and its steps.
///
/// The files of a folder that was given are one item by the folder's name, with a list and its hash; `custody add FOLDER`
/// records a step of it. A file with steps of its own has a page of its own.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste custody sheet -o custody.html\n  piste custody sheet MX01 -o mx01.html"
)]
struct SheetArguments {
    /// Only this item.
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    /// HTML file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &CustodyCommand, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Add(add) => record(add, common),
        Command::Show(show) => list(show, common),
        Command::Sheet(sheet) => print_sheet(sheet, common),
    }
}

fn record(arguments: &Add, common: &Common) -> Result<u8, Failure> {
    let person = arguments.who.person()?;
    let now = clock::now(common);
    let (when, when_text) = moment(arguments.when.as_deref(), now)?;
    let step = Step {
        item: arguments.item.trim().to_owned(),
        moved: match arguments.moved {
            MoveName::Received => Move::Received,
            MoveName::Transferred => Move::Transferred,
            MoveName::Released => Move::Released,
            MoveName::Returned => Move::Returned,
        },
        from: arguments.from.trim().to_owned(),
        to: arguments.to.trim().to_owned(),
        when,
        when_text,
        why: arguments.why.trim().to_owned(),
        place: arguments.place.trim().to_owned(),
    };
    if step.item.is_empty() || step.from.is_empty() || step.to.is_empty() || step.why.is_empty() {
        return Err(refused("item, --from, --to and --why must say something".to_owned()));
    }
    if when > now {
        return Err(refused(format!("{} lies in the future", step.when_text)));
    }
    let (mut custody, mut sealed) = (Custody::default(), Vec::new());
    let mut ledger = open_ledger(common, |entry| {
        sealed.extend(sealed_in(entry).map(|sealed| sealed.id.to_string()));
        or_set_aside(custody.observe(entry))
    })?;
    if is_evidence_id(&step.item) && !sealed.contains(&step.item) {
        return Err(refused(format!("no evidence of this case is {}", step.item)));
    }
    if let Some(objection) = custody.objection(&step) {
        return Err(refused(objection));
    }
    ledger.append_by(RECORDED, json!(step), now, &person)?;
    if !common.quiet {
        let what = format!("{} {} by {}, from {}", step.item, step.moved, step.to, step.from);
        let signed = if person.key.is_some() { "signed" } else { "unsigned" };
        out::note(&format!("Recorded: {} ({signed})", escape::visible(&what)));
    }
    Ok(0)
}

fn refused(what: String) -> Failure {
    Failure::usage(
        "custody-refused",
        what,
        "nothing was recorded",
        "see the steps so far: piste custody show; record a missing step first",
    )
}

/// `2021-03-26T14:20+01:00` and the like; a time without an offset could be any.
fn moment(text: Option<&str>, now: Instant) -> Result<(Instant, String), Failure> {
    let Some(text) = text else { return Ok((now, now.to_string())) };
    let text = text.trim();
    if text.contains('[')
        && let Ok(moment) = Moment::parse(text)
    {
        return Ok((moment.instant, text.to_owned()));
    }
    let zoned = text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|rest| rest.contains(['+', '-']));
    Instant::parse(text).filter(|_| zoned).map(|when| (when, text.to_owned())).ok_or_else(|| {
        Failure::usage(
            "time",
            format!("`{text}` is no time with an offset"),
            "nothing was recorded",
            "write it as 2021-03-26T14:20+01:00, or with its zone, as 2021-03-26T14:20[Europe/Brussels]",
        )
    })
}

fn is_evidence_id(item: &str) -> bool {
    item.strip_prefix("E-").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn sealed_in(entry: &piste_case::Entry) -> Option<Sealed> {
    if entry.kind != kind::EVIDENCE_SEALED {
        return None;
    }
    serde_json::from_value(entry.body.clone()).ok()
}

/// Custody and seals of a case that is there.
fn read(common: &Common) -> Result<(Custody, Vec<(Sealed, Instant)>), Failure> {
    let (mut custody, mut sealed) = (Custody::default(), Vec::new());
    read_ledger(&common.case, |entry| {
        sealed.extend(sealed_in(entry).map(|sealed| (sealed, entry.at)));
        or_set_aside(custody.observe(entry))
    })?;
    Ok((custody, sealed))
}

fn wanted<'c>(
    custody: &'c Custody,
    item: Option<&'c str>,
) -> impl Iterator<Item = (&'c String, &'c Vec<Recorded>)> {
    custody.items.iter().filter(move |(name, _)| item.is_none_or(|item| item == name.as_str()))
}

fn list(arguments: &Show, common: &Common) -> Result<u8, Failure> {
    let (custody, _) = read(common)?;
    let mut text = String::new();
    for (item, steps) in wanted(&custody, arguments.item.as_deref()) {
        if !arguments.json {
            let holder = custody
                .holder(item)
                .map_or("not in the investigation".to_owned(), |name| format!("with {name}"));
            let _ = writeln!(text, "{}  {}", escape::visible(item), escape::visible(&holder));
        }
        for recorded in steps {
            let Recorded { step, at, seq, by } = recorded;
            let line = if arguments.json {
                let (name, signed) = who(by);
                json!({"step": step, "recorded": at, "entry": seq, "by": name, "signed": signed}).to_string()
            } else {
                let line = format!(
                    "  {}  {} from {} to {}: {}{}  (entry {seq}, {})",
                    step.when_text,
                    step.moved,
                    step.from,
                    step.to,
                    step.why,
                    if step.place.is_empty() { String::new() } else { format!("; {}", step.place) },
                    recorded_by(by),
                );
                escape::visible(&line).into_owned()
            };
            text.push_str(&line);
            text.push('\n');
        }
    }
    if text.is_empty() && !arguments.json {
        "No step is recorded; the first: piste custody add E-1 received --from … --to … --why …\n"
            .clone_into(&mut text);
    }
    out::data(&text);
    Ok(0)
}

fn who(by: &Origin) -> (&str, bool) {
    match by {
        Origin::Piste => ("Piste", false),
        Origin::Unsigned { name } | Origin::Wrong { name } => (name, false),
        Origin::Signed { name, .. } => (name, true),
    }
}

/// `by Ann Peeters, signed`.
pub(crate) fn recorded_by(by: &Origin) -> String {
    match by {
        Origin::Piste => "by Piste".to_owned(),
        Origin::Unsigned { name } => format!("by {name}, unsigned"),
        Origin::Wrong { name } => format!("said to be by {name}, THE SIGNATURE DOES NOT HOLD"),
        Origin::Signed { name, key } => {
            format!("by {name}, signed with {}", piste_case::key::fingerprint(key))
        }
    }
}

fn print_sheet(arguments: &SheetArguments, common: &Common) -> Result<u8, Failure> {
    let (custody, sealed) = read(common)?;
    let items = sheet_items(&custody, &sealed, arguments.item.as_deref());
    if items.is_empty() {
        return Err(refused("there is no such item in this case".to_owned()));
    }
    let head = piste_case::verify(&ledger_path(common)?)?;
    let sheet =
        Sheet { items, entries: head.entries, head: head.head, printed: clock::now(common).to_string() };
    write(&arguments.output, &custody_sheet::html(&sheet))?;
    Ok(0)
}

/// What was handed over: a file given by itself, a thing that is no file, and the files of one folder together, save those
/// with steps of their own. Members of a container are under its roof.
fn sheet_items(custody: &Custody, sealed: &[(Sealed, Instant)], item: Option<&str>) -> Vec<SheetItem> {
    let (mut items, mut collections) = (Vec::new(), BTreeMap::<String, SheetItem>::new());
    for (seal, at) in sealed {
        let name = seal.id.to_string();
        let own = custody.items.contains_key(&name) || item == Some(name.as_str());
        if seal.path.contains('!') && !own {
            continue;
        }
        if let Some((folder, _)) = seal.path.split_once('/').filter(|_| !own) {
            let entry = collections.entry(folder.to_owned()).or_insert_with(|| SheetItem {
                name: folder.to_owned(),
                steps: steps_of(custody, folder),
                ..SheetItem::default()
            });
            entry.bytes = Some(entry.bytes.unwrap_or(0).saturating_add(seal.bytes));
            entry.sealed = Some(at.to_string()); // the last of them
            entry.files.push(SheetFile {
                name,
                path: seal.path.clone(),
                bytes: seal.bytes,
                sha256: seal.sha256.clone(),
            });
        } else {
            items.push(SheetItem {
                path: seal.path.clone(),
                bytes: Some(seal.bytes),
                sha256: seal.sha256.clone(),
                sealed: Some(at.to_string()),
                steps: steps_of(custody, &name),
                name,
                ..SheetItem::default()
            });
        }
    }
    items.extend(collections.into_values());
    for (name, _) in wanted(custody, item) {
        if !items.iter().any(|item| item.name == *name) {
            items.push(SheetItem {
                name: name.clone(),
                steps: steps_of(custody, name),
                ..SheetItem::default()
            });
        }
    }
    items.retain(|one| item.is_none_or(|item| item == one.name));
    items
}

fn steps_of(custody: &Custody, item: &str) -> Vec<SheetStep> {
    let steps = custody.items.get(item).map_or(&[][..], Vec::as_slice);
    let shown = steps.iter().map(|Recorded { step, seq, by, .. }| SheetStep {
        when: step.when_text.clone(),
        moved: step.moved.to_string(),
        from: step.from.clone(),
        to: step.to.clone(),
        why: step.why.clone(),
        place: step.place.clone(),
        recorded: format!("entry {seq}, {}", recorded_by(by)),
    });
    shown.collect()
}

/// Writes a file that the user named, unless something is there that cannot be made again.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    output::refuse_precious(path)?;
    write_durably(path, text.as_bytes()).map_err(|error| {
        Failure::environment(
            "output-write",
            format!("`{}` cannot be written: {}", path.display(), crate::failure::chain(&error)),
            "nothing was written",
            "choose another place, or make room",
        )
    })
}
