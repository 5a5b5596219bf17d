//! Expressions: operands, what follows them, and the operators between.
//!
//! In: the walk's tokens at an expression. Out: its value; assignments and calls have been followed. Operators are taken
//! from left to right: for the question where a value came from that is enough.

use std::rc::Rc;

use super::Language;
use super::decode;
use super::each::calculated;
use super::found::is_hidden_name;
use super::token::Kind;
use super::value::{
    CHECKED, COMPUTED, FILE, ITEMS_MAX, REQUEST, SESSION, TEXT_BYTES_MAX, Value, bytes_of, number_of, text_of,
};
use super::walk::Walk;

/// An operand while it is read.
#[derive(Debug, Default)]
pub(super) struct Operand {
    /// What it is worth so far.
    pub value: Value,
    /// Names from its start, `request.form`.
    pub path: String,
    /// The name that an assignment would set.
    pub place: Option<Rc<str>>,
    /// Whether a call would be of a value: `$f(1)`.
    pub dynamic: bool,
    /// Value before its last member.
    pub receiver: Value,
    /// The name that holds the receiver.
    pub holder: Option<Rc<str>>,
}

impl Walk<'_> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Value {
        if !self.deeper() {
            self.at += 1;
            return Value::default();
        }
        let left = self.operand().value;
        let value = self.operators(left);
        self.depth -= 1;
        value
    }

    pub(super) fn operators(&mut self, mut left: Value) -> Value {
        loop {
            let Some(token) = self.token(0) else { return left };
            if !matches!(token.kind, Kind::Op | Kind::Ident) {
                return left;
            }
            let op = token.text.clone();
            let word = token.kind == Kind::Ident;
            if word && !is_word_operator(&op) {
                return left;
            }
            let basic = self.language.is_basic();
            let php = self.language == Language::Php;
            match op.as_ref() {
                "." | "..." if php => left = self.joined(left),
                "&" if basic => left = self.joined(left),
                "+" => left = self.plus(left),
                "?" => left = self.choice(left),
                "xor" if basic => left = self.arithmetic(left, "xor"),
                "||" | "or" | "orelse" | "??" | "xor" => {
                    self.at += 1;
                    let right = self.operand().value;
                    left = left.or(right);
                }
                "&&" | "and" | "andalso" => {
                    self.at += 1;
                    let right = self.operand().value;
                    left = if basic { Value::default() } else { right };
                }
                "^" if php => left = self.xored(left),
                "=>" if !php => {
                    self.at += 1;
                    left = self.expression();
                }
                "^" | "-" | "*" | "/" | "%" | "|" | "<<" | ">>" | "\\" | "mod" | "**" | "&" => {
                    left = self.arithmetic(left, &op);
                }
                "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=" | "<>" | "<=>" | "is" | "isnot"
                | "instanceof" | "like" => {
                    self.at += 1;
                    let right = self.operand().value;
                    self.compared(&left, &right);
                    left = Value::default();
                }
                "=" if basic => {
                    self.at += 1;
                    self.operand();
                    left = Value::default();
                }
                _ => return left,
            }
        }
    }

    /// Notes a password that stands in the page.
    fn compared(&mut self, left: &Value, right: &Value) {
        let text = if left.from & REQUEST != 0 { right.known() } else { left.known() };
        let sent = (left.from | right.from) & REQUEST != 0;
        if self.language == Language::Php && sent && is_password(text) {
            let at = self.offset();
            self.found.cap("password", at);
        }
    }

    fn joined(&mut self, mut left: Value) -> Value {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.tokens.get(at));
        let literal = before(1).is_some_and(|token| token.kind == Kind::Str)
            && !before(2).is_some_and(|token| matches!(token.text.as_ref(), "&" | "+"));
        self.at += 1;
        let mut right = self.operand().value;
        if self.language == Language::Php {
            (left, right) = (left.worded(), right.worded());
            // `self::class . '::method'` names a method of the page openly.
            let method = right.text.as_deref().and_then(|text| text.strip_prefix("::"));
            if let Some(method) = method.filter(|_| left.is_unknown() && right.from == 0) {
                return Value::of_text(method);
            }
        }
        // `"&H" & piece` is made in every turn.
        let both = |values: &[Value]| Some(values.iter().map(Value::known).collect::<String>());
        if literal && let Some(value) = self.in_turn(&[left.clone(), right.clone()], both) {
            return value;
        }
        let pieces = left.text.is_some() && right.text.is_some();
        let value = self.added(left, right);
        if pieces {
            self.note_hidden(&value);
        }
        value
    }

    /// Notes a name that was put together so that nobody finds it.
    pub(super) fn note_hidden(&mut self, value: &Value) {
        if let Some(text) = &value.text
            && is_hidden_name(text, self.language)
        {
            let at = self.offset();
            self.found.hidden(text, at);
        }
    }

    fn plus(&mut self, left: Value) -> Value {
        let numbers = |value: &Value| value.text.as_deref().and_then(number_of);
        if self.language == Language::Php || numbers(&left).is_some() {
            let save = self.at;
            self.at += 1;
            let right = self.operand().value;
            let sum = |values: &[Value]| {
                let terms: Option<Vec<i64>> = values.iter().map(|value| number_of(value.known())).collect();
                terms.map(|terms| terms.into_iter().fold(0, i64::saturating_add).to_string())
            };
            if let Some(value) = self.in_turn(&[left.clone(), right.clone()], sum) {
                return value;
            }
            return match (numbers(&left), numbers(&right)) {
                (Some(a), Some(b)) => {
                    Value::of_text(a.saturating_add(b).to_string()).and(left.from | right.from)
                }
                _ if self.language == Language::Php => Value::of(left.from | right.from),
                _ => {
                    let _ = save;
                    self.added(left, right)
                }
            };
        }
        self.joined(left)
    }

    fn arithmetic(&mut self, left: Value, op: &str) -> Value {
        self.at += 1;
        let right = self.operand().value;
        let from = left.from | right.from;
        let values = [left, right];
        if let Some(value) = self.in_turn(&values, |values| calculated(values, op)) {
            return value;
        }
        let result = calculated(&values, op);
        let [left, right] = values;
        match result {
            Some(number) => Value::of_text(number).and(from),
            None if op == "xor" => left.or(right),
            None if self.language == Language::Php && matches!(op, "|" | "&") => {
                self.text_bits(left, right, op)
            }
            None => Value::of(from | COMPUTED),
        }
    }

    fn choice(&mut self, left: Value) -> Value {
        self.at += 1;
        if self.take(":") {
            let right = self.expression();
            return left.or(right);
        }
        let yes = self.expression();
        if self.take(":") {
            let no = self.expression();
            return yes.or(no);
        }
        yes
    }

    /// An operand with all that follows it.
    pub(super) fn operand(&mut self) -> Operand {
        if !self.work.take(1) || !self.deeper() {
            self.at += 1;
            return Operand::default();
        }
        let mut negated = false;
        let mut flipped = false;
        while let Some(token) = self.token(0) {
            match (token.kind, token.text.as_ref()) {
                (Kind::Op, "!") | (Kind::Ident, "not") => negated = true,
                (Kind::Op, "~") => flipped = true,
                (Kind::Op, "@" | "-" | "+" | "&" | "*" | "++" | "--" | "...") => {}
                (
                    Kind::Ident,
                    "clone" | "await" | "throw" | "return" | "yield" | "ref" | "out" | "byval" | "print"
                    | "echo" | "const" | "addressof",
                ) => {}
                _ => break,
            }
            self.at += 1;
        }
        let mut operand = self.primary();
        self.postfix(&mut operand);
        if flipped {
            let text = operand
                .value
                .text
                .as_ref()
                .map(|text| text_of(&bytes_of(text).iter().map(|byte| !byte).collect::<Vec<u8>>()));
            operand.value.text = text.map(Into::into);
            let value = operand.value.clone();
            self.note_hidden(&value);
        }
        if negated {
            operand = Operand::default();
        }
        self.depth -= 1;
        operand
    }

    pub(super) fn primary(&mut self) -> Operand {
        let Some(token) = self.token(0) else { return Operand::default() };
        let (kind, text) = (token.kind, token.text.clone());
        match kind {
            Kind::Str => {
                self.at += 1;
                let shown = matches!(self.text(0), "(" | "[") && self.language == Language::Php;
                let path = if shown && self.text(0) == "(" { "\"".into() } else { String::new() };
                Operand { value: Value::of_text(text), dynamic: shown, path, ..Operand::default() }
            }
            Kind::Num => {
                self.at += 1;
                Operand { value: Value::of_text(text), ..Operand::default() }
            }
            Kind::Var => {
                self.at += 1;
                self.variable(&text)
            }
            Kind::Newline => Operand::default(),
            Kind::Ident => self.name(&text),
            Kind::Op => match text.as_ref() {
                "(" => self.brackets(),
                "[" if self.language == Language::Php && self.destructured("[", "]") => Operand::default(),
                "[" if !self.language.is_basic() => {
                    self.at += 1;
                    Operand { value: self.list("]"), ..Operand::default() }
                }
                "{" => {
                    self.at += 1;
                    Operand { value: self.list("}"), ..Operand::default() }
                }
                "$" if self.language == Language::Php => self.variable_variable(),
                _ => Operand::default(),
            },
        }
    }

    /// `(expression)`, or a cast and what it casts.
    fn brackets(&mut self) -> Operand {
        let mut ahead = 1;
        while ahead < 14
            && (self.is(ahead, Kind::Ident) || matches!(self.text(ahead), "." | "[" | "]" | "<" | ">" | ","))
        {
            ahead += 1;
        }
        let cast = self.text(ahead) == ")" && ahead > 1 && !self.language.is_basic();
        if cast {
            let number = ahead == 2
                && matches!(
                    self.text(1),
                    "int" | "integer" | "float" | "double" | "bool" | "boolean" | "long"
                );
            let starts = self.token(ahead + 1).is_some_and(|token| match token.kind {
                Kind::Str | Kind::Num | Kind::Var => true,
                Kind::Ident => !is_word_operator(&token.text),
                Kind::Op => matches!(token.text.as_ref(), "(" | "@" | "$" | "!" | "~"),
                Kind::Newline => false,
            });
            if starts && (self.language != Language::JScript) {
                self.at += ahead + 1;
                let operand = self.operand();
                return if number {
                    Operand::default()
                } else {
                    Operand { dynamic: false, place: None, ..operand }
                };
            }
        }
        self.at += 1;
        let value = self.expression();
        while matches!(self.text(0), ",") {
            self.at += 1;
            self.expression();
        }
        self.take(")");
        Operand { value, dynamic: self.language == Language::Php, ..Operand::default() }
    }

    /// Items up to `close`. The value has the origins of all.
    fn list(&mut self, close: &str) -> Value {
        let mut items: Vec<(Rc<str>, Value)> = Vec::new();
        let mut from = 0;
        let mut count = 0_usize;
        while self.at < self.tokens.len() && self.text(0) != close {
            let before = self.at;
            if matches!(self.text(0), ")" | "]" | "}") {
                break;
            }
            if matches!(self.text(0), "," | ";" | "\n" | ":") {
                self.at += 1;
                continue;
            }
            let mut key: Rc<str> = count.to_string().into();
            let mut value = if close == "}" { self.item_statement() } else { self.expression() };
            if self.language == Language::Php && self.take("=>") {
                from |= value.from;
                key = value.worded().text.unwrap_or(key);
                value = self.expression();
            }
            from |= value.from & !CHECKED;
            count += 1;
            if items.len() < ITEMS_MAX {
                items.push((key, value));
            }
            if self.at == before {
                self.at += 1;
            }
        }
        self.take(close);
        let first = items.first().map(|(_, value)| value.clone()).filter(|_| items.len() == 1);
        Value { from, text: first.and_then(|value| value.text), items: Some(Rc::new(items)), class: None }
    }

    /// An item between braces may be a statement: bodies of closures and of anonymous classes stand there.
    fn item_statement(&mut self) -> Value {
        if self.text(0) == "return" {
            self.at += 1;
        }
        self.expression()
    }

    fn name(&mut self, text: &str) -> Operand {
        let at = self.at;
        self.at += 1;
        match text {
            "function" | "fn" if matches!(self.text(0), "(" | "&") || self.is(0, Kind::Ident) => {
                self.at = at;
                let value = self.function();
                if self.take("=>") {
                    self.expression();
                }
                return Operand { value, ..Operand::default() };
            }
            "new" => return self.creation(),
            "list" if self.language == Language::Php && self.text(0) == "(" => {
                self.at = at;
                if self.destructured("(", ")") {
                    return Operand::default();
                }
                self.at = at + 1;
            }
            "array" if self.text(0) == "(" => {
                self.at += 1;
                return Operand { value: self.list(")"), ..Operand::default() };
            }
            "include" | "include_once" | "require" | "require_once" if self.language == Language::Php => {
                let value = self.expression();
                self.include(&value);
                return Operand::default();
            }
            "eval" | "execute" | "executeglobal"
                if self.language.is_basic() && self.starts_operand() && !self.called_again() =>
            {
                let args = vec![self.expression()];
                let operand = Operand { path: text.to_owned(), ..Operand::default() };
                return Operand { value: self.call(&operand, args), ..Operand::default() };
            }
            "vbcrlf" | "vbnewline" => return Operand { value: Value::of_text("\r\n"), ..Operand::default() },
            _ => {}
        }
        let value = self.named(text);
        Operand { value, path: text.to_owned(), place: Some(text.into()), ..Operand::default() }
    }

    /// Whether brackets stand here and others right behind them: `eval(a)("k")`.
    fn called_again(&self) -> bool {
        let (mut ahead, mut depth) = (0, 0_u32);
        while ahead < 400 {
            match self.text(ahead) {
                "(" => depth += 1,
                ")" if depth <= 1 => return self.text(ahead + 1) == "(",
                ")" => depth -= 1,
                "" | "\n" => return false,
                _ if depth == 0 => return false,
                _ => {}
            }
            ahead += 1;
        }
        self.work.take(ahead / 8);
        false
    }

    /// What a name without a call is worth.
    fn named(&self, text: &str) -> Value {
        if let Some(value) = self.lookup(text) {
            return value.clone();
        }
        if self.language == Language::Php {
            if let Some(value) = self.names.get(0, &format!("constant {text}")) {
                return value.clone();
            }
            return Value { text: None, class: Some(format!("constant {text}").into()), ..Value::default() };
        }
        match text {
            "request" => Value::object("request", REQUEST),
            "session" | "application" => Value::object(text, SESSION),
            _ => Value::default(),
        }
    }

    /// `new X(arguments)`, `new X[] { items }`, `new X() { body }`.
    fn creation(&mut self) -> Operand {
        let mut path = String::from("new ");
        let mut named = Value::default();
        while let Some(token) = self.token(0) {
            match (token.kind, token.text.as_ref()) {
                (Kind::Ident, text) => path.push_str(&text.to_lowercase()),
                (Kind::Op, "." | "\\") => path.push('.'),
                (Kind::Var, text) => named = self.lookup(text).cloned().unwrap_or_default(),
                _ => break,
            }
            self.at += 1;
            if path.len() > 300 || !matches!(self.text(0), "." | "\\") && !path.ends_with('.') {
                break;
            }
        }
        if self.text(0) == "<" {
            let close = (1..12).find(|ahead| self.text(*ahead) == ">");
            self.at += close.map_or(0, |close| close + 1);
        }
        let mut args = Vec::new();
        if self.text(0) == "(" {
            args = self.args();
        }
        while self.text(0) == "[" && !path.is_empty() {
            self.at += 1;
            self.list("]");
        }
        let mut value = self.created(&path, &args, &named);
        if self.text(0) == "{" {
            self.at += 1;
            let body = self.list("}");
            if path.ends_with("processstartinfo") || path.ends_with("process") {
                self.process(&Value::of(body.from), "by-process");
            }
            value.from |= body.from;
            value.items = value.items.or(body.items);
        }
        Operand { value, path: path + "()", ..Operand::default() }
    }

    /// Arguments of a call, its opening bracket next.
    pub(super) fn args(&mut self) -> Vec<Value> {
        self.at += 1;
        let mut args = Vec::new();
        let mut given = Vec::new();
        let mut spread = false;
        while self.at < self.tokens.len() {
            match self.text(0) {
                ")" => {
                    self.at += 1;
                    break;
                }
                "," => self.at += 1,
                "]" | "}" | ";" => break,
                _ => {
                    let before = self.at;
                    spread |= self.text(0) == "...";
                    let named = self.is(0, Kind::Var)
                        || self.is(0, Kind::Ident)
                            && matches!(self.language, Language::CSharp | Language::Java);
                    let lone = named && matches!(self.text(1), "," | ")");
                    given.push(lone.then(|| Rc::from(self.text(0))));
                    let mut value = self.expression();
                    if self.take(":") || self.take(":=") {
                        value = self.expression(); // a named argument
                    }
                    if args.len() < 256 {
                        args.push(value);
                    }
                    if self.at == before {
                        self.at += 1;
                    }
                }
            }
        }
        self.given = given;
        self.spread = spread;
        args
    }

    fn postfix(&mut self, operand: &mut Operand) {
        let mut steps = 0;
        while let Some(token) = self.token(0) {
            steps += 1;
            if steps > 400 {
                return;
            }
            let php = self.language == Language::Php;
            match (token.kind, token.text.as_ref()) {
                (Kind::Op, "(") => {
                    let args = self.args();
                    let item = self.basic_item(operand, &args);
                    let turns = args.first().is_some_and(Value::is_each);
                    let known = item.as_ref().filter(|_| !turns).and_then(|item| self.lookup(item)).cloned();
                    let known = known.or_else(|| self.basic_picked(operand, &args));
                    operand.value = match known {
                        Some(value) => value,
                        None => self.call(operand, args),
                    };
                    operand.path.push_str("()");
                    let fluent =
                        operand.holder.take().filter(|_| operand.path.ends_with(".append()") && !php);
                    operand.place = self.basic_place(operand).or(item).or(fluent);
                    operand.dynamic = php;
                }
                (Kind::Op, "[") => self.index(operand, "]"),
                (Kind::Op, "{") if php && operand.dynamic && self.touches() => self.index(operand, "}"),
                (Kind::Op, "." | "?.") if !php => self.member(operand),
                (Kind::Op, "->" | "?->" | "::") if php => self.member(operand),
                (Kind::Op, "\\") if php => {
                    self.at += 1;
                    if self.is(0, Kind::Ident) {
                        operand.path = self.text(0).to_owned();
                        self.at += 1;
                    }
                }
                (Kind::Op, "++" | "--") => self.at += 1,
                (Kind::Op, "=") if !self.language.is_basic() => self.assigned(operand, false),
                (Kind::Op, ".=" | "+=" | "??=") if !self.language.is_basic() => self.assigned(operand, true),
                (Kind::Op, "|=" | "&=" | "^=" | "-=" | "*=") if !self.language.is_basic() => {
                    self.assigned(operand, true);
                }
                _ => return,
            }
            if operand.path.len() > 400 {
                operand.path = operand.path.chars().skip(200).collect();
            }
        }
    }

    /// `Session("x")` in Basic is a place as `Session["x"]` is.
    fn basic_place(&self, operand: &Operand) -> Option<Rc<str>> {
        let stored = self.language.is_basic()
            && (operand.path.starts_with("session") || operand.path.starts_with("application"));
        stored.then(|| "session".into())
    }

    /// `a(1)` in Basic may be the item of a list.
    fn basic_item(&self, operand: &Operand, args: &[Value]) -> Option<Rc<str>> {
        let list = self.language.is_basic() && args.len() == 1 && !operand.path.contains('.');
        let key = args.first().filter(|_| list).and_then(|value| value.text.as_deref())?;
        let own = self.functions.contains_key(operand.path.as_str());
        (!own && key.len() < 20).then(|| format!("{}[{key}]", operand.path).into())
    }

    /// Whether the next token follows the last without a space.
    fn touches(&self) -> bool {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        match (last, self.token(0)) {
            (Some(last), Some(next)) => {
                let width = usize::from(last.kind == Kind::Var) + last.text.len();
                last.at + width == next.at && last.kind == Kind::Var
                    || last.text == "}" && last.at + 1 == next.at
            }
            _ => false,
        }
    }

    pub(super) fn index(&mut self, operand: &mut Operand, close: &str) {
        self.at += 1;
        let empty = self.text(0) == close;
        let mut key = if empty { Value::default() } else { self.expression() };
        while self.take(",") {
            self.expression();
        }
        self.take(close);
        let base = operand.place.clone();
        if operand.value.class.as_deref() == Some("globals")
            && let Some(name) = key.text.as_deref().filter(|name| !name.is_empty())
        {
            let name = name.to_owned();
            *operand = self.variable(&name);
            return;
        }
        if empty && self.language == Language::Php && self.text(0) == "=" {
            key = Value::of_text(self.next_key(base.as_deref()));
        }
        let turns = key.is_each();
        let place: Option<Rc<str>> = base.map(|base| match key.text.as_deref() {
            Some(key) if key.len() < 80 => format!("{base}[{key}]").into(),
            _ => base,
        });
        let server = operand.value.class.as_deref() == Some("server");
        let path = if server { "$_SERVER" } else { operand.path.as_str() };
        let from = super::sources::item(path, operand.value.from, key.word().unwrap_or(key.known()));
        let fixed = path.starts_with("$_SERVER");
        let known = place.as_ref().filter(|_| !turns).and_then(|place| self.lookup(place)).cloned();
        let value = known.unwrap_or_else(|| self.picked_in_turn(&operand.value, &key));
        operand.value = Value { from: if fixed { from } else { value.from | from }, ..value };
        let own = matches!(operand.path.as_str(), "this" | "self" | "window" | "global");
        if own && self.language == Language::JScript && is_plain_name(key.known()) {
            operand.path = key.known().to_lowercase();
        } else {
            operand.path.push_str("[]");
        }
        operand.place = place;
        operand.dynamic = self.language == Language::Php;
    }

    fn member(&mut self, operand: &mut Operand) {
        self.at += 1;
        let Some(token) = self.token(0) else { return };
        let (kind, name) = (token.kind, token.text.to_lowercase());
        match kind {
            Kind::Ident => self.at += 1,
            Kind::Var => {
                // A method or field whose name is a value; frameworks choose actions so.
                self.at += 1;
                *operand = Operand {
                    value: Value::of(operand.value.from),
                    path: "->*".into(),
                    ..Operand::default()
                };
                return;
            }
            Kind::Op if token.text == "{" => {
                self.at += 1;
                self.list("}");
                *operand = Operand {
                    value: Value::of(operand.value.from),
                    path: "->*".into(),
                    ..Operand::default()
                };
                return;
            }
            _ => return,
        }
        if name == "drives"
            && operand.value.class.as_deref().is_some_and(|class| class.contains("filesystem"))
        {
            let at = self.offset();
            self.found.cap("drives", at);
        }
        operand.receiver = operand.value.clone();
        operand.holder = operand.place.take();
        if !operand.path.is_empty() {
            operand.path.push('.');
        }
        operand.path.push_str(&name);
        let php = self.language == Language::Php;
        let place: Rc<str> = if php { format!("->{name}").into() } else { operand.path.as_str().into() };
        if self.text(0) != "(" {
            let known = if php { self.names.get(0, &place).cloned() } else { self.lookup(&place).cloned() };
            let inherited = super::sources::member(
                &name,
                &operand.value,
                self.controls.contains_key(
                    operand
                        .path
                        .rsplit_once('.')
                        .map_or("", |(head, _)| head.rsplit('.').next().unwrap_or_default()),
                ),
            );
            operand.value = known.map_or(inherited.clone(), |known| known.or(inherited));
            if php && self.found.can("fields-request") {
                operand.value.from |= super::value::REQUEST;
            }
            let counted = name == "length" && self.language.is_server_page();
            if let Some(length) = operand.receiver.length().filter(|_| counted) {
                operand.value = Value::of_text(length.to_string());
            }
        }
        operand.place = Some(place);
        operand.dynamic = false;
    }

    fn assigned(&mut self, operand: &mut Operand, add: bool) {
        self.at += 1;
        let value = self.expression();
        self.set(operand, value.clone(), add);
        let whole = operand.place.as_ref().filter(|_| add).and_then(|place| self.lookup(place)).cloned();
        if let Some(whole) = whole.filter(|whole| whole.text.is_some()) {
            self.note_hidden(&whole);
        }
        operand.value = value;
    }

    /// Sets the place of `operand`, and what lies around it.
    pub(super) fn set(&mut self, operand: &Operand, value: Value, add: bool) {
        self.property(operand, &value);
        let Some(place) = operand.place.clone() else {
            // `list($a, $b) = ...` has no place; its names stay as they are.
            return;
        };
        if let Some((base, _)) = place.split_once('[') {
            let base = base.to_owned();
            let whole = self.lookup(&base).cloned().unwrap_or_default();
            let from = (whole.from | value.from) & !CHECKED;
            let items =
                super::lists::with_item(&whole, &place, &value).filter(|_| self.language == Language::Php);
            self.assign(&base, Value { from, items: items.or(whole.items.clone()), ..whole }, false);
        }
        self.assign(&place, value, add);
    }
}

