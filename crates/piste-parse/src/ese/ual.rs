//! User access logging of a server (`LogFiles\Sum`): which account used which of its roles from which address, by the day.
//!
//! In: `Current.mdb` and the `{GUID}.mdb` of each year, and beside them `SystemIdentity.mdb`, which names the server and its
//! roles. Out: `ual.access`, a row a client and day on which it came, `ual.client` a row for its first and its last time,
//! `ual.role`, `ual.dns`, `ual.virtual_machine`, `ual.system`.
//!
//! **The day**: a client's record counts accesses in columns `Day1` to `Day366`, the days of one year, which no column names.
//! It is taken from the list of databases in `SystemIdentity.mdb`, else from the one year in which that day lies between
//! `InsertDate` and `LastAccess`. Where both fail, the row has no time, and says what is known. The days are taken as days
//! in UTC; a count ends at 65,535.
//!
//! Sources: Microsoft's "Manage User Access Logging"; `KStrike` and `SumECmd` for the columns and the roles' GUIDs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use piste_model::Instant;

use super::catalog::Table;
use super::record::{Column, Record};
use super::sink::{Sink, describe, guid, jet_time};
use super::values::Values;
use super::{Database, Maker, Meaning};
use crate::Context;
use crate::random_access::Companion;

/// Roles, and databases of years, that are kept.
const ROLES_MAX: usize = 10_000;
/// Years that one record may reach over.
const YEARS_MAX: i32 = 8;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Roles by their GUIDs, for servers whose own list is not at hand.
const ROLES: [(&str, &str); 21] = [
    ("10a9226f-50ee-49d8-a393-9a501d47ce04", "File Server"),
    ("1479a8c1-9808-411e-9739-2d3c5923e86a", "Remote Desktop Gateway"),
    ("2414bc1b-1572-4cd9-9ca5-65166d8def3d", "SQL Server Analysis Services"),
    ("4116a14d-3840-4f42-a67f-f2f9ff46eb4c", "Windows Deployment Services"),
    ("48eed6b2-9cdc-4358-b5a5-8dea3b2f3f6a", "DHCP Server"),
    ("4ad13311-ec3b-447e-9056-14ede9fa7052", "Active Directory Lightweight Directory Services"),
    ("7cc4b071-292c-4732-97a1-cf9a7301195d", "FAX Server"),
    ("7fb09bd3-7fe6-435e-8348-7d8aefb6cea3", "Print and Document Services"),
    ("8cc0ac85-40f7-4886-9dab-021519800418", "Reporting Services"),
    ("90e64afa-70db-4fef-878b-7eb8c868f091", "Remote Desktop Services"),
    ("910cbaf9-b612-4782-a21f-f7c75105434a", "BranchCache"),
    ("952285d9-edb7-4b6b-9d85-0c09e3da0bbd", "Remote Access"),
    ("ad495fc3-0eaa-413d-ba7d-8b13fa7ec598", "Active Directory Domain Services"),
    ("b4cdd739-089c-417e-878d-855f90081be7", "Active Directory Rights Management Service"),
    ("bbd85b29-9dcc-4fd9-865d-3846dcba75c7", "Network Policy and Access Services"),
    ("bd7f7c0d-7c36-4721-afa8-0ba700e26d9e", "SQL Server Database Engine"),
    ("c23f1c6a-30a8-41b6-bbf7-f266563dfcd6", "FTP Server"),
    ("c50fcc83-bc8d-4df5-8a3d-89d7f80f074b", "Active Directory Certificate Services"),
    ("d6256cf7-98fb-4eb4-aa18-303f1da1f770", "Web Server"),
    ("d8dc1c8e-ea13-49ce-9a68-c9dca8db8b33", "Windows Server Update Services"),
    ("dde30b98-449e-4b93-84a6-ea86af0b19fe", "MSMQ"),
];

/// What `SystemIdentity.mdb` says of the server.
#[derive(Debug, Default)]
pub(super) struct Ual {
    host: String,
    roles: HashMap<String, String>,
    /// The year that this database is of, if the list of databases says so.
    year: Option<i32>,
}

impl Ual {
    pub(super) fn read(database: &Database, companions: &[Companion], cx: &Context<'_>) -> Self {
        let mut ual = Self::default();
        if database.table("SYSTEM_IDENTITY").is_some() {
            ual.take_identity(database, file_name(cx.path));
            return ual;
        }
        let identity =
            companions.iter().find(|one| file_name(&one.path).eq_ignore_ascii_case("SystemIdentity.mdb"));
        let identity = identity.and_then(|one| Database::open(Arc::clone(&one.content)).ok());
        if let Some(identity) = identity {
            ual.take_identity(&identity, file_name(cx.path));
        }
        ual
    }

