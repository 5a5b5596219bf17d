//! Processing pipelines in pySigma's YAML: field names, log sources and values rewritten before a rule is hunted with.
//!
//! In: pipeline files. Out: the pipelines in the order of their priority, to apply to rules and correlations. What the
//! engine behind would pass over without a word is refused here: a step half done is a hunt that silently misses.

use std::path::PathBuf;

use piste_model::guard::guarded;
use piste_model::hash::sha256_hex;
use rsigma_eval::pipeline::{
    Pipeline, Transformation, apply_pipelines_to_correlation, merge_pipelines, parse_pipeline,
};
use rsigma_parser::{CorrelationRule, Detection, SigmaRule};
use yaml_serde::{Mapping, Value};

use crate::check::Fault;
use crate::documents::split;
use crate::error::RuleError;
use crate::placeholders::Placeholders;
use crate::{files, filters, growth};

/// The most alternatives that one field may be mapped to.
const MAX_ALTERNATIVES: usize = 16;

/// Keys of a pipeline, besides its steps, that change no rule.
const OUTER: [&str; 8] =
    ["name", "priority", "description", "author", "vars", "transformations", "allowed_backends", "version"];

/// Pipelines in the order in which they run.
#[derive(Debug, Default)]
pub(crate) struct Pipelines {
    list: Vec<Pipeline>,
    /// SHA-256 of each file, in that order.
    pub(crate) hashes: Vec<String>,
}

impl Pipelines {
    /// Reads pipeline files; the variables of those that fill placeholders go to `placeholders`.
    ///
    /// # Errors
    /// [`RuleError::Pipeline`] for a file that is none, and for a step that would not be done as it is meant.
    pub(crate) fn read(paths: &[PathBuf], placeholders: &mut Placeholders) -> Result<Self, RuleError> {
        let mut found = Vec::new();
        let mut this = Self::default();
        for path in paths {
            let fault = |reason| RuleError::Pipeline { path: path.clone(), reason };
            let text = files::read(path).map_err(fault)?;
            let value = refuse_unknown(&text).map_err(fault)?;
            refuse_alternatives(&value).map_err(fault)?;
            let parsed = guarded(|| parse_pipeline(&text));
            let mut pipeline = match parsed {
                Ok(Ok(pipeline)) => pipeline,
                Ok(Err(error)) => return Err(fault(plain(&error.to_string()))),
                Err(_) => return Err(fault("its reader failed on it".to_owned())),
            };
            if pipeline.is_dynamic() {
                return Err(fault(
                    "`${source...}` asks for data from elsewhere, which Piste does not fetch".into(),
                ));
            }
            take_placeholders(&mut pipeline, &value, placeholders).map_err(fault)?;
            found.push((pipeline.priority, sha256_hex(text.as_bytes()), pipeline));
        }
        found.sort_by_key(|(priority, ..)| *priority); // equal priorities in the order given
        for (_, hash, pipeline) in found {
            this.hashes.push(hash);
            this.list.push(pipeline);
        }
        merge_pipelines(&mut this.list);
        let steps =
            this.list.iter().map(|one| growth::steps(&one.transformations)).fold(0, usize::saturating_add);
        if steps > growth::STEPS_MAX {
            let path = paths.first().cloned().unwrap_or_default();
            let reason = format!("the pipelines have {steps} steps together, over {}", growth::STEPS_MAX);
            return Err(RuleError::Pipeline { path, reason });
        }
        Ok(this)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Applies all to a rule.
    ///
    /// # Errors
    /// A [`Fault`] if a step refuses the rule, or would blow it up.
    pub(crate) fn apply(&self, rule: &mut SigmaRule) -> Result<(), Fault> {
        // A step may add a detection, which the rule's own `1 of *` must not catch.
        filters::detach(&mut rule.detection);
        let empty = |rule: &SigmaRule| rule.detection.named.values().filter(|&one| is_empty(one)).count();
        let before = empty(rule);
        told(|| growth::apply(&self.list, rule))?;
        if empty(rule) > before {
            let reason = "a pipeline drops all that one of its selections asks for";
            return Err(Fault::new("rule-pipeline", reason));
        }
        Ok(())
    }

    /// Applies all to a correlation: its group-by, aliases and counted fields.
    ///
    /// # Errors
    /// As [`Pipelines::apply`].
    pub(crate) fn apply_to_correlation(&self, rule: &mut CorrelationRule) -> Result<(), Fault> {
        if growth::group_by_after(&self.list, rule) > growth::GROUP_BY_MAX {
            let reason =
                format!("the alternatives of its group-by could become over {} fields", growth::GROUP_BY_MAX);
            return Err(Fault::new("rule-pipeline", reason));
        }
        told(|| {
            apply_pipelines_to_correlation(&self.list, rule).map(|_| ()).map_err(|error| error.to_string())
        })
    }
}

/// Refuses mappings to nothing or to too much, in nested steps too.
fn refuse_alternatives(value: &Value) -> Result<(), String> {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Mapping(map) => {
                if let Some(Value::Mapping(mapping)) = map.get("mapping") {
                    refuse_mapping(mapping)?;
                }
                open.extend(map.iter().map(|(_, one)| one));
            }
            Value::Sequence(list) => open.extend(list),
            _ => {}
        }
    }
    Ok(())
}

