//! `out/`: which bytes the ledger vouches for, and how they come there.
//!
//! In: a case's ledger, which holds the SHA-256 of every file that a run or a verdict wrote. Out: the text of such a file, only if
//! it is that; and new files, which are made aside in `tmp/next/`, take their hashes to the ledger, and only then their names. So
//! whatever moment a command is killed at, ledger and files agree once the next one has looked: what lies aside is put in its
//! place if the ledger names it, and thrown away if not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use piste_case::{Entry, kind};
use piste_lake::LakeError;
use piste_lake::store::rename_durably;
use piste_model::hash::{hex, sha256_hex};
use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::look::not_written;
use crate::person;

/// Name of a file in `out/` to its SHA-256.
pub(crate) type Hashes = BTreeMap<String, String>;

/// What the ledger says of `out/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Results {
    hashes: Hashes,
}

impl Results {
    /// Takes in one entry of the ledger.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        let Some(Ok(hashes)) = entry.body.get("out").map(Hashes::deserialize) else { return };
        if entry.kind == kind::RUN_FINISHED {
            self.hashes = hashes;
        } else {
            self.hashes.extend(hashes);
        }
    }

    /// Reads the ledger of a case that is there.
    pub(crate) fn of(case: &Path) -> Result<Self, Failure> {
        let mut results = Self::default();
        person::read_ledger(case, |entry| {
            results.observe(entry);
            Ok(())
        })?;
        Ok(results)
    }

    /// SHA-256 that the ledger has for a file.
    pub(crate) fn hash(&self, name: &str) -> Option<&str> {
        self.hashes.get(name).map(String::as_str)
    }

    /// The files that the ledger knows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.hashes.keys().map(String::as_str)
    }

    /// The text of a file of `out/`, if it is what the ledger vouches for.
    pub(crate) fn text(&self, case: &Path, name: &str) -> Result<String, Failure> {
        let path = case.join("out").join(name);
        let bytes = fs::read(&path);
        let wanted = self.hash(name);
        if let Ok(bytes) = &bytes
            && wanted.is_some_and(|wanted| sha256_hex(bytes) == wanted)
        {
            return self.utf8(&path, bytes.clone());
        }
        // A command that was killed between the ledger and the file left the file aside.
        let aside = next(case).join(name);
        if let Ok(bytes) = fs::read(&aside)
            && wanted.is_some_and(|wanted| sha256_hex(&bytes) == wanted)
        {
            let _ = rename_durably(&aside, &path); // where it cannot take its name, it is read here all the same
            return self.utf8(&path, bytes);
        }
        let bytes = bytes.map_err(|error| not_written(&path, &error))?;
        Err(changed(&path, &sha256_hex(&bytes), wanted))
    }

    fn utf8(&self, path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
        String::from_utf8(bytes).map_err(|error| changed(path, &error.to_string(), self.hash("")))
    }

    /// A file of `out/` that may be large, for reading: hashed first, and once more while it is read.
    pub(crate) fn file(&self, case: &Path, name: &str) -> Result<BufReader<Vouched>, Failure> {
        let path = case.join("out").join(name);
        let wanted = self.hash(name);
        let aside = next(case).join(name);
        if wanted.is_some() && hash_of(&aside).ok().as_deref() == wanted {
            let _ = rename_durably(&aside, &path); // as for a text
        }
        let mut file = File::open(&path).map_err(|error| not_written(&path, &error))?;
        let found = hash(&mut file).map_err(LakeError::read(&path))?;
        let Some(wanted) = wanted.filter(|wanted| *wanted == found) else {
            return Err(changed(&path, &found, wanted));
        };
        file.seek(SeekFrom::Start(0)).map_err(LakeError::read(&path))?;
        Ok(BufReader::new(Vouched { file, digest: Sha256::new(), wanted: wanted.to_owned() }))
    }

    /// Whether a file has the bytes that the ledger vouches for; `None` where the ledger does not know it.
    pub(crate) fn vouches(&self, name: &str, sha256: &str) -> Option<bool> {
        self.hash(name).map(|wanted| wanted == sha256)
    }

    /// The failure of a file that has other bytes.
    pub(crate) fn changed(&self, path: &Path, name: &str, sha256: &str) -> Failure {
        changed(path, sha256, self.hash(name))
    }

    /// Ends what a killed command had begun: what lies aside takes its place if the ledger names it, and goes if not. Only who
    /// holds the ledger may do so.
    pub(crate) fn settle(&self, case: &Path) -> Result<(), Failure> {
        let folder = next(case);
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries {
            let path = entry.map_err(LakeError::read(&folder))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let found = hash_of(&path).map_err(LakeError::read(&path))?;
            if self.vouches(&name, &found) == Some(true) {
                place(case, &name)?;
            } else {
                fs::remove_file(&path).map_err(LakeError::write(&path))?;
            }
        }
        let _ = fs::remove_dir(&folder); // an empty folder is in the way of nothing
        Ok(())
    }
}

