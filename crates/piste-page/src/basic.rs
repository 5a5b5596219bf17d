//! Statements as Basic writes them: calls without brackets, declarations with a value, `=` that sets.
//!
//! In: the walk's tokens at a statement. Out: its value; assignments and calls have been followed.

use super::Language;
use super::expr::{Operand, is_word_operator};
use super::token::Kind;
use super::value::Value;
use super::walk::Walk;

impl Walk<'_> {
    /// One statement that is an expression, or an assignment or call as Basic writes it.
    pub(super) fn expression_statement(&mut self) -> Value {
        if !self.language.is_basic() {
            return self.expression();
        }
        let at = self.at;
        let operand = self.operand();
        if self.text(0) == "as" && self.language == Language::VbNet {
            return self.declared(&operand);
        }
        match self.text(0) {
            "=" | "+=" | "&=" => {
                let add = self.text(0) != "=";
                self.at += 1;
                let value = self.expression();
                self.set(&operand, value.clone(), add);
                return value;
            }
            _ => {}
        }
        if self.at == at || operand.path.is_empty() || operand.path.ends_with("()") || !self.starts_operand()
        {
            return self.operators(operand.value);
        }
        let args = self.basic_args();
        self.call(&operand, args)
    }

    /// `x As New T(a)`, `x As T = a`.
    fn declared(&mut self, operand: &Operand) -> Value {
        self.at += 1;
        if self.text(0) == "new" {
            let value = self.operand().value;
            self.set(operand, value.clone(), false);
            return value;
        }
        let mut ahead = 0;
        while ahead < 12 && (self.is(ahead, Kind::Ident) || matches!(self.text(ahead), "." | "(" | ")")) {
            ahead += 1;
        }
        if self.text(ahead) != "=" {
            return Value::default();
        }
        self.at += ahead + 1;
        let value = self.expression();
        self.set(operand, value.clone(), false);
        value
    }

    /// Arguments of a call without brackets.
    fn basic_args(&mut self) -> Vec<Value> {
        let mut args = vec![self.expression()];
        while self.take(",") && args.len() < 64 {
            args.push(self.expression());
        }
        args
    }

    pub(super) fn starts_operand(&self) -> bool {
        match self.token(0) {
            Some(token) => match token.kind {
                Kind::Str | Kind::Num | Kind::Var => true,
                Kind::Ident => {
                    !is_word_operator(&token.text)
                        && !matches!(
                            token.text.as_ref(),
                            "then" | "to" | "step" | "as" | "else" | "in" | "goto" | "until" | "while"
                        )
                }
                Kind::Op => token.text == "(",
                Kind::Newline => false,
            },
            None => false,
        }
    }
}
