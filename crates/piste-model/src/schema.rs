//! Names of the columns that every row of the lake has, and what each other column is.
//!
//! In: nothing. Out: the constants that parsing writes, the lake stores and the hunt reads. `SCHEMA_VERSION` stands in
//! each Parquet file's metadata.

/// Version of the columns below; a reader refuses a newer one.
pub const SCHEMA_VERSION: &str = "1";
/// Key of [`SCHEMA_VERSION`] in a Parquet file's metadata.
pub const SCHEMA_VERSION_KEY: &str = "piste.schema";

/// What the source says, never changed: timestamp(ns, UTC).
pub const EVENT_TIME: &str = "event_time";
/// After a measured clock correction; null where none applies.
pub const EVENT_TIME_CORRECTED: &str = "event_time_corrected";
/// Fraction digits that the source wrote, 0 to 9.
pub const TIME_DIGITS: &str = "time_digits";
/// Which clock and field said so: `System.TimeCreated`.
pub const TIME_BASIS: &str = "time_basis";
/// Computer that the record names.
pub const HOST: &str = "host";
/// `windows.security`, `iis.access`.
pub const DATASET: &str = "dataset";
/// Event id, for sources that have one.
pub const EVENT_CODE: &str = "event_code";
/// `E-1`.
pub const EVIDENCE_ID: &str = "evidence_id";
/// Record id or line number.
pub const RECORD: &str = "record";
/// Byte offset in the decompressed innermost stream.
pub const OFFSET: &str = "offset";
/// First 16 bytes of the SHA-256 of the record's bytes.
pub const RECORD_HASH: &str = "record_hash";
/// Repeated or unnamed `Data` of a Windows event, a list in order.
pub const DATA: &str = "Data";
/// Fields that have no column of their own: map of text to text.
pub const EXTRA: &str = "extra";
/// The event's text as some exporter rendered it.
pub const MESSAGE: &str = "Message";

/// The common columns, in order.
pub const COMMON: [&str; 11] = [
    EVENT_TIME,
    EVENT_TIME_CORRECTED,
    TIME_DIGITS,
    TIME_BASIS,
    HOST,
    DATASET,
    EVENT_CODE,
    EVIDENCE_ID,
    RECORD,
    OFFSET,
    RECORD_HASH,
];

/// Key of a column's role in its Arrow field metadata.
pub const ROLE_KEY: &str = "piste.role";

/// What a field's column holds: keyword rules look at [`Role::Data`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// What the record says of the event.
    Data,
    /// The record's header: channel, provider, level, task.
    System,
    /// A copy of another field under the taxonomy's name.
    Copy,
    /// The rendered text.
    Message,
}

impl Role {
    /// The word in the metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::System => "system",
            Self::Copy => "copy",
            Self::Message => "message",
        }
    }

    /// Reads the word; a column without one is data.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            Some("system") => Self::System,
            Some("copy") => Self::Copy,
            Some("message") => Self::Message,
            _ => Self::Data,
        }
    }
}
