//! What Windows says of web servers' processes and of pages written.
//!
//! In: process starts (Sysmon 1, Security 4688), file writes (Sysmon 11, Security 4663), share accesses (Security 5145), modules and
//! virtual directories given to IIS. Out: facts. A page that ASP.NET compiles was asked for: its compile file dates the first request even where the web
//! log is gone.

use piste_lake::{Lake, LakeError};
use piste_model::iis::{Entry, added_by, anybody_writes, borrowed, is_usual_name, shipped_by};
use piste_model::{Instant, ReasonKind};

use super::accounts::Accounts;
use super::decode::{is_page, page_key, url_of_file};
use super::directories;
use super::fact::Fact;
use super::flaw::Flaw;
use super::paths::file_name;
use super::rows::Row;
use super::rung::Rung;
use super::scan::scan;
use super::shipped_pages::is_foreign;
use super::store::{Store, Topic};
use super::words::quoted;

/// Children that a web worker starts in its ordinary work.
const ORDINARY: [&str; 10] = [
    "csc.exe",
    "vbc.exe",
    "cvtres.exe",
    "jsc.exe",
    "werfault.exe",
    "wermgr.exe",
    "conhost.exe",
    "w3wp.exe",
    "dw20.exe",
    "vsjitdebugger.exe",
];
/// Children that run what someone types.
const SHELLS: [&str; 26] = [
    "cmd.exe",
    "powershell.exe",
    "pwsh.exe",
    "cscript.exe",
    "wscript.exe",
    "mshta.exe",
    "rundll32.exe",
    "regsvr32.exe",
    "certutil.exe",
    "bitsadmin.exe",
    "whoami.exe",
    "net.exe",
    "net1.exe",
    "ipconfig.exe",
    "systeminfo.exe",
    "tasklist.exe",
    "nltest.exe",
    "quser.exe",
    "query.exe",
    "hostname.exe",
    "wmic.exe",
    "schtasks.exe",
    "bash.exe",
    "curl.exe",
    "reg.exe",
    "appcmd.exe",
];

/// Front of the topic of a compiled page, of which only the name is known.
pub(crate) const COMPILED: &str = "compiled:";

/// Columns of the Security log that they are read from.
pub(crate) const SECURITY: [&str; 10] = [
    "NewProcessName",
    "ParentProcessName",
    "CommandLine",
    "SubjectUserName",
    "ShareName",
    "RelativeTargetName",
    "IpAddress",
    "AccessMask",
    "ObjectName",
    "ProcessName",
];

/// Reads the datasets beside the Security log.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    accounts: &mut Accounts,
    store: &mut Store,
) -> Result<(), LakeError> {
    let sysmon =
        ["Image", "ParentImage", "CommandLine", "ParentCommandLine", "TargetFilename", "User", "UtcTime"];
    scan(lake, "windows.sysmon", &sysmon, &[1, 11], &mut |row| {
        if row.code() == Some(1) {
            accounts.of_command(row, host);
            directories::of_command(row, "Sysmon 1", row.text("CommandLine"), host, store);
        }
        of_sysmon(row, host, store);
    })?;
    directories::read(lake, host, store)?;
    let configuration = ["Configuration", "EditOperationType", "NewValue", "OldValue"];
    scan(lake, "windows.iis-configuration", &configuration, &[29, 50], &mut |row| {
        of_configuration(row, host, store);
        directories::of_configuration(row, host, store);
    })
}

fn of_sysmon(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    if row.code() == Some(1) {
        let pool = pool_of(row.text("ParentCommandLine"));
        child(row, [row.text("ParentImage"), row.text("Image")], &pool, row.text("User"), host, store);
        return;
    }
    let (path, writer) = (row.text("TargetFilename"), row.text("Image"));
    if let Some(name) = compiled_page(path) {
        let (own_time, seconds) = other_clock(row);
        let said = ReasonKind::PageCompiled { page: quoted(&name), own_time, seconds };
        let fact = Fact::new("Sysmon 11", row.time(), row.place(), said).page(&name);
        store.add(&host(row.host()), Topic::Page(format!("{COMPILED}{name}")), Rung::Effect, fact);
        return;
    }
    written(row, path, writer, "Sysmon 11", host, store);
}

