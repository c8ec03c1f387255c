//! How wide edges are: blur.

use super::lines::{self, Way};
use super::noise_sigma;
use super::subject::{Kind, Measurement, Reading, Subject};

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "edge_width",
    columns: &[("edge_width", Kind::Float)],
    doc: "`edge_width` (mean width of strong edges in pixels across them, 1 for a step, after Marziliano 2002; empty \
          where the picture has too few)",
    read: |subject| Some(vec![Reading::of(edge_width(subject))]),
    bytes: lines::bytes,
};

/// An edge's rise, on the scale of 0 to 1.
const STRONG: f32 = 40.0 / 255.0;
/// The same in standard deviations of the noise: what noise alone rises.
const ABOVE_NOISE: f64 = 5.0;
/// Shares of the rise between which the width is taken; the noise of the flat sides stays outside.
const FROM: f32 = 0.1;
const TO: f32 = 0.9;
/// Wider ones are gradients, in pixels.
const WIDEST: f32 = 48.0;
/// Fewer edges say nothing.
const FEWEST: usize = 12;

/// Mean width of the picture's strong edges in pixels; `None` where there are too few.
///
/// As Marziliano, Dufaux, Winkler, Ebrahimi ("A no-reference perceptual blur metric", ICIP 2002): an edge reaches from one
/// extremum of a line to the next. Of its rise the part from 10 to 90 % is measured, between pixels, and extended to the
/// whole: a step is 1 pixel wide, one blurred by a Gaussian of sigma 3.2 sigma. Edges that cross the line aslant are
/// narrower by the cosine. An edge rises 40 of 255 levels, and five times the noise.
pub fn edge_width(subject: &Subject<'_>) -> Option<f64> {
    let (width, height) = subject.size();
    let luma = subject.luma();
    let strong = STRONG.max((ABOVE_NOISE * noise_sigma::of(subject).sigma / 255.0) as f32);
    let (mut sum, mut count) = (0.0, 0);
    lines::each((luma, width, height), true, |way, at, line| {
        edges(line, strong, |middle, wide| {
            let (x, y) = if way == Way::Across { (middle, at) } else { (at, middle) };
            if (1..width - 1).contains(&x) && (1..height - 1).contains(&y) {
                let i = y * width + x;
                let across = (luma[i + 1] - luma[i - 1]).abs();
                let down = (luma[i + width] - luma[i - width]).abs();
                let (along, aside) = if way == Way::Across { (across, down) } else { (down, across) };
                // Lines of the other way cross the rest.
                if along >= aside && along > 0.0 {
                    sum += f64::from(wide * along / along.hypot(aside));
                    count += 1;
                }
            }
        });
    });
    (count >= FEWEST).then(|| sum / count as f64)
}

/// Pixels that are passed over together where none is steep.
const TOGETHER: usize = 16;
/// Slope of the steepest pixel of an edge at least, on the scale of 0 to 1.
const STEEP: f32 = 2.0 / 255.0;

/// Calls `found` with the middle and width of each strong edge of a line.
fn edges(line: &[f32], strong: f32, mut found: impl FnMut(usize, f32)) {
    let slope = |i: usize| line[i + 1] - line[i];
    let last = line.len() - 1;
    let mut at = 0;
    while at < last {
        if let Some(chunk) = line.get(at..=at + TOGETHER) {
            let steep = (0..TOGETHER).fold(0, |n, i| n | u32::from((chunk[i + 1] - chunk[i]).abs() >= STEEP));
            if steep == 0 {
                at += TOGETHER;
                continue;
            }
        }
        if slope(at).abs() < STEEP {
            at += 1;
            continue;
        }
        let rises = slope(at) > 0.0;
        let goes_on = |i: usize| slope(i) != 0.0 && (slope(i) > 0.0) == rises;
        let start = (0..at).rev().find(|i| !goes_on(*i)).map_or(0, |i| i + 1);
        let end = (at..last).find(|i| !goes_on(*i)).unwrap_or(last);
        if (line[end] - line[start]).abs() >= strong {
            let run = &line[start..=end];
            let wide = (crossing(run, TO) - crossing(run, FROM)) / (TO - FROM);
            if wide <= WIDEST {
                found(start + crossing(run, 0.5).round() as usize, wide);
            }
        }
        at = end;
    }
}

/// Where a monotone run has gone this share of its way, in pixels from its start.
fn crossing(run: &[f32], share: f32) -> f32 {
    let (first, last) = (run[0], run[run.len() - 1]);
    let level = first + share * (last - first);
    let beyond = |v: f32| if last > first { v >= level } else { v <= level };
    let i = run.iter().position(|v| beyond(*v)).unwrap_or(run.len() - 1).max(1);
    let (before, behind) = (run[i - 1], run[i]);
    (i - 1) as f32 + (level - before) / (behind - before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, Samples};

    /// Bars with edges blurred by a Gaussian of `sigma` pixels, turned by `angle`.
    fn bars(side: usize, sigma: f64, angle: f64) -> Image {
        let (sin, cos) = angle.sin_cos();
        let edge = |d: f64| {
            if sigma == 0.0 { f64::from(u8::from(d > 0.0)) } else { 0.5 + 0.5 * erf(d / sigma / 2f64.sqrt()) }
        };
        let samples = (0..side * side)
            .map(|i| {
                let along = (i % side) as f64 * cos + (i / side) as f64 * sin + 1000.3;
                let within = along.rem_euclid(64.0);
                let value = edge(within - 16.0) - edge(within - 48.0);
                (40.0 + 170.0 * value).round() as u8
            })
            .collect();
        Image { width: side, height: side, channels: 1, samples: Samples::U8(samples), alpha: None }
    }

    fn erf(x: f64) -> f64 {
        libm::erf(x)
    }

    fn width(image: &Image) -> f64 {
        edge_width(&Subject::new(image)).unwrap()
    }

    #[test]
    fn a_step_is_one_pixel_and_a_blurred_one_as_wide_as_its_sigma_says() {
        assert!((width(&bars(200, 0.0, 0.0)) - 1.0).abs() < 0.01);
        // From 10 to 90 % a Gaussian edge takes 2.563 sigma.
        for sigma in [1.0, 2.0, 4.0] {
            let found = width(&bars(400, sigma, 0.0));
            assert!((found / (2.563 * sigma / 0.8) - 1.0).abs() < 0.06, "{sigma}: {found}");
        }
    }

    #[test]
    fn the_angle_of_an_edge_changes_little() {
        let straight = width(&bars(400, 2.0, 0.0));
        for angle in [0.3, 0.7, 1.1, std::f64::consts::FRAC_PI_2] {
            let found = width(&bars(400, 2.0, angle));
            assert!((found / straight - 1.0).abs() < 0.1, "{angle}: {found} {straight}");
        }
    }

    #[test]
    fn without_edges_it_cannot_be_told() {
        for (side, value) in [(1, 0), (2, 255), (300, 128)] {
            let flat = Image {
                width: side,
                height: side,
                channels: 1,
                samples: Samples::U8(vec![value; side * side]),
                alpha: None,
            };
            assert_eq!(edge_width(&Subject::new(&flat)), None);
        }
        // A gradient is no edge.
        let ramp = (0..256 * 256).map(|i| (i % 256) as u8).collect();
        let ramp = Image { width: 256, height: 256, channels: 1, samples: Samples::U8(ramp), alpha: None };
        assert_eq!(edge_width(&Subject::new(&ramp)), None);
    }
}
