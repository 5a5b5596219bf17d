//! Names for the positions of Exchange's cmdlet events.
//!
//! In: a record of the channel `MSExchange Management`, whose fields are a list without names, one string of all of them,
//! numbered `param1` by an exporter, or lost but for the rendered text. Out: `CmdletName`, `CmdletParameters`, `Caller` and
//! their like as copies beside what the record has. Positions from 11 on were seen in failed cmdlets only and are named
//! there alone. Rendered text is in the server's language, so that only its cmdlet and what follows are taken.

use piste_model::schema::{MESSAGE, Role};

use crate::fields::Fields;

/// Position, name, and the id that it was seen with, if not all.
const POSITIONS: [(usize, &str, Option<&str>); 12] = [
    (0, "CmdletName", None),
    (1, "CmdletParameters", None),
    (2, "Caller", None),
    (3, "ExecutingUserSid", None),
    (4, "LogonUserSid", None),
    (5, "ClientApplication", None),
    (6, "Process", None),
    (8, "ThreadId", None),
    (9, "Duration", None),
    (11, "ErrorMessage", Some("6")),
    (12, "ErrorCategory", Some("6")),
    (14, "ErrorType", Some("6")),
];
/// Positions of an exception that no cmdlet caught, event 8.
const UNHANDLED: [(usize, &str); 3] = [(1, "ThreadId"), (2, "CmdletName"), (3, "ErrorMessage")];
/// Positions that are looked at.
const POSITIONS_MAX: usize = 40;

/// Adds the copies, if the record is one of these.
pub(crate) fn name_positions(fields: &mut Fields) {
    let is_channel =
        fields.get("Channel").is_some_and(|channel| channel.eq_ignore_ascii_case("MSExchange Management"));
    let is_provider = || fields.get("Provider_Name").is_some_and(|name| name == "MSExchange CmdletLogs");
    if !is_channel && !is_provider() {
        return;
    }
    let values = positions(fields);
    let event = fields.get("EventID").unwrap_or_default().to_owned();
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if event == "8" && values.first().is_some_and(|first| numeric(first)) {
        for (at, name) in UNHANDLED {
            copy(fields, name, values.get(at));
        }
        return;
    }
    if values.first().is_some_and(|first| is_cmdlet(first)) {
        for (at, name, seen_with) in POSITIONS {
            if seen_with.is_none_or(|seen_with| seen_with == event) {
                copy(fields, name, values.get(at));
            }
        }
        let activity = values.iter().find_map(|value| value.strip_prefix("ActivityId: ")).map(str::to_owned);
        copy(fields, "CmdletActivityId", activity.as_ref());
        return;
    }
    if let Some((name, parameters)) = fields.get(MESSAGE).and_then(rendered) {
        copy(fields, "CmdletName", Some(&name));
        copy(fields, "CmdletParameters", Some(&parameters));
    }
}

fn copy(fields: &mut Fields, name: &str, value: Option<&String>) {
    if let Some(value) = value.filter(|value| !value.is_empty())
        && fields.get(name).is_none()
    {
        fields.push(name, value, Role::Copy);
    }
}

/// The values by position, whichever way they were kept.
fn positions(fields: &Fields) -> Vec<String> {
    let list: Vec<&str> = fields.data().take(POSITIONS_MAX).collect();
    match list.as_slice() {
        [] => {
            let numbered = (1..=POSITIONS_MAX).map(|at| fields.get(&format!("param{at}")));
            numbered.map_while(|value| value.map(str::to_owned)).collect()
        }
        [one] => from_one(one),
        _ => list.into_iter().map(str::to_owned).collect(),
    }
}

/// One string that holds all: `<string>` elements, or values with `, ` between.
fn from_one(text: &str) -> Vec<String> {
    if text.trim_start().starts_with("<string") {
        return elements(text);
    }
    let Some((name, rest)) = text.split_once(", ").filter(|(name, _)| is_cmdlet(name)) else {
        return vec![text.to_owned()];
    };
    // The caller's canonical name follows the parameters; values in quotes may hold commas of their own.
    let mut quoted = false;
    let mut from = 0;
    for (at, letter) in rest.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let after = rest.get(at + 1..).unwrap_or_default();
                let next = after.split(", ").next().unwrap_or_default().trim();
                if next.contains('/') && !next.starts_with('-') && !next.contains('=') {
                    from = at;
                    break;
                }
            }
            _ => {}
        }
    }
    if from == 0 {
        return vec![name.to_owned(), rest.trim().to_owned()];
    }
    let (parameters, others) = rest.split_at(from);
    let others = others.trim_start_matches(',').split(", ").map(|one| one.trim().to_owned());
    [name.to_owned(), parameters.trim().to_owned()].into_iter().chain(others).take(POSITIONS_MAX).collect()
}

fn elements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("<string").filter(|_| found.len() < POSITIONS_MAX) {
        let after = rest.get(start..).unwrap_or_default();
        let Some((head, body)) = after.split_once('>') else { break };
        if head.ends_with('/') {
            found.push(String::new());
            rest = body;
            continue;
        }
        let (value, next) = body.split_once("</string>").unwrap_or((body, ""));
        found.push(unescaped(value));
        rest = next;
    }
    found
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

