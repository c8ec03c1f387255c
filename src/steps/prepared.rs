//! The preprocessing of `embed`: the one asked for, or that beside the model.

use crate::nn::{PRESETS, Preprocess, preprocess_beside, read_preprocess};
use crate::pipeline::Build;
use crate::shown::Show;
use crate::spec::suggest::help;
use crate::spec::{Diagnostic, Diagnostics, Given};
use std::path::{Path, PathBuf};

/// The word for none.
const NONE: &str = "none";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// As written.
    pub(super) preprocess: &'a Given<Option<String>>,
    /// The model that it is for.
    pub(super) model: &'a Given<PathBuf>,
    /// Other parameters given that say how pictures are prepared.
    pub(super) others: Vec<&'static str>,
}

/// What is done.
#[derive(Debug)]
pub(super) enum Prepared {
    /// Nothing but what the other parameters say.
    Not,
    /// What a file says.
    As(Preprocess),
    /// A preset, by name; its size is not settled.
    Preset(String),
}

/// What is done to pictures.
///
/// # Errors
/// When it can't be had, or other parameters say the same otherwise.
pub(super) fn prepared(asked: &Asked<'_>, build: &mut Build<'_>) -> Result<Prepared, Diagnostics> {
    let written = match asked.preprocess.as_deref() {
        None => return beside(asked, build),
        Some(NONE) => return Ok(Prepared::Not),
        Some(written) => written,
    };
    let is_preset = PRESETS.contains(&written);
    let others: Vec<&str> =
        asked.others.iter().copied().filter(|name| !(is_preset && *name == "size")).collect();
    if !others.is_empty() {
        let message = format!(
            "`preprocess` says how pictures are prepared, and {} would say it again",
            listed(&others)
        );
        return Err(asked.preprocess.error(message, Some("leave one of them out".into())).into());
    }
    if is_preset {
        return Ok(Prepared::Preset(written.into()));
    }
    let file = find(asked, build, written)?;
    read(&file).map_err(|faults| {
        Diagnostics::new(faults.into_iter().map(|fault| asked.preprocess.error(fault, None)).collect())
    })
}

/// Follows the file beside the model, unless other parameters say the same.
fn beside(asked: &Asked<'_>, build: &mut Build<'_>) -> Result<Prepared, Diagnostics> {
    let model = build.find_model(asked.model)?;
    let file = preprocess_beside(&model).map_err(|e| {
        let message = format!("cannot look for a preprocessor_config.json beside {}: {e}", model.shown());
        asked.model.error(message, None)
    })?;
    let Some(file) = file else { return Ok(Prepared::Not) };
    if !asked.others.is_empty() {
        build.note(format!("{} is not followed, since {} is given", file.shown(), listed(&asked.others)));
        return Ok(Prepared::Not);
    }
    read(&file).map_err(|faults| {
        let instead = || Some("write `preprocess: none` to go without it, or name another".to_string());
        Diagnostics::new(faults.into_iter().map(|fault| asked.model.error(fault, instead())).collect())
    })
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The file that is named.
fn find(asked: &Asked<'_>, build: &Build<'_>, written: &str) -> Result<PathBuf, Diagnostic> {
    match build.find_beside(Path::new(written)) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => {
            let message = format!("no file {written:?} is there, and no preset is called so");
            let words = PRESETS.into_iter().chain([NONE]);
            Err(asked.preprocess.error(message, Some(help(written, words, "presets"))))
        }
        Err(e) => Err(asked.preprocess.error(format!("cannot look at {written:?}: {e}"), None)),
    }
}

fn read(file: &Path) -> Result<Prepared, Vec<String>> {
    let read = read_preprocess(file).map(Prepared::As);
    read.map_err(|faults| faults.iter().map(|fault| format!("{}: {fault}", file.shown())).collect())
}
