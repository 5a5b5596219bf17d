//! The trail, from logs to `trail.json` and the terminal.

use serde_json::{Value, json};

use crate::events::{lines, with};
use crate::scratch::{CASE, Run, Scratch, real};

/// The start of a process as Sysmon records it.
fn started(second: u32, pid: u32, parent: (u32, &str), image: &str, line: &str) -> Value {
    let guid = |pid: u32| format!("{{11111111-2222-3333-4444-{pid:012}}}");
    json!({
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": "WS1.min.example",
        "TimeCreated": format!("2021-03-14T01:40:{second:02}.500Z"),
        "UtcTime": format!("2021-03-14 01:40:{second:02}.500"),
        "ProcessGuid": guid(pid), "ProcessId": pid, "Image": image, "CommandLine": line,
        "ParentProcessGuid": guid(parent.0), "ParentProcessId": parent.0, "ParentImage": parent.1,
        "User": "MIN\\ann", "LogonId": "0x5555",
    })
}

fn story() -> Vec<Value> {
    let explorer = (10, "C:\\Windows\\explorer.exe");
    let payload = "C:\\Users\\ann\\Downloads\\invoice.exe";
    let cmd = "C:\\Windows\\System32\\cmd.exe";
    let connection = json!({
        "EventID": 3, "ProtocolName": "tcp",
        "Initiated": "true", "SourceIp": "10.0.0.5", "SourcePort": 50_000,
        "DestinationIp": "203.0.113.5", "DestinationPort": 8443,
    });
    let mut out = with(started(15, 20, explorer, payload, payload), "EventID", json!(3));
    for (name, value) in connection.as_object().expect("an object") {
        out = with(out, name, value.clone());
    }
    vec![
        started(10, 20, explorer, payload, payload),
        out,
        started(20, 30, (20, payload), cmd, "cmd.exe /c whoami"),
        started(21, 40, (30, cmd), "C:\\Windows\\System32\\whoami.exe", "whoami /all"),
        started(30, 60, explorer, "C:\\Windows\\System32\\notepad.exe", "notepad.exe"),
    ]
}

const RULES: &str = "title: Payload From Downloads\nid: 22222222-1111-4111-8111-111111111111\nlevel: critical\nstatus: test\n\
    tags: [attack.t1204.002]\nlogsource: {product: windows, category: process_creation}\n\
    detection:\n  one:\n    Image|endswith: '\\invoice.exe'\n  condition: one\n---\n\
    title: Shell Under A Payload\nid: 22222222-1111-4111-8111-111111111112\nlevel: high\nstatus: test\n\
    tags: [attack.t1059.003]\nlogsource: {product: windows, category: process_creation}\n\
    detection:\n  one:\n    ParentImage|endswith: '\\invoice.exe'\n  condition: one\n";

fn investigated() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("given/WS1/sysmon.jsonl", lines(story()));
    scratch.write("rules/two.yml", RULES);
    scratch.investigate("given --rules rules").expect(0);
    scratch
}

#[test]
fn acts_that_hang_together_are_one_intrusion_with_its_reasons() {
    let scratch = investigated();
    assert_eq!(scratch.summary()["intrusions"], 1);
    let trail = scratch.object("trail.json");
    let intrusion = &trail["intrusions"][0];
    assert_eq!(intrusion["hosts"], json!(["WS1.min.example"]));
    assert_eq!(intrusion["accounts"], json!(["MIN\\ann"]));
    assert_eq!(intrusion["first_trace"]["no_later_than"], "2021-03-14T01:40:10.500Z");
    assert_eq!(intrusion["first_trace"]["lower_bound"], Value::Null);
    let steps = intrusion["steps"].as_array().expect("a list");
    let techniques: Vec<&str> = steps.iter().filter_map(|step| step["technique"].as_str()).collect();
    assert_eq!(techniques, ["T1204.002", "T1071.001", "T1059.003", "T1033"], "{intrusion:#}");
    assert!(steps.iter().all(|step| !step["rows"].as_array().expect("a list").is_empty()));
    let why = &steps[2]["edges"][0];
    assert_eq!((&why["to"], &why["class"]), (&json!("S-1"), &json!("C1")));
    let told = scratch.piste(&["trail", "--case", CASE]).expect(0).out;
    assert!(told.contains("I-1") && told.contains("S-4"), "{told}");
    let one = scratch.piste(&["why", "S-3", "--case", CASE]).expect(0).out;
    assert!(one.contains("invoice.exe started cmd.exe") && one.contains("piste show"), "{one}");
    let none = scratch.piste(&["trail", "--host", "other", "--json", "--case", CASE]).expect(2);
    assert!(none.out.is_empty() && none.err.contains("hosts of this case: WS1.min.example"), "{}", none.err);
    scratch.piste(&["why", "S-99", "--case", CASE]).expect(2);
}

