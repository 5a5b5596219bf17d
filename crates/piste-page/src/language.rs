//! What language a page is in.
//!
//! In: the page's text in lower case and its name. Out: the languages that it may be read in, the likeliest first: the name,
//! the directive, what the file begins with and the words of its code are weighed. Languages that stand in the texts of another
//! are none of the page's: panels carry pages in other languages for their users. Where a server might run the page in
//! either of two, both are said, and the page is read in both.

use super::Language;
use super::segment::{attribute, has, place};

/// Names of pages that PHP runs.
const PHP: [&str; 13] =
    ["php", "phtml", "pht", "inc", "php3", "php4", "php5", "php7", "php8", "module", "phar", "phps", "php2"];
/// Names of pages in classic ASP.
const ASP: [&str; 4] = ["asp", "asa", "cer", "cdx"];
/// Names of pages in ASP.NET.
const DOTNET: [&str; 7] = ["aspx", "ashx", "asmx", "ascx", "master", "asax", "svc"];
/// Names of pages in Java.
const JAVA: [&str; 6] = ["jsp", "jspx", "jspf", "jspa", "tag", "tagx"];
/// What is put behind the name of a page that is kept.
const KEPT: [&str; 6] = [".txt", ".bak", ".old", ".orig", ".save", ".suspected"];
/// Bytes of a quoted text that is taken for one.
const QUOTED_MAX: usize = 4_096;
/// Directives of a page that are read.
const DIRECTIVES_MAX: usize = 16;

/// What stands in a page outside of the code that stands around it.
#[derive(Debug, Default)]
struct Marks {
    /// Where PHP's tag stands first.
    php: Option<usize>,
    /// Where `<%` stands first.
    percent: Option<usize>,
    /// From where to where its directives stand.
    directives: Vec<(usize, usize)>,
}

/// The languages of a page whose text in lower case is `lower`, the likeliest first; none where it holds no code.
pub(super) fn languages_of(lower: &[u8], name: &str) -> Vec<Language> {
    let name = name.to_ascii_lowercase();
    let extension = extension(&name);
    let start = lower.get(..lower.len().min(4_096)).unwrap_or_default();
    // In megabytes of compressed bytes `<?=` and `$_` stand by chance.
    let packed = start.starts_with(b"pk")
        || start
            .get(..512.min(start.len()))
            .is_some_and(|head| head.contains(&0) || head.starts_with(&[0x1f, 0x8b]));
    let tag = |text: &[u8]| {
        has(text, "<?php")
            || has(text, if packed { "<?=$_" } else { "<?=" })
            || has(text, "language=\"php\"")
            || has(text, "language='php'")
    };
    let php = tag(lower);
    let settings = super::settings::is_settings(&name);
    let marks = Marks::of(lower, &tag);
    let server = || {
        if settings { Some(Language::Config) } else { other(lower, start, extension, &marks) }
    };
    if !has(lower, "<%") || packed {
        // Nothing but PHP could be meant, or a server's page without marks.
        let bare =
            || server().or_else(|| is_short_php(lower, start, extension, packed).then_some(Language::Php));
        return if php { vec![Language::Php] } else { bare().into_iter().collect() };
    }
    let first = |php: usize, percent: usize| php < percent;
    match (php, marks.php, marks.percent) {
        (false, ..) => {
            let first = server();
            both(first, second(lower, &marks, first))
        }
        // Between the marks of another language PHP's own server would run it all the same.
        (true, None, _) if PHP.contains(&extension) => both(server(), Some(Language::Php)),
        (true, None, _) => both(server(), second(lower, &marks, server())),
        (true, Some(php), Some(percent)) => {
            let named = ASP.contains(&extension) || DOTNET.contains(&extension) || JAVA.contains(&extension);
            let begins = lower.trim_ascii_start().starts_with(b"<%");
            if begins || (first(percent, php) && !PHP.contains(&extension)) {
                both(server(), Some(Language::Php))
            } else {
                both(Some(Language::Php), server().filter(|_| named))
            }
        }
        (true, Some(_), None) => vec![Language::Php],
    }
}

/// Both, without what is there twice.
fn both(first: Option<Language>, second: Option<Language>) -> Vec<Language> {
    let mut all: Vec<Language> = first.into_iter().chain(second).collect();
    all.dedup();
    all
}

