//! Stays of accounts, and what is made of them.

use piste_model::{DoorVerdict, Instant};

use super::*;
use crate::doors::guesses::Guesses;
use crate::doors::rows::Place;
use crate::doors::store::Store;

const HOME: &str = "81.164.10.20";
const ABROAD: &str = "185.220.101.7";
const DESK: &str = "10.20.7.21";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.0";
const OUTLOOK: &str = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";

/// Requests of one account from one address, one a quarter of an hour.
struct Came<'a> {
    account: &'a str,
    source: &'a str,
    agent: &'a str,
    service: Service,
    /// Day of May 2024, and hour.
    at: (i64, i64),
    count: i64,
}

fn nanos((day, hour): (i64, i64)) -> i64 {
    let start = Instant::parse("2024-05-01T00:00:00Z").expect("a time").nanos;
    start + (day - 1) * DAY + hour * 60 * MINUTE
}

fn come(sessions: &mut Sessions, came: &Came<'_>) {
    for number in 0..came.count {
        let at = nanos(came.at) + number * 15 * MINUTE;
        let mut stay = Stay::default();
        stay.see(at);
        stay.services.insert(came.service, 1);
        came.agent.clone_into(&mut stay.agent);
        let place = Place { evidence: 1, offset: 0, record: at / MINUTE, hash: [0; 16] };
        let time = Instant { nanos: at, digits: 0 };
        let fact = Fact::new("IIS", Some(time), place, answered(came.service, came.agent))
            .from(came.source)
            .by(came.account);
        stay.earliest.insert(came.service, fact.clone());
        stay.latest = Some(fact);
        let who = ("MX01".to_owned(), came.account.to_owned());
        sessions.add(who, (came.source.to_owned(), agents::family(came.agent)), stay);
    }
}

/// Two weeks of three people: at the desk by day, some at home in the evening.
fn weeks() -> Sessions {
    let mut sessions = Sessions::default();
    for day in (6..18).filter(|day| !matches!(day, 11 | 12)) {
        for (number, account) in (0..).zip(["anna", "bert", "carla"]) {
            let desk = format!("10.20.7.{}", 21 + number);
            let outlook = Came {
                account,
                source: &desk,
                agent: OUTLOOK,
                service: Service::Outlook,
                at: (day, 8),
                count: 20,
            };
            come(&mut sessions, &outlook);
            come(
                &mut sessions,
                &Came {
                    source: HOME,
                    agent: CHROME,
                    service: Service::Owa,
                    at: (day, 18),
                    count: 3,
                    ..outlook
                },
            );
        }
    }
    sessions
}

#[track_caller]
fn check(sessions: &Sessions, guesses: &Guesses, expected: &[(&str, DoorVerdict)]) {
    let evidence = BTreeMap::new();
    let lake = piste_lake::Lake::at(std::path::Path::new("nowhere"));
    let known = crate::doors::Known {
        lake: &lake,
        host: &str::to_owned,
        proxies: &[],
        evidence: &evidence,
        coverage: &[],
        exposures: &[],
        clocks: &[],
    };
    let found = doors(&known, &Store::default(), sessions, guesses);
    let shown: Vec<(&str, DoorVerdict)> =
        found.iter().map(|door| (door.place.as_str(), door.verdict)).collect();
    assert_eq!(shown, expected, "{found:#?}");
}

const STRANGER: Came<'static> =
    Came { account: "anna", source: ABROAD, agent: FIREFOX, service: Service::Owa, at: (15, 3), count: 4 };

#[test]
fn people_at_their_mail_are_no_door() {
    check(&weeks(), &Guesses::default(), &[]);
}

#[test]
fn owners_away_and_owners_with_a_new_browser_are_no_door() {
    let mut sessions = weeks();
    // On a journey, with the laptop that she has.
    come(&mut sessions, &Came { agent: CHROME, at: (15, 21), ..STRANGER });
    // At home, with a browser that is new to her and to all.
    come(&mut sessions, &Came { account: "bert", source: HOME, at: (16, 19), ..STRANGER });
    // A new phone on the operator's networks.
    for (day, source) in [(13, "178.50.1.9"), (14, "178.51.7.7"), (15, "109.128.3.3"), (16, "62.4.200.1")] {
        let phone = Came {
            account: "carla",
            source,
            agent: "Apple-iPhone14C2/2003.10",
            service: Service::ActiveSync,
            at: (day, 12),
            count: 2,
        };
        come(&mut sessions, &phone);
    }
    check(&sessions, &Guesses::default(), &[]);
}

