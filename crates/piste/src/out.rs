//! The only place that prints.
//!
//! In: text. Out: data on stdout, everything else on stderr. What goes to a terminal is escaped here, once for all commands:
//! nothing that evidence holds can move a cursor or turn the reading direction. To a pipe or a file each format is written as
//! it demands. A closed pipe ends the output quietly.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::OnceLock;

use piste_report::columns::wrapped;
use piste_report::escape::{self, Written};

/// Blanks before a note's second line.
const HANG: usize = 2;
/// Columns where nothing tells how many there are.
const WIDTH: usize = 100;

/// Why data did not reach stdout; the first time counts.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes data to stdout. A closed pipe is the reader's choice; any other failure is kept for [`lost`].
pub(crate) fn data(text: &str) {
    let mut out = io::stdout().lock();
    let shown = if out.is_terminal() { escape::for_terminal(text, kind(text)) } else { text.into() };
    if let Err(error) = out.write_all(shown.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error.to_string()); // that of an earlier write is as good
    }
}

/// Why data did not reach stdout, if so: a command that printed in part has not done what it was asked.
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// JSON begins with its bracket; no page for people does.
fn kind(text: &str) -> Written {
    if text.starts_with(['{', '[']) { Written::Json } else { Written::Styled }
}

/// Stdout for many lines of one kind.
pub(crate) fn lines(written: Written) -> Box<dyn Write> {
    let out = BufWriter::with_capacity(256 * 1024, io::stdout());
    if io::stdout().is_terminal() {
        Box::new(Shown { out, written, begun: Vec::new() })
    } else {
        Box::new(out)
    }
}

/// Whole characters as a terminal may have them.
struct Shown<W> {
    out: W,
    written: Written,
    /// The first bytes of a character that was not written whole yet.
    begun: Vec<u8>,
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        let text = String::from_utf8_lossy(&self.begun);
        self.out.write_all(escape::for_terminal(&text, self.written).as_bytes())?;
        self.begun = rest;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a line to stderr.
pub(crate) fn note(text: &str) {
    let width = io::stderr()
        .is_terminal()
        .then(|| console::Term::stderr().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns)));
    let lines: String = text.split('\n').map(|line| wrapped(line, width, HANG)).collect();
    let mut err = io::stderr().lock();
    let shown =
        if err.is_terminal() { escape::for_terminal(&lines, Written::Styled) } else { lines.as_str().into() };
    let _ = err.write_all(shown.as_bytes());
}

/// Writes an error to stderr.
pub(crate) fn error(text: &str) {
    note(text);
}

/// Whether the user asked for no colours.
static PLAIN: OnceLock<bool> = OnceLock::new();

/// Takes in `--no-color`; to be called once, before anything is printed.
pub(crate) fn settle(no_colour: bool) {
    let _ = PLAIN.set(no_colour); // a second call would say the same
}

/// Whether stdout shows colours: a terminal that knows them, and nobody asked for none.
pub(crate) fn colour() -> bool {
    let plain = PLAIN.get().copied().unwrap_or_default()
        || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !plain && !is_dumb()
}

/// Whether progress is of use: stderr is a terminal that can move its cursor.
pub(crate) fn progress_wanted() -> bool {
    io::stderr().is_terminal() && !is_dumb()
}

/// A terminal that knows neither colours nor a cursor, as editors' shells and some consoles are.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}

/// A parser that panics on damaged bytes is caught and becomes an issue; its trace would only alarm.
pub(crate) fn quiet_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// Columns of the terminal that stdout is, unless `COLUMNS` says another number; 100 elsewhere.
pub(crate) fn width() -> usize {
    let wished =
        std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
    let terminal = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    wished.or_else(terminal).filter(|columns| *columns > 0).unwrap_or(WIDTH)
}

/// Columns to which a table is fitted: those of the terminal that stdout is, or what `COLUMNS` says. None where another
/// program reads: it finds one row a line.
pub(crate) fn table_width() -> Option<usize> {
    (io::stdout().is_terminal() || std::env::var_os("COLUMNS").is_some()).then(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_written_in_parts_is_escaped_whole() {
        let mut shown = Shown { out: Vec::new(), written: Written::Lines, begun: Vec::new() };
        for byte in "é\u{9b}2J,\u{202e}\u{1b}]0;x\u{7}\n".as_bytes() {
            shown.write_all(&[*byte]).expect("a vector takes all");
        }
        assert_eq!(String::from_utf8_lossy(&shown.out), "é\\x9b2J,\\u{202e}\\x1b]0;x\\x07\n");
    }
}
