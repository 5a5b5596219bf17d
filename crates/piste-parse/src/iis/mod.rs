//! Lines of IIS and of `http.sys` in W3C's extended format, to rows.
//!
//! In: the lines of one block and the column list in force before it. Out: one row a line, its columns named as W3C writes
//! them and Sigma's webserver rules read them; `cs(User-Agent)` becomes `cs-user-agent`. `-` stays `-`. All times are UTC.
//! A row whose values have blanks in them is kept, and says in `blank_in` which columns these are. Logs of IIS Advanced
//! Logging, with its own columns and quotes, are the same dataset; its `TimeTakenMS` is `time-taken` too.
//!
//! Source: W3C, Extended Log File Format (WD-logfile-960323); Microsoft's descriptions of IIS and HTTP API logging.

mod clock;
mod split;

use piste_model::Issue;
use piste_model::address::is_forwarded_column;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::fields::Fields;
use crate::header::{Header, LineKind};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};
use clock::Clock;
use split::Values;

/// Items that Exchange's front end appends to the query: `&CorrelationID=<empty>;&cafeReqId=c584...;`. The second is the
/// `RequestId` of the request's row in the `HttpProxy` log.
const REQUEST_IDS: [&str; 2] = ["CorrelationID", "cafeReqId"];
/// The header in which a proxy says who spoke with it; other spellings and headers are copied to it.
const FORWARDED: &str = "X-Forwarded-For";
/// Bytes of an id that is believed.
const ID_BYTES_MAX: usize = 64;

/// The value of the last item of this name, since the front end writes at the end; `None` where it says nothing.
fn item_of<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let at = memchr::memmem::rfind(query.as_bytes(), name.as_bytes())?;
    let begins = at == 0 || query.get(..at)?.ends_with(['&', ';', '?']);
    let value = query.get(at + name.len()..)?.strip_prefix('=').filter(|_| begins)?;
    let value = value.split([';', '&']).next()?;
    (!value.is_empty() && value != "<empty>" && value.len() <= ID_BYTES_MAX).then_some(value)
}

/// Which of the two logs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Requests that a site answered: `iis.access`.
    Access,
    /// Connections that `http.sys` ended itself: `iis.httperr`.
    Errors,
}

impl Log {
    fn dataset(self) -> &'static str {
        match self {
            Self::Access => "iis.access",
            Self::Errors => "iis.httperr",
        }
    }

    fn words(self) -> &'static Words {
        match self {
            Self::Access => &Words {
                slug: "iis-line",
                unit: "line",
                wanted: "IIS row",
                hint: "look at the line: sed -n LINEp FILE; a row cut short is often one that was being written when the log was copied",
            },
            Self::Errors => &Words {
                slug: "httperr-line",
                unit: "line",
                wanted: "HTTPERR row",
                hint: "look at the line: sed -n LINEp FILE; a row cut short is often one that was being written when the log was copied",
            },
        }
    }
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>, log: Log) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(log.words());
    let mut reader = Reader {
        cx,
        log,
        header: block.header.as_deref().cloned().unwrap_or_default(),
        columns: Columns::default(),
        clock: Clock::new(cx.path, log == Log::Errors),
        rows: Rows::new(cx.sources, cx.evidence),
        fields: Fields::default(),
        values: Values::default(),
        uri: String::new(),
        blanks: Blanks::default(),
    };
    let mut first_row = block.offset == 0;
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim_end_matches(['\0', ' ', '\r']);
        if text.is_empty() {
            continue;
        }
        match reader.header.see(text) {
            LineKind::Directive | LineKind::Columns => {}
            LineKind::Row => match reader.row(&line, text) {
                Ok(()) => {
                    parsed.records += 1;
                    if std::mem::take(&mut first_row) {
                        reader.compare_clocks(&line, &mut parsed);
                    }
                }
                Err(what) => bad.note(&line, what),
            },
        }
    }
    bad.tell(cx, &mut parsed);
    reader.blanks.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, reader.rows);
    parsed
}

/// Rows of a block that have a value with a blank in it.
#[derive(Default)]
struct Blanks {
    rows: u64,
    /// Those of which it is not certain which value has it.
    uncertain: u64,
    /// Number and offset of the first.
    first: Option<(u64, u64)>,
}

