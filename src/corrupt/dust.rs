//! Specks and hairs, as on scanned film.

use super::ink::{Ink, count, place};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};
use std::f64::consts::PI;

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Specks for each megapixel.
        specks: f64 [Kind::Float { min: 0.0, max: 10_000.0 }] = "[150, 1200]",
        /// Hairs for each megapixel.
        hairs: f64 [Kind::Float { min: 0.0, max: 500.0 }] = "[4, 40]",
        /// Diameter of a large speck in pixels; most are smaller. Hairs are about ten times as long.
        size: f64 [Kind::Float { min: 0.5, max: 64.0 }] = "[3, 7]",
        /// Share of white ones, 0 to 1.
        light: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.5, 1]",
        /// Opacity, 0 to 1.
        strength: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.5, 1]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "dust",
        version: 1,
        doc: "Lays specks and curled hairs over the picture, as dust does on scanned film and prints.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- dust: {specks: [200, 600], size: 4}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let rng = &mut context.rng;
    let (size, strength) = (drawn.size, drawn.strength);
    let [mut white, mut black] = [Ink::new(frame), Ink::new(frame)];
    for _ in 0..count(frame, drawn.specks, size * size, rng) {
        let ink = if rng.chance(drawn.light) { &mut white } else { &mut black };
        speck(ink, place(frame, rng), size, strength, rng);
    }
    for _ in 0..count(frame, drawn.hairs, 10.0 * size, rng) {
        let ink = if rng.chance(drawn.light) { &mut white } else { &mut black };
        hair(ink, place(frame, rng), size, strength, rng);
    }
    black.lay(frame, 0.06);
    white.lay(frame, 0.97);
    Ok(())
}

/// A grain of dust: some dots in a heap, small ones by far the most frequent.
fn speck(ink: &mut Ink, (x, y): (f32, f32), size: f64, strength: f64, rng: &mut Rng) {
    let share = rng.unit();
    let radius = (size * 0.5 * (0.2 + 0.8 * share * share)).max(0.3);
    let opacity = (strength * rng.uniform(0.6, 1.0)) as f32;
    ink.dot((x, y), radius as f32 * 0.8, opacity);
    for _ in 0..rng.int(1, 4) {
        let mut off = || rng.uniform(-radius, radius) as f32;
        let at = (x + off(), y + off());
        ink.dot(at, (radius * rng.uniform(0.25, 0.65)) as f32, opacity);
    }
}

/// A thread that curls: its direction turns at a rate that itself wanders.
fn hair(ink: &mut Ink, (mut x, mut y): (f32, f32), size: f64, strength: f64, rng: &mut Rng) {
    let radius = (size * rng.uniform(0.08, 0.14)).max(0.4);
    let opacity = (strength * rng.uniform(0.55, 0.95)) as f32;
    let step = (radius * 0.5).max(0.4);
    let length = size * rng.uniform(4.0, 18.0);
    let mut heading = rng.uniform(0.0, 2.0 * PI);
    // Radians a pixel; about half a turn over its length.
    let limit = 3.0 / length;
    let mut bend = rng.uniform(-limit, limit);
    for i in 0..(length / step) as usize {
        // Ends are thinner.
        let end = (i as f64 * step).min(length - i as f64 * step) / size;
        ink.dot((x, y), (radius * (0.55 + 0.45 * end.min(1.0))) as f32, opacity);
        bend = (bend + f64::from(rng.normal()) * limit * 0.1 * step.sqrt()).clamp(-2.0 * limit, 2.0 * limit);
        heading += bend * step;
        x += (libm::cos(heading) * step) as f32;
        y += (libm::sin(heading) * step) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    fn touched(yaml: &str, brighter: bool) -> usize {
        let result = run(yaml, &gray(500, 400, 0.5), 6);
        result.planes[0].iter().filter(|v| if brighter { **v > 0.55 } else { **v < 0.45 }).count()
    }

    #[test]
    fn marks_are_few_and_of_the_tone_asked_for() {
        let white = "- dust: {specks: 500, hairs: 20, size: 5, light: 1}";
        assert!((150..6000).contains(&touched(white, true)) && touched(white, false) == 0);
        let black = "- dust: {specks: 500, hairs: 20, size: 5, light: 0}";
        assert!((150..6000).contains(&touched(black, false)) && touched(black, true) == 0);
        assert_eq!(touched("- dust: {specks: 0, hairs: 0}", true), 0);
    }

    #[test]
    fn more_specks_touch_more() {
        let many = |n: u32| touched(&format!("- dust: {{specks: {n}, hairs: 0, size: 5, light: 1}}"), true);
        assert!(many(4000) > 3 * many(400));
    }
}
