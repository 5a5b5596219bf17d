//! The templates that a block's records are made of.
//!
//! In: a chunk and the place of a fragment in it. Out: which layout its values have, and where they lie. A definition that
//! was met before, in whatever chunk of the block, is known by its tokens and names.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::definition::{self, FRAGMENT, Sink};
use super::layout::{Layout, Root, Tree};
use super::value::Value;

/// Values of one template in one record, at most.
const VALUES_MAX: u32 = 4_096;
/// Bytes of definitions and of their names that are read a chunk.
const DEFINITION_BYTES_MAX: usize = 4 << 16;
const INSTANCE: u8 = 0x0c;

/// A value's type and place in the chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) kind: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A template's instance in a record.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    /// Number of its layout.
    pub(super) layout: usize,
    /// Its values, among those of the record.
    pub(super) values: Range<usize>,
}

/// A definition that this chunk has.
#[derive(Debug)]
struct Here {
    offset: usize,
    root: Root,
    layout: usize,
}

#[derive(Debug, Default)]
pub(super) struct Templates {
    layouts: Vec<Option<Layout>>,
    by_key: HashMap<Vec<u8>, usize, RandomState>,
    here: Vec<Here>,
    /// Bytes that definitions of this chunk may still cost.
    budget: usize,
}

impl Templates {
    /// Forgets the places of the chunk before.
    pub(super) fn begin_chunk(&mut self) {
        self.here.clear();
        self.budget = DEFINITION_BYTES_MAX;
    }

    pub(super) fn layout(&self, instance: &Instance) -> Option<&Layout> {
        self.layouts.get(instance.layout)?.as_ref()
    }

    /// A fragment that is one template's instance and nothing else; its values are added to `values`.
    pub(super) fn fragment(
        &mut self,
        chunk: &[u8],
        place: Range<usize>,
        root: Root,
        values: &mut Vec<Span>,
    ) -> Option<Instance> {
        let bytes = chunk.get(place.clone())?;
        let head = if bytes.starts_with(&FRAGMENT) { 4 } else { 0 };
        if bytes.get(head) != Some(&INSTANCE) {
            return None;
        }
        let definition = usize::try_from(u32_at(chunk, place.start + head + 6)?).ok()?;
        let mut at = place.start + head + 10;
        if at == definition {
            at = at.checked_add(definition::stored_bytes(chunk, definition)?)?;
        }
        let count = u32_at(chunk, at).filter(|count| *count <= VALUES_MAX)?;
        let layout = self.layout_at(chunk, definition, root)?;
        at += 4;
        let mut start = at + 4 * usize::try_from(count).ok()?;
        let first = values.len();
        for describes in chunk.get(at..start)?.chunks_exact(4) {
            let &[low, high, kind, _] = describes else { return None };
            let end = start + usize::from(u16::from_le_bytes([low, high]));
            Value::admit(kind, chunk.get(start..end)?)?;
            values.push(Span { kind, start, end });
            start = end;
        }
        let rest = chunk.get(start..place.end)?;
        (rest.is_empty() || rest.starts_with(&[0])).then_some(())?;
        Some(Instance { layout, values: first..values.len() })
    }

    /// The layout of the definition at `offset`, which is read where it is new.
    fn layout_at(&mut self, chunk: &[u8], offset: usize, root: Root) -> Option<usize> {
        let known = self.here.iter().find(|here| here.offset == offset && here.root == root);
        let layout = if let Some(here) = known {
            here.layout
        } else {
            let layout = self.read(chunk, offset, root)?;
            self.here.push(Here { offset, root, layout });
            layout
        };
        self.layouts.get(layout)?.as_ref().map(|_| layout)
    }

    fn read(&mut self, chunk: &[u8], offset: usize, root: Root) -> Option<usize> {
        self.budget = self.budget.saturating_sub(definition::stored_bytes(chunk, offset)?);
        let mut key = Key { bytes: vec![root as u8], room: self.budget };
        let whole = definition::walk(chunk, offset, &mut key);
        self.budget = key.room;
        whole.filter(|()| self.budget > 0)?;
        if let Some(layout) = self.by_key.get(&key.bytes) {
            return Some(*layout);
        }
        let mut tree = Tree::default();
        definition::walk(chunk, offset, &mut tree)?;
        self.layouts.push(tree.layout(root));
        self.by_key.insert(key.bytes, self.layouts.len() - 1);
        Some(self.layouts.len() - 1)
    }
}

/// What a definition says, whatever the places of its names.
struct Key {
    bytes: Vec<u8>,
    /// Bytes that may still be added.
    room: usize,
}

impl Key {
    fn add(&mut self, token: u8, number: u16, text: &str) {
        self.room = self.room.saturating_sub(text.len() + 5);
        if self.room > 0 {
            self.bytes.push(token);
            self.bytes.extend_from_slice(&number.to_le_bytes());
            self.bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }
}

impl Sink for Key {
    fn open(&mut self, name: &str, dependency: Option<u16>) {
        self.add(if dependency.is_some() { 1 } else { 2 }, dependency.unwrap_or(0), name);
    }

    fn attribute(&mut self, name: &str) {
        self.add(3, 0, name);
    }

    fn inside(&mut self) {
        self.add(4, 0, "");
    }

    fn text(&mut self, text: &str) {
        self.add(5, 0, text);
    }

    fn value(&mut self, number: u16) {
        self.add(6, number, "");
    }

    fn close(&mut self) {
        self.add(7, 0, "");
    }
}

/// Reads a number; `None` beyond the end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
