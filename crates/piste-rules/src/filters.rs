//! Sigma filters: what an institution adds to rules of others without touching their files.
//!
//! In: a rule and the filters that fit it. Out: the rule with the condition `(rule) and (filter) and ...`. Selections keep
//! apart: `1 of x*` and `all of them` are resolved over the detections of their own document before the two are joined, so
//! that neither catches what the other brought.

use std::collections::BTreeSet;

use rsigma_parser::{
    ConditionExpr, Detections, FilterRule, FilterRuleTarget, LogSource, Quantifier, SelectorPattern,
    SigmaRule,
};

use crate::check::Fault;
use crate::read::{Parsed, id_of};

/// The most filter text that one rule may take in: filters are copied into each rule that they fit.
const MAX_BYTES: usize = 256 * 1024;

/// Whether the filter is for this rule: it names it, or any, and each part of its log source is the rule's.
pub(crate) fn fits(filter: &FilterRule, rule: &SigmaRule) -> bool {
    let named = match &filter.rules {
        FilterRuleTarget::Any => true,
        FilterRuleTarget::Specific(list) => {
            let id = id_of(rule.id.as_ref(), &rule.title);
            list.iter().any(|one| one.eq_ignore_ascii_case(&id) || rule.name.as_ref() == Some(one))
        }
    };
    named && filter.logsource.as_ref().is_none_or(|wanted| contains(wanted, &rule.logsource))
}

fn contains(wanted: &LogSource, has: &LogSource) -> bool {
    let part = |wanted: &Option<String>, has: &Option<String>| match (wanted, has) {
        (None, _) => true,
        (Some(wanted), Some(has)) => wanted.eq_ignore_ascii_case(has),
        (Some(_), None) => false,
    };
    part(&wanted.product, &has.product)
        && part(&wanted.category, &has.category)
        && part(&wanted.service, &has.service)
}

/// Joins the filters into the rule, in their order.
///
/// # Errors
/// A [`Fault`] if they are too much text for one rule.
pub(crate) fn apply(rule: &mut SigmaRule, filters: &[&Parsed<FilterRule>]) -> Result<(), Fault> {
    if filters.is_empty() {
        return Ok(());
    }
    let bytes: usize = filters.iter().map(|filter| filter.bytes).sum();
    if bytes > MAX_BYTES {
        let reason =
            format!("the {} filters that fit it come to {bytes} bytes, over {MAX_BYTES}", filters.len());
        return Err(Fault::new("rule-filter-size", reason));
    }
    let own = resolve(&rule.detection, "", &[]);
    let mut all = vec![any_of(own.conditions)];
    let mut text = in_words(&rule.detection);
    let mut named = own.named;
    for (filter, number) in filters.iter().zip(1_u32..) {
        // A prefix that no detection of the rule or of a filter before has.
        let taken: BTreeSet<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let mut prefix = format!("filter_{number}_");
        while taken.iter().any(|name| name.starts_with(&prefix)) {
            prefix.insert(0, '_');
        }
        let joined = resolve(&filter.sigma.detection, &prefix, &named);
        all.push(any_of(joined.conditions));
        text += " and ";
        text += &in_words(&filter.sigma.detection);
        named.extend(joined.named);
    }
    rule.detection.named = named.into_iter().collect();
    rule.detection.conditions = vec![ConditionExpr::And(all)];
    rule.detection.condition_strings = vec![text];
    Ok(())
}

/// The conditions as written.
fn in_words(detections: &Detections) -> String {
    match detections.condition_strings.as_slice() {
        [one] => format!("({one})"),
        several => format!("(({}))", several.join(") or (")),
    }
}

/// Resolves the selectors of a rule to which detections will be added.
pub(crate) fn detach(detections: &mut Detections) {
    let Resolved { named, conditions } = resolve(detections, "", &[]);
    detections.named = named.into_iter().collect();
    detections.conditions = conditions;
}

