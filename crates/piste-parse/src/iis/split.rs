//! A row of W3C's extended format, cut into the values of its columns.
//!
//! In: a row and the names of its columns. Out: one span a column. IIS and some modules write values with a blank that they
//! do not escape: such a row has more words than columns and is one request all the same. Columns of a known form (times,
//! addresses, methods, ports, status, counts) hold their places from both ends; what lies between belongs to the columns
//! that may say anything. Where more than one of these may have it, the row is marked. Software that puts values in quotes
//! (IIS Advanced Logging) has them taken off.

use std::net::IpAddr;
use std::ops::Range;

/// Words beyond its columns that a row may have and still be told apart.
const WORDS_BEYOND_MAX: usize = 256;

/// What a value of a column looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Date,
    Time,
    Address,
    Method,
    Stem,
    Number,
    Version,
    /// One word of any kind.
    Word,
    /// Anything that begins as the address of a page.
    Referer,
    /// Anything, blanks too.
    Free,
}

impl Form {
    fn of(name: &str) -> Self {
        match name {
            "date" | "date-local" => Self::Date,
            "time" | "time-local" => Self::Time,
            "s-ip" | "c-ip" => Self::Address,
            "cs-method" => Self::Method,
            "cs-uri-stem" => Self::Stem,
            "s-port" | "c-port" | "sc-status" | "sc-substatus" | "sc-win32-status" | "sc-bytes"
            | "cs-bytes" | "time-taken" | "TimeTakenMS" | "s-siteid" => Self::Number,
            "cs-version" => Self::Version,
            "s-sitename" | "s-computername" | "cs-host" | "s-queuename" | "s-reason" | "streamid"
            | "streamid_ex" => Self::Word,
            "cs-referer" => Self::Referer,
            _ => Self::Free,
        }
    }

    /// Whether a value with blanks may stand here.
    fn takes_blanks(self) -> bool {
        matches!(self, Self::Referer | Self::Free)
    }

    /// Whether a value may begin with this word; for a column without blanks, whether it may be this word.
    fn fits(self, word: &str) -> bool {
        let all = |right: fn(u8) -> bool| !word.is_empty() && word.bytes().all(right);
        match self {
            Self::Date => word.len() == 10 && all(|byte| byte.is_ascii_digit() || byte == b'-'),
            Self::Time => all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')),
            Self::Free => true,
            _ if word == "-" => true,
            Self::Address => is_address(word),
            Self::Method => all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-')),
            Self::Stem => word.starts_with(['/', '*', '\\']) || word.contains("://"),
            Self::Number => all(|byte| byte.is_ascii_digit()),
            Self::Version => word.starts_with("HTTP/") || word.starts_with("FTP"),
            Self::Word => !word.is_empty(),
            Self::Referer => word.contains("://") || word.starts_with("about:"),
        }
    }
}

/// An address, in brackets or with its zone too.
fn is_address(word: &str) -> bool {
    let plain = word.trim_start_matches('[').split([']', '%']).next().unwrap_or_default();
    plain.parse::<IpAddr>().is_ok()
}

/// The values of one row; its memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// One a column, bytes of the row; empty where the row's words are its values.
    spans: Vec<Range<usize>>,
    /// Columns whose value has a blank in it, by index.
    pub(super) with_blank: Vec<usize>,
    /// Whether another column may have a word of theirs.
    pub(super) uncertain: bool,
    words: Vec<Range<usize>>,
    ways: Vec<u8>,
}

impl Values {
    /// Cuts a row; false where its words cannot be given to its columns.
    pub(super) fn cut(&mut self, row: &str, columns: &[String], quoted: bool) -> bool {
        self.spans.clear();
        self.with_blank.clear();
        self.uncertain = false;
        if quoted && row.contains('"') {
            cut_quoted(row, &mut self.spans);
            if self.spans.len() == columns.len() {
                return true;
            }
            self.spans.clear();
        }
        let count = memchr::memchr_iter(b' ', row.as_bytes()).count() + 1;
        if count == columns.len() {
            return true;
        }
        let beyond = count.checked_sub(columns.len()).filter(|beyond| *beyond <= WORDS_BEYOND_MAX);
        beyond.is_some_and(|beyond| self.place(row, columns, beyond))
    }

