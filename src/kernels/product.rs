//! Products as steps of a program: of all rows of pictures, and attention, whose scores never leave the cache.

use super::attention;
use super::conv::Segment;
use super::graph::{Atom, Id};
use super::level::Level;
use super::map::{Map, Registers};
use super::matmul::{MatMul, Matrix};
use super::moves::offsets;
use super::view::{Shape, View};

/// A result as the picture that a rearrangement makes of it.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub id: Id,
    pub axes: [Vec<Atom>; 4],
}

/// Where the numbers of a side lie: offsets that add up.
struct Places {
    at: usize,
    axes: [Vec<usize>; 4],
}

impl Side {
    /// A result as it is.
    pub(super) fn plain(id: Id, shape: Shape) -> Side {
        let whole = |axis: usize, len: usize| vec![Atom { len, axis, step: 1 }];
        Side { id, axes: [whole(0, shape.n), whole(1, shape.h), whole(2, shape.w), whole(3, shape.c)] }
    }

    fn places(&self, views: &[View]) -> Places {
        let view = &views[self.id];
        Places { at: view.at, axes: offsets(&self.axes, view) }
    }
}

impl Places {
    /// The matrix of row `h` of picture `n`; the only one where there is one for all.
    fn matrix(&self, n: usize, h: usize) -> Matrix<'_> {
        let [ns, hs, rows, columns] = &self.axes;
        let of = |all: &[usize], i: usize| all[if all.len() == 1 { 0 } else { i }];
        Matrix { base: self.at + of(ns, n) + of(hs, h), rows, columns }
    }
}

/// The product of each row of pixels.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub matmul: MatMul,
    pub a: Side,
    pub b: Side,
    pub y: Side,
    /// Pictures and rows.
    pub items: (usize, usize),
}

impl Product {
    pub(super) fn run(&self, buffer: &mut [f32], views: &[View], scratch: &mut [f32]) {
        let [a, b, y] = [&self.a, &self.b, &self.y].map(|side| side.places(views));
        for n in 0..self.items.0 {
            for h in 0..self.items.1 {
                self.matmul.run(buffer, &a.matrix(n, h), &b.matrix(n, h), &y.matrix(n, h), scratch);
            }
        }
    }
}

/// Two products one after the other, with a chain of pointwise operators between them.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub first: Product,
    pub between: Between,
    pub second: Product,
    /// The first product's result and the chain's, which lie in the same place: all rows in one.
    pub scores: (Id, Id),
}

/// What is done to the scores.
#[derive(Clone, Debug)]
pub(super) enum Between {
    /// A chain, in their place.
    Chain(Option<Map>),
    /// Scales and sums, and softmax: a kernel of its own.
    Softmax(attention::Attention),
}

impl Attention {
    /// Floats of scratch that it takes.
    pub(super) fn scratch(&self) -> usize {
        match &self.between {
            Between::Chain(_) => self.first.matmul.scratch().max(self.second.matmul.scratch()),
            Between::Softmax(attention) => attention.scratch(),
        }
    }

    pub(super) fn run(
        &self,
        level: Level,
        buffer: &mut [f32],
        views: &[View],
        scratch: &mut [f32],
        registers: &mut Registers,
    ) {
        let places = |p: &Product| [&p.a, &p.b, &p.y].map(|side| side.places(views));
        let [q, k, scores] = places(&self.first);
        let [weights, v, y] = places(&self.second);
        let rows = self.first.matmul.rows;
        for n in 0..self.first.items.0 {
            for h in 0..self.first.items.1 {
                let [q, k, v, y] = [&q, &k, &v, &y].map(|places| places.matrix(n, h));
                match &self.between {
                    Between::Softmax(attention) => {
                        let k = if self.first.matmul.transposed { k } else { k.turned() };
                        let v = if self.second.matmul.transposed { v.turned() } else { v };
                        attention.run(buffer, (n, h), [&q, &k, &v, &y], scratch);
                    }
                    Between::Chain(chain) => {
                        let (scores, weights) = (scores.matrix(n, h), weights.matrix(n, h));
                        self.first.matmul.run(buffer, &q, &k, &scores, scratch);
                        if let Some(chain) = chain {
                            let part = Segment { n, y: h, from: 0, to: rows };
                            chain.run(level, buffer, views, &views[self.scores.1], part, registers);
                        }
                        self.second.matmul.run(buffer, &weights, &v, &y, scratch);
                    }
                }
            }
        }
    }
}
