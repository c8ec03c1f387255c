//! The memory budget: items are admitted by the bytes they are expected to take.

use std::sync::{Condvar, Mutex, PoisonError};

/// A counting budget of bytes.
#[derive(Debug)]
pub struct Budget {
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
    pub fn new(total: u64) -> Budget {
        Budget { total, state: Mutex::default(), freed: Condvar::new() }
    }

    /// The whole budget.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Waits until `bytes` are free and fewer than `most` items are in flight, then takes them.
    ///
    /// Called by the dispatching thread only, never by a worker: a worker that waited here could wait
    /// for an item suspended beneath it on its own stack. An item larger than the budget has to be
    /// refused before; here it is admitted alone.
    pub fn admit(&self, bytes: u64, most: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.items >= most || (state.items > 0 && state.used + bytes > self.total) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.used += bytes;
        state.items += 1;
    }

    /// Gives back what [`Budget::admit`] took.
    pub fn release(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used -= bytes;
        state.items -= 1;
        self.freed.notify_all();
    }
}

/// Memory a job may use when the pipeline says `auto`: three quarters of what is available, or of the
/// control group's limit where that is lower. 2 GiB where neither can be read.
pub fn automatic() -> u64 {
    let available = read_kib("/proc/meminfo", "MemAvailable:");
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|t| t.trim().parse().ok());
    let limit = match (available, group) {
        (Some(a), Some(g)) => a.min(g),
        (a, g) => a.or(g).unwrap_or(2 << 30),
    };
    limit / 4 * 3
}

/// Bytes of this process resident in memory now; 0 where the system does not tell.
pub fn resident() -> u64 {
    read_kib("/proc/self/status", "VmRSS:").unwrap_or(0)
}

fn read_kib(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.starts_with(key))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn never_more_than_the_budget_or_the_count_is_in_flight() {
        let budget = Arc::new(Budget::new(100));
        let (used, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut threads = Vec::new();
        for i in 0..50u64 {
            let bytes = 10 + i % 40;
            budget.admit(bytes, 4);
            let now = used.fetch_add(bytes, Ordering::SeqCst) + bytes;
            peak.fetch_max(now, Ordering::SeqCst);
            let (budget, used) = (budget.clone(), used.clone());
            threads.push(std::thread::spawn(move || {
                std::thread::yield_now();
                used.fetch_sub(bytes, Ordering::SeqCst);
                budget.release(bytes);
            }));
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(peak.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn an_oversized_item_is_admitted_alone() {
        let budget = Budget::new(10);
        budget.admit(50, 2);
        budget.release(50);
        budget.admit(5, 2);
    }
}
