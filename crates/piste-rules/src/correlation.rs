//! Sigma correlations: what a set of rules means together.
//!
//! In: correlation rules as parsed, and a way to look up the rules they name. Out: [`Correlation`]s in the order in which
//! they can be computed (one that others refer to comes before them), names resolved to numbers and aliases to fields, or
//! the [`Reason`] why one cannot run. What holds in which window is the hunt's; this file knows no rows.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Level;
use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier,
    SelectorPattern, WindowMode,
};
use serde::{Deserialize, Serialize};

use crate::rule::{attack_of, status_word};

mod order;

pub use order::{Listed, resolve_all, silent};

/// Rules that one correlation may refer to, fields it may group by, steps of its condition.
const PARTS_MAX: usize = 256;
/// Alternatives that a condition over ordered rules may come to.
const ALTERNATIVES_MAX: usize = 64;
/// Depth of a condition.
const DEPTH_MAX: usize = 64;

/// One correlation, ready to be computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correlation {
    /// The correlation's UUID as written, else its title.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level; informational if it gives none.
    pub level: Level,
    /// Sigma's word; empty if it gives none.
    pub status: String,
    /// All tags as written.
    pub tags: Vec<String>,
    /// ATT&CK technique ids of the tags.
    pub attack: Vec<String>,
    /// ATT&CK tactics of the tags.
    pub tactics: Vec<String>,
    /// File, as the set's path was given.
    pub path: String,
    /// Line of its title in that file, from 1.
    pub line: u64,
    /// What is measured.
    pub kind: Kind,
    /// What it refers to, in the order of its `rules`.
    pub references: Vec<Reference>,
    /// What its events must share.
    pub group_by: Vec<GroupField>,
    /// Length of the window, nanoseconds.
    pub timespan: i64,
    /// What the measured value must meet, all of it. Empty where [`Self::condition`] or "all of the rules" decides.
    pub predicates: Vec<Predicate>,
    /// Whose values are measured; several make a tuple. Empty for kinds that measure none.
    pub values: Vec<GroupField>,
    /// Which percentile, 0 to 100.
    pub percentile: u8,
    /// A temporal correlation's own condition.
    pub condition: Option<Expression>,
    /// Whether what it refers to is shown on its own too.
    pub generate: bool,
}

/// The eight types of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// How many events.
    EventCount,
    /// How many distinct values of a field.
    ValueCount,
    /// All rules, in any order.
    Temporal,
    /// All rules, in the order given.
    TemporalOrdered,
    /// The sum of a field.
    ValueSum,
    /// The mean of a field.
    ValueAvg,
    /// A percentile of a field.
    ValuePercentile,
    /// The median of a field.
    ValueMedian,
}

impl Kind {
    /// Sigma's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
            Self::ValueSum => "value_sum",
            Self::ValueAvg => "value_avg",
            Self::ValuePercentile => "value_percentile",
            Self::ValueMedian => "value_median",
        }
    }

    /// Whether rules near each other are looked for, rather than something counted.
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }

    /// Whether a field is read as a number.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::ValueSum | Self::ValueAvg | Self::ValuePercentile | Self::ValueMedian)
    }
}

/// What a correlation refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reference {
    /// Index of a rule in the rule set.
    Rule(usize),
    /// Index of another correlation in the list of correlations.
    Correlation(usize),
}

/// A field by the name that the correlation uses, and where to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupField {
    /// The field's or alias's name as written.
    pub name: String,
    /// The field's name for each reference, in their order.
    pub fields: Vec<String>,
}

/// A comparison with the measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: u64,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

impl Predicate {
    /// Whether `value` meets it.
    #[expect(clippy::cast_precision_loss, reason = "thresholds are counts and sums far below 2^53")]
    pub fn holds(self, value: f64) -> bool {
        let limit = self.value as f64;
        match self.operator {
            Operator::Lt => value < limit,
            Operator::Lte => value <= limit,
            Operator::Gt => value > limit,
            Operator::Gte => value >= limit,
            Operator::Eq => value.total_cmp(&limit).is_eq(),
            Operator::Neq => value.total_cmp(&limit).is_ne(),
        }
    }
}

