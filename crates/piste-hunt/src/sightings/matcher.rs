//! Which indicators one value of a row shows.
//!
//! In: a value and what its field can carry. Out: the tests that it meets. Tokens are exact: `10.1.1.1` is not in
//! `110.1.1.15`, `evil.example` is in `a.evil.example` and not in `notevil.example`. A value with percent-encoding is looked at
//! as written and decoded.

use std::net::{Ipv4Addr, Ipv6Addr};

use piste_rules::indicators::VARIABLES;
use piste_rules::indicators::fields::Carries;

use super::index::{Index, Slot, Tag};
use super::tokens::{ends_url, is_break, is_host, is_local, percent_decoded};

/// Bytes of a value that are looked at.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    lower: Vec<u8>,
    path: Vec<u8>,
}

impl Index<'_> {
    /// Adds the tests that the value meets, ascending, each once.
    pub(super) fn matches(
        &self,
        value: &str,
        carries: Carries,
        scratch: &mut Scratch,
        found: &mut Vec<Slot>,
    ) {
        let before = found.len();
        let mut end = value.len().min(VALUE_BYTES_MAX);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let value = value.get(..end).unwrap_or_default();
        self.look(value, carries, scratch, found);
        if has_percent(value)
            && let Some(decoded) = percent_decoded(value)
        {
            self.look(&decoded, carries, scratch, found);
        }
        if let Some(new) = found.get_mut(before..) {
            new.sort_unstable();
        }
        found.dedup();
    }

    fn look(&self, value: &str, carries: Carries, scratch: &mut Scratch, found: &mut Vec<Slot>) {
        lower(value, &mut scratch.lower);
        let text = scratch.lower.as_slice();
        let names = Carries::ADDRESS.with(Carries::DOMAIN).with(Carries::MAIL);
        let tokens = names.with(Carries::URL).with(Carries::HASH);
        if carries.any(tokens) {
            self.hosts(value, text, carries, found);
            if self.has_v6 && carries.any(Carries::ADDRESS) {
                self.v6(text, found);
            }
        }
        if carries.any(Carries::AGENT) {
            self.agent(text, found);
        }
        if carries.any(Carries::COMMAND) {
            found.extend(self.find(Tag::Command, trim(text, |byte| byte.is_ascii_whitespace())));
        }
        let paths = Carries::PATH.with(Carries::PIPE).with(Carries::REGISTRY).with(Carries::INSIDE);
        if carries.any(paths) && !self.phrases.is_empty() {
            normal_path(text, &mut scratch.path);
            self.phrases_in(&scratch.path, carries, found);
        }
        self.patterns.find(value, carries, found);
    }

    /// Runs of bytes that host names are made of: addresses, names, hashes; and what stands around them.
    fn hosts(&self, value: &str, text: &[u8], carries: Carries, found: &mut Vec<Slot>) {
        let mut at = 0;
        while let Some(skipped) = text.get(at..).and_then(|rest| rest.iter().position(|byte| is_host(*byte)))
        {
            let start = at + skipped;
            let rest = text.get(start..).unwrap_or_default();
            let length = rest.iter().position(|byte| !is_host(*byte)).unwrap_or(rest.len());
            at = start + length;
            let run = rest.get(..length).unwrap_or_default();
            if run.len() < 4 {
                continue;
            }
            if carries.any(Carries::HASH)
                && is_hash(run)
                && !text.get(..start).unwrap_or_default().ends_with(b"imphash=")
            {
                found.extend(self.find(Tag::Hash, run));
            }
            let name = trim(run, |byte| matches!(byte, b'.' | b'-' | b'_'));
            if !name.contains(&b'.') {
                continue;
            }
            if carries.any(Carries::ADDRESS) {
                self.v4(name, found);
            }
            let named = self.has_top(name.rsplit(|byte| *byte == b'.').next().unwrap_or_default());
            if named && carries.any(Carries::DOMAIN) {
                self.domain(name, found);
            }
            let from =
                start + run.iter().position(|byte| !matches!(byte, b'.' | b'-' | b'_')).unwrap_or_default();
            let to = from + name.len();
            if carries.any(Carries::MAIL) && from > 0 && text.get(from - 1) == Some(&b'@') {
                self.mail(text, from, to, found);
            }
            if carries.any(Carries::URL) && self.has_urls() {
                self.url(value, text, (from, to), found);
            }
        }
    }

    /// An address of version 4, or several joined by dashes.
    fn v4(&self, run: &[u8], found: &mut Vec<Slot>) {
        for part in run.split(|byte| matches!(byte, b'-' | b'_')) {
            let part = trim(part, |byte| byte == b'.');
            if (7..=15).contains(&part.len())
                && part.first().is_some_and(u8::is_ascii_digit)
                && let Some(address) =
                    std::str::from_utf8(part).ok().and_then(|text| text.parse::<Ipv4Addr>().ok())
            {
                self.address(address.into(), found);
            }
        }
    }

    /// A name, and each name above it but the last label.
    fn domain(&self, name: &[u8], found: &mut Vec<Slot>) {
        let mut rest = name;
        while let Some(dot) = rest.iter().position(|byte| *byte == b'.') {
            found.extend(self.find(Tag::Domain, rest));
            rest = rest.get(dot + 1..).unwrap_or_default();
        }
    }

    /// The host is that of a mail address.
    fn mail(&self, text: &[u8], from: usize, to: usize, found: &mut Vec<Slot>) {
        let before = text.get(..from - 1).unwrap_or_default();
        let length = before.iter().rev().take_while(|byte| is_local(**byte)).count();
        let start = before.len() - length;
        let local = before.get(start..).unwrap_or_default();
        let dots =
            local.iter().take_while(|byte| matches!(byte, b'.' | b'-' | b'_' | b'&' | b'!' | b'#')).count();
        if dots < local.len() {
            found.extend(text.get(start + dots..to).and_then(|mail| self.find(Tag::Mail, mail)));
        }
    }

    /// The host is that of a web address that is looked for: with its port, up to where the address ends, without query.
    fn url(&self, value: &str, text: &[u8], (from, to): (usize, usize), found: &mut Vec<Slot>) {
        let tail = text.get(to..).unwrap_or_default();
        let digits = match tail.split_first() {
            Some((b':', rest)) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        let port = tail.get(..if digits > 0 { digits + 1 } else { 0 }).unwrap_or_default();
        let shown_port = if matches!(port, b":80" | b":443") { &[][..] } else { port };
        let host = [text.get(from..to).unwrap_or_default(), shown_port].concat();
        if !self.has_url_host(&host) {
            return;
        }
        let scheme = scheme_before(text.get(..from).unwrap_or_default());
        let head = match scheme {
            Some(b"http" | b"https") | None => host,
            Some(other) => [other, b"://", host.as_slice()].concat(),
        };
        let rest = value.as_bytes().get(to + port.len()..).unwrap_or_default();
        if !matches!(rest.first(), Some(b'/' | b'?')) {
            // The host alone is a web address only where a scheme says so.
            found.extend(scheme.and_then(|_| self.find(Tag::Url, &head)));
            return;
        }
        let length = rest.iter().position(|byte| ends_url(*byte) || *byte == b'#').unwrap_or(rest.len());
        let whole = rest.get(..length).unwrap_or_default();
        let trimmed = trim_end(whole, |byte| b".,;:!)]".contains(&byte));
        let no_query = whole.split(|byte| *byte == b'?').next().unwrap_or_default();
        let bare = trim_end(no_query, |byte| b".,;:!)]".contains(&byte));
        let mut tried: Vec<&[u8]> = vec![whole, trimmed, no_query, bare];
        tried.dedup();
        for path in tried {
            let path = if path == b"/" { &[][..] } else { path };
            found.extend(self.find(Tag::Url, &[head.as_slice(), path].concat()));
        }
    }

    /// Runs of hex digits with at least two colons.
    fn v6(&self, text: &[u8], found: &mut Vec<Slot>) {
        let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let mut at = 0;
        while let Some(skipped) = text.get(at..).and_then(|rest| rest.iter().position(part)) {
            let start = at + skipped;
            let rest = text.get(start..).unwrap_or_default();
            let length = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
            at = start + length;
            let mut run = rest.get(..length).unwrap_or_default();
            if word(text.get(at)) {
                continue;
            }
            // `IPv6:2001:db8::7`: what belongs to the word before ends with its colon.
            if start > 0 && word(text.get(start - 1)) {
                let Some(colon) = run.iter().position(|byte| *byte == b':') else { continue };
                run = run.get(colon + 1..).unwrap_or_default();
            }
            let run = trim_end(run, |byte| byte == b'.');
            if run.split(|byte| *byte == b':').nth(2).is_none() {
                continue;
            }
            let single = run.strip_suffix(b":").filter(|rest| !rest.ends_with(b":")).unwrap_or(run);
            let address = std::str::from_utf8(single).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
            if let Some(address) = address {
                self.address(address.into(), found);
            }
        }
    }

    /// The whole text, then its products one by one; IIS writes a `+` for a blank.
    fn agent(&self, text: &[u8], found: &mut Vec<Slot>) {
        let blank = |byte: u8| if byte == b'+' { b' ' } else { byte };
        let plain: Vec<u8> =
            if text.contains(&b' ') { text.to_vec() } else { text.iter().copied().map(blank).collect() };
        let whole = trim(&plain, |byte| byte == b' ');
        found.extend(self.find(Tag::Agent, whole));
        for product in whole.split(|byte| *byte == b' ') {
            let product = trim(product, |byte| b"();,".contains(&byte));
            if product.len() > 2 {
                found.extend(self.find(Tag::Agent, product));
            }
        }
    }

    /// Phrases that begin and end at a boundary.
    fn phrases_in(&self, text: &[u8], carries: Carries, found: &mut Vec<Slot>) {
        let inside = carries.any(Carries::INSIDE);
        if carries.any(Carries::PIPE) {
            let name = [b"pipe\\".as_slice(), b".\\pipe\\"].iter().find_map(|head| text.strip_prefix(*head));
            found.extend(self.find(Tag::Pipe, name.unwrap_or(text)));
        }
        let boundary = |byte: Option<&u8>| match byte {
            None => true,
            Some(byte) => {
                if inside {
                    is_break(*byte)
                } else {
                    matches!(byte, b'\\' | b':' | b'"' | b'|' | b'!')
                }
            }
        };
        for (slot, start) in self.phrases.candidates(text) {
            let Some((tag, phrase)) = self.phrase(slot) else { continue };
            let wanted = match tag {
                Tag::Path | Tag::Pipe => carries.any(Carries::PATH.with(Carries::INSIDE)),
                Tag::Registry => carries.any(Carries::REGISTRY.with(Carries::INSIDE)),
                Tag::Mutex => inside,
                _ => false,
            };
            let end = start + phrase.len();
            if !wanted || text.get(start..end) != Some(phrase.as_bytes()) {
                continue;
            }
            let before = text.get(..start).unwrap_or_default();
            let begins = if tag == Tag::Pipe { before.ends_with(b"pipe\\") } else { boundary(before.last()) };
            if begins && boundary(text.get(end)) {
                found.push(slot);
            }
        }
    }
}

