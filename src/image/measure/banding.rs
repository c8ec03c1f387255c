//! Bands where a smooth gradient should be.

use super::lines::{self, Way};
use super::subject::{Kind, Measurement, Reading, Subject};

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "banding",
    columns: &[("banding", Kind::Float)],
    doc: "`banding` (posterised gradients: mean height of the steps that bound the band a pixel lies in, 0 to 255 scale, 0 \
          for pixels in none)",
    read: |subject| Some(vec![Reading::Float(banding(subject))]),
    bytes: lines::bytes,
};

/// Pixels of equal tone in a row that make a band.
const BAND: usize = 6;
/// Higher steps are edges.
const HIGHEST: f32 = 24.0 / 255.0;
/// How many times the lower of the two steps of a band the higher may be.
const ALIKE: f32 = 2.5;

/// How much of the picture lies in the bands of posterised gradients, and how high their steps are, on the \[0, 255\] scale:
/// 1 for a gradient of 8 bits without noise or dithering, 0 for photographs with grain and for flat drawings.
///
/// A band is a run of at least six pixels of exactly one tone, along a row or column, between two longer steps of a staircase: both
/// rise or both fall, are at most 24 levels and much alike. Of rows and columns the higher mean counts.
pub fn banding(subject: &Subject<'_>) -> f64 {
    let (width, height) = subject.size();
    let (mut across, mut down) = (Share::default(), Share::default());
    lines::each((subject.luma(), width, height), false, |way, _, line| {
        let share = if way == Way::Across { &mut across } else { &mut down };
        share.pixels += line.len();
        share.height += staircases(line);
    });
    across.mean().max(down.mean()) * 255.0
}

#[derive(Default)]
struct Share {
    pixels: usize,
    height: f64,
}

impl Share {
    fn mean(&self) -> f64 {
        self.height / self.pixels.max(1) as f64
    }
}

/// Sum over the pixels of a line of the heights of their bands' steps.
fn staircases(line: &[f32]) -> f64 {
    let mut sum = 0.0;
    let mut at = 0;
    // Of each band, however it lies, one of these pixels equals the next.
    while at + 1 < line.len() {
        if line[at] != line[at + 1] {
            at += BAND - 1;
            continue;
        }
        let tone = line[at];
        let differs = |v: &f32| *v != tone;
        let start = line[..at].iter().rposition(differs).map_or(0, |before| before + 1);
        let end = line[at..].iter().position(differs).map_or(line.len(), |length| at + length);
        if end - start >= BAND && start > 0 && end < line.len() {
            let (entered, left) = (tone - line[start - 1], line[end] - tone);
            let (low, high) = (entered.abs().min(left.abs()), entered.abs().max(left.abs()));
            if entered * left > 0.0 && high <= HIGHEST && high <= ALIKE * low {
                sum += f64::from(low + high) / 2.0 * (end - start) as f64;
            }
        }
        at = end.next_multiple_of(BAND - 1);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, Samples};

    /// A gradient across of `levels` tones in all, and noise.
    fn gradient(width: usize, height: usize, levels: u32, noise: f32) -> Vec<f32> {
        let mut state = 1u32;
        (0..width * height)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let uniform = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
                let tone = 0.2 + 0.4 * (i % width) as f32 / width as f32;
                let steps = (levels - 1) as f32;
                ((tone * steps).round() / steps + noise * uniform).clamp(0.0, 1.0)
            })
            .collect()
    }

    fn of(width: usize, samples: Samples) -> f64 {
        let height = samples.len() / width;
        banding(&Subject::new(&Image { width, height, channels: 1, samples, alpha: None }))
    }

    fn bytes(plane: &[f32]) -> Samples {
        Samples::U8(plane.iter().map(|v| (v * 255.0).round() as u8).collect())
    }

    #[test]
    fn fewer_tones_are_higher_steps() {
        let found: Vec<f64> =
            [256, 128, 64, 32, 16].map(|levels| of(1024, bytes(&gradient(1024, 64, levels, 0.0)))).to_vec();
        assert!(found.is_sorted(), "{found:?}");
        assert!((found[0] - 1.0).abs() < 0.05 && (found[3] - 255.0 / 31.0).abs() < 1.5, "{found:?}");
        // Turned on its side it is the same.
        let plane = gradient(1024, 64, 32, 0.0);
        let turned: Vec<f32> = (0..plane.len()).map(|i| plane[i % 64 * 1024 + i / 64]).collect();
        assert!((of(64, bytes(&turned)) - found[3]).abs() < 0.2);
    }

    #[test]
    fn grain_dithering_and_depth_hide_no_more_than_they_should() {
        // By chance a few pixels are alike.
        assert!(of(512, bytes(&gradient(512, 64, 256, 0.02))) < 0.01);
        let smooth = gradient(512, 64, 60_000, 0.0);
        assert_eq!(of(512, Samples::F32(smooth.clone())), 0.0);
        assert_eq!(of(512, Samples::U16(smooth.iter().map(|v| (v * 65_535.0) as u16).collect())), 0.0);
        let banded = gradient(512, 64, 32, 0.0);
        let deep = Samples::U16(banded.iter().map(|v| ((v * 255.0).round() * 257.0) as u16).collect());
        assert!((of(512, deep) - of(512, bytes(&banded))).abs() < 1e-4);
    }

    #[test]
    fn flat_drawings_have_none() {
        // Boxes of two grays on white, with borders.
        let page: Vec<u8> = (0..256 * 256)
            .map(|i| match (i % 256 / 40 % 2, i / 256 / 40 % 2) {
                (0, 0) => 255,
                (1, 1) => 238,
                _ => 246,
            })
            .collect();
        assert_eq!(of(256, Samples::U8(page)), 0.0);
        assert_eq!(of(1, Samples::U8(vec![7])), 0.0);
    }
}
