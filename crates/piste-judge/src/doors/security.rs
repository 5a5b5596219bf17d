//! The Security log, read once for all that doors are found by.
//!
//! In: rows of `windows.security`. Out: each handed to whoever reads its event: processes and pages, logons, relayed logons,
//! accounts.

use std::collections::BTreeSet;

use piste_lake::{Lake, LakeError};

use super::accounts::{self, Accounts};
use super::logons::{self, Logons};
use super::processes;
use super::relay::{self, Relay};
use super::scan::scan;
use super::store::Store;

/// Events that any of them reads.
const CODES: [i32; 18] = [
    4624, 4625, 4663, 4688, 4720, 4722, 4725, 4726, 4728, 4729, 4732, 4733, 4756, 4757, 5136, 5145, 6272,
    6273,
];

/// Reads the dataset.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    (logons, accounts): (&mut Logons, &mut Accounts),
    store: &mut Store,
) -> Result<(), LakeError> {
    let columns: BTreeSet<&str> = processes::SECURITY
        .iter()
        .chain(&logons::SECURITY)
        .chain(&relay::SECURITY)
        .chain(&accounts::SECURITY)
        .copied()
        .collect();
    let columns: Vec<&str> = columns.into_iter().collect();
    let mut relay = Relay::default();
    scan(lake, "windows.security", &columns, &CODES, &mut |row| match row.code() {
        Some(4688) => {
            accounts.of_command(row, host);
            processes::of_security(row, host, store);
        }
        Some(4663 | 5145) => processes::of_security(row, host, store),
        Some(4624) => {
            logons.of_security(row, host, store);
            relay.of_security(row, host);
            accounts.of_logon(row, host);
        }
        Some(4625 | 6272 | 6273) => logons.of_security(row, host, store),
        Some(5136) => relay.of_security(row, host),
        _ => accounts.of_security(row, host),
    })?;
    relay.tell(store);
    Ok(())
}
