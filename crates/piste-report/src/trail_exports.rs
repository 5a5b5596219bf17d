//! The steps of a trail in the forms that other tools read: Timesketch, and a layer of the ATT&CK Navigator.
//!
//! In: a trail. Out: JSON lines of Timesketch's own fields, one a step; a layer in the Navigator's format 4.5, in which a technique has
//! the number of its steps as score and the steps as comment. Sources: Timesketch, "Import from JSON or CSV"; the Navigator's
//! `layers/LAYERFORMATv4_5.md`.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Trail;
use piste_model::trail::{Intrusion, Step};
use serde_json::{Value, json};

/// Version of the layer's format, and of what wrote and numbers it.
const LAYER: &str = "4.5";
const NAVIGATOR: &str = "5.1.0";
const ATTACK: &str = "16";
/// Steps that a technique's comment names.
const NAMED: usize = 12;
/// Characters of a step in a comment.
const STEP_CHARS: usize = 160;
/// Techniques that Piste gives where it knows none are no techniques.
fn is_technique(name: &str) -> bool {
    let digits = name.strip_prefix('T').unwrap_or_default();
    digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// One line a step, in the order of the intrusions and of time.
pub fn timesketch_lines(trail: &Trail) -> String {
    let lines = trail.intrusions.iter().flat_map(|intrusion| {
        intrusion.steps.iter().map(move |step| format!("{}\n", event(intrusion, step)))
    });
    lines.collect()
}

fn event(intrusion: &Intrusion, step: &Step) -> Value {
    let rows: Vec<String> =
        step.rows.iter().map(|row| format!("{}:{}", row.evidence_id, row.record)).collect();
    let joined: Vec<String> =
        step.edges.iter().map(|edge| format!("{} {}: {}", edge.class, edge.to, edge.reason)).collect();
    json!({
        "message": format!("{} {}: {}", intrusion.id, step.id, step.text),
        "datetime": step.time.from.to_string(),
        // Timesketch counts microseconds.
        "timestamp": step.time.from.nanos.div_euclid(1_000),
        "timestamp_desc": "Step of an intrusion",
        "not_after": step.time.to.to_string(),
        "data_type": "piste:trail:step",
        "intrusion": intrusion.id,
        "step": step.id,
        "tactic": step.tactic,
        "technique": step.technique,
        "hostname": step.host,
        "username": step.account,
        "findings": step.findings,
        "door": step.door,
        "rows": rows,
        "joined": joined,
        "tag": [step.tactic, step.technique],
    })
}

/// A layer with the techniques of all intrusions; `name` is shown on its tab.
pub fn navigator_layer(trail: &Trail, name: &str) -> Value {
    let mut by_technique: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for (intrusion, step) in
        trail.intrusions.iter().flat_map(|one| one.steps.iter().map(move |step| (one, step)))
    {
        if is_technique(&step.technique) {
            let text: String = step.text.chars().take(STEP_CHARS).collect();
            let line = format!("{} {} {} {}: {text}", intrusion.id, step.id, step.time.from, step.host);
            by_technique.entry((&step.technique, &step.tactic)).or_default().push(line);
        }
    }
    let most = by_technique.values().map(Vec::len).max().unwrap_or(1).max(1);
    let mut techniques: Vec<Value> = by_technique.iter().map(|(key, lines)| technique(*key, lines)).collect();
    // A technique is seen only where that above it is unfolded.
    let above: BTreeSet<(&str, &str)> = by_technique
        .keys()
        .filter_map(|(technique, tactic)| Some((technique.split_once('.')?.0, *tactic)))
        .filter(|key| !by_technique.contains_key(key))
        .collect();
    techniques.extend(above.into_iter().map(|(technique, tactic)| {
        json!({"techniqueID": technique, "tactic": tactic, "enabled": true, "showSubtechniques": true})
    }));
    json!({
        "name": name,
        "versions": {"attack": ATTACK, "navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": "Techniques of the steps that rows of the evidence show. A technique without a mark was not seen, which does not say \
                        that it was not used.",
        "sorting": 0,
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#ffe0b2", "#8f1313"], "minValue": 0, "maxValue": most},
        "legendItems": [],
        "metadata": [],
        "links": [],
        "showTacticRowBackground": false,
        "selectTechniquesAcrossTactics": false,
        "selectSubtechniquesWithParent": false
    })
}

fn technique((technique, tactic): (&str, &str), lines: &[String]) -> Value {
    let more = lines.len().saturating_sub(NAMED);
    let mut comment = lines.iter().take(NAMED).cloned().collect::<Vec<_>>().join("\n");
    if more > 0 {
        comment.push_str(&format!("\nand {more} more"));
    }
    json!({
        "techniqueID": technique,
        "tactic": tactic,
        "score": lines.len(),
        "comment": comment,
        "enabled": true,
        "showSubtechniques": true,
        "metadata": [],
        "links": []
    })
}

#[cfg(test)]
mod tests {
    use piste_model::trail::Trail;

    use super::*;

    fn step(technique: &str, tactic: &str, text: &str) -> Value {
        let at = "2021-03-14T01:40:10.5Z";
        json!({"id": "S-1", "time": {"from": at, "to": at}, "tactic": tactic, "technique": technique, "host": "MX01",
            "account": "", "text": text, "class": "S", "findings": [], "rows": [], "count": 0, "edges": []})
    }

    fn trail(steps: &[Value]) -> Trail {
        let at = "2021-03-14T01:40:10.5Z";
        let row = json!({"host": "MX01", "dataset": "x", "record": 1, "event_code": 1, "evidence_id": "E-1", "path": "x",
            "offset": 0, "record_hash": "", "time": at});
        let intrusion = json!({"id": "I-1", "actor": "", "first_trace": {"no_later_than": at, "visible_from": null,
            "lower_bound": null, "row": row, "step": "S-1", "left_censored": false}, "last_trace": at,
            "dwell_days": {"min": 0, "max": null}, "confidence": "high", "doors": [], "hosts": [], "accounts": [],
            "addresses": [], "steps": steps, "separate_from": [], "because": [], "reserves": []});
        let scope = json!({"compromised": [], "suspected": [], "no_sign": [], "not_examined": []});
        serde_json::from_value(json!({"intrusions": [intrusion], "scope": scope})).expect("a trail")
    }

    #[test]
    fn a_technique_is_scored_by_its_steps_and_unfolded_by_the_one_above() {
        let layer = navigator_layer(
            &trail(&[
                step("T1059.003", "execution", "cmd"),
                step("T1059.003", "execution", "again"),
                step("unknown", "execution", "nothing"),
            ]),
            "case",
        );
        let techniques = layer["techniques"].as_array().expect("a list");
        let found: Vec<(&str, Option<i64>)> = techniques
            .iter()
            .map(|one| (one["techniqueID"].as_str().expect("a text"), one["score"].as_i64()))
            .collect();
        assert_eq!(found, [("T1059.003", Some(2)), ("T1059", None)]);
        assert_eq!(layer["versions"]["layer"], "4.5");
        assert_eq!(layer["gradient"]["maxValue"], 2);
    }

    #[test]
    fn timesketch_gets_a_line_a_step_whatever_the_step_says() {
        let lines = timesketch_lines(&trail(&[step("T1059", "execution", "a\nb \u{1b}[31m")]));
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["timestamp"], 1_615_686_010_500_000_i64);
        assert_eq!(lines[0]["message"], "I-1 S-1: a\nb \u{1b}[31m");
    }
}
