//! Rows of a table that are like a picture. A picture of the archive is found by its bytes, and has its vector there; of any
//! other one the vector is made by the steps that made the table.

use super::error::JobError;
use super::explore::table_of;
use super::output::Output;
use super::remembered::Remembered;
use crate::codec::{self, Decoded, ExifData, Limits};
use crate::columns::Value;
use crate::error::ItemError;
use crate::explore::{Asked, Near, Table, Which, parts_below};
use crate::image::pixel_hash::pixel_hash;
use crate::image::signature::Signature;
use crate::pipeline::{Action, Observed, Place, PlannedStep, Sample};
use crate::plan::Plan;
use crate::shown::{self, Show};
use crate::store::names::LEDGER_FILE;
use crate::store::{STATE_FOLDER, look};
use crate::vectors::Facts;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// An output, the folder of a table, or a Parquet file.
    pub table: PathBuf,
    /// The column of vectors; the only one, where none is named.
    pub column: Option<String>,
    /// Rows that are wanted.
    pub neighbours: usize,
    /// The pipeline that made the table; by default the one that its output remembers.
    pub pipeline: Option<PathBuf>,
}

/// Like what.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A picture in a file.
    Picture(PathBuf),
    /// A row, by its path in the table.
    Row(String),
}

/// A pipeline that makes vectors like those of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pipeline<'a> {
    /// In this file.
    File(&'a Path),
    /// As an output remembers it: its text, and the file that it came from.
    Text(&'a str, &'a str),
}

/// The answer.
#[derive(Clone, Debug)]
pub(crate) struct Similar {
    /// The column that was compared.
    pub column: String,
    /// Rows of the table.
    pub rows: usize,
    /// Whether the picture is a row of the table itself.
    pub known: bool,
    /// The nearest other rows, nearest first.
    pub nearest: Vec<Near>,
}

/// The output that a table belongs to: the folder itself, or one above it.
fn output_of(table: &Path) -> Option<&Path> {
    let holds = |folder: &&Path| look::is_file(&folder.join(STATE_FOLDER).join(LEDGER_FILE)).unwrap_or(false);
    table.ancestors().find(holds)
}

/// The folder that relative paths of the pipeline behind a table refer to, where its output remembers that.
pub(crate) fn home(table: &Path) -> Option<PathBuf> {
    Some(shown::decode(&Remembered::read(output_of(table)?)?.directory))
}

