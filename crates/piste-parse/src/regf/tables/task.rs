//! Dataset `registry.task`: scheduled tasks as the service itself keeps them.
//!
//! In: the hive SOFTWARE. Out: a row a task, with its actions decoded and the times of `DynamicInfo`: registered, last
//! start, last end. The row's time is the registration. A task of the list `Tasks` whose key in `Tree` lacks or has no
//! security descriptor is not shown by Windows: `Hidden` says which (MITRE ATT&CK T1053.005, "Tarrasque" of HAFNIUM).
//! Sources: libyal's winreg-kb, "Task scheduler"; G DATA's winreg-tasks, structures of `Actions` and `DynamicInfo`.

use super::super::emit::{Emit, Timed};
use super::super::hive::Key;
use super::super::le::{filetime_at, guid_at, place, u16_at, u32_at, utf16_text};

const DATASET: &str = "registry.task";
const CACHE: &str = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache";
const TASKS_MAX: usize = 100_000;
/// Bytes of a task's actions that are read.
const ACTIONS_BYTES_MAX: usize = 1 << 20;
/// Actions of one task; Windows allows 32.
const ACTIONS_MAX: usize = 64;
/// Folders of tasks below each other.
const FOLDERS_DEEP: u8 = 32;

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let Some(cache) = emit.open.root().and_then(|root| hive.below(root, CACHE)) else { return };
    let tree = hive.child(cache, "Tree");
    let Some(tasks) = hive.child(cache, "Tasks") else { return };
    let kinds: Vec<_> = ["Boot", "Logon", "Maintenance", "Plain"]
        .iter()
        .filter_map(|name| hive.child(cache, name).map(|key| (*name, key)))
        .collect();
    let mut listed = std::collections::BTreeSet::new();
    for key in hive.children(tasks, TASKS_MAX) {
        let id = key.name();
        let path = emit.shown(key, "Path");
        let in_tree = tree.zip(path.as_deref()).and_then(|(tree, path)| hive.below(tree, path));
        let kind = kinds.iter().find(|(_, list)| hive.child(*list, &id).is_some()).map(|(name, _)| *name);
        push(emit, key, in_tree, path.as_deref(), kind);
        listed.insert(id.to_ascii_lowercase());
    }
    if let Some(tree) = tree {
        let mut left = emit.open.tree.nodes.len();
        push_only_in_tree(emit, tree, "", FOLDERS_DEEP, &listed, &mut left);
    }
}

fn push<'o>(
    emit: &mut Emit<'o, '_>,
    key: Key<'o>,
    in_tree: Option<Key<'o>>,
    path: Option<&str>,
    kind: Option<&'static str>,
) {
    let hive = emit.hive();
    let id = key.name();
    emit.optional("TaskName", path);
    emit.field("TaskId", &id);
    emit.field("TargetObject", &format!(r"{}\{CACHE}\Tasks\{id}", emit.open.identity.root));
    emit.optional("Trigger", kind);
    for name in ["URI", "Author", "Source", "Description", "Date", "Version", "SecurityDescriptor"] {
        emit.value(key, name, name);
    }
    if let Some(value) = hive.named(key, "Actions") {
        let data = emit.bytes(value, ACTIONS_BYTES_MAX);
        push_actions(emit, &data);
    }
    let info = hive.named(key, "DynamicInfo").map(|value| emit.bytes(value, 64)).unwrap_or_default();
    let (created, started, ended) = (filetime_at(&info, 4), filetime_at(&info, 12), filetime_at(&info, 28));
    emit.time("Created", created);
    emit.time("LastStart", started);
    emit.time("LastStop", ended);
    if let Some(result) = u32_at(&info, 24) {
        emit.field("LastResult", &format!("0x{result:08x}"));
    }
    emit.time("KeyWritten", key.written());
    emit.time("TreeWritten", in_tree.and_then(Key::written));
    let has_rights = in_tree.is_some_and(|key| hive.named(key, "SD").is_some());
    match in_tree {
        None => emit.field("Hidden", "no key in Tree"),
        Some(_) if !has_rights => emit.field("Hidden", "no security descriptor in Tree"),
        Some(_) => {}
    }
    let own = Timed::some(created, "Created (DynamicInfo)");
    emit.row(DATASET, key.at, own, key);
}

