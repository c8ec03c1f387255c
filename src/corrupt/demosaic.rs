//! A Bayer mosaic of one number a pixel, and the three planes that cameras make of it.
//!
//! The mosaic is kept as its four phases, each a plane of half the width and height, so that the inner loops run over
//! neighbouring numbers.

use crate::spec::words;

words! {
    /// How the colours that a pixel lacks are found.
    pub(super) enum Method {
        /// Mean of the nearest of that colour.
        Bilinear = "bilinear",
        /// That, corrected by the slope of the pixel's own colour (Malvar, He and Cutler 2004).
        Gradient = "gradient",
    }
}

/// Rows and columns beyond the picture on each side.
const MARGIN: usize = 2;

/// What colour a phase has: 0 red, 1 green in rows with red, 2 green in rows with blue, 3 blue.
const COLOUR: [usize; 4] = [0, 1, 1, 2];

/// A filter: columns to the right, rows down, weight.
type Taps = &'static [(isize, isize, f32)];

const OWN: Taps = &[(0, 0, 1.0)];
const CROSS: Taps = &[(-1, 0, 0.25), (1, 0, 0.25), (0, -1, 0.25), (0, 1, 0.25)];
const DIAGONALS: Taps = &[(-1, -1, 0.25), (1, -1, 0.25), (-1, 1, 0.25), (1, 1, 0.25)];
const ACROSS: Taps = &[(-1, 0, 0.5), (1, 0, 0.5)];
const DOWN: Taps = &[(0, -1, 0.5), (0, 1, 0.5)];

/// Of each phase, the filters of red, green and blue.
const BILINEAR: [[Taps; 3]; 4] =
    [[OWN, CROSS, DIAGONALS], [ACROSS, OWN, DOWN], [DOWN, OWN, ACROSS], [DIAGONALS, CROSS, OWN]];

/// Figure 2 of the paper: green at red and blue; red or blue at green, from left and right or from above and below;
/// red at blue and blue at red.
const GREEN: Taps = &[
    (0, 0, 0.5),
    (-1, 0, 0.25),
    (1, 0, 0.25),
    (0, -1, 0.25),
    (0, 1, 0.25),
    (-2, 0, -0.125),
    (2, 0, -0.125),
    (0, -2, -0.125),
    (0, 2, -0.125),
];
const SIDES: Taps = &[
    (0, 0, 0.625),
    (-1, 0, 0.5),
    (1, 0, 0.5),
    (-1, -1, -0.125),
    (1, -1, -0.125),
    (-1, 1, -0.125),
    (1, 1, -0.125),
    (-2, 0, -0.125),
    (2, 0, -0.125),
    (0, -2, 0.0625),
    (0, 2, 0.0625),
];
const ENDS: Taps = &[
    (0, 0, 0.625),
    (0, -1, 0.5),
    (0, 1, 0.5),
    (-1, -1, -0.125),
    (1, -1, -0.125),
    (-1, 1, -0.125),
    (1, 1, -0.125),
    (0, -2, -0.125),
    (0, 2, -0.125),
    (-2, 0, 0.0625),
    (2, 0, 0.0625),
];
const OPPOSITE: Taps = &[
    (0, 0, 0.75),
    (-1, -1, 0.25),
    (1, -1, 0.25),
    (-1, 1, 0.25),
    (1, 1, 0.25),
    (-2, 0, -0.1875),
    (2, 0, -0.1875),
    (0, -2, -0.1875),
    (0, 2, -0.1875),
];
const GRADIENT: [[Taps; 3]; 4] =
    [[OWN, GREEN, OPPOSITE], [SIDES, OWN, ENDS], [ENDS, OWN, SIDES], [OPPOSITE, GREEN, OWN]];

/// A mosaic, with two rows and columns around it.
pub(super) struct Mosaic {
    width: usize,
    height: usize,
    /// Whether the first row and column begin in the second half of the pattern.
    shift: (usize, usize),
    /// Width of a phase.
    half: usize,
    phases: [Vec<f32>; 4],
}

