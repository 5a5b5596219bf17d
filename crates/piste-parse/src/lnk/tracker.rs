//! The block of a shortcut that finds its target again: machine, and object ids of volume and file.
//!
//! In: the block's bytes, or an object id. Out: the machine's name, and of ids of version 1 the network card's address and the
//! time at which the id was made. Sources: MS-SHLLINK 2.5.10, RFC 9562.

use piste_model::Instant;
use piste_model::hash::hex;

use crate::whole::{Bytes, guid};

/// 100 ns between 1582-10-15, where times of object ids begin, and 1601.
const CALENDAR_TICKS: u64 = 5_748_192_000_000_000;

/// A file's object id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Droid {
    pub(crate) guid: String,
    /// `08:00:27:aa:bb:cc`; empty where the id is not of version 1.
    pub(crate) mac: String,
    pub(crate) created: Option<Instant>,
}

impl Droid {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::default();
        }
        let mut droid = Self { guid: guid(bytes), ..Self::default() };
        let id = Bytes(bytes);
        let (Some(low), Some(middle), Some(high)) = (id.u32(0), id.u16(4), id.u16(6)) else { return droid };
        if high >> 12 == 1 {
            let ticks = u64::from(high & 0x0fff) << 48 | u64::from(middle) << 32 | u64::from(low);
            droid.created = ticks.checked_sub(CALENDAR_TICKS).and_then(Instant::from_filetime);
            let node = bytes.get(10..16).unwrap_or_default();
            droid.mac = node.iter().map(|byte| hex(&[*byte])).collect::<Vec<_>>().join(":");
        }
        droid
    }
}

/// What the block says.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    pub(crate) machine: String,
    /// Object id of the volume.
    pub(crate) volume: String,
    pub(crate) droid: Droid,
    /// Where the file was made.
    pub(crate) birth: Droid,
}

impl Tracker {
    pub(super) fn read(block: Bytes<'_>) -> Option<Self> {
        Some(Self {
            machine: Bytes(block.slice(16, 16)?).text(0),
            volume: block.guid(32)?,
            droid: Droid::of(block.slice(48, 16)?),
            birth: Droid::of(block.slice_or_less(80, 16)),
        })
    }
}
