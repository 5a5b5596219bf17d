//! What a YARA rule says of itself in `meta`, where each author has his own words.
//!
//! In: names and values. Out: id, title, level, techniques. The keys are those of the rule collections that are in use:
//! YARA Forge and signature-base (`score`, `id`, `reference`), Elastic (`severity`, `threat_name`), ANSSI and CERT-EU
//! (`uuid`, `mitre_att`).

use piste_model::Level;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 120;

/// `meta` in the order of the rule.
pub(crate) struct Meta(pub(crate) Vec<(String, String)>);

impl Meta {
    /// The first of these keys that is there and says something.
    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| {
            let said =
                self.0.iter().find(|(name, value)| name.eq_ignore_ascii_case(key) && !value.is_empty());
            said.map(|(_, value)| value.as_str())
        })
    }

    pub(crate) fn id(&self) -> Option<String> {
        self.first(&["id", "uuid", "rule_id"]).map(|text| text.chars().take(TITLE_CHARS_MAX).collect())
    }

    pub(crate) fn status(&self) -> String {
        self.first(&["status"]).unwrap_or_default().to_ascii_lowercase()
    }

    pub(crate) fn description(&self) -> String {
        self.first(&["description", "desc", "info"]).unwrap_or_default().to_owned()
    }

    /// The title, or the first sentence of the description.
    pub(crate) fn title(&self) -> Option<String> {
        if let Some(title) = self.first(&["title", "threat_name", "name"]) {
            return Some(title.chars().take(TITLE_CHARS_MAX).collect());
        }
        let description = self.description();
        let sentence = description.split(". ").next().unwrap_or_default().trim().trim_end_matches('.');
        (!sentence.is_empty()).then(|| sentence.chars().take(TITLE_CHARS_MAX).collect())
    }

    pub(crate) fn references(&self) -> Vec<String> {
        let is_one = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("reference") || matches!(name.as_str(), "ref" | "refs" | "url" | "source_url")
        };
        self.0.iter().filter(|(name, _)| is_one(name)).map(|(_, value)| value.clone()).collect()
    }

    /// The level in words, else by `score` or a numeric `severity` of 0 to 100; high where nothing is said.
    pub(crate) fn level(&self) -> Level {
        for key in ["level", "severity", "threat_level"] {
            let Some(text) = self.first(&[key]) else { continue };
            if let Some(level) = Level::parse(&text.to_ascii_lowercase()) {
                return level;
            }
            if key == "severity"
                && let Some(level) = by_score(text)
            {
                return level;
            }
        }
        self.first(&["score"]).and_then(by_score).unwrap_or(Level::High)
    }

    /// ATT&CK techniques that a key about ATT&CK names.
    pub(crate) fn attack(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in &self.0 {
            let name = name.to_ascii_lowercase();
            if ["attack", "mitre", "technique"].iter().any(|word| name.contains(word)) {
                for technique in techniques(value) {
                    if !found.contains(&technique) {
                        found.push(technique);
                    }
                }
            }
        }
        found
    }
}

/// As signature-base grades: 80 and more alarm, 60 warn, 40 deserve a look.
fn by_score(text: &str) -> Option<Level> {
    let score: f64 = text.trim().parse().ok()?;
    Some(match score {
        _ if score >= 90.0 => Level::Critical,
        _ if score >= 70.0 => Level::High,
        _ if score >= 50.0 => Level::Medium,
        _ => Level::Low,
    })
}

/// `T1505` and `T1505.003` anywhere in a text.
fn techniques(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let of_word = |word: &str| {
        let upper = word.trim_end_matches('.').to_ascii_uppercase();
        let digits =
            |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let rest = upper.strip_prefix('T')?;
        let whole = match rest.split_once('.') {
            None => digits(rest, 4),
            Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        };
        whole.then_some(upper)
    };
    words.filter_map(of_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(pairs: &[(&str, &str)]) -> Meta {
        Meta(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn levels_are_read_as_each_collection_writes_them() {
        for (pairs, expected) in [
            (&[("level", "Critical")][..], Level::Critical),
            (&[("severity", "medium")], Level::Medium),
            (&[("severity", "100")], Level::Critical),
            (&[("score", "75")], Level::High),
            (&[("score", "60")], Level::Medium),
            (&[("score", "0")], Level::Low),
            (&[("level", "unheard of")], Level::High),
            (&[], Level::High),
        ] {
            assert_eq!(meta(pairs).level(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn titles_ids_and_techniques() {
        let one = meta(&[
            ("description", "Detects a shell. Seen in 2021."),
            ("uuid", "abc"),
            ("mitre_att", "T1505.003, t1190"),
            ("hash", "T1001"),
            ("reference2", "https://example.org"),
        ]);
        assert_eq!(one.title().as_deref(), Some("Detects a shell"));
        assert_eq!(one.id().as_deref(), Some("abc"));
        assert_eq!(one.attack(), ["T1505.003", "T1190"]);
        assert_eq!(one.references(), ["https://example.org"]);
        assert_eq!(techniques("TA0001 T15 T1505.3 (T1003)."), ["T1003"]);
    }
}
