//! Pipelines applied step by step, and only as long as the rule stays small.
//!
//! In: pipelines and a rule. Out: the rule rewritten, or why it was not: a mapping with alternatives multiplies detections
//! and a replacement lengthens values, step after step, so that a page of YAML makes a rule of gigabytes. Before each step
//! the most that it can make of the rule is reckoned; the step is done only where that is within the limits. The steps
//! themselves are the engine's own.

use rsigma_eval::pipeline::{
    DetectionItemCondition, FieldNameCondition, Pipeline, PipelineState, Transformation, TransformationItem,
    eval_condition_expr,
};
use rsigma_parser::{CorrelationRule, Detection, DetectionItem, SigmaRule, SigmaValue};

/// The most detections that a rule may hold after any step.
pub const DETECTIONS_MAX: usize = 16_384;
/// The most bytes that its field names and values may take after any step.
pub const BYTES_MAX: usize = 4 << 20;
/// The most steps of all pipelines together, those inside `nest` counted in: each may nest a condition deeper.
pub const STEPS_MAX: usize = 1_000;
/// The most fields that a correlation may be grouped by after the pipelines.
pub const GROUP_BY_MAX: usize = 4_096;

/// What an item costs beside its texts, about.
const ITEM_BYTES: usize = 64;
/// What changing case can make of a text: one letter becomes three at most.
const CASE_GROWTH: usize = 3;

/// Applies all pipelines to a rule.
///
/// # Errors
/// What a step says that refuses the rule, or that a step would make it too large.
pub(crate) fn apply(pipelines: &[Pipeline], rule: &mut SigmaRule) -> Result<(), String> {
    let mut number = 0;
    for pipeline in pipelines {
        let mut state = PipelineState::new(pipeline.vars.clone());
        for item in &pipeline.transformations {
            number += 1;
            if !is_for(item, rule, &state) {
                continue;
            }
            state.reset_detection_item();
            let step = Step {
                transformation: &item.transformation,
                items: &item.detection_item_conditions,
                fields: &item.field_name_conditions,
                fields_not: item.field_name_cond_not,
            };
            if step.apply(number, rule, &mut state)?
                && let Some(id) = &item.id
            {
                state.mark_applied(id);
            }
        }
    }
    Ok(())
}

/// Steps, those inside `nest` counted in.
pub(crate) fn steps(items: &[TransformationItem]) -> usize {
    let of = |item: &TransformationItem| match &item.transformation {
        Transformation::Nest { items } => steps(items).saturating_add(1),
        _ => 1,
    };
    items.iter().map(of).fold(0, usize::saturating_add)
}

/// The most fields that a correlation is grouped by after all pipelines: each step may give every one its alternatives.
pub(crate) fn group_by_after(pipelines: &[Pipeline], rule: &CorrelationRule) -> usize {
    let steps = pipelines.iter().flat_map(|pipeline| &pipeline.transformations);
    steps.fold(rule.group_by.len(), |fields, item| match &item.transformation {
        Transformation::FieldNameMapping { mapping } => {
            let widest = mapping.values().map(Vec::len).max().unwrap_or(1);
            fields.saturating_mul(widest.max(1))
        }
        _ => fields,
    })
}

/// Whether the rule meets a step's conditions, by the engine's own reading of them.
fn is_for(item: &TransformationItem, rule: &SigmaRule, state: &PipelineState) -> bool {
    let Some(expression) = &item.rule_cond_expr else {
        return item.rule_conditions.iter().all(|one| one.condition.matches_rule(rule, state));
    };
    if item.rule_conditions.is_empty() {
        return true;
    }
    let of = item.rule_conditions.iter().enumerate().map(|(at, one)| {
        let id = one.id.clone().unwrap_or_else(|| format!("cond_{at}"));
        (id, one.condition.matches_rule(rule, state))
    });
    eval_condition_expr(expression, &of.collect())
}