/// The part of a name that says what a server makes of the file: `x.asp;.jpg` is a page to IIS 6.
fn extension(name: &str) -> &str {
    let name = KEPT.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let last = last.split_once(';').map_or(last, |(page, _)| page);
    last.rsplit_once('.').map_or("", |(_, end)| end)
}

impl Marks {
    /// Goes over the page once: from a mark to the end of its code, and on behind it.
    fn of(lower: &[u8], tag: &impl Fn(&[u8]) -> bool) -> Self {
        let (mut marks, mut at) = (Self::default(), 0);
        while let Some(open) = memchr::memchr(b'<', lower.get(at..).unwrap_or_default()) {
            let here = at + open;
            let rest = lower.get(here..).unwrap_or_default();
            let close = match rest.get(1) {
                Some(b'%') => {
                    marks.percent.get_or_insert(here);
                    "%>"
                }
                Some(b'?') if rest.get(..6).is_some_and(tag) => {
                    marks.php.get_or_insert(here);
                    "?>"
                }
                Some(b's')
                    if rest.starts_with(b"<script")
                        && tag(rest.get(..80.min(rest.len())).unwrap_or_default()) =>
                {
                    marks.php.get_or_insert(here);
                    "</script"
                }
                _ => {
                    at = here + 1;
                    continue;
                }
            };
            let end = place(rest, close).map_or(lower.len(), |end| here + end);
            if marks.directives.len() < DIRECTIVES_MAX && rest.starts_with(b"<%@") {
                marks.directives.push((here, end));
            }
            at = end;
        }
        marks
    }

    /// The texts of the directives.
    fn directives<'t>(&'t self, lower: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        self.directives.iter().filter_map(|(from, to)| lower.get(*from..*to))
    }

    /// The language that a directive says.
    fn said<'t>(&'t self, lower: &'t [u8]) -> Option<&'t str> {
        self.directives(lower).find_map(|text| attribute(text, "language"))
    }
}

/// The second language of a page in classic ASP or ASP.NET whose directive and code disagree.
fn second(lower: &[u8], marks: &Marks, first: Option<Language>) -> Option<Language> {
    let said = marks.said(lower)?;
    let basic = || ["end if", "end sub", "end function", "dim "].iter().any(|word| has(lower, word));
    match first? {
        Language::VbScript if is_jscript(said) => Some(Language::JScript),
        Language::JScript if is_jscript(said) && basic() => Some(Language::VbScript),
        _ => None,
    }
}

fn is_jscript(said: &str) -> bool {
    matches!(said, "jscript" | "javascript" | "jscript.encode" | "javascript.encode" | "ecmascript" | "js")
}

/// The language of a page that is none of PHP's by its tags.
fn other(lower: &[u8], start: &[u8], extension: &str, outside: &Marks) -> Option<Language> {
    if has(start, "<configuration") || has(start, "xsl:stylesheet") {
        return Some(Language::Config);
    }
    let marks = has(lower, "<%");
    let code = if marks { without_texts(lower) } else { lower.into() };
    let java =
        ["java.", "javax.", "request.getparameter", "<jsp:", "request.getheader", "runtime.getruntime"]
            .iter()
            .any(|word| has(&code, word))
            || has(&code, "jsp/");
    if JAVA.contains(&extension)
        && (marks || has(lower, "<jsp:") || has(lower, "${") || has(lower, ":scriptlet"))
    {
        return Some(Language::Java);
    }
    // A page that bears the name of another language is Java only where its directive says so.
    let named = ASP.contains(&extension) || DOTNET.contains(&extension);
    let says_java = |text: &[u8]| ["\"java", "'java", "=java."].iter().any(|word| has(text, word));
    let said = outside.directives(lower).any(says_java);
    if (marks || has(lower, "<jsp:")) && java && !has(lower, "runat=") && (!named || said) {
        return Some(Language::Java);
    }
    let page = outside.directives(lower).any(is_dotnet_directive);
    let server = has(lower, "runat=\"server\"") || has(lower, "runat=server") || has(lower, "runat='server'");
    let dotnet = page || DOTNET.contains(&extension) || has(&code, "system.");
    // A page that was renamed still says what it is.
    let language = outside.said(lower);
    let renamed = page && matches!(language, Some("c#" | "cs" | "csharp" | "vb"));
    if (marks || server) && dotnet && (!ASP.contains(&extension) || renamed) {
        return Some(dotnet_language(lower));
    }
    if extension == "cshtml" || extension == "vbhtml" {
        return Some(Language::CSharp);
    }
    if marks || server || has(lower, "<!--#include") {
        return Some(asp_language(lower, &code, language));
    }
    is_bare_php(lower, extension).then_some(Language::Php)
}