/// A condition over references, each by its index in [`Correlation::references`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expression {
    /// It occurs in the window.
    Occurs(usize),
    /// All of them.
    And(Vec<Expression>),
    /// At least so many of them.
    AtLeast(usize, Vec<Expression>),
    /// Not that.
    Not(Box<Expression>),
}

impl Expression {
    /// Whether it is true, where `occurs` tells which references do.
    pub fn holds(&self, occurs: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Occurs(reference) => occurs(*reference),
            Self::And(parts) => parts.iter().all(|part| part.holds(occurs)),
            Self::AtLeast(count, parts) => parts.iter().filter(|part| part.holds(occurs)).count() >= *count,
            Self::Not(part) => !part.holds(occurs),
        }
    }
}

/// One way to meet the condition of an ordered correlation.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alternative {
    /// References that must occur, in this order.
    pub steps: BTreeSet<usize>,
    /// References that must not.
    pub absent: BTreeSet<usize>,
}

impl Correlation {
    /// The ways in which an ordered correlation can be met: those references in order, and none of the others.
    /// Without a condition of its own that is all of them. Empty if it can never be met.
    pub fn alternatives(&self) -> Vec<Alternative> {
        let all = || Alternative { steps: (0..self.references.len()).collect(), absent: BTreeSet::new() };
        match &self.condition {
            None => vec![all()],
            Some(condition) => alternatives(condition, true).unwrap_or_default().into_iter().collect(),
        }
    }
}

/// The alternatives of `expression`, or of its contrary; `None` if they are too many.
fn alternatives(expression: &Expression, wanted: bool) -> Option<BTreeSet<Alternative>> {
    match expression {
        Expression::Occurs(reference) => {
            let one = BTreeSet::from([*reference]);
            let (steps, absent) = if wanted { (one, BTreeSet::new()) } else { (BTreeSet::new(), one) };
            Some(BTreeSet::from([Alternative { steps, absent }]))
        }
        Expression::Not(part) => alternatives(part, !wanted),
        Expression::And(parts) => at_least(if wanted { parts.len() } else { 1 }, parts, wanted),
        Expression::AtLeast(count, parts) if wanted => at_least(*count, parts, true),
        Expression::AtLeast(count, parts) => at_least((parts.len() + 1).saturating_sub(*count), parts, false),
    }
}

/// At least `count` of the parts, each as `wanted`.
fn at_least(count: usize, parts: &[Expression], wanted: bool) -> Option<BTreeSet<Alternative>> {
    // By how many of the parts seen so far are taken; more than `count` is `count`.
    let mut taken: Vec<BTreeSet<Alternative>> = vec![BTreeSet::new(); count + 1];
    taken.first_mut()?.insert(Alternative::default());
    for part in parts {
        let ways = alternatives(part, wanted)?;
        for number in (0..count).rev() {
            let before = taken.get(number)?.clone();
            for (one, other) in before.iter().flat_map(|one| ways.iter().map(move |other| (one, other))) {
                let both = Alternative {
                    steps: one.steps.union(&other.steps).copied().collect(),
                    absent: one.absent.union(&other.absent).copied().collect(),
                };
                if both.steps.is_disjoint(&both.absent) {
                    taken.get_mut(number + 1)?.insert(both);
                }
            }
            if taken.get(number + 1)?.len() > ALTERNATIVES_MAX {
                return None;
            }
        }
    }
    taken.pop()
}

/// Why a correlation cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable name: `rule-correlation-reference`, `rule-correlation-cycle`, `rule-correlation-invalid`,
    /// `rule-correlation-unsupported`.
    pub slug: &'static str,
    /// One line, without a final period.
    pub text: String,
}