fn refuse_mapping(mapping: &Mapping) -> Result<(), String> {
    for (field, to) in mapping {
        let Value::Sequence(list) = to else { continue };
        let field = field.as_str().unwrap_or_default();
        if list.len() > MAX_ALTERNATIVES {
            return Err(format!(
                "`{field}` is mapped to {} alternatives, over {MAX_ALTERNATIVES}",
                list.len()
            ));
        }
        if list.is_empty() {
            return Err(format!("`{field}` is mapped to nothing"));
        }
    }
    Ok(())
}

fn is_empty(detection: &Detection) -> bool {
    match detection {
        Detection::AllOf(items) => items.is_empty(),
        Detection::AnyOf(list) | Detection::And(list) => list.is_empty() || list.iter().any(is_empty),
        _ => false,
    }
}

/// Takes the steps that fill placeholders out of the pipeline: the code behind would fill `%TEMP%` in every value, whether
/// the rule says `expand` or not. Ours does not, and runs last.
fn take_placeholders(
    pipeline: &mut Pipeline,
    value: &Value,
    placeholders: &mut Placeholders,
) -> Result<(), String> {
    for item in &pipeline.transformations {
        match item.transformation {
            Transformation::ValuePlaceholders => {
                if let Some(vars) = value.get("vars") {
                    placeholders.add_yaml(vars)?;
                }
            }
            Transformation::WildcardPlaceholders => placeholders.any_if_unknown = true,
            _ => continue,
        }
        if !item.rule_conditions.is_empty() {
            return Err("Piste fills placeholders in all rules, not by `rule_conditions`".to_owned());
        }
    }
    pipeline.transformations.retain(|item| {
        !matches!(
            item.transformation,
            Transformation::ValuePlaceholders | Transformation::WildcardPlaceholders
        )
    });
    Ok(())
}

/// Runs another's code; a panic there costs the rule and not the hunt.
fn told(work: impl FnOnce() -> Result<(), String>) -> Result<(), Fault> {
    match guarded(work) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(Fault::new("rule-pipeline", plain(&reason))),
        Err(_) => Err(Fault::new("rule-pipeline", "a pipeline failed on it")),
    }
}

/// One line, without the wrapping words of the code behind.
fn plain(message: &str) -> String {
    let message = message.trim_start_matches("invalid modifier combination: ");
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(400).collect()
}

/// What a step may say. Keys that are not listed would be passed over by the code behind.
struct Step {
    kind: &'static str,
    keys: &'static [&'static str],
    /// Whether `detection_item_conditions` count for it.
    items: bool,
    /// Whether `field_name_conditions` count for it.
    fields: bool,
}

