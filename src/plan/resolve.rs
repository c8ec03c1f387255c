//! From a parsed pipeline to a plan, with every mistake found on the way.

use super::{Limits, MaxFailures, Plan, registered};
use crate::inputs::series::Series;
use crate::inputs::{InputPlan, List, Pages, Source, Wanted, read_list};
use crate::memory;
use crate::nn::ModelBudget;
use crate::pipeline::{Action, Build, Keeps, ManyStep, PlannedStep, fingerprint, overlaps};
use crate::shown::Show;
use crate::spec::images;
use crate::spec::language::SYNTH;
use crate::spec::units::{ByteSize, Failures};
use crate::spec::{self, Args, Diagnostic, Diagnostics, Kind, PipelineSpec, Span};
use crate::steps::pages;
use crate::store::{look, names};
use crate::synth::{Params, SYNTHS};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Resolves a pipeline: finds inputs, loads models, compiles steps. Reads the disk, writes nothing.
///
/// `spec` may be a draft with `mistakes`: what could be read of it is checked all the same.
///
/// # Errors
/// Every mistake, those given and those found, each with its place.
pub fn resolve(spec: &PipelineSpec, mistakes: Diagnostics) -> Result<Plan, Diagnostics> {
    let mut errors = Vec::new();
    let output = absolute(&spec.output);
    let limits = resolve_limits(&spec.limits);
    let input = resolve_input(&spec.input, (&spec.input, "path"), (spec.seed, limits.memory), &mut errors);
    if let Some(input) = input.as_ref().filter(|_| !spec.output.as_os_str().is_empty()) {
        check_output(spec, input, &output, &mut errors);
    }
    let mut build = Build::new(spec.sources().folder(), spec.seed, limits.models);
    let mut chain = Vec::new();
    let mut upstream = Vec::new();
    if input.as_ref().is_some_and(|input| input.strict) {
        // What was made of faulty files before does not hold.
        upstream.push("strict\n".to_owned());
    }
    let pages = input.as_ref().map(|input| input.pages).unwrap_or_default();
    // All pages give other results, also of single pictures: another row, and so on. Between `auto` and `first` only
    // files differ that failed, which are tried again.
    let each_page = (pages == Pages::All).then(|| {
        let product = fingerprint::product(&upstream, pages::NAME);
        upstream.push(pages::NAME.to_string());
        let action = Action::Many(Box::new(pages::EachPage));
        PlannedStep { name: pages::NAME, action, product: Some(product), twin: None, span: Span::FILE }
    });
    let mut ingredients = Vec::new();
    for (index, step) in spec.steps.iter().enumerate() {
        build.begin(index);
        if !step.sound {
            // Its own mistakes are known; a model that is not there is one more.
            for param in step.descriptor.params.iter().filter(|p| matches!(p.kind, Kind::Model)) {
                build.find_model(&step.args, param.name);
            }
            continue;
        }
        let registered = registered().find(|s| s.descriptor.name == step.descriptor.name);
        let Some(built) = registered.and_then(|r| (r.build)(&step.args, &mut build)) else { continue };
        let text = fingerprint::describe(step.descriptor.name, &step.args, &built, build.asked());
        ingredients.extend(built.ingredients.iter().cloned());
        let mut twin = None;
        let product = match built.action {
            Action::Image(_) | Action::Many(_) => {
                let columns = !built.action.columns().is_empty();
                let product = columns.then(|| fingerprint::product(&upstream, &text));
                upstream.push(text);
                product
            }
            Action::Columns(_) => Some(fingerprint::product(&upstream, &text)),
            Action::Sink(ref sink) => match sink.keeps() {
                Keeps::Nothing => None,
                Keeps::Product => Some(fingerprint::product(&upstream, &text)),
                Keeps::Timed { originals } => {
                    let products = [text.clone(), format!("{text}  times=keep\n")];
                    let [now, keep] = products.map(|text| fingerprint::product(&upstream, &text));
                    let (own, other) = if originals { (keep, now) } else { (now, keep) };
                    twin = Some(other);
                    Some(own)
                }
            },
        };
        chain.push(PlannedStep {
            name: step.descriptor.name,
            action: built.action,
            product,
            twin,
            span: step.span,
        });
    }
    let (found, mut notes) = build.finish();
    notes.extend(input.iter().flat_map(|input| input.notes.clone()));
    errors.extend(found);
    check_folders(spec, &mut errors);
    check_columns(spec, &chain, &mut errors);
    check_references(spec, &chain, &mut errors);
    chain.splice(..0, each_page);
    match input {
        Some(input) if errors.is_empty() && mistakes.count() == 0 => {
            let products: BTreeSet<_> = chain.iter().filter_map(|l| l.product).collect();
            let mut texts: Vec<String> = products.iter().map(fingerprint::hex).collect();
            // Failures are tried again by another version.
            texts.push(env!("CARGO_PKG_VERSION").to_string());
            texts.extend((pages == Pages::First).then(|| "first pages".to_string()));
            ingredients.sort();
            ingredients.dedup();
            Ok(Plan {
                sources: spec.sources().clone(),
                name: spec.name.clone(),
                input,
                output,
                chain,
                products_digest: fingerprint::digest(texts.iter().map(String::as_str)),
                products,
                ingredients,
                limits,
                notes,
                warnings: spec.warnings.clone(),
            })
        }
        _ => Err(mistakes.with(errors)),
    }
}

