//! Who made a collection, by the names inside it.
//!
//! In: a container's members' names, or the names of a folder's files. Out: `velociraptor` or `kape`, and which files the tool
//! wrote itself. Of which computer a collection is, `computers` tells.

use std::collections::BTreeSet;

use piste_model::evidence::LOCATOR_SEPARATOR;

use crate::computers::{in_tree, is_upload, tells_the_client};

/// What a container's names tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `velociraptor`, `kape`.
    pub tool: Option<&'static str>,
    /// The folder that holds the collection, with a slash at its end; empty for a container.
    pub root: String,
}

impl Origin {
    /// Whether the member with this locator is one that the tool wrote itself, and not a file of the host.
    pub(crate) fn wrote(&self, locator: &str) -> bool {
        let member = locator.rsplit_once(LOCATOR_SEPARATOR).map_or_else(
            || locator.strip_prefix(self.root.as_str()).unwrap_or(locator),
            |(_, member)| member,
        );
        self.tool == Some("velociraptor") && !member.starts_with("uploads/")
    }
}

/// Collections of Velociraptor that were unpacked: the folders, with a slash at their ends, in which its own files lie beside
/// what it collected.
pub(crate) fn unpacked<'a>(names: impl Iterator<Item = &'a str> + Clone) -> BTreeSet<&'a str> {
    let folder = |name: &'a str| {
        let (folder, own) = name.split_at(name.rfind('/')? + 1);
        tells_the_client(own).then_some(folder)
    };
    let marked: BTreeSet<&str> = names.clone().filter_map(folder).collect();
    let collected: BTreeSet<&str> =
        names.filter_map(|name| Some(name.split_at(name.find("/uploads/")? + 1).0)).collect();
    marked.intersection(&collected).copied().collect()
}

/// The collection of Velociraptor whose folder this is.
pub(crate) fn of_folder(folder: &str) -> Origin {
    Origin { tool: Some("velociraptor"), root: folder.to_owned() }
}

/// Tells the tool from a container's members' names.
pub fn origin_of(members: &[&str]) -> Origin {
    let any = |wanted: &dyn Fn(&str) -> bool| members.iter().any(|name| wanted(name));
    let tool = if any(&|name| tells_the_client(name) || is_upload(name)) {
        Some("velociraptor")
    } else {
        any(&in_tree).then_some("kape")
    };
    Origin { tool, root: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_own_files_are_told_from_the_hosts() {
        let velociraptor = Origin { tool: Some("velociraptor"), ..Origin::default() };
        assert!(velociraptor.wrote("a.zip!uploads.json") && velociraptor.wrote("a.zip!results/x.json"));
        assert!(!velociraptor.wrote("a.zip!uploads/auto/C%3A/x.json"));
        assert!(!Origin::default().wrote("a.zip!uploads.json"));
        let names = [
            "x/Collection-MX01_corp-2021-03-05T00_00_00Z/client_info.json",
            "x/Collection-MX01_corp-2021-03-05T00_00_00Z/uploads/auto/C%3A/a",
            "y/client_info.json",
        ];
        let folders = unpacked(names.into_iter());
        let folder = "x/Collection-MX01_corp-2021-03-05T00_00_00Z/";
        assert_eq!(folders.into_iter().collect::<Vec<_>>(), [folder]);
        let origin = of_folder(folder);
        assert!(origin.wrote(names[0]) && !origin.wrote(names[1]));
    }

    #[test]
    fn members_tell_the_tool() {
        let tool = |members: &[&str]| origin_of(members).tool;
        assert_eq!(tool(&["collection_context.json", "x"]), Some("velociraptor"));
        assert_eq!(tool(&["uploads/ntfs/%5C%5C.%5CC%3A/Windows/x.evtx"]), Some("velociraptor"));
        assert_eq!(tool(&["uploads/lazy_ntfs/C%3A/x"]), Some("velociraptor"));
        assert_eq!(tool(&["MX01\\C\\Windows\\x.evtx"]), Some("kape"));
        assert_eq!(tool(&["uploads/holiday/x.jpg", "Security.evtx"]), None);
    }
}
