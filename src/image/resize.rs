//! Resampling to another size, and working out that size.

use super::{Depth, Image, Samples};
use fast_image_resize as fir;

/// How new pixels are made from old ones. All but `Nearest` widen with the shrinking factor, so
/// that shrinking is antialiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// The nearest old pixel.
    Nearest,
    /// The mean of the old pixels a new one covers.
    Area,
    /// Linear interpolation.
    Bilinear,
    /// Cubic interpolation, a = -0.5 (Catmull-Rom; what MATLAB and Pillow call bicubic).
    Bicubic,
    /// Windowed sinc over three lobes.
    #[default]
    Lanczos3,
}

impl Filter {
    fn algorithm(self) -> fir::ResizeAlg {
        match self {
            Filter::Nearest => fir::ResizeAlg::Nearest,
            Filter::Area => fir::ResizeAlg::Convolution(fir::FilterType::Box),
            Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
            Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
            Filter::Lanczos3 => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
        }
    }
}

/// `image` at `width` x `height` (each at least 1), of the same depth and channels.
///
/// Colour is weighed by alpha while resampling, so that what hides under transparent pixels never
/// shows; fully transparent results are black, except with `Nearest`, which copies pixels as they
/// are. Values overshoot [0, 1] only in float pictures.
///
/// # Panics
/// When the picture's samples don't fit its size, or a side is above 2^32 - 1.
pub fn resize(image: &Image, width: usize, height: usize, filter: Filter) -> Image {
    let size = (width.max(1), height.max(1));
    let old = (image.width, image.height);
    if size == old {
        return image.clone();
    }
    let plain = |samples: &Samples, channels| resample(samples, channels, old, size, filter);
    let (samples, alpha) = match &image.alpha {
        Some(alpha) if filter != Filter::Nearest => {
            let mixed = resample(&premultiply(image, alpha), image.channels + 1, old, size, filter);
            unmultiply(&mixed, image.channels, image.depth())
        }
        alpha => (plain(&image.samples, image.channels), alpha.as_ref().map(|a| plain(a, 1))),
    };
    Image { width: size.0, height: size.1, channels: image.channels, samples, alpha }
}

/// Float samples of colour times alpha, then alpha, interleaved.
fn premultiply(image: &Image, alpha: &Samples) -> Samples {
    let channels = image.channels;
    let mut out = Vec::with_capacity((channels + 1) * alpha.len());
    for i in 0..alpha.len() {
        let a = alpha.get(i);
        out.extend((0..channels).map(|c| image.samples.get(i * channels + c) * a));
        out.push(a);
    }
    Samples::F32(out)
}

/// Undoes [`premultiply`] into colour and alpha of `depth`.
fn unmultiply(mixed: &Samples, channels: usize, depth: Depth) -> (Samples, Option<Samples>) {
    let pixels = mixed.len() / (channels + 1);
    let mut samples = Samples::zeroed(depth, pixels * channels);
    let mut alpha = Samples::zeroed(depth, pixels);
    for i in 0..pixels {
        let at = i * (channels + 1);
        // Filters with negative lobes may leave [0, 1]; colour under an alpha that small is noise.
        let a = mixed.get(at + channels).clamp(0.0, 1.0);
        alpha.set(i, a);
        if a > 1e-4 {
            for c in 0..channels {
                samples.set(i * channels + c, mixed.get(at + c) / a);
            }
        }
    }
    (samples, Some(alpha))
}

type Size = (usize, usize);

/// Resamples channel by channel in float: one pixel type keeps the program small, and nothing is
/// rounded between the passes.
fn resample(samples: &Samples, channels: usize, old: Size, new: Size, filter: Filter) -> Samples {
    let mut out = Samples::zeroed(samples.depth(), new.0 * new.1 * channels);
    for c in 0..channels {
        let plane: Vec<f32> = (0..old.0 * old.1).map(|i| samples.get(i * channels + c)).collect();
        match convolve(&plane, old, new, filter) {
            Ok(plane) => plane.into_iter().enumerate().for_each(|(i, v)| out.set(i * channels + c, v)),
            Err(error) => panic!("resize from {old:?} to {new:?}: {error}"),
        }
    }
    out
}

