//! What readers of small files share: numbers, texts and times out of bytes, and rows of one file that is read as a whole.
//!
//! In: a file's bytes. Out: values that are there, `None` where a file ends too early or lies about a length; rows that all
//! have offset 0, a number of their own, and the hash of the whole file.

use piste_model::hash::{RecordHash, hex, record_hash};
use piste_model::schema::Role;
use piste_model::{Instant, guard};

use crate::block::{Block, Encoding};
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use piste_page::charset;

use crate::{Context, Parsed};

/// Datasets some of whose rows have no time by nature: a definition or a list says what is, not what happened.
pub(crate) const TIMELESS: [&str; 5] =
    ["task.definition", "file.shortcut", "file.jumplist", "powershell.history", "execution.crash"];

/// Rows of one file; real ones have some thousand at most, and a file of line ends alone would have millions.
pub(crate) const ROWS_MAX: i64 = 262_144;

/// Bytes that a file claims and that are not trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl<'b> Bytes<'b> {
    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    /// All from a place on; none where it lies behind the end.
    pub(crate) fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or_default())
    }

    /// So many from a place on.
    pub(crate) fn slice(self, at: usize, length: usize) -> Option<&'b [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    /// The same, or as many as are there.
    pub(crate) fn slice_or_less(self, at: usize, length: usize) -> &'b [u8] {
        let rest = self.from(at).0;
        rest.get(..length.min(rest.len())).unwrap_or_default()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    pub(crate) fn u64(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    /// A number of four bytes as a place or a count.
    pub(crate) fn size(self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    /// UTF-16 up to its zero, or to the end.
    pub(crate) fn utf16(self, at: usize) -> String {
        let rest = self.from(at).0;
        let end =
            rest.chunks_exact(2).position(|unit| unit == [0, 0]).map_or(rest.len() & !1, |unit| unit * 2);
        utf16(rest.get(..end).unwrap_or_default())
    }

    /// Text of one byte a sign up to its zero, or to the end: UTF-8, else Windows-1252.
    pub(crate) fn text(self, at: usize) -> String {
        let rest = self.from(at).0;
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        Encoding::Utf8.decode(rest.get(..end).unwrap_or_default()).into_owned()
    }

    /// A FILETIME; zero says that there is none.
    pub(crate) fn filetime(self, at: usize) -> Option<Instant> {
        self.u64(at).filter(|ticks| *ticks != 0).and_then(Instant::from_filetime)
    }

    /// Sixteen bytes as Windows writes a GUID.
    pub(crate) fn guid(self, at: usize) -> Option<String> {
        self.slice(at, 16).map(guid)
    }
}

/// UTF-16, little endian, up to its end.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0.into_owned()
}

/// `{00021401-0000-0000-c000-000000000046}`
pub(crate) fn guid(bytes: &[u8]) -> String {
    let id = Bytes(bytes);
    let (Some(first), Some(second), Some(third)) = (id.u32(0), id.u16(4), id.u16(6)) else {
        return String::new();
    };
    let (node, tail) = (hex(id.slice_or_less(8, 2)), hex(id.slice_or_less(10, 6)));
    format!("{{{first:08x}-{second:04x}-{third:04x}-{node}-{tail}}}")
}

/// A date and time of FAT, two seconds precise; zero says that there is none.
pub(crate) fn fat_time(date: u16, time: u16) -> Option<Instant> {
    if date == 0 {
        return None;
    }
    let (year, month, day) = (1_980 + (date >> 9), (date >> 5) & 15, date & 31);
    let (hour, minute, second) = (time >> 11, (time >> 5) & 63, (time & 31) * 2);
    Instant::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// The text of a file that is read as a whole, whatever its encoding.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let text = charset::decoded(bytes);
    Encoding::Utf8.decode(&text.bytes).into_owned()
}

/// The user whose profile a path lies in: `Users\ann\…`, `Documents and Settings\ann\…`.
pub(crate) fn user_in_path(path: &str) -> Option<&str> {
    let mut parts = path.split(['/', '\\', '!']);
    parts.by_ref().find(|part| {
        part.eq_ignore_ascii_case("users") || part.eq_ignore_ascii_case("documents and settings")
    })?;
    let user = parts.next()?;
    // What follows the user must be a folder: a file in `Users` is nobody's.
    parts.next().map(|_| user).filter(|user| !user.is_empty())
}

