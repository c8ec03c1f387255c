//! Which operators of tract's there are kernels for, and those that move or reduce.

use super::layout::{C, H, N, W};
use super::lift::{Lifter, On, Value, as_channels, usual};
use crate::kernels::{Binary, Border, Id, Op, PadMode, Pool, Reduce, Unary, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops;
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Pad, Slice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::resize::NearestUpsample;
use tract_onnx::tract_core::ops::nn::{Reducer, RmsNorm};

/// Numbers that are moved to lie side by side in order to become one.
const MOST_CHANNELS: usize = 1 << 16;

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
            self.slice(node, op)
        } else if let Some(op) = op.downcast_ref::<Pad>() {
            self.pad(node, op)
        } else if let Some(op) = op.downcast_ref::<Downsample>() {
            self.downsample(node, op)
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
        let (id, mut layout) = self.picture(node.inputs[0], None)?;
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
                    layout.reshape(*at, from.len(), &to)?;
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
        let on = self.place_of(id, &layout);
        let reduced: Vec<usize> = op.axes.iter().copied().filter(|a| dims[*a] != 1).collect();
        let exactly = |on: &On, places: &[usize]| {
            let all: Vec<usize> =
                places.iter().flat_map(|p| on[*p].iter().copied()).filter(|a| dims[*a] != 1).collect();
            !all.is_empty() && all.len() == reduced.len() && all.iter().all(|a| reduced.contains(a))
        };
        let space = exactly(&on, &[H, W]);
        if reduced.is_empty() {
            // Of one number.
            (f != Reduce::MeanOfSquares).then_some(())?;
            self.values.insert(node.id.into(), Value::Picture(id, layout));
            return Some(());
        }
        let on = if space || exactly(&on, &[C]) { on } else { as_channels(on, reduced) };
        let x = self.arrange(id, &layout, &on)?;
        // What is moved for it is better few.
        (self.graph.shape(x).c <= MOST_CHANNELS || x == id).then_some(())?;
        let op = if space { Op::ReduceSpace(f, x) } else { Op::ReduceChannels(f, x) };
        self.add(node.id.into(), op, &on)
    }

    fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> Option<()> {
        let epsilon = op.eps.cast_to_scalar::<f32>().ok()?;
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let mut on = self.place_of(id, &layout);
        if on[C] != [op.axis] {
            on = as_channels(on, vec![op.axis]);
        }
        let x = self.arrange(id, &layout, &on)?;
        let shape = self.graph.shape(x);
        let pixel = crate::kernels::Shape { c: 1, ..shape };
        let squares = self.graph.push(Op::ReduceChannels(Reduce::MeanOfSquares, x), pixel);
        let epsilon = self.add_constant(vec![epsilon]);
        let sum = self.graph.push(Op::Binary(Binary::Add, squares, epsilon), pixel);
        let scale = self.graph.push(Op::Unary(Unary::Rsqrt, sum), pixel);
        self.add(node.id.into(), Op::Binary(Binary::Mul, x, scale), &on)
    }

    fn concat(&mut self, node: &TypedNode, axis: usize) -> Option<()> {
        let mut on = None;
        for input in &node.inputs {
            let (id, layout) = self.picture(*input, None)?;
            if layout.simple(self.graph.shape(id)).is_some() {
                on = on.or_else(|| Some(self.place_of(id, &layout)));
            }
        }
        let dims = self.dims(node.id.into())?;
        let mut on = on.unwrap_or_else(|| usual(&dims));
        if !on.iter().flatten().any(|a| *a == axis) {
            // The axis had length 1 in the one that set the places.
            on[C].push(axis);
        }
        if on[C] != [axis] {
            on = as_channels(on, vec![axis]);
        }
        let parts: Vec<Id> = node.inputs.iter().map(|i| self.arranged(*i, &on)).collect::<Option<_>>()?;
        self.add(node.id.into(), Op::Concat(parts), &on)
    }

    fn slice(&mut self, node: &TypedNode, op: &Slice) -> Option<()> {
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let mut on = self.place_of(id, &layout);
        let start = op.start.to_usize().ok()?;
        if start == 0 && (on[H] == [op.axis] || on[W] == [op.axis]) {
            // The first rows or columns: a pool whose windows are pixels.
            let x = self.arrange(id, &layout, &on)?;
            let window = Window { kernel: (1, 1), stride: (1, 1), before: (0, 0) };
            return self.add(node.id.into(), Op::Pool(Pool::Max, window, x), &on);
        }
        if on[C] != [op.axis] {
            on = as_channels(on, vec![op.axis]);
        }
        let x = self.arrange(id, &layout, &on)?;
        self.add(node.id.into(), Op::Slice(x, start), &on)
    }

    fn pad(&mut self, node: &TypedNode, op: &Pad) -> Option<()> {
        let mode = match &op.mode {
            ops::array::PadMode::Constant(v) => PadMode::Constant(v.cast_to_scalar::<f32>().ok()?),
            ops::array::PadMode::Reflect => PadMode::Reflect,
            ops::array::PadMode::Edge => PadMode::Edge,
        };
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let dims = layout.dims();
        let mut on = self.place_of(id, &layout);
        let padded = |axis: usize| op.pads[axis] != (0, 0);
        if (0..dims.len()).any(|a| padded(a) && on[H] != [a] && on[W] != [a]) {
            on = usual(&dims);
        }
        let of = |place: usize| match on[place].as_slice() {
            [] => Some((0, 0)),
            [axis] => Some(op.pads[*axis]),
            _ => None,
        };
        let (rows, columns) = (of(H)?, of(W)?);
        let ours = [rows, columns].iter().filter(|p| **p != (0, 0)).count();
        ((0..dims.len()).filter(|a| padded(*a)).count() == ours).then_some(())?;
        // Reflection reaches no further than the picture.
        let reach = |p: (usize, usize), axes: &[usize]| axes.iter().all(|a| p.0.max(p.1) < dims[*a]);
        (mode != PadMode::Reflect || (reach(rows, &on[H]) && reach(columns, &on[W]))).then_some(())?;
        let x = self.arrange(id, &layout, &on)?;
        let border = Border { top: rows.0, left: columns.0, bottom: rows.1, right: columns.1 };
        self.add(node.id.into(), Op::Pad(x, border, mode), &on)
    }
}
