//! Script text to tokens: one bounded lexer for the languages of web pages.
//!
//! In: one stretch of code and its language. Out: identifiers in lower case, variables, strings with their escapes undone,
//! numbers and operators, each with its byte offset. Comments are gone; a string that holds expressions becomes the
//! concatenation that it stands for. Linear in the text; what cannot be a token is skipped.

mod holes;
mod text;

pub(super) use text::Text;

use super::Language;

/// Tokens of one page that are looked at.
pub(super) const TOKENS_MAX: usize = 600_000;
/// How deep a string that holds code may hold strings.
const INTERPOLATION_MAX: u32 = 4;
/// Bytes of a text's name behind `<<<`.
const HEREDOC_HEAD_MAX: usize = 200;
/// Bytes of a pattern between slashes.
const REGEX_BYTES_MAX: usize = 2_048;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword, in lower case.
    Ident,
    /// A PHP variable, without `$`.
    Var,
    /// A string, its escapes undone.
    Str,
    /// A number as written.
    Num,
    /// An operator or bracket.
    Op,
    /// End of a line in a language where that ends a statement.
    Newline,
}

/// One token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: Text,
    /// Byte offset in the page's text.
    pub at: usize,
}

/// All of ASCII, from which one-character operators are cut.
const ASCII: &str = "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{f}\u{10}\u{11}\u{12}\u{13}\u{14}\u{15}\u{16}\u{17}\u{18}\u{19}\u{1a}\u{1b}\u{1c}\u{1d}\u{1e}\u{1f} !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\u{7f}";
/// Operators of more than one character, longest first.
const LONG_OPS: [&str; 33] = [
    "===", "!==", "<=>", "**=", "...", "<<=", ">>=", "??=", "?->", "->", "=>", "::", "==", "!=", "<>", "<=",
    ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", ".=", "%=", "&=", "|=", "^=", "**",
];

/// Cuts `text`, which starts at `base` in the page, into tokens; where its remarks stand is added to `remarks`.
pub(super) fn tokens(
    text: &[u8],
    base: usize,
    language: Language,
    remarks: &mut Vec<(usize, usize)>,
) -> Vec<Token> {
    let mut lexer = Lexer::of(text, base, language);
    if language == Language::Php {
        lexer.php_file();
    } else {
        lexer.run();
    }
    remarks.append(&mut lexer.remarks);
    lexer.out
}

/// Tokens of PHP code that stands without its opening tag, as in a string given to `eval`.
pub(super) fn php_code(text: &[u8], base: usize) -> Vec<Token> {
    let mut lexer = Lexer::of(text, base, Language::Php);
    lexer.run();
    if lexer.at < text.len() {
        lexer.php_file();
    }
    lexer.out
}

struct Lexer<'a> {
    text: &'a [u8],
    base: usize,
    at: usize,
    language: Language,
    out: Vec<Token>,
    depth: u32,
    /// Whether the code stands in `<script language="php">`.
    script: bool,
    /// From where to where remarks stand in the page.
    remarks: Vec<(usize, usize)>,
}

