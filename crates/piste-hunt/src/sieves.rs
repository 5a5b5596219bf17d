//! Which values of a column are worth asking, for the rules that apply to a batch.
//!
//! In: the shapes of a batch's rows. Out: for each field that their rules test, a sieve over whole columns. Rules of other log
//! sources test the same fields, with literals as short as a colon: what those would let pass is not asked here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::matching::{Matcher, Sieve};
use crate::plan::Plan;

/// The tests that some rules make, by field; keywords are the field after the last.
pub(crate) type Tests = BTreeMap<usize, BTreeSet<u32>>;

/// The sieves of the rules that apply to some shapes.
#[derive(Debug)]
pub(crate) struct Sieves(BTreeMap<usize, (BTreeSet<u32>, OnceLock<Option<Sieve>>)>);

impl Sieves {
    /// Sieves for these tests; each is made when first asked for.
    pub(crate) fn of<'t>(all: impl Iterator<Item = &'t Tests>) -> Self {
        let mut tests = Tests::new();
        for (field, more) in all.flatten() {
            tests.entry(*field).or_default().extend(more);
        }
        Self(tests.into_iter().map(|(field, tests)| (field, (tests, OnceLock::new()))).collect())
    }

    /// The sieve of a field; `None` where every value is to be asked.
    pub(crate) fn of_field(&self, field: usize, plan: &Plan) -> Option<&Sieve> {
        let (tests, sieve) = self.0.get(&field)?;
        let make = || {
            let all = plan.fields.get(field).map_or(&plan.keywords, |field| &field.tests);
            let at = |test: &u32| all.get(usize::try_from(*test).ok()?).cloned();
            let asked: Vec<_> = tests.iter().filter_map(at).collect();
            Matcher::new(&asked).sieve()
        };
        sieve.get_or_init(make).as_ref()
    }
}
