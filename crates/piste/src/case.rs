//! A case's folder: the ledger, which is the truth, and the lake, which is derived.
//!
//! In: `--case`. Out: the evidence ids and finding numbers that the ledger has given, and new ones. One process writes a
//! case at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use piste_case::verdicts::Verdicts;
use piste_case::{Entry, FindingNumbers, Ledger, kind};
use piste_hunt::Since;
use piste_lake::store::{HUNT_STORED, Stored, UNIT_STORED, UNITS_DROPPED};
use piste_lake::{Item, Lake, LakeError, Place, Sealed, StoredPath, path_text};
use piste_model::summary::JudgedGone;
use piste_model::{EvidenceId, Finding, FindingId, Instant, Issue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::changes::{CHANGED, Changed, Changes, How};
use crate::failure::Failure;
use crate::investigate::proxies;
use crate::investigate::read::Met;
use crate::investigate::stated::{self, Stated};
use crate::person::{Past, lock_ledger, or_set_aside};
use crate::results::{Next, Results, remove_stale, with_hashes};
use crate::sightings;
use crate::sightings::given::Kept;

/// Kind of the entry that takes a given path back.
const WITHDRAWN: &str = "evidence.withdrawn";
/// Kind of the entry that ends the seals of one run.
const INTAKE_FINISHED: &str = "intake.finished";

/// An open case.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) ledger: Ledger,
    pub(crate) lake: Lake,
    known: Known,
    results: Results,
    at: Instant,
    /// What this run reads and hunts with, once that is known.
    inputs: Option<Inputs>,
}

/// What a run's findings came from. A later run over other inputs compares itself with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Inputs {
    /// Digest of the evidence read, the rules and the version.
    digest: String,
    /// The highest evidence id given.
    evidence: u32,
    /// The highest number of a finding given.
    findings: u32,
}

/// The earlier run that this one is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Baseline {
    /// What it knew.
    pub(crate) since: Since,
    /// When it ended.
    pub(crate) at: Instant,
}

/// What the ledger says of earlier runs.
#[derive(Default)]
struct Known {
    /// Content (SHA-256) at a place to its seal, and the run in which it was given.
    sealed: BTreeMap<(String, Place), (Sealed, u32)>,
    /// Evidence that is no longer what was sealed, as far as nobody has answered for it.
    changes: Changes,
    /// Places that were sealed.
    places: BTreeSet<Place>,
    /// Locators given.
    paths: BTreeSet<String>,
    /// The last number that was put behind a name to make it free.
    numbers_given: BTreeMap<String, u32>,
    highest: u32,
    /// Runs whose sealing came to its end.
    intakes: u32,
    given: Vec<PathBuf>,
    /// Finished runs, of those in a row with equal inputs the last.
    runs: Vec<(Inputs, Instant)>,
    numbers: FindingNumbers,
    verdicts: Verdicts,
    /// Hash of the rules and the engine of the run begun last.
    last_hunt: Option<String>,
    /// Files of indicators that the run begun last looks for.
    indicators: Vec<Kept>,
    /// What persons said of the computers that given paths are of.
    stated: Vec<Stated>,
    /// Proxies whose word on the client the run begun last takes.
    proxies: Vec<IpNet>,
    /// The last run that reads evidence has finished.
    is_read: bool,
    /// The run begun last reads evidence.
    reads: bool,
}

impl Case {
    /// Opens the case in `folder`, or begins one there.
    pub(crate) fn open(folder: &Path, at: Instant) -> Result<Self, Failure> {
        make_folder(folder).map_err(|error| {
            Failure::environment(
                "case-write",
                format!("the case folder `{}` cannot be made: {error}", folder.display()),
                "nothing was read",
                "give a folder that can be written with --case",
            )
        })?;
        let (mut known, mut past, mut results) = (Known::default(), Past::default(), Results::default());
        let mut stored = Stored::default();
        let (mut ledger, opened) = lock_ledger(&folder.join("ledger.jsonl"), &mut |entry| {
            past.observe(entry);
            results.observe(entry);
            stored.observe(&entry.kind, &entry.body);
            known.observe(entry);
            known.changes.observe(entry);
            or_set_aside(known.numbers.observe(entry))?;
            or_set_aside(known.verdicts.observe(entry))
        })?;
        past.go_on(folder, &mut ledger, opened, at)?;
        let lake = Lake::open(folder)?.with_stored(stored);
        Ok(Self { folder: folder.to_owned(), ledger, lake, known, results, at, inputs: None })
    }

    /// What the ledger says of `out/`.
    pub(crate) fn results(&self) -> &Results {
        &self.results
    }

    /// Paths that earlier runs were given.
    pub(crate) fn given(&self) -> &[PathBuf] {
        &self.known.given
    }

