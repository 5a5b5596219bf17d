//! Fields that a rule's test is asked of besides the one that it names.
//!
//! In: a rule and the catalogue's `also`: for a dataset, a field to further fields. Out: the rule with each such test put to
//! the field named and to the others, any of which may meet it. So a rule for web servers that looks for a path in
//! `cs-uri-query`, as many published rules do, sees IIS's path and query together, raw and decoded.
//!
//! Only rules are changed, when they are loaded: rows of other datasets cost nothing more.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaValue};

use piste_model::sources::{FieldAlso, Sources};

use crate::gate::Gate;

/// Applies the catalogue to a rule, if all its sources are datasets that the catalogue has such fields for.
pub(crate) fn apply(sigma: &mut SigmaRule, gate: &Gate, sources: &Sources) {
    if sources.also.is_empty() {
        return;
    }
    let mut entries: Vec<&FieldAlso> = Vec::new();
    for source in gate.sources() {
        let entry = sources.also.iter().find(|entry| {
            source.channel.is_none() && source.dataset.as_deref() == entry.of.dataset.as_deref()
        });
        match entry {
            Some(entry) => entries.push(entry),
            None => return,
        }
    }
    let further = |name: &str| -> Vec<String> {
        let mut fields: Vec<String> = Vec::new();
        for entry in &entries {
            let named = entry.ask.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
            for other in named.into_iter().flat_map(|(_, others)| others) {
                if !fields.contains(other) && !other.eq_ignore_ascii_case(name) {
                    fields.push(other.clone());
                }
            }
        }
        fields
    };
    #[expect(clippy::iter_over_hash_type, reason = "each is changed by itself; the order leaves no trace")]
    for detection in sigma.detection.named.values_mut() {
        widen(detection, &further);
    }
}

fn widen(detection: &mut Detection, further: &dyn Fn(&str) -> Vec<String>) {
    match detection {
        Detection::AllOf(items) => {
            if !items.iter().any(|item| !others(item, further).is_empty()) {
                return;
            }
            let parts = std::mem::take(items).into_iter().map(|item| either(item, further)).collect();
            *detection = Detection::And(parts);
        }
        Detection::AnyOf(list) | Detection::And(list) => list.iter_mut().for_each(|one| widen(one, further)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

/// The further fields of an item. None where it asks for absence, for another field or for a number: there a second field
/// would change what is meant.
fn others(item: &DetectionItem, further: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    const OTHERWISE: [Modifier; 7] = [
        Modifier::Exists,
        Modifier::Neq,
        Modifier::FieldRef,
        Modifier::Gt,
        Modifier::Gte,
        Modifier::Lt,
        Modifier::Lte,
    ];
    let Some(name) = item.field.name.as_deref() else { return Vec::new() };
    let text = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if !text.original.is_empty());
    let plain = !OTHERWISE.iter().any(|modifier| item.field.has_modifier(*modifier));
    if plain && !item.values.is_empty() && item.values.iter().all(text) { further(name) } else { Vec::new() }
}

fn either(item: DetectionItem, further: &dyn Fn(&str) -> Vec<String>) -> Detection {
    let others = others(&item, further);
    if others.is_empty() {
        return Detection::AllOf(vec![item]);
    }
    let copies = others.into_iter().map(|name| {
        let mut copy = item.clone();
        copy.field.name = Some(name);
        copy
    });
    let copies: Vec<DetectionItem> = copies.collect();
    let all = std::iter::once(item).chain(copies);
    Detection::AnyOf(all.map(|one| Detection::AllOf(vec![one])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Logsource;

    fn widened(category: &str, detection: &str) -> String {
        let text = format!(
            "title: T\nlogsource: {{category: {category}}}\ndetection: {{{detection}, condition: a}}\n"
        );
        let mut sigma = rsigma_parser::parse_sigma_yaml(&text).expect("YAML").rules.pop().expect("a rule");
        let logsource = Logsource { product: None, category: Some(category.to_owned()), service: None };
        let sources = crate::catalog::sources().expect("sound");
        apply(&mut sigma, &Gate::of(&logsource, &sources), &sources);
        shown(sigma.detection.named.get("a").expect("named"))
    }

    fn shown(detection: &Detection) -> String {
        let list = |word: &str, list: &[Detection]| {
            format!("{word}({})", list.iter().map(shown).collect::<Vec<_>>().join(", "))
        };
        match detection {
            Detection::AllOf(items) => {
                items.iter().filter_map(|item| item.field.name.clone()).collect::<Vec<_>>().join("&")
            }
            Detection::AnyOf(one) => list("any", one),
            Detection::And(one) => list("all", one),
            _ => "other".to_owned(),
        }
    }

    #[test]
    fn a_path_in_the_query_is_sought_in_the_whole_address() {
        assert_eq!(
            widened("webserver", "a: {'cs-uri-query|contains': /owa/auth/x.js, cs-method: POST}"),
            "all(any(cs-uri-query, cs-uri, cs-uri-decoded), cs-method)"
        );
        assert_eq!(
            widened("webserver", "a: [{c-uri: x}, {cs-method: GET}]"),
            "any(all(any(c-uri, cs-uri, cs-uri-decoded)), cs-method)"
        );
    }

    #[test]
    fn absence_and_other_sources_stay_as_they_are() {
        assert_eq!(widened("webserver", "a: {'cs-uri-query|exists': false}"), "cs-uri-query");
        assert_eq!(widened("webserver", "a: {cs-uri-query: null}"), "cs-uri-query");
        assert_eq!(widened("process_creation", "a: {cs-uri-query: x}"), "cs-uri-query");
    }
}
