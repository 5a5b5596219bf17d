//! `piste ledger export`: the ledger for other tools.
//!
//! In: the ledger, checked while it is read. Out: a copy as it is, a CSV for a spreadsheet, or `case.db` for SQL.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use piste_case::{Origin, database, person, read_any};
use piste_report::escape;

use crate::cli::Common;
use crate::custody::write;
use crate::failure::Failure;
use crate::ledger::words;
use crate::person::ledger_path;

/// Writes the ledger as a copy, as CSV or as a `SQLite` database.
///
/// The database is a view of the ledger. `case.db` in the case's folder is one, made anew by every command that writes an entry;
/// `--format db` without --output makes it again.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste ledger export --format csv -o ledger.csv\n  piste ledger export --format db"
)]
pub(super) struct Export {
    /// Form.
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    format: Form,
    /// File to write.
    #[arg(long, short, value_name = "FILE", required_unless_present = "format")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The ledger as it is.
    Jsonl,
    /// One line an entry for a spreadsheet.
    Csv,
    /// A `SQLite` database.
    Db,
}

/// Runs the command.
pub(super) fn run(arguments: &Export, common: &Common) -> Result<u8, Failure> {
    let path = ledger_path(common)?;
    let output = match (&arguments.output, arguments.format) {
        (Some(output), _) => output.clone(),
        (None, Form::Db) => common.case.join("case.db"),
        (None, Form::Jsonl | Form::Csv) => {
            return Err(Failure::usage(
                "output-missing",
                "no file to write is named",
                "nothing was written",
                "add --output FILE",
            ));
        }
    };
    if output != common.case.join("case.db") || arguments.format != Form::Db {
        crate::output::refuse_precious(&output)?;
    }
    match arguments.format {
        Form::Db => database::rebuild(&path, &beside(&output), &output).map_err(|error| {
            Failure::environment(
                "database",
                format!("`{}` cannot be made: {}", output.display(), crate::failure::chain(&error)),
                "the ledger is untouched",
                "check the ledger with `piste ledger verify`; make room or choose another file",
            )
        })?,
        Form::Jsonl | Form::Csv => {
            let mut text = String::new();
            if arguments.format == Form::Csv {
                text.push_str("seq,at,kind,what,by,hash,prev\n");
            }
            read_any(&path, |entry| {
                if arguments.format == Form::Jsonl {
                    text.push_str(&entry.to_line());
                    return Ok(());
                }
                let by = match person::origin(entry) {
                    Origin::Piste => String::new(),
                    by => crate::custody::recorded_by(&by),
                };
                let cells =
                    [entry.kind.clone(), words::what(entry), by].map(|cell| escape::csv(&cell).into_owned());
                let [kind, what, by] = cells;
                let _ = writeln!(
                    text,
                    "{},{},{kind},{what},{by},{},{}",
                    entry.seq, entry.at, entry.hash, entry.prev
                );
                Ok(())
            })?;
            write(&output, &text)?;
        }
    }
    Ok(0)
}

/// Where a file is made before it takes its name.
fn beside(output: &Path) -> PathBuf {
    let mut aside = output.as_os_str().to_owned();
    aside.push(".tmp");
    PathBuf::from(aside)
}
