//! Tables of what an investigation asks of a hive: decoded, each row with its own times.
//!
//! In: a hive and which table. Out: rows of a dataset of its own. Each table is looked up by its path, so that it costs no
//! second pass over the hive; one that a hive does not have gives no row.

mod service;
mod task;

use super::emit::Emit;
use super::identity::Kind;

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Services,
    Tasks,
}

/// The tables that a hive of this kind may have.
pub(super) fn of(kind: Kind) -> &'static [Table] {
    match kind {
        Kind::System => &[Table::Services],
        Kind::Software => &[Table::Tasks],
        _ => &[],
    }
}

/// The rows of a table.
pub(super) fn rows(emit: &mut Emit<'_, '_>, table: Table) {
    match table {
        Table::Services => service::rows(emit),
        Table::Tasks => task::rows(emit),
    }
}