pub(crate) fn resolve_limits(args: &Args) -> Limits {
    let memory = match args.bytes("memory") {
        Some(ByteSize::Exact(bytes)) => bytes,
        _ => memory::automatic(),
    };
    let limit = |name: &str, otherwise: f64| match args.failures(name) {
        Some(Failures::Count(n)) => MaxFailures::Count(usize::try_from(n).unwrap_or(usize::MAX)),
        Some(Failures::Share(share)) => MaxFailures::Share(share),
        None => MaxFailures::Share(otherwise),
    };
    let (max_failures, max_vanished) = (limit("max_failures", 1.0), limit("max_vanished", 0.2));
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.int("threads").and_then(|n| usize::try_from(n).ok()).unwrap_or_else(cores);
    let pixels = args.pixels("pixels").unwrap_or(u64::MAX);
    let models = model_budget(args, memory, threads);
    Limits { memory, pixels, max_failures, max_vanished, threads, models }
}

/// What a model may take; never more than the process.
fn model_budget(args: &Args, memory: u64, threads: usize) -> ModelBudget {
    let usual = ModelBudget::default();
    let load = match (args.bytes("model_memory"), args.bytes("memory")) {
        (Some(ByteSize::Exact(bytes)), _) => bytes.min(memory),
        (_, Some(ByteSize::Exact(_))) => memory,
        _ => usual.memory.min(memory),
    };
    let seconds = args.int("model_seconds").and_then(|s| u64::try_from(s).ok()).unwrap_or(usual.seconds);
    // Each worker may run it at the same time.
    ModelBudget { memory: load, seconds, run: memory / threads.max(1) as u64 }
}

