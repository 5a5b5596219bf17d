//! `piste plan export`: the removal list for what acts on it.
//!
//! In: the list, its release, a format. Out: a file. What acts on systems is refused where the list is not the one that was released by a
//! signature; `--draft` writes it all the same, and it says so.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use piste_case::removal::ReleaseState;
use piste_model::Sighting;
use piste_report::exports::{ExportFormat, ExportGround, Marking, SeenName, export};

use crate::cli::Common;
use crate::failure::Failure;
use crate::removal::{CaseResults, lines, record, release_in_words};
use crate::response::{first_hash, write_file};
use crate::{clock, out};

/// Formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table of nftables.
    Nftables,
    /// Rules of Windows' firewall, as PowerShell.
    WindowsFirewall,
    /// A response policy zone for DNS servers.
    Rpz,
    /// Rules of Suricata.
    Suricata,
    /// Lines of a hosts file.
    Hosts,
    /// Sigma rules of this case's traces.
    Sigma,
    /// YARA rules of this case's files.
    Yara,
    /// STIX 2.1.
    Stix,
    /// An event of MISP.
    Misp,
    /// A removal script, which shows what it would do unless run with -Execute.
    Powershell,
    /// A CACAO 2.0 playbook.
    Cacao,
}

impl Format {
    fn of(self) -> ExportFormat {
        match self {
            Self::Nftables => ExportFormat::Nftables,
            Self::WindowsFirewall => ExportFormat::WindowsFirewall,
            Self::Rpz => ExportFormat::Rpz,
            Self::Suricata => ExportFormat::Suricata,
            Self::Hosts => ExportFormat::Hosts,
            Self::Sigma => ExportFormat::Sigma,
            Self::Yara => ExportFormat::Yara,
            Self::Stix => ExportFormat::Stix,
            Self::Misp => ExportFormat::Misp,
            Self::Powershell => ExportFormat::Powershell,
            Self::Cacao => ExportFormat::Cacao,
        }
    }
}

/// Markings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tlp {
    /// For everybody.
    Clear,
    /// For the community.
    Green,
    /// For the organisation and its clients.
    Amber,
    /// For the organisation alone.
    #[value(name = "amber+strict")]
    AmberStrict,
    /// For those named.
    Red,
}

impl Tlp {
    fn of(self) -> Marking {
        match self {
            Self::Clear => Marking::Clear,
            Self::Green => Marking::Green,
            Self::Amber => Marking::Amber,
            Self::AmberStrict => Marking::AmberStrict,
            Self::Red => Marking::Red,
        }
    }
}

/// Writes the removal list for a firewall, a sensor, other teams, or as a script. Nothing is run.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste plan export --format nftables -o block.nft\n  piste plan export --format powershell -o remove.ps1\n  piste plan export --format stix --tlp green -o intruder.json"
)]
pub(super) struct Export {
    /// The format.
    #[arg(long, value_enum)]
    format: Format,
    /// Where it is written to; printed if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How it is marked.
    #[arg(long, value_enum, default_value = "amber+strict")]
    tlp: Tlp,
    /// Write what acts on systems although the list is not released: to be looked at.
    #[arg(long)]
    draft: bool,
}

/// `piste plan export`.
pub(super) fn run(arguments: &Export, common: &Common) -> Result<(), Failure> {
    let case = CaseResults::of(&common.case)?;
    let list = case.removal()?;
    let record = record(&common.case)?;
    let (format, state) = (arguments.format.of(), record.state(&list));
    let words = release_in_words(&record, &list);
    if format.acts() && state != ReleaseState::Released && !arguments.draft {
        return Err(Failure::environment(
            if state == ReleaseState::Changed { "removal-changed" } else { "removal-not-released" },
            words,
            "nothing was written: what acts on systems is made of a list that was released by a signature",
            "look at it and release it: piste plan removal --release --why '...' --key ann.key; --draft writes it to be looked at",
        ));
    }
    let draft = if state == ReleaseState::Released { "" } else { "DRAFT. " };
    let seen = &case.seen;
    let sightings: Vec<Sighting> = match seen.results.hash(crate::sightings::FILE) {
        Some(_) => lines(seen, &common.case, crate::sightings::FILE)?,
        None => Vec::new(),
    };
    let names: Vec<SeenName> = sightings
        .iter()
        .filter(|one| one.kind.contains("domain") || one.kind.contains("host"))
        .map(|one| SeenName {
            name: one.indicator.clone(),
            // Without a word of the source it is for those who have it.
            marking: one.tlp.as_deref().map_or(Marking::AmberStrict, Marking::parse),
        })
        .collect();
    let hosts: Vec<String> = case.hosts().into_iter().collect();
    let exported = export(
        format,
        &ExportGround {
            list: &list,
            release: &format!("{draft}{words}"),
            own_hosts: &hosts,
            names: &names,
            marking: arguments.tlp.of(),
            at: clock::now(common),
            case_key: &first_hash(&common.case)?,
        },
    );
    match &arguments.output {
        None => out::data(&exported.text),
        Some(path) => write_file(path, &exported.text)?,
    }
    for line in &exported.left_out {
        out::note(&format!("left out: {}", piste_report::escape::visible(line)));
    }
    out::note(&format!("{} items, {}", exported.items, arguments.tlp.of().as_str()));
    if state != ReleaseState::Released {
        out::note(&words);
    }
    Ok(())
}
