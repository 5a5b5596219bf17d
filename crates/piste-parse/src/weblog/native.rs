//! A line of IIS's own form: values between commas, in an order that is fixed.
//!
//! In: `203.0.113.9, -, 03/05/21, 10:00:00, W3SVC1, MX01, 10.0.0.5, 15, 310, 512, 200, 0, POST, /x.aspx, a=b,`. Out: the request. The
//! date is month, day, year, as Microsoft's description has it; a value that cannot be one makes the line unread, never another day.

use piste_model::Instant;

use super::Request;

/// Values of a line; the last one is followed by a comma too.
const VALUES: usize = 15;

/// The request of a line.
pub(super) fn request(line: &str) -> Option<Request<'_>> {
    let values: Vec<&str> = line.splitn(VALUES, ',').map(str::trim).collect();
    let &[
        client,
        user,
        date,
        clock,
        site,
        server,
        _,
        taken,
        received,
        sent,
        status,
        win32,
        method,
        target,
        query,
    ] = values.as_slice()
    else {
        return None;
    };
    let numbers = [taken, received, sent, status, win32];
    if !numbers.iter().all(|text| is_number(text)) || !site.to_ascii_uppercase().contains("SVC") {
        return None;
    }
    let query = query.strip_suffix(',').unwrap_or(query).trim();
    Some(Request {
        time: Some(time(date, clock)?),
        client,
        user,
        site,
        server,
        method,
        target,
        query,
        status,
        win32,
        sent,
        received,
        taken,
        ..Request::default()
    })
}

fn time(date: &str, clock: &str) -> Option<Instant> {
    let mut parts = date.split('/');
    let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (month, day, year) = (number()?, number()?, number()?);
    // Two digits are of the years in which IIS was.
    let year = match year {
        0..=89 => 2_000 + year,
        90..=99 => 1_900 + year,
        year => year,
    };
    let clock = if clock.len() == 7 { format!("0{clock}") } else { clock.to_owned() };
    Instant::parse(&format!("{year:04}-{month:02}-{day:02} {clock}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
