//! The custody sheet: one page an item, to print, sign and keep with the thing itself. The files of a collection that were
//! handed over together are one item with a list.
//!
//! In: items with their hashes and steps. Out: HTML for A4 without script or outside request. It names the ledger's head, so that
//! paper and ledger can be compared years later.

use std::fmt::Write as _;

use crate::escape::html as escaped;

/// One step, as words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetStep {
    /// When, as typed, with its offset.
    pub when: String,
    /// `received`.
    pub moved: String,
    /// Who gave it.
    pub from: String,
    /// Who took it.
    pub to: String,
    /// What for.
    pub why: String,
    /// Where it is kept; may be empty.
    pub place: String,
    /// `entry 7, by Ann, unsigned`.
    pub recorded: String,
}

/// One item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetItem {
    /// `E-1`, or the name of a thing.
    pub name: String,
    /// Locator; empty for a thing.
    pub path: String,
    /// Size; `None` for a thing.
    pub bytes: Option<u64>,
    /// SHA-256; empty for a thing.
    pub sha256: String,
    /// When it was sealed.
    pub sealed: Option<String>,
    /// Its steps, in the order of time.
    pub steps: Vec<SheetStep>,
    /// Of a collection: its files.
    pub files: Vec<SheetFile>,
}

/// One file of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetFile {
    /// `E-7`.
    pub name: String,
    /// Its path in the collection.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256; empty where it could not be read.
    pub sha256: String,
}

/// All that is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// In the order of their names.
    pub items: Vec<SheetItem>,
    /// Entries of the ledger when it was printed.
    pub entries: u64,
    /// Hash of the last of them.
    pub head: String,
    /// When.
    pub printed: String,
}

const CSS: &str = "
@page{size:A4;margin:16mm}
body{font:14px/1.45 'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif;color:#1a1d21;background:#fff;
 max-width:52rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin:0 0 .6rem}
section{break-after:page;margin-bottom:3rem}
section:last-of-type{break-after:auto}
dl{display:grid;grid-template-columns:9rem 1fr;gap:.2rem .8rem;margin:0 0 1rem}
dt{font-weight:600}
dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{border:1px solid #8a929b;padding:.35rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
td.sign{width:9rem;height:2.8rem}
.mono{font-family:ui-monospace,Consolas,'Liberation Mono',monospace;font-size:.85em}
h2{font-size:1.05rem;margin:1.4rem 0 .3rem}
.files{font-size:.75rem}
.files tr{break-inside:avoid}
footer{font-size:.8rem;color:#4a525b;overflow-wrap:anywhere}
";
/// Lines left empty for steps that are written by hand.
const EMPTY_LINES: usize = 3;

/// The sheet as a page.
pub fn html(sheet: &Sheet) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Chain of custody</title>\n<style>{CSS}</style></head><body>\n"
    );
    for item in &sheet.items {
        write_item(item, &mut page);
    }
    let _ = write!(
        page,
        "<footer>Printed {}. Ledger: {} entries, head <span class=\"mono\">{}</span>. “unsigned” means that the name was typed and \
         no key vouches for it.</footer>\n</body></html>\n",
        escaped(&sheet.printed),
        sheet.entries,
        escaped(&sheet.head)
    );
    page
}

fn write_item(item: &SheetItem, page: &mut String) {
    let _ = write!(page, "<section>\n<h1>Chain of custody: {}</h1>\n<dl>\n", escaped(&item.name));
    let mut term = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
        }
    };
    term("File", &item.path);
    term("Bytes", &item.bytes.map(|bytes| bytes.to_string()).unwrap_or_default());
    term("SHA-256", &item.sha256);
    term("Sealed", item.sealed.as_deref().unwrap_or_default());
    if !item.files.is_empty() {
        term("Files", &item.files.len().to_string());
        term("SHA-256 of the list", &list_hash(&item.files));
    }
    page.push_str(
        "</dl>\n<table><thead><tr><th>When</th><th>Step</th><th>From</th><th>To</th><th>What for, where</th>\
                   <th>Recorded</th><th>Signature</th></tr></thead><tbody>\n",
    );
    for step in &item.steps {
        let place = if step.place.is_empty() { String::new() } else { format!("; {}", step.place) };
        let cells = [
            step.when.clone(),
            step.moved.clone(),
            step.from.clone(),
            step.to.clone(),
            format!("{}{place}", step.why),
            step.recorded.clone(),
        ];
        let cells = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell)));
        let cells = cells.collect::<Vec<_>>().concat();
        let _ = writeln!(page, "<tr>{cells}<td class=\"sign\"></td></tr>");
    }
    for _ in 0..EMPTY_LINES {
        let _ = writeln!(page, "<tr>{}<td class=\"sign\"></td></tr>", "<td></td>".repeat(6));
    }
    page.push_str("</tbody></table>\n");
    write_files(&item.files, page);
    page.push_str("</section>\n");
}

/// SHA-256 over the lines that `sha256sum` would write of the files, in the order of the list.
fn list_hash(files: &[SheetFile]) -> String {
    let mut lines = String::new();
    for file in files {
        let _ = writeln!(lines, "{}  {}", file.sha256, file.path); // writing to a String cannot fail
    }
    piste_model::hash::sha256_hex(lines.as_bytes())
}

fn write_files(files: &[SheetFile], page: &mut String) {
    if files.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Files</h2>\n<p>The hash of the list is that of its lines as <code>sha256sum</code> writes them: hash, two blanks, \
         path, line end.</p>\n<table class=\"files\"><thead><tr><th>Item</th><th>Path</th><th>Bytes</th><th>SHA-256</th></tr></thead><tbody>\n",
    );
    for file in files {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td></tr>",
            escaped(&file.name),
            escaped(&file.path),
            file.bytes,
            escaped(&file.sha256)
        );
    }
    page.push_str("</tbody></table>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_escaped_and_every_item_is_there() {
        let step =
            SheetStep { from: "<b>ICT</b>".to_owned(), moved: "received".to_owned(), ..SheetStep::default() };
        let items = vec![
            SheetItem { name: "E-1".to_owned(), bytes: Some(7), steps: vec![step], ..SheetItem::default() },
            SheetItem { name: "disk \u{202e}1".to_owned(), ..SheetItem::default() },
        ];
        let page = html(&Sheet { items, entries: 3, head: "ab".to_owned(), printed: "2021".to_owned() });
        assert!(page.contains("&lt;b&gt;ICT&lt;/b&gt;") && !page.contains("<b>ICT"));
        assert!(page.contains("disk \\u{202e}1"), "hidden characters are shown");
        assert_eq!(page.matches("<section>").count(), 2);
    }

    #[test]
    fn a_collection_is_one_page_with_its_list_and_the_hash_of_it() {
        let file = |number: u32| SheetFile {
            name: format!("E-{number}"),
            path: format!("MX01/{number}.log"),
            bytes: 7,
            sha256: format!("{number}").repeat(64),
        };
        let files = vec![file(1), file(2)];
        let items = vec![SheetItem { name: "MX01".to_owned(), files: files.clone(), ..SheetItem::default() }];
        let page = html(&Sheet { items, entries: 3, head: "ab".to_owned(), printed: "2021".to_owned() });
        assert_eq!(page.matches("<section>").count(), 1);
        assert!(page.contains(&list_hash(&files)) && page.contains("MX01/2.log"), "{page}");
    }
}
