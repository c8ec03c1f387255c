//! `explore`: neighbours, map, clusters, components and outliers of the rows of a table, as one file beside it.
//!
//! Like the table, the file is a projection: it follows from the table's parts and the settings alone. What was found the last
//! time is kept among safelight's own files, so that new rows are compared with all without doing all again; it changes
//! how long that takes, and no byte.

use crate::columns::Column;
use crate::error::ItemError;
use crate::explore::{ExploreError, FILE, LIST, MOST_NEIGHBOURS, Settings, Source, explore, kept_for};
use crate::ledger::{Fingerprint, Ledger, PartRecord};
use crate::pipeline::{
    Action, Build, Built, Keeps, KnownParts, Load, Outgoing, Publication, Sample, Sink, SinkError, Turn,
};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};
use crate::store::{Part, STATE_FOLDER, Store, StoreError};
use crate::vectors::Distance;
use std::io::Read;
use std::path::{Path, PathBuf};

words! { for Distance { Cosine = "cosine", Euclidean = "euclidean" } }

params! {
    /// Parameters of `explore`.
    pub(super) struct Params {
        /// Folder below the output that holds the file and nothing else.
        folder: Given<PathBuf> [Kind::Folder] = "explore",
        /// Which column of vectors, where there are several.
        column: Option<Given<String>>,
        /// Nearest other rows that are found for each row.
        neighbours: usize [Kind::Int { min: 1, max: MOST_NEIGHBOURS as i64 }] = "10",
        /// What near means: `cosine` is 1 less the cosine of the angle between two vectors, of which only the direction
        /// then counts, for all else too; `euclidean` the length of their difference.
        distance: Distance = "cosine",
        /// Principal components that are kept of a vector; no more than it has numbers.
        components: usize [Kind::Int { min: 1, max: 1024 }] = "16",
        /// Clusters that k-means makes; by default the root of half the number of rows, at most 64.
        clusters: Option<usize> [Kind::Int { min: 1, max: 10_000 }],
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "explore",
    version: 1,
    doc: "Compares the vectors of a `table` before it, all with all, and writes explore.parquet: a copy of the table without its \
          vectors, with the nearest neighbours of each row, its place on a map, its cluster, its principal components, and how \
          far it lies from the others.",
    role: Role::WriteRow,
    params: Params::TABLE,
    shorthand: Some("column"),
    example: "- explore: {column: embedding, neighbours: 10}",
};

/// The resolved sink.
#[derive(Debug)]
struct ExploreSink {
    folder: PathBuf,
    /// Of the table.
    table: PathBuf,
    settings: Settings,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { folder, column, neighbours, distance, components, clusters } = params;
    let mut mistakes = Vec::new();
    let vectors: Vec<&Column> = build.columns().iter().filter(|c| c.kind.is_vector()).collect();
    let names: Vec<&str> = vectors.iter().map(|c| c.name.as_str()).collect();
    let name = match (&column, &names[..]) {
        (Some(name), names) if !names.contains(&name.as_str()) => {
            let help = match names {
                [] => "put `embed` before the table".to_string(),
                some => format!("columns of vectors are: {}", some.join(", ")),
            };
            mistakes.push(name.error(format!("no step before makes vectors `{}`", **name), Some(help)));
            None
        }
        (Some(name), _) => Some(name.to_string()),
        (None, [one]) => Some((*one).to_string()),
        (None, []) => {
            let help = "put `embed` before the table".to_string();
            mistakes.push(
                folder.error("`explore` takes a column of vectors, and no step before makes one", Some(help)),
            );
            None
        }
        (None, several) => {
            let help = format!("say which: `column: {}`", several.join("` or `column: "));
            mistakes.push(folder.error("there are several columns of vectors", Some(help)));
            None
        }
    };
    let table = build.tables().last().cloned();
    if table.is_none() {
        let help = "put `- table` before it, which writes Parquet files by default".to_string();
        mistakes.push(
            folder.error("`explore` reads a table, and no step before writes one as Parquet", Some(help)),
        );
    }
    let (Some(table), true) = (table, mistakes.is_empty()) else { return Err(Diagnostics::new(mistakes)) };
    let seed = build.seed();
    let settings = Settings { column: name, neighbours, distance, components, clusters, seed };
    Ok(Built::from(Action::Sink(Box::new(ExploreSink { folder: folder.into_value(), table, settings }))))
}

impl Sink for ExploreSink {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    fn peak_bytes(&self, _load: &Load) -> u64 {
        0
    }

    fn take(
        &self,
        _sample: &mut Sample,
        _product: &Fingerprint,
        _written: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError> {
        Ok(Outgoing::default())
    }

    fn turn(&self) -> Option<Turn> {
        Some(Turn::Last)
    }

    fn publish(&self, publication: &Publication<'_>, ledger: &mut Ledger) -> Result<usize, SinkError> {
        let folders = (self.table.as_path(), self.folder.as_path());
        let published =
            publish((publication.store, ledger), folders, &self.settings, publication.replace_edited)?;
        Ok(published.rows)
    }

    fn check(&self, store: &Store, known: &KnownParts) -> Result<(), SinkError> {
        known.present(store, &self.folder, is_ours).map(drop)
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Rows of the file.
    pub rows: usize,
    /// Those whose neighbours were known from the time before; none where the file stood as it was.
    pub known: Option<usize>,
}

fn is_ours(path: &str) -> bool {
    path == FILE || path == LIST
}

/// Brings the file in `folder` in line with the table in `table`, both of the output, where it is not already.
///
/// # Errors
/// When the table can't be read, or the file not be written; an old one then stands.
pub(crate) fn publish(
    (store, ledger): (&Store, &mut Ledger),
    (table, folder): (&Path, &Path),
    settings: &Settings,
    replace_edited: bool,
) -> Result<Published, SinkError> {
    let folder_name = folder.to_string_lossy().into_owned();
    let failed =
        |error: ExploreError| SinkError::Table { folder: folder_name.clone(), message: error.to_string() };
    let parts = ledger.parts(&table.to_string_lossy())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(settings.text().as_bytes());
    for (name, stamp) in &parts {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(&stamp.hash);
    }
    let digest = hasher.finalize().to_hex()[..32].to_string();
    let known = ledger.part_records(&folder_name)?;
    // The run took its time: somebody may have been here since it began.
    let present =
        KnownParts::of(Some(ledger), &folder_name, replace_edited)?.present(store, folder, is_ours)?;
    let stands = known.iter().find(|part| part.name == FILE).and_then(|part| {
        let (of, rows) = part.digest.split_once(':')?;
        let same = of == digest && present.get(FILE) == Some(&(part.stamp.size, part.stamp.mtime_ns));
        rows.parse().ok().filter(|_| same)
    });
    let list = known.iter().find(|part| part.name == LIST);
    let listed = list.is_some_and(|part| present.get(LIST) == Some(&(part.stamp.size, part.stamp.mtime_ns)));
    if let (Some(rows), true, 2) = (stands, listed, present.len()) {
        return Ok(Published { rows, known: None });
    }
    let files = parts.keys().map(|name| store.root().join(table).join(name)).collect();
    let source = Source::read(files, settings.column.as_deref()).map_err(failed)?;
    let state = Path::new(STATE_FOLDER).join("explore").join(kept_for(folder));
    // What can't be opened is of no use, and will be written anew.
    let mut before = store.open_file(&state).ok().flatten();
    let explored = explore(source, settings, before.as_mut().map(|file| file as &mut dyn Read));
    drop(before);
    let rows = explored.points.len();
    let duplicates = explored.duplicates().map_err(failed)?;
    let list = Part::New(duplicates.list());
    let mut failure = None;
    let part = Part::Written(Box::new(|to| {
        explored.write(&duplicates, to).map_err(|error| {
            let told = std::io::Error::other(error.to_string());
            failure = Some(error);
            told
        })
    }));
    let built =
        store.build_folder(folder, [(LIST.to_string(), list), (FILE.to_string(), part)].map(Ok).into_iter());
    let built = match (built, failure) {
        (Ok(built), _) => built,
        (Err(StoreError::Io { .. }), Some(error @ ExploreError::Read { .. })) => return Err(failed(error)),
        (Err(error), _) => return Err(error.into()),
    };
    ledger.announce_folder(&built)?;
    let stamps = store.put_folder(built, &present)?;
    let record = |(name, stamp)| PartRecord { name, digest: format!("{digest}:{rows}"), stamp };
    let records: Vec<PartRecord> = stamps.into_iter().map(record).collect();
    ledger.set_parts(&folder_name, &records)?;
    explored.keep(store, &state)?;
    Ok(Published { rows, known: Some(explored.known) })
}
