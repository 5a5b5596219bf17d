//! What a person should know of a hive as a whole, and of its damage.
//!
//! In: what opening and walking met. Out: issues, each with its effect and one step to take.

use std::ops::Not as _;

use piste_model::Issue;

use super::base::{BASE_BYTES, Base};
use super::hive::Hive;
use super::tree::Tally;
use super::{HIVE_BYTES_MAX, OpenHive, Replay};
use crate::{Context, Parsed};

const LOGS_HINT: &str = "collect the files of the same name with .LOG1 and .LOG2 and put them beside the hive: KAPE and CyLR take them";

pub(super) fn too_long(cx: &Context<'_>, bytes: u64) -> Issue {
    Issue::new(
        "registry-hive-too-long",
        cx.path,
        format!("the hive is {bytes} bytes long; {HIVE_BYTES_MAX} are read"),
        "keys behind that are not read",
        "export the branch that matters: reg save KEY FILE.hiv",
    )
    .of(cx.evidence)
}

pub(super) fn no_hive(cx: &Context<'_>) -> Issue {
    Issue::new(
        "registry-no-hive",
        cx.path,
        "the file does not begin as a registry hive does",
        "nothing of it is read as a hive",
        "look at its beginning: xxd FILE | head",
    )
    .of(cx.evidence)
}

/// What became of a dirty hive and its logs.
pub(super) fn of_log(cx: &Context<'_>, base: &Base, logs: usize, replay: &Replay) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut tell = |slug, what: String, effect: String, hint: &str| {
        issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence));
    };
    for path in &replay.foreign {
        tell(
            "registry-log-foreign",
            format!(
                "{path} lies beside the hive and is not its transaction log, or is damaged at its beginning"
            ),
            "it is not applied".to_owned(),
            "collect the hive and its logs at one moment",
        );
    }
    if !base.is_dirty() {
        return issues;
    }
    let how = if base.sum_holds {
        format!("a write was under way (sequence numbers {} and {})", base.primary, base.secondary)
    } else {
        "the checksum of its base block is wrong".to_owned()
    };
    if replay.applied == 0 {
        let lack = if logs == 0 {
            "its transaction logs are not here"
        } else {
            "its transaction logs have nothing that fits"
        };
        tell(
            "registry-hive-dirty",
            format!("the hive is dirty: {how}, and {lack}"),
            "the last changes before the hive was copied, of up to an hour, may be missing, and a key written then shows an earlier time".to_owned(),
            LOGS_HINT,
        );
    }
    if let Some(gap) = replay.gap {
        tell(
            "registry-log-gap",
            format!(
                "of the transaction logs entry {} lacks; {} later entries are there",
                gap.expected, gap.behind
            ),
            format!("the later entries are not applied: {} entries were", replay.applied),
            LOGS_HINT,
        );
    }
    if replay.base_from_log {
        tell(
            "registry-base-damaged",
            format!("{how}; it was taken from a transaction log"),
            "no key is lost by it".to_owned(),
            "compare with another copy of the hive: RegBack, a shadow copy",
        );
    }
    issues
}

/// Whether the file is as long as it claims.
pub(super) fn of_length(cx: &Context<'_>, hive: &Hive) -> Option<Issue> {
    let claimed = u64::from(hive.base.bins_bytes) + BASE_BYTES as u64;
    let has = hive.image.len() as u64;
    (claimed > has && has < HIVE_BYTES_MAX as u64).then(|| {
        Issue::new(
            "registry-hive-cut",
            cx.path,
            format!("the hive claims {claimed} bytes and has {has}"),
            "keys and values that lay behind its end are lost",
            "copy the file again from the host or its image",
        )
        .of(cx.evidence)
        .at(has)
    })
}

/// What of the tree could not be read.
pub(super) fn tell_losses(open: &OpenHive, cx: &Context<'_>, parsed: &mut Parsed) {
    const HINT: &str = "look at the hive with another tool, and for an older copy: RegBack, a shadow copy";
    let losses = open.tree.losses;
    if open.tree.rootless && open.spare.unlinked.is_empty().not() {
        let what = "the hive's root is no key; keys are found by their cells alone".to_owned();
        parsed.damaged(cx, "registry-root-lost", Hive::offset(0), None, what, HINT);
    } else if open.tree.rootless {
        parsed.damaged(
            cx,
            "registry-root-lost",
            Hive::offset(0),
            None,
            "the hive has no root key".to_owned(),
            HINT,
        );
    }
    let mut tell = |slug, tally: Tally, lost: Option<u64>, one: &str, several: &str| {
        if tally.count > 0 {
            let what = if tally.count == 1 { one.to_owned() } else { format!("{} {several}", tally.count) };
            parsed.damaged(cx, slug, Hive::offset(tally.first), lost, what, HINT);
        }
    };
    tell(
        "registry-subkey-lost",
        losses.keys,
        Some(losses.keys.count),
        "a subkey's cell holds no key; what lay below it shows as deleted, if at all",
        "subkeys' cells hold no keys; what lay below them shows as deleted, if at all",
    );
    tell(
        "registry-list-damaged",
        losses.lists,
        None,
        "a list of subkeys is damaged",
        "lists of subkeys are damaged",
    );
    tell(
        "registry-cell-shared",
        losses.shared,
        Some(0),
        "a cell has two owners, as it has in no hive that Windows wrote; it is read for both",
        "cells have two owners, as none has in a hive that Windows wrote; the first 65536 are read for both",
    );
    tell(
        "registry-values-lost",
        losses.values,
        Some(0),
        "a key's list of values cannot be read: the key is a row, its values are lost",
        "keys' lists of values cannot be read: the keys are rows, their values are lost",
    );
    tell(
        "registry-bin-damaged",
        open.spare.damaged,
        Some(0),
        "a bin's cells do not add up: deleted keys in it may not be found",
        "bins' cells do not add up: deleted keys in them may not be found",
    );
}
