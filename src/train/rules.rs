//! What the keys of `train` demand of each other.

use super::figures;
use super::net::Net;
use super::networks::{NETWORKS, Network};
use super::settings::Written;
use crate::codec;
use crate::corrupt::Recipe;
use crate::spec::{Arg, Args, Diagnostic};
use std::path::Path;

/// Pairs whose headers are looked at.
const PROBES: usize = 64;
/// Keys that mean something for pictures only.
const OF_PICTURES: [&str; 10] =
    ["start", "corrupt", "test", "colour", "patch", "whole", "zoom", "rounded", "keep", "augment"];

/// Checks the keys against each other and against the kind of network.
pub(super) fn check(args: &Args, network: &Network, errors: &mut Vec<Diagnostic>) {
    let name = network.descriptor.name;
    let mut refuse = |key: &str, message: String, help: &str| {
        errors.push(args.error(key, message, Some(help.to_string())));
    };
    let given = |key: &&str| args.is_given(key);
    let pairs = args.bool("pairs") == Some(true);
    let vectors = args.is_given("vectors") || args.is_given("blobs");
    if args.is_given("vectors") && args.is_given("blobs") {
        refuse("blobs", "`blobs` stand in place of `vectors`".into(), "remove one of them");
    }
    if network.vectors && !vectors {
        let help = "name the column of a .parquet input that holds them as `vectors`, or make `blobs`";
        refuse("network", format!("`{name}` takes vectors"), help);
    } else if !network.vectors && vectors {
        let others: Vec<_> = NETWORKS.iter().filter(|n| n.vectors).map(|n| n.descriptor.name).collect();
        let help = format!("for vectors there is `{}`", others.join("`, `"));
        refuse("network", format!("`{name}` takes pictures, not vectors"), &help);
    } else if vectors {
        for key in OF_PICTURES.iter().filter(|key| given(key)) {
            refuse(key, format!("`{key}` has no meaning for vectors"), "remove it");
        }
    }
    if pairs {
        let others = ["corrupt", "test", "label", "vectors", "blobs", "whole", "zoom", "rounded"];
        for key in others.iter().filter(|key| given(key)) {
            let help = match *key {
                "corrupt" => "pairs are corrupted already: remove one of the two",
                "test" => "the pairs of the split `test` are used: remove it",
                _ => "remove one of the two",
            };
            refuse(key, format!("`{key}` has no meaning beside `pairs`"), help);
        }
    }
    if args.is_given("label") && !network.embeds {
        let help = "remove it, or take a network that embeds";
        refuse("label", format!("`label` is for figures of embeddings, which `{name}` does not make"), help);
    } else if args.is_given("label") && args.is_given("blobs") {
        refuse("label", "`blobs` are their own groups".into(), "remove it");
    }
    if args.bool("whole") == Some(true) && args.bool("zoom") == Some(true) {
        refuse("zoom", "`zoom` has no meaning beside `whole`".into(), "remove one of the two");
    }
    let figures = args.list("beside").unwrap_or_default();
    let unknown = |item: &&Arg| {
        item.value.map().and_then(|m| m.text("figure")).is_some_and(|name| !figures::NAMES.contains(&name))
    };
    if figures.iter().any(|item| unknown(&item)) {
        let help = format!("there are {}", figures::NAMES.join(", "));
        refuse("beside", "there is no figure of that name".into(), &help);
    }
    let share = args.float("validation").unwrap_or_default();
    if share <= 0.0 || share >= 1.0 {
        let help = "write a share above 0% and below 100%, such as `5%`";
        refuse("validation", "something has to be held out, and something to be learned".into(), help);
    }
    let whole = |key| args.int(key).unwrap_or_default();
    let steps = whole("steps").saturating_mul(whole("epochs"));
    if whole("warmup") > 0 && whole("warmup") >= steps {
        let message = format!("the highest rate is never reached: there are {steps} steps in all");
        refuse("warmup", message, "give a smaller `warmup`");
    }
    let model = args.text("model").unwrap_or_default();
    let plain = !model.contains(['/', '\0']) && !model.starts_with('.');
    if !plain || !model.to_ascii_lowercase().ends_with(".onnx") {
        let message = format!("`{}` is no name for an ONNX file in the output folder", model.escape_debug());
        refuse("model", message, "write for example `model: model.onnx`");
    }
}

