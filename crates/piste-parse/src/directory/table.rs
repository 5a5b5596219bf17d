//! Tables of a directory: `csvde`, ANSSI's `ADTimeline`, and what PowerShell's `Get-ADUser`, `Get-ADComputer` and
//! `Get-ADReplicationAttributeMetadata` give to `Export-Csv`.
//!
//! In: the records of one block, whose first names the columns. Out: a row a record: of `directory.change` where the table
//! holds originating changes, else of `directory.object`. Dates of PowerShell are in the language and the zone of the machine
//! on which it ran; `ADTimeline` writes UTC.

use std::borrow::Cow;

use piste_model::schema::Role;

use super::attributes::{Moment, hex_bytes, is_secret, moment};
use super::object::{Change, Object, push_change, push_raw};
use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::csv::split_at;
use crate::dates::Order;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::text_pieces::decoded;
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "directory-row",
    unit: "line",
    wanted: "record of this table",
    hint: "look at the lines there: sed -n 'LINE,+5p' FILE; the table was perhaps cut or edited after it was made",
};

/// Columns of the originating change's facts: `ADTimeline`'s and the replication API's, then PowerShell's.
const TIME: [&str; 2] = ["ftimeLastOriginatingChange", "LastOriginatingChangeTime"];
const ATTRIBUTE: [&str; 2] = ["pszAttributeName", "AttributeName"];
const OBJECT: [&str; 4] = ["DN", "DistinguishedName", "Object", "pszObjectDn"];
const VERSION: [&str; 2] = ["dwVersion", "Version"];
const SERVER: [&str; 4] = [
    "pszLastOriginatingDsaDN",
    "LastOriginatingChangeDirectoryServerIdentity",
    "uuidLastOriginatingDsaInvocationID",
    "LastOriginatingChangeDirectoryServerInvocationId",
];
const USN: [&str; 2] = ["usnOriginatingChange", "LastOriginatingChangeUsn"];
const LOCAL_USN: [&str; 2] = ["usnLocalChange", "LocalChangeUsn"];
const MEMBER: [&str; 1] = ["Member"];
const CREATED: [&str; 2] = ["ftimeCreated", "FirstOriginatingCreateTime"];
const DELETED: [&str; 2] = ["ftimeDeleted", "LastOriginatingDeleteTime"];

/// The columns of a table.
#[derive(Debug)]
struct Columns {
    names: Vec<String>,
    delimiter: char,
    changes: bool,
}

impl Columns {
    fn of(list: &str) -> Option<Self> {
        let list = list.trim_start_matches('\u{feff}');
        let count = |one: char| list.matches(one).count();
        let delimiter =
            [';', '\t'].into_iter().fold(',', |best, one| if count(one) > count(best) { one } else { best });
        let mut values = Vec::new();
        split_at(list, delimiter, &mut values).ok()?;
        let names: Vec<String> = values.iter().map(|name| name.trim().to_owned()).collect();
        let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
        let any = |wanted: &[&str]| wanted.iter().any(|name| has(name));
        let changes = any(&TIME) && any(&ATTRIBUTE);
        let named = has("DN") || has("DistinguishedName");
        let object = named && any(&["objectClass", "sAMAccountName", "objectGUID", "objectSid", "SID"]);
        (changes || object).then_some(Self { names, delimiter, changes })
    }
}

fn is_remark(line: &str) -> bool {
    crate::export::table::is_remark(line)
}

/// Whether a file is a table of a directory.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let text = decoded(head);
    let list = text.lines().find(|line| !is_remark(line));
    list.is_some_and(|list| !list.starts_with(['{', '[', '<']) && Columns::of(list).is_some())
}

