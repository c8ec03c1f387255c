//! Outlines of shapes, as polygons.

use super::paint::log_uniform;
use super::point::Point;
use super::turns::direction;
use crate::random::Rng;

/// Kinds of outlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Disks and ellipses.
    Ellipse,
    /// Rectangles, turned.
    Rectangle,
    /// Corners all round at random distances.
    Polygon,
    /// Smooth, with bays.
    Blob,
    /// Two arcs that meet in points.
    Leaf,
    /// Long, thin and bent, tapering off or not.
    Stroke,
}

/// All of them.
pub(super) const KINDS: [Kind; 6] =
    [Kind::Ellipse, Kind::Rectangle, Kind::Polygon, Kind::Blob, Kind::Leaf, Kind::Stroke];

impl Kind {
    /// The farthest that an outline reaches from its centre, in radii.
    pub(super) fn reach(self) -> f32 {
        match self {
            Kind::Ellipse | Kind::Rectangle | Kind::Leaf => 2.1,
            Kind::Polygon => 1.4,
            Kind::Blob => 2.5,
            Kind::Stroke => 7.0,
        }
    }

    /// Puts the outline's corners into `out`: a shape of about this radius, its long side in the direction of
    /// `angle`, turns.
    pub(super) fn outline(self, centre: Point, radius: f32, angle: f32, rng: &mut Rng, out: &mut Vec<Point>) {
        out.clear();
        let steps = |most: f32| (5.0 + 2.5 * radius.sqrt()).min(most) as usize;
        let stretch = log_uniform(1.0, 4.0, rng).sqrt();
        let place = Place { centre, along: direction(angle) };
        match self {
            Kind::Ellipse => {
                let stretch = if rng.chance(0.3) { 1.0 } else { stretch };
                let n = steps(64.0).max(8);
                out.extend((0..n).map(|i| {
                    let [c, s] = direction(i as f32 / n as f32);
                    place.at(c * radius * stretch, s * radius / stretch)
                }));
            }
            Kind::Rectangle => {
                let (w, h) = (0.9 * radius * stretch, 0.9 * radius / stretch);
                out.extend([(w, h), (-w, h), (-w, -h), (w, -h)].map(|(x, y)| place.at(x, y)));
            }
            Kind::Polygon => {
                let n = rng.int(3, 8) as f32;
                out.extend((0..n as usize).map(|i| {
                    let [c, s] = direction((i as f32 + 0.8 * rng.unit() as f32) / n);
                    let far = radius * rng.uniform(0.7, 1.4) as f32;
                    place.at(c * far, s * far)
                }));
            }
            Kind::Blob => {
                let n = steps(96.0).max(10);
                let waves: [(f32, f32); 5] =
                    std::array::from_fn(|k| (0.28 * rng.normal() / (k + 1) as f32, rng.unit() as f32));
                out.extend((0..n).map(|i| {
                    let turn = i as f32 / n as f32;
                    let wave = |(k, (size, at)): (usize, &(f32, f32))| {
                        size * direction((k + 1) as f32 * turn + at)[0]
                    };
                    let far =
                        radius * (1.0 + waves.iter().enumerate().map(wave).sum::<f32>()).clamp(0.2, 1.8);
                    let [c, s] = direction(turn);
                    place.at(c * far, s * far)
                }));
            }
            Kind::Leaf => {
                let n = steps(40.0).max(6);
                let wide = radius * rng.uniform(0.25, 0.7) as f32;
                let bent = radius * 0.3 * rng.normal().clamp(-1.5, 1.5);
                let long = 1.6 * radius;
                out.extend((0..2 * n).map(|i| {
                    let t = i as f32 / n as f32;
                    let (t, side) = if t < 1.0 { (t, 1.0) } else { (2.0 - t, -1.0) };
                    let bow = 4.0 * t * (1.0 - t);
                    place.at(long * (2.0 * t - 1.0), side * wide * bow + bent * bow)
                }));
            }
            Kind::Stroke => {
                let long = radius * rng.uniform(1.5, 6.0) as f32;
                let wide = (radius * rng.uniform(0.1, 0.4) as f32).max(0.7);
                let bends = [0.25 * rng.normal(), 0.12 * rng.normal()].map(|b| b.clamp(-0.5, 0.5) * long);
                let taper = rng.chance(0.5);
                let n = (4.0 + long.sqrt()).min(32.0) as usize;
                let spine = |t: f32| {
                    let bow = 1.0 - t * t;
                    [long * t, bends[0] * bow + bends[1] * bow * t]
                };
                stroke(n, &spine, &|t| if taper { wide * 0.5 * (1.0 - t) + 0.2 } else { wide }, &place, out);
            }
        }
    }
}

/// Where a shape lies: its centre and the direction of its long side.
pub(super) struct Place {
    pub(super) centre: Point,
    pub(super) along: Point,
}

impl Place {
    /// On the canvas, a point given along and across the shape.
    pub(super) fn at(&self, x: f32, y: f32) -> Point {
        let [c, s] = self.along;
        [self.centre[0] + c * x - s * y, self.centre[1] + s * x + c * y]
    }
}

/// Adds the outline of a line along `spine`, given for -1 to 1 in `n` steps, of half the width `half` there.
pub(super) fn stroke(
    n: usize,
    spine: &dyn Fn(f32) -> Point,
    half: &dyn Fn(f32) -> f32,
    place: &Place,
    out: &mut Vec<Point>,
) {
    let first = out.len();
    let side = |i: usize, sign: f32| {
        let t = 2.0 * i as f32 / n as f32 - 1.0;
        let (at, before, behind) = (spine(t), spine(t - 0.02), spine(t + 0.02));
        let (dx, dy) = (behind[0] - before[0], behind[1] - before[1]);
        let scale = sign * half(t) / (dx * dx + dy * dy).sqrt().max(1e-6);
        place.at(at[0] - dy * scale, at[1] + dx * scale)
    };
    out.extend((0..=n).map(|i| side(i, 1.0)));
    out.extend((0..=n).rev().map(|i| side(i, -1.0)));
    debug_assert_eq!(out.len() - first, 2 * n + 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_stay_within_their_reach() {
        let mut rng = Rng::new(1);
        let mut out = Vec::new();
        for kind in KINDS {
            for _ in 0..300 {
                let radius = log_uniform(1.0, 200.0, &mut rng);
                let angle = rng.unit() as f32;
                kind.outline([50.0, -20.0], radius, angle, &mut rng, &mut out);
                let far = out.iter().map(|p| libm::hypotf(p[0] - 50.0, p[1] + 20.0)).fold(0.0, f32::max);
                assert!(out.len() >= 3 && far < kind.reach() * radius + 2.0, "{kind:?} {far} {radius}");
            }
        }
    }
}
