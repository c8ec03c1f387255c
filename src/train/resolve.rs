//! From a parsed `train` section to a [`TrainPlan`], with every mistake found on the way.

use super::adam::Schedule;
use super::export::{self, StartError};
use super::language::TRAIN;
use super::loss::Loss;
use super::net::{Net, Size};
use super::networks::{NETWORKS, Network, Wanted};
use super::rules;
use super::settings::{Beside, Blobs, Data, Start, Task, TrainPlan, Vectors};
use super::sources;
use super::step::Stepper;
use crate::corrupt::Recipe;
use crate::memory::mib;
use crate::nn::ModelBudget;
use crate::pipeline::{find_model, fingerprint};
use crate::plan::{absolute, check_output, missing, resolve_input, resolve_limits};
use crate::shown::Show;
use crate::spec::units::ByteSize;
use crate::spec::{Args, Diagnostic, Diagnostics, PipelineSpec, Span, StepSpec};
use crate::store::look;
use std::path::{Path, PathBuf};

/// Counts up when the same settings give other weights than the last release's.
const RESULTS: u32 = 1;
/// Keys of `train` that the weights don't depend on.
const BESIDES: [&str; 5] = ["test", "label", "model", "licence", "beside"];
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
        Some(train) if train.sound => job(spec, train, &mut errors),
        Some(train) => {
            // Its own mistakes are known; paths where nothing is are more.
            for (section, key) in [(&spec.input, "path"), (&train.args, "test")] {
                let path = section.path(key).filter(|path| matches!(look::at(path), Ok(None)));
                errors.extend(path.map(|path| missing(section, key, path)));
            }
            let start = find_model(spec.sources().folder(), &train.args, "start");
            errors.extend(start.and_then(Result::err));
            None
        }
        None => None,
    };
    match plan {
        Some(plan) if errors.is_empty() && mistakes.count() == 0 => Ok(plan),
        _ => Err(mistakes.with(errors)),
    }
}

