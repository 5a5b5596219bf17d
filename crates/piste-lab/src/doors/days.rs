//! Ordinary days: people at their mail, phones, health checks, a monitor, an administrator, mail in and out.
//!
//! In: a day. Out: calls, cmdlets and events in the world. The benign twins of an intruder's doings are here on purpose: an
//! export for a lawsuit, a virtual directory that is set, files that IIS's workers write, compilers below them, remote
//! desktop from inside.

use jiff::civil::Date;

use super::exchange_logs::{Cmdlet, Mail};
use super::story::User;
use super::windows_logs;
use super::wire::Call;
use super::world::World;
use crate::ecp::EcpRequest;
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::rhythm;
use crate::scenario::Source;
use crate::security::{self, Logon, Session};
use crate::sysmon::{self, Process, Runner};
use crate::system;
use crate::traffic::browser_of;

const OUTLOOK: &str = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";
const PHONE: &str = "Apple-iPhone12C1/1806.72";
const NEW_BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.1 Safari/605.1.15";
const PROBE: &str = "AMProbe/Local/ClientAccess";
const MONITOR: &str = "Mozilla/5.0 (compatible; PRTG Network Monitor (www.example.com); Windows)";
const OWA_ACTIONS: [&str; 5] = ["FindItem", "GetItem", "GetConversationItems", "UpdateItem", "CreateItem"];
const SUBJECTS: [&str; 6] =
    ["Minutes of Tuesday", "RE: budget", "Permit 4471", "FW: agenda", "Invitation", "Holiday list"];

/// Tells a day.
pub(super) fn tell(world: &mut World<'_>, day: Date) {
    let text = day.to_string();
    for user in &world.story.place.users {
        let mut random = world.random(&["user", &text, &user.name]);
        for at in rhythm::people(&mut random, day, false, user.owa) {
            let home = random.chance(35);
            let address = if home { &user.home } else { &user.seat };
            owa_session(world, &mut random, at, user, (address, browser_of(&user.name)), 1);
        }
        for at in rhythm::people(&mut random, day, false, user.outlook) {
            outlook(world, &mut random, at, user);
        }
        for at in rhythm::clockwork(&mut random, day, user.phone, 5_000_000) {
            phone(world, &mut random, at, user);
        }
    }
    away(world, day);
    health(world, day);
    monitor(world, day);
    administration(world, day);
    mails(world, day);
    windows(world, day);
}

/// Somebody signs in to OWA and reads mail. `wrong` passwords come first. Returns when it ended.
pub(super) fn owa_session(
    world: &mut World<'_>,
    random: &mut Random,
    start: Moment,
    user: &User,
    (address, agent): (&str, &str),
    reads: u32,
) -> Moment {
    let [major, minor, build, _] = world.build(start);
    let name = world.logon_name(&user.name);
    let public = format!("https://{}", world.story.place.public);
    let url = format!("url={}%2fowa%2f&reason=0", public.replace(':', "%3a").replace('/', "%2f"));
    let style = format!("/owa/auth/{major}.{minor}.{build}/themes/resources/logon.css");
    world.call(&Call::front(Request::get(random, start, "/owa/", address, agent).status(302)));
    let logon = Request::get(random, start.plus_ms(90), "/owa/auth/logon.aspx", address, agent).query(url);
    world.call(&Call::proxied(logon));
    world.call(&Call::front(Request::get(random, start.plus_ms(340), &style, address, agent)));
    let mut at = start.plus_ms(i64::from(random.between(6_000, 24_000)));
    let sent = Request::post(random, at, "/owa/auth.owa", address, agent).status(302).signed_in(&name, "FBA");
    world.call(&Call::proxied(Request { referer: format!("{public}/owa/auth/logon.aspx"), ..sent }));
    let who = Session::new(random, world.sid(user.rid), &user.name, &world.story.place.netbios);
    let how = windows_logs::owa_logon(world.mx(), address);
    world.event(security::logged_on(at.plus_ms(-30), &who, &how, false));
    let page = Request::get(random, at.plus_ms(420), "/owa/", address, agent).signed_in(&name, "FBA");
    world.call(&Call::proxied(page));
    for _ in 0..reads * random.between(2, 4) {
        at = at.plus_ms(i64::from(random.between(1_500, 90_000)));
        let action = random.pick(&OWA_ACTIONS);
        let request = Request::post(random, at, "/owa/service.svc", address, agent)
            .query(format!("action={action}&EP=1&ID=-{}&AC=1", random.between(3, 90)))
            .signed_in(&name, "FBA");
        world.call(&Call::proxied(request));
    }
    at
}

