//! The perceptual hash "pHash" (Zauner 2010): the signs of the low frequencies, 64 bits.
//!
//! As `imagehash.phash` of the Python package ImageHash, bit for bit on 8-bit pictures: gray as Pillow's `L`,
//! 32 x 32 pixels by Pillow's Lanczos filter in its fixed-point arithmetic, a DCT-II down and across, and a
//! bit for each of the 8 x 8 lowest frequencies that is above their median. One difference: what rounding
//! alone tells from the median counts as equal to it, where that package's bits are those of its rounding
//! errors (pictures of one tone, stripes, checkers and the like).

use super::orient::upright;
use super::{Image, Samples};

/// Side of the reduced picture.
const SIDE: usize = 32;
/// Frequencies a side that the hash holds.
const LOW: usize = 8;
/// Bits behind the point of the filter's weights.
const PRECISION: u32 = 22;
/// Half of a level, for rounding.
const HALF: i64 = 1 << (PRECISION - 1);
/// Samples of the source that the filter reaches to each side, at a scale of 1.
const LOBES: f64 = 3.0;
/// Grid on which coefficients are compared; the sums behind them reach 2^20 times 4 and are exact to 1e-9.
const GRID: f64 = 1e-6;

/// The hash of a picture as a person sees it, turned by the EXIF orientation; alpha is left out.
///
/// The first bit, of the mean, is the highest; rows of frequencies follow one another. Similar pictures
/// differ in few bits. More than 8 bits a sample are rounded to 8.
pub fn phash(image: &Image, orientation: u8) -> u64 {
    let gray = Image {
        width: image.width,
        height: image.height,
        channels: 1,
        samples: Samples::U8(gray(image)),
        alpha: None,
    };
    let gray = upright(gray, orientation);
    let Samples::U8(pixels) = &gray.samples else { return 0 };
    hash(&reduce(pixels, gray.width, gray.height))
}

/// Luma as Pillow's mode `L`.
fn gray(image: &Image) -> Vec<u8> {
    let eight = |value: f32| if value.is_nan() { 0 } else { (value.clamp(0.0, 1.0) * 255.0).round() as u8 };
    let luma = |[r, g, b]: [u8; 3]| {
        ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
    };
    let sixteen = |value: u16| ((u32::from(value) + 128) / 257) as u8;
    match (&image.samples, image.channels == 3) {
        (Samples::U8(v), false) => v.clone(),
        (Samples::U16(v), false) => v.iter().map(|v| sixteen(*v)).collect(),
        (Samples::F32(v), false) => v.iter().map(|v| eight(*v)).collect(),
        (Samples::U8(v), true) => v.as_chunks().0.iter().map(|rgb| luma(*rgb)).collect(),
        (Samples::U16(v), true) => v.as_chunks().0.iter().map(|rgb| luma(rgb.map(sixteen))).collect(),
        (Samples::F32(v), true) => v.as_chunks().0.iter().map(|rgb| luma(rgb.map(eight))).collect(),
    }
}

/// The picture at [`SIDE`] x [`SIDE`], each pass rounded to 8 bits. Tall pictures go down first, as in Pillow 13;
/// before it every picture went across first, which may cost such a picture a bit.
fn reduce(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    if height > SIDE && height + SIDE > 2 * width {
        across(&down(pixels, width, height), width)
    } else {
        down(&across(pixels, width), SIDE, height)
    }
}

fn across(pixels: &[u8], width: usize) -> Vec<u8> {
    if width == SIDE {
        return pixels.to_vec();
    }
    let filter = filter(width);
    let rows = pixels.chunks_exact(width);
    let of_row = |row: &'_ [u8]| -> Vec<u8> {
        filter.iter().map(|(first, weights)| weigh(row.iter().skip(*first).zip(weights))).collect()
    };
    rows.flat_map(of_row).collect()
}

fn down(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    if height == SIDE {
        return pixels.to_vec();
    }
    let mut reduced = Vec::with_capacity(width * SIDE);
    for (first, weights) in filter(height) {
        let mut sums = vec![HALF; width];
        for (row, weight) in pixels.chunks_exact(width).skip(first).zip(&weights) {
            sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += i64::from(*pixel) * i64::from(*weight));
        }
        reduced.extend(sums.into_iter().map(rounded));
    }
    reduced
}

fn weigh<'a>(pairs: impl Iterator<Item = (&'a u8, &'a i32)>) -> u8 {
    rounded(pairs.fold(HALF, |sum, (pixel, weight)| sum + i64::from(*pixel) * i64::from(*weight)))
}

