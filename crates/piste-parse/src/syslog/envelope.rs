//! What stands before a device's own words: priority, time, host, program.
//!
//! In: a line. Out: those, and the rest of the line. What is not of a known form is left to the rest.

use jiff::civil::DateTime;
use piste_model::Instant;
use piste_model::schema::Role;

use crate::doubts::YEAR_OF_NAME;
use crate::fields::Fields;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WITH_ZONE: &str = "syslog time";
const WITHOUT_ZONE: &str = "syslog time, zone unknown";

/// The parts of a line.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    priority: Option<&'a str>,
    /// The time as written.
    stamp: &'a str,
    pub(super) time: Option<(Instant, &'static str)>,
    pub(super) host: &'a str,
    program: &'a str,
    /// Process and kind of message, as RFC 5424 has them.
    process: &'a str,
    kind: &'a str,
    /// Elements in brackets before the text.
    structured: &'a str,
    /// What the device says.
    pub(super) text: &'a str,
    pub(super) has_priority: bool,
    /// A time was read, or would be if its year were known.
    pub(super) is_timed: bool,
    /// Time, host and `program:` or `program[pid]:` stand in this order.
    pub(super) is_framed: bool,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(line: &'a str, year: Option<i16>) -> Self {
        // The length that a frame says of itself is no word of the message.
        let counted = super::frames::count_at(line.as_bytes()).map_or(0, |(bytes, _)| bytes);
        let line = line.get(counted..).unwrap_or(line);
        let mut found = Self { text: line, ..Self::default() };
        if let Some((priority, rest)) = line.strip_prefix('<').and_then(|rest| rest.split_once('>'))
            && !priority.is_empty()
            && priority.len() <= 3
            && priority.bytes().all(|byte| byte.is_ascii_digit())
        {
            (found.priority, found.text, found.has_priority) = (Some(priority), rest, true);
        }
        if found.has_priority
            && let Some(rest) = found.text.strip_prefix("1 ")
            && found.read_5424(rest).is_some()
        {
            return found;
        }
        found.read_3164(year);
        found
    }

    /// `TIMESTAMP HOST APP PROCID MSGID [data] text`.
    fn read_5424(&mut self, rest: &'a str) -> Option<()> {
        let mut parts = rest.splitn(6, ' ');
        let stamp = parts.next()?;
        let (host, program) = (parts.next()?, parts.next()?);
        let (process, kind, mut text) = (parts.next()?, parts.next()?, parts.next()?);
        let said = |word: &'a str| if word == "-" { "" } else { word };
        (self.process, self.kind) = (said(process), said(kind));
        if let Some(after) = text.strip_prefix('-').filter(|after| after.is_empty() || after.starts_with(' '))
        {
            text = after;
        } else if text.starts_with('[') {
            let (structured, after) = text.split_at(structured_bytes(text));
            (self.structured, text) = (structured, after);
        }
        text = text.strip_prefix(' ').unwrap_or(text);
        self.time = Instant::parse(stamp).map(|time| (time, WITH_ZONE));
        (self.stamp, self.is_timed, self.is_framed) = (stamp, self.time.is_some(), self.time.is_some());
        self.host = if host == "-" { "" } else { host };
        self.program = if program == "-" { "" } else { program };
        self.text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Some(())
    }

    /// `Mmm dd [yyyy] hh:mm:ss host program[pid]: text`, or RFC 3339 in the time's place.
    fn read_3164(&mut self, year: Option<i16>) {
        let text = self.text.trim_start_matches(['*', ' ']);
        let Some((stamp, time, rest)) = relayed(text).or_else(|| stamp_of(text, year)) else { return };
        (self.stamp, self.time, self.is_timed, self.text) = (stamp, time, true, rest);
        let (host, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let plain =
            |word: &str| !word.is_empty() && !word.ends_with(':') && !word.contains(['=', '|', '%', '"']);
        if !plain(host) {
            return;
        }
        (self.host, self.text) = (host, after);
        let word = after.split(' ').next().unwrap_or_default();
        if let Some(program) = word.strip_suffix(':').filter(|word| !word.is_empty() && !word.contains('|')) {
            self.program = program;
            self.is_framed = true;
            self.text = after.get(word.len()..).unwrap_or_default().trim_start();
        }
    }

    pub(super) fn push(&self, fields: &mut Fields) {
        if let Some(priority) = self.priority {
            fields.push("syslog.priority", priority, Role::System);
        }
        for (name, value) in [
            ("syslog.time", self.stamp),
            ("syslog.host", self.host),
            ("syslog.program", self.program),
            ("syslog.process", self.process),
            ("syslog.kind", self.kind),
        ] {
            if !value.is_empty() {
                fields.push(name, value, Role::System);
            }
        }
        push_structured(self.structured, fields);
        fields.push("Text", self.text, Role::Data);
    }
}

/// Bytes of the elements in brackets that a text begins with.
fn structured_bytes(text: &str) -> usize {
    let (mut quoted, mut escaped, mut end) = (false, false, 0);
    let mut open = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if open => quoted = !quoted,
            b'[' if !open => open = true,
            b']' if open && !quoted => (open, end) = (false, at + 1),
            _ if !open => return end,
            _ => {}
        }
    }
    end
}

