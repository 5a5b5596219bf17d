//! `piste case export`: the package with which an institution asks the CSIRT for help.
//!
//! In: the case. Out: a zip with the ledger, the results and a page that says what is asked. The evidence stays where it is: the
//! package lists it by name and hash.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::duties::Response;
use piste_lake::store::tmp_name;
use piste_rules::indicators::Tlp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::package::{FORMAT, LEDGER, MANIFEST, Manifest, WORDS};
use crate::cli::Common;
use crate::failure::Failure;
use crate::person::{Who, ledger_path, open_ledger, or_set_aside};
use crate::response::{answer, write_answer};
use crate::results::Results;
use crate::{clock, out, sightings};

/// Kind of the entry that records an export.
const EXPORTED: &str = "case.exported";
/// Files of `out/` that are large and can be derived from the lake; they go only with --all.
const LARGE: [&str; 3] = ["detections.jsonl", "timeline.csv", "run.json"];

/// Writes a package for another team: ledger, results, and what is asked; never evidence.
///
/// The other team takes it in with `piste case import`. All that is in it may be read by whoever has the file: it is not encrypted.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste case export -o to-ccb.zip --to \"CCB\" --ask \"help to date the entry on MX01\" --contact \"soc@ministry.example\" --by \"Ann Peeters\""
)]
pub(super) struct Export {
    /// File to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// For whom.
    #[arg(long, value_name = "NAME", default_value = "")]
    to: String,
    /// What is asked of them.
    #[arg(long, value_name = "TEXT", default_value = "")]
    ask: String,
    /// How they reach you.
    #[arg(long, value_name = "TEXT", default_value = "")]
    contact: String,
    /// To whom they may pass it on.
    #[arg(long, value_name = "TLP", default_value = "TLP:AMBER+STRICT", value_parser = tlp)]
    tlp: String,
    /// With all detections, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    who: Who,
}

/// The words of TLP 2.0.
fn tlp(text: &str) -> Result<String, String> {
    const WORDS: [&str; 5] = ["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"];
    let word = text.trim().to_uppercase();
    let word = if word.starts_with("TLP:") { word } else { format!("TLP:{word}") };
    if WORDS.contains(&word.as_str()) { Ok(word) } else { Err(format!("the words are {}", WORDS.join(", "))) }
}

/// Runs the command.
pub(super) fn run(arguments: &Export, common: &Common) -> Result<u8, Failure> {
    let person = arguments.who.person()?;
    crate::output::refuse_precious(&arguments.output)?;
    let now = clock::now(common);
    let (mut case, mut known) = (String::new(), Results::default());
    let mut response = Response::default();
    let mut ledger = open_ledger(common, |entry| {
        if entry.seq == 1 {
            case.clone_from(&entry.hash);
        }
        known.observe(entry);
        or_set_aside(response.observe(entry))
    })?;
    // It follows from the ledger and the moment, and no hash of it is kept: it goes as it is now.
    write_answer(&common.case, &answer(&response, now)?)?;
    let state = ledger.state();
    let mut files = vec![(LEDGER.to_owned(), ledger_path(common)?)];
    files.extend(
        results(&common.case, &known, arguments.all).map_err(|error| failed(&arguments.output, &error))?,
    );
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: now,
        by: person.name.clone(),
        to: arguments.to.clone(),
        ask: arguments.ask.clone(),
        contact: arguments.contact.clone(),
        tlp: arguments.tlp.clone(),
        case,
        entries: state.entries,
        head: state.head.clone(),
        files: BTreeMap::new(),
    };
    let packed = write(&arguments.output, &files, &mut manifest, &known);
    if let Some((name, sha256)) = packed.map_err(|error| failed(&arguments.output, &error))? {
        let path = common.case.join(&name);
        return Err(known.changed(&path, name.trim_start_matches("out/"), &sha256));
    }
    let body = json!({
        "entries": state.entries, "head": state.head, "to": manifest.to, "ask": manifest.ask, "tlp": manifest.tlp,
        "files": manifest.files,
    });
    ledger.append_by(EXPORTED, body, now, &person)?;
    if let Some(strict) =
        sightings::strictest_marking(&common.case).filter(|mark| Tlp::parse(&manifest.tlp) < Some(*mark))
    {
        out::note(&format!(
            "warning: the package holds indicators marked {}, which is stricter than its own {}: ask their sources, or pack it again with --tlp",
            strict.as_str(),
            manifest.tlp
        ));
    }
    if !common.quiet {
        out::note(&format!(
            "Packed {} files, ledger up to entry {}; no evidence is in it. {}",
            manifest.files.len(),
            state.entries,
            manifest.tlp
        ));
    }
    Ok(0)
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::environment(
        "package-write",
        format!("`{}` cannot be written: {error}", path.display()),
        "no package was made",
        "choose another place, or make room",
    )
}

