//! `scores`: means of metrics over pictures, by method and group, as tables to be read.
//!
//! Like the table, the files are a projection of the ledger: made new at the end of a run, of exactly the pictures that are
//! done, and equal to those of one fresh run.

mod tables;
mod tally;

use super::files;
use crate::columns::{Column, ColumnType, Value};
use crate::error::ItemError;
use crate::image::compare::METRICS;
use crate::inputs::{Input, path_text};
use crate::ledger::{Fingerprint, Ledger, Outcome, Record};
use crate::pipeline::{
    Action, Build, Built, Keeps, KnownParts, Load, Outgoing, Publication, Sample, Sink, SinkError, Turn,
};
use crate::spec::{
    Descriptor, Diagnostic, Diagnostics, Given, Kind, Parameters, Place, Role, params, suggest,
};
use crate::store::Store;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tables::{Report, Rows};
use tally::{Group, Tally};

/// The word for the folder of a picture.
const FOLDER: &str = "folder";
/// What the files may be called.
const FILES: [&str; 5] = ["scores.csv", "scores.parquet", "scores.md", "pictures.csv", "pictures.parquet"];

params! {
    /// Parameters of `scores`.
    pub(super) struct Params {
        /// Folder below the output that holds the files.
        folder: PathBuf [Kind::Folder] = "scores",
        /// What pictures are put together by, beside all of them: `folder`, columns of steps before such as `corruption`,
        /// columns of an input's list; several at once with `+` between: `corruption+severity`.
        by: Given<Vec<Given<String>>> = "[folder]",
        /// Whether pictures.csv and pictures.parquet are written too: a row for each picture and method.
        pictures: bool = "true",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "scores",
    version: 1,
    doc: "Writes means over pictures of what `compare`, or `measure: [psnr, ssim]`, has found, a row for each method: of all \
          pictures and by group, as scores.csv, scores.parquet and scores.md, and the pictures one by one.",
    role: Role::WriteRow,
    params: Params::TABLE,
    shorthand: Some("by"),
    example: "- scores: {folder: scores, by: [folder, corruption]}",
};

/// Columns whose values pictures are put together by.
#[derive(Debug)]
struct Grouping {
    columns: Vec<Given<String>>,
}

impl Grouping {
    fn name(&self) -> String {
        self.columns.iter().map(|column| column.as_str()).collect::<Vec<_>>().join("+")
    }
}

/// The resolved sink.
#[derive(Debug)]
struct Scores {
    folder: PathBuf,
    by: Vec<Grouping>,
    pictures: bool,
    /// Columns that steps measure; what a list says of a picture is no score.
    measured: BTreeSet<String>,
    /// Where the step stands.
    place: Place,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { folder, by, pictures } = params;
    let mut mistakes = Vec::new();
    let place = by.place().clone();
    let measured: BTreeSet<String> = build.measured_names().map(String::from).collect();
    let mut groupings: Vec<Grouping> = Vec::new();
    for given in by.iter() {
        let parts = given.split('+').map(|part| given.with(part.trim().to_string()));
        let grouping = Grouping { columns: parts.collect() };
        if grouping.columns.iter().any(|column| column.is_empty()) {
            let help = "write columns with `+` between: `corruption+severity`".to_string();
            mistakes.push(given.error("a column's name is missing", Some(help)));
        } else if groupings.iter().any(|known| known.name() == grouping.name()) {
            mistakes.push(given.error(format!("`{}` is named twice", given.as_str()), None));
        }
        groupings.push(grouping);
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    Ok(Built::from(Action::Sink(Box::new(Scores { folder, by: groupings, pictures, measured, place }))))
}

/// Where the value of a column is.
#[derive(Clone, Copy, Debug)]
enum Source {
    Folder,
    Made(usize),
    Carried(usize),
}

impl Source {
    fn value(self, input: &Input, row: &[Value]) -> Value {
        let value = match self {
            Source::Folder => {
                let folder = input.relative.parent().unwrap_or(Path::new(""));
                let text = path_text(folder.as_os_str().as_bytes());
                return Value::Text(if text.is_empty() { ".".to_string() } else { text });
            }
            Source::Made(at) => row.get(at),
            Source::Carried(at) => input.carried.get(at),
        };
        value.cloned().unwrap_or(Value::Null)
    }
}

/// What of the rows is used.
struct Layout {
    scores: Vec<tally::Score>,
    by: Vec<Vec<Source>>,
    /// What tells pictures apart beside their path, with where it is.
    beside: Vec<(Column, Source)>,
}

impl Scores {
    fn layout(&self, publication: &Publication<'_>) -> Layout {
        let made: Vec<&Column> = publication.rows.columns().collect();
        let find = |name: &str| {
            let kind_of = |columns: &mut dyn Iterator<Item = &Column>| {
                columns
                    .enumerate()
                    .find(|(_, column)| column.name == name)
                    .map(|(at, column)| (at, column.kind))
            };
            let own = kind_of(&mut made.iter().copied()).map(|(at, kind)| (Source::Made(at), kind));
            let carried =
                || kind_of(&mut publication.carried.iter()).map(|(at, kind)| (Source::Carried(at), kind));
            own.or_else(carried).unwrap_or((Source::Folder, ColumnType::Text))
        };
        let mut beside: Vec<(Column, Source)> = Vec::new();
        let mut by = Vec::new();
        for grouping in &self.by {
            let mut sources = Vec::new();
            for name in &grouping.columns {
                let (source, kind) = find(name);
                if beside.iter().all(|(column, _)| column.name != **name) {
                    beside.push((Column::new(name.as_str(), kind), source));
                }
                sources.push(source);
            }
            by.push(sources);
        }
        Layout { scores: tally::scores(made.into_iter(), &self.measured), by, beside }
    }
}

impl Sink for Scores {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    fn own_columns(&self) -> &'static [&'static str] {
        &[FOLDER]
    }

    fn mistakes(&self, columns: &[&str]) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        if !self.measured.iter().any(|name| tally::parse(name).is_some()) {
            let names = METRICS.iter().map(|metric| metric.name);
            let help = format!("put `compare` before it; the metrics are {}", suggest::quoted(names));
            mistakes.push(self.place.error("no step before `scores` measures a metric", Some(help)));
        }
        let known = columns.iter().copied().chain([FOLDER]);
        for asked in self.by.iter().flat_map(|grouping| &grouping.columns) {
            if !known.clone().any(|name| name == asked.as_str()) {
                let help = suggest::help(asked, known.clone(), "there are");
                let message = format!("no step before `scores` makes the column `{}`", asked.as_str());
                mistakes.push(asked.error(message, Some(help)));
            }
        }
        mistakes
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
        let layout = self.layout(publication);
        let failed = |what: &dyn Display| SinkError::Table {
            folder: self.folder.to_string_lossy().into_owned(),
            message: what.to_string(),
        };
        let mut inputs: Vec<&Input> = Vec::new();
        let holds = |record: &Record| matches!(record.outcome, Outcome::Done(_)) || record.last.is_some();
        publication.each(ledger, |at, record| {
            if holds(&record) && publication.rows.complete(&record) {
                inputs.push(publication.inputs[at]);
            }
            Ok(())
        })?;
        let paths: Vec<&[u8]> = inputs.iter().map(|input| input.key()).collect();
        let mut tally = Tally::new(layout.scores.len(), layout.by.len());
        let mut singles: Vec<(Vec<Value>, Vec<Option<f64>>)> = Vec::new();
        publication.rows.each(ledger, &paths, |index, rows| {
            let input = inputs[index];
            for row in rows {
                let value = |score: &tally::Score| match row.get(score.at) {
                    Some(Value::Float(value)) => Some(*value),
                    _ => None,
                };
                let values: Vec<Option<f64>> = layout.scores.iter().map(value).collect();
                // One that no step measured, as a condition has it.
                if values.iter().all(Option::is_none) {
                    continue;
                }
                let group = |sources: &Vec<Source>| {
                    Group(sources.iter().map(|source| source.value(input, &row)).collect())
                };
                tally.add(&values, layout.by.iter().map(group));
                if self.pictures {
                    let path = Value::Text(path_text(input.key()));
                    let beside = layout.beside.iter().map(|(_, source)| source.value(input, &row));
                    singles.push((std::iter::once(path).chain(beside).collect(), values));
                }
            }
            Ok(())
        })?;
        let by = self.by.iter().map(Grouping::name).collect();
        let without = publication.inputs.len() - inputs.len();
        let (job, scores) = (publication.pipeline, &layout.scores[..]);
        let report = Report { job, scores, by, tally: &tally, without };
        let pictures = self.pictures.then(|| {
            let mut beside = vec![Column::new("path", ColumnType::Text)];
            beside.extend(layout.beside.iter().map(|(column, _)| column.clone()));
            let rows = singles.iter().flat_map(|(beside, values)| report.picture(beside, values));
            Rows { columns: report.picture_columns(&beside), rows: rows.collect() }
        });
        let count = usize::try_from(tally.all.pictures).unwrap_or(usize::MAX);
        let summary = report.summary();
        let markdown = report.markdown(pictures.as_ref()).into_bytes();
        let [csv, parquet, md, each_csv, each_parquet] = FILES;
        let made = || -> Result<Vec<(&str, Vec<u8>)>, tables::MakeError> {
            let mut made = vec![(csv, summary.csv()?), (parquet, summary.parquet()?), (md, markdown)];
            if let Some(pictures) = &pictures {
                made.extend([(each_csv, pictures.csv()?), (each_parquet, pictures.parquet()?)]);
            }
            Ok(made)
        };
        let made = made().map_err(|e| failed(&e))?;
        let made = made.into_iter().map(|(name, bytes)| Ok((name.to_string(), bytes)));
        files::publish((publication.store, ledger), &self.folder, made, publication.replace_edited)?;
        Ok(count)
    }

    fn check(&self, store: &Store, known: &KnownParts) -> Result<(), SinkError> {
        let names = FILES.into_iter().chain(known.names());
        Ok(known.check(store, &self.folder, names)?)
    }
}
