//! Gaussian blur (ImageNet-C 17).

use super::filter::{self, Border};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation in pixels.
        sigma: f64 [Kind::Float { min: 0.0, max: 64.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "gaussian_blur",
        version: 1,
        doc: "Blurs with a Gaussian kernel cut off at 4 standard deviations.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- gaussian_blur: {sigma: [0.5, 3]}",
    },
    severities: &[&[1.0], &[2.0], &[3.0], &[4.0], &[6.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (width, sigma) = (frame.width, drawn.sigma);
    frame.planes.iter_mut().for_each(|p| filter::gaussian_blur(p, width, sigma, Border::Replicate));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn a_point_spreads_with_its_sigma() {
        let mut point = gray(41, 41, 0.0);
        point.planes[0][20 * 41 + 20] = 1.0;
        let blurred = run("- gaussian_blur: {sigma: 2}", &point, 1);
        let moment = |power: i32| {
            let terms = blurred.planes[0].iter().enumerate();
            terms.map(|(i, v)| v * ((i % 41) as f32 - 20.0).powi(power)).sum::<f32>()
        };
        assert!((moment(0) - 1.0).abs() < 1e-4 && moment(1).abs() < 1e-4);
        assert!((moment(2).sqrt() - 2.0).abs() < 0.01, "{}", moment(2));
    }

    #[test]
    fn sigma_0_changes_nothing() {
        let clean = super::super::tests::scene(20, 10);
        assert_eq!(run("- gaussian_blur: {sigma: 0}", &clean, 1), clean);
    }
}
