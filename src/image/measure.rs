//! What a single picture's pixels say about it: brightness, contrast, entropy, sharpness, blankness.
//!
//! All measures take the BT.601 luma, leave alpha out, hold for any size from 1x1 and are always
//! finite: non-finite float samples count as 0.

use super::{Image, gray};

pub use super::noise::noise_sigma;

fn finite_luma(image: &Image) -> Vec<f32> {
    let mut plane = gray::luma(image);
    plane.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
    plane
}

fn mean_and_variance(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (count, sum) = values.clone().fold((0.0, 0.0), |(n, s), v| (n + 1.0, s + v));
    if count == 0.0 {
        return (0.0, 0.0);
    }
    let mean = sum / count;
    (mean, values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / count)
}

/// Mean luma, in \[0, 1\].
pub fn mean(image: &Image) -> f64 {
    mean_and_variance(finite_luma(image).iter().map(|&v| f64::from(v))).0
}

/// Standard deviation of the luma (RMS contrast), in \[0, 0.5\].
pub fn contrast(image: &Image) -> f64 {
    mean_and_variance(finite_luma(image).iter().map(|&v| f64::from(v))).1.sqrt()
}

/// Shannon entropy of the histogram of the luma rounded to 8 bits, in bits: 0..=8.
pub fn entropy(image: &Image) -> f64 {
    let plane = finite_luma(image);
    let mut histogram = [0u64; 256];
    plane.iter().for_each(|v| histogram[usize::from((v * 255.0).round().clamp(0.0, 255.0) as u8)] += 1);
    let total = plane.len().max(1) as f64;
    let bits = |n: u64| -(n as f64 / total) * (n as f64 / total).log2();
    histogram.into_iter().filter(|&n| n > 0).map(bits).sum::<f64>().max(0.0)
}

/// Variance of the 4-neighbour Laplacian of the luma on the \[0, 255\] scale.
///
/// The common focus measure: higher is sharper, but noise raises it too. Taken over the pixels that
/// have all four neighbours; 0 below 3x3.
pub fn sharpness(image: &Image) -> f64 {
    if image.width < 3 || image.height < 3 {
        return 0.0;
    }
    let plane = finite_luma(image);
    let rows: Vec<&[f32]> = plane.chunks_exact(image.width).collect();
    let laplacian = rows.windows(3).flat_map(|r| {
        let (up, here, down) = (r[0], r[1], r[2]);
        (1..image.width - 1)
            .map(move |x| 255.0 * f64::from(up[x] + down[x] + here[x - 1] + here[x + 1] - 4.0 * here[x]))
    });
    mean_and_variance(laplacian).1
}

/// Whether the picture is nearly constant: [`contrast`] below two of 255 levels.
///
/// A single small word on an empty page is already more than that.
pub fn blank(image: &Image) -> bool {
    contrast(image) < 2.0 / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Depth, Samples};

    fn gray(width: usize, samples: Vec<u8>) -> Image {
        Image {
            width,
            height: samples.len() / width,
            channels: 1,
            samples: Samples::U8(samples),
            alpha: None,
        }
    }

    #[test]
    fn known_values() {
        let half = gray(4, vec![0, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!((mean(&half), contrast(&half), entropy(&half)), (0.5, 0.5, 1.0));
        let all = gray(16, (0..=255).collect());
        assert!((entropy(&all) - 8.0).abs() < 1e-9);
        // One Laplacian in a 3x3 picture: no variance. In 4x3: -4*51 and +51 around their mean.
        assert_eq!(sharpness(&gray(3, vec![0, 0, 0, 0, 9, 0, 0, 0, 0])), 0.0);
        let sharp = sharpness(&gray(4, vec![0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0]));
        assert!((sharp - (255.0f64 / 2.0).powi(2)).abs() < 1e-2, "{sharp}");
    }

    #[test]
    fn blank_pages_and_others() {
        assert!(blank(&gray(100, (0..10_000).map(|i| 250 + (i % 3) as u8).collect())));
        assert!(!blank(&gray(100, (0..10_000).map(|i| if i % 1000 == 0 { 20 } else { 250 }).collect())));
    }

    #[test]
    fn every_measure_is_finite_for_tiny_and_for_broken_pictures() {
        let mut odd = Image::new(5, 4, 3, Depth::F32);
        odd.samples = Samples::F32((0..60).map(|i| [f32::NAN, f32::INFINITY, -2.0, 0.5][i % 4]).collect());
        let tiny = [(1, 1), (2, 1), (1, 9), (3, 3), (8, 8)];
        for image in tiny.map(|(w, h)| Image::new(w, h, 3, Depth::U16)).iter().chain([&odd]) {
            for measure in [mean, contrast, entropy, sharpness, noise_sigma] {
                assert!(measure(image).is_finite(), "{}x{}", image.width, image.height);
            }
        }
    }
}
