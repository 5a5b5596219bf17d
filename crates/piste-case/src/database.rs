//! `case.db`: the ledger as tables, for people who know SQL.
//!
//! In: `ledger.jsonl`. Out: a `SQLite` file that is made anew each time, aside, and then takes its name: it is a view, and the
//! ledger stays the truth. `meta` names the entry up to which it goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Transaction, params};
use serde_json::Value;

use crate::custody::RECORDED;
use crate::ledger::{Entry, LedgerError, kind, read_any};
use crate::person::{self, Origin};
use crate::verdicts::JUDGED;

const TABLES: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE entries(seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, by_name TEXT,
 by_key TEXT, signature TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE evidence(id TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER, sha256 TEXT, format TEXT, sealed_at TEXT NOT NULL,
 seq INTEGER NOT NULL REFERENCES entries) STRICT;
CREATE TABLE custody(item TEXT NOT NULL, move TEXT NOT NULL, given_by TEXT NOT NULL, taken_by TEXT NOT NULL, at TEXT NOT NULL,
 why TEXT NOT NULL, place TEXT, seq INTEGER NOT NULL REFERENCES entries) STRICT;
CREATE TABLE verdicts(finding TEXT NOT NULL, key TEXT NOT NULL, verdict TEXT NOT NULL, why TEXT NOT NULL, at TEXT NOT NULL,
 seq INTEGER NOT NULL REFERENCES entries) STRICT;
CREATE INDEX entries_kind ON entries(kind);
";

/// Why the database could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The ledger cannot be read or its chain does not hold.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// `SQLite` said no.
    #[error("SQLite refuses")]
    Sqlite(#[from] rusqlite::Error),
    /// The file system said no.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Makes the database at `target` from the ledger at `ledger`; `aside` is where it is made, on the same file system.
///
/// # Errors
/// Where the ledger's chain does not hold, or the file cannot be written; what was there before then stays.
pub fn rebuild(ledger: &Path, aside: &Path, target: &Path) -> Result<(), DatabaseError> {
    let io = |source| DatabaseError::Io { path: aside.to_owned(), source };
    match fs::remove_file(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(aside, flags)?;
    // It is thrown away if it is not finished: no journal is needed.
    database.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
    let made = fill(&mut database, ledger);
    drop(database);
    let finished = made.and_then(|()| {
        File::open(aside).and_then(|file| file.sync_all()).map_err(io)?;
        fs::rename(aside, target).map_err(io)
    });
    if finished.is_err() {
        let _ = fs::remove_file(aside); // half a view is of no use
    }
    finished
}

fn fill(database: &mut Connection, ledger: &Path) -> Result<(), DatabaseError> {
    let transaction = database.transaction()?;
    transaction.execute_batch(TABLES)?;
    let mut refused = None;
    let state = read_any(ledger, |entry| {
        if refused.is_none() {
            refused = insert(&transaction, entry).err();
        }
        Ok(())
    })?;
    if let Some(error) = refused {
        return Err(error.into());
    }
    for (name, value) in [("entries", state.entries.to_string()), ("head", state.head)] {
        transaction.execute("INSERT INTO meta VALUES (?1, ?2)", params![name, value])?;
    }
    transaction.commit()?;
    Ok(())
}

fn insert(to: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    let (name, key, signature) = match person::origin(entry) {
        Origin::Piste => (None, None, "piste"),
        Origin::Unsigned { name } => (Some(name), None, "unsigned"),
        Origin::Signed { name, key } => (Some(name), Some(key), "holds"),
        Origin::Wrong { name } => (Some(name), None, "wrong"),
    };
    let at = entry.at.to_string();
    to.execute(
        "INSERT INTO entries VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
        params![seq, at, entry.kind, entry.body.to_string(), name, key, signature, entry.prev, entry.hash],
    )?;
    let text = |field: &str| entry.body.get(field).and_then(Value::as_str);
    match entry.kind.as_str() {
        kind::EVIDENCE_SEALED => {
            let bytes = entry.body.get("bytes").and_then(Value::as_i64);
            let row = params![text("id"), text("path"), bytes, text("sha256"), text("format"), at, seq];
            to.execute("INSERT INTO evidence VALUES (?1,?2,?3,?4,?5,?6,?7)", row)?;
        }
        RECORDED => {
            let row = params![
                text("item"),
                text("move"),
                text("from"),
                text("to"),
                text("when"),
                text("why"),
                text("place"),
                seq
            ];
            to.execute("INSERT INTO custody VALUES (?1,?2,?3,?4,?5,?6,?7,?8)", row)?;
        }
        JUDGED => {
            let row = params![text("id"), text("key"), text("verdict"), text("why"), at, seq];
            to.execute("INSERT INTO verdicts VALUES (?1,?2,?3,?4,?5,?6)", row)?;
        }
        _ => {}
    }
    Ok(())
}
