//! What one web request says of a way in.
//!
//! In: a request as IIS, the Exchange front end or remote PowerShell logged it. Out: which flaw it is about, how far it
//! came, and why. The answer code decides only where it differs between a server that has the flaw and one that has not.
//!
//! Sources: Microsoft's CSS-Exchange scripts (Test-ProxyLogon), Microsoft's and `CrowdStrike`'s reports on `ProxyNotShell` and
//! OWASSRF, Orange Tsai's `ProxyShell` talk, ZDI on CVE-2020-0688, CVE-2021-33766 and CVE-2019-0604.

use piste_model::reason::RequestSign;

use super::decode::target;
use super::flaw::Flaw;
use super::rung::Rung;

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) stem: &'a str,
    pub(crate) query: &'a str,
    pub(crate) status: Option<u16>,
    /// Who logged on; empty or `-` for nobody.
    pub(crate) user: &'a str,
    /// `AnchorMailbox` of the front end's log.
    pub(crate) anchor: &'a str,
    /// `BackEndCookie` of the front end's log.
    pub(crate) cookie: &'a str,
    /// `RoutingHint` of the front end's log.
    pub(crate) hint: &'a str,
    pub(crate) referer: &'a str,
    /// Whether the back-end site logged it: the same request a second time.
    pub(crate) back_end: bool,
}

impl Request<'_> {
    fn has_user(&self) -> bool {
        !matches!(self.user, "" | "-")
    }

    fn is_post(&self) -> bool {
        self.method.eq_ignore_ascii_case("POST")
    }

    fn answer(&self) -> Answer {
        match self.status {
            Some(200..=299) => Answer::Done,
            Some(300..=399) => Answer::Elsewhere,
            Some(400..=499) => Answer::Refused,
            Some(500..=599) => Answer::Error,
            _ => Answer::Unknown,
        }
    }
}

/// What an answer code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// 2xx, and Exchange's own 241.
    Done,
    Elsewhere,
    Refused,
    Error,
    Unknown,
}

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) flaw: Flaw,
    pub(crate) rung: Rung,
    pub(crate) sign: RequestSign,
}

#[expect(clippy::unnecessary_wraps, reason = "every test of a request ends with it")]
fn seen(flaw: Flaw, rung: Rung, sign: RequestSign) -> Option<Seen> {
    Some(Seen { flaw, rung, sign })
}

/// What the request shows; `None` for ordinary ones.
pub(crate) fn classify(request: &Request<'_>) -> Option<Seen> {
    if let Some(found) = named_back_end(request) {
        return Some(found);
    }
    if !may_matter(request.stem) {
        return None;
    }
    let url = target(request.stem, request.query);
    confusion(request, &url)
        .or_else(|| owa_path(request, &url))
        .or_else(|| view_state(request, &url))
        .or_else(|| reset(request, &url))
        .or_else(|| static_resource(request, &url))
        .or_else(|| proxied_logon(request, &url))
        .or_else(|| proxy_token(request, &url))
        .or_else(|| proxy_oracle(request, &url))
        .or_else(|| share_point(request, &url))
        .or_else(|| template_upload(request, &url))
}

/// Whether any test below could be met by a URL with this path: most paths are settled by one look at a distinct value.
pub(crate) fn may_matter(stem: &str) -> bool {
    let starts = |front: &str| stem.get(..front.len()).is_some_and(|head| head.eq_ignore_ascii_case(front));
    stem.contains('%')
        || ["/ecp", "/owa", "/autodiscover", "/powershell", "/_layouts", "/_vti_bin"]
            .iter()
            .any(|front| starts(front))
        || stem.contains("/_layouts/")
}

/// The front end was sent to a back end that the client named, by either column that tells: what goes furthest.
fn named_back_end(request: &Request<'_>) -> Option<Seen> {
    let of_cookie = || back_ends(request.cookie).filter_map(|target| named(request, &target));
    back_ends(request.anchor)
        .filter_map(|target| named(request, &target))
        .chain(of_cookie())
        .max_by_key(|seen| seen.rung)
}

