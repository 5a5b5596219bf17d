//! Members of a tape archive: ustar, GNU, pax, and the form before these.
//!
//! In: the file, which is read once from its beginning, header by header. Out: the members with where their bytes lie, and what
//! cannot be read by itself: sparse files, devices, headers that are damaged. Names may be longer than a header holds; they
//! come in members of their own before the member, whose length is limited here. What lies behind the mark of the archive's
//! end is looked at too: two archives that were put one behind the other are one to `cat` and to a person who hides something.
//!
//! Sources: POSIX.1-2017, pax; the GNU tar manual, Basic Tar Format; FreeBSD, tar(5).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use piste_model::Instant;

use crate::archive::{Member, Step};

const BLOCK: u64 = 512;
/// Bytes of a long name, or of a member's further facts, that are believed.
const EXTENDED_BYTES_MAX: u64 = 1 << 20;
/// Names of members that are not read which are kept for telling.
const NAMED_MAX: usize = 100;

/// What a tape archive holds.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) members: Vec<Member>,
    /// Files written with holes, which are not put together here.
    pub(crate) sparse: Vec<String>,
    /// Devices and pipes, which hold nothing.
    pub(crate) special: u64,
    /// Offset of the first block that should be a header and is none, and how many such places there are.
    pub(crate) damaged: Option<(u64, u64)>,
    /// Members behind the mark of the end.
    pub(crate) behind_end: u64,
    /// There are more members than may be listed.
    pub(crate) more: bool,
    /// Where the bytes of each name lie.
    by_name: BTreeMap<String, Step>,
}

/// Lists the members, at most `max`.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn list(file: File, max: usize) -> io::Result<Listing> {
    let size = file.metadata()?.len();
    let mut reader = Reader { file: BufReader::with_capacity(32 * 1024, file), at: 0, size };
    let mut listing = Listing::default();
    let (mut ahead, mut global) = (Ahead::default(), BTreeMap::new());
    let (mut ended, mut lost) = (false, false);
    while let Some(block) = reader.block()? {
        if block.iter().all(|byte| *byte == 0) {
            ended = true;
            continue;
        }
        let Some(header) = Header::parse(&block) else {
            // Behind the end, what is no header is padding; before it, the next header is looked for.
            if !ended && !std::mem::replace(&mut lost, true) {
                let at = reader.at - BLOCK;
                listing.damaged = Some(listing.damaged.map_or((at, 1), |(first, count)| (first, count + 1)));
            }
            continue;
        };
        lost = false;
        match header.kind {
            b'L' => ahead.name = Some(text_of(&reader.content(header.size)?)),
            b'K' => ahead.link = Some(text_of(&reader.content(header.size)?)),
            b'x' => ahead.facts = facts_of(&reader.content(header.size)?),
            b'g' => global.extend(facts_of(&reader.content(header.size)?)),
            _ => {
                if listing.members.len() >= max {
                    listing.more = true;
                    break;
                }
                let behind = u64::from(ended);
                take(&header, &std::mem::take(&mut ahead), &global, &mut reader, &mut listing)?;
                listing.behind_end += behind;
            }
        }
    }
    Ok(listing)
}

/// A reader over the bytes of one member; it fails where the archive ends before the member does.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn open(mut file: File, data: u64, bytes: u64) -> io::Result<impl Read> {
    file.seek(SeekFrom::Start(data))?;
    Ok(Whole { rest: BufReader::with_capacity(32 * 1024, file).take(bytes) })
}

/// Bytes that must all be there.
struct Whole {
    rest: io::Take<BufReader<File>>,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.rest.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.rest.limit() > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within it"));
        }
        Ok(read)
    }
}

/// What members before a member say of it.
#[derive(Default)]
struct Ahead {
    name: Option<String>,
    link: Option<String>,
    facts: BTreeMap<String, String>,
}

fn take(
    header: &Header,
    ahead: &Ahead,
    global: &BTreeMap<String, String>,
    reader: &mut Reader,
    listing: &mut Listing,
) -> io::Result<()> {
    let fact = |name: &str| ahead.facts.get(name).or_else(|| global.get(name));
    let size = fact("size").and_then(|size| size.parse().ok()).unwrap_or(header.size);
    let named = fact("path").cloned().or_else(|| ahead.name.clone()).unwrap_or_else(|| header.name.clone());
    let sparse = header.kind == b'S' || ahead.facts.keys().any(|name| name.starts_with("GNU.sparse"));
    let name = fact("GNU.sparse.name").cloned().unwrap_or(named);
    if header.kind == b'S' {
        reader.skip_sparse_map(header.more_map)?;
    }
    let data = reader.at;
    let holds = !matches!(header.kind, b'1'..=b'6');
    if holds {
        reader.skip(size)?;
    }
    match header.kind {
        _ if sparse => {
            if listing.sparse.len() < NAMED_MAX {
                listing.sparse.push(name);
            }
            return Ok(());
        }
        b'3' | b'4' | b'6' => {
            listing.special += 1;
            return Ok(());
        }
        _ => {}
    }
    // A second name of a file that came before holds nothing of its own: it is the same bytes.
    let target = || fact("linkpath").or(ahead.link.as_ref()).unwrap_or(&header.link);
    let first = if header.kind == b'1' { listing.by_name.get(target()).cloned() } else { None };
    let same = first.is_some();
    let step = first.unwrap_or(Step::Tar { data, bytes: if holds { size } else { 0 } });
    if holds {
        listing.by_name.insert(name.clone(), step.clone());
    }
    let modified =
        fact("mtime").and_then(|text| text.split('.').next()?.parse().ok()).unwrap_or(header.modified);
    listing.members.push(Member {
        folder: header.kind == b'5' || (size == 0 && name.ends_with('/')),
        link: header.kind == b'2' || (header.kind == b'1' && !same),
        name,
        step,
        encrypted: false,
        modified: moment(modified),
    });
    Ok(())
}

