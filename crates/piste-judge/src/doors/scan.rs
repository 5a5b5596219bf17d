//! Rows of a dataset by their event code.
//!
//! In: a dataset, columns and codes. Out: each row that has one of the codes.

use piste_lake::{Lake, LakeError};

use super::rows::{self, Row};

/// Hands the rows of these event ids to `each`.
pub(crate) fn scan(
    lake: &Lake,
    dataset: &str,
    columns: &[&str],
    codes: &[i32],
    each: &mut dyn FnMut(Row<'_, '_>),
) -> Result<(), LakeError> {
    rows::scan(lake, dataset, columns, &mut |row| {
        if row.code().is_some_and(|code| codes.contains(&code)) {
            each(row);
        }
    })
}