/// The `host/path` of each back end that a routing value names: `ServerInfo~host/path`, as `AnchorMailbox` has it, or
/// `Server~host/path~version~expiry`, as `BackEndCookie` has it; encoded, quoted, under the cookie's own name, or several together.
/// What Exchange itself writes there names a host or a database and no path.
fn back_ends(value: &str) -> impl Iterator<Item = String> {
    // Nearly every row has such a value, and hardly any a path in it.
    let text = if value.contains(['/', '%']) { target(value, "") } else { String::new() };
    let parts: Vec<String> = ["serverinfo~", "server~"]
        .iter()
        .flat_map(|front| {
            text.match_indices(front).filter_map(|(at, _)| {
                let before = text.get(..at)?.chars().next_back();
                let rest = text.get(at + front.len()..)?;
                let starts = before.is_none_or(|letter| !letter.is_ascii_alphanumeric());
                let rest = rest.split(['~', '"', ';', '|']).next()?;
                (starts && rest.contains('/')).then(|| rest.to_owned())
            })
        })
        .collect();
    parts.into_iter()
}

/// What a request to a back end of the client's choice shows.
fn named(request: &Request<'_>, rest: &str) -> Option<Seen> {
    let (host, path) = rest.split_once('/')?;
    let marked = host.contains([']', '@']) || rest.contains(":444") || rest.ends_with('#');
    if path.is_empty() || (path.starts_with("autodiscover") && !marked) {
        return None; // Exchange servers also send each other there
    }
    let local = host.starts_with("localhost");
    let deep = [
        "mapi/",
        "ecp/proxylogon.ecp",
        "ecp/ddi/",
        "autodiscover/autodiscover.xml",
        "ews/",
        "oab",
        "powershell",
    ]
    .iter()
    .any(|service| path.starts_with(service) || path.contains(&format!("/{service}")));
    let steps = ["mapi/emsmdb", "proxylogon.ecp", "ddiservice"].iter().any(|step| path.contains(step));
    match request.answer() {
        Answer::Done if path.contains("virtualdirectory") && path.contains("reset") => {
            seen(Flaw::ProxyLogon, Rung::Effect, RequestSign::ForgedReset)
        }
        Answer::Done if deep && !local => seen(Flaw::ProxyLogon, Rung::Passed, RequestSign::ForgedAnswered),
        Answer::Done => seen(Flaw::ProxyLogon, Rung::OpenAnswer, RequestSign::ForgedTest),
        Answer::Refused | Answer::Elsewhere if steps => {
            seen(Flaw::ProxyLogon, Rung::Refused, RequestSign::ChainRefused)
        }
        Answer::Error if steps => seen(Flaw::ProxyLogon, Rung::Unclear, RequestSign::ChainError),
        _ => seen(Flaw::ProxyLogon, Rung::Looked, RequestSign::ForgedNamed),
    }
}

/// Autodiscover's path used to reach another service.
fn confusion(request: &Request<'_>, url: &str) -> Option<Seen> {
    let token = url.contains("x-rps-cat=");
    if request.back_end || url.starts_with("/powershell") {
        // The same request behind the front end, or remote PowerShell's own log.
        return (token && request.answer() == Answer::Done).then_some(Seen {
            flaw: Flaw::ProxyShell,
            rung: Rung::Passed,
            sign: RequestSign::TokenTaken,
        });
    }
    let services = ["/powershell", "/mapi/", "/ews/", "/owa/", "/ecp/", "/api/"];
    let shell_by_discovery = url.starts_with("/autodiscover/") && url.contains("/powershell");
    if !(url.contains("/autodiscover.json") || shell_by_discovery) {
        return None;
    }
    let after = url.find("autodiscover.json").and_then(|at| url.get(at..)).unwrap_or(url);
    let other =
        services.iter().any(|service| after.contains(service)) || url.contains("@localhost/powershell");
    let again = url.matches("autodiscover/autodiscover.json").count() > 1;
    let shell = url.contains("powershell");
    let protocol = shell && url.contains("protocol=");
    if !(other || again || token || protocol) {
        return None;
    }
    let later = url.contains("protocol=powershell") || (shell && request.has_user() && !token);
    let flaw = if later { Flaw::ProxyNotShell } else { Flaw::ProxyShell };
    match request.answer() {
        Answer::Done if flaw == Flaw::ProxyNotShell && !request.has_user() => {
            seen(flaw, Rung::OpenAnswer, RequestSign::NobodyLoggedOn)
        }
        Answer::Done if token || later || request.is_post() => {
            seen(flaw, Rung::Passed, RequestSign::AutodiscoverAnswered)
        }
        Answer::Done => seen(flaw, Rung::OpenAnswer, RequestSign::AutodiscoverTest),
        Answer::Elsewhere if other && (url.contains("/mapi/nspi") || url.contains("/ews/")) => {
            seen(flaw, Rung::OpenAnswer, RequestSign::AutodiscoverSentOn)
        }
        Answer::Error if token || (request.is_post() && other) => {
            seen(flaw, Rung::Unclear, RequestSign::PayloadError)
        }
        Answer::Refused if token => seen(flaw, Rung::Refused, RequestSign::TokenRefused),
        Answer::Refused if later && request.has_user() => {
            seen(flaw, Rung::Refused, RequestSign::ShellRefused)
        }
        _ => seen(flaw, Rung::Looked, RequestSign::PathTried),
    }
}