/// The files of `out/` that Piste wrote, in the order of their names; a file of another's is not handed on.
fn results(case: &Path, known: &Results, all: bool) -> std::io::Result<Vec<(String, PathBuf)>> {
    let folder = case.join("out");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let own =
            known.hash(&name).is_some() || ["duties.json", "plan.json", "run.json"].contains(&name.as_str());
        if !own {
            out::note(&format!(
                "warning: `out/{}` is left out: no run of Piste wrote it",
                piste_report::escape::visible(&name)
            ));
        } else if entry.file_type()?.is_file() && (all || !LARGE.contains(&name.as_str())) {
            files.push((format!("out/{name}"), entry.path()));
        }
    }
    // One that is missing is noticed as one that was changed.
    let there: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let missing = known
        .names()
        .filter(|name| all || !LARGE.contains(name))
        .find(|name| !there.contains(&format!("out/{name}").as_str()));
    if let Some(name) = missing {
        let what =
            format!("`out/{name}`, which the last run wrote, is not there: run `piste investigate` again");
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, what));
    }
    files.sort();
    Ok(files)
}

/// Writes the package; answers the first file that is not what the ledger vouches for, with its hash.
fn write(
    to: &Path,
    files: &[(String, PathBuf)],
    manifest: &mut Manifest,
    known: &Results,
) -> Result<Option<(String, String)>, Box<dyn std::error::Error>> {
    let aside = tmp_name(to);
    let made = (|| {
        let mut zip = ZipWriter::new(File::create(&aside)?);
        let options = SimpleFileOptions::default().large_file(true);
        for (name, path) in files {
            zip.start_file(name.as_str(), options)?;
            let sha256 = copy(&mut File::open(path)?, &mut zip)?;
            if name.strip_prefix("out/").and_then(|own| known.vouches(own, &sha256)) == Some(false) {
                return Ok(Some((name.clone(), sha256)));
            }
            manifest.files.insert(name.clone(), sha256);
        }
        zip.start_file(WORDS, options)?;
        zip.write_all(readme(manifest).as_bytes())?;
        zip.start_file(MANIFEST, options)?;
        serde_json::to_writer_pretty(&mut zip, manifest)?;
        zip.finish()?.sync_all()?;
        fs::rename(&aside, to)?;
        Ok(None)
    })();
    if !matches!(made, Ok(None)) {
        let _ = fs::remove_file(&aside); // half a package is of no use
    }
    made
}

/// Copies a file, and answers its SHA-256.
fn copy(file: &mut File, to: &mut impl std::io::Write) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(piste_model::hash::hex(&digest.finalize()));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        digest.update(bytes);
        to.write_all(bytes)?;
    }
}

fn readme(manifest: &Manifest) -> String {
    let mut text =
        format!("{}\n\nA case of Piste, packed {} by {}", manifest.tlp, manifest.made, manifest.by);
    let _ = writeln!(
        text,
        "{}.",
        if manifest.to.is_empty() { String::new() } else { format!(" for {}", manifest.to) }
    );
    for (word, what) in [("Asked", &manifest.ask), ("Contact", &manifest.contact)] {
        if !what.is_empty() {
            let _ = writeln!(text, "{word}: {what}");
        }
    }
    let _ = writeln!(
        text,
        "\nLedger: {} entries, head {}\nNo evidence is in this package; out/evidence.jsonl lists it by name and SHA-256.\n\n\
         Take its facts and verdicts into a case of your own:\n  piste case import {{this file}} --case yours --by \"Your Name\"\n\
         Read it without Piste: out/report.html in a browser; ledger.jsonl in any editor.\n",
        manifest.entries, manifest.head
    );
    text
}
