//! `catalog/obligations.yaml`, embedded: profiles, recipients, duties, classes, and how clocks run.
//!
//! In: the file as a person maintains it. Out: [`DutyCatalog`], checked: numbers and names stand once, every condition,
//! clock and content names a fact or content that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::deadline::{Calendar, Holidays};
use crate::facts::{FactCatalog, Lang, fact_catalog};

const TEXT: &str = include_str!("../../../../catalog/obligations.yaml");

/// How sure a legal row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Read in a primary or official source, or settled law.
    Sure,
    /// Consistent secondary sources.
    Likely,
    /// Not confirmed: a warning wherever it is shown.
    ToConfirm,
}

impl Certainty {
    /// `sure`, `likely`, `to_confirm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::ToConfirm => "to_confirm",
        }
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "four languages")]
pub struct Recipient {
    pub fr: String,
    pub nl: String,
    pub de: String,
    pub en: String,
    /// What it does.
    pub role: String,
    /// Ways to reach it.
    #[serde(default)]
    pub channels: Vec<String>,
    /// How sure the entry is.
    pub certainty: Certainty,
}

impl Recipient {
    /// Its name in `lang`.
    pub fn name(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.fr,
            Lang::Nl => &self.nl,
            Lang::De => &self.de,
            Lang::En => &self.en,
        }
    }
}

/// How a deadline is computed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the catalogue calls it so")]
pub struct Rule {
    /// `elapsed_hours`, `calendar_months`, `calendar_days`, `working_days`, `immediate`, `undue_delay`, `on_request`,
    /// `min_of`, `none`.
    pub rule: String,
    /// How many.
    #[serde(default)]
    pub value: Option<u32>,
    /// The fact from which it runs.
    #[serde(default)]
    pub from: Option<String>,
    /// For `min_of`: the earliest of these.
    #[serde(default)]
    pub of: Vec<Rule>,
    /// Internal target in hours, where the text has no number.
    #[serde(default)]
    pub target_hours: Option<u32>,
    /// What the target is.
    #[serde(default)]
    pub target_is: Option<String>,
    /// Words of the text, `without undue delay, at the latest`.
    #[serde(default)]
    pub qualifier: Option<String>,
    /// A relief over weekends, in words.
    #[serde(default)]
    pub weekend: Option<String>,
    /// What holds when it was classified late, in words.
    #[serde(default)]
    pub late_classification: Option<String>,
}

/// One piece of required contents: a name of `facts.yaml`, or words that no fact carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ContentRef {
    /// A name of `facts.yaml`.
    Named(String),
    /// Words; a person writes this part by hand.
    Words(ContentWords),
}

/// A piece of contents that no fact carries, in four languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the languages, English first")]
pub struct ContentWords {
    pub text: String,
    pub fr: String,
    pub nl: String,
    pub de: String,
}

impl ContentWords {
    /// The words in `lang`.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.fr,
            Lang::Nl => &self.nl,
            Lang::De => &self.de,
            Lang::En => &self.text,
        }
    }
}

/// Title and first sentence of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NoticeWords {
    /// By language.
    pub title: BTreeMap<Lang, String>,
    /// By language, French and Dutch.
    #[serde(default)]
    pub opening: BTreeMap<Lang, String>,
}

/// A text that rows rest on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalText {
    /// How it is cited in English, which is how the rows name it.
    pub text: String,
    /// How it is cited in French.
    pub fr: String,
    /// How it is cited in Dutch.
    pub nl: String,
    /// How it is cited in German.
    pub de: String,
    /// The day on which it came into force, where facts may be older than that.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// The day from which it was no longer in force.
    #[serde(default)]
    pub valid_to: Option<String>,
}

impl LegalText {
    /// How it is cited in `lang`.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.fr,
            Lang::Nl => &self.nl,
            Lang::De => &self.de,
            Lang::En => &self.text,
        }
    }
}

/// Another recipient, on a condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecipientWhen {
    /// Who.
    pub recipient: String,
    /// It gets a copy beside the recipient, and is none in its place.
    #[serde(default)]
    pub copy: bool,
    /// When.
    pub when: Condition,
}

