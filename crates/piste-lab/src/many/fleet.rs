//! The fleet: hosts, accounts, programs, and what they work on, shared by all events.
//!
//! In: a seed. Out: pools from which values are drawn, the first of each most often: the n-th comes 1/n as often (Zipf).

use std::fmt::Write as _;

use super::words;
use crate::evtx::Sid;
use crate::random::Random;

pub(super) const DOMAIN: [u32; 3] = [1_004_336_348, 1_177_238_915, 682_003_330];

/// Host, its share of all events in percent, its address.
pub(super) const HOSTS: [(&str, u64, &str); 12] = [
    ("DC01", 12, "10.20.0.10"),
    ("DC02", 8, "10.20.0.11"),
    ("FS01", 9, "10.20.0.20"),
    ("MX01", 14, "10.20.0.30"),
    ("SQL01", 7, "10.20.0.40"),
    ("WEB01", 8, "10.20.0.50"),
    ("WS001", 7, "10.20.8.101"),
    ("WS002", 7, "10.20.8.102"),
    ("WS003", 7, "10.20.8.103"),
    ("WS004", 7, "10.20.8.104"),
    ("WS005", 7, "10.20.8.105"),
    ("WS006", 7, "10.20.8.106"),
];

/// Things that are drawn, the first most often.
#[derive(Debug, Clone)]
pub(super) struct Pool<T> {
    items: Vec<T>,
    /// Sums of the weights up to each.
    sums: Vec<u32>,
}

impl<T> Pool<T> {
    /// `items` must not be empty.
    pub(super) fn new(items: Vec<T>) -> Self {
        let mut sum = 0;
        let weights = (1..).map(|rank| 1_000_000 / rank);
        let sums = items.iter().zip(weights).map(|(_, weight): (_, u32)| {
            sum += weight.max(1);
            sum
        });
        let sums = sums.collect();
        Self { items, sums }
    }

    pub(super) fn pick(&self, random: &mut Random) -> &T {
        let drawn = random.below(self.sums.last().copied().unwrap_or(0));
        let at = self.sums.partition_point(|sum| *sum <= drawn);
        self.items.get(at).unwrap_or_else(|| random.pick(&self.items))
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }
}

/// An account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) domain: &'static str,
    /// `MIN\e.maes`
    pub(super) full: String,
    pub(super) sid: Sid,
    pub(super) logon_id: u64,
}

/// A program on disk.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) image: String,
    pub(super) version: String,
    /// Description, product, company, original name.
    pub(super) about: [String; 4],
    pub(super) hashes: String,
    pub(super) commands: Pool<String>,
}

/// A library on disk.
#[derive(Debug, Clone)]
pub(super) struct Library {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) hashes: String,
}

/// All pools.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) seed: u64,
    pub(super) accounts: Pool<Account>,
    pub(super) programs: Pool<Program>,
    pub(super) libraries: Pool<Library>,
    pub(super) services: Pool<&'static str>,
    pub(super) keys: Pool<&'static str>,
    pub(super) sites: Pool<String>,
    pub(super) documents: Pool<String>,
    /// Of hosts anywhere.
    pub(super) addresses: Pool<String>,
    /// Of the fleet's own hosts, from which people log on.
    pub(super) inside: Pool<String>,
    pub(super) scripts: Pool<String>,
}

impl Fleet {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, &["many", "fleet"]);
        let random = &mut random;
        Self {
            seed,
            accounts: Pool::new(accounts()),
            programs: Pool::new(programs(random)),
            libraries: Pool::new(libraries(random)),
            services: Pool::new(words::SERVICES.to_vec()),
            keys: Pool::new(words::KEYS.to_vec()),
            sites: Pool::new(sites()),
            documents: Pool::new(documents(random)),
            addresses: Pool::new((0..400).map(|_| address(random)).collect()),
            inside: Pool::new(
                (0..250).map(|number| format!("10.20.{}.{}", number % 12, number + 1)).collect(),
            ),
            scripts: Pool::new((0..150).map(|number| script(random, number)).collect()),
        }
    }
}

fn accounts() -> Vec<Account> {
    let special = |name: &str, sid, logon_id| Account {
        name: name.to_owned(),
        domain: "NT AUTHORITY",
        full: format!(r"NT AUTHORITY\{name}"),
        sid,
        logon_id,
    };
    let mut all = vec![
        special("SYSTEM", Sid::SYSTEM, 0x3e7),
        special("NETWORK SERVICE", Sid::NETWORK_SERVICE, 0x3e4),
        special("LOCAL SERVICE", Sid::LOCAL_SERVICE, 0x3e5),
    ];
    for (rid, (initial, name)) in
        (1_104..).zip("ejs".chars().flat_map(|initial| words::NAMES.iter().map(move |name| (initial, name))))
    {
        let name = format!("{initial}.{name}");
        let full = format!(r"MIN\{name}");
        let logon_id = 0x4_0000 + u64::from(rid) * 0x3_1415;
        all.push(Account { name, domain: "MIN", full, sid: Sid::account(DOMAIN, rid), logon_id });
    }
    all
}

