//! Everything that can be told about a network before it sees a picture.

use super::axes::Layout;
use super::error::ModelError;
use super::fast::Engine;
use super::graph::{Graph, Source};
use super::guard::guarded;
use super::info::{ModelInfo, Receptive, TensorInfo};
use super::options::LoadOptions;
use super::plan::{self, Plan, Unfit};
use super::range::{Range, RangeError, RangeOrigin};
use super::{candidates, choice, cost, exported, onnxruntime, proto, range_trial, receptive};
use std::collections::BTreeMap;
use std::path::Path;
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::*;

/// Multiples that are tried on models of variable size.
const MULTIPLES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Pictures tried out are at least this long on each side.
const TRIAL: usize = 48;

/// Channels and layout of the one input, with remarks; else why it is no image.
pub(super) fn image_input(
    model: &ModelProto,
    path: &Path,
    options: &LoadOptions,
) -> Result<(usize, Layout, Vec<String>), ModelError> {
    let reject = |reason: String| ModelError::NotAnImageModel { path: path.to_path_buf(), reason };
    let graph = model.graph.as_ref().ok_or_else(|| reject("it has no graph".into()))?;
    let inputs = proto::real_inputs(graph);
    let &[input] = inputs.as_slice() else {
        let names: Vec<_> = inputs.iter().map(|i| i.name.as_str()).collect();
        return Err(reject(format!(
            "it has {} inputs ({}), one is supported",
            names.len(),
            names.join(", ")
        )));
    };
    let info = TensorInfo::of(input);
    if info.dtype != "float" {
        return Err(reject(format!("input {} is of type {}, not float", info.name, info.dtype)));
    }
    let dims = proto::fixed_dims(input);
    let &[_, a, b, c] = dims.as_slice() else {
        let reason = format!(
            "input {} has the shape {}; 4 axes (batch, channels, height, width) are needed",
            info.name, info.shape
        );
        return Err(reject(reason));
    };
    let colour = |d: Option<u64>| d.filter(|d| *d == 1 || *d == 3).map(|d| d as usize);
    let mut notes = vec![];
    let layout = match (options.layout, colour(a), colour(c)) {
        (Some(layout), _, _) => layout,
        (None, Some(_), None) => Layout::Nchw,
        (None, None, Some(_)) => Layout::Nhwc,
        (None, Some(_), Some(_)) => {
            notes.push("the order of the axes is ambiguous; NCHW is assumed".into());
            Layout::Nchw
        }
        (None, None, None) if a.is_none() && b.is_none() && c.is_none() => Layout::Nchw,
        (None, None, None) => {
            return Err(reject(format!(
                "input {} has the shape {}: no axis has 1 or 3 channels",
                info.name, info.shape
            )));
        }
    };
    let declared = if layout == Layout::Nchw { a } else { c };
    let channels = match declared {
        Some(n) => n as usize,
        None => options.channels.or_else(|| exported::channels(graph, &input.name)).unwrap_or(0),
    };
    match channels {
        1 | 3 => Ok((channels, layout, notes)),
        0 => Err(reject(format!("the file does not say how many channels input {} has", info.name))),
        n => Err(reject(format!("input {} has {n} channels, 1 or 3 are supported", info.name))),
    }
}

/// Why a network's output is no picture.
#[derive(Debug, thiserror::Error)]
enum NoPicture {
    #[error("the size of its output depends on the pixels")]
    Unknown,
    #[error("its output has the shape {0:?}, not 4 axes")]
    Axes(Vec<usize>),
    #[error("its output has {found} channels, the input has {wanted}: they must be the same")]
    Channels { found: usize, wanted: usize },
    #[error(
        "its output is {}x{} for an input of {}x{}: it must be 1, 2, 3 or 4 times as large",
        found.0, found.1, input.0, input.1
    )]
    Size { found: (usize, usize), input: (usize, usize) },
}

/// A size on which the network works, and what comes out.
struct Trial {
    height: usize,
    width: usize,
    multiple: usize,
    run: Run,
    /// Scale and channels of the output picture, or why it is none.
    picture: Result<(usize, usize), NoPicture>,
}

