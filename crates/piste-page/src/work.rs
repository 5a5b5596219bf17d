//! How much work the reading of a page may make.
//!
//! In: steps, as the walk takes them: one a word or call, one for [`STEP_BYTES`] bytes of a text that is put together. Out:
//! whether there are steps left. They are counted and not timed, so that a page reads the same on every machine. A page that
//! was made to cost time is read as far as the steps reach, and where they ended is told.

use std::cell::Cell;

use piste_model::guard;

/// Steps that any page may take.
const STEPS: u64 = 20_000_000;
/// Steps that each of its parts may take.
const STEPS_OF_PART: u64 = 3_000_000;
/// Steps for each of its bytes.
const STEPS_A_BYTE: u64 = 2;
/// Bytes of text that are gone over in one step.
const STEP_BYTES: usize = 64;
/// Bytes of text that are copied in one step.
const COPY_BYTES: usize = 256;

/// The steps that are left to one page, and where its reading ended.
#[derive(Debug)]
pub(super) struct Work {
    left: Cell<u64>,
    /// Where the steps ended.
    ended: Cell<Option<usize>>,
    /// From where on the code was too long to be read as one.
    cut: Cell<Option<usize>>,
}

impl Work {
    /// The work for a page of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self::with(STEPS + STEPS_A_BYTE * bytes as u64)
    }

    /// The work for one of many parts of a page.
    pub(super) fn of_part(bytes: usize) -> Self {
        Self::with(STEPS_OF_PART + STEPS_A_BYTE * bytes as u64)
    }

    fn with(left: u64) -> Self {
        Self { left: Cell::new(left), ended: Cell::new(None), cut: Cell::new(None) }
    }

    /// Takes steps; whether there were as many. Reading ends here too where the file had its time.
    pub(super) fn take(&self, steps: usize) -> bool {
        guard::check();
        let left = self.left.get().saturating_sub(steps as u64);
        self.left.set(left);
        left > 0
    }

    /// Takes the steps for a text of so many bytes.
    pub(super) fn take_bytes(&self, bytes: usize) -> bool {
        self.take(bytes / STEP_BYTES + 1)
    }

    /// Takes the steps for a copy of so many bytes.
    pub(super) fn take_copy(&self, bytes: usize) -> bool {
        self.take(bytes / COPY_BYTES + 1)
    }

    /// Notes where the steps ended first.
    pub(super) fn end(&self, at: usize) {
        self.ended.set(self.ended.get().or(Some(at)));
    }

    /// Does something with a page within the page at `at`: if the steps end there, that is the place.
    pub(super) fn within<T>(&self, at: usize, read: impl FnOnce() -> T) -> T {
        let before = self.ended.get();
        let out = read();
        self.ended.set(before.or(self.ended.get().map(|_| at)));
        out
    }

    /// Where the steps ended.
    pub(super) fn ended(&self) -> Option<usize> {
        self.ended.get()
    }

    /// Notes that the code from here on is too long to be read with what lies before it.
    pub(super) fn cut(&self, at: usize) {
        self.cut.set(Some(self.cut.get().map_or(at, |known| known.min(at))));
    }

    /// From where on that is so.
    pub(super) fn cut_at(&self) -> Option<usize> {
        self.cut.get()
    }
}
