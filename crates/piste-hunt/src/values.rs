//! What is known of values already.
//!
//! In: values of fields. Out: for each the set of tests that it meets, asked once and remembered: logs repeat themselves.
//! Values are remembered whole, so that no two can be taken for each other. Memory is bounded: what is full begins anew,
//! long values and fields whose values hardly repeat are not remembered at all.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::matching::{Matcher, Scratch};

/// Longer values are asked each time.
const VALUE_BYTES_MAX: usize = 4_096;
/// Memory for values of one worker, about.
const BYTES_MAX: usize = 48 << 20;
/// What a remembered value costs beside its bytes, about.
const VALUE_COST: usize = 48;
/// Values of a field after which it is judged whether they repeat.
const TRIAL: u64 = 20_000;

/// A set of tests: values that meet the same tests share one.
pub(crate) type SetId = u32;
/// The set of no tests.
pub(crate) const NO_TESTS: SetId = 0;

/// What one worker remembers.
#[derive(Debug)]
pub(crate) struct Values {
    fields: Vec<Field>,
    sets: Vec<Box<[u32]>>,
    by_set: HashMap<Box<[u32]>, SetId, RandomState>,
    bytes: usize,
    /// Counts how often memory was emptied: older set ids mean nothing.
    pub(crate) epoch: u64,
    scratch: Scratch,
    met: Vec<u32>,
}

#[derive(Debug, Default)]
struct Field {
    known: HashMap<Box<str>, SetId, RandomState>,
    asked: u64,
    found: u64,
}

impl Values {
    /// For so many fields; what is asked of them must stay the same.
    pub(crate) fn new(fields: usize) -> Self {
        let mut values = Self {
            fields: std::iter::repeat_with(Field::default).take(fields).collect(),
            sets: Vec::new(),
            by_set: HashMap::default(),
            bytes: 0,
            epoch: 0,
            scratch: Scratch::default(),
            met: Vec::new(),
        };
        values.empty();
        values
    }

    /// To be called between batches: begins anew where memory is full.
    pub(crate) fn make_room(&mut self) {
        if self.bytes > BYTES_MAX {
            self.empty();
            self.epoch += 1;
        }
    }

    fn empty(&mut self) {
        for field in &mut self.fields {
            field.known = HashMap::default();
        }
        self.by_set = HashMap::default();
        self.sets = vec![Box::default()];
        self.by_set.insert(Box::default(), NO_TESTS);
        self.bytes = 0;
    }

    /// Sets so far.
    pub(crate) fn sets(&self) -> usize {
        self.sets.len()
    }

    /// The tests of a set, ascending.
    pub(crate) fn tests(&self, set: SetId) -> &[u32] {
        usize::try_from(set).ok().and_then(|at| self.sets.get(at)).map_or(&[], |set| set)
    }

    /// The set of tests that a value of a field meets.
    pub(crate) fn ask(&mut self, field: usize, matcher: &Matcher, value: &str) -> SetId {
        let Self { fields, scratch, met, .. } = self;
        let Some(of) = fields.get_mut(field) else { return NO_TESTS };
        if matcher.is_quick() {
            matcher.ask(value, scratch, met);
            return if met.is_empty() { NO_TESTS } else { self.set() };
        }
        of.asked += 1;
        if let Some(set) = of.known.get(value) {
            of.found += 1;
            return *set;
        }
        matcher.ask(value, scratch, met);
        let repeats = of.asked < TRIAL || of.found * 4 >= of.asked;
        let set = self.set();
        if repeats && value.len() <= VALUE_BYTES_MAX {
            self.bytes += value.len() + VALUE_COST;
            if let Some(of) = self.fields.get_mut(field) {
                of.known.insert(value.into(), set);
            }
        }
        set
    }

    /// The id of the set just met.
    fn set(&mut self) -> SetId {
        if let Some(set) = self.by_set.get(self.met.as_slice()) {
            return *set;
        }
        let set = SetId::try_from(self.sets.len()).unwrap_or(NO_TESTS); // memory is emptied long before
        self.bytes += 2 * (self.met.len() * size_of::<u32>() + VALUE_COST);
        self.sets.push(self.met.as_slice().into());
        self.by_set.insert(self.met.as_slice().into(), set);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Op, Test};

    #[test]
    fn memory_is_bounded_and_answers_stay_the_same() {
        let tests =
            [Test::Text(Op::EndsWith, "7".into(), false), Test::Text(Op::Contains, "12".into(), false)];
        let matcher = Matcher::new(&tests);
        let mut values = Values::new(1);
        let mut emptied = 0;
        for number in 0..300_000_u32 {
            let value = format!("{number:0>200}");
            values.make_room();
            emptied = emptied.max(values.epoch);
            let set = values.ask(0, &matcher, &value);
            let expected: Vec<u32> = [(0, value.ends_with('7')), (1, value.contains("12"))]
                .iter()
                .filter(|one| one.1)
                .map(|one| one.0)
                .collect();
            assert_eq!(values.tests(set), expected, "{value}");
            assert!(values.bytes < BYTES_MAX + 1_000);
        }
        assert!(values.fields.iter().all(|field| field.known.len() < 30_000), "unique values are not kept");
    }
}
