//! Blur along a line, as a moving camera or falling snow makes it.

use super::filter::{self, Border, Tap};

/// Blurs a plane along a line of `2 * radius + 1` pixels that starts at the pixel and runs at `angle` degrees
/// (0 to the right, 90 downwards); weights fall off as a half Gaussian of standard deviation `sigma` pixels.
/// The border pixel goes on beyond the border.
pub(super) fn motion_blur(plane: &mut [f32], width: usize, radius: usize, sigma: f64, angle: f64) {
    let blurred = filter::taps(plane, width, &taps(radius, sigma, angle), Border::Replicate);
    plane.copy_from_slice(&blurred);
}

/// The pixels of the line, of weights that sum to 1. Steps that round to one pixel are one tap.
fn taps(radius: usize, sigma: f64, angle: f64) -> Vec<Tap> {
    let weight = |i: usize| {
        let d = i as f64;
        if sigma > 0.0 { libm::exp(-0.5 * d * d / (sigma * sigma)) } else { f64::from(i == 0) }
    };
    let sum: f64 = (0..=2 * radius).map(weight).sum();
    let (sin, cos) = libm::sincos(angle.to_radians());
    let mut taps: Vec<Tap> = Vec::new();
    for i in 0..=2 * radius {
        // Halves are rounded down.
        let at = |step: f64| (i as f64 * step - 0.5).ceil() as isize;
        let (dx, dy, weight) = (at(cos), at(sin), (weight(i) / sum) as f32);
        match taps.last_mut() {
            _ if weight == 0.0 => break,
            Some(last) if (last.dx, last.dy) == (dx, dy) => last.weight += weight,
            _ => taps.push(Tap { dx, dy, weight }),
        }
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_becomes_a_line_away_from_the_angle() {
        let mut plane = vec![0.0; 21 * 15];
        plane[7 * 21 + 10] = 1.0;
        motion_blur(&mut plane, 21, 3, 4.0, 0.0);
        let row = &plane[7 * 21..8 * 21];
        assert!((plane.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(row[4..=10].is_sorted() && row[4] > 0.0 && row[3] == 0.0 && row[11] == 0.0, "{row:?}");
    }

    #[test]
    fn an_even_plane_stays_at_any_size() {
        for (width, height) in [(1, 1), (1, 7), (3, 2), (40, 30)] {
            let mut plane = vec![0.5; width * height];
            motion_blur(&mut plane, width, 20, 15.0, -77.0);
            assert!(plane.iter().all(|v| (v - 0.5).abs() < 1e-5));
        }
    }
}
