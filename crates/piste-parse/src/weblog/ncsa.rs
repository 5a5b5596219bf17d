//! A line of NCSA's form, common or combined.
//!
//! In: `203.0.113.9 - - [05/Mar/2021:10:00:00 +0100] "POST /x.aspx?a=b HTTP/1.1" 200 512 "referer" "agent"`. Out: the request.

use piste_model::Instant;

use super::Request;

/// Months as the form names them, whatever the server's language.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The request of a line.
pub(super) fn request(line: &str) -> Option<Request<'_>> {
    let (before, rest) = line.split_once(" [")?;
    let (stamp, rest) = rest.split_once("] ")?;
    let mut who = before.splitn(3, ' ');
    let (client, _ident, user) = (who.next()?, who.next()?, who.next()?);
    let (line, rest) = quoted(rest)?;
    let mut words = rest.split_ascii_whitespace();
    let status = words.next().filter(|status| status.len() == 3 && is_number(status))?;
    let sent = words.next().filter(|bytes| *bytes == "-" || is_number(bytes))?;
    let (referer, after) = rest.find('"').and_then(|at| quoted(rest.get(at..)?)).unwrap_or_default();
    let (agent, _) = after.find('"').and_then(|at| quoted(after.get(at..)?)).unwrap_or_default();
    // A client that sent no request has a line too: `"-" 408 -`.
    let mut asked = line.splitn(2, ' ');
    let method = asked.next().unwrap_or_default();
    let target = asked.next().unwrap_or_default();
    let (target, version) = match target.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => (target, version),
        _ => (target, ""),
    };
    let time = Some(time(stamp)?);
    Some(Request {
        time,
        client,
        user,
        method,
        target,
        version,
        status,
        sent,
        referer,
        agent,
        ..Request::default()
    })
}

/// What stands between quotes at the beginning, and what follows; a quote within is written `\"`.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            '"' if !escaped => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// `05/Mar/2021:10:00:00 +0100`.
fn time(stamp: &str) -> Option<Instant> {
    let (date, zone) = stamp.split_once(' ')?;
    let (date, clock) = date.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let (hours, minutes) = (zone.get(..3)?, zone.get(3..5)?);
    if day.len() != 2
        || year.len() != 4
        || clock.len() != 8
        || zone.len() != 5
        || !zone.starts_with(['+', '-'])
    {
        return None;
    }
    Instant::parse(&format!("{year}-{month:02}-{day}T{clock}{hours}:{minutes}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
