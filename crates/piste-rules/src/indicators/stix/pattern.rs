//! STIX patterns (STIX 2.1, section 9): text to a tree.
//!
//! In: a pattern, which a stranger wrote. Out: the observations with their comparisons and what joins them, or the place
//! where it is no pattern. Length and nesting are limited.
//!
//! ```text
//! pattern     = followed *("OR" | "AND" | "FOLLOWEDBY"), the last binds loosest
//! observation = "[" comparison "]" | "(" pattern ")", then WITHIN n SECONDS, REPEATS n TIMES, START t STOP t
//! comparison  = path ["NOT"] operator value, joined by AND before OR
//! ```

/// Bytes of the longest pattern.
const BYTES_MAX: usize = 200_000;
/// Nesting.
const DEPTH_MAX: usize = 48;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// One row shows it.
    Observation(Comparison),
    /// Joined by this word.
    Joined(Join, Vec<Self>),
    /// With `WITHIN`, `REPEATS` or `START`.
    Qualified(Box<Self>, &'static str),
}

/// What joins observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
    FollowedBy,
}

/// What one row must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is(Leaf),
}

/// A path held against values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// `file:hashes.sha-256`, in lower case, without quotes.
    pub(super) path: String,
    pub(super) negated: bool,
    pub(super) operator: Operator,
    /// One, or for `IN` several.
    pub(super) values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Order,
    In,
    Like,
    Matches,
    Subset,
    Superset,
    Exists,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Letters, or a path with its steps.
    Word(String),
    /// A literal: text, number, time.
    Value(String),
    /// `[ ] ( ) ,` and operators.
    Sign(&'static str),
}

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Pattern, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("the pattern is longer than {BYTES_MAX} bytes"));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let pattern = parser.pattern()?;
    match parser.peek() {
        None => Ok(pattern),
        Some(_) => Err(parser.wrong("an end")),
    }
}

const SIGNS: [&str; 13] = ["!=", "<>", "<=", ">=", "==", "=", "<", ">", "[", "]", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let c = rest.chars().next().unwrap_or_default();
        let start = at;
        if c.is_whitespace() || c == '\u{feff}' {
            at += c.len_utf8();
            continue;
        }
        if let Some(rest) = rest.strip_prefix("/*") {
            at += 4 + rest.find("*/").ok_or_else(|| format!("a remark is not closed, at {at}"))?;
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let quoted = ["'", "t'", "h'", "b'"].into_iter().find(|open| rest.starts_with(open));
        if let Some(open) = quoted {
            let (value, length) = literal(rest.get(open.len()..).unwrap_or_default(), start)?;
            at += open.len() + length;
            tokens.push((start, Token::Value(value)));
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            at += sign.len();
            tokens.push((start, Token::Sign(sign)));
        } else if c.is_ascii_digit() || (matches!(c, '-' | '+') && rest.len() > 1) {
            let length =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
            at += length;
            tokens.push((start, Token::Value(rest.get(..length).unwrap_or_default().to_owned())));
        } else if c.is_alphabetic() || c == '_' {
            let length = word(rest, start)?;
            at += length;
            tokens.push((start, Token::Word(rest.get(..length).unwrap_or_default().to_owned())));
        } else {
            return Err(format!("`{}` at {at} is not part of a pattern", c.escape_debug()));
        }
    }
    Ok(tokens)
}

/// Text up to the closing quote: the text, and the length with the quote.
fn literal(rest: &str, start: usize) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Ok((value, at + 1)),
            // Many write `\.` where the specification asks for `\\.`: only what must be escaped is.
            '\\' => match chars.next() {
                Some((_, escaped @ ('\'' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => {}
            },
            c => value.push(c),
        }
    }
    Err(format!("the text that begins at {start} is not closed"))
}

