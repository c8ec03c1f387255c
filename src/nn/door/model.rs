//! What comes in to be told about.

use crate::nn::error::ModelError;
use crate::nn::load::Network;
use crate::nn::passed::Passed;
use crate::nn::rows::Rows;
use std::path::Path;

/// A model that takes pictures, or one that takes rows.
#[derive(Debug)]
pub enum Model {
    /// Pictures.
    Pictures(Box<Network>),
    /// Rows of numbers.
    Rows(Box<Rows>),
}

/// Loads a model that takes no pictures, if it takes rows of numbers; else the error stands.
pub(super) fn rows_instead(
    error: ModelError,
    path: &Path,
    passed: Option<&Passed>,
) -> Result<Model, ModelError> {
    match error {
        ModelError::NotAnImageModel { .. } => {
            Rows::load_passed(path, passed).map(|rows| Model::Rows(Box::new(rows))).map_err(|_| error)
        }
        error => Err(error),
    }
}
