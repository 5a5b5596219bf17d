//! `piste show`: a record down to its bytes.
//!
//! In: `E-1:57`, or a finding. Out: the row's fields, the bytes read again from the sealed file, and whether they are the
//! ones that were hashed when the row was made.

use std::fmt::Write;
use std::path::Path;

use arrow_array::RecordBatch;
use piste_hunt::describe;
use piste_lake::copies::{Copy, Original};
use piste_lake::scan::{scan_file, text_at};
use piste_lake::store::Attachment;
use piste_lake::{Lake, Record, Reread, Sealed, bytes_at, companions_of, reread};
use piste_model::hash::hex;
use piste_model::{EvidenceId, schema};
use piste_report::escape;
use serde_json::{Map, Value, json};

use crate::cli::{Common, Show};
use crate::compared::{Compared, Different, compare};
use crate::failure::{self, Failure};
use crate::investigate;
use crate::look::rows::{fields, int_at};
use crate::look::{Seen, seen};
use crate::out;
use crate::proof::{self, Proven};

/// Rows of a finding that are shown.
const FINDING_ROWS_MAX: usize = 5;
/// Bytes of a record that are shown as hex.
const HEX_BYTES_MAX: usize = 1_024;
/// Dataset of the rows that stand for files.
const FILE_DATASET: &str = piste_lake::page::DATASET;
/// Bytes shown before the place where something was found in a file.
const BYTES_BEFORE: u64 = 64;
/// Bytes shown about it in all.
const BYTES_AROUND: u64 = 384;

/// Runs the command.
pub(crate) fn run(arguments: &Show, common: &Common) -> Result<u8, Failure> {
    let case = seen(&common.case)?;
    let (lake, seals) = (&case.lake, &case.seals);
    let wanted = wanted(&arguments.record, &case, &common.case)?;
    let passwords = investigate::passwords(arguments.password_file.as_deref())?;
    let proof = arguments.proof || arguments.bundle.is_some();
    let mut code = 0;
    let mut read = Vec::new();
    for wanted in wanted {
        for (row, evidence) in standing_for(lake, seals, wanted)? {
            let sealed = sealed(seals, evidence, wanted)?;
            let beside = companions_of(sealed, seals);
            let again = again(&row, (sealed, &beside), proof, lake, &passwords);
            let around = around(&row, sealed, wanted, (lake, &passwords));
            let compared = compare(&row.batch, sealed, &beside, lake.tmp(), &passwords);
            let shown = Shown { sealed, row: &row, again: &again, compared, around };
            code = code.max(shown.code());
            out::data(&if arguments.json { shown.json() } else { shown.text() });
            read.push((row, sealed, again));
        }
    }
    if proof && !arguments.json {
        out::data(&proof::means(&case.run));
    }
    if let Some(to) = &arguments.bundle {
        if code != 0 {
            return Err(Failure::environment(
                "proof",
                "the proof cannot be made: a record or its file is not what was sealed, or cannot be read",
                "no bundle was written",
                "see what is said of the records above",
            ));
        }
        if read.iter().any(|(row, sealed, _)| row.stands_beside_secrets(sealed)) {
            return Err(Failure::usage(
                "proof-secret",
                "this record may hold password hashes beside the fields of its row",
                "no bundle was written: it would carry them out of the case",
                "cite the row by its number and hash; who may see the database can read the record with --proof",
            ));
        }
        let proven: Vec<Proven<'_>> =
            read.iter().filter_map(|(row, sealed, again)| row.proven(sealed, again)).collect();
        let finding = Some(arguments.record.as_str()).filter(|name| name.starts_with("F-"));
        proof::write_bundle(&proven, finding, to, (&case, &passwords), common)?;
    }
    Ok(code)
}

/// A row that the user named, alone in its batch, and the file that it is of.
pub(crate) struct Named {
    pub(crate) batch: RecordBatch,
    pub(crate) sealed: Sealed,
}

/// The rows of a record, or the first row of a finding.
pub(crate) fn rows_named(record: &str, common: &Common) -> Result<Vec<Named>, Failure> {
    let case = seen(&common.case)?;
    let mut named = Vec::new();
    for wanted in wanted(record, &case, &common.case)?.into_iter().take(1) {
        for (row, evidence) in standing_for(&case.lake, &case.seals, wanted)? {
            named.push(Named { batch: row.batch, sealed: sealed(&case.seals, evidence, wanted)?.clone() });
        }
    }
    Ok(named)
}

fn sealed(seals: &[Sealed], evidence: EvidenceId, wanted: Wanted) -> Result<&Sealed, Failure> {
    seals.iter().find(|sealed| sealed.id == evidence).ok_or_else(|| unknown_record(wanted))
}

