//! Verdicts over facts and exposure.

use std::collections::BTreeMap;

use piste_lake::Lake;
use piste_model::{
    BuildSeen, Coverage, Covered, DoorState, DoorVerdict, Exposure, Instant, OpenSpan, ReasonKind,
};

use super::rows::Place;
use super::*;

fn time(text: &str) -> Option<Instant> {
    Instant::parse(text)
}

fn fact(log: &'static str, at: &str, record: i64, said: ReasonKind) -> Fact {
    let place = Place { evidence: 1, offset: 0, record, hash: [0; 16] };
    Fact::new(log, time(at), place, said).from("203.0.113.7")
}

fn posted(url: &str) -> ReasonKind {
    let (method, status) = ("POST".to_owned(), "200".to_owned());
    ReasonKind::PageAnswered { method, url: url.to_owned(), status }
}

fn started() -> ReasonKind {
    ReasonKind::ProcessStarted {
        parent: "w3wp.exe".to_owned(),
        pool: None,
        child: "cmd.exe".to_owned(),
        command: "cmd.exe /c whoami".to_owned(),
        own_time: None,
        seconds: None,
    }
}

fn role_given() -> ReasonKind {
    let role = "Mailbox Import Export".to_owned();
    ReasonKind::RoleGiven { role, holder: Some("adm".to_owned()), failed: false }
}

fn export_asked() -> ReasonKind {
    ReasonKind::MailboxExportAsked { command: "New-MailboxExportRequest -Mailbox anna".to_owned() }
}

/// A server on which this build was seen all year long.
fn server(build: &str) -> Exposure {
    let seen = BuildSeen {
        build: build.to_owned(),
        first: time("2021-01-02T00:00:00Z"),
        last: time("2021-12-30T00:00:00Z"),
        source: "HttpProxy".to_owned(),
        row: None,
        last_row: None,
        count: 2,
        release: None,
        older: false,
        perhaps_updated: false,
    };
    Exposure {
        host: "MX01".to_owned(),
        product: "Exchange Server 2016".to_owned(),
        cu: None,
        build: Some(build.to_owned()),
        open: vec![],
        unknown_spans: vec![],
        builds: vec![seen],
        mitigations: vec![],
        unknown: vec![],
        evidence: vec![],
    }
}

fn doors_of(store: &Store, exposures: &[Exposure]) -> Vec<Door> {
    let (lake, evidence) = (Lake::at(std::path::Path::new("nowhere")), BTreeMap::new());
    let known = Known {
        lake: &lake,
        host: &str::to_owned,
        proxies: &[],
        evidence: &evidence,
        coverage: &[],
        exposures,
        clocks: &[],
    };
    join(assemble(&known, store, &mut BTreeSet::new()))
}

/// A chain answered as done, and a page asked for afterwards: web lines alone.
fn web_lines() -> Store {
    let mut store = Store::default();
    let flaw = Topic::Exploit(Flaw::ProxyLogon);
    store.add("MX01", flaw, Rung::Passed, fact("IIS", "2021-06-01T10:00:00Z", 1, posted("/ecp/y.js")));
    let page = "/owa/auth/x.aspx";
    let asked = fact("IIS", "2021-06-01T10:01:00Z", 2, posted("/owa/auth/x.aspx")).page(page);
    store.add("MX01", Topic::Page(page.to_owned()), Rung::Used, asked);
    store
}

fn verdict(doors: &[Door], kind: &str) -> Option<DoorVerdict> {
    doors.iter().find(|door| door.kind == kind).map(|door| door.verdict)
}

#[test]
fn web_lines_alone_never_use_a_patched_servers_flaw() {
    let store = web_lines();
    assert_eq!(verdict(&doors_of(&store, &[]), "exploit"), Some(DoorVerdict::Used), "unknown");
    assert_eq!(
        verdict(&doors_of(&store, &[server("15.1.2176.2")]), "exploit"),
        Some(DoorVerdict::Used),
        "open"
    );
    let patched = doors_of(&store, &[server("15.1.2176.9")]);
    assert_eq!(verdict(&patched, "exploit"), Some(DoorVerdict::Failed));
    assert!(
        patched
            .iter()
            .flat_map(|door| &door.reasons)
            .any(|reason| { reason.against && matches!(reason.kind, ReasonKind::FlawWasClosed { .. }) }),
        "{patched:#?}"
    );
}

