//! `piste duties sent | ack | waive | resume`: what was done about a duty.
//!
//! In: the duty, a reference, a time, a person. Out: an entry in the ledger. What a notification lacked when it was sent is
//! kept with it: a supplement is due when it becomes known.

use clap::Args;
use piste_case::duties::{Duty, Row, Sending, State, duty_catalog};
use piste_case::facts::{Lang, Moment};
use piste_case::kind;
use piste_model::Instant;
use piste_report::escape::terminal;
use serde_json::json;

use crate::cli::Common;
use crate::clock;
use crate::fact::Reason;
use crate::failure::Failure;
use crate::out;
use crate::person::Who;
use crate::response::{Writing, answer, row, signed};

/// Characters of a reference shown.
const SHOWN_CHARS: usize = 200;

/// Records that a notification was sent.
#[derive(Debug, Args)]
pub(super) struct Sent {
    /// The duty, as O-13 or GDPR-33.
    duty: String,
    /// The reference under which it was sent or received.
    #[arg(long = "ref", value_name = "REF")]
    reference: String,
    /// When it was sent, with its offset; now if not given.
    #[arg(long, value_name = "TIME")]
    at_time: Option<String>,
    /// To whom, where the duty names several.
    #[arg(long, value_name = "RECIPIENT")]
    to: Option<String>,
    #[command(flatten)]
    who: Who,
}

/// Records that the recipient acknowledged it.
#[derive(Debug, Args)]
pub(super) struct Ack {
    /// The duty.
    duty: String,
    /// The recipient's reference.
    #[arg(long = "ref", value_name = "REF")]
    reference: String,
    /// When, with its offset; now if not given.
    #[arg(long, value_name = "TIME")]
    at_time: Option<String>,
    #[command(flatten)]
    who: Who,
}

/// Records that a duty is not to be met, and why.
#[derive(Debug, Args)]
pub(super) struct Waive {
    /// The duty.
    duty: String,
    #[command(flatten)]
    reason: Reason,
}

/// Takes a waiver back.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The duty.
    duty: String,
    #[command(flatten)]
    reason: Reason,
}

/// `piste duties sent`.
pub(super) fn sent(arguments: &Sent, common: &Common) -> Result<(), Failure> {
    let row = row(&arguments.duty)?;
    let at_time = time(arguments.at_time.as_deref(), common)?;
    let mut case = Writing::open(common)?;
    let by = case.who(&arguments.who)?;
    let answer = answer(&case.response, clock::now(common))?;
    let duty = answer.duties.into_iter().find(|duty| duty.row == row.id);
    let recipient = recipient(row, duty.as_ref(), arguments.to.as_deref())?;
    // Only what belongs into the notification: not the clock, nor what decides whether the duty applies.
    let missing = duty.as_ref().map_or_else(Vec::new, |duty| {
        let open = duty.content.iter().filter(|content| content.required);
        let open = open.flat_map(|content| content.facts.iter().filter(|fact| fact.value.is_none()));
        open.map(|fact| fact.fact.clone()).collect()
    });
    let reference = reference(&arguments.reference)?;
    let sending = Sending {
        row: row.id.clone(),
        recipient: recipient.clone(),
        reference,
        at_time,
        by,
        signed: case.is_signing(),
        missing,
    };
    case.append(kind::DUTY_SENT, sending.body())?;
    case.refresh(&common.case)?;
    if !common.quiet {
        note(row, &recipient, &sending, duty.as_ref());
    }
    Ok(())
}

fn note(row: &Row, recipient: &str, sending: &Sending, duty: Option<&Duty>) {
    let name = duty_catalog().recipient(recipient).map_or(recipient, |known| known.name(Lang::En));
    let by = terminal(&sending.by, SHOWN_CHARS);
    out::note(&format!(
        "{} {} sent to {name} at {} (by {by}, {})",
        row.duty_id(),
        row.id,
        sending.at_time,
        signed(sending.signed)
    ));
    if !sending.missing.is_empty() {
        out::note(&format!("not yet known when it was sent: {}", sending.missing.join(", ")));
    }
    if let Some(due) = duty.and_then(|duty| duty.due_strict).filter(|due| *due < sending.at_time) {
        let local = duty_catalog().calendar().local(due);
        out::note(&format!(
            "warning: that is after the strict deadline, {local}: give the reasons for the delay"
        ));
    }
    if duty.is_none_or(|duty| duty.state == State::NotApplicable) {
        out::note("warning: by the facts this duty does not apply; what was sent is recorded all the same");
    }
}

