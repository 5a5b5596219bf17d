//! The directory of a domain controller (`ntds.dit`): its accounts, and when what of them was changed by which controller.
//!
//! In: `datatable`, whose columns are attributes by their numbers, and `link_table`. Out: `directory.object` a user,
//! computer or group, at the time of `whenCreated`, which no client can write; `directory.change` a row for each change of
//! an attribute that matters, from `replPropertyMetaData`, and for each member of a group, from the link's own metadata.
//!
//! **No secret is read.** Of passwords, hashes, keys and their like only is said that an object has them: their bytes are
//! not taken out of the record. Attributes that a forest added itself (LAPS among them) have other numbers in each forest and
//! are not looked at at all.
//!
//! Sources: MS-ADTS, MS-DRSR; the layout of `PROPERTY_META_DATA_VECTOR` and `VALUE_META_DATA` as `DSInternals` reads them.

mod attributes;
mod names;
#[cfg(test)]
mod tests;

use piste_model::{Instant, Issue};

use self::attributes::{
    ACCOUNT_TYPES, CLASSES, Form, IS_DELETED, KEY_CREDENTIAL, MEMBER, META_DATA, PRESENT, Present, SHOWN,
    Shown, WATCHED, WATCHED_LINKS, Watched,
};
use self::names::{Links, Names, number_of};
use super::bytes::{LastNumber, u32_at, u64_at};
use super::catalog::Table;
use super::record::{Column, Record};
use super::sink::{Sink, filetime, guid, sid};
use super::values::{Values, number, push_text};
use super::{Database, Maker, Meaning};
use crate::Context;
use crate::account_control;

/// Groups of an object that a row names.
const GROUPS_MAX: usize = 200;
/// Values of one attribute that a row shows.
const SHOWN_MAX: usize = 50;
/// Bytes before the entries of `replPropertyMetaData`, and of an entry.
const META_HEAD: usize = 16;
const META_ENTRY: usize = 48;
/// Attributes that an object's metadata may have.
const META_MAX: usize = 4_096;

/// The directory.
#[derive(Debug)]
pub(super) struct Directory;

impl Directory {
    pub(super) fn of(database: &Database, cx: &Context<'_>, issues: &mut Vec<Issue>) -> Self {
        let can = database.table("datatable").is_some_and(Names::can_look_up);
        if !can {
            issues.push(
                Issue::new(
                    "directory-names-unknown",
                    cx.path,
                    "the catalogue names no index of `datatable` by number",
                    "objects have their own name alone: no distinguished name, no groups",
                    "compare the file with another copy of it, or run `esentutl /d` over a copy",
                )
                .of(cx.evidence),
            );
        }
        Self
    }
}

impl Meaning for Directory {
    fn maker<'d>(&'d self, database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        match table.name.as_str() {
            "datatable" => {
                let links = database.table("link_table").and_then(Links::of);
                Some(Box::new(ObjectMaker::new(table, links)))
            }
            "link_table" => Some(Box::new(LinkMaker {
                table,
                names: Names::of(database.table("datatable")?),
                value: Vec::new(),
            })),
            _ => None,
        }
    }
}

/// Seconds since 1601.
fn seconds(count: i64) -> Option<Instant> {
    const UNIX_EPOCH: i64 = 11_644_473_600;
    let nanos = count.checked_sub(UNIX_EPOCH)?.checked_mul(1_000_000_000)?;
    (count > 0).then_some(Instant { nanos, digits: 0 })
}

struct ObjectMaker<'d> {
    table: &'d Table,
    shown: Vec<(&'static Shown, &'d Column)>,
    present: Vec<(&'static Present, &'d Column)>,
    deleted: Option<&'d Column>,
    meta: Option<&'d Column>,
    names: Names<'d>,
    links: Option<Links<'d>>,
    value: Vec<u8>,
    all: Vec<Vec<u8>>,
    text: String,
}

impl<'d> ObjectMaker<'d> {
    fn new(table: &'d Table, links: Option<Links<'d>>) -> Self {
        let shown = SHOWN.iter().filter_map(|shown| Some((shown, table.column(shown.column)?)));
        let present = PRESENT.iter().filter_map(|present| Some((present, table.column(present.column)?)));
        Self {
            table,
            shown: shown.collect(),
            present: present.collect(),
            deleted: table.column(IS_DELETED),
            meta: table.column(META_DATA),
            names: Names::of(table),
            links,
            value: Vec::new(),
            all: Vec::new(),
            text: String::new(),
        }
    }

