//! Reads what is learned from into memory.

use super::TrainError;
use super::data::{Drawing, Example, Known};
use super::event::Event;
use super::settings::{Data, TrainPlan, Vectors};
use super::{blobs, vectors};
use crate::codec::{self, Limits};
use crate::columns::Value;
use crate::image::crop::{Rect, crop};
use crate::image::gray::{gray_to_rgb, to_gray};
use crate::image::orient::upright;
use crate::image::{Depth, Image};
use crate::plan::InputPlan;
use crate::random::{Rng, seed_of};
use crate::run::inputs::{self, Input, Origin, read_unchanged};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Everything in memory.
pub(super) struct Loaded {
    /// What is learned from and judged by, sorted by name.
    pub examples: Vec<Known>,
    /// What it is judged by, where that was decided before.
    pub held: Vec<Known>,
    /// What only the final figures are taken from.
    pub test: Vec<Known>,
}

/// Loads all of it. Files that can't be read, or are too small, are left out and told.
pub(super) fn load(
    plan: &TrainPlan,
    drawing: &Drawing,
    stop: &AtomicBool,
    emit: &(dyn Fn(Event) + Sync),
) -> Result<Loaded, TrainError> {
    let channels = plan.net.input.c;
    let read = Reading { plan, channels, drawing, stop, emit };
    match &plan.data {
        Data::Pictures { input, test, label, .. } => Ok(Loaded {
            examples: read.pictures(input, label.as_deref())?,
            held: Vec::new(),
            test: match test {
                Some(test) => read.pictures(test, label.as_deref())?,
                None => Vec::new(),
            },
        }),
        Data::Pairs { pairs, validation, test, root } => Ok(Loaded {
            examples: read.pairs(pairs, root)?,
            held: read.pairs(validation, root)?,
            test: read.pairs(test, root)?,
        }),
        Data::Vectors { source } => vectors_of(source, plan),
    }
}

fn vectors_of(source: &Vectors, plan: &TrainPlan) -> Result<Loaded, TrainError> {
    let (mut rows, width, labels, split) = match source {
        Vectors::Parquet { files, column, label } => {
            let (rows, width, labels) =
                vectors::read(files, column, label.as_deref()).map_err(TrainError::Data)?;
            (rows, width, labels, None)
        }
        Vectors::Blobs(b) => {
            let (points, labels) = blobs::make_blobs(b.count, b.dimensions, b.centres, b.deviation, b.seed);
            let rows = points.iter().map(|v| *v as f32).collect();
            let split = blobs::train_test_split(b.count, plan.validation, b.seed);
            (rows, b.dimensions, labels.into_iter().map(Some).collect(), Some(split))
        }
    };
    if width != plan.net.input.c {
        let wanted = plan.net.input.c;
        return Err(TrainError::Data(format!(
            "the vectors have {width} numbers where {wanted} were planned"
        )));
    }
    let all = || (0..rows.len() / width).collect();
    let (kept, held) = split.unwrap_or_else(|| (all(), Vec::new()));
    scale(&mut rows, width, &kept);
    let known = |i: &usize| Known {
        name: (*i as u64).to_le_bytes().to_vec(),
        label: labels[*i],
        example: Example::Vector(rows[i * width..][..width].to_vec()),
    };
    let take = |indices: &[usize]| indices.iter().map(known).collect();
    Ok(Loaded { examples: take(&kept), held: take(&held), test: Vec::new() })
}

/// Brings every column to \[0, 1\], as the rows of `by` span it.
fn scale(rows: &mut [f32], width: usize, by: &[usize]) {
    for column in 0..width {
        let values = || by.iter().map(|row| rows[row * width + column]);
        let low = values().fold(f32::INFINITY, f32::min);
        let high = values().fold(f32::NEG_INFINITY, f32::max);
        let span = if high > low { high - low } else { 1.0 };
        rows.iter_mut().skip(column).step_by(width).for_each(|v| *v = (*v - low) / span);
    }
}

struct Reading<'a> {
    plan: &'a TrainPlan,
    channels: usize,
    drawing: &'a Drawing,
    stop: &'a AtomicBool,
    emit: &'a (dyn Fn(Event) + Sync),
}

