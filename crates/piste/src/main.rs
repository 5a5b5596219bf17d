//! Piste: from evidence to answer, offline.
//!
//! In: a command line. Out: data on stdout, progress and problems on stderr, an exit code that scripts may rely on. One
//! file a command; the crates below know nothing of terminals.

/// Tens of thousands of small files leave the system's allocator with holes: see `docs/decisions/0020-allocator.md`.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

mod binary;
mod case;
mod changes;
mod cli;
mod clock;
mod compared;
mod completions;
mod custody;
mod demo;
mod difference;
mod doors;
mod duties;
mod estate;
mod export;
mod exposure;
mod fact;
mod failure;
mod finding;
mod findings;
mod handover;
mod heritage;
mod hunt;
mod investigate;
mod key;
mod lab;
mod ledger;
mod logons;
mod look;
mod metrics;
mod out;
mod output;
mod person;
mod place;
mod plan;
mod progress;
mod proof;
mod removal;
mod response;
mod results;
mod rules;
mod schema;
mod search;
mod show;
mod sightings;
mod timeline;
mod trail;
mod trail_joins;
mod tree;
mod triage;
mod verify;
mod visibility;
mod watchlist;

use std::process::ExitCode;

use clap::Parser;
use piste_model::guard::guarded;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    out::quiet_panics();
    own_files_only();
    let cli = Cli::parse().settled();
    out::settle(cli.common.no_color);
    place::announce(&cli);
    let view = ledger::view::View::before(&cli);
    let outcome = guarded(|| run(&cli));
    let outcome = outcome.map(|done| done.and_then(all_printed));
    view.refresh();
    match outcome {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => {
            out::error(&failure.to_string());
            ExitCode::from(failure.code())
        }
        Err(broken) => {
            out::error(&failure::bug(&broken.to_string()));
            ExitCode::from(failure::BUG)
        }
    }
}

/// What a case holds is its owner's to read: whatever Piste writes is for nobody else, unless `PISTE_UMASK` says otherwise, in octal as
/// the shell's `umask` takes it.
#[cfg(unix)]
fn own_files_only() {
    use nix::sys::stat::{Mode, umask};
    let asked = std::env::var("PISTE_UMASK")
        .ok()
        .and_then(|text| nix::libc::mode_t::from_str_radix(text.trim(), 8).ok());
    umask(Mode::from_bits_truncate(asked.unwrap_or(0o077)));
}

/// Windows gives a new file the rights of its folder.
#[cfg(not(unix))]
fn own_files_only() {}

/// What was printed must have arrived, whatever the command answers.
fn all_printed(code: u8) -> Result<u8, Failure> {
    match out::lost() {
        None => Ok(code),
        Some(why) => Err(Failure::output(format!("what was to be printed cannot be written: {why}"))),
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    match &cli.command {
        Command::Investigate(arguments) => hunt::with_export(&arguments.export, &cli.common, |common| {
            investigate::run(&arguments.what, common)
        }),
        Command::Hunt(arguments) => hunt::run(arguments, &cli.common),
        Command::Demo(arguments) => demo::run(arguments, &cli.common),
        Command::Doors(arguments) => doors::run(arguments, &cli.common),
        Command::Why(arguments) => doors::why(arguments, &cli.common),
        Command::Trail(arguments) => trail::run(arguments, &cli.common),
        Command::Tree(arguments) => tree::run(arguments, &cli.common),
        Command::Logons(arguments) => logons::run(arguments, &cli.common),
        Command::Findings(arguments) => findings::run(arguments, &cli.common),
        Command::Sightings(arguments) => sightings::run(arguments, &cli.common),
        Command::Indicators(arguments) => sightings::check::run(arguments, &cli.common),
        Command::Show(arguments) => show::run(arguments, &cli.common),
        Command::Search(arguments) => search::run(arguments, &cli.common),
        Command::Timeline(arguments) => timeline::run(arguments, &cli.common),
        Command::Metrics(arguments) => metrics::run(arguments, &cli.common),
        Command::Finding(arguments) => finding::run(arguments, &cli.common),
        Command::Custody(arguments) => custody::run(arguments, &cli.common),
        Command::Ledger(arguments) => ledger::run(arguments, &cli.common),
        Command::Case(arguments) => handover::run(arguments, &cli.common),
        Command::Key(arguments) => key::run(arguments),
        Command::Rules(arguments) => rules::run(arguments, &cli.common),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Exposure(arguments) => exposure::run(arguments, &cli.common),
        Command::Visibility(arguments) => visibility::run(arguments, &cli.common),
        Command::Triage(arguments) => triage::run(arguments, &cli.common),
        Command::Lab(arguments) => lab::run(arguments, &cli.common),
        Command::Fact(arguments) => fact::run(arguments, &cli.common),
        Command::Plan(arguments) => plan::run(arguments, &cli.common),
        Command::Verify(arguments) => verify::run(arguments, &cli.common),
        Command::Watchlist(arguments) => watchlist::run(arguments, &cli.common),
        Command::Duties(arguments) => duties::run(arguments, &cli.common),
        Command::Completions(arguments) => Ok(completions::run(arguments)),
        Command::Man(arguments) => completions::man(arguments),
    }
}