/// Whether a byte may stand in a name; letters outside ASCII may.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'a> Lexer<'a> {
    fn of(text: &'a [u8], base: usize, language: Language) -> Self {
        let (out, remarks) = (Vec::new(), Vec::new());
        Self { text, base, at: 0, language, out, depth: 0, script: false, remarks }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.text.get(from..to.min(self.text.len())).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, text: impl Into<Text>, at: usize) {
        self.out.push(Token { kind, text: text.into(), at: self.base + at });
    }

    fn op(&mut self, text: &'static str, at: usize) {
        self.push(Kind::Op, text, at);
    }

    fn done(&self) -> bool {
        self.at >= self.text.len() || self.out.len() >= TOKENS_MAX
    }

    /// A PHP file: text, and code between its tags.
    fn php_file(&mut self) {
        if self.at == 0 && memchr::memmem::find(self.text, b"<?").is_none() && self.opening().is_none() {
            self.run();
            return;
        }
        while !self.done() {
            let Some((start, length)) = self.opening() else { return };
            self.at += start + length;
            self.script = length > 2;
            let rest = self.rest();
            if rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"xml"))
                && !rest.get(3).is_some_and(|byte| is_name(*byte))
            {
                continue;
            }
            if rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"php")) {
                self.at += 3;
            } else if rest.first() == Some(&b'=') {
                self.at += 1;
                let at = self.at;
                self.push(Kind::Ident, "echo", at);
            }
            self.run();
            let at = self.at;
            self.op(";", at);
        }
    }

    /// Where the next code begins, and the length of its tag: `<?`, or `<script language="php">`. A picture holds `<?` by
    /// chance, which would swallow the code behind it.
    fn opening(&self) -> Option<(usize, usize)> {
        let rest = self.rest();
        let head = self.text.get(..self.text.len().min(512)).unwrap_or_default();
        let odd = head.iter().filter(|byte| **byte < 9).count();
        let picture = !head.starts_with(b"<?")
            && (head.contains(&0)
                || odd > 8
                || head.starts_with(&[0xff, 0xd8])
                || head.starts_with(b"PK")
                || head.starts_with(&[0x1f, 0x8b]));
        for at in memchr::memchr_iter(b'<', rest) {
            let tail = rest.get(at..).unwrap_or_default();
            if tail.get(1) == Some(&b'?') {
                let word = tail.get(2..5).unwrap_or_default();
                if !picture
                    || word.eq_ignore_ascii_case(b"php")
                    || word.starts_with(b"=$")
                    || short_code(tail)
                {
                    return Some((at, 2));
                }
            } else if tail.get(1..7).is_some_and(|word| word.eq_ignore_ascii_case(b"script")) {
                let head = tail.iter().take(200).position(|byte| *byte == b'>').unwrap_or(0);
                let tag = tail.get(..head).unwrap_or_default().to_ascii_lowercase();
                let word = |word: &[u8]| memchr::memmem::find(&tag, word).is_some();
                if word(b"language") && word(b"php") {
                    return Some((at, head + 1));
                }
            }
        }
        None
    }

    /// Code up to its end, or up to `?>` in PHP.
    fn run(&mut self) {
        while !self.done() {
            let byte = self.peek(0);
            if byte == b'\n' && self.language.is_basic() {
                let at = self.at;
                self.push(Kind::Newline, "\n", at);
                self.at += 1;
            } else if byte <= b' ' || byte == 0xa0 {
                self.at += 1;
            } else if self.language == Language::Php && self.rest().starts_with(b"?>") {
                self.at += 2;
                return;
            } else if self.script
                && byte == b'<'
                && self.rest().get(..8).is_some_and(|end| end.eq_ignore_ascii_case(b"</script"))
            {
                return;
            } else if !self.remark(byte) && !self.string(byte) && !self.word(byte) {
                self.operator(byte);
            }
        }
    }

    fn skip_line(&mut self) {
        while self.at < self.text.len() && self.peek(0) != b'\n' {
            if self.language == Language::Php && self.rest().starts_with(b"?>") {
                return;
            }
            self.at += 1;
        }
    }

    /// Steps over a remark, and notes where it stands.
    fn remark(&mut self, byte: u8) -> bool {
        let start = self.at;
        let stepped = self.comment(byte);
        if stepped && self.depth == 0 && self.at - start > 4 {
            self.remarks.push((self.base + start, self.base + self.at));
        }
        stepped
    }

    fn comment(&mut self, byte: u8) -> bool {
        if self.language.is_basic() {
            if byte == b'_' && self.continued() {
                return true;
            }
            let remark = byte == b'\''
                || (self.rest().get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"rem"))
                    && !is_name(self.peek(3))
                    && self.out.last().is_none_or(|last| last.kind == Kind::Newline));
            if remark {
                self.skip_line();
            }
            return remark;
        }
        if self.rest().starts_with(b"/*") {
            let end = memchr::memmem::find(self.rest().get(2..).unwrap_or_default(), b"*/");
            self.at = end.map_or(self.text.len(), |end| self.at + end + 4);
            return true;
        }
        let line = self.rest().starts_with(b"//")
            || (byte == b'#' && self.language == Language::Php)
            || (byte == b'#' && self.language == Language::CSharp);
        if line {
            self.skip_line();
        }
        line
    }

    fn string(&mut self, byte: u8) -> bool {
        if self.language.is_basic() {
            return byte == b'"' && self.basic_string();
        }
        let next = self.peek(1);
        match byte {
            b'@' | b'$' if self.language == Language::CSharp => {
                let mut quote = 1;
                while matches!(self.peek(quote), b'@' | b'$') && quote < 3 {
                    quote += 1;
                }
                if self.peek(quote) != b'"' {
                    return false;
                }
                let marks = self.slice(self.at, self.at + quote);
                let (verbatim, holes) = (marks.contains(&b'@'), marks.contains(&b'$'));
                let start = self.at;
                self.at += quote + 1;
                if holes && self.depth < INTERPOLATION_MAX {
                    self.with_holes(start, verbatim);
                } else if verbatim {
                    self.verbatim(start);
                } else {
                    self.quoted(start, b'"');
                }
                true
            }
            b'<' if self.language == Language::Php && self.rest().starts_with(b"<<<") => self.heredoc(),
            b'\'' if self.language == Language::CSharp && !self.letter() => {
                self.at += 1; // an apostrophe of the text between Razor's code
                true
            }
            b'"' | b'\'' => {
                let start = self.at;
                self.at += 1;
                if byte == b'"' && next == b'"' && self.peek(1) == b'"' && self.language == Language::Java {
                    self.at += 2;
                    let end = memchr::memmem::find(self.rest(), b"\"\"\"").unwrap_or(self.rest().len());
                    let text = String::from_utf8_lossy(self.slice(self.at, self.at + end)).into_owned();
                    self.at += end + 3;
                    self.push(Kind::Str, text, start);
                } else {
                    self.quoted(start, byte);
                }
                true
            }
            b'`' if self.language == Language::Php => {
                let start = self.at;
                self.at += 1;
                self.push(Kind::Ident, "shell_exec", start);
                self.op("(", start);
                self.quoted(start, b'`');
                self.op(")", start);
                true
            }
            b'/' if self.language == Language::JScript && self.regex_may_start() => self.regex(),
            _ => false,
        }
    }

    /// Whether a letter between quotes stands here, as C# writes it.
    fn letter(&self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        let body = rest.get(..rest.len().min(12)).unwrap_or_default();
        match body.first() {
            Some(b'\\') => body.iter().skip(2).any(|byte| *byte == b'\''),
            Some(first) => {
                let width =
                    if *first < 0x80 { 1 } else { body.iter().take(5).position(u8::is_ascii).unwrap_or(1) };
                body.get(width) == Some(&b'\'')
            }
            None => false,
        }
    }

    fn basic_string(&mut self) -> bool {
        let start = self.at;
        self.at += 1;
        let mut text = Vec::new();
        while self.at < self.text.len() {
            match self.peek(0) {
                b'"' if self.peek(1) == b'"' => {
                    text.push(b'"');
                    self.at += 2;
                }
                b'"' => {
                    self.at += 1;
                    break;
                }
                b'\n' | b'\r' => break, // a string does not go over a line's end
                byte => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.push(Kind::Str, super::value::text_of(&text), start);
        true
    }

    fn verbatim(&mut self, start: usize) {
        let mut text = Vec::new();
        while self.at < self.text.len() {
            match self.peek(0) {
                b'"' if self.peek(1) == b'"' => {
                    text.push(b'"');
                    self.at += 2;
                }
                b'"' => {
                    self.at += 1;
                    break;
                }
                byte => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.push(Kind::Str, super::value::text_of(&text), start);
    }

    /// A string with backslash escapes; the lexer stands behind its opening quote.
    fn quoted(&mut self, start: usize, quote: u8) {
        let begin = self.at;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                byte if byte == quote => break,
                _ => self.at += 1,
            }
        }
        let body = self.slice(begin, self.at).to_vec();
        self.at += 1;
        if self.language == Language::Php && quote != b'\'' {
            self.interpolated(&body, begin, start);
            return;
        }
        let text = match (self.language, quote) {
            (Language::Php, _) => single_quoted(&body),
            _ => escaped(&body, Language::JScript),
        };
        self.push(Kind::Str, text, start);
    }

    fn heredoc(&mut self) -> bool {
        let start = self.at;
        let most = self.rest().get(..HEREDOC_HEAD_MAX.min(self.rest().len())).unwrap_or_default();
        let Some(line_end) = memchr::memchr(b'\n', most).map(|end| self.at + end) else { return false };
        let head = self.slice(self.at + 3, line_end).trim_ascii();
        let raw = head.starts_with(b"'");
        let name: Vec<u8> = head.iter().copied().filter(|byte| is_name(*byte)).collect();
        let quotes = |byte: &u8| matches!(byte, b'"' | b'\'') || is_name(*byte);
        if name.is_empty() || name.len() > 128 || !head.iter().all(quotes) {
            return false;
        }
        let begin = line_end + 1;
        let mut at = begin;
        let end = loop {
            if at >= self.text.len() {
                break self.text.len();
            }
            let indent = self
                .slice(at, self.text.len())
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t'))
                .count();
            let word = self.slice(at + indent, at + indent + name.len());
            if word == name && !self.text.get(at + indent + name.len()).is_some_and(|byte| is_name(*byte)) {
                self.at = at + indent + name.len();
                break at;
            }
            match memchr::memchr(b'\n', self.slice(at, self.text.len())) {
                Some(next) => at += next + 1,
                None => break self.text.len(),
            }
        };
        if end == self.text.len() {
            self.at = end;
        }
        let body = self.slice(begin, end.saturating_sub(1).max(begin)).to_vec();
        if raw {
            self.push(Kind::Str, super::value::text_of(&body), start);
        } else {
            self.interpolated(&body, begin, start);
        }
        true
    }

    fn regex_may_start(&self) -> bool {
        match self.out.last() {
            None => true,
            Some(last) => match last.kind {
                Kind::Op => !matches!(last.text.as_ref(), ")" | "]" | "}" | "++" | "--"),
                Kind::Ident => matches!(last.text.as_ref(), "return" | "typeof" | "case"),
                _ => false,
            },
        }
    }

    fn regex(&mut self) -> bool {
        let start = self.at;
        let (mut at, mut class) = (self.at + 1, false);
        while let Some(byte) = self.text.get(at).filter(|_| at - start < REGEX_BYTES_MAX) {
            match byte {
                b'\\' => at += 1,
                b'\n' => return false,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    let text = String::from_utf8_lossy(self.slice(start + 1, at)).into_owned();
                    self.at = at + 1;
                    self.push(Kind::Str, text, start);
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        false
    }

    fn word(&mut self, byte: u8) -> bool {
        let start = self.at;
        if byte == b'$' && self.language == Language::Php {
            let mut end = self.at + 1;
            while self.text.get(end).is_some_and(|byte| is_name(*byte)) {
                end += 1;
            }
            if end == self.at + 1 {
                return false;
            }
            let name = String::from_utf8_lossy(self.slice(start + 1, end)).into_owned();
            self.at = end;
            self.push(Kind::Var, name, start);
            return true;
        }
        if byte.is_ascii_digit() {
            return self.number();
        }
        let escape = byte == b'\\' && matches!(self.peek(1), b'u' | b'U') && self.language != Language::Php;
        let dollar = byte == b'$' && self.language != Language::Php;
        let quoted = byte == b'[' && self.language.is_basic() && self.peek(1).is_ascii_alphabetic();
        if quoted {
            let end = self.rest().iter().take(64).position(|byte| *byte == b']').unwrap_or(1);
            let name = String::from_utf8_lossy(self.slice(start + 1, start + end)).to_lowercase();
            self.at += end + 1;
            self.push(Kind::Ident, name, start);
            return true;
        }
        if !(is_name(byte) || escape || dollar) {
            return false;
        }
        let name = self.name();
        self.push(Kind::Ident, name, start);
        true
    }

    /// A name, its `\u` escapes undone; characters that do not show are left out, as compilers do.
    fn name(&mut self) -> String {
        let mut name: Vec<u8> = Vec::new();
        while self.at < self.text.len() && name.len() < 4_096 {
            let byte = self.peek(0);
            if byte == b'\\' && self.language != Language::Php {
                let Some((letter, length)) = unicode_escape(self.rest()) else { break };
                let mut buffer = [0; 4];
                name.extend(letter.encode_utf8(&mut buffer).as_bytes());
                self.at += length;
            } else if is_name(byte) || (byte == b'$' && self.language != Language::Php) {
                name.push(byte);
                self.at += 1;
            } else {
                break;
            }
        }
        self.at = self.at.max(1);
        if name.is_empty() {
            self.at += 1;
        }
        let mut name = String::from_utf8_lossy(&name).into_owned();
        if !name.is_ascii() {
            let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}' | '\u{202a}'..='\u{202e}');
            name.retain(|c| !hidden(c));
            return name.to_lowercase();
        }
        name.make_ascii_lowercase();
        name
    }

    fn number(&mut self) -> bool {
        let start = self.at;
        while self.at < self.text.len() {
            let byte = self.peek(0);
            let point = byte == b'.' && self.peek(1).is_ascii_digit() && self.language != Language::Php;
            if !(byte.is_ascii_alphanumeric() || byte == b'_' || point) {
                break;
            }
            self.at += 1;
        }
        let text = String::from_utf8_lossy(self.slice(start, self.at)).into_owned();
        self.push(Kind::Num, text, start);
        true
    }

    /// Steps over `_` at a line's end and that end: the statement goes on.
    fn continued(&mut self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        let ends = rest.get(blank) == Some(&b'\n');
        if ends {
            self.at += blank + 2;
        }
        ends
    }

    fn operator(&mut self, byte: u8) {
        let start = self.at;
        if self.language.is_basic() {
            if byte == b':' {
                self.at += 1;
                self.push(Kind::Newline, "\n", start);
                return;
            }
            if byte == b'&' && matches!(self.peek(1), b'h' | b'H') && self.peek(2).is_ascii_hexdigit() {
                let digits =
                    self.rest().iter().skip(2).take_while(|byte| byte.is_ascii_hexdigit()).count().min(16);
                let text =
                    format!("0x{}", String::from_utf8_lossy(self.slice(start + 2, start + 2 + digits)));
                self.at += 2 + digits;
                self.push(Kind::Num, text, start);
                return;
            }
        }
        let basic = self.language.is_basic();
        let allowed = |op: &str| match op {
            "&=" | "+=" if basic => true,
            _ if basic => matches!(op, "<>" | "<=" | ">="),
            "?->" | "=>" | "->" | "::" | ".=" | "<=>" => {
                self.language == Language::Php || op == "=>" || op == "->"
            }
            _ => true,
        };
        if let Some(op) = LONG_OPS.iter().find(|op| self.rest().starts_with(op.as_bytes()) && allowed(op)) {
            self.at += op.len();
            self.op(op, start);
            return;
        }
        self.at += 1;
        let at = usize::from(byte);
        if let Some(text) = ASCII.get(at..=at) {
            self.op(text, start);
        }
    }
}

fn single_quoted(body: &[u8]) -> String {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\'
            && let Some(next) = bytes.next_if(|next| matches!(next, b'\\' | b'\''))
        {
            out.push(*next);
            continue;
        }
        out.push(*byte);
    }
    super::value::text_of(&out)
}

/// Whether a text writes letters and digits as `\x61` or `\141`, which nobody has a reason to.
fn hides_letters(body: &[u8]) -> bool {
    let mut letters = 0;
    for at in memchr::memchr_iter(b'\\', body).take(64) {
        let rest = body.get(at..).unwrap_or_default();
        let mut out = Vec::new();
        if matches!(rest.get(1), Some(b'x' | b'X' | b'0'..=b'7')) {
            escape(rest, Language::Php, &mut out);
            letters += u32::from(out.first().is_some_and(u8::is_ascii_alphanumeric) && out.len() == 1);
        }
    }
    letters >= 4
}

/// Undoes backslash escapes. PHP's strings are bytes; they are kept as Latin-1 where they are not UTF-8.
fn escaped(body: &[u8], language: Language) -> String {
    if !body.contains(&b'\\') {
        return super::value::text_of(body);
    }
    let mut out: Vec<u8> = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        if *byte != b'\\' {
            out.push(*byte);
            at += 1;
            continue;
        }
        let rest = body.get(at..).unwrap_or_default();
        at += escape(rest, language, &mut out);
    }
    super::value::text_of(&out)
}

