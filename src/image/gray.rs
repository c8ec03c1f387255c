//! Gray from colour and back, by the BT.601 luma weights.

use super::{Image, Samples};
use multiversion::multiversion;

/// BT.601 full-range weights of red, green and blue.
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

#[inline(always)]
fn weigh(r: f32, g: f32, b: f32) -> f32 {
    WEIGHTS[0] * r + WEIGHTS[1] * g + WEIGHTS[2] * b
}

/// The same in thousandths, for exact rounding of integer samples.
fn weigh_integer(r: u32, g: u32, b: u32) -> u32 {
    (299 * r + 587 * g + 114 * b + 500) / 1000
}

/// BT.601 luma of every pixel in \[0, 1\], row by row; the channel itself for a gray picture.
pub fn luma(image: &Image) -> Vec<f32> {
    if image.channels != 3 {
        return plane(image, 0);
    }
    let mut out = vec![0.0; image.width * image.height];
    luma_from(image, 0, &mut out);
    out
}

/// As many of these as `out` holds, from pixel `start` on.
pub fn luma_from(image: &Image, start: usize, out: &mut [f32]) {
    let step = image.channels;
    let range = start * step..(start + out.len()) * step;
    match &image.samples {
        Samples::U8(v) if step == 3 => weigh_bytes(v[range].as_chunks().0, out),
        Samples::U16(v) if step == 3 => weigh_words(v[range].as_chunks().0, out),
        Samples::F32(v) if step == 3 => {
            for (out, [r, g, b]) in out.iter_mut().zip(v[range].as_chunks().0) {
                *out = weigh(*r, *g, *b);
            }
        }
        samples => {
            for (out, at) in out.iter_mut().zip(range.step_by(step.max(1))) {
                *out = samples.get(at);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn weigh_bytes(pixels: &[[u8; 3]], out: &mut [f32]) {
    let n = out.len().min(pixels.len());
    let (pixels, out) = (&pixels[..n], &mut out[..n]);
    for i in 0..n {
        let [r, g, b] = pixels[i];
        out[i] = weigh(f32::from(r), f32::from(g), f32::from(b)) / 255.0;
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn weigh_words(pixels: &[[u16; 3]], out: &mut [f32]) {
    let n = out.len().min(pixels.len());
    let (pixels, out) = (&pixels[..n], &mut out[..n]);
    for i in 0..n {
        let [r, g, b] = pixels[i];
        out[i] = weigh(f32::from(r), f32::from(g), f32::from(b)) / 65535.0;
    }
}

/// Colour channel `channel` of every pixel in \[0, 1\], row by row. `channel` must exist.
pub fn plane(image: &Image, channel: usize) -> Vec<f32> {
    let step = image.channels;
    match &image.samples {
        Samples::U8(v) => v.iter().skip(channel).step_by(step).map(|&s| f32::from(s) / 255.0).collect(),
        Samples::U16(v) => v.iter().skip(channel).step_by(step).map(|&s| f32::from(s) / 65535.0).collect(),
        Samples::F32(v) => v.iter().skip(channel).step_by(step).copied().collect(),
    }
}

/// The gray (one-channel) version of a picture, of the same depth, its alpha kept.
///
/// Full-range BT.601 luma, rounded to nearest for integer depths: neutral pixels keep their value.
pub fn to_gray(image: &Image) -> Image {
    if image.channels == 1 {
        return image.clone();
    }
    let samples = match &image.samples {
        Samples::U8(v) => Samples::U8(
            v.as_chunks()
                .0
                .iter()
                .map(|&[r, g, b]| weigh_integer(u32::from(r), u32::from(g), u32::from(b)) as u8)
                .collect(),
        ),
        Samples::U16(v) => Samples::U16(
            v.as_chunks()
                .0
                .iter()
                .map(|&[r, g, b]| weigh_integer(u32::from(r), u32::from(g), u32::from(b)) as u16)
                .collect(),
        ),
        Samples::F32(v) => Samples::F32(v.as_chunks().0.iter().map(|&[r, g, b]| weigh(r, g, b)).collect()),
    };
    Image { channels: 1, samples, alpha: image.alpha.clone(), ..*image }
}

/// The RGB version of a gray picture, its value in all three channels, alpha kept.
pub fn gray_to_rgb(image: &Image) -> Image {
    fn triple<T: Copy>(v: &[T]) -> Vec<T> {
        v.iter().flat_map(|&s| [s; 3]).collect()
    }
    if image.channels == 3 {
        return image.clone();
    }
    let samples = match &image.samples {
        Samples::U8(v) => Samples::U8(triple(v)),
        Samples::U16(v) => Samples::U16(triple(v)),
        Samples::F32(v) => Samples::F32(triple(v)),
    };
    Image { channels: 3, samples, alpha: image.alpha.clone(), ..*image }
}

/// The Y of studio-range YCbCr (16..=235 on the \[0, 255\] scale) as a gray float picture in \[0, 1\],
/// unrounded: what super-resolution results are measured on. Alpha is dropped.
pub fn studio_luma(image: &Image) -> Image {
    let samples = if image.channels == 1 {
        plane(image, 0).into_iter().map(|v| (16.0 + 219.0 * v) / 255.0).collect()
    } else {
        let (r, g, b) = (plane(image, 0), plane(image, 1), plane(image, 2));
        let rg = r.into_iter().zip(g);
        rg.zip(b).map(|((r, g), b)| (16.0 + 65.481 * r + 128.553 * g + 24.966 * b) / 255.0).collect()
    };
    Image { channels: 1, samples: Samples::F32(samples), alpha: None, ..*image }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(samples: Samples) -> Image {
        Image { width: samples.len() / 3, height: 1, channels: 3, samples, alpha: None }
    }

    #[test]
    fn neutral_pixels_keep_their_value_at_every_depth() {
        let all: Vec<u8> = (0..=255).collect();
        let image = rgb(Samples::U8(all.iter().flat_map(|&v| [v; 3]).collect()));
        assert_eq!(to_gray(&image).samples, Samples::U8(all));
        let all: Vec<u16> = (0..=65535).collect();
        let image = rgb(Samples::U16(all.iter().flat_map(|&v| [v; 3]).collect()));
        assert_eq!(to_gray(&image).samples, Samples::U16(all));
    }

    #[test]
    fn primaries_weigh_as_bt601_says() {
        let gray = to_gray(&rgb(Samples::U8(vec![255, 0, 0, 0, 255, 0, 0, 0, 255])));
        assert_eq!(gray.samples, Samples::U8(vec![76, 150, 29]));
        let gray = to_gray(&rgb(Samples::F32(vec![1.0, 0.0, 0.0])));
        assert_eq!(gray.samples, Samples::F32(vec![0.299]));
        let y = studio_luma(&rgb(Samples::U8(vec![0, 0, 0, 255, 255, 255])));
        assert!((y.at(0, 0, 0) - 16.0 / 255.0).abs() < 1e-6 && (y.at(1, 0, 0) - 235.0 / 255.0).abs() < 1e-6);
    }

    #[test]
    fn gray_and_back_keeps_values_depth_and_alpha() {
        let gray = Image {
            width: 2,
            height: 1,
            channels: 1,
            samples: Samples::U16(vec![7, 60000]),
            alpha: Some(Samples::U16(vec![0, 65535])),
        };
        let colour = gray_to_rgb(&gray);
        assert_eq!(colour.samples, Samples::U16(vec![7, 7, 7, 60000, 60000, 60000]));
        assert_eq!(to_gray(&colour), gray);
    }
}