fn job(spec: &PipelineSpec, train: &StepSpec, errors: &mut Vec<Diagnostic>) -> Option<TrainPlan> {
    let args = &train.args;
    let step = args.step("network")?;
    let network = NETWORKS.iter().find(|n| n.descriptor.name == step.descriptor.name)?;
    rules::check(args, network, errors);
    let output = absolute(&spec.output);
    let data = if args.is_given("blobs") {
        blobs(spec, args, errors)
            .map(|blobs| (blobs.dimensions, Data::Vectors { source: Vectors::Blobs(blobs) }))
    } else if !spec.has_input {
        let help = "add for example `input: photos`".to_string();
        errors.push(spec.diagnostic(Span::FILE, "a pipeline needs `input`", Some(help)));
        None
    } else if args.is_given("vectors") {
        vectors(spec, args, &output, errors)
    } else if args.bool("pairs")? {
        pairs(spec, &output, errors).map(|data| (channels(args), data))
    } else {
        pictures(spec, args, &output, errors).map(|data| (channels(args), data))
    };
    let whole = args.bool("whole")?;
    let patch = if network.vectors { 1 } else { count(args, "patch")? };
    // Without data, the network's own mistakes are told all the same.
    let wide = data.as_ref().map_or(if network.vectors { 1 } else { channels(args) }, |(wide, _)| *wide);
    let net = build(args, step, network, (patch, wide), errors)?;
    let (_, data) = data?;
    let mut notes = Vec::new();
    if let Data::Pictures { input, recipe, .. } = &data {
        notes.extend(input.notes.clone());
        rules::check_recipe(args, &net, recipe.as_ref(), network, (errors, &mut notes));
    }
    if let Data::Pairs { pairs, validation, root, .. } = &data {
        let written: Vec<_> = pairs.iter().chain(validation).collect();
        rules::check_pairs(args, &net, &written, root, errors);
    }
    let limits = resolve_limits(&spec.limits);
    let batch = count(args, "batch")?;
    let (epochs, steps) = (count(args, "epochs")?, count(args, "steps")?);
    // Finding out the rest lays out a step's buffers and weights.
    let weights = weights_need(&net) + RESERVE;
    let fits = weights <= limits.memory;
    let needed = if fits { memory_needed(&net, batch, limits.threads) + RESERVE } else { weights };
    if needed > limits.memory {
        let message = format!("training needs about {} MiB, over {} MiB", mib(needed), mib(limits.memory));
        let help = "raise limits.memory, or give a smaller network, patch, batch or limits.threads";
        errors.push(spec.limits.error("memory", message, Some(help.into())));
    }
    let start = match fits && !network.vectors {
        true => start(spec, args, &net, (&output, &limits.models), errors)?,
        false => Start::Random,
    };
    if let Data::Vectors { source } = &data {
        check_vectors(source, net.input.c, limits.memory.saturating_sub(needed), (spec, args), errors);
    }
    if Stepper::rounded(batch) != batch {
        notes.push(format!("`batch` is rounded up to {}, for parts of one size", Stepper::rounded(batch)));
    }
    Some(TrainPlan {
        name: spec.name.clone(),
        output,
        model: args.text("model")?.to_string(),
        licence: args.text("licence").unwrap_or_default().to_string(),
        seed: spec.seed,
        fingerprint: digest(spec, args, &start, net.input, limits.pixels),
        besides: besides(args),
        net,
        start,
        task: if network.embeds { Task::Embed } else { Task::Restore },
        data,
        validation: args.float("validation")?,
        patch: if whole || network.vectors { 0 } else { patch },
        augment: args.bool("augment")? && !network.vectors,
        batch,
        steps,
        epochs,
        patience: count(args, "patience")?,
        loss: match args.text("loss")? {
            "l1" => Loss::L1,
            "charbonnier" => Loss::Charbonnier,
            _ => Loss::Mse,
        },
        rate: args.float("rate")?,
        warmup: count(args, "warmup").unwrap_or((epochs * steps / 10).min(WARMUP)),
        schedule: if args.text("schedule")? == "constant" { Schedule::Constant } else { Schedule::Cosine },
        decay: args.float("decay")?,
        clip: args.float("clip")?,
        beside: args.list("beside")?.iter().filter_map(|item| beside(item.value.map()?)).collect(),
        threads: limits.threads,
        memory: limits.memory.saturating_sub(needed),
        pixels: limits.pixels,
        keep: match args.bytes("keep")? {
            ByteSize::Exact(bytes) => bytes,
            // Not by this machine's memory, on which results must not depend.
            ByteSize::Auto => 2 << 30,
        },
        zoom: args.bool("zoom")?,
        rounded: args.bool("rounded")?,
        notes,
        warnings: spec.warnings.clone(),
    })
}

fn count(args: &Args, name: &str) -> Option<usize> {
    args.int(name).and_then(|n| usize::try_from(n).ok())
}

fn channels(args: &Args) -> usize {
    if args.text("colour") == Some("gray") { 1 } else { 3 }
}

fn beside(args: &Args) -> Option<Beside> {
    Some(Beside {
        label: args.text("label")?.to_string(),
        figure: args.text("figure")?.to_string(),
        value: args.float("value")?,
    })
}

/// The network for clean patches of `patch` pixels a side, or for vectors of `wide` numbers.
fn build(
    args: &Args,
    step: &StepSpec,
    network: &Network,
    (patch, wide): (usize, usize),
    errors: &mut Vec<Diagnostic>,
) -> Option<Net> {
    let name = network.descriptor.name;
    let made = |side| (network.build)(&step.args, Wanted { channels: wide, side });
    // What it is asked for depends on what it is.
    let scale = made(patch)?.scale;
    let net = made((patch / scale).max(1))?;
    let unit = net.multiple * scale;
    if !patch.is_multiple_of(unit) {
        let message = format!("`{name}` learns patches whose side is a multiple of {unit}, not {patch}");
        let near = [patch / unit * unit, patch.next_multiple_of(unit)];
        let near: Vec<_> =
            near.iter().filter(|side| **side > 0).map(|side| format!("`patch: {side}`")).collect();
        errors.push(args.error("patch", message, Some(format!("write {}", near.join(" or ")))));
        return None;
    }
    let wrong = match net.sizes() {
        Ok(sizes) => {
            let (made, wanted) =
                (sizes[net.output()], Size::new(net.input.h * scale, net.input.w * scale, net.input.c));
            (made != wanted).then(|| format!("it makes {} of {}", shown(made), shown(net.input)))
        }
        Err(what) => Some(what),
    };
    if let Some(what) = wrong {
        let message = format!("`{name}` does not fit a patch of {patch}: {what}");
        errors.push(args.error("network", message, Some("give another `patch` or other parameters".into())));
        return None;
    }
    Some(net)
}

