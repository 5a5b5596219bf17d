//! One record's bytes, read again from the sealed file.
//!
//! In: a seal, the record's dataset and offset. Out: the bytes as stored and whether they are still the ones that were
//! hashed when the row was made. With proof, the whole file is hashed too.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;
use piste_parse::block::{
    FILE_BYTES_MAX, LINE_BYTES_MAX, RECORD_BYTES_MAX, element_bytes, table_record_bytes, tagged_bytes,
};
use piste_parse::{Context, Format, iisconfig, page, text};
use sha2::{Digest, Sha256};

use crate::archive::Opener;
use crate::held::open_sealed;
use crate::seal::Sealed;

/// Bytes that hold the longest frame and tell what follows it.
const FRAME_LOOK_BYTES: u64 = (piste_parse::syslog::frames::FRAME_BYTES_MAX + 64) as u64;

/// What was read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// The record's bytes as stored.
    pub bytes: Vec<u8>,
    /// Hash of these bytes, 32 hex digits: equal to the row's, or the file has changed.
    pub record_hash: String,
    /// SHA-256 of the whole file, where that was asked.
    pub file_sha256: Option<String>,
}

/// Which record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Dataset of its row: a row of `file.content` stands for its file as a whole.
    pub dataset: &'a str,
    /// Where it starts in the innermost stream.
    pub offset: u64,
}

/// Reads a record of the sealed file; `beside` are the seals of files that belong to it. `proof` asks for the whole file's hash too.
///
/// # Errors
/// Where the file is no longer there or ends before the record.
pub fn reread(
    sealed: &Sealed,
    beside: &[&Sealed],
    record: Record<'_>,
    proof: bool,
    tmp: &Path,
    passwords: Vec<Vec<u8>>,
) -> io::Result<Reread> {
    let mut opener = Opener::new(tmp, passwords);
    let reader = Format::reader_called(&sealed.format);
    let of_file = [page::DATASET, iisconfig::DATASET, text::DATASET].contains(&record.dataset);
    let bytes = if !of_file && reader.is_some_and(Format::is_read_at_random) {
        record_at_random(sealed, beside, record.offset, &mut opener)?
    } else {
        read_record_at(sealed, record, &mut opener)?
    };
    let file_sha256 = proof.then(|| whole_sha256(sealed, &mut opener)).transpose()?;
    Ok(Reread { record_hash: hex(&record_hash(&bytes)), bytes, file_sha256 })
}

/// A record of a file that is read at random.
fn record_at_random(
    sealed: &Sealed,
    beside: &[&Sealed],
    offset: u64,
    opener: &mut Opener,
) -> io::Result<Vec<u8>> {
    let sources = Sources::default();
    let cx = Context { evidence: sealed.id, path: &sealed.path, sources: &sources, host_hint: None };
    open_sealed(sealed, beside, opener, &cx)?.file.record(offset)
}

