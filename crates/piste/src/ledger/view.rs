//! `case.db` goes with the ledger.
//!
//! In: the ledger's length before and after a command. Out: the view for SQL made anew where the command wrote an entry, so that
//! who opens it never reads an older case than the ledger's. It is derived: a view that cannot be made fails no command.

use std::path::{Path, PathBuf};

use piste_case::database::{self, DatabaseError};

use crate::cli::{Cli, Command};
use crate::{demo, failure, out, person};

/// Times that the view is made while others write.
const TRIES: u32 = 20;

/// A case's ledger as it was before a command.
pub(crate) struct View {
    case: PathBuf,
    bytes: u64,
    quiet: bool,
}

impl View {
    /// Looks at the ledger of the case that the command may write to.
    pub(crate) fn before(cli: &Cli) -> Self {
        let case = match &cli.command {
            Command::Demo(_) => demo::case(),
            _ => cli.common.case.clone(),
        };
        let mut view = Self { case, bytes: 0, quiet: cli.common.quiet };
        view.bytes = view.ledger_bytes();
        view
    }

    /// Makes the view anew where the ledger has grown since.
    pub(crate) fn refresh(self) {
        if self.ledger_bytes() == self.bytes {
            return;
        }
        let target = self.case.join("case.db");
        let ledger = self.case.join("ledger.jsonl");
        // Two commands may end at once: each makes its own, and what a crash leaves in `tmp` goes with the next run.
        let aside = self.case.join("tmp").join(format!("case-{}.db", std::process::id()));
        for _ in 0..TRIES {
            let before = self.ledger_bytes();
            person::wait_for_whole_line(&ledger);
            let made = std::fs::create_dir_all(self.case.join("tmp"));
            let made = made.map_err(|source| DatabaseError::Io { path: aside.clone(), source });
            if let Err(error) = made.and_then(|()| database::rebuild(&ledger, &aside, &target)) {
                self.tell(&target, &error);
                return;
            }
            // Who wrote in the meantime makes a newer view, which this one may just have taken the place of.
            if self.ledger_bytes() == before {
                return;
            }
        }
    }

    fn tell(&self, target: &Path, error: &DatabaseError) {
        if !self.quiet {
            out::note(&format!(
                "warning: `{}` could not be brought up to the ledger: {}; the ledger itself is whole. Make it again with \
                 `piste ledger export --format db`",
                piste_report::escape::visible(&target.display().to_string()),
                failure::chain(error)
            ));
        }
    }

    /// 0 where there is no ledger.
    fn ledger_bytes(&self) -> u64 {
        std::fs::metadata(self.case.join("ledger.jsonl")).map_or(0, |data| data.len())
    }
}
