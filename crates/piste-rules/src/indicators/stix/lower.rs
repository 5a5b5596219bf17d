//! What of a STIX pattern one row can show.
//!
//! In: a parsed pattern. Out: its tests, joined; or why no single row can tell: an order, a number of times, a negation, a
//! field that no row has. A pattern that joins observations by `OR` is as many patterns.

use super::super::expression::Expression;
use super::super::kind::Hint;
use super::super::sink::Fault;
use super::super::value::{self, Why};
use super::super::{Kind, Test};
use super::pattern::{Comparison, Join, Leaf, Operator, Pattern};

type Refused = (Fault, String);

/// The observations of which any is enough.
pub(super) fn alternatives(pattern: &Pattern) -> Result<Vec<Expression>, Refused> {
    let not_in_one = |what: &str| Err((Fault::NotInOneRow, format!("{what}, which no single row can show")));
    match pattern {
        Pattern::Observation(comparison) => Ok(vec![expression(comparison)?]),
        Pattern::Joined(Join::Or, parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(alternatives(part)?);
            }
            Ok(all)
        }
        Pattern::Joined(Join::And, _) => not_in_one("it joins observations by AND"),
        Pattern::Joined(Join::FollowedBy, _) => not_in_one("it joins observations by FOLLOWEDBY"),
        Pattern::Qualified(_, word) => not_in_one(&format!("it is qualified by {word}")),
    }
}

fn expression(comparison: &Comparison) -> Result<Expression, Refused> {
    let all = |parts: &[Comparison]| parts.iter().map(expression).collect::<Result<Vec<_>, _>>();
    match comparison {
        Comparison::All(parts) => {
            // `dst_ref.type = 'ipv4-addr'` beside the value says nothing that the value does not.
            let telling: Vec<Comparison> = parts.iter().filter(|part| !is_type(part)).cloned().collect();
            Ok(Expression::All(all(if telling.is_empty() { parts } else { &telling })?))
        }
        Comparison::Any(parts) => Ok(Expression::Any(all(parts)?)),
        Comparison::Is(leaf) => of_leaf(leaf),
    }
}

/// Whether a comparison only asks of which kind a reference is.
fn is_type(comparison: &Comparison) -> bool {
    let Comparison::Is(leaf) = comparison else { return false };
    let of_reference = leaf.path.ends_with("_ref.type") || leaf.path.ends_with("_refs[*].type");
    of_reference && leaf.operator == Operator::Equal && !leaf.negated
}

/// What a path of STIX is in rows.
enum Carries {
    Value(Hint),
    Kind(Kind),
    Port,
}

fn carries(path: &str) -> Option<Carries> {
    let (object, property) = path.split_once(':')?;
    let is = |kind| Some(Carries::Kind(kind));
    if let Some((_, hash)) = property.rsplit_once("hashes.") {
        return ["md5", "sha-1", "sha1", "sha-256", "sha256"]
            .contains(&hash)
            .then_some(Carries::Kind(Kind::FileHash));
    }
    match (object, property) {
        ("ipv4-addr" | "ipv6-addr", "value") | ("domain-name", "resolves_to_refs[*].value") => {
            Some(Carries::Value(Hint::Address))
        }
        ("network-traffic", "src_ref.value" | "dst_ref.value") => Some(Carries::Value(Hint::Any)),
        ("network-traffic", "src_port" | "dst_port") => Some(Carries::Port),
        ("domain-name", "value") => is(Kind::DomainName),
        ("url", "value") => is(Kind::Url),
        ("email-addr", "value")
        | ("email-message", "from_ref.value" | "sender_ref.value" | "to_refs[*].value") => {
            is(Kind::EmailAddr)
        }
        ("file", "name") | ("process", "name" | "image_ref.name" | "binary_ref.name") => is(Kind::FileName),
        ("file", "parent_directory_ref.path") | ("directory", "path") => is(Kind::FilePath),
        ("process", "image_ref.parent_directory_ref.path" | "binary_ref.parent_directory_ref.path") => {
            is(Kind::FilePath)
        }
        ("process", "command_line") => is(Kind::ProcessCommandLine),
        ("mutex", "name") => is(Kind::Mutex),
        ("windows-registry-key", "key") => is(Kind::WindowsRegistryKey),
        (object, "name") if object.contains("pipe") => is(Kind::NamedPipe),
        ("network-traffic", property) if property.ends_with("request_header.user-agent") => {
            is(Kind::UserAgent)
        }
        _ => None,
    }
}