/// `/owa/name@domain/powershell`.
fn owa_path(request: &Request<'_>, url: &str) -> Option<Seen> {
    if !url.starts_with("/owa/") {
        return None;
    }
    let stem = url.split('?').next().unwrap_or_default();
    let (before, _) = stem.split_once("/powershell")?;
    let named = before.rsplit('/').next().is_some_and(|name| name.contains('@'));
    if !named {
        return None;
    }
    match request.answer() {
        Answer::Done if request.is_post() => seen(Flaw::Owassrf, Rung::Passed, RequestSign::OwaAnswered),
        Answer::Done => seen(Flaw::Owassrf, Rung::OpenAnswer, RequestSign::OwaNotRefused),
        Answer::Error if request.is_post() => seen(Flaw::Owassrf, Rung::Unclear, RequestSign::OwaError),
        Answer::Refused if request.is_post() && request.has_user() => {
            seen(Flaw::Owassrf, Rung::Refused, RequestSign::OwaRefused)
        }
        _ => seen(Flaw::Owassrf, Rung::Looked, RequestSign::PathTried),
    }
}

/// A view state long enough to hold an object, sent where no page of Microsoft's sends one.
fn view_state(request: &Request<'_>, url: &str) -> Option<Seen> {
    const SHORTEST: usize = 200;
    if !request.method.eq_ignore_ascii_case("GET") || !(url.starts_with("/ecp/") || url.starts_with("/owa/"))
    {
        return None;
    }
    let state = url.split(['?', '&']).find_map(|part| part.strip_prefix("__viewstate="))?;
    if state.len() < SHORTEST {
        return seen(Flaw::ViewState, Rung::Looked, RequestSign::ViewStateShort);
    }
    match request.answer() {
        Answer::Refused | Answer::Elsewhere => {
            seen(Flaw::ViewState, Rung::Refused, RequestSign::ViewStateRefused)
        }
        _ if request.has_user() => seen(Flaw::ViewState, Rung::Unclear, RequestSign::ViewStateSent),
        _ => seen(Flaw::ViewState, Rung::Looked, RequestSign::ViewStateNoLogon),
    }
}

/// The control panel resets or sets a virtual directory for the server's own account.
fn reset(request: &Request<'_>, url: &str) -> Option<Seen> {
    if !url.starts_with("/ecp/ddi/ddiservice.svc/setobject") || !url.contains("virtualdirectory") {
        return None;
    }
    let machine = request.user.ends_with('$');
    let resets = url.contains("schema=reset");
    match request.answer() {
        Answer::Done if machine && resets => seen(Flaw::ProxyLogon, Rung::Effect, RequestSign::PanelReset),
        Answer::Done if machine => seen(Flaw::ProxyLogon, Rung::Passed, RequestSign::PanelSet),
        _ => None,
    }
}

/// Status of the control panel's proxied logon.
const PROXY_LOGON: u16 = 241;

/// POST to a file that is only ever fetched.
fn static_resource(request: &Request<'_>, url: &str) -> Option<Seen> {
    if !request.is_post() || request.back_end || request.has_user() {
        return None;
    }
    let stem = url.split('?').next().unwrap_or_default();
    if !(stem.starts_with("/ecp/") || stem.starts_with("/owa/")) {
        return None;
    }
    let fixed =
        [".js", ".css", ".flt", ".gif", ".png", ".ttf", ".eot", ".ico"].iter().any(|end| stem.ends_with(end));
    if !fixed {
        return None;
    }
    match request.answer() {
        Answer::Done if request.status == Some(PROXY_LOGON) => {
            seen(Flaw::ProxyLogon, Rung::Passed, RequestSign::StaticProxied)
        }
        // Tests of open servers get it, and so does everybody behind a filter that answers for the server.
        Answer::Done => seen(Flaw::ProxyLogon, Rung::OpenAnswer, RequestSign::StaticDone),
        Answer::Error => seen(Flaw::ProxyLogon, Rung::Looked, RequestSign::StaticError),
        _ => seen(Flaw::ProxyLogon, Rung::Looked, RequestSign::StaticRefused),
    }
}

