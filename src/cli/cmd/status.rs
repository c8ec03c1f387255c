//! `status`: what the ledger says.

use super::machine::{self, Form};
use super::opened::Given;
use super::print::out;
use super::refusal::Refusal;
use super::{code, train};
use crate::error::ItemError;
use crate::job::{Kind, Remembered, Status, told};
use crate::shown::Show;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Prints counts, failures by kind, tables, and when the last run was.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub(super) fn status(given: &Given, failures: bool, form: Form) -> Result<u8, Refusal> {
    match given {
        Given::Job(job) => match job.kind() {
            Kind::Items(plan) => {
                let last = Remembered::read(&plan.output).filter(|run| run.job == plan.name);
                items((&plan.name, &plan.output), &job.status()?, last.as_ref(), failures, form)
            }
            Kind::Training(plan) => match form {
                Form::Text => train::status(plan),
                Form::Json(command) => {
                    let last = Remembered::read(&plan.output).filter(|run| run.job == plan.name);
                    let point = told::resume(plan)?;
                    let whose = (plan.name.as_str(), plan.output.as_path());
                    Ok(machine::tell(
                        command,
                        told::training_status(whose, &job.status()?, last.as_ref(), point),
                        code::OK,
                    ))
                }
            },
        },
        Given::Output(output) => {
            let (whose, status) = ((output.name(), output.folder()), output.status()?);
            match output.trains()? {
                true => Ok(training(whose, &status, output.remembered(), form)),
                false => items(whose, &status, output.remembered(), failures, form),
            }
        }
    }
}

/// Of a training job without its pipeline.
fn training((name, output): (&str, &Path), status: &Status, last: Option<&Remembered>, form: Form) -> u8 {
    if let Form::Json(command) = form {
        return machine::tell(
            command,
            told::training_status((name, output), status, last, Value::Null),
            code::OK,
        );
    }
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
    form: Form,
) -> Result<u8, Refusal> {
    let failed = status.failed.len();
    let exit = if failed == 0 { code::OK } else { code::KNOWN_FAILURES };
    if let Form::Json(command) = form {
        return Ok(machine::tell(command, told::items((name, output), status, last, failures), exit));
    }
    let output = output.shown();
    let mut text = format!("{name}: {output}\n  done     {}\n  failed   {failed}\n", status.done);
    for (kind, count) in told::kinds(status) {
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
    Ok(exit)
}

fn listed(failures: &[(PathBuf, ItemError)], remark: &str) -> String {
    failures.iter().map(|(path, error)| format!("{}{remark}\n    {error}\n", path.shown())).collect()
}
