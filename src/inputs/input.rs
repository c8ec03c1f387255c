//! One input: its name, where its picture comes from, and what identifies it.

use super::identity::Identity;
use super::made::Made;
use super::pages::Pages;
use crate::codec;
use crate::columns::Value;
use crate::error::{ErrorKind, ItemError};
use crate::shown::Show;
use std::ffi::OsStr;
use std::fs;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where an input's picture comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// This file.
    File(PathBuf),
    /// It is made.
    Made(Made),
}

/// One input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Path relative to the input root; names the item everywhere.
    pub relative: PathBuf,
    /// Where to get it.
    pub origin: Origin,
    /// Size and time, or why it can't be an image file.
    pub identity: Result<Identity, ItemError>,
    /// True for a folder that could not be listed: nothing is known of what lies below it.
    pub blind: bool,
    /// Values of the list's other columns, in the order of [`InputPlan::carried`].
    pub carried: Vec<Value>,
    /// Its reference, where the job compares with some.
    pub reference: Option<Reference>,
}

/// The file of an input's reference, or why there is none.
pub(crate) type Reference = Arc<Result<ReferenceFile, ItemError>>;

/// The file of an input's reference, as it was when the inputs were listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder of references.
    pub name: PathBuf,
    /// Its size and time.
    pub identity: Identity,
    /// What a list says of it.
    pub values: Vec<Value>,
}

impl Input {
    /// The relative path as bytes, the ledger's key.
    pub fn key(&self) -> &[u8] {
        self.relative.as_os_str().as_bytes()
    }

    /// An input that the ledger knows and of which nothing can be told now.
    pub fn unseen(root: &Path, key: &[u8]) -> Input {
        let relative = PathBuf::from(OsStr::from_bytes(key));
        let absolute = root.join(&relative);
        let message = format!("cannot look at {}; check its folder and the mount", absolute.shown());
        let identity = Err(ItemError::new(ErrorKind::Unreadable, message));
        Input {
            relative,
            origin: Origin::File(absolute),
            identity,
            blind: false,
            carried: Vec::new(),
            reference: None,
        }
    }

    /// Its file, where it has one.
    pub fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Made(_) => None,
        }
    }

    /// What its header says, where it can be read.
    pub fn header(&self) -> Option<codec::Header> {
        // What can't be a picture, such as a pipe, must not be opened.
        self.identity.as_ref().ok()?;
        match &self.origin {
            Origin::File(path) => {
                let file = fs::File::open(path).ok()?;
                codec::probe(BufReader::new(file), &self.relative).ok()
            }
            Origin::Made(made) => Some(made.header()),
        }
    }

    /// What tells its reference from another one, or from none.
    pub fn reference_identity(&self) -> Option<String> {
        Some(match &**self.reference.as_ref()? {
            Ok(ReferenceFile { path, identity: Identity { size, mtime_ns }, values, .. }) => {
                format!("reference {:?} {size} {mtime_ns} {values:?}", path.as_os_str().as_bytes())
            }
            Err(error) => format!("no reference: {}", error.kind.name()),
        })
    }

    /// What the header of its reference says, where it has one that can be read, and the file's size.
    pub fn reference_header(&self) -> Option<(codec::Header, u64)> {
        let file = self.reference.as_ref()?.as_ref().as_ref().ok()?;
        let opened = fs::File::open(&file.path).ok()?;
        Some((codec::probe(BufReader::new(opened), &file.path).ok()?, file.identity.size))
    }

    /// What the headers of its pictures say, where they can be read: of all pages, if all are taken.
    pub fn headers(&self, pages: Pages) -> Vec<codec::Header> {
        match &self.origin {
            Origin::File(path) if pages == Pages::All && self.identity.is_ok() => {
                let file = fs::File::open(path).ok();
                let read = |file| codec::probe_pages(BufReader::new(file), &self.relative).ok();
                file.and_then(read).unwrap_or_default()
            }
            _ => self.header().into_iter().collect(),
        }
    }

    /// Its [`item_id`].
    pub fn id(&self) -> String {
        item_id(self.key())
    }
}

/// Stable identifier of an item for tables: 32 hex digits of BLAKE3 over its key, the relative path's bytes.
pub(crate) fn item_id(key: &[u8]) -> String {
    blake3::hash(key).to_hex()[..32].to_string()
}
