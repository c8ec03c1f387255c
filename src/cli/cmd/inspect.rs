//! The hidden command that loads a model for a process that waits: see [`crate::nn::Door`].

use super::model;
use super::print::out;
use crate::cli::args::InspectArgs;
use crate::nn::{Inspection, inspect as answer};

/// Inspects, and writes the answer for the process that asked.
pub(super) fn inspect(args: &InspectArgs) -> u8 {
    let inspection = Inspection { words: args.words.clone(), path: args.model.clone() };
    let (code, text) = answer(&inspection, model::described);
    out(&text);
    code
}
