//! What two intrusions have in common that joins nothing by itself: accounts.
//!
//! In: two intrusions as they will be told. Out: the accounts that both acted as or name. Two parties may hold one account, so that it
//! is told beside what keeps them apart, and a person may join them.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::Intrusion;

/// Accounts that are told.
const NAMED: usize = 5;
/// Domains that are everybody's.
const OF_ALL: [&str; 5] = ["nt authority", "nt service", "iis apppool", "font driver host", "window manager"];

/// Accounts of each intrusion by their names without domain, in lower case, with the name as it stands.
pub(crate) fn accounts_of(intrusions: &[Intrusion]) -> Vec<BTreeMap<String, String>> {
    let acted = |one: &Intrusion| {
        one.accounts
            .iter()
            .cloned()
            .chain(one.steps.iter().map(|step| step.account.clone()))
            .collect::<Vec<_>>()
    };
    let domains: BTreeSet<String> = intrusions
        .iter()
        .flat_map(acted)
        .filter_map(|account| Some(account.split_once('\\')?.0.to_lowercase()))
        .filter(|domain| !OF_ALL.contains(&domain.as_str()))
        .collect();
    let of = |one: &Intrusion| {
        let mut found = BTreeMap::new();
        // A command line that names an account of a known domain shows that whoever typed it knew of it.
        let named = one.steps.iter().flat_map(|step| words(&step.text)).filter(|word| {
            word.split_once('\\').is_some_and(|(domain, _)| domains.contains(&domain.to_lowercase()))
        });
        for account in acted(one).into_iter().chain(named.map(str::to_owned)) {
            let plain = account.rsplit('\\').next().unwrap_or_default().to_lowercase();
            let of_all = account
                .split_once('\\')
                .is_some_and(|(domain, _)| OF_ALL.contains(&domain.to_lowercase().as_str()));
            if !plain.is_empty() && !plain.ends_with('$') && !of_all && plain != "system" {
                found.entry(plain).or_insert(account);
            }
        }
        found
    };
    intrusions.iter().map(of).collect()
}

/// Others that are told of one intrusion: those with a host or an account in common, then by their order.
const OTHERS_MAX: usize = 20;

/// Which intrusions are near which: of thousands, a few each.
pub(crate) struct Neighbours<'a> {
    count: usize,
    by_host: BTreeMap<&'a str, Vec<usize>>,
    by_account: BTreeMap<&'a str, Vec<usize>>,
    hosts: Vec<Vec<&'a str>>,
    accounts: Vec<Vec<&'a str>>,
}

impl<'a> Neighbours<'a> {
    /// Of intrusions by their hosts and accounts.
    pub(crate) fn of(
        ids: &'a [(String, BTreeSet<String>)],
        accounts: &'a [BTreeMap<String, String>],
    ) -> Self {
        let hosts: Vec<Vec<&str>> =
            ids.iter().map(|(_, hosts)| hosts.iter().map(String::as_str).collect()).collect();
        let accounts: Vec<Vec<&str>> =
            accounts.iter().map(|names| names.keys().map(String::as_str).collect()).collect();
        let (mut by_host, mut by_account) = (BTreeMap::new(), BTreeMap::new());
        for (lists, by) in [(&hosts, &mut by_host), (&accounts, &mut by_account)] {
            for (at, names) in lists.iter().enumerate() {
                for name in names {
                    let of_name: &mut Vec<usize> = by.entry(*name).or_default();
                    of_name.push(at);
                }
            }
        }
        Self { count: ids.len(), by_host, by_account, hosts, accounts }
    }

    /// Those near one, in their order.
    pub(crate) fn of_one(&self, at: usize) -> BTreeSet<usize> {
        let mut near = BTreeSet::new();
        for (lists, by) in [(&self.hosts, &self.by_host), (&self.accounts, &self.by_account)] {
            let named = lists.get(at).into_iter().flatten().filter_map(|name| by.get(name));
            // The nearest by their order stand about it: a host with thousands is not looked through for each.
            let beside = named.flat_map(|all| {
                let middle = all.partition_point(|other| *other < at);
                let from = middle.saturating_sub(OTHERS_MAX / 2);
                all.iter().skip(from).take(OTHERS_MAX + 1)
            });
            near.extend(beside.copied().filter(|other| *other != at).take(OTHERS_MAX));
        }
        let mut rest = (0..self.count.min(OTHERS_MAX + 1)).filter(|other| *other != at);
        while near.len() < OTHERS_MAX
            && let Some(other) = rest.next()
        {
            near.insert(other);
        }
        near.into_iter().take(OTHERS_MAX).collect()
    }
}

/// Parts of a text that may be an account with its domain.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '\\' | '.' | '-' | '_' | '$'));
    text.split(ends).map(|word| word.trim_matches('.')).filter(|word| {
        word.split_once('\\')
            .is_some_and(|(domain, name)| !domain.is_empty() && !name.is_empty() && !name.contains('\\'))
    })
}

/// What two have in common, as a sentence; empty where nothing.
pub(crate) fn shared(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> String {
    let names: Vec<&str> =
        one.iter().filter(|(plain, _)| other.contains_key(*plain)).map(|(_, name)| name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (account, it) = if names.len() == 1 { ("the account", "it") } else { ("the accounts", "them") };
    format!(
        "; both have {account} {}{more}, which joins nothing by itself, for two parties may hold {it}: if it is known to be one party, a person can join two steps (`piste trail --link`)",
        names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_a_known_domain_is_found_in_a_command_line_and_a_path_is_none() {
        let found: Vec<&str> = words(r"net use \\DC01\C$ /user:MIN\svc-backup * > C:\Temp").collect();
        assert_eq!(found, [r"MIN\svc-backup"]);
    }

    #[test]
    fn of_thousands_a_few_are_near_each() {
        let ids: Vec<(String, BTreeSet<String>)> =
            (0..5_000).map(|at| (format!("I-{at}"), BTreeSet::from([format!("H{}", at % 3)]))).collect();
        let accounts = vec![BTreeMap::new(); ids.len()];
        let near = Neighbours::of(&ids, &accounts);
        let of_one = near.of_one(4_000);
        assert_eq!(of_one.len(), OTHERS_MAX);
        assert!(
            of_one.iter().filter(|other| **other % 3 == 4_000 % 3).count() >= OTHERS_MAX / 2,
            "{of_one:?}"
        );
        let few = Neighbours::of(&ids[..3], &accounts[..3]);
        assert_eq!(few.of_one(1), BTreeSet::from([0, 2]));
    }

    #[test]
    fn what_two_have_in_common_is_told_and_joins_nothing() {
        let of = |names: &[&str]| -> BTreeMap<String, String> {
            names.iter().map(|name| ((*name).to_owned(), format!("MIN\\{name}"))).collect()
        };
        let told = shared(&of(&["ann", "bob"]), &of(&["bob"]));
        assert!(told.contains("both have the account MIN\\bob, which joins nothing by itself"), "{told}");
        assert_eq!(shared(&of(&["ann"]), &of(&["bob"])), "");
    }
}
