//! Between samples of pictures and the numbers of networks, on the scale \[0, 1\], row by row.

use crate::image::Samples;
use multiversion::multiversion;

/// Numbers that are added side by side.
const LANES: usize = 16;

/// One sample of a picture.
pub(super) trait Sample: Copy + Send + Sync + Default {
    /// On the scale \[0, 1\].
    fn unit(self) -> f32;
    /// From the scale \[0, 1\]; integers are rounded and clamped.
    fn from_unit(v: f32) -> Self;
    /// The samples of a picture, when they are of this type.
    fn slice(samples: &Samples) -> Option<&[Self]>;
    /// Samples of this type.
    fn wrap(v: Vec<Self>) -> Samples;

    /// Samples of gray as numbers, times a gain and with an offset.
    fn spread(from: &[Self], (gain, offset): (f32, f32), to: &mut [f32]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = gain * from.unit() + offset);
    }

    /// The same of pixels of three colours, each colour to a row of its own.
    fn spread_colours(from: &[[Self; 3]], affine: [(f32, f32); 3], to: [&mut [f32]; 3]) {
        for (c, (to, (gain, offset))) in to.into_iter().zip(affine).enumerate() {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = gain * from[c].unit() + offset);
        }
    }

    /// Samples of gray from numbers.
    fn merge(from: &[f32], to: &mut [Self]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = Self::from_unit(*from));
    }

    /// Pixels of three colours from a row of numbers for each.
    fn merge_colours([r, g, b]: [&[f32]; 3], to: &mut [[Self; 3]]) {
        for (to, ((r, g), b)) in to.iter_mut().zip(r.iter().zip(g).zip(b)) {
            *to = [*r, *g, *b].map(Self::from_unit);
        }
    }

    /// Sum of the numbers that samples stand for.
    fn sum(samples: &[Self]) -> f64 {
        samples.iter().map(|v| f64::from(v.unit())).sum()
    }
}

/// The functions of integer samples, for which the compiler finds vectors of its own.
macro_rules! integers {
    ($kind:ty, $most:expr, $rows:ident, $variant:ident) => {
        mod $rows {
            use multiversion::multiversion;

            #[multiversion(targets("x86_64+avx2"))]
            pub(super) fn spread(from: &[$kind], gain: f32, offset: f32, to: &mut [f32]) {
                let n = from.len().min(to.len());
                let (from, to) = (&from[..n], &mut to[..n]);
                for i in 0..n {
                    to[i] = gain * (f32::from(from[i]) / $most) + offset;
                }
            }

            #[multiversion(targets("x86_64+avx2"))]
            pub(super) fn spread_colours(
                from: &[[$kind; 3]],
                affine: [(f32, f32); 3],
                r: &mut [f32],
                g: &mut [f32],
                b: &mut [f32],
            ) {
                let n = from.len().min(r.len()).min(g.len()).min(b.len());
                let (from, r, g, b) = (&from[..n], &mut r[..n], &mut g[..n], &mut b[..n]);
                for i in 0..n {
                    let [red, green, blue] = from[i];
                    r[i] = affine[0].0 * (f32::from(red) / $most) + affine[0].1;
                    g[i] = affine[1].0 * (f32::from(green) / $most) + affine[1].1;
                    b[i] = affine[2].0 * (f32::from(blue) / $most) + affine[2].1;
                }
            }

            /// As `from_unit`: behind the comma of a number from 2^23 to 2^24 there is nothing, and its last bits are
            /// the whole number. Casts of floats are not made in vectors. NaN gives 0.
            #[inline(always)]
            fn whole(v: f32) -> $kind {
                let v = v * $most;
                let v = if v > 0.0 { v } else { 0.0 };
                let v = if v < $most { v } else { $most };
                (v.round() + 8_388_608.0).to_bits() as $kind
            }

            #[multiversion(targets("x86_64+avx2"))]
            pub(super) fn merge(from: &[f32], to: &mut [$kind]) {
                let n = from.len().min(to.len());
                let (from, to) = (&from[..n], &mut to[..n]);
                for i in 0..n {
                    to[i] = whole(from[i]);
                }
            }

            #[multiversion(targets("x86_64+avx2"))]
            pub(super) fn merge_colours(r: &[f32], g: &[f32], b: &[f32], to: &mut [[$kind; 3]]) {
                let n = to.len().min(r.len()).min(g.len()).min(b.len());
                let (r, g, b, to) = (&r[..n], &g[..n], &b[..n], &mut to[..n]);
                for i in 0..n {
                    to[i] = [whole(r[i]), whole(g[i]), whole(b[i])];
                }
            }
        }

        impl Sample for $kind {
            fn unit(self) -> f32 {
                f32::from(self) / $most
            }
            fn from_unit(v: f32) -> $kind {
                (v * $most).round().clamp(0.0, $most) as $kind
            }
            fn slice(samples: &Samples) -> Option<&[$kind]> {
                if let Samples::$variant(v) = samples { Some(v) } else { None }
            }
            fn wrap(v: Vec<$kind>) -> Samples {
                Samples::$variant(v)
            }
            fn spread(from: &[$kind], (gain, offset): (f32, f32), to: &mut [f32]) {
                $rows::spread(from, gain, offset, to);
            }
            fn spread_colours(from: &[[$kind; 3]], affine: [(f32, f32); 3], to: [&mut [f32]; 3]) {
                let [r, g, b] = to;
                $rows::spread_colours(from, affine, r, g, b);
            }
            fn merge(from: &[f32], to: &mut [$kind]) {
                $rows::merge(from, to);
            }
            fn merge_colours([r, g, b]: [&[f32]; 3], to: &mut [[$kind; 3]]) {
                $rows::merge_colours(r, g, b, to);
            }
            fn sum(samples: &[$kind]) -> f64 {
                samples.iter().map(|v| u64::from(*v)).sum::<u64>() as f64 / f64::from($most)
            }
        }
    };
}

