//! Files that belong together: a hive and its transaction logs, a repository and its index.
//!
//! In: the items of a run, or the seals of a case. Out: for one of them, those that its format asks for, in the order in which
//! it names them. They lie in the same folder of the same container; the case of letters does not count, as on the host.

use std::collections::HashMap;

use piste_parse::Format;

use crate::seal::{Item, Sealed};

/// Items by where they lie.
pub(crate) struct Companions {
    by_path: HashMap<String, usize>,
}

impl Companions {
    /// Of these items; costs nothing where none asks for another.
    pub(crate) fn of(items: &[Item]) -> Self {
        let wanted = items.iter().any(|item| !names(item.format, &item.path).is_empty());
        let all = items.iter().enumerate().filter(|_| wanted);
        let by_path = all.map(|(at, item)| (item.path.to_lowercase(), at)).collect();
        Self { by_path }
    }

    /// Indexes of those that belong to `item`.
    pub(crate) fn beside(&self, item: &Item) -> Vec<usize> {
        let wanted = names(item.format, &item.path);
        wanted.iter().filter_map(|path| self.by_path.get(path).copied()).collect()
    }
}

/// Seals of the files that belong to `sealed`, in the order in which its format names them.
pub fn companions_of<'s>(sealed: &Sealed, all: &'s [Sealed]) -> Vec<&'s Sealed> {
    let Some(format) = Format::reader_called(&sealed.format) else { return Vec::new() };
    let wanted = names(format, &sealed.path);
    let found = |path: &String| all.iter().find(|other| other.path.to_lowercase() == *path);
    wanted.iter().filter_map(found).collect()
}

/// Locators of what a file of this format asks for, in lower case.
fn names(format: Format, path: &str) -> Vec<String> {
    let path = path.to_lowercase();
    let name = piste_parse::file::name_of(&path);
    let folder = path.get(..path.len() - name.len()).unwrap_or_default();
    let above = folder.trim_end_matches(['/', '\\']);
    let above = above.get(..above.len() - piste_parse::file::name_of(above).len()).unwrap_or_default();
    let place = |name: String| match name.strip_prefix("../") {
        Some(name) => format!("{above}{name}"),
        None => format!("{folder}{name}"),
    };
    format.companion_names(name).into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, path: &str, expected: &[&str]) {
        let format = Format::reader_called(format).expect("it is read");
        let found = names(format, path);
        assert!(expected.iter().all(|one| found.contains(&(*one).to_owned())), "{found:?}");
    }

    #[test]
    fn what_belongs_together_is_named_from_where_it_lies() {
        check(
            "regf",
            "c.zip!C/Windows/System32/config/SYSTEM",
            &["c.zip!c/windows/system32/config/system.log1"],
        );
        check("usn", "c.zip!C/$Extend/$UsnJrnl%3A$J", &["c.zip!c/$mft"]);
        check("usn", "$J", &["$mft"]);
        check("wmi", "OBJECTS.DATA", &["index.btr", "mapping3.map"]);
    }
}
