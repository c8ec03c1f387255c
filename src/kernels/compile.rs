//! Compiles a graph: which operators become one step, and where every result lies.

use super::conv::Conv;
use super::fold::fold;
use super::fuse::Fused;
use super::graph::{Graph, Id, Op};
use super::level::Level;
use super::map::Map;
use super::place::{Tensor, lay_out};
use super::product::Between;
use super::program::{Program, flat};
use super::spec::{Activation, Mode};
use super::step::{Step, Work};
use super::strip::Strip;
use super::view::{Border, Shape, View};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Why a graph can't be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// An operator on a constant.
    #[error("{0} of a constant can't be compiled")]
    Constant(String),
    /// An operator on a tensor of a shape that it is not made for.
    #[error("{operator} on {shape:?} can't be compiled")]
    Operator {
        /// The operator.
        operator: String,
        /// Shape of its result.
        shape: Shape,
    },
    /// A result of so many numbers.
    #[error("a result of {0} numbers can't be held")]
    TooLarge(usize),
    /// A result that no step makes.
    #[error("result {0} is constant")]
    ConstantResult(Id),
}

/// Where results come from: pointwise nodes are compiled as groups with one result each.
struct Groups {
    /// The group that a node belongs to, by the id of its last node.
    of: Vec<Option<Id>>,
    members: HashMap<Id, BTreeSet<Id>>,
}

impl Groups {
    /// A node joins the group of its readers when they all belong to one, so that only a group's last
    /// node is read from outside.
    fn new(graph: &Graph) -> Groups {
        let readers = graph.readers();
        let mut groups = Groups { of: vec![None; graph.nodes.len()], members: HashMap::new() };
        for id in (0..graph.nodes.len()).rev() {
            if !graph.nodes[id].op.is_pointwise() {
                continue;
            }
            let joined = readers[id].first().and_then(|r| groups.of[*r]).filter(|group| {
                let all = readers[id].iter().all(|r| groups.of[*r] == Some(*group));
                let mut with = groups.members[group].clone();
                with.insert(id);
                all && !graph.outputs.contains(&id) && Map::new(graph, &with).is_some()
            });
            let group = joined.unwrap_or(id);
            groups.of[id] = Some(group);
            groups.members.entry(group).or_default().insert(id);
        }
        groups
    }
}

impl Program {
    /// Compiles `graph` for `level`.
    ///
    /// # Errors
    /// When an operator can't be compiled, or a result not be held.
    pub fn new(graph: &Graph, level: Level, mode: Mode) -> Result<Program, CompileError> {
        Program::within(graph, level, mode, usize::MAX)
    }

