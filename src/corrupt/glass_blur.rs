//! The look through frosted glass (ImageNet-C 5).

use super::filter::{self, Border};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation of the blurs in pixels.
        sigma: f64 [Kind::Float { min: 0.0, max: 64.0 }],
        /// Largest distance a pixel moves, in pixels.
        delta: usize [Kind::Int { min: 1, max: 256 }],
        /// How many times all pixels move.
        iterations: usize [Kind::Int { min: 0, max: 10 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "glass_blur",
        version: 1,
        doc: "Blurs, copies pixels from random places nearby and blurs again, as frosted glass does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- glass_blur: {sigma: 1, delta: [1, 3], iterations: 2}",
    },
    severities: &[&[0.7, 1.0, 2.0], &[0.9, 2.0, 1.0], &[1.0, 2.0, 3.0], &[1.1, 3.0, 2.0], &[1.5, 4.0, 2.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (sigma, delta) = (drawn.sigma, drawn.delta);
    let (width, height) = (frame.width, frame.height);
    let blur = |frame: &mut Frame| {
        frame.planes.iter_mut().for_each(|p| filter::gaussian_blur(p, width, sigma, Border::Replicate));
    };
    blur(frame);
    // The reference goes through 8 bits here, cutting off; the hair's breadth keeps whole numbers whole.
    frame.map(|v| f32::from((v * 255.0 + 1.0e-4) as u8) / 255.0);
    for _ in 0..drawn.iterations {
        // As in the reference, pixels closer to the border than `delta` stay, and so do pictures too small.
        for y in (delta + 1..=height.saturating_sub(delta)).rev() {
            for x in (delta + 1..=width.saturating_sub(delta)).rev() {
                let bits = context.rng.bits();
                let offset = |bits: u64| (((bits & 0xffff_ffff) * 2 * delta as u64) >> 32) as usize;
                let from = (y + offset(bits) - delta) * width + x + offset(bits >> 32) - delta;
                // The reference means to swap, but both of its sides are views: this copies.
                frame.planes.iter_mut().for_each(|plane| plane[y * width + x] = plane[from]);
            }
        }
    }
    blur(frame);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, scene};

    #[test]
    fn pixels_come_from_nearby_and_the_border_stays() {
        let clean = scene(40, 30);
        let glass = run("- glass_blur: {sigma: 0, delta: 2, iterations: 1}", &clean, 1);
        let byte = |frame: &super::Frame, x: usize, y: usize| {
            [0, 1, 2].map(|c| (frame.planes[c][y * 40 + x] * 255.0 + 1e-3) as i32)
        };
        let mut moved = 0;
        for (x, y) in (0..30).flat_map(|y| (0..40).map(move |x| (x, y))) {
            let pixel = byte(&glass, x, y);
            if x <= 2 || x > 38 || y <= 2 || y > 28 {
                assert_eq!(pixel, byte(&clean, x, y), "{x} {y}");
            } else {
                // A pixel may travel on with one that copies it.
                let rows = y.saturating_sub(8)..(y + 8).min(30);
                let mut near = rows.flat_map(|y| (x.saturating_sub(8)..(x + 8).min(40)).map(move |x| (x, y)));
                assert!(near.any(|(x, y)| byte(&clean, x, y) == pixel), "{x} {y}");
                moved += usize::from(pixel != byte(&clean, x, y));
            }
        }
        assert!(moved > 700, "{moved}");
    }
}
