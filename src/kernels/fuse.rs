//! Which products of a graph read and write through rearrangements, and which are attention.

use super::attention;
use super::graph::{Across, Atom, Binary, Graph, Id, Op};
use super::level::Level;
use super::map::Map;
use super::matmul::MatMul;
use super::product::{Attention, Between, Product, Side};
use super::view::Shape;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Fused {
    /// Nodes that need no step of their own.
    pub skipped: HashSet<Id>,
    /// For products whose result goes to other places at once: the rearrangement that tells which.
    targets: HashMap<Id, (Id, [Vec<Atom>; 4])>,
    /// For second products of attention: the first, and the last of the chain between them.
    attention: HashMap<Id, (Id, Id)>,
}

impl Fused {
    /// Looks at all products; `members` tells the pointwise group that ends at a node.
    pub(super) fn find(graph: &Graph, members: &HashMap<Id, BTreeSet<Id>>) -> Fused {
        let mut found = Fused::default();
        let products: Vec<Id> =
            (0..graph.nodes.len()).filter(|id| matches!(graph.nodes[*id].op, Op::MatMul { .. })).collect();
        if products.is_empty() {
            return found;
        }
        let readers = graph.readers();
        let free = |id: Id| !graph.outputs.contains(&id);
        for (id, node) in graph.nodes.iter().enumerate() {
            let Op::Rearrange(x, axes) = &node.op else { continue };
            let products_only =
                readers[id].iter().all(|r| matches!(graph.nodes[*r].op, Op::MatMul { .. })) && free(id);
            if products_only && !is_constant(graph, *x) {
                found.skipped.insert(id);
            } else if matches!(graph.nodes[*x].op, Op::MatMul { .. })
                && readers[*x].len() == 1
                && free(*x)
                && let Some(inverse) = inverse(graph, *x, axes)
            {
                found.targets.insert(*x, (id, inverse));
            }
        }
        for &second in &products {
            let Op::MatMul { a, b, .. } = graph.nodes[second].op else { continue };
            if readers[a].len() != 1 || !free(a) || found.targets.contains_key(&a) {
                continue;
            }
            let first = match members.get(&a) {
                None => Some(a),
                Some(group) => Map::new(graph, group).and_then(|map| {
                    let mut scores = map.reads().filter(|(x, full)| {
                        let mut own = readers[*x].iter().map(|r| group.contains(r));
                        *full && free(*x) && own.all(|o| o) && matches!(graph.nodes[*x].op, Op::MatMul { .. })
                    });
                    let first = scores.next().map(|s| s.0);
                    first.filter(|x| {
                        !found.targets.contains_key(x) && !map.reads().any(|(r, full)| r == *x && !full)
                    })
                }),
            };
            let Some(first) = first.filter(|f| matches!(graph.nodes[*f].op, Op::MatMul { .. })) else {
                continue;
            };
            // One that is part of another attention already, or that the second product needs whole.
            if found.attention.contains_key(&first) || b == a || b == first {
                continue;
            }
            found.attention.insert(second, (first, a));
            found.skipped.extend([first, a]);
        }
        found
    }

    /// The product of node `id`, and the node whose result it makes.
    pub(super) fn product(&self, graph: &Graph, level: Level, id: Id) -> Option<(Product, Id)> {
        let Op::MatMul { a, b, transposed } = graph.nodes[id].op else { return None };
        let side = |x: Id| match &graph.nodes[x].op {
            Op::Rearrange(from, axes) if self.skipped.contains(&x) => Side { id: *from, axes: axes.clone() },
            _ => Side::plain(x, graph.shape(x)),
        };
        let shape = graph.shape(id);
        let matmul = MatMul::new(level, shape.w, graph.shape(a).c, shape.c, transposed);
        let (y, to) = match self.targets.get(&id) {
            Some((to, axes)) => (Side { id: *to, axes: axes.clone() }, *to),
            None => (Side::plain(id, shape), id),
        };
        Some((Product { matmul, a: side(a), b: side(b), y, items: (shape.n, shape.h) }, to))
    }