/// Length of a word, or of a path with its quoted steps and indexes.
fn word(rest: &str, start: usize) -> Result<usize, String> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    let mut path = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b':' => path = true,
            b'\'' if path => {
                let (_, length) = literal(rest.get(at + 1..).unwrap_or_default(), start + at)?;
                at += length;
            }
            b'[' if path => {
                let close = rest.get(at..).and_then(|rest| rest.find(']'));
                at += close.ok_or_else(|| format!("an index is not closed, at {}", start + at))?;
            }
            b'.' if path => {}
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii() => {}
            _ => break,
        }
        at += 1;
    }
    Ok(at)
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn wrong(&self, wanted: &str) -> String {
        match self.tokens.get(self.at) {
            None => format!("the pattern ends where {wanted} is expected"),
            Some((at, Token::Word(text) | Token::Value(text))) => {
                let text: String = text.chars().take(40).collect();
                format!("`{text}` stands at {at} where {wanted} is expected")
            }
            Some((at, Token::Sign(sign))) => format!("`{sign}` stands at {at} where {wanted} is expected"),
        }
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(found);
        found
    }

    fn needs_sign(&mut self, wanted: &str) -> Result<(), String> {
        if self.takes_sign(wanted) { Ok(()) } else { Err(self.wrong(&format!("`{wanted}`"))) }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(format!("it is nested deeper than {DEPTH_MAX}")) } else { Ok(()) }
    }

    fn pattern(&mut self) -> Result<Pattern, String> {
        self.deeper()?;
        let found = self.joined(Join::FollowedBy)?;
        self.depth -= 1;
        Ok(found)
    }

    /// Parts joined by this word, which are joined by the word that binds more tightly.
    fn joined(&mut self, join: Join) -> Result<Pattern, String> {
        let (word, tighter) = match join {
            Join::FollowedBy => ("FOLLOWEDBY", Some(Join::Or)),
            Join::Or => ("OR", Some(Join::And)),
            Join::And => ("AND", None),
        };
        let mut parts = Vec::new();
        loop {
            parts.push(match tighter {
                Some(tighter) => self.joined(tighter)?,
                None => self.observation()?,
            });
            if !self.takes_word(word) {
                break;
            }
        }
        Ok(if parts.len() > 1 { Pattern::Joined(join, parts) } else { parts.swap_remove(0) })
    }

    fn observation(&mut self) -> Result<Pattern, String> {
        let mut found = if self.takes_sign("[") {
            let comparison = self.any()?;
            self.needs_sign("]")?;
            Pattern::Observation(comparison)
        } else if self.takes_sign("(") {
            let inner = self.pattern()?;
            self.needs_sign(")")?;
            inner
        } else {
            return Err(self.wrong("`[`"));
        };
        while let Some(qualifier) = self.qualifier()? {
            self.deeper()?; // they may come one after another; what walks the tree goes as deep
            found = Pattern::Qualified(Box::new(found), qualifier);
        }
        Ok(found)
    }

    fn qualifier(&mut self) -> Result<Option<&'static str>, String> {
        for (word, name, end) in [
            ("WITHIN", "WITHIN", "SECONDS"),
            ("REPEATS", "REPEATS", "TIMES"),
            ("START", "START … STOP", "STOP"),
        ] {
            if self.takes_word(word) {
                self.value()?;
                if !self.takes_word(end) {
                    return Err(self.wrong(end));
                }
                if end == "STOP" {
                    self.value()?;
                }
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn any(&mut self) -> Result<Comparison, String> {
        self.deeper()?;
        let mut parts = Vec::new();
        loop {
            parts.push(self.all()?);
            if !self.takes_word("OR") {
                break;
            }
        }
        self.depth -= 1;
        Ok(if parts.len() > 1 { Comparison::Any(parts) } else { parts.swap_remove(0) })
    }

    fn all(&mut self) -> Result<Comparison, String> {
        let mut parts = Vec::new();
        loop {
            parts.push(self.one()?);
            if !self.takes_word("AND") {
                break;
            }
        }
        Ok(if parts.len() > 1 { Comparison::All(parts) } else { parts.swap_remove(0) })
    }

    fn one(&mut self) -> Result<Comparison, String> {
        if self.takes_sign("(") {
            let inner = self.any()?;
            self.needs_sign(")")?;
            return Ok(inner);
        }
        let before = self.takes_word("NOT");
        if self.takes_word("EXISTS") {
            let path = self.path()?;
            let leaf = Leaf { path, negated: before, operator: Operator::Exists, values: Vec::new() };
            return Ok(Comparison::Is(leaf));
        }
        let path = self.path()?;
        let negated = self.takes_word("NOT") || before;
        let operator = self.operator()?;
        let values = if operator == Operator::In { self.values()? } else { vec![self.value()?] };
        Ok(Comparison::Is(Leaf { path, negated, operator, values }))
    }

    fn path(&mut self) -> Result<String, String> {
        let path = match self.peek() {
            Some(Token::Word(word)) if word.contains(':') => word.to_lowercase().replace(['\'', '"'], ""),
            _ => return Err(self.wrong("an object path as `file:name`")),
        };
        self.at += 1;
        Ok(path)
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let found = match self.peek() {
            Some(Token::Sign("=" | "==")) => Some(Operator::Equal),
            Some(Token::Sign("!=" | "<>")) => Some(Operator::NotEqual),
            Some(Token::Sign("<" | ">" | "<=" | ">=")) => Some(Operator::Order),
            Some(Token::Word(word)) => match word.to_ascii_uppercase().as_str() {
                "IN" => Some(Operator::In),
                "LIKE" => Some(Operator::Like),
                "MATCHES" => Some(Operator::Matches),
                "ISSUBSET" => Some(Operator::Subset),
                "ISSUPERSET" => Some(Operator::Superset),
                _ => None,
            },
            _ => None,
        };
        let found = found.ok_or_else(|| self.wrong("an operator"))?;
        self.at += 1;
        Ok(found)
    }

    fn value(&mut self) -> Result<String, String> {
        let value = match self.peek() {
            Some(Token::Value(value)) => value.clone(),
            Some(Token::Word(word)) if ["true", "false"].contains(&word.to_ascii_lowercase().as_str()) => {
                word.clone()
            }
            _ => return Err(self.wrong("a value")),
        };
        self.at += 1;
        Ok(value)
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        self.needs_sign("(")?;
        let mut values = vec![self.value()?];
        while self.takes_sign(",") {
            values.push(self.value()?);
        }
        self.needs_sign(")")?;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_bind_as_the_specification_says() {
        let Ok(Pattern::Joined(Join::FollowedBy, parts)) =
            parse("[a:b = 'x'] AND [a:b = 'y'] OR [a:b = 'z'] FOLLOWEDBY ([a:b = 'q'] WITHIN 5 SECONDS)")
        else {
            panic!("FOLLOWEDBY binds loosest");
        };
        assert!(
            matches!(&parts[0], Pattern::Joined(Join::Or, parts) if matches!(parts[0], Pattern::Joined(Join::And, _)))
        );
        assert!(matches!(&parts[1], Pattern::Qualified(_, "WITHIN")));
        let Ok(Pattern::Observation(Comparison::Any(parts))) =
            parse("[a:b = 1 AND c:d IN ('x', 'y') OR e:f LIKE 'z%']")
        else {
            panic!("AND binds before OR");
        };
        assert!(matches!(&parts[0], Comparison::All(both) if both.len() == 2));
    }

    #[test]
    fn paths_and_values_are_read_whole() {
        let leaf = |text: &str| match parse(text) {
            Ok(Pattern::Observation(Comparison::Is(leaf))) => leaf,
            other => panic!("{text}: {other:?}"),
        };
        let one = leaf("[file:hashes.'SHA-256' = 'ABC']");
        assert_eq!((one.path.as_str(), one.values[0].as_str()), ("file:hashes.sha-256", "ABC"));
        let one = leaf(r"[ file:name NOT MATCHES '^C:\\\\a\'b' ]");
        assert_eq!(
            (one.negated, one.operator, one.values[0].as_str()),
            (true, Operator::Matches, r"^C:\\a'b")
        );
        let one = leaf("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x y']");
        assert_eq!(one.path, "network-traffic:extensions.http-request-ext.request_header.user-agent");
        let one = leaf("[domain-name:resolves_to_refs[*].value ISSUBSET '198.51.100.0/24']");
        assert_eq!(one.path, "domain-name:resolves_to_refs[*].value");
        let one = leaf("[network-traffic:dst_port>=-443] /* a remark */");
        assert_eq!((one.operator, one.values[0].as_str()), (Operator::Order, "-443"));
        assert!(
            parse(
                "[a:b = t'2021-03-02T00:00:00Z'] START t'2021-03-01T00:00:00Z' STOP t'2021-03-09T00:00:00Z'"
            )
            .is_ok()
        );
    }

    #[test]
    fn what_is_no_pattern_is_said_with_its_place() {
        for text in [
            "",
            "[",
            "[]",
            "[a:b]",
            "[a:b =]",
            "[a:b = 'x'",
            "[a:b = 'x]",
            "a:b = 'x'",
            "[a:b = 'x'] AND",
            "[a = 'x']",
            "[a:b IN ()]",
            "[a:b = 'x'] WITHIN 5",
            "[a:b = 'x'] trailing",
            "{",
            "[a:b[ = 1]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&format!("[a:b = 'x']{}", " WITHIN 1 SECONDS".repeat(5_000))).is_err());
        assert_eq!(parse("[file:name ~ 'x']"), Err("`~` at 11 is not part of a pattern".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_pattern_or_none(text in "[\\[\\]()a-c:='.,*0-9 \\\\é-]{0,60}|\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
