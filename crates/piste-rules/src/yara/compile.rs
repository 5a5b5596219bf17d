//! YARA rules compiled, and why some do not.
//!
//! In: files. Out: what the engine runs, and for each error of the compiler file, line, column and its own words. Each file
//! has a namespace of its own, so that names of two collections do not clash.

use serde_json::Value;
use yara_x::{Compiler, IgnoredRuleReason, SourceCode};

use super::source::{Text, Top};
use super::{EXTERNALS, YaraRule};
use crate::rule::NotRun;

/// Modules of other builds of YARA; a rule that needs one is named with it.
const OTHER_MODULES: [&str; 12] =
    ["androguard", "crx", "cuckoo", "dex", "lnk", "macho", "magic", "msi", "olecf", "vba", "vt", "zip"];

/// Compiles the files; `declared` gives errors their rules.
pub(super) fn compile(tops: &[Top], declared: &[YaraRule]) -> (yara_x::Rules, Vec<NotRun>) {
    let mut compiler = Compiler::new();
    // What the field's rules were written for takes more than the strict reading does.
    compiler.relaxed_re_syntax(true);
    // They are put in already: the compiler would open any file that a rule names.
    compiler.enable_includes(false);
    for name in EXTERNALS {
        let _ = compiler.define_global(name, ""); // each is defined once, before any rule
    }
    for module in OTHER_MODULES {
        compiler.ignore_module(module);
    }
    let mut faults = Vec::new();
    for (namespace, top) in tops.iter().enumerate() {
        compiler.new_namespace(&namespace.to_string());
        let before = (compiler.errors().len(), compiler.ignored_rules().len());
        let mut add = |text: &[u8], origin: &str| {
            let _ = compiler.add_source(SourceCode::from(text).with_origin(origin)); // told below
        };
        match &top.text {
            Text::BuiltIn(text) => add(text.as_bytes(), &top.shown),
            Text::Files(pieces) => pieces.iter().for_each(|piece| add(&piece.text, &piece.shown)),
        }
        let of_file = |rule: &&YaraRule| rule.namespace == namespace;
        let rules: Vec<&YaraRule> = declared.iter().filter(of_file).collect();
        faults.extend(compiler.errors().iter().skip(before.0).map(|error| fault(error, top, &rules)));
        for (name, reason) in compiler.ignored_rules().skip(before.1) {
            let reason = match reason {
                IgnoredRuleReason::IgnoredModule(module) => {
                    format!("it needs YARA's module `{module}`, which Piste is built without")
                }
                IgnoredRuleReason::IgnoredRule(other) => {
                    format!("it needs the rule `{other}`, which does not run")
                }
                IgnoredRuleReason::CompileError(_) => continue, // told with the error
            };
            let rule = rules.iter().find(|rule| rule.name == name);
            let (path, line) = rule.map_or((top.shown.as_str(), 1), |rule| (rule.path.as_str(), rule.line));
            let id = rule.map_or_else(|| name.to_owned(), |rule| rule.id.clone());
            faults.push(NotRun::new(Some(id), path, line, "yara-module", reason));
        }
    }
    (compiler.build(), faults)
}

/// The compiler's error with its place. The compiler gives places only as it serialises an error.
fn fault(error: &yara_x::errors::CompileError, top: &Top, rules: &[&YaraRule]) -> NotRun {
    let json = serde_json::to_value(error).unwrap_or_default();
    let number = |key: &str| json.get(key).and_then(Value::as_u64);
    let label = json
        .get("labels")
        .and_then(Value::as_array)
        .and_then(|labels| labels.iter().find(|label| label.get("level") == Some(&Value::from("error"))));
    let said = |key: &str| label.and_then(|label| label.get(key)).and_then(Value::as_str).unwrap_or_default();
    let path = match said("code_origin") {
        "" => top.shown.clone(),
        origin => origin.to_owned(),
    };
    let line = number("line").unwrap_or(1);
    let text = match said("text") {
        "" => error.title().to_owned(),
        more if error.title() == more => more.to_owned(),
        more => format!("{}: {more}", error.title()),
    };
    let before = rules.iter().filter(|rule| rule.path == path && rule.line <= line);
    let id = before.max_by_key(|rule| rule.line).map(|rule| rule.id.clone());
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    NotRun::new(id, &path, line, "yara-rule", text).at(line, number("column"))
}
