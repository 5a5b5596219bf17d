//! What tests of ESE databases share: members of an archive, and databases that they write.
//!
//! In: a path in an archive, or tables with rows. Out: bytes.

use std::io::Read;
use std::path::Path;

use super::bytes::{u16_at, u32_at};

/// A member of the archive of real databases; says aloud where it is not at hand.
pub(super) fn real(name: &str) -> Option<Vec<u8>> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let archive = above
        .map(|folder| folder.join("shared/data/artefacts/ese.zip"))
        .find_map(|path| std::fs::read(path).ok());
    let Some(archive) = archive else {
        println!("skipped: no shared/data/artefacts/ese.zip beside or above the project");
        return None;
    };
    Some(member(&archive, name).unwrap_or_else(|| panic!("{name} is in the archive")))
}

/// Looks a member up in a zip's directory and inflates it.
fn member(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    let end = memchr::memmem::rfind(archive, b"PK\x05\x06")?;
    let mut at = u32_at(archive, end + 16)? as usize;
    while archive.get(at..at + 4)? == b"PK\x01\x02" {
        let lengths: Vec<usize> =
            [28, 30, 32].iter().map(|of| u16_at(archive, at + of).unwrap().into()).collect();
        let (packed, from) = (u32_at(archive, at + 20)? as usize, u32_at(archive, at + 42)? as usize);
        if archive.get(at + 46..at + 46 + lengths[0])? == name.as_bytes() {
            let begin = from
                + 30
                + usize::from(u16_at(archive, from + 26)?)
                + usize::from(u16_at(archive, from + 28)?);
            let packed = archive.get(begin..begin + packed)?;
            if u16_at(archive, at + 10)? == 0 {
                return Some(packed.to_vec());
            }
            let mut plain = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut plain).ok()?;
            return Some(plain);
        }
        at += 46 + lengths.iter().sum::<usize>();
    }
    None
}

/// A column of a table that a test writes; text is UTF-16.
#[derive(Clone, Copy)]
pub(super) struct Col {
    pub(super) id: u16,
    pub(super) name: &'static str,
    pub(super) kind: u32,
}

/// What a test puts into a column.
#[derive(Clone)]
pub(super) enum Cell {
    Plain(Vec<u8>),
    /// Stored as a long value of these parts, each with its length unpacked.
    Long(Vec<(Vec<u8>, usize)>),
    /// In the row itself, in a compressed form.
    Packed(Vec<u8>),
    Many(Vec<Vec<u8>>),
}

pub(super) type Cells = Vec<(&'static str, Cell)>;

/// UTF-16.
pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A row under its key.
pub(super) struct TestRow {
    pub(super) key: Vec<u8>,
    pub(super) cells: Cells,
}

/// An index beside the table's own.
pub(super) struct TestIndex {
    pub(super) columns: Vec<u16>,
    pub(super) entries: Vec<Entry>,
}

/// A key, and that of the row that it leads to.
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) row: Vec<u8>,
}

/// A table that a test writes.
#[derive(Default)]
pub(super) struct TestTable {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Col>,
    pub(super) rows: Vec<TestRow>,
    /// Columns of the key.
    pub(super) key: Vec<u16>,
    pub(super) index: Option<TestIndex>,
}

/// A `Long` in a key.
pub(super) fn key_of(numbers: &[u32]) -> Vec<u8> {
    let part = |number: &u32| [&[0x7f][..], &(number ^ 0x8000_0000).to_be_bytes()].concat();
    numbers.iter().flat_map(part).collect()
}

/// A database under construction.
pub(super) struct Build {
    page_bytes: usize,
    pages: Vec<Vec<u8>>,
    catalog: Vec<(Vec<u8>, Vec<u8>)>,
    next_object: u32,
}

const ROOT: u32 = 1;
const LEAF: u32 = 2;
const ABOVE_LEAVES: u32 = 4;
const INDEX: u32 = 0x40;
const LONG_VALUE: u32 = 0x80;
const ALWAYS: u32 = 0x2800;

/// A line before it is put on a page.
struct Line {
    key: Vec<u8>,
    data: Vec<u8>,
}

impl Build {
    /// Reads the tables into pages of this size; roots have the numbers from 32 on in the order of `tables`.
    pub(super) fn of(page_bytes: usize, tables: Vec<TestTable>) -> Vec<u8> {
        let mut build =
            Self { page_bytes, pages: vec![Vec::new(); 32], catalog: Vec::new(), next_object: 10 };
        for table in tables {
            build.table(table);
        }
        for (root, object) in [(4, 2), (24, 3)] {
            let lines = build
                .catalog
                .iter()
                .map(|(key, data)| Line { key: key.clone(), data: data.clone() })
                .collect();
            build.tree(root, object, 0, lines);
        }
        build.finish()
    }