/// The item of `value` under `key`, or one letter of a text.
pub(super) fn picked(value: &Value, key: &Value) -> Value {
    let number = key.text.as_deref().and_then(number_of);
    if let (Some(items), Some(key)) = (&value.items, &key.text) {
        // A plain list has its items where their keys say.
        let numbered = number.and_then(|number| items.get(usize::try_from(number).ok()?));
        let numbered = numbered.filter(|(own, _)| own == key);
        if let Some((_, item)) = numbered.or_else(|| items.iter().find(|(own, _)| own == key)) {
            return item.clone();
        }
    }
    if let (Some(text), Some(number), None) = (&value.text, number, &value.items)
        && text.len() < TEXT_BYTES_MAX / 16
    {
        let letter = decode::part(text, number, Some(1));
        if !letter.is_empty() {
            return Value::of_text(letter).and(value.from);
        }
    }
    Value::of(value.from & !FILE | value.from & FILE)
}

/// Whether a text is one that nobody guesses: long enough, with letters and with digits or signs.
fn is_password(text: &str) -> bool {
    let has = |what: fn(&u8) -> bool| text.bytes().any(|byte| what(&byte));
    (6..=80).contains(&text.len())
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
        && !text.contains(['/', ' ', '.', '<'])
}

/// Whether a text could be a function's name.
fn is_plain_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Words that stand between operands.
pub(super) fn is_word_operator(text: &str) -> bool {
    matches!(
        text,
        "and" | "or" | "xor" | "mod" | "is" | "isnot" | "like" | "instanceof" | "andalso" | "orelse"
    )
}