/// What was learnt of one size.
struct Run {
    /// The graph for it; none where only onnxruntime knows it.
    typed: Option<TypedModel>,
    /// What ran it already.
    plan: Option<Plan>,
    /// Shape of the output, where it does not depend on the pixels.
    output: Option<Vec<usize>>,
}

impl Run {
    /// Prepares the network for one size, or has onnxruntime run it.
    fn new(graph: &Graph, engine: Engine, height: usize, width: usize) -> Result<Run, Unfit> {
        if let Source::Onnxruntime { .. } = graph.source {
            let plan = plan::plan(graph, engine, (1, height, width), None, None)?;
            let typed = plan::build(graph, height, width, None).ok();
            return Ok(Run { typed, output: Some(plan.output.clone()), plan: Some(plan) });
        }
        let typed = plan::build(graph, height, width, None)?;
        let output = guarded(|| typed.output_fact(0).cloned()).ok();
        let output = output.and_then(|fact| fact.shape.as_concrete().map(<[usize]>::to_vec));
        Ok(Run { typed: Some(typed), plan: None, output })
    }
}

/// Everything else. Reorders the outputs of `graph` so that the picture comes first.
pub(super) fn inspect(
    graph: &mut Graph,
    model: &ModelProto,
    path: &Path,
    options: &LoadOptions,
    hash: String,
    mut notes: Vec<String>,
) -> Result<ModelInfo, ModelError> {
    let parse = |reason: &str| ModelError::Parse { path: path.to_path_buf(), reason: reason.into() };
    let pb = model.graph.as_ref().ok_or_else(|| parse("it has no graph"))?;
    let input = *proto::real_inputs(pb).first().ok_or_else(|| parse("it has no input"))?;
    let dims = proto::fixed_dims(input);
    let (h_axis, w_axis) = graph.layout.spatial_axes();
    let size = |axis: usize| dims.get(axis).copied().flatten().map(|d| d as usize);
    let fixed_size = match (size(h_axis), size(w_axis)) {
        (Some(h), Some(w)) => Some((h, w)),
        (Some(n), None) | (None, Some(n)) => {
            notes.push(format!("only one side of the input is fixed, at {n}; the other is taken as {n} too"));
            Some((n, n))
        }
        (None, None) => options.size,
    };
    let metadata: BTreeMap<String, String> =
        model.metadata_props.iter().map(|p| (p.key.clone(), p.value.clone())).collect();
    let number = |key: &str| metadata.get(key).and_then(|v| v.trim().parse::<usize>().ok());

    let (trial, fixed_size) =
        working(graph, pb, fixed_size, number("size_multiple"), options.engine, path, &mut notes)?;
    let (scale, out_channels, not_restorer) = match &trial.picture {
        Ok((scale, channels)) => (Some(*scale), *channels, None),
        Err(reason) => (None, 0, Some(reason.to_string())),
    };
    if let (Some(says), Some(is)) = (number("scale"), scale)
        && says != is
    {
        notes.push(format!("metadata says scale {says}, the output says {is}"));
    }
    let mut size_multiple = trial.multiple;
    let mut receptive = Receptive::Global;
    if let Some(scale) = scale {
        let known = trial.run.typed.is_some();
        let field = known.then(|| receptive::measure(graph, fixed_size, trial.multiple, scale)).flatten();
        if let Some(field) = field.filter(|f| receptive::lcm(f.period, trial.multiple) <= 256) {
            size_multiple = receptive::lcm(field.period, trial.multiple);
            receptive = Receptive::Pixels(field.radius);
        } else if let Some(radius) = number("receptive_field").filter(|r| *r <= 4096 && fixed_size.is_none())
        {
            receptive = Receptive::Pixels(radius);
            notes.push(format!("the receptive field, {radius} pixels, is taken from the metadata"));
        } else {
            notes.push(
                "an output pixel depends on the whole picture: large pictures are tiled and blended".into(),
            );
        }
    }
    if metadata.get("residual").is_some_and(|v| !matches!(v.trim(), "" | "0" | "false" | "no")) {
        notes.push(
            "metadata says that the output is the residual, not the image: restore would not be meaningful"
                .into(),
        );
    }
    let Run { typed, plan, .. } = trial.run;
    let plan = match (plan, &typed) {
        (None, Some(typed)) => Plan::new(typed.clone(), options.engine, graph.memory).ok(),
        (plan, _) => plan,
    };
    let alike = |range: Range, origin| (range.clone(), range, origin);
    let (range, out_range, range_origin) =
        match (&options.range, metadata.get("range").map(|t| (t, Range::parse(t)))) {
            (Some(range), _) => alike(range.clone(), RangeOrigin::Given),
            (None, Some((_, Some(range)))) => alike(range, RangeOrigin::Metadata),
            (None, unread) => {
                if let Some((text, _)) = unread {
                    notes.push(format!("metadata range {text:?} is not understood"));
                }
                let run = |input: &[f32]| plan.as_ref()?.run(input).ok();
                range_trial::infer(pb, graph, scale, (trial.height, trial.width), &run, &mut notes)
            }
        };
    let option = |e: RangeError| ModelError::Option { path: path.to_path_buf(), reason: e.to_string() };
    range.check(graph.channels).map_err(option)?;
    let pixels = (trial.height * trial.width) as f64;
    let outside = match &graph.source {
        Source::Onnxruntime { sessions, .. } => Some(sessions.describe()),
        Source::Tract(_) => None,
    };
    let places = plan.as_ref().filter(|_| outside.is_none()).map(|plan| plan.places.clone());
    // Where tract runs a part, its tensors come on top of the kernels' memory.
    let tensors = typed.as_ref().map(|typed| 4 * cost::peak_floats(typed));
    let (memory, scratch_bytes) = match (tensors, plan) {
        _ if outside.is_some() => onnxruntime::memory(pb, tensors, trial.height * trial.width),
        (tensors, None) => (tensors.unwrap_or(0), 0),
        (tensors, Some(plan)) => {
            let (bytes, scratch) = plan.bytes();
            (bytes + if plan.is_kernels_alone() { 0 } else { tensors.unwrap_or(0) }, scratch)
        }
    };
    let named = metadata.get("bottleneck").map(String::as_str);
    let size = (trial.height, trial.width);
    let (shapes, candidates) = match graph.source.template() {
        Some(_) => {
            let shapes = candidates::shapes(graph, size).unwrap_or_default();
            let found = candidates::list(graph, pb, &shapes, size, named, scale.is_some());
            (shapes, found)
        }
        None => {
            let names = named.into_iter().chain(pb.output.iter().map(|output| output.name.as_str()));
            let shape = |name: &str| shape_of(graph, options.engine, size, name);
            let tensors: Vec<(String, Vec<usize>)> =
                names.filter_map(|name| Some((name.to_string(), shape(name)?))).collect();
            let found = candidates::given_out(&tensors, graph.result().filter(|_| scale.is_some()));
            (tensors.into_iter().collect(), found)
        }
    };
    if let Source::Onnxruntime { sessions, result, .. } = &graph.source {
        sessions.keep(result);
    }
    let known = choice::Known {
        graph: pb,
        shapes: &shapes,
        candidates: &candidates,
        named,
        picture: scale.is_some(),
    };
    let choice = choice::choose(&known);
    Ok(ModelInfo {
        hash,
        inputs: proto::real_inputs(pb).into_iter().map(TensorInfo::of).collect(),
        outputs: pb.output.iter().map(TensorInfo::of).collect(),
        layout: graph.layout,
        in_channels: graph.channels,
        out_channels,
        fixed_size,
        fixed_batch: dims.first().copied().flatten().map(|n| n as usize),
        scale,
        not_restorer,
        size_multiple,
        receptive,
        places,
        seconds_per_megapixel: None,
        // Where nothing else is known, each weight counts once a pixel.
        macs_per_pixel: typed
            .as_ref()
            .map_or(proto::parameters(pb) as f64, |typed| cost::macs(typed) / pixels),
        scratch_bytes,
        memory_per_pixel: (memory as f64 / pixels).ceil() as usize,
        parameters: proto::parameters(pb),
        outside,
        range,
        out_range,
        range_origin,
        candidates,
        choice,
        left_out: Vec::new(),
        metadata,
        notes,
    })
}

