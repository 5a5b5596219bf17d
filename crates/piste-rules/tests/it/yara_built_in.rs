//! Piste's own YARA rules on inert samples of the families that they are for, and on look-alikes.
//!
//! In: short texts written here; none of them works as a shell. Out: nothing but failures.

use piste_rules::yara::{EXTERNALS, YaraOptions, YaraSet};

fn built_in() -> YaraSet {
    YaraSet::load(&YaraOptions { built_in: true, ..YaraOptions::default() }).expect("they load")
}

/// Names of the rules that match, without the common beginning.
fn matching(set: &YaraSet, name: &str, bytes: &[u8]) -> Vec<String> {
    let mut scanner = yara_x::Scanner::new(set.compiled());
    let extension = name.rsplit_once('.').map_or(String::new(), |(_, end)| format!(".{end}"));
    for variable in EXTERNALS {
        let value = match variable {
            "filename" => name,
            "extension" => &extension,
            "filepath" => "C/inetpub/wwwroot",
            _ => "",
        };
        scanner.set_global(variable, value).expect("defined");
    }
    let results = scanner.scan(bytes).expect("it ends");
    let named = |rule: yara_x::Rule<'_, '_>| {
        let rule = set.rule(rule.namespace(), rule.identifier())?;
        Some(rule.name.trim_start_matches("piste_").to_owned())
    };
    let mut names: Vec<String> = results.matching_rules().filter_map(named).collect();
    names.sort();
    names
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn each_family_is_found() {
    let set = built_in();
    let oab = "Name : OAB (Default Web Site)\nInternalAuthenticationMethods : WindowsIntegrated\nExtendedProtectionTokenChecking : None\nInternalUrl : https://mx01/OAB\nExternalUrl : http://f/<script language=\"JScript\" runat=\"server\">function Page_Load(){eval(Request[\"k\"],\"unsafe\");}</script>\n";
    let pst = [b"!BDN".as_slice(), &[0; 600], b"<%@ Page Language=\"C#\"%>"].concat();
    let der = [b"\x30\x82\x01\x02".as_slice(), b"<script language='c#' runat='server'>"].concat();
    let dump =
        [b"MDMP\x93\xa7".to_vec(), wide("C:\\Windows\\System32\\lsass.exe"), wide("lsasrv.dll")].concat();
    let ntds = [&[0, 0, 0, 0][..], b"\xef\xcd\xab\x89", b"datatable ATTk589879 ATTm590045"].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a.aspx", b"<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"k\"],\"unsafe\");%>".to_vec(), "webshell_jscript_eval_unsafe"),
        ("a.aspx", b"<%eval(System.Text.Encoding.GetEncoding(936).GetString(System.Convert.FromBase64String(Request.Item[\"k\"])),\"unsafe\");%>".to_vec(), "webshell_jscript_eval_unsafe"),
        ("a.aspx", oab.as_bytes().to_vec(), "webshell_oab_dump"),
        ("a.aspx", pst.clone(), "webshell_page_in_mailbox_file"),
        ("a.aspx", pst, "webshell_mailbox_file_as_page"),
        ("a.aspx", der, "webshell_page_in_mailbox_file"),
        ("a.aspx", b"<% var w = new StreamWriter(Request.Form[\"p\"]); %>".to_vec(), "webshell_writes_posted_file"),
        ("a.aspx", b"Session.Add(\"k\",\"e45e329feb5d925b\"); new RijndaelManaged().CreateDecryptor(k,k)".to_vec(), "webshell_behinder_net"),
        ("a.ashx", b"string key=\"3c6e0b8a9c15224a\"; Assembly a; context.Session[\"payload\"]; o.CreateInstance(\"LY\")".to_vec(), "webshell_godzilla_net"),
        ("a.aspx", b"Assembly.Load(Convert.FromBase64String(Request[\"a\"]))".to_vec(), "webshell_loads_posted_assembly"),
        ("a.aspx", b"<title>ASPXSpy</title><form runat=\"server\"> ProcessStartInfo".to_vec(), "webshell_aspxspy"),
        ("a.asp", b"<%eval request(\"k\")%>".to_vec(), "webshell_classic_asp_eval"),
        ("a.asp", wide("<%execute request.form(\"k\")%>"), "webshell_classic_asp_eval"),
        ("a.xslt", b"<msxsl:script language=\"C#\"> Process.Start(x) </msxsl:script>".to_vec(), "webshell_xslt_script"),
        ("web.config", b"<handlers><add name=\"w\" path=\"*.config\" verb=\"*\" scriptProcessor=\"asp.dll\"/></handlers><!-- <% Response.write 1 %> -->".to_vec(), "webshell_in_web_config"),
        ("a.php", b"<?php @eval($_POST['k']);".to_vec(), "webshell_php_eval_request"),
        ("a.php", b"<?php $_GET['a']($_POST['b']);".to_vec(), "webshell_php_eval_request"),
        ("a.php", b"<?php define('WSO_VERSION', '2.5');".to_vec(), "webshell_php_console"),
        ("a.jsp", b"class U extends ClassLoader{} javax.crypto.Cipher.getInstance(); request.getReader().readLine()".to_vec(), "webshell_behinder_java_php"),
        ("a.jsp", b"String xc=\"3c6e0b8a9c15224a\"; String md5=md5(pass+xc);".to_vec(), "webshell_godzilla_java_php"),
        ("a.jsp", b"Runtime.getRuntime().exec(request.getParameter(\"c\"))".to_vec(), "webshell_jsp_exec_parameter"),
        ("a.aspx", b"Response.Write(\"Georg says, 'All seems fine'\")".to_vec(), "webshell_tunnel"),
        ("a.aspx", b"System.Net.Sockets Request.Headers.Get(\"X-CMD\") X-TARGET X-PORT".to_vec(), "webshell_tunnel"),
        ("a.dll", wide("jFuLIXpzRdateYHoVwMlfc"), "iis_owowa"),
        ("a.ps1", b"function powercat { Stream1_Setup }".to_vec(), "tool_powercat"),
        ("a.ps1", b"gentilkiwi sekurlsa::logonpasswords lsadump::dcsync".to_vec(), "tool_mimikatz"),
        ("a.dmp", dump, "dump_of_lsass"),
        ("a.dit", ntds, "copy_of_ntds"),
        ("a.bin", b"%s as %s\\%s: %d Started service %s on %s could not spawn %s (token): %d".to_vec(), "tool_cobalt_strike_beacon"),
        ("a.exe", b"\x7fELF github.com/fatedier/frp frpc".to_vec(), "tool_tunnel"),
    ];
    let mut missed = Vec::new();
    for (name, bytes, rule) in cases {
        let found = matching(&set, name, &bytes);
        if !found.iter().any(|one| one == rule) {
            missed.push(format!("{rule} not in {found:?} for {}", String::from_utf8_lossy(&bytes)));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn what_looks_alike_is_left_alone() {
    let set = built_in();
    let cases: Vec<(&str, &[u8])> = vec![
        ("upload.aspx", b"<%@ Page %><form runat=\"server\"><asp:FileUpload/></form><script runat=\"server\">file.SaveAs(Path.Combine(root, Path.GetFileName(file.FileName)));</script>"),
        ("errorFE.aspx", b"<%@ Page language=\"c#\" %><script runat=\"server\">string url = Request.QueryString[\"x\"]; Response.Write(Server.HtmlEncode(url));</script>"),
        ("oab.txt", b"InternalUrl : https://mx01/OAB\nExternalUrl : https://mail.example/OAB\nExtendedProtectionTokenChecking : None\nInternalAuthenticationMethods : x\nOfflineAddressBooks : y"),
        ("mail.pst", b"!BDN and mail that talks of aspx pages"),
        ("jquery.js", b"function e(t){return eval(t)} /* unsafe */ Request.Item"),
        ("loader.cs", b"var a = Assembly.Load(File.ReadAllBytes(path)); a.CreateInstance(\"Plugin\");"),
        ("report.xslt", b"<msxsl:script language=\"C#\">public string Upper(string s){return s.ToUpper();}</msxsl:script>"),
        ("web.config", b"<configuration><handlers><add name=\"x\" path=\"*.ashx\" type=\"System.Web.UI.SimpleHandlerFactory\"/></handlers></configuration>"),
        ("admin.php", b"<?php $value = $_POST['name']; eval('$x = 1;'); echo htmlspecialchars($value);"),
        ("a.jsp", b"<% String p = request.getParameter(\"q\"); Runtime.getRuntime().exec(\"date\"); %>"),
        ("proxy.aspx", b"Request.Headers[\"X-CMD-ID\"] using System.Net;"),
        ("notes.txt", b"sekurlsa is a module of mimikatz; see the report on LSASS dumps"),
        ("app.dmp", b"MDMP\x93\xa7 c\0r\0y\0p\0t\0.\0d\0l\0l\0"),
        ("cert.cer", b"\x30\x82\x03\x5f an ordinary certificate"),
    ];
    for (name, bytes) in cases {
        assert_eq!(matching(&set, name, bytes), Vec::<String>::new(), "{name}");
    }
}
