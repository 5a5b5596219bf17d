//! `piste hunt`: other rules over a case that was read before.
//!
//! In: a case and rules. Out: `out/` as if the evidence had been investigated with these rules, and what that changes:
//! the evidence itself is not touched and need not be there. Given evidence, it is investigated first.

use std::collections::BTreeMap;
use std::path::Path;

use piste_lake::{Lake, Unit};
use serde::Deserialize;
use serde_json::json;

use crate::case::Case;
use crate::cli::{Common, Hunt as Arguments, Investigate};
use crate::difference::{self, Difference};
use crate::export::ExportOptions;
use crate::failure::Failure;
use crate::investigate::{self, rehunt};
use crate::results::Results;
use crate::rules::arguments::RuleOptions;
use crate::sightings::{Given, Looking};
use crate::{clock, look, out};

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, common: &Common) -> Result<u8, Failure> {
    with_export(&arguments.export, common, |shown| {
        if arguments.hunt.evidence.is_empty() {
            over_the_lake(arguments, shown)
        } else {
            investigate::run(&arguments.hunt, shown)
        }
    })
}

/// Does the work, then writes the detections in the form of another tool where that was asked for: what can be refused of
/// it is refused first.
pub(crate) fn with_export(
    export: &ExportOptions,
    common: &Common,
    work: impl FnOnce(&Common) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    export.zone()?;
    export.target(&common.case)?;
    if !export.wanted() {
        return work(common);
    }
    // The detections take the place of the summary.
    let code = work(&Common { quiet: true, ..common.clone() })?;
    crate::findings::write_hits(&look::seen(&common.case)?, export, common, |_| true)?;
    Ok(code)
}

/// How the rules of the case's last run were chosen.
pub(crate) fn last_rule_options(case: &Path) -> Result<RuleOptions, Failure> {
    let run = look::seen(case)?.run;
    let options = run.get("rule_options").and_then(|one| RuleOptions::deserialize(one).ok());
    options.ok_or_else(|| rules_unknown("the last run of this case does not say how its rules were chosen"))
}

fn rules_unknown(what: &str) -> Failure {
    Failure::environment(
        "sightings-rules",
        what,
        "nothing was looked for, and `out/` is as it was",
        "name rules and indicators together: piste hunt --rules PATH --indicators FILE",
    )
}

/// New indicators over the case's rows, with the rules of its last run.
pub(crate) fn for_sightings(arguments: &Investigate, common: &Common) -> Result<(), Failure> {
    let hunt = investigate::load_rules(arguments)?;
    let same = |case: &Case| match case.last_hunt() {
        Some(last) if last == hunt.key => Ok(()),
        _ => Err(rules_unknown("the rules of the last run are not what they were")),
    };
    again(arguments, &hunt, common, ("sightings", &same))?;
    Ok(())
}

fn over_the_lake(arguments: &Arguments, common: &Common) -> Result<u8, Failure> {
    let stopwatch = std::time::Instant::now();
    look::lake_of(&common.case)?;
    refuse_yara(arguments)?;
    refuse_as_host(arguments)?;
    let hunt = investigate::load_rules(&arguments.hunt)?;
    let Again { case, units, written, last } = again(&arguments.hunt, &hunt, common, ("hunt", &|_| Ok(())))?;
    if !common.quiet {
        tell_difference(&case.lake, &units, last.as_deref(), &hunt.key)?;
    }
    investigate::tell(&arguments.hunt, common, &written, &stopwatch, &case)
}

/// A case looked through again.
struct Again {
    case: Case,
    units: Vec<Unit>,
    written: investigate::outputs::Written,
    /// Hash of the rules and the engine of the run before.
    last: Option<String>,
}

/// Whether a case may be looked through.
type Fits<'a> = &'a dyn Fn(&Case) -> Result<(), Failure>;

