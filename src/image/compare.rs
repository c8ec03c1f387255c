//! How far two pictures of the same shape are apart: MSE, PSNR and SSIM.

use super::{Image, gray};

/// Two pictures that should have the same shape and don't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "can't compare a {}x{} picture of {} channel(s) with one of {}x{} and {} channel(s): resize, crop or \
     convert one of them first",
    .0.0, .0.1, .0.2, .1.0, .1.1, .1.2
)]
pub struct ShapeMismatch((usize, usize, usize), (usize, usize, usize));

fn same_shape(a: &Image, b: &Image) -> Result<(), ShapeMismatch> {
    let shape = |i: &Image| (i.width, i.height, i.channels);
    if shape(a) == shape(b) { Ok(()) } else { Err(ShapeMismatch(shape(a), shape(b))) }
}

/// Mean squared error of the colour samples, both on the \[0, 1\] scale whatever their depth.
///
/// Alpha is left out. Non-finite samples give a non-finite result.
pub fn mse(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    same_shape(a, b)?;
    let len = a.samples.len();
    let square = |i| f64::from(a.samples.get(i) - b.samples.get(i)).powi(2);
    Ok((0..len).map(square).sum::<f64>() / len.max(1) as f64)
}

/// Peak signal-to-noise ratio in dB, peak 1 (255 for 8 bits), over all channels together; infinite
/// for equal pictures.
pub fn psnr(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    Ok(-10.0 * mse(a, b)?.log10())
}

/// Side and standard deviation of the SSIM window.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// Structural similarity (Wang et al. 2004): Gaussian window 11x11 with sigma 1.5, K1 .01, K2 .03,
/// peak 1, mean over the valid region and over the channels; 1 for equal pictures.
///
/// Where a side is below 11 the window shrinks to the largest odd size that fits. Alpha is left out.
pub fn ssim(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    same_shape(a, b)?;
    let sum: f64 =
        (0..a.channels).map(|c| ssim_plane(&gray::plane(a, c), &gray::plane(b, c), a.width, a.height)).sum();
    Ok(sum / a.channels.max(1) as f64)
}

fn ssim_plane(a: &[f32], b: &[f32], width: usize, height: usize) -> f64 {
    let fit = WINDOW.min(width).min(height);
    let window = gaussian(if fit.is_multiple_of(2) { fit - 1 } else { fit });
    let blurred = |f: &dyn Fn(f64, f64) -> f64| {
        let plane: Vec<f64> = a.iter().zip(b).map(|(&a, &b)| f(f64::from(a), f64::from(b))).collect();
        blur_valid(&plane, width, &window)
    };
    let (mean_a, mean_b) = (blurred(&|a, _| a), blurred(&|_, b| b));
    let (square_a, square_b, product) =
        (blurred(&|a, _| a * a), blurred(&|_, b| b * b), blurred(&|a, b| a * b));
    let mut sum = 0.0;
    for i in 0..mean_a.len() {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (square_a[i] - ma * ma, square_b[i] - mb * mb, product[i] - ma * mb);
        sum += (2.0 * ma * mb + C1) * (2.0 * cov + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
    }
    sum / mean_a.len().max(1) as f64
}

fn gaussian(size: usize) -> Vec<f64> {
    let middle = (size / 2) as f64;
    let raw: Vec<f64> =
        (0..size).map(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|v| v / sum).collect()
}

/// Separable convolution over the region where the window fits.
fn blur_valid(plane: &[f64], width: usize, window: &[f64]) -> Vec<f64> {
    let across = width + 1 - window.len();
    // Tap by tap over whole rows, which compilers turn into vector code.
    let mut rows = vec![0.0; plane.len() / width * across];
    for (to, row) in rows.chunks_exact_mut(across).zip(plane.chunks_exact(width)) {
        for (from, k) in row.windows(across).zip(window) {
            to.iter_mut().zip(from).for_each(|(t, v)| *t += v * k);
        }
    }
    let down = (rows.len() / across + 1).saturating_sub(window.len());
    let mut out = vec![0.0; across * down];
    for (y, to) in out.chunks_exact_mut(across).enumerate() {
        for (row, k) in rows[y * across..].chunks_exact(across).zip(window) {
            to.iter_mut().zip(row).for_each(|(t, v)| *t += v * k);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Depth, Samples};

    fn pattern(width: usize, height: usize, channels: usize, salt: usize) -> Image {
        let len = width * height * channels;
        let samples =
            Samples::U8((0..len).map(|i| ((i * i * 31 + i * 7 + salt * i % 97) % 251) as u8).collect());
        Image { width, height, channels, samples, alpha: None }
    }

    #[test]
    fn known_values() {
        let black = Image::new(4, 4, 1, Depth::U8);
        let mut gray = black.clone();
        gray.samples = Samples::U8(vec![51; 16]);
        assert!((mse(&black, &gray).unwrap() - 0.04).abs() < 1e-7);
        assert!((psnr(&black, &gray).unwrap() - 13.9794).abs() < 1e-3);
        assert_eq!(psnr(&gray, &gray).unwrap(), f64::INFINITY);
        // Constant pictures: only the luminance term is left.
        let expected = C1 / (0.04 + C1);
        assert!((ssim(&black, &gray).unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn depths_are_on_one_scale() {
        let a = pattern(20, 15, 3, 1);
        let mut wide = Image::new(20, 15, 3, Depth::U16);
        (0..a.samples.len()).for_each(|i| wide.samples.set(i, a.samples.get(i)));
        assert!(mse(&a, &wide).unwrap() < 1e-12);
        assert!(ssim(&a, &wide).unwrap() > 0.999_999);
    }

    #[test]
    fn ssim_agrees_with_its_definition() {
        let (a, b) = (pattern(17, 14, 1, 1), pattern(17, 14, 1, 5));
        let k = gaussian(11);
        let (mut sum, mut count) = (0.0, 0);
        for y in 0..=3 {
            for x in 0..=6 {
                let mut m = [0.0; 5];
                for dy in 0..11 {
                    for dx in 0..11 {
                        let w = k[dy] * k[dx];
                        let (p, q) = (f64::from(a.at(x + dx, y + dy, 0)), f64::from(b.at(x + dx, y + dy, 0)));
                        [p, q, p * p, q * q, p * q].iter().zip(&mut m).for_each(|(v, m)| *m += w * v);
                    }
                }
                let (va, vb, cov) = (m[2] - m[0] * m[0], m[3] - m[1] * m[1], m[4] - m[0] * m[1]);
                sum += (2.0 * m[0] * m[1] + C1) * (2.0 * cov + C2)
                    / ((m[0] * m[0] + m[1] * m[1] + C1) * (va + vb + C2));
                count += 1;
            }
        }
        assert!((ssim(&a, &b).unwrap() - sum / f64::from(count)).abs() < 1e-9);
    }

    #[test]
    fn ssim_of_a_picture_with_itself_is_one_at_any_size() {
        for (w, h) in [(1, 1), (2, 1), (10, 3), (11, 11), (40, 12)] {
            let image = pattern(w, h, 3, 3);
            assert!((ssim(&image, &image).unwrap() - 1.0).abs() < 1e-9, "{w}x{h}");
        }
    }

    #[test]
    fn other_shapes_are_an_error() {
        let error = psnr(&pattern(4, 4, 1, 0), &pattern(4, 5, 3, 0)).unwrap_err().to_string();
        assert!(error.contains("4x4") && error.contains("4x5"), "{error}");
    }
}
