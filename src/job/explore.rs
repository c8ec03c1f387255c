//! Exploring a table outside of a run: of a job's output, or of any other folder of Parquet files.

use super::error::JobError;
use crate::columns::parquet::Reader;
use crate::explore::{ExploreError, Explored, FILE, Settings, Source, explore, kept_for, parts_below};
use crate::ledger::Ledger;
use crate::run::RunError;
use crate::run::shards::refuse_ungathered;
use crate::shown::Show;
use crate::sinks::address;
use crate::sinks::explore::publish;
use crate::store::{
    Fault, FileId, Guard, Known, Lock, Refusal, STATE_FOLDER, Standing, Store, StoreError, Written, look,
    mtime_ns,
};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was made of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExploredTable {
    /// The file.
    pub file: PathBuf,
    /// Its rows.
    pub rows: usize,
    /// Rows whose neighbours were known from the time before; none where the file stood as it was.
    pub known: Option<usize>,
}

/// Folder of the file in a job's output.
const FOLDER: &str = "explore";
/// In the folder that a result is written to: what was written, and of what.
const NOTE: &str = ".safelight/explore/written";

impl From<ExploreError> for JobError {
    fn from(error: ExploreError) -> JobError {
        JobError::Explore(error.to_string())
    }
}

/// Explores the table in the output of a job that has run, beside it.
///
/// # Errors
/// When another run holds the output, it has no table with such vectors, or something can't be read or written.
pub(crate) fn explore_output(
    output: &Path,
    settings: &Settings,
    fault: Option<&str>,
) -> Result<ExploredTable, JobError> {
    let nothing = || JobError::NothingRun { output: output.to_path_buf() };
    if Ledger::open_existing(output)?.is_none_or(|ledger| ledger.owner().is_ok_and(|owner| owner.is_none())) {
        return Err(nothing());
    }
    let store = Store::open(output, Guard::default(), Fault::parse(fault))?;
    let _lock = Lock::take(&store).map_err(RunError::from)?;
    refuse_ungathered(&store)?;
    store.sweep()?;
    let mut ledger = Ledger::open(&store)?;
    let table = table_of(store.root(), &ledger, settings.column.as_deref())?;
    let folders = (table.as_path(), Path::new(FOLDER));
    let published = publish((&store, &mut ledger), folders, settings, false).map_err(RunError::from)?;
    Ok(ExploredTable { file: output.join(FOLDER).join(FILE), rows: published.rows, known: published.known })
}

/// The folder of a table with such vectors, relative to the output.
pub(super) fn table_of(root: &Path, ledger: &Ledger, column: Option<&str>) -> Result<PathBuf, JobError> {
    let mut others = Vec::new();
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        let is_part = |name: &&String| name.ends_with(".parquet") && name.as_str() != FILE;
        let Some(part) = parts.keys().find(is_part) else { continue };
        let file = root.join(&folder).join(part);
        let failed = |source| ExploreError::Read { file: file.clone(), source };
        let reader = Reader::open(&file).map_err(failed)?;
        let mut vectors = reader.columns().iter().filter(|c| c.kind.is_vector());
        if vectors.any(|c| column.is_none_or(|wanted| c.name == wanted)) {
            return Ok(PathBuf::from(folder));
        }
        others.push(folder);
    }
    let wanted = column.map_or_else(String::new, |column| format!(" `{column}`"));
    let has = match &others[..] {
        [] => "no table".to_string(),
        some => format!("{}, but no column of vectors{wanted} in it", some.join(", ")),
    };
    Err(JobError::Explore(format!(
        "{} has {has}; run a pipeline with `embed` and `table` into it first",
        root.shown()
    )))
}

