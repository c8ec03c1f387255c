//! The tables of a ledger, and how older ones are brought to them.

/// Number of the layout of the tables.
pub(super) const LAYOUT: i64 = 4;
/// From the layout of each place, counted from 1, to the next. The first had one row an input and no shards; the second
/// knew no acknowledged failures and claimed names without saying what would stand there; the third named products by
/// texts in forms of Rust's (`Ledger::rename` gives them the present names, since that takes a plan).
pub(super) const UPGRADES: [&str; 3] = [
    "ALTER TABLE products ADD COLUMN rows INTEGER NOT NULL DEFAULT 1;
     ALTER TABLE parts ADD COLUMN digest TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE items ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE items ADD COLUMN vanished INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE announced(path BLOB NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL,
       PRIMARY KEY(path, hash)) WITHOUT ROWID;",
    "INSERT OR REPLACE INTO meta VALUES('named', 'before');",
];
pub(super) const SCHEMA: &str = "
CREATE TABLE items(
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB,
  outcome TEXT NOT NULL, error_kind TEXT, message TEXT, failed_plan BLOB,
  width INTEGER, height INTEGER, channels INTEGER, bit_depth INTEGER, format TEXT,
  notes TEXT NOT NULL, seconds REAL NOT NULL,
  ignored INTEGER NOT NULL DEFAULT 0, vanished INTEGER NOT NULL DEFAULT 0);
CREATE TABLE products(
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, fingerprint BLOB NOT NULL, payload BLOB NOT NULL,
  rows INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY(item, fingerprint)) WITHOUT ROWID;
CREATE TABLE outputs(
  path BLOB PRIMARY KEY, item INTEGER NOT NULL, fingerprint BLOB NOT NULL,
  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL,
  FOREIGN KEY(item, fingerprint) REFERENCES products(item, fingerprint) ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX outputs_by_product ON outputs(item, fingerprint);
CREATE TABLE orphans(path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE claims(path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE announced(
  path BLOB NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(path, hash)) WITHOUT ROWID;
CREATE TABLE parts(
  folder TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL,
  digest TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(folder, name)) WITHOUT ROWID;
";

/// The endings of the files beside a ledger, in which SQLite keeps what is not in it yet.
pub(super) const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// SQLite's way to files without a lock, for those that one connection has alone.
pub(super) const UNLOCKED: &str = "unix-none";
