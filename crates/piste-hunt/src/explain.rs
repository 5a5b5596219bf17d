//! Why a rule matches a row, or does not.
//!
//! In: a rule with its text and one row. Out: each condition, named selection, item and value of the rule, and whether it
//! holds in the row. Every part is compiled and answered by the hunt's own engine, so that the two cannot disagree.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use piste_model::sources::Shape;
use piste_rules::{Gate, Rule};
use rsigma_ir::lower::{lower_condition, lower_detection, lower_detection_item};
use rsigma_ir::{IrDetection, LowerOptions, lower_rule};
use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Detections, Modifier, SigmaValue};
use serde::Serialize;

use crate::columns::Columns;
use crate::describe::cut;
use crate::plan::compile::{Compiler, Reason};
use crate::plan::{Expr, Plan};
use crate::vector::{VectorEngine, shapes_in};

/// A rule against one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether the hunt finds the row by this rule.
    pub matches: bool,
    /// Whether the rule may look at the row.
    pub logsource: Fit,
    /// The rule's conditions, of which one must hold.
    pub conditions: Vec<Part>,
    /// All named selections, sorted by name.
    pub selections: Vec<Part>,
}

/// A row against a rule's log source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Whether the row's channel or dataset, provider and event id are among those that the log source means.
    pub fits: bool,
    /// What the row is.
    pub row: Shape,
    /// Field values that the log source asks for besides: any of these, `EventType: CreateKey`.
    pub asks: Vec<String>,
    /// Whether the row has them; true where none are asked for.
    pub met: bool,
}

/// What a part of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A condition, or a part of one.
    Condition,
    /// A named selection.
    Selection,
    /// Lists inside a selection.
    Group,
    /// A field or keywords with what is asked of them.
    Item,
    /// One of several values of an item.
    Value,
}

/// A part of a rule, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// As the rule writes it: `1 of filter_*`, `selection`, `Image|endswith`; empty for a value.
    pub text: String,
    /// The value, of an item that has one, and of a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it holds in the row.
    pub holds: bool,
    /// For an item of a field, that field's values in the row, each cut to 1000 characters; empty where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Vec<String>>,
    /// What it consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// Explains a rule by the first row of a batch.
///
/// # Errors
/// The reason why the rule does not run, or has no text because it comes from a cache.
pub fn explain(rule: &Rule, dataset: &str, row: &RecordBatch) -> Result<Explanation, Reason> {
    let row = row.slice(0, row.num_rows().min(1));
    let (shape, _) = shapes_in(dataset, &row).into_iter().next().ok_or("there is no row")?;
    let sigma = rule.sigma.as_deref().ok_or("the rule's text is not here")?;
    let lowered = lower_rule(sigma, &LowerOptions::default()).map_err(|error| error.to_string())?;
    let mut whole = Compiler::default();
    if let Some(reason) = whole.add(&lowered) {
        return Err(reason);
    }
    let hunt = VectorEngine::of_plan(whole.finish(), vec![rule.gate.clone()]);
    let mut drafts = Drafts::default();
    let named = lowered.detections.iter().map(|(name, one)| (name.as_str(), one)).collect();
    let conditions = drafts.conditions(&sigma.detection, &named)?;
    let selections = drafts.selections(&sigma.detection)?;
    let engine = VectorEngine::of_plan(drafts.finish(), Vec::new());
    let mut asked = Vec::new();
    exprs(&conditions, &mut asked);
    exprs(&selections, &mut asked);
    let answers = engine.hold_in_first(&row, asked.into_iter());
    let (columns, mut answers) = (Columns::new(&row), answers.into_iter());
    Ok(Explanation {
        matches: !hunt.hits_in(dataset, &row).is_empty(),
        logsource: fit(&rule.gate, shape, &row),
        conditions: answered(conditions, &columns, &mut answers),
        selections: answered(selections, &columns, &mut answers),
    })
}

fn fit(gate: &Gate, row: Shape, batch: &RecordBatch) -> Fit {
    let columns = Columns::new(batch);
    let fits = gate.fits(&row);
    let conditions = gate.conditions(&row);
    let met = conditions.are_met(|field| columns.text(field, 0));
    let in_words = |one: &BTreeMap<String, Vec<String>>| {
        let fields: Vec<String> =
            one.iter().map(|(field, values)| format!("{field}: {}", values.join(" or "))).collect();
        fields.join(", ")
    };
    let asks = conditions.groups.iter().flatten().map(|one| in_words(one)).collect();
    Fit { fits, row, asks, met }
}

/// A part before it is answered.
struct Draft {
    kind: Kind,
    text: String,
    value: Option<String>,
    field: Option<String>,
    expr: Expr,
    parts: Vec<Draft>,
}

impl Draft {
    fn new(kind: Kind, text: String, expr: Expr, parts: Vec<Self>) -> Self {
        Self { kind, text, value: None, field: None, expr, parts }
    }
}

/// Compiles each part by itself.
#[derive(Default)]
struct Drafts {
    compiler: Compiler,
    options: LowerOptions,
}

impl Drafts {
    fn finish(self) -> Plan {
        self.compiler.finish()
    }

    fn conditions(
        &mut self,
        of: &Detections,
        named: &BTreeMap<&str, &IrDetection>,
    ) -> Result<Vec<Draft>, Reason> {
        let known: Vec<String> = named.keys().map(|name| (*name).to_owned()).collect();
        of.conditions.iter().map(|one| self.condition(one, &known, named)).collect()
    }

