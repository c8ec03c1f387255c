//! `model`: what an ONNX file is.

use super::code;
use super::export::export;
use super::print::{err, out};
use crate::cli::args::{DeviceArg, EngineArg, ModelArgs};
use crate::nn::{
    Choice, Comparison, Device, Door, Engine, Grid, LoadOptions, Model, ModelBudget, ModelError, ModelInfo,
    Places, Range, Receptive, RowsInfo, TensorInfo, Told, compare,
};
use crate::shown::Show;
use serde_json::json;
use std::path::Path;

/// Prints what inspection found.
pub(super) fn model(args: &ModelArgs) -> u8 {
    if let Some(to) = &args.export {
        let budget = ModelBudget { memory: args.memory, seconds: args.seconds, run: args.memory };
        return match export(&args.model, to, &budget) {
            Ok(told) => out(&told),
            Err((code, message)) => {
                err(&format!("error: {message}\n"));
                code
            }
        };
    }
    let told = match told(args) {
        Ok(told) => told,
        Err(error) => {
            err(&format!("error: {error}\n"));
            return code::INVALID;
        }
    };
    out(&told)
}

fn told(args: &ModelArgs) -> Result<String, ModelError> {
    let (memory, seconds) = (args.memory, args.seconds);
    let budget = ModelBudget { memory, seconds, run: memory };
    let options = options(args);
    if !args.compare {
        return Ok(match Door::usual().told(&args.model, &options, &budget, args.json)? {
            Told::Text(text) => text,
            Told::Model(model) => described(&args.model, &model, args.json),
        });
    }
    let network = Door::usual().network(&args.model, &options, &budget)?;
    let ours = match options.engine {
        // What our own engine refuses has nothing to be compared with, and the reason is told.
        Engine::Onnxruntime(_) => {
            Some(Door::usual().network(&args.model, &LoadOptions::default(), &budget)?)
        }
        _ => None,
    };
    let outside = ours.as_ref().map(|_| &network);
    let c = compare(ours.as_ref().unwrap_or(&network), outside, args.size)?;
    if args.json {
        let mut json = as_json(network.info());
        json["comparison"] = json!({
            "height": c.size.0, "width": c.size.1, "largest_difference": c.difference,
            "output_range": c.range, "fast_seconds": c.fast, "plain_seconds": c.plain,
            "onnxruntime_seconds": c.outside.map(|o| o.seconds),
            "onnxruntime_difference": c.outside.map(|o| o.difference),
        });
        return Ok(format!("{json:#}\n"));
    }
    Ok(as_text(&args.model.shown().to_string(), network.info()) + &comparison(&c))
}

/// What there is to tell about a model, as JSON or as text.
pub(super) fn described(path: &Path, model: &Model, json: bool) -> String {
    let shown = path.shown().to_string();
    match (model, json) {
        (Model::Pictures(network), true) => format!("{:#}\n", as_json(network.info())),
        (Model::Pictures(network), false) => as_text(&shown, network.info()),
        (Model::Rows(rows), true) => format!("{:#}\n", rows_as_json(rows.info())),
        (Model::Rows(rows), false) => rows_as_text(&shown, rows.info()),
    }
}

/// What the arguments say of the engine.
fn options(args: &ModelArgs) -> LoadOptions {
    let device = match args.device {
        DeviceArg::Cpu => Device::Cpu,
        DeviceArg::Cuda => Device::Cuda,
    };
    let engine = match args.engine {
        EngineArg::Fast => Engine::default(),
        EngineArg::Plain => Engine::Plain,
        EngineArg::Onnxruntime => Engine::Onnxruntime(device),
    };
    LoadOptions { engine, library: args.engine_library.clone(), ..LoadOptions::default() }
}

fn comparison(c: &Comparison) -> String {
    let outside = c.outside.map_or_else(String::new, |o| {
        format!(
            "  onnxruntime      {:.1} ms, largest difference from our kernels {:.1e}\n",
            1e3 * o.seconds,
            o.difference
        )
    });
    format!(
        "  compared at      {} x {}, one thread: our kernels {:.1} ms, tract alone {:.1} ms\n  \
         largest difference {:.1e} in an output range of {:.3}\n{outside}",
        c.size.1,
        c.size.0,
        1e3 * c.fast,
        1e3 * c.plain,
        c.difference,
        c.range
    )
}

