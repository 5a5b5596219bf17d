//! What the user asks to be loaded, and what to leave out.
//!
//! In: paths and words of the command line. Out: plain values with a canonical text, so that the hash of a rule set
//! covers everything that changes the hunt.

use std::path::PathBuf;

use piste_model::Level;

use crate::error::RuleError;
use crate::files;

/// What to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Rule files and folders, in the order given.
    pub paths: Vec<PathBuf>,
    /// Whether Piste's own rules come first.
    pub built_in: bool,
    /// Processing pipelines in pySigma's YAML.
    pub pipelines: Vec<PathBuf>,
    /// Where the values of `%name%` stand: folders of `name.txt`, such files, or YAML files of name to list.
    pub placeholders: Vec<PathBuf>,
    /// Which of the rules to run.
    pub selection: Selection,
}

impl LoadOptions {
    /// Rules at these paths and nothing else.
    pub fn of(paths: &[PathBuf], built_in: bool) -> Self {
        Self { paths: paths.to_vec(), built_in, ..Self::default() }
    }
}

/// Which rules run. Empty lists and `None` select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// At least this level; a rule without a level is informational.
    pub level: Option<Level>,
    /// One of these statuses, without case; a rule without a status is left out.
    pub statuses: Vec<String>,
    /// One of these tags, without case, whole or up to a dot: `attack.t1505` takes `attack.t1505.003`.
    pub tags: Vec<String>,
    /// Not these ids or titles, without case.
    pub exclude: Vec<String>,
    /// A file of lines `id,reason,YYYY-MM-DD`.
    pub exclusions: Option<PathBuf>,
}

impl Selection {
    /// Whether level, status and tags let a rule through.
    pub(crate) fn takes(&self, level: Level, status: &str, tags: &[String]) -> bool {
        let of_status =
            self.statuses.is_empty() || self.statuses.iter().any(|one| one.eq_ignore_ascii_case(status));
        let of_tag = self.tags.is_empty()
            || self.tags.iter().any(|wanted| tags.iter().any(|tag| is_under(tag, wanted)));
        self.level.is_none_or(|least| level >= least) && of_status && of_tag
    }

    /// What of it changes the hunt, a line each; the exclusions file by its content.
    pub(crate) fn canonical(&self, exclusions: &str) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.level.map(|level| format!("level {level}")));
        for (word, list) in [("status", &self.statuses), ("tag", &self.tags), ("exclude", &self.exclude)] {
            let mut values: Vec<String> = list.iter().map(|one| one.to_lowercase()).collect();
            values.sort();
            values.dedup();
            lines.extend(values.into_iter().map(|value| format!("{word} {value:?}")));
        }
        if !exclusions.is_empty() {
            lines.push(format!("exclusions {}", piste_model::hash::sha256_hex(exclusions.as_bytes())));
        }
        lines
    }
}

