//! A story about one way in: a server, its builds, and what becomes of those who try.
//!
//! In: YAML, see `scenarios/doors/`. Out: a checked [`DoorScenario`]. A story has variants, which differ in whether somebody
//! tries, whether it works, when the server is patched and what is left of its logs. What exactly happens when is drawn
//! from the seed in `plan.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::LabError;
use crate::moment::Moment;
use crate::scenario::Source;

const BUILT_IN: [(&str, &str); 8] = [
    ("owa-password", include_str!("../../scenarios/doors/owa-password.yaml")),
    ("owassrf", include_str!("../../scenarios/doors/owassrf.yaml")),
    ("proxylogon", include_str!("../../scenarios/doors/proxylogon.yaml")),
    ("proxynotshell", include_str!("../../scenarios/doors/proxynotshell.yaml")),
    ("proxyshell", include_str!("../../scenarios/doors/proxyshell.yaml")),
    ("rdp", include_str!("../../scenarios/doors/rdp.yaml")),
    ("viewstate", include_str!("../../scenarios/doors/viewstate.yaml")),
    ("vpn", include_str!("../../scenarios/doors/vpn.yaml")),
];
const PLACE: &str = include_str!("../../scenarios/doors/place.yaml");

/// Days that a story may last.
const DAYS: std::ops::RangeInclusive<i64> = 10..=120;
/// What one thing may be counted a day.
const COUNT_MAX: u32 = 2_000;

/// The names of the stories that are built in, sorted.
pub fn door_scenario_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// A story that is built in; `None` if there is none of this name.
pub fn door_scenario(name: &str) -> Option<DoorScenario> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    DoorScenario::from_yaml(text).ok() // a test reads every one of them
}

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorScenario {
    /// One word.
    pub name: String,
    /// One sentence.
    pub summary: String,
    pub(super) flaw: Flaw,
    /// The flaws that it goes through; empty for a door that is none.
    pub(super) cve: Vec<String>,
    pub(super) from: Moment,
    /// When the evidence was collected.
    pub(super) to: Moment,
    pub(super) server: Server,
    pub(super) builds: Builds,
    #[serde(default = "built_in_place")]
    pub(super) place: Place,
    pub(super) variants: BTreeMap<String, Variant>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Flaw {
    /// CVE-2021-26855 and CVE-2021-27065.
    ProxyLogon,
    /// CVE-2021-34473, -34523 and -31207.
    ProxyShell,
    /// CVE-2022-41040 and -41082.
    ProxyNotShell,
    /// CVE-2022-41080 and -41082.
    Owassrf,
    /// CVE-2020-0688.
    Viewstate,
    /// Remote desktop that the Internet reaches.
    RemoteDesktop,
    /// OWA with somebody else's password.
    Password,
    /// A VPN gateway that asks NPS.
    Vpn,
}

/// The mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) address: String,
    /// As the build catalogue writes it: `Exchange 2016`.
    pub(super) product: String,
}

/// What is installed before the story's patch day, and after it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Builds {
    pub(super) open: String,
    pub(super) fixed: String,
    /// The update that brings the second: `KB5000871`.
    pub(super) kb: String,
}

/// The institution and the Internet around it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) dns: String,
    pub(super) netbios: String,
    pub(super) sid: String,
    /// The name that clients know the server by.
    pub(super) public: String,
    pub(super) controller: Machine,
    pub(super) files: Machine,
    pub(super) monitor: Machine,
    pub(super) users: Vec<User>,
    pub(super) admin: User,
    pub(super) health_mailbox: String,
    /// Addresses of those who scan everybody.
    pub(super) scanners: Vec<String>,
    pub(super) scanner_agents: Vec<String>,
    pub(super) scanner_paths: Vec<String>,
    /// Addresses that an intruder may come from: abroad, and at home.
    pub(super) abroad: Vec<String>,
    pub(super) domestic: Vec<String>,
    /// Names of web shells.
    pub(super) shells: Vec<String>,
}

/// Another machine of the institution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) address: String,
}

/// Somebody with a mailbox. Counts are of a full working day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) rid: u32,
    pub(super) seat: String,
    pub(super) home: String,
    #[serde(default)]
    pub(super) owa: u32,
    #[serde(default)]
    pub(super) outlook: u32,
    #[serde(default)]
    pub(super) phone: u32,
}

/// How a story goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    /// One sentence.
    pub(super) summary: String,
    pub(super) attack: Attack,
    pub(super) patched: Patched,
    /// In so many of a hundred runs what was gained is used later.
    #[serde(default)]
    pub(super) later_use: u32,
    /// Whether scanners look for flaws of the time.
    pub(super) probes: bool,
    /// Days before the collection that a log reaches back; the whole story if it is not named.
    #[serde(default)]
    pub(super) kept_days: BTreeMap<Source, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Attack {
    None,
    Failed,
    Success,
}

/// When the patch of the story comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Patched {
    /// Early, before anybody comes.
    First,
    /// Days after the attack.
    After,
    /// Mostly first; else after, and what the attack needs is missing.
    Either,
    Never,
}

fn built_in_place() -> Place {
    // A test reads it; what cannot be read here would be an empty institution, which the check refuses.
    yaml_serde::from_str(PLACE).unwrap_or_default()
}