    fn take_identity(&mut self, identity: &Database, own_name: &str) {
        let (mut name, mut domain) = (String::new(), String::new());
        each_text(identity, "SYSTEM_IDENTITY", &["SystemDNSHostName", "SystemDomainName"], |texts| {
            if let [one, two] = texts {
                (name, domain) = (one.clone(), two.clone());
            }
        });
        let is_whole = name.contains('.') || !domain.contains('.') || name.is_empty();
        self.host = if is_whole { name } else { format!("{name}.{domain}") };
        let roles = &mut self.roles;
        each_text(identity, "ROLE_IDS", &["RoleGuid", "RoleName"], |texts| {
            if let [role, name] = texts
                && roles.len() < ROLES_MAX
            {
                roles.insert(role.clone(), name.clone());
            }
        });
        let year = &mut self.year;
        each_text(identity, "CHAINED_DATABASES", &["Year", "FileName"], |texts| {
            if let [of, name] = texts
                && file_name(name).eq_ignore_ascii_case(own_name)
            {
                *year = of.parse().ok().filter(|year| (2_000..2_200).contains(year));
            }
        });
    }

    fn role<'r>(&'r self, role: &str) -> &'r str {
        let known = || ROLES.iter().find(|(known, _)| *known == role).map_or("", |(_, name)| name);
        self.roles.get(role).filter(|name| !name.is_empty()).map_or_else(known, String::as_str)
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\', '!']).next().unwrap_or(path)
}

/// These columns of each row of a small table, in words.
fn each_text(database: &Database, table: &str, names: &[&str], mut take: impl FnMut(&[String])) {
    let Some(table) = database.table(table) else { return };
    let columns: Option<Vec<&Column>> = names.iter().map(|name| table.column(name)).collect();
    let Some(columns) = columns else { return };
    let mut value = Vec::new();
    database.each_row(table, |record, values| {
        let mut text_of = |column: &Column| {
            let mut text = String::new();
            if record.get(column).is_some_and(|stored| values.one(table, stored, &mut value)) {
                describe(column, &value, &mut text);
            }
            text
        };
        let texts: Vec<String> = columns.iter().map(|column| text_of(column)).collect();
        take(&texts);
    });
}

impl Meaning for Ual {
    fn maker<'d>(&'d self, _database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        let plain = |dataset, times| {
            Some(Box::new(PlainMaker {
                ual: self,
                table,
                dataset,
                times,
                value: Vec::new(),
                text: String::new(),
            }) as Box<dyn Maker>)
        };
        match table.name.as_str() {
            "CLIENTS" => Some(Box::new(ClientMaker::new(self, table)?)),
            "ROLE_ACCESS" => plain("ual.role", &["FirstSeen", "LastSeen"]),
            "DNS" => plain("ual.dns", &["LastSeen"]),
            "VIRTUALMACHINES" => plain("ual.virtual_machine", &["CreationTime", "LastSeenActive"]),
            "SYSTEM_IDENTITY" => plain("ual.system", &["CreationTime"]),
            _ => None,
        }
    }
}

/// Rows of a table as it is, one for each of its times.
struct PlainMaker<'d> {
    ual: &'d Ual,
    table: &'d Table,
    dataset: &'static str,
    times: &'static [&'static str],
    value: Vec<u8>,
    text: String,
}

impl Maker for PlainMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let mut times = Vec::new();
        for column in &self.table.columns {
            let Some(stored) = record.get(column) else { continue };
            if !values.one(self.table, stored, &mut self.value) {
                continue;
            }
            self.text.clear();
            describe(column, &self.value, &mut self.text);
            sink.field(&column.name, &self.text);
            match column.name.as_str() {
                "RoleGuid" => sink.field("RoleName", self.ual.role(&self.text)),
                "Address" => sink.copy("SourceIp", &self.text),
                name => {
                    if let Some(name) = self.times.iter().find(|time| **time == name) {
                        times.extend(jet_time(&self.value).map(|time| (time, *name)));
                    }
                }
            }
        }
        if times.is_empty() {
            sink.push(self.dataset, None, "", &self.ual.host);
        }
        for (time, basis) in times {
            sink.push_keeping(self.dataset, Some(time), basis, &self.ual.host);
        }
    }
}

/// Columns that all rows of a client have.
struct ClientColumns<'d> {
    role: &'d Column,
    tenant: Option<&'d Column>,
    total: Option<&'d Column>,
    insert: &'d Column,
    last: &'d Column,
    address: &'d Column,
    user: &'d Column,
    client: Option<&'d Column>,
}

struct ClientMaker<'d> {
    ual: &'d Ual,
    table: &'d Table,
    columns: ClientColumns<'d>,
    /// The day that a column counts, by the column's number.
    days: HashMap<u16, u16>,
    /// 1 January of the years met so far, in days since 1970.
    years: HashMap<i32, i64>,
    value: Vec<u8>,
    text: String,
}

/// When a client came.
#[derive(Clone, Copy)]
struct Span {
    insert: Option<Instant>,
    last: Option<Instant>,
}