fn of_leaf(leaf: &Leaf) -> Result<Expression, Refused> {
    let not_in_one = |what: String| Err((Fault::NotInOneRow, what));
    if leaf.negated || leaf.operator == Operator::NotEqual {
        return not_in_one(format!(
            "it asks for what `{}` is not, and a row that lacks it proves nothing",
            leaf.path
        ));
    }
    let Some(carries) = carries(&leaf.path) else {
        return Err((Fault::NotSupported, format!("no row has what `{}` names", leaf.path)));
    };
    match leaf.operator {
        Operator::Equal | Operator::In => {
            let all = leaf.values.iter().map(|value| equal(leaf, &carries, value));
            let mut all = all.collect::<Result<Vec<_>, _>>()?;
            Ok(if all.len() == 1 { all.swap_remove(0) } else { Expression::Any(all) })
        }
        Operator::Subset => match leaf.values.first().map(|value| value::read(value, Hint::Address)) {
            Some(Ok(value)) => Ok(Expression::All(tests(&value))),
            _ => Err((Fault::BadPattern, "ISSUBSET asks for a network".to_owned())),
        },
        Operator::Like | Operator::Matches => {
            let text = leaf.values.first().map_or("", String::as_str);
            let kind = match carries {
                Carries::Kind(kind) => kind,
                Carries::Value(_) => Kind::Ipv4Addr,
                Carries::Port => return not_in_one("it matches a port by a pattern".to_owned()),
            };
            if text.trim_matches(['%', '_', '.', '*', '^', '$']).chars().count() < 3 {
                return Err((Fault::Refused, format!("`{text}` matches almost everything")));
            }
            let (pattern, shown) = match leaf.operator {
                Operator::Like => (like(text), format!("like {text}")),
                _ => (text.to_owned(), format!("/{text}/")),
            };
            Ok(Expression::Is(Test::Matches(kind, pattern.into(), shown.into())))
        }
        Operator::Order | Operator::NotEqual => not_in_one(format!("it compares `{}` by order", leaf.path)),
        Operator::Superset => not_in_one("it asks for a network that a row names".to_owned()),
        Operator::Exists => not_in_one(format!("it only asks whether there is a `{}`", leaf.path)),
    }
}

fn equal(leaf: &Leaf, carries: &Carries, text: &str) -> Result<Expression, Refused> {
    let hint = match carries {
        Carries::Port => {
            let port = text.parse().map_err(|_| (Fault::BadPattern, format!("`{text}` is no port")))?;
            return Ok(Expression::Is(Test::Port(port)));
        }
        Carries::Value(hint) => *hint,
        Carries::Kind(kind) => Hint::Is(*kind),
    };
    match value::read(text, hint) {
        Ok(value) => Ok(Expression::All(tests(&value))),
        Err(Why::NotUnderstood(why)) => Err((Fault::NotUnderstood, format!("`{}`: {why}", leaf.path))),
        Err(Why::NotSupported(why)) => Err((Fault::NotSupported, format!("`{}`: {why}", leaf.path))),
    }
}

fn tests(value: &value::Value) -> Vec<Expression> {
    value.tests.all().iter().cloned().map(Expression::Is).collect()
}

/// SQL's `%` and `_` over the whole value; case does not count.
fn like(text: &str) -> String {
    let mut pattern = "(?is)^".to_owned();
    for c in text.chars() {
        match c {
            '%' => pattern.push_str(".*"),
            '_' => pattern.push('.'),
            c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    pattern
}
