//! Web requests of the lake, to facts.
//!
//! In: rows of IIS, of the Exchange front end and of its remote PowerShell. Out: facts of flaws, and of pages that the
//! server does not ship. A path is looked at once a distinct value; ordinary requests cost nothing else.

use piste_lake::scan::Scan;
use piste_lake::{Lake, LakeError};

use super::decode::{is_page, page_key, target};
use super::fact::{Fact, Rung, Store, Topic, quoted};
use super::rows::{COMMON, Row, Rows};
use super::web::{Request, classify, may_matter};

/// Agents of remote PowerShell that are Exchange's or Windows' own.
const OWN_AGENTS: [&str; 4] = ["clientinfo", "microsoft winrm client", "exchange backend probes", "-"];

/// Reads the datasets of web requests.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let iis = [
        "cs-method",
        "cs-uri-stem",
        "cs-uri-query",
        "s-port",
        "cs-username",
        "c-ip",
        "cs-referer",
        "sc-status",
        "X-Forwarded-For",
        "cs-user-agent",
    ];
    scan(lake, "iis.access", &iis, "cs-uri-stem", &mut |row| of_iis(row, host, store))?;
    let front = [
        "RequestId",
        "UrlStem",
        "UrlQuery",
        "AuthenticatedUser",
        "AnchorMailbox",
        "RoutingHint",
        "Method",
        "ClientIpAddress",
        "HttpStatus",
        "UserAgent",
        "Protocol",
    ];
    scan(lake, "exchange.httpproxy", &front, "", &mut |row| of_front_end(row, host, store))?;
    let shell = [
        "RequestId",
        "UrlStem",
        "UrlQuery",
        "AuthenticatedUser",
        "ClientIpAddress",
        "HttpStatus",
        "ClientInfo",
        "IsAuthenticated",
    ];
    scan(lake, "exchange.rps-http", &shell, "", &mut |row| of_remote_shell(row, host, store))
}

/// Hands each row of a dataset to `each`; with `stem`, only rows whose path may matter.
fn scan(
    lake: &Lake,
    dataset: &str,
    columns: &[&str],
    stem: &str,
    each: &mut dyn FnMut(Row<'_, '_>),
) -> Result<(), LakeError> {
    let columns: Vec<&str> = COMMON.iter().chain(columns).copied().collect();
    let wanted = |name: &str| name == dataset;
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        let rows = Rows::new(batch);
        let matters =
            rows.ask(stem, stem.is_empty(), |path| may_matter(path) || is_page(&path.to_lowercase()));
        rows.iter().filter(|row| matters.get(row.number()).copied().unwrap_or(true)).for_each(&mut *each);
        Ok(true)
    })
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
    let forwarded = row.text("X-Forwarded-For");
    let client = if matches!(forwarded, "" | "-") { row.text("c-ip") } else { forwarded };
    let source = if back_end { "" } else { client };
    let told = |why: &str| {
        let query =
            if matches!(request.query, "" | "-") { String::new() } else { format!("?{}", request.query) };
        let url = quoted(&format!("{stem}{query}"));
        format!("{method} {url} answered {}: {why}", row.text("sc-status"))
    };
    if let Some(seen) = classify(&request) {
        let mut fact = Fact::new(log, row.time(), row.place(), told(seen.why)).from(source).by(request.user);
        request_id(query).clone_into(&mut fact.request);
        store.add(&host(row.host()), Topic::Exploit(seen.flaw), seen.rung, fact);
    }
    if !back_end {
        page(&request, row, host, store, source, &told);
    }
}

/// A page that is executed, stands where the server ships none of that name, and was answered.
fn page(
    request: &Request<'_>,
    row: Row<'_, '_>,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
    source: &str,
    told: &dyn Fn(&str) -> String,
) {
    let url = target(request.stem, "");
    if !is_page(&url) || !matches!(request.status, Some(200..=299)) || !is_foreign(&url) {
        return;
    }
    let key = page_key(&url);
    let why = "the page was asked for and answered";
    let fact = Fact::new("IIS", row.time(), row.place(), told(why)).from(source).by(request.user).page(&key);
    store.add(&host(row.host()), Topic::Page(key), Rung::Used, fact);
}

/// Pages that Exchange ships in the folders in which intruders leave theirs.
const SHIPPED: [&str; 10] = [
    "/ecp/auth/timeoutlogout.aspx",
    "/owa/auth/errorfe.aspx",
    "/owa/auth/expiredpassword.aspx",
    "/owa/auth/frowny.aspx",
    "/owa/auth/logoff.aspx",
    "/owa/auth/logon.aspx",
    "/owa/auth/outlookcn.aspx",
    "/owa/auth/redirsuiteserviceproxy.aspx",
    "/owa/auth/signout.aspx",
    "/owa/auth/svmfeedback.aspx",
];

/// Whether a page, by its decoded path, lies in one of those folders under a name that is not shipped.
pub(crate) fn is_foreign(url: &str) -> bool {
    let folders = ["/owa/auth/", "/ecp/auth/", "/aspnet_client/", "/oab/"];
    folders.iter().any(|folder| url.starts_with(folder)) && !SHIPPED.contains(&url)
}

fn of_front_end(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let request = Request {
        method: row.text("Method"),
        stem: row.text("UrlStem"),
        query: row.text("UrlQuery"),
        status: status(row.text("HttpStatus")),
        user: row.text("AuthenticatedUser"),
        anchor: row.text("AnchorMailbox"),
        hint: row.text("RoutingHint"),
        ..Request::default()
    };
    let Some(seen) = classify(&request) else { return };
    let anchor = if request.anchor.is_empty() {
        String::new()
    } else {
        format!(", AnchorMailbox {}", quoted(request.anchor))
    };
    let hint = if request.hint.is_empty() {
        String::new()
    } else {
        format!(", RoutingHint {}", quoted(request.hint))
    };
    let what = format!(
        "{} {} answered {}{anchor}{hint}: {}",
        request.method,
        quoted(&format!("{}{}", request.stem, request.query)),
        row.text("HttpStatus"),
        seen.why
    );
    let mut fact = Fact::new("HttpProxy", row.time(), row.place(), what)
        .from(row.text("ClientIpAddress"))
        .by(request.user);
    row.text("RequestId").clone_into(&mut fact.request);
    store.add(&host(row.host()), Topic::Exploit(seen.flaw), seen.rung, fact);
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
    let client =
        if agent.is_empty() { "no named client".to_owned() } else { format!("client `{}`", quoted(agent)) };
    let carrying = if token { ", carrying X-Rps-CAT" } else { "" };
    let what = format!(
        "remote PowerShell session of {client}{carrying} as {}, answered {status_text}",
        quoted(user)
    );
    let first_hop = row.text("ClientIpAddress").split([' ', ',']).next().unwrap_or_default();
    let mut fact = Fact::new("Rps_Http", row.time(), row.place(), what).from(first_hop).by(user);
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

    #[test]
    fn look_alikes_of_shipped_pages_are_foreign() {
        assert!(is_foreign("/owa/auth/redirsuiteserverproxy.aspx"));
        assert!(!is_foreign("/owa/auth/redirsuiteserviceproxy.aspx"));
        assert!(is_foreign("/aspnet_client/system_web/x.aspx"));
        assert!(!is_foreign("/ews/exchange.asmx"));
    }
}
