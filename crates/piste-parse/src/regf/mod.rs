//! Registry hives with their transaction logs: keys, values, and what an investigation asks of them.
//!
//! In: a hive's bytes and its logs. Out: `registry.key`, one row a key; `registry.value`, the values at known places; and
//! tables that are decoded: services, tasks, programs that were run, accounts. A dirty hive is read as Windows would have
//! loaded it; one whose logs lack says so. Deleted keys are rows marked as such. Damage costs the damaged cell. The hive is
//! held in memory. Source of the format's facts: Maxim Suhanov, "Windows registry file format specification".

mod base;
mod bins;
mod deleted;
mod emit;
mod hive;
mod identity;
mod keys;
mod le;
mod log;
mod marvin;
mod notes;
mod places;
mod secrets;
mod tables;
mod text;
mod tree;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::random_access::{Companion, OpenFile, Opened, ReadAt};
use crate::{Context, Parsed};

pub(crate) use deleted::REMNANTS;

use base::{BASE_BYTES, Base};
use bins::Spare;
use emit::Emit;
use hive::{Hive, Key};
use identity::Identity;
use log::{Log, Replay};
use tables::Table;
use tree::Tree;

/// Bytes of a hive that are read; Windows loads none of more than 2 GB, and none in the field comes near half of this.
pub const HIVE_BYTES_MAX: usize = 512 << 20;
/// Bytes that are asked for at a time.
const STEP: usize = 4 << 20;
/// Bytes of a hive in which one piece looks for what was deleted.
const WINDOW: usize = 4 << 20;
/// Keys outside the tree of one piece.
const UNLINKED_KEYS: usize = 4_096;
/// Places of the catalogue that one piece looks at.
const PLACES_APART: usize = 48;

/// One piece of work.
#[derive(Debug, Clone)]
enum Piece {
    /// Keys of the tree, by number of their piece.
    Keys(usize),
    /// Keys outside the tree.
    Unlinked(Range<usize>),
    /// Free places.
    Free(Range<u32>),
    /// Places of the catalogue.
    Places(Range<usize>),
    Table(Table),
}

/// A hive that was opened.
#[derive(Debug)]
pub(crate) struct OpenHive {
    hive: Hive,
    tree: Tree,
    spare: Spare,
    identity: Identity,
    pieces: Vec<Piece>,
}

/// Whether a file begins as a hive does: a primary file, or one whose type is damaged; a transaction log is none.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    Base::read(head).is_some_and(|base| !matches!(base.file_type, 1 | 2 | 6))
}

/// Opens a hive; its logs are the companions, in any order.
///
/// # Errors
/// What the medium answers.
#[expect(clippy::needless_pass_by_value, reason = "as every format that is read at random is opened")]
pub fn open(content: Arc<dyn ReadAt>, companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut image = read_whole(content.as_ref())?;
    let mut issues = Vec::new();
    if content.bytes() > HIVE_BYTES_MAX as u64 {
        issues.push(notes::too_long(cx, content.bytes()));
    }
    let Some(mut base) = Base::read(&image) else {
        issues.push(notes::no_hive(cx));
        return Ok(Opened { file: Box::new(Nothing), issues });
    };
    let mut logs = Vec::new();
    let was_dirty = base.is_dirty();
    for companion in companions.iter().filter(|_| was_dirty) {
        logs.push(Log { path: companion.path.clone(), bytes: read_whole(companion.content.as_ref())? });
    }
    let claimed = base;
    let replay = log::replay(&mut image, &mut base, &logs, HIVE_BYTES_MAX);
    drop(logs);
    let hive = Hive { image, base };
    issues.extend(notes::of_log(cx, &claimed, companions.len(), &replay));
    issues.extend(notes::of_length(cx, &hive));
    let open = OpenHive::of(hive, cx.path);
    Ok(Opened { file: Box::new(open), issues })
}

