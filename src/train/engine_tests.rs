//! Forward and backward against plain loops and finite differences in double precision.

use super::agreement::Agreement;
use super::loss::Loss;
use super::net::{Activation, Builder, Net, Op, Size};
use super::reference;
use super::step::{Pair, Stepper};
use crate::random::Rng;
use std::sync::atomic::AtomicBool;

fn conv(channels: usize, kernel: usize, stride: usize, padded: bool, activation: Activation) -> Op {
    Op::Conv { channels, kernel, stride, padded, activation }
}

/// Small networks that have every layer, alone and beside others that read the same tensor.
fn nets() -> Vec<Net> {
    let relu = Activation::Relu;
    let mut nets = vec![];
    // Shapes that Winograd takes, additive skips, both rearrangements.
    let mut b = Builder::new(Size::new(12, 20, 3));
    b.then(Op::SpaceToDepth(2));
    let x = b.conv(16, 3, relu);
    b.conv(16, 3, Activation::LeakyRelu);
    let y = b.conv(16, 3, Activation::Linear);
    let x = b.add(x, y);
    b.then(Op::SpaceToDepth(2));
    let k = b.conv(24, 1, relu);
    b.conv(64, 1, Activation::Linear);
    let up = b.then(Op::DepthToSpace(2));
    b.add(x, up);
    b.conv(12, 3, Activation::Linear);
    let out = b.then(Op::DepthToSpace(2));
    b.add(0, out);
    nets.push(b.finish("residual", k, 1, 4));
    // Pools with odd sides, strides, unpadded and large kernels, repeated pixels.
    let mut b = Builder::new(Size::new(11, 13, 1));
    b.then(conv(8, 3, 1, true, relu));
    b.then(Op::MaxPool);
    let k = b.then(conv(6, 5, 1, true, Activation::Tanh));
    b.then(Op::MaxPool);
    b.then(Op::Upsample(3));
    b.then(conv(5, 3, 2, true, Activation::Sigmoid));
    b.then(conv(3, 3, 1, false, relu));
    b.then(Op::Upsample(2));
    b.then(conv(1, 3, 1, true, Activation::Linear));
    nets.push(b.finish("pools", k, 1, 1));
    // One tensor with many readers, a pool and a repetition among them.
    let mut b = Builder::new(Size::new(8, 8, 2));
    let a = b.conv(8, 3, relu);
    let pooled = b.then(Op::MaxPool);
    let up = b.then(Op::Upsample(2));
    let c = b.after(a, conv(8, 3, 1, true, relu));
    let d = b.add(a, up);
    let e = b.add(c, d);
    let deep = b.after(pooled, Op::DepthToSpace(2));
    let wide = b.after(deep, conv(8, 1, 1, true, Activation::Linear));
    b.add(e, wide);
    b.conv(2, 3, Activation::Linear);
    nets.push(b.finish("readers", a, 1, 2));
    // Products, of a tensor with what was made of it and with itself.
    let mut b = Builder::new(Size::new(6, 10, 3));
    let a = b.conv(8, 3, relu);
    let weights = b.conv(8, 1, Activation::Sigmoid);
    let gated = b.multiply(a, weights);
    let square = b.multiply(gated, gated);
    b.add(a, square);
    b.conv(3, 3, Activation::Linear);
    nets.push(b.finish("gates", a, 1, 1));
    // A dense bottleneck.
    let mut b = Builder::new(Size::new(8, 8, 1));
    b.then(Op::SpaceToDepth(2));
    b.conv(9, 3, relu);
    b.dense(20, Activation::LeakyRelu);
    let k = b.dense(3, Activation::Linear);
    b.dense(32, relu);
    b.then(Op::Unflatten(Size::new(4, 4, 2)));
    b.conv(4, 3, Activation::Linear);
    b.then(Op::DepthToSpace(2));
    nets.push(b.finish("dense", k, 1, 8));
    // A single pixel in the middle is a picture all the same.
    let mut b = Builder::new(Size::new(4, 4, 3));
    b.then(Op::SpaceToDepth(2));
    let x = b.conv(8, 3, relu);
    b.then(Op::SpaceToDepth(2));
    let k = b.conv(6, 1, relu);
    b.conv(6, 3, relu);
    b.conv(32, 1, Activation::Linear);
    let up = b.then(Op::DepthToSpace(2));
    b.add(x, up);
    b.conv(12, 3, Activation::Linear);
    b.then(Op::DepthToSpace(2));
    nets.push(b.finish("pixel", k, 1, 4));
    let mut b = Builder::new(Size::new(1, 1, 7));
    b.dense(10, Activation::Tanh);
    let k = b.dense(2, Activation::Linear);
    b.dense(10, Activation::Sigmoid);
    b.dense(7, Activation::Linear);
    nets.push(b.finish("vectors", k, 1, 1));
    nets
}

fn random(rng: &mut Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.uniform(0.0, 1.0) as f32).collect()
}

