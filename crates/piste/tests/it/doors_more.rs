//! Ways in that need no flaw, and pages that lie in the collection.
//!
//! In: log lines and files that the tests write as servers do, with their harmless look-alikes beside them. Out: the verdict that
//! an examiner would give, and no door for the look-alikes.

use serde_json::{Value, json};

use crate::doors::{doors, has, iis, sentences, verdicts};
use crate::schema_check::faults;
use crate::scratch::{CASE, Scratch, text};

const OUTLOOK: &str = "Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.4266;+Pro)";
const CHROME: &str = "Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/124.0+Safari/537.36";
const STRANGE: &str = "Mozilla/5.0+(X11;+Linux+x86_64;+rv:109.0)+Gecko/20100101+Firefox/115.0";
const SHELL: &str = "<%@ Page Language=\"Jscript\"%>\n<%eval(Request.Item[\"k\"],\"unsafe\");%>";

/// One row of IIS: when, `METHOD stem query`, as whom, from where, with what, and the answer.
fn row(time: &str, asked: &str, user: &str, source: &str, agent: &str, status: &str) -> String {
    let (method, rest) = asked.split_once(' ').expect("a method");
    let (stem, query) = rest.split_once(' ').unwrap_or((rest, "-"));
    format!("{time} MX01 10.20.1.10 {method} {stem} {query} 443 {user} {source} {agent} - {status} 0 30")
}

/// Two working weeks of three people.
fn weeks() -> Vec<String> {
    let mut rows = Vec::new();
    for day in [6, 7, 8, 9, 10, 13, 14, 15, 16, 17] {
        for (number, user) in [(21, "MIN\\anna"), (22, "bert@min.example"), (23, "MIN\\carla")] {
            let desk = format!("10.20.7.{number}");
            for hour in [8, 10, 12, 14, 16, 17] {
                let time = format!("2024-05-{day:02} {hour:02}:05:00");
                rows.push(row(&time, "POST /mapi/emsmdb/ MailboxId=x", user, &desk, OUTLOOK, "200 0"));
            }
            let time = format!("2024-05-{day:02} 09:30:00");
            rows.push(row(&time, "POST /owa/service.svc action=FindItem", user, &desk, CHROME, "200 0"));
        }
    }
    rows
}

fn found(rows: &[String]) -> Vec<Value> {
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let scratch = Scratch::new();
    scratch.write("given/u_ex240506.log", iis(&rows));
    scratch.investigate("given").expect(0);
    doors(&scratch)
}

/// A visit by OWA: the form, the page, some mail.
fn visit(day: u32, user: &str, source: &str, agent: &str) -> Vec<String> {
    let at = |minute: u32| format!("2024-05-{day:02} 03:{minute:02}:00");
    vec![
        row(&at(1), "GET /owa/auth/logon.aspx url=https%3a%2f%2fmail&reason=0", "-", source, agent, "200 0"),
        row(&at(2), "POST /owa/auth.owa", user, source, agent, "302 0"),
        row(&at(2), "GET /owa/", user, source, agent, "200 0"),
        row(&at(4), "POST /owa/service.svc action=GetItem", user, source, agent, "200 0"),
        row(&at(9), "POST /owa/service.svc action=GetItem", user, source, agent, "200 0"),
    ]
}

#[test]
fn a_mailbox_is_entered_by_somebody_whom_its_habit_does_not_explain() {
    let mut rows = weeks();
    assert_eq!(verdicts(&found(&rows)), Vec::<String>::new(), "people at work");
    // On a journey, with the browser that she has, and with another password typed first.
    rows.extend(visit(8, "MIN\\carla", "91.176.4.20", CHROME));
    rows.push(row(
        "2024-05-08 03:00:30",
        "GET /owa/auth/logon.aspx replaceCurrent=1&reason=3",
        "-",
        "91.176.4.20",
        CHROME,
        "200 0",
    ));
    assert_eq!(verdicts(&found(&rows)), Vec::<String>::new(), "an owner away");
    rows.extend(visit(15, "MIN\\anna", "185.220.101.7", STRANGE));
    let one = found(&rows);
    assert_eq!(verdicts(&one), ["succeeded account anna"]);
    assert_eq!(one[0]["sources"], json!(["185.220.101.7"]));
    assert_eq!(one[0]["first_used"], json!("2024-05-15T03:02:00Z"));
    has(&one[0], "why", &["unusual:", "nobody else on this server uses", "Firefox/115.0"]);
    has(&one[0], "why", &["most of it lies in hours at which the account rests else"]);
    // The same stranger at another mailbox is a sign that it is no owner.
    rows.extend(visit(15, "bert@min.example", "185.220.101.7", STRANGE));
    let two = found(&rows);
    assert_eq!(verdicts(&two), ["used account anna", "used account bert"]);
    has(&two[0], "why", &["a sign that it was not the owner", "as 2 accounts", "anna, bert"]);
}

