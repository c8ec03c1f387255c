//! Sines and cosines from a table, angles in turns: fast, and the same on every machine.

use super::point::Point;
use std::sync::LazyLock;

const BITS: u32 = 12;

static SINES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let steps = 1 << BITS;
    (0..steps).map(|i| libm::sin(f64::from(i) * std::f64::consts::TAU / f64::from(steps)) as f32).collect()
});

/// The table: 4096 sines over one turn.
pub(super) fn sines() -> &'static [f32] {
    &SINES
}

/// Sine of a phase whose whole range of 32 bits is one turn.
#[inline]
pub(super) fn sine_of(sines: &[f32], phase: u32) -> f32 {
    sines[(phase >> (32 - BITS)) as usize]
}

/// A length as a phase: the part behind the point, in 32 bits.
#[inline]
pub(super) fn phase(turns: f32) -> u32 {
    // By way of 64 bits, since a conversion to 32 would saturate.
    ((f64::from(turns) * 4_294_967_296.0) as i64) as u32
}

/// Cosine and sine of an angle in turns: the unit vector in its direction.
pub(super) fn direction(turns: f32) -> Point {
    let phase = phase(turns);
    [sine_of(&SINES, phase.wrapping_add(1 << 30)), sine_of(&SINES, phase)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_go_round() {
        for (turns, wanted) in
            [(0.0, [1.0, 0.0]), (0.25, [0.0, 1.0]), (-0.25, [0.0, -1.0]), (7.5, [-1.0, 0.0])]
        {
            let found = direction(turns);
            assert!((0..2).all(|i| (found[i] - wanted[i] as f32).abs() < 2e-3), "{turns}: {found:?}");
        }
    }
}
