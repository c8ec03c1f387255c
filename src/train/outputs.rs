//! What training writes: data first, record last, as runs over items do.

use super::TrainError;
use crate::ledger::{Ledger, PartRecord};
use crate::store::{Known, Removal, Staged, Stamp, Store, look, mtime_ns};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The output of a training job, and the ledger that knows its files.
#[derive(Debug)]
pub struct Outputs<'a> {
    store: &'a Store,
    ledger: Mutex<Ledger>,
}

impl<'a> Outputs<'a> {
    /// Of an output that is locked for this job.
    pub fn new(store: &'a Store, ledger: Ledger) -> Outputs<'a> {
        Outputs { store, ledger: Mutex::new(ledger) }
    }

    pub(super) fn store(&self) -> &Store {
        self.store
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file that people look at.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
        self.put(self.store.stage(path, bytes)?)
    }

    /// The same, where other bytes stand there or none.
    pub(super) fn write_other(&self, path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
        if self.store.read(path)?.as_deref() == Some(bytes) { Ok(()) } else { self.write(path, bytes) }
    }

    /// Forgets files of a folder that are not there any more.
    pub(super) fn forget_gone(&self, folder: &str) -> Result<(), TrainError> {
        let known = self.ledger().parts(folder)?;
        for name in known.into_keys() {
            if self.store.open_file(&Path::new(folder).join(&name))?.is_none() {
                self.ledger().forget_part(folder, &name)?;
            }
        }
        Ok(())
    }

    /// Gives a staged file its name.
    pub(super) fn put(&self, staged: Staged) -> Result<(), TrainError> {
        let path = staged.relative().to_path_buf();
        let written = staged.written();
        self.ledger().announce([(path.as_os_str().as_bytes(), written)].into_iter())?;
        let stamp = self.store.put(staged, Known::anything(), false)?;
        self.record(&path, stamp)
    }

    /// Removes a file, and what is known of it.
    pub(super) fn remove(&self, path: &Path) -> Result<(), TrainError> {
        let removed = self.store.remove(path, &Known::anything())?;
        if removed != Removal::Kept {
            self.ledger().forget_part(&folder(path), &name(path))?;
        }
        Ok(())
    }

    /// Records a file that an earlier version wrote without recording it.
    pub(super) fn adopt(&self, path: &Path) -> Result<(), TrainError> {
        let known = self.ledger().parts(&folder(path))?.contains_key(&name(path));
        let whole = self.store.root().join(path);
        if known || !matches!(look::name(&whole), Ok(Some(meta)) if meta.is_file()) {
            return Ok(());
        }
        let (Some(bytes), Ok(Some(meta))) = (self.store.read(path)?, look::name(&whole)) else {
            return Ok(());
        };
        let hash = *blake3::hash(&bytes).as_bytes();
        self.record(path, Stamp { size: bytes.len() as u64, mtime_ns: mtime_ns(&meta), hash })
    }

    fn record(&self, path: &Path, stamp: Stamp) -> Result<(), TrainError> {
        let part = PartRecord { name: name(path), digest: String::new(), stamp };
        Ok(self.ledger().set_part(&folder(path), &part)?)
    }
}

fn folder(path: &Path) -> String {
    path.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
