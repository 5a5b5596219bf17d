//! The state of every duty at one moment.
//!
//! In: what is known, and the moment. Out: one [`Duty`] for each row of the profile, with the tests behind it, the deadline
//! and how it was computed, what its notification must contain and what of that is not known. Unknown never means "no
//! duty": such a row is to be assessed.

use piste_model::Instant;
use serde::{Deserialize, Serialize};

use super::catalog::{Certainty, ContentRef, Row, Rule, duty_catalog};
use super::condition::{Tested, Truth};
use super::deadline::Due;
use super::filing::Sending;
use super::known::{Known, Origin};
use crate::facts::{Lang, fact_catalog};

/// Where a duty stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its strict deadline has passed and nothing was sent.
    Overdue,
    /// It is to be met.
    Due,
    /// It was met, and something was learned since that is to be sent on.
    SupplementDue,
    /// The facts do not yet decide.
    Assess,
    /// Its notification was sent.
    Sent,
    /// Its recipient has acknowledged it.
    Acknowledged,
    /// A person decided, with a reason, not to meet it.
    Waived,
    /// It does not apply.
    NotApplicable,
}

impl State {
    /// As in `duties.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Due => "due",
            Self::SupplementDue => "supplement-due",
            Self::Assess => "assess",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// Which clock runs and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// `elapsed_hours`, `calendar_months`, `immediate` ...
    pub rule: String,
    /// The fact from which it runs.
    pub from: Option<String>,
    /// Words of the text.
    pub qualifier: Option<String>,
    /// How the deadline was computed, or why there is none.
    pub computation: String,
}

/// A time that Piste sets where the law has no number. It is not law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Until when.
    pub at: Option<Instant>,
    /// Hours from the start of the clock.
    pub hours: u32,
    /// `internal service level`.
    pub target_is: String,
}

/// A deadline as if the clock ran from an earlier instant, because its own start is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisional {
    /// The fact used in its place.
    pub from: String,
    /// Its instant.
    pub clock_start: Instant,
    /// The deadline if the clock ran from there.
    pub due_strict: Instant,
}

/// One fact of the required contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactState {
    /// The fact.
    pub fact: String,
    /// What a person stated; `null` is not known. What is only derived or assumed is not stated.
    pub value: Option<String>,
}

/// One piece of the required contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentState {
    /// Its name in the catalogue; empty for words that no fact carries.
    pub id: String,
    /// In words.
    pub title: String,
    /// Its absence is a gap.
    pub required: bool,
    /// The facts that carry it.
    pub facts: Vec<FactState>,
}

/// One duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "most fields are those of the catalogue's row")]
pub struct Duty {
    /// `D-13`: the row's number.
    pub id: String,
    pub row: String,
    pub title: String,
    pub regime: String,
    pub stage: String,
    /// Whom to tell first.
    pub recipient: String,
    /// Its name in English.
    pub recipient_name: String,
    /// All whom the row names.
    pub recipients: Vec<String>,
    /// All of them are told; otherwise one.
    pub each_recipient: bool,
    /// Who gets a copy beside the recipient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<String>,
    pub state: State,
    /// Why it is in this state, in one sentence.
    pub because: String,
    /// The row was law at the start of its clock, or now where that is not known.
    pub in_force: bool,
    /// From when the period runs.
    pub clock_start: Option<Instant>,
    /// Plan on this; `null` where the law has no number or the clock has not started.
    pub due_strict: Option<Instant>,
    /// The maximum of Regulation 1182/71; never plan on it.
    pub due_legal_max: Option<Instant>,
    pub clock: Clock,
    pub target: Option<Target>,
    pub provisional: Option<Provisional>,
    /// Facts that are not known: those that decide, the clock's, those of the contents.
    pub missing: Vec<String>,
    /// Those of them that decide whether it applies.
    pub undecided: Vec<String>,
    /// Every test of the condition.
    pub why: Vec<Tested>,
    /// Facts of the condition that only the profile assumes.
    pub assumed: Vec<String>,
    pub content: Vec<ContentState>,
    /// What was sent, the last one last.
    pub sent: Vec<Sending>,
    pub certainty: Certainty,
    /// What of the row is not confirmed, in words; empty where all is sure.
    pub unconfirmed: Vec<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
    pub legal_basis: Vec<String>,
    pub source: String,
    pub marking: String,
    pub notes: Option<String>,
    pub lawful_delay: Option<String>,
}

