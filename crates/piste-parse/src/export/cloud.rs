//! Records of Microsoft's cloud: the unified audit log of Microsoft 365, Entra's sign-ins and audit, Azure's activity.
//!
//! In: a record's flat fields, from JSON or a portal's CSV. Out: the same under the dataset that Sigma's `m365` and `azure`
//! rules mean; of a cmdlet's parameters each by its name. All these services write UTC. No host wrote them.

use piste_model::schema::Role;
use serde_json::Value;

use super::times::{self, TimeField};
use super::{Facts, Record};
use crate::fields::Fields;
use crate::jsonl;

const AUDIT_TIMES: [TimeField; 4] = [
    TimeField::utc("CreationTime", "CreationTime"),
    TimeField::utc("CreationDate", "CreationDate"),
    TimeField::utc("TimeGenerated", "TimeGenerated of Log Analytics"),
    TimeField::utc("Timestamp", "Timestamp"),
];
const ENTRA_TIMES: [TimeField; 9] = [
    TimeField::utc("createdDateTime", "createdDateTime"),
    TimeField::utc("CreatedDateTime", "CreatedDateTime"),
    TimeField::utc("activityDateTime", "activityDateTime"),
    TimeField::utc("ActivityDateTime", "ActivityDateTime"),
    TimeField::utc("properties.createdDateTime", "properties.createdDateTime"),
    TimeField::utc("eventTimestamp", "eventTimestamp"),
    TimeField::utc("Date (UTC)", "Date (UTC)"),
    TimeField::utc("time", "time"),
    TimeField::utc("TimeGenerated", "TimeGenerated of Log Analytics"),
];
/// Bytes of a parameter's name.
const NAME_BYTES_MAX: usize = 100;

/// A record of the unified audit log: `AuditData` is the record, the table's other columns repeat it.
pub(super) fn unified_audit(record: &Record<'_>, fields: &mut Fields) -> Facts {
    let mut data = fields.get("AuditData").map(str::to_owned).unwrap_or_default();
    if data.starts_with('{') {
        let whole = jsonl::flatten(&data, fields).is_ok();
        if whole {
            fields.take("AuditData");
        }
    } else {
        data = record.line.text.clone().into_owned();
    }
    for (name, from) in [("Operation", "Operations"), ("UserId", "UserIds")] {
        if let Some(value) = fields.get(from).filter(|_| fields.get(name).is_none()).map(str::to_owned) {
            fields.push(name, &value, Role::Copy);
        }
    }
    tell_pairs(&data, fields);
    Facts::service("m365.audit", times::first(fields, &AUDIT_TIMES, record.written))
}

/// Lists of names and values: `"Parameters":[{"Name":"ForwardTo","Value":"x"}]` is `Parameters.ForwardTo`.
fn tell_pairs(text: &str, fields: &mut Fields) {
    const LISTS: [&str; 4] = ["Parameters", "ExtendedProperties", "OperationProperties", "DeviceProperties"];
    if !LISTS.iter().any(|name| text.contains(name)) {
        return;
    }
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return };
    for list in LISTS {
        let items = members.get(list).and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let part = |name: &str| item.get(name).and_then(Value::as_str);
            if let (Some(name), Some(value)) = (part("Name"), part("Value"))
                && (1..=NAME_BYTES_MAX).contains(&name.len())
            {
                fields.push(&format!("{list}.{name}"), value, Role::Copy);
            }
        }
    }
}

/// A record of Entra or Azure, under the service's names. Rules use both spellings of the first letter.
pub(super) fn entra(dataset: &'static str, record: &Record<'_>, fields: &mut Fields) -> Facts {
    let mut copies: Vec<(String, String)> = Vec::new();
    for (name, value, _) in fields.iter() {
        let own = name.strip_prefix("properties.").unwrap_or(name);
        if own.contains('.') || own.contains(' ') {
            continue;
        }
        let mut letters = own.chars();
        let Some(first) = letters.next().filter(char::is_ascii_alphabetic) else { continue };
        let other =
            if first.is_ascii_lowercase() { first.to_ascii_uppercase() } else { first.to_ascii_lowercase() };
        copies.push((format!("{other}{}", letters.as_str()), value.to_owned()));
        if own.len() < name.len() {
            copies.push((own.to_owned(), value.to_owned()));
        }
    }
    for (from, to) in [
        ("operationName.value", "operationName"),
        ("activityDisplayName", "properties.message"),
        ("properties.activityDisplayName", "properties.message"),
        ("OperationName", "properties.message"),
        ("status.errorCode", "ResultType"),
        ("properties.status.errorCode", "ResultType"),
    ] {
        if let Some(value) = fields.get(from) {
            copies.push((to.to_owned(), value.to_owned()));
        }
    }
    for (name, value) in copies {
        if fields.get(&name).is_none() {
            fields.push(&name, &value, Role::Copy);
        }
    }
    Facts::service(dataset, times::first(fields, &ENTRA_TIMES, record.written))
}
