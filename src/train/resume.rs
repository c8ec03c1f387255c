//! What an output folder holds of a job: where it goes on, or why it starts anew.
//!
//! Every combination of settings and files has a checkpoint of its own name, so that starting anew loses nothing:
//! whoever goes back to the former settings goes on where they were.

use super::checkpoint::State;
use super::inventory::{Digests, digests, list};
use super::settings::TrainPlan;
use crate::store::{STATE_FOLDER, StoreError, look};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// First part of a checkpoint's name.
const PREFIX: &str = "checkpoint-";
/// Checkpoints of other settings or files that are kept, the latest.
const OTHERS: usize = 2;

/// How far a job is, by its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumePoint {
    /// There is none.
    New,
    /// There is one of other settings or files only, as is told here.
    Anew(&'static str),
    /// The next run goes on in this epoch (from 1), after so many steps of it.
    Within(usize, usize),
    /// It is trained; the figures or the file's metadata are to be written anew.
    Trained,
    /// The model is written.
    Over,
}

/// What a run starts with.
#[derive(Debug)]
pub(super) enum Kept {
    /// Nothing.
    Nothing,
    /// Nothing of these settings and files; what has changed.
    Other(&'static str),
    /// The checkpoint.
    State(Box<State>),
}

/// What tells settings apart in a checkpoint's name.
fn key(plan: &TrainPlan) -> String {
    blake3::Hash::from_bytes(plan.fingerprint).to_hex()[..16].to_string()
}

/// Where the checkpoint of these settings and files is, below the output.
pub(super) fn checkpoint(plan: &TrainPlan, digests: &Digests) -> PathBuf {
    Path::new(STATE_FOLDER).join(format!("{PREFIX}{}-{}", key(plan), &digests.weights[..16]))
}

/// Checkpoints of other settings or files than these, below the output, the latest first.
fn others(plan: &TrainPlan, digests: &Digests) -> Result<Vec<PathBuf>, StoreError> {
    let own = checkpoint(plan, digests);
    let folder = plan.output.join(STATE_FOLDER);
    let entries = look::list(&folder).map_err(|e| unseen("list", folder, e))?.unwrap_or_default();
    let mut found: Vec<(SystemTime, PathBuf)> = entries
        .into_iter()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)))
        .filter_map(|e| {
            Some((e.metadata().ok()?.modified().ok()?, Path::new(STATE_FOLDER).join(e.file_name())))
        })
        .filter(|(_, path)| *path != own)
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// What is there and can't be read is not taken for missing: training anew would write over it.
fn unseen(action: &'static str, path: PathBuf, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path, source }
}

/// Checkpoints of other settings or files that are too many beside this one, below the output.
pub(super) fn outdated(plan: &TrainPlan, digests: &Digests) -> Result<Vec<PathBuf>, StoreError> {
    Ok(others(plan, digests)?.into_iter().skip(OTHERS).collect())
}

/// Finds what there is to go on from.
///
/// # Errors
/// When a checkpoint can't be read, or looked for.
pub(super) fn kept(plan: &TrainPlan, digests: &Digests) -> Result<Kept, StoreError> {
    let path = plan.output.join(checkpoint(plan, digests));
    let bytes = look::read(&path).map_err(|e| unseen("read", path, e))?;
    let state = bytes.and_then(|bytes| {
        let state = State::from_bytes(&bytes, &plan.fingerprint, plan.net.parameters())?;
        (state.progress.data == digests.weights).then_some(state)
    });
    if let Some(state) = state {
        return Ok(Kept::State(Box::new(state)));
    }
    let others = others(plan, digests)?;
    let of_these = format!("{PREFIX}{}", key(plan));
    let same = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&of_these));
    Ok(if others.is_empty() {
        Kept::Nothing
    } else if others.iter().any(same) {
        Kept::Other("what is learned from has changed since the last run")
    } else {
        Kept::Other("the settings have changed since the last run")
    })
}

/// Whether nothing is left to do.
///
/// # Errors
/// When the model can't be read.
pub(super) fn is_over(plan: &TrainPlan, state: &State, digests: &Digests) -> Result<bool, StoreError> {
    let progress = &state.progress;
    // Another job, or another hand, may have written the model since.
    if !progress.over || progress.besides != digests.besides {
        return Ok(false);
    }
    let path = plan.output.join(&plan.model);
    let model = look::read(&path).map_err(|e| unseen("read", path, e))?;
    Ok(model.is_some_and(|model| progress.model == digest(&model)))
}

/// A digest of a model's file.
pub(super) fn digest(model: &[u8]) -> String {
    blake3::hash(model).to_hex().to_string()
}

/// How far the job is. Lists what it learns from.
///
/// # Errors
/// When it can't be told.
pub fn resume_point(plan: &TrainPlan) -> Result<ResumePoint, StoreError> {
    let digests = digests(plan, &list(&plan.data)?);
    Ok(match kept(plan, &digests)? {
        Kept::Nothing => ResumePoint::New,
        Kept::Other(why) => ResumePoint::Anew(why),
        Kept::State(state) if is_over(plan, &state, &digests)? => ResumePoint::Over,
        Kept::State(state) if state.progress.over || state.progress.history.len() >= plan.epochs => {
            ResumePoint::Trained
        }
        Kept::State(state) => {
            let (epoch, step) = state.progress.at();
            ResumePoint::Within(epoch, step)
        }
    })
}
