//! Checks before a sink: what PHP pages do to what they were sent before they use it.
//!
//! In: the condition of an `if` and what stands behind it, or a pattern. Out: values that are known to be harmless are
//! marked so. A check counts only where the page ends or leaves its function if it fails; the pattern must name what is
//! allowed, from the beginning of the text to its end, and may allow nothing of which code could be made.

use std::rc::Rc;

use super::Language;
use super::token::Kind;
use super::value::{CHECKED, FILTERED, Value};
use super::walk::Walk;

/// Tokens of a condition that are looked at.
const CONDITION_MAX: usize = 200;
/// Tokens behind it in which the page must end.
const BODY_MAX: usize = 40;

impl Walk<'_> {
    /// Behind the condition that begins at token `start`: `if (!preg_match('/^[0-9]+$/', $x)) exit;`.
    pub(super) fn guarded(&mut self, start: usize) {
        if self.language != Language::Php || self.at.saturating_sub(start) > CONDITION_MAX || !self.leaves() {
            return;
        }
        let tokens = Rc::clone(&self.tokens);
        let condition = tokens.get(start..self.at).unwrap_or_default();
        for at in 0..condition.len() {
            let word = |ahead: usize| {
                condition
                    .get(at + ahead)
                    .filter(|token| token.kind != Kind::Str)
                    .map_or("", |token| &token.text)
            };
            let text = |ahead: usize| {
                condition
                    .get(at + ahead)
                    .filter(|token| token.kind == Kind::Str)
                    .map_or("", |token| &token.text)
            };
            let fails = at > 0 && condition.get(at - 1).is_some_and(|token| token.text == "!");
            match word(0) {
                "preg_match" if fails && is_allow_list(text(2)) && word(3) == "," => {
                    let place = match (word(5), text(6)) {
                        ("[", key) if !key.is_empty() => format!("{}[{key}]", word(4)),
                        _ => word(4).to_owned(),
                    };
                    self.mark(&place, CHECKED);
                }
                "strpos" | "stripos" | "strncmp" | "strncasecmp" | "str_starts_with" | "substr"
                    if word(1) == "(" && word(3) == "," && !word(2).is_empty() && text(4).is_empty() =>
                {
                    let name = word(2).to_owned();
                    let whole =
                        self.lookup(&name).is_some_and(|value| value.class.as_deref() == Some("realpath"));
                    let root = self.lookup(word(4)).is_none_or(|root| !root.tainted());
                    if whole && root {
                        self.mark(&name, FILTERED);
                    }
                }
                _ => {}
            }
        }
    }

    /// Behind a condition that asks for the command line and nothing else: `if (PHP_SAPI !== 'cli') exit;`, where the page
    /// ends otherwise, or the code between the braces that follow it.
    pub(super) fn on_command_line(&mut self, start: usize, braces: u32) {
        // The closing bracket was stepped over.
        let tokens = Rc::clone(&self.tokens);
        let condition = tokens.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        let is = |at: usize, word: &str| condition.get(at).is_some_and(|token| token.text == word);
        let asks = |at: usize| match condition.get(at).map(|token| token.text.as_ref()) {
            Some("php_sapi_name") if is(at + 1, "(") && is(at + 2, ")") => 3,
            Some("php_sapi") => 1,
            _ => 0,
        };
        let (word, op) = match (asks(0), asks(2)) {
            (width, _) if width > 0 && condition.len() == width + 2 => (width + 1, width),
            (_, width) if width > 0 && condition.len() == width + 2 => (0, 1),
            _ => return,
        };
        let own = self.functions.contains_key("php_sapi_name");
        if self.language != Language::Php || !is(word, "cli") || own {
            return;
        }
        if (is(op, "!=") || is(op, "!==")) && self.scope() == 0 && braces == 0 && self.leaves() {
            self.command_line = Some(0);
        } else if (is(op, "==") || is(op, "===")) && self.text(0) == "{" && self.command_line.is_none() {
            self.command_line = Some(braces + 1);
        }
    }

    /// Whether what stands next ends the page or leaves the function.
    fn leaves(&self) -> bool {
        let braced = self.text(0) == "{";
        for ahead in 0..BODY_MAX {
            match self.text(ahead) {
                "die" | "exit" | "return" | "throw" if self.is(ahead, Kind::Ident) => return true,
                "}" | "" => return false,
                ";" if !braced => return false,
                _ => {}
            }
        }
        false
    }

    fn mark(&mut self, place: &str, from: u32) {
        if place.is_empty() {
            return;
        }
        let value = self.lookup(place).cloned();
        let sent = place.split('[').next().and_then(super::sources::php);
        if let Some(value) = value.or_else(|| sent.map(Value::of)) {
            self.assign(place, value.and(from), false);
        }
    }
}

/// Whether a pattern lets only letters through, from the beginning to the end, of which no code can be made:
/// `/^[0-9+*. ()-]+$/`.
pub(super) fn is_allow_list(pattern: &str) -> bool {
    let Some((body, flags)) = parts(pattern) else { return false };
    let ends = body.strip_prefix('^').or_else(|| body.strip_prefix("\\A"));
    let Some(body) = ends.and_then(|body| ["$", "\\z", "\\Z"].iter().find_map(|end| body.strip_suffix(end)))
    else {
        return false;
    };
    let body = body.trim_end_matches(['+', '*']);
    let inside = body.strip_prefix('[').and_then(|body| body.strip_suffix(']'));
    !flags.contains('m') && (body == "\\d" || inside.is_some_and(is_harmless_class))
}

/// Whether `preg_replace` with this pattern and nothing in its place leaves only such letters: `/[^0-9+*.()-]/`.
pub(super) fn is_sieve(pattern: &str) -> bool {
    let Some((body, _)) = parts(pattern) else { return false };
    let body = body.trim_end_matches('+');
    let class = body.strip_prefix("[^").and_then(|body| body.strip_suffix(']'));
    body == "\\D" || class.is_some_and(is_harmless_class)
}

/// What stands between a pattern's delimiters, and its flags.
fn parts(pattern: &str) -> Option<(&str, &str)> {
    let open = pattern.chars().next().filter(|open| !open.is_alphanumeric() && *open != '\\')?;
    let end = pattern.rfind(open).filter(|end| *end > 0)?;
    Some((pattern.get(open.len_utf8()..end)?, pattern.get(end + open.len_utf8()..)?))
}

/// Digits, blanks and the signs of sums.
fn is_harmless_class(class: &str) -> bool {
    let class = class.replace("0-9", "").replace("\\d", "").replace("\\s", "");
    !class.contains('[')
        && class.len() < 40
        && class.chars().all(|letter| "\\+-*/%.,() 0123456789".contains(letter))
        && !class.contains("(-")
        && !class.contains(" -")
        && !class.contains("%-")
}
