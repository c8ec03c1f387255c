//! A model file that passed an inspection.

use super::info::ModelInfo;
use serde::{Deserialize, Serialize};

/// What an inspection of a network on pictures found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) info: ModelInfo,
    /// Which of the graph's outputs is the result.
    pub(super) output: usize,
}

/// What is known of a model that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Passed {
    /// BLAKE3 of the model file alone.
    pub(super) hash: String,
    /// BLAKE3 of the model file followed by its weight files.
    pub(super) all: String,
    /// Names of the weight files, relative to the model's folder.
    pub(super) files: Vec<String>,
    /// Bytes that it took to load.
    pub(super) memory: u64,
    /// Seconds that it took to load.
    pub(super) seconds: f64,
    /// What is known of it, where it was inspected as a network on pictures.
    pub(super) found: Option<Found>,
}

impl Passed {
    /// A file of these hashes and weight files; what it takes is not known yet.
    pub(super) fn new(hash: String, all: String, files: Vec<String>) -> Passed {
        Passed { hash, all, files, memory: 0, seconds: 0.0, found: None }
    }

    /// Whether these are the bytes that passed.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        blake3::hash(bytes).to_hex().as_str() == self.hash
    }
}
