//! Rows of one block that are in the lake and say less than their record does.
//!
//! In: each row's head and fields. Out: one issue a kind with a count and the first place: rows without a time, with a time
//! whose zone is unknown, and records with more fields than are taken in.

use piste_model::{Damage, Issue};

use crate::fields::Fields;
use crate::rows::Head;
use crate::{Context, Parsed};

/// How the basis of a time ends that may be in any zone.
const ZONE_UNKNOWN: &str = "zone unknown";
/// Basis of a time that says no year, where the file's name gave one.
pub(crate) const YEAR_OF_NAME: &str = "syslog time, year from the file's name, zone unknown";
/// Basis of a device's date that can be read in two ways.
pub(crate) const MONTH_ASSUMED: &str = "device time, month taken as first, zone unknown";

/// How datasets begin whose rows are states that need no time.
const STATES: [&str; 2] = ["velociraptor.", "directory.object"];

/// How many rows, and where the first is.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    rows: u64,
    record: i64,
    offset: u64,
}

impl Count {
    fn add(&mut self, head: &Head<'_>) {
        if self.rows == 0 {
            (self.record, self.offset) = (head.record, head.offset);
        }
        self.rows += 1;
    }
}

/// The doubtful rows of a block so far.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    untimed: Count,
    unzoned: Count,
    unyeared: Count,
    ordered: Count,
    cut: Count,
    bare: Count,
    unnamed: Count,
}

impl Doubts {
    pub(crate) fn see(&mut self, head: &Head<'_>, left_out: u64) {
        // A file as evidence, an entry of a configuration, what was so when somebody asked: none is an event, and its row has no time
        // to miss.
        let timeless = [
            crate::page::DATASET,
            crate::text::DATASET,
            crate::iisconfig::DATASET,
            crate::ese::TABLES,
            crate::regf::REMNANTS,
        ];
        let is_timeless = |dataset: &str| {
            timeless.contains(&dataset)
                || crate::whole::TIMELESS.contains(&dataset)
                || STATES.iter().any(|start| dataset.starts_with(start))
        };
        if head.time.is_none() && !head.dataset.is_some_and(is_timeless) {
            self.untimed.add(head);
        } else if head.time_basis.ends_with(ZONE_UNKNOWN) {
            self.unzoned.add(head);
        }
        if head.time_basis == YEAR_OF_NAME {
            self.unyeared.add(head);
        } else if head.time_basis == MONTH_ASSUMED {
            self.ordered.add(head);
        }
        if left_out > 0 {
            self.cut.add(head);
        }
    }

    /// Notes a row of an export that has the event's header and text, and not its fields.
    pub(crate) fn see_bare(&mut self, head: &Head<'_>) {
        self.bare.add(head);
    }

    /// Notes an event with values whose names are known neither from the export nor from a catalogue.
    pub(crate) fn see_unnamed(&mut self, head: &Head<'_>) {
        self.unnamed.add(head);
    }

    pub(crate) fn tell(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        self.tell_of_times(cx, parsed);
        self.tell_of_bare(cx, parsed);
        self.tell_of_unnamed(cx, parsed);
        self.tell_of_dates(cx, parsed);
        let Count { rows, record, offset } = self.cut;
        if rows == 0 {
            return;
        }
        let slug = "record-too-many-fields";
        let what = format!(
            "{} more than {} fields, or fields nested too deep; the first is record {record}",
            counted(rows, "record has", "records have"),
            Fields::MAX
        );
        let issue = Issue::new(
            slug,
            cx.path,
            what,
            "no record is lost; the further fields of these records are not searched",
            "read the whole record in the file, at this offset",
        );
        parsed.damage.push(Damage { kind: slug.to_owned(), offset, lost: Some(0) });
        parsed.issues.push(issue.of(cx.evidence).at(offset));
    }

    fn tell_of_bare(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Count { rows, record, offset } = self.bare;
        if rows == 0 {
            return;
        }
        let count = counted(rows, "event has", "events have");
        let issue = Issue::new(
            "event-fields-missing",
            cx.path,
            format!(
                "{count} only a header and a text here, not fields of their own; the first is record {record}"
            ),
            "rules that ask for a field of these events cannot meet them; their texts are searched",
            "ask for the log itself (wevtutil epl LOG FILE.evtx), or for its XML (wevtutil qe LOG /f:xml)",
        );
        parsed.issues.push(issue.of(cx.evidence).at(offset));
    }

    fn tell_of_unnamed(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Count { rows, record, offset } = self.unnamed;
        if rows == 0 {
            return;
        }
        let count = counted(rows, "event has", "events have");
        let issue = Issue::new(
            "event-values-unnamed",
            cx.path,
            format!("{count} values without names, as Get-WinEvent lists them; the first is record {record}"),
            "rules that ask for a field of these events cannot meet them; their values are searched",
            "ask for the log itself (wevtutil epl LOG FILE.evtx), or for its XML (wevtutil qe LOG /f:xml)",
        );
        parsed.issues.push(issue.of(cx.evidence).at(offset));
    }

    fn tell_of_dates(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let kinds = [
            (
                self.unyeared,
                "time-year-assumed",
                "a time without a year, which was taken from the file's name or folder",
                "if the name says the year of the copy, their times are off by whole years",
                "compare one of these rows with another log of the same events",
            ),
            (
                self.ordered,
                "date-order-assumed",
                "a date that can be read with the day or the month first; the month was taken as first",
                "if the other order is right, day and month of their times are exchanged",
                "look how the device writes a day after the 12th",
            ),
        ];
        for (Count { rows, record, offset }, slug, what, effect, hint) in kinds {
            if rows > 0 {
                let count = counted(rows, "row has", "rows have");
                let what = format!("{count} {what}; the first is record {record}");
                let issue = Issue::new(slug, cx.path, what, effect, hint);
                parsed.issues.push(issue.of(cx.evidence).at(offset));
            }
        }
    }

    fn tell_of_times(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Count { rows, record, offset } = self.untimed;
        if rows > 0 {
            let count = counted(rows, "row has", "rows have");
            let issue = Issue::new(
                "time-missing",
                cx.path,
                format!("{count} no time that can be read; the first is record {record}"),
                "they are outside every time range and not on the timeline",
                "look at the record's time as written, and search for these rows without a time range",
            );
            parsed.issues.push(issue.of(cx.evidence).at(offset));
        }
        let Count { rows, record, offset } = self.unzoned;
        if rows > 0 {
            let count = counted(rows, "row has", "rows have");
            let issue = Issue::new(
                "time-zone-unknown",
                cx.path,
                format!("{count} a time without a zone, taken as UTC; the first is record {record}"),
                "their times may be off by the host's distance from UTC",
                "ask for the time zone of the host that exported them, or compare with another log of the same events",
            );
            parsed.issues.push(issue.of(cx.evidence).at(offset));
        }
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
