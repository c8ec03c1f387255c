//! Drawing by shaders: colours in linear light, antialiased rendering into pictures.

use rayon::prelude::*;
use safelight::image::{Image, Samples};
use std::ops::{Add, Mul, Sub};

/// A point or direction in space, or a colour in linear light.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct V3(pub f32, pub f32, pub f32);

impl Add for V3 {
    type Output = V3;
    fn add(self, o: V3) -> V3 {
        V3(self.0 + o.0, self.1 + o.1, self.2 + o.2)
    }
}

impl Sub for V3 {
    type Output = V3;
    fn sub(self, o: V3) -> V3 {
        V3(self.0 - o.0, self.1 - o.1, self.2 - o.2)
    }
}

impl Mul<f32> for V3 {
    type Output = V3;
    fn mul(self, k: f32) -> V3 {
        V3(self.0 * k, self.1 * k, self.2 * k)
    }
}

/// Component by component: the light that a surface of colour `self` returns.
impl Mul for V3 {
    type Output = V3;
    fn mul(self, o: V3) -> V3 {
        V3(self.0 * o.0, self.1 * o.1, self.2 * o.2)
    }
}

impl V3 {
    /// Inner product.
    pub fn dot(self, o: V3) -> f32 {
        self.0 * o.0 + self.1 * o.1 + self.2 * o.2
    }

    /// Length.
    pub fn len(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction at length 1.
    pub fn unit(self) -> V3 {
        self * (1.0 / self.len().max(1e-9))
    }

    /// Cross product.
    pub fn cross(self, o: V3) -> V3 {
        V3(self.1 * o.2 - self.2 * o.1, self.2 * o.0 - self.0 * o.2, self.0 * o.1 - self.1 * o.0)
    }
}

/// An sRGB colour written 0xRRGGBB, in linear light.
pub fn srgb(hex: u32) -> V3 {
    let part = |shift: u32| to_linear((hex >> shift & 0xff) as f32 / 255.0);
    V3(part(16), part(8), part(0))
}

/// Linear light of an sRGB value, both in \[0, 1\].
pub fn to_linear(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// sRGB value of linear light, clamped to \[0, 1\].
pub fn to_srgb(v: f32) -> f32 {
    let v = v.clamp(0.0, 1.0);
    if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// From `a` at `t` 0 to `b` at `t` 1, `t` clamped.
pub fn mix(a: V3, b: V3, t: f32) -> V3 {
    a + (b - a) * t.clamp(0.0, 1.0)
}

/// 0 below `low`, 1 above `high`, smooth between; `low` may be above `high`.
pub fn step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Renders `shader` with `aa` x `aa` samples a pixel into a float sRGB picture.
///
/// The shader gets (x, y) in units of the picture's height, y downwards: y in 0..1, x from 0 to the
/// aspect ratio.
pub fn render(width: usize, height: usize, aa: usize, shader: impl Fn(f32, f32) -> V3 + Sync) -> Image {
    let unit = 1.0 / (height * aa) as f32;
    let share = 1.0 / (aa * aa) as f32;
    let pixel = &|x: usize, y: usize| {
        let mut sum = V3::default();
        for s in 0..aa * aa {
            let (sx, sy) = ((x * aa + s % aa) as f32 + 0.5, (y * aa + s / aa) as f32 + 0.5);
            let c = shader(sx * unit, sy * unit);
            // Highlights are clipped a sample, not a pixel: their edges stay smooth.
            sum = sum + V3(c.0.clamp(0.0, 1.0), c.1.clamp(0.0, 1.0), c.2.clamp(0.0, 1.0));
        }
        [sum.0, sum.1, sum.2].map(|v| to_srgb(v * share))
    };
    let row = |y: usize| (0..width).flat_map(move |x| pixel(x, y)).collect::<Vec<f32>>();
    let samples = (0..height).into_par_iter().flat_map_iter(&row).collect();
    Image::from_samples((width, height), 3, Samples::F32(samples), None)
        .expect("a sample for each pixel and channel")
}
