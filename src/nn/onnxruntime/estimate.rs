//! What a run by onnxruntime is taken to need. It does not tell beforehand, and what is measured would differ from run to run,
//! while the choice of tiles follows from it.

use crate::nn::proto;
use tract_onnx::pb::{GraphProto, ModelProto};

/// Graphs with more operators are not given to tract as well: it takes minutes over some of them.
const SHORT: usize = 1500;
/// Copies of its widest tensor that a network is taken to hold at once, where no more is known.
const HELD: usize = 6;
/// What onnxruntime's memory has beyond the tensors that are alive: parts that it keeps for the next one, in halves.
const SPARE: usize = 3;

/// Whether tract is to be asked about distances and sizes in it as well.
pub(in crate::nn) fn is_short(model: &ModelProto) -> bool {
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let attends = nodes.clone().any(|node| node.op_type == "Softmax");
    !attends && nodes.count() <= SHORT
}

/// Bytes that a run on `pixels` takes, and those that each session takes whatever the picture. `tensors` are the bytes
/// alive at once, where they are known.
pub(in crate::nn) fn memory(graph: &GraphProto, tensors: Option<usize>, pixels: usize) -> (usize, usize) {
    let guess = || 4 * HELD * widest(graph).saturating_mul(pixels);
    let run = tensors.unwrap_or_else(guess).saturating_mul(SPARE) / 2;
    // The weights, and once more as its kernels have them.
    let weights = usize::try_from(proto::parameters(graph).saturating_mul(8)).unwrap_or(usize::MAX);
    (run, weights)
}

/// The most channels that a convolution or a dense layer makes.
fn widest(graph: &GraphProto) -> usize {
    let sides = graph.initializer.iter().filter_map(|tensor| match *tensor.dims.as_slice() {
        [out, _, _, _] => Some(out),
        // Either way round.
        [a, b] => Some(a.min(b)),
        _ => None,
    });
    sides.filter_map(|side| usize::try_from(side).ok()).max().unwrap_or(64).max(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{NodeProto, TensorProto};

    #[test]
    fn what_is_not_known_follows_from_the_widest_layer() {
        let weights =
            |dims: &[i64]| TensorProto { dims: dims.to_vec(), data_type: 1, ..TensorProto::default() };
        let graph = GraphProto {
            initializer: vec![weights(&[96, 3, 3, 3]), weights(&[4096, 80]), weights(&[8000])],
            ..GraphProto::default()
        };
        let (run, weights) = memory(&graph, None, 10);
        assert_eq!(run, 4 * HELD * 96 * 10 * 3 / 2);
        assert_eq!(weights, 8 * (96 * 27 + 4096 * 80 + 8000));
        assert_eq!(memory(&graph, Some(100), 10).0, 150);
    }

    #[test]
    fn long_graphs_and_those_with_attention_are_not_looked_at_twice() {
        let of = |node: Vec<NodeProto>| {
            let graph = Some(GraphProto { node, ..GraphProto::default() });
            is_short(&ModelProto { graph, ..ModelProto::default() })
        };
        let node = |op: &str| NodeProto { op_type: op.into(), ..NodeProto::default() };
        assert!(of(vec![node("Conv")]));
        assert!(!of(vec![node("Conv"), node("Softmax")]));
        assert!(!of(vec![node("Conv"); SHORT + 1]));
    }
}
