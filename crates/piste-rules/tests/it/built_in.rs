//! Piste's own rules: well-formed, all with a gate, and each matched by the event that it is for and not by its twin.
//!
//! In: `rules/`. Out: nothing but failures. `rsigma-eval` evaluates, as the independent engine.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use piste_model::Level;
use piste_rules::yara::YARA_BUILT_IN;
use piste_rules::{BUILT_IN, Gate, LoadOptions, RuleSet, load};
use rsigma_eval::{Engine, event::JsonEvent};
use serde_json::{Value, json};

use crate::sources;

fn loaded() -> RuleSet {
    load(&LoadOptions::of(&[], true), &sources()).expect("the built-in rules load")
}

#[test]
fn all_load_with_a_gate_a_level_and_a_technique() {
    let set = loaded();
    assert_eq!(set.not_run, []);
    assert_eq!(set.figures.loaded, u64::try_from(BUILT_IN.len()).expect("fits"));
    assert_eq!(set.figures.sets[0].path, "built-in");
    for rule in &set.rules {
        assert_ne!(rule.gate, Gate::Nothing, "{}", rule.path);
        assert!(rule.level > Level::Informational && !rule.attack.is_empty(), "{}", rule.path);
        assert!(!rule.tactics.is_empty() && !rule.status.is_empty(), "{}", rule.path);
        let about = &rule.about;
        assert_eq!(about.authors, ["Piste"], "{}", rule.path);
        assert!(!about.description.is_empty() && !about.references.is_empty(), "{}", rule.path);
        assert!(!about.falsepositives.is_empty() && !about.date.is_empty(), "{}", rule.path);
        assert!(rule.reports, "{}", rule.path);
        assert!(is_uuid(&rule.id), "{}", rule.path);
    }
    let titles: BTreeSet<_> = set.rules.iter().map(|rule| &rule.title).collect();
    assert_eq!(titles.len(), set.rules.len());
}

fn is_uuid(id: &str) -> bool {
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[test]
fn the_list_is_the_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut names = Vec::new();
    for folder in
        fs::read_dir(&root).expect("the rules folder is there").flatten().filter(|one| one.path().is_dir())
    {
        for file in fs::read_dir(folder.path()).expect("listed").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            names.push(format!("{}/{name}", folder.file_name().to_string_lossy()));
        }
    }
    names.sort();
    let yara: Vec<String> = names.extract_if(.., |name| name.starts_with("yara/")).collect();
    assert_eq!(yara, YARA_BUILT_IN.iter().map(|(name, _)| format!("yara/{name}")).collect::<Vec<_>>());
    assert_eq!(names, BUILT_IN.iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>());
}

/// Whether the rule at `path` matches each event.
#[track_caller]
fn check(path: &str, matching: &[Value], other: &[Value]) {
    let set = loaded();
    let rule = set.rules.iter().find(|rule| rule.path == format!("built-in/{path}")).expect("listed");
    let mut engine = Engine::new();
    engine.add_rule(rule.sigma.as_deref().expect("just parsed")).expect("compiles");
    let matches = |event: &Value| !engine.evaluate(&JsonEvent::borrow(event)).is_empty();
    for event in matching {
        assert!(matches(event), "{path} should match {event}");
    }
    for event in other {
        assert!(!matches(event), "{path} should not match {event}");
    }
}