/// Sysmon's own clock, where it differs from the header's by a second or more: the reader sees both.
fn other_clock(row: Row<'_, '_>) -> (Option<Instant>, Option<i64>) {
    match (Instant::parse(row.text("UtcTime")), row.time()) {
        (Some(utc), Some(header)) if utc.nanos.abs_diff(header.nanos) >= 1_000_000_000 => {
            (Some(utc), Some(utc.nanos.saturating_sub(header.nanos) / 1_000_000_000))
        }
        _ => (None, None),
    }
}

/// `-ap "MSExchangeOWAAppPool"` of a worker's command line.
fn pool_of(command: &str) -> String {
    let lower = command.to_lowercase();
    let rest = lower.split_once("-ap ").map(|(_, rest)| rest.trim_start()).unwrap_or_default();
    let rest = rest.strip_prefix('"').unwrap_or(rest);
    rest.split(['"', ' ']).next().unwrap_or_default().to_owned()
}

/// `x.aspx` of `…\Temporary ASP.NET Files\owa\8e05b027\e164d61b\x.aspx.f5dba9b9.compiled`.
fn compiled_page(path: &str) -> Option<String> {
    let lower = path.to_lowercase();
    if !lower.contains("\\temporary asp.net files\\") {
        return None;
    }
    let name = file_name(&lower);
    let (page, _hash) = name.strip_suffix(".compiled")?.rsplit_once('.')?;
    is_page(page).then(|| page.to_owned())
}

/// A child of a web worker or of another service that flaws run code in.
fn child(
    row: Row<'_, '_>,
    [parent, image]: [&str; 2],
    pool: &str,
    account: &str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    let (parent_name, name) = (file_name(parent), file_name(image));
    let log = if row.code() == Some(1) { "Sysmon 1" } else { "Security 4688" };
    if ORDINARY.contains(&name.as_str()) {
        return;
    }
    let (topic, rung) = match parent_name.as_str() {
        "w3wp.exe" if SHELLS.contains(&name.as_str()) => (Topic::Worker, Rung::Used),
        "umworkerprocess.exe" => (Topic::Exploit(Flaw::UnifiedMessaging), Rung::Used),
        "msexchangemailboxassistants.exe" if SHELLS.contains(&name.as_str()) => {
            (Topic::Exploit(Flaw::AutoTag), Rung::Used)
        }
        _ => return,
    };
    let (own_time, seconds) = other_clock(row);
    let said = ReasonKind::ProcessStarted {
        parent: parent_name,
        pool: (!pool.is_empty()).then(|| quoted(pool)),
        child: name,
        command: quoted(row.text("CommandLine")),
        own_time,
        seconds,
    };
    let mut fact = Fact::new(log, row.time(), row.place(), said).by(account);
    pool.clone_into(&mut fact.pool);
    store.add(&host(row.host()), topic, rung, fact);
}

/// Programs that install Microsoft's pages.
const INSTALLERS: [&str; 6] =
    ["exsetup.exe", "exsetupui.exe", "msiexec.exe", "tiworker.exe", "trustedinstaller.exe", "setup.exe"];
/// Writers that have no business with pages: services, and the kernel for a share.
const SERVICES: [&str; 5] = [
    "w3wp.exe",
    "umworkerprocess.exe",
    "msexchangemailboxreplication.exe",
    "system",
    "msexchangemailboxassistants.exe",
];

fn written(
    row: Row<'_, '_>,
    path: &str,
    writer: &str,
    log: &'static str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    let lower = path.to_lowercase();
    let (name, by) = (file_name(&lower), file_name(writer));
    if by == "umworkerprocess.exe"
        && ![".txt", ".log", ".cfg", "cleanup.bin"].iter().any(|end| name.ends_with(end))
    {
        let said = ReasonKind::VoiceWorkerWrote { path: quoted(path) };
        let fact = Fact::new(log, row.time(), row.place(), said);
        store.add(&host(row.host()), Topic::Exploit(Flaw::UnifiedMessaging), Rung::Effect, fact);
    }
    if !is_page(&name) || INSTALLERS.contains(&by.as_str()) || lower.contains("\\temporary asp.net files\\") {
        return;
    }
    let url = url_of_file(path);
    let foreign = url.as_deref().is_some_and(is_foreign);
    let by_service = SERVICES.contains(&by.as_str());
    let key = page_key(path);
    if !(foreign || (by_service && url.is_some()) || store.is_collected(&key)) {
        return;
    }
    let (own_time, seconds) = other_clock(row);
    let by = (!by.is_empty()).then_some(by);
    let said = ReasonKind::PageWritten { path: quoted(path), by, own_time, seconds };
    let fact = Fact::new(log, row.time(), row.place(), said).page(&key);
    store.add(&host(row.host()), Topic::Page(key), Rung::Effect, fact);
}

