//! A shard's ledger from one owner of the shard to the next: what a dead one left is copied, never shared.

use super::place::{self, FOLDER, file};
use crate::ledger::{Ledger, LedgerError};
use crate::run::RunError;
use crate::shown::Show;
use crate::store::{Fault, Guard, Known, STATE_FOLDER, Store, generation_of};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a ledger until it is closed.
const LOG: &str = "-wal";

/// Where a shard's ledger lies while it works: beside the others, or on a disk of this machine.
#[derive(Debug)]
pub(super) struct State {
    /// The disk of this machine, and the folder there.
    local: Option<(Store, PathBuf)>,
    name: String,
    generation: u32,
}

/// A ledger that an earlier owner left.
struct Left {
    generation: u32,
    local: bool,
}

impl State {
    /// That of the shard called `name` of an output, under a lease of this generation.
    ///
    /// # Errors
    /// When the local folder can't be opened.
    pub(super) fn new(
        output: &Path,
        local: Option<&Path>,
        (name, generation): (&str, u32),
    ) -> Result<State, RunError> {
        let local = local.map(|folder| {
            // Several outputs may be worked at with one disk.
            let digest = blake3::hash(output.as_os_str().as_encoded_bytes()).to_hex();
            let below = Path::new(STATE_FOLDER).join(&digest[..16]);
            Ok::<_, RunError>((Store::open(folder, Guard::default(), Fault::default())?, below))
        });
        Ok(State { local: local.transpose()?, name: name.to_string(), generation })
    }

    fn store<'a>(&'a self, home: &'a Store, local: bool) -> (&'a Store, &'a Path) {
        match &self.local {
            Some((store, folder)) if local => (store, folder),
            _ => (home, Path::new(FOLDER)),
        }
    }

    /// The newest ledger that was left, if any, and its generation.
    fn left(&self, home: &Store) -> Result<Option<Left>, RunError> {
        let mut newest: Option<Left> = None;
        for local in [false, true].into_iter().take(1 + usize::from(self.local.is_some())) {
            let (store, folder) = self.store(home, local);
            for path in store.files_below(folder)? {
                let Some(file) = path.file_name().and_then(OsStr::to_str) else { continue };
                let Some(generation) = generation_of(file, &self.name) else { continue };
                let whole = file == place::ledger(&self.name, generation);
                if whole && newest.as_ref().is_none_or(|newest| generation > newest.generation) {
                    newest = Some(Left { generation, local });
                }
            }
        }
        Ok(newest)
    }

    /// Opens the ledger, with what an earlier owner recorded; and says which generation that was.
    ///
    /// # Errors
    /// When it can't be copied or opened.
    pub(super) fn open(&self, home: &Store) -> Result<(Ledger, Option<u32>), RunError> {
        let left = self.left(home)?;
        let (store, folder) = self.store(home, self.local.is_some());
        let own = folder.join(place::ledger(&self.name, self.generation));
        if let Some(left) = left.as_ref().filter(|left| left.generation != self.generation) {
            let (from, there) = self.store(home, left.local);
            copy((from, &there.join(place::ledger(&self.name, left.generation))), (store, &own))?;
        }
        let ledger = Ledger::open_alone(store, &own)?;
        ledger.settle()?;
        self.remove(home, |generation| generation != self.generation)?;
        Ok((ledger, left.map(|left| left.generation)))
    }

    /// Brings the ledger, which is closed, to where all see it.
    ///
    /// # Errors
    /// When it can't be copied.
    pub(super) fn bring_home(&self, home: &Store) -> Result<(), RunError> {
        let Some((store, folder)) = &self.local else { return Ok(()) };
        let name = place::ledger(&self.name, self.generation);
        copy((store, &folder.join(&name)), (home, &file(&name)))?;
        self.remove_from(store, folder, &|_| true)
    }

    /// Removes all that was kept.
    ///
    /// # Errors
    /// When something can't be removed.
    pub(super) fn clear(&self, home: &Store) -> Result<(), RunError> {
        self.remove(home, |_| true)
    }

    /// Removes ledgers of generations that `which` names.
    fn remove(&self, home: &Store, which: impl Fn(u32) -> bool) -> Result<(), RunError> {
        self.remove_from(home, Path::new(FOLDER), &which)?;
        match &self.local {
            Some((store, folder)) => self.remove_from(store, folder, &which),
            None => Ok(()),
        }
    }

    fn remove_from(&self, store: &Store, folder: &Path, which: &dyn Fn(u32) -> bool) -> Result<(), RunError> {
        let mut gone = Vec::new();
        for path in store.files_below(folder)? {
            let Some(file) = path.file_name().and_then(OsStr::to_str) else { continue };
            // A lease is no ledger.
            let generation = generation_of(file, &self.name).filter(|_| file.contains(".db"));
            if generation.is_some_and(which) {
                gone.push(path);
            }
        }
        // The log alone is nothing; without it, what is there may be less than was recorded.
        gone.sort_by_key(|path| path.as_os_str().as_encoded_bytes().ends_with(LOG.as_bytes()));
        for path in gone {
            store.remove(&path, &Known::anything())?;
        }
        Ok(())
    }
}

/// Copies a ledger that nobody has open, or whose owner has lost it: such a one adds to its log at most, and what is
/// not whole at the log's end counts for nothing. The ledger itself gets its name last.
fn copy((from, source): (&Store, &Path), (to, target): (&Store, &Path)) -> Result<(), RunError> {
    let log = |path: &Path| {
        let mut name = path.as_os_str().to_os_string();
        name.push(LOG);
        PathBuf::from(name)
    };
    let (source_log, target_log) = (log(source), log(target));
    for (source, target) in [(&*source_log, &*target_log), (source, target)] {
        let Some(mut file) = from.open_file(source)? else {
            // The log of an earlier try would not fit.
            to.remove(target, &Known::anything())?;
            continue;
        };
        let failed = |e: io::Error| {
            RunError::Shards(format!(
                "cannot copy {} to {}: {e}; check free space and the mounts, then run again",
                from.root().join(source).shown(),
                to.root().join(target).shown()
            ))
        };
        let mut copy = to.begin(target)?;
        io::copy(&mut file, &mut copy).map_err(failed)?;
        to.put(to.finish(copy)?, Known::anything(), false)?;
    }
    Ok(())
}

/// The shard's ledger made one over the job's as it was, with the places of its own items.
///
/// # Errors
/// When a ledger can't be read or written.
pub(super) fn over(
    ledger: Ledger,
    base: Option<Ledger>,
    own: &[&[u8]],
    (lost, fault): (bool, &Fault),
) -> Result<Ledger, LedgerError> {
    let mut ledger = ledger.over(base, own, fault)?;
    if lost {
        ledger.set_state_lost(true)?;
    }
    Ok(ledger)
}
