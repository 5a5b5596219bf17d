//! Who gives a command that a person answers for.
//!
//! In: `--by`, `--key`, or the variables `PISTE_PERSON` and `PISTE_KEY`. Out: the person whose name, and signature where there
//! is a key, stands in the ledger.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use piste_case::{Entry, Ledger, LedgerError, Opened, Person, SecretKey, Verified, kind, read_with};
use piste_model::Instant;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::heritage::{self, Heritage};
use crate::results::Results;
use crate::{clock, out};

/// Bytes of a key file.
const KEY_BYTES_MAX: u64 = 65_536;

/// Who.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Who {
    /// Name that the ledger records; `PISTE_PERSON`, or the name in the key, if not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Secret key to sign with, made by `piste key new`; `PISTE_KEY` if not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

impl Who {
    /// The person; an entry that nobody answers for is not made.
    pub(crate) fn person(&self) -> Result<Person, Failure> {
        self.person_or(None)
    }

    /// The person, or `only` where nobody is named.
    pub(crate) fn person_or(&self, only: Option<&str>) -> Result<Person, Failure> {
        let key = match &self.key {
            Some(path) => Some(path.clone()),
            None => std::env::var_os("PISTE_KEY").filter(|value| !value.is_empty()).map(PathBuf::from),
        };
        let key = key.as_deref().map(read_secret).transpose()?;
        let typed = self.by.clone().or_else(|| std::env::var("PISTE_PERSON").ok());
        let typed = typed.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if let Some(name) = typed.as_deref().filter(|name| name.to_lowercase().contains("signed")) {
            return Err(Failure::usage(
                "name-imitates",
                format!("`{name}` would read as if the entry were signed"),
                "nothing was recorded",
                "give the name alone; to sign, add --key",
            ));
        }
        let only = only.filter(|_| key.is_none()).map(str::to_owned);
        let name = match (typed.or(only), &key) {
            (Some(name), Some(key)) if name != key.name() => {
                return Err(Failure::usage(
                    "key-of-another",
                    format!("the key is {}'s, not {name}'s", key.name()),
                    "nothing was recorded",
                    "sign with your own key, or leave --by out",
                ));
            }
            (Some(name), _) => name,
            (None, Some(key)) => key.name().to_owned(),
            (None, None) => {
                return Err(Failure::usage(
                    "person-missing",
                    "nobody is named who answers for this",
                    "nothing was recorded",
                    "add --by \"Your Name\", or sign: piste key new --name \"Your Name\" -o me.key, then --key me.key",
                ));
            }
        };
        Ok(Person { name, key })
    }
}

/// Reads a secret key, and warns where others may read it too.
pub(crate) fn read_secret(path: &Path) -> Result<SecretKey, Failure> {
    let text = read_small(path, KEY_BYTES_MAX, "key-unreadable", "nothing was recorded")?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0);
        if open {
            out::note(&format!(
                "warning: others may read the secret key `{}`; take that right away: chmod 600",
                piste_report::escape::visible(&path.display().to_string())
            ));
        }
    }
    SecretKey::parse(&text).map_err(|error| {
        Failure::usage(
            "key-unreadable",
            format!("`{}` cannot be used: {error}", path.display()),
            "nothing was recorded",
            "make a key: piste key new --name \"Your Name\" -o me.key",
        )
    })
}

/// Reads a text file of at most `most` bytes.
pub(crate) fn read_small(
    path: &Path,
    most: u64,
    slug: &'static str,
    effect: &'static str,
) -> Result<String, Failure> {
    let failed = |what: String| {
        let what = format!("`{}` cannot be read: {what}", path.display());
        Failure::usage(slug, what, effect, "check the path and the permissions")
    };
    let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > most {
        return Err(failed(format!("it has {length} bytes, more than {most}")));
    }
    fs::read_to_string(path).map_err(|error| failed(error.to_string()))
}

/// Tries to get the ledger while another command writes it, and the pause between two.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// Tries to read a ledger whose last line another command is writing.
const TORN_TRIES: u32 = 10;

