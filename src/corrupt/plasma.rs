//! The plasma fractal (diamond-square), for clouds of every size.

use crate::random::Rng;

/// A square map of values from 0 to 1 (all 0 for side 1), `side` a power of two, whose edges meet when it is
/// repeated. The random share is divided by the square of `decay` each time the step halves.
pub(super) fn plasma(side: usize, decay: f64, rng: &mut Rng) -> Vec<f32> {
    let mut map = vec![0.0f32; side * side];
    let mask = side - 1;
    let (mut step, mut wibble) = (side, 100.0);
    while step >= 2 {
        let half = step / 2;
        let reach = (wibble * wibble) as f32;
        let mut mean = |sum: f32| 0.25 * sum + reach * signed_unit(rng);
        for y in (0..side).step_by(step) {
            let (above, here, below) = (y * side, (y + half) * side, ((y + step) & mask) * side);
            for x in (0..side).step_by(step) {
                let right = (x + step) & mask;
                let corners = map[above + x] + map[above + right] + map[below + x] + map[below + right];
                map[here + x + half] = mean(corners);
            }
        }
        for y in (0..side).step_by(step) {
            let (row, here, below) = (y * side, (y + half) * side, ((y + step) & mask) * side);
            let before = (y.wrapping_sub(half) & mask) * side;
            for x in (0..side).step_by(step) {
                let (middle, left, right) = (x + half, x.wrapping_sub(half) & mask, (x + step) & mask);
                let (corner, centre) = (map[row + x], map[here + middle]);
                map[row + middle] = mean(corner + map[row + right] + centre + map[before + middle]);
                map[here + x] = mean(corner + map[below + x] + centre + map[here + left]);
            }
        }
        step = half;
        wibble /= decay;
    }
    let (low, high) = map.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let range = if high > low { high - low } else { 1.0 };
    map.iter_mut().for_each(|v| *v = (*v - low) / range);
    map
}

/// The side for a picture: the next power of two of its longer side, or less (the map is then repeated) where
/// a long, thin picture would need a map many times its own area.
pub(super) fn side(width: usize, height: usize) -> usize {
    let mut side = width.max(height).next_power_of_two();
    while side > width.min(height) && side * side > 6 * width * height {
        side /= 2;
    }
    side
}

/// Uniform in \[-1, 1).
fn signed_unit(rng: &mut Rng) -> f32 {
    (rng.bits() >> 32) as i32 as f32 * (1.0 / 2_147_483_648.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_its_range_and_repeats_without_seams() {
        let map = plasma(64, 2.0, &mut Rng::new(1));
        assert!(map.iter().all(|v| (0.0..=1.0).contains(v)) && map.contains(&0.0) && map.contains(&1.0));
        let step =
            |a: usize, b: usize| (0..64).map(|y| (map[y * 64 + a] - map[y * 64 + b]).abs()).sum::<f32>();
        assert!(step(63, 0) < 2.0 * step(31, 32) + 1.0, "{} {}", step(63, 0), step(31, 32));
        assert_eq!(plasma(1, 2.0, &mut Rng::new(1)), [0.0]);
    }

    #[test]
    fn sides() {
        assert_eq!([side(1, 1), side(576, 576), side(8000, 6000), side(500, 375)], [1, 1024, 8192, 512]);
        assert!(side(100_000, 2).pow(2) <= 6 * 200_000);
    }
}
