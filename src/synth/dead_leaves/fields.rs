//! A small bank of random fields that repeat without a seam, of different smoothness: what textures are made of.
//!
//! Each is a sum of octaves of smoothed noise whose power falls with frequency as a power law, as that of
//! natural surfaces does. The bank is the same for all pictures; each shape looks at it turned, shifted and
//! stretched in its own way, mostly at two places at once.

use crate::random::Rng;
use std::sync::LazyLock;

/// Pixels of a field's side.
const SIDE: usize = 256;

/// Exponents of the amplitude spectra, from almost white to smooth.
pub(super) const SLOPES: [f32; 8] = [0.2, 0.6, 0.9, 1.1, 1.3, 1.5, 1.8, 2.2];

/// Of the field for what varies slowly over the whole canvas.
pub(super) const SMOOTH: usize = SLOPES.len() - 1;

static BANK: LazyLock<Vec<Vec<f32>>> = LazyLock::new(|| {
    let mut rng = Rng::new(0x6465_6164_6c65_6166);
    SLOPES.iter().map(|slope| field(*slope, &mut rng)).collect()
});

/// A field of mean 0 and standard deviation 1.
#[derive(Clone, Copy)]
pub(super) struct Field(&'static [f32]);

impl Field {
    pub(super) fn of(index: usize) -> Field {
        Field(&BANK[index])
    }

    /// The value at a place; the whole range of each coordinate's 32 bits is the field's side.
    #[inline]
    pub(super) fn at(self, u: u32, v: u32) -> f32 {
        const SCALE: f32 = 1.0 / (1 << 24) as f32;
        let (x, y) = ((u >> 24) as usize, (v >> 24) as usize);
        let (fx, fy) = ((u & 0xff_ffff) as f32 * SCALE, (v & 0xff_ffff) as f32 * SCALE);
        let (right, below) = ((x + 1) % SIDE, (y + 1) % SIDE * SIDE);
        let y = y * SIDE;
        let top = self.0[y + x] + fx * (self.0[y + right] - self.0[y + x]);
        let bottom = self.0[below + x] + fx * (self.0[below + right] - self.0[below + x]);
        top + fy * (bottom - top)
    }
}

fn field(slope: f32, rng: &mut Rng) -> Vec<f32> {
    let mut sum = vec![0.0; SIDE * SIDE];
    for octave in 2..=SIDE.ilog2() {
        let n = 1 << octave;
        let mut lattice = vec![0.0; n * n];
        rng.normals(&mut lattice, |v, normal| *v = normal);
        let mut noise = spread(&lattice, n);
        normalise(&mut noise);
        let weight = libm::exp2f(octave as f32 * (1.0 - slope));
        sum.iter_mut().zip(&noise).for_each(|(s, n)| *s += weight * n);
    }
    normalise(&mut sum);
    sum
}

/// `n` x `n` values spread over the whole field by cubic B-splines; as they are when there are enough.
fn spread(lattice: &[f32], n: usize) -> Vec<f32> {
    if n == SIDE {
        return lattice.to_vec();
    }
    let taps: Vec<[(usize, f32); 4]> = (0..SIDE)
        .map(|i| {
            let x = i as f32 * n as f32 / SIDE as f32;
            let (at, t) = (x as usize, x - x.floor());
            let r = 1.0 - t;
            let weights = [
                r * r * r / 6.0,
                (4.0 + t * t * (3.0 * t - 6.0)) / 6.0,
                (4.0 + r * r * (3.0 * r - 6.0)) / 6.0,
                t * t * t / 6.0,
            ];
            std::array::from_fn(|k| ((at + n + k - 1) % n, weights[k]))
        })
        .collect();
    let mut across = vec![0.0; n * SIDE];
    for (row, out) in lattice.chunks_exact(n).zip(across.chunks_exact_mut(SIDE)) {
        out.iter_mut().zip(&taps).for_each(|(o, taps)| *o = taps.iter().map(|(i, w)| w * row[*i]).sum());
    }
    let mut whole = vec![0.0; SIDE * SIDE];
    for (out, taps) in whole.chunks_exact_mut(SIDE).zip(&taps) {
        for (i, weight) in taps {
            let row = &across[i * SIDE..][..SIDE];
            out.iter_mut().zip(row).for_each(|(o, v)| *o += weight * v);
        }
    }
    whole
}

fn normalise(values: &mut [f32]) {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = values.iter().map(|v| (f64::from(*v) - mean) * (f64::from(*v) - mean)).sum::<f64>() / n;
    let scale = 1.0 / variance.sqrt();
    values.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) * scale) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoother_fields_change_less_from_place_to_place() {
        let rough = |i: usize| {
            let field = Field::of(i);
            let step = 1 << 24;
            let at = |n: u32| (n.wrapping_mul(77 * step), n.wrapping_mul(13 * step));
            let steps = (0..5000).map(at).map(|(u, v)| field.at(u, v) - field.at(u.wrapping_add(step), v));
            steps.map(|d| d * d).sum::<f32>() / 5000.0
        };
        let found: Vec<f32> = (0..SLOPES.len()).map(rough).collect();
        assert!(found.windows(2).all(|w| w[0] > w[1]), "{found:?}");
        assert!(found[0] > 0.7 && found[SMOOTH] < 0.02, "{found:?}");
    }
}
