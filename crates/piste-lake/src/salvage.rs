//! Members of a zip that lost its end, and with it the list of its members.
//!
//! In: the file. Out: the members whose own headers are found, and their bytes as far as they go. Each member begins with a
//! header of its own (PKWARE APPNOTE 4.3.7); writers that stream, as Velociraptor does, leave its sizes empty, but a deflated
//! stream says itself where it ends. A member without a known end that is merely stored is not read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

use crate::archive::{Member, Step};

const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
const HEADER_BYTES: usize = 30;
/// Bytes of a member's name; longer ones are chance finds.
const NAME_BYTES_MAX: u16 = 4_096;
/// Version that a reader needs, times ten: the newest that the format's specification knows is 6.3.
const VERSION_MAX: u16 = 63;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A member's own header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    method: u16,
    encrypted: bool,
    /// Packed size, unpacked size and CRC-32, where the writer knew them.
    sizes: Option<(u64, u64, u32)>,
    /// Offset of the data from the header's start.
    data: u64,
}

/// Lists the members whose headers are found, at most `max`.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn members(file: File, max: usize) -> io::Result<Vec<Member>> {
    let mut file = BufReader::with_capacity(256 * 1024, file);
    let mut members = Vec::new();
    let mut at = 0;
    while members.len() < max {
        let Some(found) = find_signature(&mut file, at)? else { break };
        let Some(header) = read_header(&mut file, found)? else {
            at = found + 1;
            continue;
        };
        let packed = header.sizes.map_or(0, |(packed, _, _)| packed);
        at = found.saturating_add(header.data).saturating_add(packed);
        members.push(Member {
            folder: header.name.ends_with('/'),
            name: header.name,
            step: Step::Local(found),
            encrypted: header.encrypted,
            modified: String::new(),
            link: false, // only the lost list would tell; its bytes are the path it points to
        });
    }
    Ok(members)
}

/// A reader over the member whose header starts at `offset`; it fails where the member does not end as it should.
///
/// # Errors
/// Where there is no such header, or the member is packed in a way that needs the lost list.
pub(crate) fn open(file: File, offset: u64) -> io::Result<impl Read> {
    let mut file = BufReader::with_capacity(256 * 1024, file);
    let header = read_header(&mut file, offset)?;
    let header = header
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no member starts there any more"))?;
    let unsupported = |what: &str| {
        io::Error::new(io::ErrorKind::Unsupported, format!("{what}, and its zip has lost its end"))
    };
    if header.encrypted {
        return Err(unsupported("it is encrypted"));
    }
    file.seek(SeekFrom::Start(offset.saturating_add(header.data)))?;
    let packed = header.sizes.map_or(u64::MAX, |(packed, _, _)| packed);
    let source = file.take(packed);
    let stream = match (header.method, header.sizes) {
        (DEFLATED, _) => Stream::Deflated(DeflateDecoder::new(source)),
        (STORED, Some(_)) => Stream::Stored(source),
        (STORED, None) => return Err(unsupported("its length is not known")),
        _ => return Err(unsupported("its compression is not supported")),
    };
    Ok(Checked {
        stream,
        expected: header.sizes.map(|(_, size, crc)| (size, crc)),
        given: 0,
        crc: flate2::Crc::new(),
    })
}

enum Stream {
    Stored(io::Take<BufReader<File>>),
    Deflated(DeflateDecoder<io::Take<BufReader<File>>>),
}

/// A member's bytes; its end is an error unless it is the right one.
struct Checked {
    stream: Stream,
    expected: Option<(u64, u32)>,
    given: u64,
    crc: flate2::Crc,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.stream {
            Stream::Stored(stream) => stream.read(buffer)?,
            Stream::Deflated(stream) => stream.read(buffer)?,
        };
        self.given += read as u64;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        let whole = match (self.expected, &mut self.stream) {
            _ if read > 0 => true,
            (Some((size, crc)), _) => size == self.given && crc == self.crc.sum(),
            (None, Stream::Stored(_)) => false,
            // A deflated stream that used up the file was cut: a whole one is followed by its sizes.
            (None, Stream::Deflated(stream)) => !stream.get_mut().fill_buf()?.is_empty(),
        };
        if whole { Ok(read) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut short")) }
    }
}

/// Offset of the next signature at or after `from`.
fn find_signature(file: &mut BufReader<File>, from: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(from))?;
    let mut at = from;
    let mut matched = 0;
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        for byte in bytes {
            at += 1;
            // No prefix of the signature stands inside it again, save its first byte.
            matched =
                if SIGNATURE.get(matched) == Some(byte) { matched + 1 } else { usize::from(*byte == b'P') };
            if matched == SIGNATURE.len() {
                return Ok(Some(at - SIGNATURE.len() as u64));
            }
        }
        let read = bytes.len();
        file.consume(read);
    }
}

/// Reads a header; `None` where the bytes only look like one.
fn read_header(file: &mut BufReader<File>, offset: u64) -> io::Result<Option<Header>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut fixed = Vec::with_capacity(HEADER_BYTES);
    file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut fixed)?;
    let Some(short) = Fixed::parse(&fixed) else { return Ok(None) };
    let mut name = Vec::new();
    file.by_ref().take(u64::from(short.name_bytes)).read_to_end(&mut name)?;
    let mut extra = Vec::new();
    file.by_ref().take(u64::from(short.extra_bytes)).read_to_end(&mut extra)?;
    if name.is_empty() || name.len() < usize::from(short.name_bytes) || name.contains(&0) {
        return Ok(None);
    }
    let sizes = match (short.packed, short.size) {
        _ if short.sizes_follow => None,
        (u32::MAX, _) | (_, u32::MAX) => sizes64(&extra).map(|(size, packed)| (packed, size, short.crc)),
        (packed, size) => Some((u64::from(packed), u64::from(size), short.crc)),
    };
    Ok(Some(Header {
        name: String::from_utf8_lossy(&name).into_owned(),
        method: short.method,
        encrypted: short.encrypted,
        sizes,
        data: HEADER_BYTES as u64 + u64::from(short.name_bytes) + u64::from(short.extra_bytes),
    }))
}

/// The header's fields of fixed length.
struct Fixed {
    encrypted: bool,
    sizes_follow: bool,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl Fixed {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let flags = short(6)?;
        let found = Self {
            encrypted: flags & 1 != 0,
            sizes_follow: flags & 8 != 0,
            method: short(8)?,
            crc: long(14)?,
            packed: long(18)?,
            size: long(22)?,
            name_bytes: short(26)?,
            extra_bytes: short(28)?,
        };
        let version = short(4)? & 0xff; // the upper byte names the writer's system
        (bytes.starts_with(SIGNATURE) && version <= VERSION_MAX && found.name_bytes <= NAME_BYTES_MAX)
            .then_some(found)
    }
}

/// (size, packed size) from the extra field of large members (APPNOTE 4.5.3).
fn sizes64(mut extra: &[u8]) -> Option<(u64, u64)> {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let [id_low, id_high, length_low, length_high] = *head;
        let length = usize::from(u16::from_le_bytes([length_low, length_high]));
        let (field, after) = rest.split_at_checked(length)?;
        if u16::from_le_bytes([id_low, id_high]) == 1 {
            let (size, packed) = field.split_first_chunk::<8>()?;
            return Some((u64::from_le_bytes(*size), u64::from_le_bytes(*packed.first_chunk::<8>()?)));
        }
        extra = after;
    }
    None
}
