//! Keywords as the specification has them.
//!
//! In: a parsed rule. Out: the same rule with its keywords spelt out, so that the row engine reads them as the Sigma
//! specification does: a keyword is looked for inside the event's texts, and `|all` asks for each of them in some text, not
//! for all in the same one (an Exchange cmdlet's name and its parameters are two texts of one event).

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule};

/// Modifiers that say themselves how a value is compared.
const COMPARING: [Modifier; 9] = [
    Modifier::Contains,
    Modifier::StartsWith,
    Modifier::EndsWith,
    Modifier::Re,
    Modifier::Cidr,
    Modifier::Gt,
    Modifier::Gte,
    Modifier::Lt,
    Modifier::Lte,
];

/// Spells out the keywords of every detection of the rule.
pub(crate) fn spell_out(rule: &mut SigmaRule) {
    let mut names: Vec<String> = rule.detection.named.keys().cloned().collect();
    names.sort();
    for name in names {
        if let Some(detection) = rule.detection.named.get_mut(&name) {
            spell_out_detection(detection);
        }
    }
}

fn spell_out_detection(detection: &mut Detection) {
    match detection {
        Detection::AllOf(items) => {
            let spelt = std::mem::take(items).into_iter().flat_map(spell_out_item).collect();
            *items = spelt;
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(spell_out_detection),
        // A nameless item inside an array is the array's member, not a keyword.
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

fn spell_out_item(mut item: DetectionItem) -> Vec<DetectionItem> {
    if !item.field.is_keyword() {
        return vec![item];
    }
    if !item.field.modifiers.iter().any(|modifier| COMPARING.contains(modifier)) {
        item.field.modifiers.insert(0, Modifier::Contains);
    }
    if !item.field.has_modifier(Modifier::All) {
        return vec![item];
    }
    item.field.modifiers.retain(|modifier| *modifier != Modifier::All);
    item.values
        .iter()
        .map(|value| DetectionItem { field: item.field.clone(), values: vec![value.clone()] })
        .collect()
}
