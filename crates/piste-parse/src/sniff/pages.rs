//! Whether a file is a page that a web server runs or obeys.
//!
//! In: the first bytes of a file and its name. Out: yes or no. Names count more than elsewhere, since a server goes by them.

use piste_page::charset;

/// Extensions of pages that a web server runs.
const PAGE_EXTENSIONS: [&str; 25] = [
    "aspx", "ashx", "asmx", "ascx", "asp", "asa", "cer", "cdx", "master", "asax", "cshtml", "php", "phtml",
    "pht", "php3", "php4", "php5", "php7", "php8", "jsp", "jspx", "jspf", "jspa", "tagx", "compiled",
];
/// What code of a page begins with, in lower case.
const PAGE_MARKS: [&str; 9] = [
    "<?php",
    "<%@ page",
    "<%@page",
    "<%@ webhandler",
    "<%@ language",
    "<%eval",
    "<%execute",
    "runat=\"server\"",
    "runat=server",
];

/// Whether a file is a page, or something else with a page in its first bytes.
pub(super) fn is_page(head: &[u8], name: &str) -> bool {
    if is_page_name(name) {
        return true;
    }
    let lower = charset::decoded(head).bytes.to_ascii_lowercase();
    let has = |mark: &str| memchr::memmem::find(&lower, mark.as_bytes()).is_some();
    if [("config", "<configuration"), ("inc", "<?"), ("tag", "<%@")]
        .iter()
        .any(|(end, mark)| extension_is(name, end) && has(mark))
    {
        return true;
    }
    PAGE_MARKS.iter().any(|mark| has(mark)) || has("msxsl:script")
}

/// Whether a web server runs or obeys what is called so.
pub(super) fn is_page_name(name: &str) -> bool {
    PAGE_EXTENSIONS.iter().any(|extension| extension_is(name, extension)) || piste_page::is_settings(name)
}

/// Whether a name ends with this extension, in any case.
pub(super) fn extension_is(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case(extension))
}
