//! Rows of filters, consumers and bindings.
//!
//! In: an instance. Out: a row with the class's own names and copies under those of Sysmon's events 19 to 21, so that rules for
//! these meet what stands in the repository.

use piste_model::hash::RecordHash;
use piste_model::schema::Role;

use super::class::Target;
use super::instance::Instance;
use crate::Context;
use crate::fields::Fields;
use crate::rows::{Head, Rows};

/// What is known of an instance that the index does not lead to.
#[derive(Debug)]
pub(super) struct Carved {
    /// The map does not know its page.
    pub(super) in_free_page: bool,
    /// Whether an instance of the same name is registered; unknown without an index.
    pub(super) registered: Option<bool>,
}

/// An instance and where it is from.
pub(super) struct Row<'a> {
    pub(super) target: Target,
    pub(super) instance: &'a Instance,
    pub(super) namespace: Option<&'a str>,
    pub(super) carved: Option<&'a Carved>,
    pub(super) copies: u64,
    pub(super) offset: u64,
    pub(super) record: i64,
    pub(super) hash: RecordHash,
}

/// Sysmon's word for a consumer, and the properties of which the first that is set is what it acts on.
fn sysmon(target: Target) -> Option<(&'static str, [&'static str; 2])> {
    Some(match target {
        Target::CommandLine => ("Command Line", ["CommandLineTemplate", "ExecutablePath"]),
        Target::Script => ("Script", ["ScriptText", "ScriptFilename"]),
        Target::LogFile => ("Log File", ["Filename", "Text"]),
        Target::EventLog => ("Event Log", ["SourceName", "UNCServerName"]),
        Target::Smtp => ("SMTP", ["ToLine", "SMTPServer"]),
        Target::Filter | Target::Binding | Target::Namespace => return None,
    })
}

pub(super) fn push(row: &Row<'_>, cx: &Context<'_>, fields: &mut Fields, rows: &mut Rows<'_>) {
    let Row { target, instance, .. } = row;
    fields.clear();
    fields.push("Class", target.class(), Role::System);
    if let Some(namespace) = row.namespace {
        fields.push("Namespace", namespace, Role::System);
    }
    for value in &instance.values {
        fields.push(&value.name, &value.text, Role::Data);
    }
    if let Some((kind, places)) = sysmon(*target) {
        fields.push("Type", kind, Role::Copy);
        let destination = places.iter().find_map(|name| instance.get(name).filter(|text| !text.is_empty()));
        if let Some(destination) = destination {
            fields.push("Destination", destination, Role::Copy);
        }
    }
    if let Some(time) = instance.class_written {
        fields.push("ClassWritten", &time.to_string(), Role::System);
    }
    if let Some(carved) = row.carved {
        fields.push("Carved", "true", Role::System);
        fields.push("InFreePage", if carved.in_free_page { "true" } else { "false" }, Role::System);
        if let Some(registered) = carved.registered {
            fields.push("SameNameRegistered", if registered { "true" } else { "false" }, Role::System);
        }
    }
    if row.copies > 0 {
        fields.push("OlderCopies", &row.copies.to_string(), Role::System);
    }
    let head = Head {
        dataset: Some(match target {
            Target::Filter => "wmi.filter",
            Target::Binding => "wmi.binding",
            _ => "wmi.consumer",
        }),
        channel: "",
        provider: "",
        event_code: None,
        time: instance.written,
        time_basis: if instance.written.is_some() { "instance last written" } else { "" },
        host: cx.host_or_hint(""),
        record: row.record,
        offset: row.offset,
        hash: row.hash,
    };
    rows.push(&head, fields);
}
