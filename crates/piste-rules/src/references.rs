//! Which correlations have all that they refer to, and what their rules then report themselves.
//!
//! In: rules that loaded and correlations that parsed. Out: the correlations that can be evaluated, a reason for each of
//! the others, and `reports` of everything that is referred to.

use std::collections::{BTreeMap, BTreeSet};

use crate::rule::{NotRun, ParsedCorrelation, Rule};

/// The deepest correlations of correlations that are looked for; each round over all of them finds at least one level.
const MAX_NESTING: usize = 64;

/// A correlation with its place in the order of all documents.
pub(crate) type Ordered = (usize, ParsedCorrelation);

/// Ids and names, for finding what a reference means.
#[derive(Default)]
struct Called<'a> {
    ids: BTreeMap<String, Vec<usize>>,
    names: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Called<'a> {
    fn add(&mut self, id: &str, name: Option<&'a str>, index: usize) {
        self.ids.entry(id.to_ascii_lowercase()).or_default().push(index);
        if let Some(name) = name {
            self.names.entry(name).or_default().push(index);
        }
    }

    /// Indices of all that are meant, sorted.
    fn meant(&self, reference: &str) -> BTreeSet<usize> {
        let by_id = self.ids.get(&reference.to_ascii_lowercase()).into_iter().flatten();
        by_id.chain(self.names.get(reference).into_iter().flatten()).copied().collect()
    }
}

/// Keeps the correlations whose references are all there, and sets `reports`.
///
/// A correlation that needs one that is not kept is not kept either; so is one that leads back to itself.
pub(crate) fn resolve(
    rules: &mut [Rule],
    correlations: Vec<Ordered>,
    left_out: impl Fn(&str) -> bool,
) -> (Vec<ParsedCorrelation>, Vec<(usize, NotRun)>) {
    let mut of_rules = Called::default();
    for (index, rule) in rules.iter().enumerate() {
        of_rules.add(&rule.id, rule.name.as_deref(), index);
    }
    let mut of_correlations = Called::default();
    for (index, (_, one)) in correlations.iter().enumerate() {
        of_correlations.add(&one.id, one.rule.name.as_deref(), index);
    }
    let kept = kept(&correlations, &of_rules, &of_correlations);

    // What each refers to, and whether someone asks for it to report itself.
    let mut wanted: BTreeMap<(bool, usize), bool> = BTreeMap::new();
    for (index, (_, one)) in correlations.iter().enumerate().filter(|(index, _)| kept.contains(index)) {
        for reference in &one.rule.rules {
            let rules = of_rules.meant(reference).into_iter().map(|index| (true, index));
            let others = of_correlations.meant(reference).into_iter().filter(|other| *other != index);
            for meant in rules.chain(others.map(|index| (false, index))) {
                *wanted.entry(meant).or_insert(false) |= one.rule.generate;
            }
        }
    }
    let mut not_run = Vec::new();
    for (order, one) in
        correlations.iter().enumerate().filter(|(index, _)| !kept.contains(index)).map(|(_, one)| one)
    {
        let gone = one.rule.rules.iter().find(|reference| {
            of_rules.meant(reference).is_empty()
                && of_correlations.meant(reference).iter().all(|index| !kept.contains(index))
        });
        let reason = match gone {
            None if one.rule.rules.is_empty() => "it names no rule".to_owned(),
            None => "it leads back to itself".to_owned(),
            Some(gone) if !of_correlations.meant(gone).is_empty() => {
                format!("the correlation `{gone}` that it refers to is not run, or leads back to it")
            }
            Some(gone) if left_out(gone) => format!("the rule `{gone}` that it refers to is not run"),
            Some(gone) => format!("no rule has the id or name `{gone}` that it refers to"),
        };
        let id = Some(one.id.clone());
        not_run.push((*order, NotRun::new(id, &one.path, one.line, "rule-correlation-reference", reason)));
    }
    let reports: Vec<((bool, usize), bool)> = wanted.into_iter().collect();
    drop((of_rules, of_correlations));
    let mut silent = BTreeSet::new();
    for ((is_rule, index), generate) in reports {
        if is_rule {
            if let Some(rule) = rules.get_mut(index) {
                rule.reports &= generate;
            }
        } else if !generate {
            silent.insert(index);
        }
    }
    let kept = correlations.into_iter().enumerate().filter(|(index, _)| kept.contains(index));
    let kept = kept.map(|(index, (_, mut one))| {
        one.reports &= !silent.contains(&index);
        one
    });
    (kept.collect(), not_run)
}

/// Indices of the correlations that can be evaluated: grown from those that need rules alone.
fn kept(list: &[Ordered], rules: &Called<'_>, others: &Called<'_>) -> BTreeSet<usize> {
    let mut kept = BTreeSet::new();
    for _ in 0..MAX_NESTING {
        let before = kept.len();
        for (index, (_, one)) in list.iter().enumerate() {
            let is_there = |reference: &String| {
                !rules.meant(reference).is_empty()
                    || others.meant(reference).iter().any(|other| kept.contains(other))
            };
            if !kept.contains(&index) && !one.rule.rules.is_empty() && one.rule.rules.iter().all(is_there) {
                kept.insert(index);
            }
        }
        if kept.len() == before {
            break;
        }
    }
    kept
}
