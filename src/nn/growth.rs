//! Bounds on what a graph makes out of constants alone: the inference engine computes such parts while
//! it reads the file, before any size could be checked.

use super::limits::MAX_ELEMENTS;
use crate::memory::mib;
use std::collections::{BTreeSet, HashMap};
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

/// Most elements of a constant whose values are looked at.
const SHORT: usize = 16;
/// The limit on one tensor, and on all that is made of constants together.
const LIMIT: f64 = MAX_ELEMENTS as f64;

/// Constants that grow beyond reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Growth {
    /// Those of one operator.
    #[error("operator {0} makes a tensor of more than {LIMIT} elements")]
    Operator(String),
    /// Those of all operators together.
    #[error("its operators make more than {LIMIT} elements out of constants")]
    Graph,
}

/// Checks the operators that make large tensors out of small constants.
/// Sizes are lower bounds where the operator's input isn't constant.
pub(super) fn check(graph: &GraphProto) -> Result<(), Growth> {
    let values = short_constants(graph);
    // Elements of every tensor that is constant.
    let mut sizes: HashMap<&str, f64> = graph
        .initializer
        .iter()
        .map(|t| (t.name.as_str(), t.dims.iter().map(|d| *d as f64).product::<f64>()))
        .collect();
    let mut total = 0.0;
    for node in &graph.node {
        let inputs = || node.input.iter().filter(|n| !n.is_empty());
        let constant = inputs().all(|n| sizes.contains_key(n.as_str())) && subgraphs(node) == 0;
        let size = |slot: usize| node.input.get(slot).and_then(|n| sizes.get(n.as_str())).copied();
        let largest = inputs().filter_map(|n| sizes.get(n.as_str())).fold(0.0, |a: f64, b| a.max(*b));
        let made = made(node, &values, size(0).unwrap_or(1.0).max(1.0));
        // Also not a number, from a step of 0.
        if made.is_some_and(|n| n.is_nan() || n > LIMIT) {
            return Err(Growth::Operator(node.op_type.clone()));
        }
        if !constant {
            continue;
        }
        let made = match node.op_type.as_str() {
            "Constant" => constant_size(node),
            // Never more than it gets.
            "Reshape" => size(0).unwrap_or(0.0),
            _ => made.unwrap_or(0.0).max(largest),
        };
        if made > largest && node.op_type != "Constant" {
            total += made;
        }
        if total > LIMIT {
            return Err(Growth::Graph);
        }
        sizes.extend(node.output.iter().map(|o| (o.as_str(), made)));
    }
    Ok(())
}

/// Analyses `model` as the engine would, which computes what is constant at the input's size on the way: each time
/// the size is looked at first. All that is made of constants may take `memory` bytes.
pub(super) fn analyse(model: &mut InferenceModel, memory: u64) -> TractResult<()> {
    let mut waiting: BTreeSet<usize> = (0..model.nodes().len()).collect();
    let mut made: HashMap<usize, u64> = HashMap::new();
    let mut all = 0u64;
    while let Some(id) = waiting.pop_first() {
        if let Some(bytes) = folded(model, id) {
            all = all.saturating_sub(made.insert(id, bytes).unwrap_or(0)).saturating_add(bytes);
            if all > memory {
                return Err(TractError::msg(format!(
                    "operator {} makes a constant of {} MiB; all constants may take {} MiB",
                    model.node(id).op.name(),
                    mib(bytes),
                    mib(memory)
                )));
            }
        }
        // The same failure comes again, with its words, where the graph gets its types.
        let Ok(changed) = refine(model, id) else { return Ok(()) };
        for edge in changed {
            waiting.extend(model.node(edge.node).outputs[edge.slot].successors.iter().map(|s| s.node));
            waiting.insert(edge.node);
        }
        waiting.remove(&id);
    }
    Ok(())
}

/// Has one node tell what it knows of the tensors around it; those that changed.
fn refine(model: &mut InferenceModel, id: usize) -> TractResult<Vec<OutletId>> {
    let node = model.node(id);
    let observed = node.op.observe_outlets(model, node)?;
    let outputs = (0..node.outputs.len()).map(|slot| OutletId::new(id, slot));
    let places = [node.inputs.to_vec(), outputs.collect(), observed];
    let facts: Vec<TVec<InferenceFact>> = places
        .iter()
        .map(|places| places.iter().map(|place| model.outlet_fact(*place).cloned()).collect())
        .collect::<TractResult<_>>()?;
    let [inputs, outputs, observed] = [0, 1, 2].map(|kind: usize| facts[kind].iter().collect());
    let (inputs, outputs, observed) = model.node_mut(id).op.infer(inputs, outputs, observed)?;
    let mut changed = Vec::new();
    for (place, told) in places.iter().flatten().zip(inputs.iter().chain(&outputs).chain(&observed)) {
        let known = model.outlet_fact(*place)?;
        let unified = known.unify(told)?;
        if unified != *known {
            model.set_outlet_fact(*place, unified)?;
            changed.push(*place);
        }
    }
    Ok(changed)
}

