//! What persons did about the plan, as a fold over the ledger.
//!
//! In: entries of the kinds `plan.*`, in order. Out: of each action who has it, who says that it is done, who left it out and why. A
//! person's word makes an action *claimed*; done it is only by evidence that was collected afterwards.

use std::collections::BTreeMap;

use piste_model::Instant;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::ledger::{Entry, LedgerError, kind};
use crate::person;
use crate::removal::Judged;

/// Why an action is done, in the words that the plan shows.
const DONE_BY_EVIDENCE: &str = "all that it was to take away is gone, by evidence collected afterwards";
/// Why it is open again.
const OPEN_BY_EVIDENCE: &str =
    "something that it was to take away is there, by evidence collected afterwards";

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionState {
    /// Something must come first.
    Planned,
    /// Nothing is in its way.
    Ready,
    /// Somebody has it.
    Running,
    /// Somebody says that it is done.
    Claimed,
    /// Evidence shows that it is done.
    Done,
    /// Evidence shows that it is not.
    Failed,
    /// Somebody decided against it.
    Waived,
}

impl ActionState {
    /// Whether what waits for it may begin.
    pub fn lets_go_on(self) -> bool {
        matches!(self, Self::Claimed | Self::Done | Self::Waived)
    }

    /// As the plan shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Waived => "waived",
        }
    }
}

/// What a person wrote about an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDecision {
    /// `EV-06`.
    pub action: String,
    /// Who writes.
    pub by: String,
    /// To whom it is given; empty for any other decision.
    #[serde(default)]
    pub to: String,
    /// Why, or what was done.
    #[serde(default)]
    pub why: String,
    /// When it was done, where that was not when it was written.
    #[serde(default)]
    pub done_at: Option<Instant>,
}

impl PlanDecision {
    /// The body of its ledger entry.
    pub fn body(&self) -> Json {
        json!(self)
    }
}

/// The state of one action, by persons' word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// State.
    pub state: ActionState,
    /// Who has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Who decided last.
    pub by: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When it was done or decided.
    pub at: Instant,
    /// Whether the last decision is signed.
    pub signed: bool,
    /// Who claims it beside: two people who say the same of one action are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_by: Vec<String>,
}

/// What was done about every action.
#[derive(Debug, Clone, Default)]
pub struct PlanProgress {
    by_action: BTreeMap<String, Standing>,
}

impl PlanProgress {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where an entry about an action has not the shape of one.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let state = match entry.kind.as_str() {
            kind::PLAN_ASSIGNED => ActionState::Running,
            kind::PLAN_CLAIMED => ActionState::Claimed,
            kind::PLAN_WAIVED => ActionState::Waived,
            kind::VERIFY_JUDGED => return self.observe_evidence(entry),
            kind::PLAN_REOPENED => {
                let decision = read(entry)?;
                self.by_action.remove(&decision.action);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let decision = read(entry)?;
        let before = self.by_action.remove(&decision.action);
        let twice = before.as_ref().filter(|one| one.state == state && one.by != decision.by);
        let mut also_by = twice.map(|one| one.also_by.clone()).unwrap_or_default();
        also_by.extend(twice.map(|one| one.by.clone()));
        let owner = if decision.to.is_empty() {
            before.map(|one| one.owner).unwrap_or_default()
        } else {
            decision.to
        };
        let standing = Standing {
            state,
            owner,
            by: decision.by,
            why: decision.why,
            at: decision.done_at.unwrap_or(entry.at),
            signed: person::is_signed(entry),
            also_by,
        };
        self.by_action.insert(decision.action, standing);
        Ok(())
    }

    /// What evidence collected afterwards shows of the plan's actions: what is done, and what is not.
    fn observe_evidence(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let judged = Judged::of(entry)?;
        let done = judged.done_actions.iter().map(|action| (action, ActionState::Done, DONE_BY_EVIDENCE));
        let failed =
            judged.reopened_actions.iter().map(|action| (action, ActionState::Failed, OPEN_BY_EVIDENCE));
        for (action, state, why) in done.chain(failed) {
            let owner = self.by_action.remove(action).map(|before| before.owner).unwrap_or_default();
            let standing = Standing {
                state,
                owner,
                by: judged.by.clone(),
                why: why.to_owned(),
                at: entry.at,
                signed: person::is_signed(entry),
                also_by: Vec::new(),
            };
            self.by_action.insert(action.clone(), standing);
        }
        Ok(())
    }

    /// When the eviction was, by the actions of its window that somebody claims: the latest of them.
    pub fn evicted_at(&self, is_of_window: impl Fn(&str) -> bool) -> Option<Instant> {
        let claimed = self.by_action.iter().filter(|(action, one)| {
            matches!(one.state, ActionState::Claimed | ActionState::Done) && is_of_window(action)
        });
        claimed.map(|(_, one)| one.at).max()
    }

    /// How an action stands by persons' word.
    pub fn of(&self, action: &str) -> Option<&Standing> {
        self.by_action.get(action)
    }
}

fn read(entry: &Entry) -> Result<PlanDecision, LedgerError> {
    PlanDecision::deserialize(person::named(&entry.body)).map_err(|error| LedgerError::Body {
        seq: entry.seq,
        kind: entry.kind.clone(),
        what: error.to_string(),
    })
}