fn range(range: &Range) -> String {
    match range {
        Range::Unit => "[0, 1]".into(),
        Range::Byte => "[0, 255]".into(),
        Range::MeanStd { mean, std } => format!("mean {mean:?}, std {std:?}"),
    }
}

fn shape(sides: &[usize]) -> String {
    let sides: Vec<_> = sides.iter().map(ToString::to_string).collect();
    sides.join(" x ")
}

fn receptive(info: &ModelInfo) -> String {
    match info.receptive {
        Receptive::Pixels(radius) => format!("{radius} pixels each way"),
        Receptive::Global => "the whole picture (tiles are blended)".into(),
    }
}

/// What runs where, in words.
fn runs_on(places: &Places) -> String {
    let count: usize = places.others.values().sum();
    if count == 0 {
        return "our kernels alone".into();
    }
    let mut others: Vec<_> = places.others.iter().collect();
    others.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let most: Vec<String> = others.iter().take(4).map(|(name, count)| format!("{name} x {count}")).collect();
    let dots = if others.len() > 4 { ", ..." } else { "" };
    let left = format!("{count} operators by tract ({}{dots})", most.join(", "));
    if places.programs == 0 {
        return left;
    }
    format!("our kernels: {:.0} % of the multiply-adds; {left}", 100.0 * places.share)
}

/// What a photograph of 12 megapixels takes.
fn on_a_photograph(info: &ModelInfo) -> String {
    let Grid { tile: (width, height), tiles, exact } = info.grid(4000, 3000);
    let way = match (tiles, exact) {
        (1, _) => "the whole picture".to_owned(),
        (_, true) => "each as in the whole".to_owned(),
        (_, false) => "blended where they overlap".to_owned(),
    };
    let pixels = (tiles * width * height) as f64;
    let time = info.seconds_per_megapixel.map_or(String::new(), |seconds| {
        format!("; about {:.0} s on one thread", (seconds * pixels / 1e6).max(1.0))
    });
    format!("{tiles} tiles of {width} x {height}, {way}{time}")
}

/// What `embed` takes where no tensor is named.
fn embedding(info: &ModelInfo) -> String {
    match &info.choice {
        Choice::Tensor(name, why) => format!("{name} ({why})"),
        Choice::Tokens { tensor, tokens, width } => {
            format!("{tensor} ({tokens} tokens of {width} floats: say `pool`)")
        }
        Choice::Nothing => "no tensor by default: name one".into(),
    }
}

/// The lines of inputs and outputs.
fn tensors(inputs: &[TensorInfo], outputs: &[TensorInfo], mut line: impl FnMut(&str, String)) {
    for (name, list) in [("input", inputs), ("output", outputs)] {
        list.iter().for_each(|t| line(name, format!("{} ({}, {})", t.name, t.shape, t.dtype)));
    }
}

fn tensors_as_json(list: &[TensorInfo]) -> Vec<serde_json::Value> {
    list.iter().map(|t| json!({"name": t.name, "shape": t.shape, "type": t.dtype})).collect()
}

fn rows_as_text(path: &str, info: &RowsInfo) -> String {
    let mut text = format!("{path}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<16} {value}\n"));
    tensors(&info.inputs, &info.outputs, &mut line);
    line("restore", "no: it takes rows of numbers, not pictures".into());
    line("parameters", info.parameters.to_string());
    for (key, value) in &info.metadata {
        line("metadata", format!("{key}: {value}"));
    }
    line("hash", info.hash.clone());
    text
}

fn rows_as_json(info: &RowsInfo) -> serde_json::Value {
    json!({
        "hash": info.hash, "inputs": tensors_as_json(&info.inputs), "outputs": tensors_as_json(&info.outputs),
        "layout": "rows", "numbers": info.numbers, "parameters": info.parameters, "metadata": info.metadata,
    })
}

