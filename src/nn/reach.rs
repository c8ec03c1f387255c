//! How far each number of a network reaches back into its input, along one axis of the picture.
//!
//! Instead of pixel values, positions flow through the simplified graph: each element carries the
//! smallest position that it depends on (`+inf`: none). Operators that move data move positions,
//! operators that combine elements take their minimum. With negated positions the same walk gives
//! the largest position. So any spelling of a network is understood, exactly, and what isn't
//! understood counts as depending on everything.

use std::collections::HashMap;
use tract_onnx::prelude::tract_ndarray::{ArrayD, Axis as NdAxis, Zip};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{AxisOp, InOut, IntoShape};
use tract_onnx::tract_core::ops::array::{
    Gather, MultiBroadcastTo, Pad, PadMode, Slice, StridedSlice, Tile, TypedConcat,
};
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::nn::resize::{NearestUpsample, Resize};
use tract_onnx::tract_core::ops::nn::{RmsNorm, Softmax};

/// Positions, one for each element of a tensor.
type Positions = ArrayD<f32>;
/// For each output index of an axis, the input indices that it reads.
type Taps = Vec<Vec<usize>>;

/// Of the picture's length, the part that one operator mixes when it is taken to mix everything.
const EVERYTHING: f32 = 0.75;

/// Smallest position along input axis `axis` that each output element depends on, times `sign`. Planes from `levels`
/// on along the channels' axis are no part of the picture: nothing depends on their positions.
///
/// # Errors
/// When an operator mixes the whole picture, or is not understood.
pub(super) fn nearest(
    model: &TypedModel,
    axis: usize,
    sign: f32,
    (channels, levels): (usize, usize),
) -> TractResult<Positions> {
    let order = model.eval_order()?;
    let mut uses: HashMap<OutletId, usize> = HashMap::new();
    for &id in &order {
        for input in &model.node(id).inputs {
            *uses.entry(*input).or_default() += 1;
        }
    }
    let result = *model.outputs.first().ok_or_else(|| TractError::msg("no output"))?;
    *uses.entry(result).or_default() += 1;
    let mut values: HashMap<OutletId, Positions> = HashMap::new();
    let mut length = f32::INFINITY;
    for id in order {
        let node = model.node(id);
        if model.inputs.iter().any(|i| i.node == id) {
            let shape = concrete(&node.outputs[0].fact)?;
            length = shape.get(axis).copied().unwrap_or(0) as f32;
            let source = ArrayD::from_shape_fn(shape, |ix| match ix[channels] < levels {
                true => sign * ix[axis] as f32,
                false => f32::INFINITY,
            });
            values.insert(OutletId::new(id, 0), source);
            continue;
        }
        if node.inputs.iter().any(|i| values.contains_key(i)) {
            let inputs: Vec<Option<&Positions>> = node.inputs.iter().map(|i| values.get(i)).collect();
            let outputs = (0..node.outputs.len())
                .map(|slot| transfer(model, node, slot, &inputs, EVERYTHING * length))
                .collect::<TractResult<Vec<_>>>()?;
            values.extend(outputs.into_iter().enumerate().map(|(slot, v)| (OutletId::new(id, slot), v)));
        }
        for input in &node.inputs {
            if let Some(left) = uses.get_mut(input) {
                *left -= 1;
                if *left == 0 {
                    values.remove(input);
                }
            }
        }
    }
    values.remove(&result).ok_or_else(|| TractError::msg("the output does not depend on the input"))
}

fn concrete(fact: &TypedFact) -> TractResult<Vec<usize>> {
    fact.shape.as_concrete().map(<[usize]>::to_vec).ok_or_else(|| TractError::msg("a size is not fixed"))
}

