//! Files that are read at random: hives, databases, `$MFT`.
//!
//! In: the bytes of one file, asked for by offset, and those of the files that belong to it, as a hive's transaction logs do.
//! Out: pieces that any thread parses apart from the others, and the bytes of one record, read again for its proof. Opening
//! reads what all pieces need (a log's replay, the tree of folders), never all rows: memory is flat in the size of the file.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use piste_model::Issue;

use crate::{Context, Parsed};

/// Bytes that can be asked for by offset.
pub trait ReadAt: Send + Sync + Debug {
    /// How many there are.
    fn bytes(&self) -> u64;

    /// Fills `buffer` from `offset` as far as there are bytes, and says how many.
    ///
    /// # Errors
    /// What the medium answers.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for Vec<u8> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(from..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}

/// A file that belongs to the one that is opened, found beside it.
#[derive(Debug, Clone)]
pub struct Companion {
    /// Its locator.
    pub path: String,
    /// Its bytes.
    pub content: Arc<dyn ReadAt>,
}

/// A file that was opened.
pub trait OpenFile: Send + Sync {
    /// Pieces that can be parsed apart from each other, each some thousand rows.
    fn pieces(&self) -> usize;

    /// The piece whose rows include that of the record at `offset`, where the file can tell without parsing.
    fn piece_of(&self, offset: u64) -> Option<usize> {
        let _ = offset;
        None
    }

    /// The rows of one piece. Damage costs the damaged records and is named with its place.
    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed;

    /// The bytes that the row at `offset` stands for, as its hash covers them.
    ///
    /// # Errors
    /// Where no record starts there, or what the medium answers.
    fn record(&self, offset: u64) -> io::Result<Vec<u8>>;
}

/// What opening gave: the file, and what a person should know of it as a whole.
pub struct Opened {
    /// To be parsed, piece by piece.
    pub file: Box<dyn OpenFile>,
    /// What a person should know of the file as a whole.
    pub issues: Vec<Issue>,
}
