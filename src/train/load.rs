//! Reads what is learned from into memory.

use super::data::{Drawing, Example, Known, Loaded};
use super::event::Event;
use super::inventory::{Inventory, Pictures, groups};
use super::settings::{Data, TrainPlan, Written};
use super::{TrainError, vectors};
use crate::codec::{self, CodecError, Header, Limits};
use crate::error::{ItemError, panic_text};
use crate::image::crop::{Rect, crop};
use crate::image::gray::{gray_to_rgb, to_gray};
use crate::image::orient::upright;
use crate::image::{Depth, Image};
use crate::inputs::{Input, Origin, read_unchanged};
use crate::memory::mib;
use crate::random::{Rng, seed_of};
use crate::shown::Show;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Loads all of it. Files that can't be read, or are too small, are left out and told.
pub(super) fn load(
    plan: &TrainPlan,
    listed: &Inventory,
    drawing: &Drawing,
    stop: &AtomicBool,
    emit: &(dyn Fn(Event) + Sync),
) -> Result<Loaded, TrainError> {
    let cost = |header| Cost::of(drawing, header);
    let read = |costs: &[&[Cost]]| {
        Ok::<_, TrainError>(Reading { plan, room: room(plan, costs)?, drawing, stop, emit })
    };
    match &plan.data {
        Data::Pictures { inputs, test, .. } => {
            let of = |pictures: &Pictures| -> Vec<Cost> {
                pictures.inputs.par_iter().map(|input| cost(input.header())).collect()
            };
            let own: Vec<Vec<Cost>> = listed.inputs.iter().map(of).collect();
            let tests = of(&listed.test);
            let read = read(&own.iter().chain([&tests]).map(|costs| &costs[..]).collect::<Vec<_>>())?;
            // All count their groups alike.
            let groups = groups(listed.inputs.iter().chain([&listed.test]).flat_map(|p| &p.labels));
            let tested =
                test.is_some().then(|| read.pictures(&listed.test, &tests, &groups, 1)).transpose()?;
            let (mut examples, mut parts) = (Vec::new(), Vec::new());
            for (i, (mixed, costs)) in inputs.iter().zip(&own).enumerate() {
                let found = read.pictures(&listed.inputs[i], costs, &groups, 2).map_err(|e| match e {
                    TrainError::Data(what) if inputs.len() > 1 => {
                        TrainError::Data(format!("input {i}, {}: {what}", mixed.name()))
                    }
                    e => e,
                })?;
                parts.push((found.len(), mixed.weight));
                examples.extend(found);
            }
            Ok(Loaded { examples, held: Vec::new(), test: tested.unwrap_or_default(), parts, scaling: None })
        }
        Data::Pairs { pairs, validation, test, root } => {
            let of = |pairs: &[Written]| -> Vec<Cost> {
                let header = |path: &Path| {
                    let file = std::fs::File::open(root.join(path)).ok()?;
                    codec::probe(std::io::BufReader::new(file), path).ok()
                };
                let both = |pair: &Written| cost(header(&pair.noisy)).and(cost(header(&pair.clean)));
                pairs.par_iter().map(both).collect()
            };
            let of = [of(pairs), of(validation), of(test)];
            let read = read(&[&of[0], &of[1], &of[2]])?;
            let examples = read.pairs(pairs, root, &of[0], if validation.is_empty() { 2 } else { 1 })?;
            Ok(Loaded {
                parts: vec![(examples.len(), 1.0)],
                examples,
                held: read.pairs(validation, root, &of[1], 1)?,
                test: read.pairs(test, root, &of[2], 1)?,
                scaling: None,
            })
        }
        Data::Vectors { source } => vectors::load(source, plan),
    }
}

/// Bytes that an example takes.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// In memory, whole.
    kept: u64,
    /// While it is read.
    reading: u64,
}

impl Cost {
    /// Of a picture with this header; nothing where it can't be read.
    fn of(drawing: &Drawing, header: Option<Header>) -> Cost {
        let Some(header) = header else { return Cost::default() };
        let sample = drawing.input.c as u64 * if header.bit_depth > 8 { 2 } else { 1 };
        let full = u64::from(header.width) * u64::from(header.height) * sample;
        let (width, height) = drawing.kept_size((header.width as usize, header.height as usize));
        let kept = (width * height) as u64 * sample;
        // Turned upright and brought to its channels, a picture is there twice more.
        Cost { kept, reading: header.decode_bytes + 2 * full }
    }

