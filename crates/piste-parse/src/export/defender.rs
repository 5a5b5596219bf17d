//! Rows of Defender's advanced hunting: `DeviceProcessEvents`, `DeviceNetworkEvents` and their like.
//!
//! In: a row under Defender's names. Out: a dataset by what happened (`ActionType`), and copies under the names that rules use
//! for the same fact (after pySigma's pipeline for Microsoft 365 Defender, read backwards). Where the export lacks a folder,
//! `Image` is the file's name after a backslash: rules ask for the end of a path.

use piste_model::schema::Role;

use super::times::{self, TimeField};
use super::{Facts, Record};
use crate::fields::Fields;

/// Dataset and, for it, Defender's names with Sigma's.
type Table = (&'static str, &'static [(&'static str, &'static str)]);

const PROCESS: &[(&str, &str)] = &[
    ("ProcessCommandLine", "CommandLine"),
    ("InitiatingProcessCommandLine", "ParentCommandLine"),
    ("ProcessVersionInfoOriginalFileName", "OriginalFileName"),
    ("ProcessVersionInfoProductName", "Product"),
    ("ProcessVersionInfoCompanyName", "Company"),
    ("ProcessVersionInfoFileDescription", "Description"),
    ("ProcessIntegrityLevel", "IntegrityLevel"),
    ("InitiatingProcessId", "ParentProcessId"),
    ("LogonId", "LogonId"),
];
const NETWORK: &[(&str, &str)] = &[
    ("RemoteIP", "DestinationIp"),
    ("RemotePort", "DestinationPort"),
    ("RemoteUrl", "DestinationHostname"),
    ("LocalIP", "SourceIp"),
    ("LocalPort", "SourcePort"),
    ("InitiatingProcessCommandLine", "CommandLine"),
];
const REGISTRY: &[(&str, &str)] = &[("RegistryValueData", "Details")];
const ACTOR: &[(&str, &str)] = &[("InitiatingProcessCommandLine", "CommandLine")];

fn table_of(action: &str) -> Table {
    match action {
        "ProcessCreated" => ("defender.process", PROCESS),
        "FileCreated" | "FileModified" | "FileRenamed" | "FileDeleted" => ("defender.file", ACTOR),
        "ImageLoaded" => ("defender.image-load", ACTOR),
        _ if action.starts_with("Registry") => ("defender.registry", REGISTRY),
        _ if action.starts_with("Logon") => ("defender.logon", &[]),
        _ if action.contains("Connection") && !action.starts_with("NamedPipe") => {
            ("defender.network", NETWORK)
        }
        _ => ("defender.event", ACTOR),
    }
}

/// Gives a row its copies.
pub(super) fn shape(record: &Record<'_>, fields: &mut Fields) -> Facts {
    let (dataset, names) = table_of(fields.get("ActionType").unwrap_or_default());
    let get = |name: &str| fields.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let mut copies: Vec<(&str, String)> = Vec::new();
    copies.extend(names.iter().filter_map(|(from, to)| Some((*to, get(from)?))));
    let file = path(get("FolderPath"), get("FileName"));
    let actor = path(get("InitiatingProcessFolderPath"), get("InitiatingProcessFileName"));
    let (of_file, of_actor) = match dataset {
        "defender.process" => ("Image", "ParentImage"),
        "defender.image-load" => ("ImageLoaded", "Image"),
        _ => ("TargetFilename", "Image"),
    };
    copies.extend(file.map(|file| (of_file, file)));
    copies.extend(actor.map(|actor| (of_actor, actor)));
    copies.extend(user(get("AccountDomain"), get("AccountName")).map(|user| ("User", user)));
    let parent = user(get("InitiatingProcessAccountDomain"), get("InitiatingProcessAccountName"));
    copies
        .extend(parent.map(|user| (if dataset == "defender.process" { "ParentUser" } else { "User" }, user)));
    let hashes: Vec<String> = [("MD5", "MD5"), ("SHA1", "SHA1"), ("SHA256", "SHA256")]
        .iter()
        .filter_map(|(from, word)| Some(format!("{word}={}", get(from)?)))
        .collect();
    if !hashes.is_empty() {
        copies.push(("Hashes", hashes.join(",")));
    }
    if dataset == "defender.registry" {
        let key = get("RegistryKey").or_else(|| get("PreviousRegistryKey"));
        let value = get("RegistryValueName");
        copies.extend(key.map(|key| {
            let path = value.map_or_else(|| key.clone(), |value| format!("{key}\\{value}"));
            ("TargetObject", short_hive(&path))
        }));
    }
    for (name, value) in copies {
        if fields.get(name).is_none() {
            fields.push(name, &value, Role::Copy);
        }
    }
    let time = times::first(
        fields,
        &[
            TimeField::utc("Timestamp", "Timestamp"),
            TimeField::utc("TimeGenerated", "TimeGenerated of Log Analytics"),
        ],
        record.written,
    );
    Facts { host_field: "DeviceName", ..Facts::service(dataset, time) }
}

/// The whole path: Defender's folder has the file's name at its end for programs, and not for all files.
fn path(folder: Option<String>, name: Option<String>) -> Option<String> {
    match (folder, name) {
        (Some(folder), Some(name)) => {
            let ends = folder.to_ascii_lowercase().ends_with(&format!("\\{}", name.to_ascii_lowercase()));
            Some(if ends { folder } else { format!("{}\\{name}", folder.trim_end_matches('\\')) })
        }
        (Some(folder), None) => Some(folder),
        (None, Some(name)) => Some(format!("\\{name}")),
        (None, None) => None,
    }
}

fn user(domain: Option<String>, name: Option<String>) -> Option<String> {
    let name = name?;
    Some(domain.map_or_else(|| name.clone(), |domain| format!("{domain}\\{name}")))
}

/// Sysmon's names of the hives, which rules use.
fn short_hive(key: &str) -> String {
    for (long, short) in
        [("HKEY_LOCAL_MACHINE", "HKLM"), ("HKEY_USERS", "HKU"), ("HKEY_CURRENT_USER", "HKCU")]
    {
        if let Some(rest) = key.strip_prefix(long) {
            return format!("{short}{rest}");
        }
    }
    key.to_owned()
}
