//! Which binary this is, for the ledger.
//!
//! In: the program's own file. Out: its SHA-256. It is hashed beside other work: a run should not wait for it.

use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};

/// The hash in the making.
pub(crate) struct Hashing(JoinHandle<Option<String>>);

impl Hashing {
    /// Begins on a thread of its own.
    pub(crate) fn begin() -> Self {
        Self(std::thread::spawn(|| {
            let mut file = std::fs::File::open(std::env::current_exe().ok()?).ok()?;
            let mut digest = Sha256::new();
            let mut buffer = vec![0; 1 << 20];
            loop {
                match std::io::Read::read(&mut file, &mut buffer).ok()? {
                    0 => return Some(piste_model::hash::hex(&digest.finalize())),
                    read => digest.update(buffer.get(..read)?),
                }
            }
        }))
    }

    /// 64 hex digits; `None` where the system does not show the file.
    pub(crate) fn sha256(self) -> Option<String> {
        self.0.join().ok().flatten()
    }
}