/// Hours after which what was to be done at once is overdue, unless the internal target leaves more.
const AT_ONCE_HOURS: u32 = 7 * 24;

/// How the catalogue marks, within a text, what is not confirmed.
const TO_CONFIRM: &str = "to be confirmed";

/// Every duty of the profile at `at`, in the order of the catalogue.
pub fn duties(known: &Known<'_>, at: Instant) -> Vec<Duty> {
    let regimes = &known.profile.regimes;
    let rows = duty_catalog().rows().iter().filter(|row| regimes.is_empty() || regimes.contains(&row.regime));
    rows.map(|row| duty(known, row, at)).collect()
}

fn duty(known: &Known<'_>, row: &Row, at: Instant) -> Duty {
    let mut why = Vec::new();
    let truth = known.evaluate(&row.when, &mut why);
    let Timing { start, due, computation } = timing(known, &row.deadline);
    let of_law = start.or_else(|| of_the_facts(known)).unwrap_or(at);
    let in_force = in_force(row, of_law);
    let strict = due.as_ref().map(|due| due.strict);
    let missed = missed(row, start, at).filter(|_| in_force);
    let (state, because) = state(known, row, truth, in_force, strict, missed.as_deref(), at);
    let late = strict.is_some_and(|strict| strict < at);
    let content = contents(known, row, late);
    let open = state == State::Assess;
    let undecided = if open { undecided(known, &why) } else { Vec::new() };
    let (recipient, recipients) = recipients(known, row);
    let assumed = why.iter().filter(|tested| known.origin(&tested.fact) == Origin::Assumed);
    let mut assumed: Vec<String> = assumed.map(|tested| tested.fact.clone()).collect();
    assumed.dedup();
    let mut warnings = warnings(known, row, state);
    if let Some(target) =
        row.deadline.target_hours.and_then(|hours| passed(start, hours, at)).filter(|_| state == State::Due)
    {
        warnings.push(format!("the internal target passed at {}", duty_catalog().calendar().local(target)));
    }
    warnings.extend(missed.filter(|_| matches!(state, State::Due | State::Assess | State::Overdue)));
    Duty {
        id: row.duty_id(),
        row: row.id.clone(),
        title: row.title.clone(),
        regime: row.regime.clone(),
        stage: row.stage.clone(),
        recipient_name: name_of(&recipient),
        recipient,
        recipients,
        each_recipient: row.each_recipient,
        copies: copies(known, row),
        state,
        because,
        in_force,
        clock_start: start.filter(|_| in_force),
        due_strict: strict.filter(|_| in_force),
        due_legal_max: due.as_ref().map(|due| due.legal_max).filter(|_| in_force),
        clock: Clock {
            rule: row.deadline.rule.clone(),
            from: row.deadline.from.clone(),
            qualifier: row.deadline.qualifier.clone(),
            computation,
        },
        target: target(row, start),
        provisional: provisional(known, row).filter(|_| in_force && start.is_none()),
        missing: missing(known, row, &undecided, &content),
        undecided,
        why,
        assumed,
        content,
        sent: known.response.filings.sent(&row.id).into_iter().map(|(_, sending)| sending.clone()).collect(),
        certainty: row.certainty,
        unconfirmed: unconfirmed(row),
        warnings,
        legal_basis: basis(row, of_law),
        source: row.source.join("; "),
        marking: row.default_marking.clone(),
        notes: row.notes.clone(),
        lawful_delay: row.lawful_delay.clone(),
    }
}

fn name_of(recipient: &str) -> String {
    duty_catalog().recipient(recipient).map_or(recipient, |known| known.name(Lang::En)).to_owned()
}

/// The earliest instant that the facts give of the incident: a duty whose own clock has not begun is one of the law of then.
fn of_the_facts(known: &Known<'_>) -> Option<Instant> {
    let names =
        ["t.first_indication", "t.aware_incident", "t.aware_significant", "t.aware_personal_data_breach"];
    names.iter().filter_map(|name| known.instant(name)).min()
}

