//! Web requests of the lake, to facts.
//!
//! In: rows of IIS, of the Exchange front end, of EWS and of remote PowerShell. Out: facts of flaws, of pages that the server
//! does not ship or that lie in the collection as shells, and of logged-on accounts. A path is looked at once a distinct
//! value; ordinary requests cost nothing else.

use piste_lake::scan::Scan;
use piste_lake::{Lake, LakeError};
use piste_model::ReasonKind;

use super::agents;
use super::decode::{is_page, page_key, page_of, target};
use super::fact::Fact;
use super::logons::Logons;
use super::mail::{self, Asked};
use super::proxies::Proxies;
use super::rows::{COMMON, Row, Rows};
use super::rung::Rung;
use super::shipped_pages::is_foreign;
use super::store::{Store, Topic};
use super::visits::Visit;
use super::web::{Request, classify, may_matter};
use super::words::quoted;

/// Agents of remote PowerShell that are Exchange's or Windows' own.
const OWN_AGENTS: [&str; 4] = ["clientinfo", "microsoft winrm client", "exchange backend probes", "-"];
/// Columns of IIS.
const IIS: [&str; 15] = [
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "s-port",
    "cs-username",
    "c-ip",
    "cs-referer",
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "X-Forwarded-For",
    "cs-user-agent",
    "sc-bytes",
    "cs-bytes",
    "time-taken",
];
/// Columns of the front end.
const FRONT_END: [&str; 13] = [
    "RequestId",
    "UrlStem",
    "UrlQuery",
    "AuthenticatedUser",
    "AnchorMailbox",
    "BackEndCookie",
    "RoutingHint",
    "Method",
    "ClientIpAddress",
    "HttpStatus",
    "UserAgent",
    "Protocol",
    "ResponseBytes",
];
const REMOTE_SHELL: [&str; 8] = [
    "RequestId",
    "UrlStem",
    "UrlQuery",
    "AuthenticatedUser",
    "ClientIpAddress",
    "HttpStatus",
    "ClientInfo",
    "IsAuthenticated",
];
const EWS: [&str; 6] =
    ["AuthenticatedUser", "ClientIpAddress", "UserAgent", "HttpStatus", "SoapAction", "RequestId"];

/// Reads the datasets of web requests.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    logons: &mut Logons,
    store: &mut Store,
) -> Result<(), LakeError> {
    scan(lake, "iis.access", &IIS, &mut |rows| {
        logons.sessions.take(rows, &mail::IIS, host);
        let pages = rows.ask("cs-uri-stem", false, |path| matters(path, store));
        // A refused logon by HTTP may be of any path.
        let refused = rows.ask("sc-status", false, |status| status == "401");
        for row in rows.iter() {
            let at = |list: &[bool]| list.get(row.number()).copied().unwrap_or(true);
            if at(&pages) {
                of_iis(row, host, store);
            }
            if at(&pages) || at(&refused) {
                sign_in(row, host, &store.proxies, logons);
            }
        }
    })?;
    scan(lake, "exchange.httpproxy", &FRONT_END, &mut |rows| {
        logons.sessions.take(rows, &mail::FRONT_END, host);
        rows.iter().for_each(|row| of_front_end(row, host, store));
    })?;
    scan(lake, "exchange.ews", &EWS, &mut |rows| {
        logons.sessions.take(rows, &mail::EWS, host);
        rows.iter().for_each(|row| of_ews(row, host, store));
    })?;
    scan(lake, "exchange.rps-http", &REMOTE_SHELL, &mut |rows| {
        rows.iter().for_each(|row| of_remote_shell(row, host, store));
    })
}

/// Whether a row with this path may say something.
fn matters(path: &str, store: &Store) -> bool {
    let page = page_of(&path.to_lowercase());
    may_matter(path) || is_page(&page) || store.collected.has_name(&page)
}

/// Hands each batch of a dataset to `each`.
fn scan(
    lake: &Lake,
    dataset: &str,
    columns: &[&str],
    each: &mut dyn FnMut(&Rows<'_>),
) -> Result<(), LakeError> {
    let columns: Vec<&str> = COMMON.iter().chain(columns).copied().collect();
    let wanted = |name: &str| name == dataset;
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        each(&Rows::new(batch));
        Ok(true)
    })
}

/// What a row says of a sign-in that was refused.
fn sign_in(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, proxies: &Proxies, logons: &mut Logons) {
    if matches!(row.text("s-port"), "444" | "81") {
        return;
    }
    let source = proxies.of_iis(row);
    let asked = Asked {
        method: row.text("cs-method"),
        stem: row.text("cs-uri-stem"),
        query: row.text("cs-uri-query"),
        status: row.text("sc-status"),
        win32: row.text("sc-win32-status"),
        user: row.text("cs-username"),
        source: &source,
    };
    logons.refusals.take(row, host, &asked);
}

