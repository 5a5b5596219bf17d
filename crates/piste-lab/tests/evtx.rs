//! What the lab writes as EVTX is read by others.
//!
//! In: records with random values. Out: that the `evtx` crate and Piste's own parser read every record back equal, and
//! that both checksums of each chunk hold.

#![expect(clippy::indexing_slicing, reason = "a record that is cut short is to fail the test")]

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use evtx::{EvtxChunkData, EvtxParser, ParserSettings};
use piste_lab::evtx::{EvtxError, FileTime, Guid, Head, Kind, Sid, Source, Value, ValueType, Writer};
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::evtx::{parse_chunks, parse_chunks_rendered};
use piste_parse::{Context, Format, Splitter, parse_block};
use proptest::prelude::*;

const FIELDS: &[(&str, ValueType)] = &[
    ("Image", ValueType::Text),
    ("Small", ValueType::U8),
    ("Port", ValueType::U16),
    ("Pid", ValueType::U32),
    ("Big", ValueType::U64),
    ("Initiated", ValueType::Bool),
    ("ProcessGuid", ValueType::Guid),
    ("Sid", ValueType::Sid),
    ("Mask", ValueType::Hex32),
    ("LogonId", ValueType::Hex64),
    ("When", ValueType::Time),
    ("Last", ValueType::Text),
];
const SYSMON: Source = Source {
    name: "Microsoft-Windows-Sysmon",
    guid: Some(Guid::of(0x5770385f_c22a_43e0_bf4c_06f5698ffbd9)),
    channel: "Microsoft-Windows-Sysmon/Operational",
};
const CLASSIC: Source = Source { name: "Classic", guid: None, channel: "Application" };
const KINDS: [Kind; 3] = [
    Kind {
        source: SYSMON,
        id: 1,
        version: 5,
        level: 4,
        task: 1,
        opcode: 0,
        keywords: 1 << 63,
        fields: FIELDS,
    },
    Kind { source: SYSMON, id: 5, version: 3, level: 4, task: 5, opcode: 0, keywords: 1 << 63, fields: &[] },
    Kind { source: CLASSIC, id: 7, version: 0, level: 2, task: 9, opcode: 3, keywords: 0x80, fields: FIELDS },
];

/// A record's values; the texts are those of the first and last field.
#[derive(Clone)]
struct Record {
    kind: usize,
    first: String,
    last: String,
    number: u64,
}

/// Long texts by their beginning.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = |text: &str| text.chars().take(60).collect::<String>();
        let (first, last) = (start(&self.first), start(&self.last));
        write!(f, "{}: {first:?} of {}, {last:?}, {}", self.kind, self.first.len(), self.number)
    }
}

impl Record {
    fn values(&self) -> Vec<Value<'_>> {
        if KINDS[self.kind].fields.is_empty() {
            return Vec::new();
        }
        let number = self.number;
        let parts = number.to_be_bytes();
        vec![
            Value::Text(&self.first),
            Value::U8(parts[0]),
            Value::U16(u16::from_be_bytes([parts[0], parts[1]])),
            Value::U32(u32::from_be_bytes([parts[0], parts[1], parts[2], parts[3]])),
            Value::U64(number),
            Value::Bool(number % 2 == 1),
            Value::Guid(Guid(7, 8, 9, parts)),
            Value::Sid(Sid::account([1, 2, 3], u32::from(parts[3]))),
            Value::Hex32(u32::from(parts[5])),
            Value::Hex64(number),
            Value::Time(self.time()),
            Value::Text(&self.last),
        ]
    }

    fn time(&self) -> FileTime {
        FileTime::of_unix_ms(
            1_600_000_000_000 + i64::from(u16::from_be_bytes([0, self.number.to_be_bytes()[7]])),
        )
    }

    /// The values as text; a field without text is there and empty.
    fn shown(&self) -> Vec<String> {
        let show = |value: &Value<'_>| {
            let mut text = String::new();
            value.show(&mut text);
            text
        };
        self.values().iter().map(show).collect()
    }
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), 1).expect("memory takes it");
    for record in records {
        let user = (record.number % 3 == 0).then_some(Sid::SYSTEM);
        let head =
            Head { time: record.time(), process_id: 4, thread_id: 8, user, computer: "WS01.min.example" };
        writer.write(&KINDS[record.kind], &head, record.values().into_iter()).expect("it fits");
    }
    writer.finish().expect("memory takes it").into_inner()
}

/// The event's own values by the `evtx` crate.
fn by_crate(bytes: &[u8]) -> Vec<serde_json::Value> {
    for chunk in bytes[4_096..].chunks_exact(65_536) {
        let chunk = EvtxChunkData::new(chunk.to_vec(), true).expect("the checksums hold");
        assert!(chunk.validate_checksum());
    }
    let mut parser = EvtxParser::from_buffer(bytes.to_vec())
        .expect("a log")
        .with_configuration(ParserSettings::new().num_threads(1));
    parser
        .records_json_value()
        .map(|record| {
            let record = record.expect("a record");
            assert_eq!(record.data["Event"]["System"]["EventRecordID"], record.event_record_id);
            record.data
        })
        .collect()
}

