//! The text of a token.
//!
//! In: a word of the lexer's own, or a text of the page. Out: one that costs nothing to copy.

use std::ops::Deref;
use std::rc::Rc;

/// The text of a token, which many hands hold at once.
#[derive(Debug, Clone)]
pub(in super::super) enum Text {
    /// An operator or a word of the lexer's own.
    Fixed(&'static str),
    /// A text of the page.
    Shared(Rc<str>),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl From<Text> for Rc<str> {
    fn from(text: Text) -> Self {
        match text {
            Text::Fixed(text) => text.into(),
            Text::Shared(text) => text,
        }
    }
}
