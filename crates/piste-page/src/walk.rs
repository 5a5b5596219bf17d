//! Follows values through a page: statements, functions and what each name holds.
//!
//! In: the tokens of the page's code. Out: what was found, by way of [`Found`]. It is no interpreter: branches are all
//! taken, loops once, and the whole is walked a few times so that functions know what they are given. Steps, depth and
//! decoded layers are bounded, so that the cost is linear in the page.

use std::rc::Rc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::Language;
use super::found::Found;
use super::names::Names;
use super::token::{Kind, Text, Token, php_code, tokens};
use super::value::{COMPUTED, MIXED, REQUEST, SCRAMBLED, SESSION, Value};
use super::work::Work;

/// Nesting of expressions that is followed.
pub(super) const DEPTH_MAX: u32 = 60;
/// Layers of code in text that are opened.
const LAYERS_MAX: u32 = 8;
/// Bytes of code in text that are opened, all layers together.
const LAYER_BYTES_MAX: usize = 3 << 20;
/// Times that the page is walked.
const PASSES: u32 = 3;

/// A function of the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Function {
    /// Names of its parameters.
    pub params: Vec<Rc<str>>,
    /// What its calls gave, by parameter.
    pub given: Vec<Value>,
    /// What it gives back.
    pub returns: Value,
    /// Its scope.
    pub scope: u32,
}

/// The walk over one page.
pub(super) struct Walk<'f> {
    pub(super) tokens: Rc<Vec<Token>>,
    pub(super) at: usize,
    pub(super) language: Language,
    pub(super) names: Names,
    pub(super) functions: HashMap<Rc<str>, Function, RandomState>,
    /// Controls of the page's form, whose values the client sends.
    pub(super) controls: HashMap<Rc<str>, (), RandomState>,
    pub(super) found: &'f mut Found,
    /// The steps that are left.
    pub(super) work: &'f Work,
    pub(super) depth: u32,
    /// Names of the variables that the last call was given, by argument.
    pub(super) given: Vec<Option<Rc<str>>>,
    /// The class whose methods are read.
    class: Rc<str>,
    /// Whether the last call was given a list as arguments: `f(...$list)`.
    pub(super) spread: bool,
    layer: u32,
    layer_bytes: usize,
    layer_offset: Option<usize>,
    /// Braces that are open.
    braces: u32,
    /// Functions that are open: name, scope, and the braces outside.
    open: Vec<(Rc<str>, u32, u32)>,
    scopes: u32,
    /// Turns of loops that were computed.
    pub(super) turns: u32,
    /// Braces that are open around code which runs from the command line alone, where no request comes in.
    pub(super) command_line: Option<u32>,
}

impl<'f> Walk<'f> {
    /// A walk that notes what it finds in `found`.
    pub(super) fn new(language: Language, found: &'f mut Found, work: &'f Work) -> Self {
        Self {
            tokens: Rc::default(),
            at: 0,
            language,
            names: Names::default(),
            functions: HashMap::default(),
            controls: HashMap::default(),
            found,
            work,
            depth: 0,
            given: Vec::new(),
            class: Rc::from(""),
            spread: false,
            layer: 0,
            layer_bytes: 0,
            layer_offset: None,
            braces: 0,
            open: Vec::new(),
            scopes: 0,
            turns: 0,
            command_line: None,
        }
    }

    /// Walks the page's tokens.
    pub(super) fn page(&mut self, tokens: Vec<Token>) {
        let odd = |token: &&Token| {
            matches!(token.kind, Kind::Var | Kind::Ident) && token.text.contains(char::REPLACEMENT_CHARACTER)
        };
        if self.language == Language::Php && tokens.iter().filter(odd).take(10).count() == 10 {
            let at = tokens.iter().find(odd).map_or(0, |token| token.at);
            self.found.cap("names-unreadable", at);
        }
        let variables = tokens.iter().filter(|token| token.kind == Kind::Var);
        let (all, nameless) = variables.fold((0_usize, 0_usize), |(all, nameless), token| {
            (all + 1, nameless + usize::from(token.text.bytes().all(|byte| byte == b'_')))
        });
        if self.language == Language::Php && nameless >= 15 && nameless * 10 >= all * 8 {
            self.found.cap("nameless", tokens.first().map_or(0, |token| token.at));
        }
        self.tokens = Rc::new(tokens);
        for _ in 0..PASSES {
            if self.work.ended().is_some() {
                return;
            }
            self.at = 0;
            self.braces = 0;
            self.scopes = 0;
            self.command_line = None;
            self.open.clear();
            self.statements(false);
        }
    }

