//! Too few tones.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role, words};

words! {
    /// What becomes of the bands.
    enum Dither {
        /// They stay.
        None = "none",
        /// A pattern replaces them.
        Ordered = "ordered",
    }
}

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Levels of a channel.
        levels: usize [Kind::Int { min: 2, max: 256 }] = "[4, 32]",
        /// Whether an 8x8 Bayer pattern replaces the bands, one drawn.
        dither: Dither = "[none]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "banding",
        version: 1,
        doc: "Rounds every channel to few levels, so that smooth tones fall into bands.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("levels"),
        example: "- banding: {levels: [6, 16], dither: [none, ordered]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let top = drawn.levels.saturating_sub(1).max(1) as f32;
    let ordered = drawn.dither == Dither::Ordered;
    let width = frame.width;
    for plane in &mut frame.planes {
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let threshold: [f32; 8] = std::array::from_fn(|x| if ordered { bayer(x, y) } else { 0.5 });
            for block in row.chunks_mut(8) {
                let levels = block.iter_mut().zip(threshold);
                // Values are not negative, so that the cast rounds down.
                levels.for_each(|(v, t)| *v = ((*v * top + t) as i32 as f32 / top).min(1.0));
            }
        }
    }
    Ok(())
}

/// Threshold of the 8x8 Bayer matrix, within 0 and 1.
fn bayer(x: usize, y: usize) -> f32 {
    // The bits of x ^ y and y, interleaved from the lowest up, give the rank from the highest down.
    let rank = (0..3).fold(0, |rank, bit| (rank << 2) | ((((x ^ y) >> bit) & 1) << 1) | ((y >> bit) & 1));
    (rank as f32 + 0.5) / 64.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run, scene};
    use super::*;

    #[test]
    fn only_the_levels_remain() {
        for dither in ["none", "ordered"] {
            let result = run(&format!("- banding: {{levels: 5, dither: [{dither}]}}"), &scene(64, 48), 1);
            assert!(result.planes.iter().flatten().all(|v| (v * 4.0 - (v * 4.0).round()).abs() < 1e-5));
        }
    }

    #[test]
    fn dithering_keeps_the_mean() {
        let mean = |dither: &str| {
            let result = run(&format!("- banding: {{levels: 2, dither: [{dither}]}}"), &gray(64, 64, 0.3), 1);
            result.planes[0].iter().sum::<f32>() / 4096.0
        };
        assert_eq!(mean("none"), 0.0);
        assert!((mean("ordered") - 0.3).abs() < 0.01);
        let mut ranks: Vec<f32> = (0..64).map(|i| bayer(i % 8, i / 8) * 64.0 - 0.5).collect();
        ranks.sort_by(f32::total_cmp);
        assert!(ranks.iter().enumerate().all(|(i, rank)| *rank == i as f32));
    }
}