/// One escape at the start of `rest`: what it stands for goes to `out`, its length comes back.
fn escape(rest: &[u8], language: Language, out: &mut Vec<u8>) -> usize {
    let next = rest.get(1).copied().unwrap_or(b'\\');
    let digits = |from: usize, most: usize, radix: u32| {
        let tail = rest.get(from..).unwrap_or_default();
        let count = tail.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
        let text = std::str::from_utf8(tail.get(..count).unwrap_or_default()).unwrap_or_default();
        u32::from_str_radix(text, radix).ok().map(|number| (number, count))
    };
    match next {
        b'x' | b'X' => {
            if let Some((number, count)) = digits(2, 2, 16) {
                out.push(u8::try_from(number).unwrap_or(b'?'));
                return 2 + count;
            }
        }
        b'0'..=b'7' => {
            if let Some((number, count)) = digits(1, 3, 8) {
                out.push(u8::try_from(number & 0xff).unwrap_or(b'?'));
                return 1 + count;
            }
        }
        b'u' | b'U' => {
            let braces = rest.get(2) == Some(&b'{');
            let found = if braces {
                digits(3, 6, 16).and_then(|(n, c)| char::from_u32(n).map(|letter| (letter, 4 + c)))
            } else {
                unicode_escape(rest)
            };
            if let Some((letter, length)) = found {
                let mut buffer = [0; 4];
                out.extend(letter.encode_utf8(&mut buffer).as_bytes());
                return length;
            }
        }
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'\\' | b'"' | b'\'' | b'$' | b'`' | b'/' => out.push(next),
        _ => {
            if language == Language::Php {
                out.push(b'\\');
            }
            out.push(next);
        }
    }
    if matches!(next, b'x' | b'X' | b'u' | b'U') {
        out.extend([b'\\', next]);
    }
    2
}

/// `\u0065`, `\uu0065`, `\U00000065` at the start: the letter and the escape's length.
pub(super) fn unicode_escape(rest: &[u8]) -> Option<(char, usize)> {
    let marks = rest.get(1..)?.iter().take(16).take_while(|byte| **byte == b'u').count();
    let (from, wanted) = match rest.get(1)? {
        b'u' => (1 + marks, 4),
        b'U' => (2, 8),
        _ => return None,
    };
    let digits = rest.get(from..from + wanted)?;
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    char::from_u32(number).map(|letter| (letter, from + wanted))
}

/// Whether the request is used soon behind `<? `, in a picture that may hold this tag by chance.
fn short_code(tail: &[u8]) -> bool {
    let code = tail.get(2..tail.len().min(300)).unwrap_or_default();
    let names: [&[u8]; 4] = [b"$_POST", b"$_GET", b"$_REQUEST", b"$_COOKIE"];
    code.first().is_some_and(u8::is_ascii_whitespace)
        && names.iter().any(|name| memchr::memmem::find(code, name).is_some())
}