#[test]
fn what_no_web_line_can_invent_stands_on_a_patched_server_too() {
    let mut store = web_lines();
    let set = fact(
        "MSExchange Management",
        "2021-06-01T10:00:30Z",
        3,
        ReasonKind::DirectorySetToScript {
            directory: "OAB (Default Web Site)".to_owned(),
            failed: false,
            script: "<script".to_owned(),
        },
    );
    store.add("MX01", Topic::Directory("OAB (Default Web Site)".to_owned()), Rung::Effect, set);
    let doors = doors_of(&store, &[server("15.1.2176.9")]);
    assert_eq!(verdict(&doors, "exploit"), Some(DoorVerdict::Used));
    assert_eq!(verdict(&doors, "oab-external-url"), Some(DoorVerdict::Succeeded));
}

#[test]
fn commands_of_a_web_worker_without_a_page_are_a_door_of_their_own() {
    let mut store = Store::default();
    store.add("MX01", Topic::Worker, Rung::Used, fact("Sysmon 1", "2021-06-01T10:00:00Z", 1, started()));
    let doors = doors_of(&store, &[]);
    let shown: Vec<_> = doors.iter().map(|door| (door.place.as_str(), door.verdict)).collect();
    assert_eq!(shown, [("a web worker (w3wp.exe)", DoorVerdict::Used)]);
}

#[test]
fn a_flaw_is_dated_by_its_own_rows_and_not_by_a_page_of_somebody_elses() {
    let mut store = Store::default();
    let flaw = Topic::Exploit(Flaw::ProxyLogon);
    store.add("MX01", flaw, Rung::Passed, fact("HttpProxy", "2021-03-03T10:00:00Z", 1, posted("/ecp/y.js")));
    let page = "/owa/auth/x.aspx";
    let asked = |at: &str, record: i64, source: &str| {
        let mut one = fact("IIS", at, record, posted("/owa/auth/x.aspx")).page(page);
        source.clone_into(&mut one.source);
        one
    };
    let topic = || Topic::Page(page.to_owned());
    store.add("MX01", topic(), Rung::Used, asked("2019-04-09T10:00:00Z", 2, "198.51.100.4"));
    store.add("MX01", topic(), Rung::Used, asked("2021-03-04T10:00:00Z", 3, "203.0.113.7"));
    let doors = doors_of(&store, &[]);
    let of = |kind: &str| doors.iter().find(|door| door.kind == kind).expect("a door");
    assert_eq!(of("exploit").first_used, time("2021-03-03T10:00:00Z"), "{:#?}", of("exploit"));
    assert_eq!(of("exploit").opened.not_after, time("2021-03-03T10:00:00Z"));
    assert_eq!(of("exploit").sources, ["203.0.113.7"]);
    assert_eq!(of("webshell").first_used, time("2019-04-09T10:00:00Z"));
}

#[test]
fn an_export_by_the_account_that_was_just_given_the_right_uses_it() {
    let grant = || Topic::Grant("Mailbox Import Export: adm@min.example".to_owned());
    let log = "MSExchange Management";
    let given = fact(log, "2021-06-01T10:00:00Z", 1, role_given()).by("NT AUTHORITY\\SYSTEM");
    let export = |at: &str| fact(log, at, 2, export_asked()).by("MIN\\adm");
    let verdict_of = |exported: Option<&str>| {
        let mut store = Store::default();
        store.add("MX01", grant(), Rung::Effect, given.clone());
        if let Some(at) = exported {
            store.add("MX01", Topic::Export("adm".to_owned()), Rung::Used, export(at));
        }
        let doors = doors_of(&store, &[]);
        doors.first().map(|door| (door.verdict, door.first_used))
    };
    assert_eq!(verdict_of(None), Some((DoorVerdict::Succeeded, None)));
    assert_eq!(verdict_of(Some("2021-06-01T09:00:00Z")), Some((DoorVerdict::Succeeded, None)), "before");
    let after = "2021-06-01T10:04:00Z";
    assert_eq!(verdict_of(Some(after)), Some((DoorVerdict::Used, time(after))));
    // A record that does not name who asked counts only soon after.
    for (at, verdict) in [(after, DoorVerdict::Used), ("2021-06-03T10:04:00Z", DoorVerdict::Succeeded)] {
        let mut store = Store::default();
        store.add("MX01", grant(), Rung::Effect, given.clone());
        let nobody = fact(log, at, 2, export_asked());
        store.add("MX01", Topic::Export(String::new()), Rung::Used, nobody);
        assert_eq!(doors_of(&store, &[]).first().map(|door| door.verdict), Some(verdict), "{at}");
    }
}

