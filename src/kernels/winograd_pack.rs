//! Transform of the kernels of Winograd's convolutions: in float64, for a register of output channels at
//! once.

use super::level::{Level, dispatch};
use super::vector::Vector;
use super::weights::Weights;

/// Points of a transformed tile.
pub(super) const POINTS: usize = 36;
/// Lanes of the widest register.
const LANES: usize = 16;

/// Transforms the kernels of one input channel for the outputs `outputs.0..outputs.1`, at most a register of
/// them; those of point `p` go to `to[p * plane..]`, zeros beyond the last.
pub(super) fn pack(
    level: Level,
    weights: &Weights<'_>,
    (input, outputs): (usize, (usize, usize)),
    to: &mut [f32],
    plane: usize,
) {
    assert!(to.len() >= (POINTS - 1) * plane + level.lanes() && outputs.1 - outputs.0 <= level.lanes());
    let mut taps = [[0.0; LANES]; 9];
    for o in outputs.0..outputs.1 {
        let from: &[f32; 9] = weights.taps(o, input).try_into().expect("3x3 kernels");
        let lane = o - outputs.0;
        if weights.flipped() {
            for t in 0..9 {
                taps[t][lane] = from[8 - t];
            }
        } else {
            for t in 0..9 {
                taps[t][lane] = from[t];
            }
        }
    }
    // SAFETY: there is room for a register at each point; a `Level` is of this machine.
    unsafe { transform(level, &Kernels { taps: &taps, to: to.as_mut_ptr(), plane }) };
}

/// Kernels side by side, `[tap][kernel]`, and where they go.
pub(super) struct Kernels<'a> {
    taps: &'a [[f32; LANES]; 9],
    to: *mut f32,
    plane: usize,
}

dispatch! {
    /// Transforms a register of kernels.
    ///
    /// # Safety
    /// The level must run on this machine; a register at each point must be valid.
    transform = kernels(Kernels<'_>)
}

/// What a line of three taps is at each of six points.
#[inline(always)]
fn line(k: [f64; 3]) -> [f64; 6] {
    let (a, b, c) = (k[0] * (1.0 / 6.0), k[1] * (1.0 / 6.0), k[2] * (1.0 / 6.0));
    let (d, e) = (k[0] * (1.0 / 24.0), k[1] * (1.0 / 12.0));
    [0.25 * k[0], -(a + b) - c, (b - a) - c, (d + e) + c, (d - e) + c, k[2]]
}

/// Plain loops over lanes, which the compiler makes vectors of.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn kernels<V: Vector>(k: &Kernels<'_>) {
    let mut half = [[[0.0f64; LANES]; 3]; 6];
    for x in 0..3 {
        for l in 0..V::LANES {
            let column = [k.taps[x][l], k.taps[3 + x][l], k.taps[6 + x][l]];
            let v = line([f64::from(column[0]), f64::from(column[1]), f64::from(column[2])]);
            for i in 0..6 {
                half[i][x][l] = v[i];
            }
        }
    }
    for i in 0..6 {
        let mut row = [[0.0f32; LANES]; 6];
        for l in 0..V::LANES {
            let v = line([half[i][0][l], half[i][1][l], half[i][2][l]]);
            for j in 0..6 {
                row[j][l] = v[j] as f32;
            }
        }
        for j in 0..6 {
            // SAFETY: a row is as long as any register; the caller promised room for each.
            unsafe { V::load(row[j].as_ptr()).store(k.to.add((i * 6 + j) * k.plane)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::ConvSpec;
    use super::super::tests::noise;
    use super::*;

    /// Rows of the kernel's transform.
    const G: [[f64; 3]; 6] = [
        [0.25, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];

    fn plain(k: &dyn Fn(usize) -> f32) -> [f32; POINTS] {
        let half: [[f64; 3]; 6] =
            G.map(|g| std::array::from_fn(|x| (0..3).map(|y| g[y] * f64::from(k(y * 3 + x))).sum()));
        std::array::from_fn(|p| (0..3).map(|x| half[p / 6][x] * G[p % 6][x]).sum::<f64>() as f32)
    }

    #[test]
    fn kernels_are_transformed_as_by_matrices_bit_for_bit() {
        let spec = ConvSpec::same(5, 13, 3);
        let all = noise(spec.weights(), 3);
        for level in Level::available() {
            let plane = level.lanes() + 3;
            for backwards in [false, true] {
                let weights = Weights::new(&spec, &all);
                let (ic, oc) = if backwards { (13, 5) } else { (5, 13) };
                let weights = if backwards { weights.backwards() } else { weights };
                for i in 0..ic {
                    for first in (0..oc).step_by(level.lanes()) {
                        let last = (first + level.lanes()).min(oc);
                        let mut to = vec![9.0; POINTS * plane];
                        pack(level, &weights, (i, (first, last)), &mut to, plane);
                        for (at, v) in to.iter().enumerate() {
                            let (point, lane) = (at / plane, at % plane);
                            let o = first + lane;
                            let tap = |t: usize| {
                                if backwards {
                                    all[(i * 5 + o) * 9 + 8 - t]
                                } else {
                                    all[(o * 5 + i) * 9 + t]
                                }
                            };
                            let expected = match lane {
                                l if l >= level.lanes() => 9.0,
                                _ if o < last => plain(&tap)[point],
                                _ => 0.0,
                            };
                            let same =
                                if expected == 0.0 { *v == 0.0 } else { v.to_bits() == expected.to_bits() };
                            assert!(same, "{level:?}: {v}, not {expected}");
                        }
                    }
                }
            }
        }
    }
}
