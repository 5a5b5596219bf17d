//! What the header lines of a text log said, up to some line.
//!
//! In: a log's lines in order. Out: the column list in force, the date, software and log type, and for logs without a
//! date column how far the clock has come. The splitter keeps one and hands it on with each block, and the parser goes on
//! from it, so that rows do not depend on where a file is cut.

use piste_model::Instant;

use crate::dates::{Order, Shown};
use crate::evtx::places::Note;

/// Bytes of a header line that is believed; a longer one is no header.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Seconds of half a day: time that goes back by more has passed midnight.
const HALF_DAY: u32 = 43_200;
/// First columns of Exchange's logs. A line that starts with one of these words is a column list, not a row.
pub(crate) const TIME_COLUMNS: [&str; 5] = ["DateTime", "TimeStamp", "Timestamp", "date-time", "dateTime"];

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// `#Software: ...` and its like.
    Directive,
    /// The bare column list that some logs begin with.
    Columns,
    /// A record.
    Row,
}

/// What the header lines so far said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The column list: the text after `#Fields:`.
    pub fields: Option<String>,
    /// The text after `#Log-type:`.
    pub log_type: Option<String>,
    /// The moment after `#Date:`.
    pub date: Option<Instant>,
    /// For logs without a date column: midnights passed since `date`.
    pub days: u32,
    /// For logs without a date column: second of the day of the last row, or of `date`.
    pub second: Option<u32>,
    /// The text after `#Time Format:`, as Windows' firewall writes it.
    pub(crate) time_format: Option<String>,
    /// The software that writes this puts values in quotes.
    pub(crate) quoted: bool,
    /// Index of the time column where there is no date column.
    time_column: Option<usize>,
    /// For listings: how their dates are written.
    pub(crate) dates: Shown,
    /// For tables: the value that the last line left open.
    pub(crate) open: Option<OpenValue>,
    /// For tables of events: how their dates are written, where the file tells it.
    pub(crate) table_order: Option<Order>,
    /// For tables whose values go on over lines: the quotes of this block do not close, so its lines are read one by one.
    pub(crate) by_line: bool,
    /// For EVTX: what the block stands for, if it has no bytes.
    pub(crate) evtx: Option<Note>,
}

/// A value of a table that goes on over lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenValue {
    /// File whose row it belongs to.
    pub(crate) path: String,
    /// Index of its column.
    pub(crate) column: usize,
    /// Lines of it so far.
    pub(crate) lines: u32,
}

impl Header {
    /// Says nothing but this.
    pub(crate) fn noting(note: Note) -> Self {
        Self { evtx: Some(note), ..Self::default() }
    }

    /// Says only how a table's dates are written, where that is known.
    pub(crate) fn of_table(order: Option<Order>) -> Self {
        Self { table_order: order, ..Self::default() }
    }

    /// The same, for a block whose quotes do not close.
    pub(crate) fn read_by_line(self) -> Self {
        Self { by_line: true, ..self }
    }

    /// Says only how dates are written.
    pub(crate) fn dated(dates: Shown) -> Self {
        Self { dates, ..Self::default() }
    }

    /// Takes in one line, and tells what it is.
    pub(crate) fn see(&mut self, line: &str) -> LineKind {
        if let Some(directive) = line.strip_prefix('#') {
            self.see_directive(directive);
            return LineKind::Directive;
        }
        match &self.fields {
            Some(fields) if fields == line.trim() => return LineKind::Columns,
            None if is_column_list(line) => {
                self.set_fields(line);
                return LineKind::Columns;
            }
            _ => {}
        }
        if let Some(second) = self.time_column.and_then(|at| line.split(' ').nth(at)).and_then(second_of_day)
        {
            self.see_second(second);
        }
        LineKind::Row
    }

    /// Whether rows move the state on too.
    pub(crate) fn follows_rows(&self) -> bool {
        self.time_column.is_some() || self.fields.is_none()
    }

    fn see_directive(&mut self, directive: &str) {
        if directive.len() > LINE_BYTES_MAX {
            return;
        }
        let Some((name, value)) = directive.split_once(':') else { return };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "fields" => self.set_fields(value),
            "software" => self.quoted = value.starts_with("IIS Advanced Logging"),
            "log-type" => self.log_type = Some(value.to_owned()),
            "time format" => self.time_format = Some(value.to_owned()),
            "date" | "start-date" => {
                self.date = Instant::parse(value);
                self.days = 0;
                self.second = self.date.and_then(|date| u32::try_from(seconds(date).rem_euclid(86_400)).ok());
            }
            _ => {}
        }
    }

    fn set_fields(&mut self, fields: &str) {
        if fields.len() > LINE_BYTES_MAX {
            return;
        }
        let fields = fields.trim();
        let dated = fields.contains(',') || fields.split_ascii_whitespace().any(|name| name == "date");
        self.time_column = fields.split_ascii_whitespace().position(|name| name == "time").filter(|_| !dated);
        self.fields = Some(fields.to_owned());
    }

    /// Sets the column list of a table, or the folder of a listing, as it stands.
    pub(crate) fn set_list(&mut self, text: &str) {
        if text.len() <= LINE_BYTES_MAX {
            self.fields = Some(text.to_owned());
        }
    }

    fn see_second(&mut self, second: u32) {
        if self.second.is_some_and(|before| before > second + HALF_DAY) {
            self.days += 1;
        }
        self.second = Some(second);
    }
}

/// Whole seconds since 1970.
pub(crate) fn seconds(moment: Instant) -> i64 {
    moment.nanos.div_euclid(1_000_000_000)
}

/// Second of the day of `hh:mm:ss`.
pub(crate) fn second_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':').map(|part| match part.as_bytes() {
        [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => part.parse::<u32>().ok(),
        _ => None,
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let right = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    right.then_some((hour * 60 + minute) * 60 + second)
}

fn is_column_list(line: &str) -> bool {
    line.split_once(',').is_some_and(|(first, _)| TIME_COLUMNS.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_the_day_are_read_strictly() {
        assert_eq!(second_of_day("23:59:59"), Some(86_399));
        for text in ["", "1:2:3", "24:00:00", "00:60:00", "00:00:00:00", "+1:00:00", "00:00"] {
            assert_eq!(second_of_day(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_half_a_day_has_passed_midnight() {
        let mut header = Header::default();
        for line in [
            "#Date: 2021-03-03 23:00:00",
            "#Fields: time c-ip",
            "23:59:58 ::1",
            "23:59:57 ::1",
            "00:00:01 ::1",
        ] {
            header.see(line);
        }
        assert_eq!((header.days, header.second), (1, Some(1)));
        header.see("#Date: 2021-03-09 10:00:00");
        assert_eq!((header.days, header.second), (0, Some(36_000)));
    }

    #[test]
    fn an_endless_header_line_is_no_header() {
        let mut header = Header::default();
        header.see(&format!("#Fields: {}", "x ".repeat(LINE_BYTES_MAX)));
        assert_eq!(header, Header::default());
    }
}
