//! Paths as text that reads back to the same path.
//!
//! In: a path as the system names it. Out: text where it is Unicode; otherwise an object with its bytes in hex (on Windows
//! its UTF-16 units), since a file whose name is no text is evidence too. A case may be moved: what another system wrote
//! reads as its nearest text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use piste_model::hash::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path in the ledger: `"/a/b"`, `{"bytes_hex":"2f61e9"}` or `{"wide_hex":"2f0000d8"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredPath(#[serde(with = "self")] pub PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes { bytes_hex: String },
    Wide { wide_hex: String },
}

/// For `#[serde(with = ...)]`.
///
/// # Errors
/// What the serializer answers.
pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => other_form(path).serialize(serializer),
    }
}

/// For `#[serde(with = ...)]`.
///
/// # Errors
/// Where the value is none of the forms.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let wrong = || serde::de::Error::custom("a path's bytes are pairs of hex digits");
    match Form::deserialize(deserializer)? {
        Form::Text(text) => Ok(text.into()),
        Form::Bytes { bytes_hex } => Ok(path_of_bytes(unhex(&bytes_hex).ok_or_else(wrong)?)),
        Form::Wide { wide_hex } => {
            let bytes = unhex(&wide_hex).ok_or_else(wrong)?;
            Ok(path_of_wide(&bytes.chunks_exact(2).map(wide_unit).collect::<Vec<_>>()))
        }
    }
}

/// The path for people: what is no Unicode in it stands escaped, `caf\xe9.json`.
pub fn path_text(path: &Path) -> String {
    path.to_str().map_or_else(|| escaped(path), str::to_owned)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

fn wide_unit(pair: &[u8]) -> u16 {
    pair.first_chunk::<2>().map_or(0, |pair| u16::from_le_bytes(*pair))
}

#[cfg(not(windows))]
fn other_form(path: &Path) -> Form {
    Form::Bytes { bytes_hex: hex(path.as_os_str().as_encoded_bytes()) }
}

#[cfg(windows)]
fn other_form(path: &Path) -> Form {
    use std::os::windows::ffi::OsStrExt;
    let bytes: Vec<u8> = path.as_os_str().encode_wide().flat_map(u16::to_le_bytes).collect();
    Form::Wide { wide_hex: hex(&bytes) }
}

#[cfg(unix)]
fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(windows)]
fn path_of_wide(units: &[u16]) -> PathBuf {
    use std::os::windows::ffi::OsStringExt;
    std::ffi::OsString::from_wide(units).into()
}

#[cfg(not(windows))]
fn path_of_wide(units: &[u16]) -> PathBuf {
    String::from_utf16_lossy(units).into()
}

#[cfg(not(windows))]
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // a String takes all text
        }
    }
    text
}

#[cfg(windows)]
fn escaped(path: &Path) -> String {
    use std::os::windows::ffi::OsStrExt;
    let mut text = String::new();
    for unit in char::decode_utf16(path.as_os_str().encode_wide()) {
        match unit {
            Ok(unit) => text.push(unit),
            Err(alone) => {
                let _ = write!(text, "\\u{{{:x}}}", alone.unpaired_surrogate());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let stored = StoredPath("/a/é".into());
        let json = serde_json::to_string(&stored).expect("it is written");
        assert_eq!(json, "\"/a/é\"");
        assert_eq!(serde_json::from_str::<StoredPath>(&json).expect("it reads"), stored);
        assert!(serde_json::from_str::<StoredPath>("{\"bytes_hex\":\"2fe\"}").is_err());
        let wide = serde_json::from_str::<StoredPath>("{\"wide_hex\":\"61006200\"}").expect("it reads");
        assert_eq!(wide.0, Path::new("ab"));
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_read_back() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/caf\xe9.json")).to_owned();
        assert_eq!(path_text(&path), "/caf\\xe9.json");
        let json = serde_json::to_string(&StoredPath(path.clone())).expect("it is written");
        assert_eq!(json, "{\"bytes_hex\":\"2f636166e92e6a736f6e\"}");
        assert_eq!(serde_json::from_str::<StoredPath>(&json).expect("it reads").0, path);
    }
}