/// Whether a folder is or lies in the one whose pictures a table of safelight's is about.
fn is_among_originals(files: &[PathBuf], to: &Path) -> bool {
    let Some(reader) = files.first().and_then(|file| Reader::open(file).ok()) else { return false };
    let to = address(&crate::plan::absolute(to));
    reader
        .says("safelight.input")
        .filter(|root| !root.is_empty())
        .and_then(|root| to.strip_prefix(root))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Explores the table that a folder of Parquet files or one such file holds, and writes the result into the folder `to`, which
/// is made where it is missing.
///
/// # Errors
/// When the table can't be read, `to` is its folder or holds a file of that name which was not written so, or something can't
/// be written.
pub(crate) fn explore_folder(
    table: &Path,
    to: &Path,
    settings: &Settings,
    fault: Option<&str>,
) -> Result<ExploredTable, JobError> {
    let files = parts_below(table)?;
    if is_among_originals(&files, to) {
        return Err(StoreError::from(Refusal::original(to)).into());
    }
    let digest = digest(&files, settings)?;
    let folders = files.iter().filter_map(|file| file.parent()).chain([table]);
    let ids = folders.filter_map(|folder| look::at(folder).ok().flatten()).map(|meta| FileId::of(&meta));
    let store = Store::open(to, Guard::new(ids), Fault::parse(fault))?;
    let _lock = Lock::take(&store).map_err(RunError::from)?;
    store.sweep()?;
    let path = Path::new(FILE);
    let file = to.join(FILE);
    let note = Note::read(&store)?;
    match store.compare(path, &note.known())? {
        Standing::Absent => {}
        Standing::Written(at, _) => {
            if at == 0 && note.files.len() == 1 && note.digest == digest {
                return Ok(ExploredTable { file, rows: note.rows, known: None });
            }
        }
        Standing::Own | Standing::Differs if note.files.is_empty() => {
            return Err(StoreError::from(Refusal::foreign(&file)).into());
        }
        Standing::Own | Standing::Differs => {
            return Err(StoreError::from(Refusal::Edited { path: file }).into());
        }
        Standing::Other(kind) => return Err(StoreError::from(Refusal::stands(&file, kind)).into()),
    }
    let source = Source::read(files, settings.column.as_deref())?;
    let state = Path::new(STATE_FOLDER).join(FOLDER).join(kept_for(Path::new(FOLDER)));
    let mut before = store.open_file(&state).ok().flatten();
    let explored = explore(source, settings, before.as_mut().map(|file| file as &mut dyn Read));
    drop(before);
    let rows = explored.points.len();
    put(&store, &explored, note, digest)?;
    explored.keep(&store, &state)?;
    Ok(ExploredTable { file, rows, known: Some(explored.known) })
}

/// Puts the file in its place; before, what it is to be is noted, so that a run that is cut off is known again.
fn put(store: &Store, explored: &Explored, mut note: Note, digest: String) -> Result<(), JobError> {
    let duplicates = explored.duplicates()?;
    let mut writing = store.begin(Path::new(FILE))?;
    explored.write(&duplicates, &mut writing)?;
    let staged = store.finish(writing)?;
    note.files.push(staged.written());
    note.write(store)?;
    let stamp = store.put(staged, note.known(), false)?;
    Note { files: vec![Written::from(&stamp)], digest, rows: explored.points.len() }.write(store)?;
    Ok(())
}

/// What follows from the files' names, sizes and times, and what is asked for.
fn digest(files: &[PathBuf], settings: &Settings) -> Result<String, ExploreError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(settings.text().as_bytes());
    for file in files {
        let failed = |source| ExploreError::List { folder: file.clone(), source };
        let meta = look::there(file).map_err(failed)?;
        let text = format!("{}\0{}\0{}\n", file.shown(), meta.len(), mtime_ns(&meta));
        hasher.update(text.as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..32].to_string())
}

/// What was written to a folder that has no ledger: files that the result may be, of what they were made, and how many rows.
#[derive(Debug, Default)]
struct Note {
    files: Vec<Written>,
    digest: String,
    rows: usize,
}

impl Note {
    /// One that can't be understood says nothing.
    fn read(store: &Store) -> Result<Note, JobError> {
        let bytes = store.read(Path::new(NOTE))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let mut note = Note::default();
        if let Some((digest, rows)) = lines.next().and_then(|line| line.split_once(' ')) {
            note.digest = digest.to_string();
            note.rows = rows.parse().unwrap_or(0);
        }
        for (size, hash) in lines.filter_map(|line| line.split_once(' ')) {
            if let (Ok(size), Ok(hash)) = (size.parse(), blake3::Hash::from_hex(hash)) {
                note.files.push(Written { size, mtime_ns: None, hash: *hash.as_bytes() });
            }
        }
        Ok(note)
    }

    fn write(&self, store: &Store) -> Result<(), StoreError> {
        let files =
            self.files.iter().map(|f| format!("{} {}\n", f.size, blake3::Hash::from(f.hash).to_hex()));
        let text = format!("{} {}\n{}", self.digest, self.rows, files.collect::<String>());
        store.write(Path::new(NOTE), text.as_bytes()).map(drop)
    }

    fn known(&self) -> Known {
        // What was noted was written here, or was about to be.
        let files = self.files.iter().map(|file| Written { mtime_ns: Some(i64::MIN), ..file.clone() });
        Known { files: files.collect(), anything: false }
    }
}
