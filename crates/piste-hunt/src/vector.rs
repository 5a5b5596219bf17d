//! Rules over batches: values are evaluated, not events.
//!
//! In: a plan and batches. Out: hits. Each distinct value of a field is asked once which tests it meets; a rule is tried on
//! a batch only where a test that it needs was met there, and then on all rows at once. Sets of rows are bitmaps, a rule's
//! condition is their arithmetic.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use foldhash::fast::RandomState;
use piste_lake::Batch;
use piste_model::schema::{self, Role};
use piste_model::sources::Shape;
use piste_rules::{Gate, RuleSet};

use crate::bits::Bits;
use crate::columns::{Column, Columns};
use crate::engine::{Engine, Hit};
use crate::matching::{Matcher, Sieve, compare};
use crate::plan::{Expr, Leaf, Plan, fold};
use crate::sieves::{Sieves, Tests};
use crate::values::{NO_TESTS, SetId, Values};

/// Shapes that are remembered; a hostile log with more of them is asked each time anew.
const SHAPES_MAX: usize = 10_000;
/// Rows of many shapes that are hunted together.
const MIXED_ROWS: usize = 4_096;

/// The hunt's engine. Workers share it; what they remember of values is their own.
pub struct VectorEngine {
    plan: Plan,
    gates: Vec<Gate>,
    /// By field, and last for keywords; built when first needed.
    matchers: Vec<OnceLock<Matcher>>,
    /// By leaf: rules to wake.
    wakes: Vec<Vec<u32>>,
    /// First leaf of each field, and of keywords.
    first_leaf: Vec<usize>,
    shapes: Mutex<HashMap<Shape, Arc<ShapePlan>, RandomState>>,
    /// By the plans of the shapes that stand together in a batch, which are kept so that their addresses name them.
    sieves: Mutex<HashMap<Vec<usize>, Together, RandomState>>,
    workers: Mutex<Vec<Worker>>,
}

/// What applies to rows of one shape.
#[derive(Debug)]
struct ShapePlan {
    rules: Bits,
    /// Rules that no test wakes.
    always: Vec<u32>,
    /// Rules whose log source asks for field values besides.
    conditional: BTreeSet<u32>,
    /// Fields that these rules are woken by.
    fields: Vec<usize>,
    keywords: bool,
    /// Every field that these rules and their log sources name.
    needs: BTreeSet<String>,
    needs_keywords: bool,
    /// Every test that these rules make.
    tests: Tests,
}

/// Plans that apply to one batch, and what their rules' tests make of a column.
type Together = (Vec<Arc<ShapePlan>>, Arc<Sieves>);

/// The columns that a hunt reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Fields by name.
    pub fields: BTreeSet<String>,
    /// Every column besides: keywords look at all texts of an event.
    pub all: bool,
}

impl Needs {
    /// Whether a column of the lake is to be read.
    pub fn column(&self, name: &str) -> bool {
        const ALWAYS: [&str; 5] =
            [schema::EVENT_CODE, "Channel", "Provider_Name", schema::DATA, schema::EXTRA];
        self.all || ALWAYS.contains(&name) || self.fields.contains(name)
    }
}

/// What a worker keeps from batch to batch.
struct Worker {
    values: Values,
    /// Answers to whole dictionaries that several batches share, by field.
    dictionaries: HashMap<usize, Dictionary, RandomState>,
    /// See [`Asked::of`].
    places: Vec<u32>,
}

struct Dictionary {
    values: Arc<dyn Array>,
    epoch: u64,
    /// Through which they were asked.
    sieves: Option<Arc<Sieves>>,
    sets: Arc<Vec<SetId>>,
}

/// One column of a batch, or what else has values, asked.
#[derive(Default)]
struct Asked {
    /// Rows of each set of tests that is met, save the empty one.
    rows: Vec<Vec<u32>>,
    /// (test, place of a set with it), sorted.
    by_test: Vec<(u32, u32)>,
}

