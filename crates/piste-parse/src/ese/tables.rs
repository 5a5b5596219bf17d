//! ESE databases of which no rows are made: a search index, a mailbox store, a program's own.
//!
//! In: the catalogue and the records counted. Out: a row a table with its columns and the count, so that a person sees what
//! lies there and can ask another program for it.

use piste_model::Issue;

use super::catalog::Table;
use super::sink::Sink;
use super::{Database, Maker, Meaning};
use crate::Context;

/// The dataset of tables: what is there, not what happened.
pub(crate) const DATASET: &str = "ese.table";
/// Names of columns that a row lists.
const NAMES_MAX: usize = 400;

/// Databases that are known and not read.
const KNOWN: [Known; 5] = [
    Known {
        table: "SystemIndex_PropertyStore",
        what: "the index of Windows Search",
        hint: "SIDR over a copy tells its files, visits and activities",
    },
    Known {
        table: "SystemIndex_0A",
        what: "the index of Windows Search",
        hint: "SIDR over a copy tells its files, visits and activities",
    },
    Known {
        table: "Mailbox",
        what: "a mailbox store of Exchange",
        hint: "ask for message tracking and audit logs, which Piste reads",
    },
    Known {
        table: "tbFiles",
        what: "the store of Windows Update (DataStore.edb)",
        hint: "esedbexport FILE, and look at its tables beside Piste",
    },
    Known {
        table: "CertificateTemplates",
        what: "a store of certificates",
        hint: "esedbexport FILE, and look at its tables beside Piste",
    },
];

struct Known {
    table: &'static str,
    what: &'static str,
    hint: &'static str,
}

/// A database of which no rows are made.
#[derive(Debug)]
pub(super) struct Tables;

impl Tables {
    pub(super) fn of(database: &Database, cx: &Context<'_>, issues: &mut Vec<Issue>) -> Self {
        let known = KNOWN.iter().find(|known| database.table(known.table).is_some());
        let what = known.map_or("an ESE database of another kind", |known| known.what);
        let hint = known.map_or("esedbexport FILE, and look at its tables beside Piste", |known| known.hint);
        issues.push(
            Issue::new(
                "ese-tables-not-read",
                cx.path,
                format!(
                    "it is {what}: its {} tables are named and their records counted",
                    database.catalog.tables.len()
                ),
                "what its records say is not read",
                hint,
            )
            .of(cx.evidence),
        );
        Self
    }
}

impl Meaning for Tables {
    fn maker<'d>(&'d self, _database: &'d Database, _table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        None
    }

    fn tells_tables(&self) -> bool {
        true
    }

    fn tell_table(&self, table: &Table, records: u64, sink: &mut Sink<'_>) {
        sink.field("Table", &table.name);
        sink.number("Records", records);
        sink.number("Columns", table.columns.len() as u64);
        let names: Vec<&str> =
            table.columns.iter().take(NAMES_MAX).map(|column| column.name.as_str()).collect();
        sink.field("ColumnNames", &names.join(", "));
        sink.push(DATASET, None, "", "");
    }
}