    pub(super) fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    pub(super) fn text(&self, ahead: usize) -> &str {
        self.token(ahead).map_or("", |token| if token.kind == Kind::Str { "\0" } else { token.text.as_ref() })
    }

    pub(super) fn is(&self, ahead: usize, kind: Kind) -> bool {
        self.token(ahead).is_some_and(|token| token.kind == kind)
    }

    /// Where the token stands in the page; in an opened layer, where that layer stands.
    pub(super) fn offset(&self) -> usize {
        let token = self.tokens.get(self.at).or_else(|| self.tokens.last());
        self.layer_offset.unwrap_or_else(|| token.map_or(0, |token| token.at))
    }

    /// How many layers of text were opened to get here.
    pub(super) fn layers(&self) -> u32 {
        self.layer
    }

    /// Steps over `text`, if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.text(0) == text;
        self.at += usize::from(found);
        found
    }

    /// The function at hand; 0 outside of all.
    pub(super) fn scope(&self) -> u32 {
        self.open.last().map_or(0, |(_, scope, _)| *scope)
    }

    /// A function of Basic gives back what its own name is given.
    pub(super) fn gives_back(&mut self, name: &str, value: &Value) {
        let Some((own, _, _)) = self.open.last().filter(|(own, _, _)| own.as_ref() == name) else { return };
        if let Some(entry) = self.functions.get_mut(own.as_ref()) {
            entry.returns = std::mem::take(&mut entry.returns).or(value.clone());
        }
    }

    /// `global $a, $b`.
    fn global(&mut self) {
        self.at += 1;
        while self.is(0, Kind::Var) {
            let scope = self.scope();
            if let Some(token) = self.tokens.get(self.at) {
                self.names.stands_outside(scope, &token.text);
            }
            self.at += 1;
            if !self.take(",") {
                return;
            }
        }
    }

    /// `echo $a, $b`.
    fn echo(&mut self) {
        self.at += 1;
        loop {
            let at = self.at;
            let offset = self.offset();
            if self.expression().tainted() {
                self.found.cap("echo-request", offset);
            }
            if self.at == at || !self.take(",") {
                return;
            }
        }
    }

    /// Statements up to the brace that closes those open at the start, or to the end.
    pub(super) fn statements(&mut self, to_brace: bool) -> Value {
        let outside = self.braces;
        let mut value = Value::default();
        while self.at < self.tokens.len() {
            if !self.work.take(1) {
                let at = self.offset();
                self.work.end(at);
                self.at = self.tokens.len();
                return value;
            }
            let before = self.at;
            match self.text(0) {
                "{" => {
                    self.braces += 1;
                    self.at += 1;
                }
                "}" => {
                    self.at += 1;
                    if to_brace && self.braces <= outside {
                        return value;
                    }
                    self.braces = self.braces.saturating_sub(1);
                    self.close();
                }
                ";" | "\n" | ")" | "]" | "," | ":" | "=>" => self.at += 1,
                _ => {
                    let given = self.statement();
                    value = value.or(given);
                }
            }
            if self.at == before {
                self.at += 1;
            }
        }
        value
    }

    fn close(&mut self) {
        self.command_line = self.command_line.filter(|braces| *braces == 0 || self.braces >= *braces);
        while self.open.last().is_some_and(|(_, _, braces)| *braces >= self.braces)
            && !self.language.is_basic()
        {
            self.open.pop();
        }
    }

    fn statement(&mut self) -> Value {
        if !self.is(0, Kind::Ident) {
            return self.expression_statement();
        }
        let word = self.token(0).map_or(Text::Fixed(""), |token| token.text.clone());
        match word.as_ref() {
            "function" | "sub" | "fn" if !self.is_member() => self.function(),
            "end" if self.language.is_basic() => {
                if matches!(self.text(1), "function" | "sub") {
                    self.open.pop();
                }
                self.at += 2;
                Value::default()
            }
            "exit" if self.language.is_basic() => {
                self.at += 2;
                Value::default()
            }
            "return" => {
                self.at += 1;
                let value = self.expression();
                let name = self.open.last().map(|(name, _, _)| name.clone());
                if let Some(entry) = name.and_then(|name| self.functions.get_mut(&name)) {
                    entry.returns = std::mem::take(&mut entry.returns).or(value.clone());
                }
                value
            }
            "global" if self.language == Language::Php && self.is(1, Kind::Var) => {
                self.global();
                Value::default()
            }
            "echo" | "print" if self.language == Language::Php => {
                self.echo();
                Value::default()
            }
            "foreach" | "for" => self.each(),
            // What stands behind them is compared, never assigned.
            "if" | "elseif" | "while" | "until" if self.language.is_basic() => {
                self.at += 1;
                self.expression();
                Value::default()
            }
            "if" | "elseif" | "while" if self.text(1) == "(" && !self.language.is_basic() => {
                // What follows the condition in brackets is no call of it.
                self.at += 2;
                let start = self.at;
                self.expression();
                self.take(")");
                if word == "if" {
                    self.guarded(start);
                    self.on_command_line(start, self.braces);
                }
                Value::default()
            }
            "if" | "then" | "else" | "elseif" | "do" | "loop" | "while" | "until" | "wend" | "next"
            | "to" | "step" | "select" | "set" | "dim" | "redim" | "const" | "call" | "let" | "on"
            | "resume" | "public" | "private" | "protected" | "static" | "final" | "var" | "try"
            | "finally" | "global" | "byval" | "byref" | "echo" | "print" | "namespace" | "using"
            | "imports" | "throw" | "preserve" | "optional" | "abstract"
                if !matches!(self.text(1), "." | "->" | "=") =>
            {
                self.at += 1;
                Value::default()
            }
            "class" if self.is(1, Kind::Ident) => {
                self.class();
                Value::default()
            }
            "case" => {
                self.at += 1;
                self.expression()
            }
            _ if self.method() => Value::default(),
            _ => self.expression_statement(),
        }
    }

    fn is_member(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|before| self.tokens.get(before))
            .is_some_and(|token| matches!(token.text.as_ref(), "." | "->" | "::") && token.kind == Kind::Op)
    }

    /// `class U extends ClassLoader`.
    fn class(&mut self) {
        let base = self.text(2) == "extends" && self.language == Language::Java;
        if base && (self.text(3) == "classloader" || self.text(3).ends_with("classloader")) {
            let at = self.offset();
            self.found.cap("class-loader", at);
        }
        self.class = self.text(1).to_lowercase().into();
        self.at += 2;
    }

    /// `function name(a, b)`, `function (a) use (b)`, `sub name(a)`.
    pub(super) fn function(&mut self) -> Value {
        let published = self.is_published();
        self.at += 1;
        self.take("&");
        let named = self.is(0, Kind::Ident);
        let name: Rc<str> = if named {
            let name = self.text(0).to_lowercase();
            self.at += 1;
            match name.as_str() {
                // Of these each class has its own.
                "__construct" | "__invoke" => format!("{}::{name}", self.class).into(),
                _ => name.into(),
            }
        } else {
            format!("\0{}", self.at).into()
        };
        let params = self.params();
        if self.text(0) == "use" && self.text(1) == "(" {
            self.captured(&name);
        }
        self.enter(name.clone(), params, published);
        if !named && self.text(0) == "{" {
            self.at += 1;
            self.braces += 1;
            let inside = self.braces;
            if self.deeper() {
                self.statements(true);
                self.depth -= 1;
            }
            self.braces = inside.saturating_sub(1);
            self.open.pop();
        } else if !named {
            self.open.pop();
        }
        Value { class: Some(format!("closure {name}").into()), ..Value::default() }
    }

    /// Variables that a closure takes along.
    fn captured(&mut self, name: &Rc<str>) {
        self.at += 2;
        let mut values = Vec::new();
        while !matches!(self.text(0), ")" | "") {
            if self.is(0, Kind::Var) {
                let name = self.text(0).to_owned();
                let value = self.lookup(&name).cloned().unwrap_or_default();
                values.push((name, value));
            }
            self.at += 1;
        }
        self.at += 1;
        let scope = self.scopes + 1;
        for (variable, value) in values {
            self.names.put(scope, &variable, value);
        }
        let _ = name;
    }

    /// Names between the brackets of a declaration.
    fn params(&mut self) -> Vec<Rc<str>> {
        let mut params = Vec::new();
        if !self.take("(") {
            return params;
        }
        let (mut depth, mut last, mut fixed) = (1_u32, None::<Rc<str>>, false);
        while let Some(token) = self.token(0) {
            let text = token.text.clone();
            match (token.kind, text.as_ref()) {
                (Kind::Op, "(" | "[" | "{") => depth += 1,
                (Kind::Op, ")" | "]" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                (Kind::Op, ",") if depth == 1 => {
                    params.extend(last.take());
                    fixed = false;
                }
                (Kind::Op, "=") => fixed = true,
                (Kind::Ident, "as") => fixed = true, // VB.NET: the type follows
                (Kind::Op, ":") if self.language == Language::JScript => fixed = true,
                (Kind::Ident | Kind::Var, name) if !fixed && depth == 1 => last = Some(name.into()),
                _ => {}
            }
            self.at += 1;
            if params.len() > 64 {
                break;
            }
        }
        params.extend(last);
        params
    }

    /// Opens a function: its parameters hold what its calls gave.
    fn enter(&mut self, name: Rc<str>, params: Vec<Rc<str>>, published: bool) {
        self.scopes += 1;
        let scope = self.scopes;
        let entry = self.functions.entry(name.clone()).or_default();
        entry.scope = scope;
        entry.params.clone_from(&params);
        entry.given.resize(params.len(), Value::default());
        let given = entry.given.clone();
        self.open.push((name, scope, self.braces));
        if self.open.len() > 200 {
            self.open.remove(0);
        }
        if published {
            let at = self.offset();
            self.found.cap("web-method", at);
        }
        for (param, value) in params.iter().zip(given) {
            let scope = self.names.scope_of(scope, param);
            self.names.put(scope, param, if published { value.and(REQUEST) } else { value });
        }
    }

    /// Whether the declaration here stands under an attribute by which a service publishes it: clients fill its parameters.
    fn is_published(&self) -> bool {
        const ATTRIBUTES: [&str; 6] =
            ["webmethod", "webmethodattribute", "operationcontract", "webinvoke", "webget", "scriptmethod"];
        if !self.language.is_server_page() {
            return false;
        }
        let before = (1..=24).map_while(|back| self.tokens.get(self.at.checked_sub(back)?));
        before
            .take_while(|token| match token.kind {
                Kind::Op => !matches!(token.text.as_ref(), ";" | "{" | "}"),
                Kind::Ident => token.text != "end",
                _ => true,
            })
            .any(|token| {
                token.kind == Kind::Ident
                    && ATTRIBUTES.iter().any(|name| token.text.eq_ignore_ascii_case(name))
            })
    }

    /// `Type name(Type a) {`, as C# and Java declare; whether it was one.
    fn method(&mut self) -> bool {
        if !self.language.is_braced() || self.language == Language::Php {
            return false;
        }
        let own = usize::from(!(self.is(1, Kind::Op) && self.text(1) == "("));
        if own == 1 && !(self.is(1, Kind::Ident) && self.text(2) == "(") {
            return false;
        }
        if matches!(
            self.text(own),
            "if" | "for" | "while" | "switch" | "catch" | "using" | "lock" | "new" | "return" | "foreach"
        ) || self.text(0) == "new"
        {
            return false;
        }
        let (mut ahead, mut depth) = (own + 1, 0_u32);
        loop {
            match self.text(ahead) {
                "(" => depth += 1,
                ")" if depth == 1 => break,
                ")" => depth -= 1,
                "" | ";" | "{" | "\0" => return false,
                _ => {}
            }
            ahead += 1;
            if ahead > 200 {
                self.work.take(ahead / 8);
                return false;
            }
        }
        self.work.take(ahead / 8);
        if !matches!(self.text(ahead + 1), "{" | "throws") {
            return false;
        }
        let published = self.is_published();
        let name: Rc<str> = self.text(own).into();
        self.at += own + 1;
        let params = self.params();
        while !matches!(self.text(0), "{" | "") {
            self.at += 1;
        }
        self.enter(name, params, published);
        true
    }

    /// `foreach ($x as $k => $v)`, `foreach (T x in y)`, `for each x in y`, `for (T x : y)`.
    fn each(&mut self) -> Value {
        let start = self.at;
        self.at += 1;
        let each = self.take("each");
        let head = self.take("(");
        if self.language == Language::Php {
            if self.tokens.get(start).is_some_and(|token| token.text == "for") {
                return Value::default();
            }
            let value = self.expression();
            if self.take("as") {
                while let Some(token) = self.token(0) {
                    match (token.kind, token.text.clone()) {
                        (Kind::Var, name) => self.assign(&name, item_of(&value), false),
                        (Kind::Op, text) if matches!(text.as_ref(), "=>" | "&" | "," | "[" | "$") => {}
                        _ => break,
                    }
                    self.at += 1;
                }
            }
            return Value::default();
        }
        let mut ahead = 0;
        while ahead < 8 && self.is(ahead, Kind::Ident) && self.text(ahead) != "in" {
            ahead += 1;
        }
        if ahead > 0 && matches!(self.text(ahead), "in" | ":") {
            let name = self.text(ahead - 1).to_owned();
            self.at += ahead + 1;
            let value = self.expression();
            let item = if self.language.is_server_page() { value.each_of() } else { None };
            self.assign(&name, item.unwrap_or_else(|| item_of(&value)), false);
        } else if self.language.is_basic() && !each {
            self.counted();
        } else if head && self.language.is_server_page() {
            self.counted_between();
        }
        Value::default()
    }

    /// Goes one level down, unless that is too deep.
    pub(super) fn deeper(&mut self) -> bool {
        let may = self.depth < DEPTH_MAX;
        self.depth += u32::from(may);
        may
    }

    /// Walks code that stands in a text: what `eval` is given. Its value is that of its expressions.
    pub(super) fn layer(&mut self, code: &str) -> Value {
        let small = self.layer < LAYERS_MAX && self.layer_bytes + code.len() <= LAYER_BYTES_MAX;
        if !small || code.trim().len() < 3 || !self.work.take(code.len() / 4) || !self.deeper() {
            return Value::default();
        }
        self.layer_bytes += code.len();
        let bytes = super::value::bytes_of(code);
        let inner = match self.language {
            Language::Php => php_code(&bytes, 0),
            language => tokens(&bytes, 0, language, &mut Vec::new()),
        };
        let offset = self.offset();
        let saved =
            (std::mem::replace(&mut self.tokens, Rc::new(inner)), self.at, self.layer_offset, self.braces);
        let open = self.open.clone();
        self.layer_offset = Some(offset);
        self.layer += 1;
        self.at = 0;
        let value = self.statements(false);
        self.layer -= 1;
        (self.tokens, self.at, self.layer_offset, self.braces) = saved;
        self.open = open;
        self.depth -= 1;
        value
    }

    /// Calls a function of the page: it is given the arguments, and gives back what it returned so far.
    pub(super) fn call_own(&mut self, name: &str, args: &[Value]) -> Option<Value> {
        let entry = self.functions.get_mut(name)?;
        for (given, value) in entry.given.iter_mut().zip(args) {
            let before = std::mem::take(given);
            *given = before.or(value.clone());
        }
        let mut value = entry.returns.clone();
        value.text = value.text.filter(|_| entry.params.is_empty());
        let from = args.iter().fold(0, |from, value| from | value.from);
        let least = if matches!(self.language, Language::VbScript | Language::JScript) { 16 } else { 40 };
        let php = self.language == Language::Php;
        let hides = |text: &str| text.len() > least && !(php && is_readable(text));
        let is_long = |value: &Value| value.text.as_deref().is_some_and(hides);
        let settled = |value: &Value| {
            value.text.is_some() || value.items.is_some() || value.from & (REQUEST | MIXED | SESSION) != 0
        };
        // A long pattern that is laid over a value of which nothing is known hides nothing.
        let long = args.first().is_some_and(is_long)
            || args.iter().any(is_long) && (!self.language.is_server_page() || args.iter().all(settled));
        // What a function of the page makes of a long text cannot be computed here, only named.
        if long && value.text.is_none() {
            value.from |= SCRAMBLED;
        }
        Some(value.and(from & !REQUEST).and(if from & REQUEST != 0 { REQUEST | COMPUTED } else { 0 }))
    }
}

/// What one item of a list may be.
fn item_of(value: &Value) -> Value {
    let known = value.items.as_ref().and_then(|items| items.first()).map(|(_, item)| item.clone());
    known.unwrap_or_else(|| Value::of(value.from)).and(value.from)
}

/// Whether a text is code or prose that a person reads as it stands: words with blanks between, of usual length.
fn is_readable(text: &str) -> bool {
    let head = text.get(..text.len().min(4_096)).unwrap_or(text);
    let blanks = head.bytes().filter(u8::is_ascii_whitespace).count();
    let longest = head.split_ascii_whitespace().map(str::len).max().unwrap_or(0);
    head.is_ascii() && blanks * 14 >= head.len() && longest <= 60
}
