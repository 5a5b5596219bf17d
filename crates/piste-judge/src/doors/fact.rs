//! What one row says of a way in.
//!
//! In: a row's time, its address and what it says. Out: a fact, ordered by time, then by the row's address; who was on the other side
//! and which account it concerns, where the row says so.

use piste_model::address;
use piste_model::{Instant, ReasonKind};

use super::rows::Place;

/// What one row says. Ordered by time, then place; rows without a time come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact {
    /// Nanoseconds since 1970, `i64::MAX` where there is none: the key of the order.
    nanos: i64,
    pub(crate) place: Place,
    pub(crate) time: Option<Instant>,
    /// What it says, with its values.
    pub(crate) said: ReasonKind,
    /// Which log said so, as people name it.
    pub(crate) log: &'static str,
    pub(crate) source: String,
    pub(crate) account: String,
    /// A page that it names, in lower case.
    pub(crate) page: String,
    /// What joins two logs of one request.
    pub(crate) request: String,
    /// Application pool, in lower case.
    pub(crate) pool: String,
}

impl Fact {
    pub(crate) fn new(log: &'static str, time: Option<Instant>, place: Place, said: ReasonKind) -> Self {
        Self {
            nanos: time.map_or(i64::MAX, |time| time.nanos),
            place,
            time,
            said,
            log,
            source: String::new(),
            account: String::new(),
            page: String::new(),
            request: String::new(),
            pool: String::new(),
        }
    }

    pub(crate) fn nanos(&self) -> i64 {
        self.nanos
    }

    pub(crate) fn from(mut self, source: &str) -> Self {
        // The host itself is nobody on the other side.
        let own = address::parse(source).is_some_and(|address| address.is_loopback());
        if !own && !matches!(source, "" | "-") {
            self.source = address::plain(source);
        }
        self
    }

    pub(crate) fn by(mut self, account: &str) -> Self {
        if !matches!(account, "" | "-") {
            account.clone_into(&mut self.account);
        }
        self
    }

    pub(crate) fn page(mut self, page: &str) -> Self {
        self.page = page.to_lowercase();
        self
    }
}