    fn entry(&mut self, object: u32, kind: u16, id: u32, fields: &[(u16, Vec<u8>)]) {
        let mut fixed = vec![
            (1, object.to_le_bytes().to_vec()),
            (2, kind.to_le_bytes().to_vec()),
            (3, id.to_le_bytes().to_vec()),
        ];
        fixed.extend(fields.iter().filter(|(id, _)| *id < 128).cloned());
        let sizes = [4, 2, 4, 4, 4, 4, 4, 1, 2, 4];
        let mut values: Vec<Option<Vec<u8>>> = vec![None; sizes.len()];
        for (id, value) in fixed {
            values[usize::from(id) - 1] = Some(value);
        }
        let variable: Vec<(u16, Vec<u8>)> = fields.iter().filter(|(id, _)| *id >= 128).cloned().collect();
        let data = self.record(&sizes, &values, &variable, &[]);
        let key = [&object.to_be_bytes()[..], &kind.to_be_bytes(), &id.to_be_bytes()].concat();
        self.catalog.push((key, data));
    }

    fn record(
        &self,
        sizes: &[usize],
        fixed: &[Option<Vec<u8>>],
        variable: &[(u16, Vec<u8>)],
        tagged: &[(u16, u8, Vec<u8>)],
    ) -> Vec<u8> {
        let mut data = vec![u8::try_from(sizes.len()).unwrap(), 0, 0, 0];
        let mut nulls = vec![0_u8; sizes.len().div_ceil(8)];
        for (at, (size, value)) in sizes.iter().zip(fixed).enumerate() {
            if let Some(value) = value {
                data.extend_from_slice(value);
            } else {
                nulls[at / 8] |= 1 << (at % 8);
                data.resize(data.len() + size, 0);
            }
        }
        data.extend_from_slice(&nulls);
        let ends = u16::try_from(data.len()).unwrap();
        data[2..4].copy_from_slice(&ends.to_le_bytes());
        let last = variable.iter().map(|(id, _)| *id).max().unwrap_or(127);
        data[1] = u8::try_from(last).unwrap();
        let (mut end, mut bytes) = (0_u16, Vec::new());
        for id in 128..=last {
            let value = variable.iter().find(|(of, _)| *of == id);
            if let Some((_, value)) = value {
                end += u16::try_from(value.len()).unwrap();
                bytes.extend_from_slice(value);
            }
            let empty = if value.is_none() { 0x8000 } else { 0 };
            data.extend_from_slice(&(end | empty).to_le_bytes());
        }
        data.extend_from_slice(&bytes);
        let is_small = self.page_bytes <= 8_192;
        let mut offset = u16::try_from(tagged.len() * 4).unwrap();
        for (id, _, value) in tagged {
            let bits = if is_small { 0x4000 } else { 0 };
            data.extend_from_slice(&id.to_le_bytes());
            data.extend_from_slice(&(offset | bits).to_le_bytes());
            offset += u16::try_from(value.len() + 1).unwrap();
        }
        for (_, flags, value) in tagged {
            data.push(*flags);
            data.extend_from_slice(value);
        }
        data
    }

    fn table(&mut self, table: TestTable) {
        let object = self.next_object;
        self.next_object += 3;
        let root = u32::try_from(self.pages.len()).unwrap();
        self.pages.resize(self.pages.len() + 3, Vec::new());
        let number = |value: u32| value.to_le_bytes().to_vec();
        let name = |text: &str| (128, text.as_bytes().to_vec());
        self.entry(object, 1, object, &[(4, number(root)), name(table.name)]);
        let mut place = 4_u16;
        for column in &table.columns {
            let size = super::record::Column::size_of(column.kind).unwrap_or(0);
            let mut fields =
                vec![(4, number(column.kind)), (5, number(0)), (7, number(1_200)), name(column.name)];
            if column.id < 128 {
                fields.push((9, place.to_le_bytes().to_vec()));
                place += u16::try_from(size).unwrap();
            }
            self.entry(object, 2, column.id.into(), &fields);
        }
        let keys = |ids: &[u16]| {
            (132, ids.iter().flat_map(|id| [[0, 0], id.to_le_bytes()].concat()).collect::<Vec<u8>>())
        };
        if !table.key.is_empty() {
            self.entry(
                object,
                3,
                object,
                &[(4, number(root)), (6, number(0x20)), name("primary"), keys(&table.key)],
            );
        }
        if let Some(TestIndex { columns, entries }) = table.index {
            self.entry(
                object,
                3,
                object + 1,
                &[(4, number(root + 1)), (6, number(0)), name("further"), keys(&columns)],
            );
            let mut lines: Vec<Line> =
                entries.into_iter().map(|entry| Line { key: entry.key, data: entry.row }).collect();
            lines.sort_by(|one, other| one.key.cmp(&other.key));
            self.tree(root + 1, object + 1, INDEX, lines);
        }
        let mut long = Vec::new();
        let mut lines: Vec<Line> =
            table.rows.iter().map(|row| self.line(&table.columns, row, &mut long)).collect();
        lines.sort_by(|one, other| one.key.cmp(&other.key));
        self.tree(root, object, 0, lines);
        if !long.is_empty() {
            self.entry(object, 4, object + 2, &[(4, number(root + 2)), name("LV")]);
            self.tree(root + 2, object + 2, LONG_VALUE, long);
        }
    }

