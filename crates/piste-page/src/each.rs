//! Loops and lists of server pages: a value that is each item of a known list in turn.
//!
//! In: the head of a loop, a list and what it is indexed with. Out: one value that stands for all turns. What a function
//! makes of it is made of every item, and a text that it is added to gets them all, as the loop would have it. The work is
//! bounded for the whole page by [`TURNS_MAX`].

use std::rc::Rc;

use super::expr::{Operand, picked};
use super::token::Kind;
use super::value::{COMPUTED, From, ITEMS_MAX, MIXED, PARTIAL, REQUEST, Value, number_of};
use super::walk::Walk;

/// Items that are computed in a page, all its loops together.
const TURNS_MAX: u32 = 1 << 20;
/// Bytes of a text that is split.
const SPLIT_BYTES_MAX: usize = 200_000;

impl Walk<'_> {
    /// The value of a function for every item of the one argument that is each of a list.
    pub(super) fn in_turn(
        &mut self,
        values: &[Value],
        result: impl Fn(&[Value]) -> Option<String>,
    ) -> Option<Value> {
        let mut lists = values.iter().enumerate().filter(|(_, value)| value.is_each());
        let (place, list) = lists.next()?;
        let items = list.items.clone()?;
        let turns = u32::try_from(items.len()).unwrap_or(TURNS_MAX);
        if self.turns + turns > TURNS_MAX || lists.next().is_some() {
            return None;
        }
        self.turns += turns;
        let bytes: usize = values.iter().map(|value| value.known().len()).sum();
        if !self.work.take(items.len() * (bytes / 64 + 4)) {
            return None;
        }
        let mut values = values.to_vec();
        let mut out = Vec::with_capacity(items.len());
        for (key, item) in items.iter() {
            if let Some(value) = values.get_mut(place) {
                *value = item.clone();
            }
            out.push((key.clone(), Value::of_text(result(&values)?)));
        }
        let from = values.iter().fold(list.from, |from, value| from | value.from);
        Some(each(out, from))
    }

    /// Two texts, one after the other; a loop adds every item to what may have been nothing before.
    pub(super) fn added(&mut self, left: Value, right: Value) -> Value {
        let Some(items) = right.items.clone().filter(|_| right.is_each() && !left.is_each()) else {
            let bytes = left.known().len() + right.known().len();
            let may = self.work.take_copy(bytes);
            return if may { left.concat(right) } else { Value::of(left.from | right.from) };
        };
        let bytes: usize = items.iter().map(|(_, item)| item.known().len()).sum();
        let turns = u32::try_from(items.len() + bytes / 8).unwrap_or(TURNS_MAX);
        if self.turns.saturating_add(turns) > TURNS_MAX {
            return left.concat(Value::of(right.from | COMPUTED));
        }
        self.turns += turns;
        let text: String = items.iter().map(|(_, item)| item.known()).collect();
        let start = if left.is_unknown() { Value::of_text("") } else { left };
        start.concat(Value::of_text(text).and(right.from)).and(COMPUTED)
    }

    /// The head of `For i = a To b Step c`, behind its `For`; the counter holds every number.
    pub(super) fn counted(&mut self) {
        let counter = self.operand();
        if self.take("as") {
            self.at += 1;
        }
        if !self.take("=") {
            return;
        }
        let start = self.expression();
        if !self.take("to") {
            return;
        }
        let end = self.expression();
        let step = if self.take("step") { self.expression() } else { Value::of_text("1") };
        let number = |value: &Value| value.text.as_deref().and_then(number_of);
        let value = match (number(&start), number(&end), number(&step)) {
            (Some(start), Some(end), Some(step)) => self.numbers(start, end, step),
            _ => None,
        };
        self.set(&counter, value.unwrap_or_default(), false);
    }

    /// The head of `for (var i = 0; i < b; i += c)`, its bracket opened.
    pub(super) fn counted_between(&mut self) {
        // What was read here is not read again: heads may hold functions that hold heads.
        let Some(ahead) = (1..4).find(|ahead| self.text(*ahead) == "=") else { return };
        if self.text(ahead + 2) != ";" || !self.is(ahead + 1, Kind::Num) {
            return;
        }
        let name = self.text(ahead - 1).to_owned();
        let start = number_of(self.text(ahead + 1));
        self.at += ahead + 3;
        let value = start.and_then(|start| self.head(&name, start));
        let done = value.is_some();
        self.assign(&name, value.unwrap_or_default(), false);
        let mut depth = 0_u32;
        for ahead in 0..if done { 60 } else { 0 } {
            match self.text(ahead) {
                "(" => depth += 1,
                ")" if depth == 0 => {
                    self.at += ahead + 1;
                    return;
                }
                ")" => depth -= 1,
                _ => {}
            }
        }
    }

    /// The numbers that the counter runs through.
    fn head(&mut self, name: &str, start: i64) -> Option<Value> {
        if !self.take(name) {
            return None;
        }
        let reach = match self.text(0) {
            "<" => 1,
            "<=" => 0,
            _ => return None,
        };
        self.at += 1;
        let end = number_of(self.operand().value.known())?;
        let stepped = self.take(";") && self.take(name) && self.take("+=");
        let step = if stepped { number_of(self.expression().known())? } else { 1 };
        self.numbers(start, end.saturating_sub(reach), step)
    }

    /// The numbers from `start` to `end`.
    fn numbers(&mut self, start: i64, end: i64, step: i64) -> Option<Value> {
        let all = numbers(start, end, step)?;
        self.work.take(all.items.as_ref().map_or(0, |items| items.len()) * 8).then_some(all)
    }

    /// `a(1)` and `split(a)(1)` where the list is known.
    pub(super) fn basic_picked(&mut self, operand: &Operand, args: &[Value]) -> Option<Value> {
        let [key] = args else { return None };
        let own = self.functions.contains_key(operand.path.as_str());
        let list = self.language.is_basic() && !own && operand.value.items.is_some();
        list.then(|| self.picked_in_turn(&operand.value, key))
    }

    /// The item of a list, or each that a loop takes.
    pub(super) fn picked_in_turn(&mut self, list: &Value, key: &Value) -> Value {
        if !self.work.take(list.items.as_ref().map_or(0, |items| items.len() / 16)) {
            return Value::of(list.from);
        }
        let keys = [key.clone()];
        let turns = self.in_turn(&keys, |keys| picked(list, keys.first()?).text.map(|text| text.to_string()));
        turns.map_or_else(|| picked(list, key), |value| value.and(list.from))
    }
}

