use super::super::tests_hostile::{Folder, model, node, tensor};
use super::super::{LoadOptions, Network, Range, RangeOrigin};
use std::path::Path;

fn floats(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor(name, 1, dims, &raw)
}

/// Differences of neighbours: nothing on slopes, much on noise.
fn edges(name: &str, gain: f32) -> Vec<u8> {
    floats(name, &[1, 1, 1, 3], &[-gain, 2.0 * gain, -gain])
}

/// A network that makes `r` of the differences `h` and adds it to the picture; the borders fall away.
fn residual(name: &str, gain: f32, rest: &[Vec<u8>], numbers: &[(&str, f32)]) -> Network {
    let mut nodes = vec![node("Conv", &["x", "edges"], "h")];
    nodes.extend_from_slice(rest);
    nodes.push(node("Pad", &["r", "pads"], "padded"));
    nodes.push(node("Add", &["x", "padded"], "y"));
    let pads: Vec<u8> = [0i64, 0, 0, 1, 0, 0, 0, 1].iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut tensors = vec![edges("edges", gain), tensor("pads", 7, &[8], &pads)];
    tensors.extend(numbers.iter().map(|(name, value)| floats(name, &[], &[*value])));
    Folder::new(&format!("range-{name}")).load(&model(&[1, 1, 32, 32], &nodes, &tensors)).expect("loads")
}

fn seen(network: &Network) -> (Range, RangeOrigin) {
    (network.info().range.clone(), network.info().range_origin)
}

#[test]
fn bounded_residuals_are_of_the_range_in_which_they_count() {
    for (number, bound) in [1.0f32, 0.3, 0.1].into_iter().enumerate() {
        for gain in [-0.5, -2.0, 4.0] {
            let tanh = [node("Tanh", &["h"], "t"), node("Mul", &["t", "bound"], "r")];
            let network = residual(&format!("tanh-{number}"), gain, &tanh, &[("bound", bound)]);
            assert_eq!(seen(&network).0, Range::Unit, "{bound} {gain}");
        }
        let clip = [node("Clip", &["h", "low", "high"], "r")];
        let network = residual(&format!("clip-{number}"), -1.0, &clip, &[("low", -bound), ("high", bound)]);
        assert_eq!(seen(&network).0, Range::Unit, "{bound}");
        // The same against the picture itself: at [0, 255] nothing is left of it, at [0, 1] it is a change of colour.
        let shift =
            [node("Tanh", &["h"], "t"), node("Add", &["t", "one"], "u"), node("Mul", &["u", "bound"], "r")];
        let network = residual(&format!("shift-{number}"), -1.0, &shift, &[("one", 1.0), ("bound", bound)]);
        let (range, origin) = seen(&network);
        let noted = network.info().notes.iter().any(|note| note.contains("is assumed"));
        assert!(range == Range::Unit && (origin == RangeOrigin::Inferred) != noted, "{bound}: {origin:?}");
    }
}

#[test]
fn what_lies_below_a_threshold_tells_nothing() {
    // Noise of less than two levels stays, more is lowered: h - clip(h, -2, 2), a quarter of it taken off.
    let shrink = [
        node("Clip", &["h", "low", "high"], "c"),
        node("Sub", &["h", "c"], "s"),
        node("Mul", &["s", "part"], "r"),
    ];
    let numbers = [("low", -2.0), ("high", 2.0), ("part", -0.25)];
    let network = residual("threshold", 1.0, &shrink, &numbers);
    assert_eq!(seen(&network), (Range::Byte, RangeOrigin::Inferred));
    // Without a threshold nothing tells, and [0, 1] is usual.
    let network = residual("linear", 1.0, &[node("Mul", &["h", "part"], "r")], &[("part", -0.25)]);
    assert_eq!(seen(&network), (Range::Unit, RangeOrigin::Assumed));
    // Nor does a network that does nothing.
    let network = residual("nothing", 1.0, &[node("Mul", &["h", "part"], "r")], &[("part", 0.0)]);
    assert_eq!(seen(&network), (Range::Unit, RangeOrigin::Assumed));
}

#[test]
fn a_published_kind_of_residual_is_of_the_unit_range() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cases/range-inference/tanh_res.onnx");
    if !path.exists() {
        println!("skipped: ../shared/data/cases is not there");
        return;
    }
    let network = Network::load(&path, &LoadOptions::default()).expect("loads");
    assert_eq!(seen(&network), (Range::Unit, RangeOrigin::Inferred));
}
