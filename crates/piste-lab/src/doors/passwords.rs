//! Ways in without a flaw: remote desktop, OWA and the VPN with a password that is known.
//!
//! In: when. Out: sessions, or wrong passwords for one account, in the world.

use piste_model::DoorVerdict;

use super::days;
use super::intruder::{step, verdict, victim};
use super::nps;
use super::story::{Flaw, User};
use super::strangers::{guess, place_of};
use super::windows_logs;
use super::world::{DoorDraft, World};
use crate::moment::Moment;
use crate::random::Random;

/// Browsers that nobody in the institution has.
const FOREIGN: [&str; 2] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
];

/// Tells all of it.
pub(super) fn tell(world: &mut World<'_>, random: &mut Random, at: Moment) {
    let flaw = world.story.flaw;
    let (kind, host) = match flaw {
        Flaw::Password => ("account", world.mx()),
        Flaw::Vpn => ("remote-access", world.story.place.controller.name.as_str()),
        _ => ("remote-access", world.mx()),
    };
    let account =
        if flaw == Flaw::RemoteDesktop { world.story.place.admin.name.clone() } else { victim(world) };
    let (mut said, _) = verdict(world);
    let mut also = Vec::new();
    match said {
        // To be let in is to have used a password: there is nothing between the two.
        DoorVerdict::Succeeded | DoorVerdict::Used => {
            said = DoorVerdict::Used;
            also.push(DoorVerdict::Succeeded);
        }
        DoorVerdict::Failed => also.push(DoorVerdict::Probed),
        DoorVerdict::Probed => {}
    }
    let mut draft = DoorDraft::new(kind, host, place_of(flaw), said);
    draft.also = also;
    draft.accounts.push(account.clone());
    draft.sources.push(world.plan.source.clone());
    draft.opened = world.plan.succeeds.then_some(at);
    let door = world.door(draft);
    world.used(door, at);
    let source = world.plan.source.clone();
    if !world.plan.succeeds {
        let text = format!("Tries passwords of {account}");
        world.begin(step(vec![door], at, ("credential-access", "T1110.001"), text));
        let mut time = at;
        for _ in 0..random.between(8, 14) {
            guess(world, random, time, (&account, &source, FOREIGN[0]));
            time = time.plus_ms(i64::from(random.between(3_000, 40_000)));
        }
        return;
    }
    let text = format!("Comes in as {account} from an address that was never seen with it");
    world.begin(step(vec![door], at, ("initial-access", "T1078.002"), text));
    session(world, random, at, &account, &source);
    let later = world.plan.later_source.clone();
    for visit in world.plan.uses.clone() {
        world.used(door, visit);
        let text = format!("Comes back as {account}");
        world.begin(step(vec![door], visit, ("initial-access", "T1078.002"), text));
        session(world, random, visit, &account, &later);
    }
}

fn session(world: &mut World<'_>, random: &mut Random, at: Moment, account: &str, address: &str) {
    let place = &world.story.place;
    let known = place.users.iter().chain([&place.admin]).find(|user| user.name == account);
    let Some(user): Option<&User> = known else { return };
    match world.story.flaw {
        Flaw::Vpn => nps::request(world, random, at, (account, address), true),
        Flaw::RemoteDesktop => {
            let here = (world.mx(), place.netbios.as_str());
            let who = (account, world.sid(user.rid));
            let seconds = random.between(600, 5_000);
            for event in windows_logs::remote_desktop(random, at, here, who, address, seconds) {
                world.event(event);
            }
        }
        _ => {
            days::owa_session(world, random, at, user, (address, FOREIGN[1]), 4);
        }
    }
}
