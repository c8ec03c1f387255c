//! Single steps over pictures in memory: `restore` and `embed` with the parameters, the defaults and the mistakes that
//! they have in a pipeline, so that results are those of a run.

use crate::codec::{self, Decoded, ExifData, Format, Limits, Metadata, Source};
use crate::columns::{ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError, panic_text};
use crate::image::Image;
use crate::inputs::{Pages, read_unchanged};
use crate::pipeline::{Action, ColumnStep, ImageStep, Observed, Place, Sample, Shape};
use crate::plan;
use crate::spec::{Diagnostic, Diagnostics};
use rayon::prelude::*;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A picture to ask a step about its scale.
const UNIT: Shape = Shape { width: 1024, height: 1024, channels: 3, depth: 1 };

/// A picture, in one of the forms that people have it in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Pictured<'a> {
    /// Its pixels, standing upright.
    Image(&'a Image),
    /// The content of an image file.
    Bytes(&'a [u8]),
    /// An image file.
    File(&'a Path),
}

/// The step `restore` on its own. Share it between threads.
#[derive(Debug)]
pub struct RestoreStep {
    step: Box<dyn ImageStep>,
    notes: Vec<String>,
}

/// The step `embed` on its own. Share it between threads.
#[derive(Debug)]
pub struct EmbedStep {
    step: Box<dyn ColumnStep>,
    dim: usize,
    batch: usize,
    notes: Vec<String>,
}

impl RestoreStep {
    /// Compiles the step with parameters as YAML in braces, such as `{model: denoise.onnx, strength: 0.5}`
    /// (docs/pipeline.md has them all). The model is loaded in this process, so it should come from a source that is
    /// trusted.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(parameters: &str) -> Result<RestoreStep, Diagnostics> {
        match plan::single("restore", parameters)? {
            (Action::Image(step), notes) => Ok(RestoreStep { step, notes }),
            _ => Err(defect("restore")),
        }
    }

    /// What was inferred of the model, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many times wider and higher results are.
    pub fn scale(&self) -> usize {
        usize::try_from(self.step.shape(UNIT).width / UNIT.width).unwrap_or(1)
    }

    /// Restores a picture in full; gives the result, of the same depth, with remarks as they stand in a manifest. Tiles
    /// run in parallel on the current rayon pool.
    ///
    /// # Errors
    /// When the network fails on it, or the result is no picture. A panic is one of these failures too.
    pub fn restore(&self, image: Image) -> Result<(Image, Vec<String>), ItemError> {
        caught(|| {
            let mut sample = in_memory(image);
            self.step.apply(&mut sample).map_err(|e| e.at_step("restore"))?;
            Ok((sample.image, sample.notes))
        })
    }
}

impl EmbedStep {
    /// Compiles the step with parameters as YAML in braces, such as `{model: clip.onnx, preprocess: clip}`
    /// (docs/pipeline.md has them all). The model is loaded in this process, so it should come from a source that is
    /// trusted.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(parameters: &str) -> Result<EmbedStep, Diagnostics> {
        let (Action::Columns(step), notes) = plan::single("embed", parameters)? else {
            return Err(defect("embed"));
        };
        let Some(ColumnType::Vector(dim) | ColumnType::HalfVector(dim)) =
            step.columns().first().map(|column| column.kind)
        else {
            return Err(defect("embed"));
        };
        // Asked for here, where no worker waits for it.
        let batch = step.batch().max(1);
        Ok(EmbedStep { step, dim, batch, notes })
    }

    /// What was inferred of the model, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Length of the vectors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vector of each picture, which doesn't depend on the others. Files are read and decoded as a run does, and
    /// turned upright. Works in parallel on the current rayon pool.
    ///
    /// # Errors
    /// Of each picture its own. A panic is one of these failures too.
    pub fn embed(&self, pictures: &[Pictured<'_>]) -> Vec<Result<Vec<f32>, ItemError>> {
        let share = pictures.len().div_ceil(rayon::current_num_threads()).clamp(1, self.batch);
        pictures.par_chunks(share).flat_map_iter(|chunk| self.chunk(chunk)).collect()
    }

    fn chunk(&self, pictures: &[Pictured<'_>]) -> Vec<Result<Vec<f32>, ItemError>> {
        let samples: Vec<_> = pictures.iter().map(|picture| caught(|| sample(*picture))).collect();
        let sound: Vec<&Sample> = samples.iter().flatten().collect();
        let together = || (sound.len() > 1).then(|| self.step.values_of(&sound));
        let together = catch_unwind(AssertUnwindSafe(together)).ok().flatten();
        // One that takes the others down fails alone.
        let rows = together
            .filter(|rows| rows.len() == sound.len())
            .unwrap_or_else(|| sound.iter().map(|sample| caught(|| self.step.values(sample))).collect());
        let mut rows = rows.into_iter();
        let missing =
            || Err(ItemError::new(ErrorKind::Panic, "a vector is missing, by a defect of safelight"));
        let row = |sample: Result<Sample, ItemError>| {
            sample
                .and_then(|_| rows.next().unwrap_or_else(missing))
                .and_then(vector)
                .map_err(|e| e.at_step("embed"))
        };
        samples.into_iter().map(row).collect()
    }
}

fn vector(row: Row) -> Result<Vec<f32>, ItemError> {
    match row.into_iter().next() {
        Some(Value::Vector(vector)) => Ok(vector),
        _ => Err(ItemError::new(ErrorKind::Panic, "no vector was made, by a defect of safelight")),
    }
}

/// Reads and decodes a file's first picture as a run does.
///
/// # Errors
/// When it can't be read, or [`codec::decode`] fails.
pub fn decode_file(path: &Path, limits: &Limits) -> Result<Decoded, ItemError> {
    let (bytes, ..) = read_unchanged(path)?;
    codec::decode(&bytes, path, limits).map_err(|e| ItemError::from(&e))
}

/// A picture as steps take it.
fn sample(picture: Pictured<'_>) -> Result<Sample, ItemError> {
    let read;
    let (bytes, name) = match picture {
        Pictured::Image(image) => return Ok(in_memory(image.clone())),
        Pictured::Bytes(bytes) => (bytes, Path::new("")),
        Pictured::File(path) => {
            read = read_unchanged(path)?.0;
            (read.as_slice(), path)
        }
    };
    let limits = Limits::default();
    let header = codec::probe(Cursor::new(bytes), name).map_err(|e| ItemError::from(&e))?;
    Pages::default().check(&header)?;
    let decoded = codec::decode_probed(bytes, &header, name, &limits).map_err(|e| ItemError::from(&e))?;
    let Decoded { image, meta, source, .. } = decoded;
    Ok(Sample { exif: Arc::new(ExifData::of(&meta)), meta, source, ..in_memory(image) })
}

/// A picture that came from nowhere.
fn in_memory(image: Image) -> Sample {
    let channels = image.channels + usize::from(image.alpha.is_some());
    let (width, height) = (u32::try_from(image.width), u32::try_from(image.height));
    let size = (width.unwrap_or(u32::MAX), height.unwrap_or(u32::MAX));
    let meta = Metadata::default();
    Sample {
        relative: PathBuf::new(),
        hash: [0; 32],
        reference: None,
        place: Place::default(),
        source: Source::new(Format::Png, size, image.depth().bits(), channels as u8),
        image,
        exif: Arc::new(ExifData::of(&meta)),
        meta,
        notes: Vec::new(),
        observed: Observed::default(),
        further: None,
    }
}

/// What a run makes of a panic inside an item.
fn caught<T>(work: impl FnOnce() -> Result<T, ItemError>) -> Result<T, ItemError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(ItemError::new(
            ErrorKind::Panic,
            format!("internal error: {}; please report this picture", panic_text(&*panic)),
        ))
    })
}

fn defect(step: &str) -> Diagnostics {
    Diagnostic::of_file(step, "the step is of another kind, by a defect of safelight", None).into()
}
