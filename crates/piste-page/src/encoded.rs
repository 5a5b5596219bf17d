//! Pages whose text the server itself decodes before it runs them: Script Encoder and UTF-7.
//!
//! In: a page's text. Out: the text as the server reads it, as long as before wherever that is possible, so that places in
//! it stay places in the file. Source of the tables: Microsoft's Script Encoder, as its published decoders give them.

use std::borrow::Cow;

use base64::Engine;
use memchr::memmem;

use super::segment::has;

/// Start of an encoded stretch; six letters with its length and `==` follow.
const MARK: &[u8] = b"#@~^";
/// Its end, before which a checksum of six letters stands.
const END: &[u8] = b"==^#~@";
/// Bytes between the mark and the code.
const HEAD: usize = 8;
/// Letters of the checksum.
const SUM: usize = 6;

/// What each letter from `\t` to DEL stands for, by column.
const COLUMNS: [&[u8; 119]; 3] = [
    b"WJ\x0b\x0cJ\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f.GzVBj/&IA42[vrC89pEhqO\tbD#uJ~J^@wJa]\"KoN;LPg*}tT+-,0nkf5%!dMRc?{x)(sY3\x7fmUS|:_eFX1ilZH'\\=$y7`Q 6",
    b"nL\x0b\x0cL\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f-uR`q^I\\b})6 |z\x7fkc3+hQfv1dTCL:L~LE,*t'7DyY/o&rj9{?8wgSG4x]0#Z[lHUpi.L!$NP\tVs5aKX;W\"mM%(FJ2A=_OBe",
    b"{A\x0b\x0cA\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f20!)[83=X:5e9\\VsfNEkbYx^}JmqA`AS@B'Hru17MR\"TjGd- \x7f.L]~loytC&v%$+(#A4\t*D?w;UiacPgQIOFh|6pnz/_KZ,W",
];
/// Which column the letters take in turn.
const ORDER: &[u8; 64] = b"0120121221210212021200122102122100212120200120210212001220012021";

/// A page as the server reads it.
#[derive(Debug)]
pub(super) struct Plain<'t> {
    /// Its text.
    pub text: Cow<'t, [u8]>,
    /// Where it was encoded first.
    pub encoded: Option<usize>,
    /// Whether letters of an encoded stretch are lost, so that it cannot be read.
    pub damaged: bool,
}

/// Undoes what the server would undo.
pub(super) fn plain(text: &[u8]) -> Plain<'_> {
    let mut plain = Plain { text: Cow::Borrowed(text), encoded: None, damaged: false };
    if let Some(at) = memmem::find(text, MARK) {
        let (out, stretches, damaged) = unscrambled(text);
        plain.encoded = (stretches > 0).then_some(at);
        plain.damaged = damaged;
        plain.text = Cow::Owned(out);
    }
    let start = plain.text.get(..plain.text.len().min(2_048)).unwrap_or_default().to_ascii_lowercase();
    if has(&start, "codepage") && has(&start, "65000") && plain.text.contains(&b'+') {
        plain.encoded = plain.encoded.or_else(|| memchr::memchr(b'+', &plain.text));
        plain.text = Cow::Owned(seven(&plain.text));
    }
    plain
}

/// Undoes each stretch of the Script Encoder; how many there were, and whether one is damaged.
fn unscrambled(text: &[u8]) -> (Vec<u8>, usize, bool) {
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut stretches, mut damaged) = (0, 0, false);
    // Where nothing more ends, that is looked for once.
    let (mut ends, mut closes) = (true, true);
    for start in memmem::find_iter(text, MARK) {
        if start < at {
            continue;
        }
        let body = start + MARK.len() + HEAD;
        let rest = text.get(body..).unwrap_or_default();
        let head = text.get(start + MARK.len()..body).unwrap_or_default();
        if !head.ends_with(b"==") {
            continue;
        }
        let end = ends.then(|| memmem::find(rest, END)).flatten();
        ends = end.is_some();
        let code = if let Some(end) = end {
            rest.get(..end.saturating_sub(SUM)).unwrap_or_default()
        } else {
            // Its end is lost: as far as its head says, or to the end of the code around it.
            let said = length_of(head).filter(|length| (1..=rest.len()).contains(length));
            let mut around = || {
                let close = closes.then(|| memmem::find(rest, b"%>")).flatten();
                closes = close.is_some();
                close.unwrap_or(rest.len())
            };
            rest.get(..said.unwrap_or_else(&mut around)).unwrap_or_default()
        };
        let next = end.map_or(body + code.len(), |end| body + end + END.len());
        out.extend(text.get(at..start).unwrap_or_default());
        let before = out.len();
        // The engine takes a stretch as lines of its own: what stands before it on the line, a remark mostly, ends here.
        out.push(b'\n');
        out.extend(decoded(code));
        let length = next - start;
        out.resize((before + length - 1).max(out.len()), b' ');
        out.push(b'\n');
        stretches += 1;
        damaged |= length_of(head).is_some_and(|length| code.len() < length);
        at = next;
    }
    out.extend(text.get(at..).unwrap_or_default());
    (out, stretches, damaged)
}

/// The length that a stretch says it has.
fn length_of(head: &[u8]) -> Option<usize> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(head).ok()?;
    let bytes: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

