//! `catalog/facts.yaml`, embedded: which facts there are, their types, their words in four languages.
//!
//! In: the file as a person maintains it. Out: [`FactCatalog`], checked: no name twice, no content that names an unknown
//! fact, a sentence for every value where there are sentences.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../../../catalog/facts.yaml");

/// A language of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// French, whole sentences.
    Fr,
    /// Dutch, whole sentences.
    Nl,
    /// German, headings and field names.
    De,
    /// English, headings and field names.
    En,
}

impl Lang {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Fr, Self::Nl, Self::De, Self::En];

    /// `fr`, `nl`, `de`, `en`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::Nl => "nl",
            Self::De => "de",
            Self::En => "en",
        }
    }
}

/// One phrase in the four languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the languages")]
pub struct Words {
    pub fr: String,
    pub nl: String,
    pub de: String,
    pub en: String,
}

impl Words {
    /// The phrase in `lang`.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.fr,
            Lang::Nl => &self.nl,
            Lang::De => &self.de,
            Lang::En => &self.en,
        }
    }
}

/// What a fact's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactType {
    /// `true` or `false`.
    Bool,
    /// One of the fact's words.
    Enum,
    /// An instant with its offset.
    Time,
    /// A decimal number, not negative.
    Number,
    /// Free text.
    Text,
    /// Texts, or some of the fact's words.
    List,
}

/// The sentence of a fact: one with `{}` for the value, or one for each value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Say {
    Any(String),
    Each(BTreeMap<String, String>),
}

/// One fact that a case may hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactDef {
    /// `t.aware_significant`.
    pub id: String,
    /// What its value may be.
    #[serde(rename = "type")]
    pub kind: FactType,
    /// The words of an enumeration, or of a list that is closed.
    #[serde(default)]
    pub values: Vec<String>,
    /// The question that `piste fact ask` puts.
    pub ask: String,
    /// Its name as a field.
    pub label: Words,
    #[serde(default)]
    say: BTreeMap<Lang, Say>,
}

impl FactDef {
    /// The whole sentence for a value whose plain form is `key` and whose shown form is `shown`; `None` where the language
    /// has headings only or the fact stands under its label.
    pub fn sentence(&self, lang: Lang, key: &str, shown: &str) -> Option<String> {
        match self.say.get(&lang)? {
            Say::Any(sentence) => Some(sentence.replacen("{}", shown, 1)),
            Say::Each(sentences) => sentences.get(key).cloned(),
        }
    }

    fn fault(&self) -> Option<String> {
        let needs_words = self.kind == FactType::Enum;
        if needs_words && self.values.is_empty() {
            return Some(format!("the enumeration `{}` has no values", self.id));
        }
        let words: Vec<&str> = match self.kind {
            FactType::Bool => vec!["true", "false"],
            _ => self.values.iter().map(String::as_str).collect(),
        };
        self.say.values().find_map(|say| match say {
            Say::Any(sentence) => (sentence.matches("{}").count() != 1)
                .then(|| format!("a sentence of `{}` has no place for its value", self.id)),
            Say::Each(sentences) => words
                .iter()
                .find(|word| !sentences.contains_key(**word))
                .map(|word| format!("`{}` has no sentence for `{word}`", self.id)),
        })
    }
}

/// One piece of a notification's required contents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// As the duties name it.
    pub id: String,
    /// Facts that carry it.
    pub facts: Vec<String>,
    /// Its heading.
    pub label: Words,
    /// Required "where available" only: its absence is no gap.
    #[serde(default)]
    pub optional: bool,
    /// Required only after the deadline.
    #[serde(default)]
    pub late: bool,
}

#[derive(Debug, Deserialize)]
struct File {
    facts: Vec<FactDef>,
    contents: Vec<Content>,
    words: BTreeMap<String, Words>,
}

/// All facts, in the order of the file.
#[derive(Debug)]
pub struct FactCatalog {
    facts: Vec<FactDef>,
    contents: Vec<Content>,
    words: BTreeMap<String, Words>,
}

