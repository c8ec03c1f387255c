//! Leases: who works on what machines share that have no lock in common.
//!
//! A lease on `NAME` is a file `NAME.gN`, made without replacing another; whoever made the one with the highest N, the
//! generation, is the owner, and touches it every now and then. One that was not touched for as long as its owner said,
//! by the file server's own clock, is that of a dead owner: the next generation may be made. Its former owner, if it
//! lives after all, finds that its own is gone, and stops. All of it needs no more than making a file that is not there,
//! renaming, and times, which every network file system has.

use super::dir::{Dir, Kind};
use super::error::{StoreError, io_error};
use super::output::Store;
use super::process::{Life, Process};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Who made a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process.
    #[serde(flatten)]
    pub process: Process,
    /// Tells it from every other owner.
    token: String,
    /// Seconds without a touch after which it counts as dead.
    pub patience: u64,
}

/// How a lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// Nobody has it.
    Free,
    /// Its owner lives, or may do so; and when it was touched last.
    Alive(Option<Owner>, SystemTime),
    /// Its owner died without giving it back.
    Dead(Option<Owner>),
}

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    dir: Arc<Dir>,
    name: String,
    generation: u32,
    file: String,
    token: String,
    path: PathBuf,
}

/// A lease that was asked for.
#[derive(Debug)]
pub enum Asked {
    /// It is held now.
    Taken {
        /// The lease.
        lease: Lease,
        /// The generation of an owner before who had died with it.
        dead: Option<u32>,
    },
    /// Another has it.
    Held(Option<Owner>),
}

/// Generations at most: nobody comes so far, and a name that says more is none of ours.
const MOST: u32 = 1_000_000;

/// The generation that a file of a lease named `name`, or of what belongs to one, has in its name.
pub(crate) fn generation_of(file: &str, name: &str) -> Option<u32> {
    let rest = file.strip_prefix(name)?.strip_prefix(".g")?;
    rest.split('.').next()?.parse().ok().filter(|generation| *generation <= MOST)
}

/// The name of generation `generation` of what is called `name`.
pub(crate) fn name_of(name: &str, generation: u32) -> String {
    format!("{name}.g{generation}")
}