impl Asked {
    /// (row, set) of all values that meet any test. `places` is memory to work in, all [`u32::MAX`] between two uses.
    fn of(all: impl Iterator<Item = (usize, SetId)>, values: &Values, places: &mut Vec<u32>) -> Self {
        places.resize(values.sets(), u32::MAX);
        let mut asked = Self::default();
        let mut sets = Vec::new();
        for (row, set) in all.filter(|(_, set)| *set != NO_TESTS) {
            let Some(place) = places.get_mut(index(set)) else { continue };
            if *place == u32::MAX {
                *place = u32::try_from(asked.rows.len()).unwrap_or(u32::MAX);
                asked.rows.push(Vec::new());
                asked.by_test.extend(values.tests(set).iter().map(|test| (*test, *place)));
                sets.push(set);
            }
            if let Some(rows) = asked.rows.get_mut(index(*place)) {
                rows.push(u32::try_from(row).unwrap_or(u32::MAX)); // a batch is far smaller
            }
        }
        for set in sets {
            if let Some(place) = places.get_mut(index(set)) {
                *place = u32::MAX;
            }
        }
        asked.by_test.sort_unstable();
        asked
    }

    /// Adds the rows in which the test is met.
    fn add_rows(&self, test: u32, found: &mut Bits) {
        let first = self.by_test.partition_point(|(one, _)| *one < test);
        let places = self.by_test.iter().skip(first).take_while(|(one, _)| *one == test);
        for rows in places.filter_map(|(_, place)| self.rows.get(index(*place))) {
            for row in rows {
                found.set(index(*row));
            }
        }
    }

    /// The tests that are met in any row, ascending.
    fn tests(&self) -> impl Iterator<Item = u32> {
        self.by_test.chunk_by(|one, other| one.0 == other.0).filter_map(|same| Some(same.first()?.0))
    }
}

impl VectorEngine {
    /// An engine for the plan of this rule set.
    pub fn new(rules: &RuleSet, plan: Plan) -> Self {
        Self::of_plan(plan, rules.rules.iter().map(|rule| rule.gate.clone()).collect())
    }

