//! Values of a column without its rows.
//!
//! In: a text column of a row group. Out: each of its values at least once. Where the column is written as a dictionary, only
//! the dictionary is read: the pages that say which row has which value are passed over. Past the size that a dictionary may
//! have, values stand in the pages themselves, and those are read.
//!
//! Source of the layout: Apache Parquet format, `Encodings.md` (`PLAIN`, `RLE_DICTIONARY`) and data pages of version 1 and 2.

use std::sync::Arc;

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::LakeError;
use crate::scan::{Table, unread};
use crate::stamp::Checked;

/// A text column: one of a row, a list's items or a map's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextColumn {
    /// Name of the row's column.
    pub name: String,
    /// Number of the leaf in the file.
    leaf: usize,
}

impl Table {
    /// The columns that hold text.
    pub fn text_columns(&self) -> Vec<TextColumn> {
        let Some(group) = self.metadata.metadata().row_groups().first() else { return Vec::new() };
        let leaves = group.columns().iter().enumerate().filter_map(|(leaf, column)| {
            let parts = column.column_path().parts();
            let key = parts.len() > 1 && parts.last().is_some_and(|last| last.starts_with("key"));
            let text = column.column_type() == Type::BYTE_ARRAY && !key;
            text.then(|| TextColumn { name: parts.first().cloned().unwrap_or_default(), leaf })
        });
        leaves.collect()
    }

    /// Opens the file for [`Values`].
    ///
    /// # Errors
    /// Where it is not there.
    pub fn values(&self) -> Result<Values<'_>, LakeError> {
        let open = self.file.open()?;
        Ok(Values { table: self, file: Arc::new(open.clone()), open })
    }

    /// Rows of a row group.
    pub fn rows_in(&self, group: usize) -> u64 {
        let group = self.metadata.metadata().row_groups().get(group);
        group.and_then(|group| u64::try_from(group.num_rows()).ok()).unwrap_or_default()
    }
}

/// An open file whose values are read column by column.
#[derive(Debug)]
pub struct Values<'t> {
    table: &'t Table,
    file: Arc<Checked>,
    open: Checked,
}

impl Values<'_> {
    /// Hands each value of the column in a row group to `visit`, at least once. What is no UTF-8 is passed over.
    ///
    /// # Errors
    /// Where the file cannot be read, or is written in a way that the lake does not write.
    pub fn each(
        &self,
        group: usize,
        column: &TextColumn,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), LakeError> {
        self.each_of(group, column.leaf, visit).map_err(unread(&self.table.file, &self.open))
    }

    fn each_of(&self, group: usize, leaf: usize, visit: &mut dyn FnMut(&str)) -> Result<(), ParquetError> {
        let Some(group) = self.table.metadata.metadata().row_groups().get(group) else { return Ok(()) };
        let Some(chunk) = group.columns().get(leaf) else { return Ok(()) };
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let mut pages = SerializedPageReader::new(Arc::clone(&self.file), chunk, rows, None)?;
        let dictionary_only = is_dictionary(chunk);
        let levels = (chunk.column_descr().max_rep_level() > 0, chunk.column_descr().max_def_level() > 0);
        while let Some(page) = pages.get_next_page()? {
            if let Page::DictionaryPage {
                buf, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, ..
            } = &page
            {
                plain(buf, visit)?;
                if dictionary_only {
                    break;
                }
                continue;
            }
            match page.encoding() {
                Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {} // they stood in the dictionary
                Encoding::PLAIN => plain(values_of(&page, levels)?, visit)?,
                other => return Err(ParquetError::General(format!("a text column is written as {other}"))),
            }
        }
        Ok(())
    }
}

/// Whether every value stands in the dictionary.
fn is_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    chunk.dictionary_page_offset().is_some()
        && chunk.page_encoding_stats_mask().is_some_and(|mask| {
            mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY)
        })
}

fn cut_off() -> ParquetError {
    ParquetError::General("a page ends too early".to_owned())
}

/// What follows the levels of a data page.
fn values_of(page: &Page, (repeated, defined): (bool, bool)) -> Result<&[u8], ParquetError> {
    match page {
        Page::DataPage { buf, .. } => {
            let mut rest: &[u8] = buf;
            for _ in 0..usize::from(repeated) + usize::from(defined) {
                rest = sized(rest).ok_or_else(cut_off)?.1;
            }
            Ok(rest)
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
            usize::try_from(levels).ok().and_then(|levels| buf.get(levels..)).ok_or_else(cut_off)
        }
        Page::DictionaryPage { .. } => Ok(&[]),
    }
}

/// Four bytes of length, so many bytes, and what follows.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn plain(mut bytes: &[u8], visit: &mut dyn FnMut(&str)) -> Result<(), ParquetError> {
    while !bytes.is_empty() {
        let (value, rest) = sized(bytes).ok_or_else(cut_off)?;
        if let Ok(text) = std::str::from_utf8(value) {
            visit(text);
        }
        bytes = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow_array::builder::{ListBuilder, StringBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, RecordBatch};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::stamp::{LakeFile, Stamp};
    use crate::store::properties;
    use std::fs::File;

    /// A file with a column of these values, and a list of pairs of them.
    fn file(values: &[Option<String>]) -> (tempfile::TempDir, Table) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.parquet");
        let text: DictionaryArray<Int32Type> = values.iter().map(Option::as_deref).collect();
        let mut lists = ListBuilder::new(StringBuilder::new());
        for pair in values.chunks(2) {
            for _ in pair {
                lists.append_value(pair.iter().cloned());
            }
        }
        let columns: [(&str, ArrayRef); 2] = [("text", Arc::new(text)), ("Data", Arc::new(lists.finish()))];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        let batch = batch.expect("columns fit");
        let out = File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties())).expect("a writer");
        writer.write(&batch).expect("it is written");
        writer.close().expect("it ends");
        let stamp = Stamp::of_file(&path).expect("it reads");
        let table = Table::open(&LakeFile::new(path, Arc::new(stamp))).expect("it opens");
        (folder, table)
    }

    #[track_caller]
    fn check(values: &[Option<String>]) -> bool {
        let (_folder, table) = file(values);
        let columns = table.text_columns();
        assert_eq!(columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["text", "Data"]);
        let expected: BTreeSet<String> = values.iter().flatten().cloned().collect();
        let open = table.values().expect("it opens");
        for column in &columns {
            let mut found = BTreeSet::new();
            open.each(0, column, &mut |value| {
                found.insert(value.to_owned());
            })
            .expect("it reads");
            assert!(found == expected, "{}: {} values of {}", column.name, found.len(), expected.len());
        }
        assert_eq!(table.rows_in(0), values.len() as u64);
        let group = table.metadata.metadata().row_group(0);
        is_dictionary(group.column(0))
    }

    #[test]
    fn every_value_is_handed_out_whether_the_dictionary_holds_it_or_not() {
        let few: Vec<Option<String>> =
            (0..5_000).map(|n| (n % 7 != 0).then(|| format!("value é {}", n % 11))).collect();
        assert!(check(&few), "few values are a dictionary");
        let many: Vec<Option<String>> =
            (0..20_000).map(|n| (n % 5 != 0).then(|| format!("{n} {}", "x".repeat(200)))).collect();
        assert!(!check(&many), "a dictionary of 4 MB overflows");
        assert!(check(&[None, None, Some(String::new())]), "nulls and the empty text");
    }
}
