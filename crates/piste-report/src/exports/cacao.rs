//! A playbook of the removal: CACAO 2.0.
//!
//! In: the list. Out: one manual step an item, one after the other, each with the item's traces; the first step is the decision to go and
//! the last the verification. Source: OASIS, "CACAO Security Playbooks Version 2.0".

use piste_model::removal::Measure;
use serde_json::{Map, Value, json};

use super::{ExportGround, Exported, milliseconds, title, traces, uuid};

/// What is done by one step.
struct Step {
    id: String,
    body: Value,
}

/// The playbook.
pub(super) fn playbook(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let at = milliseconds(ground.at);
    let agent = format!("organization--{}", uuid(ground, "agent"));
    let (start, end) = (format!("start--{}", uuid(ground, "start")), format!("end--{}", uuid(ground, "end")));
    let manual = |name: String, command: String, activity: &str, description: String| {
        json!({
            "type": "action", "name": name, "description": description, "agent": agent,
            "commands": [{"type": "manual", "command": command, "playbook_activity": activity}],
        })
    };
    let mut steps = vec![Step {
        id: format!("action--{}", uuid(ground, "go")),
        body: manual(
            "Decide to go".to_owned(),
            "Evidence is secured, the removal list is released, everybody who acts is reachable outside the network.".to_owned(),
            "prepare-engagement",
            ground.release.to_owned(),
        ),
    }];
    for item in &ground.list.items {
        let verb = match item.measure {
            Measure::Remove => "Remove",
            Measure::Reset => "Change the secret of",
            Measure::Block => "Block",
        };
        steps.push(Step {
            id: format!("action--{}", uuid(ground, &format!("step {}", item.key))),
            body: manual(
                format!("{verb} {}", title(item)),
                format!("{verb} {}", title(item)),
                "deploy-countermeasure",
                format!("From {}.", traces(item)),
            ),
        });
        exported.items += 1;
    }
    steps.push(Step {
        id: format!("action--{}", uuid(ground, "verify")),
        body: manual(
            "Verify".to_owned(),
            "Collect the computers of the list again and judge each item: piste verify --after COLLECTION"
                .to_owned(),
            "analyze-collected-data",
            "An item is done by evidence that was collected afterwards.".to_owned(),
        ),
    });
    let workflow = one_after_the_other(steps, &start, &end);
    let marking = format!("marking-tlp--{}", uuid(ground, "marking"));
    let playbook = json!({
        "type": "playbook", "spec_version": "cacao-2.0", "id": format!("playbook--{}", uuid(ground, "playbook")),
        "name": "Removal of what an intruder left", "playbook_types": ["remediation"],
        "created_by": format!("identity--{}", uuid(ground, "identity")), "created": at, "modified": at,
        "workflow_start": start, "workflow": workflow, "markings": [marking],
        "data_marking_definitions": {marking.clone(): {
            "type": "marking-tlp", "id": marking, "created_by": format!("identity--{}", uuid(ground, "identity")), "created": at,
            "tlpv2_level": ground.marking.as_str(),
        }},
        "agent_definitions": {agent.clone(): {"type": "organization", "name": "Incident response"}},
    });
    exported.text = serde_json::to_string_pretty(&playbook).unwrap_or_default() + "\n";
    exported
}

/// The steps as a workflow, each leading to the next.
fn one_after_the_other(steps: Vec<Step>, start: &str, end: &str) -> Map<String, Value> {
    let mut workflow = Map::new();
    let first = steps.first().map_or_else(|| end.to_owned(), |step| step.id.clone());
    workflow.insert(start.to_owned(), json!({"type": "start", "on_completion": first}));
    let next: Vec<String> =
        steps.iter().skip(1).map(|step| step.id.clone()).chain([end.to_owned()]).collect();
    for (step, next) in steps.into_iter().zip(next) {
        let mut body = step.body;
        if let Some(fields) = body.as_object_mut() {
            fields.insert("on_completion".to_owned(), json!(next));
        }
        workflow.insert(step.id, body);
    }
    workflow.insert(end.to_owned(), json!({"type": "end"}));
    workflow
}

/// What is wrong with a playbook that its schemas do not say: references that lead nowhere, steps that no way leads to, ways that go round.
#[cfg(test)]
pub(super) fn faults(playbook: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let empty = Map::new();
    let workflow = playbook.get("workflow").and_then(Value::as_object).unwrap_or(&empty);
    let agents = playbook.get("agent_definitions").and_then(Value::as_object).unwrap_or(&empty);
    let mut at = playbook.get("workflow_start").and_then(Value::as_str).unwrap_or_default();
    let mut seen = Vec::new();
    loop {
        let Some(step) = workflow.get(at) else {
            faults.push(format!("a step leads to `{at}`, which is not there"));
            break;
        };
        if seen.contains(&at) {
            faults.push(format!("the way goes round at `{at}`"));
            break;
        }
        seen.push(at);
        let agent = step.get("agent").and_then(Value::as_str);
        if agent.is_some_and(|agent| !agents.contains_key(agent)) {
            faults.push(format!("`{at}` has an agent that is not defined"));
        }
        match step.get("on_completion").and_then(Value::as_str) {
            Some(next) => at = next,
            None if step.get("type").and_then(Value::as_str) == Some("end") => break,
            None => {
                faults.push(format!("`{at}` ends the way and is no end"));
                break;
            }
        }
    }
    let lost = workflow.keys().filter(|id| !seen.contains(&id.as_str()));
    faults.extend(lost.map(|id| format!("no way leads to `{id}`")));
    faults
}
