//! `status --shards`: how the shards of a job stand.

use super::code;
use super::machine::{self, Form};
use super::opened::Given;
use super::print::out;
use super::refusal::Refusal;
use crate::job::{Progress, ShardState, shards_of, told};
use crate::shown::Show;
use std::collections::BTreeMap;
use std::path::Path;

/// Prints how each shard stands.
///
/// # Errors
/// When they can't be looked at.
pub(super) fn shards(given: &Given, form: Form) -> Result<u8, Refusal> {
    let (name, output): (&str, &Path) = match given {
        Given::Job(job) => (job.name(), job.output()),
        Given::Output(output) => (output.name(), output.folder()),
    };
    let overview = shards_of(output)?;
    if let Form::Json(command) = form {
        return Ok(machine::tell(command, told::shards((name, output), overview.as_ref()), code::OK));
    }
    let Some(overview) = overview else {
        return Ok(out(&format!("{name}: {}\n  no shards that are not gathered\n", output.shown())));
    };
    let mut text = format!("{name}: {}, {} shards\n", output.shown(), overview.shards.len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, state, told) in told::each(&overview) {
        *counts.entry(state.name()).or_default() += 1;
        text.push_str(&line(number, state, told));
    }
    let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    text.push_str(&format!("  {}\n", counts.join(", ")));
    Ok(out(&text))
}

fn line(number: usize, state: ShardState, told: Option<&Progress>) -> String {
    let mut line = format!("  {number:>5}  {:<10}", state.name());
    if let Some(told) = told {
        let worked = told.done + told.failed;
        line.push_str(&format!("  {worked} of {} done", told.todo));
        if told.failed > 0 {
            line.push_str(&format!(", {} failed", told.failed));
        }
        line.push_str(&format!(", {:.0} s", told.seconds));
        if state == ShardState::Running && worked > 0 && told.todo > worked {
            let left = told.seconds / worked as f64 * (told.todo - worked) as f64;
            line.push_str(&format!(", about {left:.0} s left"));
        }
        line.push_str(&format!(", {} ({}), {}", told.host, told.pid, told.updated));
        if let Some(exit) = told.exit {
            line.push_str(&format!(", exit code {exit}"));
        }
        if let Some(error) = &told.error {
            line.push_str(&format!("\n         {error}"));
        }
    }
    line.push('\n');
    line
}
