//! The one place that reads the clock.
//!
//! In: `--at`, or the machine's clock. Out: the moment that ledger entries carry, and the ticks by which a file's time is
//! measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use piste_case::facts::Moment;
use piste_model::{Instant, guard};

use crate::cli::Common;

/// Reads `--at`: an instant with its offset or its zone; without either it is UTC.
pub(crate) fn at(text: &str) -> Result<Instant, String> {
    if text.contains('[') {
        return Moment::parse(text).map(|moment| moment.instant).map_err(|error| error.to_string());
    }
    text.parse()
}

/// Ticks from now on, by which files are held to their time.
pub(crate) fn begin_ticks() {
    let tick = Duration::from_secs(1) / guard::TICKS_A_SECOND;
    // It ends with the program. Where it cannot be started files have as long as they take.
    let _ = std::thread::Builder::new().name("ticks".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(tick);
            guard::tick();
        }
    });
}

/// The moment of this command.
pub(crate) fn now(common: &Common) -> Instant {
    common.at.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant { nanos: i64::try_from(since.as_millis()).unwrap_or(0).saturating_mul(1_000_000), digits: 3 }
    })
}
