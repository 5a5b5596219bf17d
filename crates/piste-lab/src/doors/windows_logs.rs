//! Windows events that only doors leave: cmdlets with their positions, remote desktop, failed pages; and the writing of
//! all of them, as one file of JSON lines a host or as one `.evtx` a channel.
//!
//! In: what happened. Out: events, and files of them. In JSON a field without a name is `param1` and so on, as Winlogbeat
//! calls it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use super::exchange_logs::Cmdlet;
use super::world::World;
use crate::LabError;
use crate::evtx::{FileTime, Guid, Head, Kind, Source as Writes, Value, ValueType, Writer};
use crate::moment::Moment;
use crate::random::Random;
use crate::scenario::Source;
use crate::security::{self, Logon, Session};
use crate::shelf::{Betrayal, Layout, StepIndex};
use crate::system;
use crate::truth::Leaf;
use crate::windows::{CMDLETS, Event, Field, Provider};

const CONNECTIONS: Provider = Provider {
    name: "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    guid: Some("{C76BAA63-AE81-421C-B425-340B4B24157F}"),
    channel: "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
    source: Source::Terminal,
    keywords: "0x1000000000000000",
};
const SESSIONS: Provider = Provider {
    name: "Microsoft-Windows-TerminalServices-LocalSessionManager",
    guid: Some("{5D896912-022D-40AA-A3A8-4FA5515C76D7}"),
    channel: "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    source: Source::Terminal,
    keywords: "0x1000000000000000",
};
const ASP_NET: Provider = Provider {
    name: "ASP.NET 4.0.30319.0",
    guid: None,
    channel: "Application",
    source: Source::Application,
    keywords: "0x80000000000000",
};

/// Names of fields that have none.
const PARAMS: [&str; 27] = [
    "param1", "param2", "param3", "param4", "param5", "param6", "param7", "param8", "param9", "param10",
    "param11", "param12", "param13", "param14", "param15", "param16", "param17", "param18", "param19",
    "param20", "param21", "param22", "param23", "param24", "param25", "param26", "param27",
];

fn event(provider: Provider, id: u16, level: u8, time: Moment, message: String, fields: Vec<Field>) -> Event {
    Event { provider, id, level, task: 1, keywords: None, time, message, fields }
}

/// How IIS's worker logs somebody on who fills in OWA's form.
pub(super) fn owa_logon(host: &str, address: &str) -> Logon {
    Logon {
        kind: 8,
        package: "Negotiate",
        workstation: host.to_owned(),
        address: address.to_owned(),
        port: 51_240,
        process: r"C:\Windows\System32\inetsrv\w3wp.exe",
    }
}

/// 1 or 6 of the cmdlet log, with its strings in their places.
pub(super) fn cmdlet(random: &mut Random, ran: &Cmdlet<'_>, dns: &str) -> Event {
    let failed = !ran.error.is_empty();
    let (host, pool) = if ran.remote {
        ("Remote-ManagementShell-Unknown", "MSExchangePowerShellAppPool")
    } else {
        ("ECP", "MSExchangeECPAppPool")
    };
    let caller = if ran.sid == "S-1-5-18" {
        "NT AUTHORITY\\SYSTEM".to_owned()
    } else {
        format!("{dns}/Users/{}", ran.account)
    };
    let pid = random.between(900, 4_000) * 4;
    let mut strings = vec![String::new(); 27];
    let texts = [
        (0, ran.name.to_owned()),
        (1, ran.parameters.clone()),
        (2, caller),
        (3, ran.sid.clone()),
        (4, ran.sid.clone()),
        (5, host.to_owned()),
        (6, format!("{pid} w3wp#{pool}")),
        (8, random.between(20, 90).to_string()),
        (9, format!("00:00:00.{:07}", random.between(90_000, 9_000_000))),
        (
            10,
            format!(
                "View Entire Forest: 'False', Default Scope: '{dns}', Configuration Domain Controller: 'DC11.{dns}'"
            ),
        ),
        (11, ran.error.to_owned()),
        (17, "False".to_owned()),
        (23, format!("ActivityId: {}", random.guid())),
        (24, "ServicePlan:;IsAdmin:True;".to_owned()),
        (26, "en-US".to_owned()),
    ];
    for (at, text) in texts {
        if let Some(place) = strings.get_mut(at) {
            *place = text;
        }
    }
    let (id, level, word) = if failed { (6, 2, "failed") } else { (1, 4, "suceeded") }; // the misspelt word is Exchange's
    let message = format!("Cmdlet {word}. Cmdlet {}, parameters {}.", ran.name, ran.parameters);
    event(CMDLETS, id, level, ran.time, message, PARAMS.into_iter().zip(strings).collect())
}

