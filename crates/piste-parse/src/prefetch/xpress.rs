//! LZ77 with Huffman codes, as Windows 8.1 and later compress prefetch files.
//!
//! In: the compressed bytes and the size that the file claims. Out: what they hold, up to that size, and whether all of it
//! came. Source: Microsoft's MS-XCA, 2.2. Memory is what was really decoded, never what is claimed; each input byte is
//! looked at a bounded number of times.
//!
//! Own code, since the crate for it ends when the last byte is in its window and so may lose the last symbols of a stream,
//! and knows no lengths of 32 bits.

use piste_model::guard;

use crate::whole::Bytes;

/// Bytes of a block's code lengths: 512 symbols of four bits.
const TABLE_BYTES: usize = 256;
/// Bytes that one table serves.
const BLOCK_BYTES: usize = 65_536;
/// Bits of the longest code.
const CODE_BITS: u32 = 15;
/// Symbols.
const SYMBOLS: usize = 512;

/// What was decoded.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Why the rest is missing.
    pub(super) stopped: Option<&'static str>,
}

/// Decodes a stream that claims to have `size` bytes.
pub(super) fn decode(packed: &[u8], size: usize) -> Decoded {
    let mut out = Vec::with_capacity(size.min(packed.len().saturating_mul(8)));
    let mut at = 0;
    let mut codes = Codes::default();
    while out.len() < size {
        guard::check();
        match block(packed, &mut at, &mut codes, &mut out, size) {
            Ok(()) => {}
            Err(why) => return Decoded { bytes: out, stopped: Some(why) },
        }
    }
    Decoded { bytes: out, stopped: None }
}

fn block(
    packed: &[u8],
    at: &mut usize,
    codes: &mut Codes,
    out: &mut Vec<u8>,
    size: usize,
) -> Result<(), &'static str> {
    let table = Bytes(packed).slice(*at, TABLE_BYTES).ok_or("it ends within a table of codes")?;
    codes.read(table)?;
    let mut bits = Bits::begin(packed, *at + TABLE_BYTES);
    let end = size.min(out.len() + BLOCK_BYTES);
    while out.len() < end {
        let symbol = bits.symbol(codes)?;
        let Some(pair) = symbol.checked_sub(256) else {
            out.push(u8::try_from(symbol).unwrap_or_default());
            continue;
        };
        let mut length = usize::from(pair & 15);
        if length == 15 {
            length = bits.long_length()?;
        }
        let extra = u32::from(pair >> 4);
        let distance = (1_usize << extra) + bits.take(extra);
        let from = out.len().checked_sub(distance).ok_or("a copy begins before the first byte")?;
        // A copy may overlap what it makes, so it goes byte by byte.
        for place in from..from + (length + 3).min(size - out.len()) {
            let byte = out.get(place).copied().unwrap_or_default();
            out.push(byte);
        }
    }
    *at = bits.at;
    Ok(())
}

/// Which symbol the next bits are, for all that they can be.
struct Codes {
    /// Symbol and length of its code, by the next 15 bits; length 0 for no code.
    table: Vec<(u16, u8)>,
}

impl Default for Codes {
    fn default() -> Self {
        Self { table: vec![(0, 0); 1 << CODE_BITS] }
    }
}

impl Codes {
    fn read(&mut self, lengths: &[u8]) -> Result<(), &'static str> {
        let length_of = |symbol: usize| {
            let pair = lengths.get(symbol / 2).copied().unwrap_or_default();
            if symbol.is_multiple_of(2) { pair & 15 } else { pair >> 4 }
        };
        let mut filled = 0;
        for length in 1..=15_u8 {
            let span = 1_usize << (CODE_BITS - u32::from(length));
            for symbol in (0..SYMBOLS).filter(|symbol| length_of(*symbol) == length) {
                let entries = self.table.get_mut(filled..filled + span);
                let entries = entries.ok_or("its codes are more than there can be")?;
                entries.fill((u16::try_from(symbol).unwrap_or_default(), length));
                filled += span;
            }
        }
        self.table.get_mut(filled..).unwrap_or_default().fill((0, 0));
        if filled == 0 { Err("a table has no code") } else { Ok(()) }
    }
}

/// Bits of words of 16, the highest first, with bytes between them that belong to long lengths.
struct Bits<'p> {
    packed: Bytes<'p>,
    at: usize,
    window: u32,
    /// Bits of the window beyond the sixteen that are always there; negative asks for a word.
    spare: i32,
    /// Words read after the end.
    beyond: u32,
}

impl<'p> Bits<'p> {
    fn begin(packed: &'p [u8], at: usize) -> Self {
        let mut bits = Self { packed: Bytes(packed), at, window: 0, spare: 16, beyond: 0 };
        bits.window = (bits.word() << 16) | bits.word();
        bits
    }

