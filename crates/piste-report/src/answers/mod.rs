//! The answers of a run: the questions that those who decide ask, each in plain sentences that lead to their rows.
//!
//! In: the trail, doors, duties, the first actions of the plan and the figures. Out: one [`CaseAnswer`] a question, the same for the
//! page and for the terminal. A sentence says what rows show; what they cannot show is said beside it, and "not known" is an
//! answer. That he is out is never said here: only evidence collected afterwards shows it.

mod response;
mod trace;

pub(crate) use trace::tactic;

use piste_case::duties::Duty;
use piste_case::plan::PlannedAction;
use piste_model::summary::Summary;
use piste_model::{Door, Finding, Trail};

/// Things that a sentence names one by one.
const NAMED: usize = 6;

/// A question that a run answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Were we entered?
    Entered,
    /// Since when?
    SinceWhen,
    /// Through which ways in, and which are still open?
    WaysIn,
    /// What did he do?
    Deeds,
    /// Is he out?
    Out,
    /// What must be done first?
    First,
    /// Whom must we tell, and by when?
    Tell,
    /// What was not looked at?
    NotSeen,
}

impl Question {
    /// In the order in which they are asked.
    pub const ALL: [Self; 8] = [
        Self::Entered,
        Self::SinceWhen,
        Self::WaysIn,
        Self::Deeds,
        Self::Out,
        Self::First,
        Self::Tell,
        Self::NotSeen,
    ];

    /// As a person asks it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Entered => "Were we entered?",
            Self::SinceWhen => "Since when?",
            Self::WaysIn => "By which ways, and which are open?",
            Self::Deeds => "What did he do?",
            Self::Out => "Is he out?",
            Self::First => "What must be done first?",
            Self::Tell => "Whom to tell, by when?",
            Self::NotSeen => "What was not looked at?",
        }
    }
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words, not escaped yet.
    Words(String),
    /// What the words rest on: `S-1`, `D-2`, `F-3`, `I-1`.
    Leads(String),
    /// A section of the page, by its anchor; on a terminal the command or file that shows the same.
    Section {
        /// Anchor of the section.
        anchor: &'static str,
        /// What shows it on a terminal.
        elsewhere: &'static str,
    },
}

/// One sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<Piece>);

impl Sentence {
    /// Of words alone.
    pub fn of(words: impl Into<String>) -> Self {
        Self::default().words(words)
    }

    /// Adds words.
    #[must_use]
    pub fn words(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// Adds what they rest on.
    #[must_use]
    pub fn leads(mut self, id: impl Into<String>) -> Self {
        self.0.push(Piece::Leads(id.into()));
        self
    }

    /// Adds a section of the page.
    #[must_use]
    pub fn section(mut self, anchor: &'static str, elsewhere: &'static str) -> Self {
        self.0.push(Piece::Section { anchor, elsewhere });
        self
    }

    /// As text, for a terminal.
    pub fn text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Leads(id) => id.clone(),
            Piece::Section { elsewhere, .. } => (*elsewhere).to_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}

/// What is answered to one question; the first sentence is the answer, the others say how far it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseAnswer {
    /// The question.
    pub question: Question,
    /// The sentences; at least one.
    pub sentences: Vec<Sentence>,
}

/// What answers are made of.
#[derive(Debug, Clone, Copy)]
pub struct AnswerSources<'a> {
    /// The figures.
    pub summary: &'a Summary,
    /// All findings.
    pub findings: &'a [Finding],
    /// Ways in, the gravest first.
    pub doors: &'a [Door],
    /// The trail, with what the logs cover.
    pub trail: &'a Trail,
    /// The state of every duty; `None` where it could not be computed.
    pub duties: Option<&'a [Duty]>,
    /// The plan's actions in their order; `None` where there is none.
    pub actions: Option<&'a [PlannedAction]>,
}

/// Answers every question.
pub fn answers(sources: &AnswerSources<'_>) -> Vec<CaseAnswer> {
    let answer = |question| {
        let sentences = match question {
            Question::Entered => trace::entered(sources),
            Question::SinceWhen => trace::since_when(sources),
            Question::WaysIn => trace::ways_in(sources),
            Question::Deeds => trace::deeds(sources),
            Question::Out => response::out(sources),
            Question::First => response::first(sources),
            Question::Tell => response::tell(sources),
            Question::NotSeen => response::not_seen(sources),
        };
        CaseAnswer { question, sentences }
    };
    Question::ALL.into_iter().map(answer).collect()
}

/// `a, b and 3 more`.
fn named<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let more = names.len().saturating_sub(most);
    let shown = names.into_iter().take(most).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
