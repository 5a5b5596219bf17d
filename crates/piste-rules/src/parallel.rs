//! The same work on many things, on all cores.
//!
//! In: a list and what to do with one of it. Out: the results in the order of the list, whatever the number of threads.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The grammar of conditions recurses; within the bounds of `documents` this is ample.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Applies `work` to each.
pub(crate) fn map<T: Sync, R: Send>(list: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(list.len()));
    let run = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = list.get(index) else { break };
            mine.push((index, work(one)));
        }
        if let Ok(mut done) = done.lock() {
            done.append(&mut mine);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(list.len().max(1));
    thread::scope(|scope| {
        let spawn = || thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        let started = (0..threads).filter(|_| spawn().is_ok()).count();
        if started == 0 {
            run(); // no thread to be had: slower, and the same
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
