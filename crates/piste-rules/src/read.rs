//! One rule file to rules and reasons.
//!
//! In: a file's text. Out: for each YAML document a parsed rule, or a [`NotRun`] with line and column. Sigma's old
//! `action: global` documents are joined with those that follow them.

use piste_model::guard::guarded;
use piste_model::hash::sha256_hex;
use rsigma_parser::{
    CorrelationRule, FilterRule, FilterRuleTarget, SigmaCollection, SigmaRule, parse_sigma_yaml,
};
use yaml_serde::Value;

use crate::check::{self, Fault};
use crate::documents::{Document, split};
use crate::rule::NotRun;

/// The most text that joined documents of one file may come to: `action: repeat` repeats all that stands before it.
const MAX_JOINED_BYTES: usize = 4 * 1024 * 1024;

/// What became of one document.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// A rule that parsed and can be compiled.
    Rule(Box<Parsed<SigmaRule>>),
    /// A correlation that parsed.
    Correlation(Box<Parsed<CorrelationRule>>),
    /// A filter that parsed and can be compiled.
    Filter(Box<Parsed<FilterRule>>),
    /// Something else.
    NotRun(NotRun),
}

/// A document as parsed, not yet in a set.
#[derive(Debug, Clone)]
pub(crate) struct Parsed<T> {
    pub(crate) sigma: T,
    /// Its id, else its title.
    pub(crate) id: String,
    /// Line of its title in the file.
    pub(crate) line: u64,
    /// SHA-256 of its text, to tell a copy from a conflict.
    pub(crate) sha256: String,
    /// Length of its text.
    pub(crate) bytes: usize,
}

/// Reads all documents of a file; `path` is the one to show.
pub(crate) fn read_text(path: &str, text: &str) -> Vec<Outcome> {
    let documents = split(text);
    if documents.is_empty() {
        let reason = "the file has no YAML document";
        return vec![Outcome::NotRun(NotRun::new(None, path, 1, "rule-not-sigma", reason))];
    }
    if documents.iter().any(|document| document.line_of("action").is_some()) {
        return read_joined(path, &documents);
    }
    documents.iter().map(|document| read_document(path, document, document)).collect()
}