/// One legal row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the catalogue")]
pub struct Row {
    pub id: String,
    /// `D-n`: given once, never used again.
    pub number: u32,
    pub title: String,
    pub regime: String,
    /// `early_warning`, `notification`, `intermediate`, `final`, `supplement`, `report`, `register`, `communication`,
    /// `information`.
    pub stage: String,
    #[serde(default)]
    pub valid_from: Option<String>,
    #[serde(default)]
    pub valid_to: Option<String>,
    pub when: Condition,
    /// It stands in for another row and is a duty of its own only where its condition is true.
    #[serde(default)]
    pub instead_of: Option<String>,
    pub recipients: Vec<String>,
    #[serde(default)]
    pub recipient_when: Vec<RecipientWhen>,
    /// All recipients are told, not one of them.
    #[serde(default)]
    pub each_recipient: bool,
    pub deadline: Rule,
    pub content: Vec<ContentRef>,
    /// What is learned after sending is to be sent on.
    #[serde(default)]
    pub supplements: bool,
    #[serde(default)]
    pub notice: Option<NoticeWords>,
    #[serde(default)]
    pub follow_up: Vec<String>,
    #[serde(default)]
    pub exemptions: Vec<String>,
    #[serde(default)]
    pub lawful_delay: Option<String>,
    #[serde(default)]
    pub language: Vec<String>,
    pub default_marking: String,
    pub legal_basis: Vec<String>,
    pub source: Vec<String>,
    #[serde(default)]
    pub notes: Option<String>,
    pub certainty: Certainty,
}

impl Row {
    /// `O-13`: an obligation. `D-13` is a door.
    pub fn duty_id(&self) -> String {
        format!("O-{}", self.number)
    }
}

/// Which rows a kind of entity looks at, and what is assumed of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// `be-federal-administration`.
    pub id: String,
    /// In words.
    pub title: String,
    /// Only these regimes; all if empty.
    #[serde(default)]
    pub regimes: Vec<String>,
    /// Values of facts that hold until a person sets them.
    pub assumes: BTreeMap<String, String>,
    /// How sure the assumptions are.
    pub certainty: Certainty,
    /// What to know of them.
    #[serde(default)]
    pub notes: Option<String>,
}

/// A fact that follows from others, or from what was sent. What a person sets goes before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Derived {
    /// The fact.
    pub fact: String,
    /// True, false or unknown as this condition is.
    #[serde(default)]
    pub when: Option<Condition>,
    /// The value where `when` is true; nothing is derived where it is not.
    #[serde(default)]
    pub value: Option<String>,
    /// The instant at which one of these rows was sent.
    #[serde(default)]
    pub sent: Vec<String>,
    /// Whether one of these rows was sent.
    #[serde(default)]
    pub is_sent: Vec<String>,
    /// Whether what was sent lacked something.
    #[serde(default)]
    pub sent_incomplete: Vec<String>,
    /// When the first thing was learned after one of these rows was sent.
    #[serde(default)]
    pub news_since: Vec<String>,
    /// Why.
    pub why: String,
    /// How sure.
    pub certainty: Certainty,
}

/// One criterion of a class.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Criterion {
    /// Short name.
    pub id: String,
    /// In words.
    pub title: String,
    /// When it is met.
    pub when: Condition,
    /// It decides the class; the others are aids.
    #[serde(default)]
    pub decides: bool,
    /// How sure.
    pub certainty: Certainty,
}

/// A class that the incident may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Class {
    /// Short name.
    pub id: String,
    /// In words.
    pub title: String,
    /// The fact that says so, if there is one.
    #[serde(default)]
    pub fact: Option<String>,
    /// Words of `crisis.level` that say the authorities have declared it.
    #[serde(default)]
    pub declared: Vec<String>,
    /// All deciding criteria must be met; otherwise one is enough.
    #[serde(default)]
    pub all: bool,
    /// What it rests on.
    pub basis: String,
    /// How sure.
    pub certainty: Certainty,
    /// The criteria.
    pub criteria: Vec<Criterion>,
}

/// A rule on secrecy or handling that the facts switch on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Constraint {
    /// Short name.
    pub id: String,
    /// In words.
    pub title: String,
    /// When it holds.
    pub when: Condition,
    /// What it does.
    pub effect: String,
    /// What it rests on.
    pub basis: String,
    /// How sure.
    pub certainty: Certainty,
}

/// A computed deadline that the arithmetic is held against.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Vector {
    pub rule: String,
    #[serde(default)]
    pub value: Option<u32>,
    pub from: String,
    pub due_strict: String,
    pub due_legal_max: String,
    pub why: String,
}

/// The case of 2021 with what must come out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelCase {
    /// Its facts.
    pub facts: BTreeMap<String, String>,
    /// Rows by state.
    pub expected_at_2021: BTreeMap<String, Vec<String>>,
    /// Who was told then.
    pub bodies_informed_in_2021: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Clocks {
    timezone: String,
    holidays_be: Holidays,
    #[cfg_attr(not(test), expect(dead_code, reason = "the arithmetic is held against them in tests"))]
    test_vectors: Vec<Vector>,
}

