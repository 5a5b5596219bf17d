//! The evidence of before of the story `eviction`: events that plant one thing of each kind.
//!
//! In: the things. Out: a collection of one server: its events as JSON lines, SAM and SOFTWARE.

use piste_model::removal::TraceKind;

use super::collected::{account_hive, software_hive};
use super::hive::hive;
use super::planted::{MACHINE, Planted, sid_text};
use crate::moment::{Moment, days};
use crate::random::Random;
use crate::shelf::{Layout, Shelf};
use crate::windows::{AUDITING, CMDLETS, Event, Field, Provider, SERVICES, SYSMON};

/// Full name of a computer of the story.
pub(super) fn fqdn(host: &str) -> String {
    format!("{host}.min.example")
}

/// Where a computer's events lie in its collection.
pub(super) fn events_path(zip: &str) -> String {
    format!("{zip}!C/Windows/System32/winevt/Logs/windows-events.jsonl")
}

pub(super) fn event(provider: Provider, id: u16, time: Moment, message: &str, fields: Vec<Field>) -> Event {
    Event { provider, id, level: 4, task: 0, keywords: None, time, message: message.to_owned(), fields }
}

/// When the story plants things.
fn planted_at() -> Moment {
    Moment::midnight(jiff::civil::Date::constant(2021, 3, 3)).plus_seconds(5 * 3_600)
}

/// Writes it.
pub(super) fn tell(things: &[Planted], seed: u64, shelf: &mut Shelf) {
    let (from, to) = (planted_at(), planted_at().plus_seconds(20 * 86_400));
    let host = things.first().map_or("", |one| one.host.as_str());
    let zip = format!("{host}.zip");
    let path = events_path(&zip);
    let mut random = Random::new(seed, &["before"]);
    for day in days(from, to) {
        for one in ordinary(Moment::midnight(day), &mut random) {
            shelf.put(path.clone(), Layout::JsonLines, one.time, one.line(&fqdn(host)), None);
        }
        // The implant calls home once a day.
        let at = Moment::midnight(day).plus_seconds(random.between(60, 80_000));
        for one in things.iter().filter(|one| one.kind == TraceKind::Connection) {
            let call = connection(at, &one.place);
            shelf.put(path.clone(), Layout::JsonLines, at, call.line(&fqdn(host)), None);
        }
    }
    for (at, one) in things.iter().enumerate() {
        let time = from.plus_seconds(60 * u32::try_from(at).unwrap_or(0));
        for event in made(one, time) {
            shelf.put(path.clone(), Layout::JsonLines, time, event.line(&fqdn(host)), None);
        }
    }
    let written = filetime(to);
    let sam = account_hive(&MACHINE, true, true, written);
    shelf.put_whole(format!("{zip}!C/Windows/System32/config/SAM"), sam, Vec::new());
    let software = hive("\\SystemRoot\\System32\\Config\\SOFTWARE", &software_hive(1_500_000_000), written);
    shelf.put_whole(format!("{zip}!C/Windows/System32/config/SOFTWARE"), software, Vec::new());
}

/// 100 nanoseconds since 1601.
pub(super) fn filetime(time: Moment) -> u64 {
    let seconds = u64::try_from(time.unix_seconds()).unwrap_or_default();
    (seconds + 11_644_473_600) * 10_000_000
}

/// A day of a server: a service that starts, a connection inside, a cmdlet of an administrator, a logon.
pub(super) fn ordinary(day: Moment, random: &mut Random) -> Vec<Event> {
    let mut at = || day.plus_seconds(random.between(100, 86_000));
    let logon = vec![
        ("TargetUserSid", "S-1-5-21-1-2-3-1107".to_owned()),
        ("TargetUserName", "j.maes".to_owned()),
        ("TargetDomainName", "MIN".to_owned()),
        ("TargetLogonId", "0x51a3".to_owned()),
        ("LogonType", "3".to_owned()),
        ("IpAddress", "10.20.7.7".to_owned()),
        ("IpPort", "50111".to_owned()),
    ];
    vec![
        event(
            SERVICES,
            7036,
            at(),
            "A service entered the running state.",
            vec![("param1", "WinRM".to_owned())],
        ),
        connection(at(), "10.20.1.2"),
        event(AUDITING, 4624, at(), "An account was successfully logged on.", logon),
        cmdlet(at(), "Get-Mailbox", "-ResultSize \"10\""),
    ]
}

pub(super) fn connection(at: Moment, to: &str) -> Event {
    let fields = vec![
        ("UtcTime", at.sysmon()),
        ("ProcessGuid", "{9d3c1c70-3f5e-6041-1111-000000000700}".to_owned()),
        ("ProcessId", "4711".to_owned()),
        ("Image", r"C:\ProgramData\Upd\upd.exe".to_owned()),
        ("Protocol", "tcp".to_owned()),
        ("Initiated", "true".to_owned()),
        ("SourceIp", "10.20.1.20".to_owned()),
        ("SourcePort", "50001".to_owned()),
        ("DestinationIp", to.to_owned()),
        ("DestinationPort", "443".to_owned()),
    ];
    event(SYSMON, 3, at, "Network connection detected", fields)
}

