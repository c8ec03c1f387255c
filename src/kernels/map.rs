//! Chains of pointwise operators, run over a few pixels at a time so that what stands between them never
//! leaves the first cache.

use super::conv::Segment;
use super::elementwise::{Job, apply, apply_in_place};
use super::graph::{Binary, Graph, Id, Op, Reduce, Unary};
use super::level::Level;
use super::view::{Shape, View};
use std::collections::{BTreeSet, HashMap};

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
}

/// Where a register is filled from.
#[derive(Clone, Debug)]
enum Source {
    /// The pixels of a result.
    Pixels(Id),
    /// A result that has one pixel a picture.
    Picture(Id),
    /// A number for each channel.
    Channels(Vec<f32>),
}

/// A compiled chain.
#[derive(Clone, Debug)]
pub(super) struct Map {
    /// Pixels and channels of the result.
    pub shape: Shape,
    loads: Vec<(Source, Extent, usize)>,
    steps: Vec<Step>,
    /// Of each register.
    registers: Vec<Extent>,
    result: usize,
}

/// Registers of a chain at work, reused from run to run.
#[derive(Debug, Default)]
pub(super) struct Registers(Vec<Vec<f32>>, Vec<Option<usize>>);

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
        let of = graph.shape(x);
        let channels = |c: usize| match c {
            c if c == self.shape.c => Some(Extent::Full),
            1 => Some(Extent::Pixel),
            _ => None,
        };
        let (source, extent) = if let Op::Constant(c) = &graph.nodes[x].op {
            let extent = channels(c.len())?;
            (Source::Channels(c.to_vec()), extent)
        } else if let Some(extent) = self.extent(of) {
            (Source::Pixels(x), extent)
        } else if (of.h, of.w) == (1, 1) && (of.n == self.shape.n || of.n == 1) {
            (Source::Picture(x), channels(of.c)?)
        } else {
            return None;
        };
        let register = self.register(extent);
        self.loads.push((source, extent, register));
        known.insert(x, (register, extent));
        Some((register, extent))
    }

    /// What it reads from the buffer, and whether pixel by pixel.
    pub(super) fn reads(&self) -> impl Iterator<Item = (Id, bool)> {
        self.loads.iter().filter_map(|(source, extent, _)| match source {
            Source::Pixels(id) => Some((*id, *extent == Extent::Full)),
            Source::Picture(id) => Some((*id, false)),
            Source::Channels(_) => None,
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
        if let ([(Source::Pixels(id), Extent::Full, _)], [Step::Unary(f, ..)]) =
            (self.loads.as_slice(), self.steps.as_slice())
            && views[*id] == *to
            && to.rows_are_dense()
        {
            let (from, to) = (to.pixel_at(part.n, part.y, part.from), to.pixel_at(part.n, part.y, part.to));
            return apply_in_place(level, f, &mut buffer[from..to]);
        }
        let pixels = (REGISTER / c).max(1);
        let Registers(registers, in_place) = registers;
        in_place.clear();
        in_place.resize(self.registers.len(), None);
        for (i, extent) in self.registers.iter().enumerate() {
            if i == registers.len() {
                registers.push(vec![]);
            }
            let len = extent.len(pixels, c);
            if registers[i].len() < len {
                registers[i].resize(len, 0.0);
            }
        }
        // What is the same for all pixels is spread out once.
        for (source, extent, register) in &self.loads {
            let r = &mut registers[*register];
            let values = match source {
                Source::Pixels(_) => continue,
                Source::Channels(values) => values.as_slice(),
                Source::Picture(id) => {
                    let v = &views[*id];
                    &buffer[v.pixel_at(part.n.min(v.shape.n - 1), 0, 0)..][..v.shape.c]
                }
            };
            if *extent == Extent::Pixel {
                r[..pixels].fill(values[0]);
            } else {
                r[..pixels * c].chunks_exact_mut(c).for_each(|to| to.copy_from_slice(values));
            }
        }
        let mut x = part.from;
        while x < part.to {
            let count = pixels.min(part.to - x);
            for (source, _, register) in &self.loads {
                if let Source::Pixels(id) = source {
                    let v = &views[*id];
                    let at = v.pixel_at(part.n, part.y, x);
                    let r = &mut registers[*register];
                    if v.rows_are_dense() {
                        in_place[*register] = Some(at);
                    } else {
                        copy(&buffer[at..], v.pixel, &mut r[..count * v.shape.c], v.shape.c, v.shape.c);
                    }
                }
            }
            let operands = Operands { buffer, in_place, extents: &self.registers, pixels: count, c };
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
    /// Registers that stand for numbers of the buffer, with their offset.
    in_place: &'a [Option<usize>],
    extents: &'a [Extent],
    pixels: usize,
    c: usize,
}

impl Step {
    fn run(&self, level: Level, registers: &mut [Vec<f32>], operands: &Operands<'_>) {
        let Operands { buffer, in_place, extents, pixels, c } = *operands;
        let (Step::Unary(_, _, to)
        | Step::Binary(_, _, _, to)
        | Step::Right(_, _, _, to)
        | Step::Left(_, _, _, to)
        | Step::Reduce(_, _, to)
        | Step::Spread(_, to)) = *self;
        let mut out = std::mem::take(&mut registers[to]);
        let r = |i: usize| {
            let len = extents[i].len(pixels, c);
            in_place[i].map_or_else(|| &registers[i][..len], |at| &buffer[at..at + len])
        };
        let job = match self {
            Step::Unary(f, a, _) => Job::Unary(f, r(*a)),
            Step::Binary(f, a, b, _) => Job::Binary(*f, r(*a), r(*b)),
            Step::Right(f, a, b, _) => Job::Right(*f, r(*a), *b),
            Step::Left(f, a, b, _) => Job::Left(*f, *a, r(*b)),
            Step::Reduce(f, a, _) => Job::Reduce(*f, r(*a), c),
            Step::Spread(a, _) => Job::Spread(r(*a), c),
        };
        apply(level, job, &mut out[..extents[to].len(pixels, c)]);
        registers[to] = out;
    }
}
