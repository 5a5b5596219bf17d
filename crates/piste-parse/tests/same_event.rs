//! One event as EVTX, as `evtx_dump` renders it, and flat: its own fields are the same. Needs `shared/data` beside the project.

#![expect(clippy::indexing_slicing, reason = "a sample that is cut short is to fail the test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use evtx::{EvtxChunkData, ParserSettings};
use piste_model::EvidenceId;
use piste_model::schema::{EVENT_CODE, HOST, OFFSET, RECORD, RECORD_HASH, ROLE_KEY, Role};
use piste_model::sources::Sources;
use piste_parse::{Context, Format, Splitter, parse_block};
use serde_json::{Map, Value};

/// A row's own fields and what the hunt needs of its header.
type Row = BTreeMap<String, String>;

fn rows(format: Format, mut bytes: &[u8]) -> Vec<Row> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(format);
    let mut all = Vec::new();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        for batch in parse_block(format, &block, &cx).batches {
            let schema = batch.rows.schema();
            let wanted = schema.fields().iter().zip(batch.rows.columns()).filter(|(field, _)| {
                let role = Role::parse(field.metadata().get(ROLE_KEY).map(String::as_str));
                let common = [OFFSET, RECORD, RECORD_HASH].contains(&field.name().as_str());
                let header = ["Channel", "Provider_Name", EVENT_CODE, HOST].contains(&field.name().as_str());
                header || (role == Role::Data && !common && !field.name().contains("time"))
            });
            let wanted: Vec<_> = wanted.collect();
            let offsets =
                batch.rows.column_by_name(OFFSET).expect("a common column").as_primitive::<Int64Type>();
            for at in 0..batch.rows.num_rows() {
                let row =
                    wanted.iter().filter_map(|(field, array)| Some((field.name().clone(), cell(array, at)?)));
                all.push((offsets.value(at), row.collect()));
            }
        }
    }
    all.sort_by_key(|(offset, _)| *offset);
    all.into_iter().map(|(_, row)| row).collect()
}

fn cell(array: &ArrayRef, at: usize) -> Option<String> {
    if array.is_null(at) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Dictionary(_, _) => {
            let array = array.as_dictionary::<Int32Type>();
            let key = usize::try_from(array.keys().value(at)).expect("a key");
            array.values().as_string::<i32>().value(key).to_owned()
        }
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).to_string(),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(at);
            values.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join("\n")
        }
        other => format!("{other:?}"),
    })
}

/// Every record as `evtx_dump -o jsonl` prints it.
fn rendered(bytes: &[u8]) -> Vec<String> {
    let settings = Arc::new(ParserSettings::new().num_threads(1).indent(false));
    let mut lines = Vec::new();
    for chunk in bytes[4_096..].chunks_exact(65_536).filter(|chunk| chunk.starts_with(b"ElfChnk\0")) {
        let mut data = EvtxChunkData::new(chunk.to_vec(), false).expect("a chunk");
        let mut chunk = data.parse(Arc::clone(&settings)).expect("a chunk");
        lines.extend(chunk.iter().map(|record| record.expect("a record").into_json().expect("renders").data));
    }
    lines
}

/// The same record with header and fields beside each other, as NXLog writes it.
fn flattened(line: &str) -> String {
    let event: Value = serde_json::from_str(line).expect("JSON");
    let (system, mut flat) = (&event["Event"]["System"], Map::new());
    let text = |value: &Value| if value.is_object() { value["#text"].clone() } else { value.clone() };
    flat.insert("SourceName".into(), system["Provider"]["#attributes"]["Name"].clone());
    flat.insert("Channel".into(), text(&system["Channel"]));
    flat.insert("Hostname".into(), text(&system["Computer"]));
    flat.insert("EventID".into(), text(&system["EventID"]));
    flat.insert("TimeCreated".into(), system["TimeCreated"]["#attributes"]["SystemTime"].clone());
    for (name, value) in event["Event"]["EventData"].as_object().into_iter().flatten() {
        let value = if value.is_null() { Value::from("") } else { text(value) };
        if name != "#attributes" {
            flat.insert(name.clone(), value);
        }
    }
    Value::from(flat).to_string()
}

#[test]
fn evtx_its_rendering_and_flat_json_give_the_same_fields() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let samples = [
        "evtx-attack-samples/Credential Access/sysmon_10_1_memdump_comsvcs_minidump.evtx",
        "evtx-attack-samples/Credential Access/phish_windows_credentials_powershell_scriptblockLog_4104.evtx",
        "evtx-samples/MSExchange_Management_wec.evtx",
    ];
    for name in samples {
        let Ok(bytes) = std::fs::read(data.join(name)) else {
            println!("skipped: {name} is not in {}", data.display());
            continue;
        };
        let wanted = rows(Format::Evtx, &bytes);
        assert!(!wanted.is_empty(), "{name}");
        let lines = rendered(&bytes);
        assert_eq!(rows(Format::JsonLines, lines.join("\n").as_bytes()), wanted, "{name}: as lines");
        let array = format!("[{}]", lines.join(",\n"));
        assert_eq!(rows(Format::JsonArray, array.as_bytes()), wanted, "{name}: as an array");
        let flat: Vec<_> = lines.iter().map(|line| flattened(line)).collect();
        assert_eq!(rows(Format::JsonLines, flat.join("\n").as_bytes()), wanted, "{name}: flat");
    }
}