/// The texts of the row that were in force at the instant: a law of later is no basis of what happened before it.
fn basis(row: &Row, at: Instant) -> Vec<String> {
    let held = |text: &&String| {
        let known = duty_catalog().legal_text(text);
        known.is_none_or(|known| is_law(known.valid_from.as_deref(), known.valid_to.as_deref(), at))
    };
    row.legal_basis.iter().filter(held).cloned().collect()
}

fn in_force(row: &Row, at: Instant) -> bool {
    is_law(row.valid_from.as_deref(), row.valid_to.as_deref(), at)
}

/// Law at the instant: `from <= at < to`, by the day of the zone.
fn is_law(from: Option<&str>, to: Option<&str>, at: Instant) -> bool {
    let day = |date: Option<&str>| duty_catalog().calendar().start_of(date?);
    day(from).is_none_or(|from| from <= at) && day(to).is_none_or(|to| at < to)
}

/// That the moment is long past, where the text says at once or without undue delay and sets no number.
fn missed(row: &Row, start: Option<Instant>, at: Instant) -> Option<String> {
    let at_once = matches!(row.deadline.rule.as_str(), "immediate" | "undue_delay");
    let hours = row.deadline.target_hours.unwrap_or(0).max(AT_ONCE_HOURS);
    let start = start.filter(|_| at_once)?;
    passed(Some(start), hours, at)?;
    let local = duty_catalog().calendar().local(start);
    Some(format!(
        "it was to be done at once from {local}: that moment is past; if it was done record it, else do it now and say why it is late"
    ))
}

fn state(
    known: &Known<'_>,
    row: &Row,
    truth: Truth,
    in_force: bool,
    strict: Option<Instant>,
    missed: Option<&str>,
    at: Instant,
) -> (State, String) {
    let filings = &known.response.filings;
    let sent = filings.sent(&row.id);
    let unsent: Vec<&String> = row
        .recipients
        .iter()
        .filter(|recipient| row.each_recipient && !sent.iter().any(|(_, one)| one.recipient == **recipient))
        .collect();
    if let (Some((_, last)), true) = (sent.last(), unsent.is_empty()) {
        if row.supplements && known.news_since(row).is_some() {
            return (
                State::SupplementDue,
                "something required was learned or changed since it was sent".into(),
            );
        }
        return match filings.acknowledged(&row.id) {
            Some(receipt) => (State::Acknowledged, format!("acknowledged, reference {}", receipt.reference)),
            None => (State::Sent, format!("sent, reference {}", last.reference)),
        };
    }
    if !in_force {
        let since = row.valid_from.as_deref().unwrap_or("-");
        let until = row.valid_to.as_ref().map_or_else(String::new, |to| format!(" and until {to}"));
        return (State::NotApplicable, format!("not in force: the row is law from {since}{until}"));
    }
    if truth != Truth::False
        && let Some((by, why)) = filings.waived(&row.id)
    {
        return (State::Waived, format!("waived by {by}: {why}"));
    }
    match truth {
        Truth::False => (State::NotApplicable, "the facts say that it does not apply".into()),
        Truth::Unknown => match &row.instead_of {
            Some(other) => (State::NotApplicable, format!("it stands in for {other}, which decides first")),
            None => (State::Assess, "the facts do not yet decide whether it applies".into()),
        },
        Truth::True if strict.is_some_and(|strict| strict < at) => {
            (State::Overdue, "its strict deadline has passed".into())
        }
        Truth::True if !sent.is_empty() => {
            let names: Vec<String> = unsent.iter().map(|one| name_of(one)).collect();
            let still = format!("still to be sent to {}", names.join(", "));
            match missed {
                Some(missed) => (State::Overdue, format!("{still}; {missed}")),
                None => (State::Due, still),
            }
        }
        Truth::True if missed.is_some() => (State::Overdue, missed.unwrap_or_default().to_owned()),
        Truth::True => (State::Due, "the facts say that it applies".into()),
    }
}

struct Timing {
    start: Option<Instant>,
    due: Option<Due>,
    computation: String,
}