/// One step with the conditions that hold for it.
struct Step<'a> {
    transformation: &'a Transformation,
    items: &'a [DetectionItemCondition],
    fields: &'a [FieldNameCondition],
    fields_not: bool,
}

impl Step<'_> {
    /// Does the step, if the rule stays small; answers whether it counts as applied.
    fn apply(&self, number: usize, rule: &mut SigmaRule, state: &mut PipelineState) -> Result<bool, String> {
        if let Transformation::Nest { items } = self.transformation {
            for item in items {
                self.nested(item, number, rule, state)?;
            }
            return Ok(true);
        }
        let most = most_after(self.transformation, rule);
        if most.detections > DETECTIONS_MAX {
            return Err(format!("step {number} would make over {DETECTIONS_MAX} detections of it"));
        }
        if most.bytes > BYTES_MAX {
            return Err(format!("step {number} could make its texts longer than {BYTES_MAX} bytes"));
        }
        self.transformation
            .apply(rule, state, self.items, self.fields, self.fields_not)
            .map_err(|error| error.to_string())
    }

    /// A step inside `nest`: the outer step's conditions hold for it too.
    fn nested(
        &self,
        item: &TransformationItem,
        number: usize,
        rule: &mut SigmaRule,
        state: &mut PipelineState,
    ) -> Result<(), String> {
        if !item.rule_conditions.iter().all(|one| one.condition.matches_rule(rule, state)) {
            return Ok(());
        }
        let items = [self.items, &item.detection_item_conditions].concat();
        let fields = [self.fields, &item.field_name_conditions].concat();
        let step = Step {
            transformation: &item.transformation,
            items: &items,
            fields: &fields,
            fields_not: item.field_name_cond_not || self.fields_not,
        };
        step.apply(number, rule, state)?;
        if let Some(id) = &item.id {
            state.mark_applied(id);
        }
        Ok(())
    }
}

/// How large a rule is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    detections: usize,
    items: usize,
    values: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.detections = self.detections.saturating_add(other.detections);
        self.items = self.items.saturating_add(other.items);
        self.values = self.values.saturating_add(other.values);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    fn times(self, many: usize) -> Self {
        Self {
            detections: self.detections.saturating_mul(many),
            items: self.items.saturating_mul(many),
            values: self.values.saturating_mul(many),
            bytes: self.bytes.saturating_mul(many),
        }
    }

    fn more_bytes(mut self, each: usize, many: usize) -> Self {
        self.bytes = self.bytes.saturating_add(each.saturating_mul(many));
        self
    }
}

/// The most that a step can make of a rule.
fn most_after(transformation: &Transformation, rule: &SigmaRule) -> Size {
    let plain = size_of(rule, &|_| None, &str::len);
    let longest = |texts: &mut dyn Iterator<Item = &String>| texts.map(String::len).max().unwrap_or(0);
    match transformation {
        Transformation::FieldNameMapping { mapping } => {
            let alternatives = |name: &str| {
                let names = mapping.get(name)?;
                Some((names.len().max(1), longest(&mut names.iter())))
            };
            size_of(rule, &alternatives, &str::len)
        }
        Transformation::ReplaceString { replacement, .. } => {
            // Each place between two letters may match; what a reference repeats lies in matches that do not overlap.
            let (literal, references) = (replacement.len(), replacement.matches('$').count());
            let after = |text: &str| {
                let grown = text.len().saturating_add(1).saturating_mul(literal);
                grown.saturating_add(text.len().saturating_mul(references + 1))
            };
            size_of(rule, &|_| None, &after)
        }
        Transformation::MapString { mapping } => {
            let widest = mapping.values().map(Vec::len).max().unwrap_or(0);
            let long = mapping.values().map(|to| longest(&mut to.iter())).max().unwrap_or(0);
            plain.more_bytes(widest.saturating_mul(long.saturating_add(ITEM_BYTES)), plain.values)
        }
        Transformation::SetValue { value } => plain.more_bytes(text_bytes(value, &str::len), plain.values),
        Transformation::FieldNamePrefix { prefix: more }
        | Transformation::FieldNameSuffix { suffix: more } => plain.more_bytes(more.len(), plain.items),
        Transformation::FieldNamePrefixMapping { mapping } => {
            plain.more_bytes(longest(&mut mapping.values()), plain.items)
        }
        Transformation::FieldNameTransform { mapping, .. } => {
            plain.more_bytes(longest(&mut mapping.values()), plain.items).times(CASE_GROWTH)
        }
        Transformation::CaseTransformation { .. } => Size { bytes: plain.times(CASE_GROWTH).bytes, ..plain },
        Transformation::HashesFields { field_prefix, .. } => Size { bytes: plain.times(2).bytes, ..plain }
            .more_bytes(field_prefix.len() + ITEM_BYTES, plain.values),
        Transformation::AddCondition { conditions, field_refs, .. } => {
            let of_values = |values: &Vec<SigmaValue>| size_of_values(values, &str::len).bytes;
            let added = conditions.iter().map(|(field, values)| field.len() + ITEM_BYTES + of_values(values));
            let compared = field_refs.iter().map(|(field, to)| field.len() + to.len() + ITEM_BYTES);
            let bytes = added.chain(compared).fold(0, usize::saturating_add);
            let mut more = Size { detections: 1, bytes, ..Size::default() };
            more.add(plain);
            more
        }
        _ => plain,
    }
}

