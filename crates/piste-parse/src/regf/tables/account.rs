//! Dataset `registry.account`: local accounts and the members of local groups that give rights.
//!
//! In: the hive SAM. Out: a row an account (logon, password and expiry times, flags, groups) and a row a group. An account's
//! row has the time of its last logon, else of its key's last write; `NameWritten` is when its name was made. No hash is
//! read. Sources: libyal's winreg-kb, "Domains"; Microsoft, MS-SAMR (userAccountControl, well-known RIDs).

use std::collections::BTreeMap;

use super::super::emit::{Emit, Timed};
use super::super::hive::Key;
use super::super::le::{filetime_at, place, sid_at, sid_bytes, u16_at, u32_at, utf16_text};

const DATASET: &str = "registry.account";
const ACCOUNTS_MAX: usize = 200_000;
const BYTES_MAX: usize = 1 << 20;
/// Bytes of the descriptors of `V` and of the head of a group's `C`.
const USER_HEAD: usize = 0xCC;
const GROUP_HEAD: usize = 52;
/// Members of one group that are read.
const MEMBERS_MAX: usize = 65_536;

const FLAGS: [(u32, &str); 12] = [
    (0x1, "disabled"),
    (0x2, "home directory required"),
    (0x4, "password not required"),
    (0x10, "normal"),
    (0x40, "interdomain trust"),
    (0x80, "workstation trust"),
    (0x100, "server trust"),
    (0x200, "password does not expire"),
    (0x400, "locked"),
    (0x800, "reversible password"),
    (0x1_0000, "no preauthentication"),
    (0x2_0000, "password expired"),
];

/// A local group.
struct Group {
    name: String,
    members: Vec<String>,
}

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let Some(domains) = emit.open.usual(r"SAM\Domains") else { return };
    let account = hive.child(domains, "Account");
    let machine = account.and_then(|key| machine_sid(emit, key));
    let mut groups_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (domain, prefix) in
        [(hive.child(domains, "Builtin"), Some("S-1-5-32".to_owned())), (account, machine.clone())]
    {
        let Some(aliases) = domain.and_then(|domain| hive.child(domain, "Aliases")) else { continue };
        for key in hive.children(aliases, ACCOUNTS_MAX) {
            let Some(group) = group(emit, key) else { continue };
            for member in &group.members {
                groups_of.entry(member.clone()).or_default().push(group.name.clone());
            }
            push_group(emit, key, &group, prefix.as_deref());
        }
    }
    let Some(users) = account.and_then(|key| hive.child(key, "Users")) else { return };
    let names = names_by_rid(emit, users);
    for key in hive.children(users, ACCOUNTS_MAX) {
        let Ok(rid) = u32::from_str_radix(&key.name(), 16) else { continue };
        let sid = machine.as_ref().map(|machine| format!("{machine}-{rid}"));
        let groups = sid.as_ref().and_then(|sid| groups_of.get(sid));
        push_user(emit, key, rid, sid.as_deref(), groups.map(Vec::as_slice), names.get(&rid).copied());
    }
}

/// The last three numbers of the machine's SID end the domain's own `V`.
fn machine_sid(emit: &Emit<'_, '_>, account: Key<'_>) -> Option<String> {
    let data = emit.bytes(emit.hive().named(account, "V")?, BYTES_MAX);
    let start = data.len().checked_sub(24)?;
    sid_at(&data, start).filter(|sid| sid.starts_with("S-1-5-21-"))
}

/// Keys of names: the type of their default value is the account's number.
fn names_by_rid<'o>(emit: &Emit<'o, '_>, users: Key<'o>) -> BTreeMap<u32, Key<'o>> {
    let hive = emit.hive();
    let names = hive.child(users, "Names").map(|key| hive.children(key, ACCOUNTS_MAX)).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|key| Some((hive.named(key, "(Default)").or_else(|| hive.named(key, ""))?.kind, key)))
        .collect()
}

/// A text of `V` by the number of its descriptor.
fn user_text(data: &[u8], number: usize) -> Option<String> {
    let start = USER_HEAD.checked_add(place(u32_at(data, number * 12)?))?;
    let end = start.checked_add(place(u32_at(data, number * 12 + 4)?))?;
    data.get(start..end).map(utf16_text).filter(|text| !text.is_empty())
}

