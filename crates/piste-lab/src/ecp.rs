//! Rows of the Exchange control panel's server log: the cmdlets that its pages ran.
//!
//! In: a cmdlet with its parameters, in the log's own notation, and the page. Out: a row of four columns, the last of
//! them a list of items. An item with `;` or `'` in it is wrapped in `'`, with `'` doubled inside.

use std::borrow::Cow;

use crate::moment::Moment;
use crate::random::Random;
use crate::shelf::{Head, Layout};

/// The columns in their order.
pub(crate) const COLUMNS: &str = "TimeStamp,ServerName,EventId,EventData";

/// The header's words.
pub(crate) const LAYOUT: Layout = Layout::Exchange {
    software: "Microsoft Exchange Server",
    version: Cow::Borrowed("15.0.0.0"),
    log_type: "ECP Server Log",
    fields: COLUMNS,
    head: Head::Plain,
};

/// `MX01/ECP/Server/ECPServer20210303-1.LOG`: a file a day.
pub(crate) fn path(folder: &str, time: Moment) -> String {
    let day = time.date();
    format!("{folder}/ECP/Server/ECPServer{:04}{:02}{:02}-1.LOG", day.year(), day.month(), day.day())
}

/// What a page of the control panel did.
#[derive(Debug, Clone)]
pub(crate) struct EcpRequest {
    pub(crate) time: Moment,
    /// `Set-OabVirtualDirectory.ExternalUrl='…'.Identity='…'`
    pub(crate) command: String,
    /// `/ecp/DDI/DDIService.svc/SetObject?…`
    pub(crate) url: String,
    /// Empty if it went well.
    pub(crate) error: String,
}

/// The row, without its newline. `build` is `15.1.1847.10`.
pub(crate) fn line(random: &mut Random, request: &EcpRequest, server: &str, build: &str) -> String {
    let items = [
        format!("S:TIME={}", random.between(9, 480)),
        format!("S:SID={}", random.guid()),
        format!("S:CMD={}", request.command),
        "S:REQID=".to_owned(),
        format!("S:URL={}", request.url),
        "S:REFERRER=".to_owned(),
        format!("S:EX={}", request.error),
        format!("S:ACTID={}", random.guid()),
        "S:RS=0".to_owned(),
        format!("S:BLD={build}"),
        "S:TNAME=<null>".to_owned(),
        "S:TID=".to_owned(),
        format!("S:USID={}", random.guid()),
        "S:EDOID=".to_owned(),
        "S:ACID=".to_owned(),
    ];
    let data = items.iter().map(|text| item(text)).collect::<Vec<_>>().join(";");
    let data = if data.contains(['"', ',']) { format!("\"{}\"", data.replace('"', "\"\"")) } else { data };
    format!("{},{server},ECP.Request,{data}", request.time.rfc3339())
}

fn item(text: &str) -> String {
    if text.contains([';', '\'']) { format!("'{}'", text.replace('\'', "''")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_quotes_are_wrapped() {
        assert_eq!(item("S:CMD=Get-InboxRule"), "S:CMD=Get-InboxRule");
        assert_eq!(item("S:CMD=Set-X.Url='a;b'"), "'S:CMD=Set-X.Url=''a;b'''");
    }

    #[test]
    fn data_with_double_quotes_is_one_column() {
        let time = Moment::midnight(jiff::civil::Date::constant(2021, 3, 3));
        let request = EcpRequest {
            time,
            command: "Set-OabVirtualDirectory.ExternalUrl='http://f/<a b=\"c\">'".into(),
            url: "/ecp/x".into(),
            error: String::new(),
        };
        let row = line(&mut Random::new(1, &[]), &request, "MX01", "15.1.1847.10");
        let wanted = "2021-03-03T00:00:00.000Z,MX01,ECP.Request,\"S:TIME=";
        assert!(row.starts_with(wanted), "{row}");
        assert!(
            row.contains("'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<a b=\"\"c\"\">'''"),
            "{row}"
        );
    }
}
