//! What whoever gives evidence says of its computer: `--as-host`.
//!
//! In: the name, and the paths that were given with it, now or in earlier runs. Out: that word at each file below these paths.
//! It counts only where nothing in the evidence names the computer: two loose files of one server, a page and a log, can be
//! joined on it, and every output says on whose word.

use std::path::{Path, PathBuf};

use piste_lake::{Item, StoredPath};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Member of the entry that begins a run.
pub(crate) const MEMBER: &str = "as_host";
/// The longest name that a host has.
const NAME_MAX: usize = 253;

/// A computer's name, and the given paths that it is said of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stated {
    host: String,
    evidence: Vec<StoredPath>,
}

/// A host's name as a person types it.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let fits = text.bytes().all(is_sign) && text.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if fits && text.len() <= NAME_MAX {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no name of a computer like MX01 or mx01.min.example"))
    }
}

/// What earlier runs were told, and now: the last word on a path stands.
pub(super) fn with_earlier(earlier: &[Stated], host: Option<&str>, evidence: &[PathBuf]) -> Vec<Stated> {
    let mut all = earlier.to_vec();
    if let Some(host) = host {
        for path in evidence {
            forget(&mut all, path);
        }
        let evidence = evidence.iter().cloned().map(StoredPath).collect();
        all.push(Stated { host: host.to_owned(), evidence });
    }
    all
}

/// Takes back what was said of a path.
pub(crate) fn forget(stated: &mut Vec<Stated>, path: &Path) {
    for one in stated.iter_mut() {
        one.evidence.retain(|given| given.0 != path);
    }
    stated.retain(|one| !one.evidence.is_empty());
}

/// Adds it to the body of a run's first entry.
pub(super) fn tell(stated: &[Stated], body: &mut Value) {
    if let Some(body) = body.as_object_mut().filter(|_| !stated.is_empty()) {
        body.insert(MEMBER.to_owned(), json!(stated));
    }
}

/// Puts each word at the files that it is said of; of two, that of the closer path.
pub(super) fn apply(stated: &[Stated], items: &mut [Item]) {
    for item in items {
        let said = stated
            .iter()
            .flat_map(|one| one.evidence.iter().map(move |path| (&path.0, &one.host)))
            .filter(|(path, _)| item.place.lies_under(path))
            .max_by_key(|(path, _)| path.components().count());
        item.computer.by_place.stated = said.map(|(_, host)| host.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_type_them() {
        for name in ["MX01", "mx01.min.example", "srv-ex_1"] {
            assert_eq!(host_name(name).as_deref(), Ok(name));
        }
        for name in ["", "-", "a b", "unknown host of x", "a/b", "é", &"x".repeat(254)] {
            assert!(host_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_last_word_on_a_path_stands() {
        let [one, two] = ["/a", "/b"].map(PathBuf::from);
        let first = with_earlier(&[], Some("MX01"), &[one.clone(), two.clone()]);
        assert_eq!(with_earlier(&first, None, std::slice::from_ref(&two)), first);
        let mut second = with_earlier(&first, Some("MX02"), std::slice::from_ref(&two));
        let said = |host: &str, path: &PathBuf| Stated {
            host: host.to_owned(),
            evidence: vec![StoredPath(path.clone())],
        };
        assert_eq!(second, [said("MX01", &one), said("MX02", &two)]);
        forget(&mut second, &one);
        assert_eq!(second, [said("MX02", &two)]);
    }
}
