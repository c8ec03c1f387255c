//! The output folder of one job: staging files in it, and reading them.

use super::attributes::Attributes;
use super::dir::{Dir, FileId, Found, Kind};
use super::error::{Refusal, StoreError, io_error, name_error, refuses_name};
use super::fault::Fault;
use super::guard::Guard;
use super::links::Link;
use super::look;
use super::names::{is_reserved, temp_name};
use super::process::random;
use super::stamp::Written;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file written under a temporary name, waiting to be published.
#[derive(Debug)]
pub struct Staged {
    pub(super) relative: PathBuf,
    pub(super) temp: OsString,
    pub(super) size: u64,
    pub(super) hash: [u8; 32],
    pub(super) timed: bool,
    /// A file whose second name may stand in its place.
    pub(super) over: Option<FileId>,
}

impl Staged {
    /// Where it will stand, relative to the output folder.
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// It may take the place of a second name of this original, whatever that holds by now.
    #[must_use]
    pub fn over_link(self, original: Option<FileId>) -> Staged {
        Staged { over: original, ..self }
    }

    /// Whether it has the times that it was to get.
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Its size and content.
    pub fn written(&self) -> Written {
        Written { size: self.size, mtime_ns: None, hash: self.hash }
    }
}

/// The output folder of one job.
#[derive(Debug)]
pub struct Store {
    pub(super) root: Dir,
    pub(super) guard: Guard,
    /// What the next temporary name ends in: the first at random, since processes of other machines may have the number of
    /// this one.
    pub(super) serial: AtomicU64,
    fault: Fault,
}

impl Store {
    /// Opens (and creates) the output folder `root`, which may be none of what `guard` holds.
    ///
    /// # Errors
    /// When the folder cannot be made, or is one of the input's.
    pub fn open(root: &Path, guard: Guard, fault: Fault) -> Result<Store, StoreError> {
        fs::create_dir_all(root).map_err(|e| io_error("create", root, e))?;
        let dir = Dir::open(root).map_err(|e| io_error("open", root, e))?;
        Store::within(dir, guard, fault)
    }

