//! Every row of the catalogue, and the days on which a flaw opens and closes.

use std::fmt::Write;

use super::catalog::{TABLES, read_embedded};
use super::{Catalog, Stands, Version, catalog};
use crate::Instant;

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

#[track_caller]
fn check(build: &str, cve: &str, stands: Stands) {
    assert_eq!(catalog().stands(version(build), cve).stands, stands, "{cve} at {build}");
}

#[test]
fn the_embedded_tables_are_whole() {
    let read = read_embedded().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.releases().count(), 368);
    assert_eq!(read.flaws().count(), 34);
    let (_, fixes, _) = TABLES;
    let listed: usize = read.flaws().map(|flaw| flaw.fixes.len()).sum();
    assert_eq!(listed, fixes.lines().count() - 1);
    for flaw in read.flaws() {
        assert!(!flaw.fixes.is_empty(), "{} is fixed nowhere", flaw.cve);
        assert!(flaw.published_at(&read).is_some(), "{} has no day of publication", flaw.cve);
    }
    for release in read.releases() {
        assert_eq!(read.product(release.version), release.product, "{}", release.version);
    }
}

#[test]
fn a_broken_table_is_refused_with_its_line() {
    let (builds, fixes, flaws) = TABLES;
    let twice = format!("{builds}Exchange 2016,CU23,KB1,15.1.2507.6,2022-04-20\n");
    let error = Catalog::read(&twice, fixes, flaws).expect_err("a build twice");
    assert_eq!(error.to_string(), "exchange-builds.csv line 370: build 15.1.2507.6 stands twice");
    let foreign = "cve,product,cu,first_fixed_build,note\nCVE-2021-26855,Exchange 2016,CU23,15.1.2375.7,x\n";
    let error = Catalog::read(builds, foreign, flaws).expect_err("a build of another line");
    assert_eq!(error.to_string(), "exchange-cves.csv line 2: 15.1.2375.7 is no build of Exchange 2016 CU23");
    let unknown = "cve,product,cu,first_fixed_build,note\nCVE-1-1,Exchange 2016,CU23,,x\n";
    assert!(Catalog::read(builds, unknown, flaws).is_err());
}

/// The whole matrix, read against the tables by another way: text, not versions.
#[test]
fn every_build_stands_as_its_row_says() {
    let (builds, fixes, _) = TABLES;
    let mut seen = 0;
    for build in builds.lines().skip(1) {
        let of: Vec<&str> = build.split(',').collect();
        let [product, update, _, number, _] = of.as_slice() else { panic!("{build}") };
        let line = match update.split(' ').next().expect("a word") {
            rollup if rollup.starts_with("RU") => "RTM",
            line => line,
        };
        for row in fixes.lines().skip(1) {
            let mut values = row.splitn(5, ',');
            let mut value = || values.next().unwrap_or_default();
            let (cve, of_product, of_line, first, note) = (value(), value(), value(), value(), value());
            if (of_product, of_line) != (*product, line) {
                continue;
            }
            let key =
                |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
            let fixed = !first.is_empty() && key(number) >= key(first);
            let marked = note.split_once("AMBIGUOUS at ").and_then(|(_, rest)| rest.split(':').next());
            let lists = note.split_once("CSS-Exchange lists ").and_then(|(_, rest)| rest.split(';').next());
            let expected = if fixed {
                let setting = note.contains("NOT sufficient") || note.contains("build alone does not prove");
                let ambiguous = marked.is_some_and(|marked| key(number) >= key(marked));
                if ambiguous || setting { Stands::Unknown } else { Stands::Closed }
            } else if lists.is_some_and(|lists| key(number) >= key(lists)) {
                Stands::Unknown
            } else {
                Stands::Open
            };
            check(number, cve, expected);
            seen += 1;
        }
    }
    assert!(seen > 5_000, "{seen} pairs of build and flaw were looked at");
}

