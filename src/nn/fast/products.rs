//! Products: with constant matrices, and of what the network computed.

use super::layout::{AtomKey, C, H, Layout, N, W};
use super::lift::{Lifter, On};
use crate::kernels::{Atom, ConvSpec, Id, Op, Shape};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

/// Columns for each row from which on a product is computed the other way round.
const WIDE: usize = 8;

/// What an axis of a product is, with its place in both operands and the result.
#[derive(Debug, Default)]
struct Roles {
    batch: Vec<(usize, usize, usize)>,
    rows: Vec<(usize, usize)>,
    columns: Vec<(usize, usize)>,
    inner: Vec<(usize, usize)>,
}

/// One operand: the tensor's picture and layout, and its axes of each role.
struct Operand {
    id: Id,
    layout: Layout,
    batch: Vec<usize>,
    outer: Vec<usize>,
    inner: Vec<usize>,
}

impl Lifter<'_> {
    /// A product with a constant matrix: a 1x1 convolution, or a dense layer.
    pub(super) fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> Option<()> {
        (op.q_params.is_none() && node.inputs.len() == 2).then_some(())?;
        let Some(slot) = (0..2).find(|i| self.is_constant(node.inputs[*i])) else {
            return self.matmul(node, op);
        };
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
        // The matrix as rows of results, each over what is summed.
        let strides = |axis: usize| matrix_dims[axis + 1..].iter().product::<usize>();
        made.sort_by_key(|m| m.1);
        let row_axes: Vec<usize> = made.iter().map(|m| m.0).collect();
        let offset = |mut index: usize, axes: &[usize]| {
            let mut at = 0;
            for &axis in axes.iter().rev() {
                at += index % matrix_dims[axis] * strides(axis);
                index /= matrix_dims[axis];
            }
            at
        };
        let rows: usize = made.iter().map(|m| matrix_dims[m.0]).product();
        let shape = self.graph.shape(id);
        let sum_axes: Vec<usize> = summed.iter().map(|s| s.0).collect();
        let same = summed.iter().all(|(x, m)| dims[*x] == matrix_dims[*m]);
        if same && layout.are_channels(&sum_axes, shape) && rows * shape.c == matrix.len() {
            // Pixels stay where they are, however the axes lie on them.
            let steps: Vec<(usize, usize)> = summed.iter().map(|(x, m)| (*x, strides(*m))).collect();
            let columns = layout.channel_offsets(&steps, shape.c);
            let starts = (0..rows).map(|r| offset(r, &row_axes));
            let weights: Vec<f32> =
                starts.flat_map(|at| columns.iter().map(move |c| at + c)).map(|i| matrix[i]).collect();
            let mut result = Layout(vec![vec![]; self.dims(node.id.into())?.len()]);
            kept.iter().for_each(|(x, r)| result.0[*r].clone_from(&layout.0[*x]));
            let mut step = 1;
            for (m, r) in made.iter().rev().filter(|(m, _)| matrix_dims[*m] != 1) {
                result.0[*r] = vec![(matrix_dims[*m], C, step)];
                step *= matrix_dims[*m];
            }
            let spec = ConvSpec::same(shape.c, rows, 1);
            let op = Op::Conv { x: id, spec, weights: Arc::new(weights), bias: None };
            return self.place(node.id.into(), op, result, Shape { c: rows, ..shape });
        }
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
        let (_, in_shape) = Layout::of_shape(&dims, &on);
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

    /// A product of two tensors that the network computed.
    fn matmul(&mut self, node: &TypedNode, op: &EinSum) -> Option<()> {
        let (first, second) = (node.inputs[0], node.inputs[1]);
        let dims = [self.dims(first)?, self.dims(second)?];
        let result = self.dims(node.id.into())?;
        let mut roles = Roles::default();
        for axis in op.axes.iter_all_axes() {
            let of = |positions: &[usize]| match positions {
                [] => Some(None),
                [one] => Some(Some(*one)),
                _ => None,
            };
            match (of(&axis.inputs[0])?, of(&axis.inputs[1])?, of(&axis.outputs[0])?) {
                (Some(a), Some(b), Some(r)) => roles.batch.push((a, b, r)),
                (Some(a), None, Some(r)) => roles.rows.push((a, r)),
                (None, Some(b), Some(r)) => roles.columns.push((b, r)),
                (Some(a), Some(b), None) if dims[0][a] == dims[1][b] => roles.inner.push((a, b)),
                (Some(a), None, None) if dims[0][a] == 1 => {}
                (None, Some(b), None) if dims[1][b] == 1 => {}
                (None, None, Some(_)) => {}
                _ => return None,
            }
        }
        roles.batch.sort_by_key(|b| b.2);
        roles.rows.sort_by_key(|r| r.1);
        roles.columns.sort_by_key(|c| c.1);
        let (a, b) = (self.picture(first, None)?, self.picture(second, None)?);
        let operand = |(id, layout): (Id, Layout), batch, outer: &[(usize, usize)], inner| Operand {
            id,
            layout,
            batch,
            outer: outer.iter().map(|o| o.0).collect(),
            inner,
        };
        let a = operand(
            a,
            roles.batch.iter().map(|b| b.0).collect(),
            &roles.rows,
            roles.inner.iter().map(|i| i.0).collect(),
        );
        let b = operand(
            b,
            roles.batch.iter().map(|b| b.1).collect(),
            &roles.columns,
            roles.inner.iter().map(|i| i.1).collect(),
        );
        let count = |d: &[usize], axes: &[usize]| axes.iter().map(|a| d[*a]).product::<usize>();
        let (rows, columns) = (count(&dims[0], &a.outer), count(&dims[1], &b.outer));
        // Few rows of very many columns, as where attention is over channels.
        let turned = columns >= WIDE * rows.max(1) && self.on_channels(&b, &b.inner);
        let ((a, a_dims), (b, b_dims)) =
            if turned { ((b, &dims[1]), (a, &dims[0])) } else { ((a, &dims[0]), (b, &dims[1])) };
        let (row_axes, column_axes) =
            if turned { (&roles.columns, &roles.rows) } else { (&roles.rows, &roles.columns) };
        let transposed = !self.on_channels(&b, &b.outer);
        let lengths: Vec<usize> = roles.batch.iter().map(|b| result[b.2]).collect();
        let left = self.side(&a, a_dims, &lengths, [&a.outer, &a.inner]);
        let right = self.side(
            &b,
            b_dims,
            &lengths,
            if transposed { [&b.outer, &b.inner] } else { [&b.inner, &b.outer] },
        );
        // The product as it comes: heads on rows, the other axes of the batch on pictures.
        let axes = |of: &[(usize, usize)]| of.iter().map(|o| o.1).collect::<Vec<_>>();
        let mut batch: Vec<usize> = roles.batch.iter().map(|b| b.2).collect();
        let heads: Vec<usize> = batch.pop().into_iter().collect();
        let on: On = [batch, heads, axes(row_axes), axes(column_axes)];
        let (native, shape) = Layout::of_shape(&result, &on);
        (native.dims() == result).then_some(())?;
        let (x, y) = (self.graph.shape(left), self.graph.shape(right));
        let inner = if transposed { y.c } else { y.w };
        let fits = |side: Shape| (side.n == shape.n || side.n == 1) && (side.h == shape.h || side.h == 1);
        (fits(x) && fits(y) && x.w == shape.w && x.c == inner && inner > 0).then_some(())?;
        ((if transposed { y.w } else { y.c }) == shape.c && !shape.is_empty()).then_some(())?;
        let id = self.graph.push(Op::MatMul { a: left, b: right, transposed }, shape);
        // The result lies where the pixels came from: windows go back to their places.
        let target = if turned {
            let columns = column_axes.iter().map(|c| c.1).zip(&a.inner);
            let rows = row_axes.iter().map(|r| r.1).zip(&a.outer);
            self.back_to(&a, &roles.batch, rows.chain(columns), &result)
        } else {
            let rows = row_axes.iter().map(|r| r.1).zip(&b.inner);
            let columns = column_axes.iter().map(|c| c.1).zip(&b.outer);
            let there = || self.back_to(&b, &roles.batch, rows.chain(columns), &result);
            (!transposed).then(|| there().or_else(|| self.back_to_queries(left, &on, &result))).flatten()
        };
        if let Some((layout, shape)) = target
            && let Some(moved) = self.like(id, &native, &layout, shape)
        {
            self.values.insert(node.id.into(), super::lift::Value::Picture(moved, layout));
            return Some(());
        }
        self.values.insert(node.id.into(), super::lift::Value::Picture(id, native));
        Some(())
    }

    /// Whether these axes lie among the channels, with neighbours side by side.
    fn on_channels(&self, operand: &Operand, axes: &[usize]) -> bool {
        let mut atoms = axes.iter().flat_map(|a| &operand.layout.0[*a]);
        atoms.clone().all(|a| a.1 == C) && atoms.any(|a| a.2 == 1)
    }

    /// The operand as pictures of rows of pixels: batch, last axis of the batch, and these two.
    fn side(&mut self, operand: &Operand, dims: &[usize], lengths: &[usize], last: [&Vec<usize>; 2]) -> Id {
        let atoms = |axes: &[usize]| axes.iter().flat_map(|a| operand.layout.0[*a].iter().copied()).collect();
        // Axes of length 1 in this operand alone repeat, unless it is the same for all of the batch.
        let batch = |range: std::ops::Range<usize>| -> Vec<AtomKey> {
            let axes = &operand.batch[range.clone()];
            if axes.iter().all(|a| dims[*a] == 1) {
                return vec![];
            }
            let each = axes.iter().zip(&lengths[range]).flat_map(|(a, len)| {
                let own = operand.layout.0[*a].clone();
                if dims[*a] == 1 && *len != 1 { vec![(*len, N, 0)] } else { own }
            });
            each.collect()
        };
        let heads = operand.batch.len().saturating_sub(1);
        let parts = [batch(0..heads), batch(heads..operand.batch.len()), atoms(last[0]), atoms(last[1])];
        self.rearranged(operand.id, parts.map(super::layout::atoms))
    }

    /// The layout and shape of a result that lies where an operand does, whose `places` pair the result's axes with
    /// those of the operand.
    fn back_to<'a>(
        &self,
        operand: &'a Operand,
        batch: &[(usize, usize, usize)],
        places: impl Iterator<Item = (usize, &'a usize)>,
        result: &[usize],
    ) -> Option<(Layout, Shape)> {
        let mut layout = Layout(vec![vec![]; result.len()]);
        let batch = batch.iter().map(|b| b.2).zip(&operand.batch);
        for (to, from) in batch.chain(places) {
            layout.0[to].clone_from(&operand.layout.0[*from]);
        }
        (layout.dims() == result).then(|| (layout, self.graph.shape(operand.id)))
    }

    /// As [`Lifter::back_to`], for the product of scores with values: where the scores' queries lay.
    fn back_to_queries(&self, scores: Id, on: &On, result: &[usize]) -> Option<(Layout, Shape)> {
        let mut at = scores;
        let queries = loop {
            at = match &self.graph.nodes[at].op {
                Op::Unary(_, x) | Op::Across(_, x) => *x,
                Op::Binary(_, a, b) => {
                    let shape = self.graph.shape(at);
                    [*a, *b].into_iter().find(|x| self.graph.shape(*x) == shape)?
                }
                Op::MatMul { a, .. } => break *a,
                _ => return None,
            };
        };
        let Op::Rearrange(x, [windows, _, rows, _]) = &self.graph.nodes[queries].op else { return None };
        let ([window], [head], [row], [column]) =
            (on[N].as_slice(), on[H].as_slice(), on[W].as_slice(), on[C].as_slice())
        else {
            return None;
        };
        let keys =
            |atoms: &[Atom]| -> Vec<AtomKey> { atoms.iter().map(|a| (a.len, a.axis, a.step)).collect() };
        let (heads, width) = (result[*head], result[*column]);
        let mut layout = Layout(vec![vec![]; result.len()]);
        layout.0[*window] = keys(windows);
        layout.0[*row] = keys(rows);
        layout.0[*head] = if heads == 1 { vec![] } else { vec![(heads, C, width)] };
        layout.0[*column] = if width == 1 { vec![] } else { vec![(width, C, 1)] };
        let shape = Shape { c: heads * width, ..self.graph.shape(*x) };
        (layout.dims() == result).then_some((layout, shape))
    }
}
