//! Chains of pointwise operators, run over a few pixels at a time so that what stands between them never
//! leaves the first cache.

use super::conv::Segment;
use super::elementwise::{Job, apply, apply_in_place};
use super::graph::{Across, Binary, Graph, Id, Op, Reduce, Unary};
use super::level::Level;
use super::rows::apply_rows;
use super::view::{Shape, View};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Floats of one register: a few of them fit into the first cache.
const REGISTER: usize = 1024;

/// How a value relates to the pixels of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// A number for each channel of each pixel.
    Full,
    /// A number for each pixel.
    Pixel,
}

#[derive(Clone, Debug)]
enum Step {
    Unary(Unary, usize, usize),
    Binary(Binary, usize, usize, usize),
    Right(Binary, usize, f32, usize),
    Left(Binary, f32, usize, usize),
    Reduce(Reduce, usize, usize),
    Spread(usize, usize),
    Across(Across, usize, usize),
}

/// Where a register is filled from.
#[derive(Clone, Debug)]
enum Source {
    /// A result.
    Result(Id),
    /// Numbers that are always the same.
    Table(Arc<Vec<f32>>),
}

#[derive(Clone, Debug)]
struct Load {
    source: Source,
    /// Of the source; each axis is the result's, or of length 1.
    shape: Shape,
    extent: Extent,
    register: usize,
    /// Whether it is the same for all pixels of a row.
    row: bool,
}

/// A compiled chain.
#[derive(Clone, Debug)]
pub(super) struct Map {
    /// Pixels and channels of the result.
    pub shape: Shape,
    loads: Vec<Load>,
    steps: Vec<Step>,
    /// Of each register.
    registers: Vec<Extent>,
    result: usize,
}

/// Registers of a chain at work, reused from run to run.
#[derive(Debug, Default)]
pub(super) struct Registers(Vec<Vec<f32>>, Vec<Place>);

/// Where the numbers of a register are for some pixels.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the register itself.
    Own,
    /// In the buffer, from here on.
    Buffer(usize),
    /// In the table of this load, from here on.
    Table(usize, usize),
}

impl Map {
    /// Compiles the pointwise nodes `group`, the last of which is the result; none when they hold something
    /// that chains can't do.
    pub(super) fn new(graph: &Graph, group: &BTreeSet<Id>) -> Option<Map> {
        let last = *group.last()?;
        let shape = graph.shape(last);
        let mut map = Map { shape, loads: vec![], steps: vec![], registers: vec![], result: 0 };
        let mut known: HashMap<Id, (usize, Extent)> = HashMap::new();
        let mut spread: HashMap<usize, usize> = HashMap::new();
        for &id in group {
            let op = &graph.nodes[id].op;
            let extent = map.extent(graph.shape(id))?;
            let scalar = |x: Id| match &graph.nodes[x].op {
                Op::Constant(c) if c.len() == 1 => Some(c[0]),
                _ => None,
            };
            let to = match op {
                Op::Unary(f, x) => {
                    let (a, _) = map.operand(graph, &mut known, *x)?;
                    let to = map.register(extent);
                    map.steps.push(Step::Unary(f.clone(), a, to));
                    to
                }
                Op::ReduceChannels(f, x) => {
                    let (a, of) = map.operand(graph, &mut known, *x)?;
                    if of != Extent::Full || shape.c == 1 {
                        return None;
                    }
                    let to = map.register(extent);
                    map.steps.push(Step::Reduce(*f, a, to));
                    to
                }
                Op::Across(f, x) => {
                    let (a, of) = map.operand(graph, &mut known, *x)?;
                    if of != Extent::Full || extent != Extent::Full {
                        return None;
                    }
                    let to = map.register(extent);
                    map.steps.push(Step::Across(*f, a, to));
                    to
                }
                Op::Binary(f, a, b) => {
                    let step = match (scalar(*a), scalar(*b)) {
                        (None, Some(b)) => {
                            let a = map.operand(graph, &mut known, *a)?.0;
                            Step::Right(*f, a, b, map.register(extent))
                        }
                        (Some(a), None) => {
                            let b = map.operand(graph, &mut known, *b)?.0;
                            Step::Left(*f, a, b, map.register(extent))
                        }
                        _ => {
                            let mut wide = |map: &mut Map, x: Id| {
                                let (register, of) = map.operand(graph, &mut known, x)?;
                                if of == extent {
                                    return Some(register);
                                }
                                Some(*spread.entry(register).or_insert_with(|| {
                                    let to = map.register(Extent::Full);
                                    map.steps.push(Step::Spread(register, to));
                                    to
                                }))
                            };
                            let (a, b) = (wide(&mut map, *a)?, wide(&mut map, *b)?);
                            Step::Binary(*f, a, b, map.register(extent))
                        }
                    };
                    map.steps.push(step);
                    map.registers.len() - 1
                }
                _ => return None,
            };
            known.insert(id, (to, extent));
            map.result = to;
        }
        Some(map)
    }

