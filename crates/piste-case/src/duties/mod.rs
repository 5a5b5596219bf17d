//! Duties: whom to tell, by when, and what each of them must be told.
//!
//! In: the catalogue, the facts of the case, what was sent, and the moment. Out: [`Duty`] for every row of the profile, the
//! class of the incident criterion by criterion, and the questions that decide most. Nothing here reads a clock.

mod assess;
mod catalog;
mod class;
mod condition;
mod deadline;
mod filing;
mod known;
#[cfg(test)]
mod model_case;
mod questions;

pub use assess::{Clock, ContentState, Duty, FactState, Provisional, State, Target, duties};
pub use catalog::{
    Certainty, Constraint, ContentRef, ContentWords, DutyCatalog, LegalText, ModelCase, NoticeWords, Profile,
    Recipient, Row, duty_catalog,
};
pub use class::{ClassState, CriterionState, Met, classes};
pub use condition::{Condition, Op, Operand, Test, Tested, Truth};
pub use deadline::{Calendar, Due, Holidays};
pub use filing::{Filing, Filings, Sending};
pub use known::{Known, Origin, Response};
pub use questions::{Question, questions};