    /// The value of a column.
    pub(super) fn at<'r>(&self, row: &'r str, column: usize) -> Option<&'r str> {
        if self.spans.is_empty() {
            return row.split(' ').nth(column);
        }
        self.spans.get(column).and_then(|span| row.get(span.clone()))
    }

    /// All values in the order of the columns.
    pub(super) fn all<'r>(&'r self, row: &'r str) -> impl Iterator<Item = &'r str> {
        let words = self.spans.is_empty().then(|| row.split(' ')).into_iter().flatten();
        words.chain(self.spans.iter().filter_map(|span| row.get(span.clone())))
    }

    /// Finds places for the words that are too many. `ways[column][beyond]` says in how many ways (none, one, more) the columns
    /// from this one on take the words that are left when the columns before it took so many too many.
    fn place(&mut self, row: &str, columns: &[String], beyond: usize) -> bool {
        self.words.clear();
        let mut at = 0;
        for word in row.split(' ') {
            self.words.push(at..at + word.len());
            at += word.len() + 1;
        }
        let width = beyond + 1;
        self.ways.clear();
        self.ways.resize(width * (columns.len() + 1), 0);
        if let Some(last) = self.ways.last_mut() {
            *last = 1;
        }
        for (column, name) in columns.iter().enumerate().rev() {
            let form = Form::of(name);
            let mut after = 0_u8; // ways of all further takings, from the most words down
            for taken in (0..width).rev() {
                after = after.saturating_add(self.ways_at(width, column + 1, taken)).min(2);
                let ways = match self.word(row, column + taken) {
                    word if !form.fits(word) => 0,
                    word if form.takes_blanks() && word != "-" => after,
                    _ => self.ways_at(width, column + 1, taken),
                };
                if let Some(slot) = self.ways.get_mut(column * width + taken) {
                    *slot = ways;
                }
            }
        }
        let ways = self.ways_at(width, 0, 0);
        self.uncertain = ways > 1;
        ways > 0 && self.give(row, columns, width)
    }

    /// Goes along the columns by the ways found: where a choice is left, the later column has the words.
    fn give(&mut self, row: &str, columns: &[String], width: usize) -> bool {
        let mut taken = 0;
        for (column, name) in columns.iter().enumerate() {
            let first = column + taken;
            let blanks = Form::of(name).takes_blanks() && self.word(row, first) != "-";
            let most = if blanks { width } else { taken + 1 };
            let Some(next) = (taken..most).find(|next| self.ways_at(width, column + 1, *next) > 0) else {
                self.spans.clear();
                return false;
            };
            let last = column + next;
            let (Some(start), Some(end)) = (self.words.get(first), self.words.get(last)) else {
                return false;
            };
            let (start, end) = (start.start, end.end);
            // A blank at an end of the value says nothing.
            let value = row.get(start..end).unwrap_or_default();
            let start = start + (value.len() - value.trim_start_matches(' ').len());
            let end = start + value.trim_matches(' ').len();
            if next > taken {
                self.with_blank.push(column);
            }
            self.spans.push(start..end);
            taken = next;
        }
        true
    }

    fn ways_at(&self, width: usize, column: usize, taken: usize) -> u8 {
        self.ways.get(column * width + taken).copied().unwrap_or_default()
    }

    fn word<'r>(&self, row: &'r str, at: usize) -> &'r str {
        self.words.get(at).and_then(|word| row.get(word.clone())).unwrap_or_default()
    }
}

/// Values of which some stand in quotes; a quote within is doubled, and stays so.
fn cut_quoted(row: &str, spans: &mut Vec<Range<usize>>) {
    let bytes = row.as_bytes();
    let mut at = 0;
    loop {
        let rest = row.get(at..).unwrap_or_default();
        let (start, end, next) = if let Some(inner) = rest.strip_prefix('"') {
            let mut from = 0;
            let close = loop {
                match inner.get(from..).and_then(|tail| tail.find('"')).map(|found| from + found) {
                    Some(found) if inner.as_bytes().get(found + 1) == Some(&b'"') => from = found + 2,
                    Some(found) => break found,
                    None => break inner.len(),
                }
            };
            let end = at + 1 + close;
            let next = row.get(end..).and_then(|tail| tail.find(' ')).map(|blank| end + blank);
            (at + 1, end, next)
        } else {
            let next = rest.find(' ').map(|blank| at + blank);
            (at, next.unwrap_or(bytes.len()), next)
        };
        spans.push(start..end);
        match next {
            Some(blank) => at = blank + 1,
            None => return,
        }
    }
}
