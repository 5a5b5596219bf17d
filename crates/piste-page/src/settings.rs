//! Settings of a folder that make the server run what it would not: `.htaccess` and `.user.ini`.
//!
//! In: the text of such a file. Out: pictures or texts that are run as PHP, and code that is put before or behind each page.

use super::found::Found;

/// Names of files of settings, in lower case.
const NAMES: [&str; 4] = [".htaccess", ".user.ini", "php.ini", "httpd.conf"];
/// Extensions that PHP's own handler is set for.
const OWN: [&str; 10] = ["php", "phtml", "phps", "php3", "php4", "php5", "php7", "php8", "inc", "phar"];

/// Whether a file of that name holds such settings.
pub fn is_settings(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    NAMES.contains(&last) || last.ends_with(".htaccess")
}

/// Reads a file of settings. `lower` is its text in lower case.
pub(super) fn read(lower: &[u8], found: &mut Found) {
    let mut at = 0;
    let mut files = String::new();
    for line in lower.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if !text.starts_with(['#', ';']) {
            if text.starts_with("<files") {
                text.clone_into(&mut files);
            } else if text.starts_with("</files") {
                files.clear();
            }
            directive(text, &files, at, found);
        }
        at += line.len() + 1;
    }
}

fn directive(line: &str, files: &str, at: usize, found: &mut Found) {
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty()).collect();
    let handler =
        |word: &str| word.contains("x-httpd-php") || word.contains("php-script") || word.contains("php5-cgi");
    match words.as_slice() {
        ["addtype" | "addhandler", kind, extensions @ ..] if handler(kind) => {
            let odd = extensions.iter().map(|word| word.trim_matches(['.', '"', '\'']));
            if let Some(odd) = odd.filter(|word| !word.is_empty()).find(|word| !OWN.contains(word)) {
                let what = format!("files that end as `.{}` are run as PHP", shown(odd));
                found.find("settings-handler", 80, at, what);
            }
        }
        ["sethandler" | "forcetype", kind, ..] if handler(kind) => {
            let odd = [
                ".jpg",
                ".jpeg",
                ".png",
                ".gif",
                ".txt",
                ".ico",
                ".css",
                ".js",
                ".htaccess",
                "jpg|",
                "png|",
                "gif|",
                "\\.jpe",
            ];
            let named = !files.is_empty() && !files.contains("php") && !files.contains("phtml");
            if odd.iter().any(|word| files.contains(word)) || named {
                found.find(
                    "settings-handler",
                    80,
                    at,
                    "files that are no pages by their names are run as PHP",
                );
            }
        }
        _ => included(&words, at, found),
    }
}

/// What is put before or behind each page, where that is no page by its name.
fn included(words: &[&str], at: usize, found: &mut Found) {
    let mut words =
        words.iter().skip_while(|word| !["auto_prepend_file", "auto_append_file"].contains(*word)).skip(1);
    let Some(path) = words.next().map(|word| word.trim_matches(['"', '\''])) else { return };
    let odd = ["http:", "https:", "ftp:", "data:", "php://", "\\\\", ".htaccess", ".user.ini"];
    let ends = [".jpg", ".jpeg", ".png", ".gif", ".txt", ".ico", ".css", ".log", ".zip", ".bmp"];
    if odd.iter().any(|word| path.contains(word)) || ends.iter().any(|end| path.ends_with(end)) {
        found.find(
            "settings-include",
            80,
            at,
            "each page includes code from a picture, a text or another server",
        );
    }
}

/// A word as far as it can be shown.
fn shown(word: &str) -> String {
    word.chars().filter(char::is_ascii_graphic).take(20).collect()
}
