//! Names of outputs before the run: which would collide, which the file system refuses, which folders become
//! safelight's own.

use super::RunError;
use super::inputs::Input;
use super::ledger::{Ledger, Record};
use super::prepare::Prepared;
use crate::plan::{Link, Plan};
use crate::shown::Show;
use crate::spec::Span;
use crate::steps::pages::Pages;
use crate::steps::{Action, Place};
use crate::store::{Store, StoreError, names};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Output paths that several inputs would write, each with those inputs.
pub type Collisions = BTreeMap<PathBuf, Vec<PathBuf>>;

/// Finds collisions. Whether the target's file system tells capitals apart is asked where two names differ in
/// nothing else: by trying in an open `store`, and by what is there already in a run that may write nothing.
///
/// # Errors
/// When the system refuses an answer.
pub fn collisions(plan: &Plan, inputs: &[Input], store: Option<&Store>) -> Result<Collisions, StoreError> {
    let mut clashes = Collisions::new();
    for (_, sink) in plan.writes() {
        // Patches and variants add the same to the names of all inputs.
        let mut paths: Vec<PathBuf> =
            inputs.iter().map(|input| sink.path(&input.relative, &Place::default())).collect();
        let mut owners: Vec<usize> = (0..paths.len()).collect();
        if plan.input.pages == Pages::All {
            for (path, owner) in page_paths(&paths, inputs) {
                paths.push(path);
                owners.push(owner);
            }
        }
        let mut writers: HashMap<&Path, usize> = HashMap::with_capacity(paths.len());
        let clash = |clashes: &mut Collisions, path: &Path, writer: usize| {
            clashes.entry(path.to_path_buf()).or_default().push(inputs[writer].relative.clone());
        };
        for (index, path) in owners.iter().copied().zip(&paths) {
            if let Some(first) = writers.get(path.as_path()).copied() {
                if !clashes.contains_key(path) {
                    clash(&mut clashes, path, first);
                }
                clash(&mut clashes, path, index);
            } else {
                writers.insert(path, index);
            }
        }
        let distinct = |group: &Vec<&Path>| group.iter().any(|path| *path != group[0]);
        let alike: Vec<Vec<&Path>> = names::alike(&paths).into_iter().filter(distinct).collect();
        let same = match store {
            _ if alike.is_empty() => Vec::new(),
            Some(store) => store.same_names(alike)?,
            None if Store::seems_to_fold(&plan.output) => alike,
            None => Vec::new(),
        };
        for group in same {
            for path in &group {
                if let Some(writer) = writers.get(path) {
                    clash(&mut clashes, group[0], *writer);
                }
            }
        }
    }
    Ok(clashes)
}

/// Names that pages of an input have and that may be those of others: where `a.tif` has several pages, one of them is
/// named like the picture `a_p0002.tif`. Each with its input.
fn page_paths(paths: &[PathBuf], inputs: &[Input]) -> Vec<(PathBuf, usize)> {
    let small = |path: &Path| path.to_string_lossy().to_lowercase();
    let with_stem = |path: &Path, stem: &str| {
        let mut name = OsString::from(stem);
        for part in path.extension().into_iter().flat_map(|extension| [OsStr::new("."), extension]) {
            name.push(part);
        }
        path.with_file_name(name)
    };
    // The names without the number, in small letters, of those that have one.
    let mut numbered: HashMap<String, BTreeSet<u32>> = HashMap::new();
    for path in paths {
        let stem = path.file_stem().and_then(OsStr::to_str);
        let Some((stem, digits)) = stem.and_then(|stem| stem.rsplit_once(['p', 'P'])) else { continue };
        let Some(stem) = stem.strip_suffix('_').filter(|_| digits.len() >= 4) else { continue };
        let Some(page) = digits.parse().ok().filter(|page| *page > 0) else { continue };
        numbered.entry(small(&with_stem(path, stem))).or_default().insert(page);
    }
    let mut found = Vec::new();
    if numbered.is_empty() {
        return found;
    }
    for (owner, (path, input)) in paths.iter().zip(inputs).enumerate() {
        let Some(named) = numbered.get(&small(path)) else { continue };
        let pages = input.header().map_or(1, |header| header.pictures);
        for page in named.iter().filter(|page| pages > 1 && **page <= pages) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let place = Place { page: Some(*page), ..Place::default() };
            found.push((with_stem(path, &format!("{stem}{}", place.suffix())), owner));
        }
    }
    found
}

