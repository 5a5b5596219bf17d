//! Small hives for tests, built cell by cell.
//!
//! In: keys with values and subkeys. Out: the bytes of a clean hive of one bin, and of logs for it.

use super::base::BASE_BYTES;
use super::marvin;

/// A key to build.
#[derive(Debug, Clone, Default)]
pub(super) struct K {
    pub(super) name: String,
    pub(super) values: Vec<(String, u32, Vec<u8>)>,
    pub(super) kids: Vec<K>,
    pub(super) class: Option<String>,
}

/// FILETIME of every key: 2021-03-12T10:40:12.987Z.
pub(super) const WRITTEN: u64 = 132_600_192_129_870_000;

pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A key of this name.
pub(super) fn k(name: &str) -> K {
    K { name: name.to_owned(), ..K::default() }
}

impl K {
    pub(super) fn with(mut self, kid: K) -> Self {
        self.kids.push(kid);
        self
    }

    pub(super) fn value(mut self, name: &str, kind: u32, data: &[u8]) -> Self {
        self.values.push((name.to_owned(), kind, data.to_vec()));
        self
    }

    pub(super) fn text(self, name: &str, text: &str) -> Self {
        let data = wide(&format!("{text}\0"));
        self.value(name, 1, &data)
    }

    pub(super) fn dword(self, name: &str, number: u32) -> Self {
        self.value(name, 4, &number.to_le_bytes())
    }

    /// Puts a key below this path, whose keys are made where they lack.
    pub(super) fn at(mut self, path: &str, key: K) -> Self {
        let (first, rest) = path.split_once('\\').unwrap_or((path, ""));
        if first.is_empty() {
            return self.with(key);
        }
        let found = self.kids.iter().position(|kid| kid.name == first);
        let kid = found.map_or_else(|| k(first), |at| self.kids.remove(at));
        self.with(kid.at(rest, key))
    }
}

/// The cells of a hive.
struct Cells(Vec<u8>);

impl Cells {
    fn put(&mut self, data: &[u8]) -> u32 {
        let at = self.0.len();
        let size = (data.len() + 4).next_multiple_of(8);
        self.0.extend((-i32::try_from(size).unwrap()).to_le_bytes());
        self.0.extend(data);
        self.0.resize(at + size, 0);
        u32::try_from(at).unwrap()
    }

