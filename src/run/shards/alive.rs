//! Taking a lease, giving signs of life while something is done under it, and noticing that it is held no more.

use super::place::{FOLDER, GATHER, spoken};
use crate::run::RunError;
use crate::run::event::Event;
use crate::store::{Asked, Lease, Life, Store, Tenure};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Takes the lease on `name`, and says which generation of it had a dead owner. One that a process of another machine has,
/// whose life can't be told from here, is watched for as long as it may be silent: so that what was started again in place of
/// one that was lost goes on by itself. None where a stop was asked for meanwhile.
///
/// # Errors
/// When its owner lives, or it can't be looked at or made.
pub(super) fn take(
    store: &Store,
    name: &str,
    patience: Duration,
    (stop, emit): (&AtomicBool, &(dyn Fn(Event) + Sync)),
) -> Result<Option<(Lease, Option<u32>)>, RunError> {
    let folder = Path::new(FOLDER);
    let what = if name == GATHER { "gathering".to_string() } else { format!("shard {}", spoken(name)) };
    let (mut watched, mut told) = (None, false);
    loop {
        let owner = match store.ask(folder, name, patience)? {
            Asked::Taken { lease, dead } => return Ok(Some((lease, dead))),
            Asked::Held(owner) => owner,
        };
        let Some(owner) = owner else {
            return Err(RunError::Shards(format!("{what} was just begun by another process")));
        };
        let now = match store.tenure(folder, name)? {
            Tenure::Alive(_, touched) => touched,
            Tenure::Free | Tenure::Dead(_) => continue,
        };
        let silent = owner.process.life() == Life::Elsewhere && *watched.get_or_insert(now) == now;
        if !silent {
            let who = owner.process.text();
            return Err(RunError::Shards(format!(
                "{what} is being done by {who}; it is taken over once that gives no sign of life for {} s",
                owner.patience
            )));
        }
        if !std::mem::replace(&mut told, true) {
            emit(Event::Waiting { what: what.clone(), owner: owner.process.text(), seconds: owner.patience });
        }
        if !pause(stop) {
            return Ok(None);
        }
    }
}

/// Waits a second; false where a stop was asked for meanwhile.
pub(super) fn pause(stop: &AtomicBool) -> bool {
    (0..10).all(|_| {
        let goes_on = !stop.load(Ordering::SeqCst);
        if goes_on {
            std::thread::sleep(Duration::from_millis(100));
        }
        goes_on
    })
}

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
