//! The one door to the inference engine: errors become text, and a panic inside it becomes an error.

use crate::error::panic_text;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use tract_onnx::prelude::TractResult;

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

/// Runs `f`; its error or panic comes back as one line of text.
pub(super) fn guarded<T>(f: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    hush();
    DEPTH.set(DEPTH.get() + 1);
    // What `f` may leave half-changed is dropped by every caller on failure.
    let result = catch_unwind(AssertUnwindSafe(f));
    DEPTH.set(DEPTH.get() - 1);
    match result {
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