/// The weights that `net` starts with; none after a mistake.
fn start(
    spec: &PipelineSpec,
    args: &Args,
    net: &Net,
    (output, budget): (&Path, &ModelBudget),
    errors: &mut Vec<Diagnostic>,
) -> Option<Start> {
    let Some(found) = find_model(spec.sources().folder(), args, "start") else { return Some(Start::Random) };
    let path = found.map_err(|mistake| errors.push(mistake)).ok()?;
    let real = |path: &Path| look::real(path).ok().flatten();
    let made = args.text("model").and_then(|model| real(&output.join(model)));
    if made.is_some() && made == real(&path) {
        let help = "give another `output` or another `model`".to_string();
        errors.push(args.error(
            "start",
            "this job would write over the model that it starts from",
            Some(help),
        ));
        return None;
    }
    match export::start(net, &path, budget) {
        Ok((parameters, hash)) => Some(Start::Model { path, parameters, hash }),
        Err(error) => {
            let other = matches!(error, StartError::Other { .. });
            let help =
                "give `network` the parameters that the model was trained with, and its `colour` and `patch`";
            errors.push(args.error("start", error.to_string(), other.then(|| help.to_string())));
            None
        }
    }
}

fn shown(size: Size) -> String {
    format!("{} x {} x {}", size.w, size.h, size.c)
}

fn pictures(spec: &PipelineSpec, args: &Args, output: &Path, errors: &mut Vec<Diagnostic>) -> Option<Data> {
    let recipe = args.steps("corrupt").map(Recipe::build).transpose();
    let recipe = recipe.map_err(|mistakes| errors.extend(mistakes));
    let room = (spec.seed, resolve_limits(&spec.limits).memory);
    let input = resolve_input(&spec.input, (&spec.input, "path"), room, errors);
    let test = args.path("test").map(|_| resolve_input(&spec.input, (args, "test"), room, errors));
    for input in [input.as_ref(), test.as_ref().and_then(Option::as_ref)].into_iter().flatten() {
        check_output(spec, input, output, errors);
    }
    let (input, test) = (input?, test.map_or(Some(None), |test| test.map(Some))?);
    let label = args.text("label").map(str::to_string);
    if let Some(label) = label.as_ref().filter(|label| input.carried.iter().all(|c| c.name != **label)) {
        let names: Vec<&str> = input.carried.iter().map(|c| c.name.as_str()).collect();
        let help = if names.is_empty() {
            "give a .csv or .parquet list as input, with a column beside the paths".to_string()
        } else {
            format!("its columns are {}", names.join(", "))
        };
        errors.push(args.error("label", format!("the input has no column `{label}`"), Some(help)));
    }
    Some(Data::Pictures { input, test, recipe: recipe.ok()?, label })
}

fn pairs(spec: &PipelineSpec, output: &Path, errors: &mut Vec<Diagnostic>) -> Option<Data> {
    let root = existing(&spec.input, errors)?;
    check_output(spec, &sources::folder(&root), output, errors);
    match sources::pairs(&root, resolve_limits(&spec.limits).memory) {
        Ok([pairs, validation, test]) => Some(Data::Pairs { pairs, validation, test, root }),
        Err((what, help)) => {
            errors.push(spec.input.error("path", format!("{} {what}", root.shown()), Some(help)));
            None
        }
    }
}

fn vectors(
    spec: &PipelineSpec,
    args: &Args,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) -> Option<(usize, Data)> {
    let path = existing(&spec.input, errors)?;
    let (column, label) = (args.text("vectors")?.to_string(), args.text("label").map(str::to_string));
    let files = match sources::parquet_files(&path) {
        Ok(files) => files,
        Err(what) => {
            errors.push(spec.input.error("path", format!("{} {what}", path.shown()), None));
            return None;
        }
    };
    check_output(spec, &sources::folder(&path), output, errors);
    match sources::vectors(&files, &column, label.as_deref()) {
        Ok((wide, rows)) => {
            Some((wide, Data::Vectors { source: Vectors::Parquet { files, column, label, rows } }))
        }
        Err((key, what)) => {
            errors.push(args.error(key, what, None));
            None
        }
    }
}

