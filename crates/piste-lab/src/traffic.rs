//! Ordinary requests to the mail server: people at their mail, phones, probes, strangers, administrators.
//!
//! In: a day. Out: requests and cmdlets on the stage. Everybody keeps to his own addresses and browser, so that somebody
//! else in his name can be told from him.

use jiff::civil::Date;

use crate::ecp::EcpRequest;
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::rhythm;
use crate::scenario::{Admin, Phone, Source, User};
use crate::stage::Stage;

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/73.0.3683.103 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:66.0) Gecko/20100101 Firefox/66.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.102 Safari/537.36 Edge/18.18362",
];
const OUTLOOK: &str = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";
const OWA_ACTIONS: [&str; 5] = ["FindItem", "GetItem", "GetConversationItems", "UpdateItem", "CreateItem"];
/// Pages of other people's web shells, which strangers look for on every server from March 2021 on.
const KNOWN_SHELLS: [&str; 5] = [
    "/aspnet_client/supp0rt.aspx",
    "/aspnet_client/discover.aspx",
    "/aspnet_client/shell.aspx",
    "/owa/auth/RedirSuiteServerProxy.aspx",
    "/owa/auth/8Lw7tAhF9i1pJnRo.aspx",
];
/// Pages of the control panel that administrators open, and the cmdlets behind them.
const PANEL_PAGES: [(&str, &str); 4] = [
    ("/ecp/DDI/DDIService.svc/GetList?schema=MailboxService", "Get-Recipient.ResultSize='500'"),
    ("/ecp/DDI/DDIService.svc/GetObject?schema=MailboxService", "Get-Mailbox.Identity='%'"),
    ("/ecp/DDI/DDIService.svc/SetObject?schema=MailboxService", "Set-Mailbox.Identity='%'"),
    (
        "/ecp/DDI/DDIService.svc/GetObject?schema=OABVirtualDirectory",
        "Get-OabVirtualDirectory.ADPropertiesOnly=$true",
    ),
];

/// Tells a day at the mail server, if any of its logs is left.
pub(crate) fn tell(stage: &mut Stage<'_>, day: Date) {
    if !stage.exchange.keeps_of_day(&[Source::Iis, Source::HttpProxy, Source::Ecp], day) {
        return;
    }
    let text = day.to_string();
    let quiet = stage.scenario.is_quiet(day);
    for user in &stage.scenario.users {
        let mut random = stage.random(&["mail", &text, &user.name]);
        for at in rhythm::people(&mut random, day, quiet, user.owa) {
            let outside = quiet || random.chance(35);
            let address = if outside { &user.home } else { &user.seat };
            owa_session(stage, &mut random, at, &user.name, address, browser_of(&user.name));
        }
        for at in rhythm::people(&mut random, day, quiet, user.outlook) {
            outlook(stage, &mut random, at, user);
        }
        if let Some(phone) = &user.phone {
            for at in rhythm::clockwork(&mut random, day, phone.polls, 7_000_000) {
                phone_poll(stage, &mut random, at, user, phone);
            }
        }
    }
    for admin in &stage.scenario.admins {
        let mut random = stage.random(&["panel", &text, &admin.name]);
        for at in rhythm::people(&mut random, day, quiet, 1) {
            panel_session(stage, &mut random, at, admin);
        }
    }
    probes(stage, day);
    strangers(stage, day);
    if stage.scenario.patch_days.contains(&day) {
        stage.restart_iis(Moment::midnight(day).plus_seconds(19 * 3600 + 1264));
    }
}

/// The browser that somebody has.
pub(crate) fn browser_of(account: &str) -> &'static str {
    let mut random = Random::new(0, &["browser", account]);
    let browser: &&str = random.pick(&BROWSERS);
    browser
}

