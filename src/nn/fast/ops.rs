//! Each operator of tract's that there are kernels for.

use super::layout::{C, H, Layout, N, W};
use super::lift::{Lifter, On, Value, floats, usual};
use crate::kernels::{Binary, Border, ConvSpec, Graph, Id, Op, PadMode, Pool, Reduce, Unary, Window};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops;
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Pad, Slice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::resize::NearestUpsample;
use tract_onnx::tract_core::ops::nn::{LeakyRelu, Reducer, RmsNorm};

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

    /// Where a convolution's or pool's axes go, and which of its spatial axes are rows and columns; none
    /// when more than two of them matter.
    fn spatial(&self, spec: &PoolSpec, dims: &[usize]) -> Option<(On, Vec<usize>)> {
        let shape = spec.data_format.shape(dims.to_vec()).ok()?;
        let axes = shape.hw_axes();
        let real: Vec<usize> =
            (0..axes.len()).filter(|i| dims[axes.start + i] != 1 || spec.kernel_shape[*i] != 1).collect();
        let on_axis = |i: usize| vec![axes.start + i];
        let (rows, columns) = match real.as_slice() {
            [] => (vec![], vec![]),
            [w] => (vec![], on_axis(*w)),
            [h, w] => (on_axis(*h), on_axis(*w)),
            _ => return None,
        };
        let batch = shape.n_axis().map_or(vec![], |n| vec![n]);
        Some(([batch, rows, columns, vec![shape.c_axis()]], real))
    }

    fn conv(&mut self, node: &TypedNode, conv: &Conv) -> Option<()> {
        conv.q_params.is_none().then_some(())?;
        let spec = &conv.pool_spec;
        let dims = self.dims(node.inputs[0])?;
        let (on, real) = self.spatial(spec, &dims)?;
        let kernel = self.model.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
        let kernel = conv.kernel_fmt.kernel_as_group_o_i_hw(&kernel, conv.group).ok()?;
        let weights = floats(&kernel)?.to_vec();
        let lengths: Vec<usize> = spec.data_format.shape(dims).ok()?.hw_dims().to_vec();
        let padding = spec.computed_padding(&lengths);
        let pair = |f: &dyn Fn(usize) -> usize, default: usize| match real.as_slice() {
            [] => (default, default),
            [w] => (default, f(*w)),
            [h, w, ..] => (f(*h), f(*w)),
        };
        let before = pair(&|i| padding[i].pad_before, 0);
        let after = pair(&|i| padding[i].pad_after, 0);
        let spec = ConvSpec {
            channels: (spec.input_channels, spec.output_channels),
            kernel: pair(&|i| spec.kernel_shape[i], 1),
            stride: pair(&|i| spec.stride(i), 1),
            dilation: pair(&|i| spec.dilation(i), 1),
            pad: Border { top: before.0, left: before.1, bottom: after.0, right: after.1 },
            groups: conv.group,
            transposed: false,
            extra: (0, 0),
        };
        self.add_conv(node, spec, weights, &on)
    }

    fn deconv(&mut self, node: &TypedNode, conv: &Deconv) -> Option<()> {
        let pool = &conv.pool_spec;
        let dims = self.dims(node.inputs[0])?;
        let (on, real) = self.spatial(pool, &dims)?;
        let [h, w] = *real.as_slice() else { return None };
        let kernel = self.model.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
        let kernel = conv.kernel_format.kernel_as_group_o_i_hw(&kernel, conv.group).ok()?;
        let goihw = floats(&kernel)?;
        let (ic, oc) = (pool.input_channels / conv.group, pool.output_channels / conv.group);
        let taps = pool.kernel_shape.iter().product::<usize>();
        (goihw.len() == conv.group * ic * oc * taps).then_some(())?;
        let mut weights = Vec::with_capacity(goihw.len());
        for g in 0..conv.group {
            for i in 0..ic {
                for o in 0..oc {
                    weights.extend_from_slice(&goihw[((g * oc + o) * ic + i) * taps..][..taps]);
                }
            }
        }
        let lengths: Vec<usize> = pool.data_format.shape(dims).ok()?.hw_dims().to_vec();
        let padding = pool
            .padding
            .compute_for_deconv(
                &lengths,
                &pool.kernel_shape,
                &pool.dilations(),
                &pool.strides(),
                &conv.adjustments,
            )
            .ok()?;
        let extra = |i: usize| {
            let reach = pool.dilation(i) * (pool.kernel_shape[i] - 1) + 1;
            let full = (lengths[i] - 1) * pool.stride(i) + reach;
            (padding[i].deconvoluted + padding[i].pad_before + padding[i].pad_after).checked_sub(full)
        };
        let spec = ConvSpec {
            channels: (pool.input_channels, pool.output_channels),
            kernel: (pool.kernel_shape[h], pool.kernel_shape[w]),
            stride: (pool.stride(h), pool.stride(w)),
            dilation: (pool.dilation(h), pool.dilation(w)),
            pad: Border {
                top: padding[h].pad_before,
                left: padding[w].pad_before,
                bottom: padding[h].pad_after,
                right: padding[w].pad_after,
            },
            groups: conv.group,
            transposed: true,
            extra: (extra(h)?, extra(w)?),
        };
        self.add_conv(node, spec, weights, &on)
    }

    fn add_conv(&mut self, node: &TypedNode, spec: ConvSpec, weights: Vec<f32>, on: &On) -> Option<()> {
        let (bias, _) = self.constant(node.inputs[2])?;
        let bias = if bias.len() == 1 { vec![bias[0]; spec.channels.1] } else { bias };
        (bias.len() == spec.channels.1 && weights.len() == spec.weights()).then_some(())?;
        let x = self.arranged(node.inputs[0], on)?;
        let (_, expected) = Layout::of_shape(&self.dims(node.id.into())?, on);
        (spec.out_shape(self.graph.shape(x)) == expected).then_some(())?;
        let op = Op::Conv { x, spec, weights: Arc::new(weights), bias: Some(Arc::new(bias)) };
        self.add(node.id.into(), op, on)
    }

    /// A product with a constant matrix: a 1x1 convolution, or a dense layer.
    fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> Option<()> {
        (op.q_params.is_none() && node.inputs.len() == 2).then_some(())?;
        let slot = (0..2).find(|i| self.is_constant(node.inputs[*i]))?;
        let (matrix, matrix_dims) = self.constant(node.inputs[slot])?;
        let x = node.inputs[1 - slot];
        let dims = self.dims(x)?;
        let (mut summed, mut made, mut kept) = (vec![], vec![], vec![]);
        for axis in op.axes.iter_all_axes() {
            let of = |positions: &[usize]| match positions {
                [] => Some(None),
                [one] => Some(Some(*one)),
                _ => None,
            };
            let in_x = of(&axis.inputs[1 - slot])?;
            let in_matrix = of(&axis.inputs[slot])?;
            let in_result = of(&axis.outputs[0])?;
            match (in_x, in_matrix, in_result) {
                (Some(x), Some(m), None) => summed.push((x, m)),
                (None, Some(m), Some(r)) => made.push((m, r)),
                (Some(x), None, Some(r)) => kept.push((x, r)),
                (Some(x), None, None) if dims[x] == 1 => {}
                (None, Some(m), None) if matrix_dims[m] == 1 => {}
                (None, None, Some(_)) => {}
                _ => return None,
            }
        }
        let (id, layout) = self.picture(x, None)?;
        let place = self.place_of(id, &layout);
        let big = |axes: &[usize]| axes.iter().copied().filter(|a| dims[*a] != 1).collect::<Vec<_>>();
        let mut sums: Vec<usize> = summed.iter().map(|s| s.0).collect();
        sums.sort_unstable();
        let mut on = On::default();
        if big(&place[C]) == big(&sums) {
            // Pixels stay where they are.
            on = place;
            on[C].clone_from(&sums);
        } else {
            let mut pixels: Vec<usize> = kept.iter().map(|k| k.0).filter(|a| dims[*a] != 1).collect();
            pixels.sort_unstable();
            on[W] = pixels.pop().into_iter().collect();
            on[H] = pixels.pop().into_iter().collect();
            on[N] = pixels;
            on[C].clone_from(&sums);
        }
        // The matrix as rows of results, each over what is summed in the order of `sums`.
        let strides = |axis: usize| matrix_dims[axis + 1..].iter().product::<usize>();
        let (_, in_shape) = Layout::of_shape(&dims, &on);
        made.sort_by_key(|m| m.1);
        let rows: usize = made.iter().map(|m| matrix_dims[m.0]).product();
        let offset = |mut index: usize, axes: &[usize]| {
            let mut at = 0;
            for &axis in axes.iter().rev() {
                at += index % matrix_dims[axis] * strides(axis);
                index /= matrix_dims[axis];
            }
            at
        };
        let row_axes: Vec<usize> = made.iter().map(|m| m.0).collect();
        let column_axes: Vec<usize> =
            sums.iter().filter_map(|x| summed.iter().find(|s| s.0 == *x).map(|s| s.1)).collect();
        let columns: usize = column_axes.iter().map(|a| matrix_dims[*a]).product();
        // A summed axis of which the matrix has one for all would be a broadcast.
        (columns == in_shape.c && rows * columns == matrix.len()).then_some(())?;
        let weights: Vec<f32> = (0..rows)
            .flat_map(|r| (0..columns).map(move |c| (r, c)))
            .map(|(r, c)| matrix[offset(r, &row_axes) + offset(c, &column_axes)])
            .collect();
        let x = self.arrange(id, &layout, &on)?;
        let mut result = On::default();
        for picture_axis in [N, H, W] {
            for axis in &on[picture_axis] {
                result[picture_axis].extend(kept.iter().filter(|k| k.0 == *axis).map(|k| k.1));
            }
        }
        result[C] = made.iter().map(|m| m.1).collect();
        let spec = ConvSpec::same(columns, rows, 1);
        let op = Op::Conv { x, spec, weights: Arc::new(weights), bias: None };
        self.add(node.id.into(), op, &result)?;
        let same = self.graph.nodes.last().is_some_and(|n| {
            let s = self.graph.shape(x);
            (n.shape.n, n.shape.h, n.shape.w, n.shape.c) == (s.n, s.h, s.w, rows)
        });
        same.then_some(())
    }

    fn unary(&mut self, node: &TypedNode, op: &ElementWiseOp) -> Option<()> {
        let f = match op.0.name().as_str() {
            "Abs" => Unary::Abs,
            "Neg" => Unary::Neg,
            "Square" => Unary::Square,
            "Sqrt" => Unary::Sqrt,
            "Rsqrt" => Unary::Rsqrt,
            "Recip" => Unary::Recip,
            "Exp" => Unary::Exp,
            "Tanh" => Unary::Tanh,
            "Sigmoid" => Unary::Sigmoid,
            "Silu" => Unary::Silu,
            "HardSwish" => Unary::HardSwish,
            "Erf" => Unary::Erf,
            "GeluExact" => Unary::Gelu,
            "LeakyRelu" => Unary::Slope(Arc::new(vec![op.0.downcast_ref::<LeakyRelu>()?.alpha])),
            _ => return None,
        };
        // Wherever the axes lie, each number stays in its place.
        let (x, layout) = self.picture(node.inputs[0], None)?;
        let shape = self.graph.shape(x);
        let id = self.graph.push(Op::Unary(f, x), shape);
        self.values.insert(node.id.into(), Value::Picture(id, layout));
        Some(())
    }

    fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> Option<()> {
        let [a, b] = *node.inputs.as_slice() else { return None };
        let one = |lifter: &Self, x: OutletId| lifter.constant(x).filter(|c| c.0.len() == 1).map(|c| c.0[0]);
        let f = match op.0.name() {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            "Div" => Binary::Div,
            "Max" => Binary::Max,
            "Min" => Binary::Min,
            // `0 > x` and `x < 0`, as a slope begins.
            "GT" if one(self, a) == Some(0.0) => return self.negative(node, b),
            "LT" if one(self, b) == Some(0.0) => return self.negative(node, a),
            _ => return None,
        };
        if let Some(done) = self.clamp(node, f, one(self, a).map(|c| (c, b)).or(one(self, b).map(|c| (c, a))))
        {
            return Some(done);
        }
        let (on, a, b) = match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => {
                let (on, x, c) = self.with_constant(a, b)?;
                (on, x, c)
            }
            (true, false) => {
                let (on, x, c) = self.with_constant(b, a)?;
                (on, c, x)
            }
            (false, false) => {
                let (x, y) = (self.picture(a, None)?, self.picture(b, None)?);
                let simple = |p: &(Id, Layout)| p.1.simple(self.graph.shape(p.0)).is_some();
                let len = |p: &(Id, Layout)| p.1.dims().iter().product::<usize>();
                // The larger sets the places; among equals one that can stay as it is.
                let first = len(&x) > len(&y) || (len(&x) == len(&y) && (simple(&x) || !simple(&y)));
                let chief = if first { &x } else { &y };
                let on = self.place_of(chief.0, &chief.1);
                let on = complete(on, &x.1.dims(), &y.1.dims());
                (on.clone(), self.arrange(x.0, &x.1, &on)?, self.arrange(y.0, &y.1, &on)?)
            }
            (true, true) => return None,
        };
        let shape = Graph::broadcast(self.graph.shape(a), self.graph.shape(b))?;
        self.add(node.id.into(), Op::Binary(f, a, b), &on)?;
        (self.graph.nodes.last()?.shape == shape).then_some(())
    }

    /// A picture and a constant that is the same for all pixels.
    fn with_constant(&mut self, x: OutletId, constant: OutletId) -> Option<(On, Id, Id)> {
        let (values, shape) = self.constant(constant)?;
        let (id, layout) = self.picture(x, None)?;
        let dims = layout.dims();
        let varies: Vec<usize> = (0..shape.len()).filter(|a| shape[*a] != 1).collect();
        (shape.len() == dims.len() || varies.is_empty()).then_some(())?;
        varies.iter().all(|a| shape[*a] == dims[*a]).then_some(())?;
        let mut on = self.place_of(id, &layout);
        let channels: Vec<usize> = on[C].iter().copied().filter(|a| dims[*a] != 1).collect();
        if !varies.is_empty() && channels != varies {
            // The axis that the constant runs over becomes the channels.
            on.iter_mut().for_each(|axes| axes.retain(|a| !varies.contains(a)));
            let old = std::mem::replace(&mut on[C], varies);
            let free = [W, H, N].into_iter().find(|p| on[*p].is_empty());
            on[free.unwrap_or(N)].extend(old);
        }
        let x = self.arrange(id, &layout, &on)?;
        Some((on, x, self.add_constant(values)))
    }

    /// `max(x, low)` and `min(x, high)` as activations, which convolutions take in.
    fn clamp(&mut self, node: &TypedNode, f: Binary, with: Option<(f32, OutletId)>) -> Option<()> {
        let (bound, x) = with?;
        let (mut x, layout) = self.picture(x, None)?;
        let below = match &self.graph.nodes[x].op {
            Op::Unary(inner @ (Unary::Relu | Unary::Clip(..)), y) => Some((inner.clone(), *y)),
            _ => None,
        };
        let unary = match (f, below) {
            (Binary::Max, None) if bound == 0.0 => Unary::Relu,
            (Binary::Max, None) => Unary::Clip(bound, f32::INFINITY),
            (Binary::Min, None) => Unary::Clip(f32::NEG_INFINITY, bound),
            (Binary::Min, Some((Unary::Relu, y))) if bound >= 0.0 => {
                x = y;
                Unary::Clip(0.0, bound)
            }
            (Binary::Min, Some((Unary::Clip(low, high), y))) if bound >= low => {
                x = y;
                Unary::Clip(low, high.min(bound))
            }
            (Binary::Max, Some((Unary::Clip(low, high), y))) if bound <= high => {
                x = y;
                Unary::Clip(low.max(bound), high)
            }
            _ => return None,
        };
        let shape = self.graph.shape(x);
        let id = self.graph.push(Op::Unary(unary, x), shape);
        self.values.insert(node.id.into(), Value::Picture(id, layout));
        Some(())
    }

    fn negative(&mut self, node: &TypedNode, x: OutletId) -> Option<()> {
        self.picture(x, None)?;
        self.values.insert(node.id.into(), Value::Negative(x));
        Some(())
    }

    /// `if x < 0 then slope * x else x`, which is how tract writes PReLU.
    fn slope(&mut self, node: &TypedNode) -> Option<()> {
        let [condition, scaled, x] = *node.inputs.as_slice() else { return None };
        let Some(Value::Negative(of)) = self.values.get(&condition) else { return None };
        (*of == x).then_some(())?;
        let (id, layout) = self.picture(x, None)?;
        let (scaled, _) = self.picture(scaled, None)?;
        let Op::Binary(Binary::Mul, a, b) = self.graph.nodes[scaled].op else { return None };
        let (inner, constant) = if a == id { (a, b) } else { (b, a) };
        let Op::Constant(slopes) = &self.graph.nodes[constant].op else { return None };
        (inner == id).then_some(())?;
        let op = Op::Unary(Unary::Slope(slopes.clone()), id);
        let shape = self.graph.shape(id);
        let id = self.graph.push(op, shape);
        self.values.insert(node.id.into(), Value::Picture(id, layout));
        Some(())
    }

    fn pool(&mut self, node: &TypedNode, spec: &PoolSpec, kind: Pool) -> Option<()> {
        spec.dilations().iter().all(|d| *d == 1).then_some(())?;
        let dims = self.dims(node.inputs[0])?;
        let (on, real) = self.spatial(spec, &dims)?;
        let lengths: Vec<usize> = spec.data_format.shape(dims).ok()?.hw_dims().to_vec();
        let padding = spec.computed_padding(&lengths);
        for i in 0..lengths.len() {
            // Padding that only the last windows reach would count in some definitions and not in others.
            let reach = (padding[i].convoluted.max(1) - 1) * spec.stride(i) + spec.kernel_shape[i];
            let inside = reach <= lengths[i] + padding[i].pad_before + padding[i].pad_after;
            (inside || kind != Pool::MeanOfAll).then_some(())?;
        }
        let pair = |f: &dyn Fn(usize) -> usize, default: usize| match real.as_slice() {
            [] => (default, default),
            [w] => (default, f(*w)),
            [h, w, ..] => (f(*h), f(*w)),
        };
        let window = Window {
            kernel: pair(&|i| spec.kernel_shape[i], 1),
            stride: pair(&|i| spec.stride(i), 1),
            before: pair(&|i| padding[i].pad_before, 0),
        };
        let x = self.arranged(node.inputs[0], &on)?;
        self.add(node.id.into(), Op::Pool(kind, window, x), &on)
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
        let exactly = |places: &[usize]| {
            let all: Vec<usize> =
                places.iter().flat_map(|p| on[*p].iter().copied()).filter(|a| dims[*a] != 1).collect();
            !all.is_empty() && all.len() == reduced.len() && all.iter().all(|a| reduced.contains(a))
        };
        let x = self.arrange(id, &layout, &on)?;
        let op = if exactly(&[C]) {
            Op::ReduceChannels(f, x)
        } else if exactly(&[H, W]) {
            Op::ReduceSpace(f, x)
        } else {
            return None;
        };
        self.add(node.id.into(), op, &on)
    }

    fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> Option<()> {
        let epsilon = op.eps.cast_to_scalar::<f32>().ok()?;
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let on = self.place_of(id, &layout);
        (on[C] == [op.axis]).then_some(())?;
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
        (on[C] == [axis]).then_some(())?;
        let parts: Vec<Id> = node.inputs.iter().map(|i| self.arranged(*i, &on)).collect::<Option<_>>()?;
        self.add(node.id.into(), Op::Concat(parts), &on)
    }

    fn slice(&mut self, node: &TypedNode, op: &Slice) -> Option<()> {
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let on = self.place_of(id, &layout);
        (on[C] == [op.axis]).then_some(())?;
        let start = op.start.to_usize().ok()?;
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
        let on = self.place_of(id, &layout);
        let of = |place: usize| match on[place].as_slice() {
            [] => Some((0, 0)),
            [axis] => Some(op.pads[*axis]),
            _ => None,
        };
        let (rows, columns) = (of(H)?, of(W)?);
        let padded = op.pads.iter().filter(|p| **p != (0, 0)).count();
        let ours = [rows, columns].iter().filter(|p| **p != (0, 0)).count();
        (padded == ours).then_some(())?;
        // Reflection reaches no further than the picture.
        let reach = |p: (usize, usize), axes: &[usize]| axes.iter().all(|a| p.0.max(p.1) < dims[*a]);
        (mode != PadMode::Reflect || (reach(rows, &on[H]) && reach(columns, &on[W]))).then_some(())?;
        let x = self.arrange(id, &layout, &on)?;
        let border = Border { top: rows.0, left: columns.0, bottom: rows.1, right: columns.1 };
        self.add(node.id.into(), Op::Pad(x, border, mode), &on)
    }
}

/// The places with axes added that have length 1 in the tensor that set them but not in the other.
fn complete(mut on: On, a: &[usize], b: &[usize]) -> On {
    for axis in 0..a.len().max(b.len()) {
        let long = a.get(axis).is_some_and(|d| *d != 1) || b.get(axis).is_some_and(|d| *d != 1);
        if long && !on.iter().flatten().any(|x| *x == axis) {
            let free = [C, W, H, N].into_iter().find(|p| on[*p].is_empty());
            on[free.unwrap_or(N)].push(axis);
        }
    }
    on
}