#[test]
fn guesses_at_the_sign_in_page_probe_or_fail_and_one_that_is_let_in_is_used() {
    let guess = |minute: u32, user: &str, source: &str| {
        let at = format!("2024-05-15 02:{minute:02}:00");
        [
            row(&at, "POST /owa/auth.owa", user, source, CHROME, "302 0"),
            row(&at, "GET /owa/auth/logon.aspx replaceCurrent=1&reason=2&url=", "-", source, CHROME, "200 0"),
        ]
    };
    let mut spray = weeks();
    for (minute, user) in [(1, "admin"), (2, "test")] {
        spray.extend(guess(minute, user, "203.0.114.9"));
    }
    // Somebody mistyped at his desk.
    spray.extend(guess(9, "MIN\\bert", "10.20.7.22"));
    let probed = found(&spray);
    assert_eq!(verdicts(&probed), ["probed account web sign-in (OWA, EWS, ActiveSync)"]);
    assert_eq!(probed[0]["sources"], json!(["203.0.114.9"]));
    let mut tried = spray.clone();
    for minute in 20..27 {
        tried.extend(guess(minute, "MIN\\anna", "203.0.114.77"));
    }
    // Basic passwords are refused with a code of Windows.
    tried.push(
        row("2024-05-15 02:40:00", "POST /EWS/Exchange.asmx", "MIN\\anna", "203.0.114.77", CHROME, "401 1")
            .replace(" 0 30", " 1326 30"),
    );
    assert_eq!(verdicts(&found(&tried)), ["failed account web sign-in (OWA, EWS, ActiveSync)"]);
    tried.extend(visit(15, "MIN\\anna", "203.0.114.77", CHROME));
    let used = found(&tried);
    assert_eq!(verdicts(&used), ["used account anna", "failed account web sign-in (OWA, EWS, ActiveSync)"]);
    has(
        &used[0],
        "why",
        &["a sign that it was not the owner: 203.0.114.77 had been refused again and again"],
    );
}

/// A collection of one server: pages below its web root, and a web log.
fn collection(scratch: &Scratch, rows: &[String]) {
    let root = "given/MX01/C/inetpub/wwwroot/aspnet_client";
    scratch.write(&format!("{root}/supp0rt.aspx"), SHELL);
    scratch.write(
        &format!("{root}/help.aspx"),
        "<%@ Page Language=\"C#\" %>\n<html><body>Help for our users</body></html>",
    );
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    scratch.write("given/MX01/C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log", iis(&rows));
}

/// Events of a page that a worker writes, a backup reads and a command runs for.
fn written_and_run(file: &str) -> String {
    let event = |number: u32, code: u32, time: &str, more: Value| {
        let mut event = json!({"Channel": "Security", "EventID": code, "Provider_Name": "Microsoft-Windows-Security-Auditing",
            "EventRecordID": number, "Computer": "MX01", "@timestamp": time});
        let all = event.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        format!("{event}\n")
    };
    let written = json!({"ObjectName": file, "ProcessName": r"C:\Windows\System32\inetsrv\w3wp.exe", "AccessMask": "0x2"});
    let read =
        json!({"ObjectName": file, "ProcessName": r"C:\Windows\System32\backup.exe", "AccessMask": "0x1"});
    let started = json!({"ParentProcessName": r"C:\Windows\System32\inetsrv\w3wp.exe", "NewProcessName": r"C:\Windows\System32\cmd.exe",
        "CommandLine": "cmd /c whoami", "SubjectUserName": "MX01$"});
    [
        event(1, 4663, "2021-03-01T10:00:00Z", read),
        event(2, 4663, "2021-03-03T05:12:45Z", written),
        event(3, 4688, "2021-03-03T05:14:03Z", started),
    ]
    .concat()
}