fn rounded(sum: i64) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// For each reduced pixel the first pixel of `length` that counts, and the weights from there on.
fn filter(length: usize) -> Vec<(usize, Vec<i32>)> {
    let scale = length as f64 / SIDE as f64;
    let stretch = scale.max(1.0);
    let support = LOBES * stretch;
    let weights = |out: usize| {
        let centre = (out as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(length);
        let weight = |x: usize| lanczos((x as f64 - centre + 0.5) * (1.0 / stretch));
        let weights: Vec<f64> = (first..end).map(weight).collect();
        // One after the other, as Pillow adds them.
        let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
        let fixed = |weight: &f64| (weight / sum * f64::from(1u32 << PRECISION)).round() as i32;
        (first, weights.iter().map(fixed).collect())
    };
    (0..SIDE).map(weights).collect()
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { libm::sin(x) / x }
    };
    if (-LOBES..LOBES).contains(&x) { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

fn hash(pixels: &[u8]) -> u64 {
    let cosine = |frequency: usize, at: usize| {
        2.0 * libm::cos(std::f64::consts::PI * frequency as f64 * (2 * at + 1) as f64 / (2 * SIDE) as f64)
    };
    // Down the columns, then across.
    let mut columns = [[0.0; SIDE]; LOW];
    for (frequency, row) in columns.iter_mut().enumerate() {
        for (x, sum) in row.iter_mut().enumerate() {
            let column = pixels.iter().skip(x).step_by(SIDE).enumerate();
            *sum = column.map(|(y, pixel)| f64::from(*pixel) * cosine(frequency, y)).sum();
        }
    }
    let across = |row: &[f64; SIDE], frequency: usize| {
        let sum: f64 = row.iter().enumerate().map(|(x, value)| value * cosine(frequency, x)).sum();
        (sum / GRID).round() * GRID
    };
    let lowest: Vec<f64> =
        columns.iter().flat_map(|row| (0..LOW).map(move |frequency| across(row, frequency))).collect();
    let mut sorted = lowest.clone();
    sorted.sort_by(f64::total_cmp);
    let middle: f64 = sorted.iter().skip(LOW * LOW / 2 - 1).take(2).sum();
    lowest.iter().fold(0, |bits, value| bits << 1 | u64::from(*value > middle / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, channels: usize) -> Image {
        let value = |i: usize| {
            let (k, x, y) = (i % channels, i / channels % width, i / channels / width);
            (x * x / 9 + y * 5 + k * 50 + (x * y) % 31 * 4 + 3 * (x * 3 / (y + 2))) as u8
        };
        let samples = Samples::U8((0..width * height * channels).map(value).collect());
        Image { width, height, channels, samples, alpha: None }
    }

    /// What `imagehash.phash` 4.3.2 on Pillow 13.0 gives, also turned a quarter clockwise.
    #[test]
    fn hashes_are_those_of_imagehash() {
        let known = [
            ((97, 61, 3), 0xf0f8e1033c083ebf, 0xb4b5bd1e1a5c4664),
            ((300, 20, 1), 0xfe0005ca3755bb66, 0xc7c0d4d1c5f04d79),
            ((32, 32, 3), 0xc09017768f2a5f76, 0x95c540265b6e6a77),
            ((33, 32, 1), 0x9234564f157a957a, 0xd76010bd407f705f),
            ((640, 480, 3), 0xfd45c505dd84dd03, 0xeaaed7aa8aaa08aa),
            ((5, 7, 3), 0xad588649ad73bca1, 0xfe01da318ff870c8),
            ((1000, 31, 3), 0xd7fe0088837705cf, 0x8c9995938cd699da),
        ];
        for ((width, height, channels), upright, turned) in known {
            let image = picture(width, height, channels);
            assert_eq!(phash(&image, 1), upright, "{width}x{height}");
            assert_eq!(phash(&image, 6), turned, "{width}x{height} turned");
        }
    }

    #[test]
    fn depth_changes_nothing() {
        let eight = picture(97, 61, 3);
        let Samples::U8(values) = &eight.samples else { panic!() };
        let sixteen = Samples::U16(values.iter().map(|v| u16::from(*v) * 257).collect());
        let float = Samples::F32(values.iter().map(|v| f32::from(*v) / 255.0).collect());
        for samples in [sixteen, float] {
            assert_eq!(phash(&Image { samples, ..eight.clone() }, 1), phash(&eight, 1));
        }
    }

    #[test]
    fn pictures_without_detail_hash_alike() {
        let flat = |tone: u8, side: usize| Image {
            width: side,
            height: side,
            channels: 1,
            samples: Samples::U8(vec![tone; side * side]),
            alpha: None,
        };
        assert_eq!(phash(&flat(7, 1), 1), phash(&flat(200, 90), 1));
        assert_eq!(phash(&flat(200, 90), 1), 1 << 63);
        let broken = Image { samples: Samples::F32(vec![f32::NAN; 9]), ..flat(0, 3) };
        assert_eq!(phash(&broken, 1), 0);
    }
}
