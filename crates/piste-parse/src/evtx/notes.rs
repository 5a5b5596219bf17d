//! What is wrong with an EVTX file as a whole.
//!
//! In: a block without bytes that stands for a fault of the file. Out: damage and an issue, with what it costs.

use piste_model::{Damage, Issue};

use super::places::Note;
use crate::block::Block;
use crate::{Context, Parsed};

const FRESH_COPY: &str = "ask for a fresh copy of the log, or for the same period from a backup";

/// Tells what the block stands for, if it has a note.
pub(super) fn tell(block: &Block, cx: &Context<'_>, parsed: &mut Parsed) {
    let Some(note) = block.header.as_ref().and_then(|header| header.evtx) else { return };
    let (slug, lost, what, effect) = match note {
        Note::HeaderTruncated(bytes) => (
            "evtx-header-truncated",
            None,
            format!("an EVTX file ends within its header: need 4,096 bytes, have {bytes}"),
            "all its records are lost; how many is unknown",
        ),
        Note::HeaderMissing => (
            "evtx-header-missing",
            Some(0),
            "the file has EVTX chunks and no file header that can be read".to_owned(),
            "its chunks are read; whether further ones are missing cannot be told",
        ),
        Note::ChunksMissing { named, present } => (
            "evtx-chunks-missing",
            None,
            format!("the file's header counts {named} EVTX chunks and the file holds {present}"),
            "the records of the missing or zeroed chunks are lost; how many is unknown",
        ),
        Note::Displaced(bytes) => (
            "evtx-chunk-displaced",
            None,
            format!("an EVTX chunk lies {bytes} bytes after its place; what lies between is no chunk"),
            "the chunk is read; records that lay in the bytes before it are lost, how many is unknown",
        ),
    };
    parsed.damage.push(Damage { kind: slug.to_owned(), offset: block.offset, lost });
    parsed.issues.push(Issue::new(slug, cx.path, what, effect, FRESH_COPY).of(cx.evidence).at(block.offset));
}