/// The input at a path, which stands at a key of a section, or that is made, as the section `input` (`args`) says;
/// a list may take `memory` bytes.
pub(crate) fn resolve_input(
    args: &Args,
    (section, key): (&Args, &str),
    (seed, memory): (u64, u64),
    errors: &mut Vec<Diagnostic>,
) -> Option<InputPlan> {
    if let Some(name) = section.text(SYNTH) {
        return resolve_made(args, name, seed);
    }
    let path = section.path(key)?;
    let include = globs(args, "include", errors);
    let exclude = globs(args, "exclude", errors);
    let follow_symlinks = args.bool("follow_symlinks").unwrap_or(false);
    let strict = args.bool("strict").unwrap_or(false);
    let hidden = args.bool("hidden").unwrap_or(false);
    let unseen = |e: std::io::Error| {
        section.error(key, format!("cannot look at {}: {e}", path.shown()), Some("check the mount".into()))
    };
    let kind = match look::at(path) {
        Ok(Some(kind)) => kind,
        Ok(None) => {
            errors.push(missing(section, key, path));
            return None;
        }
        Err(e) => {
            errors.push(unseen(e));
            return None;
        }
    };
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut notes = Vec::new();
    let mut list = None;
    let (root, source, carried) = if kind.is_dir() {
        (absolute(path), Source::Folder, Vec::new())
    } else if extension == "csv" || extension == "parquet" {
        let root = absolute(args.path("root").unwrap_or(folder));
        let column = args.text("column").unwrap_or("path");
        match read_list(&Wanted { file: path, column, root: &root, memory, written: false }) {
            Ok(List { rows, columns, left_out }) => {
                list = Some(absolute(path));
                if !left_out.is_empty() {
                    notes.push(format!("columns of the list that are not carried: {}", left_out.join(", ")));
                }
                (root, Source::List { rows }, columns)
            }
            Err(what) => {
                errors.push(section.error(key, format!("{} {what}", path.shown()), None));
                return None;
            }
        }
    } else {
        let relative = PathBuf::from(path.file_name()?);
        (absolute(folder), Source::File { relative, absolute: absolute(path) }, Vec::new())
    };
    let shallow =
        args.texts("include").unwrap_or_default().into_iter().find(|pattern| !pattern.contains('/'));
    let shallow = shallow.map(str::to_string);
    Some(InputPlan {
        root,
        list,
        source,
        include,
        exclude,
        shallow,
        follow_symlinks,
        hidden,
        strict,
        pages: Pages::named(args.text("pages")),
        carried,
        notes,
    })
}

/// The mistake of a path where nothing is.
pub(crate) fn missing(section: &Args, key: &str, path: &Path) -> Diagnostic {
    let (message, help) = spec::missing(path);
    section.error(key, message, Some(help))
}

/// A parameter that could not be read has been reported.
fn resolve_made(args: &Args, name: &str, seed: u64) -> Option<InputPlan> {
    let synth = SYNTHS.iter().find(|synth| synth.name == name).copied()?;
    let params = Params { size: args.int("size")?.try_into().ok()?, marks: args.float("marks")? };
    let count = args.int("count")?.try_into().ok()?;
    Some(InputPlan {
        root: PathBuf::new(),
        list: None,
        source: Source::Made(Series { synth, params, count, seed }),
        include: GlobSet::empty(),
        exclude: GlobSet::empty(),
        shallow: None,
        follow_symlinks: false,
        strict: false,
        hidden: false,
        pages: Pages::default(),
        carried: Vec::new(),
        notes: Vec::new(),
    })
}

fn globs(args: &Args, name: &str, errors: &mut Vec<Diagnostic>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    // Where pictures are made, patterns of files can't be given: those beside them are found by the usual ones.
    let made = name == "include" && args.text(SYNTH).is_some();
    let usual = made.then(|| vec![images::pattern()]);
    for pattern in usual.or_else(|| args.texts(name)).unwrap_or_default() {
        match GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(e) => errors.push(args.error(name, format!("bad pattern: {e}"), None)),
        }
    }
    set.build().unwrap_or_default()
}

/// An absolute path with links resolved as far as it exists.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut plain = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
        // Each link is followed where it stands, so that a later `..` leaves the folder it leads to.
        if let Ok(Some(real)) = look::real(&plain) {
            plain = real;
        }
    }
    plain
}

/// Refuses an output that reaches the input.
pub(crate) fn check_output(
    spec: &PipelineSpec,
    input: &InputPlan,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) {
    let mut refuse = |what: String| {
        let help = "originals are never written to: choose an output outside the input";
        errors.push(spec.diagnostic(spec.output_span, what, Some(help.into())));
    };
    let guarded: Vec<PathBuf> = match &input.source {
        Source::File { absolute: file, .. } => {
            // Results beside a single original are what people expect of one file; on top of it, never.
            vec![absolute(file)]
        }
        Source::Folder => vec![input.root.clone()],
        Source::Made(_) => return,
        Source::List { rows } => {
            let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
            for relative in rows.paths() {
                folders.extend(input.root.join(relative).parent().map(Path::to_path_buf));
            }
            folders.iter().map(|f| absolute(f)).collect()
        }
    };
    if let Some(hit) = guarded.iter().find(|g| output.starts_with(g)) {
        let relation = if output == hit { "is" } else { "lies inside" };
        refuse(format!("the output {} {relation} the input {}", output.shown(), hit.shown()));
        return;
    }
    if let Source::List { .. } = input.source
        && let Some(list) = spec.input.path("path").map(absolute)
        && list.starts_with(output)
    {
        refuse(format!("the list {} lies in the output", list.shown()));
    }
    for step in &spec.steps {
        let Some(folder) = step.args.path("folder") else { continue };
        let written = absolute(&output.join(folder));
        if guarded.iter().any(|g| written.starts_with(g) || (g.starts_with(&written) && written != *output)) {
            refuse(format!("the folder {} of `{}` reaches the input", folder.shown(), step.descriptor.name));
        }
    }
}

