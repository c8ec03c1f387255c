//! Fine structure that a restorer took away, given back by band, and no noise where the picture is flat.
//!
//! What was taken away is split into three bands (à trous wavelets with a cubic B-spline; Starck, Murtagh: "Astronomical
//! Image and Data Analysis", 2006). The level of the noise in each band is read where the result is flattest, by
//! brightness, since noise follows the light. At each pixel a band comes back by the part of its energy that is more
//! than noise (the gain of a Wiener filter), or by the structure that the result has there beyond the noise,
//! whichever is more: noise is masked by structure.

use super::cubic::Region;
use super::{Image, Samples};

/// Number of bands; the first holds details of one or two pixels, each further one twice as large ones.
const BANDS: usize = 3;
/// Side of the tiles that are worked on one by one.
pub const TILE: usize = 192;
/// What a pixel depends on: the bands' filters (2 + 4 + 8) and the windows after them.
const HALO: usize = 14 + 6;
/// Half sides of the windows over which energies are averaged, for each band.
const RADII: [usize; BANDS] = [3, 3, 6];
/// Times the noise that a band's energy must have.
const EXCESS: f32 = 1.5;
/// Times the noise that the result's structure must have.
const MASKING: f32 = 4.0;
/// Classes of brightness.
const CLASSES: usize = 16;
/// Classes of structure, each twice the one before.
const STEPS: usize = 32;
/// Structure of the first class: less than rounding to 16 bits leaves.
const LEAST: f32 = 1e-10;
/// The flattest part of the pixels of one class that tells the noise.
const FLATTEST: f64 = 0.25;
/// Fewer pixels tell nothing of their own.
const FEWEST: f64 = 400.0;

/// Floats of memory that a tile takes, beside its samples: three channels of what was taken away, of what comes back
/// and of a band, the brightness, the structure, and scratch.
pub const TILE_FLOATS: usize = (TILE + 2 * HALO) * (TILE + 2 * HALO) * 15;

/// The tiles of a picture, row by row.
pub fn tiles(image: &Image) -> Vec<Region> {
    let starts = |length: usize| (0..length).step_by(TILE).collect::<Vec<_>>();
    let cut = |start: usize, length: usize| TILE.min(length - start);
    let (width, height) = (image.width, image.height);
    let row = |y: usize| {
        let tile = move |x: usize| Region { x, y, width: cut(x, width), height: cut(y, height) };
        starts(width).into_iter().map(tile)
    };
    starts(height).into_iter().flat_map(row).collect()
}

/// One class of pixels: their number, and the energy of each band of what was taken away.
type Cell = [f64; 1 + BANDS];

/// Energies of what was taken away, by brightness and structure of the result.
#[derive(Clone, Debug)]
pub struct Survey(Box<[[Cell; STEPS]; CLASSES]>);

impl Survey {
    /// Of no pixel.
    pub fn empty() -> Survey {
        Survey(Box::new([[[0.0; 1 + BANDS]; STEPS]; CLASSES]))
    }

    /// Of one tile of `before` and `after`, which must have the same shape.
    pub fn of(before: &Image, after: &Image, tile: Region) -> Survey {
        let mut survey = Survey::empty();
        let mut work = Work::new(before, after, tile);
        for band in 0..BANDS {
            work.split(band);
            for (i, pixel) in work.kept() {
                if hidden(after, pixel) {
                    continue;
                }
                let cell = &mut survey.0[class(work.light[i])][step(work.structure[i])];
                cell[0] += if band == 0 { 1.0 } else { 0.0 };
                cell[1 + band] += f64::from(work.energy(i));
            }
        }
        survey
    }

    /// Adds the pixels of another.
    pub fn add(&mut self, other: &Survey) {
        for (cell, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            cell.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        }
    }

    /// The noise that it shows.
    pub fn noise(&self) -> Noise {
        let mut all = [[0.0; 1 + BANDS]; STEPS];
        for row in self.0.iter() {
            for (cell, more) in all.iter_mut().zip(row) {
                cell.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            }
        }
        let everywhere = flattest(&all);
        let count = |row: &[Cell; STEPS]| row.iter().map(|cell| cell[0]).sum::<f64>();
        Noise(std::array::from_fn(|class| {
            let row = &self.0[class];
            if count(row) < FEWEST { everywhere } else { flattest(row) }
        }))
    }
}

/// Mean energies over the flattest pixels of some.
fn flattest(steps: &[Cell; STEPS]) -> [f32; BANDS] {
    let wanted = FLATTEST * steps.iter().map(|cell| cell[0]).sum::<f64>();
    let mut sum = [0.0; 1 + BANDS];
    for cell in steps {
        if sum[0] > 0.0 && sum[0] >= wanted {
            break;
        }
        sum.iter_mut().zip(cell).for_each(|(a, b)| *a += b);
    }
    std::array::from_fn(|band| if sum[0] > 0.0 { (sum[1 + band] / sum[0]) as f32 } else { 0.0 })
}