pub(super) fn cmdlet(at: Moment, name: &str, parameters: &str) -> Event {
    event(CMDLETS, 1, at, &format!("Cmdlet suceeded. Cmdlet {name}, parameters {parameters}."), Vec::new())
}

/// Events that make a thing.
#[expect(clippy::too_many_lines, reason = "a table: the events of each kind of thing, one after the other")]
pub(super) fn made(one: &Planted, at: Moment) -> Vec<Event> {
    let (place, detail) = (one.place.clone(), one.detail.clone());
    let image = r"C:\Windows\System32\cmd.exe".to_owned();
    let process = |image: &str| {
        vec![
            ("UtcTime", at.sysmon()),
            ("ProcessGuid", "{9d3c1c70-3f5e-6041-2222-000000000700}".to_owned()),
            ("ProcessId", "4812".to_owned()),
            ("Image", image.to_owned()),
        ]
    };
    let with = |mut fields: Vec<Field>, more: Vec<Field>| {
        fields.extend(more);
        fields
    };
    match one.kind {
        TraceKind::Page | TraceKind::File => {
            let fields =
                with(process(&image), vec![("TargetFilename", place), ("CreationUtcTime", at.sysmon())]);
            vec![event(SYSMON, 11, at, "File created", fields)]
        }
        TraceKind::Module => {
            let line = format!(
                r"C:\Windows\System32\inetsrv\appcmd.exe install module /name:{place} /image:{detail}"
            );
            let fields =
                with(process(r"C:\Windows\System32\inetsrv\appcmd.exe"), vec![("CommandLine", line)]);
            vec![event(SYSMON, 1, at, "Process Create", fields)]
        }
        TraceKind::Service => vec![crate::system::service_installed(at, &place, &detail, "auto start")],
        TraceKind::Task => {
            let content = format!("<Task><Actions><Exec><Command>{detail}</Command></Exec></Actions></Task>");
            vec![event(
                AUDITING,
                4698,
                at,
                "A scheduled task was created.",
                vec![("TaskName", place), ("TaskContent", content)],
            )]
        }
        TraceKind::RunValue => {
            let fields = with(
                process(&image),
                vec![("EventType", "SetValue".to_owned()), ("TargetObject", place), ("Details", detail)],
            );
            vec![event(SYSMON, 13, at, "Registry value set", fields)]
        }
        TraceKind::Certificate => {
            let object = format!(
                r"HKLM\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates\{}\Blob",
                place.to_uppercase()
            );
            let fields = with(
                process(&image),
                vec![
                    ("EventType", "SetValue".to_owned()),
                    ("TargetObject", object),
                    ("Details", "Binary Data".to_owned()),
                ],
            );
            vec![event(SYSMON, 13, at, "Registry value set", fields)]
        }
        TraceKind::WmiConsumer => {
            let fields = vec![
                ("EventType", "WmiConsumerEvent".to_owned()),
                ("Operation", "Created".to_owned()),
                ("Name", format!(" \"{place}\"")),
                ("Type", "Command Line".to_owned()),
                ("Destination", format!(" \"{detail}\"")),
            ];
            vec![event(SYSMON, 20, at, "WmiEventConsumer activity detected", fields)]
        }
        TraceKind::Account => {
            let fields = vec![
                ("TargetUserName", place),
                ("TargetDomainName", one.host.clone()),
                ("TargetSid", sid_text()),
                ("SubjectUserName", format!("{}$", one.host)),
            ];
            vec![event(AUDITING, 4720, at, "A user account was created.", fields)]
        }
        TraceKind::GroupRight => vec![member(one, at)],
        TraceKind::MailboxRight => {
            let parameters =
                format!("-Identity \"{place}\" -User \"MIN\\{detail}\" -AccessRights \"FullAccess\"");
            vec![cmdlet(at, "Add-MailboxPermission", &parameters)]
        }
        TraceKind::MailboxRule => {
            let parameters = format!("-Mailbox \"{place}\" -Name \"{detail}\" -ForwardTo \"x@example.org\"");
            vec![cmdlet(at, "New-InboxRule", &parameters)]
        }
        TraceKind::Connection => vec![connection(at, &place)],
    }
}

/// Events that say that a thing was taken away, where a log says so.
pub(super) fn removed(one: &Planted, at: Moment) -> Vec<Event> {
    match one.kind {
        TraceKind::MailboxRight => {
            let parameters = format!(
                "-Identity \"{}\" -User \"MIN\\{}\" -AccessRights \"FullAccess\" -Confirm \"False\"",
                one.place, one.detail
            );
            vec![cmdlet(at, "Remove-MailboxPermission", &parameters)]
        }
        TraceKind::MailboxRule => {
            vec![cmdlet(
                at,
                "Remove-InboxRule",
                &format!("-Mailbox \"{}\" -Identity \"{}\" -Confirm \"False\"", one.place, one.detail),
            )]
        }
        _ => Vec::new(),
    }
}

fn member(one: &Planted, at: Moment) -> Event {
    let fields = vec![
        ("MemberName", "-".to_owned()),
        ("MemberSid", sid_text()),
        ("TargetUserName", one.place.clone()),
        ("TargetDomainName", "Builtin".to_owned()),
        ("TargetSid", "S-1-5-32-544".to_owned()),
    ];
    event(AUDITING, 4732, at, "A member was changed in a local group.", fields)
}
