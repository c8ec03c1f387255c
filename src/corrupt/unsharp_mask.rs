//! Sharpening of edges, as Real-ESRGAN does before it degrades.

use super::filter::{Border, gaussian_kernel, separable};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Width of the blur's kernel in pixels, made odd; its sigma is 0.15 times that plus 0.35.
        radius: usize [Kind::Int { min: 1, max: 255 }] = "50",
        /// Factor of the detail added.
        amount: f64 [Kind::Float { min: 0.0, max: 10.0 }] = "0.5",
        /// Least difference to the blur that is sharpened, on the 0 to 255 scale.
        threshold: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "10",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "unsharp_mask",
        version: 1,
        doc: "Sharpens by an unsharp mask where the detail exceeds a threshold (Real-ESRGAN's USMSharp); strong \
              amounts leave halos.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("amount"),
        example: "- unsharp_mask: {amount: [0.5, 2]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let side = drawn.radius | 1;
    let amount = drawn.amount as f32;
    let threshold = (drawn.threshold / 255.0) as f32;
    // OpenCV's sigma for a kernel of this width.
    let sigma = 0.3 * ((side as f64 - 1.0) * 0.5 - 1.0) + 0.8;
    let kernel = gaussian_kernel(sigma, side / 2);
    for plane in &mut frame.planes {
        let mut detail = plane.clone();
        separable(&mut detail, frame.width, &kernel, Border::Reflect101);
        detail.iter_mut().zip(plane.iter()).for_each(|(blur, value)| *blur = value - *blur);
        let mut mask: Vec<f32> = detail.iter().map(|d| f32::from(u8::from(d.abs() > threshold))).collect();
        separable(&mut mask, frame.width, &kernel, Border::Reflect101);
        for ((value, detail), mask) in plane.iter_mut().zip(&detail).zip(&mask) {
            let sharp = (*value + amount * detail).clamp(0.0, 1.0);
            *value += mask * (sharp - *value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::Frame;

    #[test]
    fn edges_overshoot_and_faint_ones_stay() {
        let edge = |low: f32, high: f32| {
            let plane = (0..200 * 20).map(|i| if i % 200 < 100 { low } else { high }).collect();
            Frame { planes: vec![plane], ..gray(200, 20, 0.0) }
        };
        let sharp = run("- unsharp_mask", &edge(0.3, 0.7), 1);
        let row = &sharp.planes[0][2000..2200];
        assert!(
            row[99] < 0.28 && row[100] > 0.72 && (row[0] - 0.3).abs() < 1e-4 && (row[199] - 0.7).abs() < 1e-4
        );
        let faint = edge(0.5, 0.53);
        assert_eq!(run("- unsharp_mask", &faint, 1), faint);
    }
}
