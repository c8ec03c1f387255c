//! The picture corruptions work on: float planes, nominally in \[0, 1\].

use super::resample::{Method, resize};
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
        let n = image.channels;
        let plane = |c: usize| match &image.samples {
            Samples::U8(v) => v.iter().skip(c).step_by(n).map(|&s| f32::from(s) / 255.0).collect(),
            Samples::U16(v) => v.iter().skip(c).step_by(n).map(|&s| f32::from(s) / 65535.0).collect(),
            Samples::F32(v) => v.iter().skip(c).step_by(n).copied().collect(),
        };
        Frame { width: image.width, height: image.height, planes: (0..n).map(plane).collect() }
    }

    /// The picture at a depth: clamped to \[0, 1\] and rounded to nearest.
    pub fn to_image(&self, depth: Depth) -> Image {
        let mut image = Image::new(self.width, self.height, self.planes.len(), depth);
        let n = self.planes.len();
        for (c, plane) in self.planes.iter().enumerate() {
            match &mut image.samples {
                Samples::U8(v) => {
                    v.iter_mut()
                        .skip(c)
                        .step_by(n)
                        .zip(plane)
                        .for_each(|(to, s)| *to = (s * 255.0 + 0.5) as u8);
                }
                Samples::U16(v) => {
                    v.iter_mut()
                        .skip(c)
                        .step_by(n)
                        .zip(plane)
                        .for_each(|(to, s)| *to = (s * 65535.0 + 0.5) as u16);
                }
                Samples::F32(v) => {
                    v.iter_mut().skip(c).step_by(n).zip(plane).for_each(|(to, s)| *to = s.clamp(0.0, 1.0));
                }
            }
        }
        image
    }

    /// Brings the frame to a size (antialiased bicubic) if it has another.
    pub fn fit(&mut self, (width, height): (usize, usize)) {
        if (self.width, self.height) != (width, height) {
            resize(self, width, height, Method::Bicubic);
            self.clamp();
        }
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
        let wild = Frame { width: 3, height: 1, planes: vec![vec![-1.0, 2.0, f32::NAN]] };
        assert_eq!(wild.to_image(Depth::U8).samples, Samples::U8(vec![0, 255, 0]));
    }
}
