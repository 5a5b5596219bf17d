//! The one place that reads the clock.
//!
//! In: `--at`, or the machine's clock. Out: the moment that ledger entries carry.

use std::time::{SystemTime, UNIX_EPOCH};

use piste_case::facts::Moment;
use piste_model::Instant;

use crate::cli::Common;

/// Reads `--at`: an instant with its offset or its zone; without either it is UTC.
pub(crate) fn at(text: &str) -> Result<Instant, String> {
    if text.contains('[') {
        return Moment::parse(text).map(|moment| moment.instant).map_err(|error| error.to_string());
    }
    text.parse()
}

/// The moment of this command.
pub(crate) fn now(common: &Common) -> Instant {
    common.at.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant { nanos: i64::try_from(since.as_millis()).unwrap_or(0).saturating_mul(1_000_000), digits: 3 }
    })
}