impl Reason {
    fn invalid(text: impl Into<String>) -> Self {
        Self { slug: "rule-correlation-invalid", text: text.into() }
    }

    fn unsupported(text: impl Into<String>) -> Self {
        Self { slug: "rule-correlation-unsupported", text: text.into() }
    }

    fn reference(text: impl Into<String>) -> Self {
        Self { slug: "rule-correlation-reference", text: text.into() }
    }

    fn cycle(text: impl Into<String>) -> Self {
        Self { slug: "rule-correlation-cycle", text: text.into() }
    }
}

/// Resolves one correlation; `names` finds a rule or another correlation by its id or name.
///
/// # Errors
/// The [`Reason`] why it cannot run.
pub fn resolve(
    parsed: &CorrelationRule,
    path: &str,
    line: u64,
    names: &dyn Fn(&str) -> Option<Reference>,
) -> Result<Correlation, Reason> {
    if parsed.window != WindowMode::Sliding {
        return Err(Reason::unsupported(format!(
            "the window `{}` is an extension of another tool; the specification's slides",
            parsed.window.as_str()
        )));
    }
    let written = Written::new(parsed, names)?;
    let kind = kind_of(parsed.correlation_type);
    let condition = written.condition(kind)?;
    let (attack, tactics) = attack_of(&parsed.tags);
    let correlation = Correlation {
        id: parsed.id.clone().unwrap_or_else(|| parsed.title.clone()),
        title: parsed.title.clone(),
        level: parsed.level.and_then(|level| Level::parse(level.as_str())).unwrap_or(Level::Informational),
        status: status_word(parsed.status),
        tags: parsed.tags.clone(),
        attack,
        tactics,
        path: path.to_owned(),
        line,
        kind,
        group_by: written.fields(&parsed.group_by)?,
        timespan: nanos(parsed.timespan.seconds),
        predicates: condition.predicates,
        values: written.fields(&condition.values)?,
        percentile: condition.percentile,
        condition: condition.expression,
        generate: parsed.generate,
        references: written.references,
    };
    if kind == Kind::TemporalOrdered
        && let Some(condition) = &correlation.condition
        && alternatives(condition, true).is_none()
    {
        return Err(Reason::unsupported(format!(
            "its condition comes to more than {ALTERNATIVES_MAX} alternatives; split it into several correlations"
        )));
    }
    Ok(correlation)
}

fn nanos(seconds: u64) -> i64 {
    i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000_000_000)).unwrap_or(i64::MAX)
}

fn kind_of(kind: CorrelationType) -> Kind {
    match kind {
        CorrelationType::EventCount => Kind::EventCount,
        CorrelationType::ValueCount => Kind::ValueCount,
        CorrelationType::Temporal => Kind::Temporal,
        CorrelationType::TemporalOrdered => Kind::TemporalOrdered,
        CorrelationType::ValueSum => Kind::ValueSum,
        CorrelationType::ValueAvg => Kind::ValueAvg,
        CorrelationType::ValuePercentile => Kind::ValuePercentile,
        CorrelationType::ValueMedian => Kind::ValueMedian,
    }
}

/// What a correlation's `condition` comes to.
#[derive(Default)]
struct Condition {
    predicates: Vec<Predicate>,
    values: Vec<String>,
    percentile: u8,
    expression: Option<Expression>,
}

/// A correlation as written, with what its names refer to.
struct Written<'a> {
    parsed: &'a CorrelationRule,
    names: &'a dyn Fn(&str) -> Option<Reference>,
    references: Vec<Reference>,
}

