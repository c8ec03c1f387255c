//! From a parsed `train` section to a [`TrainPlan`], with every mistake found on the way.

mod data;

use super::agreement::Agreement;
use super::augment::Augment;
use super::export::{self, StartError};
use super::language::{BesideKeys, Colour, TRAIN, TrainKeys};
use super::net::{Net, Size};
use super::networks::Wanted;
use super::rules;
use super::settings::{Beside, Data, Mixed, Start, Task, TrainPlan, Vectors};
use super::step::Stepper;
use crate::inputs::Source;
use crate::memory::mib;
use crate::nn::ModelBudget;
use crate::pipeline::{find_model, legacy};
use crate::plan::{absolute, missing, resolve_limits};
use crate::shown::Show;
use crate::spec::language::InputKeys;
use crate::spec::units::ByteSize;
use crate::spec::{Args, Diagnostic, Diagnostics, Given, Kind, Parameters, PipelineSpec, Span};
use crate::store::look;
use std::path::{Path, PathBuf};

/// Counts up when the same settings give other weights than the last release's.
const RESULTS: u32 = 1;
/// Keys of `train` that the weights don't depend on.
const BESIDES: [&str; 6] = ["test", "label", "model", "half", "licence", "beside"];
/// Steps of the warm-up where none are given and there are ten times as many in all.
const WARMUP: usize = 200;
/// Memory kept back for the program itself.
const RESERVE: u64 = 96 << 20;

/// Resolves a training job: finds its data, builds its network. Reads the disk, writes nothing.
///
/// `spec` may be a draft with `mistakes`: what could be read of it is checked all the same.
///
/// # Errors
/// Every mistake, those given and those found, each with its place.
pub fn resolve(spec: &PipelineSpec, mistakes: Diagnostics) -> Result<TrainPlan, Diagnostics> {
    let mut errors = Vec::new();
    let plan = match &spec.train {
        Some(train) if train.sound => match TrainKeys::read(&train.args) {
            Ok(keys) => job(spec, &keys, &train.args, &mut errors),
            Err(found) => {
                errors.extend(found.iter().cloned());
                None
            }
        },
        Some(train) => {
            // Its own mistakes are known; paths where nothing is are more.
            let mut paths = train.args.paths(|kind| matches!(kind, Kind::Path));
            for keys in spec.input.iter().chain(spec.mixed.iter().filter_map(|mixed| mixed.keys.as_ref())) {
                if let InputKeys::Files(keys) = keys {
                    paths.push(keys.path.clone());
                }
            }
            errors.extend(paths.iter().filter(|path| matches!(look::at(path), Ok(None))).map(missing));
            let models = train.args.paths(|kind| matches!(kind, Kind::Model));
            errors.extend(models.iter().filter_map(|model| find_model(spec.sources().folder(), model).err()));
            None
        }
        None => None,
    };
    match plan {
        Some(plan) if errors.is_empty() && mistakes.count() == 0 => return Ok(plan),
        None if errors.is_empty() && mistakes.count() == 0 => {
            errors.push(spec.diagnostic(
                Span::FILE,
                "there is nothing to train, and no mistake was told",
                None,
            ));
        }
        _ => {}
    }
    Err(mistakes.with(errors))
}