    /// The text of one attribute of those that are shown.
    fn text_of(&mut self, record: &Record<'_>, name: &str, values: &mut Values) -> String {
        let column = self.shown.iter().find(|(shown, _)| shown.name == name).map(|(_, column)| *column);
        let mut text = String::new();
        if let Some(column) = column
            && let Some(stored) = record.get(column)
            && values.one(self.table, stored, &mut self.value)
        {
            push_text(column, &self.value, &mut text);
        }
        text
    }

    fn push_object(
        &mut self,
        record: &Record<'_>,
        dn: Option<&str>,
        values: &mut Values,
        sink: &mut Sink<'_>,
    ) {
        let mut created = None;
        for (shown, column) in &self.shown {
            let Some(stored) = record.get(column) else { continue };
            values.all(self.table, stored, &mut self.all);
            if shown.name == "whenCreated" {
                created = self.all.first().and_then(|value| seconds(number(column, value)?));
            }
            self.text.clear();
            for value in self.all.iter().take(SHOWN_MAX) {
                if !self.text.is_empty() {
                    self.text.push_str("; ");
                }
                push_shown(shown.form, column, value, &mut self.text);
            }
            sink.field(shown.name, &self.text);
            if shown.name == "servicePrincipalName" {
                sink.number("servicePrincipalNameCount", self.all.len() as u64);
            }
        }
        sink.field("distinguishedName", dn.unwrap_or_default());
        self.push_presence(record, sink);
        self.push_links(record, values, sink);
        sink.push("directory.object", created, "whenCreated", "");
    }

    /// Names what is there and not read.
    fn push_presence(&mut self, record: &Record<'_>, sink: &mut Sink<'_>) {
        if number_of(record, self.deleted).is_some_and(|deleted| deleted != 0) {
            sink.field("isDeleted", "true");
        }
        self.text.clear();
        for (present, column) in &self.present {
            if record.get(column).is_none() {
                continue;
            }
            if present.is_secret {
                if !self.text.is_empty() {
                    self.text.push_str(", ");
                }
                self.text.push_str(present.name);
            } else {
                sink.field(present.name, "present");
            }
        }
        sink.field("SecretsPresent", &self.text);
    }

    fn push_links(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let (Some(number), Some(links)) = (self.names.number(record), self.links.as_mut()) else { return };
        let groups = links.to(number, MEMBER, values);
        if links.has_from(number, KEY_CREDENTIAL, values) {
            sink.field("msDS-KeyCredentialLink", "present");
        }
        self.text.clear();
        for group in groups.iter().take(GROUPS_MAX) {
            if let Some(name) = self.names.of_number(*group, values) {
                if !self.text.is_empty() {
                    self.text.push_str("; ");
                }
                self.text.push_str(&name);
            }
        }
        sink.field("memberOf", &self.text);
        if !groups.is_empty() {
            sink.number("memberOfCount", groups.len() as u64);
        }
    }

    /// A row for each change that matters.
    fn push_changes(
        &mut self,
        record: &Record<'_>,
        account: &str,
        dn: Option<&str>,
        values: &mut Values,
        sink: &mut Sink<'_>,
    ) {
        let Some(stored) = self.meta.and_then(|column| record.get(column)) else { return };
        if !values.one(self.table, stored, &mut self.value) {
            return;
        }
        let entries = self.value.get(META_HEAD..).unwrap_or_default();
        for entry in entries.chunks_exact(META_ENTRY).take(META_MAX) {
            let number = u32_at(entry, 0).unwrap_or_default();
            let Some(watched) = WATCHED.iter().find(|watched| watched.number == number) else { continue };
            sink.field("ObjectName", account);
            sink.field("distinguishedName", dn.unwrap_or_default());
            push_change(watched, entry, sink);
        }
    }
}