integers!(u8, 255.0f32, bytes, U8);
integers!(u16, 65535.0f32, words, U16);

impl Sample for f32 {
    fn unit(self) -> f32 {
        self
    }
    fn from_unit(v: f32) -> f32 {
        v
    }
    fn slice(samples: &Samples) -> Option<&[f32]> {
        if let Samples::F32(v) = samples { Some(v) } else { None }
    }
    fn wrap(v: Vec<f32>) -> Samples {
        Samples::F32(v)
    }
}

/// Of numbers: the sum and the largest of the finite ones above 0, and how many are not finite.
pub(super) fn survey(numbers: &[f32]) -> (f64, f32, u64) {
    let (mut sums, mut peaks, mut odd) = ([0.0; LANES], [0.0; LANES], [0; LANES]);
    // The counts of a lane don't overflow in so many.
    let mut not_finite = 0;
    for part in numbers.chunks(1 << 20) {
        add_up(part, &mut sums, &mut peaks, &mut odd);
        not_finite += odd.iter().map(|n| u64::from(*n)).sum::<u64>();
        odd = [0; LANES];
    }
    (sums.iter().sum(), peaks.iter().copied().fold(0.0, f32::max), not_finite)
}

#[multiversion(targets("x86_64+avx2"))]
fn add_up(numbers: &[f32], sums: &mut [f64; LANES], peaks: &mut [f32; LANES], odd: &mut [u32; LANES]) {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for chunk in chunks.iter().chain([&last]) {
        for l in 0..LANES {
            let finite = chunk[l].abs() < f32::INFINITY;
            let v = if finite { chunk[l] } else { 0.0 };
            sums[l] += f64::from(v);
            peaks[l] = if v > peaks[l] { v } else { peaks[l] };
            odd[l] += u32::from(!finite);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers around all that can be rounded to, and odd ones.
    fn numbers(most: u32) -> Vec<f32> {
        let mut all =
            vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, -1.0, 1.5, 1e30, f32::MIN_POSITIVE];
        for half in 0..=2 * most {
            let v = half as f32 / (2 * most) as f32;
            all.extend([v, v.next_up(), v.next_down()]);
        }
        all
    }

    fn rows_are_samples_one_by_one<T: Sample + PartialEq + std::fmt::Debug>(most: u32) {
        let numbers = numbers(most);
        let n = numbers.len();
        let single: Vec<T> = numbers.iter().map(|v| T::from_unit(*v)).collect();
        let mut row = vec![T::default(); n];
        T::merge(&numbers, &mut row);
        assert_eq!(row, single);
        let turned: Vec<f32> = numbers.iter().rev().copied().collect();
        let mut pixels = vec![[T::default(); 3]; n];
        T::merge_colours([&numbers, &turned, &numbers], &mut pixels);
        for (i, pixel) in pixels.iter().enumerate() {
            assert_eq!(*pixel, [single[i], single[n - 1 - i], single[i]]);
        }
        let (mut gray, mut r, mut g, mut b) = (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        T::spread(&single, (2.0, -0.5), &mut gray);
        T::spread_colours(&pixels, [(2.0, -0.5), (1.0, 0.0), (3.0, 0.1)], [&mut r, &mut g, &mut b]);
        for (i, gray) in gray.iter().enumerate() {
            assert_eq!(*gray, 2.0 * single[i].unit() - 0.5);
            assert_eq!([r[i], g[i]], [*gray, single[n - 1 - i].unit()]);
            assert_eq!(b[i], 3.0 * single[i].unit() + 0.1);
        }
        let sum: f64 = single.iter().map(|v| f64::from(v.unit())).sum();
        assert!((T::sum(&single) - sum).abs() < 1e-6 * sum);
    }

    #[test]
    fn rows_are_what_single_samples_are() {
        rows_are_samples_one_by_one::<u8>(255);
        rows_are_samples_one_by_one::<u16>(65535);
    }

    #[test]
    fn odd_numbers_are_counted_and_not_added() {
        let mut numbers = vec![0.25; 100];
        assert_eq!(survey(&numbers), (25.0, 0.25, 0));
        numbers[3] = f32::NAN;
        numbers[99] = f32::NEG_INFINITY;
        numbers[50] = 0.75;
        numbers[51] = -0.25;
        assert_eq!(survey(&numbers), (24.5, 0.75, 2));
        assert_eq!(survey(&[]), (0.0, 0.0, 0));
    }
}
