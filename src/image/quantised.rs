//! Whether a picture was stored as JPEG at a quality that shows.
//!
//! A JPEG file holds each block of 8x8 pixels as rounded frequencies, most of them 0. On the grid of the blocks more
//! frequencies are about 0 than off it.

use super::{Image, Samples};
use multiversion::multiversion;

/// Side of a block.
const SIDE: usize = 8;
/// A frequency below this is 0, but for the rounding of the pixels; of 255.
const ZERO: f32 = 0.8;
/// Blocks with less variance have nothing to tell; of 255 squared.
const PLAIN: f32 = 4.0;
/// Blocks looked at, about.
const ENOUGH: usize = 1500;
/// Fewer tell nothing.
const FEWEST: usize = 30;
/// How much larger the share of zeros must be on the grid than off it: as a difference and as a factor.
const MORE: f32 = 0.02;
const FACTOR: f32 = 1.1;

type Tile = [[f32; SIDE]; SIDE];

/// Whether blocks of a JPEG file are found in `image`, their grid counted from any of its corners.
pub fn from_jpeg(image: &Image) -> bool {
    let basis = basis();
    let mut xs = vec![0, image.width % SIDE];
    let mut ys = vec![0, image.height % SIDE];
    xs.dedup();
    ys.dedup();
    let zeros = |x: usize, y: usize| zeros(image, &basis, x, y);
    ys.iter().any(|&y| {
        xs.iter().any(|&x| {
            let half = |v: usize| (v + SIDE / 2) % SIDE;
            let off = [zeros(half(x), y), zeros(x, half(y)), zeros(half(x), half(y))];
            let Some(on) = zeros(x, y) else { return false };
            let [Some(a), Some(b), Some(c)] = off else { return false };
            let off = (a + b + c) / 3.0;
            on > off + MORE && on > off * FACTOR
        })
    })
}

/// Share of frequencies that are about 0, over blocks of the luma that have some structure, on the grid from
/// (`left`, `top`).
fn zeros(image: &Image, basis: &[Tile; 2], left: usize, top: usize) -> Option<f32> {
    let across = image.width.saturating_sub(left) / SIDE;
    let down = image.height.saturating_sub(top) / SIDE;
    let step = (across * down / ENOUGH).max(1);
    let (mut found, mut zeros) = (0usize, 0usize);
    // A step that divides the row would look at columns of blocks only.
    let step = if across.is_multiple_of(step) { step + usize::from(step > 1) } else { step };
    for k in (0..across * down).step_by(step) {
        let tile = tile(image, left + k % across * SIDE, top + k / across * SIDE);
        if variance(&tile) <= PLAIN {
            continue;
        }
        found += 1;
        zeros += frequencies(&tile, basis).iter().flatten().filter(|v| v.abs() < ZERO).count();
    }
    (found >= FEWEST).then(|| zeros as f32 / (found * SIDE * SIDE) as f32)
}

/// Luma of one block, of 255.
fn tile(image: &Image, left: usize, top: usize) -> Tile {
    let mut tile = [[0.0; SIDE]; SIDE];
    for (y, row) in tile.iter_mut().enumerate() {
        let start = ((top + y) * image.width + left) * image.channels;
        match (image.channels, &image.samples) {
            (3, Samples::U8(v)) => {
                for (luma, [r, g, b]) in row.iter_mut().zip(v[start..][..3 * SIDE].as_chunks().0) {
                    *luma = 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b);
                }
            }
            (3, samples) => {
                for (x, luma) in row.iter_mut().enumerate() {
                    let [r, g, b] = [0, 1, 2].map(|c| samples.get(start + 3 * x + c));
                    *luma = 255.0 * (0.299 * r + 0.587 * g + 0.114 * b);
                }
            }
            (channels, samples) => {
                for (x, luma) in row.iter_mut().enumerate() {
                    *luma = 255.0 * samples.get(start + channels * x);
                }
            }
        }
    }
    tile
}

fn variance(tile: &Tile) -> f32 {
    let count = (SIDE * SIDE) as f32;
    let mean = tile.iter().flatten().sum::<f32>() / count;
    tile.iter().flatten().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count
}