fn programs(random: &mut Random) -> Vec<Program> {
    let built_in = words::PROGRAMS.iter().map(|(image, about, commands)| {
        let commands = commands.iter().map(|command| (*command).to_owned()).collect();
        (
            String::from(*image),
            "10.0.19041.3636 (WinBuild.160101.0800)".to_owned(),
            about.map(str::to_owned),
            commands,
        )
    });
    let mut all: Vec<_> = built_in.collect();
    for product in words::PRODUCTS {
        for maker in words::MAKERS {
            let image = format!(r"C:\Program Files\{maker}\{product}\{}.exe", product.to_lowercase());
            let about =
                [format!("{maker} {product}"), (*product).to_owned(), format!("{maker} Ltd"), "-".to_owned()];
            let commands =
                ["", " /background", " --update --silent", r#" "\\FS01\home\{u}\{f}""#, " --host {h}"];
            let commands = commands.map(|tail| format!("\"{image}\"{tail}")).to_vec();
            let version = format!("{}.{}.{}.0", random.between(1, 20), random.below(10), random.below(4_000));
            all.push((image, version, about, commands));
        }
    }
    let whole = |(image, version, about, commands)| Program {
        image,
        version,
        about,
        hashes: hashes(random),
        commands: Pool::new(commands),
    };
    all.into_iter().map(whole).collect()
}

pub(super) fn hashes(random: &mut Random) -> String {
    let mut text = String::with_capacity(190);
    push_hashes(random, &mut text);
    text
}

/// Appends hashes of a file that nobody else has.
pub(super) fn push_hashes(random: &mut Random, out: &mut String) {
    for (name, words) in [("SHA1=", 2), (",MD5=", 2), (",SHA256=", 4), (",IMPHASH=", 2)] {
        out.push_str(name);
        for _ in 0..words {
            let _ = write!(out, "{:016X}", random.bits()); // a string takes all text
        }
        if name == "SHA1=" {
            let _ = write!(out, "{:08X}", random.bits() >> 32); // as above
        }
    }
}

fn libraries(random: &mut Random) -> Vec<Library> {
    let windows = words::LIBRARIES
        .iter()
        .map(|name| (format!(r"C:\Windows\System32\{name}.dll"), format!("{name}.dll")));
    let own = words::PRODUCTS.iter().flat_map(|product| {
        let maker = move |maker: &&str| {
            let name = format!("{}core.dll", product.to_lowercase());
            (format!(r"C:\Program Files\{maker}\{product}\{name}"), name)
        };
        words::MAKERS.iter().map(maker)
    });
    let all: Vec<_> = windows.chain(own).collect();
    all.into_iter().map(|(path, name)| Library { path, name, hashes: hashes(random) }).collect()
}

fn sites() -> Vec<String> {
    let known = words::SITES.iter().map(|site| (*site).to_owned());
    let made = words::TOPICS
        .iter()
        .flat_map(|topic| words::NAMES.iter().map(move |name| format!("www.{topic}-{name}.example")));
    known.chain(made).collect()
}

fn documents(random: &mut Random) -> Vec<String> {
    let document = |_| {
        let (topic, name) = (*random.pick(words::TOPICS), *random.pick(words::NAMES));
        let year = random.between(2015, 2024);
        format!(
            "{topic} {name} {year}-{:02}.{}",
            random.between(1, 12),
            random.pick(&["docx", "xlsx", "pdf"])
        )
    };
    (0..200).map(document).collect()
}

/// An address of the fleet, or of one of the networks set aside for examples.
fn address(random: &mut Random) -> String {
    if random.chance(60) {
        format!("10.20.{}.{}", random.below(12), random.between(1, 254))
    } else {
        format!("{}.{}", random.pick(&["192.0.2", "198.51.100", "203.0.113"]), random.between(1, 254))
    }
}

fn script(random: &mut Random, number: u32) -> String {
    let mut text = format!("function Get-Ops{}{number}\r\n{{\r\n", random.pick(words::PRODUCTS));
    for _ in 0..random.between(3, 24) {
        let line: &&str = random.pick(words::SCRIPT_LINES);
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("    return $result\r\n}\r\n");
    text
}