    /// As [`Program::new`], with results of at most `most` bytes where running steps one after the other can do with so many.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn within(graph: &Graph, level: Level, mode: Mode, most: usize) -> Result<Program, CompileError> {
        let (graph, activations) = fold(graph);
        let groups = Groups::new(&graph);
        let fused = Fused::find(&graph, &groups.members);
        let readers = graph.readers();
        let mut steps: Vec<Step> = vec![];
        // The step that makes each result.
        let mut made: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        for (id, node) in graph.nodes.iter().enumerate() {
            let mut reads = node.op.inputs();
            if fused.skipped.contains(&id) || made[id].is_some() {
                continue;
            }
            if !node.op.is_pointwise() && reads.iter().any(|x| is_constant(&graph, *x)) {
                return Err(CompileError::Constant(format!("{:?}", node.op)));
            }
            let work = match &node.op {
                Op::Input | Op::Constant(_) | Op::Slice(..) | Op::Concat(_) => continue,
                // Chains read tables where they are.
                Op::Table(values) => {
                    let chains = readers[id].iter().all(|r| graph.nodes[*r].op.is_pointwise());
                    if chains && !graph.outputs.contains(&id) {
                        continue;
                    }
                    Work::Fill(values.clone())
                }
                Op::Unary(..) | Op::Binary(..) | Op::ReduceChannels(..) | Op::Across(..) => {
                    let group = groups.of[id].unwrap_or(id);
                    if group != id || fused.skipped.contains(&group) {
                        continue;
                    }
                    match Map::new(&graph, &groups.members[&id]) {
                        Some(map) => {
                            reads = map.reads().map(|r| r.0).collect();
                            let position = |x: Id| made[x].map_or(0, |s| s + 1);
                            // The convolution whose result the chain takes in place: the last one made.
                            let conv = map.reads().find(|&(x, full)| {
                                let is_conv =
                                    made[x].is_some_and(|s| matches!(steps[s].work, Work::Conv(_, None)));
                                let last = reads
                                    .iter()
                                    .all(|r| *r == x || source_position(&graph, &made, *r) < position(x));
                                full && is_conv && last && single_reader(&graph, x, &groups.members[&id])
                            });
                            if let Some((x, _)) = conv {
                                let at = made[x].unwrap_or_default();
                                let step = &mut steps[at];
                                if let Work::Conv(_, after) = &mut step.work {
                                    *after = Some(Box::new(map));
                                }
                                step.reads.extend(reads.into_iter().filter(|r| *r != x));
                                // The chain's result takes the place of the convolution's.
                                step.to = id;
                                made[id] = Some(at);
                                continue;
                            }
                            Work::Map(Box::new(map))
                        }
                        None => match &node.op {
                            Op::ReduceChannels(f, _) => Work::ReduceChannels(*f),
                            op => {
                                let (operator, shape) = (format!("{op:?}"), node.shape);
                                return Err(CompileError::Operator { operator, shape });
                            }
                        },
                    }
                }
                Op::Conv { x, spec, weights, bias } => {
                    let activation = activations.get(&id).cloned().unwrap_or(Activation::None);
                    let x = flat(graph.shape(*x), spec);
                    let bias = bias.as_ref().map(|b| b.as_slice());
                    Work::Conv(Box::new(Conv::new(level, mode, *spec, x, weights, bias, activation)), None)
                }
                Op::ReduceSpace(f, _) => Work::ReduceSpace(*f),
                Op::Pool(kind, window, _) => Work::Pool(*kind, *window),
                Op::Rearrange(_, axes) => Work::Rearrange(axes.clone()),
                Op::Pad(_, border, mode) => Work::Pad((border.top, border.left), *mode),
                Op::Take(_, positions) => Work::Take(positions.clone()),
                Op::Join(parts, axis) => {
                    let mut from = 0;
                    for x in parts {
                        let work = Work::Copy(*axis, from);
                        steps.push(Step { work, reads: vec![*x], to: id, clear: vec![] });
                        from += length(graph.shape(*x), *axis);
                    }
                    made[id] = Some(steps.len() - 1);
                    continue;
                }
                Op::Resample(_, axis, taps) => Work::Resample(*axis, taps.clone()),
                Op::Sample(how, ..) => Work::Sample(*how),
                Op::MatMul { .. } => {
                    let (work, reads, to) =
                        if let Some((attention, to)) = fused.attention(&graph, &groups.members, level, id) {
                            let chain = match &attention.between {
                                Between::Chain(Some(chain)) => chain.reads().map(|r| r.0).collect(),
                                _ => vec![],
                            };
                            let scores = [attention.scores.0, attention.scores.1];
                            let (first, second) = (&attention.first, &attention.second);
                            let sides = [first.a.id, first.b.id, second.b.id];
                            let reads: Vec<Id> = sides
                                .into_iter()
                                .chain(chain.into_iter().filter(|r| !scores.contains(r)))
                                .collect();
                            (Work::Attention(Box::new(attention)), reads, to)
                        } else if let Some((product, to)) = fused.product(&graph, level, id) {
                            let reads = vec![product.a.id, product.b.id];
                            (Work::Product(Box::new(product)), reads, to)
                        } else {
                            continue;
                        };
                    made[to] = Some(steps.len());
                    steps.push(Step { work, reads, to, clear: vec![] });
                    continue;
                }
            };
            made[id] = Some(steps.len());
            steps.push(Step { work, reads, to: id, clear: vec![] });
        }
        Program::lay_out(&graph, level, steps, made, most)
    }

    /// Gives every result its place.
    fn lay_out(
        graph: &Graph,
        level: Level,
        mut steps: Vec<Step>,
        made: Vec<Option<usize>>,
        most: usize,
    ) -> Result<Program, CompileError> {
        // Where a result lies: its root buffer and the first channel there. Results that a chain replaced
        // lie where the chain's does.
        let count = graph.nodes.len();
        let mut root: Vec<(Id, usize)> = (0..count).map(|id| (id, 0)).collect();
        for (id, node) in graph.nodes.iter().enumerate() {
            if let (Op::Conv { .. }, Some(step)) = (&node.op, made[id]) {
                root[id] = (steps[step].to, 0);
            }
        }
        let mut copies = vec![];
        // Later concatenations first: a concatenation within another lies in the outer one's buffer.
        for id in (0..count).rev() {
            let Op::Concat(parts) = &graph.nodes[id].op else { continue };
            let mut from = 0;
            for &x in parts {
                let step = made[x].filter(|s| steps[*s].to == x);
                let owner = step.is_some() || matches!(graph.nodes[x].op, Op::Concat(_));
                let first = parts.iter().filter(|p| **p == x).count() == 1;
                if owner && first && root[x] == (x, 0) && !graph.outputs.contains(&x) {
                    root[x] = (id, from);
                } else {
                    copies.push((x, id, from));
                }
                from += graph.shape(x).c;
            }
        }
        let resolve = |mut id: Id| {
            let mut channel = 0;
            loop {
                if let Op::Slice(x, from) = graph.nodes[id].op {
                    (id, channel) = (x, channel + from);
                } else if root[id] == (id, 0) {
                    return (id, channel);
                } else {
                    channel += root[id].1;
                    id = root[id].0;
                }
            }
        };
        // Copies come when both the part and the other parts' buffer are there: before the first reader.
        for (x, id, from) in copies {
            let before = steps
                .iter()
                .position(|s| s.reads.iter().any(|r| depends(graph, *r, id)))
                .unwrap_or(steps.len());
            let step = Step { work: Work::Copy(3, from), reads: vec![x], to: id, clear: vec![] };
            steps.insert(before, step);
        }
        let mut borders = vec![Border::default(); count];
        let mut scratch = 0;
        // What lies in the place of one row of pixels: the scores of attention.
        let mut rows: HashSet<Id> = HashSet::new();
        for step in &steps {
            match &step.work {
                Work::Conv(conv, _) => {
                    let x = step.reads[0];
                    borders[resolve(x).0] = borders[resolve(x).0].union(conv.border());
                    scratch = scratch.max(conv.scratch());
                }
                Work::Product(product) => scratch = scratch.max(product.matmul.scratch()),
                Work::Attention(attention) => {
                    scratch = scratch.max(attention.scratch());
                    // None are kept where the kernel has its own.
                    if matches!(attention.between, Between::Chain(_)) {
                        rows.insert(attention.scores.1);
                    }
                }
                _ => {}
            }
        }
        // When each buffer is first written and last read, in steps; inputs live from the start, outputs
        // to the end.
        let inputs: Vec<Id> = (0..count).filter(|id| matches!(graph.nodes[*id].op, Op::Input)).collect();
        let lives_with = |strips: &[Strip]| {
            let mut lives: HashMap<Id, (usize, usize)> = HashMap::new();
            let mut live = |id: Id, at: usize| {
                let life = lives.entry(resolve(id).0).or_insert((at, at));
                *life = (life.0.min(at), life.1.max(at));
            };
            inputs.iter().for_each(|id| live(*id, 0));
            for (at, step) in steps.iter().enumerate() {
                let (first, last) = Strip::moments(strips, at);
                let mut live = |id: Id| [first, last].into_iter().for_each(|at| live(id, at + 1));
                live(step.to);
                if let Work::Attention(attention) = &step.work
                    && rows.contains(&attention.scores.1)
                {
                    live(attention.scores.1);
                }
                step.reads
                    .iter()
                    .filter(|r| !is_constant(graph, **r) && !is_table(graph, &made, **r))
                    .for_each(|r| live(*r));
            }
            graph.outputs.iter().for_each(|id| live(*id, steps.len() + 1));
            lives
        };
        let arrange = |strips: Vec<Strip>| -> Result<Arranged, CompileError> {
            let lives = lives_with(&strips);
            let mut roots: Vec<Id> = lives.keys().copied().collect();
            roots.sort_unstable();
            let tensor = |id: &Id| {
                let (first, last) = lives[id];
                let shape = graph.shape(*id);
                let shape = if rows.contains(id) { Shape { n: 1, h: 1, ..shape } } else { shape };
                Tensor { shape, border: borders[*id], first, last }
            };
            let tensors: Vec<Tensor> = roots.iter().map(tensor).collect();
            let (places, buffer) = lay_out(&tensors).map_err(CompileError::TooLarge)?;
            Ok(Arranged { strips, lives, roots, tensors, places, buffer })
        };
        let mut arranged = arrange(vec![])?;
        let apart = arranged.buffer;
        let strips = Strip::find(graph, &steps, |id| resolve(id).0);
        if !strips.is_empty() {
            let together = arrange(strips)?;
            let allowed = together.buffer.saturating_mul(4) <= most;
            if allowed && together.bare()? <= Strip::most(arranged.bare()?) {
                arranged = together;
            }
        }
        let Arranged { strips, lives, roots, places, buffer, .. } = arranged;
        let mut views = vec![View::dense(Shape::new(1, 1, 1, 1)); count];
        for (id, place) in roots.iter().zip(places) {
            views[*id] = place;
        }
        for step in &steps {
            if let Work::Attention(attention) = &step.work {
                let (first, last) = attention.scores;
                views[last] = View { shape: graph.shape(last), image: 0, row: 0, ..views[last] };
                views[first] = views[last];
            }
        }
        for id in 0..count {
            if is_constant(graph, id) {
                continue;
            }
            let (base, channel) = resolve(id);
            if lives.contains_key(&base) && !rows.contains(&base) {
                views[id] = views[base].channels(channel, graph.shape(id).c);
            }
        }
        let mut first_clear = vec![];
        for id in roots {
            if borders[id] != Border::default() {
                match lives[&id].0 {
                    0 => first_clear.push((borders[id], views[id])),
                    at => steps[at - 1].clear.push((borders[id], views[id])),
                }
            }
        }
        if let Some(id) = graph.outputs.iter().find(|id| is_constant(graph, **id)) {
            return Err(CompileError::ConstantResult(*id));
        }
        Ok(Program {
            level,
            steps,
            strips,
            views,
            inputs,
            outputs: graph.outputs.clone(),
            first_clear,
            buffer,
            apart,
            scratch,
        })
    }
}