/// Tasks that `Tree` names and `Tasks` does not have: what is left of deleted ones.
fn push_only_in_tree<'o>(
    emit: &mut Emit<'o, '_>,
    folder: Key<'o>,
    path: &str,
    deep: u8,
    listed: &std::collections::BTreeSet<String>,
    left: &mut usize,
) {
    let Some(deeper) = deep.checked_sub(1) else { return };
    for key in emit.hive().children(folder, *left) {
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        let path = format!(r"{path}\{}", key.name());
        let id = emit.shown(key, "Id");
        if let Some(id) = id.filter(|id| !listed.contains(&id.to_ascii_lowercase())) {
            emit.field("TaskName", &path);
            emit.field("TaskId", &id);
            emit.field("TargetObject", &format!(r"{}\{CACHE}\Tree{path}", emit.open.identity.root));
            emit.field("Hidden", "no key in Tasks");
            emit.row(DATASET, key.at, None, key);
        }
        push_only_in_tree(emit, key, &path, deeper, listed, left);
    }
}

/// Bytes that are read from front to back.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<u16> {
        let number = u16_at(self.bytes, self.at)?;
        self.at += 2;
        Some(number)
    }

    /// A text after its length in bytes.
    fn text(&mut self) -> Option<String> {
        let length = place(u32_at(self.bytes, self.at)?);
        let start = self.at + 4;
        let bytes = self.bytes.get(start..start.checked_add(length)?)?;
        self.at = start + length;
        Some(utf16_text(bytes))
    }

    fn guid(&mut self) -> Option<String> {
        let guid = guid_at(self.bytes, self.at)?;
        self.at += 16;
        Some(guid)
    }
}

/// One action as a person reads it.
struct Action {
    command: String,
    arguments: String,
    folder: String,
    kind: &'static str,
}

/// The principal and the actions; what lies behind a damaged one is not read.
fn read_actions(data: &[u8]) -> (Option<String>, Vec<Action>) {
    let mut reader = Reader { bytes: data, at: 0 };
    let Some(version) = reader.number() else { return (None, Vec::new()) };
    let principal = if version >= 2 { reader.text() } else { None };
    let mut actions = Vec::new();
    while let Some(action) = read_action(&mut reader, version) {
        actions.push(action);
        if actions.len() >= ACTIONS_MAX {
            break;
        }
    }
    (principal, actions)
}

fn read_action(reader: &mut Reader<'_>, version: u16) -> Option<Action> {
    let kind = reader.number()?;
    reader.text()?; // its name within the task
    let action = |command, arguments, folder, kind| Action { command, arguments, folder, kind };
    Some(match kind {
        0x6666 => {
            let (command, arguments, folder) = (reader.text()?, reader.text()?, reader.text()?);
            if version >= 3 {
                reader.number();
            }
            action(command, arguments, folder, "Exec")
        }
        0x7777 => {
            let class = reader.guid()?;
            action(class, reader.text()?, String::new(), "ComHandler")
        }
        0x8888 => {
            let texts: Option<Vec<String>> = (0..8).map(|_| reader.text()).collect();
            action("send e-mail".to_owned(), texts?.join("; "), String::new(), "Email")
        }
        0x9999 => {
            let (caption, text) = (reader.text()?, reader.text()?);
            action("show message".to_owned(), format!("{caption}: {text}"), String::new(), "Message")
        }
        _ => return None,
    })
}

/// The first action's parts under the names that rules have, and all actions in a line each.
fn push_actions(emit: &mut Emit<'_, '_>, data: &[u8]) {
    let (principal, actions) = read_actions(data);
    emit.optional("Principal", principal.as_deref());
    if let Some(first) = actions.first() {
        emit.field("ActionType", first.kind);
        emit.field(if first.kind == "ComHandler" { "ClassId" } else { "Command" }, &first.command);
        emit.field("Arguments", &first.arguments);
        emit.field("WorkingDirectory", &first.folder);
    }
    for action in &actions {
        let line = format!("{} {} {}", action.kind, action.command, action.arguments);
        emit.fields.push_data(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(to: &mut Vec<u8>, text: &str) {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        to.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        to.extend(bytes);
    }

    #[test]
    fn actions_are_read_in_order_and_damage_ends_them() {
        let mut data = vec![3, 0];
        text(&mut data, "Author");
        data.extend([0x66, 0x66]);
        for part in ["", r"C:\x\run.exe", "-a b", r"C:\x"] {
            text(&mut data, part);
        }
        data.extend([0, 0, 0x77, 0x77]);
        text(&mut data, "");
        data.extend(1..=16);
        text(&mut data, "data");
        let (principal, actions) = read_actions(&data);
        assert_eq!(principal.as_deref(), Some("Author"));
        let shown: Vec<_> =
            actions.iter().map(|action| (action.command.as_str(), action.arguments.as_str())).collect();
        let class = "{04030201-0605-0807-090A-0B0C0D0E0F10}";
        assert_eq!(shown, [(r"C:\x\run.exe", "-a b"), (class, "data")]);
        for cut in 0..data.len() {
            read_actions(&data[..cut]);
        }
        data.truncate(data.len() - 3);
        assert_eq!(read_actions(&data).1.len(), 1);
    }
}
