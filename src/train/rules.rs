//! What the keys of `train` demand of each other.

use super::augment::Augment;
use super::figures;
use super::language::{Colour, TrainKeys};
use super::net::Net;
use super::networks::{NETWORKS, Network};
use super::settings::Written;
use crate::codec;
use crate::corrupt::Recipe;
use crate::spec::{Diagnostic, Place};
use std::path::Path;

/// Pairs whose headers are looked at.
const PROBES: usize = 64;
/// A key that is given, for the rules that forbid some.
type Forbidden<'a> = (&'static str, &'a Place, &'static str);

/// Keys that mean something for pictures only, of those that are given.
fn of_pictures(keys: &TrainKeys) -> impl Iterator<Item = Forbidden<'_>> {
    given([
        ("start", keys.start.place(), "remove it"),
        ("corrupt", keys.corrupt.place(), "remove it"),
        ("test", keys.test.place(), "remove it"),
        ("colour", keys.colour.place(), "remove it"),
        ("patch", keys.patch.place(), "remove it"),
        ("whole", keys.whole.place(), "remove it"),
        ("zoom", keys.zoom.place(), "remove it"),
        ("rounded", keys.rounded.place(), "remove it"),
        ("keep", keys.keep.place(), "remove it"),
        ("augment", keys.augment.place(), "remove it"),
        ("agree", keys.agree.place(), "remove it"),
    ])
}

/// Keys that pairs leave no room for, of those that are given.
fn beside_pairs(keys: &TrainKeys) -> impl Iterator<Item = Forbidden<'_>> {
    let either = "remove one of the two";
    given([
        ("corrupt", keys.corrupt.place(), "pairs are corrupted already: remove one of the two"),
        ("test", keys.test.place(), "the pairs of the split `test` are used: remove it"),
        ("label", keys.label.place(), either),
        ("vectors", keys.vectors.place(), either),
        ("blobs", keys.blobs.place(), either),
        ("whole", keys.whole.place(), either),
        ("zoom", keys.zoom.place(), either),
        ("rounded", keys.rounded.place(), either),
        ("agree", keys.agree.place(), either),
    ])
}

fn given<'a, const N: usize>(keys: [Forbidden<'a>; N]) -> impl Iterator<Item = Forbidden<'a>> {
    keys.into_iter().filter(|(_, place, _)| place.is_given())
}

