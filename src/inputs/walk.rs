//! Listing the inputs: a folder tree, one file, the paths of a CSV or Parquet list, or pictures to make.

use super::read::unreadable;
use super::{Beside, Input, InputPlan, Origin, Source, identify, litter};
use crate::columns::Value;
use crate::error::{ErrorKind, ItemError};
use crate::shown::Show;
use crate::store::{FileId, look};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a listing found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The inputs, sorted by the bytes of their relative paths. Those that can't be read, and folders that can't be
    /// listed, are inputs with an error, so that they show up in the manifest.
    pub inputs: Vec<Input>,
    /// The folders they lie in, and the root; of a single file, the file: nothing may be written there.
    pub folders: BTreeSet<FileId>,
    /// Symbolic links that match and are not followed.
    pub links: usize,
    /// What else lies there.
    pub beside: Beside,
}

/// Lists the inputs of a plan. Folders that `output` names are no part of it, also behind a link.
///
/// # Errors
/// When the root can't be listed.
pub(crate) fn listing(plan: &InputPlan, output: &Outside) -> Result<Listing, ItemError> {
    let mut listing = match &plan.source {
        Source::File { relative, absolute } => Listing {
            inputs: vec![examine(relative.clone(), absolute.clone(), Vec::new())],
            // Results beside a single original are what people expect of one file; on top of it, never.
            folders: look::at(absolute).ok().flatten().map(|m| FileId::of(&m)).into_iter().collect(),
            ..Listing::default()
        },
        Source::List { rows } => {
            let read = |row: usize| {
                let relative = rows.path(row);
                examine(relative.to_path_buf(), plan.root.join(relative), rows.values(row))
            };
            let folders: BTreeSet<&Path> = rows.paths().filter_map(Path::parent).collect();
            let mut ids = BTreeSet::new();
            for folder in folders.iter().map(|folder| plan.root.join(folder)) {
                // One that is not there holds nothing to guard.
                ids.extend(look::at(&folder).map_err(|e| unreadable(&folder, &e))?.map(|m| FileId::of(&m)));
            }
            let inputs = (0..rows.len()).into_par_iter().map(read).collect();
            Listing { inputs, folders: ids, ..Listing::default() }
        }
        Source::Made(series) => Listing { inputs: series.list(), ..Listing::default() },
        Source::Folder => {
            let Walked { found, folders, links, beside } = walk(plan, output)?;
            let resolve = |(relative, error)| resolve(&plan.root, relative, error);
            Listing { inputs: found.into_par_iter().map(resolve).collect(), folders, links, beside }
        }
    };
    listing.inputs.par_sort_by(|a, b| a.key().cmp(b.key()));
    Ok(listing)
}

/// Folders that are not listed although a link, or a mount, leads to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
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
    pub(crate) fn new<'a>(root: &Path, folders: impl Iterator<Item = &'a Path>) -> std::io::Result<Outside> {
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
            Input { relative, origin, identity: Err(error), blind, carried: Vec::new(), reference: None }
        }
        None => examine(relative, absolute, Vec::new()),
    }
}

#[derive(Default)]
struct Walked {
    found: Vec<(PathBuf, Option<ItemError>)>,
    folders: BTreeSet<FileId>,
    links: usize,
    beside: Beside,
}

impl Walked {
    /// Counts what is no input.
    fn pass(&mut self, plan: &InputPlan, relative: &Path, kind: fs::FileType) {
        if plan.excluded(relative) {
            self.beside.excluded += usize::from(kind.is_file());
        } else if let Some(litter) = relative.file_name().and_then(|name| litter::of(name, plan.hidden)) {
            self.beside.pass(litter);
        } else if kind.is_file() {
            self.beside.leave_out(relative);
        }
    }
}

fn walk(plan: &InputPlan, output: &Outside) -> Result<Walked, ItemError> {
    let mut walked = Walked::default();
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
        if entry.depth() > 0 && litter::of(entry.file_name(), plan.hidden).is_some() {
            walked.pass(plan, relative, entry.file_type());
            if entry.file_type().is_dir() {
                // It belongs to the input all the same.
                walked.folders.extend(entry.metadata().map(|m| FileId::of(&m)));
                // Opened or not: whether it can be listed is no matter.
                walk.skip_current_dir();
            }
        } else if link && !plan.follow_symlinks {
            walked.links += usize::from(plan.matches(relative));
        } else if entry.file_type().is_dir() {
            open.truncate(entry.depth());
            open.push(entry.path().to_path_buf());
            let id = entry.metadata().map(|m| FileId::of(&m));
            let known = id.as_ref().is_ok_and(|id| output.ids.contains(id));
            // The output by way of a link. By way of a mount, the input lies in the output: then it is guarded, which
            // stops the run.
            if (known || link) && output.holds(entry.path()) {
                walk.skip_current_dir();
            } else {
                // A folder that can't be looked at can't be listed either, which comes next.
                walked.folders.extend(id);
            }
        } else if !plan.matches(relative) {
            walked.pass(plan, relative, entry.file_type());
        } else if !(link && output.holds(entry.path())) {
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
            format!("cannot list {}: {why}; check its permissions, its links and the mount", path.shown());
        let gone = error.io_error().is_some_and(look::is_absence);
        ItemError::new(if gone { ErrorKind::Vanished } else { ErrorKind::Unreadable }, message)
    };
    if relative.as_os_str().is_empty() {
        return Err(unreadable(path));
    }
    if litter::on_the_way(&relative, plan.hidden).is_some() {
        return Ok(None);
    }
    // A broken link inside a followed tree is an item like any other; it fails when examined.
    let folder = || match look::at(path) {
        Ok(found) => found.is_some_and(|m| m.is_dir()),
        // It may be one, save where links lead in a circle.
        Err(e) => rustix::io::Errno::from_io_error(&e) != Some(rustix::io::Errno::LOOP),
    };
    let wanted = error.loop_ancestor().is_some() || plan.matches(&relative) || folder();
    let listed = wanted && !plan.excluded(&relative) && !output.holds(path);
    Ok(listed.then(|| (relative, Some(unreadable(path)))))
}

fn examine(relative: PathBuf, absolute: PathBuf, carried: Vec<Value>) -> Input {
    let identity = identify(&absolute);
    Input { relative, origin: Origin::File(absolute), identity, blind: false, carried, reference: None }
}
