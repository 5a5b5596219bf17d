//! A reader that gives only so many bytes.
//!
//! In: a file and a limit. Out: its bytes, until the limit is passed or lifted. A zip's list of members is read wholly into
//! memory, and inside another archive a list of gigabytes costs its maker a few kilobytes.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// A list of members that takes more bytes than it may.
#[derive(Debug, thiserror::Error)]
#[error("its list of members does not lie within {limit} bytes")]
pub(crate) struct ListTooLong {
    limit: u64,
}

impl ListTooLong {
    /// Whether that is why reading failed.
    pub(crate) fn is_why(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

/// A reader with a meter on it.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    meter: Rc<Cell<Option<u64>>>,
    limit: u64,
}

/// Lifts the limit.
#[derive(Debug)]
pub(crate) struct Meter(Rc<Cell<Option<u64>>>);

impl Meter {
    /// From now on every byte is given.
    pub(crate) fn stop(&self) {
        self.0.set(None);
    }
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, limit: u64) -> (Self, Meter) {
        let meter = Rc::new(Cell::new(Some(0)));
        (Self { inner, meter: Rc::clone(&meter), limit }, Meter(meter))
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(given) = self.meter.get() {
            let given = given.saturating_add(read as u64);
            self.meter.set(Some(given));
            if given > self.limit {
                return Err(io::Error::new(io::ErrorKind::InvalidData, ListTooLong { limit: self.limit }));
            }
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_until_it_is_lifted() {
        let (mut metered, meter) = Metered::new(io::Cursor::new(vec![1; 100]), 50);
        let mut buffer = [0; 40];
        assert_eq!(metered.read(&mut buffer).expect("within the limit"), 40);
        assert_eq!(metered.read(&mut buffer).expect_err("beyond it").kind(), io::ErrorKind::InvalidData);
        meter.stop();
        assert_eq!(metered.read(&mut buffer).expect("no limit"), 20);
    }
}
