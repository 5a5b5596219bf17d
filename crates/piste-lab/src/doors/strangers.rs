//! Those who look at every server: crawlers, scanners for flaws of the time, guessers of passwords.
//!
//! In: a day. Out: calls that mean nothing, and for each flaw that was looked for a door that is only `probed`. Answers
//! are those of a server on which the flaw is closed, or on which it was not tried in earnest.

use jiff::civil::Date;
use piste_model::DoorVerdict;

use super::story::{Flaw, Patched};
use super::wire::Call;
use super::world::{DoorDraft, StepDraft, World};
use super::{nps, windows_logs};
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::rhythm;
use crate::security::{self, Logon};

/// Flaws that scanners look for, from the day on that the world knew them, with the CVEs that they are for.
const FAMILIES: [(Flaw, Date, &[&str]); 5] = [
    (Flaw::Viewstate, Date::constant(2020, 2, 26), &["CVE-2020-0688"]),
    (Flaw::ProxyLogon, Date::constant(2021, 3, 3), &["CVE-2021-26855", "CVE-2021-27065"]),
    (Flaw::ProxyShell, Date::constant(2021, 8, 7), &["CVE-2021-34473", "CVE-2021-34523", "CVE-2021-31207"]),
    (Flaw::ProxyNotShell, Date::constant(2022, 10, 1), &["CVE-2022-41040", "CVE-2022-41082"]),
    (Flaw::Owassrf, Date::constant(2022, 12, 20), &["CVE-2022-41080", "CVE-2022-41082"]),
];
/// Pages of other people's web shells.
const KNOWN_SHELLS: [&str; 4] = [
    "/aspnet_client/aspnet_iisstart.aspx",
    "/aspnet_client/system_web/log.aspx",
    "/owa/auth/RedirSuiteServerProxy.aspx",
    "/owa/auth/8Lw7tAhF9i1pJnRo.aspx",
];
const GUESSED: [&str; 6] = ["administrator", "admin", "scanner", "test", "info", "backup"];

/// Tells a day.
pub(super) fn tell(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["strangers", &day.to_string()]);
    let place = &world.story.place;
    for at in rhythm::scattered(&mut random, day, 7) {
        let (address, agent) = (random.pick(&place.scanners), random.pick(&place.scanner_agents));
        crawl(world, &mut random, at, address, agent);
    }
    if !world.variant.probes {
        return;
    }
    for at in rhythm::scattered(&mut random, day, 3) {
        let address = random.pick(&place.scanners).clone();
        probe(world, &mut random, at, &address);
    }
    if day >= Date::constant(2021, 3, 3) && random.chance(50) {
        let at = Moment::midnight(day).plus_seconds(random.below(80_000));
        let stem = *random.pick(&KNOWN_SHELLS);
        let status = if stem.starts_with("/owa") { 302 } else { 404 };
        let request =
            Request::get(&mut random, at, stem, random_of(&place.scanners, day), "python-requests/2.25.1");
        world.call(&Call::front(request.status(status)));
    }
}

fn random_of(list: &[String], day: Date) -> &str {
    let at = usize::try_from(day.day()).unwrap_or(0) % list.len().max(1);
    list.get(at).map_or("", String::as_str)
}

fn crawl(world: &mut World<'_>, random: &mut Random, at: Moment, address: &str, agent: &str) {
    let stem = random.pick(&world.story.place.scanner_paths).clone();
    if random.chance(8) {
        world.http_error(at, address, "GET", "/", 400, "Hostname");
        return;
    }
    let request = Request::get(random, at, &stem, address, agent);
    world.call(&match stem.as_str() {
        "/" | "/owa/" | "/ecp/" => Call::front(request.status(302)),
        "/owa/auth/logon.aspx" => Call::proxied(request),
        "/autodiscover/autodiscover.xml" => Call::front(request.unauthorised()),
        _ => Call::front(Request { win32: 2, took_ms: 4, ..request.status(404) }),
    });
}

