//! Locators that each name one file.
//!
//! In: names as files carry them, which may repeat: twice in one zip, or as what is left of two names that are no text.
//! Out: for each the name as shown, by which it is judged, and a locator that no other file of this intake has.

use std::collections::BTreeMap;

use piste_model::evidence::member_locator;

/// What a file is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// As it stands in the folder or archive: hints at host and format are read from it.
    pub(crate) shown: String,
    /// Its locator: the same, with a number where another file came first.
    pub(crate) path: String,
}

/// The locators given so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The last number given to each.
    taken: BTreeMap<String, u32>,
}

impl Names {
    /// Names a file as given.
    pub(crate) fn given(&mut self, shown: &str) -> Name {
        Name { path: self.free(shown.to_owned()), shown: shown.to_owned() }
    }

    /// Names a member of a container.
    pub(crate) fn member(&mut self, container: &Name, member: &str) -> Name {
        let path = self.free(member_locator(&container.path, member));
        Name { path, shown: member_locator(&container.shown, member) }
    }

    fn free(&mut self, wanted: String) -> String {
        let Some(last) = self.taken.get(&wanted).copied() else {
            self.taken.insert(wanted.clone(), 1);
            return wanted;
        };
        let mut number = last + 1;
        while self.taken.contains_key(&format!("{wanted}#{number}")) {
            number += 1;
        }
        let path = format!("{wanted}#{number}");
        self.taken.insert(wanted, number);
        self.taken.insert(path.clone(), 1);
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_share_a_locator() {
        let mut names = Names::default();
        let given: Vec<String> = ["a", "a", "a#3", "a", "a#2"].map(|name| names.given(name).path).to_vec();
        assert_eq!(given, ["a", "a#2", "a#3", "a#4", "a#2#2"]);
        let (first, second) = (names.given("z.zip"), names.given("z.zip"));
        assert_eq!(names.member(&first, "x").path, "z.zip!x");
        assert_eq!(names.member(&first, "x").path, "z.zip!x#2");
        let inside = names.member(&second, "x");
        assert_eq!((inside.path.as_str(), inside.shown.as_str()), ("z.zip#2!x", "z.zip!x"));
    }
}
