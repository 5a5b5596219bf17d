//! Encoding modifiers: a plain text to the texts under which it appears.
//!
//! In: `wide`, `utf16`, `utf16be`, `base64`, `base64offset`, `windash` in their order. Out: the texts to compare with.
//! `windash` is applied to the text as written, the encodings to its bytes; `base64offset` gives the three ways in which
//! the bytes may lie in a longer encoded stretch, and is therefore looked for anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsigma_ir::IrEncoding;

use super::Op;

/// Dashes of one value; each has five forms.
const DASHES_MAX: usize = 5;
/// The forms of a dash that Windows programs take: hyphen, slash, en dash, em dash, horizontal bar.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// The texts to compare with, and how.
pub(crate) fn encode(value: &str, encodings: &[IrEncoding], op: Op) -> Result<(Op, Vec<String>), String> {
    let has = |one| encodings.contains(&one);
    let plain = if has(IrEncoding::Windash) { dashes(value)? } else { vec![value.to_owned()] };
    let mut texts = Vec::new();
    let mut op = op;
    for text in plain {
        let bytes = wide(&text, encodings);
        if has(IrEncoding::Base64) {
            texts.push(STANDARD.encode(&bytes));
        } else if has(IrEncoding::Base64Offset) {
            op = Op::Contains;
            texts.extend((0..3).map(|offset| base64_at(&bytes, offset)));
        } else {
            let text = String::from_utf8(bytes);
            texts.push(text.map_err(|_| {
                format!("`{value}` in this encoding is no text; it can be looked for only with base64")
            })?);
        }
    }
    texts.sort();
    texts.dedup();
    Ok((op, texts))
}

fn wide(text: &str, encodings: &[IrEncoding]) -> Vec<u8> {
    let little = || text.encode_utf16().flat_map(u16::to_le_bytes);
    if encodings.contains(&IrEncoding::Wide) {
        little().collect()
    } else if encodings.contains(&IrEncoding::Utf16Be) {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    } else if encodings.contains(&IrEncoding::Utf16) {
        [0xff, 0xfe].into_iter().chain(little()).collect()
    } else {
        text.as_bytes().to_vec()
    }
}

/// Every dash, and every slash before a word, in each of its forms.
fn dashes(text: &str) -> Result<Vec<String>, String> {
    let is_word = |one: &char| one.is_alphanumeric() || *one == '_';
    let mut texts = vec![String::new()];
    let mut count = 0;
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        let flag = !before.as_ref().is_some_and(is_word) && rest.peek().is_some_and(is_word);
        if one == '-' || (one == '/' && flag) {
            count += 1;
            if count > DASHES_MAX {
                return Err(format!(
                    "windash: `{text}` has over {DASHES_MAX} dashes, the most that are tried"
                ));
            }
            let forms = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
            texts = texts.iter().flat_map(forms).collect();
        } else {
            for text in &mut texts {
                text.push(one);
            }
        }
        before = Some(one);
    }
    Ok(texts)
}

/// The characters that hang on these bytes alone when `offset` bytes stand before them and others follow.
fn base64_at(bytes: &[u8], offset: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
    let whole = STANDARD.encode(&padded);
    let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let end = whole.len() - [0, 3, 2].get(padded.len() % 3).copied().unwrap_or(0);
    whole.get(start..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, encodings: &[IrEncoding], expected: &[&str]) {
        let (_, texts) = encode(value, encodings, Op::Contains).expect("it encodes");
        assert_eq!(texts, expected);
    }

    #[test]
    fn texts_are_encoded_as_the_specification_has_them() {
        use IrEncoding::{Base64, Base64Offset, Utf16, Utf16Be, Wide, Windash};
        check("foobar", &[Base64], &["Zm9vYmFy"]);
        check("fooba", &[Base64], &["Zm9vYmE="]);
        check("ab", &[Wide], &["a\0b\0"]);
        check("ab", &[Utf16Be], &["\0a\0b"]);
        check("ping", &[Wide, Base64], &["cABpAG4AZwA="]);
        check("foobar", &[Base64Offset], &["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        check("/bin/sh", &[Base64Offset], &["9iaW4vc2", "L2Jpbi9za", "vYmluL3No"]);
        check("-a", &[Windash], &["-a", "/a", "–a", "—a", "―a"]);
        check("a/b /c", &[Windash], &["a/b -c", "a/b /c", "a/b –c", "a/b —c", "a/b ―c"]);
        assert_eq!(encode("-a-b", &[Windash], Op::Contains).expect("it encodes").1.len(), 25);
        assert!(encode("a", &[Utf16], Op::Contains).is_err());
        assert!(encode("------", &[Windash], Op::Contains).is_err());
    }
}
