//! How much the blocks of JPEG compression show.

use super::subject::{Kind, Measurement, Reading, Subject};

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "blockiness",
    columns: &[("blockiness", Kind::Float)],
    doc: "`blockiness` (how much higher steps are at the edges of 8x8 JPEG blocks than beside them, 0 to 255 scale; the \
          grid is found where the picture was cropped; empty below 32x32)",
    read: |subject| Some(vec![Reading::of(blockiness(subject))]),
    bytes: |width, _| 80 * width,
};

/// How much higher the steps between pixels are at the edges of 8x8 blocks than elsewhere, on the \[0, 255\] scale, from 0;
/// `None` below 32x32 pixels.
///
/// Smooth places count more, where blocks show. Pictures that were never compressed have up to some 0.3, since some place
/// of the grid is always the highest; 1 is visible. Enlarged blocks, which have another size, are not found.
pub fn blockiness(subject: &Subject<'_>) -> Option<f64> {
    subject.grid().map(|grid| grid.strength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::measure::grid;
    use crate::image::{Image, Samples};

    /// Waves and grain, with blocks from (`x`, `y`) on whose tones differ by up to `height` levels.
    fn blocks(width: usize, height: usize, at: (usize, usize), high: f64) -> Image {
        let mut state = 9u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let tones: Vec<f64> = (0..1000).map(|_| uniform() * high).collect();
        let samples = (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                let block = ((x + 8 - at.0) / 8 * 31 + (y + 8 - at.1) / 8 * 17) % 1000;
                let wave = 120.0 + 60.0 * (x as f64 / 23.0).sin() * (y as f64 / 31.0).cos();
                (wave + 6.0 * uniform() + tones[block]).round() as u8
            })
            .collect();
        Image { width, height, channels: 1, samples: Samples::U8(samples), alpha: None }
    }

    fn found(image: &Image) -> grid::Grid {
        *Subject::new(image).grid().unwrap()
    }

    #[test]
    fn the_grid_is_found_wherever_it_begins() {
        for at in [(0, 0), (3, 5), (7, 1), (4, 4)] {
            let grid = found(&blocks(203, 158, at, 12.0));
            assert_eq!((grid.x, grid.y), at);
        }
    }

    #[test]
    fn higher_steps_are_more() {
        let strengths: Vec<f64> =
            [0.0, 3.0, 6.0, 12.0, 24.0].map(|high| found(&blocks(256, 256, (2, 6), high)).strength).to_vec();
        assert!(strengths.is_sorted() && strengths[0] < 0.3 && strengths[4] > 2.0, "{strengths:?}");
    }

    #[test]
    fn turning_mirroring_and_depth_change_little() {
        let image = blocks(200, 160, (3, 5), 12.0);
        let strength = found(&image).strength;
        let Samples::U8(v) = &image.samples else { panic!() };
        let turned: Vec<u8> = (0..v.len()).map(|i| v[i % 160 * 200 + i / 160]).collect();
        let turned = Image { width: 160, height: 200, samples: Samples::U8(turned), ..image.clone() };
        let grid = found(&turned);
        // A few steps at the end of rows are left out.
        assert!(
            (grid.strength / strength - 1.0).abs() < 0.03 && (grid.x, grid.y) == (5, 3),
            "{grid:?} {strength}"
        );
        let deep = Samples::U16(v.iter().map(|v| u16::from(*v) * 257).collect());
        assert!((found(&Image { samples: deep, ..image.clone() }).strength - strength).abs() < 1e-3);
    }

    #[test]
    fn too_small_to_tell() {
        assert_eq!(blockiness(&Subject::new(&blocks(31, 200, (0, 0), 9.0))), None);
        let flat =
            Image { width: 40, height: 40, channels: 1, samples: Samples::U8(vec![9; 1600]), alpha: None };
        assert_eq!(blockiness(&Subject::new(&flat)), Some(0.0));
    }
}
