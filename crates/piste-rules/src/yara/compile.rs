//! YARA rules compiled, and why some do not.
//!
//! In: files. Out: what the engine runs, and for each error of the compiler file, line, column and its own words. Each file
//! has a namespace of its own, so that names of two collections do not clash.

use std::collections::BTreeSet;

use piste_model::guard::guarded;
use serde_json::Value;
use yara_x::{Compiler, IgnoredRuleReason, SourceCode};

use super::source::{Text, Top};
use super::{EXTERNALS, YaraRule};
use crate::rule::NotRun;

/// Modules of other builds of YARA; a rule that needs one is named with it.
const OTHER_MODULES: [&str; 12] =
    ["androguard", "crx", "cuckoo", "dex", "lnk", "macho", "magic", "msi", "olecf", "vba", "vt", "zip"];

/// Compiles the files; `declared` gives errors their rules. A file on which the compiler itself fails is left out, and all is
/// compiled again without it: what a compiler holds that failed half-way is not to be trusted.
pub(super) fn compile(tops: &[Top], declared: &[YaraRule]) -> (yara_x::Rules, Vec<NotRun>) {
    let mut broken = BTreeSet::new();
    loop {
        match compile_all(tops, declared, &broken) {
            Ok(compiled) => return compiled,
            Err(at) if broken.insert(at) => {}
            // It fails on what it took in without a word, so that no file is to blame: nothing runs, and each file says so.
            Err(_) => return none_runs(tops),
        }
    }
}

fn none_runs(tops: &[Top]) -> (yara_x::Rules, Vec<NotRun>) {
    let faults = tops.iter().map(|top| {
        NotRun::new(None, &top.shown, 1, "yara-rule", "the YARA compiler fails on these files together")
    });
    (Compiler::new().build(), faults.collect())
}

/// All files but those at `broken`, which are told as such.
///
/// # Errors
/// The place of a file on which the compiler fails.
fn compile_all(
    tops: &[Top],
    declared: &[YaraRule],
    broken: &BTreeSet<usize>,
) -> Result<(yara_x::Rules, Vec<NotRun>), usize> {
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
        if broken.contains(&namespace) {
            let reason = "the YARA compiler itself fails on this file";
            faults.push(NotRun::new(None, &top.shown, 1, "yara-rule", reason));
            continue;
        }
        compiler.new_namespace(&namespace.to_string());
        let before = (compiler.errors().len(), compiler.ignored_rules().len());
        let mut add = |text: &[u8], origin: &str| {
            let _ = compiler.add_source(SourceCode::from(text).with_origin(origin)); // told below
        };
        guarded(|| match &top.text {
            Text::BuiltIn(text) => add(text.as_bytes(), &top.shown),
            Text::Files(pieces) => pieces.iter().for_each(|piece| add(&piece.text, &piece.shown)),
        })
        .map_err(|_| namespace)?;
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
    // It builds from all files at once: without any of the user's it cannot be theirs.
    let rules = guarded(|| compiler.build()).map_err(|_| usize::MAX)?;
    Ok((rules, faults))
}

/// The compiler's error with its place. The compiler gives places only as it serialises an error, for which it draws the
/// line: it fails on lines with signs that end lines elsewhere (U+2028, U+0085).
fn fault(error: &yara_x::errors::CompileError, top: &Top, rules: &[&YaraRule]) -> NotRun {
    let Ok(json) = guarded(|| serde_json::to_value(error).unwrap_or_default()) else {
        return undrawn(error, top, rules);
    };
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

/// An error that the compiler cannot draw: its title and the file stand; a line is known where the file has one rule.
fn undrawn(error: &yara_x::errors::CompileError, top: &Top, rules: &[&YaraRule]) -> NotRun {
    let title = guarded(|| error.title().split_whitespace().collect::<Vec<_>>().join(" "));
    let title = title.unwrap_or_else(|_| "it does not compile".to_owned());
    let reason =
        format!("{title}; the line is not known, since the file holds a sign that the compiler fails on");
    match rules {
        [rule] => NotRun::new(Some(rule.id.clone()), &rule.path, rule.line, "yara-rule", reason),
        _ => NotRun::new(None, &top.shown, 1, "yara-rule", reason),
    }
}
