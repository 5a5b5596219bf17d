//! What a row is, for naming its dataset, for the taxonomy's field names and for the gate of rules.
//!
//! In: `catalog/logsources.yaml` (read by `piste-rules`). Out: channel to dataset, field copies, and which shapes of rows
//! a Sigma logsource means. A gate always asks for the channel or dataset, never for the event id alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The dataset of Windows events whose channel the catalogue does not name.
pub const WINDOWS_OTHER: &str = "windows.other";

/// What all rows of one batch share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// `windows.security`.
    pub dataset: String,
    /// Windows channel as the record writes it; empty elsewhere.
    pub channel: String,
    /// Windows provider as the record writes it; empty elsewhere.
    pub provider: String,
    /// Event id.
    pub event_code: Option<i32>,
}

/// One way in which a logsource appears in evidence.
///
/// Serialises with all its fields: it is part of cached rule sets, whose form does not name fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Windows channel, compared without case.
    #[serde(default)]
    pub channel: Option<String>,
    /// Dataset, for what is no Windows event.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Windows providers, compared without case; any if empty.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Event ids; any if empty.
    #[serde(default)]
    pub events: Vec<i32>,
    /// Field values that a row must have besides, compared without case: `EventType: [CreateKey]`.
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Vec<String>>,
}

impl Source {
    /// Whether rows of this shape may come from this source.
    pub fn fits(&self, shape: &Shape) -> bool {
        let named = match (&self.channel, &self.dataset) {
            (Some(channel), _) => channel.eq_ignore_ascii_case(&shape.channel),
            (None, Some(dataset)) => *dataset == shape.dataset,
            (None, None) => false,
        };
        named
            && (self.providers.is_empty()
                || self.providers.iter().any(|one| one.eq_ignore_ascii_case(&shape.provider)))
            && (self.events.is_empty() || shape.event_code.is_some_and(|code| self.events.contains(&code)))
    }
}

/// One Sigma logsource and the sources that supply it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logsource {
    /// Sigma's `product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Sigma's `category`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Sigma's `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Any of these.
    pub from: Vec<Source>,
}

/// Fields copied under the taxonomy's names for rows of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldCopies {
    /// Rows that it is for.
    pub of: Source,
    /// Taxonomy's name to the source's name. The copy is made only where the row lacks the taxonomy's name.
    pub copy: BTreeMap<String, String>,
}

/// Fields that rules' tests are asked of besides the field that they name, for rows of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldAlso {
    /// The dataset that it is for.
    pub of: Source,
    /// Field named by rules to further fields of the rows.
    pub ask: BTreeMap<String, Vec<String>>,
}

/// `catalog/logsources.yaml` as read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Dataset to the channels it holds.
    pub datasets: BTreeMap<String, Vec<String>>,
    /// Field copies.
    pub fields: Vec<FieldCopies>,
    /// Further fields that rules' tests are asked of.
    #[serde(default)]
    pub also: Vec<FieldAlso>,
    /// Sigma's logsources.
    pub logsources: Vec<Logsource>,
}

impl Sources {
    /// The dataset of a Windows channel, [`WINDOWS_OTHER`] if the catalogue does not name it.
    pub fn dataset_of_channel(&self, channel: &str) -> &str {
        self.datasets
            .iter()
            .find(|(_, channels)| channels.iter().any(|one| one.eq_ignore_ascii_case(channel)))
            .map_or(WINDOWS_OTHER, |(dataset, _)| dataset)
    }

    /// The copies to make in rows of this shape: (taxonomy's name, source's name), sorted.
    pub fn copies_for(&self, shape: &Shape) -> Vec<(&str, &str)> {
        let mut copies: Vec<_> = self
            .fields
            .iter()
            .filter(|entry| entry.of.fits(shape))
            .flat_map(|entry| entry.copy.iter().map(|(to, from)| (to.as_str(), from.as_str())))
            .collect();
        copies.sort_unstable();
        copies.dedup();
        copies
    }

    /// All datasets that a logsource of the catalogue draws on, for saying which areas had no evidence.
    pub fn datasets_of<'a>(&'a self, logsource: &'a Logsource) -> BTreeSet<&'a str> {
        logsource
            .from
            .iter()
            .filter_map(|source| match (&source.channel, &source.dataset) {
                (Some(channel), _) => Some(self.dataset_of_channel(channel)),
                (None, dataset) => dataset.as_deref(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(channel: &str, provider: &str, event_code: i32) -> Shape {
        Shape {
            dataset: "windows.sysmon".into(),
            channel: channel.into(),
            provider: provider.into(),
            event_code: Some(event_code),
        }
    }

    #[test]
    fn a_gate_needs_the_channel_and_never_the_event_id_alone() {
        let source = Source {
            channel: Some("Microsoft-Windows-Sysmon/Operational".into()),
            dataset: None,
            providers: vec!["Microsoft-Windows-Sysmon".into()],
            events: vec![1],
            conditions: BTreeMap::new(),
        };
        let sysmon = "microsoft-windows-sysmon/operational";
        assert!(source.fits(&shape(sysmon, "Microsoft-Windows-Sysmon", 1)));
        assert!(!source.fits(&shape(sysmon, "Microsoft-Windows-Sysmon", 3)));
        assert!(!source.fits(&shape("Application", "Microsoft-Windows-Sysmon", 1)));
        assert!(!source.fits(&shape(sysmon, "Other", 1)));
        let nothing = Source { channel: None, events: vec![1], ..source };
        assert!(!nothing.fits(&shape(sysmon, "Microsoft-Windows-Sysmon", 1)));
    }
}
