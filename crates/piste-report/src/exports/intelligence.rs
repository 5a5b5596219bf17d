//! STIX 2.1 and MISP.
//!
//! In: the list and a marking. Out: indicators with what they are tied to, marked. Ids are the same over runs. What a source marks more
//! strictly than the export is not in it. Sources: OASIS, "STIX Version 2.1"; FIRST, TLP 2.0 as a STIX extension; MISP, "core format".

use piste_model::removal::{Measure, NameSort, RemovalItem, TraceKind};
use serde_json::{Value, json};

use super::{ExportGround, Exported, Marking, milliseconds, names, remark, title, traces, uuid};

/// The extension by which TLP 2.0 is told in STIX.
const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

fn tlp_id(marking: Marking) -> (&'static str, &'static str) {
    match marking {
        Marking::Clear => ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "clear"),
        Marking::Green => ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green"),
        Marking::Amber => ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber"),
        Marking::AmberStrict => ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict"),
        Marking::Red => ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "red"),
    }
}

/// A text between the quotes of a STIX pattern.
fn pattern_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The patterns of an item, one that any of its names meets.
fn pattern(item: &RemovalItem) -> Option<String> {
    let name = item.name(NameSort::Name);
    let one = |path: &str, value: &str| format!("[{path} = {}]", pattern_text(value));
    let found = match item.kind {
        TraceKind::File | TraceKind::Page => {
            let mut parts = Vec::new();
            if let Some(hash) = item.name(NameSort::Sha256) {
                parts.push(one("file:hashes.'SHA-256'", hash));
            }
            if let Some((folder, file)) =
                item.place.rsplit_once('\\').filter(|(folder, file)| !folder.is_empty() && !file.is_empty())
            {
                parts.push(format!(
                    "[file:name = {} AND file:parent_directory_ref.path = {}]",
                    pattern_text(file),
                    pattern_text(folder)
                ));
            } else if let Some(url) = item.name(NameSort::Url) {
                parts.push(format!(
                    "[url:value LIKE {}]",
                    pattern_text(&format!("%{}", url.replace('%', "\\%").replace('_', "\\_")))
                ));
            }
            parts.join(" OR ")
        }
        TraceKind::Service => one("process:extensions.'windows-service-ext'.service_name", &item.place),
        TraceKind::RunValue | TraceKind::Certificate => {
            let (key, value) = item.place.rsplit_once('\\')?;
            if item.kind == TraceKind::Certificate {
                one("windows-registry-key:key", &item.place)
            } else {
                format!(
                    "[windows-registry-key:key = {} AND windows-registry-key:values[*].name = {}]",
                    pattern_text(key),
                    pattern_text(value)
                )
            }
        }
        TraceKind::Account => one("user-account:account_login", name?),
        TraceKind::Connection => {
            let address = item.name(NameSort::Address)?;
            one(if address.contains(':') { "ipv6-addr:value" } else { "ipv4-addr:value" }, address)
        }
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// A bundle: who says so, the marking, an indicator an item, and a grouping that holds them.
pub(super) fn stix(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let at = milliseconds(ground.at);
    let (marking_id, level) = tlp_id(ground.marking);
    let identity = format!("identity--{}", uuid(ground, "identity"));
    let marks = json!([marking_id]);
    let mut objects = vec![
        json!({
            "type": "marking-definition", "spec_version": "2.1", "id": marking_id, "created": "2022-10-01T00:00:00.000Z",
            "name": ground.marking.as_str(),
            "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level}},
        }),
        json!({
            "type": "identity", "spec_version": "2.1", "id": identity, "created": at, "modified": at,
            "name": "Incident response", "identity_class": "organization", "object_marking_refs": marks,
        }),
    ];
    let mut refs = Vec::new();
    let mut put = |what: &str,
                   name: String,
                   pattern: String,
                   description: String,
                   first: Option<piste_model::Instant>| {
        let id = format!("indicator--{}", uuid(ground, &format!("indicator {what}")));
        let valid_from = first.map_or_else(|| at.clone(), milliseconds);
        refs.push(id.clone());
        objects.push(json!({
            "type": "indicator", "spec_version": "2.1", "id": id, "created": at, "modified": at, "created_by_ref": identity,
            "name": name, "description": description, "indicator_types": ["malicious-activity"], "pattern": pattern,
            "pattern_type": "stix", "valid_from": valid_from, "object_marking_refs": marks,
        }));
    };
    for item in &ground.list.items {
        if item.measure == Measure::Reset {
            exported.left_out.push(format!("{}: an account that is somebody's is no indicator", item.id));
            continue;
        }
        match pattern(item) {
            Some(pattern) => {
                put(&item.key, title(item), pattern, format!("From {}.", traces(item)), item.first);
                exported.items += 1;
            }
            None => exported.left_out.push(format!(
                "{}: STIX has no object for a {}",
                item.id,
                item.kind.as_str()
            )),
        }
    }
    for name in names(ground, &mut exported.left_out) {
        let pattern = format!("[domain-name:value = {}]", pattern_text(&name));
        put(&name, format!("name {name}"), pattern, "A name that was seen.".to_owned(), None);
        exported.items += 1;
    }
    if !refs.is_empty() {
        objects.push(json!({
            "type": "grouping", "spec_version": "2.1", "id": format!("grouping--{}", uuid(ground, "grouping")), "created": at,
            "modified": at, "created_by_ref": identity, "name": "What was to be removed", "context": "suspicious-activity",
            "object_refs": refs, "object_marking_refs": marks,
        }));
    }
    let bundle =
        json!({"type": "bundle", "id": format!("bundle--{}", uuid(ground, "bundle")), "objects": objects});
    exported.text = serde_json::to_string_pretty(&bundle).unwrap_or_default() + "\n";
    exported
}

/// Type, category and value of an attribute, and whether machines may act on it.
fn attributes(item: &RemovalItem) -> Vec<(&'static str, &'static str, String, bool)> {
    let name = item.name(NameSort::Name).unwrap_or_default().to_owned();
    match item.kind {
        TraceKind::File | TraceKind::Page => {
            let mut list = Vec::new();
            if let Some(hash) = item.name(NameSort::Sha256) {
                list.push(("sha256", "Payload installation", hash.to_owned(), true));
            }
            list.push(("text", "Artifacts dropped", item.place.clone(), false));
            if let Some(file) = item.place.rsplit(['\\', '/']).next().filter(|file| !file.is_empty()) {
                list.push(("filename", "Artifacts dropped", file.to_owned(), false));
            }
            list
        }
        TraceKind::Service => vec![("windows-service-name", "Artifacts dropped", item.place.clone(), true)],
        TraceKind::Task => vec![("windows-scheduled-task", "Artifacts dropped", item.place.clone(), true)],
        TraceKind::RunValue => vec![("regkey", "Persistence mechanism", item.place.clone(), true)],
        TraceKind::Certificate => {
            vec![(
                "x509-fingerprint-sha1",
                "Artifacts dropped",
                item.name(NameSort::Thumbprint).unwrap_or_default().to_owned(),
                true,
            )]
        }
        TraceKind::Connection => vec![(
            "ip-dst",
            "Network activity",
            item.name(NameSort::Address).unwrap_or_default().to_owned(),
            true,
        )],
        TraceKind::Account => vec![("target-user", "Targeting data", name, false)],
        _ => vec![("text", "Other", format!("{}: {}", item.kind.as_str(), item.place), false)],
    }
}

/// An event that is not published.
pub(super) fn misp(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let stamp = (ground.at.nanos / 1_000_000_000).to_string();
    let mut list: Vec<Value> = Vec::new();
    let mut put = |what: &str, (kind, category, value, acts): (&str, &str, String, bool), comment: String| {
        if value.is_empty() {
            return;
        }
        list.push(json!({
            "uuid": uuid(ground, &format!("attribute {what} {kind}")), "type": kind, "category": category, "value": value,
            "to_ids": acts, "timestamp": stamp, "distribution": "0", "deleted": false, "comment": comment,
        }));
    };
    for item in &ground.list.items {
        for attribute in attributes(item) {
            put(&item.key, attribute, remark(&format!("{} on {}", traces(item), item.host)));
        }
        exported.items += 1;
    }
    for name in names(ground, &mut exported.left_out) {
        put(&name.clone(), ("domain", "Network activity", name, true), "seen".to_owned());
        exported.items += 1;
    }
    let tag = json!([{"name": ground.marking.as_str().to_lowercase(), "colour": "#ffffff"}]);
    let event = json!({"Event": {
        "uuid": uuid(ground, "event"), "info": "What an intruder left", "date": ground.at.date(), "timestamp": stamp,
        "published": false, "publish_timestamp": "0", "distribution": "0", "sharing_group_id": "0", "threat_level_id": "1",
        "analysis": "1", "Attribute": list, "Tag": tag,
    }});
    exported.text = serde_json::to_string_pretty(&event).unwrap_or_default() + "\n";
    exported
}
