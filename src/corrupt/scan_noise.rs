//! What a scanner with a line sensor adds.

use super::light::SRGB;
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation of the noise in linear light on the 0 to 255 scale: it shows in dark tones.
        noise: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "[0.02, 0.5]",
        /// Standard deviation of the gain of the sensor's elements, as a share: streaks along the scan.
        streaks: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0, 0.012]",
        /// Standard deviation of the light from line to line, as a share: streaks across it.
        lines: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0, 0.006]",
        /// Pixels that red and blue lie apart from green along the scan: colour fringes.
        fringe: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0, 0.5]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "scan_noise",
        version: 2,
        doc: "Adds what a scanner with a line sensor adds, in linear light: noise in dark tones, streaks along and \
              across the scan, colour fringes. It scans down or across, with equal chance.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- scan_noise: {noise: 0.3, streaks: 0.005}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (decode, encode) = &*SRGB;
    let (width, height) = (frame.width, frame.height);
    let across = context.rng.chance(0.5);
    let noise = (drawn.noise / 255.0) as f32;
    let mut factors = |count: usize, deviation: f64| {
        let mut factors = vec![1.0f32; count];
        context.rng.normals(&mut factors, |factor, normal| *factor += deviation as f32 * normal);
        factors
    };
    let (elements, lines) = if across { (height, width) } else { (width, height) };
    let lines = factors(lines, drawn.lines);
    // Each colour has a line of elements of its own.
    let gains: Vec<Vec<f32>> = frame.planes.iter().map(|_| factors(elements, drawn.streaks)).collect();
    let colours = frame.planes.len() == 3;
    for ((channel, plane), gains) in frame.planes.iter_mut().enumerate().zip(&gains) {
        if colours && channel != 1 {
            let apart = if channel == 0 { drawn.fringe } else { -drawn.fringe };
            shift(plane, width, apart as f32, across);
        }
        let (columns, rows) = if across { (&lines, gains) } else { (gains, &lines) };
        for (row, down) in plane.chunks_exact_mut(width).zip(rows) {
            let mut columns = columns.iter();
            context.rng.normals(row, |value, normal| {
                let gain = down * columns.next().unwrap_or(&1.0);
                *value = encode.at(decode.at(*value) * gain + noise * normal);
            });
        }
    }
    Ok(())
}

/// Moves a plane by a part of a pixel (-1 to 1) along the scan, by linear interpolation.
fn shift(plane: &mut [f32], width: usize, apart: f32, across: bool) {
    let (near, far) = (1.0 - apart.abs(), apart.abs());
    if far == 0.0 {
        return;
    }
    let back = apart > 0.0;
    if across {
        for row in plane.chunks_exact_mut(width) {
            if !back {
                row.reverse();
            }
            let mut before = row.first().copied().unwrap_or_default();
            for value in row.iter_mut() {
                let own = *value;
                *value = near * own + far * before;
                before = own;
            }
            if !back {
                row.reverse();
            }
        }
        return;
    }
    let source = plane.to_vec();
    let last = source.len() / width - 1;
    for (y, row) in plane.chunks_exact_mut(width).enumerate() {
        let from = if back { y.saturating_sub(1) } else { (y + 1).min(last) };
        let other = &source[from * width..][..width];
        row.iter_mut().zip(other).for_each(|(value, other)| *value = near * *value + far * other);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};

    fn deviation(values: &[f32]) -> f32 {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
    }

    #[test]
    fn noise_shows_in_dark_tones() {
        let sigma = |value: f32| {
            let noisy =
                run("- scan_noise: {noise: 0.3, streaks: 0, lines: 0, fringe: 0}", &gray(200, 200, value), 1);
            deviation(&noisy.planes[0]) * 255.0
        };
        // At 0.2, sRGB's curve is 3.2 times as steep as a straight line; at 0.8, 0.59 times.
        assert!((sigma(0.2) / 0.3 - 3.2).abs() < 0.15, "{}", sigma(0.2));
        assert!(sigma(0.2) > 3.0 * sigma(0.8));
    }

    #[test]
    fn streaks_run_along_the_scan() {
        let mut found = [0; 2];
        for seed in 0..20 {
            let clean = gray(120, 90, 0.5);
            let noisy = run("- scan_noise: {noise: 0, streaks: 0.01, lines: 0, fringe: 0}", &clean, seed);
            let plane = &noisy.planes[0];
            let row = deviation(&plane[..120]);
            let column = deviation(&plane.iter().step_by(120).copied().collect::<Vec<_>>());
            let (streaks, along) = if row > column { (row, column) } else { (column, row) };
            found[usize::from(row > column)] += 1;
            assert!(along < 1e-6 && (streaks * 255.0 - 0.59).abs() < 0.2, "{streaks} {along}");
        }
        assert!(found.iter().all(|count| *count > 3), "{found:?}");
    }

    #[test]
    fn gray_has_no_fringes() {
        let mut clean = gray(20, 10, 0.5);
        clean.planes[0].iter_mut().step_by(3).for_each(|v| *v = 0.2);
        let same = run("- scan_noise: {noise: 0, streaks: 0, lines: 0, fringe: 1}", &clean, 1);
        assert!(difference(&clean, &same) < 1e-6);
    }

    #[test]
    fn red_and_blue_move_apart() {
        let only = "- scan_noise: {noise: 0, streaks: 0, lines: 0, fringe: 1}";
        let mut clean = scene(40, 30);
        let green = clean.planes[1].clone();
        clean.planes = vec![green.clone(), green.clone(), green];
        for seed in 0..4 {
            let moved = run(only, &clean, seed);
            let at = |plane: &[f32], x: usize, y: usize| plane[y * 40 + x];
            let all = |dx: usize, dy: usize| {
                (2..28).flat_map(|y| (2..38).map(move |x| (x, y))).all(|(x, y)| {
                    let wanted = at(&clean.planes[0], x, y);
                    (at(&moved.planes[0], x + dx, y + dy) - wanted).abs() < 1e-3
                        && (at(&moved.planes[2], x - dx, y - dy) - wanted).abs() < 1e-3
                })
            };
            assert!(all(1, 0) || all(0, 1), "{seed}");
        }
        let none = "- scan_noise: {noise: 0, streaks: 0, lines: 0, fringe: 0}";
        assert!(difference(&run(none, &clean, 1), &clean) < 1e-3);
    }
}