/// Owners who look like strangers: one on a journey with the laptop that he has, one at home with a new browser. Each now and
/// then, and never twice on a day.
fn away(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["away", &day.to_string()]);
    if !random.chance(12) {
        return;
    }
    let place = &world.story.place;
    let readers: Vec<&User> = place.users.iter().filter(|user| user.owa > 0).collect();
    if readers.is_empty() {
        return;
    }
    let user = *random.pick(&readers);
    let at = Moment::midnight(day).plus_seconds(random.between(18 * 3600, 21 * 3600));
    if random.chance(50) {
        let hotel = format!("192.0.2.{}", random.between(60, 80));
        owa_session(world, &mut random, at, user, (&hotel, browser_of(&user.name)), 2);
    } else {
        owa_session(world, &mut random, at, user, (&user.home, NEW_BROWSER), 2);
    }
}

fn outlook(world: &mut World<'_>, random: &mut Random, at: Moment, user: &User) {
    let name = world.logon_name(&user.name);
    match random.below(10) {
        0 => {
            let stem = "/autodiscover/autodiscover.xml";
            world.call(&Call::front(Request::post(random, at, stem, &user.seat, OUTLOOK).unauthorised()));
            let answered = Request::post(random, at.plus_ms(60), stem, &user.seat, OUTLOOK);
            world.call(&Call::proxied(answered.signed_in(&name, "Negotiate")));
        }
        1 => {
            let query = format!("Email={}@{}&Protocol=EWS&RedirectCount=1", user.name, world.story.place.dns);
            let stem = "/autodiscover/autodiscover.json";
            let request = Request::get(random, at, stem, &user.seat, OUTLOOK).query(query);
            world.call(&Call::proxied(request));
        }
        2 | 3 => {
            let request = Request::post(random, at, "/EWS/Exchange.asmx", &user.seat, OUTLOOK);
            let call = Call::proxied(request.signed_in(&name, "Negotiate"));
            world.call(&call);
            world.ews(&call, "GetUserAvailability");
        }
        4 => {
            let file = format!("/OAB/{}/oab.xml", Random::new(0, &["oab", &world.story.name]).guid());
            let request = Request::get(random, at, &file, &user.seat, "Microsoft BITS/7.8");
            world.call(&Call::proxied(request.signed_in(&name, "Negotiate")));
        }
        _ => {
            let mailbox = Random::new(0, &["mailbox", &user.name]).guid();
            let request = Request::post(random, at, "/mapi/emsmdb/", &user.seat, OUTLOOK)
                .query(format!("MailboxId={mailbox}@{}", world.story.place.dns))
                .signed_in(name, "Negotiate");
            world.call(&Call::proxied(request));
        }
    }
}

fn phone(world: &mut World<'_>, random: &mut Random, at: Moment, user: &User) {
    let command = *random.pick(&["Ping", "Ping", "Sync", "FolderSync"]);
    let name = world.logon_name(&user.name);
    let device = Random::new(0, &["device", &user.name]).hex(16).to_uppercase();
    let query =
        format!("Cmd={command}&User={}&DeviceId={device}&DeviceType=iPhone", name.replace('\\', "%5C"));
    let address = if random.chance(50) { &user.home } else { "192.0.2.250" }; // the mobile operator's gateway
    let request = Request::post(random, at, "/Microsoft-Server-ActiveSync/default.eas", address, PHONE)
        .query(query)
        .signed_in(name, "Basic");
    let took_ms = if command == "Ping" { random.between(60_000, 900_000) } else { request.took_ms };
    world.call(&Call::proxied(Request { took_ms, ..request }));
}

