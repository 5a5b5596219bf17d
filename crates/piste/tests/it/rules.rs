//! `piste rules`: what is listed, checked and brought up to date, and the options that select rules.
//!
//! In: rule files and archives that the tests make. Out: what the binary printed, and the folders that it wrote.

use std::fs;
use std::io::{Cursor, Write};

use serde_json::Value;

use crate::events::{lines, ordinary, web_shell, with};
use crate::scratch::{CASE, Scratch, text};

fn rule(id: &str, title: &str, more: &str) -> String {
    format!(
        "title: {title}\nid: {id}\n{more}logsource: {{product: windows, category: process_creation}}\n\
         detection: {{a: {{Image: x}}, condition: a}}\n"
    )
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a member");
        writer.write_all(content.as_bytes()).expect("written");
    }
    writer.finish().expect("a zip").into_inner()
}

/// A tar of plain files, gzipped.
fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&bytes).expect("written");
    gz.finish().expect("a gzip")
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

#[test]
fn a_list_is_sorted_and_selected() {
    let scratch = Scratch::new();
    scratch.write("r/a.yml", rule("r1", "Zed", "level: high\nstatus: test\ntags: [attack.t1505.003]\n"));
    scratch.write("r/b.yml", rule("r2", "Bed", "level: high\n"));
    scratch.write("r/c.yml", rule("r3", "Ant", "level: low\n"));
    let run = scratch.piste(&["rules", "list", "r", "--no-built-in-rules", "--json"]).expect(0);
    let titles: Vec<String> = objects(&run.out).iter().map(|one| text(one, "title")).collect();
    assert_eq!(titles, ["Bed", "Zed", "Ant"]);
    let run = scratch
        .piste(&["rules", "list", "--rules", "r", "--no-built-in-rules", "--tag", "attack.t1505"])
        .expect(0);
    assert!(run.out.contains("high  test") && run.out.contains("T1505.003") && run.out.contains("r/a.yml:1"));
    assert!(
        run.out.ends_with("1 rules: 1 high\n2 more are left out by --level, --status or --tag\n"),
        "{}",
        run.out
    );
    assert!(scratch.piste(&["rules", "list"]).expect(0).out.contains("built-in/"));
}

#[test]
fn a_check_names_place_reason_and_hint() {
    let scratch = Scratch::new();
    scratch.write("r/a.yml", rule("r1", "Good", ""));
    scratch.write("r/b.yml", rule("r2", "Bad", "").replace("Image: x", "'Image|re': 'a(?=b)'"));
    scratch.write("r/c.yml", rule("r3", "Cloud", "").replace("windows", "aws"));
    scratch.write(
        "r/d.yml",
        "title: W\nid: r4\nlogsource: {category: webserver}\ndetection:\n  a: {cs-content-type: x}\n  condition: a\n",
    );
    let arguments = ["rules", "check", "r", "--no-built-in-rules"];
    let run = scratch.piste(&arguments).expect(0);
    assert!(run.out.contains("r/b.yml:4:30: rule-look-around: "), "{}", run.out);
    assert!(run.out.contains("r/d.yml:1: rule-field-never: it needs `cs-content-type`"), "{}", run.out);
    assert!(
        run.out
            .ends_with("3 rules load, 1 do not, 2 can never match (1 without a source, 1 by their fields)\n"),
        "{}",
        run.out
    );
    scratch.piste(&[&arguments[..], &["--strict"]].concat()).expect(2);
    let run = scratch.piste(&[&arguments[..], &["--json"]].concat()).expect(0);
    let found = objects(&run.out);
    assert_eq!(
        found.iter().map(|one| text(one, "slug")).collect::<Vec<_>>(),
        ["rule-look-around", "rule-no-source", "rule-field-never"]
    );
    assert!(found.iter().all(|one| !text(one, "hint").is_empty()));
    // Where no rule loads, the reasons are still said.
    let run = scratch.piste(&["rules", "check", "r/b.yml", "--no-built-in-rules"]).expect(2);
    assert!(run.out.contains("rule-look-around") && run.err.contains("error[rules-none-load]"));
}

