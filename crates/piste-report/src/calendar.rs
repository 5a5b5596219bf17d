//! Deadlines as an iCalendar file (RFC 5545).
//!
//! In: duties and a moment. Out: the text of an `.ics`: lines ended by CRLF and folded at 75 octets, text escaped, times in
//! UTC, a UID for each duty that stays the same over exports, alarms twelve and two hours before. A time that Piste set
//! where the law has no number says so in its title.

use std::fmt::Write;

use piste_case::duties::{Duty, State, duty_catalog};
use piste_model::Instant;

use crate::escape::is_hidden;

/// Octets of a content line, its end not counted.
const LINE_OCTETS: usize = 75;
/// Hours before a deadline at which an alarm rings.
const ALARMS: [u32; 2] = [12, 2];

/// The open duties that have a time, as a calendar. `case` tells cases apart: the same text for the same case, always.
pub fn calendar(duties: &[Duty], case: &str, at: Instant) -> String {
    let mut out = String::new();
    line(&mut out, "BEGIN:VCALENDAR");
    line(&mut out, "VERSION:2.0");
    line(&mut out, "PRODID:-//Piste//duties//EN");
    line(&mut out, "CALSCALE:GREGORIAN");
    line(&mut out, "METHOD:PUBLISH");
    for duty in duties {
        if let Some(dated) = dated(duty) {
            event(&mut out, duty, &dated, case, at);
        }
    }
    line(&mut out, "END:VCALENDAR");
    out
}

struct Dated {
    due: Instant,
    what: &'static str,
}

fn dated(duty: &Duty) -> Option<Dated> {
    let open = matches!(duty.state, State::Due | State::Overdue | State::Assess | State::SupplementDue);
    let assess = duty.state == State::Assess;
    let strict =
        duty.due_strict.map(|due| Dated { due, what: if assess { "if it applies" } else { "deadline" } });
    let provisional = duty.provisional.as_ref().map(|one| Dated {
        due: one.due_strict,
        what: if assess {
            "if it applies, counted from the first awareness"
        } else {
            "counted from the first awareness"
        },
    });
    let target = duty.target.as_ref().and_then(|target| target.at);
    let target = target.map(|due| Dated { due, what: "internal target, not law" });
    strict.or(provisional).or(target).filter(|_| open)
}

fn event(out: &mut String, duty: &Duty, dated: &Dated, case: &str, at: Instant) {
    line(out, "BEGIN:VEVENT");
    let uid: String = format!("{}.{case}", duty.row.to_lowercase());
    line(out, &format!("UID:{}@piste.invalid", plain(&uid)));
    line(out, &format!("DTSTAMP:{}", utc(at)));
    line(out, &format!("DTSTART:{}", utc(dated.due)));
    let title = format!("{} {} to {} ({})", duty.id, duty.title, duty.recipient_name, dated.what);
    line(out, &format!("SUMMARY:{}", text(&title)));
    line(out, &format!("DESCRIPTION:{}", text(&description(duty))));
    line(out, &format!("CATEGORIES:{}", text(&duty.regime)));
    line(out, "CLASS:CONFIDENTIAL");
    line(out, "TRANSP:TRANSPARENT");
    line(out, "STATUS:CONFIRMED");
    for hours in ALARMS {
        line(out, "BEGIN:VALARM");
        line(out, "ACTION:DISPLAY");
        line(out, &format!("TRIGGER:-PT{hours}H"));
        line(out, &format!("DESCRIPTION:{}", text(&title)));
        line(out, "END:VALARM");
    }
    line(out, "END:VEVENT");
}

fn description(duty: &Duty) -> String {
    let mut words = format!("{}\nState: {}\n", duty.clock.computation, duty.state.as_str());
    if let Some(one) = &duty.provisional {
        let due = duty_catalog().calendar().local(one.due_strict);
        let _ = writeln!(words, "Counted from {}: {due}", one.from); // to a String: cannot fail
    }
    let _ = writeln!(words, "Basis: {}", duty.legal_basis.join("; "));
    let _ = writeln!(words, "Certainty: {}", duty.certainty.as_str());
    for one in &duty.unconfirmed {
        let _ = writeln!(words, "To confirm: {one}");
    }
    words.trim_end().to_owned()
}

/// `20210329T132000Z`
fn utc(instant: Instant) -> String {
    let seconds = Instant { digits: 0, ..instant }.to_string();
    seconds.replace(['-', ':'], "")
}

/// Escapes a TEXT value: backslash, semicolon, comma and line end; hidden characters are left out.
fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

fn plain(value: &str) -> String {
    value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect()
}

/// Writes one content line, folded so that no line has more than 75 octets and no character is cut in two.
fn line(out: &mut String, content: &str) {
    let mut room = LINE_OCTETS;
    for c in content.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE_OCTETS - 1;
        }
        room -= c.len_utf8();
        out.push(c);
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_characters() {
        let mut out = String::new();
        line(&mut out, &format!("SUMMARY:{}", "é".repeat(100)));
        for part in out.split_terminator("\r\n") {
            assert!(part.len() <= LINE_OCTETS, "{} octets", part.len());
        }
        assert_eq!(out.replace("\r\n ", "").trim_end(), format!("SUMMARY:{}", "é".repeat(100)));
        assert!(out.ends_with("\r\n") && !out.ends_with("\r\n\r\n"));
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(text("a;b,c\\d\ne\r\u{202e}"), "a\\;b\\,c\\\\d\\ne");
        assert_eq!(utc("2021-03-29T13:20:00.5Z".parse().expect("a time")), "20210329T132000Z");
    }
}