/// One operator.
fn transfer(
    model: &TypedModel,
    node: &TypedNode,
    slot: usize,
    inputs: &[Option<&Positions>],
    most: f32,
) -> TractResult<Positions> {
    let shape = concrete(&node.outputs[slot].fact)?;
    let only_first = inputs.iter().skip(1).all(Option::is_none);
    if let (Some(Some(x)), true) = (inputs.first(), only_first) {
        if let Some(conv) = node.op_as::<Conv>() {
            return window(&conv.pool_spec, x, &forward_taps(&conv.pool_spec, x.shape())?, true, &shape);
        }
        if let Some(deconv) = node.op_as::<Deconv>() {
            return window(&deconv.pool_spec, x, &backward_taps(deconv, x.shape())?, true, &shape);
        }
        let pool = node.op_as::<MaxPool>().map(|p| &p.pool_spec);
        if let Some(spec) = pool.or(node.op_as::<SumPool>().map(|p| &p.pool_spec)) {
            return window(spec, x, &forward_taps(spec, x.shape())?, false, &shape);
        }
        if let Some(pad) = node.op_as::<Pad>() {
            return Ok(pad_positions(pad, x));
        }
        if let Some(resize) = node.op_as::<Resize>().filter(|_| x.ndim() == shape.len()) {
            return Ok(resampled(resize, x, &shape));
        }
        if node.op.name() == "Resize" && x.ndim() == shape.len() {
            return Ok(resized(x, &shape));
        }
    }
    if let Some(moved) = moved(model, node, slot, inputs)? {
        return Ok(moved);
    }
    // These mix along some axes, though their axes mapping says that they keep all apart.
    let mixed = node.op_as::<Softmax>().map(|s| s.axes.as_slice());
    let mixed = mixed.or(node.op_as::<RmsNorm>().map(|r| std::slice::from_ref(&r.axis)));
    if let (Some(axes), Some(Some(x))) = (mixed, inputs.first()) {
        let x = axes.iter().try_fold((*x).clone(), |x, axis| mix_some(&x, *axis, most))?;
        return linked(model, node, slot, &[Some(&x)], &shape, most);
    }
    linked(model, node, slot, inputs, &shape, most)
}

/// Minimum over the taps of each output index along `axis`.
fn mix(x: &Positions, axis: usize, taps: &[Vec<usize>]) -> Positions {
    let mut shape = x.shape().to_vec();
    shape[axis] = taps.len();
    let mut out = ArrayD::from_elem(shape, f32::INFINITY);
    for (mut to, reads) in out.axis_iter_mut(NdAxis(axis)).zip(taps) {
        for &i in reads {
            to.zip_mut_with(&x.index_axis(NdAxis(axis), i), |a, b| *a = a.min(*b));
        }
    }
    out
}

/// Minimum over a whole axis, which keeps length 1.
fn mix_all(x: &Positions, axis: usize) -> Positions {
    mix(x, axis, &[(0..x.shape()[axis]).collect()])
}

/// As [`mix_all`]; an error where that takes positions together that lie `most` apart or more.
fn mix_some(x: &Positions, axis: usize, most: f32) -> TractResult<Positions> {
    let low = mix_all(x, axis);
    let mut high = ArrayD::from_elem(low.shape(), f32::NEG_INFINITY);
    for lane in x.axis_chunks_iter(NdAxis(axis), 1) {
        Zip::from(&mut high).and(&lane).for_each(|h, v| {
            if v.is_finite() {
                *h = h.max(*v);
            }
        });
    }
    if Zip::from(&low).and(&high).any(|low, high| high - low >= most) {
        return Err(TractError::msg("an operator mixes the whole picture"));
    }
    Ok(low)
}

fn broadcast(x: &Positions, shape: &[usize]) -> TractResult<Positions> {
    let wide = x.broadcast(shape).ok_or_else(|| TractError::msg("shapes do not match"))?;
    Ok(wide.to_owned())
}

/// A convolution or pooling window.
fn window(
    spec: &PoolSpec,
    x: &Positions,
    taps: &[Taps],
    channels: bool,
    shape: &[usize],
) -> TractResult<Positions> {
    let format = spec.data_format.shape(x.shape())?;
    // Channels first: one channel is quicker to slide over than many.
    let mut x = if channels { mix_all(x, format.c_axis()) } else { x.clone() };
    for (ix, taps) in taps.iter().enumerate() {
        x = mix(&x, format.h_axis() + ix, taps);
    }
    broadcast(&x, shape)
}

fn forward_taps(spec: &PoolSpec, shape: &[usize]) -> TractResult<Vec<Taps>> {
    let format = spec.data_format.shape(shape)?;
    let dims = spec.computed_padding(format.hw_dims());
    let taps = dims.iter().zip(format.hw_dims()).enumerate().map(|(ix, (dim, &len))| {
        let (kernel, stride, dilation) = (spec.kernel_shape[ix], spec.stride(ix), spec.dilation(ix));
        let reads = |o: usize| -> Vec<usize> {
            let positions =
                (0..kernel).filter_map(|k| (o * stride + k * dilation).checked_sub(dim.pad_before));
            positions.filter(|i| *i < len).collect()
        };
        (0..dim.convoluted).map(reads).collect()
    });
    Ok(taps.collect())
}

