//! Which tool or service a record is from, by the names of its fields.
//!
//! In: whether a record, or a table's column list, has a field of a name. Out: the kind, which says how it is to be read. A
//! kind asks for names that belong together, since one name alone is everyone's.

use super::{Facts, Record, cloud, defender, windows, wrapping, zeek};
use crate::fields::Fields;

/// The source of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `EvtxECmd`, as KAPE runs it.
    EvtxEcmd,
    /// `Get-WinEvent`'s objects.
    GetWinEvent,
    /// Splunk's results.
    Splunk,
    /// Wazuh's alerts.
    Wazuh,
    /// Log Analytics and Sentinel: `SecurityEvent`, `Event`, `WindowsEvent`.
    LogAnalytics,
    /// Defender's advanced hunting: `DeviceProcessEvents` and its like.
    Defender,
    /// Microsoft 365's unified audit log.
    UnifiedAudit,
    /// Entra's sign-ins.
    SignIns,
    /// Entra's directory audit.
    DirectoryAudit,
    /// Azure's activity log.
    AzureActivity,
    /// Zeek's log in JSON.
    Zeek,
    /// A Windows event whose members lie one level deeper than they should, or under known names as they are.
    Enveloped,
}

impl Kind {
    /// The kind of what has these fields; [`Kind::Enveloped`] where no name tells.
    pub(crate) fn of(has: &dyn Fn(&str) -> bool) -> Self {
        let all = |names: &[&str]| names.iter().all(|name| has(name));
        let any = |names: &[&str]| names.iter().any(|name| has(name));
        let arrived = any(&["TimeGenerated", "timegenerated"]);
        match () {
            () if has("Payload") && any(&["ChunkNumber", "ExtraDataOffset", "MapDescription"]) => {
                Self::EvtxEcmd
            }
            () if all(&["ProviderName", "Id"]) && any(&["LogName", "MachineName"]) => Self::GetWinEvent,
            () if any(&["_raw", "result._raw"]) || splunk(&all, &any) => Self::Splunk,
            () if any(&[
                "data.win.system.eventID",
                "win.system.eventID",
                "_source.data.win.system.eventID",
            ]) =>
            {
                Self::Wazuh
            }
            () if has("ActionType") && any(&["DeviceName", "DeviceId"]) && (has("Timestamp") || arrived) => {
                Self::Defender
            }
            () if has("AuditData")
                || all(&["Operation", "CreationTime"])
                || all(&["Operations", "UserIds"]) =>
            {
                Self::UnifiedAudit
            }
            () if arrived
                && has("EventID")
                && any(&["Channel", "EventLog", "Activity", "EventSourceName"]) =>
            {
                Self::LogAnalytics
            }
            () if sign_ins(&all, &any) => Self::SignIns,
            () if all(&["activityDisplayName", "activityDateTime"])
                || (arrived && all(&["OperationName", "InitiatedBy"]))
                || all(&["operationName", "properties.activityDisplayName"]) =>
            {
                Self::DirectoryAudit
            }
            () if all(&["operationName", "resourceId"])
                || (arrived && any(&["OperationNameValue", "ActivityStatusValue"]))
                || all(&["operationName.value", "eventTimestamp"]) =>
            {
                Self::AzureActivity
            }
            () if has("ts") && any(&["uid", "id.orig_h", "fuid", "_path"]) => Self::Zeek,
            () => Self::Enveloped,
        }
    }

    /// Whether a column list names a table that is read.
    pub(crate) fn is_table(names: &[String]) -> bool {
        let has = |name: &str| names.iter().any(|one| one == name);
        let kind = Self::of(&has);
        kind != Self::Enveloped || windows::is_flat(&has)
    }

    /// Gives the fields of a record of this kind the columns that rules look for.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn shape(
        self,
        record: &Record<'_>,
        fields: &mut Fields,
        spare: &mut Fields,
    ) -> Result<Facts, String> {
        match self {
            Self::EvtxEcmd => Ok(windows::evtxecmd(record, fields)),
            Self::GetWinEvent => Ok(windows::get_winevent(record, fields)),
            Self::Splunk => wrapping::splunk(record, fields, spare),
            Self::Wazuh => Ok(wrapping::wazuh(fields, spare)),
            Self::LogAnalytics => Ok(windows::log_analytics(record, fields)),
            Self::Defender => Ok(defender::shape(record, fields)),
            Self::UnifiedAudit => Ok(cloud::unified_audit(record, fields)),
            Self::SignIns => Ok(cloud::entra("azure.signinlogs", record, fields)),
            Self::DirectoryAudit => Ok(cloud::entra("azure.auditlogs", record, fields)),
            Self::AzureActivity => Ok(cloud::entra("azure.activitylogs", record, fields)),
            Self::Zeek => Ok(zeek::of_json(record, fields)),
            Self::Enveloped => wrapping::enveloped(record, fields, spare),
        }
    }
}

type Asks<'a> = dyn Fn(&[&str]) -> bool + 'a;

fn splunk(all: &Asks<'_>, any: &Asks<'_>) -> bool {
    let coded = all(&["EventCode"]) && any(&["LogName", "source", "sourcetype"]);
    coded || (all(&["result.EventCode"]) && any(&["result.LogName", "result.source", "result.sourcetype"]))
}

fn sign_ins(all: &Asks<'_>, any: &Asks<'_>) -> bool {
    (all(&["userPrincipalName", "createdDateTime"]) && any(&["appDisplayName", "ipAddress", "clientAppUsed"]))
        || (all(&["TimeGenerated", "UserPrincipalName"]) && any(&["ResultType", "AppDisplayName"]))
        || all(&["properties.userPrincipalName", "properties.createdDateTime"])
        || (all(&["Request ID", "Date (UTC)"]) && any(&["Username", "User"]))
}

/// Names that stand together in a record of one kind; any line of them makes it known.
const MARKS: [&[&str]; 16] = [
    &["\"ProviderName\"", "\"LogName\""],
    &["\"ProviderName\"", "\"MachineName\""],
    &["\"_raw\""],
    &["\"EventCode\"", "\"LogName\""],
    &["\"win\"", "\"eventdata\""],
    &["\"win\"", "\"system\"", "\"eventID\""],
    &["\"ActionType\"", "\"DeviceName\""],
    &["\"AuditData\""],
    &["\"Operation\"", "\"CreationTime\""],
    &["\"userPrincipalName\"", "\"createdDateTime\""],
    &["\"UserPrincipalName\"", "\"TimeGenerated\""],
    &["\"activityDisplayName\"", "\"activityDateTime\""],
    &["\"operationName\"", "\"resourceId\""],
    &["\"OperationName\"", "\"TimeGenerated\""],
    &["\"id.orig_h\"", "\"ts\""],
    &["\"ts\"", "\"uid\""],
];

/// Whether the text of a JSON record has the names of a kind.
pub(crate) fn is_known_json(text: &str) -> bool {
    MARKS.iter().any(|names| names.iter().all(|name| has_key(text, name)))
}

/// Whether a JSON text has a member of this name, given in quotes: the same word may be a value. Without the closing quote
/// it is the beginning of a name.
pub(crate) fn has_key(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let after = text.get(at + name.len()..).unwrap_or_default();
        !name.ends_with('"') || after.trim_start().starts_with(':')
    })
}
