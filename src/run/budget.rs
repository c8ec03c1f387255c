//! The memory budget: items are admitted by the bytes they are expected to take.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often a waiting dispatcher looks whether to give up.
const PATIENCE: Duration = Duration::from_millis(50);

/// A counting budget of bytes.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    items: usize,
}

impl Budget {
    /// A budget of `total` bytes.
    pub(super) fn new(total: u64) -> Budget {
        Budget { total, state: Mutex::default(), freed: Condvar::new() }
    }

    /// The whole budget.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Waits until `bytes` are free and fewer than `most` items are in flight, then takes them until the
    /// answer is dropped. `None` when `give_up` became true.
    ///
    /// Called by the dispatching thread only, never by a worker: a worker that waited here could wait
    /// for an item suspended beneath it on its own stack. An item larger than the budget has to be
    /// refused before; here it is admitted alone.
    pub(super) fn admit(&self, bytes: u64, most: usize, give_up: &dyn Fn() -> bool) -> Option<Admitted<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.items >= most || (state.items > 0 && state.used + bytes > self.total) {
            if give_up() {
                return None;
            }
            state = self.freed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        if give_up() {
            return None;
        }
        state.used += bytes;
        state.items += 1;
        Some(Admitted { budget: self, bytes })
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used -= self.bytes;
        state.items -= 1;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn never_more_than_the_budget_or_the_count_is_in_flight() {
        let budget = Budget::new(100);
        let (used, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for i in 0..50u64 {
                let bytes = 10 + i % 40;
                let admitted = budget.admit(bytes, 4, &|| false).unwrap();
                let now = used.fetch_add(bytes, Ordering::SeqCst) + bytes;
                peak.fetch_max(now, Ordering::SeqCst);
                let used = &used;
                scope.spawn(move || {
                    std::thread::yield_now();
                    used.fetch_sub(bytes, Ordering::SeqCst);
                    drop(admitted);
                });
            }
        });
        assert!(peak.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn an_oversized_item_is_admitted_alone_and_waiting_can_be_given_up() {
        let budget = Budget::new(10);
        let alone = budget.admit(50, 2, &|| false).unwrap();
        assert!(budget.admit(5, 2, &|| true).is_none());
        drop(alone);
        assert!(budget.admit(5, 2, &|| false).is_some());
    }
}
