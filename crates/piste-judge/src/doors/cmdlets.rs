//! What Exchange's own logs say of commands run: the management event log, the control panel's log, remote PowerShell's
//! cmdlets, the OAB generator and errors of the application log.
//!
//! In: rows of these datasets. Out: facts of virtual directories set to script and their traces removed, of pages written,
//! of roles granted and of flaws. Texts are matched by names of cmdlets and parameters, which no translation changes.

use piste_lake::{Lake, LakeError};
use piste_model::ReasonKind;

use super::account_names::plain;
use super::decode::{is_page, page_key};
use super::fact::Fact;
use super::flaw::Flaw;
use super::rows::{Row, scan};
use super::rung::Rung;
use super::store::{Store, Topic};
use super::words::quoted;

/// A command as some log has it.
struct Command<'a> {
    /// Cmdlet and parameters, in the log's own form.
    text: &'a str,
    /// The same in lower case.
    lower: &'a str,
    /// Whether it was carried out; `None` where the log does not say.
    done: Option<bool>,
    caller: &'a str,
    log: &'static str,
}

/// Reads the datasets.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let management = ["Data", "Message", "Cmdlet", "Parameters", "Caller", "CmdletName", "CmdletParameters"];
    scan(lake, "windows.msexchange-management", &management, &mut |row| management_event(row, host, store))?;
    scan(lake, "exchange.ecp-server", &["EventData", "CMD", "URL"], &mut |row| {
        control_panel(row, host, store);
    })?;
    let cmdlet = ["Cmdlet", "Parameters", "NonPiiParameters", "AuthenticatedUser", "ExecutionResult"];
    scan(lake, "exchange.rps-cmdlet", &cmdlet, &mut |row| remote_cmdlet(row, host, store))?;
    let generator = ["Message", "EventData", "Text", "text", "Context", "CustomData", "line"];
    scan(lake, "exchange.oab-generator", &generator, &mut |row| {
        generator_line(row, &generator, host, store);
    })?;
    scan(lake, "windows.application", &["Provider_Name", "Data", "Message"], &mut |row| {
        application(row, host, store);
    })
}

fn management_event(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let data = row.data();
    let named = |one: &str, other: &str| {
        let text = row.text(one);
        if text.is_empty() { row.text(other) } else { text }
    };
    let columns = [named("Cmdlet", "CmdletName"), named("Parameters", "CmdletParameters")].join(" ");
    // The first two texts are the cmdlet and its parameters, the third the caller.
    let text = if !columns.trim().is_empty() {
        columns
    } else if data.len() > 1 {
        data.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ")
    } else {
        let all: Vec<&str> = data.iter().map(String::as_str).chain([row.text("Message")]).collect();
        all.join(" ").trim().to_owned()
    };
    let caller = data.get(2).map_or_else(|| row.text("Caller"), String::as_str);
    let lower = text.to_lowercase();
    let done = match row.code() {
        Some(1) => Some(true),
        Some(6 | 8) => Some(false),
        _ => None,
    };
    let command = Command { text: &text, lower: &lower, done, caller, log: "MSExchange Management" };
    if lower.contains("get-app")
        && done == Some(false)
        && (row.text("Message").contains("InvalidCastException")
            || data.iter().any(|one| one.contains("InvalidCastException")))
    {
        let said = ReasonKind::GetAppFailed {};
        let fact = Fact::new(command.log, row.time(), row.place(), said).by(caller);
        store.add(&host(row.host()), Topic::Exploit(Flaw::GetApp), Rung::Passed, fact);
    }
    learn(&command, row, host, store);
}

fn control_panel(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let all = row.text("EventData");
    let text =
        if all.is_empty() { format!("{} {}", row.text("CMD"), row.text("URL")) } else { all.to_owned() };
    let lower = text.to_lowercase();
    learn(
        &Command { text: &text, lower: &lower, done: None, caller: "", log: "ECP server log" },
        row,
        host,
        store,
    );
}

fn remote_cmdlet(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let result = row.text("ExecutionResult");
    let done = match result {
        "Success" => Some(true),
        "Error" => Some(false),
        _ => None,
    };
    let text = [row.text("Cmdlet"), row.text("Parameters"), row.text("NonPiiParameters")].join(" ");
    let lower = text.to_lowercase();
    let caller = row.text("AuthenticatedUser");
    learn(&Command { text: &text, lower: &lower, done, caller, log: "Rps_Cmdlet" }, row, host, store);
}

