//! Which questions are rarely answered yes: by these a rule is woken.
//!
//! In: an expression. Out: leaves of which at least one holds in every row that matches, the rarest that can be told
//! beforehand. A wrong guess costs time, never a match.

use super::{Expr, Leaf, Op, Piece, Plan, Test};

/// Values that most logs are full of, folded.
const ORDINARY: [&str; 8] = [
    r"c:\windows\system32\svchost.exe -k netsvcs -p",
    r"c:\windows\system32\cmd.exe",
    r"c:\windows\system32\windowspowershell\v1.0\powershell.exe",
    r"c:\program files\common files\microsoft shared\clicktorun\officeclicktorun.exe",
    r"c:\program files (x86)\google\chrome\application\chrome.exe",
    r"c:\users\user\appdata\local\microsoft\teams\update.exe",
    r"nt authority\system",
    r"http://schemas.microsoft.com/powershell/2004/04",
];

/// The leaves to wake a rule by.
pub(crate) fn wake(expr: &Expr, plan: &Plan) -> Option<Vec<Leaf>> {
    rarest(expr, plan).map(|(_, leaves)| leaves)
}

fn rarest(expr: &Expr, plan: &Plan) -> Option<(f64, Vec<Leaf>)> {
    match expr {
        Expr::Holds(leaf) => Some((share(*leaf, plan), vec![*leaf])),
        Expr::And(all) => all.iter().filter_map(|one| rarest(one, plan)).min_by(|a, b| a.0.total_cmp(&b.0)),
        Expr::Or(any) | Expr::AtLeast(1.., any) => {
            let each: Option<Vec<_>> = any.iter().map(|one| rarest(one, plan)).collect();
            let each = each?;
            let sum = each.iter().map(|(share, _)| share).sum();
            let mut leaves: Vec<Leaf> = each.into_iter().flat_map(|(_, leaves)| leaves).collect();
            leaves.sort_unstable();
            leaves.dedup();
            Some((sum, leaves))
        }
        Expr::Present(_) | Expr::Same { .. } | Expr::Not(_) | Expr::AtLeast(0, _) => None,
    }
}

/// The share of rows in which the answer may be yes, guessed.
pub(crate) fn share(leaf: Leaf, plan: &Plan) -> f64 {
    let test = match leaf {
        Leaf::Field(field, test) => {
            let Some(field) = plan.fields.get(index(field)) else { return 1.0 };
            if matches!(field.name.as_str(), "EventID" | "Channel" | "Provider_Name" | "EventType") {
                return 0.9;
            }
            field.tests.get(index(test))
        }
        Leaf::Keyword(test) => plan.keywords.get(index(test)),
    };
    match test {
        Some(Test::Text(op, text, _)) => text_share(*op, text),
        Some(Test::Glob(pieces, _)) => {
            let texts = pieces.iter().filter_map(|piece| match piece {
                Piece::Text(text) => Some(text_share(Op::Contains, text)),
                Piece::One | Piece::Any => None,
            });
            texts.fold(0.7, f64::min)
        }
        Some(Test::Regex(_) | Test::Network(_)) => 0.1,
        Some(Test::Number(..) | Test::Flag(_) | Test::Time(..)) => 0.3,
        None => 1.0,
    }
}

fn text_share(op: Op, text: &str) -> f64 {
    let ordinary = |value: &&str| match op {
        Op::Exact => **value == *text,
        Op::Contains => value.contains(text),
        Op::StartsWith => value.starts_with(text),
        Op::EndsWith => value.ends_with(text),
    };
    if text.len() < 3 || ORDINARY.iter().any(ordinary) {
        return 0.8;
    }
    // Longer texts are rarer; a name at the end of a path is met more often than a phrase.
    let rate = if op == Op::Exact { 0.7_f64 } else { 0.8 };
    let length = i32::try_from(text.len()).unwrap_or(i32::MAX);
    rate.powi(length).max(1e-6)
}

pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
