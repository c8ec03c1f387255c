//! Brown blotches and foxing of old paper.

use super::ink::{Cloud, count, place, span};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Blotches for each megapixel.
        density: f64 [Kind::Float { min: 0.0, max: 500.0 }] = "[6, 40]",
        /// Small spots for each megapixel.
        spots: f64 [Kind::Float { min: 0.0, max: 5000.0 }] = "[20, 250]",
        /// Diameter of a large blotch in pixels; small spots have about a twelfth.
        size: f64 [Kind::Float { min: 4.0, max: 2048.0 }] = "[60, 260]",
        /// Darkness of the blotches' rim, 0 to 1.
        rim: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0, 0.8]",
        /// Depth of the colour, 0 to 1.
        strength: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.4, 0.9]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "stains",
        version: 1,
        doc: "Lays ragged brownish blotches and small rusty spots (foxing) over the picture, as on old paper; gray \
              pictures darken.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- stains: {density: [3, 10], size: [40, 120]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

/// What full strength leaves of red, green and blue: of a tide of water, and of rust.
const TEA: [f32; 3] = [0.74, 0.58, 0.36];
const RUST: [f32; 3] = [0.66, 0.42, 0.22];

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let rng = &mut context.rng;
    let cloud = Cloud::new(rng);
    let (size, strength) = (drawn.size, drawn.strength);
    for _ in 0..count(frame, drawn.density, size * size, rng) {
        let share = rng.unit();
        let radius = size * 0.5 * (0.3 + 0.7 * share * share);
        let blot = Blot::new(frame, radius, strength * rng.uniform(0.35, 1.0), drawn.rim, TEA, rng);
        blot.lay(frame, &cloud);
    }
    let spot = size / 12.0;
    for _ in 0..count(frame, drawn.spots, spot * spot, rng) {
        let share = rng.unit();
        let radius = (spot * 0.5 * (0.2 + 0.8 * share * share)).max(0.7);
        Blot::new(frame, radius, strength * rng.uniform(0.3, 1.0), 0.0, RUST, rng).lay(frame, &cloud);
    }
    Ok(())
}

#[derive(Debug)]
struct Blot {
    middle: (f32, f32),
    radius: f32,
    depth: f32,
    rim: f32,
    left: [f32; 3],
    /// Where on the noise it lies.
    seat: (f32, f32),
}

impl Blot {
    fn new(frame: &Frame, radius: f64, depth: f64, rim: f64, left: [f32; 3], rng: &mut Rng) -> Blot {
        let middle = place(frame, rng);
        let mut seat = || rng.uniform(0.0, 64.0) as f32;
        let seat = (seat(), seat());
        Blot { middle, radius: radius as f32, depth: depth as f32, rim: rim as f32, left, seat }
    }

    /// How strong it is at `distance` (1 is the mean radius) where the noise is `noise`.
    fn profile(&self, distance: f32, noise: f32) -> f32 {
        let ragged = distance + 0.55 * noise;
        let inside = ((1.0 - ragged) * 3.0).clamp(0.0, 1.0);
        let body = inside * inside * (3.0 - 2.0 * inside) * (0.75 + 0.5 * noise);
        // Where a puddle dries up last, it leaves the most.
        let rim = (1.0 - (ragged - 0.88).abs() * 9.0).max(0.0);
        body * (1.0 - 0.6 * self.rim) + rim * self.rim
    }

    fn lay(&self, frame: &mut Frame, cloud: &Cloud) {
        let ((x, y), reach) = (self.middle, 1.6 * self.radius + 1.0);
        let gray = 0.299 * self.left[0] + 0.587 * self.left[1] + 0.114 * self.left[2];
        let left = if frame.planes.len() == 1 { [gray; 3] } else { self.left };
        let scale = 1.0 / self.radius;
        let columns = span(x, reach, frame.width);
        for row in span(y, reach, frame.height) {
            let v = (row as f32 + 0.5 - y) * scale;
            for column in columns.clone() {
                let u = (column as f32 + 0.5 - x) * scale;
                let square = u * u + v * v;
                // No noise brings the edge further out than this.
                if square > 2.5 {
                    continue;
                }
                let noise = cloud.at(self.seat.0 + 1.7 * u, self.seat.1 + 1.7 * v);
                let depth = (self.depth * self.profile(square.sqrt(), noise)).clamp(0.0, 1.0);
                let i = row * frame.width + column;
                for (plane, left) in frame.planes.iter_mut().zip(left) {
                    plane[i] *= 1.0 + (left - 1.0) * depth;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::Frame;

    #[test]
    fn paper_browns_in_places() {
        let paper = Frame { planes: vec![vec![0.9; 120_000]; 3], ..gray(400, 300, 0.0) };
        let result = run("- stains: {density: 30, spots: 100, size: 80, strength: 0.6}", &paper, 3);
        let [r, g, b] = result.planes.as_slice() else { panic!() };
        assert!(r.iter().zip(g).zip(b).all(|((r, g), b)| *r <= 0.9 && g <= r && b <= g));
        let clean = r.iter().filter(|v| **v == 0.9).count();
        assert!((30_000..119_000).contains(&clean), "{clean}");
        let gray = run("- stains: {density: 30, size: 80}", &gray(400, 300, 0.9), 3);
        assert!(gray.planes[0].iter().all(|v| *v <= 0.9) && gray.planes[0].iter().any(|v| *v < 0.85));
    }

    #[test]
    fn without_stains_nothing_changes() {
        let clean = gray(60, 50, 0.5);
        assert_eq!(run("- stains: {density: 0, spots: 0}", &clean, 1), clean);
    }
}
