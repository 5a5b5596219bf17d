//! Windows events as tools for Windows export them.
//!
//! In: a record's fields as `EvtxECmd`, `Get-WinEvent` or Log Analytics name them. Out: the columns that the event has from
//! EVTX. What only the exporter knows (its own table, its agent) is header; the time at which a service took a record in is
//! used only where the export has no other.

use piste_model::schema::{MESSAGE, Role};
use serde::de::DeserializeSeed as _;

use super::times::{self, TimeField};
use super::{Facts, Record, message, positions, xml};
use crate::evtx::record::{Element, Place};
use crate::fields::{Fields, NewName};
use NewName::{Other, Same};

/// The basis of a time that Log Analytics gives.
const TAKEN_IN: &str = "TimeGenerated of Log Analytics";

/// Whether a table has a Windows event's header under the plain names.
pub(super) fn is_flat(has: &dyn Fn(&str) -> bool) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    any(&["EventID", "EventId", "event_id", "winlog.event_id", "event.code"])
        && any(&["Channel", "channel", "winlog.channel"])
        && any(&["Computer", "Hostname", "ComputerName", "winlog.computer_name", "host.name", "SourceName"])
}

/// `EvtxECmd`'s row: its header, and the payload that is JSON in a string.
pub(super) fn evtxecmd(record: &Record<'_>, fields: &mut Fields) -> Facts {
    crate::jsonl::name_evtxecmd(fields);
    let time = times::first(fields, &[TimeField::utc("TimeCreated", "TimeCreated")], record.written);
    Facts::windows(time)
}

/// An object of `Get-WinEvent`. Its event's own values stand in a list without names; where that is missing, in the text.
pub(super) fn get_winevent(record: &Record<'_>, fields: &mut Fields) -> Facts {
    fields.rename(of_get_winevent);
    let values = positions::listed(&record.line.text);
    fields.drop_where(|name, _| name == "Properties" || name.starts_with("Properties."));
    let unnamed = name_values(fields, &values);
    let bare = values.is_empty() && !message::tell_fields(fields);
    let time = times::first(
        fields,
        &[
            TimeField::local("TimeCreated", "TimeCreated, zone unknown"),
            TimeField::utc("TimeCreated.value", "TimeCreated"),
        ],
        record.written,
    );
    Facts { bare, unnamed, ..Facts::windows(time) }
}

/// Puts the values of an event's list under their names; those without a known name stay a list. Whether there are such.
pub(super) fn name_values(fields: &mut Fields, values: &[String]) -> bool {
    if values.is_empty() {
        return false;
    }
    let get = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    let provider = get("Provider_Name");
    let names = positions::names(&provider, &get("EventID"), &get("Version"), values.len());
    for (at, value) in values.iter().enumerate() {
        match names.get(at) {
            Some(name) => {
                fields.push(name.name, &name.shown(value), Role::Data);
            }
            None => {
                fields.push_data(value);
            }
        }
    }
    // Events of older sources have no names anywhere; those of a manifest have them in the log itself.
    names.len() < values.len() && provider.starts_with("Microsoft-Windows-")
}

pub(super) fn of_get_winevent(name: &str) -> (NewName, Role) {
    let other = |name: &'static str| (Other(name), Role::System);
    match name {
        "Id" => other("EventID"),
        "LogName" => other("Channel"),
        "ProviderName" => other("Provider_Name"),
        "ProviderId" => other("Provider_Guid"),
        "RecordId" => other("EventRecordID"),
        "MachineName" => other("Computer"),
        "UserId" | "UserId.Value" => other("Security_UserID"),
        "ProcessId" => other("Execution_ProcessID"),
        "ThreadId" => other("Execution_ThreadID"),
        "ActivityId" => other("ActivityID"),
        "RelatedActivityId" => other("RelatedActivityID"),
        MESSAGE => (Same, Role::Message),
        _ => (Same, Role::System),
    }
}