fn unknown_record(Wanted { evidence, record, .. }: Wanted) -> Failure {
    Failure::usage(
        "record-unknown",
        format!("no row of this case is {evidence}:{record}"),
        "nothing was shown",
        "findings.jsonl and detections.jsonl list evidence and record of each row",
    )
}

/// The rows of a record, and the file to read it from again: its own, or where it is a copy, that of the row which stands
/// for it. A file with the same content as another has its record at the same place: its own bytes are read.
fn standing_for(lake: &Lake, seals: &[Sealed], wanted: Wanted) -> Result<Vec<(Row, EvidenceId)>, Failure> {
    let Wanted { evidence, record, .. } = wanted;
    let own = find(lake, evidence, &|row| wanted.is(row))?;
    if !own.is_empty() {
        return Ok(own.into_iter().map(|row| (row, evidence)).collect());
    }
    let content = seals.iter().find(|sealed| sealed.id == evidence).map(|sealed| sealed.sha256.as_str());
    let same = seals.iter().filter(|sealed| sealed.id != evidence && Some(sealed.sha256.as_str()) == content);
    for twin in same {
        let rows = find(lake, twin.id, &|row| wanted.is(row))?;
        if !rows.is_empty() {
            out::note(&format!(
                "{evidence}:{record} has the same content as {}:{record}, whose row is shown",
                twin.id
            ));
            return Ok(rows.into_iter().map(|row| (row, evidence)).collect());
        }
    }
    for of in originals(lake, evidence, record)? {
        let offset = i64::try_from(of.offset).ok();
        let rows = find(lake, of.evidence, &|row| int_at(&row.batch, schema::OFFSET, 0) == offset)?;
        if !rows.is_empty() {
            out::note(&format!("{evidence}:{record} is a copy; the row that stands for it is shown"));
            return Ok(rows.into_iter().map(|row| (row, of.evidence)).collect());
        }
    }
    Err(unknown_record(wanted))
}

/// The rows that stand for a record which was left out as a copy.
fn originals(lake: &Lake, evidence: EvidenceId, record: i64) -> Result<Vec<Original>, Failure> {
    let mut found = Vec::new();
    for file in lake.attachments(Attachment::Copies)? {
        for line in String::from_utf8_lossy(&file.bytes()?).lines() {
            let copy = serde_json::from_str::<Copy>(line);
            found.extend(
                copy.ok()
                    .filter(|copy| copy.evidence_id == evidence && copy.record == record)
                    .map(|copy| copy.of),
            );
        }
    }
    Ok(found)
}

/// A record to show; a finding gives its place in the file too.
#[derive(Clone, Copy)]
struct Wanted {
    evidence: EvidenceId,
    record: i64,
    offset: Option<i64>,
}

impl Wanted {
    fn is(self, row: &Row) -> bool {
        int_at(&row.batch, schema::RECORD, 0) == Some(self.record)
            && (row.is_of_file()
                || self.offset.is_none_or(|offset| int_at(&row.batch, schema::OFFSET, 0) == Some(offset)))
    }
}

/// The records that the argument names.
fn wanted(text: &str, case: &Seen, folder: &Path) -> Result<Vec<Wanted>, Failure> {
    if let Some((evidence, record)) = text.split_once(':')
        && let (Ok(evidence), Ok(record)) = (evidence.parse(), record.parse())
    {
        return Ok(vec![Wanted { evidence, record, offset: None }]);
    }
    let unknown = |what: String| {
        Failure::usage(
            "record-unknown",
            what,
            "nothing was shown",
            "name a record as E-1:57 or a finding as F-3",
        )
    };
    if !text.starts_with("F-") {
        return Err(unknown(format!("`{text}` is neither a record nor a finding")));
    }
    let found = case.findings(folder)?.into_iter().find(|finding| finding.id.to_string() == text);
    let rows =
        found.map(|finding| finding.rows).ok_or_else(|| unknown(format!("there is no finding {text}")))?;
    let rows = rows.iter().take(FINDING_ROWS_MAX);
    Ok(rows
        .map(|row| Wanted {
            evidence: row.evidence_id,
            record: row.record,
            offset: i64::try_from(row.offset).ok(),
        })
        .collect())
}

/// A row as it stands in the lake.
struct Row {
    batch: RecordBatch,
}