/// Bytes that a node makes, if it is about to be computed because all that it reads is constant.
fn folded(model: &InferenceModel, id: usize) -> Option<u64> {
    let node = model.node(id);
    let (inputs, outputs) = model.node_facts(id).ok()?;
    let values: Vec<_> = inputs.iter().map(|fact| fact.value.concretize()).collect::<Option<_>>()?;
    let known = outputs.iter().all(|fact| fact.value.concretize().is_some());
    if values.is_empty() || known {
        return None;
    }
    if node.op.name() == "Range" {
        let numbers: Vec<f64> = values.iter().filter_map(|v| v.cast_to_scalar::<f64>().ok()).collect();
        let &[from, to, step] = numbers.as_slice() else { return None };
        // Saturates, also at steps of 0.
        return Some((((to - from) / step).abs() * 8.0) as u64);
    }
    let observed = node.op.observe_outlets(model, node).ok()?;
    let observed = observed.iter().map(|o| model.outlet_fact(*o).ok()).collect::<Option<TVec<_>>>()?;
    let (_, outputs, _) = node.op.clone().infer_facts(inputs, outputs, observed).ok()?;
    let bytes = |fact: &InferenceFact| {
        let item = fact.datum_type.concretize().map_or(8, |t| t.size_of());
        let dims = fact.shape.concretize()?;
        let dims: Option<Vec<u64>> = dims.iter().map(|d| d.to_usize().ok().map(|d| d as u64)).collect();
        Some(dims?.iter().fold(item as u64, |n, d| n.saturating_mul(*d)))
    };
    Some(outputs.iter().filter_map(bytes).fold(0, u64::saturating_add))
}

/// Elements that `node` makes of an input of `input` elements, where constants tell.
fn made(node: &NodeProto, values: &HashMap<&str, Vec<f64>>, input: f64) -> Option<f64> {
    let constant = |slot: usize| node.input.get(slot).and_then(|n| values.get(n.as_str())).cloned();
    let attribute = |name: &str| node.attribute.iter().find(|a| a.name == name).map(numbers);
    let product = |v: &[f64]| v.iter().map(|v| v.abs().max(1.0)).product::<f64>();
    let scales = |v: Vec<f64>| input * v.iter().map(|v| v.abs()).product::<f64>();
    match node.op_type.as_str() {
        "ConstantOfShape" => constant(0).map(|v| product(&v)),
        "Expand" | "Reshape" | "OneHot" => constant(1).map(|v| product(&v)),
        "Tile" => constant(1).map(|v| input * product(&v)),
        "Resize" => {
            constant(3).map(|v| product(&v)).or_else(|| constant(2).filter(|v| !v.is_empty()).map(scales))
        }
        "Pad" => constant(1).or_else(|| attribute("pads")).map(|pads| {
            let (before, after) = pads.split_at(pads.len() / 2);
            let longer = before.iter().zip(after).map(|(b, a)| 1.0 + b.max(0.0) + a.max(0.0));
            input.max(longer.product())
        }),
        "Range" => {
            let number = |slot: usize| constant(slot)?.first().copied();
            let (start, limit, delta) = (number(0)?, number(1)?, number(2)?);
            let steps = (limit - start) / delta;
            Some(if steps.is_finite() { steps.max(0.0) } else { f64::NAN })
        }
        _ => None,
    }
}

fn subgraphs(node: &NodeProto) -> usize {
    node.attribute.iter().map(|a| a.graphs.len() + usize::from(a.g.is_some())).sum()
}

/// Elements of the tensor that a `Constant` holds.
fn constant_size(node: &NodeProto) -> f64 {
    let tensor = node.attribute.iter().find_map(|a| a.t.as_ref());
    tensor.map_or(1.0, |t| t.dims.iter().map(|d| *d as f64).product())
}

/// Constants of up to `SHORT` elements, by name.
fn short_constants(graph: &GraphProto) -> HashMap<&str, Vec<f64>> {
    let initializers = graph.initializer.iter().filter_map(|t| Some((t.name.as_str(), values(t)?)));
    let constants = graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
        let attribute = n.attribute.first()?;
        let values = attribute.t.as_ref().map_or_else(|| Some(numbers(attribute)), values)?;
        Some((n.output.first()?.as_str(), values))
    });
    initializers.chain(constants).collect()
}

/// The numbers that an attribute lists; its single number when it lists none.
fn numbers(attribute: &AttributeProto) -> Vec<f64> {
    let lists =
        attribute.floats.iter().map(|v| f64::from(*v)).chain(attribute.ints.iter().map(|v| *v as f64));
    let listed: Vec<f64> = lists.take(SHORT).collect();
    match attribute.name.as_str() {
        "value_int" => vec![attribute.i as f64],
        "value_float" => vec![f64::from(attribute.f)],
        _ => listed,
    }
}

/// The values of a short tensor of numbers.
fn values(tensor: &TensorProto) -> Option<Vec<f64>> {
    let short = tensor.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
    short.filter(|n| *n <= SHORT)?;
    let raw = tensor.raw_data.as_slice();
    let mut values: Vec<f64> = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int64 => {
            let stored = raw.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b));
            stored.chain(tensor.int64_data.iter().copied()).map(|v| v as f64).collect()
        }
        DataType::Int32 => {
            let stored = raw.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b));
            stored.chain(tensor.int32_data.iter().copied()).map(f64::from).collect()
        }
        DataType::Float => {
            let stored = raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            stored.chain(tensor.float_data.iter().copied()).map(f64::from).collect()
        }
        DataType::Double => {
            let stored = raw.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b));
            stored.chain(tensor.double_data.iter().copied()).collect()
        }
        _ => return None,
    };
    values.truncate(SHORT);
    Some(values)
}
