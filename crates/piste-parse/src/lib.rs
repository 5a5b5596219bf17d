//! Bytes to rows and issues, one folder a format.
//!
//! In: the bytes of one block of a file, and what its header said. Out: Arrow batches, one a shape of rows, and a list of
//! what could not be read. Parsing never fails as a whole: damage costs the damaged records and is named with its place.
//! Pure and sync: no file is opened here, no clock is read.

#![deny(clippy::indexing_slicing)]

mod account_control;
pub mod artefact;
mod bad_records;
pub mod block;
pub mod cbs;
mod csv;
mod dates;
pub mod defender;
pub mod directory;
mod doubts;
mod elements;
pub mod ese;
pub mod evt;
pub mod evtx;
pub mod exchange;
mod export;
pub mod fields;
pub mod file;
pub mod header;
pub mod healthchecker;
mod identifiers;
pub mod iis;
pub mod iisconfig;
pub mod jsonl;
pub mod jumplist;
pub mod listing;
pub mod lnk;
mod msexchange;
pub mod nps;
pub mod ntfs;
pub mod page;
pub mod pfirewall;
pub mod prefetch;
pub mod psh;
pub mod random_access;
pub mod readers;
mod records;
pub mod recycle;
pub mod regf;
pub mod rows;
pub mod setupapi;
pub mod sniff;
pub mod syslog;
mod tags;
pub mod task;
#[cfg(test)]
mod testing;
pub mod text;
mod text_pieces;
mod values;
pub mod velociraptor;
pub mod weblog;
pub mod wer;
mod whole;
pub mod wmi;
mod wrapped;

use piste_model::sources::Sources;
use piste_model::{Damage, EvidenceId, Issue};

pub use block::{Block, Splitter};
pub use rows::Batch;
use rows::Rows;
pub use sniff::{Format, Treatment, sniff};

/// What a parser must know besides the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Its locator, for issues.
    pub path: &'a str,
    /// Channels, datasets and field copies.
    pub sources: &'a Sources,
    /// Host that the file's place hints at, for records that name none.
    pub host_hint: Option<&'a str>,
}

impl<'a> Context<'a> {
    /// The host that a record names, or the hint where it names none.
    pub(crate) fn host_or_hint<'b>(&self, named: &'b str) -> &'b str
    where
        'a: 'b,
    {
        if named.is_empty() || named == "-" { self.host_hint.unwrap_or_default() } else { named }
    }
}

/// What one block gave.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Rows, one batch a shape, in the order of first appearance.
    pub batches: Vec<Batch>,
    /// Records as stored.
    pub records: u64,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// What a person should know of it.
    pub issues: Vec<Issue>,
}

impl Parsed {
    /// Notes damage at `offset` that cost `lost` records, and tells what it means.
    pub(crate) fn damaged(
        &mut self,
        cx: &Context<'_>,
        slug: &'static str,
        offset: u64,
        lost: Option<u64>,
        what: String,
        hint: &str,
    ) {
        let effect = match lost {
            Some(0) => "no record is lost".to_owned(),
            Some(1) => "1 record is lost".to_owned(),
            Some(lost) => format!("{lost} records are lost"),
            None => "the records there are lost; how many is unknown".to_owned(),
        };
        self.damage.push(Damage { kind: slug.to_owned(), offset, lost });
        self.issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence).at(offset));
    }

    /// Names a line or element that was too long to be read, if the block stands for one.
    pub(crate) fn note_too_long(&mut self, cx: &Context<'_>, block: &Block, unit: &str) {
        if let Some(length) = block.too_long {
            let most = if unit == "record" { block::RECORD_BYTES_MAX } else { block::LINE_BYTES_MAX };
            let number = block.first_line;
            self.damaged(
                cx,
                match unit {
                    "element" => "element-too-long",
                    "file" => "file-too-long",
                    "record" => "record-too-long",
                    _ => "line-too-long",
                },
                block.offset,
                Some(1),
                format!("{unit} {number} is {length} bytes long; the limit is {most}"),
                "look at the file with `head -c 4096`: it may not be a log",
            );
        }
    }

    /// Takes in the rows of the block that starts at `offset`.
    pub(crate) fn take_rows(&mut self, cx: &Context<'_>, offset: u64, rows: Rows<'_>) {
        rows.doubts.tell(cx, self);
        match rows.finish() {
            Ok(batches) => self.batches = batches,
            Err(error) => self.damaged(
                cx,
                "rows-refused",
                offset,
                Some(self.records),
                format!("the records of this block cannot be put in columns: {error}"),
                "report this as a bug, with the file if it may be shared",
            ),
        }
    }
}

/// Parses one block of a file of this format.
///
/// A format without rows (a container, an image) gives an empty result.
pub fn parse_block(format: Format, block: &Block, cx: &Context<'_>) -> Parsed {
    match format {
        Format::Evtx => evtx::parse_chunks(block, cx),
        Format::JsonLines => jsonl::parse_lines(block, cx),
        Format::JsonArray | Format::JsonObjects | Format::JsonWrapped => jsonl::parse_elements(block, cx),
        Format::EventXml => export::parse_events(block, cx),
        Format::CliXml => export::parse_clixml(block, cx),
        Format::EventCsv => export::parse_records(block, cx),
        Format::Zeek => export::parse_zeek(block, cx),
        Format::IisW3c => iis::parse_lines(block, cx, iis::Log::Access),
        Format::HttpErr => iis::parse_lines(block, cx, iis::Log::Errors),
        Format::ExchangeLog => exchange::parse_lines(block, cx),
        Format::ExchangeSetup => exchange::setup::parse_lines(block, cx, exchange::setup::Log::Setup),
        Format::MitigationLog => exchange::setup::parse_lines(block, cx, exchange::setup::Log::Mitigation),
        Format::HealthChecker => healthchecker::parse_file(block, cx),
        Format::Nps => nps::parse_lines(block, cx),
        Format::Syslog => syslog::parse_lines(block, cx),
        Format::ListingCsv => listing::parse_csv(block, cx),
        Format::Bodyfile => listing::parse_bodyfile(block, cx),
        Format::DirListing => listing::parse_dir(block, cx),
        Format::ListingJson => listing::parse_json(block, cx),
        Format::WebPage => page::parse(block, cx),
        Format::Reader(id) => readers::parse_block(id, block, cx),
        _ => Parsed::default(),
    }
}
