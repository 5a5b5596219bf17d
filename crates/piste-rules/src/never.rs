//! Rules that load and could never match, though Piste reads their source.
//!
//! In: rules that loaded, `catalog/closed_fields.yaml`. Out: a warning for each that asks, under an `and`, for a field that no
//! row of its sources can have. Only what is certain is said: a source
//! whose fields are not a fixed list proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaRule, SigmaValue,
};

use crate::rule::{NotRun, Rule};

const TEXT: &str = include_str!("../../../catalog/closed_fields.yaml");

/// Dataset to its fields, in lower case. Empty if the embedded file is wrong, which this crate's tests rule out.
fn closed_fields() -> BTreeMap<String, BTreeSet<String>> {
    let lists: BTreeMap<String, Vec<String>> = yaml_serde::from_str(TEXT).unwrap_or_default();
    let lower = |list: Vec<String>| list.iter().map(|one| one.to_ascii_lowercase()).collect();
    lists.into_iter().map(|(dataset, list)| (dataset, lower(list))).collect()
}

/// The rules that could never match, in their order: slug `rule-field-never`.
///
/// Rules from a cache, which have no text, give nothing.
pub fn could_never_match(rules: &[Rule]) -> Vec<NotRun> {
    let closed = closed_fields();
    rules.iter().filter_map(|rule| never(rule, &closed)).collect()
}

fn never(rule: &Rule, closed: &BTreeMap<String, BTreeSet<String>>) -> Option<NotRun> {
    let sigma = rule.sigma.as_deref()?;
    let mut datasets = BTreeSet::new();
    for source in rule.gate.sources() {
        match (&source.channel, &source.dataset) {
            (None, Some(dataset)) => datasets.insert(dataset.as_str()),
            _ => return None,
        };
    }
    let fields: Vec<_> = datasets.iter().map(|&dataset| closed.get(dataset)).collect::<Option<_>>()?;
    if fields.is_empty() {
        return None;
    }
    let mut absent = BTreeSet::new();
    let impossible = fields.iter().all(|fields| {
        let has = |name: &str| fields.contains(&name.to_ascii_lowercase());
        answer(sigma, &mut |item| of_field(item, &has, &mut absent)) == Answer::No
    });
    let named = datasets.into_iter().collect::<Vec<_>>().join(", ");
    if impossible {
        let absent: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
        let reason = format!("it needs {}, which no row of {named} has", absent.join(", "));
        return Some(NotRun::of(rule, "rule-field-never", reason));
    }
    None
}

/// Whether a part of a rule can be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// By no row.
    No,
    /// Perhaps.
    Open,
    /// By every row.
    Yes,
}

impl Answer {
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Open => Self::Open,
            Self::Yes => Self::No,
        }
    }

    fn all(list: impl IntoIterator<Item = Self>) -> Self {
        list.into_iter().fold(Self::Yes, |sum, one| match (sum, one) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Open,
        })
    }

    fn any(list: impl IntoIterator<Item = Self>) -> Self {
        Self::all(list.into_iter().map(Self::not)).not()
    }
}

/// What an item asks of a field that may not be there.
fn of_field(item: &DetectionItem, has: &dyn Fn(&str) -> bool, absent: &mut BTreeSet<String>) -> Answer {
    let Some(name) = item.field.name.as_deref().filter(|name| !has(name)) else { return Answer::Open };
    // What an absent field means under these is another matter than a value that is not met.
    let open = [Modifier::Exists, Modifier::FieldRef, Modifier::Neq];
    if open.iter().any(|modifier| item.field.has_modifier(*modifier)) {
        return Answer::Open;
    }
    let is_null = |value: &SigmaValue| match value {
        SigmaValue::Null => true,
        SigmaValue::String(text) => text.original.is_empty(),
        _ => false,
    };
    if item.values.is_empty() || item.values.iter().any(is_null) {
        return Answer::Open;
    }
    absent.insert(name.to_owned());
    Answer::No
}

type Ask<'a> = dyn FnMut(&DetectionItem) -> Answer + 'a;

fn answer(rule: &SigmaRule, ask: &mut Ask<'_>) -> Answer {
    let named = named(&rule.detection, ask);
    let each: Vec<Answer> = rule.detection.conditions.iter().map(|one| condition(one, &named)).collect();
    Answer::any(each)
}