/// Somebody looks for a flaw: the story's own more often than others of the time.
fn probe(world: &mut World<'_>, random: &mut Random, at: Moment, address: &str) {
    let own = world.story.flaw;
    let known: Vec<_> =
        FAMILIES.iter().filter(|(flaw, from, _)| *flaw == own || *from <= at.date()).collect();
    let of_own = known.iter().find(|(flaw, _, _)| *flaw == own).copied();
    let chosen = match of_own {
        Some(family) if random.chance(60) => Some(family),
        None if random.chance(50) => None,
        _ if known.is_empty() => None,
        _ => Some(*random.pick(&known)),
    };
    let waits = matches!(world.variant.patched, Patched::First) && !world.plan.is_patched(at);
    if chosen.is_none_or(|(flaw, _, _)| *flaw == own) && waits {
        return; // before the update the answer would not mean nothing
    }
    match chosen {
        Some((flaw, _, cve)) => look_for(world, random, (*flaw, cve), at, address),
        None => guesses(world, random, at, address),
    }
    world.end();
}

/// Somebody looks for the story's own flaw.
pub(super) fn look(world: &mut World<'_>, random: &mut Random, at: Moment, address: &str) {
    let own = world.story.flaw;
    if let Some((flaw, _, cve)) = FAMILIES.iter().find(|(flaw, _, _)| *flaw == own) {
        look_for(world, random, (*flaw, cve), at, address);
    }
    world.end();
}

fn look_for(
    world: &mut World<'_>,
    random: &mut Random,
    (flaw, cve): (Flaw, &[&str]),
    at: Moment,
    address: &str,
) {
    let mut draft = DoorDraft::new("exploit", world.mx(), place_of(flaw), DoorVerdict::Probed);
    draft.cve = cve.iter().map(|one| (*one).to_owned()).collect();
    draft.sources.push(address.to_owned());
    begin(world, draft, at, "T1595.002", &format!("Looks whether {} is open", cve.join(", ")));
    web(world, random, flaw, at, address);
}

/// Where a flaw is tried: the URL that its requests go to.
pub(super) fn place_of(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::ProxyLogon => "/ecp/",
        Flaw::ProxyShell | Flaw::ProxyNotShell => "/autodiscover/autodiscover.json",
        Flaw::Owassrf => "/owa/",
        Flaw::Viewstate => "/ecp/default.aspx",
        Flaw::RemoteDesktop => "3389",
        Flaw::Password => "/owa/auth.owa",
        Flaw::Vpn => "VPN",
    }
}

fn begin(world: &mut World<'_>, draft: DoorDraft, at: Moment, technique: &'static str, text: &str) {
    let probed = draft.verdict;
    let door = world.door(draft);
    // The first use of a door that somebody came through is his, not that of those who only looked.
    if world.doors.get(door).is_some_and(|known| known.verdict == probed) && !world.plan.is_down(at) {
        world.used(door, at);
    }
    world.begin(StepDraft {
        doors: vec![door],
        time: at,
        tactic: "reconnaissance",
        technique,
        account: None,
        text: text.to_owned(),
        noise: true,
    });
}

fn web(world: &mut World<'_>, random: &mut Random, flaw: Flaw, at: Moment, address: &str) {
    let python = "python-requests/2.25.1";
    let public = world.story.place.public.clone();
    match flaw {
        Flaw::ProxyLogon => proxylogon(world, random, at, address),
        Flaw::ProxyShell => {
            let target = *random.pick(&["owa/", "mapi/nspi/", "mapi/nspi/"]);
            let host = *random.pick(&["test.com", "foo.com", "zdi"]);
            let query = format!("@{host}/{target}?&Email=autodiscover/autodiscover.json%3F@{host}");
            let request =
                Request::get(random, at, "/autodiscover/autodiscover.json", address, python).query(query);
            if target == "owa/" && world.plan.empty_200 {
                // The sign-in page comes back: 200, and nothing behind it.
                world.call(&Call::front(request.status(302)));
                let logon = Request::get(random, at.plus_ms(300), "/owa/auth/logon.aspx", address, python)
                    .query(format!("url=https%3a%2f%2f{public}%2fautodiscover%2fautodiscover.json&reason=0"));
                world.call(&Call::proxied(logon));
            } else {
                let status = *random.pick(&[400, 404, 401]);
                let refused = if status == 401 { request.unauthorised() } else { request.status(status) };
                world.call(&Call::front(refused));
            }
        }
        Flaw::ProxyNotShell => {
            let query = "a@foo.var/owa/?&Email=autodiscover/autodiscover.json?a@foo.var&Protocol=XYZ&FooProtocol=Powershell";
            let request =
                Request::get(random, at, "/autodiscover/autodiscover.json", address, python).query(query);
            let status = *random.pick(&[401, 403, 404]);
            world.call(&Call::front(if status == 401 {
                request.unauthorised()
            } else {
                request.status(status)
            }));
        }
        Flaw::Owassrf => {
            let stem = "/owa/mastermailbox%40outlook.com/powershell";
            let request = Request::post(random, at, stem, address, python);
            let status = *random.pick(&[302, 401, 404]);
            world.call(&Call::front(if status == 401 {
                request.unauthorised()
            } else {
                request.status(status)
            }));
        }
        Flaw::Viewstate => {
            let query = "__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=%2FwEPZGQ%3D";
            let request =
                Request::get(random, at, "/ecp/default.aspx", address, python).query(query).status(302);
            world.call(&Call::front(request));
        }
        Flaw::RemoteDesktop | Flaw::Password | Flaw::Vpn => {}
    }
}

