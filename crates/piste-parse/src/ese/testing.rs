//! What tests of ESE databases share: members of an archive, and databases that they write.
//!
//! In: a path in an archive, or tables with rows. Out: bytes.

use std::io::Read;
use std::path::Path;

use super::bytes::{u16_at, u32_at};

/// A member of the archive of real databases; says aloud where it is not at hand.
pub(super) fn real(name: &str) -> Option<Vec<u8>> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let archive = above.map(|folder| folder.join("shared/data/artefacts/ese.zip")).find_map(|path| std::fs::read(path).ok());
    let Some(archive) = archive else {
        println!("skipped: no shared/data/artefacts/ese.zip beside or above the project");
        return None;
    };
    Some(member(&archive, name).unwrap_or_else(|| panic!("{name} is in the archive")))
}

/// Looks a member up in a zip's directory and inflates it.
fn member(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    let end = memchr::memmem::rfind(archive, b"PK\x05\x06")?;
    let mut at = u32_at(archive, end + 16)? as usize;
    while archive.get(at..at + 4)? == b"PK\x01\x02" {
        let lengths: Vec<usize> = [28, 30, 32].iter().map(|of| u16_at(archive, at + of).unwrap().into()).collect();
        let (packed, from) = (u32_at(archive, at + 20)? as usize, u32_at(archive, at + 42)? as usize);
        if archive.get(at + 46..at + 46 + lengths[0])? == name.as_bytes() {
            let begin = from + 30 + usize::from(u16_at(archive, from + 26)?) + usize::from(u16_at(archive, from + 28)?);
            let packed = archive.get(begin..begin + packed)?;
            if u16_at(archive, at + 10)? == 0 {
                return Some(packed.to_vec());
            }
            let mut plain = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut plain).ok()?;
            return Some(plain);
        }
        at += 46 + lengths.iter().sum::<usize>();
    }
    None
}
