//! Folders held by handle. Every step down opens one name below a folder that is open already and follows no
//! link, so that nothing that is exchanged, linked or mounted meanwhile leads a write elsewhere.

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What tells a file or folder apart on this machine, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

impl FileId {
    /// Of what `metadata` describes.
    pub fn of(metadata: &std::fs::Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// What stands at a name, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Device and inode.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// What it is.
    pub kind: Kind,
    /// Names that it has.
    pub links: u64,
}

/// Kinds of things in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

impl Kind {
    fn of(kind: FileType) -> Kind {
        match kind {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        }
    }

    /// With its article, for messages.
    pub fn text(self) -> &'static str {
        match self {
            Kind::File => "a file",
            Kind::Folder => "a folder",
            Kind::Link => "a symbolic link",
            Kind::Other => "a pipe, socket or device",
        }
    }
}

impl Found {
    #[expect(clippy::useless_conversion, reason = "the fields' types differ between machines")]
    fn of(stat: &Stat) -> Found {
        let seconds = i64::from(stat.st_mtime).saturating_mul(1_000_000_000);
        Found {
            id: FileId { device: stat.st_dev.into(), inode: stat.st_ino.into() },
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: seconds.saturating_add(i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
            links: stat.st_nlink.into(),
        }
    }
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Permissions of a new file, of which the system takes those that the process withholds.
const NEW: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);

impl Dir {
    /// Opens the folder at `path`, which may lie behind links; its last name may not be one.
    pub(super) fn open(path: &Path) -> io::Result<Dir> {
        let fd = retry_on_intr(|| fs::open(path, OPEN, Mode::empty()))?;
        Ok(Dir { fd, path: path.to_path_buf() })
    }

    /// Where it was when it was opened, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder `name` in it.
    pub(super) fn child(&self, name: &OsStr) -> io::Result<Dir> {
        let fd = retry_on_intr(|| fs::openat(&self.fd, name, OPEN, Mode::empty()))?;
        Ok(Dir { fd, path: self.path.join(name) })
    }

    /// Opens it once more.
    pub(super) fn again(&self) -> io::Result<Dir> {
        Ok(Dir { path: self.path.clone(), ..self.child(OsStr::new("."))? })
    }

    /// The same folder, reached by another path.
    pub(super) fn named(self, path: PathBuf) -> Dir {
        Dir { path, ..self }
    }

    /// Makes the folder `name`.
    pub(super) fn make(&self, name: &OsStr) -> io::Result<()> {
        let mode = Mode::RWXU | Mode::RWXG | Mode::RWXO;
        Ok(retry_on_intr(|| fs::mkdirat(&self.fd, name, mode))?)
    }

    /// What the folder itself is.
    pub(super) fn itself(&self) -> io::Result<Found> {
        Ok(Found::of(&retry_on_intr(|| fs::fstat(&self.fd))?))
    }

    /// What stands at `name`; none where nothing does.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<Found>> {
        match retry_on_intr(|| fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(Found::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Opens the file `name` to read it. A pipe that stands there does not block.
    pub(super) fn read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// Makes the new file `name` to write it.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        self.create_as(name, None)
    }

    /// The same with no more permissions than `mode` has, and than the process may give. Nothing becomes executable, and
    /// the owner can read it.
    pub(super) fn create_as(&self, name: &OsStr, mode: Option<u32>) -> io::Result<File> {
        let mode = mode.map_or(NEW, |mode| (Mode::from_raw_mode(mode) & NEW) | Mode::RUSR);
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)
    }

    /// Opens the file `name` to read and write it, and makes it where it is missing.
    pub(super) fn keep(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK)
    }

    fn file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        self.open_file(name, flags, NEW)
    }

    fn open_file(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(retry_on_intr(|| fs::openat(&self.fd, name, flags, mode))?))
    }

    /// Writes the folder's own list to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::fsync(&self.fd))?)
    }

    /// Gives `from` the name `to`, which nothing may have.
    ///
    /// # Errors
    /// `AlreadyExists` where something has it; then nothing has changed.
    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.move_new(from, self, to)
    }

    /// The same into another folder.
    pub(super) fn move_new(&self, from: &OsStr, folder: &Dir, to: &OsStr) -> io::Result<()> {
        match retry_on_intr(|| fs::renameat_with(&self.fd, from, &folder.fd, to, RenameFlags::NOREPLACE)) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.move_new_by_link(from, folder, to),
            other => Ok(other?),
        }
    }

    /// The same where the file system has no such rename: a second name is made only where there is none.
    fn move_new_by_link(&self, from: &OsStr, folder: &Dir, to: &OsStr) -> io::Result<()> {
        match retry_on_intr(|| fs::linkat(&self.fd, from, &folder.fd, to, AtFlags::empty())) {
            Ok(()) => self.unlink(from),
            // Nor links: what remains is to look first.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::ISDIR) => match folder.look(to)? {
                Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                None => Ok(retry_on_intr(|| fs::renameat(&self.fd, from, &folder.fd, to))?),
            },
            Err(e) => Err(e.into()),
        }
    }

    /// Gives `from` the name `to`, in place of what has it.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::renameat(&self.fd, from, &self.fd, to))?)
    }

    /// Lets two names change places; false where the file system can't.
    pub(super) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<bool> {
        match retry_on_intr(|| fs::renameat_with(&self.fd, one, &self.fd, other, RenameFlags::EXCHANGE)) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes the symbolic link `name` of this text.
    pub(super) fn make_link(&self, text: &Path, name: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::symlinkat(text, &self.fd, name))?)
    }

    /// The text of the symbolic link `name`; none where something else stands there, or nothing.
    pub(super) fn link_text(&self, name: &OsStr) -> io::Result<Option<OsString>> {
        match retry_on_intr(|| fs::readlinkat(&self.fd, name, Vec::new())) {
            Ok(text) => Ok(Some(OsString::from_vec(text.into_bytes()))),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives the file `name` a second name in another folder.
    pub(super) fn link(&self, name: &OsStr, folder: &Dir, to: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::linkat(&self.fd, name, &folder.fd, to, AtFlags::empty()))?)
    }

    /// Gives the file at a path, itself no link, the further name `name` here.
    pub(super) fn link_to(&self, original: &Path, name: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::linkat(fs::CWD, original, &self.fd, name, AtFlags::empty()))?)
    }

    /// Removes the name of a file.
    pub(super) fn unlink(&self, name: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::unlinkat(&self.fd, name, AtFlags::empty()))?)
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR))?)
    }

    /// The names in it, and what the folder's list says of them, without `.` and `..`.
    pub(super) fn names(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems leave it open.
                FileType::Unknown => match self.look(name)? {
                    Some(found) => found.kind,
                    None => continue,
                },
                kind => Kind::of(kind),
            };
            names.push((name.to_os_string(), kind));
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }
}