/// Tests of `ProxyLogon` that name no back end in the log: scripts of one to three letters, which Exchange has none of, and the
/// page of the proxied logon, which only its own servers ask for. Patched and open servers answer both the same where the
/// cookie does not take effect.
fn proxied_logon(request: &Request<'_>, url: &str) -> Option<Seen> {
    if request.has_user() || request.back_end {
        return None;
    }
    let stem = url.split('?').next().unwrap_or_default();
    let short = ["/ecp/", "/owa/auth/", "/ecp/auth/"].iter().any(|folder| {
        let name = stem.strip_prefix(folder).and_then(|rest| rest.strip_suffix(".js"));
        name.is_some_and(|name| {
            (1..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    });
    if short {
        return seen(Flaw::ProxyLogon, Rung::Looked, RequestSign::ScriptAsked);
    }
    if stem != "/ecp/proxylogon.ecp" {
        return None;
    }
    match request.status {
        Some(PROXY_LOGON) => seen(Flaw::ProxyLogon, Rung::Passed, RequestSign::ProxyLogonAnswered),
        _ => seen(Flaw::ProxyLogon, Rung::Looked, RequestSign::ProxyLogonAsked),
    }
}

/// A rule of someone's inbox made without a logon.
fn proxy_token(request: &Request<'_>, url: &str) -> Option<Seen> {
    let token = url.contains("securitytoken=") && url.starts_with("/ecp/");
    let rules = url.starts_with("/ecp/") && url.contains("/ruleseditor/inboxrules.svc/newobject");
    if request.has_user() || request.back_end || !(token || (rules && request.is_post())) {
        return None;
    }
    match request.answer() {
        Answer::Done if rules => seen(Flaw::ProxyToken, Rung::Passed, RequestSign::RuleMade),
        Answer::Error if rules => seen(Flaw::ProxyToken, Rung::Unclear, RequestSign::RuleAsked),
        _ => seen(Flaw::ProxyToken, Rung::Looked, RequestSign::PanelToken),
    }
}

fn proxy_oracle(_request: &Request<'_>, url: &str) -> Option<Seen> {
    let link = url.strip_prefix("/owa/auth/frowny.aspx").and_then(|rest| rest.split_once("refurl="))?.1;
    let odd = ["}", "<script", "document", "javascript:"].iter().any(|mark| link.contains(mark));
    if odd {
        return seen(Flaw::ProxyOracle, Rung::Looked, RequestSign::ScriptLink);
    }
    None
}

fn share_point(request: &Request<'_>, url: &str) -> Option<Seen> {
    if url.contains("/_layouts/") && url.contains("/picker.aspx") && url.contains("pickerdialogtype=") {
        return match request.answer() {
            Answer::Done if request.is_post() => {
                seen(Flaw::SharePointPicker, Rung::Unclear, RequestSign::PickerPosted)
            }
            Answer::Refused if request.is_post() => {
                seen(Flaw::SharePointPicker, Rung::Refused, RequestSign::PickerRefused)
            }
            _ => seen(Flaw::SharePointPicker, Rung::Looked, RequestSign::PickerAsked),
        };
    }
    if url.contains("/_layouts/") && url.contains("/toolpane.aspx") && url.contains("displaymode=edit") {
        let from_sign_out = request.referer.to_lowercase().contains("/signout.aspx");
        return match request.answer() {
            Answer::Done | Answer::Elsewhere if request.is_post() && from_sign_out && !request.has_user() => {
                seen(Flaw::SharePointToolPane, Rung::Passed, RequestSign::ToolPaneAnswered)
            }
            Answer::Refused if request.is_post() => {
                seen(Flaw::SharePointToolPane, Rung::Refused, RequestSign::ToolPaneRefused)
            }
            _ if request.is_post() && from_sign_out => {
                seen(Flaw::SharePointToolPane, Rung::Unclear, RequestSign::ToolPaneEntered)
            }
            _ if from_sign_out => seen(Flaw::SharePointToolPane, Rung::Looked, RequestSign::ToolPaneAsked),
            _ => None,
        };
    }
    None
}

/// A policy template sent through the control panel.
fn template_upload(request: &Request<'_>, url: &str) -> Option<Seen> {
    if !request.is_post() || !url.starts_with("/ecp/dlppolicy/managepolicyfromisv.aspx") {
        return None;
    }
    match request.answer() {
        Answer::Done | Answer::Error if request.has_user() => {
            seen(Flaw::DataLossPolicy, Rung::Unclear, RequestSign::TemplateUploaded)
        }
        _ => seen(Flaw::DataLossPolicy, Rung::Looked, RequestSign::TemplateRefused),
    }
}

#[cfg(test)]
#[path = "web_tests.rs"]
mod tests;
