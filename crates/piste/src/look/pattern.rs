//! What a user searches for.
//!
//! In: `text`, `field=value` or `/regex/` as typed. Out: which rows of a batch have it. Each distinct value of a column is
//! tried once, since a log's values repeat themselves.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch, StringArray};
use piste_model::schema;
use regex::{Regex, RegexBuilder};

use super::rows::{int_at, list, pairs};

/// Characters of an expression that are shown from where it is wrong.
const PLACE_CHARS: usize = 20;

/// One thing to find.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The column to look in; all of them if `None`.
    field: Option<String>,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern. Case does not count, save in `/regex/`; `*` and `?` stand for any text and any one character in
    /// `field=value`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let long = text.len() > 2;
        if let Some(inner) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|_| long) {
            let regex = Regex::new(inner).map_err(|error| not_regular(text, inner, &error))?;
            return Ok(Self { field: None, regex });
        }
        let named = text.split_once('=').filter(|(name, _)| is_field_name(name));
        let (field, expression) = match named {
            Some((name, value)) => (Some(name.to_owned()), format!("^{}$", wildcards(value))),
            None => (None, regex::escape(text)),
        };
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| format!("`{text}` cannot be searched for: {error}"))?;
        Ok(Self { field, regex })
    }

    /// Sets `found` for the rows that do not have it to false.
    pub(crate) fn narrow(&self, batch: &RecordBatch, found: &mut [bool]) {
        let mut here = vec![false; found.len()];
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = field.name();
            let wanted = self.field.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
            if wanted {
                self.mark(batch, name, column, &mut here);
            } else if name == schema::EXTRA {
                self.mark_extra(column, &mut here);
            }
        }
        for (found, here) in found.iter_mut().zip(here) {
            *found &= here;
        }
    }

    fn mark(&self, batch: &RecordBatch, name: &str, column: &dyn Array, here: &mut [bool]) {
        if let Some(keys) = column.as_dictionary_opt::<Int32Type>()
            && let Some(values) = keys.values().as_string_opt::<i32>()
        {
            let values: &StringArray = values;
            let hits: Vec<bool> =
                values.iter().map(|value| value.is_some_and(|text| self.regex.is_match(text))).collect();
            for (row, here) in here.iter_mut().enumerate().filter(|(row, _)| !keys.is_null(*row)) {
                let key = usize::try_from(keys.keys().value(row)).ok();
                *here |= key.and_then(|key| hits.get(key)).copied().unwrap_or_default();
            }
        } else if name == schema::DATA {
            for (row, here) in here.iter_mut().enumerate() {
                *here |=
                    list(column, row).is_some_and(|list| list.iter().any(|text| self.regex.is_match(text)));
            }
        } else if name == schema::EXTRA {
            self.mark_extra(column, here);
        } else if self.field.is_some() {
            for (row, here) in here.iter_mut().enumerate() {
                *here |=
                    int_at(batch, name, row).is_some_and(|number| self.regex.is_match(&number.to_string()));
            }
        }
    }

    fn mark_extra(&self, column: &dyn Array, here: &mut [bool]) {
        for (row, here) in here.iter_mut().enumerate() {
            *here |= pairs(column, row).is_some_and(|pairs| {
                pairs.iter().any(|(name, value)| {
                    let wanted = self.field.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
                    wanted && value.as_str().is_some_and(|text| self.regex.is_match(text))
                })
            });
        }
    }
}

/// Why an expression cannot be used, and where in what was typed.
fn not_regular(text: &str, inner: &str, error: &regex::Error) -> String {
    let (why, span) = match regex_syntax::Parser::new().parse(inner) {
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), Some(*error.span())),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), Some(*error.span())),
        // It reads, and yet it cannot be used: it is too large.
        _ => (error.to_string().replace('\n', " "), None),
    };
    let place = span.map_or_else(String::new, |span| {
        let before = inner.get(..span.start.offset).unwrap_or_default();
        let rest: String = inner.chars().skip(before.chars().count()).take(PLACE_CHARS).collect();
        let number = before.chars().count() + 2; // counted from one, with the slash before it
        if rest.is_empty() { ", at its end".to_owned() } else { format!(", at character {number}: `{rest}`") }
    });
    format!("`{text}` is no regular expression: {why}{place}")
}

/// A name such as `EventID`, `cs-uri-stem` or `cs(Cookie)`: a command line with an `=` in it is text to find.
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@()".contains(&byte))
}

fn wildcards(value: &str) -> String {
    value
        .chars()
        .map(|character| match character {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            other => regex::escape(other.encode_utf8(&mut [0; 4])),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, field: Option<&str>, has: &[&str], has_not: &[&str]) {
        let pattern = Pattern::parse(pattern).expect("parses");
        assert_eq!(pattern.field.as_deref(), field);
        for text in has {
            assert!(pattern.regex.is_match(text), "{text}");
        }
        for text in has_not {
            assert!(!pattern.regex.is_match(text), "{text}");
        }
    }

    #[test]
    fn text_fields_and_expressions_are_told_apart() {
        check("WhoAmI", None, &["cmd /c whoami"], &["who"]);
        check("a.b", None, &["A.B"], &["axb"]);
        check("Image=*\\cmd.exe", Some("Image"), &["C:\\Windows\\CMD.exe"], &["cmd.exe.txt", "xcmd.exe"]);
        check("set x=1 y", None, &["set x=1 y"], &["1 y"]);
        check("/^T1[0-9]+$/", None, &["T1003"], &["t1003"]);
        check("/", None, &["a/b"], &["a"]);
    }

    #[test]
    fn a_wrong_expression_says_why_and_where() {
        for (pattern, told) in [
            ("/(/", "unclosed group, at character 2: `(`"),
            ("/who[a-/", "unclosed character class, at character 5: `[a-`"),
            ("/é*z{2,1}/", "at character 5"),
            ("/a(?=b)/", "look-around"),
            ("/a{1000}{1000}{1000}/", "is no regular expression"),
        ] {
            let what = Pattern::parse(pattern).expect_err("it is refused");
            assert!(what.contains(told), "{what}");
            assert!(!what.contains('\n'), "{what}");
        }
    }
}