    /// An engine for a plan and its rules' gates.
    pub(crate) fn of_plan(plan: Plan, gates: Vec<Gate>) -> Self {
        let mut first_leaf = Vec::new();
        let mut next = 0;
        for field in &plan.fields {
            first_leaf.push(next);
            next += field.tests.len();
        }
        first_leaf.push(next);
        next += plan.keywords.len();
        let mut engine = Self {
            gates,
            matchers: std::iter::repeat_with(OnceLock::new).take(plan.fields.len() + 1).collect(),
            wakes: vec![Vec::new(); next],
            first_leaf,
            plan,
            shapes: Mutex::default(),
            sieves: Mutex::default(),
            workers: Mutex::default(),
        };
        for (number, rule) in (0_u32..).zip(&engine.plan.rules) {
            for leaf in rule.iter().filter_map(|rule| rule.wake.as_ref()).flatten() {
                if let Some(wakes) = engine.first_leaf_of(*leaf).and_then(|at| engine.wakes.get_mut(at)) {
                    wakes.push(number);
                }
            }
        }
        engine
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    fn first_leaf_of(&self, leaf: Leaf) -> Option<usize> {
        let (field, test) = self.place(leaf);
        Some(self.first_leaf.get(field)? + test)
    }

    /// (field, test); keywords are the field after the last.
    fn place(&self, leaf: Leaf) -> (usize, usize) {
        match leaf {
            Leaf::Field(field, test) => (index(field), index(test)),
            Leaf::Keyword(test) => (self.plan.fields.len(), index(test)),
        }
    }

    fn matcher(&self, field: usize) -> Option<&Matcher> {
        let tests = self.plan.fields.get(field).map_or(&self.plan.keywords, |field| &field.tests);
        self.matchers.get(field).map(|matcher| matcher.get_or_init(|| Matcher::new(tests)))
    }

    fn shape(&self, shape: &Shape) -> Arc<ShapePlan> {
        let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shapes.get(shape) {
            return Arc::clone(known);
        }
        let mut chosen = ShapePlan {
            rules: Bits::none(self.plan.rules.len()),
            always: Vec::new(),
            conditional: BTreeSet::new(),
            fields: Vec::new(),
            keywords: false,
            needs: BTreeSet::new(),
            needs_keywords: false,
            tests: Tests::new(),
        };
        let mut fields = BTreeSet::new();
        for ((number, rule), gate) in (0_u32..).zip(&self.plan.rules).zip(&self.gates) {
            let Some(rule) = rule.as_ref().filter(|_| gate.fits(shape)) else { continue };
            chosen.rules.set(index(number));
            let conditions = gate.conditions(shape);
            if !conditions.is_empty() {
                chosen.conditional.insert(number);
            }
            let asked = conditions.groups.iter().flatten().flat_map(|one| one.keys().cloned());
            chosen.needs.extend(asked);
            self.collect_needs(&rule.matches, &mut chosen);
            match &rule.wake {
                None => chosen.always.push(number),
                Some(leaves) => {
                    for leaf in leaves {
                        match leaf {
                            Leaf::Field(field, _) => _ = fields.insert(index(*field)),
                            Leaf::Keyword(_) => chosen.keywords = true,
                        }
                    }
                }
            }
        }
        chosen.fields = fields.into_iter().collect();
        let chosen = Arc::new(chosen);
        if shapes.len() < SHAPES_MAX {
            shapes.insert(shape.clone(), Arc::clone(&chosen));
        }
        chosen
    }

    fn collect_needs(&self, expr: &Expr, chosen: &mut ShapePlan) {
        let mut field = |at: &u32| {
            chosen.needs.extend(self.plan.fields.get(index(*at)).map(|field| field.name.clone()));
        };
        if let Expr::Holds(leaf) = expr {
            let (field, test) = self.place(*leaf);
            chosen.tests.entry(field).or_default().insert(u32::try_from(test).unwrap_or(u32::MAX));
        }
        match expr {
            Expr::Holds(Leaf::Field(at, _)) | Expr::Present(at) => field(at),
            Expr::Holds(Leaf::Keyword(_)) => chosen.needs_keywords = true,
            Expr::Same { field: one, other, .. } => {
                field(one);
                field(other);
            }
            Expr::Not(inner) => self.collect_needs(inner, chosen),
            Expr::And(all) | Expr::Or(all) | Expr::AtLeast(_, all) => {
                for one in all {
                    self.collect_needs(one, chosen);
                }
            }
        }
    }

    /// What must be read of rows of these shapes; `None` where no rule looks at any of them.
    pub fn needs<'a>(&self, shapes: impl Iterator<Item = &'a Shape>) -> Option<Needs> {
        let mut needs = None;
        for plan in shapes.map(|shape| self.shape(shape)).filter(|plan| !plan.rules.is_empty()) {
            let needs: &mut Needs = needs.get_or_insert_default();
            needs.fields.extend(plan.needs.iter().cloned());
            needs.all |= plan.needs_keywords;
        }
        needs
    }

    /// Hits in rows of several shapes, as the lake holds them; sorted by row, then rule.
    pub fn hits_in(&self, dataset: &str, rows: &RecordBatch) -> Vec<Hit> {
        self.hunt(rows, shapes_of(dataset, rows))
    }

    /// Hits of a batch of very many shapes, in parts: each shape has a bitmap over the part's rows.
    fn hits_of_many(&self, batch: &Batch) -> Vec<Hit> {
        let total = batch.rows.num_rows();
        let mut all = Vec::new();
        for start in (0..total).step_by(MIXED_ROWS) {
            let part = batch.rows.slice(start, MIXED_ROWS.min(total - start));
            let hits = self.hits_in(&batch.shape.dataset, &part);
            all.extend(hits.into_iter().map(|hit| Hit { row: hit.row + start, ..hit }));
        }
        all
    }

