//! The sweep against a naive reading of the specification: every window is put together anew from all events.

use std::collections::{BTreeMap, BTreeSet};

use piste_hunt::correlate::Correlator;
use proptest::prelude::*;

use super::support::{Row, correlations, shown, sweep, yaml};

const KINDS: [&str; 8] = [
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
];
const OPERATORS: [&str; 6] = ["lt", "lte", "gt", "gte", "eq", "neq"];

/// Conditions in words; each is read by hand in [`Case::rules`].
const CONDITIONS: [&str; 5] = ["", "a and (b or c)", "a and not b", "2 of them", "c and not (a and b)"];

#[derive(Debug, Clone)]
struct Case {
    kind: &'static str,
    words: &'static str,
    span: i64,
    operator: &'static str,
    limit: u8,
    percentile: u8,
}

impl Case {
    fn yaml(&self) -> String {
        let Self { kind, words, span, operator, limit, percentile } = self;
        let condition = match *kind {
            "temporal" | "temporal_ordered" if words.is_empty() => String::new(),
            "temporal" | "temporal_ordered" => format!("; condition: {words}"),
            "event_count" => format!("; condition: {{{operator}: {limit}}}"),
            _ => format!("; condition: {{field: N, {operator}: {limit}, percentile: {percentile}}}"),
        };
        yaml(&format!("type: {kind}; rules: [a, b, c]; group-by: [User]; timespan: {span}s{condition}"))
    }

    fn compare(&self, value: f64) -> bool {
        let limit = f64::from(self.limit);
        match self.operator {
            "lt" => value < limit,
            "lte" => value <= limit,
            "gt" => value > limit,
            "gte" => value >= limit,
            "eq" => (value - limit).abs() < 1e-12,
            _ => (value - limit).abs() >= 1e-12,
        }
    }

    /// The value of a window if the condition holds in it.
    fn measure(&self, window: &[&Row]) -> Option<f64> {
        let mut numbers: Vec<f64> = window.iter().filter_map(|row| number(row)).collect();
        numbers.sort_by(f64::total_cmp);
        let size = numbers.len() as f64;
        let value = match self.kind {
            "temporal" | "temporal_ordered" => return self.rules(window),
            "event_count" => window.len() as f64,
            "value_count" => {
                window.iter().filter_map(|row| field(row, "N")).collect::<BTreeSet<&str>>().len() as f64
            }
            _ if numbers.is_empty() => return None,
            "value_sum" => numbers.iter().sum(),
            "value_avg" => numbers.iter().sum::<f64>() / size,
            "value_percentile" => {
                let enough = |value: f64| {
                    numbers.iter().filter(|one| **one <= value).count() as f64 * 100.0
                        >= f64::from(self.percentile) * size
                };
                numbers.iter().copied().find(|value| enough(*value))?
            }
            _ => numbers[(numbers.len() - 1) / 2].midpoint(numbers[numbers.len() / 2]),
        };
        self.compare(value).then_some(value)
    }

    /// How many rules occur, if the condition holds; for an ordered correlation, how many are in order.
    fn rules(&self, window: &[&Row]) -> Option<f64> {
        let of = |rule: usize| window.iter().filter(move |row| row.rules.contains(&rule));
        let there = |rule: usize| of(rule).next().is_some();
        let ordered = self.kind == "temporal_ordered";
        let before = |one: &Row, rule: usize| of(rule).any(|other| one.nanos <= other.nanos);
        let both = |a: usize, b: usize| {
            if ordered { of(a).any(|one| before(one, b)) } else { there(a) && there(b) }
        };
        let three = || {
            let in_order = || of(0).any(|a| of(1).any(|b| a.nanos <= b.nanos && before(b, 2)));
            if ordered { in_order() } else { (0..3).all(there) }
        };
        let (holds, steps) = match self.words {
            "" => (three(), 3),
            "a and (b or c)" => (both(0, 1) || both(0, 2), 2),
            "a and not b" => (there(0) && !there(1), 1),
            "2 of them" => (both(0, 1) || both(0, 2) || both(1, 2), 2),
            _ => (there(2) && !(there(0) && there(1)), 1),
        };
        let present = (0..3).filter(|rule| there(*rule)).count();
        holds.then_some(if ordered { f64::from(steps) } else { present as f64 })
    }

    /// Whether a row is looked at, for what is measured.
    fn counts(&self, row: &Row) -> bool {
        match self.kind {
            "temporal" | "temporal_ordered" | "event_count" => true,
            "value_count" => field(row, "N").is_some(),
            _ => number(row).is_some(),
        }
    }

