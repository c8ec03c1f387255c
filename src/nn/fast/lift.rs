//! Reads tract's operators into a graph of the kernels', as far as there are kernels for them.

use super::layout::{C, H, Layout, N, W};
use crate::kernels::{Atom, Graph, Id, Op, Shape};
use std::collections::HashMap;
use std::sync::Arc;
use tract_onnx::prelude::*;

/// Numbers that a constant may take when it is repeated.
const MOST_CONSTANTS: usize = 1 << 26;

/// Tensor axes on each picture axis.
pub(super) type On = [Vec<usize>; 4];

/// What is known of a tensor inside a region.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A picture of the graph, and how the tensor's axes lie on it.
    Picture(Id, Layout),
    /// Truth values: where this tensor is below 0.
    Negative(OutletId),
}

/// One region while it grows.
#[derive(Debug)]
pub(super) struct Lifter<'m> {
    pub model: &'m TypedModel,
    pub graph: Graph,
    pub values: HashMap<OutletId, Value>,
    /// Tensors from outside, in the order of the graph's inputs, with the place of their axes.
    pub inputs: Vec<(OutletId, On)>,
    arranged: HashMap<(Id, [Vec<Atom>; 4]), Id>,
}

/// A length to come back to when an operator turns out not to suit.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize, usize);

