//! SHA-256 as the lake and the ledger write it.
//!
//! In: bytes. Out: 64 hex digits for files, the first 16 bytes for records, so that `sha256sum` on a laptop checks both.

use sha2::{Digest, Sha256};

/// First 16 bytes of the SHA-256 of a record's bytes as stored.
pub type RecordHash = [u8; 16];

/// Hashes one record's bytes.
pub fn record_hash(bytes: &[u8]) -> RecordHash {
    let digest = Sha256::digest(bytes);
    let mut short = RecordHash::default();
    for (to, from) in short.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    short
}

/// SHA-256 of `bytes` as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_hash_is_the_head_of_sha256() {
        let full = sha256_hex(b"abc");
        assert_eq!(full, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hex(&record_hash(b"abc")), &full[..32]);
    }
}
