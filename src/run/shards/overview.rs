//! How the shards of a job stand.

use super::place::{self, FOLDER};
use super::progress::{self, Progress};
use super::set::Set;
use crate::run::RunError;
use crate::store::{Store, Tenure, generation_of, name_of};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

/// What became of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardState {
    /// None has begun it.
    Missing,
    /// A process works at it, or may do so.
    Running,
    /// Its process ended without saying so.
    Dead,
    /// It was stopped, or ended by an error, before all was done.
    Unfinished,
    /// All of it is done; items may have failed.
    Finished,
}

impl ShardState {
    /// Name in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            ShardState::Missing => "missing",
            ShardState::Running => "running",
            ShardState::Dead => "dead",
            ShardState::Unfinished => "unfinished",
            ShardState::Finished => "finished",
        }
    }
}

/// How the shards of a job stand that are not gathered yet, by their numbers.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Each with the last that it told, where it did.
    pub shards: Vec<(ShardState, Option<Progress>)>,
}

/// Exit codes of a shard of which all is done.
const FINISHED: [u8; 3] = [0, 10, 12];

/// How the shards of an output stand; none where none has begun since all were gathered.
///
/// # Errors
/// When they can't be looked at.
pub(crate) fn overview(store: &Store) -> Result<Option<Overview>, RunError> {
    let Some(set) = Set::read(store)? else { return Ok(None) };
    let leased = leased(store)?;
    let state = |index: u32| {
        let name = place::name(index, set.count);
        let tenure = match leased.contains(&name) {
            true => store.tenure(Path::new(FOLDER), &name)?,
            false => Tenure::Free,
        };
        let progress = progress::read(store, &name).filter(|progress| progress.set == set.id);
        let state = match (tenure, &progress) {
            (Tenure::Alive(..), _) => ShardState::Running,
            // Also where the owner is dead: it began nothing since then, or was one that gathered.
            (_, Some(Progress { exit: Some(exit), .. })) if FINISHED.contains(exit) => ShardState::Finished,
            (Tenure::Dead(_), _) | (Tenure::Free, Some(Progress { exit: None, .. })) => ShardState::Dead,
            (Tenure::Free, None) => ShardState::Missing,
            (Tenure::Free, Some(_)) => ShardState::Unfinished,
        };
        Ok::<_, RunError>((state, progress))
    };
    Ok(Some(Overview { shards: (0..set.count).map(state).collect::<Result<_, _>>()? }))
}

/// Names of the shards that have a file here.
pub(super) fn names(store: &Store) -> Result<BTreeSet<String>, RunError> {
    those(store, |_, _| true)
}

/// Those of them that have a lease.
pub(super) fn leased(store: &Store) -> Result<BTreeSet<String>, RunError> {
    those(store, |file, name| {
        generation_of(file, name).is_some_and(|generation| *file == name_of(name, generation))
    })
}

fn those(store: &Store, which: impl Fn(&str, &str) -> bool) -> Result<BTreeSet<String>, RunError> {
    let files = store.files_below(Path::new(FOLDER))?;
    let files = files.iter().filter_map(|path| path.file_name().and_then(OsStr::to_str));
    let named = files.filter_map(|file| Some((file, place::shard_of(file)?)));
    Ok(named.filter(|(file, name)| which(file, name)).map(|(_, name)| name.to_string()).collect())
}

/// Fails where shards have done what is not gathered yet: what else writes to the job's ledger would not know of it.
///
/// # Errors
/// Says what to do.
pub(crate) fn refuse_ungathered(store: &Store) -> Result<(), RunError> {
    let Some(set) = Set::read(store)? else { return Ok(()) };
    Err(RunError::Shards(format!(
        "this output is being made in {} shards that are not gathered yet; run `safelight gather` first, or go on with \
         `--shard`",
        set.count
    )))
}