#[test]
fn what_is_only_unusual_stays_low() {
    let mut sessions = weeks();
    // In the evening hours that she keeps, from another provider, with a program that carla has too.
    come(&mut sessions, &Came { account: "carla", source: HOME, at: (7, 18), ..STRANGER });
    come(&mut sessions, &Came { at: (11, 18), count: 2, ..STRANGER });
    check(&sessions, &Guesses::default(), &[("anna", DoorVerdict::Probed)]);
}

#[test]
fn a_stranger_at_night_came_in_and_nothing_proves_it() {
    let mut sessions = weeks();
    come(&mut sessions, &STRANGER);
    check(&sessions, &Guesses::default(), &[("anna", DoorVerdict::Succeeded)]);
}

#[test]
fn a_sign_that_it_was_not_the_owner_makes_it_used() {
    let mut several = weeks();
    come(&mut several, &STRANGER);
    come(&mut several, &Came { account: "bert", at: (15, 4), ..STRANGER });
    check(&several, &Guesses::default(), &[("anna", DoorVerdict::Used), ("bert", DoorVerdict::Used)]);

    let mut script = weeks();
    come(&mut script, &Came { agent: "python-requests/2.31.0", service: Service::Ews, ..STRANGER });
    check(&script, &Guesses::default(), &[("anna", DoorVerdict::Used)]);

    let mut guessed = weeks();
    let mut guesses = Guesses::default();
    for number in 0..6 {
        let time = Instant { nanos: nanos((15, 2)) + number * MINUTE, digits: 0 };
        let place = Place { evidence: 1, offset: 0, record: number, hash: [1; 16] };
        guesses.add(
            "MX01",
            SIGN_IN,
            "anna",
            Fact::new("IIS", Some(time), place, ReasonKind::SignInShownAgain {}).from(ABROAD),
        );
    }
    // Even with the program that the owner has.
    come(&mut guessed, &Came { agent: CHROME, ..STRANGER });
    check(&guessed, &guesses, &[("anna", DoorVerdict::Used)]);
}

#[test]
fn libraries_and_services_in_the_cloud_are_no_proof() {
    let mut library = weeks();
    let agent = "ExchangeServicesClient/15.00.0847.030";
    come(&mut library, &Came { agent, service: Service::Ews, ..STRANGER });
    check(&library, &Guesses::default(), &[("anna", DoorVerdict::Succeeded)]);
    let service = |accounts: &[&str]| {
        let mut sessions = weeks();
        for account in accounts {
            let came =
                Came { account, agent: "SkypeSpaces/1.0a", service: Service::Ews, at: (14, 10), ..STRANGER };
            come(&mut sessions, &came);
        }
        sessions
    };
    let two = [("anna", DoorVerdict::Probed), ("bert", DoorVerdict::Probed)];
    check(&service(&["anna", "bert"]), &Guesses::default(), &two);
    check(&service(&["anna", "bert", "carla"]), &Guesses::default(), &[]);
}

#[test]
fn a_habit_of_two_days_is_too_young_to_be_broken() {
    let mut sessions = weeks();
    come(&mut sessions, &Came { at: (8, 3), ..STRANGER });
    check(&sessions, &Guesses::default(), &[("anna", DoorVerdict::Probed)]);
}

#[test]
fn without_a_habit_nothing_is_said() {
    let mut sessions = Sessions::default();
    come(
        &mut sessions,
        &Came {
            account: "anna",
            source: DESK,
            agent: OUTLOOK,
            service: Service::Outlook,
            at: (14, 9),
            count: 3,
        },
    );
    come(&mut sessions, &STRANGER);
    check(&sessions, &Guesses::default(), &[]);
}

#[test]
fn paths_before_the_logon_are_no_session() {
    for (stem, service) in [
        ("/owa/auth/logon.aspx", None),
        ("/owa/auth.owa", None),
        ("/owa/healthcheck.htm", None),
        ("/owa/", Some(Service::Owa)),
        ("/owa/service.svc", Some(Service::Owa)),
        ("/EWS/Exchange.asmx", Some(Service::Ews)),
        ("/Microsoft-Server-ActiveSync/default.eas", Some(Service::ActiveSync)),
        ("/ecp/default.aspx", Some(Service::Ecp)),
        ("/aspnet_client/x.aspx", None),
    ] {
        assert_eq!(Service::of(stem), service, "{stem}");
    }
    assert_eq!(account("MIN\\HealthMailbox4c1f0b7"), None);
    assert_eq!(account("MIN\\MX01$"), None);
    assert_eq!(account("Anna@min.example").as_deref(), Some("anna"));
}
