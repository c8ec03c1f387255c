//! Folders that are replaced as a whole: tables and shards.

use super::dir::{Dir, Kind};
use super::error::{PartsError, StoreError, io_error};
use super::hashing::Hashing;
use super::look;
use super::output::Store;
use super::stamp::{Stamp, Written, mtime_ns};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a part's content.
pub(super) type WritePart<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// A file of a folder that is replaced as a whole.
pub enum Part<'a> {
    /// New content.
    New(Vec<u8>),
    /// New content that is written piece by piece.
    Written(WritePart<'a>),
    /// A file of the present folder, as it was stamped when it was written.
    Carried {
        /// Its present name.
        from: String,
        /// Its stamp.
        stamp: Stamp,
    },
}

/// A folder that is to take another's place, under a temporary name.
#[derive(Debug)]
pub struct Built {
    folder: PathBuf,
    temp: OsString,
    new: Dir,
    stamps: Vec<(String, Stamp)>,
}

impl Built {
    /// Its files, as they were written or carried, by their paths relative to the output.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, Written)> {
        self.stamps.iter().map(|(name, stamp)| (self.folder.join(name), Written::from(stamp)))
    }
}

impl Store {
    /// Size and time of the files of a folder that is replaced as a whole; an absent folder holds none.
    ///
    /// # Errors
    /// When it can't be listed, or holds anything whose name is not `ours`: replacing the folder would lose it.
    pub fn parts(
        &self,
        folder: &Path,
        ours: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, (u64, i64)>, PartsError> {
        let listed = |source| PartsError::List { folder: self.root().join(folder), source };
        let Some(dir) = self.folder(folder, false)? else {
            return Ok(BTreeMap::new());
        };
        let mut parts = BTreeMap::new();
        for (name, kind) in dir.names().map_err(listed)? {
            let text = name.to_string_lossy().into_owned();
            if kind != Kind::File || !ours(&text) {
                return Err(PartsError::Foreign { folder: self.root().join(folder), name: name.into() });
            }
            if let Some(found) = dir.look(&name).map_err(listed)? {
                parts.insert(text, (found.size, found.mtime_ns));
            }
        }
        Ok(parts)
    }

    /// Builds what is to take the place of `folder`, holding exactly `files`, beside it.
    ///
    /// Carried files are linked, not read: an unchanged part keeps its inode and its stamp.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn build_folder<'a>(
        &self,
        folder: &Path,
        files: impl Iterator<Item = Result<(String, Part<'a>), StoreError>>,
    ) -> Result<Built, StoreError> {
        let target = self.root().join(folder);
        let (Some(parent), _) = self.place(folder, true)? else {
            return Err(io_error("create", &target, io::ErrorKind::NotFound.into()));
        };
        let temp = self.temp_name();
        let made = parent.make(&temp).and_then(|()| parent.child(&temp));
        let new = made.map_err(|e| io_error("create", &parent.path().join(&temp), e))?;
        let old = self.folder(folder, false)?;
        let mut stamps = Vec::new();
        for file in files {
            let (name, part) = file?;
            let path = new.path().join(&name);
            self.fault().hit("part").map_err(|e| io_error("write", &path, e))?;
            let write: WritePart<'_> = match part {
                Part::New(bytes) => Box::new(move |to| to.write_all(&bytes)),
                Part::Written(write) => write,
                Part::Carried { from, stamp } => {
                    let missing = || io_error("read", &target.join(&from), io::ErrorKind::NotFound.into());
                    let old = old.as_ref().ok_or_else(missing)?;
                    if old.link(OsStr::new(&from), &new, OsStr::new(&name)).is_ok() {
                        stamps.push((name, stamp));
                        continue;
                    }
                    let read = old.read(OsStr::new(&from));
                    let mut old = read.map_err(|e| io_error("read", &target.join(&from), e))?;
                    Box::new(move |to| io::copy(&mut old, to).map(drop))
                }
            };
            let finish = |file: File| {
                let mut to = Hashing::new(file);
                write(&mut to)?;
                let (file, hash, _) = to.finish()?;
                file.sync_all()?;
                Ok((file.metadata()?, hash))
            };
            let (meta, hash) =
                new.create(OsStr::new(&name)).and_then(finish).map_err(|e| io_error("write", &path, e))?;
            stamps.push((name, Stamp { size: meta.len(), mtime_ns: mtime_ns(&meta), hash }));
        }
        self.fault().hit("sync-folder").map_err(|e| io_error("sync", new.path(), e))?;
        new.sync().map_err(|e| io_error("sync", new.path(), e))?;
        Ok(Built { folder: folder.to_path_buf(), temp, new, stamps })
    }

    /// Puts a folder that was built in its place, in one atomic exchange: readers that list it see the whole old set or
    /// the whole new set. Of the old one, the files that were `seen` before go, each if it still has that size and time;
    /// what somebody put there meanwhile goes into the new folder.
    ///
    /// # Errors
    /// When the system refuses; the present folder then stands unchanged.
    pub fn put_folder(
        &self,
        built: Built,
        seen: &BTreeMap<String, (u64, i64)>,
    ) -> Result<Vec<(String, Stamp)>, StoreError> {
        let Built { folder, temp, new, stamps } = built;
        let target = self.root().join(&folder);
        let (Some(parent), name) = self.place(&folder, false)? else {
            return Err(io_error("replace", &target, io::ErrorKind::NotFound.into()));
        };
        self.fault().hit("swap").map_err(|e| io_error("swap", &target, e))?;
        let aside = self.swap(&parent, &temp, name).map_err(|e| io_error("replace", &target, e))?;
        self.sync_folder(folder.parent().unwrap_or(Path::new("")))?;
        self.fault().hit("drop-old").map_err(|e| io_error("remove", &target, e))?;
        if let Some(aside) = aside {
            let path = parent.path().join(&aside);
            drop_old(&parent, &aside, &new, seen).map_err(|e| io_error("remove", &path, e))?;
        }
        Ok(stamps)
    }

    /// Gives the new folder its name; tells where the old one is.
    fn swap(&self, parent: &Dir, temp: &OsStr, name: &OsStr) -> io::Result<Option<OsString>> {
        match parent.rename_new(temp, name) {
            Ok(()) => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
        if parent.exchange(temp, name)? {
            return Ok(Some(temp.to_os_string()));
        }
        // File systems without an atomic exchange (some network mounts): a short gap without the folder.
        let aside = self.temp_name();
        parent.rename(name, &aside)?;
        parent.rename(temp, name)?;
        Ok(Some(aside))
    }
}

fn drop_old(parent: &Dir, aside: &OsStr, new: &Dir, seen: &BTreeMap<String, (u64, i64)>) -> io::Result<()> {
    let old = match parent.child(aside) {
        Ok(old) => old,
        Err(e) if look::is_absence(&e) => return Ok(()),
        Err(e) => return Err(e),
    };
    for (name, _) in old.names()? {
        let text = name.to_string_lossy();
        let Some(found) = old.look(&name)? else { continue };
        if found.kind == Kind::File && seen.get(&*text) == Some(&(found.size, found.mtime_ns)) {
            old.unlink(&name)?;
            continue;
        }
        match old.move_new(&name, new, &name) {
            // Of the same name as a new part: the next run says what it thinks of it.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let mut other = name.clone();
                other.push(".kept");
                old.move_new(&name, new, &other)?;
            }
            moved => moved?,
        }
    }
    parent.remove_folder(aside)
}
