//! Members of a zip by their own headers: of one that lost its end, and with it the list of its members, and those that a
//! list does not name.
//!
//! In: the file. Out: the members whose own headers are found, and their bytes as far as they go. Each member begins with a
//! header of its own (PKWARE APPNOTE 4.3.7); writers that stream, as Velociraptor does, leave its sizes empty, but a deflated
//! stream says itself where it ends. A member without a known end that is merely stored is not read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;
use piste_model::guard;

use crate::archive::{Member, Step};

const SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
/// The record at a zip's end, without its comment.
const END_BYTES: usize = 22;
/// Bytes of the buffer over one member's packed bytes: of false headers there may be thousands, each opened once.
const MEMBER_BUFFER_BYTES: usize = 32 * 1024;
const HEADER_BYTES: usize = 30;
/// Bytes of a member's name; longer ones are chance finds.
const NAME_BYTES_MAX: u16 = 4_096;
/// Version that a reader needs, times ten: the newest that the format's specification knows is 6.3.
const VERSION_MAX: u16 = 63;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A member's own header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    method: u16,
    encrypted: bool,
    /// Packed size, unpacked size and CRC-32, where the writer knew them.
    sizes: Option<(u64, u64, u32)>,
    /// Offset of the data from the header's start.
    pub(crate) data: u64,
}

/// How many members are looked for, and how many bytes their names may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) members: usize,
    pub(crate) names: u64,
}

/// Lists the members whose headers are found, as many as may be.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn members(file: File, mut most: Most) -> io::Result<Vec<Member>> {
    let length = file.metadata()?.len();
    let mut members = Vec::new();
    Finder::new(file).members(0, length, &mut most, &mut members)?;
    Ok(members)
}

/// Bytes of the finder's buffer: headers lie close together where there are many of them.
const FINDER_BYTES: usize = 8 * 1024;

/// Finds headers in a zip.
pub(crate) struct Finder {
    file: BufReader<File>,
    /// Where the next byte is read from.
    at: u64,
}

impl Finder {
    pub(crate) fn new(file: File) -> Self {
        Self { file: BufReader::with_capacity(FINDER_BYTES, file), at: 0 }
    }

    /// Adds the members whose headers start from `from` to before `to`.
    pub(crate) fn members(
        &mut self,
        from: u64,
        to: u64,
        most: &mut Most,
        members: &mut Vec<Member>,
    ) -> io::Result<()> {
        let mut at = from;
        while most.members > 0 && at < to {
            guard::check();
            let Some(found) = self.signature(SIGNATURE, at, to)? else { break };
            let Some(header) = self.header(found)? else {
                at = found + 1;
                continue;
            };
            let packed = header.sizes.map_or(0, |(packed, _, _)| packed);
            at = found.saturating_add(header.data).saturating_add(packed);
            let Some(names) = most.names.checked_sub(header.name.len() as u64) else { break };
            (most.members, most.names) = (most.members - 1, names);
            members.push(Member {
                folder: header.name.ends_with('/'),
                name: header.name,
                step: Step::Local(found),
                encrypted: header.encrypted,
                modified: String::new(),
                link: false, // only the list would tell; its bytes are the path it points to
            });
        }
        Ok(())
    }

    /// The header that starts at `offset`; `None` where the bytes only look like one.
    pub(crate) fn header(&mut self, offset: u64) -> io::Result<Option<Header>> {
        self.go_to(offset)?;
        let header = read_header(&mut self.file)?;
        // What a header that is none took from the buffer is not known: the next step seeks for itself.
        self.at = self.file.stream_position()?;
        Ok(header)
    }

    /// Where the zip ends whose directory starts at `directory`: behind its end record and the comment there.
    pub(crate) fn end_of_zip(&mut self, directory: u64) -> io::Result<Option<u64>> {
        let Some(found) = self.signature(END_SIGNATURE, directory, u64::MAX)? else { return Ok(None) };
        self.go_to(found)?;
        let mut record = Vec::with_capacity(END_BYTES);
        self.file.by_ref().take(END_BYTES as u64).read_to_end(&mut record)?;
        self.at += record.len() as u64;
        let comment = record.get(END_BYTES - 2..).and_then(|bytes| bytes.first_chunk::<2>());
        Ok(comment.map(|bytes| found + END_BYTES as u64 + u64::from(u16::from_le_bytes(*bytes))))
    }

    /// Whether any byte from `from` on is no zero.
    pub(crate) fn is_more_than_zeros(&mut self, from: u64) -> io::Result<bool> {
        self.go_to(from)?;
        loop {
            guard::check();
            let bytes = self.file.fill_buf()?;
            if bytes.is_empty() {
                return Ok(false);
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(true);
            }
            let read = bytes.len();
            self.file.consume(read);
            self.at += read as u64;
        }
    }

    /// Offset of the next signature from `from` to before `to`.
    fn signature(&mut self, signature: [u8; 4], from: u64, to: u64) -> io::Result<Option<u64>> {
        self.go_to(from)?;
        let mut matched = 0;
        loop {
            guard::check();
            // The last of its bytes may lie behind `to`.
            let left = to.saturating_add(3).saturating_sub(self.at);
            let bytes = self.file.fill_buf()?;
            let bytes = bytes.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(bytes);
            if bytes.is_empty() {
                return Ok(None);
            }
            // No prefix of a signature stands inside it again, save its first byte.
            let end = bytes.iter().position(|byte| {
                let next = signature.get(matched) == Some(byte);
                matched = if next { matched + 1 } else { usize::from(*byte == b'P') };
                matched == signature.len()
            });
            let read = end.map_or(bytes.len(), |end| end + 1);
            self.file.consume(read);
            self.at += read as u64;
            if end.is_some() {
                return Ok(Some(self.at - signature.len() as u64));
            }
        }
    }

    /// What the buffer holds is kept where it holds the place.
    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        let forward = i64::try_from(offset).ok().zip(i64::try_from(self.at).ok());
        match forward {
            Some((to, from)) => self.file.seek_relative(to - from)?,
            None => drop(self.file.seek(SeekFrom::Start(offset))?),
        }
        self.at = offset;
        Ok(())
    }
}

/// A reader over the member whose header starts at `offset`; it fails where the member does not end as it should.
///
/// # Errors
/// Where there is no such header, or the member is packed in a way that needs the lost list.
pub(crate) fn open(file: File, offset: u64) -> io::Result<impl Read> {
    let mut file = BufReader::with_capacity(MEMBER_BUFFER_BYTES, file);
    file.seek(SeekFrom::Start(offset))?;
    let header = read_header(&mut file)?;
    let header = header
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no member starts there any more"))?;
    let unsupported = |what: &str| {
        io::Error::new(io::ErrorKind::Unsupported, format!("{what}, and the zip's list does not name it"))
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

/// Reads a header; `None` where the bytes only look like one.
fn read_header(file: &mut BufReader<File>) -> io::Result<Option<Header>> {
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
        (bytes.starts_with(&SIGNATURE) && version <= VERSION_MAX && found.name_bytes <= NAME_BYTES_MAX)
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
