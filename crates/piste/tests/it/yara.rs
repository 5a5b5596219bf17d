//! YARA rules over the files of a collection, from the command line to the bytes.
//!
//! In: a collection with pages, programs and logs, and rules good and broken. Out: detections bound to rows, what a person
//! is shown, and what is done again when the rules change.

use serde_json::{Value, json};

use crate::events::{three, zip};
use crate::scratch::{CASE, Scratch, same_files, text};

const RULES: &str = "\
import \"hash\"
rule marker : T1027 {
  meta:
    description = \"Holds the marker of the test\"
    level = \"high\"
    reference = \"https://example.org/marker\"
  strings:
    $text = \"marker-4711\" ascii wide
  condition:
    $text
}

rule program_in_temp {
  meta:
    id = \"0a0b0c0d-0000-4000-8000-000000000001\"
    title = \"Program in a folder for scraps\"
    level = \"low\"
  condition:
    filetype == \"EXE\" and filepath icontains \"temp\" and extension == \".dll\"
}
";

/// A zip with a log, a text, a program twice, and a page.
fn collection(scratch: &Scratch) {
    let program = b"MZ\x90\0 no real program, m\0a\0r\0k\0e\0r\0-\x004\x007\x001\x001\0".as_slice();
    scratch.write(
        "MX01.zip",
        zip(&[
            ("C/Windows/Temp/x.dll", program),
            ("C/Windows/Temp/copy.dll", program),
            ("C/notes.txt", b"one line\nand marker-4711 in the second\x1b[2J\n"),
            ("C/inetpub/wwwroot/a.aspx", b"<%@ Page Language=\"C#\" %>\n<p>marker-4711</p>"),
            ("logs/a.jsonl", &three(1)),
        ]),
    );
}

fn hits(scratch: &Scratch) -> Vec<(String, String)> {
    let all = scratch.lines("detections.jsonl");
    let of_files = all.iter().filter(|one| one["dataset"] == json!("file.content"));
    let mut hits: Vec<_> = of_files.map(|one| (text(one, "rule_title"), text(one, "path"))).collect();
    hits.sort();
    hits
}