#[derive(Debug, Deserialize)]
struct File {
    clocks: Clocks,
    profiles: Vec<Profile>,
    derived: Vec<Derived>,
    classes: Vec<Class>,
    recipients: BTreeMap<String, Recipient>,
    constraints: Vec<Constraint>,
    legal_texts: Vec<LegalText>,
    obligations: Vec<Row>,
    model_case: ModelCase,
}

/// The whole catalogue.
#[derive(Debug)]
pub struct DutyCatalog {
    file: File,
    calendar: Calendar,
}

impl DutyCatalog {
    fn parse(text: &str, facts: &FactCatalog) -> Result<Self, String> {
        let file: File = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
        let calendar = Calendar::new(&file.clocks.timezone, file.clocks.holidays_be.clone())
            .ok_or_else(|| format!("`{}` is no time zone", file.clocks.timezone))?;
        let catalog = Self { file, calendar };
        match catalog.faults(facts).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(catalog),
        }
    }

    fn faults(&self, facts: &FactCatalog) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for row in self.rows() {
            if !seen.insert(row.id.clone()) || !seen.insert(row.duty_id()) {
                faults.push(format!("`{}` or its number {} stands twice", row.id, row.number));
            }
            let clocks =
                row.deadline.of.iter().chain([&row.deadline]).filter_map(|rule| rule.from.as_deref());
            let conditions = row.recipient_when.iter().map(|other| &other.when).chain([&row.when]);
            let named = conditions.flat_map(Condition::facts).chain(clocks);
            faults.extend(
                named
                    .filter(|name| facts.fact(name).is_none())
                    .map(|name| format!("`{}` names `{name}`, which is no fact", row.id)),
            );
            let recipients =
                row.recipients.iter().chain(row.recipient_when.iter().map(|other| &other.recipient));
            faults.extend(
                recipients
                    .filter(|id| !self.file.recipients.contains_key(*id))
                    .map(|id| format!("`{}` is sent to `{id}`, whom nobody knows", row.id)),
            );
            let contents = row.content.iter().filter_map(|content| match content {
                ContentRef::Named(name) => Some(name),
                ContentRef::Words(_) => None,
            });
            faults.extend(
                contents
                    .filter(|name| facts.content(name).is_none())
                    .map(|name| format!("`{}` requires `{name}`, which is no content", row.id)),
            );
            for other in row.follow_up.iter().chain(&row.instead_of) {
                if self.row(other).is_none() {
                    faults.push(format!("`{}` names the row `{other}`, which is not there", row.id));
                }
            }
            for text in row.legal_basis.iter().filter(|text| self.legal_text(text).is_none()) {
                faults.push(format!("`{}` rests on `{text}`, which is none of the legal texts", row.id));
            }
            for date in row.valid_from.iter().chain(&row.valid_to) {
                if self.calendar.start_of(date).is_none() {
                    faults.push(format!("`{}`: `{date}` is no date", row.id));
                }
            }
        }
        let dates =
            self.file.legal_texts.iter().flat_map(|text| text.valid_from.iter().chain(&text.valid_to));
        faults.extend(
            dates
                .filter(|date| self.calendar.start_of(date).is_none())
                .map(|date| format!("a legal text: `{date}` is no date")),
        );
        let conditions = self.derived().iter().filter_map(|derived| derived.when.as_ref());
        let conditions = conditions
            .chain(self.classes().iter().flat_map(|class| class.criteria.iter().map(|one| &one.when)));
        let conditions = conditions.chain(self.constraints().iter().map(|constraint| &constraint.when));
        let named = conditions.flat_map(Condition::facts);
        let named = named.chain(self.derived().iter().map(|derived| derived.fact.as_str()));
        let assumed = self.profiles().iter().flat_map(|profile| profile.assumes.keys().map(String::as_str));
        faults.extend(
            named
                .chain(assumed)
                .filter(|name| facts.fact(name).is_none())
                .map(|name| format!("`{name}` is no fact")),
        );
        faults
    }

    /// Every row, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.file.obligations
    }

    /// A row by `GDPR-33` or `O-13`, in any case of letters.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows()
            .iter()
            .find(|row| row.id.eq_ignore_ascii_case(name) || row.duty_id().eq_ignore_ascii_case(name))
    }

    /// The profiles; the first is the default.
    pub fn profiles(&self) -> &[Profile] {
        &self.file.profiles
    }

    /// A recipient by its short name.
    pub fn recipient(&self, id: &str) -> Option<&Recipient> {
        self.file.recipients.get(id)
    }

    /// A text that rows rest on, by its name in English.
    pub fn legal_text(&self, text: &str) -> Option<&LegalText> {
        self.file.legal_texts.iter().find(|one| one.text == text)
    }

    /// How deadlines are computed.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub(crate) fn derived(&self) -> &[Derived] {
        &self.file.derived
    }

    pub(crate) fn classes(&self) -> &[Class] {
        &self.file.classes
    }

    /// Rules on secrecy and handling.
    pub fn constraints(&self) -> &[Constraint] {
        &self.file.constraints
    }

    /// Deadlines to hold the arithmetic against.
    #[cfg(test)]
    pub(crate) fn vectors(&self) -> &[Vector] {
        &self.file.clocks.test_vectors
    }

    /// The case of 2021.
    pub fn model_case(&self) -> &ModelCase {
        &self.file.model_case
    }
}