/// A row of Log Analytics: `SecurityEvent` with the event's fields as columns, `Event` and `WindowsEvent` with them in one.
pub(super) fn log_analytics(record: &Record<'_>, fields: &mut Fields) -> Facts {
    // A table has a column for every field of every event.
    fields.drop_where(|_, value| value.is_empty());
    let security = fields.get("Channel").is_none() && fields.get("EventLog").is_none();
    fields.rename(of_log_analytics);
    if security {
        // The table `SecurityEvent` without the columns that say so.
        fields.push("Channel", "Security", Role::System);
        fields.push("Provider_Name", "Microsoft-Windows-Security-Auditing", Role::System);
    }
    let before = own_fields(fields);
    for holder in ["EventData", "ParameterXml", "UserData"] {
        let Some(text) = fields.take(holder) else { continue };
        if !unpacked(&text, fields) {
            fields.push(holder, &text, Role::Data);
        }
    }
    let told = own_fields(fields) > before;
    if !told && before == 0 {
        message::tell_fields(fields);
    }
    fields.sort_by_role();
    let time = times::first(
        fields,
        &[
            TimeField::utc("TimeCreated", "TimeCreated"),
            TimeField::utc("SystemTime", "SystemTime"),
            TimeField::utc("UtcTime", "UtcTime"),
            TimeField::utc("@timestamp", "@timestamp"),
            TimeField::local("EventTime", crate::rows::ZONE_UNKNOWN),
            TimeField::utc("TimeGenerated", TAKEN_IN),
        ],
        record.written,
    );
    Facts { bare: own_fields(fields) == 0 && fields.get(MESSAGE).is_some(), ..Facts::windows(time) }
}

fn own_fields(fields: &Fields) -> usize {
    fields.iter().filter(|(_, _, role)| *role == Role::Data).count() + fields.data().len()
}

/// Reads an event's own part from a column, where it stands as XML or JSON.
fn unpacked(text: &str, fields: &mut Fields) -> bool {
    let text = text.trim();
    if text.starts_with('{') {
        let mut input = serde_json::Deserializer::from_str(text);
        return Element::at(Place::Body, fields).deserialize(&mut input).is_ok();
    }
    if !text.starts_with('<') {
        return false;
    }
    // `Event` wraps it in a `DataItem`; `ParameterXml` lists `<Param>`s.
    let start = ["<EventData", "<UserData"].iter().find_map(|name| text.find(name));
    match start.and_then(|start| text.get(start..)) {
        Some(body) => {
            let end = ["</EventData>", "</UserData>"]
                .iter()
                .find_map(|end| body.find(end).map(|at| at + end.len()))
                .unwrap_or(body.len());
            xml::read_body(body.get(..end).unwrap_or(body), fields).is_ok()
        }
        None if text.starts_with("<Param>") => {
            let parts =
                text.split("<Param>").skip(1).map(|part| part.split("</Param>").next().unwrap_or_default());
            let values: Vec<String> = parts.map(xml::unescaped).collect();
            name_values(fields, &values);
            true
        }
        None => false,
    }
}

fn of_log_analytics(name: &str) -> (NewName, Role) {
    let other = |name: &'static str| (Other(name), Role::System);
    match name {
        "EventSourceName" | "Source" | "SourceName" | "Provider" => other("Provider_Name"),
        "Hostname" | "HostName" => other("Computer"),
        "EventLog" => other("Channel"),
        "EventRecordId" => other("EventRecordID"),
        "SystemUserId" => other("Security_UserID"),
        "SystemProcessId" => other("Execution_ProcessID"),
        "SystemThreadId" => other("Execution_ThreadID"),
        "timegenerated" => other("TimeGenerated"),
        "RenderedDescription" => (Other(MESSAGE), Role::Message),
        "Activity"
        | "Channel"
        | "Computer"
        | "EventID"
        | "EventLevel"
        | "EventLevelName"
        | "EventOriginId"
        | "EventCategory"
        | "Keywords"
        | "Level"
        | "ManagementGroupName"
        | "MG"
        | "Opcode"
        | "PartitionKey"
        | "RawEventData"
        | "RowKey"
        | "SourceComputerId"
        | "SourceSystem"
        | "StorageAccount"
        | "Task"
        | "TenantId"
        | "TimeCollected"
        | "TimeCreated"
        | "TimeGenerated"
        | "Type"
        | "UserName"
        | "Version"
        | "AzureDeploymentID"
        | "Role"
        | "Correlation"
        | "_ResourceId"
        | "_SubscriptionId"
        | "_ItemId"
        | "_TimeReceived"
        | "_IsBillable"
        | "_BilledSize" => (Same, Role::System),
        // Joined by the agent from the event's own fields.
        "Account" | "SubjectAccount" | "TargetAccount" | "Process" | "AccountType" | "LogonTypeName"
        | "MemberAccount" | "LogonProcess" => (Same, Role::Copy),
        _ => (Same, Role::Data),
    }
}
