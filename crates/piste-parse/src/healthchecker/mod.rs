//! What Microsoft's `HealthChecker` script wrote of an Exchange server: XML that PowerShell makes of its objects, or text.
//!
//! In: the whole file. Out: one row, dataset `exchange.healthchecker`, with `server`, `product`, `build`, `kbs` and
//! `mitigations` as copies, and every line `Name: value` or member of the objects that speaks of the build as a field. The
//! time is when the script ran: in XML with its zone, in text in the server's own.

mod text;
mod xml;

use piste_model::hash::record_hash;
use piste_model::schema::Role;
use piste_model::{Instant, Issue};

use crate::block::Block;
use crate::dates::{self, Order};
use crate::exchange::setup::build_in;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Whether the beginning is such a file's.
pub(crate) fn is_xml(head: &str) -> bool {
    head.contains("schemas.microsoft.com/powershell/2004/04") && head.contains("HealthChecker")
}

/// Whether the beginning is such a file's.
pub(crate) fn is_text(head: &str) -> bool {
    let mut lines = head.lines().take(10);
    lines
        .any(|line| line.contains("Exchange Health Checker") && line.to_ascii_lowercase().contains("version"))
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    parsed.note_too_long(cx, block, "file");
    if block.bytes.is_empty() {
        return parsed;
    }
    let text = block.whole_text();
    let mut fields = Fields::default();
    let outcome = if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        xml::read(&text, &mut fields)
    } else {
        text::read(&text, &mut fields);
        Ok(())
    };
    if let Err(what) = outcome {
        let kept = fields.iter().count() > 0;
        parsed.damaged(
            cx,
            "healthchecker-xml",
            block.offset,
            Some(u64::from(!kept)),
            format!("the XML cannot be read to its end: {what}"),
            "ask for the file again, or for the script's text file beside it",
        );
        if !kept {
            return parsed;
        }
    }
    push_row(block, &mut fields, cx, &mut parsed);
    parsed
}

/// Names of a fact, the surest first; each is compared with the end of a field's name.
const BUILDS: [&str; 6] = [
    "ExchangeSetup.FileVersion",
    "ExSetup.FileVersion",
    "Build Number",
    "BuildNumber",
    "FileVersion",
    "Version",
];
const SERVERS: [&str; 4] = ["ServerName", "Server Name", "Name", "FQDN"];
const TIMES: [&str; 3] = ["GenerationTime", "Generation Time", "ExecutionTime"];
const PRODUCTS: [&str; 4] = ["FriendlyName", "Version", "MajorVersion", "Exchange Version"];

fn first_of(fields: &Fields, names: &[&str], right: impl Fn(&str) -> bool) -> Option<String> {
    names.iter().find_map(|name| {
        let fits = |field: &str| {
            field == *name || field.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
        };
        fields
            .iter()
            .find(|(field, value, _)| fits(field) && right(value))
            .map(|(_, value, _)| value.trim().to_owned())
    })
}

fn push_row(block: &Block, fields: &mut Fields, cx: &Context<'_>, parsed: &mut Parsed) {
    let server = first_of(fields, &SERVERS, |value| !value.is_empty() && !value.contains(' '));
    let build = first_of(fields, &BUILDS, |value| build_in(value).is_some());
    let build = build.as_deref().and_then(build_in).map(str::to_owned);
    let product = first_of(fields, &PRODUCTS, |value| value.contains("Exchange"));
    let written = first_of(fields, &TIMES, |value| !value.is_empty());
    let time = written.as_deref().and_then(|text| time_of(text, cx, parsed));
    let kbs = mentioned(fields, |word| {
        word.len() == 9 && word.starts_with("KB") && word.bytes().skip(2).all(|byte| byte.is_ascii_digit())
    });
    let mitigations = mentioned(fields, |word| {
        let number = word.strip_prefix('M').or_else(|| word.strip_prefix("PING"));
        number.is_some_and(|rest| {
            rest.contains('.')
                && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                && rest.len() <= 10
        }) || word == "PING1"
    });
    for (name, value) in [
        ("server", server.clone()),
        ("product", product),
        ("build", build),
        ("kbs", kbs),
        ("mitigations", mitigations),
    ] {
        if let Some(value) = value {
            fields.push(name, &value, Role::Copy);
        }
    }
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let head = Head {
        dataset: Some("exchange.healthchecker"),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(server.as_deref().unwrap_or_default()),
        record: 1,
        offset: block.offset,
        hash: record_hash(&block.bytes),
    };
    rows.push(&head, fields);
    parsed.records += 1;
    parsed.take_rows(cx, block.offset, rows);
}

