//! How an intruder's step looks in logs.
//!
//! In: a step of the scenario. Out: its requests, events and cmdlets on the stage, marked as the step's. A step always
//! tells everything that it would have left; the stage drops what was rolled over.

use crate::ecp::EcpRequest;
use crate::hosts::{lsass, start_process};
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::scenario::{Act, Cmdlet, Host, Step};
use crate::security::{self, Logon, Session};
use crate::shelf::StepIndex;
use crate::stage::Stage;
use crate::sysmon::{self, Process};
use crate::system;
use crate::traffic;

const COMMAND: &str = r"C:\Windows\System32\cmd.exe";
/// Words that the command processor understands itself.
const BUILT_INTO_CMD: [&str; 5] = ["dir", "del", "echo", "type", "copy"];

/// Tells one step.
pub(crate) fn tell(stage: &mut Stage<'_>, index: StepIndex, step: &Step) {
    let host = step.host.as_deref().and_then(|name| stage.scenario.host(name));
    let Some(host) = host else { return }; // such a step leaves nothing: a checked scenario has it so
    stage.step = Some(index);
    Telling { random: stage.random(&["step", &step.id]), at: step.time, host, step, stage }.act();
    stage.step = None;
}

/// A step while it is told.
struct Telling<'a, 's> {
    stage: &'a mut Stage<'s>,
    random: Random,
    host: &'s Host,
    step: &'a Step,
    at: Moment,
}

impl Telling<'_, '_> {
    fn act(&mut self) {
        match &self.step.does {
            Act::Unlogged => {}
            Act::OwaLogon { address, agent } => self.owa_logon(address, agent),
            Act::EwsSession { address, agent, requests } => self.ews_session(address, agent, *requests),
            Act::ShellVisit { page, address, agent, status } => {
                let request = Request::get(&mut self.random, self.at, page, address, agent);
                let query = if *status == 200 { "&encoding=;" } else { "" };
                self.stage.request(&request.query(query).status(*status));
            }
            Act::ShellCommands { page, address, agent, pool, every_seconds, commands } => {
                let mut at = self.at;
                for command in commands {
                    self.shell_command(at, (page, address, agent), pool, command);
                    at = at.plus_seconds(*every_seconds + self.random.below(5));
                }
            }
            Act::Viewstate { address, agent, command, file } => self.viewstate(address, agent, command, file),
            Act::FileWritten { image, file } => {
                let process = Process::lasting(&self.host.name, image, image);
                let created = sysmon::file_created(self.at, &process, file);
                self.stage.event(self.host, &created);
            }
            Act::DumpLsass { page, address, agent, pool, command, file } => {
                self.dump_lsass((page, address, agent), pool, command, file);
            }
            Act::ServiceInstall { from, pool, name, image_path } => {
                self.service_install(from, pool, name, image_path);
            }
            Act::TaskInstall { from, service, name, command } => {
                self.task_install(from, service, name, command);
            }
            Act::Archive { script, tool, command, files } => self.archive(script, tool, command, files),
            Act::Download { pages, address, agent, seconds } => {
                self.download(pages, address, agent, *seconds);
            }
            Act::Cmdlets { cmdlets } => self.cmdlets(cmdlets),
            Act::Proxylogon { address, page } => self.proxylogon(address, page),
            Act::OabShell { address, page, url, file } => self.oab_shell(address, page, url, file),
        }
    }

    fn account(&self) -> &str {
        self.step.account.as_deref().unwrap_or_default()
    }

    fn owa_logon(&mut self, address: &str, agent: &str) {
        let account = self.account().to_owned();
        traffic::owa_session(self.stage, &mut self.random, self.at, &account, address, agent);
    }

    fn ews_session(&mut self, address: &str, agent: &str, requests: u32) {
        let name = self.stage.logon_name(self.account());
        let mut at = self.at;
        let stem = "/EWS/Exchange.asmx";
        let refused = Request::post(&mut self.random, at, stem, address, agent).unauthorised();
        self.stage.request(&refused);
        for _ in 0..requests {
            at = at.plus_ms(i64::from(self.random.between(900, 6_000)));
            let request = Request::post(&mut self.random, at, stem, address, agent).signed_in(&name, "Basic");
            self.stage.request(&request);
        }
    }

