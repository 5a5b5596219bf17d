//! What PHP's functions make of lists whose items are known, and replacements with patterns simple enough to be done here.
//!
//! In: the function's name and its arguments. Out: its result with the items or the text it has, where these are known; scripts
//! hide names in lists.

use std::rc::Rc;

use super::decode;
use super::sinks::joined;
use super::value::{COMPUTED, ITEMS_MAX, Items, TEXT_BYTES_MAX, Value, number_of};

/// Items of a range that are made.
const RANGE_MAX: i64 = 512;

/// Functions on lists. `None` where the function is another.
pub(super) fn call(name: &str, args: &[Value]) -> Option<Value> {
    let from = joined(args);
    let items = args.iter().find_map(|value| value.items.clone());
    let one = |item: Option<&(Rc<str>, Value)>| item.map(|(_, value)| value.clone().and(from));
    let value = match name {
        "end" | "array_pop" => items.and_then(|items| one(items.last())),
        "current" | "reset" | "pos" | "array_shift" => items.and_then(|items| one(items.first())),
        "array_values" => items.map(|items| numbered(items.iter().map(|(_, item)| item.clone()), from)),
        "array_keys" => {
            items.map(|items| numbered(items.iter().map(|(key, _)| Value::of_text(key.clone())), from))
        }
        "array_reverse" => {
            items.map(|items| numbered(items.iter().rev().map(|(_, item)| item.clone()), from))
        }
        "array_flip" => items.map(|items| flipped(&items, from)),
        "array_merge" => items.is_some().then(|| {
            let all = args.iter().filter_map(|value| value.items.clone());
            let all: Vec<Value> = all
                .flat_map(|items| items.iter().map(|(_, item)| item.clone()).collect::<Vec<_>>())
                .collect();
            numbered(all.into_iter(), from)
        }),
        "range" => range(args),
        "str_replace" | "str_ireplace" => replaced(args, from),
        "strtr" => exchanged(args, from),
        "preg_replace" => simple_pattern(args).map(|text| Value::of_text(text).and(from)),
        "next" | "key" | "each" | "func_get_args" => None,
        _ => return None,
    };
    Some(value.unwrap_or_else(|| {
        Value::of(
            from | if matches!(name, "str_replace" | "str_ireplace" | "strtr" | "preg_replace") {
                COMPUTED
            } else {
                0
            },
        )
    }))
}

/// A list with keys from 0.
fn numbered(values: impl Iterator<Item = Value>, from: super::value::From) -> Value {
    let items: Vec<(Rc<str>, Value)> =
        values.take(ITEMS_MAX).enumerate().map(|(at, value)| (at.to_string().into(), value)).collect();
    Value { from, items: Some(Rc::new(items)), ..Value::default() }
}

fn flipped(items: &Items, from: super::value::From) -> Value {
    let items =
        items.iter().filter_map(|(key, value)| Some((value.text.clone()?, Value::of_text(key.clone()))));
    Value { from, items: Some(Rc::new(items.take(ITEMS_MAX).collect())), ..Value::default() }
}

/// `range('a', 'z')`, `range(65, 90)`, `range('~', ' ')`.
fn range(args: &[Value]) -> Option<Value> {
    let end = |at: usize| {
        let value = args.get(at)?.clone().worded();
        let text = value.text?;
        match number_of(&text) {
            Some(number) => Some((number, false)),
            None => Some((i64::from(u32::from(text.chars().next()?)), true)),
        }
    };
    let ((first, letters), (last, _)) = (end(0)?, end(1)?);
    if (last - first).abs() > RANGE_MAX {
        return None;
    }
    let all: Vec<i64> = if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() };
    let text = |number: i64| {
        if letters { char::from(decode::byte_of(number)).to_string() } else { number.to_string() }
    };
    Some(numbered(all.into_iter().map(|number| Value::of_text(text(number))), 0))
}

/// The texts of a list, or of one text.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match &value.items {
        Some(items) => items.iter().map(|(_, item)| item.text.as_deref()).collect(),
        None => value.text.as_deref().map(|text| vec![text]),
    }
}

/// `str_replace` with texts or lists of them.
fn replaced(args: &[Value], from: super::value::From) -> Option<Value> {
    let (search, by) = (texts(args.first()?)?, texts(args.get(1)?)?);
    let mut text = args.get(2)?.text.as_deref()?.to_owned();
    let many = args.get(1)?.items.is_some();
    for (at, word) in search.into_iter().take(64).enumerate() {
        let by = if many { by.get(at).copied().unwrap_or("") } else { by.first().copied().unwrap_or("") };
        if !word.is_empty() && text.len().saturating_mul(by.len().max(1)) <= TEXT_BYTES_MAX * 4 {
            text = text.replace(word, by);
        }
    }
    Some(Value::of_text(text).and(from))
}