/// Rows of this evidence that `wanted` accepts. A file is read whole only where its ids tell that it holds some.
fn find(lake: &Lake, evidence: EvidenceId, wanted: &dyn Fn(&Row) -> bool) -> Result<Vec<Row>, Failure> {
    let id = evidence.to_string();
    let mut rows = Vec::new();
    for path in lake.files(&|_| true)? {
        let columns = [schema::EVIDENCE_ID, schema::RECORD, schema::OFFSET, schema::DATASET];
        let mut holds = false;
        scan_file(&path, Some(&columns), &mut |batch| {
            holds |= !matching(batch, &id, wanted).is_empty();
            Ok(!holds)
        })?;
        if holds {
            scan_file(&path, None, &mut |batch| {
                rows.extend(matching(batch, &id, wanted));
                Ok(true)
            })?;
        }
    }
    Ok(rows)
}

fn matching(batch: &RecordBatch, id: &str, wanted: &dyn Fn(&Row) -> bool) -> Vec<Row> {
    let Some(ids) = batch.column_by_name(schema::EVIDENCE_ID) else { return Vec::new() };
    let of_evidence = (0..batch.num_rows()).filter(|row| text_at(ids, *row) == Some(id));
    of_evidence.map(|row| Row { batch: batch.slice(row, 1) }).filter(wanted).collect()
}

fn again(
    row: &Row,
    (sealed, beside): (&Sealed, &[&Sealed]),
    proof: bool,
    lake: &Lake,
    passwords: &[Vec<u8>],
) -> Result<Reread, String> {
    let offset = int_at(&row.batch, schema::OFFSET, 0)
        .and_then(|offset| u64::try_from(offset).ok())
        .unwrap_or_default();
    let dataset = row.batch.column_by_name(schema::DATASET).and_then(|column| text_at(column, 0));
    let record = Record { dataset: dataset.unwrap_or_default(), offset };
    reread(sealed, beside, record, proof, lake.tmp(), passwords.to_vec()).map_err(|error| error.to_string())
}

impl Row {
    fn proven<'a>(&self, sealed: &'a Sealed, again: &'a Result<Reread, String>) -> Option<Proven<'a>> {
        let fields: Map<String, Value> = fields(&self.batch, 0).into_iter().collect();
        let offset = int_at(&self.batch, schema::OFFSET, 0).and_then(|offset| u64::try_from(offset).ok());
        Some(Proven {
            sealed,
            record: int_at(&self.batch, schema::RECORD, 0)?,
            offset: offset?,
            again: again.as_ref().ok()?,
            row: Value::Object(fields),
        })
    }

    fn hash(&self) -> String {
        describe::hash_of(&self.batch, 0)
    }

    /// Whether its record holds what nobody is to see, though its fields do not: one of a directory's database or of a hive of
    /// accounts has their password hashes in it.
    fn stands_beside_secrets(&self, sealed: &Sealed) -> bool {
        let text = |name: &str| self.batch.column_by_name(name).and_then(|column| text_at(column, 0));
        let of_directory = text(schema::DATASET).is_some_and(|dataset| dataset.starts_with("directory."));
        let of_accounts = text("Hive").is_some_and(|hive| matches!(hive, "SAM" | "SECURITY"))
            || text(schema::DATASET) == Some("registry.account");
        (sealed.format == "ese" && of_directory) || (sealed.format == "regf" && of_accounts)
    }

    /// Whether it stands for a file as a whole: what was found in it lies anywhere in the file.
    fn is_of_file(&self) -> bool {
        let dataset = self.batch.column_by_name(schema::DATASET).and_then(|column| text_at(column, 0));
        dataset == Some(FILE_DATASET)
    }
}

/// The bytes about the place in a file where a finding was made, and the offset of the first of them.
fn around(
    row: &Row,
    sealed: &Sealed,
    wanted: Wanted,
    (lake, passwords): (&Lake, &[Vec<u8>]),
) -> Option<(u64, Vec<u8>)> {
    let place =
        wanted.offset.filter(|at| *at > 0 && row.is_of_file()).and_then(|at| u64::try_from(at).ok())?;
    let from = place.saturating_sub(BYTES_BEFORE) & !0xf;
    let bytes = bytes_at(sealed, from, BYTES_AROUND, lake.tmp(), passwords.to_vec()).ok()?;
    Some((from, bytes))
}

/// One record, ready to be shown.
struct Shown<'a> {
    sealed: &'a Sealed,
    row: &'a Row,
    again: &'a Result<Reread, String>,
    compared: Result<Compared, String>,
    around: Option<(u64, Vec<u8>)>,
}