/// Reads documents of which some are templates of others.
fn read_joined(path: &str, documents: &[Document<'_>]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let (mut global, mut chain) = (String::new(), String::new());
    let mut joined_bytes = 0_usize;
    for document in documents {
        let text = with_marker(document.text);
        match action(document).as_deref() {
            Some("global") => {
                global = text;
                continue;
            }
            Some("reset") => {
                global.clear();
                continue;
            }
            Some("repeat") => chain += &text,
            _ => chain = text,
        }
        joined_bytes += global.len() + chain.len();
        if joined_bytes > MAX_JOINED_BYTES {
            let reason = "its repeated documents come to over 4 MiB";
            let line = document.shown_line();
            outcomes.push(Outcome::NotRun(NotRun::new(None, path, line, "rule-unreadable", reason)));
            return outcomes;
        }
        let whole = format!("{global}{chain}");
        outcomes.push(read_document(
            path,
            document,
            &Document { text: &whole, first_line: document.first_line },
        ));
    }
    outcomes
}

/// A document's text that can follow another's.
fn with_marker(text: &str) -> String {
    let start = if text.starts_with("---") { "" } else { "---\n" };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{start}{text}{end}")
}

/// The `action` of a document, where it has one on one line.
fn action(document: &Document<'_>) -> Option<String> {
    let line = document.text.lines().find_map(|line| line.strip_prefix("action:"))?;
    let word = line.split('#').next().unwrap_or_default();
    Some(word.trim().trim_matches(['"', '\'']).to_owned())
}

/// Reads one document. `whole` is what is parsed: the document, with its templates before it.
fn read_document(path: &str, document: &Document<'_>, whole: &Document<'_>) -> Outcome {
    let line = document.shown_line();
    let refuse =
        |id: Option<String>, slug, reason: &str| Outcome::NotRun(NotRun::new(id, path, line, slug, reason));
    if let Err(reason) = whole.refuse_hostile() {
        return refuse(None, "rule-unreadable", &reason);
    }
    // The parser is another's code: should it panic on some rule, that costs the rule and not the hunt.
    let parsed = guarded(|| parse_sigma_yaml(whole.text));
    let mut collection = match parsed {
        Ok(Ok(collection)) => collection,
        Ok(Err(error)) => return refuse(None, "rule-unreadable", &tidy(&error.to_string())),
        Err(_) => return refuse(None, "rule-unreadable", "the Sigma parser failed on it"),
    };
    let bytes = whole.text.len();
    let sha256 = sha256_hex(whole.text.trim().as_bytes());
    if let Some(sigma) = collection.correlations.pop() {
        let id = id_of(sigma.id.as_ref(), &sigma.title);
        return Outcome::Correlation(Box::new(Parsed { sigma, id, line, sha256, bytes }));
    }
    let (id, fault) = if let Some(sigma) = collection.filters.pop() {
        let id = id_of(sigma.id.as_ref(), &sigma.title);
        match refuse_vague(&sigma, document).map_or_else(|| check::check_filter(&sigma), Err) {
            Ok(()) => return Outcome::Filter(Box::new(Parsed { sigma, id, line, sha256, bytes })),
            Err(fault) => (id, fault),
        }
    } else if let Some(sigma) = collection.rules.pop() {
        let id = id_of(sigma.id.as_ref(), &sigma.title);
        match check::check(&sigma) {
            Ok(()) => return Outcome::Rule(Box::new(Parsed { sigma, id, line, sha256, bytes })),
            Err(fault) => (id, fault),
        }
    } else {
        return explain(path, document, whole, &collection);
    };
    let said = match &fault.text {
        Some(text) => Said { place: find_pattern(document, text), text: fault.reason },
        None => with_place(document, &fault.reason),
    };
    Outcome::NotRun(said.at(NotRun::new(Some(id), path, line, fault.slug, "")))
}

/// A rule's id, else its title.
pub(crate) fn id_of(id: Option<&String>, title: &str) -> String {
    id.filter(|id| !id.trim().is_empty()).map_or_else(|| title.to_owned(), Clone::clone)
}

/// A filter must say what it is for: the parser takes one that does not for a filter of every rule.
fn refuse_vague(filter: &FilterRule, document: &Document<'_>) -> Option<Fault> {
    if filter.rules != FilterRuleTarget::Any {
        return None;
    }
    let value = read_value(document).ok()?;
    let rules = value.get("filter").and_then(|section| section.get("rules"));
    let says_any = rules.and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case("any"));
    if !says_any {
        let reason =
            "a filter names its rules in `filter: rules:`, by id or name, or says `rules: any` there";
        return Some(Fault::new("rule-unreadable", reason));
    }
    let named = filter.logsource.as_ref().is_some_and(|source| {
        [&source.product, &source.category, &source.service].iter().any(|part| part.is_some())
    });
    let reason = "a filter of any rule names the log source that it is for";
    (!named).then(|| Fault::new("rule-unreadable", reason))
}

/// A reason, and the line and column in the file where it lies, if known.
#[derive(Debug)]
struct Said {
    place: Option<(u64, Option<u64>)>,
    text: String,
}

impl Said {
    fn at(self, one: NotRun) -> NotRun {
        let one = NotRun { reason: self.text, ..one };
        match self.place {
            Some((line, column)) => one.at(line, column),
            None => one,
        }
    }
}

/// Says why a document gave no rule.
fn explain(
    path: &str,
    document: &Document<'_>,
    whole: &Document<'_>,
    collection: &SigmaCollection,
) -> Outcome {
    let line = document.shown_line();
    let refused = |said: Said, id| said.at(NotRun::new(id, path, line, "rule-unreadable", ""));
    let value = match read_value(document) {
        Ok(value) => value,
        Err(said) => return Outcome::NotRun(refused(said, None)),
    };
    let joined = document.text != whole.text;
    let is_sigma =
        ["detection", "correlation", "filter", "logsource"].iter().any(|&key| value.get(key).is_some());
    if !is_sigma && !joined {
        let reason = "a YAML document without detection: no Sigma rule";
        return Outcome::NotRun(NotRun::new(None, path, line, "rule-not-sigma", reason));
    }
    let id = ["id", "title"].iter().find_map(|&key| value.get(key)?.as_str()).map(str::to_owned);
    let message = collection.errors.last().map_or("it holds no rule", String::as_str);
    let said = match document.line_of("detection").and(condition_place(document)) {
        Some((condition_line, column)) if message.starts_with("Condition parse error") => {
            place_condition(message, condition_line, column)
        }
        _ => with_place(document, &tidy(message)),
    };
    Outcome::NotRun(refused(said, id))
}

