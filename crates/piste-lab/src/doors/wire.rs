//! One request to the mail server in the logs that note it: IIS at the front and at the back, and `HttpProxy` between.
//!
//! In: a [`Call`]. Out: lines. The front end appends its request id to the query that IIS logs, and writes its own row at
//! the end of the request; what it hands on shows once more at the back end, port 444, from the server's own address.
//! Source: rows of 15.1.2375 that artefacts.help shows, and the domain's notes on columns.

use crate::httpproxy::COLUMNS;
use crate::moment::Moment;
use crate::request::Request;

/// The server's own address, from which the front end asks the back end.
pub(super) const LINK_LOCAL: &str = "fe80::58c3:21f4:9a7d:1e62%4";

/// A request, and what became of it behind the front end.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) request: Request,
    /// `None` if the front end answered by itself.
    pub(super) back: Option<Back>,
    /// `Get-Mailbox:Command` and the like; empty for all but remote `PowerShell`.
    pub(super) action: String,
    /// What the front end says went wrong.
    pub(super) errors: String,
    /// The name that the client asked for, if it is not the public one.
    pub(super) host: Option<String>,
    /// What stands in the query of IIS before the front end's words; `None` if what was sent.
    pub(super) client_request: String,
}

/// The same request as the back end got it.
#[derive(Debug, Clone)]
pub(super) struct Back {
    pub(super) stem: String,
    pub(super) query: String,
    /// Who it acts as; empty for nobody.
    pub(super) user: String,
    pub(super) status: u16,
}

impl Call {
    /// Answered by the front end itself: refusals, redirections, files.
    pub(super) fn front(request: Request) -> Self {
        let (action, errors, client_request) = (String::new(), String::new(), String::new());
        Self { request, back: None, action, errors, host: None, client_request }
    }

    /// Handed on as it came.
    pub(super) fn proxied(request: Request) -> Self {
        let back = Back {
            stem: request.stem.clone(),
            query: request.query.clone(),
            user: request.user.clone(),
            status: request.status,
        };
        Self { back: Some(back), ..Self::front(request) }
    }

    /// Handed on as something else than what was asked for.
    pub(super) fn bent(request: Request, stem: &str, query: &str, user: &str) -> Self {
        let (stem, query, user) = (stem.to_owned(), query.to_owned(), user.to_owned());
        let back = Back { stem, query, user, status: request.status };
        Self { back: Some(back), ..Self::front(request) }
    }

    pub(super) fn action(self, action: &str) -> Self {
        Self { action: action.to_owned(), ..self }
    }

    pub(super) fn errors(self, errors: &str) -> Self {
        Self { errors: errors.to_owned(), ..self }
    }
}

/// The folder of `HttpProxy` that notes it; `None` for what Exchange's front end does not serve.
pub(super) fn protocol(stem: &str) -> Option<&'static str> {
    let application = stem.split('/').nth(1)?.to_ascii_lowercase();
    Some(match application.as_str() {
        "owa" => "Owa",
        "ecp" => "Ecp",
        "autodiscover" => "Autodiscover",
        "ews" => "Ews",
        "mapi" => "Mapi",
        "oab" => "Oab",
        "rpc" => "RpcHttp",
        "powershell" => "PowerShell",
        "microsoft-server-activesync" => "Eas",
        _ => return None,
    })
}

/// What a line of IIS says of the back end's side.
pub(super) fn back_line(call: &Call, back: &Back, at: Moment) -> String {
    let request = &call.request;
    let took = request.took_ms.saturating_sub(3);
    let query = if protocol(&back.stem) == Some("Eas") {
        format!("{}&Log=PrxFrom:{LINK_LOCAL}_V160_HH:mail_", back.query)
    } else {
        back.query.clone()
    };
    format!(
        "{} {LINK_LOCAL} {} {} {} 444 {} {LINK_LOCAL} {} - {} 0 0 {took}",
        at.iis(),
        request.method,
        value(&back.stem),
        value(&query),
        value(&back.user),
        value(&request.agent),
        back.status,
    )
}

fn value(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(' ', "+") }
}

