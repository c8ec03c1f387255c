//! `table`: one row an image, as a folder of parts that always holds each done input once.
//!
//! The folder is a projection of the ledger. Rows stand in path order and are cut into parts at places
//! that depend on the rows themselves, so that a new or changed file rewrites one part, and the folder
//! after any history equals that of a single fresh run. A changed set of parts replaces the old one in
//! one atomic exchange.

mod division;
mod format;
mod layout;
mod rows;
mod uri;

use crate::columns::{Column, ColumnType};
use crate::error::ItemError;
use crate::ledger::{Fingerprint, Ledger, PartRecord};
use crate::pipeline::{
    Action, Build, Built, Keeps, KnownParts, Load, Outgoing, Publication, Sample, Sink, SinkError, Turn,
};
use crate::spec::{Descriptor, Diagnostic, Diagnostics, Given, Kind, Parameters, Role, params};
use crate::store::{Part, Store, StoreError};
use division::{by_place, cut, place};
pub(crate) use format::form_of;
use format::{File, Format, Writer, is_ours};
use layout::Layout;
use rows::{Source, sources};
use std::path::{Path, PathBuf};
pub(crate) use uri::of as address;

/// Bytes of rows a part aims at, uncompressed.
const PART_BYTES: usize = 32 << 20;
/// Folders that the values of columns may divide a table into.
const MOST_PLACES: usize = 10_000;

