//! `patches`: square parts of the picture, on a grid or at random.

use crate::columns::{Column, ColumnType, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::image::gray::luma;
use crate::pipeline::{Action, Build, Built, Chance, ManyStep, Pieces, Sample, Shape};
use crate::random::Rng;
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};
use std::collections::HashSet;

/// Random places tried for each patch wanted.
const TRIES: usize = 10;

words! {
    /// Where patches lie.
    pub(super) enum Mode {
        /// Every so many pixels.
        Grid = "grid",
        /// Anywhere.
        Random = "random",
    }
}

params! {
    /// Parameters of `patches`.
    pub(super) struct Params {
        /// Side in pixels (of the clean picture, where there is one).
        size: usize [Kind::Int { min: 1, max: 16_384 }],
        /// `grid` takes every `stride` pixels, `random` draws places.
        mode: Mode = "grid",
        /// Pixels from one to the next on the grid; the size when absent.
        stride: Given<Option<usize>> [Kind::Int { min: 1, max: 16_384 }],
        /// How many one picture gives at most: on the grid a random choice of them (all when absent), at random
        /// as many as are drawn (16 when absent).
        max: Option<usize> [Kind::Int { min: 1, max: 1_000_000 }],
        /// Leaves out flat parts: the least standard deviation of luma, on the 0 to 255 scale.
        min_contrast: f64 [Kind::Float { min: 0.0, max: 127.5 }] = "0",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "patches",
    version: 1,
    doc: "Makes a sample of each of many square parts of the picture, turned upright first, with the columns \
          `patch`, `patch_x` and `patch_y` (top left corner in the clean picture). A picture smaller than a patch \
          gives none.",
    role: Role::Many,
    params: Params::TABLE,
    shorthand: Some("size"),
    example: "- patches: {size: 128, mode: random, max: 32, min_contrast: 4}",
};

#[derive(Debug)]
struct Patches {
    size: usize,
    random: bool,
    stride: usize,
    max: Option<usize>,
    min_contrast: f64,
    chance: Chance,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { size, mode, stride, max, min_contrast } = params;
    let random = mode == Mode::Random;
    if random && stride.is_some() {
        let help = "leave it out, or take `mode: grid`".to_string();
        return Err(stride.error("`mode: random` has no stride", Some(help)).into());
    }
    Ok(Built::from(Action::Many(Box::new(Patches {
        size,
        random,
        stride: stride.unwrap_or(size),
        max,
        min_contrast: min_contrast / 255.0,
        chance: build.chance(),
    }))))
}

impl Patches {
    /// Top left corners in the clean picture, in the order of the patches' numbers.
    fn corners(&self, clean: &Image, step: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
        let (Some(right), Some(bottom)) =
            (clean.width.checked_sub(self.size), clean.height.checked_sub(self.size))
        else {
            return Vec::new();
        };
        let textured = Contrast::of(clean, self.min_contrast);
        let keep = |&(x, y): &(usize, usize)| textured.enough(x, y, self.size);
        if self.random {
            let wanted = self.max.unwrap_or(16);
            // Corners fall on pixels of the corrupted picture too.
            let draw = |_| (rng.index(right / step + 1) * step, rng.index(bottom / step + 1) * step);
            let mut drawn = HashSet::new();
            let new = |corner: &(usize, usize)| drawn.insert(*corner);
            return (0..wanted * TRIES).map(draw).filter(new).filter(keep).take(wanted).collect();
        }
        let stride = self.stride.next_multiple_of(step);
        let rows = (0..=bottom).step_by(stride);
        let mut all: Vec<_> =
            rows.flat_map(|y| (0..=right).step_by(stride).map(move |x| (x, y))).filter(keep).collect();
        if let Some(max) = self.max.filter(|max| *max < all.len()) {
            rng.shuffle(&mut all);
            all.truncate(max);
            all.sort_unstable_by_key(|&(x, y)| (y, x));
        }
        all
    }
}

/// Standard deviations of any square of luma, by sums over all above and to the left.
struct Contrast {
    least: f64,
    width: usize,
    sums: Vec<(f64, f64)>,
}

impl Contrast {
    fn of(image: &Image, least: f64) -> Contrast {
        let width = image.width + 1;
        if least <= 0.0 {
            return Contrast { least, width, sums: Vec::new() };
        }
        let mut sums = vec![(0.0, 0.0); width * (image.height + 1)];
        for (y, row) in luma(image).chunks_exact(image.width).enumerate() {
            let mut run = (0.0, 0.0);
            for (x, value) in row.iter().map(|v| f64::from(*v)).enumerate() {
                run = (run.0 + value, run.1 + value * value);
                let above = sums[y * width + x + 1];
                sums[(y + 1) * width + x + 1] = (above.0 + run.0, above.1 + run.1);
            }
        }
        Contrast { least, width, sums }
    }

    fn enough(&self, x: usize, y: usize, size: usize) -> bool {
        if self.sums.is_empty() {
            return true;
        }
        let at = |x: usize, y: usize| self.sums[y * self.width + x];
        let (a, b, c, d) = (at(x, y), at(x + size, y), at(x, y + size), at(x + size, y + size));
        let count = (size * size) as f64;
        let mean = (d.0 - b.0 - c.0 + a.0) / count;
        let variance = (d.1 - b.1 - c.1 + a.1) / count - mean * mean;
        variance.max(0.0).sqrt() >= self.least
    }
}

impl ManyStep for Patches {
    fn split(&self, mut sample: Sample) -> Result<Pieces<'_>, ItemError> {
        sample.make_upright();
        let ratio = sample.ratio()?;
        let clean = sample.reference.as_ref().unwrap_or(&sample.image);
        if !self.size.is_multiple_of(ratio) {
            let message = format!(
                "patches of {} pixels don't fit a picture {ratio} times smaller than its clean one; take a multiple",
                self.size
            );
            return Err(ItemError::new(ErrorKind::Unsupported, message));
        }
        let mut rng = Rng::new(self.chance.seed(&sample));
        let corners = self.corners(clean, ratio, &mut rng);
        Ok(Box::new(corners.into_iter().enumerate().map(move |(number, (x, y))| {
            let cut = |image: &Image, by: usize| {
                let size = self.size / by;
                crop(image, Rect { x: x / by, y: y / by, width: size, height: size })
                    .ok_or_else(|| ItemError::new(ErrorKind::Unsupported, "a patch lies outside the picture"))
            };
            let number = number as u32;
            let mut place = sample.place.clone();
            place.numbers.push(number);
            place.patch = Some(number);
            let image = cut(&sample.image, ratio)?;
            let mut meta = sample.meta.clone();
            meta.moved();
            meta.for_size(image.width, image.height);
            let reference = sample.reference.as_ref().map(|r| cut(r, 1)).transpose()?;
            let piece = Sample {
                relative: sample.relative.clone(),
                hash: sample.hash,
                image,
                reference,
                place,
                meta,
                source: sample.source.clone(),
                exif: sample.exif.clone(),
                notes: Vec::new(),
                observed: sample.observed.clone(),
                further: None,
            };
            let int = |v: usize| Value::Int(i64::try_from(v).unwrap_or(i64::MAX));
            Ok((piece, vec![Value::Int(number.into()), int(x), int(y)]))
        })))
    }

    fn columns(&self) -> Vec<Column> {
        ["patch", "patch_x", "patch_y"].map(|name| Column::new(name, ColumnType::Int)).to_vec()
    }

    fn shape(&self, shape: Shape) -> Shape {
        let size = self.size as u64;
        Shape { width: size.min(shape.width), height: size.min(shape.height), ..shape }
    }

    fn count(&self, shape: Shape) -> u64 {
        let along = |side: u64| match side.checked_sub(self.size as u64) {
            Some(rest) => rest / self.stride as u64 + 1,
            None => 0,
        };
        let max = self.max.map(|max| max as u64);
        if self.random {
            max.unwrap_or(16)
        } else {
            (along(shape.width) * along(shape.height)).min(max.unwrap_or(u64::MAX))
        }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        let sums = if self.min_contrast > 0.0 { 20 * (shape.width + 1) * (shape.height + 1) } else { 0 };
        // Turning upright takes a copy.
        2 * shape.bytes() + sums + 2 * self.shape(shape).bytes() + 16 * self.count(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    fn patches(random: bool, stride: usize, max: Option<usize>, min_contrast: f64) -> Patches {
        let chance = Chance { seed: 1, ordinal: 0 };
        Patches { size: 8, random, stride, max, min_contrast, chance }
    }

    fn half_flat() -> Image {
        let mut image = Image::new(32, 16, 1, Depth::U8);
        for i in (0..32 * 16).filter(|i| i % 32 >= 16) {
            image.samples.set(i, if i % 2 == 0 { 0.2 } else { 0.8 });
        }
        image
    }

    #[test]
    fn the_grid_covers_and_is_capped() {
        let image = half_flat();
        let all = patches(false, 8, None, 0.0).corners(&image, 1, &mut Rng::new(1));
        assert_eq!(all, [(0, 0), (8, 0), (16, 0), (24, 0), (0, 8), (8, 8), (16, 8), (24, 8)]);
        let some = patches(false, 8, Some(3), 0.0).corners(&image, 1, &mut Rng::new(1));
        assert_eq!(some.len(), 3);
        assert!(some.is_sorted_by_key(|&(x, y)| (y, x)) && some.iter().all(|c| all.contains(c)));
        assert_eq!(patches(false, 5, None, 0.0).corners(&image, 1, &mut Rng::new(1)).len(), 5 * 2);
    }

    #[test]
    fn flat_parts_are_left_out() {
        let image = half_flat();
        let kept = patches(false, 8, None, 0.2).corners(&image, 1, &mut Rng::new(1));
        assert_eq!(kept, [(16, 0), (24, 0), (16, 8), (24, 8)]);
        let drawn = patches(true, 8, Some(20), 0.2).corners(&image, 1, &mut Rng::new(1));
        assert!(drawn.len() == 20 && drawn.iter().all(|&(x, y)| x > 8 && x <= 24 && y <= 8), "{drawn:?}");
    }

    #[test]
    fn a_place_is_drawn_once() {
        let image = Image::new(8, 9, 1, Depth::U8);
        let mut drawn = patches(true, 8, Some(16), 0.0).corners(&image, 1, &mut Rng::new(1));
        drawn.sort_unstable();
        assert_eq!(drawn, [(0, 0), (0, 1)]);
    }

    #[test]
    fn a_small_picture_gives_none() {
        let image = Image::new(7, 30, 1, Depth::U8);
        assert!(patches(false, 8, None, 0.0).corners(&image, 1, &mut Rng::new(1)).is_empty());
        assert!(patches(true, 8, None, 0.0).corners(&image, 1, &mut Rng::new(1)).is_empty());
    }
}
