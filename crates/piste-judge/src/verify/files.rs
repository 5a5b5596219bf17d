//! Files and pages.
//!
//! In: Sysmon's events of files, the file tables and listings, the change journal, collected files, processes, requests of a web server.
//! Out: a file by its path and, where it is told, its SHA-256; a page also by its address.

use piste_model::removal::{NameSort, TraceKind};

use super::names::{is_page, page_address, path, url};
use super::rows::Row;
use super::trace::{Act, LISTED, Trace};

/// A request that was answered.
const ANSWERED: [&str; 4] = ["200", "204", "206", "500"];

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    match row.dataset {
        "windows.sysmon" => of_sysmon(row, found),
        "windows.security" if row.code() == 4688 => {
            push(row, Act::Used, row.text("NewProcessName"), found);
        }
        // WriteData or AppendData of a file; its own deletion asks for DELETE.
        "windows.security"
            if row.code() == 4663 && row.text("ObjectType") == "File" && row.text("AccessMask") == "0x2" =>
        {
            push(row, Act::Made, row.text("ObjectName"), found);
        }
        "file.mft" | "file.listing" | "file.index" => listed(row, found),
        "file.usn" => journal(row, found),
        "file.content" => {
            let name = row.first(&["ServerPath", "Path"]);
            push(row, LISTED, name, found);
        }
        "defender.file" => {
            let name = format!(r"{}\{}", row.text("FolderPath").trim_end_matches('\\'), row.text("FileName"));
            let whole = if row.text("FolderPath").ends_with(row.text("FileName")) {
                row.text("FolderPath")
            } else {
                &name
            };
            let act = if row.text("ActionType") == "FileDeleted" { Act::Removed } else { Act::Made };
            push(row, act, whole, found);
        }
        "iis.access" => request(row, found),
        _ => {}
    }
}

fn of_sysmon(row: &Row<'_>, found: &mut Vec<Trace>) {
    match row.code() {
        1 => push(row, Act::Used, row.text("Image"), found),
        11 | 15 => {
            let name = row.text("TargetFilename");
            let plain = name.strip_suffix(":Zone.Identifier").unwrap_or(name);
            push(row, Act::Made, plain, found);
        }
        23 | 26 => push(row, Act::Removed, row.text("TargetFilename"), found),
        _ => {}
    }
}

/// The SHA-256 of a row, by the column or by Sysmon's list of hashes.
fn sha256(row: &Row<'_>) -> String {
    let plain = row.first(&["sha256", "SHA256"]);
    let listed = || {
        let mut lists = row.text("Hashes").split(',');
        lists.find_map(|one| one.trim().strip_prefix("SHA256=")).unwrap_or_default()
    };
    let hash = if plain.is_empty() { listed() } else { plain };
    let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole { hash.to_lowercase() } else { String::new() }
}

fn push(row: &Row<'_>, act: Act, name: &str, found: &mut Vec<Trace>) {
    let plain = path(name);
    if plain.len() < 3 || !name.contains(['\\', '/']) {
        return; // a name without a folder is no place
    }
    let page = is_page(&plain);
    let kind = if page { TraceKind::Page } else { TraceKind::File };
    let mut trace = Trace::new(kind, act, name).named(NameSort::Path, plain.clone());
    if page {
        trace = trace.named(NameSort::Url, page_address(&plain));
    }
    found.push(trace.named(NameSort::Sha256, sha256(row)));
}

fn listed(row: &Row<'_>, found: &mut Vec<Trace>) {
    if row.text("is_directory") == "true" || row.text("FromSlack") == "True" {
        return;
    }
    let name = row.first(&["TargetFilename", "Path"]);
    if name.contains(r"PathUnknown\") {
        return; // it is not known where it lay
    }
    let deleted = row.text("deleted") == "true" || row.text("InUse") == "False";
    let made = row.time_in("created").max(row.time_in("fn_created"));
    let act = if deleted { Act::Removed } else { Act::Listed { made, disabled: false } };
    let before = found.len();
    push(row, act, name, found);
    if deleted {
        // When a record was freed no table tells.
        for trace in found.iter_mut().skip(before) {
            trace.act = Act::Removed;
            trace.at = row.time_in("changed");
        }
    }
}

fn journal(row: &Row<'_>, found: &mut Vec<Trace>) {
    let reasons = row.text("UpdateReasons");
    let act = if reasons.contains("FileDelete") {
        Act::Removed
    } else if reasons.contains("FileCreate") {
        Act::Made
    } else {
        return;
    };
    push(row, act, row.text("TargetFilename"), found);
}

/// A page that a client asked for and got.
fn request(row: &Row<'_>, found: &mut Vec<Trace>) {
    let stem = url(row.text("cs-uri-stem"));
    if !is_page(&stem) || !ANSWERED.contains(&row.text("sc-status")) {
        return;
    }
    let trace = Trace::new(TraceKind::Page, Act::Used, row.text("cs-uri-stem"));
    found.push(trace.named(NameSort::Url, page_address(&stem)));
}
