//! Rows of one piece of a hive.
//!
//! In: cells with times and fields. Out: `Rows`, each with the hash of what its cell stands for.

use piste_model::hash::{RecordHash, record_hash};
use piste_model::schema::Role;
use piste_model::{Instant, Issue};

use super::OpenHive;
use super::hive::{Hive, Key, Value};
use super::identity;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Rows of one table, at most: what a hive has of each is some thousands.
const TABLE_ROWS_MAX: u64 = 200_000;
/// Basis of a time that is a key's.
pub(super) const KEY_WRITTEN: &str = "LastWriteTime";
/// Basis of the time of a value, which has none of its own.
pub(super) const OF_KEY: &str = "LastWriteTime of the key";

/// Collects the rows of one piece.
pub(super) struct Emit<'o, 'c> {
    pub(super) open: &'o OpenHive,
    pub(super) cx: &'o Context<'c>,
    pub(super) rows: Rows<'c>,
    pub(super) fields: Fields,
    scratch: Vec<u8>,
    hashed: Option<(u32, RecordHash)>,
    pushed: u64,
    left_out: u64,
}

impl<'o, 'c> Emit<'o, 'c> {
    pub(super) fn new(open: &'o OpenHive, cx: &'o Context<'c>) -> Self {
        Self {
            open,
            cx,
            rows: Rows::new(cx.sources, cx.evidence),
            fields: Fields::default(),
            scratch: Vec::new(),
            hashed: None,
            pushed: 0,
            left_out: 0,
        }
    }

    pub(super) fn hive(&self) -> &'o Hive {
        &self.open.hive
    }

    /// The hash of what a cell stands for; rows of one cell share it.
    pub(super) fn hash(&mut self, at: u32) -> RecordHash {
        if let Some((known, hash)) = self.hashed
            && known == at
        {
            return hash;
        }
        self.open.hive.record(at, &mut self.scratch);
        let hash = record_hash(&self.scratch);
        self.hashed = Some((at, hash));
        hash
    }

    /// A row's head.
    pub(super) fn head<'d>(
        &mut self,
        dataset: &'d str,
        at: u32,
        time: Option<Instant>,
        time_basis: &'static str,
    ) -> Head<'d>
    where
        'o: 'd,
    {
        let hash = self.hash(at);
        Head {
            dataset: Some(dataset),
            channel: "",
            provider: "",
            event_code: None,
            time,
            time_basis: if time.is_some() { time_basis } else { "" },
            host: self.cx.host_or_hint(self.open.identity.host.as_deref().unwrap_or_default()),
            record: i64::from(at),
            offset: Hive::offset(at),
            hash,
        }
    }

    /// Adds a field where there is something to say.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.fields.push(name, value, Role::Data);
        }
    }

    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// Adds a time.
    pub(super) fn time(&mut self, name: &str, time: Option<Instant>) {
        if let Some(time) = time {
            self.fields.push(name, &time.to_string(), Role::Data);
        }
    }

    /// Adds a value's text or number, under this name.
    pub(super) fn value(&mut self, key: Key<'_>, value: &str, name: &str) {
        if let Some(text) = self.shown(key, value) {
            self.field(name, &text);
        }
    }

    /// A value as a person reads it: text, or a plain number.
    pub(super) fn shown(&self, key: Key<'_>, name: &str) -> Option<String> {
        let hive = self.hive();
        let value = hive.named(key, name)?;
        match value.kind {
            super::text::DWORD => identity::number(hive, key, name).map(|number| number.to_string()),
            kind if super::text::is_text(kind) => identity::text(hive, key, name),
            super::text::QWORD => {
                let data = hive.data(value, 8)?;
                super::le::u64_at(&data, 0).map(|number| number.to_string())
            }
            _ => None,
        }
    }

    /// The bytes of a value, at most `most`.
    pub(super) fn bytes(&self, value: Value<'o>, most: usize) -> Vec<u8> {
        self.hive().data(value, most).map(std::borrow::Cow::into_owned).unwrap_or_default()
    }

    /// Adds the row that the fields make, and forgets them. Its time is the key's where it has none of its own.
    pub(super) fn row(&mut self, dataset: &'static str, at: u32, own: Option<Timed>, key: Key<'_>) {
        if self.pushed >= TABLE_ROWS_MAX {
            self.left_out += 1;
            self.fields.clear();
            return;
        }
        self.pushed += 1;
        let own = own.or_else(|| key.written().map(|time| Timed { time, basis: KEY_WRITTEN }));
        let user = self.open.identity.user.as_deref();
        if let Some(user) = user.filter(|_| self.fields.get("User").is_none()) {
            self.fields.push("User", user, Role::Data);
        }
        let head = self.head(dataset, at, own.map(|own| own.time), own.map_or("", |own| own.basis));
        self.rows.push(&head, &self.fields);
        self.fields.clear();
    }

    /// Puts the rows where they belong, and names those that were too many.
    pub(super) fn finish(self, parsed: &mut Parsed) {
        if self.left_out > 0 {
            let issue = Issue::new(
                "registry-table-too-long",
                self.cx.path,
                format!(
                    "a table of this hive has {} rows more than the {TABLE_ROWS_MAX} that are read",
                    self.left_out
                ),
                "these rows are not in the lake; their keys and values are, as registry.key",
                "look at the keys: piste search, dataset registry.key",
            );
            parsed.issues.push(issue.of(self.cx.evidence));
        }
        parsed.take_rows(self.cx, 0, self.rows);
    }
}

/// A time and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) time: Instant,
    pub(super) basis: &'static str,
}

impl Timed {
    /// A time that may not be there.
    pub(super) fn some(time: Option<Instant>, basis: &'static str) -> Option<Self> {
        time.map(|time| Self { time, basis })
    }
}
