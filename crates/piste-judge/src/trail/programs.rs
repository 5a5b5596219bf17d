//! Programs that the join treats in a way of their own, by name or folder.
//!
//! In: `catalog/trail-programs.yaml`, which people maintain. Out: whether a program is a hub below which the way back ends, a helper
//! of Windows, an agent or a diagnosis, and what starting it is called. A name alone never makes something an act or harmless: it
//! says where the join stops.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TEXT: &str = include_str!("../../../../catalog/trail-programs.yaml");

/// A parent that starts what others ask of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hub {
    name: String,
    /// What it does for everybody.
    pub(crate) because: String,
    /// What another host asked for begins here.
    #[serde(default)]
    pub(crate) remote: bool,
    /// It opens what a person was sent.
    #[serde(default)]
    pub(crate) reads: bool,
    /// What one instance started answers one application's requests.
    #[serde(default)]
    pub(crate) serves: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the catalogue calls it so")]
struct Technique {
    name: String,
    tactic: String,
    technique: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    hubs: Vec<Hub>,
    helpers: Vec<String>,
    agent_folders: Vec<String>,
    diagnostics: Vec<String>,
    techniques: Vec<Technique>,
    tactics: BTreeMap<String, String>,
}

/// The table, read once. It is part of the program, and a test reads it: what cannot be read is an empty table.
fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| yaml_serde::from_str(TEXT).unwrap_or_default())
}

/// The last part of a path, in lower case.
pub(crate) fn file_name(path: &str) -> String {
    path.rsplit(['\\', '/']).next().unwrap_or_default().trim_matches('"').to_lowercase()
}

/// Where everybody may write: Windows' own programs do not lie there, whatever they are called.
const ANYBODYS: [&str; 4] = ["\\users\\", "\\temp\\", "\\perflogs\\", "\\$recycle.bin\\"];

/// Whether a path lies where everybody may write.
pub(crate) fn is_anybodys(path: &str) -> bool {
    let lower = path.replace('/', "\\").to_lowercase();
    ANYBODYS.iter().any(|folder| lower.contains(folder))
}

/// What a parent does for everybody; `None` where it is no hub.
pub(crate) fn hub(path: &str) -> Option<&'static Hub> {
    let name = file_name(path);
    let found = catalog().hubs.iter().find(|hub| hub.name == name)?;
    // Browsers are installed into profiles too; a `svchost.exe` there is somebody's.
    (found.reads || !is_anybodys(path)).then_some(found)
}

/// Whether Windows starts it beside another program.
pub(crate) fn is_helper(path: &str) -> bool {
    let name = file_name(path);
    catalog().helpers.contains(&name)
}

/// Whether it lies in the folder of an agent.
pub(crate) fn is_agent(path: &str) -> bool {
    let lower = path.replace('/', "\\").to_lowercase();
    let below_drive = lower.find('\\').and_then(|at| lower.get(at..)).unwrap_or_default();
    catalog().agent_folders.iter().any(|folder| below_drive.starts_with(folder.as_str()))
}

/// Whether a command line is one of Windows' own diagnostics or of a recorder.
pub(crate) fn is_diagnosis(command_line: &str) -> bool {
    let lower = command_line.to_lowercase();
    catalog().diagnostics.iter().any(|text| lower.contains(text.as_str()))
}

/// Tactic and technique of starting a program.
pub(crate) fn technique_of(path: &str) -> Option<(&'static str, &'static str)> {
    let name = file_name(path);
    let found = catalog().techniques.iter().find(|one| one.name == name)?;
    Some((&found.tactic, &found.technique))
}

/// The tactic of a technique.
pub(crate) fn tactic_of(technique: &str) -> &'static str {
    let parent = technique.split('.').next().unwrap_or_default();
    catalog().tactics.get(parent).map_or("execution", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let read: Catalog = yaml_serde::from_str(TEXT).expect("the table is YAML of this form");
        assert!(read.hubs.iter().all(|hub| !hub.because.is_empty() && hub.name == hub.name.to_lowercase()));
        assert!(
            read.techniques
                .iter()
                .all(|one| read.tactics.contains_key(one.technique.split('.').next().unwrap_or_default()))
        );
        assert!(hub(r"C:\Windows\System32\services.exe").is_some_and(|hub| hub.remote));
        assert!(hub(r"C:\Windows\System32\cmd.exe").is_none());
    }

    #[test]
    fn agents_are_told_by_their_folder_and_not_by_their_name() {
        assert!(is_agent(r"C:\WindowsAzure\GuestAgent_2.7\CollectGuestLogs.exe"));
        assert!(is_agent(r"D:\Program Files\nxlog\nxlog.exe"));
        assert!(!is_agent(r"C:\Users\ann\Downloads\WindowsAzure\CollectGuestLogs.exe"));
        assert!(!is_agent("CollectGuestLogs.exe"));
    }
}
