//! Columns that ESE compresses.
//!
//! In: the stored bytes, whose first one names the scheme in its upper five bits. Out: what they stand for. A value never
//! grows beyond what its own two bytes of length allow.
//!
//! Sources: libesedb's description; Microsoft's ESE (MIT), `compression.cxx`, for the schemes; MS-XCA section 2.4 for plain
//! LZ77; the description of LZ4's block.

use super::bytes::{u16_at, u32_at};

/// Why bytes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// They break off or contradict themselves.
    Damaged,
    /// A scheme that only Exchange uses (XPRESS9), or that is not known.
    Scheme,
}

/// Appends what `stored` stands for.
pub(super) fn decompress(stored: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
    let Some((&head, rest)) = stored.split_first() else { return Ok(()) };
    match head >> 3 {
        1 => seven_bits(rest, head & 7, |unit| out.push(unit)),
        2 => seven_bits(rest, head & 7, |unit| out.extend_from_slice(&[unit, 0])),
        3 => with_length(stored, 3, out, plain_lz77),
        6 => with_length(stored, 15, out, lz4_block), // XPRESS10, behind two checksums
        7 => with_length(stored, 3, out, lz4_block),
        4 => return Ok(()), // scrubbed: the value was wiped
        5 => return Err(Refused::Scheme),
        _ => {
            out.extend_from_slice(stored);
            Some(())
        }
    }
    .ok_or(Refused::Damaged)
}

/// Units of seven bits, lowest first; of the last byte `last` + 1 bits count.
fn seven_bits(packed: &[u8], last: u8, mut push: impl FnMut(u8)) -> Option<()> {
    let bits = packed.len().checked_sub(1)? * 8 + usize::from(last) + 1;
    let (mut held, mut have, mut bytes) = (0_u32, 0, packed.iter());
    for _ in 0..bits / 7 {
        while have < 7 {
            held |= u32::from(*bytes.next()?) << have;
            have += 8;
        }
        push(u8::try_from(held & 0x7f).unwrap_or_default());
        held >>= 7;
        have -= 7;
    }
    Some(())
}

fn with_length(
    stored: &[u8],
    header: usize,
    out: &mut Vec<u8>,
    unpack: fn(&[u8], usize, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let length = usize::from(u16_at(stored, 1)?);
    let end = out.len() + length;
    out.reserve(length);
    unpack(stored.get(header..)?, end, out)?;
    (out.len() == end).then_some(())
}

/// Copies `length` bytes from `back` before the end.
fn copy_back(out: &mut Vec<u8>, begin: usize, back: usize, length: usize, end: usize) -> Option<()> {
    let from = out.len().checked_sub(back).filter(|from| back > 0 && *from >= begin)?;
    for at in from..from + length.min(end - out.len()) {
        out.push(*out.get(at)?); // what is copied may be what was just written
    }
    Some(())
}

/// MS-XCA's plain LZ77.
fn plain_lz77(packed: &[u8], end: usize, out: &mut Vec<u8>) -> Option<()> {
    let begin = out.len();
    let (mut at, mut flags, mut left, mut half) = (0, 0_u32, 0, None::<usize>);
    while out.len() < end {
        if left == 0 {
            flags = u32_at(packed, at)?;
            (at, left) = (at + 4, 32);
        }
        left -= 1;
        if flags & (1 << left) == 0 {
            out.push(*packed.get(at)?);
            at += 1;
            continue;
        }
        let pair = usize::from(u16_at(packed, at)?);
        at += 2;
        let mut length = pair % 8;
        if length == 7 {
            // Two lengths share one byte.
            length = match half.take() {
                None => {
                    half = Some(at);
                    at += 1;
                    usize::from(*packed.get(at - 1)? % 16)
                }
                Some(shared) => usize::from(*packed.get(shared)? / 16),
            };
            if length == 15 {
                length = usize::from(*packed.get(at)?);
                at += 1;
                if length == 255 {
                    length = usize::from(u16_at(packed, at)?);
                    at += 2;
                    if length == 0 {
                        length = usize::try_from(u32_at(packed, at)?).ok()?;
                        at += 4;
                    }
                    length = length.checked_sub(15 + 7)?;
                }
                length += 15;
            }
            length += 7;
        }
        copy_back(out, begin, pair / 8 + 1, length + 3, end)?;
    }
    Some(())
}

/// A block of LZ4.
fn lz4_block(packed: &[u8], end: usize, out: &mut Vec<u8>) -> Option<()> {
    let begin = out.len();
    let mut at = 0;
    let further = |at: &mut usize, mut length: usize| {
        if length == 15 {
            loop {
                let more = *packed.get(*at)?;
                *at += 1;
                length += usize::from(more);
                if more != 255 {
                    break;
                }
            }
        }
        Some(length)
    };
    while out.len() < end {
        let token = usize::from(*packed.get(at)?);
        at += 1;
        let literals = further(&mut at, token >> 4)?.min(end - out.len());
        out.extend_from_slice(packed.get(at..at + literals)?);
        at += literals;
        if out.len() >= end {
            break;
        }
        let back = usize::from(u16_at(packed, at)?);
        at += 2;
        let length = further(&mut at, token & 15)? + 4;
        copy_back(out, begin, back, length, end)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(stored: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut out = Vec::new();
        decompress(stored, &mut out).map(|()| out)
    }

    #[test]
    fn seven_bit_units_are_unpacked() {
        // `abc`: 61 62 63 in seven bits each, lowest bit first, 21 bits, so that five of the third byte count.
        let packed = [(1 << 3) | 4, 0x61 | (0x62 << 7), 0x62 >> 1 | 0xc0, 0x63 >> 2];
        assert_eq!(plain(&packed), Ok(b"abc".to_vec()));
        let wide = [(2 << 3) | 4, packed[1], packed[2], packed[3]];
        assert_eq!(plain(&wide), Ok(b"a\0b\0c\0".to_vec()));
        assert_eq!(plain(&[8]), Err(Refused::Damaged));
    }

    #[test]
    fn plain_lz77_is_that_of_the_specification() {
        // MS-XCA, section 3.1: the alphabet, and a hundred times `abc`.
        let alphabet = [&[0x18, 26, 0, 0x3f, 0, 0, 0][..], b"abcdefghijklmnopqrstuvwxyz"].concat();
        assert_eq!(plain(&alphabet), Ok(b"abcdefghijklmnopqrstuvwxyz".to_vec()));
        let hundred = [0x18, 0x2c, 1, 0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63, 0x17, 0, 0x0f, 0xff, 0x26, 1];
        assert_eq!(plain(&hundred), Ok(b"abc".repeat(100)));
        for cut in 1..hundred.len() {
            assert_eq!(plain(&hundred[..cut]), Err(Refused::Damaged), "{cut}");
        }
    }

    #[test]
    fn lz4_is_read_behind_either_header() {
        let block = [0x32, b'a', b'b', b'c', 3, 0, 0x10, b'!'];
        let short = [&[7 << 3, 10, 0][..], &block].concat();
        assert_eq!(plain(&short), Ok(b"abcabcabc!".to_vec()));
        let long = [&[6 << 3, 10, 0][..], &[0; 12], &block].concat();
        assert_eq!(plain(&long), Ok(b"abcabcabc!".to_vec()));
        assert_eq!(plain(&[5 << 3, 0, 0, 0, 0, 0]), Err(Refused::Scheme));
    }
}
