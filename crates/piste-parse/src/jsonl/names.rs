//! The columns of exporters' fields.
//!
//! In: a field's name as an exporter writes it, dotted where it was nested. Out: the column that the same fact has from
//! EVTX, and whether it belongs to the record's header, to the event, or is the exporter's own copy of it.

use piste_model::schema::{MESSAGE, Role};

use super::NewName;
use NewName::{Other, Same, Without};

/// Flat fields, as NXLog and Security-Datasets write them, and Winlogbeat's.
pub(super) fn of_flat(name: &str) -> (NewName, Role) {
    if let Some(rest) = name.strip_prefix("winlog.") {
        return of_winlog(name, rest);
    }
    let other = |name: &'static str| (Other(name), Role::System);
    match name {
        "SourceName" | "ProviderName" | "Provider" | "EventSourceName" => other("Provider_Name"),
        "ProviderGuid" => other("Provider_Guid"),
        "Hostname" | "ComputerName" => other("Computer"),
        "RecordNumber" | "RecordID" => other("EventRecordID"),
        "OpcodeValue" => other("Opcode"),
        "EventId" | "event_id" => other("EventID"),
        "Channel" | "Provider_Name" | "Computer" | "EventID" | "EventRecordID" | "Level" | "Task"
        | "Opcode" | "Keywords" | "Version" | "TimeCreated" | "@timestamp" | "@version" | "EventTime"
        | "Severity" | "SeverityValue" | "EventReceivedTime" | "SourceModuleName" | "SourceModuleType"
        | "ActivityID" | "RelatedActivityID" | "ExecutionProcessID" | "ExecutionThreadID" | "ThreadID"
        | "EventType_nxlog" | "host" | "port" | "tags" | "TimeGenerated" => (Same, Role::System),
        MESSAGE => (Same, Role::Message),
        "message" => (Other(MESSAGE), Role::Message),
        _ => (Same, role_of_ecs(name)),
    }
}

/// Elastic's common schema copies the event's facts under names of its own.
fn role_of_ecs(name: &str) -> Role {
    match name.split_once('.').map(|(root, _)| root) {
        Some("agent" | "ecs" | "event" | "fileset" | "host" | "input" | "log" | "service") => Role::System,
        Some(
            "destination" | "dll" | "dns" | "file" | "group" | "network" | "process" | "registry" | "related"
            | "rule" | "source" | "user",
        ) => Role::Copy,
        _ => Role::Data,
    }
}

fn of_winlog(name: &str, rest: &str) -> (NewName, Role) {
    let other = |name: &'static str| (Other(name), Role::System);
    match rest {
        "channel" => other("Channel"),
        "provider_name" => other("Provider_Name"),
        "provider_guid" => other("Provider_Guid"),
        "computer_name" => other("Computer"),
        "event_id" => other("EventID"),
        "record_id" => other("EventRecordID"),
        "opcode" => other("Opcode"),
        "task" => other("Task"),
        "keywords" => other("Keywords"),
        "version" => other("Version"),
        "activity_id" => other("ActivityID"),
        "related_activity_id" => other("RelatedActivityID"),
        "process.pid" => other("Execution_ProcessID"),
        "process.thread.id" => other("Execution_ThreadID"),
        "user.identifier" => other("Security_UserID"),
        "user_data.xml_name" => (Same, Role::System),
        _ if rest.starts_with("event_data.") || rest.starts_with("user_data.") => {
            let own = rest.split_once('.').map_or(rest, |(_, own)| own);
            (Without(name.len() - own.len()), Role::Data)
        }
        _ => (Same, Role::System),
    }
}

/// `EvtxECmd`'s header, and the summaries that its maps make of the payload.
pub(super) fn of_evtxecmd(name: &str) -> (NewName, Role) {
    let other = |name: &'static str| (Other(name), Role::System);
    match name {
        "EventId" => other("EventID"),
        "EventRecordId" => other("EventRecordID"),
        "Provider" => other("Provider_Name"),
        "ProcessId" => other("Execution_ProcessID"),
        "ThreadId" => other("Execution_ThreadID"),
        "UserId" => other("Security_UserID"),
        "MapDescription" | "UserName" | "RemoteHost" | "ExecutableInfo" => (Same, Role::Copy),
        _ if name.starts_with("PayloadData") => (Same, Role::Copy),
        _ => (Same, Role::System),
    }
}
