//! What starts by itself: services, tasks, values of the registry, WMI consumers, modules of IIS; and certificates, which stand in the
//! registry too.
//!
//! In: events of Windows and Sysmon, hives, the WMI repository, task files, IIS's configuration, Velociraptor's lists. Out: the thing by
//! its name and by what it runs.

use piste_model::removal::{NameSort, TraceKind};

use super::names::{is_telling_program, path, program, registry, task, thumbprint};
use super::rows::Row;
use super::trace::{Act, LISTED, Trace};

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    match (row.dataset, row.code()) {
        ("windows.system", 7045) | ("windows.security", 4697) => service(row, Act::Made, found),
        ("windows.security", 4698) => of_task(row, Act::Made, found),
        ("windows.security", 4702) => of_task(row, Act::Used, found),
        ("windows.security", 4699) => of_task(row, Act::Removed, found),
        ("windows.taskscheduler", 106) => of_task(row, Act::Made, found),
        ("windows.taskscheduler", 141) => of_task(row, Act::Removed, found),
        ("windows.taskscheduler", 200 | 201 | 129) => of_task(row, Act::Used, found),
        ("windows.sysmon", 12..=14) => sysmon_registry(row, found),
        ("windows.security", 4657) => audited_value(row, found),
        ("windows.sysmon", 19..=21) => sysmon_wmi(row, found),
        ("windows.wmi-activity" | "windows.wmi", 5861) => {
            consumer(row, Act::Made, row.first(&["CONSUMER", "Consumer"]), found);
        }
        ("registry.service" | "velociraptor.services", _) => {
            let disabled = row.first(&["StartType"]).eq_ignore_ascii_case("disabled");
            service(row, Act::Listed { made: None, disabled }, found);
        }
        // A task that only `Tree` names cannot run: its definition is gone.
        ("registry.task", _) if row.text("Hidden") == "no key in Tasks" => {}
        ("registry.task", _) => {
            let made = row.time_in("Created");
            of_task(row, Act::Listed { made, disabled: false }, found);
        }
        ("task.definition" | "velociraptor.tasks", _) => {
            let disabled = row.text("Enabled").eq_ignore_ascii_case("false");
            of_task(row, Act::Listed { made: None, disabled }, found);
        }
        ("registry.key", _) => key(row, found),
        ("registry.value" | "velociraptor.startup-items", _) => {
            value(row.text("TargetObject"), row.text("Details"), LISTED, found);
        }
        ("velociraptor.registry", _) => {
            let details = row.first(&["Details", "Data", "Data.value", "Value"]);
            value(row.text("TargetObject"), details, LISTED, found);
        }
        ("wmi.consumer" | "velociraptor.wmi-events", _) => {
            let carved = row.text("Carved") == "true";
            let act = if carved { Act::Removed } else { LISTED };
            consumer(row, act, row.first(&["Name", "ConsumerDetails.Name"]), found);
        }
        ("iis.configuration", _) => module(row, found),
        _ => {}
    }
}

fn service(row: &Row<'_>, act: Act, found: &mut Vec<Trace>) {
    let name = row.first(&["ServiceName", "Name"]);
    let command = row.first(&["ServiceDll", "ImagePath", "ServiceFileName", "PathName"]);
    let mut trace = Trace::new(TraceKind::Service, act, name).named(NameSort::Name, name.to_lowercase());
    let runs = program(command);
    if is_telling_program(&runs) {
        trace = trace.named(NameSort::Runs, runs);
    }
    found.push(trace);
}