/// How many names a field gets, and the length of the longest; `None` where it keeps its own.
type Alternatives<'a> = &'a dyn Fn(&str) -> Option<(usize, usize)>;
/// How long a text becomes.
type Length<'a> = &'a dyn Fn(&str) -> usize;

fn size_of(rule: &SigmaRule, alternatives: Alternatives<'_>, length: Length<'_>) -> Size {
    sum(rule.detection.named.values().map(|one| size_of_detection(one, alternatives, length)))
}

fn sum(sizes: impl Iterator<Item = Size>) -> Size {
    sizes.fold(Size::default(), |mut all, one| {
        all.add(one);
        all
    })
}

fn size_of_detection(detection: &Detection, alternatives: Alternatives<'_>, length: Length<'_>) -> Size {
    let inner = |one: &Detection| size_of_detection(one, alternatives, length);
    let mut size = match detection {
        Detection::AllOf(items) => return size_of_items(items, alternatives, length),
        Detection::AnyOf(list) | Detection::And(list) => sum(list.iter().map(inner)),
        Detection::ArrayMatch { body, field, .. } => inner(body).more_bytes(field.len(), 1),
        Detection::Conditional { named, .. } => sum(named.values().map(inner)),
        Detection::Keywords(values) => size_of_values(values, length),
    };
    size.detections = size.detections.saturating_add(1);
    size
}

/// Of items that all must hold: where fields have alternatives, every choice of them becomes a detection of its own.
fn size_of_items(items: &[DetectionItem], alternatives: Alternatives<'_>, length: Length<'_>) -> Size {
    let mut one = Size { detections: 1, ..Size::default() };
    let mut choices: usize = 1;
    for item in items {
        let name = item.field.name.as_deref().unwrap_or_default();
        let (many, longest) = alternatives(name).unwrap_or((1, 0));
        choices = choices.saturating_mul(many);
        one.add(size_of_values(&item.values, length));
        one.items += 1;
        one = one.more_bytes(name.len().max(longest) + ITEM_BYTES, 1);
    }
    one.times(choices)
}

fn size_of_values(values: &[SigmaValue], length: Length<'_>) -> Size {
    let bytes = values.iter().map(|value| text_bytes(value, length).saturating_add(ITEM_BYTES));
    Size { values: values.len(), bytes: bytes.fold(0, usize::saturating_add), ..Size::default() }
}

fn text_bytes(value: &SigmaValue, length: Length<'_>) -> usize {
    match value {
        SigmaValue::String(text) => length(&text.original),
        _ => 0,
    }
}
