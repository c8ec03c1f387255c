//! What is not as it was written.

use super::words::path;
use crate::job::{Problem, Verified, exit};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// With the exit code that tells whether there is something.
pub(crate) fn verified((name, output): (&str, &Path), trains: bool, verified: &Verified) -> (Value, u8) {
    let problem = |(file, problem): &(PathBuf, Problem)| {
        let kind = match problem {
            Problem::Missing => "missing",
            Problem::Changed => "changed",
            Problem::Unseen(_) => "unseen",
        };
        json!({"path": path(file), "problem": kind, "message": problem.to_string()})
    };
    let problems: Vec<Value> = verified.problems.iter().map(problem).collect();
    let exit = if problems.is_empty() { exit::OK } else { exit::FAILURE };
    let kind = if trains { "train" } else { "items" };
    let told = json!({"kind": kind, "job": name, "output": path(output), "files": verified.files,
                      "problems": problems});
    (told, exit)
}
