//! A shard's ledger from one owner of the shard to the next: what a dead one left is copied, never shared.
//!
//! Each owner has a ledger of its own generation. It may take over one of an earlier generation, and remove those; one of a
//! later generation says that another has taken over.

use super::place::{self, FOLDER};
use crate::ledger::{Ledger, LedgerError};
use crate::run::RunError;
use crate::run::options::Hold;
use crate::shown::Show;
use crate::store::{Fault, Guard, Known, STATE_FOLDER, Store, generation_of};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a ledger.
const LOG: &str = "-wal";

/// Where a shard's ledger lies while it works: beside the others, or on a disk of this machine.
#[derive(Debug)]
pub(super) struct State {
    /// The disk of this machine, and the folder there.
    local: Option<(Store, PathBuf)>,
    name: String,
    generation: u32,
    set: String,
}

/// A ledger that an earlier owner left.
struct Left {
    generation: u32,
    local: bool,
}

impl State {
    /// That of the shard called `name` of an output, under a lease of this generation, in the set of this id.
    ///
    /// # Errors
    /// When the local folder can't be opened.
    pub(super) fn new(
        output: &Path,
        local: Option<&Path>,
        (name, generation): (&str, u32),
        set: &str,
    ) -> Result<State, RunError> {
        let local = local.map(|folder| {
            // Several outputs may be worked at with one disk.
            let digest = blake3::hash(output.as_os_str().as_encoded_bytes()).to_hex();
            let below = Path::new(STATE_FOLDER).join(&digest[..16]);
            Ok::<_, RunError>((Store::open(folder, Guard::default(), Fault::default())?, below))
        });
        Ok(State { local: local.transpose()?, name: name.to_string(), generation, set: set.to_string() })
    }

    /// The name of a ledger of it.
    fn file(&self, generation: u32) -> String {
        place::ledger(&self.name, generation, &self.set)
    }

    /// Where ledgers may lie: at home, and on the disk of this machine.
    fn places<'a>(&'a self, home: &'a Store) -> impl Iterator<Item = (bool, &'a Store, &'a Path)> {
        let local = self.local.iter().map(|(store, folder)| (true, store, folder.as_path()));
        std::iter::once((false, home, Path::new(FOLDER))).chain(local)
    }

    /// Where the ledger lies while it is worked with.
    fn place<'a>(&'a self, home: &'a Store) -> (&'a Store, &'a Path) {
        self.local.as_ref().map_or((home, Path::new(FOLDER)), |(store, folder)| (store, folder))
    }

    /// The newest ledger that was left, if any.
    ///
    /// # Errors
    /// When one is there of a later generation: then another has taken over.
    fn left(&self, home: &Store) -> Result<Option<Left>, RunError> {
        let mut newest: Option<Left> = None;
        for (local, store, folder) in self.places(home) {
            for path in store.files_below(folder)? {
                let Some(file) = path.file_name().and_then(OsStr::to_str) else { continue };
                let Some(generation) = generation_of(file, &self.name) else { continue };
                if file == self.file(generation)
                    && newest.as_ref().is_none_or(|newest| generation > newest.generation)
                {
                    newest = Some(Left { generation, local });
                }
            }
        }
        match newest {
            Some(left) if left.generation > self.generation => Err(RunError::Shards(format!(
                "shard {} was taken over by another process; nothing is lost",
                place::spoken(&self.name)
            ))),
            newest => Ok(newest),
        }
    }

    /// Whether an owner was lost together with its ledger, which may have been on a disk of its own: the last one, whose
    /// generation is `dead`, or one before whose successor said so. This is said to all that follow.
    ///
    /// # Errors
    /// When it can't be looked at or said.
    pub(super) fn is_lost(&self, home: &Store, dead: Option<u32>) -> Result<bool, RunError> {
        let mark = place::file(&self.mark());
        if home.open_file(&mark)?.is_some() {
            return Ok(true);
        }
        let left = self.left(home)?.map(|left| left.generation);
        let lost = dead.is_some() && dead != left;
        if lost {
            home.write(&mark, b"lost")?;
        }
        Ok(lost)
    }

    /// The name of the file that says so.
    fn mark(&self) -> String {
        format!("{}.{}.lost", self.name, self.set)
    }

    /// Opens the ledger, with what an earlier owner recorded.
    ///
    /// # Errors
    /// When it can't be copied or opened, or the shard is held no more.
    pub(super) fn open(&self, home: &Store, hold: Hold<'_>) -> Result<Ledger, RunError> {
        hold.check()?;
        let left = self.left(home)?;
        let (store, folder) = self.place(home);
        let own = folder.join(self.file(self.generation));
        if let Some(left) = left.as_ref().filter(|left| left.generation < self.generation) {
            for (_, from, there) in self.places(home).filter(|(local, ..)| *local == left.local) {
                copy((from, &there.join(self.file(left.generation))), (store, &own))?;
            }
        }
        let ledger = Ledger::open_alone(store, &own)?;
        ledger.settle()?;
        hold.check()?;
        // What is at home stays until this one is, in case the disk of this machine is lost.
        self.remove_from((store, folder), &|generation| generation < self.generation)?;
        Ok(ledger)
    }

    /// Closes the ledger with all that its log holds, and brings it to where all see it.
    ///
    /// # Errors
    /// When it can't be written or copied, or the shard is held no more.
    pub(super) fn close(&self, ledger: Ledger, home: &Store, hold: Hold<'_>) -> Result<(), RunError> {
        hold.check()?;
        ledger.settle()?;
        drop(ledger);
        let Some((store, folder)) = &self.local else { return Ok(()) };
        let file = self.file(self.generation);
        hold.check()?;
        copy((store, &folder.join(&file)), (home, &Path::new(FOLDER).join(&file)))?;
        self.remove_from((home, Path::new(FOLDER)), &|generation| generation < self.generation)?;
        self.remove_from((store, folder), &|generation| generation <= self.generation)
    }

    /// Removes all that was kept of this generation and those before.
    ///
    /// # Errors
    /// When something can't be removed.
    pub(super) fn clear(&self, home: &Store) -> Result<(), RunError> {
        let old = |generation| generation <= self.generation;
        self.places(home).try_for_each(|(_, store, folder)| self.remove_from((store, folder), &old))?;
        home.remove(&place::file(&self.mark()), &Known::anything())?;
        Ok(())
    }

    /// Removes ledgers in one place of generations that `which` names, those of other sets among them: what is of a later night
    /// is of a later generation as well.
    fn remove_from(
        &self,
        (store, folder): (&Store, &Path),
        which: &dyn Fn(u32) -> bool,
    ) -> Result<(), RunError> {
        let mut gone = Vec::new();
        for path in store.files_below(folder)? {
            let Some(file) = path.file_name().and_then(OsStr::to_str) else { continue };
            // A lease is no ledger.
            let generation = generation_of(file, &self.name).filter(|_| file.contains(".db"));
            // On a disk of this machine's own, what is of another night is of one that is over.
            let over = folder != Path::new(FOLDER) && !file.contains(&format!(".{}.db", self.set));
            if generation.is_some_and(|generation| over || which(generation)) {
                gone.push(path);
            }
        }
        // Without its log, what is there may be less than was recorded.
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

/// The shard's ledger made one over the job's as it was, with the keys of its own items.
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
