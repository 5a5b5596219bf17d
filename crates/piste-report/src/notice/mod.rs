//! A notification, written from what persons stated and from what the evidence shows, and from nothing else.
//!
//! In: what is known, the traces of the last run, a duty and a language. Out: the text. French and Dutch have whole sentences,
//! German and English headings and field names. What no person stated is taken from the traces, each entry with the findings, ways in
//! and rows that it rests on; where these show nothing either, it is said to be not yet known. Neither what the profile assumes nor
//! what only a person can decide is written down as a fact. Texts of persons stand as they wrote them, hidden characters made
//! visible. A communication to the public, and what is kept out of this case, holds stated facts only.

mod case_words;
mod dates;
mod phrases;
mod techniques;
#[cfg(test)]
mod tests;
mod traces;

use std::fmt::Write;

use piste_case::duties::{ContentRef, ContentWords, Duty, Known, Row, duty_catalog};
use piste_case::facts::{Content, FactDef, FactType, Lang, Value, fact_catalog};
use piste_model::Instant;

use crate::escape::visible;
use phrases::{Phrases, phrases};
use traces::{Entry, Said, holds_any};

pub use traces::Traces;

/// Marking of what goes over no network: nothing of the case is put into it.
const OUT_OF_BAND: &str = "OUT-OF-BAND";
/// What a note on what is not known names where nobody has said it.
const TO_SETTLE: [&str; 5] = [
    "personal_data.affected",
    "classified.affected",
    "incident.cross_border",
    "incident.national_impact",
    "actor.state_suspected",
];
/// What the sender knows of itself and of what it does: to call it unknown would be odd, and untrue.
const OWN: [&str; 10] = [
    "entity.",
    "contact.",
    "measures.",
    "communication.",
    "plan.",
    "note.",
    "crime.knowledge",
    "crime.complainant",
    "attribution.requested",
    "attribution.public_use",
];

/// A draft and what a person must still look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// The text, lines ended by `\n`.
    pub text: String,
    /// Facts that it says are not yet known.
    pub unknown: Vec<String>,
    /// Facts whose text stands as a person wrote it, in whatever language that is.
    pub as_written: Vec<String>,
    /// Required contents that no fact carries: to be written by hand.
    pub by_hand: Vec<String>,
    /// Facts that no person stated and that are told from the traces: to be looked at before it is sent.
    pub from_case: Vec<String>,
    /// Values left out because their source marks them more strictly.
    pub withheld: usize,
    /// A text that a person wrote holds such a value.
    pub marked_in_text: bool,
}

/// One notification that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its duty as the facts stand.
    pub duty: &'a Duty,
    /// To whom.
    pub recipient: &'a str,
    /// In which language.
    pub lang: Lang,
    /// As of when.
    pub at: Instant,
}

/// Writes the notification that is asked for.
pub fn notice(known: &Known<'_>, traces: &Traces, asked: Asked<'_>) -> Notice {
    let Asked { row, duty, recipient, lang, at } = asked;
    let is_told = row.stage != "communication" && row.default_marking != OUT_OF_BAND;
    let mut draft = Draft {
        known,
        traces: is_told.then_some(traces),
        lang,
        words: phrases(lang),
        heading: "",
        refers: false,
        notice: Notice::default(),
    };
    let marking = (row.stage != "communication").then_some(row.default_marking.as_str());
    draft.head(row, duty, recipient, marking, at);
    let wanted = |id: &str| {
        duty.content.iter().any(|content| {
            let says = |name: &str| draft.said(name).is_some_and(|said| !said.entries.is_empty());
            let has = content.facts.iter().any(|fact| fact.value.is_some() || says(&fact.fact));
            content.id == id && (content.required || has)
        })
    };
    let sections = sections(row, &wanted);
    for (number, content) in sections.into_iter().enumerate() {
        draft.section(number + 1, content);
    }
    draft.foot(row, marking);
    draft.notice.marked_in_text = holds_any(&draft.notice.text, &traces.withheld);
    draft.notice
}

/// Required contents, and those others that have something to say.
fn sections<'a>(row: &'a Row, wanted: &dyn Fn(&str) -> bool) -> Vec<Section<'a>> {
    let sections = row.content.iter().filter_map(|content| match content {
        ContentRef::Words(words) => Some(Section::Words(words)),
        ContentRef::Named(name) => {
            let content = fact_catalog().content(name)?;
            wanted(name).then_some(Section::Content(content))
        }
    });
    sections.collect()
}