/// The orthonormal DCT of type 2, and with rows for columns.
fn basis() -> [Tile; 2] {
    let n = SIDE as f32;
    let basis: Tile = std::array::from_fn(|k| {
        let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        std::array::from_fn(|i| scale * (std::f32::consts::PI * k as f32 * (i as f32 + 0.5) / n).cos())
    });
    [basis, std::array::from_fn(|i| basis.map(|wave| wave[i]))]
}

#[multiversion(targets("x86_64+avx2"))]
fn frequencies(tile: &Tile, [basis, turned]: &[Tile; 2]) -> Tile {
    // A register holds the frequencies of a row.
    let (mut across, mut out) = ([[0.0; SIDE]; SIDE], [[0.0; SIDE]; SIDE]);
    for r in 0..SIDE {
        for i in 0..SIDE {
            for k in 0..SIDE {
                across[r][k] += tile[r][i] * turned[i][k];
            }
        }
    }
    for down in 0..SIDE {
        for r in 0..SIDE {
            for k in 0..SIDE {
                out[down][k] += across[r][k] * basis[down][r];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    /// Waves, an edge and some noise.
    fn scene(width: usize, height: usize, channels: usize) -> Image {
        let mut image = Image::new(width, height, channels, Depth::U8);
        let mut state = 1u32;
        for i in 0..image.samples.len() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (i / channels % width, i / channels / width);
            let wave = (x as f32 * 0.31).sin() * (y as f32 * 0.23).cos() + if x > y { 0.4 } else { 0.0 };
            image.samples.set(i, 0.45 + 0.25 * wave + 0.04 * (state >> 8) as f32 / (1 << 24) as f32);
        }
        image
    }

    fn through_jpeg(image: &Image, quality: u8) -> Image {
        let Samples::U8(samples) = &image.samples else { panic!("8 bits") };
        let colour = if image.channels == 3 {
            ::image::ExtendedColorType::Rgb8
        } else {
            ::image::ExtendedColorType::L8
        };
        let (width, height) = (image.width as u32, image.height as u32);
        let mut bytes = Vec::new();
        ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality)
            .encode(samples, width, height, colour)
            .unwrap();
        let back = ::image::load_from_memory(&bytes).unwrap();
        let samples =
            if image.channels == 3 { back.to_rgb8().into_raw() } else { back.to_luma8().into_raw() };
        Image { samples: Samples::U8(samples), ..image.clone() }
    }

    fn cropped(image: &Image, left: usize, top: usize) -> Image {
        let (width, height) = (image.width - left, image.height - top);
        let mut out = Image::new(width, height, image.channels, image.depth());
        for i in 0..out.samples.len() {
            let (x, y, c) = (i / image.channels % width, i / image.channels / width, i % image.channels);
            out.samples.set(i, image.at(x + left, y + top, c));
        }
        out
    }

    #[test]
    fn jpeg_files_are_told_from_others() {
        for channels in [1, 3] {
            let image = scene(200, 150, channels);
            assert!(!from_jpeg(&image));
            for quality in [10, 30, 50, 75, 90] {
                assert!(from_jpeg(&through_jpeg(&image, quality)), "{channels} {quality}");
            }
        }
    }

    #[test]
    fn the_grid_is_found_from_any_corner_and_at_16_bits() {
        // Turned by 180 degrees, the grid lies at the lower right corner.
        let jpeg = through_jpeg(&scene(203, 150, 3), 75);
        let mut turned = jpeg.clone();
        let pixels = 203 * 150;
        for i in 0..pixels {
            (0..3).for_each(|c| turned.samples.set(i * 3 + c, jpeg.samples.get((pixels - 1 - i) * 3 + c)));
        }
        assert!(from_jpeg(&turned));
        let mut deep = Image::new(203, 150, 3, Depth::U16);
        (0..deep.samples.len()).for_each(|i| deep.samples.set(i, jpeg.samples.get(i)));
        assert!(from_jpeg(&deep));
        // Elsewhere it is not looked for.
        assert!(!from_jpeg(&cropped(&through_jpeg(&scene(205, 155, 3), 75), 3, 2)));
    }

    #[test]
    fn plain_and_tiny_pictures_are_none() {
        for (width, height) in [(1, 1), (7, 9), (40, 24), (300, 300)] {
            assert!(!from_jpeg(&Image::new(width, height, 3, Depth::U8)));
        }
    }
}
