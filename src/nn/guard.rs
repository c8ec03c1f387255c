//! The one door to the inference engine: errors become one line, and a panic inside it becomes an error.

use crate::error::panic_text;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use tract_onnx::prelude::TractResult;

/// What the inference engine said when it failed, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

/// Longest error text that is passed on, in characters.
const LONGEST: usize = 400;

thread_local! {
    /// How many guarded calls this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// From now on, panics inside guarded calls print nothing: they come back as errors. Others are told as before.
pub(super) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                usual(info);
            }
        }));
    });
}

/// Runs `f`; its panic comes back as an error, too.
pub(super) fn guarded<T>(f: impl FnOnce() -> TractResult<T>) -> Result<T, EngineError> {
    hush();
    DEPTH.set(DEPTH.get() + 1);
    // What `f` may leave half-changed is dropped by every caller on failure.
    let result = catch_unwind(AssertUnwindSafe(f));
    DEPTH.set(DEPTH.get() - 1);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(EngineError::of(&format!("{error:#}"))),
        Err(payload) => Err(EngineError::of(&format!("internal failure: {}", panic_text(payload.as_ref())))),
    }
}

impl EngineError {
    /// In words of our own.
    pub(super) fn new(text: &str) -> EngineError {
        EngineError::of(text)
    }

    fn of(text: &str) -> EngineError {
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if one_line.chars().count() <= LONGEST {
            return EngineError(one_line);
        }
        EngineError(one_line.chars().take(LONGEST).chain("…".chars()).collect())
    }
}
