//! `model --export`: a weights file as an ONNX file.

use super::code;
use crate::nn::{Door, ModelBudget, ModelError};
use crate::shown::Show;
use crate::store::{Fault, Guard, Known, Store};
use std::path::Path;

/// Writes the ONNX file at `to`, where nothing may stand, and reads it again. What there is to tell, or the exit code
/// and why not.
pub(super) fn export(model: &Path, to: &Path, budget: &ModelBudget) -> Result<String, (u8, String)> {
    let invalid = |e: ModelError| (code::INVALID, e.to_string());
    let door = Door::usual();
    let bytes = door.exported(model, budget).map_err(invalid)?;
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = to.file_name() else {
        return Err((code::INVALID, format!("{} names no file", to.shown())));
    };
    let store = Store::open(folder, Guard::default(), Fault::default());
    store
        .and_then(|s| s.write_over(Path::new(name), &bytes, Known::default(), false))
        .map_err(|e| (code::STORAGE, e.to_string()))?;
    let (wanted, _) = door.weights(model, budget).map_err(invalid)?;
    let (written, _) = door.weights(to, budget).map_err(invalid)?;
    match wanted == written {
        true => Ok(format!("{} ({} bytes)\n", to.shown(), bytes.len())),
        false => Err((code::STORAGE, format!("{} is not what was written; check the disk", to.shown()))),
    }
}
