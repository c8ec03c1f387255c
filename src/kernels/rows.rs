//! Functions of all channels of a pixel at once: softmax and normalisation.

use super::functions::exp_of_negative;
use super::graph::Across;
use super::level::{Level, dispatch};
use super::vector::Vector;

/// Pixels of `channels` numbers.
pub(super) struct Call {
    function: Across,
    from: *const f32,
    to: *mut f32,
    channels: usize,
    pixels: usize,
}

/// Applies the function to each pixel of `from`.
///
/// # Panics
/// When the lengths differ or are no multiple of `channels`.
pub(super) fn apply_rows(level: Level, function: &Across, from: &[f32], to: &mut [f32], channels: usize) {
    assert!(from.len() == to.len() && channels > 0 && from.len().is_multiple_of(channels), "whole pixels");
    let pixels = from.len() / channels;
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    let call = Call { function: function.clone(), from, to, channels, pixels };
    // SAFETY: both slices hold the pixels, and don't overlap; the level is of this machine.
    unsafe { run(level, &call) }
}

dispatch! {
    /// Computes the pixels.
    ///
    /// # Safety
    /// The level must run on this machine; input and output must be valid and not overlap.
    run = rows(Call)
}

#[inline(always)]
unsafe fn rows<V: Vector>(call: &Call) {
    let c = call.channels;
    for pixel in 0..call.pixels {
        // SAFETY: the caller promised the pixels.
        unsafe {
            let (from, to) = (call.from.add(pixel * c), call.to.add(pixel * c));
            match call.function {
                Across::Softmax => softmax::<V>(from, to, c),
                Across::Normal(epsilon) => {
                    let mean = total::<V>(from, c, false) / c as f32;
                    let squares = shifted::<V>(from, to, c, mean) / c as f32;
                    scale::<V>(to, to, c, 1.0 / (squares + epsilon).sqrt());
                }
                Across::RootMeanSquare(epsilon) => {
                    let squares = total::<V>(from, c, true) / c as f32;
                    scale::<V>(from, to, c, 1.0 / (squares + epsilon).sqrt());
                }
            }
        }
    }
}

/// Sum of the numbers, or of their squares.
#[inline(always)]
unsafe fn total<V: Vector>(from: *const f32, c: usize, squares: bool) -> f32 {
    // SAFETY: the caller's pixel holds `c` floats.
    unsafe {
        let mut sum = V::splat(0.0);
        let mut i = 0;
        while i < c {
            let v = load::<V>(from, i, c);
            sum = if squares { v.fma(v, sum) } else { sum.add(v) };
            i += V::LANES;
        }
        sum.total()
    }
}

/// Takes `mean` off each number; the sum of the squares of the results.
#[inline(always)]
unsafe fn shifted<V: Vector>(from: *const f32, to: *mut f32, c: usize, mean: f32) -> f32 {
    // SAFETY: the caller's pixels hold `c` floats.
    unsafe {
        let mean = V::splat(mean);
        let mut sum = V::splat(0.0);
        let mut i = 0;
        while i < c {
            let v = load::<V>(from, i, c).sub(mean);
            store(v, to, i, c);
            let v = if i + V::LANES <= c { v } else { load::<V>(to, i, c) };
            sum = v.fma(v, sum);
            i += V::LANES;
        }
        sum.total()
    }
}

#[inline(always)]
unsafe fn scale<V: Vector>(from: *const f32, to: *mut f32, c: usize, by: f32) {
    // SAFETY: the caller's pixels hold `c` floats.
    unsafe {
        let by = V::splat(by);
        let mut i = 0;
        while i < c {
            store(load::<V>(from, i, c).mul(by), to, i, c);
            i += V::LANES;
        }
    }
}

