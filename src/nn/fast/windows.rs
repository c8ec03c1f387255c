//! Convolutions and pools.

use super::layout::{H, Layout, W};
use super::lift::{Lifter, On, floats, usual};
use crate::kernels::{Binary, Border, ConvSpec, Op, Pool, Window};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PoolSpec};
use tract_onnx::tract_core::ops::downsample::Downsample;

/// Largest length of a window, step or border that the kernels are asked for: sums of products stay far from overflow.
const FARTHEST: usize = 1 << 24;

/// The constant kernel of a convolution that the network scales, and the scale of each output channel: what tract makes
/// of a product behind a convolution.
pub(super) fn scaled_kernel(model: &TypedModel, node: &TypedNode) -> Option<(Arc<Tensor>, OutletId)> {
    let conv = node.op_as::<Conv>()?;
    let product = model.node(node.inputs[1].node);
    let op = product.op_as::<TypedBinOp>()?;
    (conv.kernel_fmt == KernelFormat::OIHW && op.0.name() == "Mul").then_some(())?;
    let constant = |i: usize| model.outlet_fact(product.inputs[i]).ok()?.konst.clone();
    let (kernel, scale) = match (constant(0), constant(1)) {
        (Some(kernel), None) => (kernel, product.inputs[1]),
        (None, Some(kernel)) => (kernel, product.inputs[0]),
        _ => return None,
    };
    let dims = model.outlet_fact(scale).ok()?.shape.as_concrete()?;
    let each = dims.len() == kernel.rank() && dims.first() == kernel.shape().first();
    (each && dims[1..].iter().all(|d| *d == 1)).then_some((kernel, scale))
}

impl Lifter<'_> {
    /// Where a convolution's or pool's axes go, and which of its spatial axes are rows and columns; none
    /// when more than two of them matter.
    pub(super) fn spatial(&self, spec: &PoolSpec, dims: &[usize]) -> Option<(On, Vec<usize>)> {
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

    pub(super) fn conv(&mut self, node: &TypedNode, conv: &Conv) -> Option<()> {
        conv.q_params.is_none().then_some(())?;
        let spec = &conv.pool_spec;
        let dims = self.dims(node.inputs[0])?;
        let (on, real) = self.spatial(spec, &dims)?;
        let constant = self.model.outlet_fact(node.inputs[1]).ok()?.konst.clone();
        let (kernel, scale) = match constant {
            Some(kernel) => (kernel, None),
            None => scaled_kernel(self.model, node).map(|(kernel, scale)| (kernel, Some(scale)))?,
        };
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
        match scale {
            None => self.add_conv(node, spec, weights, &on),
            Some(scale) => self.scaled_conv(node, spec, weights, scale, &on),
        }
    }

    /// A convolution whose results are scaled instead of its kernel.
    fn scaled_conv(
        &mut self,
        node: &TypedNode,
        spec: ConvSpec,
        weights: Vec<f32>,
        scale: OutletId,
        on: &On,
    ) -> Option<()> {
        let channels: On = [vec![], vec![], vec![], vec![0]];
        let bias = match self.constant(node.inputs[2]) {
            Some((bias, _)) => self.add_constant(bias),
            None => self.arranged(node.inputs[2], &channels)?,
        };
        let scale = self.arranged(scale, &channels)?;
        let suits = |c: usize| c == 1 || c == spec.channels.1;
        (suits(self.graph.shape(bias).c) && suits(self.graph.shape(scale).c)).then_some(())?;
        let x = self.arranged(node.inputs[0], on)?;
        let (layout, shape) = Layout::of_shape(&self.dims(node.id.into())?, on);
        let fits = weights.len() == spec.weights() && spec.out_shape(self.graph.shape(x)) == shape;
        fits.then_some(())?;
        let conv = self.graph.push(Op::Conv { x, spec, weights: Arc::new(weights), bias: None }, shape);
        let scaled = self.graph.push(Op::Binary(Binary::Mul, conv, scale), shape);
        self.place(node.id.into(), Op::Binary(Binary::Add, scaled, bias), layout, shape)
    }

    pub(super) fn deconv(&mut self, node: &TypedNode, conv: &Deconv) -> Option<()> {
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

    pub(super) fn add_conv(
        &mut self,
        node: &TypedNode,
        spec: ConvSpec,
        weights: Vec<f32>,
        on: &On,
    ) -> Option<()> {
        let (bias, _) = self.constant(node.inputs[2])?;
        let bias = if bias.len() == 1 { vec![bias[0]; spec.channels.1] } else { bias };
        let (k, s, d, pad) = (spec.kernel, spec.stride, spec.dilation, spec.pad);
        let numbers = [k.0, k.1, s.0, s.1, d.0, d.1, pad.top, pad.left, pad.bottom, pad.right];
        numbers.iter().all(|n| *n <= FARTHEST).then_some(())?;
        (bias.len() == spec.channels.1 && weights.len() == spec.weights()).then_some(())?;
        let x = self.arranged(node.inputs[0], on)?;
        let (_, expected) = Layout::of_shape(&self.dims(node.id.into())?, on);
        (spec.out_shape(self.graph.shape(x)) == expected).then_some(())?;
        let op = Op::Conv { x, spec, weights: Arc::new(weights), bias: Some(Arc::new(bias)) };
        self.add(node.id.into(), op, on)
    }

    pub(super) fn pool(&mut self, node: &TypedNode, spec: &PoolSpec, kind: Pool) -> Option<()> {
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

    /// Every so many rows or columns, as in front of strided 1x1 convolutions: a pool whose windows are pixels.
    pub(super) fn downsample(&mut self, node: &TypedNode, op: &Downsample) -> Option<()> {
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let Some(step) = usize::try_from(op.stride).ok().filter(|_| op.modulo == 0) else {
            // From another position on, or backwards.
            let (long, count) = (layout.dims()[op.axis], self.dims(node.id.into())?[op.axis]);
            let place = |i: usize| match usize::try_from(op.stride) {
                Ok(step) => Some(op.modulo + i * step).filter(|p| *p < long),
                Err(_) if op.modulo == 0 => (long - 1).checked_sub(i * op.stride.unsigned_abs()),
                Err(_) => None,
            };
            let positions: Vec<usize> = (0..count).map(place).collect::<Option<_>>()?;
            return self.take(node.id.into(), (id, layout), op.axis, &positions, &[count]);
        };
        let mut on = self.place_of(id, &layout);
        if on[H] != [op.axis] && on[W] != [op.axis] {
            on = usual(&layout.dims());
        }
        let stride = if on[H] == [op.axis] {
            (step, 1)
        } else if on[W] == [op.axis] {
            (1, step)
        } else {
            return None;
        };
        let x = self.arrange(id, &layout, &on)?;
        // Rows after columns go into one.
        let (x, stride) = match self.graph.nodes[x].op {
            Op::Pool(Pool::Max, Window { kernel: (1, 1), stride: (h, w), before: (0, 0) }, inner)
                if (h, w) != (1, 1) =>
            {
                (inner, (h * stride.0, w * stride.1))
            }
            _ => (x, stride),
        };
        self.add(
            node.id.into(),
            Op::Pool(Pool::Max, Window { kernel: (1, 1), stride, before: (0, 0) }, x),
            &on,
        )
    }
}