/// Takes what one command says.
fn learn(command: &Command<'_>, row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let read = [directory, page_written, role, policy];
    if let Some(said) = export(command) {
        let fact = Fact::new(command.log, row.time(), row.place(), said).by(command.caller);
        store.add(&host(row.host()), Topic::Export(plain(command.caller)), Rung::Used, fact);
    }
    for learnt in read.iter().filter_map(|read| read(command)) {
        let mut fact = Fact::new(command.log, row.time(), row.place(), learnt.said).by(command.caller);
        if !learnt.page.is_empty() {
            fact = fact.page(&learnt.page);
        }
        store.add(&host(row.host()), learnt.topic, learnt.rung, fact);
    }
}

/// What one command says of a way in.
#[derive(Debug)]
struct Learnt {
    topic: Topic,
    rung: Rung,
    said: ReasonKind,
    /// The page that it names; empty where it names none.
    page: String,
}

/// What makes a URL script.
const SCRIPT: [&str; 8] =
    ["<script", "<%", "runat=", "eval(", "page_load", "request[", "request.", "\"unsafe\""];

/// A virtual directory set to script, removed, made anew or reset.
fn directory(command: &Command<'_>) -> Option<Learnt> {
    let lower = command.lower;
    let at = lower.find("virtualdirectory")?;
    let start = lower.get(..at)?.rfind(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    let verb = lower.get(start.map_or(0, |start| start + 1)..at)?;
    let name = directory_name(command, verb);
    let sets = verb.starts_with("set-") || lower.contains("setobject");
    if sets && lower.contains("url") && SCRIPT.iter().any(|mark| lower.contains(mark)) {
        let rung = if command.done == Some(false) { Rung::Refused } else { Rung::Effect };
        let (failed, script) = (command.done == Some(false), quoted(script_part(command)));
        let said = ReasonKind::DirectorySetToScript { directory: name.clone(), failed, script };
        return Some(Learnt { topic: Topic::Directory(name), rung, said, page: String::new() });
    }
    let directory = name.clone();
    let said = if verb.starts_with("remove-") {
        ReasonKind::DirectoryRemoved { directory }
    } else if verb.starts_with("new-") {
        ReasonKind::DirectoryMadeAnew { directory }
    } else if verb.starts_with("reset") || lower.contains("schema=reset") {
        ReasonKind::DirectoryReset { directory }
    } else if sets
        && (lower.contains("externalurl=$null")
            || lower.contains("externalurl $null")
            || lower.contains("externalurl \"\""))
    {
        ReasonKind::DirectoryCleared { directory }
    } else {
        return None;
    };
    if command.done == Some(false) {
        return None;
    }
    Some(Learnt { topic: Topic::Directory(name), rung: Rung::CoverUp, said, page: String::new() })
}

/// The text from the script on, or from the URL parameter.
fn script_part<'a>(command: &Command<'a>) -> &'a str {
    let at = ["externalurl", "internalurl", "url"].iter().find_map(|name| command.lower.find(name));
    // Lower case may change lengths of rare letters: then the whole text is quoted.
    at.and_then(|at| command.text.get(at..)).unwrap_or(command.text)
}

/// `OAB (Default Web Site)`, from the identity where it is given.
fn directory_name(command: &Command<'_>, verb: &str) -> String {
    let identity = ["-identity \"", "identity='", "identity=\"", "-identity '"]
        .iter()
        .find_map(|mark| command.lower.find(mark).and_then(|at| command.text.get(at + mark.len()..)))
        .and_then(|rest| rest.split(['"', '\'']).next())
        .map(|name| name.rsplit('\\').next().unwrap_or(name))
        .filter(|name| name.contains('(') && name.len() < 100);
    if let Some(name) = identity {
        return name.to_owned();
    }
    let kind = verb.rsplit('-').next().unwrap_or_default().trim_start_matches("reset");
    let kind = if kind.is_empty() { "OAB".to_owned() } else { kind.to_uppercase() };
    format!("{kind} (Default Web Site)")
}

