//! The trail of a run.
//!
//! In: detections as they pass by, findings, doors and the lake. Out: the trail. Of detections only those of level medium and above
//! are kept, in a few numbers each, and of one rule no more than the join would look at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use piste_hunt::told::{Origin, RuleText, Told};
use piste_judge::trail::{Inputs, RowAt, Rule, WITNESSES_MAX, Witness, trail};
use piste_lake::Lake;
use piste_model::trail::DecidedJoin;
use piste_model::{EvidenceId, Finding, Level, Trail};

use super::doors::{Beside, Doors, covered};
use super::join::Joined;
use crate::failure::Failure;

/// Detections of one rule that are kept: a rule that speaks more often says nothing of one act.
const RULE_MAX: u32 = 5_000;

/// The detections that the join looks at.
#[derive(Default)]
pub(crate) struct Witnesses {
    kept: Vec<Witness>,
    rules: HashMap<*const RuleText, (Arc<Rule>, u32)>,
    datasets: BTreeMap<String, Arc<str>>,
    /// So that an address stands for one rule as long as it is a key.
    held: Vec<Arc<RuleText>>,
}

impl Witnesses {
    /// Looks at one that passes by.
    pub(crate) fn add(&mut self, told: &Told) {
        if told.rule.level < Level::Medium || self.kept.len() >= WITNESSES_MAX {
            return;
        }
        let held = &mut self.held;
        let (rule, count) = self.rules.entry(Arc::as_ptr(&told.rule)).or_insert_with(|| {
            held.push(Arc::clone(&told.rule));
            (Arc::new(rule_of(&told.rule)), 0)
        });
        *count += 1;
        if *count > RULE_MAX {
            return;
        }
        let rule = Arc::clone(rule);
        let dataset = self.dataset(&told.origin);
        let at = RowAt { evidence: told.evidence, record: told.record, offset: told.offset };
        // Whether an agent acted is asked of grave ones alone: what the row tells is read for it.
        let grave = rule.level >= Level::High;
        let by = grave.then(|| told.tale.telling().acting_process.clone()).flatten();
        self.kept.push(Witness::new(rule, dataset, told.event_code, at).by(by.as_deref()));
    }

    fn dataset(&mut self, origin: &Origin) -> Arc<str> {
        if let Some(known) = self.datasets.get(&origin.dataset) {
            return Arc::clone(known);
        }
        let dataset: Arc<str> = Arc::from(origin.dataset.as_str());
        self.datasets.insert(origin.dataset.clone(), Arc::clone(&dataset));
        dataset
    }
}

fn rule_of(rule: &RuleText) -> Rule {
    Rule { id: rule.id.clone(), title: rule.title.clone(), level: rule.level, attack: rule.attack.clone() }
}

/// What a trail is made of besides the rows.
pub(super) struct Said<'a> {
    pub(super) witnesses: &'a Witnesses,
    pub(super) findings: &'a [Finding],
    pub(super) doors: &'a Doors,
    pub(super) beside: &'a Beside,
    /// What persons joined or cut.
    pub(super) decisions: &'a [DecidedJoin],
}

impl Said<'_> {
    /// Makes the trail.
    pub(super) fn trail(&self, lake: &Lake, joined: &Joined) -> Result<Trail, Failure> {
        let paths: BTreeMap<u32, &str> =
            joined.evidence.iter().map(|one| (one.id.0, one.path.as_str())).collect();
        let coverage = covered(&joined.coverage);
        let inputs = Inputs {
            lake,
            witnesses: &self.witnesses.kept,
            findings: self.findings,
            doors: &self.doors.doors,
            clocks: &self.beside.clocks,
            coverage: &coverage,
            decisions: self.decisions,
            host: &|name| joined.hosts.full(name).to_owned(),
            file: &|id: EvidenceId| paths.get(&id.0).map(|path| (*path).to_owned()).unwrap_or_default(),
        };
        Ok(Trail { visibility: self.beside.visibility.clone(), ..trail(&inputs)? })
    }
}