/// As [`first_working`]; where the sizes tried there all fail, at those that the graph's own constants suggest. What works at
/// one of these alone counts as fixed to it.
fn working(
    graph: &mut Graph,
    pb: &GraphProto,
    fixed: Option<(usize, usize)>,
    known: Option<usize>,
    engine: Engine,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<(Trial, Option<(usize, usize)>), ModelError> {
    let outputs = graph.outputs();
    let failure = match first_working(graph, fixed, known, engine, path) {
        Err(failure) if fixed.is_none() => failure,
        found => return found.map(|trial| (trial, fixed)),
    };
    for side in exported::sides(pb) {
        graph.restore(&outputs);
        if let Ok(trial) = first_working(graph, Some((side, side)), None, engine, path) {
            notes.push(format!("it works on pictures of {side}x{side} alone, though the file says any size"));
            return Ok((trial, Some((side, side))));
        }
    }
    Err(failure)
}

/// Tries sizes (and outputs) until the network gives a picture, or at least runs.
fn first_working(
    graph: &mut Graph,
    fixed: Option<(usize, usize)>,
    known: Option<usize>,
    engine: Engine,
    path: &Path,
) -> Result<Trial, ModelError> {
    let outputs = graph.outputs();
    let multiples: Vec<usize> = match (fixed, known) {
        (Some(_), _) => vec![1],
        (None, Some(m)) if (1..=256).contains(&m) => vec![m],
        _ => MULTIPLES.to_vec(),
    };
    let mut runs: Option<(Trial, usize)> = None;
    let mut failure = None;
    for multiple in multiples {
        // Odd numbers of the multiple, so that a smaller one passes only if it truly suffices.
        let (height, width) = fixed.unwrap_or_else(|| {
            let height = multiple * (TRIAL.div_ceil(multiple) | 1);
            (height, height + 2 * multiple)
        });
        for ix in 0..outputs.len() {
            graph.choose(&outputs, ix);
            match Run::new(graph, engine, height, width) {
                Ok(run) => {
                    let picture = picture(run.output.as_deref(), graph, height, width);
                    let good = picture.is_ok();
                    let trial = Trial { height, width, multiple, run, picture };
                    if good {
                        return Ok(trial);
                    }
                    runs.get_or_insert((trial, ix));
                }
                Err(unfit) => {
                    failure.get_or_insert_with(|| unfit.error(path, width, height));
                }
            }
        }
    }
    match (runs, failure) {
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

/// The shape of a tensor, as a run tells.
fn shape_of(
    graph: &Graph,
    engine: Engine,
    (height, width): (usize, usize),
    name: &str,
) -> Option<Vec<usize>> {
    plan::plan(graph, engine, (1, height, width), Some(name), None).ok().map(|plan| plan.output.clone())
}

/// Scale and channels of the output picture, or why it is none.
fn picture(
    output: Option<&[usize]>,
    graph: &Graph,
    height: usize,
    width: usize,
) -> Result<(usize, usize), NoPicture> {
    let shape = output.ok_or(NoPicture::Unknown)?;
    let (c, h, w) = graph.layout.split(shape).ok_or_else(|| NoPicture::Axes(shape.to_vec()))?;
    if c != graph.channels {
        return Err(NoPicture::Channels { found: c, wanted: graph.channels });
    }
    match (1..=4).find(|s| h == s * height && w == s * width) {
        Some(scale) => Ok((scale, c)),
        None => Err(NoPicture::Size { found: (w, h), input: (width, height) }),
    }
}
