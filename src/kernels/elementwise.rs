//! Functions of numbers over slices, compiled for each instruction set.

use super::functions;
use super::graph::{Binary, Reduce, Unary};
use super::level::{Level, dispatch};
use super::vector::Vector;
use std::cell::RefCell;

/// Work on slices: what `to` held counts for `InPlace` only.
pub(super) enum Job<'a> {
    /// `to = f(a)`; channels of the slope are `to`'s innermost axis.
    Unary(&'a Unary, &'a [f32]),
    /// `to = f(to)`.
    InPlace(&'a Unary),
    /// `to = f(a, b)`.
    Binary(Binary, &'a [f32], &'a [f32]),
    /// `to = f(a, b)` with one `b`.
    Right(Binary, &'a [f32], f32),
    /// `to = f(a, b)` with one `a`.
    Left(Binary, f32, &'a [f32]),
    /// Each run of channels becomes one number.
    Reduce(Reduce, &'a [f32], usize),
    /// Each number becomes a run of channels.
    Spread(&'a [f32], usize),
}

pub(super) struct Call<'a, 'b> {
    job: Job<'a>,
    to: RefCell<&'b mut [f32]>,
}

/// `values = f(values)`.
pub(super) fn apply_in_place(level: Level, f: &Unary, values: &mut [f32]) {
    apply(level, Job::InPlace(f), values);
}

/// Does a job.
pub(super) fn apply(level: Level, job: Job<'_>, to: &mut [f32]) {
    // SAFETY: only safe code runs, with instructions that the level says this machine has.
    unsafe { run(level, &Call { job, to: RefCell::new(to) }) }
}

dispatch! {
    run = any(Call<'_, '_>)
}

/// `V` only tells the instances apart: the compiler makes vectors of the loops.
///
/// # Safety
/// None of its own; unsafe as all that is dispatched.
#[inline(always)]
unsafe fn any<V: Vector>(call: &Call<'_, '_>) {
    let to = &mut **call.to.borrow_mut();
    match &call.job {
        // SAFETY: passed on.
        Job::Unary(f, a) => unsafe { unary::<V>(f, Some(a), to) },
        // SAFETY: passed on.
        Job::InPlace(f) => unsafe { unary::<V>(f, None, to) },
        Job::Binary(f, a, b) => match f {
            Binary::Add => zip(a, b, to, |a, b| a + b),
            Binary::Sub => zip(a, b, to, |a, b| a - b),
            Binary::Mul => zip(a, b, to, |a, b| a * b),
            Binary::Div => zip(a, b, to, |a, b| a / b),
            Binary::Max => zip(a, b, to, larger),
            Binary::Min => zip(a, b, to, smaller),
        },
        Job::Right(f, a, b) => {
            let b = *b;
            match f {
                Binary::Add => map(a, to, |a| a + b),
                Binary::Sub => map(a, to, |a| a - b),
                Binary::Mul => map(a, to, |a| a * b),
                Binary::Div => map(a, to, |a| a / b),
                Binary::Max => map(a, to, |a| larger(b, a)),
                Binary::Min => map(a, to, |a| smaller(b, a)),
            }
        }
        Job::Left(f, a, b) => {
            let a = *a;
            match f {
                Binary::Add => map(b, to, |b| a + b),
                Binary::Sub => map(b, to, |b| a - b),
                Binary::Mul => map(b, to, |b| a * b),
                Binary::Div => map(b, to, |b| a / b),
                Binary::Max => map(b, to, |b| larger(a, b)),
                Binary::Min => map(b, to, |b| smaller(a, b)),
            }
        }
        Job::Reduce(f, a, channels) => {
            for (to, a) in to.iter_mut().zip(a.chunks_exact(*channels)) {
                *to = match f {
                    Reduce::Sum => sum(a, |v| v),
                    Reduce::Mean => sum(a, |v| v) / a.len() as f32,
                    Reduce::MeanOfSquares => sum(a, |v| v * v) / a.len() as f32,
                    Reduce::Max => a.iter().copied().fold(f32::NEG_INFINITY, larger),
                    Reduce::Min => a.iter().copied().fold(f32::INFINITY, smaller),
                };
            }
        }
        Job::Spread(a, channels) => {
            for (to, a) in to.chunks_exact_mut(*channels).zip(*a) {
                to.fill(*a);
            }
        }
    }
}

/// Sum in a fixed order that vectors can follow.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let whole = values.len() / 16 * 16;
    let mut i = 0;
    while i < whole {
        let chunk = &values[i..i + 16];
        for lane in 0..16 {
            lanes[lane] += f(chunk[lane]);
        }
        i += 16;
    }
    for lane in 0..values.len() - whole {
        lanes[lane] += f(values[whole + lane]);
    }
    let mut half = 8;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The larger; not a number where `b` is none.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller; not a number where `b` is none.
#[inline(always)]
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

// Index loops: iterators may be compiled apart from here, without our instructions.
#[inline(always)]
fn zip(a: &[f32], b: &[f32], to: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let n = to.len();
    let (a, b) = (&a[..n], &b[..n]);
    for i in 0..n {
        to[i] = f(a[i], b[i]);
    }
}

#[inline(always)]
fn map(a: &[f32], to: &mut [f32], f: impl Fn(f32) -> f32) {
    let n = to.len();
    let a = &a[..n];
    for i in 0..n {
        to[i] = f(a[i]);
    }
}

/// `to = f(a)`, or `f(to)` without `a`.
///
/// # Safety
/// As [`Vector`].
#[inline(always)]
unsafe fn unary<V: Vector>(f: &Unary, a: Option<&[f32]>, to: &mut [f32]) {
    #[inline(always)]
    fn each(a: Option<&[f32]>, to: &mut [f32], f: impl Fn(f32) -> f32) {
        match a {
            Some(a) => map(a, to, f),
            None => {
                for v in to {
                    *v = f(*v);
                }
            }
        }
    }
    match f {
        Unary::Relu => each(a, to, |v| larger(0.0, v)),
        Unary::Slope(s) if s.len() == 1 => {
            let s = s[0];
            each(a, to, |v| larger(0.0, v) + s * smaller(0.0, v));
        }
        Unary::Slope(s) => {
            if let Some(a) = a {
                to.copy_from_slice(&a[..to.len()]);
            }
            for pixel in to.chunks_exact_mut(s.len()) {
                for i in 0..s.len() {
                    pixel[i] = larger(0.0, pixel[i]) + s[i] * smaller(0.0, pixel[i]);
                }
            }
        }
        Unary::Clip(low, high) => {
            let (low, high) = (*low, *high);
            each(a, to, |v| smaller(high, larger(low, v)));
        }
        Unary::Abs => each(a, to, f32::abs),
        Unary::Neg => each(a, to, |v| -v),
        Unary::Square => each(a, to, |v| v * v),
        Unary::Sqrt => each(a, to, f32::sqrt),
        Unary::Rsqrt => each(a, to, |v| 1.0 / v.sqrt()),
        Unary::Recip => each(a, to, |v| 1.0 / v),
        Unary::Exp => each(a, to, exp),
        Unary::Ln => each(a, to, f32::ln),
        Unary::Tanh => each(a, to, tanh),
        Unary::Sigmoid => each(a, to, sigmoid),
        Unary::Silu => each(a, to, |v| v * sigmoid(v)),
        Unary::HardSwish => each(a, to, |v| v * smaller(1.0, larger(0.0, v / 6.0 + 0.5))),
        // SAFETY: passed on.
        Unary::Softplus => unsafe { functions::each::<V, functions::Softplus>(a, to) },
        // SAFETY: passed on.
        Unary::Mish => unsafe { functions::each::<V, functions::Mish>(a, to) },
        // SAFETY: passed on.
        Unary::Erf => unsafe { functions::each::<V, functions::Erf>(a, to) },
        // SAFETY: passed on.
        Unary::Gelu => unsafe { functions::each::<V, functions::Gelu>(a, to) },
        // SAFETY: passed on.
        Unary::GeluTanh => unsafe { functions::each::<V, functions::GeluTanh>(a, to) },
    }
}

/// e^v within 2e-7 of itself (Cephes); 0 below -87, infinite where single precision ends.
#[inline(always)]
fn exp(v: f32) -> f32 {
    let x = smaller(88.8, larger(-87.3, v));
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let power = p * r * r + r + 1.0;
    // 2^n through the exponent's bits; adding 1.5 * 2^23 leaves n in the lowest bits of the mantissa.
    let bits = (smaller(127.0, n) + 12_582_912.0).to_bits();
    let scale = f32::from_bits(bits.wrapping_add(127) << 23);
    // 2^128 is no number.
    let result = power * scale * if n > 127.0 { 2.0 } else { 1.0 };
    if v < -87.3 { 0.0 } else { result }
}

#[inline(always)]
fn sigmoid(v: f32) -> f32 {
    1.0 / (1.0 + exp(-v))
}

/// Within 3e-7: a polynomial where `1 - 2 / (e^2v + 1)` would cancel.
#[inline(always)]
fn tanh(v: f32) -> f32 {
    let x = smaller(9.0, larger(-9.0, v));
    // The rational approximation of Eigen and MLAS.
    let s = x * x;
    let p = -2.760_768_5e-16;
    let p = p * s + 2.000_188e-13;
    let p = p * s - 8.604_672e-11;
    let p = p * s + 5.122_297_1e-8;
    let p = p * s + 1.485_722_4e-5;
    let p = p * s + 6.372_619_3e-4;
    let p = p * s + 4.893_525e-3;
    let q = 1.198_258_4e-6;
    let q = q * s + 1.185_347_1e-4;
    let q = q * s + 2.268_434_6e-3;
    let q = q * s + 4.893_525e-3;
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(f: &Unary, level: Level, values: &[f32]) -> Vec<f32> {
        let mut to = vec![0.0; values.len()];
        apply(level, Job::Unary(f, values), &mut to);
        to
    }

    /// An erf that is exact enough to test with: its Taylor series, in float64.
    fn erf64(v: f64) -> f64 {
        if v.abs() > 5.0 {
            return v.signum();
        }
        let (mut term, mut sum) = (v, v);
        for n in 1..200 {
            term *= -v * v / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn functions_are_within_float_rounding() {
        let values: Vec<f32> = (-40_000..40_000).map(|i| i as f32 / 400.0).collect();
        for level in Level::available() {
            let close = |f: Unary, exact: &dyn Fn(f64) -> f64, absolute: f64, relative: f64| {
                for (v, got) in values.iter().zip(all(&f, level, &values)) {
                    let exact = exact(f64::from(*v));
                    let error = (f64::from(got) - exact).abs();
                    assert!(
                        error <= absolute + relative * exact.abs(),
                        "{level:?} {f:?}({v}) = {got}, not {exact}"
                    );
                }
            };
            close(Unary::Tanh, &f64::tanh, 4e-7, 4e-7);
            close(Unary::Sigmoid, &|v| 1.0 / (1.0 + (-v).exp()), 2e-7, 2e-7);
            close(Unary::Silu, &|v| v / (1.0 + (-v).exp()), 1e-6, 4e-7);
            close(Unary::Erf, &erf64, 4e-7, 0.0);
            close(Unary::Softplus, &|v| v.max(0.0) + (-v.abs()).exp().ln_1p(), 1e-7, 4e-7);
            close(Unary::Mish, &|v| v * (v.max(0.0) + (-v.abs()).exp().ln_1p()).tanh(), 1e-6, 6e-7);
            close(
                Unary::GeluTanh,
                &|v| {
                    v * 0.5
                        * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v.powi(3))).tanh())
                },
                2e-6,
                1e-6,
            );
            close(Unary::Gelu, &|v| v * 0.5 * (1.0 + erf64(v / 2f64.sqrt())), 2e-6, 4e-7);
            let small: Vec<f32> = values.iter().copied().filter(|v| (-80.0..88.72).contains(v)).collect();
            for (v, got) in small.iter().zip(all(&Unary::Exp, level, &small)) {
                let exact = f64::from(*v).exp();
                assert!((f64::from(got) - exact).abs() <= 4e-7 * exact, "exp({v}) = {got}, not {exact}");
            }
            for v in [88.73, 1e9, f32::INFINITY] {
                assert_eq!(all(&Unary::Exp, level, &[v, -v]), [f32::INFINITY, 0.0], "{v}");
            }
        }
    }

    #[test]
    fn not_a_number_stays_one() {
        let unaries = [
            Unary::Relu,
            Unary::Clip(0.0, 1.0),
            Unary::Tanh,
            Unary::Sigmoid,
            Unary::Exp,
            Unary::Gelu,
            Unary::GeluTanh,
            Unary::Mish,
        ];
        for f in unaries {
            assert!(all(&f, Level::best(), &[f32::NAN])[0].is_nan(), "{f:?}");
        }
    }

    #[test]
    fn reductions_spread_and_scalars() {
        let level = Level::best();
        let a: Vec<f32> = (0..40).map(|i| i as f32).collect();
        let mut two = [0.0; 2];
        apply(level, Job::Reduce(Reduce::Mean, &a, 20), &mut two);
        assert_eq!(two, [9.5, 29.5]);
        apply(level, Job::Reduce(Reduce::Max, &a, 20), &mut two);
        assert_eq!(two, [19.0, 39.0]);
        let mut wide = [0.0; 6];
        apply(level, Job::Spread(&two, 3), &mut wide);
        assert_eq!(wide, [19.0, 19.0, 19.0, 39.0, 39.0, 39.0]);
        apply(level, Job::Left(Binary::Sub, 20.0, &wide.clone()), &mut wide);
        assert_eq!(wide[0], 1.0);
    }
}
