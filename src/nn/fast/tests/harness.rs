//! Runs networks by our engines and by tract alone, and compares.

use super::super::{Engine, lift, rewrite};
use super::builder::{build, noise};
use crate::kernels::Level;
use tract_onnx::prelude::*;

/// Random inputs of these sizes.
pub(super) fn inputs(sizes: &[Vec<usize>]) -> Vec<Tensor> {
    let one = |(i, dims): (usize, &Vec<usize>)| {
        Tensor::from_shape(dims, &noise(dims.iter().product(), 100 + i as u64)).unwrap()
    };
    sizes.iter().enumerate().map(one).collect()
}

pub(super) fn floats(tensor: &Tensor) -> &[f32] {
    lift::floats(tensor).unwrap()
}

pub(super) fn run(model: TypedModel, inputs: &[Tensor]) -> Vec<Tensor> {
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let results = plan.run(inputs.iter().map(|t| t.clone().into_tvalue()).collect()).unwrap();
    results.into_iter().map(IntoTensor::into_tensor).collect()
}

/// Every way to run on this machine, with the tolerance.
pub(super) fn engines() -> impl Iterator<Item = (Engine, f32)> {
    let each =
        |level| [(true, 5e-6), (false, 2e-5)].map(|(exact, most)| (Engine::Fast { exact, level }, most));
    Level::available().into_iter().flat_map(each)
}

/// How many regions there are, and the operators outside them by name.
pub(super) fn parts(model: &TypedModel) -> String {
    let names = model.nodes().iter().map(|n| n.op.name().to_string());
    let mut left: Vec<String> = names.filter(|n| n != "Const" && n != "Source").collect();
    let all = left.len();
    left.retain(|n| n != "Kernels");
    left.sort();
    [(all - left.len()).to_string()].into_iter().chain(left).collect::<Vec<_>>().join(" ")
}

/// The largest difference, as a part of the range.
pub(super) fn difference(ours: &[Tensor], theirs: &[Tensor]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let one = |(a, b): (&Tensor, &Tensor)| {
        assert_eq!(a.shape(), b.shape());
        let (a, b) = (floats(a), floats(b));
        let (low, high) = b.iter().fold((0.0f32, 0.0f32), |(l, h), v| (l.min(*v), h.max(*v)));
        let worst =
            a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0f32, |m, d| if d <= m { m } else { d });
        if worst == 0.0 { 0.0 } else { worst / (high - low) }
    };
    ours.iter().zip(theirs).map(one).fold(0.0, |m, d| if d <= m { m } else { d })
}

/// Runs the network by every engine and by tract; tells what is wrong. Anything may be left where `?` is
/// expected.
pub(super) fn compare(text: &str, batch: usize, expected: &str, scale: f32) -> Result<(), String> {
    let (model, sizes) = build(text, batch, 1.0).map_err(|e| format!("{e:?}"))?;
    let inputs = inputs(&sizes);
    let theirs = run(model, &inputs);
    for (engine, most) in engines() {
        let model = rewrite(build(text, batch, scale).unwrap().0, engine, u64::MAX)
            .map_err(|e| format!("rewriting: {e:?}"))?;
        let parts = parts(&model);
        let worst = difference(&run(model, &inputs), &theirs);
        if worst.is_nan() || worst > most {
            return Err(format!("{engine:?} batch {batch}: differs by {worst:e} of the range ({parts})"));
        }
        if parts != expected && expected != "?" {
            return Err(format!("{engine:?} batch {batch}: {parts}, not {expected}"));
        }
    }
    Ok(())
}

/// Checks `regions and what is left | network`, one on each line; `x` is the input.
pub(super) fn check(size: &str, cases: &str) {
    let mut wrong = vec![];
    for line in cases.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (expected, text) = line.split_once('|').unwrap();
        for batch in [1, 3] {
            let text = format!("x = in {size};{text}");
            let ran = std::panic::catch_unwind(|| compare(&text, batch, expected.trim(), 1.0));
            if let Err(what) = ran.unwrap_or_else(|_| Err(format!("batch {batch} panics"))) {
                wrong.push(format!("{line}\n    {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
