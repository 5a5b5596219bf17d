//! Strings in which expressions stand, as PHP and C# have them.
//!
//! In: the string's body. Out: its pieces as tokens, joined by operators as if they had been written so.

use super::{INTERPOLATION_MAX, Kind, Language, Lexer, escaped, hides_letters, is_name};

impl Lexer<'_> {
    /// A PHP string in which variables stand: `"a $b"` becomes `("a " . $b)`.
    pub(super) fn interpolated(&mut self, body: &[u8], begin: usize, start: usize) {
        let whole = !body.contains(&b'$') || self.depth >= INTERPOLATION_MAX;
        if whole {
            let text = escaped(body, Language::Php);
            if hides_letters(body) {
                self.push(Kind::Ident, super::super::decode::ESCAPED, start);
                self.op("(", start);
                self.push(Kind::Str, text, start);
                self.op(")", start);
            } else {
                self.push(Kind::Str, text, start);
            }
            return;
        }
        self.op("(", start);
        let (mut at, mut literal) = (0, 0);
        while let Some(byte) = body.get(at) {
            let next = body.get(at + 1).copied().unwrap_or(0);
            let code = match byte {
                b'\\' => {
                    at += 2;
                    continue;
                }
                b'$' if next.is_ascii_alphabetic() || next == b'_' => Some((at, simple_end(body, at))),
                b'{' if next == b'$' => Some((at + 1, brace_end(body, at))),
                b'$' if next == b'{' => Some((at, brace_end(body, at + 1) + 1)),
                _ => None,
            };
            let Some((from, to)) = code else {
                at += 1;
                continue;
            };
            let text = escaped(body.get(literal..at).unwrap_or_default(), Language::Php);
            self.push(Kind::Str, text, start);
            self.op(".", start);
            let inner = body.get(from..to.min(body.len())).unwrap_or_default();
            self.inner(inner, begin + from);
            self.op(".", start);
            at = if *byte == b'{' { to + 1 } else { to }.max(at + 1);
            literal = at;
        }
        self.push(Kind::Str, escaped(body.get(literal..).unwrap_or_default(), Language::Php), start);
        self.op(")", start);
    }

    /// A C# string in which expressions stand: `$"a {b}"` becomes `("a " + (b))`. The lexer stands behind its quote.
    pub(super) fn with_holes(&mut self, start: usize, verbatim: bool) {
        let literal = |body: &[u8]| {
            if verbatim { super::super::value::text_of(body) } else { escaped(body, Language::JScript) }
        };
        let mut text = Vec::new();
        self.op("(", start);
        while self.at < self.text.len() {
            let (byte, next) = (self.peek(0), self.peek(1));
            match byte {
                b'\\' if !verbatim => {
                    text.extend([byte, next]);
                    self.at += 2;
                }
                b'"' | b'{' | b'}' if next == byte && (byte != b'"' || verbatim) => {
                    text.push(byte);
                    self.at += 2;
                }
                b'"' => {
                    self.at += 1;
                    break;
                }
                b'{' => {
                    self.push(Kind::Str, literal(&text), start);
                    text.clear();
                    self.op("+", start);
                    self.hole(start);
                    self.op("+", start);
                }
                _ => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.push(Kind::Str, literal(&text), start);
        self.op(")", start);
    }

    /// The expression between braces, without its format.
    fn hole(&mut self, start: usize) {
        let (begin, mut depth) = (self.at + 1, 0_u32);
        let mut end = None;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                b'}' if depth <= 1 => break,
                b'\n' => break,
                b'}' => depth -= 1,
                b':' if depth == 1 && end.is_none() => end = Some(self.at),
                _ => {}
            }
            self.at += 1;
        }
        let inner = self.slice(begin, end.unwrap_or(self.at)).to_vec();
        self.at += 1;
        self.op("(", start);
        self.inner(&inner, begin);
        self.op(")", start);
    }

    fn inner(&mut self, text: &[u8], at: usize) {
        let base = self.base + at;
        let depth = self.depth + 1;
        let mut lexer = Lexer { depth, ..Lexer::of(text, base, self.language) };
        lexer.run();
        self.out.append(&mut lexer.out);
    }
}

/// End of `$name`, `$name[key]` or `$name->field` in a string.
fn simple_end(body: &[u8], at: usize) -> usize {
    let name = |from: usize| {
        from + body.get(from..).unwrap_or_default().iter().take_while(|byte| is_name(**byte)).count()
    };
    let end = name(at + 1);
    match body.get(end) {
        Some(b'[') => {
            let close = body.get(end..).unwrap_or_default().iter().take(256).position(|byte| *byte == b']');
            close.map_or(end, |close| end + close + 1)
        }
        Some(b'-') if body.get(end + 1) == Some(&b'>') => name(end + 2),
        _ => end,
    }
}

/// Where the brace at `at` closes.
fn brace_end(body: &[u8], at: usize) -> usize {
    let mut depth = 0_i32;
    for (number, byte) in body.get(at..).unwrap_or_default().iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + number;
                }
            }
            _ => {}
        }
    }
    body.len()
}