    /// Opens the output folder `root` to look at what is there; none where it is missing.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn existing(root: &Path) -> Result<Option<Store>, StoreError> {
        match Dir::open(root) {
            Ok(dir) => Store::within(dir, Guard::default(), Fault::default()).map(Some),
            Err(e) if look::is_absence(&e) => Ok(None),
            Err(e) => Err(io_error("open", root, e)),
        }
    }

    fn within(root: Dir, guard: Guard, fault: Fault) -> Result<Store, StoreError> {
        let store = Store { root, guard, serial: AtomicU64::new(random()), fault };
        store.check_guard(&store.root)?;
        Ok(store)
    }

    /// The output folder.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The fault plan, for the ledger's own transactions.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Fails when a folder belongs to the input, by whatever name it was reached.
    pub(super) fn check_guard(&self, folder: &Dir) -> Result<(), StoreError> {
        let itself = folder.itself().map_err(|e| io_error("look at", folder.path(), e))?;
        if self.guard.holds(&itself) {
            return Err(Refusal::original(folder.path()).into());
        }
        Ok(())
    }

    /// The output folder itself, opened once more.
    pub(super) fn top(&self) -> Result<Dir, StoreError> {
        self.root.again().map_err(|e| io_error("open", self.root(), e))
    }

    /// Opens the folder at `relative`; none where it is missing and not to be made.
    ///
    /// # Errors
    /// When a link that is none of safelight's ([`Link`]), a file, or a folder of the input stands on the way, or the system
    /// refuses.
    pub(super) fn folder(&self, relative: &Path, make: bool) -> Result<Option<Dir>, StoreError> {
        let mut dir = self.top()?;
        for (depth, component) in relative.components().enumerate() {
            let Component::Normal(name) = component else {
                return Err(Refusal::Outside { path: relative.to_path_buf() }.into());
            };
            let here = || relative.components().take(depth + 1).collect::<PathBuf>();
            let Some(child) = self.step(&dir, (name, &here), make)? else { return Ok(None) };
            self.check_guard(&child)?;
            dir = child;
        }
        Ok(Some(dir))
    }

    /// Opens the folder `name` in another, which is `here` in the output.
    fn step(
        &self,
        dir: &Dir,
        (name, here): (&OsStr, &dyn Fn() -> PathBuf),
        make: bool,
    ) -> Result<Option<Dir>, StoreError> {
        let path = dir.path().join(name);
        for made in [false, true] {
            let error = match dir.child(name) {
                Ok(child) => return Ok(Some(child)),
                Err(error) => error,
            };
            if refuses_name(&error) {
                return Err(name_error("open", &path, error));
            }
            if error.kind() != io::ErrorKind::NotFound {
                let looked = |e| io_error("look at", &path, e);
                let found = dir.look(name).map_err(looked)?;
                if found.is_some_and(|found| found.kind == Kind::Link) {
                    match Link::at(&self.root, dir, name, &here()).map_err(looked)? {
                        Some(Link { folder: None, .. }) if !make => return Ok(None),
                        Some(Link { folder: Some(folder), .. }) => return Ok(Some(folder)),
                        _ => {}
                    }
                }
                return Err(match found.filter(|found| found.kind != Kind::Folder) {
                    Some(found) => Refusal::stands(&path, found.kind).into(),
                    None => io_error("open", &path, error),
                });
            }
            if !make {
                return Ok(None);
            }
            if made {
                break;
            }
            match dir.make(name) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(name_error("create", &path, e));
                }
                _ => {}
            }
        }
        // It is taken away as often as it is made.
        Err(io_error("open", &path, io::ErrorKind::NotFound.into()))
    }

    /// The folder and the name of a target; no folder where it is missing and not to be made.
    pub(super) fn place<'a>(
        &self,
        relative: &'a Path,
        make: bool,
    ) -> Result<(Option<Dir>, &'a OsStr), StoreError> {
        let inside = relative.components().all(|c| matches!(c, Component::Normal(_)));
        let (Some(parent), Some(name), true) = (relative.parent(), relative.file_name(), inside) else {
            return Err(Refusal::Outside { path: relative.to_path_buf() }.into());
        };
        if is_reserved(relative) {
            let reason = "safelight keeps this name for its own files".into();
            return Err(Refusal::Name { path: self.root().join(relative), reason }.into());
        }
        Ok((self.folder(parent, make)?, name))
    }

    pub(super) fn temp_name(&self) -> OsString {
        temp_name(self.number())
    }

    /// Another number each time.
    pub(super) fn number(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes something under a temporary name, another one where the name is taken.
    pub(super) fn fresh<T>(
        &self,
        mut make: impl FnMut(&OsStr) -> io::Result<T>,
    ) -> io::Result<(OsString, T)> {
        let mut tries = 0..8;
        loop {
            let temp = self.temp_name();
            match make(&temp) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tries.next().is_some() => {}
                made => return made.map(|made| (temp, made)),
            }
        }
    }

    /// Writes `bytes` under a temporary name beside `relative`, making folders as needed.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the name can't be used, before anything is written; else when the system refuses.
    pub fn stage(&self, relative: &Path, bytes: &[u8]) -> Result<Staged, StoreError> {
        self.stage_as(relative, bytes, Attributes::default())
    }

    /// The same with permissions and times. Permissions hold from the beginning, times before the content is synced.
    ///
    /// # Errors
    /// As [`Store::stage`].
    pub fn stage_as(
        &self,
        relative: &Path,
        bytes: &[u8],
        attributes: Attributes,
    ) -> Result<Staged, StoreError> {
        let (temp, mut file) = self.create(relative, &attributes)?;
        let written = file.write_all(bytes);
        let timed = attributes.times.is_none_or(|times| times.give(&file));
        let (size, hash) = (bytes.len() as u64, *blake3::hash(bytes).as_bytes());
        let staged = Staged { relative: relative.to_path_buf(), temp, size, hash, timed, over: None };
        if let Err(error) = written {
            self.discard(&[staged]);
            return Err(io_error("write", &self.root().join(relative), error));
        }
        Ok(staged)
    }

    /// Creates the file under a temporary name beside `relative`, and gives that name.
    pub(super) fn create(
        &self,
        relative: &Path,
        attributes: &Attributes,
    ) -> Result<(OsString, File), StoreError> {
        let target = self.root().join(relative);
        let (Some(dir), name) = self.place(relative, true)? else {
            return Err(Refusal::Outside { path: relative.to_path_buf() }.into());
        };
        match dir.look(name).map_err(|e| name_error("look at", &target, e))? {
            None | Some(Found { kind: Kind::File, .. }) => {}
            Some(found) => return Err(Refusal::stands(&target, found.kind).into()),
        }
        self.fault.hit("stage").map_err(|e| io_error("write", &target, e))?;
        let created = self.fresh(|temp| {
            dir.create_as(temp, attributes.mode).inspect_err(|e| {
                if e.kind() != io::ErrorKind::AlreadyExists {
                    dir.unlink(temp).ok();
                }
            })
        });
        created.map_err(|e| io_error("write", &target, e))
    }

    /// Where a staged file stands until it is published, for readers that want a path.
    pub fn staged_path(&self, staged: &Staged) -> PathBuf {
        self.root().join(staged.relative.with_file_name(&staged.temp))
    }

    /// Drops staged files that will not be published.
    pub fn discard(&self, staged: &[Staged]) {
        for file in staged {
            // What stays is swept by the next run.
            if let Ok((Some(dir), _)) = self.place(&file.relative, false) {
                dir.unlink(&file.temp).ok();
            }
        }
    }

    /// Opens a file of the output to read it; none where nothing stands there.
    ///
    /// # Errors
    /// When it can't be opened, or is no regular file.
    pub fn open_file(&self, relative: &Path) -> Result<Option<File>, StoreError> {
        let path = self.root().join(relative);
        let (parent, name) = split(relative);
        let Some(dir) = self.folder(parent, false)? else { return Ok(None) };
        match dir.look(name).map_err(|e| name_error("look at", &path, e))? {
            None => return Ok(None),
            Some(Found { kind: Kind::File, .. }) => {}
            Some(found) => return Err(Refusal::stands(&path, found.kind).into()),
        }
        match dir.read(name) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error("read", &path, e)),
        }
    }

    /// The bytes of a file of the output; none where nothing stands there.
    ///
    /// # Errors
    /// As [`Store::open_file`].
    pub fn read(&self, relative: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut file) = self.open_file(relative)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = io::Read::read_to_end(&mut file, &mut bytes);
        read.map(|_| Some(bytes)).map_err(|e| io_error("read", &self.root().join(relative), e))
    }
}

/// The folder and the name of a relative path.
pub(super) fn split(relative: &Path) -> (&Path, &OsStr) {
    (relative.parent().unwrap_or(Path::new("")), relative.file_name().unwrap_or_default())
}