    /// A POST to a web shell and the processes that it starts below IIS's worker. Returns the innermost.
    fn shell_command(&mut self, at: Moment, visit: (&str, &str, &str), pool: &str, command: &str) -> Process {
        let (page, address, agent) = visit;
        let request = Request::post(&mut self.random, at.plus_ms(400), page, address, agent);
        let request = Request { took_ms: 380 + self.random.below(900), ..request };
        self.stage.request(&request);
        let parent = Process::pool(&self.host.name, pool);
        let line = format!(r#""cmd" /c cd /d "C:\inetpub\wwwroot"&{command}&echo [S]&cd&echo [E]"#);
        self.command(at, &parent, &line, command)
    }

    /// The command processor with `line`, and below it the program that `command` names. Returns the innermost.
    fn command(&mut self, at: Moment, parent: &Process, line: &str, command: &str) -> Process {
        let (stage, random) = (&mut *self.stage, &mut self.random);
        let cmd = start_process(stage, random, self.host, at, parent, COMMAND, line, None);
        match image_of(command) {
            Some(image) => {
                start_process(stage, random, self.host, at.plus_ms(60), &cmd, &image, command, None)
            }
            None => cmd,
        }
    }

    /// CVE-2020-0688: he signs in, then two GETs whose view state the server deserialises.
    fn viewstate(&mut self, address: &str, agent: &str, command: &str, file: &str) {
        let account = self.account().to_owned();
        let name = self.stage.logon_name(&account);
        let signed_in = Request::post(&mut self.random, self.at, "/owa/auth.owa", address, agent)
            .status(302)
            .signed_in(&name, "FBA");
        self.stage.request(&signed_in);
        let panel = Request::get(&mut self.random, self.at.plus_ms(900), "/ecp/", address, agent)
            .signed_in(&name, "FBA");
        self.stage.request(&panel);

        let staging = r"echo PCVAIFBhZ2UgTGFuZ3VhZ2U9IkpzY3JpcHQiJT4= > C:\Windows\Temp\t1.txt";
        let pool = Process::pool(&self.host.name, "MSExchangeECPAppPool");
        let public = self.stage.scenario.mail.public_name().to_owned();
        let caller = format!("{}/Users/{account}", self.stage.scenario.domain.dns);
        for (after, run) in [(8_000, staging), (31_000, command)] {
            let at = self.at.plus_ms(after);
            let state = self.random.base64(1_360).replace('+', "%2B").replace('/', "%2F");
            let query = format!("__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE={state}");
            let url = format!("https://{public}:444/ecp/default.aspx?{query}");
            let error = system::control_panel_error(at.plus_ms(90), &caller, &url);
            self.stage.event(self.host, &error);
            let request =
                Request::get(&mut self.random, at.plus_ms(210), "/ecp/default.aspx", address, agent)
                    .query(query)
                    .signed_in(&name, "FBA")
                    .status(500);
            self.stage.request(&request);
            let process = self.command(at, &pool, &format!("cmd /c {run}"), run);
            if run == command {
                let created = sysmon::file_created(at.plus_ms(140), &process, file);
                self.stage.event(self.host, &created);
            }
        }
    }

    fn dump_lsass(&mut self, visit: (&str, &str, &str), pool: &str, command: &str, file: &str) {
        let tool = self.shell_command(self.at, visit, pool, command);
        let trace = r"C:\Windows\SYSTEM32\dbgcore.DLL+6ce5|C:\Windows\SYSTEM32\dbgcore.DLL+14cb2";
        let opened =
            sysmon::accessed(self.at.plus_ms(190), &tool, &lsass(&self.host.name), "0x1FFFFF", trace);
        self.stage.event(self.host, &opened);
        let created = sysmon::file_created(self.at.plus_ms(230), &tool, file);
        self.stage.event(self.host, &created);
    }

    /// The step's account arrives on the step's host from another, with NTLM and an administrator's privileges.
    fn arrive(&mut self, at: Moment, from: &Host) -> Session {
        let account = self.account().to_owned();
        let scenario = self.stage.scenario;
        let who = Session::new(&mut self.random, scenario.sid(&account), &account, &scenario.domain.netbios);
        let how = Logon::network("NTLM", &from.name, &from.address, self.random.between(49_152, 65_535));
        self.stage.event(self.host, &security::logged_on(at, &who, &how, true));
        self.stage.event(self.host, &security::privileged(at.plus_ms(1), &who));
        who
    }

    fn source(&self, name: &str) -> Host {
        // A checked scenario knows the host; its own host stands in for what cannot be.
        self.stage.scenario.host(name).unwrap_or(self.host).clone()
    }

    fn service_install(&mut self, from: &str, pool: &str, name: &str, image_path: &str) {
        let (from, target) = (self.source(from), self.host.name.clone());
        let account = self.stage.logon_name(self.account());
        let worker = Process::pool(&from.name, pool);
        let binary = image_path.split(" -").next().unwrap_or(image_path);
        let share = format!(r"\\{target}\C$");
        let commands = [
            format!(r"net use {share} /user:{account} *"),
            format!(r"copy C:\Windows\Temp\w.tmp {}", binary.replacen("C:", &share, 1)),
            format!(r#"sc \\{target} create {name} binPath= "{image_path}" start= auto"#),
            format!(r"sc \\{target} start {name}"),
        ];
        let mut at = self.at;
        let here = self.host;
        for (index, command) in commands.iter().enumerate() {
            let line = format!(r#""cmd" /c cd /d "C:\inetpub\wwwroot"&{command}&echo [S]&cd&echo [E]"#);
            let (stage, random) = (&mut *self.stage, &mut self.random);
            let cmd = start_process(stage, random, &from, at, &worker, COMMAND, &line, None);
            if let Some(image) = image_of(command) {
                start_process(stage, random, &from, at.plus_ms(60), &cmd, &image, command, None);
            }
            match index {
                0 => {
                    let system = Session::system(&from.name, &self.stage.scenario.domain.netbios);
                    let (used, server) = (self.account().to_owned(), self.stage.fqdn(here));
                    let net = r"C:\Windows\System32\net.exe";
                    let asked = security::explicit_credentials(at.plus_ms(380), &system, &used, &server, net);
                    self.stage.event(&from, &asked);
                    self.arrive(at.plus_ms(400), &from);
                }
                1 => {
                    let system = Process::lasting(&target, "System", "System");
                    self.stage.event(here, &sysmon::file_created(at.plus_ms(500), &system, binary));
                }
                2 => {
                    let installed =
                        system::service_installed(at.plus_ms(600), name, image_path, "auto start");
                    self.stage.event(here, &installed);
                }
                _ => {
                    let services = r"C:\Windows\System32\services.exe";
                    let parent = Process::lasting(&target, services, services);
                    let (stage, random) = (&mut *self.stage, &mut self.random);
                    start_process(stage, random, here, at.plus_ms(700), &parent, binary, image_path, None);
                }
            }
            at = at.plus_seconds(self.random.between(14, 40));
        }
    }

    fn task_install(&mut self, from: &str, service: &str, name: &str, command: &str) {
        let from = self.source(from);
        let implant = Process::lasting(&from.name, service, service);
        let plain = name.trim_start_matches('\\');
        let line = format!(
            r"schtasks /create /s {} /ru SYSTEM /sc weekly /d THU /st 21:05 /tn {name} /tr {command} /f",
            self.host.name
        );
        let (stage, random) = (&mut *self.stage, &mut self.random);
        let image = r"C:\Windows\System32\schtasks.exe";
        start_process(stage, random, &from, self.at, &implant, image, &line, None);

        let who = self.arrive(self.at.plus_ms(350), &from);
        let system = Process::lasting(&self.host.name, "System", "System");
        let written = sysmon::file_created(self.at.plus_ms(600), &system, command);
        self.stage.event(self.host, &written);
        let scheduler = Process::services(&self.host.name, "netsvcs -p -s Schedule");
        let file = format!(r"C:\Windows\System32\Tasks\{plain}");
        let registered = sysmon::file_created(self.at.plus_ms(900), &scheduler, &file);
        self.stage.event(self.host, &registered);
        let content = task_content(&self.stage.logon_name(self.account()), self.at, command);
        let created = security::task_created(self.at.plus_ms(910), &who, name, &content);
        self.stage.event(self.host, &created);
    }

    fn archive(&mut self, script: &str, tool: &str, command: &str, files: &[String]) {
        let scheduler = Process::services(&self.host.name, "netsvcs -p -s Schedule");
        let line = format!(r#"{COMMAND} /c "{script}""#);
        let (stage, random) = (&mut *self.stage, &mut self.random);
        let cmd = start_process(stage, random, self.host, self.at, &scheduler, COMMAND, &line, None);
        let packer = start_process(stage, random, self.host, self.at.plus_ms(300), &cmd, tool, command, None);
        let mut at = self.at.plus_ms(900);
        for file in files {
            self.stage.event(self.host, &sysmon::file_created(at, &packer, file));
            at = at.plus_seconds(self.random.between(20, 50));
        }
    }

    /// The files arrive in the server's web folder, then he fetches them, slowly.
    fn download(&mut self, pages: &[String], address: &str, agent: &str, seconds: u32) {
        let system = Process::lasting(&self.host.name, "System", "System");
        let mut at = self.at;
        for page in pages {
            let root = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy";
            let file = format!("{root}{}", page.replace('/', r"\"));
            self.stage.event(self.host, &sysmon::file_created(at, &system, &file));
            at = at.plus_seconds(2);
        }
        for page in pages {
            at = at.plus_seconds(seconds + self.random.between(5, 20));
            let request = Request::get(&mut self.random, at, page, address, agent);
            let took_ms = seconds * 1_000 + self.random.below(1_000);
            self.stage.request(&Request { took_ms, bytes: (0, 41_943_040), ..request });
        }
    }

    /// Remote `PowerShell` from the domain controller.
    fn cmdlets(&mut self, cmdlets: &[Cmdlet]) {
        let scenario = self.stage.scenario;
        let controller =
            scenario.hosts.iter().find(|host| host.role == crate::scenario::Role::DomainController);
        let address = controller.unwrap_or(self.host).address.clone();
        let name = self.stage.logon_name(self.account());
        let mut at = self.at;
        for cmdlet in cmdlets {
            let request =
                Request::post(&mut self.random, at, "/powershell", &address, "Microsoft WinRM Client")
                    .query("PSVersion=5.1.14393.3471")
                    .signed_in(&name, "Kerberos");
            self.stage.request(&request);
            let ran = system::cmdlet(at.plus_ms(300), &cmdlet.name, &cmdlet.parameters);
            self.stage.event(self.host, &ran);
            at = at.plus_seconds(self.random.between(45, 240));
        }
    }

    /// One request through CVE-2021-26855: a static name, and the back end's address in the cookie.
    fn forged(&mut self, at: Moment, page: &str, address: &str, agent: &str, anchor: &str, status: u16) {
        let fqdn = self.stage.fqdn(self.host).to_lowercase();
        let request = Request::post(&mut self.random, at, page, address, agent).status(status);
        self.stage.request(&Request {
            anchor: format!("ServerInfo~a]@{fqdn}:444{anchor}#"),
            routing_hint: "X-BEResource-Cookie",
            ..request
        });
    }

    fn proxylogon(&mut self, address: &str, page: &str) {
        let python = "python-requests/2.25.1";
        let discover = "/autodiscover/autodiscover.xml?";
        self.forged(self.at.plus_ms(162), page, address, "ExchangeServicesClient/0.0.0.0", discover, 200);
        self.forged(self.at.plus_ms(1_640), page, address, python, "/mapi/emsmdb/?", 200);
        self.forged(self.at.plus_ms(4_010), page, address, python, "/ecp/proxyLogon.ecp?", 241);
    }

    fn oab_shell(&mut self, address: &str, page: &str, url: &str, file: &str) {
        let python = "python-requests/2.25.1";
        let canary = format!("{}.", self.random.base64(22).replace(['+', '/'], "x"));
        let identity = self.random.guid();
        let server = self.host.name.clone();
        let fqdn = self.stage.fqdn(self.host).to_lowercase();
        let directory = format!(r"{server}\OAB (Default Web Site)");
        let web = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\OAB";
        let get =
            format!("/ecp/DDI/DDIService.svc/GetObject?msExchEcpCanary={canary}&schema=OABVirtualDirectory");
        let set =
            format!("/ecp/DDI/DDIService.svc/SetObject?msExchEcpCanary={canary}&schema=OABVirtualDirectory");
        let reset = format!(
            "/ecp/DDI/DDIService.svc/SetObject?msExchEcpCanary={canary}&schema=ResetOABVirtualDirectory"
        );

        let panel = [
            (20, &get, "Get-OabVirtualDirectory.ADPropertiesOnly=$true.Identity=$null".to_owned()),
            (2_180, &set, format!("Set-OabVirtualDirectory.ExternalUrl='{url}'.Identity='{identity}'")),
            (6_510, &reset, format!("Get-OABVirtualDirectory.Identity='{identity}'")),
            (7_930, &reset, format!("Remove-OABVirtualDirectory.Force=$true.Identity='{directory}'")),
            (
                9_820,
                &reset,
                format!(
                    "New-OABVirtualDirectory.WebSiteName='Default Web Site'.Server='{server}'.Role='ClientAccess'.\
                     InternalURL='https://{fqdn}/OAB'.Path='{web}'"
                ),
            ),
            (13_400, &set, format!("Set-OabVirtualDirectory.ExternalUrl=$null.Identity='{identity}'")),
        ];
        for (after, url, command) in panel {
            let ran =
                EcpRequest { time: self.at.plus_ms(after), command, url: url.clone(), error: String::new() };
            self.stage.control_panel(&mut self.random, &ran);
        }
        for (after, anchor) in [(45, &get), (2_260, &set), (9_900, &reset), (13_460, &set)] {
            self.forged(self.at.plus_ms(after), page, address, python, anchor, 200);
        }
        let cmdlets = [
            (2_190, "Set-OabVirtualDirectory", format!("-ExternalUrl \"{url}\" -Identity \"{identity}\"")),
            (7_940, "Remove-OabVirtualDirectory", format!("-Force \"True\" -Identity \"{directory}\"")),
            (
                9_830,
                "New-OabVirtualDirectory",
                format!(
                    "-WebSiteName \"Default Web Site\" -Server \"{server}\" -Role \"ClientAccess\" \
                     -InternalUrl \"https://{fqdn}/OAB\" -Path \"{web}\""
                ),
            ),
        ];
        for (after, name, parameters) in cmdlets {
            let ran = system::cmdlet(self.at.plus_ms(after), name, &parameters);
            self.stage.event(self.host, &ran);
        }
        let pool = Process::pool(&self.host.name, "MSExchangeECPAppPool");
        let created = sysmon::file_created(self.at.plus_ms(6_900), &pool, file);
        self.stage.event(self.host, &created);
    }
}

/// The program that a command names; `None` if the command processor does it itself.
fn image_of(command: &str) -> Option<String> {
    let word = command.split([' ', ',']).next().unwrap_or(command);
    if BUILT_INTO_CMD.contains(&word) {
        return None;
    }
    let file =
        if word.to_ascii_lowercase().ends_with(".exe") { word.to_owned() } else { format!("{word}.exe") };
    Some(if file.contains('\\') { file } else { format!(r"C:\Windows\System32\{file}") })
}

fn task_content(author: &str, at: Moment, command: &str) -> String {
    let date = at.iis().replace(' ', "T");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\r\n  \
         <RegistrationInfo>\r\n    <Date>{date}</Date>\r\n    <Author>{author}</Author>\r\n  </RegistrationInfo>\r\n  \
         <Principals>\r\n    <Principal id=\"Author\">\r\n      <UserId>S-1-5-18</UserId>\r\n      \
         <RunLevel>LeastPrivilege</RunLevel>\r\n    </Principal>\r\n  </Principals>\r\n  \
         <Actions Context=\"Author\">\r\n    <Exec>\r\n      <Command>{command}</Command>\r\n    </Exec>\r\n  </Actions>\r\n\
         </Task>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_its_program() {
        #[track_caller]
        fn check(command: &str, expected: Option<&str>) {
            assert_eq!(image_of(command).as_deref(), expected);
        }
        check("whoami", Some(r"C:\Windows\System32\whoami.exe"));
        check(r"C:\Windows\Temp\p.exe -x", Some(r"C:\Windows\Temp\p.exe"));
        check("rundll32.exe x.dll,Y", Some(r"C:\Windows\System32\rundll32.exe"));
        check(r"del C:\x", None);
    }
}
