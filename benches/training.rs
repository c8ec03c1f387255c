//! Steps of training a second: the program that `tests/python/bench_training.py` times beside TensorFlow.
//!
//! `training CASE SECONDS` trains the case on two threads for that long after a short warm-up, and prints one line of
//! JSON. The data are in memory, as on the other side.

use safelight::random::Rng;
use safelight::train::net::{Activation, Builder, Net, Op, Size};
use safelight::train::networks::{Wanted, dense, noise_autoencoder};
use safelight::train::{Adam, Loss, Pair, Stepper};
use std::time::{Duration, Instant};

/// Threads of both sides.
const THREADS: usize = 2;
/// Warm-up.
const WARM: Duration = Duration::from_secs(1);

/// Nine convolutions of 48 channels at half resolution. TensorFlow's has a constant thirteenth channel in, which adds
/// a quarter of a percent to the multiplications and is a bias to the network.
fn plain_denoiser() -> (Net, usize) {
    let mut b = Builder::new(Size::new(64, 64, 3));
    b.then(Op::SpaceToDepth(2));
    for _ in 0..9 {
        b.conv(48, 3, Activation::Relu);
    }
    b.conv(12, 3, Activation::Linear);
    let correction = b.then(Op::DepthToSpace(2));
    b.add(0, correction);
    (b.finish("plain_denoiser", 5, 1, 2), 32)
}

fn embed64() -> (Net, usize) {
    let relu = Activation::Relu;
    let halved = |channels| Op::Conv { channels, kernel: 3, stride: 2, padded: true, activation: relu };
    let mut b = Builder::new(Size::new(64, 64, 3));
    b.then(Op::SpaceToDepth(2));
    b.conv(32, 3, relu);
    b.then(halved(64));
    b.then(halved(64));
    let bottleneck = b.dense(64, Activation::Linear);
    b.dense(4096, relu);
    b.then(Op::Unflatten(Size::new(8, 8, 64)));
    b.then(Op::Upsample(2));
    b.conv(64, 3, relu);
    b.then(Op::Upsample(2));
    b.conv(32, 3, relu);
    b.conv(12, 3, Activation::Linear);
    b.then(Op::DepthToSpace(2));
    (b.finish("embed64", bottleneck, 1, 64), 64)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [case, seconds] = &arguments[..] else {
        eprintln!("usage: training CASE SECONDS");
        std::process::exit(2);
    };
    let (net, batch) = match case.as_str() {
        "mnist_denoiser" => (noise_autoencoder(Wanted { channels: 1, side: 28 }), 256),
        "plain_denoiser" => plain_denoiser(),
        "embed64" => embed64(),
        "dense_blobs" => (dense(50, &[100, 50], 2, Activation::Relu), 128),
        other => {
            eprintln!("there is no case {other}");
            std::process::exit(2);
        }
    };
    let seconds = Duration::from_secs_f64(seconds.parse().expect("seconds are a number"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads start");
    println!("{}", pool.install(|| train(case, &net, batch, seconds)));
}

fn train(case: &str, net: &Net, batch: usize, seconds: Duration) -> serde_json::Value {
    let mut rng = Rng::new(1);
    let mut smooth = |len: usize| {
        let (from, step) = (rng.uniform(0.0, 0.5), rng.uniform(0.0, 0.5) / len as f64);
        let target: Vec<f32> = (0..len).map(|i| (from + step * i as f64) as f32).collect();
        let input = target.iter().map(|v| v + 0.1 * rng.normal()).collect();
        Pair { input, target }
    };
    let pairs: Vec<Pair> = (0..batch).map(|_| smooth(net.input.len())).collect();
    let mut stepper = Stepper::new(net, net.input, batch, None).expect("the network fits");
    assert_eq!(stepper.batch(), batch);
    let mut parameters = net.init(1);
    let mut gradient = vec![0.0; parameters.len()];
    let mut adam = Adam::new(parameters.len());
    let parts = [(0..parameters.len(), false)];
    let mut step = |n: u64| {
        let loss = stepper.gradient(&parameters, Loss::Mse, n, |i| pairs[i].clone(), &[], &mut gradient);
        adam.update(&mut parameters, &gradient, 1.0, 1e-3, 0.0, &parts);
        loss
    };
    let first = step(0);
    let (mut steps, mut last) = (1, first);
    let warm = Instant::now();
    while warm.elapsed() < WARM {
        last = step(steps);
        steps += 1;
    }
    let (start, before) = (Instant::now(), steps);
    while start.elapsed() < seconds {
        last = step(steps);
        steps += 1;
    }
    let rate = (steps - before) as f64 / start.elapsed().as_secs_f64();
    serde_json::json!({
        "case": case,
        "steps_per_second": rate,
        "loss_first": first,
        "loss_last": last,
        "peak_rss_mb": peak_rss_mb(),
    })
}

/// Most memory that the process had, as Linux tells.
fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|v| v.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
