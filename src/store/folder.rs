//! Folders that are replaced as a whole: tables and shards.

use super::dir::{Dir, Kind};
use super::error::{PartsError, StoreError, io_error};
use super::hashing::Hashing;
use super::look;
use super::names::is_still_open;
use super::output::{Store, split};
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
    /// Size and time of the files of a folder that is replaced as a whole, by their paths in it; an absent folder holds
    /// none.
    ///
    /// # Errors
    /// When it can't be listed, or holds anything whose path is not `ours` (that of a folder ends in `/`): replacing the
    /// folder would lose it.
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
        let mut folders = vec![(String::new(), dir)];
        while let Some((prefix, dir)) = folders.pop() {
            for (name, kind) in dir.names().map_err(listed)? {
                let text = format!("{prefix}{}", name.to_string_lossy());
                let inside = format!("{text}/");
                match kind {
                    Kind::File if is_still_open(&name) => {}
                    Kind::File if ours(&text) => {
                        if let Some(found) = dir.look(&name).map_err(listed)? {
                            parts.insert(text, (found.size, found.mtime_ns));
                        }
                    }
                    Kind::Folder if ours(&inside) => {
                        folders.push((inside, dir.child(&name).map_err(listed)?));
                    }
                    _ => {
                        let folder = self.root().join(folder);
                        return Err(PartsError::Foreign { folder, name: text.into() });
                    }
                }
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
        let made = self.fresh(|temp| parent.make(temp).and_then(|()| parent.child(temp)));
        let (temp, new) = made.map_err(|e| io_error("create", &target, e))?;
        let old = self.folder(folder, false)?;
        let (mut stamps, mut inside) = (Vec::new(), BTreeMap::new());
        for file in files {
            let (name, part) = file?;
            let path = new.path().join(&name);
            let (parent, last) = split(Path::new(&name));
            if !inside.contains_key(parent) {
                let made = made_below(&new, parent).map_err(|e| io_error("create", &path, e))?;
                inside.insert(parent.to_path_buf(), made);
            }
            let new = inside.get(parent).unwrap_or(&new);
            self.fault().hit("part").map_err(|e| io_error("write", &path, e))?;
            let write: WritePart<'_> = match part {
                Part::New(bytes) => Box::new(move |to| to.write_all(&bytes)),
                Part::Written(write) => write,
                Part::Carried { from, stamp } => {
                    let missing = || io_error("read", &target.join(&from), io::ErrorKind::NotFound.into());
                    let (folder, from_name) = split(Path::new(&from));
                    let old = below(old.as_ref().ok_or_else(missing)?, folder);
                    let old = old.map_err(|e| io_error("read", &target.join(&from), e))?;
                    if old.link(from_name, new, last).is_ok() {
                        stamps.push((name, stamp));
                        continue;
                    }
                    let read = old.read(from_name);
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
            let (meta, hash) = new.create(last).and_then(finish).map_err(|e| io_error("write", &path, e))?;
            stamps.push((name, Stamp { size: meta.len(), mtime_ns: mtime_ns(&meta), hash }));
        }
        self.fault().hit("sync-folder").map_err(|e| io_error("sync", new.path(), e))?;
        for dir in inside.values().chain([&new]) {
            dir.sync().map_err(|e| io_error("sync", dir.path(), e))?;
        }
        Ok(Built { folder: folder.to_path_buf(), temp, new, stamps })
    }

    /// Puts a folder that was built in its place, in one atomic step: readers that list it see the whole old set or the whole
    /// new set ([`Store::swap`]). Of the old one, the files that were `seen` before go, each if it still has that size and
    /// time; what somebody put there meanwhile goes into the new folder.
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
        let old = self.swap(&parent, &temp, (name, &folder)).map_err(|e| io_error("replace", &target, e))?;
        self.sync_folder(folder.parent().unwrap_or(Path::new("")))?;
        self.fault().hit("drop-old").map_err(|e| io_error("remove", &target, e))?;
        if let Some((parent, old)) = old {
            let path = parent.path().join(&old);
            drop_old((&parent, &old), &new, "", seen).map_err(|e| io_error("remove", &path, e))?;
        }
        Ok(stamps)
    }
}

/// A folder below another, opened step by step.
fn below(dir: &Dir, path: &Path) -> io::Result<Dir> {
    path.iter().try_fold(dir.again()?, |dir, name| dir.child(name))
}

/// The same, made where it is missing.
fn made_below(dir: &Dir, path: &Path) -> io::Result<Dir> {
    path.iter().try_fold(dir.again()?, |dir, name| match dir.make(name) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => dir.child(name),
    })
}

/// Removes the folder `aside` with the files in it that were seen, whose paths begin with `prefix`; moves what else is
/// there into the new folder, where it has the same place.
fn drop_old(
    (parent, aside): (&Dir, &OsStr),
    new: &Dir,
    prefix: &str,
    seen: &BTreeMap<String, (u64, i64)>,
) -> io::Result<()> {
    let old = match parent.child(aside) {
        Ok(old) => old,
        Err(e) if look::is_absence(&e) => return Ok(()),
        Err(e) => return Err(e),
    };
    for (name, kind) in old.names()? {
        let text = format!("{prefix}{}", name.to_string_lossy());
        let inside = format!("{text}/");
        if kind == Kind::Folder
            && seen.range(inside.clone()..).next().is_some_and(|(path, _)| path.starts_with(&inside))
        {
            drop_old((&old, &name), new, &inside, seen)?;
            continue;
        }
        let Some(found) = old.look(&name)? else { continue };
        if is_still_open(&name) {
            continue;
        }
        if found.kind == Kind::File && seen.get(&text) == Some(&(found.size, found.mtime_ns)) {
            old.unlink(&name)?;
            continue;
        }
        let new = made_below(new, Path::new(prefix))?;
        match old.move_new(&name, &new, &name) {
            // Of the same name as a new part: the next run says what it thinks of it.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let mut other = name.clone();
                other.push(".kept");
                old.move_new(&name, &new, &other)?;
            }
            moved => moved?,
        }
    }
    match parent.remove_folder(aside) {
        // What a reader still has open, on NFS and in user space: the next run sweeps it.
        Err(e) if matches!(e.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            Ok(())
        }
        removed => removed,
    }
}