#[derive(Clone, Copy)]
enum Section<'a> {
    Content(&'a Content),
    Words(&'a ContentWords),
}

struct Draft<'a> {
    known: &'a Known<'a>,
    /// What the case shows, where the notification may say it.
    traces: Option<&'a Traces>,
    lang: Lang,
    words: &'static Phrases,
    /// Of the part that is being written.
    heading: &'a str,
    /// Something refers to the case file.
    refers: bool,
    notice: Notice,
}

impl<'a> Draft<'a> {
    fn line(&mut self, text: &str) {
        self.notice.text.push_str(text.trim_end());
        self.notice.text.push('\n');
    }

    fn head(&mut self, row: &Row, duty: &Duty, recipient: &str, marking: Option<&str>, at: Instant) {
        let lang = self.lang;
        let title = row.notice.as_ref().and_then(|words| words.title.get(&lang)).unwrap_or(&row.title);
        if let Some(marking) = marking {
            self.line(marking);
            self.line("");
        }
        self.line(title);
        self.line(&"=".repeat(title.chars().count()));
        self.line("");
        let name = duty_catalog().recipient(recipient).map_or(recipient, |known| known.name(lang));
        let words = self.words;
        self.line(&words.field(words.to, name));
        for copy in duty.copies.iter().filter(|copy| *copy != recipient) {
            let name = duty_catalog().recipient(copy).map_or(copy.as_str(), |known| known.name(lang));
            self.line(&words.field(words.copy, name));
        }
        if let Some(stage) = words.stage_of(row, duty) {
            self.line(&words.field(words.stage, &stage));
        }
        self.line(&words.field(words.drawn_up, &dates::moment(at, lang)));
        let opening = row.notice.as_ref().and_then(|words| words.opening.get(&lang));
        if row.stage != "communication" && !duty.legal_basis.is_empty() {
            let texts = duty.legal_basis.iter();
            let named =
                texts.map(|text| duty_catalog().legal_text(text).map_or(text.as_str(), |one| one.of(lang)));
            let basis = case_words::joined(&named.map(str::to_owned).collect::<Vec<_>>(), lang);
            self.line(&words.field(words.basis, &basis));
        }
        self.line("");
        if let Some(opening) = opening {
            self.line(opening);
            self.line("");
        }
        self.earlier(row);
    }

    /// What was sent before, for this row or one that it follows.
    fn earlier(&mut self, row: &Row) {
        let before = duty_catalog()
            .rows()
            .iter()
            .filter(|other| other.id == row.id || other.follow_up.contains(&row.id));
        let filings = &self.known.response.filings;
        let sent = before.filter_map(|other| filings.sent(&other.id).last().map(|(_, sending)| *sending));
        if let Some(last) = sent.max_by_key(|sending| sending.at_time) {
            let (at, reference) =
                (dates::moment(last.at_time, self.lang), visible(&last.reference).into_owned());
            let sentence = self.words.follows.replacen("{}", &at, 1).replacen("{}", &reference, 1);
            self.line(&sentence);
            self.line("");
        }
    }

    fn section(&mut self, number: usize, section: Section<'a>) {
        match section {
            Section::Words(words) => {
                let text = words.of(self.lang);
                self.line(&format!("{number}. {text}"));
                let by_hand = self.words.by_hand;
                self.line(&format!("   {by_hand}"));
                self.notice.by_hand.push(words.text.clone());
            }
            Section::Content(content) => {
                self.heading = content.label.of(self.lang);
                self.line(&format!("{number}. {}", self.heading));
                for name in &content.facts {
                    if let Some(fact) = fact_catalog().fact(name) {
                        self.fact(fact);
                    }
                }
            }
        }
        self.line("");
    }

    fn fact(&mut self, fact: &FactDef) {
        let words = self.words;
        let Some(value) = self.known.response.facts.value(&fact.id) else {
            self.not_stated(fact);
            return;
        };
        if matches!(fact.kind, FactType::Text | FactType::List) {
            self.notice.as_written.push(fact.id.clone());
        }
        let shown = self.shown(value);
        let rows = self.rows_of(&fact.id);
        if let Some(sentence) = fact.sentence(self.lang, &value.to_string(), &shown) {
            // A person's text brings its own full stop.
            let sentence = if sentence.ends_with("..") {
                sentence.trim_end_matches('.').to_owned() + "."
            } else {
                sentence
            };
            self.indented(&(sentence + &rows));
        } else {
            let field = words.field(&capital(fact.label.of(self.lang)), &shown);
            self.indented(&(field + &rows));
        }
    }

