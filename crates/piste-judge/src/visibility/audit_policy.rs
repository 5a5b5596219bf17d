//! What the audit policy of a host keeps out of its Security log.
//!
//! In: rows of `registry.audit`, out of the SECURITY hive. Out: spans of the Security log in which some events are not written, each with
//! the row of the setting. The policy is known from the last write of its key on; what it was before is not told by it. Source:
//! Microsoft, "Advanced security audit policy settings", for the events of each subcategory.

use arrow_array::RecordBatch;
use piste_lake::LakeError;
use piste_lake::row_view::{self, Times};
use piste_lake::scan::text_at;
use piste_model::schema;
use piste_model::visibility::{Because, Visibility, VisibilityKind};

use super::Sources;

const DATASET: &str = "registry.audit";
/// Spans that are told: a hive has some sixty subcategories, and a case hundreds of hosts.
const SPANS_MAX: usize = 20_000;

/// A kind of events that questions of an intrusion hang on.
struct Audited {
    subcategory: &'static str,
    /// Events where it succeeded, and where it failed.
    success: &'static str,
    failure: &'static str,
}

const fn audited(subcategory: &'static str, success: &'static str, failure: &'static str) -> Audited {
    Audited { subcategory, success, failure }
}

const AUDITED: [Audited; 17] = [
    audited("Audit Policy Change", "4719", ""),
    audited("Computer Account Management", "4741, 4742, 4743", ""),
    audited("Credential Validation", "4776", "4776 of what failed"),
    audited("Detailed File Share", "5145", "5145 of what was refused"),
    audited("Directory Service Access", "4662", "4662 of what was refused"),
    audited("Directory Service Changes", "5136, 5137, 5141", ""),
    audited("File Share", "5140", "5140 of what was refused"),
    audited("Filtering Platform Connection", "5156", "5157"),
    audited("Kerberos Authentication Service", "4768", "4771"),
    audited("Kerberos Service Ticket Operations", "4769", "4769 of what failed"),
    audited("Logon", "4624, 4648", "4625"),
    audited("Other Object Access Events", "4698, 4699, 4702", ""),
    audited("Process Creation", "4688", ""),
    audited("Security Group Management", "4728, 4732, 4756", ""),
    audited("Security System Extension", "4697", ""),
    audited("Special Logon", "4672", ""),
    audited("User Account Management", "4720, 4722, 4723, 4724, 4738", ""),
];

/// Which events a setting keeps out; empty where it keeps none out that matter.
fn kept_out(subcategory: &str, setting: &str) -> String {
    let Some(of) = AUDITED.iter().find(|one| one.subcategory == subcategory) else { return String::new() };
    match setting {
        "No Auditing" if of.failure.is_empty() => of.success.to_owned(),
        "No Auditing" => format!("{}, {}", of.success, of.failure),
        "Success" => of.failure.to_owned(),
        "Failure" => of.success.to_owned(),
        _ => String::new(),
    }
}

/// Finds them.
pub(super) fn read(sources: &Sources<'_>) -> Result<Vec<Visibility>, LakeError> {
    let mut spans = Vec::new();
    for file in sources.lake.files(&|dataset| dataset == DATASET)? {
        let table = piste_lake::scan::Table::open(&file)?;
        for group in 0..table.groups() {
            table.read(group, &|_| true, None, &mut |batch| {
                take(sources, batch, &mut spans);
                Ok(())
            })?;
        }
    }
    Ok(spans)
}

fn take(sources: &Sources<'_>, batch: &RecordBatch, spans: &mut Vec<Visibility>) {
    let text = |name: &str, row: usize| {
        batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default()
    };
    let times = Times::of(batch);
    for row in 0..batch.num_rows() {
        let (subcategory, setting) = (text("Subcategory", row), text("Setting", row));
        let events = kept_out(subcategory, setting);
        let host = (sources.names.host)(text(schema::HOST, row));
        // A hive of which nothing names the computer says nothing of any log.
        if events.is_empty() || host.is_empty() || spans.len() >= SPANS_MAX {
            continue;
        }
        spans.push(Visibility {
            host,
            dataset: "windows.security".to_owned(),
            channel: "Security".to_owned(),
            from: times.at(row),
            to: None,
            kind: VisibilityKind::NotLogged,
            because: Because::AuditPolicy {
                subcategory: subcategory.to_owned(),
                setting: setting.to_owned(),
                events,
            },
            rows: row_view::place_of(batch, row, sources.names.file).into_iter().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_keeps_out_what_it_does_not_name() {
        assert_eq!(kept_out("Process Creation", "No Auditing"), "4688");
        assert_eq!(kept_out("Process Creation", "Success"), "");
        assert_eq!(kept_out("Logon", "Success"), "4625");
        assert_eq!(kept_out("Logon", "Failure"), "4624, 4648");
        assert_eq!(kept_out("Logon", "Success and Failure"), "");
        assert_eq!(kept_out("DPAPI Activity", "No Auditing"), "");
    }
}
