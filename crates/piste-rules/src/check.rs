//! Whether a parsed rule can be compiled: its condition names what is there and its regular expressions are supported.
//!
//! In: a rule as parsed. Out: nothing, or the slug and the reason of its [`crate::NotRun`]. The hunt compiles all patterns
//! of all rules together; a rule that would spoil that is found here, alone and with its place.

use rsigma_ir::lower::{LowerOptions, lower_filter, lower_rule};
use rsigma_parser::{Detection, DetectionItem, Detections, FilterRule, Modifier, SigmaRule, SigmaValue};

/// More regular expressions than any real rule has; each may take milliseconds to compile.
const MAX_PATTERNS: usize = 200;

/// Why a rule cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// For [`crate::NotRun::slug`].
    pub(crate) slug: &'static str,
    /// For [`crate::NotRun::reason`].
    pub(crate) reason: String,
    /// The text of the rule that is at fault, to find its place.
    pub(crate) text: Option<String>,
}

impl Fault {
    pub(crate) fn new(slug: &'static str, reason: impl Into<String>) -> Self {
        Self { slug, reason: reason.into(), text: None }
    }
}

/// Checks a rule.
pub(crate) fn check(rule: &SigmaRule) -> Result<(), Fault> {
    let lowered = lower_rule(rule, &LowerOptions::default());
    lowered.map_err(|error| Fault::new("rule-unreadable", error.to_string()))?;
    check_patterns(&rule.detection)
}

/// Checks a filter, before it is part of any rule.
pub(crate) fn check_filter(filter: &FilterRule) -> Result<(), Fault> {
    let lowered = lower_filter(filter, &LowerOptions::default());
    lowered.map_err(|error| Fault::new("rule-unreadable", error.to_string()))?;
    check_patterns(&filter.detection)
}

fn check_patterns(detections: &Detections) -> Result<(), Fault> {
    let mut patterns = Vec::new();
    // The parser keeps selections in a hash map; sorted, the first fault is always the same one.
    let mut named: Vec<_> = detections.named.iter().collect();
    named.sort_by_key(|(name, _)| name.as_str());
    for (_, detection) in named {
        collect(detection, &mut patterns);
    }
    if patterns.len() > MAX_PATTERNS {
        let reason = format!("over {MAX_PATTERNS} regular expressions, which no rule has");
        return Err(Fault::new("rule-regex", reason));
    }
    patterns.iter().try_for_each(|(flags, pattern)| compile(flags, pattern))
}

/// Adds the regular expressions of a selection, flags included.
fn collect(detection: &Detection, patterns: &mut Vec<(String, String)>) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(|item| collect_item(item, patterns)),
        Detection::AnyOf(list) | Detection::And(list) => list.iter().for_each(|one| collect(one, patterns)),
        Detection::ArrayMatch { body, .. } => collect(body, patterns),
        Detection::Conditional { named, .. } => {
            let mut named: Vec<_> = named.iter().collect();
            named.sort_by_key(|(name, _)| name.as_str());
            for (_, one) in named {
                collect(one, patterns);
            }
        }
        Detection::Keywords(_) => {}
    }
}

fn collect_item(item: &DetectionItem, patterns: &mut Vec<(String, String)>) {
    // What a placeholder stands for is not yet known; the rule is checked again once it is.
    if !item.field.has_modifier(Modifier::Re) || item.field.has_modifier(Modifier::Expand) {
        return;
    }
    let flags: String = [(Modifier::IgnoreCase, 'i'), (Modifier::Multiline, 'm'), (Modifier::DotAll, 's')]
        .into_iter()
        .filter_map(|(modifier, flag)| item.field.has_modifier(modifier).then_some(flag))
        .collect();
    let prefix = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    for value in &item.values {
        if let SigmaValue::String(text) = value {
            let pattern = text.as_plain().unwrap_or_else(|| text.original.clone());
            patterns.push((prefix.clone(), pattern));
        }
    }
}

/// Compiles one regular expression, to learn whether it can be.
fn compile(flags: &str, pattern: &str) -> Result<(), Fault> {
    let Err(error) = regex::Regex::new(&format!("{flags}{pattern}")) else { return Ok(()) };
    let message = error.to_string();
    let (slug, why) = if message.contains("look-around") {
        ("rule-look-around", "look-around is not supported".to_owned())
    } else if message.contains("backreferences") {
        ("rule-backreference", "backreferences are not supported".to_owned())
    } else {
        // The first lines draw the pattern and a caret; the last says what is wrong.
        let last = message.lines().last().unwrap_or_default();
        ("rule-regex", last.trim().trim_start_matches("error: ").to_owned())
    };
    let shown: String = pattern.chars().take(120).collect();
    let reason = format!("the regular expression `{shown}` does not compile: {why}");
    Err(Fault { slug, reason, text: Some(pattern.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pattern(pattern: &str, slug: &str, reason: &str) {
        assert_eq!(
            compile("", pattern).map_err(|fault| (fault.slug.to_owned(), fault.reason)),
            Err((slug.to_owned(), reason.to_owned()))
        );
    }

    #[test]
    fn faults_of_patterns_are_told_apart() {
        assert_eq!(compile("(?i)", r"a\d+$"), Ok(()));
        check_pattern(
            "a(?=b)",
            "rule-look-around",
            "the regular expression `a(?=b)` does not compile: look-around is not supported",
        );
        check_pattern(
            r"(a)\1",
            "rule-backreference",
            r"the regular expression `(a)\1` does not compile: backreferences are not supported",
        );
        check_pattern("a(b", "rule-regex", "the regular expression `a(b` does not compile: unclosed group");
        check_pattern(
            "(((a{1000}){1000}){1000})",
            "rule-regex",
            "the regular expression `(((a{1000}){1000}){1000})` does not compile: \
             Compiled regex exceeds size limit of 10485760 bytes.",
        );
    }
}