/// Exchange looks after itself, at all hours.
fn health(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["health", &day.to_string()]);
    let account = &world.story.place.health_mailbox;
    let name = world.logon_name(account);
    let sid = world.sid(1150);
    for at in rhythm::clockwork(&mut random, day, 6, 20_000) {
        let check = Request::get(&mut random, at, "/owa/healthcheck.htm", "::1", PROBE);
        world.call(&Call::front(Request { authentication: "Anonymous", took_ms: 1, ..check }));
        let found =
            Request::post(&mut random, at.plus_ms(900), "/autodiscover/autodiscover.xml", "::1", PROBE);
        world.call(&Call::proxied(found.signed_in(&name, "Basic")));
        let list = Request::post(
            &mut random,
            at.plus_ms(1_900),
            "/ecp/RulesEditor/InboxRules.svc/GetList",
            "::1",
            PROBE,
        );
        let query = format!("msExchEcpCanary={}.", random.hex(20));
        let ran = EcpRequest {
            time: at.plus_ms(1_880),
            command: "Get-InboxRule".to_owned(),
            url: format!("/ecp/RulesEditor/InboxRules.svc/GetList?{query}"),
            error: String::new(),
        };
        world.panel(&mut random, &ran);
        world.call(&Call::proxied(list.query(query).signed_in(&name, "FBA")));
        let mail = Request::post(&mut random, at.plus_ms(2_700), "/mapi/emsmdb/", "::1", "MapiHttpClient");
        world.call(&Call::proxied(mail.signed_in(&name, "Negotiate")));
        let folder =
            Request::post(&mut random, at.plus_ms(3_300), "/ews/Exchange.asmx", "::1", "Ews_AM_Probe/Local");
        let folder = Call::proxied(folder.signed_in(&name, "Negotiate"));
        world.call(&folder);
        world.ews(&folder, "GetFolder");
        let shell = Request::post(
            &mut random,
            at.plus_ms(4_100),
            "/powershell",
            World::own_address(),
            "Microsoft WinRM Client",
        )
        .query("clientApplication=ActiveMonitor;PSVersion=5.1.14393.4530")
        .signed_in(&name, "Kerberos");
        let shell = Call::proxied(shell).action("Get-Mailbox:Command");
        world.call(&shell);
        world.remote_shell(&shell, &name);
        let cmdlet = Cmdlet {
            time: at.plus_ms(4_090),
            name: "Get-Mailbox",
            parameters: "-ResultSize \"1\"".to_owned(),
            account,
            sid: sid.clone(),
            remote: true,
            error: "",
        };
        world.cmdlet(&mut random, &cmdlet);
    }
    let at = Moment::midnight(day).plus_seconds(4 * 3600 + random.below(900));
    world.oab(at, "Begin OAB generation for OAB 'Default Offline Address Book'");
    world.oab(
        at.plus_seconds(12),
        r"Files published to 'C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\OAB\'",
    );
    if random.chance(15) {
        let inside = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\OAB\Temp\7c1d-data-12.lzx";
        world.oab(
            at.plus_seconds(14),
            &format!("Download failed and temporary file '{inside}' needs to be removed"),
        );
    }
}

/// A monitor inside asks for the sign-in pages; some post to them.
fn monitor(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["monitor", &day.to_string()]);
    let address = &world.story.place.monitor.address;
    for at in rhythm::clockwork(&mut random, day, 8, 30_000) {
        world.call(&Call::front(Request::get(&mut random, at, "/owa/", address, MONITOR).status(302)));
        if world.plan.monitor_posts {
            let post = Request::post(&mut random, at.plus_ms(800), "/ecp/", address, MONITOR);
            world.call(&Call::front(post.status(302)));
        }
    }
}

