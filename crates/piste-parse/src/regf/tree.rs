//! The tree of keys, walked once: which keys there are, below which, and in which pieces they are parsed.
//!
//! In: a hive. Out: eight bytes a key in the order of the lists, the cells that are spoken for, the free places between
//! them, and what is damaged. A cell of two owners is read for both, as other readers do, but few times in all, and a key below
//! itself never: the walk is as long as the hive has bytes, whatever its lists claim.

use std::ops::{ControlFlow, Range};

use piste_model::guard;

use super::hive::{Hive, Key, Listed, NONE};
use super::le::{place, u32_at};

/// Keys of a piece, at most.
const PIECE_KEYS: usize = 4_096;
/// What the values of a piece's keys weigh, at most: a key counts one, a value one.
const PIECE_WEIGHT: usize = 32_768;

/// Bit of a node's cell, which is always a multiple of eight: the key's values are another's too, and not read again here.
const NOT_OWN: u32 = 1;
/// Cells that are read a second time, for another owner, as other readers do; what comes after is read for its first alone.
const AGAIN_MAX: u32 = 65_536;

/// A key and the one above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    cell: u32,
    /// Number of the parent; a root's is [`NONE`].
    pub(super) parent: u32,
}

impl Node {
    pub(super) fn at(self) -> u32 {
        self.cell & !NOT_OWN
    }

    pub(super) fn owns_values(self) -> bool {
        self.cell & NOT_OWN == 0
    }
}

/// What of the tree cannot be read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Losses {
    /// Subkeys whose cells are no keys, and the first of them.
    pub(super) keys: Tally,
    /// Lists of subkeys that cannot be read or end too early.
    pub(super) lists: Tally,
    /// Cells that two owners name.
    pub(super) shared: Tally,
    /// Values that cannot be read.
    pub(super) values: Tally,
}

/// How many, and the key's cell at which the first was met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) first: u32,
}

impl Tally {
    pub(super) fn add(&mut self, at: u32) {
        if self.count == 0 {
            self.first = at;
        }
        self.count += 1;
    }
}

/// One bit a cell.
#[derive(Debug)]
pub(super) struct Cells(Vec<u64>);

impl Cells {
    fn of(hive: &Hive) -> Self {
        Self(vec![0; hive.bins().len() / 512 + 1])
    }

    /// Takes a cell; false where it was taken, or lies nowhere.
    fn take(&mut self, at: u32) -> bool {
        let number = place(at) / 8;
        let Some(word) = self.0.get_mut(number / 64) else { return false };
        let bit = 1_u64 << (number % 64);
        let free = *word & bit == 0;
        *word |= bit;
        free
    }

    pub(super) fn has(&self, at: u32) -> bool {
        let number = place(at) / 8;
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

/// The keys of a hive.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Where each piece begins.
    pub(super) pieces: Vec<usize>,
    /// Keys, lists and values that belong to a live key.
    pub(super) taken: Cells,
    pub(super) losses: Losses,
    /// Cells that were read a second time.
    again: u32,
    /// No key stands where the base block says; the keys then come from the cells themselves.
    pub(super) rootless: bool,
}

impl Tree {
    /// Walks the tree of a hive.
    pub(super) fn walk(hive: &Hive) -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            pieces: vec![0],
            taken: Cells::of(hive),
            losses: Losses::default(),
            again: 0,
            rootless: false,
        };
        let root = root(hive);
        tree.rootless = root.is_none();
        let mut weight = 0;
        let mut begun = 0;
        let mut waiting = Vec::new();
        if let Some(cell) = root {
            tree.taken.take(cell);
            waiting.push(Node { cell, parent: NONE });
        }
        while let Some(mut node) = waiting.pop() {
            guard::check();
            let Some(key) = hive.key(node.at()) else { continue };
            let number = tree.nodes.len();
            let values = tree.take_values(hive, key);
            if values.is_none() {
                tree.losses.shared.add(node.at());
                node.cell |= NOT_OWN;
            }
            let own = 1 + values.unwrap_or_default();
            if number - begun >= PIECE_KEYS || (weight + own > PIECE_WEIGHT && number > begun) {
                tree.pieces.push(number);
                (begun, weight) = (number, 0);
            }
            weight += own;
            tree.nodes.push(node);
            tree.push_children(hive, key, u32::try_from(number).unwrap_or(NONE), &mut waiting);
        }
        tree
    }

    /// Puts a key's subkeys on the stack so that the first comes off first.
    fn push_children(&mut self, hive: &Hive, key: Key<'_>, number: u32, waiting: &mut Vec<Node>) {
        let bottom = waiting.len();
        hive.each_child(key, &mut |listed| {
            match listed {
                Listed::Key(at) if hive.key(at).is_none() => self.losses.keys.add(key.at),
                Listed::Key(cell) if self.taken.take(cell) => waiting.push(Node { cell, parent: number }),
                Listed::Key(cell) => {
                    self.losses.shared.add(cell);
                    if !self.is_above(cell, number) && self.again() {
                        waiting.push(Node { cell, parent: number });
                    }
                }
                Listed::Lost(_) => self.losses.lists.add(key.at),
                Listed::List(at) if hive.cell(at).is_none() || self.taken.take(at) => {}
                Listed::List(_) => {
                    self.losses.shared.add(key.at);
                    if !self.again() {
                        return ControlFlow::Break(());
                    }
                }
            }
            ControlFlow::Continue(())
        });
        if let Some(children) = waiting.get_mut(bottom..) {
            children.reverse();
        }
    }

    /// Takes a key's list and values; says how many they are, `None` where they are another's.
    fn take_values(&mut self, hive: &Hive, key: Key<'_>) -> Option<usize> {
        if key.values() == 0 {
            return Some(0);
        }
        let list = key.value_list();
        if hive.cell(list).is_none() {
            self.losses.values.add(key.at);
            return Some(0);
        }
        if !self.taken.take(list) && !self.again() {
            return None;
        }
        let mut count = 0;
        for at in hive.value_cells(key) {
            count += 1;
            if !self.taken.take(at) && !self.again() {
                return None;
            }
        }
        Some(count)
    }

    /// Whether one more cell may be read a second time.
    fn again(&mut self) -> bool {
        self.again = self.again.saturating_add(1);
        self.again <= AGAIN_MAX
    }

    /// Whether a cell is a key's own or lies above it: what hangs below itself has no end.
    fn is_above(&self, cell: u32, mut number: u32) -> bool {
        while let Some(node) = self.nodes.get(place(number)) {
            if node.at() == cell {
                return true;
            }
            number = node.parent;
        }
        false
    }

    /// The keys of one piece.
    pub(super) fn piece(&self, piece: usize) -> Range<usize> {
        let end = self.pieces.get(piece + 1).copied().unwrap_or(self.nodes.len());
        self.pieces.get(piece).copied().unwrap_or(end)..end
    }
}

/// The root: where the base block says, else the first key that calls itself one.
fn root(hive: &Hive) -> Option<u32> {
    if hive.key(hive.base.root).is_some() {
        return Some(hive.base.root);
    }
    let positions = (32..hive.bins().len()).step_by(8).filter_map(|at| u32::try_from(at).ok());
    positions.take(1 << 20).find(|at| {
        hive.bins().get(place(*at) + 4..place(*at) + 6) == Some(b"nk")
            && u32_at(hive.bins(), place(*at)).is_some_and(|size| size.cast_signed() < 0)
            && hive.key(*at).is_some_and(|key| key.flags() & super::hive::HIVE_ENTRY != 0)
    })
}
