//! What the names of a page hold, each in the function to which it belongs.
//!
//! In: names, as the walk meets them, with what they are given. Out: what they hold. A name is looked up for each word of a
//! page, so that no text is made for it.

use std::hash::Hash;
use std::rc::Rc;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};

use super::Language;
use super::value::{REQUEST, SESSION, Value};
use super::walk::Walk;

/// Names of a page that are kept.
const NAMES_MAX: usize = 100_000;
/// Variables of functions that stand for those outside.
const GLOBALS_MAX: usize = 10_000;

/// A name and the scope to which it belongs; 0 is the page's own.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    scope: u32,
    name: Rc<str>,
}

/// The same, to look for.
#[derive(Hash)]
struct Sought<'n> {
    scope: u32,
    name: &'n str,
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.scope == key.scope && self.name == key.name.as_ref()
    }
}

/// All names.
#[derive(Debug, Default)]
pub(super) struct Names {
    held: HashMap<Key, Value, RandomState>,
    /// Variables of functions that stand for those outside.
    outside: HashMap<Key, (), RandomState>,
}

impl Names {
    /// What the name holds in the scope.
    pub(super) fn get(&self, scope: u32, name: &str) -> Option<&Value> {
        self.held.get(&Sought { scope, name })
    }

    /// The name holds a value from now on.
    pub(super) fn put(&mut self, scope: u32, name: &str, value: Value) {
        match self.held.get_mut(&Sought { scope, name }) {
            Some(held) => *held = value,
            None => {
                self.held.insert(Key { scope, name: name.into() }, value);
            }
        }
    }

    /// Takes out what the name holds.
    fn take(&mut self, scope: u32, name: &str) -> Option<Value> {
        self.held.get_mut(&Sought { scope, name }).map(std::mem::take)
    }

    fn has(&self, scope: u32, name: &str) -> bool {
        self.held.contains_key(&Sought { scope, name })
    }

    /// The scope in which the name stands that is met in `scope`.
    pub(super) fn scope_of(&self, scope: u32, name: &str) -> u32 {
        let outside = scope != 0 && !self.outside.is_empty();
        if outside && self.outside.contains_key(&Sought { scope, name }) { 0 } else { scope }
    }

    /// `global $name`.
    pub(super) fn stands_outside(&mut self, scope: u32, name: &str) {
        if scope != 0 && self.outside.len() < GLOBALS_MAX {
            self.outside.insert(Key { scope, name: name.into() }, ());
        }
    }
}

impl Walk<'_> {
    /// A constant of the page.
    pub(super) fn assign_constant(&mut self, key: &str, value: Value) {
        if key.len() < 256 && self.names.held.len() < NAMES_MAX {
            self.names.put(0, key, value);
        }
    }

    /// What a name holds.
    pub(super) fn lookup(&self, name: &str) -> Option<&Value> {
        let scope = self.scope();
        if scope != 0 {
            let own = self.names.get(self.names.scope_of(scope, name), name);
            if own.is_some() || self.language == Language::Php {
                return own;
            }
        }
        self.names.get(0, name)
    }

    /// A name gets a value. What it held before may still stand where branches join, so origins are kept.
    pub(super) fn assign(&mut self, name: &str, value: Value, add: bool) {
        if name.len() > 256 || self.names.held.len() > NAMES_MAX {
            return;
        }
        let own = self.names.scope_of(self.scope(), name);
        let local = self.language == Language::Php || self.names.has(own, name);
        let scope = if local && !name.starts_with("->") { own } else { 0 };
        self.gives_back(name, &value);
        let value = if add {
            let before = self.names.take(scope, name).unwrap_or_default();
            if before.text.is_none() && before.from == 0 { value } else { self.added(before, value) }
        } else {
            let from = self.names.get(scope, name).map_or(0, |before| before.from & (REQUEST | SESSION));
            value.and(from)
        };
        self.names.put(scope, name, value);
    }
}