fn convolve(
    plane: &[f32],
    old: Size,
    new: Size,
    filter: Filter,
) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    use fir::images::{TypedImage, TypedImageRef};
    use fir::pixels::F32;
    let from = bytemuck::cast_slice(plane);
    let from = TypedImageRef::<F32>::from_buffer(u32::try_from(old.0)?, u32::try_from(old.1)?, from)?;
    let mut out = vec![0.0f32; new.0 * new.1];
    let to = bytemuck::cast_slice_mut(&mut out);
    let mut to = TypedImage::<F32>::from_buffer(u32::try_from(new.0)?, u32::try_from(new.1)?, to)?;
    let options = fir::ResizeOptions::new().resize_alg(filter.algorithm()).use_alpha(false);
    fir::Resizer::new().resize_typed(&from, &mut to, &options)?;
    Ok(out)
}

/// A wanted size; whatever is left out doesn't constrain it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TargetSize {
    /// Width in pixels. With `height`, both are met exactly and the aspect may change.
    pub width: Option<usize>,
    /// Height in pixels.
    pub height: Option<usize>,
    /// Length of the longer side in pixels.
    pub long_side: Option<usize>,
    /// Length of the shorter side in pixels.
    pub short_side: Option<usize>,
    /// Factor for both sides.
    pub scale: Option<f64>,
    /// Whether a side may grow; where not, a factor above 1 counts as 1.
    pub enlarge: bool,
}

