//! Hits in the forms that other tools write, so that what people built around those tools goes on working.
//!
//! In: hits, each a detection with its rule's text and its row, in the order of the lines to write. Out: Hayabusa's eight
//! profiles as CSV, JSON or JSON lines; a CSV that Timeline Explorer knows by its header; Chainsaw's JSON and CSV; JSON
//! lines for Timesketch. One hit is held at a time. A cell stays on its line, is quoted where it must be and starts no
//! formula (see [`crate::escape::csv`]); a value without such characters is written as it is.

mod abbreviations;
mod chainsaw;
mod columns;
mod ordered;
#[cfg(test)]
mod tests;
mod times;
mod timesketch;

use std::io::{self, Write};

use jiff::tz::TimeZone;
use piste_model::Detection;

use crate::escape;
use columns::Column;
use ordered::Object;

/// Which columns: Hayabusa's profiles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// The eight columns that all have.
    Minimal,
    /// Hayabusa's default: with the other fields and the rule's id.
    #[default]
    Standard,
    /// With tags and files.
    Verbose,
    /// All fields in one column.
    AllFieldInfo,
    /// The same with tags.
    AllFieldInfoVerbose,
    /// All there is.
    SuperVerbose,
    /// For Timesketch.
    TimesketchMinimal,
    /// For Timesketch, with the other fields.
    TimesketchVerbose,
}

impl Profile {
    /// All, in Hayabusa's order.
    pub const ALL: [Self; 8] = [
        Self::Minimal,
        Self::Standard,
        Self::Verbose,
        Self::AllFieldInfo,
        Self::AllFieldInfoVerbose,
        Self::SuperVerbose,
        Self::TimesketchMinimal,
        Self::TimesketchVerbose,
    ];

    /// Hayabusa's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Standard => "standard",
            Self::Verbose => "verbose",
            Self::AllFieldInfo => "all-field-info",
            Self::AllFieldInfoVerbose => "all-field-info-verbose",
            Self::SuperVerbose => "super-verbose",
            Self::TimesketchMinimal => "timesketch-minimal",
            Self::TimesketchVerbose => "timesketch-verbose",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// The names there are, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        named(text, &Self::ALL, Self::name, "profiles")
    }

    fn is_timesketch(self) -> bool {
        matches!(self, Self::TimesketchMinimal | Self::TimesketchVerbose)
    }
}

/// In which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// The profile as CSV.
    #[default]
    Csv,
    /// The profile as JSON objects over several lines, one after another.
    Json,
    /// The profile as one JSON object a line.
    Jsonl,
    /// The profile as the CSV that Timeline Explorer knows: all quoted, without `RuleID`.
    TleCsv,
    /// Chainsaw's JSON array.
    ChainsawJson,
    /// Chainsaw's `sigma.csv`.
    ChainsawCsv,
    /// JSON lines for Timesketch.
    TimesketchJsonl,
}

impl Format {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Csv,
        Self::Json,
        Self::Jsonl,
        Self::TleCsv,
        Self::ChainsawJson,
        Self::ChainsawCsv,
        Self::TimesketchJsonl,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::TleCsv => "tle-csv",
            Self::ChainsawJson => "chainsaw-json",
            Self::ChainsawCsv => "chainsaw-csv",
            Self::TimesketchJsonl => "timesketch-jsonl",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// The names there are, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        named(text, &Self::ALL, Self::name, "formats")
    }

    /// Whether the profile decides on its columns.
    pub fn has_profile(self) -> bool {
        matches!(self, Self::Csv | Self::Json | Self::Jsonl | Self::TleCsv)
    }
}

fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str, what: &str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one).eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        format!("the {what} are {}", names.join(", "))
    })
}

/// What a rule says of itself; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleText {
    /// UUID, else its title.
    pub id: String,
    /// Title.
    pub title: String,
    /// Sigma's word for its level.
    pub level: String,
    /// `stable`, `test`, `experimental`.
    pub status: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// When it was written, as it says.
    pub date: String,
    /// When it was last changed, as it says.
    pub modified: String,
    /// What it is for.
    pub description: String,
    /// Where to read on.
    pub references: Vec<String>,
    /// What else may look so.
    pub falsepositives: Vec<String>,
    /// All tags as written.
    pub tags: Vec<String>,
    /// Sigma's `logsource.product`.
    pub product: String,
    /// Sigma's `logsource.category`.
    pub category: String,
    /// Sigma's `logsource.service`.
    pub service: String,
    /// Its file.
    pub path: String,
}

impl RuleText {
    /// What a detection tells of its rule, for a rule that is no longer at hand.
    pub fn of(detection: &Detection) -> Self {
        Self {
            id: detection.rule_id.clone(),
            title: detection.rule_title.clone(),
            level: detection.level.as_str().to_owned(),
            status: detection.status.clone(),
            tags: detection.attack.iter().map(|id| format!("attack.{}", id.to_lowercase())).collect(),
            ..Self::default()
        }
    }
}