/// Time between the file's name, which is made when the script begins, and the time that it writes: at most.
const NAME_APART_MAX: i64 = 24 * 3_600 * 1_000_000_000;

/// When the script ran: in XML with its zone; in text as the script always writes it, with the month first. The file's name
/// says the same, unless someone changed it.
fn time_of(text: &str, cx: &Context<'_>, parsed: &mut Parsed) -> Option<(Instant, &'static str)> {
    let zoned = text.ends_with('Z') || text.get(19..).is_some_and(|tail| tail.contains(['+', '-']));
    let named = time_in_name(cx.path);
    let agrees =
        |time: &Instant| named.is_none_or(|named| (time.nanos - named.nanos).abs() <= NAME_APART_MAX);
    let local = "HealthChecker ran, zone unknown";
    let (time, basis) = if let Some(time) = Instant::parse(text) {
        (time, if zoned { "HealthChecker ran" } else { local })
    } else {
        let month = dates::moment(text, Order::MonthFirst);
        let day = dates::moment(text, Order::DayFirst);
        if let Some(day) = day.filter(|day| named.is_some() && agrees(day))
            && !month.is_some_and(|month| agrees(&month))
        {
            let taken = "the day was taken first, since so it agrees with the file's name";
            parsed.issues.push(disagreement(cx, text, taken, month.is_some()));
            return Some((day, local));
        }
        (month.or(day)?, local)
    };
    if !agrees(&time) {
        let taken = format!("{time} was taken, as the file says inside");
        parsed.issues.push(disagreement(cx, text, &taken, true));
    }
    Some((time, basis))
}

/// The name and the text do not say the same.
fn disagreement(cx: &Context<'_>, text: &str, taken: &str, doubtful: bool) -> Issue {
    let effect = if doubtful {
        "when the server had this build, and so which flaws were open when, rests on this time"
    } else {
        "no other reading of this date is possible"
    };
    Issue::new(
        "healthchecker-date",
        cx.path,
        format!("its time `{text}`, read with the month first as the script writes it, is not that of its file's name; {taken}"),
        effect,
        "ask when the script ran, or give its XML file, which says the zone too",
    )
    .of(cx.evidence)
}

/// `HealthChecker-MX01-20210301101500.txt`: the server's own time.
fn time_in_name(path: &str) -> Option<Instant> {
    let name = path.rsplit(['/', '\\', '!']).next()?;
    let mut runs = name.rsplit(|letter: char| !letter.is_ascii_digit());
    let digits = runs.find(|run| run.len() == 14)?;
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let (date, clock) =
        ([part(0, 4), part(4, 6), part(6, 8)].join("-"), [part(8, 10), part(10, 12), part(12, 14)].join(":"));
    Instant::parse(&format!("{date}T{clock}Z"))
}

/// Words of this kind in any value, each once, in the order of first mention.
fn mentioned(fields: &Fields, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    for (_, value, _) in fields.iter() {
        for word in value.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.') {
            if is_wanted(word) && !found.contains(&word) {
                found.push(word);
            }
        }
    }
    (!found.is_empty()).then(|| found.join(","))
}

/// The character of one of XML's own entities; nothing for others.
pub(crate) fn entity(name: &str) -> &'static str {
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
