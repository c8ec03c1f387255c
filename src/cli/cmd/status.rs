//! `status`: what the ledger says.

use super::opened::Given;
use super::print::out;
use super::refusal::Refusal;
use super::{code, train};
use crate::error::ItemError;
use crate::job::{Kind, Remembered, Status};
use crate::shown::Show;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Prints counts, failures by kind, tables, and when the last run was.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub(super) fn status(given: &Given, failures: bool) -> Result<u8, Refusal> {
    match given {
        Given::Job(job) => match job.kind() {
            Kind::Items(plan) => {
                let last = Remembered::read(&plan.output).filter(|run| run.job == plan.name);
                items((&plan.name, &plan.output), &job.status()?, last.as_ref(), failures)
            }
            Kind::Training(plan) => Ok(train::status(plan)),
        },
        Given::Output(output) => {
            let (whose, status) = ((output.name(), output.folder()), output.status()?);
            match output.trains()? {
                true => Ok(training(whose, &status, output.remembered())),
                false => items(whose, &status, output.remembered(), failures),
            }
        }
    }
}

/// Of a training job without its pipeline.
fn training((name, output): (&str, &Path), status: &Status, last: Option<&Remembered>) -> u8 {
    let mut text = format!("{name}: {} (training)\n", output.shown());
    for table in &status.tables {
        let folder = if table.folder.is_empty() { "model" } else { &table.folder };
        text.push_str(&format!("  {folder:<8} {} files, {:.1} MB\n", table.parts, megabytes(table.bytes)));
    }
    if let Some(summary) = last.map(|run| &run.summary).filter(|summary| summary.is_object()) {
        text.push_str(&format!("  trained  {} epochs, {} steps\n", summary["epochs"], summary["steps"]));
    }
    text.push_str(&last_run(last));
    out(&text)
}

/// When the last run was, and how it ended.
fn last_run(last: Option<&Remembered>) -> String {
    let Some(run) = last else { return String::new() };
    let host = if run.host.is_empty() { String::new() } else { format!(" on {}", run.host) };
    format!("  last run {} to {}{host}, exit code {}\n", run.started, run.ended, run.exit)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn items(
    (name, output): (&str, &Path),
    status: &Status,
    last: Option<&Remembered>,
    failures: bool,
) -> Result<u8, Refusal> {
    let failed = status.failed.len();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    status.failed.iter().for_each(|(_, error)| *kinds.entry(error.kind.name()).or_insert(0) += 1);
    let output = output.shown();
    let mut text = format!("{name}: {output}\n  done     {}\n  failed   {failed}\n", status.done);
    for (kind, count) in &kinds {
        text.push_str(&format!("    {kind}: {count}\n"));
    }
    if !status.ignored.is_empty() {
        text.push_str(&format!("  ignored  {} failures acknowledged\n", status.ignored.len()));
    }
    if status.vanished > 0 {
        text.push_str(&format!(
            "  missing  {} that the last run did not see (`plan` tells which are gone)\n",
            status.vanished
        ));
    }
    text.push_str(&format!("  outputs  {} files, {:.1} MB\n", status.outputs, megabytes(status.bytes)));
    text.push_str(&format!("  work     {:.1} s\n", status.seconds));
    for table in &status.tables {
        let (folder, parts, bytes) = (&table.folder, table.parts, megabytes(table.bytes));
        text.push_str(&format!("  table    {folder}: {parts} parts, {bytes:.1} MB\n"));
    }
    if status.leftover > 0 {
        text.push_str(&format!(
            "  leftover {} outputs of earlier settings (run --prune removes them)\n",
            status.leftover
        ));
    }
    text.push_str(&last_run(last));
    if failures {
        text.push_str(&listed(&status.failed, ""));
        text.push_str(&listed(&status.ignored, " (acknowledged)"));
    } else if failed > 0 {
        text.push_str("  (--failures lists them; `retry` tries them again, `ignore` acknowledges them)\n");
    }
    out(&text);
    Ok(if failed == 0 { code::OK } else { code::KNOWN_FAILURES })
}

fn listed(failures: &[(PathBuf, ItemError)], remark: &str) -> String {
    failures.iter().map(|(path, error)| format!("{}{remark}\n    {error}\n", path.shown())).collect()
}
