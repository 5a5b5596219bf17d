//! Browsing of Internet Explorer and Edge before Chromium, and of programs that use `WinINet` (`WebCacheV01.dat`).
//!
//! In: `Containers`, which names the tables `Container_N`. Out: of the history `web.visit`, a row a visited address with the
//! user that the entry names; of downloads `web.download`; of cookies, DOM storage and cached pages `web.cache`. The row's
//! time is `AccessedTime`.
//!
//! Source: libyal's esedb-kb, "`WebCache` database".

use std::collections::HashMap;

use super::bytes::u32_at;
use super::catalog::Table;
use super::record::{Column, Record, kind};
use super::sink::{Sink, describe, filetime};
use super::values::{Values, number};
use super::{Database, Maker, Meaning};

/// Containers that are kept.
const CONTAINERS_MAX: usize = 10_000;
/// Columns that hold a FILETIME.
const TIMES: [&str; 6] =
    ["SyncTime", "CreationTime", "ExpiryTime", "ModifiedTime", "AccessedTime", "PostCheckTime"];
/// Columns that say nothing to a person.
const LEFT_OUT: [&str; 6] =
    ["UrlHash", "SecureDirectory", "UrlSchemaType", "ExemptionDelta", "ExtraData", "ResponseHeaders"];

#[derive(Debug, Default)]
struct Container {
    name: String,
    folder: String,
}

/// The database with what its containers are.
#[derive(Debug)]
pub(super) struct WebCache {
    containers: HashMap<u32, Container>,
}

impl WebCache {
    pub(super) fn read(database: &Database) -> Self {
        let mut containers = HashMap::new();
        let table = database.table("Containers");
        let columns =
            table.and_then(|table| Some((table, table.column("ContainerId")?, table.column("Name")?)));
        let Some((table, id, name)) = columns else { return Self { containers } };
        let folder = table.column("Directory");
        let mut value = Vec::new();
        database.each_row(table, |record, values| {
            let Some(id) = record.get(id).and_then(|stored| u32_at(stored.bytes, 0)) else { return };
            let mut text = |column: &Column| {
                let mut out = String::new();
                if record.get(column).is_some_and(|stored| values.one(table, stored, &mut value)) {
                    describe(column, &value, &mut out);
                }
                out
            };
            let container = Container { name: text(name), folder: folder.map(&mut text).unwrap_or_default() };
            if containers.len() < CONTAINERS_MAX {
                containers.insert(id, container);
            }
        });
        Self { containers }
    }
}

impl Meaning for WebCache {
    fn maker<'d>(&'d self, _database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        let id: u32 = table.name.strip_prefix("Container_")?.parse().ok()?;
        table.column("Url")?;
        let container = self.containers.get(&id);
        Some(Box::new(WebMaker { table, container, value: Vec::new(), text: String::new() }))
    }
}

struct WebMaker<'d> {
    table: &'d Table,
    container: Option<&'d Container>,
    value: Vec<u8>,
    text: String,
}

impl WebMaker<'_> {
    fn dataset(&self) -> &'static str {
        let name = self.container.map_or("", |container| container.name.as_str());
        match name {
            "iedownload" => "web.download",
            _ if name.eq_ignore_ascii_case("History") || name.starts_with("MSHist") => "web.visit",
            _ => "web.cache",
        }
    }
}

impl Maker for WebMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let mut accessed = None;
        if let Some(container) = self.container {
            sink.field("Container", &container.name);
            sink.field("ContainerPath", &container.folder);
        }
        for column in &self.table.columns {
            if LEFT_OUT.contains(&column.name.as_str()) {
                continue;
            }
            let Some(stored) = record.get(column) else { continue };
            if !values.one(self.table, stored, &mut self.value) {
                continue;
            }
            let name = column.name.as_str();
            if TIMES.contains(&name) {
                let time = number(column, &self.value).and_then(filetime);
                if name == "AccessedTime" {
                    accessed = time;
                }
                sink.time(name, time);
                continue;
            }
            self.text.clear();
            describe(column, &self.value, &mut self.text);
            match name {
                "Url" => push_url(&self.text, sink),
                // Headers are text in bytes.
                "RequestHeaders" if column.kind == kind::LONG_BINARY => {
                    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&self.value);
                    sink.field(name, text.trim_end_matches(['\0', '\r', '\n']));
                }
                name => sink.field(name, &self.text),
            }
        }
        sink.push(self.dataset(), accessed, "AccessedTime", "");
    }
}

/// `Visited: user@http://…` names the user too; `:2023020120230202: user@…` besides that the days.
fn push_url(written: &str, sink: &mut Sink<'_>) {
    let entry = written.strip_prefix("Visited: ").or_else(|| {
        let (days, entry) = written.strip_prefix(':')?.split_once(": ")?;
        (days.len() == 16 && days.bytes().all(|byte| byte.is_ascii_digit())).then_some(entry)
    });
    match entry.and_then(|entry| entry.split_once('@')) {
        Some((user, url)) => {
            sink.field("Url", url);
            sink.field("User", user);
        }
        None => sink.field("Url", entry.unwrap_or(written)),
    }
}