/// `piste duties ack`.
pub(super) fn ack(arguments: &Ack, common: &Common) -> Result<(), Failure> {
    let row = row(&arguments.duty)?;
    let at_time = time(arguments.at_time.as_deref(), common)?;
    let mut case = Writing::open(common)?;
    let by = case.who(&arguments.who)?;
    let Some(last) = case.response.filings.sent(&row.id).last().map(|(_, sending)| sending.recipient.clone())
    else {
        return Err(Failure::usage(
            "duty-not-sent",
            format!("{} was not sent", row.duty_id()),
            "nothing was recorded",
            format!("first: piste duties sent {} --ref REF", row.duty_id()),
        ));
    };
    let reference = reference(&arguments.reference)?;
    let receipt = Sending {
        row: row.id.clone(),
        recipient: last,
        reference,
        at_time,
        by,
        signed: case.is_signing(),
        missing: Vec::new(),
    };
    case.append(kind::DUTY_ACKNOWLEDGED, receipt.body())?;
    case.refresh(&common.case)
}

/// `piste duties waive`.
pub(super) fn waive(arguments: &Waive, common: &Common) -> Result<(), Failure> {
    decide(kind::DUTY_WAIVED, &arguments.duty, &arguments.reason, common)
}

/// `piste duties resume`.
pub(super) fn resume(arguments: &Resume, common: &Common) -> Result<(), Failure> {
    decide(kind::DUTY_RESUMED, &arguments.duty, &arguments.reason, common)
}

fn decide(kind: &str, duty: &str, reason: &Reason, common: &Common) -> Result<(), Failure> {
    let row = row(duty)?;
    let why = reason.why.trim();
    if why.is_empty() {
        return Err(Failure::usage(
            "why-missing",
            "the reason is empty",
            "nothing was recorded",
            "say why in a sentence: whoever audits the case will ask",
        ));
    }
    let mut case = Writing::open(common)?;
    let by = case.who(&reason.who)?;
    case.append(kind, json!({"row": row.id, "by": by, "why": why}))?;
    case.refresh(&common.case)
}

/// The one named, if the row knows it; otherwise the one that the facts choose.
pub(super) fn recipient(row: &Row, duty: Option<&Duty>, to: Option<&str>) -> Result<String, Failure> {
    let Some(to) = to else {
        let chosen = duty.map(|duty| duty.recipient.clone()).or_else(|| row.recipients.first().cloned());
        return Ok(chosen.unwrap_or_default());
    };
    let of_duty = duty.into_iter().flat_map(|duty| &duty.recipients);
    let on_condition = row.recipient_when.iter().map(|one| &one.recipient);
    let mut all: Vec<&String> = row.recipients.iter().chain(of_duty).chain(on_condition).collect();
    all.sort_unstable();
    all.dedup();
    if let Some(one) = all.iter().find(|one| is_called(one, to)) {
        return Ok((**one).clone());
    }
    let names: Vec<String> = all.iter().map(|one| name_of(one)).collect();
    Err(Failure::usage(
        "recipient-unknown",
        format!("{} is not sent to `{to}`", row.duty_id()),
        "nothing was recorded or written",
        format!("its recipients are {}", names.join(", ")),
    ))
}

/// Whether a recipient is called so: by the catalogue's name, by its full or short name in any language, in any case.
fn is_called(id: &str, said: &str) -> bool {
    let plain = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let said = plain(said);
    let names = duty_catalog().recipient(id).map(|one| [&one.fr, &one.nl, &one.de, &one.en]);
    let short = |name: &String| short_name(name).is_some_and(|short| plain(short) == said);
    plain(id) == said || names.into_iter().flatten().any(|name| plain(name) == said || short(name))
}

/// What stands in brackets at the end of a name: `CCB`.
fn short_name(name: &str) -> Option<&str> {
    let (_, short) = name.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    Some(short)
}

/// `ccb (CCB)`: what to type, and what people call it.
fn name_of(id: &str) -> String {
    let short = duty_catalog().recipient(id).and_then(|one| short_name(&one.en));
    short.map_or_else(|| id.to_owned(), |short| format!("{id} ({short})"))
}

fn reference(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "reference-empty",
            "the reference is empty",
            "nothing was recorded",
            "give the number on the receipt, or your own",
        ));
    }
    Ok(text.to_owned())
}

fn time(text: Option<&str>, common: &Common) -> Result<Instant, Failure> {
    let now = clock::now(common);
    let Some(text) = text else { return Ok(now) };
    let moment = Moment::parse(text)
        .map_err(|error| Failure::usage("time", error.what, "nothing was recorded", error.hint))?;
    if moment.instant > now {
        return Err(Failure::usage(
            "time-to-come",
            format!("{text} lies after {now}"),
            "nothing was recorded",
            "record what was sent, once it was; --at sets the moment of the command",
        ));
    }
    Ok(moment.instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_by_the_names_that_people_use() {
        for said in ["ccb", "CCB", "Ccb", "ZCB", "Centre for Cybersecurity Belgium (CCB)"] {
            assert!(is_called("ccb", said), "{said}");
        }
        for said in ["APD", "gba", "apd-gba", "DPA"] {
            assert!(is_called("apd_gba", said), "{said}");
        }
        assert!(!is_called("ccb", "nccn") && !is_called("ccb", "") && !is_called("no such", "CCB"));
        assert_eq!(name_of("ccb"), "ccb (CCB)");
    }
}
