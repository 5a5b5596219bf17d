//! `HealthChecker`'s text: lines `Name: value`, and lists indented under a heading.
//!
//! In: the text. Out: a field a name, the first of a name; a line below a name without value belongs to it.

use piste_model::schema::Role;

use crate::fields::Fields;

/// Fields that are kept.
const FIELDS_MAX: usize = 400;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 60;

pub(super) fn read(text: &str, fields: &mut Fields) {
    let mut heading = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if fields.iter().count() >= FIELDS_MAX {
            fields.leave_out();
            return;
        }
        let line = line.trim();
        if line.contains("Exchange Health Checker") {
            fields.push("HealthCheckerVersion", line, Role::Data);
            continue;
        }
        let named = line.split_once(": ").or_else(|| line.strip_suffix(':').map(|name| (name, "")));
        match named.filter(|(name, _)| name.len() <= NAME_BYTES_MAX) {
            Some((name, "")) => name.clone_into(&mut heading),
            Some((name, value)) => {
                heading.clear();
                if fields.get(name).is_none() {
                    fields.push(name, value.trim(), Role::Data);
                }
            }
            None => {
                let name = if heading.is_empty() { "Text" } else { heading.as_str() };
                fields.push(name, line, Role::Data);
            }
        }
    }
}
