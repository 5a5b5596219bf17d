//! A task's XML to its facts.
//!
//! In: the text. Out: what MS-TSCH 2.5 names, and why the rest is missing. Depth, count and length are limited.

use std::fmt::Write as _;

use quick_xml::events::Event;

use super::{Action, Task};

/// Nesting that is followed; the schema has six levels.
const DEPTH_MAX: usize = 32;
/// Triggers and actions of one task that are told; Windows allows 48 and 32.
const PARTS_MAX: usize = 256;
/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Bytes of what one trigger says.
const TRIGGER_BYTES_MAX: usize = 4 << 10;

/// Element by its end of path, and its column.
const FACTS: [(&str, &str); 16] = [
    ("RegistrationInfo/URI", "URI"),
    ("RegistrationInfo/Author", "Author"),
    ("RegistrationInfo/Date", "RegistrationDate"),
    ("RegistrationInfo/Description", "Description"),
    ("RegistrationInfo/Source", "Source"),
    ("RegistrationInfo/Version", "TaskVersion"),
    ("RegistrationInfo/SecurityDescriptor", "SecurityDescriptor"),
    ("Principal/UserId", "UserId"),
    ("Principal/GroupId", "GroupId"),
    ("Principal/RunLevel", "RunLevel"),
    ("Principal/LogonType", "LogonType"),
    ("Principal/DisplayName", "PrincipalName"),
    ("Settings/Hidden", "Hidden"),
    ("Settings/Enabled", "Enabled"),
    ("Settings/DeleteExpiredTaskAfter", "DeleteExpiredTaskAfter"),
    ("Settings/ExecutionTimeLimit", "ExecutionTimeLimit"),
];

/// What starts a task, in words.
const TRIGGERS: [(&str, &str); 9] = [
    ("CalendarTrigger", "on a calendar"),
    ("TimeTrigger", "at a time"),
    ("BootTrigger", "when the system starts"),
    ("LogonTrigger", "at logon"),
    ("EventTrigger", "on an event"),
    ("RegistrationTrigger", "when it is registered"),
    ("IdleTrigger", "when the system is idle"),
    ("SessionStateChangeTrigger", "when a session changes"),
    ("WnfStateChangeTrigger", "when a state of Windows changes"),
];

/// Reads the task, and says why it ended too early.
pub(super) fn read(text: &str) -> (Task, Option<String>) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut walk = Walk::default();
    let broken = loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => walk.open(start.name().as_ref()),
            Ok(Event::Empty(start)) => {
                walk.open(start.name().as_ref());
                walk.close();
            }
            Ok(Event::Text(part)) => walk.add(&part),
            Ok(Event::CData(part)) => walk.add(&part),
            Ok(Event::GeneralRef(name)) => walk.add_reference(&name),
            Ok(Event::End(_)) => walk.close(),
            Ok(Event::Eof) if walk.path.is_empty() => break None,
            Ok(Event::Eof) => break Some("it ends too early".to_owned()),
            Ok(_) => {}
            Err(error) => break Some(error.to_string()),
        }
        if walk.path.len() >= DEPTH_MAX {
            break Some(format!("its elements are nested deeper than {DEPTH_MAX}"));
        }
    };
    (walk.task, broken)
}

#[derive(Default)]
struct Walk {
    path: Vec<String>,
    value: String,
    task: Task,
}

impl Walk {
    fn open(&mut self, name: &str) {
        let name = name.rsplit(':').next().unwrap_or(name);
        match (self.parent(), self.path.len()) {
            ("Triggers", 2) if self.task.triggers.len() < PARTS_MAX => {
                let words = TRIGGERS.iter().find(|(kind, _)| *kind == name);
                let words = words.map_or("by another trigger", |(_, words)| words);
                self.task.triggers.push(format!("{words}: {name}"));
            }
            ("Actions", 2) if self.task.actions.len() < PARTS_MAX => {
                self.task.actions.push(Action { kind: name.to_owned(), values: Vec::new() });
            }
            _ => {}
        }
        self.path.push(name.to_owned());
        self.value.clear();
    }

    fn parent(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn add(&mut self, text: &str) {
        if self.value.len() + text.len() <= VALUE_BYTES_MAX {
            self.value.push_str(text);
        }
    }

    fn add_reference(&mut self, name: &str) {
        let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        });
        match number.and_then(char::from_u32) {
            Some(sign) => self.add(sign.encode_utf8(&mut [0; 4])),
            None => self.add(crate::healthchecker::entity(name)),
        }
    }

    fn close(&mut self) {
        let value = std::mem::take(&mut self.value);
        if !value.trim().is_empty() {
            self.take(value.trim());
        }
        self.path.pop();
    }

    fn take(&mut self, value: &str) {
        let part = |at: usize| self.path.get(at).map_or("", String::as_str);
        match part(1) {
            "Triggers" if self.path.len() > 3 => {
                let name = self.path.get(3..).unwrap_or_default().join(".");
                let Some(trigger) = self.task.triggers.last_mut() else { return };
                if (name == "Enabled" && value == "true") || trigger.len() + value.len() > TRIGGER_BYTES_MAX {
                    return;
                }
                let _ = write!(trigger, ", {name}={value}");
            }
            "Actions" if self.path.len() > 3 => {
                let name = self.path.get(3..).unwrap_or_default().join(".");
                if let Some(action) = self.task.actions.last_mut().filter(|one| one.values.len() < PARTS_MAX)
                {
                    action.values.push((name, value.to_owned()));
                }
            }
            _ => {
                let end = format!("{}/{}", part(self.path.len().wrapping_sub(2)), self.parent());
                let fact = FACTS.iter().find(|(path, _)| *path == end);
                if let Some((_, column)) = fact.filter(|(_, column)| self.task.fact(column).is_none()) {
                    self.task.facts.push((column, value.to_owned()));
                }
            }
        }
    }
}
