//! Which operators of tract's there are kernels for, and those that reduce or sample.

use super::layout::{C, H, Layout, N, W};
use super::lift::{Lifter, On, Value, as_channels, usual};
use crate::kernels::{Across, Beyond, Binary, Id, Op, Pool, Reduce, Sampling, Shape, Taps};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops;
use tract_onnx::tract_core::ops::array::{Gather, MultiBroadcastTo, Pad, ScatterNd, Slice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::resize::{NearestUpsample, Resize};
use tract_onnx::tract_core::ops::nn::{
    GridSample, InterpolationMode, PaddingMode, Reducer, RmsNorm, Softmax, SoftmaxKind,
};

/// Numbers that are moved to lie side by side in order to become one.
const MOST_CHANNELS: usize = 1 << 16;

/// Parts of the channels that are added up one after the other.
const MOST_PARTS: usize = 8;

impl Lifter<'_> {
    /// Takes the node in; none when there is no kernel for it.
    pub(super) fn lift(&mut self, node: &TypedNode) -> Option<()> {
        let op: &dyn TypedOp = node.op.as_ref();
        if let Some(op) = op.downcast_ref::<Conv>() {
            self.conv(node, op)
        } else if let Some(op) = op.downcast_ref::<Deconv>() {
            self.deconv(node, op)
        } else if let Some(op) = op.downcast_ref::<EinSum>() {
            self.einsum(node, op)
        } else if let Some(op) = op.downcast_ref::<TypedBinOp>() {
            self.binary(node, op)
        } else if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
            self.unary(node, op)
        } else if op.is::<Iff>() {
            self.slope(node)
        } else if let Some(op) = op.downcast_ref::<MaxPool>() {
            op.with_index_outputs.is_none().then_some(())?;
            self.pool(node, &op.pool_spec, Pool::Max)
        } else if let Some(op) = op.downcast_ref::<SumPool>() {
            let kind = match (op.normalize, op.count_include_pad) {
                (false, _) => Pool::Sum,
                (true, false) => Pool::Mean,
                (true, true) => Pool::MeanOfAll,
            };
            self.pool(node, &op.pool_spec, kind)
        } else if let Some(op) = op.downcast_ref::<ops::nn::Reduce>() {
            self.reduce(node, op)
        } else if let Some(op) = op.downcast_ref::<RmsNorm>() {
            self.rms_norm(node, op)
        } else if let Some(op) = op.downcast_ref::<TypedConcat>() {
            self.concat(node, op.axis)
        } else if let Some(op) = op.downcast_ref::<Slice>() {
            self.slice(node, op.axis, op.start.to_usize().ok()?, op.end.to_usize().ok()?)
        } else if let Some(op) = op.downcast_ref::<Pad>() {
            self.pad(node, op)
        } else if let Some(op) = op.downcast_ref::<Downsample>() {
            self.downsample(node, op)
        } else if let Some(op) = op.downcast_ref::<Softmax>() {
            (op.kind == SoftmaxKind::Softmax && op.quant_output_dt.is_none()).then_some(())?;
            self.across(node, Across::Softmax, &op.axes)
        } else if let Some(op) = op.downcast_ref::<Gather>() {
            self.gather(node, op)
        } else if let Some(op) = op.downcast_ref::<ScatterNd>() {
            self.scatter(node, op)
        } else if let Some(op) = op.downcast_ref::<GridSample>() {
            self.sample(node, op)
        } else if let Some(op) = op.downcast_ref::<Resize>() {
            self.resize(node, op)
        } else {
            self.axes(node)
        }
    }

    /// Operators that only change how axes lie.
    fn axes(&mut self, node: &TypedNode) -> Option<()> {
        let op: &dyn TypedOp = node.op.as_ref();
        if !(op.is::<AxisOp>()
            || op.is::<MultiBroadcastTo>()
            || op.is::<NearestUpsample>()
            || op.is::<ops::identity::Identity>())
        {
            return None;
        }
        let (mut id, mut layout) = self.picture(node.inputs[0], None)?;
        if let Some(op) = op.downcast_ref::<AxisOp>() {
            match op {
                AxisOp::Add(axis) => layout.0.insert(*axis, vec![]),
                AxisOp::Rm(axis) => drop(layout.0.remove(*axis)),
                AxisOp::Move(from, to) => {
                    let axis = layout.0.remove(*from);
                    layout.0.insert(*to, axis);
                }
                AxisOp::Reshape(at, from, to) => {
                    let to: Vec<usize> = to.iter().map(|d| d.to_usize().ok()).collect::<Option<_>>()?;
                    let mut even = layout.clone();
                    if even.reshape(*at, from.len(), &to).is_some() {
                        layout = even;
                    } else {
                        // Numbers move so that the axes become one, which can be cut anywhere.
                        let dims = layout.dims();
                        let joined = (*at..at + from.len()).filter(|a| dims[*a] != 1).collect();
                        let on = as_channels(self.natural(id, &layout), joined);
                        id = self.arrange(id, &layout, &on)?;
                        layout = Layout::of_shape(&dims, &on).0;
                        layout.reshape(*at, from.len(), &to)?;
                    }
                }
            }
        } else if let Some(op) = op.downcast_ref::<MultiBroadcastTo>() {
            let dims = op.shape.as_concrete()?;
            if dims.len() != layout.0.len() {
                return None;
            }
            for (axis, len) in layout.0.iter_mut().zip(dims) {
                if axis.is_empty() && *len != 1 {
                    axis.push((*len, N, 0));
                }
            }
        } else if let Some(op) = op.downcast_ref::<NearestUpsample>() {
            for (axis, scale) in layout.0.iter_mut().zip(&op.scales) {
                if *scale != 1 {
                    axis.push((*scale, N, 0));
                }
            }
        }
        (self.dims(node.id.into())? == layout.dims()).then_some(())?;
        self.values.insert(node.id.into(), Value::Picture(id, layout));
        Some(())
    }

    fn reduce(&mut self, node: &TypedNode, op: &ops::nn::Reduce) -> Option<()> {
        let f = match op.reducer {
            Reducer::Sum => Reduce::Sum,
            Reducer::Max => Reduce::Max,
            Reducer::Min => Reduce::Min,
            Reducer::MeanOfSquares => Reduce::MeanOfSquares,
            _ => return None,
        };
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let dims = layout.dims();
        let on = self.natural(id, &layout);
        let reduced: Vec<usize> = op.axes.iter().copied().filter(|a| dims[*a] != 1).collect();
        let exactly = |on: &On, places: &[usize]| {
            let all: Vec<usize> =
                places.iter().flat_map(|p| on[*p].iter().copied()).filter(|a| dims[*a] != 1).collect();
            !all.is_empty() && all.len() == reduced.len() && all.iter().all(|a| reduced.contains(a))
        };
        let space = exactly(&on, &[H, W]);
        let shape = self.graph.shape(id);
        if !reduced.is_empty() && layout.are_channels(&reduced, shape) {
            let mut layout = layout;
            reduced.iter().for_each(|a| layout.0[*a].clear());
            let one = Shape { c: 1, ..shape };
            return self.place(node.id.into(), Op::ReduceChannels(f, id), layout, one);
        }
        if reduced.is_empty() {
            // Of one number.
            (f != Reduce::MeanOfSquares).then_some(())?;
            self.values.insert(node.id.into(), Value::Picture(id, layout));
            return Some(());
        }
        if let Some(done) = self.reduce_parts(node, f, (id, &layout), &reduced) {
            return Some(done);
        }
        let on = if space || exactly(&on, &[C]) { on } else { as_channels(on, reduced) };
        let x = self.arrange(id, &layout, &on)?;
        // What is moved for it is better few.
        (self.graph.shape(x).c <= MOST_CHANNELS || x == id).then_some(())?;
        let op = if space { Op::ReduceSpace(f, x) } else { Op::ReduceChannels(f, x) };
        self.add(node.id.into(), op, &on)
    }

    /// Pictures that lie behind one another among the channels become one, their space as well if it is reduced: what
    /// branches that a network weighs against each other end in.
    fn reduce_parts(
        &mut self,
        node: &TypedNode,
        f: Reduce,
        (id, layout): (Id, &Layout),
        reduced: &[usize],
    ) -> Option<()> {
        let combine = match f {
            Reduce::Sum => Binary::Add,
            Reduce::Max => Binary::Max,
            Reduce::Min => Binary::Min,
            Reduce::Mean | Reduce::MeanOfSquares => return None,
        };
        let mut shape = self.graph.shape(id);
        let in_space = |a: &usize| layout.0[*a].iter().all(|atom| (atom.1 == H || atom.1 == W) && atom.2 > 0);
        let (space, parts): (Vec<usize>, Vec<usize>) = reduced.iter().copied().partition(in_space);
        let [axis] = *parts.as_slice() else { return None };
        let [(count, C, step)] = *layout.0[axis].as_slice() else { return None };
        (step > 1 && count * step == shape.c && count <= MOST_PARTS).then_some(())?;
        let mut x = id;
        if !space.is_empty() {
            let pixels: usize = space.iter().flat_map(|a| layout.0[*a].iter().map(|atom| atom.0)).product();
            (pixels == shape.h * shape.w).then_some(())?;
            (shape.h, shape.w) = (1, 1);
            x = self.graph.push(Op::ReduceSpace(f, id), shape);
        }
        shape.c = step;
        let mut total = self.graph.push(Op::Slice(x, 0), shape);
        for part in 1..count {
            let next = self.graph.push(Op::Slice(x, part * step), shape);
            total = self.graph.push(Op::Binary(combine, total, next), shape);
        }
        let mut layout = layout.clone();
        reduced.iter().for_each(|a| layout.0[*a].clear());
        let dims = self.dims(node.id.into())?;
        (layout.dims() == dims).then_some(())?;
        self.values.insert(node.id.into(), Value::Picture(total, layout));
        Some(())
    }

    /// A function of all that stands along some axes.
    fn across(&mut self, node: &TypedNode, f: Across, axes: &[usize]) -> Option<()> {
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let shape = self.graph.shape(id);
        if layout.are_channels(axes, shape) {
            return self.place(node.id.into(), Op::Across(f, id), layout, shape);
        }
        let on = as_channels(self.natural(id, &layout), axes.to_vec());
        let x = self.arrange(id, &layout, &on)?;
        (self.graph.shape(x).c <= MOST_CHANNELS).then_some(())?;
        self.add(node.id.into(), Op::Across(f, x), &on)
    }

    fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> Option<()> {
        let epsilon = op.eps.cast_to_scalar::<f32>().ok()?;
        self.across(node, Across::RootMeanSquare(epsilon), &[op.axis])
    }

    fn sample(&mut self, node: &TypedNode, op: &GridSample) -> Option<()> {
        let nearest = match op.mode {
            InterpolationMode::Bilinear => false,
            InterpolationMode::Nearest => true,
            InterpolationMode::Bicubic => return None,
        };
        let beyond = match op.padding_mode {
            PaddingMode::Zeros => Beyond::Zeros,
            PaddingMode::Border => Beyond::Edge,
            PaddingMode::Reflection => Beyond::Mirror,
        };
        (self.dims(node.inputs[0])?.len() == 4).then_some(())?;
        let on = [vec![0], vec![2], vec![3], vec![1]];
        let x = self.arranged(node.inputs[0], &on)?;
        let grid = self.arranged(node.inputs[1], &[vec![0], vec![1], vec![2], vec![3]])?;
        let how = Sampling { beyond, corners: op.align_corners, nearest };
        self.add(node.id.into(), Op::Sample(how, x, grid), &on)
    }

    /// Pictures enlarged or reduced by interpolation: rows, then columns.
    fn resize(&mut self, node: &TypedNode, op: &Resize) -> Option<()> {
        let (from, to) = (self.dims(node.inputs[0])?, self.dims(node.id.into())?);
        let scales = op.optional_scales_input.and_then(|i| node.inputs.get(i));
        let scales = scales.and_then(|s| self.constant(*s)).map(|s| s.0).filter(|s| s.len() == from.len());
        let scales =
            scales.unwrap_or_else(|| from.iter().zip(&to).map(|(i, o)| *o as f32 / *i as f32).collect());
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let changed: Vec<usize> =
            (0..from.len()).filter(|a| from[*a] != to[*a] || scales[*a] != 1.0).collect();
        let mut on = self.natural(id, &layout);
        if !changed.iter().all(|a| on[H] == [*a] || on[W] == [*a]) {
            on = usual(&from);
        }
        let mut x = self.arrange(id, &layout, &on)?;
        for axis in changed {
            let place = [H, W].into_iter().find(|p| on[*p] == [axis])?;
            let plan = op.plan_axis(scales[axis], from[axis], to[axis]);
            (!plan.extrapolated.contains(&true)).then_some(())?;
            let taps = Taps { window: plan.window, positions: plan.indices, weights: plan.weights };
            let mut shape = self.graph.shape(x);
            *(if place == H { &mut shape.h } else { &mut shape.w }) = to[axis];
            x = self.graph.push(Op::Resample(x, place, Arc::new(taps)), shape);
        }
        let (layout, shape) = Layout::of_shape(&to, &on);
        (layout.dims() == to && shape == self.graph.shape(x)).then_some(())?;
        self.values.insert(node.id.into(), Value::Picture(x, layout));
        Some(())
    }
}
