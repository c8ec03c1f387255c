//! Listing the inputs: a folder tree, one file, the paths of a CSV or Parquet list, or pictures to make.

use super::made::Made;
use super::resume::Identity;
use crate::codec;
use crate::columns::{Column, Value};
use crate::error::{ErrorKind, ItemError};
use crate::plan::{InputPlan, Plan, Source};
use crate::store::{FileId, look, mtime_ns};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
}

impl Input {
    /// The relative path as bytes, the ledger's key.
    pub fn key(&self) -> &[u8] {
        self.relative.as_os_str().as_bytes()
    }

    /// An input that the ledger knows and of which nothing can be told now.
    pub fn unseen(plan: &Plan, key: &[u8]) -> Input {
        let relative = PathBuf::from(OsStr::from_bytes(key));
        let absolute = plan.input.root.join(&relative);
        let message = format!("cannot look at {}; check its folder and the mount", absolute.display());
        let identity = Err(ItemError::new(ErrorKind::Unreadable, message));
        Input { relative, origin: Origin::File(absolute), identity, blind: false, carried: Vec::new() }
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

    /// Stable identifier for tables: 32 hex digits of BLAKE3 over the relative path's bytes.
    pub fn id(&self) -> String {
        blake3::hash(self.key()).to_hex()[..32].to_string()
    }
}

/// A path as UTF-8 text: invalid bytes are written `\xNN`, so that nothing is lost.
pub fn path_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}

/// What a listing found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The inputs, sorted by the bytes of their relative paths. Those that can't be read, and folders that can't be
    /// listed, are inputs with an error, so that they show up in the manifest.
    pub inputs: Vec<Input>,
    /// The folders they lie in, and the root: nothing may be written there.
    pub folders: BTreeSet<FileId>,
    /// Symbolic links that match and are not followed.
    pub links: usize,
}

/// Lists the inputs of a plan. Folders that `output` names are no part of it, also behind a link.
///
/// # Errors
/// When the root can't be listed.
pub fn listing(plan: &InputPlan, output: &Outside) -> Result<Listing, ItemError> {
    let mut listing = match &plan.source {
        Source::File { relative, absolute } => Listing {
            inputs: vec![examine(relative.clone(), absolute.clone(), Vec::new())],
            ..Listing::default()
        },
        Source::List { rows } => {
            let read = |(relative, values): &(PathBuf, Vec<Value>)| {
                examine(relative.clone(), plan.root.join(relative), values.clone())
            };
            let folders: BTreeSet<&Path> =
                rows.iter().filter_map(|(relative, _)| relative.parent()).collect();
            // One that is not there holds nothing to guard.
            let ids =
                folders.iter().filter_map(|f| look::at(&plan.root.join(f)).ok()?.map(|m| FileId::of(&m)));
            Listing { inputs: rows.par_iter().map(read).collect(), folders: ids.collect(), links: 0 }
        }
        Source::Made(series) => Listing { inputs: series.list(), ..Listing::default() },
        Source::Folder => {
            let Walked { found, folders, links } = walk(plan, output)?;
            let resolve = |(relative, error)| resolve(&plan.root, relative, error);
            Listing { inputs: found.into_par_iter().map(resolve).collect(), folders, links }
        }
    };
    listing.inputs.par_sort_by(|a, b| a.key().cmp(b.key()));
    Ok(listing)
}

/// The inputs alone; none where the root can't be listed.
pub fn list(plan: &InputPlan) -> Vec<Input> {
    listing(plan, &Outside::default()).map(|listing| listing.inputs).unwrap_or_default()
}

/// Folders that are not listed although a link, or a mount, leads to them.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Where the output is.
    root: PathBuf,
    /// It, and the folders in it that steps write to.
    ids: BTreeSet<FileId>,
}

impl Outside {
    /// The output at `root` with these folders in it.
    ///
    /// # Errors
    /// When it can't be told what they are.
    pub fn new<'a>(root: &Path, folders: impl Iterator<Item = &'a Path>) -> std::io::Result<Outside> {
        let mut ids = BTreeSet::new();
        for folder in std::iter::once(Path::new("")).chain(folders) {
            ids.extend(look::at(&root.join(folder))?.map(|m| FileId::of(&m)));
        }
        Ok(Outside { root: root.to_path_buf(), ids })
    }

    /// Whether a link leads into it.
    fn holds(&self, link: &Path) -> bool {
        let inside = |real: PathBuf| !self.root.as_os_str().is_empty() && real.starts_with(&self.root);
        look::real(link).ok().flatten().is_some_and(inside)
    }
}