impl FactCatalog {
    fn parse(text: &str) -> Result<Self, String> {
        let File { facts, contents, words } =
            yaml_serde::from_str(text).map_err(|error| error.to_string())?;
        let catalog = Self { facts, contents, words };
        let mut seen = std::collections::BTreeSet::new();
        for fact in &catalog.facts {
            if !seen.insert(fact.id.as_str()) {
                return Err(format!("`{}` stands twice", fact.id));
            }
            if let Some(fault) = fact.fault() {
                return Err(fault);
            }
        }
        for content in &catalog.contents {
            if let Some(name) = content.facts.iter().find(|name| catalog.fact(name).is_none()) {
                return Err(format!("the content `{}` names `{name}`, which is no fact", content.id));
            }
        }
        Ok(catalog)
    }

    /// All facts, in the order in which they are asked where nothing else decides.
    pub fn facts(&self) -> &[FactDef] {
        &self.facts
    }

    /// One fact by name.
    pub fn fact(&self, name: &str) -> Option<&FactDef> {
        self.facts.iter().find(|fact| fact.id == name)
    }

    /// One piece of contents by name.
    pub fn content(&self, id: &str) -> Option<&Content> {
        self.contents.iter().find(|content| content.id == id)
    }

    /// A word of an enumeration in `lang`; the word itself where the catalogue has none.
    pub fn word<'a>(&'a self, word: &'a str, lang: Lang) -> &'a str {
        self.words.get(word).map_or(word, |words| words.of(lang))
    }

    /// The name most like `name`, for a slip of the finger.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let wanted = name.to_lowercase();
        let shared = |id: &str| {
            id.split(['.', '_']).filter(|part| wanted.split(['.', '_']).any(|other| other == *part)).count()
        };
        let best =
            self.facts.iter().max_by_key(|fact| (shared(&fact.id), std::cmp::Reverse(fact.id.len())))?;
        (shared(&best.id) > 0).then_some(best.id.as_str())
    }
}

/// The catalogue that is built in; its tests rule out that it is wrong.
pub fn fact_catalog() -> &'static FactCatalog {
    static CATALOG: LazyLock<FactCatalog> =
        LazyLock::new(|| FactCatalog::parse(TEXT).expect("the embedded catalogue of facts is tested"));
    &CATALOG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_parses_and_every_phrase_is_there() {
        let catalog = FactCatalog::parse(TEXT).expect("it parses");
        assert!(catalog.facts.len() > 120, "{}", catalog.facts.len());
        for fact in &catalog.facts {
            for lang in Lang::ALL {
                assert!(!fact.label.of(lang).trim().is_empty(), "{} has a label in {lang:?}", fact.id);
            }
            assert!(fact.ask.ends_with('?') || fact.ask.ends_with(')'), "{}: {}", fact.id, fact.ask);
            let languages: Vec<Lang> = fact.say.keys().copied().collect();
            assert!(languages.is_empty() || languages == [Lang::Fr, Lang::Nl], "{}: FR and NL", fact.id);
        }
        for content in &catalog.contents {
            for lang in Lang::ALL {
                assert!(!content.label.of(lang).trim().is_empty(), "{} in {lang:?}", content.id);
            }
            for name in &content.facts {
                let fact = catalog.fact(name).expect("it is a fact");
                let plain = matches!(fact.kind, FactType::Text | FactType::List);
                assert!(plain || !fact.say.is_empty(), "{name} is said in whole sentences");
            }
        }
    }

    #[test]
    fn a_catalogue_with_a_fault_is_refused() {
        let one = |say: &str| {
            format!(
                "facts: [{{id: a, type: bool, ask: 'A?', label: {{fr: a, nl: a, de: a, en: a}}, say: {say}}}]\ncontents: []\nwords: {{}}"
            )
        };
        assert!(FactCatalog::parse(&one("{fr: {'true': oui, 'false': non}}")).is_ok());
        assert!(FactCatalog::parse(&one("{fr: {'true': oui}}")).is_err());
        assert!(FactCatalog::parse(&one("{fr: 'pas de place'}")).is_err());
    }

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        assert_eq!(fact_catalog().nearest("aware_significant"), Some("t.aware_significant"));
        assert_eq!(fact_catalog().nearest("zzz"), None);
    }
}
