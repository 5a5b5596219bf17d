//! The one place where another's code, or ours, is run over bytes that somebody else wrote.
//!
//! In: work that may panic or take for ever. Out: its answer, or why there is none: the caller names the file or rule that
//! it cost, and the rest runs. What a panic says goes into the issue; nothing of it reaches the terminal by itself, since the
//! program sets a hook that is silent. Loops over foreign bytes call [`check`]: it returns at once, save where the file has
//! had its time or the user asked to stop; then the work is unwound to here.
//!
//! There is no clock here: whoever has one calls [`tick`]. Without ticks nothing is ever out of time.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Ticks that whoever has a clock gives in a second.
pub const TICKS_A_SECOND: u32 = 20;

/// For work that may take as long as it wants.
pub const NO_LIMIT: u32 = u32::MAX;

/// Ticks since the program began.
static TICKS: AtomicU32 = AtomicU32::new(0);
/// The user asked to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Stands for: no guard is around that could be unwound to.
const NOT_GUARDED: u32 = 0;

thread_local! {
    /// The tick at which the work at hand has had its time.
    static END: Cell<u32> = const { Cell::new(NOT_GUARDED) };
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A bug; holds what the panic said.
    Panicked(String),
    /// It had its time.
    OutOfTime,
    /// The user asked to stop.
    Stopped,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(said) => f.write_str(said),
            Self::OutOfTime => f.write_str("it took longer than a file may"),
            Self::Stopped => f.write_str("stopped as asked"),
        }
    }
}

/// Runs work over foreign bytes.
///
/// # Errors
/// [`Broken`] where it panicked, or where it is done within [`guarded_within`] and had its time.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match panic.downcast::<Broken>() {
        Ok(broken) => *broken,
        Err(panic) => Broken::Panicked(panic_text(panic.as_ref())),
    })
}

/// As [`guarded`], for at most `ticks`: what calls [`check`] is ended then, and where the user asked to stop.
///
/// # Errors
/// [`Broken`] where it panicked, had its time, or was stopped.
pub fn guarded_within<T>(ticks: u32, work: impl FnOnce() -> T) -> Result<T, Broken> {
    // One inside another ends with the outer one.
    let outer = END.get();
    let own = TICKS.load(Ordering::Relaxed).saturating_add(ticks).max(NOT_GUARDED + 1);
    END.set(if outer == NOT_GUARDED { own } else { outer.min(own) });
    let answer = guarded(work);
    END.set(outer);
    answer
}

/// For loops over foreign bytes: returns, or ends the work at hand. Costs about as much as a function call.
#[inline]
pub fn check() {
    let end = END.get();
    if end != NOT_GUARDED && (TICKS.load(Ordering::Relaxed) >= end || STOP.load(Ordering::Relaxed)) {
        end_work();
    }
}

#[cold]
fn end_work() {
    let stopped = STOP.load(Ordering::Relaxed);
    // No panic hook is called: nothing failed.
    end(if stopped { Broken::Stopped } else { Broken::OutOfTime });
}

/// Passes on that the work around is to end, from within it.
pub fn end(broken: Broken) -> ! {
    resume_unwind(Box::new(broken))
}

/// A part of a second, [`TICKS_A_SECOND`] of them, has gone by.
pub fn tick() {
    TICKS.fetch_add(1, Ordering::Relaxed);
}

/// Ticks so far.
pub fn ticks() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// The user asks to stop: all guarded work that calls [`check`] ends.
pub fn ask_to_stop() {
    STOP.store(true, Ordering::Relaxed);
}

/// Whether the user asked to stop.
pub fn is_asked_to_stop() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// The message of a panic.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_work_goes_on() {
        assert_eq!(guarded(|| 7), Ok(7));
        let text = "bytes";
        assert_eq!(guarded(|| panic!("bad {text}")), Err::<(), _>(Broken::Panicked("bad bytes".into())));
        check(); // outside of a guard it never ends anything
    }

    #[test]
    fn work_that_checks_ends_when_it_had_its_time() {
        let endless = || {
            loop {
                check();
                tick();
            }
        };
        assert_eq!(guarded_within(3, endless), Err::<(), _>(Broken::OutOfTime));
        // The inner one has no more time than the outer one, and a plain guard between them passes it on.
        let nested =
            guarded_within(3, || guarded(|| guarded_within(NO_LIMIT, endless)).and_then(|done| done));
        assert_eq!(nested, Ok(Err::<(), _>(Broken::OutOfTime)));
        assert_eq!(guarded_within(NO_LIMIT, || 5), Ok(5));
    }
}
