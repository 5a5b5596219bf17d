//! The case of 2021 against the catalogue's own expectations, and the life of a duty.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Instant;
use serde_json::{Value as Json, json};

use super::*;
use crate::facts::{Statement, Value, fact_catalog};
use crate::ledger::{Entry, kind};

const AWARE: &str = "2021-03-26T14:20:00+01:00";

/// A case that entries are put into one by one.
#[derive(Default)]
struct Case {
    response: Response,
    seq: u64,
}

impl Case {
    fn entry(&mut self, kind: &str, body: Json, at: &str) {
        self.seq += 1;
        let at = at.parse().expect("a time");
        let entry = Entry {
            at,
            body,
            hash: String::new(),
            kind: kind.into(),
            prev: String::new(),
            seq: self.seq,
            checked: crate::ledger::Checked::default(),
        };
        self.response.observe(&entry).expect("it fits");
    }

    fn set(&mut self, name: &str, text: &str) {
        let fact = fact_catalog().fact(name).unwrap_or_else(|| panic!("{name} is a fact"));
        let value = Value::parse(fact, text).expect("a value");
        let value = value.map_or(Json::Null, |value| value.to_ledger());
        let statement = Statement { name: name.into(), value, by: "B".into(), why: "w".into(), rows: vec![] };
        self.entry(kind::FACT_SET, statement.body(), "2021-03-26T15:00:00Z");
    }

    fn sent(&mut self, row: &str, to: &str, at: &str, missing: &[&str]) {
        let sending = Sending {
            row: row.into(),
            recipient: to.into(),
            reference: "R-1".into(),
            at_time: at.parse().expect("a time"),
            by: "B".into(),
            missing: missing.iter().map(|one| (*one).into()).collect(),
            signed: false,
        };
        self.entry(kind::DUTY_SENT, sending.body(), at);
    }

    fn known(&self) -> Known<'_> {
        Known { response: &self.response, profile: self.response.profile().expect("a profile") }
    }

    fn duties(&self, at: &str) -> Vec<Duty> {
        duties(&self.known(), at.parse().expect("a time"))
    }

    #[track_caller]
    fn duty(&self, row: &str, at: &str) -> Duty {
        self.duties(at).into_iter().find(|duty| duty.row == row).expect("the row is there")
    }
}

fn model() -> Case {
    let mut case = Case::default();
    for (name, value) in &duty_catalog().model_case().facts {
        case.set(name, value);
    }
    for name in ["t.aware_incident", "t.aware_significant", "t.aware_personal_data_breach"] {
        case.set(name, AWARE);
    }
    case
}

fn by_state(duties: &[Duty]) -> BTreeMap<State, BTreeSet<&str>> {
    let mut states: BTreeMap<State, BTreeSet<&str>> = BTreeMap::new();
    for duty in duties {
        states.entry(duty.state).or_default().insert(&duty.row);
    }
    states
}

#[test]
fn the_model_case_on_27_march_2021_and_nothing_else() {
    let case = model();
    let duties = case.duties("2021-03-27T00:00:00Z");
    let states = by_state(&duties);
    let expected = &duty_catalog().model_case().expected_at_2021;
    let set = |name: &str| expected[name].iter().map(String::as_str).collect::<BTreeSet<_>>();
    assert_eq!(states[&State::Due], set("DUE"));
    assert_eq!(states[&State::Assess], set("ASSESS"));
    assert_eq!(states.keys().collect::<Vec<_>>(), [&State::Due, &State::Assess, &State::NotApplicable]);
    for row in set("NOT_IN_FORCE") {
        let duty = duties.iter().find(|duty| duty.row == row).expect("it is there");
        assert!(duty.state == State::NotApplicable && !duty.in_force, "{row}");
        assert_eq!(duty.due_strict, None, "{row}: what is not law has no deadline");
    }
    for row in set("NOT_APPLICABLE") {
        assert!(states[&State::NotApplicable].contains(row), "{row}");
    }
    let open = duties.iter().filter(|duty| duty.state != State::NotApplicable);
    let told: BTreeSet<&str> = open.map(|duty| duty.recipient.as_str()).collect();
    for body in &duty_catalog().model_case().bodies_informed_in_2021 {
        assert!(told.contains(body.as_str()), "{body} is among {told:?}");
    }
}