/// `Verb-Noun`, as every cmdlet is called.
fn is_cmdlet(word: &str) -> bool {
    let Some((verb, noun)) = word.split_once('-') else { return false };
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let begins = |part: &str| part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (2..=20).contains(&verb.len())
        && plain(verb)
        && begins(verb)
        && noun.len() <= 80
        && plain(noun)
        && begins(noun)
}

/// The cmdlet and its parameters in the text that a viewer made of the record.
fn rendered(text: &str) -> Option<(String, String)> {
    let word = text.split([' ', ',', '\'', '"', '\u{a0}', '\n', '\r']).find(|word| is_cmdlet(word))?;
    let at = text.find(word)? + word.len();
    let rest = text.get(at..)?;
    let start = rest.find([' ', '"', '{']).and_then(|_| {
        let dash = rest.find(" -").map(|at| at + 1).or_else(|| rest.find("\"-").map(|at| at + 1));
        let brace = rest.find('{');
        dash.into_iter().chain(brace).min()
    });
    let parameters = start.and_then(|start| rest.get(start..)).unwrap_or_default();
    Some((word.to_owned(), parameters.trim_end().trim_end_matches('.').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(event: &str) -> Fields {
        let mut fields = Fields::default();
        fields.push("EventID", event, Role::System);
        fields.push("Channel", "MSExchange Management", Role::System);
        fields
    }

    fn named(mut fields: Fields) -> Vec<String> {
        name_positions(&mut fields);
        let copies = fields.iter().filter(|(_, _, role)| *role == Role::Copy);
        copies.map(|(name, value, _)| format!("{name}={value}")).collect()
    }

    const LIST: [&str; 6] = [
        "Set-OabVirtualDirectory",
        "-Identity \"x\" -ExternalUrl \"http://f/<script>a, b/c</script>\"",
        "contoso.test/Users/Administrator",
        "S-1-5-21-1-2-3-500",
        "S-1-5-21-1-2-3-500",
        "Remote-ManagementShell-Unknown",
    ];

    #[test]
    fn positions_are_named_however_the_list_was_kept() {
        let wanted = [
            "CmdletName=Set-OabVirtualDirectory",
            "CmdletParameters=-Identity \"x\" -ExternalUrl \"http://f/<script>a, b/c</script>\"",
            "Caller=contoso.test/Users/Administrator",
            "ExecutingUserSid=S-1-5-21-1-2-3-500",
            "LogonUserSid=S-1-5-21-1-2-3-500",
            "ClientApplication=Remote-ManagementShell-Unknown",
        ];
        let mut list = record("1");
        for value in LIST {
            list.push_data(value);
        }
        assert_eq!(named(list), wanted);
        let mut elements = record("1");
        let text = LIST.map(|value| format!("<string>{}</string>\r\n", value.replace('<', "&lt;"))).concat();
        elements.push_data(&text);
        assert_eq!(named(elements), wanted);
        let mut joined = record("1");
        joined.push_data(&LIST.join(", "));
        assert_eq!(named(joined), wanted);
        let mut numbered = record("1");
        for (at, value) in LIST.iter().enumerate() {
            numbered.push(&format!("param{}", at + 1), value, Role::Data);
        }
        assert_eq!(named(numbered), wanted);
    }

    #[test]
    fn failures_have_more_positions_and_exceptions_others() {
        let mut failed = record("6");
        for at in 0..26 {
            let value = match at {
                0 => "Get-App".to_owned(),
                23 => "ActivityId: 4e1c".to_owned(),
                _ => format!("v{at}"),
            };
            failed.push_data(&value);
        }
        let found = named(failed);
        assert!(
            found.contains(&"ErrorMessage=v11".to_owned())
                && found.contains(&"CmdletActivityId=4e1c".to_owned())
        );
        let mut thrown = record("8");
        for value in ["1246", "9", "Get-App", "System.InvalidCastException: x"] {
            thrown.push_data(value);
        }
        assert_eq!(
            named(thrown),
            ["ThreadId=9", "CmdletName=Get-App", "ErrorMessage=System.InvalidCastException: x"]
        );
    }

    #[test]
    fn rendered_text_gives_the_cmdlet_in_any_language() {
        let check = |text: &str, wanted: &[&str]| {
            let mut fields = record("1");
            fields.push(MESSAGE, text, Role::Message);
            assert_eq!(named(fields), wanted);
        };
        check(
            "Cmdlet suceeded. Cmdlet New-MailboxExportRequest, parameters -Mailbox \"a@b\" -FilePath \"\\\\x\\c$\\a.aspx\".",
            &[
                "CmdletName=New-MailboxExportRequest",
                "CmdletParameters=-Mailbox \"a@b\" -FilePath \"\\\\x\\c$\\a.aspx\"",
            ],
        );
        check(
            "Le cmdlet a \u{e9}chou\u{e9}. Cmdlet Get-App, param\u{e8}tres {Identity=x}.",
            &["CmdletName=Get-App", "CmdletParameters={Identity=x}"],
        );
        check("nothing of the kind", &[]);
        let mut other = Fields::default();
        other.push("Channel", "Application", Role::System);
        other.push_data("Set-OabVirtualDirectory");
        assert_eq!(named(other), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(data in proptest::collection::vec("[-A-Za, \"<>/string&;é]{0,40}", 0..4), message in "[-A-Z a{\",é]{0,40}") {
            let mut fields = record("6");
            fields.push(MESSAGE, &message, Role::Message);
            for value in &data {
                fields.push_data(value);
            }
            named(fields);
        }
    }
}
