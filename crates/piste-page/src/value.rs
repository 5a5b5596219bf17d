//! What a page's expression may be worth: a known text, and where it came from.
//!
//! In: what the walk saw. Out: values that are joined when expressions are. A text is kept as characters below U+0100, one
//! a byte, so that scripts which compute on bytes can be followed.

use std::rc::Rc;

/// Bytes of a text that is followed.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
/// Items of a list that are followed.
pub(super) const ITEMS_MAX: usize = 4_096;

/// Where a value came from, as bits.
pub(super) type From = u32;
/// The request, whole.
pub(super) const REQUEST: From = 1;
/// The request, between other text.
pub(super) const MIXED: From = 1 << 1;
/// Another server.
pub(super) const REMOTE: From = 1 << 2;
/// A file on disk.
pub(super) const FILE: From = 1 << 3;
/// The session or the application, which a request may have filled.
pub(super) const SESSION: From = 1 << 4;
/// Went through a decoder.
pub(super) const DECODED: From = 1 << 5;
/// Put together by operations on text.
pub(super) const COMPUTED: From = 1 << 6;
/// Went through a function that makes it harmless for a command or a path.
pub(super) const FILTERED: From = 1 << 7;
/// Went through a cipher.
pub(super) const CIPHER: From = 1 << 8;
/// Read from the page's own file.
pub(super) const OWN_FILE: From = 1 << 9;
/// The name that the client gave to an upload, or its content.
pub(super) const UPLOAD: From = 1 << 10;
/// What a function or loop of the page made of a text.
pub(super) const SCRAMBLED: From = 1 << 11;
/// A path under the site's root.
pub(super) const MAPPED: From = 1 << 12;
/// The name of an upload behind a folder that the request names.
pub(super) const CHOSEN: From = 1 << 13;
/// In part a value of which nothing is known.
pub(super) const OTHER: From = 1 << 14;
/// A path of the folder in which the page itself lies.
pub(super) const BESIDE: From = 1 << 15;
/// Its known text is a part of it only.
pub(super) const PARTIAL: From = 1 << 18;

/// A header that pages read for other reasons, or all variables at once: the request where code is run, nothing elsewhere.
pub(super) const HEADER: From = 1 << 16;
/// Read from where the request says.
pub(super) const SOUGHT: From = 1 << 17;
/// Holds only digits and signs of sums: whatever is made of it runs nothing.
pub(super) const CHECKED: From = 1 << 20;
/// A field of a framework's object of the request: the request where code is run, nothing elsewhere.
pub(super) const FIELD: From = 1 << 22;
/// Written as data of another kind, JSON, in which it stands between quotes.
pub(super) const QUOTED: From = 1 << 23;
/// Ends in a known text.
pub(super) const ENDED: From = 1 << 19;
/// The port from which the client came.
pub(super) const PEER: From = 1 << 21;

/// Items of a list by their keys.
pub(super) type Items = Rc<Vec<(Rc<str>, Value)>>;

/// A value.
#[derive(Debug, Clone, Default)]
pub(super) struct Value {
    /// Bits.
    pub from: From,
    /// Its text, where that is known.
    pub text: Option<Rc<str>>,
    /// Its items, where these are known.
    pub items: Option<Items>,
    /// Kind of object, where it is one: `wscript.shell`.
    pub class: Option<Rc<str>>,
}

impl Value {
    /// A known text.
    pub(super) fn of_text(text: impl Into<Rc<str>>) -> Self {
        let text: Rc<str> = text.into();
        let text = (text.len() <= TEXT_BYTES_MAX).then_some(text);
        Self { text, ..Self::default() }
    }

    /// A value of which only the origin is known.
    pub(super) fn of(from: From) -> Self {
        Self { from, ..Self::default() }
    }

    /// An object.
    pub(super) fn object(class: &str, from: From) -> Self {
        Self { from, class: Some(class.into()), ..Self::default() }
    }

    /// Adds an origin.
    pub(super) fn and(mut self, from: From) -> Self {
        self.from |= from;
        self
    }

    /// Whether the request reaches it, whole or in part.
    pub(super) fn tainted(&self) -> bool {
        self.from & (REQUEST | MIXED) != 0
    }

    /// Whether it is a path that the request alone chooses, from its beginning.
    pub(super) fn is_whole(&self) -> bool {
        let alone = self.from & REQUEST != 0 || matches!(self.known(), "" | "/" | ".") && self.tainted();
        alone && self.from & (FILTERED | MAPPED | UPLOAD | OTHER) == 0
    }

    /// Whether nothing is known of it.
    pub(super) fn is_unknown(&self) -> bool {
        self.from == 0 && self.text.is_none() && self.items.is_none()
    }

    /// Whether it is a text with more than the strokes between folders.
    pub(super) fn names_folder(&self) -> bool {
        self.known().contains(|letter: char| letter.is_alphanumeric())
    }

