//! `pfirewall.log`: connections that Windows' firewall allowed or dropped.
//!
//! In: the lines of one block, and what the header lines before it said. Out: a row a line, dataset `network.firewall`. Times
//! are the host's own, unless the header says otherwise. Source: Microsoft's description of the log; the header names its columns.

use piste_model::hash::record_hash;
use piste_model::schema::Role;
use piste_model::{Instant, Issue};

use crate::bad_records::{BadRecords, Words};
use crate::block::Block;
use crate::fields::Fields;
use crate::header::{Header, LineKind};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "firewall-line",
    unit: "line",
    wanted: "line of the firewall's log",
    hint: "look at the line: sed -n LINEp FILE; the log was perhaps cut while it was written",
};

/// Columns where the log's header is missing, as all versions since XP write them.
const FIELDS: &str = "date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path";

/// A column's name in the log and in the row.
const COLUMNS: [(&str, &str); 16] = [
    ("action", "Action"),
    ("protocol", "Protocol"),
    ("src-ip", "SourceIp"),
    ("dst-ip", "DestinationIp"),
    ("src-port", "SourcePort"),
    ("dst-port", "DestinationPort"),
    ("size", "Size"),
    ("tcpflags", "TcpFlags"),
    ("tcpsyn", "TcpSyn"),
    ("tcpack", "TcpAck"),
    ("tcpwin", "TcpWindow"),
    ("icmptype", "IcmpType"),
    ("icmpcode", "IcmpCode"),
    ("info", "Info"),
    ("path", "Direction"),
    ("pid", "ProcessId"),
];

/// Whether a file that begins so is the firewall's log.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let text = crate::whole::text_of(head.get(..head.len().min(2_048)).unwrap_or_default());
    let directives = || text.lines().filter_map(|line| line.trim().strip_prefix('#'));
    directives().any(|line| line.starts_with("Software: Microsoft Windows Firewall"))
        || directives().any(|line| line.starts_with("Fields: date time action protocol src-ip"))
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut header = block.header.as_deref().cloned().unwrap_or_default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut lost = Lost::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim_end();
        if text.is_empty() || header.see(text) != LineKind::Row {
            continue;
        }
        fields.clear();
        let Some(time) = read(text, &header, &mut fields) else {
            bad.note(&line, "it has no date and time, or fewer columns than its header names".to_owned());
            continue;
        };
        if fields.get("Action") == Some("INFO-EVENTS-LOST") {
            lost.note(fields.get("Info"), line.offset);
        }
        let utc = header.time_format.as_deref().is_some_and(|format| !format.eq_ignore_ascii_case("local"));
        let head = Head {
            dataset: Some("network.firewall"),
            channel: "",
            provider: "",
            event_code: None,
            time: Some(time),
            time_basis: if utc { "firewall log" } else { "firewall log, zone unknown" },
            host: cx.host_or_hint(""),
            record: i64::try_from(line.number).unwrap_or(i64::MAX),
            offset: line.offset,
            hash: record_hash(line.raw),
        };
        rows.push(&head, &fields);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    lost.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// The fields of a line, and its time.
fn read(text: &str, header: &Header, fields: &mut Fields) -> Option<Instant> {
    let names = header.fields.as_deref().unwrap_or(FIELDS).split_ascii_whitespace();
    let mut values = text.split(' ');
    let (mut date, mut time) = ("", "");
    for name in names {
        let value = values.next().filter(|value| !value.is_empty());
        match (name, value) {
            ("date", Some(value)) => date = value,
            ("time", Some(value)) => time = value,
            // Newer systems name columns behind the last that older lines have.
            (_, None) if fields.get("Action").is_some() => {}
            (_, None) => return None,
            (_, Some("-")) => {}
            (name, Some(value)) => {
                let known = COLUMNS.iter().find(|(column, _)| *column == name);
                fields.push(known.map_or(name, |(_, column)| column), value, Role::Data);
            }
        }
    }
    Instant::parse(&format!("{date} {time}"))
}

/// Lines that the firewall itself says it did not write.
#[derive(Default)]
struct Lost {
    times: u64,
    events: u64,
    first: u64,
}

impl Lost {
    fn note(&mut self, count: Option<&str>, offset: u64) {
        if self.times == 0 {
            self.first = offset;
        }
        self.times += 1;
        self.events = self.events.saturating_add(count.and_then(|count| count.parse().ok()).unwrap_or(0));
    }

    fn tell(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        if self.times > 0 {
            let issue = Issue::new(
                "firewall-events-lost",
                cx.path,
                format!("the firewall says {} times that it lost events, {} in all", self.times, self.events),
                "connections of these moments are not in the log: that one is missing proves nothing",
                "compare with the logs of other firewalls and of the other side",
            );
            parsed.issues.push(issue.of(cx.evidence).at(self.first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, read};

    const LOG: &str = "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\r\n\r\n\
        2021-03-03 01:02:03 ALLOW TCP 198.51.100.7 10.0.0.5 51000 3389 0 - 0 0 0 - - - RECEIVE\r\n\
        2021-03-03 01:02:04 INFO-EVENTS-LOST - - - - - - - - - - - - 14 -\r\n\
        2021-03-03 01:02:05 DROP UDP fe80::1 ff02::c 51001 1900 60 - - - - - - - RECEIVE 884\r\nbroken\r\n";
    const SHOWN: [&str; 9] = [
        "event_time",
        "time_basis",
        "Action",
        "Protocol",
        "SourceIp",
        "DestinationIp",
        "DestinationPort",
        "Direction",
        "record",
    ];

    #[test]
    fn a_line_is_a_row_with_the_hosts_time() {
        assert!(recognise(LOG.as_bytes(), "x"));
        let found = read(parse_lines, LOG.as_bytes(), "pfirewall.log");
        assert_eq!(
            found.columns(&SHOWN),
            [
                "2021-03-03T01:02:03Z | firewall log, zone unknown | ALLOW | TCP | 198.51.100.7 | 10.0.0.5 | 3389 | RECEIVE | 6",
                "2021-03-03T01:02:04Z | firewall log, zone unknown | INFO-EVENTS-LOST | ~ | ~ | ~ | ~ | ~ | 7",
                "2021-03-03T01:02:05Z | firewall log, zone unknown | DROP | UDP | fe80::1 | ff02::c | 1900 | RECEIVE | 8",
            ]
        );
        let slugs: Vec<_> =
            found.issues.iter().map(|issue| issue.split(':').next().unwrap_or_default()).collect();
        assert_eq!(slugs, ["firewall-line", "firewall-events-lost", "time-zone-unknown"]);
        damage(parse_lines, LOG.as_bytes(), "x", 2_000);
    }

    #[test]
    fn the_header_may_say_another_clock_or_other_columns() {
        let log = LOG.replace("Local", "UTC").replace("info path", "info path pid").replace("broken\r\n", "");
        let found = read(parse_lines, log.as_bytes(), "x");
        assert_eq!(found.rows[2]["time_basis"], "firewall log");
        assert_eq!((found.rows[2].get("ProcessId").map(String::as_str), found.rows.len()), (Some("884"), 3));
        assert!(!recognise(
            b"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip",
            "x"
        ));
    }
}
