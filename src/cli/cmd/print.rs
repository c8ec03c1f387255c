//! What goes to standard output and standard error.

use super::code;
use crate::shown;
use crate::spec::Diagnostic;
use std::io::{ErrorKind, Write};

/// Writes to standard output, and gives the exit code; a closed pipe is no error, a full disk is.
pub(super) fn out(text: &str) -> u8 {
    raw(&shown::text(text))
}

/// The same for what is harmless to a terminal already.
pub(super) fn raw(text: &str) -> u8 {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            err(&format!("error: cannot write to standard output: {error}\n"));
            code::STORAGE
        }
        _ => code::OK,
    }
}

/// Writes to standard error.
pub(super) fn err(text: &str) {
    std::io::stderr().write_all(shown::text(text).as_bytes()).ok();
}

/// Warnings of values that are hardly meant, to standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    warnings.iter().for_each(|warning| err(&format!("{}\n\n", warning.render())));
}
