//! What cameras, films and scanners do to a clean picture.

use super::draw::{to_linear, to_srgb};
use super::rng::SplitMix64;
use safelight::image::{Image, Samples};

/// Poisson-Gaussian sensor noise: variance `shot` * light + `read`² in linear light, independent in
/// every sample. Returns a float sRGB picture in \[0, 1\]; alpha is kept.
///
/// `shot` .03 and `read` .01 look like a small sensor in a dim room: sigma 20 to 30 of 255.
pub fn camera_noise(image: &Image, shot: f32, read: f32, rng: &mut SplitMix64) -> Image {
    map(image, |v| {
        let light = to_linear(v.clamp(0.0, 1.0));
        to_srgb(light + (shot * light + read * read).sqrt() * rng.normal())
    })
}

/// Film grain of standard deviation `strength` (of \[0, 1\]) at mid-gray, less in shadows and
/// highlights: clumps about two pixels wide, alike in all channels.
pub fn film_grain(image: &Image, strength: f32, rng: &mut SplitMix64) -> Image {
    let (w, h) = (image.width(), image.height());
    let white: Vec<f32> = (0..w * h).map(|_| rng.normal()).collect();
    // A 3x3 binomial blur, rescaled so that the grain keeps unit variance.
    let at = |x: usize, y: usize| white[y.min(h - 1) * w + x.min(w - 1)];
    let grain = |i: usize| {
        let (x, y) = (i % w, i / w);
        let row = |y: usize| at(x.saturating_sub(1), y) + 2.0 * at(x, y) + at(x + 1, y);
        (row(y.saturating_sub(1)) + 2.0 * row(y) + row(y + 1)) / 6.0
    };
    let mut i = 0;
    map(image, |v| {
        let v = v.clamp(0.0, 1.0);
        let noise = grain(i / image.channels()) * strength * (0.35 + 2.6 * v * (1.0 - v));
        i += 1;
        (v + noise).clamp(0.0, 1.0)
    })
}

/// Every colour sample through `f`, in order.
fn map(image: &Image, mut f: impl FnMut(f32) -> f32) -> Image {
    let samples = Samples::F32((0..image.samples().len()).map(|i| f(image.samples().get(i))).collect());
    let size = (image.width(), image.height());
    // As many as there were.
    Image::from_samples(size, image.channels(), samples, image.alpha().cloned())
        .unwrap_or_else(|_| image.clone())
}
