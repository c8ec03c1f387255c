//! Both gradients against central differences, in float64, of the loss `sum(y * r)` with random `r`.
//!
//! The loss is linear in the input, in the weights and in the bias, so that differences of steps of 1 are
//! exact but for rounding; and numbers of `noise` stay exact in float32 when 1 is added or taken away.

use super::Level;
use super::conv::SLACK;
use super::grad::{InputGradient, WeightGradient};
use super::spec::{ConvSpec, Mode};
use super::tests::{noise, reference};
use super::view::{Border, Shape, View};
use proptest::prelude::*;

/// Multiply-adds that the differences of one gradient may take.
const WORK: usize = 6_000_000;

/// What a gradient should be, as far as it was looked at.
#[derive(Clone, Debug)]
struct Expected {
    /// Some places, or all, and their derivatives.
    places: Vec<(usize, f64)>,
    /// A step of 1 up or down in every place, and the derivative along them all.
    signs: Vec<f32>,
    along: f64,
}

impl Expected {
    /// From the loss as a function of `values`; `macs` is what one call costs.
    fn new(values: &[f32], macs: usize, seed: u64, loss: &dyn Fn(&[f32]) -> f64) -> Expected {
        let difference = |step: &dyn Fn(usize) -> f32| {
            let moved = |sign: f32| -> Vec<f32> {
                values.iter().enumerate().map(|(i, v)| v + sign * step(i)).collect()
            };
            (loss(&moved(1.0)) - loss(&moved(-1.0))) / 2.0
        };
        let signs: Vec<f32> = noise(values.len(), seed).iter().map(|v| v.signum()).collect();
        let along = difference(&|i| signs[i]);
        let count = (WORK / macs).max(2);
        let places: Vec<usize> = if values.len() <= count {
            (0..values.len()).collect()
        } else {
            noise(count, seed + 1)
                .iter()
                .map(|v| ((v + 1.0) / 2.0 * (values.len() - 1) as f32) as usize)
                .collect()
        };
        let places =
            places.into_iter().map(|p| (p, difference(&|i| if i == p { 1.0 } else { 0.0 }))).collect();
        Expected { places, signs, along }
    }

    /// Each place within `tolerance`; their signed sum within that times the root of their number, as errors
    /// of either sign add up.
    fn check(&self, what: &str, got: &[f64], tolerance: f64) -> Result<(), String> {
        for &(place, value) in &self.places {
            let off = (got[place] - value).abs();
            if off > tolerance || off.is_nan() {
                return Err(format!("{what} at {place}: {}, not {value}", got[place]));
            }
        }
        let along: f64 = got.iter().zip(&self.signs).map(|(a, b)| a * f64::from(*b)).sum();
        let off = (along - self.along).abs();
        if off > tolerance * (got.len() as f64).sqrt() || off.is_nan() {
            return Err(format!("{what} along all: {along}, not {}", self.along));
        }
        Ok(())
    }
}

/// One convolution, its numbers, and the gradients for input, weights, bias.
struct Case {
    spec: ConvSpec,
    x: Shape,
    data: Vec<f32>,
    weights: Vec<f32>,
    r: Vec<f32>,
    expected: [Expected; 3],
}

impl Case {
    fn new(spec: ConvSpec, x: Shape, seed: u64) -> Case {
        let y = spec.out_shape(x);
        let (data, weights) = (noise(x.len(), seed), noise(spec.weights(), seed + 1));
        let (bias, r) = (noise(spec.channels.1, seed + 2), noise(y.len(), seed + 3));
        let loss = |data: &[f32], weights: &[f32], bias: &[f32]| -> f64 {
            let y = reference(&spec, x, data, weights, bias);
            y.iter().zip(&r).map(|(a, b)| a * f64::from(*b)).sum()
        };
        let macs = spec.macs() * y.n * y.h * y.w;
        let expected = [
            Expected::new(&data, macs, seed + 4, &|v| loss(v, &weights, &bias)),
            Expected::new(&weights, macs, seed + 5, &|v| loss(&data, v, &bias)),
            Expected::new(&bias, macs, seed + 6, &|v| loss(&data, &weights, v)),
        ];
        Case { spec, x, data, weights, r, expected }
    }

