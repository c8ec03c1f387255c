//! Reads what is learned from into memory.

use super::data::{Drawing, Example, Known, split};
use super::event::Event;
use super::settings::{Data, TrainPlan, Vectors};
use super::{TrainError, blobs, vectors};
use crate::codec::{self, Limits};
use crate::columns::Value;
use crate::error::panic_text;
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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Everything in memory.
pub(super) struct Loaded {
    /// What is learned from, and judged by where `held` is empty; sorted by name.
    pub examples: Vec<Known>,
    /// What it is judged by, where that was decided before.
    pub held: Vec<Known>,
    /// What only the final figures are taken from.
    pub test: Vec<Known>,
    /// Lowest number and span of each column of vectors, which were brought to \[0, 1\] by them.
    pub scaling: Option<(Vec<f32>, Vec<f32>)>,
}

/// Loads all of it. Files that can't be read, or are too small, are left out and told.
pub(super) fn load(
    plan: &TrainPlan,
    drawing: &Drawing,
    stop: &AtomicBool,
    emit: &(dyn Fn(Event) + Sync),
) -> Result<Loaded, TrainError> {
    let read = Reading { plan, channels: plan.net.input.c, drawing, stop, emit };
    match &plan.data {
        Data::Pictures { input, test, label, .. } => {
            let listed = |input: &InputPlan| {
                let inputs = inputs::list(input);
                let labels = labels(input, &inputs, label.as_deref());
                (inputs, labels)
            };
            let (input, test) = (listed(input), test.as_ref().map(listed));
            // Both count their groups alike.
            let groups = groups(input.1.iter().chain(test.iter().flat_map(|t| &t.1)));
            let test =
                test.map(|(inputs, labels)| read.pictures(&inputs, &labels, &groups, 1)).transpose()?;
            Ok(Loaded {
                examples: read.pictures(&input.0, &input.1, &groups, 2)?,
                held: Vec::new(),
                test: test.unwrap_or_default(),
                scaling: None,
            })
        }
        Data::Pairs { pairs, validation, test, root } => Ok(Loaded {
            examples: read.pairs(pairs, root, if validation.is_empty() { 2 } else { 1 })?,
            held: read.pairs(validation, root, 1)?,
            test: read.pairs(test, root, 1)?,
            scaling: None,
        }),
        Data::Vectors { source } => vectors_of(source, plan),
    }
}

fn vectors_of(source: &Vectors, plan: &TrainPlan) -> Result<Loaded, TrainError> {
    let (mut rows, width, labels) = match source {
        Vectors::Parquet { files, column, label } => {
            vectors::read(files, column, label.as_deref()).map_err(TrainError::Data)?
        }
        Vectors::Blobs(b) => {
            let (points, labels) = blobs::make_blobs(b.count, b.dimensions, b.centres, b.deviation, b.seed);
            let labels = labels.into_iter().map(|l| Some(l.to_string())).collect();
            (points.iter().map(|v| *v as f32).collect(), b.dimensions, labels)
        }
    };
    if width != plan.net.input.c {
        let wanted = plan.net.input.c;
        return Err(TrainError::Data(format!(
            "the vectors have {width} numbers where {wanted} were planned"
        )));
    }
    let count = rows.len() / width;
    if count < 2 {
        return Err(TrainError::Data(format!("{count} vectors are too few: at least 2 are needed")));
    }
    let (kept, held) = match source {
        Vectors::Blobs(b) => blobs::train_test_split(count, plan.validation, b.seed),
        Vectors::Parquet { .. } => {
            let names: Vec<[u8; 8]> = (0..count).map(name_of).collect();
            split(&names.iter().map(|n| &n[..]).collect::<Vec<_>>(), plan.validation, plan.seed)
        }
    };
    let scaling = scale(&mut rows, width, &kept);
    let groups = groups(labels.iter());
    let known = |i: &usize| Known {
        name: name_of(*i).to_vec(),
        label: labels[*i].as_ref().and_then(|l| groups.get(l).copied()),
        example: Example::Vector(rows[i * width..][..width].to_vec()),
    };
    let take = |indices: &[usize]| indices.iter().map(known).collect();
    Ok(Loaded { examples: take(&kept), held: take(&held), test: Vec::new(), scaling: Some(scaling) })
}

fn name_of(row: usize) -> [u8; 8] {
    (row as u64).to_le_bytes()
}

/// Brings every column to \[0, 1\], as the rows of `by` span it; gives the lowest numbers and the spans.
fn scale(rows: &mut [f32], width: usize, by: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (mut lows, mut spans) = (Vec::with_capacity(width), Vec::with_capacity(width));
    for column in 0..width {
        let values = || by.iter().map(|row| rows[row * width + column]);
        let low = values().fold(f32::INFINITY, f32::min);
        let high = values().fold(f32::NEG_INFINITY, f32::max);
        let span = if high > low { high - low } else { 1.0 };
        rows.iter_mut().skip(column).step_by(width).for_each(|v| *v = (*v - low) / span);
        lows.push(low);
        spans.push(span);
    }
    (lows, spans)
}

