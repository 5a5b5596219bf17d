//! Evidence opened for reading: regular files and nothing else.
//!
//! In: a path that was sealed. Out: the file. Between sealing and a later look somebody may have put a pipe, a device or a
//! link to one in its place: to open the one waits for ever, to read the other never ends.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens a file of the evidence.
///
/// # Errors
/// Where it cannot be opened, or is no regular file.
pub(crate) fn evidence_file(path: &Path) -> io::Result<File> {
    refuse_special(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    refuse_special(&file.metadata()?)?;
    Ok(file)
}

fn refuse_special(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_dir() { "a folder" } else { "a pipe, socket or device" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is no regular file any more but {what}")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there");
        assert!(made.success());
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link is made");
        for path in [pipe.as_path(), link.as_path(), folder.path()] {
            let error = evidence_file(path).expect_err("it is no file");
            assert!(error.to_string().starts_with("it is no regular file any more"), "{error}");
        }
        std::fs::write(folder.path().join("f"), b"x").expect("it is written");
        evidence_file(&folder.path().join("f")).expect("a file opens");
    }
}