    fn patch(&mut self, cell: u32, at: usize, number: u32) {
        let at = cell as usize + 4 + at;
        self.0[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    fn value(&mut self, name: &str, kind: u32, data: &[u8]) -> u32 {
        let mut vk = b"vk".to_vec();
        vk.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        let size = u32::try_from(data.len()).unwrap();
        if data.len() <= 4 {
            vk.extend((size | 0x8000_0000).to_le_bytes());
            let mut inline = data.to_vec();
            inline.resize(4, 0);
            vk.extend(inline);
        } else {
            let at = self.data(data);
            vk.extend(size.to_le_bytes());
            vk.extend(at.to_le_bytes());
        }
        vk.extend(kind.to_le_bytes());
        vk.extend([1, 0, 0, 0]);
        vk.extend(name.as_bytes());
        self.put(&vk)
    }

    fn data(&mut self, data: &[u8]) -> u32 {
        if data.len() <= 16_344 {
            return self.put(data);
        }
        let segments: Vec<u8> =
            data.chunks(16_344).map(|part| self.put(part)).flat_map(u32::to_le_bytes).collect();
        let list = self.put(&segments);
        let mut db = b"db".to_vec();
        db.extend(u16::try_from(segments.len() / 4).unwrap().to_le_bytes());
        db.extend(list.to_le_bytes());
        self.put(&db)
    }

    fn key(&mut self, key: &K, parent: u32, flags: u16) -> u32 {
        let mut nk = b"nk".to_vec();
        nk.extend((flags | 0x20).to_le_bytes());
        nk.extend(WRITTEN.to_le_bytes());
        nk.extend([0; 4]);
        nk.extend(parent.to_le_bytes());
        nk.extend(u32::try_from(key.kids.len()).unwrap().to_le_bytes());
        nk.extend([0; 4]);
        nk.extend([0xFF; 8]);
        nk.extend(u32::try_from(key.values.len()).unwrap().to_le_bytes());
        nk.extend([0xFF; 12]);
        nk.extend([0; 20]);
        nk.extend(u16::try_from(key.name.len()).unwrap().to_le_bytes());
        let class = key.class.as_deref().map(wide).unwrap_or_default();
        nk.extend(u16::try_from(class.len()).unwrap().to_le_bytes());
        nk.extend(key.name.as_bytes());
        let at = self.put(&nk);
        if !class.is_empty() {
            let class = self.put(&class);
            self.patch(at, 48, class);
        }
        if !key.values.is_empty() {
            let cells: Vec<u8> = key
                .values
                .iter()
                .map(|(name, kind, data)| self.value(name, *kind, data))
                .flat_map(u32::to_le_bytes)
                .collect();
            let list = self.put(&cells);
            self.patch(at, 40, list);
        }
        if !key.kids.is_empty() {
            let mut list = b"lh".to_vec();
            list.extend(u16::try_from(key.kids.len()).unwrap().to_le_bytes());
            for kid in &key.kids {
                list.extend(self.key(kid, at, 0).to_le_bytes());
                list.extend([0; 4]);
            }
            let list = self.put(&list);
            self.patch(at, 28, list);
        }
        at
    }
}

/// The bytes of a clean hive.
pub(super) fn hive(name: &str, root: &K) -> Vec<u8> {
    let mut cells = Cells(vec![0; 32]);
    let root = cells.key(root, u32::MAX, 0x4);
    let mut bins = cells.0;
    let size = (bins.len() + 8).next_multiple_of(4096);
    let free = i32::try_from(size - bins.len()).unwrap();
    bins.extend(free.to_le_bytes());
    bins.resize(size, 0);
    let size = u32::try_from(size).unwrap();
    bins[..4].copy_from_slice(b"hbin");
    bins[8..12].copy_from_slice(&size.to_le_bytes());
    let mut file = base(name, 5, 5, 0, root, size);
    file.resize(BASE_BYTES, 0);
    file.extend(bins);
    file
}

/// A base block.
pub(super) fn base(
    name: &str,
    primary: u32,
    secondary: u32,
    file_type: u32,
    root: u32,
    bins: u32,
) -> Vec<u8> {
    let mut head = b"regf".to_vec();
    head.extend(primary.to_le_bytes());
    head.extend(secondary.to_le_bytes());
    head.extend([0; 8]);
    for number in [1, 5, file_type, 1, root, bins, 1] {
        head.extend(number.to_le_bytes());
    }
    head.extend(wide(name));
    head.resize(512, 0);
    sign(&mut head);
    head
}

/// Puts the checksum right.
pub(super) fn sign(file: &mut [u8]) {
    let sum = file[..508].as_chunks::<4>().0.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    file[508..512].copy_from_slice(&sum.to_le_bytes());
}

/// Sets the sequence numbers of a hive.
pub(super) fn number(file: &mut [u8], primary: u32, secondary: u32) {
    file[4..8].copy_from_slice(&primary.to_le_bytes());
    file[8..12].copy_from_slice(&secondary.to_le_bytes());
    sign(file);
}

/// An entry of a log of the new format: pages by their offset from the first bin.
pub(super) fn entry(sequence: u32, bins: u32, pages: &[(u32, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (offset, page) in pages {
        body.extend(offset.to_le_bytes());
        body.extend(u32::try_from(page.len()).unwrap().to_le_bytes());
    }
    for (_, page) in pages {
        body.extend(*page);
    }
    let size = (body.len() + 40).next_multiple_of(512);
    body.resize(size - 40, 0);
    let mut head = b"HvLE".to_vec();
    for number in [u32::try_from(size).unwrap(), 0, sequence, bins, u32::try_from(pages.len()).unwrap()] {
        head.extend(number.to_le_bytes());
    }
    head.extend(marvin::hash(&body).to_le_bytes());
    head.extend(marvin::hash(&head).to_le_bytes());
    head.extend(body);
    head
}