fn job(
    spec: &PipelineSpec,
    keys: &TrainKeys,
    args: &Args,
    errors: &mut Vec<Diagnostic>,
) -> Option<TrainPlan> {
    let network = keys.network.network;
    rules::check(keys, network, errors);
    let output = absolute(&spec.output);
    let data = if let Some(blobs) = &*keys.blobs {
        let blobs = data::blobs(spec, keys, blobs, errors);
        Some((blobs.dimensions, Data::Vectors { source: Vectors::Blobs(blobs) }))
    } else if !spec.has_input {
        let help = "add for example `input: photos`".to_string();
        errors.push(spec.diagnostic(Span::FILE, "a pipeline needs `input`", Some(help)));
        None
    } else if let Some(column) = &*keys.vectors {
        data::vectors(spec, keys, column, &output, errors)
    } else if *keys.pairs {
        data::pairs(spec, &output, errors).map(|data| (channels(keys), data))
    } else {
        data::pictures(spec, keys, &output, errors).map(|data| (channels(keys), data))
    };
    let patch = if network.vectors { 1 } else { *keys.patch };
    // Without data, the network's own mistakes are told all the same.
    let wide = data.as_ref().map_or(if network.vectors { 1 } else { channels(keys) }, |(wide, _)| *wide);
    let net = build(keys, (patch, wide), errors)?;
    let (_, data) = data?;
    let mut notes = Vec::new();
    if let Data::Pictures { inputs, recipe, .. } = &data {
        notes.extend(inputs.iter().flat_map(|mixed| mixed.input.notes.clone()));
        notes.extend(overlaps(inputs));
        rules::check_recipe(keys, &net, recipe.as_ref(), network, (errors, &mut notes));
    }
    if let Data::Pairs { pairs, validation, root, .. } = &data {
        let written: Vec<_> = pairs.iter().chain(validation).collect();
        rules::check_pairs(keys, &net, &written, root, errors);
    }
    let limits = resolve_limits(&spec.limits);
    let agree = (*keys.agree).as_ref().map(|keys| Agreement {
        weight: keys.weight,
        temperature: keys.temperature,
        crop: *keys.crop,
    });
    let (batch, epochs, steps) = (keys.batch, keys.epochs, keys.steps);
    // Finding out the rest lays out a step's buffers and weights.
    let weights = weights_need(&net) + RESERVE;
    let fits = weights <= limits.memory;
    let needed = if fits { memory_needed(&net, batch, agree, limits.threads) + RESERVE } else { weights };
    if needed > limits.memory {
        let message = format!("training needs about {} MiB, over {} MiB", mib(needed), mib(limits.memory));
        let help = "raise limits.memory, or give a smaller network, patch, batch or limits.threads";
        errors.push(spec.limits.memory.error(message, Some(help.into())));
    }
    let start = match &*keys.start {
        Some(path) if fits && !network.vectors => {
            start(spec, keys, &keys.start.with(path.clone()), &net, (&output, &limits.models), errors)?
        }
        _ => Start::Random,
    };
    if let Data::Vectors { source } = &data {
        data::check_vectors(source, net.input.c, limits.memory.saturating_sub(needed), (spec, keys), errors);
    }
    if Stepper::rounded(batch) != batch {
        notes.push(format!("`batch` is rounded up to {}, for parts of one size", Stepper::rounded(batch)));
    }
    let beside = |item: &BesideKeys| Beside {
        label: item.label.clone(),
        figure: item.figure.clone(),
        value: item.value,
    };
    Some(TrainPlan {
        name: spec.name.clone(),
        output,
        model: keys.model.to_string(),
        half: keys.half,
        licence: keys.licence.clone().unwrap_or_default(),
        seed: spec.seed,
        fingerprint: digest(spec, args, &start, net.input, limits.pixels),
        besides: besides(args),
        net,
        start,
        task: if network.embeds { Task::Embed } else { Task::Restore },
        data,
        validation: *keys.validation,
        patch: if *keys.whole || network.vectors || agree.is_some() { 0 } else { patch },
        augment: if network.vectors { Augment::NOTHING } else { Augment::of(&keys.augment) },
        batch,
        steps,
        epochs,
        patience: keys.patience,
        loss: keys.loss,
        agree,
        late_loss: keys.late_loss.unwrap_or(keys.loss),
        late: epochs - late_epochs(epochs, keys),
        rate: keys.rate,
        warmup: keys.warmup.unwrap_or((epochs * steps / 10).min(WARMUP)),
        schedule: keys.schedule,
        decay: keys.decay,
        method: keys.optimiser,
        average: keys.average,
        clip: keys.clip,
        beside: keys.beside.iter().map(beside).collect(),
        threads: limits.threads,
        memory: limits.memory.saturating_sub(needed),
        pixels: limits.pixels,
        keep: match *keys.keep {
            ByteSize::Exact(bytes) => bytes,
            // Not by this machine's memory, on which results must not depend.
            ByteSize::Auto => 2 << 30,
        },
        zoom: *keys.zoom,
        rounded: *keys.rounded,
        notes,
        warnings: spec.warnings.clone(),
    })
}

/// How many epochs are the last ones; one at least, where they have a loss of their own.
fn late_epochs(epochs: usize, keys: &TrainKeys) -> usize {
    let share = (epochs as f64 * *keys.late).round() as usize;
    let least = usize::from(keys.late_loss.is_some() && *keys.late > 0.0);
    share.clamp(least, epochs)
}

fn channels(keys: &TrainKeys) -> usize {
    match *keys.colour {
        Colour::Rgb => 3,
        Colour::Gray => 1,
    }
}

/// What is to be said of folders that lie within each other.
fn overlaps(inputs: &[Mixed]) -> Vec<String> {
    let folders =
        inputs.iter().map(|mixed| &mixed.input).filter(|input| matches!(input.source, Source::Folder));
    let roots: Vec<&Path> = folders.map(|input| &*input.root).collect();
    let pairs = (0..roots.len()).flat_map(|a| (0..roots.len()).map(move |b| (a, b)));
    let within =
        pairs.filter(|&(a, b)| a != b && roots[a].starts_with(roots[b]) && (a > b || roots[a] != roots[b]));
    let text = |(a, b): (usize, usize)| {
        format!(
            "the input {} lies in the input {}: what is held out of the one may be learned from the other; exclude it there",
            roots[a].shown(),
            roots[b].shown()
        )
    };
    within.map(text).collect()
}

