//! AdamW (Kingma and Ba 2015; Loshchilov and Hutter 2019) and the learning rate's way.

use rayon::prelude::*;
use std::ops::Range;

/// How the learning rate goes after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Half a cosine down to a hundredth.
    Cosine,
    /// It stays.
    Constant,
}

/// Where the cosine ends.
const LAST: f64 = 0.01;
const BETA: (f32, f32) = (0.9, 0.999);
const EPSILON: f32 = 1e-8;
/// Parameters in one task: sums of squares are added block by block, whatever the threads.
const BLOCK: usize = 1 << 14;

impl Schedule {
    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Schedule::Cosine => "cosine",
            Schedule::Constant => "constant",
        }
    }

    /// The learning rate of step `step`, counted from 0, of `total`; it rises to `rate` during `warmup` steps.
    pub fn rate(self, rate: f64, step: u64, warmup: u64, total: u64) -> f64 {
        if step < warmup {
            return rate * (step + 1) as f64 / warmup as f64;
        }
        match self {
            Schedule::Constant => rate,
            Schedule::Cosine => {
                let done = (step - warmup) as f64 / (total.saturating_sub(warmup)).max(1) as f64;
                let share = 0.5 + 0.5 * libm::cos(std::f64::consts::PI * done.min(1.0));
                rate * (LAST + (1.0 - LAST) * share)
            }
        }
    }
}

/// Moments of the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running mean of the squares.
    pub square: Vec<f32>,
    /// Updates made.
    pub updates: u64,
}

/// Share of the latest gradient in the running mean of their lengths.
const RECENT: f64 = 0.01;

/// By what a gradient of length `length` is multiplied, so that it isn't longer than `limit` times the mean of those
/// before it; 0 for no limit. `mean` is that mean, 0 before the first, and takes this one in.
///
/// While a gradient a hundred times longer than those before fades from Adam's moments, it moves every parameter by
/// some thirty learning rates, all in its direction; one that is three times longer by three. A limit in absolute
/// numbers would have to be found anew for every network and loss.
pub(super) fn clip(limit: f64, length: f64, mean: &mut f64) -> f64 {
    let longest = limit * *mean;
    let kept = if longest > 0.0 { length.min(longest) } else { length };
    *mean = if *mean > 0.0 { *mean + RECENT * (kept - *mean) } else { kept };
    if length > kept { kept / length } else { 1.0 }
}

/// Length of a gradient.
pub(super) fn norm(gradient: &[f32]) -> f64 {
    let squares = |block: &[f32]| block.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
    let blocks: Vec<f64> = gradient.par_chunks(BLOCK).map(squares).collect();
    blocks.iter().sum::<f64>().sqrt()
}

impl Adam {
    /// Before the first update.
    pub fn new(parameters: usize) -> Adam {
        Adam { mean: vec![0.0; parameters], square: vec![0.0; parameters], updates: 0 }
    }

    /// Makes one update of learning rate `rate` with `gradient` times `scale` of the parameters in `parts`; `decay`
    /// shrinks those of parts for which that is set.
    pub fn update(
        &mut self,
        parameters: &mut [f32],
        gradient: &[f32],
        scale: f32,
        rate: f64,
        decay: f64,
        parts: &[(Range<usize>, bool)],
    ) {
        self.updates += 1;
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(self.updates.min(1 << 20) as i32);
        let step = (rate * correction(BETA.1).sqrt() / correction(BETA.0)) as f32;
        let epsilon = EPSILON * correction(BETA.1).sqrt() as f32;
        for (part, decays) in parts {
            let shrink = if *decays { (rate * decay) as f32 } else { 0.0 };
            let all = parameters[part.clone()]
                .par_chunks_mut(BLOCK)
                .zip(gradient[part.clone()].par_chunks(BLOCK))
                .zip(self.mean[part.clone()].par_chunks_mut(BLOCK))
                .zip(self.square[part.clone()].par_chunks_mut(BLOCK));
            all.for_each(|(((p, g), m), v)| {
                for i in 0..p.len() {
                    let g = g[i] * scale;
                    m[i] += (1.0 - BETA.0) * (g - m[i]);
                    v[i] += (1.0 - BETA.1) * (g * g - v[i]);
                    p[i] -= shrink * p[i];
                    p[i] -= step * m[i] / (v[i].sqrt() + epsilon);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_along_a_cosine() {
        let rate = |step| Schedule::Cosine.rate(1.0, step, 10, 110);
        assert_eq!((rate(0), rate(9)), (0.1, 1.0));
        assert!((rate(60) - 0.505).abs() < 1e-9 && (rate(110) - 0.01).abs() < 1e-9);
        assert_eq!(Schedule::Constant.rate(0.5, 50, 10, 110), 0.5);
    }

    /// By hand: the first update moves by the rate, whatever the gradient's size; see Kingma and Ba's algorithm 1.
    #[test]
    fn updates_are_those_of_the_paper() {
        let mut p = [1.0f32, -1.0, 2.0];
        let mut adam = Adam::new(3);
        adam.update(&mut p, &[4.0, -0.02, 0.0], 0.5, 0.1, 0.0, &[(0..3, true)]);
        assert!((p[0] - 0.9).abs() < 1e-5 && (p[1] + 0.9).abs() < 1e-4 && p[2] == 2.0, "{p:?}");
        // Second: m = 0.9 * 0.2 + 0.1 * -1 = 0.08, v = 0.999 * 0.004 + 0.001 * 1 = 0.004996.
        adam.update(&mut p, &[-2.0, 0.0, 0.0], 0.5, 0.1, 0.0, &[(0..3, true)]);
        let m = 0.08 / (1.0 - 0.81);
        let v: f64 = 0.004996 / (1.0 - 0.998001);
        assert!((f64::from(p[0]) - (0.9 - 0.1 * m / v.sqrt())).abs() < 1e-5, "{p:?}");
    }

    #[test]
    fn a_gradient_far_longer_than_those_before_is_shortened() {
        let mut mean = 0.0;
        assert_eq!((clip(3.0, 2.0, &mut mean), mean), (1.0, 2.0));
        assert_eq!(clip(3.0, 5.0, &mut mean), 1.0);
        assert!((mean - 2.03).abs() < 1e-12);
        let scale = clip(3.0, 609.0, &mut mean);
        assert!((scale - 0.01).abs() < 1e-12 && (mean - 2.0706).abs() < 1e-12, "{scale} {mean}");
        // What stays long is believed in the end.
        let scales: Vec<f64> = (0..200).map(|_| clip(3.0, 609.0, &mut mean)).collect();
        assert!(scales.windows(2).all(|w| w[0] <= w[1]) && mean > 60.0, "{mean}");
        assert_eq!(clip(0.0, 1e9, &mut mean), 1.0);
    }

    #[test]
    fn decay_shrinks_only_what_it_should() {
        let mut p = [1.0f32, 1.0];
        Adam::new(2).update(&mut p, &[0.0, 0.0], 1.0, 0.1, 0.5, &[(0..1, true), (1..2, false)]);
        assert_eq!(p, [0.95, 1.0]);
        assert!((norm(&[3.0, 4.0]) - 5.0).abs() < 1e-9);
    }
}