/// Takes a row of the Security log: a process start, or an access to a file.
pub(crate) fn of_security(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    if row.code() == Some(4688) {
        let image = row.text("NewProcessName");
        child(row, [row.text("ParentProcessName"), image], "", row.text("SubjectUserName"), host, store);
        directories::of_command(row, "Security 4688", row.text("CommandLine"), host, store);
        return;
    }
    // Write or append to a page, over a share once its path is known.
    let mask = row.text("AccessMask").trim_start_matches("0x");
    let writes = u32::from_str_radix(mask, 16).is_ok_and(|mask| mask & 0x6 != 0);
    if row.code() == Some(4663) {
        if writes {
            written(row, row.text("ObjectName"), row.text("ProcessName"), "Security 4663", host, store);
        }
        return;
    }
    let path = row.text("RelativeTargetName");
    if !writes || !is_page(&path.to_lowercase()) {
        return;
    }
    let share = row.text("ShareName").rsplit('\\').next().unwrap_or_default();
    let drive = share.strip_suffix('$').filter(|drive| drive.len() == 1);
    let full = drive.map_or_else(|| path.to_owned(), |drive| format!("{drive}:\\{path}"));
    if url_of_file(&full).is_none() {
        return;
    }
    let key = page_key(&full);
    let said = ReasonKind::PageOpenedOverShare { path: quoted(&full), share: quoted(share) };
    let fact = Fact::new("Security 5145", row.time(), row.place(), said)
        .from(row.text("IpAddress"))
        .by(row.text("SubjectUserName"))
        .page(&key);
    store.add(&host(row.host()), Topic::Page(key), Rung::Effect, fact);
}

fn of_configuration(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let path = row.text("Configuration");
    let lower = path.to_lowercase();
    let module = lower.contains("/system.webserver/modules/add") || lower.contains("/globalmodules/add");
    if !module {
        return;
    }
    let value = row.text("NewValue");
    let name = lower.split("@name='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default();
    let name = if name.is_empty() { value } else { name };
    // Which file it is stands in an event of its own, where it stands at all.
    let image = Some(value).filter(|_| lower.ends_with("/@image"));
    let rung = match image {
        Some(image) if shipped_by(Entry::Native(image)).or(added_by(Entry::Native(image))).is_some() => {
            Rung::Looked
        }
        Some(image) if anybody_writes(image) || borrowed(Entry::Native(image)).is_some() => Rung::Passed,
        None if is_usual_name(name) => Rung::Looked,
        _ => Rung::Effect,
    };
    let (module, file) = (quoted(name), image.map(quoted));
    let said = ReasonKind::ModuleAdded { module, file, setting: quoted(path) };
    let fact = Fact::new("IIS-Configuration 29", row.time(), row.place(), said);
    store.add(&host(row.host()), Topic::Module(quoted(name)), rung, fact);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_and_compiled_pages() {
        let command = r#"c:\windows\system32\inetsrv\w3wp.exe -ap "MSExchangeOWAAppPool" -v "v4.0""#;
        assert_eq!(pool_of(command), "msexchangeowaapppool");
        assert_eq!(pool_of("w3wp.exe"), "");
        let path = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Temporary ASP.NET Files\owa\8e05b027\e164d61b\ohyeah.aspx.f5dba9b9.compiled";
        assert_eq!(compiled_page(path).as_deref(), Some("ohyeah.aspx"));
        assert_eq!(compiled_page(r"C:\x\ohyeah.aspx.f5dba9b9.compiled"), None);
    }
}