    /// Hash of the rules and the engine of the last run.
    pub(crate) fn last_hunt(&self) -> Option<&str> {
        self.known.last_hunt.as_deref()
    }

    /// Files of indicators that the last run looked for.
    pub(crate) fn indicators(&self) -> &[Kept] {
        &self.known.indicators
    }

    /// What earlier runs were told of the computers that given paths are of.
    pub(crate) fn stated(&self) -> &[Stated] {
        &self.known.stated
    }

    /// Proxies whose word on the client the last run took.
    pub(crate) fn proxies(&self) -> &[IpNet] {
        &self.known.proxies
    }

    /// Whether the last reading of evidence came to its end.
    pub(crate) fn is_read(&self) -> bool {
        self.known.is_read
    }

    /// Takes back a path that an earlier run was given; its seals stay in the ledger.
    pub(crate) fn withdraw(&mut self, path: &Path) -> Result<(), Failure> {
        let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let Some(at) = self.known.given.iter().position(|given| *given == full || given == path) else {
            let given: Vec<String> = self.known.given.iter().map(|given| path_text(given)).collect();
            return Err(Failure::usage(
                "withdraw-unknown",
                format!("`{}` was not given in an earlier run of this case", path_text(path)),
                "nothing was changed",
                format!("given were: {}", given.join(", ")),
            ));
        };
        let given = self.known.given.remove(at);
        stated::forget(&mut self.known.stated, &given);
        self.ledger.append(WITHDRAWN, json!({"path": StoredPath(given)}), self.at)?;
        Ok(())
    }

    /// Records that a unit is in the lake.
    pub(crate) fn unit_stored(&mut self, body: Value) -> Result<(), LakeError> {
        let stored = self.ledger.append(UNIT_STORED, body, self.at);
        stored.map(|_| ()).map_err(|error| LakeError::Ledger(Box::new(error)))
    }

    /// Takes units out of the lake, the ledger first.
    pub(crate) fn drop_units(&mut self, keys: &[String]) -> Result<(), Failure> {
        if !keys.is_empty() {
            self.ledger.append(UNITS_DROPPED, json!({"units": keys}), self.at)?;
            self.lake.forget(keys)?;
        }
        Ok(())
    }

    /// Records the hash over a rule set's files, where the ledger has another.
    pub(crate) fn hunt_stored(&mut self, hunt: &str, sha256: &str) -> Result<(), Failure> {
        if self.lake.hunt_stored(hunt).as_deref() != Some(sha256) {
            self.ledger.append(HUNT_STORED, json!({"hunt": hunt, "sha256": sha256}), self.at)?;
        }
        Ok(())
    }

    /// Records that evidence was not what was sealed when it was read.
    pub(crate) fn record_changes(&mut self, items: &[Item], met: &Met) -> Result<(), Failure> {
        let id = |at: &usize| items.get(*at).map(|item| item.id);
        let differs = met.left_out.iter().filter_map(id).map(|id| Changed { id, how: How::Differs });
        let grew = met.grown.iter().filter_map(id).map(|id| Changed { id, how: How::Grew });
        let (differs, grew): (Vec<_>, Vec<_>) = (differs.collect(), grew.collect());
        self.note_changes(&differs, true)?; // reading has said so already, of each file
        self.note_changes(&grew, false)
    }

    fn note_changes(&mut self, changes: &[Changed], told: bool) -> Result<(), Failure> {
        let entries = changes.iter().map(|changed| (CHANGED, json!(changed), self.at));
        self.ledger.append_all(entries.collect::<Vec<_>>())?;
        for changed in changes {
            self.known.changes.note(changed, told);
        }
        Ok(())
    }

    /// Issues of evidence that is no longer what was sealed, and that nobody has answered for.
    pub(crate) fn change_issues(&self, given: &[PathBuf]) -> Vec<Issue> {
        self.known.changes.issues(given)
    }

    /// Findings that somebody judged and that are not among these.
    pub(crate) fn judged_and_gone(&self, findings: &[Finding]) -> Vec<JudgedGone> {
        let there: BTreeSet<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        let judged = self.known.verdicts.in_force().map(|verdict| &verdict.judged);
        let gone = judged.filter(|judged| !there.contains(judged.key.as_str()));
        let mut gone: Vec<JudgedGone> = gone
            .map(|judged| JudgedGone {
                id: judged.id,
                key: judged.key.clone(),
                verdict: judged.verdict.clone(),
                title: judged.title.clone(),
            })
            .collect();
        gone.sort_by(|a, b| (a.id, &a.key).cmp(&(b.id, &b.key)));
        gone
    }

