//! Operators that take each number by itself, or with its counterpart.

use super::layout::{C, H, Layout, N, W};
use super::lift::{Lifter, On, Value, as_channels};
use crate::kernels::{Binary, Graph, Id, Op, Unary};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::LeakyRelu;

impl Lifter<'_> {
    pub(super) fn unary(&mut self, node: &TypedNode, op: &ElementWiseOp) -> Option<()> {
        let f = match op.0.name().as_str() {
            "Abs" => Unary::Abs,
            "Neg" => Unary::Neg,
            "Square" => Unary::Square,
            "Sqrt" => Unary::Sqrt,
            "Rsqrt" => Unary::Rsqrt,
            "Recip" => Unary::Recip,
            "Exp" => Unary::Exp,
            "Ln" => Unary::Ln,
            "Tanh" => Unary::Tanh,
            "Sigmoid" => Unary::Sigmoid,
            "Silu" => Unary::Silu,
            "HardSwish" => Unary::HardSwish,
            "Erf" => Unary::Erf,
            "GeluExact" => Unary::Gelu,
            "GeluApproximate" => Unary::GeluTanh,
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

    pub(super) fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> Option<()> {
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
        if let Some(done) = self.in_place(node, f, a, b) {
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
                let (chief, other) = if first { (&x, &y) } else { (&y, &x) };
                let (dims, small) = (chief.1.dims(), other.1.dims());
                let mut on = complete(self.place_of(chief.0, &chief.1), &dims, &small);
                let shape = |dims: &[usize]| Layout::of_shape(dims, &on).1;
                if dims.len() == small.len() && Graph::broadcast(shape(&dims), shape(&small)).is_none() {
                    // One that is the same for a whole row, say: what it is the same for becomes the channels.
                    on = as_channels(
                        on,
                        (0..dims.len()).filter(|a| small[*a] == 1 && dims[*a] != 1).collect(),
                    );
                }
                (on.clone(), self.arrange(x.0, &x.1, &on)?, self.arrange(y.0, &y.1, &on)?)
            }
            (true, true) => return None,
        };
        let shape = Graph::broadcast(self.graph.shape(a), self.graph.shape(b))?;
        self.add(node.id.into(), Op::Binary(f, a, b), &on)?;
        (self.graph.nodes.last()?.shape == shape).then_some(())
    }

    /// A function of two where one of them stays where it is, however its axes lie, and the other goes there.
    fn in_place(&mut self, node: &TypedNode, f: Binary, a: OutletId, b: OutletId) -> Option<()> {
        let dims = self.dims(node.id.into())?;
        let (x, constant) = match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => (a, Some(b)),
            (true, false) => (b, Some(a)),
            _ => (a, None),
        };
        let (id, layout) = self.picture(x, None)?;
        let (chief, one, other, first) = if let Some(constant) = constant {
            let constant = self.constant(constant)?;
            let shape = self.graph.shape(id);
            let table = (layout.dims() == dims).then(|| self.table(&constant, &layout, shape, false))??;
            (layout, id, table, x == a)
        } else {
            let (second, other) = self.picture(b, None)?;
            let simple = |id: Id, layout: &Layout| layout.simple(self.graph.shape(id)).is_some();
            // One that can stay as it is sets the places.
            let order = if simple(id, &layout) || !simple(second, &other) {
                [(id, &layout, second, &other, true), (second, &other, id, &layout, false)]
            } else {
                [(second, &other, id, &layout, false), (id, &layout, second, &other, true)]
            };
            let mut found = None;
            for (chief, places, moved, from, first) in order {
                if found.is_none() && places.dims() == dims {
                    let shape = self.graph.shape(chief);
                    found = self
                        .like(moved, from, places, shape)
                        .map(|moved| (places.clone(), chief, moved, first));
                }
            }
            found?
        };
        let shape = self.graph.shape(one);
        (Graph::broadcast(shape, self.graph.shape(other)) == Some(shape)).then_some(())?;
        let op = if first { Op::Binary(f, one, other) } else { Op::Binary(f, other, one) };
        self.place(node.id.into(), op, chief, shape)
    }

    /// A picture and a constant that is the same for all pixels.
    pub(super) fn with_constant(&mut self, x: OutletId, constant: OutletId) -> Option<(On, Id, Id)> {
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
            on = as_channels(on, varies);
        }
        let x = self.arrange(id, &layout, &on)?;
        Some((on, x, self.add_constant(values)))
    }

    /// `max(x, low)` and `min(x, high)` as activations, which convolutions take in.
    pub(super) fn clamp(&mut self, node: &TypedNode, f: Binary, with: Option<(f32, OutletId)>) -> Option<()> {
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

    pub(super) fn negative(&mut self, node: &TypedNode, x: OutletId) -> Option<()> {
        self.picture(x, None)?;
        self.values.insert(node.id.into(), Value::Negative(x));
        Some(())
    }

    /// `if x < 0 then slope * x else x`, which is how tract writes PReLU.
    pub(super) fn slope(&mut self, node: &TypedNode) -> Option<()> {
        let [condition, scaled, x] = *node.inputs.as_slice() else { return None };
        let Some(Value::Negative(of)) = self.values.get(&condition) else { return None };
        (*of == x).then_some(())?;
        let (id, layout) = self.picture(x, None)?;
        let (scaled, _) = self.picture(scaled, None)?;
        let Op::Binary(Binary::Mul, a, b) = self.graph.nodes[scaled].op else { return None };
        let (inner, constant) = if a == id { (a, b) } else { (b, a) };
        let Op::Constant(slopes) = &self.graph.nodes[constant].op else { return None };
        (inner == id && self.graph.shape(scaled) == self.graph.shape(id)).then_some(())?;
        let op = Op::Unary(Unary::Slope(slopes.clone()), id);
        let shape = self.graph.shape(id);
        let id = self.graph.push(op, shape);
        self.values.insert(node.id.into(), Value::Picture(id, layout));
        Some(())
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
