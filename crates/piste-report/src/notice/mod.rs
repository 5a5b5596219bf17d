//! A notification, written from the facts of the case and from nothing else.
//!
//! In: what is known, a duty and a language. Out: the text. French and Dutch have whole sentences, German and English
//! headings and field names. What a person did not state is said to be not yet known: neither what the profile assumes nor
//! what Piste derives is written down as a fact. Texts of persons stand as they wrote them, hidden characters made visible.

mod dates;
mod phrases;

use std::fmt::Write;

use piste_case::duties::{ContentRef, Duty, Known, Row, duty_catalog};
use piste_case::facts::{Content, FactDef, FactType, Lang, Value, fact_catalog};
use piste_model::Instant;

use crate::escape::visible;
use phrases::{Phrases, phrases};

/// A draft and what a person must still look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The text, lines ended by `\n`.
    pub text: String,
    /// Facts that it says are not yet known.
    pub unknown: Vec<String>,
    /// Facts whose text stands as a person wrote it, in whatever language that is.
    pub as_written: Vec<String>,
    /// Required contents that no fact carries: to be written by hand.
    pub by_hand: Vec<String>,
}

/// Writes the notification of `row` in `lang`, for `recipient`, as of `at`.
pub fn notice(known: &Known<'_>, row: &Row, duty: &Duty, recipient: &str, lang: Lang, at: Instant) -> Notice {
    let words = phrases(lang);
    let mut draft = Draft {
        known,
        lang,
        words,
        notice: Notice { text: String::new(), unknown: vec![], as_written: vec![], by_hand: vec![] },
    };
    let marking = (row.stage != "communication").then_some(row.default_marking.as_str());
    draft.head(row, duty, recipient, marking, at);
    let wanted = |id: &str| {
        duty.content.iter().any(|content| {
            content.id == id && (content.required || content.facts.iter().any(|fact| fact.value.is_some()))
        })
    };
    for (number, content) in sections(row, &wanted).into_iter().enumerate() {
        draft.section(number + 1, content);
    }
    draft.foot(row, marking);
    draft.notice
}

/// Required contents, and those others that have something to say.
fn sections<'a>(row: &'a Row, wanted: &dyn Fn(&str) -> bool) -> Vec<Section<'a>> {
    let sections = row.content.iter().filter_map(|content| match content {
        ContentRef::Words { text } => Some(Section::Words(text)),
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
    Words(&'a str),
}

struct Draft<'a> {
    known: &'a Known<'a>,
    lang: Lang,
    words: &'static Phrases,
    notice: Notice,
}

impl Draft<'_> {
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
        self.line(&words.field(words.stage, &words.stage_of(row, duty)));
        self.line(&words.field(words.drawn_up, &dates::moment(at, lang)));
        // The first sentence names the law in the language of the draft; the catalogue's basis is in English.
        let opening = row.notice.as_ref().and_then(|words| words.opening.get(&lang));
        if opening.is_none() {
            let basis = row.legal_basis.join("; ").replace("to be confirmed", words.to_confirm);
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

    fn section(&mut self, number: usize, section: Section<'_>) {
        match section {
            Section::Words(text) => {
                self.line(&format!("{number}. {text}"));
                let by_hand = self.words.by_hand;
                self.line(&format!("   {by_hand}"));
                self.notice.by_hand.push(text.to_owned());
            }
            Section::Content(content) => {
                self.line(&format!("{number}. {}", content.label.of(self.lang)));
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
            // Of itself the sender knows it: to say otherwise would be odd, and untrue.
            let own = ["entity.", "contact."].iter().any(|part| fact.id.starts_with(part));
            let phrase = if own { words.fill_in } else { words.unknown };
            self.line(&format!("   {}", phrase.replacen("{}", fact.label.of(self.lang), 1)));
            self.notice.unknown.push(fact.id.clone());
            return;
        };
        if matches!(fact.kind, FactType::Text | FactType::List) {
            self.notice.as_written.push(fact.id.clone());
        }
        let shown = self.shown(value);
        if let Some(sentence) = fact.sentence(self.lang, &value.to_string(), &shown) {
            // A person's text brings its own full stop.
            let sentence = if sentence.ends_with("..") {
                sentence.trim_end_matches('.').to_owned() + "."
            } else {
                sentence
            };
            self.indented(&sentence);
        } else {
            let field = words.field(&capital(fact.label.of(self.lang)), &shown);
            self.indented(&field);
        }
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
