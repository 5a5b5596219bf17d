//! Objects and changes of a directory, as rows.
//!
//! In: an object's attributes, one by one, or one change. Out: a row of `directory.object` or `directory.change`. Values of one
//! attribute are joined with `;`, as `csvde` does.

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use super::attributes::{Moment, canonical, control, is_secret, of_bytes, readable};
use crate::Context;
use crate::dates::Order;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::text_pieces::PieceText;

/// Letters of base64 that are kept of bytes that are no text.
const CODED_MAX: usize = 256;
/// Bytes of values of one attribute that are kept: members of a large group.
const VALUES_MAX: usize = 4 << 20;

/// An object that is being read.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// Its distinguished name.
    pub(super) name: String,
    line: u64,
    /// Where it begins; `None` while none is open.
    offset: Option<u64>,
    values: Vec<Attribute>,
    withheld: Vec<String>,
    created: Option<Moment>,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    value: String,
}

impl Object {
    /// Begins a new one.
    pub(super) fn begin(&mut self, line: u64, offset: u64) {
        *self = Self { line, offset: Some(offset), ..Self::default() };
    }

    pub(super) fn is_open(&self) -> bool {
        self.offset.is_some()
    }

    /// Adds a value of an attribute.
    pub(super) fn add(&mut self, name: &str, value: &str, order: Order) {
        let name = canonical(name);
        if self.withhold(name) || value.is_empty() {
            return;
        }
        let (shown, moment) = readable(name, value, order);
        if name == "whenCreated" {
            self.created = self.created.or(moment);
        }
        if name == "userAccountControl"
            && let Some(flags) = control(value)
        {
            self.push("UserAccountControlFlags", &flags);
        }
        self.push(name, shown.as_deref().unwrap_or(value));
    }

    /// Adds a value that is bytes; `coded` is how the file has it.
    pub(super) fn add_bytes(&mut self, name: &str, bytes: &[u8], coded: &str) {
        let name = canonical(name);
        if self.withhold(name) {
            return;
        }
        match of_bytes(name, bytes) {
            Some(text) => self.add(name, &text, Order::default()),
            None if coded.len() <= CODED_MAX => self.push(name, coded),
            None => self.push(name, &format!("{} bytes", bytes.len())),
        }
    }

    fn withhold(&mut self, name: &str) -> bool {
        let secret = is_secret(name);
        if secret && !self.withheld.iter().any(|one| one == name) {
            self.withheld.push(name.to_owned());
        }
        secret
    }

    fn push(&mut self, name: &str, value: &str) {
        if let Some(one) = self.values.iter_mut().find(|one| one.name == name) {
            if one.value.len() + value.len() < VALUES_MAX {
                one.value.push(';');
                one.value.push_str(value);
            }
        } else if self.values.len() < Fields::MAX {
            self.values.push(Attribute { name: name.to_owned(), value: value.to_owned() });
        }
    }

    fn fill(&self, fields: &mut Fields) {
        fields.clear();
        if !self.name.is_empty() {
            fields.push("DistinguishedName", &self.name, Role::Data);
        }
        for Attribute { name, value } in &self.values {
            if name != "distinguishedName" {
                fields.push(name, value, Role::Data);
            } else if self.name.is_empty() {
                fields.push("DistinguishedName", value, Role::Data);
            }
        }
        if !self.withheld.is_empty() {
            fields.push("WithheldAttributes", &self.withheld.join(","), Role::System);
        }
    }

    fn head<'c>(&self, cx: &'c Context<'_>, raw: &[u8]) -> Head<'c> {
        Head {
            dataset: Some("directory.object"),
            channel: "",
            provider: "",
            event_code: None,
            time: self.created.map(|created| created.time),
            time_basis: basis(self.created, "whenCreated", "whenCreated, zone unknown"),
            host: cx.host_or_hint(""),
            record: i64::try_from(self.line).unwrap_or(i64::MAX),
            offset: self.offset.unwrap_or_default(),
            hash: record_hash(raw),
        }
    }
}

fn basis(moment: Option<Moment>, zoned: &'static str, unzoned: &'static str) -> &'static str {
    match moment {
        None => "",
        Some(Moment { zoned: true, .. }) => zoned,
        Some(_) => unzoned,
    }
}

/// Ends the object that is open, if one is, with its row: its bytes are those of the piece from its begin to `end`. How many
/// rows there are.
pub(super) fn push_object(
    object: &mut Object,
    piece: &PieceText<'_>,
    end: u64,
    cx: &Context<'_>,
    fields: &mut Fields,
    rows: &mut Rows<'_>,
) -> u64 {
    let Some(offset) = object.offset else { return 0 };
    push_raw(object, piece.between(offset, end), cx, fields, rows);
    *object = Object::default();
    1
}

/// The row of an object whose bytes are at hand.
pub(super) fn push_raw(
    object: &Object,
    raw: &[u8],
    cx: &Context<'_>,
    fields: &mut Fields,
    rows: &mut Rows<'_>,
) {
    object.fill(fields);
    rows.push(&object.head(cx, raw), fields);
}

/// One change of an attribute.
#[derive(Debug, Default)]
pub(super) struct Change<'a> {
    pub(super) object: &'a str,
    pub(super) attribute: &'a str,
    pub(super) version: &'a str,
    pub(super) time: Option<Moment>,
    pub(super) server: &'a str,
    pub(super) originating_usn: &'a str,
    pub(super) local_usn: &'a str,
    /// Of a link, such as a group's member: what it points to.
    pub(super) member: &'a str,
    /// `present`, `absent` or `legacy`, of a link.
    pub(super) state: &'a str,
    pub(super) created: Option<Instant>,
    pub(super) deleted: Option<Instant>,
}

/// A row of a change.
pub(super) fn push_change(
    change: &Change<'_>,
    line: u64,
    offset: u64,
    raw: &[u8],
    cx: &Context<'_>,
    fields: &mut Fields,
    rows: &mut Rows<'_>,
) {
    let time = change.time.map(|moment| moment.time.to_string()).unwrap_or_default();
    let moment = |time: Option<Instant>| time.map(|time| time.to_string()).unwrap_or_default();
    let (created, deleted) = (moment(change.created), moment(change.deleted));
    for (name, value) in [
        ("DistinguishedName", change.object),
        ("Attribute", change.attribute),
        ("Version", change.version),
        ("OriginatingTime", &time),
        ("OriginatingServer", change.server),
        ("OriginatingUSN", change.originating_usn),
        ("LocalUSN", change.local_usn),
        ("Member", change.member),
        ("LinkState", change.state),
        ("LinkCreated", &created),
        ("LinkDeleted", &deleted),
    ] {
        if !value.is_empty() {
            fields.push(name, value, Role::Data);
        }
    }
    let head = Head {
        dataset: Some("directory.change"),
        channel: "",
        provider: "",
        event_code: None,
        time: change.time.map(|moment| moment.time),
        time_basis: basis(change.time, "originating change", "originating change, zone unknown"),
        host: cx.host_or_hint(""),
        record: i64::try_from(line).unwrap_or(i64::MAX),
        offset,
        hash: record_hash(raw),
    };
    rows.push(&head, fields);
}