    /// A name without a value, which PHP took for its own text: `substr(asassertas, 2, 6)`.
    pub(super) fn word(&self) -> Option<&str> {
        let name = self.class.as_deref()?.strip_prefix("constant ")?;
        let plain = self.text.is_none() && self.from == 0 && !name.contains("__") && name.len() < 200;
        let keyword = matches!(name, "true" | "false" | "null" | "self" | "static" | "parent" | "this");
        (plain && !keyword && (name == "_" || !name.contains('_'))).then_some(name)
    }

    /// The same as a text.
    pub(super) fn worded(self) -> Self {
        match self.word().map(str::to_owned) {
            Some(name) => Self::of_text(name),
            None => self,
        }
    }

    /// Whether the request reaches it, where that runs code.
    pub(super) fn reached(&self) -> bool {
        self.from & (REQUEST | MIXED | HEADER) != 0
    }

    /// The known text, or nothing.
    pub(super) fn known(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// One of two values: what both may be.
    pub(super) fn or(self, other: Self) -> Self {
        let text = if self.text.as_ref().is_some_and(|text| !text.is_empty()) || other.text.is_none() {
            self.text.clone().or(other.text)
        } else {
            other.text
        };
        Self {
            from: unchecked(self.from | other.from, [self.from, other.from]),
            text,
            items: self.items.or(other.items),
            class: self.class.or(other.class),
        }
    }

    /// The text of both, one after the other.
    pub(super) fn concat(self, other: Self) -> Self {
        let mut from = self.from | other.from;
        // A filter holds for what went through it, not for what stands beside.
        let bare = |value: &Self| value.tainted() && value.from & FILTERED == 0;
        if bare(&self) || bare(&other) {
            from &= !FILTERED;
        }
        from = unchecked(from, [self.from, other.from]);
        if self.tainted() && self.from & UPLOAD == 0 && other.from & UPLOAD != 0 {
            from |= CHOSEN;
        }
        if self.is_unknown() || other.is_unknown() {
            from |= OTHER;
        }
        if other.names_folder() {
            from &= !BESIDE;
        }
        if from & REQUEST != 0 {
            let whole =
                |value: &Self| value.text.as_ref().is_some_and(|text| !matches!(text.trim(), "" | "./"));
            if whole(&self) || whole(&other) {
                from = (from & !REQUEST) | MIXED;
            }
        }
        if other.from == 0 && other.text.is_some() {
            from |= ENDED;
        } else if other.text.as_deref() != Some("") {
            from &= !ENDED;
        }
        let text = match (&self.text, &other.text) {
            (Some(left), Some(right)) if left.len() + right.len() <= TEXT_BYTES_MAX => {
                let mut text = String::with_capacity(left.len() + right.len());
                text.push_str(left);
                text.push_str(right);
                Some(text.into())
            }
            // The known beginning says which command a value of the request is handed to.
            (Some(left), None) if left.len() < 512 => Some(left.clone()),
            (None, Some(right)) if from & (REQUEST | MIXED) != 0 && right.len() < 512 => Some(right.clone()),
            _ => None,
        };
        if self.text.is_none() || other.text.is_none() {
            from |= PARTIAL;
        }
        if self.text.is_none() || other.text.is_none() || self.from & COMPUTED != 0 {
            from |= COMPUTED;
        }
        Self { from, text, items: None, class: None }
    }
}

/// `all` without [`CHECKED`], where one of its parts came from the request and was not checked.
pub(super) fn unchecked(all: From, parts: impl IntoIterator<Item = From>) -> From {
    let bare = |from: From| from & (REQUEST | MIXED) != 0 && from & CHECKED == 0;
    if parts.into_iter().any(bare) { all & !CHECKED } else { all }
}

/// Bytes as text, one character a byte.
pub(super) fn text_of(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The bytes of such a text; a character that is no byte stands for its UTF-8.
pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for letter in text.chars() {
        if let Ok(byte) = u8::try_from(u32::from(letter)) {
            out.push(byte);
        } else {
            let mut buffer = [0; 4];
            out.extend(letter.encode_utf8(&mut buffer).as_bytes());
        }
    }
    out
}

/// A number as a script writes it: decimal, `0x41`, `&H41`, octal is taken as decimal.
pub(super) fn number_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let hex = ["0x", "0X", "&h", "&H"].iter().find_map(|start| text.strip_prefix(start));
    if let Some(hex) = hex {
        return i64::from_str_radix(hex.trim_end_matches(['l', 'L', 'u', 'U']), 16).ok();
    }
    let digits = text.trim_end_matches(['l', 'L', 'u', 'U', 'f', 'd']);
    digits.parse().ok().or_else(|| digits.parse::<f64>().ok().filter(|n| n.abs() < 1e15).map(whole))
}

/// Cuts the fraction off.
#[expect(clippy::cast_possible_truncation, reason = "the caller bounds it")]
fn whole(number: f64) -> i64 {
    number.trunc() as i64
}
