//! The threads that calls work on: never the interpreter's, and never those of a parent process.

use crate::errors;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Stack of each, in bytes: that of a run's workers.
const STACK: usize = 16 << 20;

type Pools = HashMap<usize, Arc<ThreadPool>>;

/// The pools by their number of threads, and the process that they are in.
static POOLS: Mutex<Option<(u32, Pools)>> = Mutex::new(None);

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool of its own.
pub(crate) fn fresh(threads: usize) -> PyResult<ThreadPool> {
    let name = |number| format!("safelight-{number}");
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).thread_name(name).build();
    pool.map_err(|e| PyRuntimeError::new_err(format!("threads can't be started: {e}")))
}

fn with_pools<T>(work: impl FnOnce(&mut Pools) -> T) -> T {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match &mut *pools {
        Some((owner, pools)) if *owner == process => work(pools),
        other => {
            // A fork takes no threads along: to end those pools would be to wait for threads that are not there.
            std::mem::forget(other.take());
            work(&mut other.insert((process, Pools::new())).1)
        }
    }
}

/// The pool that all calls of so many threads share.
fn shared(threads: usize) -> PyResult<Arc<ThreadPool>> {
    if let Some(pool) = with_pools(|pools| pools.get(&threads).cloned()) {
        return Ok(pool);
    }
    let pool = Arc::new(fresh(threads)?);
    Ok(with_pools(|pools| pools.entry(threads).or_insert(pool).clone()))
}

/// Does `work` on the shared pool of so many threads (all cores, where none are asked for), while Python runs on.
pub(crate) fn work<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let pool = shared(threads.unwrap_or_else(cores))?;
    alone(py, || pool.install(work))
}

/// Does `work` on this thread, while Python runs on.
pub(crate) fn alone<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|panic| errors::panic(&*panic))
}

/// The number of threads that is asked for.
pub(crate) fn asked(threads: Option<usize>) -> PyResult<Option<usize>> {
    match threads {
        Some(0) => Err(pyo3::exceptions::PyValueError::new_err("threads is at least 1")),
        threads => Ok(threads),
    }
}
