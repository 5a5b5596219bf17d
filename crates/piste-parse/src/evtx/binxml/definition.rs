//! A template's definition, token by token.
//!
//! In: a chunk and the place of a definition in it. Out: its elements, attributes, texts and the numbers of its values,
//! told to a [`Sink`]. Only what Windows writes is followed; anything else ends the walk with `None`, and the records that
//! hang on it are left to the rendering.
//!
//! Source: MS-EVEN6 2.2.12 (`BinXml`, tokens); libyal's notes on EVTX for the header of a definition.

/// Next definition's offset, GUID, size.
const HEADER_BYTES: usize = 24;
/// Version 1.1; the last byte holds flags.
pub(super) const FRAGMENT: [u8; 3] = [0x0f, 1, 1];
const TEXT: u8 = 0x01;
const NO_DEPENDENCY: u16 = 0xffff;
/// Elements within one another.
const DEPTH_MAX: usize = 8;

/// Is told what a definition holds, in order.
pub(super) trait Sink {
    /// An element begins; it is left out where the value `dependency` is null.
    fn open(&mut self, name: &str, dependency: Option<u16>);
    /// An attribute of the element that began last; its content follows.
    fn attribute(&mut self, name: &str);
    /// The attributes are told; what follows is within the element.
    fn inside(&mut self);
    /// Text of the attribute or element.
    fn text(&mut self, text: &str);
    /// The value of this number stands here.
    fn value(&mut self, number: u16);
    /// The element ends.
    fn close(&mut self);
}

/// Bytes that a definition at `offset` takes, its header included.
pub(super) fn stored_bytes(chunk: &[u8], offset: usize) -> Option<usize> {
    let size = chunk.get(offset.checked_add(20)?..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*size)).ok()?.checked_add(HEADER_BYTES)
}

/// Tells `sink` of the definition at `offset`.
pub(super) fn walk(chunk: &[u8], offset: usize, sink: &mut impl Sink) -> Option<()> {
    let end = offset.checked_add(stored_bytes(chunk, offset)?)?;
    let bytes = chunk.get(..end)?;
    let at = offset + HEADER_BYTES;
    let mut walk = Walk { chunk, bytes, at, name: String::new(), text: String::new() };
    if walk.take::<4>()?.get(..3)? != FRAGMENT {
        return None;
    }
    walk.elements(sink)?;
    // The token of the end; what may follow it is not read by anyone.
    (walk.take::<1>()? == [0]).then_some(())
}

struct Walk<'d> {
    chunk: &'d [u8],
    /// The chunk up to the definition's end.
    bytes: &'d [u8],
    at: usize,
    name: String,
    text: String,
}

impl<'d> Walk<'d> {
    /// One element with all that is in it.
    fn elements(&mut self, sink: &mut impl Sink) -> Option<()> {
        let (mut depth, mut in_tag) = (0_usize, false);
        loop {
            let [token] = self.take::<1>()?;
            match token {
                0x01 | 0x41 if !in_tag && depth < DEPTH_MAX => {
                    let dependency = u16::from_le_bytes(self.take()?);
                    let dependency = Some(dependency).filter(|number| *number != NO_DEPENDENCY);
                    let _size = self.take::<4>()?;
                    self.read_name()?;
                    sink.open(&self.name, dependency);
                    if token == 0x41 {
                        let _size = self.take::<4>()?;
                    }
                    (depth, in_tag) = (depth + 1, true);
                }
                0x06 | 0x46 if in_tag => {
                    self.read_name()?;
                    sink.attribute(&self.name);
                }
                0x02 if in_tag => {
                    in_tag = false;
                    sink.inside();
                }
                0x05 | 0x45 if depth > 0 => {
                    let [kind] = self.take::<1>()?;
                    if kind != TEXT {
                        return None;
                    }
                    self.read_text()?;
                    sink.text(&self.text);
                }
                0x0d | 0x0e if depth > 0 => {
                    let number = u16::from_le_bytes(self.take()?);
                    let [kind] = self.take::<1>()?;
                    matches!(kind, 0..=0x15 | 0x21 | 0x81).then_some(())?;
                    sink.value(number);
                }
                0x03 if in_tag => {
                    in_tag = false;
                    sink.inside();
                    sink.close();
                    depth -= 1;
                }
                0x04 if !in_tag && depth > 0 => {
                    sink.close();
                    depth -= 1;
                }
                _ => return None,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(*taken)
    }

    fn units(bytes: &'d [u8], at: usize) -> Option<&'d [u8]> {
        let count = u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        bytes.get(at + 2..)?.get(..2 * usize::from(count))
    }

    /// A reference to a name; the name itself follows where it is met for the first time.
    fn read_name(&mut self) -> Option<()> {
        let offset = usize::try_from(u32::from_le_bytes(self.take()?)).ok()?;
        let units = Self::units(self.chunk, offset.checked_add(6)?)?;
        self.name.clear();
        for unit in units.chunks_exact(2) {
            let &[low, 0] = unit else { return None };
            if !(low.is_ascii_alphanumeric() || b"_-.:".contains(&low)) {
                return None; // it would need escapes
            }
            self.name.push(char::from(low));
        }
        if offset == self.at {
            self.at = offset + 6 + 2 + units.len() + 2;
        }
        (!self.name.is_empty()).then_some(())
    }

    fn read_text(&mut self) -> Option<()> {
        let units = Self::units(self.bytes, self.at)?;
        self.at += 2 + units.len();
        self.text.clear();
        super::value::utf16(units, &mut self.text)?;
        // A zero within would end the text for some readers.
        let whole = units.chunks_exact(2).all(|unit| unit != [0, 0]);
        (whole && !self.text.is_empty()).then_some(())
    }
}
