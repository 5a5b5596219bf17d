//! The event's own fields, from the text that Windows rendered of it.
//!
//! In: the provider, the event id and the rendered text. Out: fields under the names of the provider's manifest. Only texts
//! whose form is sure are read: Sysmon writes its fields' own names, in every language; a script block stands whole between
//! its first line and its last; the labels of the Security log and of a new service are known in English.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use piste_model::schema::{MESSAGE, Role};

use crate::fields::Fields;

/// Lines of a text that are looked at.
const LINES_MAX: usize = 2_000;
/// `section,label,field,event ids with blanks between`: an empty section is any, no id is any event.
const LABELS: &str = include_str!("../../../../catalog/event-labels.csv");

/// Adds the fields that the record's text tells; false where it tells none.
pub(super) fn tell_fields(fields: &mut Fields) -> bool {
    let Some(text) = fields.get(MESSAGE).map(str::to_owned) else { return false };
    let provider = fields.get("Provider_Name").unwrap_or_default().to_ascii_lowercase();
    let event = fields.get("EventID").unwrap_or_default().to_owned();
    let found = match provider.as_str() {
        "microsoft-windows-sysmon" => named_lines(&text),
        "microsoft-windows-powershell" | "powershellcore" if event == "4104" => script_block(&text),
        "microsoft-windows-security-auditing" => labelled(&text, &event),
        "service control manager" if event == "7045" => labelled(&text, &event),
        _ => Vec::new(),
    };
    for (name, value) in &found {
        fields.push(name, value, Role::Data);
    }
    !found.is_empty()
}

