//! What all shards of a job have to agree on until they are gathered: how many there are, and where they are cut.
//!
//! The first one to start writes it, and never replaces one that is there.

use super::place::{self, file};
use crate::inputs::Input;
use crate::run::RunError;
use crate::run::shard::{MOST_SHARDS, Shard, ShardBy};
use crate::shown::Show;
use crate::store::{Known, Store, Written};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const FILE: &str = "set.json";

/// What shards agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Set {
    /// Version of the keys.
    schema: u32,
    /// Tells it from those before and after.
    pub id: String,
    /// Name of the job.
    job: String,
    /// The input as the first shard found it.
    pub input: String,
    /// How many shards there are.
    pub count: u32,
    /// `path` or `size`.
    by: String,
    /// Where each but the first begins.
    pub cuts: Vec<u64>,
    /// Folders that became the job's own when the first shard began.
    pub claims: Vec<String>,
}

fn word(by: ShardBy) -> &'static str {
    match by {
        ShardBy::Path => "path",
        ShardBy::Size => "size",
    }
}

/// Where it stands.
fn path() -> PathBuf {
    file(FILE)
}

impl Set {
    /// That of a job; none where no shard has begun since all were gathered.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn read(store: &Store) -> Result<Option<Set>, RunError> {
        let Some(bytes) = store.read(&path())? else { return Ok(None) };
        let set: Option<Set> = serde_json::from_slice(&bytes).ok().filter(Set::is_sound);
        let unreadable = || {
            RunError::Shards(format!(
                "{} is not as safelight writes it, or of another version; gather with the version that wrote it, or move \
                 {} away and run again",
                store.root().join(path()).shown(),
                store.root().join(place::FOLDER).shown()
            ))
        };
        set.map(Some).ok_or_else(unreadable)
    }

    /// Whether it is as it is written here.
    fn is_sound(&self) -> bool {
        let id = self.id.len() == 16 && self.id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let cuts = u32::try_from(self.cuts.len()).is_ok_and(|cuts| cuts.checked_add(1) == Some(self.count));
        self.schema == 1 && id && cuts && self.count <= MOST_SHARDS && self.cuts.is_sorted()
    }

    /// Removes it; one of a later night, which has another id, stays.
    ///
    /// # Errors
    /// When it can't be removed.
    pub(super) fn remove(&self, store: &Store) -> Result<(), RunError> {
        let bytes = self.bytes()?;
        let written =
            Written { size: bytes.len() as u64, mtime_ns: None, hash: *blake3::hash(&bytes).as_bytes() };
        store.remove(&path(), &Known { files: vec![written], anything: false })?;
        Ok(())
    }

    fn bytes(&self) -> Result<Vec<u8>, RunError> {
        serde_json::to_vec(self).map_err(|e| RunError::Shards(e.to_string()))
    }

    /// Fails where it is another job's.
    ///
    /// # Errors
    /// Says whose it is.
    pub(super) fn refuse_other_job(&self, job: &str) -> Result<(), RunError> {
        if self.job == job {
            return Ok(());
        }
        Err(RunError::Foreign(format!(
            "the job `{}` is being done in shards into this output, and this is `{job}`; choose another output",
            self.job
        )))
    }

    /// What a first shard of the job `job` proposes; `claims` are the folders that become the job's own.
    pub(super) fn proposed(
        (job, input): (&str, String),
        shard: Shard,
        inputs: &[Input],
        claims: &[Vec<u8>],
    ) -> Set {
        let size = |input: &Input| input.identity.as_ref().map_or(0, |identity| identity.size);
        let cuts = match shard.by() {
            ShardBy::Path => place::even(shard.count()),
            ShardBy::Size => {
                let items = inputs.iter().map(|input| (place::point(input.key()), size(input)));
                place::by_size(items.collect(), shard.count())
            }
        };
        let claims = claims.iter().map(|claim| String::from_utf8_lossy(claim).into_owned()).collect();
        let id = format!("{:016x}", crate::store::random());
        let (job, by) = (job.to_string(), word(shard.by()).to_string());
        Set { schema: 1, id, job, input, count: shard.count(), by, cuts, claims }
    }

    /// Puts it down where none is yet; gives the one that is there then.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn agree(self, store: &Store) -> Result<Set, RunError> {
        let text = self.bytes()?;
        let staged = store.stage(&path(), &text)?;
        match store.publish(std::slice::from_ref(&staged), &[Known::default()], false)?.pop() {
            Some(Err(_)) => store.discard(&[staged]),
            Some(Ok(_)) | None => return Ok(self),
        }
        Set::read(store)?.ok_or_else(|| {
            RunError::Shards("all shards were gathered while this one began; start it again".to_string())
        })
    }

    /// Fails where a shard is not one of these.
    ///
    /// # Errors
    /// Says which there are, and what goes on.
    pub(super) fn check(&self, job: &str, shard: Shard) -> Result<(), RunError> {
        self.refuse_other_job(job)?;
        if self.count == shard.count() && self.by == word(shard.by()) {
            return Ok(());
        }
        Err(RunError::Shards(format!(
            "this output is being made in {} shards by {}, and {shard} by {} is none of them; `safelight gather` puts what is \
             there together, after which any number may follow",
            self.count,
            self.by,
            word(shard.by())
        )))
    }
}