/// Refuses vectors that don't fit into memory.
fn check_vectors(
    source: &Vectors,
    wide: usize,
    memory: u64,
    (spec, args): (&PipelineSpec, &Args),
    errors: &mut Vec<Diagnostic>,
) {
    // As they are read or made, together, and one by one; blobs twice in double precision.
    let (section, key, rows, each) = match source {
        Vectors::Parquet { rows, .. } => (&spec.input, "path", *rows, 12),
        Vectors::Blobs(b) => (args, "blobs", b.count as u64, 24),
    };
    let needed = rows.saturating_mul(wide as u64 * each);
    if needed > memory {
        let message = format!(
            "{rows} vectors of {wide} numbers take about {} MiB, and {} MiB are left of limits.memory",
            mib(needed),
            mib(memory)
        );
        errors.push(section.error(key, message, Some("raise limits.memory, or give fewer".into())));
    }
}

fn blobs(spec: &PipelineSpec, args: &Args, errors: &mut Vec<Diagnostic>) -> Option<Blobs> {
    let blobs = args.map("blobs")?;
    if spec.has_input {
        let message = "`blobs` stand in place of an `input`";
        errors.push(args.error("blobs", message, Some("remove one of them".into())));
    }
    Some(Blobs {
        count: count(blobs, "count")?,
        dimensions: count(blobs, "dimensions")?,
        centres: count(blobs, "centres")?,
        deviation: blobs.float("deviation")?,
        seed: blobs.int("seed").and_then(|seed| u32::try_from(seed).ok())?,
    })
}

/// The path of the input, where something is.
fn existing(input: &Args, errors: &mut Vec<Diagnostic>) -> Option<PathBuf> {
    match input.path("path") {
        Some(path) => match look::at(path) {
            Ok(Some(_)) => Some(absolute(path)),
            Ok(None) => {
                errors.push(missing(input, "path", path));
                None
            }
            Err(e) => {
                let help = Some("check the mount".to_string());
                errors.push(input.error("path", format!("cannot look at {}: {e}", path.shown()), help));
                None
            }
        },
        None => {
            errors.extend(input.need("path", Args::path).err());
            None
        }
    }
}

/// A digest of all settings that decide the weights: their values, not where they stand.
fn digest(spec: &PipelineSpec, args: &Args, start: &Start, input: Size, pixels: u64) -> [u8; 32] {
    // Of the model to start from, the bytes decide, not the path.
    let mut text = fingerprint::section("train", args, &[&BESIDES[..], &["start"]].concat());
    if let Start::Model { hash, .. } = start {
        text.push_str(hash);
    }
    // The files that are found count by themselves, and the formats that are read may become more.
    let source = fingerprint::section("input", &spec.input, &["include", "hidden"]);
    let mut hasher = blake3::Hasher::new_derive_key("safelight 2026 settings of a training job");
    hasher.update(format!("{RESULTS}\n{}\n{input:?}\n{pixels}\n{source}\n{text}", spec.seed).as_bytes());
    *hasher.finalize().as_bytes()
}

/// A digest of the settings that only the figures and the file's metadata depend on.
fn besides(args: &Args) -> String {
    let others: Vec<&str> = TRAIN.params.iter().map(|p| p.name).filter(|p| !BESIDES.contains(p)).collect();
    blake3::hash(fingerprint::section("train", args, &others).as_bytes()).to_hex().to_string()
}

/// Bytes that training takes beside the data: buffers and gradients of a step; parameters, Adam's two moments, the
/// best, a gradient and a checkpoint of all that; weights packed for both directions.
pub fn memory_needed(net: &Net, batch: usize, threads: usize) -> u64 {
    let step = Stepper::bytes(net, net.input, batch, threads).unwrap_or(0);
    step as u64 + weights_need(net)
}

/// The part of that which is of the parameters alone.
fn weights_need(net: &Net) -> u64 {
    // Winograd's weights are four times the network's.
    let copies = 5 + 4 + 8;
    4 * copies * net.parameters() as u64
}

#[cfg(test)]
mod tests;
