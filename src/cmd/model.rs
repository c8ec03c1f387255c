//! `model`: what an ONNX file is.

use super::{code, err, out};
use crate::cli::ModelArgs;
use crate::nn::{Comparison, LoadOptions, ModelInfo, Network, Range, Receptive, compare};
use serde_json::json;

/// Prints what inspection found.
pub fn model(args: &ModelArgs) -> u8 {
    let network = match Network::load(&args.model, &LoadOptions::default()) {
        Ok(network) => network,
        Err(error) => {
            err(&format!("error: {error}\n"));
            return code::INVALID;
        }
    };
    let info = network.info();
    let compared = match args.compare.then(|| compare(&network, args.size)).transpose() {
        Ok(compared) => compared,
        Err(error) => {
            err(&format!("error: {error}\n"));
            return code::INVALID;
        }
    };
    let text = if args.json {
        let mut json = as_json(info);
        if let Some(c) = compared {
            json["comparison"] = json!({
                "height": c.size.0, "width": c.size.1, "largest_difference": c.difference,
                "output_range": c.range, "fast_seconds": c.fast, "plain_seconds": c.plain,
            });
        }
        format!("{json:#}\n")
    } else {
        let mut text = as_text(&args.model.display().to_string(), info);
        if let Some(c) = compared {
            text.push_str(&comparison(&c));
        }
        text
    };
    out(&text)
}

fn comparison(c: &Comparison) -> String {
    format!(
        "  compared at      {} x {}, one thread: our kernels {:.1} ms, tract alone {:.1} ms\n  \
         largest difference {:.1e} in an output range of {:.3}\n",
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

fn as_text(path: &str, info: &ModelInfo) -> String {
    let mut text = format!("{path}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<16} {value}\n"));
    for input in &info.inputs {
        line("input", format!("{} ({}, {})", input.name, input.shape, input.dtype));
    }
    for output in &info.outputs {
        line("output", format!("{} ({}, {})", output.name, output.shape, output.dtype));
    }
    line("layout", format!("{:?}, {} channels", info.layout, info.in_channels).to_lowercase());
    line("range", format!("{} ({})", range(&info.range), format!("{:?}", info.range_origin).to_lowercase()));
    match (info.scale, &info.not_restorer) {
        (Some(scale), _) => line("restore", format!("yes, scale x{scale}")),
        (None, Some(reason)) => line("restore", format!("no: {reason}")),
        (None, None) => line("restore", "no".into()),
    }
    match info.fixed_size {
        Some((height, width)) => line("size", format!("fixed, {width} x {height}")),
        None if info.size_multiple == 1 => line("size", "any".into()),
        None => line("size", format!("any multiple of {} (others are padded)", info.size_multiple)),
    }
    line("receptive field", receptive(info));
    line("multiply-adds", format!("{:.0} a pixel", info.macs_per_pixel));
    line("parameters", info.parameters.to_string());
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
    let tensors = |list: &[crate::nn::TensorInfo]| -> Vec<_> {
        list.iter().map(|t| json!({"name": t.name, "shape": t.shape, "type": t.dtype})).collect()
    };
    let candidates: Vec<_> = info
        .candidates
        .iter()
        .map(|c| json!({"tensor": c.name, "shape": c.shape, "floats": c.floats}))
        .collect();
    json!({
        "hash": info.hash, "inputs": tensors(&info.inputs), "outputs": tensors(&info.outputs),
        "layout": format!("{:?}", info.layout).to_lowercase(), "channels": info.in_channels,
        "fixed_size": info.fixed_size, "size_multiple": info.size_multiple, "scale": info.scale,
        "receptive_radius": match info.receptive { Receptive::Pixels(r) => Some(r), Receptive::Global => None },
        "macs_per_pixel": info.macs_per_pixel, "parameters": info.parameters,
        "range": range(&info.range), "bottlenecks": candidates,
        "metadata": info.metadata, "notes": info.notes,
    })
}
