//! What belongs together on one host: pages, the directory that wrote them, the processes that ran for them.
//!
//! In: the facts of a host. Out: for each page what it reads as, its writes, its first compiling, its requests and the commands that
//! ran for it; and the commands that belong to nothing known. Joined are facts by name and by nearness in time, never by time alone
//! across hosts.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::ReasonKind;

use super::collected::{Content, Listed, Reading};
use super::fact::Fact;
use super::processes::COMPILED;
use super::rung::Rung;
use super::store::{Store, Topic};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;
/// How long after a page was written, or a door opened, a command is still taken for its consequence.
pub(crate) const SOON: i64 = 600 * SECOND;
/// How long after a request a command may start that it asked for.
const AT_ONCE: i64 = 10 * SECOND;
/// Slack for clocks and buffers of one host.
const SLACK: i64 = 5 * SECOND;

/// A page of a web server.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    pub(crate) writes: Vec<&'a Fact>,
    pub(crate) compiled: Vec<&'a Fact>,
    pub(crate) requests: Vec<&'a Fact>,
    pub(crate) request_count: u64,
    /// Requests that it did not answer, or failed to.
    pub(crate) unanswered: Vec<&'a Fact>,
    pub(crate) commands: Vec<&'a Fact>,
    /// When its site first said that there is no such file, after it had last answered or been written.
    pub(crate) gone: Option<i64>,
    /// What the collected file reads as.
    pub(crate) content: Option<&'a Content>,
    pub(crate) listed: Vec<&'a Listed>,
}

impl Page<'_> {
    /// Whether the collected file reads as a shell.
    pub(crate) fn is_shell(&self) -> bool {
        self.content.is_some_and(|content| content.reading == Reading::Accused)
    }

    /// When it was first there.
    pub(crate) fn seen(&self) -> Option<i64> {
        let all = self.writes.iter().chain(&self.compiled).chain(&self.requests);
        all.map(|fact| fact.nanos()).min().filter(|nanos| *nanos < i64::MAX)
    }

    /// Whether somebody asked it for more than itself.
    pub(crate) fn is_used(&self) -> bool {
        let posted = self.requests.iter().any(|fact| is_post(&fact.said));
        let there = !self.writes.is_empty() || self.is_shell();
        !self.commands.is_empty() || posted || (!self.requests.is_empty() && there)
    }

    /// Its uses: what verdict *used* rests on.
    pub(crate) fn uses(&self) -> Vec<&Fact> {
        if !self.is_used() {
            return Vec::new();
        }
        let mut uses: Vec<&Fact> = self.requests.iter().chain(&self.commands).copied().collect();
        uses.sort_unstable();
        uses
    }
}

/// Whether a request sent something.
fn is_post(said: &ReasonKind) -> bool {
    match said {
        ReasonKind::PageAnswered { method, .. }
        | ReasonKind::PageFailed { method, .. }
        | ReasonKind::PageNotAnswered { method, .. } => method == "POST",
        _ => false,
    }
}