    /// Gradients for input, weights, bias. `spread` puts all pictures into some channels of wider pixels.
    fn gradients(&self, level: Level, mode: Mode, spread: usize) -> [Vec<f64>; 3] {
        let (spec, x, y) = (self.spec, self.x, self.spec.out_shape(self.x));
        let mut buffer = vec![];
        let back = InputGradient::new(level, mode, spec, x, &self.weights);
        let dy = place(&mut buffer, y, back.border(), spread, &self.r);
        let dx = place(&mut buffer, x, Border::default(), spread, &vec![f32::NAN; x.len()]);
        back.run(&mut buffer, &dy, &dx, &mut vec![f32::NAN; back.scratch()]);
        let dx = pixels(dx).flat_map(|at| buffer[at..at + x.c].to_vec()).map(f64::from).collect();

        let sums = WeightGradient::new(level, mode, spec, x);
        assert_eq!(sums.out_shape(), y);
        buffer.clear();
        let dy = place(&mut buffer, y, Border::default(), spread, &self.r);
        let x = place(&mut buffer, x, sums.border(), spread, &self.data);
        // What was there before stays part of the sum.
        let (mut dw, mut db) = (vec![0.25; spec.weights()], vec![0.5; y.c]);
        sums.run(&buffer, &x, &dy, &mut dw, &mut db, &mut vec![f32::NAN; sums.scratch()]);
        let less = |all: Vec<f32>, by: f64| all.into_iter().map(|v| f64::from(v) - by).collect();
        [dx, less(dw, 0.25), less(db, 0.5)]
    }

    /// Tolerances for input, weights, bias, for numbers in [-1, 1]: direct sums 2e-6, and 1e-7 for each term
    /// of the input's, 1e-6 times the root of the terms for the others', which are summed in two levels;
    /// Winograd's as in the tests of convolutions, and 1.5e-5 times that root.
    fn tolerances(&self, level: Level, mode: Mode) -> [f64; 3] {
        let back = InputGradient::new(level, mode, self.spec, self.x, &self.weights);
        let terms = (self.spec.kernel.0 * self.spec.kernel.1 * self.spec.channels.1) as f64;
        let winograd = back.conv().kernel_name() == "winograd";
        let input = if winograd { 4e-5 * terms.sqrt() } else { 2e-6 + 1e-7 * terms };
        let y = self.spec.out_shape(self.x);
        let terms = ((y.n * y.h * y.w) as f64).sqrt();
        let bias = 2e-6 + 1e-6 * terms;
        let winograd = WeightGradient::new(level, mode, self.spec, self.x).kernel_name() == "winograd";
        let weights = if winograd { 2e-6 + 1.5e-5 * terms } else { bias };
        [input, weights, bias]
    }

    fn check(&self, got: &[Vec<f64>; 3], tolerances: [f64; 3]) -> Result<(), String> {
        for (i, what) in ["input", "weights", "bias"].iter().enumerate() {
            self.expected[i].check(what, &got[i], tolerances[i])?;
        }
        Ok(())
    }

    fn check_all_levels(&self) -> Result<(), String> {
        for level in Level::available() {
            for mode in [Mode::Fast, Mode::Exact] {
                let got = self.gradients(level, mode, 0);
                let say = |e| format!("{level:?} {mode:?} {:?} on {:?}: {e}", self.spec, self.x);
                self.check(&got, self.tolerances(level, mode)).map_err(say)?;
                if self.gradients(level, mode, 3) != got {
                    return Err(say("another place of the pictures changed the sums".into()));
                }
            }
        }
        Ok(())
    }
}