/// What the administrator does, in the control panel and in remote `PowerShell`.
fn administration(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["admin", &day.to_string()]);
    let place = &world.story.place;
    let admin = &place.admin;
    for at in rhythm::people(&mut random, day, false, 2) {
        let user = random.pick(&place.users);
        match random.below(8) {
            0 => export_for_lawyers(world, &mut random, at, user),
            1 => virtual_directory(world, &mut random, at),
            2 => remote_cmdlet(
                world,
                &mut random,
                at,
                "Set-Mailbox",
                format!("-Identity \"{}\" -ProhibitSendQuota \"2 GB (2,147,483,648 bytes)\"", user.name),
            ),
            3 => {
                let number = random.below(90);
                let parameters =
                    format!("-Name \"temp{number}\" -UserPrincipalName \"temp{number}@{}\"", place.dns);
                remote_cmdlet(world, &mut random, at, "New-Mailbox", parameters);
            }
            _ => {
                let canary = random.base64(24).replace(['+', '/'], "x");
                let query = format!("msExchEcpCanary={canary}.&schema=MailboxService");
                let stem = "/ecp/DDI/DDIService.svc/GetObject";
                let ran = EcpRequest {
                    time: at.plus_ms(-30),
                    command: format!("Get-Mailbox.Identity='{}'", user.name),
                    url: format!("{stem}?{query}"),
                    error: String::new(),
                };
                world.panel(&mut random, &ran);
                let name = world.logon_name(&admin.name);
                let request =
                    Request::post(&mut random, at, stem, &admin.seat, browser_of(&admin.name)).query(query);
                world.call(&Call::proxied(request.signed_in(name, "FBA")));
            }
        }
        if random.chance(30) {
            let who = (admin.name.as_str(), world.sid(admin.rid));
            let here = (world.mx(), place.netbios.as_str());
            let seconds = random.between(300, 3_000);
            for event in windows_logs::remote_desktop(
                &mut random,
                at.plus_seconds(600),
                here,
                who,
                &admin.seat,
                seconds,
            ) {
                world.event(event);
            }
        }
    }
}

/// A cmdlet from the administrator's own desk.
fn remote_cmdlet(world: &mut World<'_>, random: &mut Random, at: Moment, name: &str, parameters: String) {
    let admin = &world.story.place.admin;
    let logon = world.logon_name(&admin.name);
    let request = Request::post(random, at, "/powershell", &admin.seat, "Microsoft WinRM Client")
        .query("PSVersion=5.1.17763.1852")
        .signed_in(&logon, "Kerberos");
    let call = Call::proxied(request).action(&format!("{name}:Command"));
    world.call(&call);
    world.remote_shell(&call, &logon);
    let sid = world.sid(admin.rid);
    let ran = Cmdlet { time: at, name, parameters, account: &admin.name, sid, remote: true, error: "" };
    world.cmdlet(random, &ran);
}

/// A leaver's mailbox goes to the lawyers: the same cmdlet as an intruder's, to a share and as a PST.
fn export_for_lawyers(world: &mut World<'_>, random: &mut Random, at: Moment, user: &User) {
    let share = format!(r"\\{}\legal$\{}.pst", world.story.place.files.name, user.name);
    let parameters = format!("-Mailbox \"{}\" -FilePath \"{share}\"", user.name);
    remote_cmdlet(world, random, at, "New-MailboxExportRequest", parameters);
}

/// The mail name is set anew, as after a change of certificate.
fn virtual_directory(world: &mut World<'_>, random: &mut Random, at: Moment) {
    let kind = *random.pick(&["Oab", "Owa", "Ecp"]);
    let (mx, public) = (world.mx(), world.story.place.public.clone());
    let directory = format!(r"{mx}\{} (Default Web Site)", kind.to_uppercase());
    let url = format!("https://{public}/{}", kind.to_lowercase());
    let admin = &world.story.place.admin;
    let canary = random.base64(24).replace(['+', '/'], "x");
    let stem = "/ecp/DDI/DDIService.svc/SetObject";
    let query = format!("msExchEcpCanary={canary}.&schema={}VirtualDirectory", kind.to_uppercase());
    let name = format!("Set-{kind}VirtualDirectory");
    let ran = EcpRequest {
        time: at.plus_ms(-40),
        command: format!("{name}.ExternalUrl='{url}'.Identity='{directory}'"),
        url: format!("{stem}?{query}"),
        error: String::new(),
    };
    world.panel(random, &ran);
    let logon = world.logon_name(&admin.name);
    let request = Request::post(random, at, stem, &admin.seat, browser_of(&admin.name)).query(query);
    world.call(&Call::proxied(request.signed_in(logon, "FBA")));
    let sid = world.sid(admin.rid);
    let parameters = format!("-ExternalUrl \"{url}\" -Identity \"{directory}\"");
    let ran = Cmdlet {
        time: at.plus_ms(-38),
        name: &name,
        parameters,
        account: &admin.name,
        sid,
        remote: false,
        error: "",
    };
    world.cmdlet(random, &ran);
}

