//! Bytes at the end of a file, all of them or none.
//!
//! In: an open file, where its whole entries end, and the bytes to add. Out: the file with them, on the disk; or as it was, where
//! the disk does not take them.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// What appending needs of a file; a trait so that a test can let each step fail.
pub(crate) trait Store {
    fn write_at_end(&mut self, end: u64, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut_to(&mut self, length: u64) -> io::Result<()>;
}

impl Store for File {
    fn write_at_end(&mut self, end: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(end))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut_to(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_data()
    }
}

/// Writes `bytes` at `end` and syncs; on failure cuts the file back and says whether that worked.
pub(crate) fn append_or_restore(
    store: &mut impl Store,
    end: u64,
    bytes: &[u8],
) -> Result<(), (io::Error, bool)> {
    let written = store.write_at_end(end, bytes).and_then(|()| store.sync());
    written.map_err(|error| (error, store.cut_to(end).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at the n-th step.
    struct Failing {
        bytes: Vec<u8>,
        steps_left: usize,
    }

    impl Failing {
        fn step(&mut self) -> io::Result<()> {
            let Some(left) = self.steps_left.checked_sub(1) else {
                return Err(io::ErrorKind::StorageFull.into());
            };
            self.steps_left = left;
            Ok(())
        }
    }

    impl Store for Failing {
        fn write_at_end(&mut self, end: u64, bytes: &[u8]) -> io::Result<()> {
            assert_eq!(end, self.bytes.len() as u64);
            let half = bytes.len() / 2;
            self.bytes.extend_from_slice(&bytes[..half]); // as a full disk does
            self.step()?;
            self.bytes.extend_from_slice(&bytes[half..]);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.step()
        }

        fn cut_to(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    #[test]
    fn whichever_step_fails_the_file_is_as_it_was() {
        for steps_left in 0..2 {
            let mut store = Failing { bytes: b"whole\n".to_vec(), steps_left };
            let (error, restored) = append_or_restore(&mut store, 6, b"next\n").unwrap_err();
            assert_eq!((error.kind(), restored), (io::ErrorKind::StorageFull, true));
            assert_eq!(store.bytes, b"whole\n", "failed at step {steps_left}");
        }
        let mut store = Failing { bytes: b"whole\n".to_vec(), steps_left: 2 };
        append_or_restore(&mut store, 6, b"next\n").unwrap();
        assert_eq!(store.bytes, b"whole\nnext\n");
    }
}
