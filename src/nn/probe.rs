//! Finds a size on which a network works, by trying: its graph is prepared, and run where that is cheap.

use super::error::ModelError;
use super::exported;
use super::fast::Engine;
use super::graph::{Graph, Outputs, Source};
use super::guard::guarded;
use super::masks;
use super::picture::{NoPicture, Picture};
use super::plan::{self, Plan, Unfit};
use super::range::Range;
use super::{cost, test_picture};
use std::path::Path;
use tract_onnx::pb::GraphProto;
use tract_onnx::prelude::*;

/// Multiples that are tried first on networks of variable size.
const USUAL: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Sizes that are multiples of many others: where one works, its divisors are tried.
const COVERS: [usize; 7] = [96, 120, 112, 126, 104, 132, 128];
/// Squares that are tried where no multiple works: the sizes that networks are exported with.
const SQUARES: [usize; 15] = [64, 48, 128, 96, 32, 256, 192, 224, 40, 56, 72, 80, 112, 160, 512];
/// Pictures tried out are at least this long on each side.
const TRIAL: usize = 48;
/// Weight of a run up to which a network is run to see whether it runs.
const CHEAP: f64 = 4e9;
/// Operators, constants apart, up to which a graph is prepared for a second size: that takes seconds beyond.
const LARGE: usize = 4000;

/// A size on which the network works, and what comes out.
pub(super) struct Trial {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) multiple: usize,
    /// The only size that it works on, if the file doesn't say so.
    pub(super) fixed: Option<(usize, usize)>,
    /// The graph for that size; none where only onnxruntime knows it.
    pub(super) typed: Option<TypedModel>,
    pub(super) plan: Result<Plan, Unfit>,
    /// What came out for the test picture of \[0, 1\], where it was run.
    pub(super) seen: Option<Vec<f32>>,
    pub(super) picture: Result<Picture, NoPicture>,
}

/// What is probed.
struct Probe<'a> {
    graph: &'a mut Graph,
    outputs: Outputs,
    engine: Engine,
    path: &'a Path,
    /// What runs but gives no picture, and which output that is.
    runs: Option<(Trial, usize)>,
    /// What has shapes but can't be run.
    stands: Option<(Trial, usize)>,
    failure: Option<ModelError>,
}

/// Tries sizes (and outputs) until the network gives a picture, or at least runs. `fixed` and `known` are the size and
/// the multiple that the file tells. Reorders the outputs of `graph` so that the one in use comes first.
pub(super) fn first_working(
    graph: &mut Graph,
    pb: &GraphProto,
    fixed: Option<(usize, usize)>,
    known: Option<usize>,
    engine: Engine,
    path: &Path,
) -> Result<Trial, ModelError> {
    let outputs = graph.outputs();
    let mut probe = Probe { graph, outputs, engine, path, runs: None, stands: None, failure: None };
    let operators = || pb.node.iter().filter(|n| n.op_type != "Constant");
    // What reshapes may have a size in it.
    let twice = operators().any(|n| n.op_type == "Reshape") && operators().count() <= LARGE;
    let baked = masks::side(pb).filter(|_| fixed.is_none());
    let found = match (fixed, known.filter(|m| (1..=256).contains(m))) {
        (Some(size), _) => probe.at(size, 1),
        (None, Some(multiple)) => probe.multiple(multiple, false),
        (None, None) => {
            let only = baked.and_then(|side| probe.only((side, side)));
            only.or_else(|| probe.variable(twice))
        }
    };
    if let Some(trial) = found {
        return Ok(trial);
    }
    if fixed.is_none() && !probe.hopeless() {
        let sides = exported::sides(pb).into_iter().chain(SQUARES);
        for side in sides {
            if let Some(trial) = probe.only((side, side)) {
                return Ok(trial);
            }
            if let Some((trial, _)) = &mut probe.runs {
                trial.fixed = Some((side, side));
                break;
            }
        }
    }
    let Probe { graph, outputs, runs, stands, failure, .. } = probe;
    match (runs.or(stands), failure) {
        (Some((trial, ix)), _) => {
            graph.choose(&outputs, ix);
            Ok(trial)
        }
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            Err(ModelError::Parse { path: path.to_path_buf(), reason: "it has no output".into() })
        }
    }
}