#[test]
fn the_options_count_in_an_investigation() {
    let scratch = Scratch::new();
    let event = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Provider_Name":"Microsoft-Windows-Sysmon","EventRecordID":1,"Computer":"MX01","@timestamp":"2021-03-02T03:00:00Z","Image":"x","User":"svc"}"#;
    scratch.write("e.jsonl", format!("{event}\n"));
    scratch.write("r/a.yml", rule("r1", "One", "level: high\n"));
    scratch.write("r/b.yml", rule("r2", "Two", "level: low\n"));
    let titles = |case: &str, options: &str| {
        scratch.investigate_in(case, &format!("e.jsonl --rules r --no-built-in-rules {options}")).expect(0);
        let list = scratch.lines_in(case, "detections.jsonl");
        let mut titles: Vec<String> = list.iter().map(|one| text(one, "rule_title")).collect();
        titles.sort();
        titles
    };
    assert_eq!(titles("c1", ""), ["One", "Two"]);
    assert_eq!(titles("c2", "--level high"), ["One"]);
    assert_eq!(titles("c3", "--exclude-rule r1"), ["Two"]);
    let filter = "title: F\nid: f\nlogsource: {product: windows}\nfilter:\n  rules: [r1]\n  s: {User: svc}\n  \
                  condition: not s\n";
    scratch.write("r/f.yml", filter);
    assert_eq!(titles("c4", ""), ["Two"]);
}