/// Appends a bordered batch to the buffer, among numbers that must not count.
fn place(buffer: &mut Vec<f32>, shape: Shape, border: Border, spread: usize, data: &[f32]) -> View {
    let wide = Shape { c: shape.c + 2 * spread, ..shape };
    buffer.extend([f32::NAN; 8]);
    let view = View::bordered(wide, border, buffer.len()).channels(spread, shape.c);
    buffer.resize(buffer.len() + View::bordered_len(wide, border), 0.0);
    for (at, values) in pixels(view).zip(data.chunks(shape.c)) {
        buffer[at - spread..at + shape.c + spread].fill(f32::NAN);
        buffer[at..at + shape.c].copy_from_slice(values);
    }
    buffer.extend([f32::NAN; SLACK]);
    view
}

/// Where each pixel starts.
fn pixels(view: View) -> impl Iterator<Item = usize> {
    let Shape { n, h, w, .. } = view.shape;
    (0..n * h * w).map(move |i| view.pixel_at(i / (h * w), i / w % h, i % w))
}

fn case() -> impl Strategy<Value = (ConvSpec, Shape)> {
    let sizes = (1usize..=2, 1usize..=20, 1usize..=20);
    let kernels =
        prop_oneof![4 => Just((3, 3)), 2 => Just((1, 1)), 2 => Just((5, 5)), 1 => (1usize..=4, 1usize..=4)];
    let pads = (0usize..=2, 0usize..=2, 0usize..=2, 0usize..=2);
    let steps = (1usize..=2, 1usize..=2, 0usize..=9);
    (sizes, (1usize..=40, 1usize..=40), kernels, pads, steps).prop_filter_map(
        "empty",
        |((n, h, w), channels, kernel, p, s)| {
            let spec = ConvSpec {
                stride: (s.0, s.1),
                kernel,
                dilation: match s.2 {
                    0 => (2, 1),
                    1 => (1, 2),
                    _ => (1, 1),
                },
                pad: Border { top: p.0, left: p.1, bottom: p.2, right: p.3 },
                ..ConvSpec::same(channels.0, channels.1, 1)
            };
            let x = Shape { n, h, w, c: channels.0 };
            (!spec.out_shape(x).is_empty()).then_some((spec, x))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn gradients_are_difference_quotients((spec, x) in case(), seed in 0u64..1000) {
        if let Err(message) = Case::new(spec, x, seed).check_all_levels() {
            return Err(TestCaseError::fail(message));
        }
    }
}

#[test]
fn gradients_of_large_sums_and_many_channels() {
    let two = |spec| ConvSpec { stride: (2, 2), ..spec };
    for (spec, x) in [
        // Rows of several pieces, strips that span pictures, one that ends within a picture.
        (ConvSpec::same(2, 3, 3), Shape::new(1, 2, 600, 2)),
        (two(ConvSpec::same(3, 20, 3)), Shape::new(2, 3, 601, 3)),
        (ConvSpec::same(5, 4, 3), Shape::new(7, 24, 24, 5)),
        (ConvSpec::same(9, 8, 1), Shape::new(40, 2, 3, 9)),
        // Several blocks of registers, along either side's channels.
        (ConvSpec::same(70, 130, 3), Shape::new(2, 4, 3, 70)),
        (two(ConvSpec::same(150, 33, 3)), Shape::new(1, 5, 6, 150)),
        (ConvSpec::same(64, 3, 3), Shape::new(1, 8, 9, 64)),
        (ConvSpec::same(1, 1, 3), Shape::new(1, 1, 1, 1)),
    ] {
        Case::new(spec, x, 1).check_all_levels().unwrap();
    }
}

#[test]
fn a_fault_in_one_number_is_caught() {
    let spec = ConvSpec::same(6, 9, 3);
    let case = Case::new(spec, Shape::new(2, 7, 8, 6), 5);
    let (level, mode) = (Level::best(), Mode::Exact);
    let tolerances = case.tolerances(level, mode);
    let good = case.gradients(level, mode, 0);
    case.check(&good, tolerances).unwrap();
    // The step along all places must find it alone, since large gradients are only looked at here and there.
    let mut blind = Case::new(spec, case.x, 5);
    blind.expected.iter_mut().for_each(|e| e.places.clear());
    for part in 0..3 {
        for place in 0..good[part].len() {
            let mut bad = good.clone();
            bad[part][place] += 2e-3;
            assert!(case.check(&bad, tolerances).is_err(), "part {part} at {place}");
            assert!(blind.check(&bad, tolerances).is_err(), "part {part} at {place}, along all");
        }
    }
    // A weight that is off spoils the input's gradient; a number of the input, that of the weights.
    for change in [|c: &mut Case| c.weights[40] += 0.01, |c: &mut Case| c.data[300] += 0.01] {
        blind.weights.clone_from(&case.weights);
        blind.data.clone_from(&case.data);
        change(&mut blind);
        assert!(blind.check(&blind.gradients(level, mode, 0), tolerances).is_err());
    }
}

/// Gradients for weights and bias of these data.
fn sums(gradient: &WeightGradient, spec: &ConvSpec, x: Shape, spread: usize) -> (Vec<f32>, Vec<f32>) {
    let y = spec.out_shape(x);
    let mut buffer = vec![];
    let dy = place(&mut buffer, y, Border::default(), spread, &noise(y.len(), 1));
    let x = place(&mut buffer, x, gradient.border(), spread, &noise(x.len(), 2));
    let (mut dw, mut db) = (vec![0.0; spec.weights()], vec![0.0; y.c]);
    let mut scratch = vec![f32::NAN; gradient.scratch() + 1];
    // Any alignment.
    gradient.run(&buffer, &x, &dy, &mut dw, &mut db, &mut scratch[spread % 2..]);
    (dw, db)
}

/// Winograd's sums against direct ones, whether they pay or not.
fn check_tiles(spec: &ConvSpec, x: Shape) -> Result<(), String> {
    let y = spec.out_shape(x);
    let tolerance = 2e-6 + 1.5e-5 * ((y.n * y.h * y.w) as f32).sqrt();
    for level in Level::available() {
        let direct = WeightGradient::new(level, Mode::Exact, *spec, x);
        let expected = sums(&direct, spec, x, 0);
        let tiles = direct.by_tiles();
        assert_eq!(tiles.kernel_name(), "winograd");
        let got = sums(&tiles, spec, x, 0);
        if sums(&tiles, spec, x, 3) != got {
            return Err(format!("{level:?} {spec:?} {x:?}: another place changed the sums"));
        }
        for (what, a, b) in [("weights", &got.0, &expected.0), ("bias", &got.1, &expected.1)] {
            let off = a.iter().zip(b).position(|(a, b)| (a - b).abs() > tolerance || a.is_nan());
            if let Some(i) = off {
                return Err(format!("{level:?} {spec:?} {x:?}: {what} at {i}: {}, not {}", a[i], b[i]));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn tiles_agree_with_direct_sums(
        (n, h, w) in (1usize..=3, 1usize..=33, 1usize..=17),
        channels in (1usize..=70, 1usize..=70),
        p in (0usize..=2, 0usize..=2, 0usize..=2, 0usize..=2),
    ) {
        let pad = Border { top: p.0, left: p.1, bottom: p.2, right: p.3 };
        let spec = ConvSpec { pad, ..ConvSpec::same(channels.0, channels.1, 3) };
        let x = Shape::new(n, h, w, channels.0);
        if !spec.out_shape(x).is_empty() {
            check_tiles(&spec, x).map_err(TestCaseError::fail)?;
        }
    }
}

#[test]
fn tiles_of_many_channels_and_blocks() {
    for (spec, x) in [
        // Parts of channels on either side or both, unequal ones; blocks of tiles that span pictures.
        (ConvSpec::same(70, 5, 3), Shape::new(2, 7, 9, 70)),
        (ConvSpec::same(5, 150, 3), Shape::new(2, 7, 9, 5)),
        (ConvSpec::same(200, 130, 3), Shape::new(1, 5, 6, 200)),
        (ConvSpec::same(130, 200, 3), Shape::new(3, 4, 3, 130)),
        (ConvSpec::same(3, 2, 3), Shape::new(9, 33, 17, 3)),
        (ConvSpec::same(1, 1, 3), Shape::new(1, 1, 1, 1)),
        (ConvSpec::same(33, 65, 3), Shape::new(40, 5, 5, 33)),
    ] {
        check_tiles(&spec, x).unwrap();
    }
}

#[test]
fn tiles_are_chosen_where_they_should_be() {
    let name = |mode, spec: ConvSpec, size| {
        let x = Shape::new(4, size, size, spec.channels.0);
        WeightGradient::new(Level::best(), mode, spec, x).kernel_name()
    };
    assert_eq!(name(Mode::Fast, ConvSpec::same(48, 48, 3), 32), "winograd");
    assert_eq!(name(Mode::Exact, ConvSpec::same(48, 48, 3), 32), "direct");
    assert_eq!(name(Mode::Fast, ConvSpec::same(48, 48, 3), 1), "direct");
    assert_eq!(name(Mode::Fast, ConvSpec::same(1, 8, 3), 32), "direct");
    assert_eq!(name(Mode::Fast, ConvSpec::same(48, 48, 5), 32), "direct");
    for other in [(2, 1), (1, 2)] {
        assert_eq!(name(Mode::Fast, ConvSpec { stride: other, ..ConvSpec::same(48, 48, 3) }, 32), "direct");
        assert_eq!(name(Mode::Fast, ConvSpec { dilation: other, ..ConvSpec::same(48, 48, 3) }, 32), "direct");
    }
}

#[test]
fn other_weights_give_what_a_new_gradient_would() {
    let wide = ConvSpec::same(24, 40, 3);
    let far = Border { top: 3, left: 3, bottom: 3, right: 3 };
    for spec in [wide, ConvSpec { stride: (2, 2), ..wide }, ConvSpec { pad: far, ..wide }] {
        let x = Shape::new(2, 9, 12, 24);
        let y = spec.out_shape(x);
        let weights = [noise(spec.weights(), 1), noise(spec.weights(), 2)];
        for (level, mode) in Level::available().into_iter().flat_map(|l| [(l, Mode::Fast), (l, Mode::Exact)])
        {
            let run = |back: &InputGradient| {
                let mut buffer = vec![];
                let dy = place(&mut buffer, y, back.border(), 0, &noise(y.len(), 3));
                let dx = place(&mut buffer, x, Border::default(), 0, &vec![0.0; x.len()]);
                back.run(&mut buffer, &dy, &dx, &mut vec![f32::NAN; back.scratch()]);
                buffer[dx.at..dx.at + x.len()].to_vec()
            };
            let expected = run(&InputGradient::new(level, mode, spec, x, &weights[1]));
            let mut other = InputGradient::new(level, mode, spec, x, &weights[0]);
            assert_ne!(run(&other), expected);
            other.repack(&weights[1]);
            assert_eq!(run(&other), expected, "{level:?} {mode:?} {spec:?}");
        }
    }
}

#[test]
#[should_panic(expected = "the input with its border is inside")]
fn an_input_without_border_is_refused() {
    let x = Shape::new(1, 4, 4, 2);
    let sums = WeightGradient::new(Level::best(), Mode::Fast, ConvSpec::same(2, 2, 3), x);
    let view = View::dense(x);
    let mut scratch = vec![0.0; sums.scratch()];
    sums.run(&[0.0; 100], &view, &view, &mut [0.0; 36], &mut [0.0; 2], &mut scratch);
}

#[test]
#[should_panic(expected = "the result's gradient is inside")]
fn a_result_without_slack_is_refused() {
    let x = Shape::new(1, 4, 4, 2);
    let sums = WeightGradient::new(Level::best(), Mode::Fast, ConvSpec::same(2, 2, 1), x);
    let view = View::dense(x);
    let mut scratch = vec![0.0; sums.scratch()];
    let late = View { at: 17, ..view };
    sums.run(&[0.0; 48], &view, &late, &mut [0.0; 4], &mut [0.0; 2], &mut scratch);
}
