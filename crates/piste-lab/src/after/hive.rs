//! Registry hives, written: the other direction of what the parser does.
//!
//! In: keys with values and subkeys, each with its last write. Out: the bytes of a clean hive of one bin. Source: Maxim Suhanov, "Windows
//! registry file format specification".

/// A key.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    name: String,
    values: Vec<(String, u32, Vec<u8>)>,
    below: Vec<Key>,
    /// Of its last write; that of the whole hive where it is 0.
    written: u64,
}

/// Bytes of a hive's base block.
const BASE_BYTES: usize = 4_096;

pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

impl Key {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn written(mut self, filetime: u64) -> Self {
        self.written = filetime;
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

    pub(super) fn number(self, name: &str, number: u32) -> Self {
        self.value(name, 4, &number.to_le_bytes())
    }

    /// Puts a key below this path, whose keys are made where they lack.
    pub(super) fn at(mut self, path: &str, key: Key) -> Self {
        let (first, rest) = path.split_once('\\').unwrap_or((path, ""));
        if first.is_empty() {
            self.below.push(key);
            return self;
        }
        let found = self.below.iter().position(|one| one.name == first);
        let one = found.map_or_else(|| Self::new(first), |at| self.below.remove(at));
        self.below.push(one.at(rest, key));
        self
    }
}

/// The cells of a hive.
struct Cells {
    bytes: Vec<u8>,
    written: u64,
}

impl Cells {
    fn put(&mut self, data: &[u8]) -> u32 {
        let at = self.bytes.len();
        let whole = (data.len() + 4).next_multiple_of(8);
        self.bytes.extend((-i32::try_from(whole).unwrap_or(i32::MAX)).to_le_bytes());
        self.bytes.extend(data);
        self.bytes.resize(at + whole, 0);
        size(at)
    }

    fn patch(&mut self, cell: u32, at: usize, number: u32) {
        let at = cell as usize + 4 + at;
        if let Some(place) = self.bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }

    fn value(&mut self, name: &str, kind: u32, data: &[u8]) -> u32 {
        let mut cell = b"vk".to_vec();
        cell.extend(short(name.len()).to_le_bytes());
        if data.len() <= 4 {
            cell.extend((size(data.len()) | 0x8000_0000).to_le_bytes());
            let mut inline = data.to_vec();
            inline.resize(4, 0);
            cell.extend(inline);
        } else {
            let at = self.put(data);
            cell.extend(size(data.len()).to_le_bytes());
            cell.extend(at.to_le_bytes());
        }
        cell.extend(kind.to_le_bytes());
        cell.extend([1, 0, 0, 0]);
        cell.extend(name.as_bytes());
        self.put(&cell)
    }

    fn key(&mut self, key: &Key, parent: u32, flags: u16) -> u32 {
        let mut cell = b"nk".to_vec();
        cell.extend((flags | 0x20).to_le_bytes());
        cell.extend(if key.written == 0 { self.written } else { key.written }.to_le_bytes());
        cell.extend([0; 4]);
        cell.extend(parent.to_le_bytes());
        cell.extend(size(key.below.len()).to_le_bytes());
        cell.extend([0; 4]);
        cell.extend([0xff; 8]);
        cell.extend(size(key.values.len()).to_le_bytes());
        cell.extend([0xff; 12]);
        cell.extend([0; 20]);
        cell.extend(short(key.name.len()).to_le_bytes());
        cell.extend([0; 2]);
        cell.extend(key.name.as_bytes());
        let at = self.put(&cell);
        if !key.values.is_empty() {
            let mut list = Vec::new();
            for (name, kind, data) in &key.values {
                list.extend(self.value(name, *kind, data).to_le_bytes());
            }
            let list = self.put(&list);
            self.patch(at, 40, list);
        }
        if !key.below.is_empty() {
            let mut list = b"lh".to_vec();
            list.extend(short(key.below.len()).to_le_bytes());
            for one in &key.below {
                list.extend(self.key(one, at, 0).to_le_bytes());
                list.extend([0; 4]);
            }
            let list = self.put(&list);
            self.patch(at, 28, list);
        }
        at
    }
}

/// The bytes of a hive that was last written then.
pub(super) fn hive(name: &str, root: &Key, written: u64) -> Vec<u8> {
    let mut cells = Cells { bytes: vec![0; 32], written };
    let root = cells.key(root, u32::MAX, 0x4);
    let mut bins = cells.bytes;
    let whole = (bins.len() + 8).next_multiple_of(4_096);
    let free = i32::try_from(whole - bins.len()).unwrap_or(0);
    bins.extend(free.to_le_bytes());
    bins.resize(whole, 0);
    let length = size(whole);
    for (at, bytes) in [(0, *b"hbin"), (8, length.to_le_bytes())] {
        if let Some(place) = bins.get_mut(at..at + 4) {
            place.copy_from_slice(&bytes);
        }
    }
    let mut file = b"regf".to_vec();
    for number in [5_u32, 5] {
        file.extend(number.to_le_bytes());
    }
    file.extend(written.to_le_bytes());
    for number in [1, 5, 0, 1, root, length, 1] {
        file.extend(number.to_le_bytes());
    }
    file.extend(wide(name));
    file.resize(508, 0);
    let sum = file.chunks_exact(4).fold(0_u32, |sum, word| {
        sum ^ word.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
    });
    file.extend(sum.to_le_bytes());
    file.resize(BASE_BYTES, 0);
    file.extend(bins);
    file
}

/// A SID in its bytes: `S-1-5-` and these numbers.
pub(super) fn sid(numbers: &[u32]) -> Vec<u8> {
    let mut bytes = vec![1, u8::try_from(numbers.len()).unwrap_or(0), 0, 0, 0, 0, 0, 5];
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}
