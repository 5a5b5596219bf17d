//! The trees of pages: which leaves a table has, and where a key lies.
//!
//! In: the page at a tree's root. Out: its leaves in order, without reading them, and whether the way to all of them was
//! whole; or the place of a key. A page is met once whatever a damaged tree says, so that no circle is walked twice.

use std::cmp::Ordering;

use piste_model::guard;

use super::pages::{BadPage, Page, Pager};

/// Levels of a tree; a real one has at most six.
const LEVELS_MAX: usize = 32;

/// One bit a page.
#[derive(Debug)]
pub(super) struct Met(Vec<u64>);

impl Met {
    pub(super) fn new(pages: u32) -> Self {
        Self(vec![0; pages as usize / 64 + 1])
    }

    /// Notes a page; false if it was met before or lies beyond the file.
    pub(super) fn first(&mut self, page: u32) -> bool {
        let Some(word) = self.0.get_mut(page as usize / 64) else { return false };
        let bit = 1 << (page % 64);
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    }

    pub(super) fn has(&self, page: u32) -> bool {
        self.0.get(page as usize / 64).is_some_and(|word| word & (1 << (page % 64)) != 0)
    }
}

/// A page that a tree names and that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) page: u32,
    pub(super) why: BadPage,
}

/// The leaves of a tree.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// Their pages' numbers, in the order of their keys.
    pub(super) pages: Vec<u32>,
    /// Where the way to others was cut: the first such page, if there is any.
    pub(super) broken: Option<Broken>,
}

/// Collects the leaves below `root`.
pub(super) fn leaves(pager: &mut Pager, root: u32, object: u32, met: &mut Met) -> Leaves {
    let mut found = Leaves::default();
    let mut page = Page::default();
    let mut open = vec![root];
    while let Some(number) = open.pop() {
        guard::check();
        if let Err(why) = visit(pager, number, object, met, &mut page, &mut open, &mut found) {
            found.broken.get_or_insert(Broken { page: number, why });
        }
    }
    follow_last(pager, object, met, &mut page, &mut found);
    found
}

fn visit(
    pager: &mut Pager,
    number: u32,
    object: u32,
    met: &mut Met,
    page: &mut Page,
    open: &mut Vec<u32>,
    found: &mut Leaves,
) -> Result<(), BadPage> {
    if number > pager.pages() {
        return Err(BadPage::Beyond);
    }
    if !met.first(number) {
        return Err(BadPage::Again);
    }
    pager.load(number, page)?;
    if page.object != object {
        return Err(BadPage::OtherTree);
    }
    if page.is_leaf() {
        found.pages.push(number);
        return Ok(());
    }
    let at = open.len();
    let mut outcome = Ok(());
    for place in 0..page.nodes() {
        match page.node(place).and_then(|node| node.child()) {
            Some(child) if page.is_above_leaves() => {
                if child > pager.pages() {
                    outcome = Err(BadPage::Beyond);
                } else if met.first(child) {
                    found.pages.push(child);
                } else {
                    outcome = Err(BadPage::Again);
                }
            }
            Some(child) => open.push(child),
            None => outcome = Err(BadPage::Tags),
        }
    }
    // The first child is next.
    if let Some(children) = open.get_mut(at..) {
        children.reverse();
    }
    outcome
}

/// A leaf that was split last may be named by the leaf before it alone, where the database was not closed.
fn follow_last(pager: &mut Pager, object: u32, met: &mut Met, page: &mut Page, found: &mut Leaves) {
    let Some(&last) = found.pages.last() else { return };
    let mut number = last;
    loop {
        guard::check();
        let is_leaf = pager.load(number, page).is_ok() && page.is_leaf() && page.object == object;
        if !is_leaf {
            if number != last {
                found.pages.pop();
            }
            return;
        }
        number = page.next;
        if number == 0 || number > pager.pages() || !met.first(number) {
            return;
        }
        found.pages.push(number);
    }
}

/// Goes down to the first node of a leaf whose key is not before `key`; `page` is that leaf.
///
/// None where the tree ends before it, or is broken on the way.
pub(super) fn seek(pager: &mut Pager, page: &mut Page, root: u32, key: &[u8]) -> Option<usize> {
    let mut number = root;
    for _ in 0..LEVELS_MAX {
        pager.load(number, page).ok()?;
        let nodes = page.nodes();
        if page.is_leaf() {
            let place = first_place(page, nodes, key, |node_is| node_is != Ordering::Less);
            if place < nodes {
                return Some(place);
            }
            pager.load(page.next, page).ok().filter(|()| page.is_leaf() && page.nodes() > 0)?;
            return Some(0);
        }
        // A branch's key is the first that its child has not; the last child has all others, and no key.
        let place = first_place(page, nodes.checked_sub(1)?, key, |node_is| node_is == Ordering::Greater);
        number = page.node(place)?.child()?;
    }
    None
}

/// The first of the nodes, by halves, of which this is so.
fn first_place(page: &Page, nodes: usize, key: &[u8], is_so: impl Fn(Ordering) -> bool) -> usize {
    let (mut low, mut high) = (0, nodes);
    while low < high {
        let middle = usize::midpoint(low, high);
        if page.node(middle).is_some_and(|node| is_so(node.compare(key))) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Moves to the node after `place`; false at the tree's end.
pub(super) fn step(pager: &mut Pager, page: &mut Page, place: &mut usize) -> bool {
    *place += 1;
    if *place < page.nodes() {
        return true;
    }
    let (object, next) = (page.object, page.next);
    *place = 0;
    next != 0 && pager.load(next, page).is_ok() && page.is_leaf() && page.object == object && page.nodes() > 0
}