/// A mailbox or a certificate request written as a page.
fn page_written(command: &Command<'_>) -> Option<Learnt> {
    let lower = command.lower;
    let cmdlet = [
        "new-mailboxexportrequest",
        "new-exchangecertificate",
        "export-exchangecertificate",
        "new-mailboxrestorerequest",
    ]
    .into_iter()
    .find(|name| lower.contains(name))?;
    let path = ["-filepath", "-requestfile", "-filename", "filepath=", "requestfile="]
        .iter()
        .find_map(|mark| lower.find(mark).and_then(|at| command.text.get(at + mark.len()..)))
        .map(|rest| rest.trim_start_matches([' ', '"', '\'', ':', '=']))
        .and_then(|rest| rest.split(['"', '\'', '\n', ';']).next())
        .map(str::trim)?;
    let end = path.to_lowercase();
    if !is_page(&end) {
        return None; // an export to the server's own share takes mail out and opens nothing
    }
    let failed = command.done == Some(false);
    let rung = if failed { Rung::Refused } else { Rung::Effect };
    let said = ReasonKind::PageWrittenByCmdlet { cmdlet: cmdlet.to_owned(), failed, path: quoted(path) };
    let topic = Topic::Exploit(Flaw::ProxyShell);
    Some(Learnt { topic, rung, said, page: page_key(&local_path(path)) })
}

/// A mailbox that somebody asked to have exported; nothing where the cmdlet failed.
fn export(command: &Command<'_>) -> Option<ReasonKind> {
    let asks = command.lower.contains("new-mailboxexportrequest") && command.done != Some(false);
    asks.then(|| ReasonKind::MailboxExportAsked { command: quoted(command.text) })
}

/// `\\127.0.0.1\c$\inetpub\x.aspx` as the path on the server.
fn local_path(path: &str) -> String {
    let share = path.strip_prefix("\\\\").and_then(|rest| rest.split_once('\\')).map(|(_, rest)| rest);
    match share.and_then(|rest| rest.split_once("$\\")) {
        Some((drive, rest)) if drive.len() == 1 => format!("{drive}:\\{rest}"),
        _ => path.to_owned(),
    }
}

/// A role that reads every mailbox.
fn role(command: &Command<'_>) -> Option<Learnt> {
    let lower = command.lower;
    if !lower.contains("new-managementroleassignment") {
        return None;
    }
    let role = ["applicationimpersonation", "mailbox import export"]
        .into_iter()
        .find(|role| lower.contains(role))?;
    let holder = ["-user \"", "-securitygroup \"", "-computer \"", "-policy \"", "-user:", "-user ", "user="]
        .iter()
        .find_map(|mark| lower.find(mark).and_then(|at| command.text.get(at + mark.len()..)))
        .and_then(|rest| rest.trim_start_matches(['"', '\'']).split(['"', '\'', '\n', ';']).next())
        .map_or("", str::trim);
    let failed = command.done == Some(false);
    let rung = if failed { Rung::Refused } else { Rung::Effect };
    let name = if role.starts_with('a') { "ApplicationImpersonation" } else { "Mailbox Import Export" };
    let named = (!holder.is_empty()).then(|| quoted(holder));
    let place = named.clone().unwrap_or_else(|| UNNAMED.to_owned());
    let said = ReasonKind::RoleGiven { role: name.to_owned(), holder: named, failed };
    Some(Learnt { topic: Topic::Grant(format!("{name}: {place}")), rung, said, page: String::new() })
}

/// Whom a role was given to where the record does not say: part of the door's place.
const UNNAMED: &str = "an account that the log does not name";

fn policy(command: &Command<'_>) -> Option<Learnt> {
    if !command.lower.contains("new-dlppolicy") || !command.lower.contains("templatedata") {
        return None;
    }
    let code = ["system.diagnostics", "process", "invoke-", "cmd", "powershell"]
        .iter()
        .any(|mark| command.lower.contains(mark));
    let rung = if code && command.done != Some(false) { Rung::Passed } else { Rung::Unclear };
    let said = ReasonKind::PolicyTemplateGiven {};
    Some(Learnt { topic: Topic::Exploit(Flaw::DataLossPolicy), rung, said, page: String::new() })
}

/// A temporary file of the generator outside its own folder.
fn generator_line(row: Row<'_, '_>, columns: &[&str], host: &dyn Fn(&str) -> String, store: &mut Store) {
    let text: String = columns
        .iter()
        .map(|name| row.text(name))
        .chain([row.data().join(" ").as_str()])
        .collect::<Vec<_>>()
        .join(" ");
    let lower = text.to_lowercase();
    let mark = "download failed and temporary file";
    let Some(rest) = lower.find(mark).and_then(|at| lower.get(at + mark.len()..)) else { return };
    if rest.contains("\\clientaccess\\oab") {
        return;
    }
    let said = ReasonKind::AddressBookOutside { path: quoted(rest.trim()) };
    let fact = Fact::new("OABGenerator", row.time(), row.place(), said);
    store.add(&host(row.host()), Topic::Exploit(Flaw::ProxyLogon), Rung::Effect, fact);
}

