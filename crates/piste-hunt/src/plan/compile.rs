//! Lowered rules to a plan.
//!
//! In: rules as `rsigma-ir` lowers them. Out: the plan, in which equal tests of a field are one, and for each rule that
//! cannot be expressed the reason. What a rule means is decided here, by the words of the Sigma specification: see
//! `docs/decisions/0005-plan.md` for where `rsigma-eval` answers otherwise.

use std::collections::BTreeMap;

use rsigma_ir::{
    IrCondition, IrDetection, IrDetectionItem, IrExpandPart, IrMatcher, IrNumber, IrRule, IrTimePart,
};
use rsigma_parser::{Quantifier, SelectorPattern};

use super::pattern::{Asked, op_of, pattern, text};
use super::weight::{share, wake};
use super::{Expr, Field, Leaf, Number, Op, Order, Plan, RulePlan, Test, TimePart, encode::encode};

/// Why a rule has no plan.
pub type Reason = String;

/// Texts that the encodings of one rule's values may come to: five dashes alone make 3,125 of one value.
const ENCODED_MAX: usize = 10_000;
/// Such texts of a whole set: SigmaHQ's rules make some thousands.
const ENCODED_SET_MAX: usize = 200_000;

/// Collects rules into a plan.
#[derive(Debug, Default)]
pub struct Compiler {
    plan: Plan,
    fields: BTreeMap<String, u32>,
    /// Test of a field, or of keywords (no field), to its leaf.
    leaves: BTreeMap<(Option<u32>, Test), Leaf>,
    /// Encoded texts of the rule at hand.
    encoded: usize,
    /// And of all rules so far, those that were refused too.
    encoded_in_set: usize,
}

impl Compiler {
    /// Adds one rule. One that cannot be expressed takes its place as a rule that matches nothing, and the reason is
    /// returned.
    pub fn add(&mut self, rule: &IrRule) -> Option<Reason> {
        self.encoded = 0;
        let (expr, reason) = match self.rule(rule) {
            Ok(expr) => (Some(expr), None),
            Err(reason) => (None, Some(reason)),
        };
        let rule = expr.map(|matches| RulePlan { wake: wake(&matches, &self.plan), matches });
        self.plan.rules.push(rule);
        reason
    }

    /// Adds a place without a rule.
    pub fn add_none(&mut self) {
        self.plan.rules.push(None);
    }

    /// The plan of all rules so far.
    pub fn finish(self) -> Plan {
        self.plan
    }

    fn rule(&mut self, rule: &IrRule) -> Result<Expr, Reason> {
        let named: BTreeMap<&str, &IrDetection> =
            rule.detections.iter().map(|(name, detection)| (name.as_str(), detection)).collect();
        let any =
            rule.conditions.iter().map(|one| self.condition(one, &named)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::or(any))
    }

    /// When a condition over named detections holds.
    pub(crate) fn condition(
        &mut self,
        condition: &IrCondition,
        named: &BTreeMap<&str, &IrDetection>,
    ) -> Result<Expr, Reason> {
        match condition {
            IrCondition::Detection(name) => match named.get(name.as_str()) {
                Some(detection) => self.detection(detection),
                None => Err(format!("the condition names `{name}`, which is not defined")),
            },
            IrCondition::And(all) => {
                let all = all.iter().map(|one| self.condition(one, named)).collect::<Result<_, _>>()?;
                Ok(self.and(all))
            }
            IrCondition::Or(any) => {
                let any = any.iter().map(|one| self.condition(one, named)).collect::<Result<_, _>>()?;
                Ok(Self::or(any))
            }
            IrCondition::Not(inner) => Ok(Expr::Not(Box::new(self.condition(inner, named)?))),
            IrCondition::Selector { quantifier, pattern } => self.selector(quantifier, pattern, named),
        }
    }

    fn selector(
        &mut self,
        quantifier: &Quantifier,
        pattern: &SelectorPattern,
        named: &BTreeMap<&str, &IrDetection>,
    ) -> Result<Expr, Reason> {
        let chosen = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
        let each = chosen.map(|(_, one)| self.detection(one)).collect::<Result<Vec<_>, _>>()?;
        if each.is_empty() {
            return Err(format!("`{quantifier} of {pattern}` names no search identifier"));
        }
        Ok(match quantifier {
            Quantifier::Any => Self::or(each),
            Quantifier::All => self.and(each),
            Quantifier::Count(number) => Expr::AtLeast(*number, each),
        })
    }

    /// When a detection holds.
    pub(crate) fn detection(&mut self, detection: &IrDetection) -> Result<Expr, Reason> {
        match detection {
            IrDetection::AllOf(items) => {
                let all = items.iter().map(|one| self.item(one)).collect::<Result<_, _>>()?;
                Ok(self.and(all))
            }
            IrDetection::And(all) => {
                let all = all.iter().map(|one| self.detection(one)).collect::<Result<_, _>>()?;
                Ok(self.and(all))
            }
            IrDetection::AnyOf(any) => {
                let any = any.iter().map(|one| self.detection(one)).collect::<Result<_, _>>()?;
                Ok(Self::or(any))
            }
            IrDetection::Keywords(matcher) => self.matcher(None, matcher),
            IrDetection::Conditional { named, condition } => {
                let named = named.iter().map(|(name, one)| (name.as_str(), one)).collect();
                self.condition(condition, &named)
            }
            IrDetection::ArrayMatch { field, .. } => {
                Err(format!("it asks for the members of `{field}[]`; rows of logs have no nested lists"))
            }
        }
    }