    fn hunt(&self, rows: &RecordBatch, shapes: Vec<(Shape, Bits)>) -> Vec<Hit> {
        let shapes: Vec<_> = shapes
            .into_iter()
            .map(|(shape, rows)| (self.shape(&shape), shape, rows))
            .filter(|(plan, _, _)| !plan.rules.is_empty())
            .collect();
        if shapes.is_empty() {
            return Vec::new();
        }
        let sieves = self.sieves(shapes.iter().map(|(plan, _, _)| plan));
        let mut hits = Vec::new();
        self.ask_batch(rows, Some(&sieves), |asking| {
            for (plan, shape, rows) in &shapes {
                asking.shape_hits(plan, shape, rows, &mut hits);
            }
        });
        hits.sort_unstable();
        hits
    }

    fn sieves<'p>(&self, plans: impl Iterator<Item = &'p Arc<ShapePlan>>) -> Arc<Sieves> {
        let mut plans: Vec<Arc<ShapePlan>> = plans.cloned().collect();
        let address = |plan: &Arc<ShapePlan>| Arc::as_ptr(plan).addr();
        plans.sort_by_key(address);
        let key: Vec<usize> = plans.iter().map(address).collect();
        let mut known = self.sieves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sieves)) = known.get(&key) {
            return Arc::clone(sieves);
        }
        let sieves = Arc::new(Sieves::of(plans.iter().map(|plan| &plan.tests)));
        if known.len() < SHAPES_MAX {
            known.insert(key, (plans, Arc::clone(&sieves)));
        }
        sieves
    }

    /// Whether expressions of the plan hold in the first row, whatever its log source; in the order given.
    pub(crate) fn hold_in_first<'x>(
        &self,
        rows: &RecordBatch,
        exprs: impl Iterator<Item = &'x Expr>,
    ) -> Vec<bool> {
        let of = Bits::all(rows.num_rows());
        self.ask_batch(rows, None, |asking| exprs.map(|expr| asking.rows(expr, &of).has(0)).collect())
    }

    /// Lends a worker to ask a batch with.
    fn ask_batch<T>(
        &self,
        rows: &RecordBatch,
        sieves: Option<&Arc<Sieves>>,
        ask: impl FnOnce(&mut Asking<'_, '_, '_>) -> T,
    ) -> T {
        let worker = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = worker.unwrap_or_else(|| Worker {
            values: Values::new(self.plan.fields.len() + 1),
            dictionaries: HashMap::default(),
            places: Vec::new(),
        });
        worker.values.make_room();
        let mut asking = Asking {
            engine: self,
            columns: Columns::new(rows),
            worker: &mut worker,
            sieves,
            asked: BTreeMap::new(),
            woken: BTreeMap::new(),
            keywords: None,
            leaves: HashMap::default(),
        };
        let answer = ask(&mut asking);
        drop(asking);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        answer
    }
}

impl Engine for VectorEngine {
    fn hits(&self, batch: &Batch) -> Vec<Hit> {
        if !batch.further.is_empty() {
            return self.hits_of_many(batch);
        }
        self.hunt(&batch.rows, vec![(batch.shape.clone(), Bits::all(batch.rows.num_rows()))])
    }
}

/// The rows of each shape, ascending: the lake keeps all shapes of a dataset together.
pub fn shapes_in(dataset: &str, rows: &RecordBatch) -> Vec<(Shape, Vec<usize>)> {
    shapes_of(dataset, rows).into_iter().map(|(shape, rows)| (shape, rows.iter().collect())).collect()
}