/// Code of PHP whose opening tag is lost, or that another page evaluates.
fn is_bare_php(lower: &[u8], extension: &str) -> bool {
    !has(lower, "<?")
        && PHP.contains(&extension)
        && !matches!(extension, "inc" | "module")
        && has(lower, "$")
        && ["eval(", "assert(", "base64_decode(", "gzinflate(", "system(", "shell_exec("]
            .iter()
            .any(|word| has(lower, word))
}

/// PHP between its short tags.
fn is_short_php(lower: &[u8], start: &[u8], extension: &str, packed: bool) -> bool {
    has(lower, "<?")
        && (PHP.contains(&extension)
            || !packed && has(lower, "$_")
            || ["$_get", "$_post", "$_request", "$_cookie", "$_server", "$_files"]
                .iter()
                .any(|word| has(lower, word)))
        && !start.starts_with(b"<?xml")
}

/// Whether a directive is one that ASP.NET alone has.
fn is_dotnet_directive(text: &[u8]) -> bool {
    const KINDS: [&str; 11] = [
        "page",
        "webhandler",
        "webservice",
        "servicehost",
        "control",
        "master",
        "import",
        "assembly",
        "application",
        "register",
        "reference",
    ];
    let kind = text.get(3..).unwrap_or_default().trim_ascii_start();
    KINDS.iter().any(|word| kind.starts_with(word.as_bytes()))
}

/// A page without the quoted texts of its code: what stands in them says nothing of its language.
fn without_texts(lower: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let mut out = lower.to_vec();
    let mut at = 0;
    while let Some(open) = place(lower.get(at..).unwrap_or_default(), "<%") {
        let from = at + open + 2;
        let rest = lower.get(from..).unwrap_or_default();
        let length = place(rest, "%>").unwrap_or(rest.len());
        at = from + length;
        if rest.first() == Some(&b'@') {
            continue;
        }
        let mut inside = from;
        while let Some(quote) = memchr::memchr(b'"', lower.get(inside..at).unwrap_or_default()) {
            let begin = inside + quote + 1;
            let most = lower.get(begin..at.min(begin + QUOTED_MAX)).unwrap_or_default();
            let end = memchr::memchr2(b'"', b'\n', most).map_or(begin, |end| begin + end);
            out.get_mut(begin..end).unwrap_or_default().fill(b' ');
            inside = (end + 1).max(begin);
        }
    }
    out.into()
}

fn dotnet_language(lower: &[u8]) -> Language {
    let mut rest = lower;
    for _ in 0..20 {
        match attribute(rest, "language") {
            Some("c#" | "cs" | "csharp") => return Language::CSharp,
            Some("vb" | "visualbasic" | "vbs" | "vbscript") => return Language::VbNet,
            Some("jscript" | "js") => return Language::JScript,
            Some(_) => {
                let Some(at) = place(rest, "language") else { break };
                rest = rest.get(at + 8..).unwrap_or_default();
            }
            None => break,
        }
    }
    let basic = ["end sub", "end function", "dim ", "end if"].iter().any(|word| has(lower, word));
    if basic && !has(lower, "};") { Language::VbNet } else { Language::CSharp }
}

/// The language of classic ASP; `said` by its directive, or by the first tag that says one.
fn asp_language(lower: &[u8], code: &[u8], said: Option<&str>) -> Language {
    if said.is_some_and(|said| !is_jscript(said)) {
        return Language::VbScript;
    }
    if !attribute(lower, "language").is_some_and(is_jscript) {
        return Language::VbScript;
    }
    let basic = has(lower, "language=\"vbscript\"")
        || has(lower, "language=vbscript")
        || has(code, "end if")
        || has(code, "dim ");
    let script = has(lower, "<%") && !has(lower, "<%@");
    if basic || script && !has(lower, "runat") { Language::VbScript } else { Language::JScript }
}