/// Reads a document as YAML; an error gives the line and column in the file.
fn read_value(document: &Document<'_>) -> Result<Value, Said> {
    yaml_serde::from_str::<Value>(document.text).map_err(|error| {
        let message = error.to_string();
        let Some(place) = error.location() else { return Said { place: None, text: tidy(&message) } };
        let line = document.first_line + number(place.line()).saturating_sub(1);
        // The message repeats the place, counted from the document's first line; ours counts from the file's.
        let what = message.split(" at line ").next().unwrap_or_default();
        Said { place: Some((line, Some(number(place.column())))), text: tidy(what) }
    })
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Line of the condition in the file, and the column where its text begins if it stands on that line.
fn condition_place(document: &Document<'_>) -> Option<(u64, Option<usize>)> {
    document.text.lines().zip(document.first_line..).find_map(|(text, line)| {
        let indent = text.len() - text.trim_start().len();
        let rest = text.trim_start().strip_prefix("condition:")?;
        let blanks = rest.len() - rest.trim_start().len();
        let plain = rest.trim_start().chars().next().is_some_and(|first| !"|>[&*#'\"".contains(first));
        Some((line, plain.then_some(indent + "condition:".len() + blanks)))
    })
}

/// Where a regular expression stands, as written plainly or between quotes.
fn find_pattern(document: &Document<'_>, pattern: &str) -> Option<(u64, Option<u64>)> {
    let forms = [pattern.to_owned(), pattern.replace('\'', "''"), pattern.replace('\\', "\\\\")];
    document.text.lines().zip(document.first_line..).find_map(|(text, line)| {
        let at = forms.iter().find_map(|form| text.find(form.as_str()))?;
        Some((line, Some(number(at) + 1)))
    })
}

/// Adds line and column to messages that name a word of the rule and not its place.
fn with_place(document: &Document<'_>, message: &str) -> Said {
    let word = |prefix: &str| message.strip_prefix(prefix).map(|rest| rest.trim_matches('\''));
    let text = message.to_owned();
    let needle = match (word("Unknown modifier "), word("unknown detection identifier: ")) {
        (Some(modifier), _) => format!("|{modifier}"),
        (_, Some(selection)) => selection.to_owned(),
        _ => return Said { place: None, text },
    };
    // A modifier may stand anywhere; a selection is named by the condition, which is the last place of its name.
    let lines = document.text.lines().zip(document.first_line..);
    let places = lines.filter_map(|(text, line)| Some((line, Some(number(text.find(&needle)?) + 1))));
    let place = if needle.starts_with('|') { places.take(1).last() } else { places.last() };
    Said { place, text }
}

/// Turns the grammar's drawing (`--> 1:15`, a caret, `= expected ...`) into a place and `condition: expected ...`.
fn place_condition(message: &str, line: u64, start: Option<usize>) -> Said {
    let expected = message.lines().find_map(|text| text.trim().strip_prefix("= "));
    let what = expected.map_or_else(|| tidy(message), tidy);
    let column = message
        .split_once("error at 1:")
        .and_then(|(_, rest)| rest.split(|sign: char| !sign.is_ascii_digit()).next()?.parse::<usize>().ok());
    let column = start.zip(column).map(|(start, column)| number(start + column));
    Said { place: Some((line, column)), text: format!("condition: {what}") }
}

/// One line, without a final period, bounded.
fn tidy(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "title: T\nid: r1\nlogsource: {product: windows}\ndetection:\n  a: {b: c}\n  condition: a\n";

    /// `rule TITLE line` or `slug line:column id: reason`, a line a document.
    fn shown(text: &str) -> String {
        let lines: Vec<String> = read_text("x.yml", text)
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Rule(rule) => format!("rule {} {}", rule.sigma.title, rule.line),
                Outcome::Correlation(one) => format!("correlation {} {}", one.sigma.title, one.line),
                Outcome::Filter(one) => format!("filter {} {}", one.sigma.title, one.line),
                Outcome::NotRun(one) => {
                    let column = one.column.map(|column| format!(":{column}")).unwrap_or_default();
                    let id = one.rule_id.as_deref().unwrap_or("-");
                    format!("{} {}{column} {id}: {}", one.slug, one.line, one.reason)
                }
            })
            .collect();
        lines.join("\n")
    }

    #[test]
    fn several_documents_keep_their_lines() {
        insta::assert_snapshot!(shown(&format!("# one\n{GOOD}---\n# two\n{GOOD}...\n{GOOD}")), @r"
        rule T 2
        rule T 10
        rule T 17
        ");
    }

    #[test]
    fn broken_rules_say_where() {
        insta::assert_snapshot!(shown("title: T\ndetection:\n  a: [1\n  condition: a\n"), @r"
        rule-unreadable 4:12 -: did not find expected ',' or ']'
        ");
        insta::assert_snapshot!(shown(&format!("{GOOD}---\ntitle: U\nx: 'a\n")), @r"
        rule T 1
        rule-unreadable 10:1 -: found unexpected end of stream
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("condition: a", "condition: a and")), @r"
        rule-unreadable 6:19 r1: condition: expected quantifier, ident, or not_op
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("condition: a", "condition: >\n    a and")), @r"
        rule-unreadable 6 r1: condition: expected quantifier, ident, or not_op
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("condition: a", "condition: nosuch")), @r"
        rule-unreadable 6:14 r1: unknown detection identifier: nosuch
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("{b: c}", "{b|nosuch: c}")), @r"
        rule-unreadable 5:8 r1: Unknown modifier 'nosuch'
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("{b: c}", "{b|re: 'c(?!d)'}")), @r"
        rule-look-around 5:14 r1: the regular expression `c(?!d)` does not compile: look-around is not supported
        ");
        insta::assert_snapshot!(shown("title: T\nlogsource: {product: windows}\n"), @r"
        rule-unreadable 1 T: Missing required field 'detection'
        ");
        insta::assert_snapshot!(shown(&GOOD.replace("condition: a", "condition: a | count() > 5")), @r"
        rule-unreadable 6:16 r1: condition: expected EOI, or_op, or and_op
        ");
    }

    #[test]
    fn other_yaml_is_named_as_such() {
        insta::assert_snapshot!(shown("- 1\n- 2\n"), @r"
        rule-not-sigma 1 -: a YAML document without detection: no Sigma rule
        ");
        insta::assert_snapshot!(shown("services:\n  web: {image: x}\n"), @r"
        rule-not-sigma 1 -: a YAML document without detection: no Sigma rule
        ");
        insta::assert_snapshot!(shown("# nothing\n"), @r"
        rule-not-sigma 1 -: the file has no YAML document
        ");
        insta::assert_snapshot!(shown("just text"), @r"
        rule-not-sigma 1 -: a YAML document without detection: no Sigma rule
        ");
    }

    #[test]
    fn correlations_and_filters_are_told_apart() {
        let correlation = "title: C\nid: 7\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [User]\n  \
                           timespan: 5m\n  condition: {gte: 10}\n";
        insta::assert_snapshot!(shown(correlation), @r"
        correlation C 1
        ");
        let filter = "title: F\nlogsource: {product: windows}\nfilter:\n  rules: [a]\n  selection: {User: x}\n  \
                      condition: not selection\n";
        insta::assert_snapshot!(shown(filter), @r"
        filter F 1
        ");
        let vague = filter.replace("  rules: [a]\n", "");
        insta::assert_snapshot!(shown(&vague), @"rule-unreadable 1 F: a filter names its rules in `filter: rules:`, by id or name, or says `rules: any` there");
        insta::assert_snapshot!(shown(&filter.replace("[a]", "[]")), @"rule-unreadable 1 F: a filter names its rules in `filter: rules:`, by id or name, or says `rules: any` there");
        let any = filter.replace("[a]", "any");
        insta::assert_snapshot!(shown(&any), @"filter F 1");
        insta::assert_snapshot!(shown(&any.replace("logsource: {product: windows}\n", "")), @"rule-unreadable 1 F: a filter of any rule names the log source that it is for");
    }

    #[test]
    fn templates_are_joined_with_their_followers() {
        let global = "action: global\ntitle: G\nid: r1\nlogsource: {product: windows}\n";
        let one = "---\ndetection:\n  a: {b: c}\n  condition: a\n";
        insta::assert_snapshot!(shown(&format!("{global}{one}{one}---\naction: repeat\ntitle: R\n")), @r"
        rule G 6
        rule G 10
        rule R 15
        ");
    }

    #[test]
    fn hostile_text_is_a_reason_and_never_a_crash() {
        insta::assert_snapshot!(shown(&GOOD.replace("condition: a", &format!("condition: {}a", "(".repeat(6_000)))), @r"
        rule-unreadable 1 -: a condition has over 64 parentheses
        ");
        let deep = format!("title: T\ndetection: {}1{}\n", "[".repeat(500), "]".repeat(500));
        insta::assert_snapshot!(shown(&deep), @r"
        rule-unreadable 2:139 -: recursion limit exceeded
        ");
        insta::assert_snapshot!(shown("title: \0\u{1}\n"), @r"
        rule-unreadable 1:1 -: control characters are not allowed at position 7
        ");
        insta::assert_snapshot!(shown("&a a: *a\n*b : c\n"), @r"
        rule-unreadable 2:1 -: unknown anchor
        ");
    }
}
