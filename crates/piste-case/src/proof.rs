//! Proof bundles: one statement with all that it rests on, in one file that can be checked without Piste.
//!
//! In: a finding or a record, the record's bytes, the sealed files, and the ledger. Out: canonical JSON on one line, whose
//! `sha256` covers everything else in it. `docs/check_proof.py` checks it in some twenty lines.
//!
//! The ledger's path goes from the first seal that the bundle needs to the ledger's end: who knows the head, from a checkpoint that
//! was kept elsewhere, knows that the seal is the one that was made then.

use std::collections::BTreeSet;
use std::path::Path;

use piste_model::hash::sha256_hex;
use serde::Serialize;
use serde_json::{Value, json};

use crate::canonical;
use crate::ledger::{LedgerError, kind, read_with};

/// Bytes of ledger lines that a bundle carries.
const PATH_BYTES_MAX: usize = 256 << 20;

/// One record with its bytes.
#[derive(Debug, Clone, Serialize)]
pub struct ProofRecord {
    /// `E-1`.
    pub evidence_id: String,
    /// Record id or line number.
    pub record: i64,
    /// Offset in the decompressed innermost stream.
    pub offset: u64,
    /// First 16 bytes of the SHA-256 of the bytes, as the row had it.
    pub record_hash: String,
    /// The record's bytes, base64.
    pub bytes: String,
    /// Offset of the block around it.
    pub chunk_offset: u64,
    /// The block around it, base64: the chunk of an EVTX file, elsewhere the record alone.
    pub chunk: String,
    /// The row's fields.
    pub row: Value,
    /// Those of them whose text stands in the block as it is; the others are computed from its bytes.
    pub literal: Vec<String>,
}

/// The fields of a row whose text stands in `block` as it is: in UTF-8, in UTF-16 or as JSON writes it.
pub fn literal(row: &Value, block: &[u8]) -> Vec<String> {
    let holds = |form: &[u8]| block.windows(form.len()).any(|window| window == form);
    let stands = |text: &str| {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let quoted = json!(text).to_string();
        let quoted = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        [text.as_bytes(), &wide, quoted.as_bytes()].into_iter().any(holds)
    };
    let texts =
        row.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    texts.filter(|(_, text)| !text.is_empty() && stands(text)).map(|(name, _)| name.clone()).collect()
}

/// What the ledger gives to a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerPath {
    /// Lines from the first seal needed to the end, without line ends.
    pub lines: Vec<String>,
    /// Entries of the whole ledger.
    pub entries: u64,
    /// Hash of the last.
    pub head: String,
}

impl LedgerPath {
    /// Reads the path that seals `evidence` (`E-1`, ...).
    ///
    /// # Errors
    /// Where the chain does not hold, or the path is larger than a bundle may be.
    pub fn read(ledger: &Path, evidence: &BTreeSet<String>) -> Result<Self, LedgerError> {
        let mut path = Self::default();
        let mut bytes = 0;
        let state = read_with(ledger, |entry| {
            let id = entry.body.get("id").and_then(Value::as_str);
            let seals = entry.kind == kind::EVIDENCE_SEALED && id.is_some_and(|id| evidence.contains(id));
            if seals || !path.lines.is_empty() {
                let mut line = entry.to_line();
                line.truncate(line.trim_end().len());
                bytes += line.len();
                if bytes > PATH_BYTES_MAX {
                    let what = format!("more than {PATH_BYTES_MAX} bytes of ledger would be needed");
                    return Err(LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what });
                }
                path.lines.push(line);
            }
            Ok(())
        })?;
        path.entries = state.entries;
        path.head = state.head;
        Ok(path)
    }
}

/// A bundle's text. `finding` is the statement and the whole text of `findings.jsonl` that it stands in.
///
/// # Errors
/// What cannot be written as canonical JSON: a fraction in a row.
pub fn bundle(
    records: &[ProofRecord],
    finding: Option<(&Value, &str)>,
    path: &LedgerPath,
) -> Result<String, String> {
    let mut whole = json!({
        "format": "piste-proof-1",
        "ledger": {"entries": path.entries, "head": path.head, "lines": path.lines},
        "records": records,
    });
    if let (Some((finding, findings)), Some(fields)) = (finding, whole.as_object_mut()) {
        fields.insert("finding".to_owned(), finding.clone());
        fields.insert("findings_jsonl".to_owned(), json!(findings));
    }
    let mut text = String::new();
    canonical::write(&whole, &mut text)?;
    if let Some(fields) = whole.as_object_mut() {
        fields.insert("sha256".to_owned(), json!(sha256_hex(text.as_bytes())));
    }
    let mut text = String::new();
    canonical::write(&whole, &mut text)?;
    Ok(text + "\n")
}
