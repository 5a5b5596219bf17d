//! What firewalls, VPN gateways and their like write, and what of it Piste's rules and doors read.
//!
//! In: `catalog/devices.yaml` (read by `piste-rules`). Out: for each device how its lines are known, which of its fields are
//! copied under one name (`src_ip`, `user`), and which lines are a logon, a failure, an end of a session.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One device's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// `Fortinet`.
    pub vendor: String,
    /// `FortiGate`.
    pub product: String,
    /// Text that a line of it has; any if empty.
    #[serde(default)]
    pub has: Vec<String>,
    /// Fields and the values one of which they have, compared without case; an empty list asks only that the field is there.
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    /// Dataset of its lines that no event below names.
    pub dataset: String,
    /// Name to the device's names for it, the first that has a value.
    #[serde(default)]
    pub copy: BTreeMap<String, Vec<String>>,
    /// Lines that mean something; the first that fits.
    #[serde(default)]
    pub events: Vec<DeviceEvent>,
}

/// Lines of a device that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEvent {
    /// Text that the line has; any if empty.
    #[serde(default)]
    pub has: Vec<String>,
    /// As in [`Device::when`].
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    /// The line's text with `%{name}` where a value stands: `Group <%{group}> User <%{user}> IP <%{src_ip}>`.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Dataset of these lines.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Fields that are set: `action: logon`, `outcome: success`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// Whether a line has one of these texts (none asked is met).
pub fn has_text(wanted: &[String], line: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|text| line.contains(text.as_str()))
}

/// The values of a pattern's names in a text, in order; `None` where it does not fit. The pattern may begin anywhere.
pub fn values_of<'p, 't>(pattern: &'p str, text: &'t str) -> Option<Vec<(&'p str, &'t str)>> {
    let (start, mut rest_pattern) = pattern.split_once("%{").unwrap_or((pattern, ""));
    let at = text.find(start)?;
    let mut rest = text.get(at + start.len()..)?;
    let mut found = Vec::new();
    while !rest_pattern.is_empty() {
        let (name, after) = rest_pattern.split_once('}')?;
        let (literal, next) = after.split_once("%{").unwrap_or((after, ""));
        let (value, others) = if literal.is_empty() { (rest, "") } else { rest.split_once(literal)? };
        found.push((name, value.trim()));
        (rest, rest_pattern) = (others, next);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_what_stands_between_its_words() {
        let text = "%ASA-6-113039: Group <G> User <bob> IP <203.0.113.7> AnyConnect parent session started.";
        let found = values_of("Group <%{group}> User <%{user}> IP <%{src_ip}>", text);
        assert_eq!(found, Some(vec![("group", "G"), ("user", "bob"), ("src_ip", "203.0.113.7")]));
        assert_eq!(values_of("IP <%{src_ip}> x", "IP <1>"), None);
        assert_eq!(values_of("user %{user}", "for user bob "), Some(vec![("user", "bob")]));
        assert_eq!(values_of("%{broken", "x"), None);
        assert_eq!(values_of("plain", "a plain text"), Some(vec![]));
    }
}