#[test]
fn its_deadlines() {
    let case = model();
    let local = |instant: Option<Instant>| instant.map(|instant| duty_catalog().calendar().local(instant));
    let gdpr = case.duty("GDPR-33", "2021-03-27T00:00:00Z");
    assert_eq!(local(gdpr.due_strict).as_deref(), Some("2021-03-29T15:20:00+02:00"));
    assert_eq!(local(gdpr.due_legal_max).as_deref(), Some("2021-03-29T16:00:00+02:00"));
    assert!(gdpr.undecided.contains(&"personal_data.affected".to_owned()), "{:?}", gdpr.undecided);
    let cic = case.duty("BE-CIC-29", "2021-03-27T00:00:00Z");
    assert_eq!(
        (cic.due_strict, cic.recipient.as_str()),
        (None, "public_prosecutor"),
        "at once has no number"
    );
    assert_eq!(cic.copies, ["federal_prosecutor"], "beside the King's prosecutor, not in his place");
    let years_later = case.duty("BE-CIC-29", "2026-03-27T00:00:00Z");
    assert_eq!(years_later.state, State::Overdue, "at once, of five years ago, is not due now");
    assert!(years_later.because.contains("2021-03-26"), "with its date: {}", years_later.because);
    assert!(years_later.warnings.iter().any(|warning| warning.contains("that moment is past")));
    let register = case.duty("GDPR-33-5", "2021-04-01T00:00:00Z");
    assert_eq!(register.state, State::Due, "six days are no delay of years");
    let target = cic.target.expect("an internal target");
    assert_eq!(target.target_is, "internal service level");
    assert_eq!(local(target.at).as_deref(), Some("2021-03-27T14:20:00+01:00"));
    // An internal target that passed makes nothing overdue: it is not law.
    let nccn = case.duty("BE-NCCN", "2021-03-27T00:00:00Z");
    assert_eq!(nccn.state, State::Due);
    assert!(nccn.warnings.iter().any(|warning| warning.contains("internal target passed")));
}

#[test]
fn texts_are_those_of_the_date_of_the_facts() {
    let mut case = model();
    let basis = |case: &Case| case.duty("BE-NCCN", "2026-11-24T12:00:00Z").legal_basis.join("; ");
    let then = basis(&case);
    assert!(then.contains("7 April 2019") && then.contains("28 April 2017"), "{then}");
    assert!(!then.contains("26 April 2024") && !then.contains("in 2026"), "{then}");
    for name in ["t.aware_incident", "t.aware_significant", "t.first_indication"] {
        case.set(name, "2026-11-20T10:00:00+01:00");
    }
    let now = basis(&case);
    assert!(now.contains("26 April 2024") && now.contains("in 2026"), "{now}");
    assert!(!now.contains("7 April 2019") && !now.contains("28 April 2017"), "{now}");
}

#[test]
fn an_operator_of_essential_services_of_2021_is_under_the_law_of_then() {
    let mut case = model();
    let at = "2021-03-27T00:00:00Z";
    assert_eq!(case.duty("BE-NIS1-IN", at).state, State::NotApplicable, "the profile assumes none");
    case.set("entity.nis1_operator", "true");
    assert_eq!(case.duty("BE-NIS1-IN", at).state, State::Due);
    case.set("t.aware_incident", "2024-10-18T00:30:00+02:00");
    let later = case.duty("BE-NIS1-IN", "2024-10-19T00:00:00Z");
    assert_eq!(later.state, State::NotApplicable);
    assert!(later.because.contains("until 2024-10-18"), "{}", later.because);
}