/// MD5, SHA-1 or SHA-256 by their length.
fn is_hash(run: &[u8]) -> bool {
    matches!(run.len(), 32 | 40 | 64) && run.iter().all(u8::is_ascii_hexdigit)
}

fn has_percent(value: &str) -> bool {
    value.as_bytes().contains(&b'%')
}

/// Lower case of the same length: a letter whose small form is longer or shorter stays.
fn lower(value: &str, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(value.as_bytes());
    if value.is_ascii() {
        out.make_ascii_lowercase();
        return;
    }
    let mut at = 0;
    for c in value.chars() {
        let mut small = c.to_lowercase();
        let length = c.len_utf8();
        if let (Some(one), None) = (small.next(), small.next())
            && one.len_utf8() == length
            && let Some(place) = out.get_mut(at..at + length)
        {
            one.encode_utf8(place);
        }
        at += length;
    }
}

/// `\` for `/`, none doubled, none at the ends; the folder for a variable, as indicators have it.
fn normal_path(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let variable = if *byte == b'%' { folder_of(text.get(at..).unwrap_or_default()) } else { None };
        if let Some((length, folder)) = variable {
            out.extend_from_slice(folder.as_bytes());
            at += length;
            continue;
        }
        at += 1;
        let byte = if *byte == b'/' { b'\\' } else { *byte };
        if byte == b'\\' && (out.is_empty() || out.last() == Some(&b'\\')) {
            continue;
        }
        out.push(byte);
    }
    while out.last() == Some(&b'\\') {
        out.pop();
    }
}

/// The folder of the variable that a text, in lower case, begins with, and the variable's bytes.
fn folder_of(text: &[u8]) -> Option<(usize, &'static str)> {
    let known = VARIABLES.iter().find(|(name, _)| text.starts_with(name.as_bytes()))?;
    Some((known.0.len(), known.1))
}

fn scheme_before(before: &[u8]) -> Option<&[u8]> {
    let head = before.strip_suffix(b"://").or_else(|| {
        // A user's name may stand before the host.
        let at = before.strip_suffix(b"@")?;
        let local = at.iter().rev().take_while(|byte| is_local(**byte) || **byte == b':').count();
        at.get(..at.len() - local)?.strip_suffix(b"//").and_then(|head| head.strip_suffix(b":"))
    })?;
    let length = head.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    head.get(head.len() - length..).filter(|scheme| !scheme.is_empty())
}

fn trim(bytes: &[u8], cut: impl Fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|byte| !cut(*byte)).unwrap_or(bytes.len());
    trim_end(bytes.get(start..).unwrap_or_default(), cut)
}

fn trim_end(bytes: &[u8], cut: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !cut(*byte)).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}