    fn and(self, other: Cost) -> Cost {
        Cost { kept: self.kept + other.kept, reading: self.reading + other.reading }
    }
}

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Room {
    /// Share of each picture that is kept, so that all fit; decided by settings and files alone.
    share: f64,
    /// Bytes for reading them.
    reading: u64,
}

fn room(plan: &TrainPlan, costs: &[&[Cost]]) -> Result<Room, TrainError> {
    let total: u64 = costs.iter().copied().flatten().map(|cost| cost.kept).sum();
    // Whole pictures were made small, and can't be cut.
    let share = if plan.patch == 0 { 1.0 } else { (plan.keep as f64 / total.max(1) as f64).min(1.0) };
    let kept = (total as f64 * share) as u64;
    if kept >= plan.memory {
        let smaller = match plan.patch {
            0 => "give a smaller `train.patch`",
            _ => "give a smaller `train.keep`, of which a part of every picture is kept,",
        };
        return Err(TrainError::Data(format!(
            "the pictures would take {} MiB of memory, and {} MiB are left of limits.memory beside training; {smaller} or \
             raise limits.memory",
            mib(kept),
            mib(plan.memory)
        )));
    }
    Ok(Room { share, reading: plan.memory - kept })
}

/// The ends of runs of items that can be read at once: each takes no more than `most` together, or is one.
fn rounds(costs: &[Cost], most: u64) -> Vec<usize> {
    let (mut ends, mut sum) = (Vec::new(), 0);
    for (i, cost) in costs.iter().enumerate() {
        if sum > 0 && sum + cost.reading > most {
            ends.push(i);
            sum = 0;
        }
        sum += cost.reading;
    }
    ends.push(costs.len());
    ends
}

/// Why an example is left out.
#[derive(Debug, thiserror::Error)]
enum LeftOut {
    /// Smaller than a patch, or unlike its clean picture.
    #[error("too small")]
    TooSmall,
    /// Training was asked to stop before it was read.
    #[error("stopped")]
    Stopped,
    /// It could not be identified when it was listed.
    #[error(transparent)]
    Unknown(ItemError),
    /// It can't be read now.
    #[error("{}: {source}", path.shown())]
    Unread { path: PathBuf, source: ItemError },
    /// It is no picture.
    #[error("{}: {source}", path.shown())]
    Undecoded { path: PathBuf, source: CodecError },
    /// Its decoder panicked.
    #[error("internal error: {0}")]
    Panic(String),
}

struct Reading<'a> {
    plan: &'a TrainPlan,
    room: Room,
    drawing: &'a Drawing,
    stop: &'a AtomicBool,
    emit: &'a (dyn Fn(Event) + Sync),
}

