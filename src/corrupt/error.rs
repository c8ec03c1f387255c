//! Why a picture can't be corrupted.

use std::error::Error;

/// Why a corruption can't work on a picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptError {
    /// The picture is too large for it, or would become so.
    #[error("{0}")]
    Size(String),
    /// A codec that it passes the picture through failed.
    #[error("{0}")]
    Codec(#[source] Box<dyn Error + Send + Sync>),
    /// What it draws and what the recipe gave it disagree.
    #[error("a drawn value is missing, by a defect of safelight")]
    Undrawn,
}

impl CorruptError {
    /// A codec's failure.
    pub(super) fn codec(error: impl Into<Box<dyn Error + Send + Sync>>) -> CorruptError {
        CorruptError::Codec(error.into())
    }
}

/// Why a recipe can't be applied to a picture.
#[derive(Debug, thiserror::Error)]
#[error("{corruption}: {source}")]
pub struct RecipeError {
    /// Name of the corruption that failed.
    pub corruption: &'static str,
    /// Why it did.
    pub source: CorruptError,
}
