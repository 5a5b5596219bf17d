//! Where the code of a page stands.
//!
//! In: the page's text, its language and name. Out: its stretches of code, controls and directives.

use super::Language;

/// Stretches of code of one page.
const STRETCHES_MAX: usize = 20_000;

/// Bytes of an element's tag, on either side of what is looked for.
const TAG_BYTES_MAX: usize = 4_096;

/// What was cut out of a page.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Start of each stretch and its text.
    pub code: Vec<(usize, Vec<u8>)>,
    /// Stretches in another language than the page's: a script element says which.
    pub other: Vec<(usize, Vec<u8>, Language)>,
    /// `<object runat=server>`: its id, and its component or class id.
    pub objects: Vec<(String, String)>,
    /// Ids of controls that run at the server.
    pub controls: Vec<String>,
    /// Bytes of code.
    pub code_bytes: usize,
    /// From where on stretches were left, where there are too many.
    pub left_at: Option<usize>,
}

/// Whether `needle`, in lower case, stands in `text` in any case.
pub(super) fn has(text: &[u8], needle: &str) -> bool {
    place(text, needle).is_some()
}

/// Where `needle`, in lower case, stands first in `lower`, text in lower case.
pub(super) fn place(lower: &[u8], needle: &str) -> Option<usize> {
    memchr::memmem::find(lower, needle.as_bytes())
}

/// What a directive or script tag says after `language=`.
pub(super) fn attribute<'t>(lower: &'t [u8], name: &str) -> Option<&'t str> {
    let mut rest = lower;
    let mut tries = 0;
    while let Some(at) = place(rest, name) {
        rest = rest.get(at + name.len()..)?;
        let tail = rest.trim_ascii_start();
        if let Some(tail) = tail.strip_prefix(b"=") {
            let tail = tail.trim_ascii_start();
            let tail = tail
                .strip_prefix(b"\"")
                .or_else(|| tail.strip_prefix(b"'"))
                .unwrap_or(tail)
                .trim_ascii_start();
            let end = tail
                .iter()
                .take(40)
                .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'.')))?;
            return std::str::from_utf8(tail.get(..end)?).ok();
        }
        tries += 1;
        if tries > 50 {
            return None;
        }
    }
    None
}

/// Cuts the code out of a page. `lower` is `text` in lower case.
pub(super) fn cut(text: &[u8], lower: &[u8], language: Language, name: &str) -> Cut {
    let mut cut = Cut::default();
    if language == Language::Php {
        cut.code.push((0, text.to_vec()));
        cut.code_bytes = text.len();
        return cut;
    }
    let razor = name.to_ascii_lowercase().ends_with("html") && has(lower, "@");
    let handler = [
        "<%@ webhandler",
        "<%@webhandler",
        "<%@ webservice",
        "<%@webservice",
        "<%@ servicehost",
        "<%@servicehost",
    ]
    .iter()
    .find_map(|word| place(lower, word));
    let handler = handler.or_else(|| {
        let start = place(lower, "<%@")?;
        let rest = lower.get(start..).unwrap_or_default();
        let head = rest.get(..place(rest, "%>")?)?;
        (has(head, "class=") && has(head, "language=") && !has(head, "page") && !has(head, "control"))
            .then_some(start)
    });
    if let Some(start) = handler.filter(|_| language != Language::Java && language != Language::VbScript) {
        // All that follows the directive is code.
        let end =
            place(lower.get(start..).unwrap_or_default(), "%>").map_or(text.len(), |end| start + end + 2);
        cut.code.push((end, text.get(end..).unwrap_or_default().to_vec()));
    } else if razor && !has(lower, "<%") {
        cut.code.push((0, text.to_vec()));
    } else {
        marks(text, lower, language, &mut cut);
        scripts(text, lower, language, &mut cut);
        cut.code.sort_by_key(|(at, _)| *at);
    }
    if language != Language::Java {
        controls(lower, &mut cut);
    }
    cut.code_bytes = cut.code.iter().map(|(_, code)| code.len()).sum();
    cut.code_bytes += cut.other.iter().map(|(_, code, _)| code.len()).sum::<usize>();
    cut
}

/// Stretches between `<%` and `%>`, and the elements of JSP documents.
fn marks(text: &[u8], lower: &[u8], language: Language, cut: &mut Cut) {
    let mut at = 0;
    while let Some(start) = place(lower.get(at..).unwrap_or_default(), "<%") {
        let start = at + start;
        let mut from = start + 2;
        let rest = lower.get(from..).unwrap_or_default();
        let length = place(rest, "%>").unwrap_or(rest.len());
        at = from + length + 2;
        match lower.get(from) {
            Some(b'@') => continue,
            Some(b'-') if lower.get(from + 1) == Some(&b'-') => {
                at = place(rest, "--%>").map_or(text.len(), |end| from + end + 4);
                continue;
            }
            Some(b'=' | b'!' | b'#' | b':' | b'$') => from += 1,
            _ => {}
        }
        let code = text.get(from..(at - 2).min(text.len())).unwrap_or_default();
        // Thousands of empty stretches are put before code that should not be found.
        if !code.trim_ascii().is_empty() {
            cut.code.push((from, code.to_vec()));
        }
        if cut.code.len() > STRETCHES_MAX {
            cut.left_at = Some(at);
        }
        if cut.left_at.is_some() || at >= text.len() {
            break;
        }
    }
    if language != Language::Java {
        return;
    }
    for tag in ["scriptlet", "declaration", "expression"] {
        let mut at = 0;
        while let Some(start) = place(lower.get(at..).unwrap_or_default(), &format!(":{tag}")) {
            let from = at + start + tag.len() + 1;
            let rest = lower.get(from..).unwrap_or_default();
            at = from + place(rest, &format!(":{tag}")).unwrap_or(rest.len());
            let inside = text.get(from..at).unwrap_or_default();
            let inside =
                inside.get(memchr::memchr(b'>', inside).map_or(0, |end| end + 1)..).unwrap_or_default();
            let raw = place(&inside.to_ascii_lowercase(), "<![cdata[").is_some();
            let code = super::value::text_of(inside).replace("<![CDATA[", " ").replace("]]>", " ");
            let code = if raw { code } else { super::decode::entities(&code) };
            let code = code.rsplit_once("</").map_or(code.as_str(), |(code, _)| code).to_owned();
            cut.code.push((from, super::value::bytes_of(&code)));
            at += tag.len() + 1;
            if at >= text.len() || cut.code.len() > STRETCHES_MAX {
                break;
            }
        }
    }
    expressions(text, lower, cut);
}