    /// The rows that a person gave for a fact.
    fn rows_of(&mut self, fact: &str) -> String {
        let rows = self.known.response.facts.stated(fact).map_or(&[][..], |stated| &stated.rows);
        if self.traces.is_some() { self.reference(rows) } else { String::new() }
    }

    /// ` [D-1, E-3:57]`
    fn reference(&mut self, from: &[String]) -> String {
        if from.is_empty() {
            return String::new();
        }
        self.refers = true;
        let from: Vec<_> = from.iter().map(|one| visible(one)).collect();
        format!(" [{}]", from.join(", "))
    }

    /// What the case shows of a fact that no person has spoken of: who says that it is not known is not contradicted.
    fn said(&self, fact: &str) -> Option<Said> {
        let spoken = self.known.response.facts.stated(fact).is_some_and(|stated| !stated.unset);
        let traces = self.traces.filter(|_| !spoken)?;
        let mut said = traces.tell(fact, self.lang);
        if fact == "note.unknown" && !said.entries.is_empty() {
            let open = TO_SETTLE.iter().filter(|name| self.known.response.facts.value(name).is_none());
            let labels =
                open.filter_map(|name| fact_catalog().fact(name)).map(|fact| fact.label.of(self.lang));
            said.entries.extend(labels.map(|label| Entry {
                text: case_words::fill(&case_words::NOT_SETTLED, self.lang, &[label]),
                from: Vec::new(),
            }));
        }
        Some(said)
    }

    fn not_stated(&mut self, fact: &FactDef) {
        let (words, label) = (self.words, fact.label.of(self.lang));
        let said = self.said(&fact.id).unwrap_or_default();
        self.notice.withheld += said.withheld;
        match said.entries.as_slice() {
            [] => self.not_known(fact),
            [one] => {
                let from = self.reference(&one.from);
                self.indented(&format!("{}{from}", words.field(&capital(label), &one.text)));
                self.notice.from_case.push(fact.id.clone());
            }
            entries => {
                let lines =
                    entries.iter().map(|one| format!("\n- {}{}", one.text, self.reference(&one.from)));
                let lines: String = lines.collect();
                // Where the heading of the part says the same it is not said twice.
                if self.heading.eq_ignore_ascii_case(label) || self.heading == capital(label) {
                    self.indented(lines.trim_start_matches('\n'));
                } else {
                    self.indented(&words.field(&capital(label), &lines));
                }
                self.notice.from_case.push(fact.id.clone());
            }
        }
        if said.withheld > 0 {
            self.indented(words.withheld);
        }
    }

    fn not_known(&mut self, fact: &FactDef) {
        let words = self.words;
        let own = OWN.iter().any(|part| fact.id.starts_with(part));
        let phrase = if own { words.fill_in } else { words.unknown };
        let spoken = self.known.response.facts.stated(&fact.id).is_some_and(|stated| !stated.unset);
        let rows = self.traces.filter(|_| !spoken).and_then(|traces| traces.pointers.get(&fact.id));
        let points =
            rows.map_or_else(String::new, |rows| format!(" {}{}.", words.points, self.reference(rows)));
        self.line(&format!("   {}{points}", phrase.replacen("{}", fact.label.of(self.lang), 1)));
        self.notice.unknown.push(fact.id.clone());
    }

    fn indented(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("   {line}"));
        }
    }

    fn shown(&self, value: &Value) -> String {
        match value {
            Value::Bool(is) => fact_catalog().word(if *is { "true" } else { "false" }, self.lang).to_owned(),
            Value::Word(word) => fact_catalog().word(word, self.lang).to_owned(),
            Value::Time(moment) => dates::moment(moment.instant, self.lang),
            Value::Number(number) => dates::number(&Value::Number(number.clone()).to_string(), self.lang),
            Value::Text(text) => clean(text),
            Value::List(items) => {
                items.iter().fold(String::new(), |mut all, item| {
                    let _ = write!(all, "\n- {}", clean(item)); // to a String: cannot fail
                    all
                })
            }
        }
    }

    fn foot(&mut self, row: &Row, marking: Option<&str>) {
        let words = self.words;
        if self.refers {
            self.line(words.references);
            self.line("");
        }
        if row.stage != "communication" && row.stage != "register" {
            self.line(&words.field(words.author, "________________________"));
            self.line("");
        }
        if !self.notice.unknown.is_empty() && row.stage != "communication" {
            self.line(words.later);
            self.line("");
        }
        if let Some(marking) = marking {
            self.line(marking);
        }
    }
}

/// Line ends stay; every other hidden character is made visible.
fn clean(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
