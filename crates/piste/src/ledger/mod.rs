//! `piste ledger`: what was done in the case, entry by entry.
//!
//! In: the case's `ledger.jsonl`. Out: its entries in words; whether its chain, its signatures and a checkpoint from elsewhere
//! hold; a signed checkpoint; copies for other tools.

mod export;
pub(crate) mod view;
mod words;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use piste_case::checkpoint::{self, Checkpoint, CheckpointError};
use piste_case::merge::IMPORTED;
use piste_case::{Entry, LedgerError, Origin, read_any, read_signed};
use piste_report::escape;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::custody::{recorded_by, write};
use crate::failure::{self, Failure};
use crate::key::read_public;
use crate::person::{Who, ledger_path, open_ledger, read_small};
use crate::{clock, out};

/// Bytes of text that are kept before they are shown.
const SHOWN_AT_ONCE: usize = 64 << 10;
/// Kind of the entry that records a checkpoint.
const SEALED: &str = "ledger.sealed";

/// Shows, checks, seals and copies the ledger: the record of all that was done in the case.
#[derive(Debug, Args)]
pub(crate) struct LedgerCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(Show),
    Verify(Verify),
    Seal(Seal),
    Export(export::Export),
}

/// Lists the entries: when, what, and who, with a signature or without.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste ledger show --last 20\n  piste ledger show --kind custody")]
struct Show {
    /// Only entries whose kind begins so, as custody or fact; may be given several times.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only the last N of them.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Print the entries themselves, one a line.
    #[arg(long)]
    json: bool,
}

/// Checks the chain and every signature, and names the first entry that is wrong.
///
/// The chain shows any change within it. That entries were taken off its end shows only with a checkpoint that was kept
/// elsewhere: --checkpoint FILE.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste ledger verify --checkpoint 2021-03-27.checkpoint --trust ann.key.pub"
)]
struct Verify {
    /// A checkpoint that `piste ledger seal` wrote; may be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A public key that you know to be genuine; signatures with others are then named. May be given several times.
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Signs how far the ledger has come; keep the file where nobody who can write the case can write.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste ledger seal --key ann.key -o 2021-03-27.checkpoint")]
struct Seal {
    #[command(flatten)]
    who: Who,
    /// File for the checkpoint.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &LedgerCommand, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Show(show) => list(show, common),
        Command::Verify(verify) => check(verify, common),
        Command::Seal(seal) => sign(seal, common),
        Command::Export(export) => export::run(export, common),
    }
}

fn list(arguments: &Show, common: &Common) -> Result<u8, Failure> {
    let path = ledger_path(common)?;
    let wanted = |entry: &Entry| {
        arguments.kind.is_empty() || arguments.kind.iter().any(|kind| entry.kind.starts_with(kind.as_str()))
    };
    let mut total = 0_usize;
    if arguments.last.is_some() {
        read_any(&path, |entry| {
            total += usize::from(wanted(entry));
            Ok(())
        })?;
    }
    let mut skip = arguments.last.map_or(0, |last| total.saturating_sub(last));
    let mut text = String::new();
    read_any(&path, |entry| {
        if !wanted(entry) {
            return Ok(());
        }
        if skip > 0 {
            skip -= 1;
            return Ok(());
        }
        text.push_str(&if arguments.json { words::json(entry) } else { words::line(entry) });
        text.push('\n');
        if text.len() > SHOWN_AT_ONCE {
            out::data(&text);
            text.clear();
        }
        Ok(())
    })?;
    out::data(&text);
    Ok(0)
}

/// What a check of the signatures found.
#[derive(Default)]
struct Signatures {
    signed: u64,
    unsigned: u64,
    /// (name, key) of those who signed, in the order met.
    signers: Vec<(String, String)>,
}

fn check(arguments: &Verify, common: &Common) -> Result<u8, Failure> {
    let path = ledger_path(common)?;
    let trusted = arguments.trust.iter().map(|file| read_public(file)).collect::<Result<Vec<_>, _>>()?;
    let mut found = Signatures::default();
    let mut imported = Vec::new();
    let state = read_signed(&path, |entry, origin| {
        if entry.kind == IMPORTED {
            imported.extend(entry.body.get("head").and_then(Value::as_str).map(str::to_owned));
        }
        match origin {
            Origin::Signed { name, key } => {
                found.signed += 1;
                let signer = (name.clone(), key.clone());
                if !found.signers.contains(&signer) {
                    found.signers.push(signer);
                }
            }
            Origin::Unsigned { .. } => found.unsigned += 1,
            Origin::Piste | Origin::Wrong { .. } => {}
        }
        Ok(())
    })?;
    check_imported(&imported, common)?;
    for file in &arguments.checkpoint {
        let text = read_small(file, checkpoint::BYTES_MAX, "checkpoint-unreadable", "nothing was checked")?;
        let vouched = Checkpoint::parse(&text).and_then(|one| one.vouch(&path).map(|_| one));
        let one = vouched.map_err(|error| checkpoint_failure(file, &error))?;
        if !trusted.is_empty() && !trusted.iter().any(|key| key.hex() == one.key) {
            return Err(untrusted(
                &format!("the checkpoint `{}` is signed by {}", file.display(), one.name),
                &one.key,
            ));
        }
        if !common.quiet {
            out::note(&format!(
                "The ledger has all {} entries that {} saw on {}",
                one.entries,
                escape::visible(&one.name),
                one.at
            ));
        }
    }
    let stranger = found.signers.iter().find(|(_, key)| !trusted.iter().any(|known| known.hex() == *key));
    if let Some((name, key)) = stranger.filter(|_| !trusted.is_empty()) {
        return Err(untrusted(&format!("entries are signed by {name}"), key));
    }
    if arguments.json {
        let signers: Vec<_> =
            found.signers.iter().map(|(name, key)| json!({"name": name, "key": key})).collect();
        out::data(&format!(
            "{}\n",
            json!({"entries": state.entries, "head": state.head, "signed": found.signed,
                   "unsigned": found.unsigned, "signers": signers, "checkpoints": arguments.checkpoint.len()})
        ));
    } else {
        out::data(&in_words(&state, &found, arguments));
    }
    Ok(0)
}