const fn step(kind: &'static str, keys: &'static [&'static str], items: bool, fields: bool) -> Step {
    Step { kind, keys, items, fields }
}

/// The steps that are done as they are meant. Not among them: `regex`, `query_expression_placeholders` and includes, which
/// the code behind accepts and does not do.
const STEPS: [Step; 23] = [
    step("field_name_mapping", &["mapping"], false, true),
    step("field_name_prefix_mapping", &["mapping"], false, true),
    step("field_name_prefix", &["prefix"], false, true),
    step("field_name_suffix", &["suffix"], false, true),
    step("field_name_transform", &["transform_func", "mapping"], false, true),
    step("drop_detection_item", &[], true, true),
    step("add_condition", &["conditions", "negated"], false, false),
    step("change_logsource", &["category", "product", "service"], false, false),
    step("replace_string", &["regex", "replacement", "skip_special"], true, true),
    step("value_placeholders", &[], false, false),
    step("wildcard_placeholders", &[], false, false),
    step("set_state", &["key", "value", "val"], false, false),
    step("rule_failure", &["message"], false, false),
    step("detection_item_failure", &["message"], true, false),
    step("hashes_fields", &["valid_hash_algos", "field_prefix", "drop_algo_prefix"], false, false),
    step("map_string", &["mapping"], true, true),
    step("set_value", &["value"], true, true),
    step("convert_type", &["target_type"], true, true),
    step("add_field", &["field"], false, false),
    step("remove_field", &["field"], false, false),
    step("set_field", &["fields"], false, false),
    step("set_custom_attribute", &["attribute", "value"], false, false),
    step("case", &["case", "case_type"], true, true),
];

/// Keys of conditions by their kind; all of the three sorts of conditions.
const CONDITIONS: [(&str, &[&str]); 12] = [
    ("logsource", &["category", "product", "service"]),
    ("contains_detection_item", &["field", "value"]),
    ("processing_item_applied", &["processing_item_id"]),
    ("processing_state", &["key", "val"]),
    ("is_sigma_rule", &[]),
    ("is_sigma_correlation_rule", &[]),
    ("rule_attribute", &["attribute", "value"]),
    ("tag", &["tag"]),
    ("match_string", &["pattern", "negate"]),
    ("is_null", &["negate"]),
    ("include_fields", &["fields", "match_type"]),
    ("exclude_fields", &["fields", "match_type"]),
];

/// Refuses what would be passed over without a word; gives the pipeline as YAML.
fn refuse_unknown(text: &str) -> Result<Value, String> {
    let documents = split(text);
    let [document] = documents.as_slice() else {
        return Err("a pipeline is one YAML document".to_owned());
    };
    document.refuse_hostile()?;
    let value: Value = yaml_serde::from_str(text).map_err(|error| plain(&error.to_string()))?;
    let Value::Mapping(outer) = &value else { return Err("a pipeline is a YAML mapping".to_owned()) };
    for (key, one) in outer {
        let key = key.as_str().unwrap_or_default();
        if matches!(key, "postprocessing" | "finalizers")
            && one.as_sequence().is_none_or(|list| !list.is_empty())
        {
            return Err(format!("`{key}` shapes the text of queries, and Piste has none"));
        }
        if !OUTER.contains(&key) && !matches!(key, "postprocessing" | "finalizers") {
            return Err(format!("`{}` is no part of a pipeline that Piste knows", shorten(key)));
        }
    }
    let Some(steps) = outer.get("transformations").and_then(Value::as_sequence) else {
        return Err("it has no list `transformations`".to_owned());
    };
    for (one, number) in steps.iter().zip(1_u32..) {
        refuse_step(one, true).map_err(|reason| format!("step {number}: {reason}"))?;
    }
    Ok(value)
}

fn refuse_step(value: &Value, is_outer: bool) -> Result<(), String> {
    let Value::Mapping(map) = value else { return Err("a step is a YAML mapping".to_owned()) };
    let kind = match map.get("type").and_then(Value::as_str) {
        Some("case_transformation") => "case",
        Some(kind) => kind,
        None => return Err("it has no `type`".to_owned()),
    };
    if kind == "nest" {
        let items = map.get("items").or_else(|| map.get("transformations")).and_then(Value::as_sequence);
        for one in items.ok_or_else(|| "a `nest` has no list `items`".to_owned())? {
            let inner = one.get("type").and_then(Value::as_str).unwrap_or_default();
            if inner.ends_with("_placeholders") {
                return Err(format!("Piste does not apply `{}` inside `nest`", shorten(inner)));
            }
            refuse_step(one, false)?;
        }
        return refuse_keys(map, &step("nest", &["items", "transformations"], true, true), is_outer);
    }
    let known = STEPS.iter().find(|step| step.kind == kind);
    let known = known.ok_or_else(|| format!("Piste does not apply `{}`", shorten(kind)))?;
    refuse_keys(map, known, is_outer)?;
    refuse_words(map, kind)
}

/// Refuses keys that do not count, and conditions that do not.
fn refuse_keys(map: &Mapping, step: &Step, is_outer: bool) -> Result<(), String> {
    for (key, value) in map {
        let key = key.as_str().unwrap_or_default();
        let is_condition = match key {
            "id" | "type" => continue,
            key if step.keys.contains(&key) => continue,
            "rule_conditions" => true,
            "rule_cond_expression" => {
                if is_outer && value.is_string() {
                    continue;
                }
                false
            }
            "detection_item_conditions" => step.items,
            "field_name_conditions" => step.fields,
            "field_name_cond_not" => {
                if step.fields && value.is_bool() {
                    continue;
                }
                false
            }
            // The only linking that is done is `and`.
            "rule_cond_op" | "detection_item_cond_op" | "field_name_cond_op" => {
                if value.as_str() == Some("and") {
                    continue;
                }
                false
            }
            _ => false,
        };
        if !is_condition {
            return Err(format!("Piste does not apply `{}` with `{}`", shorten(key), step.kind));
        }
        refuse_conditions(value)?;
    }
    Ok(())
}

fn refuse_conditions(value: &Value) -> Result<(), String> {
    let Value::Sequence(list) = value else { return Err("conditions are a list".to_owned()) };
    for one in list {
        let Value::Mapping(map) = one else { return Err("a condition is a YAML mapping".to_owned()) };
        let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
        let known = CONDITIONS.iter().find(|(name, _)| *name == kind);
        let (_, keys) =
            known.ok_or_else(|| format!("Piste does not know the condition `{}`", shorten(kind)))?;
        for (key, _) in map {
            let key = key.as_str().unwrap_or_default();
            if !matches!(key, "id" | "type") && !keys.contains(&key) {
                return Err(format!("Piste does not apply `{}` of the condition `{kind}`", shorten(key)));
            }
        }
    }
    Ok(())
}

/// Refuses words that the code behind would read as doing nothing.
fn refuse_words(map: &Mapping, kind: &str) -> Result<(), String> {
    let word = |key: &str| map.get(key).and_then(Value::as_str);
    let (key, known): (&str, &[&str]) = match kind {
        "field_name_transform" => ("transform_func", &["lower", "upper", "title", "snake_case"]),
        "case" => {
            (if map.get("case").is_some() { "case" } else { "case_type" }, &["lower", "upper", "snake_case"])
        }
        "convert_type" => ("target_type", &["str", "int", "float", "bool"]),
        _ => ("", &[]),
    };
    if let Some(given) = word(key).filter(|given| !known.contains(given)) {
        return Err(format!("`{}` is no `{key}` that Piste knows", shorten(given)));
    }
    if kind == "replace_string" {
        let pattern = word("regex").ok_or_else(|| "`replace_string` has no `regex`".to_owned())?;
        regex::Regex::new(pattern)
            .map_err(|_| format!("the regular expression `{}` does not compile", shorten(pattern)))?;
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