fn resolve(root: &Path, relative: PathBuf, error: Option<ItemError>) -> Input {
    let absolute = root.join(&relative);
    match error {
        Some(error) => {
            // Also when it can't be told: taking a file for a folder only keeps what lies below it.
            let blind = !matches!(look::name(&absolute), Ok(Some(m)) if !m.is_dir());
            let origin = Origin::File(absolute);
            Input { relative, origin, identity: Err(error), blind, carried: Vec::new() }
        }
        None => examine(relative, absolute, Vec::new()),
    }
}

struct Walked {
    found: Vec<(PathBuf, Option<ItemError>)>,
    folders: BTreeSet<FileId>,
    links: usize,
}

fn walk(plan: &InputPlan, output: &Outside) -> Result<Walked, ItemError> {
    let mut walked = Walked { found: Vec::new(), folders: BTreeSet::new(), links: 0 };
    // The folders that are open, by depth: an error that breaks off a folder's list does not name it.
    let mut open: Vec<PathBuf> = Vec::new();
    let mut walk = walkdir::WalkDir::new(&plan.root).follow_links(plan.follow_symlinks).into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let listed = open.get(error.depth().saturating_sub(1)).or(open.last());
                let path = error.path().or(listed.map(PathBuf::as_path)).unwrap_or(&plan.root);
                walked.found.extend(unlisted(plan, output, path, &error)?);
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(&plan.root) else { continue };
        let link = entry.path_is_symlink() && entry.depth() > 0;
        if link && !plan.follow_symlinks {
            walked.links += usize::from(plan.matches(relative));
        } else if entry.file_type().is_dir() {
            open.truncate(entry.depth());
            open.push(entry.path().to_path_buf());
            let id = entry.metadata().map(|m| FileId::of(&m));
            let known = id.as_ref().is_ok_and(|id| output.ids.contains(id));
            if known || (link && output.holds(entry.path())) {
                walk.skip_current_dir();
            } else {
                // A folder that can't be looked at can't be listed either, which comes next.
                walked.folders.extend(id);
            }
        } else if plan.matches(relative) && !(link && output.holds(entry.path())) {
            walked.found.push((relative.to_path_buf(), None));
        }
    }
    Ok(walked)
}

/// What an error of the walk makes of the path that it is about.
fn unlisted(
    plan: &InputPlan,
    output: &Outside,
    path: &Path,
    error: &walkdir::Error,
) -> Result<Option<(PathBuf, Option<ItemError>)>, ItemError> {
    let relative = path.strip_prefix(&plan.root).unwrap_or(path).to_path_buf();
    let why =
        error.io_error().map_or_else(|| "a link leads back to a folder above it".into(), ToString::to_string);
    let unreadable = |path: &Path| {
        let message =
            format!("cannot list {}: {why}; check its permissions, its links and the mount", path.display());
        ItemError::new(ErrorKind::Unreadable, message)
    };
    if relative.as_os_str().is_empty() {
        return Err(unreadable(path));
    }
    // A broken link inside a followed tree is an item like any other; it fails when examined.
    let folder =
        || !matches!(look::at(path), Ok(Some(m)) if !m.is_dir()) && !matches!(look::at(path), Ok(None));
    let wanted = error.loop_ancestor().is_some() || plan.matches(&relative) || folder();
    let listed = wanted && !plan.excluded(&relative) && !output.holds(path);
    Ok(listed.then(|| (relative, Some(unreadable(path)))))
}

fn examine(relative: PathBuf, absolute: PathBuf, carried: Vec<Value>) -> Input {
    let identity = identify(&absolute);
    Input { relative, origin: Origin::File(absolute), identity, blind: false, carried }
}

/// Size and time of a regular file.
///
/// # Errors
/// `Vanished`, `Unreadable` or `NotAFile`.
pub fn identify(path: &Path) -> Result<Identity, ItemError> {
    match look::at(path).map_err(|e| unreadable(path, &e))? {
        Some(meta) => identity_of(path, &meta),
        None => Err(unreadable(path, &std::io::ErrorKind::NotFound.into())),
    }
}