    fn register(&mut self, extent: Extent) -> usize {
        self.registers.push(extent);
        self.registers.len() - 1
    }

    /// How a value of this shape relates to the result; none when its pixels are others.
    fn extent(&self, shape: Shape) -> Option<Extent> {
        let same = (shape.n, shape.h, shape.w) == (self.shape.n, self.shape.h, self.shape.w);
        match shape.c {
            c if same && c == self.shape.c => Some(Extent::Full),
            1 if same => Some(Extent::Pixel),
            _ => None,
        }
    }

    fn operand(
        &mut self,
        graph: &Graph,
        known: &mut HashMap<Id, (usize, Extent)>,
        x: Id,
    ) -> Option<(usize, Extent)> {
        if let Some(found) = known.get(&x) {
            return Some(*found);
        }
        let all = self.shape;
        let (source, shape) = match &graph.nodes[x].op {
            Op::Constant(c) => (Source::Table(c.clone()), Shape::new(1, 1, 1, c.len())),
            Op::Table(values) => (Source::Table(values.clone()), graph.shape(x)),
            _ => (Source::Result(x), graph.shape(x)),
        };
        let suits = |of: usize, all: usize| of == all || of == 1;
        if !(suits(shape.n, all.n) && suits(shape.h, all.h) && suits(shape.w, all.w)) {
            return None;
        }
        let extent = match shape.c {
            c if c == all.c => Extent::Full,
            1 => Extent::Pixel,
            _ => return None,
        };
        let register = self.register(extent);
        // Whole pictures of one column are read where they are.
        let whole = (shape.n, shape.h, shape.w) == (all.n, all.h, all.w);
        let row = shape.w == 1 && !whole;
        self.loads.push(Load { source, shape, extent, register, row });
        known.insert(x, (register, extent));
        Some((register, extent))
    }

    /// What it reads from the buffer, and whether number by number.
    pub(super) fn reads(&self) -> impl Iterator<Item = (Id, bool)> {
        self.loads.iter().filter_map(|load| match load.source {
            Source::Result(id) => Some((id, load.shape == self.shape)),
            Source::Table(_) => None,
        })
    }

    /// Computes one part of the result; `views` tells where results lie.
    pub(super) fn run(
        &self,
        level: Level,
        buffer: &mut [f32],
        views: &[View],
        to: &View,
        part: Segment,
        registers: &mut Registers,
    ) {
        let c = self.shape.c;
        if let ([Load { source: Source::Result(id), shape, .. }], [Step::Unary(f, ..)]) =
            (self.loads.as_slice(), self.steps.as_slice())
            && *shape == self.shape
            && views[*id] == *to
            && to.rows_are_dense()
        {
            let (from, to) = (to.pixel_at(part.n, part.y, part.from), to.pixel_at(part.n, part.y, part.to));
            return apply_in_place(level, f, &mut buffer[from..to]);
        }
        let pixels = (REGISTER / c).clamp(1, part.to.saturating_sub(part.from).max(1));
        let Registers(registers, places) = registers;
        places.clear();
        places.resize(self.registers.len(), Place::Own);
        for (i, extent) in self.registers.iter().enumerate() {
            if i == registers.len() {
                registers.push(vec![]);
            }
            let len = extent.len(pixels, c);
            if registers[i].len() < len {
                registers[i].resize(len, 0.0);
            }
        }
        // Where each source's row lies.
        let row_of = |load: &Load| match &load.source {
            Source::Result(id) => views[*id],
            Source::Table(_) => View::dense(load.shape),
        };
        let start = |v: &View, x: usize| v.pixel_at(part.n.min(v.shape.n - 1), part.y.min(v.shape.h - 1), x);
        // What is the same for all pixels is spread out once.
        for load in self.loads.iter().filter(|l| l.row) {
            let r = &mut registers[load.register];
            let v = row_of(load);
            let at = start(&v, 0);
            let values = match &load.source {
                Source::Result(_) => &buffer[at..at + load.shape.c],
                Source::Table(values) => &values[at..at + load.shape.c],
            };
            if load.extent == Extent::Pixel {
                r[..pixels].fill(values[0]);
            } else {
                r[..pixels * c].chunks_exact_mut(c).for_each(|to| to.copy_from_slice(values));
            }
        }
        let mut x = part.from;
        while x < part.to {
            let count = pixels.min(part.to - x);
            for (index, load) in self.loads.iter().enumerate().filter(|(_, l)| !l.row) {
                let v = row_of(load);
                let at = start(&v, x);
                match &load.source {
                    Source::Table(_) => places[load.register] = Place::Table(index, at),
                    Source::Result(_) if v.rows_are_dense() => places[load.register] = Place::Buffer(at),
                    Source::Result(_) => {
                        let r = &mut registers[load.register];
                        copy(&buffer[at..], v.pixel, &mut r[..count * v.shape.c], v.shape.c, v.shape.c);
                    }
                }
            }
            let operands = Operands { buffer, map: self, places, pixels: count, c };
            for step in &self.steps {
                step.run(level, registers, &operands);
            }
            let result = &registers[self.result][..count * c];
            copy(result, c, &mut buffer[to.pixel_at(part.n, part.y, x)..], to.pixel, c);
            x += count;
        }
    }
}