#[test]
fn what_a_person_called_harmless_is_no_step() {
    let scratch = investigated();
    for finding in scratch.lines("findings.jsonl") {
        let id = finding["id"].as_str().expect("an id");
        scratch
            .piste(&[
                "finding",
                id,
                "--verdict",
                "false-positive",
                "--why",
                "ours",
                "--by",
                "Ann",
                "--case",
                CASE,
            ])
            .expect(0);
    }
    scratch.investigate("given --rules rules").expect(0);
    assert_eq!(scratch.summary()["intrusions"], 0);
}

/// Scores as `score_trail.py` does of a recording: steps of the truth of which a row is cited.
fn found_steps(trail: &Value, truth: &Value) -> (usize, usize) {
    let numbers =
        |row: &Value| ["record", "line"].iter().filter_map(|name| row[name].as_i64()).collect::<Vec<_>>();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let short =
        |host: &Value| host.as_str().unwrap_or_default().split('.').next().unwrap_or_default().to_lowercase();
    let claimed: Vec<(String, i64, Option<i64>)> = list(&trail["intrusions"])
        .iter()
        .flat_map(|one| list(&one["steps"]))
        .flat_map(|step| list(&step["rows"]))
        .filter_map(|row| Some((short(&row["host"]), row["record"].as_i64()?, row["event_code"].as_i64())))
        .collect();
    let steps: Vec<Value> = list(&truth["intrusions"])
        .iter()
        .flat_map(|one| list(&one["steps"]))
        .filter(|step| step["optional"] != json!(true))
        .collect();
    let is_found = |step: &&Value| {
        list(&step["records"]).iter().any(|row| {
            let keys = numbers(row);
            claimed.iter().any(|(host, record, code)| {
                *host == short(&row["host"]) && keys.contains(record) && *code == row["event_id"].as_i64()
            })
        })
    };
    (steps.iter().filter(is_found).count(), steps.len())
}

#[test]
fn recordings_of_intrusions_are_told_whole() {
    let recordings = [
        (
            "m2-ms17-010-two-parties.json",
            vec!["ID4624,4688,5140,5145-Eternal Romance - MS17_010_psexec (GLOBAL).evtx"],
        ),
        ("otrf-empire-dcom-shellwindows.json", vec!["empire_dcom_shellwindows_stager.zip"]),
        (
            "otrf-lsass-04.json",
            vec![
                "metasploit_out-minidump_lsass_memory_dump.zip",
                "metasploit_out-minidump_lsass_memory_dump_zeek_logs.zip",
            ],
        ),
    ];
    let Some(rules) = real("sigma") else { return };
    for (truth, files) in recordings {
        let Some(truth) = real(&format!("trail/{truth}")) else { return };
        let truth: Value =
            serde_json::from_str(&std::fs::read_to_string(truth).expect("it is read")).expect("it is JSON");
        let scratch = Scratch::new();
        let mut command = scratch.command(&["investigate", "--case", CASE, "--quiet", "--rules"]);
        command.arg(&rules);
        command.args(files.iter().filter_map(|file| real(&format!("trail/{file}"))));
        let run = Run::from(command.output().expect("the binary starts"));
        assert!(run.code == 0 || run.code == 3, "{}", run.err);
        let trail = scratch.object("trail.json");
        let intrusions = trail["intrusions"].as_array().expect("a list");
        assert_eq!(intrusions.len(), 1, "{}", truth["name"]);
        let (found, of) = found_steps(&trail, &truth);
        assert_eq!(found, of, "{}", truth["name"]);
        let apart = intrusions[0]["separate_from"].as_array().expect("a list");
        assert_eq!(apart.is_empty(), truth["parties"].is_null(), "{}", truth["name"]);
    }
}