/// `${...}` in the text of a JSP page, where it does more than name a value.
fn expressions(text: &[u8], lower: &[u8], cut: &mut Cut) {
    let mut at = 0;
    while let Some(start) = place(lower.get(at..).unwrap_or_default(), "${") {
        let from = at + start + 2;
        let rest = lower.get(from..).unwrap_or_default();
        let end = memchr::memchr(b'}', rest).unwrap_or(rest.len());
        let inside = rest.get(..end).unwrap_or_default();
        if has(inside, "forname")
            || has(inside, "getclass")
            || has(inside, "getruntime")
            || has(inside, "loadclass")
        {
            cut.code.push((from, text.get(from..from + end).unwrap_or_default().to_vec()));
        }
        at = from + end;
        if cut.code.len() > STRETCHES_MAX {
            break;
        }
    }
}

/// `<script runat=server>`.
fn scripts(text: &[u8], lower: &[u8], language: Language, cut: &mut Cut) {
    let mut at = 0;
    while let Some(start) = place(lower.get(at..).unwrap_or_default(), "<script") {
        let from = at + start + 7;
        let rest = lower.get(from..).unwrap_or_default();
        let Some(head) = memchr::memchr(b'>', rest) else { break };
        let tail = rest.get(head + 1..).unwrap_or_default();
        let end = place(tail, "</script").unwrap_or(tail.len());
        let attributes = rest.get(..head).unwrap_or_default();
        if has(attributes, "runat") && has(attributes, "server") {
            let begin = from + head + 1;
            let code = text.get(begin..begin + end).unwrap_or_default().to_vec();
            match spoken(attributes, language) {
                Some(other) => cut.other.push((begin, code, other)),
                None => cut.code.push((begin, code)),
            }
        }
        at = from + head + 1 + end;
        if cut.code.len() > STRETCHES_MAX {
            break;
        }
    }
}

/// The language of a script element of classic ASP, where it is not the page's.
fn spoken(attributes: &[u8], language: Language) -> Option<Language> {
    let own = match attribute(attributes, "language")? {
        "vbscript" | "vbs" | "vb" | "vbscript.encode" => Language::VbScript,
        "jscript" | "javascript" | "js" | "jscript.encode" => Language::JScript,
        _ => return None,
    };
    let classic = matches!(language, Language::VbScript | Language::JScript);
    (classic && own != language).then_some(own)
}

/// Ids of controls with `runat=server`, and of components.
fn controls(lower: &[u8], cut: &mut Cut) {
    let mut at = 0;
    while let Some(start) = place(lower.get(at..).unwrap_or_default(), "runat") {
        let here = at + start;
        at = here + 5;
        let from = here.saturating_sub(TAG_BYTES_MAX);
        let Some(open) = memchr::memrchr(b'<', lower.get(from..here).unwrap_or_default()) else { continue };
        let open = from + open;
        let to = (here + TAG_BYTES_MAX).min(lower.len());
        let close =
            memchr::memchr(b'>', lower.get(here..to).unwrap_or_default()).map_or(to, |end| here + end);
        let tag = lower.get(open..close).unwrap_or_default();
        if tag.starts_with(b"<script") || tag.starts_with(b"<%") {
            continue;
        }
        let Some(id) = attribute_id(tag) else { continue };
        if tag.starts_with(b"<object") {
            let class = attribute_text(tag, "classid").or_else(|| attribute_text(tag, "progid"));
            cut.objects.extend(class.map(|class| (id, class)));
        } else {
            cut.controls.push(id);
        }
        if cut.controls.len() + cut.objects.len() >= 1_000 {
            break;
        }
    }
}

/// The text of an attribute, without quotes.
fn attribute_text(tag: &[u8], name: &str) -> Option<String> {
    let rest = tag.get(place(tag, name)? + name.len()..)?.trim_ascii_start().strip_prefix(b"=")?;
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let ends = |byte: &u8| matches!(byte, b'"' | b'\'' | b'>') || byte.is_ascii_whitespace();
    let end = rest.iter().take(200).position(ends).unwrap_or(rest.len().min(200));
    std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
}

fn attribute_id(tag: &[u8]) -> Option<String> {
    let at = place(tag, " id").or_else(|| place(tag, "\tid"))?;
    let rest = tag.get(at + 3..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end =
        rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_')).unwrap_or(rest.len());
    std::str::from_utf8(rest.get(..end)?).ok().filter(|id| !id.is_empty()).map(str::to_owned)
}
