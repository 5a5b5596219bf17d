//! One pass over the sorted contributions of a correlation.
//!
//! In: a sorted section of a run file. Out: hits, and for outer correlations further contributions. Two readers go through
//! the section, one at the window's front and one at its rear, so that a window of any size costs no memory for its events;
//! a third reads the first rows of a hit.

use piste_rules::correlation::Correlation;

use super::contribution::{Contribution, Place};
use super::error::CorrelateError;
use super::nested::Nested;
use super::runs::{Reader, Section};
use super::window::Window;
use super::{CorrelationHit, Plan};

/// Rows that a hit names.
const ROWS_MAX: usize = 100;
/// Bytes that the front and the rear read at once.
const BUFFER: usize = 1 << 16;

/// Windows after each other in which the condition holds.
struct Run {
    /// The first event of the first of them, and where it lies in the file.
    first: Place,
    start: u64,
    /// The event at which the condition first held.
    held: Contribution,
    /// The latest event, where it lies, and when it was.
    last: Place,
    end: u64,
    time: i64,
    events: u64,
    greatest: f64,
    witnesses: Vec<Place>,
}

/// The sweep of one correlation.
pub(super) struct Sweep<'a> {
    number: usize,
    plan: &'a Plan,
    front: Reader,
    rear: Reader,
    look: Reader,
}

type Next = Option<(u64, Contribution)>;
type Emit<'e> = dyn FnMut(CorrelationHit) -> Result<(), CorrelateError> + 'e;

impl<'a> Sweep<'a> {
    pub(super) fn open(number: usize, plan: &'a Plan, section: &Section) -> Result<Self, CorrelateError> {
        let front = Reader::open(section, BUFFER)?;
        let rear = Reader::open(section, BUFFER)?;
        let look = Reader::open(section, 1 << 13)?;
        Ok(Self { number, plan, front, rear, look })
    }

    pub(super) fn go(mut self, nested: &mut Nested<'_>, emit: &mut Emit<'_>) -> Result<(), CorrelateError> {
        let mut next = self.front.next()?;
        let mut oldest = self.rear.next()?;
        while let Some((start, first)) = &next {
            while oldest.as_ref().is_some_and(|(at, _)| at < start) {
                oldest = self.rear.next()?;
            }
            let group = first.group.clone();
            self.group(&group, &mut next, &mut oldest, nested, emit)?;
        }
        Ok(())
    }

    /// All events of one group.
    fn group(
        &mut self,
        group: &[String],
        next: &mut Next,
        oldest: &mut Next,
        nested: &mut Nested<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), CorrelateError> {
        let plan = self.plan;
        let span = plan.correlation.timespan;
        let mut window = Window::new(&plan.correlation);
        let mut run: Option<Run> = None;
        let mut gone: Option<Contribution> = None;
        while let Some(time) = next.as_ref().filter(|(_, one)| one.group == group).map(|(_, one)| one.time) {
            let since = time.saturating_sub(span);
            while let Some((_, old)) = oldest.as_ref().filter(|(_, old)| old.time < since) {
                window.remove(old, gone.as_ref().is_none_or(|gone| !gone.is_same_event(old)));
                gone = oldest.take().map(|(_, old)| old);
                *oldest = self.rear.next()?;
            }
            let before = window.events;
            let Some((at, anchor)) = self.instant(group, time, next, &mut window)? else { break };
            let Some(value) = window.judge(time) else {
                self.finish(run.take(), nested, emit)?;
                continue;
            };
            nested.moment(self.number, &anchor)?;
            // A run goes on while its windows share events.
            if run.as_ref().is_some_and(|run| run.time < since) {
                self.finish(run.take(), nested, emit)?;
            }
            if let Some(run) = &mut run {
                run.extend(anchor, at, window.events - before, value);
                continue;
            }
            let first = oldest.as_ref().map(|(start, first)| (*start, first.place.clone()));
            let first = first.unwrap_or_else(|| (at, anchor.place.clone()));
            run = Some(Run::begin(anchor, at, first, window.events, value, window.witnesses()));
        }
        self.finish(run, nested, emit)
    }

    /// Lets all events of one instant in; answers the last of them.
    fn instant(
        &mut self,
        group: &[String],
        time: i64,
        next: &mut Next,
        window: &mut Window<'_>,
    ) -> Result<Next, CorrelateError> {
        let mut latest: Next = None;
        while next.as_ref().is_some_and(|(_, one)| one.time == time && one.group == group) {
            if let Some((_, one)) = next.as_ref() {
                window.add(one, latest.as_ref().is_none_or(|(_, before)| !before.is_same_event(one)));
            }
            latest = next.take();
            *next = self.front.next()?;
        }
        Ok(latest)
    }

    fn finish(
        &mut self,
        run: Option<Run>,
        nested: &mut Nested<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), CorrelateError> {
        let Some(run) = run else { return Ok(()) };
        nested.hit(self.number, &run.held)?;
        if self.plan.silent {
            return Ok(());
        }
        let rows = self.rows(&run)?;
        emit(hit(self.number, &self.plan.correlation, run, rows))
    }

    /// The rows that bear witness, filled up with the first of the run.
    fn rows(&mut self, run: &Run) -> Result<Vec<Place>, CorrelateError> {
        let mut rows = run.witnesses.clone();
        rows.push(run.held.place.clone());
        rows.sort_by(by_time);
        rows.dedup();
        rows.truncate(ROWS_MAX);
        self.look.seek(run.start)?;
        while rows.len() < ROWS_MAX {
            let Some((at, one)) = self.look.next()?.filter(|(at, _)| *at <= run.end) else { break };
            if !rows.contains(&one.place) {
                rows.push(one.place);
            }
            if at == run.end {
                break;
            }
        }
        rows.sort_by(by_time);
        Ok(rows)
    }
}

fn by_time(a: &Place, b: &Place) -> std::cmp::Ordering {
    a.nanos.cmp(&b.nanos).then_with(|| a.cmp(b))
}

impl Run {
    fn begin(
        held: Contribution,
        end: u64,
        (start, first): (u64, Place),
        events: u64,
        value: f64,
        witnesses: Vec<Place>,
    ) -> Self {
        let (last, time) = (held.place.clone(), held.time);
        Self { first, start, held, last, end, time, events, greatest: value, witnesses }
    }

    fn extend(&mut self, anchor: Contribution, end: u64, more: u64, value: f64) {
        self.events += more;
        self.greatest = self.greatest.max(value);
        self.time = anchor.time;
        self.last = anchor.place;
        self.end = end;
    }
}

fn hit(number: usize, correlation: &Correlation, run: Run, rows: Vec<Place>) -> CorrelationHit {
    let names = correlation.group_by.iter().map(|field| field.name.clone());
    CorrelationHit {
        correlation: number,
        reference: run.held.reference as usize,
        group: names.zip(run.held.group).collect(),
        time: run.held.place.time(),
        first: run.first.time(),
        last: run.last.time(),
        count: run.events,
        value: run.greatest,
        place: run.held.place,
        rows,
    }
}
