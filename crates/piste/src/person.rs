//! Who gives a command that a person answers for.
//!
//! In: `--by`, `--key`, or the variables `PISTE_PERSON` and `PISTE_KEY`. Out: the person whose name, and signature where there
//! is a key, stands in the ledger.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::{Ledger, Person, SecretKey};

use crate::cli::Common;
use crate::failure::Failure;
use crate::heritage::Heritage;
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

/// The ledger of a case that is there, open for writing, each entry handed to `each` first.
pub(crate) fn open_ledger(
    common: &Common,
    mut each: impl FnMut(&piste_case::Entry) -> Result<(), piste_case::LedgerError>,
) -> Result<Ledger, Failure> {
    let path = ledger_path(common)?;
    let mut heritage = Heritage::default();
    let (mut ledger, _) = Ledger::open_with(&path, |entry| {
        heritage.observe(entry);
        each(entry)
    })?;
    heritage.check_version()?;
    heritage.locate(&common.case, &mut ledger, clock::now(common))?;
    Ok(ledger)
}

/// Where the ledger of a case that is there lies.
pub(crate) fn ledger_path(common: &Common) -> Result<PathBuf, Failure> {
    let path = common.case.join("ledger.jsonl");
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::usage(
        "case-missing",
        format!("there is no case in `{}`", common.case.display()),
        "nothing was recorded",
        "name the case's folder with --case, or begin one: piste investigate EVIDENCE",
    ))
}
