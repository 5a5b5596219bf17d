//! Messages of a syslog file: lines, and frames that say their own length (octet counting, RFC 6587 3.4.1), mixed.
//!
//! In: bytes. Out: where each message begins and ends. A frame may have line ends inside and may be followed by the next one
//! without any. A count is believed only if what it counts begins with a priority and is followed by another message or an end
//! of line or file; else the line is a line. The splitter cuts blocks with the same eyes, so that no frame is torn.

use std::ops::Range;

/// Bytes of the longest frame that is believed.
pub const FRAME_BYTES_MAX: usize = 256 << 10;
/// Digits of a count.
const COUNT_DIGITS_MAX: usize = 6;

/// Bytes of the count and its blank, if a message with its priority follows.
pub(super) fn count_at(bytes: &[u8]) -> Option<(usize, usize)> {
    if !bytes.first().is_some_and(u8::is_ascii_digit) {
        return None; // nearly every line
    }
    let digits = bytes.iter().take(COUNT_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let count = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse::<usize>().ok()?;
    let message = bytes.get(digits..)?.strip_prefix(b" ")?;
    let inner = message.strip_prefix(b"<")?;
    let priority = inner.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let right =
        (1..=3).contains(&priority) && inner.get(priority) == Some(&b'>') && digits <= COUNT_DIGITS_MAX;
    right.then_some((digits + 1, count))
}

/// Bytes of the frame that `bytes` begin with, its count included; `None` for a line.
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let (head, count) = count_at(bytes)?;
    let length = head.checked_add(count).filter(|length| *length <= FRAME_BYTES_MAX)?;
    if length > bytes.len() {
        return None;
    }
    let ended = match bytes.get(length) {
        _ if bytes.get(length - 1) == Some(&b'\n') => true, // its sender counted the line's end in
        None | Some(b'\n' | b'\r' | b'<') => true,
        Some(_) => count_at(bytes.get(length..)?).is_some(),
    };
    ended.then_some(length)
}

/// What begins at `at`: the message, and where the next one begins.
fn message_at(bytes: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    if let Some(length) = frame_bytes(rest) {
        let after = rest.get(length..).unwrap_or_default();
        let end = match after {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        // Some senders count the line's end in.
        let text = rest.get(..length).unwrap_or_default();
        let kept = text.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        return Some((at..at + length - kept, at + length + end));
    }
    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let carriage = rest.get(..length).is_some_and(|line| line.ends_with(b"\r"));
    Some((at..at + length - usize::from(carriage), (at + length + 1).min(bytes.len())))
}

/// All messages of a block.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (message, next) = message_at(bytes, at)?;
        at = next;
        Some(message)
    })
}

/// Where a block that was to end at `end` must end, so that it tears no frame. `None`: more bytes are needed to tell, unless
/// these were the last ones.
pub(crate) fn whole_until(bytes: &[u8], end: usize, ended: bool) -> Option<usize> {
    let mut at = 0;
    while at < end {
        let rest = bytes.get(at..)?;
        if !ended
            && let Some((head, count)) = count_at(rest)
            && head.saturating_add(count) <= FRAME_BYTES_MAX
            && rest.len() < head.saturating_add(count) + COUNT_DIGITS_MAX + 8
        {
            return None; // what follows the frame decides whether it is one
        }
        at = message_at(bytes, at)?.1;
    }
    Some(at)
}
