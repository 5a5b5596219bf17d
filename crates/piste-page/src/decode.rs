//! Functions of scripts that turn one known text into another, computed here so that what they hide is read.
//!
//! In: the function's name in lower case and its arguments. Out: its result, where the function is known and all it needs
//! is known. Everything is bounded by [`TEXT_BYTES_MAX`].

use std::io::Read;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::value::{TEXT_BYTES_MAX, Value, bytes_of, number_of, text_of};

/// Base64 as scripts accept it: padded or not, with bits left over.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Decodes Base64, white space and other alphabets' `-_` allowed.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    let clean: Vec<u8> = text
        .bytes()
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => Some(byte),
            _ => None,
        })
        .collect();
    let whole = clean.len() - usize::from(clean.len() % 4 == 1);
    (whole <= TEXT_BYTES_MAX).then(|| engine.decode(clean.get(..whole)?).ok()).flatten()
}

fn inflate(mut reader: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = (&mut reader).take(TEXT_BYTES_MAX as u64).read_to_end(&mut out);
    (read.is_ok() || !out.is_empty()).then_some(out).filter(|out| !out.is_empty())
}

/// Undoes raw deflate, zlib or gzip, whichever it is.
pub(super) fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    match bytes {
        [0x1f, 0x8b, ..] => inflate(flate2::read::GzDecoder::new(bytes)),
        [first, second, ..]
            if first & 0x0f == 8 && (u32::from(*first) * 256 + u32::from(*second)) % 31 == 0 =>
        {
            inflate(flate2::read::ZlibDecoder::new(bytes))
        }
        _ => inflate(flate2::read::DeflateDecoder::new(bytes)),
    }
}

/// Undoes `%41`, and `%u0041` as `unescape` does.
pub(super) fn percent(text: &str, plus: bool) -> String {
    let bytes = bytes_of(text);
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    let hex = |from: usize, count: usize| {
        let digits = bytes.get(from..from + count)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            if let Some(number) = hex(at + 1, 2) {
                out.push(u8::try_from(number).unwrap_or(b'?'));
                at += 3;
                continue;
            }
            if matches!(bytes.get(at + 1), Some(b'u' | b'U'))
                && let Some(letter) = hex(at + 2, 4).and_then(char::from_u32)
            {
                let mut buffer = [0; 4];
                match u8::try_from(u32::from(letter)) {
                    Ok(byte) => out.push(byte),
                    Err(_) => out.extend(letter.encode_utf8(&mut buffer).as_bytes()),
                }
                at += 6;
                continue;
            }
        }
        out.push(if plus && *byte == b'+' { b' ' } else { *byte });
        at += 1;
    }
    text_of(&out)
}

fn rot13(text: &str) -> String {
    let turn = |letter: char, first: u8| char::from((letter as u8 - first + 13) % 26 + first);
    text.chars()
        .map(|letter| match letter {
            'a'..='z' => turn(letter, b'a'),
            'A'..='Z' => turn(letter, b'A'),
            _ => letter,
        })
        .collect()
}

/// Hex digits to bytes; other characters between them are left out.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(16)).collect();
    let pairs = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit));
    (digits.len() >= 2).then(|| pairs.map(|byte| u8::try_from(byte).unwrap_or(0)).collect())
}

/// Undoes uuencoding as `convert_uudecode` does.
fn uudecode(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes_of(text).split(|byte| *byte == b'\n') {
        let sixes = |byte: u8| u32::from(byte.wrapping_sub(32) & 0x3f);
        let Some((count, rest)) = line.split_first() else { continue };
        let start = out.len();
        for four in rest.chunks(4) {
            let group = four.iter().fold(0, |sum, byte| (sum << 6) | sixes(*byte)) << (6 * (4 - four.len()));
            out.extend(group.to_be_bytes().get(1..).unwrap_or_default());
        }
        out.truncate(start + sixes(*count) as usize);
    }
    out
}

