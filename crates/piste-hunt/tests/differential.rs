//! The hunt's engine against the row engine: every rule on every row of the real evidence that lies beside the project.
//!
//! In: evidence and SigmaHQ's rules. Out: no difference but those that are listed with the specification's reason.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use piste_hunt::{Engine, RowEngine, VectorEngine, plan};
use piste_lake::pipeline::{self, Step};
use piste_lake::{Batch, Sealer};
use piste_model::evidence::EvidenceState;
use piste_model::sources::Sources;
use piste_rules::{LoadOptions, RuleSet};

/// Rules for which the engines differ, with the hits that the hunt's engine alone finds, and why they are right.
const DIFFERENCES: [(&str, usize, &str); 1] = [(
    "4a0b2c7e-7cb2-495d-8b63-5f268e7bfd67",
    1,
    "windash: `/accepteula` stands for `-accepteula` too, all permutations of the dashes and the slash; the row engine \
     exchanges hyphens only",
)];

fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let found = path.canonicalize().ok();
    if found.is_none() {
        println!("skipped: {} is not here", path.display());
    }
    found
}

fn rules(sources: &Sources) -> Option<RuleSet> {
    Some(piste_rules::load(&LoadOptions::of(&[real("sigma")?], true), sources).expect("the rules load"))
}

/// Hands every batch of the evidence to `each`.
fn batches(evidence: &[PathBuf], sources: &Sources, each: &(dyn Fn(&Batch) + Sync)) {
    let tmp = tempfile::tempdir().expect("a scratch folder");
    let mut intake = Sealer::new(tmp.path(), Vec::new(), &|_| {}).seal(evidence).expect("it seals");
    for (item, id) in intake.items.iter_mut().zip(1..) {
        item.id = piste_model::EvidenceId(id);
    }
    let units = piste_lake::plan::plan(&intake.items, "test", "");
    assert!(intake.items.iter().any(|item| item.state == EvidenceState::Read), "there is evidence");
    let input = pipeline::Input {
        items: &intake.items,
        units: &units,
        done: &vec![false; units.len()],
        left_out: &std::collections::BTreeSet::new(),
        tmp: tmp.path(),
        passwords: &[],
        sources,
        threads: 2,
        time: piste_lake::FileTime::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let work = |_: &piste_lake::Item, parsed: piste_lake::Parsed| parsed.batches.iter().for_each(each);
    pipeline::run(&input, &work, &mut |_: Step<()>| Ok(())).expect("the evidence is read");
}

#[test]
fn both_engines_find_the_same() {
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let Some(rules) = rules(&sources) else { return };
    let names = ["evtx-attack-samples", "evtx-samples", "sigma-regression", "security-datasets"];
    let Some(evidence) = names.into_iter().map(real).collect::<Option<Vec<_>>>() else { return };
    let (by_row, not_by_row) = RowEngine::new(&rules);
    let (plan, not_planned) = plan::plan(&rules);
    assert_eq!((not_by_row, not_planned), (Vec::new(), Vec::new()));
    let by_value = VectorEngine::new(&rules, plan);
    // Rule to (hits, rows that only the row engine finds, rows that only the hunt's finds).
    let found: Mutex<BTreeMap<String, (usize, usize, usize)>> = Mutex::default();
    batches(&evidence, &sources, &|batch| {
        let (rows, values) = (by_row.hits(batch), by_value.hits(batch));
        let mut found = found.lock().expect("no other failed");
        for hit in &rows {
            let rule = rules.rules.get(hit.rule).expect("a rule of the set");
            let counts = found.entry(format!("{} {}", rule.id, rule.title)).or_default();
            counts.0 += 1;
            counts.1 += usize::from(!values.contains(hit));
        }
        for hit in values.iter().filter(|hit| !rows.contains(hit)) {
            let rule = rules.rules.get(hit.rule).expect("a rule of the set");
            found.entry(format!("{} {}", rule.id, rule.title)).or_default().2 += 1;
        }
    });
    let found = found.into_inner().expect("no other failed");
    let hits: usize = found.values().map(|counts| counts.0).sum();
    println!("{hits} hits of {} rules", found.len());
    assert!(hits > 1_000, "{hits}");
    for (rule, counts) in &found {
        let known = DIFFERENCES.iter().find(|(id, ..)| rule.starts_with(id)).map_or(0, |one| one.1);
        assert_eq!((counts.1, counts.2), (0, known), "{rule}");
    }
}