/// A detection with its rule and its row.
#[derive(Debug, Clone, Copy)]
pub struct HitRow<'a> {
    /// The detection.
    pub detection: &'a Detection,
    /// Its rule.
    pub about: &'a RuleText,
    /// Provider of a Windows event; empty elsewhere.
    pub provider: &'a str,
    /// Every field of the event itself, in the row's order; empty if the row is not at hand.
    pub fields: &'a [(String, String)],
    /// The event's header: `EventID`, `Provider_Guid` and the like.
    pub system: &'a [(String, String)],
    /// The rendered text, if there is one.
    pub message: &'a str,
}

/// Writes hits.
#[derive(Debug)]
pub struct HitWriter<W: Write> {
    out: W,
    profile: Profile,
    format: Format,
    zone: TimeZone,
    /// The event that the next hit may still be of.
    pending: Option<chainsaw::Line>,
    written: u64,
    undated: u64,
}

impl<W: Write> HitWriter<W> {
    /// Writes what stands before the first hit. Times are shown in `zone`, save for Timesketch, which takes UTC.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, profile: Profile, format: Format, zone: TimeZone) -> io::Result<Self> {
        let names = columns::of(profile).iter().map(|column| column.name());
        match format {
            Format::Csv => writeln!(out, "{}", names.collect::<Vec<_>>().join(","))?,
            Format::TleCsv => {
                let names: Vec<String> = tle(profile).map(|column| quoted(column.name())).collect();
                writeln!(out, "{}", names.join(","))?;
            }
            Format::ChainsawCsv => writeln!(out, "{}", chainsaw::HEADER.join(","))?,
            Format::ChainsawJson => out.write_all(b"[")?,
            Format::Json | Format::Jsonl | Format::TimesketchJsonl => {}
        }
        Ok(Self { out, profile, format, zone, pending: None, written: 0, undated: 0 })
    }

    /// Writes one hit.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn add(&mut self, row: &HitRow<'_>) -> io::Result<()> {
        self.written += 1;
        match self.format {
            Format::Csv => {
                let cells: Vec<String> =
                    columns::of(self.profile).iter().map(|column| self.cell(*column, row)).collect();
                writeln!(self.out, "{}", cells.join(","))
            }
            Format::TleCsv => {
                let cells: Vec<String> =
                    tle(self.profile).map(|column| quoted(&self.cell(column, row))).collect();
                writeln!(self.out, "{}", cells.join(","))
            }
            Format::Json => writeln!(self.out, "{}", self.object(row).pretty()),
            Format::Jsonl => writeln!(self.out, "{}", self.object(row).line()),
            Format::ChainsawJson => {
                let comma = if self.written > 1 { "," } else { "" };
                write!(self.out, "{comma}\n{}", chainsaw::object(row, &self.zone).line())
            }
            Format::ChainsawCsv => self.chainsaw_line(row),
            Format::TimesketchJsonl => {
                if let Some(object) = timesketch::object(row) {
                    return writeln!(self.out, "{}", object.line());
                }
                self.written -= 1;
                self.undated += 1;
                Ok(())
            }
        }
    }

    fn object(&self, row: &HitRow<'_>) -> Object {
        let mut object = Object::default();
        for column in columns::of(self.profile) {
            column.put(row, &self.zone, &mut object);
        }
        object
    }

    fn text(&self, column: Column, row: &HitRow<'_>) -> String {
        let text = column.text(row, &self.zone);
        if self.profile.is_timesketch() { timesketch::cut(text) } else { text }
    }

    fn cell(&self, column: Column, row: &HitRow<'_>) -> String {
        let text = self.text(column, row);
        if column.is_ours() || text == "-" { text } else { escape::csv(&text).into_owned() }
    }

    fn chainsaw_line(&mut self, row: &HitRow<'_>) -> io::Result<()> {
        if let Some(line) = self.pending.as_mut().filter(|line| line.is_of(row)) {
            line.join(row);
            return Ok(());
        }
        self.write_pending()?;
        self.pending = Some(chainsaw::Line::of(row, &self.zone));
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let Some(line) = self.pending.take() else { return Ok(()) };
        writeln!(self.out, "{}", line.cells().join(","))
    }

    /// Hits written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Hits left out because they have no time, which Timesketch asks for.
    pub fn undated(&self) -> u64 {
        self.undated
    }

    /// Writes what stands after the last hit, and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_pending()?;
        if self.format == Format::ChainsawJson {
            self.out.write_all(b"\n]\n")?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The columns that Timeline Explorer asks for.
fn tle(profile: Profile) -> impl Iterator<Item = Column> {
    columns::of(profile).iter().copied().filter(|column| *column != Column::RuleId)
}

/// A cell in quotes, whether it needs them or not; where it does, it has them already.
fn quoted(cell: &str) -> String {
    if cell.starts_with('"') { cell.to_owned() } else { format!("\"{cell}\"") }
}
