//! Everything that can be told about a network before it sees a picture.

use super::axes::Layout;
use super::error::ModelError;
use super::fast::Engine;
use super::graph::{Graph, Source};
use super::info::{ModelInfo, Receptive, TensorInfo};
use super::normalise::Normal;
use super::options::LoadOptions;
use super::plan::Plan;
use super::probe::{self, Trial};
use super::range::{Range, RangeError, RangeOrigin};
use super::{
    candidates, choice, cost, exported, least, local, onnxruntime, plan, proto, range_trial, receptive, sizes,
};
use crate::kernels::Memory;
use std::collections::BTreeMap;
use std::path::Path;
use tract_onnx::pb::{GraphProto, ModelProto};

/// Most planes of a picture and of levels that are not inputs of their own.
const MOST_PLANES: usize = 8;

/// Planes and layout of the one input, with remarks; else why it is no image.
pub(super) fn image_input(
    model: &ModelProto,
    normal: &Normal,
    path: &Path,
    options: &LoadOptions,
) -> Result<(usize, Layout, Vec<String>), ModelError> {
    let reject = |reason: String| ModelError::NotAnImageModel { path: path.to_path_buf(), reason };
    let graph = model.graph.as_ref().ok_or_else(|| reject("it has no graph".into()))?;
    let inputs = proto::real_inputs(graph);
    let &[input] = inputs.as_slice() else {
        let shown = |i: &&tract_onnx::pb::ValueInfoProto| {
            let info = TensorInfo::of(i);
            format!("{}: {} {}", info.name, info.dtype, info.shape)
        };
        let names: Vec<_> = inputs.iter().map(shown).collect();
        return Err(reject(format!(
            "it has {} inputs ({}); one picture is supported, with single numbers or maps of its size beside it",
            names.len(),
            names.join(", ")
        )));
    };
    let info = TensorInfo::of(input);
    if info.dtype != "float" {
        let taken = "float, float16, bfloat16, double, uint8 or uint16";
        return Err(reject(format!("input {} is of type {}, not {taken}", info.name, info.dtype)));
    }
    let dims = proto::fixed_dims(input);
    let &[_, a, b, c] = dims.as_slice() else {
        let reason = format!(
            "input {} has the shape {}; 4 axes (batch, channels, height, width) are needed",
            info.name, info.shape
        );
        return Err(reject(reason));
    };
    let levels = normal.levels.len();
    let planes = |d: Option<u64>| d.and_then(|d| usize::try_from(d).ok()?.checked_sub(levels));
    let colour = |d: Option<u64>| planes(d).filter(|n| *n == 1 || *n == 3);
    let other = |d: Option<u64>| planes(d).filter(|n| (1..=MOST_PLANES).contains(n));
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
        (None, None, None) => match (other(a), other(c)) {
            (Some(_), _) => Layout::Nchw,
            (None, Some(_)) => Layout::Nhwc,
            (None, None) => {
                return Err(reject(format!(
                    "input {} has the shape {}: no axis has 1 to {MOST_PLANES} channels",
                    info.name, info.shape
                )));
            }
        },
    };
    let declared = if layout == Layout::Nchw { a } else { c };
    let channels = match declared {
        Some(n) => n as usize,
        None => options.channels.or_else(|| exported::channels(graph, &input.name)).unwrap_or(0),
    };
    match channels.saturating_sub(levels) {
        1..=MOST_PLANES => Ok((channels, layout, notes)),
        0 => Err(reject(format!("the file does not say how many channels input {} has", info.name))),
        n => Err(reject(format!("input {} has {n} channels, 1 to {MOST_PLANES} are supported", info.name))),
    }
}

/// Height and width, where the file fixes them.
fn fixed_size(
    pb: &GraphProto,
    layout: Layout,
    given: Option<(usize, usize)>,
    notes: &mut Vec<String>,
) -> (Option<(usize, usize)>, Option<usize>) {
    let dims = proto::real_inputs(pb).first().map(|input| proto::fixed_dims(input)).unwrap_or_default();
    let (h_axis, w_axis) = layout.spatial_axes();
    let size = |axis: usize| dims.get(axis).copied().flatten().map(|d| d as usize);
    let fixed = match (size(h_axis), size(w_axis)) {
        (Some(h), Some(w)) => Some((h, w)),
        (Some(n), None) | (None, Some(n)) => {
            notes.push(format!("only one side of the input is fixed, at {n}; the other is taken as {n} too"));
            Some((n, n))
        }
        (None, None) => given,
    };
    (fixed, size(0))
}

/// A network that was tried out.
pub(super) struct Tried {
    pub(super) trial: Trial,
    fixed_batch: Option<usize>,
    metadata: BTreeMap<String, String>,
    notes: Vec<String>,
}