impl Shown<'_> {
    fn code(&self) -> u8 {
        match self.again {
            Ok(again)
                if again.record_hash == self.row.hash()
                    && self.file_as_sealed() != Some(false)
                    && self.compared.as_ref().is_ok_and(|compared| compared.different.is_empty()) =>
            {
                0
            }
            _ => failure::UNREAD,
        }
    }

    /// Whether the whole file still has its seal's hash; `None` if that was not asked.
    fn file_as_sealed(&self) -> Option<bool> {
        let again = self.again.as_ref().ok()?;
        again.file_sha256.as_ref().map(|now| *now == self.sealed.sha256)
    }

    fn json(&self) -> String {
        let fields: Map<String, Value> = fields(&self.row.batch, 0).into_iter().collect();
        let again = match self.again {
            Ok(again) => json!({
                "bytes_hex": (!self.row.stands_beside_secrets(self.sealed)).then(|| hex(&again.bytes)),
                "record_hash_now": again.record_hash,
                "unchanged": again.record_hash == self.row.hash(),
                "file_sha256_now": again.file_sha256,
                "file_unchanged": self.file_as_sealed(),
                "fields": self.compared_json(),
            }),
            Err(why) => json!({"error": why}),
        };
        let mut whole = json!({"sealed": self.sealed, "row": fields, "original": again});
        if let (Some((from, bytes)), Some(whole)) = (&self.around, whole.as_object_mut()) {
            whole.insert("found_at".to_owned(), json!({"offset": from, "bytes_hex": hex(bytes)}));
        }
        format!("{whole}\n")
    }

    fn compared_json(&self) -> Value {
        match &self.compared {
            Ok(Compared { fields, different }) => {
                let different: Vec<Value> = different.iter().map(Different::json).collect();
                json!({"compared": fields, "different": different})
            }
            Err(why) => json!({"error": why}),
        }
    }

    /// Whether the row says what its bytes say.
    fn compared_words(&self) -> String {
        let Compared { fields, different } = match &self.compared {
            Ok(compared) => compared,
            Err(why) => {
                return format!(
                    "  Its fields could NOT be held against these bytes: {}\n",
                    escape::visible(why)
                );
            }
        };
        if different.is_empty() {
            return format!("  Each of its {fields} fields is what these bytes say, parsed again\n");
        }
        let mut text = String::from("  The row is NOT what these bytes say:\n");
        for Different { name, row, bytes } in different {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let line = format!("    {name}: the row has {}, the bytes {}", shown(row), shown(bytes));
            text.push_str(&escape::visible(&line));
            text.push('\n');
        }
        text
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let Sealed { id, path, sha256, bytes, .. } = self.sealed;
        let _ = writeln!(text, "{id}  {}", escape::visible(path));
        let _ = writeln!(text, "    sealed: {bytes} bytes, SHA-256 {sha256}");
        for (name, value) in fields(&self.row.batch, 0) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(text, "    {}: {}", escape::visible(&name), escape::visible(&value));
        }
        match self.again {
            Err(why) => {
                let _ = writeln!(text, "  The bytes cannot be read again: {}", escape::visible(why));
            }
            Ok(again) => {
                let verdict = if again.record_hash == self.row.hash() {
                    "the same as when the row was made"
                } else {
                    "NOT the same as when the row was made"
                };
                text.push_str(&self.compared_words());
                let _ = writeln!(text, "  Original, {} bytes, {verdict}:", again.bytes.len());
                if self.row.stands_beside_secrets(self.sealed) {
                    text.push_str("    not shown: the record may hold password hashes beside these fields\n");
                } else if let Some((from, bytes)) = &self.around {
                    let _ = writeln!(text, "  Where it was found, from byte {from}:");
                    text.push_str(&dump(bytes, *from));
                } else {
                    text.push_str(&dump(&again.bytes, 0));
                }
                if let Some(same) = self.file_as_sealed() {
                    let verdict = if same { "as sealed" } else { "NOT as sealed" };
                    let _ = writeln!(text, "  The whole file is {verdict}");
                }
            }
        }
        text.push('\n');
        text
    }
}

/// Offset, hex and ASCII, as responders read it.
fn dump(bytes: &[u8], from: u64) -> String {
    let mut text = String::new();
    for (at, line) in bytes.iter().take(HEX_BYTES_MAX).collect::<Vec<_>>().chunks(16).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String = line
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || **byte == b' ' { char::from(**byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "    {:08x}  {:<47}  {ascii}", from + (at * 16) as u64, hex.join(" "));
    }
    if bytes.len() > HEX_BYTES_MAX {
        let _ = writeln!(text, "    ({} further bytes; --json has them all)", bytes.len() - HEX_BYTES_MAX);
    }
    text
}