/// `&lt;`, `&#60;`, `&#x3c;` to what they stand for.
pub(super) fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        let end = tail.bytes().take(12).position(|byte| byte == b';');
        let name = end.and_then(|end| tail.get(1..end));
        let letter = name.and_then(|name| match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let digits = name.strip_prefix('#')?;
                let hex = digits.strip_prefix(['x', 'X']);
                let number = hex.map_or_else(|| digits.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
                number.and_then(char::from_u32)
            }
        });
        if let (Some(letter), Some(end)) = (letter, end) {
            out.push(letter);
            rest = tail.get(end + 1..).unwrap_or_default();
        } else {
            out.push('&');
            rest = tail.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// Part of a text by characters; negative places count from the end.
pub(super) fn part(text: &str, start: i64, length: Option<i64>) -> String {
    let letters = || text.chars().collect::<Vec<char>>();
    let letters = if text.is_ascii() { Vec::new() } else { letters() };
    let count = if text.is_ascii() { text.len() } else { letters.len() };
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let start = if start < 0 { (count + start).max(0) } else { start.min(count) };
    let end = match length {
        None => count,
        Some(length) if length < 0 => (count + length).max(start),
        Some(length) => start.saturating_add(length).min(count),
    };
    let index = |at: i64| usize::try_from(at).unwrap_or(0);
    match text.get(index(start)..index(end)).filter(|_| text.is_ascii()) {
        Some(part) => part.to_owned(),
        None => letters.get(index(start)..index(end)).unwrap_or_default().iter().collect(),
    }
}

/// `^`, `&` and `|` of two texts as PHP does them: as long as the shorter, `|` as long as the longer.
pub(super) fn bits(left: &str, right: &str, op: &str) -> String {
    let (left, right) = (bytes_of(left), bytes_of(right));
    let length = if op == "|" { left.len().max(right.len()) } else { left.len().min(right.len()) };
    let byte = |text: &[u8], at: usize| text.get(at).copied().unwrap_or(0);
    let both = |at: usize| match op {
        "|" => byte(&left, at) | byte(&right, at),
        "&" => byte(&left, at) & byte(&right, at),
        _ => byte(&left, at) ^ byte(&right, at),
    };
    text_of(&(0..length).map(both).collect::<Vec<u8>>())
}

/// A bounded replacement of all places.
fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    let grows = to.len() > from.len() && text.len().saturating_mul(to.len().max(1)) > TEXT_BYTES_MAX * 4;
    (!from.is_empty() && !grows).then(|| text.replace(from, to))
}

/// `strtr` with two alphabets.
fn translated(text: &str, from: &str, to: &str) -> String {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().take(1_024).collect(), to.chars().collect());
    text.chars()
        .map(|letter| {
            let place = from.iter().rposition(|known| *known == letter);
            place.and_then(|place| to.get(place)).copied().unwrap_or(letter)
        })
        .collect()
}

/// Whether a function decodes: what comes out of it was hidden.
pub(super) fn is_decoder(name: &str) -> bool {
    matches!(
        name,
        "base64_decode"
            | "gzinflate"
            | "gzuncompress"
            | "gzdecode"
            | "zlib_decode"
            | "bzdecompress"
            | "str_rot13"
            | "strrev"
            | "hex2bin"
            | "pack"
            | "convert_uudecode"
            | "urldecode"
            | "rawurldecode"
            | "strreverse"
            | "unescape"
            | "frombase64string"
            | "decodebuffer"
            | "fromhexstring"
            | "fromcharcode"
            | "chr"
            | "chrw"
            | "atob"
            | "openssl_decrypt"
            | "mcrypt_decrypt"
            | "parsehexbinary"
            | "parsebase64binary"
            | "unserialize"
            | ESCAPED
    )
}

/// The decoder that a text in quotes stands for, whose letters are written as escapes: `"\x61\163sert"`.
pub(super) const ESCAPED: &str = "escaped letters";