struct Reading<'a> {
    plan: &'a TrainPlan,
    channels: usize,
    drawing: &'a Drawing,
    stop: &'a AtomicBool,
    emit: &'a (dyn Fn(Event) + Sync),
}

impl Reading<'_> {
    fn pictures(
        &self,
        inputs: &[Input],
        labels: &[Option<String>],
        groups: &BTreeMap<String, u32>,
        least: usize,
    ) -> Result<Vec<Known>, TrainError> {
        let sizes: Vec<f64> = inputs.par_iter().map(|i| i.header().map_or(0.0, |h| self.bytes(&h))).collect();
        let share = (self.plan.keep as f64 / sizes.iter().sum::<f64>().max(1.0)).min(1.0);
        self.all("reading pictures", inputs.len(), least, |i| {
            let image = with_channels(&picture(&inputs[i], self.plan)?, self.channels);
            let name = inputs[i].key().to_vec();
            let image = if self.drawing.whole {
                self.drawing.whole_of(&image)
            } else {
                let rect = self.kept((image.width, image.height), &name, share, 1);
                crop(&image, rect).unwrap_or(image)
            };
            let label = labels[i].as_ref().and_then(|l| groups.get(l).copied());
            Ok(Known { name, label, example: Example::Clean(image) })
        })
    }

    fn pairs(
        &self,
        pairs: &[(PathBuf, PathBuf)],
        root: &Path,
        least: usize,
    ) -> Result<Vec<Known>, TrainError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let header = |path: &Path| {
            let file = std::fs::File::open(root.join(path)).ok()?;
            codec::probe(std::io::BufReader::new(file), path).ok()
        };
        let size = |path: &Path| header(path).map_or(0.0, |h| self.bytes(&h));
        let sizes: Vec<f64> = pairs.par_iter().map(|(noisy, clean)| size(noisy) + size(clean)).collect();
        let share = (self.plan.keep as f64 / sizes.iter().sum::<f64>().max(1.0)).min(1.0);
        let scale = self.plan.net.scale;
        self.all("reading pairs", pairs.len(), least, |i| {
            let (noisy, clean) = &pairs[i];
            let read = |path: &Path| {
                Ok::<_, String>(with_channels(&decode(&root.join(path), self.plan)?, self.channels))
            };
            // Patches and variants of one picture stay together.
            let name = source_of(clean);
            let (noisy, clean) = (read(noisy)?, read(clean)?);
            let r = self.kept((noisy.width, noisy.height), &name, share, scale);
            let large =
                Rect { x: r.x * scale, y: r.y * scale, width: r.width * scale, height: r.height * scale };
            let example = match (crop(&noisy, r), crop(&clean, large)) {
                (Some(a), Some(b)) if share < 1.0 => Example::Pair(a, b),
                _ => Example::Pair(noisy, clean),
            };
            Ok(Known { name, label: None, example })
        })
    }

    /// Bytes that a picture takes in memory.
    fn bytes(&self, header: &codec::Header) -> f64 {
        let each = if header.bit_depth > 8 { 2.0 } else { 1.0 };
        f64::from(header.width) * f64::from(header.height) * self.channels as f64 * each
    }

    /// Which part of a picture is kept, so that all fit; the share is decided by settings and files alone.
    fn kept(&self, (width, height): (usize, usize), name: &[u8], share: f64, scale: usize) -> Rect {
        let least = self.plan.net.input.h * self.plan.net.scale / scale;
        let side = |full: usize| ((full as f64 * share.sqrt()) as usize).clamp(least.min(full), full);
        let (w, h) = (side(width), side(height));
        let mut rng = Rng::new(seed_of(self.plan.seed, name, 0, &[1]));
        Rect { x: rng.index(width - w + 1), y: rng.index(height - h + 1), width: w, height: h }
    }

    /// Reads `total` examples with all threads, leaves out what can't be used, and tells how many and why.
    fn all(
        &self,
        what: &str,
        total: usize,
        least: usize,
        read: impl Fn(usize) -> Result<Known, String> + Sync,
    ) -> Result<Vec<Known>, TrainError> {
        let done = AtomicU64::new(0);
        let one = |i: usize| {
            if self.stop.load(Ordering::Relaxed) {
                return Err("stopped".into());
            }
            // A decoder that panics is one bad file.
            let known = catch_unwind(AssertUnwindSafe(|| read(i)))
                .unwrap_or_else(|panic| Err(format!("internal error: {}", panic_text(panic.as_ref()))));
            let fits = known.and_then(|known| match self.drawing.fits(&known.example) {
                true => Ok(known),
                false => Err(TOO_SMALL.into()),
            });
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.emit)(Event::Preparing { what: what.into(), done, total: total as u64 });
            fits
        };
        let found: Vec<Result<Known, String>> = (0..total).into_par_iter().map(one).collect();
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
        let note = |text: String| (self.emit)(Event::Note(text));
        if small > 0 {
            let side = self.plan.net.input.h * self.plan.net.scale;
            note(format!(
                "{small} of {total} are smaller than {side} pixels, or don't match their clean picture, and are left out"
            ));
        }
        if let Some(first) = failed.first() {
            note(format!("{} of {total} can't be read and are left out; the first: {first}", failed.len()));
        }
        if examples.len() < least {
            return Err(TrainError::Data(format!(
                "{} of {total} inputs can be used, at least {least} are needed",
                examples.len()
            )));
        }
        Ok(examples)
    }
}

