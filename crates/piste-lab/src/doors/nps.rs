//! The log of NPS, which a VPN gateway asks: one row a packet of RADIUS, in the database-compatible form.
//!
//! In: who asks from where. Out: rows at the domain controller, which is the NPS here. Column order: "Interpret NPS
//! Database Format Log Files" of Microsoft's documentation. Times are the server's own; the story's servers keep UTC.

use jiff::civil::Date;

use super::world::World;
use crate::moment::Moment;
use crate::random::Random;
use crate::rhythm;
use crate::scenario::Source;
use crate::shelf::Layout;

/// Columns of a row; the lab fills in those that it knows.
const COLUMNS: usize = 60;
const GATEWAY: (&str, &str) = ("VPN-GW1", "10.31.0.1");

/// Tells a day of people who work at home.
pub(super) fn tell(world: &mut World<'_>, day: Date) {
    let mut random = world.random(&["vpn", &day.to_string()]);
    for user in &world.story.place.users {
        for at in rhythm::people(&mut random, day, false, 1) {
            request(world, &mut random, at, (&user.name, &user.home), true);
        }
    }
}

/// A request and the answer to it.
pub(super) fn request(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    (account, address): (&str, &str),
    accepted: bool,
) {
    if !world.keeps(Source::Security, at) {
        return;
    }
    let class = format!("311 1 {} {}", world.story.place.controller.address, random.below(9_000));
    let answer = if accepted { 2 } else { 3 };
    let reason = if accepted { 0 } else { 16 };
    let civil = at.date();
    let file = format!("C/Windows/System32/LogFiles/IN{:02}{:02}.log", civil.year() % 100, civil.month());
    let path = world.path(&world.story.place.controller.name, &file);
    for (kind, reason, delay) in [(1, 0, 0), (answer, reason, 40)] {
        let line = row(world, at.plus_ms(delay), kind, reason, (account, address, &class));
        world.shelf.put(path.clone(), Layout::Text, at.plus_ms(delay), line, world.step);
    }
}

fn row(
    world: &World<'_>,
    at: Moment,
    kind: u8,
    reason: u8,
    (account, address, class): (&str, &str, &str),
) -> String {
    let place = &world.story.place;
    let civil = at.civil();
    let mut cells = vec![String::new(); COLUMNS];
    let date = format!("{:02}/{:02}/{:04}", civil.month(), civil.day(), civil.year());
    let time = format!("{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second());
    let text = |text: &str| format!("\"{text}\"");
    let asks = kind == 1;
    let values = [
        (0, text(&place.controller.name)),
        (1, text("IAS")),
        (2, date),
        (3, time),
        (4, kind.to_string()),
        (5, if asks { text(&world.logon_name(account)) } else { String::new() }),
        (6, text(&format!("{}/Users/{account}", place.dns))),
        (8, if asks { text(address) } else { String::new() }),
        (11, if asks { text(GATEWAY.0) } else { String::new() }),
        (12, if asks { text(GATEWAY.1) } else { String::new() }),
        (14, "0".to_owned()),
        (15, text(GATEWAY.1)),
        (16, text(GATEWAY.0)),
        (19, if asks { "5".to_owned() } else { String::new() }),
        (21, "1".to_owned()),
        (22, "2".to_owned()),
        (23, "4".to_owned()),
        (24, text("VPN for staff")),
        (25, reason.to_string()),
        (26, text(class)),
    ];
    for (index, value) in values {
        if let Some(cell) = cells.get_mut(index) {
            *cell = value;
        }
    }
    cells.join(",")
}
