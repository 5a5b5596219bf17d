//! The members of a gzip file, one after another.
//!
//! In: the packed bytes. Out: what all members hold. Zeros after a member are padding, as tapes and block-wise copies leave
//! it, and end nothing; any other bytes that are no member are an error.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A reader over all members.
pub(crate) struct GzipMembers<R> {
    /// `None` once the file has ended.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    pub(crate) fn new(packed: R) -> Self {
        Self { member: Some(GzDecoder::new(packed)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take().map(GzDecoder::into_inner) {
                Some(mut packed) => more_than_zeros(&mut packed)?.then(|| GzDecoder::new(packed)),
                None => None,
            };
        }
        Ok(0)
    }
}

/// Passes over zeros; answers whether anything follows.
fn more_than_zeros(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match packed.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let (ended, all_zeros) = (bytes.is_empty(), zeros == bytes.len());
        packed.consume(zeros);
        if ended || !all_zeros {
            return Ok(!ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn member(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).expect("a vector takes all");
        writer.finish().expect("it ends")
    }

    /// The text that can be read, and whether the end is reached.
    #[track_caller]
    fn check(packed: &[u8], expected: &str, whole: bool) {
        let mut out = Vec::new();
        let end = GzipMembers::new(io::BufReader::with_capacity(7, packed)).read_to_end(&mut out);
        assert_eq!((String::from_utf8_lossy(&out).as_ref(), end.is_ok()), (expected, whole), "{end:?}");
    }

    #[test]
    fn zeros_after_a_member_are_padding() {
        let (a, b) = (member(b"a"), member(b"b"));
        check(&a, "a", true);
        check(&[a.clone(), b.clone()].concat(), "ab", true);
        check(&[a.clone(), vec![0; 100]].concat(), "a", true);
        check(&[a.clone(), vec![0; 100], member(b""), b.clone()].concat(), "ab", true);
        check(&[a.clone(), b"xx".to_vec()].concat(), "a", false);
        check(&[a.clone(), vec![0; 9], b"x".to_vec()].concat(), "a", false);
        check(&[a.as_slice(), b.get(..b.len() - 3).expect("a part")].concat(), "ab", false);
        check(&[0; 100], "", false);
    }
}