    fn word(&mut self) -> u32 {
        let word = self.packed.u16(self.at);
        self.beyond += u32::from(word.is_none());
        self.at = self.at.saturating_add(2);
        u32::from(word.unwrap_or_default())
    }

    fn skip(&mut self, count: u32) {
        self.window = self.window.checked_shl(count).unwrap_or_default();
        self.spare -= i32::try_from(count).unwrap_or_default();
        if self.spare < 0 {
            let shift = u32::try_from(-self.spare).unwrap_or_default();
            self.window |= self.word() << shift;
            self.spare += 16;
        }
    }

    fn take(&mut self, count: u32) -> usize {
        let value = if count == 0 { 0 } else { self.window >> (32 - count) };
        self.skip(count);
        usize::try_from(value).unwrap_or_default()
    }

    fn symbol(&mut self, codes: &Codes) -> Result<u16, &'static str> {
        // Two words are read ahead of the last symbol; what goes on after them is no stream.
        if self.beyond > 2 {
            return Err("it ends too early");
        }
        let next = usize::try_from(self.window >> (32 - CODE_BITS)).unwrap_or_default();
        let (symbol, length) = codes.table.get(next).copied().unwrap_or_default();
        if length == 0 {
            return Err("its bits are no code");
        }
        self.skip(u32::from(length));
        Ok(symbol)
    }

    fn long_length(&mut self) -> Result<usize, &'static str> {
        let early = "it ends within a length";
        let short = self.packed.u8(self.at).ok_or(early)?;
        self.at += 1;
        if short < 255 {
            return Ok(usize::from(short) + 15);
        }
        let middle = self.packed.u16(self.at).ok_or(early)?;
        self.at += 2;
        if middle > 0 {
            return Ok(usize::from(middle));
        }
        let long = self.packed.size(self.at).ok_or(early)?;
        self.at += 4;
        Ok(long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 512 codes of nine bits: the code of a symbol is the symbol.
    fn packed(symbols: &[u16], tail: &[u8]) -> Vec<u8> {
        let mut bits: Vec<bool> =
            symbols.iter().flat_map(|symbol| (0..9).rev().map(move |bit| symbol >> bit & 1 == 1)).collect();
        bits.resize(bits.len().div_ceil(16) * 16, false);
        let mut bytes = vec![0x99; TABLE_BYTES];
        for word in bits.chunks(16) {
            let word = word.iter().fold(0_u16, |word, bit| word << 1 | u16::from(*bit));
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn the_example_of_the_specification_is_decoded() {
        // `abc` and a copy of three bytes before, 15 + 3 long: the length's byte follows the words read ahead.
        let bytes = packed(&[97, 98, 99, 256 + 16 + 15], &[]);
        // The distance of 3 is 2 + one more bit, the padding's first.
        let mut with_bit = bytes.clone();
        let (at, mask) = (TABLE_BYTES + 4, 0x0800_u16);
        let word = u16::from_le_bytes([with_bit[at], with_bit[at + 1]]) | mask;
        with_bit[at..at + 2].copy_from_slice(&word.to_le_bytes());
        with_bit.extend([0, 0, 9]); // a word is read ahead before the length
        let decoded = decode(&with_bit, 30);
        assert_eq!(decoded.stopped, None);
        assert_eq!(decoded.bytes, b"abc".repeat(10));
    }

    #[test]
    fn the_last_symbols_are_read_although_no_byte_follows() {
        let symbols: Vec<u16> = b"the last word".iter().map(|byte| u16::from(*byte)).collect();
        let decoded = decode(&packed(&symbols, &[]), symbols.len());
        assert_eq!((decoded.bytes.as_slice(), decoded.stopped), (b"the last word".as_slice(), None));
    }

    #[test]
    fn lies_cost_no_memory_and_are_named() {
        assert_eq!(decode(&[], usize::MAX).stopped, Some("it ends within a table of codes"));
        assert_eq!(decode(&[0; 300], 1 << 30).stopped, Some("a table has no code"));
        assert_eq!(decode(&[0x11; 300], 1 << 30).stopped, Some("its codes are more than there can be"));
        let decoded = decode(&packed(&[97], &[]), 1 << 40);
        assert!(decoded.bytes.len() < 16 && decoded.stopped == Some("it ends too early"));
        let before = decode(&packed(&[256 + 64], &[0; 8]), 10);
        assert_eq!(before.stopped, Some("a copy begins before the first byte"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 256..900)) {
            decode(&bytes, 100_000);
            decode(&[&[0x99; 256], bytes.as_slice()].concat(), 100_000);
        }
    }
}
