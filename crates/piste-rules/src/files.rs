//! Rule files of one set: what a path given by the user holds.
//!
//! In: a file or a folder. Out: its rule files in a fixed order, and their text. What cannot be read is an entry with
//! its reason, never a gap. Symbolic links are not followed, so that a folder stays a folder and has an end.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::RuleError;

/// Rules are text of a few KiB; a larger file is something else, or an attempt.
pub(crate) const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A rule file, or what stands where one was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Path inside the set with `/`, the same on every system; the file's name if the set is a file.
    pub(crate) relative: String,
    /// Where to open it.
    pub(crate) path: PathBuf,
    /// Why it cannot be read, known without opening it.
    pub(crate) refused: Option<String>,
}

/// Lists the rule files at `path`, sorted by their path inside it.
///
/// # Errors
/// [`RuleError`] if the path itself gives nothing.
pub(crate) fn list(path: &Path) -> Result<Vec<Found>, RuleError> {
    list_of(path, &is_rule_file)
}

/// As [`list`], of the files whose names `wanted` accepts.
///
/// # Errors
/// [`RuleError`] if the path itself gives nothing.
pub(crate) fn list_of(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Found>, RuleError> {
    let unreadable = |source| match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            RuleError::Missing { path: path.to_owned() }
        }
        _ => RuleError::Unreadable { path: path.to_owned(), source },
    };
    let kind = fs::metadata(path).map_err(unreadable)?;
    if kind.is_file() {
        let relative = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![Found { relative, path: path.to_owned(), refused: None }]);
    }
    if !kind.is_dir() {
        return Err(unreadable(std::io::Error::other("neither a file nor a folder")));
    }
    let mut found = Vec::new();
    fs::read_dir(path).map_err(unreadable)?;
    let mut folders = vec![(String::new(), path.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        if let Err(error) = list_folder((&prefix, &folder), wanted, &mut found, &mut folders) {
            let refused = Some(format!("the folder cannot be listed: {error}"));
            found.push(Found { relative: prefix.trim_end_matches('/').to_owned(), path: folder, refused });
        }
    }
    if found.is_empty() {
        return Err(RuleError::NoFiles { path: path.to_owned() });
    }
    found.sort_by(|one, other| one.relative.cmp(&other.relative));
    Ok(found)
}

/// Adds one folder's rule files to `found` and its subfolders to `folders`.
fn list_folder(
    (prefix, folder): (&str, &Path),
    wanted: &dyn Fn(&str) -> bool,
    found: &mut Vec<Found>,
    folders: &mut Vec<(String, PathBuf)>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        let relative = format!("{prefix}{name}");
        if kind.is_dir() {
            folders.push((format!("{relative}/"), entry.path()));
        } else if wanted(&name) {
            let refused = if kind.is_file() {
                None
            } else if kind.is_symlink() {
                Some("a symbolic link, which is not followed".to_owned())
            } else {
                Some("not a regular file".to_owned())
            };
            found.push(Found { relative, path: entry.path(), refused });
        }
    }
    Ok(())
}

/// Whether a file's name says that it holds YAML.
fn is_rule_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml")
    })
}

/// Reads a file's text, without a byte order mark.
///
/// # Errors
/// Why it cannot be read, as a [`crate::NotRun`] says it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err("the file is over 8 MiB, which no rule is".to_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        format!("the file is not UTF-8 text, from byte {}", error.utf8_error().valid_up_to())
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_in_order_without_hidden_files_and_links() {
        let root = tempfile::tempdir().expect("a scratch folder");
        for name in
            ["b/two.yaml", "a/z.yml", "a/.hidden/x.yml", ".git/x.yml", "b/readme.md", "one.YML", ".x.yml"]
        {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("made");
            fs::write(path, "x").expect("written");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path(), root.path().join("loop")).expect("linked");
            std::os::unix::fs::symlink(root.path().join("one.YML"), root.path().join("link.yml"))
                .expect("linked");
        }
        let found = list(root.path()).expect("listed");
        let names: Vec<_> =
            found.iter().filter(|one| one.refused.is_none()).map(|one| &one.relative).collect();
        assert_eq!(names, ["a/z.yml", "b/two.yaml", "one.YML"]);
        #[cfg(unix)]
        assert_eq!(found.iter().filter(|one| one.refused.is_some()).count(), 1);
    }

    #[test]
    fn text_is_read_without_its_mark_and_within_bounds() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let path = root.path().join("x.yml");
        fs::write(&path, b"\xef\xbb\xbftitle: x").expect("written");
        assert_eq!(read(&path), Ok("title: x".to_owned()));
        fs::write(&path, b"title: \xff\xfe").expect("written");
        assert_eq!(read(&path), Err("the file is not UTF-8 text, from byte 7".to_owned()));
        let large = vec![b'#'; usize::try_from(MAX_FILE_BYTES).expect("fits") + 1];
        fs::write(&path, large).expect("written");
        assert_eq!(read(&path), Err("the file is over 8 MiB, which no rule is".to_owned()));
    }
}
