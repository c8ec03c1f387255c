//! What is learned from, in memory: clean pictures, pairs or vectors, and the pairs that are drawn from them.

use super::augment::Augment;
use super::net::Size;
use super::step::Pair;
use super::views;
use crate::corrupt::{Context, Frame, Recipe, RecipeError};
use crate::image::crop::{Rect, crop};
use crate::image::orient::upright;
use crate::image::resize::{Filter, resize};
use crate::image::{Depth, Image};
use crate::random::{Rng, seed_of};
use crate::shown::Show;

/// Validation patches in all, at least one of each picture.
pub(super) const VALIDATION: usize = 256;
/// Most validation patches of one picture.
pub(super) const OF_ONE: usize = 16;

/// A picture, or a pair of them, or a vector.
#[derive(Clone, Debug)]
pub(super) enum Example {
    /// A clean picture.
    Clean(Image),
    /// A corrupted picture and its clean one, whose sides are whole multiples.
    Pair(Image, Image),
    /// A vector.
    Vector(Vec<f32>),
}

/// An example with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Relative path, or number: decides on which side of the split it falls.
    pub name: Vec<u8>,
    /// Which group it belongs to, if that is known.
    pub label: Option<u32>,
    /// The example.
    pub example: Example,
}

/// Why no pair can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A corruption can't be applied.
    #[error(transparent)]
    Corrupt(#[from] RecipeError),
    /// What is to be cut out is not all there.
    #[error("the patch leaves the picture")]
    Outside,
}

/// An example from which no pair can be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", name.shown())]
pub struct DrawError {
    /// Name of the example.
    pub name: Vec<u8>,
    /// Why it gives none.
    pub source: PairError,
}

/// Everything in memory.
pub(super) struct Loaded {
    /// What is learned from, and judged by where `held` is empty; sorted by name.
    pub examples: Vec<Known>,
    /// What it is judged by, where that was decided before.
    pub held: Vec<Known>,
    /// What only the final figures are taken from.
    pub test: Vec<Known>,
    /// How many of `examples` are of each input, in their order, and its weight; one where there are no inputs.
    pub parts: Vec<(usize, f64)>,
    /// Lowest number and span of each column of vectors, which were brought to \[0, 1\] by them; 0 where all are one.
    pub scaling: Option<(Vec<f32>, Vec<f32>)>,
}