    /// Records that a run begins.
    pub(crate) fn begin_run(&mut self, body: Value) -> Result<(), Failure> {
        self.ledger.append(kind::RUN_STARTED, body, self.at)?;
        Ok(())
    }

    /// Records that a run has ended, with the hashes of what it wrote, and gives that its place.
    pub(crate) fn end_run(&mut self, mut body: Value, next: Option<Next>) -> Result<(), Failure> {
        if let (Some(body), Some(inputs)) = (body.as_object_mut(), &mut self.inputs) {
            inputs.findings = self.known.numbers.highest();
            body.insert("inputs".to_owned(), json!(inputs));
        }
        self.ledger.append(kind::RUN_FINISHED, with_hashes(body, next.as_ref()), self.at)?;
        if let Some(next) = next {
            remove_stale(&self.folder, next.hashes(), sightings::FILE)?;
            next.commit()?;
        }
        Ok(())
    }

    /// Notes what this run reads and hunts with, and finds the run to compare it with: the last one that finished with
    /// other inputs. A repeat of a run, or the end of one that was killed, has the same baseline as that run.
    pub(crate) fn baseline(&mut self, digest: String) -> Option<Baseline> {
        let earlier = self.known.runs.iter().rev().find(|(inputs, _)| inputs.digest != digest);
        let baseline = earlier.map(|(inputs, at)| Baseline {
            since: Since { evidence: inputs.evidence, finding: inputs.findings },
            at: *at,
        });
        self.inputs = Some(Inputs { digest, evidence: self.known.highest, findings: 0 });
        baseline
    }

    /// Gives every item its id and locator: those that the ledger has for the same content at the same place, or new
    /// ones, in the order of (SHA-256, locator). Items are then put in the order of reading: by run, then locator.
    pub(crate) fn number_evidence(
        &mut self,
        items: &mut [Item],
        issues: &mut [Issue],
        given: &[PathBuf],
    ) -> Result<(), Failure> {
        let run = self.known.intakes + 1;
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_cached_key(|at| items.get(*at).map(|item| (item.sha256.clone(), item.path.clone())));
        let (mut sealed, mut changed) = (Vec::new(), Vec::new());
        let mut renamed = BTreeMap::new();
        for at in order {
            let Some(item) = items.get_mut(at) else { continue };
            let shown = item.path.clone();
            if let Some((sealed, _)) = self.known.sealed.get(&(item.sha256.clone(), item.place.clone())) {
                item.id = sealed.id;
                item.path.clone_from(&sealed.path);
                if self.known.changes.is_replaced(item) {
                    changed.push(Changed { id: item.id, how: How::Returned });
                }
            } else {
                self.known.highest += 1;
                item.id = EvidenceId(self.known.highest);
                item.path = self.known.free_path(&shown, &item.place);
                sealed.push(at);
                self.known.seal(item.seal(), run);
            }
            if item.path != shown {
                renamed.insert(shown, item.path.clone());
            }
        }
        for issue in issues.iter_mut() {
            if let Some(path) = renamed.get(&issue.path) {
                issue.path.clone_from(path);
            }
        }
        // The end of sealing is an entry of its own: seals that a crash left without one belong to the next run. Bodies are
        // made one after another: all of them at once would take more memory than the evidence's list itself.
        let finished =
            (!sealed.is_empty()).then(|| (INTAKE_FINISHED, json!({"files": items.len()}), self.at));
        let items_sealed = sealed.iter().filter_map(|at| items.get(*at));
        let seals = items_sealed.map(|item| (kind::EVIDENCE_SEALED, json!(item.seal()), self.at));
        self.ledger.append_all(seals.chain(finished))?;
        let gone = self.known.changes.taken_away(items, given);
        changed.extend(gone.into_iter().map(|id| Changed { id, how: How::TakenAway }));
        self.note_changes(&changed, false)?;
        let run_of = |item: &Item| {
            self.known.sealed.get(&(item.sha256.clone(), item.place.clone())).map_or(run, |(_, run)| *run)
        };
        items.sort_by_cached_key(|item| (run_of(item), item.path.clone(), item.id));
        Ok(())
    }

    /// Gives findings their numbers, records the new ones, and puts in what analysts said of them.
    pub(crate) fn number_findings(
        &mut self,
        findings: impl FnOnce(&mut dyn FnMut(&str) -> FindingId) -> Vec<Finding>,
    ) -> Result<Vec<Finding>, Failure> {
        let mut entries = Vec::new();
        let numbers = &mut self.known.numbers;
        let at = self.at;
        let mut found = findings(&mut |key| {
            let (id, body) = numbers.number(key);
            entries.extend(body.map(|body| (kind::FINDING_NUMBERED, body, at)));
            id
        });
        self.ledger.append_all(entries)?;
        for finding in &mut found {
            if let Some(verdict) = self.known.verdicts.of(&finding.key) {
                verdict.clone_into(&mut finding.verdict);
            }
        }
        Ok(found)
    }
}

