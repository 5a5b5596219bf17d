//! `piste metrics`: how many events of what, where and when; who logged on, from where, and who tried in vain.
//!
//! In: a case's lake. Out: counts by event id, by host, by file or by logon, with first and last time: the first look at
//! evidence that someone else collected. Memory is that of the groups, of which so many are kept apart.

pub(crate) mod logons;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use piste_hunt::describe;
use piste_lake::scan::{Scan, text_at};
use piste_model::{Instant, schema};
use piste_report::columns::Table;
use piste_report::escape;
use serde_json::json;

use crate::cli::{By, Common, Metrics};
use crate::failure::Failure;
use crate::look::rows::int_at;
use crate::look::{HostNames, note_not_examined, refuse_unknown_hosts, seen};
use crate::out;

/// Groups that are kept apart; a hostile log with more is counted under one name.
const GROUPS_MAX: usize = 100_000;
/// Name of the group for those that are not kept apart.
const OTHERS: &str = "(others)";

#[derive(Default)]
struct Group {
    count: u64,
    /// Of them logons in vain.
    failed: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// What a row counts under, and whether it is a logon in vain.
struct Counted {
    key: Vec<String>,
    failed: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Metrics, common: &Common) -> Result<u8, Failure> {
    let seen = seen(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.range.host)?;
    let (lake, names) = (&seen.lake, HostNames::of(&common.case, &seen)?);
    let mut columns = vec![
        schema::EVENT_TIME,
        schema::TIME_DIGITS,
        schema::HOST,
        schema::DATASET,
        schema::EVENT_CODE,
        schema::EVIDENCE_ID,
    ];
    let of_logons = arguments.by.is_of_logons();
    columns.extend(if of_logons { &logons::COLUMNS[..] } else { &["Channel", "Provider_Name"] });
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    let range = &arguments.range;
    let wanted = |dataset: &str| {
        let asked = range.dataset.is_empty() || range.dataset.iter().any(|one| one == dataset);
        asked && (!of_logons || logons::DATASETS.contains(&dataset))
    };
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        for row in (0..batch.num_rows()).filter(|row| range.holds(batch, *row, &names)) {
            if let Some(counted) = counted(arguments.by, batch, row, &names) {
                count(&mut groups, counted, describe::time_of(batch, row));
            }
        }
        Ok(true)
    })?;
    let mut groups: Vec<(Vec<String>, Group)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
    print(arguments, &groups);
    if groups.is_empty() && !common.quiet {
        note_not_examined(&common.case);
    }
    Ok(0)
}

/// What a row counts under; `None` where it is not of what is counted.
fn counted(by: By, batch: &RecordBatch, row: usize, names: &HostNames) -> Option<Counted> {
    let text = |name: &str| {
        batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default().to_owned()
    };
    let of = |key: Vec<String>| Some(Counted { key, failed: false });
    match by {
        By::Events => {
            let code = int_at(batch, schema::EVENT_CODE, row)
                .map_or_else(|| "-".to_owned(), |code| code.to_string());
            of(vec![text(schema::DATASET), text("Channel"), text("Provider_Name"), code])
        }
        By::Hosts => of(vec![names.full(&text(schema::HOST)).to_owned()]),
        By::Files => of(vec![text(schema::EVIDENCE_ID), text(schema::DATASET)]),
        By::Logons | By::FailedLogons | By::Users => {
            let logon = logons::logon(batch, row)?;
            let host = names.full(&text(schema::HOST)).to_owned();
            if by == By::Users {
                return Some(Counted { key: vec![logon.account, host], failed: !logon.succeeded });
            }
            if logon.succeeded != (by == By::Logons) {
                return None;
            }
            of(vec![logon.account, host, logon.way, logon.source])
        }
    }
}

fn count(groups: &mut BTreeMap<Vec<String>, Group>, counted: Counted, time: Option<Instant>) {
    let mut key = counted.key;
    if groups.len() >= GROUPS_MAX && !groups.contains_key(&key) {
        key = vec![OTHERS.to_owned(); key.len()];
    }
    let group = groups.entry(key).or_default();
    group.count += 1;
    group.failed += u64::from(counted.failed);
    if let Some(time) = time {
        group.first = Some(group.first.map_or(time, |first| first.min(time)));
        group.last = group.last.max(Some(time));
    }
}

impl By {
    fn is_of_logons(self) -> bool {
        matches!(self, Self::Logons | Self::FailedLogons | Self::Users)
    }

    /// What the parts of a group's key are.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Events => &["dataset", "channel", "provider", "event_code"],
            Self::Hosts => &["host"],
            Self::Files => &["evidence_id", "dataset"],
            Self::Logons | Self::FailedLogons => &["account", "host", "logon_type", "source"],
            Self::Users => &["account", "host"],
        }
    }
}

fn print(arguments: &Metrics, groups: &[(Vec<String>, Group)]) {
    let names = arguments.by.names();
    if arguments.json {
        for (key, group) in groups {
            let mut object = json!({"count": group.count, "first": group.first, "last": group.last});
            if let Some(object) = object.as_object_mut() {
                for (name, value) in names.iter().zip(key) {
                    object.insert((*name).to_owned(), json!(value));
                }
                if arguments.by == By::Users {
                    object.insert("logons".to_owned(), json!(group.count - group.failed));
                    object.insert("failed".to_owned(), json!(group.failed));
                }
            }
            out::data(&format!("{object}\n"));
        }
        return;
    }
    let total: u64 = groups.iter().map(|(_, group)| group.count).sum();
    let figures: &[&str] = if arguments.by == By::Users {
        &["logons", "failed", "first", "last"]
    } else {
        &["count", "share", "first", "last"]
    };
    let mut table = Table::new(&[figures, names].concat());
    table.right = vec![0, 1];
    for (key, group) in groups {
        let when = |time: Option<Instant>| {
            time.map_or_else(|| "-".to_owned(), |time| Instant { digits: 0, ..time }.to_string())
        };
        let (one, two) = if arguments.by == By::Users {
            ((group.count - group.failed).to_string(), group.failed.to_string())
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a share of rows, shown with one digit")]
            let share = group.count as f64 * 100.0 / total.max(1) as f64;
            (group.count.to_string(), format!("{share:.1}%"))
        };
        let mut row = vec![one, two, when(group.first), when(group.last)];
        let shown =
            |part: &String| if part.is_empty() { "-".to_owned() } else { escape::visible(part).into_owned() };
        row.extend(key.iter().map(shown));
        table.rows.push(row);
    }
    out::data(&table.text(out::table_width()));
    out::data(&format!("{total} in all\n"));
}
