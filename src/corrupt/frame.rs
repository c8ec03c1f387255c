//! The picture corruptions work on: float planes, nominally in \[0, 1\].

use crate::image::{Depth, Image, Samples};
use multiversion::multiversion;

/// One gray plane, or three of red, green and blue; row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// One or three planes of `width * height` values.
    pub planes: Vec<Vec<f32>>,
}

impl Frame {
    /// The colour of a picture; alpha is left out.
    pub fn from_image(image: &Image) -> Frame {
        let planes = match &image.samples {
            Samples::U8(v) => bytes_apart(v, image.channels),
            Samples::U16(v) => apart(v, image.channels, |s| f32::from(s) / 65535.0),
            Samples::F32(v) => apart(v, image.channels, |s| s),
        };
        Frame { width: image.width, height: image.height, planes }
    }

    /// The picture at a depth: clamped to \[0, 1\] and rounded to nearest.
    pub fn to_image(&self, depth: Depth) -> Image {
        let samples = match depth {
            Depth::U8 => Samples::U8(bytes_together(&self.planes)),
            // A cast keeps within the type's range.
            Depth::U16 => Samples::U16(together(&self.planes, |s| (s * 65535.0 + 0.5) as u16)),
            Depth::F32 => Samples::F32(together(&self.planes, |s| s.clamp(0.0, 1.0))),
        };
        let (width, height, channels) = (self.width, self.height, self.planes.len());
        Image { width, height, channels, samples, alpha: None }
    }

    /// The picture as floats, its values as they are.
    pub fn to_floats(&self) -> Image {
        let samples = Samples::F32(together(&self.planes, |s| s));
        let (width, height, channels) = (self.width, self.height, self.planes.len());
        Image { width, height, channels, samples, alpha: None }
    }

    /// Applies `f` to every value.
    pub fn map(&mut self, f: impl Fn(f32) -> f32) {
        self.planes.iter_mut().flatten().for_each(|v| *v = f(*v));
    }

    /// Brings every value into \[0, 1\]; NaN becomes 0.
    pub fn clamp(&mut self) {
        self.map(|v| if v > 0.0 { v.min(1.0) } else { 0.0 });
    }

    /// Luma (ITU-R BT.601, as OpenCV's gray); the plane itself for gray.
    pub fn luma(&self) -> Vec<f32> {
        match self.planes.as_slice() {
            [r, g, b] => {
                r.iter().zip(g).zip(b).map(|((r, g), b)| 0.299 * r + 0.587 * g + 0.114 * b).collect()
            }
            [gray, ..] => gray.clone(),
            [] => Vec::new(),
        }
    }
}

/// The value of a whole number from 0 to 255: that divided by 255, to the last bit. Products with the first of the two
/// parts of 1/255 are exact; a division is slow.
#[inline(always)]
pub(super) fn of_code(code: f32) -> f32 {
    code * (257.0 / 65_536.0) + code * 5.983_839e-8
}

/// The nearest whole number from 0 to 255 of a value; NaN is 0.
#[inline(always)]
pub(super) fn code(value: f32) -> f32 {
    let code = value * 255.0 + 0.5;
    let code = if code > 0.0 { code } else { 0.0 };
    (if code < 255.0 { code } else { 255.0 }).floor()
}

/// A whole number from 0 to 255 as a byte: the last bits of its sum with 2 to the power of 23. A cast is not vectorised.
#[inline(always)]
pub(super) fn byte(code: f32) -> u8 {
    (code + 8_388_608.0).to_bits() as u8
}

/// Interleaved bytes as planes.
fn bytes_apart(samples: &[u8], channels: usize) -> Vec<Vec<f32>> {
    if channels == 1 {
        return vec![values(samples)];
    }
    let (pixels, _) = samples.as_chunks::<3>();
    (0..3).map(|channel| values_of(pixels, channel)).collect()
}

#[multiversion(targets("x86_64+avx2"))]
fn values(samples: &[u8]) -> Vec<f32> {
    samples.iter().map(|s| of_code(f32::from(*s))).collect()
}

