//! From a picture to a network's numbers.

use super::settings::{Preprocess, Rounding, Target};
use crate::image::cubic::Region;
use crate::image::pillow::{Bytes, Kernel, resize_part};
use crate::image::resize::{Filter, resize};
use crate::image::{Image, Samples};
use crate::nn::axes::Layout;
use std::borrow::Cow;

impl Preprocess {
    /// The numbers for a network of 1 or 3 channels. The picture is taken as 8-bit gray or RGB, upright, on white where it
    /// is transparent, as transformers takes it.
    pub(in crate::nn) fn numbers(&self, image: &Image, channels: usize, layout: Layout) -> Vec<f32> {
        let bytes = bytes(image, channels);
        let old = (image.width, image.height);
        let new = self.resized(old);
        let (width, height) = self.size();
        let (left, right) = self.along(new.0, width);
        let (top, bottom) = self.along(new.1, height);
        let part = Region {
            x: left.inner,
            y: top.inner,
            width: right.inner - left.inner,
            height: bottom.inner - top.inner,
        };
        let kernel = self.resize.map_or(Kernel::Nearest, |(_, kernel)| kernel);
        let mut out = vec![0.0; width * height * channels];
        let (per_pixel, per_channel) = match layout {
            Layout::Nchw => (1, width * height),
            Layout::Nhwc => (channels, 1),
        };
        let mut put = |c: usize, get: &dyn Fn(usize) -> f32, border: f32| {
            let plane = &mut out[c * per_channel..];
            if part.width < width || part.height < height {
                plane.iter_mut().step_by(per_pixel).take(width * height).for_each(|to| *to = border);
            }
            for y in 0..part.height {
                let line = &mut plane[((top.outer + y) * width + left.outer) * per_pixel..];
                let first = y * part.width * channels + c;
                for (x, to) in line.iter_mut().step_by(per_pixel).take(part.width).enumerate() {
                    *to = get(first + x * channels);
                }
            }
        };
        if self.unrounded {
            let floats = unrounded(&bytes, old, channels, new, kernel, part);
            for c in 0..channels {
                let number = |sample: f32| self.number(f64::from(sample), c);
                put(c, &|i| number(floats[i]), number(0.0));
            }
        } else {
            let from = Bytes { samples: &bytes, size: old, channels };
            let samples = resize_part(from, new, kernel, part);
            for c in 0..channels {
                let table: Vec<f32> = (0..=255).map(|sample| self.number(f64::from(sample), c)).collect();
                put(c, &|i| table[usize::from(samples[i])], table[0]);
            }
        }
        out
    }

    /// The size after resizing, before the crop.
    fn resized(&self, (width, height): (usize, usize)) -> (usize, usize) {
        // Rounded down, as Python's `int(side * long / short)`.
        let longer = |side: usize, long: usize, short: usize| ((side * long) as f64 / short as f64) as usize;
        match self.resize {
            None => (width, height),
            Some((Target::Exact(width, height), _)) => (width, height),
            Some((Target::Shortest(side), _)) if width <= height => (side, longer(side, height, width)),
            Some((Target::Shortest(side), _)) => (longer(side, width, height), side),
        }
    }

    /// Where the crop of `wanted` pixels begins and ends on a side of `side` pixels.
    fn along(&self, side: usize, wanted: usize) -> (Edge, Edge) {
        if side < wanted {
            let outer = (wanted - side) / 2;
            return (Edge { inner: 0, outer }, Edge { inner: side, outer: outer + side });
        }
        let twice = side - wanted;
        let even = self.crop.is_some_and(|crop| crop.rounding == Rounding::Even);
        let inner = twice / 2 + usize::from(even && twice % 4 == 3);
        (Edge { inner, outer: 0 }, Edge { inner: inner + wanted, outer: wanted })
    }

    fn number(&self, sample: f64, channel: usize) -> f32 {
        let pick = |values: &[f64]| values.get(channel).or(values.first()).copied();
        let (mean, std) = (pick(&self.scale.mean).unwrap_or(0.0), pick(&self.scale.std).unwrap_or(1.0));
        ((sample * self.scale.factor - mean) / std) as f32
    }
}

/// The same place in the resized picture and in the result.
#[derive(Clone, Copy)]
struct Edge {
    inner: usize,
    outer: usize,
}

/// The part of a picture resized as floats, on the scale of bytes.
fn unrounded(
    bytes: &[u8],
    (width, height): (usize, usize),
    channels: usize,
    new: (usize, usize),
    kernel: Kernel,
    part: Region,
) -> Vec<f32> {
    let filter = match kernel {
        Kernel::Nearest => Filter::Nearest,
        Kernel::Box => Filter::Area,
        Kernel::Bilinear | Kernel::Hamming => Filter::Bilinear,
        Kernel::Bicubic => Filter::Bicubic,
        Kernel::Lanczos => Filter::Lanczos3,
    };
    let samples = Samples::F32(bytes.iter().map(|v| f32::from(*v)).collect());
    let resized = resize(&Image { width, height, channels, samples, alpha: None }, new.0, new.1, filter);
    let rows = part.y..part.y + part.height;
    let line = |y: usize| (y * new.0 + part.x) * channels..(y * new.0 + part.x + part.width) * channels;
    rows.flat_map(line).map(|i| resized.samples.get(i)).collect()
}

/// 8-bit samples of 1 or 3 channels, on white.
fn bytes(image: &Image, channels: usize) -> Cow<'_, [u8]> {
    let colours = eight_bits(&image.samples);
    let colours = match &image.alpha {
        None => colours,
        Some(alpha) => Cow::Owned(on_white(&colours, &eight_bits(alpha), image.channels)),
    };
    match (image.channels, channels) {
        (1, 3) => Cow::Owned(colours.iter().flat_map(|v| [*v; 3]).collect()),
        (3, 1) => Cow::Owned(colours.as_chunks::<3>().0.iter().map(|rgb| luma(*rgb)).collect()),
        _ => colours,
    }
}

fn eight_bits(samples: &Samples) -> Cow<'_, [u8]> {
    match samples {
        Samples::U8(v) => Cow::Borrowed(v),
        Samples::U16(v) => Cow::Owned(v.iter().map(|v| ((u32::from(*v) + 128) / 257) as u8).collect()),
        Samples::F32(v) => {
            Cow::Owned(v.iter().map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8).collect())
        }
    }
}

/// As Pillow's `alpha_composite` over white.
fn on_white(colours: &[u8], alpha: &[u8], channels: usize) -> Vec<u8> {
    let mixed = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        let sum = ((colour * alpha + 255 * (255 - alpha)) << 7) + (0x80 << 7);
        ((((sum >> 8) + sum) >> 8) >> 7) as u8
    };
    let pixels = colours.chunks_exact(channels).zip(alpha);
    pixels.flat_map(|(pixel, alpha)| pixel.iter().map(move |colour| mixed(*colour, *alpha))).collect()
}

/// As Pillow's `convert("L")`.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests;