impl Store {
    /// How the lease on `name` in `folder` stands.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn tenure(&self, folder: &Path, name: &str) -> Result<Tenure, StoreError> {
        let Some(dir) = self.folder(folder, false)? else { return Ok(Tenure::Free) };
        let failed = |e| io_error("look at the lease in", dir.path(), e);
        match Generations::of(&dir, name).map_err(failed)?.newest() {
            Some(generation) => self.tenure_of(&dir, &name_of(name, generation)).map_err(failed),
            None => Ok(Tenure::Free),
        }
    }

    fn tenure_of(&self, dir: &Dir, file: &str) -> io::Result<Tenure> {
        // Opened, so that a network file system asks its server for the times.
        let mut open = match dir.read(OsStr::new(file)) {
            Ok(open) => open,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Tenure::Free),
            Err(e) => return Err(e),
        };
        let touched = open.metadata()?.modified()?;
        let mut text = String::new();
        (&mut open).take(1 << 16).read_to_string(&mut text)?;
        let owner: Option<Owner> = serde_json::from_str(&text).ok();
        match owner.as_ref().map(|owner| owner.process.life()) {
            Some(Life::Over) => return Ok(Tenure::Dead(owner)),
            Some(Life::Here) | None | Some(Life::Elsewhere) => {}
        }
        let patience = Duration::from_secs(owner.as_ref().map_or(60, |owner| owner.patience));
        let now = self.server_time(dir)?;
        // A touch that lies so far in the future is none that this clock has seen.
        let far = match now.duration_since(touched) {
            Ok(idle) => idle > patience,
            Err(ahead) => ahead.duration() > patience,
        };
        Ok(if far { Tenure::Dead(owner) } else { Tenure::Alive(owner, touched) })
    }

    /// The time by the clock that gives files their times; by that of this machine where nothing may be written.
    fn server_time(&self, dir: &Dir) -> io::Result<SystemTime> {
        let temp = self.temp_name();
        let file = match dir.create(&temp) {
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
                ) =>
            {
                return Ok(SystemTime::now());
            }
            file => file?,
        };
        let time = (&file).write_all(b".").and_then(|()| file.metadata()?.modified());
        match dir.unlink(&temp) {
            // Somebody sweeps.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => time,
        }
    }

    /// Asks for the lease on `name` in `folder`. Generations of files that go by `name.gN` with more behind it count, so
    /// that what is made under a lease is never taken for that of an earlier one.
    ///
    /// # Errors
    /// When it can't be looked at or made.
    pub fn ask(&self, folder: &Path, name: &str, patience: Duration) -> Result<Asked, StoreError> {
        let missing = || io_error("create", &self.root().join(folder), io::ErrorKind::NotFound.into());
        for _ in 0..10 {
            let dir = self.folder(folder, true)?.ok_or_else(missing)?;
            match self.ask_in(&Arc::new(dir), name, patience) {
                // The folder was taken away meanwhile, as it is when it is empty.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                asked => return asked,
            }
        }
        Err(missing())
    }

    /// The same in the folder of a lease that is held: however many are, the folder is open once.
    ///
    /// # Errors
    /// As [`Store::ask`].
    pub fn ask_beside(&self, lease: &Lease, name: &str, patience: Duration) -> Result<Asked, StoreError> {
        self.ask_in(&lease.dir, name, patience)
    }

    fn ask_in(&self, dir: &Arc<Dir>, name: &str, patience: Duration) -> Result<Asked, StoreError> {
        let path = dir.path().to_path_buf();
        let failed = |e| io_error("make a lease in", &path, e);
        // One look decides: whoever looks later and finds more asks for another generation.
        let seen = Generations::of(dir, name).map_err(failed)?;
        let mut dead = None;
        if let Some(before) = seen.newest() {
            match self.tenure_of(dir, &name_of(name, before)).map_err(failed)? {
                Tenure::Alive(owner, _) => return Ok(Asked::Held(owner)),
                Tenure::Dead(_) => dead = Some(before),
                Tenure::Free => {}
            }
        }
        let generation = seen.highest.map_or(1, |highest| highest.saturating_add(1));
        if generation > MOST {
            let odd = name_of(name, generation - 1);
            return Err(failed(io::Error::other(format!("{odd} is none of safelight's; move it away"))));
        }
        let file = name_of(name, generation);
        let token = super::process::token();
        let owner =
            Owner { process: Process::this(), token: token.clone(), patience: patience.as_secs().max(1) };
        // Whole from the beginning: nobody sees one without its owner.
        let temp = self.temp_name();
        let text = serde_json::to_string(&owner).map_err(|e| failed(e.into()))?;
        self.fault().hit("lease").map_err(failed)?;
        let made = dir
            .create(&temp)
            .and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()));
        made.and_then(|()| match dir.rename_new(&temp, OsStr::new(&file)) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                dir.unlink(&temp)?;
                Ok(false)
            }
            renamed => renamed.map(|()| true),
        })
        .map_err(failed)
        .and_then(|won| {
            if !won {
                return Ok(Asked::Held(None));
            }
            dir.sync().map_err(failed)?;
            let lease = Lease {
                path: dir.path().join(&file),
                dir: dir.clone(),
                name: name.to_string(),
                generation,
                file,
                token,
            };
            // What the dead left would tell them that they live.
            for old in seen.leases {
                lease.dir.unlink(OsStr::new(&name_of(name, old))).ok();
            }
            Ok(Asked::Taken { lease, dead })
        })
    }
}

/// The generations of a lease.
struct Generations {
    leases: Vec<u32>,
    /// The highest of them and of what was made under one.
    highest: Option<u32>,
}

impl Generations {
    fn of(dir: &Dir, name: &str) -> io::Result<Generations> {
        let mut found = Generations { leases: Vec::new(), highest: None };
        for (file, kind) in dir.names()? {
            let Some(file) = file.to_str() else { continue };
            let Some(generation) = generation_of(file, name) else { continue };
            found.highest = found.highest.max(Some(generation));
            if *file == name_of(name, generation) && kind == Kind::File {
                found.leases.push(generation);
            }
        }
        Ok(found)
    }

    fn newest(&self) -> Option<u32> {
        self.leases.iter().copied().max()
    }
}