fn status(text: &str) -> Option<u16> {
    text.trim().parse().ok()
}

/// `cafeReqId` of a query: the front end's `RequestId`.
fn request_id(query: &str) -> &str {
    let lower = query.to_ascii_lowercase();
    let Some(at) = lower.find("cafereqid=") else { return "" };
    let rest = query.get(at + "cafereqid=".len()..).unwrap_or_default();
    rest.split([';', '&', ' ']).next().unwrap_or_default()
}

/// The query as the client sent it, without what the front end appends.
fn sent(query: &str) -> &str {
    query.split("&CorrelationID=").next().unwrap_or_default()
}

fn of_iis(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let (method, stem, query) = (row.text("cs-method"), row.text("cs-uri-stem"), row.text("cs-uri-query"));
    let back_end = matches!(row.text("s-port"), "444" | "81");
    let request = Request {
        method,
        stem,
        query: sent(query),
        status: status(row.text("sc-status")),
        user: row.text("cs-username"),
        referer: row.text("cs-referer"),
        back_end,
        ..Request::default()
    };
    let log = if back_end { "IIS (back end)" } else { "IIS" };
    let client = if back_end { String::new() } else { store.proxies.of_iis(row) };
    let source = client.as_str();
    let query_sent =
        if matches!(request.query, "" | "-") { String::new() } else { format!("?{}", request.query) };
    let url = quoted(&format!("{stem}{query_sent}"));
    let answered = row.text("sc-status");
    if let Some(seen) = classify(&request) {
        let said = ReasonKind::FlawRequest {
            method: method.to_owned(),
            url: url.clone(),
            status: answered.to_owned(),
            sign: seen.sign,
            anchor: None,
            cookie: None,
            hint: None,
        };
        let mut fact = Fact::new(log, row.time(), row.place(), said).from(source).by(request.user);
        request_id(query).clone_into(&mut fact.request);
        store.add(&host(row.host()), Topic::Exploit(seen.flaw), seen.rung, fact);
    }
    if !back_end {
        let visit = Visit {
            nanos: row.time().map(|time| time.nanos),
            method,
            agent: row.text("cs-user-agent"),
            sent: row.text("sc-bytes").parse().ok(),
            received: row.text("cs-bytes").parse().ok(),
        };
        let noted = Noted { row, log: "IIS", id: request_id(query), source, url, answered };
        page(&request, &noted, host, store, visit);
    }
}

/// A request as one log noted it.
struct Noted<'a, 'r> {
    row: Row<'a, 'r>,
    log: &'static str,
    /// What joins it with the same request in another log.
    id: &'a str,
    source: &'a str,
    /// As a reason quotes it.
    url: String,
    answered: &'a str,
}

/// A page that is executed, and stands where the server ships none of that name, or lies in the collection as a shell.
fn page(
    request: &Request<'_>,
    noted: &Noted<'_, '_>,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
    visit: Visit<'_>,
) {
    let (row, log) = (noted.row, noted.log);
    let url = page_of(&target(request.stem, ""));
    let here = host(row.host());
    let known = store.collected.key_of(&here, &url).map(str::to_owned).or_else(|| {
        let by_folder = store.collected.mapped(&here, &url);
        std::iter::once(page_key(&url)).chain(by_folder).find(|key| store.has_page(&here, key))
    });
    let shell = known.is_some();
    let foreign = is_page(&url) && is_foreign(&url);
    let answered = matches!(request.status, Some(200..=299));
    // 404 with another number behind it is a refusal of this request; a redirect is what a sign-in page answers as well.
    if foreign
        && log == "IIS"
        && request.status == Some(404)
        && row.text("sc-substatus") == "0"
        && let Some(time) = row.time()
    {
        store.was_gone(&here, &page_key(&url), time.nanos, row.place().evidence);
    }
    if !(shell || (foreign && answered)) {
        return;
    }
    let key = known.unwrap_or_else(|| page_key(&url));
    let (method, url, status) = (request.method.to_owned(), noted.url.clone(), noted.answered.to_owned());
    let (rung, said) = match request.status {
        Some(200..=299) => (Rung::Used, ReasonKind::PageAnswered { method, url, status }),
        Some(500..=599) => (Rung::Unclear, ReasonKind::PageFailed { method, url, status }),
        _ => (Rung::Looked, ReasonKind::PageNotAnswered { method, url, status }),
    };
    if answered {
        store.visit(&here, &key, log == "HttpProxy", visit);
    }
    let mut fact =
        Fact::new(log, row.time(), row.place(), said).from(noted.source).by(request.user).page(&key);
    noted.id.clone_into(&mut fact.request);
    store.add(&here, Topic::Page(key), rung, fact);
}

