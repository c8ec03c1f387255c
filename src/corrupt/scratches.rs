//! Long thin lines down a film.

use super::ink::{Ink, place};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};
use std::f64::consts::PI;

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Scratches for each thousand pixels of width.
        density: f64 [Kind::Float { min: 0.0, max: 200.0 }] = "[4, 20]",
        /// Width of a line in pixels.
        width: f64 [Kind::Float { min: 0.1, max: 32.0 }] = "[0.6, 1.8]",
        /// Longest, as a share of the height.
        length: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.2, 1]",
        /// Lean from the vertical in degrees.
        angle: f64 [Kind::Float { min: -45.0, max: 45.0 }] = "[-2, 2]",
        /// Share of white ones, 0 to 1.
        light: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.4, 1]",
        /// Opacity, 0 to 1.
        strength: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.3, 0.9]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "scratches",
        version: 1,
        doc: "Draws long thin lines, nearly vertical, that waver, fade and break, as on film that ran through a \
              projector.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- scratches: {density: [2, 10], strength: 0.6}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let rng = &mut context.rng;
    let lean = libm::tan(drawn.angle * PI / 180.0);
    let [mut white, mut black] = [Ink::new(frame), Ink::new(frame)];
    for _ in 0..rng.poisson(drawn.density * frame.width as f64 / 1000.0) {
        let ink = if rng.chance(drawn.light) { &mut white } else { &mut black };
        let (x, y) = place(frame, rng);
        let length = frame.height as f64 * drawn.length * rng.uniform(0.3, 1.0);
        let mut line = Line {
            x: f64::from(x),
            middle: f64::from(y),
            length,
            // Each leans a little of its own.
            lean: lean + rng.uniform(-0.012, 0.012),
            width: drawn.width * rng.uniform(0.6, 1.2),
            opacity: drawn.strength * rng.uniform(0.4, 1.0),
        };
        line.draw(ink, frame.height, rng);
        // One grain of sand often leaves two lines.
        if rng.chance(0.25) {
            line.x += rng.uniform(2.0, 6.0) * line.width;
            line.middle += rng.uniform(-0.2, 0.2) * length;
            line.opacity *= rng.uniform(0.3, 0.7);
            line.draw(ink, frame.height, rng);
        }
    }
    black.lay(frame, 0.05);
    white.lay(frame, 0.98);
    Ok(())
}

#[derive(Debug)]
struct Line {
    x: f64,
    middle: f64,
    length: f64,
    lean: f64,
    width: f64,
    opacity: f64,
}

impl Line {
    fn draw(&self, ink: &mut Ink, height: usize, rng: &mut Rng) {
        let (from, to) = (self.middle - self.length / 2.0, self.middle + self.length / 2.0);
        // Place and pressure wander; both are drawn back to their mean.
        let (mut drift, mut speed, mut pressure) = (0.0f64, 0.0f64, 0.0f64);
        for row in from.max(0.0) as usize..(to.max(0.0) as usize + 1).min(height) {
            speed = 0.97 * speed + 0.012 * f64::from(rng.normal()) - 0.0006 * drift;
            drift += speed;
            pressure = 0.96 * pressure + 0.16 * f64::from(rng.normal());
            let y = row as f64 + 0.5;
            let ends = ((y - from).min(to - y) / (0.12 * self.length + 4.0)).clamp(0.0, 1.0);
            let opacity = self.opacity * ends * (0.75 + 0.7 * pressure).clamp(0.0, 1.0);
            let x = self.x + self.lean * (y - self.middle) + drift;
            let width = self.width * (1.0 + 0.25 * pressure).clamp(0.5, 1.5);
            ink.across(x as f32, row, width as f32, opacity as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn lines_are_long_thin_and_upright() {
        let clean = gray(400, 300, 0.5);
        let result = run("- scratches: {density: 10, width: 1, length: 1, light: 1, strength: 1}", &clean, 2);
        let marked: Vec<usize> = (0..400 * 300).filter(|i| result.planes[0][*i] > 0.6).collect();
        assert!((200..4000).contains(&marked.len()), "{}", marked.len());
        assert!(result.planes[0].iter().all(|v| *v >= 0.5));
        // Most marked pixels go on below, hardly any to the right.
        let on = |step: usize| {
            marked.iter().filter(|i| marked.binary_search(&(*i + step)).is_ok()).count() as f64
                / marked.len() as f64
        };
        assert!(on(400) > 0.7 && on(3) < 0.2, "{} {}", on(400), on(3));
    }

    #[test]
    fn none_leave_the_picture_alone() {
        let clean = gray(60, 50, 0.5);
        assert_eq!(run("- scratches: {density: 0}", &clean, 1), clean);
    }
}
