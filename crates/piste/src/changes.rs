//! Evidence that is no longer what was sealed.
//!
//! In: the ledger's seals, what reading met, and what persons said of it. Out: an issue for each change, on every run until a
//! person has answered it with `piste case accept-change`: a warning that goes away by itself is one that nobody answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use piste_case::Entry;
use piste_lake::{Item, Place, Sealed};
use piste_model::{EvidenceId, Issue};
use serde::{Deserialize, Serialize};

/// Kind of the entry that evidence was not what was sealed.
pub(crate) const CHANGED: &str = "evidence.changed";
/// Kind of the entry with which a person answers for the changes of a file.
pub(crate) const ACCEPTED: &str = "evidence.change-accepted";

/// Body of an entry of kind [`CHANGED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    /// What was sealed.
    pub(crate) id: EvidenceId,
    pub(crate) how: How,
}

/// How evidence came to be something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// Between sealing and reading: other bytes.
    Differs,
    /// Between sealing and reading: more bytes after those that were sealed.
    Grew,
    /// Since an earlier run: it is again what was sealed before something else.
    Returned,
    /// Since an earlier run: it is no longer there.
    TakenAway,
}

/// Body of an entry of kind [`ACCEPTED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) ids: Vec<EvidenceId>,
    pub(crate) why: String,
}

/// One change, and where its file lies.
#[derive(Debug, Clone)]
struct Change {
    place: Place,
    issue: Issue,
    /// This run has met it, and says so in other words.
    told: bool,
}

/// The changes of a case that nobody has answered yet.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    open: Vec<Change>,
    /// What was sealed last at each place.
    last: BTreeMap<Place, Sealed>,
    seals: BTreeMap<EvidenceId, Sealed>,
}

impl Changes {
    /// Takes in one entry of the ledger.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        if entry.kind == CHANGED
            && let Ok(changed) = Changed::deserialize(&entry.body)
        {
            self.note(&changed, false);
        }
        if entry.kind == ACCEPTED
            && let Ok(accepted) = Accepted::deserialize(&entry.body)
        {
            self.accept(&accepted.ids);
        }
    }

    /// Takes in a seal. New content at a place that was sealed before is a change.
    pub(crate) fn seal(&mut self, sealed: &Sealed) {
        let before = self.last.insert(sealed.place.clone(), sealed.clone());
        self.seals.insert(sealed.id, sealed.clone());
        // A file that could not be read has no hash to compare.
        let Some(before) = before.filter(|before| !before.sha256.is_empty() && !sealed.sha256.is_empty())
        else {
            return;
        };
        if before.sha256 != sealed.sha256 {
            let what = format!(
                "it is not what was sealed as {}: its SHA-256 was {}, now {}",
                before.id, before.sha256, sealed.sha256
            );
            let effect = "it was sealed anew and read; rows of the earlier content are no longer in the lake";
            self.open(sealed, "evidence-changed", &what, effect, false);
        }
    }

    /// Takes in what a run met.
    pub(crate) fn note(&mut self, changed: &Changed, told: bool) {
        let Some(sealed) = self.seals.get(&changed.id).cloned() else { return };
        let (slug, what, effect) = match changed.how {
            How::Differs => (
                "evidence-changed-while-read",
                "a run found it changed after it was sealed and before it was read".to_owned(),
                "that run took no row of it",
            ),
            How::Grew => (
                "evidence-grew",
                "it grew after it was sealed, as a log that is still being written does".to_owned(),
                "what was sealed was read and is whole; what was written since is neither sealed nor read",
            ),
            How::Returned => (
                "evidence-changed",
                format!(
                    "it is again what was sealed as {}, after other content had been sealed in its place",
                    sealed.id
                ),
                "it was read as it is now; rows of the other content are no longer in the lake",
            ),
            How::TakenAway => (
                "evidence-taken-away",
                "it was sealed and is no longer where it was".to_owned(),
                "its rows are no longer in the lake, and findings that rest on them are gone",
            ),
        };
        if changed.how == How::Returned {
            self.last.insert(sealed.place.clone(), sealed.clone());
        }
        self.open(&sealed, slug, &what, effect, told);
    }

    fn open(&mut self, sealed: &Sealed, slug: &'static str, what: &str, effect: &str, told: bool) {
        let hint = format!(
            "find out who changed it and keep the copy that was sealed first; once that is known: piste case accept-change {} --why …",
            sealed.id
        );
        let issue = Issue::new(slug, sealed.path.clone(), what, effect, hint).of(sealed.id);
        // The same change of the same content, met by several runs, is one.
        self.open
            .retain(|open| !(open.issue.slug == issue.slug && open.issue.evidence_id == issue.evidence_id));
        self.open.push(Change { place: sealed.place.clone(), issue, told });
    }

    fn accept(&mut self, ids: &[EvidenceId]) {
        let places: BTreeSet<&Place> = ids.iter().filter_map(|id| Some(&self.seals.get(id)?.place)).collect();
        self.open.retain(|open| !places.contains(&open.place));
    }

    /// Whether something about this evidence waits for an answer; `None` where there is no such evidence.
    pub(crate) fn is_open(&self, id: EvidenceId) -> Option<bool> {
        let place = &self.seals.get(&id)?.place;
        Some(self.open.iter().any(|open| open.place == *place))
    }

    /// What waits for an answer, with the file that it is about.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Issue> {
        self.open.iter().map(|open| &open.issue)
    }

    /// Whether other content was sealed at an item's place since its own was.
    pub(crate) fn is_replaced(&self, item: &Item) -> bool {
        self.last.get(&item.place).is_some_and(|last| {
            last.sha256 != item.sha256 && !last.sha256.is_empty() && !item.sha256.is_empty()
        })
    }

    /// Files under the paths given that were sealed and are not among the items, and were not missed before.
    pub(crate) fn taken_away(&self, items: &[Item], given: &[PathBuf]) -> Vec<EvidenceId> {
        let there: BTreeSet<&Place> = items.iter().map(|item| &item.place).collect();
        let is_missed = |id: EvidenceId| {
            let missed = |open: &Change| {
                open.issue.slug == "evidence-taken-away" && open.issue.evidence_id == Some(id)
            };
            self.open.iter().any(missed)
        };
        let gone = self.last.values().filter(|sealed| {
            sealed.place.is_file()
                && !there.contains(&sealed.place)
                && given.iter().any(|path| sealed.place.lies_under(path))
                && !is_missed(sealed.id)
        });
        gone.map(|sealed| sealed.id).collect()
    }

    /// The issues of this run: changes of files that are under the paths given.
    pub(crate) fn issues(&self, given: &[PathBuf]) -> Vec<Issue> {
        let here = self.open.iter().filter(|open| !open.told);
        let here = here.filter(|open| given.iter().any(|path| open.place.lies_under(path)));
        here.map(|open| open.issue.clone()).collect()
    }
}