/// Seconds since 1970 as RFC 3339; nothing for none.
fn moment(seconds: i64) -> String {
    let nanos = seconds.checked_mul(1_000_000_000).filter(|nanos| *nanos > 0);
    nanos.map_or(String::new(), |nanos| Instant { nanos, digits: 0 }.to_string())
}

/// One header.
struct Header {
    name: String,
    kind: u8,
    size: u64,
    modified: i64,
    /// The name that a link leads to.
    link: String,
    /// Of a sparse file: further blocks say where its parts lie.
    more_map: bool,
}

impl Header {
    /// `None` where the checksum is wrong or a number is none.
    fn parse(block: &[u8; 512]) -> Option<Self> {
        let sum = |signed: bool| {
            let each = block.iter().enumerate().map(|(at, byte)| match byte {
                _ if (148..156).contains(&at) => 32,
                byte if signed => i64::from(byte.cast_signed()),
                byte => i64::from(*byte),
            });
            each.sum::<i64>()
        };
        let stated = i64::try_from(number(block.get(148..156)?)?).ok()?;
        // Some old programs summed signed bytes.
        if stated != sum(false) && stated != sum(true) {
            return None;
        }
        let mut name = text_of(block.get(..100)?);
        let posix = block.get(257..263)? == b"ustar\0";
        let prefix = if posix { text_of(block.get(345..500)?) } else { String::new() };
        if !prefix.is_empty() {
            name = format!("{prefix}/{name}");
        }
        Some(Self {
            name,
            kind: *block.get(156)?,
            size: number(block.get(124..136)?)?,
            modified: number(block.get(136..148)?)
                .and_then(|seconds| i64::try_from(seconds).ok())
                .unwrap_or(0),
            link: text_of(block.get(157..257)?),
            more_map: block.get(482) == Some(&1),
        })
    }
}

/// A number in octal digits, or where it is too large for these in base 256; empty is none at all and counts as zero.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first, rest)) = field.split_first()
        && *first == 0x80
    {
        return rest
            .iter()
            .try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let digits =
        field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| !matches!(**byte, b' ' | 0));
    digits.copied().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// Text up to the first zero.
fn text_of(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// Lines `LENGTH NAME=VALUE` of a pax member.
fn facts_of(content: &[u8]) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut rest = content;
    while let Some(blank) = memchr::memchr(b' ', rest) {
        let length =
            rest.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        let Some(record) =
            length.filter(|length| *length > blank).and_then(|length| rest.get(blank + 1..length))
        else {
            break;
        };
        if let Some((name, value)) = String::from_utf8_lossy(record).trim_end_matches('\n').split_once('=') {
            facts.insert(name.to_owned(), value.to_owned());
        }
        rest = rest.get(blank + 1 + record.len()..).unwrap_or_default();
    }
    facts
}

/// Goes through the archive.
struct Reader {
    file: BufReader<File>,
    at: u64,
    size: u64,
}

impl Reader {
    /// The next block; `None` at the end, where a part of one is no header.
    fn block(&mut self) -> io::Result<Option<[u8; 512]>> {
        let mut block = [0; 512];
        if self.size.saturating_sub(self.at) < BLOCK {
            return Ok(None);
        }
        self.file.read_exact(&mut block)?;
        self.at += BLOCK;
        Ok(Some(block))
    }

    /// The content of a member that says something of another, and its padding passed over.
    fn content(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let kept = size.min(EXTENDED_BYTES_MAX);
        let read = (&mut self.file).take(kept).read_to_end(&mut content)? as u64;
        self.at += read;
        let left = padded(size).saturating_sub(read);
        self.jump(left)?;
        Ok(content)
    }

    fn skip(&mut self, size: u64) -> io::Result<()> {
        self.jump(padded(size))
    }

    /// Passes over bytes; past the end there is nothing more.
    fn jump(&mut self, bytes: u64) -> io::Result<()> {
        let to = self.at.saturating_add(bytes).min(self.size);
        // Short ways stay within what was read ahead.
        self.file.seek_relative(i64::try_from(to - self.at).unwrap_or(i64::MAX))?;
        self.at = to;
        Ok(())
    }

    /// Blocks of a sparse file's map that follow its header.
    fn skip_sparse_map(&mut self, mut more: bool) -> io::Result<()> {
        while more {
            let Some(block) = self.block()? else { return Ok(()) };
            more = block.get(504) == Some(&1);
        }
        Ok(())
    }
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}