impl Blanks {
    fn note(&mut self, line: &Line<'_>, uncertain: bool) {
        self.rows += 1;
        self.uncertain += u64::from(uncertain);
        self.first.get_or_insert((line.number, line.offset));
    }

    fn tell(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Some((number, offset)) = self.first else { return };
        if self.uncertain == 0 {
            return; // each value is where it belongs: nothing is lost and nothing is doubtful
        }
        let what = format!(
            "{} of {} rows with a blank inside a value can be read in more than one way; the first such row is line {number}",
            self.uncertain, self.rows
        );
        parsed.issues.push(
            Issue::new(
                "iis-blank",
                cx.path,
                what,
                "no row is lost; in these the columns named in `blank_in` and those beside them may hold a part of each other",
                "look at the rows: piste search blank_certain=false",
            )
            .of(cx.evidence)
            .at(offset),
        );
    }
}

/// Columns of the list in force.
#[derive(Default)]
struct Columns {
    /// The list as written, to see when it changes.
    list: Option<String>,
    names: Vec<String>,
    stem: Option<usize>,
    query: Option<usize>,
    /// Whether the log writes the whole address itself.
    has_uri: bool,
    computer: Option<usize>,
    /// Milliseconds under the name that IIS Advanced Logging gives them.
    taken: Option<usize>,
    /// The header of a proxy, where it is spelled otherwise than [`FORWARDED`].
    forwarded: Option<usize>,
}

impl Columns {
    fn follow(&mut self, list: &str) {
        if self.list.as_deref() == Some(list) {
            return;
        }
        self.names = list.split_ascii_whitespace().map(column_name).collect();
        let at = |wanted: &str| self.names.iter().position(|name| name == wanted);
        self.stem = at("cs-uri-stem");
        self.query = at("cs-uri-query");
        self.has_uri = at("cs-uri").is_some();
        self.computer = at("s-computername");
        self.taken = at("TimeTakenMS").filter(|_| at("time-taken").is_none());
        let spelled = |wanted: &dyn Fn(&str) -> bool| {
            list.split_ascii_whitespace().position(|name| is_forwarded_column(name) && wanted(name))
        };
        // Of several headers the first: a list tells more hops than a single address, and is written by that name.
        let is_list = |name: &str| name.to_ascii_lowercase().replace('_', "-").contains("forwarded-for");
        let other = || spelled(&is_list).or_else(|| spelled(&|_| true));
        self.forwarded = if at(FORWARDED).is_some() { None } else { other() };
        self.list = Some(list.to_owned());
    }
}

/// Rounds of percent-decoding: intruders encode twice to pass filters, and front ends decode once more than they check.
const DECODED_ROUNDS: usize = 3;

/// The address percent-decoded until nothing changes, at most [`DECODED_ROUNDS`] times; `None` where nothing was encoded.
pub(crate) fn decoded(uri: &str) -> Option<String> {
    let mut text = percent_decoded(uri)?;
    for _ in 1..DECODED_ROUNDS {
        match percent_decoded(&text) {
            Some(further) => text = further,
            None => break,
        }
    }
    Some(text)
}

/// The text with `%xx` undone, bytes that are no UTF-8 replaced; `None` where there is none.
fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair =
            bytes.get(at + 1..at + 3).filter(|pair| *byte == b'%' && pair.iter().all(u8::is_ascii_hexdigit));
        let value = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let Some(value) = value {
            out.get_or_insert_with(|| bytes.get(..at).unwrap_or_default().to_vec()).push(value);
            at += 3;
        } else {
            if let Some(out) = &mut out {
                out.push(*byte);
            }
            at += 1;
        }
    }
    out.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// `cs(User-Agent)` is `cs-user-agent` in Sigma's taxonomy; other names stand as W3C writes them.
fn column_name(written: &str) -> String {
    match written.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((side, name)) => format!("{side}-{}", name.to_ascii_lowercase()),
        None => written.to_owned(),
    }
}

/// Reads row after row.
struct Reader<'a> {
    cx: &'a Context<'a>,
    log: Log,
    header: Header,
    columns: Columns,
    clock: Clock,
    rows: Rows<'a>,
    fields: Fields,
    values: Values,
    uri: String,
    blanks: Blanks,
}

