//! The bytes of a file to be asked for by offset.
//!
//! In: a stream of known length, or a file of the evidence as it was given. Out: its bytes at random: in memory where they are few,
//! else on disk: in the file itself, or in a copy in the case's `tmp/` that goes with the last who reads it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use piste_model::guard;
use piste_parse::Context;
use piste_parse::random_access::{Companion, Opened, ReadAt};
use piste_parse::readers::open;

use crate::archive::{Opener, Place, Spool, spool};
use crate::open::evidence_file;
use crate::seal::Sealed;

/// Bytes of a file that is held in memory; a longer one is read from disk.
pub(crate) const IN_MEMORY_BYTES_MAX: u64 = 32 << 20;
/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;

/// A file on disk.
#[derive(Debug)]
struct OnDisk {
    file: File,
    bytes: u64,
    _copy: Option<Spool>,
}

impl ReadAt for OnDisk {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..wanted).filter(|rest| !rest.is_empty()) {
            match read_some(&self.file, offset + read as u64, rest) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// Takes in all that `reader` gives, which are `bytes` bytes at most. `place` is where it comes from, `copy` where it may go.
pub(crate) fn hold(
    reader: &mut dyn Read,
    bytes: u64,
    place: &Place,
    copy: &Path,
) -> io::Result<Arc<dyn ReadAt>> {
    let mut reader = reader.take(bytes);
    if bytes <= IN_MEMORY_BYTES_MAX {
        let mut all = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        reader.read_to_end(&mut all)?;
        return Ok(Arc::new(all));
    }
    if place.is_file() {
        let mut buffer = vec![0; READ_BYTES];
        let mut length = 0;
        loop {
            guard::check();
            match reader.read(&mut buffer)? {
                0 => break,
                read => length += read as u64,
            }
        }
        return Ok(Arc::new(OnDisk { file: evidence_file(&place.disk)?, bytes: length, _copy: None }));
    }
    let copy = spool(&mut reader, copy)?;
    let file = File::open(copy.path())?;
    let bytes = file.metadata()?.len();
    Ok(Arc::new(OnDisk { file, bytes, _copy: Some(copy) }))
}

/// Opens a sealed file that is read at random, and what belongs to it, to look at one of its records again.
pub(crate) fn open_sealed(
    sealed: &Sealed,
    beside: &[&Sealed],
    opener: &mut Opener,
    cx: &Context<'_>,
) -> io::Result<Opened> {
    let format = piste_parse::Format::reader_called(&sealed.format)
        .filter(|format| format.is_read_at_random())
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "it is not read at random"))?;
    let content = hold_sealed(sealed, opener)?;
    let mut companions = Vec::new();
    for one in beside {
        companions.push(Companion { path: one.path.clone(), content: hold_sealed(one, opener)? });
    }
    open(format, content, &companions, cx)
}

fn hold_sealed(sealed: &Sealed, opener: &mut Opener) -> io::Result<Arc<dyn ReadAt>> {
    let copy = opener.next_spool();
    opener.with_reader(&sealed.place, &mut |reader| hold(reader, sealed.bytes, &sealed.place, &copy))
}