/// Answers from the table; the paths asked with are absolute. `load` resolves a pipeline, where one is needed; of one that trains
/// it gives none.
///
/// # Errors
/// When the table can't be read, the row is not in it, or the picture's vector can't be made.
pub(crate) fn similar(
    question: &Question,
    subject: &Subject,
    load: impl Fn(Pipeline<'_>) -> Result<Option<Plan>, JobError>,
) -> Result<Similar, JobError> {
    let column = question.column.as_deref();
    let output = output_of(&question.table).map(Output::open).transpose()?;
    let folder = match &output {
        Some(output) if output.folder() == question.table => {
            question.table.join(table_of(output.folder(), output.ledger(), column)?)
        }
        _ => question.table.clone(),
    };
    let table = Table::open(parts_below(&folder)?, column)?;
    let asked = match subject {
        Subject::Row(path) => table.find(Which::Path(path))?.ok_or_else(|| {
            let folder = folder.shown();
            let text = format!("no row of {folder} has the path {path:?}; paths are relative to the input");
            JobError::Explore(text)
        })?,
        Subject::Picture(picture) => {
            let bytes = std::fs::read(picture).map_err(|e| wrong(picture, &e.to_string()))?;
            let hash = blake3::hash(&bytes);
            match table.find(Which::Hash(hash.to_hex().as_str()))? {
                Some(known) => known,
                None => {
                    let plan = plan(question, output.as_ref().and_then(Output::remembered), load)?;
                    made(&plan, &table.column, picture, &bytes)?
                }
            }
        }
    };
    let (nearest, rows) = table.nearest(&asked, question.neighbours)?;
    Ok(Similar { column: table.column, rows, known: asked.place.is_some(), nearest })
}

/// The pipeline that made the table.
fn plan(
    question: &Question,
    remembered: Option<&Remembered>,
    load: impl Fn(Pipeline<'_>) -> Result<Option<Plan>, JobError>,
) -> Result<Plan, JobError> {
    let trains = || JobError::Explore("the pipeline trains, and makes no table".into());
    if let Some(pipeline) = &question.pipeline {
        return load(Pipeline::File(pipeline))?.ok_or_else(trains);
    }
    let Some(run) = remembered else {
        return Err(JobError::Explore(format!(
            "the picture is no row of {0}, and nothing there tells which pipeline made it; give it with --pipeline",
            question.table.shown()
        )));
    };
    let file = run.pipeline_file.as_deref().unwrap_or("the pipeline of the last run");
    let plan = load(Pipeline::Text(&run.pipeline, file))?.ok_or_else(trains)?;
    let then = |hash: &str| run.models.iter().any(|model| model.hash == hash);
    match plan.models.iter().find(|(_, hash)| !then(hash)) {
        Some((model, _)) => Err(JobError::Explore(format!(
            "{} is not the model any more that made the table; run the pipeline again first",
            model.shown()
        ))),
        None => Ok(plan),
    }
}

fn wrong(picture: &Path, why: &str) -> JobError {
    JobError::Explore(format!("{}: {why}", picture.shown()))
}

/// A picture that is no row, with the vector that it would have.
fn made(plan: &Plan, column: &str, picture: &Path, bytes: &[u8]) -> Result<Asked, JobError> {
    let limits =
        Limits { max_pixels: plan.limits.pixels, max_bytes: plan.limits.memory, strict: plan.input.strict };
    let failed = |error: ItemError| wrong(picture, &error.to_string());
    let decoded = codec::decode(bytes, picture, &limits).map_err(|error| failed(ItemError::from(&error)))?;
    let facts = facts_of(bytes, &decoded);
    let mut sample = sample(picture, bytes, decoded);
    Ok(Asked {
        vector: vector(plan, column, &mut sample).map_err(|why| wrong(picture, &why))?,
        facts,
        place: None,
    })
}

fn facts_of(bytes: &[u8], decoded: &Decoded) -> Facts {
    let (source, turned) = (&decoded.source, decoded.meta.orientation);
    let pixels = blake3::Hash::from_hex(pixel_hash(&decoded.image, turned)).ok();
    Facts {
        bytes: bytes.len() as u64,
        hash: Some(*blake3::hash(bytes).as_bytes()),
        ordinal: 0,
        pixels: pixels.map(|hash| *hash.as_bytes()),
        signature: Some(Box::new(Signature::of(&decoded.image, turned))),
        width: source.width,
        height: source.height,
        bit_depth: source.bit_depth.into(),
        format: source.format.name().to_string(),
    }
}

fn sample(picture: &Path, bytes: &[u8], decoded: Decoded) -> Sample {
    Sample {
        relative: PathBuf::from(picture.file_name().unwrap_or_default()),
        hash: *blake3::hash(bytes).as_bytes(),
        reference: None,
        place: Place::default(),
        image: decoded.image,
        exif: Arc::new(ExifData::of(&decoded.meta)),
        observed: Observed::new(Some(picture), &[]),
        meta: decoded.meta,
        notes: Vec::new(),
        source: decoded.source,
        further: None,
    }
}

/// The vector that the steps of the pipeline make of a picture; or why not, in words.
fn vector(plan: &Plan, column: &str, sample: &mut Sample) -> Result<Vec<f32>, String> {
    let makes = |step: &PlannedStep| step.action.columns().iter().position(|c| c.name == column);
    for step in &plan.chain {
        let place = makes(step);
        let conditional = |what: &str| {
            format!(
                "`{}` of the pipeline {what}, so that no single picture has the vector `{column}`; ask by --row",
                step.name
            )
        };
        match &step.action {
            Action::Many(_) => return Err(conditional("makes several pictures of one")),
            Action::Image(_) if !step.gate.is_open() => return Err(conditional("stands under a condition")),
            Action::Image(action) => {
                let effect = action.apply(sample).map_err(|e| e.at_step(step.name).to_string())?;
                if effect.changed {
                    sample.observed.changed();
                }
            }
            Action::Columns(action) => {
                let Some(place) = place else { continue };
                let mut row = action.values(sample).map_err(|e| e.at_step(step.name).to_string())?;
                if place < row.len()
                    && let Value::Vector(vector) = row.swap_remove(place)
                {
                    return Ok(vector);
                }
            }
            Action::Sink(_) => {}
        }
    }
    Err(format!(
        "no step of the pipeline makes the vectors `{column}`; give the one that made the table with --pipeline"
    ))
}
