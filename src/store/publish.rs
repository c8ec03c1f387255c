//! Giving staged files their names, and taking names away: each only while what stands there is what is expected.

use super::dir::{Dir, Kind};
use super::error::{Refusal, StoreError, io_error, name_error};
use super::known::{Known, Standing, standing};
use super::output::{Staged, Store, split};
use super::stamp::{Stamp, mtime_ns};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What came of taking a file away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// Nothing was there.
    Absent,
    /// It is not what was written, and stays.
    Kept,
}

impl Store {
    /// Syncs a batch of staged files, gives them their final names and syncs their folders. `known` tells, for
    /// each, what may stand there and be replaced; with `replace_edited`, also what somebody made of it.
    ///
    /// Returns one stamp a file, in order, or why it was refused. After this the files survive a power cut.
    ///
    /// # Errors
    /// When the system refuses; files before it are already in place, which is harmless.
    pub fn publish(
        &self,
        batch: &[Staged],
        known: &[Known],
        replace_edited: bool,
    ) -> Result<Vec<Result<Stamp, Refusal>>, StoreError> {
        let mut open = Open::default();
        let mut stamps = Vec::with_capacity(batch.len());
        for file in batch {
            stamps.push(self.settle(file, &mut open)?);
        }
        // A folder may have been exchanged since.
        open = Open::default();
        let mut folders = BTreeSet::new();
        for ((file, stamp), known) in batch.iter().zip(&mut stamps).zip(known) {
            if stamp.is_err() {
                continue;
            }
            let target = self.root().join(file.relative());
            self.fault().hit("rename").map_err(|e| io_error("rename", &target, e))?;
            match self.name(file, &target, known, (replace_edited, &mut open)) {
                Ok(()) => folders.extend(file.relative().ancestors().skip(1).map(Path::to_path_buf)),
                Err(StoreError::Refused(refusal)) => *stamp = Err(refusal),
                Err(error) => return Err(error),
            }
        }
        for folder in folders {
            self.sync_folder(&folder)?;
        }
        Ok(stamps)
    }

    /// Writes one file of safelight's own, in place of what it wrote there before.
    ///
    /// # Errors
    /// As [`Store::stage`] and [`Store::publish`].
    pub fn write(&self, relative: &Path, bytes: &[u8]) -> Result<Stamp, StoreError> {
        self.write_over(relative, bytes, Known::anything(), false)
    }

    /// As [`Store::write`], in place of nothing but what is `known`.
    ///
    /// # Errors
    /// As [`Store::stage`] and [`Store::publish`].
    pub fn write_over(
        &self,
        relative: &Path,
        bytes: &[u8],
        known: Known,
        replace_edited: bool,
    ) -> Result<Stamp, StoreError> {
        self.put(self.stage(relative, bytes)?, known, replace_edited)
    }

    /// As [`Store::write`], of a file that everybody may read, whatever the process withholds.
    ///
    /// # Errors
    /// As [`Store::stage`] and [`Store::publish`], or when its permissions can't be set.
    pub fn write_readable(&self, relative: &Path, bytes: &[u8]) -> Result<Stamp, StoreError> {
        let staged = self.stage(relative, bytes)?;
        let path = self.staged_path(&staged);
        let open = || {
            let (dir, _) = self.place(relative, false)?;
            let dir = dir.ok_or_else(|| lost(&path))?;
            let file = dir.read(&staged.temp).map_err(|e| io_error("open", &path, e))?;
            let permissions = std::fs::Permissions::from_mode(0o644);
            file.set_permissions(permissions).map_err(|e| io_error("give permissions to", &path, e))
        };
        if let Err(error) = open() {
            self.discard(&[staged]);
            return Err(error);
        }
        self.put(staged, Known::anything(), false)
    }

    /// Publishes a single staged file, in place of nothing but what is `known`.
    ///
    /// # Errors
    /// As [`Store::publish`].
    pub fn put(&self, staged: Staged, known: Known, replace_edited: bool) -> Result<Stamp, StoreError> {
        let stamp = self.publish(std::slice::from_ref(&staged), &[known], replace_edited)?.pop();
        stamp.unwrap_or(Err(Refusal::Outside { path: staged.relative })).map_err(StoreError::from)
    }

