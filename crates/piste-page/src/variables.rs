//! PHP's variables: by name, by a name in a variable, from a list, and texts made of the bits of others.
//!
//! In: the walk's tokens at a variable. Out: its operand; names that lists set have their values.

use std::rc::Rc;

use super::decode;
use super::expr::Operand;
use super::token::Kind;
use super::value::{COMPUTED, HEADER, REQUEST, Value, number_of};
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn variable(&mut self, name: &str) -> Operand {
        let value = match super::sources::php(name) {
            Some(_) if self.command_line.is_some() => Value::default(),
            Some(from) => Value::of(from),
            None => self.lookup(name).cloned().unwrap_or_default(),
        };
        let value = match name {
            "GLOBALS" => Value::object("globals", 0),
            "_SERVER" | "HTTP_SERVER_VARS" => Value::object("server", HEADER),
            _ => value,
        };
        Operand {
            value,
            path: format!("${name}"),
            place: Some(name.into()),
            dynamic: true,
            ..Operand::default()
        }
    }

    /// `$$x`, `${'_PO'.'ST'}`.
    pub(super) fn variable_variable(&mut self) -> Operand {
        self.at += 1;
        if self.text(0) == "{" && self.is(1, Kind::Ident) && matches!(self.text(2), "}" | "[") {
            // `"${name}"` is `$name`, `"${name[key]}"` its item.
            let name = self.text(1).to_owned();
            self.at += 2;
            let mut operand = self.variable(&name);
            if self.text(0) == "[" {
                self.index(&mut operand, "]");
            }
            self.take("}");
            return operand;
        }
        let name = if self.take("{") {
            let value = self.expression();
            self.take("}");
            if value.text.is_none() && value.from & REQUEST == 0 {
                let at = self.offset();
                self.found.cap("computed-variable", at);
            }
            value
        } else if self.deeper() {
            let value = self.primary().value;
            self.depth -= 1;
            value
        } else {
            self.at += 1;
            Value::default()
        };
        match name.text.as_deref() {
            Some(text) if !text.is_empty() && text.len() < 200 => self.variable(text),
            _ if name.tainted() => {
                if self.text(0) == "=" {
                    let at = self.offset();
                    self.found.cap("extract-request", at);
                }
                Operand { value: Value::of(REQUEST), dynamic: true, path: "$$".into(), ..Operand::default() }
            }
            _ => Operand {
                value: Value::of(name.from),
                dynamic: true,
                path: "$$".into(),
                ..Operand::default()
            },
        }
    }

    /// The key that `base[] = value` sets.
    pub(super) fn next_key(&self, base: Option<&str>) -> String {
        let items = base.and_then(|base| self.lookup(base)).and_then(|value| value.items.as_ref());
        items.map_or(0, |items| items.len()).to_string()
    }

    pub(super) fn xored(&mut self, left: Value) -> Value {
        self.at += 1;
        let right = self.operand().value;
        self.text_bits(left, right, "^")
    }

    /// An operation on the bits of two texts.
    pub(super) fn text_bits(&mut self, left: Value, right: Value, op: &str) -> Value {
        let known = |value: &Value| value.text.as_deref().is_some_and(|text| number_of(text).is_none());
        if known(&left) && known(&right) {
            let at = self.offset();
            self.found.cap("text-bits", at);
        }
        let (left, right) = (left.worded(), right.worded());
        // Of a value of the request only a part is known.
        let whole = |value: &Value| value.text.clone().filter(|_| !value.reached());
        let (Some(a), Some(b)) = (&whole(&left), &whole(&right)) else {
            return Value::of(left.from | right.from | COMPUTED);
        };
        let value = Value::of_text(decode::bits(a, b, op)).and(left.from | right.from);
        self.note_hidden(&value);
        value
    }

    /// `list($a, $b) = value`, `[$a, $b] = value`: the names between the brackets, if that is what comes.
    pub(super) fn destructured(&mut self, open: &str, close: &str) -> bool {
        let (mut ahead, mut names) = (usize::from(open == "("), Vec::new());
        if self.text(ahead) != open {
            return false;
        }
        loop {
            ahead += 1;
            match self.token(ahead).map(|token| (token.kind, token.text.as_ref())) {
                Some((Kind::Var, name)) => names.push(Rc::<str>::from(name)),
                Some((Kind::Op, text)) if text == close => break,
                Some((Kind::Op, "," | "=>") | (Kind::Str | Kind::Num, _)) => {}
                _ => return false,
            }
            if ahead > 64 {
                return false;
            }
        }
        if names.is_empty() || self.text(ahead + 1) != "=" {
            return false;
        }
        self.at += ahead + 2;
        let value = self.expression();
        for (at, name) in names.iter().enumerate() {
            let item = value.items.as_ref().and_then(|items| items.get(at)).map(|(_, item)| item.clone());
            self.assign(name, item.unwrap_or_else(|| Value::of(value.from)), false);
        }
        true
    }
}
