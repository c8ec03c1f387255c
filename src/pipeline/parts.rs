//! Files of folders that are replaced as a whole, and lists beside pairs: what safelight knows of them, and whether
//! anything else stands among them.

use super::SinkError;
use crate::ledger::{Ledger, LedgerError};
use crate::store::{Known, Refusal, Standing, Store, StoreError};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What was recorded in one folder, or announced there by a run that was cut off.
#[derive(Debug)]
pub(crate) struct KnownParts {
    files: BTreeMap<String, Known>,
    /// Edited ones may be replaced.
    replace_edited: bool,
}

impl KnownParts {
    /// Of the folder of this name; of none without a ledger.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) fn of(
        ledger: Option<&Ledger>,
        folder: &str,
        replace_edited: bool,
    ) -> Result<KnownParts, LedgerError> {
        let mut files: BTreeMap<String, Known> = BTreeMap::new();
        if let Some(ledger) = ledger {
            for (name, stamp) in ledger.parts(folder)? {
                files.insert(name, Known::from(&stamp));
            }
            for (path, written) in ledger.announced()? {
                let path = Path::new(std::ffi::OsStr::from_bytes(&path));
                if let Some(name) = path.strip_prefix(folder).ok().and_then(Path::to_str) {
                    files.entry(name.to_string()).or_default().files.extend(written);
                }
            }
        }
        Ok(KnownParts { files, replace_edited })
    }

    /// The names that are known.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Fails where one of these names in `folder` has a file that safelight did not write, or that was edited since.
    ///
    /// # Errors
    /// [`Refusal::Taken`] and [`Refusal::Edited`], or when it can't be told.
    pub(crate) fn check<'a>(
        &self,
        store: &Store,
        folder: &Path,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<(), StoreError> {
        for name in names {
            let (path, known) = (folder.join(name), self.files.get(name));
            let absolute = store.root().join(&path);
            match store.compare(&path, known.unwrap_or(&Known::default()))? {
                Standing::Absent | Standing::Written(..) | Standing::Own => {}
                Standing::Differs if known.is_none() => return Err(Refusal::foreign(&absolute).into()),
                Standing::Differs if self.replace_edited => {}
                Standing::Differs => return Err(Refusal::Edited { path: absolute }.into()),
                Standing::Other(kind) => return Err(Refusal::stands(&absolute, kind).into()),
            }
        }
        Ok(())
    }

    /// Size and time of the files of a folder that is replaced as a whole, all of them known.
    ///
    /// # Errors
    /// When it holds anything that replacing it would lose.
    pub(crate) fn present(
        &self,
        store: &Store,
        folder: &Path,
        ours: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, (u64, i64)>, SinkError> {
        let present = store.parts(folder, ours).map_err(|e| SinkError::Foreign(e.to_string()))?;
        self.check(store, folder, present.keys().map(String::as_str))?;
        Ok(present)
    }
}
