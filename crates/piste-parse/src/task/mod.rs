//! Scheduled tasks: the XML below `System32\Tasks`, or what `schtasks /xml` exports, and the `.job` files of XP and 2003.
//!
//! In: the whole file, UTF-16 or UTF-8. Out: dataset `task.definition`, a row an action, all with who registered the task and
//! when, as whom it runs and what starts it. The row's time is the registration that the task states: whoever wrote the
//! file could choose it, and it mostly has no zone. Sources: Microsoft's MS-TSCH 2.4 and 2.5, libyal's description of `.job`.

mod job;
mod xml;

pub use job::{parse_file as parse_job, recognise as recognise_job};

use piste_model::Instant;
use piste_model::schema::Role;

use crate::block::Block;
use crate::whole::{Table, text_of};
use crate::{Context, Parsed};

const DATASET: &str = "task.definition";
const DAMAGED: &str = "task-damaged";

/// Whether a file that begins so is a task in XML.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    crate::artefact::is_task(&text_of(head.get(..head.len().min(8_192)).unwrap_or_default()))
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, DATASET);
    if block.bytes.is_empty() {
        return table.finish();
    }
    let (task, broken) = xml::read(&text_of(&block.bytes));
    if let Some(what) = broken {
        let lost = u64::from(task.is_empty());
        table.damaged(DAMAGED, 0, Some(lost), format!("its XML cannot be read to its end: {what}"));
        if lost > 0 {
            return table.finish();
        }
    }
    push_rows(&task, &mut table);
    table.finish()
}

/// What one action does.
#[derive(Debug, Default)]
struct Action {
    /// `Exec`, `ComHandler`, `SendEmail`, `ShowMessage`.
    kind: String,
    /// Its values by element.
    values: Vec<(String, String)>,
}

/// A task as its XML says it.
#[derive(Debug, Default)]
struct Task {
    /// Column and value.
    facts: Vec<(&'static str, String)>,
    /// One a trigger.
    triggers: Vec<String>,
    actions: Vec<Action>,
}

impl Task {
    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.triggers.is_empty() && self.actions.is_empty()
    }

    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(column, _)| *column == name).map(|(_, value)| value.as_str())
    }
}

fn push_rows(task: &Task, table: &mut Table<'_>) {
    let date = task.fact("RegistrationDate");
    let time = date.and_then(Instant::parse);
    let zoned = date.is_some_and(|text| {
        text.ends_with('Z') || text.get(19..).is_some_and(|tail| tail.contains(['+', '-']))
    });
    let basis = if zoned { "RegistrationDate" } else { "RegistrationDate, zone unknown" };
    let none = Action::default();
    let actions = if task.actions.is_empty() { std::slice::from_ref(&none) } else { &task.actions };
    for (number, action) in actions.iter().enumerate() {
        table.fields.clear();
        for (name, value) in &task.facts {
            table.put(name, value);
        }
        let name = task.fact("URI").map(str::to_owned).or_else(|| name_in_path(table.cx.path));
        if let Some(name) = name {
            table.fields.push("TaskName", &name, Role::Copy);
        }
        table.put("Triggers", &task.triggers.join("; "));
        table.put("ActionType", &action.kind);
        if task.actions.len() > 1 {
            table.number("ActionNumber", Some(number + 1));
        }
        for (name, value) in &action.values {
            table.put(name, value);
        }
        push_command_line(table);
        table.row(time, basis, "");
    }
}

/// The command and its arguments as one text, which rules ask for.
fn push_command_line(table: &mut Table<'_>) {
    let command = table.fields.get("Command").unwrap_or_default();
    let arguments = table.fields.get("Arguments").unwrap_or_default();
    if !command.is_empty() {
        let line = format!("{command} {arguments}");
        table.fields.push("CommandLine", line.trim_end(), Role::Copy);
    }
}

/// A task's name by its place: `…\System32\Tasks\Folder\Name`.
fn name_in_path(path: &str) -> Option<String> {
    let path = path.replace('/', "\\");
    let at = path.to_ascii_lowercase().rfind("\\tasks\\")?;
    path.get(at + "\\tasks".len()..).map(str::to_owned)
}

#[cfg(test)]
mod tests;
