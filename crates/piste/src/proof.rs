//! The proof of a statement: from the sentence down to the bytes, and up to the ledger.
//!
//! In: the rows that `piste show` found. Out: the chain in words, and with `--bundle` one file with all of it, which
//! `docs/check_proof.py` checks without Piste.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use piste_case::proof::{LedgerPath, ProofRecord, bundle, literal};
use piste_lake::{Lake, Reread, Sealed, bytes_at};
use piste_parse::block::{EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};
use serde_json::Value;

use crate::cli::Common;
use crate::custody::write;
use crate::failure::Failure;
use crate::look::{FINDINGS, Seen};

/// A record as read again.
pub(crate) struct Proven<'a> {
    pub(crate) sealed: &'a Sealed,
    pub(crate) record: i64,
    pub(crate) offset: u64,
    pub(crate) again: &'a Reread,
    pub(crate) row: Value,
}

impl Proven<'_> {
    /// With the chunk around it.
    fn with_chunk(&self, lake: &Lake, passwords: &[Vec<u8>]) -> std::io::Result<ProofRecord> {
        let (header, chunk) = (EVTX_HEADER_BYTES as u64, EVTX_CHUNK_BYTES as u64);
        let (chunk_offset, bytes) = if self.sealed.format == "evtx" && self.offset >= header {
            let at = header + (self.offset - header) / chunk * chunk;
            (at, bytes_at(self.sealed, at, chunk, lake.tmp(), passwords.to_vec())?)
        } else {
            (self.offset, self.again.bytes.clone())
        };
        Ok(ProofRecord {
            evidence_id: self.sealed.id.to_string(),
            record: self.record,
            offset: self.offset,
            record_hash: self.again.record_hash.clone(),
            bytes: STANDARD.encode(&self.again.bytes),
            chunk_offset,
            literal: literal(&self.row, &bytes),
            chunk: STANDARD.encode(bytes),
            row: self.row.clone(),
        })
    }
}

/// Writes the bundle of these records; `finding` is `F-3` where the user named one.
pub(crate) fn write_bundle(
    records: &[Proven<'_>],
    finding: Option<&str>,
    to: &Path,
    (case, passwords): (&Seen, &[Vec<u8>]),
    common: &Common,
) -> Result<(), Failure> {
    let lake = &case.lake;
    let failed = |what: String| {
        Failure::environment(
            "proof",
            format!("the proof cannot be made: {what}"),
            "nothing was written",
            "attach the evidence, and check the ledger with `piste ledger verify`",
        )
    };
    let proven: Result<Vec<ProofRecord>, _> =
        records.iter().map(|record| record.with_chunk(lake, passwords)).collect();
    let proven = proven.map_err(|error| failed(error.to_string()))?;
    let evidence: BTreeSet<String> = proven.iter().map(|record| record.evidence_id.clone()).collect();
    let path = LedgerPath::read(&common.case.join("ledger.jsonl"), &evidence)?;
    let statement = finding.map(|id| statement(id, case, common)).transpose()?;
    let statement = statement.as_ref().map(|(finding, text)| (finding, text.as_str()));
    write(to, &bundle(&proven, statement, &path).map_err(failed)?)
}

/// The finding's line and the file that it stands in.
fn statement(id: &str, case: &Seen, common: &Common) -> Result<(Value, String), Failure> {
    let text = case.results.text(&common.case, FINDINGS)?;
    let found = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = { found }.find(|finding| finding.get("id").and_then(Value::as_str) == Some(id));
    Ok((found.unwrap_or_default(), text))
}

/// What read and judged the rows: version, binary and rules of the last run, from the entry that began it.
pub(crate) fn means(run: &Value) -> String {
    let text = |name: &str| run.get(name).and_then(Value::as_str).unwrap_or("not recorded").to_owned();
    format!(
        "  Read and judged by Piste {}, binary SHA-256 {}\n  with rules SHA-256 {}\n",
        text("version"),
        text("binary_sha256"),
        text("rules_sha256")
    )
}