/// Finds a size on which the network works. Reorders the outputs of `graph` so that the picture comes first.
pub(super) fn try_out(
    graph: &mut Graph,
    model: &ModelProto,
    path: &Path,
    options: &LoadOptions,
    mut notes: Vec<String>,
) -> Result<Tried, ModelError> {
    let parse = |reason: &str| ModelError::Parse { path: path.to_path_buf(), reason: reason.into() };
    let pb = model.graph.as_ref().ok_or_else(|| parse("it has no graph"))?;
    let (fixed, fixed_batch) = fixed_size(pb, graph.layout, options.size, &mut notes);
    let metadata: BTreeMap<String, String> =
        model.metadata_props.iter().map(|p| (p.key.clone(), p.value.clone())).collect();
    let mut trial =
        probe::first_working(graph, pb, fixed, number(&metadata, "size_multiple"), options.engine, path)?;
    if let Some((h, w)) = trial.fixed {
        notes.push(format!(
            "it works only as it was exported, on {w}x{h} pixels, though the file lets sizes vary: pictures are \
             brought to that size to be embedded, and restored in tiles of it"
        ));
    }
    trial.fixed = trial.fixed.or(fixed);
    Ok(Tried { trial, fixed_batch, metadata, notes })
}

fn number(metadata: &BTreeMap<String, String>, key: &str) -> Option<usize> {
    metadata.get(key).and_then(|v| v.trim().parse().ok())
}

/// How tiles must lie.
struct Tiling {
    multiple: usize,
    period: usize,
    receptive: Receptive,
}