/// Copies pixels of `c` channels between rows of other pixel distances, as many as both hold.
pub(super) fn copy(from: &[f32], from_step: usize, to: &mut [f32], to_step: usize, c: usize) {
    if from_step == c && to_step == c {
        let n = from.len().min(to.len());
        to[..n].copy_from_slice(&from[..n]);
        return;
    }
    for (to, from) in to.chunks_mut(to_step).zip(from.chunks(from_step)) {
        if to.len() < c || from.len() < c {
            break;
        }
        // Pixels are short: a loop over registers is faster than a call that copies.
        let (to, to_rest) = to[..c].as_chunks_mut::<8>();
        let (from, from_rest) = from[..c].as_chunks::<8>();
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        to_rest.iter_mut().zip(from_rest).for_each(|(to, from)| *to = *from);
    }
}

impl Extent {
    fn len(self, pixels: usize, channels: usize) -> usize {
        if self == Extent::Full { pixels * channels } else { pixels }
    }
}

/// Where a chain's steps find their operands.
struct Operands<'a> {
    buffer: &'a [f32],
    map: &'a Map,
    places: &'a [Place],
    pixels: usize,
    c: usize,
}

impl Step {
    fn run(&self, level: Level, registers: &mut [Vec<f32>], operands: &Operands<'_>) {
        let Operands { buffer, map, places, pixels, c } = *operands;
        let (Step::Unary(_, _, to)
        | Step::Binary(_, _, _, to)
        | Step::Right(_, _, _, to)
        | Step::Left(_, _, _, to)
        | Step::Reduce(_, _, to)
        | Step::Across(_, _, to)
        | Step::Spread(_, to)) = *self;
        let mut out = std::mem::take(&mut registers[to]);
        let r = |i: usize| {
            let len = map.registers[i].len(pixels, c);
            match places[i] {
                Place::Own => &registers[i][..len],
                Place::Buffer(at) => &buffer[at..at + len],
                Place::Table(load, at) => match &map.loads[load].source {
                    Source::Table(values) => &values[at..at + len],
                    Source::Result(_) => &[],
                },
            }
        };
        let len = map.registers[to].len(pixels, c);
        let job = match self {
            Step::Unary(f, a, _) => Job::Unary(f, r(*a)),
            Step::Binary(f, a, b, _) => Job::Binary(*f, r(*a), r(*b)),
            Step::Right(f, a, b, _) => Job::Right(*f, r(*a), *b),
            Step::Left(f, a, b, _) => Job::Left(*f, *a, r(*b)),
            Step::Reduce(f, a, _) => Job::Reduce(*f, r(*a), c),
            Step::Spread(a, _) => Job::Spread(r(*a), c),
            Step::Across(f, a, _) => {
                apply_rows(level, f, r(*a), &mut out[..len], c);
                registers[to] = out;
                return;
            }
        };
        apply(level, job, &mut out[..len]);
        registers[to] = out;
    }
}