/// Energy of the noise in each band, by brightness.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise([[f32; BANDS]; CLASSES]);

impl Noise {
    /// At one brightness, between the classes' middles in a straight line.
    fn at(&self, light: f32, band: usize) -> f32 {
        let place = (light * CLASSES as f32 - 0.5).clamp(0.0, (CLASSES - 1) as f32);
        let low = (place as usize).min(CLASSES - 2);
        let part = place - low as f32;
        self.0[low][band] * (1.0 - part) + self.0[low + 1][band] * part
    }
}

fn class(light: f32) -> usize {
    ((light * CLASSES as f32) as usize).min(CLASSES - 1)
}

fn step(structure: f32) -> usize {
    ((structure.max(LEAST) / LEAST).log2() as usize).min(STEPS - 1)
}

fn hidden(image: &Image, pixel: usize) -> bool {
    image.alpha.as_ref().is_some_and(|alpha| alpha.get(pixel) <= 0.0)
}

/// The samples of a tile of `after`, on the \[0, 1\] scale and unrounded, with the part `amount` of the fine structure
/// that `before` had there.
pub fn give_back(before: &Image, after: &Image, tile: Region, noise: &Noise, amount: f32) -> Vec<f32> {
    let mut work = Work::new(before, after, tile);
    let channels = after.channels;
    let mut back = vec![0.0; tile.width * tile.height * channels];
    for band in 0..BANDS {
        work.split(band);
        for (k, (i, pixel)) in work.kept().enumerate() {
            if hidden(after, pixel) {
                continue;
            }
            let level = noise.at(work.light[i], band);
            let beyond = |energy: f32, times: f32| {
                if energy > 0.0 { (1.0 - times * level / energy).max(0.0) } else { 0.0 }
            };
            let gain = beyond(work.energy(i), EXCESS).max(beyond(work.structure[i], MASKING));
            for (c, plane) in work.band.iter().enumerate() {
                back[k * channels + c] += amount * gain * plane[i];
            }
        }
    }
    for (k, (_, pixel)) in work.kept().enumerate() {
        for c in 0..channels {
            back[k * channels + c] += after.samples.get(pixel * channels + c);
        }
    }
    back
}

/// A tile with its surroundings.
struct Work {
    /// What is worked on, and the part of it that is the tile.
    around: Region,
    tile: Region,
    /// Width of the picture.
    across: usize,
    /// What was taken away, for each channel, less the bands that were split off.
    rest: Vec<Vec<f32>>,
    /// The band that was split off last.
    band: Vec<Vec<f32>>,
    /// Its energy around each pixel.
    energies: Vec<f32>,
    /// Brightness of the result.
    light: Vec<f32>,
    /// Energy of the result's first two bands around each pixel.
    structure: Vec<f32>,
}

impl Work {
    fn new(before: &Image, after: &Image, tile: Region) -> Work {
        let (x, y) = (tile.x.saturating_sub(HALO), tile.y.saturating_sub(HALO));
        let width = (tile.x + tile.width + HALO).min(after.width) - x;
        let height = (tile.y + tile.height + HALO).min(after.height) - y;
        let around = Region { x, y, width, height };
        let channels = after.channels;
        let size = (width, height);
        let mut light = vec![0.0; width * height];
        let rest = (0..channels)
            .map(|c| {
                let (was, is) = (plane(before, around, c), plane(after, around, c));
                light.iter_mut().zip(&is).for_each(|(l, v)| *l += v / channels as f32);
                was.iter().zip(&is).map(|(a, b)| a - b).collect()
            })
            .collect();
        let first = smooth(&light, size, 1);
        let second = smooth(&first, size, 2);
        let mut structure: Vec<f32> = (0..light.len())
            .map(|i| (light[i] - first[i]).powi(2) + (first[i] - second[i]).powi(2))
            .collect();
        mean(&mut structure, size, RADII[0]);
        let energies = vec![];
        Work { around, tile, across: after.width, rest, band: vec![], energies, light, structure }
    }

    /// Splits the next band off.
    fn split(&mut self, band: usize) {
        let size = (self.around.width, self.around.height);
        let share = 1.0 / self.rest.len() as f32;
        self.energies.clear();
        self.energies.resize(self.light.len(), 0.0);
        self.band = self.rest.iter().map(|rest| smooth(rest, size, 1 << band)).collect();
        for (rest, band) in self.rest.iter_mut().zip(&mut self.band) {
            for ((rest, band), energy) in rest.iter_mut().zip(band.iter_mut()).zip(&mut self.energies) {
                // The smooth part stays, the difference is the band.
                let fine = *rest - *band;
                *rest = std::mem::replace(band, fine);
                *energy += share * fine * fine;
            }
        }
        mean(&mut self.energies, size, RADII[band]);
    }

