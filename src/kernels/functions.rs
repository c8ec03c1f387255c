//! Functions that are too long for the compiler to make vectors of, by lanes.

use super::vector::Vector;

/// A function of each lane.
pub(super) trait Lanes {
    /// # Safety
    /// As [`Vector`].
    unsafe fn of<V: Vector>(v: V) -> V;
}

/// `to = f(from)`, or `f(to)` without `from`.
///
/// # Safety
/// As [`Vector`].
#[inline(always)]
pub(super) unsafe fn each<V: Vector, F: Lanes>(from: Option<&[f32]>, to: &mut [f32]) {
    let len = to.len();
    let y = to.as_mut_ptr();
    let x = from.map_or(y.cast_const(), |from| from[..len].as_ptr());
    let mut i = 0;
    // SAFETY: both hold `len` floats.
    unsafe {
        while i + V::LANES <= len {
            F::of(V::load(x.add(i))).store(y.add(i));
            i += V::LANES;
        }
        if i < len {
            F::of(V::load_some(x.add(i), len - i)).store_some(y.add(i), len - i);
        }
    }
}

/// Gauss error function, within 4e-7.
pub(super) struct Erf;

impl Lanes for Erf {
    /// A series near 0, else Abramowitz and Stegun 7.1.26's finer sibling (Numerical Recipes' erfc).
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            let zero = V::splat(0.0);
            let a = v.max(zero.sub(v));
            let s = v.mul(v);
            let p = V::splat(-8.548_327e-4);
            let p = p.fma(s, V::splat(0.005_223_977_6));
            let p = p.fma(s, V::splat(-0.026_866_17));
            let p = p.fma(s, V::splat(0.112_837_9));
            let p = p.fma(s, V::splat(-0.376_126_4));
            let near = v.mul(p.fma(s, V::splat(std::f32::consts::FRAC_2_SQRT_PI)));
            let t = V::splat(1.0).div(a.fma(V::splat(0.5), V::splat(1.0)));
            let p = V::splat(0.170_872_77);
            let p = p.fma(t, V::splat(-0.822_152_23));
            let p = p.fma(t, V::splat(1.488_515_9));
            let p = p.fma(t, V::splat(-1.135_204));
            let p = p.fma(t, V::splat(0.278_868_07));
            let p = p.fma(t, V::splat(-0.186_288_06));
            let p = p.fma(t, V::splat(0.096_784_18));
            let p = p.fma(t, V::splat(0.374_091_96));
            let p = p.fma(t, V::splat(1.000_023_7));
            let p = p.fma(t, V::splat(-1.265_512_2));
            let far = V::splat(1.0).sub(t.mul(exp_of_negative(p.sub(s))));
            let far = v.below(zero, zero.sub(far), far);
            a.below(V::splat(0.5), near, far)
        }
    }
}

/// `v * (1 + erf(v / sqrt 2)) / 2`.
pub(super) struct Gelu;

impl Lanes for Gelu {
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            let half = v.mul(V::splat(0.5));
            Erf::of(v.mul(V::splat(std::f32::consts::FRAC_1_SQRT_2))).fma(half, half)
        }
    }
}

/// `v * (1 + tanh(sqrt(2 / pi) * (v + 0.044715 * v^3))) / 2`, which is `v` times the logistic function of twice that.
pub(super) struct GeluTanh;

impl Lanes for GeluTanh {
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            let cubic = v.mul(v).fma(V::splat(0.044_715), V::splat(1.0)).mul(v);
            v.mul(Sigmoid::of(cubic.mul(V::splat(1.595_769_1))))
        }
    }
}

/// Logistic function.
pub(super) struct Sigmoid;

impl Lanes for Sigmoid {
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let e = exp_of_negative(zero.sub(v).min(v));
            v.below(zero, e, one).div(one.add(e))
        }
    }
}

/// Logarithm of 1 plus e^v.
pub(super) struct Softplus;

impl Lanes for Softplus {
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            let zero = V::splat(0.0);
            let e = exp_of_negative(zero.sub(v).min(v));
            // ln(1 + e) is twice the area tangent of e / (2 + e), which is at most 1/3.
            let z = e.div(e.add(V::splat(2.0)));
            let s = z.mul(z);
            let p = V::splat(2.0 / 15.0);
            let p = p.fma(s, V::splat(2.0 / 13.0));
            let p = p.fma(s, V::splat(2.0 / 11.0));
            let p = p.fma(s, V::splat(2.0 / 9.0));
            let p = p.fma(s, V::splat(2.0 / 7.0));
            let p = p.fma(s, V::splat(2.0 / 5.0));
            let p = p.fma(s, V::splat(2.0 / 3.0));
            p.fma(s, V::splat(2.0)).fma(z, zero.max(v))
        }
    }
}

/// The number times the hyperbolic tangent of its softplus.
pub(super) struct Mish;

impl Lanes for Mish {
    #[inline(always)]
    unsafe fn of<V: Vector>(v: V) -> V {
        // SAFETY: passed on.
        unsafe {
            // With e = e^v the tangent is e (e + 2) / (e (e + 2) + 2); above 0 both by e^-2v.
            let (zero, two) = (V::splat(0.0), V::splat(2.0));
            let e = exp_of_negative(zero.sub(v).min(v));
            let below = e.mul(e.add(two));
            let above = e.fma(two, V::splat(1.0));
            let top = v.below(zero, below, above);
            v.mul(top.div(top.add(v.below(zero, two, e.mul(e).mul(two)))))
        }
    }
}

/// e^v for numbers up to 0 within 2e-7 of itself (Cephes); 0 below -80, so that products of it need no numbers that the
/// machine is slow with.
///
/// # Safety
/// As [`Vector`].
#[inline(always)]
pub(super) unsafe fn exp_of_negative<V: Vector>(v: V) -> V {
    // SAFETY: passed on.
    unsafe {
        // The constant stands first: where a lane is not a number, the second operand is the answer.
        let x = V::splat(-87.0).max(v);
        let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
        let r = n.fma(V::splat(2.121_944_4e-4), n.fma(V::splat(-0.693_359_4), x));
        let p = V::splat(1.987_569_1e-4);
        let p = p.fma(r, V::splat(1.398_199_9e-3));
        let p = p.fma(r, V::splat(8.333_452e-3));
        let p = p.fma(r, V::splat(4.166_579_6e-2));
        let p = p.fma(r, V::splat(1.666_666_5e-1));
        let p = p.fma(r, V::splat(0.5));
        let power = p.fma(r.mul(r), r.add(V::splat(1.0)));
        v.below(V::splat(-80.0), V::splat(0.0), power.mul(n.power_of_two()))
    }
}
