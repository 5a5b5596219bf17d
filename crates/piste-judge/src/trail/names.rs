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

/// Hosts by number.
pub(crate) struct HostNames<'a> {
    one_name: &'a dyn Fn(&str) -> String,
    full: Names,
    raw: HashMap<Box<str>, u32>,
}

impl<'a> HostNames<'a> {
    /// `one_name` gives the one name of a host.
    pub(crate) fn new(one_name: &'a dyn Fn(&str) -> String) -> Self {
        Self { one_name, full: Names::default(), raw: HashMap::new() }
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

    /// Its name.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.full.text(number)
    }
}