#[test]
fn a_collected_shell_is_one_door_with_its_write_its_copy_and_its_use() {
    let scratch = Scratch::new();
    let page = "/aspnet_client/supp0rt.aspx";
    collection(
        &scratch,
        &[
            row("2021-03-03 05:14:02", &format!("POST {page}"), "-", "203.0.113.77", STRANGE, "200 0"),
            row("2021-03-03 05:14:42", &format!("POST {page}"), "-", "203.0.113.77", STRANGE, "200 0"),
            row("2021-03-09 20:00:00", &format!("POST {page}"), "-", "198.51.100.9", CHROME, "200 0"),
            row("2021-03-10 08:00:00", &format!("GET {page}"), "-", "192.0.2.7", "curl/7", "403 0"),
            row("2021-03-03 09:00:00", "GET /aspnet_client/help.aspx", "-", "198.51.100.4", CHROME, "200 0"),
        ],
    );
    scratch.write(
        "given/MX01/C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/root/8e05b027/e164d61b/supp0rt.aspx.cdcab7d2.compiled",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<preserve resultType=\"3\" virtualPath=\"/aspnet_client/supp0rt.aspx\" hash=\"1\" filehash=\"2\" flags=\"110000\" assembly=\"App_Web_8q1fnmli\" type=\"ASP.supp0rt_aspx\">",
    );
    let file = r"C:\inetpub\wwwroot\aspnet_client\supp0rt.aspx";
    scratch.write("given/MX01/events.jsonl", written_and_run(file));
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    let place = format!("used webshell {file}");
    assert_eq!(verdicts(&found), [place.as_str()], "one door, and none for the page of the house");
    let shell = &found[0];
    assert_eq!((text(shell, "host").as_str(), text(shell, "state").as_str()), ("MX01", "open"));
    assert_eq!(shell["opened"]["not_after"], json!("2021-03-03T05:12:45Z"));
    assert_eq!(shell["first_used"], json!("2021-03-03T05:14:02Z"));
    assert_eq!(shell["last_used"], json!("2021-03-09T20:00:00Z"));
    assert_eq!(shell["sources"], json!(["198.51.100.9", "203.0.113.77"]));
    has(
        shell,
        "why",
        &[
            "collected file",
            "supp0rt.aspx reads as a web shell",
            "the request reaches code that is evaluated",
        ],
    );
    has(shell, "why", &["2021-03-03T05:12:45Z Security 4663", "was written by w3wp.exe"]);
    has(
        shell,
        "why",
        &["a compiled copy of /aspnet_client/supp0rt.aspx lies in the collection", "App_Web_8q1fnmli"],
    );
    has(shell, "why", &["w3wp.exe started cmd.exe: cmd /c whoami"]);
    has(shell, "why", &["it was asked for 3 times (3 POST) on 2 days"]);
    has(shell, "why", &["`Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0` (2)"]);
    has(shell, "why", &["its rhythm: 2 visits, mostly 40 s between requests"]);
    has(shell, "why", &["asked for in vain as well", "answered 403"]);
    assert!(
        !sentences(shell, "why").iter().any(|why| why.contains("2021-03-01T10")),
        "who only read it wrote nothing"
    );
    let told = scratch.piste(&["why", "D-1", "--case", CASE]).expect(0).out;
    assert!(told.contains("its rhythm") && told.contains("compiled copy"), "{told}");
}

#[test]
fn a_collected_shell_that_no_log_shows_is_there_all_the_same() {
    let scratch = Scratch::new();
    let other = row("2021-03-03 09:00:00", "GET /owa/", "MIN\\anna", "198.51.100.4", CHROME, "200 0");
    let last = row("2021-03-05 09:00:00", "GET /owa/", "MIN\\anna", "198.51.100.4", CHROME, "200 0");
    collection(&scratch, &[other, last]);
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), [r"succeeded webshell C:\inetpub\wwwroot\aspnet_client\supp0rt.aspx"]);
    assert_eq!((&found[0]["first_used"], &found[0]["opened"]["not_after"]), (&Value::Null, &Value::Null));
    has(&found[0], "why", &["reads as a shell: no use of it was seen"]);
    has(
        &found[0],
        "why",
        &[
            "have no answered request for it on the 2 days of 3 whose logs are here (from 2021-03-03T09:00:00Z to 2021-03-05T09:00:00Z",
        ],
    );
}