    fn line(&self, columns: &[Col], row: &TestRow, long: &mut Vec<Line>) -> Line {
        let fixed: Vec<&Col> = columns.iter().filter(|column| column.id < 128).collect();
        let sizes: Vec<usize> =
            fixed.iter().map(|column| super::record::Column::size_of(column.kind).unwrap()).collect();
        let plain = |name: &str| {
            row.cells.iter().find(|(of, _)| *of == name).map(|(_, cell)| {
                let Cell::Plain(bytes) = cell else { panic!("{name} is not tagged") };
                bytes.clone()
            })
        };
        let values: Vec<Option<Vec<u8>>> = fixed.iter().map(|column| plain(column.name)).collect();
        let variable = columns.iter().filter(|column| (128..256).contains(&column.id));
        let variable: Vec<_> = variable.filter_map(|column| Some((column.id, plain(column.name)?))).collect();
        let mut tagged = Vec::new();
        for column in columns.iter().filter(|column| column.id >= 256) {
            let Some((_, cell)) = row.cells.iter().find(|(of, _)| *of == column.name) else { continue };
            let (flags, bytes) = match cell {
                Cell::Plain(bytes) => (1, bytes.clone()),
                Cell::Packed(bytes) => (3, bytes.clone()),
                Cell::Long(parts) => (5, long_value(parts, long).to_le_bytes().to_vec()),
                Cell::Many(all) => (9, many(all)),
            };
            tagged.push((column.id, flags, bytes));
        }
        Line { key: row.key.clone(), data: self.record(&sizes, &values, &variable, &tagged) }
    }

    /// Writes a tree; where its lines need more than a page, the root leads to leaves.
    fn tree(&mut self, root: u32, object: u32, flags: u32, lines: Vec<Line>) {
        let room = self.page_bytes - 120;
        let size = |line: &Line| line.key.len() + line.data.len() + 8;
        if lines.iter().map(size).sum::<usize>() <= room {
            let page = self.page(ROOT | LEAF | flags, object, 0, &lines);
            return self.put(root, page);
        }
        let (mut leaves, mut used): (Vec<Vec<Line>>, usize) = (vec![Vec::new()], 0);
        for line in lines {
            if used + size(&line) > room {
                leaves.push(Vec::new());
                used = 0;
            }
            used += size(&line);
            leaves.last_mut().unwrap().push(line);
        }
        let first = u32::try_from(self.pages.len()).unwrap();
        let count = u32::try_from(leaves.len()).unwrap();
        let mut branch = Vec::new();
        for (number, leaf) in (first..).zip(&leaves) {
            let next = if number + 1 < first + count { number + 1 } else { 0 };
            let page = self.page(LEAF | flags, object, next, leaf);
            self.put(number, page);
            let above = leaves.get(branch.len() + 1).map(|next| next[0].key.clone()).unwrap_or_default();
            branch.push(Line { key: above, data: number.to_le_bytes().to_vec() });
        }
        let page = self.page(ROOT | ABOVE_LEAVES | flags, object, 0, &branch);
        self.put(root, page);
    }

    fn put(&mut self, number: u32, page: Vec<u8>) {
        let at = number as usize;
        self.pages.resize(self.pages.len().max(at + 1), Vec::new());
        self.pages[at] = page;
    }

