//! The picture corruptions work on: float planes, nominally in \[0, 1\].

use crate::image::{Depth, Image, Samples};

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
            Samples::U8(v) => apart(v, image.channels, |s| f32::from(s) / 255.0),
            Samples::U16(v) => apart(v, image.channels, |s| f32::from(s) / 65535.0),
            Samples::F32(v) => apart(v, image.channels, |s| s),
        };
        Frame { width: image.width, height: image.height, planes }
    }

    /// The picture at a depth: clamped to \[0, 1\] and rounded to nearest.
    pub fn to_image(&self, depth: Depth) -> Image {
        let samples = match depth {
            // A cast keeps within the type's range.
            Depth::U8 => Samples::U8(together(&self.planes, |s| (s * 255.0 + 0.5) as u8)),
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