fn changed(path: &Path, found: &str, wanted: Option<&str>) -> Failure {
    let what = match wanted {
        Some(wanted) => format!(
            "`{}` is not what Piste wrote: its SHA-256 is {found}, and the ledger has {wanted}",
            path.display()
        ),
        None => format!("no run of this case that came to its end wrote `{}`", path.display()),
    };
    Failure::environment(
        "out-changed",
        what,
        "nothing was shown or recorded of it: somebody may have edited it",
        "run `piste investigate` again (or `piste hunt` with the same rules, where the evidence is not at hand): a run writes `out/` \
         anew; keep the file if you want to know who changed it",
    )
}

/// A file that was hashed, and is hashed once more while it is read: its end is an error where its bytes are others by then.
pub(crate) struct Vouched {
    file: File,
    digest: Sha256,
    wanted: String,
}

impl Read for Vouched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        if read == 0 && !buffer.is_empty() && hex(&self.digest.clone().finalize()) != self.wanted {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it was changed while it was read"));
        }
        Ok(read)
    }
}

fn hash_of(path: &Path) -> io::Result<String> {
    hash(&mut File::open(path)?)
}

fn hash(file: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Where files lie until the ledger names them.
fn next(case: &Path) -> PathBuf {
    case.join("tmp").join("next")
}

/// Whether a command left something aside.
pub(crate) fn is_unsettled(case: &Path) -> bool {
    fs::read_dir(next(case)).is_ok_and(|mut entries| entries.next().is_some())
}

/// Gives a file that lies aside its place.
fn place(case: &Path, name: &str) -> Result<(), LakeError> {
    let folder = case.join("out");
    fs::create_dir_all(&folder).map_err(LakeError::write(&folder))?;
    rename_durably(&next(case).join(name), &folder.join(name))
}

/// New files of `out/`, made aside.
#[derive(Debug)]
pub(crate) struct Next {
    case: PathBuf,
    hashes: Hashes,
}

impl Next {
    /// Begins. Only who holds the ledger may do so.
    pub(crate) fn begin(case: &Path) -> Result<Self, LakeError> {
        let folder = next(case);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LakeError::write(folder)(error));
            }
            _ => {}
        }
        fs::create_dir_all(&folder).map_err(LakeError::write(&folder))?;
        Ok(Self { case: case.to_owned(), hashes: Hashes::new() })
    }

    /// Begins a file.
    pub(crate) fn create(&self, name: &str) -> Result<Hashing, LakeError> {
        let path = next(&self.case).join(name);
        let file = File::create(&path).map_err(LakeError::write(&path))?;
        Ok(Hashing { file, digest: Sha256::new(), name: name.to_owned() })
    }

    /// Ends a file.
    pub(crate) fn finish(&mut self, made: Hashing) -> Result<(), LakeError> {
        let Hashing { file, digest, name } = made;
        file.sync_all().map_err(LakeError::write(next(&self.case).join(&name)))?;
        self.hashes.insert(name, hex(&digest.finalize()));
        Ok(())
    }

    /// Writes a file whole.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), LakeError> {
        let mut file = self.create(name)?;
        file.write_all(bytes).map_err(LakeError::write(next(&self.case).join(name)))?;
        self.finish(file)
    }

    /// What the ledger is to be told.
    pub(crate) fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    /// Gives the files their places, once the ledger has their hashes.
    pub(crate) fn commit(self) -> Result<(), LakeError> {
        for name in self.hashes.keys() {
            // A command that only looks may have done so in the meantime.
            if next(&self.case).join(name).exists() {
                place(&self.case, name)?;
            }
        }
        let _ = fs::remove_dir(next(&self.case)); // an empty folder is in the way of nothing
        Ok(())
    }
}

/// A file that is hashed as it is written.
#[derive(Debug)]
pub(crate) struct Hashing {
    file: File,
    digest: Sha256,
    name: String,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The body with the hashes of new files.
pub(crate) fn with_hashes(mut body: Value, next: Option<&Next>) -> Value {
    if let (Some(next), Some(fields)) = (next, body.as_object_mut()) {
        fields.insert("out".to_owned(), serde_json::json!(next.hashes()));
    }
    body
}

/// Removes a file of `out/` that the last run did not write again.
pub(crate) fn remove_stale(case: &Path, hashes: &Hashes, name: &str) -> Result<(), LakeError> {
    if hashes.contains_key(name) {
        return Ok(());
    }
    let path = case.join("out").join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LakeError::write(path)(error)),
        _ => Ok(()),
    }
}
