//! A bodyfile of The Sleuth Kit, version 3: `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`.
//!
//! In: lines; times are seconds since 1970, UTC, 0 where unknown. Out: a row a line, the columns by these names. A name's end
//! says more: `($FILE_NAME)` marks the times of that attribute, `(deleted)` a file that is gone.
//!
//! Source: The Sleuth Kit's wiki, "Body file".

use piste_model::Instant;
use piste_model::schema::Role;

use super::facts::{Facts, Meaning};
use super::{WORDS, push_row};
use crate::bad_records::BadRecords;
use crate::block::Block;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::{Context, Parsed};

const COLUMNS: [&str; 11] =
    ["MD5", "name", "inode", "mode_as_string", "UID", "GID", "size", "atime", "mtime", "ctime", "crtime"];
/// Columns after the name, which may hold a bar itself.
const AFTER_NAME: usize = 9;
const FILE_NAME: &str = " ($FILE_NAME)";

/// Whether the first lines are of this form.
pub(crate) fn is_bodyfile(head: &str, cut: bool) -> bool {
    let mut lines = head.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).take(4).peekable();
    let mut seen = 0;
    while let Some(line) = lines.next() {
        if lines.peek().is_none() && cut && seen > 0 {
            break; // perhaps not whole
        }
        if values(line).is_none() {
            return false;
        }
        seen += 1;
    }
    seen > 0
}

/// The values of a line, if they are of the right kinds.
fn values(line: &str) -> Option<[&str; COLUMNS.len()]> {
    let (md5, rest) = line.split_once('|')?;
    let mut tail = rest.rsplitn(AFTER_NAME + 1, '|');
    let mut found = [""; COLUMNS.len()];
    for at in (2..COLUMNS.len()).rev() {
        *found.get_mut(at)? = tail.next()?;
    }
    let name = tail.next()?;
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let times = found.get(6..)?;
    let right = (md5 == "0" || md5.is_empty() || md5.len() >= 32)
        && md5.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !name.is_empty()
        && times.iter().all(|text| numeric(text));
    let ([first, second, ..], true) = (&mut found, right) else { return None };
    (*first, *second) = (md5, name);
    Some(found)
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut facts) = (Fields::default(), Facts::default());
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        if line.text.is_empty() || line.text.starts_with('#') {
            continue;
        }
        let Some(values) = values(&line.text) else {
            bad.note(&line, "it has not the eleven values of a bodyfile");
            continue;
        };
        fields.clear();
        for (name, value) in COLUMNS.iter().zip(values) {
            fields.push(name, value, Role::Data);
        }
        take_facts(&values, &mut facts);
        let time = facts.push(&mut fields);
        push_row(&line, time, "", &fields, cx, &mut rows);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn take_facts(values: &[&str; COLUMNS.len()], facts: &mut Facts) {
    let [md5, name, _, mode, _, _, size, atime, mtime, ctime, crtime] = *values;
    facts.clear();
    let (name, gone) =
        match name.strip_suffix(" (deleted)").or_else(|| name.strip_suffix(" (deleted-realloc)")) {
            Some(name) => (name, true),
            None => (name, false),
        };
    let (name, of_name) = match name.strip_suffix(FILE_NAME) {
        Some(name) => (name, true),
        None => (name, false),
    };
    facts.set(Meaning::Path, name, true);
    facts.set(Meaning::Size, size, true);
    facts.set(Meaning::Md5, md5, true);
    facts.set(Meaning::InUse, if gone { "false" } else { "true" }, true);
    let directory = mode.starts_with('d') || mode.get(..3) == Some("-/d");
    facts.set(Meaning::IsDirectory, if directory { "true" } else { "false" }, true);
    let meanings = if of_name {
        [Meaning::FnAccessed, Meaning::FnModified, Meaning::FnChanged, Meaning::FnCreated]
    } else {
        [Meaning::Accessed, Meaning::Modified, Meaning::Changed, Meaning::Created]
    };
    for (meaning, text) in meanings.into_iter().zip([atime, mtime, ctime, crtime]) {
        if let Some(moment) = moment(text) {
            facts.set(meaning, &moment.to_string(), true);
        }
    }
}

/// Seconds since 1970, some with a fraction; 0 is unknown.
fn moment(text: &str) -> Option<Instant> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok().filter(|seconds| *seconds != 0)?;
    let nanos: i64 = format!("{:0<9}", fraction.get(..fraction.len().min(9))?).parse().ok()?;
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(Instant { nanos, digits: u8::try_from(fraction.len().min(9)).ok()? })
}