fn check_folders(spec: &PipelineSpec, errors: &mut Vec<Diagnostic>) {
    let mut earlier: Vec<(&str, PathBuf)> = Vec::new();
    for (step, args) in spec.steps.iter().map(|s| (s.descriptor.name, &s.args)) {
        let Some(folder) = args.path("folder") else { continue };
        // Equal folders of equal steps are told by the parser.
        // Whatever the capitals: some file systems take them for one.
        let small = PathBuf::from(folder.to_string_lossy().to_lowercase());
        let clash = |(name, o): &&(&str, PathBuf)| {
            let other = PathBuf::from(o.to_string_lossy().to_lowercase());
            overlaps(&other, &small) && !(o == folder && *name == step)
        };
        if let Some((_, other)) = earlier.iter().find(clash) {
            let message = format!("the folder `{}` overlaps with `{}`", folder.shown(), other.shown());
            let help = "give every sink a folder of its own, none inside another";
            errors.push(args.error("folder", message, Some(help.into())));
        }
        let reserved = ["report"].into_iter().chain(names::MANIFESTS);
        if folder == Path::new(".") || reserved.clone().any(|r| small.starts_with(r)) {
            let names: Vec<&str> = reserved.collect();
            let message = "the output folder itself and its own files can't be a sink's folder";
            let help = format!("name a folder such as `images`; taken are {}", names.join(", "));
            errors.push(args.error("folder", message, Some(help)));
        }
        earlier.push((step, folder.to_path_buf()));
    }
}

fn check_columns(spec: &PipelineSpec, chain: &[PlannedStep], errors: &mut Vec<Diagnostic>) {
    if chain.len() != spec.steps.len() {
        return;
    }
    let mut names = BTreeSet::new();
    if spec.input.text("pages") == Some("all") {
        names.extend(pages::EachPage.columns().into_iter().map(|column| column.name));
    }
    for step in chain {
        if let Action::Sink(sink) = &step.action {
            names.extend(sink.own_columns().iter().map(|name| (*name).to_string()));
        }
    }
    for (link, step) in chain.iter().zip(&spec.steps) {
        for column in link.action.columns() {
            if !names.insert(column.name.clone()) {
                let message = format!("the column `{}` is made twice", column.name);
                let help = "give one of the steps another `column` or a `prefix`, or measure it once";
                errors.push(step.args.error("column", message, Some(help.into())));
            }
        }
    }
}

/// Reports steps that compare with a clean picture where none is kept.
fn check_references(spec: &PipelineSpec, chain: &[PlannedStep], errors: &mut Vec<Diagnostic>) {
    let mut kept = chain.len() != spec.steps.len();
    for link in chain {
        let needs = match &link.action {
            Action::Image(step) => {
                kept |= step.keeps_reference();
                false
            }
            Action::Many(step) => {
                kept |= step.keeps_reference();
                false
            }
            Action::Columns(step) => step.needs_reference(),
            Action::Sink(sink) => sink.needs_reference(),
        };
        if needs && !kept {
            let message = format!("`{}` needs a clean picture to compare with, and none is kept", link.name);
            let help = "put `corrupt` or `corrupt_each` before it".to_string();
            errors.push(spec.diagnostic(link.span, message, Some(help)));
        }
    }
}