/// The result of function `name` on known arguments.
pub(super) fn call(name: &str, args: &[Value]) -> Option<String> {
    let text = |at: usize| args.get(at).and_then(|value| value.text.as_deref());
    let number = |at: usize| text(at).and_then(number_of);
    let first = text(0)?;
    Some(match name {
        ESCAPED => first.to_owned(),
        "base64_decode" | "frombase64string" | "atob" | "decodebuffer" | "parsebase64binary" => {
            text_of(&base64(first)?)
        }
        "gzinflate" | "gzuncompress" | "gzdecode" | "zlib_decode" => text_of(&inflated(&bytes_of(first))?),
        "str_rot13" => rot13(first),
        "strrev" | "strreverse" | "reverse" => first.chars().rev().collect(),
        "concat" => format!("{first}{}", text(1)?),
        "basename" if args.len() == 1 => last_segment(first),
        "pathinfo"
            if args
                .get(1)
                .and_then(|part| part.class.as_deref())
                .is_some_and(|part| part.eq_ignore_ascii_case("constant pathinfo_basename")) =>
        {
            last_segment(first)
        }
        "hex2bin" | "parsehexbinary" => text_of(&from_hex(first)?),
        "pack" if first.starts_with(['H', 'h']) => text_of(&from_hex(text(1)?)?),
        "pack" if first.starts_with(['C', 'c']) => {
            (1..args.len()).filter_map(number).map(|n| char::from(byte_of(n))).collect()
        }
        "convert_uudecode" => text_of(&uudecode(first)),
        "urldecode" => percent(first, true),
        "rawurldecode" | "unescape" | "decodeuricomponent" | "decodeuri" | "urldecodetobytes" => {
            percent(first, false)
        }
        "html_entity_decode" | "htmldecode" | "htmlspecialchars_decode" => entities(first),
        "chr" | "chrw" | "chrb" | "fromcharcode" => (0..args.len())
            .filter_map(number)
            .filter_map(|n| u8::try_from(n.rem_euclid(256)).ok().filter(|_| name != "chr" || args.len() == 1))
            .map(char::from)
            .collect(),
        "ord" | "asc" | "ascw" => bytes_of(first).first()?.to_string(),
        "strtolower" | "lcase" | "tolower" | "tolowercase" | "lcfirst" => first.to_lowercase(),
        "strtoupper" | "ucase" | "toupper" | "touppercase" => first.to_uppercase(),
        "ucfirst" | "ucwords" => {
            let mut letters = first.chars();
            letters.next()?.to_uppercase().chain(letters).collect()
        }
        "trim" | "stripslashes" | "cstr" | "strval" | "tostring" | "addslashes" => first.trim().to_owned(),
        "rtrim" | "chop" => {
            first.trim_end_matches(|c| text(1).map_or(c == ' ', |set| set.contains(c))).to_owned()
        }
        "ltrim" => first.trim_start_matches(|c| text(1).map_or(c == ' ', |set| set.contains(c))).to_owned(),
        "substr" | "mb_substr" => part(first, number(1)?, number(2)),
        "substr_replace" => {
            let (put, start) = (text(1)?, number(2)?);
            let end = part(first, start, None);
            let behind = number(3).map_or_else(String::new, |length| part(&end, length, None));
            format!("{}{put}{behind}", part(first, 0, Some(start)))
        }
        "strstr" | "stristr" if args.len() == 2 => {
            let at = first.to_ascii_lowercase().find(&text(1)?.to_ascii_lowercase())?;
            first.get(at..)?.to_owned()
        }
        "strrchr" => first.get(first.rfind(text(1)?.chars().next()?)?..)?.to_owned(),
        "mid" => part(first, number(1)?.max(1) - 1, number(2)),
        "left" => part(first, 0, Some(number(1)?.max(0))),
        "right" => part(first, -number(1)?.max(0), None),
        "str_replace" | "str_ireplace" => replaced(text(2)?, first, text(1)?)?,
        "replace" => replaced(first, text(1)?, text(2)?)?,
        "preg_replace" => return None,
        "strtr" => translated(first, text(1)?, text(2)?),
        "str_repeat" => {
            let times = usize::try_from(number(1)?).ok()?;
            (first.len().checked_mul(times)? <= TEXT_BYTES_MAX).then(|| first.repeat(times))?
        }
        "sprintf" | "vsprintf" => formatted(first, args)?,
        "nl2br" | "strip_tags" | "intval" | "cint" | "clng" => first.to_owned(),
        "dechex" => format!("{:x}", number(0)?),
        "hexdec" => i64::from_str_radix(first, 16).ok()?.to_string(),
        "base_convert" => {
            let radix = |at| number(at).and_then(|n| u32::try_from(n).ok()).filter(|n| (2..=36).contains(n));
            in_base(i64::from_str_radix(first, radix(1)?).ok()?, radix(2)?)
        }
        "strlen" | "len" => first.chars().count().to_string(),
        _ => return None,
    })
    .filter(|text| text.len() <= TEXT_BYTES_MAX)
}

fn in_base(number: i64, radix: u32) -> String {
    let (mut number, mut out) = (u64::try_from(number).unwrap_or(0), Vec::new());
    while number > 0 && out.len() < 70 {
        let digit = u32::try_from(number % u64::from(radix)).unwrap_or(0);
        out.push(char::from_digit(digit, radix).unwrap_or('?'));
        number /= u64::from(radix);
    }
    out.iter().rev().collect()
}

/// `sprintf` with `%s` and `%c` alone.
fn formatted(format: &str, args: &[Value]) -> Option<String> {
    let mut out = String::new();
    let mut letters = format.chars();
    let mut rest = args.iter().skip(1);
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.next()? {
            's' | 'd' => out.push_str(rest.next()?.text.as_deref()?),
            'c' => out.push(char::from(byte_of(number_of(rest.next()?.text.as_deref()?)?))),
            '%' => out.push('%'),
            _ => return None,
        }
    }
    Some(out)
}

/// The low byte of a number.
pub(super) fn byte_of(number: i64) -> u8 {
    u8::try_from(number.rem_euclid(256)).unwrap_or(0)
}

/// What stands behind the last slash.
fn last_segment(path: &str) -> String {
    path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