struct Case {
    net: Net,
    parameters: Vec<f32>,
    pairs: Vec<Pair>,
}

fn cases(batch: usize) -> Vec<Case> {
    nets()
        .into_iter()
        .map(|net| {
            let mut rng = Rng::new(5);
            let mut parameters = net.init(1);
            // Biases that aren't 0 and skips that count.
            parameters.iter_mut().for_each(|p| *p += 0.1 * rng.normal());
            let outputs = net.sizes().unwrap()[net.output()].len();
            let pairs = (0..batch)
                .map(|_| Pair { input: random(&mut rng, net.input.len()), target: random(&mut rng, outputs) })
                .collect();
            Case { net, parameters, pairs }
        })
        .collect()
}

fn doubles(v: &[f32]) -> Vec<f64> {
    v.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn forward_is_that_of_plain_loops() {
    for case in cases(21) {
        let net = &case.net;
        let mut stepper = Stepper::new(net, net.input, 32, None).unwrap();
        let all = |_, value: &dyn Fn(usize) -> Vec<f32>| (0..net.nodes.len()).map(value).collect::<Vec<_>>();
        let pair = |i: usize| case.pairs[i].clone();
        let found = stepper.evaluate(&case.parameters, case.pairs.len(), &AtomicBool::new(false), pair, all);
        let found = found.unwrap();
        for (pair, found) in case.pairs.iter().zip(found) {
            let expected = reference::forward(net, &doubles(&case.parameters), &doubles(&pair.input));
            for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_eq!(found.len(), expected.len());
                for (f, e) in found.iter().zip(expected) {
                    assert!(
                        (f64::from(*f) - e).abs() < 2e-5 * (1.0 + e.abs()),
                        "{} layer {id}: {f} {e}",
                        net.name
                    );
                }
            }
        }
    }
}

fn loss(case: &Case, kind: Loss, parameters: &[f64]) -> f64 {
    let mut sum = 0.0;
    for pair in &case.pairs {
        let output = reference::forward(&case.net, parameters, &doubles(&pair.input)).pop().unwrap();
        let differences = output.iter().zip(&pair.target).map(|(o, t)| o - f64::from(*t));
        let mean = |f: fn(f64) -> f64| differences.map(f).sum::<f64>() / output.len() as f64;
        sum += match kind {
            Loss::Mse => mean(|d| d * d),
            Loss::L1 => mean(f64::abs),
            Loss::Charbonnier => mean(|d| (d * d + 1e-6).sqrt()),
            Loss::Psnr => (1.0 + mean(|d| d * d) / 1e-5).ln(),
        };
    }
    sum / case.pairs.len() as f64
}

