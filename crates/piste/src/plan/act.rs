//! `piste plan assign | claim | waive | reopen`: who has an action, did it, left it out.
//!
//! In: the action, a person, a reason. Out: an entry in the ledger, signed where a key is given.

use clap::Args;
use piste_case::facts::Moment;
use piste_case::kind;
use piste_case::plan::PlanDecision;
use piste_model::Instant;

use super::named;
use crate::cli::Common;
use crate::clock;
use crate::fact::Reason;
use crate::failure::Failure;
use crate::out;
use crate::person::Who;
use crate::response::Writing;

/// Gives an action to somebody.
#[derive(Debug, Args)]
pub(super) struct Assign {
    /// The action, as A-25 or EV-06.
    action: String,
    /// To whom.
    #[arg(long, value_name = "PERSON")]
    to: String,
    #[command(flatten)]
    who: Who,
}

/// Records that somebody says an action is done. Done it is by evidence that was collected afterwards.
#[derive(Debug, Args)]
pub(super) struct Claim {
    /// The action.
    action: String,
    /// When it was done, with its offset; now if not given.
    #[arg(long, value_name = "TIME")]
    at_time: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

/// Records that an action is left out, and why.
#[derive(Debug, Args)]
pub(super) struct Waive {
    /// The action.
    action: String,
    #[command(flatten)]
    reason: Reason,
}

/// Opens an action again that was claimed or left out.
#[derive(Debug, Args)]
pub(super) struct Reopen {
    /// The action.
    action: String,
    #[command(flatten)]
    reason: Reason,
}

/// `piste plan assign`.
pub(super) fn assign(arguments: &Assign, common: &Common) -> Result<(), Failure> {
    let decision = Decision { to: &arguments.to, why: "", done_at: None };
    record(kind::PLAN_ASSIGNED, &arguments.action, &arguments.who, &decision, common)
}

/// `piste plan claim`.
pub(super) fn claim(arguments: &Claim, common: &Common) -> Result<(), Failure> {
    let done_at = arguments.at_time.as_deref().map(|text| time(text, common)).transpose()?;
    let decision = Decision { to: "", why: &arguments.reason.why, done_at };
    record(kind::PLAN_CLAIMED, &arguments.action, &arguments.reason.who, &decision, common)
}

/// `piste plan waive`.
pub(super) fn waive(arguments: &Waive, common: &Common) -> Result<(), Failure> {
    let decision = Decision { to: "", why: &arguments.reason.why, done_at: None };
    record(kind::PLAN_WAIVED, &arguments.action, &arguments.reason.who, &decision, common)
}

/// `piste plan reopen`.
pub(super) fn reopen(arguments: &Reopen, common: &Common) -> Result<(), Failure> {
    let decision = Decision { to: "", why: &arguments.reason.why, done_at: None };
    record(kind::PLAN_REOPENED, &arguments.action, &arguments.reason.who, &decision, common)
}

/// What a person decides about an action.
struct Decision<'a> {
    to: &'a str,
    why: &'a str,
    done_at: Option<Instant>,
}

fn record(
    kind: &str,
    action: &str,
    who: &Who,
    decision: &Decision<'_>,
    common: &Common,
) -> Result<(), Failure> {
    let action = named(action)?;
    let mut case = Writing::open(common)?;
    let by = case.who(who)?;
    let before = case.response.plan.of(action).cloned();
    let entry = PlanDecision {
        action: action.to_owned(),
        by: by.clone(),
        to: decision.to.to_owned(),
        why: decision.why.to_owned(),
        done_at: decision.done_at,
    };
    case.append(kind, entry.body())?;
    if let Some(before) = before.filter(|before| before.by != by) {
        out::note(&format!(
            "{action} was {} before, by {}: both entries stay in the ledger",
            before.state.as_str(),
            piste_report::escape::visible(&before.by)
        ));
    }
    if !common.quiet {
        out::note(&format!("{action} is recorded, {}; `piste plan {action}` shows it", case.signs()));
    }
    Ok(())
}

fn time(text: &str, common: &Common) -> Result<Instant, Failure> {
    let moment = Moment::parse(text)
        .map_err(|error| Failure::usage("time", error.what, "nothing was recorded", error.hint))?;
    if moment.instant > clock::now(common) {
        return Err(Failure::usage(
            "time-to-come",
            format!("{text} is yet to come"),
            "nothing was recorded",
            "record what was done, once it was; --at sets the moment of the command",
        ));
    }
    Ok(moment.instant)
}