/// The catalogue that is built in; its tests rule out that it is wrong.
pub fn duty_catalog() -> &'static DutyCatalog {
    static CATALOG: LazyLock<DutyCatalog> = LazyLock::new(|| {
        DutyCatalog::parse(TEXT, fact_catalog()).expect("the embedded catalogue of duties is tested")
    });
    &CATALOG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_parses_without_a_fault() {
        let catalog = DutyCatalog::parse(TEXT, fact_catalog()).expect("it parses");
        assert_eq!(catalog.rows().len(), 48);
        for row in catalog.rows() {
            assert!(!row.source.is_empty() && !row.legal_basis.is_empty(), "{} has its source", row.id);
            assert!(!row.recipients.is_empty(), "{} has a recipient", row.id);
            let belgian = [
                "NIS2-BE",
                "NIS2-EU",
                "NIS1-BE",
                "GDPR",
                "CRIME-BE",
                "INTEL-BE",
                "PLAN-BE",
                "DIPLO-BE",
                "CLASSIFIED-BE",
            ];
            let notice = row.notice.as_ref().unwrap_or_else(|| panic!("{} has words", row.id));
            assert_eq!(notice.title.len(), 4, "{}", row.id);
            if belgian.contains(&row.regime.as_str()) {
                assert!(notice.opening.contains_key(&Lang::Fr) && notice.opening.contains_key(&Lang::Nl));
            }
        }
    }

    #[test]
    fn profiles_can_be_stated_as_a_fact_and_assume_values_that_there_are() {
        let catalog = duty_catalog();
        let profiles: Vec<&str> = catalog.profiles().iter().map(|one| one.id.as_str()).collect();
        assert_eq!(fact_catalog().fact("case.profile").expect("the fact").values, profiles);
        for profile in catalog.profiles() {
            for (name, text) in &profile.assumes {
                let fact = fact_catalog().fact(name).expect("a fact");
                assert!(matches!(crate::facts::Value::parse(fact, text), Ok(Some(_))), "{name} = {text}");
            }
        }
    }

    #[test]
    fn faults_are_found() {
        let broken = [
            (
                "rule: elapsed_hours\n    value: 72\n    from: t.aware_personal_data_breach",
                "rule: elapsed_hours\n    value: 72\n    from: t.nobody",
            ),
            ("  - breach_nature\n", "  - breach_culture\n"),
            ("number: 2\n", "number: 1\n"),
            ("valid_from: '2024-10-18'", "valid_from: '2024-10-48'"),
        ];
        for (sound, fault) in broken {
            assert!(TEXT.contains(sound), "{sound}");
            let text = TEXT.replacen(sound, fault, 1);
            assert!(DutyCatalog::parse(&text, fact_catalog()).is_err(), "{fault}");
        }
    }

    #[test]
    fn no_note_to_developers_reaches_a_reader() {
        let (catalog, mut texts) = (duty_catalog(), Vec::new());
        for row in catalog.rows() {
            texts.extend(
                [row.title.clone()].into_iter().chain(row.notes.clone()).chain(row.lawful_delay.clone()),
            );
            texts.extend(row.legal_basis.iter().chain(&row.source).chain(&row.exemptions).cloned());
            texts.extend(row.deadline.qualifier.iter().chain(&row.deadline.weekend).cloned());
            let words =
                row.notice.iter().flat_map(|words| words.title.values().chain(words.opening.values()));
            texts.extend(words.cloned());
            let recipients = row.recipients.iter().filter_map(|id| catalog.recipient(id));
            texts.extend(recipients.flat_map(|one| one.channels.iter().cloned().chain([one.role.clone()])));
            let by_hand = row.content.iter().filter_map(|content| match content {
                ContentRef::Words(words) => Some(words.text.clone()),
                ContentRef::Named(_) => None,
            });
            texts.extend(by_hand);
        }
        let of_developers = [
            "to_confirm",
            "data-driven",
            "do not implement",
            "configuration",
            "_class=",
            "TODO",
            "/...",
            "…",
        ];
        for text in texts {
            for word in of_developers {
                assert!(!text.contains(word), "`{word}` in `{text}`");
            }
        }
    }
}