params! {
    /// Parameters of `table`.
    pub(super) struct Params {
        /// Folder below the output that holds the parts and nothing else.
        folder: PathBuf [Kind::Folder] = "table",
        /// Form of the files: Parquet; CSV; or, for clip-retrieval and autofaiss, `img_emb/img_emb_*.npy` of the vectors and
        /// `metadata/metadata_*.parquet` of all else, row by row in the same order.
        format: Given<Format> = "parquet",
        /// Columns of texts, whole numbers or truths whose values divide the rows into folders such as `format=png/`, as Hive,
        /// Spark, DuckDB and polars read them; they then stand in no file.
        partition_by: Vec<Given<String>> [Kind::List(&Kind::Text)] = "[]",
        /// For `npy`: which column, where there are several of vectors.
        vector: Option<Given<String>>,
        /// Rows a part aims at; by default as many as fill about 32 MB, at most 65536.
        rows: Option<usize> [Kind::Int { min: 16, max: 1_000_000 }],
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "table",
    version: 1,
    doc: "Writes one row for each image (after `patches` or `corrupt_each`, for each sample): what the \
          file is, carried list columns, measurements and vectors.",
    role: Role::WriteRow,
    params: Params::TABLE,
    shorthand: None,
    example: "- table: {folder: table}",
};

/// The resolved sink.
#[derive(Debug)]
struct TableSink {
    folder: PathBuf,
    format: Format,
    partition_by: Vec<String>,
    vector: Option<String>,
    rows: Option<usize>,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { folder, format, partition_by, vector, rows } = params;
    let base = layout::base_columns();
    let columns: Vec<&Column> = base.iter().chain(build.columns()).collect();
    let mut mistakes = Vec::new();
    for (at, name) in partition_by.iter().enumerate() {
        let fits = |kind| matches!(kind, ColumnType::Bool | ColumnType::Int | ColumnType::Text);
        match columns.iter().find(|c| c.name == **name) {
            None => mistakes.push(unknown(name, &columns)),
            Some(c) if !fits(c.kind) => {
                let message = format!("rows can't be divided by `{}`, which is {}", c.name, c.kind.name());
                mistakes.push(
                    name.error(message, Some("take a column of texts, whole numbers or truths".into())),
                );
            }
            Some(_) if partition_by[..at].iter().any(|earlier| **earlier == **name) => {
                mistakes.push(name.error("a column is named twice", None));
            }
            Some(_) => {}
        }
    }
    let vectors: Vec<&str> = columns.iter().filter(|c| c.kind.is_vector()).map(|c| c.name.as_str()).collect();
    let vector = match (&vector, *format) {
        (Some(name), _) if !vectors.contains(&name.as_str()) => {
            let help = format!("columns of vectors are: {}", vectors.join(", "));
            mistakes.push(name.error(format!("no step before makes vectors `{}`", **name), Some(help)));
            None
        }
        (Some(name), _) => Some(name.to_string()),
        (None, Format::Npy) => match vectors[..] {
            [one] => Some(one.to_string()),
            [] => {
                let help = "put `embed` before it".to_string();
                mistakes.push(
                    format.error("`npy` takes a column of vectors, and no step before makes one", Some(help)),
                );
                None
            }
            _ => {
                let help = format!("say which: `vector: {}`", vectors.join("` or `vector: "));
                mistakes.push(format.error("there are several columns of vectors", Some(help)));
                None
            }
        },
        (None, _) => None,
    };
    if *format == Format::Npy && !partition_by.is_empty() {
        let help = "leave `partition_by` out, or write Parquet".to_string();
        mistakes.push(format.error("arrays and their rows are numbered through, not divided", Some(help)));
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    let partition_by = partition_by.into_iter().map(Given::into_value).collect();
    let sink = TableSink { folder, format: format.into_value(), partition_by, vector, rows };
    Ok(Built::from(Action::Sink(Box::new(sink))))
}

fn unknown(name: &Given<String>, columns: &[&Column]) -> Diagnostic {
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let help = format!("columns are: {}", names.join(", "));
    name.error(format!("there is no column `{}` here", **name), Some(help))
}

/// Rows that go into the same files.
struct Piece {
    /// Folder within the table's, empty or ending in `/`.
    place: String,
    /// Inputs, by their places among all.
    inputs: Vec<usize>,
    /// Of all that is in it.
    digest: String,
}

/// A file of a piece.
struct Planned {
    path: String,
    digest: String,
    piece: usize,
    file: File,
}

impl TableSink {
    /// Places of the columns that rows are divided by.
    fn dividing(&self, layout: &Layout) -> Vec<usize> {
        let place = |name: &String| layout.columns.iter().position(|c| c.name == *name);
        self.partition_by.iter().filter_map(place).collect()
    }

    /// Which rows go together, and how many rows there are.
    fn pieces(
        &self,
        layout: &Layout,
        all: &[Source<'_>],
        ledger: &Ledger,
    ) -> Result<(Vec<Piece>, usize), SinkError> {
        let target = self.rows.unwrap_or_else(|| default_rows(&layout.columns));
        let dividing = self.dividing(layout);
        let places = if dividing.is_empty() {
            let counts = layout.made.counted_by().map(|fan| ledger.row_counts(fan)).transpose()?;
            let count =
                |s: &Source<'_>| counts.as_ref().map_or(1, |c| c.get(s.input.key()).copied().unwrap_or(0));
            vec![(String::new(), all.iter().map(count).enumerate().collect())]
        } else {
            let mut found = Vec::new();
            rows::each(layout, all, ledger, |input, values| {
                found.push((input, place(dividing.iter().map(|at| named(layout, *at, &values)))));
                Ok(())
            })?;
            let places = by_place(found.into_iter());
            if places.len() > MOST_PLACES {
                let message = format!(
                    "its columns divide it into {} folders; {MOST_PLACES} are the most",
                    places.len()
                );
                return Err(SinkError::Table { folder: self.folder.to_string_lossy().into_owned(), message });
            }
            places.into_iter().collect::<Vec<(String, Vec<(usize, usize)>)>>()
        };
        let text = format!("{:?} {:?} {:?};{}", self.format, self.partition_by, self.vector, layout.text());
        let (mut pieces, mut total) = (Vec::new(), 0);
        for (place, inputs) in places {
            let key = |(at, count): &(usize, usize)| (*blake3::hash(all[*at].input.key()).as_bytes(), *count);
            let keys: Vec<([u8; 32], usize)> = inputs.iter().map(key).collect();
            total += inputs.iter().map(|(_, count)| count).sum::<usize>();
            for range in cut(&keys, target) {
                let inputs: Vec<usize> = inputs[range].iter().map(|(at, _)| *at).collect();
                let mut hasher = blake3::Hasher::new();
                hasher.update(text.as_bytes()).update(place.as_bytes());
                for at in &inputs {
                    hasher.update(&all[*at].key);
                }
                let digest = hasher.finalize().to_hex()[..32].to_string();
                pieces.push(Piece { place: place.clone(), inputs, digest });
            }
        }
        Ok((pieces, total))
    }

    /// The bytes of a file.
    fn bytes(
        &self,
        (layout, all): (&Layout, &[Source<'_>]),
        (piece, file): (&Piece, File),
        ledger: &Ledger,
    ) -> Result<Vec<u8>, SinkError> {
        let dividing = self.dividing(layout);
        let failed = |message: String| SinkError::Table {
            folder: self.folder.to_string_lossy().into_owned(),
            message,
        };
        let sources: Vec<Source<'_>> = piece.inputs.iter().map(|at| all[*at].clone()).collect();
        let columns = (&layout.columns[..], self.vector.as_deref());
        let mut writer =
            Writer::new(file, columns, &dividing, sources.len()).map_err(|e| failed(e.to_string()))?;
        rows::each(layout, &sources, ledger, |_, values| {
            if !dividing.is_empty()
                && place(dividing.iter().map(|at| named(layout, *at, &values))) != piece.place
            {
                return Ok(());
            }
            writer.push(values).map_err(|e| {
                failed(format!("{e}; the ledger is damaged, move the whole output folder away and run again"))
            })
        })?;
        writer.finish(&layout.metadata).map_err(|e| failed(e.to_string()))
    }
}

/// A column's name and its value in a row.
fn named<'a>(layout: &'a Layout, at: usize, values: &[crate::columns::Value]) -> (&'a str, Option<String>) {
    let value = values.get(at).filter(|value| **value != crate::columns::Value::Null);
    (&layout.columns[at].name, value.map(crate::columns::Value::text))
}

impl Sink for TableSink {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn table(&self) -> Option<&Path> {
        (self.format == Format::Parquet).then_some(&self.folder)
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
        let layout = Layout::of(publication, self.format == Format::Npy);
        let store = publication.store;
        let all = sources(publication, &layout, ledger)?;
        let (pieces, total) = self.pieces(&layout, &all, ledger)?;
        let planned: Vec<Planned> = pieces
            .iter()
            .enumerate()
            .flat_map(|(number, piece)| {
                self.format.files().iter().map(move |file| Planned {
                    path: format!("{}{}", piece.place, file.name(&piece.digest, number)),
                    digest: format!("{}{file:?}", piece.digest),
                    piece: number,
                    file: *file,
                })
            })
            .collect();
        let folder_name = self.folder.to_string_lossy().into_owned();
        let known = ledger.part_records(&folder_name)?;
        // The run took its time: somebody may have been here since it began.
        let parts_known = KnownParts::of(Some(ledger), &folder_name, publication.replace_edited)?;
        let present = parts_known.present(store, &self.folder, is_ours)?;
        let intact = |p: &PartRecord| present.get(&p.name) == Some(&(p.stamp.size, p.stamp.mtime_ns));
        let stands = |file: &Planned| known.iter().find(|p| p.digest == file.digest && intact(p));
        let same = |file: &Planned| stands(file).is_some_and(|p| p.name == file.path);
        if present.len() == planned.len() && planned.iter().all(same) {
            return Ok(total);
        }
        let mut failure = None;
        let files = planned.iter().map_while(|file| {
            if let Some(old) = stands(file) {
                let carried = Part::Carried { from: old.name.clone(), stamp: old.stamp.clone() };
                return Some(Ok((file.path.clone(), carried)));
            }
            match self.bytes((&layout, &all), (&pieces[file.piece], file.file), ledger) {
                Ok(bytes) => Some(Ok((file.path.clone(), Part::New(bytes)))),
                Err(error) => {
                    failure = Some(error);
                    let source = std::io::Error::other("a part could not be made");
                    Some(Err(StoreError::Io { action: "write", path: self.folder.clone(), source }))
                }
            }
        });
        let built = store.build_folder(&self.folder, files);
        if let Some(failure) = failure {
            return Err(failure);
        }
        let built = built?;
        ledger.announce_folder(&built)?;
        let stamps = store.put_folder(built, &present)?;
        let record = |((name, stamp), file): ((String, _), &Planned)| PartRecord {
            name,
            digest: file.digest.clone(),
            stamp,
        };
        let parts: Vec<PartRecord> = stamps.into_iter().zip(&planned).map(record).collect();
        ledger.set_parts(&folder_name, &parts)?;
        Ok(total)
    }

    fn check(&self, store: &Store, known: &KnownParts) -> Result<(), SinkError> {
        known.present(store, &self.folder, is_ours).map(drop)
    }
}

fn default_rows(columns: &[Column]) -> usize {
    let bytes: usize = columns
        .iter()
        .map(|c| match c.kind {
            ColumnType::Bool => 1,
            ColumnType::Int | ColumnType::Float | ColumnType::Timestamp(_) => 8,
            ColumnType::Text => 48,
            ColumnType::Vector(n) => 4 * n,
            ColumnType::HalfVector(n) => 2 * n,
            ColumnType::Image => 4096,
            ColumnType::Neighbours => 168,
        })
        .sum();
    (PART_BYTES / bytes.max(1)).clamp(64, 65_536)
}
