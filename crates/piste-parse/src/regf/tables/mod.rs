//! Tables of what an investigation asks of a hive: decoded, each row with its own times.
//!
//! In: a hive and which table. Out: rows of a dataset of its own. Each table is looked up by its path, so that it costs no
//! second pass over the hive; one that a hive does not have gives no row.

mod account;
mod amcache;
mod audit;
mod bam;
mod install;
mod items;
mod network;
mod recent;
mod service;
mod shellbag;
mod shimcache;
mod task;
mod usb;
mod userassist;

use super::emit::Emit;
use super::identity::Kind;

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Accounts,
    Amcache,
    Audit,
    Bam,
    Installs,
    Networks,
    Recent,
    Services,
    Shellbags,
    Shimcache,
    Tasks,
    Usb,
    UserAssist,
}

/// The tables that a hive of this kind may have.
pub(super) fn of(kind: Kind) -> &'static [Table] {
    match kind {
        Kind::System => &[Table::Services, Table::Shimcache, Table::Bam, Table::Usb],
        Kind::Software => &[Table::Tasks, Table::Installs, Table::Networks],
        Kind::Sam => &[Table::Accounts],
        Kind::Security => &[Table::Audit],
        Kind::User => &[Table::UserAssist, Table::Recent, Table::Shellbags, Table::Installs],
        Kind::Classes => &[Table::Shellbags],
        Kind::Amcache => &[Table::Amcache],
        Kind::Other => &[],
    }
}

/// The rows of a table.
pub(super) fn rows(emit: &mut Emit<'_, '_>, table: Table) {
    match table {
        Table::Accounts => account::rows(emit),
        Table::Amcache => amcache::rows(emit),
        Table::Audit => audit::rows(emit),
        Table::Bam => bam::rows(emit),
        Table::Installs => install::rows(emit),
        Table::Networks => network::rows(emit),
        Table::Recent => recent::rows(emit),
        Table::Services => service::rows(emit),
        Table::Shellbags => shellbag::rows(emit),
        Table::Shimcache => shimcache::rows(emit),
        Table::Tasks => task::rows(emit),
        Table::Usb => usb::rows(emit),
        Table::UserAssist => userassist::rows(emit),
    }
}