#[multiversion(targets("x86_64+avx2"))]
fn values_of(pixels: &[[u8; 3]], channel: usize) -> Vec<f32> {
    // Loops of their own, as a channel known to the compiler makes them vector code.
    match channel {
        0 => pixels.iter().map(|[s, ..]| of_code(f32::from(*s))).collect(),
        1 => pixels.iter().map(|[_, s, _]| of_code(f32::from(*s))).collect(),
        _ => pixels.iter().map(|[.., s]| of_code(f32::from(*s))).collect(),
    }
}

/// Planes as interleaved bytes.
fn bytes_together(planes: &[Vec<f32>]) -> Vec<u8> {
    let mut samples = vec![0; planes.iter().map(Vec::len).sum()];
    match planes {
        [r, g, b] => interleave([r, g, b], samples.as_chunks_mut().0),
        _ => samples.iter_mut().zip(planes.iter().flatten()).for_each(|(to, v)| *to = byte(code(*v))),
    }
    samples
}

#[multiversion(targets("x86_64+avx2"))]
fn interleave([r, g, b]: [&[f32]; 3], pixels: &mut [[u8; 3]]) {
    for (((to, r), g), b) in pixels.iter_mut().zip(r).zip(g).zip(b) {
        *to = [byte(code(*r)), byte(code(*g)), byte(code(*b))];
    }
}

/// Interleaved samples as planes.
fn apart<T: Copy>(samples: &[T], channels: usize, value: impl Fn(T) -> f32) -> Vec<Vec<f32>> {
    if channels == 1 {
        return vec![samples.iter().map(|s| value(*s)).collect()];
    }
    let (pixels, _) = samples.as_chunks::<3>();
    let mut planes = [(); 3].map(|()| vec![0.0; pixels.len()]);
    let [red, green, blue] = &mut planes;
    for (((pixel, r), g), b) in pixels.iter().zip(red).zip(green).zip(blue) {
        [*r, *g, *b] = pixel.map(&value);
    }
    Vec::from(planes)
}

/// Planes as interleaved samples.
fn together<T: Copy + Default>(planes: &[Vec<f32>], sample: impl Fn(f32) -> T) -> Vec<T> {
    let [r, g, b] = planes else {
        return planes.iter().flatten().map(|s| sample(*s)).collect();
    };
    let mut samples = vec![T::default(); 3 * r.len()];
    let (pixels, _) = samples.as_chunks_mut::<3>();
    for (((to, r), g), b) in pixels.iter_mut().zip(r).zip(g).zip(b) {
        *to = [sample(*r), sample(*g), sample(*b)];
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_values_are_those_of_a_division_and_a_cast() {
        for step in 0..=255u8 {
            assert_eq!(of_code(f32::from(step)), f32::from(step) / 255.0);
            for near in -40..=40 {
                let value = (f32::from(step) + 0.5) / 255.0;
                let value = f32::from_bits(value.to_bits().wrapping_add_signed(near));
                assert_eq!(byte(code(value)), (value * 255.0 + 0.5) as u8, "{value}");
            }
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.1, -0.0, 1e-30, 1.1, 1e30] {
            assert_eq!(byte(code(value)), (value * 255.0 + 0.5) as u8, "{value}");
        }
    }

    #[test]
    fn pictures_come_back_at_every_depth() {
        for (depth, channels) in [(Depth::U8, 3), (Depth::U16, 1), (Depth::U16, 3), (Depth::F32, 3)] {
            let mut image = Image::new(7, 5, channels, depth);
            (0..image.samples.len()).for_each(|i| image.samples.set(i, (i * 37 % 101) as f32 / 100.0));
            assert_eq!(Frame::from_image(&image).to_image(depth), image);
        }
        let open = Frame { width: 2, height: 1, planes: vec![vec![-1.0, 2.0]] };
        assert_eq!(open.to_floats().samples, Samples::F32(vec![-1.0, 2.0]));
        let wild = Frame { width: 3, height: 1, planes: vec![vec![-1.0, 2.0, f32::NAN]] };
        assert_eq!(wild.to_image(Depth::U8).samples, Samples::U8(vec![0, 255, 0]));
    }
}