    /// The attention whose second product node `id` is.
    pub(super) fn attention(
        &self,
        graph: &Graph,
        members: &HashMap<Id, BTreeSet<Id>>,
        level: Level,
        id: Id,
    ) -> Option<(Attention, Id)> {
        let (first, last) = *self.attention.get(&id)?;
        let (second, to) = self.product(graph, level, id)?;
        let scores = (first, last);
        let (first, _) = self.product(graph, level, first)?;
        let softmax = softmax(graph, members.get(&last), level, scores, (&first, &second));
        let between = match softmax {
            Some(attention) => Between::Softmax(attention),
            None => Between::Chain(members.get(&last).and_then(|group| Map::new(graph, group))),
        };
        Some((Attention { first, between, second, scores }, to))
    }
}

/// The kernel for attention whose scores are but scaled and added to before their softmax.
fn softmax(
    graph: &Graph,
    group: Option<&BTreeSet<Id>>,
    level: Level,
    (first, last): (Id, Id),
    (one, two): (&Product, &Product),
) -> Option<attention::Attention> {
    let (one, two) = (&one.matmul, &two.matmul);
    let mut found = attention::Attention::new(level, one.rows, one.columns, one.inner, two.columns);
    let Op::Across(Across::Softmax, mut at) = graph.nodes[last].op else { return None };
    let mut left = group?.len() - 1;
    let constant = |id: Id| match &graph.nodes[id].op {
        Op::Constant(values) => Some((values.clone(), Shape::new(1, 1, 1, values.len()))),
        Op::Table(values) => Some((values.clone(), graph.shape(id))),
        _ => None,
    };
    let mut tables = vec![];
    let mut scales = vec![];
    while at != first {
        let Op::Binary(f, a, b) = graph.nodes[at].op else { return None };
        let (next, (values, shape)) = match (constant(a), constant(b), f) {
            (_, Some(b), Binary::Add | Binary::Mul | Binary::Div) => (a, b),
            (Some(a), None, Binary::Add | Binary::Mul) => (b, a),
            _ => return None,
        };
        let heads = (shape.n, shape.w, shape.c) == (1, 1, 1);
        match f {
            Binary::Add => {
                // Sums come after scales.
                scales.is_empty().then_some(())?;
                tables.push((values, shape));
            }
            Binary::Mul if heads => scales.push(values.to_vec()),
            Binary::Div if heads => scales.push(values.iter().map(|v| 1.0 / v).collect()),
            _ => return None,
        }
        left = left.checked_sub(1)?;
        at = next;
    }
    (left == 0).then_some(())?;
    scales.iter().for_each(|s| found.scale(s));
    tables.iter().rev().for_each(|(values, shape)| found.add(values, *shape));
    Some(found)
}

fn is_constant(graph: &Graph, id: Id) -> bool {
    matches!(graph.nodes[id].op, Op::Constant(_))
}

/// Where each axis of `x` lies in what `axes` makes of it; none where that repeats or leaves out.
fn inverse(graph: &Graph, x: Id, axes: &[Vec<Atom>; 4]) -> Option<[Vec<Atom>; 4]> {
    let shape = graph.shape(x);
    let mut parts: [Vec<(usize, Atom)>; 4] = Default::default();
    for (axis, atoms) in axes.iter().enumerate() {
        let mut step = 1;
        for atom in atoms.iter().rev() {
            parts[atom.axis].push((atom.step, Atom { len: atom.len, axis, step }));
            step *= atom.len;
        }
    }
    let mut result: [Vec<Atom>; 4] = Default::default();
    for ((parts, length), result) in
        parts.iter_mut().zip([shape.n, shape.h, shape.w, shape.c]).zip(&mut result)
    {
        parts.sort_by_key(|p| p.0);
        let mut expected = 1;
        for (step, atom) in parts.iter().filter(|p| p.1.len != 1) {
            (*step == expected).then_some(())?;
            expected *= atom.len;
        }
        (expected == length).then_some(())?;
        result.extend(parts.iter().rev().map(|p| p.1));
    }
    Some(result)
}