/// Parses the records of one block.
pub fn parse_records(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let header = block.header.as_deref();
    let order = header.and_then(|header| header.table_order).unwrap_or_default();
    let mut list = header.and_then(|header| header.fields.clone());
    let mut columns = list.as_deref().and_then(Columns::of);
    parsed.note_too_long(cx, block, "record");
    for line in block.records() {
        if is_remark(&line.text) || list.as_deref() == Some(&*line.text) {
            continue;
        }
        if list.is_none() {
            columns = Columns::of(&line.text);
            list = Some(line.text.clone().into_owned());
            continue;
        }
        let Some(columns) = &columns else {
            bad.note(&line, "the column list above it cannot be read");
            continue;
        };
        match split_row(&line.text, columns) {
            Ok(row) => {
                if columns.changes {
                    push_row_of_change(&row, order, &line, cx, &mut fields, &mut rows);
                } else {
                    let object = object_of(&row, order, &line);
                    push_raw(&object, line.raw, cx, &mut fields, &mut rows);
                }
                parsed.records += 1;
            }
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// A record's values under their columns.
struct RowOf<'a> {
    columns: &'a Columns,
    values: Vec<Cow<'a, str>>,
}

impl RowOf<'_> {
    fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.columns.names.iter().map(String::as_str);
        names.zip(self.values.iter().map(|value| value.trim())).filter(|(_, value)| !value.is_empty())
    }

    fn first(&self, names: &[&str]) -> &str {
        let cell = |wanted: &&str| self.cells().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        names.iter().find_map(cell).map_or("", |(_, value)| value)
    }
}

fn split_row<'a>(text: &'a str, columns: &'a Columns) -> Result<RowOf<'a>, String> {
    let mut values = Vec::with_capacity(columns.names.len());
    split_at(text, columns.delimiter, &mut values)?;
    if values.len() != columns.names.len() {
        return Err(format!("the header names {} values, it has {}", columns.names.len(), values.len()));
    }
    Ok(RowOf { columns, values })
}

fn object_of(row: &RowOf<'_>, order: Order, line: &Line<'_>) -> Object {
    let mut object = Object::default();
    object.begin(line.number, line.offset);
    for (name, value) in row.cells() {
        if name.eq_ignore_ascii_case("DN") || name.eq_ignore_ascii_case("DistinguishedName") {
            value.clone_into(&mut object.name);
        } else if let Some(bytes) = hex_bytes(value) {
            object.add_bytes(name, &bytes, value);
        } else if !value.starts_with("Microsoft.ActiveDirectory.") {
            object.add(name, value, order); // a collection that Export-Csv did not write has only its class's name
        }
    }
    object
}

fn push_row_of_change(
    row: &RowOf<'_>,
    order: Order,
    line: &Line<'_>,
    cx: &Context<'_>,
    fields: &mut Fields,
    rows: &mut Rows<'_>,
) {
    let when = |names: &[&str]| {
        // Nought of the API's clock stands for never.
        moment(row.first(names), order).filter(|one| !one.time.to_string().starts_with("1601-01-01"))
    };
    let change = Change {
        object: row.first(&OBJECT),
        attribute: row.first(&ATTRIBUTE),
        version: row.first(&VERSION),
        time: when(&TIME),
        server: row.first(&SERVER),
        originating_usn: row.first(&USN),
        local_usn: row.first(&LOCAL_USN),
        member: row.first(&MEMBER),
        state: "",
        created: when(&CREATED).filter(|one| one.zoned).map(|one: Moment| one.time),
        deleted: when(&DELETED).filter(|one| one.zoned).map(|one: Moment| one.time),
    };
    fields.clear();
    let groups: [&[&str]; 10] =
        [&TIME, &ATTRIBUTE, &OBJECT, &VERSION, &SERVER, &USN, &LOCAL_USN, &MEMBER, &CREATED, &DELETED];
    let secret = is_secret(change.attribute);
    for (name, value) in row.cells() {
        let known = groups.iter().any(|names| names.iter().any(|one| one.eq_ignore_ascii_case(name)));
        let value_of_secret = secret && name.eq_ignore_ascii_case("AttributeValue");
        if value_of_secret {
            fields.push("WithheldAttributes", change.attribute, Role::System);
        } else if !known {
            fields.push(super::attributes::canonical(name), value, Role::Data);
        }
    }
    for (names, column) in [(&CREATED, "LinkCreated"), (&DELETED, "LinkDeleted")] {
        if !when(names).is_none_or(|one| one.zoned) {
            fields.push(column, row.first(names), Role::Data); // as written: its zone is unknown
        }
    }
    push_change(&change, line.number, line.offset, line.raw, cx, fields, rows);
}