impl Mosaic {
    /// A mosaic of a picture this large; `value` gives the number of each pixel: its column, its row (those of the
    /// nearest pixel inside the picture) and its colour (0 to 2). `shift` moves the pattern, which begins with red and
    /// green, by 0 or 1 columns and rows.
    pub(super) fn new(
        (width, height): (usize, usize),
        shift: (usize, usize),
        mut value: impl FnMut(usize, usize, usize) -> f32,
    ) -> Mosaic {
        let (half, rows) = (width.div_ceil(2) + MARGIN, height.div_ceil(2) + MARGIN);
        let mut phases = [(); 4].map(|()| vec![0.0; half * rows]);
        let inside = |at: usize, side: usize| at.saturating_sub(MARGIN).min(side - 1);
        for y in 0..2 * rows {
            for x in 0..2 * half {
                let phase = (y & 1) << 1 | (x & 1);
                let colour = COLOUR[turned(phase, shift)];
                phases[phase][(y / 2) * half + x / 2] = value(inside(x, width), inside(y, height), colour);
            }
        }
        Mosaic { width, height, shift, half, phases }
    }

    /// Red, green and blue.
    pub(super) fn planes(&self, method: Method) -> [Vec<f32>; 3] {
        let filters = match method {
            Method::Bilinear => &BILINEAR,
            Method::Gradient => &GRADIENT,
        };
        let mut planes = [(); 3].map(|()| vec![0.0f32; self.width * self.height]);
        let mut line = vec![0.0f32; self.width.div_ceil(2)];
        for y in 0..self.height {
            for column in 0..2 {
                let filters = &filters[turned((y & 1) << 1 | column, self.shift)];
                for (plane, taps) in planes.iter_mut().zip(filters) {
                    self.filter(&mut line, (column, y), taps);
                    let row = &mut plane[y * self.width..][..self.width];
                    row.iter_mut().skip(column).step_by(2).zip(&line).for_each(|(to, v)| *to = *v);
                }
            }
        }
        planes
    }

    /// The sum of the taps at every second pixel of a row, from a column on.
    fn filter(&self, line: &mut [f32], (column, row): (usize, usize), taps: Taps) {
        line.fill(0.0);
        for &(dx, dy, weight) in taps {
            let (x, y) = ((column + MARGIN).wrapping_add_signed(dx), (row + MARGIN).wrapping_add_signed(dy));
            let phase = &self.phases[(y & 1) << 1 | (x & 1)];
            let from = &phase[(y / 2) * self.half + x / 2..][..line.len()];
            line.iter_mut().zip(from).for_each(|(to, v)| *to += weight * v);
        }
    }
}

/// The phase of the pattern at a phase of the picture.
fn turned(phase: usize, (across, down): (usize, usize)) -> usize {
    phase ^ (down << 1 | across)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_gray_come_back() {
        for method in [Method::Bilinear, Method::Gradient] {
            for shift in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let value = |x: usize, y: usize| 0.2 + 0.01 * x as f32 + 0.02 * y as f32;
                let planes = Mosaic::new((13, 10), shift, |x, y, _| value(x, y)).planes(method);
                for plane in &planes {
                    // Away from the border, beyond which the picture goes on evenly.
                    for (x, y) in (2..8).flat_map(|y| (2..11).map(move |x| (x, y))) {
                        let off = (plane[y * 13 + x] - value(x, y)).abs();
                        assert!(off < 1e-6, "{method:?} {shift:?} {x} {y} {off}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_pixel_keeps_its_own_colour() {
        for shift in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let value = |x: usize, y: usize, colour: usize| (x * 7 + y * 31 + colour * 1000) as f32;
            let planes = Mosaic::new((9, 6), shift, value).planes(Method::Gradient);
            let mut counts = [0; 3];
            for (x, y) in (0..6).flat_map(|y| (0..9).map(move |x| (x, y))) {
                let phase = turned((y & 1) << 1 | (x & 1), shift);
                let colour = COLOUR[phase];
                assert_eq!(planes[colour][y * 9 + x], value(x, y, colour));
                counts[colour] += 1;
            }
            assert!(counts[1] > counts[0] && counts[1] > counts[2], "{counts:?}");
        }
    }

    #[test]
    fn evenly_coloured_mosaics_are_even() {
        for (width, height) in [(1, 1), (2, 1), (1, 5), (6, 7)] {
            let planes = Mosaic::new((width, height), (1, 0), |_, _, colour| colour as f32 + 0.5);
            for (colour, plane) in planes.planes(Method::Bilinear).iter().enumerate() {
                assert_eq!(plane.len(), width * height);
                assert!(plane.iter().all(|v| (v - colour as f32 - 0.5).abs() < 1e-6));
            }
        }
    }
}
