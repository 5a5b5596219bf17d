//! Names of files in the paths that logs hold.
//!
//! In: a path of Windows or of a URL. Out: its last part, in lower case.

/// The last part of a path, in lower case.
pub(crate) fn file_name(path: &str) -> String {
    path.rsplit(['\\', '/']).next().unwrap_or_default().to_lowercase()
}
