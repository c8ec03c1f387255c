//! Names of the output: announced, owned by an input, left over from earlier settings, or parts of a whole folder.

use super::database::{Ledger, stamp};
use super::error::LedgerError;
use super::record::{Fingerprint, Output, PartRecord};
use crate::store::{Built, Known, Stamp, Written};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a path's files are kept, and whether with a time.
const KEPT: [(&str, bool); 3] = [
    ("SELECT size, hash, mtime_ns FROM outputs WHERE path = ?1", true),
    ("SELECT size, hash, mtime_ns FROM orphans WHERE path = ?1", true),
    ("SELECT size, hash FROM announced WHERE path = ?1", false),
];

/// Looks up what is known of single names.
struct Lookup<'a> {
    kept: Vec<(CachedStatement<'a>, bool)>,
    claims: CachedStatement<'a>,
}

impl<'a> Lookup<'a> {
    fn new(db: &'a Connection) -> rusqlite::Result<Lookup<'a>> {
        let kept = KEPT.iter().map(|(sql, timed)| Ok((db.prepare_cached(sql)?, *timed)));
        let claims = db.prepare_cached("SELECT 1 FROM claims WHERE path = ?1")?;
        Ok(Lookup { kept: kept.collect::<rusqlite::Result<_>>()?, claims })
    }

    fn known(&mut self, path: &[u8]) -> rusqlite::Result<Known> {
        let mut files = Vec::new();
        for (statement, timed) in &mut self.kept {
            let mut rows = statement.query([path])?;
            while let Some(row) = rows.next()? {
                let mtime_ns = timed.then(|| row.get(2)).transpose()?;
                files.push(Written { size: row.get(0)?, mtime_ns, hash: row.get(1)? });
            }
        }
        Ok(Known { files, anything: self.claims.exists([path])? })
    }
}

impl Ledger {
    /// Folders that belong to safelight as a whole, ending in `/`, and names that an earlier layout claimed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn claims(&self) -> Result<BTreeSet<Vec<u8>>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeSet<Vec<u8>>> {
            let mut query = self.db.prepare("SELECT path FROM claims")?;
            query.query_map([], |r| r.get(0))?.collect()
        };
        let mut claims = read().map_err(self.sql())?;
        if let Some(base) = &self.base {
            claims.extend(base.claims()?);
        }
        Ok(claims)
    }

    /// Claims folders as a whole.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn claim<'a>(&mut self, folders: impl Iterator<Item = &'a [u8]>) -> Result<(), LedgerError> {
        let sql = self.sql();
        let write = || {
            let tx = self.db.transaction()?;
            for folder in folders {
                tx.prepare_cached("INSERT OR IGNORE INTO claims VALUES(?1)")?.execute([folder])?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Says which files are about to get their names, so that what a crash leaves is known by its content. Gives what
    /// was known of each name before, or is known now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn announce<'a>(
        &mut self,
        files: impl Iterator<Item = (&'a [u8], Written)>,
    ) -> Result<Vec<Known>, LedgerError> {
        let sql = self.sql();
        let base = self.base.as_deref();
        let write = || -> rusqlite::Result<Vec<Known>> {
            let tx = self.db.transaction()?;
            let mut all = Vec::new();
            {
                let mut lookup = Lookup::new(&tx)?;
                let mut below = base.map(|base| Lookup::new(&base.db)).transpose()?;
                let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO announced VALUES(?1,?2,?3)")?;
                for (path, file) in files {
                    let mut known = lookup.known(path)?;
                    if let Some(below) = &mut below {
                        let Known { files, anything } = below.known(path)?;
                        known.files.extend(files);
                        known.anything |= anything;
                    }
                    all.push(known);
                    insert.execute(params![path, file.size, file.hash])?;
                }
            }
            tx.commit()?;
            Ok(all)
        };
        write().map_err(sql)
    }

    /// Files that were announced and never recorded, by path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn announced(&self) -> Result<HashMap<Vec<u8>, Vec<Written>>, LedgerError> {
        let read = || -> rusqlite::Result<HashMap<Vec<u8>, Vec<Written>>> {
            let mut query = self.db.prepare("SELECT path, size, hash FROM announced")?;
            let mut rows = query.query([])?;
            let mut all: HashMap<Vec<u8>, Vec<Written>> = HashMap::new();
            while let Some(row) = rows.next()? {
                let file = Written { size: row.get(1)?, mtime_ns: None, hash: row.get(2)? };
                all.entry(row.get(0)?).or_default().push(file);
            }
            Ok(all)
        };
        let mut all = read().map_err(self.sql())?;
        if let Some(base) = &self.base {
            for (path, files) in base.announced()? {
                all.entry(path).or_default().extend(files);
            }
        }
        Ok(all)
    }

    /// Takes announcements and claims of names back.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn unclaim(&mut self, paths: &[Vec<u8>]) -> Result<(), LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            for path in paths {
                tx.prepare_cached("DELETE FROM claims WHERE path = ?1")?.execute([path])?;
                tx.prepare_cached("DELETE FROM announced WHERE path = ?1")?.execute([path])?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Outputs that earlier settings made and the present ones do not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn orphans(&self) -> Result<Vec<Output>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<Output>> {
            let mut query =
                self.db.prepare("SELECT path, size, mtime_ns, hash FROM orphans ORDER BY path")?;
            query.query_map([], |r| Ok(Output { path: r.get(0)?, stamp: stamp(r, 1)? }))?.collect()
        };
        let mut orphans = read().map_err(self.sql())?;
        if let Some(base) = &self.base {
            orphans.extend(base.orphans()?);
        }
        Ok(orphans)
    }

    /// Forgets inputs, each with those of its outputs that remain on the disk, which stay known as left over; and
    /// leftovers that are gone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget(
        &mut self,
        inputs: &[(Vec<u8>, Vec<Output>)],
        orphans: &[Vec<u8>],
    ) -> Result<(), LedgerError> {
        if inputs.is_empty() && orphans.is_empty() {
            return Ok(());
        }
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            for (path, remaining) in inputs {
                for Output { path, stamp } in remaining {
                    tx.prepare_cached("INSERT OR REPLACE INTO orphans VALUES(?1,?2,?3,?4)")?
                        .execute(params![path, stamp.size, stamp.mtime_ns, stamp.hash])?;
                }
                tx.prepare_cached("DELETE FROM items WHERE path = ?1")?.execute([path])?;
            }
            for path in orphans {
                tx.prepare_cached("DELETE FROM orphans WHERE path = ?1")?.execute([path])?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Drops products of inputs, each with those of its files that remain on the disk, which stay known as left over.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn drop_products(
        &mut self,
        dropped: &[(Vec<u8>, Fingerprint, Vec<Output>)],
    ) -> Result<(), LedgerError> {
        if dropped.is_empty() {
            return Ok(());
        }
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            for (path, product, remaining) in dropped {
                for Output { path, stamp } in remaining {
                    tx.prepare_cached("INSERT OR REPLACE INTO orphans VALUES(?1,?2,?3,?4)")?
                        .execute(params![path, stamp.size, stamp.mtime_ns, stamp.hash])?;
                }
                tx.prepare_cached(
                    "DELETE FROM products WHERE fingerprint = ?2 AND item = (SELECT id FROM items WHERE path = ?1)",
                )?
                .execute(params![path, product])?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// The table parts or shards last published in `folder`, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn parts(&self, folder: &str) -> Result<BTreeMap<String, Stamp>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeMap<String, Stamp>> {
            let mut query =
                self.db.prepare("SELECT name, size, mtime_ns, hash FROM parts WHERE folder = ?1")?;
            query.query_map([folder], |r| Ok((r.get(0)?, stamp(r, 1)?)))?.collect()
        };
        // A shard publishes none.
        self.base.as_deref().map_or_else(|| read().map_err(self.sql()), |base| base.parts(folder))
    }

    /// As [`Ledger::parts`], with what each was made of.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part_records(&self, folder: &str) -> Result<Vec<PartRecord>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<PartRecord>> {
            let sql = "SELECT name, size, mtime_ns, hash, digest FROM parts WHERE folder = ?1 ORDER BY name";
            let row = |r: &rusqlite::Row<'_>| {
                Ok(PartRecord { name: r.get(0)?, stamp: stamp(r, 1)?, digest: r.get(4)? })
            };
            self.db.prepare(sql)?.query_map([folder], row)?.collect()
        };
        read().map_err(self.sql())
    }

    /// Folders of the tables published here.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part_folders(&self) -> Result<Vec<String>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut query = self.db.prepare("SELECT DISTINCT folder FROM parts ORDER BY folder")?;
            query.query_map([], |r| r.get(0))?.collect()
        };
        read().map_err(self.sql())
    }

    /// Paths of all parts, shards and lists, relative to the output.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part_paths(&self) -> Result<BTreeSet<Vec<u8>>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeSet<Vec<u8>>> {
            let path = |folder: String, name: String| Path::new(&folder).join(name).into_os_string();
            let mut query = self.db.prepare("SELECT folder, name FROM parts")?;
            query.query_map([], |r| Ok(path(r.get(0)?, r.get(1)?).into_encoded_bytes()))?.collect()
        };
        self.base.as_deref().map_or_else(|| read().map_err(self.sql()), Ledger::part_paths)
    }

    /// As [`Ledger::announce`], for the files of a folder that is about to be replaced as a whole.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn announce_folder(&mut self, built: &Built) -> Result<(), LedgerError> {
        let files: Vec<(PathBuf, Written)> = built.files().collect();
        self.announce(files.iter().map(|(path, file)| (path.as_os_str().as_bytes(), file.clone()))).map(drop)
    }

    /// Records the parts just published in `folder`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_parts(&mut self, folder: &str, parts: &[PartRecord]) -> Result<(), LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            tx.execute("DELETE FROM parts WHERE folder = ?1", [folder])?;
            for PartRecord { name, digest, stamp } in parts {
                let path = Path::new(folder).join(name);
                tx.prepare_cached("DELETE FROM announced WHERE path = ?1")?
                    .execute([path.as_os_str().as_bytes()])?;
                tx.execute(
                    "INSERT INTO parts(folder, name, size, mtime_ns, hash, digest) VALUES(?1,?2,?3,?4,?5,?6)",
                    params![folder, name, stamp.size, stamp.mtime_ns, stamp.hash, digest],
                )?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Records a file of its own, in place of what was recorded under its name.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_part(&mut self, folder: &str, part: &PartRecord) -> Result<(), LedgerError> {
        let sql = self.sql();
        let path = Path::new(folder).join(&part.name);
        let PartRecord { name, digest, stamp } = part;
        let mut write = || {
            let tx = self.db.transaction()?;
            tx.execute("DELETE FROM announced WHERE path = ?1", [path.as_os_str().as_bytes()])?;
            tx.execute(
                "INSERT OR REPLACE INTO parts(folder, name, size, mtime_ns, hash, digest) VALUES(?1,?2,?3,?4,?5,?6)",
                params![folder, name, stamp.size, stamp.mtime_ns, stamp.hash, digest],
            )?;
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Forgets a file that is gone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_part(&mut self, folder: &str, name: &str) -> Result<(), LedgerError> {
        let forgotten = self.db.execute("DELETE FROM parts WHERE folder = ?1 AND name = ?2", [folder, name]);
        forgotten.map(drop).map_err(self.sql())
    }
}
