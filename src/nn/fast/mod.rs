//! Rewrites a network so that the kernels run what they can: the simplified graph is cut into regions of
//! operators that there are kernels for; each becomes one operator of tract's, all others stay.

mod layout;
mod lift;
mod moves;
mod ops;
mod pointwise;
mod products;
mod region;
mod windows;

use super::onnxruntime::Device;
use crate::kernels::{Level, Memory, Mode, Op, Program, Strides};
pub(super) use lift::floats;
use lift::{Lifter, On, Value};
pub(super) use region::Region;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// How networks are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// By our kernels where there are some, by tract's otherwise.
    Fast {
        /// Direct sums only: results equal tract's up to the order of additions.
        exact: bool,
        /// Instructions to use.
        level: Level,
    },
    /// By tract alone.
    Plain,
    /// By onnxruntime, from a library of the user's.
    Onnxruntime(Device),
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::Fast { exact: false, level: Level::best() }
    }
}

/// The network with regions in place of what the kernels run in `memory` bytes; itself where there is nothing to gain.
pub(super) fn rewrite(model: TypedModel, engine: Engine, memory: u64) -> TractResult<TypedModel> {
    let Engine::Fast { exact, level } = engine else { return Ok(model) };
    let mode = if exact { Mode::Exact } else { Mode::Fast };
    let order = model.eval_order()?;
    let regions = lift_all(&model, &order);
    let mut kept: BTreeMap<usize, Compiled> = BTreeMap::new();
    let mut member: HashMap<usize, usize> = HashMap::new();
    for (number, (lifter, nodes)) in regions {
        let useful = lifter.graph.nodes.iter().any(|n| matches!(n.op, Op::Conv { .. } | Op::MatMul { .. }));
        let compiled = useful.then(|| compile(lifter, &nodes, (level, mode), memory)).flatten();
        // The engine may do with less, such as without the borders of far-reaching convolutions.
        if let Some(compiled) = compiled.filter(|c| c.region.program.memory().results as u64 <= memory) {
            member.extend(nodes.iter().map(|n| (*n, number)));
            kept.insert(number, compiled);
        }
    }
    if kept.is_empty() {
        return Ok(model);
    }
    Rebuild { old: &model, new: TypedModel::default(), kept, member, wired: HashMap::new() }.run(&order)
}

/// The region that is the whole network, if one is.
pub(super) fn whole(model: &TypedModel) -> Option<Region> {
    let [source, region] = model.nodes() else { return None };
    let whole = model.inputs == [source.id.into()] && model.outputs == [region.id.into()];
    let whole = whole && region.inputs == [source.id.into()];
    region.op_as::<Region>().filter(|_| whole).cloned()
}

/// What the kernels of a rewritten network work in, which its regions share.
pub(super) fn memory(model: &TypedModel) -> Memory {
    let regions = model.nodes().iter().filter_map(|n| n.op_as::<Region>());
    regions.fold(Memory::default(), |all, region| all.shared(region.program.memory()))
}

type Regions<'m> = BTreeMap<usize, (Lifter<'m>, HashSet<usize>)>;

/// Takes every node into a region that can. A region's number is larger than those of all regions that it
/// reads through operators of tract's, so that no region waits for itself.
fn lift_all<'m>(model: &'m TypedModel, order: &[usize]) -> Regions<'m> {
    let mut regions: Regions<'m> = BTreeMap::new();
    // For each node the highest region before it, and whether it is in that region itself.
    let mut levels: HashMap<usize, (usize, bool)> = HashMap::new();
    for &id in order {
        let node = model.node(id);
        let through = node.inputs.iter().filter_map(|i| levels.get(&i.node)).map(|l| l.0).max().unwrap_or(0);
        // A convolution whose kernel is scaled reads the scale where it is taken in.
        let scale = windows::scaled_kernel(model, node).map(|s| s.1);
        let read = |(slot, input): (usize, &OutletId)| scale.filter(|_| slot == 1).unwrap_or(*input).node;
        let before = node.inputs.iter().enumerate().map(read).filter_map(|n| levels.get(&n));
        let number =
            before.map(|(level, lifted)| if *lifted { *level } else { level + 1 }).max().unwrap_or(0);
        let constant = node.outputs.iter().all(|o| o.fact.konst.is_some());
        let lifted = !constant && node.outputs.len() == 1 && !node.inputs.is_empty() && {
            let (lifter, nodes) =
                regions.entry(number).or_insert_with(|| (Lifter::new(model), HashSet::new()));
            let mark = lifter.mark();
            let done = lifter.lift(node).is_some();
            if done {
                nodes.insert(id);
            } else {
                lifter.back(mark);
                lifter.values.remove(&id.into());
            }
            done
        };
        if !constant {
            levels.insert(id, if lifted { (number, true) } else { (through, false) });
        }
    }
    regions
}

/// A region ready to be wired.
struct Compiled {
    region: Region,
    inputs: Vec<OutletId>,
    outputs: Vec<OutletId>,
}