#[test]
fn a_module_of_which_only_the_name_is_known_is_unknown_until_something_else_speaks_against_it() {
    let module = |name: &str| Topic::Module(name.to_owned());
    let added = |record| {
        fact(
            "IIS-Configuration 29",
            "2021-06-01T10:00:00Z",
            record,
            ReasonKind::ModuleAdded { module: "x".to_owned(), file: None, setting: String::new() },
        )
    };
    let state = |store: &Store| {
        let doors = doors_of(store, &[]);
        let mut all: Vec<_> = doors.iter().filter(|door| door.kind == "iis-module").cloned().collect();
        all.pop().map(|door| (door.verdict, door.state, door.close))
    };
    let mut store = Store::default();
    store.add("MX01", module("exppw"), Rung::Looked, added(1));
    assert_eq!(state(&store), None, "Exchange's own");
    store.add("MX01", module("filter9"), Rung::Effect, added(2));
    let unknown = state(&store).expect("it is told");
    assert_eq!((unknown.0, unknown.1), (DoorVerdict::Probed, DoorState::Unknown));
    assert!(unknown.2.starts_with("find out whose it is"), "{}", unknown.2);
    store.add("MX01", Topic::Worker, Rung::Used, fact("Sysmon 1", "2021-06-01T10:05:00Z", 3, started()));
    assert_eq!(state(&store).expect("it is told").0, DoorVerdict::Succeeded, "a second sign");
}

#[test]
fn a_filters_answers_to_scanners_are_probes_and_a_broken_chain_failed() {
    let flaw = || Topic::Exploit(Flaw::ProxyLogon);
    let mut store = Store::default();
    store.add("MX01", flaw(), Rung::OpenAnswer, fact("IIS", "2021-06-01T10:00:00Z", 1, posted("/ecp/y.js")));
    for server in [server("15.1.2176.2"), server("15.1.2176.9")] {
        assert_eq!(verdict(&doors_of(&store, &[server]), "exploit"), Some(DoorVerdict::Probed));
    }
    for record in 2..5 {
        let step = fact("HttpProxy", "2021-06-02T10:00:00Z", record, posted("/ecp/ddi"));
        store.add("MX01", flaw(), Rung::Unclear, step);
    }
    for server in [server("15.1.2176.2"), server("15.1.2176.9")] {
        assert_eq!(verdict(&doors_of(&store, &[server]), "exploit"), Some(DoorVerdict::Failed));
    }
}

/// The role to export mailboxes, given by one account to another.
fn grant(store: &mut Store, caller: &str, holder: &str) {
    let given = fact("MSExchange Management", "2021-09-01T10:01:00Z", 9, role_given()).by(caller);
    store.add("MX01", Topic::Grant(format!("Mailbox Import Export: {holder}")), Rung::Effect, given);
}

#[test]
fn a_role_given_in_the_daily_run_is_no_door_and_one_of_a_flaw_is_told_with_it() {
    let mut daily = Store::default();
    grant(&mut daily, "min.example/Users/adm", "adm");
    assert_eq!(doors_of(&daily, &[]), []);
    let mut machine = Store::default();
    grant(&mut machine, "NT AUTHORITY\\SYSTEM", "adm");
    assert_eq!(verdict(&doors_of(&machine, &[]), "account"), Some(DoorVerdict::Succeeded));
    let through = |holder: &str| {
        let mut store = Store::default();
        let session = fact(
            "Rps_Http",
            "2021-09-01T10:00:00Z",
            1,
            ReasonKind::RemoteShellSession {
                client: None,
                token: true,
                account: "adm".to_owned(),
                status: "200".to_owned(),
            },
        )
        .by("MIN\\adm");
        store.add("MX01", Topic::Exploit(Flaw::ProxyShell), Rung::Passed, session);
        grant(&mut store, "min.example/Users/adm", holder);
        doors_of(&store, &[])
    };
    let own = through("adm");
    assert_eq!(verdict(&own, "account"), None);
    assert!(
        own.iter()
            .flat_map(|door| &door.reasons)
            .any(|reason| matches!(reason.kind, ReasonKind::RoleGiven { .. })),
        "{own:#?}"
    );
    assert_eq!(verdict(&through("guest"), "account"), Some(DoorVerdict::Succeeded));
}