#[test]
fn open_flaws_of_every_build() {
    let known = catalog();
    let mut table = String::new();
    for release in known.releases() {
        let of = |wanted: Stands| {
            let flaws =
                known.flaws().filter(|flaw| known.stands(release.version, &flaw.cve).stands == wanted);
            flaws.map(|flaw| flaw.cve.trim_start_matches("CVE-").to_owned()).collect::<Vec<_>>().join(" ")
        };
        let _ = writeln!(
            table,
            "{} {} {} | open {} | unknown {}",
            release.version,
            release.product,
            release.name(),
            of(Stands::Open),
            of(Stands::Unknown)
        );
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_march_update_of_an_unsupported_line_proves_only_its_own_four() {
    // 2016 CU14: 15.1.1847.7 has CVE-2020-0688's fix, the later Mar21SU 15.1.1847.12 does not prove it.
    check("15.1.1847.5", "CVE-2020-0688", Stands::Open);
    check("15.1.1847.7", "CVE-2020-0688", Stands::Closed);
    check("15.1.1847.12", "CVE-2020-0688", Stands::Unknown);
    check("15.1.1847.12", "CVE-2021-26855", Stands::Closed);
    check("15.1.1847.12", "CVE-2021-34473", Stands::Open);
    // A line in support then has everything.
    check("15.1.2106.13", "CVE-2021-26855", Stands::Closed);
    check("15.1.2106.13", "CVE-2020-0688", Stands::Closed);
}

#[test]
fn three_parts_say_only_what_all_updates_of_the_line_agree_on() {
    check("15.1.2106", "CVE-2021-26855", Stands::Unknown);
    check("15.1.2106", "CVE-2020-0688", Stands::Closed);
    check("15.1.2106", "CVE-2022-41040", Stands::Open);
    check("15.1.2242", "CVE-2021-26855", Stands::Closed);
    check("14.3.509", "CVE-2020-17144", Stands::Closed);
    check("14.3.496", "CVE-2020-17144", Stands::Open);
}

#[test]
fn products_and_lines_that_are_not_listed() {
    check("15.2.2562.17", "CVE-2021-26855", Stands::NotListed);
    check("14.3.513.0", "CVE-2021-26855", Stands::NotListed);
    check("14.3.509.0", "CVE-2021-26857", Stands::Open);
    check("14.3.513.0", "CVE-2021-26857", Stands::Closed);
    check("15.2.2600.1", "CVE-2026-96940", Stands::Unknown);
    check("15.1.2999.1", "CVE-2021-26855", Stands::Unknown);
}

#[test]
fn a_setting_that_a_build_only_makes_available_is_unknown() {
    check("15.1.2507.12", "CVE-2024-21410", Stands::Unknown);
    check("15.1.2507.6", "CVE-2024-21410", Stands::Open);
    check("15.2.1544.4", "CVE-2024-21410", Stands::Closed);
}

#[test]
fn fixes_have_days() {
    let known = catalog();
    let flaw = known.flaw("CVE-2021-26855").expect("listed");
    let day = |text: &str| Instant::parse(text);
    let base = version("15.1.2176.2");
    assert_eq!(flaw.fix_released(known, base), day("2021-03-02 00:00:00"));
    assert_eq!(flaw.first_fix(known, base, None), day("2021-03-02 00:00:00"));
    // Between two builds that both have the flaw there is no fix.
    assert_eq!(flaw.first_fix(known, base, Some(version("15.1.2176.4"))), None);
    assert_eq!(flaw.published_at(known), day("2021-03-02 00:00:00"));
    // No fix for this line; the first build of the product with it is that of an older line.
    let shell = known.flaw("CVE-2021-34473").expect("listed");
    assert_eq!(shell.fix_released(known, version("15.1.1847.12")), None);
    assert_eq!(shell.first_fix(known, version("15.1.1847.12"), None), day("2021-04-13 00:00:00"));
    assert_eq!(shell.published_at(known), day("2021-07-13 00:00:00"));
}
