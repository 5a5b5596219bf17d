//! NTFS: what a volume's own tables say of its files.
//!
//! In: `$MFT`, the change journal `$UsnJrnl:$J` and folder indexes (`$I30`), each as a file of its own and read at random.
//! Out: rows of `file.mft`, `file.usn` and `file.index`, with the columns that `MFTECmd` gives them, and for files the names that
//! listings have too. Own readers: records are taken as blocks, so that damage costs one, and memory holds folders alone.
//!
//! Sources: libfsntfs' "New Technologies File System" specification, Microsoft's `[MS-FSCC]` and `USN_RECORD_V2` to `V4`.

mod columns;
mod folders;
mod index;
mod mft;
mod raw;
mod record;
mod usn;

pub use index::open as open_index;
pub use mft::open as open_mft;
pub(crate) use raw::{Reference, name_type};
pub use usn::open as open_usn;
pub(crate) use usn::recognise as recognise_usn;
pub(crate) use usn::{reason_bits, reasons};

/// Dataset of `$MFT`.
pub(crate) const MFT: &str = "file.mft";
/// Dataset of the change journal.
pub(crate) const USN: &str = "file.usn";
/// Dataset of folder indexes.
pub(crate) const INDEX: &str = "file.index";

#[cfg(test)]
mod built;
#[cfg(test)]
mod tests;
