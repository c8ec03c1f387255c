//! Why a weights file can't be used.

/// What is wrong with a weights file, and what to do; without the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// It is something else.
    #[error("it is {kind}, not a model that can be run here: {advice}")]
    OtherKind {
        /// What it is.
        kind: String,
        /// What to do.
        advice: &'static str,
    },
    /// Its pickle asks for code.
    #[error(
        "it asks for `{0}`, which is neither a tensor nor a plain container; nothing in it is ever run, so it is refused: \
         take a .safetensors file, or save the state dict alone (torch.save(model.state_dict(), …))"
    )]
    Forbidden(String),
    /// It holds a whole object of a program.
    #[error(
        "it holds a whole object of class `{0}`, which only that program could load; save its state dict alone \
         (torch.save(model.state_dict(), …)), or export it to ONNX"
    )]
    Object(String),
    /// It is not as its format demands.
    #[error("it is damaged: {0}; download it again")]
    Damaged(String),
    /// It stores numbers in a way that isn't read.
    #[error("{0}; save it again with a current PyTorch, as float32 and on little-endian hardware")]
    Unsupported(String),
    /// Its network is none that is known.
    #[error(
        "its network is none that is known ({known}): it holds {count} tensors, the first of them {first}; export it to \
         ONNX with the program that it comes from (torch.onnx.export)"
    )]
    Unknown {
        /// Names of the known ones.
        known: String,
        /// Number of tensors.
        count: usize,
        /// Names and sizes of the first ones.
        first: String,
    },
    /// It holds no dictionary of tensors.
    #[error("it holds no dictionary of tensors: {0}")]
    Empty(&'static str),
    /// Its tensors don't make up the network that their names tell.
    #[error(
        "it looks like {architecture}, but {reason}; export it to ONNX with the program that it comes from"
    )]
    Unfit {
        /// The network.
        architecture: &'static str,
        /// What doesn't fit.
        reason: String,
    },
}

/// Shorthand for [`WeightsError::Damaged`].
pub(super) fn damaged(what: impl Into<String>) -> WeightsError {
    WeightsError::Damaged(what.into())
}

impl WeightsError {
    /// Tells which tensor is damaged.
    pub(super) fn of_tensor(self, name: &str) -> WeightsError {
        match self {
            WeightsError::Damaged(what) => damaged(format!("tensor {name:?}: {what}")),
            other => other,
        }
    }
}
