//! What goes to standard output and standard error.

use super::code;
use crate::shown;
use crate::spec::Diagnostic;
use std::io::Write;

/// Writes to standard output; a closed pipe is no error.
pub(super) fn out(text: &str) -> u8 {
    std::io::stdout().write_all(shown::text(text).as_bytes()).ok();
    code::OK
}

/// Writes to standard error.
pub(super) fn err(text: &str) {
    std::io::stderr().write_all(shown::text(text).as_bytes()).ok();
}

/// Warnings of values that are hardly meant, to standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    warnings.iter().for_each(|warning| err(&format!("{}\n\n", warning.render())));
}