    fn energy(&self, i: usize) -> f32 {
        self.energies[i]
    }

    /// The tile's pixels, row by row: their place in the surroundings and in the picture.
    fn kept(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Work { around, tile, across, .. } = *self;
        (tile.y..tile.y + tile.height).flat_map(move |y| {
            (tile.x..tile.x + tile.width)
                .map(move |x| ((y - around.y) * around.width + x - around.x, y * across + x))
        })
    }
}

/// One channel of a part of a picture, on the \[0, 1\] scale.
fn plane(image: &Image, region: Region, channel: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(region.width * region.height);
    for y in region.y..region.y + region.height {
        let start = (y * image.width + region.x) * image.channels;
        let line = start..start + region.width * image.channels;
        let step = image.channels;
        match &image.samples {
            Samples::U8(v) => {
                out.extend(v[line].iter().skip(channel).step_by(step).map(|s| f32::from(*s) / 255.0))
            }
            Samples::U16(v) => {
                out.extend(v[line].iter().skip(channel).step_by(step).map(|s| f32::from(*s) / 65535.0))
            }
            Samples::F32(v) => out.extend(v[line].iter().skip(channel).step_by(step)),
        }
    }
    out
}

/// Position `i` of an axis of `length`, reflected at its ends.
fn mirrored(i: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let i = i.unsigned_abs() % (2 * last as usize);
    if i > last as usize { 2 * last as usize - i } else { i }
}

/// Cubic B-spline, its taps `step` apart, along both axes.
fn smooth(values: &[f32], (width, height): (usize, usize), step: usize) -> Vec<f32> {
    const TAPS: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
    let reach = 2 * step;
    let mut across = vec![0.0; values.len()];
    let mut padded = vec![0.0; width + 2 * reach];
    for (row, to) in values.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[reach..reach + width].copy_from_slice(row);
        for k in 0..reach {
            padded[k] = row[mirrored(k as isize - reach as isize, width)];
            padded[reach + width + k] = row[mirrored((width + k) as isize, width)];
        }
        for (k, tap) in TAPS.iter().enumerate() {
            to.iter_mut().zip(&padded[k * step..]).for_each(|(to, v)| *to += tap * v);
        }
    }
    let mut out = vec![0.0; values.len()];
    for (y, to) in out.chunks_exact_mut(width).enumerate() {
        for (k, tap) in TAPS.iter().enumerate() {
            let row = mirrored(y as isize + k as isize * step as isize - reach as isize, height);
            let from = &across[row * width..][..width];
            to.iter_mut().zip(from).for_each(|(to, v)| *to += tap * v);
        }
    }
    out
}

