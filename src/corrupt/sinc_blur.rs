//! Ringing of a sharp low pass, as in Real-ESRGAN.

use super::filter::{Border, filter2d};
use super::kernels::low_pass;
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};
use std::f64::consts::PI;

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Frequency that is cut off in radians a pixel: pi, the highest, keeps nearly all.
        cutoff: f64 [Kind::Float { min: 0.1, max: PI }] = "[1.047, 3.1415]",
        /// Reach of the kernel in pixels, which makes it twice that and one wide.
        radius: usize [Kind::Int { min: 1, max: 32 }] = "[3, 10]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "sinc_blur",
        version: 1,
        doc: "Cuts off high frequencies with a sinc kernel, which leaves ringing and overshoot at edges.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("cutoff"),
        example: "- sinc_blur: {cutoff: [0.6, 2.5], radius: 10}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let radius = drawn.radius;
    let kernel = low_pass(radius, drawn.cutoff);
    for plane in &mut frame.planes {
        filter2d(plane, frame.width, &kernel, 2 * radius + 1, Border::Reflect101);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::Frame;

    #[test]
    fn edges_ring() {
        let plane = (0..80 * 30).map(|i| if i % 80 < 40 { 0.3 } else { 0.7 }).collect();
        let edge = Frame { planes: vec![plane], ..gray(80, 30, 0.0) };
        let result = run("- sinc_blur: {cutoff: 1.1, radius: 10}", &edge, 1);
        let row = &result.planes[0][80 * 15..80 * 16];
        let most = row.iter().fold(0.0f32, |m, v| m.max(*v));
        assert!((0.715..0.78).contains(&most) && (row[5] - 0.3).abs() < 0.005, "{most}");
    }
}