impl Lease {
    /// Its generation.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether it is still held: its file is there as it was made, and there is none of a later generation.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn holds(&self) -> Result<bool, StoreError> {
        self.open().map(|file| file.is_some()).map_err(|e| io_error("look at", &self.path, e))
    }

    fn open(&self) -> io::Result<Option<File>> {
        let mut file = match self.dir.read(OsStr::new(&self.file)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut text = String::new();
        (&mut file).take(1 << 16).read_to_string(&mut text)?;
        let ours = serde_json::from_str::<Owner>(&text).is_ok_and(|owner| owner.token == self.token);
        // The next is made before this one is taken away. One name is asked for: a folder of many shards is long.
        let next = name_of(&self.name, self.generation.saturating_add(1));
        let next = self.dir.look(OsStr::new(&next))?.is_some();
        Ok(Some(file).filter(|_| ours && !next))
    }

    /// Says that its owner lives. False where it is no longer held.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn touch(&self) -> Result<bool, StoreError> {
        let failed = |e| io_error("touch", &self.path, e);
        let Some(file) = self.open().map_err(failed)? else { return Ok(false) };
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&file, &Timestamps { last_access: now, last_modification: now })
            .map_err(|e| failed(e.into()))?;
        Ok(true)
    }

    /// Leaves it as a process that is killed does.
    pub fn abandon(self) {
        std::mem::forget(self);
    }
}

/// It is given back when it goes out of use, however that comes; a process that is killed does not.
impl Drop for Lease {
    fn drop(&mut self) {
        if self.holds().unwrap_or(false) {
            self.dir.unlink(OsStr::new(&self.file)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Guard};
    use super::*;
    use std::fs;

    const FOLDER: &str = ".safelight/shards";

    fn store(root: &Path) -> Store {
        Store::open(root, Guard::default(), Fault::default()).unwrap()
    }

    fn ask(store: &Store, name: &str) -> Asked {
        store.ask(Path::new(FOLDER), name, Duration::from_secs(60)).unwrap()
    }

    fn taken(asked: Asked) -> (Lease, Option<u32>) {
        match asked {
            Asked::Taken { lease, dead } => (lease, dead),
            Asked::Held(owner) => panic!("held by {owner:?}"),
        }
    }

    /// As if its owner ran on a machine of which nothing is known, and had not touched it for so long.
    fn disguise(root: &Path, file: &str, idle: u64) {
        let path = root.join(FOLDER).join(file);
        let mut owner: Owner = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        owner.process.machine = "elsewhere".into();
        fs::write(&path, serde_json::to_string(&owner).unwrap()).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(idle);
        File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn one_has_it_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (lease, dead) = taken(ask(&store, "a"));
        assert!((lease.generation(), dead) == (1, None) && lease.holds().unwrap());
        assert!(matches!(ask(&store, "a"), Asked::Held(Some(_))));
        // Another name is another lease, also one that begins alike.
        let _others = [taken(ask(&store, "a.b")), taken(ask(&store, "a2"))];
        drop(lease);
        assert_eq!(store.tenure(Path::new(FOLDER), "a").unwrap(), Tenure::Free);
        let names: Vec<_> =
            fs::read_dir(folder.path().join(FOLDER)).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        // What was made under it counts.
        fs::write(folder.path().join(FOLDER).join("a.g7.db"), "").unwrap();
        assert_eq!(taken(ask(&store, "a")).0.generation(), 8);
    }

    #[test]
    fn a_silent_owner_elsewhere_loses_it_and_learns_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (first, _) = taken(ask(&store, "a"));
        disguise(folder.path(), "a.g1", 50);
        assert!(matches!(ask(&store, "a"), Asked::Held(Some(_))));
        disguise(folder.path(), "a.g1", 70);
        assert!(matches!(store.tenure(Path::new(FOLDER), "a").unwrap(), Tenure::Dead(Some(_))));
        let (second, dead) = taken(ask(&store, "a"));
        assert!(dead == Some(1) && second.generation() == 2 && second.holds().unwrap());
        assert!(!first.holds().unwrap() && !first.touch().unwrap());
        drop(first);
        assert!(second.touch().unwrap());
    }

    #[test]
    fn touching_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (lease, _) = taken(ask(&store, "a"));
        let path = folder.path().join(FOLDER).join("a.g1");
        let then = std::time::SystemTime::now() - Duration::from_secs(1000);
        File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        assert!(lease.touch().unwrap());
        assert!(fs::metadata(&path).unwrap().modified().unwrap() > then + Duration::from_secs(900));
    }

    #[test]
    fn of_many_that_ask_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // In use all the time: one that went out of use would be given back.
        let mut former = Vec::new();
        for round in 0..20 {
            if round > 0 {
                disguise(root, &format!("a.g{round}"), 100);
            }
            let won: Vec<Option<Lease>> = std::thread::scope(|scope| {
                let ask = || match ask(&store(root), "a") {
                    Asked::Taken { lease, .. } => Some(lease),
                    Asked::Held(_) => None,
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(
                won.iter().flatten().filter(|lease| lease.holds().unwrap()).count(),
                1,
                "round {round}"
            );
            former.push(won);
        }
    }
}