impl Default for Place {
    fn default() -> Self {
        let machine = Machine { name: String::new(), address: String::new() };
        let nobody = User {
            name: String::new(),
            rid: 0,
            seat: String::new(),
            home: String::new(),
            owa: 0,
            outlook: 0,
            phone: 0,
        };
        Self {
            dns: String::new(),
            netbios: String::new(),
            sid: String::new(),
            public: String::new(),
            controller: machine.clone(),
            files: machine.clone(),
            monitor: machine,
            users: Vec::new(),
            admin: nobody,
            health_mailbox: String::new(),
            scanners: Vec::new(),
            scanner_agents: Vec::new(),
            scanner_paths: Vec::new(),
            abroad: Vec::new(),
            domestic: Vec::new(),
            shells: Vec::new(),
        }
    }
}

impl DoorScenario {
    /// Reads and checks a story.
    pub fn from_yaml(text: &str) -> Result<Self, LabError> {
        let story: Self =
            yaml_serde::from_str(text).map_err(|error| LabError::Scenario(error.to_string()))?;
        match story.fault() {
            Some(fault) => Err(LabError::Scenario(fault)),
            None => Ok(story),
        }
    }

    /// Names and summaries of its variants, sorted by name.
    pub fn variants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variants.iter().map(|(name, variant)| (name.as_str(), variant.summary.as_str()))
    }

    /// The first thing that is wrong with it.
    fn fault(&self) -> Option<String> {
        let days = (self.to.unix_seconds() - self.from.unix_seconds()) / 86_400;
        if !DAYS.contains(&days) {
            return Some(format!("the story lasts {days} days; it needs {} to {}", DAYS.start(), DAYS.end()));
        }
        let place = &self.place;
        let lists = [
            ("variants", self.variants.len()),
            ("place.users", place.users.len()),
            ("place.scanners", place.scanners.len()),
            ("place.scanner_agents", place.scanner_agents.len()),
            ("place.scanner_paths", place.scanner_paths.len()),
            ("place.abroad", place.abroad.len()),
            ("place.domestic", place.domestic.len()),
            ("place.shells", place.shells.len()),
        ];
        if let Some((name, _)) = lists.iter().find(|(_, len)| *len == 0) {
            return Some(format!("`{name}` is empty"));
        }
        for build in [&self.builds.open, &self.builds.fixed] {
            let numbers = build.split('.').map(str::parse::<u32>).collect::<Result<Vec<_>, _>>();
            if numbers.is_ok_and(|numbers| numbers.len() == 4) {
                continue;
            }
            return Some(format!("`{build}` is not a build like 15.1.2176.2"));
        }
        let counts = place.users.iter().flat_map(|user| [user.owa, user.outlook, user.phone]);
        if let Some(count) = counts.into_iter().find(|count| *count > COUNT_MAX) {
            return Some(format!("a count of {count}; the limit is {COUNT_MAX}"));
        }
        let names = [&self.server.name, &place.controller.name, &place.files.name, &place.monitor.name];
        let plain = |name: &str| !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric());
        let bad = names.into_iter().chain(&place.shells).find(|name| !plain(name));
        bad.map(|name| format!("`{name}` cannot be the name of a host or page: letters and digits only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_story_can_be_read() {
        for (name, text) in BUILT_IN {
            let story = DoorScenario::from_yaml(text).expect(name);
            assert_eq!(story.name, name);
            let variants: Vec<_> = story.variants().map(|(variant, _)| variant.to_owned()).collect();
            let wanted = ["hit-before-patch", "hit-failed", "quiet", "rolled-over", "scanned-patched"];
            assert_eq!(variants, wanted, "{name}");
        }
        assert!(door_scenario("none").is_none());
    }

    /// Builds in logs are ones that were released before the story's day.
    #[test]
    fn builds_are_in_the_catalogue_and_out_in_time() {
        let catalogue = include_str!("../../../../catalog/exchange-builds.csv");
        for (name, text) in BUILT_IN {
            let story = DoorScenario::from_yaml(text).expect(name);
            for build in [&story.builds.open, &story.builds.fixed] {
                let row = catalogue.lines().find(|row| row.split(',').nth(3) == Some(build.as_str()));
                let row: Vec<_> = row.unwrap_or_else(|| panic!("{name}: {build}")).split(',').collect();
                assert_eq!(row[0], story.server.product, "{name}");
                assert!(row[4] <= story.from.iis().as_str(), "{name}: {build} is of {}", row[4]);
            }
        }
    }

    #[test]
    fn a_fault_names_its_place() {
        let text = BUILT_IN[2].1;
        let check = |from: &str, to: &str, expected: &str| {
            assert!(text.contains(from), "{from}");
            let error = DoorScenario::from_yaml(&text.replacen(from, to, 1)).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("name: MX02", "name: ../MX02", "`../MX02` cannot be the name of a host");
        check("open: 15.1.2176.2", "open: 15.1.2176", "`15.1.2176` is not a build");
        check("attack: success", "attack: perhaps", "perhaps");
        check("from: 2021", "from: 2011", "it needs 10 to 120");
        check("summary:", "sumary:", "sumary");
    }
}