impl Loaded {
    /// A digest of the names of what the weights depend on.
    pub(super) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.examples, &self.held] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            for known in part {
                hasher.update(&(known.name.len() as u64).to_le_bytes());
                hasher.update(&known.name);
            }
        }
        if let [_, _, ..] = &self.parts[..] {
            for (count, _) in &self.parts {
                hasher.update(&(*count as u64).to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// How pairs are made.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// The network's input.
    pub input: Size,
    /// How many times larger the target is.
    pub scale: usize,
    /// Whether whole pictures are taken, brought to the target's size.
    pub whole: bool,
    /// Whether patches are cut at random sizes up to the whole picture and made smaller.
    pub zoom: bool,
    /// Least share of a whole picture that a view of it shows, mirrored at random, if views are taken.
    pub crop: Option<f64>,
    /// How patches are varied.
    pub augment: Augment,
    /// Whether the input is clamped and rounded to 8 bits, as a file would be.
    pub rounded: bool,
    /// Makes the input of the clean patch.
    pub recipe: Option<Recipe>,
}

impl Drawing {
    /// Side of the clean patch.
    pub(super) fn target(&self) -> (usize, usize) {
        (self.input.w * self.scale, self.input.h * self.scale)
    }

    /// Whether patches can be cut from the example.
    pub(super) fn fits(&self, example: &Example) -> bool {
        let (width, height) = self.target();
        match example {
            Example::Clean(image) => self.whole || (image.width >= width && image.height >= height),
            Example::Pair(corrupted, clean) => {
                (corrupted.width * self.scale, corrupted.height * self.scale) == (clean.width, clean.height)
                    && (clean.width >= width && clean.height >= height)
            }
            Example::Vector(v) => v.len() == self.input.len(),
        }
    }

    /// A whole picture at the target's size.
    pub(super) fn whole_of(&self, image: &Image) -> Image {
        brought(image, self.target())
    }

    /// A picture as it is kept: no larger than what is drawn from it asks for.
    pub(super) fn kept(&self, image: &Image) -> Image {
        brought(image, self.kept_size((image.width, image.height)))
    }

    /// Draws a pair; all that is random follows from `seed`.
    ///
    /// # Errors
    /// When a corruption can't be applied, or the patch leaves the picture.
    pub(super) fn pair(&self, example: &Example, seed: u64) -> Result<Pair, PairError> {
        let mut rng = Rng::new(seed);
        let mirrored = self.crop.is_some() && !self.augment.turn && rng.chance(0.5);
        let turn = if mirrored { 2 } else { self.augment.turn(&mut rng) };
        let (width, height) = self.target();
        match example {
            Example::Vector(v) => Ok(Pair { input: v.clone(), target: v.clone() }),
            Example::Clean(image) => {
                let clean = upright(self.patch(image, &mut rng), turn);
                let mut frame = Frame::from_image(&clean);
                self.augment.vary(&mut frame, (width, height), &mut rng);
                let target = interleaved(&frame);
                if let Some(recipe) = &self.recipe {
                    let target = (self.input.w, self.input.h);
                    let mut context = Context { rng, clean: (width, height), target };
                    recipe.apply_open(&mut frame, &mut context)?;
                    frame.fit(target);
                }
                Ok(Pair { input: self.finished(frame), target })
            }
            Example::Pair(corrupted, clean) => {
                let s = self.scale;
                let x = rng.index(corrupted.width - self.input.w + 1);
                let y = rng.index(corrupted.height - self.input.h + 1);
                let cut = |image: &Image, k: usize| {
                    let rect = Rect { x: x * k, y: y * k, width: self.input.w * k, height: self.input.h * k };
                    crop(image, rect).map(|part| Frame::from_image(&upright(part, turn)))
                };
                let input = cut(corrupted, 1).ok_or(PairError::Outside)?;
                let target = cut(clean, s).ok_or(PairError::Outside)?;
                Ok(Pair { input: interleaved(&input), target: interleaved(&target) })
            }
        }
    }

    /// A patch of the target's size, or larger where it is to be made smaller.
    fn patch(&self, image: &Image, rng: &mut Rng) -> Image {
        let (width, height) = self.target();
        if let Some(least) = self.crop {
            return self.whole_of(&views::part(image, least, rng));
        }
        if self.whole {
            return self.whole_of(image);
        }
        if self.augment.rescales()
            && let Some(part) = self.augment.cut(image, (width, height), rng)
        {
            return part;
        }
        let most = (image.width as f64 / width as f64).min(image.height as f64 / height as f64).max(1.0);
        // Sizes are drawn evenly on a logarithmic scale.
        let zoom = if self.zoom { libm::exp(rng.unit() * libm::log(most)) } else { 1.0 };
        let (w, h) = ((width as f64 * zoom) as usize, (height as f64 * zoom) as usize);
        let (w, h) = (w.clamp(1, image.width), h.clamp(1, image.height));
        let x = rng.index(image.width - w + 1);
        let y = rng.index(image.height - h + 1);
        let part = crop(image, Rect { x, y, width: w, height: h });
        self.whole_of(part.as_ref().unwrap_or(image))
    }

    /// Its size then, of this size as a file.
    pub(super) fn kept_size(&self, (width, height): (usize, usize)) -> (usize, usize) {
        match self.whole {
            true if self.crop.is_some() => views::kept((width, height), self.target()),
            true => self.target(),
            false => (width, height),
        }
    }

    fn finished(&self, frame: Frame) -> Vec<f32> {
        if self.rounded {
            return interleaved(&Frame::from_image(&frame.to_image(Depth::U8)));
        }
        interleaved(&frame)
    }
}

fn brought(image: &Image, (width, height): (usize, usize)) -> Image {
    match (image.width, image.height) == (width, height) {
        true => image.clone(),
        false => resize(image, width, height, Filter::Area),
    }
}

/// Planes as `[row][column][channel]`.
fn interleaved(frame: &Frame) -> Vec<f32> {
    match &frame.planes[..] {
        [r, g, b] => {
            let mut all = Vec::with_capacity(3 * r.len());
            for i in 0..r.len() {
                all.extend([r[i], g[i], b[i]]);
            }
            all
        }
        planes => planes.concat(),
    }
}

/// Numbers `[row][column][channel]` in \[0, 1\] as a picture.
pub(super) fn picture(numbers: &[f32], size: Size) -> Image {
    let mut image = Image::new(size.w, size.h, size.c, Depth::U8);
    numbers.iter().enumerate().for_each(|(i, v)| image.samples.set(i, if v.is_finite() { *v } else { 0.0 }));
    image
}

/// The fixed draws that training is judged by: example and seed; of at most `most` examples.
pub(super) fn validation(examples: &[Known], held: &[usize], seed: u64, most: usize) -> Vec<(usize, u64)> {
    let vectors = examples.first().is_some_and(|k| matches!(k.example, Example::Vector(_)));
    let each = if vectors { 1 } else { (VALIDATION / held.len().max(1)).clamp(1, OF_ONE) };
    let draw = |i: usize, j: usize| (i, seed_of(seed, &examples[i].name, j + 1, &[]));
    spread(held, most).into_iter().flat_map(|i| (0..each).map(move |j| draw(i, j))).collect()
}

/// `most` of the members, evenly from first to last, or all.
pub(super) fn spread<T: Copy>(members: &[T], most: usize) -> Vec<T> {
    let count = members.len().min(most);
    (0..count).map(|i| members[i * members.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize) -> Image {
        let mut image = Image::new(width, height, 3, Depth::U8);
        (0..image.samples.len()).for_each(|i| image.samples.set(i, (i * 37 % 256) as f32 / 255.0));
        image
    }

    fn drawing(side: usize, scale: usize) -> Drawing {
        let input = Size::new(side, side, 3);
        let (whole, zoom, augment, rounded) = (false, false, Augment::NOTHING, false);
        Drawing { input, scale, whole, zoom, crop: None, augment, rounded, recipe: None }
    }

    #[test]
    fn both_sides_of_a_pair_show_the_same_place() {
        let clean = image(24, 30);
        let small = resize(&clean, 12, 15, Filter::Nearest);
        let pairs = Drawing { augment: Augment { turn: true, ..Augment::NOTHING }, ..drawing(4, 2) };
        for seed in 0..40 {
            let pair = pairs.pair(&Example::Pair(small.clone(), clean.clone()), seed).unwrap();
            let found = resize(&picture(&pair.target, Size::new(8, 8, 3)), 4, 4, Filter::Nearest);
            // Which of the four pixels nearest takes turns with the patch: one of them.
            let input = picture(&pair.input, Size::new(4, 4, 3));
            let near = (0..4).flat_map(|y| (0..4).map(move |x| (x, y))).all(|(x, y)| {
                let block = [(0, 0), (1, 0), (0, 1), (1, 1)];
                block.iter().any(|(dx, dy)| {
                    (0..3).all(|c| {
                        let at = ((2 * y + dy) * 8 + 2 * x + dx) * 3 + c;
                        (pair.target[at] - input.at(x, y, c)).abs() < 0.003
                    })
                })
            });
            assert!(near, "{seed} {:?}", found.width);
        }
    }

    #[test]
    fn noise_leaves_the_range_unless_rounded() {
        let recipe = Some(Recipe::parse("- gaussian_noise: {sigma: 100}").unwrap());
        let open = Drawing { recipe, ..drawing(16, 1) };
        let pair = open.pair(&Example::Clean(image(20, 20)), 1).unwrap();
        assert!(pair.input.iter().any(|v| *v < 0.0) && pair.input.iter().any(|v| *v > 1.0));
        let rounded = Drawing { rounded: true, ..open }.pair(&Example::Clean(image(20, 20)), 1).unwrap();
        assert!(rounded.input.iter().all(|v| (v * 255.0 - (v * 255.0).round()).abs() < 1e-3));
        assert_eq!(pair.target, rounded.target);
        assert_ne!(pair.input, open_again(&image(20, 20)).input);
    }

    fn open_again(image: &Image) -> Pair {
        let recipe = Some(Recipe::parse("- gaussian_noise: {sigma: 100}").unwrap());
        Drawing { recipe, ..drawing(16, 1) }.pair(&Example::Clean(image.clone()), 2).unwrap()
    }

    #[test]
    fn zoomed_and_whole_patches_are_of_the_size() {
        let zoom =
            Drawing { zoom: true, augment: Augment { turn: true, ..Augment::NOTHING }, ..drawing(8, 1) };
        for seed in 0..20 {
            assert_eq!(zoom.pair(&Example::Clean(image(50, 31)), seed).unwrap().target.len(), 8 * 8 * 3);
        }
        let whole = Drawing { whole: true, ..drawing(8, 1) };
        let expected = resize(&image(50, 31), 8, 8, Filter::Area);
        let pair = whole.pair(&Example::Clean(image(50, 31)), 0).unwrap();
        assert_eq!(picture(&pair.target, Size::new(8, 8, 3)), expected);
    }

    #[test]
    fn some_of_many_come_from_all_over() {
        let members: Vec<usize> = (10..110).collect();
        assert_eq!(spread(&members, 4), [10, 35, 60, 85]);
        assert_eq!(spread(&members, 1000), members);
        assert!(spread::<usize>(&[], 5).is_empty());
    }
}