#[test]
fn a_listing_tells_when_a_page_came_and_a_shell_alone_has_no_host() {
    let scratch = Scratch::new();
    scratch.write("given/found.aspx", SHELL);
    scratch.write(
        "given/MX01/C/listing.csv",
        "FullName,Length,CreationTimeUtc,LastWriteTimeUtc\r\n\
         \"C:\\inetpub\\wwwroot\\aspnet_client\\iisstart1.aspx\",412,2020-02-27T18:30:53Z,2020-02-27T18:30:53Z\r\n\
         \"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx\",9480,2020-01-10T08:00:00Z,2020-01-10T08:00:00Z\r\n\
         \"C:\\inetpub\\wwwroot\\portal\\default.aspx\",4120,2019-05-02T09:00:00Z,2019-05-02T09:00:00Z\r\n",
    );
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(
        verdicts(&found),
        [
            r"succeeded webshell C:\inetpub\wwwroot\aspnet_client\iisstart1.aspx",
            r"succeeded webshell given\found.aspx"
        ]
    );
    assert_eq!(found[0]["opened"]["not_after"], json!("2020-02-27T18:30:53Z"));
    has(&found[0], "against", &["its name is none that the server ships"]);
}

#[test]
fn accounts_that_strangers_made_are_doors_and_those_of_administrators_are_not() {
    let event = |number: usize, code: u32, minute: u32, more: &Value| {
        let mut event = json!({"Channel": "Security", "EventID": code, "Provider_Name": "Microsoft-Windows-Security-Auditing",
            "EventRecordID": number, "Computer": "MX01", "@timestamp": format!("2021-03-03T05:{minute:02}:00Z")});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        format!("{event}\n")
    };
    let run = |events: &[String]| {
        let scratch = Scratch::new();
        scratch.write("given/security.jsonl", events.concat());
        scratch.investigate("given").expect(0);
        doors(&scratch)
    };
    let made =
        |name: &str, sid: &str| json!({"TargetUserName": name, "TargetSid": sid, "SubjectUserName": "adm"});
    let daily = [event(1, 4720, 1, &made("temp7", "S-1-5-21-1-2-3-1107"))];
    assert_eq!(verdicts(&run(&daily)), Vec::<String>::new(), "an account as administrators make every day");
    let group = json!({"TargetUserName": "Administrateurs", "TargetSid": "S-1-5-32-544", "MemberName": "-",
        "MemberSid": "S-1-5-21-1-2-3-1108", "SubjectUserName": "adm"});
    let given = [event(1, 4720, 1, &made("helpdesk", "S-1-5-21-1-2-3-1108")), event(2, 4732, 2, &group)];
    let found = run(&given);
    assert_eq!(verdicts(&found), ["succeeded account helpdesk"]);
    assert_eq!(found[0]["state"], json!("open"));
    has(&found[0], "against", &["administrators make accounts and give rights too"]);
    let command = json!({"ParentProcessName": r"C:\Windows\System32\inetsrv\w3wp.exe", "NewProcessName": r"C:\Windows\System32\net.exe",
        "CommandLine": "net user helpdesk P@ssw0rd /add", "SubjectUserName": "MX01$"});
    let logon = json!({"TargetUserName": "helpdesk", "LogonType": "3", "IpAddress": "10.20.1.9"});
    let deleted =
        json!({"TargetUserName": "helpdesk", "TargetSid": "S-1-5-21-1-2-3-1108", "SubjectUserName": "MX01$"});
    let mut all = vec![event(3, 4688, 0, &command)];
    all.extend(given);
    all.extend([event(4, 4624, 30, &logon), event(5, 4726, 50, &deleted)]);
    let found = run(&all);
    let account: Vec<&Value> = found.iter().filter(|door| text(door, "kind") == "account").collect();
    assert_eq!(account.len(), 1, "{found:#?}");
    assert_eq!((&account[0]["verdict"], &account[0]["state"]), (&json!("used"), &json!("closed")));
    assert_eq!(account[0]["first_used"], json!("2021-03-03T05:30:00Z"));
    has(account[0], "why", &["no administrator's work: a web worker started the command"]);
}