    /// The folder of a staged file, which has to be there still.
    fn folder_of<'o>(&self, file: &Staged, open: &'o mut Open) -> Result<&'o Dir, StoreError> {
        let parent = file.relative().parent().unwrap_or(Path::new(""));
        if open.last.as_ref().is_none_or(|(folder, _)| folder != parent) {
            let (dir, _) = self.place(file.relative(), false)?;
            let dir = dir.ok_or_else(|| lost(&self.staged_path(file)))?;
            open.last = Some((parent.to_path_buf(), dir));
        }
        let lost = || lost(&self.staged_path(file)).into();
        open.last.as_ref().map(|(_, dir)| dir).ok_or_else(lost)
    }

    /// Brings the content to the disk.
    fn settle(&self, file: &Staged, open: &mut Open) -> Result<Result<Stamp, Refusal>, StoreError> {
        let path = self.staged_path(file);
        self.fault().hit("sync").map_err(|e| io_error("sync", &path, e))?;
        let dir = match self.folder_of(file, open) {
            Ok(dir) => dir,
            Err(StoreError::Refused(refusal)) => return Ok(Err(refusal)),
            Err(error) => return Err(error),
        };
        let handle = match dir.read(&file.temp) {
            Ok(handle) => handle,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Err(lost(&path))),
            Err(e) => return Err(io_error("open", &path, e)),
        };
        handle.sync_all().map_err(|e| io_error("sync", &path, e))?;
        let mtime_ns = mtime_ns(&handle.metadata().map_err(|e| io_error("stat", &path, e))?);
        Ok(Ok(Stamp { size: file.size, mtime_ns, hash: file.hash }))
    }

    fn name(
        &self,
        file: &Staged,
        target: &Path,
        known: &Known,
        (replace_edited, open): (bool, &mut Open),
    ) -> Result<(), StoreError> {
        let dir = self.folder_of(file, open)?;
        let name = target.file_name().unwrap_or_default();
        let failed = |e: io::Error| match Errno::from_io_error(&e) {
            Some(Errno::NOENT) => lost(target).into(),
            Some(Errno::BUSY | Errno::ISDIR | Errno::NOTEMPTY) => {
                let what = "is a mount point or a folder".to_string();
                Refusal::Taken { path: target.to_path_buf(), what }.into()
            }
            _ => name_error("rename to", target, e),
        };
        let put = match dir.rename_new(&file.temp, name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.replace(dir, (file, name), known, replace_edited)
            }
            other => other.map(|()| None),
        };
        let refused = match put.map_err(failed) {
            Ok(None) => return Ok(()),
            Ok(Some(refused)) => refused.into_refusal(target).into(),
            Err(error) => error,
        };
        if matches!(refused, StoreError::Refused(_)) {
            dir.unlink(&file.temp).ok();
        }
        Err(refused)
    }

    /// Brings a folder's list to the disk; one that is gone needs none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let path = self.root().join(folder);
        self.fault().hit("sync-folder").map_err(|e| io_error("sync", &path, e))?;
        match self.folder(folder, false)? {
            Some(dir) => dir.sync().map_err(|e| io_error("sync", &path, e)),
            None => Ok(()),
        }
    }

    /// Removes a file if it is one of those that are known, and the folders that this leaves empty.
    ///
    /// # Errors
    /// When it can't be told what it is, or the system refuses.
    pub fn remove(&self, relative: &Path, known: &Known) -> Result<Removal, StoreError> {
        let target = self.root().join(relative);
        self.fault().hit("remove").map_err(|e| io_error("remove", &target, e))?;
        let (parent, name) = split(relative);
        let dir = match self.folder(parent, false) {
            Ok(Some(dir)) => dir,
            Ok(None) => return Ok(Removal::Absent),
            // What stands behind a link is not ours.
            Err(StoreError::Refused(_)) => return Ok(Removal::Kept),
            Err(error) => return Err(error),
        };
        let removal = self.take(&dir, name, known).map_err(|e| io_error("remove", &target, e))?;
        if removal == Removal::Removed {
            drop(dir);
            self.remove_empty(parent)?;
        }
        Ok(removal)
    }

    /// Takes the file aside first, so that what was looked at is what is removed.
    fn take(&self, dir: &Dir, name: &OsStr, known: &Known) -> io::Result<Removal> {
        let found = match standing(dir, name, known)? {
            (Standing::Absent, _) => return Ok(Removal::Absent),
            (_, Some(found)) if self.guard.holds(&found) => return Ok(Removal::Kept),
            (Standing::Written(..) | Standing::Own, Some(found)) => found,
            _ => return Ok(Removal::Kept),
        };
        let aside = self.temp_name();
        match dir.rename(name, &aside) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Removal::Absent),
            other => other?,
        }
        if dir.look(&aside)? == Some(found) {
            dir.unlink(&aside)?;
            return Ok(Removal::Removed);
        }
        dir.rename_new(&aside, name)?;
        Ok(Removal::Kept)
    }

    /// Puts `temp` in place of the file `name`, where that is known.
    fn replace(
        &self,
        dir: &Dir,
        (file, name): (&Staged, &OsStr),
        known: &Known,
        replace_edited: bool,
    ) -> io::Result<Option<Refused>> {
        let temp = file.temp.as_os_str();
        // Of a name that was only announced, nobody knows whether it was ever written.
        let written = known.anything || known.files.iter().any(|file| file.mtime_ns.is_some());
        let unlike = if written { Refused::Edited } else { Refused::Foreign };
        let found = match standing(dir, name, known)? {
            // Gone meanwhile.
            (Standing::Absent, _) => return dir.rename_new(temp, name).map(|()| None),
            (_, Some(found)) if self.guard.holds(&found) => return Ok(Some(Refused::Original)),
            (Standing::Written(..) | Standing::Own, Some(found)) => found,
            (Standing::Differs, Some(found)) if replace_edited && written => found,
            // It changed with the original whose second name it is: nobody edited it here.
            (Standing::Differs, Some(found)) if found.links > 1 && file.over == Some(found.id) => found,
            (Standing::Other(kind), _) => return Ok(Some(Refused::Stands(kind))),
            _ => return Ok(Some(unlike)),
        };
        // The two change places, so that what was there can be looked at once more, and go back.
        if !self.exchange(dir, temp, name)? {
            return dir.rename(temp, name).map(|()| None);
        }
        if dir.look(temp)? == Some(found) {
            dir.unlink(temp)?;
            return Ok(None);
        }
        self.exchange(dir, temp, name)?;
        Ok(Some(unlike))
    }

    /// Lets two names change places; false where the file system can't.
    pub(super) fn exchange(&self, dir: &Dir, one: &OsStr, other: &OsStr) -> io::Result<bool> {
        if self.fault().lacks("exchange") { Ok(false) } else { dir.exchange(one, other) }
    }

    /// Removes a folder, and those above it, as far as they are empty.
    ///
    /// # Errors
    /// When what is above can't be opened.
    pub fn remove_empty(&self, folder: &Path) -> Result<(), StoreError> {
        for empty in folder.ancestors().take_while(|a| !a.as_os_str().is_empty()) {
            let (Some(parent), Some(name)) = (empty.parent(), empty.file_name()) else { break };
            let Some(dir) = self.folder(parent, false)? else { break };
            if dir.remove_folder(name).is_err() && !self.remove_link(&dir, name, empty) {
                break;
            }
        }
        Ok(())
    }
}

/// The temporary file, or its folder, was taken away meanwhile.
fn lost(path: &Path) -> Refusal {
    let what = "its folder was changed by somebody while the run wrote into it".to_string();
    Refusal::Taken { path: path.to_path_buf(), what }
}

/// The folder that was opened last: files of a batch mostly share theirs.
#[derive(Default)]
struct Open {
    last: Option<(PathBuf, Dir)>,
}

/// Why a name is not replaced.
enum Refused {
    Edited,
    Foreign,
    Original,
    Stands(Kind),
}

impl Refused {
    fn into_refusal(self, target: &Path) -> Refusal {
        let path: PathBuf = target.to_path_buf();
        match self {
            Refused::Edited => Refusal::Edited { path },
            Refused::Foreign => Refusal::foreign(target),
            Refused::Original => Refusal::original(target),
            Refused::Stands(kind) => Refusal::stands(target, kind),
        }
    }
}