    /// When an item of a detection holds.
    pub(crate) fn item(&mut self, item: &IrDetectionItem) -> Result<Expr, Reason> {
        let field = item.field.as_deref().map(|name| self.field(name)).transpose()?;
        match (field, item.exists) {
            (Some(field), Some(true)) => Ok(Expr::Present(field)),
            (Some(field), Some(false)) => Ok(Expr::Not(Box::new(Expr::Present(field)))),
            (None, Some(_)) => Err("`exists` needs a field".to_owned()),
            (field, None) => self.matcher(field, &item.matcher),
        }
    }

    fn matcher(&mut self, field: Option<u32>, matcher: &IrMatcher) -> Result<Expr, Reason> {
        // A keyword is looked for inside the event's texts, whatever its form.
        let op_in = |op| if field.is_none() && op == Op::Exact { Op::Contains } else { op };
        let number = |this: &mut Self, order, number: &IrNumber| {
            let test = match (field, number) {
                (None, IrNumber::Literal(value)) => Test::Text(Op::Contains, value.to_string(), false),
                (_, number) => Test::Number(order, literal(number)?),
            };
            Ok(this.leaf(field, test))
        };
        match matcher {
            IrMatcher::Str { op, pattern: given, case_insensitive } => {
                self.asked(field, pattern(op_in(op_of(*op)), given, !case_insensitive))
            }
            IrMatcher::Encoded { encodings, op, value, case_insensitive } => {
                let (op, texts) = encode(value, encodings, op_in(op_of(*op)))?;
                self.encoded += texts.len();
                self.encoded_in_set += texts.len();
                if self.encoded_in_set > ENCODED_SET_MAX {
                    return Err(format!(
                        "the encoding modifiers of the set's rules make over {ENCODED_SET_MAX} texts together; hunt with fewer of them at once"
                    ));
                }
                if self.encoded > ENCODED_MAX {
                    return Err(format!(
                        "its encoding modifiers make over {ENCODED_MAX} texts; split the rule into several"
                    ));
                }
                let each = texts.iter().map(|one| self.asked(field, text(op, one, !case_insensitive)));
                let each = each.collect::<Result<_, _>>()?;
                Ok(Self::or(each))
            }
            IrMatcher::Regex { pattern, case_insensitive, multiline, dotall, cased: _ } => {
                let flags = [(*case_insensitive, 'i'), (*multiline, 'm'), (*dotall, 's')];
                let flags: String = flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect();
                let prefix = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
                Ok(self.leaf(field, Test::Regex(format!("{prefix}{pattern}"))))
            }
            IrMatcher::Cidr { network } => {
                network.parse::<ipnet::IpNet>().map_err(|error| format!("`{network}`: {error}"))?;
                Ok(self.leaf(field, Test::Network(network.clone())))
            }
            IrMatcher::NumericEq(value) => number(self, Order::Equal, value),
            IrMatcher::NumericGt(value) => number(self, Order::Greater, value),
            IrMatcher::NumericGte(value) => number(self, Order::AtLeast, value),
            IrMatcher::NumericLt(value) => number(self, Order::Less, value),
            IrMatcher::NumericLte(value) => number(self, Order::AtMost, value),
            IrMatcher::Not(inner) => {
                let not = Expr::Not(Box::new(self.matcher(field, inner)?));
                Ok(match field {
                    // A row without the field has no value that could differ.
                    Some(field) => self.and(vec![Expr::Present(field), not]),
                    None => not,
                })
            }
            IrMatcher::AnyOf(any) => {
                let any = any.iter().map(|one| self.matcher(field, one)).collect::<Result<_, _>>()?;
                Ok(Self::or(any))
            }
            IrMatcher::AllOf(all) => {
                let all = all.iter().map(|one| self.matcher(field, one)).collect::<Result<_, _>>()?;
                Ok(self.and(all))
            }
            other => self.special(field, other),
        }
    }

