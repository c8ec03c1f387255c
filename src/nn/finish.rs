//! What becomes of a network's result of the picture's own size: fine structure given back, and the guard against the
//! loss of detail.

use super::options::{Guard, RestoreOptions};
use crate::image::quantised::from_jpeg;
use crate::image::{Image, Samples, removed, texture};
use rayon::prelude::*;

/// The correlation with structure that what was taken away may have (`docs/no-harm.md`).
const LIMIT: f64 = 0.2;

/// A restored picture.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Restored {
    /// The picture; none where every sample stays as it was.
    pub image: Option<Image>,
    /// What the guard did, in words.
    pub note: Option<String>,
}

/// Bytes beside the picture and the result, of `pixels` pixels with `sample` bytes each.
pub(super) fn peak_bytes(pixels: u64, sample: u64, options: &RestoreOptions) -> u64 {
    let second = if options.texture > 0.0 { pixels.saturating_mul(sample) } else { 0 };
    let blocks =
        if options.guard == Guard::Off { 0 } else { pixels / 64 * size_of::<removed::Block>() as u64 };
    second.max(2 * blocks)
}

/// Bytes that each worker takes for a tile.
pub(super) fn tile_bytes(options: &RestoreOptions) -> u64 {
    if options.texture > 0.0 { 4 * texture::TILE_FLOATS as u64 } else { 0 }
}

/// Gives texture back and guards. `after` is `before` with the part `strength` of the network's change.
pub(super) fn finish(before: &Image, after: Image, strength: f32, options: &RestoreOptions) -> Restored {
    let after =
        if options.texture > 0.0 { textured(before, &after, options.texture.min(1.0)) } else { after };
    if after.samples == before.samples && after.alpha == before.alpha {
        return Restored::default();
    }
    if options.guard == Guard::Off {
        return Restored { image: Some(after), note: None };
    }
    let found = correlation(before, &after);
    let held = f64::from(strength) * found <= LIMIT;
    if held || from_jpeg(before) {
        return Restored { image: Some(after), note: None };
    }
    let seen = format!("(correlation {found:.2}, limit {LIMIT})");
    if options.guard == Guard::Leave {
        return Restored { image: None, note: Some(format!("guard: left as it was {seen}")) };
    }
    let lower = (LIMIT / found) as f32;
    let image = Some(mixed(before, after, lower / strength)).filter(|image| image.samples != before.samples);
    Restored { image, note: Some(format!("guard: strength lowered to {lower:.2} {seen}")) }
}

/// How far what was taken away goes with structure.
fn correlation(before: &Image, after: &Image) -> f64 {
    let rows: Vec<Vec<removed::Block>> =
        (0..removed::rows(after)).into_par_iter().map(|row| removed::blocks(before, after, row)).collect();
    removed::correlation(&rows.concat())
}

/// The picture with the part `part` of the change.
fn mixed(before: &Image, mut after: Image, part: f32) -> Image {
    fn integers<T: Copy + Into<f32>>(before: &[T], after: &mut [T], part: f32, from: fn(f32) -> T) {
        for (after, before) in after.iter_mut().zip(before) {
            let was: f32 = (*before).into();
            *after = from(was + part * ((*after).into() - was));
        }
    }
    match (&before.samples, &mut after.samples) {
        // Between two samples lies no value outside the range.
        (Samples::U8(b), Samples::U8(a)) => integers(b, a, part, |v| v.round() as u8),
        (Samples::U16(b), Samples::U16(a)) => integers(b, a, part, |v| v.round() as u16),
        (Samples::F32(b), Samples::F32(a)) => integers(b, a, part, |v| v),
        _ => {}
    }
    after
}

/// The result with fine structure given back, tile by tile.
fn textured(before: &Image, after: &Image, amount: f32) -> Image {
    let tiles = texture::tiles(after);
    let rows = || tiles.chunk_by(|a, b| a.y == b.y);
    let mut survey = texture::Survey::empty();
    // Rows of tiles one after another, so that few are held.
    for row in rows() {
        let parts: Vec<_> = row.par_iter().map(|tile| texture::Survey::of(before, after, *tile)).collect();
        parts.iter().for_each(|part| survey.add(part));
    }
    let noise = survey.noise();
    let mut samples = Samples::zeroed(after.depth(), after.samples.len());
    let line = after.width * after.channels;
    for row in rows() {
        let parts: Vec<Vec<f32>> =
            row.par_iter().map(|tile| texture::give_back(before, after, *tile, &noise, amount)).collect();
        for (tile, part) in row.iter().zip(&parts) {
            for (y, values) in part.chunks_exact(tile.width * after.channels).enumerate() {
                let start = (tile.y + y) * line + tile.x * after.channels;
                values.iter().enumerate().for_each(|(k, v)| samples.set(start + k, *v));
            }
        }
    }
    Image { samples, alpha: after.alpha.clone(), ..*after }
}
