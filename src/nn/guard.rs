//! The one door to the inference engine: errors become text, and a panic inside it becomes an error.

use crate::error::panic_text;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tract_onnx::prelude::TractResult;

/// Longest error text that is passed on, in characters.
const LONGEST: usize = 400;

/// Runs `f`; its error or panic comes back as one line of text.
pub(super) fn guarded<T>(f: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    // What `f` may leave half-changed is dropped by every caller on failure.
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(shorten(&format!("{error:#}"))),
        Err(payload) => Err(shorten(&format!("internal failure: {}", panic_text(payload.as_ref())))),
    }
}

fn shorten(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= LONGEST {
        return one_line;
    }
    one_line.chars().take(LONGEST).chain("…".chars()).collect()
}
