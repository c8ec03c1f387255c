//! Mutations of models: of a file's bytes, or of what they mean.

use crate::onnx::{ModelProto, file, floats, int, ints, kernel, longs, net, node};
use crate::support::shared;
use prost::Message;
use std::fs;

/// A small network of each kind of operator that files come with.
pub fn bases() -> Vec<Vec<u8>> {
    let chain = vec![
        node("Conv", &["x", "k1"], "a", vec![ints("pads", &[1, 1, 1, 1]), ints("dilations", &[1, 1])]),
        node("Relu", &["a"], "b", vec![]),
        node("MaxPool", &["b"], "c", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]),
        node("ConvTranspose", &["c", "k2"], "d", vec![ints("strides", &[2, 2]), int("group", 1)]),
        node("Add", &["d", "b"], "e", vec![]),
        node("Conv", &["e", "k3"], "y", vec![ints("pads", &[1, 1, 1, 1])]),
    ];
    let kernels = [("k1", [4, 3, 3, 3]), ("k2", [4, 4, 2, 2]), ("k3", [3, 4, 3, 3])];
    let unet =
        file(net(&[1, 3, 0, 0], chain, kernels.map(|(n, d)| kernel(n, &d)).to_vec()), &[("scale", "1")]);
    let shapes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "i"], "g", vec![int("axis", 0)]),
        node("ConstantOfShape", &["g"], "z", vec![]),
        node("Pad", &["x", "p"], "w", vec![]),
        node("Slice", &["w", "b", "e", "ax"], "v", vec![]),
        node("Resize", &["v", "", "f"], "r", vec![]),
        node("Tile", &["r", "t"], "q", vec![]),
        node("Add", &["q", "z"], "y", vec![]),
    ];
    let constants = vec![
        longs("i", &[1]),
        longs("p", &[0, 0, 1, 1, 0, 0, 1, 1]),
        longs("b", &[1, 1]),
        longs("e", &[-1, -1]),
        longs("ax", &[2, 3]),
        floats("f", &[4], &[1.0, 1.0, 2.0, 2.0]),
        longs("t", &[1, 1, 1, 1]),
    ];
    let mut all = vec![unet, file(net(&[1, 3, 0, 0], shapes, constants), &[])];
    for name in ["pads_inside_crops", "bilinear_corners.legacy", "rgba4", "uint8_nhwc", "celu.legacy"] {
        all.extend(shared(&format!("models/zoo/{name}.onnx")).map(|path| fs::read(path).unwrap()));
    }
    all
}

/// Numbers that sizes and steps are set to.
const ODD: [i64; 14] =
    [0, -1, 1, 2, 3, 7, 64, 4001, 100_000, 1_000_000, 1 << 31, 1 << 33, i64::MAX, i64::MIN];

/// Changes a few numbers and names of a model that stays well formed.
fn alter(bytes: &[u8], next: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
    let mut model = ModelProto::decode(bytes).unwrap();
    let graph = model.graph.as_mut().unwrap();
    for _ in 0..1 + next(3) {
        let (at, other) = (next(graph.node.len()), next(graph.node.len()));
        let weights = next(graph.initializer.len());
        match next(8) {
            0 | 1 => {
                let attributes = &mut graph.node[at].attribute;
                let many = attributes.len();
                if let Some(attribute) = attributes.get_mut(next(many)) {
                    let number = ODD[next(ODD.len())];
                    attribute.i = number;
                    attribute.f = number as f32;
                    let ints = attribute.ints.len();
                    if ints > 0 {
                        let one = next(ints);
                        let all = next(2) == 0;
                        let change = attribute.ints.iter_mut().enumerate().filter(|(i, _)| all || *i == one);
                        change.for_each(|(_, value)| *value = number);
                    }
                }
            }
            2 => graph.node[at].op_type = OPERATORS[next(OPERATORS.len())].into(),
            3 => {
                let new = graph.node[other].output.first().cloned().unwrap_or_default();
                if let Some(input) = graph.node[at].input.first_mut() {
                    *input = new;
                }
            }
            4 => graph.node[at].attribute.clear(),
            5 | 6 if !graph.initializer.is_empty() => {
                let tensor = &mut graph.initializer[weights];
                let number = ODD[next(ODD.len())];
                if tensor.data_type == 7 && !tensor.raw_data.is_empty() {
                    let at = next(tensor.raw_data.len() / 8) * 8;
                    tensor.raw_data.splice(at..at + 8, number.to_le_bytes());
                } else {
                    tensor.dims.push(number);
                }
            }
            _ => graph.node.swap(at, other),
        }
    }
    model.encode_to_vec()
}

/// Operators that take the place of others.
const OPERATORS: [&str; 26] = [
    "Conv",
    "ConvTranspose",
    "AveragePool",
    "MaxPool",
    "GlobalAveragePool",
    "Relu",
    "Add",
    "MatMul",
    "Mul",
    "Shape",
    "Gather",
    "ConstantOfShape",
    "Range",
    "Expand",
    "Tile",
    "Resize",
    "Pad",
    "Slice",
    "Concat",
    "Reshape",
    "Softmax",
    "DepthToSpace",
    "EyeLike",
    "OneHot",
    "ReduceSum",
    "Transpose",
];

/// A mutation of a model: of its bytes, or of what they mean.
pub fn mutate(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    };
    if next(3) > 0 {
        return alter(bytes, &mut next);
    }
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + next(4) {
        let at = next(bytes.len());
        match next(7) {
            0 => bytes[at] ^= 1 << next(8),
            1 => bytes[at] = next(256) as u8,
            2 => bytes.truncate(at.max(1)),
            // A number of many bytes in place of one.
            3 => {
                let mut long: Vec<u8> = (0..1 + next(8)).map(|_| 0x80 | next(128) as u8).collect();
                long.push(next(128) as u8);
                bytes.splice(at..=at, long);
            }
            4 => {
                let part = bytes[at..(at + 1 + next(64)).min(bytes.len())].to_vec();
                let to = next(bytes.len());
                bytes.splice(to..to, part);
            }
            5 => drop(bytes.drain(at..(at + 1 + next(32)).min(bytes.len()))),
            _ => {
                let end = (at + 8).min(bytes.len());
                let odd =
                    [u64::MAX, 1 << 62, 1 << 31, 1 << 20, 0, 0x7f80_0000, 0xffff_ffff][next(7)].to_le_bytes();
                bytes[at..end].copy_from_slice(&odd[..end - at]);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}