fn identity_of(path: &Path, meta: &fs::Metadata) -> Result<Identity, ItemError> {
    if !meta.is_file() {
        let message = format!("{} is not a regular file; remove it or exclude it", path.display());
        return Err(ItemError::new(ErrorKind::NotAFile, message));
    }
    Ok(Identity { size: meta.len(), mtime_ns: mtime_ns(meta) })
}

/// A regular file's bytes, and what identifies them.
///
/// # Errors
/// As [`identify`]; `Changed` when it was written to meanwhile.
pub fn read_unchanged(path: &Path) -> Result<(Vec<u8>, Identity), ItemError> {
    // A pipe that has taken the file's place must not block.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = fs::File::options().read(true).custom_flags(flags).open(path);
    let mut file = open.map_err(|e| unreadable(path, &e))?;
    let identity = |file: &fs::File| identity_of(path, &file.metadata().map_err(|e| unreadable(path, &e))?);
    let before = identity(&file)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0).saturating_add(1));
    // Through `take`, since a file's own `read_to_end` asks for its size and place once more.
    Read::by_ref(&mut file).take(u64::MAX).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if identity(&file)? != before || bytes.len() as u64 != before.size {
        let message = format!("{} changed while it was read; it will be tried again", path.display());
        return Err(ItemError::new(ErrorKind::Changed, message));
    }
    Ok((bytes, before))
}

/// The item error for a file that can't be opened or read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> ItemError {
    if look::is_absence(error) {
        ItemError::new(ErrorKind::Vanished, format!("{} is no longer there", path.display()))
    } else {
        let message = format!("cannot read {}: {error}; check its permissions and links", path.display());
        ItemError::new(ErrorKind::Unreadable, message)
    }
}

/// Reads a list file: rows of (path below `root`, other columns' values), and those columns.
///
/// # Errors
/// A message that says what is wrong with the list and where.
pub fn read_list(file: &Path, column: &str, root: &Path) -> Result<(Vec<Row>, Vec<Column>), String> {
    let table = match file.extension().and_then(OsStr::to_str) {
        Some(e) if e.eq_ignore_ascii_case("parquet") => super::list_file::parquet(file)?,
        _ => super::list_file::csv(file)?,
    };
    let Some(at) = table.columns.iter().position(|c| c.name == column) else {
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        return Err(format!("has no column `{column}`; it has {}: set `input.column`", names.join(", ")));
    };
    let mut rows = Vec::with_capacity(table.rows.len());
    let mut seen = std::collections::HashSet::new();
    for (index, mut values) in table.rows.into_iter().enumerate() {
        let line = index + 1;
        let Value::Text(path) = values.remove(at) else { return Err(format!("row {line} has no path")) };
        let relative = below(&path, root).ok_or_else(|| {
            format!("row {line}: {path} is not below {}; set `input.root` to a common folder", root.display())
        })?;
        if !seen.insert(relative.clone()) {
            return Err(format!("row {line}: {path} is listed twice; keep one row for each file"));
        }
        rows.push((relative, values));
    }
    let mut columns = table.columns;
    columns.remove(at);
    Ok((rows, columns))
}

/// A row of a list: path relative to the root, and the other columns' values.
pub type Row = (PathBuf, Vec<Value>);

fn below(path: &str, root: &Path) -> Option<PathBuf> {
    let path = Path::new(path);
    let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    let clean: PathBuf =
        relative.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect();
    let inside = clean.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    (inside && !clean.as_os_str().is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_stays_visible() {
        assert_eq!(path_text(b"a/\xffb"), "a/\\xFFb");
        assert_eq!(path_text("ü\n".as_bytes()), "ü\n");
    }

    #[test]
    fn listed_paths_stay_below_the_root() {
        let root = Path::new("/archive");
        assert_eq!(below("./a/b.png", root), Some(PathBuf::from("a/b.png")));
        assert_eq!(below("/archive/a.png", root), Some(PathBuf::from("a.png")));
        for outside in ["../a.png", "/etc/passwd", "", "a/../../b"] {
            assert_eq!(below(outside, root), None, "{outside}");
        }
    }
}