fn mails(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["mails", &day.to_string()]);
    let place = &world.story.place;
    for at in rhythm::people(&mut random, day, false, 14) {
        let inside = format!("{}@{}", random.pick(&place.users).name, place.dns);
        let outside = format!("{}@example.org", random.hex(6));
        let coming = random.chance(60);
        let (from, to) = if coming { (outside, inside) } else { (inside, outside) };
        let mail = Mail {
            time: at,
            from,
            to,
            subject: random.pick::<&str>(&SUBJECTS),
            event: if coming { "RECEIVE" } else { "SEND" },
            source: "SMTP",
            client: if coming { "203.0.113.240" } else { "" },
        };
        world.mail(&mut random, &mail);
    }
}

/// The server's own Windows events: logons over the network, services, compilers and files of IIS's workers.
fn windows(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["windows", &day.to_string()]);
    let place = &world.story.place;
    for at in rhythm::people(&mut random, day, false, 16) {
        let user = random.pick(&place.users);
        let who = Session::new(&mut random, world.sid(user.rid), &user.name, &place.netbios);
        let how = Logon::network("Kerberos", "-", &user.seat, random.between(49_152, 65_535));
        world.event(security::logged_on(at, &who, &how, false));
        world.event(security::logged_off(at.plus_seconds(random.between(5, 400)), &who, 3));
    }
    for at in rhythm::people(&mut random, day, false, 1) {
        let user = random.pick(&place.users);
        let how = Logon::network("NTLM", "-", &user.seat, random.between(49_152, 65_535));
        world.event(security::refused(at, &user.name, &place.netbios, &how));
    }
    let noon = Moment::midnight(day).plus_seconds(12 * 3600);
    world.event(system::uptime(noon, 86_400 * 11));
    for at in rhythm::scattered(&mut random, day, 4) {
        let state = *random.pick(&["running", "stopped"]);
        world.event(system::service_state(at, "Windows Modules Installer", state));
    }
    let mx = world.mx();
    for at in rhythm::people(&mut random, day, false, 2) {
        let pool = *random.pick(&["MSExchangeOWAAppPool", "MSExchangeECPAppPool"]);
        let pool = Process::pool(mx, pool);
        let folder = format!(
            r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Temporary ASP.NET Files\owa\{}\{}",
            random.hex(8),
            random.hex(8)
        );
        let assembly = format!(r"{folder}\App_Web_{}.dll", random.hex(8));
        let compiler = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\csc.exe";
        let command = format!(r#""{compiler}" /noconfig /fullpaths @"{folder}\{}.cmdline""#, random.hex(8));
        let child = Process::new(&mut random, mx, at, compiler, &command);
        world.event(sysmon::process_created(at, &child, &pool, &Runner::system()));
        world.event(sysmon::file_created(at.plus_ms(310), &child, &assembly));
        let cached = format!(
            r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\Owa\prem\{}.js",
            random.hex(6)
        );
        world.event(sysmon::file_created(at.plus_ms(2_000), &pool, &cached));
    }
}

/// The evening of the update.
pub(super) fn update(world: &mut World<'_>) {
    let Some((from, to)) = world.plan.patch else { return };
    world.restart_iis(to.plus_seconds(20));
    if world.keeps(Source::System, to) {
        let title = format!("Security Update For {} ({})", world.story.server.product, world.story.builds.kb);
        let mut random = world.random(&["update"]);
        let guid = random.guid();
        world.event(system::update_installed(to.plus_seconds(5), &title, &guid));
        world.event(system::event_log(from.plus_ms(-1), false));
        world.event(system::event_log(to.plus_seconds(1), true));
    }
}
