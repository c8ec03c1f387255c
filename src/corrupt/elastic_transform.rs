//! Elastic deformation (ImageNet-C 13).

use super::filter::{self, Border};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Factor on the smoothed field.
        strength: f64 [Kind::Float { min: 0.0, max: 1000.0 }],
        /// Largest shift before smoothing, in percent of the height.
        amplitude: f64 [Kind::Float { min: 0.0, max: 100.0 }] = "0.5",
        /// Standard deviation of the smoothing, in percent of the width and of the height.
        sigma: f64 [Kind::Float { min: 0.0, max: 10.0 }] = "1",
        /// Largest shift of the corners of a random affine transform, in percent of the shorter side.
        affine: f64 [Kind::Float { min: 0.0, max: 30.0 }] = "0",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "elastic_transform",
        version: 1,
        doc: "Moves every pixel by a smooth random field, as if the picture were printed on rubber.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- elastic_transform: {strength: [10, 30], affine: 2}",
    },
    severities: &[&[12.5], &[16.25], &[21.25], &[25.0], &[30.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (width, height) = (frame.width, frame.height);
    let percent = |value: f64| value / 100.0;
    let reach = (drawn.strength * percent(drawn.amplitude) * height as f64) as f32;
    let affine = affine(frame, percent(drawn.affine), &mut context.rng);
    let mut field = || Field::new(width, height, percent(drawn.sigma), reach, &mut context.rng);
    let (horizontal, vertical) = (field(), field());
    let source = frame.planes.clone();
    let (mut dx, mut dy) = (vec![0.0; width], vec![0.0; width]);
    for y in 0..height {
        horizontal.row(y, &mut dx);
        vertical.row(y, &mut dy);
        for x in 0..width {
            let (mut sx, mut sy) = (x as f32 + dx[x], y as f32 + dy[x]);
            if let Some(m) = &affine {
                (sx, sy) = (m[0] * sx + m[1] * sy + m[2], m[3] * sx + m[4] * sy + m[5]);
            }
            let (x0, y0) = (floor(sx), floor(sy));
            let (fx, fy) = (sx - x0 as f32, sy - y0 as f32);
            let inside = x0 >= 0 && y0 >= 0 && x0 + 1 < width as i32 && y0 + 1 < height as i32;
            let index =
                |x: i32, n: usize| if inside { x as usize } else { Border::Reflect.index(x as isize, n) };
            let (left, right) = (index(x0, width), index(x0 + 1, width));
            let (top, bottom) = (index(y0, height) * width, index(y0 + 1, height) * width);
            for (to, from) in frame.planes.iter_mut().zip(&source) {
                let above = from[top + left] + (from[top + right] - from[top + left]) * fx;
                let below = from[bottom + left] + (from[bottom + right] - from[bottom + left]) * fx;
                to[y * width + x] = above + (below - above) * fy;
            }
        }
    }
    Ok(())
}

/// `f32::floor` as an integer: without a call on processors whose baseline lacks the instruction.
fn floor(v: f32) -> i32 {
    let whole = v as i32;
    whole.saturating_sub(i32::from(whole as f32 > v))
}

/// One coordinate of the displacement: Gaussian-smoothed uniform noise.
///
/// Wide Gaussians are computed on a coarser grid, of noise scaled to the same variance, so that the time per
/// pixel does not grow with the picture.
struct Field {
    values: Vec<f32>,
    stride: usize,
    coarseness: (usize, usize),
}

impl Field {
    fn new(width: usize, height: usize, sigma: f64, reach: f32, rng: &mut Rng) -> Field {
        let axis = |n: usize| {
            let sigma = sigma * n as f64;
            // At least 4 cells to the standard deviation, so that lines between them are smooth.
            let step = ((sigma / 4.0) as usize).max(1);
            let cells = if step > 1 { n.div_ceil(step) + 1 } else { n };
            let cell_sigma = sigma / step as f64;
            // Interpolation takes this share of the variance away.
            let lost =
                if step > 1 { (1.0 - libm::exp(-0.25 / (cell_sigma * cell_sigma))) / 3.0 } else { 0.0 };
            let gain = (1.0 / (step as f64 * (1.0 - lost))).sqrt() as f32;
            (step, cells, gain, filter::gaussian_kernel(cell_sigma, (3.0 * cell_sigma + 0.5) as usize))
        };
        let (step_x, stride, gain_x, kernel_x) = axis(width);
        let (step_y, rows, gain_y, kernel_y) = axis(height);
        let reach = f64::from(reach * gain_x * gain_y);
        let mut values: Vec<f32> = (0..stride * rows).map(|_| rng.uniform(-reach, reach) as f32).collect();
        filter::rows(&mut values, stride, &kernel_x, Border::Reflect);
        filter::columns(&mut values, stride, &kernel_y, Border::Reflect);
        Field { values, stride, coarseness: (step_x, step_y) }
    }

    /// The displacement of row `y`.
    fn row(&self, y: usize, to: &mut [f32]) {
        let (step_x, step_y) = self.coarseness;
        let line = |y: usize| self.values.get(y * self.stride..(y + 1) * self.stride).unwrap_or_default();
        if (step_x, step_y) == (1, 1) {
            to.copy_from_slice(line(y));
            return;
        }
        let above = line(y / step_y);
        let below = if step_y == 1 { above } else { line(y / step_y + 1) };
        let fy = (y % step_y) as f32 / step_y as f32;
        let at = |i: usize| above[i] + (below[i] - above[i]) * fy;
        for (cell, part) in to.chunks_mut(step_x).enumerate() {
            let left = at(cell);
            let slope = if step_x == 1 { 0.0 } else { (at(cell + 1) - left) / step_x as f32 };
            part.iter_mut().enumerate().for_each(|(i, v)| *v = left + slope * i as f32);
        }
    }
}

/// A transform that moves three points of a square in the middle by up to `reach` of the shorter side: where
/// each pixel comes from.
fn affine(frame: &Frame, reach: f64, rng: &mut Rng) -> Option<[f32; 6]> {
    let shorter = frame.width.min(frame.height) as f64;
    if reach <= 0.0 {
        return None;
    }
    let (x, y, side) = (frame.width as f64 / 2.0, frame.height as f64 / 2.0, shorter / 3.0);
    let from = [(x + side, y + side), (x + side, y - side), (x - side, y - side)];
    let mut shift = || rng.uniform(-reach * shorter, reach * shorter);
    let to = from.map(|(x, y)| (x + shift(), y + shift()));
    let edges = |p: [(f64, f64); 3]| (p[1].0 - p[0].0, p[1].1 - p[0].1, p[2].0 - p[0].0, p[2].1 - p[0].1);
    let ((ax, ay, bx, by), (ux, uy, vx, vy)) = (edges(from), edges(to));
    let area = ux * vy - uy * vx;
    if area.abs() < 0.01 * side * side {
        return None;
    }
    let line = |a: f64, b: f64, start: f64| {
        let (mx, my) = ((a * vy - b * uy) / area, (b * ux - a * vx) / area);
        [mx as f32, my as f32, (start - mx * to[0].0 - my * to[0].1) as f32]
    };
    let ([a, b, c], [d, e, f]) = (line(ax, bx, from[0].0), line(ay, by, from[0].1));
    Some([a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};
    use super::*;

    #[test]
    fn even_pictures_and_no_strength_change_nothing() {
        assert!(difference(&run("- elastic_transform", &gray(40, 30, 0.4), 2), &gray(40, 30, 0.4)) < 1e-6);
        let clean = scene(40, 30);
        assert!(difference(&run("- elastic_transform: {strength: 0}", &clean, 2), &clean) < 1e-6);
        assert!(difference(&run("- elastic_transform: {strength: 0, affine: 5}", &clean, 2), &clean) > 0.01);
    }

    #[test]
    fn coarse_fields_vary_as_fine_ones() {
        // White noise of variance 1/3 smoothed by a Gaussian has the variance 1/(3 * 4 pi sigma^2).
        for (side, sigma) in [(300, 0.02), (1200, 0.01), (800, 0.04)] {
            let mut row = vec![0.0; side];
            let mut sum = 0.0;
            // Coarse fields have few independent places, so several are taken.
            for seed in 0..8 {
                let field = Field::new(side, side, sigma, 1.0, &mut Rng::new(seed));
                for y in 0..side {
                    field.row(y, &mut row);
                    sum += row.iter().map(|v| f64::from(v * v)).sum::<f64>();
                }
            }
            let found = (sum / (8 * side * side) as f64).sqrt() * sigma * side as f64;
            let expected = (1.0 / (12.0 * std::f64::consts::PI)).sqrt();
            assert!((found / expected - 1.0).abs() < 0.15, "{side} {sigma}: {found} {expected}");
        }
    }

    #[test]
    fn floors() {
        assert_eq!([-1.5, -1.0, -0.1, 0.0, 0.9, 7.0].map(floor), [-2, -1, -1, 0, 0, 7]);
    }
}
