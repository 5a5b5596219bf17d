//! Which rules match which rows.
//!
//! In: batches, each of one shape (dataset, channel, provider, event id). Out: hits. A rule whose logsource does not mean
//! that shape costs nothing and can never match: the gate is per batch, by channel or dataset, provider and event id.
//! [`RowEngine`] evaluates row by row with `rsigma-eval`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use piste_lake::Batch;
use piste_model::sources::Shape;
use piste_rules::{NotRun, Rule, RuleSet};
use rsigma_eval::{CompiledRule, compile_rule};

use crate::keywords;
use crate::row_event::{BatchView, RowEvent};

/// A rule matched a row of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Row of the batch.
    pub row: usize,
    /// Index of the rule in the rule set.
    pub rule: usize,
}

/// Finds the hits of a batch. The same batch gives the same hits, whatever came before it.
pub trait Engine: Send + Sync {
    /// Hits sorted by row, then rule.
    fn hits(&self, batch: &Batch) -> Vec<Hit>;
}

/// Evaluates rules row by row.
pub struct RowEngine {
    rules: Vec<Option<Gated>>,
    /// Engines by the rules that they hold: shapes with the same rules share one.
    engines: Mutex<BTreeMap<Vec<usize>, Arc<rsigma_eval::Engine>>>,
    /// Rules by shape, so that the gates are asked once a shape.
    by_shape: Mutex<HashMap<Shape, Arc<Chosen>>>,
}

/// A compiled rule with the gate before it.
struct Gated {
    gate: piste_rules::Gate,
    compiled: CompiledRule,
}

/// Shapes that are remembered; a hostile log with more of them is asked each time anew.
const SHAPES_MAX: usize = 10_000;

/// What applies to one shape.
struct Chosen {
    engine: Arc<rsigma_eval::Engine>,
    /// Rules that ask for field values besides.
    conditional: BTreeSet<usize>,
}

impl RowEngine {
    /// Compiles the rules; those that do not compile are returned with the reason.
    pub fn new(rules: &RuleSet) -> (Self, Vec<NotRun>) {
        let mut not_run = Vec::new();
        let compiled = rules
            .rules
            .iter()
            .enumerate()
            .map(|(number, rule)| match compile(number, rule) {
                Ok(compiled) => Some(Gated { gate: rule.gate.clone(), compiled }),
                Err(reason) => {
                    not_run.push(NotRun::of(rule, "rule-not-compiled", reason));
                    None
                }
            })
            .collect();
        let engine = Self { rules: compiled, engines: Mutex::default(), by_shape: Mutex::default() };
        (engine, not_run)
    }

    fn chosen(&self, shape: &Shape) -> Arc<Chosen> {
        let mut by_shape = self.by_shape.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chosen) = by_shape.get(shape) {
            return Arc::clone(chosen);
        }
        let mut numbers = Vec::new();
        let mut conditional = BTreeSet::new();
        for (number, rule) in self.rules.iter().enumerate() {
            let Some(rule) = rule.as_ref().filter(|rule| rule.gate.fits(shape)) else { continue };
            numbers.push(number);
            if !rule.gate.conditions(shape).is_empty() {
                conditional.insert(number);
            }
        }
        let chosen = Arc::new(Chosen { engine: self.engine_of(numbers), conditional });
        if by_shape.len() < SHAPES_MAX {
            by_shape.insert(shape.clone(), Arc::clone(&chosen));
        }
        chosen
    }

    /// Whether the row has the field values that the rule's logsource asks for.
    fn meets(&self, rule: usize, shape: &Shape, event: &RowEvent<'_, '_>) -> bool {
        let rule = self.rules.get(rule).and_then(Option::as_ref);
        rule.is_some_and(|rule| rule.gate.conditions(shape).are_met(|field| event.text(field)))
    }

    fn engine_of(&self, numbers: Vec<usize>) -> Arc<rsigma_eval::Engine> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&numbers) {
            return Arc::clone(engine);
        }
        let compiled = numbers.iter().filter_map(|number| self.rules.get(*number)?.as_ref());
        let mut engine = rsigma_eval::Engine::new();
        engine.extend_compiled_rules(compiled.map(|rule| rule.compiled.clone()));
        let engine = Arc::new(engine);
        engines.insert(numbers, Arc::clone(&engine));
        engine
    }
}

/// Compiles one rule under its number as id, so that a match tells which rule it was.
fn compile(number: usize, rule: &Rule) -> Result<CompiledRule, String> {
    let parsed = rule.sigma.as_deref().ok_or("the rule comes from a cache, without its text")?;
    let mut sigma = parsed.clone();
    sigma.id = Some(number.to_string());
    keywords::spell_out(&mut sigma);
    compile_rule(&sigma).map_err(|error| error.to_string())
}

impl Engine for RowEngine {
    fn hits(&self, batch: &Batch) -> Vec<Hit> {
        let chosen = self.chosen(&batch.shape);
        if chosen.engine.rule_count() == 0 {
            return Vec::new();
        }
        let view = BatchView::new(&batch.rows);
        let mut hits = Vec::new();
        for row in 0..batch.rows.num_rows() {
            let event = RowEvent::new(&view, row);
            for result in chosen.engine.evaluate(&event) {
                let Some(rule) = result.header.rule_id.and_then(|id| id.parse().ok()) else { continue };
                if !chosen.conditional.contains(&rule) || self.meets(rule, &batch.shape, &event) {
                    hits.push(Hit { row, rule });
                }
            }
        }
        hits.sort_unstable();
        hits.dedup();
        hits
    }
}