/// The network for clean patches of `patch` pixels a side, or for vectors of `wide` numbers.
fn build(keys: &TrainKeys, (patch, wide): (usize, usize), errors: &mut Vec<Diagnostic>) -> Option<Net> {
    let name = keys.network.network.descriptor.name;
    let mut made = |side| {
        let made = keys.network.build(Wanted { channels: wide, side });
        made.map_err(|found| errors.extend(found.iter().cloned())).ok()
    };
    // What it is asked for depends on what it is.
    let scale = made(patch)?.scale;
    let net = made((patch / scale).max(1))?;
    let unit = net.multiple * scale;
    if !patch.is_multiple_of(unit) {
        let message = format!("`{name}` learns patches whose side is a multiple of {unit}, not {patch}");
        let near = [patch / unit * unit, patch.next_multiple_of(unit)];
        let near: Vec<_> =
            near.iter().filter(|side| **side > 0).map(|side| format!("`patch: {side}`")).collect();
        errors.push(keys.patch.error(message, Some(format!("write {}", near.join(" or ")))));
        return None;
    }
    let wrong = match net.sizes() {
        Ok(sizes) => {
            let (made, wanted) =
                (sizes[net.output()], Size::new(net.input.h * scale, net.input.w * scale, net.input.c));
            (made != wanted).then(|| format!("it makes {} of {}", shown(made), shown(net.input)))
        }
        Err(unfit) => Some(unfit.to_string()),
    };
    if let Some(what) = wrong {
        let message = format!("`{name}` does not fit a patch of {patch}: {what}");
        errors.push(keys.network.error(message, Some("give another `patch` or other parameters".into())));
        return None;
    }
    Some(net)
}

/// The weights that `net` starts with; none after a mistake.
fn start(
    spec: &PipelineSpec,
    keys: &TrainKeys,
    model: &Given<PathBuf>,
    net: &Net,
    (output, budget): (&Path, &ModelBudget),
    errors: &mut Vec<Diagnostic>,
) -> Option<Start> {
    let found = find_model(spec.sources().folder(), model);
    let path = found.map_err(|mistake| errors.push(mistake)).ok()?;
    let real = |path: &Path| look::real(path).ok().flatten();
    let made = real(&output.join(&*keys.model));
    if made.is_some() && made == real(&path) {
        let help = "give another `output` or another `model`".to_string();
        errors.push(model.error("this job would write over the model that it starts from", Some(help)));
        return None;
    }
    match export::start(net, &path, budget) {
        Ok((parameters, hash)) => Some(Start::Model { path, parameters, hash }),
        Err(error) => {
            let other = matches!(error, StartError::Other { .. });
            let help =
                "give `network` the parameters that the model was trained with, and its `colour` and `patch`";
            errors.push(model.error(error.to_string(), other.then(|| help.to_string())));
            None
        }
    }
}

fn shown(size: Size) -> String {
    format!("{} x {} x {}", size.w, size.h, size.c)
}

/// A digest of all settings that decide the weights: their values, not where they stand.
fn digest(spec: &PipelineSpec, args: &Args, start: &Start, input: Size, pixels: u64) -> [u8; 32] {
    // Of the model to start from, the bytes decide, not the path.
    let mut text = legacy::section("train", args, &[&BESIDES[..], &["start"]].concat());
    if let Start::Model { hash, .. } = start {
        text.push_str(hash);
    }
    // The text is that of the first versions.
    text.extend(args.renewed());
    // The files that are found count by themselves, and the formats that are read may become more.
    let section = |args| legacy::section("input", args, &["include", "hidden"]);
    let source = match &spec.mixed[..] {
        [] => section(&spec.input_args),
        mixed => mixed.iter().map(|m| format!("{}  weight={}\n", section(&m.args), m.weight)).collect(),
    };
    let mut hasher = blake3::Hasher::new_derive_key("safelight 2026 settings of a training job");
    hasher.update(format!("{RESULTS}\n{}\n{input:?}\n{pixels}\n{source}\n{text}", spec.seed).as_bytes());
    *hasher.finalize().as_bytes()
}

/// A digest of the settings that only the figures and the file's metadata depend on.
fn besides(args: &Args) -> String {
    let others: Vec<&str> = TRAIN.params.iter().map(|p| p.name).filter(|p| !BESIDES.contains(p)).collect();
    blake3::hash(legacy::section("train", args, &others).as_bytes()).to_hex().to_string()
}

/// Bytes that training takes beside the data: buffers and gradients of a step; parameters, Adam's two moments, the
/// best, a gradient and a checkpoint of all that; weights packed for both directions.
pub fn memory_needed(net: &Net, batch: usize, agreement: Option<Agreement>, threads: usize) -> u64 {
    let step = Stepper::bytes(net, net.input, batch, agreement, threads).unwrap_or(0);
    step as u64 + weights_need(net)
}

/// The part of that which is of the parameters alone.
fn weights_need(net: &Net) -> u64 {
    // Winograd's weights are four times the network's; a moving average and a copy of it may come beside, and what Muon
    // makes of all layers at once.
    let copies = 5 + 4 + 8 + 2 + 5;
    4 * copies * net.parameters() as u64
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_inputs;