fn of_task(row: &Row<'_>, act: Act, found: &mut Vec<Trace>) {
    let name = row.first(&["TaskName", "URI", "Name"]);
    let name = if name.is_empty() { task_of_file(row.first(&["Path", "FileName"])) } else { name.to_owned() };
    let mut trace = Trace::new(TraceKind::Task, act, &name).named(NameSort::Name, task(&name));
    let command = row.first(&["Command", "CommandLine", "ActionName", "Path"]);
    let content = row.first(&["TaskContent", "TaskContentNew"]);
    let command =
        if content.is_empty() { command.to_owned() } else { element(content, "Command").unwrap_or_default() };
    let runs = program(&command);
    if is_telling_program(&runs) && !runs.contains(r"\system32\tasks\") {
        trace = trace.named(NameSort::Runs, runs);
    }
    found.push(trace);
}

/// A task by the place of its file below `System32\Tasks`.
fn task_of_file(file: &str) -> String {
    let plain = file.replace('/', r"\");
    let lower = plain.to_lowercase();
    let at = lower.rfind(r"\tasks\").and_then(|at| plain.get(at + r"\tasks".len()..));
    at.unwrap_or_default().to_owned()
}

/// The text of the first element of this name, entities of XML resolved.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(plain.replace("&amp;", "&"))
}

/// Keys whose values start something, as parts of their path. Source: ATT&CK T1547, T1546, T1037.
const AUTOSTART: [&str; 22] = [
    r"\currentversion\run\",
    r"\currentversion\runonce\",
    r"\currentversion\runonceex\",
    r"\currentversion\runservices\",
    r"\currentversion\runservicesonce\",
    r"\currentversion\policies\explorer\run\",
    r"\currentversion\winlogon\",
    r"\currentversion\windows\appinit_dlls",
    r"\currentversion\windows\load",
    r"\currentversion\windows\run",
    r"\image file execution options\",
    r"\silentprocessexit\",
    r"\currentversion\shellserviceobjectdelayload\",
    r"\currentversion\explorer\user shell folders\",
    r"\control\lsa\security packages",
    r"\control\lsa\authentication packages",
    r"\control\lsa\notification packages",
    r"\control\session manager\bootexecute",
    r"\control\session manager\appcertdlls\",
    r"\control\print\monitors\",
    r"\environment\userinitmprlogonscript",
    r"\active setup\installed components\",
];

fn is_autostart(place: &str) -> bool {
    AUTOSTART.iter().any(|part| place.contains(part))
        || (place.contains(r"\clsid\")
            && (place.contains(r"\inprocserver32") || place.contains(r"\localserver32")))
}

/// A value by which something starts, or the certificate that a key is.
pub(super) fn value(object: &str, details: &str, act: Act, found: &mut Vec<Trace>) {
    let place = registry(object);
    if let Some(print) = certificate(&place) {
        found.push(Trace::new(TraceKind::Certificate, act, object).named(NameSort::Thumbprint, print));
    } else if is_autostart(&place) {
        let mut trace = Trace::new(TraceKind::RunValue, act, object).named(NameSort::RegistryValue, place);
        let runs = program(details);
        if is_telling_program(&runs) {
            trace = trace.named(NameSort::Runs, runs);
        }
        found.push(trace);
    }
}

/// The thumbprint of a key below `SystemCertificates\STORE\Certificates` or `Keys`.
fn certificate(place: &str) -> Option<String> {
    let at = place.find(r"\systemcertificates\")?;
    place.get(at..)?.split('\\').find_map(thumbprint)
}

/// A key of a hive: itself, and each of its values.
fn key(row: &Row<'_>, found: &mut Vec<Trace>) {
    let object = row.text("TargetObject");
    let deleted = row.text("Deleted") == "true";
    let set = row.text("ControlSet");
    if object.starts_with('…') || !matches!(set, "" | "current") {
        return; // a lead, or a control set that is not in use
    }
    let act = if deleted { Act::Removed } else { LISTED };
    let plain = registry(object);
    if let Some(print) = certificate(&plain) {
        found.push(Trace::new(TraceKind::Certificate, act, object).named(NameSort::Thumbprint, print));
        return;
    }
    if deleted || !is_autostart(&format!(r"{plain}\")) {
        return;
    }
    for one in row.data() {
        let (name, data) = one.split_once('=').unwrap_or((one.as_str(), ""));
        value(&format!(r"{object}\{name}"), data, LISTED, found);
    }
}

fn sysmon_registry(row: &Row<'_>, found: &mut Vec<Trace>) {
    let act = match (row.code(), row.text("EventType")) {
        (12, kind) if kind.starts_with("Delete") => Act::Removed,
        (14, _) => return,
        _ => Act::Made,
    };
    // Of keys only those of certificates are things; the others are known by their values.
    let object = row.text("TargetObject");
    if row.code() == 12 && row.text("EventType").ends_with("Key") && certificate(&registry(object)).is_none()
    {
        return;
    }
    value(object, row.text("Details"), act, found);
}

fn audited_value(row: &Row<'_>, found: &mut Vec<Trace>) {
    let object = format!(r"{}\{}", row.text("ObjectName"), row.text("ObjectValueName"));
    // %%1906: the value was deleted.
    let act = if row.text("OperationType") == "%%1906" { Act::Removed } else { Act::Made };
    value(&object, row.text("NewValue"), act, found);
}

fn sysmon_wmi(row: &Row<'_>, found: &mut Vec<Trace>) {
    let act = if row.text("Operation").eq_ignore_ascii_case("deleted") { Act::Removed } else { Act::Made };
    if row.code() == 20 {
        consumer(row, act, row.text("Name"), found);
    } else if row.code() == 21 {
        consumer(row, act, row.text("Consumer"), found);
    }
}

/// A consumer by its name: of a path, what stands in the quotes behind `Name=`.
fn consumer(row: &Row<'_>, act: Act, name: &str, found: &mut Vec<Trace>) {
    let tail = name.rsplit_once("Name=").map_or(name, |(_, tail)| tail);
    let plain: String =
        tail.trim_matches(['\\', '"', ' ', '\'']).split(['"', ';']).next().unwrap_or_default().to_owned();
    let plain = plain.trim_end_matches('\\').to_owned();
    let mut trace =
        Trace::new(TraceKind::WmiConsumer, act, &plain).named(NameSort::Name, plain.to_lowercase());
    let runs = program(row.first(&["Destination", "CommandLineTemplate"]));
    if is_telling_program(&runs) {
        trace = trace.named(NameSort::Runs, runs);
    }
    found.push(trace);
}

/// A module, handler or filter of IIS that neither Windows nor Exchange ships.
fn module(row: &Row<'_>, found: &mut Vec<Trace>) {
    let section = row.text("Section");
    if !matches!(
        section,
        "globalModules" | "modules" | "httpModules" | "isapiFilters" | "handlers" | "httpHandlers"
    ) {
        return;
    }
    let name = row.text("EntryName");
    let mut trace = Trace::new(TraceKind::Module, LISTED, name).named(NameSort::Name, name.to_lowercase());
    let image = path(row.text("Image"));
    if is_telling_program(&image) {
        trace = trace.named(NameSort::Runs, image);
    }
    found.push(trace);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_and_starts_are_told_by_their_keys() {
        let print = "0123456789abcdef0123456789abcdef01234567";
        let key = format!(r"hklm\software\microsoft\systemcertificates\root\certificates\{print}\blob");
        assert_eq!(certificate(&key).as_deref(), Some(print));
        assert!(is_autostart(r"hklm\software\microsoft\windows\currentversion\run\updater"));
        assert!(!is_autostart(r"hklm\software\vendor\settings\x"));
    }

    #[test]
    fn a_tasks_command_is_read_out_of_its_xml() {
        let xml = "<Exec><Command>C:\\a &amp; b\\x.exe</Command></Exec>";
        assert_eq!(element(xml, "Command").as_deref(), Some(r"C:\a & b\x.exe"));
        assert_eq!(task_of_file(r"WS07/C/Windows/System32/Tasks/Microsoft/Upd"), r"\Microsoft\Upd");
    }
}