/// The names of single outputs that the file system refuses, with its reasons.
///
/// # Errors
/// When it can't be asked.
pub fn refused(plan: &Plan, inputs: &[Input]) -> Result<HashMap<PathBuf, String>, StoreError> {
    let mut all = HashMap::new();
    for (_, sink) in plan.single_writes() {
        let paths: Vec<PathBuf> =
            inputs.iter().map(|input| sink.path(&input.relative, &Place::default())).collect();
        let refused = names::refused(&plan.output, paths.iter().map(PathBuf::as_path))?;
        all.extend(refused.into_iter().map(|(path, reason)| (path.to_path_buf(), reason)));
        let kept = paths.iter().filter(|path| names::is_reserved(path));
        all.extend(
            kept.map(|path| (path.clone(), "safelight keeps this name for its own files".to_string())),
        );
    }
    Ok(all)
}

/// The claim on a folder as a whole.
fn folder_claim(folder: &Path) -> Vec<u8> {
    [folder.as_os_str().as_bytes(), b"/"].concat()
}

/// Claims to record before files are written under names not known beforehand: the folders that receive
/// them become safelight's own.
///
/// # Errors
/// When such a folder holds something that no run has written there, or can't be listed.
pub fn folder_claims(
    plan: &Plan,
    store: &Store,
    ledger: Option<&Ledger>,
    records: &HashMap<Vec<u8>, Record>,
) -> Result<Vec<Vec<u8>>, RunError> {
    let claimed = ledger.map(Ledger::claims).transpose()?.unwrap_or_default();
    let new: Vec<&Path> =
        plan.owned_folders().filter(|folder| !claimed.contains(&folder_claim(folder))).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let mut owned: BTreeSet<&[u8]> =
        records.values().flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice()).collect();
    let orphans = ledger.map(Ledger::orphans).transpose()?.unwrap_or_default();
    let announced = ledger.map(Ledger::announced).transpose()?.unwrap_or_default();
    owned.extend(orphans.iter().map(|o| o.path.as_slice()).chain(claimed.iter().map(Vec::as_slice)));
    owned.extend(announced.keys().map(Vec::as_slice));
    let mut parts = Vec::new();
    let folders = ledger.map(Ledger::part_folders).transpose()?.unwrap_or_default();
    for (ledger, folder) in folders.into_iter().filter_map(|folder| Some((ledger?, folder))) {
        parts.extend(ledger.parts(&folder)?.into_keys().map(|name| Path::new(&folder).join(name)));
    }
    owned.extend(parts.iter().map(|path| path.as_os_str().as_bytes()));
    for folder in &new {
        for file in store.files_below(folder)? {
            if !owned.contains(file.as_os_str().as_bytes()) {
                return Err(RunError::Foreign(format!(
                    "{} stands where the job wants a folder of its own and was not written by safelight; move it \
                     away or choose another folder",
                    store.root().join(file).shown()
                )));
            }
        }
    }
    Ok(new.into_iter().map(folder_claim).collect())
}

impl Prepared {
    /// Fails when two inputs would write one file.
    ///
    /// # Errors
    /// A mistake at the `write` step that names the first few.
    pub fn refuse_collisions(&self, plan: &Plan) -> Result<(), RunError> {
        if self.collisions.is_empty() {
            return Ok(());
        }
        let show = |p: &Path| p.shown().to_string();
        let mut text = format!("{} output names belong to several inputs:", self.collisions.len());
        for (output, inputs) in self.collisions.iter().take(10) {
            let names: Vec<_> = inputs.iter().map(|p| show(p)).collect();
            text.push_str(&format!(" {} <- {};", show(output), names.join(", ")));
        }
        let writes = |l: &&Link| matches!(l.action, Action::Write(_));
        let span = plan.chain.iter().find(writes).map_or(Span::FILE, |l| l.span);
        let help = "use `format: same`, exclude one of each, or write them in separate jobs (on this output's file \
                    system, names that differ only in capitals or accents may be one)";
        let mistake = plan.sources.diagnostic(span, text.trim_end_matches(';'), Some(help.into()));
        Err(RunError::Collision(mistake.into()))
    }
}