impl Probe<'_> {
    /// The smallest multiple that suffices, of those that are tried.
    fn variable(&mut self, twice: bool) -> Option<Trial> {
        for multiple in USUAL {
            if let Some(trial) = self.multiple(multiple, twice) {
                return Some(trial);
            }
            if self.hopeless() {
                return None;
            }
        }
        for cover in COVERS {
            if self.at((cover, cover), cover).is_none() {
                continue;
            }
            let new = |d: &usize| cover.is_multiple_of(*d) && !USUAL.contains(d);
            for multiple in (1..=cover.min(64)).filter(new) {
                if let Some(trial) = self.multiple(multiple, true) {
                    return Some(trial);
                }
            }
        }
        None
    }

    /// Whether no size can make a picture of the output.
    fn hopeless(&self) -> bool {
        let small = |found: &(usize, usize), input: &(usize, usize)| 2 * found.0 <= input.0;
        self.runs.as_ref().is_some_and(|(trial, _)| match &trial.picture {
            Err(NoPicture::Axes(_) | NoPicture::Channels(_)) => true,
            Err(NoPicture::Size { found, input }) => small(found, input),
            _ => false,
        })
    }

    /// Tries multiples of `multiple`: odd ones, so that a smaller one passes only if it truly suffices. With `twice`
    /// it also has to work on a second size.
    fn multiple(&mut self, multiple: usize, twice: bool) -> Option<Trial> {
        let count = TRIAL.div_ceil(multiple) | 1;
        let size = |h: usize, w: usize| (multiple * h, multiple * w);
        let trial = self.at(size(count, count + 2), multiple)?;
        let second = if count > 2 { size(count - 2, count + 4) } else { size(2, 1) };
        if twice {
            // The output that is in use, and no other.
            let again = self::trial(self.graph, self.engine, second, multiple).ok()?;
            again.picture.ok()?;
        }
        Some(trial)
    }

    /// Tries one size, to be the only one.
    fn only(&mut self, size: (usize, usize)) -> Option<Trial> {
        let trial = self.at(size, 1)?;
        Some(Trial { fixed: Some(size), ..trial })
    }

    /// Tries one size; a failure or an output that is no picture is kept.
    fn at(&mut self, size: (usize, usize), multiple: usize) -> Option<Trial> {
        match self.attempt(size, multiple) {
            Ok(trial) => trial,
            Err(unfit) => {
                let (height, width) = size;
                self.failure.get_or_insert_with(|| unfit.error(self.path, width, height));
                None
            }
        }
    }

    /// Tries each output at one size; the first that is a picture is left as that of the graph.
    fn attempt(&mut self, (height, width): (usize, usize), multiple: usize) -> Result<Option<Trial>, Unfit> {
        let mut failure = None;
        for ix in 0..self.outputs.len() {
            self.graph.choose(&self.outputs, ix);
            let (graph, engine) = (&*self.graph, self.engine);
            match trial(graph, engine, (height, width), multiple) {
                Ok(trial) if trial.picture.is_ok() => return Ok(Some(trial)),
                Ok(trial) => {
                    let kept = if matches!(trial.plan, Err(Unfit::Engine(_))) {
                        &mut self.stands
                    } else {
                        &mut self.runs
                    };
                    kept.get_or_insert((trial, ix));
                }
                Err(unfit) => {
                    failure.get_or_insert(unfit);
                }
            }
        }
        failure.map_or(Ok(None), Err)
    }
}

/// Prepares the network for one size, and runs it where that is cheap and gives a picture.
fn trial(
    graph: &Graph,
    engine: Engine,
    (height, width): (usize, usize),
    multiple: usize,
) -> Result<Trial, Unfit> {
    let size = (height, width);
    if let Source::Onnxruntime { .. } = graph.source {
        // To prepare it is to run it.
        let plan = plan::plan(graph, engine, (1, height, width), None, None)?;
        let picture = Picture::of(&plan.output, graph.layout, size);
        let typed = plan::build(graph, height, width, None).ok();
        return Ok(Trial {
            height,
            width,
            multiple,
            fixed: None,
            typed,
            plan: Ok(plan),
            seen: None,
            picture,
        });
    }
    let typed = plan::build(graph, height, width, None)?;
    let weight = cost::weight(&typed);
    let picture = picture(&typed, graph, size);
    let plan = Plan::new(typed.clone(), engine, graph.memory);
    let seen = None;
    let mut trial = Trial { height, width, multiple, fixed: None, typed: Some(typed), plan, seen, picture };
    if trial.picture.is_err() {
        return Ok(trial);
    }
    match &trial.plan {
        Err(Unfit::Engine(e)) => return Err(Unfit::Engine(e.clone())),
        Ok(plan) if weight <= CHEAP => {
            let input = test_picture::input(graph, None, (height, width), &Range::Unit);
            trial.seen = Some(plan.run(&input)?);
        }
        _ => {}
    }
    Ok(trial)
}

/// The output picture, or why it is none.
fn picture(typed: &TypedModel, graph: &Graph, size: (usize, usize)) -> Result<Picture, NoPicture> {
    let fact = guarded(|| typed.output_fact(0))?;
    let shape = fact.shape.as_concrete().ok_or(NoPicture::Unknown)?;
    Picture::of(shape, graph.layout, size)
}
