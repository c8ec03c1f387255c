//! Marks on a picture: dots, threads and ragged shapes with soft edges, drawn on a plane of cover.

use super::Frame;
use crate::random::Rng;

/// How far marks cover every pixel, 0 to 1. Overlapping marks don't add up.
#[derive(Debug)]
pub(super) struct Ink {
    width: usize,
    height: usize,
    cover: Vec<f32>,
}

impl Ink {
    /// No marks yet, for a picture of this size.
    pub(super) fn new(frame: &Frame) -> Ink {
        Ink { width: frame.width, height: frame.height, cover: vec![0.0; frame.width * frame.height] }
    }

    /// A dot whose edge is one pixel soft; a dot smaller than a pixel covers part of it.
    pub(super) fn dot(&mut self, (x, y): (f32, f32), radius: f32, opacity: f32) {
        let reach = radius + 0.5;
        let most = opacity * (2.0 * radius).min(1.0);
        let columns = span(x, reach, self.width);
        for row in span(y, reach, self.height) {
            let dy = row as f32 + 0.5 - y;
            for column in columns.clone() {
                let dx = column as f32 + 0.5 - x;
                let inside = (reach - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
                let cover = &mut self.cover[row * self.width + column];
                *cover = cover.max(inside * most);
            }
        }
    }

    /// A horizontal run of cover around `x` in one row, for lines that go down.
    pub(super) fn across(&mut self, x: f32, row: usize, width: f32, opacity: f32) {
        let reach = width * 0.5 + 0.5;
        for column in span(x, reach, self.width) {
            let inside = (reach - (column as f32 + 0.5 - x).abs()).clamp(0.0, width.min(1.0));
            let cover = &mut self.cover[row * self.width + column];
            *cover = cover.max(inside * opacity);
        }
    }

    /// Moves the picture towards `tone` (0 to 1) where there is cover.
    pub(super) fn lay(&self, frame: &mut Frame, tone: f32) {
        for plane in &mut frame.planes {
            plane.iter_mut().zip(&self.cover).for_each(|(value, cover)| *value += (tone - *value) * cover);
        }
    }
}

/// Pixels of a line of `len` whose middle lies within `reach` of `x`.
pub(super) fn span(x: f32, reach: f32, len: usize) -> std::ops::Range<usize> {
    // Casts of negative numbers give 0.
    let low = (x - reach + 0.5) as usize;
    low.min(len)..((x + reach + 0.5) as usize).min(len)
}

/// A random place on a picture.
pub(super) fn place(frame: &Frame, rng: &mut Rng) -> (f32, f32) {
    let x = rng.uniform(0.0, frame.width as f64) as f32;
    (x, rng.uniform(0.0, frame.height as f64) as f32)
}

/// How many marks: a Poisson number around `density` for each million pixels, but none beyond those that
/// cover the picture eight times when each covers `area` pixels.
pub(super) fn count(frame: &Frame, density: f64, area: f64, rng: &mut Rng) -> usize {
    let pixels = (frame.width * frame.height) as f64;
    let most = 1 + (8.0 * pixels / area.max(1.0)) as usize;
    (rng.poisson(density * pixels / 1.0e6) as usize).min(most)
}

/// Cloudy noise: random values on a grid that repeats, smoothly joined, in three octaves.
#[derive(Debug)]
pub(super) struct Cloud(Vec<f32>);

const GRID: usize = 64;

impl Cloud {
    /// Draws the grid.
    pub(super) fn new(rng: &mut Rng) -> Cloud {
        Cloud((0..GRID * GRID).map(|_| rng.uniform(-1.0, 1.0) as f32).collect())
    }

    /// The noise at a place in units of the coarsest grid; within -1 and 1.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        (self.octave(x, y)
            + 0.5 * self.octave(2.0 * x + 17.3, 2.0 * y + 5.1)
            + 0.3 * self.octave(4.3 * x + 41.7, 4.3 * y + 29.9))
            / 1.8
    }

    fn octave(&self, x: f32, y: f32) -> f32 {
        let (low_x, low_y) = (x.floor(), y.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(x - low_x), ease(y - low_y));
        let wrap = |i: i32| i.rem_euclid(GRID as i32) as usize;
        let (x0, x1) = (wrap(low_x as i32), wrap(low_x as i32 + 1));
        let (y0, y1) = (wrap(low_y as i32) * GRID, wrap(low_y as i32 + 1) * GRID);
        let top = self.0[y0 + x0] + (self.0[y0 + x1] - self.0[y0 + x0]) * fx;
        let bottom = self.0[y1 + x0] + (self.0[y1 + x1] - self.0[y1 + x0]) * fx;
        top + (bottom - top) * fy
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::gray;
    use super::*;

    #[test]
    fn dots_have_their_area() {
        let frame = gray(40, 40, 0.0);
        for (radius, wanted) in [(5.0f32, 78.5f32), (2.0, 12.57)] {
            let mut ink = Ink::new(&frame);
            ink.dot((20.3, 19.6), radius, 1.0);
            let area: f32 = ink.cover.iter().sum();
            assert!((area / wanted - 1.0).abs() < 0.06, "{area}");
        }
        let mut ink = Ink::new(&frame);
        [(-50.0, 3.0), (90.0, 90.0), (0.0, 40.0)].into_iter().for_each(|at| ink.dot(at, 3.0, 1.0));
        ink.across(-9.0, 0, 2.0, 1.0);
        ink.across(10.0, 39, 2.0, 0.5);
        assert!((ink.cover[39 * 40 + 9] - 0.5).abs() < 1e-6 && ink.cover[39 * 40 + 12] == 0.0);
    }

    #[test]
    fn clouds_vary_within_bounds() {
        let cloud = Cloud::new(&mut Rng::new(1));
        let values: Vec<f32> =
            (0..4000).map(|i| cloud.at(i as f32 * 0.13 - 90.0, i as f32 * -0.07)).collect();
        assert!(values.iter().all(|v| v.abs() <= 1.0));
        assert!(values.iter().any(|v| *v > 0.4) && values.iter().any(|v| *v < -0.4));
    }
}