#[test]
fn the_same_facts_in_2026() {
    let mut case = Case::default();
    for (name, value) in &duty_catalog().model_case().facts {
        case.set(name, value);
    }
    case.set("entity.nis2_class", "essential");
    case.set("incident.significant", "true");
    case.set("incident.ongoing", "true");
    let duties = case.duties("2026-11-24T12:00:00Z");
    let states = by_state(&duties);
    let expected = &duty_catalog().model_case().expected_at_2021["DUE"];
    let mut due: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    due.extend(["BE-NIS2-EW", "BE-NIS2-IN", "BE-NIS2-PR"]);
    assert_eq!(states[&State::Due], due);

    case.set("t.aware_significant", "2026-11-24T09:30:00+01:00");
    let local = |instant: Option<Instant>| instant.map(|instant| duty_catalog().calendar().local(instant));
    let early = case.duty("BE-NIS2-EW", "2026-11-24T12:00:00Z");
    assert_eq!(local(early.due_strict).as_deref(), Some("2026-11-25T09:30:00+01:00"));
    assert_eq!(case.duty("BE-NIS2-EW", "2026-11-25T08:31:00Z").state, State::Overdue);
    case.sent("BE-NIS2-IN", "ccb", "2026-11-25T09:00:00Z", &[]);
    let progress = case.duty("BE-NIS2-PR", "2026-11-26T12:00:00Z");
    assert_eq!(local(progress.due_strict).as_deref(), Some("2026-12-25T10:00:00+01:00"));
    assert_eq!(
        local(progress.due_legal_max).as_deref(),
        Some("2026-12-29T00:00:00+01:00"),
        "Christmas, then a weekend"
    );
    case.sent("BE-NIS2-PR", "ccb", "2026-12-20T09:00:00Z", &[]);
    case.set("incident.ongoing", "false");
    case.set("t.incident_handled", "2027-01-31T09:00:00+01:00");
    assert_eq!(
        case.duty("BE-NIS2-FR", "2027-02-01T00:00:00Z").state,
        State::NotApplicable,
        "one final report"
    );
    let last = case.duty("BE-NIS2-FR-LATE", "2027-02-01T00:00:00Z");
    assert_eq!(
        (last.state, local(last.due_strict).as_deref()),
        (State::Due, Some("2027-02-28T09:00:00+01:00"))
    );
}

#[test]
fn unknown_never_means_no() {
    let case = Case::default();
    let duties = case.duties("2026-11-24T12:00:00Z");
    let gdpr = duties.iter().find(|duty| duty.row == "GDPR-33").expect("it is there");
    assert_eq!(gdpr.state, State::Assess);
    let early = duties.iter().find(|duty| duty.row == "BE-NIS2-EW").expect("it is there");
    assert_eq!(early.state, State::Assess);
    assert!(early.undecided.contains(&"incident.severe_disruption".to_owned()), "{:?}", early.undecided);
    assert!(early.assumed.contains(&"entity.nis2_class".to_owned()), "an assumption is shown as one");
    assert!(classes(&case.known()).iter().all(|class| class.result == Met::Unknown));
    let asked = questions(&case.known(), &duties);
    let order: Vec<&str> = asked.iter().map(|one| one.fact.as_str()).collect();
    let place = |fact: &str| order.iter().position(|one| *one == fact).unwrap_or(usize::MAX);
    assert!(
        place("incident.severe_disruption") < place("crime.suspected"),
        "seven duties hang on it: {order:?}"
    );
    assert!(
        place("crime.suspected") < place("contact.24x7"),
        "what decides goes before what is only contained"
    );
    // What a person says is not known stays unknown, even against the profile.
    let mut case = case;
    case.set("entity.federal_administration", "unknown");
    assert_eq!(case.duty("BE-MINISTER", "2026-11-24T12:00:00Z").state, State::Assess);
}