fn timing(known: &Known<'_>, rule: &Rule) -> Timing {
    if rule.rule == "min_of" {
        return earliest(known, rule);
    }
    let Some(from) = &rule.from else {
        return Timing { start: None, due: None, computation: "the law sets no period".into() };
    };
    let start = known.instant(from);
    let Some(instant) = start else {
        let computation = format!("the clock has not started: `{from}` is not known");
        return Timing { start, due: None, computation };
    };
    let due = period(rule, instant).or_else(|| stated_due(known, rule, instant));
    let computation = match (&due, rule.rule.as_str()) {
        (Some(due), _) => due.computation.clone(),
        (None, "immediate") => "at once: the text sets no number".to_owned(),
        (None, "undue_delay") => "without undue delay: the text sets no number".to_owned(),
        (None, "on_request") => "by the date that the authority states: set `request.csirt_due`".to_owned(),
        (None, other) => format!("`{other}` leads out of the calendar"),
    };
    Timing { start, due, computation }
}

fn period(rule: &Rule, from: Instant) -> Option<Due> {
    let calendar = duty_catalog().calendar();
    match (rule.rule.as_str(), rule.value) {
        ("elapsed_hours", Some(count)) => calendar.elapsed_hours(from, count),
        ("calendar_months", Some(count)) => calendar.calendar_months(from, count),
        ("calendar_days", Some(count)) => calendar.calendar_days(from, count),
        ("working_days", Some(count)) => calendar.working_days(from, count),
        ("noon_next_working_day", _) => calendar.noon_next_working_day(from),
        _ => None,
    }
}

/// The date that the authority stated in its request.
fn stated_due(known: &Known<'_>, rule: &Rule, from: Instant) -> Option<Due> {
    let due = (rule.rule == "on_request").then(|| known.instant("request.csirt_due")).flatten()?;
    let local = |instant| duty_catalog().calendar().local(instant);
    let computation = format!("asked at {}, by {} as the authority states", local(from), local(due));
    Some(Due { strict: due, legal_max: due, computation })
}

fn earliest(known: &Known<'_>, rule: &Rule) -> Timing {
    let parts: Vec<Timing> = rule.of.iter().map(|part| timing(known, part)).collect();
    let computation = parts.iter().map(|part| part.computation.clone()).collect::<Vec<_>>().join(" | ");
    let computation = format!("the earliest of: {computation}");
    let first = parts
        .into_iter()
        .filter(|part| part.due.is_some())
        .min_by_key(|part| part.due.as_ref().map(|due| due.strict));
    match first {
        Some(Timing { start, due, .. }) => Timing { start, due, computation },
        None => Timing { start: None, due: None, computation },
    }
}

/// As if the clock ran from the earliest awareness that is known: caution where its own start is not.
fn provisional(known: &Known<'_>, row: &Row) -> Option<Provisional> {
    let names = ["t.aware_incident", "t.aware_significant", "t.first_indication"];
    let aware = row.deadline.from.as_deref().is_some_and(|from| from.starts_with("t.aware_"));
    let from = names.iter().filter(|_| aware).find_map(|name| Some((*name, known.instant(name)?)));
    let (name, start) = from?;
    let due = period(&row.deadline, start)?;
    Some(Provisional { from: name.to_owned(), clock_start: start, due_strict: due.strict })
}

fn target(row: &Row, start: Option<Instant>) -> Option<Target> {
    let hours = row.deadline.target_hours?;
    let is = row.deadline.target_is.clone().unwrap_or_else(|| "internal service level".to_owned());
    Some(Target { at: start.and_then(|start| after(start, hours)), hours, target_is: is })
}

fn after(start: Instant, hours: u32) -> Option<Instant> {
    start.checked_add_nanos(i64::from(hours).checked_mul(3_600_000_000_000)?)
}

fn passed(start: Option<Instant>, hours: u32, at: Instant) -> Option<Instant> {
    after(start?, hours).filter(|target| *target < at)
}

/// The recipient that the facts choose, and all that the row names.
fn recipients(known: &Known<'_>, row: &Row) -> (String, Vec<String>) {
    let chosen = row
        .recipient_when
        .iter()
        .find(|other| !other.copy && known.evaluate(&other.when, &mut Vec::new()) == Truth::True)
        .map(|other| other.recipient.clone());
    let first = chosen.or_else(|| row.recipients.first().cloned()).unwrap_or_default();
    (first, row.recipients.clone())
}