fn application(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let provider = row.text("Provider_Name");
    let text = || format!("{} {}", row.text("Message"), row.data().join(" "));
    let (flaw, rung, said) = match provider {
        "MSExchange Control Panel" if row.code() == Some(4) => {
            let lower = text().to_lowercase();
            if !lower.contains("__viewstate=") {
                return;
            }
            if lower.contains("validation of viewstate mac failed") {
                (Flaw::ViewState, Rung::Refused, ReasonKind::ViewStateRefused {})
            } else {
                (Flaw::ViewState, Rung::Passed, ReasonKind::ViewStateRead {})
            }
        }
        "MSExchange Unified Messaging" if text().contains("System.InvalidCastException") => {
            (Flaw::UnifiedMessaging, Rung::Passed, ReasonKind::VoiceMessageOtherType {})
        }
        _ => return,
    };
    let fact = Fact::new("Application log", row.time(), row.place(), said);
    store.add(&host(row.host()), Topic::Exploit(flaw), rung, fact);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "what is expected reads better as a value")]
    fn check(text: &str, done: Option<bool>, expected: Option<(Topic, Rung)>) {
        let lower = text.to_lowercase();
        let command = Command { text, lower: &lower, done, caller: "", log: "" };
        let found = [directory, page_written, role, policy].iter().find_map(|read| read(&command));
        assert_eq!(found.map(|found| (found.topic, found.rung)), expected, "{text}");
    }

    #[test]
    fn a_directory_set_to_script_in_each_log() {
        let oab = || Topic::Directory("OAB (Default Web Site)".to_owned());
        let event = r#"Set-OabVirtualDirectory -ExternalUrl "http://f/#<script language="JScript" runat="server"> function Page_Load(){/**/eval(Request["code"],"unsafe");}</script>" -Identity "OAB (Default Web Site)""#;
        check(event, Some(true), Some((oab(), Rung::Effect)));
        check(event, Some(false), Some((oab(), Rung::Refused)));
        let panel = "S:SID=1;'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script runat=\"server\">x</script>''.Identity=''9a''';S:URL=/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory";
        check(panel, None, Some((oab(), Rung::Effect)));
        check(
            r#"Remove-OabVirtualDirectory -Force "True" -Identity "MXS01\OAB (Default Web Site)""#,
            Some(true),
            Some((oab(), Rung::CoverUp)),
        );
        check(
            r#"New-OabVirtualDirectory -WebSiteName "Default Web Site" -Role "ClientAccess""#,
            Some(true),
            Some((oab(), Rung::CoverUp)),
        );
        check(
            r#"Set-OabVirtualDirectory -ExternalUrl "https://mail.min.example/OAB" -Identity "OAB (Default Web Site)""#,
            Some(true),
            None,
        );
        check("Get-OabVirtualDirectory -Server \"MX01\"", Some(true), None);
    }

    #[test]
    fn pages_written_and_roles_granted() {
        let export = r#"New-MailboxExportRequest -Mailbox "adm" -FilePath "\\127.0.0.1\c$\inetpub\wwwroot\aspnet_client\x.aspx" -IncludeFolders "#;
        check(export, Some(true), Some((Topic::Exploit(Flaw::ProxyShell), Rung::Effect)));
        check(export, Some(false), Some((Topic::Exploit(Flaw::ProxyShell), Rung::Refused)));
        check(
            r#"New-MailboxExportRequest -Mailbox "anna" -FilePath "\\fs01\pst$\anna.pst""#,
            Some(true),
            None,
        );
        let role = r#"New-ManagementRoleAssignment -Role "Mailbox Import Export" -User "adm@min.example""#;
        check(
            role,
            Some(true),
            Some((Topic::Grant("Mailbox Import Export: adm@min.example".to_owned()), Rung::Effect)),
        );
        check(r#"New-ManagementRoleAssignment -Role "View-Only Recipients" -User "anna""#, Some(true), None);
        assert_eq!(local_path(r"\\localhost\C$\inetpub\a.aspx"), r"C:\inetpub\a.aspx");
    }
}