impl Known {
    fn observe(&mut self, entry: &Entry) {
        let (entry_kind, body, at) = (entry.kind.as_str(), &entry.body, entry.at);
        if entry_kind == kind::RUN_FINISHED {
            self.is_read |= self.reads;
            if let Some(Ok(inputs)) = body.get("inputs").map(Inputs::deserialize) {
                self.runs.pop_if(|(last, _)| last.digest == inputs.digest);
                self.runs.push((inputs, at));
            }
        }
        if entry_kind == kind::RUN_STARTED {
            self.last_hunt = body.get("hunt").and_then(Value::as_str).map(str::to_owned);
            if let Some(Ok(files)) = body.get("indicators").map(Vec::<Kept>::deserialize) {
                self.indicators = files;
            }
            if let Some(Ok(stated)) = body.get(stated::MEMBER).map(Vec::<Stated>::deserialize) {
                self.stated = stated;
            }
            self.reads = body.get("evidence").is_some();
            if self.reads {
                self.proxies = proxies::of_entry(body);
            }
            self.is_read &= !self.reads;
            let paths = body.get("evidence").and_then(Value::as_array).into_iter().flatten();
            for path in paths.filter_map(stored_path) {
                if !self.given.contains(&path) {
                    self.given.push(path);
                }
            }
        }
        if entry_kind == WITHDRAWN
            && let Some(path) = body.get("path").and_then(stored_path)
        {
            self.given.retain(|given| *given != path);
            stated::forget(&mut self.stated, &path);
        }
        if entry_kind == INTAKE_FINISHED {
            self.intakes += 1;
        }
        if entry_kind == kind::EVIDENCE_SEALED
            && let Ok(sealed) = serde_json::from_value::<Sealed>(body.clone())
        {
            self.seal(sealed, self.intakes + 1);
        }
    }

    fn seal(&mut self, sealed: Sealed, run: u32) {
        self.highest = self.highest.max(sealed.id.0);
        self.paths.insert(sealed.path.clone());
        self.places.insert(sealed.place.clone());
        self.changes.seal(&sealed);
        self.sealed.insert((sealed.sha256.clone(), sealed.place.clone()), (sealed, run));
    }

    /// A locator that no other file has: the name as found, or with a number where an earlier run gave that name away.
    /// New content at a place that was sealed before keeps its name.
    fn free_path(&mut self, shown: &str, place: &Place) -> String {
        if !self.paths.contains(shown) || self.places.contains(place) {
            return shown.to_owned();
        }
        let base = shown.rsplit_once('#').filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()));
        let base = base.map_or(shown, |(base, _)| base);
        // Numbers below the last one given are taken: an archive may hold one name many thousand times.
        let from = self.numbers_given.get(base).copied().unwrap_or(2);
        let mut names = (from..).map(|number| (number, format!("{base}#{number}")));
        let Some((number, name)) = names.find(|(_, name)| !self.paths.contains(name)) else {
            return shown.to_owned();
        };
        self.numbers_given.insert(base.to_owned(), number);
        name
    }
}

/// Makes the case's folder. A new one is its maker's alone: it holds what the evidence holds.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    match builder.create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

fn stored_path(value: &Value) -> Option<PathBuf> {
    StoredPath::deserialize(value).ok().map(|stored| stored.0)
}

/// Takes in what an entry says of evidence that changed.
pub(crate) fn observe_change(changes: &mut Changes, entry: &Entry) {
    if entry.kind == kind::EVIDENCE_SEALED
        && let Ok(sealed) = serde_json::from_value::<Sealed>(entry.body.clone())
    {
        changes.seal(&sealed);
    }
    changes.observe(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_very_often_is_numbered_in_one_pass() {
        let mut known = Known::default();
        let place: Place = serde_json::from_value(json!({"file": "/z.zip"})).expect("it reads");
        known.paths.insert("z.zip!a".to_owned());
        known.paths.insert("z.zip!a#4".to_owned());
        let mut given = Vec::new();
        for shown in ["z.zip!a", "z.zip!a", "z.zip!a", "z.zip!a#4"] {
            let path = known.free_path(shown, &place);
            known.paths.insert(path.clone());
            given.push(path);
        }
        assert_eq!(given, ["z.zip!a#2", "z.zip!a#3", "z.zip!a#5", "z.zip!a#6"]);
        // The search does not begin at 2 again: a hundred thousand would take minutes.
        for _ in 0..100_000 {
            let path = known.free_path("z.zip!a", &place);
            known.paths.insert(path);
        }
        assert!(known.paths.contains("z.zip!a#100006"));
    }
}
