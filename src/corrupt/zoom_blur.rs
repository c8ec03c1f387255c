//! Blur of a zooming lens (ImageNet-C 7).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// The largest enlargement.
        zoom: f64 [Kind::Float { min: 1.0, max: 2.0 }],
        /// Difference of one enlargement to the next, starting at 1.
        step: f64 [Kind::Float { min: 0.005, max: 1.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "zoom_blur",
        version: 1,
        doc: "Averages enlargements of the middle, as a lens does that zooms during the exposure.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- zoom_blur: {zoom: [1.05, 1.2], step: 0.01}",
    },
    severities: &[&[1.11, 0.01], &[1.15, 0.01], &[1.2, 0.02], &[1.24, 0.02], &[1.3, 0.03]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (zoom, step) = (drawn.zoom, drawn.step);
    let count = ((zoom - 1.0) / step + 1.0e-6) as usize + 1;
    // The reference's steps, down to the last digit: the sizes are rounded up from them.
    let step = (1.0 + step) - 1.0;
    let zooms: Vec<f64> = (1..count).map(|i| 1.0 + i as f64 * step).collect();
    let axis = |n: usize| zooms.iter().map(|zoom| places(n, *zoom)).collect::<Vec<_>>();
    let (rows, columns) = (axis(frame.height), axis(frame.width));
    let (width, scale) = (frame.width, 1.0 / (count + 1) as f32);
    let mut line = vec![0.0f32; width];
    for plane in &mut frame.planes {
        let source = plane.clone();
        for (y, to) in plane.chunks_exact_mut(width).enumerate() {
            // The picture itself, and its enlargement by 1.
            to.iter_mut().for_each(|v| *v *= 2.0);
            for (rows, columns) in rows.iter().zip(&columns) {
                let (row, share) = rows[y];
                let upper = &source[row * width..][..width];
                let lower = source.get((row + 1) * width..).filter(|r| !r.is_empty()).unwrap_or(upper);
                mix(&mut line, upper, lower, share);
                for (to, (from, share)) in to.iter_mut().zip(columns) {
                    let left = line[*from];
                    *to += left + (line[(from + 1).min(width - 1)] - left) * share;
                }
            }
            to.iter_mut().for_each(|v| *v *= scale);
        }
    }
    Ok(())
}

fn mix(to: &mut [f32], upper: &[f32], lower: &[f32], share: f32) {
    to.iter_mut().zip(upper.iter().zip(lower)).for_each(|(to, (u, l))| *to = u + (l - u) * share);
}

/// Where each of `n` pixels of an enlargement comes from: the pixel before and the share of the next. As SciPy's
/// `zoom` does with the cut-out middle: the outermost pixels meet, and what is too much at the end is left out.
fn places(n: usize, zoom: f64) -> Vec<(usize, f32)> {
    let cut = ((n as f64 / zoom).ceil() as usize).clamp(1, n);
    let start = (n - cut) / 2;
    let enlarged = ((cut as f64 * zoom).round_ties_even() as usize).max(n);
    let ratio = if enlarged > 1 { (cut - 1) as f64 / (enlarged - 1) as f64 } else { 0.0 };
    let place = |i: usize| {
        let at = (i as f64 * ratio).min((cut - 1) as f64);
        (start + at as usize, (at - at.floor()) as f32)
    };
    (0..n).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, run, scene};
    use super::places;

    #[test]
    fn the_middle_stays_and_the_rim_moves() {
        let clean = scene(120, 90);
        let blurred = run("- zoom_blur: {severity: 5}", &clean, 1);
        let off = |x: usize, y: usize| {
            let sum: f32 = (0..100)
                .map(|i| (y + i / 10) * 120 + x + i % 10)
                .fold(0.0, |sum, i| sum + (clean.planes[0][i] - blurred.planes[0][i]).abs());
            sum
        };
        assert!(off(0, 0) > 1.5 * off(55, 40), "{} {}", off(0, 0), off(55, 40));
    }

    #[test]
    fn no_zoom_changes_nothing() {
        let clean = scene(20, 10);
        assert!(difference(&run("- zoom_blur: {zoom: 1, step: 0.01}", &clean, 1), &clean) < 1e-6);
    }

    #[test]
    fn an_enlargement_by_2_meets_the_middle() {
        assert_eq!(places(5, 2.0), [(1, 0.0), (1, 0.4), (1, 0.8), (2, 0.2), (2, 0.6)]);
        assert_eq!(places(1, 1.3), [(0, 0.0)]);
    }
}