/// Whether `tag` is `wanted` or lies under it at a dot.
fn is_under(tag: &str, wanted: &str) -> bool {
    let (tag, wanted) = (tag.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    tag.strip_prefix(wanted.trim_end_matches('.'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A rule that is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exclusion {
    /// Id, or title for `--exclude-rule`.
    pub(crate) id: String,
    /// Whether a title may be meant.
    pub(crate) may_be_title: bool,
    /// As the user wrote it, with its date.
    pub(crate) reason: String,
    /// Where it stands: a file and line, or the option.
    pub(crate) place: (String, u64),
}

impl Exclusion {
    pub(crate) fn means(&self, id: &str, title: &str) -> bool {
        self.id.eq_ignore_ascii_case(id) || (self.may_be_title && self.id.eq_ignore_ascii_case(title))
    }
}

/// The exclusions of `--exclude-rule` and of the file, and the file's text.
///
/// # Errors
/// [`RuleError::Exclusions`] with the line.
pub(crate) fn exclusions(selection: &Selection) -> Result<(Vec<Exclusion>, String), RuleError> {
    let option = |id: &String| Exclusion {
        id: id.clone(),
        may_be_title: true,
        reason: "left out by --exclude-rule".to_owned(),
        place: ("--exclude-rule".to_owned(), 1),
    };
    let mut list: Vec<Exclusion> = selection.exclude.iter().map(option).collect();
    let Some(path) = &selection.exclusions else { return Ok((list, String::new())) };
    let fault = |line, reason| RuleError::Exclusions { path: path.clone(), line, reason };
    let text = files::read(path).map_err(|reason| fault(1, reason))?;
    for (line, number) in text.lines().zip(1_u64..) {
        if let Some((id, reason)) = exclusion(line).map_err(|reason| fault(number, reason))? {
            let place = (path.display().to_string(), number);
            list.push(Exclusion { id, may_be_title: false, reason, place });
        }
    }
    Ok((list, text))
}

/// `id,reason,YYYY-MM-DD`; the reason may hold commas. Nothing for a blank line or a remark.
fn exclusion(line: &str) -> Result<Option<(String, String)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let parts = line.split_once(',').and_then(|(id, rest)| Some((id, rest.rsplit_once(',')?)));
    let Some((id, (reason, date))) = parts else {
        return Err("a line has an id, a reason and a date: `id,reason,YYYY-MM-DD`".to_owned());
    };
    let (id, reason, date) = (id.trim(), reason.trim().trim_matches('"').trim(), date.trim());
    if id.is_empty() {
        return Err("the id before the first comma is empty".to_owned());
    }
    if reason.is_empty() {
        return Err("the reason between the commas is empty".to_owned());
    }
    if !is_date(date) {
        return Err(format!("`{}` after the last comma is no date as 2021-03-27", shorten(date)));
    }
    Ok(Some((id.to_owned(), format!("{reason} ({date})"))))
}

/// Whether the text is a day that the calendar has.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_exclusions_file() {
        let read = |line: &str| exclusion(line);
        assert_eq!(read("  # remark"), Ok(None));
        assert_eq!(read(""), Ok(None));
        assert_eq!(
            read("r1, noisy, on our proxies ,2024-02-29"),
            Ok(Some(("r1".to_owned(), "noisy, on our proxies (2024-02-29)".to_owned())))
        );
        for (line, what) in [
            ("r1", "a line has an id, a reason and a date: `id,reason,YYYY-MM-DD`"),
            ("r1,2024-02-29", "a line has an id, a reason and a date: `id,reason,YYYY-MM-DD`"),
            (",x,2024-01-01", "the id before the first comma is empty"),
            ("r1,,2024-01-01", "the reason between the commas is empty"),
            ("r1,x,2023-02-29", "`2023-02-29` after the last comma is no date as 2021-03-27"),
            ("r1,x,2023-2-9", "`2023-2-9` after the last comma is no date as 2021-03-27"),
        ] {
            assert_eq!(read(line), Err(what.to_owned()), "{line}");
        }
    }

    #[test]
    fn tags_are_met_at_a_dot() {
        assert!(is_under("attack.T1505.003", "attack.t1505"));
        assert!(is_under("attack.t1505", "ATTACK.t1505"));
        assert!(is_under("attack.t1505", "attack"));
        assert!(!is_under("attack.t1505", "attack.t150"));
        assert!(!is_under("attack.t1505", "attack.t1505.003"));
    }

    #[test]
    fn a_selection_is_the_same_whatever_its_order() {
        let one = Selection { tags: vec!["B".into(), "a".into(), "a".into()], ..Selection::default() };
        let other = Selection { tags: vec!["A".into(), "b".into()], ..Selection::default() };
        assert_eq!(one.canonical(""), other.canonical(""));
        assert_eq!(Selection::default().canonical(""), Vec::<String>::new());
        let level = Selection { level: Some(Level::High), ..Selection::default() };
        assert_ne!(level.canonical(""), Selection::default().canonical(""));
    }
}
