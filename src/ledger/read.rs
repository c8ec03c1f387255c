//! Opening the ledger only to read it, wherever it lies: also on read-only media, without permission to write,
//! and after a run that was killed.

use super::database::Ledger;
use super::error::LedgerError;
use super::layout::{LAYOUT, UNLOCKED};
use crate::shown::Show;
use crate::store::names::LEDGER_FILE;
use crate::store::{STATE_FOLDER, Store, look};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Up to which layout a table lacks a column, and a view that hides the table and has the column: so that old
/// layouts are read as they are, without a write.
const VIEWS: [(i64, &str); 4] = [
    (1, "CREATE TEMP VIEW products AS SELECT *, 1 AS rows FROM main.products;"),
    (1, "CREATE TEMP VIEW parts AS SELECT *, '' AS digest FROM main.parts;"),
    (2, "CREATE TEMP VIEW items AS SELECT *, 0 AS ignored, 0 AS vanished FROM main.items;"),
    (2, "CREATE TEMP VIEW announced AS SELECT path, size, hash FROM main.orphans WHERE 0;"),
];
/// How often a copy is tried of a ledger that is being written to.
const TRIES: usize = 3;

impl Ledger {
    /// Opens the ledger in the output folder `root` for reading, if there is one. Where it may, SQLite
    /// puts its shared memory beside it; nothing else is written.
    ///
    /// # Errors
    /// When it cannot be opened or looked for, is damaged, or has another layout.
    pub fn open_existing(root: &Path) -> Result<Option<Ledger>, LedgerError> {
        // Without locks SQLite would wait for one, and take its absence for a run that goes on.
        let locks = Store::existing(root).ok().flatten().is_none_or(|store| store.has_locks());
        Ledger::to_read(root, locks)
    }

    /// The same of one that nobody writes to while it is read: without a lock, and without anything beside it.
    ///
    /// # Errors
    /// As [`Ledger::open_existing`].
    pub fn snapshot(root: &Path) -> Result<Option<Ledger>, LedgerError> {
        Ledger::to_read(root, false)
    }

    fn to_read(root: &Path, locks: bool) -> Result<Option<Ledger>, LedgerError> {
        let path = root.join(STATE_FOLDER).join(LEDGER_FILE);
        let folder = root.join(STATE_FOLDER);
        if look::name(&folder).map_err(|e| unreadable(folder.clone(), &e))?.is_some_and(|m| m.is_symlink()) {
            let source = io::Error::other("its folder is a symbolic link; move it away");
            return Err(LedgerError::Io { path, source });
        }
        match look::name(&path) {
            Ok(Some(meta)) if meta.is_file() => {}
            Ok(Some(_)) => {
                let source = io::Error::other("it is not a regular file; move it away");
                return Err(LedgerError::Io { path, source });
            }
            Ok(None) => {
                return match look::name(&folder) {
                    Ok(Some(meta)) if !meta.is_dir() => {
                        let source = io::Error::other("its folder is none; move it away");
                        Err(LedgerError::Io { path, source })
                    }
                    Ok(_) => Ok(None),
                    Err(e) => Err(unreadable(folder, &e)),
                };
            }
            Err(e) => return Err(unreadable(path, &e)),
        }
        let sql = |source| LedgerError::Sql { path: path.clone(), source };
        let (db, found) = match locks.then(|| plain(&path)) {
            Some(Err(error)) if needs_more_than_reading(&error) => apart(&path)?,
            Some(opened) => opened.map_err(sql)?,
            None => apart(&path)?,
        };
        match found {
            // Killed before the first run had written its schema.
            0 => return Ok(None),
            1..=LAYOUT => {}
            found => return Err(LedgerError::Layout { path, found }),
        }
        let views: String = VIEWS.iter().filter(|(last, _)| found <= *last).map(|(_, view)| *view).collect();
        db.execute_batch(&views).map_err(sql)?;
        Ok(Some(Ledger { path, db, alone: false, base: None }))
    }

