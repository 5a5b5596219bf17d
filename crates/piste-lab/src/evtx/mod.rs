//! Windows event logs, written: the other direction of what parsers do.
//!
//! In: events as a kind, a header and typed values. Out: an `.evtx` file as Windows leaves it after a clean end: a file
//! header, chunks of 64 KiB with their checksums, records that are instances of templates. `System` is one template a
//! provider, `EventData` one a kind of event, nested in it; a chunk holds each template and each name once.
//!
//! Source: MS-EVEN6 2.2.12 (`BinXml`); libyal's notes on EVTX for file, chunk and record headers.

mod chunk;
mod template;
mod value;

use std::io::{self, Seek, SeekFrom, Write};

pub use value::{FileTime, Guid, Sid, Value, ValueType};

use chunk::Chunk;

/// Bytes of the file's header block, of which 128 are used.
const FILE_HEADER_BYTES: usize = 4_096;
/// The header counts chunks in 16 bits.
const CHUNKS_MAX: u64 = 0xffff;

/// Who writes events, and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// `Microsoft-Windows-Sysmon`
    pub name: &'static str,
    /// Its GUID; classic providers have none.
    pub guid: Option<Guid>,
    /// `Microsoft-Windows-Sysmon/Operational`
    pub channel: &'static str,
}

/// A kind of event: what all its records share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Provider and channel.
    pub source: Source,
    /// Event id.
    pub id: u16,
    /// Of the event's definition.
    pub version: u8,
    /// 0 to 5.
    pub level: u8,
    /// Category within the provider.
    pub task: u16,
    /// 0 for information.
    pub opcode: u8,
    /// Bits, the highest of which name the channel.
    pub keywords: u64,
    /// Names of `EventData` in order, with the types that the template declares; an empty name is none.
    pub fields: &'static [(&'static str, ValueType)],
}

/// What a record says besides its values.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// When.
    pub time: FileTime,
    /// Process that wrote the event.
    pub process_id: u32,
    /// Its thread.
    pub thread_id: u32,
    /// Account of that process.
    pub user: Option<Sid>,
    /// Name of the computer.
    pub computer: &'a str,
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub enum EvtxError {
    /// The file refused.
    #[error("the file cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The record would not fit into a chunk of its own.
    #[error("the record is larger than a chunk: it has {0} bytes and a chunk has room for 65,024")]
    TooLarge(usize),
    /// There are more or fewer values than the kind has fields.
    #[error("the record has {values} values and its kind {fields} fields")]
    Fields {
        /// As given.
        values: usize,
        /// As declared.
        fields: usize,
    },
    /// The format counts chunks in 16 bits.
    #[error("the file has 65,535 chunks, which is the most that its header can count")]
    Full,
}

/// Writes one `.evtx` file; [`Writer::finish`] completes it.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    chunk: Chunk,
    chunks: u64,
    next_record: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a file whose records are numbered from `first_record`, which is 1 unless an older log was archived.
    pub fn new(mut out: W, first_record: u64) -> io::Result<Self> {
        out.write_all(&[0; FILE_HEADER_BYTES])?;
        Ok(Self { out, chunk: Chunk::new(), chunks: 0, next_record: first_record })
    }

    /// Bytes that the file would have if it ended here.
    pub fn bytes(&self) -> u64 {
        FILE_HEADER_BYTES as u64 + (self.chunks + 1) * chunk::BYTES as u64
    }

    /// Number that the next record gets.
    pub fn next_record(&self) -> u64 {
        self.next_record
    }

    /// Adds a record and returns its number. A record that is refused leaves the file as it was.
    pub fn write<'v, V>(&mut self, kind: &Kind, head: &Head<'_>, values: V) -> Result<u64, EvtxError>
    where
        V: Iterator<Item = Value<'v>> + Clone,
    {
        let number = self.next_record;
        if let Err(refused) = self.chunk.push(kind, head, number, values.clone()) {
            if self.chunk.is_empty() || !matches!(refused, EvtxError::TooLarge(_)) {
                return Err(refused);
            }
            self.flush()?;
            self.chunk.push(kind, head, number, values)?;
        }
        self.next_record += 1;
        Ok(number)
    }

    /// Writes what is still held and the file's header, and gives the file back.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.chunk.is_empty() || self.chunks == 0 {
            self.flush().map_err(|error| match error {
                EvtxError::Io(error) => error,
                other => io::Error::other(other),
            })?;
        }
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&self.header())?;
        self.out.seek(SeekFrom::End(0))?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> Result<(), EvtxError> {
        if self.chunks == CHUNKS_MAX {
            return Err(EvtxError::Full);
        }
        self.out.write_all(self.chunk.close())?;
        self.chunk.clear();
        self.chunks += 1;
        Ok(())
    }

    /// The 128 bytes that are used of the header block.
    fn header(&self) -> Vec<u8> {
        let mut header = b"ElfFile\0".to_vec();
        header.extend(0_u64.to_le_bytes()); // first chunk
        header.extend(self.chunks.saturating_sub(1).to_le_bytes());
        header.extend(self.next_record.to_le_bytes());
        header.extend(128_u32.to_le_bytes());
        header.extend(1_u16.to_le_bytes()); // minor version
        header.extend(3_u16.to_le_bytes()); // major version
        header.extend(4_096_u16.to_le_bytes());
        header.extend(u16::try_from(self.chunks).unwrap_or(u16::MAX).to_le_bytes());
        header.resize(120, 0);
        let sum = crc32fast::hash(&header);
        header.extend(0_u32.to_le_bytes()); // flags: neither dirty nor full
        header.extend(sum.to_le_bytes());
        header
    }
}