fn backward_taps(op: &Deconv, shape: &[usize]) -> TractResult<Vec<Taps>> {
    let spec = &op.pool_spec;
    let format = spec.data_format.shape(shape)?;
    let dims = spec.padding.compute_for_deconv(
        format.hw_dims(),
        &spec.kernel_shape,
        &spec.dilations(),
        &spec.strides(),
        &op.adjustments,
    )?;
    let taps = dims.iter().zip(format.hw_dims()).enumerate().map(|(ix, (dim, &len))| {
        let (kernel, stride, dilation) = (spec.kernel_shape[ix], spec.stride(ix), spec.dilation(ix));
        let mut taps = vec![vec![]; dim.deconvoluted];
        for i in 0..len {
            for k in 0..kernel {
                let o = (i * stride + k * dilation).checked_sub(dim.pad_before);
                if let Some(reads) = o.and_then(|o| taps.get_mut(o)) {
                    reads.push(i);
                }
            }
        }
        taps
    });
    Ok(taps.collect())
}

fn pad_positions(pad: &Pad, x: &Positions) -> Positions {
    let mut x = x.clone();
    for (axis, &(before, after)) in pad.pads.iter().enumerate().filter(|(_, p)| **p != (0, 0)) {
        let len = x.shape()[axis];
        let source = |o: usize| {
            let i = o as isize - before as isize;
            let last = len as isize - 1;
            match pad.mode {
                _ if (0..=last).contains(&i) => Some(i as usize),
                PadMode::Constant(_) => None,
                PadMode::Edge => Some(i.clamp(0, last) as usize),
                PadMode::Reflect => Some(if i < 0 { -i } else { 2 * last - i }.clamp(0, last) as usize),
            }
        };
        let taps: Taps = (0..before + len + after).map(|o| source(o).into_iter().collect()).collect();
        x = mix(&x, axis, &taps);
    }
    x
}

/// Interpolation whose kernel and coordinate rule are known.
fn resampled(op: &Resize, x: &Positions, shape: &[usize]) -> Positions {
    let mut x = x.clone();
    for (axis, &to) in shape.iter().enumerate() {
        let from = x.shape()[axis];
        if from == to || from == 0 {
            continue;
        }
        let plan = op.plan_axis(to as f32 / from as f32, from, to);
        let reads = |o: usize| -> Vec<usize> {
            let taps = o * plan.window..(o + 1) * plan.window;
            taps.filter(|t| plan.weights[*t] != 0.0).map(|t| plan.indices[t]).collect()
        };
        let taps: Taps = (0..to).map(|o| if plan.extrapolated[o] { vec![] } else { reads(o) }).collect();
        x = mix(&x, axis, &taps);
    }
    x
}

/// Other interpolation: whatever the kernel and the coordinate rule, an output reads no further than this.
fn resized(x: &Positions, shape: &[usize]) -> Positions {
    let mut x = x.clone();
    for (axis, &to) in shape.iter().enumerate() {
        let from = x.shape()[axis];
        if from == to || to == 0 {
            continue;
        }
        let ratio = from as f32 / to as f32;
        let support = 2.0 * ratio.max(1.0) + 1.0;
        let reads = |o: usize| {
            let centre = (o as f32 + 0.5) * ratio - 0.5;
            let first = (centre - support).floor().max(0.0) as usize;
            let last = ((centre + support).ceil().max(0.0) as usize).min(from - 1);
            (first..=last).collect()
        };
        let taps: Taps = (0..to).map(reads).collect();
        x = mix(&x, axis, &taps);
    }
    x
}