/// Records a word on two acts and makes the trail anew.
fn decide(scratch: &Scratch, arguments: &[&str]) -> Value {
    let mut all = vec!["trail", "--case", CASE, "--why", "looked at by hand", "--by", "Ann"];
    all.extend(arguments);
    scratch.piste(&all).expect(0);
    scratch.investigate("given --rules rules").expect(0);
    scratch.object("trail.json")
}

#[test]
fn what_a_person_cuts_and_joins_later_runs_keep_and_tell() {
    let scratch = investigated();
    // The shell hangs on the payload by one edge.
    let cut = decide(&scratch, &["--unlink", "S-1", "S-3"]);
    assert_eq!(cut["decisions"][0]["outcome"], "kept", "{:#}", cut["decisions"]);
    assert_eq!(cut["intrusions"], json!([]), "apart each is too little");
    assert_eq!(cut["leads"].as_array().map(Vec::len), Some(2), "{cut:#}");
    let told = scratch.piste(&["trail", "--case", CASE]).expect(0).out;
    assert!(told.contains("Ann (not signed) cut S-1 from S-3: looked at by hand"), "{told}");
    // The last word on a pair counts; by their findings, for what is apart is too little for an intrusion and has no steps.
    let found = scratch.lines("findings.jsonl");
    let id = |title: &str| {
        let finding = found.iter().find(|one| one["title"] == title).expect("it is found");
        finding["id"].as_str().expect("an id").to_owned()
    };
    let (payload, shell) = (id("Payload From Downloads"), id("Shell Under A Payload"));
    let joined = decide(&scratch, &["--link", &payload, &shell]);
    assert_eq!(joined["intrusions"].as_array().map(Vec::len), Some(1));
    assert_eq!(joined["intrusions"][0]["steps"].as_array().map(Vec::len), Some(4), "{joined:#}");
    let edges: Vec<&Value> = joined["intrusions"][0]["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|step| step["edges"].as_array().expect("a list"))
        .collect();
    assert!(edges.iter().any(|edge| edge["class"] == "P"), "{edges:#?}");
}

#[test]
fn a_word_that_changes_nothing_is_refused_with_what_there_is_instead() {
    let scratch = investigated();
    let said = |arguments: &[&str]| {
        let mut all = vec!["trail", "--case", CASE, "--why", "x", "--by", "Ann"];
        all.extend(arguments);
        scratch.piste(&all).expect(2).err
    };
    assert!(said(&["--link", "S-1", "S-99"]).contains("there is no step and no finding `S-99`"));
    assert!(said(&["--link", "S-1", "S-3"]).contains("joined already"));
    assert!(said(&["--link", "S-1", "S-1"]).contains("are one act"));
    let far = said(&["--unlink", "S-1", "S-4"]);
    assert!(far.contains("S-1 – S-3 – S-4"), "{far}");
    scratch.piste(&["trail", "--case", CASE, "--link", "S-1", "S-4", "--by", "Ann"]).expect(2);
}

#[test]
fn a_process_tree_tells_who_started_what_and_what_rules_say() {
    let scratch = investigated();
    let tree = scratch.piste(&["tree", "WS1", "--case", CASE]).expect(0).out;
    let line = |what: &str| {
        tree.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what}: {tree}"))
    };
    let (payload, shell, whoami) = (line("invoice.exe  ["), line("cmd.exe /c whoami"), line("whoami /all"));
    assert!(payload < shell && shell < whoami, "{tree}");
    assert!(tree.contains("! critical: Payload From Downloads"), "{tree}");
    assert!(tree.contains("[30, MIN\\ann]"), "{tree}");
    assert!(!tree.contains("notepad"), "what no rule speaks of is not shown: {tree}");
    let all = scratch.piste(&["tree", "WS1", "--all", "--json", "--case", CASE]).expect(0).out;
    let names: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(names.iter().any(|one| one["image"].as_str().is_some_and(|image| image.contains("notepad"))));
    let step = scratch.piste(&["tree", "S-3", "--case", CASE]).expect(0).out;
    assert!(step.contains("invoice.exe") && step.contains('*'), "{step}");
    let none = scratch.piste(&["tree", "nowhere", "--case", CASE]).expect(2).err;
    assert!(none.contains("is no host of this case"), "{none}");
}

