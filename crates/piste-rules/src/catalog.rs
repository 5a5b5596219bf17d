//! `catalog/logsources.yaml`, embedded: channels to datasets, field copies, Sigma's log sources; and `catalog/artefacts.yaml`:
//! kinds of files that are not read.
//!
//! In: the file as a person maintains it. Out: [`Sources`], checked: an entry that gates on nothing, or a channel in two
//! datasets, is refused here rather than found in an investigation.

use std::collections::BTreeMap;

use piste_model::ArtefactKind;
use piste_model::sources::{Source, Sources};

const TEXT: &str = include_str!("../../../catalog/logsources.yaml");
const DEVICES: &str = include_str!("../../../catalog/devices.yaml");
const ARTEFACTS: &str = include_str!("../../../catalog/artefacts.yaml");

/// Why a catalogue of log sources cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The YAML does not have the shape of [`Sources`].
    #[error("the catalogue of log sources does not parse")]
    Unreadable(#[source] yaml_serde::Error),
    /// A source names neither a channel nor a dataset, and so would never fit, or fit by event id alone.
    #[error("the catalogue's entry `{entry}` has a source without channel or dataset")]
    NoPlace {
        /// The log source's label or `fields`.
        entry: String,
    },
    /// A log source without a source.
    #[error("the catalogue's entry `{0}` has no source")]
    Empty(String),
    /// One channel stands in two datasets.
    #[error("the channel `{channel}` is in two datasets: `{first}` and `{second}`")]
    ChannelTwice {
        /// The channel.
        channel: String,
        /// One dataset.
        first: String,
        /// The other.
        second: String,
    },
}

/// The catalogue that is built in.
///
/// # Errors
/// Only if the embedded file is wrong, which this crate's tests rule out.
pub fn sources() -> Result<Sources, CatalogError> {
    let mut sources = parse(TEXT)?;
    sources.devices = yaml_serde::from_str(DEVICES).map_err(CatalogError::Unreadable)?;
    Ok(sources)
}

/// Kinds of files that are sealed and not read, as built in.
///
/// # Errors
/// Only if the embedded file is wrong, which this crate's tests rule out.
pub fn artefacts() -> Result<Vec<ArtefactKind>, CatalogError> {
    yaml_serde::from_str(ARTEFACTS).map_err(CatalogError::Unreadable)
}

