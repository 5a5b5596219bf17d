//! What persons wrote in the ledger, and what follows from it and from a run: duties and plan, for the answers on the first page.
//!
//! In: the case's ledger, what the run found. Out: what was joined and cut in the trail; the state of every duty; the plan. Neither of
//! the last two is an output of the run: `piste duties` and `piste plan` compute them anew.

use piste_case::duties::{Duty, Known, Response, duties};
use piste_case::plan::Plan;
use piste_model::Instant;
use piste_model::summary::Summary;
use piste_report::{AnswerSources, CaseAnswer};

use crate::case::Case;
use crate::failure::Failure;
use crate::plan::{self, RunScope};
use crate::response;

/// What persons wrote so far.
pub(super) fn by_persons(case: &Case) -> Result<Response, Failure> {
    response::read(&case.folder)
}

/// The answers of a run; duties and plan as the ledger stands, by the laws of the day on which the evidence ends: a report does not
/// change because it is made again on another day.
pub(super) fn answers(response: &Response, found: &RunScope<'_>, summary: &Summary) -> Vec<CaseAnswer> {
    let known = response.profile().map(|profile| Known { response, profile });
    let ends = summary.covered.as_ref().map_or(Instant { nanos: 0, digits: 0 }, |covered| covered.last);
    let duties: Option<Vec<Duty>> = known.map(|known| duties(&known, ends));
    let plan: Option<Plan> = plan::of_run(found, &response.plan);
    piste_report::answers(&AnswerSources {
        summary,
        findings: found.findings,
        doors: found.doors,
        trail: found.trail,
        duties: duties.as_deref(),
        actions: plan.as_ref().map(|plan| plan.actions.as_slice()),
    })
}
