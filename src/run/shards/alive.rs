//! Giving signs of life while something is done under a lease, and noticing that it is held no more.

use crate::run::RunError;
use crate::store::Lease;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Does `work` while the lease is touched, and `tell` called, every few seconds. Work gets what says, before anything is
/// recorded, whether the lease is still held; `taken` is what it says where it is not.
///
/// # Errors
/// Those of `work`, and when no thread can be started.
pub(super) fn holding<T>(
    lease: &Lease,
    patience: Duration,
    (tell, taken): (&(dyn Fn() + Sync), &str),
    work: impl FnOnce(&(dyn Fn() -> Result<(), RunError> + Sync)) -> Result<T, RunError>,
) -> Result<T, RunError> {
    let lost = AtomicBool::new(false);
    let still_held = || match lost.load(Ordering::SeqCst) || !lease.holds()? {
        true => Err(RunError::Shards(taken.to_string())),
        false => Ok(()),
    };
    std::thread::scope(|scope| {
        let (alive, over) = mpsc::channel();
        let (lost, every) = (&lost, (patience / 6).clamp(Duration::from_millis(50), Duration::from_secs(10)));
        std::thread::Builder::new()
            .name("lease".into())
            .spawn_scoped(scope, move || beat(lease, every, &over, lost, tell))
            .map_err(|e| RunError::Threads(e.to_string()))?;
        let done = work(&still_held);
        drop(alive);
        done
    })
}

fn beat(lease: &Lease, every: Duration, over: &Receiver<()>, lost: &AtomicBool, tell: &dyn Fn()) {
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(every) {
        // What can't be touched now may be another time; before anything is recorded it is looked at.
        if matches!(lease.touch(), Ok(false)) {
            lost.store(true, Ordering::SeqCst);
            return;
        }
        tell();
    }
}
