//! `piste case`: a case handed from one team to another, and what comes back.
//!
//! In: a case; or a package that another team made. Out: a package with the ledger and the results, and never evidence; or the
//! other team's facts and verdicts in this case's ledger, with contradictions listed.

mod accept;
mod export;
mod import;
mod package;

use clap::{Args, Subcommand};

use crate::cli::Common;
use crate::failure::Failure;

/// Hands the case to another team, and takes in what another team found.
#[derive(Debug, Args)]
pub(crate) struct CaseCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Export),
    Import(import::Import),
    Conflicts(import::Conflicts),
    AcceptChange(accept::AcceptChange),
}

/// Runs the command.
pub(crate) fn run(arguments: &CaseCommand, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Export(export) => export::run(export, common),
        Command::Import(import) => import::run(import, common),
        Command::Conflicts(conflicts) => import::conflicts(conflicts, common),
        Command::AcceptChange(accept) => accept::run(accept, common),
    }
}