/// Everything else.
pub(super) fn inspect(
    graph: &Graph,
    model: &ModelProto,
    normal: &Normal,
    path: &Path,
    options: &LoadOptions,
    (hash, tried): (String, Tried),
) -> Result<ModelInfo, ModelError> {
    let parse = |reason: &str| ModelError::Parse { path: path.to_path_buf(), reason: reason.into() };
    let pb = model.graph.as_ref().ok_or_else(|| parse("it has no graph"))?;
    let Tried { trial, fixed_batch, metadata, mut notes } = tried;
    notes.extend(normal.notes.iter().cloned());
    let (scale, out_channels, not_restorer) = match &trial.picture {
        Ok(picture) => (Some(picture.scale), picture.channels, None),
        Err(reason) => (None, 0, Some(reason.to_string())),
    };
    if let (Some(says), Some(is)) = (number(&metadata, "scale"), scale)
        && says != is
    {
        notes.push(format!("metadata says scale {says}, the output says {is}"));
    }
    let tiling = match scale {
        Some(scale) => tiling(graph, pb, options.engine, &trial, scale, &metadata, &mut notes),
        None => Tiling { multiple: trial.multiple, period: trial.multiple, receptive: Receptive::Global },
    };
    if metadata.get("residual").is_some_and(|v| !matches!(v.trim(), "" | "0" | "false" | "no")) {
        notes.push(
            "metadata says that the output is the residual, not the image: restore would not be meaningful"
                .into(),
        );
    }
    let option = |e: RangeError| ModelError::Option { path: path.to_path_buf(), reason: e.to_string() };
    let (range, out_range, range_origin) =
        ranges(graph, pb, normal, options, &trial, &metadata, &mut notes).map_err(option)?;
    range.check(graph.pictures()).map_err(option)?;
    let pixels = (trial.height * trial.width) as f64;
    let outside = match &graph.source {
        Source::Onnxruntime { sessions, .. } => Some(sessions.describe()),
        Source::Tract(_) => None,
    };
    // Where tract runs a part, its tensors come on top of the kernels' memory.
    let tensors = trial.typed.as_ref().map(|typed| 4 * cost::peak_floats(typed));
    let alike = |(results, scratch)| Memory { results, apart: results, scratch };
    let memory = match (tensors, &trial.plan) {
        _ if outside.is_some() => alike(onnxruntime::memory(pb, tensors, trial.height * trial.width)),
        (tensors, Err(_)) => alike((tensors.unwrap_or(0), 0)),
        (tensors, Ok(plan)) => {
            let beside = if plan.is_kernels_alone() { 0 } else { tensors.unwrap_or(0) };
            let Memory { results, apart, scratch } = plan.kernels();
            Memory { results: results + beside, apart: apart + beside, scratch }
        }
    };
    let named = metadata.get("bottleneck").map(String::as_str);
    let size = (trial.height, trial.width);
    let (shapes, candidates) = match graph.source.template() {
        Some(_) => {
            let shapes = candidates::shapes(graph, size).unwrap_or_default();
            let found = candidates::list(graph, pb, &shapes, size, named, scale.is_some());
            // What was put in is nobody's embedding.
            (shapes, found.into_iter().filter(|tensor| !normal.put_in.contains(&tensor.name)).collect())
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
    let macs = trial.typed.as_ref().map_or(0.0, cost::layers);
    let least = |typed| least::side(typed, graph.layout, size);
    Ok(ModelInfo {
        hash,
        inputs: normal.inputs.clone(),
        outputs: normal.outputs.clone(),
        layout: graph.layout,
        in_channels: graph.channels,
        levels: normal.levels.clone(),
        out_channels,
        fixed_size: trial.fixed,
        fixed_batch,
        scale,
        not_restorer,
        size_multiple: tiling.multiple,
        period: tiling.period,
        least: trial.typed.as_ref().map_or(1, least),
        border: None,
        receptive: tiling.receptive,
        macs_per_pixel: macs / pixels,
        places: trial.plan.as_ref().ok().filter(|_| outside.is_none()).map(|plan| plan.places.clone()),
        outside,
        seconds_per_megapixel: None,
        scratch_bytes: memory.scratch,
        memory_per_pixel: (memory.results as f64 / pixels).ceil() as usize,
        memory_apart: (memory.apart as f64 / pixels).ceil() as usize,
        parameters: proto::parameters(pb),
        range,
        out_range,
        range_origin,
        candidates,
        choice,
        left_out: vec![],
        metadata,
        notes,
    })
}

/// How far an output pixel looks and on which grid, by the graph, and whether that is the whole truth, by trial.
fn tiling(
    graph: &Graph,
    pb: &GraphProto,
    engine: Engine,
    trial: &Trial,
    scale: usize,
    metadata: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Tiling {
    let (fixed, multiple) = (trial.fixed, trial.multiple);
    let whole = |receptive| Tiling { multiple, period: multiple, receptive };
    let size = (trial.height, trial.width);
    let typed = trial.typed.as_ref();
    let field = typed
        .and_then(|typed| receptive::measure(graph, typed, size, fixed, multiple, scale))
        .filter(|f| receptive::lcm(f.period, multiple) <= 256);
    if let (Some(field), Some(typed)) = (field, typed) {
        let period = receptive::lcm(receptive::lcm(field.period, multiple), sizes::divisor(pb));
        let macs_per_pixel = cost::macs(typed) / (trial.height * trial.width) as f64;
        let known = local::Known { radius: field.radius, period, multiple, scale, macs_per_pixel, fixed };
        // Where a trial would take too long, the operators alone tell.
        let local = !local::is_suspect(pb, fixed.is_some())
            || local::is_local(graph, engine, &known).unwrap_or_else(|| !local::is_positional(pb));
        if local {
            return Tiling { multiple, period, receptive: Receptive::Pixels(field.radius) };
        }
        notes.push(
            "its result depends on where in the picture a pixel lies: pictures are run whole where memory suffices, else \
             in tiles that are blended"
                .into(),
        );
        return whole(Receptive::Global);
    }
    if let Some(radius) = number(metadata, "receptive_field").filter(|r| *r <= 4096 && fixed.is_none()) {
        notes.push(format!("the receptive field, {radius} pixels, is taken from the metadata"));
        return whole(Receptive::Pixels(radius));
    }
    notes.push(match fixed {
        Some(_) => "an output pixel depends on the whole tile: tiles overlap by half and are blended".into(),
        None => "an output pixel depends on the whole picture: large pictures are tiled and blended".into(),
    });
    whole(Receptive::Global)
}

/// The ranges of input and output, and how they became known.
fn ranges(
    graph: &Graph,
    pb: &GraphProto,
    normal: &Normal,
    options: &LoadOptions,
    trial: &Trial,
    metadata: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Result<(Range, Range, RangeOrigin), RangeError> {
    let alike = |range: Range, origin| Ok((range.clone(), range, origin));
    // Other numbers would be rounded to a few.
    if let (Some(range), Some(is)) = (&options.range, &normal.in_range)
        && range != is
    {
        return Err(RangeError::Typed);
    }
    match (&options.range, metadata.get("range").map(|t| (t, Range::parse(t)))) {
        (Some(range), _) => return alike(range.clone(), RangeOrigin::Given),
        (None, Some((_, Some(range)))) if normal.in_range.is_none() => {
            return alike(range, RangeOrigin::Metadata);
        }
        (None, Some((_, Some(_)))) => {}
        (None, Some((text, None))) => notes.push(format!("metadata range {text:?} is not understood")),
        (None, None) => {}
    }
    let known = range_trial::Known {
        input: normal.in_range.clone(),
        output: normal.out_range.clone(),
        unit: trial.seen.clone(),
        weight: trial.typed.as_ref().map_or(0.0, cost::weight),
    };
    if let (Some(input), Some(output)) = (&known.input, &known.output) {
        return Ok((input.clone(), output.clone(), RangeOrigin::Inferred));
    }
    let run = |input: &[f32]| trial.plan.as_ref().ok().map(|plan: &Plan| plan.run(input))?.ok();
    let picture = trial.picture.as_ref().ok().copied();
    Ok(range_trial::infer(pb, graph, picture, (trial.height, trial.width), known, &run, notes))
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
