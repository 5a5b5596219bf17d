//! Tables and paragraphs for a terminal of a given width, without a word broken that would fit on a line.
//!
//! In: cells that are already escaped, a width. Out: text. Columns that fit stand beside each other; those that do not
//! stand under their row, each with its name. Where there is no terminal the width is none and nothing is wrapped, so that
//! other programs find one row a line.

use std::fmt::Write;

/// Blanks between two columns.
const GAP: usize = 2;
/// Blanks before what stands under a row.
const INDENT: usize = 4;

/// Cells under their names; columns named in `right` are aligned to the right.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Columns that hold numbers.
    pub right: Vec<usize>,
    /// The rows, each with as many cells as the head.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns and no row.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|name| (*name).to_owned()).collect(), ..Self::default() }
    }

    /// As text; `width` is that of the terminal, if there is one.
    pub fn text(&self, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| {
                let cells = self.rows.iter().chain([&self.head]).filter_map(|row| row.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let beside = width.map_or(widths.len(), |width| fitting(&widths, width));
        let mut text = String::new();
        self.line(&self.head, &widths, beside, &mut text);
        for row in &self.rows {
            self.line(row, &widths, beside, &mut text);
            let under: Vec<String> = self
                .head
                .iter()
                .zip(row)
                .skip(beside)
                .filter(|(_, cell)| !cell.is_empty() && *cell != "-")
                .map(|(name, cell)| format!("{name}: {cell}"))
                .collect();
            if !under.is_empty() {
                let line = format!("{}{}", " ".repeat(INDENT), under.join("  "));
                text.push_str(&wrapped(&line, width, INDENT + GAP));
            }
        }
        text
    }

    fn line(&self, row: &[String], widths: &[usize], beside: usize, text: &mut String) {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).take(beside).enumerate() {
            let gap = if at == 0 { 0 } else { GAP };
            let fill = width.saturating_sub(cell.chars().count());
            let (before, after) = if self.right.contains(&at) { (fill, 0) } else { (0, fill) };
            let (gap, before, after) = (" ".repeat(gap), " ".repeat(before), " ".repeat(after));
            let _ = write!(line, "{gap}{before}{cell}{after}"); // writing to a String cannot fail
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// How many columns fit beside each other; at least one.
fn fitting(widths: &[usize], width: usize) -> usize {
    let mut used = 0;
    let fits = widths.iter().enumerate().take_while(|(at, column)| {
        used += **column + if *at == 0 { 0 } else { GAP };
        used <= width
    });
    fits.count().max(1)
}

/// A line broken at blanks where the width ends; lines after the first are indented by `hang`. Ends with a line end.
pub fn wrapped(line: &str, width: Option<usize>, hang: usize) -> String {
    let Some(width) = width else { return format!("{line}\n") };
    let lead: String = line.chars().take_while(|sign| *sign == ' ').collect();
    let hang = hang.min(width / 3);
    let (mut text, mut used) = (lead.clone(), lead.len());
    let mut fresh = true;
    let mut blanks = 0;
    for word in line.get(lead.len()..).unwrap_or_default().split(' ') {
        blanks += 1;
        if word.is_empty() {
            continue; // one blank more before the next word
        }
        let size = word.chars().count();
        if !fresh && used + blanks + size > width {
            let _ = write!(text, "\n{}", " ".repeat(hang)); // writing to a String cannot fail
            (used, fresh) = (hang, true);
        }
        if !fresh {
            text.extend(std::iter::repeat_n(' ', blanks));
            used += blanks;
        }
        text.push_str(word);
        used += size;
        (fresh, blanks) = (false, 0);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["id", "count", "place"]);
        table.right = vec![1];
        table.rows = vec![
            vec!["D-1".to_owned(), "7".to_owned(), "/owa/auth/a long name.aspx".to_owned()],
            vec!["D-10".to_owned(), "1200".to_owned(), "-".to_owned()],
        ];
        table
    }

    #[test]
    fn without_a_terminal_each_row_is_one_line() {
        let text = table().text(None);
        assert_eq!(text, "id    count  place\nD-1       7  /owa/auth/a long name.aspx\nD-10   1200  -\n");
    }

    #[test]
    fn what_does_not_fit_stands_under_its_row_with_its_name() {
        let text = table().text(Some(30));
        assert_eq!(
            text,
            "id    count\nD-1       7\n    place: /owa/auth/a long\n      name.aspx\nD-10   1200\n"
        );
        assert!(table().text(Some(30)).lines().all(|line| line.chars().count() <= 30));
        assert_eq!(table().text(Some(2)).lines().next(), Some("id"));
    }

    #[test]
    fn a_word_is_broken_nowhere() {
        let long = "x".repeat(40);
        assert_eq!(
            wrapped(&format!("  see {long} there"), Some(20), 4),
            format!("  see\n    {long}\n    there\n")
        );
        assert_eq!(wrapped("a b", None, 4), "a b\n");
        assert_eq!(wrapped("D-1   used  MX01", Some(12), 4), "D-1   used\n    MX01\n");
    }
}