#[inline(always)]
unsafe fn softmax<V: Vector>(from: *const f32, to: *mut f32, c: usize) {
    // SAFETY: the caller's pixels hold `c` floats.
    unsafe {
        let largest = if c >= V::LANES {
            let mut most = V::load(from.add(c - V::LANES));
            let mut i = 0;
            while i + V::LANES <= c {
                most = most.max(V::load(from.add(i)));
                i += V::LANES;
            }
            most.largest()
        } else {
            let mut most = f32::NEG_INFINITY;
            for i in 0..c {
                let v = *from.add(i);
                most = if v > most { v } else { most };
            }
            most
        };
        let largest = V::splat(largest);
        let mut sum = V::splat(0.0);
        let mut i = 0;
        while i < c {
            let v = exp_of_negative(load::<V>(from, i, c).sub(largest));
            store(v, to, i, c);
            let v = if i + V::LANES <= c { v } else { load::<V>(to, i, c) };
            sum = sum.add(v);
            i += V::LANES;
        }
        scale::<V>(to, to, c, 1.0 / sum.total());
    }
}

#[inline(always)]
unsafe fn load<V: Vector>(from: *const f32, i: usize, c: usize) -> V {
    // SAFETY: the caller's pixel holds `c` floats.
    unsafe { if i + V::LANES <= c { V::load(from.add(i)) } else { V::load_some(from.add(i), c - i) } }
}

#[inline(always)]
unsafe fn store<V: Vector>(v: V, to: *mut f32, i: usize, c: usize) {
    // SAFETY: the caller's pixel holds `c` floats.
    unsafe { if i + V::LANES <= c { v.store(to.add(i)) } else { v.store_some(to.add(i), c - i) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_of_any_length_at_every_level() {
        for level in Level::available() {
            for c in (1..70).chain([127, 256, 1000]) {
                let from: Vec<f32> = (0..3 * c).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
                let run = |function: Across| {
                    let mut to = vec![f32::NAN; from.len()];
                    apply_rows(level, &function, &from, &mut to, c);
                    to
                };
                let close = |ours: Vec<f32>, exact: &dyn Fn(&[f64]) -> Vec<f64>| {
                    for (ours, from) in ours.chunks(c).zip(from.chunks(c)) {
                        let from: Vec<f64> = from.iter().map(|v| f64::from(*v)).collect();
                        for (a, b) in ours.iter().zip(exact(&from)) {
                            assert!(
                                (f64::from(*a) - b).abs() <= 1e-6 * (1.0 + b.abs()),
                                "{level:?} {c}: {a} {b}"
                            );
                        }
                    }
                };
                close(run(Across::Softmax), &|v| {
                    let most = v.iter().copied().fold(f64::MIN, f64::max);
                    let sum: f64 = v.iter().map(|v| (v - most).exp()).sum();
                    v.iter().map(|v| (v - most).exp() / sum).collect()
                });
                let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
                close(run(Across::Normal(0.01)), &|v| {
                    let d: Vec<f64> = v.iter().map(|x| x - mean(v)).collect();
                    let squares = d.iter().map(|d| d * d).sum::<f64>() / d.len() as f64;
                    d.iter().map(|d| d / (squares + 0.01).sqrt()).collect()
                });
                close(run(Across::RootMeanSquare(0.01)), &|v| {
                    let squares = v.iter().map(|d| d * d).sum::<f64>() / v.len() as f64;
                    v.iter().map(|d| d / (squares + 0.01).sqrt()).collect()
                });
            }
        }
    }

    #[test]
    fn not_a_number_spreads_and_minus_infinity_counts_nothing() {
        for level in Level::available() {
            for c in [3, 16, 49] {
                let mut from = vec![0.5; c];
                let mut to = vec![0.0; c];
                from[c - 1] = f32::NEG_INFINITY;
                apply_rows(level, &Across::Softmax, &from, &mut to, c);
                assert!(to[c - 1] == 0.0 && (to[0] * (c - 1) as f32 - 1.0).abs() < 1e-6, "{level:?} {to:?}");
                for function in [Across::Softmax, Across::Normal(0.1), Across::RootMeanSquare(0.1)] {
                    from[c / 2] = f32::NAN;
                    apply_rows(level, &function, &from, &mut to, c);
                    assert!(to.iter().all(|v| v.is_nan()), "{level:?} {function:?} {to:?}");
                }
            }
        }
    }
}