/// Event code, and the event's own values in order, by Piste's parser.
fn by_piste(mut bytes: &[u8]) -> Vec<(i32, Vec<Option<String>>)> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(Format::Evtx);
    let mut rows = Vec::new();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_block(Format::Evtx, &block, &cx);
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        for batch in parsed.batches {
            let number = |name: &str, at: usize| {
                let column = batch.rows.column_by_name(name).expect("a common column");
                column.as_primitive::<arrow_array::types::Int64Type>().value(at)
            };
            for at in 0..batch.rows.num_rows() {
                let code = batch.rows.column_by_name("event_code").expect("a common column");
                let code = code.as_primitive::<Int32Type>().value(at);
                let values = FIELDS.iter().map(|(name, _)| {
                    let column = batch.rows.column_by_name(name)?;
                    let column = column.as_dictionary::<Int32Type>();
                    let texts = column.values().as_string::<i32>();
                    Some(texts.value(column.key(at)?).to_owned())
                });
                rows.push((number("record", at), (code, values.collect())));
            }
        }
    }
    rows.sort_by_key(|(record, _)| *record);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Text that XML can hold: no control characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ -~]{1,40}",
        "[ -~éß日本語🦀\u{10000}]{1,40}",
        "[a-z]{1,5}".prop_map(|part| part.repeat(4_000)),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let short = prop_oneof![Just(String::new()), "[ -~é🦀]{1,60}"];
    (0..KINDS.len(), text(), short, any::<u64>()).prop_map(|(kind, first, last, number)| Record {
        kind,
        first,
        last,
        number,
    })
}

fn check(records: &[Record]) -> Result<(), TestCaseError> {
    let bytes = write(records);
    let (theirs, ours) = (by_crate(&bytes), by_piste(&bytes));
    prop_assert_eq!(theirs.len(), records.len());
    prop_assert_eq!(ours.len(), records.len());
    for ((record, theirs), (code, ours)) in records.iter().zip(theirs).zip(ours) {
        let kind = KINDS[record.kind];
        prop_assert_eq!(code, i32::from(kind.id));
        let system = &theirs["Event"]["System"];
        prop_assert_eq!(&system["Provider"]["#attributes"]["Name"], kind.source.name);
        prop_assert_eq!(&system["Channel"], kind.source.channel);
        prop_assert_eq!(&system["Computer"], "WS01.min.example");
        let user = system["Security"]["#attributes"]["UserID"].as_str();
        prop_assert_eq!(user, (record.number % 3 == 0).then_some("S-1-5-18"));
        for (((name, _), shown), ours) in kind.fields.iter().zip(record.shown()).zip(ours) {
            let value = &theirs["Event"]["EventData"][name];
            let theirs = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            prop_assert_eq!(&theirs, &shown, "{}", name);
            prop_assert_eq!(ours.as_deref(), Some(shown.as_str()), "{}", name);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_read_back(records in proptest::collection::vec(record(), 1..60)) {
        check(&records)?;
    }

    /// From the binary form and from the rendering, whole and damaged.
    #[test]
    fn both_ways_of_reading_give_the_same(
        records in proptest::collection::vec(record(), 1..20),
        hits in proptest::collection::vec((4_096_usize..20_000, any::<u8>()), 0..6),
    ) {
        let mut bytes = write(&records);
        for (at, value) in hits {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
        let (mut splitter, mut input) = (Splitter::new(Format::Evtx), bytes.as_slice());
        while let Some(block) = splitter.next_block(&mut input).expect("a slice reads") {
            let (ours, theirs) = (parse_chunks(&block, &cx), parse_chunks_rendered(&block, &cx));
            prop_assert_eq!(ours.records, theirs.records);
            prop_assert_eq!(ours.damage, theirs.damage);
            prop_assert_eq!(ours.issues, theirs.issues);
            prop_assert_eq!(ours.batches.len(), theirs.batches.len());
            for (ours, theirs) in ours.batches.iter().zip(&theirs.batches) {
                prop_assert_eq!(&ours.shape, &theirs.shape);
                prop_assert_eq!(&ours.rows, &theirs.rows);
            }
        }
    }
}

#[test]
fn a_log_of_many_chunks_is_read_back() {
    let records: Vec<_> = (0..2_000)
        .map(|number| Record { kind: 0, first: format!("image {number}"), last: "é".repeat(20), number })
        .collect();
    check(&records).expect("they are equal");
    let bytes = write(&records);
    assert!(bytes.len() > 4_096 + 5 * 65_536, "more than a chunk holds");
    let settings = Arc::new(ParserSettings::new().num_threads(1));
    let mut chunk = EvtxChunkData::new(bytes[4_096..4_096 + 65_536].to_vec(), true).expect("a chunk");
    let count = chunk.parse(settings).expect("a chunk").iter().count();
    assert!(count > 80, "templates and names are there once a chunk: {count} records in the first");
}

#[test]
fn a_record_larger_than_a_chunk_is_refused_and_costs_nothing() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), 1).expect("memory takes it");
    let head = Head { time: FileTime(1), process_id: 0, thread_id: 0, user: None, computer: "A" };
    let mut put = |record: &Record| writer.write(&KINDS[record.kind], &head, record.values().into_iter());
    let small = Record { kind: 0, first: "a".into(), last: "b".into(), number: 1 };
    let large = Record { first: "x".repeat(17_000), last: "y".repeat(17_000), ..small.clone() };
    let longest = Record { first: "x".repeat(40_000), ..small.clone() };
    assert_eq!(put(&small).expect("fits"), 1);
    assert!(matches!(put(&large), Err(EvtxError::TooLarge(_))));
    assert!(matches!(put(&longest), Err(EvtxError::TooLarge(_))));
    assert_eq!(put(&small).expect("fits"), 2);
    assert!(matches!(
        writer.write(&KINDS[0], &head, [Value::Null].into_iter()),
        Err(EvtxError::Fields { values: 1, fields: 12 })
    ));
    let bytes = writer.finish().expect("memory takes it").into_inner();
    assert_eq!(by_crate(&bytes).len(), 2);
}

#[test]
fn a_log_without_records_is_a_log() {
    let bytes = write(&[]);
    assert!(by_piste(&bytes).is_empty());
    assert!(by_crate(&bytes).is_empty());
}