/// Mean over windows of half side `radius`, cut at the borders.
fn mean(values: &mut [f32], (width, height): (usize, usize), radius: usize) {
    let inside = |i: usize, length: usize| i.saturating_sub(radius)..(i + radius + 1).min(length);
    let shares: Vec<f32> = (0..width).map(|x| 1.0 / inside(x, width).len() as f32).collect();
    let mut across = vec![0.0f32; values.len()];
    let mut padded = vec![0.0; width + 2 * radius];
    for (row, to) in values.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[radius..radius + width].copy_from_slice(row);
        for k in 0..=2 * radius {
            to.iter_mut().zip(&padded[k..]).for_each(|(to, v)| *to += v);
        }
        to.iter_mut().zip(&shares).for_each(|(to, share)| *to *= share);
    }
    for (y, to) in values.chunks_exact_mut(width).enumerate() {
        to.fill(0.0);
        let rows = inside(y, height);
        let share = 1.0 / rows.len() as f32;
        for row in rows {
            to.iter_mut().zip(&across[row * width..][..width]).for_each(|(to, v)| *to += share * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;
    use crate::image::test_noise::normals;

    const SIDE: usize = 256;

    /// Fine texture on the right half, two flat fields on the left, one bright and one dark.
    fn scene(fine: f32) -> Image {
        let mut image = Image::new(SIDE, SIDE, 3, Depth::F32);
        let mut normal = normals(5);
        for i in 0..image.samples.len() {
            let (x, y) = (i / 3 % SIDE, i / 3 / SIDE);
            let grain = normal();
            let light = if y < SIDE / 2 { 0.7 } else { 0.3 };
            image.samples.set(i, light + if x >= SIDE / 2 { fine * grain } else { 0.0 });
        }
        image
    }

    fn noisy(image: &Image, sigma: impl Fn(f32) -> f32) -> Image {
        let mut normal = normals(11);
        let mut out = image.clone();
        (0..out.samples.len()).for_each(|i| {
            let v = image.samples.get(i);
            out.samples.set(i, v + sigma(v) * normal());
        });
        out
    }

    fn back(before: &Image, after: &Image, amount: f32) -> Image {
        let mut survey = Survey::empty();
        tiles(after).into_iter().for_each(|tile| survey.add(&Survey::of(before, after, tile)));
        let noise = survey.noise();
        let mut out = after.clone();
        for tile in tiles(after) {
            for (k, v) in give_back(before, after, tile, &noise, amount).into_iter().enumerate() {
                let (x, y) = (tile.x + k / 3 % tile.width, tile.y + k / 3 / tile.width);
                out.samples.set((y * SIDE + x) * 3 + k % 3, v);
            }
        }
        out
    }

    /// Root mean square of `image` less `clean` in the columns, away from the edge between bright and dark.
    fn deviation(image: &Image, clean: &Image, columns: std::ops::Range<usize>) -> f32 {
        let rows = |y: usize| y.abs_diff(SIDE / 2) > HALO;
        let places = (0..SIDE * SIDE * 3).filter(|i| columns.contains(&(i / 3 % SIDE)) && rows(i / 3 / SIDE));
        let errors: Vec<f32> = places.map(|i| image.samples.get(i) - clean.samples.get(i)).collect();
        (errors.iter().map(|e| e * e).sum::<f32>() / errors.len() as f32).sqrt()
    }

    #[test]
    fn texture_comes_back_and_noise_of_flat_areas_does_not() {
        let (flat, fine) = (0..SIDE / 2 - HALO, SIDE / 2 + HALO..SIDE);
        let clean = scene(0.08);
        // A result that has a quarter of the texture left, and no noise.
        let smoothed = scene(0.02);
        for shot in [false, true] {
            let before = noisy(&clean, |v| if shot { 0.03 * v } else { 0.02 });
            let after = back(&before, &smoothed, 1.0);
            let noise = deviation(&before, &clean, flat.clone());
            let left = deviation(&after, &clean, flat.clone());
            assert!(left < 0.02 * noise, "{left} of {noise}");
            let (lost, regained) =
                (deviation(&smoothed, &clean, fine.clone()), deviation(&after, &clean, fine.clone()));
            assert!(regained < 0.7 * lost, "{regained} of {lost}");
            let half = deviation(&back(&before, &smoothed, 0.5), &clean, fine.clone());
            assert!(regained < half && half < lost);
        }
    }

    #[test]
    fn nothing_is_given_where_nothing_was_taken_or_asked() {
        let (clean, smoothed) = (scene(0.08), scene(0.02));
        assert_eq!(back(&clean, &clean, 1.0), clean);
        assert_eq!(back(&clean, &smoothed, 0.0), smoothed);
    }

    #[test]
    fn tiles_agree_with_the_whole_at_their_borders() {
        let (clean, smoothed) = (scene(0.08), scene(0.02));
        let mut survey = Survey::empty();
        tiles(&clean).into_iter().for_each(|tile| survey.add(&Survey::of(&clean, &smoothed, tile)));
        let noise = survey.noise();
        let give = |tile| give_back(&clean, &smoothed, tile, &noise, 1.0);
        let whole = give(Region { x: 0, y: 0, width: SIDE, height: SIDE });
        let part = Region { x: 70, y: 90, width: 60, height: 50 };
        for (k, v) in give(part).into_iter().enumerate() {
            let (x, y) = (part.x + k / 3 % part.width, part.y + k / 3 / part.width);
            assert!((v - whole[(y * SIDE + x) * 3 + k % 3]).abs() < 1e-5);
        }
    }

    #[test]
    fn tiny_pictures_and_hidden_pixels() {
        for (width, height) in [(1, 1), (2, 3), (1, 50)] {
            let before = Image::new(width, height, 1, Depth::U8);
            let whole = Region { x: 0, y: 0, width, height };
            let noise = Survey::of(&before, &before, whole).noise();
            assert_eq!(give_back(&before, &before, whole, &noise, 1.0), vec![0.0; width * height]);
        }
        let (before, mut after) = (scene(0.08), scene(0.02));
        let shown = |i: usize| if i % SIDE < 200 { 1.0 } else { 0.0 };
        after.alpha = Some(Samples::F32((0..SIDE * SIDE).map(shown).collect()));
        let out = back(&before, &after, 1.0);
        for i in (0..SIDE * SIDE * 3).filter(|i| i / 3 % SIDE >= 200) {
            assert_eq!(out.samples.get(i), after.samples.get(i));
        }
    }
}