fn shapes_of(dataset: &str, rows: &RecordBatch) -> Vec<(Shape, Bits)> {
    let columns = Columns::new(rows);
    let (channel, provider) = (columns.named("Channel"), columns.named("Provider_Name"));
    let codes =
        rows.column_by_name(schema::EVENT_CODE).and_then(|codes| codes.as_primitive_opt::<Int32Type>());
    let mut places: HashMap<_, usize, RandomState> = HashMap::default();
    let mut shapes: Vec<(Shape, Bits)> = Vec::new();
    let mut last = None;
    for row in 0..rows.num_rows() {
        let key = |column: Option<&Column<'_>>| column.and_then(|column| column.key(row));
        let code = codes.filter(|codes| codes.is_valid(row)).map(|codes| codes.value(row));
        let key = (key(channel), key(provider), code);
        let at = match last {
            Some((same, at)) if same == key => at,
            _ => *places.entry(key).or_insert_with(|| {
                let text = |column: Option<&Column<'_>>| {
                    column.and_then(|column| column.text(row)).unwrap_or_default().to_owned()
                };
                shapes.push((
                    Shape {
                        dataset: dataset.to_owned(),
                        channel: text(channel),
                        provider: text(provider),
                        event_code: code,
                    },
                    Bits::none(rows.num_rows()),
                ));
                shapes.len() - 1
            }),
        };
        last = Some((key, at));
        if let Some((_, bits)) = shapes.get_mut(at) {
            bits.set(row);
        }
    }
    shapes
}

/// One batch being hunted.
struct Asking<'e, 'b, 'w> {
    engine: &'e VectorEngine,
    columns: Columns<'b>,
    worker: &'w mut Worker,
    /// `None` where every value is to be asked.
    sieves: Option<&'w Arc<Sieves>>,
    /// By field.
    asked: BTreeMap<usize, Asked>,
    /// By leaf's field: the rules that its tests wake, whatever the shape.
    woken: BTreeMap<usize, Vec<u32>>,
    /// What keywords look at: each data column, and the texts outside columns.
    keywords: Option<Vec<Asked>>,
    /// Rows in which a leaf holds.
    leaves: HashMap<Leaf, Bits, RandomState>,
}

impl<'w> Asking<'_, '_, 'w> {
    fn shape_hits(&mut self, plan: &ShapePlan, shape: &Shape, rows: &Bits, hits: &mut Vec<Hit>) {
        let mut woken = BTreeSet::new();
        for field in &plan.fields {
            self.wake(*field, plan, &mut woken);
        }
        if plan.keywords {
            self.wake(self.engine.plan.fields.len(), plan, &mut woken);
        }
        woken.extend(&plan.always);
        for number in woken {
            let rule = self.engine.plan.rules.get(index(number)).and_then(Option::as_ref);
            let Some(rule) = rule else { continue };
            let found = self.rows(&rule.matches, rows);
            for row in found.iter() {
                if !plan.conditional.contains(&number) || self.meets(number, shape, row) {
                    hits.push(Hit { row, rule: index(number) });
                }
            }
        }
    }

    /// Adds the rules of this shape that a field's tests wake, or the keywords'.
    fn wake(&mut self, field: usize, plan: &ShapePlan, woken: &mut BTreeSet<u32>) {
        if !self.woken.contains_key(&field) {
            let tests: Vec<u32> = if field == self.engine.plan.fields.len() {
                self.ask_keywords();
                self.keywords.iter().flatten().flat_map(Asked::tests).collect()
            } else {
                self.ask(field);
                self.asked.get(&field).into_iter().flat_map(Asked::tests).collect()
            };
            let first = self.engine.first_leaf.get(field).copied().unwrap_or(usize::MAX);
            let wakes = |test: &u32| self.engine.wakes.get(first.saturating_add(index(*test)));
            let mut rules: Vec<u32> = tests.iter().filter_map(wakes).flatten().copied().collect();
            rules.sort_unstable();
            rules.dedup();
            self.woken.insert(field, rules);
        }
        let rules = self.woken.get(&field).into_iter().flatten();
        woken.extend(rules.filter(|rule| plan.rules.has(index(**rule))));
    }

    /// Whether the row has the field values that the rule's log source asks for.
    fn meets(&self, rule: u32, shape: &Shape, row: usize) -> bool {
        let gate = self.engine.gates.get(index(rule));
        gate.is_some_and(|gate| gate.conditions(shape).are_met(|field| self.columns.text(field, row)))
    }