#[test]
fn every_file_is_looked_at_and_a_match_leads_to_its_bytes() {
    let scratch = Scratch::new();
    collection(&scratch);
    scratch.write("rules/sub/good.yar", RULES);
    scratch.investigate("MX01.zip --yara rules").expect(0);
    let expected = [
        ("Holds the marker of the test", "MX01.zip!C/Windows/Temp/copy.dll"),
        ("Holds the marker of the test", "MX01.zip!C/Windows/Temp/x.dll"),
        ("Holds the marker of the test", "MX01.zip!C/inetpub/wwwroot/a.aspx"),
        ("Holds the marker of the test", "MX01.zip!C/notes.txt"),
        ("Program in a folder for scraps", "MX01.zip!C/Windows/Temp/copy.dll"),
        ("Program in a folder for scraps", "MX01.zip!C/Windows/Temp/x.dll"),
    ];
    assert_eq!(hits(&scratch), expected.map(|(rule, path)| (rule.to_owned(), path.to_owned())));
    let summary = scratch.summary();
    assert_eq!(summary["events"], json!(4), "three events and a page; a file is no event");
    assert_eq!(summary["yara"]["files"]["scanned"], json!(4), "a program that lies twice is two files");
    let hit =
        &scratch.lines("detections.jsonl").into_iter().find(|one| text(one, "path").ends_with("notes.txt"));
    let hit = hit.as_ref().expect("the text matches");
    assert_eq!((&hit["event_code"], &hit["record"], &hit["offset"]), (&Value::Null, &json!(1), &json!(13)));
    assert_eq!(hit["attack"], json!(["T1027"]));
    assert_eq!(hit["details"]["Matches"], json!("$text at 13 (11 bytes): marker-4711"));
    let findings = scratch.lines("findings.jsonl");
    let finding = findings.iter().find(|one| one["rule_id"] == json!("marker")).expect("grouped");
    let shown = scratch.piste(&["show", &text(finding, "id"), "--case", CASE]).expect(0);
    assert!(!shown.out.contains('\u{1b}'), "what is shown is escaped");
    let wanted = shown.out.split("\n\n").find(|part| part.contains("notes.txt")).expect("one of its rows");
    let bytes = wanted.split_once("  Original").expect("its bytes").1;
    insta::assert_snapshot!(bytes, @"
    , 43 bytes, the same as when the row was made:
      Where it was found, from byte 0:
        00000000  6f 6e 65 20 6c 69 6e 65 0a 61 6e 64 20 6d 61 72  one line.and mar
        00000010  6b 65 72 2d 34 37 31 31 20 69 6e 20 74 68 65 20  ker-4711 in the 
        00000020  73 65 63 6f 6e 64 1b 5b 32 4a 0a                 second.[2J.
    ");
    let json = scratch.piste(&["show", &text(finding, "id"), "--case", CASE, "--json"]).expect(0);
    let first: Value = serde_json::from_str(json.out.lines().next().expect("a row")).expect("an object");
    assert_eq!(first["original"]["unchanged"], json!(true));
    let page = std::fs::read_to_string(scratch.path("case/out/report.html")).expect("a report");
    assert!(page.contains("YARA rules were loaded") && page.contains("4 files that are no logs"));
    assert!(page.contains("Holds the marker of the test"));
}

#[test]
fn broken_files_are_named_and_only_where_none_loads_the_run_ends() {
    let scratch = Scratch::new();
    collection(&scratch);
    scratch.write("rules/good.yar", "include \"sub/base.yar\"\nrule good { condition: base }");
    scratch.write("rules/sub/base.yar", "private rule base { strings: $a = \"marker-4711\" condition: $a }");
    scratch.write("rules/bad.yar", "rule bad {\n  strings:\n    $a = /(/\n  condition:\n    $a\n}\n");
    scratch.investigate("MX01.zip --no-built-in-rules --yara rules").expect(0);
    let titles: Vec<String> = hits(&scratch).into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles, ["good", "good"]);
    let not_run: Vec<Value> = scratch.lines("rules_not_run.jsonl");
    let bad = not_run.iter().find(|one| one["rule_id"] == json!("bad")).expect("it is named");
    assert_eq!((text(bad, "path"), &bad["line"]), ("rules/bad.yar".to_owned(), &json!(3)));
    assert_eq!(scratch.summary()["yara"]["not_loaded"], json!(1));
    let check = scratch.piste(&["rules", "check", "--yara", "rules", "--no-built-in-rules"]).expect(0);
    insta::assert_snapshot!(check.out, @"
    rules/bad.yar:3:11: yara-rule: invalid regular expression: unclosed group (bad)
      hint: correct the rule there; it is left out until then
    0 rules load, 0 do not, 0 can never match (0 without a source, 0 by their fields)
    1 YARA rules load, 1 do not
    ");
    scratch
        .piste(&["rules", "check", "rules/bad.yar", "rules/good.yar", "--no-built-in-rules", "--strict"])
        .expect(2);
    let list = scratch.piste(&["rules", "list", "rules/good.yar", "--no-built-in-rules"]).expect(0);
    insta::assert_snapshot!(list.out, @"
    high  -            yara                           -                    good  good  rules/good.yar:2

    1 rules: 1 high
    ");
    let none = scratch.investigate("MX01.zip --yara rules/bad.yar").expect(2);
    insta::assert_snapshot!(none.err, @"
    error[yara-none-loads]: no YARA rule of `rules/bad.yar` compiles; rules/bad.yar:3: invalid regular expression: unclosed group
      = effect: nothing was hunted
    hint: see each reason: piste rules check --yara rules/bad.yar
    ");
    scratch.investigate("MX01.zip --yara nowhere.yar").expect(2);
}

#[test]
fn other_rules_look_at_the_files_again_and_leave_the_logs_alone() {
    let scratch = Scratch::new();
    collection(&scratch);
    scratch.write("one.yar", "rule one { strings: $a = \"marker-4711\" condition: $a }");
    scratch.write("two.yar", "rule two { strings: $a = \"second\" condition: $a }");
    let times = |scratch: &Scratch| {
        let folder = scratch.path("case/lake/windows.sysmon");
        let list = std::fs::read_dir(folder).expect("rows of the log").flatten();
        list.map(|one| one.metadata().expect("it is there").modified().expect("a time")).collect::<Vec<_>>()
    };
    scratch.investigate("MX01.zip --no-built-in-rules --yara one.yar").expect(0);
    let before = times(&scratch);
    scratch.investigate("MX01.zip --no-built-in-rules --yara two.yar").expect(0);
    assert_eq!(hits(&scratch), [("two".to_owned(), "MX01.zip!C/notes.txt".to_owned())]);
    assert_eq!(times(&scratch), before, "the log's rows were not written again");
    scratch.investigate_in("fresh", "MX01.zip --no-built-in-rules --yara two.yar").expect(0);
    let new = |case: &str| scratch.lines_in(case, "detections.jsonl");
    assert_eq!(new(CASE), new("fresh"));
    let refused = scratch.piste(&["hunt", "--case", CASE, "--yara", "one.yar"]).expect(2);
    assert!(refused.err.contains("yara-needs-evidence"), "{}", refused.err);
    scratch.piste(&["hunt", "--case", CASE]).expect(0);
    assert!(
        hits(&scratch).contains(&("two".to_owned(), "MX01.zip!C/notes.txt".to_owned())),
        "kept by a hunt"
    );
}

#[test]
fn threads_change_nothing_and_time_is_limited() {
    let scratch = Scratch::new();
    collection(&scratch);
    scratch.write("good.yar", RULES);
    scratch.investigate_in("one", "MX01.zip --yara good.yar --threads 1").expect(0);
    scratch.investigate_in("two", "MX01.zip --yara good.yar --threads 3").expect(0);
    same_files(&scratch.path("one/out"), &scratch.path("two/out"));
    scratch.write(
        "slow.yar",
        "rule endless { condition: filename == \"notes.txt\" and for all i in (0..1000000000000) : ( i + uint8(0) != 200000000000000 ) }",
    );
    scratch.investigate("MX01.zip --yara slow.yar --yara-timeout 1").expect(0);
    let issue = scratch.issue("yara-timeout");
    assert_eq!(text(&issue, "path"), "MX01.zip!C/notes.txt");
    assert_eq!(scratch.summary()["yara"]["files"]["timed_out"], json!(1));
}

#[test]
fn a_file_of_gigabytes_costs_its_beginning() {
    let scratch = Scratch::new();
    let path = scratch.write("huge/sparse.bin", b"marker-4711");
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("opens");
    file.set_len(200 << 20).expect("a sparse file");
    scratch.write("good.yar", RULES);
    scratch.investigate("huge --yara good.yar").expect(0);
    assert_eq!(hits(&scratch).len(), 1);
    let issue = scratch.issue("file-scanned-in-part");
    assert_eq!(issue["offset"], json!(32 << 20));
    let row = scratch.piste(&["search", "FileName=sparse.bin", "--json", "--case", CASE]).expect(0);
    let row: Value = serde_json::from_str(&row.out).expect("one row");
    assert_eq!((&row["Size"], &row["Kind"]), (&json!("209715200"), &json!("data")));
    assert_eq!(text(&row, "MD5").len(), 32);
}

const HOST_CONFIG: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.webServer>
    <globalModules>
      <add name="UriCacheModule" image="%windir%\System32\inetsrv\cachuri.dll" />
      <add name="HttpLogCache" image="C:\Windows\Temp\httplog.dll" />
    </globalModules>
  </system.webServer>
</configuration>
"#;

#[test]
fn a_module_that_nobody_ships_and_a_page_that_is_gone_are_doors() {
    let scratch = Scratch::new();
    let compiled = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<preserve resultType=\"3\" virtualPath=\"/owa/auth/ohyeah.aspx\" hash=\"1\" filehash=\"2\" flags=\"110000\" assembly=\"App_Web_8q1fnmli\" type=\"ASP.ohyeah_aspx\">\n</preserve>";
    let owa = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth";
    let temporary = "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/owa/1/2";
    scratch.write(
        "MX01.zip",
        zip(&[
            ("C/Windows/System32/inetsrv/config/applicationHost.config", HOST_CONFIG.as_bytes()),
            (&format!("{owa}/errorFE.aspx"), b"<%@ Page %>"),
            (&format!("{temporary}/ohyeah.aspx.cdcab7d2.compiled"), compiled),
            (
                &format!("{temporary}/errorfe.aspx.cdcab7d2.compiled"),
                &String::from_utf8_lossy(compiled).replace("ohyeah", "errorFE").into_bytes(),
            ),
        ]),
    );
    scratch.investigate("MX01.zip").expect(0);
    let doors = scratch.object("doors.json");
    let doors = doors["doors"].as_array().expect("a list");
    let mut shown: Vec<_> = doors
        .iter()
        .map(|door| (text(door, "kind"), text(door, "place"), text(door, "verdict"), text(door, "state")))
        .collect();
    shown.sort();
    let door = |kind: &str, place: &str, state: &str| {
        (kind.to_owned(), place.to_owned(), "succeeded".to_owned(), state.to_owned())
    };
    assert_eq!(
        shown,
        [
            door("iis-module", r"C:\Windows\Temp\httplog.dll", "open"),
            door("webshell", "/owa/auth/ohyeah.aspx", "closed")
        ]
    );
    let hit = scratch.lines("detections.jsonl");
    let module = hit
        .iter()
        .find(|one| text(one, "rule_title").starts_with("IIS Loads A Module"))
        .expect("a finding too");
    let row = format!("{}:{}", text(module, "evidence_id"), module["record"]);
    let bytes = scratch.piste(&["show", &row, "--case", CASE]).expect(0).out;
    assert!(bytes.contains("the same as when the row was made") && bytes.contains("HttpLogCache"), "{bytes}");
}