/// The ledger of a case that is there, open for writing, each entry handed to `each` first. What is to be changed by what it says
/// is read after this: whoever wrote before has then ended.
pub(crate) fn open_ledger(
    common: &Common,
    mut each: impl FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Ledger, Failure> {
    let path = ledger_path(common)?;
    let mut past = Past::default();
    let (mut ledger, opened) = lock_ledger(&path, &mut |entry| {
        past.observe(entry);
        each(entry)
    })?;
    past.go_on(&common.case, &mut ledger, opened, clock::now(common))?;
    Ok(ledger)
}

/// What every command that writes a case first looks at.
#[derive(Default)]
pub(crate) struct Past {
    heritage: Heritage,
    results: Results,
}

impl Past {
    /// Takes in one entry of the ledger.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        self.heritage.observe(entry);
        self.results.observe(entry);
    }

    /// Begins the case where there is none yet, mends what a crash left, and says what is to be said.
    pub(crate) fn go_on(
        &self,
        case: &Path,
        ledger: &mut Ledger,
        opened: Opened,
        at: Instant,
    ) -> Result<(), Failure> {
        if opened.entries == 0 {
            heritage::refuse_lost_ledger(case)?;
            ledger.append(kind::CASE_CREATED, Heritage::created(case), at)?;
        }
        self.heritage.check_version()?;
        if opened.torn_bytes > 0 {
            ledger.append("ledger.recovered", json!({"torn_bytes": opened.torn_bytes}), at)?;
            out::note("warning: the last line of the ledger was torn, as by a crash; it was cut off");
        }
        self.heritage.locate(case, ledger, at)?;
        self.results.settle(case)
    }
}

/// Opens a ledger for writing, and waits a while for another command that has it.
pub(crate) fn lock_ledger(
    path: &Path,
    each: &mut dyn FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<(Ledger, Opened), Failure> {
    let mut tries = 0;
    loop {
        match Ledger::open_with(path, &mut *each) {
            Err(LedgerError::Locked { .. }) if tries < LOCK_TRIES => {
                if tries == 3 {
                    out::note("Another command is writing this case: waiting for it to end");
                }
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            done => return Ok(done?),
        }
    }
}

/// Reads the ledger of a case that is there, chain and signatures checked; nothing is locked.
pub(crate) fn read_ledger(
    case: &Path,
    mut each: impl FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Verified, Failure> {
    let path = ledger_of(case)?;
    wait_for_whole_line(&path);
    Ok(read_with(&path, &mut each)?)
}

/// A line that another command is just writing is whole a moment later; one that a crash left stays torn, and is told.
pub(crate) fn wait_for_whole_line(path: &Path) {
    let ends_whole = || {
        let mut last = [0];
        let read = fs::File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)
        });
        read.is_err() || last == *b"\n"
    };
    for _ in 0..TORN_TRIES {
        if ends_whole() {
            return;
        }
        std::thread::sleep(LOCK_PAUSE / 4);
    }
}

/// An entry that cannot be read as its kind promises decides nothing and stops nothing: it is named and set aside.
pub(crate) fn or_set_aside(read: Result<(), LedgerError>) -> Result<(), LedgerError> {
    match read {
        Err(LedgerError::Body { seq, kind, what }) => {
            let line = format!(
                "warning: entry {seq} (`{kind}`) cannot be read and is set aside, as if it were not there: {what}"
            );
            out::note(&piste_report::escape::visible(&line));
            Ok(())
        }
        done => done,
    }
}

/// Where the ledger of a case that is there lies.
pub(crate) fn ledger_path(common: &Common) -> Result<PathBuf, Failure> {
    ledger_of(&common.case)
}

/// Where the ledger of a case that is there lies: an empty one is none.
pub(crate) fn ledger_of(case: &Path) -> Result<PathBuf, Failure> {
    let path = case.join("ledger.jsonl");
    if fs::metadata(&path).is_ok_and(|data| data.len() > 0) {
        return Ok(path);
    }
    heritage::refuse_lost_ledger(case)?;
    Err(Failure::usage(
        "case-missing",
        format!("there is no case in `{}`", case.display()),
        "nothing was read or recorded",
        "name the case's folder with --case, or begin one: piste investigate EVIDENCE",
    ))
}
