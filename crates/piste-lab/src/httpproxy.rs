//! Rows of Exchange's front end, the `HttpProxy` log.
//!
//! In: a request and the build of the day. Out: its row of CSV, with the columns of Exchange 2016's later updates.
//! Commas inside values become blanks, as the server does it.

use std::borrow::Cow;

use crate::moment::Moment;
use crate::request::{Folder, Request};
use crate::shelf::{Head, Layout};

/// The columns in their order.
pub(crate) const COLUMNS: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,\
ClientRequestId,Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,\
Organization,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,\
ProxyAction,TargetServer,TargetServerVersion,RoutingType,RoutingHint,BackEndCookie,ServerLocatorHost,\
ServerLocatorLatency,RequestBytes,ResponseBytes,TargetOutstandingRequests,AuthModulePerfContext,\
HttpPipelineLatency,CalculateTargetBackEndLatency,GlsLatencyBreakup,TotalGlsLatency,\
AccountForestLatencyBreakup,TotalAccountForestLatency,ResourceForestLatencyBreakup,TotalResourceForestLatency,\
ADLatency,SharedCacheLatencyBreakup,TotalSharedCacheLatency,ActivityContextLifeTime,\
ModuleToHandlerSwitchingLatency,ClientReqStreamLatency,BackendReqInitLatency,BackendReqStreamLatency,\
BackendProcessingLatency,BackendRespInitLatency,BackendRespStreamLatency,ClientRespStreamLatency,\
KerberosAuthHeaderLatency,HandlerCompletionLatency,RequestHandlerLatency,HandlerToModuleSwitchingLatency,\
ProxyTime,CoreLatency,RoutingLatency,HttpProxyOverhead,TotalRequestTime,RouteRefresherLatency,UrlQuery,\
BackEndGenericInfo,GenericInfo,GenericErrors,EdgeTraceId,DatabaseGuid,UserADObjectGuid,\
PartitionEndpointLookupLatency,RoutingStatus";

/// The header's words. The version is the one that the built-in story has while these logs reach back.
pub(crate) const LAYOUT: Layout = Layout::Exchange {
    software: "Microsoft Exchange Server",
    version: Cow::Borrowed("15.01.1847.010"),
    log_type: "HttpProxy Logs",
    fields: COLUMNS,
    head: Head::Plain,
};

/// The server that answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server<'a> {
    /// `MX01`
    pub(crate) name: &'a str,
    /// `MX01.min.example`
    pub(crate) fqdn: &'a str,
    /// The name that clients use.
    pub(crate) public: &'a str,
    /// `["15", "1", "1847", "10"]`
    pub(crate) build: &'a [&'a str],
}

/// `MX01/HttpProxy/Ecp/HttpProxy_2021030305-1.LOG`: a file an hour.
pub(crate) fn path(folder: &str, protocol: Folder, time: Moment) -> String {
    let at = time.civil();
    format!(
        "{folder}/HttpProxy/{}/HttpProxy_{:04}{:02}{:02}{:02}-1.LOG",
        protocol.name(),
        at.year(),
        at.month(),
        at.day(),
        at.hour()
    )
}

/// Whether the front end writes a row for it: for what it serves, but not for anonymous 401s.
pub(crate) fn logs(request: &Request) -> Option<Folder> {
    let refused = request.status == 401 && request.user.is_empty();
    if refused { None } else { Folder::of(&request.stem) }
}

/// The row, without its newline.
pub(crate) fn line(request: &Request, protocol: Folder, server: Server<'_>) -> String {
    COLUMNS
        .split(',')
        .map(|column| escape(&value(column, request, protocol, server)))
        .collect::<Vec<_>>()
        .join(",")
}

