//! The records of one block that could not be read.
//!
//! In: each with its number, offset and fault. Out: damage and issues, the first few one by one and the rest as a count,
//! so that a file which is something else does not flood the list.

use crate::block::Line;
use crate::{Context, Parsed};

/// Bad records of one block that are named one by one; the rest are counted in one issue.
const NAMED_MAX: usize = 3;

/// How a format speaks of its bad records.
#[derive(Debug)]
pub(crate) struct Words {
    /// `json-line`.
    pub(crate) slug: &'static str,
    /// `line` or `element`.
    pub(crate) unit: &'static str,
    /// `Windows event`: what it is not; its plural takes an `s`.
    pub(crate) wanted: &'static str,
    /// One step to take; `LINE`, `OFFSET` (from 1, as `tail` counts) and `FILE` are filled in.
    pub(crate) hint: &'static str,
}

/// The bad records of a block so far.
#[derive(Debug)]
pub(crate) struct BadRecords {
    words: &'static Words,
    named: Vec<(u64, u64, String)>,
    others: u64,
    /// Number and offset of the first of these.
    first_other: (u64, u64),
}

impl BadRecords {
    pub(crate) fn new(words: &'static Words) -> Self {
        Self { words, named: Vec::new(), others: 0, first_other: (0, 0) }
    }

    pub(crate) fn note(&mut self, line: &Line<'_>, what: impl Into<String>) {
        if self.named.len() < NAMED_MAX {
            self.named.push((line.number, line.offset, what.into()));
        } else {
            if self.others == 0 {
                self.first_other = (line.number, line.offset);
            }
            self.others += 1;
        }
    }

    pub(crate) fn tell(self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Words { slug, unit, wanted, hint } = *self.words;
        for (number, offset, what) in self.named {
            parsed.damaged(
                cx,
                slug,
                offset,
                Some(1),
                format!("{unit} {number} is no {wanted}: {what}"),
                &filled(hint, number, offset, cx.path),
            );
        }
        if self.others > 0 {
            let count = self.others;
            let what = match count {
                1 => format!("1 further {unit} of this block is no {wanted}"),
                _ => format!("{count} further {unit}s of this block are no {wanted}s"),
            };
            let (number, offset) = self.first_other;
            parsed.damaged(cx, slug, offset, Some(count), what, &filled(hint, number, offset, cx.path));
        }
    }
}

/// A hint that can be typed. The name comes last, so that nothing in it is taken for a placeholder.
fn filled(hint: &str, number: u64, offset: u64, path: &str) -> String {
    hint.replace("LINE", &number.to_string())
        .replace("OFFSET", &offset.saturating_add(1).to_string())
        .replace("FILE", &shell_word(path.rsplit(['/', '\\', '!']).next().unwrap_or(path)))
}

/// The name as one word of a shell, whoever chose it.
fn shell_word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain) {
        return name.to_owned();
    }
    let dash = if name.starts_with('-') { "./" } else { "" };
    format!("'{dash}{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_can_be_typed_whatever_the_file_is_called() {
        let check = |path: &str, shown: &str| {
            assert_eq!(filled("sed -n LINEp FILE; tail -c +OFFSET FILE", 7, 99, path), shown);
        };
        check("a.zip!logs/x.json", "sed -n 7p x.json; tail -c +100 x.json");
        check("LINE OFFSET", "sed -n 7p 'LINE OFFSET'; tail -c +100 'LINE OFFSET'");
        check("-rf'$(x)", r"sed -n 7p './-rf'\''$(x)'; tail -c +100 './-rf'\''$(x)'");
    }
}
