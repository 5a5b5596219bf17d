//! `%name%` in values with the modifier `expand`: what the institution knows and no public rule can, as its admin accounts.
//!
//! In: files of values. Out: rules whose values are spelt out. As Hayabusa has it, a folder with a file `name.txt` a
//! placeholder, one value a line; or a YAML file of name to list. Values may have the wildcards of Sigma.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use piste_model::hash::sha256_hex;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};
use yaml_serde::Value;

use crate::check::Fault;
use crate::documents::split;
use crate::error::RuleError;
use crate::files;

/// The most values that one rule may come to.
const MAX_VALUES: usize = 100_000;
/// The most bytes that they may come to.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most files in one folder.
const MAX_FILES: usize = 1_000;

/// Values by name.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    values: BTreeMap<String, Vec<String>>,
    /// Whether an unknown placeholder stands for anything: a pipeline's `wildcard_placeholders`.
    pub(crate) any_if_unknown: bool,
}

impl Placeholders {
    /// Reads folders and files. The same name in two places has the values of both.
    ///
    /// # Errors
    /// [`RuleError::Placeholders`].
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, RuleError> {
        let mut this = Self::default();
        for path in paths {
            if path.is_dir() {
                for file in text_files(path)? {
                    this.read_file(&file)?;
                }
            } else {
                this.read_file(path)?;
            }
        }
        Ok(this)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), RuleError> {
        let fault = |reason| RuleError::Placeholders { path: path.to_owned(), reason };
        let text = files::read(path).map_err(fault)?;
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml") {
            return self.read_yaml(&text).map_err(fault);
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let values =
            text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty());
        self.values.entry(name).or_default().extend(values.map(str::to_owned));
        Ok(())
    }

    fn read_yaml(&mut self, text: &str) -> Result<(), String> {
        let documents = split(text);
        let [document] = documents.as_slice() else { return Err("it is not one YAML document".to_owned()) };
        document.refuse_hostile()?;
        let value: Value = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
        self.add_yaml(&value)
    }

    /// Adds a YAML mapping of name to value or list of values.
    ///
    /// # Errors
    /// What is no such mapping.
    pub(crate) fn add_yaml(&mut self, value: &Value) -> Result<(), String> {
        let Value::Mapping(map) = value else {
            return Err("it is no YAML mapping of name to list of values".to_owned());
        };
        for (name, values) in map {
            let Some(name) = name.as_str() else { return Err("a name is no text".to_owned()) };
            let fault = || format!("the values of `{name}` are neither text nor numbers");
            let list = match values {
                Value::Sequence(list) => list.iter().map(scalar).collect::<Option<Vec<_>>>(),
                one => scalar(one).map(|one| vec![one]),
            };
            self.values.entry(name.to_owned()).or_default().extend(list.ok_or_else(fault)?);
        }
        Ok(())
    }

    /// What of it changes the hunt, a line each.
    pub(crate) fn canonical(&self) -> Vec<String> {
        let hash = |values: &[String]| sha256_hex(format!("{values:?}").as_bytes());
        let mut lines: Vec<String> = self
            .values
            .iter()
            .map(|(name, values)| format!("placeholder {name:?} {}", hash(values)))
            .collect();
        if self.any_if_unknown {
            lines.push("placeholders any".to_owned());
        }
        lines
    }

    /// Spells out the placeholders of a rule; says whether there were any.
    ///
    /// # Errors
    /// A [`Fault`] that names a placeholder without values, or says that there are too many.
    pub(crate) fn apply(&self, rule: &mut SigmaRule) -> Result<bool, Fault> {
        let mut names: Vec<String> = rule.detection.named.keys().cloned().collect();
        names.sort(); // the first fault is always the same one
        let mut filler = Filler { known: self, left: MAX_VALUES, bytes_left: MAX_BYTES, found: false };
        for name in names {
            if let Some(detection) = rule.detection.named.get_mut(&name) {
                filler.fill(detection)?;
            }
        }
        Ok(filler.found)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// The files of a folder that hold values, sorted.
fn text_files(folder: &Path) -> Result<Vec<PathBuf>, RuleError> {
    let fault = |reason| RuleError::Placeholders { path: folder.to_owned(), reason };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| fault(error.to_string()))? {
        let entry = entry.map_err(|error| fault(error.to_string()))?;
        let path = entry.path();
        let known = path
            .extension()
            .is_some_and(|one| ["txt", "yml", "yaml"].iter().any(|&known| one.eq_ignore_ascii_case(known)));
        if known && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            return Err(fault(format!("it holds over {MAX_FILES} files")));
        }
    }
    if found.is_empty() {
        return Err(fault("the folder has no *.txt, *.yml or *.yaml".to_owned()));
    }
    found.sort();
    Ok(found)
}

