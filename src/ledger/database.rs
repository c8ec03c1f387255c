//! The open database.

use super::error::LedgerError;
use super::layout::{ENDINGS, LAYOUT, SCHEMA, UNLOCKED, UPGRADES};
use crate::store::names::LEDGER_FILE;
use crate::store::{STATE_FOLDER, Stamp, Store};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};
use std::path::{Path, PathBuf};

/// The open ledger of an output folder.
#[derive(Debug)]
pub struct Ledger {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// That of a shard: the job's ledger as it was, which says what this one does not.
    pub(super) base: Option<Box<Ledger>>,
    /// No other connection may be opened beside this one.
    pub(super) alone: bool,
}

impl Ledger {
    /// Opens the ledger of an output, creating it when absent. The caller holds the output ([`crate::store::Lock`], a lease):
    /// where the file system has no locks, or no memory that processes share, SQLite then does without, as
    /// [`Ledger::open_alone`] has it.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, has another layout, or is a link to a file elsewhere.
    pub fn open(store: &Store) -> Result<Ledger, LedgerError> {
        let relative = Path::new(STATE_FOLDER).join(LEDGER_FILE);
        if !store.has_locks() {
            return Ledger::open_alone(store, &relative);
        }
        match connect(store, &relative, false) {
            Err(LedgerError::Sql { source, .. }) if lacks_locks(&source) => {
                Ledger::open_alone(store, &relative)
            }
            opened => opened,
        }
    }

    /// Opens a ledger at this path of an output without locks and without shared memory, creating it when absent.
    ///
    /// That is sound while one connection has the file: SQLite keeps the index of its log in memory of its own
    /// (`locking_mode=EXCLUSIVE`, <https://www.sqlite.org/wal.html#noshm>), and its file system layer `unix-none` takes no
    /// lock. That nobody else writes to it is the caller's to know. Log and commits are the same as ever: after a kill the
    /// next to open it, in either way, goes on from the last commit. Who reads it meanwhile copies it
    /// ([`Ledger::open_existing`]).
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_alone(store: &Store, relative: &Path) -> Result<Ledger, LedgerError> {
        connect(store, relative, true)
    }

    /// Whether it is open without locks: that nobody else has it is then the caller's to know.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    pub(super) fn sql(&self) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path.clone();
        move |source| LedgerError::Sql { path: path.clone(), source }
    }

    /// The same ledger, opened once more for another thread, to read.
    ///
    /// # Errors
    /// When it cannot be opened, or only once.
    pub fn again(&self) -> Result<Ledger, LedgerError> {
        if self.alone {
            let source = std::io::Error::other("it is open without locks, and so only once");
            return Err(LedgerError::Io { path: self.path.clone(), source });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let db = Connection::open_with_flags(&self.path, flags).map_err(self.sql())?;
        Ok(Ledger { path: self.path.clone(), db, alone: false, base: None })
    }
}

/// Opens a ledger, `alone` without locks, and brings it to the present layout.
pub(super) fn connect(store: &Store, relative: &Path, alone: bool) -> Result<Ledger, LedgerError> {
    let folder = relative.parent().unwrap_or(Path::new(""));
    let name = relative.file_name().unwrap_or_default();
    let files = ENDINGS.map(|ending| {
        let mut file = name.to_os_string();
        file.push(ending);
        file
    });
    let path = store.check_own_files(folder, &files, true)?.join(name);
    let sql = |source| LedgerError::Sql { path: path.clone(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = if alone {
        Connection::open_with_flags_and_vfs(&path, flags, UNLOCKED)
    } else {
        Connection::open_with_flags(&path, flags)
    };
    let db = db.map_err(sql)?;
    // SQLite opens by path: what it opened has to be what stands in the folder held open.
    store.check_own_files(folder, &files, true)?;
    // Before the file is touched: from then on the index of the log is in shared memory, or is not.
    db.execute_batch(if alone { "PRAGMA locking_mode=EXCLUSIVE;" } else { "" }).map_err(sql)?;
    db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        .map_err(sql)?;
    // Without it, SQLite prepares a statement anew each time that other values are bound to it.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql)?;
    match usize::try_from(found) {
        Ok(0) => {
            let create = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={LAYOUT}; COMMIT;");
            db.execute_batch(&create).map_err(sql)?;
        }
        Ok(found) if found <= UPGRADES.len() => {
            let steps = UPGRADES[found - 1..].concat();
            let upgrade = format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version={LAYOUT}; COMMIT;");
            db.execute_batch(&upgrade).map_err(sql)?;
        }
        _ if found == LAYOUT => {}
        _ => return Err(LedgerError::Layout { path, found }),
    }
    Ok(Ledger { path, db, alone, base: None })
}

/// Whether SQLite says that the file system's locks, or memory shared through it, don't work.
fn lacks_locks(error: &rusqlite::Error) -> bool {
    const CODES: [i32; 10] = [
        ffi::SQLITE_PROTOCOL,
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_RDLOCK,
        ffi::SQLITE_IOERR_UNLOCK,
        ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_MMAP,
    ];
    error.sqlite_error().is_some_and(|error| CODES.contains(&error.extended_code))
}

/// A stamp in three columns from `first` on.
pub(super) fn stamp(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp { size: row.get(first)?, mtime_ns: row.get(first + 1)?, hash: row.get(first + 2)? })
}