#[test]
fn a_rule_is_explained_by_a_row() {
    let scratch = Scratch::new();
    scratch.write(
        "r/a.yml",
        "title: Shell\nid: r1\nlevel: high\nlogsource: {product: windows, category: process_creation}\n\
         detection:\n  selection:\n    ParentImage|endswith: '\\w3wp.exe'\n    CommandLine|contains|all: [cmd, net]\n  \
         filter: {User: null}\n  condition: selection and not filter\n",
    );
    scratch.write("r/f.yml", rule("r2", "File", "").replace("process_creation", "file_event"));
    let hostile = with(web_shell(3), "CommandLine", "cmd net \u{1b}[2J".into());
    scratch.write("e.jsonl", lines([ordinary(1), web_shell(2), hostile]));
    scratch.investigate("e.jsonl --rules r --no-built-in-rules").expect(0);
    let explain = |rule: &str, record: &str, more: &[&str]| {
        let all = ["rules", "explain", rule, record, "--rules", "r", "--no-built-in-rules", "--case", CASE];
        scratch.piste(&[&all, more].concat())
    };
    let run = explain("R1", "E-1:2", &[]).expect(0);
    assert_eq!(
        run.out,
        "Shell (r/a.yml:1)\n\
         E-1 e.jsonl record 2, windows.sysmon, Microsoft-Windows-Sysmon/Operational, event 1\n\
         The rule does not match this row\n\n\
         yes logsource windows/process_creation: fits\n\
         no  condition selection and not filter\n\
         no    selection\n\
         yes   not filter\n\
         no  selection filter\n\
         no    User: null    (is NT AUTHORITY\\SYSTEM)\n\
         no  selection selection\n\
         yes   ParentImage|endswith: \\w3wp.exe    (is C:\\Windows\\System32\\inetsrv\\w3wp.exe)\n\
         no    CommandLine|contains|all:    (is cmd /c whoami)\n\
         yes     cmd\n\
         no      net\n\n"
    );
    let run = explain("shell", "F-1", &[]).expect(0);
    assert!(run.out.contains("record 3") && run.out.contains("The rule matches this row"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}') && run.out.contains("\\x1b[2J"), "{}", run.out);
    let run = explain("File", "E-1:2", &["--json"]).expect(0);
    let found = &objects(&run.out)[0]["explanation"];
    assert_eq!((&found["matches"], &found["logsource"]["fits"]), (&Value::from(false), &Value::from(false)));
    for (rule, record) in [("none", "E-1:2"), ("r1", "E-1:9"), ("r1", "F-9")] {
        explain(rule, record, &[]).expect(2);
    }
    scratch.write(
        "r/c.yml",
        "title: Many\nid: c1\ncorrelation:\n  type: event_count\n  rules: [r1]\n  group-by: [User]\n  timespan: 1h\n  \
         condition: {gte: 2}\n",
    );
    let run = explain("c1", "E-1:2", &[]).expect(2);
    assert!(run.err.contains("is a correlation"), "{}", run.err);
}

#[test]
fn an_update_is_pinned_and_says_what_changes() {
    let scratch = Scratch::new();
    let licence = ("sigma-1/LICENSE", "free");
    let (one, two) = (rule("r1", "One", "level: high\n"), rule("r2", "Two", "level: low\n"));
    scratch.write(
        "one.zip",
        zip(&[licence, ("sigma-1/rules/a.yml", &one), ("sigma-1/rules/b.yml", &two), ("sigma-1/x.py", "no")]),
    );
    let run = scratch.piste(&["rules", "update", "one.zip", "--into", "sigma", "--dry-run"]).expect(0);
    assert!(run.out.starts_with("+ high  One  r1\n+ low   Two  r2\n"), "{}", run.out);
    assert!(!scratch.path("sigma").exists());
    scratch.piste(&["rules", "update", "one.zip", "--into", "sigma"]).expect(0);
    assert!(scratch.path("sigma/rules/a.yml").is_file() && scratch.path("sigma/LICENSE").is_file());
    assert!(!scratch.path("sigma/x.py").exists());
    let lock: Value =
        serde_json::from_slice(&fs::read(scratch.path("sigma/piste-rules.lock")).expect("a lock"))
            .expect("JSON");
    assert_eq!((text(&lock, "source").as_str(), lock["rules"].as_u64()), ("one.zip", Some(2)));
    // The next state: one changed, one gone, one new.
    let (changed, new) = (one.replace("Image: x", "Image: y"), rule("r3", "New", ""));
    scratch.write("two.tgz", tar_gz(&[("s/rules/a.yml", &changed), ("s/rules/c.yml", &new)]));
    let run = scratch.piste(&["rules", "update", "two.tgz", "--into", "sigma", "--json"]).expect(0);
    let change = &objects(&run.out)[0];
    let ids = |list: &str| {
        change[list].as_array().expect("a list").iter().map(|one| text(one, "id")).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("added"), ids("removed"), ids("changed")),
        (vec!["r3".into()], vec!["r2".into()], vec!["r1".into()])
    );
    assert!(!scratch.path("sigma/rules/b.yml").exists());
    // What was changed by hand is not overwritten.
    scratch.write("sigma/rules/own.yml", rule("r9", "Own", ""));
    let run = scratch.piste(&["rules", "update", "one.zip", "--into", "sigma"]).expect(2);
    assert!(run.err.contains("were changed since the last update"), "{}", run.err);
    let hidden = fs::read_dir(scratch.path("")).expect("listed").flatten();
    assert!(
        hidden.into_iter().all(|one| !one.file_name().to_string_lossy().starts_with('.')),
        "nothing is left beside"
    );
}

#[test]
fn the_same_source_again_changes_nothing() {
    let scratch = Scratch::new();
    let attributes: Vec<String> =
        (0..8).map(|at| format!("own_attribute_{at}: {{b: {at}, a: [x, {{d: 1, c: 2}}]}}\n")).collect();
    let attributes = attributes.concat();
    let files: Vec<(String, String)> = (0..6)
        .map(|at| (format!("rules/{at}.yml"), rule(&format!("r{at}"), &format!("Rule {at}"), &attributes)))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    scratch.write("one.zip", zip(&files));
    scratch.piste(&["rules", "update", "one.zip", "--into", "sigma"]).expect(0);
    for _ in 0..3 {
        let run = scratch.piste(&["rules", "update", "one.zip", "--into", "sigma"]).expect(0);
        assert!(run.out.starts_with("6 rules, 0 added, 0 removed, 0 changed;"), "{}", run.out);
    }
}

