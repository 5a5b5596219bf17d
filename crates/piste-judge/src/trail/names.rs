//! Names as numbers: hosts and programs stand in many rows.
//!
//! In: names as rows write them. Out: one number a host, whatever its rows call it, and one a path, without case.

use std::collections::HashMap;

/// Texts by number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    /// The number of a text, as it is written.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    /// The text of a number.
    pub(crate) fn text(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.texts.get(at)).map_or("", |text| text)
    }

    /// All texts with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.texts.iter().enumerate().map(|(at, text)| (u32::try_from(at).unwrap_or(u32::MAX), &**text))
    }
}

fn short(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_lowercase()
}

/// Hosts by number.
pub(crate) struct HostNames<'a> {
    one_name: &'a dyn Fn(&str) -> String,
    full: Names,
    raw: HashMap<Box<str>, u32>,
    /// Hosts whose logs are here, by their name without a domain; `None` where two have one.
    by_short: HashMap<String, Option<String>>,
}

impl<'a> HostNames<'a> {
    /// `one_name` gives the one name of a host.
    pub(crate) fn new(one_name: &'a dyn Fn(&str) -> String) -> Self {
        Self { one_name, full: Names::default(), raw: HashMap::new(), by_short: HashMap::new() }
    }

    /// The number of the host that a row names so.
    pub(crate) fn number(&mut self, raw: &str) -> u32 {
        if let Some(number) = self.raw.get(raw) {
            return *number;
        }
        let number = self.full.number(&(self.one_name)(raw));
        self.raw.insert(raw.into(), number);
        number
    }

    /// Tells of which hosts logs are here.
    pub(crate) fn with_logs<'h>(&mut self, hosts: impl Iterator<Item = &'h str>) {
        for host in hosts.filter(|host| !host.is_empty()) {
            let entry = self.by_short.entry(short(host)).or_insert_with(|| Some(host.to_owned()));
            if entry.as_ref().is_some_and(|known| !known.eq_ignore_ascii_case(host)) {
                *entry = None;
            }
        }
    }

    /// The number of the host that somebody calls so, who leaves out the domain.
    pub(crate) fn called(&mut self, name: &str) -> u32 {
        let full = (self.one_name)(name);
        let known =
            if full.contains('.') { None } else { self.by_short.get(&short(&full)).cloned().flatten() };
        self.number(known.as_deref().unwrap_or(name))
    }

    /// Its name.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.full.text(number)
    }
}