impl Reader<'_> {
    fn row(&mut self, line: &Line<'_>, text: &str) -> Result<(), String> {
        let list = self.header.fields.as_deref().ok_or("no #Fields line stands before it")?;
        self.columns.follow(list);
        let columns = &self.columns;
        if !self.values.cut(text, &columns.names, self.header.quoted) {
            let count = text.split(' ').count();
            return Err(format!("#Fields names {} values, it has {count}", columns.names.len()));
        }
        self.fields.clear();
        for (name, value) in columns.names.iter().zip(self.values.all(text)) {
            let role = if name == "date" || name == "time" { Role::System } else { Role::Data };
            self.fields.push(name, value, role);
        }
        self.note_blanks(line);
        self.push_uri(text);
        let time = self.clock.moment(&self.header, &self.fields);
        let head = Head {
            dataset: Some(self.log.dataset()),
            channel: "",
            provider: "",
            event_code: None,
            time: time.map(|(time, _)| time),
            time_basis: time.map_or("", |(_, basis)| basis),
            host: self.cx.host_or_hint(self.value(text, self.columns.computer).unwrap_or_default()),
            record: i64::try_from(line.number).unwrap_or(i64::MAX),
            offset: line.offset,
            hash: record_hash(line.raw),
        };
        self.rows.push(&head, &self.fields);
        Ok(())
    }

    /// The value of a column that is there and says something.
    fn value<'r>(&self, text: &'r str, column: Option<usize>) -> Option<&'r str> {
        column.and_then(|at| self.values.at(text, at)).filter(|value| *value != "-")
    }

    /// Marks a row that has blanks inside its values.
    fn note_blanks(&mut self, line: &Line<'_>) {
        if self.values.with_blank.is_empty() {
            return;
        }
        self.blanks.note(line, self.values.uncertain);
        let names = self.values.with_blank.iter().filter_map(|at| self.columns.names.get(*at));
        let names = names.map(String::as_str).collect::<Vec<_>>().join(",");
        self.fields.push("blank_in", &names, Role::Copy);
        let certain = if self.values.uncertain { "false" } else { "true" };
        self.fields.push("blank_certain", certain, Role::Copy);
    }

    /// Adds the whole address, as sent and decoded, and what the front end wrote into its query.
    fn push_uri(&mut self, text: &str) {
        let columns = &self.columns;
        let query = self.value(text, columns.query);
        if let Some(stem) = columns.stem.and_then(|at| self.values.at(text, at))
            && !columns.has_uri
        {
            self.uri.clear();
            self.uri.push_str(stem);
            if let Some(query) = query {
                self.uri.push('?');
                self.uri.push_str(query);
            }
            self.fields.push("cs-uri", &self.uri, Role::Copy);
            if let Some(decoded) = decoded(&self.uri) {
                self.fields.push("cs-uri-decoded", &decoded, Role::Copy);
            }
        }
        if let Some(taken) = self.value(text, columns.taken) {
            self.fields.push("time-taken", taken, Role::Copy);
        }
        if let Some(forwarded) = self.value(text, columns.forwarded) {
            self.fields.push(FORWARDED, forwarded, Role::Copy);
        }
        for name in REQUEST_IDS {
            if let Some(id) = query.and_then(|query| item_of(query, name)) {
                self.fields.push(name, id, Role::Copy);
            }
        }
    }

    /// The header's date is UTC and written with the first row: a difference of whole hours means another clock.
    fn compare_clocks(&self, line: &Line<'_>, parsed: &mut Parsed) {
        // Advanced Logging writes when the log began, which need not be when its first row came.
        let date = self.header.date.filter(|_| !self.header.quoted);
        let (Some(date), Some(row)) = (date, clock::dated(&self.fields)) else { return };
        let Some(hours) = clock::whole_hours(date, row) else { return };
        let what = format!("the first row is {hours:+} h from the header's #Date; rows may be in local time");
        parsed.issues.push(
            Issue::new(
                "iis-local-time",
                self.cx.path,
                what,
                "times are read as UTC, as IIS writes them; all of this file may be off by that much",
                "ask for the server's time zone and logging settings, and compare with another log of the same requests",
            )
            .of(self.cx.evidence)
            .at(line.offset),
        );
    }
}

#[cfg(test)]
mod tests;
