//! What a training job learns from, found on the disk.

use super::super::language::{BlobKeys, TrainKeys};
use super::super::settings::{Blobs, Data, Mixed, Vectors};
use super::super::sources::{self, Blame};
use crate::corrupt::Recipe;
use crate::memory::mib;
use crate::plan::{absolute, check_output, missing, resolve_files, resolve_input, resolve_limits};
use crate::shown::Show;
use crate::spec::language::{FileKeys, InputKeys};
use crate::spec::{Diagnostic, PipelineSpec, Place};
use crate::store::look;
use std::path::{Path, PathBuf};

pub(super) fn pictures(
    spec: &PipelineSpec,
    keys: &TrainKeys,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) -> Option<Data> {
    let recipe = keys.corrupt.as_ref().map(|steps| Recipe::build(&steps.0)).transpose();
    let recipe = recipe.map_err(|mistakes| errors.extend(mistakes.iter().cloned()));
    let memory = resolve_limits(&spec.limits).memory;
    let mut inputs = Vec::new();
    let one = spec.input.iter().map(|keys| (Some(keys), 1.0));
    let mut missing = false;
    for (keys, weight) in one.chain(spec.mixed.iter().map(|mixed| (mixed.keys.as_ref(), mixed.weight))) {
        match keys.and_then(|keys| resolve_input(keys, (spec.seed, memory), errors)) {
            Some(input) => inputs.push(Mixed { input, weight }),
            None => missing = true,
        }
    }
    let test = (*keys.test).as_ref().map(|path| {
        let path = keys.test.with(path.clone());
        let keys = match &spec.input {
            Some(InputKeys::Files(keys)) => FileKeys { path, ..keys.clone() },
            _ => FileKeys::usual(path),
        };
        resolve_files(&keys, memory, errors)
    });
    let tested = test.as_ref().and_then(Option::as_ref);
    inputs
        .iter()
        .map(|mixed| &mixed.input)
        .chain(tested)
        .for_each(|input| check_output(spec, input, output, errors));
    if missing || inputs.is_empty() {
        return None;
    }
    let test = test.map_or(Some(None), |test| test.map(Some))?;
    let label = (*keys.label).clone();
    let names: Vec<&str> = inputs.iter().flat_map(|m| &m.input.carried).map(|c| c.name.as_str()).collect();
    if let Some(label) = label.as_ref().filter(|label| !names.contains(&label.as_str())) {
        let help = if names.is_empty() {
            "give a .csv or .parquet list as input, with a column beside the paths".to_string()
        } else {
            format!("its columns are {}", names.join(", "))
        };
        errors.push(keys.label.error(format!("the input has no column `{label}`"), Some(help)));
    }
    Some(Data::Pictures { inputs, test, recipe: recipe.ok()?, label })
}

pub(super) fn pairs(spec: &PipelineSpec, output: &Path, errors: &mut Vec<Diagnostic>) -> Option<Data> {
    let (root, place) = existing(spec, errors)?;
    check_output(spec, &sources::folder(&root), output, errors);
    match sources::pairs(&root, resolve_limits(&spec.limits).memory) {
        Ok([pairs, validation, test]) => Some(Data::Pairs { pairs, validation, test, root }),
        Err((what, help)) => {
            errors.push(place.error(format!("{} {what}", root.shown()), Some(help)));
            None
        }
    }
}

pub(super) fn vectors(
    spec: &PipelineSpec,
    keys: &TrainKeys,
    column: &str,
    output: &Path,
    errors: &mut Vec<Diagnostic>,
) -> Option<(usize, Data)> {
    let (path, place) = existing(spec, errors)?;
    let (column, label) = (column.to_string(), (*keys.label).clone());
    let files = match sources::parquet_files(&path) {
        Ok(files) => files,
        Err(nothing) => {
            errors.push(place.error(format!("{} {nothing}", path.shown()), None));
            return None;
        }
    };
    check_output(spec, &sources::folder(&path), output, errors);
    match sources::vectors(&files, &column, label.as_deref()) {
        Ok((wide, rows)) => {
            Some((wide, Data::Vectors { source: Vectors::Parquet { files, column, label, rows } }))
        }
        Err((blame, what)) => {
            let place = match blame {
                Blame::Vectors => keys.vectors.place(),
                Blame::Label => keys.label.place(),
            };
            errors.push(place.error(what, None));
            None
        }
    }
}

/// Refuses vectors that don't fit into memory.
pub(super) fn check_vectors(
    source: &Vectors,
    wide: usize,
    memory: u64,
    (spec, keys): (&PipelineSpec, &TrainKeys),
    errors: &mut Vec<Diagnostic>,
) {
    // As they are read or made, together, and one by one; blobs twice in double precision.
    let (rows, each) = match source {
        Vectors::Parquet { rows, .. } => (*rows, 12),
        Vectors::Blobs(b) => (b.count as u64, 24),
    };
    let needed = rows.saturating_mul(wide as u64 * each);
    if needed > memory {
        let message = format!(
            "{rows} vectors of {wide} numbers take about {} MiB, and {} MiB are left of limits.memory",
            mib(needed),
            mib(memory)
        );
        let place = match (source, &spec.input) {
            (Vectors::Parquet { .. }, Some(InputKeys::Files(files))) => files.path.place(),
            _ => keys.blobs.place(),
        };
        errors.push(place.error(message, Some("raise limits.memory, or give fewer".into())));
    }
}

pub(super) fn blobs(
    spec: &PipelineSpec,
    keys: &TrainKeys,
    of: &BlobKeys,
    errors: &mut Vec<Diagnostic>,
) -> Blobs {
    if spec.has_input {
        let message = "`blobs` stand in place of an `input`";
        errors.push(keys.blobs.error(message, Some("remove one of them".into())));
    }
    let BlobKeys { count, dimensions, centres, deviation, seed } = *of;
    Blobs { count, dimensions, centres, deviation, seed }
}

/// The path of the input, where something is, and its place in the pipeline.
fn existing<'a>(spec: &'a PipelineSpec, errors: &mut Vec<Diagnostic>) -> Option<(PathBuf, &'a Place)> {
    let path = match &spec.input {
        Some(InputKeys::Files(keys)) => &keys.path,
        Some(InputKeys::Synthetic(keys)) => {
            let help = "give files in place of `synth`: add `path: ...`".to_string();
            errors.push(keys.synth.error("`input` needs `path`", Some(help)));
            return None;
        }
        None => {
            if let Some(second) = spec.mixed.get(1) {
                let help = "several inputs are for clean pictures: give one here".to_string();
                errors.push(second.args.own_place().error("this job takes one input", Some(help)));
            }
            // Any other mistake is known.
            return None;
        }
    };
    match look::at(path) {
        Ok(Some(_)) => Some((absolute(path), path.place())),
        Ok(None) => {
            errors.push(missing(path));
            None
        }
        Err(e) => {
            let help = Some("check the mount".to_string());
            errors.push(path.error(format!("cannot look at {}: {e}", path.shown()), help));
            None
        }
    }
}
