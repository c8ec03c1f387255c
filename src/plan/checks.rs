//! What input, output and steps demand of each other.

use super::input::absolute;
use crate::inputs::{InputPlan, Pages, References, Source};
use crate::pipeline::{Action, ManyStep, PlannedStep, overlaps};
use crate::shown::Show;
use crate::spec::language::InputKeys;
use crate::spec::{Diagnostic, PipelineSpec, Place, Span};
use crate::steps::pages;
use crate::store::names;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is never written into.
fn guarded(input: &InputPlan) -> Vec<PathBuf> {
    match &input.source {
        Source::File { absolute: file, .. } => {
            // Results beside a single original are what people expect of one file; on top of it, never.
            vec![absolute(file)]
        }
        Source::Folder => vec![input.root.clone()],
        Source::Made(_) => Vec::new(),
        Source::List { rows } => {
            let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
            for relative in rows.paths() {
                folders.extend(input.root.join(relative).parent().map(Path::to_path_buf));
            }
            folders.iter().map(|f| absolute(f)).collect()
        }
    }
}

/// The folder of shards' ledgers, absolute; refuses one that reaches input or output.
pub(crate) fn check_state(
    spec: &PipelineSpec,
    input: Option<&InputPlan>,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) -> Option<PathBuf> {
    let given = spec.state.as_ref()?;
    let state = absolute(given);
    let reaches = |folder: &Path| state.starts_with(folder) || folder.starts_with(&state);
    let hit = match input.map(guarded).unwrap_or_default().into_iter().find(|folder| reaches(folder)) {
        Some(folder) => Some(("input", folder)),
        None => reaches(output).then(|| ("output", output.to_path_buf())),
    };
    if let Some((what, folder)) = hit {
        let message = format!("the state {} reaches the {what} {}", state.shown(), folder.shown());
        let help = "choose a folder of its own on a disk of the machine that runs the shard";
        errors.push(given.error(message, Some(help.into())));
    }
    Some(state)
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
    let guarded = guarded(input);
    if let Some(hit) = guarded.iter().find(|g| output.starts_with(g)) {
        let relation = if output == hit { "is" } else { "lies inside" };
        refuse(format!("the output {} {relation} the input {}", output.shown(), hit.shown()));
        return;
    }
    if let Some(list) = &input.list
        && list.starts_with(output)
    {
        refuse(format!("the list {} lies in the output", list.shown()));
    }
    for step in &spec.steps {
        let Some(folder) = step.args.folder() else { continue };
        let written = absolute(&output.join(&*folder));
        if guarded.iter().any(|g| written.starts_with(g) || (g.starts_with(&written) && written != *output)) {
            refuse(format!("the folder {} of `{}` reaches the input", folder.shown(), step.descriptor.name));
        }
    }
}

/// Refuses an output that reaches the folder of the clean pictures.
pub(super) fn check_reference_folder(
    spec: &PipelineSpec,
    span: Span,
    references: &References,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) {
    let Some(folder) = references.folder().map(absolute) else { return };
    let sinks = spec.steps.iter().filter_map(|step| step.args.folder());
    let written = sinks.map(|sink| absolute(&output.join(&*sink)));
    let reaches = |written: PathBuf| overlaps(&written, &folder);
    if output.starts_with(&folder) || written.into_iter().any(reaches) {
        let message = format!("the output reaches the clean pictures in {}", folder.shown());
        let help = "they are never written to: choose another output".to_string();
        errors.push(spec.diagnostic(span, message, Some(help)));
    }
}

/// Reports columns that sinks ask for and that there are not.
pub(super) fn check_used_columns(
    spec: &PipelineSpec,
    input: Option<&InputPlan>,
    chain: &[PlannedStep],
    errors: &mut Vec<Diagnostic>,
) {
    let Some(input) = input.filter(|_| chain.len() == spec.steps.len()) else { return };
    let carried = input.carried.iter().map(|column| column.name.clone());
    let paged = matches!(input.pages, Pages::All).then(|| pages::EachPage.columns()).into_iter().flatten();
    let mut known: Vec<String> = carried.chain(paged.map(|column| column.name)).collect();
    for planned in chain {
        if let Action::Sink(sink) = &planned.action {
            errors.extend(sink.mistakes(&known.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        known.extend(planned.action.columns().into_iter().map(|column| column.name));
    }
}

pub(super) fn check_folders(spec: &PipelineSpec, errors: &mut Vec<Diagnostic>) {
    let mut earlier: Vec<(&str, PathBuf)> = Vec::new();
    for (step, args) in spec.steps.iter().map(|s| (s.descriptor.name, &s.args)) {
        let Some(folder) = args.folder() else { continue };
        // Equal folders of equal steps are told by the parser.
        // Whatever the capitals: some file systems take them for one.
        let small = PathBuf::from(folder.to_string_lossy().to_lowercase());
        let clash = |(name, o): &&(&str, PathBuf)| {
            let other = PathBuf::from(o.to_string_lossy().to_lowercase());
            overlaps(&other, &small) && !(*o == *folder && *name == step)
        };
        if let Some((_, other)) = earlier.iter().find(clash) {
            let message = format!("the folder `{}` overlaps with `{}`", folder.shown(), other.shown());
            let help = "give every sink a folder of its own, none inside another";
            errors.push(folder.error(message, Some(help.into())));
        }
        // What the command `explore` writes to is the step's own.
        let explored = (step != "explore").then_some("explore");
        let reserved = [names::REPORT_FOLDER].into_iter().chain(explored).chain(names::FORMER_MANIFESTS);
        if folder.as_path() == Path::new(".") || reserved.clone().any(|r| small.starts_with(r)) {
            let names: Vec<&str> = reserved.collect();
            let message = "the output folder itself and its own files can't be a sink's folder";
            let help = format!("name a folder such as `images`; taken are {}", names.join(", "));
            errors.push(folder.error(message, Some(help)));
        }
        earlier.push((step, folder.into_value()));
    }
}

pub(super) fn check_columns(
    spec: &PipelineSpec,
    chain: &[PlannedStep],
    places: &[Place],
    errors: &mut Vec<Diagnostic>,
) {
    if chain.len() != spec.steps.len() {
        return;
    }
    let mut names = BTreeSet::new();
    if matches!(&spec.input, Some(InputKeys::Files(keys)) if keys.pages == Pages::All) {
        names.extend(pages::EachPage.columns().into_iter().map(|column| column.name));
    }
    for step in chain {
        if let Action::Sink(sink) = &step.action {
            names.extend(sink.own_columns().iter().map(|name| (*name).to_string()));
        }
    }
    for (planned, at) in chain.iter().zip(places) {
        for column in planned.action.columns() {
            if !names.insert(column.name.clone()) {
                let message = format!("the column `{}` is made twice", column.name);
                let help = "give one of the steps another `column` or a `prefix`, or measure it once";
                errors.push(at.error(message, Some(help.into())));
            }
        }
    }
}

/// Reports steps that compare with a clean picture where none is kept.
pub(super) fn check_references(spec: &PipelineSpec, chain: &[PlannedStep], errors: &mut Vec<Diagnostic>) {
    let mut kept = chain.len() != spec.steps.len();
    for planned in chain {
        let needs = match &planned.action {
            Action::Image(step) => {
                kept |= step.gives_reference();
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
            let message =
                format!("`{}` needs a clean picture to compare with, and none is kept", planned.name);
            let help = "put `reference` before it, which finds one on disk, or `corrupt` or `corrupt_each`"
                .to_string();
            errors.push(spec.diagnostic(planned.span, message, Some(help)));
        }
    }
}
