//! How far two pictures of the same shape are apart: MSE, PSNR, MAE, SSIM and MS-SSIM.

mod window;

use super::{Image, gray};
use window::similarity;

/// Two pictures that should have the same shape and don't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "can't compare a {}x{} picture of {} channel(s) with one of {}x{} and {} channel(s): resize, crop or \
     convert one of them first",
    .0.0, .0.1, .0.2, .1.0, .1.1, .1.2
)]
pub struct ShapeMismatch((usize, usize, usize), (usize, usize, usize));

/// A metric by its name.
#[derive(Debug)]
pub struct Metric {
    /// Name of its column.
    pub name: &'static str,
    /// What it is, for the reference.
    pub doc: &'static str,
    /// Its value for a picture and the clean one; none where it is not defined for their size.
    pub compute: fn(&Image, &Image) -> Result<Option<f64>, ShapeMismatch>,
}

/// Every metric there is, in the order of their documentation.
pub static METRICS: [Metric; 5] = [PSNR, SSIM, MS_SSIM, MAE, MSE];

/// [`psnr`], at most [`EQUAL`].
pub const PSNR: Metric = Metric {
    name: "psnr",
    doc: "`psnr` (dB, all channels together, at most 100)",
    compute: |a, b| Ok(Some(psnr(a, b)?.min(EQUAL))),
};
/// [`ssim`].
pub const SSIM: Metric = Metric {
    name: "ssim",
    doc: "`ssim` (Wang 2004, 11x11 Gaussian window, mean of the channels)",
    compute: |a, b| ssim(a, b).map(Some),
};
/// [`ms_ssim`].
pub const MS_SSIM: Metric = Metric {
    name: "ms_ssim",
    doc: "`ms_ssim` (Wang 2003, five scales, mean of the channels; no value where a side is below 161 pixels)",
    compute: ms_ssim,
};
/// [`mae`].
pub const MAE: Metric = Metric {
    name: "mae",
    doc: "`mae` (mean absolute difference, 0 to 1 scale)",
    compute: |a, b| mae(a, b).map(Some),
};
/// [`mse`].
pub const MSE: Metric =
    Metric { name: "mse", doc: "`mse` (0 to 1 scale)", compute: |a, b| mse(a, b).map(Some) };

/// dB for equal pictures, whose ratio is infinite.
pub const EQUAL: f64 = 100.0;

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

/// Mean absolute difference of the colour samples, both on the \[0, 1\] scale whatever their depth. Alpha is left out.
pub fn mae(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    same_shape(a, b)?;
    let len = a.samples.len();
    let distance = |i| f64::from(a.samples.get(i) - b.samples.get(i)).abs();
    Ok((0..len).map(distance).sum::<f64>() / len.max(1) as f64)
}

/// Structural similarity (Wang et al. 2004): Gaussian window 11x11 with sigma 1.5, K1 .01, K2 .03,
/// peak 1, mean over the valid region and over the channels; 1 for equal pictures.
///
/// Where a side is below 11 the window shrinks to the largest odd size that fits. Alpha is left out.
pub fn ssim(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    same_shape(a, b)?;
    let of = |c| similarity(&plane(a, c), &plane(b, c), a.width, a.height).whole;
    Ok((0..a.channels).map(of).sum::<f64>() / a.channels.max(1) as f64)
}

/// Weights of the scales, from the finest.
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Least side in pixels for which the window fits the coarsest scale.
pub const MS_SSIM_SIDE: usize = 161;

/// Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003): contrast and structure at five scales, luminance at the
/// coarsest, to the powers .0448, .2856, .3001, .2363 and .1333; window and constants as in [`ssim`]; means over the
/// valid region, negative ones taken for 0; mean over the channels. Each scale is the mean of 2x2 pixels of the one
/// before, the last row and column repeated where a side is odd. 1 for equal pictures.
///
/// None where a side is below [`MS_SSIM_SIDE`]. Alpha is left out.
pub fn ms_ssim(a: &Image, b: &Image) -> Result<Option<f64>, ShapeMismatch> {
    same_shape(a, b)?;
    if a.width.min(a.height) < MS_SSIM_SIDE {
        return Ok(None);
    }
    let sum: f64 = (0..a.channels).map(|c| multi_scale(plane(a, c), plane(b, c), (a.width, a.height))).sum();
    Ok(Some(sum / a.channels.max(1) as f64))
}

fn multi_scale(mut a: Vec<f64>, mut b: Vec<f64>, (mut width, mut height): (usize, usize)) -> f64 {
    let mut product = 1.0;
    for (at, weight) in SCALES.iter().enumerate() {
        let found = similarity(&a, &b, width, height);
        if at + 1 == SCALES.len() {
            return product * found.whole.max(0.0).powf(*weight);
        }
        product *= found.structure.max(0.0).powf(*weight);
        (a, b) = (halved(&a, width, height), halved(&b, width, height));
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
    }
    product
}

/// The mean of 2x2 pixels at a time.
fn halved(plane: &[f64], width: usize, height: usize) -> Vec<f64> {
    let at = |x: usize, y: usize| plane[y.min(height - 1) * width + x.min(width - 1)];
    let mean = |x, y| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
    (0..height).step_by(2).flat_map(|y| (0..width).step_by(2).map(move |x| mean(x, y))).collect()
}

fn plane(image: &Image, channel: usize) -> Vec<f64> {
    gray::plane(image, channel).into_iter().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::window::C1;
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
        assert!((mae(&black, &gray).unwrap() - 0.2).abs() < 1e-7);
        assert_eq!(psnr(&gray, &gray).unwrap(), f64::INFINITY);
        assert_eq!((PSNR.compute)(&gray, &gray), Ok(Some(100.0)));
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
    fn ssim_of_a_picture_with_itself_is_one_at_any_size() {
        for (w, h) in [(1, 1), (2, 1), (10, 3), (11, 11), (40, 12)] {
            let image = pattern(w, h, 3, 3);
            assert!((ssim(&image, &image).unwrap() - 1.0).abs() < 1e-9, "{w}x{h}");
        }
    }

    #[test]
    fn ms_ssim_of_constant_pictures_is_their_luminance_at_the_coarsest_scale() {
        let black = Image::new(161, 170, 1, Depth::U8);
        let mut gray = black.clone();
        gray.samples = Samples::U8(vec![51; 161 * 170]);
        let expected = (C1 / (0.04 + C1)).powf(0.1333);
        assert!((ms_ssim(&black, &gray).unwrap().unwrap() - expected).abs() < 1e-6);
        let image = pattern(161, 200, 3, 3);
        assert!((ms_ssim(&image, &image).unwrap().unwrap() - 1.0).abs() < 1e-9);
        let small = pattern(160, 200, 1, 3);
        assert_eq!(ms_ssim(&small, &small), Ok(None));
    }

    #[test]
    fn halves_repeat_the_last_row_and_column() {
        let plane = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(halved(&plane, 3, 2), [3.0, 4.5]);
        assert_eq!(halved(&plane, 2, 3), [2.5, 5.5]);
        assert_eq!(halved(&[7.0], 1, 1), [7.0]);
    }

    #[test]
    fn other_shapes_are_an_error() {
        let error = psnr(&pattern(4, 4, 1, 0), &pattern(4, 5, 3, 0)).unwrap_err().to_string();
        assert!(error.contains("4x4") && error.contains("4x5"), "{error}");
    }
}
