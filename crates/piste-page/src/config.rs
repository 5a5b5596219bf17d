//! Configuration and style sheets that run code.
//!
//! In: the text of a `web.config` or an XSL style sheet. Out: script in it, and handlers that make the server run what it
//! would not.

use super::found::Found;
use super::segment::{has, place};
use super::work::Work;
use super::{Language, Page, walk};

/// Reads a configuration file or a style sheet.
pub(super) fn read(page: Page<'_>, found: &mut Found, work: &Work) {
    let lower = page.lower;
    if let Some(at) = place(lower, "<msxsl:script")
        .or_else(|| place(lower, ":script"))
        .filter(|_| has(lower, "xsl:stylesheet") && has(lower, "urn:schemas-microsoft-com:xslt"))
    {
        let runs =
            ["process", "cmd", "file.", "assembly", "wscript", "eval("].iter().any(|word| has(lower, word));
        found.find(
            "xslt-script",
            if runs { 85 } else { 35 },
            at,
            "a style sheet holds script that the server runs",
        );
    }
    if has(lower, "<xsl:stylesheet") && (has(lower, "java.lang.runtime") || has(lower, "php:function")) {
        found.find(
            "xslt-script",
            80,
            place(lower, "xsl:stylesheet").unwrap_or(0),
            "a style sheet calls the runtime",
        );
    }
    let handlers = place(lower, "<handlers");
    if let Some(at) = handlers {
        let config = has(lower, "path=\"*.config\"")
            || has(lower, "path=\"web.config\"")
            || has(lower, "path='*.config'");
        let script = has(lower, "asp.dll")
            || has(lower, "php-cgi")
            || has(lower, "python.exe")
            || has(lower, "cmd.exe")
            || has(lower, "powershell.exe");
        if config && script {
            found.find("config-handler", 85, at, "configuration files are run as pages");
        }
        let odd = ["*.jpg", "*.png", "*.gif", "*.txt", "*.css", "*.js"]
            .iter()
            .any(|path| has(lower, &format!("path=\"{path}\"")));
        if odd && (script || has(lower, "pagehandlerfactory")) {
            found.find("config-handler", 80, at, "pictures or texts are run as pages");
        }
    }
    if has(lower, "hiddensegments") && has(lower, "remove segment=\"web.config\"") {
        found.find(
            "config-hidden",
            30,
            place(lower, "hiddensegments").unwrap_or(0),
            "web.config is made readable",
        );
    }
    if has(lower, "<%") {
        let at = place(lower, "<%").unwrap_or(0);
        walk(Page { name: "web.asp", ..page }, Language::VbScript, found, work);
        found.find("config-code", 50, at, "a configuration file holds code of a page");
    }
    if has(lower, "buildproviders") && has(lower, "compilation") && has(lower, ".config") {
        found.find(
            "config-build",
            60,
            place(lower, "buildproviders").unwrap_or(0),
            "configuration files are compiled as pages",
        );
    }
    let tfm =
        place(lower, "<machinekey").filter(|_| has(lower, "validationkey=") && !has(lower, "autogenerate"));
    if let Some(at) = tfm {
        found.cap("machine-key", at);
    }
}