    fn hits(&self, rows: &[Row]) -> Vec<String> {
        let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| self.counts(row)) {
            if let Some(user) = field(row, "User") {
                groups.entry(user).or_default().push(row);
            }
        }
        let span = self.span * 1_000_000_000;
        let mut hits = Vec::new();
        for (user, rows) in groups {
            let instants: BTreeSet<i64> = rows.iter().filter_map(|row| row.nanos).collect();
            let mut runs: Vec<(i64, i64, i64, f64)> = Vec::new(); // first, held, last, greatest
            let mut before = None;
            for time in instants {
                let inside = |row: &&&Row| row.nanos.is_some_and(|at| at <= time && time - at <= span);
                let window: Vec<&Row> = rows.iter().filter(inside).copied().collect();
                let Some(value) = self.measure(&window) else {
                    before = None;
                    continue;
                };
                if before.is_some_and(|before| time - before <= span) {
                    let run = runs.last_mut().unwrap();
                    (run.2, run.3) = (time, run.3.max(value));
                } else {
                    let first = window.iter().filter_map(|row| row.nanos).min().unwrap();
                    runs.push((first, time, time, value));
                }
                before = Some(time);
            }
            for (first, held, last, value) in runs {
                let count = rows.iter().filter(|row| (Some(first)..=Some(last)).contains(&row.nanos)).count();
                let second = |nanos: i64| nanos / 1_000_000_000;
                let (first, held, last) = (second(first), second(held), second(last));
                hits.push(format!("T[{user}] at {held} of {first}..{last} x{count} ={value}"));
            }
        }
        hits
    }
}

fn field<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

fn number(row: &Row) -> Option<f64> {
    field(row, "N")?.parse().ok()
}

fn case() -> impl Strategy<Value = Case> {
    let kind = proptest::sample::select(KINDS.to_vec());
    let words = proptest::sample::select(CONDITIONS.to_vec());
    let operator = proptest::sample::select(OPERATORS.to_vec());
    (kind, words, 0..5_i64, operator, 0..5_u8, 0..=100_u8).prop_map(
        |(kind, words, span, operator, limit, percentile)| Case {
            kind,
            words,
            span,
            operator,
            limit,
            percentile,
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let user = proptest::option::weighted(0.9, 0..2_u8);
    let value = prop_oneof![3 => (-2..12_i32).prop_map(|n| Some((f64::from(n) * 0.25).to_string())),
        1 => Just(None), 1 => Just(Some("-".to_owned()))];
    (0..20_i64, proptest::collection::btree_set(0..3_usize, 1..3), user, value).prop_map(
        |(second, rules, user, value)| {
            let fields = [
                user.map(|user| ("User".to_owned(), format!("u{user}"))),
                value.map(|n| ("N".to_owned(), n)),
            ];
            Row {
                nanos: Some(second * 1_000_000_000),
                rules: rules.into_iter().collect(),
                fields: fields.into_iter().flatten().collect(),
                record: 0,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn the_sweep_is_the_naive_reading(
        case in case(),
        mut rows in proptest::collection::vec(row(), 0..30),
        order in any::<u64>(),
        files in 1..6_usize,
    ) {
        for (record, row) in (0..).zip(rows.iter_mut()) {
            row.record = record;
        }
        let correlations = correlations(&case.yaml());
        let correlator = Correlator::new(&correlations);
        let show = |runs: &[Vec<Row>]| -> Vec<String> {
            sweep(&correlator, runs).0.iter().map(|hit| shown(&correlations, hit)).collect()
        };
        prop_assert_eq!(show(&[rows.clone()]), case.hits(&rows));
        // In another order, over several files: the same, to the last row that a hit names.
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (row.record as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
        let size = shuffled.len().div_ceil(files).max(1);
        let split: Vec<Vec<Row>> = shuffled.chunks(size).map(<[Row]>::to_vec).collect();
        prop_assert_eq!(sweep(&correlator, &split).0, sweep(&correlator, &[rows]).0);
    }

    #[test]
    fn nested_hits_do_not_depend_on_the_order_either(
        mut rows in proptest::collection::vec(row(), 0..40),
        order in any::<u64>(),
        files in 1..6_usize,
    ) {
        for (record, row) in (0..).zip(rows.iter_mut()) {
            row.record = record;
        }
        let correlator = Correlator::new(&correlations(NESTED));
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (row.record as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
        let size = shuffled.len().div_ceil(files).max(1);
        let split: Vec<Vec<Row>> = shuffled.chunks(size).map(<[Row]>::to_vec).collect();
        prop_assert_eq!(sweep(&correlator, &split), sweep(&correlator, &[rows]));
    }
}

/// A count within an ordered correlation within a count, all shown.
const NESTED: &str = "title: Top
generate: true
correlation:
    type: value_count
    rules: [middle, c]
    timespan: 8s
    condition: {field: User, gte: 1}
---
title: Middle
name: middle
generate: true
correlation:
    type: temporal_ordered
    rules: [low, b]
    group-by: [N]
    timespan: 4s
---
title: Low
name: low
correlation:
    type: event_count
    rules: [a, c]
    group-by: [User]
    timespan: 3s
    condition: {gte: 2}
";
