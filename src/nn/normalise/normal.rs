//! What of a model was changed that others have to know.

use crate::nn::info::TensorInfo;
use crate::nn::range::Range;
use std::collections::HashSet;

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::nn) struct Normal {
    /// Inputs as the file declares them, weights apart.
    pub(in crate::nn) inputs: Vec<TensorInfo>,
    /// Outputs as the file declares them.
    pub(in crate::nn) outputs: Vec<TensorInfo>,
    /// Names of the planes that follow the picture's in the input: what were inputs of their own.
    pub(in crate::nn) levels: Vec<String>,
    /// The range of the input, where its type tells.
    pub(in crate::nn) in_range: Option<Range>,
    /// The range of the output, where its type tells.
    pub(in crate::nn) out_range: Option<Range>,
    /// Tensors of operators that the file doesn't have.
    pub(in crate::nn) put_in: HashSet<String>,
    /// Remarks for a person.
    pub(in crate::nn) notes: Vec<String>,
}