fn of_front_end(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let request = Request {
        method: row.text("Method"),
        stem: row.text("UrlStem"),
        query: row.text("UrlQuery"),
        status: status(row.text("HttpStatus")),
        user: row.text("AuthenticatedUser"),
        anchor: row.text("AnchorMailbox"),
        cookie: row.text("BackEndCookie"),
        hint: row.text("RoutingHint"),
        ..Request::default()
    };
    front_end_page(&request, row, host, store);
    let Some(seen) = classify(&request) else { return };
    let beside = |value: &str| (!value.is_empty()).then(|| quoted(value));
    let said = ReasonKind::FlawRequest {
        method: request.method.to_owned(),
        url: quoted(&format!("{}{}", request.stem, request.query)),
        status: row.text("HttpStatus").to_owned(),
        sign: seen.sign,
        anchor: beside(request.anchor),
        cookie: beside(request.cookie),
        hint: beside(request.hint),
    };
    let mut fact = Fact::new("HttpProxy", row.time(), row.place(), said)
        .from(row.text("ClientIpAddress"))
        .by(request.user);
    row.text("RequestId").clone_into(&mut fact.request);
    store.add(&host(row.host()), Topic::Exploit(seen.flaw), seen.rung, fact);
}

/// A page that the front end noted too: the same request as IIS has, with the front end's id.
fn front_end_page(request: &Request<'_>, row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    if !matters(request.stem, store) {
        return;
    }
    let visit = Visit {
        nanos: row.time().map(|time| time.nanos),
        method: request.method,
        agent: row.text("UserAgent"),
        sent: row.text("ResponseBytes").parse().ok(),
        received: None,
    };
    let noted = Noted {
        row,
        log: "HttpProxy",
        id: row.text("RequestId"),
        source: row.text("ClientIpAddress"),
        url: quoted(&format!("{}{}", request.stem, request.query)),
        answered: row.text("HttpStatus"),
    };
    page(request, &noted, host, store, visit);
}

/// A push subscription by a program that is nobody's mail program: half of CVE-2018-8581.
fn of_ews(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let agent = row.text("UserAgent");
    let operation = row.text("SoapAction").to_ascii_lowercase();
    let subscribes = operation.ends_with("subscribe") && !operation.ends_with("unsubscribe");
    // Applications of the house subscribe with Microsoft's library; its version 0.0.0.0 is what exploits give out.
    if !subscribes || !agents::is_script(agent) {
        return;
    }
    let said = ReasonKind::SubscriptionAsked { agent: quoted(agent), status: quoted(row.text("HttpStatus")) };
    let mut fact = Fact::new("EWS log", row.time(), row.place(), said)
        .from(row.text("ClientIpAddress"))
        .by(row.text("AuthenticatedUser"));
    row.text("RequestId").clone_into(&mut fact.request);
    let topic = Topic::Exploit(super::flaw::Flaw::PushSubscription);
    store.add(&host(row.host()), topic, Rung::Looked, fact);
}

fn of_remote_shell(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let (query, agent) = (row.text("UrlQuery"), row.text("ClientInfo"));
    let token = query.to_ascii_lowercase().contains("x-rps-cat=");
    let lower = agent.to_ascii_lowercase();
    let own = agent.is_empty() || OWN_AGENTS.iter().any(|own| lower.starts_with(own));
    let user = row.text("AuthenticatedUser");
    if own && !token {
        return;
    }
    let status_text = row.text("HttpStatus");
    let passed = status(status_text).is_some_and(|code| (200..300).contains(&code));
    let rung = if passed { Rung::Passed } else { Rung::Refused };
    let said = ReasonKind::RemoteShellSession {
        client: (!agent.is_empty()).then(|| quoted(agent)),
        token,
        account: quoted(user),
        status: status_text.to_owned(),
    };
    let first_hop = row.text("ClientIpAddress").split([' ', ',']).next().unwrap_or_default();
    let mut fact = Fact::new("Rps_Http", row.time(), row.place(), said).from(first_hop).by(user);
    row.text("RequestId").clone_into(&mut fact.request);
    let topic = if token { Topic::Exploit(super::flaw::Flaw::ProxyShell) } else { Topic::ForeignShell };
    store.add(&host(row.host()), topic, rung, fact);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_end_appends_what_joins_two_logs() {
        let query = "a=b&CorrelationID=<empty>;&cafeReqId=0d8c7e4b-1;";
        assert_eq!(request_id(query), "0d8c7e4b-1");
        assert_eq!(sent(query), "a=b");
        assert_eq!(request_id("a=b"), "");
    }
}