/// The facts of a host, joined.
#[derive(Debug, Default)]
pub(crate) struct Scene<'a> {
    pub(crate) pages: BTreeMap<String, Page<'a>>,
    /// Commands of web workers.
    pub(crate) commands: Vec<&'a Fact>,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(store: &'a Store, host: &'a str) -> Self {
        let mut scene = Self::default();
        let mut compiled: Vec<&Fact> = Vec::new();
        for (topic, rung, fact) in store.kept(host, |topic| matches!(topic, Topic::Page(_) | Topic::Worker)) {
            match topic {
                Topic::Page(key) if key.starts_with(COMPILED) => compiled.push(fact),
                Topic::Page(key) => {
                    let page = scene.pages.entry(key.clone()).or_default();
                    match rung {
                        Rung::Used => page.requests.push(fact),
                        _ if is_write(rung) => page.writes.push(fact),
                        _ => page.unanswered.push(fact),
                    }
                }
                _ => scene.commands.push(fact),
            }
        }
        for key in store.collected.keys(host) {
            scene.pages.entry(key.to_owned()).or_default();
        }
        for (key, page) in &mut scene.pages {
            page.content = store.collected.content(host, key);
            page.listed = store.collected.listed(host, key).collect();
            // A listing dates the file as a write does, where its times fit each other.
            let dated = page.listed.iter().filter(|listed| !listed.altered && listed.fact.time.is_some());
            page.writes.extend(dated.map(|listed| &listed.fact));
            page.writes.sort_unstable();
            let rungs = store.of(host, &Topic::Page(key.clone()));
            let asked = rungs.and_then(|rungs| rungs.get(&Rung::Used));
            page.request_count = asked.map_or(0, |facts| facts.count);
            let sites = page.requests.iter().map(|fact| store.site(fact.place.evidence)).collect();
            let last = asked.and_then(|facts| facts.last);
            // What was written after it had gone is there again.
            let last = last.max(
                rungs
                    .into_iter()
                    .flatten()
                    .filter(|(rung, _)| is_write(**rung))
                    .filter_map(|(_, facts)| facts.last)
                    .max(),
            );
            page.gone = last.and_then(|last| store.gone_since(host, key, last.nanos, &sites));
            let name = key.rsplit(['/', '\\']).next().unwrap_or_default();
            page.compiled = compiled.iter().filter(|fact| fact.page == name).copied().collect();
            page.compiled.extend(store.collected.compiled(host, key));
        }
        scene.commands.sort_unstable();
        scene.share_commands();
        scene
    }

    /// Gives each command to the pages that it can have run for.
    fn share_commands(&mut self) {
        for (key, page) in &mut self.pages {
            let written: Vec<i64> =
                page.writes.iter().chain(&page.compiled).map(|fact| fact.nanos()).collect();
            let asked: Vec<i64> = page.requests.iter().map(|fact| fact.nanos()).collect();
            for command in &self.commands {
                let at = command.nanos();
                let after = |times: &[i64], within: i64| {
                    times
                        .iter()
                        .any(|time| at >= time.saturating_sub(SLACK) && at <= time.saturating_add(within))
                };
                if pool_serves(&command.pool, key) && (after(&written, SOON) || after(&asked, AT_ONCE)) {
                    page.commands.push(command);
                }
            }
        }
    }

    /// Pages written within [`SOON`] after a time.
    pub(crate) fn written_after(&self, nanos: i64) -> impl Iterator<Item = (&String, &Page<'a>)> {
        self.pages.iter().filter(move |(_, page)| {
            page.writes.iter().any(|fact| {
                fact.nanos() >= nanos.saturating_sub(SLACK) && fact.nanos() <= nanos.saturating_add(SOON)
            })
        })
    }

    /// Commands within [`SOON`] after a time, in this pool or in one that is not known.
    pub(crate) fn commands_after(&self, nanos: i64, pool: &str) -> impl Iterator<Item = &'a Fact> {
        self.commands.iter().copied().filter(move |fact| {
            let near =
                fact.nanos() >= nanos.saturating_sub(SLACK) && fact.nanos() <= nanos.saturating_add(SOON);
            near && (pool.is_empty() || fact.pool == pool)
        })
    }

    /// The one page that a command can have run for though no request for it is there: the only one known that was there
    /// before and that the command's pool answers for.
    pub(crate) fn only_page(&self, command: &Fact) -> Option<&String> {
        let fits = |(key, page): &(&String, &Page<'_>)| {
            let there = page.seen().is_some_and(|seen| seen <= command.nanos())
                || (page.is_shell() && page.seen().is_none());
            let still = page.gone.is_none_or(|gone| gone > command.nanos());
            there && still && pool_serves(&command.pool, key)
        };
        let mut fitting = self.pages.iter().filter(fits);
        let only = fitting.next()?.0;
        fitting.next().is_none().then_some(only)
    }

    /// Commands that no page and no other door of the host explains.
    pub(crate) fn unexplained(&self, explained: &BTreeSet<&Fact>) -> Vec<&'a Fact> {
        let by_page: BTreeSet<&Fact> =
            self.pages.values().flat_map(|page| page.commands.iter().copied()).collect();
        let free = |fact: &&Fact| !by_page.contains(*fact) && !explained.contains(*fact);
        self.commands.iter().copied().filter(free).collect()
    }
}

/// Whether what stands on this rung of a page's ladder is that it was written, and not that it was asked for.
fn is_write(rung: Rung) -> bool {
    !matches!(rung, Rung::Used | Rung::Looked | Rung::Unclear)
}

/// Whether an application pool answers for a URL path; a pool that is not known may.
fn pool_serves(pool: &str, key: &str) -> bool {
    let own = [
        ("/owa/", "owa"),
        ("/ecp/", "ecp"),
        ("/ews/", "services"),
        ("/oab/", "oab"),
        ("/autodiscover/", "autodiscover"),
    ];
    if !pool.starts_with("msexchange") {
        return pool.is_empty() || !own.iter().any(|(front, _)| key.starts_with(front));
    }
    own.iter().all(|(front, word)| !key.starts_with(front) || pool.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_answers_for_its_own_paths() {
        assert!(pool_serves("msexchangeowaapppool", "/owa/auth/x.aspx"));
        assert!(!pool_serves("msexchangeecpapppool", "/owa/auth/x.aspx"));
        assert!(pool_serves("", "/owa/auth/x.aspx"));
        assert!(!pool_serves("defaultapppool", "/owa/auth/x.aspx"));
        assert!(pool_serves("defaultapppool", "/aspnet_client/x.aspx"));
    }
}