/// Whether a text that is no UTF-8 is written in signs of two bytes, as Chinese is: then most bytes outside ASCII come in
/// pairs.
fn is_paired(code: &[u8]) -> bool {
    if std::str::from_utf8(code).is_ok() {
        return false;
    }
    let (mut pairs, mut lone, mut at) = (0_usize, 0_usize, 0);
    while let Some(byte) = code.get(at) {
        let pair = *byte > 0x80 && code.get(at + 1).is_some_and(|next| *next >= 0x80);
        pairs += usize::from(pair);
        lone += usize::from(*byte > 0x80 && !pair);
        at += 1 + usize::from(pair);
    }
    pairs >= lone * 2
}

/// One stretch. Signs outside ASCII stand for themselves and take no turn; the second byte of one may look like a letter.
fn decoded(code: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(code.len());
    let paired = is_paired(code);
    let (mut at, mut turn) = (0, 0);
    while let Some(byte) = code.get(at) {
        at += 1;
        if paired
            && *byte > 0x80
            && let Some(second) = code.get(at).filter(|second| **second >= 0x40)
        {
            out.extend([*byte, *second]);
            at += 1;
            continue;
        }
        let escape = match (byte, code.get(at)) {
            (b'@', Some(b'&')) => Some(b'\n'),
            (b'@', Some(b'#')) => Some(b'\r'),
            (b'@', Some(b'*')) => Some(b'>'),
            (b'@', Some(b'!')) => Some(b'<'),
            (b'@', Some(b'$')) => Some(b'@'),
            _ => None,
        };
        if let Some(letter) = escape {
            at += 1;
            turn += 1;
            out.push(letter);
            continue;
        }
        if !byte.is_ascii() {
            out.push(*byte);
            continue;
        }
        let column = ORDER.get(turn % ORDER.len()).map_or(0, |digit| usize::from(digit - b'0'));
        turn += 1;
        let place = usize::from(*byte).checked_sub(9).filter(|_| *byte == b'\t' || *byte >= b' ');
        let letter = place.and_then(|place| COLUMNS.get(column).and_then(|letters| letters.get(place)));
        out.push(*letter.unwrap_or(byte));
    }
    out
}

/// Undoes UTF-7. What is no character between `+` and `-` gives nothing, as the server's decoder does.
fn seven(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if *byte != b'+' {
            out.push(*byte);
            at += 1;
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')))
            .unwrap_or(rest.len());
        let closed = usize::from(rest.get(length) == Some(&b'-'));
        if length == 0 {
            out.push(b'+');
        } else {
            out.extend(wide(rest.get(..length).unwrap_or_default()));
        }
        at += 1 + length + closed;
    }
    out
}

/// Base64 of UTF-16 to text.
fn wide(letters: &[u8]) -> Vec<u8> {
    let bytes = super::decode::base64(&String::from_utf8_lossy(letters)).unwrap_or_default();
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
        .collect();
    String::from_utf16_lossy(&units).into_bytes()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Encodes as the Script Encoder does, for tests.
    pub(in super::super) fn encoded(code: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for (turn, byte) in code.bytes().enumerate() {
            let escape: Option<&[u8]> = match byte {
                b'\n' => Some(b"@&"),
                b'\r' => Some(b"@#"),
                b'>' => Some(b"@*"),
                b'<' => Some(b"@!"),
                b'@' => Some(b"@$"),
                _ => None,
            };
            if let Some(escape) = escape {
                body.extend(escape);
                continue;
            }
            let column = usize::from(ORDER[turn % 64] - b'0');
            let wanted = |place: &u8| *place >= b' ' && !b"<>@".contains(place) || *place == b'\t';
            let place =
                (9..=127).filter(wanted).find(|place| COLUMNS[column][usize::from(place - 9)] == byte);
            body.push(place.unwrap());
        }
        let length = base64::engine::general_purpose::STANDARD
            .encode(u32::try_from(body.len()).unwrap().to_le_bytes());
        [MARK, length.as_bytes(), &body, b"AAAAAA", END].concat()
    }

    #[test]
    fn what_the_encoder_hides_is_read_and_places_stay() {
        let code = "dim total\r\nif total <> 1 then response.write \"a > b @ c\"\ttotal = 2";
        let page = [b"<html><%", encoded(code).as_slice(), b"%> tail"].concat();
        let plain = plain(&page);
        assert!(
            memmem::find(&plain.text, code.as_bytes()).is_some(),
            "{}",
            String::from_utf8_lossy(&plain.text)
        );
        assert_eq!((plain.text.len(), plain.encoded, plain.damaged), (page.len(), Some(8), false));
        assert!(plain.text.ends_with(b"%> tail"));
    }

    #[test]
    fn a_stretch_that_lost_letters_is_called_damaged() {
        let mut page = encoded("response.write 12345");
        page.remove(14);
        assert!(plain(&page).damaged);
        assert!(!plain(b"#@~^ no stretch").damaged && plain(b"#@~^ no stretch").encoded.is_none());
    }

    #[test]
    fn utf_7_is_read_as_the_server_reads_it() {
        let page = b"<%@codepage=65000%><%+AGQAaQBt- a+x-b 1 +- 2%>";
        assert!(memmem::find(&plain(page).text, b"<%dim ab 1 + 2%>").is_some());
        let other = b"<%@codepage=936%><%+AGQAaQBt-%>";
        assert_eq!(&*plain(other).text, other);
    }
}
