//! The only place that prints.
//!
//! In: text that is already escaped for a terminal. Out: data on stdout, everything else on stderr. A closed pipe ends the
//! output quietly.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

/// Why data did not reach stdout; the first time counts.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes data to stdout. A closed pipe is the reader's choice; any other failure is kept for [`lost`].
pub(crate) fn data(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error.to_string()); // that of an earlier write is as good
    }
}

/// Why data did not reach stdout, if so: a command that printed in part has not done what it was asked.
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes a line to stderr.
pub(crate) fn note(text: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Writes an error to stderr.
pub(crate) fn error(text: &str) {
    note(text);
}

/// Whether stdout shows colours: a terminal, and `NO_COLOR` is not set.
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether progress is of use: stderr is a terminal.
pub(crate) fn progress_wanted() -> bool {
    io::stderr().is_terminal()
}

/// A parser that panics on damaged bytes is caught and becomes an issue; its trace would only alarm.
pub(crate) fn quiet_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// Columns of the terminal that stdout is; 100 elsewhere.
pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    if io::stdout().is_terminal() { columns.unwrap_or(100) } else { 100 }
}