impl<'d> ClientMaker<'d> {
    fn new(ual: &'d Ual, table: &'d Table) -> Option<Self> {
        let columns = ClientColumns {
            role: table.column("RoleGuid")?,
            tenant: table.column("TenantId"),
            total: table.column("TotalAccesses"),
            insert: table.column("InsertDate")?,
            last: table.column("LastAccess")?,
            address: table.column("Address")?,
            user: table.column("AuthenticatedUserName")?,
            client: table.column("ClientName"),
        };
        let day = |column: &Column| Some((column.id, column.name.strip_prefix("Day")?.parse().ok()?));
        let days = table.columns.iter().filter_map(day).filter(|(_, day)| (1..=366).contains(day)).collect();
        Some(Self {
            ual,
            table,
            columns,
            days,
            years: HashMap::new(),
            value: Vec::new(),
            text: String::new(),
        })
    }

    fn text(&mut self, record: &Record<'_>, column: Option<&Column>, values: &mut Values) -> &str {
        self.text.clear();
        if let Some(column) = column
            && let Some(stored) = record.get(column)
            && values.one(self.table, stored, &mut self.value)
        {
            describe(column, &self.value, &mut self.text);
        }
        &self.text
    }

    fn first_day(&mut self, year: i32) -> Option<i64> {
        if let Some(day) = self.years.get(&year) {
            return Some(*day);
        }
        let day = Instant::parse(&format!("{year:04}-01-01T00:00:00Z"))?.day();
        self.years.insert(year, day);
        Some(day)
    }

    /// The day of a count, if one year alone can be meant.
    fn date_of(&mut self, day: u16, span: Span) -> Option<Instant> {
        let day = i64::from(day) - 1;
        let date = |days: i64| Some(Instant { nanos: days.checked_mul(DAY_NANOS)?, digits: 0 });
        if let Some(year) = self.ual.year {
            return date(self.first_day(year)? + day);
        }
        let (insert, last) = (span.insert?, span.last?);
        let (from, to) = (year_of(insert)?, year_of(last)?);
        if to - from > YEARS_MAX {
            return None;
        }
        let mut found = None;
        for year in from..=to {
            let (first, next) = (self.first_day(year)?, self.first_day(year + 1)?);
            let days = first + day;
            // One day more on either side: a server may count its own days.
            if days < next && (insert.day() - 1..=last.day() + 1).contains(&days) {
                if found.is_some() {
                    return None;
                }
                found = Some(days);
            }
        }
        date(found?)
    }
}

fn year_of(time: Instant) -> Option<i32> {
    time.date().get(..4)?.parse().ok()
}

/// An IPv4 or IPv6 address from its bytes; anything else in hex.
fn address_of(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ipv4Addr::from(four).to_string();
    }
    if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        let address = Ipv6Addr::from(sixteen);
        return address.to_ipv4_mapped().map_or_else(|| address.to_string(), |four| four.to_string());
    }
    piste_model::hash::hex(bytes)
}

impl Maker for ClientMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let time_of = |column| record.get(column).and_then(|stored| jet_time(stored.bytes));
        let span = Span { insert: time_of(self.columns.insert), last: time_of(self.columns.last) };
        let role = record.get(self.columns.role).map(|stored| guid(stored.bytes)).unwrap_or_default();
        sink.field("RoleGuid", &role);
        sink.field("RoleName", self.ual.role(&role));
        let tenant = self.columns.tenant;
        sink.field("TenantId", self.text(record, tenant, values));
        let user = self.columns.user;
        let user = self.text(record, Some(user), values);
        sink.field("AuthenticatedUserName", user);
        sink.copy("User", user);
        let client = self.columns.client;
        sink.field("ClientName", self.text(record, client, values));
        let address =
            record.get(self.columns.address).map(|stored| address_of(stored.bytes)).unwrap_or_default();
        sink.field("Address", &address);
        sink.copy("SourceIp", &address);
        let total = self.columns.total;
        sink.field("TotalAccesses", self.text(record, total, values));
        sink.time("InsertDate", span.insert);
        sink.time("LastAccess", span.last);
        let host = self.ual.host.as_str();
        sink.push_keeping("ual.client", span.insert, "InsertDate", host);
        if span.last.is_some() && span.last != span.insert {
            sink.push_keeping("ual.client", span.last, "LastAccess", host);
        }
        for tag in record.tagged() {
            let (Some(&day), Some(stored)) = (self.days.get(&tag.id), tag.stored) else { continue };
            let count = stored.bytes.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
            if count == 0 || stored.bytes.len() > 4 {
                continue;
            }
            let date = self.date_of(day, span);
            sink.field("AccessDate", &date.map(Instant::date).unwrap_or_default());
            sink.number("DayNumber", day);
            sink.number("AccessCount", count);
            if date.is_none() {
                sink.field("Doubt", "the year of this day is not known");
            }
            sink.push_keeping("ual.access", date, "UAL day", host);
            sink.forget(&["AccessDate", "DayNumber", "AccessCount", "Doubt"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_their_bytes() {
        assert_eq!(address_of(&[203, 0, 113, 9]), "203.0.113.9");
        let mut six = [0; 16];
        six[15] = 1;
        assert_eq!(address_of(&six), "::1");
        six[10..].copy_from_slice(&[0xff, 0xff, 203, 0, 113, 9]);
        assert_eq!(address_of(&six), "203.0.113.9");
        assert_eq!(address_of(b"abc"), "616263");
    }
}