    /// The rows among `of` in which the expression holds.
    fn rows(&mut self, expr: &Expr, of: &Bits) -> Bits {
        match expr {
            Expr::Holds(leaf) => {
                let mut found = of.clone();
                found.and(self.leaf(*leaf));
                found
            }
            Expr::Present(field) => {
                let mut found = self.present(index(*field));
                found.and(of);
                found
            }
            Expr::Same { .. } => Bits::of(of.rows(), |row| of.has(row) && self.same(expr, row)),
            Expr::And(all) => {
                let mut found = of.clone();
                for one in all {
                    if found.is_empty() {
                        break;
                    }
                    found = self.rows(one, &found);
                }
                found
            }
            Expr::Or(any) => {
                let (mut found, mut left) = (Bits::none(of.rows()), of.clone());
                for one in any {
                    if left.is_empty() {
                        break;
                    }
                    let more = self.rows(one, &left);
                    left.without(&more);
                    found.or(&more);
                }
                found
            }
            Expr::Not(inner) => {
                let mut found = of.clone();
                found.without(&self.rows(inner, of));
                found
            }
            Expr::AtLeast(number, any) => {
                let each: Vec<Bits> = any.iter().map(|one| self.rows(one, of)).collect();
                let count = |row| each.iter().filter(|one| one.has(row)).count() as u64;
                Bits::of(of.rows(), |row| of.has(row) && count(row) >= *number)
            }
        }
    }

    /// The rows in which a test of a field, or of keywords, is met.
    fn leaf(&mut self, leaf: Leaf) -> &Bits {
        if !self.leaves.contains_key(&leaf) {
            let found = match leaf {
                Leaf::Field(field, test) => self.field_rows(index(field), test),
                Leaf::Keyword(test) => self.keyword_rows(test),
            };
            self.leaves.insert(leaf, found);
        }
        let rows = self.columns.rows;
        self.leaves.entry(leaf).or_insert_with(|| Bits::none(rows))
    }

    fn field_rows(&mut self, field: usize, test: u32) -> Bits {
        self.ask(field);
        let mut found = Bits::none(self.columns.rows);
        if let Some(asked) = self.asked.get(&field) {
            asked.add_rows(test, &mut found);
        }
        found
    }

    fn keyword_rows(&mut self, test: u32) -> Bits {
        self.ask_keywords();
        let mut found = Bits::none(self.columns.rows);
        for asked in self.keywords.iter().flatten() {
            asked.add_rows(test, &mut found);
        }
        found
    }

    fn name_of(&self, field: usize) -> Option<&str> {
        self.engine.plan.fields.get(field).map(|field| field.name.as_str())
    }

    /// Asks a field's values, once a batch.
    fn ask(&mut self, field: usize) {
        if self.asked.contains_key(&field) {
            return;
        }
        let engine = self.engine;
        let (Some(of), Some(matcher)) = (engine.plan.fields.get(field), engine.matcher(field)) else {
            return;
        };
        let column = self.columns.named(&of.name);
        let through = (self.sieves, self.sieve(field));
        let sets =
            column.map_or_else(Arc::default, |column| self.worker.ask_all(field, matcher, through, column));
        let mut more = Vec::new();
        for (row, value) in self.columns.elsewhere(&of.name) {
            more.push((row, self.worker.values.ask(field, matcher, &value)));
        }
        let rows = column.into_iter().flat_map(|column| rows_of(column, &sets));
        let asked = Asked::of(rows.chain(more), &self.worker.values, &mut self.worker.places);
        self.asked.insert(field, asked);
    }

