//! Evidence to rows on disk, and back: the only home of evidence files and of Parquet.
//!
//! In: the paths that a person gave. Out: sealed items (hash, size, format, locator), their parsed blocks in a fixed order,
//! and the lake's Parquet files. Evidence is opened read-only; nothing is ever unpacked under a name that an archive chose.

mod archive;
mod compact;
mod companions;
pub mod computers;
mod content;
pub mod copies;
pub mod distinct;
pub mod error;
mod gzip;
mod held;
mod hidden;
mod host_names;
mod limits;
mod metered;
mod names;
mod open;
pub mod origin;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod reparse;
mod reread;
pub mod row_view;
mod salvage;
pub mod scan;
pub mod seal;
pub mod stamp;
pub mod store;
pub mod table;
mod tar;
mod walk;

pub use archive::Place;
pub use compact::{Held, compact};
pub use companions::companions_of;
pub use content::Older;
pub use error::LakeError;
pub use limits::{Limits, NAMES_BYTES_MAX};
pub use path::{StoredPath, path_text};
pub use piste_parse::{Batch, Block, Context, Format, Parsed, Treatment, file, page, text};
pub use plan::Unit;
pub use reread::{Record, Reread, bytes_at, reread};
pub use seal::{FileTime, Item, Sealed, Sealer};
pub use stamp::LakeFile;
pub use store::Lake;
