//! Blur by a turned, stretched kernel, as in Real-ESRGAN.

use super::filter::{Border, filter2d, gaussian_kernel, separable};
use super::kernels::{Shape, bivariate};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role, words};

words! {
    /// How the kernel falls off.
    enum Fall {
        /// A Gaussian.
        Gaussian = "gaussian",
        /// Flatter in the middle.
        Generalised = "generalised",
        /// A plateau.
        Plateau = "plateau",
    }
}

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Spread along the angle in pixels.
        sigma_x: f64 [Kind::Float { min: 0.05, max: 50.0 }] = "[0.2, 3]",
        /// Spread across it in pixels; 0 for the same as `sigma_x`.
        sigma_y: f64 [Kind::Float { min: 0.0, max: 50.0 }] = "[0.2, 3]",
        /// Direction in degrees.
        angle: f64 [Kind::Float { min: -360.0, max: 360.0 }] = "[-180, 180]",
        /// How the kernel falls off, one drawn.
        shape: Fall = "[gaussian]",
        /// Exponent of the generalised shape: 1 is a Gaussian, more is flatter.
        beta_generalised: f64 [Kind::Float { min: 0.1, max: 16.0 }] = "[0.5, 4]",
        /// Exponent of the plateau shape.
        beta_plateau: f64 [Kind::Float { min: 0.5, max: 16.0 }] = "[1, 2]",
        /// Reach of the kernel in pixels, which makes it twice that and one wide.
        radius: usize [Kind::Int { min: 1, max: 32 }] = "[3, 10]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "anisotropic_blur",
        version: 1,
        doc: "Blurs with a kernel that may differ along and across a direction: a Gaussian, a generalised Gaussian \
              or a plateau (the kernels of Real-ESRGAN).",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- anisotropic_blur: {sigma_x: [1, 4], sigma_y: [0.3, 1], shape: [gaussian, plateau]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let radius = drawn.radius;
    let along = drawn.sigma_x;
    // Below this a kernel is one pixel anyhow.
    let across = Some(drawn.sigma_y).filter(|s| *s > 0.0).map_or(along, |s| s.max(0.05));
    let shape = match drawn.shape {
        Fall::Gaussian => Shape::Gaussian,
        Fall::Generalised => Shape::Generalised(drawn.beta_generalised),
        Fall::Plateau => Shape::Plateau(drawn.beta_plateau),
    };
    if shape == Shape::Gaussian && along == across {
        let kernel = gaussian_kernel(along, radius);
        frame.planes.iter_mut().for_each(|plane| separable(plane, frame.width, &kernel, Border::Reflect101));
        return Ok(());
    }
    let kernel = bivariate(radius, (along, across), drawn.angle, shape);
    for plane in &mut frame.planes {
        filter2d(plane, frame.width, &kernel, 2 * radius + 1, Border::Reflect101);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};

    #[test]
    fn a_point_spreads_along_the_angle() {
        let mut point = gray(41, 41, 0.0);
        point.planes[0][20 * 41 + 20] = 1.0;
        let blurred = run("- anisotropic_blur: {sigma_x: 3, sigma_y: 0.5, angle: 45, radius: 10}", &point, 1);
        let at = |x: usize, y: usize| blurred.planes[0][y * 41 + x];
        assert!(at(22, 22) > 0.03 && at(18, 22) < 0.001 && at(31, 31) == 0.0);
        assert!((blurred.planes[0].iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn equal_sigmas_need_no_square_kernel() {
        let clean = scene(60, 50);
        let near = run("- anisotropic_blur: {sigma_x: 2, sigma_y: 2.00001, radius: 7}", &clean, 1);
        assert!(
            difference(&run("- anisotropic_blur: {sigma_x: 2, sigma_y: 0, radius: 7}", &clean, 1), &near)
                < 1e-4
        );
    }
}