/// Operators that only move data are run on the positions themselves.
fn moved(
    model: &TypedModel,
    node: &TypedNode,
    slot: usize,
    inputs: &[Option<&Positions>],
) -> TractResult<Option<Positions>> {
    let concat = node.op_is::<TypedConcat>();
    let moves = concat
        || node.op_is::<AxisOp>()
        || node.op_is::<IntoShape>()
        || node.op_is::<Tile>()
        || node.op_is::<MultiBroadcastTo>()
        || node.op_is::<Slice>()
        || node.op_is::<StridedSlice>()
        || node.op_is::<Downsample>()
        || node.op_is::<Gather>()
        || node.op_is::<NearestUpsample>();
    if !moves {
        return Ok(None);
    }
    let mut arguments: TVec<TValue> = tvec!();
    for (input, outlet) in inputs.iter().zip(&node.inputs) {
        let fact = model.outlet_fact(*outlet)?;
        let tensor = match (input, &fact.konst) {
            (Some(x), _) => to_tensor(x)?,
            // A constant joined to the picture depends on nothing.
            (None, _) if concat => to_tensor(&ArrayD::from_elem(concrete(fact)?, f32::INFINITY))?,
            (None, Some(konst)) => konst.as_ref().clone(),
            (None, None) => return Ok(None),
        };
        arguments.push(tensor.into_tvalue());
    }
    if !concat && inputs.iter().skip(1).any(Option::is_some) {
        return Ok(None);
    }
    let Some(mut outputs) = node.op.eval_out_of_plan(arguments)? else { return Ok(None) };
    let out = outputs.swap_remove(slot);
    Ok(Some(out.to_plain_array_view::<f32>()?.to_owned()))
}

fn to_tensor(x: &Positions) -> TractResult<Tensor> {
    let data: Vec<f32> = x.iter().copied().collect();
    Tensor::from_shape(x.shape(), &data)
}

/// Any other operator, by the axes that it keeps apart; all others it is taken to mix.
fn linked(
    model: &TypedModel,
    node: &TypedNode,
    slot: usize,
    inputs: &[Option<&Positions>],
    shape: &[usize],
    most: f32,
) -> TractResult<Positions> {
    let (ins, outs) = model.node_facts(node.id)?;
    let mapping = node.op.axes_mapping(&ins, &outs)?;
    let mut result = ArrayD::from_elem(shape.to_vec(), f32::INFINITY);
    for (ix, x) in inputs.iter().enumerate().filter_map(|(ix, x)| Some((ix, (*x)?))) {
        let mut x = x.clone();
        // For each output axis, the input axis that runs along it.
        let mut along: Vec<Option<usize>> = vec![None; shape.len()];
        for axis in 0..x.ndim() {
            let link = mapping.axis((InOut::In(ix), axis)).ok();
            let link = link.filter(|a| a.inputs[ix].len() == 1 && a.outputs[slot].len() == 1);
            match link.and_then(|a| along.get_mut(a.outputs[slot][0])) {
                Some(out) => *out = Some(axis),
                None => x = mix_some(&x, axis, most)?,
            }
        }
        let kept: Vec<usize> = along.iter().flatten().copied().collect();
        let order: Vec<usize> =
            kept.iter().copied().chain((0..x.ndim()).filter(|a| !kept.contains(a))).collect();
        let dims: Vec<usize> = along.iter().map(|a| a.map_or(1, |a| x.shape()[a])).collect();
        let x = x.permuted_axes(order).as_standard_layout().into_owned();
        let x = x.into_shape_with_order(dims).map_err(|e| TractError::msg(e.to_string()))?;
        let x = broadcast(&x, shape)?;
        Zip::from(&mut result).and(&x).for_each(|a, b| *a = a.min(*b));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether outputs of `op` on a 2 x 5 x 6 picture all depend on every column, and on every row.
    fn mixes(op: impl Into<Box<dyn TypedOp>>) -> [bool; 2] {
        let mut model = TypedModel::default();
        let x = model.add_source("x", f32::fact([1, 2, 5, 6])).expect("a source");
        let y = model.wire_node("y", op, &[x]).expect("an operator");
        model.select_output_outlets(&y).expect("an output");
        [3, 2].map(|axis| nearest(&model, axis, 1.0, (1, 2)).is_err())
    }

    #[test]
    fn normalising_over_an_axis_mixes_it() {
        let softmax = |axes: &[usize]| Softmax { axes: axes.into(), ..Softmax::default() };
        assert_eq!(mixes(softmax(&[1])), [false, false]);
        assert_eq!(mixes(softmax(&[3])), [true, false]);
        assert_eq!(mixes(softmax(&[2, 3])), [true, true]);
        let rms = |axis| RmsNorm { axis, eps: rctensor0(1e-5f32) };
        assert_eq!(mixes(rms(1)), [false, false]);
        assert_eq!(mixes(rms(2)), [false, true]);
        assert_eq!(mixes(rms(3)), [true, false]);
    }
}