#[test]
fn exchange_management_events() {
    let set = |cmdlet: &str, parameters: &str| json!({"EventID": 1, "Data": [cmdlet, parameters, "x.local/Users/admin"]});
    let oab = "Set-OabVirtualDirectory";
    check(
        "exchange/mgmt_virtual_directory_url_script.yml",
        &[
            set(oab, r#"-Identity "OAB" -ExternalUrl "http://f/<script language="JScript" runat="server">""#),
            json!({"EventID": 6, "Message": "Cmdlet failed. Set-OabVirtualDirectory -ExternalUrl http://f/<% %>"}),
        ],
        &[set(oab, r#"-ExternalUrl "https://mail.example.org/OAB""#), set("Set-Mailbox", "-Note <script")],
    );
    let export = "New-MailboxExportRequest";
    check(
        "exchange/mgmt_cmdlet_writes_web_page.yml",
        &[
            set(export, r#"-Mailbox "a" -FilePath "\\127.0.0.1\c$\inetpub\wwwroot\aspnet_client\x.aspx""#),
            set("New-ExchangeCertificate", r#"-GenerateRequest "True" -RequestFile "\\localhost\C$\x.aspx""#),
        ],
        &[set(export, r#"-FilePath "\\files\pst\a.pst""#)],
    );
    check(
        "exchange/mgmt_export_to_own_share.yml",
        &[
            set(export, r#"-FilePath "\\127.0.0.1\c$\a.pst""#),
            set(export, r#"-FilePath "\\LOCALHOST\c$\a.pst""#),
        ],
        &[set(export, r#"-FilePath "\\files\pst\a.pst""#)],
    );
    check(
        "exchange/mgmt_role_reads_all_mailboxes.yml",
        &[set("New-ManagementRoleAssignment", r#"-Role "ApplicationImpersonation" -User "a""#)],
        &[set("New-ManagementRoleAssignment", r#"-Role "View-Only Recipients" -User "a""#)],
    );
}

#[test]
fn exchange_text_logs() {
    check(
        "exchange/ecp_virtual_directory_url_script.yml",
        &[
            json!({"EventData": "S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script language=\"JScript\"></script>''"}),
        ],
        &[json!({"EventData": "S:CMD=Set-OabVirtualDirectory.ExternalUrl='https://mail.example.org/oab'"})],
    );
    let anchor = |value: &str| json!({"AnchorMailbox": value, "HttpStatus": "200"});
    check(
        "exchange/httpproxy_backend_anchor.yml",
        &[
            anchor("ServerInfo~a]@srv.dom:444/autodiscover/autodiscover.xml?#"),
            anchor("ServerInfo~a]@srv.dom:444/mapi/emsmdb/?#"),
            anchor("serverinfo~srv/ecp/proxyLogon.ecp"),
        ],
        &[
            anchor("ServerInfo~localhost/x"),
            anchor("ServerInfo~srv.dom"),
            anchor("ServerInfo~srv.dom/autodiscover/autodiscover.xml"),
            anchor("Smtp~a@b.org"),
        ],
    );
    let request = |stem: &str, query: &str, status: &str| json!({"UrlStem": stem, "UrlQuery": query, "HttpStatus": status});
    check(
        "exchange/httpproxy_autodiscover_confusion.yml",
        &[
            request(
                "/autodiscover/autodiscover.json",
                "?@evil.com/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@evil.com",
                "200",
            ),
            request("/autodiscover/admin@localhost/powershell/autodiscover.json", "?x=a", "200"),
        ],
        &[
            request("/autodiscover/autodiscover.json", "?Email=a@b.org&Protocol=ActiveSync", "200"),
            request("/autodiscover/autodiscover.json", "?@evil.com/owa/&Email=a", "401"),
        ],
    );
}

#[test]
fn iis_rows() {
    let row = |method: &str, stem: &str, query: &str, status: i32| json!({"cs-method": method, "cs-uri-stem": stem, "cs-uri-query": query, "sc-status": status});
    let confused = "@evil.com/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@evil.com";
    let json_page = "/autodiscover/autodiscover.json";
    let legitimate = row("GET", json_page, "Email=a@b.org&Protocol=Ews&RedirectCount=1", 200);
    check(
        "iis/autodiscover_confusion_answered.yml",
        &[
            row("POST", json_page, confused, 200),
            row("GET", json_page, "@x/powershell/?X-Rps-CAT=VgEAVA", 302),
        ],
        &[row("GET", json_page, confused, 401), legitimate.clone()],
    );
    check(
        "iis/autodiscover_confusion_refused.yml",
        &[row("GET", json_page, confused, 404)],
        &[row("GET", json_page, confused, 200), legitimate],
    );
    check(
        "iis/post_to_static_resource.yml",
        &[
            row("POST", "/ecp/y.js", "-", 200),
            row("POST", "/owa/auth/Current/themes/resources/logon.css", "-", 241),
        ],
        &[
            row("GET", "/ecp/y.js", "-", 200),
            row("POST", "/ecp/default.aspx", "-", 200),
            row("POST", "/ecp/y.js", "-", 404),
        ],
    );
    check(
        "iis/viewstate_in_get.yml",
        &[row("GET", "/ecp/default.aspx", "__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=%2FwEy", 500)],
        &[row("POST", "/ecp/default.aspx", "__VIEWSTATE=x", 200), row("GET", "/ecp/default.aspx", "-", 200)],
    );
    check(
        "iis/owa_path_to_powershell.yml",
        &[
            row("POST", "/owa/mastermailbox%40outlook.com/powershell", "-", 200),
            row("POST", "/owa/a@b.org/PowerShell", "-", 200),
        ],
        &[row("POST", "/powershell", "-", 200), row("POST", "/owa/a@b.org/powershell", "-", 401)],
    );
    check(
        "iis/page_not_shipped_with_exchange.yml",
        &[
            row("GET", "/aspnet_client/discover.aspx", "-", 200),
            row("POST", "/owa/auth/RedirSuiteServerProxy.aspx", "-", 200),
            row("POST", "/owa/auth/15.1.2176/x.aspx", "-", 200),
        ],
        &[
            row("GET", "/owa/auth/logon.aspx", "url=x", 200),
            row("GET", "/owa/auth/RedirSuiteServiceProxy.aspx", "-", 200),
            row("GET", "/aspnet_client/shell.aspx", "-", 404),
            row("GET", "/ecp/default.aspx", "-", 200),
        ],
    );
}

fn start(parent: &str, image: &str, line: &str) -> Value {
    json!({"ParentImage": parent, "Image": image, "CommandLine": line})
}

const W3WP: &str = r"C:\Windows\System32\inetsrv\w3wp.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";

#[test]
fn processes_of_a_web_shell() {
    check(
        "windows/proc_web_worker_starts_shell.yml",
        &[start(W3WP, CMD, "cmd /c dir")],
        &[
            start(W3WP, r"C:\Windows\Microsoft.NET\csc.exe", "csc"),
            start(r"C:\Windows\explorer.exe", CMD, "cmd"),
        ],
    );
    let whoami = r"C:\Windows\System32\whoami.exe";
    check(
        "windows/proc_discovery_by_web_worker_or_system.yml",
        &[
            start(W3WP, whoami, "whoami"),
            json!({"Image": whoami, "ParentImage": CMD, "IntegrityLevel": "S-1-16-16384"}),
            json!({"Image": whoami, "ParentImage": CMD, "IntegrityLevel": "System"}),
        ],
        &[json!({"Image": whoami, "ParentImage": CMD, "IntegrityLevel": "High"})],
    );
    check(
        "windows/proc_web_shell_command_frame.yml",
        &[start(W3WP, CMD, r#""cmd" /c cd /d "C:/inetpub/wwwroot"&whoami&echo [S]&cd&echo [E]"#)],
        &[start(W3WP, CMD, "cmd /c cd /d C:\\x & dir")],
    );
    check(
        "windows/proc_exchange_snapin_loaded.yml",
        &[start(
            CMD,
            r"C:\x\powershell.exe",
            "powershell Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn",
        )],
        &[start(
            r"C:\x\ExSetup.exe",
            r"C:\x\powershell.exe",
            "Add-PSSnapin Microsoft.Exchange.Management.PowerShell.E2010",
        )],
    );
    let write = |image: &str, file: &str| json!({"Image": image, "TargetFilename": file});
    check(
        "windows/file_web_page_by_worker.yml",
        &[
            write(W3WP, r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth\x.aspx"),
            write("System", r"C:\x\FrontEnd\HttpProxy\owa\auth\ohyeah.aspx"),
            write(r"C:\x\UMWorkerProcess.exe", r"C:\inetpub\wwwroot\aspnet_client\s.ASPX"),
        ],
        &[
            write(r"C:\x\ExSetup.exe", r"C:\x\FrontEnd\HttpProxy\owa\auth\logon.aspx"),
            write(W3WP, r"C:\inetpub\wwwroot\x.log"),
        ],
    );
}

#[test]
fn processes_that_steal() {
    check(
        "windows/proc_lsass_memory_dump.yml",
        &[
            start(CMD, "x", r"rundll32 C:\windows\system32\comsvcs.dll, MiniDump 624 C:\x.dmp full"),
            start(CMD, "x", r"rundll32 C:\windows\system32\comsvcs.dll #24 624 C:\x.dmp full"),
            start(CMD, r"C:\t\procdump64.exe", "procdump64 -ma lsass.exe l.dmp"),
            start(CMD, r"C:\t\p.exe", "p.exe /accepteula -ma lsass l.dmp"),
        ],
        &[
            start(CMD, r"C:\t\procdump.exe", "procdump -ma notepad.exe"),
            start(CMD, "x", "regsvr32 comsvcs.dll"),
        ],
    );
    let open = |source: &str, rights: &str| json!({"SourceImage": source, "TargetImage": r"C:\Windows\system32\lsass.exe", "GrantedAccess": rights});
    check(
        "windows/access_lsass_memory.yml",
        &[open(r"C:\Windows\System32\rundll32.exe", "0x1FFFFF"), open(r"C:\t\m.exe", "0x1010")],
        &[
            open(r"C:\Windows\system32\csrss.exe", "0x1fffff"),
            open(r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe", "0x1410"),
            open(r"C:\t\m.exe", "0x1000"),
        ],
    );
    check(
        "windows/proc_ntds_copied.yml",
        &[
            start(CMD, "x", r#"ntdsutil "ac i ntds" "ifm" "create full c:\x" q q"#),
            start(CMD, "x", "vssadmin create shadow /for=C:"),
            start(
                CMD,
                CMD,
                r"cmd /c copy \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\Windows\NTDS\ntds.dit c:\x",
            ),
            start(
                CMD,
                CMD,
                r"copy \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\Windows\System32\config\SYSTEM c:\x",
            ),
            start(CMD, r"C:\x\esentutl.exe", r"esentutl /y /vss c:\windows\ntds\ntds.dit /d c:\x"),
        ],
        &[start(CMD, "x", "vssadmin list shadows"), start(CMD, "x", "ntdsutil \"metadata cleanup\"")],
    );
    check(
        "windows/proc_archive_with_password.yml",
        &[
            start(CMD, r"C:\t\svc.exe", r"svc.exe a -r -hpSecret -v100m c:\x.cab c:\data"),
            start(CMD, r"C:\t\7z.exe", r"7z.exe a C:\ProgramData\q.7z C:\data"),
        ],
        &[
            start(CMD, r"C:\t\7z.exe", r"7z.exe a D:\backup\q.7z C:\data"),
            start(CMD, r"C:\t\7z.exe", "7z.exe x q.7z"),
        ],
    );
}

#[test]
fn system_and_security_events() {
    let service = |image: &str| json!({"Provider_Name": "Service Control Manager", "EventID": 7045, "ImagePath": image});
    check(
        "windows/system_service_odd_image.yml",
        &[
            service(r"%COMSPEC% /C echo x > \\127.0.0.1\pipe\x"),
            service(r"C:\ProgramData\x\a.exe"),
            service(r"C:\Windows\Temp\a.exe"),
        ],
        &[
            service(r"C:\Program Files\Vendor\agent.exe"),
            service(r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe"),
        ],
    );
    let shared = |file: &str, rights: &str| json!({"EventID": 5145, "ShareName": r"\\*\C$", "RelativeTargetName": file, "AccessList": rights});
    check(
        "windows/security_web_page_over_share.yml",
        &[shared(r"x\FrontEnd\HttpProxy\owa\auth\ohyeah.aspx", "%%1538\n\t%%4417\n\t")],
        &[
            shared(r"x\FrontEnd\HttpProxy\owa\auth\logon.aspx", "%%1538\n\t%%4416\n\t"),
            shared(r"x\docs\a.aspx", "%%4417"),
        ],
    );
    let task = |content: &str| json!({"EventID": 4698, "TaskContent": content});
    check(
        "windows/security_task_odd_action.yml",
        &[
            task(r"<Command>C:\Users\Public\a.bat</Command>"),
            task("<Arguments>-w 1 -enc SQBFAFgA</Arguments>"),
        ],
        &[task(r"<Command>C:\Program Files\Vendor\update.exe</Command>")],
    );
    check("windows/security_log_cleared.yml", &[json!({"EventID": 1102})], &[json!({"EventID": 1100})]);
    let cleared = |provider: &str| json!({"EventID": 104, "Provider_Name": provider});
    check("windows/system_log_cleared.yml", &[cleared("Microsoft-Windows-Eventlog")], &[cleared("Other")]);
    let member = |sid: &str, name: &str| json!({"EventID": 4728, "TargetSid": sid, "TargetUserName": name});
    check(
        "windows/security_privileged_group_member_added.yml",
        &[
            member("S-1-5-21-1-2-3-512", "Admins du domaine"),
            member("S-1-5-21-1-2-3-1119", "Organization Management"),
            member("S-1-5-32-544", "Administrators"),
        ],
        &[member("S-1-5-21-1-2-3-1512", "Printers"), member("S-1-5-32-545", "Users")],
    );
    let replicate = |user: &str, what: &str| json!({"EventID": 4662, "AccessMask": "0x100", "SubjectUserName": user, "Properties": what});
    let all = "%%7688 {1131f6ad-9c07-11d1-f79f-00c04fc2dcd2} {19195a5b-6da0-11d0-afd3-00c04fd930c9}";
    check(
        "windows/security_dcsync.yml",
        &[replicate("svc-print", all)],
        &[replicate("DC01$", all), replicate("MSOL_0123", all), replicate("svc-print", "%%7688 {bf967a86}")],
    );
    let logon = |kind: i32, address: &str| json!({"EventID": 4624, "LogonType": kind, "IpAddress": address});
    check(
        "windows/security_remote_desktop_from_public_address.yml",
        &[logon(10, "203.0.113.7"), logon(10, "2001:db8::7")],
        &[
            logon(10, "10.1.2.3"),
            logon(10, "172.31.0.1"),
            logon(10, "-"),
            logon(10, "::1"),
            logon(10, "fe80::1"),
            logon(10, "::ffff:192.168.1.1"),
            logon(3, "203.0.113.7"),
            json!({"EventID": 4624, "LogonType": 10}),
        ],
    );
}
