//! Sigma and YARA rules of this case's traces.
//!
//! In: the list. Out: one Sigma rule an item that a log could show made or used again, and one YARA rule a file whose content is known by
//! its hash. Values are quoted for YAML, and what Sigma or YARA would read as a pattern is escaped.

use std::fmt::Write as _;

use piste_model::removal::{NameSort, RemovalItem, TraceKind};

use super::{ExportGround, Exported, is_file, remark, title, traces, uuid};

/// A value of a Sigma rule: between single quotes of YAML, its wildcards and backslashes escaped.
fn value(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        if matches!(sign, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    format!("'{}'", escaped.replace('\'', "''"))
}

/// A text that is no value: nothing in it is a pattern.
fn text_of(text: &str) -> String {
    format!("'{}'", remark(text).replace('\'', "''"))
}

/// Log source and selections of an item; none where no log shows it.
fn selection(item: &RemovalItem) -> Option<(&'static str, String)> {
    let name = item.name(NameSort::Name);
    let one = |source: &'static str, field: &str, wanted: &str| {
        Some((source, format!("    {field}: {}\n", value(wanted))))
    };
    match item.kind {
        _ if is_file(item) => match (item.name(NameSort::Path), item.name(NameSort::Url)) {
            (Some(path), _) => {
                one("  product: windows\n  category: file_event\n", "TargetFilename|endswith", path)
            }
            (None, Some(url)) => one("  category: webserver\n", "cs-uri-stem", url),
            (None, None) => None,
        },
        TraceKind::Service => {
            let text = format!("    EventID: 7045\n    ServiceName: {}\n", value(item.place.as_str()));
            Some(("  product: windows\n  service: system\n", text))
        }
        TraceKind::Task => {
            let text = format!("    EventID: 4698\n    TaskName|endswith: {}\n", value(name?));
            Some(("  product: windows\n  service: security\n", text))
        }
        TraceKind::RunValue => {
            one("  product: windows\n  category: registry_set\n", "TargetObject", &item.place)
        }
        TraceKind::WmiConsumer => {
            let text = format!("    EventID: 20\n    Name|contains: {}\n", value(name?));
            Some(("  product: windows\n  category: wmi_event\n", text))
        }
        TraceKind::Account => {
            let text = format!(
                "    EventID:\n      - 4720\n      - 4722\n      - 4624\n    TargetUserName: {}\n",
                value(name?)
            );
            Some(("  product: windows\n  service: security\n", text))
        }
        TraceKind::Certificate => one(
            "  product: windows\n  category: registry_event\n",
            "TargetObject|contains",
            item.name(NameSort::Thumbprint)?,
        ),
        TraceKind::Connection => one(
            "  product: windows\n  category: network_connection\n",
            "DestinationIp",
            item.name(NameSort::Address)?,
        ),
        TraceKind::GroupRight => {
            let (group, member) = name?.split_once(" <- ").filter(|(_, member)| !member.is_empty())?;
            let text = format!(
                "    EventID:\n      - 4728\n      - 4732\n      - 4756\n    TargetUserName: {}\n    MemberName|contains: {}\n",
                value(group),
                value(member)
            );
            Some(("  product: windows\n  service: security\n", text))
        }
        _ => None,
    }
}

/// One document a rule.
pub(super) fn sigma(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let mut documents = Vec::new();
    for item in &ground.list.items {
        let controls =
            |text: &str| text.chars().any(|sign| sign.is_control() || crate::escape::is_hidden(sign));
        if controls(&item.place) || item.names.iter().any(|name| controls(&name.value)) {
            exported
                .left_out
                .push(format!("{}: its name has signs that control how a text is read", item.id));
            continue;
        }
        let Some((source, selection)) = selection(item) else {
            exported.left_out.push(format!(
                "{}: no log source of Sigma shows a {}",
                item.id,
                item.kind.as_str()
            ));
            continue;
        };
        let mut rule = format!(
            "# {} {}\ntitle: {}\nid: {}\nstatus: experimental\ndescription: {}\n",
            ground.marking.as_str(),
            remark(&traces(item)),
            text_of(&title(item)),
            uuid(ground, &format!("sigma {}", item.key)),
            text_of(&format!("What an intruder left: {}. From {}.", title(item), traces(item)))
        );
        let _ = write!(
            rule,
            "author: Piste\ndate: {}\nlogsource:\n{source}detection:\n  selection:\n{selection}  condition: selection\nlevel: high\n",
            ground.at.date()
        );
        documents.push(rule);
        exported.items += 1;
    }
    exported.text = documents.join("---\n");
    exported
}

/// Rules by SHA-256, which alone is known of a file's content.
pub(super) fn yara(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let mut text = format!(
        "// {} - made {} by Piste from the removal list {}\nimport \"hash\"\n",
        ground.marking.as_str(),
        ground.at,
        ground.list.sha256
    );
    for item in ground.list.items.iter().filter(|item| is_file(item)) {
        let Some(hash) = item.name(NameSort::Sha256) else {
            exported
                .left_out
                .push(format!("{}: its content was not collected, so that no hash of it is known", item.id));
            continue;
        };
        let _ = write!(
            text,
            "\nrule piste_{} {{\n  meta:\n    description = {}\n    traces = {}\n  condition:\n    hash.sha256(0, filesize) == \"{hash}\"\n}}\n",
            item.id.replace('-', "_").to_lowercase(),
            yara_text(&title(item)),
            yara_text(&traces(item))
        );
        exported.items += 1;
    }
    exported.text = text;
    exported
}

/// A text of YARA: printable ASCII between double quotes.
fn yara_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in remark(text).chars() {
        match sign {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(sign),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_no_patterns_and_end_no_line() {
        assert_eq!(value(r"\a*b?'c"), r"'\\a\*b\?''c'");
        assert_eq!(text_of("a\nb"), r"'a\x0ab'");
        assert_eq!(yara_text("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
