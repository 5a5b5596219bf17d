//! Events of the channels System, Application and `MSExchange Management`.
//!
//! In: a service, an update, a cmdlet, an error. Out: events as those providers write them.

use crate::moment::Moment;
use crate::windows::{CMDLETS, CONTROL_PANEL, EVENT_LOG, Event, Field, POLICY, Provider, SERVICES, UPDATES};

fn event(
    provider: Provider,
    (id, level, task): (u16, u8, u16),
    time: Moment,
    message: String,
    fields: Vec<Field>,
) -> Event {
    Event { provider, id, level, task, keywords: None, time, message, fields }
}

/// 7036: a service entered a state, `running` or `stopped`.
pub(crate) fn service_state(time: Moment, service: &str, state: &str) -> Event {
    let message = format!("The {service} service entered the {state} state.");
    let fields = vec![("param1", service.to_owned()), ("param2", state.to_owned())];
    event(SERVICES, (7036, 4, 0), time, message, fields)
}

/// 7045: a service was installed.
pub(crate) fn service_installed(time: Moment, name: &str, image_path: &str, start: &str) -> Event {
    let message = format!(
        "A service was installed in the system.\r\n\r\nService Name:  {name}\r\nService File Name:  {image_path}\r\n\
         Service Type:  user mode service\r\nService Start Type:  {start}\r\nService Account:  LocalSystem"
    );
    let fields = vec![
        ("ServiceName", name.to_owned()),
        ("ImagePath", image_path.to_owned()),
        ("ServiceType", "user mode service".to_owned()),
        ("StartType", start.to_owned()),
        ("AccountName", "LocalSystem".to_owned()),
    ];
    event(SERVICES, (7045, 4, 0), time, message, fields)
}

/// 6005 and 6006: the event log starts and ends with the system.
pub(crate) fn event_log(time: Moment, started: bool) -> Event {
    let (id, word) = if started { (6005, "started") } else { (6006, "stopped") };
    event(EVENT_LOG, (id, 4, 0), time, format!("The Event log service was {word}."), Vec::new())
}

/// 6013: how long the system has been up.
pub(crate) fn uptime(time: Moment, seconds: i64) -> Event {
    event(EVENT_LOG, (6013, 4, 0), time, format!("The system uptime is {seconds} seconds."), Vec::new())
}

/// 19: an update was installed.
pub(crate) fn update_installed(time: Moment, title: &str, guid: &str) -> Event {
    let message =
        format!("Installation Successful: Windows successfully installed the following update: {title}");
    let fields = vec![
        ("updateTitle", title.to_owned()),
        ("updateGuid", format!("{{{}}}", guid.to_uppercase())),
        ("updateRevisionNumber", "200".to_owned()),
        ("serviceGuid", "{3DA21691-E39D-4DA6-8A4B-B43877BCB1B7}".to_owned()),
    ];
    event(UPDATES, (19, 4, 1), time, message, fields)
}

/// 1704: the group policy was applied.
pub(crate) fn policy_applied(time: Moment) -> Event {
    let message = "Security policy in the Group policy objects has been applied successfully.".to_owned();
    event(POLICY, (1704, 4, 0), time, message, Vec::new())
}

/// 4 of the Exchange Control Panel: a page failed, with its URL and so with what the caller sent in it.
pub(crate) fn control_panel_error(time: Moment, caller: &str, url: &str) -> Event {
    let message = format!(
        "Current user: '{caller}'\r\nRequest for URL '{url}' failed with the following error:\r\n\
         System.Web.HttpUnhandledException (0x80004005): Exception of type 'System.Web.HttpUnhandledException' was \
         thrown. ---> System.Web.HttpException: The state information is invalid for this page and might be \
         corrupted. ---> System.InvalidCastException: Unable to cast object of type \
         'System.Collections.Generic.SortedSet`1[System.String]' to type 'System.Web.UI.Pair'."
    );
    event(CONTROL_PANEL, (4, 2, 1), time, message, Vec::new())
}

/// 1 of the cmdlet log: a cmdlet succeeded. The misspelt word is Exchange's.
pub(crate) fn cmdlet(time: Moment, name: &str, parameters: &str) -> Event {
    let message = format!("Cmdlet suceeded. Cmdlet {name}, parameters {parameters}.");
    event(CMDLETS, (1, 4, 1), time, message, Vec::new())
}