/// Several conditions of one document are as many queries: a row meets one or the other.
fn any_of(mut conditions: Vec<ConditionExpr>) -> ConditionExpr {
    match conditions.pop() {
        Some(one) if conditions.is_empty() => one,
        Some(last) => {
            conditions.push(last);
            ConditionExpr::Or(conditions)
        }
        None => ConditionExpr::Or(conditions),
    }
}

/// Detections and conditions that no longer look beyond themselves.
struct Resolved {
    named: Vec<(String, rsigma_parser::Detection)>,
    conditions: Vec<ConditionExpr>,
}

/// Renames all detections with the prefix and resolves every selector; `taken` are the detections that are there already.
fn resolve(detections: &Detections, prefix: &str, taken: &[(String, rsigma_parser::Detection)]) -> Resolved {
    let mut names: Vec<&String> = detections.named.keys().collect();
    names.sort();
    let mut resolver = Resolver { detections, names, taken, prefix, counted: Vec::new(), groups: 0 };
    let conditions = detections.conditions.iter().map(|condition| resolver.condition(condition)).collect();
    let Resolver { names, counted, .. } = resolver;
    let own = names.into_iter().filter_map(|name| Some((name, detections.named.get(name)?)));
    let mut all: Vec<_> = own.map(|(name, one)| (format!("{prefix}{name}"), one.clone())).collect();
    all.extend(counted);
    Resolved { named: all, conditions }
}

struct Resolver<'a> {
    detections: &'a Detections,
    /// Sorted.
    names: Vec<&'a String>,
    taken: &'a [(String, rsigma_parser::Detection)],
    prefix: &'a str,
    /// Copies that `N of` counts, under a name that only its own selector meets.
    counted: Vec<(String, rsigma_parser::Detection)>,
    groups: u32,
}

impl Resolver<'_> {
    fn condition(&mut self, condition: &ConditionExpr) -> ConditionExpr {
        let each =
            |this: &mut Self, list: &[ConditionExpr]| list.iter().map(|one| this.condition(one)).collect();
        match condition {
            ConditionExpr::And(list) => ConditionExpr::And(each(self, list)),
            ConditionExpr::Or(list) => ConditionExpr::Or(each(self, list)),
            ConditionExpr::Not(one) => ConditionExpr::Not(Box::new(self.condition(one))),
            ConditionExpr::Identifier(name) => ConditionExpr::Identifier(format!("{}{name}", self.prefix)),
            ConditionExpr::Selector { quantifier, pattern } => self.selector(quantifier, pattern),
        }
    }

    fn selector(&mut self, quantifier: &Quantifier, pattern: &SelectorPattern) -> ConditionExpr {
        let met: Vec<&String> =
            self.names.iter().copied().filter(|name| pattern.matches_detection_name(name)).collect();
        let identifiers = |list: &[&String]| -> Vec<ConditionExpr> {
            list.iter().map(|name| ConditionExpr::Identifier(format!("{}{name}", self.prefix))).collect()
        };
        match quantifier {
            Quantifier::Any if !met.is_empty() => ConditionExpr::Or(identifiers(&met)),
            Quantifier::All if !met.is_empty() => ConditionExpr::And(identifiers(&met)),
            // Counting stays a selector, over copies that nothing else meets; so does one that meets nothing, whose
            // meaning is the engine's.
            _ => {
                let group = self.group();
                let copies = met.iter().filter_map(|&name| Some((name, self.detections.named.get(name)?)));
                let copies: Vec<_> =
                    copies.map(|(name, one)| (format!("{group}{name}"), one.clone())).collect();
                self.counted.extend(copies);
                let pattern = SelectorPattern::Pattern(format!("{group}*"));
                ConditionExpr::Selector { quantifier: quantifier.clone(), pattern }
            }
        }
    }

    /// A prefix that no detection has.
    fn group(&mut self) -> String {
        self.groups += 1;
        let mut group = format!("_counted_{}{}_", self.prefix, self.groups);
        let taken = |group: &str| {
            self.names.iter().any(|name| name.starts_with(group))
                || self.taken.iter().any(|(name, _)| name.starts_with(group))
        };
        while taken(&group) {
            group.insert(0, '_');
        }
        group
    }
}
