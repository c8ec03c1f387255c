//! How much of a picture is clipped to black or white.

use super::subject::{Kind, Measurement, Reading, Subject};
use crate::image::Samples;

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "clipping",
    columns: &[("clipped_dark", Kind::Float), ("clipped_bright", Kind::Float)],
    doc: "`clipping` (shares of the pixels, 0 to 1: `clipped_dark`, whose channels are all at the bottom of their range, \
          and `clipped_bright`, with a channel at its top, to half a level of 255)",
    read: |subject| {
        let (dark, bright) = clipping(subject);
        Some(vec![Reading::Float(dark), Reading::Float(bright)])
    },
    bytes: |_, _| 0,
};

/// Shares of the pixels that are clipped dark and bright, each 0 to 1.
///
/// A pixel is bright if one channel is at the top of its range: its tone is lost. It is dark only if all channels are at
/// the bottom: a saturated colour has one there and loses nothing. Samples of more than 8 bits count as the level of 255
/// that they round to.
pub fn clipping(subject: &Subject<'_>) -> (f64, f64) {
    let image = subject.image;
    let (dark, bright) = match &image.samples {
        Samples::U8(v) => count(v, image.channels, 0, 255),
        Samples::U16(v) => count(v, image.channels, 128, u16::MAX - 128),
        Samples::F32(v) => {
            let finite: Vec<f32>;
            let v = if v.iter().all(|v| v.is_finite()) {
                v
            } else {
                finite = v.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
                &finite
            };
            count(v, image.channels, 0.5 / 255.0, 254.5 / 255.0)
        }
    };
    let pixels = (image.width * image.height).max(1) as f64;
    (dark as f64 / pixels, bright as f64 / pixels)
}

/// Pixels that are looked at together: where none of their samples is clipped, none of them is.
const TOGETHER: usize = 64;

fn count<S: Copy + PartialOrd>(samples: &[S], channels: usize, bottom: S, top: S) -> (usize, usize) {
    let (mut dark, mut bright) = (0, 0);
    for pixels in samples.chunks(TOGETHER * channels) {
        let Some(first) = pixels.first() else { continue };
        // No early end, so that many are compared at once.
        let lowest = pixels.iter().fold(*first, |least, v| if *v < least { *v } else { least });
        let highest = pixels.iter().fold(*first, |most, v| if *v > most { *v } else { most });
        if lowest <= bottom || highest >= top {
            for pixel in pixels.chunks_exact(channels) {
                dark += usize::from(pixel.iter().all(|v| *v <= bottom));
                bright += usize::from(pixel.iter().any(|v| *v >= top));
            }
        }
    }
    (dark, bright)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    fn shares(channels: usize, samples: Samples) -> (f64, f64) {
        let width = samples.len() / channels;
        clipping(&Subject::new(&Image { width, height: 1, channels, samples, alpha: None }))
    }

    #[test]
    fn shares_of_the_pixels() {
        let mut samples = vec![100; 300 * 3];
        samples[..9].copy_from_slice(&[0, 0, 0, 255, 9, 9, 255, 255, 255]);
        samples[600..603].copy_from_slice(&[0, 200, 254]);
        assert_eq!(shares(3, Samples::U8(samples)), (1.0 / 300.0, 2.0 / 300.0));
        assert_eq!(shares(1, Samples::U8(vec![0, 0, 1, 255])), (0.5, 0.25));
    }

    #[test]
    fn depth_changes_nothing() {
        let bytes: Vec<u8> = (0..=255).chain([0, 255, 255]).collect();
        let eight = shares(1, Samples::U8(bytes.clone()));
        assert_eq!(shares(1, Samples::U16(bytes.iter().map(|v| u16::from(*v) * 257).collect())), eight);
        assert_eq!(shares(1, Samples::F32(bytes.iter().map(|v| f32::from(*v) / 255.0).collect())), eight);
        // One step of 65535 off the end is still the end; NaN is dark.
        assert_eq!(shares(1, Samples::U16(vec![1, 65_534, 300, 65_000])), (0.25, 0.25));
        assert_eq!(shares(1, Samples::F32(vec![f32::NAN, 2.0, 0.5, -1.0])), (0.5, 0.25));
    }
}