/// A record of a file that is read from its beginning.
fn read_record_at(sealed: &Sealed, record: Record<'_>, opener: &mut Opener) -> io::Result<Vec<u8>> {
    opener.with_reader(&sealed.place, &mut |mut reader| {
        let head = read_head(&mut reader, record.offset)?;
        io::copy(&mut (&mut reader).take(record.offset - head.len() as u64), &mut io::sink())?;
        if record.dataset == text::DATASET {
            return read_piece(reader, head);
        }
        if record.dataset == page::DATASET {
            let mut bytes = Vec::new();
            reader.take(piste_parse::file::HASHED_BYTES_MAX as u64).read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        if record.dataset == iisconfig::DATASET {
            return read_tag(reader);
        }
        let format = Format::reader_called(&sealed.format);
        match format.map_or(sealed.format.as_str(), |format| format.cut_as().name()) {
            "evtx" => read_evtx(reader),
            "json-array" | "json-objects" | "json-wrapped" => read_element(reader, &element_bytes),
            "event-xml" => read_element(reader, &|bytes| tagged_bytes(bytes, "Event", false)),
            "clixml" => read_element(reader, &|bytes| tagged_bytes(bytes, "Obj", true)),
            "event-csv" => read_record(reader),
            "healthchecker" => read_whole(reader),
            "syslog" => read_message(reader),
            _ => read_line(reader),
        }
    })
}

/// The hash of the whole file as it is now.
fn whole_sha256(sealed: &Sealed, opener: &mut Opener) -> io::Result<String> {
    opener.with_reader(&sealed.place, &mut |reader| {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        // One byte more than was sealed tells that it is another file; it may be endless by now.
        let mut reader = reader.take(sealed.bytes.saturating_add(1));
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                return Ok(hex(&hasher.clone().finalize()));
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
    })
}

/// Reads up to `length` bytes at `offset` of the sealed file, for who wants to see what lies around a record.
///
/// # Errors
/// Where the file is no longer there or cannot be unpacked.
pub fn bytes_at(
    sealed: &Sealed,
    offset: u64,
    length: u64,
    tmp: &Path,
    passwords: Vec<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let mut opener = Opener::new(tmp, passwords);
    opener.with_reader(&sealed.place, &mut |mut reader| {
        io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
        let mut bytes = Vec::new();
        reader.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// An XML element up to the end of its tag, in UTF-8 or UTF-16 of either order: a bracket in quotes is none.
fn read_tag(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(piste_parse::iisconfig::ELEMENT_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    let (first, width) = match bytes.as_slice() {
        [0, b'<', ..] => (1, 2),
        [b'<', 0, ..] => (0, 2),
        _ => (0, 1),
    };
    let mut quote = None;
    let end = bytes.iter().skip(first).step_by(width).position(|byte| {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
        quote.is_none() && *byte == b'>'
    });
    bytes.truncate(end.map_or(bytes.len(), |end| (end + 1) * width));
    Ok(bytes)
}

/// The record's own header says how long it is; no record is longer than a chunk.
fn read_evtx(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(piste_parse::block::EVTX_CHUNK_BYTES as u64).read_to_end(&mut bytes)?;
    let record = piste_parse::evtx::record_bytes(&bytes, 0).map(<[u8]>::to_vec);
    record.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no EVTX record starts there"))
}

/// A record of a table ends with the line in which its quotes are closed.
fn read_record(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(RECORD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    match table_record_bytes(&bytes) {
        Some(end) => {
            bytes.truncate(end);
            Ok(bytes)
        }
        None => read_line(&mut bytes.as_slice()),
    }
}

/// A JSON value ends where its braces close, an XML element with its own end. Pieces double, so that a short one costs little.
fn read_element(reader: &mut dyn Read, length: &dyn Fn(&[u8]) -> Option<usize>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut wanted = 64 << 10;
    loop {
        let read = reader.take((wanted - bytes.len()) as u64).read_to_end(&mut bytes)?;
        if let Some(end) = length(&bytes) {
            bytes.truncate(end);
            return Ok(bytes);
        }
        if read == 0 || wanted > LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no record starts there"));
        }
        wanted *= 2;
    }
}

/// A file that is one record.
fn read_whole(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(FILE_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first bytes of a file, as far as they lie before the record: they tell how a text is written.
fn read_head(reader: &mut dyn Read, offset: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(offset.min(text::HEAD_BYTES as u64)).read_to_end(&mut head)?;
    Ok(head)
}

/// A line of a text, or of a long line the part that is one row.
fn read_piece(reader: &mut dyn Read, mut head: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take((text::PIECE_BYTES + text::HEAD_BYTES) as u64).read_to_end(&mut bytes)?;
    head.extend(bytes.iter().take(text::HEAD_BYTES - head.len().min(text::HEAD_BYTES)));
    let encoding = text::encoding_of(&head)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file is no text any more"))?;
    bytes.truncate(text::piece_bytes(&bytes, encoding));
    Ok(bytes)
}

/// A message that says its own length, or a line.
fn read_message(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut *reader).take(FRAME_LOOK_BYTES).read_to_end(&mut bytes)?;
    let message = piste_parse::syslog::frames::messages(&bytes).next();
    let framed = piste_parse::syslog::frames::frame_bytes(&bytes).is_some();
    if let Some(message) = message.filter(|_| framed) {
        bytes.truncate(message.end);
        return Ok(bytes);
    }
    read_line(&mut bytes.as_slice().chain(reader))
}

fn read_line(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = BufReader::new(reader).take(LINE_BYTES_MAX as u64);
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        if bytes.get(1) != Some(&0) {
            break;
        }
        // UTF-16: a newline is a whole unit, of which this was the first byte.
        let whole = bytes.len() % 2 == 1;
        if whole && (&mut reader).take(1).read_to_end(&mut bytes)? == 1 && bytes.last() == Some(&0) {
            break;
        }
    }
    let ends: [&[u8]; 2] = if bytes.get(1) == Some(&0) { [b"\n\0", b"\r\0"] } else { [b"\n", b"\r"] };
    for end in ends {
        if bytes.ends_with(end) {
            bytes.truncate(bytes.len() - end.len());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_read_to_the_end_of_its_tag() {
        let tag = |mut bytes: &[u8]| read_tag(&mut bytes).expect("a slice reads");
        assert_eq!(tag(b"<add name=\"a>b\" x='\"'/><more>"), b"<add name=\"a>b\" x='\"'/>");
        assert_eq!(tag(b"<add name=\"a>b"), b"<add name=\"a>b");
    }

    #[test]
    fn a_record_is_read_to_its_own_end() {
        let line = |bytes: &[u8]| read_line(&mut &*bytes).expect("a slice reads");
        assert_eq!(line(b"a b\r\nc"), b"a b");
        assert_eq!(line(b"a\r"), b"a");
        let wide: Vec<u8> = "a\u{10a}\u{a41}b\r\nc".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(line(&wide), wide[..8]);
        let long = format!("{{\"a\":\"{}}}\"}}, {{}}", "x".repeat(300_000));
        assert_eq!(
            read_element(&mut long.as_bytes(), &element_bytes).expect("an object"),
            &long.as_bytes()[..long.len() - 4]
        );
        assert!(read_element(&mut b"nothing".as_slice(), &element_bytes).is_err());
        let event = |bytes: &[u8]| tagged_bytes(bytes, "Event", false);
        let read = read_element(&mut b"<Event a=''>x</Event>\n<Event>".as_slice(), &event);
        assert_eq!(read.expect("an event"), b"<Event a=''>x</Event>");
        let record = |bytes: &[u8]| read_record(&mut &*bytes).expect("a slice reads");
        assert_eq!(record(b"1,\"a\r\nb\",c\r\n2"), b"1,\"a\r\nb\",c");
        assert_eq!(record(b"1,\"a\r\n2"), b"1,\"a", "a quote that never closes is no reason to read on");
    }
}