/// The ledgers of other teams from which decisions were taken must still be there, and whole.
fn check_imported(heads: &[String], common: &Common) -> Result<(), Failure> {
    for head in heads {
        let path = common.case.join("imported").join(format!("{head}.jsonl"));
        let state = read_signed(&path, |_, _| Ok(()))?;
        if state.head != *head {
            return Err(Failure::environment(
                "imported-changed",
                format!("`{}` is not the ledger that was imported", path.display()),
                "decisions that were taken from it can no longer be traced",
                "ask the other team for their package again, and import it",
            ));
        }
    }
    Ok(())
}

fn in_words(state: &piste_case::Verified, found: &Signatures, arguments: &Verify) -> String {
    let mut text = format!("The chain holds: {} entries, head {}\n", state.entries, state.head);
    let _ = writeln!(
        text,
        "Entries by persons: {} signed, each signature holds; {} unsigned",
        found.signed, found.unsigned
    );
    for (name, key) in &found.signers {
        let twice = found.signers.iter().filter(|(other, _)| other == name).count() > 1;
        let _ = writeln!(
            text,
            "  {}  fingerprint {}{}",
            escape::visible(name),
            piste_case::key::fingerprint(key),
            if twice { "  THIS NAME STANDS ON SEVERAL KEYS" } else { "" }
        );
    }
    if arguments.checkpoint.is_empty() {
        text.push_str(
            "Whether entries were taken off its end does not show without a checkpoint kept elsewhere (--checkpoint)\n",
        );
    }
    text
}

fn untrusted(what: &str, key: &str) -> Failure {
    Failure::environment(
        "key-untrusted",
        format!(
            "{what} with a key that is not among those given with --trust ({})",
            piste_case::key::fingerprint(key)
        ),
        "the chain holds, but who signed is not who you know",
        "ask that person for the fingerprint, over another way than the file came",
    )
}

fn checkpoint_failure(file: &std::path::Path, error: &CheckpointError) -> Failure {
    let what = format!("`{}`: {}", file.display(), failure::chain(error));
    match error {
        CheckpointError::Ledger(LedgerError::Io { .. }) => {
            Failure::environment("ledger", what, "nothing was checked", "check the permissions")
        }
        CheckpointError::NotOne(_) => Failure::usage(
            "checkpoint-unreadable",
            what,
            "nothing was checked",
            "name a file that `piste ledger seal` wrote",
        ),
        _ => Failure::environment(
            "ledger-not-as-sealed",
            what,
            "what was done in this case can no longer be shown from this ledger",
            "find a copy of the ledger from the time of the checkpoint, and ask who could write the case's folder",
        ),
    }
}

fn sign(arguments: &Seal, common: &Common) -> Result<u8, Failure> {
    let person = arguments.who.person()?;
    let Some(key) = &person.key else {
        return Err(Failure::usage(
            "key-missing",
            "a checkpoint is worth its signature, and no key was given",
            "nothing was sealed",
            "piste key new --name \"Your Name\" -o me.key, then --key me.key",
        ));
    };
    let now = clock::now(common);
    let mut ledger = open_ledger(common, |_| Ok(()))?; // held, so that nothing comes in between
    let path = ledger_path(common)?;
    let checkpoint = Checkpoint::of(&path, now, key).map_err(|error| checkpoint_failure(&path, &error))?;
    write(&arguments.output, &checkpoint.to_text())?;
    let body =
        json!({"entries": checkpoint.entries, "head": checkpoint.head, "checkpoint": checkpoint.signature});
    ledger.append_by(SEALED, body, now, &person)?;
    if !common.quiet {
        out::note(&format!(
            "Sealed {} entries by {}; keep `{}` where nobody who can write the case can write",
            checkpoint.entries,
            recorded_by(&Origin::Signed { name: person.name.clone(), key: checkpoint.key.clone() })
                .trim_start_matches("by "),
            escape::visible(&arguments.output.display().to_string())
        ));
    }
    Ok(0)
}
