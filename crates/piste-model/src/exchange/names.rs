//! Flaws as people know them: a chain's name first, its identifiers behind it.
//!
//! In: identifiers. Out: `ProxyLogon (CVE-2021-26855, CVE-2021-27065)`, the gravest chain first. The names are those of
//! `catalog/exchange-flaws.csv`; a flaw that has none there stands by its identifier.

use std::cmp::Reverse;

use super::catalog::catalog;
use super::flaws::Flaw;

/// Flaws under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// The chain's name; empty for flaws that have none.
    pub name: &'static str,
    /// Its identifiers, as given.
    pub cve: Vec<&'a str>,
}

/// The flaws by name. Where all of them have a name in common, that one chain is meant.
pub fn named<'a>(cve: impl IntoIterator<Item = &'a str>) -> Vec<Named<'a>> {
    let (known, unnamed): (Vec<_>, Vec<_>) =
        cve.into_iter().map(|id| (id, catalog().flaw(id))).partition(|(_, flaw)| flaw.is_some());
    let known: Vec<(&str, &'static Flaw)> =
        known.into_iter().filter_map(|(id, flaw)| Some((id, flaw?))).collect();
    let of_all = |name: &&String| known.iter().all(|(_, flaw)| flaw.names.contains(name));
    let common = known.first().and_then(|(_, flaw)| flaw.names.iter().find(of_all));
    let mut groups: Vec<(&Flaw, Named<'a>)> = Vec::new();
    for (id, flaw) in &known {
        let name = common.unwrap_or(&flaw.name);
        match groups.iter_mut().find(|(_, group)| group.name == name) {
            Some((first, group)) => {
                group.cve.push(id);
                if rank(flaw) < rank(first) {
                    *first = flaw;
                }
            }
            None => groups.push((flaw, Named { name, cve: vec![id] })),
        }
    }
    groups.sort_by_key(|(flaw, group)| (rank(flaw), group.name));
    let mut groups: Vec<Named<'a>> = groups.into_iter().map(|(_, group)| group).collect();
    if !unnamed.is_empty() {
        groups.push(Named { name: "", cve: unnamed.into_iter().map(|(id, _)| id).collect() });
    }
    groups
}

/// The gravest first: ways in, those that were used before others, the later ones before the earlier.
fn rank(flaw: &Flaw) -> (bool, bool, Reverse<Option<jiff::civil::Date>>) {
    (!flaw.important, flaw.exploited.is_none(), Reverse(flaw.published))
}

/// The flaws in words; empty where there is none.
pub fn in_words<'a>(cve: impl IntoIterator<Item = &'a str>) -> String {
    let groups = named(cve);
    let word = |group: &Named<'_>| {
        let list = group.cve.join(", ");
        if group.name.is_empty() { list } else { format!("{} ({list})", group.name) }
    };
    groups.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cve: &[&str], expected: &str) {
        assert_eq!(in_words(cve.iter().copied()), expected);
    }

    #[test]
    fn chains_are_named_as_people_know_them() {
        check(&["CVE-2021-26855", "CVE-2021-27065"], "ProxyLogon (CVE-2021-26855, CVE-2021-27065)");
        check(
            &["CVE-2021-31207", "CVE-2021-34473", "CVE-2021-34523"],
            "ProxyShell (CVE-2021-31207, CVE-2021-34473, CVE-2021-34523)",
        );
        // One flaw is a link of two chains.
        check(&["CVE-2022-41040", "CVE-2022-41082"], "ProxyNotShell (CVE-2022-41040, CVE-2022-41082)");
        check(&["CVE-2022-41080", "CVE-2022-41082"], "OWASSRF (CVE-2022-41080, CVE-2022-41082)");
        check(&["CVE-2022-41082"], "ProxyNotShell (CVE-2022-41082)");
        check(&["CVE-2020-16875", "CVE-2020-17132"], "DLP policy (CVE-2020-16875, CVE-2020-17132)");
        check(
            &["CVE-2020-16875", "CVE-2021-26855", "CVE-2019-0604"],
            "ProxyLogon (CVE-2021-26855), DLP policy (CVE-2020-16875), CVE-2019-0604",
        );
        check(&[], "");
    }
}
