//! `piste metrics`: how many events of what, where and when.
//!
//! In: a case's lake. Out: counts by event id, by host or by file, with first and last time: the first look at evidence
//! that someone else collected.

use std::collections::BTreeMap;

use piste_hunt::describe;
use piste_lake::scan::{Scan, text_at};
use piste_model::{Instant, schema};
use piste_report::escape;
use serde_json::json;

use crate::cli::{By, Common, Metrics};
use crate::failure::Failure;
use crate::look::lake_of;
use crate::look::rows::int_at;
use crate::out;

/// Groups that are kept apart; a hostile log with more is counted under one name.
const GROUPS_MAX: usize = 100_000;

#[derive(Default)]
struct Group {
    count: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Metrics, common: &Common) -> Result<u8, Failure> {
    let lake = lake_of(&common.case)?;
    let columns = [
        schema::EVENT_TIME,
        schema::TIME_DIGITS,
        schema::HOST,
        schema::DATASET,
        schema::EVENT_CODE,
        schema::EVIDENCE_ID,
        "Channel",
        "Provider_Name",
    ];
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    let range = &arguments.range;
    let wanted = |dataset: &str| range.dataset.is_empty() || range.dataset.iter().any(|one| one == dataset);
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        for row in (0..batch.num_rows()).filter(|row| range.holds(batch, *row)) {
            let text = |name: &str| {
                batch
                    .column_by_name(name)
                    .and_then(|column| text_at(column, row))
                    .unwrap_or_default()
                    .to_owned()
            };
            let code = int_at(batch, schema::EVENT_CODE, row)
                .map_or_else(|| "-".to_owned(), |code| code.to_string());
            let mut key = match arguments.by {
                By::Events => vec![text(schema::DATASET), text("Channel"), text("Provider_Name"), code],
                By::Hosts => vec![text(schema::HOST)],
                By::Files => vec![text(schema::EVIDENCE_ID), text(schema::DATASET)],
            };
            if groups.len() >= GROUPS_MAX && !groups.contains_key(&key) {
                key = vec!["(others)".to_owned(); key.len()];
            }
            let group = groups.entry(key).or_default();
            group.count += 1;
            if let Some(time) = describe::time_of(batch, row) {
                group.first = Some(group.first.map_or(time, |first| first.min(time)));
                group.last = group.last.max(Some(time));
            }
        }
        Ok(true)
    })?;
    let mut groups: Vec<(Vec<String>, Group)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
    print(arguments, &groups);
    Ok(0)
}

fn print(arguments: &Metrics, groups: &[(Vec<String>, Group)]) {
    let names: &[&str] = match arguments.by {
        By::Events => &["dataset", "channel", "provider", "event_code"],
        By::Hosts => &["host"],
        By::Files => &["evidence_id", "dataset"],
    };
    if arguments.json {
        for (key, group) in groups {
            let mut object = json!({"count": group.count, "first": group.first, "last": group.last});
            for (name, value) in names.iter().zip(key) {
                if let Some(object) = object.as_object_mut() {
                    object.insert((*name).to_owned(), json!(value));
                }
            }
            out::data(&format!("{object}\n"));
        }
        return;
    }
    let total: u64 = groups.iter().map(|(_, group)| group.count).sum();
    out::data(&format!(
        "{:>10}  {:>6}  {:<20}  {:<20}  {}\n",
        "count",
        "share",
        "first",
        "last",
        names.join(" · ")
    ));
    for (key, group) in groups {
        let when = |time: Option<Instant>| {
            time.map_or_else(|| "-".to_owned(), |time| Instant { digits: 0, ..time }.to_string())
        };
        let key: Vec<String> = key
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| escape::visible(part).into_owned())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a share of rows, shown with one digit")]
        let share = group.count as f64 * 100.0 / total.max(1) as f64;
        out::data(&format!(
            "{:>10}  {share:>5.1}%  {:<20}  {:<20}  {}\n",
            group.count,
            when(group.first),
            when(group.last),
            key.join(" · ")
        ));
    }
    out::data(&format!("{total:>10}  in all\n"));
}