impl<'a> Written<'a> {
    fn new(
        parsed: &'a CorrelationRule,
        names: &'a dyn Fn(&str) -> Option<Reference>,
    ) -> Result<Self, Reason> {
        if parsed.rules.is_empty() {
            return Err(Reason::invalid("it names no rules"));
        }
        if parsed.rules.len() > PARTS_MAX || parsed.group_by.len() > PARTS_MAX {
            return Err(Reason::unsupported(format!(
                "it has more than {PARTS_MAX} rules or group-by fields"
            )));
        }
        let mut references = Vec::new();
        for name in &parsed.rules {
            let reference = names(name).ok_or_else(|| {
                Reason::reference(format!("it refers to the rule `{name}`, and no rule has that id or name"))
            })?;
            if references.contains(&reference) {
                return Err(Reason::invalid(format!("it names the rule `{name}` twice")));
            }
            references.push(reference);
        }
        Ok(Self { parsed, names, references })
    }

    /// The index of a named rule among the references.
    fn index(&self, name: &str) -> Option<usize> {
        let reference = (self.names)(name)?;
        self.references.iter().position(|one| *one == reference)
    }

    /// Fields by name, each once, with aliases resolved for each reference.
    fn fields(&self, written: &[String]) -> Result<Vec<GroupField>, Reason> {
        let mut fields: Vec<GroupField> = Vec::new();
        for name in written {
            if fields.iter().any(|field| field.name == *name) {
                continue;
            }
            let alias = self.parsed.aliases.iter().find(|alias| alias.alias == *name);
            let Some(alias) = alias else {
                let fields_of = vec![name.clone(); self.references.len()];
                fields.push(GroupField { name: name.clone(), fields: fields_of });
                continue;
            };
            // A map of the parser without an order: sorted, so that of two names of one rule always the same wins.
            let mapping: BTreeMap<&String, &String> = alias.mapping.iter().collect();
            let mut by_reference: BTreeMap<usize, &String> = BTreeMap::new();
            for (rule, field) in mapping {
                if let Some(index) = self.index(rule) {
                    by_reference.entry(index).or_insert(field);
                }
            }
            let mut fields_of = Vec::new();
            for (index, rule) in self.parsed.rules.iter().enumerate() {
                let field = by_reference.get(&index).ok_or_else(|| {
                    Reason::invalid(format!("its alias `{name}` names no field for the rule `{rule}`"))
                })?;
                fields_of.push((*field).clone());
            }
            fields.push(GroupField { name: name.clone(), fields: fields_of });
        }
        Ok(fields)
    }

    fn condition(&self, kind: Kind) -> Result<Condition, Reason> {
        match &self.parsed.condition {
            CorrelationCondition::Extended(_) if !kind.is_temporal() => Err(Reason::invalid(format!(
                "a condition in words is for temporal correlations, and this one is `{}`",
                kind.as_str()
            ))),
            CorrelationCondition::Extended(condition) => {
                Ok(Condition { expression: Some(self.expression(condition, 0)?), ..Condition::default() })
            }
            CorrelationCondition::Threshold { predicates, field, percentile } => {
                let predicates = predicates
                    .iter()
                    .map(|(operator, value)| predicate(*operator, *value))
                    .collect::<Result<Vec<_>, _>>()?;
                let values = field.clone().unwrap_or_default();
                if kind.is_temporal() {
                    return self.temporal_count(kind, predicates, &values);
                }
                check_values(kind, &values)?;
                let percentile = percentile.unwrap_or(50);
                let percentile = u8::try_from(percentile).ok().filter(|percentile| *percentile <= 100);
                let percentile =
                    percentile.ok_or_else(|| Reason::invalid("its percentile is not between 0 and 100"))?;
                Ok(Condition { predicates, values, percentile, expression: None })
            }
        }
    }

