//! Operators that cut, join and move.

use super::layout::{C, H, Layout, N, W};
use super::lift::{Lifter, Value, as_channels, usual};
use crate::kernels::{Border, Id, Op, PadMode, Positions, Shape};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops;
use tract_onnx::tract_core::ops::array::{Gather, Pad, ScatterNd, ScatterReduction};

impl Lifter<'_> {
    /// Tensors one after the other along an axis that is the outer part of a picture axis.
    fn join(&mut self, node: &TypedNode, axis: usize) -> Option<()> {
        let dims = self.dims(node.id.into())?;
        let mut chief = None;
        for input in node.inputs.iter().filter(|i| !self.is_constant(**i)).copied().collect::<Vec<_>>() {
            let (id, layout) = self.picture(input, None)?;
            if layout.0[axis].len() == 1 && chief.is_none() {
                chief = Some((layout, self.graph.shape(id)));
            }
        }
        let (chief, shape) = match chief {
            Some(chief) => chief,
            None => self.in_columns(node.inputs.iter().copied().find(|i| !self.is_constant(*i))?, axis)?,
        };
        let (len, place, step) = *chief.0[axis].first()?;
        let mut lengths = [shape.n, shape.h, shape.w, shape.c];
        (len * step == lengths[place] && step > 0).then_some(())?;
        let mut parts = vec![];
        for input in &node.inputs {
            let long = self.model.outlet_fact(*input).ok()?.shape.as_concrete()?.get(axis).copied()?;
            let mut layout = chief.clone();
            layout.0[axis] = if long == 1 { vec![] } else { vec![(long, place, step)] };
            lengths[place] = long * step;
            let [n, h, w, c] = lengths;
            let shape = Shape { n, h, w, c };
            let part = match self.constant(*input) {
                Some(constant) => self.table(&constant, &layout, shape, true)?,
                None => {
                    let (id, own) = self.picture(*input, None)?;
                    self.like(id, &own, &layout, shape)?
                }
            };
            (self.graph.shape(part) == shape).then_some(())?;
            parts.push(part);
        }
        let mut layout = chief;
        layout.0[axis] = vec![(dims[axis], place, step)];
        lengths[place] = dims[axis] * step;
        let [n, h, w, c] = lengths;
        let op = if place == C { Op::Concat(parts) } else { self.joined(parts, place) };
        self.place(node.id.into(), op, layout, Shape { n, h, w, c })
    }

    /// The layout and shape of a tensor once this axis lies along the columns of a picture.
    fn in_columns(&mut self, x: OutletId, axis: usize) -> Option<(Layout, Shape)> {
        let (_, layout) = self.picture(x, None)?;
        let channels = |a: &usize| !layout.0[*a].is_empty() && layout.0[*a].iter().all(|atom| atom.1 == C);
        let (channels, others): (Vec<usize>, Vec<usize>) =
            (0..layout.0.len()).filter(|a| *a != axis).partition(channels);
        let (chief, shape) = Layout::of_shape(&layout.dims(), &[others, vec![], vec![axis], channels]);
        Some((chief, shape))
    }

    /// Pictures behind one another; positions of one picture where they all are, as when it is rolled.
    fn joined(&self, parts: Vec<Id>, axis: usize) -> Op {
        let taken = |id: &Id| match &self.graph.nodes[*id].op {
            Op::Take(x, positions) => Some((*x, positions.clone())),
            _ => None,
        };
        let all: Vec<_> = parts.iter().filter_map(taken).collect();
        let [(x, first), ..] = all.as_slice() else { return Op::Join(parts, axis) };
        let same = |(y, positions): &(Id, Positions)| {
            y == x
                && (0..3).all(|a| if a == axis { positions[a].is_some() } else { positions[a] == first[a] })
        };
        if all.len() != parts.len() || !all.iter().all(same) {
            return Op::Join(parts, axis);
        }
        let mut positions = first.clone();
        let joined = all.iter().flat_map(|(_, p)| p[axis].iter().flat_map(|p| p.iter().copied()));
        positions[axis] = Some(Arc::new(joined.collect()));
        Op::Take(*x, positions)
    }

    pub(super) fn concat(&mut self, node: &TypedNode, axis: usize) -> Option<()> {
        if let Some(done) = self.join(node, axis) {
            return Some(done);
        }
        let mut on = None;
        for input in &node.inputs {
            let (id, layout) = self.picture(*input, None)?;
            if layout.simple(self.graph.shape(id)).is_some() {
                on = on.or_else(|| Some(self.natural(id, &layout)));
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

    /// The picture moved so that this axis is its columns.
    fn apart(&mut self, id: Id, layout: &Layout, axis: usize) -> Option<(Id, Layout)> {
        let mut on = self.natural(id, layout);
        on.iter_mut().for_each(|axes| axes.retain(|a| *a != axis));
        let old = std::mem::replace(&mut on[W], vec![axis]);
        let place = if on[H].is_empty() { H } else { N };
        on[place].extend(old);
        let id = self.arrange(id, layout, &on)?;
        Some((id, Layout::of_shape(&layout.dims(), &on).0))
    }

    /// Positions of an axis, which becomes axes of these lengths.
    pub(super) fn take(
        &mut self,
        node: OutletId,
        (mut id, mut layout): (Id, Layout),
        axis: usize,
        positions: &[usize],
        to: &[usize],
    ) -> Option<()> {
        let one_of = |layout: &Layout, shape: Shape| match layout.0[axis].as_slice() {
            [(len, place, step)] => {
                let whole = [shape.n, shape.h, shape.w, shape.c][*place];
                (*place != C && *step > 0 && len * step == whole).then_some((*place, *step))
            }
            _ => None,
        };
        let found = match one_of(&layout, self.graph.shape(id)) {
            Some(found) => found,
            None => {
                (id, layout) = self.apart(id, &layout, axis)?;
                one_of(&layout, self.graph.shape(id))?
            }
        };
        let (place, step) = found;
        let shape = self.graph.shape(id);
        let mut lengths = [shape.n, shape.h, shape.w, shape.c];
        lengths[place] = positions.len() * step;
        let [n, h, w, c] = lengths;
        layout.0[axis] = if positions.len() == 1 { vec![] } else { vec![(positions.len(), place, step)] };
        layout.reshape(axis, 1, to)?;
        let positions: Vec<usize> = positions.iter().flat_map(|p| p * step..(p + 1) * step).collect();
        // Of what was taken already, in one.
        let (from, mut all) = match &self.graph.nodes[id].op {
            Op::Take(x, all) => (*x, all.clone()),
            _ => (id, Positions::default()),
        };
        let positions = match &all[place] {
            Some(inner) => positions.iter().map(|p| inner[*p]).collect(),
            None => positions,
        };
        all[place] = Some(Arc::new(positions));
        self.place(node, Op::Take(from, all), layout, Shape { n, h, w, c })
    }

    /// A gather whose positions are known.
    pub(super) fn gather(&mut self, node: &TypedNode, op: &Gather) -> Option<()> {
        let positions = self.model.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
        let dims = self.dims(node.inputs[0])?;
        let long = i64::try_from(dims[op.axis]).ok()?;
        op.output_type.is_none().then_some(())?;
        let number = positions.cast_to::<i64>().ok()?;
        let number = number.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec();
        let inside =
            |p: i64| usize::try_from(if p < 0 { p + long } else { p }).ok().filter(|p| *p < dims[op.axis]);
        let all: Vec<usize> = number.into_iter().map(inside).collect::<Option<_>>()?;
        let outlet = node.id.into();
        if positions.rank() > 0 {
            let x = self.picture(node.inputs[0], None)?;
            return self.take(outlet, x, op.axis, &all, positions.shape());
        }
        // One position, whose axis goes away.
        let (at, inner) = (*all.first()?, op.axis);
        let (mut id, mut layout) = self.picture(node.inputs[0], None)?;
        let whole = |layout: &Layout, shape: Shape| match layout.0[inner].as_slice() {
            [] => true,
            [(len, place, step)] => *step > 0 && len * step == [shape.n, shape.h, shape.w, shape.c][*place],
            _ => false,
        };
        if !whole(&layout, self.graph.shape(id)) {
            (id, layout) = self.apart(id, &layout, inner)?;
        }
        let shape = self.graph.shape(id);
        let mut rest = layout.clone();
        rest.0.remove(inner);
        match layout.0[inner].as_slice() {
            [] => {
                self.values.insert(outlet, Value::Picture(id, rest));
                Some(())
            }
            [(len, C, step)] if len * step == shape.c => {
                self.place(outlet, Op::Slice(id, at * step), rest, Shape { c: *step, ..shape })
            }
            [(len, place, step)]
                if *place != C && *step > 0 && len * step == [shape.n, shape.h, shape.w][*place] =>
            {
                let mut lengths = [shape.n, shape.h, shape.w];
                lengths[*place] = *step;
                let [n, h, w] = lengths;
                let mut positions = Positions::default();
                positions[*place] = Some(Arc::new((at * step..(at + 1) * step).collect()));
                self.place(outlet, Op::Take(id, positions), rest, Shape { n, h, w, ..shape })
            }
            _ => None,
        }
    }

    /// Positions of an axis from `start` to `end`.
    pub(super) fn slice(&mut self, node: &TypedNode, axis: usize, start: usize, end: usize) -> Option<()> {
        let (id, layout) = self.picture(node.inputs[0], None)?;
        let outlet = node.id.into();
        (start < end).then_some(())?;
        let shape = self.graph.shape(id);
        if let [(len, C, step)] = layout.0[axis].as_slice()
            && len * step == shape.c
        {
            // A part of the channels is there already.
            let mut part = layout.clone();
            part.0[axis] = if end - start == 1 { vec![] } else { vec![(end - start, C, *step)] };
            let channels = Shape { c: (end - start) * step, ..shape };
            return self.place(outlet, Op::Slice(id, start * step), part, channels);
        }
        let mut on = self.natural(id, &layout);
        if on[C] != [axis] {
            let positions: Vec<usize> = (start..end).collect();
            let mark = self.mark();
            if let Some(done) = self.take(outlet, (id, layout.clone()), axis, &positions, &[end - start]) {
                return Some(done);
            }
            self.back(mark);
            on = as_channels(on, vec![axis]);
        }
        let x = self.arrange(id, &layout, &on)?;
        self.add(outlet, Op::Slice(x, start), &on)
    }

    /// Numbers written over a part of the channels, at places that are known: the part in place of what was there.
    pub(super) fn scatter(&mut self, node: &TypedNode, op: &ScatterNd) -> Option<()> {
        matches!(op.reduction, ScatterReduction::None).then_some(())?;
        let [data, indices, updates] = *node.inputs.as_slice() else { return None };
        let (dims, part) = (self.dims(data)?, self.dims(updates)?);
        let indices = self.model.outlet_fact(indices).ok()?.konst.clone()?;
        let depth = *indices.shape().last()?;
        let indices = indices.cast_to::<i64>().ok()?;
        let indices = indices.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec();
        let first: Vec<usize> =
            indices.get(..depth)?.iter().map(|i| usize::try_from(*i).ok()).collect::<Option<_>>()?;
        (part.len() == dims.len() && depth > 0 && depth <= dims.len()).then_some(())?;
        // A block, in order.
        let places = indices.chunks_exact(depth).enumerate().all(|(number, place)| {
            let mut rest = number;
            place.iter().enumerate().rev().all(|(axis, at)| {
                let i = rest % part[axis];
                rest /= part[axis];
                usize::try_from(*at) == Ok(first[axis] + i)
            })
        });
        let cut: Vec<usize> = (0..dims.len()).filter(|a| part[*a] != dims[*a]).collect();
        let [axis] = *cut.as_slice() else { return None };
        let whole = |a: usize| a == axis || first.get(a).is_none_or(|f| *f == 0);
        (places && axis < depth && (0..dims.len()).all(whole)).then_some(())?;
        let (id, layout) = self.picture(data, None)?;
        let shape = self.graph.shape(id);
        let [(len, C, step)] = *layout.0[axis].as_slice() else { return None };
        (len * step == shape.c).then_some(())?;
        let (start, end) = (first[axis] * step, (first[axis] + part[axis]) * step);
        let mut own = layout.clone();
        own.0[axis] = if part[axis] == 1 { vec![] } else { vec![(part[axis], C, step)] };
        let (middle, from) = self.picture(updates, None)?;
        let middle = self.like(middle, &from, &own, Shape { c: end - start, ..shape })?;
        let mut parts = vec![];
        if start > 0 {
            parts.push(self.graph.push(Op::Slice(id, 0), Shape { c: start, ..shape }));
        }
        parts.push(middle);
        if end < shape.c {
            parts.push(self.graph.push(Op::Slice(id, end), Shape { c: shape.c - end, ..shape }));
        }
        let same = self.graph.shape(middle) == Shape { c: end - start, ..shape };
        same.then(|| self.place(node.id.into(), Op::Concat(parts), layout, shape)).flatten()
    }

    pub(super) fn pad(&mut self, node: &TypedNode, op: &Pad) -> Option<()> {
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