fn push_user<'o>(
    emit: &mut Emit<'o, '_>,
    key: Key<'o>,
    rid: u32,
    sid: Option<&str>,
    groups: Option<&[String]>,
    name: Option<Key<'o>>,
) {
    let hive = emit.hive();
    let texts = hive.named(key, "V").map(|value| emit.bytes(value, BYTES_MAX)).unwrap_or_default();
    let facts = hive.named(key, "F").map(|value| emit.bytes(value, 80)).unwrap_or_default();
    let user = user_text(&texts, 1).or_else(|| name.map(Key::name));
    emit.optional("User", user.as_deref());
    emit.field("Rid", &rid.to_string());
    emit.optional("UserSid", sid);
    emit.field("AccountType", "user");
    for (number, column) in [
        (2, "FullName"),
        (3, "Comment"),
        (4, "UserComment"),
        (6, "HomeDirectory"),
        (8, "ScriptPath"),
        (9, "ProfilePath"),
    ] {
        emit.optional(column, user_text(&texts, number).as_deref());
    }
    let logon = filetime_at(&facts, 8);
    emit.time("LastLogon", logon);
    emit.time("PasswordSet", filetime_at(&facts, 24));
    emit.time("AccountExpires", filetime_at(&facts, 32));
    emit.time("LastFailedLogon", filetime_at(&facts, 40));
    if let Some(flags) = u32_at(&facts, 56) {
        let named: Vec<_> = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
        emit.field("Flags", &named.join(", "));
    }
    for (at, column) in [(64, "BadPasswordCount"), (66, "LogonCount")] {
        emit.optional(column, u16_at(&facts, at).map(|count| count.to_string()).as_deref());
    }
    // A number that is not its key's own is that of another account: the rights are taken over (T1098, RID hijacking).
    let own = u32_at(&facts, 48);
    if let Some(own) = own.filter(|own| *own != rid) {
        emit.field("RidInData", &own.to_string());
    }
    emit.optional("Groups", groups.map(|groups| groups.join("; ")).as_deref());
    emit.time("KeyWritten", key.written());
    emit.time("NameWritten", name.and_then(Key::written));
    let hint = hive.named(key, "UserPasswordHint").map(|_| "true");
    emit.optional("HasPasswordHint", hint);
    emit.value(key, "InternetUserName", "InternetUserName");
    emit.row(DATASET, key.at, Timed::some(logon, "LastLogon"), key);
}

fn group(emit: &Emit<'_, '_>, key: Key<'_>) -> Option<Group> {
    let data = emit.bytes(emit.hive().named(key, "C")?, BYTES_MAX);
    let part = |at: usize| -> Option<&[u8]> {
        let start = GROUP_HEAD.checked_add(place(u32_at(&data, at)?))?;
        data.get(start..start.checked_add(place(u32_at(&data, at + 4)?))?)
    };
    let name = utf16_text(part(16)?);
    let sids = part(40).unwrap_or_default();
    let count = u32_at(&data, 48).map_or(0, place).min(MEMBERS_MAX);
    let mut members = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let (Some(sid), Some(length)) = (sid_at(sids, at), sid_bytes(sids, at)) else { break };
        members.push(sid);
        at += length;
    }
    Some(Group { name, members })
}

fn push_group(emit: &mut Emit<'_, '_>, key: Key<'_>, group: &Group, prefix: Option<&str>) {
    let Ok(rid) = u32::from_str_radix(&key.name(), 16) else { return };
    emit.field("User", &group.name);
    emit.field("Rid", &rid.to_string());
    emit.optional("UserSid", prefix.map(|prefix| format!("{prefix}-{rid}")).as_deref());
    emit.field("AccountType", "group");
    emit.field("MemberCount", &group.members.len().to_string());
    for member in &group.members {
        emit.fields.push_data(member);
    }
    emit.time("KeyWritten", key.written());
    emit.row(DATASET, key.at, None, key);
}