    fn condition(
        &mut self,
        condition: &ConditionExpr,
        known: &[String],
        named: &BTreeMap<&str, &IrDetection>,
    ) -> Result<Draft, Reason> {
        let lowered = lower_condition(condition, known).map_err(|error| error.to_string())?;
        let expr = self.compiler.condition(&lowered, named)?;
        let inner: &[ConditionExpr] = match condition {
            ConditionExpr::And(all) | ConditionExpr::Or(all) => all,
            ConditionExpr::Not(inner) => match inner.as_ref() {
                compound @ (ConditionExpr::And(_) | ConditionExpr::Or(_)) => std::slice::from_ref(compound),
                _ => &[],
            },
            ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => &[],
        };
        let parts =
            inner.iter().map(|one| self.condition(one, known, named)).collect::<Result<Vec<_>, _>>()?;
        let text = condition.to_string();
        let bare = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let text = bare.filter(|_| !inner.is_empty()).map_or_else(|| text.clone(), str::to_owned);
        Ok(Draft::new(Kind::Condition, text, expr, parts))
    }

    fn selections(&mut self, of: &Detections) -> Result<Vec<Draft>, Reason> {
        let named: BTreeMap<&String, &Detection> = of.named.iter().collect();
        named.into_iter().map(|(name, one)| self.detection(Kind::Selection, name, one)).collect()
    }

    fn detection(&mut self, kind: Kind, text: &str, of: &Detection) -> Result<Draft, Reason> {
        let lowered = lower_detection(of, &self.options).map_err(|error| error.to_string())?;
        let expr = self.compiler.detection(&lowered)?;
        let mut text = text.to_owned();
        let parts = match of {
            Detection::AllOf(items) => items.iter().map(|item| self.item(item)).collect(),
            Detection::And(all) => all.iter().map(|one| self.detection(Kind::Group, "all of", one)).collect(),
            Detection::AnyOf(any) => {
                text += if kind == Kind::Selection { ", any of" } else { ": any of" };
                any.iter().map(|one| self.detection(Kind::Group, "all of", one)).collect()
            }
            Detection::Keywords(values) => {
                values.iter().map(|value| self.keyword(value)).collect::<Result<Vec<_>, _>>()
            }
            Detection::Conditional { named, condition } => {
                text = format!("{text}: {condition}");
                let named: BTreeMap<&String, &Detection> = named.iter().collect();
                named.into_iter().map(|(name, one)| self.detection(Kind::Selection, name, one)).collect()
            }
            // The compiler refuses it above.
            Detection::ArrayMatch { .. } => Ok(Vec::new()),
        }?;
        Ok(Draft::new(kind, text, expr, parts))
    }

    fn keyword(&mut self, value: &SigmaValue) -> Result<Draft, Reason> {
        let alone = Detection::Keywords(vec![value.clone()]);
        let lowered = lower_detection(&alone, &self.options).map_err(|error| error.to_string())?;
        let expr = self.compiler.detection(&lowered)?;
        let draft = Draft::new(Kind::Item, "keyword".to_owned(), expr, Vec::new());
        Ok(Draft { value: Some(value.to_string()), ..draft })
    }

    fn item(&mut self, item: &DetectionItem) -> Result<Draft, Reason> {
        let lowered = lower_detection_item(item, &self.options).map_err(|error| error.to_string())?;
        let expr = self.compiler.item(&lowered)?;
        let mut draft = Draft::new(Kind::Item, written(item), expr, Vec::new());
        draft.field.clone_from(&item.field.name);
        match item.values.as_slice() {
            [value] => draft.value = Some(value.to_string()),
            values => {
                draft.parts = values.iter().map(|value| self.value(item, value)).collect::<Result<_, _>>()?;
            }
        }
        Ok(draft)
    }

    /// One of several values: asked alone, it needs no `|all`.
    fn value(&mut self, item: &DetectionItem, value: &SigmaValue) -> Result<Draft, Reason> {
        let mut alone = DetectionItem { field: item.field.clone(), values: vec![value.clone()] };
        alone.field.modifiers.retain(|modifier| *modifier != Modifier::All);
        let lowered = lower_detection_item(&alone, &self.options).map_err(|error| error.to_string())?;
        let expr = self.compiler.item(&lowered)?;
        let draft = Draft::new(Kind::Value, String::new(), expr, Vec::new());
        Ok(Draft { value: Some(value.to_string()), ..draft })
    }
}

/// A field with its modifiers as the rule writes them; `keywords` for no field.
fn written(item: &DetectionItem) -> String {
    let mut text = item.field.name.clone().unwrap_or_else(|| "keywords".to_owned());
    for modifier in &item.field.modifiers {
        // The parser writes a modifier as Sigma does.
        if let Ok(serde_json::Value::String(name)) = serde_json::to_value(modifier) {
            text = format!("{text}|{name}");
        }
    }
    text
}

/// All expressions of the drafts, each part before those that it consists of.
fn exprs<'d>(drafts: &'d [Draft], found: &mut Vec<&'d Expr>) {
    for draft in drafts {
        found.push(&draft.expr);
        exprs(&draft.parts, found);
    }
}

/// The drafts with the answers, which come in the order of [`exprs`].
fn answered(drafts: Vec<Draft>, columns: &Columns<'_>, answers: &mut dyn Iterator<Item = bool>) -> Vec<Part> {
    let values = |field: &String| columns.all(field, 0).iter().map(|value| cut(value)).collect();
    let part = |draft: Draft| Part {
        kind: draft.kind,
        text: draft.text,
        value: draft.value,
        holds: answers.next().unwrap_or_default(),
        row: draft.field.as_ref().map(values),
        parts: answered(draft.parts, columns, answers),
    };
    drafts.into_iter().map(part).collect()
}