#[test]
fn a_hostile_or_wrong_source_changes_nothing() {
    let scratch = Scratch::new();
    let good = rule("r1", "One", "");
    scratch.write("own/a.yml", &good);
    scratch.write("slip.zip", zip(&[("rules/../../evil.yml", &good)]));
    scratch.write("slip.tgz", tar_gz(&[("../evil.yml", &good)]));
    scratch.write("drive.zip", zip(&[("C:\\evil.yml", &good)]));
    scratch.write("none.zip", zip(&[("readme.md", "x")]));
    scratch.write("text.zip", "not an archive");
    scratch.write("cut.zip", &zip(&[("a.yml", &good)])[..60]);
    for name in [
        "slip.zip",
        "slip.tgz",
        "drive.zip",
        "none.zip",
        "text.zip",
        "cut.zip",
        "missing.zip",
        "http://rules.example/x.zip",
        "http://127.0.0.1@rules.example/x.zip",
        "http://127.0.0.1.rules.example/x.zip",
        "ftp://127.0.0.1/x.zip",
    ] {
        let run = scratch.piste(&["rules", "update", name, "--into", "sigma"]).expect(2);
        assert!(run.err.starts_with("error[rules-"), "{name}: {}", run.err);
        assert!(!scratch.path("sigma").exists() && !scratch.path("evil.yml").exists(), "{name}");
    }
    let run = scratch.piste(&["rules", "update", "own", "--into", "own"]).expect(2);
    assert!(run.err.contains("files that no update wrote"), "{}", run.err);
    // Without curl the user is told how to do without.
    let mut command = scratch.command(&["rules", "update", "https://127.0.0.1:9/x.zip", "--into", "sigma"]);
    let output = command.env("PATH", scratch.path("nowhere")).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("fetch the file with a browser"), "{said}");
}

/// Answers one request with these bytes and the status, on a port of this machine; gives up after twenty seconds.
fn serve(status: &'static str, body: Vec<u8>) -> (u16, std::thread::JoinHandle<bool>) {
    use std::io::{Read, Write};
    use std::time::Duration;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("it does not wait");
    let serving = std::thread::spawn(move || {
        for _ in 0..400 {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            stream.set_nonblocking(false).expect("it waits");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("not for ever");
            let mut asked = Vec::new();
            let mut bytes = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") {
                match stream.read(&mut bytes) {
                    Ok(count) if count > 0 => asked.extend_from_slice(&bytes[..count]),
                    _ => break,
                }
            }
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            return true;
        }
        false
    });
    (port, serving)
}

#[test]
fn an_update_is_fetched_from_an_address() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: there is no curl here");
        return;
    }
    let scratch = Scratch::new();
    let (port, serving) = serve("200 OK", zip(&[("s/rules/a.yml", &rule("r1", "One", "level: high\n"))]));
    let address = format!("http://127.0.0.1:{port}/rules.zip");
    scratch.piste(&["rules", "update", &address, "--into", "sigma"]).expect(0);
    assert!(serving.join().expect("it served"), "nothing was asked");
    assert!(scratch.path("sigma/rules/a.yml").is_file());
    let lock = fs::read_to_string(scratch.path("sigma/piste-rules.lock")).expect("a lock");
    assert!(lock.contains(&address), "{lock}");
    // What is not found is no archive, and changes nothing.
    let (port, serving) = serve("404 Not Found", b"no".to_vec());
    let address = format!("http://127.0.0.1:{port}/rules.zip");
    let run = scratch.piste(&["rules", "update", &address, "--into", "sigma"]).expect(4);
    assert!(run.err.contains("404"), "{}", run.err);
    assert!(serving.join().expect("it served") && scratch.path("sigma/rules/a.yml").is_file());
}

#[test]
fn a_correlation_that_only_the_hunt_refuses_is_named_by_the_check() {
    let scratch = Scratch::new();
    let correlation = "title: Sum\nid: c9\ncorrelation:\n    type: value_sum\n    rules:\n        - r1\n    group-by:\n        - User\n    timespan: 5m\n    condition:\n        gte: 3\nlevel: high\n";
    scratch.write("r/rules.yml", format!("{}---\n{correlation}", rule("r1", "One", "level: high\n")));
    let run = scratch.piste(&["rules", "check", "r"]).expect(0);
    assert!(run.out.contains("(c9)"), "{}", run.out);
    scratch.piste(&["rules", "check", "r", "--strict"]).expect(2);
}