/// `strtr` with a list of pairs, or with two alphabets.
fn exchanged(args: &[Value], from: super::value::From) -> Option<Value> {
    let Some(pairs) = args.get(1).and_then(|value| value.items.clone()) else {
        return decode::call("strtr", args).map(|text| Value::of_text(text).and(from));
    };
    let mut rest = args.first()?.text.as_deref()?;
    let mut out = String::new();
    // By their first letters: most letters of a text begin none.
    let mut begins: [Vec<(&str, &Value)>; 256] = std::array::from_fn(|_| Vec::new());
    for (word, by) in pairs.iter().take(256) {
        if let Some(words) = word.bytes().next().and_then(|first| begins.get_mut(usize::from(first))) {
            words.push((word, by));
        }
    }
    while let Some(letter) = rest.chars().next() {
        let words = rest.bytes().next().and_then(|first| begins.get(usize::from(first)));
        let pair = words.into_iter().flatten().find(|(word, _)| rest.starts_with(word));
        let width = if let Some((word, by)) = pair.filter(|_| out.len() < TEXT_BYTES_MAX) {
            out.push_str(by.text.as_deref()?);
            word.len()
        } else {
            out.push(letter);
            letter.len_utf8()
        };
        rest = rest.get(width..)?;
    }
    Some(Value::of_text(out).and(from))
}

/// `preg_replace` with a pattern of letters, or of one class of them: what takes filler out of a name.
fn simple_pattern(args: &[Value]) -> Option<String> {
    let text = |at: usize| args.get(at).and_then(|value| value.text.as_deref());
    let (pattern, by, subject) = (text(0)?, text(1)?, text(2)?);
    let open = pattern.chars().next()?;
    let end = pattern.rfind(open).filter(|end| *end > 0)?;
    let flags = pattern.get(end + open.len_utf8()..)?;
    let body = pattern.get(open.len_utf8()..end)?;
    let any_case = flags.contains('i');
    if by.contains(['$', '\\']) || flags.contains('e') {
        return None;
    }
    if let Some(class) = body.strip_prefix('[') {
        let class = class.strip_suffix('+').unwrap_or(class).strip_suffix(']')?;
        let (negated, class) = class.strip_prefix('^').map_or((false, class), |class| (true, class));
        if class.contains(['[', ']', '\\']) {
            return None;
        }
        let letters: Vec<char> = class.chars().take(64).collect();
        let is =
            |letter: char| in_class(&letters, letter) || any_case && in_class(&letters, other_case(letter));
        let known: Vec<bool> = ('\0'..='\u{ff}').map(is).collect();
        let inside = |letter: char| known.get(letter as usize).copied().unwrap_or_else(|| is(letter));
        return (by.is_empty())
            .then(|| subject.chars().filter(|letter| inside(*letter) == negated).collect());
    }
    if body == "\\s" || body == "\\s+" || body == "\\d" || body == "\\d+" {
        let digits = body.contains('d');
        let gone = |letter: char| if digits { letter.is_ascii_digit() } else { letter.is_whitespace() };
        return (by.is_empty()).then(|| subject.chars().filter(|letter| !gone(*letter)).collect());
    }
    let plain = !body.is_empty()
        && body.chars().all(|letter| letter.is_alphanumeric() || " _-@#%&~,;:'\"<>=!/".contains(letter));
    (plain && !any_case && subject.len().saturating_mul(by.len().max(1)) <= TEXT_BYTES_MAX)
        .then(|| subject.replace(body, by))
}

fn other_case(letter: char) -> char {
    if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
}

/// Whether a letter stands in `a-zXY`.
fn in_class(letters: &[char], letter: char) -> bool {
    let mut at = 0;
    while let Some(first) = letters.get(at).copied() {
        if let (Some('-'), Some(last)) = (letters.get(at + 1), letters.get(at + 2).copied()) {
            if (first..=last).contains(&letter) {
                return true;
            }
            at += 3;
        } else {
            if first == letter {
                return true;
            }
            at += 1;
        }
    }
    false
}

/// `array_map` of a function that is known here over known texts: `array_map('chr', [101, 118])`.
pub(super) fn mapped(function: &str, items: &Items) -> Option<Value> {
    let from = items.iter().fold(0, |from, (_, item)| from | item.from);
    let decoded = if decode::is_decoder(function) { super::value::DECODED } else { 0 };
    let values: Option<Vec<Value>> = items
        .iter()
        .map(|(_, item)| decode::call(function, std::slice::from_ref(item)).map(Value::of_text))
        .collect();
    values
        .filter(|values| !values.is_empty())
        .map(|values| numbered(values.into_iter(), from | decoded | COMPUTED))
}

/// Items that a list may get one by one.
const ITEMS_SET: usize = 64;

/// The items of `whole` once `place`, as `name[key]`, holds `value`.
pub(super) fn with_item(whole: &Value, place: &str, value: &Value) -> Option<Items> {
    let (_, key) = place.strip_suffix(']')?.split_once('[')?;
    let known = value.text.is_some() || value.items.is_some() || value.class.is_some();
    if !known || whole.text.is_some() || key.contains(['[', ']']) {
        return None;
    }
    // A longer list is copied for no single item.
    if whole.items.as_ref().is_some_and(|items| items.len() > ITEMS_SET) {
        return None;
    }
    let mut items: Vec<(Rc<str>, Value)> = whole.items.as_ref().map_or_else(Vec::new, |items| items.to_vec());
    let room = items.len() < ITEMS_SET;
    match items.iter_mut().find(|(own, _)| own.as_ref() == key) {
        Some((_, item)) => *item = value.clone(),
        None if room => items.push((key.into(), value.clone())),
        None => return None,
    }
    Some(Rc::new(items))
}