impl Reading<'_> {
    fn pictures(
        &self,
        pictures: &Pictures,
        costs: &[Cost],
        groups: &BTreeMap<String, u32>,
        least: usize,
    ) -> Result<Vec<Known>, TrainError> {
        self.all("reading pictures", costs, least, |i| {
            let input = &pictures.inputs[i];
            let image = self.with_channels(&self.picture(input)?);
            let name = input.key().to_vec();
            let image = if self.drawing.whole {
                self.drawing.kept(&image)
            } else {
                let rect = self.kept((image.width, image.height), &name, 1);
                crop(&image, rect).unwrap_or(image)
            };
            let label = pictures.labels[i].as_ref().and_then(|l| groups.get(l).copied());
            Ok(Known { name, label, example: Example::Clean(image) })
        })
    }

    fn pairs(
        &self,
        pairs: &[Written],
        root: &Path,
        costs: &[Cost],
        least: usize,
    ) -> Result<Vec<Known>, TrainError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let scale = self.plan.net.scale;
        self.all("reading pairs", costs, least, |i| {
            let read = |path: &Path| Ok::<_, LeftOut>(self.with_channels(&self.decode(&root.join(path))?));
            let (noisy, clean) = (read(&pairs[i].noisy)?, read(&pairs[i].clean)?);
            // Patches and variants of one picture stay together.
            let name = pairs[i].source.clone().into_bytes();
            let r = self.kept((noisy.width, noisy.height), &name, scale);
            let large =
                Rect { x: r.x * scale, y: r.y * scale, width: r.width * scale, height: r.height * scale };
            let example = match (crop(&noisy, r), crop(&clean, large)) {
                (Some(a), Some(b)) if self.room.share < 1.0 => Example::Pair(a, b),
                _ => Example::Pair(noisy, clean),
            };
            Ok(Known { name, label: None, example })
        })
    }

    /// Which part of a picture is kept.
    fn kept(&self, (width, height): (usize, usize), name: &[u8], scale: usize) -> Rect {
        let least = self.plan.net.input.h * self.plan.net.scale / scale;
        let side =
            |full: usize| ((full as f64 * self.room.share.sqrt()) as usize).clamp(least.min(full), full);
        let (w, h) = (side(width), side(height));
        let mut rng = Rng::new(seed_of(self.plan.seed, name, 0, &[1]));
        Rect { x: rng.index(width - w + 1), y: rng.index(height - h + 1), width: w, height: h }
    }

    /// Reads examples that cost this with all threads, leaves out what can't be used, and tells how many and why.
    fn all(
        &self,
        what: &str,
        costs: &[Cost],
        least: usize,
        read: impl Fn(usize) -> Result<Known, LeftOut> + Sync,
    ) -> Result<Vec<Known>, TrainError> {
        let total = costs.len();
        let done = AtomicU64::new(0);
        let one = |i: usize| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(LeftOut::Stopped);
            }
            // A decoder that panics is one bad file.
            let known = catch_unwind(AssertUnwindSafe(|| read(i)))
                .unwrap_or_else(|panic| Err(LeftOut::Panic(panic_text(panic.as_ref()).to_string())));
            let fits = known.and_then(|known| match self.drawing.fits(&known.example) {
                true => Ok(known),
                false => Err(LeftOut::TooSmall),
            });
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.emit)(Event::Preparing { what: what.into(), done, total: total as u64 });
            fits
        };
        let mut found: Vec<Result<Known, LeftOut>> = Vec::with_capacity(total);
        for end in rounds(costs, self.room.reading) {
            found.par_extend((found.len()..end).into_par_iter().map(one));
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(TrainError::STOPPED);
        }
        let mut examples = Vec::with_capacity(total);
        let (mut small, mut failed) = (0, Vec::new());
        for found in found {
            match found {
                Ok(known) => examples.push(known),
                Err(LeftOut::TooSmall) => small += 1,
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

    fn picture(&self, input: &Input) -> Result<Image, LeftOut> {
        input.identity.as_ref().map_err(|e| LeftOut::Unknown(e.clone()))?;
        match &input.origin {
            Origin::File(path) => self.decode(path),
            Origin::Made(made) => Ok(made.decoded(made.render().0).image),
        }
    }

    /// The picture of a file, upright.
    fn decode(&self, path: &Path) -> Result<Image, LeftOut> {
        let unread = |source| LeftOut::Unread { path: path.to_path_buf(), source };
        let (bytes, ..) = read_unchanged(path).map_err(unread)?;
        let limits = Limits { max_pixels: self.plan.pixels, max_bytes: self.room.reading, strict: false };
        let undecoded = |source| LeftOut::Undecoded { path: path.to_path_buf(), source };
        let decoded = codec::decode(&bytes, path, &limits).map_err(undecoded)?;
        Ok(upright(decoded.image, decoded.meta.orientation))
    }

    /// The picture in the network's channels, without alpha, with integer samples.
    fn with_channels(&self, image: &Image) -> Image {
        let mut image = match (image.channels, self.plan.net.input.c) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_once_fits() {
        let costs =
            |bytes: &[u64]| -> Vec<Cost> { bytes.iter().map(|&reading| Cost { kept: 0, reading }).collect() };
        assert_eq!(rounds(&costs(&[5, 5, 1, 12, 3, 0, 7, 8]), 10), [2, 3, 4, 7, 8]);
        assert_eq!(rounds(&costs(&[12]), 10), [1]);
        assert_eq!(rounds(&costs(&[]), 10), [0]);
    }
}
