//! What mitigates flaws without a patch: Microsoft's mitigation service and its scripts.
//!
//! In: the service's events in the Application log (1005 and 1006 tell of what it did, 1008 of errors), its own text log, the tools' logs,
//! reports of `HealthChecker`, rewrite rules that IIS was given, and commands that name the tools. Out: one sentence each, with its time. A mitigation never closes a
//! flaw here: it is told beside the patches, and whether it held is for a person to say.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use piste_lake::scan::{Table, text_at};
use piste_lake::{Lake, LakeError};
use piste_model::schema;

use piste_lake::row_view;

/// Sentences of one server.
const SENTENCES_MAX: usize = 100;
/// Characters of what a record says.
const TEXT_CHARS: usize = 300;
const SERVICE: &str = "MSExchange Mitigation Service";
/// Files of Microsoft's tools, in lower case.
const TOOLS: [&str; 5] = [
    "eomt.ps1",
    "eomtv2.ps1",
    "exchangemitigations.ps1",
    "backendcookiemitigation.ps1",
    "exchangeextendedprotectionmanagement.ps1",
];
const COMMANDS: [&str; 3] = ["CommandLine", "ScriptBlockText", "ProcessCommandLine"];
const PROVIDER: &str = "Provider_Name";
/// The service's own log.
const SERVICE_LOG: &str = "exchange.mitigation-service";
/// What IIS's configuration events name.
const RULE: &str = "Configuration";
/// What the reader of configuration files found.
const FOUND: &str = "RewriteRules";
/// Names of the rules and patterns that Microsoft's mitigations write, in lower case.
const RULES: [&str; 6] = [
    "x-beresource abort",
    "x-anonresource-backend abort",
    "eomtv2",
    "powershell - inbound",
    "eems ",
    "autodiscover.*powershell",
];
const TOLD: [&str; 4] = ["Text", "mitigations", "setup_event", "server"];