#[test]
fn an_address_that_leads_to_a_folder_for_everybody_is_a_door() {
    let scratch = Scratch::new();
    let event = |number: u32, command: &str| {
        let event = json!({"Channel": "Security", "EventID": 4688, "Provider_Name": "Microsoft-Windows-Security-Auditing",
            "EventRecordID": number, "Computer": "MX01", "@timestamp": "2021-03-03T05:00:00Z", "CommandLine": command,
            "NewProcessName": r"C:\Windows\System32\inetsrv\appcmd.exe", "ParentProcessName": r"C:\Windows\System32\cmd.exe"});
        format!("{event}\n")
    };
    let events = [
        event(
            1,
            r#"appcmd add vdir /app.name:"Default Web Site/" /path:/img /physicalPath:C:\ProgramData\img"#,
        ),
        event(
            2,
            r#"appcmd add vdir /app.name:"Default Web Site/" /path:/files /physicalPath:D:\Sites\files"#,
        ),
    ];
    scratch.write("given/security.jsonl", events.concat());
    scratch.investigate("given").expect(0);
    assert_eq!(verdicts(&doors(&scratch)), [r"succeeded virtual-directory /img (C:\ProgramData\img)"]);

    let scratch = Scratch::new();
    scratch.write(
        "given/MX01/C/Windows/System32/inetsrv/config/applicationHost.config",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<configuration>\r\n<system.applicationHost><sites><site name=\"Default Web Site\" id=\"1\">\r\n\
         <application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"%SystemDrive%\\inetpub\\wwwroot\" />\r\n\
         <virtualDirectory path=\"/img\" physicalPath=\"C:\\Users\\Public\\img\" /></application></site></sites></system.applicationHost></configuration>\r\n",
    );
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), [r"succeeded virtual-directory /img (C:\Users\Public\img)"]);
    assert_eq!((&found[0]["state"], &found[0]["host"]), (&json!("open"), &json!("MX01")));
}

#[test]
fn attempts_at_remote_powershell_failed_where_its_own_log_is_silent() {
    let scratch = Scratch::new();
    let rows = [
        row(
            "2022-12-05 21:02:38",
            "POST /owa/mastermailbox%40outlook.com/powershell",
            "MIN\\anna",
            "203.0.113.5",
            "python-requests/2.28.1",
            "500 0",
        ),
        row(
            "2022-12-05 21:02:40",
            "POST /owa/mastermailbox%40outlook.com/powershell",
            "MIN\\anna",
            "203.0.113.5",
            "python-requests/2.28.1",
            "500 0",
        ),
    ];
    let lines: Vec<&str> = rows.iter().map(String::as_str).collect();
    scratch.write("given/u_ex221205.log", iis(&lines));
    scratch.investigate("given").expect(0);
    assert_eq!(verdicts(&doors(&scratch)), ["probed exploit /owa/…/powershell"]);
    let own = |time: &str| {
        format!("{time},r,/powershell,true,MIN\\adm,10.1.1.5,MX01,200,Microsoft WinRM Client\r\n")
    };
    let shell = |rows: &[&str]| {
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.012\r\n#Log-type: Rps Http Logs\r\n#Date: 2022-12-05T20:00:00.000Z\r\n\
         #Fields: DateTime,RequestId,UrlStem,IsAuthenticated,AuthenticatedUser,ClientIpAddress,ServerHostName,HttpStatus,ClientInfo\r\n"
            .to_owned()
            + &rows.iter().map(|time| own(time)).collect::<String>()
    };
    // It was being written, but not on the day of the attempts as far as is here.
    let hole = shell(&["2022-12-04T20:00:01.000Z", "2022-12-06T22:00:01.000Z"]);
    scratch.write("given/Rps_Http_2022120420-1.LOG", hole);
    scratch.investigate("given").expect(0);
    assert_eq!(verdicts(&doors(&scratch)), ["probed exploit /owa/…/powershell"]);
    let whole = shell(&["2022-12-05T20:00:01.000Z", "2022-12-05T22:00:01.000Z"]);
    scratch.write("given/Rps_Http_2022120520-1.LOG", whole);
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), ["failed exploit /owa/…/powershell"]);
    has(&found[0], "why", &["and no session that came of these attempts"]);
}

#[test]
fn a_score_fits_its_schema() {
    let scratch = Scratch::new();
    let generate = [
        "lab",
        "generate",
        "--scenario",
        "owa-password",
        "--variant",
        "hit-before-patch",
        "--out",
        "lab/evidence",
    ];
    scratch.piste(&generate).expect(0);
    scratch.investigate("lab/evidence").expect(0);
    let scored =
        scratch.piste(&["lab", "score", "--truth", "lab/truth.json", "--json", "--case", CASE]).expect(0).out;
    let scored: Value = serde_json::from_str(&scored).expect("JSON");
    let schema = scratch.piste(&["schema", "score"]).expect(0).out;
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let wrong = faults(&schema, &scored, "score");
    assert!(wrong.is_empty(), "{wrong:#?}");
    let doors = &scored["doors"];
    assert_eq!((&doors["grave"], &doors["right"]), (&json!(0), &doors["judged"]), "{doors:#}");
}