fn compile(
    mut lifter: Lifter<'_>,
    nodes: &HashSet<usize>,
    (level, mode): (Level, Mode),
    memory: u64,
) -> Option<Compiled> {
    let model = lifter.model;
    let readers = |id: usize| model.node(id).outputs[0].successors.iter();
    // Scaled kernels of convolutions that are here.
    let unread = |id: usize| {
        let scaled = |node: usize| windows::scaled_kernel(model, model.node(node)).is_some();
        let mut all = readers(id).map(|s| s.slot == 1 && nodes.contains(&s.node) && scaled(s.node));
        all.all(|a| a) && !model.outputs.contains(&id.into())
    };
    let wanted = |id: usize| {
        let outside = readers(id).any(|s| !nodes.contains(&s.node) && !unread(s.node));
        outside || model.outputs.contains(&id.into())
    };
    let mut ids: Vec<usize> = nodes.iter().copied().filter(|id| wanted(*id)).collect();
    // Truth values are made again by tract's own operator where somebody else reads them, from this.
    let tested = |id: &usize| match lifter.values.get(&(*id).into()) {
        Some(Value::Negative(of)) => nodes.contains(&of.node).then_some(of.node),
        _ => None,
    };
    let tested: Vec<usize> = ids.iter().filter_map(tested).collect();
    ids.extend(tested);
    ids.sort_unstable();
    ids.dedup();
    let mut outputs = vec![];
    let mut found = vec![];
    for id in ids {
        let outlet = OutletId::from(id);
        let Some(Value::Picture(picture, layout)) = lifter.values.get(&outlet).cloned() else { continue };
        let dims = layout.dims();
        let on = lifter.place_of(picture, &layout);
        let picture = lifter.arrange(picture, &layout, &on)?;
        found.push(picture);
        outputs.push((outlet, dims.clone(), strides(&dims, &on)));
    }
    lifter.graph.outputs = found;
    let program =
        Program::within(&lifter.graph, level, mode, usize::try_from(memory).unwrap_or(usize::MAX)).ok()?;
    let inputs = lifter
        .inputs
        .iter()
        .map(|(outlet, on)| Some((*outlet, strides(&lifter.dims(*outlet)?, on))))
        .collect::<Option<Vec<_>>>()?;
    let (outlets, shapes) = outputs.into_iter().map(|(o, dims, s)| (o, (dims, s))).unzip();
    let region =
        Region { program: Arc::new(program), inputs: inputs.iter().map(|i| i.1).collect(), outputs: shapes };
    Some(Compiled { region, inputs: inputs.into_iter().map(|i| i.0).collect(), outputs: outlets })
}

/// Distances of a row-major tensor along the axes of its picture.
fn strides(dims: &[usize], on: &On) -> Strides {
    Strides(on.each_ref().map(|axes| {
        // Several tensor axes on one picture axis lie behind one another.
        axes.iter().rfind(|a| dims[**a] != 1).map_or(0, |a| dims[a + 1..].iter().product())
    }))
}

struct Rebuild<'m> {
    old: &'m TypedModel,
    new: TypedModel,
    kept: BTreeMap<usize, Compiled>,
    /// The region of each node that is in one.
    member: HashMap<usize, usize>,
    wired: HashMap<OutletId, OutletId>,
}

impl Rebuild<'_> {
    fn run(mut self, order: &[usize]) -> TractResult<TypedModel> {
        // The inputs keep their order, and stay when nobody reads them.
        let inputs: Vec<usize> = self.old.inputs.iter().map(|i| i.node).collect();
        for &id in inputs.iter().chain(order) {
            if !self.member.contains_key(&id) {
                self.node(id)?;
            }
        }
        let outputs: Vec<OutletId> =
            self.old.outputs.iter().map(|o| self.outlet(*o)).collect::<TractResult<_>>()?;
        self.new.select_output_outlets(&outputs)?;
        self.new.symbols = self.old.symbols.clone();
        let mut model = self.new;
        model.compact()?;
        Ok(model)
    }

    /// The outlet of the new network that stands for one of the old's.
    fn outlet(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(known) = self.wired.get(&outlet) {
            return Ok(*known);
        }
        let region = self.member.get(&outlet.node).copied();
        let region = region.filter(|r| self.kept.get(r).is_some_and(|c| c.outputs.contains(&outlet)));
        match region {
            Some(number) => {
                let compiled = self.kept.remove(&number);
                let compiled = compiled.with_context(|| format!("region {number} waits for itself"))?;
                let inputs: Vec<OutletId> =
                    compiled.inputs.iter().map(|i| self.outlet(*i)).collect::<TractResult<_>>()?;
                let made = self.new.wire_node(format!("kernels.{number}"), compiled.region, &inputs)?;
                self.wired.extend(compiled.outputs.iter().copied().zip(made));
            }
            None => self.node(outlet.node)?,
        }
        self.wired.get(&outlet).copied().with_context(|| format!("{outlet:?} was not wired"))
    }

    /// Wires one of tract's own operators.
    fn node(&mut self, id: usize) -> TractResult<()> {
        let node = self.old.node(id);
        if self.wired.contains_key(&id.into()) {
            return Ok(());
        }
        let made = if self.old.inputs.contains(&id.into()) {
            tvec!(self.new.add_source(&node.name, node.outputs[0].fact.clone())?)
        } else {
            let inputs: Vec<OutletId> =
                node.inputs.iter().map(|i| self.outlet(*i)).collect::<TractResult<_>>()?;
            self.new.wire_node(&node.name, node.op.clone(), &inputs)?
        };
        for (slot, outlet) in made.into_iter().enumerate() {
            self.wired.insert(OutletId::new(id, slot), outlet);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
