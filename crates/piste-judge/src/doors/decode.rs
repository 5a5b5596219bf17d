//! URLs as a server acts on them.
//!
//! In: a path and a query as logged. Out: `stem?query`, percent-decoded up to three times, in lower case: intruders encode
//! twice, and logs keep what was sent. Also the page of a web server that a file path or a URL means.

/// Rounds of percent-decoding.
const ROUNDS: usize = 3;
/// Bytes of a URL that are looked at.
const BYTES_MAX: usize = 16_384;

/// `stem?query` decoded, in lower case. An absent query is empty or `-`.
pub(crate) fn target(stem: &str, query: &str) -> String {
    let query = query.trim_start_matches('?');
    let mut text = String::with_capacity(stem.len() + query.len() + 1);
    text.push_str(stem);
    if !matches!(query, "" | "-") {
        text.push('?');
        text.push_str(query);
    }
    let mut end = text.len().min(BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    for _ in 0..ROUNDS {
        match percent_decoded(&text) {
            Some(decoded) => text = decoded,
            None => break,
        }
    }
    text.to_lowercase()
}

/// The text with `%xx` undone; `None` where there is none.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut changed = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value = pair.and_then(|pair| std::str::from_utf8(pair).ok()).and_then(hex);
        if let Some(value) = value {
            decoded.push(value);
            changed = true;
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    changed.then(|| String::from_utf8_lossy(&decoded).into_owned())
}

fn hex(pair: &str) -> Option<u8> {
    pair.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

/// Ends of names that a web server executes.
const PAGES: [&str; 17] = [
    ".aspx", ".ashx", ".asmx", ".asax", ".ascx", ".asp", ".cshtml", ".svc", ".soap", ".cer", ".asa", ".php",
    ".php5", ".phtml", ".jsp", ".jspx", ".cdx",
];

/// Whether a file name or URL path, in lower case, ends as a page that is executed.
pub(crate) fn is_page(lower: &str) -> bool {
    PAGES.iter().any(|end| lower.ends_with(end))
}

/// The page that a URL path, decoded and in lower case, leads to: slashes that stand twice count once, and what follows
/// a page's name is handed to it (`/a.aspx/x`).
pub(crate) fn page_of(url: &str) -> String {
    let mut path = String::with_capacity(url.len());
    let mut parts = url.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        path.push('/');
        path.push_str(part);
        if is_page(part) && parts.peek().is_some() {
            break;
        }
    }
    if url.ends_with('/') && !path.rsplit('/').next().is_some_and(is_page) {
        path.push('/');
    }
    path
}

/// The URL path that a file of a web server answers under, in lower case; `None` where its folder is none of a web server.
pub(crate) fn url_of_file(path: &str) -> Option<String> {
    let lower = path.to_lowercase().replace('/', "\\");
    let after = |mark: &str| lower.rfind(mark).and_then(|at| lower.get(at + mark.len()..));
    let (front, rest) = if let Some(rest) = after("\\frontend\\httpproxy\\") {
        ("/", rest)
    } else if let Some(rest) = after("\\inetpub\\wwwroot\\") {
        let rest = rest.split_once('\\').filter(|(first, _)| *first == "wss").map_or(rest, |(_, rest)| rest);
        ("/", rest)
    } else if let Some(rest) = after("\\template\\layouts\\") {
        ("/_layouts/", rest)
    } else {
        ("/", after("\\clientaccess\\")?)
    };
    (!rest.is_empty()).then(|| format!("{front}{}", rest.replace('\\', "/")))
}

/// The key under which a page's files and requests meet: its URL path where it has one, else its path, in lower case.
pub fn page_key(place: &str) -> String {
    let lower = place.to_lowercase();
    if lower.contains('\\') {
        let plain = lower.strip_prefix("\\\\?\\").unwrap_or(&lower);
        return url_of_file(plain).unwrap_or_else(|| plain.to_owned());
    }
    let path = lower.split(['?', '#']).next().unwrap_or_default();
    // SharePoint's layouts are reached with and without the version.
    ["/_layouts/15/", "/_layouts/16/", "/_layouts/14/"]
        .iter()
        .find_map(|front| path.strip_prefix(front).map(|rest| format!("/_layouts/{rest}")))
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets_are_decoded_thrice_at_most() {
        assert_eq!(target("/Owa/a%2540b", "-"), "/owa/a@b");
        assert_eq!(target("/a", "x=%252525252e"), "/a?x=%252e");
        assert_eq!(
            target("/a", "?Email=autodiscover/autodiscover.json%3F@x"),
            "/a?email=autodiscover/autodiscover.json?@x"
        );
        assert_eq!(target("/a%zz%", ""), "/a%zz%");
    }

    #[test]
    fn a_page_is_found_behind_doubled_slashes_and_before_what_it_is_handed() {
        assert_eq!(page_of("/aspnet_client//a.aspx"), "/aspnet_client/a.aspx");
        assert_eq!(page_of("/aspnet_client/a.aspx/x/y"), "/aspnet_client/a.aspx");
        assert_eq!(page_of("/aspnet_client/a.aspx/"), "/aspnet_client/a.aspx");
        assert_eq!(page_of("/owa/auth/"), "/owa/auth/");
        assert_eq!(page_of("/"), "/");
    }

    #[test]
    fn a_page_has_one_key_by_file_and_by_url() {
        let file = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth\OhYeah.aspx";
        assert_eq!(page_key(file), "/owa/auth/ohyeah.aspx");
        assert_eq!(page_key("/OWA/auth/ohyeah.aspx?x=1"), "/owa/auth/ohyeah.aspx");
        assert_eq!(page_key(r"C:\inetpub\wwwroot\aspnet_client\a.aspx"), "/aspnet_client/a.aspx");
        assert_eq!(page_key(r"D:\data\a.aspx"), r"d:\data\a.aspx");
        let layouts = r"C:\Program Files\Common Files\microsoft shared\Web Server Extensions\16\TEMPLATE\LAYOUTS\spinstall0.aspx";
        assert_eq!(page_key(layouts), page_key("/_layouts/15/spinstall0.aspx"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(stem in "[%a-f0-9/äA?]{0,40}", query in "\\PC{0,40}") {
            let once = target(&stem, &query);
            prop_assert!(once.len() <= 8 * BYTES_MAX);
            let _ = page_key(&stem);
        }
    }
}