    fn page(&self, flags: u32, object: u32, next: u32, lines: &[Line]) -> Vec<u8> {
        let is_small = self.page_bytes <= 8_192;
        let start = if is_small { 40 } else { 80 };
        let mut page = vec![0; self.page_bytes];
        // On other pages than roots keys are told by what they share with the page's first line.
        let prefix: &[u8] =
            if flags & ROOT == 0 { lines.first().map_or(&[], |line| line.key.as_slice()) } else { &[] };
        let mut at = start + prefix.len();
        page[start..at].copy_from_slice(prefix);
        let end = self.page_bytes;
        let tag = |page: &mut Vec<u8>, number: usize, length: usize, place: usize, flags: u16| {
            let at = end - (number + 1) * 4;
            let place = u16::try_from(place - start).unwrap() | if is_small { flags << 13 } else { 0 };
            page[at..at + 2].copy_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
            page[at + 2..at + 4].copy_from_slice(&place.to_le_bytes());
        };
        tag(&mut page, 0, prefix.len(), start, 0);
        for (number, line) in lines.iter().enumerate() {
            let shared = line.key.iter().zip(prefix).take_while(|(one, other)| one == other).count();
            let flags = if shared > 0 { 4 } else { 0 };
            let mut bytes = Vec::new();
            if shared > 0 {
                bytes.extend_from_slice(&u16::try_from(shared).unwrap().to_le_bytes());
            }
            bytes.extend_from_slice(&u16::try_from(line.key.len() - shared).unwrap().to_le_bytes());
            bytes.extend_from_slice(&line.key[shared..]);
            bytes.extend_from_slice(&line.data);
            if !is_small {
                bytes[1] |= u8::try_from(flags << 5).unwrap();
            }
            page[at..at + bytes.len()].copy_from_slice(&bytes);
            tag(&mut page, number + 1, bytes.len(), at, flags);
            at += bytes.len();
        }
        page[20..24].copy_from_slice(&next.to_le_bytes());
        page[32..34].copy_from_slice(&u16::try_from(at - start).unwrap().to_le_bytes());
        page[24..28].copy_from_slice(&object.to_le_bytes());
        let state = u16::try_from(lines.len() + 1).unwrap() | 0x1000; // Windows 11 says how many tags are reserved
        page[34..36].copy_from_slice(&state.to_le_bytes());
        page[36..40].copy_from_slice(&(flags | ALWAYS).to_le_bytes());
        page
    }

    fn finish(mut self) -> Vec<u8> {
        let mut head = vec![0; self.page_bytes];
        head[4..8].copy_from_slice(&0x89ab_cdef_u32.to_le_bytes());
        head[8..12].copy_from_slice(&0x620_u32.to_le_bytes());
        head[232..236].copy_from_slice(&0x14_u32.to_le_bytes());
        head[52..56].copy_from_slice(&3_u32.to_le_bytes());
        head[236..240].copy_from_slice(&u32::try_from(self.page_bytes).unwrap().to_le_bytes());
        let mut bytes = [head.clone(), head].concat();
        for (number, page) in self.pages.iter_mut().enumerate().skip(1) {
            page.resize(self.page_bytes, 0);
            if page.iter().any(|byte| *byte != 0) {
                sign(page, u32::try_from(number).unwrap());
            }
            bytes.extend_from_slice(page);
        }
        bytes
    }
}

fn xor(bytes: &[u8]) -> u32 {
    bytes.chunks(4).fold(0, |sum, part| sum ^ u32::from_le_bytes(part.try_into().unwrap()))
}

/// Writes the checksums of a page; that of its first part covers those of the others.
fn sign(page: &mut [u8], number: u32) {
    let part = if page.len() <= 8_192 { page.len() } else { page.len() / 4 };
    for at in 1..page.len() / part {
        let sum = xor(&page[at * part..(at + 1) * part]) ^ number;
        page[32 + at * 8..36 + at * 8].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = xor(&page[..part]) ^ number;
    page[..4].copy_from_slice(&sum.to_le_bytes());
}

fn long_value(parts: &[(Vec<u8>, usize)], long: &mut Vec<Line>) -> u32 {
    let number = u32::try_from(long.len() + 1).unwrap();
    let key = number.to_be_bytes();
    let total: usize = parts.iter().map(|(_, length)| length).sum();
    let head = [1_u32.to_le_bytes(), u32::try_from(total).unwrap().to_le_bytes()].concat();
    long.push(Line { key: key.to_vec(), data: head });
    let mut offset = 0;
    for (bytes, length) in parts {
        let key = [key, u32::try_from(offset).unwrap().to_be_bytes()].concat();
        long.push(Line { key, data: bytes.clone() });
        offset += length;
    }
    number
}

fn many(all: &[Vec<u8>]) -> Vec<u8> {
    let mut offset = u16::try_from(all.len() * 2).unwrap();
    let mut bytes = Vec::new();
    for value in all {
        bytes.extend_from_slice(&offset.to_le_bytes());
        offset += u16::try_from(value.len()).unwrap();
    }
    bytes.extend(all.iter().flatten());
    bytes
}
