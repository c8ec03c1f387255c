//! Between interleaved file samples and [`Image`] (alpha apart), and between sample types.

use crate::image::{Image, Samples};

/// An image from samples interleaved as gray, gray + alpha, RGB or RGBA (`per_pixel` = 1, 2, 3 or 4).
///
/// `None` when the number of samples is not `width * height * per_pixel`.
pub(super) fn from_interleaved(
    width: usize,
    height: usize,
    per_pixel: usize,
    samples: Samples,
) -> Option<Image> {
    if !(1..=4).contains(&per_pixel) || samples.len() != width.checked_mul(height)?.checked_mul(per_pixel)? {
        return None;
    }
    let (channels, has_alpha) = if per_pixel < 3 { (1, per_pixel == 2) } else { (3, per_pixel == 4) };
    let (samples, alpha) = if has_alpha {
        match samples {
            Samples::U8(v) => both(split(v, per_pixel), Samples::U8),
            Samples::U16(v) => both(split(v, per_pixel), Samples::U16),
            Samples::F32(v) => both(split(v, per_pixel), Samples::F32),
        }
    } else {
        (samples, None)
    };
    Some(Image { width, height, channels, samples, alpha })
}

fn both<T>(planes: (Vec<T>, Vec<T>), wrap: fn(Vec<T>) -> Samples) -> (Samples, Option<Samples>) {
    (wrap(planes.0), Some(wrap(planes.1)))
}

/// Takes the last of every `per_pixel` samples out, in place, so that the colour is not copied.
fn split<T: Copy>(mut samples: Vec<T>, per_pixel: usize) -> (Vec<T>, Vec<T>) {
    let alpha = samples.iter().skip(per_pixel - 1).step_by(per_pixel).copied().collect();
    let mut i = 0;
    samples.retain(|_| {
        i += 1;
        i % per_pixel != 0
    });
    (samples, alpha)
}

/// A 16-bit number as a byte, rounded to nearest.
pub(super) fn byte(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32767) / 65535) as u8
}

/// Threshold at a place of a 16 x 16 pattern (Bayer's), 0 to 255, each once.
fn threshold(x: usize, y: usize) -> u32 {
    // The bits of x ^ y and y by turns, the lowest first in weight.
    (0..4).fold(0, |sum, bit| {
        let (x, y) = ((x >> bit) as u32 & 1, (y >> bit) as u32 & 1);
        sum << 2 | (x ^ y) << 1 | y
    })
}

/// The image in 8 bits, each sample rounded up where the fixed pattern at its place says so; `None` when it
/// has 8 bits.
///
/// The mean over any 16 x 16 pixels of one value is that value, and no sample is off by a whole step. Each
/// channel has the pattern at another place, so that gray doesn't get it threefold.
pub(super) fn dithered(image: &Image) -> Option<Image> {
    if matches!(image.samples, Samples::U8(_)) {
        return None;
    }
    let width = image.width.max(1);
    let plane = |samples: &Samples, channels: usize| {
        let values = to_u16(samples).into_iter().enumerate().map(|(i, value)| {
            let (pixel, channel) = (i / channels, i % channels);
            let (x, y) = (pixel % width + 5 * channel, pixel / width + 3 * channel);
            let share = (2 * threshold(x, y) + 1) * 65_535 / 512;
            ((u32::from(value) * 255 + share) / 65_535) as u8
        });
        Samples::U8(values.collect())
    };
    let samples = plane(&image.samples, image.channels.max(1));
    // Edges of what is cut out must stay clean.
    let alpha = image.alpha.as_ref().map(|alpha| Samples::U8(to_u8(alpha)));
    Some(Image { samples, alpha, ..*image })
}

/// Samples as bytes, rounded to nearest.
pub(super) fn to_u8(samples: &Samples) -> Vec<u8> {
    match samples {
        Samples::U8(v) => v.clone(),
        Samples::U16(v) => v.iter().map(|&s| byte(s)).collect(),
        Samples::F32(v) => v.iter().map(|&s| (s * 255.0).round().clamp(0.0, 255.0) as u8).collect(),
    }
}

/// Samples as 16-bit numbers; bytes are multiplied by 257, floats rounded to nearest.
pub(super) fn to_u16(samples: &Samples) -> Vec<u16> {
    match samples {
        Samples::U8(v) => v.iter().map(|&s| u16::from(s) * 257).collect(),
        Samples::U16(v) => v.clone(),
        Samples::F32(v) => v.iter().map(|&s| (s * 65535.0).round().clamp(0.0, 65535.0) as u16).collect(),
    }
}

/// The image as interleaved bytes (gray, gray + alpha, RGB or RGBA) and the samples a pixel.
pub(super) fn interleaved_u8(image: &Image) -> (Vec<u8>, usize) {
    interleave(to_u8(&image.samples), image.alpha.as_ref().map(to_u8), image.channels)
}