/// Somebody signs in to OWA and reads his mail.
pub(crate) fn owa_session(
    stage: &mut Stage<'_>,
    random: &mut Random,
    start: Moment,
    account: &str,
    address: &str,
    agent: &str,
) {
    let build = stage.scenario.mail.build(start.date());
    let version = build.iter().take(3).copied().collect::<Vec<_>>().join(".");
    let name = stage.logon_name(account);
    let public = format!("https://{}", stage.scenario.mail.public_name());
    let logon = "/owa/auth/logon.aspx";
    let url = format!("url={}%2fowa%2f&reason=0", public.replace(':', "%3a").replace('/', "%2f"));
    let style = format!("/owa/auth/{version}/themes/resources/logon.css");
    let mut at = start;
    let mut requests = vec![
        Request::get(random, at, "/owa/", address, agent).status(302),
        Request::get(random, at.plus_ms(90), logon, address, agent).query(url),
        Request::get(random, at.plus_ms(340), &style, address, agent),
    ];
    at = at.plus_ms(i64::from(random.between(6_000, 24_000)));
    let signed_in = Request::post(random, at, "/owa/auth.owa", address, agent).status(302);
    requests.push(Request { referer: format!("{public}{logon}"), ..signed_in.signed_in(&name, "FBA") });
    requests.push(Request::get(random, at.plus_ms(420), "/owa/", address, agent).signed_in(&name, "FBA"));
    for _ in 0..random.between(2, 6) {
        at = at.plus_ms(i64::from(random.between(1_500, 90_000)));
        let action = random.pick(&OWA_ACTIONS);
        let request = Request::post(random, at, "/owa/service.svc", address, agent)
            .query(format!("action={action}&EP=1&ID=-{}&AC=1", random.between(3, 90)));
        requests.push(request.signed_in(&name, "FBA"));
    }
    for request in &requests {
        stage.request(request);
    }
}

fn outlook(stage: &mut Stage<'_>, random: &mut Random, at: Moment, user: &User) {
    let name = stage.logon_name(&user.name);
    if random.chance(20) {
        let stem = "/autodiscover/autodiscover.xml";
        let refused = Request::post(random, at, stem, &user.seat, OUTLOOK).unauthorised();
        let answered = Request::post(random, at.plus_ms(60), stem, &user.seat, OUTLOOK);
        stage.request(&refused);
        stage.request(&answered.signed_in(&name, "Negotiate"));
        return;
    }
    let mailbox = Random::new(0, &["mailbox", &user.name]).guid();
    let request = Request::post(random, at, "/mapi/emsmdb/", &user.seat, OUTLOOK)
        .query(format!("MailboxId={mailbox}@{}", stage.scenario.domain.dns))
        .signed_in(name, "Negotiate");
    stage.request(&request);
}

fn phone_poll(stage: &mut Stage<'_>, random: &mut Random, at: Moment, user: &User, phone: &Phone) {
    let command = *random.pick(&["Ping", "Ping", "Sync", "FolderSync"]);
    let name = stage.logon_name(&user.name);
    let query = format!(
        "Cmd={command}&User={}&DeviceId={}&DeviceType={}",
        name.replace('\\', "%5C"),
        phone.id,
        phone.kind
    );
    let address = if random.chance(50) { &user.home } else { "192.0.2.250" }; // the mobile operator's gateway
    let request =
        Request::post(random, at, "/Microsoft-Server-ActiveSync/default.eas", address, &phone.agent)
            .query(query)
            .signed_in(name, "Basic");
    let took_ms = if command == "Ping" { random.between(60_000, 900_000) } else { request.took_ms };
    stage.request(&Request { took_ms, ..request });
}

fn panel_session(stage: &mut Stage<'_>, random: &mut Random, start: Moment, admin: &Admin) {
    let name = stage.logon_name(&admin.name);
    let agent = browser_of(&admin.name);
    let canary = random.base64(24).replace(['+', '/'], "x");
    stage.request(&Request::get(random, start, "/ecp/", &admin.seat, agent).signed_in(&name, "FBA"));
    let mut at = start;
    for _ in 0..random.between(1, 3) {
        at = at.plus_ms(i64::from(random.between(2_000, 60_000)));
        let (url, command) = *random.pick(&PANEL_PAGES);
        let (stem, query) = url.split_once('?').unwrap_or((url, ""));
        let query = format!("msExchEcpCanary={canary}.&{query}");
        let mailbox = random.pick(&stage.scenario.users).name.clone();
        let ran = EcpRequest {
            time: at.plus_ms(-30),
            command: command.replace('%', &mailbox),
            url: format!("{stem}?{query}"),
            error: String::new(),
        };
        stage.control_panel(random, &ran);
        let request = Request::post(random, at, stem, &admin.seat, agent).query(query);
        stage.request(&request.signed_in(&name, "FBA"));
    }
}