/// Who gets a copy, as the facts stand.
fn copies(known: &Known<'_>, row: &Row) -> Vec<String> {
    let told = row.recipient_when.iter().filter(|other| other.copy);
    let told = told.filter(|other| known.evaluate(&other.when, &mut Vec::new()) == Truth::True);
    told.map(|other| other.recipient.clone()).collect()
}

fn undecided(known: &Known<'_>, why: &[Tested]) -> Vec<String> {
    let open = why.iter().filter(|tested| tested.result == Truth::Unknown);
    let mut names = Vec::new();
    for name in open.flat_map(|tested| known.unknown_below(&tested.fact)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn contents(known: &Known<'_>, row: &Row, late: bool) -> Vec<ContentState> {
    let states = row.content.iter().filter_map(|content| match content {
        ContentRef::Words(words) => Some(ContentState {
            id: String::new(),
            title: words.text.clone(),
            required: true,
            facts: Vec::new(),
        }),
        ContentRef::Named(name) => {
            let content = fact_catalog().content(name)?;
            let fact = |fact: &String| FactState {
                fact: fact.clone(),
                value: known.response.facts.value(fact).map(ToString::to_string),
            };
            Some(ContentState {
                id: name.clone(),
                title: content.label.of(Lang::En).to_owned(),
                required: !content.optional && (!content.late || late),
                facts: content.facts.iter().map(fact).collect(),
            })
        }
    });
    states.collect()
}

fn missing(known: &Known<'_>, row: &Row, undecided: &[String], content: &[ContentState]) -> Vec<String> {
    let mut names = undecided.to_vec();
    let clocks = row.deadline.of.iter().chain([&row.deadline]).filter_map(|rule| rule.from.clone());
    let clocks = clocks.filter(|name| known.instant(name).is_none());
    let required = content.iter().filter(|content| content.required);
    let facts = required.clone().flat_map(|content| content.facts.iter().filter(|fact| fact.value.is_none()));
    let facts = facts.map(|fact| fact.fact.clone());
    let words = required.filter(|content| content.id.is_empty()).map(|content| content.title.clone());
    for name in clocks.chain(facts).chain(words) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn unconfirmed(row: &Row) -> Vec<String> {
    let mut words = Vec::new();
    match row.certainty {
        Certainty::Sure => {}
        Certainty::Likely => words.push("the row rests on secondary sources (likely)".to_owned()),
        Certainty::ToConfirm => words.push("this row is not confirmed".to_owned()),
    }
    let texts = row.legal_basis.iter().chain(&row.notes).chain(&row.lawful_delay).chain(&row.source);
    words.extend(texts.filter(|text| text.contains(TO_CONFIRM)).cloned());
    let recipients = row.recipients.iter().filter_map(|id| duty_catalog().recipient(id));
    for recipient in recipients {
        if recipient.certainty == Certainty::ToConfirm {
            words.push(format!("{}: not confirmed", recipient.en));
        }
        words.extend(recipient.channels.iter().filter(|channel| channel.contains(TO_CONFIRM)).cloned());
    }
    words
}

fn warnings(known: &Known<'_>, row: &Row, state: State) -> Vec<String> {
    let mut warnings = Vec::new();
    let open = matches!(state, State::Due | State::Overdue | State::Assess | State::SupplementDue);
    let from = row.deadline.from.as_deref().and_then(|name| known.instant(name));
    if let (true, Some(aware), Some(first)) = (open, from, known.instant("t.first_indication"))
        && after(first, 24).is_some_and(|limit| limit < aware)
    {
        warnings.push("more than 24 hours lie between the first indication and the start of this clock: the assessment must be shown to have been prompt".into());
    }
    if open {
        for constraint in duty_catalog().constraints() {
            let holds = known.evaluate(&constraint.when, &mut Vec::new()) == Truth::True;
            if holds {
                warnings.push(format!("{}: {} ({})", constraint.title, constraint.effect, constraint.basis));
            }
        }
    }
    if row.default_marking == "OUT-OF-BAND" && open {
        warnings.push(
            "not over this network and not in this case: only a reference and a level are kept here".into(),
        );
    }
    warnings
}
