//! `piste key`: a person's key.
//!
//! In: a name, or a key file. Out: a new secret key with its public part beside it, or what a key file holds.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use piste_case::{PublicKey, SecretKey};
use piste_report::escape;

use crate::failure::Failure;
use crate::out;
use crate::person::read_small;

/// Makes and shows the keys with which persons sign.
#[derive(Debug, Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Show(Show),
}

/// Makes a key: the secret part into FILE, the public part beside it as FILE.pub.
///
/// Give the public part to those who check your signatures, and read them its fingerprint over the telephone. The secret
/// part is not encrypted: keep it on a medium that only you have.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste key new --name \"Ann Peeters\" -o ann.key")]
struct New {
    /// Your name, as it shall stand in the ledger.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// File for the secret key; one that is there is never replaced.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Shows whose key a file holds, and its fingerprint.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste key show ann.key.pub")]
struct Show {
    /// A public or a secret key.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &Key) -> Result<u8, Failure> {
    match &arguments.command {
        Command::New(new) => make(new)?,
        Command::Show(show) => out::data(&shown(&read_public(&show.file)?)),
    }
    Ok(0)
}

fn make(arguments: &New) -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::environment(
            "no-randomness",
            format!("the system gives no random bytes: {error}"),
            "no key was made",
            "try again on another machine",
        )
    })?;
    let secret = SecretKey::new(&arguments.name, &random).map_err(|error| {
        Failure::usage("key-name", error.to_string(), "no key was made", "give your name with --name")
    })?;
    let public = secret.public();
    let beside = arguments.output.with_added_extension("pub");
    write_new(&arguments.output, &secret.to_text())?;
    if let Err(failure) = write_new(&beside, &public.to_text()) {
        let _ = fs::remove_file(&arguments.output); // half a pair is of no use
        return Err(failure);
    }
    out::data(&shown(&public));
    Ok(())
}

/// Reads the public part of a key file.
pub(crate) fn read_public(path: &Path) -> Result<PublicKey, Failure> {
    let text = read_small(path, 65_536, "key-unreadable", "nothing was checked")?;
    PublicKey::parse(&text).map_err(|error| {
        Failure::usage(
            "key-unreadable",
            format!("`{}` cannot be used: {error}", path.display()),
            "nothing was checked",
            "ask the person for the .pub file that `piste key new` wrote",
        )
    })
}

fn shown(public: &PublicKey) -> String {
    let name = escape::visible(&public.name);
    format!("{name}\n  public key   {}\n  fingerprint  {}\n", public.hex(), public.fingerprint())
}

/// Writes a file that is not there yet, readable by its owner alone where the system knows such a right.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        Failure::environment(
            "key-write",
            format!("`{}` cannot be written: {error}", path.display()),
            "no key was made",
            "name a file that is not there yet, in a folder that can be written",
        )
    })
}