    /// A count of different rules. `gte: 1` is what the parser gives where nothing is written: all of the rules.
    fn temporal_count(
        &self,
        kind: Kind,
        predicates: Vec<Predicate>,
        values: &[String],
    ) -> Result<Condition, Reason> {
        check_values(kind, values)?;
        let unwritten = Predicate { operator: Operator::Gte, value: 1 };
        if predicates == [unwritten] {
            return Ok(Condition::default());
        }
        if kind == Kind::Temporal {
            return Ok(Condition { predicates, ..Condition::default() });
        }
        let met = |count: &usize| {
            u32::try_from(*count).is_ok_and(|count| predicates.iter().all(|one| one.holds(f64::from(count))))
        };
        let all = self.references.len();
        if (0..=all).filter(met).eq([all]) {
            return Ok(Condition::default());
        }
        Err(Reason::unsupported(
            "an ordered correlation asks for all of its rules; which of them are meant by another count is not defined",
        ))
    }

    fn expression(&self, condition: &ConditionExpr, depth: usize) -> Result<Expression, Reason> {
        if depth > DEPTH_MAX {
            return Err(Reason::unsupported("its condition is nested too deeply"));
        }
        let all = |parts: &[ConditionExpr]| {
            if parts.len() > PARTS_MAX {
                return Err(Reason::unsupported(format!("its condition has more than {PARTS_MAX} parts")));
            }
            parts.iter().map(|part| self.expression(part, depth + 1)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match condition {
            ConditionExpr::And(parts) => Expression::And(all(parts)?),
            ConditionExpr::Or(parts) => Expression::AtLeast(1, all(parts)?),
            ConditionExpr::Not(part) => Expression::Not(Box::new(self.expression(part, depth + 1)?)),
            ConditionExpr::Identifier(name) => Expression::Occurs(self.index(name).ok_or_else(|| {
                Reason::reference(format!("its condition names `{name}`, which is not among its rules"))
            })?),
            ConditionExpr::Selector { quantifier, pattern } => self.selector(quantifier, pattern)?,
        })
    }

    /// `1 of recon_*`, `all of them`.
    fn selector(&self, quantifier: &Quantifier, pattern: &SelectorPattern) -> Result<Expression, Reason> {
        let names = self.parsed.rules.iter().enumerate();
        let parts: Vec<Expression> = names
            .filter(|(_, name)| match pattern {
                SelectorPattern::Them => true,
                SelectorPattern::Pattern(pattern) => fits(pattern, name),
            })
            .map(|(index, _)| Expression::Occurs(index))
            .collect();
        let count = match quantifier {
            Quantifier::Any => 1,
            Quantifier::All => parts.len(),
            Quantifier::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
        };
        if parts.is_empty() || count > parts.len() {
            return Err(Reason::invalid("its condition asks for more of its rules than there are"));
        }
        Ok(Expression::AtLeast(count, parts))
    }
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

fn check_values(kind: Kind, values: &[String]) -> Result<(), Reason> {
    let wants = match kind {
        Kind::ValueCount => 1..=PARTS_MAX,
        kind if kind.is_numeric() => 1..=1,
        _ => 0..=0,
    };
    if wants.contains(&values.len()) {
        return Ok(());
    }
    let kind = kind.as_str();
    Err(Reason::invalid(match (values.len(), wants.end()) {
        (_, 0) => format!("its condition gives a field, and `{kind}` measures none"),
        (0, _) => format!("its condition gives no field, and `{kind}` needs one"),
        _ => format!("its condition gives several fields, and `{kind}` measures one"),
    }))
}

fn predicate(operator: ConditionOperator, value: u64) -> Result<Predicate, Reason> {
    // The parser turns a negative number into one of the upper half.
    if value > u64::MAX / 2 {
        return Err(Reason::invalid("its condition compares with a negative number"));
    }
    let operator = match operator {
        ConditionOperator::Lt => Operator::Lt,
        ConditionOperator::Lte => Operator::Lte,
        ConditionOperator::Gt => Operator::Gt,
        ConditionOperator::Gte => Operator::Gte,
        ConditionOperator::Eq => Operator::Eq,
        ConditionOperator::Neq => Operator::Neq,
    };
    Ok(Predicate { operator, value })
}

#[cfg(test)]
mod tests;
