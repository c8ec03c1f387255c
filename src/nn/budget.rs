//! What a model may take.

/// What a model may take. The first two hold while it is loaded for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelBudget {
    /// Bytes, as address space beside the program's own.
    pub memory: u64,
    /// Seconds, by the clock and of processor time.
    pub seconds: u64,
    /// Bytes that the tensors of one run of the network may take, on each worker.
    pub run: u64,
}

impl Default for ModelBudget {
    fn default() -> ModelBudget {
        ModelBudget { memory: 4 << 30, seconds: 60, run: 4 << 30 }
    }
}
