//! Measured differences between two clocks of one record: one object of `clocks.json`.
//!
//! In: pairs of times that one record or one request carries. Out: the difference by source, never applied to what the
//! source said, only shown beside it and used for bounds.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;

/// One measured difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Host whose clocks are compared.
    pub host: String,
    /// Dataset of the records.
    pub dataset: String,
    /// Median of the first minus the second, in milliseconds.
    pub offset_ms: i64,
    /// Pairs measured.
    pub samples: u64,
    /// Which clocks: `Sysmon UtcTime minus System.TimeCreated`.
    pub between: String,
    /// Half of the pairs lie within this many milliseconds of the median.
    #[serde(default)]
    pub spread_ms: i64,
    /// One pair's row.
    #[serde(default)]
    pub row: Option<RowRef>,
}
