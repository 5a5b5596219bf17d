//! Which rows a rule may look at: its log source as the catalogue of sources reads it.
//!
//! In: a rule's log source and [`Sources`]. Out: a [`Gate`], asked once a batch, and the field values that rows of a
//! fitting batch must then have besides (`EventType: CreateKey`).

use std::collections::BTreeMap;

use piste_model::sources::{Logsource as Entry, Shape, Source, Sources};
use serde::{Deserialize, Serialize};

use crate::rule::Logsource;

/// Which rows a rule may look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    /// Any of these.
    Sources(Vec<Source>),
    /// The rule gives a category and a service: a row must be of both.
    Both {
        /// Sources of the category, any of them.
        category: Vec<Source>,
        /// Sources of the service, any of them.
        service: Vec<Source>,
    },
    /// Piste reads no such source.
    Nothing,
}

impl Gate {
    /// The gate of a log source.
    ///
    /// A product that the rule gives must be the entry's, or the entry has none; a rule without a product takes every
    /// product's. An entry that has both the category and the service stands before the intersection of the two.
    pub fn of(logsource: &Logsource, sources: &Sources) -> Self {
        let find = |category: Option<&str>, service: Option<&str>| {
            let mut found: Vec<Source> = Vec::new();
            for entry in &sources.logsources {
                if names(entry, logsource.product.as_deref(), category, service) {
                    found.extend(
                        entry.from.iter().filter(|one| !found.contains(one)).cloned().collect::<Vec<_>>(),
                    );
                }
            }
            found
        };
        let some = |found: Vec<Source>| if found.is_empty() { Self::Nothing } else { Self::Sources(found) };
        match (logsource.category.as_deref(), logsource.service.as_deref()) {
            (None, None) if logsource.product.is_none() => Self::Nothing,
            (Some(category), Some(service)) => {
                let exact = find(Some(category), Some(service));
                if !exact.is_empty() {
                    return Self::Sources(exact);
                }
                let (category, service) = (find(Some(category), None), find(None, Some(service)));
                if category.is_empty() || service.is_empty() {
                    return Self::Nothing;
                }
                Self::Both { category, service }
            }
            (category, service) => some(find(category, service)),
        }
    }

    /// Whether rows of this shape may be looked at. Never by event id alone: every source names its channel or dataset.
    pub fn fits(&self, shape: &Shape) -> bool {
        let any = |list: &[Source]| list.iter().any(|source| source.fits(shape));
        match self {
            Self::Sources(list) => any(list),
            Self::Both { category, service } => any(category) && any(service),
            Self::Nothing => false,
        }
    }

    /// What rows of a fitting shape must have besides. If any fitting source asks for nothing, nothing is asked.
    pub fn conditions(&self, shape: &Shape) -> Conditions<'_> {
        let groups = match self {
            Self::Sources(list) => vec![asked(list, shape)],
            Self::Both { category, service } => vec![asked(category, shape), asked(service, shape)],
            Self::Nothing => Vec::new(),
        };
        Conditions { groups: groups.into_iter().filter(|group| !group.is_empty()).collect() }
    }

    /// All sources that the gate names, for saying which datasets a rule needs.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let (one, other): (&[Source], &[Source]) = match self {
            Self::Sources(list) => (list, &[]),
            Self::Both { category, service } => (category, service),
            Self::Nothing => (&[], &[]),
        };
        one.iter().chain(other)
    }
}

/// Whether a catalogue entry is the one that is asked for.
fn names(entry: &Entry, product: Option<&str>, category: Option<&str>, service: Option<&str>) -> bool {
    let same = |given: Option<&str>, has: Option<&str>| match (given, has) {
        (None, None) => true,
        (Some(given), Some(has)) => given.eq_ignore_ascii_case(has),
        _ => false,
    };
    let product_fits = match (product, entry.product.as_deref()) {
        (Some(given), Some(has)) => given.eq_ignore_ascii_case(has),
        _ => true,
    };
    product_fits && same(category, entry.category.as_deref()) && same(service, entry.service.as_deref())
}

/// The conditions of the sources that fit, or none if one of them asks for nothing.
fn asked<'a>(list: &'a [Source], shape: &Shape) -> Vec<&'a BTreeMap<String, Vec<String>>> {
    let fitting: Vec<_> =
        list.iter().filter(|source| source.fits(shape)).map(|one| &one.conditions).collect();
    if fitting.iter().any(|conditions| conditions.is_empty()) { Vec::new() } else { fitting }
}

/// Field values that rows must have: every group, of each group at least one map, of a map every field with one of its
/// values. Compared without case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions<'a> {
    /// See the type.
    pub groups: Vec<Vec<&'a BTreeMap<String, Vec<String>>>>,
}