/// Where results lie.
struct Arranged {
    strips: Vec<Strip>,
    /// When each is first written and last read.
    lives: HashMap<Id, (usize, usize)>,
    roots: Vec<Id>,
    /// Of each root.
    tensors: Vec<Tensor>,
    /// Of each root.
    places: Vec<View>,
    buffer: usize,
}

impl Arranged {
    /// Floats of the buffer without borders, which weigh less the larger pictures are.
    fn bare(&self) -> Result<usize, CompileError> {
        let bare = self.tensors.iter().map(|tensor| Tensor { border: Border::default(), ..*tensor });
        Ok(lay_out(&bare.collect::<Vec<_>>()).map_err(CompileError::TooLarge)?.1)
    }
}

fn is_constant(graph: &Graph, id: Id) -> bool {
    matches!(graph.nodes[id].op, Op::Constant(_))
}

/// Whether it is a table that only chains read, which has no place of its own.
fn is_table(graph: &Graph, made: &[Option<usize>], id: Id) -> bool {
    matches!(graph.nodes[id].op, Op::Table(_)) && made[id].is_none()
}

/// Length of an axis.
fn length(shape: Shape, axis: usize) -> usize {
    [shape.n, shape.h, shape.w, shape.c][axis]
}

/// Whether only nodes of the group read `x`.
fn single_reader(graph: &Graph, x: Id, group: &BTreeSet<Id>) -> bool {
    let mut readers = graph.nodes.iter().enumerate().filter(|(_, n)| n.op.inputs().contains(&x));
    !graph.outputs.contains(&x) && readers.all(|(id, _)| group.contains(&id))
}

/// The last step, counted from 1, that must be done before `x` is there; 0 for inputs.
fn source_position(graph: &Graph, made: &[Option<usize>], x: Id) -> usize {
    match (&graph.nodes[x].op, made[x]) {
        (_, Some(step)) => step + 1,
        (Op::Slice(..) | Op::Concat(_), None) => {
            graph.nodes[x].op.inputs().into_iter().map(|i| source_position(graph, made, i)).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// Whether reading `reader` reads the buffer of concatenation `id`.
fn depends(graph: &Graph, reader: Id, id: Id) -> bool {
    reader == id
        || match &graph.nodes[reader].op {
            Op::Slice(x, _) => depends(graph, *x, id),
            Op::Concat(parts) => parts.iter().any(|x| depends(graph, *x, id)),
            _ => false,
        }
}
