//! `piste fact ask`: the unknown facts, those that decide most first.
//!
//! In: a case; on a terminal, a person's answers. Out: the questions with what the evidence proposes, or new facts. Nothing
//! is taken without the person's yes.

use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use piste_case::duties::{Known, Question, duties, questions};
use piste_case::facts::Statement;
use piste_report::escape::terminal;
use serde_json::json;

use super::proposals::{Proposal, proposals};
use super::{SHOWN_CHARS, fact_of, record, value_of};
use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::out;
use crate::person::Who;
use crate::response::{Writing, profile, read};

/// Walks through what is unknown, what decides most first.
///
/// On a terminal it asks; elsewhere, or with --list or --json, it prints the questions. What evidence, doors and exposure
/// already know is proposed with its rows, and taken only on `y`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste fact ask --by \"A. Peeters\"\n  piste fact ask --json")]
pub(crate) struct Ask {
    /// Print the questions in place of asking.
    #[arg(long)]
    list: bool,
    /// Print the questions as JSON lines.
    #[arg(long)]
    json: bool,
    /// At most so many questions.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    who: Who,
}

/// Answers to one question that may not fit before it is left open.
const TRIES_MAX: usize = 3;

/// Runs the command.
pub(super) fn run(arguments: &Ask, common: &Common) -> Result<(), Failure> {
    let ask = io::stdin().is_terminal() && io::stdout().is_terminal() && !arguments.list && !arguments.json;
    if !ask {
        return list(arguments, common);
    }
    let mut case = Writing::open(common)?;
    let by = case.who(&arguments.who)?;
    let answers = &mut io::stdin().lock();
    dialogue(&mut case, &by, answers, arguments.limit.unwrap_or(usize::MAX), common)?;
    case.refresh(&common.case)
}

fn open_questions(
    response: &piste_case::duties::Response,
    common: &Common,
) -> Result<Vec<Question>, Failure> {
    let known = Known { response, profile: profile(response)? };
    Ok(questions(&known, &duties(&known, clock::now(common))))
}

fn list(arguments: &Ask, common: &Common) -> Result<(), Failure> {
    let response = read(&common.case)?;
    let proposals = proposals(&common.case);
    for question in open_questions(&response, common)?.into_iter().take(arguments.limit.unwrap_or(usize::MAX))
    {
        let proposed = proposals.get(question.fact.as_str());
        if arguments.json {
            let mut line = json!(question);
            if let Some(object) = line.as_object_mut() {
                object.insert("proposed".into(), json!(proposed));
            }
            out::data(&format!("{line}\n"));
        } else {
            out::data(&in_words(&question, proposed));
        }
    }
    Ok(())
}

fn in_words(question: &Question, proposed: Option<&Proposal>) -> String {
    let list = |what: &str, duties: &[String]| {
        if duties.is_empty() { String::new() } else { format!("    {what} {}\n", duties.join(", ")) }
    };
    let values = if question.values.is_empty() {
        String::new()
    } else {
        format!("    one of {}\n", question.values.join(", "))
    };
    let proposed = proposed.map_or_else(String::new, |one| {
        format!(
            "    proposed: {}\n        because {}\n        rows {}\n",
            terminal(&one.value, SHOWN_CHARS),
            terminal(&one.because, SHOWN_CHARS),
            if one.rows.is_empty() { "-".to_owned() } else { one.rows.join(", ") }
        )
    });
    format!(
        "{}\n    {}\n{values}{}{}{}{proposed}",
        question.fact,
        question.ask,
        list("decides", &question.decides),
        list("starts the clock of", &question.starts),
        list("contained in", &question.contained_in)
    )
}