/// Sentences by server, in the order of time.
pub(super) fn read(
    lake: &Lake,
    full: &dyn Fn(&str) -> String,
) -> Result<BTreeMap<String, Vec<String>>, LakeError> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let wanted = |dataset: &str| {
        dataset.starts_with("windows.")
            || matches!(dataset, "exchange.eomt" | "exchange.healthchecker" | "file.content" | SERVICE_LOG)
    };
    for file in lake.files(&wanted)? {
        let table = Table::open(&file)?;
        let folder = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        let dataset = folder.to_string_lossy().into_owned();
        let service = dataset == SERVICE_LOG;
        let carries = |name: &str| {
            service
                || matches!(name, PROVIDER | RULE | FOUND)
                || COMMANDS.contains(&name)
                || TOLD.contains(&name)
        };
        if !table.columns().any(carries) {
            continue;
        }
        for group in 0..table.groups() {
            let mut rows = Vec::new();
            let mut start = 0;
            table.read(group, &carries, None, &mut |batch| {
                rows.extend(telling(batch, &dataset).into_iter().map(|row| start + row));
                start += batch.num_rows();
                Ok(())
            })?;
            if rows.is_empty() {
                continue;
            }
            table.read(group, &|_| true, Some(&rows), &mut |batch| {
                for row in 0..batch.num_rows() {
                    let host = batch.column_by_name(schema::HOST).and_then(|column| text_at(column, row));
                    let sentences = found.entry(full(host.unwrap_or_default())).or_default();
                    if sentences.len() < SENTENCES_MAX {
                        sentences.extend(sentence(batch, row, &dataset));
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(found.into_iter().map(|(host, sentences)| (host, sentences.into_iter().collect())).collect())
}

/// Rows that speak of a mitigation.
fn telling(batch: &RecordBatch, dataset: &str) -> Vec<usize> {
    if dataset == "exchange.eomt" {
        let is_event = |row: &usize| text(batch, "setup_event", *row).is_some();
        return (0..batch.num_rows()).filter(is_event).collect();
    }
    if dataset == "exchange.healthchecker" {
        return (0..batch.num_rows()).filter(|row| text(batch, "mitigations", *row).is_some()).collect();
    }
    if dataset == SERVICE_LOG {
        return (0..batch.num_rows()).filter(|row| !service_words(batch, *row).is_empty()).collect();
    }
    let mut rows = BTreeSet::new();
    let columns = COMMANDS.iter().chain(&[PROVIDER, RULE, FOUND]);
    for name in columns.copied() {
        let column = batch.column_by_name(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let Some(column) = column else { continue };
        let Some(values) = column.values().as_string_opt::<i32>() else { continue };
        let counts = |value: &str| match name {
            PROVIDER => value == SERVICE,
            RULE => names_rule(value),
            FOUND => is_rule(value),
            _ => names_tool(value),
        };
        let told: Vec<bool> = values.iter().map(|value| value.is_some_and(counts)).collect();
        if !told.contains(&true) {
            continue;
        }
        rows.extend((0..batch.num_rows()).filter(|row| {
            let key =
                (!column.is_null(*row)).then(|| usize::try_from(column.keys().value(*row)).ok()).flatten();
            key.and_then(|key| told.get(key)).is_some_and(|told| *told)
        }));
    }
    rows.into_iter().collect()
}

fn names_tool(command: &str) -> bool {
    // Most commands name no script at all.
    if !command.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b".ps1")) {
        return false;
    }
    let lower = command.to_ascii_lowercase();
    TOOLS.iter().any(|tool| lower.contains(tool))
}

/// Whether a change of IIS's configuration is about a rewrite rule of a mitigation.
fn names_rule(configuration: &str) -> bool {
    configuration.to_lowercase().contains("/rewrite/") && is_rule(configuration)
}

/// Whether a text names a rule that Microsoft's mitigations write.
fn is_rule(text: &str) -> bool {
    let lower = text.to_lowercase();
    RULES.iter().any(|rule| lower.contains(rule))
}

/// What a row of the service's own log says of a mitigation, whatever its columns are called; empty for other rows.
fn service_words(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema_ref();
    let own = |name: &str| {
        let common = name == schema::DATASET || name == schema::EXTRA || schema::COMMON.contains(&name);
        !common && !name.starts_with("event.")
    };
    let words: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| own(field.name()))
        .filter_map(|field| text(batch, field.name(), row))
        .collect();
    let words = words.join(" ");
    let lower = words.to_ascii_lowercase();
    let did = ["appl", "remov", "block", "fail", "skip", "enabl", "disabl", "expir"];
    let speaks = lower.contains("mitigation") && did.iter().any(|word| lower.contains(word));
    if speaks { words } else { String::new() }
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    batch.column_by_name(name).and_then(|column| text_at(column, row))
}

fn sentence(batch: &RecordBatch, row: usize, dataset: &str) -> Option<String> {
    let time =
        row_view::time_of(batch, row).map_or_else(|| "unknown time".to_owned(), |time| time.to_string());
    let cut = |text: &str| {
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TEXT_CHARS).collect::<String>()
    };
    if dataset == "exchange.eomt" {
        return Some(format!(
            "{time}: the log of Microsoft's mitigation tool: {}",
            cut(text(batch, "Text", row)?)
        ));
    }
    if dataset == "exchange.healthchecker" {
        return Some(format!("{time}: HealthChecker lists {}", cut(text(batch, "mitigations", row)?)));
    }
    if dataset == SERVICE_LOG {
        return Some(format!("{time}: the mitigation service's log: {}", cut(&service_words(batch, row))));
    }
    if let Some(rules) = text(batch, FOUND, row).filter(|rules| is_rule(rules)) {
        let path = text(batch, "Path", row).unwrap_or_default();
        return Some(cut(&format!(
            "a collected configuration has rewrite rules of a mitigation: {rules} ({path})"
        )));
    }
    if let Some(rule) = text(batch, RULE, row).filter(|rule| names_rule(rule)) {
        let value = text(batch, "NewValue", row).unwrap_or_default();
        return Some(format!(
            "{time}: IIS was given a rewrite rule of a mitigation: {}",
            cut(&format!("{rule} {value}"))
        ));
    }
    if text(batch, PROVIDER, row) == Some(SERVICE) {
        let code = batch.column_by_name(schema::EVENT_CODE).and_then(|column| {
            let column = column.as_primitive_opt::<Int32Type>()?;
            (!column.is_null(row)).then(|| column.value(row))
        });
        let code = code.map_or_else(String::new, |code| format!(" {code}"));
        let said = text(batch, schema::MESSAGE, row).map(str::to_owned).or_else(|| data(batch, row));
        return Some(format!("{time}: {SERVICE}{code}: {}", cut(&said.unwrap_or_default())));
    }
    let command = COMMANDS.iter().filter_map(|name| text(batch, name, row)).find(|text| names_tool(text))?;
    Some(format!("{time}: a mitigation tool was run: {}", cut(command)))
}

fn data(batch: &RecordBatch, row: usize) -> Option<String> {
    let list = batch.column_by_name(schema::DATA)?.as_list_opt::<i32>()?;
    if list.is_null(row) {
        return None;
    }
    let values = list.value(row);
    Some(values.as_string_opt::<i32>()?.iter().flatten().collect::<Vec<_>>().join(" "))
}