/// Reads and checks a catalogue.
///
/// # Errors
/// [`CatalogError`], by the first fault.
pub fn parse(text: &str) -> Result<Sources, CatalogError> {
    let sources: Sources = yaml_serde::from_str(text).map_err(CatalogError::Unreadable)?;
    let placed = |source: &Source| source.channel.is_some() || source.dataset.is_some();
    for entry in &sources.logsources {
        let label =
            crate::rule::label(entry.product.as_deref(), entry.category.as_deref(), entry.service.as_deref());
        if entry.from.is_empty() {
            return Err(CatalogError::Empty(label));
        }
        if !entry.from.iter().all(placed) {
            return Err(CatalogError::NoPlace { entry: label });
        }
    }
    if !sources.fields.iter().all(|copies| placed(&copies.of)) {
        return Err(CatalogError::NoPlace { entry: "fields".to_owned() });
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (dataset, channels) in &sources.datasets {
        for channel in channels {
            if let Some(first) = seen.insert(channel.to_ascii_lowercase(), dataset) {
                return Err(CatalogError::ChannelTwice {
                    channel: channel.clone(),
                    first: first.to_owned(),
                    second: dataset.clone(),
                });
            }
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use piste_model::sources::{Shape, WINDOWS_OTHER};

    use super::*;

    #[test]
    fn the_built_in_catalogue_is_sound() {
        let sources = sources().expect("the embedded catalogue parses");
        for entry in &sources.logsources {
            for source in &entry.from {
                if let Some(channel) = &source.channel {
                    assert_ne!(
                        sources.dataset_of_channel(channel),
                        WINDOWS_OTHER,
                        "{channel} has no dataset"
                    );
                }
                // Windows datasets are fed by channels alone, so a misspelt name would never fit a row.
                if let Some(dataset) = source.dataset.as_deref().filter(|name| name.starts_with("windows.")) {
                    let known = sources.datasets.contains_key(dataset) || dataset == WINDOWS_OTHER;
                    assert!(known, "{dataset}");
                }
            }
        }
    }

    #[test]
    fn each_kind_that_is_not_read_says_what_it_would_answer_and_what_to_do() {
        let kinds = artefacts().expect("the embedded catalogue parses");
        for kind in &kinds {
            assert_eq!(kind.would_answer.is_empty(), kind.hint.is_empty(), "{}", kind.kind);
            assert!(!kind.records || !kind.hint.is_empty(), "{}", kind.kind);
            let narrowed = !kind.formats.is_empty() || !kind.names.is_empty() || kind.cause.is_some();
            assert!(narrowed, "{} would take every file", kind.kind);
        }
    }

    #[test]
    fn no_log_source_is_listed_twice() {
        let sources = sources().expect("the embedded catalogue parses");
        let mut keys: Vec<_> =
            sources.logsources.iter().map(|one| (&one.product, &one.category, &one.service)).collect();
        keys.sort();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn windows_alone_means_every_windows_dataset() {
        let sources = sources().expect("the embedded catalogue parses");
        let all = sources
            .logsources
            .iter()
            .find(|one| {
                one.product.as_deref() == Some("windows") && one.category.is_none() && one.service.is_none()
            })
            .expect("listed");
        let named = sources.datasets_of(all);
        for dataset in sources.datasets.keys().map(String::as_str).chain([WINDOWS_OTHER]) {
            assert!(named.contains(dataset), "{dataset}");
        }
        assert!(named.iter().all(|dataset| dataset.starts_with("windows.")));
    }

    #[track_caller]
    fn check_copies(dataset: &str, channel: &str, event_code: i32, expected: &[(&str, &str)]) {
        let sources = sources().expect("the embedded catalogue parses");
        let shape = Shape {
            dataset: dataset.to_owned(),
            channel: channel.to_owned(),
            provider: String::new(),
            event_code: Some(event_code),
        };
        assert_eq!(sources.copies_for(&shape), expected);
    }

    #[test]
    fn copies_state_no_wrong_fact() {
        check_copies(
            "windows.security",
            "Security",
            4688,
            &[
                ("Image", "NewProcessName"),
                ("IntegrityLevel", "MandatoryLabel"),
                ("LogonId", "SubjectLogonId"),
                ("ParentImage", "ParentProcessName"),
                ("ParentProcessId", "ProcessId"),
            ],
        );
        check_copies("windows.security", "Security", 4624, &[]);
        check_copies(
            "windows.defender",
            "Microsoft-Windows-Windows Defender/Operational",
            1116,
            &[("Filename", "Path"), ("Signature", "Threat Name")],
        );
        check_copies("windows.sysmon", "Microsoft-Windows-Sysmon/Operational", 4688, &[]);
    }

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        assert_eq!(parse(text).expect_err("refused").to_string(), message);
    }

    #[test]
    fn a_catalogue_that_would_gate_on_nothing_is_refused() {
        check_refused(
            "{datasets: {}, fields: [], logsources: [{product: windows, category: x, from: [{events: [1]}]}]}",
            "the catalogue's entry `windows/x` has a source without channel or dataset",
        );
        check_refused(
            "{datasets: {}, fields: [], logsources: [{product: windows, service: x, from: []}]}",
            "the catalogue's entry `windows/x` has no source",
        );
        check_refused(
            "{datasets: {a: [Security], b: [security]}, fields: [], logsources: []}",
            "the channel `security` is in two datasets: `a` and `b`",
        );
        check_refused("datasets: 3", "the catalogue of log sources does not parse");
    }
}