#[test]
fn an_administrators_change_of_a_directory_is_no_door() {
    let mut store = Store::default();
    let made = fact(
        "MSExchange Management",
        "2021-06-01T10:00:00Z",
        1,
        ReasonKind::DirectoryMadeAnew { directory: "OAB (Default Web Site)".to_owned() },
    );
    store.add("MX01", Topic::Directory("OAB (Default Web Site)".to_owned()), Rung::CoverUp, made);
    assert_eq!(doors_of(&store, &[]), []);
}

#[test]
fn what_was_open_before_the_logs_begin_is_said_to_be_invisible() {
    let mut server = server("15.1.2176.2");
    server.open.push(OpenSpan {
        cve: "CVE-2021-26855".to_owned(),
        from: time("2021-01-02T00:00:00Z"),
        to: time("2021-05-01T00:00:00Z"),
        proven: true,
        from_not_before: None,
        to_not_before: None,
        name: String::new(),
        published: None,
        fix_released: None,
        caveat: None,
    });
    let (lake, evidence) = (Lake::at(std::path::Path::new("nowhere")), BTreeMap::new());
    let span = |first: &str| {
        let (first, last) = (time(first).expect("a time"), time("2021-12-30T00:00:00Z").expect("a time"));
        let days = (first.day()..=last.day()).collect();
        vec![Coverage {
            host: "MX01".to_owned(),
            dataset: "iis.access".to_owned(),
            covered: Covered { first, last, days },
        }]
    };
    let seen = |coverage: &[Coverage]| {
        let exposures = [server.clone()];
        let known = Known {
            lake: &lake,
            host: &str::to_owned,
            proxies: &[],
            evidence: &evidence,
            coverage,
            exposures: &exposures,
            clocks: &[],
        };
        not_visible(&known)
    };
    let sign_ins = |all: &[NotVisible]| all.iter().filter(|one| one.cve.is_empty()).count();
    let whole = seen(&span("2021-01-01T00:00:00Z"));
    assert_eq!((whole.len(), sign_ins(&whole)), (1, 1), "only sign-ins before the logs: {whole:#?}");
    assert!(
        whole[0]
            .why
            .contains("over the web, are logged on each of the 364 days from 2021-01-01T00:00:00Z to"),
        "{whole:#?}"
    );
    let late = seen(&span("2021-04-01T00:00:00Z"));
    assert_eq!((late.len(), sign_ins(&late)), (2, 1));
    assert!(late[0].why.contains("begin at 2021-04-01T00:00:00Z"), "{late:#?}");
    assert_eq!(late[0].to, time("2021-04-01T00:00:00Z"));
    assert!(seen(&[])[0].why.contains("no web log of MX01 is here"));
    let mut gap = span("2021-01-01T00:00:00Z");
    let whole = gap[0].covered.days.clone();
    let (from, to) =
        (time("2021-02-01T00:00:00Z").expect("a time"), time("2021-04-30T00:00:00Z").expect("a time"));
    let (before, after) = (whole.within(i64::MIN, from.day() - 1), whole.within(to.day() + 1, i64::MAX));
    gap[0].covered.days = before.with(&after);
    let told = seen(&gap);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].why.contains("no row from 2021-02-01 to 2021-04-30, 89 days"), "{told:#?}");
    assert_eq!((told[0].from, told[0].to), (Some(from), time("2021-05-01T00:00:00Z")));
    assert_eq!(told[0].cve, ["CVE-2021-26855"]);
    assert!(told[1].why.contains("on the 275 days of 364 whose logs are here"), "{told:#?}");
}