impl<'m> Lifter<'m> {
    pub(super) fn new(model: &'m TypedModel) -> Lifter<'m> {
        Lifter {
            model,
            graph: Graph::default(),
            values: HashMap::new(),
            inputs: vec![],
            arranged: HashMap::new(),
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.graph.nodes.len(), self.inputs.len())
    }

    /// Forgets what was added since.
    pub(super) fn back(&mut self, mark: Mark) {
        self.graph.nodes.truncate(mark.0);
        self.inputs.truncate(mark.1);
        self.arranged.retain(|_, id| *id < mark.0);
        self.values.retain(|_, v| !matches!(v, Value::Picture(id, _) if *id >= mark.0));
    }

    /// Lengths of a float tensor of known size.
    pub(super) fn dims(&self, outlet: OutletId) -> Option<Vec<usize>> {
        let fact = self.model.outlet_fact(outlet).ok()?;
        let dims = fact.shape.as_concrete()?.to_vec();
        (fact.datum_type == f32::datum_type() && fact.is_plain()).then_some(dims)
    }

    /// The numbers of a constant float tensor, and its lengths.
    pub(super) fn constant(&self, outlet: OutletId) -> Option<(Vec<f32>, Vec<usize>)> {
        let tensor = self.model.outlet_fact(outlet).ok()?.konst.clone()?;
        floats(&tensor).map(|values| (values.to_vec(), tensor.shape().to_vec()))
    }

    pub(super) fn is_constant(&self, outlet: OutletId) -> bool {
        self.model.outlet_fact(outlet).is_ok_and(|f| f.konst.is_some())
    }

    /// The tensor as a picture; becomes an input of the region when it comes from outside, with its axes on
    /// those of `on` if given.
    pub(super) fn picture(&mut self, outlet: OutletId, on: Option<&On>) -> Option<(Id, Layout)> {
        match self.values.get(&outlet) {
            Some(Value::Picture(id, layout)) => return Some((*id, layout.clone())),
            Some(Value::Negative(_)) => return None,
            None => {}
        }
        if self.is_constant(outlet) {
            return None;
        }
        let dims = self.dims(outlet)?;
        let on = on.cloned().unwrap_or_else(|| usual(&dims));
        let (layout, shape) = Layout::of_shape(&dims, &on);
        if shape.is_empty() || layout.dims() != dims {
            return None;
        }
        let id = self.graph.push(Op::Input, shape);
        self.inputs.push((outlet, on));
        self.values.insert(outlet, Value::Picture(id, layout.clone()));
        Some((id, layout))
    }

    /// The tensor as a picture whose axes are exactly those of `on`; numbers move only when they must.
    pub(super) fn arranged(&mut self, outlet: OutletId, on: &On) -> Option<Id> {
        let (id, layout) = self.picture(outlet, Some(on))?;
        self.arrange(id, &layout, on)
    }

    pub(super) fn arrange(&mut self, id: Id, layout: &Layout, on: &On) -> Option<Id> {
        let dims = layout.dims();
        let covered =
            |axis: usize| dims[axis] == 1 || on.iter().flatten().filter(|a| **a == axis).count() == 1;
        if !(0..dims.len()).all(covered) {
            return None;
        }
        Some(self.rearranged(id, layout.arranged(on)))
    }

    /// The picture with these factors as its axes; itself where nothing would move.
    pub(super) fn rearranged(&mut self, id: Id, atoms: [Vec<Atom>; 4]) -> Id {
        let length = |axis: usize| atoms[axis].iter().map(|a| a.len).product();
        let shape = Shape { n: length(0), h: length(1), w: length(2), c: length(3) };
        let from = self.graph.shape(id);
        let whole = [from.n, from.h, from.w, from.c];
        let same = shape == from
            && atoms.iter().enumerate().all(|(axis, atoms)| match atoms.as_slice() {
                [] => whole[axis] == 1,
                [a] => (a.len, a.axis, a.step) == (whole[axis], axis, 1),
                _ => false,
            });
        if same {
            return id;
        }
        if let Some(known) = self.arranged.get(&(id, atoms.clone())) {
            return *known;
        }
        let new = self.graph.push(Op::Rearrange(id, atoms.clone()), shape);
        self.arranged.insert((id, atoms), new);
        new
    }

    /// The picture moved to lie as a tensor of layout `chief` does on a picture of `shape`; along axes where it is the
    /// same, its length is 1.
    pub(super) fn like(&mut self, id: Id, layout: &Layout, chief: &Layout, shape: Shape) -> Option<Id> {
        let atoms = layout.like(chief, shape)?;
        Some(self.rearranged(id, atoms))
    }

    /// A constant tensor as a picture, to lie as [`Lifter::like`] tells; `whole` repeats it along all axes.
    pub(super) fn table(
        &mut self,
        (values, dims): &(Vec<f32>, Vec<usize>),
        chief: &Layout,
        shape: Shape,
        whole: bool,
    ) -> Option<Id> {
        // Missing axes are the first ones.
        let missing = chief.0.len().checked_sub(dims.len())?;
        let dims: Vec<usize> = std::iter::repeat_n(1, missing).chain(dims.iter().copied()).collect();
        let mut atoms = Layout::row_major(&dims).like(chief, shape)?;
        if whole {
            let lengths = [shape.n, shape.h, shape.w, shape.c];
            for (atoms, len) in atoms.iter_mut().zip(lengths).filter(|(a, len)| a.is_empty() && *len != 1) {
                atoms.push(Atom { len, axis: N, step: 0 });
            }
        }
        let [n, h, w, c] = atoms.each_ref().map(|atoms| {
            atoms.iter().fold(vec![0], |outer: Vec<usize>, a| {
                outer.iter().flat_map(|o| (0..a.len).map(move |i| o + i * a.step)).collect()
            })
        });
        let shape = Shape::new(n.len(), h.len(), w.len(), c.len());
        (shape.len() <= MOST_CONSTANTS).then_some(())?;
        let mut all = Vec::with_capacity(shape.len());
        for n in &n {
            for h in &h {
                for w in &w {
                    for c in &c {
                        all.push(*values.get(n + h + w + c)?);
                    }
                }
            }
        }
        let all = Arc::new(all);
        let same = (shape.n, shape.h, shape.w) == (1, 1, 1) && !whole;
        Some(self.graph.push(if same { Op::Constant(all) } else { Op::Table(all) }, shape))
    }

    /// Adds an operator whose result lies as `layout` tells on a picture of `shape`.
    pub(super) fn place(&mut self, outlet: OutletId, op: Op, layout: Layout, shape: Shape) -> Option<()> {
        (layout.dims() == self.dims(outlet)?).then_some(())?;
        let id = self.graph.push(op, shape);
        self.values.insert(outlet, Value::Picture(id, layout));
        Some(())
    }

    /// The place of the tensor's axes as it is; a usual one, to which it must be rearranged, where axes lie
    /// across those of the picture.
    pub(super) fn place_of(&self, id: Id, layout: &Layout) -> On {
        let dims = layout.dims();
        let Some(simple) = layout.simple(self.graph.shape(id)) else { return usual(&dims) };
        let mut on = On::default();
        for (axis, picture_axis) in simple.into_iter().enumerate() {
            if let Some(p) = picture_axis {
                on[p].push(axis);
            }
        }
        on
    }

    /// As [`Lifter::place_of`], for tensors that stay in the region: what lies among the channels stays there.
    pub(super) fn natural(&self, id: Id, layout: &Layout) -> On {
        let channels = |a: &usize| !layout.0[*a].is_empty() && layout.0[*a].iter().all(|atom| atom.1 == C);
        let (mut channels, mut others): (Vec<usize>, Vec<usize>) = (0..layout.0.len()).partition(channels);
        if layout.simple(self.graph.shape(id)).is_some() || channels.is_empty() {
            return self.place_of(id, layout);
        }
        channels.sort_by_key(|a| std::cmp::Reverse(layout.0[*a].first().map_or(0, |atom| atom.2)));
        let columns = others.pop().into_iter().collect();
        let rows = others.pop().into_iter().collect();
        [others, rows, columns, channels]
    }

    /// Adds an operator whose tensor has these lengths, with its axes on those of `on`.
    pub(super) fn add(&mut self, outlet: OutletId, op: Op, on: &On) -> Option<()> {
        let dims = self.dims(outlet)?;
        let (layout, shape) = Layout::of_shape(&dims, on);
        // An axis that grew from length 1 has no place.
        (layout.dims() == dims).then_some(())?;
        let id = self.graph.push(op, shape);
        self.values.insert(outlet, Value::Picture(id, layout));
        Some(())
    }

    /// Adds a constant: one number, or one for each channel.
    pub(super) fn add_constant(&mut self, values: Vec<f32>) -> Id {
        let shape = Shape::new(1, 1, 1, values.len());
        self.graph.push(Op::Constant(std::sync::Arc::new(values)), shape)
    }
}

/// The floats of a tensor, if it holds some.
pub(in super::super) fn floats(tensor: &Tensor) -> Option<&[f32]> {
    tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()
}

/// Where axes most likely belong when nobody says.
pub(super) fn usual(dims: &[usize]) -> On {
    let mut on = On::default();
    match dims.len() {
        0 => {}
        1 => on[C] = vec![0],
        2 => (on[N], on[C]) = (vec![0], vec![1]),
        4 if dims[3] <= 4 && dims[1] > 4 => on = [vec![0], vec![1], vec![2], vec![3]],
        rank => {
            on[N] = (0..rank - 3).collect();
            (on[C], on[H], on[W]) = (vec![rank - 3], vec![rank - 2], vec![rank - 1]);
        }
    }
    on
}

/// The places with these axes as the channels, and what was there where there is room.
pub(super) fn as_channels(mut on: On, channels: Vec<usize>) -> On {
    on.iter_mut().for_each(|axes| axes.retain(|a| !channels.contains(a)));
    let old = std::mem::replace(&mut on[C], channels);
    // Rows of one pixel would be slow.
    if on[W].is_empty() {
        on.swap(H, W);
    }
    let free = [W, H, N].into_iter().find(|p| on[*p].is_empty());
    on[free.unwrap_or(N)].extend(old);
    on
}