fn value(column: &str, request: &Request, protocol: Folder, server: Server<'_>) -> String {
    let took = request.took_ms;
    let number = |index: usize| server.build.get(index).copied().unwrap_or("0").to_owned();
    let proxied = request.status != 302;
    let if_proxied = |text: &str| if proxied { text.to_owned() } else { String::new() };
    match column {
        "DateTime" => request.end.rfc3339(),
        "RequestId" => request.id.clone(),
        "MajorVersion" => number(0),
        "MinorVersion" => number(1),
        "BuildVersion" => number(2),
        "RevisionVersion" => number(3),
        "Protocol" => protocol.name().to_owned(),
        "UrlHost" => if request.client == "::1" { "localhost" } else { server.public }.to_owned(),
        "UrlStem" => request.stem.clone(),
        "AuthenticationType" => request.authentication.to_owned(),
        "IsAuthenticated" => (!request.user.is_empty()).to_string(),
        "AuthenticatedUser" => request.user.clone(),
        "AnchorMailbox" => request.anchor.clone(),
        "UserAgent" => request.agent.clone(),
        "ClientIpAddress" => request.client.clone(),
        "ServerHostName" => server.name.to_owned(),
        "HttpStatus" => request.status.to_string(),
        "BackEndStatus" => if_proxied(&request.status.to_string()),
        "Method" => request.method.to_owned(),
        "ProxyAction" => if_proxied("Proxy"),
        "TargetServer" => if_proxied(server.fqdn),
        "TargetServerVersion" => if_proxied(&format!("15.01.{}.000", number(2))),
        "RoutingType" => if_proxied("IntraForest"),
        "RoutingHint" => routing_hint(request).to_owned(),
        "RequestBytes" => request.bytes.0.to_string(),
        "ResponseBytes" => request.bytes.1.to_string(),
        "HttpPipelineLatency"
        | "TotalGlsLatency"
        | "TotalAccountForestLatency"
        | "TotalResourceForestLatency"
        | "ADLatency"
        | "TotalSharedCacheLatency"
        | "ModuleToHandlerSwitchingLatency"
        | "BackendRespInitLatency"
        | "HandlerCompletionLatency" => "0".to_owned(),
        "CalculateTargetBackEndLatency" | "CoreLatency" | "HttpProxyOverhead" => "2".to_owned(),
        "ActivityContextLifeTime" | "RequestHandlerLatency" | "TotalRequestTime" => took.to_string(),
        "BackendProcessingLatency" | "ProxyTime" => took.saturating_sub(2).to_string(),
        "UrlQuery" if !request.query.is_empty() => format!("?{}", request.query),
        "GenericInfo" => generic_info(request),
        "RoutingStatus" => "CafeV1".to_owned(),
        _ => String::new(),
    }
}

fn routing_hint(request: &Request) -> &'static str {
    match (request.routing_hint, request.user.is_empty()) {
        ("", false) => "WindowsIdentity",
        (hint, _) => hint,
    }
}

fn generic_info(request: &Request) -> String {
    let begin = request.end.plus_ms(-i64::from(request.took_ms)).rfc3339();
    let end = request.end.rfc3339();
    format!(
        "BeginRequest={begin};CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1941996855;\
         BeginGetResponse={begin};OnResponseReady={end};EndGetResponse={end};\
         ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;EndRequest={end};"
    )
}

fn escape(value: &str) -> String {
    let value = value.replace(',', " ");
    if value.contains('"') { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use jiff::civil::Date;

    const SERVER: Server<'static> = Server {
        name: "MX01",
        fqdn: "MX01.min.example",
        public: "mail.min.example",
        build: &["15", "1", "1847", "10"],
    };

    #[test]
    fn a_row_has_every_column() {
        let mut random = Random::new(1, &["httpproxy"]);
        let time = Moment::midnight(Date::constant(2021, 3, 3)).plus_ms(18_751_417);
        let request =
            Request::post(&mut random, time, "/ecp/y.js", "192.0.2.9", "Mozilla/5.0 (KHTML, like Gecko)");
        let row = line(&request, Folder::Ecp, SERVER);
        assert_eq!(row.split(',').count(), COLUMNS.split(',').count(), "{row}");
        assert!(row.contains("(KHTML  like Gecko)"), "{row}");
        assert_eq!(path("MX01", Folder::Ecp, time), "MX01/HttpProxy/Ecp/HttpProxy_2021030305-1.LOG");
    }

    #[test]
    fn anonymous_refusals_are_not_logged() {
        let mut random = Random::new(1, &["httpproxy"]);
        let time = Moment::midnight(Date::constant(2021, 3, 3));
        let request = Request::get(&mut random, time, "/Autodiscover/x.xml", "192.0.2.9", "-");
        assert_eq!(logs(&request), Some(Folder::Autodiscover));
        assert_eq!(logs(&request.clone().unauthorised()), None);
        assert_eq!(logs(&Request { stem: "/robots.txt".into(), ..request }), None);
    }
}