/// Largest difference of `gradient` from finite differences, over some parameters of every layer, relative to the
/// layer's largest.
fn error(case: &Case, loss: impl Fn(&[f64]) -> f64, gradient: &[f32]) -> f64 {
    let exact = doubles(&case.parameters);
    let mut rng = Rng::new(9);
    let mut worst = 0.0f64;
    for place in case.net.places().into_iter().flatten() {
        let all = place.weights.start..place.bias.end;
        let largest = gradient[all.clone()].iter().fold(0.0f32, |m, g| m.max(g.abs()));
        let some: Vec<usize> = (0..8)
            .map(|_| all.start + rng.index(all.len()))
            .chain([place.weights.start, place.weights.end - 1, place.bias.start, place.bias.end - 1])
            .collect();
        for at in some {
            let moved = |by: f64| {
                let mut p = exact.clone();
                p[at] += by;
                loss(&p)
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            worst = worst.max((f64::from(gradient[at]) - slope).abs() / f64::from(largest.max(1e-6)));
        }
    }
    worst
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for kind in [Loss::Mse, Loss::Charbonnier, Loss::Psnr] {
        for case in cases(10) {
            // Two to a part.
            let mut stepper = Stepper::new(&case.net, case.net.input, 10, None).unwrap();
            let mut gradient = vec![f32::NAN; case.parameters.len()];
            let found =
                stepper.gradient(&case.parameters, kind, 0, |i| case.pairs[i].clone(), &[], &mut gradient);
            let expected = loss(&case, kind, &doubles(&case.parameters));
            assert!((found - expected).abs() < 1e-5 * expected, "{}: {found} {expected}", case.net.name);
            let worst = error(&case, |p| loss(&case, kind, p), &gradient);
            assert!(worst < 1e-3, "{} {kind:?}: {worst}", case.net.name);
            // The check itself: a hundredth off shows.
            gradient.iter_mut().for_each(|g| *g *= 1.01);
            assert!(error(&case, |p| loss(&case, kind, p), &gradient) > 1e-3);
        }
    }
}

const AGREEMENT: Agreement = Agreement { weight: 3.0, temperature: 0.5, crop: 0.2 };

/// What [`AGREEMENT`] adds to the loss, where pairs 2i and 2i + 1 are views of one picture.
fn disagreement(case: &Case, parameters: &[f64]) -> f64 {
    let code = |pair: &Pair| {
        let code =
            reference::forward(&case.net, parameters, &doubles(&pair.input)).swap_remove(case.net.bottleneck);
        let length = code.iter().map(|v| v * v).sum::<f64>().sqrt();
        code.into_iter().map(|v| v / length).collect::<Vec<f64>>()
    };
    let codes: Vec<Vec<f64>> = case.pairs.iter().map(code).collect();
    let nearness = |a: usize, b: usize| {
        let cosine = codes[a].iter().zip(&codes[b]).map(|(x, y)| x * y).sum::<f64>();
        (cosine / AGREEMENT.temperature).exp()
    };
    let loss = |view: usize| {
        let others = (0..codes.len()).filter(|other| *other != view);
        -(nearness(view, view ^ 1) / others.map(|other| nearness(view, other)).sum::<f64>()).ln()
    };
    AGREEMENT.weight * (0..codes.len()).map(loss).sum::<f64>() / codes.len() as f64
}

#[test]
fn gradients_of_agreeing_views_are_those_of_finite_differences() {
    for case in cases(10) {
        // Both views of a picture to a part.
        let mut stepper = Stepper::new(&case.net, case.net.input, 5, Some(AGREEMENT)).unwrap();
        assert_eq!((stepper.batch(), stepper.views()), (5, 2));
        let mut gradient = vec![f32::NAN; case.parameters.len()];
        let pair = |i: usize| case.pairs[i].clone();
        let found = stepper.gradient(&case.parameters, Loss::Mse, 0, pair, &[], &mut gradient);
        let whole = |p: &[f64]| loss(&case, Loss::Mse, p) + disagreement(&case, p);
        let expected = whole(&doubles(&case.parameters));
        assert!((found - expected).abs() < 1e-5 * expected, "{}: {found} {expected}", case.net.name);
        let worst = error(&case, whole, &gradient);
        assert!(worst < 1e-3, "{}: {worst}", case.net.name);
        // The output alone gives other gradients.
        let alone = error(&case, |p| loss(&case, Loss::Mse, p), &gradient);
        assert!(alone > 3e-3, "{}: {alone}", case.net.name);
    }
}

#[test]
fn threads_change_no_bit() {
    for agreement in [None, Some(AGREEMENT)] {
        threads_change_nothing(agreement);
    }
}

fn threads_change_nothing(agreement: Option<Agreement>) {
    let case = cases(32).swap_remove(0);
    let batch = if agreement.is_some() { 16 } else { 32 };
    let gradient = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut stepper = Stepper::new(&case.net, case.net.input, batch, agreement).unwrap();
        let mut gradient = vec![0.0; case.parameters.len()];
        let loss = pool.install(|| {
            stepper.gradient(&case.parameters, Loss::L1, 7, |i| case.pairs[i].clone(), &[], &mut gradient)
        });
        (loss, gradient)
    };
    let one = gradient(1);
    assert!(one == gradient(2) && one == gradient(5));
}

#[test]
fn dropout_drops_its_share_while_training_only_and_its_gradient_follows() {
    let mut b = Builder::new(Size::new(4, 4, 8));
    b.conv(8, 1, Activation::Linear);
    b.then(Op::Dropout(0.25));
    let net = b.finish("dropout", 1, 1, 1);
    // The identity.
    let mut parameters = vec![0.0; net.parameters()];
    (0..8).for_each(|c| parameters[c * 8 + c] = 1.0);
    let mut stepper = Stepper::new(&net, net.input, 16, None).unwrap();
    let pair = |_| Pair { input: vec![1.0; 128], target: vec![0.0; 128] };
    let mut evaluated =
        |stop| stepper.evaluate(&parameters, 1, &AtomicBool::new(stop), pair, |_, value| value(2));
    assert_eq!(evaluated(false), Some(vec![vec![1.0; 128]]));
    assert_eq!(evaluated(true), None);
    let mut gradient = vec![0.0; parameters.len()];
    let loss = stepper.gradient(&parameters, Loss::Mse, 3, pair, &[], &mut gradient);
    // Three quarters of the numbers are 4/3, the others 0; the mean square is 4/3 too.
    let share = loss * 9.0 / 16.0;
    assert!((share - 0.75).abs() < 0.05, "{share}");
    // d loss / d bias = sum over what was kept of 2 * 4/3 * 4/3 / count.
    let bias: f32 = gradient[64..].iter().sum();
    assert!((f64::from(bias) - 2.0 * loss).abs() < 1e-4, "{bias} {loss}");
    let mut again = vec![0.0; parameters.len()];
    assert_eq!(stepper.gradient(&parameters, Loss::Mse, 3, pair, &[], &mut again), loss);
    assert_ne!(stepper.gradient(&parameters, Loss::Mse, 4, pair, &[], &mut again), loss);
}