/// `PROPERTY_META_DATA`: attribute, version, time, controller, its number of the change, our number of it.
fn push_change(watched: &Watched, entry: &[u8], sink: &mut Sink<'_>) {
    let time = u64_at(entry, 8).and_then(|count| seconds(count.cast_signed()));
    sink.field("Attribute", watched.name);
    sink.field("Reason", watched.reason);
    sink.number("Version", u32_at(entry, 4).unwrap_or_default());
    sink.time("OriginatingTime", time);
    sink.field("OriginatingDsa", &guid(entry.get(16..32).unwrap_or_default()));
    sink.number("OriginatingUsn", u64_at(entry, 32).unwrap_or_default());
    sink.number("LocalUsn", u64_at(entry, 40).unwrap_or_default());
    sink.push("directory.change", time, "replPropertyMetaData", "");
}

impl Maker for ObjectMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let account = self.text_of(record, "sAMAccountName", values);
        let has_meta = self.meta.is_some_and(|column| record.get(column).is_some());
        if account.is_empty() && !has_meta {
            return;
        }
        let dn = self.names.of_row(record, values);
        if !account.is_empty() {
            self.push_object(record, dn.as_deref(), values, sink);
        }
        let name = if account.is_empty() { self.text_of(record, "name", values) } else { account };
        self.push_changes(record, &name, dn.as_deref(), values, sink);
    }
}

fn push_shown(form: Form, column: &Column, value: &[u8], out: &mut String) {
    let number = || number(column, value).unwrap_or_default();
    let time = |time: Option<Instant>| time.map(|time| time.to_string()).unwrap_or_default();
    let name_of = |names: &[(i64, &str)], number: i64| {
        let known = names.iter().find(|(known, _)| *known == number);
        known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
    };
    match form {
        Form::Text => push_text(column, value, out),
        Form::Number => out.push_str(&number().to_string()),
        Form::Seconds => out.push_str(&time(seconds(number()))),
        Form::Filetime => out.push_str(&time(filetime(number()))),
        Form::Sid => out.push_str(&sid(value, LastNumber::BigEndian)),
        Form::Guid => out.push_str(&guid(value)),
        Form::Classes => out.push_str(&name_of(&CLASSES, number())),
        Form::AccountType => out.push_str(&name_of(&ACCOUNT_TYPES, number())),
        Form::AccountControl => {
            let flags = number();
            let names = account_control::names(u32::try_from(flags & 0xffff_ffff).unwrap_or(0));
            out.push_str(&names.join(","));
            if names.is_empty() {
                out.push_str(&flags.to_string());
            }
        }
    }
}

struct LinkMaker<'d> {
    table: &'d Table,
    names: Names<'d>,
    value: Vec<u8>,
}

impl Maker for LinkMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let of = |name| number_of(record, self.table.column(name));
        let Some(watched) =
            of("link_base").and_then(|base| WATCHED_LINKS.iter().find(|link| link.base == base))
        else {
            return;
        };
        let (from, to) = (of("link_DNT"), of("backlink_DNT"));
        let removed = of("link_deltime").and_then(seconds);
        sink.field("Attribute", watched.name);
        sink.field("Reason", watched.reason);
        for (name, number) in [("distinguishedName", from), ("LinkedDN", to)] {
            let Some(number) = number else { continue };
            let dn = self.names.of_number(number, values).unwrap_or_else(|| format!("DNT {number}"));
            sink.field(name, &dn);
        }
        sink.time("LinkDeleted", removed);
        let column = self.table.column("link_metadata");
        let has = column
            .and_then(|column| record.get(column))
            .is_some_and(|stored| values.one(self.table, stored, &mut self.value));
        // `VALUE_META_DATA`: when the link came, then as for an attribute.
        let meta = if has && self.value.len() >= 56 { self.value.as_slice() } else { &[] };
        let seconds_at = |at| u64_at(meta, at).and_then(|count| seconds(count.cast_signed()));
        let (created, changed) = (seconds_at(0), seconds_at(16));
        sink.time("LinkCreated", created);
        sink.time("OriginatingTime", changed);
        if let Some(version) = u32_at(meta, 12) {
            sink.number("Version", version);
            sink.field("OriginatingDsa", &guid(meta.get(24..40).unwrap_or_default()));
            sink.number("OriginatingUsn", u64_at(meta, 40).unwrap_or_default());
        }
        match (changed, removed) {
            (Some(changed), _) => sink.push("directory.change", Some(changed), "link_metadata", ""),
            (None, removed) => sink.push("directory.change", removed, "link_deltime", ""),
        }
    }
}