    fn sieve(&self, field: usize) -> Option<&'w Sieve> {
        self.sieves.and_then(|sieves| sieves.of_field(field, &self.engine.plan))
    }

    /// Asks what keywords look at, once a batch: what the record says of the event, and its rendered message only where it
    /// says nothing else.
    fn ask_keywords(&mut self) {
        let field = self.engine.plan.fields.len();
        let Some(matcher) = self.engine.matcher(field).filter(|_| self.keywords.is_none()) else { return };
        let sieve = self.sieve(field);
        let Worker { values, places, .. } = &mut *self.worker;
        let mut asked = Vec::new();
        for column in self.columns.of_role(Role::Data) {
            let sets = column_sets(column, values, field, matcher, sieve);
            if sets.iter().any(|set| *set != NO_TESTS) {
                asked.push(Asked::of(rows_of(column, &sets), values, places));
            }
        }
        let mut more = Vec::new();
        for row in self.columns.rows_with_more() {
            for text in self.columns.further_texts(row) {
                more.push((row, values.ask(field, matcher, &text)));
            }
        }
        let says = OnceCell::new();
        for column in self.columns.of_role(Role::Message) {
            let says = says.get_or_init(|| self.columns.with_data());
            for row in (0..self.columns.rows).filter(|row| !says.has(*row)) {
                if let Some(text) = column.text(row) {
                    more.push((row, values.ask(field, matcher, text)));
                }
            }
        }
        asked.push(Asked::of(more.into_iter(), values, places));
        self.keywords = Some(asked);
    }

    fn present(&self, field: usize) -> Bits {
        let Some(name) = self.name_of(field) else { return Bits::none(self.columns.rows) };
        let mut found = match self.columns.named(name) {
            Some(column) => Bits::valid(self.columns.rows, column.keys.keys().nulls()),
            None => Bits::none(self.columns.rows),
        };
        for (row, _) in self.columns.elsewhere(name) {
            found.set(row);
        }
        found
    }

    /// Compares two fields of a row: any value of the one with any of the other.
    fn same(&self, expr: &Expr, row: usize) -> bool {
        let Expr::Same { field, other, op, cased } = expr else { return false };
        let all = |field: u32| {
            let values = self.name_of(index(field)).map_or_else(Vec::new, |name| self.columns.all(name, row));
            if *cased { values } else { values.iter().map(|value| fold(value)).collect() }
        };
        let others = all(*other);
        all(*field).iter().any(|value| others.iter().any(|other| compare(*op, value, other)))
    }
}

impl Worker {
    /// The sets of a column's distinct values; remembered where the next batch may bring the same dictionary.
    fn ask_all(
        &mut self,
        field: usize,
        matcher: &Matcher,
        (sieves, sieve): (Option<&Arc<Sieves>>, Option<&Sieve>),
        column: &Column<'_>,
    ) -> Arc<Vec<SetId>> {
        let values = column.keys.values();
        if let Some(known) = self.dictionaries.get(&field)
            && Arc::ptr_eq(&known.values, values)
            && known.epoch == self.values.epoch
            && known.sieves.as_ref().map(Arc::as_ptr) == sieves.map(Arc::as_ptr)
        {
            return Arc::clone(&known.sets);
        }
        let sets = Arc::new(column_sets(column, &mut self.values, field, matcher, sieve));
        let known = Dictionary {
            values: Arc::clone(values),
            epoch: self.values.epoch,
            sieves: sieves.cloned(),
            sets: Arc::clone(&sets),
        };
        self.dictionaries.insert(field, known);
        sets
    }
}

fn column_sets(
    column: &Column<'_>,
    values: &mut Values,
    field: usize,
    matcher: &Matcher,
    sieve: Option<&Sieve>,
) -> Vec<SetId> {
    let of = column.values;
    let worth = sieve.map(|sieve| sieve.may_hold(of.value_data(), of.value_offsets()));
    let worth = |key: usize| worth.as_ref().is_none_or(|worth| worth.get(key) == Some(&true));
    let ask = |key: usize| {
        if of.is_null(key) || !worth(key) { NO_TESTS } else { values.ask(field, matcher, of.value(key)) }
    };
    (0..of.len()).map(ask).collect()
}

/// Each row that has a value, with the value's set.
fn rows_of<'a>(column: &'a Column<'_>, sets: &'a [SetId]) -> impl Iterator<Item = (usize, SetId)> + 'a {
    let keys = column.keys.keys();
    let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0);
    keys.values().iter().enumerate().filter_map(move |(row, key)| {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some((row, *sets.get(usize::try_from(*key).ok()?)?))
    })
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
