//! The only writer of files. Everything appears under its final name whole, synced, and by rename.
//!
//! A file is *staged* (written under a temporary name beside its target) by a worker and *published*
//! (synced, renamed, folder synced) by the committer. What a crash leaves behind carries the temporary
//! prefix and is swept by the next run.

mod fault;
mod lock;

pub use fault::{Fault, VARIABLE as FAULT_VARIABLE};
pub use lock::{Lock, LockError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Prefix of every temporary file and folder.
pub const TEMP_PREFIX: &str = ".safelight-tmp-";

/// Folder inside the output that holds the ledger and the lock.
pub const STATE_FOLDER: &str = ".safelight";

/// A write that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check free space, permissions and the mount, then run again", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A name the file system can't take, or where a folder stands.
    #[error("cannot write {}: {reason}; rename the input or choose another format, suffix or output", path.display())]
    Name {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A name that would leave the output folder.
    #[error("refusing to write {}: the name leaves the output folder", path.display())]
    Outside {
        /// The offending relative path.
        path: PathBuf,
    },
}

/// Whether the file system can hold a file at `target`: asked before anything is written, so that one bad
/// name is one item's failure and not that of the batch it would be renamed with.
fn usable(target: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(target) {
        Ok(meta) if meta.is_dir() => {
            Err(StoreError::Name { path: target.to_path_buf(), reason: "a folder stands there".into() })
        }
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(refused_name(target, e, "look at")),
    }
}

fn refused_name(path: &Path, source: io::Error, action: &'static str) -> StoreError {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, NotADirectory};
    match source.kind() {
        InvalidFilename | InvalidInput | NotADirectory | AlreadyExists => {
            StoreError::Name { path: path.to_path_buf(), reason: source.to_string() }
        }
        _ => io_error(action, path, source),
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_path_buf(), source }
}

/// Size, time and content of a published file, as the ledger keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

/// A file written under a temporary name, waiting to be published.
#[derive(Debug)]
pub struct Staged {
    relative: PathBuf,
    temp: PathBuf,
    size: u64,
    hash: [u8; 32],
}

impl Staged {
    /// Where it will stand, relative to the output folder.
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// Where it stands until it is published.
    pub fn temp(&self) -> &Path {
        &self.temp
    }
}

/// Writes a part's content.
pub type WritePart<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

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

/// Hashes what passes through to a file.
struct Hashing {
    file: io::BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The output folder of one job.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    serial: AtomicU64,
    fault: Fault,
}

impl Store {
    /// Opens (and creates) the output folder `root`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(root: &Path, fault: Fault) -> Result<Store, StoreError> {
        let store = Store::bare(root, fault)?;
        let state = root.join(STATE_FOLDER);
        fs::create_dir_all(&state).map_err(|e| io_error("create", &state, e))?;
        Ok(store)
    }

    /// Opens a folder that is no job's output: without a place for the ledger.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn bare(root: &Path, fault: Fault) -> Result<Store, StoreError> {
        fs::create_dir_all(root).map_err(|e| io_error("create", root, e))?;
        Ok(Store { root: root.to_path_buf(), serial: AtomicU64::new(0), fault })
    }

    /// The output folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The fault plan, for the ledger's own transactions.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    fn target(&self, relative: &Path) -> Result<PathBuf, StoreError> {
        let inside = relative.components().all(|c| matches!(c, Component::Normal(_)));
        if !inside || relative.as_os_str().is_empty() {
            return Err(StoreError::Outside { path: relative.to_path_buf() });
        }
        Ok(self.root.join(relative))
    }

    fn temp_name(&self, parent: &Path) -> PathBuf {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        parent.join(format!("{TEMP_PREFIX}{}-{serial}", std::process::id()))
    }

    /// Writes `bytes` under a temporary name beside `relative`, making folders as needed.
    ///
    /// # Errors
    /// When the name leaves the output folder or the system refuses.
    pub fn stage(&self, relative: &Path, bytes: &[u8]) -> Result<Staged, StoreError> {
        let target = self.target(relative)?;
        let parent = target.parent().unwrap_or(&self.root);
        usable(&target)?;
        fs::create_dir_all(parent).map_err(|e| refused_name(&target, e, "create"))?;
        let temp = self.temp_name(parent);
        self.fault.hit("stage").map_err(|e| io_error("write", &temp, e))?;
        let written = File::create_new(&temp).and_then(|mut f| f.write_all(bytes));
        if let Err(e) = written {
            fs::remove_file(&temp).ok();
            return Err(io_error("write", &target, e));
        }
        Ok(Staged {
            relative: relative.to_path_buf(),
            temp,
            size: bytes.len() as u64,
            hash: *blake3::hash(bytes).as_bytes(),
        })
    }

    /// Drops staged files that will not be published.
    pub fn discard(&self, staged: &[Staged]) {
        for file in staged {
            fs::remove_file(&file.temp).ok();
        }
    }

    /// Syncs a batch of staged files, gives them their final names and syncs their folders.
    ///
    /// Returns one stamp a file, in order. After this the files survive a power cut.
    ///
    /// # Errors
    /// On the first refusal; files before it are already in place, which is harmless.
    pub fn publish(&self, batch: &[Staged]) -> Result<Vec<Stamp>, StoreError> {
        let mut stamps = Vec::with_capacity(batch.len());
        let mut folders = BTreeSet::new();
        for file in batch {
            self.fault.hit("sync").map_err(|e| io_error("sync", &file.temp, e))?;
            let handle = File::open(&file.temp).map_err(|e| io_error("open", &file.temp, e))?;
            handle.sync_all().map_err(|e| io_error("sync", &file.temp, e))?;
            let mtime_ns = mtime_ns(&handle.metadata().map_err(|e| io_error("stat", &file.temp, e))?);
            stamps.push(Stamp { size: file.size, mtime_ns, hash: file.hash });
        }
        for file in batch {
            let target = self.target(&file.relative)?;
            self.fault.hit("rename").map_err(|e| io_error("rename", &target, e))?;
            fs::rename(&file.temp, &target).map_err(|e| io_error("rename to", &target, e))?;
            self.remember_folders(&target, &mut folders);
        }
        for folder in folders {
            self.sync_folder(&folder)?;
        }
        Ok(stamps)
    }

    fn remember_folders(&self, target: &Path, folders: &mut BTreeSet<PathBuf>) {
        let inside = target.ancestors().skip(1).take_while(|a| a.starts_with(&self.root));
        folders.extend(inside.map(Path::to_path_buf));
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        self.fault.hit("sync-folder").map_err(|e| io_error("sync", folder, e))?;
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| io_error("sync", folder, e))
    }

    /// Writes one file through all the stages.
    ///
    /// # Errors
    /// As [`Store::stage`] and [`Store::publish`].
    pub fn write(&self, relative: &Path, bytes: &[u8]) -> Result<Stamp, StoreError> {
        let staged = [self.stage(relative, bytes)?];
        let mut stamps = self.publish(&staged)?;
        stamps.pop().ok_or_else(|| StoreError::Outside { path: relative.to_path_buf() })
    }

    /// Removes a published file and the folders it leaves empty.
    ///
    /// # Errors
    /// When the system refuses; a file already gone is fine.
    pub fn remove(&self, relative: &Path) -> Result<(), StoreError> {
        let target = self.target(relative)?;
        self.fault.hit("remove").map_err(|e| io_error("remove", &target, e))?;
        match fs::remove_file(&target) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &target, e)),
            _ => {}
        }
        for parent in target.ancestors().skip(1).take_while(|p| *p != self.root) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Replaces `folder` by a new one holding exactly `files`, in one atomic exchange.
    ///
    /// Carried files are linked, not read: an unchanged part keeps its inode and its stamp. Readers that list
    /// the folder see the whole old set or the whole new set.
    ///
    /// # Errors
    /// When the system refuses; the present folder then stands unchanged.
    pub fn replace_folder<'a>(
        &self,
        folder: &Path,
        files: impl Iterator<Item = Result<(String, Part<'a>), StoreError>>,
    ) -> Result<Vec<(String, Stamp)>, StoreError> {
        let target = self.target(folder)?;
        let parent = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(|e| io_error("create", parent, e))?;
        let temp = self.temp_name(parent);
        fs::create_dir(&temp).map_err(|e| io_error("create", &temp, e))?;
        let mut stamps = Vec::new();
        for file in files {
            let (name, part) = file?;
            let path = temp.join(&name);
            self.fault.hit("part").map_err(|e| io_error("write", &path, e))?;
            let write: WritePart<'_> = match part {
                Part::New(bytes) => Box::new(move |to| to.write_all(&bytes)),
                Part::Written(write) => write,
                Part::Carried { from, stamp } => {
                    let present = target.join(&from);
                    if fs::hard_link(&present, &path).is_ok() {
                        stamps.push((name, stamp));
                        continue;
                    }
                    let mut old = File::open(&present).map_err(|e| io_error("read", &present, e))?;
                    Box::new(move |to| io::copy(&mut old, to).map(drop))
                }
            };
            let finish = |file: File| {
                let mut to = Hashing { file: io::BufWriter::new(file), hasher: blake3::Hasher::new() };
                write(&mut to)?;
                let file = to.file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                Ok((file.metadata()?, *to.hasher.finalize().as_bytes()))
            };
            let (meta, hash) =
                File::create_new(&path).and_then(finish).map_err(|e| io_error("write", &path, e))?;
            stamps.push((name, Stamp { size: meta.len(), mtime_ns: mtime_ns(&meta), hash }));
        }
        self.sync_folder(&temp)?;
        self.fault.hit("swap").map_err(|e| io_error("swap", &target, e))?;
        self.swap(&temp, &target)?;
        self.sync_folder(parent)?;
        self.fault.hit("drop-old").map_err(|e| io_error("remove", &temp, e))?;
        if temp.exists() {
            fs::remove_dir_all(&temp).map_err(|e| io_error("remove", &temp, e))?;
        }
        Ok(stamps)
    }

    fn swap(&self, temp: &Path, target: &Path) -> Result<(), StoreError> {
        if !target.exists() {
            return fs::rename(temp, target).map_err(|e| io_error("rename to", target, e));
        }
        if renameat_with(CWD, temp, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
        // File systems without an atomic exchange (some network mounts): a short gap without the folder.
        let aside = self.temp_name(target.parent().unwrap_or(&self.root));
        fs::rename(target, &aside).map_err(|e| io_error("rename", target, e))?;
        fs::rename(temp, target).map_err(|e| io_error("rename to", target, e))?;
        fs::remove_dir_all(&aside).map_err(|e| io_error("remove", &aside, e))
    }

    /// Removes what crashed runs left: every file or folder with the temporary prefix. Returns how many.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn sweep(&self) -> Result<usize, StoreError> {
        let mut removed = 0;
        let mut walk = walkdir::WalkDir::new(&self.root).follow_links(false).into_iter();
        while let Some(entry) = walk.next() {
            let Ok(entry) = entry else { continue };
            if !entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
                // A folder with a ledger of its own is another job's output.
                if entry.depth() > 0 && entry.file_type().is_dir() && entry.path().join(STATE_FOLDER).exists()
                {
                    walk.skip_current_dir();
                }
                continue;
            }
            let gone = if entry.file_type().is_dir() {
                walk.skip_current_dir();
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            gone.map_err(|e| io_error("remove", entry.path(), e))?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Modification time in nanoseconds since 1970 (0 where the system has none).
pub fn mtime_ns(meta: &fs::Metadata) -> i64 {
    use std::time::UNIX_EPOCH;
    let Ok(time) = meta.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

#[cfg(test)]
mod tests;