/// The server that writes the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answering<'a> {
    pub(super) name: &'a str,
    pub(super) fqdn: &'a str,
    pub(super) public: &'a str,
    pub(super) build: [&'a str; 4],
}

/// The row of `HttpProxy`.
pub(super) fn proxy_row(call: &Call, protocol: &str, server: Answering<'_>) -> String {
    row(COLUMNS, |column| cell(column, call, protocol, server).replace(',', " "))
}

/// A row of CSV: each column's value, quoted where it must be.
pub(super) fn row(columns: &str, value: impl Fn(&str) -> String) -> String {
    let cells = columns.split(',').map(|column| {
        let text = value(column);
        if text.contains(['"', ',']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    });
    cells.collect::<Vec<_>>().join(",")
}

/// The four numbers of a build.
pub(super) fn number(column: &str, build: [&str; 4]) -> Option<String> {
    let names = ["MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion"];
    let at = names.iter().position(|name| *name == column)?;
    build.get(at).map(|text| (*text).to_owned())
}

fn cell(column: &str, call: &Call, protocol: &str, server: Answering<'_>) -> String {
    let request = &call.request;
    if let Some(number) = number(column, server.build) {
        return number;
    }
    let took = request.took_ms;
    let proxied = |text: &str| if call.back.is_some() { text.to_owned() } else { String::new() };
    match column {
        "DateTime" => request.end.rfc3339(),
        "RequestId" => request.id.clone(),
        "ClientRequestId" => call.client_request.clone(),
        "Protocol" => protocol.to_owned(),
        "UrlHost" => match &call.host {
            Some(host) => host.clone(),
            None if request.client == "::1" || request.client == "127.0.0.1" => "localhost".to_owned(),
            None => server.public.to_owned(),
        },
        "UrlStem" => decoded(&request.stem),
        "ProtocolAction" => call.action.clone(),
        "AuthenticationType" => request.authentication.to_owned(),
        "IsAuthenticated" => (!request.user.is_empty()).to_string(),
        "AuthenticatedUser" => request.user.clone(),
        "AnchorMailbox" => request.anchor.clone(),
        "UserAgent" => request.agent.clone(),
        "ClientIpAddress" => request.client.clone(),
        "ServerHostName" => server.name.to_owned(),
        "HttpStatus" => request.status.to_string(),
        "BackEndStatus" => call.back.as_ref().map_or_else(String::new, |back| back.status.to_string()),
        "Method" => request.method.to_owned(),
        "ProxyAction" => proxied("Proxy"),
        "TargetServer" => proxied(server.fqdn),
        "TargetServerVersion" => proxied(&target_version(server.build)),
        "RoutingType" => proxied("IntraForest"),
        "RoutingHint" => hint(call),
        "RequestBytes" => request.bytes.0.to_string(),
        "ResponseBytes" => proxied(&request.bytes.1.to_string()),
        "HttpPipelineLatency" | "HandlerCompletionLatency" => "0".to_owned(),
        "TotalGlsLatency" | "TotalAccountForestLatency" | "TotalResourceForestLatency" | "ADLatency" => {
            proxied("0")
        }
        "CalculateTargetBackEndLatency" | "CoreLatency" => proxied("2"),
        "TotalSharedCacheLatency" | "ModuleToHandlerSwitchingLatency" => proxied("0"),
        "ActivityContextLifeTime" | "RequestHandlerLatency" | "TotalRequestTime" => took.to_string(),
        "BackendProcessingLatency" | "ProxyTime" => proxied(&took.saturating_sub(4).to_string()),
        "HttpProxyOverhead" => "2".to_owned(),
        "UrlQuery" if !request.query.is_empty() => format!("?{}", request.query),
        "GenericInfo" => generic_info(call),
        "GenericErrors" => call.errors.clone(),
        "RoutingStatus" => proxied("CafeV1"),
        _ => String::new(),
    }
}

/// `15.01.2176.000`: it names no update.
fn target_version([major, minor, build, _]: [&str; 4]) -> String {
    format!("{major:0>2}.{minor:0>2}.{build:0>4}.000")
}

fn hint(call: &Call) -> String {
    let request = &call.request;
    match (request.routing_hint, call.back.is_some() && !request.user.is_empty()) {
        ("", true) => "WindowsIdentity".to_owned(),
        (hint, _) => hint.to_owned(),
    }
}

fn generic_info(call: &Call) -> String {
    let request = &call.request;
    let begin = request.end.plus_ms(-i64::from(request.took_ms)).rfc3339();
    let end = request.end.rfc3339();
    if call.back.is_none() {
        let cookies = if request.status == 302 {
            format!("NoCookies=302 - {}/E14AuthPost;", request.method)
        } else {
            String::new()
        };
        return format!(
            "BeginRequest={begin};CorrelationID=<empty>;SharedCacheGuard=0;{cookies}EndRequest={end};"
        );
    }
    let got = request.end.plus_ms(-i64::from(request.took_ms.min(2))).rfc3339();
    format!(
        "BeginRequest={begin};CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1941996855;\
         BeginGetResponse={begin};OnResponseReady={got};EndGetResponse={got};\
         ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;EndRequest={end};"
    )
}

/// Percent codes resolved once, as the front end logs a path.
fn decoded(stem: &str) -> String {
    let mut out = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = if *first == b'%' { tail.get(..2) } else { None };
        let byte = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        if let Some(byte) = byte {
            out.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use jiff::civil::Date;

    const SERVER: Answering<'static> = Answering {
        name: "MX02",
        fqdn: "MX02.prov.example",
        public: "mail.prov.example",
        build: ["15", "1", "2176", "2"],
    };

    fn call() -> Call {
        let mut random = Random::new(1, &["wire"]);
        let time = Moment::midnight(Date::constant(2021, 3, 9)).plus_ms(18_751_417);
        let request =
            Request::post(&mut random, time, "/ecp/y.js", "203.0.113.77", "Mozilla/5.0 (KHTML, like Gecko)");
        let request = Request {
            id: "i".into(),
            took_ms: 41,
            bytes: (512, 900),
            anchor: "ServerInfo~a]@mx02.prov.example:444/ecp/x#".into(),
            routing_hint: "X-BEResource-Cookie",
            ..request
        };
        Call::bent(request, "/ecp/x", "", r"PROV\MX02$")
    }

    #[test]
    fn a_row_is_what_the_front_end_writes() {
        let row = proxy_row(&call(), "Ecp", SERVER);
        assert_eq!(row.split(',').count(), COLUMNS.split(',').count());
        let begin = "2021-03-09T05:12:31.417Z,i,15,1,2176,2,,Ecp,mail.prov.example,/ecp/y.js,,FBA,false,,,\
            ServerInfo~a]@mx02.prov.example:444/ecp/x#,Mozilla/5.0 (KHTML  like Gecko),203.0.113.77,MX02,200,200,,POST,\
            Proxy,MX02.prov.example,15.01.2176.000,IntraForest,X-BEResource-Cookie,";
        assert!(row.starts_with(begin), "{row}");
        assert!(row.contains(",BeginRequest=2021-03-09T05:12:31.376Z;"), "{row}");
        let back = back_line(&call(), call().back.as_ref().expect("it has one"), call().request.end);
        assert_eq!(
            back,
            "2021-03-09 05:12:31 fe80::58c3:21f4:9a7d:1e62%4 POST /ecp/x - 444 PROV\\MX02$ fe80::58c3:21f4:9a7d:1e62%4 \
             Mozilla/5.0+(KHTML,+like+Gecko) - 200 0 0 38"
        );
    }

    #[test]
    fn the_front_end_decodes_the_path_once() {
        assert_eq!(decoded("/owa/a%40b/powershell"), "/owa/a@b/powershell");
        assert_eq!(decoded("/x%2540%zz%4"), "/x%40%zz%4");
    }

    #[test]
    fn each_application_has_its_folder() {
        for (stem, folder) in [
            ("/EWS/Exchange.asmx", Some("Ews")),
            ("/Microsoft-Server-ActiveSync/default.eas", Some("Eas")),
            ("/powershell", Some("PowerShell")),
            ("/aspnet_client/x.aspx", None),
        ] {
            assert_eq!(protocol(stem), folder, "{stem}");
        }
    }
}
