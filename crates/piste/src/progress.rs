//! How far the work is: bytes, rate, remaining time.
//!
//! In: bytes as they are done. Out: one bar on stderr where that is a terminal; elsewhere nothing, so that a log file stays
//! readable.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Columns below which a line has room for no bar.
const NARROW: u16 = 72;

/// A bar over bytes.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `verb` is what is done to the bytes: `Sealing`.
    pub(crate) fn new(verb: &'static str, total_bytes: u64, shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr_with_hz(4) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total_bytes), target);
        // The bar takes what the figures leave of the line; on a narrow one there is none.
        let wide = console::Term::stderr().size().1 >= NARROW;
        let style = if wide {
            "{prefix:8} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go"
        } else {
            "{prefix} {percent} %, {eta} to go"
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        Self(bar)
    }

    /// These bytes are done.
    pub(crate) fn done(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// The work is done.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