/// Adds the parameters of the elements by their own names, and the elements' ids; a name that stands twice has its element's
/// id before it.
fn push_structured(text: &str, fields: &mut Fields) {
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let end = structured_bytes(rest).min(element_bytes(rest));
        let element = inner.get(..end.saturating_sub(2)).unwrap_or_default();
        rest = rest.get(end.max(1)..).unwrap_or_default();
        let (id, mut parameters) = element.split_once(' ').unwrap_or((element, ""));
        fields.push("syslog.structured_id", id, Role::System);
        while let Some((name, after)) = parameters.trim_start().split_once("=\"") {
            let Some(close) = quote_at(after) else { break };
            let value = after.get(..close).unwrap_or_default();
            let value = value.replace("\\\"", "\"").replace("\\]", "]").replace("\\\\", "\\");
            if fields.get(name).is_some() {
                fields.push(&format!("{id}.{name}"), &value, Role::Data);
            } else {
                fields.push(name, &value, Role::Data);
            }
            parameters = after.get(close + 1..).unwrap_or_default();
        }
    }
}

/// Bytes of the first element.
fn element_bytes(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let end = text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        byte == b']' && !quoted
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Where a value's closing quote stands.
fn quote_at(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

type Stamp<'a> = (&'a str, Option<(Instant, &'static str)>, &'a str);

/// `2023-01-05 10:00:00`, a tab, `Local4.Info`, a tab: as Kiwi's server writes down what it was sent.
fn relayed(text: &str) -> Option<Stamp<'_>> {
    let (stamp, rest) = text.split_once('\t')?;
    let (facility, rest) = rest.split_once('\t')?;
    let is_facility = facility.split_once('.').is_some_and(|(name, level)| {
        !name.is_empty()
            && !level.is_empty()
            && facility.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    });
    let time = Instant::parse(stamp).filter(|_| stamp.len() == 19 && is_facility)?;
    Some((stamp, Some((time, WITHOUT_ZONE)), rest))
}

fn stamp_of(text: &str, year: Option<i16>) -> Option<Stamp<'_>> {
    let (first, _) = text.split_once(' ')?;
    if first.len() >= 19 && first.as_bytes().get(10) == Some(&b'T') {
        let time = Instant::parse(first)?;
        let zoned = first.ends_with('Z') || first.get(19..).is_some_and(|tail| tail.contains(['+', '-']));
        let rest = text.get(first.len()..)?.trim_start();
        return Some((first, Some((time, if zoned { WITH_ZONE } else { WITHOUT_ZONE })), rest));
    }
    let month = MONTHS.iter().position(|name| first.eq_ignore_ascii_case(name))?;
    let mut at = first.len();
    let mut next = || {
        let rest = text.get(at..)?;
        let begin = at + (rest.len() - rest.trim_start_matches(' ').len());
        let end = text.get(begin..)?.find(' ').map_or(text.len(), |end| begin + end);
        at = end;
        text.get(begin..end)
    };
    let day: i8 = next()?.parse().ok()?;
    let mut word = next()?;
    let mut own = None;
    if word.len() == 4 && !word.contains(':') {
        own = Some(word.parse::<i16>().ok()?);
        word = next()?;
    }
    let clock = word.trim_end_matches(':');
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second = parts.next()?.split('.').next()?.parse().ok()?;
    let time = own.or(year).and_then(|year| {
        let month = i8::try_from(month + 1).ok()?;
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let basis = if own.is_some() { WITHOUT_ZONE } else { YEAR_OF_NAME };
        Instant::parse(&civil.to_string()).map(|time| (time, basis))
    });
    Some((text.get(..at)?, time, text.get(at..)?.trim_start_matches([' ', ':'])))
}

/// A year that the file's name or its folder tells: `vpn-2021-03.log`, `20210303/messages`.
pub(super) fn year_in(path: &str) -> Option<i16> {
    let bytes = path.as_bytes();
    let mut found = None;
    for (at, window) in bytes.windows(4).enumerate() {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let digits = window.iter().all(u8::is_ascii_digit);
        if digits && before.is_none_or(|byte| !byte.is_ascii_digit()) {
            let year = path.get(at..at + 4).and_then(|year| year.parse::<i16>().ok());
            found = year.filter(|year| (1_995..=2_099).contains(year)).or(found);
        }
    }
    found
}