/// Exchange looks after itself, at all hours.
fn probes(stage: &mut Stage<'_>, day: Date) {
    let mut random = stage.random(&["probes", &day.to_string()]);
    let a_day = stage.scenario.mail.health_probes_a_day;
    let name = stage.logon_name(&stage.scenario.mail.health_mailbox.name);
    let agent = "AMProbe/Local/ClientAccess";
    for at in rhythm::clockwork(&mut random, day, a_day.owa, 20_000) {
        let request = Request::get(&mut random, at, "/owa/healthcheck.htm", "::1", agent);
        stage.request(&Request { authentication: "Anonymous", took_ms: random.between(0, 4), ..request });
    }
    for at in rhythm::clockwork(&mut random, day, a_day.autodiscover, 20_000) {
        let request = Request::post(&mut random, at, "/autodiscover/autodiscover.xml", "::1", agent);
        stage.request(&request.signed_in(&name, "Basic"));
    }
    for at in rhythm::clockwork(&mut random, day, a_day.ecp, 20_000) {
        let stem = "/ecp/RulesEditor/InboxRules.svc/GetList";
        let query = format!("msExchEcpCanary={}.", random.hex(20));
        let ran = EcpRequest {
            time: at.plus_ms(-12),
            command: "Get-InboxRule".to_owned(),
            url: format!("{stem}?{query}"),
            error: String::new(),
        };
        stage.control_panel(&mut random, &ran);
        let request = Request::post(&mut random, at, stem, "::1", agent).query(query);
        stage.request(&request.signed_in(&name, "FBA"));
    }
}

/// Visits from the Internet that find nothing.
fn strangers(stage: &mut Stage<'_>, day: Date) {
    let scenario = stage.scenario;
    let scanners = &scenario.scanners;
    let mut random = stage.random(&["strangers", &day.to_string()]);
    for at in rhythm::scattered(&mut random, day, scanners.a_day) {
        let address = random.pick(&scanners.addresses);
        let agent = random.pick(&scanners.agents);
        let hunting = scanners.proxylogon_from.is_some_and(|from| from <= at);
        if hunting && random.chance(60) {
            proxylogon_attempt(stage, &mut random, at, address);
            continue;
        }
        let stem = random.pick(&scanners.paths);
        let request = Request::get(&mut random, at, stem, address, agent);
        stage.request(&match stem.as_str() {
            "/" | "/owa/" | "/ecp/" => request.status(302),
            "/owa/auth/logon.aspx" => request,
            "/autodiscover/autodiscover.xml" => request.unauthorised(),
            _ => Request { win32: 2, took_ms: random.between(0, 9), ..request.status(404) },
        });
    }
    if random.chance(4) {
        password_guessing(stage, &mut random, day);
    }
}

/// Many names, one guess each.
fn password_guessing(stage: &mut Stage<'_>, random: &mut Random, day: Date) {
    let scenario = stage.scenario;
    let address = random.pick(&scenario.scanners.addresses);
    let mut at = Moment::midnight(day).plus_seconds(random.below(80_000));
    for _ in 0..random.between(12, 30) {
        at = at.plus_ms(i64::from(random.between(700, 2_500)));
        let stem = "/autodiscover/autodiscover.xml";
        let request = Request::post(random, at, stem, address, "Microsoft Office/16.0").unauthorised();
        stage.request(&request);
    }
}

/// Half the Internet tries the flaw; the back end refuses, or the page of another's shell is not here.
fn proxylogon_attempt(stage: &mut Stage<'_>, random: &mut Random, at: Moment, address: &str) {
    if random.chance(60) {
        let stem = *random.pick(&KNOWN_SHELLS);
        let request = Request::get(random, at, stem, address, "python-requests/2.25.1");
        let status = if stem.starts_with("/owa") { 302 } else { 404 };
        stage.request(&Request { win32: if status == 404 { 2 } else { 0 }, ..request.status(status) });
        return;
    }
    let stem = *random.pick(&["/owa/auth/x.js", "/ecp/default.flt"]);
    let request = Request::get(random, at, stem, address, "python-requests/2.25.1").status(500);
    stage.request(&Request {
        authentication: "FBA",
        anchor: "ServerInfo~localhost/ecp/default.flt?".to_owned(),
        routing_hint: "X-AnonResource-Backend-Cookie",
        ..request
    });
}
