//! Blur of a lens out of focus (ImageNet-C 4).

use super::filter::{self, Border, Tap};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Radius of the disk in pixels.
        radius: f64 [Kind::Float { min: 0.0, max: 128.0 }],
        /// Standard deviation in pixels of the blur that smooths the disk's edge.
        alias_sigma: f64 [Kind::Float { min: 0.0, max: 4.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "defocus_blur",
        version: 1,
        doc: "Blurs with a disk, as a lens out of focus does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- defocus_blur: {radius: [2, 6], alias_sigma: 0.5}",
    },
    severities: &[&[3.0, 0.1], &[4.0, 0.5], &[6.0, 0.5], &[8.0, 0.5], &[10.0, 0.5]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let lens = Lens::new(drawn.radius, drawn.alias_sigma);
    let width = frame.width;
    frame.planes.iter_mut().for_each(|plane| lens.blur(plane, width));
    Ok(())
}

/// The reference's kernel as a disk, then a small Gaussian, plus a correction: the reference smooths the disk
/// on a grid of its own, whose border a disk of radius 8 or more touches.
struct Lens {
    /// Half the length of the disk's rows, from -n to n.
    reach: Vec<usize>,
    alias: Vec<f32>,
    correction: Vec<Tap>,
}

impl Lens {
    fn new(radius: f64, alias_sigma: f64) -> Lens {
        let rows = radius as usize;
        let half_row = |dy: usize| ((radius * radius - (dy * dy) as f64).sqrt() + 1.0e-9) as usize;
        let reach: Vec<usize> = (0..=2 * rows).map(|i| half_row(i.abs_diff(rows))).collect();
        let alias = filter::gaussian_kernel(alias_sigma, if radius <= 8.0 { 1 } else { 2 });
        let (grid, margin) = (if radius <= 8.0 { 8 } else { rows }, alias.len() / 2);

        // Both ways on a canvas that has room for the disk's smoothed edge.
        let (half, side) = (grid + margin, 2 * (grid + margin) + 1);
        let disk = |half: usize| -> Vec<f32> {
            let count = reach.iter().map(|r| 2 * r + 1).sum::<usize>() as f32;
            let inside = |dy: usize, dx: usize| dy <= rows && dx <= reach[rows + dy];
            let at =
                |y: usize, x: usize| f32::from(u8::from(inside(y.abs_diff(half), x.abs_diff(half)))) / count;
            (0..2 * half + 1).flat_map(|y| (0..2 * half + 1).map(move |x| at(y, x))).collect()
        };
        let (mut ours, mut reference) = (disk(half), disk(grid));
        filter::separable(&mut ours, side, &alias, Border::Replicate);
        filter::separable(&mut reference, 2 * grid + 1, &alias, Border::Reflect101);
        let mut correction = Vec::new();
        for (i, weight) in ours.iter().enumerate() {
            let (y, x) = (i / side, i % side);
            let within = |v: usize| (margin..=margin + 2 * grid).contains(&v);
            let wanted = if within(y) && within(x) {
                reference[(y - margin) * (2 * grid + 1) + x - margin]
            } else {
                0.0
            };
            if (wanted - weight).abs() > 1.0e-7 {
                let to = |v: usize| v as isize - half as isize;
                correction.push(Tap { dx: to(x), dy: to(y), weight: wanted - weight });
            }
        }
        Lens { reach, alias, correction }
    }

    fn blur(&self, plane: &mut [f32], width: usize) {
        let sharp = (!self.correction.is_empty())
            .then(|| filter::taps(plane, width, &self.correction, Border::Reflect101));
        filter::shape_mean(plane, width, &self.reach, Border::Reflect101);
        filter::separable(plane, width, &self.alias, Border::Reflect101);
        if let Some(sharp) = sharp {
            plane.iter_mut().zip(&sharp).for_each(|(to, s)| *to += s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};
    use super::*;

    #[test]
    fn a_point_becomes_the_disk() {
        let mut point = gray(31, 31, 0.0);
        point.planes[0][15 * 31 + 15] = 1.0;
        let blurred = run("- defocus_blur: {radius: 3, alias_sigma: 0.1}", &point, 1);
        for (i, value) in blurred.planes[0].iter().enumerate() {
            let (x, y) = (i as i32 % 31 - 15, i as i32 / 31 - 15);
            let expected = if x * x + y * y <= 9 { 1.0 / 29.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "{x} {y} {value}");
        }
    }

    #[test]
    fn it_equals_the_square_kernel_of_the_reference() {
        for (radius, sigma) in [(4.0, 0.5), (8.0, 0.5), (10.0, 0.5), (9.5, 1.5)] {
            let grid = if radius <= 8.0 { 8i32 } else { radius as i32 };
            let side = 2 * grid as usize + 1;
            let inside = |x: i32, y: i32| f64::from(x * x + y * y) <= radius * radius;
            let mut kernel: Vec<f32> = (-grid..=grid)
                .flat_map(|y| (-grid..=grid).map(move |x| f32::from(u8::from(inside(x, y)))))
                .collect();
            let sum: f32 = kernel.iter().sum();
            kernel.iter_mut().for_each(|w| *w /= sum);
            let alias = filter::gaussian_kernel(sigma, if radius <= 8.0 { 1 } else { 2 });
            filter::separable(&mut kernel, side, &alias, Border::Reflect101);
            let mut expected = scene(60, 40);
            expected
                .planes
                .iter_mut()
                .for_each(|p| filter::filter2d(p, 60, &kernel, side, Border::Reflect101));
            let yaml = format!("- defocus_blur: {{radius: {radius}, alias_sigma: {sigma}}}");
            assert!(difference(&run(&yaml, &scene(60, 40), 1), &expected) < 1e-5, "{radius}");
        }
    }
}
