//! Blur of a moving camera (ImageNet-C 6, in the form of the package imagecorruptions).

use super::{Context, CorruptError, Corruption, Frame, drawn, motion};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Half the length of the smear in pixels.
        radius: usize [Kind::Int { min: 0, max: 256 }],
        /// Standard deviation of the tail's Gaussian fading, in pixels.
        sigma: f64 [Kind::Float { min: 0.01, max: 1024.0 }],
        /// Direction of the motion in degrees; 0 smears to the left and 90 upwards.
        angle: f64 [Kind::Float { min: -360.0, max: 360.0 }] = "[-45, 45]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "motion_blur",
        version: 1,
        doc: "Smears along a line with a fading tail, as a moving camera does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- motion_blur: {radius: 10, sigma: 5, angle: [-45, 45]}",
    },
    severities: &[&[10.0, 3.0], &[15.0, 5.0], &[15.0, 8.0], &[15.0, 12.0], &[20.0, 15.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (radius, sigma, angle) = (drawn.radius, drawn.sigma, drawn.angle);
    for plane in &mut frame.planes {
        motion::motion_blur(plane, frame.width, radius, sigma, angle);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn a_point_smears_one_way_and_fades() {
        let mut point = gray(41, 41, 0.0);
        point.planes[0][20 * 41 + 20] = 1.0;
        let at = |angle: f32, x: usize, y: usize| {
            let yaml = format!("- motion_blur: {{radius: 4, sigma: 4, angle: {angle}}}");
            run(&yaml, &point, 1).planes[0][y * 41 + x]
        };
        assert!(at(0.0, 20, 20) > at(0.0, 17, 20) && at(0.0, 17, 20) > at(0.0, 12, 20));
        assert!(at(0.0, 12, 20) > 0.0 && at(0.0, 11, 20) == 0.0 && at(0.0, 21, 20) == 0.0);
        assert!(at(90.0, 20, 12) > 0.0 && at(45.0, 15, 15) > 0.0 && at(-45.0, 15, 25) > 0.0);
    }

    #[test]
    fn brightness_stays_even_where_the_smear_is_longer_than_the_picture() {
        let blurred = run("- motion_blur: {severity: 5}", &gray(9, 5, 0.6), 1);
        assert!(blurred.planes[0].iter().all(|v| (v - 0.6).abs() < 1e-5));
    }
}
