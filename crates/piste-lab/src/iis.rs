//! W3C lines of IIS, with the fields that are on by default.
//!
//! In: a request. Out: its line; blanks inside values become `+`, nothing becomes `-`.

use crate::moment::Moment;
use crate::request::Request;

/// `MX01/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log`, for the day in UTC.
pub(crate) fn path(folder: &str, time: Moment) -> String {
    let day = time.date();
    let (year, month, day) = (day.year() % 100, day.month(), day.day());
    format!("{folder}/inetpub/logs/LogFiles/W3SVC1/u_ex{year:02}{month:02}{day:02}.log")
}

/// The line, without its newline.
pub(crate) fn line(request: &Request, server: &str) -> String {
    // The front end appends its id to whatever query there was; the leading `&` stands even if there was none.
    let query = if request.reaches_exchange() {
        format!("{}&CorrelationID=<empty>;&cafeReqId={};", request.query, request.id)
    } else {
        request.query.clone()
    };
    format!(
        "{} {} {} {} {} 443 {} {} {} {} {} {} {} {}",
        request.end.iis(),
        if request.client == "::1" { "::1" } else { server },
        request.method,
        value(&request.stem),
        value(&query),
        value(&request.user),
        value(&request.client),
        value(&request.agent),
        value(&request.referer),
        request.status,
        request.substatus,
        request.win32,
        request.took_ms,
    )
}

fn value(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(' ', "+") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use jiff::civil::Date;

    #[test]
    fn a_line_has_fifteen_fields() {
        let mut random = Random::new(1, &["iis"]);
        let time = Moment::midnight(Date::constant(2021, 3, 5)).plus_ms(11_187_900);
        let request = Request::get(&mut random, time, "/owa/auth/logon.aspx", "192.0.2.1", "Mozilla/5.0 (X)");
        let request = Request { id: "I".into(), took_ms: 33, ..request };
        insta::assert_snapshot!(line(&request, "10.20.1.10"), @"2021-03-05 03:06:27 10.20.1.10 GET /owa/auth/logon.aspx &CorrelationID=<empty>;&cafeReqId=I; 443 - 192.0.2.1 Mozilla/5.0+(X) - 200 0 0 33");
        let root = Request { stem: "/robots.txt".into(), status: 404, win32: 2, ..request };
        insta::assert_snapshot!(line(&root, "10.20.1.10"), @"2021-03-05 03:06:27 10.20.1.10 GET /robots.txt - 443 - 192.0.2.1 Mozilla/5.0+(X) - 404 0 2 33");
        assert_eq!(path("MX01", time), "MX01/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log");
    }
}