/// A value in pieces.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Cuts a value at its `%name%`. `\%` is a percent sign.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    while let Some(found) = cut(at, text.len()).find('%') {
        let sign = at + found;
        at = sign + 1;
        if cut(start, sign).ends_with('\\') {
            pieces.push(Piece::Text(cut(start, sign - 1)));
            start = sign;
            continue;
        }
        let rest = cut(at, text.len());
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
        let Some(length) = length
            .filter(|&length| length > 0 && rest.get(length..).is_some_and(|rest| rest.starts_with('%')))
        else {
            continue;
        };
        pieces.push(Piece::Text(cut(start, sign)));
        pieces.push(Piece::Name(cut(at, at + length)));
        at += length + 1;
        start = at;
    }
    pieces.push(Piece::Text(cut(start, text.len())));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

struct Filler<'a> {
    known: &'a Placeholders,
    left: usize,
    bytes_left: usize,
    found: bool,
}

impl Filler<'_> {
    fn fill(&mut self, detection: &mut Detection) -> Result<(), Fault> {
        match detection {
            Detection::AllOf(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items.drain(..) {
                    self.fill_item(item, &mut filled)?;
                }
                *items = filled;
                Ok(())
            }
            Detection::AnyOf(list) | Detection::And(list) => {
                list.iter_mut().try_for_each(|one| self.fill(one))
            }
            Detection::ArrayMatch { body, .. } => self.fill(body),
            Detection::Conditional { named, .. } => {
                let mut names: Vec<String> = named.keys().cloned().collect();
                names.sort();
                names.iter().try_for_each(|name| named.get_mut(name).map_or(Ok(()), |one| self.fill(one)))
            }
            Detection::Keywords(_) => Ok(()),
        }
    }

    /// Adds the item, spelt out, to `filled`. Under `all` each value is a list of its own of which one must be met.
    fn fill_item(&mut self, mut item: DetectionItem, filled: &mut Vec<DetectionItem>) -> Result<(), Fault> {
        if !item.field.has_modifier(Modifier::Expand) {
            filled.push(item);
            return Ok(());
        }
        self.found = true;
        let raw = item.field.has_modifier(Modifier::Re);
        let mut lists = Vec::with_capacity(item.values.len());
        for value in &item.values {
            lists.push(self.values_of(value, raw)?);
        }
        item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
        let all = item.field.has_modifier(Modifier::All);
        if all && lists.iter().any(|list| list.len() > 1) {
            item.field.modifiers.retain(|modifier| *modifier != Modifier::All);
            filled
                .extend(lists.into_iter().map(|values| DetectionItem { field: item.field.clone(), values }));
        } else {
            item.values = lists.into_iter().flatten().collect();
            filled.push(item);
        }
        Ok(())
    }

    fn values_of(&mut self, value: &SigmaValue, raw: bool) -> Result<Vec<SigmaValue>, Fault> {
        let SigmaValue::String(text) = value else { return Ok(vec![value.clone()]) };
        let mut texts = vec![String::new()];
        for piece in pieces(&text.original) {
            let any = ["*".to_owned()];
            let endings: &[String] = match piece {
                Piece::Text(text) => &[text.to_owned()],
                Piece::Name(name) => match self.known.values.get(name) {
                    Some(values) if !values.is_empty() => values,
                    _ if self.known.any_if_unknown && !raw => &any,
                    Some(_) => {
                        let reason = format!("the placeholder `%{name}%` has no value in its file");
                        return Err(Fault::new("rule-placeholder-unknown", reason));
                    }
                    None => {
                        let reason =
                            format!("no file given with --placeholders defines the placeholder `%{name}%`");
                        return Err(Fault::new("rule-placeholder-unknown", reason));
                    }
                },
            };
            texts = self.joined(&texts, endings)?;
        }
        let read = |text: &String| {
            SigmaValue::String(if raw { SigmaString::from_raw(text) } else { SigmaString::new(text) })
        };
        self.left = self.left.saturating_sub(texts.len());
        Ok(texts.iter().map(read).collect())
    }

    /// Each beginning with each ending.
    fn joined(&mut self, beginnings: &[String], endings: &[String]) -> Result<Vec<String>, Fault> {
        let count = beginnings.len().saturating_mul(endings.len());
        let long = |list: &[String]| list.iter().map(String::len).max().unwrap_or_default();
        let bytes = count.saturating_mul(long(beginnings) + long(endings));
        if count > self.left || bytes > self.bytes_left {
            let reason = format!("its placeholders come to over {MAX_VALUES} values or {MAX_BYTES} bytes");
            return Err(Fault::new("rule-placeholder-size", reason));
        }
        if endings.len() > 1 {
            self.bytes_left -= bytes;
        }
        Ok(beginnings
            .iter()
            .flat_map(|start| endings.iter().map(move |end| format!("{start}{end}")))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_at_their_placeholders() {
        use Piece::{Name, Text};
        assert_eq!(pieces("%a%"), [Name("a")]);
        assert_eq!(pieces(r"x\%a y%b_1%"), [Text("x"), Text("%a y"), Name("b_1")]);
        assert_eq!(pieces("100% of %a%"), [Text("100% of "), Name("a")]);
        assert_eq!(pieces("%a b%c%"), [Text("%a b"), Name("c")]);
        assert_eq!(pieces("%%"), [Text("%%")]);
        assert_eq!(pieces("é%a%é"), [Text("é"), Name("a"), Text("é")]);
        assert_eq!(pieces(""), []);
    }
}