fn named(detections: &Detections, ask: &mut Ask<'_>) -> BTreeMap<String, Answer> {
    let mut names: Vec<_> = detections.named.iter().collect();
    names.sort_by_key(|(name, _)| name.as_str());
    names.into_iter().map(|(name, one)| (name.clone(), detection(one, ask))).collect()
}

fn detection(one: &Detection, ask: &mut Ask<'_>) -> Answer {
    match one {
        Detection::AllOf(items) => Answer::all(items.iter().map(ask).collect::<Vec<_>>()),
        Detection::AnyOf(list) => Answer::any(list.iter().map(|one| detection(one, ask)).collect::<Vec<_>>()),
        Detection::And(list) => Answer::all(list.iter().map(|one| detection(one, ask)).collect::<Vec<_>>()),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Answer::Open,
    }
}

fn condition(one: &ConditionExpr, named: &BTreeMap<String, Answer>) -> Answer {
    match one {
        ConditionExpr::And(list) => Answer::all(list.iter().map(|one| condition(one, named))),
        ConditionExpr::Or(list) => Answer::any(list.iter().map(|one| condition(one, named))),
        ConditionExpr::Not(one) => condition(one, named).not(),
        ConditionExpr::Identifier(name) => named.get(name).copied().unwrap_or(Answer::Open),
        ConditionExpr::Selector { quantifier, pattern } => {
            let met: Vec<Answer> = named
                .iter()
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, answer)| *answer)
                .collect();
            match quantifier {
                _ if met.is_empty() => Answer::Open,
                Quantifier::Any => Answer::any(met),
                Quantifier::All => Answer::all(met),
                Quantifier::Count(_) => Answer::Open,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::gate::Gate;
    use crate::rule::{About, Logsource};

    use super::*;

    #[test]
    fn the_lists_of_fields_are_read() {
        assert!(closed_fields().get("iis.access").is_some_and(|fields| fields.contains("cs-user-agent")));
    }

    fn rule(product: &str, category: &str, detection: &str) -> Rule {
        let text = format!(
            "title: T\nlogsource: {{product: {product}, category: {category}}}\ndetection: {{{detection}}}\n"
        );
        let sigma = rsigma_parser::parse_sigma_yaml(&text).expect("YAML").rules.pop().expect("a rule");
        let logsource = Logsource {
            product: Some(product.to_owned()),
            category: Some(category.to_owned()),
            service: None,
        };
        Rule {
            id: "r".to_owned(),
            name: None,
            title: "T".to_owned(),
            level: piste_model::Level::High,
            status: String::new(),
            tags: vec![],
            attack: vec![],
            tactics: vec![],
            about: About::default(),
            path: "x.yml".to_owned(),
            line: 1,
            gate: Gate::of(&logsource, &crate::catalog::sources().expect("sound")),
            logsource,
            reports: true,
            sigma: Some(Arc::new(sigma)),
        }
    }

    #[track_caller]
    fn check(detection: &str, slug: Option<&str>) {
        let found = could_never_match(&[rule("windows", "webserver", detection)]);
        assert_eq!(found.first().map(|one| one.slug.as_ref()), slug, "{detection}: {found:?}");
    }

    #[test]
    fn only_what_is_certain_is_said() {
        let never = Some("rule-field-never");
        check("a: {c-useragent: x}, condition: a", never);
        check("a: {c-useragent: x, cs-method: GET}, b: {cs-host: y}, condition: a and b", never);
        check("a: {c-useragent: x}, b: {cs-host: y}, condition: a or b", None);
        check("a: {cs-host: y}, b: {c-useragent: x}, condition: a and not b", None);
        check("a: {c-useragent: null}, condition: a", None);
        check("a: {'c-useragent|exists': false}, condition: a", None);
        check("a1: {c-useragent: x}, a2: {cs-host: y}, condition: 1 of a*", None);
        check("a1: {c-useragent: x}, a2: {cs-host: y}, condition: all of a*", never);
        check("a: [x], condition: a", None);
        check("a: {CS-METHOD: GET}, condition: a", None);
    }

    #[test]
    fn a_windows_channel_may_have_any_field() {
        let open = rule("windows", "process_creation", "a: {NoSuchField: x}, condition: a");
        assert_eq!(could_never_match(&[open]), []);
    }
}