    /// What is asked of a field and never of keywords.
    fn special(&mut self, field: Option<u32>, matcher: &IrMatcher) -> Result<Expr, Reason> {
        if let (None, IrMatcher::BoolEq(flag)) = (field, matcher) {
            return Ok(self.leaf(None, Test::Text(Op::Contains, flag.to_string(), false)));
        }
        let field = field.ok_or("a keyword cannot be null, a reference or part of a time")?;
        match matcher {
            IrMatcher::Exists(true) => Ok(Expr::Present(field)),
            IrMatcher::Exists(false) | IrMatcher::Null => Ok(Expr::Not(Box::new(Expr::Present(field)))),
            IrMatcher::BoolEq(flag) => Ok(self.leaf(Some(field), Test::Flag(*flag))),
            IrMatcher::FieldRef { field: other, op, case_insensitive } => {
                let other = self.field(other)?;
                Ok(Expr::Same { field, other, op: op_of(*op), cased: !case_insensitive })
            }
            IrMatcher::Expand { template, case_insensitive } => {
                let mut whole = String::new();
                for part in template {
                    match part {
                        IrExpandPart::Literal(text) => whole += text,
                        IrExpandPart::Placeholder(name) => {
                            return Err(format!("the placeholder `%{name}%` has no values"));
                        }
                    }
                }
                self.asked(Some(field), text(Op::Exact, &whole, !case_insensitive))
            }
            IrMatcher::TimestampPart { part, inner } => match inner.as_ref() {
                IrMatcher::NumericEq(value) => {
                    Ok(self.leaf(Some(field), Test::Time(time_part(*part), literal(value)?)))
                }
                _ => Err("a part of a time is compared with a number".to_owned()),
            },
            _ => Err("it asks something that this version does not know".to_owned()),
        }
    }

    fn asked(&mut self, field: Option<u32>, asked: Asked) -> Result<Expr, Reason> {
        match (asked, field) {
            (Asked::Test(test), field) => Ok(self.leaf(field, test)),
            (Asked::AnyValue, Some(field)) => Ok(Expr::Present(field)),
            (Asked::AnyValue, None) => {
                Err("a keyword of nothing but wildcards matches everything".to_owned())
            }
        }
    }

    fn field(&mut self, name: &str) -> Result<u32, Reason> {
        if let Some(&at) = self.fields.get(name) {
            return Ok(at);
        }
        let at = u32::try_from(self.plan.fields.len()).map_err(|_| "too many fields".to_owned())?;
        self.fields.insert(name.to_owned(), at);
        self.plan.fields.push(Field { name: name.to_owned(), tests: Vec::new() });
        Ok(at)
    }

    fn leaf(&mut self, field: Option<u32>, test: Test) -> Expr {
        let key = (field, test);
        if let Some(leaf) = self.leaves.get(&key) {
            return Expr::Holds(*leaf);
        }
        let tests = match field {
            Some(field) => match self.plan.fields.get_mut(super::weight::index(field)) {
                Some(field) => &mut field.tests,
                None => return Expr::Or(Vec::new()), // fields are made before their tests
            },
            None => &mut self.plan.keywords,
        };
        let at = u32::try_from(tests.len()).unwrap_or(u32::MAX); // rule files are bounded far below
        tests.push(key.1.clone());
        let leaf = field.map_or(Leaf::Keyword(at), |field| Leaf::Field(field, at));
        self.leaves.insert(key, leaf);
        Expr::Holds(leaf)
    }

    /// All of them: one alone stands for itself, nested lists are joined, the rarest is tried first.
    fn and(&self, all: Vec<Expr>) -> Expr {
        let mut flat = Vec::new();
        for one in all {
            match one {
                Expr::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 {
            return flat.pop().unwrap_or(Expr::And(Vec::new()));
        }
        flat.sort_by(|a, b| self.expected(a).total_cmp(&self.expected(b)));
        Expr::And(flat)
    }

    fn or(any: Vec<Expr>) -> Expr {
        let mut flat = Vec::new();
        for one in any {
            match one {
                Expr::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 {
            return flat.pop().unwrap_or(Expr::Or(Vec::new()));
        }
        Expr::Or(flat)
    }

    /// The share of rows that an expression leaves, guessed: only the order of trying hangs on it.
    fn expected(&self, expr: &Expr) -> f64 {
        match expr {
            Expr::Holds(leaf) => share(*leaf, &self.plan),
            Expr::Present(_) => 0.9,
            Expr::Same { .. } => 0.95, // compared row by row: last but for what is inverted
            Expr::And(all) => all.iter().map(|one| self.expected(one)).fold(0.9, f64::min),
            Expr::Or(any) | Expr::AtLeast(_, any) => {
                any.iter().map(|one| self.expected(one)).sum::<f64>().min(0.94)
            }
            Expr::Not(_) => 1.0,
        }
    }
}

fn literal(number: &IrNumber) -> Result<Number, Reason> {
    match number {
        IrNumber::Literal(value) if value.is_finite() => Ok(Number(*value)),
        IrNumber::Literal(value) => Err(format!("`{value}` is no number to compare with")),
        IrNumber::DynamicSourceRef { source_id, .. } => {
            Err(format!("the number is to come from `{source_id}`, which is not here"))
        }
    }
}

fn time_part(part: IrTimePart) -> TimePart {
    match part {
        IrTimePart::Minute => TimePart::Minute,
        IrTimePart::Hour => TimePart::Hour,
        IrTimePart::Day => TimePart::Day,
        IrTimePart::Week => TimePart::Week,
        IrTimePart::Month => TimePart::Month,
        IrTimePart::Year => TimePart::Year,
    }
}