/// As Nmap's script and its kin ask; a patched server drops the cookie, so that nothing is anchored at it.
fn proxylogon(world: &mut World<'_>, random: &mut Random, at: Moment, address: &str) {
    let agent = "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)";
    let patched = world.plan.is_patched(at);
    let (stem, method_post) =
        *random.pick(&[("/owa/auth/x.js", false), ("/ecp/y.js", true), ("/ecp/proxyLogon.ecp", true)]);
    let request = if method_post {
        Request::post(random, at, stem, address, agent)
    } else {
        Request::get(random, at, stem, address, agent)
    };
    if stem == "/ecp/proxyLogon.ecp" {
        world.call(&Call::front(request.status(302)));
    } else if !patched && stem == "/owa/auth/x.js" {
        let asked = Request {
            anchor: "ServerInfo~localhost/ecp/default.flt?".to_owned(),
            routing_hint: "X-AnonResource-Backend-Cookie",
            ..request.status(500)
        };
        let errors = "NegotiateSecurityContext failed with for host 'localhost' with status 'TargetUnknown'";
        world.call(&Call::bent(asked, "/ecp/default.flt", "", "").errors(errors));
    } else if world.plan.empty_200 {
        world.call(&Call::front(request)); // a filter before the server answers 200 to everything
    } else {
        world.call(&Call::front(request.status(*random.pick(&[404, 400, 500]))));
    }
}

/// Many names, one guess each.
fn guesses(world: &mut World<'_>, random: &mut Random, at: Moment, address: &str) {
    let flaw = world.story.flaw;
    let (kind, technique) = match flaw {
        Flaw::RemoteDesktop | Flaw::Vpn => ("remote-access", "T1110.003"),
        Flaw::Password => ("account", "T1110.003"),
        _ => return, // elsewhere nobody guesses, so that a door without a flaw is never true there
    };
    let mut draft = DoorDraft::new(kind, guessed_host(world), place_of(flaw), DoorVerdict::Probed);
    draft.also.push(DoorVerdict::Failed); // a guess that fails is an attempt that failed
    draft.sources.push(address.to_owned());
    begin(world, draft, at, technique, "Guesses passwords of common names");
    let mut at = at;
    for name in GUESSED {
        at = at.plus_ms(i64::from(random.between(900, 4_500)));
        guess(world, random, at, (name, address, "Mozilla/5.0 zgrab/0.x"));
    }
}

fn guessed_host<'s>(world: &World<'s>) -> &'s str {
    match world.story.flaw {
        Flaw::Vpn => &world.story.place.controller.name,
        _ => world.mx(),
    }
}

/// One wrong password, at the door of the story.
pub(super) fn guess(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    (name, address, agent): (&str, &str, &str),
) {
    let place = &world.story.place;
    match world.story.flaw {
        Flaw::RemoteDesktop => {
            let how = Logon::network("NTLM", "WIN-K2J4", address, 0);
            world.event(security::refused(at, name, &place.netbios, &how));
        }
        Flaw::Vpn => nps::request(world, random, at, (name, address), false),
        _ => {
            let sent = Request::post(random, at, "/owa/auth.owa", address, agent).status(302);
            world.call(&Call::proxied(sent));
            let again = Request::get(random, at.plus_ms(210), "/owa/auth/logon.aspx", address, agent)
                .query("replaceCurrent=1&reason=2&url=");
            world.call(&Call::proxied(again));
            let how = windows_logs::owa_logon(world.mx(), address);
            world.event(security::refused(at.plus_ms(-20), name, &place.netbios, &how));
        }
    }
}