    /// The same for the job `name` alone; none also where a run was begun and had nothing to do with any job yet.
    ///
    /// # Errors
    /// As [`Ledger::open_existing`]; [`LedgerError::Owner`] when it is another job's.
    pub fn of_job(root: &Path, name: &str) -> Result<Option<Ledger>, LedgerError> {
        let Some(ledger) = Ledger::open_existing(root)? else { return Ok(None) };
        ledger.refuse_other_owner(name)?;
        let owned = ledger.owner()?.is_some();
        Ok(owned.then_some(ledger))
    }
}

/// Opens it as SQLite does, which makes its shared memory beside it; gives the layout.
fn plain(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    with_layout(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

fn with_layout(db: Connection) -> rusqlite::Result<(Connection, i64)> {
    let found = db.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    Ok((db, found))
}

/// Whether it may well be readable, and only what SQLite wants beside it can't be made.
fn needs_more_than_reading(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, FileLockingProtocolFailed, PermissionDenied, ReadOnly, SystemIoFailure};
    let codes = [CannotOpen, FileLockingProtocolFailed, PermissionDenied, ReadOnly, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

/// Opens it without anything beside it: as it is, or as a copy with the log that a killed run has left.
fn apart(path: &Path) -> Result<(Connection, i64), LedgerError> {
    let log = log_of(path);
    let logged = match look::at(&log) {
        Ok(meta) => meta.is_some_and(|meta| meta.len() > 0),
        Err(e) => return Err(unreadable(log, &e)),
    };
    // Only to have the system's own words where it can't be read at all.
    File::open(path).map_err(|e| unreadable(path.to_path_buf(), &e))?;
    let copied =
        || whole_copy(path, &log).map_err(|source| LedgerError::Io { path: path.to_path_buf(), source });
    let opened = if logged { copied()? } else { immutable(path) };
    opened.map_err(|source| LedgerError::Sql { path: path.to_path_buf(), source })
}

fn unreadable(path: PathBuf, error: &io::Error) -> LedgerError {
    let source =
        io::Error::new(error.kind(), format!("cannot be read: {error}; check its permissions and the mount"));
    LedgerError::Io { path, source }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-wal");
    name.into()
}

/// Opens a file that nobody writes to.
fn immutable(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let mut name = String::from(if path.is_absolute() { "file://" } else { "file:" });
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                name.push(char::from(*byte))
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    with_layout(Connection::open_with_flags(name, flags)?)
}

/// Copies the database and its log into a folder of our own, puts them together there and opens the result. The
/// folder is gone when this returns; the open file lives on.
///
/// # Errors
/// When the copy can't be made; within, what SQLite says to it.
fn whole_copy(path: &Path, log: &Path) -> io::Result<rusqlite::Result<(Connection, i64)>> {
    let folder = tempfile::Builder::new().prefix("safelight-").tempdir();
    let folder = folder.map_err(|e| no_room(&std::env::temp_dir(), &e))?;
    let copy = folder.path().join(LEDGER_FILE);
    let mut whole = false;
    for _ in 0..TRIES {
        let before = (stamp(path)?, stamp(log)?);
        copy_file(path, &copy)?;
        copy_file(log, &log_of(&copy))?;
        whole = before == (stamp(path)?, stamp(log)?);
        if whole {
            break;
        }
    }
    if !whole {
        return Err(io::Error::other("a run is writing to it; try again when it has ended"));
    }
    let merge = || {
        // Nobody else has it, and the temporary folder may be on a file system without locks too.
        let db = Connection::open_with_flags_and_vfs(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE, UNLOCKED)?;
        db.execute_batch(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;",
        )?;
        db.close().map_err(|(_, error)| error)?;
        immutable(&copy)
    };
    Ok(merge())
}

fn stamp(path: &Path) -> io::Result<(u64, SystemTime)> {
    let meta = look::there(path)?;
    Ok((meta.len(), meta.modified()?))
}

/// Copies the bytes alone: where the original is not to be written to, its copy is.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let copied = File::create(to).and_then(|mut target| io::copy(&mut source, &mut target));
    copied.map(drop).map_err(|e| no_room(to, &e))
}

fn no_room(place: &Path, error: &io::Error) -> io::Error {
    let place = place.shown();
    io::Error::new(
        error.kind(),
        format!(
            "a killed run has left it with a log, and the copy to read it with can't be made in {place}: {error}; set \
             TMPDIR to a folder with room"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Entry, Outcome, Record};
    use crate::store::{Fault, Guard};
    use std::collections::{BTreeMap, BTreeSet, HashMap};
    use std::ffi::OsStr;
    use std::fs;

    /// What the third layout has added.
    const BACK: &str = "ALTER TABLE items DROP COLUMN ignored; ALTER TABLE items DROP COLUMN vanished; DROP TABLE announced;";

    fn open(root: &Path) -> Ledger {
        Ledger::open(&Store::open(root, Guard::default(), Fault::default()).unwrap()).unwrap()
    }

    /// An output folder below `parent` with a ledger of one record.
    fn output(parent: &Path, name: &[u8]) -> PathBuf {
        let root = parent.join(OsStr::from_bytes(name));
        let mut ledger = open(&root);
        ledger.adopt("job").unwrap();
        let record = Record {
            size: 1,
            mtime_ns: 2,
            hash: None,
            outcome: Outcome::Failed {
                error: crate::error::ItemError::new(crate::error::ErrorKind::Undecodable, "bad"),
                plan: [1; 16],
            },
            notes: vec![],
            seconds: 0.0,
            products: BTreeMap::new(),
            last: None,
            ignored: true,
            vanished: false,
        };
        let entry = Entry {
            path: b"a".to_vec(),
            record,
            payloads: HashMap::new(),
            keep: BTreeSet::new(),
            withdrawn: vec![],
            restamp: vec![],
        };
        ledger.commit(&[entry], &Fault::default()).unwrap();
        root
    }

    #[test]
    fn old_layouts_are_read_as_they_are() {
        let parent = tempfile::tempdir().unwrap();
        for layout in [1, 2] {
            let root = output(parent.path(), format!("{layout}").as_bytes());
            let db = Connection::open(root.join(STATE_FOLDER).join(LEDGER_FILE)).unwrap();
            if layout == 1 {
                db.execute_batch(
                    "ALTER TABLE products DROP COLUMN rows; ALTER TABLE parts DROP COLUMN digest;",
                )
                .unwrap();
            }
            db.execute_batch(&format!("{BACK} PRAGMA user_version={layout};")).unwrap();
            drop(db);
            let ledger = Ledger::of_job(&root, "job").unwrap().unwrap();
            assert!(!ledger.records().unwrap()[&b"a"[..]].ignored);
            assert!(ledger.row_counts(&[1; 16]).unwrap().is_empty());
            assert!(ledger.part_records("x").unwrap().is_empty());
            assert!(ledger.announced().unwrap().is_empty());
            let found: i64 = ledger.db.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
            assert_eq!(found, layout);
        }
    }

    #[test]
    fn names_of_all_kinds_are_opened_as_they_are() {
        let parent = tempfile::tempdir().unwrap();
        for name in [&b"a b"[..], b"50%41?immutable=0#x", b"\xff&vfs=none", "\u{e4}//b".as_bytes()] {
            let path = output(parent.path(), name).join(STATE_FOLDER).join(LEDGER_FILE);
            let (db, layout) = immutable(&path).unwrap();
            let count: i64 = db.query_row("SELECT count(*) FROM items", [], |r| r.get(0)).unwrap();
            assert_eq!((layout, count), (LAYOUT, 1), "{}", path.shown());
        }
    }

    #[test]
    fn only_what_is_not_there_is_absent() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path();
        assert!(Ledger::open_existing(root).unwrap().is_none());
        // Killed before the schema was written, and before any job took it.
        fs::create_dir(root.join(STATE_FOLDER)).unwrap();
        let path = root.join(STATE_FOLDER).join(LEDGER_FILE);
        fs::write(&path, "").unwrap();
        assert!(Ledger::open_existing(root).unwrap().is_none());
        drop(open(root));
        assert!(Ledger::of_job(root, "job").unwrap().is_none());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(Ledger::open_existing(root), Err(LedgerError::Io { .. })));
        fs::remove_dir_all(root.join(STATE_FOLDER)).unwrap();
        fs::write(root.join(STATE_FOLDER), "").unwrap();
        assert!(matches!(Ledger::open_existing(root), Err(LedgerError::Io { .. })));
        let owned = output(root, b"owned");
        assert!(matches!(Ledger::of_job(&owned, "other"), Err(LedgerError::Owner { .. })));
    }
}