impl Reading<'_> {
    fn pictures(&self, input: &InputPlan, label: Option<&str>) -> Result<Vec<Known>, TrainError> {
        let inputs = inputs::list(input);
        let labels = labels(input, &inputs, label);
        // What of each picture is kept, so that all fit.
        let share = self.share(&inputs);
        self.all("reading pictures", inputs.len(), |i| {
            let image = picture(&inputs[i], self.plan.pixels)?;
            let image = with_channels(&image, self.channels);
            let (image, name) = (self.kept(image, inputs[i].key(), share), inputs[i].key().to_vec());
            Ok(Known { name, label: labels[i], example: Example::Clean(image) })
        })
    }

    fn pairs(&self, pairs: &[(PathBuf, PathBuf)], root: &Path) -> Result<Vec<Known>, TrainError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        self.all("reading pairs", pairs.len(), |i| {
            let (corrupted, clean) = &pairs[i];
            let read = |path: &Path| {
                let image = decode(&root.join(path), self.plan.pixels)?;
                Ok::<_, String>(with_channels(&image, self.channels))
            };
            let name = corrupted.as_os_str().as_bytes().to_vec();
            Ok(Known { name, label: None, example: Example::Pair(read(corrupted)?, read(clean)?) })
        })
    }

    /// Share of the pixels that is kept; decided by the settings and the files alone.
    fn share(&self, inputs: &[Input]) -> f64 {
        let per = self.channels as f64;
        let sizes: Vec<f64> = inputs
            .par_iter()
            .map(|input| input.header().map_or(0.0, |h| f64::from(h.width) * f64::from(h.height) * per))
            .collect();
        (self.plan.keep as f64 / sizes.iter().sum::<f64>().max(1.0)).min(1.0)
    }

    fn kept(&self, image: Image, name: &[u8], share: f64) -> Image {
        if share >= 1.0 || self.drawing.whole {
            return image;
        }
        let least = self.plan.net.input.h * self.plan.net.scale;
        let side = |full: usize| ((full as f64 * share.sqrt()) as usize).clamp(least.min(full), full);
        let (width, height) = (side(image.width), side(image.height));
        let mut rng = Rng::new(seed_of(self.plan.seed, name, 0, &[1]));
        let rect = Rect {
            x: rng.index(image.width - width + 1),
            y: rng.index(image.height - height + 1),
            width,
            height,
        };
        crop(&image, rect).unwrap_or(image)
    }

    /// Reads `total` examples with all threads, leaves out what can't be used, and tells how many and why.
    fn all(
        &self,
        what: &str,
        total: usize,
        read: impl Fn(usize) -> Result<Known, String> + Sync,
    ) -> Result<Vec<Known>, TrainError> {
        let done = AtomicU64::new(0);
        let found: Vec<Result<Known, String>> = (0..total)
            .into_par_iter()
            .map(|i| {
                if self.stop.load(Ordering::Relaxed) {
                    return Err("stopped".into());
                }
                let known = read(i).and_then(|known| {
                    if self.drawing.fits(&known.example) { Ok(known) } else { Err(TOO_SMALL.into()) }
                });
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                (self.emit)(Event::Preparing { what: what.into(), done, total: total as u64 });
                known
            })
            .collect();
        if self.stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted { epoch: 1, step: 0 });
        }
        let mut examples = Vec::with_capacity(total);
        let (mut small, mut failed) = (0, Vec::new());
        for found in found {
            match found {
                Ok(known) => examples.push(known),
                Err(e) if e == TOO_SMALL => small += 1,
                Err(e) => failed.push(e),
            }
        }
        if small > 0 {
            let side = self.plan.net.input.h * self.plan.net.scale;
            (self.emit)(Event::Note(format!(
                "{small} of {total} are smaller than {side} pixels, or don't match their clean picture, and are left out"
            )));
        }
        if let Some(first) = failed.first() {
            (self.emit)(Event::Note(format!(
                "{} of {total} can't be read and are left out; the first: {first}",
                failed.len()
            )));
        }
        if examples.len() < 2 {
            return Err(TrainError::Data(format!(
                "{} of {total} inputs can be used, at least 2 are needed: one to learn from, one to judge by",
                examples.len()
            )));
        }
        Ok(examples)
    }
}

const TOO_SMALL: &str = "too small";

/// The labels of a list's column as numbers, in the order of their texts.
fn labels(input: &InputPlan, inputs: &[Input], label: Option<&str>) -> Vec<Option<u32>> {
    let Some(column) = label.and_then(|l| input.carried.iter().position(|c| c.name == l)) else {
        return vec![None; inputs.len()];
    };
    let text = |input: &Input| match input.carried.get(column) {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(Value::Int(v)) => Some(v.to_string()),
        Some(Value::Float(v)) => Some(v.to_string()),
        Some(Value::Bool(v)) => Some(v.to_string()),
        _ => None,
    };
    let texts: Vec<Option<String>> = inputs.iter().map(text).collect();
    let mut numbers: BTreeMap<&str, u32> = texts.iter().flatten().map(|t| (t.as_str(), 0)).collect();
    numbers.values_mut().zip(0..).for_each(|(number, i)| *number = i);
    texts.iter().map(|t| t.as_ref().and_then(|t| numbers.get(t.as_str()).copied())).collect()
}

fn picture(input: &Input, max_pixels: u64) -> Result<Image, String> {
    match &input.origin {
        Origin::File(path) => decode(path, max_pixels),
        Origin::Made(made) => Ok(made.decoded(made.render().0).image),
    }
}

/// The picture of a file, upright.
fn decode(path: &Path, max_pixels: u64) -> Result<Image, String> {
    let (bytes, _) = read_unchanged(path).map_err(|e| e.to_string())?;
    let limits = Limits { max_pixels, max_bytes: u64::MAX };
    let decoded = codec::decode(&bytes, path, &limits).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(upright(decoded.image, decoded.meta.orientation))
}

/// The picture in gray or colour, without alpha, with integer samples.
fn with_channels(image: &Image, channels: usize) -> Image {
    let mut image = match (image.channels, channels) {
        (1, 3) => gray_to_rgb(image),
        (3, 1) => to_gray(image),
        _ => image.clone(),
    };
    image.alpha = None;
    if image.depth() == Depth::F32 {
        let mut whole = Image::new(image.width, image.height, image.channels, Depth::U16);
        (0..image.samples.len()).for_each(|i| whole.samples.set(i, image.samples.get(i)));
        image = whole;
    }
    image
}
