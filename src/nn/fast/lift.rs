//! Reads tract's operators into a graph of the kernels', as far as there are kernels for them.

use super::layout::{C, H, Layout, N, W};
use crate::kernels::{Graph, Id, Op, Shape};
use std::collections::HashMap;
use tract_onnx::prelude::*;

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
    arranged: HashMap<(Id, [Vec<crate::kernels::Atom>; 4]), Id>,
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
        let atoms = layout.arranged(on);
        let (_, shape) = Layout::of_shape(&dims, on);
        let from = self.graph.shape(id);
        let whole = [from.n, from.h, from.w, from.c];
        let same = shape == from
            && atoms.iter().enumerate().all(|(axis, atoms)| match atoms.as_slice() {
                [] => whole[axis] == 1,
                [a] => (a.len, a.axis, a.step) == (whole[axis], axis, 1),
                _ => false,
            });
        if same {
            return Some(id);
        }
        if let Some(known) = self.arranged.get(&(id, atoms.clone())) {
            return Some(*known);
        }
        let new = self.graph.push(Op::Rearrange(id, atoms.clone()), shape);
        self.arranged.insert((id, atoms), new);
        Some(new)
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
    let free = [W, H, N].into_iter().find(|p| on[*p].is_empty());
    on[free.unwrap_or(N)].extend(old);
    on
}