/// `Image: C:\x.exe`, a line a field; a line without a name goes on with the value before.
fn named_lines(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines().skip(1).take(LINES_MAX) {
        let line = line.trim_end_matches('\r');
        let named = line.split_once(':').filter(|(name, _)| {
            name.len() > 2
                && name.len() <= 40
                && name.starts_with(|letter: char| letter.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        // A drive's letter is no name, and neither is what has no blank after its colon.
        match named.filter(|(_, value)| value.is_empty() || value.starts_with(' ')) {
            Some((name, value)) => {
                found.push((name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
            }
            None => {
                if let Some((_, value)) = found.last_mut() {
                    value.push('\n');
                    value.push_str(line);
                }
            }
        }
    }
    found
}

/// `Creating Scriptblock text (1 of 2):`, the script, its id and its path, in any language.
fn script_block(text: &str) -> Vec<(String, String)> {
    let Some((first, rest)) = text.split_once('\n') else { return Vec::new() };
    let numbers: Vec<&str> =
        first.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    let ([number, total], true) = (numbers.as_slice(), first.trim_end().ends_with(':')) else {
        return Vec::new();
    };
    let mut found = vec![
        ("MessageNumber".to_owned(), (*number).to_owned()),
        ("MessageTotal".to_owned(), (*total).to_owned()),
    ];
    let rest = rest.trim_end();
    let (rest, path) = match rest.rsplit_once('\n') {
        Some((before, last)) => (before.trim_end(), last),
        None => (rest, ""),
    };
    let Some((script, id)) = rest.rsplit_once('\n').filter(|(_, line)| guid_in(line).is_some()) else {
        // No path was written: the last line is the id.
        if let Some(id) = guid_in(path) {
            found.push(("ScriptBlockText".to_owned(), rest.trim_end().to_owned()));
            found.push(("ScriptBlockId".to_owned(), id.to_owned()));
        }
        return found;
    };
    found.push(("ScriptBlockText".to_owned(), script.trim_end().to_owned()));
    found.push(("ScriptBlockId".to_owned(), guid_in(id).unwrap_or_default().to_owned()));
    let path = path.split_once(':').map_or(path, |(_, value)| value).trim();
    found.push(("Path".to_owned(), path.to_owned()));
    found
}

fn guid_in(line: &str) -> Option<&str> {
    let last = line.rsplit([' ', ':', '\u{a0}']).next()?.trim();
    let groups: Vec<usize> = last.split('-').map(str::len).collect();
    (groups == [8, 4, 4, 4, 12]).then_some(last)
}

/// `Subject:` and below it `Account Name: x`: section and label together say which field it is.
fn labelled(text: &str, event: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut section = "";
    // Whether the last value may go on in the next line.
    let mut open = false;
    for line in text.lines().take(LINES_MAX) {
        let indented = line.starts_with(['\t', ' ']);
        let trimmed = line.trim();
        let Some((label, value)) = trimmed.split_once(':').filter(|_| !trimmed.is_empty()) else {
            let deeper = open && indented && !trimmed.is_empty();
            if let Some((_, last)) = found.last_mut().filter(|_| deeper) {
                last.push_str("\r\n\t\t\t");
                last.push_str(trimmed);
            }
            open &= deeper;
            continue;
        };
        let (label, value) = (label.trim(), value.trim());
        if value.is_empty() && !indented {
            section = label;
        } else if !indented {
            section = "";
        }
        open = false;
        if let Some(field) = field_of(section, label, event).filter(|_| !value.is_empty())
            && !found.iter().any(|(name, _)| name == field)
        {
            found.push((field.to_owned(), value.to_owned()));
            open = true;
        }
    }
    found
}

/// What a label stands for under one section.
#[derive(Debug)]
struct Label {
    section: &'static str,
    field: &'static str,
    /// Event ids with blanks between; empty for any.
    events: &'static str,
}

/// The labels by their own words.
fn labels() -> &'static BTreeMap<&'static str, Vec<Label>> {
    static ALL: OnceLock<BTreeMap<&'static str, Vec<Label>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: BTreeMap<&'static str, Vec<Label>> = BTreeMap::new();
        for line in LABELS.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split(',');
            if let (Some(section), Some(label), Some(field)) = (parts.next(), parts.next(), parts.next()) {
                let events = parts.next().unwrap_or_default();
                all.entry(label).or_default().push(Label { section, field, events });
            }
        }
        all
    })
}

/// The field that a label stands for: the line of this event id before the one of any event.
fn field_of(section: &str, label: &str, event: &str) -> Option<&'static str> {
    let here = || {
        let all = labels().get(label).into_iter().flatten();
        all.filter(|one| one.section.is_empty() || one.section == section)
    };
    let of_event = here().find(|one| one.events.split(' ').any(|id| id == event));
    of_event.or_else(|| here().find(|one| one.events.is_empty())).map(|one| one.field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(provider: &str, event: &str, text: &str) -> Vec<String> {
        let mut fields = Fields::default();
        fields.push("Provider_Name", provider, Role::System);
        fields.push("EventID", event, Role::System);
        fields.push(MESSAGE, text, Role::Message);
        tell_fields(&mut fields);
        let own = fields.iter().filter(|(_, _, role)| *role == Role::Data);
        own.map(|(name, value, _)| format!("{name}={value}")).collect()
    }

    #[test]
    fn sysmon_names_its_fields_in_its_text() {
        assert_eq!(
            told(
                "Microsoft-Windows-Sysmon",
                "1",
                "Process Create:\r\nRuleName: -\r\nImage: C:\\x.exe\r\nCommandLine: x \"a\r\nC:\\b: c\"\r\nHashes: MD5=1"
            ),
            ["RuleName=-", "Image=C:\\x.exe", "CommandLine=x \"a\nC:\\b: c\"", "Hashes=MD5=1"]
        );
    }

    #[test]
    fn a_script_block_is_read_in_any_language() {
        let id = "11111111-1111-4111-8111-111111111111";
        let check = |text: String, path: &[&str]| {
            let found = told("Microsoft-Windows-PowerShell", "4104", &text);
            let mut wanted = vec![
                "MessageNumber=1".to_owned(),
                "MessageTotal=2".to_owned(),
                "ScriptBlockText=IEX x\r\n\r\ny: z".to_owned(),
                format!("ScriptBlockId={id}"),
            ];
            wanted.extend(path.iter().map(|path| format!("Path={path}")));
            assert_eq!(found, wanted);
        };
        let script = "IEX x\r\n\r\ny: z";
        check(
            format!(
                "Creating Scriptblock text (1 of 2):\r\n{script}\r\n\r\nScriptBlock ID: {id}\r\nPath: C:\\a.ps1"
            ),
            &["C:\\a.ps1"],
        );
        check(
            format!(
                "Scriptblocktext wird erstellt (1 von 2):\r\n{script}\r\n\r\nScriptBlock-ID: {id}\r\nPfad: "
            ),
            &[""],
        );
    }

    #[test]
    fn labels_of_the_security_log_are_told_apart_by_their_section() {
        let text = "An account failed to log on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\t-\r\n\r\nLogon Type:\t\t\t3\r\n\r\nAccount For Which Logon Failed:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\tadmin\r\n\tAccount Domain:\t\tCORP\r\n\r\nFailure Information:\r\n\tFailure Reason:\t\tUnknown user name or bad password.\r\n\tStatus:\t\t\t0xC000006D\r\n\tSub Status:\t\t0xC000006A\r\n\r\nNetwork Information:\r\n\tWorkstation Name:\tWS\r\n\tSource Network Address:\t203.0.113.9\r\n\tSource Port:\t\t0\r\n\r\nThis event is generated when: a logon request fails.";
        assert_eq!(
            told("Microsoft-Windows-Security-Auditing", "4625", text),
            [
                "SubjectUserSid=S-1-0-0",
                "SubjectUserName=-",
                "LogonType=3",
                "TargetUserSid=S-1-0-0",
                "TargetUserName=admin",
                "TargetDomainName=CORP",
                "FailureReason=Unknown user name or bad password.",
                "Status=0xC000006D",
                "SubStatus=0xC000006A",
                "WorkstationName=WS",
                "IpAddress=203.0.113.9",
                "IpPort=0",
            ]
        );
        let privileges = "Special privileges assigned to new logon.\n\nSubject:\n\tAccount Name:\tadm\n\nPrivileges:\t\tSeSecurityPrivilege\n\t\t\tSeDebugPrivilege\n";
        assert_eq!(
            told("Microsoft-Windows-Security-Auditing", "4672", privileges),
            ["SubjectUserName=adm", "PrivilegeList=SeSecurityPrivilege\r\n\t\t\tSeDebugPrivilege"]
        );
        assert_eq!(told("Other", "4672", privileges), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za(): \t\r\n0-9é-]{0,80}") {
            told("Microsoft-Windows-Sysmon", "1", &text);
            told("Microsoft-Windows-PowerShell", "4104", &text);
            told("Microsoft-Windows-Security-Auditing", "4625", &text);
        }
    }
}
