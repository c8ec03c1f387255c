//! What all objects have in common.

use crate::inputs::path_text;
use crate::job::Remembered;
use crate::spec::{Diagnostic, Diagnostics, Severity};
use serde_json::{Map, Value, json};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Version of the keys of all commands.
const SCHEMA: u32 = 1;

/// The object of a command: what it found out, with the exit code, and why it did not do what it was asked.
pub(crate) fn object(command: &str, error: Value, fields: Value, exit: u8) -> Value {
    let mut all = Map::new();
    all.insert("schema".into(), json!(SCHEMA));
    all.insert("command".into(), json!(command));
    all.insert("exit".into(), json!(exit));
    all.insert("error".into(), error);
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    Value::Object(all)
}

/// Why not, with the places of all mistakes of a pipeline.
pub(crate) fn error(message: &str, mistakes: Option<&Diagnostics>) -> Value {
    let (list, count) = match mistakes {
        Some(mistakes) => (mistakes.iter().map(diagnostic).collect(), mistakes.count()),
        None => (Vec::new(), 0),
    };
    json!({"message": message, "mistakes": list, "mistakes_total": count})
}

/// A mistake or a warning.
pub(crate) fn diagnostic(found: &Diagnostic) -> Value {
    let number = |n: usize| (n > 0).then_some(n);
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({"severity": severity, "message": found.message, "file": found.file, "line": number(found.line),
           "column": number(found.column), "help": found.help})
}

/// A path as data: with `\xNN` for what is no UTF-8.
pub(crate) fn path(path: &Path) -> String {
    path_text(path.as_os_str().as_bytes())
}

/// The last run of an output, without those before it.
pub(crate) fn last_run(last: Option<&Remembered>) -> Value {
    let Some(run) = last else { return Value::Null };
    json!({"started": run.started, "ended": run.ended, "seconds": run.seconds, "exit": run.exit,
           "host": run.host, "safelight": run.safelight, "summary": run.summary})
}