/// Checks what makes the network's input against the network's scale.
pub(super) fn check_recipe(
    args: &Args,
    net: &Net,
    recipe: Option<&Recipe>,
    network: &Network,
    (errors, notes): (&mut Vec<Diagnostic>, &mut Vec<String>),
) {
    let name = network.descriptor.name;
    let mut refuse = |key: &str, message: String, help: &str| {
        errors.push(args.error(key, message, Some(help.to_string())));
    };
    match recipe {
        None if net.scale > 1 => {
            let message = format!("a network of scale {} needs `corrupt`, which makes its input", net.scale);
            refuse("network", message, "add for example `corrupt: [downscale]`");
        }
        None if !network.embeds => notes.push(format!(
            "nothing is corrupted, so that `{name}` learns to give back its input; `corrupt` says what to undo"
        )),
        None => {}
        Some(recipe) if net.scale == 1 && recipe.uses("downscale") && !recipe.uses("rescale") => {
            let message = "`downscale` does nothing here: the network's result is as large as its input";
            refuse(
                "corrupt",
                message.into(),
                "give the network a `scale`, or put a `rescale` before it, from which it leads back",
            );
        }
        Some(recipe) if net.scale > 1 && !recipe.uses("downscale") => notes.push(format!(
            "`corrupt` holds no `downscale`: at its end, patches are made {} times smaller by bicubic interpolation",
            net.scale
        )),
        Some(_) => {}
    }
}

/// Checks the network's scale and the patch against pairs that were written below `root`, as some of their headers
/// tell. Those that can't be read, and single ones that don't fit, are left out when all are read.
pub(super) fn check_pairs(
    args: &Args,
    net: &Net,
    pairs: &[&Written],
    root: &Path,
    errors: &mut Vec<Diagnostic>,
) {
    let size = |path: &Path| {
        let file = std::fs::File::open(root.join(path)).ok()?;
        let header = codec::probe(std::io::BufReader::new(file), path).ok()?;
        Some((header.width as usize, header.height as usize))
    };
    let probed: Vec<_> = pairs
        .iter()
        .step_by(pairs.len().div_ceil(PROBES).max(1))
        .filter_map(|pair| Some((size(&pair.noisy)?, size(&pair.clean)?)))
        .collect();
    let scaled =
        |((w, h), clean): &((usize, usize), (usize, usize))| (w * net.scale, h * net.scale) == *clean;
    let Some((noisy, clean)) = probed.first() else { return };
    if !probed.iter().any(scaled) {
        let message = format!(
            "the pairs do not fit a network of scale {}: the first is {} x {} pixels, and its clean picture {} x {}",
            net.scale, noisy.0, noisy.1, clean.0, clean.1
        );
        let scale = clean.0 / noisy.0.max(1);
        let even = probed.iter().all(|((w, h), clean)| (w * scale, h * scale) == *clean);
        let help = match scale {
            1.. if even => format!("give the network `scale: {scale}`, or pairs of another size"),
            _ => "write pairs of which all differ by the network's scale".to_string(),
        };
        errors.push(args.error("network", message, Some(help)));
        return;
    }
    let side = net.input.h * net.scale;
    let fits = |(w, h): &(usize, usize)| *w >= side && *h >= side;
    if !probed.iter().any(|(_, clean)| fits(clean)) {
        let largest = probed.iter().map(|(_, (w, h))| *w.min(h)).max().unwrap_or(0);
        let unit = net.multiple * net.scale;
        let message =
            format!("no pair is as large as a patch of {side}: the largest has {largest} pixels a side");
        let help = match largest / unit * unit {
            0 => "write larger pairs".to_string(),
            patch => format!("write `patch: {patch}`, or larger pairs"),
        };
        errors.push(args.error("patch", message, Some(help)));
    }
}
