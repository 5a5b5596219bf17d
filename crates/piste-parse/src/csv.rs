//! One line of CSV to its values.
//!
//! In: a line. Out: its values, borrowed where they need no unescaping. RFC 4180, but a line is always a whole record:
//! Exchange writes no newline inside a value, and where a listing does, its reader joins what belongs together.

use std::borrow::Cow;

/// The fault of a line whose last value goes on in the next.
pub(crate) const OPEN_QUOTE: &str = "a quote in it is not closed";

/// Splits a line; `values` is emptied first.
///
/// # Errors
/// What is wrong with the quotes, in words.
pub(crate) fn split<'a>(line: &'a str, values: &mut Vec<Cow<'a, str>>) -> Result<(), &'static str> {
    split_at(line, ',', values)
}

/// Splits a line at another delimiter, as spreadsheets of some countries write it.
///
/// # Errors
/// As [`split`]; `values` then holds what came before the fault.
pub(crate) fn split_at<'a>(
    line: &'a str,
    delimiter: char,
    values: &mut Vec<Cow<'a, str>>,
) -> Result<(), &'static str> {
    values.clear();
    let mut rest = line;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted, delimiter)?,
            None => match rest.split_once(delimiter) {
                Some((value, after)) => (Cow::Borrowed(value), Some(after)),
                None => (Cow::Borrowed(rest), None),
            },
        };
        values.push(value);
        match after {
            Some(after) => rest = after,
            None => return Ok(()),
        }
    }
}

/// The value after an opening quote, and what follows its comma.
fn quoted_value(text: &str, delimiter: char) -> Result<(Cow<'_, str>, Option<&str>), &'static str> {
    let mut doubled = false;
    let mut from = 0;
    let (value, after) = loop {
        let quote = from + text.get(from..).and_then(|rest| rest.find('"')).ok_or(OPEN_QUOTE)?;
        let after = text.get(quote + 1..).unwrap_or_default();
        if !after.starts_with('"') {
            break (text.get(..quote).unwrap_or_default(), after);
        }
        doubled = true;
        from = quote + 2;
    };
    let value = if doubled { Cow::Owned(value.replace("\"\"", "\"")) } else { Cow::Borrowed(value) };
    match after.strip_prefix(delimiter) {
        Some(after) => Ok((value, Some(after))),
        None if after.is_empty() => Ok((value, None)),
        None => Err("text follows a closing quote in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&[&str], &'static str>) {
        let mut values = Vec::new();
        let outcome = split(line, &mut values);
        assert_eq!(
            outcome.map(|()| values.iter().map(AsRef::as_ref).collect::<Vec<&str>>()),
            expected.map(<[_]>::to_vec)
        );
    }

    #[test]
    fn values_are_split_at_commas_outside_quotes() {
        check("a,,b", Ok(&["a", "", "b"]));
        check("", Ok(&[""]));
        check("a,\"b,\"\"c\"\"\",", Ok(&["a", "b,\"c\"", ""]));
        check("a b\"c,d", Ok(&["a b\"c", "d"]));
        check("\"\",\"\"\"\"", Ok(&["", "\""]));
        check("a,\"b", Err("a quote in it is not closed"));
        check("\"a\"b,c", Err("text follows a closing quote in it"));
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(values in proptest::collection::vec("[ -~ä]{0,8}", 1..6)) {
            let line: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let line = line.join(",");
            let mut found = Vec::new();
            prop_assert!(split(&line, &mut found).is_ok());
            prop_assert_eq!(found, values);
        }

        #[test]
        fn no_line_makes_it_panic(line in "[\",a'ä]{0,40}") {
            let _ = split(&line, &mut Vec::new());
        }
    }
}