/// A session of remote desktop: 1149, 4624 of type 10, 4672 for an administrator, 21, and its end.
pub(super) fn remote_desktop(
    random: &mut Random,
    at: Moment,
    (host, domain): (&str, &str),
    (account, sid): (&str, String),
    address: &str,
    seconds: u32,
) -> Vec<Event> {
    let who = Session::new(random, sid, account, domain);
    let user = format!(r"{domain}\{account}");
    let session = random.between(2, 6).to_string();
    let how = Logon {
        kind: 10,
        package: "Negotiate",
        workstation: host.to_owned(),
        address: address.to_owned(),
        port: 0,
        process: r"C:\Windows\System32\svchost.exe",
    };
    let connected =
        [("Param1", account.to_owned()), ("Param2", domain.to_owned()), ("Param3", address.to_owned())];
    let session_fields =
        || vec![("User", user.clone()), ("SessionID", session.clone()), ("Address", address.to_owned())];
    let text = format!(
        "Remote Desktop Services: User authentication succeeded:\r\n\r\nUser: {account}\r\nDomain: {domain}\r\nSource Network Address: {address}"
    );
    let logon = format!(
        "Remote Desktop Services: Session logon succeeded:\r\n\r\nUser: {user}\r\nSession ID: {session}\r\nSource Network Address: {address}"
    );
    let gone = format!(
        "Remote Desktop Services: Session has been disconnected:\r\n\r\nUser: {user}\r\nSession ID: {session}\r\nSource Network Address: {address}"
    );
    vec![
        event(CONNECTIONS, 1149, 4, at, text, connected.to_vec()),
        security::logged_on(at.plus_ms(1_240), &who, &how, true),
        security::privileged(at.plus_ms(1_241), &who),
        event(SESSIONS, 21, 4, at.plus_ms(2_010), logon, session_fields()),
        event(SESSIONS, 24, 4, at.plus_seconds(seconds), gone, session_fields()),
        security::logged_off(at.plus_seconds(seconds).plus_ms(300), &who, 10),
    ]
}

/// 4 of the Exchange Control Panel: a page failed, with its URL and so with what the caller sent in it.
pub(super) fn panel_failed(time: Moment, caller: &str, url: &str) -> Event {
    let told = system::control_panel_error(time, caller, url);
    let error = told.message.split_once("error:\r\n").map_or("", |(_, error)| error).to_owned();
    let texts = [caller.to_owned(), url.to_owned(), error];
    Event { fields: PARAMS.into_iter().zip(texts).collect(), ..told }
}

/// 1309 of ASP.NET: a view state that was signed with another key than the server's.
pub(super) fn viewstate_refused(time: Moment, user: &str, address: &str, path: &str) -> Event {
    let texts = [
        "4009",
        "Viewstate verification failed. Reason: The viewstate supplied failed integrity check.",
        path,
        address,
        user,
    ];
    let message = format!(
        "Event code: 4009\r\nEvent message: {}\r\nRequest path: {path}\r\nUser host address: {address}\r\nUser: {user}",
        texts[1]
    );
    event(ASP_NET, 1309, 3, time, message, PARAMS.into_iter().zip(texts.map(str::to_owned)).collect())
}

/// An event and the step that it belongs to.
type Told = (Event, Option<StepIndex>);