impl TargetSize {
    /// The (width, height) for a picture of `width` x `height`: at least 1x1, at most 2^32 - 1 a side.
    ///
    /// Aspect is kept unless both `width` and `height` are given; of several other constraints the
    /// smallest result wins. Without any the size stays.
    pub fn of(&self, width: usize, height: usize) -> (usize, usize) {
        let (w, h) = (width.max(1) as f64, height.max(1) as f64);
        let limit = |factor: f64| if self.enlarge { factor } else { factor.min(1.0) };
        let side =
            |old: f64, factor: f64| (old * limit(factor)).round().max(1.0).min(f64::from(u32::MAX)) as usize;
        if let (Some(width), Some(height)) = (self.width, self.height) {
            return (side(w, width as f64 / w), side(h, height as f64 / h));
        }
        let factors = [
            self.width.map(|v| v as f64 / w),
            self.height.map(|v| v as f64 / h),
            self.long_side.map(|v| v as f64 / w.max(h)),
            self.short_side.map(|v| v as f64 / w.min(h)),
            self.scale,
        ];
        let factor = factors.into_iter().flatten().reduce(f64::min).unwrap_or(1.0);
        (side(w, factor), side(h, factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::compare::psnr;
    use crate::image::crop::{Rect, crop};
    use crate::image::gray::studio_luma;

    const FILTERS: [Filter; 5] =
        [Filter::Nearest, Filter::Area, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3];

    fn constant(depth: Depth, channels: usize, alpha: Option<f32>) -> Image {
        let mut image = Image::new(7, 5, channels, depth);
        (0..image.samples.len()).for_each(|i| image.samples.set(i, 0.6));
        image.alpha = alpha.map(|a| {
            let mut plane = Samples::zeroed(depth, 35);
            (0..35).for_each(|i| plane.set(i, a));
            plane
        });
        image
    }

    #[test]
    fn a_constant_picture_stays_constant_at_every_depth_filter_and_size() {
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            for (channels, alpha) in [(1, None), (3, None), (1, Some(0.4)), (3, Some(0.4))] {
                let image = constant(depth, channels, alpha);
                for filter in FILTERS {
                    for (w, h) in [(1, 1), (3, 9), (20, 2), (7, 5), (0, 0)] {
                        let out = resize(&image, w, h, filter);
                        assert_eq!((out.width, out.height), (w.max(1), h.max(1)));
                        assert_eq!((out.channels, out.depth()), (channels, depth));
                        assert_eq!(out.samples.len(), out.width * out.height * channels);
                        let close = |s: &Samples, v: f32| (0..s.len()).all(|i| (s.get(i) - v).abs() < 2.5e-3);
                        assert!(close(&out.samples, 0.6), "{depth:?} {channels} {filter:?} {w}x{h}");
                        assert_eq!(out.alpha.is_some(), alpha.is_some());
                        assert!(out.alpha.is_none_or(|a| close(&a, 0.4)));
                    }
                }
            }
        }
    }

    #[test]
    fn area_is_the_mean_and_shrinking_is_antialiased() {
        let samples = Samples::U8((0..64).map(|i| if i % 2 == 0 { 0 } else { 200 }).collect());
        let stripes = Image { width: 64, height: 1, channels: 1, samples, alpha: None };
        for filter in FILTERS.into_iter().filter(|f| *f != Filter::Nearest) {
            let out = resize(&stripes, 8, 1, filter);
            assert!((2..6).all(|x| (out.at(x, 0, 0) - 100.0 / 255.0).abs() < 0.05), "{filter:?}");
        }
        assert_eq!(resize(&stripes, 32, 1, Filter::Area).samples, Samples::U8(vec![100; 32]));
    }

    #[test]
    fn hidden_colour_of_transparent_pixels_never_shows() {
        // Opaque white beside fully transparent red.
        let mut image = Image::new(16, 16, 3, Depth::U8);
        let mut alpha = Samples::zeroed(Depth::U8, 256);
        for i in 0..256 {
            let left = i % 16 < 8;
            image.samples.set(i * 3, 1.0);
            image.samples.set(i * 3 + 1, if left { 1.0 } else { 0.0 });
            image.samples.set(i * 3 + 2, if left { 1.0 } else { 0.0 });
            alpha.set(i, if left { 1.0 } else { 0.0 });
        }
        image.alpha = Some(alpha);
        for filter in FILTERS {
            for size in [3, 5, 37] {
                let out = resize(&image, size, size, filter);
                let alpha = out.alpha.as_ref().unwrap();
                for i in 0..size * size {
                    let red = out.samples.get(i * 3) - out.samples.get(i * 3 + 1);
                    assert!(alpha.get(i) == 0.0 || red.abs() < 0.01, "{filter:?} {size} {i}");
                }
            }
        }
    }

    #[test]
    fn target_sizes() {
        let none = TargetSize { enlarge: true, ..Default::default() };
        assert_eq!(none.of(640, 480), (640, 480));
        assert_eq!(TargetSize { width: Some(320), ..none }.of(640, 480), (320, 240));
        assert_eq!(TargetSize { height: Some(960), ..none }.of(640, 480), (1280, 960));
        assert_eq!(TargetSize { width: Some(50), height: Some(70), ..none }.of(640, 480), (50, 70));
        assert_eq!(TargetSize { long_side: Some(100), ..none }.of(480, 640), (75, 100));
        assert_eq!(TargetSize { short_side: Some(100), ..none }.of(480, 640), (100, 133));
        assert_eq!(TargetSize { scale: Some(0.5), ..none }.of(3, 1), (2, 1));
        assert_eq!(TargetSize { scale: Some(1e-9), ..none }.of(3, 1), (1, 1));
        assert_eq!(TargetSize { long_side: Some(100), short_side: Some(10), ..none }.of(40, 20), (20, 10));
        let shrink = TargetSize { enlarge: false, ..none };
        assert_eq!(TargetSize { scale: Some(3.0), ..shrink }.of(4, 5), (4, 5));
        assert_eq!(TargetSize { width: Some(100), height: Some(2), ..shrink }.of(4, 5), (4, 2));
        assert_eq!(TargetSize { scale: Some(f64::NAN), ..none }.of(4, 5), (1, 1));
    }

    #[test]
    fn bicubic_meets_the_published_set5_figures() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/set5");
        if !root.is_dir() {
            eprintln!("skipped: the Set5 images are not there");
            return;
        }
        let load = |scale: usize, i: usize, kind: &str| {
            let path = root.join(format!("x{scale}/img_00{i}_SRF_{scale}_{kind}.png"));
            let rgb = ::image::open(&path).unwrap().to_rgb8();
            let (width, height) = (rgb.width() as usize, rgb.height() as usize);
            Image { width, height, channels: 3, samples: Samples::U8(rgb.into_raw()), alpha: None }
        };
        for (scale, expected) in [(2, 33.66), (3, 30.39), (4, 28.42)] {
            let mut sum = 0.0;
            for i in 1..=5 {
                let (low, high) = (load(scale, i, "LR"), load(scale, i, "HR"));
                let up = resize(&low, low.width * scale, low.height * scale, Filter::Bicubic);
                let inside = |image: &Image| {
                    let (width, height) = (up.width - 2 * scale, up.height - 2 * scale);
                    crop(&studio_luma(image), Rect { x: scale, y: scale, width, height }).unwrap()
                };
                sum += psnr(&inside(&up), &inside(&high)).unwrap();
            }
            assert!((sum / 5.0 - expected).abs() < 0.05, "x{scale}: {} dB", sum / 5.0);
        }
    }
}
