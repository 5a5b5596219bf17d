//! What an intruder planted, as the stories tell it.
//!
//! In: a scenario, or the story `eviction`. Out: things with their computer and place. Names and addresses are ones set aside for examples.

use piste_model::removal::TraceKind;

use crate::moment::Moment;
use crate::scenario::{Act, Scenario};

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// What it is.
    pub kind: TraceKind,
    /// Short name of its computer.
    pub(super) host: String,
    /// Its name or path.
    pub(super) place: String,
    /// What it runs, whose it is, who has it: by kind.
    pub(super) detail: String,
}

fn thing(kind: TraceKind, host: &str, place: &str, detail: &str) -> Planted {
    Planted { kind, host: host.to_owned(), place: place.to_owned(), detail: detail.to_owned() }
}

/// The machine SID of a computer, before it is installed anew.
pub(super) const MACHINE: [u32; 4] = [21, 1_111_222_333, 2_222_333_444, 3_333_444_555];
/// The same afterwards.
pub(super) const MACHINE_ANEW: [u32; 4] = [21, 777_888_999, 888_999_111, 999_111_222];
/// Number of the account that was made.
pub(super) const RID: u32 = 1_004;

/// `S-1-5-21-…-1004` of the machine before.
pub(super) fn sid_text() -> String {
    let numbers: Vec<String> = MACHINE.iter().map(u32::to_string).collect();
    format!("S-1-5-{}-{RID}", numbers.join("-"))
}

/// One thing of each kind, on one server.
pub(super) fn of_eviction() -> Vec<Planted> {
    let host = "SRV01";
    vec![
        thing(TraceKind::Page, host, r"C:\inetpub\wwwroot\aspnet_client\err.aspx", ""),
        thing(TraceKind::File, host, r"C:\ProgramData\Upd\upd.exe", ""),
        thing(TraceKind::Module, host, "UpdLog", r"C:\ProgramData\Upd\updlog.dll"),
        thing(TraceKind::Service, host, "UpdSvc", r"C:\ProgramData\Upd\updsvc.exe -k net"),
        thing(TraceKind::Task, host, r"\UpdSync", r"C:\ProgramData\Upd\sync.cmd"),
        thing(
            TraceKind::RunValue,
            host,
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\UpdRun",
            r"C:\ProgramData\Upd\run.exe",
        ),
        thing(TraceKind::WmiConsumer, host, "UpdConsumer", r"C:\ProgramData\Upd\wmi.exe"),
        thing(TraceKind::Account, host, "updhelp", ""),
        thing(TraceKind::GroupRight, host, "Administrators", "updhelp"),
        thing(TraceKind::MailboxRight, host, "kabinet", "updhelp"),
        thing(TraceKind::MailboxRule, host, "kabinet", "UpdRule"),
        thing(TraceKind::Certificate, host, "4f1c0de5c0ffee00112233445566778899aabbcc", ""),
        thing(TraceKind::Connection, host, "203.0.113.66", ""),
    ]
}

/// When the story `eviction` throws him out.
pub(super) fn eviction_time() -> Moment {
    Moment::midnight(jiff::civil::Date::constant(2021, 4, 10)).plus_seconds(20 * 3_600)
}

/// A month after the collection of a scenario.
pub(super) fn eviction_of(scenario: &Scenario) -> Moment {
    scenario.to.plus_seconds(36 * 86_400)
}

/// What the steps of a scenario plant and did not take away themselves.
pub(super) fn of_scenario(scenario: &Scenario) -> Vec<Planted> {
    let mut things: Vec<Planted> = Vec::new();
    let mut put = |one: Planted| {
        let known = things
            .iter()
            .any(|other| other.kind == one.kind && other.host == one.host && other.place == one.place);
        if !known {
            things.push(one);
        }
    };
    let exchange = scenario.exchange().map(|host| host.name.clone()).unwrap_or_default();
    for step in scenario.steps() {
        let host = step.host.clone().unwrap_or_default();
        let kind_of = |file: &str| {
            if file.to_ascii_lowercase().ends_with(".aspx") { TraceKind::Page } else { TraceKind::File }
        };
        match &step.does {
            Act::FileWritten { file, .. } | Act::Viewstate { file, .. } | Act::OabShell { file, .. } => {
                put(thing(kind_of(file), &host, file, ""));
            }
            Act::DumpLsass { file, .. } => put(thing(TraceKind::File, &host, file, "")),
            Act::ServiceInstall { name, image_path, .. } => {
                put(thing(TraceKind::Service, &host, name, image_path));
            }
            Act::TaskInstall { name, command, .. } => put(thing(TraceKind::Task, &host, name, command)),
            Act::Archive { files, tool, .. } => {
                put(thing(TraceKind::File, &host, tool, ""));
                for file in files {
                    put(thing(TraceKind::File, &host, file, ""));
                }
            }
            Act::ShellCommands { address, .. } | Act::Download { address, .. } => {
                put(thing(TraceKind::Connection, &exchange, address, ""));
            }
            _ => {}
        }
    }
    things
}
