//! Dataset `registry.bam`: the last run of programs by user, as the activity moderators of Windows 10 and later note it.
//!
//! In: the hive SYSTEM. Out: a row a user and program, whose time is the last run. Entries older than a week go at the next
//! start of the system. Source: libyal's winreg-kb, "Background activity moderator".

use super::super::emit::{Emit, Timed};
use super::super::le::filetime_at;
use super::super::text::BINARY;

const DATASET: &str = "registry.bam";
const USERS_MAX: usize = 65_536;

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    for (service, below) in [
        ("bam", r"State\UserSettings"),
        ("bam", "UserSettings"),
        ("dam", r"State\UserSettings"),
        ("dam", "UserSettings"),
    ] {
        let Some(settings) = emit.open.in_use(&format!(r"Services\{service}\{below}")) else { continue };
        for user in hive.children(settings, USERS_MAX) {
            let sid = user.name();
            for value in hive.values(user).filter(|value| value.kind == BINARY && value.size >= 8) {
                let Some(run) = filetime_at(&emit.bytes(value, 24), 0) else { continue };
                emit.field("Path", &value.name());
                emit.field("UserSid", &sid);
                emit.time("LastExecuted", Some(run));
                emit.field("Source", service);
                emit.field("ControlSet", "current");
                emit.row(DATASET, value.at, Timed::some(Some(run), "LastExecuted"), user);
            }
        }
    }
}