/// As [`interleaved_u8`], in 16 bits.
pub(super) fn interleaved_u16(image: &Image) -> (Vec<u16>, usize) {
    interleave(to_u16(&image.samples), image.alpha.as_ref().map(to_u16), image.channels)
}

/// As [`interleaved_u8`] with gray spread over three channels: always RGB or RGBA.
pub(super) fn interleaved_rgb_u8(image: &Image) -> (Vec<u8>, usize) {
    let (samples, alpha) = (to_u8(&image.samples), image.alpha.as_ref().map(to_u8));
    interleave(if image.channels == 1 { triple(&samples) } else { samples }, alpha, 3)
}

/// Gray spread over three channels.
pub(super) fn triple<T: Copy>(gray: &[T]) -> Vec<T> {
    gray.iter().flat_map(|&s| [s; 3]).collect()
}

fn interleave<T: Copy>(colour: Vec<T>, alpha: Option<Vec<T>>, channels: usize) -> (Vec<T>, usize) {
    let Some(alpha) = alpha else { return (colour, channels) };
    let mut out = Vec::with_capacity(colour.len() + alpha.len());
    for (pixel, a) in colour.chunks_exact(channels.max(1)).zip(alpha) {
        out.extend_from_slice(pixel);
        out.push(a);
    }
    (out, channels + 1)
}

/// 16-bit samples from their bytes, which are freed.
pub(super) fn u16_samples(bytes: Vec<u8>, value: fn([u8; 2]) -> u16) -> Samples {
    Samples::U16(bytes.as_chunks::<2>().0.iter().map(|&pair| value(pair)).collect())
}

/// Bytes of big-endian 16-bit samples.
pub(super) fn be_bytes(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_be_bytes()).collect()
}

/// Divides colours by their pixel's alpha, of which `most` is opaque.
pub(super) fn unmultiply<T: Copy + Into<u32>>(
    colours: &mut [T],
    alpha: &[T],
    channels: usize,
    most: u32,
    cast: fn(u32) -> T,
) {
    for (pixel, alpha) in colours.chunks_exact_mut(channels.max(1)).zip(alpha) {
        let alpha: u32 = (*alpha).into();
        for colour in pixel.iter_mut().filter(|_| alpha > 0) {
            let value: u32 = (*colour).into();
            *colour = cast(((value * most + alpha / 2) / alpha).min(most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_and_interleaving_are_inverse() {
        for per_pixel in 1..=4 {
            let values: Vec<u8> = (0..6 * per_pixel as u8).collect();
            let image = from_interleaved(3, 2, per_pixel, Samples::U8(values.clone())).unwrap();
            assert_eq!(interleaved_u8(&image), (values, per_pixel));
        }
        assert!(from_interleaved(3, 2, 3, Samples::U8(vec![0; 17])).is_none());
    }

    #[test]
    fn dithering_keeps_the_mean_and_is_off_by_less_than_a_step() {
        let mut seen = [0; 256];
        (0..256).for_each(|i| seen[threshold(i % 16, i / 16) as usize] += 1);
        assert_eq!(seen, [1; 256]);
        for value in [0u16, 1, 100, 257, 1000, 12_345, 30_000, 65_000, 65_434, 65_535] {
            let mut image = Image::new(32, 16, 3, crate::image::Depth::U16);
            image.samples = Samples::U16(vec![value; 32 * 16 * 3]);
            let again = dithered(&image).unwrap();
            assert_eq!(again, dithered(&image).unwrap());
            let Samples::U8(bytes) = again.samples else { panic!("8 bits") };
            let exact = f64::from(value) / 257.0;
            let mean = bytes.iter().map(|&b| f64::from(b)).sum::<f64>() / bytes.len() as f64;
            assert!((mean - exact).abs() < 0.005, "{value}: {mean} {exact}");
            assert!(bytes.iter().all(|&b| (f64::from(b) - exact).abs() < 1.0), "{value}");
        }
        let bytes = Image::new(2, 2, 1, crate::image::Depth::U8);
        assert_eq!(dithered(&bytes), None);
    }

    #[test]
    fn sixteen_bits_round_to_nearest_byte() {
        for v in 0..=65535u16 {
            let want = (f64::from(v) * 255.0 / 65535.0).round() as u8;
            assert_eq!(to_u8(&Samples::U16(vec![v])), [want]);
        }
        assert_eq!(to_u16(&Samples::U8(vec![0, 128, 255])), [0, 128 * 257, 65535]);
        assert_eq!(to_u8(&Samples::F32(vec![-1.0, 0.5, 2.0, f32::NAN])), [0, 128, 255, 0]);
    }
}
