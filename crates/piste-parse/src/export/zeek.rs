//! Zeek's logs: its own tables, whose header says what they hold, and JSON.
//!
//! In: lines. Out: a row a line under Zeek's field names, in a dataset by the log's path (`zeek.dns`). `-` is an absent value
//! and `(empty)` an empty one, as the header says. The time is `ts`, seconds in UTC. A sensor wrote them, no host.

use piste_model::schema::Role;

use super::times::{self, TimeField};
use super::{Facts, Record, push_facts};
use crate::bad_records::{BadRecords, Words};
use crate::block::Block;
use crate::fields::Fields;
use crate::header::Header;
use crate::rows::Rows;
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "zeek-line",
    unit: "line",
    wanted: "record of this Zeek log",
    hint: "look at the line: sed -n LINEp FILE; the log was perhaps cut or edited after it was made",
};

/// Datasets by the log's path.
const DATASETS: [(&str, &str); 24] = [
    ("conn", "zeek.conn"),
    ("dce_rpc", "zeek.dce_rpc"),
    ("dhcp", "zeek.dhcp"),
    ("dns", "zeek.dns"),
    ("files", "zeek.files"),
    ("ftp", "zeek.ftp"),
    ("http", "zeek.http"),
    ("kerberos", "zeek.kerberos"),
    ("ldap", "zeek.ldap"),
    ("ldap_search", "zeek.ldap_search"),
    ("notice", "zeek.notice"),
    ("ntlm", "zeek.ntlm"),
    ("ocsp", "zeek.ocsp"),
    ("pe", "zeek.pe"),
    ("rdp", "zeek.rdp"),
    ("smb_files", "zeek.smb_files"),
    ("smb_mapping", "zeek.smb_mapping"),
    ("smtp", "zeek.smtp"),
    ("snmp", "zeek.snmp"),
    ("ssh", "zeek.ssh"),
    ("ssl", "zeek.ssl"),
    ("tunnel", "zeek.tunnel"),
    ("weird", "zeek.weird"),
    ("x509", "zeek.x509"),
];
/// Fields that only one log has, for JSON that does not say which it is.
const TELLING: [(&str, &str); 14] = [
    ("conn_state", "zeek.conn"),
    ("qtype_name", "zeek.dns"),
    ("query", "zeek.dns"),
    ("status_code", "zeek.http"),
    ("user_agent", "zeek.http"),
    ("named_pipe", "zeek.dce_rpc"),
    ("request_type", "zeek.kerberos"),
    ("share_type", "zeek.smb_mapping"),
    ("certificate.serial", "zeek.x509"),
    ("cipher", "zeek.ssl"),
    ("auth_attempts", "zeek.ssh"),
    ("mime_type", "zeek.files"),
    ("note", "zeek.notice"),
    ("mailfrom", "zeek.smtp"),
];
const OTHER: &str = "zeek.other";
const TIMES: [TimeField; 1] = [TimeField::utc("ts", "ts")];

fn dataset_of(path: &str) -> Option<&'static str> {
    DATASETS.iter().find(|(name, _)| *name == path).map(|(_, dataset)| *dataset)
}

/// The log that a file is called after: `conn.log`, `conn_20200918.log.gz`, `dns.10:00:00-11:00:00.log`.
fn dataset_of_file(path: &str) -> Option<&'static str> {
    let name = path.rsplit(['/', '\\', '!']).next().unwrap_or(path);
    let stem = name.split(['.', '-']).next().unwrap_or(name);
    let plain = stem.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    dataset_of(stem).or_else(|| dataset_of(plain))
}

/// A record in JSON.
pub(super) fn of_json(record: &Record<'_>, fields: &mut Fields) -> Facts {
    let dataset = fields
        .get("_path")
        .and_then(dataset_of)
        .or_else(|| dataset_of_file(record.path))
        .or_else(|| TELLING.iter().find(|(name, _)| fields.get(name).is_some()).map(|(_, dataset)| *dataset))
        .unwrap_or(OTHER);
    Facts::service(dataset, times::first(fields, &TIMES, record.written))
}

/// What the header of a table said.
#[derive(Debug)]
struct Table {
    separator: char,
    path: String,
    unset: String,
    empty: String,
    names: Vec<String>,
}

impl Default for Table {
    fn default() -> Self {
        let (unset, empty) = ("-".to_owned(), "(empty)".to_owned());
        Self { separator: '\t', path: String::new(), unset, empty, names: Vec::new() }
    }
}

impl Table {
    /// Takes in a line that begins with `#`.
    fn see(&mut self, directive: &str) {
        if let Some(separator) = directive.strip_prefix("separator ") {
            let code = separator.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            self.separator = code.map_or_else(|| separator.chars().next().unwrap_or('\t'), char::from);
            return;
        }
        let mut parts = directive.split(self.separator);
        let name = parts.next().unwrap_or_default();
        let mut one = || parts.next().unwrap_or_default().to_owned();
        match name {
            "path" => self.path = one(),
            "unset_field" => self.unset = one(),
            "empty_field" => self.empty = one(),
            "fields" => self.names = parts.map(str::to_owned).collect(),
            _ => {}
        }
    }
}

/// Takes in one line for the blocks after it.
pub(crate) fn follow(header: &mut Header, line: &str) {
    let Some(directive) = line.strip_prefix('#') else { return };
    if directive.starts_with("separator ") {
        header.fields = None; // another log begins
    }
    let before = header.fields.take().unwrap_or_default();
    header.set_list(&format!("{before}{directive}\n"));
}

/// Parses the lines of one block.
pub(crate) fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut table = Table::default();
    let before = block.header.as_deref().and_then(|header| header.fields.as_deref()).unwrap_or_default();
    before.lines().for_each(|directive| table.see(directive));
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        if let Some(directive) = line.text.strip_prefix('#') {
            if directive.starts_with("separator ") {
                table = Table::default();
            }
            table.see(directive);
            continue;
        }
        if line.text.trim().is_empty() {
            continue;
        }
        let values = line.text.split(table.separator).count();
        if table.names.is_empty() || values != table.names.len() {
            bad.note(&line, format!("the header names {} values, it has {values}", table.names.len()));
            continue;
        }
        fields.clear();
        for (name, value) in table.names.iter().zip(line.text.split(table.separator)) {
            if value == table.unset {
                continue;
            }
            fields.push(name, if value == table.empty { "" } else { value }, Role::Data);
        }
        let dataset = dataset_of(&table.path).or_else(|| dataset_of_file(cx.path)).unwrap_or(OTHER);
        let facts = Facts::service(dataset, times::first(&fields, &TIMES, times::Written::default()));
        match push_facts(&line, &facts, &mut fields, cx, &mut rows) {
            Ok(()) => parsed.records += 1,
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}
