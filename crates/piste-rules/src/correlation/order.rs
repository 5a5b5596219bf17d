//! All correlations of a rule set in the order in which they can be computed.
//!
//! In: parsed correlations with their places. Out: those that resolve, each after all that it refers to, so that a
//! reference points only backwards; and for each of the others the reason.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::CorrelationRule;

use super::{Correlation, Reason, Reference, resolve};

/// A parsed correlation with its place.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// As parsed.
    pub rule: &'a CorrelationRule,
    /// File, as the set's path was given.
    pub path: &'a str,
    /// Line of its title, from 1.
    pub line: u64,
}

/// Resolves a list; `rules` finds a rule's index in the rule set by id or name.
///
/// Answers the correlations in an order in which each comes after those it refers to (otherwise as listed), and for each
/// that cannot run its index in the list with the reason. A name that a rule and a correlation share means the rule; of two
/// correlations with one id or name it means the first. One that refers to another that cannot run cannot run either.
pub fn resolve_all(
    listed: &[Listed<'_>],
    rules: &dyn Fn(&str) -> Option<usize>,
) -> (Vec<Correlation>, Vec<(usize, Reason)>) {
    let by_name = by_name(listed);
    let inner_of = |name: &str| if rules(name).is_some() { None } else { by_name.get(name).copied() };
    // Which of the list each refers to.
    let inner: Vec<BTreeSet<usize>> =
        listed.iter().map(|one| one.rule.rules.iter().filter_map(|name| inner_of(name)).collect()).collect();
    let mut outer: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, inner) in inner.iter().enumerate() {
        for to in inner {
            outer.entry(*to).or_default().push(at);
        }
    }
    let mut waits: Vec<usize> = inner.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> = (0..listed.len()).filter(|at| waits.get(*at) == Some(&0)).collect();
    let (mut resolved, mut failed) = (Vec::new(), BTreeMap::new());
    let mut index_of: BTreeMap<usize, usize> = BTreeMap::new();
    while let Some(at) = ready.pop_first() {
        let Some(one) = listed.get(at) else { continue };
        let names = |name: &str| match rules(name) {
            Some(rule) => Some(Reference::Rule(rule)),
            None => by_name.get(name).and_then(|at| index_of.get(at)).copied().map(Reference::Correlation),
        };
        let broken = inner.get(at).into_iter().flatten().find(|inner| failed.contains_key(*inner));
        let outcome = match broken.and_then(|inner| listed.get(*inner)) {
            Some(inner) => Err(Reason::reference(format!(
                "it refers to the correlation `{}`, which cannot run",
                inner.rule.title
            ))),
            None => resolve(one.rule, one.path, one.line, &names),
        };
        match outcome {
            Ok(correlation) => {
                index_of.insert(at, resolved.len());
                resolved.push(correlation);
            }
            Err(reason) => {
                failed.insert(at, reason);
            }
        }
        for to in outer.get(&at).into_iter().flatten() {
            if let Some(left) = waits.get_mut(*to) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(*to);
                }
            }
        }
    }
    for at in 0..listed.len() {
        if waits.get(at).is_some_and(|left| *left > 0) {
            failed.insert(at, circle(at, listed, &inner, &waits));
        }
    }
    (resolved, failed.into_iter().collect())
}

fn by_name<'a>(listed: &[Listed<'a>]) -> BTreeMap<&'a str, usize> {
    let mut by_name = BTreeMap::new();
    for (at, one) in listed.iter().enumerate() {
        for name in [one.rule.id.as_deref(), one.rule.name.as_deref()].into_iter().flatten() {
            by_name.entry(name).or_insert(at);
        }
    }
    by_name
}

/// Follows the references that never became ready until one comes again.
fn circle(start: usize, listed: &[Listed<'_>], inner: &[BTreeSet<usize>], waits: &[usize]) -> Reason {
    let mut way = vec![start];
    let mut at = start;
    loop {
        let stuck = |next: &&usize| waits.get(**next).is_some_and(|left| *left > 0);
        let Some(next) = inner.get(at).and_then(|inner| inner.iter().find(stuck)).copied() else { break };
        if let Some(from) = way.iter().position(|seen| *seen == next) {
            let titles: Vec<&str> = way
                .iter()
                .skip(from)
                .chain([&next])
                .filter_map(|at| listed.get(*at))
                .map(|one| one.rule.title.as_str())
                .take(10)
                .collect();
            let titles = titles.join("` → `");
            let text = if from == 0 {
                format!("it refers to itself: `{titles}`")
            } else {
                format!("it refers to correlations that refer to each other: `{titles}`")
            };
            return Reason::cycle(text);
        }
        way.push(next);
        at = next;
    }
    Reason::cycle("it refers to correlations that refer to each other")
}

/// What is not shown on its own: rules and correlations to which correlations refer, none of them with `generate: true`.
pub fn silent(correlations: &[Correlation]) -> BTreeSet<Reference> {
    let mut silent = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for correlation in correlations {
        let set = if correlation.generate { &mut shown } else { &mut silent };
        set.extend(correlation.references.iter().copied());
    }
    silent.difference(&shown).copied().collect()
}