#[test]
fn a_duty_is_sent_acknowledged_supplemented() {
    let mut case = model();
    case.set("personal_data.affected", "yes");
    case.set("personal_data.risk", "risk");
    let at = "2021-03-30T00:00:00Z";
    assert_eq!(case.duty("GDPR-33", at).state, State::Overdue);
    assert!(case.duty("GDPR-33", at).missing.contains(&"gdpr.delay_reasons".to_owned()), "late: reasons");
    assert_eq!(case.duty("GDPR-33-4", at).state, State::NotApplicable, "nothing was sent");
    case.sent("GDPR-33", "apd_gba", "2021-03-28T10:00:00Z", &["personal_data.subjects_count"]);
    assert_eq!(case.duty("GDPR-33", at).state, State::Sent);
    assert_eq!(case.duty("GDPR-33-4", at).state, State::Due, "it was incomplete");
    let receipt = json!({"row": "GDPR-33", "ref": "DOS-1", "at_time": "2021-03-28T11:00:00Z", "by": "B"});
    case.entry(kind::DUTY_ACKNOWLEDGED, receipt, "2021-03-28T11:00:00Z");
    assert_eq!(case.duty("GDPR-33", at).state, State::Acknowledged);
    case.set("personal_data.subjects_count", "700 to 900");
    assert_eq!(case.duty("GDPR-33", at).state, State::SupplementDue);
    case.sent("GDPR-33", "apd_gba", "2021-03-29T10:00:00Z", &[]);
    assert_eq!(case.duty("GDPR-33", at).state, State::Sent);
    assert_eq!(case.duty("GDPR-33-4", at).state, State::NotApplicable, "nothing is missing any more");
}

#[test]
fn waived_and_resumed_and_sent_to_each() {
    let mut case = model();
    let at = "2021-03-27T00:00:00Z";
    let decision = |why: &str| json!({"row": "BE-COMPLAINT", "by": "Legal", "why": why});
    case.entry(kind::DUTY_WAIVED, decision("the prosecutor acts already"), at);
    assert_eq!(case.duty("BE-COMPLAINT", at).state, State::Waived);
    case.entry(kind::DUTY_RESUMED, decision("civil party after all"), at);
    assert_eq!(case.duty("BE-COMPLAINT", at).state, State::Due);
    case.sent("BE-NCCN", "nccn", at, &[]);
    let nccn = case.duty("BE-NCCN", at);
    assert_eq!(nccn.state, State::Due);
    assert!(nccn.because.contains("Centre for Cybersecurity"), "{}", nccn.because);
    case.sent("BE-NCCN", "ccb", at, &[]);
    assert_eq!(case.duty("BE-NCCN", at).state, State::Sent);
}

#[test]
fn significance_criterion_by_criterion() {
    let mut case = model();
    case.set("incident.control_plane", "true");
    let find = |case: &Case, id: &str| {
        classes(&case.known()).into_iter().find(|class| class.id == id).expect("the class is there")
    };
    let class = find(&case, "nis2-significance");
    assert_eq!(class.result, Met::Met, "domain control on an essential entity is presumed to disrupt");
    let met = |id: &str| class.criteria.iter().find(|one| one.id == id).map(|one| one.result);
    assert_eq!(met("severe-disruption"), Some(Met::Met));
    assert_eq!(met("financial-loss"), Some(Met::Unknown));
    case.set("incident.severe_disruption", "none");
    assert_eq!(find(&case, "nis2-significance").result, Met::Unknown, "a reviewer lowered it; two are open");
    case.set("incident.financial_loss", "none");
    case.set("incident.third_party_damage", "none");
    assert_eq!(find(&case, "nis2-significance").result, Met::NotMet);
    let crisis = find(&case, "national-crisis");
    assert_eq!((crisis.by_criteria, crisis.result), (Met::Unknown, Met::Met), "declared by the authorities");
}

#[test]
fn another_profile_other_recipients() {
    let mut case = Case::default();
    case.set("case.profile", "gdpr-controller-eu");
    case.set("entity.jurisdiction", "FR");
    case.set("personal_data.affected", "yes");
    case.set("personal_data.risk", "high");
    let duties = case.duties("2026-11-24T12:00:00Z");
    assert!(duties.iter().all(|duty| duty.regime == "GDPR"), "nothing but the GDPR");
    let gdpr = case.duty("GDPR-33", "2026-11-24T12:00:00Z");
    assert_eq!((gdpr.state, gdpr.recipient.as_str()), (State::Due, "dpa_other"));
    case.set("personal_data.disproportionate_effort", "true");
    assert_eq!(case.duty("GDPR-34", "2026-11-24T12:00:00Z").state, State::NotApplicable);
    assert_eq!(case.duty("GDPR-34-PUB", "2026-11-24T12:00:00Z").state, State::Due);
}