/// A logon as the Security log has it.
fn logon(second: u32, host: &str, account: &str, address: &str) -> Value {
    json!({
        "EventID": 4624, "Channel": "Security", "SourceName": "Microsoft-Windows-Security-Auditing", "Hostname": host,
        "TimeCreated": format!("2021-03-14T02:00:{second:02}.000Z"), "TargetUserName": account, "TargetDomainName": "MIN",
        "LogonType": "3", "IpAddress": address, "IpPort": "50001", "TargetLogonId": format!("0x{second}00"),
        "AuthenticationPackageName": "NTLM", "WorkstationName": "-",
    })
}

#[test]
fn logons_tell_who_went_from_where_to_where_and_where_the_account_changed() {
    let scratch = Scratch::new();
    let mut own = json!({
        "EventID": 3, "ProtocolName": "tcp", "Initiated": "true", "SourceIp": "10.0.0.5", "SourcePort": 50_000,
        "DestinationIp": "10.0.0.9", "DestinationPort": 445,
    });
    let base = started(15, 20, (10, "C:\\Windows\\explorer.exe"), "C:\\a.exe", "a.exe");
    for (name, value) in base.as_object().expect("an object") {
        if own.get(name).is_none() {
            own[name] = value.clone();
        }
    }
    let rows = vec![
        own,
        logon(1, "WS1.min.example", "ann", "203.0.113.9"),
        logon(30, "DC1.min.example", "admin", "10.0.0.5"),
        logon(40, "DC1.min.example", "WS1$", "10.0.0.5"),
    ];
    scratch.write("given/all.jsonl", lines(rows));
    scratch.investigate("given").expect(0);
    let told = scratch.piste(&["logons", "--json", "--case", CASE]).expect(0).out;
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ways: Vec<(&str, &str, &str)> = lines
        .iter()
        .filter(|one| one["kind"] == "3 network")
        .map(|one| {
            let text = |name: &str| one[name].as_str().expect("a text");
            (text("account"), text("from"), text("to"))
        })
        .collect();
    assert_eq!(
        ways,
        [
            ("MIN\\admin", "WS1.min.example", "DC1.min.example"),
            ("MIN\\ann", "203.0.113.9", "WS1.min.example")
        ],
        "{told}"
    );
    let path = lines.iter().find(|one| one.get("came").is_some()).expect("a path");
    assert_eq!(
        (&path["came"]["account"], &path["went"]["account"]),
        (&json!("MIN\\ann"), &json!("MIN\\admin"))
    );
}

#[test]
fn the_estate_says_of_each_host_what_is_known_and_of_the_rest_that_it_was_not_examined() {
    let scratch = investigated();
    scratch.write("hosts.csv", "owner;Computer\nICT;WS1.min.example\nHR;\"WS2\"\n");
    let list = scratch.path("hosts.csv");
    let list = list.to_str().expect("a text");
    let told = scratch.piste(&["trail", "--estate", list, "--json", "--case", CASE]).expect(0).out;
    let estate: Value = serde_json::from_str(&told).expect("JSON");
    let hosts: Vec<(&str, &str)> = estate["hosts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str().expect("a text"), one["standing"].as_str().expect("a text")))
        .collect();
    assert_eq!(hosts, [("WS1.min.example", "compromised"), ("WS2", "not-examined")], "{told}");
    assert_eq!(estate["accounts"][0]["name"], "MIN\\ann");
    let layer = scratch.piste(&["trail", "--format", "navigator", "--case", CASE]).expect(0).out;
    let layer: Value = serde_json::from_str(&layer).expect("JSON");
    assert!(
        layer["techniques"].as_array().expect("a list").iter().any(|one| one["techniqueID"] == "T1059.003")
    );
    let lines = scratch.piste(&["trail", "--format", "timesketch", "--case", CASE]).expect(0).out;
    assert_eq!(lines.lines().count(), 4, "{lines}");
}