impl Value {
    /// Whether it stands for each item of a list.
    pub(super) fn is_each(&self) -> bool {
        self.class.as_deref() == Some("each") && self.items.is_some()
    }

    /// One item of a list that is walked: each of them, where all are known texts.
    pub(super) fn each_of(&self) -> Option<Self> {
        let items = self.items.as_ref().filter(|items| items.len() > 1 && !self.is_each())?;
        let known = items.iter().all(|(_, item)| item.text.is_some() && !item.tainted());
        known.then(|| each(items.to_vec(), self.from))
    }

    /// How many letters or items it has, where that is known.
    pub(super) fn length(&self) -> Option<usize> {
        if self.tainted() || self.is_each() || self.from & PARTIAL != 0 {
            return None;
        }
        let items = self.items.as_ref().map(|items| items.len());
        items.or_else(|| self.text.as_ref().map(|text| text.chars().count()))
    }
}

/// What an operator makes of two numbers.
pub(super) fn calculated(values: &[Value], op: &str) -> Option<String> {
    let number = |at: usize| values.get(at).and_then(|value| value.text.as_deref()).and_then(number_of);
    let (a, b) = (number(0)?, number(1)?);
    let result = match op {
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" | "\\" => a.checked_div(b),
        "%" | "mod" => a.checked_rem(b),
        "^" | "xor" => Some(a ^ b),
        "|" => Some(a | b),
        "&" => Some(a & b),
        "<<" => u32::try_from(b).ok().and_then(|b| a.checked_shl(b)),
        ">>" => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
        _ => None,
    };
    result.map(|number| number.to_string())
}

/// Functions that take a text apart and put one together.
pub(super) fn pieces(name: &str, path: &str, receiver: &Value, args: &[Value]) -> Option<Value> {
    let known = receiver.text.is_some() || receiver.items.is_some();
    let method = known || path.contains('.') && !matches!(path, "strings.split" | "strings.join");
    let (first, second) = (args.first(), args.get(1));
    match name {
        "split" if method => apart(receiver, first),
        "split" => apart(first?, second),
        "join" if path.ends_with("string.join") => together(second?, first),
        "join" if method => together(receiver, first),
        "join" => together(first?, second),
        "reverse" if method && args.is_empty() => {
            let mut items: Vec<Value> =
                receiver.items.as_ref()?.iter().map(|(_, item)| item.clone()).collect();
            items.reverse();
            Some(Value { from: receiver.from | COMPUTED, ..list_of(items) })
        }
        "ubound" => {
            let last = first?.items.as_ref()?.len().checked_sub(1)?;
            Some(Value::of_text(last.to_string()))
        }
        "lbound" => first?.items.as_ref().map(|_| Value::of_text("0")),
        _ => None,
    }
}

fn each(items: Vec<(Rc<str>, Value)>, from: From) -> Value {
    let text = items.first().and_then(|(_, item)| item.text.clone());
    Value { from, text, items: Some(Rc::new(items)), class: Some("each".into()) }
}

fn list_of(items: Vec<Value>) -> Value {
    let items = items.into_iter().enumerate().map(|(n, item)| (n.to_string().into(), item));
    Value { items: Some(Rc::new(items.collect())), ..Value::default() }
}

/// The numbers from `start` to `end`.
fn numbers(start: i64, end: i64, step: i64) -> Option<Value> {
    if step == 0 || start.abs() > 1 << 40 || end.abs() > 1 << 40 || step.abs() > 1 << 20 {
        return None;
    }
    let count =
        usize::try_from((end - start) / step + 1).ok().filter(|count| (2..=ITEMS_MAX).contains(count))?;
    let mut number = start;
    let mut items = Vec::with_capacity(count);
    for at in 0..count {
        items.push((at.to_string().into(), Value::of_text(number.to_string())));
        number += step;
    }
    Some(each(items, 0))
}

fn apart(text: &Value, mark: Option<&Value>) -> Option<Value> {
    let known = text.text.as_deref().filter(|known| !text.tainted() && known.len() < SPLIT_BYTES_MAX)?;
    let mark = mark.map_or(Some(" "), |mark| mark.text.as_deref())?;
    let items: Vec<Value> = if mark.is_empty() {
        known.chars().take(ITEMS_MAX).map(|letter| Value::of_text(letter.to_string())).collect()
    } else {
        known.split(mark).take(ITEMS_MAX).map(Value::of_text).collect()
    };
    Some(Value { from: text.from | COMPUTED, ..list_of(items) })
}

fn together(list: &Value, mark: Option<&Value>) -> Option<Value> {
    let items = list.items.as_ref().filter(|_| list.from & (REQUEST | MIXED) == 0)?;
    let texts: Option<Vec<&str>> = items.iter().map(|(_, item)| item.text.as_deref()).collect();
    Some(Value::of_text(texts?.join(mark.map_or("", Value::known))).and(list.from | COMPUTED))
}