impl World<'_> {
    /// Puts all events on the shelf.
    pub(super) fn shelve_events(&mut self, evtx: bool) -> Result<(), LabError> {
        let mut by_file: BTreeMap<(String, &'static str), Vec<Told>> = BTreeMap::new();
        for (host, event, step) in std::mem::take(&mut self.events) {
            let channel = if evtx { event.provider.channel } else { "windows-events" };
            by_file.entry((host, channel)).or_default().push((event, step));
        }
        for ((host, channel), mut events) in by_file {
            events.sort_by_key(|(event, _)| event.time); // stable: equal times stay in the order told
            let computer = format!("{host}.{}", self.story.place.dns);
            let logs = "C/Windows/System32/winevt/Logs";
            if evtx {
                let path = self.path(&host, &format!("{logs}/{}.evtx", channel.replace('/', "%4")));
                let (bytes, betrayals) = write_evtx(&path, &computer, &events)?;
                self.shelf.put_whole(path, bytes, betrayals);
            } else {
                let path = self.path(&host, &format!("{logs}/{channel}.jsonl"));
                for (event, step) in events {
                    let line = event.line(&computer);
                    self.shelf.put(path.clone(), Layout::JsonLines, event.time, line, step);
                }
            }
        }
        Ok(())
    }
}

/// One channel's file. All values are text but the header's, as `evtx_dump` and Windows show them alike.
fn write_evtx(
    path: &str,
    computer: &str,
    events: &[(Event, Option<StepIndex>)],
) -> Result<(Vec<u8>, Vec<Betrayal>), LabError> {
    let failed = |source: std::io::Error| LabError::Write { path: path.into(), source };
    // The numbers of a log that has been in use for long, so that a record is not mistaken for a line.
    let mut writer = Writer::new(Cursor::new(Vec::new()), 40_001).map_err(failed)?;
    let mut betrayals = Vec::new();
    for (event, step) in events {
        let kind = kind_of(event);
        let time = event.time.instant(3);
        let head = Head {
            time: FileTime::of_unix_ms(time.nanos.div_euclid(1_000_000)),
            process_id: 4,
            thread_id: 8,
            user: None,
            computer,
        };
        let values = event.fields.iter().map(|(_, value)| Value::Text(value));
        let record =
            writer.write(&kind, &head, values).map_err(|error| failed(std::io::Error::other(error)))?;
        if let Some(step) = *step {
            betrayals.push(Betrayal { step, time, leaf: Leaf { path: path.to_owned(), record } });
        }
    }
    let bytes = writer.finish().map_err(failed)?.into_inner();
    Ok((bytes, betrayals))
}

type Fields = &'static [(&'static str, ValueType)];

/// The fields of each kind of event, known once for the whole program: the writer keeps them for as long as it lives. The
/// lab knows some thirty kinds.
static SHAPES: Mutex<BTreeMap<(&'static str, u16), Fields>> = Mutex::new(BTreeMap::new());

fn fields_of(event: &Event) -> Fields {
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    shapes.entry((event.provider.name, event.id)).or_insert_with(|| {
        let name = |name: &'static str| if PARAMS.contains(&name) { "" } else { name };
        let fields: Vec<_> = event.fields.iter().map(|(one, _)| (name(one), ValueType::Text)).collect();
        Box::leak(fields.into_boxed_slice())
    })
}

fn kind_of(event: &Event) -> Kind {
    let keywords = event.keywords.unwrap_or(event.provider.keywords).trim_start_matches("0x");
    Kind {
        source: Writes {
            name: event.provider.name,
            guid: event.provider.guid.and_then(guid),
            channel: event.provider.channel,
        },
        id: event.id,
        version: 0,
        level: event.level,
        task: event.task,
        opcode: 0,
        keywords: u64::from_str_radix(keywords, 16).unwrap_or(0),
        fields: fields_of(event),
    }
}

/// `{54849625-…}`
fn guid(text: &str) -> Option<Guid> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).ok().map(Guid::of)
}
