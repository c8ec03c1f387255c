//! Every kernel of every level that this machine runs, against sums in float64.

use super::Level;
use super::conv::{Conv, SLACK};
use super::spec::{Activation, ConvSpec, Mode};
use super::view::{Border, Shape, View};
use proptest::prelude::*;

/// Pseudo-random numbers in [-1, 1].
pub(super) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// The definition, in float64: dense input and result, no activation.
pub(super) fn reference(spec: &ConvSpec, x: Shape, data: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f64> {
    let y = spec.out_shape(x);
    let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
    let (kh, kw) = spec.kernel;
    let mut out: Vec<f64> = (0..y.len()).map(|i| f64::from(bias[i % y.c])).collect();
    let mut add = |n: usize, from: (usize, usize), to: (usize, usize), tap: usize| {
        for o in 0..y.c {
            for i in 0..ic {
                let g = o / oc;
                let w = if spec.transposed {
                    weights[((g * ic + i) * oc + o % oc) * kh * kw + tap]
                } else {
                    weights[(o * ic + i) * kh * kw + tap]
                };
                let v = data[((n * x.h + from.0) * x.w + from.1) * x.c + g * ic + i];
                out[((n * y.h + to.0) * y.w + to.1) * y.c + o] += f64::from(w) * f64::from(v);
            }
        }
    };
    let (a, b) = if spec.transposed { (x, y) } else { (y, x) };
    for n in 0..x.n {
        for row in 0..a.h {
            for column in 0..a.w {
                for t in 0..kh * kw {
                    let other = (
                        (row * spec.stride.0 + t / kw * spec.dilation.0).wrapping_sub(spec.pad.top),
                        (column * spec.stride.1 + t % kw * spec.dilation.1).wrapping_sub(spec.pad.left),
                    );
                    if other.0 < b.h && other.1 < b.w {
                        let one = (row, column);
                        if spec.transposed { add(n, one, other, t) } else { add(n, other, one, t) }
                    }
                }
            }
        }
    }
    out
}

/// What the activation makes of a sum.
fn activated(activation: &Activation, v: f64, channel: usize) -> f64 {
    match activation {
        Activation::None => v,
        Activation::Relu => v.max(0.0),
        Activation::Slope(s) => {
            v.max(0.0) + v.min(0.0) * f64::from(if s.len() == 1 { s[0] } else { s[channel] })
        }
        Activation::Clip(low, high) => v.clamp(f64::from(*low), f64::from(*high)),
    }
}

/// Runs a convolution on dense data, between guards that must stay as they are. `spread` puts the result
/// into some channels of wider pixels.
pub(super) fn run(conv: &Conv, x: Shape, data: &[f32], spread: usize) -> Vec<f32> {
    let y = conv.out_shape();
    let border = conv.border();
    let x_view = View::bordered(x, border, 8);
    let x_len = View::bordered_len(x, border);
    let wide = Shape { c: y.c + 2 * spread, ..y };
    let y_view = View::bordered(wide, Border::default(), 8 + x_len + 8 + SLACK).channels(spread, y.c);
    // Not a number outside of pictures and borders: whatever is read there must not count.
    let mut buffer = vec![f32::NAN; y_view.at + wide.len() + SLACK + 8];
    buffer[8..8 + x_len].fill(0.0);
    for n in 0..x.n {
        for row in 0..x.h {
            let to = x_view.pixel_at(n, row, 0);
            buffer[to..to + x.w * x.c].copy_from_slice(&data[(n * x.h + row) * x.w * x.c..][..x.w * x.c]);
        }
    }
    let before = buffer.clone();
    let mut scratch = vec![f32::NAN; conv.scratch()];
    let mut seen = vec![0; y.n * y.h * y.w];
    conv.run(&mut buffer, &x_view, &y_view, &mut scratch, |_, s| {
        (s.from..s.to).for_each(|column| seen[(s.n * y.h + s.y) * y.w + column] += 1);
    });
    assert!(seen.iter().all(|s| *s == 1), "every part is told once");
    let mut out = vec![];
    let mut inside = vec![false; buffer.len()];
    for n in 0..y.n {
        for row in 0..y.h {
            for column in 0..y.w {
                let at = y_view.pixel_at(n, row, column);
                out.extend_from_slice(&buffer[at..at + y.c]);
                inside[at..at + y.c].fill(true);
            }
        }
    }
    for (i, (a, b)) in before.iter().zip(&buffer).enumerate() {
        assert!(inside[i] || a.to_bits() == b.to_bits(), "written outside at {i}");
    }
    out
}

/// Compares with the definition, for inputs and weights in [-1, 1]. Tolerance: 1.5e-7 a term for direct
/// sums, 4e-5 times the root of the terms for Winograd's: about 1e-4 of a typical result at the very worst.
fn check(
    level: Level,
    mode: Mode,
    spec: ConvSpec,
    x: Shape,
    activation: Activation,
    seed: u64,
) -> Result<(), String> {
    let data = noise(x.len(), seed);
    let weights = noise(spec.weights(), seed + 1);
    let bias = noise(spec.channels.1, seed + 2);
    let conv = Conv::new(level, mode, spec, x, &weights, Some(&bias), activation.clone());
    let expected = reference(&spec, x, &data, &weights, &bias);
    for spread in [0, 3] {
        let got = run(&conv, x, &data, spread);
        let terms = (spec.kernel.0 * spec.kernel.1 * spec.channels.0 / spec.groups) as f64;
        let tolerance =
            if conv.kernel_name() == "winograd" { 4e-5 * terms.sqrt() } else { 2e-6 + 1.5e-7 * terms };
        for (i, (a, b)) in got.iter().zip(&expected).enumerate() {
            let b = activated(&activation, *b, i % spec.channels.1);
            if (f64::from(*a) - b).abs() > tolerance || !a.is_finite() {
                return Err(format!(
                    "{level:?} {} {spec:?} on {x:?} at {i}: {a}, not {b}",
                    conv.kernel_name()
                ));
            }
        }
    }
    Ok(())
}

fn spec() -> impl Strategy<Value = (ConvSpec, Shape)> {
    let sizes = (1usize..=2, 1usize..=70, 1usize..=70);
    let channels = (1usize..=130, 1usize..=130);
    let kernels = prop_oneof![4 => Just((3, 3)), 2 => Just((1, 1)), 1 => (1usize..=7, 1usize..=7)];
    let steps = prop_oneof![4 => Just((1usize, 1usize)), 1 => (1usize..=3, 1usize..=3)];
    let pads = (0usize..=3, 0usize..=3, 0usize..=3, 0usize..=3);
    let kinds = (0usize..8, 0usize..2, 0usize..2, 1usize..=2);
    (sizes, channels, kernels, steps, pads, kinds).prop_filter_map(
        "empty",
        |((n, h, w), (ic, oc), kernel, stride, p, k)| {
            // Keep the float64 reference affordable: large pictures get few channels.
            let shrink = |c: usize| if h * w > 400 { c.min(1 + 12_000 / (h * w)) } else { c };
            let (mut channels, mut groups) = ((shrink(ic), shrink(oc)), 1);
            let transposed = k.0 == 0;
            if k.0 == 1 {
                (channels, groups) = ((shrink(ic), shrink(ic)), shrink(ic));
            } else if k.0 == 2 {
                (channels, groups) = ((2 * channels.0, 2 * channels.1), 2);
            }
            let pad = Border { top: p.0, left: p.1, bottom: p.2, right: p.3 };
            let extra = if transposed && stride.0 > 1 && stride.1 > 1 { (k.1, k.2) } else { (0, 0) };
            let dilation = if k.0 == 3 { (k.3, 2) } else { (1, 1) };
            let spec = ConvSpec { channels, kernel, stride, dilation, pad, groups, transposed, extra };
            let x = Shape { n, h, w, c: channels.0 };
            let y = spec.out_shape(x);
            (!y.is_empty()).then_some((spec, x))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn all_levels_agree_with_float64((spec, x) in spec(), kind in 0usize..4, seed in 0u64..1000) {
        let activation = match kind {
            0 => Activation::None,
            1 => Activation::Relu,
            2 => Activation::Slope(noise(if seed % 2 == 0 { 1 } else { spec.channels.1 }, seed + 9)),
            _ => Activation::Clip(-0.5, 1.5),
        };
        for level in Level::available() {
            for mode in [Mode::Fast, Mode::Exact] {
                if let Err(message) = check(level, mode, spec, x, activation.clone(), seed) {
                    return Err(TestCaseError::fail(message));
                }
            }
        }
    }
}

#[test]
fn each_kernel_is_chosen_where_it_should_be() {
    let x = Shape::new(1, 20, 20, 64);
    let name = |mode, spec: ConvSpec| {
        let x = Shape { c: spec.channels.0, ..x };
        let weights = vec![0.0; spec.weights()];
        Conv::new(Level::best(), mode, spec, x, &weights, None, Activation::None).kernel_name()
    };
    assert_eq!(name(Mode::Fast, ConvSpec::same(64, 64, 3)), "winograd");
    assert_eq!(name(Mode::Exact, ConvSpec::same(64, 64, 3)), "direct");
    assert_eq!(name(Mode::Fast, ConvSpec { stride: (2, 2), ..ConvSpec::same(64, 64, 3) }), "direct");
    assert_eq!(name(Mode::Fast, ConvSpec::same(64, 3, 3)), "dot");
    assert_eq!(name(Mode::Fast, ConvSpec { groups: 64, ..ConvSpec::same(64, 64, 3) }), "depthwise");
    assert_eq!(name(Mode::Fast, ConvSpec { transposed: true, ..ConvSpec::same(64, 64, 3) }), "transposed");
    assert_eq!(name(Mode::Fast, ConvSpec::same(3, 64, 3)), "direct");
}

#[test]
fn other_weights_give_what_a_new_convolution_would() {
    let same = ConvSpec::same;
    for spec in [
        same(40, 24, 3),
        same(3, 40, 5),
        same(32, 3, 3),
        ConvSpec { groups: 2, ..same(6, 50, 3) },
        ConvSpec { groups: 19, ..same(19, 19, 3) },
        ConvSpec { transposed: true, ..same(10, 20, 3) },
        // A stride beyond the kernel leaves phases that no tap reaches.
        ConvSpec { transposed: true, stride: (3, 2), groups: 2, ..same(10, 20, 2) },
    ] {
        let x = Shape::new(2, 9, 10, spec.channels.0);
        let data = noise(x.len(), 1);
        let weights = [noise(spec.weights(), 2), noise(spec.weights(), 3)];
        let bias = noise(spec.channels.1, 4);
        for (level, mode) in Level::available().into_iter().flat_map(|l| [(l, Mode::Fast), (l, Mode::Exact)])
        {
            let new = |w: &[f32], bias| Conv::new(level, mode, spec, x, w, bias, Activation::Relu);
            let mut other = new(&weights[0], Some(&bias));
            for bias in [None, Some(&bias[..])] {
                let expected = run(&new(&weights[1], bias), x, &data, 0);
                assert_ne!(run(&other, x, &data, 0), expected);
                other.repack(&weights[1], bias);
                assert_eq!(run(&other, x, &data, 0), expected, "{level:?} {mode:?} {spec:?}");
            }
        }
    }
}

#[test]
fn not_a_number_stays_one() {
    for level in Level::available() {
        for activation in [Activation::Relu, Activation::Clip(0.0, 1.0), Activation::Slope(vec![0.1])] {
            for spec in [ConvSpec::same(32, 32, 3), ConvSpec::same(3, 8, 3), ConvSpec::same(32, 1, 3)] {
                let x = Shape::new(1, 8, 8, spec.channels.0);
                let mut data = noise(x.len(), 1);
                data[0] = f32::NAN;
                let weights = noise(spec.weights(), 2);
                let conv = Conv::new(level, Mode::Fast, spec, x, &weights, None, activation.clone());
                assert!(
                    run(&conv, x, &data, 0)[0].is_nan(),
                    "{level:?} {activation:?} {}",
                    conv.kernel_name()
                );
            }
        }
    }
}

#[test]
fn views_that_leave_the_buffer_are_refused() {
    let spec = ConvSpec::same(8, 8, 1);
    let x = Shape::new(3, 4, 4, 8);
    let conv = Conv::new(Level::best(), Mode::Fast, spec, x, &noise(64, 1), None, Activation::None);
    let good = View::bordered(x, Border::default(), 0);
    let out = View::bordered(x, Border::default(), 512);
    let runs = |x: View, y: View, len: usize| {
        let mut buffer = vec![0.0; len];
        let run = || conv.run(&mut buffer, &x, &y, &mut [], |_, _| ());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok()
    };
    assert!(runs(good, out, 1024));
    // Too short, distances that wrap around, and an output upon the input.
    assert!(!runs(good, out, 800));
    assert!(!runs(View { image: 1 << 63, ..good }, out, 1024));
    assert!(!runs(good, View { row: usize::MAX / 2, ..out }, 1024));
    assert!(!runs(good, View { at: 8, ..out }, 1024));
    let none = ConvSpec { channels: (8, 0), ..spec };
    let made = std::panic::catch_unwind(|| {
        Conv::new(Level::best(), Mode::Fast, none, x, &[], None, Activation::None)
    });
    assert!(made.is_err());
}
