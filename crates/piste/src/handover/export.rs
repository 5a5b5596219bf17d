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
use piste_lake::store::tmp_name;
use piste_rules::indicators::Tlp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::package::{FORMAT, LEDGER, MANIFEST, Manifest, WORDS};
use crate::cli::Common;
use crate::failure::Failure;
use crate::person::{Who, ledger_path, open_ledger};
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
    let mut case = String::new();
    let mut ledger = open_ledger(common, |entry| {
        if entry.seq == 1 {
            case.clone_from(&entry.hash);
        }
        Ok(())
    })?;
    let state = ledger.state();
    let mut files = vec![(LEDGER.to_owned(), ledger_path(common)?)];
    files.extend(results(&common.case, arguments.all).map_err(|error| failed(&arguments.output, &error))?);
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
    write(&arguments.output, &files, &mut manifest).map_err(|error| failed(&arguments.output, &error))?;
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

/// The files of `out/`, in the order of their names.
fn results(case: &Path, all: bool) -> std::io::Result<Vec<(String, PathBuf)>> {
    let folder = case.join("out");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let temporary = Path::new(&name).extension().is_some_and(|end| end == "tmp");
        if entry.file_type()?.is_file() && !temporary && (all || !LARGE.contains(&name.as_str())) {
            files.push((format!("out/{name}"), entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

fn write(
    to: &Path,
    files: &[(String, PathBuf)],
    manifest: &mut Manifest,
) -> Result<(), Box<dyn std::error::Error>> {
    let aside = tmp_name(to);
    let made = (|| {
        let mut zip = ZipWriter::new(File::create(&aside)?);
        let options = SimpleFileOptions::default().large_file(true);
        for (name, path) in files {
            zip.start_file(name.as_str(), options)?;
            let mut digest = Sha256::new();
            let mut file = File::open(path)?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                let bytes = buffer.get(..read).unwrap_or_default();
                digest.update(bytes);
                zip.write_all(bytes)?;
            }
            manifest.files.insert(name.clone(), piste_model::hash::hex(&digest.finalize()));
        }
        zip.start_file(WORDS, options)?;
        zip.write_all(readme(manifest).as_bytes())?;
        zip.start_file(MANIFEST, options)?;
        serde_json::to_writer_pretty(&mut zip, manifest)?;
        zip.finish()?.sync_all()?;
        fs::rename(&aside, to)?;
        Ok(())
    })();
    if made.is_err() {
        let _ = fs::remove_file(&aside); // half a package is of no use
    }
    made
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