fn as_text(path: &str, info: &ModelInfo) -> String {
    let mut text = format!("{path}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<16} {value}\n"));
    tensors(&info.inputs, &info.outputs, &mut line);
    if let Some(architecture) = info.metadata.get("architecture") {
        line("architecture", architecture.clone());
    }
    let channels = info.in_channels - info.levels.len().min(info.in_channels);
    line("layout", format!("{:?}, {channels} channels", info.layout).to_lowercase());
    let beside: Vec<String> = info.behind_colours().into_iter().chain(info.levels.iter().cloned()).collect();
    if !beside.is_empty() {
        line("beside colours", format!("{} (see `inputs` of restore)", beside.join(", ")));
    }
    line("range", format!("{} ({})", range(&info.range), format!("{:?}", info.range_origin).to_lowercase()));
    match (info.scale, &info.not_restorer) {
        (Some(scale), _) => {
            line("restore", format!("yes, scale x{scale}"));
            line("12 megapixels", on_a_photograph(info));
        }
        (None, Some(reason)) => line("restore", format!("no: {reason}")),
        (None, None) => line("restore", "no".into()),
    }
    match info.fixed_size {
        Some((height, width)) => line("size", format!("fixed, {width} x {height}")),
        None if info.size_multiple == 1 => line("size", "any".into()),
        None => line("size", format!("any multiple of {} (others are padded)", info.size_multiple)),
    }
    if let Some(outside) = &info.outside {
        line("engine", outside.clone());
    }
    line("receptive field", receptive(info));
    line("multiply-adds", format!("{:.0} a pixel", info.macs_per_pixel));
    if let Some(places) = &info.places {
        line("runs on", runs_on(places));
    }
    if let Some(seconds) = info.seconds_per_megapixel {
        line("time", format!("{seconds:.3} s a megapixel of input, on one thread, measured here"));
    }
    line("parameters", info.parameters.to_string());
    line("embed", embedding(info));
    for candidate in &info.candidates {
        line(
            "bottleneck",
            format!("{} ({}, {} floats)", candidate.name, shape(&candidate.shape), candidate.floats),
        );
    }
    for (key, value) in &info.metadata {
        line("metadata", format!("{key}: {value}"));
    }
    for note in &info.notes {
        line("note", note.clone());
    }
    line("hash", info.hash.clone());
    text
}

fn as_json(info: &ModelInfo) -> serde_json::Value {
    let candidates: Vec<_> = info
        .candidates
        .iter()
        .map(|c| json!({"tensor": c.name, "shape": c.shape, "floats": c.floats}))
        .collect();
    json!({
        "hash": info.hash, "inputs": tensors_as_json(&info.inputs), "outputs": tensors_as_json(&info.outputs),
        "layout": format!("{:?}", info.layout).to_lowercase(), "channels": info.in_channels,
        "fixed_size": info.fixed_size, "size_multiple": info.size_multiple, "scale": info.scale,
        "period": info.period, "least": info.least, "border": info.around(), "levels": info.levels,
        "receptive_radius": match info.receptive { Receptive::Pixels(r) => Some(r), Receptive::Global => None },
        "macs_per_pixel": info.macs_per_pixel, "seconds_per_megapixel": info.seconds_per_megapixel,
        "on_12_megapixels": info.scale.map(|_| info.grid(4000, 3000)).map(|grid| json!({
            "tile_width": grid.tile.0, "tile_height": grid.tile.1, "tiles": grid.tiles, "exact": grid.exact,
        })),
        "runs_on": info.places.as_ref().map(|places| json!({
            "kernels_share": places.share, "kernels_programs": places.programs, "other_operators": places.others,
        })), "parameters": info.parameters,
        "engine": info.outside, "range": range(&info.range), "embedding": info.choice, "bottlenecks": candidates,
        "metadata": info.metadata, "notes": info.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_rows_are_told_apart_from_those_of_pictures() {
        let tensor = |name: &str, shape: &str| TensorInfo {
            name: name.into(),
            shape: shape.into(),
            dtype: "float".into(),
        };
        let info = RowsInfo {
            hash: "1234".into(),
            inputs: vec![tensor("input", "N x 50")],
            outputs: vec![tensor("output", "N x 50"), tensor("bottleneck", "N x 2")],
            numbers: Some(50),
            parameters: 12,
            metadata: [("task".to_owned(), "embed".to_owned())].into(),
        };
        let text = rows_as_text("a.onnx", &info);
        let lines =
            ["input (N x 50, float)", "bottleneck (N x 2, float)", "no: it takes rows", "task: embed"];
        assert!(lines.iter().all(|line| text.contains(line)), "{text}");
        let json = rows_as_json(&info);
        assert_eq!((&json["layout"], &json["numbers"]), (&json!("rows"), &json!(50)));
        assert_eq!(json["outputs"][1]["shape"], "N x 2");
    }
}