/// Asks until the answers, the questions or `limit` end. An answer opens new questions and closes others.
fn dialogue(
    case: &mut Writing,
    by: &str,
    answers: &mut dyn BufRead,
    limit: usize,
    common: &Common,
) -> Result<(), Failure> {
    let proposals = proposals(&common.case);
    let mut asked: BTreeSet<String> = BTreeSet::new();
    out::note("an answer, or: y takes what is proposed, an empty line leaves it open, q ends");
    while asked.len() < limit {
        let open = open_questions(&case.response, common)?;
        let Some(question) = open.into_iter().find(|one| !asked.contains(&one.fact)) else { break };
        asked.insert(question.fact.clone());
        let proposed = proposals.get(question.fact.as_str());
        out::note(&in_words(&question, proposed));
        for _ in 0..TRIES_MAX {
            let Some(answer) = line(answers) else { return Ok(()) };
            match (answer.as_str(), proposed) {
                ("q", _) => return Ok(()),
                ("", _) => break,
                ("y", None) => out::note("nothing is proposed here: write the answer itself"),
                ("y", Some(one)) => {
                    let rows = one.rows.clone();
                    if state(case, by, &question.fact, &one.value, Some(&one.because), rows, answers, common)?
                    {
                        break;
                    }
                }
                (answer, _) => {
                    if state(case, by, &question.fact, answer, None, Vec::new(), answers, common)? {
                        break;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Records one answer with its reason; `false` where the value does not fit and is asked again.
#[expect(clippy::too_many_arguments, reason = "one answer with all that its ledger entry needs")]
fn state(
    case: &mut Writing,
    by: &str,
    name: &str,
    text: &str,
    because: Option<&str>,
    rows: Vec<String>,
    answers: &mut dyn BufRead,
    common: &Common,
) -> Result<bool, Failure> {
    let value = match fact_of(name).and_then(|fact| value_of(fact, text)) {
        Ok(value) => value,
        Err(failure) => {
            out::note(&failure.to_string());
            return Ok(false);
        }
    };
    let why = if let Some(because) = because {
        Some(because.to_owned())
    } else {
        out::note("why?");
        line(answers)
    };
    let Some(why) = why.filter(|why| !why.is_empty()) else {
        out::note("not recorded: a fact needs its reason");
        return Ok(true);
    };
    let statement = Statement { name: name.to_owned(), value, by: by.to_owned(), why, rows };
    record(case, &statement, common)?;
    Ok(true)
}

fn line(answers: &mut dyn BufRead) -> Option<String> {
    let mut text = String::new();
    match answers.read_line(&mut text) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Next, with_hashes};
    use piste_case::kind;
    use std::fs;

    #[test]
    fn a_proposal_is_taken_only_on_a_yes() {
        let folder = tempfile::tempdir().expect("a folder");
        let case_folder = folder.path().join("case");
        fs::create_dir_all(&case_folder).expect("a folder");
        let door = json!({"doors": [{
            "id": "D-1", "key": "k", "kind": "webshell", "cve": [], "host": "MX01", "place": "/owa/auth/x.aspx",
            "verdict": "used", "state": "open", "opened": {"not_before": null, "not_after": null},
            "first_used": null, "last_used": null, "sources": ["203.0.113.7"], "accounts": [], "why": [], "close": "-",
            "rows": []}]});
        let at = "2021-03-27T00:00:00Z".parse().expect("a time");
        let mut next = Next::begin(&case_folder).expect("it begins");
        next.write("doors.json", door.to_string().as_bytes()).expect("it is written");
        let (mut ledger, _) = piste_case::Ledger::open(&case_folder.join("ledger.jsonl")).expect("a ledger");
        ledger.append(kind::RUN_FINISHED, with_hashes(json!({}), Some(&next)), at).expect("it is appended");
        next.commit().expect("it takes its place");
        drop(ledger);
        let at = Some(at);
        let common = Common { case: case_folder, at, quiet: true, ..Common::default() };
        let ask = |answers: &str| {
            let mut case = Writing::open(&common).expect("it opens");
            dialogue(&mut case, "B", &mut answers.as_bytes(), usize::MAX, &common).expect("it ends");
            case.response.facts.value("crime.suspected").map(ToString::to_string)
        };
        assert_eq!(ask(&"\n".repeat(200)), None, "left open");
        assert_eq!(ask("q\n"), None);
        let yes_to_all = "y\n".repeat(600);
        assert_eq!(ask(&yes_to_all).as_deref(), Some("true"), "taken with its reason");
        let response = read(&common.case).expect("it reads");
        assert!(response.facts.stated("crime.suspected").expect("set").why.contains("webshell"));
        let unproposed = response
            .facts
            .names()
            .filter(|name| {
                ![
                    "crime.suspected",
                    "incident.unauthorised_access",
                    "incident.confirmed",
                    "incident.iocs",
                    "incident.product_vuln_exploited",
                ]
                .contains(name)
            })
            .count();
        assert_eq!(unproposed, 0, "a yes to nothing records nothing");
    }
}
