//! `CBS.log`: which update was installed when, and how that ended.
//!
//! In: the lines of one block. Out: dataset `system.servicing`, a row for each line that names a package and what became of it,
//! or a session and its client; the many lines of progress are none. Times are the host's own. Source: logs of Windows 7 to
//! 11 and Server 2008 R2 to 2022; Microsoft does not describe the format.

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::block::Block;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Words of a line about a package that say what became of it.
const STATES: [&str; 8] = [
    "processing complete",
    "new state:",
    "pending:",
    "targeted:",
    "failure report",
    "already in the correct state",
    "reboot",
    "failed",
];
/// Keys of a line whose values are columns.
const KEYS: [(&str, &str); 10] = [
    ("current: ", "CurrentState"),
    ("start: ", "StartState"),
    ("start state: ", "StartState"),
    ("original: ", "StartState"),
    ("applicable: ", "ApplicableState"),
    ("targeted: ", "TargetState"),
    ("target state: ", "TargetState"),
    ("new state: ", "NewState"),
    ("client id: ", "ClientId"),
    ("initialized by client ", "ClientId"),
];

/// Whether a file that begins so is this log: lines with a time, a level and the component.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let text = crate::whole::text_of(head.get(..head.len().min(4_096)).unwrap_or_default());
    text.lines()
        .take(10)
        .filter(|line| split(line).is_some_and(|line| matches!(line.component, "CBS" | "CSI")))
        .count()
        >= 2
}

/// The parts of a line.
struct Line<'t> {
    time: Instant,
    level: &'t str,
    component: &'t str,
    text: &'t str,
}

/// `2021-03-10 03:11:22, Info                  CBS    text`
fn split(line: &str) -> Option<Line<'_>> {
    let (time, rest) = line.split_once(", ")?;
    let time = Instant::parse(time).filter(|_| time.len() == 19)?;
    let (level, rest) = rest.split_once(' ')?;
    let (component, text) = rest.trim_start().split_once(' ')?;
    Some(Line { time, level, component, text: text.trim() })
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let Some(parts) = split(&line.text).filter(|parts| parts.component == "CBS") else { continue };
        let package = package_in(parts.text);
        if !matters(parts.text, package) {
            continue;
        }
        fields.clear();
        fields.push("Level", parts.level, Role::System);
        push_facts(parts.text, package, &mut fields);
        fields.push("Text", parts.text, Role::Data);
        let head = Head {
            dataset: Some("system.servicing"),
            channel: "",
            provider: "",
            event_code: None,
            time: Some(parts.time),
            time_basis: "CBS.log, zone unknown",
            host: cx.host_or_hint(""),
            record: i64::try_from(line.number).unwrap_or(i64::MAX),
            offset: line.offset,
            hash: record_hash(line.raw),
        };
        rows.push(&head, &fields);
        parsed.records += 1;
    }
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Whether a line says what became of a package, or when a session began or ended.
fn matters(text: &str, package: Option<&str>) -> bool {
    // What a package could be is asked for each of thousands, again and again.
    if text.starts_with("Appl:") {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let session = lower.starts_with("session: ")
        && (lower.contains("initialized by client") || lower.contains("finalized"));
    session || (package.is_some() && STATES.iter().any(|state| lower.contains(state)))
}

/// `Package_for_KB5000822~31bf3856ad364e35~amd64~~10.0.1.2`: name, key, architecture, language, version.
fn package_in(text: &str) -> Option<&str> {
    let words = text.split([' ', ',', '"', '[', ']', '(', ')']);
    words.map(|word| word.trim_end_matches(['.', ':', ';'])).find(|word| word.matches('~').count() == 4)
}

fn push_facts(text: &str, package: Option<&str>, fields: &mut Fields) {
    if let Some(package) = package {
        fields.push("Package", package, Role::Data);
        if let Some(version) = package.rsplit('~').next().filter(|version| !version.is_empty()) {
            fields.push("PackageVersion", version, Role::Data);
        }
    }
    if let Some(number) = text.split("KB").skip(1).map(digits).find(|number| (6..=8).contains(&number.len()))
    {
        fields.push("KB", &format!("KB{number}"), Role::Data);
    }
    if let Some((_, result)) = text.split_once("HRESULT = ").or_else(|| text.split_once("status: ")) {
        let result = result.split([' ', ',', ']']).next().unwrap_or_default();
        fields.push("Result", result, Role::Data);
    }
    let lower = text.to_ascii_lowercase();
    for (key, column) in KEYS {
        // Lower case of ASCII leaves places as they are.
        let Some(at) = lower.find(key).filter(|_| fields.get(column).is_none()) else { continue };
        let value = text.get(at + key.len()..).unwrap_or_default();
        let value = value.split([',', '.', ']', '[']).next().unwrap_or_default().trim();
        fields.push(column, value, Role::Data);
    }
    let session =
        text.split_once("Session: ").map(|(_, rest)| rest.split([' ', ',']).next().unwrap_or_default());
    if let Some(session) = session.filter(|session| !session.is_empty()) {
        fields.push("Session", session, Role::Data);
    }
}

fn digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, read};

    const LOG: &str = "2021-03-10 03:11:20, Info                  CBS    TI: --- Initializing Trusted Installer ---\r\n\
        2021-03-10 03:11:21, Info                  CBS    Session: 30873123_1 initialized by client WindowsUpdateAgent.\r\n\
        2021-03-10 03:11:22, Info                  CBS    Appl: Package: Package_for_KB5000822~31bf3856ad364e35~amd64~~10.0.1.2, current: Staged, targeted: Installed\r\n\
        2021-03-10 03:11:23, Info                  CBS    Exec: Processing complete.  Session: 30873123_1, Package: Package_for_KB5000822~31bf3856ad364e35~amd64~~10.0.1.2 [HRESULT = 0x00000000 - S_OK]\r\n\
        2021-03-10 03:11:24, Error                 CBS    Startup: Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.1817.1.6 completed startup processing, new state: Installed, original: Staged, targeted: Installed. hr = 0x0\r\n\
        2021-03-10 03:11:25, Info                  CSI    00000008 Package: a~b~c~~d failed\r\nplain line\r\n";
    const SHOWN: [&str; 8] =
        ["event_time", "Package", "KB", "PackageVersion", "Result", "NewState", "StartState", "ClientId"];

    #[test]
    fn lines_that_say_what_became_of_a_package_are_rows() {
        assert!(recognise(LOG.as_bytes(), "x"));
        let found = read(parse_lines, LOG.as_bytes(), "CBS.log");
        assert_eq!(
            found.columns(&SHOWN),
            [
                "2021-03-10T03:11:21Z | ~ | ~ | ~ | ~ | ~ | ~ | WindowsUpdateAgent",
                "2021-03-10T03:11:23Z | Package_for_KB5000822~31bf3856ad364e35~amd64~~10.0.1.2 | KB5000822 | 10.0.1.2 | 0x00000000 | ~ | ~ | ~",
                "2021-03-10T03:11:24Z | Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.1817.1.6 | ~ | 17763.1817.1.6 | ~ | Installed | Staged | ~",
            ]
        );
        assert_eq!(
            (found.rows[1]["Session"].as_str(), found.rows[1]["record"].as_str()),
            ("30873123_1", "4")
        );
        damage(parse_lines, LOG.as_bytes(), "x", 1_500);
    }
}