fn read_whole(content: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let length = usize::try_from(content.bytes()).unwrap_or(usize::MAX).min(HIVE_BYTES_MAX);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        piste_model::guard::check();
        let (from, step) = (bytes.len(), STEP.min(length - bytes.len()));
        bytes.resize(from + step, 0);
        let read = match bytes.get_mut(from..) {
            Some(to) => content.read_at(from as u64, to)?,
            None => 0,
        };
        bytes.truncate(from + read);
        if read == 0 {
            break;
        }
    }
    Ok(bytes)
}

impl OpenHive {
    fn of(mut hive: Hive, path: &str) -> Self {
        // A hive's end may be cut within a cell; reading it as far as it goes is what cells do.
        hive.image.resize(hive.image.len().max(BASE_BYTES), 0);
        let tree = Tree::walk(&hive);
        let spare = Spare::find(&hive, &tree.taken);
        let root = tree.nodes.first().and_then(|node| hive.key(node.at()));
        let identity = Identity::of(&hive, root, path);
        let mut pieces: Vec<Piece> = (0..tree.pieces.len()).map(Piece::Keys).collect();
        let places = places::count(identity.kind);
        pieces.extend((0..places).step_by(PLACES_APART).map(|from| Piece::Places(from..from + PLACES_APART)));
        pieces.extend(tables::of(identity.kind).iter().map(|table| Piece::Table(*table)));
        let unlinked = (0..spare.unlinked.len()).step_by(UNLINKED_KEYS);
        pieces.extend(
            unlinked.map(|from| Piece::Unlinked(from..(from + UNLINKED_KEYS).min(spare.unlinked.len()))),
        );
        pieces.extend(deleted::windows(hive.bins().len(), WINDOW).map(Piece::Free));
        Self { hive, tree, spare, identity, pieces }
    }

    fn root(&self) -> Option<Key<'_>> {
        self.tree.nodes.first().and_then(|node| self.hive.key(node.at()))
    }

    /// The key of a path below the control set in use.
    fn in_use(&self, path: &str) -> Option<Key<'_>> {
        let set = self.hive.child(self.root()?, &self.identity.control_set()?)?;
        self.hive.below(set, path)
    }

    /// The key of a path as it is usual in a hive of this kind.
    fn usual(&self, path: &str) -> Option<Key<'_>> {
        self.identity.start(&self.hive, self.root()?, path)
    }
}

impl OpenFile for OpenHive {
    fn pieces(&self) -> usize {
        self.pieces.len()
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut emit = Emit::new(self, cx);
        match self.pieces.get(piece) {
            Some(Piece::Keys(number)) => parsed.records = keys::rows(&mut emit, self.tree.piece(*number)),
            Some(Piece::Unlinked(which)) => deleted::unlinked_rows(&mut emit, which.clone()),
            Some(Piece::Free(window)) => deleted::free_rows(&mut emit, window.clone()),
            Some(Piece::Places(which)) => places::rows(&mut emit, which.clone()),
            Some(Piece::Table(table)) => tables::rows(&mut emit, *table),
            None => {}
        }
        emit.finish(&mut parsed);
        if piece == 0 {
            notes::tell_losses(self, cx, &mut parsed);
        }
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let cell = offset.checked_sub(BASE_BYTES as u64).and_then(|at| u32::try_from(at).ok());
        let cell = cell.filter(|at| self.hive.cell(*at).is_some());
        let Some(at) = cell else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no cell of the hive begins there"));
        };
        let mut bytes = Vec::new();
        self.hive.record(at, &mut bytes);
        Ok(bytes)
    }
}

/// A file that is no hive after all.
struct Nothing;

impl OpenFile for Nothing {
    fn pieces(&self) -> usize {
        0
    }

    fn parse(&self, _piece: usize, _cx: &Context<'_>) -> Parsed {
        Parsed::default()
    }

    fn record(&self, _offset: u64) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file is no registry hive"))
    }
}

#[cfg(test)]
mod building;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_real;
#[cfg(test)]
mod tests_tables;