impl Conditions<'_> {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether a row meets them; `value` gives a field's text, `None` where the row lacks it.
    pub fn are_met<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        let field = |name: &str, wanted: &[String]| {
            value(name).is_some_and(|has| wanted.iter().any(|one| one.eq_ignore_ascii_case(has)))
        };
        let map = |one: &BTreeMap<String, Vec<String>>| one.iter().all(|(name, wanted)| field(name, wanted));
        self.groups.iter().all(|group| group.iter().any(|one| map(one)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

    fn gate(product: &str, category: &str, service: &str) -> Gate {
        let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let logsource =
            Logsource { product: part(product), category: part(category), service: part(service) };
        Gate::of(&logsource, &crate::catalog::sources().expect("the embedded catalogue parses"))
    }

    fn shape(channel: &str, event_code: i32) -> Shape {
        let sources = crate::catalog::sources().expect("the embedded catalogue parses");
        let dataset = sources.dataset_of_channel(channel).to_owned();
        Shape { dataset, channel: channel.into(), provider: String::new(), event_code: Some(event_code) }
    }

    #[track_caller]
    fn check(gate: &Gate, fitting: &[(&str, i32)], other: &[(&str, i32)]) {
        for &(channel, code) in fitting {
            assert!(gate.fits(&shape(channel, code)), "{channel} {code} should fit");
        }
        for &(channel, code) in other {
            assert!(!gate.fits(&shape(channel, code)), "{channel} {code} should not fit");
        }
    }

    #[test]
    fn an_event_id_counts_only_in_its_channel() {
        check(
            &gate("windows", "process_creation", ""),
            &[(SYSMON, 1), ("Security", 4688), ("microsoft-windows-sysmon/OPERATIONAL", 1)],
            &[
                ("System", 1),
                ("MSExchange Management", 1),
                (SYSMON, 3),
                ("Security", 1),
                ("Linux-Sysmon/Operational", 1),
            ],
        );
        check(
            &gate("windows", "", "msexchange-management"),
            &[("MSExchange Management", 6)],
            &[("Application", 6)],
        );
    }

    #[test]
    fn another_product_never_fits_windows_rows() {
        let windows =
            [(SYSMON, 1), ("Security", 4688), ("Microsoft-Windows-Windows Defender/Operational", 1116)];
        check(&gate("linux", "process_creation", ""), &[], &windows);
        check(&gate("linux", "antivirus", ""), &[], &windows);
        check(&gate("linux", "", ""), &[], &windows);
        check(&gate("", "", ""), &[], &windows);
        assert_eq!(gate("aws", "", "cloudtrail"), Gate::Nothing);
    }

    #[test]
    fn no_product_means_any_and_a_product_alone_means_all_of_it() {
        check(
            &gate("", "antivirus", ""),
            &[("Microsoft-Windows-Windows Defender/Operational", 1116)],
            &[("Security", 1116)],
        );
        check(&gate("windows", "", ""), &[("Security", 1), ("Some-Vendor/Log", 7)], &[]);
        let iis = Shape {
            dataset: "iis.access".into(),
            channel: String::new(),
            provider: String::new(),
            event_code: None,
        };
        assert!(gate("", "webserver", "").fits(&iis));
        assert!(!gate("", "webserver", "").fits(&shape("Security", 1)));
        assert!(!gate("apache", "webserver", "").fits(&iis));
        assert!(!gate("windows", "", "").fits(&iis));
    }

    #[test]
    fn category_and_service_must_both_hold() {
        let both = gate("windows", "process_creation", "sysmon");
        check(&both, &[(SYSMON, 1)], &[("Security", 4688), (SYSMON, 3)]);
        assert_eq!(gate("windows", "process_creation", "cloudtrail"), Gate::Nothing);
    }

    #[test]
    fn where_conditions_tell_the_kinds_of_sysmon_12_apart() {
        let add = gate("windows", "registry_add", "");
        let twelve = shape(SYSMON, 12);
        assert!(add.fits(&twelve));
        let met = |gate: &Gate, kind: Option<&'static str>| gate.conditions(&twelve).are_met(|_| kind);
        assert!(met(&add, Some("createkey")));
        assert!(!met(&add, Some("DeleteKey")));
        assert!(!met(&add, None));
        let delete = gate("windows", "registry_delete", "");
        assert!(met(&delete, Some("DeleteValue")) && !met(&delete, Some("CreateKey")));
        let event = gate("windows", "registry_event", "");
        assert!(event.conditions(&twelve).is_empty() && met(&event, None));
        let both = gate("windows", "registry_add", "sysmon");
        assert!(met(&both, Some("CreateKey")) && !met(&both, Some("DeleteKey")));
    }

    #[test]
    fn inbound_5156_is_no_network_connection() {
        let gate = gate("windows", "network_connection", "");
        let row = shape("Security", 5156);
        assert!(gate.fits(&row) && gate.fits(&shape(SYSMON, 3)));
        assert!(gate.conditions(&row).are_met(|_| Some("%%14593")));
        assert!(!gate.conditions(&row).are_met(|_| Some("%%14592")));
        assert!(gate.conditions(&shape(SYSMON, 3)).is_empty());
    }
}
