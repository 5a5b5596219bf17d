//! Dataset `registry.service`: services and drivers of the control set in use.
//!
//! In: the hive SYSTEM. Out: a row a service, with the names that event 7045 has: `ServiceName`, `ImagePath`, `StartType`,
//! `AccountName`. Its time is the key's last write: the installation, or the last change of its settings. Source:
//! Microsoft, "HKLM\SYSTEM\CurrentControlSet\Services Registry Tree".

use super::super::emit::Emit;
use super::super::hive::Key;
use super::super::identity::number;

const DATASET: &str = "registry.service";
/// Services of one hive; a server has some hundreds.
const SERVICES_MAX: usize = 100_000;

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let Some(services) = emit.open.in_use("Services") else { return };
    for key in emit.hive().children(services, SERVICES_MAX) {
        push(emit, key);
    }
}

fn push<'o>(emit: &mut Emit<'o, '_>, key: Key<'o>) {
    let hive = emit.hive();
    let parameters = hive.child(key, "Parameters");
    let is_service = ["ImagePath", "Type", "Start"].iter().any(|name| hive.named(key, name).is_some());
    let dll = parameters.and_then(|parameters| emit.shown(parameters, "ServiceDll"));
    let dll = dll.or_else(|| emit.shown(key, "ServiceDll"));
    if !is_service && dll.is_none() {
        return; // counters of programs alone
    }
    let name = key.name();
    emit.field("ServiceName", &name);
    emit.field("TargetObject", &format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}"));
    emit.value(key, "ImagePath", "ImagePath");
    emit.optional("ServiceDll", dll.as_deref());
    if let Some(parameters) = parameters {
        emit.value(parameters, "ServiceMain", "ServiceMain");
    }
    if let Some(start) = number(hive, key, "Start") {
        emit.field("StartType", &start_name(start));
    }
    if let Some(kind) = number(hive, key, "Type") {
        emit.field("ServiceType", &type_name(kind));
    }
    emit.value(key, "DelayedAutostart", "DelayedAutostart");
    emit.value(key, "ObjectName", "AccountName");
    emit.value(key, "DisplayName", "DisplayName");
    emit.value(key, "Description", "Description");
    emit.value(key, "Group", "Group");
    emit.value(key, "FailureCommand", "FailureCommand");
    emit.field("ControlSet", "current");
    let parameters_written = parameters.and_then(Key::written);
    emit.time("ParametersWritten", parameters_written);
    emit.row(DATASET, key.at, None, key);
}

/// As event 7045 writes it.
fn start_name(start: u32) -> String {
    match start {
        0 => "boot start".to_owned(),
        1 => "system start".to_owned(),
        2 => "auto start".to_owned(),
        3 => "demand start".to_owned(),
        4 => "disabled".to_owned(),
        other => other.to_string(),
    }
}

/// As event 7045 writes it.
fn type_name(kind: u32) -> String {
    match kind {
        0x1 => "kernel mode driver".to_owned(),
        0x2 => "file system driver".to_owned(),
        0x8 => "recognizer driver".to_owned(),
        0x10 | 0x20 | 0x110 | 0x120 => "user mode service".to_owned(),
        other => format!("0x{other:x}"),
    }
}