const TOO_SMALL: &str = "too small";

/// The path of the clean picture without the number of a patch: what is made of one picture is of one name.
fn source_of(clean: &Path) -> Vec<u8> {
    let stem = clean.file_stem().map(|s| s.as_bytes().to_vec()).unwrap_or_default();
    let digits = stem.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let cut = stem.len() - digits;
    let stem = if digits == 4 && cut > 1 && stem[cut - 1] == b'_' { &stem[..cut - 1] } else { &stem[..] };
    let folder = clean.parent().map(|p| p.as_os_str().as_bytes()).unwrap_or_default();
    [folder, b"/", stem].concat()
}

/// The texts of a list's column that tells groups apart.
fn labels(input: &InputPlan, inputs: &[Input], label: Option<&str>) -> Vec<Option<String>> {
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
    inputs.iter().map(text).collect()
}

/// A number for each text, in their order.
fn groups<'a>(texts: impl Iterator<Item = &'a Option<String>>) -> BTreeMap<String, u32> {
    let mut groups: BTreeMap<String, u32> = texts.flatten().map(|t| (t.clone(), 0)).collect();
    groups.values_mut().zip(0..).for_each(|(group, i)| *group = i);
    groups
}

fn picture(input: &Input, plan: &TrainPlan) -> Result<Image, String> {
    input.identity.as_ref().map_err(ToString::to_string)?;
    match &input.origin {
        Origin::File(path) => decode(path, plan),
        Origin::Made(made) => Ok(made.decoded(made.render().0).image),
    }
}

/// The picture of a file, upright.
fn decode(path: &Path, plan: &TrainPlan) -> Result<Image, String> {
    let (bytes, _) = read_unchanged(path).map_err(|e| e.to_string())?;
    // Every thread may decode one.
    let max_bytes = (plan.memory / plan.threads.max(1) as u64).max(1);
    let limits = Limits { max_pixels: plan.pixels, max_bytes };
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

/// A digest of what would be read: names, sizes and times, without reading it.
pub(super) fn digest(data: &Data) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut file = |path: &Path| {
        let meta = std::fs::metadata(path);
        let stamp = meta.map(|m| (m.len(), crate::store::mtime_ns(&m))).ok();
        hasher.update(format!("{path:?} {stamp:?}\n").as_bytes());
    };
    match data {
        Data::Pairs { pairs, validation, root, .. } => {
            for (noisy, clean) in pairs.iter().chain(validation) {
                [noisy, clean].into_iter().for_each(|p| file(&root.join(p)));
            }
        }
        Data::Vectors { source: Vectors::Parquet { files, .. } } => files.iter().for_each(|f| file(f)),
        Data::Vectors { source: Vectors::Blobs(_) } => {}
        Data::Pictures { input, .. } => {
            for input in inputs::list(input) {
                let identity = input.identity.as_ref().ok().map(|i| (i.size, i.mtime_ns));
                hasher.update(format!("{:?} {identity:?}\n", input.relative).as_bytes());
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_one_picture_have_one_name() {
        let name = |path: &str| String::from_utf8(source_of(Path::new(path))).unwrap();
        assert_eq!(name("train/clean/a/b_0012.png"), name("train/clean/a/b_0001.png"));
        assert_eq!(name("train/clean/a/b_0012.png"), "train/clean/a/b");
        assert_eq!(name("clean/IMG_12345.png"), "clean/IMG_12345");
        assert_eq!(name("_0001.png"), "/_0001");
    }

    #[test]
    fn groups_are_counted_over_both_lists() {
        let some = |texts: &[&str]| texts.iter().map(|t| Some((*t).to_string())).collect::<Vec<_>>();
        let (train, test) = (some(&["c", "a", "b"]), [vec![None], some(&["c"])].concat());
        let groups = groups(train.iter().chain(&test));
        assert_eq!((groups["a"], groups["b"], groups["c"], groups.len()), (0, 1, 2, 3));
    }

    #[test]
    fn columns_are_scaled_by_the_rows_learned_from() {
        let mut rows = [1.0, 5.0, 3.0, 5.0, 9.0, 5.0];
        let (lows, spans) = scale(&mut rows, 2, &[0, 1]);
        assert_eq!((lows, spans), (vec![1.0, 5.0], vec![2.0, 1.0]));
        assert_eq!(rows, [0.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
    }
}