/// Checks the keys against each other and against the kind of network.
pub(super) fn check(keys: &TrainKeys, network: &Network, errors: &mut Vec<Diagnostic>) {
    let name = network.descriptor.name;
    let mut refuse = |place: &Place, message: String, help: &str| {
        errors.push(place.error(message, Some(help.to_string())));
    };
    if keys.late_loss.is_none() && keys.late.is_given() {
        let help = "give the loss of the last epochs, or remove it";
        refuse(keys.late.place(), "`late` has no meaning without `late_loss`".into(), help);
    } else if keys.late_loss.is_some() && *keys.late == 0.0 {
        let help = "give a share of the epochs, or remove `late_loss`";
        refuse(keys.late.place(), "no epoch would learn by `late_loss`".into(), help);
    }
    let vectors = keys.vectors.is_some() || keys.blobs.is_some();
    if keys.vectors.is_some() && keys.blobs.is_some() {
        refuse(keys.blobs.place(), "`blobs` stand in place of `vectors`".into(), "remove one of them");
    }
    if network.vectors && !vectors {
        let help = "name the column of a .parquet input that holds them as `vectors`, or make `blobs`";
        refuse(keys.network.place(), format!("`{name}` takes vectors"), help);
    } else if !network.vectors && vectors {
        let others: Vec<_> = NETWORKS.iter().filter(|n| n.vectors).map(|n| n.descriptor.name).collect();
        let help = format!("for vectors there is `{}`", others.join("`, `"));
        refuse(keys.network.place(), format!("`{name}` takes pictures, not vectors"), &help);
    } else if vectors {
        for (key, place, help) in of_pictures(keys) {
            refuse(place, format!("`{key}` has no meaning for vectors"), help);
        }
    }
    if *keys.pairs {
        for (key, place, help) in beside_pairs(keys) {
            refuse(place, format!("`{key}` has no meaning beside `pairs`"), help);
        }
    }
    let label = keys.label.place();
    if keys.label.is_some() && !network.embeds {
        let help = "remove it, or take a network that embeds";
        refuse(label, format!("`label` is for figures of embeddings, which `{name}` does not make"), help);
    } else if keys.label.is_some() && keys.blobs.is_some() {
        refuse(label, "`blobs` are their own groups".into(), "remove it");
    }
    check_augment(keys, &mut refuse);
    let agree = keys.agree.place();
    if keys.agree.is_some() && !network.embeds {
        let help = "remove it, or take a network that embeds";
        refuse(agree, format!("views agree by an embedding, which `{name}` does not make"), help);
    }
    if agree.is_given() && keys.batch < 2 {
        refuse(agree, "a batch of one has nothing to be told from".into(), "give a `batch` of 2 or more");
    }
    if agree.is_given() && keys.keep.place().is_given() {
        let message = "`keep` has no meaning beside `agree`, for which whole pictures are kept, made smaller";
        refuse(keys.keep.place(), message.into(), "remove it");
    }
    if let Some(keys) = (*keys.agree).as_ref().filter(|keys| *keys.crop <= 0.0) {
        refuse(keys.crop.place(), "a view has to show something".into(), "write for example `crop: 20%`");
    }
    for (key, place) in [("whole", keys.whole.place()), ("zoom", keys.zoom.place())] {
        if agree.is_given() && place.is_given() {
            refuse(place, format!("`{key}` has no meaning beside `agree`, which cuts views"), "remove it");
        }
    }
    if *keys.whole && *keys.zoom {
        refuse(keys.zoom.place(), "`zoom` has no meaning beside `whole`".into(), "remove one of the two");
    }
    if keys.beside.iter().any(|item| !figures::NAMES.contains(&item.figure.as_str())) {
        let help = format!("there are {}", figures::NAMES.join(", "));
        refuse(keys.beside.place(), "there is no figure of that name".into(), &help);
    }
    if *keys.validation <= 0.0 || *keys.validation >= 1.0 {
        let help = "write a share above 0% and below 100%, such as `5%`";
        let message = "something has to be held out, and something to be learned";
        refuse(keys.validation.place(), message.into(), help);
    }
    let steps = keys.steps.saturating_mul(keys.epochs);
    if keys.warmup.is_some_and(|warmup| warmup > 0 && warmup >= steps) {
        let message = format!("the highest rate is never reached: there are {steps} steps in all");
        refuse(keys.warmup.place(), message, "give a smaller `warmup`");
    }
    let model = keys.model.as_str();
    let plain = !model.contains(['/', '\0']) && !model.starts_with('.');
    if !plain || !model.to_ascii_lowercase().ends_with(".onnx") {
        let message = format!("`{}` is no name for an ONNX file in the output folder", model.escape_debug());
        refuse(keys.model.place(), message, "write for example `model: model.onnx`");
    }
}

/// Checks how patches are varied against how they are cut out.
fn check_augment(keys: &TrainKeys, refuse: &mut dyn FnMut(&Place, String, &str)) {
    let augment = Augment::of(&keys.augment);
    let place = keys.augment.place();
    let rescaled = [("whole", *keys.whole), ("zoom", *keys.zoom), ("agree", keys.agree.is_some())];
    for (key, _) in rescaled.iter().filter(|(_, on)| *on && augment.rescales()) {
        let message = format!("`rescale` has no meaning beside `{key}`, which says how large squares are");
        refuse(place, message, "remove one of the two");
    }
    if *keys.pairs && (Augment { turn: false, ..augment.clone() }) != Augment::NOTHING {
        let message = "pairs are only turned: `rescale`, `gamma` and `channels` are for clean pictures";
        refuse(place, message.into(), "write `augment: true`");
    }
    if augment.channels && matches!(*keys.colour, Colour::Gray) {
        refuse(place, "gray pictures have one channel".into(), "remove `channels`");
    }
}

/// Checks what makes the network's input against the network's scale.
pub(super) fn check_recipe(
    keys: &TrainKeys,
    net: &Net,
    recipe: Option<&Recipe>,
    network: &Network,
    (errors, notes): (&mut Vec<Diagnostic>, &mut Vec<String>),
) {
    let name = network.descriptor.name;
    let mut refuse = |place: &Place, message: String, help: &str| {
        errors.push(place.error(message, Some(help.to_string())));
    };
    match recipe {
        None if net.scale > 1 => {
            let message = format!("a network of scale {} needs `corrupt`, which makes its input", net.scale);
            refuse(keys.network.place(), message, "add for example `corrupt: [downscale]`");
        }
        None if !network.embeds => notes.push(format!(
            "nothing is corrupted, so that `{name}` learns to give back its input; `corrupt` says what to undo"
        )),
        None => {}
        Some(recipe) if net.scale == 1 && recipe.uses("downscale") && !recipe.uses("rescale") => {
            let message = "`downscale` does nothing here: the network's result is as large as its input";
            refuse(
                keys.corrupt.place(),
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
    keys: &TrainKeys,
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
        errors.push(keys.network.error(message, Some(help)));
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
        errors.push(keys.patch.error(message, Some(help)));
    }
}