/// The rows of one file.
pub(crate) struct Table<'a> {
    pub(crate) cx: &'a Context<'a>,
    pub(crate) fields: Fields,
    pub(crate) parsed: Parsed,
    dataset: &'static str,
    hash: RecordHash,
    rows: Rows<'a>,
    record: i64,
    /// Rows that were too many.
    left_out: u64,
}

impl<'a> Table<'a> {
    /// For a file's one block; one that is too long is named and empty.
    pub(crate) fn of(block: &Block, cx: &'a Context<'a>, dataset: &'static str) -> Self {
        let mut parsed = Parsed::default();
        parsed.note_too_long(cx, block, "file");
        let (hash, rows) = (record_hash(&block.bytes), Rows::new(cx.sources, cx.evidence));
        Self { cx, fields: Fields::default(), parsed, dataset, hash, rows, record: 0, left_out: 0 }
    }

    /// Adds a field of the row at hand, if there is a value.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.fields.push(name, value, Role::Data);
        }
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(name, &value.to_string());
        }
    }

    /// Adds a time as a field, in UTC with the precision of its source.
    pub(crate) fn time(&mut self, name: &str, time: Option<Instant>) {
        self.number(name, time);
    }

    /// Makes a row of the fields, which stay for the next.
    pub(crate) fn row(&mut self, time: Option<Instant>, basis: &str, host: &str) {
        guard::check();
        if self.record >= ROWS_MAX {
            self.left_out += 1;
            return;
        }
        self.record += 1;
        let head = Head {
            dataset: Some(self.dataset),
            channel: "",
            provider: "",
            event_code: None,
            time,
            time_basis: if time.is_some() { basis } else { "" },
            host: self.cx.host_or_hint(host),
            record: self.record,
            offset: 0,
            hash: self.hash,
        };
        self.rows.push(&head, &self.fields);
        self.parsed.records += 1;
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> i64 {
        self.record
    }

    /// Notes what could not be read; `lost` rows are missing for it.
    pub(crate) fn damaged(&mut self, slug: &'static str, at: usize, lost: Option<u64>, what: String) {
        let hint =
            "ask for a fresh copy of the file, and look whether other copies of it are in the evidence";
        self.parsed.damaged(self.cx, slug, at as u64, lost, what, hint);
    }

    /// What the file gave.
    pub(crate) fn finish(mut self) -> Parsed {
        if self.left_out > 0 {
            let (more, most) = (self.left_out, ROWS_MAX);
            let what = format!("it has {more} records beyond the first {most}");
            self.damaged("file-too-many-records", 0, Some(more), what);
        }
        let Self { cx, mut parsed, rows, .. } = self;
        parsed.take_rows(cx, 0, rows);
        parsed
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_there_or_none() {
        let bytes = Bytes(&[1, 0, 2, 0, 0, 0, 9]);
        assert_eq!((bytes.u16(0), bytes.u32(2), bytes.u64(0), bytes.u8(7)), (Some(1), Some(2), None, None));
        assert_eq!(bytes.slice(usize::MAX, 2), None);
        assert_eq!(Bytes(b"a\0b\0\0\0c\0").utf16(0), "ab");
        assert_eq!(Bytes(b"a\0b").utf16(0), "a");
        assert_eq!(Bytes(b"caf\xe9\0x").text(0), "café");
        let clsid = b"\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
        assert_eq!(guid(clsid), "{00021401-0000-0000-c000-000000000046}");
        assert_eq!(guid(b"short"), "");
    }

    #[test]
    fn fat_times_are_two_seconds_precise() {
        let shown = |date, time| fat_time(date, time).map(|time| time.to_string());
        assert_eq!(shown(0x5263, 0x0a2b).as_deref(), Some("2021-03-03T01:17:22Z"));
        assert_eq!((shown(0, 5), shown(0xffff, 0xffff)), (None, None));
    }

    #[test]
    fn a_profile_tells_its_user() {
        assert_eq!(user_in_path("x.zip!C/Users/ann/AppData/h.txt"), Some("ann"));
        assert_eq!(user_in_path(r"Documents and Settings\bob\a.lnk"), Some("bob"));
        assert_eq!(user_in_path("Users/desktop.ini"), None);
    }
}
