//! What happens when in one telling of a story: everything that the seed decides about the intruder and the patch.
//!
//! In: a story, its variant and a seed. Out: a [`Plan`]. Ordinary life draws from streams of its own, so that a plan does
//! not change with the traffic around it.

use jiff::civil::Date;

use super::story::{Attack, DoorScenario, Patched, Variant};
use crate::moment::Moment;
use crate::random::Random;

/// Web folders that shells are dropped into, by URL and by path below the drive.
const FOLDERS: [(&str, &str); 5] = [
    ("/aspnet_client", r"\inetpub\wwwroot\aspnet_client"),
    ("/aspnet_client/system_web", r"\inetpub\wwwroot\aspnet_client\system_web"),
    ("/owa/auth", r"\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth"),
    (
        "/owa/auth/Current/themes",
        r"\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth\Current\themes",
    ),
    ("/ecp/auth", r"\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\ecp\auth"),
];
const DAY: u32 = 86_400;

/// A web shell's place.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    /// `/aspnet_client/supp0rt.aspx`
    pub(super) url: String,
    /// `C:\inetpub\wwwroot\aspnet_client\supp0rt.aspx`
    pub(super) file: String,
}

/// One telling.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent turn of the story")]
pub(super) struct Plan {
    /// Begin and end of the update, during which the server answers nobody.
    pub(super) patch: Option<(Moment, Moment)>,
    /// When the intruder begins; `None` if nobody tries.
    pub(super) attack: Option<Moment>,
    pub(super) succeeds: bool,
    /// When he comes back to use what he gained; empty if never.
    pub(super) uses: Vec<Moment>,
    /// Where he comes from.
    pub(super) source: String,
    /// Where he comes from later: not always the same.
    pub(super) later_source: String,
    /// Index of the user whose account he has or aims at.
    pub(super) victim: usize,
    pub(super) shell: Shell,
    /// He looks whether his shell answers, at once.
    pub(super) looks_at_shell: bool,
    /// Exchange logs begin with a line of bare columns.
    pub(super) bare_columns: bool,
    /// A monitor posts to the control panel all day.
    pub(super) monitor_posts: bool,
    /// Something before the server answers 200 to everything.
    pub(super) empty_200: bool,
}

impl Plan {
    pub(super) fn draw(story: &DoorScenario, variant: &Variant, seed: u64) -> Self {
        let mut random = Random::new(seed, &["plan", &story.name]);
        let days = (story.to.unix_seconds() - story.from.unix_seconds()) / 86_400;
        let days = u32::try_from(days).unwrap_or(10);
        let rolled = !variant.kept_days.is_empty();
        // Early enough that what is left of short logs does not show it; else in the middle.
        let day = if rolled { random.between(2, days / 4) } else { random.between(5, days - 7) };
        let attack_at = evening_or_night(&mut random, story.from.date(), day);
        let first = match variant.patched {
            Patched::First => true,
            Patched::Either => random.chance(70),
            Patched::After | Patched::Never => false,
        };
        let patch_day = if first { random.between(1, 2) } else { day + random.between(2, 3) };
        let begins = Moment::midnight(story.from.date())
            .plus_seconds(patch_day * DAY + 19 * 3600 + random.below(2 * 3600));
        let patch = (variant.patched != Patched::Never)
            .then(|| (begins, begins.plus_seconds(random.between(2_700, 6_300))));
        let succeeds = variant.attack == Attack::Success;
        let later = succeeds && random.chance(variant.later_use);
        let place = &story.place;
        let domestic = random.chance(40);
        let source = random.pick(if domestic { &place.domestic } else { &place.abroad }).clone();
        let moved = random.chance(40);
        let other = random.pick(if moved { &place.abroad } else { &place.domestic }).clone();
        let later_source = if random.chance(50) { source.clone() } else { other };
        let shell = shell(&mut random, &place.shells);
        let last_uses = if rolled { days - 3 } else { day + 1 };
        let mut uses = if later { uses(&mut random, story, last_uses) } else { Vec::new() };
        for at in uses.iter_mut().filter(|at| patch.is_some_and(|(from, to)| from <= **at && **at < to)) {
            *at = at.plus_seconds(3 * 3600); // he comes back when the server answers again
        }
        Self {
            patch,
            attack: (variant.attack != Attack::None).then_some(attack_at),
            succeeds,
            uses,
            source,
            later_source,
            victim: random.below(u32::try_from(place.users.len()).unwrap_or(1)) as usize,
            shell,
            looks_at_shell: random.chance(60),
            bare_columns: random.chance(50),
            monitor_posts: random.chance(50),
            empty_200: random.chance(40),
        }
    }

    /// Whether the server is being updated.
    pub(super) fn is_down(&self, time: Moment) -> bool {
        self.patch.is_some_and(|(from, to)| from <= time && time < to)
    }

    /// Whether the update is in.
    pub(super) fn is_patched(&self, time: Moment) -> bool {
        self.patch.is_some_and(|(_, to)| to <= time)
    }
}

/// Intruders keep hours of their own.
fn evening_or_night(random: &mut Random, from: Date, day: u32) -> Moment {
    let hour = *random.pick(&[1, 2, 3, 4, 5, 9, 13, 16, 20, 21, 22, 23]);
    let ms = i64::from(random.below(3_540_000));
    Moment::midnight(from).plus_seconds(day * DAY + hour * 3600).plus_ms(ms)
}

/// Two or three visits on the days from `day` on, before the collection.
fn uses(random: &mut Random, story: &DoorScenario, day: u32) -> Vec<Moment> {
    let mut moments: Vec<_> = (0..random.between(2, 3))
        .map(|visit| evening_or_night(random, story.from.date(), day + visit))
        .filter(|moment| *moment < story.to)
        .collect();
    moments.sort_unstable();
    moments
}

fn shell(random: &mut Random, names: &[String]) -> Shell {
    let (url, folder) = *random.pick(&FOLDERS);
    let name = random.pick(names);
    Shell { url: format!("{url}/{name}.aspx"), file: format!(r"C:{folder}\{name}.aspx") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::story::door_scenario;

    fn plans(variant: &str) -> Vec<(Plan, DoorScenario)> {
        let story = door_scenario("proxylogon").expect("built in");
        (0..50).map(|seed| (Plan::draw(&story, &story.variants[variant], seed), story.clone())).collect()
    }

    #[test]
    fn a_hit_before_the_patch_is_before_the_patch() {
        for (plan, story) in plans("hit-before-patch") {
            let (attack, (patch, done)) = (plan.attack.expect("an attack"), plan.patch.expect("a patch"));
            assert!(story.from < attack && attack < patch && done < story.to);
            assert!(plan.uses.iter().all(|used| attack < *used && *used < story.to), "{plan:?}");
        }
    }

    #[test]
    fn what_rolled_over_was_longer_ago_than_the_logs() {
        for (plan, story) in plans("rolled-over") {
            let kept = &story.variants["rolled-over"].kept_days;
            let longest = *kept.values().max().expect("some");
            let begin = story.to.plus_seconds(longest * DAY).unix_seconds() - i64::from(2 * longest * DAY);
            assert!(plan.attack.expect("an attack").unix_seconds() + 3_600 < begin);
        }
    }

    #[test]
    fn seeds_differ_in_what_matters() {
        let all = plans("hit-before-patch");
        let used = all.iter().filter(|(plan, _)| !plan.uses.is_empty()).count();
        assert!((10..=40).contains(&used), "{used}");
        let domestic = all.iter().filter(|(plan, _)| plan.source.starts_with("198.51.100")).count();
        assert!((8..=35).contains(&domestic), "{domestic}");
    }
}
