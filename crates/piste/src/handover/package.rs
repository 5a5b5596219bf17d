//! The package: a zip with a manifest that names every file in it by its hash.
//!
//! In: a file that another team sent, which may be anything. Out: its manifest and its ledgers, checked, copied out under
//! names that we choose.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use piste_model::Instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use crate::failure::Failure;

/// Format that is written.
pub(super) const FORMAT: &str = "piste-package-1";
/// Name of the manifest.
pub(super) const MANIFEST: &str = "package.json";
/// Name of the ledger.
pub(super) const LEDGER: &str = "ledger.jsonl";
/// Name of the words for who has no Piste; nothing is taken from them.
pub(super) const WORDS: &str = "README.txt";
/// Bytes of the manifest.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// Bytes that all files of a package may have together, unpacked.
const UNPACKED_MAX: u64 = 4 << 30;
/// Bytes of the package itself.
const PACKED_MAX: u64 = 4 << 30;
/// Files in a package: a case's results are some twenty.
const MEMBERS_MAX: usize = 1_000;

/// What a package says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Always `piste-package-1`.
    pub(super) format: String,
    /// Version that wrote it.
    pub(super) version: String,
    /// When.
    pub(super) made: Instant,
    /// Who.
    pub(super) by: String,
    /// For whom.
    pub(super) to: String,
    /// What is asked of them.
    pub(super) ask: String,
    /// How to reach those who ask.
    pub(super) contact: String,
    /// To whom it may be passed on: `TLP:AMBER+STRICT`.
    pub(super) tlp: String,
    /// Hash of the ledger's first entry.
    pub(super) case: String,
    /// Entries of the ledger.
    pub(super) entries: u64,
    /// Hash of the last.
    pub(super) head: String,
    /// SHA-256 of every file but this one.
    pub(super) files: BTreeMap<String, String>,
}

/// A package open for reading.
pub(super) struct Package {
    path: PathBuf,
    archive: ZipArchive<File>,
    pub(super) manifest: Manifest,
    /// SHA-256 of the package itself.
    pub(super) sha256: String,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl Package {
    /// Opens a package and reads its manifest.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |what: String| no_package(path, &what);
        let mut file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let bytes = file.metadata().map_err(|error| failed(error.to_string()))?.len();
        if bytes > PACKED_MAX {
            return Err(failed(format!("it has {bytes} bytes, more than {PACKED_MAX}")));
        }
        let (sha256, _) = hash(&mut file).map_err(|error| failed(error.to_string()))?;
        let mut archive = ZipArchive::new(file).map_err(|error| failed(error.to_string()))?;
        check_members(&mut archive).map_err(&failed)?;
        let mut text = String::new();
        archive
            .by_name(MANIFEST)
            .map_err(|error| failed(format!("{MANIFEST}: {error}")))?
            .take(MANIFEST_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| failed(error.to_string()))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| failed(format!("{MANIFEST}: {error}")))?;
        if manifest.format != FORMAT {
            return Err(failed(format!("its format is `{}`", manifest.format)));
        }
        Ok(Self { path: path.to_owned(), archive, manifest, sha256, left: UNPACKED_MAX })
    }

    /// Copies its ledger to `to` and compares it with the manifest.
    pub(super) fn ledger(&mut self, to: &Path) -> Result<(), Failure> {
        let failed = |what: String| no_package(&self.path, &what);
        let mut member =
            self.archive.by_name(LEDGER).map_err(|error| failed(format!("{LEDGER}: {error}")))?;
        let mut file = File::create(to).map_err(|error| failed(error.to_string()))?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = member.read(&mut buffer).map_err(|error| failed(format!("{LEDGER}: {error}")))?;
            let bytes = buffer.get(..read).unwrap_or_default();
            self.left = self.left.checked_sub(read as u64).ok_or_else(|| failed(too_much()))?;
            if read == 0 {
                break;
            }
            digest.update(bytes);
            file.write_all(bytes).map_err(|error| failed(error.to_string()))?;
        }
        file.sync_all().map_err(|error| failed(error.to_string()))?;
        let sha256 = piste_model::hash::hex(&digest.finalize());
        if self.manifest.files.get(LEDGER) != Some(&sha256) {
            return Err(failed(format!("{LEDGER} is not the one that its manifest names")));
        }
        Ok(())
    }
}

impl Package {
    /// Compares every other file with the manifest: a package that was changed on its way is not taken in part.
    pub(super) fn check_others(&mut self) -> Result<(), Failure> {
        let failed = |what: String| no_package(&self.path, &what);
        let mut named = self.manifest.files.clone();
        named.remove(LEDGER);
        for at in 0..self.archive.len() {
            let member = self.archive.by_index(at).map_err(|error| failed(error.to_string()))?;
            let name = member.name().map_err(|error| failed(error.to_string()))?.into_owned();
            if name == MANIFEST || name == LEDGER || name == WORDS {
                continue;
            }
            let shown = piste_report::escape::visible(&name).into_owned();
            let wanted =
                named.remove(&name).ok_or_else(|| failed(format!("`{shown}` is not in its manifest")))?;
            let (found, bytes) = hash(&mut member.take(self.left.saturating_add(1)))
                .map_err(|error| failed(format!("`{shown}`: {error}")))?;
            self.left = self.left.checked_sub(bytes).ok_or_else(|| failed(too_much()))?;
            if found != wanted {
                return Err(failed(format!("`{shown}` is not the one that its manifest names")));
            }
        }
        match named.into_keys().next() {
            Some(name) => Err(failed(format!("`{}` is missing", piste_report::escape::visible(&name)))),
            None => Ok(()),
        }
    }
}

/// Why a package is not taken.
pub(super) fn no_package(path: &Path, what: &str) -> Failure {
    Failure::usage(
        "package-unreadable",
        format!("`{}` is no package of Piste that can be read: {what}", path.display()),
        "nothing was imported",
        "ask the other team for the package again: piste case export -o package.zip",
    )
}

fn too_much() -> String {
    format!("its files have more than {UNPACKED_MAX} bytes together")
}

/// Refuses what no package has: very many files, or files that lie in each other's bytes, of which a small package holds any number.
fn check_members(archive: &mut ZipArchive<File>) -> Result<(), String> {
    if archive.len() > MEMBERS_MAX {
        return Err(format!("it has {} files, more than {MEMBERS_MAX}", archive.len()));
    }
    let mut spans = Vec::new();
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(|error| error.to_string())?;
        let data = member.data_start().ok_or("a file in it has no bytes of its own")?;
        spans.push((member.header_start(), data.saturating_add(member.compressed_size())));
    }
    spans.sort_unstable();
    let overlap = spans.windows(2).any(|pair| matches!(pair, [one, next] if next.0 < one.1));
    if overlap { Err("files in it lie in each other's bytes".to_owned()) } else { Ok(()) }
}

/// SHA-256 and length.
fn hash(file: &mut impl Read) -> std::io::Result<(String, u64)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((piste_model::hash::hex(&digest.finalize()), bytes)),
            read => {
                digest.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
        }
    }
}