/// Looks through the case's rows and writes `out/` anew, if `fits` agrees to the case.
fn again(
    arguments: &Investigate,
    hunt: &investigate::Hunt,
    common: &Common,
    (command, fits): (&str, Fits<'_>),
) -> Result<Again, Failure> {
    let binary = crate::binary::Hashing::begin();
    let given = Given::read(&arguments.indicators, arguments.no_earlier_indicators)?;
    let mut case = Case::open(&common.case, clock::now(common))?;
    refuse_half_read(&case)?;
    fits(&case)?;
    let units = case.lake.done_units()?;
    let before = read_before(&common.case, case.results())?;
    let last = case.last_hunt().map(str::to_owned);
    let known = given.with_earlier(&case)?;
    let mut body = json!({
        "command": command,
        "rules": hunt.rules.figures.sets,
        "rules_sha256": hunt.rules.sha256,
        "hunt": hunt.key,
        "version": env!("CARGO_PKG_VERSION"),
        "binary_sha256": binary.sha256(),
        "rule_options": arguments.which.anywhere(),
    });
    known.tell(&mut body);
    case.begin_run(body)?;
    let stop = investigate::stop_on_ctrl_c();
    let threads = rehunt::threads(arguments.threads);
    case.lake.check_attachments(&units)?;
    let lake = case.lake.clone();
    let rehunt = rehunt::Rehunt { lake: &lake, hunt, threads, stop: &stop, spent: rehunt::Spent::default() };
    let hunting = std::time::Instant::now();
    let rehunt::Ran { hunted, sha256 } = rehunt.run(&units)?;
    case.hunt_stored(&hunt.key, &sha256)?;
    let seconds = hunting.elapsed().as_secs_f64();
    if !common.quiet && hunted > 0 {
        let spent = rehunt.spent;
        let [reading, matching, telling] =
            [&spent.reading, &spent.matching, &spent.telling].map(rehunt::Spent::seconds);
        let events = before.summary.events;
        out::note(&format!(
            "Hunted {events} events in {seconds:.2} s ({threads} threads together: reading {reading:.2} s, matching {matching:.2} s, telling {telling:.2} s)"
        ));
    }
    let records = units
        .iter()
        .map(|unit| Ok(case.lake.record(unit)?.unwrap_or_default()))
        .collect::<Result<Vec<_>, piste_lake::LakeError>>()?;
    let joined = investigate::join::rejoin(before, &records, hunt);
    let looking = Looking { known: &known, threads, stop: &stop, quiet: common.quiet };
    let mut written = investigate::outputs::write(&mut case, &units, hunt, joined, &looking)?;
    case.end_run(json!({"summary": written.summary}), written.next.take())?;
    Ok(Again { case, units, written, last })
}

/// YARA rules look at files, which the lake does not hold.
fn refuse_yara(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.hunt.which.yara_options(&[]).paths.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(
        "yara-needs-evidence",
        "YARA rules look at the files of the evidence, and the case's rows do not hold them",
        "nothing was hunted",
        "give a piece of the evidence again: piste hunt EVIDENCE --yara PATH; all that the case was given is then looked at, and only the files are read anew",
    ))
}

/// A computer's name is said of evidence that is given with it.
fn refuse_as_host(arguments: &Arguments) -> Result<(), Failure> {
    let Some(host) = &arguments.hunt.as_host else { return Ok(()) };
    Err(Failure::usage(
        "as-host-needs-evidence",
        format!("--as-host {host} says of which computer evidence is, and none was given"),
        "nothing was hunted",
        format!("name what it is said of: piste hunt EVIDENCE --as-host {host}"),
    ))
}

/// A case whose last reading was cut off would be hunted in part, and look whole.
fn refuse_half_read(case: &Case) -> Result<(), Failure> {
    if case.is_read() {
        return Ok(());
    }
    Err(Failure::environment(
        "case-half-read",
        "the last `piste investigate` of this case did not finish",
        "nothing was hunted",
        "run the same `piste investigate` again: it goes on where it stopped",
    ))
}

/// What the last run wrote of the evidence.
fn read_before(case: &Path, results: &Results) -> Result<investigate::join::Before, Failure> {
    let folder = case.join("out");
    let text = |name: &str| results.text(case, name);
    investigate::join::Before::read(&text("evidence.jsonl")?, &text("issues.jsonl")?, &text("summary.json")?)
        .map_err(|error| {
            Failure::environment(
                "out-unreadable",
                format!("`{}` is not what this version writes: {error}", folder.display()),
                "nothing was hunted",
                "run `piste investigate` again: a run writes it anew",
            )
        })
}

fn tell_difference(lake: &Lake, units: &[Unit], last: Option<&str>, now: &str) -> Result<(), Failure> {
    let Some(last) = last.filter(|last| *last != now) else { return Ok(()) };
    if !rehunt::is_whole(lake, units, last) {
        return Ok(()); // what an earlier hunt left is not what it wrote: nothing is said of it
    }
    let Some(found) = difference::between(lake, units, last, now)? else { return Ok(()) };
    out::note(&in_words(&found));
    Ok(())
}

/// Rules shown of each kind.
const SHOWN: usize = 10;

fn in_words(found: &BTreeMap<String, Difference>) -> String {
    let (more, fewer): (u64, u64) =
        found.values().fold((0, 0), |sum, one| (sum.0 + one.more, sum.1 + one.fewer));
    if more + fewer == 0 {
        return "Against the last hunt: the same detections".to_owned();
    }
    let mut lines = vec![format!("Against the last hunt: {more} detections more, {fewer} gone")];
    let mut rules: Vec<(&String, &Difference)> = found.iter().collect();
    rules.sort_by_key(|(title, one)| (std::cmp::Reverse(one.level), *title));
    for (title, one) in rules.iter().take(SHOWN) {
        let counts = [(one.more, '+'), (one.fewer, '-')].into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, sign)| format!("{sign}{count}")).collect();
        let title = piste_report::escape::visible(title);
        lines.push(format!("  {} {} {title}", counts.join(" "), one.level.as_str()));
    }
    if rules.len() > SHOWN {
        lines.push(format!("  and {} more rules", rules.len() - SHOWN));
    }
    lines.join("\n")
}
