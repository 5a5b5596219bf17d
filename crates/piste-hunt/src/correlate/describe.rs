//! A correlation's hit as a detection, for a person.
//!
//! In: a hit and its correlation. Out: a detection at the row at which the condition first held, with the group's values,
//! count, span and greatest value.

use std::collections::BTreeMap;

use piste_model::{Detection, Entities, EvidenceId};
use piste_rules::correlation::Correlation;

use super::CorrelationHit;
use crate::describe::{ACCOUNTS, ADDRESSES, FILES, PROCESSES, cut};

/// Writes the detection; `path` gives the locator of a sealed file.
pub fn correlation_detection(
    correlation: &Correlation,
    hit: &CorrelationHit,
    path: &dyn Fn(EvidenceId) -> String,
) -> Detection {
    let place = &hit.place;
    let locator = path(place.evidence);
    let mut entities = Entities::default();
    let (mut actor, mut acting_process) = (None, None);
    for ((name, value), field) in hit.group.iter().zip(&correlation.group_by) {
        if matches!(value.trim(), "" | "-" | "N/A" | "NULL") {
            continue;
        }
        // An alias is what its field is.
        let field = field.fields.get(hit.reference).unwrap_or(name).as_str();
        let value = cut(value);
        if ACCOUNTS.iter().any(|(_, account)| *account == field) {
            actor.get_or_insert_with(|| value.clone());
            entities.account.push(value);
        } else if PROCESSES.contains(&field) {
            acting_process.get_or_insert_with(|| value.clone());
            entities.process.push(value);
        } else if FILES.contains(&field) {
            entities.file.push(value);
        } else if ADDRESSES.contains(&field) {
            entities.address.push(value);
        }
    }
    for list in [&mut entities.account, &mut entities.process, &mut entities.file, &mut entities.address] {
        list.sort();
        list.dedup();
    }
    Detection {
        rule_id: correlation.id.clone(),
        rule_title: correlation.title.clone(),
        level: correlation.level,
        time: Some(hit.time),
        host: place.host.clone(),
        dataset: place.dataset.clone(),
        channel: place.channel.clone(),
        event_code: place.event_code,
        record: place.record,
        evidence_id: place.evidence,
        places: vec![locator.clone()],
        path: locator,
        attack: correlation.attack.clone(),
        status: correlation.status.clone(),
        offset: place.offset,
        record_hash: place.hash_text(),
        actor,
        acting_process,
        entities,
        details: details(correlation, hit),
    }
}

/// The figures first; a group-by field of the same name goes before them.
fn details(correlation: &Correlation, hit: &CorrelationHit) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([
        ("Correlation".to_owned(), correlation.kind.as_str().to_owned()),
        ("Count".to_owned(), hit.count.to_string()),
        ("First".to_owned(), hit.first.to_string()),
        ("Last".to_owned(), hit.last.to_string()),
        ("Value".to_owned(), hit.value.to_string()),
    ]);
    details.extend(hit.group.iter().map(|(name, value)| (name.clone(), cut(value))));
    details
}
